package duckdb

import (
	"context"
	sqldriver "database/sql/driver"
	"fmt"
	"slices"
	"strings"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/table"
)

// text is a relation of CSV or JSON files: parsed once into a table of the
// session, in the order of the files and of the records in each, so that a row's
// place in that table tells its record number.
type text struct {
	in      engine.Input
	stored  table.Schema // what the parsed table holds: CSV columns as text
	shown   table.Schema // what the relation shows, provenance aside
	rows    string       // hidden table: c0, c1 ..., i (number of the file)
	files   string       // hidden table: i, path, first (place of its first row); of several files
	shifts  string       // hidden table: i, after, more; only when records were rejected
	rejects string       // names of DuckDB's two temporary tables of rejects begin so
	found   string       // hidden table of rejected records
	loaded  bool
	lengths []int64 // rows of each file, once loaded
	count   int64   // of rejected records
}

// attachText makes the hidden tables and returns the SELECT over them.
func (s *session) attachText(ctx context.Context, in engine.Input, r *relation, doing string) (string, error) {
	t := &text{in: in}
	switch {
	case in.Format == engine.CSV:
		for _, name := range in.CSV.Columns {
			t.stored.Fields = append(t.stored.Fields, table.Field{Name: name, Type: table.Type{Kind: table.String}, Nullable: true})
		}
	case len(in.Schema.Fields) > 0:
		t.stored = in.Schema
	default:
		schema, err := s.jsonSchema(ctx, in, doing)
		if err != nil {
			return "", err
		}
		t.stored = schema
	}
	if len(r.schema.Fields) == 0 {
		r.schema = t.stored
	}
	t.rows = s.hide("rows")
	t.rejects = fmt.Sprintf("dq_rejects_%d", s.count)
	r.hidden = append(r.hidden, t.rows, "temp."+t.rejects+"_records", "temp."+t.rejects+"_scans")
	columns := make([]string, len(t.stored.Fields))
	for i, f := range t.stored.Fields {
		columns[i] = fmt.Sprintf("c%d %s", i, sqlType(f.Type, logical))
	}
	if err := s.exec(ctx, "CREATE TABLE "+t.rows+" ("+strings.Join(append(columns, "i UBIGINT"), ", ")+")", doing); err != nil {
		return "", err
	}
	if len(in.Files) != 1 {
		t.files = s.hide("files")
		r.hidden = append(r.hidden, t.files)
		if err := s.exec(ctx, "CREATE TABLE "+t.files+" (i UBIGINT, path VARCHAR, first BIGINT)", doing); err != nil {
			return "", err
		}
	}
	r.text = t
	if in.Format == engine.CSV && in.CSV.Infer && len(in.Schema.Fields) == 0 {
		if err := s.load(ctx, r); err != nil {
			return "", err
		}
		schema, err := s.infer(ctx, t, in.CSV.Text, doing)
		if err != nil {
			return "", err
		}
		r.schema = schema
	}
	t.shown = r.schema
	return t.view(), nil
}

// jsonSchema asks DuckDB which columns the records have; all of them are read.
func (s *session) jsonSchema(ctx context.Context, in engine.Input, doing string) (table.Schema, error) {
	paths := make([]string, len(in.Files))
	for i, f := range in.Files {
		paths[i] = resolve(in.Root, f.Path)
	}
	schema, err := s.typeOf(ctx, "SELECT * FROM read_json("+filesAt(paths)+", union_by_name = true, sample_size = -1, records = true, hive_partitioning = false)", doing)
	if err != nil {
		return table.Schema{}, err
	}
	for i, f := range schema.Fields {
		if f.Type.Kind == table.TimestampNTZ { // a text without a zone is UTC
			schema.Fields[i].Type.Kind = table.Timestamp
		}
		if f.Type.Kind == table.Void {
			schema.Fields[i].Type.Kind = table.String
		}
	}
	if dup := duplicate(schema.Names()); dup != "" {
		return table.Schema{}, fmt.Errorf("%s: member %q is there twice (names are compared without case)", doing, dup)
	}
	return schema, nil
}

// view is the SELECT that gives the parsed rows the names and types to be shown.
func (t *text) view() string {
	items := make([]string, 0, len(t.shown.Fields)+2)
	for _, f := range t.shown.Fields {
		at := slices.IndexFunc(t.stored.Fields, func(g table.Field) bool { return g.Name == f.Name })
		e := "CAST(NULL AS " + sqlType(f.Type, logical) + ")"
		if at >= 0 {
			e = cast(fmt.Sprintf("t.c%d", at), t.stored.Fields[at].Type, f.Type, f.Name)
		}
		items = append(items, e+" AS "+ident(f.Name))
	}
	from := t.rows + " t"
	if t.in.Provenance {
		base := 1
		if t.in.CSV != nil && t.in.CSV.Header {
			base = 2
		}
		if t.files == "" { // the path and the first row of an only file are constants
			from = fmt.Sprintf("(SELECT *, %s AS path, rowid + %d AS record FROM %s) t", literal(t.in.Files[0].Path), base, t.rows)
		} else {
			from = fmt.Sprintf("(SELECT t.*, f.path AS path, t.rowid - f.first + %d AS record FROM %s t JOIN %s f ON t.i = f.i) t", base, t.rows, t.files)
		}
		line := "t.record"
		if t.shifts != "" {
			from += " ASOF LEFT JOIN " + t.shifts + " s ON t.i = s.i AND t.record >= s.after"
			line += " + coalesce(s.more, 0)"
		}
		items = append(items, "t.path AS "+engine.FileColumn, line+" AS "+engine.LineColumn)
	}
	return "SELECT " + strings.Join(items, ", ") + " FROM " + from
}

// loadText parses what is attached as text and not parsed yet.
func (s *session) loadText(ctx context.Context) error {
	for _, r := range s.relations {
		if r.text != nil && !r.text.loaded {
			if err := s.load(ctx, r); err != nil {
				return err
			}
		}
	}
	return nil
}

// load parses the files of a text relation.
func (s *session) load(ctx context.Context, r *relation) error {
	t, doing := r.text, "duckdb: read "+r.name
	if len(t.in.Files) > 0 {
		items := make([]string, len(t.stored.Fields))
		for i, f := range t.stored.Fields {
			items[i] = fmt.Sprintf("c%d", i)
			if t.in.Format == engine.JSON {
				items[i] = ident(f.Name)
			}
		}
		if err := s.exec(ctx, "INSERT INTO "+t.rows+" SELECT "+strings.Join(items, ", ")+", file_index FROM "+t.reader(), doing); err != nil {
			return err
		}
	}
	t.loaded = true
	if err := s.placeFiles(ctx, t, doing); err != nil || t.in.Format != engine.CSV || len(t.in.Files) == 0 {
		return err
	}
	return s.settleRejects(ctx, r, doing)
}

// placeFiles counts the rows of each file, and notes where those of several begin.
func (s *session) placeFiles(ctx context.Context, t *text, doing string) error {
	found, err := s.ask(ctx, "SELECT i, min(rowid), count(*) FROM "+t.rows+" GROUP BY i", doing)
	if err != nil {
		return err
	}
	t.lengths = make([]int64, len(t.in.Files))
	first := make([]int64, len(t.in.Files))
	for _, row := range found.Values {
		i := row[0].(int64)
		first[i], t.lengths[i] = row[1].(int64), row[2].(int64)
	}
	if t.files == "" {
		return nil
	}
	return s.appendTo(ctx, t.files, doing, func(add func(...sqldriver.Value) error) error {
		for i, f := range t.in.Files {
			if err := add(uint64(i), f.Path, first[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// reader is the table function that reads the files. Nothing is detected: columns
// are taken by position, under names of our own.
func (t *text) reader() string {
	paths := make([]string, len(t.in.Files))
	for i, f := range t.in.Files {
		paths[i] = resolve(t.in.Root, f.Path)
	}
	if t.in.Format == engine.JSON {
		columns := make([]string, len(t.stored.Fields))
		for i, f := range t.stored.Fields {
			columns[i] = literal(f.Name) + ": " + literal(sqlType(f.Type, logical))
		}
		return fmt.Sprintf("read_json(%s, columns = {%s}, records = true, hive_partitioning = false)", filesAt(paths), strings.Join(columns, ", "))
	}
	columns := make([]string, len(t.stored.Fields))
	for i := range columns {
		columns[i] = fmt.Sprintf("c%d: 'VARCHAR'", i)
	}
	o := t.in.CSV
	compression, nulls := "none", []string{""}
	if o.Gzip {
		compression = "gzip"
	}
	if o.Null != "" {
		nulls = append(nulls, o.Null)
	}
	return fmt.Sprintf("read_csv(%s, auto_detect = false, columns = {%s}, header = %t, delim = %s, quote = %s, escape = %s, "+
		"nullstr = %s, compression = '%s', hive_partitioning = false, store_rejects = true, rejects_limit = 0, rejects_table = '%s_records', rejects_scan = '%s_scans')",
		filesAt(paths), strings.Join(columns, ", "), o.Header, literal(o.Delimiter), literal(o.Quote), literal(o.Quote),
		literals(nulls), compression, t.rejects, t.rejects)
}
