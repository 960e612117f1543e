package openlineage

import (
	"time"

	"github.com/dq-dev/dq/record"
)

// JobEvent says what a job reads and makes, without any run of it.
type JobEvent struct {
	EventTime time.Time `json:"eventTime"`
	Job       Job       `json:"job"`
	Inputs    []Dataset `json:"inputs"`
	Outputs   []Dataset `json:"outputs"`
	Producer  string    `json:"producer"`
	SchemaURL string    `json:"schemaURL"`
}

// Jobs are the jobs of a graph: one for each table that is made from others, as
// [End] names it and with the same columnLineage. Of the run only the pipeline, the
// engine and the graph count; locations are where tables lie, by name, and a table
// without one is named within the namespace dq.
func Jobs(run *record.Run, at time.Time, locations map[string]string, ctx Context) []JobEvent {
	t := &teller{run, ctx}
	read := map[string]map[string]bool{}
	for _, e := range run.Lineage.Edges {
		if read[e.ToTable] == nil {
			read[e.ToTable] = map[string]bool{}
		}
		read[e.ToTable][e.FromTable] = true
	}
	out := []JobEvent{}
	for _, made := range run.Lineage.Tables {
		if read[made.Name] == nil {
			continue
		}
		job := t.event("", at, run.Pipeline+"."+made.Name, nil).Job
		e := JobEvent{EventTime: at.UTC(), Job: job, Inputs: []Dataset{}, Producer: producer, SchemaURL: spec + "2-0-2/OpenLineage.json#/$defs/JobEvent"}
		to := t.dataset(made.Name, locations)
		columns := []map[string]any{}
		for _, name := range made.Columns {
			columns = append(columns, map[string]any{"name": name})
		}
		to.Facets = map[string]any{"schema": facet("SchemaDatasetFacet", "1-2-0", map[string]any{"fields": columns})}
		if lineage := t.columns(made.Name, locations); lineage != nil {
			to.Facets["columnLineage"] = lineage
		}
		e.Outputs = []Dataset{to}
		for name := range read[made.Name] {
			e.Inputs = append(e.Inputs, t.dataset(name, locations))
		}
		sortDatasets(e.Inputs)
		out = append(out, e)
	}
	return out
}
