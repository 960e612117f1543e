package cel

import (
	"fmt"
	"math"
	"slices"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// The shape of a column's values: skewness and kurtosis from the moments of all
// values (kurtosis is 3 for a normal distribution), entropy of the values that
// occur, in nats, and the correlation of two columns: Pearson's, and Spearman's, which
// is that of the ranks. Doubles; null where
// they have no value: over no values, and of one value for all but entropy. NaN
// and infinities are left out, by pairs for the correlation.
var shapeAggregates = []aggregate{
	standardMoment("skewness", 3), standardMoment("kurtosis", 4),
	{name: "entropy", min: 1, max: 1,
		types: func(args []*expr) (result, *wrong) {
			if _, ok := tableType(args[0].typ, args[0].shape()); !ok {
				return doubleResult, &wrong{0, fmt.Sprintf("entropy takes no %s", typeName(args[0].typ)), ""}
			}
			return doubleResult, nil
		},
		eval: func(_ *metric, rows [][]ref.Val) ref.Val {
			total, sum := 0, 0.0
			found := groups(rows)
			for _, g := range found {
				total += len(g)
			}
			if total == 0 {
				return types.NullValue
			}
			for _, g := range found {
				p := float64(len(g)) / float64(total)
				sum -= p * math.Log(p)
			}
			return types.Double(sum)
		},
		duckdb: func(g *aggregation) (string, error) {
			return once("SELECT sum(-(n / t) * ln(n / t)) FROM (SELECT CAST(count(*) AS DOUBLE) AS n, CAST(sum(count(*)) OVER () AS DOUBLE) AS t FROM " + g.rows() + " GROUP BY dq_0)"), nil
		}},
	correlation("corr", func(xs []float64) []float64 { return xs }, "%s"),
	correlation("rank_corr", ranks, "(rank() OVER (ORDER BY %[1]s) + CAST(count(*) OVER (PARTITION BY %[1]s) - 1 AS DOUBLE) / 2)"),
}

// correlation is Pearson's of what a function makes of the values, and sql of x.
func correlation(name string, of func([]float64) []float64, sql string) aggregate {
	return aggregate{name: name, min: 2, max: 2,
		types: func(args []*expr) (result, *wrong) {
			for i := range args {
				if w := number(name, args[i]); w != nil {
					w.arg = i
					return doubleResult, w
				}
			}
			return doubleResult, nil
		},
		eval: func(_ *metric, rows [][]ref.Val) ref.Val {
			var xs, ys []float64
			for _, r := range rows {
				if r[0] == types.NullValue || r[1] == types.NullValue {
					continue
				}
				x, y := asDouble(r[0]), asDouble(r[1])
				if finiteDouble(x) && finiteDouble(y) {
					xs, ys = append(xs, x), append(ys, y)
				}
			}
			xs, ys = of(xs), of(ys)
			mx, my := average(xs), average(ys)
			var xy, xx, yy float64
			for i := range xs {
				dx, dy := xs[i]-mx, ys[i]-my
				xy, xx, yy = xy+dx*dy, xx+dx*dx, yy+dy*dy
			}
			if xx == 0 || yy == 0 {
				return types.NullValue
			}
			return types.Double(xy / math.Sqrt(xx) / math.Sqrt(yy))
		},
		duckdb: func(g *aggregation) (string, error) {
			return once(fmt.Sprintf("SELECT CASE WHEN sum(x * x) > 0 AND sum(y * y) > 0 THEN sum(x * y) / sqrt(sum(x * x)) / sqrt(sum(y * y)) END FROM "+
				"(SELECT x - avg(x) OVER () AS x, y - avg(y) OVER () AS y FROM (SELECT %s AS x, %s AS y FROM (SELECT CAST(dq_0 AS DOUBLE) AS x, CAST(dq_1 AS DOUBLE) AS y FROM %s) WHERE isfinite(x) AND isfinite(y)))",
				fmt.Sprintf(sql, "x"), fmt.Sprintf(sql, "y"), g.rows())), nil
		}}
}

// ranks are the places of the values in their order, from 1; values that are equal
// have the mean of theirs.
func ranks(xs []float64) []float64 {
	sorted := slices.Sorted(slices.Values(xs))
	of := make([]float64, len(xs))
	for i, x := range xs {
		first, _ := slices.BinarySearch(sorted, x)
		last := first
		for last+1 < len(sorted) && sorted[last+1] == x {
			last++
		}
		of[i] = float64(first+last)/2 + 1
	}
	return of
}

func standardMoment(name string, power int) aggregate {
	return aggregate{name: name, min: 1, max: 1,
		types: func(args []*expr) (result, *wrong) { return doubleResult, number(name, args[0]) },
		eval: func(_ *metric, rows [][]ref.Val) ref.Val {
			var xs []float64
			for _, v := range finiteValues(rows) {
				xs = append(xs, asDouble(v))
			}
			mean := average(xs)
			var second, sum float64
			for _, x := range xs {
				d := x - mean
				second += d * d
				sum += math.Pow(d, float64(power))
			}
			if second == 0 {
				return types.NullValue
			}
			n := float64(len(xs))
			return types.Double(sum / n / math.Pow(second/n, float64(power)/2))
		},
		duckdb: func(g *aggregation) (string, error) {
			return once(fmt.Sprintf("SELECT CASE WHEN sum(d * d) > 0 THEN avg(pow(d, %d)) / pow(avg(d * d), %g) END FROM "+
				"(SELECT x - avg(x) OVER () AS d FROM (SELECT CAST(dq_0 AS DOUBLE) AS x FROM %s) WHERE isfinite(x))", power, float64(power)/2, g.rows())), nil
		}}
}

func asDouble(v ref.Val) float64 {
	if d, ok := v.(decimal); ok {
		return d.float()
	}
	return toDouble(v)
}

func finiteDouble(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

func average(xs []float64) float64 {
	sum := 0.0
	for _, x := range xs {
		sum += x
	}
	return sum / float64(len(xs))
}
