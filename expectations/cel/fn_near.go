package cel

import (
	"fmt"
	"math"
	"slices"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// Values that are like others: near_pairs(x, n) is the number of pairs of different
// texts that are at most n edits of bytes apart, and mutual_information(x, y) what one
// column says of the other.
var nearAggregates = []aggregate{
	{name: "near_pairs", min: 2, max: 2,
		types: func(args []*expr) (result, *wrong) {
			if args[0].typ.Kind() != types.StringKind {
				return intResult, &wrong{0, "near_pairs takes text, not " + typeName(args[0].typ), ""}
			}
			if _, ok := edits(args[1]); !ok {
				return intResult, &wrong{1, "near_pairs takes a number of edits from 0 to 100 as a constant", "write near_pairs(x, 1)"}
			}
			return intResult, nil
		},
		eval: func(m *metric, rows [][]ref.Val) ref.Val {
			most, _ := edits(m.args[1])
			var texts [][]rune // of bytes
			for _, g := range groups(rows) {
				var text []rune
				for _, b := range []byte(string(g[0][0].(types.String))) {
					text = append(text, rune(b))
				}
				texts = append(texts, text)
			}
			var n types.Int
			for i, a := range texts {
				for _, b := range texts[:i] {
					if levenshtein(a, b) <= most {
						n++
					}
				}
			}
			return n
		},
		duckdb: func(g *aggregation) (string, error) {
			most, _ := edits(g.metric.args[1])
			g.args = g.args[:1]
			texts := "(SELECT DISTINCT dq_0 FROM " + g.rows() + ")"
			return counted(fmt.Sprintf("SELECT count(*) FROM %[1]s AS dq_a JOIN %[1]s AS dq_b ON dq_a.dq_0 < dq_b.dq_0 AND abs(strlen(dq_a.dq_0) - strlen(dq_b.dq_0)) <= %[2]d WHERE levenshtein(dq_a.dq_0, dq_b.dq_0) <= %[2]d", texts, most)), nil
		}},
	{name: "mutual_information", min: 2, max: 2,
		types: func(args []*expr) (result, *wrong) {
			_, w := countable("mutual_information")(args)
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
			if n == 0 {
				return types.NullValue
			}
			var parts []float64
			for _, g := range cells {
				size := float64(len(g))
				parts = append(parts, size/n*math.Log(size*n/(left[keyOf(g[0][:1])]*right[keyOf(g[0][1:])])))
			}
			slices.Sort(parts)
			sum := 0.0
			for _, p := range parts {
				sum += p
			}
			if sum < tinyPhi { // what is left of rounding
				sum = 0
			}
			return types.Double(sum)
		},
		duckdb: mutualSQL, spark: mutualSQL},
}

func mutualSQL(g *aggregation) (string, error) {
	return once(fmt.Sprintf("SELECT CASE WHEN sum(dq_i) < %[2]g THEN 0.0 ELSE sum(dq_i) END FROM (SELECT dq_n / dq_t * ln(dq_n * dq_t / (dq_l * dq_r)) AS dq_i FROM "+
		"(SELECT dq_n, sum(dq_n) OVER () AS dq_t, sum(dq_n) OVER (PARTITION BY dq_0) AS dq_l, sum(dq_n) OVER (PARTITION BY dq_1) AS dq_r FROM "+
		"(SELECT dq_0, dq_1, CAST(count(*) AS DOUBLE) AS dq_n FROM %[1]s GROUP BY dq_0, dq_1)))", g.rows(), tinyPhi)), nil
}

// edits is a constant number of edits.
func edits(a *expr) (int, bool) {
	n, ok := a.literal().(types.Int)
	return int(n), ok && n >= 0 && n <= 100
}
