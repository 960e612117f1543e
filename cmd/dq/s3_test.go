package main

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/dq-dev/dq/delta/s3/s3test"
)

// inS3 starts an S3 server that loses answers, for processes that this test starts.
func inS3(t *testing.T) *s3test.Server {
	server := s3test.New("lake")
	t.Cleanup(server.Close)
	server.Fault = s3test.Random(11, 0.02)
	for _, e := range append(server.Environ(), "DQ_CACHE_DIR="+t.TempDir()) {
		name, value, _ := strings.Cut(e, "=")
		t.Setenv(name, value)
	}
	return server
}

// toS3 moves a project's warehouse into the bucket.
func toS3(t *testing.T, project string) {
	t.Helper()
	file := filepath.Join(project, "pipeline.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	moved := strings.Replace(string(text), "warehouse: ./warehouse", "warehouse: s3://lake/retail", 1)
	if moved == string(text) {
		t.Fatal("the project's warehouse is not where it was")
	}
	if err := os.WriteFile(file, []byte(moved), 0o644); err != nil {
		t.Fatal(err)
	}
}

// saved is a copy of the bucket's warehouse on disk.
func saved(t *testing.T, server *s3test.Server) string {
	t.Helper()
	dir := t.TempDir()
	if err := server.Save("lake", "retail/", dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestExampleInS3 holds the tables that the example makes in S3 against those on
// disk, with runs that are killed at many of their steps: also after files were
// uploaded and before a commit names them.
func TestExampleInS3(t *testing.T) {
	days := allDays(t)[:3]
	local := project(t, days...)
	mustRun(t, local)
	want := contents(t, warehouse(local))

	server := inS3(t)
	p := project(t, days[:2]...)
	toS3(t, p)
	mustRun(t, p)
	if err := addDays(p, days[2:]); err != nil {
		t.Fatal(err)
	}
	for _, step := range []string{"lease", "stage bronze.orders", "gate bronze", "prepared bronze", "audit silver.order_lines", "gate silver",
		"decided silver", "committed silver.order_lines", "stage gold.fact_sales", "prepared gold", "ledger gold.fact_sales"} {
		if stopAt(t, p, step) == "" {
			t.Errorf("the run ended before step %q", step)
		}
	}
	mustRun(t, p)
	copied := saved(t, server)
	sameContents(t, contents(t, copied), want)
	for _, dir := range tablesOf(t, copied) {
		for _, name := range unnamed(t, filepath.Join(copied, dir)) {
			t.Errorf("%s: %s is left, and no log names it", dir, name)
		}
	}
	if _, err := os.Stat(filepath.Join(copied, "_dq", "decisions.ndjson")); err != nil {
		t.Error(err)
	}
	if entries, err := os.ReadDir(filepath.Join(os.Getenv("DQ_CACHE_DIR"), "views")); err != nil || len(entries) != 0 {
		t.Errorf("the cache holds views of processes that are gone: %v, %v", entries, err)
	}
}

// unnamed lists a table's data files that its log never named.
func unnamed(t *testing.T, root string) []string {
	t.Helper()
	named := map[string]bool{}
	logs, err := filepath.Glob(filepath.Join(root, "_delta_log", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range logs {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(f)
		lines.Buffer(nil, 1<<24)
		for lines.Scan() {
			var a struct{ Add *struct{ Path string } }
			if json.Unmarshal(lines.Bytes(), &a) == nil && a.Add != nil {
				named[a.Add.Path] = true
			}
		}
		f.Close()
	}
	var out []string
	err = filepath.Walk(root, func(path string, fi os.FileInfo, err error) error {
		rel, _ := filepath.Rel(root, path)
		if err == nil && strings.HasSuffix(rel, ".parquet") && !strings.HasPrefix(rel, "_") && !named[filepath.ToSlash(rel)] {
			out = append(out, rel)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// s3 BUCKET starts an S3 server with that bucket, for the rest of a script.
func startS3(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: s3 BUCKET")
	}
	server := s3test.New(args[0])
	ts.Defer(server.Close)
	for _, e := range append(server.Environ(), "DQ_CACHE_DIR="+ts.MkAbs("cache")) {
		name, value, _ := strings.Cut(e, "=")
		ts.Setenv(name, value)
	}
}
