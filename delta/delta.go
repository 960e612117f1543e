// Package delta reads and writes Delta tables: log, snapshot, transaction. It
// is pure Go, never looks at a row of data and knows no engine: an engine reads
// the files that a [Snapshot] names, and writes the files that a [Txn] adds.
//
//	t := delta.Open(delta.Dir("warehouse/silver/orders"))
//	s, err := t.Snapshot(ctx, delta.Latest())
//	if errors.Is(err, delta.ErrNoTable) {
//		x := t.Create("CREATE TABLE", schema, nil, nil)
//		_, err = x.Commit(ctx)
//		s = x.Snapshot()
//	}
//	x := s.Begin("WRITE")
//	x.Add(files...)
//	version, err := x.Commit(ctx)
//
// The protocol is that of github.com/delta-io/delta, PROTOCOL.md; section names
// in comments are its headings. A table that needs a reader feature which this
// package does not understand is refused, and all such features are named at
// once ([*Error] with [UnsupportedFeature]); a corrupt table is an [*Error] that
// names the file. Bad input never panics.
//
// # Rows and rules
//
// This package deletes rows by their positions ([Txn.Delete]), gives what versions
// changed ([Table.ChangeFeed]), changes columns ([Txn.MergeSchema],
// [Txn.RenameColumn], ...), restores ([Table.Restore]) and vacuums
// ([Table.Vacuum]). What only somebody who sees rows can do is the caller's: a
// table with CHECK constraints, generated or identity columns or column mapping
// takes new rows only from a commit that says so ([Txn.Upholds]).
//
// # Names
//
// Everything in this package's interface uses the logical names of columns, also
// where column mapping gives them others in the files: partition values and
// statistics are translated. What an engine needs to read such files is in
// [table.Field] Meta: delta.columnMapping.physicalName and delta.columnMapping.id;
// [Snapshot.ColumnMapping] says which of them counts.
package delta

import (
	"crypto/rand"
	"io"
	"sync/atomic"
	"time"
)

// logDir is the folder of the log, below the table's root.
const logDir = "_delta_log"

// Table is one Delta table in a [Store]. The fields may be set before first use;
// after that a Table is safe for use by several goroutines.
type Table struct {
	// Clock gives the time of commits. Nil is time.Now.
	Clock func() time.Time
	// Rand gives the random bytes of table and transaction ids. Nil is crypto/rand.
	Rand io.Reader
	// Engine is the engineInfo of commits. Empty is "dq".
	Engine string
	// Warn is told what went wrong without being an error: a checkpoint that
	// could not be read (the log is read instead) or written. Nil ignores it.
	Warn func(error)

	store   Store
	cleaned atomic.Pointer[time.Time] // the cutoff of the last [Table.cleanLog]
}

// Open returns the table in store. It does no I/O: whether there is a table is
// found out by [Table.Snapshot].
func Open(store Store) *Table { return &Table{store: store} }

// At says which version of a table is meant. See [Latest], [Version], [Time].
type At struct {
	kind    atKind
	version int64
	time    time.Time
}

type atKind int

const (
	atLatest atKind = iota
	atVersion
	atTime
)

// Latest is the newest version.
func Latest() At { return At{} }

// Version is that version.
func Version(n int64) At { return At{kind: atVersion, version: n} }

// Time is the version that readers saw at t: the newest one that is not younger.
func Time(t time.Time) At { return At{kind: atTime, time: t} }

func (t *Table) now() time.Time {
	if t.Clock != nil {
		return t.Clock()
	}
	return time.Now()
}

func (t *Table) random() io.Reader {
	if t.Rand != nil {
		return t.Rand
	}
	return rand.Reader
}

func (t *Table) engine() string {
	if t.Engine != "" {
		return t.Engine
	}
	return "dq"
}

func (t *Table) warn(err error) {
	if t.Warn != nil {
		t.Warn(err)
	}
}
