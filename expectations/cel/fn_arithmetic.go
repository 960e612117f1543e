package cel

import (
	"errors"
	"fmt"
	"math"
	"math/big"

	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// Arithmetic. Int with double gives double; int or a literal with decimal gives
// decimal. Ints err on overflow and on a zero divisor, doubles follow IEEE 754,
// decimals err above 38 digits and have no / and %: div says the places.
var arithmeticFunctions = []function{
	{name: operators.Add, style: operator, forms: append(
		numeric("add", func(id string, in []*types.Type) form {
			return arithmetic(id, "+", in, func(a, b types.Int) ref.Val { return a.Add(b) },
				func(a, b types.Double) ref.Val { return a.Add(b) }, addDecimals, addShape)
		}),
		form{id: "add_string", in: []*types.Type{types.StringType, types.StringType}, out: types.StringType, total: true,
			eval: func(a []ref.Val) ref.Val { return a[0].(types.String) + a[1].(types.String) },
			// The cast keeps a constant null, which || makes of no type, a text.
			duckdb: func(w *writer, a []term) (string, error) {
				return "CAST(" + a[0].sql + " || " + a[1].sql + " AS VARCHAR)", nil
			},
			spark: call("concat")},
		form{id: "add_bytes", in: []*types.Type{types.BytesType, types.BytesType}, out: types.BytesType, total: true,
			eval: func(a []ref.Val) ref.Val { return a[0].(types.Bytes).Add(a[1]) },
			duckdb: func(w *writer, a []term) (string, error) {
				return "CAST(" + a[0].sql + " || " + a[1].sql + " AS BLOB)", nil
			},
			spark: call("concat")},
		form{id: "add_list", in: []*types.Type{listOfA, listOfA}, out: listOfA, total: true,
			shape:  func(a []shape, _ []ref.Val) (shape, error) { return meet(a[0], a[1]), nil },
			eval:   func(a []ref.Val) ref.Val { return listValue(append(elements(a[0]), elements(a[1])...)) },
			duckdb: addLists, spark: addLists},
	)},
	{name: operators.Subtract, style: operator, forms: numeric("subtract", func(id string, in []*types.Type) form {
		return arithmetic(id, "-", in, func(a, b types.Int) ref.Val { return a.Subtract(b) },
			func(a, b types.Double) ref.Val { return a.Subtract(b) }, func(a, b decimal) ref.Val { return addDecimals(a, b.neg()) }, addShape)
	})},
	{name: operators.Multiply, style: operator, forms: numeric("multiply", func(id string, in []*types.Type) form {
		return arithmetic(id, "*", in, func(a, b types.Int) ref.Val { return a.Multiply(b) },
			func(a, b types.Double) ref.Val { return a.Multiply(b) }, multiplyDecimals, multiplyShape)
	})},
	{name: operators.Divide, style: operator, forms: withoutDecimals(numeric("divide", func(id string, in []*types.Type) form {
		return arithmetic(id, "//", in, func(a, b types.Int) ref.Val { return a.Divide(b) },
			func(a, b types.Double) ref.Val { return a.Divide(b) }, nil, nil)
	}))},
	{name: operators.Modulo, style: operator, forms: []form{{
		id: "modulo_int", in: []*types.Type{types.IntType, types.IntType}, out: types.IntType,
		eval:   func(a []ref.Val) ref.Val { return a[0].(types.Int).Modulo(a[1]) },
		duckdb: duckdbModulo, spark: sparkInts("%"),
	}}},
	{name: operators.Negate, style: operator, forms: []form{
		{id: "negate_int", in: []*types.Type{types.IntType}, out: types.IntType,
			eval: func(a []ref.Val) ref.Val { return a[0].(types.Int).Negate() },
			duckdb: func(w *writer, a []term) (string, error) {
				return bigint("-CAST(" + a[0].sql + " AS HUGEINT)"), nil
			},
			spark: func(w *writer, a []term) (string, error) {
				return "try_subtract(0L, CAST(" + a[0].sql + " AS BIGINT))", nil
			}},
		{id: "negate_double", in: []*types.Type{types.DoubleType}, out: types.DoubleType, total: true,
			eval:   func(a []ref.Val) ref.Val { return a[0].(types.Double).Negate() },
			duckdb: negated, spark: negated},
		{id: "negate_decimal", in: []*types.Type{decimalType}, out: decimalType, total: true, shape: firstShape,
			eval:   func(a []ref.Val) ref.Val { return a[0].(decimal).neg() },
			duckdb: negatedDecimal, spark: negatedDecimal},
	}},
}

// addLists keeps null an error, which DuckDB takes for an empty list.
func addLists(w *writer, a []term) (string, error) {
	for i := range a {
		if holdsDecimals(a[i].typ) && a[0].shape != a[1].shape {
			return "", w.unsupported("a sum of lists of decimals with different places")
		}
	}
	sum := "list_concat(" + a[0].sql + ", " + a[1].sql + ")"
	if w.isSpark() {
		sum = "concat(" + a[0].sql + ", " + a[1].sql + ")"
	}
	return "CASE WHEN " + a[0].sql + " IS NOT NULL AND " + a[1].sql + " IS NOT NULL THEN " + sum + " END", nil
}

func negated(_ *writer, a []term) (string, error) { return "(-" + a[0].sql + ")", nil }

func negatedDecimal(w *writer, a []term) (string, error) {
	return "(-" + w.dec(a[0], a[0].shape) + ")", nil
}

// arithmetic is one form of + - * or /, by the type in which its operands meet.
func arithmetic(id, op string, in []*types.Type, ints func(a, b types.Int) ref.Val, doubles func(a, b types.Double) ref.Val,
	decimals func(a, b decimal) ref.Val, size func(a []shape, _ []ref.Val) (shape, error)) form {
	f := form{id: id, in: in, out: commonType(in[0], in[1])}
	switch f.out {
	case types.IntType:
		f.eval = func(a []ref.Val) ref.Val { return ints(a[0].(types.Int), a[1].(types.Int)) }
		f.duckdb = func(w *writer, a []term) (string, error) {
			return bigint(fmt.Sprintf("CAST(%s AS HUGEINT) %s %s", a[0].sql, op, a[1].sql)), nil
		}
		f.spark = sparkInts(op)
	case types.DoubleType:
		f.total = true
		if op == "//" {
			op = "/"
		}
		f.eval = func(a []ref.Val) ref.Val {
			return doubles(types.Double(toDouble(a[0])), types.Double(toDouble(a[1])))
		}
		f.duckdb = func(w *writer, a []term) (string, error) {
			return fmt.Sprintf("(%s %s %s)", w.double(a[0]), op, w.double(a[1])), nil
		}
		if f.spark = f.duckdb; op == "/" {
			f.spark = sparkDivide
		}
	default:
		f.shape, f.digits = size, true
		if decimals == nil {
			return f
		}
		f.eval = func(a []ref.Val) ref.Val { return decimals(toDecimal(a[0]), toDecimal(a[1])) }
		f.duckdb = func(w *writer, a []term) (string, error) {
			out, err := size([]shape{a[0].shape, a[1].shape}, nil)
			if err != nil {
				return "", err
			}
			if op == "*" {
				return w.multiply(a[0], a[1], out), nil
			}
			return w.add(op, a[0], a[1], out), nil
		}
		f.spark = func(w *writer, a []term) (string, error) {
			out, err := size([]shape{a[0].shape, a[1].shape}, nil)
			if err == nil {
				err = w.sparkDecimals(out)
			}
			if err != nil {
				return "", err
			}
			if op == "*" {
				return fmt.Sprintf("(%s * %s)", w.dec(a[0], a[0].shape), w.dec(a[1], a[1].shape)), nil
			}
			return w.add(op, a[0], a[1], out), nil
		}
	}
	return f
}

func withoutDecimals(forms []form) []form {
	var kept []form
	for _, f := range forms {
		if !isDecimal(f.out) {
			kept = append(kept, f)
		}
	}
	return kept
}

func addDecimals(a, b decimal) ref.Val {
	scale := max(a.scale, b.scale)
	a, b = a.rescale(scale), b.rescale(scale)
	if !a.fits() || !b.fits() {
		return errDigits()
	}
	return checked(decimal{new(big.Int).Add(a.unscaled, b.unscaled), scale})
}

func multiplyDecimals(a, b decimal) ref.Val {
	return checked(decimal{new(big.Int).Mul(a.unscaled, b.unscaled), a.scale + b.scale})
}

func (d decimal) neg() decimal { return decimal{new(big.Int).Neg(d.unscaled), d.scale} }

func errDigits() ref.Val { return types.NewErr("a decimal has at most %d digits", maxDigits) }

func checked(d decimal) ref.Val {
	if !d.fits() {
		return errDigits()
	}
	return d
}

// shape is the precision and scale of a decimal, or the digits of an int. A
// precision above maxDigits says that a result may not fit.
type shape struct{ precision, scale int }

func (s shape) whole() int { return s.precision - s.scale }

// capped is the shape of a value that did fit.
func (s shape) capped() shape { return shape{min(s.precision, maxDigits), s.scale} }

// meet is the shape in which two decimals can be compared.
func meet(a, b shape) shape {
	scale := max(a.scale, b.scale)
	return shape{max(a.whole(), b.whole()) + scale, scale}
}

func firstShape(a []shape, _ []ref.Val) (shape, error) { return a[0], nil }

func addShape(a []shape, _ []ref.Val) (shape, error) {
	s := meet(a[0], a[1])
	return shape{s.precision + 1, s.scale}, nil
}

func multiplyShape(a []shape, _ []ref.Val) (shape, error) {
	s := shape{a[0].precision + a[1].precision, a[0].scale + a[1].scale}
	if s.scale > maxDigits {
		return s, errors.New("the product has " + fmt.Sprint(s.scale) + " decimal places, more than 38: round(x, n) a factor first")
	}
	return s, nil
}

// DuckDB keeps the results of decimals with up to 18 digits at 18 and stops the
// query when one does not fit, so operands are cast wide enough first. Where not
// even 38 digits need be enough, a CASE looks before: TRY must not be used, since
// it was seen to make values of other expressions in the same SELECT null.

func (w *writer) add(op string, a, b term, out shape) string {
	if out.precision <= maxDigits {
		return fmt.Sprintf("(%s %s %s)", w.dec(a, out), op, w.dec(b, out))
	}
	s := out.capped()
	x, y, opposite := w.tryDec(a, s), w.tryDec(b, s), "<>"
	if op == "-" {
		opposite = "="
	}
	largest := decimalLiteral(decimal{new(big.Int).Sub(tooLarge, big.NewInt(1)), s.scale}, s.precision)
	return fmt.Sprintf("CASE WHEN sign(%s) %s sign(%s) OR abs(%s) <= %s - abs(%s) THEN %s %s %s END", x, opposite, y, x, largest, y, x, op, y)
}

func (w *writer) multiply(a, b term, out shape) string {
	x, y := a.shape, b.shape
	if x.precision+y.precision > 18 {
		x.precision = max(x.precision, 19)
	}
	sql := fmt.Sprintf("(%s * %s)", w.dec(a, x), w.dec(b, y))
	if out.precision <= maxDigits {
		return sql
	}
	largest := hugeint(new(big.Int).Sub(tooLarge, big.NewInt(1)))
	return fmt.Sprintf("CASE WHEN %s = 0 OR abs(%s) <= %s // abs(%s) THEN %s END", w.unscaled(b), w.unscaled(a), largest, w.unscaled(b), sql)
}

// bigint is a wide number as BIGINT, NULL where it does not fit. DuckDB moves
// casts from an operand to the constant that it is compared with, TRY_CAST too,
// and then compares what did not fit: the | 0 keeps the cast where it stands.
func bigint(sql string) string { return "(TRY_CAST(" + sql + " AS BIGINT) | 0)" }

// duckdbModulo guards the one case that overflows; zero gives NULL by itself.
func duckdbModulo(w *writer, a []term) (string, error) {
	rest := fmt.Sprintf("CAST(CAST(%s AS HUGEINT) %% %s AS BIGINT)", a[0].sql, a[1].sql)
	if a[0].lit != nil && a[0].lit != types.Int(math.MinInt64) || a[1].lit != nil && a[1].lit != types.Int(-1) {
		return rest, nil
	}
	return fmt.Sprintf("CASE WHEN NOT (%s = -9223372036854775808 AND %s = -1) THEN %s END", a[0].sql, a[1].sql, rest), nil
}
