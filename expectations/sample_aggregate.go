package expectations

import (
	"context"
	"fmt"
	"maps"
	"strings"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/expectations/cel"
	"github.com/dq-dev/dq/table"
)

// fetchCounted fetches rows for the rules over aggregates that fail: those that
// their aggregates counted, with group_by those of the worst groups. A rule whose
// aggregates tell no rows, such as sum, keeps its groups for a sample, or has none.
func (a *auditor) fetchCounted(ctx context.Context) error {
	for _, r := range a.plan.rules {
		t, name := a.tallies[r], a.dialect.Relation(a.name(r))
		if r.row != nil || r.aggregate == nil || r.unique() || t.problem != "" || a.plan.batch[r] != nil {
			continue
		}
		var rows []map[string]any
		if !r.grouped() && t.outcome != nil && t.outcome.Value == cel.False {
			var err error
			if rows, err = a.counted(ctx, r, name, t.told, t.Rows, a.target.Samples); err != nil {
				return err
			}
		}
		worst := r.failing(t, a.target.Samples)
		for _, g := range worst {
			in, _ := inGroups(a.dialect, a.plan.schema, r.GroupBy, [][]any{g.key})
			if in == "" || g.outcome == nil || g.outcome.Value != cel.False {
				continue
			}
			// Two of each at least: one of a repeated row says nothing.
			share := min(max(2, a.target.Samples/len(worst)), a.target.Samples-len(rows))
			of, err := a.counted(ctx, r, fmt.Sprintf("(SELECT * FROM %s WHERE %s) AS dq_c", name, in), g.told, g.Rows, share)
			if err != nil {
				return err
			}
			if rows = append(rows, of...); len(rows) >= a.target.Samples {
				break
			}
		}
		if len(rows) > 0 {
			t.sample = rows
		}
	}
	return nil
}

// counted fetches up to limit of the rows of from that the aggregates of a rule
// counted; of an aggregate with which the rule would pass if it counted all rows,
// the others. told is what the rule was judged by, rows how many from has.
func (a *auditor) counted(ctx context.Context, r *rule, from string, told map[string]any, rows int64, limit int) ([]map[string]any, error) {
	var conditions []string
	rule := r.aggregate.With(a.facts())
	for _, m := range rule.Metrics() {
		if m.Past > 0 {
			continue
		}
		counted, others, err := m.Rows(a.dialect, from)
		if err != nil {
			return nil, err
		}
		if others != "" {
			all := maps.Clone(told)
			if all[m.Text] = any(rows); m.Type.Kind == table.Double {
				all[m.Text] = 1.0
			}
			if rule.Judge(all, a.facts()).Value == cel.True {
				counted = others
			}
		}
		if counted != "" {
			conditions = append(conditions, "("+counted+")")
		}
	}
	if len(conditions) == 0 {
		return nil, nil
	}
	columns, order := a.columns(), r.byValues(a.dialect, a.plan.schema)
	if a.target.Lines {
		place := ", " + a.dialect.Ident(engine.FileColumn) + ", " + a.dialect.Ident(engine.LineColumn)
		columns, order = columns+place, order+place
	}
	found, err := a.session.Query(ctx, fmt.Sprintf("SELECT %s FROM %s WHERE %s ORDER BY %s LIMIT %d",
		columns, from, strings.Join(conditions, " OR "), order, limit))
	if err != nil {
		return nil, err
	}
	var sample []map[string]any
	for _, values := range found.Values {
		row := a.plan.sampleRow(found.Schema.Names(), values)
		if path, _ := row[engine.FileColumn].(string); !hasRecords(path) {
			delete(row, engine.FileColumn)
			delete(row, engine.LineColumn)
		}
		sample = append(sample, row)
	}
	return sample, nil
}
