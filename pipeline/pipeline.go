// Package pipeline carries data from source to gold: it stages each table's new
// files, has them audited, and publishes a layer as a whole or not at all.
//
// [Load] reads a pipeline file with the models and suites that belong to it;
// [Pipeline.Run] runs it once and returns the run record, whose verdict is the
// outcome: a refused batch is not an error. Run resumes what a killed run left
// behind, and does nothing when there is nothing new.
//
// The way of a batch, a function each: [run.bind] checks models, suites and
// policies without data; [run.land] and [run.transform] write Parquet files
// that no log names; [run.audit] judges them; [run.gate] decides for the layer;
// [run.publish] commits. docs/architecture.md follows a batch through them.
package pipeline

import (
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"github.com/dq-dev/dq/delta/location"
	"github.com/dq-dev/dq/expectations"
	"github.com/dq-dev/dq/internal/yamlpos"
	"github.com/dq-dev/dq/policies"
)

// Pipeline is a pipeline file, checked, with its models and suites.
type Pipeline struct {
	File      string
	Name      string
	Warehouse string // absolute folder, or URL
	Layers    []*Layer
	Owners    string   // file, or ""
	Waivers   string   // file, or ""
	Policies  []string // folders
	Modes     []policies.Mode
	Exposures []Exposure
	Reports   []Report
	// OpenLineage is where runs are told in OpenLineage's words: a file, a URL, "console", or "".
	OpenLineage string
	// Strict makes a run fail whose events could not be delivered.
	Strict bool
	// Events are files of OpenLineage events in which jobs outside say what they
	// make of the pipeline's tables, and of what its sources read.
	Events []string

	events *yamlpos.Node // their place
}

// Report is a format that every run writes, and the folder it goes to.
type Report struct{ Format, Dir string }

// Layer is a list of tables that are published together.
type Layer struct {
	Name   string
	Tables []*Table // in the order in which they are staged: dependencies first
}

// Table says how one table is made.
type Table struct {
	Name  string // silver.orders
	Layer string
	Mode  string // append, overwrite, merge, scd2
	// Source is set for tables that are landed from files; SQL for those made by a model.
	Source    *Source
	Model     string // file
	SQL       string
	DependsOn []string // tables of the pipeline that SQL names
	Suite     *expectations.Suite

	Keys []string
	// Together are columns whose rows are made from all their upstream rows.
	// merge: some of the keys. scd2: columns of Incremental; rows of it that
	// share them make observations with no others, so that a batch without
	// late ones goes on from the current intervals.
	Together    []string
	Track       []string          // scd2: the attributes whose history is kept
	Effective   string            // scd2: the column with the time of a change
	Order       []string          // scd2: source order among equal times; the last wins
	IgnoreNull  bool              // scd2: a null attribute is no value
	CloseAbsent bool              // scd2: observations of one time are a full snapshot, whose absent keys end
	Surrogate   string            // scd2: the name of the surrogate key column, or ""
	Incremental string            // the upstream table that stands for its changes
	Lookups     map[string]Lookup // tables whose changes bring rows of Incremental back
	PartitionBy []string

	node    *yamlpos.Node            // the table's name in the pipeline file
	options map[string]*yamlpos.Node // what stands behind each key
}

// Lookup says which rows of the incremental table a change of another table
// concerns: those that share the column On, and when the other table is scd2
// and At is set, only those whose time At is not before the first interval that
// changed.
type Lookup struct{ On, At string }

// Source is a set of files that are landed as they are.
type Source struct {
	Glob      string
	Format    string
	Delimiter string
	Quote     string
	MinRows   int64 // of each file
	ByFile    bool  // every new file is a batch of its own
	Replace   bool  // a rewritten file replaces its rows; otherwise it closes the gate
}

// Place is where a name under the warehouse lies, for people to look at.
func (p *Pipeline) Place(name string) string {
	if location.Remote(p.Warehouse) {
		return strings.TrimSuffix(p.Warehouse, "/") + "/" + name
	}
	return filepath.Join(p.Warehouse, filepath.FromSlash(name))
}

// layers lists the names of the layers, in their order.
func (p *Pipeline) layers() []string {
	var out []string
	for _, l := range p.Layers {
		out = append(out, l.Name)
	}
	return out
}

// names lists the full names of all tables.
func (p *Pipeline) names() map[string]bool {
	names := map[string]bool{}
	for _, l := range p.Layers {
		for _, t := range l.Tables {
			names[t.Name] = true
		}
	}
	return names
}

// folder is where a table lies under the warehouse.
func folder(table string) string { return strings.Replace(table, ".", "/", 1) }

// quarantineFolder is where the refused rows of a table lie under the warehouse.
func quarantineFolder(table string) string { return "quarantine/" + folder(table) }

// arrange reads each table's dependencies from its SQL and puts the tables of a
// layer in order. The order is the file's where nothing else decides.
func (p *Pipeline) arrange() error {
	names := p.names()
	rank := map[string]int{}
	for i, l := range p.Layers {
		for _, t := range l.Tables {
			rank[t.Name] = i
		}
	}
	for i, l := range p.Layers {
		byName := map[string]*Table{}
		for _, t := range l.Tables {
			byName[t.Name] = t
			t.DependsOn = mentions(t.SQL, names)
			for look := range t.Lookups {
				if !slices.Contains(t.DependsOn, look) {
					t.DependsOn = append(t.DependsOn, look)
				}
			}
			sort.Strings(t.DependsOn)
			for _, up := range t.DependsOn {
				if rank[up] > i {
					return t.reading(up, "a model reads its own layer and earlier ones", "%s reads %s, which is in a later layer (%s)", t.Name, up, p.Layers[rank[up]].Name)
				}
			}
		}
		var order []*Table
		mark := map[string]int{} // 1 on the way, 2 done
		var visit func(t *Table, trail []string) error
		visit = func(t *Table, trail []string) error {
			switch mark[t.Name] {
			case 1:
				circle := append(slices.Clone(trail[slices.Index(trail, t.Name):]), t.Name)
				return t.reading(circle[1], "", "tables depend on each other in a circle: %s", strings.Join(circle, " → "))
			case 2:
				return nil
			}
			mark[t.Name] = 1
			for _, up := range t.DependsOn {
				if u := byName[up]; u != nil {
					if err := visit(u, append(trail, t.Name)); err != nil {
						return err
					}
				}
			}
			mark[t.Name] = 2
			order = append(order, t)
			return nil
		}
		for _, t := range l.Tables {
			if err := visit(t, nil); err != nil {
				return err
			}
		}
		l.Tables = order
	}
	return nil
}

// relativeTo makes a path of the pipeline file absolute.
func relativeTo(dir, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
