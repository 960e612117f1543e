package cel

import (
	"fmt"
	"math"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// The largest and the smallest of some numbers, or of the elements of a list of
// numbers. NaN, null and an empty list are errors. With more than two arguments
// the tree holds nested calls.
var extremumFunctions = []function{
	extremum("math.greatest", ">=", 1, "The largest of some numbers or of a list of numbers; an error for NaN, null and an empty list.",
		"math.greatest(1, 3, 2) == 3", "math.greatest(1, 2.5) == 2.5", "math.greatest([4, 2]) == 4"),
	extremum("math.least", "<=", -1, "The smallest of some numbers or of a list of numbers; an error for NaN, null and an empty list.",
		"math.least(1, 3, 2) == 1", "math.least(-1, 2.5) == -1.0", "math.least([4, 2]) == 2"),
}

func extremum(name, op string, sign int, doc string, examples ...string) function {
	f := function{name: name, style: global, doc: doc, examples: examples}
	f.forms = numeric(name, func(id string, in []*types.Type) form {
		f := form{id: id, in: in, out: commonType(in[0], in[1]), total: true}
		emit := func(w *writer, a []term) (string, error) { return w.extremum(op, a[0], a[1]) }
		f.duckdb, f.spark = emit, emit
		switch f.out {
		case types.IntType:
			f.eval = func(a []ref.Val) ref.Val { return better(a[0], a[1], sign) }
		case types.DoubleType:
			f.total = false
			f.eval = func(a []ref.Val) ref.Val {
				x, y := toDouble(a[0]), toDouble(a[1])
				if math.IsNaN(x) || math.IsNaN(y) {
					return types.NewErr("NaN has no order")
				}
				return better(types.Double(x), types.Double(y), sign)
			}
		default:
			f.digits = true
			f.shape = func(a []shape, _ []ref.Val) (shape, error) { return meet(a[0], a[1]), nil }
			f.eval = func(a []ref.Val) ref.Val {
				x, y := toDecimal(a[0]), toDecimal(a[1])
				scale := max(x.scale, y.scale)
				x, y = x.rescale(scale), y.rescale(scale)
				if !x.fits() || !y.fits() {
					return errDigits()
				}
				return better(x, y, sign)
			}
		}
		return f
	})
	for _, t := range []struct {
		name string
		typ  *types.Type
	}{{"int", types.IntType}, {"double", types.DoubleType}, {"decimal", decimalType}} {
		list := form{id: name + "_list_" + t.name, in: []*types.Type{types.NewListType(t.typ)}, out: t.typ,
			eval: func(a []ref.Val) ref.Val {
				var best ref.Val
				for it := a[0].(traits.Lister).Iterator(); it.HasNext() == types.True; {
					v := it.Next()
					if x, ok := v.(types.Double); ok && math.IsNaN(float64(x)) || v == types.NullValue {
						return types.NewErr("NaN and null have no order")
					}
					if best == nil {
						best = v
					}
					best = better(best, v, sign)
				}
				if best == nil {
					return types.NewErr("an empty list has no extremes")
				}
				return best
			}}
		if t.typ == decimalType {
			list.shape = firstShape
		}
		if t.typ == types.IntType {
			extreme := func(w *writer, a []term) (string, error) {
				name := map[string][2]string{"duckdb": {"list_max", "list_min"}, "spark": {"array_max", "array_min"}}[w.dialect.Name()]
				f := name[0]
				if sign < 0 {
					f = name[1]
				}
				return fmt.Sprintf("CASE WHEN NOT %s THEN %s(%s) END", w.anyNull(a[0].sql), f, a[0].sql), nil
			}
			list.duckdb, list.spark = extreme, extreme
		}
		f.forms = append(f.forms, list)
	}
	return f
}

// better is a unless b is larger (sign 1) or smaller (-1).
func better(a, b ref.Val, sign int) ref.Val {
	if compare(b, a)*sign > 0 {
		return b
	}
	return a
}

func (w *writer) extremum(op string, a, b term) (string, error) {
	x, y, nan, err := a.sql, b.sql, "", error(nil)
	switch {
	case isDecimal(a.typ) || isDecimal(b.typ):
		s := meet(a.shape, b.shape)
		if s.precision > maxDigits {
			return "", w.unsupported("a comparison of decimals that needs %d digits", s.precision)
		}
		x, y = w.dec(a, s), w.dec(b, s)
	case a.typ.Kind() == types.DoubleKind || b.typ.Kind() == types.DoubleKind:
		x, y = w.double(a), w.double(b)
		nan = fmt.Sprintf("isnan(%s) OR isnan(%s)", x, y)
	default:
		x, y = "CAST("+x+" AS BIGINT)", "CAST("+y+" AS BIGINT)"
	}
	if nan != "" {
		return fmt.Sprintf("CASE WHEN %s THEN NULL WHEN %s %s %s THEN %s WHEN %s IS NOT NULL AND %s IS NOT NULL THEN %s END", nan, x, op, y, x, x, y, y), err
	}
	return fmt.Sprintf("CASE WHEN %s %s %s THEN %s WHEN NOT %s %s %s THEN %s END", x, op, y, x, x, op, y, y), err
}
