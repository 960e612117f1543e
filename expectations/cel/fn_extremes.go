package cel

import (
	"cmp"
	"fmt"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// The smallest and the largest value, of everything that has an order.
var extremeAggregates = []aggregate{extreme("max", 1), extreme("min", -1)}

func extreme(name string, sign int) aggregate {
	return aggregate{name: name, min: 1, max: 1, lists: true,
		types: func(args []*expr) (result, *wrong) {
			switch args[0].typ.Kind() {
			case types.BoolKind, types.BytesKind, types.DurationKind, types.ListKind:
			default:
				if r, ok := resultOf(args[0]); ok {
					return r, nil
				}
			}
			return result{}, &wrong{0, fmt.Sprintf("%s has no order for %s", name, typeName(args[0].typ)), ""}
		},
		eval: func(_ *metric, rows [][]ref.Val) ref.Val {
			var best ref.Val = types.NullValue
			for _, v := range finiteValues(rows) {
				if best == types.NullValue || compare(v, best)*sign > 0 {
					best = v
				}
			}
			return best
		},
		rows: func(g *aggregation) (counted, others string) {
			value, _ := g.extreme(name)
			return fmt.Sprintf("(%s) = (SELECT %s FROM %s)", g.args[0].sql, value, g.relation), ""
		},
		duckdb: func(g *aggregation) (string, error) { return g.extreme(name) },
		spark:  func(g *aggregation) (string, error) { return g.extreme(name) }}
}

func (g *aggregation) extreme(name string) (string, error) {
	return name + "(" + g.finite(g.args[0].sql) + ")", nil
}

// resultOf is the result type of an aggregate that gives one of its values.
func resultOf(a *expr) (result, bool) {
	t, ok := tableType(a.typ, a.shape())
	return result{a.typ, a.shape(), t}, ok
}

// compare orders two values of one type; NaN is the largest double, as in SQL.
func compare(a, b ref.Val) int {
	switch x := a.(type) {
	case types.Bool:
		if x == b {
			return 0
		}
		if x {
			return 1
		}
		return -1
	case types.Int:
		return cmp.Compare(x, b.(types.Int))
	case types.Double:
		y := b.(types.Double)
		switch {
		case x != x && y != y:
			return 0
		case x != x:
			return 1
		case y != y:
			return -1
		}
		return cmp.Compare(x, y)
	case decimal:
		return x.cmp(b.(decimal))
	case types.String:
		return cmp.Compare(x, b.(types.String))
	case types.Bytes:
		return cmp.Compare(string(x), string(b.(types.Bytes)))
	case types.Timestamp:
		return x.Time.Compare(b.(types.Timestamp).Time)
	case types.Duration:
		return cmp.Compare(x.Duration, b.(types.Duration).Duration)
	case date:
		return x.Compare(b.(date).Time)
	}
	return 0
}
