package cel

import (
	"fmt"
	"math/big"
	"reflect"
	"strconv"
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// maxDigits is the most digits that a decimal has, as in Delta and in SQL engines.
const maxDigits = 38

var decimalType = types.NewOpaqueType("decimal")

// decimal is an exact number: unscaled times ten to the power of -scale. It is
// a CEL value; its int must not be changed.
type decimal struct {
	unscaled *big.Int
	scale    int
}

var _ ref.Val = decimal{}

// parseDecimal reads digits with an optional sign, point and exponent.
func parseDecimal(text string) (decimal, error) {
	mantissa, exponent := text, 0
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		n, err := strconv.Atoi(text[i+1:])
		if err != nil || n < -400 || n > 400 {
			return decimal{}, fmt.Errorf("%q is not a decimal number", text)
		}
		mantissa, exponent = text[:i], n
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := strings.TrimLeft(whole, "+-") + fraction
	if digits == "" || strings.Trim(digits, "0123456789") != "" || len(whole)-len(strings.TrimLeft(whole, "+-")) > 1 {
		return decimal{}, fmt.Errorf("%q is not a decimal number", text)
	}
	unscaled, _ := new(big.Int).SetString(digits, 10)
	if strings.HasPrefix(whole, "-") {
		unscaled.Neg(unscaled)
	}
	d := decimal{unscaled, len(fraction) - exponent}
	if d.scale < 0 {
		d = d.rescale(0)
	}
	return d, nil
}

func intDecimal(n int64) decimal { return decimal{big.NewInt(n), 0} }

func pow10(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }

// rescale changes the scale; fewer places round half away from zero.
func (d decimal) rescale(scale int) decimal {
	switch {
	case scale == d.scale:
		return d
	case scale > d.scale:
		return decimal{new(big.Int).Mul(d.unscaled, pow10(scale-d.scale)), scale}
	}
	return decimal{quoRound(d.unscaled, pow10(d.scale-scale)), scale}
}

// quoRound divides and rounds half away from zero; y is not zero.
func quoRound(x, y *big.Int) *big.Int {
	half := new(big.Int).Rsh(new(big.Int).Abs(y), 1)
	q := new(big.Int).Add(new(big.Int).Abs(x), half)
	q.Quo(q, new(big.Int).Abs(y))
	if x.Sign()*y.Sign() < 0 {
		q.Neg(q)
	}
	return q
}

// fits reports whether the unscaled number has at most maxDigits digits.
func (d decimal) fits() bool { return d.unscaled.CmpAbs(tooLarge) < 0 }

var tooLarge = pow10(maxDigits)

func (d decimal) cmp(o decimal) int {
	scale := max(d.scale, o.scale)
	return d.rescale(scale).unscaled.Cmp(o.rescale(scale).unscaled)
}

func (d decimal) rat() *big.Rat { return new(big.Rat).SetFrac(d.unscaled, pow10(d.scale)) }

// float is the nearest double.
func (d decimal) float() float64 {
	f, _ := d.rat().Float64()
	return f
}

// String writes all places of the scale: -12.340.
func (d decimal) String() string {
	s := new(big.Int).Abs(d.unscaled).String()
	if d.scale > 0 {
		if len(s) <= d.scale {
			s = strings.Repeat("0", d.scale-len(s)+1) + s
		}
		s = s[:len(s)-d.scale] + "." + s[len(s)-d.scale:]
	}
	if d.unscaled.Sign() < 0 {
		s = "-" + s
	}
	return s
}

func (d decimal) ConvertToNative(t reflect.Type) (any, error) {
	return nil, fmt.Errorf("a decimal has no native form as %v", t)
}

func (d decimal) ConvertToType(t ref.Type) ref.Val {
	return types.NewErr("a decimal does not convert to %s", t.TypeName())
}

func (d decimal) Equal(other ref.Val) ref.Val {
	o, ok := other.(decimal)
	return types.Bool(ok && d.cmp(o) == 0)
}

func (d decimal) Type() ref.Type { return decimalType }
func (d decimal) Value() any     { return d.String() }
