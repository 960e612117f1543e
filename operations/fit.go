package operations

import (
	"context"
	"fmt"

	"github.com/dq-dev/dq/table"
)

// fitting is a value of any type that is to become one of a column.
type fitting struct {
	column table.Field
	value  string // SQL for what is given
	typed  string // and for it as the column's type, null where it does not fit
	fits   string // whether it does
}

func (t *Table) fitting(column table.Field, value string, from table.Type) fitting {
	f := fitting{column: column, value: value}
	f.fits, f.typed = t.Dialect.Fit(value, from, column.Type)
	return f
}

// hold refuses values that do not fit, of rows that the SQL behind FROM gives. What
// is written beside the rows that stay must be of the table's types before: the
// engine would else find a type for both, which may not hold every value of either.
func (t *Table) hold(ctx context.Context, from string, all []fitting) error {
	for _, f := range all {
		if f.fits == "true" {
			continue
		}
		rows, err := t.Session.Query(ctx, fmt.Sprintf("SELECT left(CAST(%s AS VARCHAR), 80) FROM (SELECT * FROM %s) dq_s WHERE NOT coalesce(%s, false) LIMIT 1", f.value, from, f.fits))
		if err != nil {
			return err
		}
		if len(rows.Values) > 0 {
			return fmt.Errorf("column %q: the value %v does not fit %s", f.column.Name, rows.Values[0][0], f.column.Type)
		}
	}
	return nil
}
