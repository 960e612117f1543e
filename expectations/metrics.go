package expectations

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"strconv"
	"strings"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/expectations/cel"
)

// aggregate computes all metrics of the rules in one query and judges them.
func (a *auditor) aggregate(ctx context.Context, name string, batch bool, rules []*rule) error {
	metrics := map[string]cel.Metric{}
	var texts []string
	asked := map[string]cel.Metric{} // of the version before
	for _, r := range rules {
		if r.unique() {
			continue // counted by themselves
		}
		wanted := r.aggregate.With(a.facts()).Metrics()
		if r.CountsOnly() {
			wanted = append(wanted, r.inScope.Metrics()...)
		}
		for _, m := range wanted {
			if m.Past > asked[m.Of].Past {
				asked[m.Of] = m
			}
			if _, ok := metrics[m.Of]; !ok {
				metrics[m.Of] = m
				texts = append(texts, m.Of)
			}
		}
	}
	var items, of []string
	problems := map[string]string{}
	if err := a.recompute(ctx, asked, problems); err != nil {
		return err
	}
	known, err := a.footers(ctx, name, false)
	if err != nil {
		return err
	}
	told := map[string]any{}
	for _, text := range texts {
		if v, ok := known.metric(text); ok {
			told[text] = v
			continue
		}
		sql, err := metrics[text].SQL(a.dialect, a.dialect.Relation(name))
		if err != nil {
			problems[text] = err.Error()
			continue
		}
		items, of = append(items, sql), append(of, text)
	}
	for _, r := range rules { // rows whose where cannot be told
		if r.whereNode == nil {
			continue
		}
		text := "errored " + r.ID
		scope, err := condition(a.dialect, r.scope, a.facts())
		if err != nil {
			problems[text] = err.Error()
			continue
		}
		items, of = append(items, fmt.Sprintf("count(CASE WHEN (%s) IS NULL THEN 1 END)", scope)), append(of, text)
	}
	values, err := a.values(ctx, name, items, of, problems)
	if err != nil {
		return err
	}
	maps.Copy(values, told)
	for text, v := range values {
		if m, ok := metrics[text]; ok && !batch && !m.Errors {
			a.result.Metrics[text] = v
		}
	}
	counted, err := a.repeats(ctx, name, rules, problems)
	if err != nil {
		return err
	}
	maps.Copy(values, counted)
	rows, err := whole(values[rowCount])
	if err != nil {
		return err
	}
	if !batch {
		a.rows = &rows
		maps.Copy(a.result.Metrics, counted)
	}
	for _, r := range rules {
		a.judge(r, rows, values, problems)
	}
	return nil
}

// rowCount is the name of the relation's row count among values.
const rowCount = "*"

// values asks for the row count and all items in one query, and for each alone
// when that fails.
func (a *auditor) values(ctx context.Context, name string, items, of []string, problems map[string]string) (map[string]any, error) {
	values := map[string]any{}
	ask := func(items, of []string) error {
		answer, err := a.session.Query(ctx, a.statement(name, items))
		if err != nil {
			return err
		}
		if len(answer.Values) != 1 || len(answer.Values[0]) != len(items)+1 {
			return fmt.Errorf("expectations: the engine gave no single row of %d values", len(items)+1)
		}
		values[rowCount] = answer.Values[0][0]
		for i, text := range of {
			values[text] = rounded(answer.Values[0][i+1])
		}
		return nil
	}
	err := a.portions(items, of, values, ask)
	if err == nil || cancelled(ctx, err) {
		return values, err
	}
	for i := range items {
		if err := ask(items[i:i+1], of[i:i+1]); cancelled(ctx, err) {
			return nil, err
		} else if err != nil {
			problems[of[i]] = err.Error()
		}
	}
	if values[rowCount] == nil {
		return nil, err
	}
	return values, nil
}

// heldBytes is how much the values may take that a query holds.
const heldBytes = 256 << 20

// portions asks for all items in one query, but for those that hold all their values
// at once, outside of what the engine counts as its memory: of these as many share a
// query as the rows allow.
func (a *auditor) portions(items, of []string, values map[string]any, ask func(items, of []string) error) error {
	var light, held [2][]string
	for i, item := range items {
		to := &light
		if a.dialect.Name() == "duckdb" && strings.Contains(item, "quantile_cont(") {
			to = &held
		}
		to[0], to[1] = append(to[0], item), append(to[1], of[i])
	}
	if err := ask(light[0], light[1]); err != nil || len(held[0]) == 0 {
		return err
	}
	rows, err := whole(values[rowCount])
	if err != nil {
		return err
	}
	most := int(min(max(heldBytes/8/max(rows, 1), 1), searches))
	for i := 0; i < len(held[0]); i += most {
		end := min(i+most, len(held[0]))
		if err := ask(held[0][i:end], held[1][i:end]); err != nil {
			return err
		}
	}
	return nil
}

// statement asks for the row count and all items. A few items are each asked in
// a SELECT of its own, which reads no column but its own and can be answered from
// statistics. More share one scan.
func (a *auditor) statement(name string, items []string) string {
	from := a.dialect.Relation(name)
	items = append([]string{"count(*)"}, items...)
	var names []string
	together := map[string][]string{}
	for i, item := range items {
		group := strconv.Itoa(i)
		if len(items) > searches {
			group = "all"
		}
		name := fmt.Sprintf("dq_v%d", i)
		names = append(names, name)
		together[group] = append(together[group], item+" AS "+name)
	}
	var parts []string
	for _, group := range sortedKeys(together) {
		parts = append(parts, fmt.Sprintf("(SELECT %s FROM %s) AS dq_%s", strings.Join(together[group], ", "), from, group))
	}
	return "SELECT " + strings.Join(names, ", ") + " FROM " + strings.Join(parts, ", ")
}

// measure computes the aggregates that row rules compare their rows with, before
// the rows are judged, and gives the rules that can be.
func (a *auditor) measure(ctx context.Context, name string, rules []*rule) ([]*rule, error) {
	var items, of []string
	known, asked := map[string]bool{}, map[string]cel.Metric{}
	problems := map[string]string{}
	for _, r := range rules {
		if r.row == nil {
			continue
		}
		for _, m := range r.row.With(a.facts()).Metrics() {
			if m.Past > asked[m.Of].Past {
				asked[m.Of] = m
			}
			if known[m.Of] {
				continue
			}
			known[m.Of] = true
			sql, err := m.SQL(a.dialect, a.dialect.Relation(name))
			if err != nil {
				problems[m.Of] = err.Error()
				continue
			}
			items, of = append(items, sql), append(of, m.Of)
		}
	}
	if len(known) == 0 {
		return rules, nil
	}
	if err := a.recompute(ctx, asked, problems); err != nil {
		return nil, err
	}
	values, err := a.values(ctx, name, items, of, problems)
	if err != nil {
		return nil, err
	}
	able := make([]*rule, 0, len(rules))
	for _, r := range rules {
		if r.row == nil || len(r.row.Metrics()) == 0 || a.settle(r, values, problems) {
			able = append(able, r)
		}
	}
	return able, nil
}

// settle gives a row rule the values of its aggregates, and reports whether rows
// can be judged with them.
func (a *auditor) settle(r *rule, values map[string]any, problems map[string]string) bool {
	t := a.tallies[r]
	t.judged, t.measured, t.seen = true, map[string]any{}, map[string]any{}
	for _, m := range r.row.Metrics() {
		if problems[m.Of] != "" {
			t.problem = problems[m.Of]
			return false
		}
		v, ok := values[m.Of], true
		if m.Past > 0 {
			v, ok = a.pastValue(m)
		} else if !m.Errors && !r.ofBatch() {
			a.result.Metrics[m.Of] = v
		}
		if !ok {
			continue
		}
		t.measured[m.Text] = v
		if _, isText := v.(string); isText && a.plan.personal(r) {
			v = redacted
		}
		if !m.Errors {
			t.seen[m.Text] = v
		}
	}
	if o := r.row.Settle(t.measured); o.Value != cel.True {
		t.outcome = &o
		rows, err := whole(values[rowCount])
		if err != nil {
			t.problem = err.Error()
		}
		t.Rows = rows
		return false
	}
	return true
}

// over is what stands after FROM for a row rule: the relation, with the values of
// neighbouring rows if the rule looks at some.
func (a *auditor) over(r *rule, name string) (string, error) {
	from, err := r.beside(a.dialect, a.factsOf(r), a.dialect.Relation(name))
	if grouped := a.tallies[r].grouped; err == nil && grouped != "" {
		from = r.withGroups(a.dialect, from, a.dialect.Relation(name), grouped)
	}
	return from, err
}

// beside is what stands after FROM, with the values of neighbouring rows that the
// rule looks at as columns.
func (r *rule) beside(d engine.Dialect, f cel.Facts, from string) (string, error) {
	windows := r.row.With(f).Windows()
	if len(windows) == 0 {
		return from, nil
	}
	items := []string{"*"}
	for _, w := range windows {
		sql, err := w.SQL(d, idents(d, r.GroupBy)...)
		if err != nil {
			return "", err
		}
		items = append(items, sql+" AS "+d.Ident(w.Text))
	}
	return "(SELECT " + strings.Join(items, ", ") + " FROM " + from + ") AS dq_w", nil
}

// pastValue is what a metric was in an earlier version, or the list of what it
// was in several, the newest first, with nil for those of which it is not known.
func (a *auditor) pastValue(m cel.Metric) (any, bool) {
	if !m.List {
		return a.pastOf(m, m.Past)
	}
	values, known := make([]any, m.Past), 0
	for n := range values {
		if v, ok := a.pastOf(m, n+1); ok {
			values[n], known = v, n+1
		}
	}
	return values[:known], known > 0
}

func (a *auditor) pastOf(m cel.Metric, n int) (any, bool) {
	if v, ok := a.recall(m.Of, n); ok {
		return v, true
	}
	v, ok := a.past[pastMetric{m.Of, n}]
	return v, ok
}

// pastMetric is a metric n versions ago.
type pastMetric struct {
	text string
	n    int
}

// recompute measures on the versions before what their audits did not keep. What the
// dialect cannot say is a problem; a version without the columns is no past.
func (a *auditor) recompute(ctx context.Context, asked map[string]cel.Metric, problems map[string]string) error {
	for i, name := range a.target.Before {
		if name == "" {
			continue
		}
		n := i + 1
		var items, of []string
		for _, text := range sortedKeys(asked) {
			m := asked[text]
			if _, known := a.pastOf(m, n); known || m.Past < n {
				continue
			}
			sql, err := m.SQL(a.dialect, a.dialect.Relation(name))
			if err != nil {
				problems[text] = err.Error()
				continue
			}
			items, of = append(items, sql), append(of, text)
		}
		if len(items) == 0 {
			continue
		}
		values, err := a.values(ctx, name, items, of, map[string]string{})
		if err != nil {
			return err
		}
		for _, text := range of {
			if v, ok := values[text]; ok {
				a.past[pastMetric{text, n}] = v
			}
		}
	}
	return nil
}

// counting are metrics that only ask how many rows or nulls there are.
var counting = regexp.MustCompile(`^(?:rows\(\)|(nulls)\(([A-Za-z_][A-Za-z0-9_]*)\)|(count|share)\(([A-Za-z_][A-Za-z0-9_]*) == null\))$`)

// metric is a metric that the files' own counts tell.
func (s *scopes) metric(text string) (any, bool) {
	m := counting.FindStringSubmatch(text)
	all := s.files[""]
	if m == nil || !s.footers || all == nil {
		return nil, false
	}
	column := m[2] + m[4]
	if column == "" {
		return all.rows, true
	}
	nulls, ok := all.nulls[column]
	switch {
	case !ok:
		return nil, false
	case m[3] != "share":
		return nulls, true
	case all.rows == 0:
		return nil, true
	}
	return rounded(float64(nulls) / float64(all.rows)), true
}
