package policies

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Uses is what waivers were used for: in which versions of tables each let a finding
// through. It is read from the decision log, of which nobody can take a line
// unseen. A version counts once, however often it was judged: a run that is
// refused and comes again uses nothing up. It may be used by several goroutines at once.
type Uses struct {
	mu sync.Mutex
	of map[string]map[string]time.Time // by the waiver's id, then by what was changed: when last
}

// ReadUses reads a decision log. A log that is not as it was written is ErrLog: what
// it lacks might have been a use. Cost: that of [VerifyLog].
func ReadUses(log io.Reader) (*Uses, error) {
	u := &Uses{of: map[string]map[string]time.Time{}}
	report, err := VerifyLog(log, func(_ int, e Entry) {
		if e.Op != "plan" {
			u.note(e.Result.WaiversUsed, usedFor(e.Table, e.VersionFrom), e.Timestamp)
		}
	})
	if err != nil {
		return nil, err
	}
	for _, p := range report.Problems {
		if p.Problem != cutOff {
			return nil, fmt.Errorf("%w: line %d: %s; dq policy log verify lists what is wrong with it", ErrLog, p.Line, p.Problem)
		}
	}
	return u, nil
}

func (u *Uses) note(waivers []string, what string, at time.Time) {
	for _, id := range waivers {
		if u.of[id] == nil {
			u.of[id] = map[string]time.Time{}
		}
		if at.After(u.of[id][what]) {
			u.of[id][what] = at
		}
	}
}

// usedFor names the change from a version of a table.
func usedFor(table string, version *int64) string {
	if version == nil {
		return table
	}
	return table + "@" + strconv.FormatInt(*version, 10)
}

// Of gives how many versions a waiver let findings through in, and when it did last.
func (u *Uses) Of(waiver string) (n int, last time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, at := range u.of[waiver] {
		if n++; at.After(last) {
			last = at
		}
	}
	return n, last
}

// Decide is [Bundle.Decide] with waivers that were used as often as their max_uses
// says left out. What a commit uses counts for the changes that are judged after it; a
// plan uses nothing, and one without a change is about a version that is published.
func (u *Uses) Decide(ctx context.Context, b *Bundle, in Input) (*Ruling, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	in.UsedUp = nil
	if in.Op == "plan" && len(in.Diff) == 0 {
		return b.Decide(ctx, in)
	}
	what := usedFor(in.Table.Name, in.Table.VersionFrom)
	for _, w := range b.Waivers() {
		if _, again := u.of[w.ID][what]; w.MaxUses != nil && !again && len(u.of[w.ID]) >= *w.MaxUses {
			in.UsedUp = append(in.UsedUp, w.ID)
		}
	}
	slices.Sort(in.UsedUp)
	r, err := b.Decide(ctx, in)
	if err == nil && in.Op != "plan" {
		u.note(r.result().WaiversUsed, what, in.Time)
	}
	return r, err
}

// CountsUses says whether a waiver has max_uses, so that changes are to be judged by
// [Uses.Decide].
func (b *Bundle) CountsUses() bool {
	return slices.ContainsFunc(b.Waivers(), func(w Waiver) bool { return w.MaxUses != nil })
}
