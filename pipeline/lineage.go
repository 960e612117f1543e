package pipeline

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/dq-dev/dq/delta/location"
	"github.com/dq-dev/dq/lineage"
	"github.com/dq-dev/dq/record"
	"github.com/dq-dev/dq/table"
)

// Bound is a pipeline whose models and suites were bound over empty tables: what a
// run does before it reads data.
type Bound struct {
	// Lineage goes from the files of sources (layer "source", named by their
	// pattern) to the last layer, and to the tables of refused rows (layer
	// "quarantine").
	Lineage *record.Graph
	// Models is the lineage of the models alone, as run records hold it.
	Models *record.Graph
	// Schemas are those that the tables' next versions have.
	Schemas map[string]table.Schema

	run *run
}

// Bind binds the pipeline's models and suites; see [Bound]. It reads the headers of
// source files and the logs of tables, and changes nothing. Of opt it takes
// Engine, Clock, Policies and Environment. All that is wrong is a [ConfigError].
func (p *Pipeline) Bind(ctx context.Context, opt Options) (*Bound, error) {
	where, err := location.Open(p.Warehouse, os.Getenv)
	if err != nil {
		return nil, &ConfigError{err}
	}
	defer func() { _ = where.Close() }()
	r := &run{Pipeline: p, opt: opt, now: opt.Clock().UTC().Truncate(time.Microsecond), eng: opt.Engine, d: opt.Engine.Dialect(), where: where,
		state: &state{store: where.Sub("_dq").Store(), pipeline: p.Name}, tables: map[string]*tableRun{}, rec: &record.Run{}}
	if err := r.openBinder(ctx); err != nil {
		return nil, err
	}
	defer func() { _ = r.binder.Close() }()
	if err := r.open(ctx); err != nil {
		return nil, err
	}
	if err := r.bind(ctx); err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(filepath.Dir(p.File))
	if err != nil {
		return nil, err
	}
	whole := record.Graph{Tables: slices.Clone(r.rec.Lineage.Tables), Edges: slices.Clone(r.rec.Lineage.Edges)}
	b := &Bound{Lineage: &whole, Models: r.rec.Lineage, Schemas: map[string]table.Schema{}, run: r}
	for _, l := range p.Layers {
		for _, spec := range l.Tables {
			t := r.tables[spec.Name]
			b.Schemas[spec.Name] = t.schema
			made := t.trace
			if t.Source != nil {
				made = t.landing(b.Lineage, dir)
				lineage.Add(b.Lineage, t.Name, t.Layer, made)
			}
			if len(t.plan.Refusing()) > 0 {
				lineage.Add(b.Lineage, "quarantine."+t.Name, "quarantine", refused(made))
			}
		}
	}
	r.expose(b.Lineage, false)
	r.addOutside(b.Lineage)
	return b, nil
}

// LastRecord is the newest run record that the warehouse holds; the error is
// fs.ErrNotExist when there is none.
func (p *Pipeline) LastRecord(ctx context.Context) (*record.Run, error) {
	where, err := location.Open(p.Warehouse, os.Getenv)
	if err != nil {
		return nil, &ConfigError{err}
	}
	defer func() { _ = where.Close() }()
	store := where.Sub("_dq").Store()
	list, err := store.List(ctx, "runs", "")
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, fs.ErrNotExist
	}
	data, err := store.Read(ctx, list[len(list)-1].Name)
	if err != nil {
		return nil, err
	}
	return record.Read(bytes.NewReader(data))
}

// landing is the lineage of a landed table, and adds its files to the graph: columns
// are found by name, and the place of a row comes from the file as a whole.
func (t *tableRun) landing(g *record.Graph, dir string) *lineage.Statement {
	files := t.Source.named(dir)
	source := &lineage.Statement{Status: lineage.Exact}
	st := &lineage.Statement{Status: lineage.Exact}
	for _, name := range t.schema.Names() {
		column := lineage.Column{Name: name}
		switch name {
		case fileColumn, lineColumn:
			column.Sources = []lineage.Source{{Table: files, Type: lineage.Direct, Subtype: lineage.Transformation}}
		case loadedColumn:
		default:
			source.Columns = append(source.Columns, lineage.Column{Name: name})
			column.Sources = []lineage.Source{{Table: files, Column: name, Type: lineage.Direct, Subtype: lineage.Identity}}
		}
		st.Columns = append(st.Columns, column)
	}
	lineage.Add(g, files, "source", source)
	return st
}

// named is what lineage calls the files: their pattern, relative to the pipeline's folder.
func (s *Source) named(dir string) string {
	if abs, err := filepath.Abs(s.Glob); err == nil {
		if rel, err := filepath.Rel(dir, abs); err == nil {
			return filepath.ToSlash(rel)
		}
	}
	return s.Glob
}

// Columns that refused rows get beside those of their table.
var refusedColumns = []string{"dq_reasons", "dq_run", "dq_at"}

// refused is the lineage of the rows of a table that rules refuse: the table's own,
// and reasons that depend on any of its columns.
func refused(made *lineage.Statement) *lineage.Statement {
	st := &lineage.Statement{Columns: slices.Clone(made.Columns), Status: made.Status, Dataset: slices.Clone(made.Dataset)}
	reasons := map[lineage.Source]bool{}
	for _, c := range made.Columns {
		for _, s := range c.Sources {
			s.Type, s.Subtype = lineage.Indirect, lineage.Conditional
			reasons[s] = true
		}
	}
	for _, name := range refusedColumns {
		column := lineage.Column{Name: name}
		if name == "dq_reasons" {
			for s := range reasons {
				column.Sources = append(column.Sources, s)
			}
			lineage.SortSources(column.Sources)
		}
		st.Columns = append(st.Columns, column)
	}
	return st
}

// Watcher is an expectation that looks at a column.
type Watcher struct {
	Table    string   `json:"table"`
	ID       string   `json:"id"`
	Position string   `json:"position"` // suite.yaml:12:5
	Columns  []string `json:"columns"`  // of those that were asked for; sorted
}

// Watchers lists the expectations that look at any of some columns, by table; one
// with an empty list of columns stands for all of the table.
func (b *Bound) Watchers(columns map[string][]string) []Watcher {
	out := []Watcher{}
	for _, l := range b.run.Layers {
		for _, spec := range l.Tables {
			for _, reading := range b.run.tables[spec.Name].plan.Reads() {
				w := Watcher{Table: spec.Name, ID: reading.ID, Position: reading.Position, Columns: []string{}}
				note := func(table string, reads []string) {
					asked, ok := columns[table]
					for _, c := range reads {
						if ok && (len(asked) == 0 || slices.Contains(asked, c)) {
							if table != spec.Name {
								c = table + "." + c
							}
							w.Columns = append(w.Columns, c)
						}
					}
				}
				note(spec.Name, reading.Columns)
				for other, reads := range reading.Others {
					note(other, reads)
				}
				if len(w.Columns) > 0 {
					slices.Sort(w.Columns)
					out = append(out, w)
				}
			}
		}
	}
	return out
}

// Drop says what the policies would decide if a column of a table, or with an empty
// column all of them, were dropped, beyond what they say of the table as it is.
func (b *Bound) Drop(ctx context.Context, name, column string) ([]record.Decision, error) {
	t := b.run.tables[name]
	if t == nil || b.run.opt.Policies == nil {
		return nil, nil
	}
	next := table.Schema{}
	for _, f := range t.schema.Fields {
		if column != "" && f.Name != column {
			next.Fields = append(next.Fields, f)
		}
	}
	said := map[string]bool{}
	var out []record.Decision
	for _, shape := range []table.Schema{t.schema, next} {
		q, err := b.run.question(ctx, t, &t.schema, shape)
		if err != nil {
			return nil, err
		}
		if err := b.run.complete(ctx, q); err != nil {
			return nil, err
		}
		ruling, err := b.run.decide(ctx, q.Input)
		if err != nil {
			return nil, &EvaluationError{Err: err}
		}
		out = nil
		for _, d := range ruling.Decisions {
			if key := d.Policy + " " + d.Path + " " + d.Message; !said[key] {
				said[key] = true
				out = append(out, d)
			}
		}
	}
	return out, nil
}

// Renamed maps columns of a table's next version to what they were called before, as
// its suite declares.
func (b *Bound) Renamed(name string) map[string]string { return b.run.tables[name].renamed() }
