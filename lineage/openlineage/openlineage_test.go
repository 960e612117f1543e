package openlineage_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dq-dev/dq/lineage/openlineage"
	"github.com/dq-dev/dq/lineage/openlineage/spectest"
	"github.com/dq-dev/dq/record"
	"github.com/dq-dev/dq/table"
)

func run() *record.Run {
	v, nested := int64(3), table.Type{Kind: table.Struct, Fields: []table.Field{{Name: "lat", Type: table.Type{Kind: table.Double}}}}
	return &record.Run{ID: "20260101T000000000Z-abcdef", Pipeline: "shop", Tool: record.Tool{Version: "1"}, Engine: record.EngineInfo{Name: "duckdb"}, StartedAt: time.Date(2026, 1, 1, 0, 0, 0, 5000, time.UTC),
		DurationMS: 1200, Outcome: "refused", Message: "silver is refused",
		Lineage: &record.Graph{Edges: []record.Edge{
			{FromTable: "bronze.orders", FromColumn: "id", ToTable: "silver.orders", ToColumn: "id", Type: "DIRECT", Subtype: "TRANSFORMATION"},
			{FromTable: "bronze.orders", FromColumn: "day", ToTable: "silver.orders", Type: "INDIRECT", Subtype: "FILTER"},
			{FromTable: "bronze.orders", ToTable: "silver.orders", Type: "INDIRECT", Subtype: "FILTER"}}},
		Layers: []record.Layer{
			{Name: "bronze", Tables: []record.Table{{Name: "bronze.orders", Location: "/lake/bronze/orders", Outcome: "published", Version: &v, Owner: "sales",
				Schema: table.Schema{Fields: []table.Field{{Name: "id", Type: table.Type{Kind: table.String}, Meta: map[string]any{"comment": "its number", "dq.tags": "pii.id,key"}}, {Name: "at", Type: nested}}}}}},
			{Name: "silver", Tables: []record.Table{
				{Name: "silver.orders", Location: "s3://lake/silver/orders", Outcome: "refused", Message: "id.unique failed", Inputs: map[string]int64{"bronze.orders": 3},
					Quarantine: &record.Quarantine{Table: "/lake/quarantine/silver/orders", Rows: 2}, Counts: record.Counts{Total: 9},
					Profile: &record.Profile{Columns: []record.ColumnProfile{{Name: "id", Rows: 9, Nulls: 1, Min: json.Number("1"), Max: "9.5"}}},
					Check: &record.Check{Expectations: []record.Expectation{
						{ID: "id.unique", Kind: "unique", Scope: "row", Columns: []string{"id"}, Severity: "error", Verdict: record.Fail, Evaluated: 9, Failed: 2, Threshold: map[string]any{"mostly": 1}, Description: "One line each."},
						{ID: "volume", Kind: "table", Scope: "table", CEL: "rows() > 3", Severity: "warn", Verdict: record.Pass}}}},
				{Name: "silver.idle", Outcome: "not_run"}}}}}
}

func TestEvents(t *testing.T) {
	t.Setenv("OPENLINEAGE_PARENT_ID", "airflow/daily.shop/3f1c4b6e-0000-4000-8000-000000000001")
	t.Setenv("AIRFLOW_CTX_EXECUTION_DATE", "2026-09-30T08:00:00+02:00")
	env := openlineage.FromEnvironment()
	ctx := openlineage.Context{Parent: env.Parent, Nominal: env.Nominal, Source: map[string]string{"bronze.orders": "/in/*.csv"},
		SQL: map[string]string{"silver.orders": "SELECT id FROM bronze.orders"}, Warehouse: "s3://lake/w"}
	events := append([]openlineage.Event{openlineage.Start(run(), ctx)}, openlineage.End(run(), nil, ctx)...)
	spectest.Validate(t, events)
	spectest.Paired(t, events, "shop")
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	for _, e := range events {
		if err := enc.Encode(e); err != nil {
			t.Fatal(err)
		}
	}
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile("testdata/events.json", []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/events.json")
	if err != nil || string(want) != b.String() {
		t.Errorf("%v: events are not those of testdata/events.json (UPDATE=1 go test writes them):\n%s", err, b.String())
	}
}

// What a job reads and makes can be told without a run.
func TestJobs(t *testing.T) {
	r := run()
	r.Lineage.Tables = []record.GraphTable{{Name: "bronze.orders", Columns: []string{"id", "day"}}, {Name: "silver.orders", Columns: []string{"id"}}}
	jobs := openlineage.Jobs(r, time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC), map[string]string{"bronze.orders": "/lake/bronze/orders", "silver.orders": "s3://lake/silver/orders"}, openlineage.Context{})
	spectest.ValidateJobs(t, jobs)
	if len(jobs) != 1 || jobs[0].Job.Name != "shop.silver.orders" || jobs[0].Inputs[0].Name != "/lake/bronze/orders" || jobs[0].Outputs[0].Namespace != "s3://lake" {
		t.Fatalf("%+v", jobs)
	}
	text, err := json.Marshal(jobs[0].Outputs[0].Facets["columnLineage"])
	if err != nil || !strings.Contains(string(text), `"dataset":[{"field":"day"`) || !strings.Contains(string(text), `"subtype":"TRANSFORMATION"`) {
		t.Errorf("%v, %s", err, text)
	}
}

// However a run ends, its START has an end, and one only.
func TestEnds(t *testing.T) {
	killed := []openlineage.Event{openlineage.Start(run(), openlineage.Context{}), openlineage.Abort(run(), time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC), openlineage.Context{})}
	broken := append([]openlineage.Event{openlineage.Start(run(), openlineage.Context{})}, openlineage.End(run(), errors.New("disk full"), openlineage.Context{})...)
	fine := run()
	fine.Outcome = "published"
	done := append([]openlineage.Event{openlineage.Start(fine, openlineage.Context{})}, openlineage.End(fine, nil, openlineage.Context{})...)
	for want, events := range map[string][]openlineage.Event{"ABORT": killed, "FAIL": broken, "COMPLETE": done} {
		spectest.Validate(t, events)
		spectest.Paired(t, events, "shop")
		if got := events[len(events)-1].EventType; got != want {
			t.Errorf("the end is %s, want %s", got, want)
		}
	}
}

func TestSinkFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a", "lineage.ndjson")
	for range 2 {
		// A line that a killed process did not finish goes: the next would be lost with it.
		if old, err := os.ReadFile(file); err == nil {
			if err := os.WriteFile(file, append(old, strings.Repeat("{", 100_000)...), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if err := openlineage.Sink(file).Send(context.Background(), []openlineage.Event{openlineage.Start(run(), openlineage.Context{}), openlineage.Abort(run(), time.Now(), openlineage.Context{})}); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(file)
	if lines := strings.Count(string(data), "\n"); err != nil || lines != 4 {
		t.Errorf("%d lines, %v", lines, err)
	}
	for line := range strings.Lines(string(data)) {
		if !json.Valid([]byte(line)) {
			t.Errorf("no event: %.200s", line)
		}
	}
	if err := openlineage.Sink(t.TempDir()).Send(context.Background(), nil); err == nil {
		t.Error("a folder took events")
	}
}

func TestSinkHTTP(t *testing.T) {
	t.Setenv("OPENLINEAGE_API_KEY", "s3cr3t")
	var got []openlineage.Event
	fails := 2
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if fails > 0 {
			fails--
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		var e openlineage.Event
		if err := json.NewDecoder(r.Body).Decode(&e); err != nil || r.Header.Get("Authorization") != "Bearer s3cr3t" || r.URL.Path != "/api/v1/lineage" {
			t.Errorf("%v %v %s", err, r.Header, r.URL)
		}
		got = append(got, e)
		w.WriteHeader(http.StatusCreated)
	}))
	defer server.Close()
	sink := openlineage.Sink(server.URL + "/api/v1/lineage")
	if err := sink.Send(context.Background(), []openlineage.Event{openlineage.Start(run(), openlineage.Context{}), openlineage.Abort(run(), time.Now(), openlineage.Context{})}); err != nil || len(got) != 2 || got[1].EventType != "ABORT" {
		t.Errorf("%v, %+v", err, got)
	}
	fails = 3
	err := sink.Send(context.Background(), []openlineage.Event{openlineage.Start(run(), openlineage.Context{})})
	if err == nil || !strings.Contains(err.Error(), "503") || strings.Contains(err.Error(), "s3cr3t") {
		t.Errorf("%v", err)
	}
	// What is refused is not sent again; what is too much or comes too early is.
	for code, want := range map[int]int{400: 1, 401: 1, 404: 1, 422: 1, 408: 3, 429: 3, 500: 3} {
		tries := 0
		refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			tries++
			w.WriteHeader(code)
		}))
		err := openlineage.Sink(refusing.URL).Send(context.Background(), []openlineage.Event{openlineage.Start(run(), openlineage.Context{})})
		refusing.Close()
		if err == nil || tries != want || errors.Is(err, openlineage.ErrRefused) != (want == 1) {
			t.Errorf("%d: %d tries, %v", code, tries, err)
		}
	}
	if err := openlineage.Sink("http://user:pass@127.0.0.1:1/x").Send(context.Background(), []openlineage.Event{{}}); err == nil || strings.Contains(err.Error(), "pass") {
		t.Errorf("%v", err)
	}
}
