package operations

import (
	"context"
	"fmt"
	"strings"

	"github.com/dq-dev/dq/delta"
	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/table"
)

// Properties of a table that tracks its rows: that it does, and the names of the
// columns, which only files have, for ids that rows bring along and for the
// versions that changed them last (PROTOCOL.md, "Row Tracking"). A row without them
// has its place behind its file's first id, and its file's version.
const (
	trackingOn    = "delta.enableRowTracking"
	rowIDName     = "delta.rowTracking.materializedRowIdColumnName"
	rowCommitName = "delta.rowTracking.materializedRowCommitVersionColumnName"
)

// tracking are the columns for ids and versions; none where rows are not tracked.
type tracking []table.Field

// trackingOf finds them. Error: a table that has no such columns, or one that finds
// columns by id, which these have none of.
func trackingOf(s *delta.Snapshot) (tracking, error) {
	props := s.Properties()
	if props[trackingOn] != "true" {
		return nil, nil
	}
	id, commit := props[rowIDName], props[rowCommitName]
	if id == "" || commit == "" {
		return nil, unsupported("the table tracks its rows (%s), and its properties %s and %s do not name the columns for their ids", trackingOn, rowIDName, rowCommitName)
	}
	if s.ColumnMapping() == "id" {
		return nil, unsupported("the table tracks its rows (%s) and finds columns by id, and dq does not keep the ids of rows that it writes to other files there", trackingOn)
	}
	long := table.Type{Kind: table.Int64}
	return tracking{{Name: id, Type: long, Nullable: true}, {Name: commit, Type: long, Nullable: true}}, nil
}

// with is a schema with the columns for ids and versions behind it.
func (k tracking) with(s table.Schema) table.Schema {
	return table.Schema{Fields: append(s.Fields[:len(s.Fields):len(s.Fields)], k...)}
}

// moved, changed and come are SELECT lists behind the table's own columns: of rows
// that only move, of those that get other values, and of new ones. Each begins with
// a comma, or is "".
func (k tracking) moved(d engine.Dialect, of string) string {
	return k.list(d, of+k.name(d, 0), of+k.name(d, 1))
}
func (k tracking) changed(d engine.Dialect, of string) string {
	return k.list(d, of+k.name(d, 0), "CAST(NULL AS BIGINT)")
}
func (k tracking) come(d engine.Dialect) string {
	return k.list(d, "CAST(NULL AS BIGINT)", "CAST(NULL AS BIGINT)")
}

func (k tracking) name(d engine.Dialect, i int) string {
	if k == nil {
		return ""
	}
	return d.Ident(k[i].Name)
}

func (k tracking) list(d engine.Dialect, values ...string) string {
	var b strings.Builder
	for i, f := range k {
		fmt.Fprintf(&b, ", %s AS %s", values[i], d.Ident(f.Name))
	}
	return b.String()
}

// attachKept is attach for rows that are to be written to other files: where the
// table tracks its rows, the relation has their ids and versions too.
func (t *Table) attachKept(ctx context.Context, s *delta.Snapshot, name string, schema table.Schema, files []table.File, provenance bool) (tracking, error) {
	k, err := trackingOf(s)
	if err != nil {
		return nil, err
	}
	if k == nil {
		return nil, t.attach(ctx, s, name, schema, files, provenance)
	}
	stored := name + "_stored"
	if err := t.attach(ctx, s, stored, k.with(schema), files, true); err != nil {
		return nil, err
	}
	given := []string{"(NULL, NULL, NULL)"}
	for _, f := range files {
		first, version, ok := s.RowIDs(f)
		if !ok {
			return nil, corrupt("the table tracks its rows (%s), and those of file %s have no ids", trackingOn, f.Path)
		}
		given = append(given, fmt.Sprintf("(%s, %d, %d)", t.Dialect.Literal(f.Path), first, version))
	}
	names := schema.Names()
	if provenance {
		names = append(names, engine.FileColumn, engine.LineColumn)
	}
	kept := k.list(t.Dialect,
		fmt.Sprintf("coalesce(r.%s, CAST(g.first_id + r.%s AS BIGINT))", k.name(t.Dialect, 0), t.Dialect.Ident(engine.LineColumn)),
		fmt.Sprintf("coalesce(r.%s, CAST(g.version AS BIGINT))", k.name(t.Dialect, 1)))
	sql := fmt.Sprintf("SELECT %s%s FROM %s r JOIN (VALUES %s) g(file, first_id, version) ON r.%s = g.file",
		t.idents("r.", names), kept, stored, strings.Join(given, ", "), t.Dialect.Ident(engine.FileColumn))
	_, err = t.Session.Attach(ctx, engine.Input{Name: name, SQL: sql})
	return k, err
}
