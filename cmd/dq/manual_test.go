package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// TestManualChecks runs the suite of what is no kind in docs/kinds.md: each rule passes on
// data that are right, and finds what is wrong with others.
func TestManualChecks(t *testing.T) {
	page, err := os.ReadFile("../../docs/kinds.md")
	if err != nil {
		t.Fatal(err)
	}
	suite := regexp.MustCompile("(?s)```yaml\n(version: 1\n.*?)```").FindSubmatch(page)
	if suite == nil {
		t.Fatal("the page shows no suite")
	}
	dir := t.TempDir()
	for name, text := range map[string]string{
		"suite.yaml":    string(suite[1]),
		"lines.csv":     "line,amount\n1,10\n2,10\n3,20\n4,60\n",
		"copy.csv":      "order_id,total\n1,20\n2,20\n3,60\n",
		"customers.csv": "customer_id,since\n1,2026-01-01 00:00:00\n2,2026-01-01 00:00:00\n",
		"good.csv":      "order_id,customer_id,status,total,ordered_at\n1,1,new,20,2026-02-01 00:59:00\n2,2,paid,20,2026-02-01 01:00:00\n3,2,shipped,60,2026-02-01 02:00:00\n",
		"bad.csv":       "order_id,customer_id,status,total,ordered_at\n1,1,new,20,2025-02-01 00:59:00\n",
		"wrong.csv":     "order_id,customer_id,status,total,ordered_at\n1,1,new,20,2026-02-01 00:59:00\n2,2,lost,21,2026-02-01 01:00:00\n3,3,paid,60,2026-02-01 03:00:00\n4,3,paid,60,2025-02-01 03:00:00\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	verdicts := func(file string) map[string]string {
		cmd := exec.Command("dq", "check", file, "--suite", "suite.yaml", "--format", "json",
			"--table", "silver.lines=lines.csv", "--table", "silver.copy=copy.csv", "--table", "silver.customers=customers.csv")
		cmd.Dir = dir
		out, err := cmd.Output()
		var check struct {
			Expectations []struct{ ID, Verdict string }
		}
		if jsonErr := json.Unmarshal(out, &check); jsonErr != nil {
			t.Fatalf("%s: %v, %v\n%s", file, err, jsonErr, out)
		}
		found := map[string]string{}
		for _, e := range check.Expectations {
			found[e.ID] = e.Verdict
		}
		return found
	}
	good, seen := verdicts("good.csv"), map[string]bool{}
	for _, file := range []string{"bad.csv", "wrong.csv"} {
		for id, verdict := range verdicts(file) {
			seen[id] = seen[id] || verdict == "fail"
		}
	}
	for id, verdict := range good {
		if verdict != "pass" {
			t.Errorf("%s is %s where nothing is wrong", id, verdict)
		}
		if !seen[id] {
			t.Errorf("%s finds nothing", id)
		}
	}
	if len(good) < 9 {
		t.Errorf("%d rules were judged", len(good))
	}
}
