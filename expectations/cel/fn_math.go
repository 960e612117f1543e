package cel

import (
	"cmp"
	"fmt"
	"math"
	"math/big"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// Numbers. round takes halves away from zero; round(x, n) keeps n places of a decimal.
var mathFunctions = []function{
	{name: "abs", alias: "math.abs", style: global,
		doc:      "A number without its sign; an error for the least int.",
		examples: []string{"abs(-3) == 3", "math.abs(-2.5) == 2.5", "abs(decimal('-0.5', 1)) == 0.5"}, forms: []form{
			{id: "abs_int", in: []*types.Type{types.IntType}, out: types.IntType,
				eval: func(a []ref.Val) ref.Val {
					if n := a[0].(types.Int); n < 0 {
						return n.Negate()
					}
					return a[0]
				},
				duckdb: func(w *writer, a []term) (string, error) {
					return bigint("abs(CAST(" + a[0].sql + " AS HUGEINT))"), nil
				},
				spark: func(w *writer, a []term) (string, error) {
					return fmt.Sprintf("CASE WHEN %s <> %s THEN abs(CAST(%s AS BIGINT)) END", a[0].sql, sparkMin, a[0].sql), nil
				}},
			{id: "abs_double", in: []*types.Type{types.DoubleType}, out: types.DoubleType, total: true,
				eval:   func(a []ref.Val) ref.Val { return types.Double(math.Abs(float64(a[0].(types.Double)))) },
				duckdb: call("abs"), spark: call("abs")},
			{id: "abs_decimal", in: []*types.Type{decimalType}, out: decimalType, total: true, shape: firstShape,
				eval: func(a []ref.Val) ref.Val {
					d := a[0].(decimal)
					return decimal{new(big.Int).Abs(d.unscaled), d.scale}
				},
				duckdb: absDecimal, spark: absDecimal},
		}},
	rounding("round", "The nearest whole number; halves go away from zero. With a second argument, a decimal with that many places.",
		[]string{"round(2.5) == 3.0", "round(-2.5) == -3.0", "round(decimal('2.345', 3), 2) == 2.35"}, math.Round, func(d decimal) decimal { return d.rescale(0) },
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
			duckdb: roundDecimal, spark: roundDecimal}),
	rounding("floor", "The largest whole number that is not above.", []string{"floor(2.7) == 2.0", "floor(-2.1) == -3.0", "floor(decimal('-0.5', 1)) == -1"}, math.Floor, func(d decimal) decimal { return d.toward(-1) }),
	rounding("ceil", "The least whole number that is not below.", []string{"ceil(2.1) == 3.0", "ceil(-2.7) == -2.0", "ceil(decimal('0.5', 1)) == 1"}, math.Ceil, func(d decimal) decimal { return d.toward(1) }),
	rounding("trunc", "The whole number that is left without the places.", []string{"trunc(2.7) == 2.0", "math.trunc(-2.7) == -2.0", "trunc(decimal('-2.7', 1)) == -2"},
		math.Trunc, func(d decimal) decimal { return decimal{new(big.Int).Quo(d.unscaled, pow10(d.scale)), 0} }),
	{name: "sign", alias: "math.sign", style: global,
		doc:      "1, 0 or -1 by the sign of a number, in its type; NaN of NaN.",
		examples: []string{"sign(-3) == -1", "math.sign(2.5) == 1.0", "sign(decimal('0.0', 1)) == 0"},
		forms: []form{
			{id: "sign_int", in: []*types.Type{types.IntType}, out: types.IntType, total: true,
				eval:   func(a []ref.Val) ref.Val { return types.Int(cmp.Compare(a[0].(types.Int), 0)) },
				duckdb: signSQL, spark: signSQL},
			{id: "sign_double", in: []*types.Type{types.DoubleType}, out: types.DoubleType, total: true,
				eval: func(a []ref.Val) ref.Val {
					x := float64(a[0].(types.Double))
					if math.IsNaN(x) {
						return a[0]
					}
					return types.Double(cmp.Compare(x, 0))
				},
				duckdb: func(w *writer, a []term) (string, error) {
					return fmt.Sprintf("CASE WHEN isnan(%s) THEN %s ELSE CAST(sign(%s) AS DOUBLE) END", a[0].sql, a[0].sql, a[0].sql), nil
				},
				spark: func(w *writer, a []term) (string, error) {
					return fmt.Sprintf("CASE WHEN isnan(%s) THEN %s ELSE sign(%s) END", a[0].sql, a[0].sql, a[0].sql), nil
				}},
			{id: "sign_decimal", in: []*types.Type{decimalType}, out: types.IntType, total: true,
				eval:   func(a []ref.Val) ref.Val { return types.Int(a[0].(decimal).unscaled.Sign()) },
				duckdb: signSQL, spark: signSQL},
		}},
	{name: "sqrt", alias: "math.sqrt", style: global,
		doc:      "The square root of an int or a double, as a double; NaN of a negative one.",
		examples: []string{"sqrt(9) == 3.0", "math.sqrt(2.25) == 1.5", "isNaN(sqrt(-1.0))"},
		forms:    []form{squareRoot("sqrt_double", types.DoubleType), squareRoot("sqrt_int", types.IntType)}},
	doubleTest("isNaN", "isnan", "Whether a double is no number.", []string{"isNaN(0.0 / 0.0)", "!isNaN(1.0)", "!math.isNaN(1.0 / 0.0)"}, math.IsNaN),
	doubleTest("isInf", "isinf", "Whether a double is infinite.", []string{"isInf(1.0 / 0.0)", "isInf(-1.0 / 0.0)", "!math.isInf(1.0)"}, func(x float64) bool { return math.IsInf(x, 0) }),
	doubleTest("isFinite", "isfinite", "Whether a double is neither infinite nor NaN.", []string{"isFinite(1.0)", "!isFinite(1.0 / 0.0)", "!math.isFinite(0.0 / 0.0)"},
		func(x float64) bool { return !math.IsInf(x, 0) && !math.IsNaN(x) }),
}

func absDecimal(w *writer, a []term) (string, error) {
	return "abs(" + w.dec(a[0], a[0].shape) + ")", nil
}

func roundDecimal(w *writer, a []term) (string, error) {
	n, _ := a[1].lit.(types.Int)
	x := w.dec(a[0], a[0].shape)
	if int(n) >= a[0].shape.scale {
		return x, nil
	}
	return fmt.Sprintf("round(%s, %d)", x, n), nil
}

func signSQL(w *writer, a []term) (string, error) {
	x := a[0].sql
	return fmt.Sprintf("CASE WHEN %s > 0 THEN 1 WHEN %s = 0 THEN 0 WHEN %s < 0 THEN -1 END", x, x, x), nil
}

func squareRoot(id string, in *types.Type) form {
	emit := func(w *writer, a []term) (string, error) {
		x := w.double(a[0])
		return fmt.Sprintf("CASE WHEN %s < %s THEN CAST('NaN' AS DOUBLE) ELSE sqrt(%s) END", x, w.doubleLiteral(0), x), nil
	}
	return form{id: id, in: []*types.Type{in}, out: types.DoubleType, total: true,
		eval:   func(a []ref.Val) ref.Val { return types.Double(math.Sqrt(toDouble(a[0]))) },
		duckdb: emit, spark: emit}
}

func rounding(name, doc string, examples []string, doubles func(float64) float64, decimals func(decimal) decimal, more ...form) function {
	return function{name: name, alias: "math." + name, style: global, doc: doc, examples: examples, forms: append([]form{
		{id: name + "_double", in: []*types.Type{types.DoubleType}, out: types.DoubleType, total: true,
			eval:   func(a []ref.Val) ref.Val { return types.Double(doubles(float64(a[0].(types.Double)))) },
			duckdb: call(name), spark: sparkWhole(name)},
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
			},
			spark: func(w *writer, a []term) (string, error) {
				x := w.dec(a[0], a[0].shape)
				switch name {
				case "trunc":
					return fmt.Sprintf("CASE WHEN %s < 0 THEN ceil(%s) ELSE floor(%s) END", x, x, x), nil
				case "round":
					return "round(" + x + ", 0)", nil
				}
				return name + "(" + x + ")", nil
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

func doubleTest(name, duckdb, doc string, examples []string, test func(float64) bool) function {
	return function{name: name, alias: "math." + name, style: global, doc: doc, examples: examples, forms: []form{{
		id: duckdb + "_double", in: []*types.Type{types.DoubleType}, out: types.BoolType, total: true,
		eval:   func(a []ref.Val) ref.Val { return types.Bool(test(float64(a[0].(types.Double)))) },
		duckdb: call(duckdb),
		spark: func(w *writer, a []term) (string, error) {
			x := a[0].sql
			return map[string]string{
				"isnan": "CASE WHEN " + x + " IS NOT NULL THEN isnan(" + x + ") END",
				"isinf": "(abs(" + x + ") = " + infinity + ")", "isfinite": "(abs(" + x + ") < " + infinity + ")",
			}[duckdb], nil
		}}}}
}
