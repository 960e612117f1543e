package cel

import (
	"fmt"
	"math/big"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// Spread, of the sample (n-1): doubles, null for fewer than two values. Of the
// population (n): 0 for one value, null for none.
var spreadAggregates = []aggregate{
	spread("stddev", "stddev_samp", 1, root, "1e160"),
	spread("variance", "var_samp", 1, func(*big.Float) {}, "1e160 * 1e160"),
	spread("stddev_pop", "stddev_pop", 0, root, "1e160"),
	spread("variance_pop", "var_pop", 0, func(*big.Float) {}, "1e160 * 1e160"),
}

func root(variance *big.Float) { variance.Sqrt(variance) }

// spread divides by the number of values less some.
func spread(name, function string, less int, of func(variance *big.Float), unscale string) aggregate {
	return aggregate{name: name, min: 1, max: 1, lists: true,
		types: func(args []*expr) (result, *wrong) { return doubleResult, number(name, args[0]) },
		eval: func(_ *metric, rows [][]ref.Val) ref.Val {
			values := finiteValues(rows)
			if len(values) <= less {
				return types.NullValue
			}
			v := variance(values, less)
			of(v)
			x, _ := v.Float64()
			return types.Double(x)
		},
		duckdb: func(g *aggregation) (string, error) { return g.spread(function, unscale) },
		spark:  func(g *aggregation) (string, error) { return g.spread(function, unscale) }}
}

// spread looks whether there are large doubles and makes them small first: DuckDB
// aborts when the sum of squares is beyond double.
func (g *aggregation) spread(function, unscale string) (string, error) {
	x := g.args[0].sql
	if g.args[0].typ.Kind() != types.DoubleKind {
		return fmt.Sprintf("%s(%s)", function, g.among("CAST("+x+" AS DOUBLE)")), nil
	}
	size := "abs(" + x + ")"
	return fmt.Sprintf("CASE WHEN max(%s) <= 1e150 THEN %s(%s) ELSE %s(%s) * %s END",
		g.finite(size), function, g.among(x, size+" <= 1e150"), function, g.finite(x+" * 1e-160"), unscale), nil
}

// variance is as good as exact; it divides by the number of values less some.
func variance(values []ref.Val, less int) *big.Float {
	const precision = 2200
	sum, squares := new(big.Float).SetPrec(precision), new(big.Float).SetPrec(2*precision)
	for _, v := range values {
		x := new(big.Float).SetPrec(precision)
		if d, ok := v.(decimal); ok {
			x.SetFloat64(d.float())
		} else {
			x.SetFloat64(toDouble(v))
		}
		sum.Add(sum, x)
		squares.Add(squares, new(big.Float).SetPrec(2*precision).Mul(x, x))
	}
	n := new(big.Float).SetPrec(2 * precision).SetInt64(int64(len(values)))
	square := new(big.Float).SetPrec(2*precision).Mul(sum, sum)
	squares.Sub(squares, square.Quo(square, n))
	squares.Quo(squares, n.Sub(n, big.NewFloat(float64(less))))
	if squares.Sign() < 0 { // only rounding can do that
		squares.SetInt64(0)
	}
	return squares
}
