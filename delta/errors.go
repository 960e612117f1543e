package delta

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

// What went wrong, for errors.Is. [*Error] and [*ConflictError] have the details.
var (
	// ErrNoTable: the store has no Delta log here.
	ErrNoTable = errors.New("no Delta table")
	// ErrNoVersion: the table never had that version, or had none at that time.
	ErrNoVersion = errors.New("no such version")
	// ErrGone: the log no longer holds what is needed; it was cleaned up.
	ErrGone = errors.New("no longer in the log")
	// ErrExists is what [Store.PutNew] returns when the name is taken.
	ErrExists = fs.ErrExist
	// ErrConflict: another writer committed what this commit cannot follow; see [*ConflictError].
	ErrConflict = errors.New("conflicting commit")
	// ErrUncertain: the commit may be in the log or not, since the store did not say
	// whether it wrote it. Its files must stay. Commit again to find out.
	ErrUncertain = errors.New("the commit may or may not be in the log")
	// ErrCorrupt: the table breaks the protocol; see [*Error].
	ErrCorrupt = errors.New("corrupt table")
	// ErrUnsupported: the table needs what this package does not do; see [*Error].
	ErrUnsupported = errors.New("unsupported table")
	// ErrInvalid: what the caller asked for would make a wrong table; see [*Error].
	ErrInvalid = errors.New("invalid change")
)

// Category says in which way a table is wrong.
type Category string

// The categories. All but the first three are [ErrCorrupt].
const (
	UnsupportedFeature  Category = "unsupported-feature"  // [ErrUnsupported]
	UnsupportedProtocol Category = "unsupported-protocol" // [ErrUnsupported]
	InvalidChange       Category = "invalid-change"       // [ErrInvalid]
	BadProtocol         Category = "bad-protocol"         // versions and features contradict each other
	NoProtocol          Category = "no-protocol"
	NoMetadata          Category = "no-metadata"
	BadSchema           Category = "schema"
	LogCorrupt          Category = "log-corrupt"
	LogGap              Category = "log-gap" // a commit that is needed is missing
	DuplicateAction     Category = "duplicate-action"
	CheckpointCorrupt   Category = "checkpoint-corrupt"
	DVCorrupt           Category = "dv-corrupt"
	DVChecksum          Category = "dv-checksum"
	DVMissing           Category = "dv-missing"

	// These only [Table.Fsck] finds.
	FileMissing Category = "file-missing" // a live data file
	FileSize    Category = "file-size"    // a live data file has another size than the log says
	StatsWrong  Category = "stats"        // statistics that do not parse
	SumWrong    Category = "checksum"     // a version checksum
	HintWrong   Category = "hint"         // _last_checkpoint
)

// Error is a table that cannot be read, or a change that cannot be written.
type Error struct {
	Category Category
	File     string // the file at fault, relative to the table's root; may be empty
	Line     int    // the JSON value in the file, from 1; 0 when it is about the whole file
	Problem  string
	Hint     string // what to do about it
	Err      error  // the cause; may be nil
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("delta: ")
	if e.File != "" {
		b.WriteString(e.File)
		if e.Line > 0 {
			fmt.Fprintf(&b, ": action %d", e.Line)
		}
		b.WriteString(": ")
	}
	b.WriteString(e.Problem)
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	if e.Hint != "" {
		b.WriteString("; " + e.Hint)
	}
	return b.String()
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is makes errors.Is work with [ErrCorrupt], [ErrUnsupported] and [ErrInvalid].
func (e *Error) Is(target error) bool {
	switch e.Category {
	case UnsupportedFeature, UnsupportedProtocol:
		return target == ErrUnsupported
	case InvalidChange:
		return target == ErrInvalid
	}
	return target == ErrCorrupt
}

func invalid(format string, args ...any) *Error {
	return &Error{Category: InvalidChange, Problem: fmt.Sprintf(format, args...)}
}

// ConflictKind says what a winner did that the loser cannot follow.
type ConflictKind string

// The kinds of conflict, named as Spark's exceptions are.
const (
	ConcurrentAppend       ConflictKind = "ConcurrentAppend"       // rows came that the commit should have seen
	ConcurrentDeleteRead   ConflictKind = "ConcurrentDeleteRead"   // a file that was read is gone
	ConcurrentDeleteDelete ConflictKind = "ConcurrentDeleteDelete" // both removed the file
	ConcurrentTransaction  ConflictKind = "ConcurrentTransaction"  // the application committed already
	MetadataChanged        ConflictKind = "MetadataChanged"
	ProtocolChanged        ConflictKind = "ProtocolChanged"
	TableExists            ConflictKind = "TableExists" // Create came second
)

// ConflictError is a commit that lost against another. Nothing was written.
// errors.Is with [ErrConflict] is true.
type ConflictError struct {
	Kind      ConflictKind
	Version   int64  // the winner
	Operation string // the winner's, from its commitInfo; may be empty
	Path      string // the file, when it is about one
	App       string // the application, when it is about one
}

func (e *ConflictError) Error() string {
	who := fmt.Sprintf("version %d", e.Version)
	if e.Operation != "" {
		who += " (" + e.Operation + ")"
	}
	switch e.Kind {
	case ConcurrentAppend:
		return "delta: conflict: " + who + " added rows that this commit has not seen; read the table again and repeat"
	case ConcurrentDeleteRead:
		return "delta: conflict: " + who + " removed " + e.Path + ", which this commit read; read the table again and repeat"
	case ConcurrentDeleteDelete:
		return "delta: conflict: " + who + " removed " + e.Path + " too; read the table again and repeat"
	case ConcurrentTransaction:
		return "delta: conflict: " + who + " is a commit of application " + e.App + " already; look at its txn before repeating"
	case MetadataChanged:
		return "delta: conflict: " + who + " changed the table's schema or properties; read the table again and repeat"
	case ProtocolChanged:
		return "delta: conflict: " + who + " changed the table's protocol; read the table again and repeat"
	}
	return "delta: conflict: the table exists already at " + who + "; open it instead of creating it"
}

// Is makes errors.Is work with [ErrConflict].
func (e *ConflictError) Is(target error) bool { return target == ErrConflict }
