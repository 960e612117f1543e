package openlineage

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/dq-dev/dq/lineage"
)

// Made is what a job outside of dq makes of others' data, as its events say:
// those of the OpenLineage listener of Spark, or of any other tool.
type Made struct {
	Job       string // namespace/name
	Table     string // what is written, by the name that [Names] gives
	Statement *lineage.Statement
}

// Names gives datasets the names that they have in a lineage, and knows the
// columns of some; Columns is nil for others.
type Names struct {
	Name    func(namespace, name string) string
	Columns func(name string) []string
}

// Events gathers what jobs outside make from their events, whatever files these are
// in. Of each job and what it writes the newest run counts that did not fail or abort:
// lineage may come with any event of a run, and a stream's run has no end. Events
// about no run, or with no output, are passed over.
//
// A job that does not say which column comes from which (no columnLineage facet,
// as for code that works on RDDs) makes each column of all columns that it reads,
// and the statement is [lineage.Conservative]. Which columns that are is known from
// any event that names columns of what it reads; where none does, it is the whole.
// Memory is that of the newest runs.
type Events struct {
	names   Names
	aliases map[[2]string]string // what symlinks say of datasets that have no name of their own
	open    map[string]*outsideRun
	newest  map[output]*outsideRun // of those that ended well
	columns map[string][]string    // of what the newest runs read and write, by name
}

// NewEvents has none yet.
func NewEvents(names Names) *Events {
	return &Events{names: names, aliases: map[[2]string]string{}, open: map[string]*outsideRun{}, newest: map[output]*outsideRun{}}
}

// Read takes events in, one a line, as file transports write them. A last line without
// its end is one that is being written. The error names the line. Cost: one pass.
func (in *Events) Read(r io.Reader) error {
	lines := bufio.NewReaderSize(r, 1<<16)
	for n := 1; ; n++ {
		line, err := lines.ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		whole := err == nil
		if text := bytes.TrimSpace(line); len(text) > 0 {
			var e outsideEvent
			switch err := json.Unmarshal(text, &e); {
			case err == nil && e.Run.RunID == "" && e.Job.Name == "" && e.Dataset == nil:
				return fmt.Errorf("line %d is no OpenLineage event: it has no run, no job and no dataset", n)
			case err == nil:
				in.take(e)
			case whole:
				return fmt.Errorf("line %d is no OpenLineage event: %w", n, err)
			}
		}
		if !whole {
			return nil
		}
	}
}

// outsideEvent is what is read of an event. Fields of facets are those of
// columnLineage 1-2-0, with the words of older versions beside.
type outsideEvent struct {
	EventTime time.Time `json:"eventTime"`
	EventType string    `json:"eventType"`
	Run       struct {
		RunID string `json:"runId"`
	} `json:"run"`
	Job struct {
		Namespace string `json:"namespace"`
		Name      string `json:"name"`
	} `json:"job"`
	Dataset json.RawMessage  `json:"dataset"` // of an event about a dataset alone
	Inputs  []outsideDataset `json:"inputs"`
	Outputs []outsideDataset `json:"outputs"`
}

type outsideDataset struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Facets    struct {
		Schema struct {
			Fields []struct {
				Name string `json:"name"`
			} `json:"fields"`
		} `json:"schema"`
		Symlinks struct {
			Identifiers []struct {
				Namespace string `json:"namespace"`
				Name      string `json:"name"`
			} `json:"identifiers"`
		} `json:"symlinks"`
		ColumnLineage struct {
			Fields map[string]struct {
				InputFields []inputField `json:"inputFields"`
				// Of facets before 1-1-0, where a transformation was the field's.
				TransformationType string `json:"transformationType"`
			} `json:"fields"`
			Dataset []inputField `json:"dataset"`
		} `json:"columnLineage"`
	} `json:"facets"`
}

type inputField struct {
	Namespace       string `json:"namespace"`
	Name            string `json:"name"`
	Field           string `json:"field"`
	Transformations []struct {
		Type    string `json:"type"`
		Subtype string `json:"subtype"`
		Masking bool   `json:"masking"`
	} `json:"transformations"`
}

// output is what one job writes into one dataset.
type output struct{ job, namespace, name string }

// outsideRun is what the events of one run said so far.
type outsideRun struct {
	job     string
	at      time.Time
	inputs  map[string][]string // columns by name
	outputs map[output]outsideDataset
}

func (in *Events) take(e outsideEvent) {
	if e.Run.RunID == "" {
		return
	}
	run := in.open[e.Run.RunID]
	if run == nil {
		run = &outsideRun{job: e.Job.Namespace + "/" + e.Job.Name, inputs: map[string][]string{}, outputs: map[output]outsideDataset{}}
		in.open[e.Run.RunID] = run
	}
	if e.EventTime.After(run.at) {
		run.at = e.EventTime
	}
	for _, d := range e.Inputs {
		if d.Name == "" {
			continue
		}
		in.alias(d)
		name := in.name(d.Namespace, d.Name)
		run.inputs[name] = union(run.inputs[name], d.columns())
	}
	for _, d := range e.Outputs {
		if d.Name == "" {
			continue
		}
		in.alias(d)
		key := output{run.job, d.Namespace, d.Name}
		// Events of a run add up: what one of them does not say another did.
		if was, ok := run.outputs[key]; ok {
			if len(d.Facets.ColumnLineage.Fields) == 0 && len(d.Facets.ColumnLineage.Dataset) == 0 {
				d.Facets.ColumnLineage = was.Facets.ColumnLineage
			}
			if len(d.Facets.Schema.Fields) == 0 {
				d.Facets.Schema = was.Facets.Schema
			}
		}
		run.outputs[key] = d
	}
	switch strings.ToUpper(e.EventType) {
	case "FAIL", "ABORT":
		delete(in.open, e.Run.RunID)
	case "COMPLETE":
		delete(in.open, e.Run.RunID)
		in.count(run)
	}
}

// count takes a run in place of older ones of its job.
func (in *Events) count(run *outsideRun) {
	for key := range run.outputs {
		if was := in.newest[key]; was == nil || !run.at.Before(was.at) {
			in.newest[key] = run
		}
	}
}

// alias notes that a dataset is one that is known, if a symlink says so: a table of
// a catalog that lies where a table of the pipeline does.
func (in *Events) alias(d outsideDataset) {
	if in.names.Columns(in.names.Name(d.Namespace, d.Name)) != nil {
		return
	}
	for _, link := range d.Facets.Symlinks.Identifiers {
		if name := in.names.Name(link.Namespace, link.Name); in.names.Columns(name) != nil {
			in.aliases[[2]string{d.Namespace, d.Name}] = name
		}
	}
}

func (in *Events) name(namespace, name string) string {
	if known, ok := in.aliases[[2]string{namespace, name}]; ok {
		return known
	}
	return in.names.Name(namespace, name)
}

func (d outsideDataset) columns() []string {
	var out []string
	for _, f := range d.Facets.Schema.Fields {
		out = append(out, f.Name)
	}
	return union(nil, out)
}

// Made lists what the newest runs wrote, by name and job.
func (in *Events) Made() []Made {
	for _, run := range in.open { // nobody said yet that they failed
		in.count(run)
	}
	in.columns = map[string][]string{}
	for key, run := range in.newest {
		d := run.outputs[key]
		in.know(in.name(d.Namespace, d.Name), d.columns())
		in.know(in.name(d.Namespace, d.Name), slices.Sorted(maps.Keys(d.Facets.ColumnLineage.Fields)))
		for name, columns := range run.inputs {
			in.know(name, columns)
		}
		for _, field := range d.Facets.ColumnLineage.Fields {
			for _, f := range field.InputFields {
				in.know(in.name(f.Namespace, f.Name), []string{f.Field})
			}
		}
	}
	var out []Made
	keys := slices.SortedFunc(maps.Keys(in.newest), func(a, b output) int {
		return strings.Compare(a.namespace+"\x00"+a.name+"\x00"+a.job, b.namespace+"\x00"+b.name+"\x00"+b.job)
	})
	for _, key := range keys {
		run := in.newest[key]
		d := run.outputs[key]
		out = append(out, Made{Job: key.job, Table: in.name(d.Namespace, d.Name), Statement: in.statement(run, d)})
	}
	return out
}

// know notes columns of a dataset.
func (in *Events) know(name string, columns []string) {
	in.columns[name] = union(in.columns[name], columns)
}

// statement is the lineage of what a run wrote into a dataset.
func (in *Events) statement(run *outsideRun, d outsideDataset) *lineage.Statement {
	facet := d.Facets.ColumnLineage
	columns := union(d.columns(), slices.Sorted(maps.Keys(facet.Fields)))
	st := &lineage.Statement{Status: lineage.Exact}
	if len(facet.Fields) == 0 && len(run.inputs) > 0 {
		return in.blind(run, columns)
	}
	rows := map[lineage.Source]bool{}
	for name := range run.inputs { // that it was read is known, whatever columns count
		rows[lineage.Source{Table: name, Type: lineage.Indirect, Subtype: lineage.Filter}] = true
	}
	for _, name := range columns {
		sources := map[lineage.Source]bool{}
		field := facet.Fields[name]
		for _, f := range field.InputFields {
			in.sources(f, field.TransformationType, sources, rows)
		}
		st.Columns = append(st.Columns, lineage.Column{Name: name, Sources: sorted(sources)})
	}
	for _, f := range facet.Dataset {
		in.sources(f, "", rows, rows)
	}
	st.Dataset = sorted(rows)
	return st
}

// sources notes what one column gives: to a column of the result, or to which rows
// it has, for what decides these belongs to no single column.
func (in *Events) sources(f inputField, legacy string, column, rows map[lineage.Source]bool) {
	from := in.name(f.Namespace, f.Name)
	if len(f.Transformations) == 0 { // older facets say no more than that it is so
		s := lineage.Source{Table: from, Column: f.Field, Type: lineage.Direct, Subtype: lineage.Transformation, Masking: legacy == "MASKED"}
		if legacy == "IDENTITY" {
			s.Subtype = lineage.Identity
		}
		column[s] = true
		return
	}
	direct := lineage.Source{Table: from, Column: f.Field, Type: lineage.Direct, Masking: true}
	for _, t := range f.Transformations {
		switch {
		case t.Type == lineage.Direct:
			subtype := t.Subtype
			if directRank(subtype) == 0 {
				subtype = lineage.Transformation
			}
			if directRank(subtype) > directRank(direct.Subtype) {
				direct.Subtype = subtype
			}
			direct.Masking = direct.Masking && t.Masking
		case t.Subtype == lineage.Window || t.Subtype == lineage.Conditional:
			column[lineage.Source{Table: from, Column: f.Field, Type: lineage.Indirect, Subtype: t.Subtype, Masking: t.Masking}] = true
		case directRank(t.Subtype) == 0 && t.Subtype != "":
			rows[lineage.Source{Table: from, Column: f.Field, Type: lineage.Indirect, Subtype: t.Subtype, Masking: t.Masking}] = true
		default: // nothing that is known: too much rather than too little
			direct.Subtype, direct.Masking = lineage.Transformation, false
		}
	}
	if direct.Subtype != "" {
		column[direct] = true
	}
}

// directRank orders the subtypes of direct sources; 0 is none of them.
func directRank(subtype string) int {
	return 1 + slices.Index([]string{lineage.Identity, lineage.Transformation, lineage.Aggregation}, subtype)
}

// blind makes each column of everything that a run read: of all columns of it or,
// where none is known, of it as a whole.
func (in *Events) blind(run *outsideRun, columns []string) *lineage.Statement {
	all, rows := map[lineage.Source]bool{}, map[lineage.Source]bool{}
	for name, said := range run.inputs {
		if known := in.names.Columns(name); known != nil {
			said = known
		} else if len(said) == 0 {
			said = in.columns[name]
		}
		for _, c := range said {
			all[lineage.Source{Table: name, Column: c, Type: lineage.Direct, Subtype: lineage.Transformation}] = true
			rows[lineage.Source{Table: name, Column: c, Type: lineage.Indirect, Subtype: lineage.Filter}] = true
		}
		if len(said) == 0 {
			all[lineage.Source{Table: name, Type: lineage.Direct, Subtype: lineage.Transformation}] = true
			rows[lineage.Source{Table: name, Type: lineage.Indirect, Subtype: lineage.Filter}] = true
		}
	}
	st := &lineage.Statement{Status: lineage.Conservative, Dataset: sorted(rows)}
	for _, name := range columns {
		st.Columns = append(st.Columns, lineage.Column{Name: name, Sources: sorted(all)})
	}
	return st
}

func sorted(sources map[lineage.Source]bool) []lineage.Source {
	out := slices.AppendSeq([]lineage.Source{}, maps.Keys(sources))
	lineage.SortSources(out)
	return out
}

// union is a with what b has besides.
func union(a, b []string) []string {
	has := map[string]bool{}
	for _, x := range a {
		has[x] = true
	}
	for _, x := range b {
		if !has[x] {
			has[x] = true
			a = append(a, x)
		}
	}
	return a
}
