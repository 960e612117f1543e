package cel

import (
	"fmt"
	"math/big"
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// Sums are exact for ints and decimals, and decimals: decimal(38,s). The mean of
// ints and doubles is a double; of decimals a decimal, rounded half away from
// zero, with up to six more places (fewer above 22 digits, none above 28).
var sumAggregates = []aggregate{
	{name: "sum", min: 1, max: 1, lists: true,
		types: func(args []*expr) (result, *wrong) {
			if args[0].typ.Kind() == types.DoubleKind {
				return doubleResult, nil
			}
			return decimalResult(shape{maxDigits, args[0].shape().scale}), number("sum", args[0])
		},
		eval: func(m *metric, rows [][]ref.Val) ref.Val {
			values := finiteValues(rows)
			if len(values) == 0 {
				return types.NullValue
			}
			if _, ok := values[0].(types.Double); ok {
				return types.Double(sumDoubles(values))
			}
			return sumDecimals(values, m.result.shape.scale)
		},
		duckdb: func(g *aggregation) (string, error) {
			if g.args[0].typ.Kind() == types.DoubleKind {
				return "fsum(" + g.finite(g.args[0].sql) + ")", nil
			}
			if x := g.args[0]; isDecimal(x.typ) && x.shape.precision > freeDigits {
				return g.wideSum(), nil
			}
			return "sum(" + g.among(g.exact()) + ")", nil
		},
		spark: func(g *aggregation) (string, error) {
			if g.args[0].typ.Kind() == types.DoubleKind {
				return "sum(" + g.finite(g.args[0].sql) + ")", nil
			}
			return g.sparkSum()
		}},
	{name: "mean", min: 1, max: 1, lists: true,
		types: func(args []*expr) (result, *wrong) {
			if isDecimal(args[0].typ) {
				s := args[0].shape()
				return decimalResult(shape{maxDigits, min(s.scale+max(0, min(6, 28-s.precision)), maxDigits)}), nil
			}
			return doubleResult, number("mean", args[0])
		},
		eval: func(m *metric, rows [][]ref.Val) ref.Val {
			values := finiteValues(rows)
			if len(values) == 0 {
				return types.NullValue
			}
			n := len(values)
			switch values[0].(type) {
			case types.Double:
				return types.Double(sumDoubles(values) / float64(n))
			case types.Int:
				return types.Double(sumDecimals(values, 0).float() / float64(n))
			}
			sum := sumDecimals(values, m.result.shape.scale)
			return decimal{quoRound(sum.unscaled, big.NewInt(int64(n))), sum.scale}
		},
		duckdb: func(g *aggregation) (string, error) {
			switch x := g.args[0]; {
			case x.typ.Kind() == types.DoubleKind:
				return "favg(" + g.finite(x.sql) + ")", nil
			case x.typ.Kind() == types.IntKind:
				return fmt.Sprintf("CAST(sum(%[1]s) AS DOUBLE) / nullif(count(%[1]s), 0)", g.among(x.sql)), nil
			default:
				if x.shape.precision > freeDigits {
					return g.wideMean(), nil
				}
				to := g.metric.result.shape.scale
				n := fmt.Sprintf("CAST(replace(CAST(sum(%s) AS VARCHAR), '.', '') AS HUGEINT)", g.among(g.exact()))
				if up := to - x.shape.scale; up > 0 {
					n += " * " + hugeint(pow10(up))
				}
				count := fmt.Sprintf("CAST(count(%s) AS HUGEINT)", g.among(x.sql))
				mean := fmt.Sprintf("CAST((abs(%s) + %s // 2) // %s * sign(%s) AS DECIMAL(38,0))", n, count, count, n)
				if to == 0 {
					return mean, nil
				}
				return mean + " * " + decimalLiteral(decimal{big.NewInt(1), to}, to), nil
			}
		},
		spark: func(g *aggregation) (string, error) {
			switch x := g.args[0]; {
			case x.typ.Kind() == types.DoubleKind:
				return "avg(" + g.finite(x.sql) + ")", nil
			case x.typ.Kind() == types.IntKind:
				sum, err := g.sparkSum()
				return fmt.Sprintf("CAST(%s AS DOUBLE) / nullif(count(%s), 0)", sum, g.among(x.sql)), err
			}
			return "", g.unsupported("a mean of decimals")
		}},
}

// sparkSum is an exact sum: Spark gives sums ten digits more than their numbers.
func (g *aggregation) sparkSum() (string, error) {
	s := g.args[0].shape
	if s.precision > 28 {
		return "", g.unsupported("a sum of decimals of %d digits", s.precision)
	}
	return fmt.Sprintf("sum(%s)", g.among(fmt.Sprintf("CAST(%s AS DECIMAL(28,%d))", g.args[0].sql, s.scale))), nil
}

// freeDigits is how many digits numbers may have so that DuckDB can add ten thousand
// million of them: its sum stops the query above 38 digits and a half.
const freeDigits = 28

// wideSum adds the numbers above 10^28 apart, as numbers of any size, and gives text if
// there are such.
func (g *aggregation) wideSum() string {
	x, scale := g.exact(), g.args[0].shape.scale
	limit := decimalLiteral(decimal{pow10(freeDigits), scale}, maxDigits)
	digits := func(sql string) string { return "CAST(replace(CAST(" + sql + " AS VARCHAR), '.', '') AS BIGNUM)" }
	small := "sum(" + g.among(x, "abs("+x+") < "+limit) + ")"
	large := "sum(" + g.among(digits(x), "abs("+x+") >= "+limit) + ")"
	sum := fmt.Sprintf("CAST(coalesce(%s, CAST('0' AS BIGNUM)) + %s AS VARCHAR)", digits(small), large)
	if scale > 0 {
		sum = fmt.Sprintf(`regexp_replace(regexp_replace(%s, '^-?', '\0%s'), '^(-?)0*([0-9]+)([0-9]{%d})$', '\1\2.\3')`, sum, strings.Repeat("0", scale+1), scale)
	}
	return fmt.Sprintf("CASE WHEN %s IS NULL THEN CAST(%s AS VARCHAR) ELSE %s END", large, small, sum)
}

// wideMean is the mean of numbers of more than 28 digits, which has their own places.
// Those above 10^28 are added in two parts, q*10^19 + r, so that no sum overflows; what
// is divided then is below 2*10^28 times their number. A lambda gives a part its name.
func (g *aggregation) wideMean() string {
	x, scale := g.exact(), g.args[0].shape.scale
	limit := decimalLiteral(decimal{pow10(freeDigits), scale}, maxDigits)
	half := hugeint(pow10(maxDigits / 2))
	digits := func(sql string) string { return "CAST(replace(CAST(" + sql + " AS VARCHAR), '.', '') AS HUGEINT)" }
	small := "sum(" + g.among(x, "abs("+x+") < "+limit) + ")"
	part := func(op string) string {
		return "coalesce(sum(" + g.among(digits(x)+" "+op+" "+half, "abs("+x+") >= "+limit) + "), 0)"
	}
	sql := fmt.Sprintf("[{'n': CAST(nullif(count(%s), 0) AS HUGEINT), 's': coalesce(%s, 0), 'q': %s, 'r': %s}]", g.among(x), digits(small), part("//"), part("%"))
	for _, step := range []string{
		"{'n': dq_m.n, 'q': dq_m.q // dq_m.n, 'r': dq_m.q % dq_m.n * " + half + " + dq_m.r + dq_m.s}",
		"{'n': dq_m.n, 'q': dq_m.q * " + half + " + (dq_m.r - (dq_m.r % dq_m.n + dq_m.n) % dq_m.n) // dq_m.n, 'r': (dq_m.r % dq_m.n + dq_m.n) % dq_m.n}",
		"CAST(dq_m.q + CASE WHEN dq_m.r * 2 > dq_m.n OR dq_m.r * 2 = dq_m.n AND dq_m.q >= 0 THEN 1 ELSE 0 END AS DECIMAL(38,0))",
	} {
		sql = "list_transform(" + sql + ", lambda dq_m: " + step + ")"
	}
	if sql += "[1]"; scale > 0 {
		sql += " * " + decimalLiteral(decimal{big.NewInt(1), scale}, scale)
	}
	return sql
}

// exact is the argument in its own shape, so that its sum has that scale.
func (g *aggregation) exact() string {
	if isDecimal(g.args[0].typ) {
		return g.dec(g.args[0], g.args[0].shape)
	}
	return g.args[0].sql
}

func sumDecimals(values []ref.Val, scale int) decimal {
	sum := new(big.Int)
	for _, v := range values {
		sum.Add(sum, toDecimal(v).rescale(scale).unscaled)
	}
	return decimal{sum, scale}
}

// sumDoubles adds exactly and rounds once.
func sumDoubles(values []ref.Val) float64 {
	sum := new(big.Float).SetPrec(2200)
	for _, v := range values {
		sum.Add(sum, big.NewFloat(toDouble(v)))
	}
	x, _ := sum.Float64()
	return x
}
