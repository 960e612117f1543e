package operations

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dq-dev/dq/delta"
	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/internal/yamlpos"
	"github.com/dq-dev/dq/table"
)

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
// keeps its value when matched, and is its default, or null, when inserted; one that is
// generated is computed. Cost: a scan of the
// table's key columns, in the files that statistics do not rule out, and the files
// that hold matched rows.
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
	schema, changes, err := merged(s, given, m.MergeSchema)
	if err != nil {
		return nil, err
	}
	if len(m.On) == 0 {
		return nil, invalid("merge: name the key columns (--on id)")
	}
	for _, k := range m.On {
		for where, in := range map[string]table.Schema{"table": s.Schema(), "source": given} {
			if _, ok := fold(in, k); !ok {
				return nil, invalid("merge: the %s has no column %q; %s", where, k, yamlpos.DidYouMean(k, in.Names()))
			}
		}
	}
	inserts, updates := m.NotMatched == "" || m.NotMatched == "insert", m.Matched == "" || m.Matched == "update"
	if inserts {
		if err := explicit(schema, given, ", or insert no rows (--not-matched skip)"); err != nil {
			return nil, fmt.Errorf("merge: %w", err)
		}
	}
	for _, f := range schema.Fields {
		_, brought := fold(given, f.Name)
		if updates && brought && isIdentity(f) && !slices.ContainsFunc(m.On, func(k string) bool { return strings.EqualFold(k, f.Name) }) {
			return nil, invalid("merge: column %s is an identity column, whose values stay; leave it out", f.Name)
		}
	}
	d := &draft{parameters: map[string]any{"predicate": strings.Join(m.On, ", ")}}
	if changes {
		if schema, err = s.Mapped(schema); err != nil {
			return nil, err
		}
		d.schema = &schema
	}
	where, err := t.keyed(ctx, s.Schema(), given, m.On)
	if err != nil {
		return nil, err
	}
	if files, err = t.readsOnly(d, s, files, where); err != nil {
		return nil, err
	}
	if err := t.attach(ctx, s, relTable, schema, files, true); err != nil {
		return nil, err
	}
	var touched []table.File
	var hit map[string]int64
	on, sourceKeys, err := t.keysEqual(ctx, schema, given, m.On)
	if err != nil {
		return nil, err
	}
	keys := slices.Clone(m.On)
	slices.SortFunc(keys, func(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) })
	keys = slices.CompactFunc(keys, strings.EqualFold)
	if m.Matched != "keep" {
		found := fmt.Sprintf("SELECT dq_t.%s, dq_t.%s, %s FROM %s dq_t WHERE EXISTS (SELECT 1 FROM %s dq_s WHERE %s)",
			t.Dialect.Ident(engine.FileColumn), t.Dialect.Ident(engine.LineColumn), t.idents("dq_t.", keys), relTable, relRows, on)
		if _, err := t.Session.Attach(ctx, engine.Input{Name: relHits, SQL: found, Materialise: true}); err != nil {
			return nil, err
		}
		if touched, hit, err = t.holding(ctx, relHits, files); err != nil {
			return nil, err
		}
		for _, n := range hit {
			d.rowsRemoved += n
		}
		if vectors(s) {
			if d.deleted, err = t.positions(ctx, s, relHits, touched); err != nil {
				return nil, err
			}
		} else {
			d.removes = touched
		}
	}
	kept, err := t.attachKept(ctx, s, relTouched, schema, touched, true)
	if err != nil {
		return nil, err
	}
	if d.rowsRemoved > 0 && m.Matched != "delete" {
		twice := fmt.Sprintf("SELECT count(*) FROM (SELECT 1 FROM %s dq_s WHERE %%s GROUP BY %s HAVING count(*) > 1) q", relRows, strings.Join(sourceKeys, ", "))
		n, err := t.count(ctx, fmt.Sprintf(twice, "true"))
		if err == nil && n > 0 { // of the table's as well?
			n, err = t.count(ctx, fmt.Sprintf(twice, fmt.Sprintf("EXISTS (SELECT 1 FROM %s dq_t WHERE %s)", relHits, on)))
		}
		if err != nil {
			return nil, err
		}
		if n > 0 {
			return nil, invalid("merge: %d keys (%s) of the table come more than once in the source, and which row counts is not said", n, strings.Join(m.On, ", "))
		}
	}
	// came are the SELECTs of rows that come, by what happened to them, and rewrites
	// what is written of them.
	came, rewrites := map[string]string{}, []string{}
	// rewritten are the touched files of which all rows are written anew.
	rewritten, relRewritten := d.removes, relTouched
	var byColumns []*writing
	defer func() { _, _ = written(byColumns) }() // nothing is written any more, whatever the end
	if updates {
		row, values, err := t.sourceRow(schema, given, "dq_t.", true)
		if err != nil {
			return nil, err
		}
		if err := t.hold(ctx, relRows, values); err != nil {
			return nil, err
		}
		if byColumns, rewritten, err = t.mergeColumns(ctx, s, schema, rewritten, on, values); err != nil {
			return nil, err
		}
		if len(byColumns) > 0 {
			relRewritten = relLeft
			if err := t.attach(ctx, s, relLeft, schema, rewritten, false); err != nil {
				return nil, err
			}
		}
		came["update_postimage"] = "SELECT " + row + fmt.Sprintf(" FROM %s dq_s JOIN %s dq_t ON %s", relRows, relTouched, on)
		if vectors(s) || len(rewritten) > 0 {
			rewrites = append(rewrites, "SELECT "+row+kept.Changed(t.Dialect, "dq_t.")+fmt.Sprintf(" FROM %s dq_s JOIN %s dq_t ON %s", relRows, relRewritten, on))
		}
	}
	if inserts {
		in := relHits // which has the keys
		if m.Matched == "keep" {
			in = relTable
		}
		row, values, err := t.sourceRow(schema, given, "", true)
		if err != nil {
			return nil, err
		}
		if err := t.hold(ctx, relRows, values); err != nil {
			return nil, err
		}
		from := fmt.Sprintf(" FROM %s dq_s WHERE NOT EXISTS (SELECT 1 FROM %s dq_t WHERE %s)", relRows, in, on)
		if gives(schema, given) { // a row has one identity, in the table and in the change data feed
			if _, err := t.Session.Attach(ctx, engine.Input{Name: relCame, SQL: "SELECT " + row + from, Materialise: true}); err != nil {
				return nil, err
			}
			row, from = t.idents("", schema.Names()), " FROM "+relCame
		}
		came["insert"] = "SELECT " + row + from
		rewrites = append(rewrites, "SELECT "+row+kept.Come(t.Dialect)+from)
	}
	if feeds(s) && len(touched) > 0 {
		before := map[bool]string{true: "delete", false: "update_preimage"}[m.Matched == "delete"]
		recorded := []string{fmt.Sprintf("SELECT %s, '%s' AS %s FROM %s dq_t WHERE EXISTS (SELECT 1 FROM %s dq_s WHERE %s)",
			t.idents("dq_t.", schema.Names()), before, changeType, relTouched, relRows, on)}
		for _, kind := range slices.Sorted(maps.Keys(came)) {
			recorded = append(recorded, fmt.Sprintf("SELECT *, '%s' AS %s FROM (%s) q", kind, changeType, came[kind]))
		}
		if err := t.recordAs(ctx, d, schema, s.PartitionBy(), recorded...); err != nil {
			return nil, err
		}
	}
	var stay int64
	if len(rewritten) > 0 {
		if stay, err = t.count(ctx, "SELECT count(*) FROM "+relRewritten); err != nil {
			return nil, err
		}
		for _, f := range rewritten {
			stay -= hit[f.Path]
		}
		rewrites = append(rewrites, fmt.Sprintf("SELECT %s%s FROM %s dq_t WHERE NOT EXISTS (SELECT 1 FROM %s dq_s WHERE %s)",
			t.idents("dq_t.", schema.Names()), kept.Moved(t.Dialect, "dq_t."), relRewritten, relRows, on))
	}
	if len(rewrites) > 0 {
		var rows int64
		if d.adds, rows, err = t.stage(ctx, strings.Join(rewrites, "\nUNION ALL\n"), kept.With(schema), s.PartitionBy()); err != nil {
			return nil, err
		}
		d.rowsAdded = rows - stay
	}
	if len(byColumns) > 0 {
		files, err := written(byColumns)
		if err != nil {
			return nil, err
		}
		d.adds = append(d.adds, files...)
		d.rowsAdded += d.rowsRemoved
		for _, f := range rewritten {
			d.rowsAdded -= hit[f.Path]
		}
	}
	inserted := d.rowsAdded
	if updates {
		inserted -= d.rowsRemoved
	}
	if inserted > 0 && gives(schema, given) {
		if schema, err = marked(schema, given, inserted); err != nil {
			return nil, err
		}
		d.schema = &schema
	}
	if len(d.adds)+len(d.removes)+len(d.deleted) == 0 && d.schema == nil {
		return nil, nil
	}
	return d, nil
}

// keysNamed is how many keys of a source are compared with the statistics of files
// one by one; of more, the smallest and the largest.
const keysNamed = 10_000

// keyed is what rows of the table must meet to have a key of the source, as far as
// statistics are of use: times come in several spellings, and floats may be NaN.
func (t *Table) keyed(ctx context.Context, schema, given table.Schema, on []string) ([]delta.Predicate, error) {
	var out []delta.Predicate
	for _, name := range on {
		to, _ := fold(schema, name)
		from, _ := fold(given, name)
		exact := numbers[to.Type.Kind] && numbers[from.Type.Kind]
		if !exact && (to.Type.Kind != from.Type.Kind || to.Type.Kind != table.String && to.Type.Kind != table.Date) {
			continue
		}
		id := t.Dialect.Ident(from.Name)
		texts := func(sql string) ([]string, error) {
			rows, err := t.Session.Query(ctx, fmt.Sprintf(sql, id, relRows))
			if err != nil {
				return nil, err
			}
			var out []string
			for _, row := range rows.Values {
				for _, v := range row {
					if text, ok := v.(string); ok {
						out = append(out, text)
					}
				}
			}
			return out, nil
		}
		keys, err := texts(fmt.Sprintf("SELECT DISTINCT CAST(%%[1]s AS VARCHAR) FROM %%[2]s WHERE %%[1]s IS NOT NULL LIMIT %d", keysNamed+1))
		if err != nil {
			return nil, err
		}
		if len(keys) <= keysNamed {
			out = append(out, delta.Predicate{Path: []string{to.Name}, Op: delta.In, Values: keys})
			continue
		}
		if keys, err = texts("SELECT CAST(min(%[1]s) AS VARCHAR), CAST(max(%[1]s) AS VARCHAR) FROM %[2]s"); err != nil {
			return nil, err
		}
		out = append(out, delta.Predicate{Path: []string{to.Name}, Op: delta.GreaterOrEqual, Values: keys[:1]},
			delta.Predicate{Path: []string{to.Name}, Op: delta.LessOrEqual, Values: keys[1:]})
	}
	return out, nil
}

// numbers are the kinds of numbers that are compared exactly.
var numbers = map[table.Kind]bool{table.Int8: true, table.Int16: true, table.Int32: true, table.Int64: true, table.Decimal: true}

// sourceRow is the SELECT list of a source row, with a matched row's own values
// for columns that the source lacks; without one, their defaults or nulls. Generated
// columns that it lacks are computed. Typed, all are of the table's types, which the
// values that it gives with it are to be held to first.
func (t *Table) sourceRow(schema, given table.Schema, own string, typed bool) (string, []fitting, error) {
	var values []fitting
	items := make([]string, len(schema.Fields))
	columns := map[string]string{} // as values of the table's types
	for i, f := range schema.Fields {
		g, brought := fold(given, f.Name)
		if !brought && f.Meta[generatedKey] != nil {
			continue
		}
		value, from := "dq_s."+t.Dialect.Ident(g.Name), g.Type
		if !brought && own != "" {
			value, from = own+t.Dialect.Ident(f.Name), f.Type
		} else if !brought {
			var err error
			if value, from, err = t.preset(f); err != nil {
				return "", nil, err
			}
		}
		if brought && from.Kind == "" {
			return "", nil, invalid("column %q has a type that no table can have; cast it to %s", g.Name, f.Type)
		}
		v := t.fitting(f, value, from)
		items[i], columns[f.Name] = v.value, v.typed
		if typed && (brought || own == "" && !isIdentity(f)) { // an identity that is too large is seen when it is written
			items[i] = v.typed
			values = append(values, v)
		}
	}
	for i, f := range schema.Fields {
		if items[i] == "" {
			var err error
			if items[i], err = t.generated(f, schema, columns); err != nil {
				return "", nil, err
			}
		}
		items[i] += " AS " + t.Dialect.Ident(f.Name)
	}
	return strings.Join(items, ", "), values, nil
}

// keysEqual is SQL that joins a source and the table on key columns, and for the keys of
// the source; null matches nothing. A text that is to be a key of another type, or one of
// that is to be a text, becomes it first: a text that is none is an error that names it.
func (t *Table) keysEqual(ctx context.Context, schema, given table.Schema, on []string) (sql string, keys []string, err error) {
	joins := make([]string, len(on))
	for i, n := range on {
		to, _ := fold(schema, n)
		from, _ := fold(given, n)
		key := "dq_s." + t.Dialect.Ident(n)
		if (from.Type.Kind == table.String) != (to.Type.Kind == table.String) {
			f := t.fitting(to, key, from.Type)
			if err := t.hold(ctx, relRows, []fitting{f}); err != nil {
				return "", nil, fmt.Errorf("merge: %w", err)
			}
			key = f.typed
		}
		keys = append(keys, key)
		joins[i] = key + " = dq_t." + t.Dialect.Ident(n)
	}
	return strings.Join(joins, " AND "), keys, nil
}
