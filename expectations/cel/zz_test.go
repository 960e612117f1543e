package cel

import (
	"fmt"
	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/table"
	"strings"
	"testing"
)

type dd struct{ engine.Dialect }

func (dd) Name() string             { return "duckdb" }
func (dd) Ident(n string) string    { return `"` + strings.ReplaceAll(n, `"`, `""`) + `"` }
func (dd) Literal(n string) string  { return `'` + strings.ReplaceAll(n, `'`, `''`) + `'` }
func (dd) Relation(n string) string { return `"` + strings.ReplaceAll(n, `.`, `"."`) + `"` }
func sch(s ...string) table.Schema {
	var o table.Schema
	for _, x := range s {
		n, t, _ := strings.Cut(x, " ")
		ty, err := table.ParseType(t)
		if err != nil {
			panic(err)
		}
		o.Fields = append(o.Fields, table.Field{Name: n, Type: ty, Nullable: true})
	}
	return o
}
func TestZ(t *testing.T) {
	e, err := NewEnv(sch("i int64", "j int32", "x double", "y double", "f float", "d decimal(18,3)", "e decimal(10,2)", "s string", "u string", "b bool", "ts timestamp", "tn timestamp_ntz", "dt date", "tags array<string>", "st struct<a: int64>"), []Let{{"net", "i * d"}, {"tot", "sum(net)"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, src := range []string{"i + j > 3", "x < y", "x >= 0.5", "x == y", "net >= 0 || b", "d * 1.1 > e", "d in [1, 2.5]", "s in ['a','b'] || s.startsWith('x')", "(b ? s : u) == 'x'", "(b ? d : e) == i", "(b ? i : 2.5) > 1", "div(d, e, 2) > 1", "s == null || size(s) > 3", "row.s.matches('^a+$')", "ts - tn > duration('1h')", "ts + duration('1h') < timestamp('2024-01-01T00:00:00Z')", "exists_in(i, 'silver.c', 'id')", "st != null && size(tags) > 1", "date(ts) == dt && ts.getMonth() == 3", "int(s) > 3 && double(s) < 2.5", "i % j == 0", "abs(i) > 2 && math.round(x) == 3.0", "string(d) == '1.000'",
		"x = 3", "sx > 3", "i + s", "d * x > 1", "mean(x) > 1", "s > 3", "i", "lenght(s) > 3", "a AND b", "s.matches('(?<a>x)')", "s in ['a', 3]", "s == NULL", "net + s == 1", "i > null", "null == null", "5 in []", "i in [1,null]", "d / 2 > 1", "b && i", "(b ? i : s) == 1", "s.size() > 1u", "tags[0] == 'a'", "st.a == 1", "has(st.a)"} {
		r, err := e.Row(src)
		if err != nil {
			fmt.Println("--", src, "\n     !!", strings.ReplaceAll(err.Error(), "\n", "\n     !! "))
			continue
		}
		q, err := r.SQL(dd{})
		fmt.Println("--", src, "\n     ", r.Canonical(), "\n     ", q, err, r.Columns(), r.Refs())
	}
	w, _ := e.Row("s != 'XX'")
	for _, src := range []string{"rows() >= 0.8 * previous(rows())", "tot > 0 && mean(d) < 5", "quantile(d,0.99) < 5000 && median(i) > 1", "freshness(ts) < duration('26h')", "mean(history(rows(), 7)) > 5", "duplicates(s, u) == 0 && distinct(s) > 2 && mode(i) == 3", "stddev(x) < 1 && nans(x) == 0", "max(x) == null", "share(s == null) < 0.05", "s == 'a'", "sum(s) > 3", "previous(3) > 3", "count(i) > 3", "quantile(x, 2) > 3", "mean(mean(x)) > 3", "sum(i) / rows() > 3", "mean(x)"} {
		r, err := e.Table(src, w)
		if err != nil {
			fmt.Println("--", src, "\n     !!", strings.ReplaceAll(err.Error(), "\n", "\n     !! "))
			continue
		}
		fmt.Println("--", src, "\n     ", r.Canonical())
		for _, m := range r.Metrics() {
			q, err := m.SQL(dd{}, "t")
			fmt.Println("       ", m.Text, m.Type, m.Past, m.List, "\n          ", q, err)
		}
		fmt.Println("   =>", r.EvalTable([]map[string]any{{"i": int64(3), "d": "1.5", "s": "a"}, {"i": int64(5), "d": 2, "s": nil}}, Facts{}))
	}
}
