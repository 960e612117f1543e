package expectations

import (
	"context"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/record"
)

// losses are the groups of a batch that lost rows, by refusing rule with group_by.
type losses map[string][]lossGroup

// lossGroup is what one group of a batch lost by one rule.
type lossGroup struct {
	key    []any // values of the columns of group_by
	rows   int64 // of the batch in the group
	lost   int64 // by the rule
	free   int64 // by all rules with this group_by and no threshold, each row once
	judged int64 // the rows in the rule's scope, if it has a threshold
}

// losses counts by groups what a batch lost to refusing rules that say group_by,
// in one statement; none is made when no rule says so. The relation kept has the
// rows of the batch that stay, or is "" when none does; reasoned has those
// refused, with what [Plan.Reasons] says of them. More than 100,000 groups with
// refused rows are an error.
func (p *Plan) losses(ctx context.Context, s engine.Session, d engine.Dialect, kept, reasoned string) (losses, error) {
	var rules []*rule
	var columns []string // of the groups
	var sets [][]string  // columns of each grouping
	of := map[*rule]int{}
	for _, r := range p.refusing() {
		if r.GroupBy == nil {
			continue
		}
		set := slices.Sorted(slices.Values(r.GroupBy))
		at := slices.IndexFunc(sets, func(other []string) bool { return slices.Equal(other, set) })
		if at < 0 {
			at, sets = len(sets), append(sets, set)
		}
		of[r] = at
		rules = append(rules, r)
		for _, c := range r.GroupBy {
			if !slices.Contains(columns, c) {
				columns = append(columns, c)
			}
		}
	}
	if len(rules) == 0 {
		return nil, nil
	}
	needed := slices.Clone(columns)
	free := make([][]string, len(sets))
	var items []string
	for _, r := range rules {
		lost := "array_contains(" + ReasonsColumn + ", " + d.Literal(r.ID) + ")"
		scope := "true"
		if r.Threshold.Set() && r.scope != nil && r.row != nil {
			var err error
			if scope, err = condition(d, r.scope, p.In(s).facts(r)); err != nil {
				return nil, err
			}
			for _, c := range r.scope.Columns() {
				if !slices.Contains(needed, c) {
					needed = append(needed, c)
				}
			}
		}
		if !r.Threshold.Set() {
			free[of[r]] = append(free[of[r]], lost)
		}
		items = append(items, "count_if("+lost+")",
			fmt.Sprintf("count_if(CASE WHEN %s IS NULL THEN coalesce(%s, true) ELSE %s END)", ReasonsColumn, scope, lost))
	}
	for _, f := range free {
		if len(f) == 0 {
			f = []string{"false"}
		}
		items = append(items, "count_if("+strings.Join(f, " OR ")+")")
	}
	var grouping []string
	for _, set := range sets {
		grouping = append(grouping, "("+strings.Join(idents(d, set), ", ")+")")
	}
	names := strings.Join(idents(d, columns), ", ")
	read := strings.Join(idents(d, needed), ", ")
	from := fmt.Sprintf("SELECT %s, %s FROM %s", read, ReasonsColumn, d.Relation(reasoned))
	if kept != "" {
		from += fmt.Sprintf(" UNION ALL SELECT %s, NULL FROM %s", read, d.Relation(kept))
	}
	answer, err := s.Query(ctx, fmt.Sprintf(
		"SELECT %s, grouping(%s), count(*), %s FROM (%s) AS dq_x GROUP BY GROUPING SETS (%s) HAVING count(%s) > 0 ORDER BY count(%s) * 1.0 / count(*) DESC, %s LIMIT %d",
		names, names, strings.Join(items, ", "), from, strings.Join(grouping, ", "), ReasonsColumn, ReasonsColumn, names, maxJudged+1))
	if err != nil {
		return nil, err
	}
	if len(answer.Values) > maxJudged {
		return nil, fmt.Errorf("more than %s groups of %s lost rows: name columns with fewer values in group_by", group(maxJudged), strings.Join(columns, ", "))
	}
	lost := losses{}
	for _, row := range answer.Values {
		counts, err := wholes(row[len(columns):])
		if err != nil {
			return nil, err
		}
		at := slices.IndexFunc(sets, func(set []string) bool { return groupedBy(columns, set) == counts[0] })
		for i, r := range rules {
			if of[r] != at || counts[2+2*i] == 0 {
				continue
			}
			g := lossGroup{rows: counts[1], lost: counts[2+2*i], judged: counts[3+2*i], free: counts[2+2*len(rules)+at]}
			for _, c := range r.GroupBy {
				g.key = append(g.key, row[slices.Index(columns, c)])
			}
			lost[r.ID] = append(lost[r.ID], g)
		}
	}
	return lost, nil
}

// groupedBy is what grouping(columns) says of rows of a grouping set: a bit for
// each column, the first the highest, set when the row is not grouped by it.
func groupedBy(columns, set []string) int64 {
	var bits int64
	for _, c := range columns {
		bits <<= 1
		if !slices.Contains(set, c) {
			bits |= 1
		}
	}
	return bits
}

// lostTooMuch holds a group to what the rule bears, and says what that is. A batch
// returned that many rows.
func (r *rule) lostTooMuch(g lossGroup, returned int64) (why string, bad bool) {
	rows, judged := g.rows, g.judged
	if slices.Contains(g.key, nil) {
		rows, judged = returned, returned
	}
	switch {
	case r.Threshold.Set():
		return r.Threshold.allowed(), r.Threshold.Verdict(g.lost, judged) == record.Fail
	case 2*g.lost > rows:
		return "more than half: the gate closes unless mostly says otherwise", true
	case 2*g.free > rows:
		return fmt.Sprintf("together such rules took %s of it, more than half: the gate closes unless mostly says otherwise", group(g.free)), true
	}
	return "", false
}

// lossVerdict holds each group to what the rule bears, as [rule.refused] holds a
// batch without groups. Rows without a value in group_by belong to no group that
// a good one could hide: they are held to the whole batch. It gives the verdict,
// and words about the worst group.
func (r *rule) lossVerdict(e *record.Expectation, groups []lossGroup, p *Plan, target Target) (record.Verdict, string) {
	verdict, closing := record.Warn, 0
	var worst string
	var good []map[string]any
	for _, g := range groups {
		key := r.groupKey(&groupTally{key: g.key}, p)
		entry := map[string]any{"verdict": record.Warn, "rows": g.rows, "refused": g.lost,
			"refused_fraction": float(big.NewRat(g.lost, g.rows))}
		named := map[string]any{}
		var text []string
		for i, c := range r.GroupBy {
			named[c] = key[i]
			text = append(text, c+" = "+showValue(key[i]))
		}
		entry["group"] = named
		why, bad := r.lostTooMuch(g, target.Returned)
		if !bad {
			good = append(good, entry)
			continue
		}
		verdict, closing = record.Fail, closing+1
		entry["verdict"] = record.Fail
		if len(e.Groups) < maxGroups {
			e.Groups = append(e.Groups, entry)
		}
		if worst == "" {
			worst = fmt.Sprintf("%s lost %s of %s; %s", strings.Join(text, ", "), group(g.lost), plural(g.rows, "row"), why)
		}
	}
	e.Groups = append(e.Groups, good[:min(len(good), maxGroups-len(e.Groups))]...)
	if closing > 1 {
		worst += fmt.Sprintf(" (and %s)", plural(int64(closing-1), "more group"))
	}
	return verdict, worst
}
