package delta

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dq-dev/dq/table"
)

// VacuumOptions say what [Table.Vacuum] deletes. The zero value keeps to the
// table's own rules.
type VacuumOptions struct {
	// Retention is how long files stay that no version needs any more. Nil is the
	// table's delta.deletedFileRetentionDuration, one week if it has none. A longer
	// one reaches only as far back as the log remembers removed files, which
	// checkpoints do for the table's.
	Retention *time.Duration
	// Force permits a Retention below the table's: readers of old versions, and
	// commits whose files are written but not yet in the log, then break.
	Force bool
	// DryRun only says what would be deleted.
	DryRun bool
}

// Vacuumed is what [Table.Vacuum] deleted, or would have.
type Vacuumed struct {
	Files []Info // by name
	Bytes int64  // of all together
}

// Vacuum deletes the files below the table's root that no reader needs any more:
// those that are in no live file of the newest version, in no deletion vector of
// one, not removed within the retention, and not written within it. Files of
// changed rows go once they are older than the retention. What begins with _ or .
// stays, the log above all; folders of a partition column whose name begins so are
// data like any other. Files outside the root are never touched. (PROTOCOL.md,
// "Vacuum Protocol Check".)
//
// Versions older than the retention can no longer be read afterwards. Unless it is
// a dry run, the log gets an entry before (VACUUM START) and after it (VACUUM END).
//
// Errors: *[Error] with [ErrInvalid] for a retention below the table's without
// Force, or below zero; with [ErrUnsupported] when the table has a feature of
// writers that this package does not know, since it may keep files that it does
// not see; else as [Table.Snapshot], and what the store says. What was deleted
// until then is in the result.
//
// Cost: one snapshot, a walk over all files of the store, and memory of a name for
// each live file, recently removed file, and file to delete.
func (t *Table) Vacuum(ctx context.Context, opts VacuumOptions) (Vacuumed, error) {
	var done Vacuumed
	s, err := t.Snapshot(ctx, Latest())
	if err != nil {
		return done, err
	}
	if err := s.writable(nil, false); err != nil {
		return done, err
	}
	least := tombstoneRetention(s.state.metaData.Configuration)
	retention := least
	if opts.Retention != nil {
		retention = *opts.Retention
	}
	if retention < 0 || retention < least && !opts.Force {
		return done, &Error{Category: InvalidChange, Problem: fmt.Sprintf("vacuum: a retention of %s is below the table's %s (delta.deletedFileRetentionDuration)", retention, least),
			Hint: "readers and writers that are at work would lose files; force it only when there are none"}
	}
	before := t.now().Add(-retention)
	plan, err := s.unneeded(ctx, before)
	if err != nil || opts.DryRun {
		for _, f := range plan {
			done.Bytes += f.Size
		}
		done.Files = plan
		return done, err
	}
	var bytes int64
	for _, f := range plan {
		bytes += f.Size
	}
	s, err = s.note(ctx, "VACUUM START", map[string]any{
		"operationParameters": map[string]any{"retentionCheckEnabled": !opts.Force, "specifiedRetentionMillis": retention.Milliseconds(), "defaultRetentionMillis": least.Milliseconds()},
		"operationMetrics":    map[string]any{"numFilesToDelete": len(plan), "sizeOfDataToDelete": bytes},
	})
	if err != nil {
		return done, err
	}
	status := "COMPLETED"
	for _, f := range plan {
		if err = t.store.Delete(ctx, f.Name); err != nil {
			err, status = fmt.Errorf("delta: vacuum: deleting %s: %w", f.Name, err), "FAILED"
			break
		}
		done.Files, done.Bytes = append(done.Files, f), done.Bytes+f.Size
	}
	if _, noted := s.note(ctx, "VACUUM END", map[string]any{
		"operationParameters": map[string]any{"status": status},
		"operationMetrics":    map[string]any{"numDeletedFiles": len(done.Files)},
	}); err == nil {
		err = noted
	}
	return done, err
}

// note commits nothing but what was done.
func (s *Snapshot) note(ctx context.Context, op string, info map[string]any) (*Snapshot, error) {
	x := s.Begin(op)
	x.Info(info)
	if _, err := x.Commit(ctx); err != nil {
		return nil, err
	}
	return x.Snapshot(), nil
}

// unneeded lists the files that nobody who read the table since the time needs.
func (s *Snapshot) unneeded(ctx context.Context, before time.Time) ([]Info, error) {
	needed, err := s.referenced(before)
	if err != nil {
		return nil, err
	}
	var out []Info
	for f, err := range s.table.store.Walk(ctx, "") {
		if err != nil {
			return nil, fmt.Errorf("delta: vacuum: %w", err)
		}
		if !needed[f.Name] && f.Modified.Before(before) && !s.hidden(f.Name) {
			out = append(out, f)
		}
	}
	slices.SortFunc(out, func(a, b Info) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// referenced names the files that the newest version needs, or that were removed
// since the time. Of an absolute name, which may point into the table, every end
// is there: one file too many is kept rather than one too few.
func (s *Snapshot) referenced(since time.Time) (map[string]bool, error) {
	out := make(map[string]bool, len(s.state.files))
	add := func(name string) {
		out[name] = true
		if !strings.HasPrefix(name, "/") && !hasScheme(name) {
			return
		}
		for rest, ok := name, true; ok; _, rest, ok = strings.Cut(rest, "/") {
			out[rest] = true
		}
	}
	file := func(f *fileAction) error {
		add(f.path)
		if d := f.DeletionVector; d != nil && d.StorageType != "i" {
			name, err := dvFile(d)
			if err != nil {
				return dvError(DVCorrupt, f.path, "location", err)
			}
			add(name)
		}
		return nil
	}
	for _, f := range s.state.files {
		if err := file(f); err != nil {
			return nil, err
		}
	}
	for _, f := range s.state.tombstones {
		if f.DeletionTimestamp.value() >= since.UnixMilli() {
			if err := file(f); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// hidden reports whether a name is none of the table's data, and so not for
// vacuum: a part of it begins with _ or a dot. Files of changed rows are not
// hidden, nor are folders of partition columns.
func (s *Snapshot) hidden(name string) bool {
	for i, part := range strings.Split(name, "/") {
		if part == "" || part[0] != '_' && part[0] != '.' || i == 0 && part == changeDir {
			continue
		}
		if !slices.ContainsFunc(s.schema.Fields, func(f table.Field) bool {
			return slices.Contains(s.partitionBy, f.Name) && (strings.HasPrefix(part, f.Name+"=") || strings.HasPrefix(part, s.mapping.physical(f)+"="))
		}) {
			return true
		}
	}
	return false
}
