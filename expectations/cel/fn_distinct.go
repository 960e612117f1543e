package cel

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// Values that occur: how many different ones, how many rows share one (all rows
// of a repeated group count, keys with nulls are in no group), and the most
// frequent one (the smallest of ties). NaN is a value here, equal to itself.
var distinctAggregates = []aggregate{
	{name: "distinct", min: 1, max: 1,
		types: countable("distinct"),
		eval: func(_ *metric, rows [][]ref.Val) ref.Val {
			return types.Int(len(groups(rows)))
		},
		duckdb: distinctSQL, spark: distinctSQL},
	{name: "duplicates", min: 1, max: 32,
		types: countable("duplicates"),
		eval: func(_ *metric, rows [][]ref.Val) ref.Val {
			var n types.Int
			for _, g := range groups(rows) {
				if len(g) > 1 {
					n += types.Int(len(g))
				}
			}
			return n
		},
		duckdb: duplicatesSQL, spark: duplicatesSQL},
	{name: "mode", min: 1, max: 1,
		types: func(args []*expr) (result, *wrong) {
			if r, ok := resultOf(args[0]); ok {
				return r, nil
			}
			return result{}, &wrong{0, fmt.Sprintf("mode takes no %s", typeName(args[0].typ)), ""}
		},
		eval: func(_ *metric, rows [][]ref.Val) ref.Val {
			var best ref.Val = types.NullValue
			most := 0
			for _, g := range groups(rows) {
				if v := g[0][0]; len(g) > most || len(g) == most && compare(v, best) < 0 {
					best, most = v, len(g)
				}
			}
			return best
		},
		duckdb: modeSQL, spark: modeSQL},
}

func distinctSQL(g *aggregation) (string, error) {
	return "count(DISTINCT " + g.args[0].sql + ")" + g.filter(), nil
}

func duplicatesSQL(g *aggregation) (string, error) {
	keys := make([]string, len(g.args))
	for i := range keys {
		keys[i] = "dq_" + strconv.Itoa(i)
	}
	counts := "SELECT count(*) AS n FROM " + g.rows() + " GROUP BY " + strings.Join(keys, ", ") + " HAVING count(*) > 1"
	return "coalesce(" + once("SELECT CAST(sum(n) AS BIGINT) FROM ("+counts+")") + ", 0)", nil
}

func modeSQL(g *aggregation) (string, error) {
	return once("SELECT dq_0 FROM " + g.rows() + " GROUP BY dq_0 ORDER BY count(*) DESC, dq_0 LIMIT 1"), nil
}

func countable(name string) func(args []*expr) (result, *wrong) {
	return func(args []*expr) (result, *wrong) {
		for i, a := range args {
			if _, ok := tableType(a.typ, a.shape()); !ok {
				return intResult, &wrong{i, fmt.Sprintf("%s takes no %s", name, typeName(a.typ)), ""}
			}
		}
		return intResult, nil
	}
}

// groups collects the rows that are equal in all arguments, without rows that
// lack one.
func groups(rows [][]ref.Val) map[string][][]ref.Val {
	found := map[string][][]ref.Val{}
next:
	for _, r := range rows {
		var key strings.Builder
		for _, v := range r {
			if v == types.NullValue {
				continue next
			}
			fmt.Fprintf(&key, "%q,", groupKey(v))
		}
		found[key.String()] = append(found[key.String()], r)
	}
	return found
}

func groupKey(v ref.Val) string {
	switch x := v.(type) {
	case types.Double:
		if x == 0 || math.IsNaN(float64(x)) { // -0.0 is 0.0, and all NaN are one
			return fmt.Sprint(math.Abs(float64(x)))
		}
	case decimal:
		return x.rat().RatString()
	case types.Timestamp:
		return fmt.Sprint(x.UnixMicro())
	}
	return fmt.Sprint(v.Value())
}
