package cel

import (
	"cmp"
	"fmt"

	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// Order. Null has none, NaN is in no order with anything, text is ordered by its bytes.
var comparisonFunctions = []function{
	{name: operators.Less, style: operator, forms: ordering("less", "<", func(c int) bool { return c < 0 })},
	{name: operators.LessEquals, style: operator, forms: ordering("less_equals", "<=", func(c int) bool { return c <= 0 })},
	{name: operators.Greater, style: operator, forms: ordering("greater", ">", func(c int) bool { return c > 0 })},
	{name: operators.GreaterEquals, style: operator, forms: ordering("greater_equals", ">=", func(c int) bool { return c >= 0 })},
}

func ordering(name, op string, holds func(c int) bool) []form {
	forms := numeric(name, func(id string, in []*types.Type) form {
		f := form{id: id, in: in, out: types.BoolType, total: true}
		switch commonType(in[0], in[1]) {
		case types.IntType:
			f.eval = func(a []ref.Val) ref.Val {
				return types.Bool(holds(cmp.Compare(a[0].(types.Int), a[1].(types.Int))))
			}
			f.duckdb, f.spark = plainComparison(op), plainComparison(op)
		case types.DoubleType:
			f.eval = func(a []ref.Val) ref.Val {
				x, y := toDouble(a[0]), toDouble(a[1])
				return types.Bool(x == x && y == y && holds(cmp.Compare(x, y)))
			}
			f.duckdb, f.spark = doubleComparison(op), doubleComparison(op)
		default:
			f.eval = func(a []ref.Val) ref.Val { return types.Bool(holds(toDecimal(a[0]).cmp(toDecimal(a[1])))) }
			f.duckdb = func(w *writer, a []term) (string, error) {
				s := meet(a[0].shape, a[1].shape)
				if s.precision > maxDigits {
					return "", w.unsupported("a comparison of decimals that needs %d digits", s.precision)
				}
				return fmt.Sprintf("(%s %s %s)", w.dec(a[0], s), op, w.dec(a[1], s)), nil
			}
			f.spark = f.duckdb
		}
		return f
	})
	same := func(kind string, t *types.Type, compare func(a, b ref.Val) int) {
		forms = append(forms, form{id: name + "_" + kind, in: []*types.Type{t, t}, out: types.BoolType, total: true,
			eval:   func(a []ref.Val) ref.Val { return types.Bool(holds(compare(a[0], a[1]))) },
			duckdb: plainComparison(op), spark: plainComparison(op)})
	}
	same("bool", types.BoolType, compare)
	same("bytes", types.BytesType, compare)
	same("string", types.StringType, func(a, b ref.Val) int { return cmp.Compare(a.(types.String), b.(types.String)) })
	same("timestamp", types.TimestampType, func(a, b ref.Val) int {
		return a.(types.Timestamp).Time.Compare(b.(types.Timestamp).Time)
	})
	same("date", dateType, func(a, b ref.Val) int { return a.(date).Compare(b.(date).Time) })
	same("duration", types.DurationType, func(a, b ref.Val) int {
		return cmp.Compare(a.(types.Duration).Duration, b.(types.Duration).Duration)
	})
	return forms
}

func plainComparison(op string) emitFunc {
	return func(w *writer, a []term) (string, error) {
		return "(" + a[0].sql + " " + op + " " + a[1].sql + ")", nil
	}
}

// doubleComparison keeps NaN out, which DuckDB takes for the largest number and
// equal to itself: only where it would be the larger side can it do harm.
func doubleComparison(op string) emitFunc {
	return func(w *writer, a []term) (string, error) {
		x, y := w.double(a[0]), w.double(a[1])
		large, other, otherTerm, largeTerm := y, x, a[0], a[1]
		if op[0] == '>' {
			large, other, otherTerm, largeTerm = x, y, a[1], a[0]
		}
		plain := x + " " + op + " " + y
		switch {
		case largeTerm.lit != nil || largeTerm.typ.Kind() == types.IntKind:
			return "(" + plain + ")", nil
		case otherTerm.lit != nil:
			return fmt.Sprintf("(%s AND NOT isnan(%s))", plain, large), nil
		}
		return fmt.Sprintf("(%s AND NOT (isnan(%s) AND %s IS NOT NULL))", plain, large, other), nil
	}
}
