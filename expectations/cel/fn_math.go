package cel

import (
	"fmt"
	"math"
	"math/big"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// Numbers. round takes halves away from zero; round(x, n) keeps n places of a decimal.
var mathFunctions = []function{
	{name: "abs", alias: "math.abs", style: global, forms: []form{
		{id: "abs_int", in: []*types.Type{types.IntType}, out: types.IntType,
			eval: func(a []ref.Val) ref.Val {
				if n := a[0].(types.Int); n < 0 {
					return n.Negate()
				}
				return a[0]
			},
			duckdb: func(w *writer, a []term) (string, error) {
				return bigint("abs(CAST(" + a[0].sql + " AS HUGEINT))"), nil
			}},
		{id: "abs_double", in: []*types.Type{types.DoubleType}, out: types.DoubleType, total: true,
			eval:   func(a []ref.Val) ref.Val { return types.Double(math.Abs(float64(a[0].(types.Double)))) },
			duckdb: call("abs")},
		{id: "abs_decimal", in: []*types.Type{decimalType}, out: decimalType, total: true, shape: firstShape,
			eval: func(a []ref.Val) ref.Val {
				d := a[0].(decimal)
				return decimal{new(big.Int).Abs(d.unscaled), d.scale}
			},
			duckdb: func(w *writer, a []term) (string, error) { return "abs(" + w.dec(a[0], a[0].shape) + ")", nil }},
	}},
	rounding("round", math.Round, func(d decimal) decimal { return d.rescale(0) },
		form{id: "round_decimal_int", in: []*types.Type{decimalType, types.IntType}, out: decimalType, total: true,
			check: func(literals []ref.Val) *wrong {
				if n, ok := literals[1].(types.Int); !ok || n < 0 || n > maxDigits {
					return &wrong{1, "round takes a number of places from 0 to 38 here, as a constant", ""}
				}
				return nil
			},
			shape: func(a []shape, literals []ref.Val) (shape, error) {
				n, _ := literals[1].(types.Int)
				if int(n) >= a[0].scale {
					return a[0], nil
				}
				return shape{a[0].whole() + 1 + int(n), int(n)}, nil
			},
			eval: func(a []ref.Val) ref.Val {
				d, n := a[0].(decimal), int(a[1].(types.Int))
				if n >= d.scale {
					return d
				}
				return d.rescale(n)
			},
			duckdb: func(w *writer, a []term) (string, error) {
				n, _ := a[1].lit.(types.Int)
				x := w.dec(a[0], a[0].shape)
				if int(n) >= a[0].shape.scale {
					return x, nil
				}
				return fmt.Sprintf("round(%s, %d)", x, n), nil
			}}),
	rounding("floor", math.Floor, func(d decimal) decimal { return d.toward(-1) }),
	rounding("ceil", math.Ceil, func(d decimal) decimal { return d.toward(1) }),
	doubleTest("isNaN", "isnan", math.IsNaN),
	doubleTest("isInf", "isinf", func(x float64) bool { return math.IsInf(x, 0) }),
	doubleTest("isFinite", "isfinite", func(x float64) bool { return !math.IsInf(x, 0) && !math.IsNaN(x) }),
}

func rounding(name string, doubles func(float64) float64, decimals func(decimal) decimal, more ...form) function {
	return function{name: name, alias: "math." + name, style: global, forms: append([]form{
		{id: name + "_double", in: []*types.Type{types.DoubleType}, out: types.DoubleType, total: true,
			eval:   func(a []ref.Val) ref.Val { return types.Double(doubles(float64(a[0].(types.Double)))) },
			duckdb: call(name)},
		{id: name + "_decimal", in: []*types.Type{decimalType}, out: decimalType, total: true,
			shape: func(a []shape, _ []ref.Val) (shape, error) {
				if a[0].scale == 0 {
					return a[0], nil
				}
				return shape{a[0].whole() + 1, 0}, nil
			},
			eval: func(a []ref.Val) ref.Val { return decimals(a[0].(decimal)) },
			duckdb: func(w *writer, a []term) (string, error) {
				return name + "(" + w.dec(a[0], a[0].shape) + ")", nil
			}},
	}, more...)}
}

// toward gives the nearest whole number in the direction of sign.
func (d decimal) toward(sign int) decimal {
	q, r := new(big.Int).QuoRem(d.unscaled, pow10(d.scale), new(big.Int))
	if r.Sign() == sign {
		q.Add(q, big.NewInt(int64(sign)))
	}
	return decimal{q, 0}
}

func doubleTest(name, duckdb string, test func(float64) bool) function {
	return function{name: name, alias: "math." + name, style: global, forms: []form{{
		id: duckdb + "_double", in: []*types.Type{types.DoubleType}, out: types.BoolType, total: true,
		eval:   func(a []ref.Val) ref.Val { return types.Bool(test(float64(a[0].(types.Double)))) },
		duckdb: call(duckdb)}}}
}
