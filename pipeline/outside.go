package pipeline

import (
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dq-dev/dq/internal/yamlpos"
	"github.com/dq-dev/dq/lineage"
	"github.com/dq-dev/dq/lineage/openlineage"
	"github.com/dq-dev/dq/record"
)

// outsideLayer is the layer that tables have in lineage of which only the events
// of jobs outside tell.
const outsideLayer = "outside"

// events reads lineage: {events: [spark.ndjson, 'spark/*.ndjson']}.
func (l *loader) events(p *Pipeline, n *yamlpos.Node) {
	p.events = n
	for _, e := range n.List("events", false) {
		pattern := relativeTo(l.dir, place(e, "write a file of OpenLineage events, such as spark.ndjson"))
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			e.Errorf("a job that is to write it has not run yet? Leave the line out until it has", "there is no file %s", pattern)
		}
		p.Events = append(p.Events, found...)
	}
}

// readOutside reads what jobs outside make, once schemas are known. Events of
// tables that the pipeline makes are passed over: of these its models say more.
func (r *run) readOutside() error {
	events := openlineage.NewEvents(r.outsideNames())
	for _, file := range r.Events {
		f, err := os.Open(file)
		if err != nil {
			return wrong(r.Pipeline.events, "", "events: %v", err)
		}
		err = events.Read(f)
		_ = f.Close()
		if err != nil {
			return wrong(r.Pipeline.events, "the file transport of OpenLineage writes one event a line", "events: %s: %v", file, err)
		}
	}
	r.outside = slices.DeleteFunc(events.Made(), func(m openlineage.Made) bool {
		return r.tables[m.Table] != nil || r.tables[strings.TrimPrefix(m.Table, "quarantine.")] != nil
	})
	return nil
}

// outsideNames know the pipeline's tables, and the folders and files of its
// sources, by where they lie. What else there is has its path, relative to the
// pipeline's folder if it is below it, or namespace/name.
func (r *run) outsideNames() openlineage.Names {
	known := map[dataset]string{}
	at := func(location, name string) {
		d := openlineage.Located(location)
		known[normal(d.Namespace, d.Name)] = name
	}
	dir, _ := filepath.Abs(filepath.Dir(r.File))
	landed := map[string]int{} // by folder: from one that is shared by sources, a job may have written for any of them
	for _, t := range r.tables {
		if t.Source != nil {
			landed[filepath.Dir(t.Source.Glob)]++
		}
	}
	for name, t := range r.tables {
		place := strings.ReplaceAll(name, ".", "/")
		at(r.Place(place), name)
		at(r.Place("quarantine/"+place), "quarantine."+name)
		if t.Source != nil {
			files := t.Source.named(dir)
			at(t.Source.Glob, files)
			if folder := filepath.Dir(t.Source.Glob); landed[folder] == 1 {
				at(folder, files)
			}
		}
	}
	return openlineage.Names{
		Name: func(namespace, name string) string {
			d := normal(namespace, name)
			if of, ok := known[d]; ok {
				return of
			}
			if d.namespace != "file" {
				return strings.TrimSuffix(d.namespace, "/") + "/" + d.name
			}
			if rel, err := filepath.Rel(dir, d.name); err == nil && filepath.IsLocal(rel) {
				return filepath.ToSlash(rel)
			}
			return d.name
		},
		Columns: func(name string) []string {
			t := r.tables[name]
			if t == nil {
				return nil
			}
			columns := t.schema.Names()
			if t.snap != nil { // what it had until now was read, too
				columns = slices.Concat(columns, t.snap.Schema().Names())
				slices.Sort(columns)
				columns = slices.Compact(columns)
			}
			return columns
		},
	}
}

type dataset struct{ namespace, name string }

// normal is how a dataset is called whatever a tool makes of paths and schemes.
func normal(namespace, name string) dataset {
	scheme, rest, _ := strings.Cut(namespace, ":")
	switch scheme {
	case "file":
		return dataset{"file", path.Clean("/" + strings.TrimPrefix(name, "file:"))}
	case "s3a", "s3n":
		namespace = "s3:" + rest
	}
	return dataset{namespace, strings.Trim(name, "/")}
}

// addOutside adds to a lineage what jobs outside make.
func (r *run) addOutside(g *record.Graph) {
	statements := map[string]*lineage.Statement{}
	for _, m := range r.outside {
		statements[m.Table] = both(statements[m.Table], m.Statement)
	}
	layers := map[string]string{}
	for _, t := range g.Tables {
		layers[t.Name] = t.Layer
		if statements[t.Name] != nil { // a source that a job outside writes
			for _, c := range t.Columns {
				statements[t.Name] = both(statements[t.Name], &lineage.Statement{Columns: []lineage.Column{{Name: c}}, Status: lineage.Exact})
			}
		}
	}
	read := map[string]*lineage.Statement{} // tables outside of which no event says how they are made
	note := func(sources []lineage.Source) {
		for _, s := range sources {
			if _, ok := layers[s.Table]; !ok && statements[s.Table] == nil {
				st := &lineage.Statement{Status: lineage.Exact}
				if s.Column != "" {
					st.Columns = []lineage.Column{{Name: s.Column}}
				}
				read[s.Table] = both(read[s.Table], st)
			}
		}
	}
	for _, st := range statements {
		note(st.Dataset)
		for _, c := range st.Columns {
			note(c.Sources)
		}
	}
	for name, st := range read {
		slices.SortFunc(st.Columns, func(a, b lineage.Column) int { return strings.Compare(a.Name, b.Name) })
		lineage.Add(g, name, outsideLayer, st)
	}
	for _, name := range slices.Sorted(maps.Keys(statements)) {
		layer := outsideLayer
		if was := layers[name]; was != "" {
			layer = was
		}
		lineage.Add(g, name, layer, statements[name])
	}
}

// both is what two jobs make of one table together.
func both(a, b *lineage.Statement) *lineage.Statement {
	if a == nil {
		return b
	}
	out := &lineage.Statement{Columns: slices.Clone(a.Columns), Dataset: merged(a.Dataset, b.Dataset), Status: a.Status}
	if b.Status != lineage.Exact {
		out.Status = b.Status
	}
	for _, c := range b.Columns {
		i := slices.IndexFunc(out.Columns, func(o lineage.Column) bool { return o.Name == c.Name })
		if i < 0 {
			out.Columns = append(out.Columns, c)
		} else {
			out.Columns[i].Sources = merged(out.Columns[i].Sources, c.Sources)
		}
	}
	return out
}

func merged(a, b []lineage.Source) []lineage.Source {
	out := slices.Clone(a)
	for _, s := range b {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	lineage.SortSources(out)
	return out
}
