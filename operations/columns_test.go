package operations_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dq-dev/dq/delta"
	"github.com/dq-dev/dq/operations"
	"github.com/dq-dev/dq/table"
)

// TestByColumns: an update and a merge of files that are written by columns leave
// the rows that writing them as a whole leaves, in fewer new bytes, with the
// statistics that the new values have.
func TestByColumns(t *testing.T) {
	ctx := context.Background()
	made := "SELECT i::BIGINT AS id, md5(i::VARCHAR) AS text, md5((i + 1)::VARCHAR) AS word, (i % 7)::DOUBLE / 2 AS f, {'a': i, 'b': [i % 3, NULL]} AS s, i % 100 AS n, CASE WHEN i % 5 = 0 THEN NULL ELSE i % 3 = 0 END AS flag," +
		" TIMESTAMPTZ '2024-01-01 00:00:00+00' + INTERVAL (i) SECOND AS at FROM range(300000) q(i)"
	for _, mode := range []string{"none", "name", "feed", "id"} {
		props := map[string]string{}
		switch mode {
		case "feed":
			props["delta.enableChangeDataFeed"] = "true"
		case "name", "id":
			props["delta.columnMapping.mode"] = mode
		}
		var got, sizes []string
		for _, from := range []int64{1 << 40, 0} {
			operations.SpliceFrom(t, from)
			tb := open(t)
			plan, err := tb.Session.Bind(ctx, made)
			if err != nil {
				t.Fatal(err)
			}
			schema := plan.Schema
			for i := range schema.Fields {
				schema.Fields[i].Nullable = true
			}
			if _, err := tb.Delta.Create("CREATE TABLE", schema, nil, props).Commit(ctx); err != nil {
				t.Fatal(err)
			}
			must := func(res operations.Result, err error) {
				t.Helper()
				if err != nil {
					t.Fatalf("%s %d: %v", mode, from, err)
				}
				sizes = append(sizes, fmt.Sprint(res.RowsAdded, res.RowsRemoved))
			}
			must(tb.Append(ctx, made, operations.Write{}))
			was := liveFile(t, tb)
			must(tb.Update(ctx, map[string]string{"n": "id + 1000000", "flag": "NULL"}, "id % 1000 = 7"))
			must(tb.Merge(ctx, "SELECT i AS id, CASE WHEN i % 2 = 0 THEN 9.25e0 END AS f, 7 AS n FROM range(0, 300000, 5000) q(i)", operations.Merge{On: []string{"id"}}))
			must(tb.Merge(ctx, "SELECT i AS id, {'b': [1, 2], 'a': -i} AS s FROM range(0, 300000, 70000) q(i)", operations.Merge{On: []string{"id"}, NotMatched: "skip"}))
			// The same again, which changes nothing, and more columns than are worth it.
			must(tb.Merge(ctx, "SELECT i AS id, {'b': [1, 2], 'a': -i} AS s FROM range(0, 300000, 70000) q(i)", operations.Merge{On: []string{"id"}}))
			must(tb.Merge(ctx, "SELECT 3 AS id, 'changed' AS text, 'too' AS word", operations.Merge{On: []string{"id"}}))
			s, err := tb.Delta.Snapshot(ctx, delta.Latest())
			if err != nil {
				t.Fatal(err)
			}
			text := ""
			for f, err := range s.Files(ctx) {
				if err != nil {
					t.Fatal(err)
				}
				if f.Stats.Rows > 100000 {
					text = fmt.Sprint(f.Stats.Rows)
					for _, c := range f.Stats.Columns {
						text += fmt.Sprint(" ", c.Path, value(c.Min), value(c.Max), *c.Nulls)
					}
				}
			}
			sizes = append(sizes, text)
			must(tb.Merge(ctx, "SELECT i AS id, 1 AS n FROM range(0, 310000, 5000) q(i)", operations.Merge{On: []string{"id"}}))
			got = append(got, strings.Join(rows(t, tb), "\n"))
			if after := liveFile(t, tb); from == 0 && filepath.Dir(was.Path) != filepath.Dir(after.Path) {
				t.Errorf("%s: %s became %s", mode, was.Path, after.Path)
			}
			if problems, err := tb.Delta.Fsck(ctx); err != nil || len(problems.Problems) > 0 {
				t.Errorf("%v %v", problems.Problems, err)
			}
			dir, err := tb.Where.Dir()
			if err != nil {
				t.Fatal(err)
			}
			if left, err := filepath.Glob(filepath.Join(dir, "data", "writing-*")); err != nil || len(left) > 0 {
				t.Errorf("%v %v", left, err)
			}
		}
		if got[0] != got[1] {
			a, b := strings.Split(got[0], "\n"), strings.Split(got[1], "\n")
			for i := range min(len(a), len(b)) {
				if a[i] != b[i] {
					t.Fatalf("%s: as a whole %s, by columns %s (of %d and %d rows)", mode, a[i], b[i], len(a), len(b))
				}
			}
			t.Fatalf("%s: %d rows and %d", mode, len(a), len(b))
		}
		if half := len(sizes) / 2; !slices.Equal(sizes[:half], sizes[half:]) {
			t.Errorf("%s: as a whole\n%s\nby columns\n%s", mode, strings.Join(sizes[:half], "\n"), strings.Join(sizes[half:], "\n"))
		}
	}
}

func value(text *string) string {
	if text == nil {
		return "-"
	}
	return *text
}

// liveFile is the largest file of the table.
func liveFile(t *testing.T, tb *operations.Table) (out table.File) {
	t.Helper()
	s, err := tb.Delta.Snapshot(context.Background(), delta.Latest())
	if err != nil {
		t.Fatal(err)
	}
	for f, err := range s.Files(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		if f.Size > out.Size {
			out = f
		}
	}
	return out
}

// TestOtherRowsStay: what rows bring is made of the table's types before it is
// beside those that stay, however near the types are.
func TestOtherRowsStay(t *testing.T) {
	ctx := context.Background()
	big := "SELECT 1::BIGINT AS id, 9007199254740993::BIGINT AS n, 1.23456789012345678901234567890::DECIMAL(38,29) AS d UNION ALL SELECT 2, 5, 5"
	for _, from := range []int64{1 << 40, 0} {
		operations.SpliceFrom(t, from)
		for name, do := range map[string]func(tb *operations.Table) (operations.Result, error){
			"update": func(tb *operations.Table) (operations.Result, error) {
				return tb.Update(ctx, map[string]string{"n": "7e0", "d": "7"}, "id = 2")
			},
			"merge": func(tb *operations.Table) (operations.Result, error) {
				return tb.Merge(ctx, "SELECT 2e0 AS id, 7e0 AS n, 7 AS d", operations.Merge{On: []string{"id"}})
			},
		} {
			tb := open(t)
			if _, err := tb.Append(ctx, big, operations.Write{}); err != nil {
				t.Fatal(err)
			}
			if _, err := do(tb); err != nil {
				t.Fatal(err)
			}
			if got := rows(t, tb); !strings.HasPrefix(got[0], "1 9007199254740993 1.2345678901234567890123456789") || !strings.HasPrefix(got[1], "2 7 7") {
				t.Errorf("%s: %q", name, got)
			}
		}
		tb := open(t)
		if _, err := tb.Append(ctx, big, operations.Write{}); err != nil {
			t.Fatal(err)
		}
		for _, do := range []func() (operations.Result, error){
			func() (operations.Result, error) {
				return tb.Update(ctx, map[string]string{"n": "id + 0.5"}, "id = 2")
			},
			func() (operations.Result, error) {
				return tb.Merge(ctx, "SELECT 2 AS id, 2.5 AS n", operations.Merge{On: []string{"id"}})
			},
		} {
			if _, err := do(); err == nil || !strings.Contains(err.Error(), `column "n": the value 2.5 does not fit int64`) {
				t.Errorf("%v", err)
			}
		}
	}
}
