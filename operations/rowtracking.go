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

// Tracking are the columns for ids and versions, behind the table's own in files to which
// rows move; none where rows are not tracked.
type Tracking []table.Field

// TrackingOf finds them. Error, [delta.ErrUnsupported]: a table that has no such columns,
// or one that finds columns by id, which these have none of.
func TrackingOf(s *delta.Snapshot) (Tracking, error) {
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
	return Tracking{{Name: id, Type: long, Nullable: true}, {Name: commit, Type: long, Nullable: true}}, nil
}

// With is a schema with the columns for ids and versions behind it.
func (k Tracking) With(s table.Schema) table.Schema {
	return table.Schema{Fields: append(s.Fields[:len(s.Fields):len(s.Fields)], k...)}
}

// Moved is a SELECT list behind the table's own columns, of rows that only move: their ids
// and versions, of the relation that stands before the names (as in "t."). It begins with
// a comma, or is "".
func (k Tracking) Moved(d engine.Dialect, of string) string {
	return k.list(d, of+k.name(d, 0), of+k.name(d, 1))
}

// Changed is such a list of rows that get other values: they keep their ids.
func (k Tracking) Changed(d engine.Dialect, of string) string {
	return k.list(d, of+k.name(d, 0), "CAST(NULL AS BIGINT)")
}

// Come is such a list of new rows.
func (k Tracking) Come(d engine.Dialect) string {
	return k.list(d, "CAST(NULL AS BIGINT)", "CAST(NULL AS BIGINT)")
}

func (k Tracking) name(d engine.Dialect, i int) string {
	if k == nil {
		return ""
	}
	return d.Ident(k[i].Name)
}

func (k Tracking) list(d engine.Dialect, values ...string) string {
	var b strings.Builder
	for i, f := range k {
		fmt.Fprintf(&b, ", %s AS %s", values[i], d.Ident(f.Name))
	}
	return b.String()
}

// Rows is a SELECT of the columns with these names, and of each row's id and version, from
// a relation of files of the table that has the columns of [Tracking.With] and their
// provenance. Error: a file whose rows have no ids.
func (k Tracking) Rows(d engine.Dialect, s *delta.Snapshot, relation string, names []string, files []table.File) (string, error) {
	given := []string{"(NULL, NULL, NULL)"}
	for _, f := range files {
		first, version, ok := s.RowIDs(f)
		if !ok {
			return "", corrupt("the table tracks its rows (%s), and those of file %s have no ids", trackingOn, f.Path)
		}
		given = append(given, fmt.Sprintf("(%s, %d, %d)", d.Literal(f.Path), first, version))
	}
	var columns strings.Builder
	for _, name := range names {
		columns.WriteString("r." + d.Ident(name) + ", ")
	}
	return fmt.Sprintf("SELECT %scoalesce(r.%[2]s, CAST(g.first_id + r.%[3]s AS BIGINT)) AS %[2]s, coalesce(r.%[4]s, CAST(g.version AS BIGINT)) AS %[4]s FROM %[5]s r JOIN (VALUES %[6]s) g(file, first_id, version) ON r.%[7]s = g.file",
		columns.String(), k.name(d, 0), d.Ident(engine.LineColumn), k.name(d, 1), relation, strings.Join(given, ", "), d.Ident(engine.FileColumn)), nil
}

// attachKept is attach for rows that are to be written to other files: where the
// table tracks its rows, the relation has their ids and versions too.
func (t *Table) attachKept(ctx context.Context, s *delta.Snapshot, name string, schema table.Schema, files []table.File, provenance bool) (Tracking, error) {
	k, err := TrackingOf(s)
	if err != nil {
		return nil, err
	}
	if k == nil {
		return nil, t.attach(ctx, s, name, schema, files, provenance)
	}
	stored := name + "_stored"
	if err := t.attach(ctx, s, stored, k.With(schema), files, true); err != nil {
		return nil, err
	}
	names := schema.Names()
	if provenance {
		names = append(names, engine.FileColumn, engine.LineColumn)
	}
	sql, err := k.Rows(t.Dialect, s, stored, names, files)
	if err != nil {
		return nil, err
	}
	_, err = t.Session.Attach(ctx, engine.Input{Name: name, SQL: sql})
	return k, err
}
