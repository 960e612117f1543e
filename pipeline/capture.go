package pipeline

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dq-dev/dq/internal/yamlpos"
	"github.com/dq-dev/dq/lineage"
	"github.com/dq-dev/dq/source/file"
	"github.com/dq-dev/dq/table"
)

// fresh are the columns that new files bring and that neither the table nor its
// suite has, with the first file that does: before there is a table, those that
// not every file has.
func (t *tableRun) fresh() map[string]string {
	out := map[string]string{}
	if t.Source == nil {
		return out
	}
	in := map[string]int{} // how many files have a column
	for _, h := range t.headers {
		for _, c := range h.Columns {
			in[c]++
		}
	}
	for _, h := range t.headers {
		for _, c := range h.Columns {
			if _, known := out[c]; known || suiteColumn(t.Suite, c) != nil {
				continue
			}
			if t.snap != nil {
				if _, had := t.snap.Schema().Field(c); had {
					continue
				}
			} else if in[c] == len(t.headers) {
				continue
			}
			out[c] = h.Files[0].Path
		}
	}
	return out
}

// hide keeps what is new in files from models; false when nothing is.
func (r *run) hide() bool {
	some := false
	for _, t := range r.tables {
		if fresh := t.fresh(); len(fresh) > 0 {
			t.hidden, some = fresh, true
		}
	}
	return some
}

func (r *run) unhide() {
	for _, t := range r.tables {
		t.hidden = nil
	}
}

// boundAs is what a table was bound to.
type boundAs struct {
	schema table.Schema
	trace  *lineage.Statement
}

func (r *run) bound() map[string]boundAs {
	out := map[string]boundAs{}
	for name, t := range r.tables {
		out[name] = boundAs{t.schema, t.trace}
	}
	return out
}

// captured finds the new columns of files that would change what models make of
// the columns that were there: a name that a model gives to something of its own
// means the new column, since SELECT * brings it along, or is ambiguous, so that
// the model cannot be bound (wrong). What they are is noted with the tables that
// the files are landed in, which are refused for it. New columns that models
// merely pass on, as SELECT * does, are none.
func (r *run) captured(before map[string]boundAs, wrong error) bool {
	some := false
	blame := func(column, text string) {
		for _, t := range r.tables {
			fresh := t.fresh()
			if column != "" {
				if path, ok := fresh[column]; ok {
					fresh = map[string]string{column: path}
				} else {
					fresh = nil
				}
			}
			if len(fresh) > 0 {
				some = true
				t.capturing = append(t.capturing, capture{fresh, text})
			}
		}
	}
	if wrong != nil {
		first, _, _ := strings.Cut(wrong.Error(), "\n")
		blame("", "with it models cannot be bound: "+first)
		return some
	}
	for _, l := range r.Layers {
		for _, spec := range l.Tables {
			t, was := r.tables[spec.Name], before[spec.Name]
			if t.trace == nil || was.trace == nil {
				continue
			}
			isNew := func(s lineage.Source) bool {
				up, ok := before[s.Table]
				if _, had := up.schema.Field(s.Column); !ok || had || s.Column == "" {
					return false
				}
				return true
			}
			for _, c := range t.trace.Columns {
				if _, had := was.schema.Field(c.Name); !had {
					continue
				}
				if i := slices.IndexFunc(c.Sources, isNew); i >= 0 {
					blame(c.Sources[i].Column, fmt.Sprintf("%s would make its %s of it", t.Model, yamlpos.Shown(c.Name)))
				}
			}
			for _, s := range t.trace.Dataset {
				if isNew(s) && (s.Subtype == lineage.Filter || s.Subtype == lineage.Join) {
					blame(s.Column, fmt.Sprintf("%s would choose its rows by it", t.Model))
				}
			}
		}
	}
	return some
}

// capture is new columns, with their files, and what they would do.
type capture struct {
	columns map[string]string
	text    string
}

// noteCaptures notes the new columns that models would take for others.
func (t *tableRun) noteCaptures() {
	for _, c := range t.capturing {
		var names []string
		path := ""
		for _, name := range sortedKeys(c.columns) {
			names, path = append(names, yamlpos.Shown(name)), c.columns[name]
		}
		t.note("source.columns", "error", "%s has a new column %s; %s", path, strings.Join(names, ", "), c.text)
		f := &t.rec.Findings[len(t.rec.Findings)-1]
		f.Column = names[0]
		f.Hint = "let the model list the columns that it reads in place of *, or ask the source"
	}
}

// noteNames notes new columns that no table can have: those that landing adds, names
// that differ from others only in case, since Delta tables know columns by their
// names in any case, and, where there is a table without column mapping, names with
// characters that Parquet files of Delta tables may not have.
func (t *tableRun) noteNames(batch *file.Batch) {
	known := t.schemaNames()
	for _, g := range batch.Groups {
		for _, c := range g.Columns {
			if slices.Contains(known, c) && !landing(c) {
				continue
			}
			hint := ""
			switch i := slices.IndexFunc(known, func(o string) bool { return strings.EqualFold(o, c) }); {
			case landing(strings.ToLower(c)):
				t.note("source.columns", "error", "%s has a column %s%s, which says where each row of a table came from, and is not read from files", g.Files[0].Path, yamlpos.Shown(c), more(len(g.Files)-1))
				hint = "call it otherwise in the file"
			case i >= 0:
				t.note("source.columns", "error", "%s has a column %s where %s is known%s: names that differ only in case are one column", g.Files[0].Path, yamlpos.Shown(c), yamlpos.Shown(known[i]), more(len(g.Files)-1))
				hint = "call it " + yamlpos.Shown(known[i]) + " in the file"
			case !t.nameable(c):
				t.note("source.columns", "error", "%s has a new column %q%s, a name that a Delta table can have only with column mapping", g.Files[0].Path, c, more(len(g.Files)-1))
				hint = "call it otherwise in the file, or map the table's columns: " + mapIt(t.current.where)
			default:
				known = append(known, c)
				continue
			}
			f := &t.rec.Findings[len(t.rec.Findings)-1]
			f.Column, f.Hint = c, hint
		}
	}
}

// schemaNames are the columns that the table or its suite has.
func (t *tableRun) schemaNames() []string {
	var names []string
	if t.snap != nil {
		names = t.snap.Schema().Names()
	}
	for _, c := range t.Suite.Columns {
		if !slices.Contains(names, c.Name) {
			names = append(names, c.Name)
		}
	}
	return names
}
