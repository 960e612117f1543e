package expectations

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/expectations/cel"
)

// rowGroups counts the states of rows in each group, in one scan. What rows are
// compared with is measured in each group before.
func (a *auditor) rowGroups(ctx context.Context, name string, r *rule) error {
	d, t := a.dialect, a.tallies[r]
	if len(r.row.Metrics()) > 0 {
		if err := a.settleGroups(ctx, name, r); err != nil || t.grouped == "" {
			return err
		}
	}
	unsettled, rows := t.groupCount, t.Rows
	state, err := r.state(d, a.factsOf(r))
	if err != nil {
		return err
	}
	from, err := a.over(r, name)
	if err != nil {
		return err
	}
	keys := strings.Join(idents(d, r.GroupBy), ", ")
	worst := "dq_bad * 1.0 / nullif(dq_in, 0) DESC NULLS LAST, dq_bad DESC, "
	if r.Threshold.MaxFailed != nil {
		worst = "dq_bad DESC, "
	}
	answer, err := a.session.Query(ctx, fmt.Sprintf(
		"SELECT *, CAST(sum(dq_rows) OVER () AS BIGINT), CAST(sum(dq_in) OVER () AS BIGINT), CAST(sum(dq_failed) OVER () AS BIGINT), CAST(sum(dq_bad - dq_failed) OVER () AS BIGINT), count(*) OVER () FROM ("+
			"SELECT %s, count(*) AS dq_rows, count_if(dq_s <> %d) AS dq_in, count_if(dq_s = %d) AS dq_failed, count_if(dq_s = %d OR dq_s = %d) AS dq_bad FROM (SELECT %s, %s AS dq_s FROM %s) AS dq_x GROUP BY %s) AS dq_y ORDER BY %s%s LIMIT %d",
		keys, stateOut, stateFailed, stateFailed, stateErrored, keys, state, from, keys, worst, keys, maxGroups))
	if err != nil {
		return err
	}
	n := len(r.GroupBy)
	for _, values := range answer.Values {
		if len(values) != n+9 {
			return fmt.Errorf("expectations: the engine gave %d values where %d were asked for", len(values), n+9)
		}
		counts, err := wholes(values[n:])
		if err != nil {
			return err
		}
		t.groups = append(t.groups, groupTally{key: values[:n:n], Count: Count{Rows: counts[0], Evaluated: counts[1], Failed: counts[2], Errored: counts[3] - counts[2]}})
		t.Count = Count{Rows: rows + counts[4], Evaluated: counts[5], Failed: counts[6], Errored: counts[7]}
		t.groupCount = unsettled + counts[8]
	}
	if t.Failed+t.Errored > 0 {
		t.places = []samplePlace{{name, a.target.Lines}}
	}
	return nil
}

// settleGroups measures in each group what a rule compares its rows with, and makes
// it a relation: the number of the group, in the order of the keys, and a column for
// each aggregate. Groups in which rows cannot be judged are noted.
func (a *auditor) settleGroups(ctx context.Context, name string, r *rule) error {
	d, t := a.dialect, a.tallies[r]
	rule := r.row.With(a.facts())
	groups, err := a.measureGroups(ctx, name, r, distinctMetrics(rule), false)
	if err != nil {
		return err
	}
	past, err := a.pastGroups(ctx, r, rule)
	if err != nil {
		return err
	}
	if !r.ofBatch() {
		a.keepGroups(r, rule, groups)
	}
	judged := make([]map[string]any, len(groups))
	for i, m := range groups {
		judged[i] = past.with(m.key, rule, m.values)
		for _, m := range rule.Metrics() {
			t.wide = t.wide || m.Wide(judged[i][m.Text])
		}
	}
	facts := a.facts()
	facts.Wide = t.wide
	rule = rule.With(facts)
	var lines []string
	for i, m := range groups {
		values := judged[i]
		if o := rule.Settle(values); o.Value != cel.True {
			g := groupTally{key: m.key, outcome: &o}
			if g.Rows, err = whole(m.values[rowCount]); err != nil {
				return err
			}
			t.groups = append(t.groups, g)
			t.groupCount++
			t.Rows += g.Rows
			continue
		}
		line := []string{strconv.Itoa(i + 1)}
		for _, m := range rule.Metrics() {
			sql, err := m.Literal(d, values[m.Text])
			if err != nil {
				return err
			}
			line = append(line, sql)
		}
		lines = append(lines, "("+strings.Join(line, ", ")+")")
	}
	if len(lines) == 0 {
		return nil
	}
	t.grouped = fmt.Sprintf("dq_groups%d", slices.Index(a.plan.rules, r))
	_, err = a.session.Attach(ctx, engine.Input{Name: t.grouped, Materialise: true, SQL: fmt.Sprintf("SELECT * FROM (VALUES %s) AS dq_v(dq_n, %s)",
		strings.Join(lines, ", "), strings.Join(r.groupColumns(d), ", "))})
	return err
}

// groupColumns are the columns with what rows are compared with in their group.
func (r *rule) groupColumns(d engine.Dialect) []string {
	var names []string
	for i := range r.row.Metrics() {
		names = append(names, d.Ident(cel.GroupColumn(i)))
	}
	return names
}

// withGroups is what stands after FROM: rows, of those groups of relation that can
// be judged, with what they are compared with as columns.
func (r *rule) withGroups(d engine.Dialect, rows, relation, grouped string) string {
	numbers, same := r.numbered(d, relation)
	return fmt.Sprintf("(SELECT dq_t.*, dq_v.%s FROM (SELECT * FROM %s) AS dq_t JOIN %s ON %s JOIN %s AS dq_v ON dq_v.dq_n = dq_g.dq_n) AS dq_j",
		strings.Join(r.groupColumns(d), ", dq_v."), rows, numbers, same, d.Relation(grouped))
}
