package delta

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
)

// RestoreOptions are the ways to restore a table. The zero value is the safe one.
type RestoreOptions struct {
	// IgnoreMissing restores what is left when files of the old version were
	// vacuumed away. Their rows are lost; [Restored] names them.
	IgnoreMissing bool
}

// Restored is what [Table.Restore] did.
type Restored struct {
	Version int64    // the new version
	From    int64    // the version whose rows and columns it has
	Added   int      // files that came back
	Removed int      // files that went
	Missing []string // files that are gone for good, with [RestoreOptions.IgnoreMissing]
}

// Restore makes the table's rows, columns and properties what they were at a
// version or time, as a new commit: nothing of the history is lost, and a restore
// can be restored. What applications recorded of their progress ([Txn.SetTxn]) is
// set back too, since the table no longer has what came after. The protocol never
// gets older, and marks of identity columns stay as they are, so that no number is
// given twice. It reports rows as changed, to readers of changes too.
//
// Errors: *[Error] with [ErrInvalid] when files of the old version no longer
// exist, naming some, or the table is append-only and would lose rows;
// *[ConflictError] when others changed rows meanwhile; else as [Table.Snapshot]
// at that version and [Txn.Commit]. Nothing is written then.
//
// Cost: two snapshots, and one look at the store for each file and each file of
// deletion vectors that comes back.
func (t *Table) Restore(ctx context.Context, at At, opts RestoreOptions) (Restored, error) {
	var done Restored
	now, err := t.Snapshot(ctx, Latest())
	if err != nil {
		return done, err
	}
	old, err := t.Snapshot(ctx, at)
	if err != nil {
		return done, err
	}
	done.From = old.Version()
	x := now.Begin("RESTORE")
	x.Reads(true)
	seen := map[string]error{}
	for _, key := range slices.SortedFunc(maps.Keys(old.state.files), compareKeys) {
		if now.state.files[key] != nil {
			continue
		}
		f := old.state.files[key]
		missing, err := t.missing(ctx, f, seen)
		if err != nil {
			return done, err
		}
		if missing != "" {
			done.Missing = append(done.Missing, missing)
			continue
		}
		next := *f
		next.DataChange, next.PartitionValues = new(true), notNil(f.PartitionValues)
		x.restored = append(x.restored, &next)
	}
	if n := len(done.Missing); n > 0 && !opts.IgnoreMissing {
		return done, &Error{Category: InvalidChange, File: done.Missing[0],
			Problem: fmt.Sprintf("restore of version %d: %d of its files no longer exist", done.From, n),
			Hint:    "restore a newer version, or restore what is left by ignoring missing files"}
	}
	for _, key := range slices.SortedFunc(maps.Keys(now.state.files), compareKeys) {
		if old.state.files[key] == nil {
			x.removeAction(now.state.files[key], true)
		}
	}
	for app, is := range now.state.txns {
		was, ok := old.state.txns[app]
		if !ok {
			was.Version = -1 // before its first: applications count from 0
		}
		if was.Version != is.Version {
			x.SetTxn(app, int64(was.Version))
		}
	}
	x.restore = old
	done.Added, done.Removed = len(x.restored), len(x.removes)
	x.Info(map[string]any{
		"operationParameters": map[string]any{"version": done.From},
		"operationMetrics":    map[string]any{"numRestoredFiles": done.Added, "numRemovedFiles": done.Removed, "numMissingFiles": len(done.Missing)},
	})
	done.Version, err = x.Commit(ctx)
	return done, err
}

func compareKeys(a, b fileKey) int {
	if a.path != b.path {
		return strings.Compare(a.path, b.path)
	}
	return strings.Compare(a.dv, b.dv)
}

// missing names the file, or its file of deletion vectors, that does not exist.
// Seen remembers what was looked at: many files share one of vectors.
func (t *Table) missing(ctx context.Context, f *fileAction, seen map[string]error) (string, error) {
	names := []string{f.path}
	if d := f.DeletionVector; d != nil && d.StorageType != "i" {
		name, err := dvFile(d)
		if err != nil {
			return "", dvError(DVCorrupt, f.path, "location", err)
		}
		names = append(names, name)
	}
	for _, name := range names {
		err, ok := seen[name]
		if !ok {
			_, err = t.store.Stat(ctx, name)
			seen[name] = err
		}
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return name, nil
		case err != nil:
			return "", fmt.Errorf("delta: %s: %w", name, err)
		}
	}
	return "", nil
}
