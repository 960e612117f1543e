// Package openlineage tells of runs in the words of OpenLineage 2-0-2: START when
// a run begins ([Start]), COMPLETE or FAIL when it ended ([End]), ABORT for one that
// was killed ([Abort]). [Sink] takes events to a file or to an HTTP endpoint.
//
// The pipeline is a job, and so is each table: it is the parent of a job that
// writes the table (pipeline.layer.table), and of one that audits the version that
// was staged (pipeline.layer.table.audit), whose input carries the assertions. A
// table that the gate refused was not written: FAIL.
package openlineage

import (
	"context"
	"crypto/sha1" //nolint:gosec // UUIDs of version 5 are made with it; it protects nothing
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/dq-dev/dq/record"
	"github.com/dq-dev/dq/table"
)

const (
	producer = "https://github.com/dq-dev/dq"
	spec     = "https://openlineage.io/spec/"
	schema   = spec + "2-0-2/OpenLineage.json#/$defs/RunEvent"
)

// Event is a RunEvent.
type Event struct {
	EventTime time.Time `json:"eventTime"`
	EventType string    `json:"eventType"` // START, COMPLETE, FAIL, ABORT
	Run       Run       `json:"run"`
	Job       Job       `json:"job"`
	Inputs    []Dataset `json:"inputs"`
	Outputs   []Dataset `json:"outputs"`
	Producer  string    `json:"producer"`
	SchemaURL string    `json:"schemaURL"`
}

// Run is one run of a job.
type Run struct {
	RunID  string         `json:"runId"`
	Facets map[string]any `json:"facets,omitempty"`
}

// Job is what is run again and again.
type Job struct {
	Namespace string         `json:"namespace"`
	Name      string         `json:"name"`
	Facets    map[string]any `json:"facets,omitempty"`
}

// Dataset is a table or files.
type Dataset struct {
	Namespace    string         `json:"namespace"`
	Name         string         `json:"name"`
	Facets       map[string]any `json:"facets,omitempty"`
	InputFacets  map[string]any `json:"inputFacets,omitempty"`
	OutputFacets map[string]any `json:"outputFacets,omitempty"`
}

// Context is what a run record does not say.
type Context struct {
	Namespace string // of jobs; "" is dq
	// Parent is the run that this one is part of, as namespace/job/run, or "".
	Parent string
	// Nominal is the time for which the run was scheduled, or zero.
	Nominal time.Time
	// Source is the pattern of the files that a table is landed from, absolute; by table.
	Source map[string]string
	// SQL is the text of a table's model; by table.
	SQL map[string]string
	// Warehouse is where the tables lie, a folder or a URL, or "".
	Warehouse string
}

// facet gives a facet its head.
func facet(name, version string, fields map[string]any) map[string]any {
	fields["_producer"] = producer
	fields["_schemaURL"] = spec + "facets/" + version + "/" + name + ".json#/$defs/" + name
	return fields
}

// uuid is the UUID (version 5) of a run of a job: the same whenever it is told.
func uuid(run, job string) string {
	sum := sha1.Sum([]byte(producer + "/" + run + "/" + job)) //nolint:gosec // see the import
	b := sum[:16]
	b[6], b[8] = b[6]&0x0f|0x50, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// teller makes the events of one run.
type teller struct {
	run *record.Run
	ctx Context
}

func (t *teller) event(kind string, at time.Time, job string, facets map[string]any) Event {
	ns := t.ctx.Namespace
	if ns == "" {
		ns = "dq"
	}
	if facets == nil {
		facets = map[string]any{}
	}
	facets["processing_engine"] = facet("ProcessingEngineRunFacet", "1-1-1", map[string]any{"version": t.run.Tool.Version, "name": "dq"})
	kindOf := "JOB"
	if job == t.run.Pipeline {
		kindOf = "PIPELINE"
		if parts := strings.Split(t.ctx.Parent, "/"); len(parts) >= 3 {
			n := len(parts)
			facets["parent"] = facet("ParentRunFacet", "1-2-0", map[string]any{"run": map[string]any{"runId": parts[n-1]},
				"job": map[string]any{"namespace": strings.Join(parts[:n-2], "/"), "name": parts[n-2]}})
		}
		if at := t.ctx.Nominal; !at.IsZero() {
			facets["nominalTime"] = facet("NominalTimeRunFacet", "1-0-1", map[string]any{"nominalStartTime": at.UTC()})
		}
	} else {
		facets["parent"] = facet("ParentRunFacet", "1-2-0", map[string]any{"run": map[string]any{"runId": uuid(t.run.ID, t.run.Pipeline)},
			"job": map[string]any{"namespace": ns, "name": t.run.Pipeline}})
	}
	about := map[string]any{"jobType": facet("JobTypeJobFacet", "2-0-4", map[string]any{"processingType": "BATCH", "integration": "DQ", "jobType": kindOf})}
	if sql := t.ctx.SQL[strings.TrimPrefix(job, t.run.Pipeline+".")]; sql != "" {
		about["sql"] = facet("SQLJobFacet", "1-1-0", map[string]any{"query": sql, "dialect": t.run.Engine.Name})
	}
	return Event{EventTime: at.UTC(), EventType: kind, Producer: producer, SchemaURL: schema, Inputs: []Dataset{}, Outputs: []Dataset{},
		Run: Run{uuid(t.run.ID, job), facets},
		Job: Job{ns, job, about}}
}

// Start is the event of a run that begins; of the record it takes id, pipeline,
// program and time.
func Start(run *record.Run, ctx Context) Event {
	t := &teller{run, ctx}
	return t.event("START", run.StartedAt, run.Pipeline, nil)
}

// Abort closes a run of which there is no record: it was killed. at is when that
// was found.
func Abort(run *record.Run, at time.Time, ctx Context) Event {
	t := &teller{run, ctx}
	return t.event("ABORT", at, run.Pipeline, failed("the run ended before it decided; a later one finished or undid what it left"))
}

func failed(message string) map[string]any {
	return map[string]any{"errorMessage": facet("ErrorMessageRunFacet", "1-0-1", map[string]any{"message": message, "programmingLanguage": "SQL"})}
}

// End are the events of a run that ended: those of each table's jobs, START and
// COMPLETE or FAIL, and last that of the pipeline. cause is an error that ended it, or
// nil. One that somebody interrupted ends in ABORT, with the tables that were in work,
// as does one that was killed, of which a later run recorded what it had published.
func End(run *record.Run, cause error, ctx Context) []Event {
	t := &teller{run, ctx}
	end := run.StartedAt.Add(time.Duration(run.DurationMS) * time.Millisecond)
	locations := map[string]string{}
	for _, l := range run.Layers {
		for _, tab := range l.Tables {
			locations[tab.Name] = tab.Location
		}
	}
	var out []Event
	for _, l := range run.Layers {
		for i := range l.Tables {
			out = append(out, t.table(&l.Tables[i], cause, end, locations)...)
		}
	}
	kind, facets := "COMPLETE", map[string]any(nil)
	switch {
	case cause != nil:
		kind, facets = broken(cause), failed(cause.Error())
	case run.Outcome == "failed":
		kind, facets = "FAIL", failed(run.Message)
	case run.Outcome == "recovered":
		kind, facets = "ABORT", failed("the run was killed; a later one finished what it had decided to publish")
	case run.Outcome == "refused" || run.Outcome == "partial":
		kind, facets = "FAIL", failed(run.Message)
	}
	return append(out, t.event(kind, end, run.Pipeline, facets))
}

// broken is how what an error ended ends: ABORT when somebody interrupted it.
func broken(cause error) string {
	if errors.Is(cause, context.Canceled) {
		return "ABORT"
	}
	return "FAIL"
}

// table are the events of the jobs that wrote and audited a table, if they ran.
func (t *teller) table(tab *record.Table, cause error, end time.Time, locations map[string]string) []Event {
	kind, facets := "COMPLETE", map[string]any(nil)
	switch tab.Outcome {
	case "published":
	case "refused", "partial":
		kind = "FAIL"
		facets = failed(tab.Message)
	case "failed":
		kind, facets = broken(cause), failed(tab.Message)
	default:
		return nil // nothing new, or not its turn
	}
	job := t.run.Pipeline + "." + tab.Name
	written := t.dataset(tab.Name, locations)
	written.Facets = t.about(tab, locations)
	written.OutputFacets = map[string]any{"outputStatistics": facet("OutputStatisticsOutputDatasetFacet", "1-0-2", map[string]any{"rowCount": tab.Counts.Published})}
	done := t.event(kind, end, job, facets)
	done.Outputs = []Dataset{written}
	for name, version := range tab.Inputs {
		read := t.dataset(name, locations)
		read.Facets = map[string]any{"version": versionFacet(version)}
		done.Inputs = append(done.Inputs, read)
	}
	if files := t.ctx.Source[tab.Name]; files != "" {
		done.Inputs = append(done.Inputs, Located(files))
	}
	sortDatasets(done.Inputs)
	if q := tab.Quarantine; q != nil && kind == "COMPLETE" {
		refused := Located(q.Table)
		refused.OutputFacets = map[string]any{"outputStatistics": facet("OutputStatisticsOutputDatasetFacet", "1-0-2", map[string]any{"rowCount": q.Rows})}
		done.Outputs = append(done.Outputs, refused)
	}
	out := []Event{t.event("START", t.run.StartedAt, job, nil), done}
	if tab.Check == nil {
		return out
	}
	audited := t.dataset(tab.Name, locations)
	audited.Facets = map[string]any{"version": written.Facets["version"], "dataQualityMetrics": metrics(tab)}
	if audited.Facets["version"] == nil {
		delete(audited.Facets, "version")
	}
	audited.InputFacets = map[string]any{"dataQualityAssertions": assertions(tab.Check)}
	tested := map[string]any{"test": tests(tab.Check)}
	maps.Copy(tested, facets)
	judged := t.event(kind, end, job+".audit", tested)
	judged.Inputs = []Dataset{audited}
	return append(out, t.event("START", t.run.StartedAt, job+".audit", nil), judged)
}

// dataset is a table of the pipeline by its name.
func (t *teller) dataset(name string, locations map[string]string) Dataset {
	if at := locations[name]; at != "" {
		return Located(at)
	}
	return Dataset{Namespace: "dq", Name: name}
}

// Located names a dataset by where it lies, a path or a URL, as OpenLineage wants it.
func Located(at string) Dataset {
	if u, err := url.Parse(at); err == nil && u.Host != "" && u.Scheme != "file" {
		return Dataset{Namespace: u.Scheme + "://" + u.Host, Name: strings.Trim(u.Path, "/")}
	}
	if abs, err := filepath.Abs(at); err == nil {
		at = filepath.ToSlash(abs)
	}
	return Dataset{Namespace: "file", Name: path.Clean(at)}
}

// about are the facets of the version that was written.
func (t *teller) about(tab *record.Table, locations map[string]string) map[string]any {
	facets := map[string]any{}
	if len(tab.Schema.Fields) > 0 {
		facets["schema"] = facet("SchemaDatasetFacet", "1-2-0", map[string]any{"fields": fields(tab.Schema.Fields)})
	}
	if tab.Version != nil {
		facets["version"] = versionFacet(*tab.Version)
	}
	if tab.Owner != "" {
		facets["ownership"] = facet("OwnershipDatasetFacet", "1-0-1", map[string]any{"owners": []map[string]any{{"name": tab.Owner}}})
	}
	if made := t.columns(tab.Name, locations); made != nil {
		facets["columnLineage"] = made
	}
	if tags := tagged(tab.Schema.Fields); len(tags) > 0 {
		facets["tags"] = facet("TagsDatasetFacet", "1-0-0", map[string]any{"tags": tags})
	}
	if to := lifecycle(tab); to != "" {
		facets["lifecycleStateChange"] = facet("LifecycleStateChangeDatasetFacet", "1-0-1", map[string]any{"lifecycleStateChange": to})
	}
	if at := t.ctx.Warehouse; at != "" {
		where := Located(at)
		root := where.Namespace + "/" + where.Name
		if where.Namespace == "file" {
			root = "file://" + where.Name
		}
		facets["catalog"] = facet("CatalogDatasetFacet", "1-1-0", map[string]any{"framework": "delta", "type": "path", "name": t.run.Pipeline, "warehouseUri": root, "source": "dq"})
	}
	return facets
}

// lifecycle is what became of a table as a whole, "" when rows alone came or went.
func lifecycle(tab *record.Table) string {
	switch {
	case tab.Outcome != "published" || tab.Version == nil:
		return ""
	case tab.VersionBefore == nil:
		return "CREATE"
	case tab.Mode == "overwrite":
		return "OVERWRITE"
	case len(tab.Changes) > 0:
		return "ALTER"
	}
	return ""
}

// tagged are the tags of columns, as their suite gives them.
func tagged(list []table.Field) []map[string]any {
	var out []map[string]any
	for _, f := range list {
		tags, _ := f.Meta["dq.tags"].(string)
		for _, tag := range strings.FieldsFunc(tags, func(r rune) bool { return r == ',' }) {
			out = append(out, map[string]any{"key": tag, "value": "true", "source": "DQ", "field": f.Name})
		}
	}
	return out
}

// versionFacet names the version of a table that was read or written.
func versionFacet(version int64) map[string]any {
	return facet("DatasetVersionDatasetFacet", "1-0-1", map[string]any{"datasetVersion": fmt.Sprint(version)})
}

func fields(list []table.Field) []map[string]any {
	out := []map[string]any{}
	for _, f := range list {
		entry := map[string]any{"name": f.Name, "type": f.Type.String()}
		if comment, ok := f.Meta["comment"].(string); ok {
			entry["description"] = comment
		}
		if len(f.Type.Fields) > 0 {
			entry["fields"] = fields(f.Type.Fields)
		}
		out = append(out, entry)
	}
	return out
}

// columns is the column lineage of a table, nil when the record has none.
func (t *teller) columns(name string, locations map[string]string) map[string]any {
	if t.run.Lineage == nil {
		return nil
	}
	made, rows := map[string]any{}, []map[string]any{}
	inputs := map[string][]map[string]any{}
	for _, e := range t.run.Lineage.Edges {
		if e.ToTable != name || e.FromColumn == "" {
			continue // the facet has no words for rows alone
		}
		from := t.dataset(e.FromTable, locations)
		input := map[string]any{"namespace": from.Namespace, "name": from.Name, "field": e.FromColumn,
			"transformations": []map[string]any{{"type": e.Type, "subtype": e.Subtype, "masking": e.Masking}}}
		if e.ToColumn == "" {
			rows = append(rows, input)
		} else {
			inputs[e.ToColumn] = append(inputs[e.ToColumn], input)
		}
	}
	if len(inputs) == 0 && len(rows) == 0 {
		return nil
	}
	for column, list := range inputs {
		typ, text := legacy(list)
		made[column] = map[string]any{"inputFields": list, "transformationType": typ, "transformationDescription": text}
	}
	return facet("ColumnLineageDatasetFacet", "1-2-0", map[string]any{"fields": made, "dataset": rows})
}

// legacy is how a column is made in the words of version 1-0-0 of the facet, which
// know one for all its inputs: IDENTITY, MASKED when nothing comes unmasked, or else
// the strongest of today's; and the subtypes as a text.
func legacy(inputs []map[string]any) (typ, text string) {
	var subtypes []string
	masked := true
	for _, in := range inputs {
		for _, step := range in["transformations"].([]map[string]any) {
			subtype := step["subtype"].(string)
			subtypes = append(subtypes, subtype)
			masked = masked && (step["masking"] == true || step["type"] == "INDIRECT")
		}
	}
	slices.Sort(subtypes)
	subtypes = slices.Compact(subtypes)
	for _, s := range []string{"AGGREGATION", "TRANSFORMATION", "IDENTITY"} {
		if typ == "" && slices.Contains(subtypes, s) {
			typ = s
		}
	}
	switch {
	case typ == "":
		typ = subtypes[0] // steered alone
	case masked:
		typ = "MASKED"
	}
	return typ, strings.ToLower(strings.ReplaceAll(strings.Join(subtypes, ", "), "_", " "))
}

// tests are the expectations as a facet of the run that asked them.
func tests(c *record.Check) map[string]any {
	list := []map[string]any{}
	for _, e := range c.Expectations {
		status := "pass"
		switch e.Verdict {
		case record.Fail, record.Error, record.Warn:
			status = "fail"
		case record.Skipped, record.Vacuous:
			status = "skip"
		}
		test := map[string]any{"name": e.ID, "status": status, "severity": e.Severity, "type": e.Kind}
		if e.Description != "" {
			test["description"] = e.Description
		}
		if e.CEL != "" {
			test["content"], test["contentType"] = e.CEL, "expression"
		}
		list = append(list, test)
	}
	return facet("TestRunFacet", "1-0-1", map[string]any{"tests": list})
}

func assertions(c *record.Check) map[string]any {
	list := []map[string]any{}
	for _, e := range c.Expectations {
		a := map[string]any{"assertion": e.Kind, "name": e.ID, "success": e.Verdict != record.Fail && e.Verdict != record.Error && e.Verdict != record.Warn,
			"severity": e.Severity, "content": e.CEL, "contentType": "expression"}
		if len(e.Columns) == 1 {
			a["column"] = e.Columns[0]
		}
		if e.Description != "" {
			a["description"] = e.Description
		}
		if e.Scope == "row" {
			a["actual"] = fmt.Sprintf("%d of %d rows failed", e.Failed+e.Errored, e.Evaluated)
		}
		if len(e.Threshold) > 0 {
			text, _ := json.Marshal(e.Threshold)
			a["expected"] = string(text)
		}
		list = append(list, a)
	}
	return facet("DataQualityAssertionsDatasetFacet", "1-1-0", map[string]any{"assertions": list})
}

// metrics are numbers about the table; extremes only of columns of numbers.
func metrics(tab *record.Table) map[string]any {
	columns := map[string]any{}
	if tab.Profile != nil {
		for _, c := range tab.Profile.Columns {
			m := map[string]any{"nullCount": c.Nulls, "distinctCount": c.Distinct, "count": c.Rows}
			for name, v := range map[string]any{"min": c.Min, "max": c.Max} {
				switch v.(type) {
				case float64, int64, json.Number:
					m[name] = v
				}
			}
			columns[c.Name] = m
		}
	}
	return facet("DataQualityMetricsDatasetFacet", "1-0-0", map[string]any{"rowCount": tab.Counts.Total, "columnMetrics": columns})
}

// FromEnvironment is the context that OPENLINEAGE_NAMESPACE and OPENLINEAGE_PARENT_ID
// give, and the logical date that Airflow gives its tasks (AIRFLOW_CTX_EXECUTION_DATE).
func FromEnvironment() Context {
	at, err := time.Parse(time.RFC3339Nano, os.Getenv("AIRFLOW_CTX_EXECUTION_DATE"))
	if err != nil {
		at = time.Time{} // not run by Airflow, or by a schedule that has no such time
	}
	return Context{Namespace: os.Getenv("OPENLINEAGE_NAMESPACE"), Parent: os.Getenv("OPENLINEAGE_PARENT_ID"), Nominal: at}
}
