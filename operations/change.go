package operations

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dq-dev/dq/delta"
	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/table"
)

// hits and rest are SELECTs of the rows that a condition holds for, and of all others.
func hits(condition string) string {
	return "SELECT * FROM " + relTable + " WHERE (\n" + condition + "\n)"
}
func rest(condition string) string {
	return "SELECT * FROM " + relTable + " WHERE NOT coalesce((\n" + condition + "\n), false)"
}

// Delete removes the rows that a condition holds for; "" is all rows. Files without
// such rows stay as they are, those with some are written anew without them.
// Cost: a scan of the columns of the condition, and the files that hold such rows.
func (t *Table) Delete(ctx context.Context, condition string) (Result, error) {
	return t.commit(ctx, "DELETE", func(s *delta.Snapshot, files []table.File) (*draft, error) {
		if s == nil {
			return nil, errNoTable("delete")
		}
		d := &draft{removes: files, rowsRemoved: liveRows(files), parameters: map[string]any{"predicate": "[]"}}
		if condition != "" {
			var err error
			if d, err = t.withoutRows(ctx, s, files, condition); err != nil {
				return nil, err
			}
		}
		d.readsAll = true
		if len(d.removes) == 0 {
			return nil, nil
		}
		return d, nil
	})
}

// withoutRows drafts the table without the rows that a condition holds for.
func (t *Table) withoutRows(ctx context.Context, s *delta.Snapshot, files []table.File, condition string) (*draft, error) {
	d := &draft{parameters: map[string]any{"predicate": condition}}
	if err := t.attach(ctx, relTable, s.Schema(), files, true); err != nil {
		return nil, err
	}
	if _, err := t.bound(ctx, relHits, hits(condition), false); err != nil {
		return nil, err
	}
	var err error
	if d.removes, d.rowsRemoved, err = t.holding(ctx, relHits, files); err != nil || len(d.removes) == 0 {
		return d, err
	}
	if liveRows(d.removes) == d.rowsRemoved {
		return d, nil // nothing of these files stays
	}
	if err := t.attach(ctx, relTable, s.Schema(), d.removes, true); err != nil {
		return nil, err
	}
	if _, err := t.bound(ctx, relRest, rest(condition), false); err != nil {
		return nil, err
	}
	d.adds, _, err = t.stage(ctx, "SELECT "+t.idents("", s.Schema().Names())+" FROM "+relRest, s.Schema(), s.PartitionBy())
	return d, err
}

// Update sets columns to expressions, over the old row, where a condition holds;
// "" is everywhere. Values must fit the columns' types. Cost as of [Table.Delete].
func (t *Table) Update(ctx context.Context, set map[string]string, condition string) (Result, error) {
	return t.commit(ctx, "UPDATE", func(s *delta.Snapshot, files []table.File) (*draft, error) {
		switch {
		case s == nil:
			return nil, errNoTable("update")
		case len(set) == 0:
			return nil, fmt.Errorf("update: there is nothing to set: %w", delta.ErrInvalid)
		}
		if condition == "" {
			condition = "true"
		}
		schema := s.Schema()
		for name := range set {
			if _, ok := schema.Field(name); !ok {
				return nil, fmt.Errorf("update: the table has no column %q; it has %s: %w", name, strings.Join(schema.Names(), ", "), delta.ErrInvalid)
			}
		}
		d := &draft{parameters: map[string]any{"predicate": condition}, readsAll: true}
		if err := t.attach(ctx, relTable, schema, files, true); err != nil {
			return nil, err
		}
		if _, err := t.bound(ctx, relHits, hits(condition), false); err != nil {
			return nil, err
		}
		var err error
		if d.removes, d.rowsRemoved, err = t.holding(ctx, relHits, files); err != nil || len(d.removes) == 0 {
			return nil, err
		}
		if err := t.attach(ctx, relTable, schema, d.removes, true); err != nil {
			return nil, err
		}
		// The new values are columns of one SELECT that is bound as a whole, so that
		// no expression can reach beyond its place.
		names := slices.Sorted(maps.Keys(set))
		items := []string{"*", "coalesce((\n" + condition + "\n), false) AS dq_hit"}
		for i, name := range names {
			items = append(items, fmt.Sprintf("(\n%s\n) AS dq_set_%d", set[name], i))
		}
		if _, err := t.bound(ctx, relRest, "SELECT "+strings.Join(items, ", ")+" FROM "+relTable, false); err != nil {
			return nil, err
		}
		var columns []string
		for _, f := range schema.Fields {
			id := t.Dialect.Ident(f.Name)
			if i := slices.Index(names, f.Name); i >= 0 {
				id = fmt.Sprintf("CASE WHEN dq_hit THEN dq_set_%d ELSE %s END AS %s", i, id, id)
			}
			columns = append(columns, id)
		}
		d.adds, _, err = t.stage(ctx, "SELECT "+strings.Join(columns, ", ")+" FROM "+relRest, schema, s.PartitionBy())
		d.rowsAdded = d.rowsRemoved
		return d, err
	})
}

// Merge says what becomes of rows that a source and the table have in common, by
// key, and of those that only the source has.
type Merge struct {
	On []string // key columns; a null key matches nothing
	// Matched is update (the default: the source's row replaces the table's), delete or keep.
	Matched string
	// NotMatched is insert (the default) or skip.
	NotMatched  string
	MergeSchema bool
}

// Merge brings the rows of a SELECT into the table by key. Two rows of the source
// with one key that the table has are an error. A column that the source lacks
// keeps its value when matched, and is null when inserted. Cost: a scan of the
// table's key columns, and the files that hold matched rows.
func (t *Table) Merge(ctx context.Context, sql string, m Merge) (Result, error) {
	return t.commit(ctx, "MERGE", func(s *delta.Snapshot, files []table.File) (*draft, error) {
		if s == nil {
			return nil, errNoTable("merge")
		}
		return t.merge(ctx, s, files, sql, m)
	})
}

func (t *Table) merge(ctx context.Context, s *delta.Snapshot, files []table.File, sql string, m Merge) (*draft, error) {
	given, err := t.bound(ctx, relRows, sql, true)
	if err != nil {
		return nil, err
	}
	schema, added, err := merged(s.Schema(), given, m.MergeSchema)
	if err != nil {
		return nil, err
	}
	if len(m.On) == 0 {
		return nil, fmt.Errorf("merge: name the key columns (--on id): %w", delta.ErrInvalid)
	}
	for _, k := range m.On {
		for where, in := range map[string]table.Schema{"table": s.Schema(), "source": given} {
			if _, ok := fold(in, k); !ok {
				return nil, fmt.Errorf("merge: the %s has no column %q; it has %s: %w", where, k, strings.Join(in.Names(), ", "), delta.ErrInvalid)
			}
		}
	}
	d := &draft{readsAll: true, parameters: map[string]any{"predicate": strings.Join(m.On, ", ")}}
	if len(added) > 0 {
		d.schema = &schema
	}
	if err := t.attach(ctx, relTable, schema, files, true); err != nil {
		return nil, err
	}
	on := t.equal("s.", "t.", m.On)
	if m.Matched != "keep" {
		found := fmt.Sprintf("SELECT t.%s FROM %s t WHERE EXISTS (SELECT 1 FROM %s s WHERE %s)", t.Dialect.Ident(engine.FileColumn), relTable, relRows, on)
		if _, err := t.Session.Attach(ctx, engine.Input{Name: relHits, SQL: found, Materialise: true}); err != nil {
			return nil, err
		}
		if d.removes, d.rowsRemoved, err = t.holding(ctx, relHits, files); err != nil {
			return nil, err
		}
	}
	if err := t.attach(ctx, relTouched, schema, d.removes, false); err != nil {
		return nil, err
	}
	if d.rowsRemoved > 0 && m.Matched != "delete" {
		keys := t.idents("s.", m.On)
		n, err := t.count(ctx, fmt.Sprintf("SELECT count(*) FROM (SELECT 1 FROM %s s WHERE EXISTS (SELECT 1 FROM %s t WHERE %s) GROUP BY %s HAVING count(*) > 1) q", relRows, relTouched, on, keys))
		if err != nil {
			return nil, err
		}
		if n > 0 {
			return nil, fmt.Errorf("merge: %d keys (%s) of the table come more than once in the source, and which row counts is not said: %w", n, strings.Join(m.On, ", "), delta.ErrInvalid)
		}
	}
	var parts []string
	// source is the SELECT list of a source row, with a matched row's own values
	// for columns that the source lacks.
	source := func(own string) string {
		items := make([]string, len(schema.Fields))
		for i, f := range schema.Fields {
			id := t.Dialect.Ident(f.Name)
			switch g, ok := fold(given, f.Name); {
			case ok:
				items[i] = "s." + t.Dialect.Ident(g.Name) + " AS " + id
			case own != "":
				items[i] = own + id
			default:
				items[i] = "NULL AS " + id
			}
		}
		return strings.Join(items, ", ")
	}
	if m.Matched == "" || m.Matched == "update" {
		parts = append(parts, fmt.Sprintf("SELECT %s FROM %s s JOIN %s t ON %s", source("t."), relRows, relTouched, on))
	}
	if len(d.removes) > 0 {
		parts = append(parts, fmt.Sprintf("SELECT %s FROM %s t WHERE NOT EXISTS (SELECT 1 FROM %s s WHERE %s)", t.idents("t.", schema.Names()), relTouched, relRows, on))
	}
	if m.NotMatched == "" || m.NotMatched == "insert" {
		in := relTouched
		if m.Matched == "keep" {
			in = relTable
		}
		parts = append(parts, fmt.Sprintf("SELECT %s FROM %s s WHERE NOT EXISTS (SELECT 1 FROM %s t WHERE %s)", source(""), relRows, in, on))
	}
	stay := liveRows(d.removes) - d.rowsRemoved
	if len(parts) > 0 {
		var rows int64
		if d.adds, rows, err = t.stage(ctx, strings.Join(parts, "\nUNION ALL\n"), schema, s.PartitionBy()); err != nil {
			return nil, err
		}
		d.rowsAdded = rows - stay
	}
	if len(d.adds)+len(d.removes) == 0 && d.schema == nil {
		return nil, nil
	}
	return d, nil
}

// equal is SQL that joins on columns; null matches nothing.
func (t *Table) equal(a, b string, names []string) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = a + t.Dialect.Ident(n) + " = " + b + t.Dialect.Ident(n)
	}
	return strings.Join(out, " AND ")
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
			if err := t.attach(ctx, relTouched, s.Schema(), bin, false); err != nil {
				return nil, err
			}
			adds, _, err := t.stage(ctx, "SELECT "+t.idents("", s.Schema().Names())+" FROM "+relTouched, s.Schema(), s.PartitionBy())
			if err != nil {
				t.discard(d.adds)
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
