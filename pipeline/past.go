package pipeline

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/dq-dev/dq/delta"
	"github.com/dq-dev/dq/engine"
)

// remember finds the past of a table for its suite: what the ledger kept of the
// newest versions before, as many as rules look back. Versions that a restore
// skipped are no past, and a version that is judged again is not its own: comes
// says that another one comes.
//
// Cost: none for rules that look at the last batch only; else a list and a read
// of the ledger's entries, and the commits of the log since the oldest of them.
func (r *run) remember(ctx context.Context, t *tableRun, comes bool) error {
	last, back := t.ledger.last, int64(t.plan.Back())
	if last == nil || t.snap == nil {
		return nil
	}
	itself := !comes && last.Judged == t.snap.Version()
	if back == 0 || back == 1 && !itself && last.Judged == t.snap.Version() {
		t.past = []*ledgerEntry{last}
		return nil
	}
	for reach := back; ; reach *= 2 { // further than that only where a restore skipped some
		first := max(1, last.N-reach)
		entries, err := r.entriesSince(ctx, t, first)
		if err != nil {
			return err
		}
		skipped, err := t.skipped(ctx, entries)
		if err != nil {
			return err
		}
		if itself {
			entries = entries[1:]
		}
		entries = slices.DeleteFunc(entries, func(e *ledgerEntry) bool { return skipped(e.Judged) })
		t.past = entries[:min(int64(len(entries)), back)]
		if int64(len(t.past)) == back || first == 1 {
			return nil
		}
	}
}

// entriesSince reads a table's entries from the last back to batch first, or to
// where the ledger ends.
func (r *run) entriesSince(ctx context.Context, t *tableRun, first int64) ([]*ledgerEntry, error) {
	entries := []*ledgerEntry{t.ledger.last}
	last := t.ledger.last.N - 1
	names, err := r.state.ledgerNames(ctx, t.Name, first, last)
	if err != nil {
		return nil, err
	}
	for n := last; n >= first && len(names[n]) > 0; n-- {
		entry, err := r.state.ledgerEntry(ctx, t.Name, n, names[n], t.runOf(ctx))
		if err != nil {
			return nil, err
		}
		entries = append(entries, entry)
	}
	return entries, nil
}

// skipped tells the versions that restores went back over since the oldest entry.
func (t *tableRun) skipped(ctx context.Context, entries []*ledgerEntry) (func(version int64) bool, error) {
	since := t.snap.Version() - entries[len(entries)-1].Judged
	if since <= 0 {
		return func(int64) bool { return false }, nil
	}
	commits, err := t.delta.History(ctx, int(since))
	if err != nil {
		return nil, err
	}
	on := lineOf(commits)
	return func(version int64) bool { return !on(version) }, nil
}

// pastMetric gives a metric of the n-th version before, from 1.
func (t *tableRun) pastMetric(metric string, n int) (any, bool) {
	if n > len(t.past) {
		return nil, false
	}
	v, ok := t.past[n-1].Metrics[metric]
	return v.value, ok
}

// attachPast attaches the versions before of which a metric was not kept that
// rules ask for, because they are new. Versions whose files are gone are left out.
// If rows come, latest is the table before them; else it is nil.
func (r *run) attachPast(ctx context.Context, t *tableRun, s engine.Session, latest *relation) ([]string, error) {
	var before []string
	for i, entry := range t.past {
		n := i + 1
		before = append(before, "")
		if !t.forgot(n) {
			continue
		}
		var was relation
		if n == 1 && latest != nil {
			was = *latest
		} else {
			snap, err := t.delta.Snapshot(ctx, delta.Version(entry.Judged))
			if errors.Is(err, delta.ErrGone) {
				continue
			}
			if err != nil {
				return nil, err
			}
			files, err := filesOf(ctx, snap)
			if err != nil {
				return nil, err
			}
			was = t.holds(files)
		}
		was.schema = t.schema // what it did not have yet is null
		name := fmt.Sprintf("%s%d", relBefore, n)
		if err := attach(ctx, s, name, was, false); errors.Is(err, os.ErrNotExist) {
			continue
		} else if err != nil {
			return nil, err
		}
		before[i] = name
	}
	return before, nil
}

// forgot reports whether a rule asks for a metric of the n-th version before that
// was not kept then.
func (t *tableRun) forgot(n int) bool {
	for _, m := range t.plan.Past() {
		if _, ok := t.pastMetric(m.Text, n); !ok && n <= m.Past {
			return true
		}
	}
	return false
}
