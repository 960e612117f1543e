package expectations

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/internal/yamlpos"
	"github.com/dq-dev/dq/table"
)

// tablePlaceholder stands in a rule's SQL for the table that is judged.
const tablePlaceholder = "{table}"

// query is the SELECT of a rule in SQL, over the relation that it judges.
func (r *rule) query(d engine.Dialect, relation string) string {
	text := strings.TrimRight(strings.TrimSpace(r.sql), "; \t\r\n")
	return strings.ReplaceAll(text, tablePlaceholder, d.Relation(relation))
}

// mentions reports whether SQL may read a table of that name.
func mentions(sql, name string) bool {
	plain := strings.NewReplacer(`"`, "", "`", "").Replace(sql)
	return regexp.MustCompile(`(?i)(^|[^\w.])` + regexp.QuoteMeta(name) + `($|[^\w])`).MatchString(plain)
}

// bind checks the rules in SQL against empty stubs, before anything is read: each
// must be one SELECT over tables that are there. The error is [yamlpos.Errors].
func (a *auditor) bind(ctx context.Context) error {
	var errs yamlpos.Errors
	for _, r := range a.plan.rules {
		name := a.name(r)
		if r.sql == "" || name == "" {
			continue
		}
		bound, err := a.session.Bind(ctx, r.query(a.dialect, name))
		if cancelled(ctx, err) {
			return err
		}
		var wrong *engine.BindError
		switch {
		case errors.As(err, &wrong):
			hint := wrong.Hint
			if strings.Contains(wrong.Message, "Table") || strings.Contains(wrong.Message, "table") {
				hint = strings.TrimPrefix(hint+"; the table itself is "+tablePlaceholder, "; ")
			}
			errs = append(errs, r.sqlNode.ErrorAt(r.offset(a.dialect, name, wrong.Offset), hint, wrong.Message))
		case err != nil:
			errs = append(errs, r.sqlNode.Error("", "%s", err))
		default:
			a.tallies[r].returns = bound.Schema
		}
	}
	if len(errs) > 0 {
		return errs.Sort()
	}
	return nil
}

// offset is a position in the query as one in the text of the suite.
func (r *rule) offset(d engine.Dialect, relation string, at int) int {
	lead := len(r.sql) - len(strings.TrimLeft(r.sql, " \t\r\n"))
	grown, from := len(d.Relation(relation))-len(tablePlaceholder), lead
	at += lead
	for {
		i := strings.Index(r.sql[from:], tablePlaceholder)
		if i < 0 || from+i >= at {
			return min(max(at, 0), len(r.sql))
		}
		from += i + len(tablePlaceholder)
		at = max(at-grown, from)
	}
}

// sqlRules counts the rows that rules in SQL return: all of them are failures.
func (a *auditor) sqlRules(ctx context.Context, name string, rules []*rule) error {
	if len(rules) == 0 {
		return nil
	}
	scopes, err := a.scopes(ctx, name, false, nil)
	if err != nil {
		return err
	}
	rows := int64(0)
	if all := scopes.files[""]; all != nil {
		rows = all.rows
	}
	for _, r := range rules {
		t := a.tallies[r]
		answer, err := a.session.Query(ctx, fmt.Sprintf("SELECT count(*) FROM (%s\n) AS dq_x", r.query(a.dialect, name)))
		if cancelled(ctx, err) {
			return err
		}
		var n int64
		if err == nil {
			if len(answer.Values) != 1 || len(answer.Values[0]) != 1 {
				return fmt.Errorf("expectations: the engine gave no single count")
			}
			n, err = whole(answer.Values[0][0])
		}
		if err != nil {
			t.problem = err.Error()
			continue
		}
		// A join may return a row of the table more than once.
		t.add(Count{Rows: rows, Evaluated: max(rows, n), Failed: n}, samplePlace{relation: name})
		if n > 0 && a.target.Samples > 0 {
			if err := a.sqlSample(ctx, name, r); cancelled(ctx, err) {
				return err
			}
		}
	}
	return nil
}

// sqlSample fetches the first rows that a rule in SQL returns, in the order of
// their values.
func (a *auditor) sqlSample(ctx context.Context, name string, r *rule) error {
	t := a.tallies[r]
	order := []string{}
	for _, f := range t.returns.Fields {
		if sortable(f.Type) {
			order = append(order, a.dialect.Ident(f.Name))
		}
	}
	found, err := a.session.Query(ctx, fmt.Sprintf("SELECT * FROM (%s\n) AS dq_x ORDER BY %s LIMIT %d", r.query(a.dialect, name), strings.Join(append(order, "1"), ", "), a.target.Samples))
	if err != nil {
		return err
	}
	names := found.Schema.Names()
	for _, values := range found.Values {
		t.sample = append(t.sample, a.plan.foreignRow(names, values))
	}
	return nil
}

// foreignRow makes a row of a SELECT fit to be shown. When columns of the table
// are personal, so may be any column of the SELECT that is none of the table's.
func (p *Plan) foreignRow(names []string, values []any) map[string]any {
	row := p.sampleRow(names, values)
	delete(row, engine.FileColumn)
	delete(row, engine.LineColumn)
	personal := false
	for _, c := range p.suite.Columns {
		personal = personal || c.Personal()
	}
	for name, v := range row {
		if _, own := p.schema.Field(name); personal && !own && v != nil {
			row[name] = redacted
		}
	}
	return row
}

// hasLines reports whether a SELECT returns where its rows come from.
func hasLines(s table.Schema) bool {
	_, file := s.Field(engine.FileColumn)
	_, line := s.Field(engine.LineColumn)
	return file && line
}
