package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/dq-dev/dq/table"
)

// sampleRun is a run with something in each part of the record.
func sampleRun() *Run {
	version, mean := int64(3), 1.25
	return &Run{
		Format: RunFormat, ID: "20110101T080000Z-1a2b", Command: "run", Pipeline: "retail", Verdict: Fail, Outcome: "refused", Message: "a < b & c",
		StartedAt: time.Date(2011, 1, 1, 8, 0, 0, 123_456_789, time.UTC), DurationMS: 12,
		Layers: []Layer{{Name: "silver", Verdict: Fail, Outcome: "refused", Tables: []Table{{
			Name: "silver.orders", Outcome: "refused", VersionBefore: &version, Inputs: map[string]int64{"bronze.orders": 4},
			Counts: Counts{Returned: 1<<53 + 1, Published: 1<<53 + 1},
			Schema: table.Schema{Fields: []table.Field{{Name: "id", Type: table.Type{Kind: table.Int64}}}},
			Check: &Check{Format: CheckFormat, Verdict: Fail, Expectations: []Expectation{{
				ID: "id.gt", Scope: "row", Columns: []string{"id"}, CEL: "id > 0 && id < 9", Verdict: Fail, Rows: 2, Evaluated: 2, Failed: 1, FailedFraction: 0.5,
				Threshold: map[string]any{"mostly": json.Number("1")}, Observed: map[string]any{"sum(id)": json.Number("9223372036854775807")},
				Groups: []map[string]any{}, Sample: []map[string]any{{"id": json.Number("9007199254740993"), "name": nil}},
			}}, Findings: []Finding{{Rule: "source.parse", Severity: "error", Rows: 1}}},
			Decisions: []Decision{{ID: "d", Policy: "DQ-S001", Effect: "waived", Waiver: &Waiver{ID: "w", ApprovedBy: []string{"m"}}}},
			Profile:   &Profile{Rows: 2, Columns: []ColumnProfile{{Name: "id", Type: "int64", Rows: 2, Min: json.Number("9007199254740993"), Mean: &mean}}},
		}}}},
		Lineage: &Graph{Tables: []GraphTable{{Name: "silver.orders", Columns: []string{"id"}}}, Edges: []Edge{{FromTable: "bronze.orders", ToTable: "silver.orders", Type: "INDIRECT", Subtype: "FILTER"}}},
	}
}

// A record survives being written and read, integers that no double holds too.
func TestRoundTrip(t *testing.T) {
	run := sampleRun()
	var b bytes.Buffer
	if err := run.Write(&b); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"id > 0 && id < 9", "a < b & c", "9223372036854775807", "9007199254740993"} {
		if !strings.Contains(b.String(), text) {
			t.Errorf("%s does not stand in the document as it is", text)
		}
	}
	again, err := Read(bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(run, again) {
		t.Errorf("read back:\n%+v\nwritten:\n%+v", again, run)
	}
	if n, ok := again.Layers[0].Tables[0].Check.Expectations[0].Sample[0]["id"].(json.Number); !ok || n != "9007199254740993" {
		t.Errorf("an integer of a sample is read as %v", n)
	}
}

// Integers of the engine's own types are written as they are.
func TestWriteIntegers(t *testing.T) {
	run := sampleRun()
	run.Layers[0].Tables[0].Check.Expectations[0].Sample[0]["id"] = int64(1<<53 + 1)
	var b bytes.Buffer
	if err := run.Write(&b); err != nil {
		t.Fatal(err)
	}
	again, err := Read(&b)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(sampleRun(), again) {
		t.Error("int64 and json.Number give different documents")
	}
}

// The keys that scripts read are there in the emptiest check, and are never null
// but for the version of what has none.
func TestKeysOfACheck(t *testing.T) {
	data, err := json.Marshal(Check{Format: CheckFormat, Expectations: []Expectation{{}}})
	if err != nil {
		t.Fatal(err)
	}
	var check struct {
		Dataset      map[string]any
		Expectations []map[string]any
	}
	if err := json.Unmarshal(data, &check); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"id": "", "kind": "", "scope": "", "columns": []any{}, "cel": "", "where": "", "severity": "", "dimension": "", "on_fail": "", "verdict": "",
		"rows": 0.0, "evaluated": 0.0, "failed": 0.0, "errored": 0.0, "failed_fraction": 0.0,
		"threshold": map[string]any{}, "observed": map[string]any{}, "groups": []any{}, "reason": "",
		"sample": []any{}, "message": "", "position": "", "decided_by": "",
	}
	if !reflect.DeepEqual(check.Expectations[0], want) {
		t.Errorf("got %v", check.Expectations[0])
	}
	if v, ok := check.Dataset["version"]; !ok || v != nil {
		t.Errorf("version is %v, %v", v, ok)
	}
	var top map[string]any
	if err := json.Unmarshal(data, &top); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"format", "dataset", "suite", "verdict", "expectations", "engine", "tool", "started_at", "duration_ms"} {
		if _, ok := top[key]; !ok {
			t.Errorf("no key %s", key)
		}
	}
	// A check without expectations has an empty list, not null.
	if data, err = json.Marshal(Check{}); err != nil || !strings.Contains(string(data), `"expectations":[]`) {
		t.Errorf("%s, %v", data, err)
	}
}

// Writing does not change the record.
func TestWriteLeavesTheRecord(t *testing.T) {
	run := &Run{Format: RunFormat, Layers: []Layer{{Tables: []Table{{Check: &Check{Expectations: []Expectation{{}}}}}}}}
	if err := run.Write(&bytes.Buffer{}); err != nil {
		t.Fatal(err)
	}
	if e := run.Layers[0].Tables[0].Check.Expectations[0]; e.Columns != nil || e.Observed != nil || e.Sample != nil {
		t.Errorf("%+v", e)
	}
}

// Records of writers that left empty keys out, or that know more, are read.
func TestReadOlderAndNewer(t *testing.T) {
	run, err := Read(strings.NewReader(`{"format": "dq.run/v1", "id": "1", "weather": "fine", "layers": [{"tables": [{"check": {"expectations": [
		{"id": "a", "scope": "table", "cel": "rows() > 0", "severity": "error", "on_fail": "block", "verdict": "pass", "mood": 1}]}}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if e := run.Layers[0].Tables[0].Check.Expectations[0]; e.ID != "a" || e.Verdict != Pass || e.Where != "" || e.Groups != nil {
		t.Errorf("%+v", e)
	}
}

func TestReadRefuses(t *testing.T) {
	for in, want := range map[string]string{
		"":                          "run record: EOF",
		"not json":                  "run record: invalid character",
		"null":                      `run record: format "" is not dq.run/v1`,
		"[]":                        "run record: json: cannot unmarshal array",
		`{"layers": []}`:            `run record: format "" is not dq.run/v1`,
		`{"format": "dq.run/v2"}`:   `run record: format "dq.run/v2" is not dq.run/v1`,
		`{"format": "dq.check/v1"}`: `run record: format "dq.check/v1" is not dq.run/v1`,
		`{"format": "dq.run/v1"`:    "run record: unexpected EOF",
		`{"format": "dq.run/v1", "duration_ms": "1"}`: "run record: json: cannot unmarshal string",
	} {
		if run, err := Read(strings.NewReader(in)); err == nil || !strings.Contains(err.Error(), want) || run != nil {
			t.Errorf("%s: %v, want %s", in, err, want)
		}
	}
}

type broken struct{}

var errBroken = errors.New("the disk is full")

func (broken) Write([]byte) (int, error) { return 0, errBroken }

func TestWriteFails(t *testing.T) {
	if err := sampleRun().Write(broken{}); !errors.Is(err, errBroken) {
		t.Errorf("%v", err)
	}
	run := sampleRun()
	run.Layers[0].Tables[0].Check.Expectations[0].Observed["x"] = func() {}
	var unsupported *json.UnsupportedTypeError
	if err := run.Write(&bytes.Buffer{}); !errors.As(err, &unsupported) {
		t.Errorf("%v", err)
	}
}

func TestWorst(t *testing.T) {
	order := []Verdict{Pass, Vacuous, Warn, Fail, Error}
	for i, a := range order {
		for j, b := range order {
			if got, want := Worst(a, b), order[max(i, j)]; got != want {
				t.Errorf("Worst(%s, %s) = %s, want %s", a, b, got, want)
			}
		}
		// What was not judged never counts.
		for _, none := range []Verdict{"", Skipped} {
			if Worst(a, none) != a || Worst(none, a) != a {
				t.Errorf("%q outweighs %s", none, a)
			}
		}
	}
	// Of equals the first stays, so that a skipped whole is not taken for none.
	if Worst(Skipped, "") != Skipped || Worst("", Skipped) != "" {
		t.Error("of equals the first does not stay")
	}
}

func FuzzRead(f *testing.F) {
	var b bytes.Buffer
	if err := sampleRun().Write(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte(`{"format":"dq.run/v1","layers":[{"tables":[{"check":{"expectations":[{"observed":{"a":1e999}}]}}]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		run, err := Read(bytes.NewReader(data))
		if err != nil {
			return
		}
		var first, second bytes.Buffer
		if err := run.Write(&first); err != nil {
			t.Fatal(err)
		}
		again, err := Read(bytes.NewReader(first.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		if err := again.Write(&second); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(first.Bytes(), second.Bytes()) {
			t.Error("a record changes by being written and read")
		}
	})
}
