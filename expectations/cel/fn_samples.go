package cel

import (
	"fmt"
	"math"
	"slices"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// Samples that are compared: ks(x, y) is the greatest distance of the two columns'
// empirical distributions (Kolmogorov-Smirnov), wasserstein(x, y) the area between
// them; a row that lacks one of both counts for the other, NaN and infinities are
// left out. cramers_v(x, y) is how far values of one column tell those of another,
// from 0 to 1 (Cramér's V, without a correction), null where one has a single
// value. nearest_quantile(x, q) is the value whose rank is nearest to q, the one of
// even rank of two: no number that does not occur.
var sampleAggregates = []aggregate{
	twoSamples("ks", func(steps []step) float64 {
		most := 0.0
		for _, s := range steps {
			most = max(most, math.Abs(s.below))
		}
		return most
	}, "max(abs(dq_d))"),
	twoSamples("wasserstein", func(steps []step) float64 {
		area := 0.0
		for i := 0; i+1 < len(steps); i++ {
			area += math.Abs(steps[i].below) * (steps[i+1].value - steps[i].value)
		}
		return area
	}, "coalesce(sum(abs(dq_d) * (dq_next - dq_v)), CASE WHEN max(dq_d) IS NOT NULL THEN 0.0 END)"),
	{name: "cramers_v", min: 2, max: 2,
		types: func(args []*expr) (result, *wrong) {
			_, w := countable("cramers_v")(args)
			return doubleResult, w
		},
		eval: func(_ *metric, rows [][]ref.Val) ref.Val {
			cells := groups(rows)
			n, left, right := 0.0, map[string]float64{}, map[string]float64{}
			for _, g := range cells {
				left[keyOf(g[0][:1])] += float64(len(g))
				right[keyOf(g[0][1:])] += float64(len(g))
				n += float64(len(g))
			}
			if len(left) < 2 || len(right) < 2 {
				return types.NullValue
			}
			var parts []float64
			for _, g := range cells {
				parts = append(parts, float64(len(g))*float64(len(g))/(left[keyOf(g[0][:1])]*right[keyOf(g[0][1:])]))
			}
			slices.Sort(parts)
			phi := -1.0
			for _, p := range parts {
				phi += p
			}
			if phi < tinyPhi { // what is left of rounding
				phi = 0
			}
			return types.Double(math.Sqrt(phi / float64(min(len(left), len(right))-1)))
		},
		duckdb: cramersSQL, spark: cramersSQL},
	{name: "nearest_quantile", min: 2, max: 2,
		types: func(args []*expr) (result, *wrong) {
			if _, ok := fraction(args[1]); !ok {
				return result{}, &wrong{1, "nearest_quantile takes a fraction from 0.0 to 1.0 as a constant", "write nearest_quantile(x, 0.99)"}
			}
			r, ok := resultOf(args[0])
			if !ok {
				return result{}, &wrong{0, fmt.Sprintf("nearest_quantile takes no %s", typeName(args[0].typ)), ""}
			}
			return r, nil
		},
		eval: func(m *metric, rows [][]ref.Val) ref.Val {
			q, _ := fraction(m.args[1])
			values := finiteValues(rows)
			if len(values) == 0 {
				return types.NullValue
			}
			slices.SortFunc(values, compare)
			return values[int(math.RoundToEven(float64(len(values)-1)*q.float()))]
		},
		duckdb: func(g *aggregation) (string, error) {
			q, _ := fraction(g.metric.args[1])
			g.args = g.args[:1]
			where := ""
			if g.args[0].typ.Kind() == types.DoubleKind {
				where = " WHERE " + g.isFinite("dq_0")
			}
			return once(fmt.Sprintf("SELECT min(dq_0) FROM (SELECT dq_0, row_number() OVER (ORDER BY dq_0) - 1 AS i, count(*) OVER () AS n FROM %s%s) WHERE i = CAST(round_even((n - 1) * CAST('%s' AS DOUBLE), 0) AS BIGINT)", g.rows(), where, q)), nil
		}},
}

const tinyPhi = 1e-12

func cramersSQL(g *aggregation) (string, error) {
	return once(fmt.Sprintf("SELECT CASE WHEN least(count(DISTINCT dq_0), count(DISTINCT dq_1)) > 1 THEN sqrt((CASE WHEN sum(dq_p) - 1 < %[2]g THEN 0.0 ELSE sum(dq_p) - 1 END) / (least(count(DISTINCT dq_0), count(DISTINCT dq_1)) - 1)) END FROM "+
		"(SELECT dq_0, dq_1, CAST(dq_n AS DOUBLE) * CAST(dq_n AS DOUBLE) / (CAST(sum(dq_n) OVER (PARTITION BY dq_0) AS DOUBLE) * CAST(sum(dq_n) OVER (PARTITION BY dq_1) AS DOUBLE)) AS dq_p FROM "+
		"(SELECT dq_0, dq_1, count(*) AS dq_n FROM %[1]s GROUP BY dq_0, dq_1))", g.rows(), tinyPhi)), nil
}

// step is a value of either sample, and the difference of what is not above it.
type step struct{ value, below float64 }

func twoSamples(name string, of func(steps []step) float64, sql string) aggregate {
	emit := func(g *aggregation) (string, error) {
		var parts []string
		for i, a := range g.args {
			x := fmt.Sprintf("CAST(dq_%d AS DOUBLE)", i)
			where := fmt.Sprintf("dq_%d IS NOT NULL", i)
			if a.typ.Kind() == types.DoubleKind {
				x = fmt.Sprintf("dq_%d", i)
				where += " AND " + g.isFinite(x)
			}
			parts = append(parts, fmt.Sprintf("SELECT %s AS dq_v, %d AS dq_a, %d AS dq_b FROM %s WHERE %s", x, 1-i, i, g.allRows(), where))
		}
		share := func(of string) string {
			return fmt.Sprintf("CAST(sum(%[1]s) OVER (ORDER BY dq_v) AS DOUBLE) / nullif(CAST(sum(%[1]s) OVER () AS DOUBLE), 0)", of)
		}
		return once(fmt.Sprintf("SELECT %s FROM (SELECT dq_v, lead(dq_v) OVER (ORDER BY dq_v) AS dq_next, %s - %s AS dq_d FROM (SELECT dq_v, sum(dq_a) AS dq_a, sum(dq_b) AS dq_b FROM (%s UNION ALL %s) GROUP BY dq_v))",
			sql, share("dq_a"), share("dq_b"), parts[0], parts[1])), nil
	}
	return aggregate{name: name, min: 2, max: 2,
		types: func(args []*expr) (result, *wrong) {
			for i, a := range args {
				if w := number(name, a); w != nil {
					w.arg = i
					return doubleResult, w
				}
			}
			return doubleResult, nil
		},
		eval: func(_ *metric, rows [][]ref.Val) ref.Val {
			var samples [2][]float64
			for i := range samples {
				for _, r := range rows {
					for _, v := range finiteValues([][]ref.Val{{r[i]}}) {
						if d, ok := v.(decimal); ok {
							v = types.Double(d.float())
						}
						samples[i] = append(samples[i], toDouble(v))
					}
				}
				slices.Sort(samples[i])
			}
			n, m := float64(len(samples[0])), float64(len(samples[1]))
			if n == 0 || m == 0 {
				return types.NullValue
			}
			var steps []step
			for i, j := 0, 0; i < len(samples[0]) || j < len(samples[1]); {
				v := math.Inf(1)
				if i < len(samples[0]) {
					v = samples[0][i]
				}
				if j < len(samples[1]) {
					v = min(v, samples[1][j])
				}
				for i < len(samples[0]) && samples[0][i] == v {
					i++
				}
				for j < len(samples[1]) && samples[1][j] == v {
					j++
				}
				steps = append(steps, step{v, float64(i)/n - float64(j)/m})
			}
			return types.Double(of(steps))
		},
		duckdb: emit, spark: emit}
}

// exactPaths is up to which product of two sizes the probability is computed over
// all orders of the samples.
const exactPaths = 25_000_000

// smirnov is the probability that two samples of one distribution, of n and m
// values, are at least so far apart: over all orders of their values, or for large
// samples by Kolmogorov's limit.
func smirnov(d float64, n, m int64) float64 {
	if d <= 0 {
		return 1
	}
	if n > exactPaths/m {
		size := float64(n) * float64(m) / (float64(n) + float64(m))
		sum := 0.0
		for k := 1.0; k < 100; k++ {
			term := math.Exp(-2 * k * k * size * d * d)
			if sum += term * (2*math.Mod(k, 2) - 1); term < 1e-17 {
				break
			}
		}
		return min(max(2*sum, 0), 1)
	}
	// inside[j] is the probability of a path to (i, j) that never came so far apart;
	// the next step is one of the first sample with the part of it that is left.
	inside := make([]float64, m+1)
	limit := d * (1 - 1e-10)
	for i := int64(0); i <= n; i++ {
		for j := int64(0); j <= m; j++ {
			p := 0.0
			switch left := float64(n + m - i - j + 1); {
			case i == 0 && j == 0:
				p = 1
			default:
				if i > 0 {
					p = inside[j] * float64(n-i+1) / left
				}
				if j > 0 {
					p += inside[j-1] * float64(m-j+1) / left
				}
			}
			if math.Abs(float64(i)/float64(n)-float64(j)/float64(m)) >= limit {
				p = 0
			}
			inside[j] = p
		}
	}
	return min(max(1-inside[m], 0), 1)
}
