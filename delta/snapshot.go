package delta

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dq-dev/dq/table"
)

// Snapshot is a table as it was at one version. It never changes and is safe for
// use by several goroutines. Callers must not change what is nested in what its
// methods return.
type Snapshot struct {
	table       *Table
	state       *state
	schema      table.Schema
	mapping     mapping
	partitionBy []string
	leaves      []leaf
	time        time.Time

	sort   sync.Once
	sorted []*fileAction
}

// Snapshot reads the log as it was at that version or time.
//
// Errors: [ErrNoTable] when there is no log; [ErrNoVersion] for a version that
// does not exist yet, or a time before the first one; [ErrGone] for one that was
// cleaned up; *[Error] for a table that is corrupt or needs unknown features,
// judged at the version that is read.
//
// Cost: one list of the log folder, the newest checkpoint, and the commits since.
// By time, one list of the whole log besides, and with in-commit timestamps a
// binary search over the commits.
func (t *Table) Snapshot(ctx context.Context, at At) (*Snapshot, error) {
	version := int64(-1)
	switch at.kind {
	case atVersion:
		if at.version < 0 {
			return nil, fmt.Errorf("delta: version %d: %w", at.version, ErrNoVersion)
		}
		version = at.version
	case atTime:
		var err error
		if version, err = t.versionAt(ctx, at.time); err != nil {
			return nil, err
		}
	}
	s, err := t.load(ctx, version)
	if err != nil {
		return nil, err
	}
	return t.snapshot(ctx, s, nil)
}

// Update is the newest version of the table: s itself when nothing was committed
// since. A table whose log no longer reaches back to s is read anew.
//
// Errors are those of [Table.Snapshot]. Cost: a look for the next commit, and when
// it is there, one list of the log behind s, and the commits in it.
func (s *Snapshot) Update(ctx context.Context) (*Snapshot, error) {
	if s.newest(ctx) {
		return s, nil
	}
	l, err := s.table.list(ctx, s.Version()+1)
	if err != nil {
		return nil, err
	}
	if _, ok := l.commits[s.Version()+1]; ok {
		if st, err := s.table.replay(ctx, l, s.state.clone(), l.last); err == nil {
			return s.table.snapshot(ctx, st, s)
		}
	}
	return s.table.Snapshot(ctx, Latest())
}

// newest reports whether the log ends with s: its commit is there, and none follows.
// A list of a long log would cost more.
func (s *Snapshot) newest(ctx context.Context) bool {
	if _, err := s.table.store.Stat(ctx, commitName(s.Version()+1)); !errors.Is(err, fs.ErrNotExist) {
		return false
	}
	_, err := s.table.store.Stat(ctx, commitName(s.Version()))
	return err == nil
}

// snapshot interprets a state; prev, when not nil, is the same table before, for
// what did not change.
func (t *Table) snapshot(ctx context.Context, st *state, prev *Snapshot) (*Snapshot, error) {
	s := &Snapshot{table: t, state: st}
	if st.protocol == nil {
		return nil, &Error{Category: NoProtocol, File: logDir, Problem: fmt.Sprintf("the log up to version %d has no protocol", st.version)}
	}
	if st.metaData == nil {
		return nil, &Error{Category: NoMetadata, File: logDir, Problem: fmt.Sprintf("the log up to version %d has no metaData", st.version)}
	}
	if prev != nil && prev.state.protocol == st.protocol && prev.state.metaData == st.metaData {
		s.schema, s.mapping, s.partitionBy, s.leaves = prev.schema, prev.mapping, prev.partitionBy, prev.leaves
	} else if err := s.interpret(); err != nil {
		return nil, err
	}
	if err := st.checkPaths(); err != nil {
		return nil, err
	}
	return s, s.setTime(ctx)
}

// checkPaths refuses a file that is live with two deletion vectors, or with one and
// without: its rows would be read twice (PROTOCOL.md, "Add File and Remove File").
func (s *state) checkPaths() error {
	var seen map[string]bool
	for key := range s.files {
		if key.dv == "" {
			continue
		}
		if _, plain := s.files[fileKey{key.path, ""}]; plain || seen[key.path] {
			e := duplicate("two files of version %d are %s, with different deletion vectors", s.version, key.path)
			e.File = logDir
			return e
		}
		if seen == nil {
			seen = map[string]bool{}
		}
		seen[key.path] = true
	}
	return nil
}

func (s *Snapshot) interpret() error {
	st := s.state
	if err := st.protocol.check(); err != nil {
		if e := (*Error)(nil); errors.As(err, &e) && e.File == "" {
			e.File = st.protocolFile
		}
		return err
	}
	if p := st.metaData.Format.Provider; p != "" && !strings.EqualFold(p, "parquet") {
		return &Error{Category: UnsupportedFeature, File: logDir, Problem: fmt.Sprintf("the files of the table are %q; this program reads Parquet", p)}
	}
	for _, key := range []string{"delta.coordinatedCommits.commitCoordinator-preview", "delta.coordinatedCommits.commitCoordinator"} {
		if st.metaData.Configuration[key] != "" {
			return &Error{Category: UnsupportedFeature, File: logDir, Problem: fmt.Sprintf("the table has coordinated commits (%s): its newest ones may be with their coordinator alone", key),
				Hint: "read it through that"}
		}
	}
	bad := func(err error) error {
		return &Error{Category: BadSchema, File: logDir, Problem: fmt.Sprintf("the schema at version %d", st.version), Err: err}
	}
	var err error
	if s.schema, err = parseSchema(st.metaData.SchemaString); err != nil {
		return bad(err)
	}
	s.mapping = mapNone
	reader, _ := st.protocol.features()
	if mode, ok := st.metaData.Configuration["delta.columnMapping.mode"]; ok && slices.Contains(reader, "columnMapping") {
		switch s.mapping = mapping(mode); s.mapping {
		case mapNone:
		case mapName, mapID:
			if err := s.mapping.check(s.schema.Fields, ""); err != nil {
				return bad(err)
			}
			if err := checkUnique(s.schema.Fields); err != nil {
				return bad(err)
			}
		default:
			return bad(fmt.Errorf("delta.columnMapping.mode is %q, not none, name or id", mode))
		}
	}
	if s.mapping == mapNone {
		unmap(s.schema.Fields)
	}
	if slices.Contains(reader, "typeWidening") || slices.Contains(reader, previewWidening) {
		if err := checkTypeChanges(s.schema.Fields); err != nil {
			return &Error{Category: UnsupportedFeature, File: logDir, Problem: fmt.Sprintf("the schema at version %d", st.version), Err: err}
		}
	}
	for _, name := range st.metaData.PartitionColumns {
		i := slices.IndexFunc(s.schema.Fields, func(f table.Field) bool { return strings.EqualFold(f.Name, name) })
		if i < 0 {
			return bad(fmt.Errorf("the partition column %q is not in it", name))
		}
		if f := s.schema.Fields[i]; !hasPartitionText(f.Type) {
			return bad(fmt.Errorf("the partition column %q is %s, whose values have no text form", f.Name, f.Type))
		}
		if slices.Contains(s.partitionBy, s.schema.Fields[i].Name) {
			return bad(fmt.Errorf("the partition column %q is named twice", name))
		}
		s.partitionBy = append(s.partitionBy, s.schema.Fields[i].Name)
	}
	s.leaves = leaves(s.schema.Fields, s.mapping, nil, nil)
	return nil
}

// inCommitTimestamps reports whether commits carry their own time (PROTOCOL.md,
// "In-Commit Timestamps").
func (s *state) inCommitTimestamps() bool {
	if s.protocol == nil || s.metaData == nil {
		return false
	}
	_, writer := s.protocol.features()
	return slices.Contains(writer, "inCommitTimestamp") && s.metaData.Configuration["delta.enableInCommitTimestamps"] == "true"
}

func (s *Snapshot) setTime(ctx context.Context) error {
	s.time = s.state.modified.UTC().Truncate(time.Millisecond)
	if !s.state.inCommitTimestamps() {
		return nil
	}
	if s.state.info == nil { // the last commit is inside the checkpoint
		c, err := s.table.readCommit(ctx, s.state.version)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		s.state.info = c.info
	}
	if ict := parseInfo(s.state.info).InCommitTimestamp; ict != nil {
		s.time = time.UnixMilli(*ict).UTC()
		return nil
	}
	return &Error{Category: LogCorrupt, File: commitName(s.state.version), Problem: "the commit has no inCommitTimestamp, though the table has them on"}
}

// Version is the version of the table that this is.
func (s *Snapshot) Version() int64 { return s.state.version }

// Time is when the version was committed: its in-commit timestamp where the table
// has them, else the modification time of its log entry; right after
// [Txn.Commit], the time of the clock. Zero when the entry was cleaned up.
func (s *Snapshot) Time() time.Time { return s.time }

// Schema is the table's columns, partition columns included. Field.Meta is as in
// the log, integers as int64, but for what column mapping left there when it is
// not on.
func (s *Snapshot) Schema() table.Schema {
	return table.Schema{Fields: slices.Clone(s.schema.Fields)}
}

// PartitionBy names the partition columns, in order.
func (s *Snapshot) PartitionBy() []string { return slices.Clone(s.partitionBy) }

// ClusterBy names the clustering columns, in order, nested ones by their path
// (PROTOCOL.md, "Clustered Table"). A name that is no column's stays as it is.
func (s *Snapshot) ClusterBy() []string {
	var clustering struct {
		Columns [][]string `json:"clusteringColumns"`
	}
	if json.Unmarshal([]byte(s.state.domains["delta.clustering"].Configuration), &clustering) != nil {
		return nil
	}
	var out []string
	for _, physical := range clustering.Columns {
		fields := s.schema.Fields
		path := slices.Clone(physical)
		for i, name := range path {
			at := slices.IndexFunc(fields, func(f table.Field) bool { return s.mapping.physical(f) == name })
			if at < 0 {
				break
			}
			path[i], fields = fields[at].Name, fields[at].Type.Fields
		}
		out = append(out, strings.Join(path, "."))
	}
	return out
}

// Properties is the table's configuration.
func (s *Snapshot) Properties() map[string]string {
	out := maps.Clone(s.state.metaData.Configuration)
	if out == nil {
		out = map[string]string{}
	}
	return out
}

// Features lists what readers and writers must understand, sorted; old protocol
// versions are expanded to the features that they stand for.
func (s *Snapshot) Features() (reader, writer []string) { return s.state.protocol.features() }

// MinVersions are the protocol's minReaderVersion and minWriterVersion.
func (s *Snapshot) MinVersions() (reader, writer int) {
	return s.state.protocol.MinReader, s.state.protocol.MinWriter
}

// ColumnMapping is none, name or id: how columns are found in data files.
func (s *Snapshot) ColumnMapping() string { return string(s.mapping) }

// NumFiles is how many data files are live.
func (s *Snapshot) NumFiles() int { return len(s.state.files) }

// Bytes is the size of the live data files.
func (s *Snapshot) Bytes() int64 {
	var n int64
	for _, f := range s.state.files {
		n += f.Size.value()
	}
	return n
}

// Rows is how many rows the table has, and false when statistics do not say.
func (s *Snapshot) Rows() (int64, bool) {
	var n int64
	for _, f := range s.state.files {
		rows := f.rows()
		if rows < 0 {
			return 0, false
		}
		if f.DeletionVector != nil {
			rows -= int64(f.DeletionVector.Cardinality)
		}
		n += rows
	}
	return n, true
}

// CheckVectors reads all deletion vectors, which [Snapshot.Rows] and [Snapshot.Extent]
// take the log's word for. Errors are *[Error]: a vector is missing, or not what the
// log says. Cost: a read of each file of vectors.
func (s *Snapshot) CheckVectors(ctx context.Context) error {
	dv := &dvReader{store: s.table.store}
	files := slices.Collect(maps.Values(s.state.files))
	files = slices.DeleteFunc(files, func(f *fileAction) bool { return f.DeletionVector == nil })
	for _, f := range sortFiles(files) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, err := dv.resolve(ctx, f, f.rows()); err != nil {
			return err
		}
	}
	return nil
}

// Txn is the last version that the application committed with [Txn.SetTxn].
func (s *Snapshot) Txn(app string) (int64, bool) {
	t, ok := s.state.txns[app]
	return int64(t.Version), ok
}

// Txns are all applications' last versions.
func (s *Snapshot) Txns() map[string]int64 {
	out := make(map[string]int64, len(s.state.txns))
	for app, t := range s.state.txns {
		out[app] = int64(t.Version)
	}
	return out
}

// Constraints are the CHECK constraints: name to SQL expression.
func (s *Snapshot) Constraints() map[string]string {
	out := map[string]string{}
	for k, v := range s.state.metaData.Configuration {
		if name, ok := strings.CutPrefix(k, constraintPrefix); ok {
			out[name] = v
		}
	}
	return out
}

// Files gives the live files, without those that hold no row for which all predicates
// are true, as [Snapshot.Prune] finds: sorted by path, but those whose statistics are
// in a large checkpoint behind the others, as they lie there, so that what the checkpoint
// says of all of them need not be in memory at once. Deletion vectors are
// read as the iteration comes to them; the first error (*[Error] for one that is
// corrupt or missing, or as of Prune) ends it.
func (s *Snapshot) Files(ctx context.Context, predicates ...Predicate) iter.Seq2[table.File, error] {
	s.sort.Do(func() { s.sorted = sortFiles(slices.Collect(maps.Values(s.state.files))) })
	return func(yield func(table.File, error) bool) {
		tests, err := s.pruners(predicates)
		if err != nil {
			yield(table.File{}, err)
			return
		}
		empty := func(f table.File) bool { return slices.ContainsFunc(tests, func(t pruner) bool { return t.empty(f) }) }
		asked := slices.DeleteFunc(slices.Clone(s.leaves), func(l leaf) bool {
			return !slices.ContainsFunc(tests, func(t pruner) bool { return t.asks(l.path) })
		})
		files := s.sorted
		if len(tests) > 0 { // partition values rule files out without a look at their statistics
			files = slices.DeleteFunc(slices.Clone(files), func(f *fileAction) bool {
				file, err := s.inPartition(f)
				return err == nil && empty(file)
			})
		}
		dv := &dvReader{store: s.table.store}
		s.eachStats(slices.Values(files), func(f *fileAction, text *string) bool {
			if err := ctx.Err(); err != nil {
				yield(table.File{}, err)
				return false
			}
			file, err := s.inPartition(f)
			if err == nil && len(tests) > 0 {
				if file.Stats = parseStats(text, asked); empty(file) {
					return true
				}
			}
			if text != nil && f.Stats == nil { // the caller may keep what is found in it
				text = new(strings.Clone(*text))
			}
			file.Stats = parseStats(text, s.leaves)
			if err == nil {
				err = dv.of(ctx, f, &file)
			}
			return yield(file, err) && err == nil
		})
	}
}

func sortFiles(files []*fileAction) []*fileAction {
	slices.SortFunc(files, func(a, b *fileAction) int {
		return cmp.Or(cmp.Compare(a.path, b.path), cmp.Compare(a.dvID(), b.dvID()))
	})
	return files
}

// file translates an action into a file.
func (s *Snapshot) file(ctx context.Context, f *fileAction, dv *dvReader) (table.File, error) {
	out, err := s.described(f)
	if err == nil {
		err = dv.of(ctx, f, &out)
	}
	return out, err
}

// of reads the deletion vector of a file, if it has one.
func (r *dvReader) of(ctx context.Context, f *fileAction, out *table.File) (err error) {
	if f.DeletionVector == nil {
		return nil
	}
	rows := int64(-1)
	if out.Stats != nil {
		rows = out.Stats.Rows
	}
	out.Deleted, err = r.resolve(ctx, f, rows)
	return err
}

// described is a file without its deletion vector.
func (s *Snapshot) described(f *fileAction) (table.File, error) {
	out, err := s.inPartition(f)
	out.Stats = parseStats(f.stats(), s.leaves)
	return out, err
}

// inPartition is a file without its deletion vector and statistics.
func (s *Snapshot) inPartition(f *fileAction) (table.File, error) {
	out := table.File{Path: f.path, Size: f.Size.value()}
	if f.ModificationTime != nil {
		out.Modified = time.UnixMilli(f.ModificationTime.value()).UTC()
	}
	if len(s.partitionBy) > 0 {
		out.Partition = make(map[string]*string, len(s.partitionBy))
	}
	for _, name := range s.partitionBy {
		field, _ := s.schema.Field(name)
		value, ok := f.PartitionValues[s.mapping.physical(field)]
		if !ok && f.ModificationTime == nil && len(f.PartitionValues) == 0 {
			continue // a remove need not say
		}
		if !ok {
			return out, &Error{Category: LogCorrupt, File: f.path, Problem: fmt.Sprintf("the log gives no value for the partition column %q", name)}
		}
		if value != nil && *value == "" { // the same as null (PROTOCOL.md, "Partition Value Serialization")
			value = nil
		}
		if value != nil {
			value = new(plainDate(field.Type, *value))
		}
		if value != nil && !isPartitionText(field.Type, *value) {
			return out, &Error{Category: LogCorrupt, File: f.path, Problem: fmt.Sprintf("%q is no value of the partition column %q, which is %s", *value, name, field.Type)}
		}
		out.Partition[name] = value
	}
	if len(f.Tags) > 0 {
		out.Tags = make(map[string]string, len(f.Tags))
		for k, v := range f.Tags {
			if v != nil {
				out.Tags[k] = *v
			}
		}
	}
	return out, nil
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
