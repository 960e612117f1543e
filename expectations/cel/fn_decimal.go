package cel

import (
	"fmt"
	"math/big"
	"regexp"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// decimalText is what decimal() reads from text.
const decimalText = `[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)`

var decimalPattern = regexp.MustCompile(`\A(?:` + decimalText + `)\z`)

// Conversion to decimals: exact but for the places that are cut, which round half
// away from zero.
var decimalFunctions = []function{{name: "decimal", style: global,
	doc:      "A number, or the number in a text, as an exact decimal with some places; halves round away from zero. A double counts by its shortest text. An error above 38 digits, for NaN and for a text that is no number.",
	examples: []string{"decimal('12.345', 2) == 12.35", "decimal(7, 2) == 7", "decimal(0.1, 1) + decimal(0.2, 1) == decimal('0.3', 1)"},
	forms: []form{
		toDecimalForm("decimal_of_int", types.IntType, func(v ref.Val) (decimal, error) { return toDecimal(v), nil },
			func(w *writer, a term, to shape) (string, error) {
				return fmt.Sprintf("TRY_CAST(%s AS DECIMAL(%d,%d))", a.sql, to.precision, to.scale), nil
			}),
		toDecimalForm("decimal_of_decimal", decimalType, func(v ref.Val) (decimal, error) { return v.(decimal), nil },
			func(w *writer, a term, to shape) (string, error) {
				return fmt.Sprintf("TRY_CAST(%s AS DECIMAL(%d,%d))", w.dec(a, a.shape), to.precision, to.scale), nil
			}),
		toDecimalForm("decimal_of_double", types.DoubleType, func(v ref.Val) (decimal, error) {
			return parseDecimal(shortest(float64(v.(types.Double))))
		}, nil),
		toDecimalForm("decimal_of_string", types.StringType, func(v ref.Val) (decimal, error) {
			text := string(v.(types.String))
			if !decimalPattern.MatchString(text) || len(text) > 400 {
				return decimal{}, fmt.Errorf("%q is no decimal", text)
			}
			return parseDecimal(text)
		}, func(w *writer, a term, to shape) (string, error) {
			return fmt.Sprintf("CASE WHEN %s AND length(%s) <= 400 THEN TRY_CAST(%s AS DECIMAL(%d,%d)) END", w.fullMatch(a.sql, decimalText), a.sql, a.sql, to.precision, to.scale), nil
		}),
	}},
	{name: "decimalPlaces", style: global,
		doc:      "The number of places of a decimal that it needs, without zeros at the end.",
		examples: []string{"decimalPlaces(decimal('1.50', 2)) == 1", "decimalPlaces(decimal('3', 2)) == 0", "decimalPlaces(decimal('0.001', 3)) == 3"},
		forms: []form{{id: "decimal_places", in: []*types.Type{decimalType}, out: types.IntType, total: true,
			eval: func(a []ref.Val) ref.Val {
				d := a[0].(decimal)
				n, rest := new(big.Int).Set(d.unscaled), new(big.Int)
				places := d.scale
				for places > 0 {
					q, r := new(big.Int).QuoRem(n, big.NewInt(10), rest)
					if r.Sign() != 0 {
						break
					}
					n, places = q, places-1
				}
				return types.Int(places)
			},
			duckdb: func(w *writer, a []term) (string, error) {
				s := a[0].shape
				if s.scale == 0 {
					return "CASE WHEN " + a[0].sql + " IS NOT NULL THEN 0 END", nil
				}
				return "length(rtrim(split_part(CAST(" + w.dec(a[0], s) + " AS VARCHAR), '.', 2), '0'))", nil
			},
			spark: func(w *writer, a []term) (string, error) {
				s := a[0].shape
				switch {
				case s.scale == 0:
					return "CASE WHEN " + a[0].sql + " IS NOT NULL THEN 0L END", nil
				case s.scale > 6: // Spark may write these with an exponent
					return "", w.unsupported("decimalPlaces of a decimal with %d places", s.scale)
				}
				return "length(rtrim('0', split_part(CAST(" + w.dec(a[0], s) + " AS STRING), '.', 2)))", nil
			}}}},
}

func toDecimalForm(id string, in *types.Type, of func(ref.Val) (decimal, error), emit func(w *writer, a term, to shape) (string, error)) form {
	digits := func(a shape, n int) shape { // as many as the argument can need
		switch in {
		case types.IntType:
			return shape{min(a.precision+n, maxDigits), n}
		case decimalType:
			return shape{min(a.whole()+1+n, maxDigits), n}
		}
		return shape{maxDigits, n}
	}
	places := func(v ref.Val) (int, bool) {
		n, ok := v.(types.Int)
		return int(n), ok && n >= 0 && n <= maxDigits
	}
	f := form{id: id, in: []*types.Type{in, types.IntType}, out: decimalType,
		check: func(literals []ref.Val) *wrong {
			if _, ok := places(literals[1]); !ok {
				return &wrong{1, "decimal takes the number of places, from 0 to 38, as a constant", "write decimal(x, 2)"}
			}
			return nil
		},
		shape: func(a []shape, literals []ref.Val) (shape, error) {
			n, ok := places(literals[1])
			if !ok {
				return shape{}, fmt.Errorf("decimal takes the number of places as a constant")
			}
			return digits(a[0], n), nil
		},
		eval: func(a []ref.Val) ref.Val {
			d, err := of(a[0])
			if err != nil {
				return types.WrapErr(err)
			}
			return checked(d.rescale(int(a[1].(types.Int))))
		}}
	if emit != nil {
		both := func(w *writer, a []term) (string, error) {
			n, _ := places(a[1].lit)
			return emit(w, a[0], digits(a[0].shape, n))
		}
		f.duckdb, f.spark = both, both
	}
	return f
}
