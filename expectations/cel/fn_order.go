package cel

import (
	"fmt"
	"slices"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/dq-dev/dq/engine"
)

// Steps from one row to the next: how many rows have a value below (falls), above
// (rises) or equal to (stays) that of the row before. The order is that of a
// second argument, of rows that are equal in it the one that falls least (rises
// least, for rises), or that of the source when there is none; with a third one
// each group has its own order. NaN is above all numbers.
var orderAggregates = []aggregate{
	steps("falls", "<", 1), steps("rises", ">", -1), steps("stays", "=", 1),
	{name: "jumps", min: 3, max: 5,
		// jumps(x, least, most) counts the rows whose number differs from that of the
		// row before by less than least or more than most, which are constants;
		// jumps(x, least, most, order, group) as for falls.
		types: func(args []*expr) (result, *wrong) {
			if w := number("jumps", args[0]); w != nil {
				return intResult, w
			}
			for i := 1; i <= 2; i++ {
				if _, ok := constantNumber(args[i]); !ok {
					return intResult, &wrong{i, "jumps takes the least and the greatest step as constants", "write jumps(x, 0.0, 5.0)"}
				}
			}
			return intResult, orderable("jumps", args)
		},
		eval: func(m *metric, rows [][]ref.Val) ref.Val {
			low, _ := constantNumber(m.args[1])
			high, _ := constantNumber(m.args[2])
			var n types.Int
			keys := []int{3, 0}
			if len(m.args) == 3 {
				keys = nil
			}
			for _, group := range ordered(rows, keys, 4, 1) {
				for i := 1; i < len(group); i++ {
					if step := asDouble(group[i][0]) - asDouble(group[i-1][0]); !(step >= low && step <= high) {
						n++
					}
				}
			}
			return n
		},
		duckdb: func(g *aggregation) (string, error) {
			low, _ := constantNumber(g.metric.args[1])
			high, _ := constantNumber(g.metric.args[2])
			source, order, by := g.stepsOf(3)
			step := "(CAST(dq_0 AS DOUBLE) - CAST(dq_p AS DOUBLE))"
			return counted(fmt.Sprintf("SELECT count(*) FROM (SELECT dq_0, lag(dq_0) OVER (%sORDER BY %s) AS dq_p FROM %s) WHERE dq_p IS NOT NULL AND (isnan(%[4]s) OR %[4]s < %[5]s OR %[4]s > %[6]s)",
				by, order, source, step, g.doubleLiteral(low), g.doubleLiteral(high))), nil
		}},
	{name: "overlaps", min: 2, max: 3,
		// overlaps(from, to) counts the rows whose range [from, to) begins before the
		// end of a row that begins earlier; overlaps(from, to, group) within groups.
		types: func(args []*expr) (result, *wrong) {
			if args[0].typ.TypeName() != args[1].typ.TypeName() {
				return intResult, &wrong{1, "both ends of a range must have one type", ""}
			}
			return intResult, orderable("overlaps", args)
		},
		eval: func(_ *metric, rows [][]ref.Val) ref.Val {
			var n types.Int
			for _, group := range ordered(rows, []int{0, 1}, 2, 1) {
				end := group[0][1]
				for _, r := range group[1:] {
					if compare(r[0], end) < 0 {
						n++
					}
					if compare(r[1], end) > 0 {
						end = r[1]
					}
				}
			}
			return n
		},
		duckdb: func(g *aggregation) (string, error) {
			by := ""
			if len(g.args) > 2 {
				by = "PARTITION BY dq_2 "
			}
			return counted(fmt.Sprintf("SELECT count(*) FROM (SELECT dq_0, max(dq_1) OVER (%sORDER BY dq_0, dq_1 ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS dq_p FROM %s) WHERE dq_0 < dq_p", by, g.rows())), nil
		}},
}

// counted is once for a count, which over no rows is 0.
func counted(query string) string { return "coalesce(" + once(query) + ", 0)" }

func orderable(name string, args []*expr) *wrong {
	for i, a := range args {
		if _, ok := tableType(a.typ, a.shape()); !ok || a.typ.Kind() == types.ListKind || a.typ.Kind() == types.MapKind {
			return &wrong{i, fmt.Sprintf("%s takes no %s", name, typeName(a.typ)), ""}
		}
	}
	return nil
}

func steps(name, sign string, direction int) aggregate {
	return aggregate{name: name, min: 1, max: 3,
		types: func(args []*expr) (result, *wrong) { return intResult, orderable(name, args) },
		eval: func(_ *metric, rows [][]ref.Val) ref.Val {
			var n types.Int
			keys := []int{1, 0}
			if len(rows) > 0 && len(rows[0]) == 1 {
				keys = nil
			}
			for _, group := range ordered(rows, keys, 2, direction) {
				for i := 1; i < len(group); i++ {
					c := compare(group[i][0], group[i-1][0])
					if sign == "<" && c < 0 || sign == ">" && c > 0 || sign == "=" && c == 0 {
						n++
					}
				}
			}
			return n
		},
		duckdb: func(g *aggregation) (string, error) {
			source, order, by := g.stepsOf(1)
			if direction < 0 && len(g.args) > 1 {
				order += " DESC"
			}
			return counted(fmt.Sprintf("SELECT count(*) FROM (SELECT dq_0, lag(dq_0) OVER (%sORDER BY %s) AS dq_p FROM %s) WHERE dq_0 %s dq_p", by, order, source, sign)), nil
		}}
}

// stepsOf is where the values of a step come from, their order and groups; first
// is the argument that has the order, the next one the group.
func (g *aggregation) stepsOf(first int) (source, order, by string) {
	if len(g.args) > first+1 {
		by = fmt.Sprintf("PARTITION BY dq_%d ", first+1)
	}
	if len(g.args) > first {
		return g.rows(), fmt.Sprintf("dq_%d, dq_0", first), by
	}
	file, line := g.dialect.Ident(engine.FileColumn), g.dialect.Ident(engine.LineColumn)
	where := ""
	if g.where != "" {
		where = " WHERE " + g.where
	}
	return fmt.Sprintf("(SELECT * FROM (SELECT %s AS dq_0, %s, %s FROM %s%s) WHERE dq_0 IS NOT NULL)", g.args[0].sql, file, line, g.relation, where), file + ", " + line, by
}

// constantNumber is a number that is written as one, a sign before it or none.
func constantNumber(a *expr) (float64, bool) {
	switch v := a.literal().(type) {
	case types.Int:
		return float64(v), true
	case types.Double:
		return float64(v), true
	}
	return 0, false
}

// ordered are the rows that lack nothing, by groups of the argument at group, and
// in each by the arguments of keys, the last one in the given direction.
func ordered(rows [][]ref.Val, keys []int, group, direction int) [][][]ref.Val {
	var groups [][][]ref.Val
	index := map[string]int{}
	for _, r := range rows {
		if slices.Contains(r, ref.Val(types.NullValue)) {
			continue
		}
		key := ""
		if len(r) > group {
			key = fmt.Sprintf("%q", groupKey(r[group]))
		}
		i, ok := index[key]
		if !ok {
			i = len(groups)
			index[key] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], r)
	}
	for _, g := range groups {
		slices.SortStableFunc(g, func(a, b []ref.Val) int {
			for i, k := range keys {
				c := compare(a[k], b[k])
				if i == len(keys)-1 {
					c *= direction
				}
				if c != 0 {
					return c
				}
			}
			return 0
		})
	}
	return groups
}
