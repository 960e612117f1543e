package cel

import (
	"fmt"
	"math"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// Counts: all rows, rows for which a predicate is true (not false or without a
// value), rows in which an argument has no value (null or any error, which is
// therefore no error of the rule), and the odd doubles.
var countAggregates = []aggregate{
	{name: "rows",
		types:  func([]*expr) (result, *wrong) { return intResult, nil },
		eval:   func(_ *metric, rows [][]ref.Val) ref.Val { return types.Int(len(rows)) },
		duckdb: countRows, spark: countRows},
	{name: "count", min: 1, max: 1,
		types:  predicate("count", intResult),
		eval:   func(_ *metric, rows [][]ref.Val) ref.Val { return countWhere(rows, isTrue) },
		rows:   having("%s IS TRUE", "%s IS NOT TRUE"),
		duckdb: countTrue, spark: countTrue},
	{name: "share", min: 1, max: 1,
		types: predicate("share", doubleResult),
		eval: func(_ *metric, rows [][]ref.Val) ref.Val {
			if len(rows) == 0 {
				return types.NullValue
			}
			return types.Double(countWhere(rows, isTrue)) / types.Double(len(rows))
		},
		rows:   having("%s IS TRUE", "%s IS NOT TRUE"),
		duckdb: shareTrue, spark: shareTrue},
	{name: "nulls", min: 1, max: 1, counts: true,
		types: func([]*expr) (result, *wrong) { return intResult, nil },
		eval: func(_ *metric, rows [][]ref.Val) ref.Val {
			return countWhere(rows, func(v ref.Val) bool { return v == types.NullValue })
		},
		rows:   having("%s IS NULL", "%s IS NOT NULL"),
		duckdb: countNull, spark: countNull},
	oddDoubles("nans", "isnan", math.IsNaN),
	oddDoubles("infs", "isinf", func(x float64) bool { return math.IsInf(x, 0) }),
}

func predicate(name string, r result) func(args []*expr) (result, *wrong) {
	return func(args []*expr) (result, *wrong) {
		if args[0].typ.Kind() != types.BoolKind {
			return r, &wrong{0, fmt.Sprintf("%s takes a condition, not %s", name, typeName(args[0].typ)), "write " + name + "(x > 0)"}
		}
		return r, nil
	}
}

func oddDoubles(name, duckdb string, test func(float64) bool) aggregate {
	condition := func(g *aggregation) string {
		if duckdb == "isinf" && g.isSpark() {
			return "abs(" + g.args[0].sql + ") = " + infinity
		}
		return duckdb + "(" + g.args[0].sql + ")"
	}
	count := func(g *aggregation) (string, error) { return g.count(condition(g)), nil }
	return aggregate{name: name, min: 1, max: 1,
		types: func(args []*expr) (result, *wrong) {
			if args[0].typ.Kind() != types.DoubleKind {
				return intResult, &wrong{0, fmt.Sprintf("%s takes doubles, not %s", name, typeName(args[0].typ)), ""}
			}
			return intResult, nil
		},
		eval: func(_ *metric, rows [][]ref.Val) ref.Val {
			return countWhere(rows, func(v ref.Val) bool {
				x, ok := v.(types.Double)
				return ok && test(float64(x))
			})
		},
		rows:   func(g *aggregation) (counted, others string) { return condition(g), "" },
		duckdb: count, spark: count}
}

func countRows(g *aggregation) (string, error) { return g.count(), nil }

func countTrue(g *aggregation) (string, error) { return g.count(g.args[0].sql), nil }

func shareTrue(g *aggregation) (string, error) {
	return fmt.Sprintf("CAST(%s AS DOUBLE) / nullif(%s, 0)", g.count(g.args[0].sql), g.count()), nil
}

// having tells rows by a condition on the argument, and those by its contrary.
func having(counted, others string) func(g *aggregation) (string, string) {
	return func(g *aggregation) (string, string) {
		x := "(" + g.args[0].sql + ")"
		return fmt.Sprintf(counted, x), fmt.Sprintf(others, x)
	}
}

func countNull(g *aggregation) (string, error) {
	return g.count(g.args[0].sql + " IS NULL"), nil
}

func isTrue(v ref.Val) bool { return v == types.True }

func countWhere(rows [][]ref.Val, test func(ref.Val) bool) types.Int {
	var n types.Int
	for _, r := range rows {
		if test(r[0]) {
			n++
		}
	}
	return n
}
