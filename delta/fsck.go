package delta

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
)

// Checkup is what [Table.Fsck] looked at, and what is wrong.
type Checkup struct {
	Version     int64 // the newest; -1 when the table cannot be read
	Commits     int   // entries of the log
	Checkpoints int   // complete ones
	Sums        int   // version checksums (.crc)
	Files       int   // live data files
	Vectors     int   // their deletion vectors
	Problems    []*Error
}

// Fsck looks at all of a table but its rows: that the log has no gaps and parses,
// that each checkpoint, each compaction and each version checksum says what the entries before it
// say, that the hint to the newest checkpoint leads to one, that live files are
// there in their size, with deletion vectors that can be read and statistics that
// parse. What it finds is in Problems, in the order of the log and then of the
// files; a table that readers get along with may have some.
//
// Errors: [ErrNoTable] when there is no log, and what the store says.
// Cost: the whole log is read, and one look is taken at each live file.
func (t *Table) Fsck(ctx context.Context) (*Checkup, error) {
	l, err := t.list(ctx, 0)
	if err != nil {
		return nil, err
	}
	if l.last < 0 {
		return nil, fmt.Errorf("delta: %w: there is no log in %s", ErrNoTable, logDir)
	}
	f := &fsck{table: t, listing: l, Checkup: Checkup{Version: -1}}
	for _, part := range []func(context.Context) error{f.log, f.hint, f.files} {
		if err := part(ctx); err != nil {
			return nil, err
		}
	}
	return &f.Checkup, nil
}

type fsck struct {
	table   *Table
	listing *listing
	Checkup
}

func (f *fsck) found(c Category, file, format string, args ...any) {
	f.Problems = append(f.Problems, &Error{Category: c, File: file, Problem: fmt.Sprintf(format, args...)})
}

// note takes an error that is about the table, and gives back any other.
func (f *fsck) note(err error) error {
	var e *Error
	if errors.As(err, &e) {
		f.Problems = append(f.Problems, e)
		return nil
	}
	return err
}

// log replays the entries, and compares checkpoints and checksums on the way.
func (f *fsck) log(ctx context.Context) error {
	sums, err := f.sums(ctx)
	if err != nil {
		return err
	}
	first := f.listing.first
	var s *state // nil where it is not known
	if first == 0 {
		s = newState()
	}
	made := map[int64][]compacted{} // by their last version
	for v := first; v <= f.listing.last; v++ {
		if err := f.compactions(ctx, s, v, made); err != nil {
			return err
		}
		if s, err = f.replay(ctx, s, v); err != nil {
			return err
		}
		for _, c := range made[v] {
			if s != nil {
				f.compare(s, c.state, LogCorrupt, c.file, "compaction")
			}
		}
		delete(made, v)
		for _, files := range f.listing.checkpoints[v] {
			if s, err = f.checkpoint(ctx, s, v, files); err != nil {
				return err
			}
		}
		if name, ok := sums[v]; ok {
			if err := f.sum(ctx, s, name); err != nil {
				return err
			}
		}
	}
	return nil
}

// compactions adds the states that compactions of the log make of s, the one before v.
func (f *fsck) compactions(ctx context.Context, s *state, v int64, out map[int64][]compacted) error {
	for _, to := range f.listing.compactions[v] {
		c, err := f.table.readCompaction(ctx, v, to)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			if err = f.note(err); err != nil {
				return err
			}
			continue
		}
		if s != nil {
			next := s.clone()
			next.apply(c)
			out[to] = append(out[to], compacted{compactionName(v, to), next})
		}
	}
	return nil
}

// compacted is what a table is by a compaction of its log.
type compacted struct {
	file  string
	state *state
}

// replay gives the state after the entry, nil when it is not known.
func (f *fsck) replay(ctx context.Context, s *state, v int64) (*state, error) {
	if _, ok := f.listing.commits[v]; !ok {
		// Entries that a checkpoint covers may have been cleaned up, from the oldest on.
		if oldest := slices.Min(append(slices.Collect(maps.Keys(f.listing.commits)), f.listing.last)); v > oldest {
			f.found(LogGap, commitName(v), "the commit is missing, though the log goes on to version %d", f.listing.last)
		}
		return nil, nil
	}
	f.Commits++
	c, err := f.table.readCommit(ctx, v)
	if errors.Is(err, fs.ErrNotExist) { // cleaned up since it was listed
		return nil, nil
	}
	if err != nil {
		return nil, f.note(err)
	}
	if s != nil {
		s.apply(c)
	}
	return s, nil
}

func (f *fsck) checkpoint(ctx context.Context, s *state, v int64, files []string) (*state, error) {
	f.Checkpoints++
	if s == nil { // nothing to compare it with but what is said of it
		c, err := f.table.wholeCheckpoint(ctx, v, files, f.table.hint(ctx))
		if err != nil {
			return s, f.note(err)
		}
		return c, nil
	}
	c, _, err := f.table.readCheckpoint(ctx, v, files)
	if err != nil {
		return s, f.note(err)
	}
	f.compare(s, c, CheckpointCorrupt, files[0], "checkpoint")
	return s, nil
}

// compare reports in what another account of the log differs from the log.
func (f *fsck) compare(s, c *state, category Category, file, what string) {
	for _, key := range slices.SortedFunc(maps.Keys(s.files), compareKeys) {
		if _, ok := c.files[key]; !ok {
			f.found(category, file, "%s is not in the %s, though the log says that it is live", key.path, what)
		}
	}
	for _, key := range slices.SortedFunc(maps.Keys(c.files), compareKeys) {
		if _, ok := s.files[key]; !ok {
			f.found(category, file, "%s is in the %s, though the log says that it is not live", key.path, what)
		}
	}
	switch {
	case c.metaData == nil:
		f.found(category, file, "the %s has no metaData", what)
	case s.metaData != nil && c.metaData.SchemaString != s.metaData.SchemaString:
		f.found(category, file, "the %s's schema is not that of the log", what)
	}
	if c.protocol == nil {
		f.found(category, file, "the %s has no protocol", what)
	}
}

// sums lists the version checksums of the log (PROTOCOL.md, "Version Checksum File").
func (f *fsck) sums(ctx context.Context) (map[int64]string, error) {
	infos, err := f.table.store.List(ctx, logDir, "")
	if err != nil {
		return nil, fmt.Errorf("delta: listing the log: %w", err)
	}
	out := map[int64]string{}
	for _, info := range infos {
		if v, rest, ok := splitLogName(path.Base(info.Name)); ok && rest == "crc" {
			out[v] = info.Name
		}
	}
	return out, nil
}

func (f *fsck) sum(ctx context.Context, s *state, name string) error {
	data, err := f.table.store.Read(ctx, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("delta: %s: %w", name, err)
	}
	f.Sums++
	var sum struct {
		Bytes *number `json:"tableSizeBytes"`
		Files *number `json:"numFiles"`
	}
	if err := json.Unmarshal(data, &sum); err != nil {
		f.Problems = append(f.Problems, &Error{Category: SumWrong, File: name, Problem: "not a version checksum", Err: err})
		return nil
	}
	if s == nil {
		return nil
	}
	var bytes int64
	for _, a := range s.files {
		bytes += a.Size.value()
	}
	if n := int64(len(s.files)); sum.Files != nil && sum.Files.value() != n {
		f.found(SumWrong, name, "it says %d files, the log %d", sum.Files.value(), n)
	}
	if sum.Bytes != nil && sum.Bytes.value() != bytes {
		f.found(SumWrong, name, "it says %d bytes, the log %d", sum.Bytes.value(), bytes)
	}
	return nil
}

func (f *fsck) hint(ctx context.Context) error {
	data, err := f.table.store.Read(ctx, hintName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("delta: %s: %w", hintName, err)
	}
	var h struct {
		Version *number `json:"version"`
	}
	if err := json.Unmarshal(data, &h); err != nil || h.Version == nil {
		f.Problems = append(f.Problems, &Error{Category: HintWrong, File: hintName, Problem: "it names no version", Err: err})
	} else if f.listing.checkpoints[h.Version.value()] == nil {
		f.found(HintWrong, hintName, "version %d has no complete checkpoint", h.Version.value())
	}
	return nil
}

func (f *fsck) files(ctx context.Context) error {
	s, err := f.table.Snapshot(ctx, Latest())
	if err != nil {
		for _, e := range f.Problems { // which the log said already
			if err.Error() == e.Error() {
				return nil
			}
		}
		return f.note(err)
	}
	f.Version = s.Version()
	dv := &dvReader{store: f.table.store}
	for _, a := range sortFiles(slices.Collect(maps.Values(s.state.files))) {
		if err := ctx.Err(); err != nil {
			return err
		}
		f.Files++
		info, err := f.table.store.Stat(ctx, a.path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			f.found(FileMissing, a.path, "the file is gone, though it is live in version %d", f.Version)
		case err != nil:
			return fmt.Errorf("delta: %s: %w", a.path, err)
		case info.Size != a.Size.value():
			f.found(FileSize, a.path, "the file has %d bytes, the log says %d", info.Size, a.Size.value())
		}
		if a.stats() != nil && *a.stats() != "" && a.rows() < 0 {
			f.found(StatsWrong, a.path, "its statistics do not parse")
		}
		file := *a
		file.DeletionVector = nil
		if _, err := s.file(ctx, &file, dv); err != nil {
			if err := f.note(err); err != nil {
				return err
			}
		}
		if a.DeletionVector != nil {
			f.Vectors++
			if _, err := dv.resolve(ctx, a, a.rows()); err != nil {
				if err := f.note(err); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
