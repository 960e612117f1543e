package pipeline

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/dq-dev/dq/lineage"
	"github.com/dq-dev/dq/policies"
	"github.com/dq-dev/dq/record"
	"github.com/dq-dev/dq/table"
)

// rule asks the policies about the change of the table from one shape, nil for
// none, to the next, before any data is read. It returns true when they refuse it.
func (r *run) rule(ctx context.Context, t *tableRun, was *table.Schema, next table.Schema) (bool, error) {
	r.step("rule %s", t.Name)
	in := r.policyInput(t, was, next)
	t.rec.Changes = nil
	for _, c := range in.Diff {
		t.rec.Changes = append(t.rec.Changes, c.Change)
	}
	if r.opt.Policies == nil {
		return false, nil
	}
	ruling, err := r.opt.Policies.Decide(ctx, in)
	if err != nil {
		return false, &EvaluationError{Err: fmt.Errorf("policies on %s: %w", t.Name, err)}
	}
	t.rec.Decisions = append(t.rec.Decisions, ruling.Decisions...)
	t.ruled = true
	if len(ruling.Decisions) == 0 && len(in.Diff) == 0 {
		return false, nil // nothing changes, and nothing is wrong: no decision
	}
	t.ruledAs = ruledAs(in.Diff, ruling.Decisions)
	if last := t.ledger.last; last != nil && last.Ruled == t.ruledAs {
		return ruling.Blocking, nil // of this very version the log says so already
	}
	t.rulings = append(t.rulings, ruling)
	return ruling.Blocking, nil
}

// ruledAs is a digest of changes and of what policies say about them, and so of
// the version that they were asked about, since the decisions' ids are of that too.
func ruledAs(changes []policies.Change, decisions []record.Decision) string {
	var parts []string
	for _, c := range changes {
		text, _ := json.Marshal(c.Change) // texts, lists of them, and types: nothing that JSON cannot say
		parts = append(parts, string(text))
	}
	for _, d := range decisions {
		waiver := ""
		if d.Waiver != nil {
			waiver = d.Waiver.ID
		}
		parts = append(parts, d.ID, d.Effect, waiver)
	}
	return digestOf(parts...)
}

// was is the table as it is; before there is one, what its contract says that
// files must bring, or nil.
func (t *tableRun) was() *table.Schema {
	if t.snap != nil {
		s := t.snap.Schema()
		return &s
	}
	if t.Source != nil {
		return &t.schema
	}
	return nil
}

// policyInput describes the change for the policies.
func (r *run) policyInput(t *tableRun, was *table.Schema, next table.Schema) policies.Input {
	in := policies.Input{
		Time: r.now, Env: r.opt.Environment, Op: "plan",
		Table: policies.Table{Name: t.Name, Layer: t.Layer, Path: t.current.where.String(), Owner: t.Suite.Owner, Description: t.Suite.Description},
		New:   t.shape(next),
	}
	if t.Mode == "scd2" {
		in.Table.SCD = &policies.SCD{Keys: t.Keys, Tracked: t.Track}
	}
	renamed := map[string]string{}
	for _, c := range t.Suite.Columns {
		if c.RenamedFrom != "" {
			renamed[c.Name] = c.RenamedFrom
		}
	}
	var columns []table.Change
	if was != nil {
		in.Old = t.shape(*was)
		columns = table.Diff(*was, next, renamed)
	}
	if t.snap != nil {
		v := t.snap.Version()
		in.Table.VersionFrom = &v
		in.Old.PartitionBy = t.snap.PartitionBy()
		if t.ledger.last != nil && !r.opt.FullRefresh {
			in.Old.PrimaryKey = t.ledger.last.Keys
		}
	}
	in.Diff = policies.Diff(in.Old, in.New, columns)
	for _, e := range lineage.Impact(r.rec.Lineage, t.Name) {
		d := policies.Downstream{ID: e.Table, Kind: "table", Layer: e.Layer, Columns: e.Columns, Depth: e.Depth}
		if other := r.tables[e.Table]; other != nil {
			d.Owner = other.Suite.Owner
		}
		in.Downstream = append(in.Downstream, d)
	}
	in.Lineage = &policies.Lineage{Status: "none"}
	if t.trace != nil {
		in.Lineage.Status = t.trace.Status
	}
	return in
}

// shape describes a schema as policies see it.
func (t *tableRun) shape(s table.Schema) *policies.Shape {
	shape := &policies.Shape{Columns: policies.Columns(s), PrimaryKey: t.Keys, PartitionBy: t.PartitionBy}
	for i := range shape.Columns {
		c := &shape.Columns[i]
		f, ok := s.Field(c.Path)
		if !ok {
			continue
		}
		if sc := suiteColumn(t.Suite, f.Name); sc != nil {
			c.DeprecatedSince, c.ReplacedBy = sc.DeprecatedSince, sc.ReplacedBy
		}
	}
	return shape
}

// dryRun asks the policies about every table that models make, as the files
// and tables are now, and stops before any data is read.
func (r *run) dryRun(ctx context.Context) error {
	for _, l := range r.Layers {
		rec := record.Layer{Name: l.Name, Verdict: record.Pass, Outcome: "not_run", Message: "dry run", Tables: []record.Table{}}
		for _, spec := range l.Tables {
			t := r.tables[spec.Name]
			t.begin(r)
			in := r.policyInput(t, t.was(), t.schema)
			for _, c := range in.Diff {
				t.rec.Changes = append(t.rec.Changes, c.Change)
			}
			ruling, err := r.opt.Policies.Decide(ctx, in)
			if err != nil {
				return &EvaluationError{Err: fmt.Errorf("policies on %s: %w", t.Name, err)}
			}
			t.rec.Decisions, t.rec.Outcome = ruling.Decisions, "not_run"
			verdict, _ := t.judgement()
			rec.Verdict = record.Worst(rec.Verdict, verdict)
			rec.Tables = append(rec.Tables, *t.rec)
		}
		r.rec.Layers = append(r.rec.Layers, rec)
	}
	r.finish(nil)
	r.rec.Message = "dry run: nothing was read or written"
	return nil
}
