package delta

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/dq-dev/dq/table"
)

// changeDir is the folder of files that hold changed rows (PROTOCOL.md, "Add CDC File").
const changeDir = "_change_data"

// ErrNoChangeFeed says that the table did not keep a change data feed over the whole range,
// or its columns changed in the range so that one schema cannot hold all rows.
var ErrNoChangeFeed = errors.New("no change data feed")

// ChangeKind says what happened to the rows of a [ChangeFile]: its text is what
// belongs into the column _change_type.
type ChangeKind string

// The kinds of changes. Recorded ones say themselves, in the file's column
// _change_type: insert, delete, update_preimage or update_postimage.
const (
	Inserted ChangeKind = "insert"
	Deleted  ChangeKind = "delete"
	Recorded ChangeKind = ""
)

// ChangeFile is a file that holds rows which one version changed.
type ChangeFile struct {
	Kind ChangeKind
	File table.File
	// Rows are the positions of the changed rows, ascending. Nil is every row but
	// those that File.Deleted names.
	Rows []int64
}

// VersionChanges are the changed rows of one version: _commit_version and
// _commit_timestamp, and where the rows are. Files is empty when no row changed.
type VersionChanges struct {
	Version int64
	Time    time.Time // in-commit timestamp, else the log entry's modification time
	Files   []ChangeFile
}

// AddChanges adds files below _change_data that hold the rows which this commit
// changes, with their _change_type. Once there is one, readers look at nothing
// else: together they must tell of all changed rows. They are needed where a
// commit rewrites files with rows that do not change; files that come and go as a
// whole, and deletion vectors, tell by themselves.
//
// Path, Size and Partition of the files count; all rows of a file are of one
// partition. Mistakes are *[Error] with [ErrInvalid] of Commit: a path elsewhere,
// or a table that keeps no change data feed.
func (x *Txn) AddChanges(files ...table.File) {
	if x.open("add changes") {
		x.changes = append(x.changes, files...)
	}
}

// keepsChanges reports whether changes of rows are to be kept.
func (s *state) keepsChanges() bool {
	_, writer := s.protocol.features()
	return s.metaData.Configuration["delta.enableChangeDataFeed"] == "true" && slices.Contains(writer, "changeDataFeed")
}

// newChange makes the action of a file of changed rows.
func newChange(f table.File, partitionBy []partitionColumn) (*fileAction, error) {
	if !strings.HasPrefix(f.Path, changeDir+"/") {
		return nil, invalid("add changes: %s is not below %s", f.Path, changeDir)
	}
	f.Stats, f.Deleted = nil, nil
	a, err := newAdd(f, partitionBy, nil)
	if err != nil {
		return nil, err
	}
	a.DataChange, a.ModificationTime = new(false), nil
	return a, nil
}

// ChangeFeed gives the rows that the versions from and to, and those between,
// changed: one element a version, in order. Versions that only moved rows together
// have none. Columns, partition values and statistics are those of version to.
// (PROTOCOL.md, "Change Data Files".)
//
// The first error ends it: [ErrNoChangeFeed] when delta.enableChangeDataFeed was
// off at a version of the range, or when a column went or changed its type in a way
// that version to cannot show; [ErrGone] when the log no longer has a commit;
// [ErrNoVersion] when to is not there yet; *[Error] for a corrupt table. All but
// corrupt commits are found before the first element.
//
// Cost: two snapshots, one list of the log, and one read a commit, whose files are
// in memory one version at a time. Where only a deletion vector changed, both
// vectors are read.
func (t *Table) ChangeFeed(ctx context.Context, from, to int64) iter.Seq2[VersionChanges, error] {
	return func(yield func(VersionChanges, error) bool) {
		feed, err := t.feed(ctx, from, to)
		for v := from; err == nil && v <= to; v++ {
			var changes VersionChanges
			if changes, err = feed(v); err == nil && !yield(changes, nil) {
				return
			}
		}
		if err != nil {
			yield(VersionChanges{}, err)
		}
	}
}

// feed checks the range and gives what reads one version of it.
func (t *Table) feed(ctx context.Context, from, to int64) (func(int64) (VersionChanges, error), error) {
	if from < 0 || to < from {
		return nil, invalid("change feed from version %d to %d: the first must not be after the second", from, to)
	}
	end, err := t.Snapshot(ctx, Version(to))
	if err != nil {
		return nil, err
	}
	st, err := t.load(ctx, from)
	if err != nil {
		return nil, err
	}
	if err := end.showsChanges(st); err != nil {
		return nil, err
	}
	for v := from + 1; v <= to; v++ {
		c, err := t.commitOfRange(ctx, v)
		if err != nil {
			return nil, err
		}
		if c.metaData == nil && c.protocol == nil {
			continue
		}
		st.version = v
		if c.metaData != nil {
			st.metaData = c.metaData
		}
		if c.protocol != nil {
			st.protocol = c.protocol
		}
		if err := end.showsChanges(st); err != nil {
			return nil, err
		}
	}
	l, err := t.list(ctx, 0)
	if err != nil {
		return nil, err
	}
	timeOf, err := t.timeOf(ctx, l, end.state)
	if err != nil {
		return nil, err
	}
	return func(v int64) (VersionChanges, error) {
		out := VersionChanges{Version: v}
		c, err := t.commitOfRange(ctx, v)
		if err != nil {
			return out, err
		}
		if out.Time, err = timeOf(v); err != nil {
			return out, err
		}
		out.Files, err = end.changes(ctx, c)
		return out, err
	}, nil
}

func (t *Table) commitOfRange(ctx context.Context, v int64) (*commit, error) {
	c, err := t.readCommit(ctx, v)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("delta: changes of version %d: %w; read the whole table instead", v, ErrGone)
	}
	return c, err
}

// showsChanges reports why the feed cannot have the version of st, shown with the
// columns of s.
func (s *Snapshot) showsChanges(st *state) error {
	if st.protocol == nil || st.metaData == nil || !st.keepsChanges() {
		return fmt.Errorf("delta: changes of version %d: %w: delta.enableChangeDataFeed was off; begin after it was set to true, or compare two versions", st.version, ErrNoChangeFeed)
	}
	old, err := parseSchema(st.metaData.SchemaString)
	if err != nil {
		return &Error{Category: BadSchema, File: commitName(st.version), Problem: "the schema", Err: err}
	}
	if err := shows(old.Fields, s.schema.Fields, s.mapping, ""); err != nil {
		return fmt.Errorf("delta: changes of version %d: %w in the columns of version %d: %w; ask for the versions before the change and after it one by one",
			st.version, ErrNoChangeFeed, s.Version(), err)
	}
	return nil
}

// shows reports what of old rows has no place in the columns next.
func shows(old, next []table.Field, m mapping, prefix string) error {
	for _, was := range old {
		i := slices.IndexFunc(next, func(f table.Field) bool { return m.physical(f) == m.physical(was) })
		if i < 0 {
			return fmt.Errorf("column %q is gone", prefix+was.Name)
		}
		is := next[i]
		if was.Type.Kind == table.Struct && is.Type.Kind == table.Struct {
			if err := shows(was.Type.Fields, is.Type.Fields, m, prefix+is.Name+"."); err != nil {
				return err
			}
			continue
		}
		if !widens(was.Type, is.Type) {
			return fmt.Errorf("column %q became %s from %s", prefix+is.Name, is.Type, was.Type)
		}
	}
	return nil
}

// changes finds the changed rows of one commit.
func (s *Snapshot) changes(ctx context.Context, c *commit) ([]ChangeFile, error) {
	var out []ChangeFile
	dv := &dvReader{store: s.table.store}
	add := func(kind ChangeKind, f *fileAction) error {
		if f.ModificationTime == nil && len(f.PartitionValues) < len(s.partitionBy) && kind == Deleted {
			return &Error{Category: LogCorrupt, File: commitName(c.version), Problem: fmt.Sprintf("the remove of %s does not give its partition values, so its rows cannot be told", f.path)}
		}
		file, err := s.file(ctx, f, dv)
		out = append(out, ChangeFile{Kind: kind, File: file})
		return err
	}
	if len(c.changes) > 0 {
		for _, f := range c.changes {
			if err := add(Recorded, f); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	gone := map[string]*fileAction{}
	for _, f := range c.removes {
		if f.changesData() {
			gone[f.path] = f
		}
	}
	for _, f := range sortFiles(c.adds) {
		if !f.changesData() {
			continue
		}
		was, ok := gone[f.path]
		if !ok {
			if err := add(Inserted, f); err != nil {
				return nil, err
			}
			continue
		}
		delete(gone, f.path)
		differences, err := s.difference(ctx, was, f, dv)
		if err != nil {
			return nil, err
		}
		out = append(out, differences...)
	}
	for _, path := range sortedKeys(gone) {
		if err := add(Deleted, gone[path]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// difference tells which rows a file lost and got back by another deletion vector.
func (s *Snapshot) difference(ctx context.Context, was, is *fileAction, dv *dvReader) ([]ChangeFile, error) {
	var before []int64
	if was.DeletionVector != nil {
		v, err := dv.resolve(ctx, was, is.rows())
		if err != nil {
			return nil, err
		}
		before = v.Rows
	}
	file, err := s.file(ctx, is, dv)
	if err != nil {
		return nil, err
	}
	var after []int64
	if file.Deleted != nil {
		after = file.Deleted.Rows
	}
	var out []ChangeFile
	if rows := without(after, before); len(rows) > 0 {
		out = append(out, ChangeFile{Deleted, file, rows})
	}
	if rows := without(before, after); len(rows) > 0 {
		out = append(out, ChangeFile{Inserted, file, rows})
	}
	return out, nil
}

// without gives what is in a and not in b, both ascending.
func without(a, b []int64) []int64 {
	var out []int64
	for _, row := range a {
		for len(b) > 0 && b[0] < row {
			b = b[1:]
		}
		if len(b) == 0 || b[0] != row {
			out = append(out, row)
		}
	}
	return out
}
