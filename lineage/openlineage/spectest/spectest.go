// Package spectest holds OpenLineage events against the official JSON schemas, in tests.
package spectest

import (
	"bytes"
	"embed"
	"encoding/json"
	"path"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/dq-dev/dq/lineage/openlineage"
)

//go:embed spec
var spec embed.FS

type schemas struct {
	event  *jsonschema.Schema
	job    *jsonschema.Schema
	facets map[string]*jsonschema.Schema // by the name under which an event has it
	err    error
}

// load compiles the schemas, once: that takes a second.
var load = sync.OnceValue(func() (s schemas) {
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	names := []string{"spec/OpenLineage.json"}
	list, err := spec.ReadDir("spec/facets")
	if err != nil {
		return schemas{err: err}
	}
	for _, f := range list {
		names = append(names, path.Join("spec/facets", f.Name()))
	}
	ids := map[string]string{}
	for _, name := range names {
		data, err := spec.ReadFile(name)
		if err != nil {
			return schemas{err: err}
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			return schemas{err: err}
		}
		id := doc.(map[string]any)["$id"].(string)
		if err := c.AddResource(id, doc); err != nil {
			return schemas{err: err}
		}
		properties, _ := doc.(map[string]any)["properties"].(map[string]any)
		for facet := range properties {
			ids[facet] = id
		}
	}
	s.facets = map[string]*jsonschema.Schema{}
	for name, id := range ids {
		if s.facets[name], err = c.Compile(id); err != nil {
			return schemas{err: err}
		}
	}
	if s.job, err = c.Compile("https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/JobEvent"); err != nil {
		return schemas{err: err}
	}
	s.event, s.err = c.Compile("https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent")
	return s
})

// Validate holds each event against the schema of events, and each of its facets
// against its own.
func Validate(t testing.TB, events []openlineage.Event) {
	t.Helper()
	s := load()
	if s.err != nil {
		t.Fatal(s.err)
	}
	for _, e := range events {
		s.hold(t, s.event, e.Job.Name+" "+e.EventType, e)
	}
}

// ValidateJobs does the same for events of jobs.
func ValidateJobs(t testing.TB, events []openlineage.JobEvent) {
	t.Helper()
	s := load()
	if s.err != nil {
		t.Fatal(s.err)
	}
	for _, e := range events {
		s.hold(t, s.job, e.Job.Name, e)
	}
}

func (s schemas) hold(t testing.TB, schema *jsonschema.Schema, name string, event any) {
	t.Helper()
	data, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(doc); err != nil {
		t.Errorf("%s: %v", name, err)
	}
	facets(doc, func(facetName string, facet any) {
		if schema := s.facets[facetName]; schema == nil {
			t.Errorf("facet %s has no schema in spec/facets", facetName)
		} else if err := schema.Validate(map[string]any{facetName: facet}); err != nil {
			t.Errorf("%s: facet %s: %v", name, facetName, err)
		}
	})
}

// facets visits every facet of an event.
func facets(v any, visit func(name string, facet any)) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			facets(e, visit)
		}
	case map[string]any:
		for key, inner := range v {
			if set, ok := inner.(map[string]any); ok && (key == "facets" || key == "inputFacets" || key == "outputFacets") {
				for name, facet := range set {
					visit(name, facet)
				}
				continue
			}
			facets(inner, visit)
		}
	}
}

// Paired holds that each run has one START and then one end. It returns the ends of
// the runs of a job, in order.
func Paired(t testing.TB, events []openlineage.Event, job string) []string {
	t.Helper()
	state := map[string]string{}
	var ends []string
	for _, e := range events {
		switch was := state[e.Run.RunID]; {
		case e.EventType == "START" && was == "", e.EventType != "START" && was == "START":
			state[e.Run.RunID] = e.EventType
		default:
			t.Errorf("%s: %s after %q", e.Job.Name, e.EventType, was)
		}
		if e.Job.Name == job && e.EventType != "START" {
			ends = append(ends, e.EventType)
		}
	}
	for id, last := range state {
		if last == "START" {
			t.Errorf("run %s did not end", id)
		}
	}
	return ends
}
