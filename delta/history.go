package delta

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"sort"
	"strconv"
	"time"

	"github.com/dq-dev/dq/table"
)

// Commit is one entry of a table's history.
type Commit struct {
	Version   int64
	Time      time.Time       // in-commit timestamp, else the entry's modification time made increasing
	Operation string          // of commitInfo; may be empty
	Info      json.RawMessage // commitInfo as it is in the log; nil when there is none
}

// History gives the newest commits first, at most limit of them (0: all that the
// log still holds). [ErrNoTable] when there is no log, *[Error] for an entry that
// does not parse. It works for tables that cannot be read otherwise.
// Cost: one list of the log, and one read a commit.
func (t *Table) History(ctx context.Context, limit int) ([]Commit, error) {
	l, err := t.list(ctx, 0)
	if err != nil {
		return nil, err
	}
	if l.last < 0 {
		return nil, fmt.Errorf("delta: %w: there is no log in %s", ErrNoTable, logDir)
	}
	times := l.times()
	var out []Commit
	for _, v := range slices.Backward(slices.Sorted(maps.Keys(l.commits))) {
		if limit > 0 && len(out) == limit {
			break
		}
		c, err := t.readCommit(ctx, v)
		if errors.Is(err, fs.ErrNotExist) {
			break // cleaned up since it was listed
		}
		if err != nil {
			return nil, err
		}
		info := parseInfo(c.info)
		entry := Commit{Version: v, Time: times[v], Operation: info.Operation, Info: c.info}
		if info.InCommitTimestamp != nil {
			entry.Time = time.UnixMilli(*info.InCommitTimestamp).UTC()
		}
		out = append(out, entry)
	}
	return out, nil
}

// times gives the modification times of the commits, each at least a millisecond
// after the one before, as Spark does: clocks of file systems step back.
func (l *listing) times() map[int64]time.Time {
	out := make(map[int64]time.Time, len(l.commits))
	var last time.Time
	for _, v := range slices.Sorted(maps.Keys(l.commits)) {
		m := l.commits[v].Modified.UTC().Truncate(time.Millisecond)
		if !m.After(last) {
			m = last.Add(time.Millisecond)
		}
		out[v], last = m, m
	}
	return out
}

// versionAt finds the newest version whose time is not after at.
func (t *Table) versionAt(ctx context.Context, at time.Time) (int64, error) {
	newest, err := t.load(ctx, -1)
	if err != nil {
		return 0, err
	}
	l, err := t.list(ctx, 0)
	if err != nil {
		return 0, err
	}
	// Only what can be rebuilt counts: from version 0 or from a checkpoint on.
	first := int64(0)
	if _, ok := l.commits[0]; !ok && len(l.checkpoints) > 0 {
		first = slices.Min(slices.Collect(maps.Keys(l.checkpoints)))
	}
	var versions []int64
	for v := first; v <= newest.version; v++ {
		if _, ok := l.commits[v]; ok {
			versions = append(versions, v)
		}
	}
	if len(versions) == 0 {
		return 0, fmt.Errorf("delta: %s: %w: the log has no commits left", at.Format(time.RFC3339), ErrGone)
	}
	timeOf, err := t.timeOf(ctx, l, newest)
	if err != nil {
		return 0, err
	}
	var failed error
	after := sort.Search(len(versions), func(i int) bool {
		when, err := timeOf(versions[i])
		failed = errors.Join(failed, err)
		return when.After(at)
	})
	if failed != nil {
		return 0, failed
	}
	if after > 0 && (after < len(versions) || !at.After(t.now())) {
		return versions[after-1], nil
	}
	if after > 0 {
		when, err := timeOf(newest.version)
		if err != nil {
			return 0, err
		}
		return 0, fmt.Errorf("delta: %s: %w: that is in the future; the newest version is %d of %s",
			at.UTC().Format(time.RFC3339), ErrNoVersion, newest.version, when.Format(time.RFC3339Nano))
	}
	when, err := timeOf(versions[0])
	if err != nil {
		return 0, err
	}
	return 0, fmt.Errorf("delta: %s: %w: the first version that can be read is %d of %s",
		at.UTC().Format(time.RFC3339), ErrNoVersion, versions[0], when.Format(time.RFC3339Nano))
}

// timeOf gives the time of versions: in-commit timestamps since they were
// switched on, modification times before (PROTOCOL.md, "In-Commit Timestamps").
func (t *Table) timeOf(ctx context.Context, l *listing, newest *state) (func(int64) (time.Time, error), error) {
	times := l.times()
	enabled := int64(-1)
	if newest.inCommitTimestamps() {
		enabled = 0
		if text, ok := newest.metaData.Configuration["delta.inCommitTimestampEnablementVersion"]; ok {
			var err error
			if enabled, err = strconv.ParseInt(text, 10, 64); err != nil {
				return nil, &Error{Category: LogCorrupt, File: logDir, Problem: "delta.inCommitTimestampEnablementVersion", Err: err}
			}
		}
	}
	return func(v int64) (time.Time, error) {
		if enabled < 0 || v < enabled {
			return times[v], nil
		}
		c, err := t.readCommit(ctx, v)
		if err != nil {
			return time.Time{}, err
		}
		ict := parseInfo(c.info).InCommitTimestamp
		if ict == nil {
			return time.Time{}, &Error{Category: LogCorrupt, File: commitName(v), Problem: "the commit has no inCommitTimestamp, though the table has them on"}
		}
		return time.UnixMilli(*ict).UTC(), nil
	}, nil
}

// Changes gives the files that the commits after from, up to to, added and
// removed: those with rows that came or went, not those that were only moved
// together (dataChange=false). A file that came and went again inside the range,
// or went and came back, is in neither. A file whose deletion vector changed is
// in both, with the vector that it had and the one that it got.
//
// [ErrGone] when the log no longer has a commit of the range, [ErrNoVersion] when
// to is not there yet, else as [Table.Snapshot] at to.
// Cost: one snapshot at to, and one read a commit.
func (t *Table) Changes(ctx context.Context, from, to int64) (added, removed []table.File, err error) {
	if from < -1 || to < from {
		return nil, nil, invalid("changes from version %d to %d: the first must not be after the second", from, to)
	}
	if to == from {
		return nil, nil, nil
	}
	s, err := t.Snapshot(ctx, Version(to))
	if err != nil {
		return nil, nil, err
	}
	came, went := map[fileKey]*fileAction{}, map[fileKey]*fileAction{}
	for v := from + 1; v <= to; v++ {
		c, err := t.readCommit(ctx, v)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil, fmt.Errorf("delta: changes of version %d: %w; read the whole table instead", v, ErrGone)
		}
		if err != nil {
			return nil, nil, err
		}
		move(c.removes, came, went)
		move(c.adds, went, came)
	}
	if added, err = s.files(ctx, came); err != nil {
		return nil, nil, err
	}
	removed, err = s.files(ctx, went)
	return added, removed, err
}

// move takes the files out of undone, or puts them into done.
func move(files []*fileAction, undone, done map[fileKey]*fileAction) {
	for _, f := range files {
		if !f.changesData() {
			continue
		}
		if _, ok := undone[f.key()]; ok {
			delete(undone, f.key())
		} else {
			done[f.key()] = f
		}
	}
}

func (s *Snapshot) files(ctx context.Context, actions map[fileKey]*fileAction) ([]table.File, error) {
	var out []table.File
	dv := &dvReader{store: s.table.store}
	for _, f := range sortFiles(slices.Collect(maps.Values(actions))) {
		file, err := s.file(ctx, f, dv)
		if err != nil {
			return nil, err
		}
		out = append(out, file)
	}
	return out, nil
}
