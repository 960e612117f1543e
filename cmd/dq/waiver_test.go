package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/dq-dev/dq/engine/duckdb"
	"github.com/dq-dev/dq/pipeline"
	"github.com/dq-dev/dq/policies"
	"github.com/dq-dev/dq/record"
)

// TestExampleWaiver runs the example's waiver, with the file as it is shipped, on the
// days of its life: without it gold is refused, until its last day it lets the table
// through, and from the next day on the gate is closed again.
func TestExampleWaiver(t *testing.T) {
	dir := project(t)
	waivers := filepath.Join(dir, "waiver", "waivers.yaml")
	shipped, err := os.ReadFile(waivers)
	if err != nil {
		t.Fatal(err)
	}
	day := func(key string) time.Time {
		m := regexp.MustCompile(key + `: (\d{4}-\d\d-\d\d)`).FindSubmatch(shipped)
		if m == nil {
			t.Fatalf("the waiver has no %s", key)
		}
		at, err := time.Parse(time.DateOnly, string(m[1]))
		if err != nil {
			t.Fatal(err)
		}
		return at.Add(23 * time.Hour)
	}
	created, last := day("created"), day("expires")
	eng, err := duckdb.Open(duckdb.Config{Threads: 1, TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer eng.Close()
	list := filepath.Join(dir, "data", "reference", "country_codes.csv")
	next := func() { // a new list of countries
		data, err := os.ReadFile(list)
		if err != nil {
			t.Fatal(err)
		}
		put(t, list, bytes.Replace(data, []byte("AND,"), []byte("AND,The "), 1))
	}
	for _, c := range []struct {
		name      string
		waivers   []byte
		at        time.Time
		want      string // of gold
		decisions map[string]string
		version   int64 // of gold.markets afterwards, -1 for none
	}{
		{"without a waiver", []byte("waivers: []\n"), created, "refused", map[string]string{"DQ-O001": "deny"}, -1},
		{"on its first day", shipped, created, "published", map[string]string{"DQ-O001": "waived"}, 0},
		{"on its last day", shipped, last, "published", map[string]string{"DQ-O001": "waived"}, 1},
		{"a day later", shipped, last.AddDate(0, 0, 1), "refused", map[string]string{"DQ-O001": "deny", "DQ-W001": "deny"}, 1},
	} {
		put(t, waivers, c.waivers)
		p, err := pipeline.Load(filepath.Join(dir, "waiver", "pipeline.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		bundle, err := policies.Load(context.Background(), policyOptions(p))
		if err != nil {
			t.Fatal(err)
		}
		rec, err := p.Run(context.Background(), pipeline.Options{Engine: eng, Policies: bundle, Clock: func() time.Time { return c.at }, Environment: "prod"})
		if err != nil {
			t.Fatal(err)
		}
		gold := rec.Layers[len(rec.Layers)-1]
		i := slices.IndexFunc(gold.Tables, func(t record.Table) bool { return t.Name == "gold.markets" })
		if gold.Outcome != c.want || i < 0 {
			t.Errorf("%s: %s is %s, want %s: %s", c.name, gold.Name, gold.Outcome, c.want, rec.Message)
			continue
		}
		got := map[string]string{}
		for _, d := range gold.Tables[i].Decisions {
			got[d.Policy] = d.Effect
		}
		for policy, effect := range c.decisions {
			if got[policy] != effect {
				t.Errorf("%s: %s is %q, want %q", c.name, policy, got[policy], effect)
			}
		}
		logs, err := filepath.Glob(filepath.Join(dir, "waiver", "warehouse", "gold", "markets", "_delta_log", "*.json"))
		if err != nil {
			t.Fatal(err)
		}
		if int64(len(logs)) != c.version+1 {
			t.Errorf("%s: readers see version %d of gold.markets, want %d", c.name, len(logs)-1, c.version)
		}
		next()
	}
}
