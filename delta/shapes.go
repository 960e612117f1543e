package delta

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/dq-dev/dq/table"
)

// Shape is what a table was at one version, without its files.
type Shape struct {
	snapshot  *Snapshot
	operation string
	rewrites  bool
}

// Version is the version of the table that this is.
func (s *Shape) Version() int64 { return s.snapshot.Version() }

// Time is when the version was committed, as [Snapshot.Time].
func (s *Shape) Time() time.Time { return s.snapshot.Time() }

// Operation is that of the commit: ADD COLUMNS, WRITE. It may be empty.
func (s *Shape) Operation() string { return s.operation }

// Rewrites says that the commit wrote every row anew, as its commitInfo tells it:
// the table was overwritten or replaced.
func (s *Shape) Rewrites() bool { return s.rewrites }

// Schema is that of the version, as [Snapshot.Schema].
func (s *Shape) Schema() table.Schema { return s.snapshot.Schema() }

// PartitionBy names the partition columns, in order.
func (s *Shape) PartitionBy() []string { return s.snapshot.PartitionBy() }

// ClusterBy names the clustering columns, as [Snapshot.ClusterBy].
func (s *Shape) ClusterBy() []string { return s.snapshot.ClusterBy() }

// Properties is the table's configuration.
func (s *Shape) Properties() map[string]string { return s.snapshot.Properties() }

// Constraints are the table's constraints, as [Snapshot.Constraints].
func (s *Shape) Constraints() map[string]string { return s.snapshot.Constraints() }

// Features lists what readers and writers must understand, as [Snapshot.Features].
func (s *Shape) Features() (reader, writer []string) { return s.snapshot.Features() }

// MinVersions are the protocol's minReaderVersion and minWriterVersion.
func (s *Shape) MinVersions() (reader, writer int) { return s.snapshot.MinVersions() }

// ColumnMapping is none, name or id.
func (s *Shape) ColumnMapping() string { return s.snapshot.ColumnMapping() }

// Shapes gives the shapes that the table had, oldest first: that of the first
// version that can be read, and that of every version since whose schema,
// partitioning, clustering, properties or protocol is another than before.
//
// Errors are those of [Table.Snapshot], of the version that they are about; no
// shape follows one. Cost: one list of the log and one read a commit; when the log
// no longer begins at version 0, the oldest checkpoint. What it keeps in memory is
// one commit, or that checkpoint.
func (t *Table) Shapes(ctx context.Context) iter.Seq2[*Shape, error] {
	return func(yield func(*Shape, error) bool) {
		if err := t.shapes(ctx, func(s *Shape) bool { return yield(s, nil) }); err != nil {
			yield(nil, err)
		}
	}
}

func (t *Table) shapes(ctx context.Context, yield func(*Shape) bool) error {
	l, err := t.list(ctx, 0)
	if err != nil {
		return err
	}
	first := int64(0)
	if _, ok := l.commits[0]; !ok && len(l.checkpoints) > 0 {
		first = slices.Min(slices.Collect(maps.Keys(l.checkpoints)))
	}
	st, err := t.loadFrom(ctx, l, first, told{})
	if err != nil {
		return err
	}
	times := l.times()
	var last *Snapshot
	for {
		st.files, st.tombstones = map[fileKey]*fileAction{}, map[fileKey]*fileAction{}
		if when, ok := times[st.version]; ok {
			st.modified = when
		}
		if last == nil || !st.sameShape(last.state) {
			s, err := t.snapshot(ctx, st.clone(), nil)
			if err != nil {
				return fmt.Errorf("version %d: %w", st.version, err)
			}
			operation := parseInfo(st.info).Operation
			if !yield(&Shape{snapshot: s, operation: operation, rewrites: rewrites(operation, st.info)}) {
				return nil
			}
			last = s
		}
		if st.version == l.last {
			return nil
		}
		c, err := t.readCommit(ctx, st.version+1)
		if errors.Is(err, fs.ErrNotExist) {
			return &Error{Category: LogGap, File: commitName(st.version + 1), Problem: fmt.Sprintf("the commit is missing, though the log goes on to version %d", l.last)}
		}
		if err != nil {
			return err
		}
		c.adds, c.removes = nil, nil
		st.apply(c)
	}
}

// rewrites tells from a commitInfo whether the whole table was written.
func rewrites(operation string, raw json.RawMessage) bool {
	var info struct {
		Parameters map[string]any `json:"operationParameters"`
	}
	_ = json.Unmarshal(raw, &info) // what is of another type says nothing
	switch operation {
	case "CREATE OR REPLACE TABLE", "REPLACE TABLE", "CREATE OR REPLACE TABLE AS SELECT", "REPLACE TABLE AS SELECT":
		return true
	}
	predicate, partial := info.Parameters["predicate"]
	return info.Parameters["mode"] == "Overwrite" && (!partial || predicate == "[]" || predicate == "")
}

// sameShape reports whether two states differ in their files at most.
func (s *state) sameShape(o *state) bool {
	return (s.protocol == o.protocol || reflect.DeepEqual(s.protocol, o.protocol)) &&
		s.domains["delta.clustering"] == o.domains["delta.clustering"] &&
		(s.metaData == o.metaData || s.metaData.SchemaString == o.metaData.SchemaString &&
			slices.Equal(s.metaData.PartitionColumns, o.metaData.PartitionColumns) &&
			maps.Equal(s.metaData.Configuration, o.metaData.Configuration))
}
