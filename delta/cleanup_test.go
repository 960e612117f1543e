package delta

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestLogCleanup: a table of 30 commits of the first of January with checkpoints
// at 10 and 20, to which version 30 brings a checkpoint at another time.
func TestLogCleanup(t *testing.T) {
	ctx := context.Background()
	for _, c := range []struct {
		name    string
		props   map[string]string
		at      string
		break20 bool
		first   int64 // what the log begins with afterwards
		warn    string
	}{
		{"young", nil, "2024-01-30T23:00:00Z", false, 0, ""},
		{"cut at midnight", nil, "2024-01-31T00:00:00Z", false, 0, ""}, // the entries are some milliseconds younger
		{"old", nil, "2024-02-01T01:00:00Z", false, 20, ""},
		{"a shorter retention", map[string]string{"delta.logRetentionDuration": "interval 2 days"}, "2024-01-04T01:00:00Z", false, 20, ""},
		{"a longer retention", map[string]string{"delta.logRetentionDuration": "interval 90 days"}, "2024-02-10T01:00:00Z", false, 0, ""},
		{"switched off", map[string]string{"delta.enableExpiredLogCleanup": "false"}, "2024-06-01T01:00:00Z", false, 0, ""},
		{"protected", nil, "2024-06-01T01:00:00Z", false, 0, ""},
		{"the checkpoint is broken", nil, "2024-02-01T01:00:00Z", true, 0, "not a readable checkpoint"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			tb := testTable(Dir(dir))
			s := create(t, tb, c.props)
			for i := range 29 {
				s = appendFiles(t, s, fmt.Sprintf("f%d", i))
			}
			logs, err := filepath.Glob(filepath.Join(dir, logDir, "0*"))
			if err != nil || len(logs) != 62 {
				t.Fatalf("%d files in the log (%v)", len(logs), err)
			}
			for _, r := range [][2]int64{{3, 8}, {15, 25}, {20, 25}, {21, 25}} {
				compact(t, tb, r[0], r[1])
			}
			if logs, err = filepath.Glob(filepath.Join(dir, logDir, "0*")); err != nil {
				t.Fatal(err)
			}
			if c.break20 {
				err = os.WriteFile(filepath.Join(dir, checkpointName(20)), []byte("PAR1"), 0o666)
			}
			for _, name := range logs {
				err = errors.Join(err, os.Chtimes(name, f0, f0))
			}
			if err != nil {
				t.Fatal(err)
			}
			if c.name == "protected" {
				s.state.protocol = &protocol{MinReader: 1, MinWriter: 7, WriterFeatures: &[]string{checkpointProtection}}
			}
			at, err := time.Parse(time.RFC3339, c.at)
			if err != nil {
				t.Fatal(err)
			}
			var warned []string
			tb.Clock, tb.Warn = func() time.Time { return at }, func(err error) { warned = append(warned, err.Error()) }
			want := describe(t, appendFiles(t, s, "last"))
			if got := describe(t, latest(t, Open(Dir(dir)))); got != want {
				t.Errorf("the table is\n%s\nwant\n%s", got, want)
			}
			if text := strings.Join(warned, "\n"); c.warn == "" && text != "" || !strings.Contains(text, c.warn) {
				t.Errorf("warned %q, want %q", text, c.warn)
			}
			l, err := tb.list(ctx, 0)
			if err != nil || l.first != c.first {
				t.Errorf("the log begins at %d, want %d (%v)", l.first, c.first, err)
			}
			if l, err = tb.list(ctx, 0); err != nil || c.first == 20 && (len(l.compactions) != 1 || l.compactions[21] == nil) || c.first == 0 && len(l.compactions) != 4 {
				t.Errorf("the compactions %v stay (%v)", l.compactions, err)
			}
			for v := range int64(30) {
				_, err := tb.Snapshot(ctx, Version(v))
				if v < c.first && !errors.Is(err, ErrGone) || v >= c.first && err != nil {
					t.Errorf("version %d: %v", v, err)
				}
			}
			if got, err := tb.Fsck(ctx); err != nil || c.warn == "" && len(got.Problems) != 30 { // the data files
				t.Errorf("fsck: %v (%v)", got.Problems, err)
			}
		})
	}
}

// TestUnfinishedWritesGo: what processes that were killed left beside the entries of
// a log goes with a checkpoint; what may be being written stays.
func TestUnfinishedWritesGo(t *testing.T) {
	root := t.TempDir()
	tb := testTable(Dir(root))
	s := create(t, tb, nil)
	now := tb.Clock()
	for name, age := range map[string]time.Duration{".tmp-1-killed": 2 * time.Hour, ".tmp-2-writing": time.Minute} {
		file := filepath.Join(root, logDir, name)
		if err := errors.Join(os.WriteFile(file, []byte("{"), 0o666), os.Chtimes(file, now.Add(-age), now.Add(-age))); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 10 {
		s = appendFiles(t, s, fmt.Sprintf("f%d", i))
	}
	left, err := filepath.Glob(filepath.Join(root, logDir, ".tmp-*"))
	if err != nil || len(left) != 1 || filepath.Base(left[0]) != ".tmp-2-writing" {
		t.Errorf("left are %v (%v)", left, err)
	}
}
