package duckdb

import (
	"context"
	sqldriver "database/sql/driver"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	driver "github.com/duckdb/duckdb-go/v2"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/table"
)

// Attach makes a relation readable; see [engine.Session]. The schema that it
// returns ends with the provenance columns when they were asked for. Parquet with
// a schema costs one stat a file; without one, a footer a file. CSV and JSON are
// parsed here only when types are to be found, else at the first query.
func (s *session) Attach(ctx context.Context, in engine.Input) (table.Schema, error) {
	doing := "duckdb: attach " + in.Name
	schemaName, _, err := splitName(in.Name)
	if err != nil {
		return table.Schema{}, err
	}
	if err := checkInput(in); err != nil {
		return table.Schema{}, fmt.Errorf("%s: %w", doing, err)
	}
	if err := s.drop(ctx, in.Name, doing); err != nil {
		return table.Schema{}, err
	}
	if !s.schemas[schemaName] {
		if err := s.exec(ctx, "CREATE SCHEMA IF NOT EXISTS "+s.catalog+"."+ident(schemaName), doing); err != nil {
			return table.Schema{}, err
		}
		s.schemas[schemaName] = true
	}
	r := &relation{name: in.Name, schema: in.Schema, isView: !in.Materialise, provenance: in.Provenance}
	body := in.SQL
	switch {
	case in.SQL != "":
	case in.Format == engine.CSV || in.Format == engine.JSON:
		body, err = s.attachText(ctx, in, r, doing)
	default:
		r.scan, r.root, r.files = true, in.Root, in.Files
		body, err = s.attachParquet(ctx, in, r, doing)
	}
	if err != nil {
		return table.Schema{}, err
	}
	if in.Materialise {
		if err := s.loadText(ctx); err != nil {
			return table.Schema{}, err
		}
		if r.text != nil {
			if !r.text.loaded {
				if err := s.load(ctx, r); err != nil {
					return table.Schema{}, err
				}
			}
			body = r.text.view()
		}
	}
	if err := s.define(ctx, r, body, doing); err != nil {
		return table.Schema{}, err
	}
	if in.SQL != "" {
		if r.schema, err = s.typeOf(ctx, "SELECT * FROM "+s.path(in.Name), doing); err != nil {
			return table.Schema{}, err
		}
		for _, f := range r.schema.Fields {
			if f.Type.Kind == "" {
				return table.Schema{}, fmt.Errorf("%s: column %q has a type that no table can have; cast it", doing, f.Name)
			}
		}
	} else if in.Provenance {
		r.schema = withProvenance(r.schema)
	}
	s.relations[key(in.Name)] = r
	return r.schema, nil
}

// define makes the relation's view or table.
func (s *session) define(ctx context.Context, r *relation, body, doing string) error {
	if !r.isView {
		return s.create(ctx, "CREATE TABLE "+s.path(r.name), body, doing)
	}
	// A bare name in a view means a relation of the view's own schema first. So
	// a SELECT stands in main, where it means what it means in a query. Scans of
	// Parquet name no relation and need no second view.
	if schema, _, _ := splitName(r.name); r.body == "" && r.text == nil && (schema == "main" || r.scan) {
		return s.create(ctx, "CREATE VIEW "+s.path(r.name), body, doing)
	}
	if r.body == "" {
		s.count++
		r.body = fmt.Sprintf("%s.main.dq_body_%d", s.catalog, s.count)
	}
	if err := s.create(ctx, "CREATE OR REPLACE VIEW "+r.body, body, doing); err != nil {
		return err
	}
	return s.create(ctx, "CREATE OR REPLACE VIEW "+s.path(r.name), "SELECT * FROM "+r.body, doing)
}

// create makes a view or table of a SELECT. It is prepared, because the SELECT
// may be a user's: it must be one statement, whatever it ends with.
func (s *session) create(ctx context.Context, what, body, doing string) error {
	return prepared(ctx, s.conn, what+" AS "+body, doing, func(stmt *driver.Stmt) error {
		_, err := stmt.ExecContext(ctx, nil)
		return wrap(ctx, err, doing)
	})
}

// path is a relation's name in full.
func (s *session) path(name string) string {
	schema, relation, _ := splitName(name)
	return s.catalog + "." + ident(schema) + "." + ident(relation)
}

// drop forgets the relation of that name, if there is one.
func (s *session) drop(ctx context.Context, name, doing string) error {
	r := s.relations[key(name)]
	if r == nil {
		return nil
	}
	what := "TABLE "
	if r.isView {
		what = "VIEW "
	}
	drops := []string{what + s.path(r.name)}
	if r.body != "" {
		drops = append(drops, "VIEW "+r.body)
	}
	for _, h := range r.hidden {
		drops = append(drops, "TABLE IF EXISTS "+h)
	}
	for _, d := range drops {
		if err := s.exec(ctx, "DROP "+d, doing); err != nil {
			return err
		}
	}
	delete(s.relations, key(name))
	return nil
}

// checkInput finds what can be found without DuckDB.
func checkInput(in engine.Input) error {
	if in.SQL != "" {
		if len(in.Files) > 0 || len(in.Schema.Fields) > 0 {
			return fmt.Errorf("give SQL, or files and their schema, not both")
		}
		if in.Provenance {
			return fmt.Errorf("the rows of a SELECT have no file and line; ask for them in the SELECT")
		}
		return nil
	}
	switch in.Format {
	case "", engine.Parquet, engine.JSON:
	case engine.CSV:
		if in.CSV == nil || len(in.CSV.Columns) == 0 {
			return fmt.Errorf("CSV needs the names of its columns")
		}
	default:
		return fmt.Errorf("format %q is not known; the formats are parquet, csv, json", in.Format)
	}
	names := in.Schema.Names()
	if len(names) == 0 && in.CSV != nil {
		names = in.CSV.Columns
	}
	if in.Provenance {
		names = append(append([]string{}, names...), engine.FileColumn, engine.LineColumn)
	}
	if dup := duplicate(names); dup != "" {
		return fmt.Errorf("column %q is there twice (names are compared without case)", dup)
	}
	if err := readable(in.Schema.Fields, ""); err != nil {
		return err
	}
	if len(in.Files) == 0 && len(names) == 0 {
		return fmt.Errorf("no files, and no schema: there is nothing to read")
	}
	there := make(map[string]bool, len(in.Files))
	for _, f := range in.Files {
		path := resolve(in.Root, f.Path)
		if there[path] {
			return fmt.Errorf("%s is there twice; its rows would count twice", path)
		}
		there[path] = true
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		if info.IsDir() {
			return fmt.Errorf("%s is a folder, not a file", f.Path)
		}
		if !info.Mode().IsRegular() { // to open a pipe may take for ever
			return fmt.Errorf("%s is no regular file", path)
		}
		if d := f.Deleted; d != nil && int64(len(d.Rows)) != d.Cardinality {
			return fmt.Errorf("%s: its deletion vector names %d rows, of which %d are resolved", f.Path, d.Cardinality, len(d.Rows))
		}
	}
	return nil
}

// duplicate returns the first name that repeats an earlier one, or "".
func duplicate(names []string) string {
	seen := map[string]bool{}
	for _, n := range names {
		if seen[strings.ToLower(n)] {
			return n
		}
		seen[strings.ToLower(n)] = true
	}
	return ""
}

func resolve(root, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(root, filepath.FromSlash(path))
}

func withProvenance(schema table.Schema) table.Schema {
	fields := append([]table.Field{}, schema.Fields...)
	return table.Schema{Fields: append(fields,
		table.Field{Name: engine.FileColumn, Type: table.Type{Kind: table.String}},
		table.Field{Name: engine.LineColumn, Type: table.Type{Kind: table.Int64}})}
}

// attachParquet returns the SELECT over the files. What each file alone knows
// (path, partition values, deleted rows) lies in hidden tables that are joined by
// the number of the file: that join reads no data, lets a filter on a partition
// column skip files, and keeps values exact, null included.
func (s *session) attachParquet(ctx context.Context, in engine.Input, r *relation, doing string) (string, error) {
	paths := make([]string, len(in.Files))
	partition := map[string]bool{}
	for i, f := range in.Files {
		paths[i] = resolve(in.Root, f.Path)
		for name := range f.Partition {
			partition[name] = true
		}
	}
	if len(in.Schema.Fields) == 0 {
		schema, err := s.typeOf(ctx, "SELECT * FROM read_parquet("+filesAt(paths)+", union_by_name = true, hive_partitioning = false)", doing)
		if err != nil {
			return "", err
		}
		for _, f := range schema.Fields {
			if f.Type.Kind == "" {
				return "", fmt.Errorf("%s: column %q has a type that no table can have", doing, f.Name)
			}
		}
		if err := s.markUntyped(ctx, paths, schema.Fields, doing); err != nil {
			return "", err
		}
		r.schema = schema
		if dup := duplicate(withProvenance(schema).Names()); dup != "" && in.Provenance {
			return "", fmt.Errorf("%s: column %q is there twice (names are compared without case)", doing, dup)
		}
	}
	if len(in.Files) == 0 {
		return empty(r.schema, in.Provenance), nil
	}
	scans, texts := []scan{{}}, ""
	for i := range in.Files {
		scans[0].files = append(scans[0].files, i)
	}
	if len(in.Schema.Fields) > 0 {
		var err error
		if scans, texts, err = s.checkStored(ctx, in, paths, partition, doing); err != nil {
			return "", err
		}
	}
	if err := s.checkRows(ctx, in, paths, doing); err != nil {
		return "", err
	}
	selects := make([]string, len(scans))
	for i, one := range scans {
		var err error
		if selects[i], err = s.scanParquet(ctx, in, r, one, texts, partition, doing); err != nil {
			return "", err
		}
	}
	return strings.Join(selects, " UNION ALL "), nil
}

// scanParquet returns the SELECT over the files of one scan.
func (s *session) scanParquet(ctx context.Context, in engine.Input, r *relation, of scan, texts string, partition map[string]bool, doing string) (string, error) {
	files, paths, deleted := make([]table.File, len(of.files)), make([]string, len(of.files)), false
	for i, n := range of.files {
		files[i], paths[i] = in.Files[n], resolve(in.Root, in.Files[n].Path)
		deleted = deleted || files[i].Deleted != nil
	}
	// What the files themselves say needs no schema beside it: with one, DuckDB
	// takes no notice of their statistics before it runs.
	plain := len(in.Schema.Fields) == 0 && len(partition) == 0 && !slices.ContainsFunc(r.schema.Fields, func(f table.Field) bool { return ofEngine[strings.ToLower(physical(f))] })
	lacks := map[string]bool{}
	if len(in.Files) == 1 && len(partition) == 0 && !plain && !in.ByFieldID {
		plain, lacks = s.asStored(ctx, paths[0], r.schema)
	}
	var stored, selected, partitions []string
	for _, f := range r.schema.Fields {
		if lacks[f.Name] {
			selected = append(selected, fmt.Sprintf("CAST(NULL AS %s) AS %s", sqlType(f.Type, logical), ident(f.Name)))
			continue
		}
		if plain && len(in.Schema.Fields) > 0 {
			selected = append(selected, renamed("t."+ident(physical(f)), f.Type, physical, logical, 0)+" AS "+ident(f.Name))
			continue
		}
		if plain {
			selected = append(selected, fmt.Sprintf("CAST(t.%s AS %s) AS %s", ident(f.Name), sqlType(f.Type, logical), ident(f.Name)))
			continue
		}
		if partition[f.Name] {
			value := fmt.Sprintf("CAST(f.p%d AS %s)", len(partitions), sqlType(f.Type, logical))
			if f.Type.Kind == table.Binary { // the bytes of the text; a cast would look for escapes
				value = fmt.Sprintf("encode(f.p%d)", len(partitions))
			}
			selected = append(selected, value+" AS "+ident(f.Name))
			partitions = append(partitions, f.Name)
			continue
		}
		if t, ok := of.types[f.Name]; ok {
			f.Type = t
		}
		p := physical(f)
		found := literal(p)
		if read, ok := of.names[f.Name]; ok {
			found = literal(read)
		}
		if ofEngine[strings.ToLower(p)] { // it would hide the engine's own column
			for p += "_"; slices.ContainsFunc(r.schema.Fields, func(f table.Field) bool { return strings.EqualFold(physical(f), p) }); p += "_" {
			}
		}
		if in.ByFieldID {
			var ok bool
			if found, ok = fieldID(f); !ok {
				return "", fmt.Errorf("%s: column %q has no delta.columnMapping.id of 32 bits, by which it is to be found", doing, f.Name)
			}
		}
		stored = append(stored, fmt.Sprintf("%s: {name: %s, type: %s, default_value: NULL}", found, literal(p), literal(sqlType(f.Type, physical))))
		selected = append(selected, renamed("t."+ident(p), f.Type, physical, logical, 0)+" AS "+ident(f.Name))
	}
	if stored == nil { // a map of nothing has no type
		stored = []string{"'dq_nothing': {name: 'dq_nothing', type: 'BOOLEAN', default_value: NULL}"}
	}
	options := "schema = MAP {" + strings.Join(stored, ", ") + "}"
	if plain {
		options = "union_by_name = true"
	}
	from := fmt.Sprintf("(SELECT *, file_index, file_row_number FROM read_parquet(%s, %s, hive_partitioning = false)) t", filesAt(paths), options+texts)
	if len(in.Files) == 1 && len(partitions) == 0 {
		// The path of an only file is a constant: a join would cost more than a
		// plain scan, and hide from DuckDB that count(*) needs none.
		if in.Provenance {
			selected = append(selected, literal(files[0].Path)+" AS "+engine.FileColumn)
		}
	} else if len(partitions) > 0 || in.Provenance {
		hidden, err := s.fileTable(ctx, files, partitions, r, doing)
		if err != nil {
			return "", err
		}
		from += " JOIN " + hidden + " f ON t.file_index = f.i"
		if in.Provenance {
			selected = append(selected, "f.path AS "+engine.FileColumn)
		}
	}
	if deleted {
		rows, err := s.deletedTable(ctx, files, r, doing)
		if err != nil {
			return "", err
		}
		from += " ANTI JOIN " + rows + " d ON t.file_index = d.i AND t.file_row_number = d.r"
	}
	if in.Provenance {
		selected = append(selected, "t.file_row_number AS "+engine.LineColumn)
	}
	return "SELECT " + strings.Join(selected, ", ") + " FROM " + from, nil
}

// ofEngine are the columns that DuckDB adds to every file.
var ofEngine = map[string]bool{"file_index": true, "file_row_number": true, "filename": true}

// asStored reports whether a file holds the columns of a schema just as they are
// asked for, and which of them it lacks. Such a file is best read without a schema
// beside it: with one, DuckDB takes no notice of its row groups before it runs,
// and has one thread read it all.
func (s *session) asStored(ctx context.Context, path string, schema table.Schema) (bool, map[string]bool) {
	types, err := s.storedTypes(ctx, path)
	if err != nil {
		return false, nil // the scan will say what is wrong with the file
	}
	wanted, err := s.spelled(ctx, schema)
	if err != nil {
		return false, nil
	}
	folded := maps.Clone(ofEngine)
	for name := range types {
		if folded[strings.ToLower(name)] {
			return false, nil
		}
		folded[strings.ToLower(name)] = true
	}
	lacks := map[string]bool{}
	for i, f := range schema.Fields {
		name := physical(f)
		if t, ok := types[name]; ok && t != wanted[i] || !ok && folded[strings.ToLower(name)] {
			return false, nil
		} else if !ok {
			lacks[f.Name] = true
		}
	}
	return true, lacks
}

// footer tells a file's content: a file that is written anew has another.
type footer struct {
	path     string
	size     int64
	modified time.Time
}

func footerOf(path string) (footer, error) {
	info, err := os.Stat(path)
	if err != nil {
		return footer{}, err
	}
	return footer{path, info.Size(), info.ModTime()}, nil
}

// storedTypes gives the columns of a Parquet file with their types as DuckDB
// spells them. A file that several sessions read is looked into once.
func (s *session) storedTypes(ctx context.Context, path string) (map[string]string, error) {
	key, err := footerOf(path)
	if err != nil {
		return nil, err
	}
	if types, ok := s.engine.types.Load(key); ok {
		return types.(map[string]string), nil
	}
	rows, err := s.ask(ctx, "SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM read_parquet("+fileAt(path)+", hive_partitioning = false))", "duckdb: columns")
	if err != nil {
		return nil, err
	}
	types := make(map[string]string, len(rows.Values))
	for _, row := range rows.Values {
		name, _ := row[0].(string)
		types[name], _ = row[1].(string)
	}
	s.engine.types.Store(key, types)
	return types, nil
}

// spelled are the types of a schema's columns in files, as DuckDB spells them.
func (s *session) spelled(ctx context.Context, schema table.Schema) ([]string, error) {
	spelled, parts := make([]string, len(schema.Fields)), false
	casts := make([]string, len(schema.Fields))
	for i, f := range schema.Fields {
		spelled[i] = sqlType(f.Type, physical)
		casts[i] = fmt.Sprintf("CAST(NULL AS %s) AS c%d", spelled[i], i)
		parts = parts || nested(f.Type)
	}
	if !parts { // whose members' names DuckDB may quote in another way
		return spelled, nil
	}
	rows, err := s.ask(ctx, "SELECT column_type FROM (DESCRIBE SELECT "+strings.Join(casts, ", ")+")", "duckdb: columns")
	if err != nil {
		return nil, err
	}
	for i, row := range rows.Values {
		spelled[i], _ = row[0].(string)
	}
	return spelled, nil
}

// empty is a SELECT of no rows.
func empty(schema table.Schema, provenance bool) string {
	if provenance {
		schema = withProvenance(schema)
	}
	items := make([]string, len(schema.Fields))
	for i, f := range schema.Fields {
		items[i] = "CAST(NULL AS " + sqlType(f.Type, logical) + ") AS " + ident(f.Name)
	}
	return "SELECT " + strings.Join(items, ", ") + " WHERE false"
}

// fileTable keeps the path and the partition values of each file.
func (s *session) fileTable(ctx context.Context, files []table.File, partitions []string, r *relation, doing string) (string, error) {
	hidden, columns := s.hide("files"), ""
	for i := range partitions {
		columns += fmt.Sprintf(", p%d VARCHAR", i)
	}
	if err := s.exec(ctx, "CREATE TABLE "+hidden+" (i UBIGINT, path VARCHAR"+columns+")", doing); err != nil {
		return "", err
	}
	r.hidden = append(r.hidden, hidden)
	return hidden, s.appendTo(ctx, hidden, doing, func(add func(...sqldriver.Value) error) error {
		for i, f := range files {
			row := []sqldriver.Value{uint64(i), f.Path}
			for _, p := range partitions {
				if v := f.Partition[p]; v != nil {
					row = append(row, *v)
				} else {
					row = append(row, nil)
				}
			}
			if err := add(row...); err != nil {
				return err
			}
		}
		return nil
	})
}

// deletedTable keeps the positions of deleted rows.
func (s *session) deletedTable(ctx context.Context, files []table.File, r *relation, doing string) (string, error) {
	hidden := s.hide("deleted")
	if err := s.exec(ctx, "CREATE TABLE "+hidden+" (i UBIGINT, r BIGINT)", doing); err != nil {
		return "", err
	}
	r.hidden = append(r.hidden, hidden)
	return hidden, s.appendTo(ctx, hidden, doing, func(add func(...sqldriver.Value) error) error {
		for i, f := range files {
			if f.Deleted == nil {
				continue
			}
			for _, row := range f.Deleted.Rows {
				if err := add(uint64(i), row); err != nil {
					return err
				}
			}
		}
		return nil
	})
}
