package cel

import (
	"errors"
	"fmt"
	"math/big"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// div(x, y, scale) divides ints and decimals exactly and rounds half away from
// zero to scale places. A zero divisor is an error, and so is a dividend that
// passes 38 digits when it is brought to the places that the quotient needs.
var divFunctions = []function{{name: "div", style: global,
	doc:      "The quotient of two ints or decimals, exact up to some places; halves round away from zero. A zero divisor is an error.",
	examples: []string{"div(2, 3, 2) == 0.67", "div(-1, 2, 0) == -1", "div(decimal('1.00', 2), 8, 3) == 0.125"}, forms: divForms()}}

func divForms() []form {
	var forms []form
	for _, f := range numeric("div", func(id string, in []*types.Type) form {
		return form{id: id, in: []*types.Type{in[0], in[1], types.IntType}, out: decimalType,
			check: func(literals []ref.Val) *wrong {
				if n, ok := literals[2].(types.Int); !ok || n < 0 || n > maxDigits {
					return &wrong{2, "div takes the number of places, from 0 to 38, as a constant", "write div(x, y, 2)"}
				}
				return nil
			},
			shape: func(a []shape, literals []ref.Val) (shape, error) {
				n, ok := literals[2].(types.Int)
				if !ok {
					return shape{}, errors.New("div takes the number of places as a constant")
				}
				return shape{a[0].whole() + a[1].scale + int(n) + 1, int(n)}, nil
			},
			eval:   func(a []ref.Val) ref.Val { return divide(toDecimal(a[0]), toDecimal(a[1]), int(a[2].(types.Int))) },
			duckdb: duckdbDiv, spark: sparkDiv}
	}) {
		if f.in[0].Kind() != types.DoubleKind && f.in[1].Kind() != types.DoubleKind {
			forms = append(forms, f)
		}
	}
	return forms
}

func divide(x, y decimal, scale int) ref.Val {
	if y.unscaled.Sign() == 0 {
		return types.NewErr("division by zero")
	}
	n, d := decimal{x.unscaled, 0}, decimal{y.unscaled, 0}
	if up := scale + y.scale - x.scale; up >= 0 {
		n = decimal{new(big.Int).Mul(x.unscaled, pow10(up)), 0}
	} else {
		d = decimal{new(big.Int).Mul(y.unscaled, pow10(-up)), 0}
	}
	if !n.fits() || !d.fits() {
		return errDigits()
	}
	return checked(decimal{quoRound(n.unscaled, d.unscaled), scale})
}

// duckdbDiv computes with the unscaled numbers as HUGEINT. Half of the divisor,
// cut, is added before cutting: an odd divisor has no exact halves.
func duckdbDiv(w *writer, a []term) (string, error) {
	literal, ok := a[2].lit.(types.Int)
	if !ok {
		return "", w.unsupported("div whose places are no constant")
	}
	scale := int(literal)
	n, d := w.unscaled(a[0]), w.unscaled(a[1])
	up := scale + a[1].shape.scale - a[0].shape.scale
	raised, digits := &n, a[0].shape.precision
	if up < 0 {
		raised, digits, up = &d, a[1].shape.precision, -up
	}
	if up > maxDigits {
		return "", w.unsupported("div that moves the point by %d places", up)
	}
	fits := ""
	if digits+up > maxDigits {
		fits = fmt.Sprintf("abs(%s) < %s", *raised, hugeint(pow10(maxDigits-up)))
	}
	if up > 0 {
		*raised = "(" + *raised + " * " + hugeint(pow10(up)) + ")"
	}
	sql := fmt.Sprintf("TRY_CAST((abs(%s) + abs(%s) // 2) // abs(%s) * sign(%s) * sign(%s) AS DECIMAL(38,0))", n, d, d, n, d)
	if scale > 0 {
		sql = fmt.Sprintf("(%s * CAST('%s' AS DECIMAL(%d,%d)))", sql, decimal{big.NewInt(1), scale}, scale, scale)
	}
	if fits != "" {
		sql = "CASE WHEN " + fits + " THEN " + sql + " END"
	}
	return sql, nil
}

// sparkDiv computes with the unscaled numbers as BIGINT, the widest int of Spark.
func sparkDiv(w *writer, a []term) (string, error) {
	literal, ok := a[2].lit.(types.Int)
	if !ok {
		return "", w.unsupported("div whose places are no constant")
	}
	scale := int(literal)
	up := scale + a[1].shape.scale - a[0].shape.scale
	digits := [2]int{a[0].shape.precision + max(up, 0), a[1].shape.precision + max(-up, 0)}
	if max(digits[0], digits[1]) >= 18 || scale > 18 {
		return "", w.unsupported("div of numbers of %d digits", max(digits[0], digits[1]))
	}
	unscaled := func(t term, raise int) string {
		s := t.shape
		wide := shape{min(s.precision+s.scale, maxDigits), s.scale}
		x := fmt.Sprintf("CAST(%s * %sBD AS BIGINT)", w.dec(t, wide), pow10(s.scale))
		if t.typ.Kind() == types.IntKind {
			x = "CAST(" + t.sql + " AS BIGINT)"
		}
		if raise > 0 {
			x = "(" + x + " * " + pow10(raise).String() + "L)"
		}
		return x
	}
	n, d := unscaled(a[0], max(up, 0)), unscaled(a[1], max(-up, 0))
	whole := fmt.Sprintf("(abs(%s) + abs(%s) DIV 2) DIV abs(%s) * CASE WHEN (%s < 0) = (%s < 0) THEN 1 ELSE -1 END", n, d, d, n, d)
	if scale == 0 {
		return fmt.Sprintf("CASE WHEN %s <> 0 THEN CAST(%s AS DECIMAL(19,0)) END", d, whole), nil
	}
	return fmt.Sprintf("CASE WHEN %s <> 0 THEN CAST(%s AS DECIMAL(19,0)) * CAST('%s' AS DECIMAL(%d,%d)) END", d, whole, decimal{big.NewInt(1), scale}, scale, scale), nil
}

// unscaled writes the digits of an int or a decimal without the point, as HUGEINT.
func (w *writer) unscaled(t term) string {
	if t.typ.Kind() == types.IntKind {
		return "CAST(" + t.sql + " AS HUGEINT)"
	}
	s := t.shape
	switch {
	case s.scale == 0:
		return "CAST(" + w.dec(t, s) + " AS HUGEINT)"
	case s.precision+s.scale <= maxDigits:
		return fmt.Sprintf("CAST(%s * CAST(%s AS DECIMAL(%d,0)) AS HUGEINT)", w.dec(t, shape{maxDigits, s.scale}), pow10(s.scale), s.scale+1)
	}
	return "CAST(replace(CAST(" + w.dec(t, s) + " AS VARCHAR), '.', '') AS HUGEINT)"
}

func decimalLiteral(d decimal, precision int) string {
	return fmt.Sprintf("CAST('%s' AS DECIMAL(%d,%d))", d, precision, d.scale)
}

func hugeint(n *big.Int) string { return "CAST('" + n.String() + "' AS HUGEINT)" }
