package expectations

import (
	"fmt"
	"strings"

	"github.com/dq-dev/dq/engine"
)

// Names of the columns that [Result.Failing] adds, before those of the table.
const (
	RowColumn    = "_row"
	FailedColumn = "_failed"
)

// Failing gives a SELECT of all rows of the audited table that broke a rule, as
// often as the table has them: _row, which is the SQL row over its columns and
// the provenance columns; _failed, the list of the ids that the row broke, in the
// order of the suite; then the table's columns, personal ones as they are. Rows
// that a rule in SQL returned without saying where they come from follow, with a
// null _row. The audit must have had [Target.Lines], and the table no columns of
// those names. Nothing runs yet; the SELECT is for the session of the audit.
func (res *Result) Failing(row string) (string, error) {
	a := res.auditor
	d, name := a.dialect, a.target.Table
	columns := idents(d, a.plan.schema.Names())
	var ids, flags, conditions, foreign []string
	for i, r := range a.plan.rules {
		t := a.tallies[r]
		if t.Failed+t.Errored == 0 || t.problem != "" {
			continue
		}
		var condition string
		var err error
		switch {
		case r.sql != "" && hasLines(t.returns):
			condition = fmt.Sprintf("(%s, %s) IN (SELECT %s, %s FROM (%s\n) AS dq_x)", d.Ident(engine.FileColumn), d.Ident(engine.LineColumn), d.Ident(engine.FileColumn), d.Ident(engine.LineColumn), r.query(d, name))
		case r.sql != "":
			foreign = append(foreign, a.foreign(r, name))
			continue
		case r.row != nil && (len(r.row.Windows()) > 0 || t.grouped != "" || a.name(r) != name):
			bad, _, err := r.bad(d, a.factsOf(r))
			if err != nil {
				return "", err
			}
			over, err := a.over(r, a.name(r))
			if err != nil {
				return "", err
			}
			file, line := d.Ident(engine.FileColumn), d.Ident(engine.LineColumn)
			condition = fmt.Sprintf("(%s, %s) IN (SELECT %s, %s FROM %s WHERE %s)", file, line, file, line, over, bad)
		case r.row != nil:
			if condition, _, err = r.bad(d, a.factsOf(r)); err != nil {
				return "", err
			}
		case r.unique():
			if condition, err = r.some(d, a.factsOf(r), d.Relation(name), t.suspects, 0); err != nil {
				return "", err
			}
		default:
			continue
		}
		c := fmt.Sprintf("dq_bad%d", i)
		conditions = append(conditions, fmt.Sprintf("coalesce(%s, FALSE) AS %s", condition, c))
		flags = append(flags, c)
		ids = append(ids, fmt.Sprintf("CASE WHEN %s THEN %s END", c, d.Literal(r.ID)))
	}
	selects := []string{}
	if len(ids) > 0 {
		selects = append(selects, fmt.Sprintf("SELECT %s AS %s, %s AS %s, %s FROM (SELECT *, %s FROM %s) AS dq_x WHERE %s", row, RowColumn, split(d, ids), FailedColumn,
			strings.Join(columns, ", "), strings.Join(conditions, ", "), d.Relation(name), strings.Join(flags, " OR ")))
	}
	selects = append(selects, foreign...)
	if len(selects) == 0 {
		selects = append(selects, fmt.Sprintf("SELECT %s AS %s, %s AS %s, %s FROM %s WHERE FALSE", row, RowColumn, split(d, []string{d.Literal("")}), FailedColumn, strings.Join(columns, ", "), d.Relation(name)))
	}
	return strings.Join(selects, " UNION ALL "), nil
}

// split is SQL of a list of texts, without those that are null.
func split(d engine.Dialect, items []string) string {
	function := "string_split"
	if d.Name() == "spark" {
		function = "split"
	}
	// No lambda: their syntax changes between versions. concat_ws leaves nulls out.
	return function + "(concat_ws(chr(31), " + strings.Join(items, ", ") + "), chr(31))"
}

// foreign is a SELECT of the rows that a rule in SQL returns, in the table's columns.
func (a *auditor) foreign(r *rule, name string) string {
	d := a.dialect
	var items []string
	for _, f := range a.plan.schema.Fields {
		if got, ok := a.tallies[r].returns.Field(f.Name); ok && got.Type.Equal(f.Type) {
			items = append(items, d.Ident(f.Name))
		} else {
			items = append(items, "NULL AS "+d.Ident(f.Name))
		}
	}
	return fmt.Sprintf("SELECT NULL AS %s, %s AS %s, %s FROM (%s\n) AS dq_x", RowColumn, split(d, []string{d.Literal(r.ID)}), FailedColumn, strings.Join(items, ", "), r.query(d, name))
}
