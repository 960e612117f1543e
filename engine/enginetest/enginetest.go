// Package enginetest holds the cases that every engine must pass.
//
//	func TestConformance(t *testing.T) {
//		enginetest.Run(t, func(t *testing.T) engine.Engine {
//			e, err := duckdb.Open(duckdb.Config{Threads: 2, TempDir: t.TempDir()})
//			if err != nil {
//				t.Fatal(err)
//			}
//			return e
//		})
//	}
//
// The SQL in the cases is what engines have in common. Values are compared as
// text (see [Text]); rows in the order of the SELECT.
package enginetest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/table"
)

// Run runs all cases, each with an engine of its own that it closes.
func Run(t *testing.T, open func(t *testing.T) engine.Engine) {
	for _, group := range []struct {
		name  string
		cases func(*testing.T, func(*testing.T) *fixture)
	}{
		{"query", queryCases},
		{"names", nameCases},
		{"bind", bindCases},
		{"bind refuses", refusalCases},
		{"text", textCases},
		{"infer", inferCases},
		{"stage", stageCases},
		{"casts", castCases},
		{"parquet", parquetCases},
		{"partitions", partitionCases},
		{"cancel", cancelCases},
	} {
		t.Run(group.name, func(t *testing.T) {
			group.cases(t, func(t *testing.T) *fixture { return newFixture(t, open(t)) })
		})
	}
}

// fixture is a session that fails the test for an error that is not expected.
type fixture struct {
	t   *testing.T
	eng engine.Engine
	s   engine.Session
	dir string
}

func newFixture(t *testing.T, e engine.Engine) *fixture {
	t.Helper()
	s, err := e.Session(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("closing the session: %v", err)
		}
		if err := e.Close(); err != nil {
			t.Errorf("closing the engine: %v", err)
		}
	})
	return &fixture{t: t, eng: e, s: s, dir: t.TempDir()}
}

// attach attaches and returns the schema as text.
func (f *fixture) attach(in engine.Input) string {
	f.t.Helper()
	schema, err := f.s.Attach(context.Background(), in)
	if err != nil {
		f.t.Fatalf("attach %s: %v", in.Name, err)
	}
	return Columns(schema)
}

// define attaches a SELECT.
func (f *fixture) define(name, sql string) {
	f.t.Helper()
	f.attach(engine.Input{Name: name, SQL: sql})
}

// rows runs a SELECT and returns its rows as lines.
func (f *fixture) rows(sql string) []string {
	f.t.Helper()
	r, err := f.s.Query(context.Background(), sql)
	if err != nil {
		f.t.Fatalf("%s: %v", sql, err)
	}
	return Lines(r)
}

// expect compares the rows of a SELECT with lines.
func (f *fixture) expect(sql string, want ...string) {
	f.t.Helper()
	if got := f.rows(sql); !slices.Equal(got, want) {
		f.t.Errorf("%s\n got %q\nwant %q", sql, got, want)
	}
}

// write makes a file and returns its name.
func (f *fixture) write(name, content string) string {
	f.t.Helper()
	path := filepath.Join(f.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		f.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
		f.t.Fatal(err)
	}
	return name
}

// stage stages below the fixture's folder.
func (f *fixture) stage(req engine.StageRequest) []engine.Staged {
	f.t.Helper()
	req.Root = f.dir
	staged, returned, err := f.s.Stage(context.Background(), req)
	if err != nil {
		f.t.Fatalf("stage %s: %v", req.SQL, err)
	}
	held := int64(0)
	for _, st := range staged {
		info, err := os.Stat(filepath.Join(f.dir, filepath.FromSlash(st.File.Path)))
		switch {
		case err != nil:
			f.t.Errorf("staged file: %v", err)
		case info.Size() != st.File.Size:
			f.t.Errorf("%s has %d bytes, not %d", st.File.Path, info.Size(), st.File.Size)
		case !strings.HasPrefix(st.File.Path, req.Dir+"/"):
			f.t.Errorf("%s does not lie in %s", st.File.Path, req.Dir)
		}
		rows, _ := st.File.LiveRows()
		held += rows
	}
	if held != returned {
		f.t.Errorf("stage %s: %d rows returned, but the files hold %d", req.SQL, returned, held)
	}
	return staged
}

// files are those of staged with that verdict.
func files(staged []engine.Staged, kept bool) []table.File {
	var out []table.File
	for _, st := range staged {
		if st.Kept == kept {
			out = append(out, st.File)
		}
	}
	return out
}

// Schema reads columns as the cases write them: "id int64 not null, name string".
func Schema(t testing.TB, text string) table.Schema {
	t.Helper()
	var s table.Schema
	for _, column := range splitTop(text) {
		column = strings.TrimSpace(column)
		rest, required := strings.CutSuffix(column, " not null")
		name, typ, _ := strings.Cut(rest, " ")
		parsed, err := table.ParseType(typ)
		if err != nil {
			t.Fatal(err)
		}
		s.Fields = append(s.Fields, table.Field{Name: name, Type: parsed, Nullable: !required})
	}
	return s
}

// splitTop splits at commas that are in no brackets.
func splitTop(text string) []string {
	var parts []string
	depth, start := 0, 0
	for i, c := range text {
		switch c {
		case '(', '<':
			depth++
		case ')', '>':
			depth--
		case ',':
			if depth == 0 {
				parts = append(parts, text[start:i])
				start = i + 1
			}
		}
	}
	return append(parts, text[start:])
}

// Columns writes a schema as the cases do, without nullability.
func Columns(s table.Schema) string {
	parts := make([]string, len(s.Fields))
	for i, f := range s.Fields {
		parts[i] = f.Name + " " + f.Type.String()
	}
	return strings.Join(parts, ", ")
}

// Lines writes each row as its values, joined by " | ".
func Lines(r *engine.Rows) []string {
	lines := make([]string, len(r.Values))
	for i, row := range r.Values {
		parts := make([]string, len(row))
		for j, v := range row {
			parts[j] = Text(v)
		}
		lines[i] = strings.Join(parts, " | ")
	}
	return lines
}

// Text writes one value of [engine.Rows]: null, true, 1, 1.5 (a float), 'text',
// 1.50 (a decimal), times in RFC 3339, [a, b], {k: v} sorted by key. A value of
// another Go type, which an engine may not return, shows its type.
func Text(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool, int64:
		return fmt.Sprint(v)
	case float64:
		return fmt.Sprintf("%gf", v)
	case string:
		return "'" + v + "'"
	case engine.Decimal:
		return string(v) + "d"
	case []byte:
		return fmt.Sprintf("x%X", v)
	case time.Time:
		if v.Location() != time.UTC {
			return "not UTC: " + v.String()
		}
		return v.Format("2006-01-02T15:04:05.999999Z07:00")
	case []any:
		parts := make([]string, len(v))
		for i := range v {
			parts[i] = Text(v[i])
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case map[string]any:
		parts := make([]string, 0, len(v))
		for k := range v {
			parts = append(parts, k+": "+Text(v[k]))
		}
		slices.Sort(parts)
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return fmt.Sprintf("%T: %v", v, v)
}
