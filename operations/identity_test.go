package operations_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/dq-dev/dq/delta"
	"github.com/dq-dev/dq/operations"
)

// identity is an identity column in the log; mark may be nil.
func identity(start, step int64, mark any, explicit bool) map[string]any {
	c := column("key", "long")
	meta := map[string]any{"delta.identity.start": start, "delta.identity.step": step, "delta.identity.allowExplicitInsert": explicit}
	if mark != nil {
		meta["delta.identity.highWaterMark"] = mark
	}
	c["metadata"] = meta
	return c
}

// identityMark is the last value that the table says it gave out.
func identityMark(t *testing.T, tb *operations.Table) any {
	t.Helper()
	s, err := tb.Delta.Snapshot(context.Background(), delta.Latest())
	if err != nil {
		t.Fatal(err)
	}
	f, _ := s.Schema().Field("key")
	return f.Meta["delta.identity.highWaterMark"]
}

// TestIdentity: the table gives out each value once, whatever brings rows, and says
// so in the commit that brings them.
func TestIdentity(t *testing.T) {
	ctx := context.Background()
	for _, mode := range []string{"", "delta.enableDeletionVectors", "delta.enableChangeDataFeed", "delta.enableRowTracking"} {
		props := map[string]string{mode: "true"}
		if mode == "delta.enableRowTracking" {
			props["delta.rowTracking.materializedRowIdColumnName"], props["delta.rowTracking.materializedRowCommitVersionColumnName"] = "_row_id", "_row_version"
		}
		tb := open(t)
		foreignTable(t, tb, props, nil, identity(10, -3, nil, false), column("id", "long"), column("part", "string"))
		state := func(mark int64, want ...string) {
			t.Helper()
			if got := rows(t, tb); !slices.Equal(got, want) {
				t.Errorf("%s: rows\n%s\nwant\n%s", mode, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			if got := identityMark(t, tb); got != mark {
				t.Errorf("%s: the mark is %v, not %d", mode, got, mark)
			}
		}
		must := func(_ operations.Result, err error) {
			t.Helper()
			if err != nil {
				t.Fatalf("%s: %v", mode, err)
			}
		}
		must(tb.Append(ctx, "SELECT 1 AS id, 'a' AS part", operations.Write{}))
		must(tb.Append(ctx, "SELECT 2 AS id, 'b' AS part", operations.Write{}))
		state(7, "10 1 a", "7 2 b")
		must(tb.Merge(ctx, "SELECT * FROM (VALUES (1, 'A'), (3, 'c')) v(id, part)", operations.Merge{On: []string{"id"}}))
		state(4, "10 1 A", "4 3 c", "7 2 b")
		must(tb.Merge(ctx, "SELECT 10 AS key, 'AA' AS part UNION ALL SELECT 99, 'x'", operations.Merge{On: []string{"key"}, NotMatched: "skip"}))
		must(tb.Update(ctx, map[string]string{"part": "'B'"}, "key = 7"))
		must(tb.Delete(ctx, "key = 4"))
		must(tb.Optimize(ctx, 0))
		state(4, "10 1 AA", "7 2 B")
		// No value comes again, though none is left.
		must(tb.OverwriteWhere(ctx, "SELECT 4 AS id, 'd' AS part", "id = 4", operations.Write{}))
		must(tb.Overwrite(ctx, "SELECT 5 AS id, 'e' AS part", operations.Write{}))
		state(-2, "-2 5 e")
		must(tb.Append(ctx, "SELECT 6 AS id, 'f' AS part, true AS new", operations.Write{MergeSchema: true}))
		state(-5, "-2 5 e <nil>", "-5 6 f true")
		noStrays(t, tb)

		for what, do := range map[string]func() (operations.Result, error){
			"GENERATED ALWAYS AS IDENTITY": func() (operations.Result, error) {
				return tb.Append(ctx, "SELECT 7 AS id, 1 AS KEY", operations.Write{})
			},
			"--not-matched skip": func() (operations.Result, error) {
				return tb.Merge(ctx, "SELECT 7 AS id, 1 AS key", operations.Merge{On: []string{"key"}})
			},
			"key is an identity column": func() (operations.Result, error) {
				return tb.Merge(ctx, "SELECT 7 AS id, 1 AS key", operations.Merge{On: []string{"id"}, NotMatched: "skip"})
			},
			"key is an identity column, whose": func() (operations.Result, error) {
				return tb.Update(ctx, map[string]string{"key": "1"}, "")
			},
		} {
			if _, err := do(); !errors.Is(err, delta.ErrInvalid) || !strings.Contains(err.Error(), what) {
				t.Errorf("%v, want %s", err, what)
			}
		}
		state(-5, "-2 5 e <nil>", "-5 6 f true")
		if mode != "delta.enableChangeDataFeed" {
			continue
		}
		// The feed tells of the values that the table has.
		if err := tb.Changes(ctx, "feed", 1, 3); err != nil {
			t.Fatal(err)
		}
		told, err := tb.Session.Query(ctx, "SELECT key FROM feed WHERE _change_type = 'insert' ORDER BY id")
		if err != nil || !slices.Equal(slices.Concat(told.Values...), []any{int64(10), int64(7), int64(4)}) {
			t.Errorf("the feed has %v: %v", told, err)
		}
	}

	// Rows may bring values where the table says so, and the mark does not follow.
	tb := open(t)
	foreignTable(t, tb, nil, nil, identity(1, 1, int64(5), true), column("id", "long"))
	for _, sql := range []string{"SELECT 1 AS id, 100 AS key", "SELECT 2 AS id"} {
		if _, err := tb.Append(ctx, sql, operations.Write{}); err != nil {
			t.Fatal(err)
		}
	}
	if got := rows(t, tb); !slices.Equal(got, []string{"100 1", "6 2"}) || identityMark(t, tb) != int64(6) {
		t.Errorf("%v, mark %v", got, identityMark(t, tb))
	}

	// The last values that there are, and none beyond them.
	tb = open(t)
	foreignTable(t, tb, nil, nil, identity(1, 1, int64(9223372036854775805), false), column("id", "long"))
	if _, err := tb.Append(ctx, "SELECT 1 AS id UNION ALL SELECT 2", operations.Write{}); err != nil {
		t.Fatal(err)
	}
	if _, err := tb.Append(ctx, "SELECT 3 AS id", operations.Write{}); err == nil || !strings.Contains(err.Error(), `column "key": the value 9223372036854775808 does not fit`) {
		t.Errorf("beyond the last: %v", err)
	}
	if got := identityMark(t, tb); got != int64(9223372036854775807) || len(rows(t, tb)) != 2 {
		t.Errorf("mark %v", got)
	}
	for _, c := range []map[string]any{identity(1, 0, nil, false), identity(1, 1, "many", false)} {
		tb = open(t)
		foreignTable(t, tb, nil, nil, c, column("id", "long"))
		if _, err := tb.Append(ctx, "SELECT 1 AS id", operations.Write{}); !errors.Is(err, delta.ErrCorrupt) || !strings.Contains(err.Error(), "identity column key") {
			t.Errorf("%v", err)
		}
	}
}

// TestIdentityConflicts: of writers at one time, whoever comes second gives out the
// values after those of the first.
func TestIdentityConflicts(t *testing.T) {
	ctx := context.Background()
	tb := open(t)
	foreignTable(t, tb, nil, nil, identity(1, 1, nil, false), column("id", "long"))
	if _, err := tb.Append(ctx, "SELECT 1 AS id", operations.Write{}); err != nil {
		t.Fatal(err)
	}
	asked := 0
	tb.Gate = func(context.Context, operations.Change) error {
		if asked++; asked == 1 {
			dir, err := tb.Where.Dir()
			if err != nil {
				t.Fatal(err)
			}
			other := openAt(t, dir, func(string) string { return "" })
			if _, err := other.Append(ctx, "SELECT 2 AS id UNION ALL SELECT 3", operations.Write{}); err != nil {
				t.Error(err)
			}
		}
		return nil
	}
	if _, err := tb.Append(ctx, "SELECT 4 AS id", operations.Write{}); err != nil {
		t.Fatal(err)
	}
	got := rows(t, tb)
	if asked != 2 || identityMark(t, tb) != int64(4) || !slices.Contains(got, "1 1") || !slices.Contains(got, "4 4") || len(got) != 4 {
		t.Errorf("asked %d times, mark %v: %v", asked, identityMark(t, tb), got)
	}
	noStrays(t, tb)
}
