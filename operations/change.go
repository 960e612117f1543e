package operations

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dq-dev/dq/delta"
	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/internal/yamlpos"
	"github.com/dq-dev/dq/table"
)

// hits and rest are SELECTs of the rows that a condition holds for, and of all others.
func hits(condition string) string {
	return "SELECT * FROM " + relTable + " WHERE (\n" + condition + "\n)"
}
func rest(condition string) string {
	return "SELECT * FROM " + relTable + " WHERE NOT coalesce((\n" + condition + "\n), false)"
}

// find makes the rows that a condition holds for the relation dq_hits, and gives the
// files that may have some.
func (t *Table) find(ctx context.Context, d *draft, s *delta.Snapshot, files []table.File, condition string) ([]table.File, error) {
	plan, err := t.rowwise(ctx, s, "the condition", condition, hits(condition))
	if err != nil {
		return nil, err
	}
	if files, err = t.readsOnly(d, s, files, Predicates(plan.Where)); err != nil {
		return nil, err
	}
	if err := t.attach(ctx, s, relTable, s.Schema(), files, true); err != nil {
		return nil, err
	}
	_, err = t.bound(ctx, relHits, hits(condition), false)
	return files, err
}

// rowwise binds what is said of each row of the table, which must follow from the row
// alone: it is asked more than once, of other files each time, and the table and its
// change data feed would not agree. It is bound by itself first, so that it cannot end
// the parentheses that it stands in, and then as the SELECT that it is a part of; a
// condition there must be one.
func (t *Table) rowwise(ctx context.Context, s *delta.Snapshot, what, expression, sql string) (engine.Plan, error) {
	// Without provenance, whose columns are none of the table's.
	if err := t.attach(ctx, s, relTable, s.Schema(), nil, false); err != nil {
		return engine.Plan{}, err
	}
	alone, err := t.Session.Bind(ctx, "SELECT\n"+expression+"\nFROM "+relTable)
	if err != nil {
		return alone, fmt.Errorf("%s: %w", what, err)
	}
	if n := len(alone.Schema.Fields); n != 1 {
		return alone, invalid("%s: it is %d expressions, not one", what, n)
	}
	if of := alone.Schema.Fields[0].Type; what == "the condition" && of.Kind != table.Bool && of.Kind != table.Void {
		return alone, invalid("%s is %s, and not true or false; compare it with something", what, of)
	}
	plan, err := t.Session.Bind(ctx, sql)
	if err != nil {
		return plan, fmt.Errorf("%s: %w", what, err)
	}
	if plan.Beyond != "" {
		return plan, invalid("%s must follow from the row alone and be the same each time it is asked, which %s is not; write its value, or make the rows first (dq table query --output) and merge them", what, plan.Beyond)
	}
	return plan, nil
}

// readsOnly says that the outcome depends on the rows for which all predicates are
// true, and gives the files that may have some. What a gate says depends on all.
func (t *Table) readsOnly(d *draft, s *delta.Snapshot, files []table.File, where []delta.Predicate) ([]table.File, error) {
	if len(where) == 0 || t.Gate != nil {
		d.readsAll = true
	} else {
		d.reads = append(d.reads, where)
	}
	return s.Prune(files, where...)
}

// Delete removes the rows that a condition holds for; "" is all rows. Files without
// such rows stay as they are, those with some are written anew without them.
// Cost: a scan of the columns of the condition, in the files that statistics do not
// rule out, and the files that hold such rows.
func (t *Table) Delete(ctx context.Context, condition string) (Result, error) {
	return t.commit(ctx, "DELETE", func(s *delta.Snapshot, files []table.File) (*draft, error) {
		if s == nil {
			return nil, errNoTable("delete")
		}
		d := &draft{removes: files, parameters: map[string]any{"predicate": "[]"}}
		var err error
		if condition != "" {
			d, err = t.withoutRows(ctx, s, files, condition, false)
		} else {
			d.rowsRemoved, err = t.liveRows(ctx, s, files)
		}
		if err != nil {
			return nil, err
		}
		d.readsAll = d.readsAll || condition == ""
		if len(d.removes)+len(d.deleted) == 0 {
			return nil, nil
		}
		return d, nil
	})
}

// withoutRows drafts the table without the rows that a condition holds for. The
// change data feed is told when files are rewritten, or if others come with it.
func (t *Table) withoutRows(ctx context.Context, s *delta.Snapshot, files []table.File, condition string, others bool) (*draft, error) {
	d := &draft{parameters: map[string]any{"predicate": condition}}
	files, err := t.find(ctx, d, s, files, condition)
	if err != nil {
		return nil, err
	}
	touched, hit, err := t.holding(ctx, relHits, files)
	if err != nil || len(touched) == 0 {
		return d, err
	}
	for _, f := range touched {
		d.rowsRemoved += hit[f.Path]
		if n, ok := f.LiveRows(); ok && n == hit[f.Path] {
			d.removes = append(d.removes, f) // nothing of it stays
		}
	}
	part := without(touched, d.removes)
	if feeds(s) && (others || len(part) > 0 && !vectors(s)) {
		if err := t.record(ctx, d, s, t.changed(s.Schema(), "delete", relHits)); err != nil {
			return nil, err
		}
	}
	switch {
	case len(part) == 0:
		return d, nil
	case vectors(s):
		d.deleted, err = t.positions(ctx, s, relHits, part)
		return d, err
	}
	d.removes = touched
	kept, err := t.attachKept(ctx, s, relTable, s.Schema(), part, true)
	if err != nil {
		return nil, err
	}
	if _, err := t.bound(ctx, relRest, rest(condition), false); err != nil {
		return nil, err
	}
	d.adds, _, err = t.stage(ctx, "SELECT "+t.idents("", s.Schema().Names())+kept.Moved(t.Dialect, "")+" FROM "+relRest, kept.With(s.Schema()), s.PartitionBy())
	return d, err
}

// Update sets columns to expressions, over the old row, where a condition holds;
// "" is everywhere. Columns are named without regard to case. Values must fit the columns' types. Generated columns that are not
// set are computed. Cost as of [Table.Delete].
func (t *Table) Update(ctx context.Context, set map[string]string, condition string) (Result, error) {
	return t.commit(ctx, "UPDATE", func(s *delta.Snapshot, files []table.File) (*draft, error) {
		switch {
		case s == nil:
			return nil, errNoTable("update")
		case len(set) == 0:
			return nil, invalid("update: there is nothing to set")
		}
		if condition == "" {
			condition = "true"
		}
		schema := s.Schema()
		set, err := spelled(schema, set)
		if err != nil {
			return nil, err
		}
		names := slices.Sorted(maps.Keys(set))
		for _, name := range names {
			if _, err := t.rowwise(ctx, s, "column "+name, set[name], fmt.Sprintf("SELECT (\n%s\n) AS %s FROM %s", set[name], t.Dialect.Ident(name), relTable)); err != nil {
				return nil, err
			}
		}
		d := &draft{parameters: map[string]any{"predicate": condition}}
		if files, err = t.find(ctx, d, s, files, condition); err != nil {
			return nil, err
		}
		touched, hit, err := t.holding(ctx, relHits, files)
		if err != nil || len(touched) == 0 {
			return nil, err
		}
		for _, n := range hit {
			d.rowsRemoved += n
		}
		d.rowsAdded = d.rowsRemoved
		if vectors(s) {
			if d.deleted, err = t.positions(ctx, s, relHits, touched); err != nil {
				return nil, err
			}
		} else {
			d.removes = touched
		}
		kept, err := t.attachKept(ctx, s, relTable, schema, touched, true)
		if err != nil {
			return nil, err
		}
		// The new values are columns of one SELECT that is bound as a whole, so that
		// no expression can reach beyond its place.
		items := []string{"*", "coalesce((\n" + condition + "\n), false) AS dq_hit"}
		for i, name := range names {
			items = append(items, fmt.Sprintf("(\n%s\n) AS dq_set_%d", set[name], i))
		}
		rest := "SELECT " + strings.Join(items, ", ") + " FROM " + relTable
		changed, err := t.bound(ctx, relRest, rest, false)
		if err != nil {
			return nil, err
		}
		news := map[string]string{} // values of the table's types
		var given []fitting
		for i, name := range names {
			of, _ := changed.Field(fmt.Sprintf("dq_set_%d", i))
			to, _ := schema.Field(name)
			if err := within(schema, to, of.Type); err != nil {
				return nil, fmt.Errorf("update: %w", err)
			}
			v := t.fitting(to, of.Name, of.Type)
			news[name], given = v.typed, append(given, v)
		}
		if err := t.hold(ctx, relRest+" WHERE dq_hit", given); err != nil {
			return nil, err
		}
		var columns, next []string
		var altered []table.Field
		var values []string // of those
		for _, f := range schema.Fields {
			id := t.Dialect.Ident(f.Name)
			value := news[f.Name]
			if value == "" && f.Meta[generatedKey] != nil {
				if value, err = t.generated(f, schema, news); err != nil {
					return nil, err
				}
			}
			if value != "" {
				next = append(next, value+" AS "+id)
				id = fmt.Sprintf("CASE WHEN dq_hit THEN %s ELSE %s END AS %s", value, id, id)
				altered, values = append(altered, f), append(values, id)
			} else {
				next = append(next, id)
			}
			columns = append(columns, id)
		}
		if feeds(s) {
			after := "SELECT " + strings.Join(next, ", ") + ", 'update_postimage' AS " + changeType + " FROM " + relRest + " WHERE dq_hit"
			if err := t.record(ctx, d, s, t.changed(schema, "update_preimage", relRest+" WHERE dq_hit"), after); err != nil {
				return nil, err
			}
		}
		if !vectors(s) {
			byColumns, left, err := t.updateColumns(ctx, s, touched, rest, altered, values)
			files, failed := written(byColumns)
			if d.adds = files; err != nil || failed != nil || len(left) == 0 {
				return d, errors.Join(err, failed)
			}
		}
		tracked := ""
		if kept != nil {
			commit := kept.name(t.Dialect, 1)
			tracked = kept.list(t.Dialect, kept.name(t.Dialect, 0), "CASE WHEN NOT dq_hit THEN "+commit+" END")
		}
		rows := "SELECT " + strings.Join(columns, ", ") + tracked + " FROM " + relRest
		if vectors(s) {
			rows += " WHERE dq_hit"
		}
		adds, _, err := t.stage(ctx, rows, kept.With(schema), s.PartitionBy())
		if d.adds = append(d.adds, adds...); err != nil || vectors(s) {
			return d, err
		}
		return d, sameRows("update", touched, d.adds)
	})
}

// sameRows holds the rows of new files against those of the files that they replace,
// where statistics tell both.
func sameRows(op string, old, new []table.File) error {
	var were, are int64
	for _, f := range old {
		n, ok := f.LiveRows()
		if !ok {
			return nil
		}
		were += n
	}
	for _, f := range new {
		n, _ := f.LiveRows()
		are += n
	}
	if were != are {
		return fmt.Errorf("%s: the new files hold %d rows and those that they replace %d: nothing is committed", op, are, were)
	}
	return nil
}

// spelled are new values by the names that the table has for its columns.
func spelled(schema table.Schema, set map[string]string) (map[string]string, error) {
	out := make(map[string]string, len(set))
	for _, name := range slices.Sorted(maps.Keys(set)) {
		f, ok := fold(schema, name)
		if !ok {
			return nil, invalid("update: the table has no column %q; %s", name, yamlpos.DidYouMean(name, schema.Names()))
		}
		if isIdentity(f) {
			return nil, invalid("update: column %s is an identity column, whose values stay", f.Name)
		}
		if _, twice := out[f.Name]; twice {
			return nil, invalid("update: column %s is set twice", f.Name)
		}
		out[f.Name] = set[name]
	}
	return out, nil
}

// Optimize puts small files of one partition together, and rewrites files with
// deleted rows, as a change that moves no data. Files of at least half of target
// bytes stay; 0 is 128 MiB.
func (t *Table) Optimize(ctx context.Context, target int64) (Result, error) {
	if target <= 0 {
		target = 128 << 20
	}
	return t.commit(ctx, "OPTIMIZE", func(s *delta.Snapshot, files []table.File) (*draft, error) {
		if s == nil {
			return nil, errNoTable("optimize")
		}
		d := &draft{rearranged: true, parameters: map[string]any{"targetSize": target}}
		for _, bin := range bins(files, s.PartitionBy(), target) {
			kept, err := t.attachKept(ctx, s, relTouched, s.Schema(), bin, false)
			if err != nil {
				return nil, err
			}
			adds, _, err := t.stage(ctx, "SELECT "+t.idents("", s.Schema().Names())+kept.Moved(t.Dialect, "")+" FROM "+relTouched, kept.With(s.Schema()), s.PartitionBy())
			if err != nil {
				return nil, err
			}
			d.adds, d.removes = append(d.adds, adds...), append(d.removes, bin...)
		}
		if len(d.removes) == 0 {
			return nil, nil
		}
		return d, nil
	})
}

// bins are groups of files, each of one partition and of about target bytes, that
// are worth putting together.
func bins(files []table.File, by []string, target int64) [][]table.File {
	groups := map[string][]table.File{}
	for _, f := range files {
		if f.Size < target/2 || f.Deleted != nil {
			key := partitionKey(f, by)
			groups[key] = append(groups[key], f)
		}
	}
	var out [][]table.File
	for _, key := range slices.Sorted(maps.Keys(groups)) {
		var bin []table.File
		var size int64
		flush := func() {
			if len(bin) > 1 || len(bin) == 1 && bin[0].Deleted != nil {
				out = append(out, bin)
			}
			bin, size = nil, 0
		}
		for _, f := range groups[key] {
			if size > 0 && size+f.Size > target {
				flush()
			}
			bin, size = append(bin, f), size+f.Size
		}
		flush()
	}
	return out
}
