package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/engine/duckdb"
	"github.com/dq-dev/dq/table"
)

// deltaCase is the case.json of a table that another implementation wrote.
type deltaCase struct {
	Expect   string   `json:"expect"` // ok or error
	Level    string   `json:"level"`  // rows, or snapshot-only when data files are absent
	Rows     *int     `json:"rows"`
	Features []string `json:"features"`
}

// TestTablesOfOthers queries the tables in the folder DQ_DELTA_FIXTURES
// (<source>/<case>/{case.json,table,expected}) with the program: the rows of good
// ones, as JSON and as Parquet, are those that their writers expect, in the same
// types; bad ones give an error that names the table, and a code that is not 0.
func TestTablesOfOthers(t *testing.T) {
	root := os.Getenv("DQ_DELTA_FIXTURES")
	if root == "" {
		t.Skip("DQ_DELTA_FIXTURES is not set")
	}
	files, err := filepath.Glob(filepath.Join(root, "*", "*", "case.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: no cases (%v)", root, err)
	}
	e, err := duckdb.Open(duckdb.Config{TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	for _, file := range files {
		dir := filepath.Dir(file)
		t.Run(filepath.Base(filepath.Dir(dir))+"/"+filepath.Base(dir), func(t *testing.T) {
			var c deltaCase
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(data, &c); err != nil {
				t.Fatal(err)
			}
			c.run(t, e, dir)
		})
	}
}

func (c deltaCase) run(t *testing.T, e engine.Engine, dir string) {
	work := t.TempDir()
	location := filepath.Join(dir, "table")
	query := func(location string, args ...string) (string, int) {
		return dq(t, work, append([]string{"table", "query", location, "SELECT * FROM t"}, args...)...)
	}
	out, code := query(location, "--format", "json", "--output", "rows.json")
	switch {
	case c.Expect != "ok":
		if code != exitRuntime && code != exitUsage || !strings.Contains(out, location) || strings.Contains(out, "dq broke") {
			t.Fatalf("a bad table: exit code %d: %s", code, out)
		}
		return
	case c.Level != "rows" && code == exitRuntime && strings.Contains(out, "no such file"):
		return // the files are not in the collection
	case code != 0:
		t.Fatalf("exit code %d: %s", code, out)
	}
	var rows []map[string]any
	text, err := os.ReadFile(filepath.Join(work, "rows.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &rows); err != nil {
		t.Fatal(err)
	}
	if c.Rows != nil && len(rows) != *c.Rows {
		t.Errorf("%d rows, want %d", len(rows), *c.Rows)
	}
	for _, want := range []string{"latest", "v0", "v1", "v2", "v3"} {
		files, _ := filepath.Glob(filepath.Join(dir, "expected", want, "table_content", "*.parquet"))
		if len(files) == 0 {
			continue
		}
		at := location
		if want != "latest" {
			at += "@" + want[1:]
		}
		if out, code := query(at, "--format", "parquet", "--output", want+".parquet"); code != 0 {
			t.Fatalf("%s: exit code %d: %s", want, code, out)
		}
		if diff := compareFiles(t, e, filepath.Join(work, want+".parquet"), files); diff != "" {
			t.Errorf("%s: %s", want, diff)
		}
	}
	c.changed(t, e, dir, work)
}

// changed compares the change data feed with what its writer expects of it.
func (c deltaCase) changed(t *testing.T, e engine.Engine, dir, work string) {
	feeds, _ := filepath.Glob(filepath.Join(dir, "expected", "cdf_*_*"))
	for _, feed := range feeds {
		files, _ := filepath.Glob(filepath.Join(feed, "table_content", "*.parquet"))
		parts := strings.Split(filepath.Base(feed), "_")
		out, code := dq(t, work, "table", "changes", filepath.Join(dir, "table"), "--from", parts[1], "--to", parts[2], "--format", "parquet", "--output", "feed.parquet")
		if code != 0 {
			t.Fatalf("%s: exit code %d: %s", filepath.Base(feed), code, out)
		}
		// The time of a version without one in its commit is that of the log's file.
		if diff := compareFiles(t, e, filepath.Join(work, "feed.parquet"), files, "_commit_timestamp"); diff != "" {
			t.Errorf("%s: %s", filepath.Base(feed), diff)
		}
	}
}

// compareFiles says how the rows of a Parquet file differ from those expected.
func compareFiles(t *testing.T, e engine.Engine, got string, want []string, but ...string) string {
	ctx := context.Background()
	s, err := e.Session(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	attach := func(name string, files ...string) table.Schema {
		in := engine.Input{Name: name}
		for _, f := range files {
			in.Files = append(in.Files, table.File{Path: f})
		}
		schema, err := s.Attach(ctx, in)
		if err != nil {
			t.Fatal(err)
		}
		return schema
	}
	g, w := attach("got", got), attach("want", want...)
	var columns []string
	for _, f := range w.Fields {
		other, ok := g.Field(f.Name)
		if !ok || !other.Type.Equal(f.Type) {
			return fmt.Sprintf("column %s is %s, want %s", f.Name, other.Type, f.Type)
		}
		if !slices.Contains(but, f.Name) {
			columns = append(columns, e.Dialect().Ident(f.Name))
		}
	}
	if len(g.Fields) != len(w.Fields) {
		return fmt.Sprintf("columns %v, want %v", g.Names(), w.Names())
	}
	list := strings.Join(columns, ", ")
	rows, err := s.Query(ctx, fmt.Sprintf(`SELECT (SELECT count(*) FROM (SELECT %[1]s FROM got EXCEPT ALL SELECT %[1]s FROM want) q),
		(SELECT count(*) FROM (SELECT %[1]s FROM want EXCEPT ALL SELECT %[1]s FROM got) q)`, list))
	if err != nil {
		t.Fatal(err)
	}
	if more, fewer := rows.Values[0][0].(int64), rows.Values[0][1].(int64); more+fewer > 0 {
		return fmt.Sprintf("%d rows too many, %d missing", more, fewer)
	}
	return ""
}
