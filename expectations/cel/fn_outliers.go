package cel

import (
	"fmt"
	"math"
	"slices"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// Rows that lie far from the others: beyond(x, k) counts those that are k
// standard deviations of the sample or more away from the mean, beyond_iqr(x, k)
// those that lie more than k times the distance of the quartiles below the first
// or above the third one. NaN and infinities are left out.
var outlierAggregates = []aggregate{
	outliers("beyond", func(xs []float64, k float64) (low, high float64, open bool) {
		mean, deviation := moments(xs)
		return mean - k*deviation, mean + k*deviation, false
	}, "avg(dq_0) OVER () - %[1]s * stddev_samp(dq_0) OVER ()", "avg(dq_0) OVER () + %[1]s * stddev_samp(dq_0) OVER ()", "dq_0 <= dq_l OR dq_0 >= dq_h"),
	outliers("beyond_iqr", func(xs []float64, k float64) (low, high float64, open bool) {
		sorted := slices.Clone(xs)
		slices.Sort(sorted)
		at := func(q float64) float64 {
			rank := float64(len(sorted)-1) * q
			i := int(rank)
			part := rank - float64(i)
			return sorted[i]*(1-part) + sorted[min(i+1, len(sorted)-1)]*part
		}
		q1, q3 := at(0.25), at(0.75)
		return q1 - k*(q3-q1), q3 + k*(q3-q1), true
	}, "quantile_cont(dq_0, 0.25) OVER () - %[1]s * (quantile_cont(dq_0, 0.75) OVER () - quantile_cont(dq_0, 0.25) OVER ())",
		"quantile_cont(dq_0, 0.75) OVER () + %[1]s * (quantile_cont(dq_0, 0.75) OVER () - quantile_cont(dq_0, 0.25) OVER ())", "dq_0 < dq_l OR dq_0 > dq_h"),
	movingOutliers,
}

func outliers(name string, limits func(xs []float64, k float64) (low, high float64, open bool), low, high, condition string) aggregate {
	factor := func(a *expr) (float64, bool) {
		v, ok := constantNumber(a)
		return v, ok && v >= 0
	}
	return aggregate{name: name, min: 2, max: 2,
		types: func(args []*expr) (result, *wrong) {
			if _, ok := factor(args[1]); !ok {
				return intResult, &wrong{1, name + " takes a number from 0 as a constant", "write " + name + "(x, 3.0)"}
			}
			return intResult, number(name, args[0])
		},
		eval: func(m *metric, rows [][]ref.Val) ref.Val {
			k, _ := factor(m.args[1])
			var xs []float64
			for _, v := range finiteValues(rows) {
				if d, ok := v.(decimal); ok {
					xs = append(xs, d.float())
					continue
				}
				xs = append(xs, toDouble(v))
			}
			var n types.Int
			if len(xs) < 2 {
				return n
			}
			if slices.ContainsFunc(xs, func(x float64) bool { return math.Abs(x) > mostSquared }) {
				for i := range xs {
					xs[i] *= smaller
				}
			}
			low, high, open := limits(xs, k)
			low, high = Round(low), Round(high)
			if !(low < high) { // all are one value
				return n
			}
			for _, x := range xs {
				x = Round(x)
				if open && (x < low || x > high) || !open && (x <= low || x >= high) {
					n++
				}
			}
			return n
		},
		duckdb: func(g *aggregation) (string, error) {
			k, _ := factor(g.metric.args[1])
			g.args = g.args[:1]
			x := "dq_0"
			finite := ""
			switch {
			case g.args[0].typ.Kind() == types.DoubleKind:
				finite = " WHERE isfinite(dq_0)"
			default:
				x = "CAST(dq_0 AS DOUBLE)"
			}
			rows := fmt.Sprintf("(SELECT %s AS dq_0 FROM %s%s)", x, g.rows(), finite)
			if finite != "" {
				rows = fmt.Sprintf("(SELECT dq_0 * CASE WHEN max(abs(dq_0)) OVER () > %g THEN %g ELSE 1e0 END AS dq_0 FROM %s)", mostSquared, smaller, rows)
			}
			text := g.doubleLiteral(k)
			return counted(fmt.Sprintf("SELECT count(*) FROM (SELECT %s AS dq_0, %s AS dq_l, %s AS dq_h FROM (SELECT dq_0, %s AS dq_l, %s AS dq_h FROM %s) WHERE dq_l < dq_h) WHERE dq_l < dq_h AND (%s)",
				twelve("dq_0"), twelve("dq_l"), twelve("dq_h"), fmt.Sprintf(low, text), fmt.Sprintf(high, text), rows, condition)), nil
		}}
}

// moments are the mean and the standard deviation of the sample.
func moments(xs []float64) (mean, deviation float64) {
	var vals []ref.Val
	sum := 0.0
	for _, x := range xs {
		vals = append(vals, types.Double(x))
		sum += x
	}
	v := variance(vals, 1)
	v.Sqrt(v)
	deviation, _ = v.Float64()
	return sum / float64(len(xs)), deviation
}

// DuckDB stops when a sum of squares is beyond double, so where a number is larger
// than mostSquared, all are made smaller first: who lies far from the others stays.
const (
	mostSquared = 1e150
	smaller     = 1e-160
)

// mostBefore is how many rows before may be looked at.
const mostBefore = 10_000

// beyond_moving(x, n, k, order) counts the rows that are more than k standard
// deviations away from the mean of the n rows before; not the first n, and none
// after n equal ones. NaN, infinities and what is larger than 1e150 are left out.
var movingOutliers = aggregate{name: "beyond_moving", min: 4, max: 4,
	types: func(args []*expr) (result, *wrong) {
		if n, ok := args[1].literal().(types.Int); !ok || n < 2 || n > mostBefore {
			return intResult, &wrong{1, fmt.Sprintf("beyond_moving takes a number of rows from 2 to %d as a constant", mostBefore), "write beyond_moving(x, 7, 3.0, day)"}
		}
		if k, ok := constantNumber(args[2]); !ok || k < 0 {
			return intResult, &wrong{2, "beyond_moving takes a number from 0 as a constant", "write beyond_moving(x, 7, 3.0, day)"}
		}
		if w := number("beyond_moving", args[0]); w != nil {
			return intResult, w
		}
		if w := orderable("beyond_moving", args[3:]); w != nil {
			w.arg += 3
			return intResult, w
		}
		return intResult, nil
	},
	eval: func(m *metric, rows [][]ref.Val) ref.Val {
		before := int(m.args[1].literal().(types.Int))
		k, _ := constantNumber(m.args[2])
		var n types.Int
		rows = slices.DeleteFunc(slices.Clone(rows), func(r []ref.Val) bool {
			x, ok := r[0].(types.Double)
			return ok && !(math.Abs(float64(x)) <= mostSquared)
		})
		for _, group := range ordered(rows, []int{3, 0}, 4, 1) {
			var xs []float64
			for _, r := range group {
				v := r[0]
				if d, ok := v.(decimal); ok {
					v = types.Double(d.float())
				}
				xs = append(xs, toDouble(v))
			}
			for i := before; i < len(xs); i++ {
				mean, deviation := moments(xs[i-before : i])
				low, high, x := Round(mean-k*deviation), Round(mean+k*deviation), Round(xs[i])
				if low < high && (x < low || x > high) {
					n++
				}
			}
		}
		return n
	},
	duckdb: func(g *aggregation) (string, error) {
		before := int(g.metric.args[1].literal().(types.Int))
		k, _ := constantNumber(g.metric.args[2])
		where := ""
		if g.args[0].typ.Kind() == types.DoubleKind {
			where = fmt.Sprintf(" WHERE abs(dq_0) <= %g", mostSquared)
		}
		frame := fmt.Sprintf("(ORDER BY dq_3, dq_0 ROWS BETWEEN %d PRECEDING AND 1 PRECEDING)", before)
		return counted(fmt.Sprintf("SELECT count(*) FROM (SELECT %s AS dq_x, %s AS dq_l, %s AS dq_h FROM (SELECT CAST(dq_0 AS DOUBLE) AS dq_x, avg(CAST(dq_0 AS DOUBLE)) OVER %[4]s AS dq_m, stddev_samp(CAST(dq_0 AS DOUBLE)) OVER %[4]s * %[5]s AS dq_s, count(*) OVER %[4]s AS dq_n FROM %[6]s%[7]s) WHERE dq_n = %[8]d) WHERE dq_l < dq_h AND (dq_x < dq_l OR dq_x > dq_h)",
			twelve("dq_x"), twelve("dq_m - dq_s"), twelve("dq_m + dq_s"), frame, g.doubleLiteral(k), g.rows(), where, before)), nil
	}}

// twelve keeps 12 digits of a double, as [Round] does.
func twelve(sql string) string {
	return fmt.Sprintf("CAST(format('{:.11e}', %s) AS DOUBLE)", sql)
}
