package cel

import (
	"fmt"
	"math"
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/dq-dev/dq/engine"
)

// Other tables, whose names and columns are constants: rows_of('t') is the number
// of their rows, sum_of('t', 'c') the sum of a column of numbers as a double, without
// NaN and infinities and null over none, and missing(x, 't', 'c') the number of
// different values of a column that no row has as x. Nulls are no values.
var otherAggregates = []aggregate{
	{name: "rows_of", min: 1, max: 1, other: 1,
		types: func(args []*expr) (result, *wrong) { return intResult, nil },
		eval: func(m *metric, _ [][]ref.Val) ref.Val {
			return types.Int(len(m.column()))
		},
		duckdb: rowsOfSQL, spark: rowsOfSQL},
	{name: "sum_of", min: 2, max: 2, other: 1,
		types: func(args []*expr) (result, *wrong) { return doubleResult, nil },
		eval: func(m *metric, _ [][]ref.Val) ref.Val {
			sum, any := 0.0, false
			for _, v := range m.column() {
				x, ok := v.(float64)
				switch v := v.(type) {
				case int64:
					x, ok = float64(v), true
				case engine.Decimal:
					d, err := parseDecimal(string(v))
					x, ok = d.float(), err == nil
				}
				if ok && !math.IsNaN(x) && !math.IsInf(x, 0) {
					sum, any = sum+x, true
				}
			}
			if !any {
				return types.NullValue
			}
			return types.Double(sum)
		},
		duckdb: sumOfSQL, spark: sumOfSQL},
	{name: "missing", min: 3, max: 3, other: 2,
		types: func(args []*expr) (result, *wrong) {
			_, w := countable("missing")(args[:1])
			return intResult, w
		},
		eval: func(m *metric, rows [][]ref.Val) ref.Val {
			here, found := map[string]bool{}, map[string]bool{}
			for _, r := range rows {
				here[nativeKey(native(r[0]))] = true
			}
			for _, v := range m.column() {
				if k := nativeKey(v); v != nil && !here[k] {
					found[k] = true
				}
			}
			return types.Int(len(found))
		},
		duckdb: missingSQL, spark: missingSQL},
}

// nativeKey is a value, as in engine.Rows, as a text that is the same for values that
// are equal.
func nativeKey(v any) string {
	switch x := v.(type) {
	case float64:
		if x == 0 { // of -0.0 too
			return "0"
		}
	case engine.Decimal:
		if d, err := parseDecimal(string(x)); err == nil && d.scale > 0 {
			return strings.TrimSuffix(strings.TrimRight(d.String(), "0"), ".")
		}
	}
	if t, ok := text(v); ok {
		return t
	}
	return fmt.Sprint(v)
}

// column is the values of the other table's column that the metric names.
func (m *metric) column() []any {
	if m.facts.Column == nil {
		return nil
	}
	r, _ := m.other()
	return m.facts.Column(r)
}

// other is the column that the metric looks at in another table: of rows_of its name
// is "".
func (m *metric) other() (r Ref, ok bool) {
	if m.call.other == 0 {
		return r, false
	}
	names := []*string{&r.Table, &r.Column}
	for i, a := range m.args[m.call.other-1:] {
		text, isText := a.literal().(types.String)
		if !isText || text == "" {
			return r, false
		}
		*names[i] = string(text)
	}
	switch m.call.name {
	case "sum_of":
		r.Kind = numberKind
	case "missing":
		r.Kind = typeName(m.args[0].typ)
	}
	return r, true
}

// numberKind is the kind of references to columns of any numbers.
const numberKind = "number"

// apart is a subquery that looks at another table only; it has its value over no
// rows too.
func apart(query string) string { return "coalesce(" + once(query) + ", (" + query + "))" }

func rowsOfSQL(g *aggregation) (string, error) {
	r, _ := g.metric.other()
	return apart("SELECT count(*) FROM " + g.dialect.Relation(r.Table)), nil
}

func sumOfSQL(g *aggregation) (string, error) {
	r, _ := g.metric.other()
	x := "CAST(dq_ref." + g.dialect.Ident(r.Column) + " AS DOUBLE)"
	return apart(fmt.Sprintf("SELECT sum(%s) FROM %s AS dq_ref WHERE %s", x, g.dialect.Relation(r.Table), g.isFinite(x))), nil
}

func missingSQL(g *aggregation) (string, error) {
	r, _ := g.metric.other()
	name := "dq_ref." + g.dialect.Ident(r.Column)
	key, value, there, err := g.match(g.args[0], name)
	if err != nil {
		return "", err
	}
	arg := g.args[0]
	arg.sql = key
	g.args = []term{arg}
	of := func(what, where string) string {
		return fmt.Sprintf("SELECT %s FROM %s AS dq_ref WHERE %s", what, g.dialect.Relation(r.Table), where)
	}
	sql := fmt.Sprintf("SELECT count(*) FROM (%s EXCEPT SELECT dq_0 FROM %s)", of(value, there), g.rows())
	if value != name { // what cannot be a key is always missing
		sql += fmt.Sprintf(" UNION ALL %s", of("count(DISTINCT "+name+")", name+" IS NOT NULL AND ("+there+") IS NOT TRUE"))
		sql = "SELECT CAST(sum(n) AS BIGINT) FROM (" + strings.Replace(sql, "count(*)", "count(*) AS n", 1) + ")"
	}
	return apart(sql), nil
}
