package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"github.com/dq-dev/dq/delta"
)

// What a run does with tables that are made from versions of another one that a
// restore undid; see [Options.Resume].
const (
	ResumeRestored = "restored" // they follow: what went from the other table goes from them
	ResumeKept     = "kept"     // they keep what they have, and go on from the restored version
)

// resume looks for tables that a restore went back over what others were made from.
// Without a word of what becomes of those, that is a [ConfigError].
//
// Cost: none for a table that was not changed since those made from it were; else a
// list of its log and a read of each commit since.
func (r *run) resume(ctx context.Context) error {
	if r.opt.FullRefresh {
		return nil // which follows whatever there is
	}
	var said []error
	for _, l := range r.Layers {
		for _, spec := range l.Tables {
			t := r.tables[spec.Name]
			if t.snap == nil || t.ledger.last == nil {
				continue
			}
			for _, name := range sortedKeys(t.ledger.last.Inputs) {
				up, was := r.tables[name], t.ledger.last.Inputs[name]
				if up == nil {
					continue
				}
				undone, err := up.undone(ctx, was)
				if err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
				if undone == "" {
					continue
				}
				undone = name + " was restored: " + undone + ", from which " + t.Name + " is made"
				switch r.opt.Resume {
				case ResumeRestored:
					t.resumed = append(t.resumed, undone+"; "+t.Name+" follows")
				case ResumeKept:
					t.resumed = append(t.resumed, undone+"; "+t.Name+" keeps what it has")
					inputs := maps.Clone(t.ledger.last.Inputs)
					inputs[name] = up.current.version
					t.ledger.last.Inputs, t.kept = inputs, true
				default:
					said = append(said, wrong(up.node, fmt.Sprintf("run with --resume restored to take out of %s what went, or with --resume kept to leave it there and go on", t.Name), "%s", undone))
				}
			}
		}
	}
	if len(said) > 0 {
		return &ConfigError{Err: errors.Join(said...)}
	}
	return nil
}

// undone says how a restore since a version went back over it; "" if none did.
func (t *tableRun) undone(ctx context.Context, version int64) (string, error) {
	if t.current.version <= version {
		return "", nil
	}
	commits, err := t.delta.History(ctx, int(t.current.version-version))
	if err != nil {
		return "", err
	}
	on := lineOf(commits)
	if on(version) {
		return "", nil
	}
	first := version
	for first > 0 && !on(first-1) {
		first--
	}
	span := fmt.Sprintf("version %d", version)
	if first < version {
		span = fmt.Sprintf("versions %d to %d", first, version)
	}
	for _, c := range commits {
		if c.Operation == "RESTORE" && on(c.Version) {
			if first == 0 {
				return fmt.Sprintf("its version %d undid %s", c.Version, span), nil
			}
			return fmt.Sprintf("its version %d is version %d again, which undid %s", c.Version, first-1, span), nil
		}
	}
	return "", nil // its log is gone: the table is rebuilt
}

// lineOf tells the versions that a table's newest one goes back to: all but those
// that a restore went back over. Commits are the newest ones, the newest first.
func lineOf(commits []delta.Commit) func(version int64) bool {
	skipped := map[int64]bool{}
	if len(commits) == 0 {
		return func(int64) bool { return true }
	}
	before, oldest := commits[0].Version, commits[0].Version
	for _, c := range commits {
		oldest = c.Version
		switch {
		case c.Version > before:
			skipped[c.Version] = true
		case c.Operation == "RESTORE":
			before = restoredTo(c)
		default:
			before = c.Version - 1
		}
	}
	return func(version int64) bool {
		return version >= oldest && !skipped[version] || version < oldest && version <= before
	}
}

// restoredTo is the version that a restore brought back. It is -1 when it was named
// by a time: in doubt, nothing before is what the table goes back to.
func restoredTo(c delta.Commit) int64 {
	var info struct {
		Parameters struct {
			Version any `json:"version"`
		} `json:"operationParameters"`
	}
	dec := json.NewDecoder(strings.NewReader(string(c.Info)))
	dec.UseNumber()
	if dec.Decode(&info) == nil {
		if v, err := strconv.ParseInt(fmt.Sprint(info.Parameters.Version), 10, 64); err == nil {
			return v
		}
	}
	return -1
}
