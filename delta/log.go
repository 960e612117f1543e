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
	"strconv"
	"strings"
	"time"
)

func commitName(version int64) string { return fmt.Sprintf("%s/%020d.json", logDir, version) }

func checkpointName(version int64) string {
	return fmt.Sprintf("%s/%020d.checkpoint.parquet", logDir, version)
}

const hintName = logDir + "/_last_checkpoint"

// listing is what a log folder holds from some version on.
type listing struct {
	commits     map[int64]Info
	checkpoints map[int64][][]string // complete ones: each a set of files
	compactions map[int64][]int64    // first version to last ones, rising
	first, last int64                // of commits and complete checkpoints; -1 when there is none
}

// parts are the files of a multi-part checkpoint.
type parts struct {
	version int64
	of      int
}

// list reads the log folder from a version on. Names that the protocol does not
// know are passed over (PROTOCOL.md, "File Types").
func (t *Table) list(ctx context.Context, from int64) (*listing, error) {
	infos, err := t.store.List(ctx, logDir, fmt.Sprintf("%020d", from))
	if err != nil {
		return nil, fmt.Errorf("delta: listing the log: %w", err)
	}
	l := &listing{commits: map[int64]Info{}, checkpoints: map[int64][][]string{}, compactions: map[int64][]int64{}, first: -1, last: -1}
	multi := map[parts][]string{}
	for _, info := range infos {
		version, rest, ok := splitLogName(path.Base(info.Name))
		if !ok {
			continue
		}
		switch {
		case rest == "json":
			l.commits[version] = info
		case rest == "checkpoint.parquet":
			l.checkpoints[version] = append(l.checkpoints[version], []string{info.Name})
		case strings.HasPrefix(rest, "checkpoint."):
			if n, of, ok := splitPart(rest); ok {
				key := parts{version, of}
				// Parts sort by number, so a set is complete when the last comes in turn.
				if len(multi[key]) == n-1 {
					multi[key] = append(multi[key], info.Name)
				}
				if len(multi[key]) == of {
					l.checkpoints[version] = append(l.checkpoints[version], multi[key])
				}
			} else if isV2Name(rest) {
				l.checkpoints[version] = append([][]string{{info.Name}}, l.checkpoints[version]...)
			}
			if l.checkpoints[version] == nil {
				continue
			}
		default:
			if to, rest, ok := splitLogName(rest); ok && rest == "compacted.json" && to > version {
				l.compactions[version] = append(l.compactions[version], to)
			}
			continue // what it holds is in its commits too
		}
		if l.first < 0 || version < l.first {
			l.first = version
		}
		l.last = max(l.last, version)
	}
	return l, nil
}

// splitLogName cuts 00000000000000000007.json into 7 and json.
func splitLogName(base string) (version int64, rest string, ok bool) {
	if len(base) < 22 || base[20] != '.' {
		return 0, "", false
	}
	digits := base[:20]
	if strings.Trim(digits, "0123456789") != "" {
		return 0, "", false
	}
	version, err := strconv.ParseInt(digits, 10, 64)
	return version, base[21:], err == nil
}

// splitPart reads checkpoint.0000000001.0000000003.parquet.
func splitPart(rest string) (n, of int, ok bool) {
	f := strings.Split(rest, ".")
	if len(f) != 4 || f[3] != "parquet" || len(f[1]) != 10 || len(f[2]) != 10 {
		return 0, 0, false
	}
	n, err1 := strconv.Atoi(f[1])
	of, err2 := strconv.Atoi(f[2])
	return n, of, err1 == nil && err2 == nil && 1 <= n && n <= of
}

// isV2Name reports whether the rest of a name is checkpoint.<uuid>.json or .parquet.
func isV2Name(rest string) bool {
	f := strings.Split(rest, ".")
	return len(f) == 3 && len(f[1]) == 36 && strings.Count(f[1], "-") == 4 && (f[2] == "json" || f[2] == "parquet")
}

// state is a table as its log says it is at one version.
type state struct {
	version  int64
	info     json.RawMessage // of the last commit; nil when it was not read
	modified time.Time       // of the last commit's file; zero when it is not there

	protocol     *protocol
	protocolFile string // that says it; "" when this process does
	metaData     *metaData
	files        map[fileKey]*fileAction
	tombstones   map[fileKey]*fileAction
	txns         map[string]appTxn
	domains      map[string]domainMetadata
}

func newState() *state {
	return &state{version: -1, files: map[fileKey]*fileAction{}, tombstones: map[fileKey]*fileAction{},
		txns: map[string]appTxn{}, domains: map[string]domainMetadata{}}
}

func (s *state) clone() *state {
	c := *s
	c.files, c.tombstones = maps.Clone(s.files), maps.Clone(s.tombstones)
	c.txns, c.domains = maps.Clone(s.txns), maps.Clone(s.domains)
	return &c
}

// apply replays a commit or the content of a checkpoint (PROTOCOL.md, "Action
// Reconciliation"). Going forward, the last action about a key wins.
func (s *state) apply(c *commit) {
	s.version, s.info = c.version, c.info
	if len(s.files) == 0 && len(c.adds) > 0 {
		s.files = make(map[fileKey]*fileAction, len(c.adds))
	}
	if c.protocol != nil {
		s.protocol, s.protocolFile = c.protocol, c.file
	}
	if c.metaData != nil {
		s.metaData = c.metaData
	}
	for _, t := range c.txns {
		s.txns[t.AppID] = t
	}
	for _, d := range c.domains {
		if d.Removed {
			delete(s.domains, d.Domain)
		} else {
			s.domains[d.Domain] = d
		}
	}
	for _, f := range c.removes {
		delete(s.files, f.key())
		s.tombstones[f.key()] = f
	}
	for _, f := range c.adds {
		delete(s.tombstones, f.key())
		s.files[f.key()] = f
	}
}

// readCommit reads one commit of the log. fs.ErrNotExist when there is none.
func (t *Table) readCommit(ctx context.Context, version int64) (*commit, error) {
	name := commitName(version)
	data, err := t.store.Read(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("delta: %s: %w", name, err)
	}
	c, err := parseCommit(name, version, data)
	if err != nil {
		return nil, err
	}
	return c, c.checkFiles(name)
}

// load builds the state at a version, or at the newest one when version is
// negative. It starts from the newest checkpoint that can be read.
func (t *Table) load(ctx context.Context, version int64) (*state, error) {
	hint := t.hint(ctx)
	from := hint.version
	if version >= 0 && from > version {
		from = 0
	}
	l, err := t.list(ctx, from)
	if err != nil {
		return nil, err
	}
	s, err := t.loadFrom(ctx, l, version, hint)
	if err == nil || from == 0 || ctx.Err() != nil {
		return s, err
	}
	// The hint led nowhere, or to a checkpoint that cannot be read.
	if l, err = t.list(ctx, 0); err != nil {
		return nil, err
	}
	return t.loadFrom(ctx, l, version, hint)
}

func (t *Table) loadFrom(ctx context.Context, l *listing, version int64, hint told) (*state, error) {
	if l.last < 0 {
		return nil, fmt.Errorf("delta: %w: there is no log in %s", ErrNoTable, logDir)
	}
	target := version
	if target < 0 {
		target = l.last
	}
	var failed error
	for _, start := range slices.Backward(slices.Sorted(maps.Keys(l.checkpoints))) {
		if start > target {
			continue
		}
		for _, files := range l.checkpoints[start] {
			s, err := t.wholeCheckpoint(ctx, start, files, hint)
			if err != nil {
				if ctx.Err() != nil {
					return nil, ctx.Err()
				}
				t.warn(err)
				failed = err
				continue
			}
			if s, err = t.replay(ctx, l, s, target); failed != nil && isGap(err) {
				err = failed // the checkpoint stands for what is not there any more
			}
			return s, err
		}
	}
	if _, ok := l.commits[0]; ok {
		s, err := t.replay(ctx, l, newState(), target)
		if failed != nil && isGap(err) {
			err = failed
		}
		return s, err
	}
	switch {
	case failed != nil:
		return nil, failed
	case version >= 0 && l.first > 0 && len(l.checkpoints) > 0:
		return nil, fmt.Errorf("delta: version %d: %w: the log begins at version %d", version, ErrGone, slices.Min(slices.Collect(maps.Keys(l.checkpoints))))
	}
	return nil, &Error{Category: LogGap, File: commitName(0),
		Problem: fmt.Sprintf("the log begins at version %d and has no complete checkpoint to begin with", l.first)}
}

func isGap(err error) bool {
	e := (*Error)(nil)
	return errors.As(err, &e) && e.Category == LogGap
}

// compactionName is the file that has the actions of these commits in one.
func compactionName(from, to int64) string {
	return fmt.Sprintf("%s/%020d.%020d.compacted.json", logDir, from, to)
}

// compaction gives what the commits from a version on come to, up to target at most,
// as one commit: the longest compaction that can be read, of commits that are all
// there. Nil when there is none (PROTOCOL.md, "Log Compaction Files").
func (t *Table) compaction(ctx context.Context, l *listing, from, target int64) *commit {
	whole := from
	for ; len(l.compactions[from]) > 0 && whole <= target; whole++ {
		if _, ok := l.commits[whole]; !ok {
			break
		}
	}
	for _, to := range slices.Backward(l.compactions[from]) {
		if to >= whole {
			continue
		}
		c, err := t.readCompaction(ctx, from, to)
		if err == nil {
			return c
		}
		if ctx.Err() != nil {
			return nil
		}
		t.warn(err) // the commits say the same
	}
	return nil
}

func (t *Table) readCompaction(ctx context.Context, from, to int64) (*commit, error) {
	name := compactionName(from, to)
	data, err := t.store.Read(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("delta: %s: %w", name, err)
	}
	c, err := parseCommit(name, to, data)
	if err != nil {
		return nil, err
	}
	if len(data) == 0 || from == 0 && (c.protocol == nil || c.metaData == nil) {
		return nil, &Error{Category: LogCorrupt, File: name, Problem: "the compaction of the log lacks what its commits must have"}
	}
	c.info = nil // of one commit among many, if any
	return c, c.checkFiles(name)
}

// replay applies the commits after s up to target.
func (t *Table) replay(ctx context.Context, l *listing, s *state, target int64) (*state, error) {
	for s.version < target {
		v := s.version + 1
		if c := t.compaction(ctx, l, v, target); c != nil {
			s.apply(c)
			continue
		}
		c, err := t.readCommit(ctx, v)
		if errors.Is(err, fs.ErrNotExist) {
			if v > l.last {
				return nil, fmt.Errorf("delta: version %d: %w: the newest is %d", target, ErrNoVersion, v-1)
			}
			return nil, &Error{Category: LogGap, File: commitName(v),
				Problem: fmt.Sprintf("the commit is missing, though the log goes on to version %d", l.last)}
		}
		if err != nil {
			return nil, err
		}
		s.apply(c)
	}
	if info, ok := l.commits[s.version]; ok {
		s.modified = info.Modified
	}
	return s, nil
}
