package reports

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/dq-dev/dq/record"
)

// sarifSchema is the schema that OASIS publishes with SARIF 2.1.0, errata 01.
func sarifSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	f, err := os.Open("testdata/sarif-schema-2.1.0.json")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	doc, err := jsonschema.UnmarshalJSON(f)
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("sarif.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("sarif.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// scanned are the runs that both formats are tried with: the ordinary one, those
// of which little is known, hostile text everywhere, and far too much.
func scanned(t *testing.T) map[string]*record.Run {
	hostile := fixture(t)
	poison(reflect.ValueOf(hostile), "<script>\x00\u202e%../a b:7:3\"")
	many := &record.Run{Verdict: record.Fail, Layers: []record.Layer{{Tables: []record.Table{{Name: "t", Check: &record.Check{}}}}}}
	for n := range 30_000 {
		c := many.Layers[0].Tables[0].Check
		c.Expectations = append(c.Expectations, record.Expectation{ID: fmt.Sprint("r", n), Kind: fmt.Sprint("k", n), Verdict: record.Fail, Position: fmt.Sprintf("/tmp/a b/s.yaml:%d:1", n)})
	}
	return map[string]*record.Run{"fixture": fixture(t), "hostile": hostile, "many": many, "nothing": {}, "broken": {Verdict: record.Error, Message: "no space left"}}
}

func TestSARIFIsValid(t *testing.T) {
	schema := sarifSchema(t)
	for name, run := range scanned(t) {
		out := draw(t, "sarif", run)
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(out))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := schema.Validate(doc); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var log sarifLog
		if err := json.Unmarshal(out, &log); err != nil {
			t.Fatal(err)
		}
		r := log.Runs[0]
		if len(r.Results) > sarifLimit {
			t.Errorf("%s: %d results are more than are kept", name, len(r.Results))
		}
		seen := map[string]bool{}
		for _, res := range r.Results {
			if mark := res.Prints["dq/v1"]; mark == "" || seen[mark] {
				t.Errorf("%s: the fingerprint of %s is not its own", name, res.Message.Text)
			}
			seen[res.Prints["dq/v1"]] = true
			if r.Tool.Driver.Rules[res.RuleIndex].ID != res.RuleID {
				t.Errorf("%s: %s has the rule of %s", name, res.RuleID, r.Tool.Driver.Rules[res.RuleIndex].ID)
			}
		}
		if run.Verdict == record.Error && r.Invocations[0].Successful {
			t.Errorf("%s: a run that broke off was successful", name)
		}
	}
}

// A waiver suppresses its finding, and fingerprints stay when a suite's lines move.
func TestSARIFWaiversAndMoves(t *testing.T) {
	run := fixture(t)
	before := draw(t, "sarif", run)
	if !strings.Contains(string(before), `"suppressions"`) {
		t.Error("the fixture's waiver suppresses nothing")
	}
	for l := range run.Layers {
		for i := range run.Layers[l].Tables {
			if c := run.Layers[l].Tables[i].Check; c != nil {
				for e := range c.Expectations {
					c.Expectations[e].Position = "elsewhere.yaml:999:9"
				}
			}
		}
	}
	marks := func(data []byte) (list []string) {
		var log sarifLog
		if err := json.Unmarshal(data, &log); err != nil {
			t.Fatal(err)
		}
		for _, r := range log.Runs[0].Results {
			list = append(list, r.Prints["dq/v1"])
		}
		return list
	}
	if after := draw(t, "sarif", run); !reflect.DeepEqual(marks(before), marks(after)) {
		t.Error("fingerprints follow lines")
	}
}

// GitLab takes an array whose entries have these five keys, a relative path, a
// severity of its own words and a fingerprint that no other has.
func TestGitLabIsValid(t *testing.T) {
	words := map[string]bool{"info": true, "minor": true, "major": true, "critical": true, "blocker": true}
	for name, run := range scanned(t) {
		var list []map[string]any
		if err := json.Unmarshal(draw(t, "gitlab", run), &list); err != nil || list == nil {
			t.Fatalf("%s: %v, %v", name, list, err)
		}
		if failed := run.Verdict == record.Fail || run.Verdict == record.Error; failed && len(list) == 0 {
			t.Errorf("%s: a run that failed is silent", name)
		}
		seen := map[any]bool{}
		for _, g := range list {
			l, _ := g["location"].(map[string]any)
			lines, _ := l["lines"].(map[string]any)
			path, _ := l["path"].(string)
			begin, _ := lines["begin"].(float64)
			severity, _ := g["severity"].(string)
			if len(g) != 5 || g["description"] == "" || g["check_name"] == "" || path == "" || begin < 1 || strings.HasPrefix(path, "./") || !words[severity] {
				t.Errorf("%s: %v", name, g)
			}
			if seen[g["fingerprint"]] {
				t.Errorf("%s: %v has the fingerprint of another", name, g)
			}
			seen[g["fingerprint"]] = true
		}
	}
}
