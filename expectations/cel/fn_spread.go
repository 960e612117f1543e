package cel

import (
	"fmt"
	"math/big"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// Spread, of the sample (n-1): doubles, null for fewer than two values.
var spreadAggregates = []aggregate{
	spread("stddev", "stddev_samp", func(v *big.Float) { v.Sqrt(v) }, "1e160"),
	spread("variance", "var_samp", func(*big.Float) {}, "1e160 * 1e160"),
}

func spread(name, function string, of func(variance *big.Float), unscale string) aggregate {
	return aggregate{name: name, min: 1, max: 1, lists: true,
		types: func(args []*expr) (result, *wrong) { return doubleResult, number(name, args[0]) },
		eval: func(_ *metric, rows [][]ref.Val) ref.Val {
			values := finiteValues(rows)
			if len(values) < 2 {
				return types.NullValue
			}
			v := variance(values)
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
		return fmt.Sprintf("%s(CAST(%s AS DOUBLE))%s", function, x, g.filter()), nil
	}
	small := g.filter("abs(" + x + ") <= 1e150")
	finite := g.finite()
	return fmt.Sprintf("CASE WHEN max(abs(%s))%s <= 1e150 THEN %s(%s)%s ELSE %s(%s * 1e-160)%s * %s END",
		x, finite, function, x, small, function, x, finite, unscale), nil
}

// variance is as good as exact.
func variance(values []ref.Val) *big.Float {
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
	squares.Quo(squares, n.Sub(n, big.NewFloat(1)))
	if squares.Sign() < 0 { // only rounding can do that
		squares.SetInt64(0)
	}
	return squares
}
