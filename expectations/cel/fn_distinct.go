package cel

import (
	"fmt"
	"math"
	"slices"
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
		rows:   func(g *aggregation) (counted, others string) { return "", repeated(g) },
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
		rows:   func(g *aggregation) (counted, others string) { return repeated(g), "" },
		duckdb: duplicatesSQL, spark: duplicatesSQL},
	// As duplicates, with nulls as values of keys that are equal to each other.
	{name: "duplicates_or_nulls", min: 1, max: mostColumns,
		types: countable("duplicates_or_nulls"),
		eval: func(_ *metric, rows [][]ref.Val) ref.Val {
			found := map[string]int{}
			for _, r := range rows {
				found[keyOf(r)]++
			}
			var n types.Int
			for _, size := range found {
				if size > 1 {
					n += types.Int(size)
				}
			}
			return n
		},
		rows:   func(g *aggregation) (counted, others string) { return repeated(g), "" },
		duckdb: duplicatesSQL, spark: duplicatesSQL},
	// How many values are as frequent as the most frequent one, and how many rows
	// each of them has.
	frequency("modes", func(sizes []int, most int) (n int) {
		for _, size := range sizes {
			if size == most {
				n++
			}
		}
		return n
	}, "count(*) FILTER (WHERE n = m)"),
	frequency("mode_rows", func(_ []int, most int) int { return most }, "max(m)"),
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

// mostColumns is how many columns a whole row may have as a key.
const mostColumns = 10_000

func distinctSQL(g *aggregation) (string, error) {
	return "count(DISTINCT " + g.among(g.args[0].sql) + ")", nil
}

func duplicatesSQL(g *aggregation) (string, error) {
	return "coalesce(" + once("SELECT CAST(sum(n) AS BIGINT) FROM ("+g.repeats("count(*) AS n")+")") + ", 0)", nil
}

// repeats is a query of items, one of which may be the arguments dq_0, dq_1 ..., of
// the keys that several rows have.
func (g *aggregation) repeats(items string) string {
	keys := make([]string, len(g.args))
	for i := range keys {
		keys[i] = "dq_" + strconv.Itoa(i)
	}
	rows := g.rows()
	if g.metric.call.name == "duplicates_or_nulls" {
		rows = g.allRows()
	}
	return "SELECT " + items + " FROM " + rows + " GROUP BY " + strings.Join(keys, ", ") + " HAVING count(*) > 1"
}

// repeated is a condition on the rows whose key another row has, too.
func repeated(g *aggregation) string {
	var keys, args, same []string
	for i, a := range g.args {
		key := "dq_" + strconv.Itoa(i)
		keys, args = append(keys, key), append(args, a.sql)
		same = append(same, fmt.Sprintf("(%s) IS NOT DISTINCT FROM dq_k.%s", a.sql, key))
	}
	query := g.repeats(strings.Join(keys, ", "))
	if g.metric.call.name == "duplicates_or_nulls" { // where nulls are equal
		return "EXISTS (SELECT 1 FROM (" + query + ") AS dq_k WHERE " + strings.Join(same, " AND ") + ")"
	}
	return "(" + strings.Join(args, ", ") + ") IN (" + query + ")"
}

func frequency(name string, of func(sizes []int, most int) int, sql string) aggregate {
	emit := func(g *aggregation) (string, error) {
		return "coalesce(" + once("SELECT CAST("+sql+" AS BIGINT) FROM (SELECT count(*) AS n, max(count(*)) OVER () AS m FROM "+g.rows()+" GROUP BY dq_0)") + ", 0)", nil
	}
	return aggregate{name: name, min: 1, max: 1,
		types: countable(name),
		eval: func(_ *metric, rows [][]ref.Val) ref.Val {
			var sizes []int
			most := 0
			for _, g := range groups(rows) {
				sizes, most = append(sizes, len(g)), max(most, len(g))
			}
			return types.Int(of(sizes, most))
		},
		duckdb: emit, spark: emit}
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
	for _, r := range rows {
		if slices.Contains(r, ref.Val(types.NullValue)) {
			continue
		}
		found[keyOf(r)] = append(found[keyOf(r)], r)
	}
	return found
}

// keyOf is a text that is the same for values that are equal.
func keyOf(values []ref.Val) string {
	var key strings.Builder
	for _, v := range values {
		if v == types.NullValue {
			key.WriteString("null,")
			continue
		}
		fmt.Fprintf(&key, "%q,", groupKey(v))
	}
	return key.String()
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
