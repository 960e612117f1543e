package pipeline

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/dq-dev/dq/delta"
	"github.com/dq-dev/dq/delta/location"
	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/expectations"
	"github.com/dq-dev/dq/internal/yamlpos"
	"github.com/dq-dev/dq/lineage"
	"github.com/dq-dev/dq/record"
	"github.com/dq-dev/dq/source/file"
	"github.com/dq-dev/dq/table"
)

// Columns that landing adds to the fields of a file.
const (
	fileColumn   = "_file"
	lineColumn   = "_line"
	loadedColumn = "_loaded_at"
)

// Columns that scd2 makes of the observations.
const (
	validFrom = "valid_from"
	validTo   = "valid_to"
	isCurrent = "is_current"
)

// openBinder opens the session for models; the first statement that an engine
// binds takes longer than all others.
func (r *run) openBinder(ctx context.Context) (err error) {
	if r.binder, err = r.eng.Small(ctx); err == nil {
		_, err = r.binder.Bind(ctx, "SELECT 1")
	}
	return err
}

// bind checks every model and suite against empty stubs, before any data is
// read: schemas, what each model reads, column lineage. All that is wrong is
// returned at once, as a [ConfigError].
//
// When files bring columns that are new, models are bound without them first: a
// column that would change what a model means, or keep it from being bound, is a
// finding about the files, and stays hidden from the models; see [run.captured].
func (r *run) bind(ctx context.Context) error {
	for _, t := range r.tables {
		t.hidden, t.capturing = nil, nil
		if t.Source != nil {
			if err := t.readHeaders(); err != nil {
				return &ConfigError{Err: err}
			}
		}
	}
	if !r.hide() {
		return r.bindAll(ctx)
	}
	if err := r.bindAll(ctx); err != nil {
		r.unhide() // models may ask for what is new
		return r.bindAll(ctx)
	}
	before := r.bound()
	r.unhide()
	err := r.bindAll(ctx)
	if wrong := (*ConfigError)(nil); err != nil && !errors.As(err, &wrong) {
		return err
	}
	if !r.captured(before, err) {
		return nil
	}
	r.hide()
	return r.bindAll(ctx)
}

// bindAll binds with the columns that are not hidden.
func (r *run) bindAll(ctx context.Context) error {
	s := r.binder
	var err error
	r.rec.Lineage = &record.Graph{}
	schemas := map[string]table.Schema{}
	var all []error
	var beside sync.WaitGroup // lineage is traced beside the binding of later models
	defer beside.Wait()
	for _, l := range r.Layers {
		for _, spec := range l.Tables {
			t := r.tables[spec.Name]
			t.traceErr, t.planErr = nil, nil
			if up := missing(schemas, spec.DependsOn); up != "" {
				continue // its own error is on the list
			}
			if spec.Source != nil {
				t.schema, err = t.bindSource()
			} else {
				err = r.bindModel(ctx, s, t, maps.Clone(schemas), &beside)
			}
			if err != nil {
				all = append(all, err)
				continue
			}
			if err := t.becoming(t.schema); err != nil {
				switch {
				case !errors.Is(err, delta.ErrInvalid):
					return fmt.Errorf("%s: %w", spec.Name, err)
				case spec.Source == nil:
					all = append(all, fmt.Errorf("%s: %s: %w (%s)", t.Model, spec.Name, err, mapIt(t.current.where)))
					continue
				} // a name that files bring is a finding, see noteNames
			}
			if err := r.obliged(t); err != nil {
				all = append(all, err)
				continue
			}
			schemas[spec.Name] = t.schema
			if _, err := s.Attach(ctx, engine.Input{Name: spec.Name, Schema: t.schema}); err != nil {
				return fmt.Errorf("%s: %w", spec.Name, err)
			}
		}
	}
	var unbound []string
	for name := range r.tables {
		if _, ok := schemas[name]; !ok {
			unbound = append(unbound, name)
		}
	}
	for _, t := range r.tables {
		if _, ok := schemas[t.Name]; ok {
			beside.Go(func() {
				if t.plan, t.planErr = t.Suite.Plan(t.schema, schemas, unbound...); t.planErr == nil {
					t.planErr = t.plan.Ordered()
				}
			})
		}
	}
	beside.Wait()
	for _, l := range r.Layers {
		for _, spec := range l.Tables {
			t := r.tables[spec.Name]
			if _, ok := schemas[spec.Name]; !ok {
				continue
			}
			if err := errors.Join(t.traceErr, t.planErr, t.samePartitions()); err != nil {
				all = append(all, err)
				continue
			}
			lineage.Add(r.rec.Lineage, spec.Name, spec.Layer, t.trace)
			t.waits = append(slices.Clone(spec.DependsOn), t.plan.Refs()...)
			t.plan = t.plan.At(r.now)
		}
	}
	if len(all) == 0 {
		all = r.checkExposures()
	}
	if len(all) == 0 {
		if err := r.readOutside(); err != nil {
			all = append(all, err)
		}
		r.addOutside(r.rec.Lineage)
	}
	if len(all) > 0 {
		return &ConfigError{Err: errors.Join(all...)}
	}
	r.links = sync.OnceValue(func() *links { return newLinks(r) })
	for _, l := range r.Layers {
		r.order(l)
	}
	return nil
}

// samePartitions says that the pipeline wants other partitions than the table has: it
// keeps those that it was made with, in every file.
func (t *tableRun) samePartitions() error {
	if t.snap == nil || slices.Equal(t.snap.PartitionBy(), t.PartitionBy) {
		return nil
	}
	shown := func(names []string) string {
		if len(names) == 0 {
			return "nothing"
		}
		return "[" + strings.Join(names, ", ") + "]"
	}
	return wrong(t.at("partition_by"), fmt.Sprintf("put them back here, or move %s away, and the table is made anew", t.current.where),
		"partition_by: %s is partitioned by %s, not by %s, and keeps the partitions that it was made with", t.Name, shown(t.snap.PartitionBy()), shown(t.PartitionBy))
}

// order puts a layer's tables behind those that their models read and, where
// that makes no circle, behind those that their suites look at.
func (r *run) order(l *Layer) {
	var out []*Table
	mark := map[string]bool{}
	var visit func(spec *Table)
	visit = func(spec *Table) {
		if mark[spec.Name] {
			return
		}
		mark[spec.Name] = true
		for _, up := range r.tables[spec.Name].waits {
			if i := slices.IndexFunc(l.Tables, func(o *Table) bool { return o.Name == up }); i >= 0 && !r.madeOf(up, spec.Name) {
				visit(l.Tables[i])
			}
		}
		out = append(out, spec)
	}
	for _, spec := range l.Tables {
		visit(spec)
	}
	l.Tables = out
}

// madeOf reports whether a table's model reads another one, directly or not. Each
// table is looked at once: the ways through a large project are too many.
func (r *run) madeOf(name, of string) bool {
	seen := map[string]bool{}
	var reads func(name string) bool
	reads = func(name string) bool {
		t := r.tables[name]
		if t == nil || seen[name] {
			return false
		}
		seen[name] = true
		return slices.ContainsFunc(t.DependsOn, func(up string) bool { return up == of || reads(up) })
	}
	return reads(name)
}

func missing(schemas map[string]table.Schema, names []string) string {
	for _, n := range names {
		if _, ok := schemas[n]; !ok {
			return n
		}
	}
	return ""
}

// bindModel binds a model's SELECT over the stubs attached so far, which have
// these schemas. Its lineage is known once beside is done.
func (r *run) bindModel(ctx context.Context, s engine.Session, t *tableRun, schemas map[string]table.Schema, beside *sync.WaitGroup) error {
	plan, err := s.Bind(ctx, t.SQL)
	var be *engine.BindError
	if errors.As(err, &be) {
		return inFile(t.Model, t.SQL, be)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", t.Model, err)
	}
	if err := t.checkReads(); err != nil {
		return err
	}
	t.reads = plan.Reads
	if err := t.checkColumns(plan.Schema, schemas); err != nil {
		return err
	}
	t.schema = plan.Schema
	derive := func(st *lineage.Statement) *lineage.Statement { return st }
	if t.Mode == "scd2" {
		if derive, err = t.bindHistory(); err != nil {
			return err
		}
	}
	beside.Go(func() {
		st, err := lineage.Trace(plan, schemas)
		if err != nil {
			t.traceErr = fmt.Errorf("%s: lineage: %w", t.Model, err)
			return
		}
		t.trace = derive(st)
	})
	return nil
}

// checkReads is an error where the pipeline names an upstream table that the model
// does not read. A model that reads a misspelt one has not been bound.
func (t *tableRun) checkReads() error {
	unread := func(key, name string, at *yamlpos.Node) error {
		if len(mentions(t.SQL, map[string]bool{name: true})) > 0 {
			return nil
		}
		return wrong(at, "write FROM "+name+" in "+t.Model, "%s: the model does not read %s", key, name)
	}
	if t.Incremental != "" {
		if err := unread("incremental", t.Incremental, t.at("incremental")); err != nil {
			return err
		}
	}
	if len(t.Lookups) > 0 {
		for _, e := range t.at("lookups").Entries {
			if err := unread("lookups", e.Key.Text, e.Key); err != nil {
				return err
			}
		}
	}
	return nil
}

// bindHistory turns the schema of the observations into that of the intervals,
// and gives what does so with their lineage.
func (t *tableRun) bindHistory() (func(*lineage.Statement) *lineage.Statement, error) {
	effective, _ := t.schema.Field(t.Effective)
	if effective.Type.Kind != table.Timestamp && effective.Type.Kind != table.TimestampNTZ && effective.Type.Kind != table.Date {
		return nil, wrong(t.at("effective"), "it must be a timestamp or a date", "effective: %s is %s", t.Effective, effective.Type)
	}
	var fields []table.Field
	origins := map[string]string{}
	add := func(name string, typ table.Type, nullable bool, from string) {
		fields = append(fields, table.Field{Name: name, Type: typ, Nullable: nullable})
		origins[name] = from
	}
	if t.Surrogate != "" {
		add(t.Surrogate, table.Type{Kind: table.Int64}, true, t.Effective)
	}
	for _, name := range append(append([]string{}, t.Keys...), t.Track...) {
		f, _ := t.schema.Field(name)
		add(name, f.Type, true, name)
	}
	add(validFrom, effective.Type, true, t.Effective)
	add(validTo, effective.Type, true, t.Effective)
	add(isCurrent, table.Type{Kind: table.Bool}, true, t.Effective)
	t.schema = table.Schema{Fields: fields}
	return func(st *lineage.Statement) *lineage.Statement {
		sources := map[string][]lineage.Source{}
		for _, c := range st.Columns {
			sources[c.Name] = c.Sources
		}
		var keyed []lineage.Source
		for _, name := range t.Keys {
			keyed = append(keyed, sources[name]...)
		}
		columns := make([]lineage.Column, len(fields))
		for i, f := range fields {
			columns[i].Name = f.Name
			from := sources[origins[f.Name]]
			switch f.Name {
			case t.Surrogate: // a hash
				from = lineage.Through(slices.Concat(keyed, from), lineage.Direct, lineage.Transformation, true)
			case validTo, isCurrent: // the next change of the same key, and whether there is one
				from = append(lineage.Through(from, lineage.Direct, lineage.Transformation, false), lineage.Through(keyed, lineage.Indirect, lineage.Window, false)...)
			}
			columns[i].Sources = from
		}
		return &lineage.Statement{Columns: columns, Dataset: st.Dataset, Status: st.Status}
	}, nil
}

// readHeaders reads the headers of the files that are new. A source without any
// file is an error, and so is one of another format than CSV.
func (t *tableRun) readHeaders() error {
	cfg := t.files()
	if t.Source.ByFile {
		cfg.Limit = 1
	}
	headers, err := file.Headers(cfg, t.known())
	if errors.Is(err, file.ErrNotFound) || errors.Is(err, file.ErrBadConfig) {
		return t.sourceError(err)
	}
	// Any other problem of a file is a finding, when the file is landed.
	for _, h := range headers {
		if h.Format != "" && h.Format != file.CSV {
			return wrong(t.at("source").Get("files"), "only CSV is landed; read other files with dq check and dq profile", "source: %s is %s", t.Source.Glob, h.Format)
		}
	}
	t.headers = headers
	return nil
}

// bindSource is the schema of a landed table before its files are read: the
// columns of the table, of the suite, and of the files that are new, but for those
// that are hidden.
func (t *tableRun) bindSource() (table.Schema, error) {
	columns := t.schemaNames()
	for _, h := range t.headers {
		for _, c := range h.Columns {
			if _, hidden := t.hidden[c]; !hidden && !slices.ContainsFunc(columns, func(o string) bool { return strings.EqualFold(o, c) }) {
				columns = append(columns, c)
			}
		}
	}
	schema, err := t.landed(columns)
	if err == nil && len(schema.Fields) == 3 {
		err = wrong(t.at("source").Get("files"), "name them in a suite: columns: {id: {type: string}}", "no file of %s names its columns", t.Source.Glob)
	}
	return schema, err
}

// known are the source files that the table has consumed.
func (t *tableRun) known() file.Known {
	known := file.Known{}
	for path, f := range t.ledger.files {
		known[path] = file.ID{SHA256: f.SHA256, Size: f.Size, ModifiedNS: f.ModifiedNS}
	}
	return known
}

// files says which files the source means, and how they are read.
func (t *tableRun) files() file.Config {
	return file.Config{Glob: t.Source.Glob, Format: t.Source.Format, Delimiter: t.Source.Delimiter, Quote: t.Source.Quote}
}

// landed is the schema of a table that files are landed in: the columns of the
// table or, before there is one, of the suite; those of the header that are
// new; and where each row came from.
func (t *tableRun) landed(header []string) (table.Schema, error) {
	var fields []table.Field
	seen := map[string]bool{fileColumn: true, lineColumn: true, loadedColumn: true}
	add := func(name string) {
		if !seen[name] {
			seen[name] = true
			fields = append(fields, table.Field{Name: name, Type: table.Type{Kind: table.String}, Nullable: true})
		}
	}
	if t.snap != nil {
		for _, name := range t.snap.Schema().Names() {
			add(name)
		}
	}
	for _, c := range t.Suite.Columns {
		if c.Type != nil && c.Type.Kind != table.String && !seen[c.Name] {
			return table.Schema{}, c.Wrong("write type: string, and give it its type in the next layer", "%s: files are landed as text, but the suite says %s", c.Name, c.Type)
		}
		if !t.nameable(c.Name) {
			return table.Schema{}, c.Wrong("map the table's columns: "+mapIt(t.current.where), "the table has no column %q, and can have one of such a name only with column mapping", c.Name)
		}
		add(c.Name)
	}
	for _, name := range header {
		add(name)
	}
	return table.Schema{Fields: append(fields,
		table.Field{Name: fileColumn, Type: table.Type{Kind: table.String}, Nullable: true},
		table.Field{Name: lineColumn, Type: table.Type{Kind: table.Int64}, Nullable: true},
		table.Field{Name: loadedColumn, Type: table.Type{Kind: table.Timestamp}, Nullable: true})}, nil
}

// described adds the suite's prose and tags to the columns, so that every
// reader of the Delta table sees them.
func (t *tableRun) described(s table.Schema) table.Schema {
	fields := make([]table.Field, len(s.Fields))
	for i, f := range s.Fields {
		f.Meta = nil
		f.Nullable = true
		if c := suiteColumn(t.Suite, f.Name); c != nil {
			if c.Description != "" {
				f.Meta = map[string]any{"comment": c.Description}
			}
			if len(c.Tags) > 0 {
				if f.Meta == nil {
					f.Meta = map[string]any{}
				}
				f.Meta["dq.tags"] = strings.Join(c.Tags, ",")
			}
		}
		fields[i] = f
	}
	return table.Schema{Fields: fields}
}

// becoming sets the columns that the next version has, with what the log says of them
// by itself. Where the table maps its columns, they get the names in files that it
// has for them, and new ones their own. The error is a [delta.ErrInvalid] for a name
// that it cannot have, and the columns are set all the same.
func (t *tableRun) becoming(s table.Schema) (err error) {
	t.plain = t.described(s)
	if t.snap == nil {
		t.schema, err = t.delta.Mapped(t.plain)
	} else {
		t.schema, err = t.snap.Mapped(table.Schema{Fields: kept(t.snap.Schema().Fields, t.plain.Fields)})
	}
	return err
}

// nameable reports whether the table's next version can have a column of that name.
func (t *tableRun) nameable(column string) bool {
	if t.snap == nil || t.snap.ColumnMapping() != "none" || delta.PlainName(column) {
		return true
	}
	_, has := t.snap.Schema().Field(column)
	return has
}

// mapIt says how a table gets to have columns of any name.
func mapIt(where *location.Location) string {
	return "dq table alter " + where.String() + " --set delta.columnMapping.mode=name"
}

func suiteColumn(s *expectations.Suite, name string) *expectations.Column {
	for i := range s.Columns {
		if s.Columns[i].Name == name {
			return &s.Columns[i]
		}
	}
	return nil
}

// digest stands for how the table is made; when it changes, the table is rebuilt.
func (t *Table) digest() string {
	parts := []string{canonical(t.SQL), t.Mode, t.Incremental, strings.Join(slices.Concat(t.Keys, t.Together), ","), strings.Join(t.Track, ","), t.Effective,
		strings.Join(t.Order, ","), fmt.Sprint(t.IgnoreNull), t.Surrogate, strings.Join(t.PartitionBy, ","), fmt.Sprint(sortedPairs(t.Lookups))}
	if t.CloseAbsent {
		parts = append(parts, "on_absent: close")
	}
	return digestOf(parts...)
}
