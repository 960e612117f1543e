package expectations

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/dq-dev/dq/expectations/cel"
)

// noHistory is why a rule or a group is not compared with the past.
const noHistory = "no_history"

// Grouped is a metric in each group of rows: by the values of the columns of
// group_by, as a JSON list.
type Grouped map[string]any

// groupsText is what the list of a rule's groups is called among metrics.
func (r *rule) groupsText() string { return "groups(" + strings.Join(r.GroupBy, ", ") + ")" }

// groupedText is what a metric in each group of a rule is called among metrics.
func (r *rule) groupedText(of string) string { return of + " by " + r.groupsText() }

// keyOf is a group's key as JSON.
func keyOf(key []any) string {
	values := make([]any, len(key))
	for i, v := range key {
		values[i] = plain(v)
	}
	out, _ := json.Marshal(values) // plain values always can be
	return string(out)
}

// asksPast lists what a rule asks of versions before.
func (r *rule) asksPast(f cel.Facts) []PastMetric {
	var out []PastMetric
	for _, part := range r.parts() {
		for _, m := range part.With(f).Metrics() {
			switch {
			case m.Past == 0:
			case r.grouped():
				out = append(out, PastMetric{r.groupedText(m.Of), m.Past})
			default:
				out = append(out, PastMetric{m.Of, m.Past})
			}
		}
	}
	if r.grouped() && !r.ofBatch() {
		out = append(out, PastMetric{r.groupsText(), 1})
	}
	return out
}

// groupPast are the metrics of groups in the versions before, the newest first, by
// Metric.Of.
type groupPast []map[string]Grouped

// of is what a metric was in the same group of an earlier version, or the list of
// what it was in the last versions, with nil for those that did not have the group.
func (p groupPast) of(key string, m cel.Metric) (any, bool) {
	if !m.List {
		if m.Past > len(p) {
			return nil, false
		}
		v, ok := p[m.Past-1][m.Of][key]
		return v, ok
	}
	values, known := make([]any, min(m.Past, len(p))), 0
	for i := range values {
		if v, ok := p[i][m.Of][key]; ok {
			values[i], known = v, i+1
		}
	}
	return values[:known], known > 0
}

// with are the values of a rule's metrics in a group, by Metric.Text: those of this
// version by Metric.Of, and of the past those that there are.
func (p groupPast) with(key []any, rule *cel.Rule, now map[string]any) map[string]any {
	text, values := keyOf(key), map[string]any{}
	for _, m := range rule.Metrics() {
		if m.Past == 0 {
			values[m.Text] = now[m.Of]
		} else if v, ok := p.of(text, m); ok {
			values[m.Text] = v
		}
	}
	return values
}

// pastGroups finds the metrics that a rule compares its groups with: those that
// were kept, else they are measured on the version that they are of.
func (a *auditor) pastGroups(ctx context.Context, r *rule, rule *cel.Rule) (groupPast, error) {
	var past groupPast
	for n := 1; ; n++ {
		version := map[string]Grouped{}
		var missing []cel.Metric
		asked := false
		for _, m := range rule.Metrics() {
			if m.Past < n {
				continue
			}
			asked = true
			if kept, ok := a.recall(r.groupedText(m.Of), n); ok {
				version[m.Of], _ = kept.(Grouped)
			}
			if version[m.Of] == nil && !slices.ContainsFunc(missing, func(o cel.Metric) bool { return o.Of == m.Of }) {
				missing = append(missing, m)
			}
		}
		if !asked {
			return past, nil
		}
		if name := a.before(n); len(missing) > 0 && name != "" {
			groups, err := a.measureGroups(ctx, name, r, missing, false)
			if err != nil {
				return nil, err
			}
			for _, m := range missing {
				version[m.Of] = grouped(groups, m.Of)
			}
		}
		past = append(past, version)
	}
}

func grouped(groups []measured, of string) Grouped {
	values := Grouped{}
	for _, g := range groups {
		values[keyOf(g.key)] = g.values[of]
	}
	return values
}

// recall is what an audit kept of a version before.
func (a *auditor) recall(text string, n int) (any, bool) {
	if a.target.Past == nil {
		return nil, false
	}
	return a.target.Past(text, n)
}

// before is the relation of the n-th version before, or "".
func (a *auditor) before(n int) string {
	if n > len(a.target.Before) {
		return ""
	}
	return a.target.Before[n-1]
}

// keepGroups keeps the metrics of groups whose past the rule asks for.
func (a *auditor) keepGroups(r *rule, rule *cel.Rule, groups []measured) {
	if len(groups) > maxGroups {
		return
	}
	for _, m := range rule.Metrics() {
		if m.Past > 0 {
			a.result.Metrics[r.groupedText(m.Of)] = grouped(groups, m.Of)
		}
	}
}

// vanished adds the groups that the version before had and this one has not, and
// keeps this one's for the next. Neither is done if there are too many to list, or
// for a rule over the batch: the table still has the groups that it does not bring.
func (a *auditor) vanished(ctx context.Context, r *rule) error {
	if r.ofBatch() {
		return nil
	}
	t := a.tallies[r]
	now := map[string]bool{}
	var keys []string
	for _, g := range t.groups {
		k := keyOf(g.key)
		now[k] = true
		keys = append(keys, k)
	}
	if t.groupCount > maxGroups {
		return nil
	}
	slices.Sort(keys)
	a.result.Metrics[r.groupsText()] = "[" + strings.Join(keys, ",") + "]"
	was, err := a.groupsBefore(ctx, r)
	if err != nil {
		return err
	}
	for _, key := range was {
		if len(key) == len(r.GroupBy) && !now[keyOf(key)] {
			t.groups = append(t.groups, groupTally{key: key, gone: true})
		}
	}
	return nil
}

// groupsBefore lists the groups of the version before, as far as they are known.
func (a *auditor) groupsBefore(ctx context.Context, r *rule) ([][]any, error) {
	if v, ok := a.recall(r.groupsText(), 1); ok {
		text, _ := v.(string)
		numbers := json.NewDecoder(bytes.NewReader([]byte(text)))
		numbers.UseNumber()
		var was [][]any
		if numbers.Decode(&was) == nil {
			return was, nil
		}
	}
	name := a.before(1)
	if name == "" {
		return nil, nil
	}
	keys := strings.Join(idents(a.dialect, r.GroupBy), ", ")
	answer, err := a.session.Query(ctx, fmt.Sprintf("SELECT DISTINCT %s FROM %s ORDER BY %s LIMIT %d", keys, a.dialect.Relation(name), keys, maxGroups+1))
	if cancelled(ctx, err) {
		return nil, err
	}
	if err != nil || len(answer.Values) > maxGroups {
		return nil, nil // the version before cannot be listed, and this one was judged
	}
	return answer.Values, nil
}
