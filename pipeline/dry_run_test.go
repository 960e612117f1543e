package pipeline_test

import (
	"context"
	"slices"
	"testing"

	"github.com/dq-dev/dq/pipeline"
	"github.com/dq-dev/dq/policies"
	"github.com/dq-dev/dq/record"
)

// TestDryRunFindsWhatTheRunFinds: the policies are told the same of a table that is
// written anew, before it is and when it is.
func TestDryRunFindsWhatTheRunFinds(t *testing.T) {
	bundle, err := policies.Load(context.Background(), policies.Options{})
	if err != nil {
		t.Fatal(err)
	}
	f := newFixture(t)
	f.run()
	f.put("models/gold/totals.sql", "SELECT customer, sum(amount) AS total, count(*) AS orders FROM silver.orders GROUP BY customer")
	found := func(opt pipeline.Options) []string {
		opt.Policies = bundle
		rec, err := f.try(opt)
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, d := range gold(t, rec).Decisions {
			ids = append(ids, d.Policy)
		}
		slices.Sort(ids)
		return ids
	}
	dry := found(pipeline.Options{DryRun: true})
	if real := found(pipeline.Options{}); !slices.Equal(dry, real) || len(real) == 0 || slices.Contains(dry, "DQ-S007") {
		t.Errorf("a dry run finds %v, the run %v", dry, real)
	}
}

func gold(t *testing.T, rec *record.Run) record.Table {
	t.Helper()
	for _, l := range rec.Layers {
		if l.Name == "gold" && len(l.Tables) > 0 {
			return l.Tables[0]
		}
	}
	t.Fatalf("gold was not run: %s", rec.Message)
	return record.Table{}
}
