package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/dq-dev/dq/delta"
	"github.com/dq-dev/dq/record"
)

// recover finishes or undoes what earlier runs of the pipeline left: a layer
// that was decided is published, anything else is removed.
func (r *run) recover(ctx context.Context) (bool, error) {
	runs, err := r.state.unfinished(ctx)
	if err != nil {
		return false, err
	}
	for _, b := range runs {
		var published *record.Run // as far as it is, of the last layer that was decided
		for _, layer := range b.Layers {
			rec, err := r.recoverLayer(ctx, b.Run, layer)
			if err != nil {
				return false, fmt.Errorf("recovering run %s: %w", b.Run, err)
			}
			if rec != nil {
				published = rec
			}
		}
		if published != nil {
			if err := r.keepRecovered(ctx, published); err != nil {
				return false, fmt.Errorf("recovering run %s: %w", b.Run, err)
			}
		}
		if err := r.removeUnnamed(ctx, b); err != nil {
			return false, fmt.Errorf("recovering run %s: %w", b.Run, err)
		}
		if err := r.state.store.Delete(ctx, openName(b.Run)); err != nil {
			return false, err
		}
		what := "what it had staged was removed"
		if published != nil {
			what = "what it had decided to publish is published"
		}
		r.rec.Findings = append(r.rec.Findings, record.Finding{Rule: "recovery", Severity: "info",
			Message: fmt.Sprintf("run %s did not end: %s", b.Run, what)})
		r.step("recovered %s", b.Run)
	}
	return len(runs) > 0, nil
}

// recoverLayer settles one layer of a run that did not end. It returns the run's record
// up to that layer, nil when the layer was not to be published.
func (r *run) recoverLayer(ctx context.Context, runID, layer string) (*record.Run, error) {
	var plan journalPlan
	err := r.state.readJSON(ctx, planName(runID, layer), &plan)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	d, err := r.state.decide(ctx, runID, layer, abort)
	if err != nil || d != publish {
		return nil, err
	}
	versions, err := r.rollForward(ctx, plan)
	rec := plan.Record
	if rec == nil { // a program that kept none was killed
		rec = &record.Run{Format: record.RunFormat, ID: runID, Command: "run", Pipeline: r.Name, Layers: []record.Layer{{Name: layer, Tables: []record.Table{}}}}
	}
	last := &rec.Layers[len(rec.Layers)-1]
	last.Outcome = "published"
	if errors.Is(err, delta.ErrConflict) {
		last.Outcome, last.Verdict = "partial", record.Fail
		last.Message = fmt.Sprintf("layer %s of run %s is published in part: %v", layer, runID, err)
		r.rec.Findings = append(r.rec.Findings, record.Finding{Rule: "recovery", Severity: "warn", Message: last.Message})
		err = nil
	}
	planned := map[string]bool{}
	for _, c := range plan.Commits {
		planned[c.Table] = true
	}
	for i := range last.Tables {
		t := &last.Tables[i]
		switch v, done := versions[t.Name]; {
		case done:
			published(t, v)
		case planned[t.Name]:
			t.Outcome = "refused"
		}
	}
	return rec, err
}

// published notes in a table's record the version that was published.
func published(t *record.Table, version int64) {
	t.Outcome, t.Version = "published", &version
	if t.Check != nil {
		t.Check.Dataset.Version = &version
	}
}

// foreseen is the run's record for the case that the run is killed once the layer is
// decided: the layers before it, and this one without the versions.
func (r *run) foreseen(l *Layer, layer *record.Layer) *record.Run {
	rec := *r.rec
	rec.DurationMS = r.opt.Clock().Sub(rec.StartedAt).Milliseconds()
	this := *layer
	this.Tables = nil
	for _, t := range r.of(l) {
		this.Tables = append(this.Tables, *t.rec)
	}
	rec.Layers = append(slices.Clone(rec.Layers), this)
	return &rec
}

// keepRecovered writes the record of a run that was killed, as far as it published,
// unless there is one: of a run that failed after a layer was decided.
func (r *run) keepRecovered(ctx context.Context, rec *record.Run) error {
	if _, err := r.state.store.Stat(ctx, recordName(rec.ID)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	sumUp(rec)
	rec.Outcome = "recovered"
	rec.Findings = append(rec.Findings, record.Finding{Rule: "recovery", Severity: "warn",
		Message: fmt.Sprintf("the run was killed; run %s recorded what it had decided to publish, without profiles", r.id)})
	return r.keepRecord(ctx, rec)
}

// removeUnnamed removes the staged files of a run, except those that a log
// names and those of a refused batch that is kept to be looked at.
func (r *run) removeUnnamed(ctx context.Context, b journalBegin) error {
	kept, err := r.state.keptFolders(ctx)
	if err != nil {
		return err
	}
	for _, where := range b.Folders {
		if kept[where] {
			continue
		}
		if err := r.removeStaged(ctx, where); err != nil {
			return err
		}
	}
	return nil
}

// removeStaged removes a staging folder, and what the run has written of the table's
// change data feed, unless the table's log names a file in the folder.
func (r *run) removeStaged(ctx context.Context, where string) error {
	some, err := r.holds(ctx, where)
	if err != nil {
		return err
	}
	folder, runFolder := path.Split(where)
	if some {
		snap, err := delta.Open(r.where.Sub(folder).Store()).Snapshot(ctx, delta.Latest())
		if err != nil && !errors.Is(err, delta.ErrNoTable) {
			return err
		}
		if err == nil {
			for f, err := range snap.Files(ctx) {
				if err != nil {
					return err
				}
				if strings.HasPrefix(f.Path, runFolder+"/") {
					return nil
				}
			}
		}
	}
	if err := r.where.RemoveAll(ctx, folder+changeFolder+"/"+runFolder); err != nil {
		return err
	}
	return r.where.RemoveAll(ctx, where)
}

// holds reports whether there is any file below a folder of the warehouse.
func (r *run) holds(ctx context.Context, folder string) (bool, error) {
	for _, err := range r.where.Store().Walk(ctx, folder) {
		return err == nil, err
	}
	return false, nil
}
