package expectations

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/expectations/cel"
)

// distinctMetrics are the metrics of a rule in whatever version, each once.
func distinctMetrics(rule *cel.Rule) []cel.Metric {
	var metrics []cel.Metric
	for _, m := range rule.Metrics() {
		if !slices.ContainsFunc(metrics, func(o cel.Metric) bool { return o.Of == m.Of }) {
			metrics = append(metrics, m)
		}
	}
	return metrics
}

// measured is what a group's metrics are, by Metric.Of.
type measured struct {
	key    []any
	values map[string]any
}

// measureGroups computes metrics in each group of a relation, and how many rows it
// has: in one scan, unless one of them reads the table for itself, which then is
// done group by group. With scope it counts the rows too whose where errs.
func (a *auditor) measureGroups(ctx context.Context, name string, r *rule, metrics []cel.Metric, scope bool) ([]measured, error) {
	d := a.dialect
	items, of, alone, err := a.groupItems(r, metrics, scope, d.Relation(name))
	if err != nil {
		return nil, err
	}
	keys := idents(d, r.GroupBy)
	list := strings.Join(keys, ", ")
	asked := slices.Concat(keys, items, []string{"count(*)"})
	if alone {
		asked = keys
	}
	answer, err := a.session.Query(ctx, fmt.Sprintf("SELECT %s FROM %s GROUP BY %s ORDER BY %s LIMIT %d", strings.Join(asked, ", "), d.Relation(name), list, list, maxJudged+1))
	if err != nil {
		return nil, err
	}
	if len(answer.Values) > maxJudged || alone && len(answer.Values) > maxGroups {
		return nil, fmt.Errorf("there are too many groups: at most %d can be judged, for aggregates such as duplicates or mode %d", maxJudged, maxGroups)
	}
	if alone {
		free, err := a.apart(ctx, name, r, items)
		if err != nil {
			return nil, err
		}
		defer free()
	}
	var groups []measured
	for i, row := range answer.Values {
		g := measured{key: row[:len(keys):len(keys)], values: map[string]any{}}
		found := row[len(keys):]
		if alone {
			if found, err = a.groupMetrics(ctx, i+1, r, metrics, scope); err != nil {
				return nil, err
			}
		}
		if len(found) != len(of) {
			return nil, fmt.Errorf("expectations: the engine gave %d values where %d were asked for", len(found), len(of))
		}
		for i, text := range of {
			g.values[text] = rounded(found[i])
		}
		groups = append(groups, g)
	}
	return groups, nil
}

// apartRelation holds rows in the order of their groups.
const apartRelation = "dq_apart"

// apart copies what the items read, each row with the number of its group, sorted by
// it, so that an engine finds the rows of one group without reading the others. It
// returns what takes the copy away.
func (a *auditor) apart(ctx context.Context, name string, r *rule, items []string) (free func(), err error) {
	d := a.dialect
	columns := idents(d, r.columns)
	for _, own := range []string{engine.FileColumn, engine.LineColumn} {
		if strings.Contains(strings.Join(items, " "), d.Ident(own)) {
			columns = append(columns, d.Ident(own))
		}
	}
	for i := range columns {
		columns[i] = ", dq_t." + columns[i]
	}
	numbers, same := r.numbered(d, d.Relation(name))
	_, err = a.session.Attach(ctx, engine.Input{Name: apartRelation, Materialise: true,
		SQL: fmt.Sprintf("SELECT dq_g.dq_n%s FROM %s AS dq_t JOIN %s ON %s ORDER BY dq_n", strings.Join(columns, ""), d.Relation(name), numbers, same)})
	return func() {
		_, _ = a.session.Attach(ctx, engine.Input{Name: apartRelation, SQL: "SELECT 0 AS dq_n"}) // nobody reads it any more
	}, err
}

// numbered is the groups of a relation dq_t, dq_g, with their numbers dq_n from 1 in
// the order of the keys, and the condition that a row is in one.
func (r *rule) numbered(d engine.Dialect, relation string) (sql, on string) {
	var keys, same []string
	for i, k := range idents(d, r.GroupBy) {
		keys = append(keys, fmt.Sprintf("%s AS dq_k%d", k, i))
		same = append(same, fmt.Sprintf("dq_t.%s IS NOT DISTINCT FROM dq_g.dq_k%d", k, i))
	}
	list := strings.Join(idents(d, r.GroupBy), ", ")
	return fmt.Sprintf("(SELECT %s, row_number() OVER (ORDER BY %s) AS dq_n FROM (SELECT DISTINCT %s FROM %s) AS dq_d) AS dq_g",
		strings.Join(keys, ", "), list, list, relation), strings.Join(same, " AND ")
}

// groupMetrics computes the metrics of one group by itself.
func (a *auditor) groupMetrics(ctx context.Context, number int, r *rule, metrics []cel.Metric, scope bool) ([]any, error) {
	from := fmt.Sprintf("(SELECT * FROM %s WHERE dq_n = %d) AS dq_g", a.dialect.Relation(apartRelation), number)
	items, _, _, err := a.groupItems(r, metrics, scope, from)
	if err != nil {
		return nil, err
	}
	answer, err := a.session.Query(ctx, "SELECT "+strings.Join(append(items, "count(*)"), ", ")+" FROM "+from)
	if err != nil {
		return nil, err
	}
	if len(answer.Values) != 1 {
		return nil, fmt.Errorf("expectations: the engine gave no single row")
	}
	return answer.Values[0], nil
}

// groupItems are metrics as SQL over from, what they are called, and whether one
// of them reads from by itself, so that GROUP BY does not reach it.
func (a *auditor) groupItems(r *rule, metrics []cel.Metric, scope bool, from string) (items, of []string, alone bool, err error) {
	for _, m := range metrics {
		sql, err := m.SQL(a.dialect, from)
		if err != nil {
			return nil, nil, false, err
		}
		other, err := m.SQL(a.dialect, from+"_")
		if err != nil {
			return nil, nil, false, err
		}
		alone = alone || sql != other
		items, of = append(items, sql), append(of, m.Of)
	}
	if scope && r.whereNode != nil {
		where, err := condition(a.dialect, r.scope, a.facts())
		if err != nil {
			return nil, nil, false, err
		}
		items, of = append(items, fmt.Sprintf("count(CASE WHEN (%s) IS NULL THEN 1 END)", where)), append(of, erroredScope)
	}
	return items, append(of, rowCount), alone, nil
}
