package duckdb_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/engine/enginetest"
	"github.com/dq-dev/dq/table"
)

// keyed has two files: i from 0, of which some appear again, and keys with nulls,
// NaN, zeros of both signs and texts of all lengths.
func keyed(t *testing.T, s engine.Session, dir string, rows int, one bool) ([]table.File, string) {
	t.Helper()
	root := t.TempDir()
	var files []table.File
	parts := 2
	if one {
		parts = 1
	}
	for part := range parts {
		staged, _, err := s.Stage(context.Background(), engine.StageRequest{
			SQL: fmt.Sprintf(`SELECT i, CASE WHEN i %% 97 = 0 THEN i + 1 ELSE i END AS k,
				CASE i %% 4 WHEN 0 THEN NULL ELSE repeat('x', CAST(i %% 30 AS INTEGER)) || (i %% 5000) END AS s,
				CASE i %% 900 WHEN 1 THEN 'NaN'::DOUBLE WHEN 2 THEN 0.0::DOUBLE WHEN 3 THEN '-0.0'::DOUBLE ELSE i / 7.0 END AS x
				FROM range(%d, %d) r(i)`, part*rows/2, part*rows/2+rows),
			Schema: enginetest.Schema(t, "i int64, k int64, s string, x double"), Root: root, Dir: fmt.Sprint(dir, part)})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range staged {
			files = append(files, f.File)
		}
	}
	return files, root
}

// TestRepeats: the condition holds for every row of every repeated group, in one
// file, where lines are kept, as in several, where hashes are.
func TestRepeats(t *testing.T) {
	ctx := context.Background()
	eng := open(t)
	for _, one := range []bool{true, false} {
		s := session(t, eng)
		if !one { // the instance of small sessions must have what Repeats needs, too
			var err error
			if s, err = eng.Small(ctx); err != nil {
				t.Fatal(err)
			}
			defer s.Close()
		}
		files, root := keyed(t, s, "r", 20_000, one)
		if _, err := s.Attach(ctx, engine.Input{Name: "t", Root: root, Files: files, Provenance: true}); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			keys  []string
			where string
		}{{[]string{"k"}, "i < 12000 OR i > 19000"}, {[]string{"k"}, "i < 4000"}, {[]string{"k", "i % 2"}, "i < 9000"}, {[]string{"s"}, "s IS NOT NULL AND i < 6000"}, {[]string{"x"}, "i < 7000"}, {[]string{"i"}, "i < 10000"}} {
			condition, ok, err := s.(engine.Repeater).Repeats(ctx, "t", c.keys, c.where)
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				t.Errorf("%v where %q: no condition", c.keys, c.where)
				continue
			}
			where := c.where
			if where == "" {
				where = "true"
			}
			keys := c.keys[0]
			for _, k := range c.keys[1:] {
				keys += ", " + k
			}
			group := func(where string) string {
				return query(t, s, fmt.Sprintf("SELECT count(*), coalesce(CAST(sum(n) AS BIGINT), 0) FROM (SELECT count(*) AS n FROM t WHERE %s GROUP BY %s HAVING count(*) > 1)", where, keys))[0]
			}
			if want, got := group(where), group("("+where+") AND ("+condition+")"); got != want {
				t.Errorf("%v where %q: %s repeated groups and rows, of %s", c.keys, c.where, got, want)
			}
			if all := group(where); all == "0 | 0" && condition != "FALSE" {
				t.Errorf("%v where %q: nothing repeats, but %s", c.keys, c.where, condition)
			}
		}
		if _, ok, err := s.(engine.Repeater).Repeats(ctx, "t", []string{"i % 12000"}, ""); ok || err != nil {
			t.Errorf("a condition for nearly all rows: %v, %v", ok, err)
		}
	}
}

// TestCounts: footers, and the list of files, say what a scan counts.
func TestCounts(t *testing.T) {
	t.Run("listed", func(t *testing.T) { testCounts(t, func(*table.File) {}) })
	t.Run("footers", func(t *testing.T) { testCounts(t, func(f *table.File) { f.Stats = nil }) })
	// A list that is wrong about a file is not believed.
	t.Run("another size", func(t *testing.T) {
		testCounts(t, func(f *table.File) {
			f.Size++
			columns := slices.Clone(f.Stats.Columns)
			for i := range columns {
				wrong := int64(1)
				columns[i].Nulls = &wrong
			}
			f.Stats = &table.Stats{Rows: f.Stats.Rows, Columns: columns}
		})
	})
	t.Run("a column missing", func(t *testing.T) {
		testCounts(t, func(f *table.File) {
			f.Stats = &table.Stats{Rows: f.Stats.Rows + 1, Columns: f.Stats.Columns[1:]}
		})
	})
}

// TestCountsListed: no footer is read when the list of files says all.
func TestCountsListed(t *testing.T) {
	ctx := context.Background()
	s := session(t, open(t))
	files, root := keyed(t, s, "c", 50, true)
	files[0].Stats.Rows = 7
	if _, err := s.Attach(ctx, engine.Input{Name: "t", Root: root, Files: files, Provenance: true}); err != nil {
		t.Fatal(err)
	}
	counts, ok, err := s.(engine.Counter).Counts(ctx, "t")
	if err != nil || !ok || counts[files[0].Path].Rows != 7 {
		t.Fatal(counts, ok, err)
	}
}

func testCounts(t *testing.T, change func(*table.File)) {
	ctx := context.Background()
	s := session(t, open(t))
	files, root := keyed(t, s, "c", 5000, false)
	for i := range files {
		change(&files[i])
	}
	if _, err := s.Attach(ctx, engine.Input{Name: "t", Root: root, Files: files, Provenance: true}); err != nil {
		t.Fatal(err)
	}
	counts, ok, err := s.(engine.Counter).Counts(ctx, "t")
	if err != nil || !ok || len(counts) != len(files) {
		t.Fatal(counts, ok, err)
	}
	for _, f := range files {
		c := counts[f.Path]
		got := fmt.Sprintf("%d | %d | %d | %d", c.Rows, c.Nulls["i"], c.Nulls["k"], c.Nulls["s"])
		if want := query(t, s, "SELECT count(*), count_if(i IS NULL), count_if(k IS NULL), count_if(s IS NULL) FROM t WHERE dq_file = '"+f.Path+"'")[0]; got != want {
			t.Errorf("%s: %s, a scan says %s", f.Path, got, want)
		}
	}
	dir := t.TempDir()
	for name, content := range map[string]string{"a.csv": "x\n1\n2\n", "b.csv": "x\n3\n", "c.csv": "x\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	csv := engine.Input{Name: "csv", Format: engine.CSV, Root: dir, Files: []table.File{{Path: "a.csv"}, {Path: "b.csv"}, {Path: "c.csv"}}, CSV: &engine.CSVOptions{Columns: []string{"x"}, Header: true, Delimiter: ",", Quote: `"`}}
	if _, err := s.Attach(ctx, csv); err != nil {
		t.Fatal(err)
	}
	if counts, ok, err := s.(engine.Counter).Counts(ctx, "csv"); err != nil || !ok || counts["a.csv"].Rows != 2 || counts["b.csv"].Rows != 1 || counts["c.csv"].Rows != 0 {
		t.Errorf("csv: %v, %v, %v", counts, ok, err)
	}
	deleted := files[0]
	deleted.Deleted = &table.DeletionVector{Cardinality: 1, Rows: []int64{3}}
	for name, in := range map[string]engine.Input{
		"deleted": {Root: root, Files: []table.File{deleted}},
		"sql":     {SQL: "SELECT * FROM t"},
	} {
		in.Name = name
		if _, err := s.Attach(ctx, in); err != nil {
			t.Fatal(err)
		}
		if _, ok, err := s.(engine.Counter).Counts(ctx, name); ok || err != nil {
			t.Errorf("%s: %v, %v", name, ok, err)
		}
	}
}
