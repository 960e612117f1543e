package operations_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dq-dev/dq/delta"
	"github.com/dq-dev/dq/operations"
	"github.com/dq-dev/dq/table"
)

func TestAlter(t *testing.T) {
	ctx := context.Background()
	tb := open(t)
	must := func(_ operations.Result, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	fails := func(want string, is error, _ operations.Result, err error) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), want) || !errors.Is(err, is) {
			t.Fatalf("want %q (%v), got %v", want, is, err)
		}
	}
	must(tb.Append(ctx, values("(1, 'a', 10)", "(2, 'b', 20)"), operations.Write{}))

	// Constraints: of the rows that are there, and of those that come.
	res, err := tb.Alter(ctx, operations.Alteration{AddConstraints: map[string]string{"small": "amount < 15"}})
	fails("1 row breaks the constraint small", delta.ErrInvalid, res, err)
	res, err = tb.Alter(ctx, operations.Alteration{AddConstraints: map[string]string{"half": "amount / 2 = 1"}})
	fails("/ is beyond what dq keeps", delta.ErrUnsupported, res, err)
	for _, other := range []string{`part <> '\n'`, "part <> 'it''s'", "part <> 'a' 'b'", "part LIKE part", `part LIKE '\%'`, "part LIKE 'x!%' ESCAPE '!'", "part RLIKE 'a'"} {
		res, err = tb.Alter(ctx, operations.Alteration{AddConstraints: map[string]string{"other": other}})
		fails("is beyond what dq keeps", delta.ErrUnsupported, res, err)
	}
	res, err = tb.Alter(ctx, operations.Alteration{AddConstraints: map[string]string{"like": "part LIKE 'a%'"}})
	fails("1 row breaks the constraint like", delta.ErrInvalid, res, err)
	must(tb.Alter(ctx, operations.Alteration{AddConstraints: map[string]string{"like": "part LIKE '_' OR part NOT LIKE '%z%'"}}))
	must(tb.Alter(ctx, operations.Alteration{DropConstraints: []string{"like"}}))
	must(tb.Alter(ctx, operations.Alteration{AddConstraints: map[string]string{"positive": "amount > 0 AND part IN ('a', 'b')"}}))
	res, err = tb.Append(ctx, values("(3, 'a', -1)"), operations.Write{})
	fails("1 row breaks the constraint positive", delta.ErrInvalid, res, err)
	res, err = tb.Append(ctx, "SELECT 3 AS id, 'a' AS part", operations.Write{}) // null is not true
	fails("constraint positive", delta.ErrInvalid, res, err)
	res, err = tb.Update(ctx, map[string]string{"amount": "-amount"}, "id = 1")
	fails("constraint positive", delta.ErrInvalid, res, err)
	must(tb.Append(ctx, values("(3, 'a', 30)"), operations.Write{}))
	noStrays(t, tb)

	// Names: files keep theirs, readers and writers go by the new ones.
	res, err = tb.Alter(ctx, operations.Alteration{RenameColumns: map[string]string{"id": "key"}})
	fails("delta.columnMapping.mode", delta.ErrInvalid, res, err)
	must(tb.Alter(ctx, operations.Alteration{Set: map[string]string{"delta.columnMapping.mode": "name"}, RenameColumns: map[string]string{"id": "key"}}))
	must(tb.Append(ctx, "SELECT 4 AS key, 'b' AS part, 40 AS amount", operations.Write{}))
	must(tb.Merge(ctx, "SELECT 1 AS key, 'a' AS part, 11 AS amount", operations.Merge{On: []string{"key"}}))
	must(tb.Delete(ctx, "key = 2"))
	must(tb.Optimize(ctx, 0))
	if got, want := rows(t, tb), []string{"1 a 11", "3 a 30", "4 b 40"}; !slices.Equal(got, want) {
		t.Fatalf("%q, want %q", got, want)
	}
	res, err = tb.Alter(ctx, operations.Alteration{Unset: []string{"delta.enableChangeDataFed"}})
	fails("delta.enableChangeDataFed", delta.ErrInvalid, res, err)
	res, err = tb.Alter(ctx, operations.Alteration{DropColumns: []string{"part"}})
	fails("part", delta.ErrInvalid, res, err) // the constraint uses it
	must(tb.Alter(ctx, operations.Alteration{DropConstraints: []string{"positive"}}))
	must(tb.Alter(ctx, operations.Alteration{DropColumns: []string{"part"}}))
	if got, want := rows(t, tb), []string{"1 11", "3 30", "4 40"}; !slices.Equal(got, want) {
		t.Fatalf("%q, want %q", got, want)
	}

	// The change feed, from where it was switched on.
	must(tb.Alter(ctx, operations.Alteration{Set: map[string]string{"delta.enableChangeDataFeed": "true"}}))
	must(tb.Update(ctx, map[string]string{"amount": "amount + 1"}, "key = 3"))
	s, err := tb.Delta.Snapshot(ctx, delta.Latest())
	if err != nil {
		t.Fatal(err)
	}
	if err := tb.Changes(ctx, "feed", s.Version(), s.Version()); err != nil {
		t.Fatal(err)
	}
	answer, err := tb.Session.Query(ctx, "SELECT key, amount, _change_type FROM feed ORDER BY amount")
	if err != nil {
		t.Fatal(err)
	}
	if len(answer.Values) != 2 || answer.Values[0][2] != "update_preimage" || answer.Values[1][2] != "update_postimage" {
		t.Errorf("%v", answer.Values)
	}
}

// TestMappedColumnsCome: new columns of tables with column mapping get an id and a
// physical name before their rows are written, also in structs and in the feed.
func TestMappedColumnsCome(t *testing.T) {
	ctx := context.Background()
	for _, mode := range []string{"name", "id"} {
		t.Run(mode, func(t *testing.T) {
			tb := open(t)
			must := func(_ operations.Result, err error) {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
			}
			props := map[string]string{"delta.columnMapping.mode": mode, "delta.enableChangeDataFeed": "true"}
			if _, err := tb.Delta.Create("CREATE TABLE", schema(), []string{"part"}, props).Commit(ctx); err != nil {
				t.Fatal(err)
			}
			tb.Gate = func(_ context.Context, c operations.Change) error {
				if c.ByFieldID != (mode == "id") {
					t.Errorf("the gate is told to find columns by id: %t", c.ByFieldID)
				}
				return nil
			}
			must(tb.Append(ctx, values("(1, 'a', 10)", "(2, 'b', 20)"), operations.Write{}))
			tb.Gate = nil
			must(tb.Append(ctx, "SELECT 3 AS id, 'a' AS part, {'x': 1, 'y': 'z'} AS pair", operations.Write{MergeSchema: true}))
			must(tb.Merge(ctx, "SELECT 1 AS id, 'a' AS part, 11 AS amount, 'new' AS note", operations.Merge{On: []string{"id"}, MergeSchema: true}))
			if got, want := rows(t, tb), []string{"1 a 11 <nil> new", "2 b 20 <nil> <nil>", "3 a <nil> map[x:1 y:z] <nil>"}; !slices.Equal(got, want) {
				t.Fatalf("%q, want %q", got, want)
			}
			s, err := tb.Delta.Snapshot(ctx, delta.Latest())
			if err != nil {
				t.Fatal(err)
			}
			// id, part, amount, pair, its two members, note: each an id of its own.
			if got := s.Properties()["delta.columnMapping.maxColumnId"]; got != "7" {
				t.Errorf("maxColumnId is %s", got)
			}
			note, _ := s.Schema().Field("note")
			name, _ := note.Meta["delta.columnMapping.physicalName"].(string)
			if note.Meta["delta.columnMapping.id"] != int64(7) || !strings.HasPrefix(name, "col-") {
				t.Errorf("note has %v", note.Meta)
			}
			if err := tb.Changes(ctx, "feed", s.Version(), s.Version()); err != nil {
				t.Fatal(err)
			}
			answer, err := tb.Session.Query(ctx, "SELECT id, note, _change_type FROM feed ORDER BY _change_type DESC")
			if err != nil || fmt.Sprint(answer.Values) != "[[1 <nil> update_preimage] [1 new update_postimage]]" {
				t.Errorf("%v, %v", answer, err)
			}
			// A column that went and comes again is another one.
			must(tb.Alter(ctx, operations.Alteration{DropColumns: []string{"note"}}))
			must(tb.Append(ctx, "SELECT 4 AS id, 'b' AS part, 'again' AS note", operations.Write{MergeSchema: true}))
			if got, want := rows(t, tb), []string{"1 a 11 <nil> <nil>", "2 b 20 <nil> <nil>", "3 a <nil> map[x:1 y:z] <nil>", "4 b <nil> <nil> again"}; !slices.Equal(got, want) {
				t.Errorf("%q, want %q", got, want)
			}
			must(tb.Overwrite(ctx, "SELECT 'a' AS part, 'text' AS amount, true AS flag", operations.Write{OverwriteSchema: true}))
			if got, want := rows(t, tb), []string{"a text true"}; !slices.Equal(got, want) {
				t.Errorf("%q, want %q", got, want)
			}
			noStrays(t, tb)
		})
	}
}

// TestWiden: columns that are widened take larger values, and give the older ones as they
// were, whatever is done with the rows; with rows of wider types only where that is asked for.
func TestWiden(t *testing.T) {
	ctx := context.Background()
	for _, mode := range []string{"none", "name", "id"} {
		t.Run(mode, func(t *testing.T) {
			tb := open(t)
			must := func(_ operations.Result, err error) {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
			}
			props := map[string]string{"delta.columnMapping.mode": mode, "delta.enableChangeDataFeed": "true"}
			if _, err := tb.Delta.Create("CREATE TABLE", schema(), []string{"part"}, props).Commit(ctx); err != nil {
				t.Fatal(err)
			}
			must(tb.Append(ctx, "SELECT 1 AS id, 'a' AS part, 10 AS amount, {'x': 1::SMALLINT} AS s, [DATE '2024-01-02'] AS l UNION ALL SELECT 2, 'b', 20, {'x': 2}, NULL", operations.Write{MergeSchema: true}))
			big := "SELECT 3 AS id, 'a' AS part, 5000000000 AS amount"
			if _, err := tb.Append(ctx, big, operations.Write{MergeSchema: true}); err == nil || !strings.Contains(err.Error(), `column "amount": the value 5000000000 does not fit int32`) {
				t.Fatalf("%v", err)
			}
			long, ntz := table.Type{Kind: table.Int64}, table.Type{Kind: table.TimestampNTZ}
			if _, err := tb.Alter(ctx, operations.Alteration{WidenColumns: map[string]table.Type{"amuont": long}}); !errors.Is(err, delta.ErrInvalid) || !strings.Contains(err.Error(), `no column "amuont"; did you mean`) {
				t.Fatalf("%v", err)
			}
			must(tb.Alter(ctx, operations.Alteration{WidenColumns: map[string]table.Type{"amount": long, "s.x": long, "l.element": ntz}}))
			must(tb.Append(ctx, big, operations.Write{}))
			if _, err := tb.Merge(ctx, "SELECT 5000000001 AS id, 'b' AS part, 1 AS amount", operations.Merge{On: []string{"id"}}); err == nil || !strings.Contains(err.Error(), `the value 5000000001 does not fit int32`) {
				t.Fatalf("%v", err)
			}
			must(tb.Merge(ctx, "SELECT 5000000001 AS id, 'b' AS part, 1 AS amount UNION ALL SELECT 2, 'b', 21", operations.Merge{On: []string{"id"}, MergeSchema: true}))
			must(tb.Append(ctx, "SELECT 4 AS id, 'b' AS part, 1.5 AS amount WHERE false", operations.Write{MergeSchema: true})) // which may be a whim of the source
			must(tb.Update(ctx, map[string]string{"amount": "amount + 1"}, "id = 1"))
			must(tb.OverwriteWhere(ctx, "SELECT 2 AS id, 'b' AS part, 6000000000 AS amount", "id = 2", operations.Write{}))
			must(tb.Optimize(ctx, 0))
			want := []string{"1 a 11 map[x:1] [2024-01-02 00:00:00 +0000 UTC", "2 b 6000000000 <nil> <nil>", "3 a 5000000000 <nil> <nil>", "5000000001 b 1 <nil> <nil>"}
			if got := rows(t, tb); !slices.Equal(got, want) {
				t.Fatalf("%q, want %q", got, want)
			}
			s, err := tb.Delta.Snapshot(ctx, delta.Latest())
			if err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprint(s.Schema()); !strings.Contains(got, "int64") {
				t.Errorf("%s", got)
			}
			if problems, err := tb.Delta.Fsck(ctx); err != nil || len(problems.Problems) > 0 {
				t.Errorf("%v %v", problems.Problems, err)
			}
			noStrays(t, tb)
		})
	}
}

// TestFeedOfMergedSchema: the change data feed has the columns that rows come with.
func TestFeedOfMergedSchema(t *testing.T) {
	ctx := context.Background()
	for name, do := range map[string]func(tb *operations.Table) (operations.Result, error){
		"a part": func(tb *operations.Table) (operations.Result, error) {
			return tb.OverwriteWhere(ctx, "SELECT 1 AS id, 'a' AS part, 5000000000 AS amount, 'new' AS note", "id = 1", operations.Write{MergeSchema: true})
		},
		"partitions": func(tb *operations.Table) (operations.Result, error) {
			return tb.OverwritePartitions(ctx, "SELECT 1 AS id, 'a' AS part, 5000000000 AS amount, 'new' AS note", operations.Write{MergeSchema: true})
		},
	} {
		tb := open(t)
		props := map[string]string{"delta.enableChangeDataFeed": "true", "delta.enableTypeWidening": "true"}
		if _, err := tb.Delta.Create("CREATE TABLE", schema(), []string{"part"}, props).Commit(ctx); err != nil {
			t.Fatal(err)
		}
		if _, err := tb.Append(ctx, values("(1, 'a', 10)", "(2, 'b', 20)"), operations.Write{}); err != nil {
			t.Fatal(err)
		}
		res, err := do(tb)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := tb.Changes(ctx, "feed", *res.Version, *res.Version); err != nil {
			t.Fatal(err)
		}
		answer, err := tb.Session.Query(ctx, "SELECT id, amount, note, _change_type FROM feed ORDER BY amount")
		if err != nil || fmt.Sprint(answer.Values) != "[[1 10 <nil> delete] [1 5000000000 new insert]]" {
			t.Errorf("%s: %v, %v", name, answer, err)
		}
	}
}

// TestCountOfSilentFiles: rows that go are counted where the log does not say how many
// they are.
func TestCountOfSilentFiles(t *testing.T) {
	ctx := context.Background()
	for name, do := range map[string]func(tb *operations.Table) (operations.Result, error){
		"delete": func(tb *operations.Table) (operations.Result, error) { return tb.Delete(ctx, "") },
		"overwrite": func(tb *operations.Table) (operations.Result, error) {
			return tb.Overwrite(ctx, values("(9, 'a', 90)"), operations.Write{})
		},
		"overwrite partitions": func(tb *operations.Table) (operations.Result, error) {
			return tb.OverwritePartitions(ctx, values("(9, 'a', 90)"), operations.Write{})
		},
	} {
		tb := open(t)
		if _, err := tb.Append(ctx, values("(1, 'a', 10)", "(2, 'a', 20)", "(3, 'a', 30)"), operations.Write{PartitionBy: []string{"part"}}); err != nil {
			t.Fatal(err)
		}
		s, err := tb.Delta.Snapshot(ctx, delta.Latest())
		if err != nil {
			t.Fatal(err)
		}
		x := s.Begin("WRITE")
		for f, err := range s.Files(ctx) {
			if err != nil {
				t.Fatal(err)
			}
			x.Remove(f)
			dir, err := tb.Where.Dir()
			if err != nil {
				t.Fatal(err)
			}
			again := f
			again.Path, again.Stats = "theirs.parquet", nil
			if err := os.Link(filepath.Join(dir, f.Path), filepath.Join(dir, again.Path)); err != nil {
				t.Fatal(err)
			}
			x.Add(again)
		}
		if _, err := x.Commit(ctx); err != nil {
			t.Fatal(err)
		}
		if res, err := do(tb); err != nil || res.RowsRemoved != 3 {
			t.Errorf("%s: %d rows went (%v), want 3", name, res.RowsRemoved, err)
		}
	}
}
