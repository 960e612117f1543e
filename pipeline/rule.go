package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/dq-dev/dq/policies"
	"github.com/dq-dev/dq/record"
	"github.com/dq-dev/dq/table"
)

// rule works out what changes of a table, from one shape, nil for none, to the
// next, and asks the policies about it before any data is read. It returns true
// when they refuse it. When nothing changes they are asked once the numbers are
// known, by [run.ruleNumbers], or by [run.ruleUnchanged] when nothing comes.
func (r *run) rule(ctx context.Context, t *tableRun, was *table.Schema, next table.Schema) (bool, error) {
	r.step("rule %s", t.Name)
	q, err := r.question(ctx, t, was, next)
	if err != nil {
		return false, err
	}
	t.question = q
	t.rec.Changes = nil
	for _, c := range q.Diff {
		t.rec.Changes = append(t.rec.Changes, c.Change)
	}
	t.noteAltered(q.Diff)
	if q.before != nil && q.before.gone != "" {
		t.note("declared", "warn", "%s is gone: what the version before declared, and its suite demanded, is not known", q.before.gone)
		t.hint("restore it from a backup")
	}
	if len(q.Diff) == 0 {
		return false, nil
	}
	return r.ask(ctx, t)
}

// ruleUnchanged asks the policies about a table to which nothing comes: they,
// waivers, owners and tags may have changed.
func (r *run) ruleUnchanged(ctx context.Context, t *tableRun) error {
	if t.question == nil {
		if blocked, err := r.rule(ctx, t, t.was(), t.schema); err != nil || blocked {
			return err
		}
	}
	if t.ruled {
		return nil
	}
	_, err := r.ask(ctx, t)
	return err
}

// ruleNumbers asks the policies again, before a table's batch or its new suite
// counts, with what is known of the rows and with what the suite said of them. A
// profile is waited for when something changes: what policies want of it is about
// columns that are new or demand more.
func (r *run) ruleNumbers(ctx context.Context, t *tableRun) error {
	if r.opt.Policies == nil || t.question == nil {
		return nil
	}
	q := t.question
	quality := t.quality()
	if quality.Gate == "fail" {
		return nil // there is no commit to ask about; the suite says why
	}
	if len(q.Diff) > 0 {
		<-t.profiled
	}
	q.Op, q.Profile, q.Quality = "commit", t.numbers(), quality
	_, err := r.ask(ctx, t)
	return err
}

// ask has the policies decide about a table, as it is described, and returns true
// when they refuse it.
func (r *run) ask(ctx context.Context, t *tableRun) (bool, error) {
	if r.opt.Policies == nil {
		return false, nil
	}
	if err := r.complete(ctx, t.question); err != nil {
		return false, err
	}
	ruling, err := r.decide(ctx, t.question.Input)
	if err != nil {
		return false, &EvaluationError{Err: fmt.Errorf("policies on %s: %w", t.Name, err)}
	}
	t.rec.Decisions = ruling.Decisions
	t.ruled = true
	if len(ruling.Decisions) == 0 && len(t.question.Diff) == 0 {
		return false, nil // nothing changes, and nothing is wrong: no decision
	}
	t.ruledAs = ruledAs(t.question.Op, t.question.Diff, ruling.Decisions)
	if last := t.ledger.last; last != nil && last.Ruled == t.ruledAs {
		return ruling.Blocking, nil // of this very version the log says so already
	}
	t.rulings = append(t.rulings, ruling)
	return ruling.Blocking, nil
}

// decide has the policies decide. Where a waiver may be used only so often, its uses
// are counted in the decision log as it was before the run, and in what the run decided.
func (r *run) decide(ctx context.Context, in policies.Input) (*policies.Ruling, error) {
	if !r.opt.Policies.CountsUses() {
		return r.opt.Policies.Decide(ctx, in)
	}
	r.counting.Lock()
	defer r.counting.Unlock()
	if r.uses == nil {
		log, err := r.state.store.Read(ctx, path.Base(DecisionLog))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		if r.uses, err = policies.ReadUses(bytes.NewReader(log)); err != nil {
			return nil, fmt.Errorf("%s: %w", r.Place(DecisionLog), err)
		}
	}
	return r.uses.Decide(ctx, r.opt.Policies, in)
}

// ruledAs is a digest of changes and of what policies say about them, and so of
// the version that they were asked about, since the decisions' ids are of that too. What
// was said of a version that stays is not what is said of the commit that replaces it.
func ruledAs(op string, changes []policies.Change, decisions []record.Decision) string {
	parts := []string{op}
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

// dryRun asks the policies about every table that models make, as the files
// and tables are now, and stops before any data is read.
func (r *run) dryRun(ctx context.Context) error {
	for _, l := range r.Layers {
		rec := record.Layer{Name: l.Name, Verdict: record.Pass, Outcome: "not_run", Message: "dry run", Tables: []record.Table{}}
		for _, spec := range l.Tables {
			t := r.tables[spec.Name]
			t.begin(r)
			t.rewrites = t.Mode == "overwrite" || r.opt.FullRefresh || t.Source == nil && r.fresh(t, t.dropped())
			if err := r.ruleUnchanged(ctx, t); err != nil {
				return err
			}
			t.rec.Outcome, t.rec.Source = "not_run", t.planned()
		}
		for _, t := range r.gone[l.Name] {
			if err := r.ruleGone(ctx, t); err != nil {
				return err
			}
			t.rec.Outcome = "not_run"
		}
		for _, t := range r.of(l) {
			verdict, _ := t.judgement()
			rec.Verdict = record.Worst(rec.Verdict, verdict)
			rec.Tables = append(rec.Tables, *t.rec)
		}
		r.rec.Layers = append(r.rec.Layers, rec)
	}
	r.finish(nil)
	r.rec.Outcome, r.rec.Message = "not_run", "dry run: nothing was read or written"
	return nil
}
