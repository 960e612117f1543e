package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dq-dev/dq/delta"
	"github.com/dq-dev/dq/delta/location"
	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/internal/yamlpos"
	"github.com/dq-dev/dq/operations"
	"github.com/dq-dev/dq/pipeline"
	"github.com/dq-dev/dq/record"
	"github.com/dq-dev/dq/source/file"
	"github.com/dq-dev/dq/table"
)

// dataOptions steer how a DATA argument is read.
type dataOptions struct {
	allText bool
	set     map[string]table.Type // column to type, as the suite or --set says
	asked   map[string]bool       // columns that --set names
	hidden  map[string]bool       // columns that are tagged personal
	unread  bool                  // the files of a Delta table are not listed yet
}

// data is a DATA argument, resolved: a file, a glob, or a version of a Delta table.
type data struct {
	input   engine.Input
	dataset record.Dataset
	records int64              // data records counted in text files; -1 when not counted
	broken  *record.Finding    // the data cannot be read at all
	nul     *record.Finding    // texts of it hold the character NUL
	where   *location.Location // of a Delta table
	snap    *delta.Snapshot    // of a Delta table
}

// opened are the locations that the command has opened; [run] closes them.
var opened []*location.Location

// openLocation is where a table lies: a folder or an object store.
func openLocation(path string) (*location.Location, error) {
	if isFile(path) {
		return nil, usagef("%s is a file, not the folder of a Delta table", path)
	}
	where, err := location.Open(path, os.Getenv)
	if err != nil {
		return nil, usage(err)
	}
	opened = append(opened, where)
	return where, nil
}

// closeLocations lets go of local copies of remote files.
func closeLocations() {
	for _, where := range opened {
		_ = where.Close()
	}
}

// localPaths replaces file: URIs among arguments by the paths that they mean.
func localPaths(args []string) error {
	for i, arg := range args {
		path, ok, err := delta.FilePath(arg)
		if err != nil {
			return usage(err)
		}
		if ok {
			args[i] = path
		}
	}
	return nil
}

// resolve finds what a DATA argument names: PATH, a glob, a Delta table's
// folder or s3://bucket/prefix, each Delta one with @VERSION or @TIMESTAMP behind it.
func resolve(ctx context.Context, arg string, opts dataOptions) (*data, error) {
	if arg == "" {
		return nil, usagef("the name of the data is empty")
	}
	path, at, err := splitVersion(arg)
	if err != nil {
		return nil, err
	}
	d := &data{dataset: record.Dataset{Name: filepath.Base(path), Location: path}, records: -1}
	if location.Remote(path) || isDir(filepath.Join(path, "_delta_log")) {
		if d.where, err = openLocation(path); err != nil {
			return nil, err
		}
		if opts.unread {
			return d, d.open(ctx, at)
		}
		return d, d.delta(ctx, at)
	}
	if path != arg {
		return nil, usagef("%s: only a Delta table has versions, and %s is none (it has no folder _delta_log)", arg, path)
	}
	if isDir(path) {
		return nil, usagef("%s is a folder without _delta_log; write a glob for the files in it: '%s'", path, filepath.Join(path, "*.parquet"))
	}
	return d, d.files(ctx, path, opts)
}

// splitVersion cuts @3 or @2011-01-01T00:00:00Z off a location.
func splitVersion(arg string) (path string, at delta.At, err error) {
	path, text, ok := cutLast(arg, "@")
	if _, statErr := os.Stat(arg); !ok || statErr == nil {
		return arg, delta.Latest(), nil
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && n >= 0 {
		return path, delta.Version(n), nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, text, time.UTC); err == nil {
			return path, delta.Time(t), nil
		}
	}
	if isDir(path) || location.Remote(path) && !strings.Contains(text, "/") {
		return "", at, usagef("%s: %q is no version; write a number (@3) or a time in UTC (@2011-01-01T00:00:00Z)", arg, text)
	}
	return arg, delta.Latest(), nil
}

func cutLast(s, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// delta reads the log of a Delta table and lists its files.
func (d *data) delta(ctx context.Context, at delta.At) error {
	if err := d.open(ctx, at); err != nil {
		return err
	}
	return d.list(ctx)
}

// open reads the log of a Delta table.
func (d *data) open(ctx context.Context, at delta.At) (err error) {
	d.snap, err = delta.Open(d.where.Store()).Snapshot(ctx, at)
	if errors.Is(err, delta.ErrNoVersion) || errors.Is(err, delta.ErrGone) || location.Remote(d.dataset.Location) && errors.Is(err, delta.ErrNoTable) {
		return usagef("%s: %w", d.where, err)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", d.where, err)
	}
	v := d.snap.Version()
	d.dataset.Version = &v
	if len(d.snap.Schema().Fields) == 0 {
		return fmt.Errorf("%s: version %d has no columns: there is nothing to read yet", d.where, v)
	}
	d.input = engine.Input{Schema: d.snap.Schema(), ByFieldID: d.snap.ColumnMapping() == "id"}
	d.input.Root, err = d.where.Dir()
	return err
}

// list makes the files of a Delta table part of the input, without those that
// partition values and statistics show to have no row that meets the conditions.
func (d *data) list(ctx context.Context, where ...engine.Condition) error {
	for f, err := range d.snap.Files(ctx, operations.Predicates(where)...) {
		if err != nil {
			return fmt.Errorf("%s: %w", d.where, err)
		}
		d.input.Files = append(d.input.Files, f)
	}
	return d.where.Fetch(ctx, d.input.Files...)
}

func (d *data) files(ctx context.Context, glob string, opts dataOptions) error {
	batch, err := file.Fetch(ctx, file.Config{Glob: glob, Unhashed: true}, nil)
	if broken := (*file.Error)(nil); errors.As(err, &broken) && !errors.Is(err, file.ErrNotFound) && !errors.Is(err, file.ErrBadConfig) {
		// That the data cannot be read is a finding about the data.
		d.broken = &record.Finding{Rule: "source.file", Severity: "error", Table: d.dataset.Name, Message: err.Error()}
		return nil
	}
	if errors.Is(err, file.ErrNotFound) && !isDir(filepath.Dir(glob)) {
		return usagef("%w%s", err, nearData(glob))
	}
	if err != nil {
		return usage(err)
	}
	if len(batch.Files) == 0 {
		return usagef("%s: there is no such file%s", glob, nearData(glob))
	}
	g := batch.Groups[0]
	if len(batch.Groups) > 1 {
		return usagef("%s: the files are not alike: %s has the columns %s, but %s has %s", glob,
			g.Files[0].Path, strings.Join(g.Columns, ", "), batch.Groups[1].Files[0].Path, strings.Join(batch.Groups[1].Columns, ", "))
	}
	d.input = engine.Input{Format: engine.Format(g.Format), Root: batch.Root}
	for _, f := range g.Files {
		d.input.Files = append(d.input.Files, table.File{Path: f.Path, Size: f.Size, Modified: f.Modified})
	}
	if g.Format == file.CSV {
		d.input.CSV = &engine.CSVOptions{Columns: g.Columns, Header: g.Header, Delimiter: g.Delimiter, Quote: g.Quote, Gzip: g.Gzip, Infer: !opts.allText}
		d.records = 0
		for _, f := range g.Files {
			d.records += f.Records
		}
		d.nul = pipeline.NULFinding(batch.Root, d.dataset.Name, g.Files)
	}
	return nil
}

// nearData suggests a file beside the one that is missing; or beside its folder, if
// that is missing too.
func nearData(path string) string {
	path = filepath.Clean(path)
	for dir := filepath.Dir(path); dir != filepath.Dir(dir) && !isDir(dir); dir = filepath.Dir(dir) {
		path = dir
	}
	entries, _ := os.ReadDir(filepath.Dir(path))
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if near := yamlpos.Nearest(filepath.Base(path), names); near != "" && near != filepath.Base(path) {
		return "; did you mean " + filepath.Join(filepath.Dir(path), near) + "?"
	}
	return ""
}

// attach makes the data readable under a name and returns its columns. Columns
// of text files whose type is set are read as that type; a value that does not
// fit reads as null and is a finding of the rule source.type. A record that
// cannot be read is one of source.parse, a text file without data one of source.rows,
// one with the character NUL one of source.nul, which only warns.
func (d *data) attach(ctx context.Context, s engine.Session, say engine.Dialect, name string, opts dataOptions) (table.Schema, []record.Finding, error) {
	if d.broken != nil {
		return table.Schema{}, nil, nil
	}
	in := d.input
	in.Name = name
	in.Provenance = true
	text := in.Format != "" && in.Format != engine.Parquet
	retyped := text && len(opts.set) > 0
	if retyped {
		in.Name = name + "_text"
	}
	if in.CSV != nil { // a text stays as it is written, however much it looks like a time
		csv := *in.CSV
		for column, t := range opts.set {
			if t.Kind == table.String {
				csv.Text = append(csv.Text, column)
			}
		}
		in.CSV = &csv
	}
	schema, err := s.Attach(ctx, in)
	if err != nil && in.Format != "" && ctx.Err() == nil && !errors.Is(err, engine.ErrMemory) && !errors.Is(err, engine.ErrNoSpace) {
		d.broken = d.cannotRead(in.Name, err)
		return table.Schema{}, nil, nil
	}
	if err != nil {
		return table.Schema{}, nil, err
	}
	schema = withoutProvenance(schema)
	for column := range opts.asked {
		if _, ok := schema.Field(column); !ok {
			return table.Schema{}, nil, usagef("--set %s: there is no such column; %s", column, yamlpos.DidYouMean(column, schema.Names()))
		}
	}
	if !text {
		return schema, nil, nil
	}
	findings, err := d.rejected(ctx, s, in.Name, slices.Sorted(maps.Keys(opts.hidden)))
	if err != nil {
		return table.Schema{}, nil, err
	}
	if d.nul != nil {
		findings = append(findings, *d.nul)
	}
	if d.records == 0 {
		findings = append(findings, record.Finding{Rule: "source.rows", Severity: "error", Table: d.dataset.Name, Message: "there is a header, but no data"})
	}
	if !retyped {
		return schema, findings, nil
	}
	typed, misfits, err := d.typed(ctx, s, say, in.Name, name, schema, opts)
	return typed, append(findings, misfits...), err
}

// cannotRead is what is told of a file that the engine cannot read, without our name for it.
func (d *data) cannotRead(name string, err error) *record.Finding {
	message := err.Error()
	if _, why, ok := strings.Cut(message, "attach "+name+": "); ok {
		message = why
	}
	return &record.Finding{Rule: "source.parse", Severity: "error", Table: d.dataset.Name, Message: message, Hint: "look whether it was copied as a whole"}
}

// typed makes a relation of a text relation, with the types that are set.
func (d *data) typed(ctx context.Context, s engine.Session, say engine.Dialect, from, name string, schema table.Schema, opts dataOptions) (table.Schema, []record.Finding, error) {
	var items, bad []string
	var columns []table.Field
	for _, f := range schema.Fields {
		id := say.Ident(f.Name)
		to, ok := opts.set[f.Name]
		if !ok || to.Equal(f.Type) {
			items = append(items, id)
			continue
		}
		fits, value := say.Fit(id, f.Type, to)
		items = append(items, value+" AS "+id)
		bad = append(bad, "count(CASE WHEN NOT "+fits+" THEN 1 END)")
		columns = append(columns, table.Field{Name: f.Name, Type: to})
	}
	items = append(items, say.Ident(engine.FileColumn), say.Ident(engine.LineColumn))
	typed, err := s.Attach(ctx, engine.Input{Name: name, SQL: "SELECT " + strings.Join(items, ", ") + " FROM " + say.Relation(from)})
	if err != nil || len(bad) == 0 {
		return withoutProvenance(typed), nil, err
	}
	counts, err := s.Query(ctx, "SELECT "+strings.Join(bad, ", ")+" FROM "+say.Relation(from))
	if err != nil {
		return table.Schema{}, nil, err
	}
	var findings []record.Finding
	for i, c := range columns {
		n, _ := counts.Values[0][i].(int64)
		if n == 0 {
			continue
		}
		was, _ := schema.Field(c.Name)
		fits, _ := say.Fit(say.Ident(c.Name), was.Type, c.Type)
		rows, err := s.Query(ctx, fmt.Sprintf("SELECT %s, %s, %s FROM %s WHERE NOT %s ORDER BY 1, 2 LIMIT 5", say.Ident(engine.FileColumn), say.Ident(engine.LineColumn),
			say.Ident(c.Name), say.Relation(from), fits))
		if err != nil {
			return table.Schema{}, nil, err
		}
		f := record.Finding{Rule: "source.type", Severity: "error", Table: d.dataset.Name, Column: c.Name, Rows: n,
			Message: fmt.Sprintf("%s of column %s %s no %s", values(n), c.Name, areOrIs(n), c.Type)}
		for _, row := range rows.Values {
			if opts.hidden[c.Name] {
				row[2] = redacted
			}
			f.Sample = append(f.Sample, map[string]any{"file": row[0], "record": row[1], c.Name: row[2]})
		}
		findings = append(findings, f)
	}
	return withoutProvenance(typed), findings, nil
}

// smallData is up to how many bytes one thread is faster than several: with them
// the calling thread polls while another has the only task there is.
const smallData = 1 << 20

// threads are those that checking the data is worth; 0 is as many as there are.
func (d *data) threads() int {
	size := int64(0)
	for _, f := range d.input.Files {
		size += f.Size
	}
	if size < smallData {
		return 1
	}
	return 0
}

// redacted stands for a value that must not be shown.
const redacted = "[redacted]"

func values(n int64) string {
	if n == 1 {
		return "1 value"
	}
	return fmt.Sprintf("%d values", n)
}

func areOrIs(n int64) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

func withoutProvenance(s table.Schema) table.Schema {
	var out table.Schema
	for _, f := range s.Fields {
		if f.Name != engine.FileColumn && f.Name != engine.LineColumn {
			out.Fields = append(out.Fields, f)
		}
	}
	return out
}

func records(n int64) string {
	if n == 1 {
		return "1 record"
	}
	return fmt.Sprintf("%d records", n)
}

// rejected finds the records of a text file that could not be read, without what may
// be a value of the columns to hide.
func (d *data) rejected(ctx context.Context, s engine.Session, name string, hide []string) ([]record.Finding, error) {
	rejecter, ok := s.(engine.Rejecter)
	if !ok {
		return nil, nil
	}
	rejects, n, err := rejecter.Rejects(ctx, name, 5)
	if err != nil || n == 0 {
		return nil, err
	}
	for i := range rejects {
		rejects[i] = rejects[i].Hiding(hide, d.input.CSV)
	}
	f := record.Finding{Rule: "source.parse", Severity: "error", Table: d.dataset.Name, Rows: n,
		Message: fmt.Sprintf("%s could not be read, the first in %s record %d: %s", records(n), rejects[0].File, rejects[0].Line, rejects[0].Problem)}
	for _, r := range rejects {
		f.Sample = append(f.Sample, map[string]any{"file": r.File, "record": r.Line, "text": r.Text, "problem": r.Problem})
	}
	return []record.Finding{f}, nil
}
