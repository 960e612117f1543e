package delta

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"
)

// checkpointProtection is the feature of tables whose old versions are to be read
// by their checkpoints alone (PROTOCOL.md, "Checkpoint Protection").
const checkpointProtection = "checkpointProtection"

// unfinished is after what time nobody writes any more on what was being written.
const unfinished = time.Hour

// logRetention is how long entries of the log stay (delta.logRetentionDuration).
func logRetention(props map[string]string) time.Duration {
	if d, ok := parseInterval(props["delta.logRetentionDuration"]); ok {
		return d
	}
	return 30 * 24 * time.Hour
}

// cleanLog deletes what no version within the log's retention needs: entries,
// checkpoints and checksums before the newest checkpoint of a version that was
// older than that at the last midnight (UTC) (PROTOCOL.md, "Metadata Cleanup").
// Nothing goes unless that checkpoint can be read. A version is as old as its entry
// and, where it has one, its in-commit timestamp say: the younger of both, so that
// a copied log only stays for longer.
// Sidecars go once no checkpoint that stays names them. The table can switch it
// off (delta.enableExpiredLogCleanup=false), and nothing goes where old versions need
// features that the table has no more. What killed processes left half written
// goes in any case.
func (t *Table) cleanLog(ctx context.Context, s *state, now time.Time) error {
	if d, ok := t.store.(dir); ok {
		if err := d.sweep(logDir, now.Add(-unfinished)); err != nil {
			return err
		}
	}
	props := s.metaData.Configuration
	_, features := s.protocol.features()
	if strings.EqualFold(props["delta.enableExpiredLogCleanup"], "false") || slices.Contains(features, checkpointProtection) {
		return nil
	}
	cutoff := now.UTC().Add(-logRetention(props)).Truncate(24 * time.Hour)
	if last := t.cleaned.Load(); last != nil && last.Equal(cutoff) {
		return nil // what came since is younger
	}
	err := t.cleanBefore(ctx, s, cutoff, now)
	if err == nil {
		t.cleaned.Store(&cutoff)
	}
	return err
}

func (t *Table) cleanBefore(ctx context.Context, s *state, cutoff, now time.Time) error {
	l, err := t.list(ctx, 0)
	if err != nil {
		return err
	}
	keep, err := t.lastBefore(ctx, l, s, cutoff)
	if err != nil || keep <= l.first {
		return err
	}
	c, err := t.wholeCheckpoint(ctx, keep, l.checkpoints[keep][0], told{})
	if err != nil {
		return err
	}
	if c.protocol == nil || c.metaData == nil {
		return &Error{Category: CheckpointCorrupt, File: l.checkpoints[keep][0][0], Problem: "the checkpoint has no protocol or no metaData"}
	}
	infos, err := t.store.List(ctx, logDir, "")
	if err != nil {
		return fmt.Errorf("delta: listing the log: %w", err)
	}
	v2 := false
	for _, info := range infos { // by name, so that the oldest go first
		version, rest, ok := splitLogName(path.Base(info.Name))
		compacted := strings.HasSuffix(rest, ".compacted.json")
		// A compaction that begins with the checkpoint's version follows nothing that stays.
		if !ok || version > keep || version == keep && !compacted || info.Modified.After(cutoff) {
			continue
		}
		if rest == "json" || rest == "crc" || strings.HasPrefix(rest, "checkpoint.") || compacted {
			v2 = v2 || isV2Name(rest)
			if err := t.store.Delete(ctx, info.Name); err != nil {
				return fmt.Errorf("delta: %s: %w", info.Name, err)
			}
		}
	}
	if v2 {
		return t.cleanSidecars(ctx, now)
	}
	return nil
}

// lastBefore gives the newest version with a complete checkpoint that is as old as
// cutoff, -1 when there is none.
func (t *Table) lastBefore(ctx context.Context, l *listing, s *state, cutoff time.Time) (int64, error) {
	times := l.times()
	for _, v := range slices.Backward(slices.Sorted(maps.Keys(l.checkpoints))) {
		if when, ok := times[v]; !ok || when.After(cutoff) {
			continue
		}
		if s.inCommitTimestamps() {
			c, err := t.readCommit(ctx, v)
			if err != nil {
				return -1, err
			}
			if ict := parseInfo(c.info).InCommitTimestamp; ict != nil && time.UnixMilli(*ict).After(cutoff) {
				continue
			}
		}
		return v, nil
	}
	return -1, nil
}
