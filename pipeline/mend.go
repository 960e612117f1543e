package pipeline

import (
	"context"
	"slices"

	"github.com/dq-dev/dq/delta"
)

// heldBack reports whether a table that is made from this one, directly or not,
// has yet to publish what batch n of this one brought: because a gate refused it,
// as a rule. Until then a source file of the batch that is mended in place takes
// the place of its old rows; afterwards new content under an old name is a
// rewrite, which needs on_rewrite: replace. In doubt nothing is held back.
//
// Cost: histories of tables are read; only rewritten files lead here.
func (r *run) heldBack(ctx context.Context, t *tableRun, n int64) (bool, error) {
	batch, ok, err := t.commitOf(ctx, func(note note) bool { return note.N == n })
	if err != nil || !ok {
		return false, err
	}
	return r.lags(ctx, t, batch.Version)
}

// lags reports whether a table made from t has not published what version brought.
func (r *run) lags(ctx context.Context, t *tableRun, version int64) (bool, error) {
	for _, other := range r.tables {
		if !slices.Contains(other.reads, t.Name) {
			continue
		}
		if other.snap == nil {
			return true, nil
		}
		if other.ledger.last == nil {
			continue
		}
		if other.ledger.last.Inputs[t.Name] < version {
			return true, nil
		}
		// It changed by it in a version of its own, or not at all.
		with, ok, err := other.commitOf(ctx, func(note note) bool {
			up, ok := note.Inputs[t.Name]
			return ok && up >= version
		})
		if err != nil {
			return false, err
		}
		if !ok {
			continue
		}
		if lags, err := r.lags(ctx, other, with.Version); lags || err != nil {
			return lags, err
		}
	}
	return false, nil
}

// behind reports whether a table that is made from t, directly or not, is not up
// to date with the table that it is made from: a gate refused it, or a run ended
// before it came there.
func (r *run) behind(t *tableRun) bool {
	for _, other := range r.tables {
		if !slices.Contains(other.reads, t.Name) {
			continue
		}
		last := other.ledger.last
		if t.snap != nil && (last == nil || last.Inputs[t.Name] < t.current.version) || r.behind(other) {
			return true
		}
	}
	return false
}

// commitOf finds the first commit of this pipeline to the table whose note fits,
// among those that no restore went back over; false when the log has none, or not
// any more.
func (t *tableRun) commitOf(ctx context.Context, fits func(note) bool) (delta.Commit, bool, error) {
	commits, err := t.delta.History(ctx, 0) // the newest first
	if err != nil {
		return delta.Commit{}, false, err
	}
	on := lineOf(commits)
	for _, c := range slices.Backward(commits) {
		if note, ok := commitNote(c); ok && on(c.Version) && note.App == t.app && fits(note) {
			return c, true, nil
		}
	}
	return delta.Commit{}, false, nil
}
