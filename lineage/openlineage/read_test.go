package openlineage_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/dq-dev/dq/lineage/openlineage"
)

// names know silver.people, with two columns, at file:/lake/people.
var names = openlineage.Names{
	Name: func(namespace, name string) string {
		if namespace == "file" && name == "/lake/people" {
			return "silver.people"
		}
		return namespace + ":" + name
	},
	Columns: func(name string) []string {
		if name == "silver.people" {
			return []string{"city", "mail"}
		}
		return nil
	},
}

// told writes what was made, a source a line.
func told(made []openlineage.Made) string {
	var b strings.Builder
	for _, m := range made {
		fmt.Fprintf(&b, "%s %s\n", m.Table, m.Statement.Status)
		for _, c := range m.Statement.Columns {
			fmt.Fprintf(&b, "%s:", c.Name)
			for _, s := range c.Sources {
				fmt.Fprintf(&b, " %s.%s %s %s", s.Table, s.Column, s.Type, s.Subtype)
				if s.Masking {
					b.WriteString(" masked")
				}
			}
			b.WriteString("\n")
		}
		for _, s := range m.Statement.Dataset {
			fmt.Fprintf(&b, "rows: %s.%s %s\n", s.Table, s.Column, s.Subtype)
		}
	}
	return b.String()
}

// event is one of a job that reads the known table and writes t, with facets of t.
func event(run, at, kind, facets string) string {
	return fmt.Sprintf(`{"eventTime":"2026-11-01T%s:00Z","eventType":%q,"run":{"runId":%q},"job":{"namespace":"n","name":"j"},"inputs":[{"namespace":"file","name":"/lake/people"}],"outputs":[{"namespace":"file","name":"/t","facets":{%s}}]}`+"\n", at, kind, run, facets)
}

// from is a columnLineage facet of one column x, made of mail.
func from(transformations string) string {
	return fmt.Sprintf(`"columnLineage":{"fields":{"x":{"inputFields":[{"namespace":"file","name":"/lake/people","field":"mail"%s}]}}}`, transformations)
}

func TestEventsOfJobsOutside(t *testing.T) {
	const x, rows = "file:/t exact\nx: silver.people.mail DIRECT ", "rows: silver.people. FILTER\n"
	for name, c := range map[string]struct{ events, want string }{
		"nothing":          {"\n", ""},
		"a job event":      {`{"job":{"name":"j"}}` + "\n", ""},
		"a transformation": {event("1", "01:00", "COMPLETE", from(`,"transformations":[{"type":"DIRECT","subtype":"TRANSFORMATION"}]`)), x + "TRANSFORMATION\n" + rows},
		"the strongest of several, masked only if all mask": {event("1", "01:00", "COMPLETE", from(`,"transformations":[{"type":"DIRECT","subtype":"AGGREGATION","masking":true},{"type":"DIRECT","subtype":"IDENTITY","masking":false}]`)), x + "AGGREGATION\n" + rows},
		"a mask":              {event("1", "01:00", "COMPLETE", from(`,"transformations":[{"type":"DIRECT","subtype":"TRANSFORMATION","masking":true}]`)), x + "TRANSFORMATION masked\n" + rows},
		"no subtype":          {event("1", "01:00", "COMPLETE", from(`,"transformations":[{"type":"DIRECT"}]`)), x + "TRANSFORMATION\n" + rows},
		"words of the future": {event("1", "01:00", "COMPLETE", from(`,"transformations":[{"type":"ENTANGLED","subtype":"QUANTUM"}]`)), "file:/t exact\nx:\nrows: silver.people. FILTER\nrows: silver.people.mail QUANTUM\n"},
		"no words":            {event("1", "01:00", "COMPLETE", from(`,"transformations":[{}]`)), x + "TRANSFORMATION\n" + rows},
		"an old facet":        {event("1", "01:00", "COMPLETE", from("")), x + "TRANSFORMATION\n" + rows},
		"what decides rows, told of a column": {event("1", "01:00", "COMPLETE", from(`,"transformations":[{"type":"INDIRECT","subtype":"JOIN"},{"type":"INDIRECT","subtype":"WINDOW"}]`)),
			"file:/t exact\nx: silver.people.mail INDIRECT WINDOW\nrows: silver.people. FILTER\nrows: silver.people.mail JOIN\n"},
		"of the dataset": {event("1", "01:00", "COMPLETE", `"columnLineage":{"fields":{"x":{"inputFields":[]}},"dataset":[{"namespace":"file","name":"/lake/people","field":"city","transformations":[{"type":"INDIRECT","subtype":"FILTER"}]}]}`),
			"file:/t exact\nx:\nrows: silver.people. FILTER\nrows: silver.people.city FILTER\n"},
		"which columns is not said": {event("1", "01:00", "COMPLETE", `"schema":{"fields":[{"name":"x"}]}`),
			"file:/t conservative\nx: silver.people.city DIRECT TRANSFORMATION silver.people.mail DIRECT TRANSFORMATION\nrows: silver.people.city FILTER\nrows: silver.people.mail FILTER\n"},
		"START tells what COMPLETE does not":  {event("1", "01:00", "START", from("")) + event("1", "01:01", "COMPLETE", `"schema":{"fields":[{"name":"x"},{"name":"y"}]}`), x + "TRANSFORMATION\ny:\n" + rows},
		"the newest run counts, in any order": {event("2", "02:00", "COMPLETE", from(`,"transformations":[{"type":"DIRECT","subtype":"IDENTITY"}]`)) + event("1", "01:00", "COMPLETE", from("")), x + "IDENTITY\n" + rows},
		"not one that failed":                 {event("1", "01:00", "COMPLETE", from("")) + event("2", "02:00", "START", from(`,"transformations":[{"type":"DIRECT","subtype":"IDENTITY"}]`)) + event("2", "02:01", "FAIL", ""), x + "TRANSFORMATION\n" + rows},
		"one that goes on does":               {event("1", "01:00", "COMPLETE", from("")) + event("2", "02:00", "RUNNING", from(`,"transformations":[{"type":"DIRECT","subtype":"IDENTITY"}]`)), x + "IDENTITY\n" + rows},
		"a last line without end":             {event("1", "01:00", "COMPLETE", from("")) + `{"eventTime":"20`, x + "TRANSFORMATION\n" + rows},
		"a table of a catalog":                {strings.ReplaceAll(event("1", "01:00", "COMPLETE", from("")), `"namespace":"file","name":"/lake/people"`, `"namespace":"hive","name":"db.people","facets":{"symlinks":{"identifiers":[{"namespace":"file","name":"/lake/people","type":"LOCATION"}]}}`), x + "TRANSFORMATION\n" + rows},
	} {
		t.Run(name, func(t *testing.T) {
			made, err := read(c.events, names)
			if err != nil {
				t.Fatal(err)
			}
			if got := told(made); got != c.want {
				t.Errorf("got\n%swant\n%s", got, c.want)
			}
		})
	}
	for _, text := range []string{"[]\n", "{}", `{"a":1}`, "null", "{"} {
		if _, err := read(`{"job":{"namespace":"n","name":"j"}}`+"\n\n"+text+"\n", names); err == nil || !strings.Contains(err.Error(), "line 3 is no OpenLineage event") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func read(text string, names openlineage.Names) ([]openlineage.Made, error) {
	events := openlineage.NewEvents(names)
	if err := events.Read(strings.NewReader(text)); err != nil {
		return nil, err
	}
	return events.Made(), nil
}

// What dq tells of itself comes back as it was.
func TestEventsOfDQComeBack(t *testing.T) {
	var b strings.Builder
	r := run()
	r.Layers[1].Tables[0].Outcome = "published" // what was refused was not made
	for _, e := range openlineage.End(r, nil, openlineage.Context{}) {
		if err := json.NewEncoder(&b).Encode(e); err != nil {
			t.Fatal(err)
		}
	}
	made, err := read(b.String(), openlineage.Names{
		Name:    func(_, name string) string { return name },
		Columns: func(string) []string { return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(made, func(m openlineage.Made) bool { return m.Table == "silver/orders" })
	if want := "silver/orders exact\nid: /lake/bronze/orders.id DIRECT TRANSFORMATION\nrows: /lake/bronze/orders. FILTER\nrows: /lake/bronze/orders.day FILTER\n"; i < 0 || told(made[i:i+1]) != want {
		t.Errorf("%s", told(made))
	}
}

// Whatever a file holds, reading it ends with an error or with lineage in which each
// column is named once and no source twice.
func FuzzEvents(f *testing.F) {
	f.Add(event("1", "01:00", "COMPLETE", from(`,"transformations":[{"type":"DIRECT","subtype":"IDENTITY"}]`)))
	f.Add(event("1", "01:00", "START", `"schema":{"fields":[{"name":"x"},{"name":"x"}]}`) + event("1", "01:01", "FAIL", ""))
	f.Fuzz(func(t *testing.T, text string) {
		made, err := read(text, names)
		if err != nil {
			return
		}
		for _, m := range made {
			columns := map[string]bool{}
			for _, c := range m.Statement.Columns {
				if columns[c.Name] {
					t.Fatalf("%s names %q twice", m.Table, c.Name)
				}
				columns[c.Name] = true
				if len(slices.Compact(slices.Clone(c.Sources))) != len(c.Sources) {
					t.Fatalf("%s.%s: %+v", m.Table, c.Name, c.Sources)
				}
			}
		}
	})
}
