package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/dq-dev/dq/lineage/openlineage"
	"github.com/dq-dev/dq/lineage/openlineage/spectest"
)

// told makes a project whose runs are told to a file or URL.
func told(t *testing.T, to string) (project string) {
	t.Helper()
	project = t.TempDir()
	file := manyModels(t, project, 3)
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(f, "lineage: {openlineage: %q}\n", to); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return project
}

func eventsOf(t *testing.T, project string) []openlineage.Event {
	t.Helper()
	f, err := os.Open(filepath.Join(project, "lineage.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	var out []openlineage.Event
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var e openlineage.Event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatal(err)
		}
		out = append(out, e)
	}
	return out
}

// endsOf validates events, and gives the ends of the runs of the pipeline.
func endsOf(t *testing.T, events []openlineage.Event) []string {
	t.Helper()
	spectest.Validate(t, events)
	return spectest.Paired(t, events, "bench")
}

// Wherever a run is killed, the next one closes what it began.
func TestOpenLineageAfterCrashes(t *testing.T) {
	for _, stop := range []string{"bound", "lease", "begin", "stage silver.m1", "audit silver", "decided bronze", "committed silver", "done"} {
		t.Run(stop, func(t *testing.T) {
			t.Parallel()
			project := told(t, "lineage.ndjson")
			if at := stopAt(t, project, stop); at == "" {
				t.Fatalf("no step begins with %q", stop)
			}
			if out, code := dq(t, project, "run"); code != 0 {
				t.Fatalf("exit code %d:\n%s", code, out)
			}
			if out, code := dq(t, project, "run"); code != 0 {
				t.Fatalf("exit code %d:\n%s", code, out)
			}
			want := "[ABORT COMPLETE COMPLETE]"
			if stop == "bound" || stop == "lease" {
				want = "[COMPLETE COMPLETE]" // it had not begun
			}
			if got := fmt.Sprint(endsOf(t, eventsOf(t, project))); got != want {
				t.Errorf("%s, want %s", got, want)
			}
			if left, _ := filepath.Glob(filepath.Join(project, "warehouse/_dq/begun/*")); len(left) > 0 {
				t.Errorf("%v are left", left)
			}
			toldVersions(t, project)
			records, _ := filepath.Glob(filepath.Join(project, "warehouse/_dq/runs/*"))
			kept, recovered := 3, false
			if stop == "bound" || stop == "lease" || stop == "begin" {
				kept = 2 // nothing was decided
			}
			for _, name := range records {
				text, err := os.ReadFile(name)
				if err != nil {
					t.Fatal(err)
				}
				recovered = recovered || strings.Contains(string(text), `"outcome": "recovered"`)
			}
			if len(records) != kept || recovered != (kept == 3) {
				t.Errorf("%d run records, want %d; recovered %t", len(records), kept, recovered)
			}
		})
	}
}

// toldVersions holds that each version of each table is told by the end of the job that
// wrote it, with its schema and numbers, and by that of its audit.
func toldVersions(t *testing.T, project string) {
	t.Helper()
	said := map[string]bool{}
	for _, e := range eventsOf(t, project) {
		if e.EventType != "COMPLETE" {
			continue
		}
		text, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		var told struct {
			Outputs []struct {
				Facets struct {
					Schema  *struct{}
					Version struct{ DatasetVersion string }
				}
				OutputFacets struct{ OutputStatistics *struct{} }
			}
			Inputs []struct {
				Facets struct {
					Version struct{ DatasetVersion string }
				}
				InputFacets struct{ DataQualityAssertions *struct{} }
			}
		}
		if err := json.Unmarshal(text, &told); err != nil {
			t.Fatal(err)
		}
		for _, d := range told.Outputs {
			if d.Facets.Schema != nil && d.OutputFacets.OutputStatistics != nil {
				said[e.Job.Name+"@"+d.Facets.Version.DatasetVersion] = true
			}
		}
		for _, d := range told.Inputs {
			if d.InputFacets.DataQualityAssertions != nil {
				said[e.Job.Name+"@"+d.Facets.Version.DatasetVersion] = true
			}
		}
	}
	commits, _ := filepath.Glob(filepath.Join(project, "warehouse/[bs]*/*/_delta_log/*.json"))
	if len(commits) == 0 {
		t.Error("nothing was published")
	}
	for _, c := range commits {
		log, name := filepath.Split(c)
		folder := filepath.Dir(filepath.Clean(log))
		job := "bench." + filepath.Base(filepath.Dir(folder)) + "." + filepath.Base(folder)
		version := strings.TrimLeft(strings.TrimSuffix(name, ".json"), "0")
		if version == "" {
			version = "0"
		}
		for _, job := range []string{job, job + ".audit"} {
			if !said[job+"@"+version] {
				t.Errorf("no event tells of %s@%s", job, version)
			}
		}
	}
}

// A table whose model fails while it runs ends in FAIL, with the pipeline.
func TestOpenLineageFails(t *testing.T) {
	project := told(t, "lineage.ndjson")
	name := filepath.Join(project, "models/silver/m1.sql")
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte("SELECT * FROM ("+string(text)+") AS m WHERE CAST('x' || CAST(random() AS VARCHAR) AS INTEGER) = 1"), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, code := dq(t, project, "run"); code != 3 {
		t.Fatalf("exit code %d:\n%s", code, out)
	}
	events := eventsOf(t, project)
	if got := fmt.Sprint(endsOf(t, events)); got != "[FAIL]" {
		t.Error(got)
	}
	if got := fmt.Sprint(spectest.Paired(t, events, "bench.silver.m1")); got != "[FAIL]" {
		t.Errorf("silver.m1 ends in %s", got)
	}
}

// A refused batch is FAIL, for the pipeline and the table; a model that is not
// understood is no run.
func TestOpenLineageRefused(t *testing.T) {
	project := told(t, "lineage.ndjson")
	if err := os.WriteFile(filepath.Join(project, "data/2.csv"), []byte("c0,c1,c2,c3,c4,c5,c6,c7,c8,c9\n,1,,,,,,,,\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, code := dq(t, project, "run"); code != 1 {
		t.Fatalf("exit code %d:\n%s", code, out)
	}
	events := eventsOf(t, project)
	if got := fmt.Sprint(endsOf(t, events)); got != "[FAIL]" {
		t.Error(got)
	}
	failed := false
	for _, e := range events {
		if e.Job.Name == "bench.silver.m0.audit" && e.EventType == "FAIL" {
			text, _ := json.Marshal(e.Inputs)
			failed = strings.Contains(string(text), `"assertion":"not_null"`) && strings.Contains(string(text), `"success":false`)
		}
	}
	if !failed {
		t.Error("no audit of silver.m0 failed with its assertion")
	}
	if err := os.WriteFile(filepath.Join(project, "models/silver/m0.sql"), []byte("SELECT x FROM nowhere"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, code := dq(t, project, "run"); code != 2 {
		t.Errorf("exit code %d", code)
	}
	if again := eventsOf(t, project); len(again) != len(events) {
		t.Errorf("%d events became %d", len(events), len(again))
	}
}

// An endpoint that does not answer is a warning, and gets the events later.
func TestOpenLineageHTTP(t *testing.T) {
	var mu sync.Mutex
	var got []openlineage.Event
	down := true
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		var e openlineage.Event
		if err := json.NewDecoder(r.Body).Decode(&e); err != nil {
			t.Error(err)
		}
		if down {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		got = append(got, e)
	}))
	defer server.Close()
	project := told(t, server.URL+"/api/v1/lineage")
	run := func() string {
		cmd := exec.Command("dq", "run")
		cmd.Dir = project
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v:\n%s", err, out)
		}
		return string(out)
	}
	if out := run(); !strings.Contains(out, "warning: openlineage: "+server.URL+"/api/v1/lineage answers 502") {
		t.Errorf("no warning:\n%s", out)
	}
	mu.Lock()
	down = false
	mu.Unlock()
	run()
	if ends := fmt.Sprint(endsOf(t, got)); ends != "[COMPLETE COMPLETE]" {
		t.Error(ends)
	}
}

// Where lineage is strict, events that are not delivered fail the run; its tables
// are published, and the next run sends the events again.
func TestOpenLineageStrict(t *testing.T) {
	down := true
	var got []openlineage.Event
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var e openlineage.Event
		if err := json.NewDecoder(r.Body).Decode(&e); err != nil {
			t.Error(err)
		}
		if down {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		got = append(got, e)
	}))
	project := told(t, server.URL)
	file := filepath.Join(project, "pipeline.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(text), "{openlineage:", "{strict: true, openlineage:", 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, code := dq(t, project, "run"); code != 3 || !strings.Contains(out, "its events were not delivered, and lineage is strict") || !strings.Contains(out, "answers 401") {
		t.Errorf("exit code %d:\n%s", code, out)
	}
	down = false
	if out, code := dq(t, project, "run"); code != 0 {
		t.Errorf("exit code %d:\n%s", code, out)
	}
	server.Close()
	if ends := fmt.Sprint(endsOf(t, got)); ends != "[COMPLETE COMPLETE]" {
		t.Error(ends)
	}
}

// The console is standard error: standard output is the run's.
func TestOpenLineageConsole(t *testing.T) {
	cmd := exec.Command("dq", "run", "--format", "json")
	cmd.Dir = told(t, "console")
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v:\n%s", err, stderr.String())
	}
	if !json.Valid([]byte(stdout.String())) || strings.Count(stderr.String(), `"eventType":"START"`) < 2 {
		t.Errorf("%s\n%s", stdout.String(), stderr.String())
	}
}
