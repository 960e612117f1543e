package cel

import (
	"fmt"
	"math"
	"math/big"
	"slices"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// Quantiles by R-7: linear between the two nearest values. Doubles for ints and
// doubles; exact decimals for decimals, with the places of the fraction added.
var quantileAggregates = []aggregate{
	{name: "median", min: 1, max: 1, lists: true,
		types: func(args []*expr) (result, *wrong) {
			return quantileTypes("median", args[0], decimal{big.NewInt(5), 1})
		},
		eval:   func(m *metric, rows [][]ref.Val) ref.Val { return quantile(m, rows, decimal{big.NewInt(5), 1}) },
		duckdb: func(g *aggregation) (string, error) { return g.quantile(decimal{big.NewInt(5), 1}) },
		spark:  func(g *aggregation) (string, error) { return g.quantile(decimal{big.NewInt(5), 1}) }},
	{name: "quantile", min: 2, max: 2,
		types: func(args []*expr) (result, *wrong) {
			q, ok := fraction(args[1])
			if !ok {
				return result{}, &wrong{1, "quantile takes a fraction from 0.0 to 1.0 as a constant", "write quantile(x, 0.99)"}
			}
			return quantileTypes("quantile", args[0], q)
		},
		eval: func(m *metric, rows [][]ref.Val) ref.Val {
			q, _ := fraction(m.args[1])
			return quantile(m, rows, q)
		},
		duckdb: quantileSQL, spark: quantileSQL},
	// Engines estimate it in one pass and little memory; the reference is exact.
	{name: "approx_quantile", min: 2, max: 2,
		types: func(args []*expr) (result, *wrong) {
			if _, ok := fraction(args[1]); !ok {
				return result{}, &wrong{1, "approx_quantile takes a fraction from 0.0 to 1.0 as a constant", "write approx_quantile(x, 0.99)"}
			}
			return doubleResult, number("approx_quantile", args[0])
		},
		eval: func(m *metric, rows [][]ref.Val) ref.Val {
			q, _ := fraction(m.args[1])
			for _, r := range rows {
				if d, ok := r[0].(decimal); ok {
					r[0] = types.Double(d.float())
				}
			}
			return quantile(m, rows, q)
		},
		duckdb: func(g *aggregation) (string, error) { return g.approximate("approx_quantile"), nil },
		spark:  func(g *aggregation) (string, error) { return g.approximate("percentile_approx"), nil }},
	// The median of the distances from the median, as doubles.
	{name: "mad", min: 1, max: 1,
		types: func(args []*expr) (result, *wrong) { return doubleResult, number("mad", args[0]) },
		eval: func(_ *metric, rows [][]ref.Val) ref.Val {
			var xs []float64
			for _, v := range finiteValues(rows) {
				if d, ok := v.(decimal); ok {
					v = types.Double(d.float())
				}
				xs = append(xs, toDouble(v))
			}
			if len(xs) == 0 {
				return types.NullValue
			}
			middle := middleOf(xs)
			for i, x := range xs {
				xs[i] = math.Abs(x - middle)
			}
			return types.Double(middleOf(xs))
		},
		duckdb: func(g *aggregation) (string, error) { return g.deviation("quantile_cont(%s, 0.5)") },
		spark:  func(g *aggregation) (string, error) { return g.deviation("percentile(%s, 0.5D)") }},
}

// deviation writes mad with the dialect's median.
func (g *aggregation) deviation(median string) (string, error) {
	x, where := "CAST(dq_0 AS DOUBLE)", ""
	if g.args[0].typ.Kind() == types.DoubleKind {
		where = " WHERE " + g.isFinite("dq_0")
	}
	rows := fmt.Sprintf("(SELECT %s AS dq_x FROM %s%s)", x, g.rows(), where)
	return once(fmt.Sprintf("SELECT %s FROM (SELECT dq_x, %s OVER () AS dq_m FROM %s)", fmt.Sprintf(median, "abs(dq_x - dq_m)"), fmt.Sprintf(median, "dq_x"), rows)), nil
}

// middleOf sorts numbers, and gives the one in the middle, or the mean of the two.
func middleOf(xs []float64) float64 {
	slices.Sort(xs)
	low, high := xs[(len(xs)-1)/2], xs[len(xs)/2]
	return low + (high-low)*0.5
}

func (g *aggregation) approximate(function string) string {
	q, _ := fraction(g.metric.args[1])
	return fmt.Sprintf("%s(%s, %s)", function, g.finite("CAST("+g.args[0].sql+" AS DOUBLE)"), q)
}

// fraction is the constant of quantile, with at most 18 places.
func fraction(a *expr) (decimal, bool) {
	var q decimal
	switch v := a.literal().(type) {
	case types.Int:
		q = intDecimal(int64(v))
	case types.Double:
		d, err := parseDecimal(shortest(float64(v)))
		if err != nil {
			return q, false
		}
		q = d
	default:
		return q, false
	}
	return q, q.unscaled.Sign() >= 0 && q.cmp(intDecimal(1)) <= 0 && q.scale <= 18
}

func quantileTypes(name string, x *expr, q decimal) (result, *wrong) {
	if !isDecimal(x.typ) {
		return doubleResult, number(name, x)
	}
	s := x.shape()
	if s.precision+q.scale+1 > maxDigits {
		return result{}, &wrong{0, fmt.Sprintf("%s of decimal(%d,%d) needs more than 38 digits", name, s.precision, s.scale), "write double(x) for the argument"}
	}
	return decimalResult(shape{s.precision + q.scale + 1, s.scale + q.scale}), nil
}

func quantile(m *metric, rows [][]ref.Val, q decimal) ref.Val {
	values := finiteValues(rows)
	if len(values) == 0 {
		return types.NullValue
	}
	slices.SortFunc(values, compare)
	if _, ok := values[0].(decimal); ok {
		rank := new(big.Int).Mul(big.NewInt(int64(len(values)-1)), q.unscaled)
		index, rest := rank.QuoRem(rank, pow10(q.scale), new(big.Int))
		i := int(index.Int64())
		scale := m.result.shape.scale - q.scale
		low := values[i].(decimal).rescale(scale).unscaled
		high := values[min(i+1, len(values)-1)].(decimal).rescale(scale).unscaled
		sum := new(big.Int).Sub(high, low)
		sum.Mul(sum, rest).Add(sum, new(big.Int).Mul(low, pow10(q.scale)))
		return decimal{sum, m.result.shape.scale}
	}
	rank := float64(len(values)-1) * q.float()
	i := int(math.Floor(rank))
	low, high, part := toDouble(values[i]), toDouble(values[min(i+1, len(values)-1)]), rank-math.Floor(rank)
	return types.Double(low*(1-part) + high*part)
}

func quantileSQL(g *aggregation) (string, error) {
	q, _ := fraction(g.metric.args[1])
	return g.quantile(q)
}

func (g *aggregation) quantile(q decimal) (string, error) {
	x := g.args[0]
	switch {
	case g.isSpark() && isDecimal(x.typ):
		return "", g.unsupported("a quantile of decimals")
	case g.isSpark():
		return fmt.Sprintf("percentile(%s, %s)", g.finite(g.double(x)), q), nil
	case !isDecimal(x.typ):
		return fmt.Sprintf("quantile_cont(%s, %s)", g.finite(g.double(x)), q), nil
	}
	g.args = []term{{sql: g.dec(x, x.shape)}}
	out, one := g.metric.result.shape, pow10(q.scale)
	// The value of the rank below, and what lies between it and the next one.
	rank := fmt.Sprintf("(n - 1) * CAST('%s' AS HUGEINT)", q.unscaled)
	low := fmt.Sprintf("min(dq_0) FILTER (WHERE i = %s // %s)", rank, hugeint(one))
	high := fmt.Sprintf("coalesce(min(dq_0) FILTER (WHERE i = %s // %s + 1), max(dq_0))", rank, hugeint(one))
	part := fmt.Sprintf("CAST(max(%s %% %s) AS DECIMAL(%d,0))", rank, hugeint(one), max(q.scale, 1))
	if q.scale > 0 {
		part = fmt.Sprintf("CAST(%s * %s AS DECIMAL(%d,%d))", part, decimalLiteral(decimal{big.NewInt(1), q.scale}, q.scale), q.scale, q.scale)
	}
	wide := func(sql string) string {
		return fmt.Sprintf("CAST(%s AS DECIMAL(%d,%d))", sql, max(x.shape.precision, 19), x.shape.scale)
	}
	result := fmt.Sprintf("CAST(%s AS DECIMAL(%d,%d)) + (%s - %s) * %s", wide(low), out.precision, out.scale, wide(high), wide(low), part)
	return once(fmt.Sprintf("SELECT CAST(%s AS DECIMAL(%d,%d)) FROM (SELECT dq_0, row_number() OVER (ORDER BY dq_0) - 1 AS i, CAST(count(*) OVER () AS HUGEINT) AS n FROM %s)",
		result, out.precision, out.scale, g.rows())), nil
}
