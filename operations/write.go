package operations

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/dq-dev/dq/delta"
	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/internal/yamlpos"
	"github.com/dq-dev/dq/table"
)

// Write says how rows are written.
type Write struct {
	// PartitionBy are the partition columns of a new table, and with OverwriteSchema those
	// that the table gets: none when it is empty, and those that it has when it is nil.
	PartitionBy []string
	// MergeSchema adds columns that the table does not have, at its end, and members of
	// structs at theirs. Where delta.enableTypeWidening is true, columns of which the rows
	// have wider types get these: but no integers that would become decimals or doubles,
	// which may be a whim of the source. Without it, columns that the table does not have
	// are an error, and values must fit its types.
	MergeSchema bool
	// OverwriteSchema gives the table the columns of the rows; only [Table.Overwrite]
	// of everything can.
	OverwriteSchema bool
}

// Append adds the rows of a SELECT. A table that is not there is made, with the
// SELECT's columns. Columns are taken by name; those that the rows lack are
// what the table says (generated, given out by it, or by default), or null.
// A value that does not fit the table's type is an error that names the column.
// Cost: one pass over the rows.
func (t *Table) Append(ctx context.Context, sql string, w Write) (Result, error) {
	return t.commitWith(ctx, "WRITE", false, func(s *delta.Snapshot, _ []table.File) (*draft, error) {
		if w.OverwriteSchema {
			return nil, invalid("append cannot replace the columns; overwrite can")
		}
		return t.rows(ctx, s, sql, w, "Append")
	})
}

// rows stages the rows of a SELECT for a table as it is, or for a new one.
func (t *Table) rows(ctx context.Context, s *delta.Snapshot, sql string, w Write, mode string) (*draft, error) {
	plan, err := t.Session.Bind(ctx, sql)
	if err != nil {
		return nil, err
	}
	given := plan.Schema
	d := &draft{parameters: map[string]any{"mode": mode}}
	schema, partitionBy := table.Schema{Fields: slices.Clone(given.Fields)}, w.PartitionBy
	if s == nil || w.OverwriteSchema {
		for i := range schema.Fields {
			schema.Fields[i].Nullable = true
		}
		if s != nil && w.PartitionBy == nil {
			partitionBy = s.PartitionBy()
		}
		d.schema, d.partitionBy = &schema, partitionBy
	} else {
		if len(w.PartitionBy) > 0 && !slices.EqualFunc(w.PartitionBy, s.PartitionBy(), strings.EqualFold) {
			return nil, invalid("the table is partitioned by %v, not by %v", s.PartitionBy(), w.PartitionBy)
		}
		partitionBy = s.PartitionBy()
		var changes bool
		if schema, changes, err = merged(s, given, w.MergeSchema); err != nil {
			return nil, err
		}
		if err := explicit(schema, given, ""); err != nil {
			return nil, err
		}
		if changes {
			d.schema = &schema
		}
	}
	if s == nil {
		schema, err = t.Delta.Mapped(schema)
	} else if d.schema != nil {
		schema, err = s.Mapped(schema)
	}
	if err != nil {
		return nil, err
	}
	partitionBy = slices.Clone(partitionBy)
	for i, p := range partitionBy {
		f, ok := fold(schema, p)
		if !ok {
			hint := ""
			if s != nil && w.PartitionBy == nil {
				hint = "; name the columns that the table is to be partitioned by from now on (--partition-by COLUMN, or --partition-by '' for none)"
			}
			return nil, invalid("there is no column %q to partition by; %s%s", p, yamlpos.DidYouMean(p, schema.Names()), hint)
		}
		partitionBy[i] = f.Name
	}
	if d.partitionBy != nil {
		d.partitionBy = partitionBy
	}
	if slices.ContainsFunc(schema.Fields, func(f table.Field) bool { _, ok := fold(given, f.Name); return !ok }) {
		if _, err := t.Session.Attach(ctx, engine.Input{Name: relRows, SQL: sql}); err != nil {
			return nil, err
		}
		row, _, err := t.sourceRow(schema, given, "", false)
		if err != nil {
			return nil, err
		}
		sql = "SELECT " + row + " FROM " + relRows + " dq_s"
	}
	if err := t.holdHollow(ctx, sql, schema, given); err != nil {
		return nil, err
	}
	if d.adds, d.rowsAdded, err = t.stage(ctx, sql, schema, partitionBy); err != nil {
		return nil, err
	}
	if d.rowsAdded > 0 && gives(schema, given) {
		if schema, err = marked(schema, given, d.rowsAdded); err != nil {
			return nil, err
		}
		d.schema = &schema
	}
	if len(partitionBy) > 0 {
		d.parameters["partitionBy"] = "[" + strings.Join(partitionBy, ",") + "]"
	}
	if s != nil && len(d.adds) == 0 && d.schema == nil {
		return nil, nil // no rows, no commit
	}
	return d, nil
}

// holdHollow refuses values for columns that are void in the table, which are not written.
func (t *Table) holdHollow(ctx context.Context, sql string, schema, given table.Schema) error {
	var all []fitting
	for _, f := range schema.Fields {
		if g, ok := fold(given, f.Name); ok && hollow(f.Type) {
			all = append(all, t.fitting(f, "dq_s."+t.Dialect.Ident(g.Name), g.Type))
		}
	}
	if all == nil {
		return nil
	}
	if _, err := t.Session.Attach(ctx, engine.Input{Name: relCame, SQL: sql}); err != nil {
		return err
	}
	return t.hold(ctx, relCame, all)
}

// fold finds a column by name, ignoring case as Delta does.
func fold(s table.Schema, name string) (table.Field, bool) {
	for _, f := range s.Fields {
		if strings.EqualFold(f.Name, name) {
			return f, true
		}
	}
	return table.Field{}, false
}

// Overwrite replaces all rows by those of a SELECT. A table that is not there is made.
func (t *Table) Overwrite(ctx context.Context, sql string, w Write) (Result, error) {
	return t.commit(ctx, "WRITE", func(s *delta.Snapshot, files []table.File) (*draft, error) {
		if w.OverwriteSchema && w.MergeSchema {
			return nil, invalid("merge the schema or overwrite it, not both")
		}
		d, err := t.rows(ctx, s, sql, w, "Overwrite")
		if err != nil || d == nil && len(files) == 0 {
			return nil, err
		}
		if d == nil {
			d = &draft{parameters: map[string]any{"mode": "Overwrite"}}
		}
		d.removes, d.readsAll = files, true
		if s != nil {
			d.rowsRemoved, err = t.liveRows(ctx, s, files)
		}
		return d, err
	})
}

// OverwriteWhere replaces the rows that a condition holds for by those of a SELECT
// (replaceWhere). A row of the SELECT for which it does not hold is an error.
func (t *Table) OverwriteWhere(ctx context.Context, sql, condition string, w Write) (Result, error) {
	return t.commit(ctx, "WRITE", func(s *delta.Snapshot, files []table.File) (*draft, error) {
		if s == nil {
			return nil, errNoTable("overwrite")
		}
		if w.OverwriteSchema {
			return nil, invalid("a part of a table cannot have other columns")
		}
		gone, err := t.withoutRows(ctx, s, files, condition, true)
		if err != nil {
			return nil, err
		}
		d, err := t.rows(ctx, s, sql, w, "Overwrite")
		if err != nil {
			return nil, err
		}
		if d == nil {
			d = &draft{parameters: map[string]any{"mode": "Overwrite"}}
		}
		if err := t.outside(ctx, s, d, condition); err != nil {
			return nil, err
		}
		d.parameters["predicate"] = condition
		if d.changes = gone.changes; len(d.changes) > 0 && len(d.adds) > 0 { // then nothing tells by itself
			schema := d.columns(s)
			if err := t.recordAs(ctx, d, schema, s.PartitionBy(), t.changed(schema, "insert", relTable)); err != nil {
				return nil, err
			}
		}
		d.adds, d.removes, d.deleted = append(d.adds, gone.adds...), gone.removes, gone.deleted
		d.rowsRemoved, d.readsAll, d.reads = gone.rowsRemoved, gone.readsAll, gone.reads
		if len(d.adds)+len(d.removes)+len(d.deleted) == 0 && d.schema == nil {
			return nil, nil
		}
		return d, nil
	})
}

// outside refuses new rows for which the condition does not hold.
func (t *Table) outside(ctx context.Context, s *delta.Snapshot, d *draft, condition string) error {
	if len(d.adds) == 0 {
		return nil
	}
	if err := t.attach(ctx, s, relTable, d.columns(s), d.adds, true); err != nil {
		return err
	}
	if _, err := t.bound(ctx, relRest, rest(condition), false); err != nil {
		return err
	}
	n, err := t.count(ctx, "SELECT count(*) FROM "+relRest)
	if err == nil && n > 0 {
		err = invalid("%s, the part that is replaced, does not hold for %d of the new rows", condition, n)
	}
	return err
}

// OverwritePartitions replaces the partitions that rows of a SELECT belong to, and
// leaves the others (dynamic partition overwrite), to other writers too.
func (t *Table) OverwritePartitions(ctx context.Context, sql string, w Write) (Result, error) {
	return t.commit(ctx, "WRITE", func(s *delta.Snapshot, files []table.File) (*draft, error) {
		if s == nil {
			return nil, errNoTable("overwrite")
		}
		if w.OverwriteSchema {
			return nil, invalid("a part of a table cannot have other columns")
		}
		by := s.PartitionBy()
		if len(by) == 0 {
			return nil, invalid("the table has no partitions; overwrite all of it, or a part by a condition")
		}
		d, err := t.rows(ctx, s, sql, w, "Overwrite")
		if err != nil || d == nil {
			return nil, err
		}
		d.parameters["partitionOverwriteMode"] = "dynamic"
		came := map[string]bool{}
		for _, f := range d.adds {
			if key := partitionKey(f, by); !came[key] {
				came[key] = true
				d.reads = append(d.reads, partitionOf(f, by))
			}
		}
		for _, f := range files {
			if came[partitionKey(f, by)] {
				d.removes = append(d.removes, f)
			}
		}
		if d.rowsRemoved, err = t.liveRows(ctx, s, d.removes); err != nil {
			return nil, err
		}
		if feeds(s) && len(d.removes) > 0 {
			schema := d.columns(s)
			for kind, files := range map[string][]table.File{"delete": d.removes, "insert": d.adds} {
				if err := t.attach(ctx, s, relTouched, schema, files, false); err != nil {
					return nil, err
				}
				if err := t.recordAs(ctx, d, schema, s.PartitionBy(), t.changed(schema, kind, relTouched)); err != nil {
					return nil, err
				}
			}
		}
		return d, nil
	})
}

// partitionKey is one text for the partition values of a file.
func partitionKey(f table.File, by []string) string {
	var b strings.Builder
	for _, name := range by {
		if v := f.Partition[name]; v != nil {
			fmt.Fprintf(&b, "%d:%s,", len(*v), *v)
		} else {
			b.WriteString("-,")
		}
	}
	return b.String()
}

// partitionOf is the part of the table that is a file's partition.
func partitionOf(f table.File, by []string) []delta.Predicate {
	var out []delta.Predicate
	for _, name := range by {
		p := delta.Predicate{Path: []string{name}, Op: delta.IsNull}
		if v := f.Partition[name]; v != nil {
			p.Op, p.Values = delta.Equal, []string{*v}
		}
		out = append(out, p)
	}
	return out
}

// liveRows is how many rows files have. Those of which the log does not say it are
// counted, by what they say themselves.
func (t *Table) liveRows(ctx context.Context, s *delta.Snapshot, files []table.File) (int64, error) {
	var known int64
	var silent []table.File
	for _, f := range files {
		if n, ok := f.LiveRows(); ok {
			known += n
		} else {
			silent = append(silent, f)
		}
	}
	if len(silent) == 0 {
		return known, nil
	}
	if err := t.attach(ctx, s, relTouched, s.Schema(), silent, false); err != nil {
		return 0, err
	}
	n, err := t.count(ctx, "SELECT count(*) FROM "+relTouched)
	return known + n, err
}
