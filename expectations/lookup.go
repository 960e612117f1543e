package expectations

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/dq-dev/dq/table"
)

// fewerKeys is how many times as many rows as the other table a table has, at
// least, where its values are looked up once each instead of row by row.
const fewerKeys = 8

// withBadValues leaves out the rules that look the values of one column up in a
// table of far fewer rows and find each there: asking each distinct value once
// takes a third of the time of asking for every row. Those that are left have bad
// rows, or cannot be judged in this way.
func (a *auditor) withBadValues(ctx context.Context, name string, s *scopes, rules []*rule) ([]*rule, error) {
	d := a.dialect
	var parts []string
	var able []*rule
	for _, r := range rules {
		bad, exact, err := r.bad(d, a.factsOf(r))
		if err != nil || !exact || !a.looksUpFew(ctx, r, s) {
			continue
		}
		parts = append(parts, fmt.Sprintf("(SELECT %d AS dq_n FROM (SELECT DISTINCT %s FROM %s) AS dq_v WHERE %s LIMIT 1)",
			len(able), d.Ident(r.columns[0]), d.Relation(name), bad))
		able = append(able, r)
	}
	if len(able) == 0 {
		return rules, nil
	}
	answer, err := a.session.Query(ctx, strings.Join(parts, " UNION ALL "))
	if cancelled(ctx, err) {
		return nil, err
	}
	if err != nil {
		return rules, nil // the search of rows will say what is wrong
	}
	good := map[*rule]bool{}
	for _, r := range able {
		good[r] = true
	}
	for _, values := range answer.Values {
		n, err := whole(values[0])
		if err != nil || n < 0 || n >= int64(len(able)) {
			return nil, fmt.Errorf("expectations: the engine found a value of rule %v of %d", values[0], len(able))
		}
		good[able[n]] = false
	}
	return slices.DeleteFunc(slices.Clone(rules), func(r *rule) bool { return good[r] }), nil
}

// looksUpFew reports whether a rule reads one column, of a type whose equal values
// are alike, and looks it up in a table that has far fewer rows than this one.
func (a *auditor) looksUpFew(ctx context.Context, r *rule, s *scopes) bool {
	all, refs := s.files[""], r.row.Refs()
	if all == nil || len(refs) != 1 || len(r.columns) != 1 || len(r.row.Windows()) > 0 {
		return false
	}
	f, ok := a.plan.schema.Field(r.columns[0])
	if !ok || f.Type.Numeric() && f.Type.Kind != table.Int64 && f.Type.Kind != table.Int32 || !f.Type.Numeric() && f.Type.Kind != table.String && f.Type.Kind != table.Date {
		return false
	}
	other, err := a.footers(ctx, refs[0].Table, false)
	if err != nil || other.files[""] == nil {
		return false
	}
	return other.files[""].rows*fewerKeys <= all.rows
}
