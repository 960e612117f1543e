package expectations

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/record"
	"github.com/dq-dev/dq/table"
)

// showGroups makes the groups in which a rule over aggregates fails its samples:
// no row of them is worse than another.
func (a *auditor) showGroups() {
	for _, r := range a.plan.rules {
		t := a.tallies[r]
		if !r.grouped() || r.row != nil || t.problem != "" {
			continue
		}
		for _, g := range r.failing(t, a.target.Samples) {
			row := a.plan.sampleRow(r.GroupBy, g.key)
			maps.Copy(row, plainMap(g.seen))
			t.sample = append(t.sample, row)
		}
	}
}

// failing lists the groups that a rule finds bad, the worst first, at most limit.
func (r *rule) failing(t *tally, limit int) []*groupTally {
	var out []*groupTally
	for i := range t.groups {
		if v := r.judgeGroup(&t.groups[i]); rank(v) >= rank(record.Warn) {
			out = append(out, &t.groups[i])
		}
	}
	slices.SortStableFunc(out, func(a, b *groupTally) int { return rank(r.judgeGroup(b)) - rank(r.judgeGroup(a)) })
	return out[:min(len(out), limit)]
}

// ofWorst is a condition on the rows of the failing groups of a rule on rows, and
// an expression that orders those of the worst group first: both "" when no
// group fails, or a key cannot be written.
func (r *rule) ofWorst(d engine.Dialect, t *tally, schema table.Schema, limit int) (condition, order string) {
	if !r.grouped() || r.row == nil {
		return "", ""
	}
	var keys [][]any
	for _, g := range r.failing(t, limit) {
		keys = append(keys, g.key)
	}
	return inGroups(d, schema, r.GroupBy, keys)
}

// inGroups is a condition on the rows of groups, and an expression that has them in
// the order of the groups; both "" for no group, or when a key cannot be written.
func inGroups(d engine.Dialect, schema table.Schema, columns []string, keys [][]any) (condition, order string) {
	var any, when []string
	for i, key := range keys {
		var all []string
		for j, name := range columns {
			f, _ := schema.Field(name)
			literal, ok := keyLiteral(d, key[j], f.Type)
			if !ok {
				return "", ""
			}
			all = append(all, d.Ident(name)+" IS NOT DISTINCT FROM "+literal)
		}
		any = append(any, "("+strings.Join(all, " AND ")+")")
		when = append(when, fmt.Sprintf("WHEN %s THEN %d", strings.Join(all, " AND "), i))
	}
	if len(any) == 0 {
		return "", ""
	}
	return "(" + strings.Join(any, " OR ") + ")", "CASE " + strings.Join(when, " ") + " END"
}

// keyLiteral writes a value of a column as SQL; not doubles, whose text may be another number.
func keyLiteral(d engine.Dialect, v any, t table.Type) (string, bool) {
	switch v := v.(type) {
	case nil:
		return "NULL", true
	case string:
		return d.Literal(v), true
	case bool:
		return strconv.FormatBool(v), true
	case int64:
		return strconv.FormatInt(v, 10), true
	case engine.Decimal:
		return string(v), true
	case time.Time:
		switch t.Kind {
		case table.Date:
			return "CAST(" + d.Literal(v.UTC().Format(time.DateOnly)) + " AS DATE)", true
		case table.Timestamp:
			return "CAST(" + d.Literal(v.UTC().Format("2006-01-02 15:04:05.999999+00:00")) + " AS TIMESTAMP WITH TIME ZONE)", true
		}
	}
	return "", false
}
