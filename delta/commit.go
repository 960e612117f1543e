package delta

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Commit writes the commit as the next version and returns that.
//
// When others committed meanwhile, it goes after them if nothing that they did
// matters to it: appends follow appends. Otherwise it is a *[ConflictError]:
//
//   - a removed or retagged file, or one of [Txn.Reads], is gone;
//   - rows came or went and the commit read the whole table, or that part of it
//     ([Txn.ReadsWhere]); rows came and it removes or read files, without saying
//     which part. A blind append counts only for readers of the whole table, and
//     where delta.isolationLevel is Serializable. Rows that come do not matter to a
//     commit that moves no data ([Txn.Rearrange]);
//   - an application of [Txn.SetTxn] committed;
//   - schema or properties changed; the protocol lost a feature, or both change it.
//
// These are the rules of Spark's ConflictChecker, with two differences: files are
// compared by path, whatever their deletion vectors, and a change that moves no
// data does not matter to readers of the whole table.
//
// A commit that is in the log already, since it was resumed or its first attempt
// failed after it was written, gives that version. Other errors: *[Error] with
// [ErrInvalid] or [ErrUnsupported] before anything is written, [ErrGone] when
// commits between were cleaned up, and what the store says. After all of them but
// [ErrUncertain], the data files that were written for the commit may go; a file of
// deletion vectors that it wrote is gone.
//
// Afterwards the version's checksum (.crc) is written and, every so many versions
// (delta.checkpointInterval, 10), a checkpoint: a V2 one, with sidecars for very
// many files, where delta.checkpointPolicy is v2. Then entries of the log before an older one go that nobody can ask
// for any more (delta.logRetentionDuration, 30 days; not when
// delta.enableExpiredLogCleanup is false). When that fails, [Table.Warn] is told,
// and the commit stands.
func (x *Txn) Commit(ctx context.Context) (int64, error) {
	if x.result != nil {
		return 0, invalid("the commit is version %d already", x.result.Version())
	}
	if err := x.seal(); err != nil {
		return 0, err
	}
	current, err := x.start(ctx)
	if err != nil {
		return 0, err
	}
	version, err := x.write(ctx, current)
	if err != nil && !errors.Is(err, ErrUncertain) {
		x.discardVectors(ctx)
	}
	return version, err
}

// write puts the commit into the log, after those that others put there.
func (x *Txn) write(ctx context.Context, current *Snapshot) (int64, error) {
	if err := x.writeVectors(ctx); err != nil {
		return 0, err
	}
	for lost := 0; ; lost++ {
		var err error
		if current, err = x.catchUp(ctx, current); err != nil {
			return 0, err
		}
		if x.result != nil {
			return x.result.Version(), nil
		}
		version := x.prepared.ReadVersion + 1
		if current != nil {
			version = current.Version() + 1
		}
		now := x.table.now().UTC().Truncate(time.Millisecond)
		if current != nil && x.timed(current) && !now.After(current.time) {
			now = current.time.Add(time.Millisecond)
		}
		data, err := x.render(current, now)
		if err != nil {
			return 0, err
		}
		err = x.table.store.PutNew(ctx, commitName(version), data)
		switch {
		case err == nil || !errors.Is(err, ErrExists) && x.landed(ctx, version):
			if err := x.finish(ctx, current, version, data, now); err != nil {
				return 0, fmt.Errorf("delta: version %d is written, but %w: %w", version, ErrUncertain, err)
			}
			return version, nil
		case !errors.Is(err, ErrExists):
			return 0, fmt.Errorf("delta: writing version %d: %w: %w", version, ErrUncertain, err)
		case lost == maxLost:
			return 0, fmt.Errorf("delta: writing version %d: lost %d times in a row: %w", version, lost, err)
		}
	}
}

// maxLost bounds the attempts. Each lost one means that another writer won.
const maxLost = 1000

// start gives the snapshot that the commit follows, nil for a new table. A new
// table must have no log at all: where old commits were cleaned up, version 0
// would be free.
func (x *Txn) start(ctx context.Context) (*Snapshot, error) {
	p := &x.prepared
	if p.ReadVersion < 0 {
		l, err := x.table.list(ctx, 0)
		if err != nil || l.last < 0 || x.landed(ctx, 0) {
			return nil, err
		}
		return nil, &ConflictError{Kind: TableExists, Version: l.last}
	}
	if x.base == nil {
		base, err := x.table.Snapshot(ctx, Version(p.ReadVersion))
		if err != nil {
			return nil, err
		}
		x.base = base
	}
	return x.base, x.base.writable(p.Upholds, p.WritesRows)
}

// catchUp reads what was committed after current and checks that this commit can
// follow it. It sets the result when it finds this commit itself.
func (x *Txn) catchUp(ctx context.Context, current *Snapshot) (*Snapshot, error) {
	from := x.prepared.ReadVersion
	if current != nil {
		if current.newest(ctx) {
			return current, nil
		}
		from = current.Version()
	}
	l, err := x.table.list(ctx, from+1)
	if err != nil || l.last <= from {
		return current, err
	}
	st := newState()
	if current != nil {
		st = current.state.clone()
	}
	for v := from + 1; v <= l.last; v++ {
		c, err := x.table.readCommit(ctx, v)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("delta: commits after version %d, which was read: version %d is %w; read the table again", from, v, ErrGone)
		}
		if err != nil {
			return nil, err
		}
		ours := parseInfo(c.info).TxnID == x.prepared.ID
		if !ours {
			if err := x.conflict(c, st.protocol); err != nil {
				return nil, err
			}
		}
		st.apply(c)
		st.modified = l.commits[v].Modified
		if ours {
			x.result, err = x.table.snapshot(ctx, st, nil)
			return nil, err
		}
	}
	next, err := x.table.snapshot(ctx, st, current)
	if err != nil {
		return nil, err
	}
	return next, next.writable(x.prepared.Upholds, x.prepared.WritesRows)
}

// landed reports whether that version of the log is this commit: an attempt may
// fail for the writer and yet be in the log.
func (x *Txn) landed(ctx context.Context, version int64) bool {
	c, err := x.table.readCommit(context.WithoutCancel(ctx), version)
	return err == nil && parseInfo(c.info).TxnID == x.prepared.ID
}

// finish makes the new snapshot from the old one and what was written, and writes
// a checkpoint when it is time.
func (x *Txn) finish(ctx context.Context, current *Snapshot, version int64, data []byte, now time.Time) error {
	c, err := parseCommit(commitName(version), version, data)
	if err != nil {
		return err
	}
	st := newState()
	if current != nil {
		st = current.state.clone()
	}
	st.apply(c)
	st.modified = now
	if x.result, err = x.table.snapshot(ctx, st, current); err != nil {
		return err
	}
	if err := x.table.writeChecksum(ctx, st); err != nil {
		x.table.warn(fmt.Errorf("delta: checksum of version %d: %w", version, err))
	}
	if n := checkpointInterval(st.metaData.Configuration); version > 0 && version%n == 0 {
		if err := x.table.writeCheckpoint(ctx, st, now); err != nil {
			x.table.warn(fmt.Errorf("delta: checkpoint of version %d: %w", version, err))
		} else if err := x.table.cleanLog(ctx, st, now); err != nil {
			x.table.warn(fmt.Errorf("delta: cleaning up the log behind version %d: %w", version, err))
		}
	}
	return nil
}

// Snapshot is the table as the commit left it, without reading it again. Nil
// before [Txn.Commit] succeeded.
func (x *Txn) Snapshot() *Snapshot { return x.result }

// render writes the commit as it follows current: commitInfo first.
func (x *Txn) render(current *Snapshot, now time.Time) ([]byte, error) {
	p := &x.prepared
	millis := now.UnixMilli()
	var b strings.Builder
	info, err := x.commitInfo(current, millis)
	if err != nil {
		return nil, err
	}
	actions := []action{{CommitInfo: json.RawMessage(info)}}
	if p.Protocol != nil {
		actions = append(actions, action{Protocol: p.Protocol})
	}
	if p.MetaData != nil {
		meta := *p.MetaData
		switch {
		case p.ReadVersion < 0:
			meta.CreatedTime = numberOf(millis)
		case x.timed(current) && !current.state.inCommitTimestamps():
			meta.Configuration = maps.Clone(meta.Configuration)
			meta.Configuration[ictEnablement+"Version"] = strconv.FormatInt(current.Version()+1, 10)
			meta.Configuration[ictEnablement+"Timestamp"] = strconv.FormatInt(millis, 10)
		}
		actions = append(actions, action{MetaData: &meta})
	}
	for _, t := range p.Txns {
		t.LastUpdated = numberOf(millis)
		actions = append(actions, action{Txn: &t})
	}
	for _, f := range p.Removes {
		gone := *f
		gone.DeletionTimestamp = numberOf(millis)
		actions = append(actions, action{Remove: &gone})
	}
	adds, domain, err := x.tracked(current)
	if err != nil {
		return nil, err
	}
	for _, f := range adds {
		actions = append(actions, action{Add: f})
	}
	if domain != nil {
		actions = append(actions, action{Domain: domain})
	}
	for _, f := range p.Changes {
		actions = append(actions, action{Change: f})
	}
	for _, a := range actions {
		text, err := marshal(a)
		if err != nil {
			return nil, err
		}
		b.WriteString(text + "\n")
	}
	return []byte(b.String()), nil
}

// timed reports whether the commit carries its own time: the one that switches
// that on does too.
func (x *Txn) timed(current *Snapshot) bool {
	if m := x.prepared.MetaData; m != nil && m.Configuration[ictProperty] == "true" {
		return true
	}
	return current != nil && current.state.inCommitTimestamps()
}

// commitInfo is in the shape of Spark's (PROTOCOL.md, "Commit Provenance Information").
func (x *Txn) commitInfo(current *Snapshot, millis int64) (string, error) {
	p := &x.prepared
	o := &object{}
	set := func(key, value string) { o.set([]string{key}, value) }
	if x.timed(current) {
		set("inCommitTimestamp", strconv.FormatInt(millis, 10))
	}
	set("timestamp", strconv.FormatInt(millis, 10))
	set("operation", quote(p.Operation))
	params, err := x.merged("operationParameters", x.parameters())
	if err != nil {
		return "", err
	}
	set("operationParameters", params)
	if p.ReadVersion >= 0 {
		set("readVersion", strconv.FormatInt(p.ReadVersion, 10))
	}
	isolation := "WriteSerializable"
	switch {
	case p.Whole || x.serializable():
		isolation = "Serializable"
	case x.movesNoData():
		isolation = "SnapshotIsolation"
	}
	set("isolationLevel", quote(isolation))
	set("isBlindAppend", strconv.FormatBool(x.blindAppend()))
	metrics, err := x.merged("operationMetrics", x.metrics())
	if err != nil {
		return "", err
	}
	set("operationMetrics", metrics)
	set("engineInfo", quote(x.table.engine()))
	set("txnId", quote(p.ID))
	for _, k := range sortedKeys(p.Info) {
		if k != "operationParameters" && k != "operationMetrics" {
			set(k, string(p.Info[k]))
		}
	}
	return o.String(), nil
}

// merged writes a map of texts with what Info has under the key laid over it.
func (x *Txn) merged(key string, values map[string]string) (string, error) {
	if raw, ok := x.prepared.Info[key]; ok {
		if err := json.Unmarshal(raw, &values); err != nil {
			return "", invalid("info: %s is no object of values: %v", key, err)
		}
	}
	return marshal(values)
}

// blindAppend reports whether the commit only adds rows and read nothing.
func (x *Txn) blindAppend() bool {
	p := &x.prepared
	return !p.Whole && len(p.Reads) == 0 && len(p.Where) == 0 && len(p.Removes) == 0 && (p.MetaData == nil || p.ReadVersion < 0) &&
		!slices.ContainsFunc(p.Adds, func(f *fileAction) bool { return !f.changesData() })
}

// parameters are those that Spark gives for the operation.
func (x *Txn) parameters() map[string]string {
	out := map[string]string{}
	p := &x.prepared
	partitionBy := x.partitionBy
	if x.base != nil {
		partitionBy = x.base.partitionBy
	} else if p.MetaData != nil {
		partitionBy = p.MetaData.PartitionColumns
	}
	if partitionBy == nil {
		partitionBy = []string{}
	}
	columns, err := marshal(partitionBy)
	if err != nil { // strings always marshal
		columns = "[]"
	}
	switch {
	case p.Operation == "WRITE":
		out["mode"], out["partitionBy"] = "Append", columns
		if len(p.Removes) > 0 {
			out["mode"] = "Overwrite"
		}
	case p.ReadVersion < 0:
		out["partitionBy"] = columns
	}
	return out
}

// metrics counts what the commit does to files.
func (x *Txn) metrics() map[string]string {
	p := &x.prepared
	var files, rows, bytes int64
	removed := make(map[string]bool, len(p.Removes))
	for _, f := range p.Removes {
		removed[f.path] = true
	}
	vectors := map[string]bool{}
	for _, f := range p.Adds {
		if removed[f.path] { // the same file with another deletion vector
			vectors[f.path] = true
			continue
		}
		if !f.changesData() {
			continue
		}
		files++
		bytes += f.Size.value()
		if n := f.rows(); n < 0 || rows < 0 {
			rows = -1
		} else {
			rows += n
		}
	}
	out := map[string]string{"numFiles": strconv.FormatInt(files, 10), "numOutputBytes": strconv.FormatInt(bytes, 10)}
	if rows >= 0 {
		out["numOutputRows"] = strconv.FormatInt(rows, 10)
	}
	if n := len(vectors); n > 0 {
		out["numDeletionVectorsUpdated"] = strconv.Itoa(n)
	}
	if n := len(removed) - len(vectors); n > 0 {
		var gone int64
		for _, f := range p.Removes {
			if !vectors[f.path] {
				gone += f.Size.value()
			}
		}
		out["numRemovedFiles"], out["numRemovedBytes"] = strconv.Itoa(n), strconv.FormatInt(gone, 10)
	}
	return out
}
