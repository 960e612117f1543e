package cel

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/table"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// dialect spells names as DuckDB does.
type dialect struct{ engine.Dialect }

func (dialect) Name() string                { return "duckdb" }
func (dialect) Ident(name string) string    { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
func (dialect) Literal(text string) string  { return `'` + strings.ReplaceAll(text, `'`, `''`) + `'` }
func (dialect) Relation(name string) string { return `"` + strings.ReplaceAll(name, `.`, `"."`) + `"` }

func schema(columns ...string) table.Schema {
	var s table.Schema
	for _, column := range columns {
		name, text, _ := strings.Cut(column, ": ")
		t, err := table.ParseType(text)
		if err != nil {
			panic(err)
		}
		s.Fields = append(s.Fields, table.Field{Name: name, Type: t, Nullable: true})
	}
	return s
}

var orders = schema(
	"quantity: int64", "stock: int32", "rate: double", "weight: float", "unit_price: decimal(18,3)", "discount: decimal(5,4)",
	"country: string", "email: string", "cancelled: bool", "ordered_at: timestamp", "seen_at: timestamp_ntz", "due: date",
	"photo: binary", "tags: array<string>", "address: struct<city: string>", "Invoice No: string", "100 %: double", "in: int64",
)

var lets = []Let{
	{"net", "quantity * unit_price"},
	{"revenue", "sum(net)"},
}

func env(t testing.TB) *Env {
	e, err := NewEnv(orders, lets)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// golden runs a file of cases: a source line, then indented lines of what it
// gives; # begins a comment.
func golden(t *testing.T, file string, result func(src string) string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for _, line := range strings.Split(strings.TrimRight(string(data), "\n"), "\n") {
		switch {
		case strings.HasPrefix(line, "  "):
			continue
		case line == "" || strings.HasPrefix(line, "#"):
			out.WriteString(line + "\n")
			continue
		}
		out.WriteString(line + "\n")
		for _, l := range strings.Split(result(strings.ReplaceAll(line, `\n`, "\n")), "\n") {
			out.WriteString("  " + l + "\n")
		}
	}
	if *update {
		if err := os.WriteFile(file, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, want := strings.Split(out.String(), "\n"), strings.Split(string(data), "\n")
	for i := range max(len(got), len(want)) {
		g, w := "", ""
		if i < len(got) {
			g = got[i]
		}
		if i < len(want) {
			w = want[i]
		}
		if g != w {
			t.Fatalf("%s:%d:\n got %s\nwant %s\n(go test -update rewrites it)", file, i+1, g, w)
		}
	}
}

func issues(err error) string {
	var e *Error
	if !errors.As(err, &e) {
		return err.Error()
	}
	var lines []string
	for _, i := range e.Issues {
		lines = append(lines, fmt.Sprintf("%s+%d", i, i.Length))
	}
	return strings.Join(lines, "\n")
}

func TestRowSQL(t *testing.T) {
	e := env(t)
	golden(t, "testdata/row_sql.txt", func(src string) string { return rowSQL(e, dialect{}, src) })
}

func rowSQL(e *Env, d engine.Dialect, src string) string {
	r, err := e.Row(src)
	if err != nil {
		return issues(err)
	}
	sql, err := r.With(Facts{Now: now}).SQL(d)
	if err != nil {
		return err.Error()
	}
	return sql
}

func TestMetricSQL(t *testing.T) {
	e := env(t)
	golden(t, "testdata/metric_sql.txt", func(src string) string { return metricSQL(e, dialect{}, src) })
}

func metricSQL(e *Env, d engine.Dialect, src string) string {
	src, filter, _ := strings.Cut(src, " where ")
	var where *Rule
	if filter != "" {
		var err error
		if where, err = e.Row(filter); err != nil {
			return issues(err)
		}
	}
	r, err := e.Table(src, where)
	if err != nil {
		return issues(err)
	}
	var lines []string
	for _, m := range r.With(Facts{Now: now}).Metrics() {
		sql, err := m.SQL(d, "t")
		if err != nil {
			return err.Error()
		}
		lines = append(lines, fmt.Sprintf("%s (%s): %s", m.Text, m.Type, sql))
	}
	return strings.Join(lines, "\n")
}

func TestRowIssues(t *testing.T) {
	e := env(t)
	golden(t, "testdata/row_issues.txt", func(src string) string {
		if _, err := e.RowOver(src, nil); err != nil {
			return issues(err)
		}
		return "compiles"
	})
}

func TestTableIssues(t *testing.T) {
	e := env(t)
	golden(t, "testdata/table_issues.txt", func(src string) string {
		if _, err := e.Table(src, nil); err != nil {
			return issues(err)
		}
		return "compiles"
	})
}

func TestCanonical(t *testing.T) {
	e := env(t)
	golden(t, "testdata/canonical.txt", func(src string) string {
		r, err := e.Row(src)
		if err != nil {
			return issues(err)
		}
		again, err := e.Row(r.Canonical())
		if err != nil {
			return "does not compile again: " + err.Error()
		}
		if again.Canonical() != r.Canonical() {
			return "changes: " + r.Canonical() + " to " + again.Canonical()
		}
		return r.Canonical()
	})
}

func TestLets(t *testing.T) {
	for _, c := range []struct {
		name string
		lets []Let
		want string
	}{
		{"in any order", []Let{{"a", "b + 1"}, {"b", "quantity * 2"}}, ""},
		{"unknown column", []Let{{"a", "quantity + quantty"}}, "let a: 11: there is no column quantty; did you mean quantity?+7"},
		{"syntax", []Let{{"a", "quantity = 1"}}, "let a: 9: a single = compares nothing; write ==+1"},
		{"type", []Let{{"a", "quantity + country"}}, "let a: 9: int + string does not exist; write the number without quotes, or int(x), or string(x)+1"},
		{"itself", []Let{{"a", "a + 1"}}, "let a: 0: let a uses itself: a+1"},
		{"circle", []Let{{"a", "b + 1"}, {"b", "a + 1"}}, "let a: 0: let a uses itself: b > a+1\nlet b: 0: let b uses itself: a > b+1"},
		{"a column", []Let{{"quantity", "1"}}, "let quantity: 0: quantity is a column already+0"},
		{"twice", []Let{{"a", "1"}, {"a", "2"}}, "let a: 0: there are two lets a+0"},
		{"no name", []Let{{"a b", "1"}}, `let a b: 0: "a b" is no name: letters, digits and _+0`},
		{"row and table", []Let{{"a", "sum(quantity) > quantity"}}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := NewEnv(orders, c.lets)
			got := ""
			if err != nil {
				got = issues(err)
			}
			if got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestBrokenLetLeavesTheRest(t *testing.T) {
	e, err := NewEnv(orders, []Let{{"bad", "quantty"}, {"good", "quantity"}})
	if err == nil {
		t.Fatal("a broken let is no error")
	}
	if _, err := e.Row("good > 1"); err != nil {
		t.Error(err)
	}
	_, err = e.Row("bad > 1")
	if err == nil || issues(err) != "0: let bad does not compile+3" {
		t.Errorf("got %v", err)
	}
}

func TestExpansionIsBounded(t *testing.T) {
	all := []Let{{"x0", "quantity"}}
	for i := 1; i < 25; i++ {
		all = append(all, Let{fmt.Sprintf("x%d", i), fmt.Sprintf("x%d + x%d", i-1, i-1)})
	}
	if _, err := NewEnv(orders, all); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("got %.200v", err)
	}
}

func TestFactsOfRules(t *testing.T) {
	e := env(t)
	where, err := e.Row("exists_in(country, 'ref.countries', 'name')")
	if err != nil {
		t.Fatal(err)
	}
	r, err := e.Table("freshness(ordered_at) < duration('26h') && count(exists_in(quantity, 'q', 'id')) > 0 && revenue > 0", where)
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Columns(); !slices.Equal(got, []string{"country", "ordered_at", "quantity", "unit_price"}) {
		t.Errorf("columns %v", got)
	}
	if got := r.Refs(); !slices.Equal(got, []Ref{{"q", "id", "int"}, {"ref.countries", "name", "string"}}) {
		t.Errorf("refs %v", got)
	}
	if !r.Clock() || where.Clock() {
		t.Error("Clock")
	}
	ref := r.Refs()[0]
	if !ref.Accepts(table.Type{Kind: table.Int16}) || ref.Accepts(table.Type{Kind: table.String}) {
		t.Error("Accepts")
	}
	if _, err := r.SQL(dialect{}); err == nil {
		t.Error("SQL of a table rule is no error")
	}
	clock, err := e.Row("ordered_at < now()")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := clock.SQL(dialect{}); !errors.Is(err, errNoClock) {
		t.Errorf("SQL without a clock: %v", err)
	}
}

// Every function must be compared with an engine: celtest holds the cases.
func TestEveryFunctionIsCompared(t *testing.T) {
	for file, names := range map[string][]string{"celtest/rows.txt": rowFunctions(), "celtest/metrics.txt": aggregateNames()} {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if !strings.Contains(string(data), name+"(") {
				t.Errorf("%s has no case for %s: add a line", file, name)
			}
		}
	}
}

func rowFunctions() []string {
	names := []string{"now", "exists_in"}
	for name, f := range lib().functions {
		if f.style != operator && f.name == name {
			names = append(names, name)
		}
	}
	return names
}

func aggregateNames() []string {
	var names []string
	for name := range lib().aggregates {
		names = append(names, name)
	}
	return names
}
