package duckdb

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	driver "github.com/duckdb/duckdb-go/v2"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/table"
)

// column is a column of a Parquet file, or what is in one.
type column struct {
	name  string // as the file has it
	read  string // as DuckDB calls it: names that differ only in case get numbers
	id    string // the field id, or ""
	is    table.Type
	clock bool     // a time of day, which is a string to DuckDB's results
	empty bool     // of the type of nulls
	inner []column // the members of a struct; the element of an array; key and value of a map
}

// parquetNode is a line of a file's schema, with those below it.
type parquetNode struct {
	name, id   string
	clock      bool
	empty      bool
	repeated   bool
	unfinished int // lines below it that are still to come
	inner      []*parquetNode
}

// markUntyped notes at columns of files that, or of which a part, no file has a type for.
func (s *session) markUntyped(ctx context.Context, paths []string, fields []table.Field, doing string) error {
	if !holds(fields, table.Int32) { // as which such columns are read
		return nil
	}
	shapes, err := s.shapes(ctx, paths, doing)
	if err != nil {
		return err
	}
	found := map[string]bool{} // columns, and whether all of each is of a type in some file
	for _, files := range shapes {
		columns, err := s.columnsOf(ctx, paths[files[0]], doing)
		if err != nil {
			return err
		}
		for _, c := range columns {
			found[strings.ToLower(c.read)] = found[strings.ToLower(c.read)] || !c.untyped()
		}
	}
	for i, f := range fields {
		if typed, ok := found[strings.ToLower(f.Name)]; ok && !typed {
			fields[i].Meta = map[string]any{engine.Untyped: true}
		}
	}
	return nil
}

func (c column) untyped() bool { return c.empty || slices.ContainsFunc(c.inner, column.untyped) }

// columnsOf gives the columns of a file under the names that the file itself has.
// A file that several sessions read is looked into once; the columns are not to be
// changed.
func (s *session) columnsOf(ctx context.Context, path, doing string) ([]column, error) {
	key, err := footerOf(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", doing, err)
	}
	if known, ok := s.engine.columns.Load(key); ok {
		return known.([]column), nil
	}
	var schema table.Schema
	err = prepared(ctx, s.conn, "SELECT * FROM read_parquet("+fileAt(path)+", hive_partitioning = false)", doing, func(stmt *driver.Stmt) error {
		schema, _, err = columns(stmt, true)
		return wrap(ctx, err, doing)
	})
	if err != nil {
		return nil, err
	}
	found, err := s.ask(ctx, "SELECT name, CAST(field_id AS VARCHAR), duckdb_type LIKE 'TIME' OR duckdb_type LIKE 'TIME WITH%', repetition_type, num_children, duckdb_type = '\"NULL\"' FROM parquet_schema("+
		fileAt(path)+")", doing)
	if err != nil {
		return nil, err
	}
	root := &parquetNode{unfinished: 1}
	open := []*parquetNode{root}
	for _, row := range found.Values {
		n := &parquetNode{}
		n.name, _ = row[0].(string)
		n.id, _ = row[1].(string)
		n.clock, _ = row[2].(bool)
		n.repeated = row[3] == "REPEATED"
		n.empty, _ = row[5].(bool)
		if children, ok := row[4].(int64); ok {
			n.unfinished = int(children)
		}
		for len(open) > 0 && open[len(open)-1].unfinished == 0 {
			open = open[:len(open)-1]
		}
		if len(open) == 0 {
			return nil, fmt.Errorf("%s: %s: its schema has more lines than it says", doing, path)
		}
		above := open[len(open)-1]
		above.unfinished--
		above.inner = append(above.inner, n)
		open = append(open, n)
	}
	if len(root.inner) != 1 || len(root.inner[0].inner) != len(schema.Fields) {
		return nil, fmt.Errorf("%s: %s: its schema and its columns do not agree", doing, path)
	}
	out := make([]column, len(schema.Fields))
	for i, f := range schema.Fields {
		out[i] = root.inner[0].inner[i].column(f, false)
	}
	s.engine.columns.Store(key, out)
	return out, nil
}

// column is the part of a file that DuckDB reads as the field f; inside, when the
// array that a repeated part makes is already taken off. What does not look as the
// format has it ("Nested Types") keeps the names that DuckDB gives.
func (n *parquetNode) column(f table.Field, inside bool) column {
	c := column{name: n.name, read: f.Name, id: n.id, is: f.Type, clock: n.clock, empty: n.empty}
	switch f.Type.Kind {
	case table.Struct:
		for i, member := range f.Type.Fields {
			if len(n.inner) == len(f.Type.Fields) {
				c.inner = append(c.inner, n.inner[i].column(member, false))
			} else {
				c.inner = append(c.inner, guessed(member))
			}
		}
	case table.Array:
		elem := table.Field{Type: *f.Type.Elem}
		switch r := n.repeatedPart(inside); {
		case r == nil:
			c.inner = []column{guessed(elem)}
		case len(r.inner) == 1:
			c.inner = []column{r.inner[0].column(elem, false)}
		default:
			c.inner = []column{r.column(elem, true)}
		}
	case table.Map:
		for i, part := range []table.Type{*f.Type.Key, *f.Type.Elem} {
			if r := n.repeatedPart(inside); r != nil && len(r.inner) == 2 {
				c.inner = append(c.inner, r.inner[i].column(table.Field{Type: part}, false))
			} else {
				c.inner = append(c.inner, guessed(table.Field{Type: part}))
			}
		}
	}
	return c
}

// repeatedPart is the part of an array or map that repeats, or nil.
func (n *parquetNode) repeatedPart(inside bool) *parquetNode {
	for inside || !n.repeated {
		if len(n.inner) != 1 {
			return nil
		}
		n, inside = n.inner[0], false
	}
	return n
}

// guessed is a column that is called in the file what DuckDB calls it.
func guessed(f table.Field) column {
	c := column{name: f.Name, read: f.Name, is: f.Type}
	for _, part := range []*table.Type{f.Type.Key, f.Type.Elem} {
		if part != nil {
			c.inner = append(c.inner, guessed(table.Field{Type: *part}))
		}
	}
	for _, member := range f.Type.Fields {
		c.inner = append(c.inner, guessed(member))
	}
	return c
}

// checkRows refuses deletion vectors with rows that their files do not have, and
// files that differ from what is said of them both in size and in rows: those are
// others. It reads the footers of files with a vector or of another size.
func (s *session) checkRows(ctx context.Context, in engine.Input, paths []string, doing string) error {
	suspects := map[string]table.File{}
	var asked []string
	for i, f := range in.Files {
		other := false
		if f.Size > 0 && f.Stats != nil {
			info, err := os.Stat(paths[i])
			other = err == nil && info.Size() != f.Size
		}
		if !other {
			f.Stats = nil
		}
		if other || f.Deleted != nil && len(f.Deleted.Rows) > 0 {
			asked = append(asked, paths[i])
			suspects[paths[i]] = f
		}
	}
	if asked == nil {
		return nil
	}
	found, err := s.ask(ctx, "SELECT file_name, num_rows FROM parquet_file_metadata("+filesAt(asked)+")", doing)
	if err != nil {
		return err
	}
	for _, row := range found.Values {
		path, _ := row[0].(string)
		rows, _ := row[1].(int64)
		f := suspects[path]
		if f.Stats != nil && f.Stats.Rows != rows {
			return fmt.Errorf("%s: %s: it has another size than it should have, and %d rows instead of %d: another file is in its place", doing, path, rows, f.Stats.Rows)
		}
		if d := f.Deleted; d != nil && len(d.Rows) > 0 && d.Rows[len(d.Rows)-1] >= rows {
			return fmt.Errorf("%s: %s: its deletion vector deletes row %d of a file of %d rows", doing, path, d.Rows[len(d.Rows)-1], rows)
		}
	}
	return nil
}

// readable finds what no file can hold: structs without fields.
func readable(fields []table.Field, path string) error {
	for _, f := range fields {
		if err := readableType(f.Type, path+f.Name); err != nil {
			return err
		}
	}
	return nil
}

func readableType(t table.Type, path string) error {
	if t.Kind == table.Struct && len(t.Fields) == 0 {
		return fmt.Errorf("column %q is a struct without fields, which Parquet files cannot hold", path)
	}
	for _, part := range []*table.Type{t.Key, t.Elem} {
		if part != nil {
			if err := readableType(*part, strings.TrimSuffix(path, ".")+".element"); err != nil {
				return err
			}
		}
	}
	return readable(t.Fields, path+".")
}
