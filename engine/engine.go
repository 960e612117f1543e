// Package engine says what dq asks of a query engine. It holds none: DuckDB is
// in engine/duckdb, and every engine passes the cases of engine/enginetest.
//
// An [Engine] opens [Session]s. A session knows relations by name ([Session.Attach]),
// binds SQL without reading data ([Session.Bind]), writes the result of a SELECT
// as Parquet files that no Delta log names yet ([Session.Stage]), and answers
// small questions ([Session.Query]).
package engine

import (
	"context"
	"errors"
	"strings"

	"github.com/dq-dev/dq/table"
)

// Engine reads, joins and writes data. Its sessions may be used side by side,
// each by one goroutine at a time.
type Engine interface {
	// Info names the engine and its version, for records.
	Info() Info
	// Dialect is the SQL that this engine speaks.
	Dialect() Dialect
	// Session opens a name space of relations. Sessions of one engine may be
	// open side by side and do not see each other's names.
	Session(ctx context.Context) (Session, error)
	// Small opens a session whose statements each run on one thread. On up to
	// some 100,000 rows that is cheaper: threads that wait for each other's
	// crumbs take more time than they save, and several sessions keep all cores busy.
	Small(ctx context.Context) (Session, error)
	Close() error
}

// Info names an engine.
type Info struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Threads int    `json:"-"` // how many statements it can run at full speed beside each other
}

// Dialect is what differs in the spelling of SQL. What differs in its meaning
// is decided by the name, in expectations/cel.
type Dialect interface {
	Name() string
	Ident(name string) string    // quotes one identifier
	Literal(text string) string  // quotes a string literal
	Relation(name string) string // quotes a relation name such as silver.orders, part by part
	// SurrogateKey is an integer made of columns, the same on every engine: the
	// first 15 hex digits of the md5 of their texts (times in UTC, null as no
	// text), joined by U+001F, as a 64-bit integer.
	SurrogateKey(columns []string) string
	// Fit gives SQL for whether a value of type from is one of type to without a
	// change (null fits), and for that value, null where it does not fit.
	Fit(expression string, from, to table.Type) (fits, value string)
}

// Session is one name space of relations.
type Session interface {
	// Attach makes a relation readable under in.Name, replacing one of that
	// name, and returns its schema: in.Schema, or when that is empty what the
	// files say (Parquet footers; a header's columns as text, or as the types
	// that every value of the column fits when in.CSV.Infer is set). No more is
	// read than that needs. A file that is missing or not what Format says is
	// an error that names it.
	Attach(ctx context.Context, in Input) (table.Schema, error)

	// Bind checks one SELECT written by a user against empty stubs of what is
	// attached, in an instance without file access, and says what it returns
	// and reads. Errors are *[BindError].
	Bind(ctx context.Context, sql string) (Plan, error)

	// Stage runs a SELECT (bound before, or composed by dq) and writes its rows
	// as new Parquet files. returned is how many rows the SELECT returned, counted
	// on their way to the files and not from these: whoever publishes the files
	// holds their rows against it.
	Stage(ctx context.Context, req StageRequest) (files []Staged, returned int64, err error)

	// Query runs a SELECT composed by dq and returns all its rows; for results
	// that are small by nature: aggregates, samples.
	Query(ctx context.Context, sql string) (*Rows, error)

	Close() error
}

// Format is the format of an [Input]'s files.
type Format string

// The formats that every engine reads, and Arrow, which is written only.
const (
	Parquet Format = "parquet" // the default
	CSV     Format = "csv"
	JSON    Format = "json"  // newline-delimited objects, or one array
	Arrow   Format = "arrow" // an IPC file
)

// Input is a relation to be read: files, and how.
type Input struct {
	// Name is what SQL calls it: silver.orders, or a bare name.
	Name string
	// Schema, when given, decides names, order and types of the columns: missing
	// columns read as null, extra ones are not shown. Partition columns come
	// from File.Partition, never from paths; deleted rows are left out.
	Schema table.Schema
	Format Format
	// Root is the folder that relative paths of Files start from.
	Root  string
	Files []table.File
	CSV   *CSVOptions
	// ByFieldID finds the columns of Parquet files by the ids that the schema's
	// Meta gives them (delta.columnMapping.id), not by their names: those of files
	// without ids read as null.
	ByFieldID bool
	// Provenance adds the columns [FileColumn] and [LineColumn].
	Provenance bool
	// SQL, instead of Files, makes the relation from a SELECT over relations that
	// are attached already. Materialise keeps its rows (in memory, spilling to
	// disk) instead of running it at each use.
	SQL         string
	Materialise bool
}

// Names of the provenance columns: the file's path as in Files, and the number
// of the row in it. For CSV the number is the record's (header counted, so data
// begin at 2 with a header); for Parquet it is the position, from 0.
const (
	FileColumn = "dq_file"
	LineColumn = "dq_line"
)

// Untyped is true in the Meta of a column of Parquet files, attached without a schema,
// which, or a part of which, has no type but that of nulls in each of them. It is read
// as int32.
const Untyped = "dq.untyped"

// CSVOptions says how CSV is read. source/file decides it once; engines detect nothing.
type CSVOptions struct {
	Columns   []string // the header, in file order; names of the columns
	Header    bool     // the first record is a header, to be skipped
	Delimiter string   // one character
	Quote     string   // one character, or "" for none
	Null      string   // the text that means null, besides nothing at all
	Gzip      bool
	Infer     bool     // find the narrowest type that every value of a column fits
	Text      []string // the columns that Infer leaves as the texts that they are
}

// Rejecter is what engines are that keep the records they could not read.
type Rejecter interface {
	// Rejects returns up to limit rejected records of the relation, and how many
	// there are in all. It may read the relation's files.
	Rejects(ctx context.Context, relation string, limit int) ([]Reject, int64, error)
}

// Counter is what sessions are that know how many rows and nulls the files of a
// relation have, without reading their rows.
type Counter interface {
	// Counts gives the counts by file (its path as in Files): those of File.Stats,
	// if these name every column and the file has its size, or of the file itself.
	// False: neither says them, as deleted rows and a SELECT do not.
	Counts(ctx context.Context, relation string) (map[string]FileCounts, bool, error)
}

// FileCounts are the rows of a file, and the nulls of those of its columns for
// which it says them.
type FileCounts struct {
	Rows  int64
	Nulls map[string]int64
}

// Repeater is what sessions are that find repeated keys at less than the cost of
// a GROUP BY.
type Repeater interface {
	// Repeats gives a condition, SQL over the relation, that holds for every row
	// whose keys (SQL too) occur more than once among the rows that meet where ("" is
	// all), and for few others; FALSE when none does. False: GROUP BY is better.
	Repeats(ctx context.Context, relation string, keys []string, where string) (string, bool, error)
}

// Computer is what sessions are whose SQL can call a function of Go, for what it
// cannot say itself.
type Computer interface {
	// Compute makes SQL, for this session until it is closed, that is in each row the
	// text that f makes of the values (as in [Rows]) of some SQL over its columns, and
	// NULL when f says false. f must give the same of the same; it is called by one
	// thread at a time. Cost: about 1 µs a row with an f as short as lastIndexOf (1M rows).
	Compute(sql []string, f func(values []any) (string, bool)) (string, error)
}

// Exporter is what sessions are that can hand out results larger than memory.
type Exporter interface {
	// Each runs a SELECT (bound before, or composed by dq) and hands out its rows
	// in order, some thousands at a time; the rows lie on disk meanwhile where
	// memory does not hold them. An error of portion ends it and is returned.
	Each(ctx context.Context, sql string, portion func(*Rows) error) error
	// Export writes the rows of a SELECT to one file, in its order: [Parquet],
	// [CSV] (with a header, nulls as nothing) or [Arrow]. The file is there whole
	// or not at all; its folder is made if need be. It returns how many rows it has.
	Export(ctx context.Context, sql string, as Format, path string) (rows int64, err error)
}

// Vectorer is what sessions are that hand out columns as they lie in memory, for
// what is computed in Go of every value.
type Vectorer interface {
	// Vectors runs SELECT items FROM from (SQL, composed by dq) and hands out its rows,
	// some thousands at a time and in no order. Each of its threads calls visitor once,
	// under a lock, and gives its batches to what that returns; an error ends the run and
	// is returned. A batch is only valid during the call. Items of a type that no [Vector]
	// holds (lists, structs) are an error that names it. Cost: the scan, and about 1 ns a value.
	Vectors(ctx context.Context, items []string, from string, visitor func() func(*Batch) error) error
}

// Batch is some rows of a result, column by column.
type Batch struct {
	Rows    int
	Columns []Vector
}

// Vector is the values of a column in a [Batch]: one of the slices holds them. Null
// values are anything.
type Vector struct {
	Valid  []uint64  // bit i%64 of Valid[i/64] says that value i is not null; nil: none is null
	Ints   []int64   // integers; booleans as 0 and 1; dates in days and times in µs since 1970; decimals of up to 18 digits without their point
	Wide   []Int128  // larger integers and decimals, likewise
	Floats []float64 // float and double
	Texts  []string  // texts and binary
}

// Int128 is an integer of 128 bits: Hi·2⁶⁴ + Lo.
type Int128 struct {
	Lo uint64
	Hi int64
}

// Null reports whether value i is null.
func (v *Vector) Null(i int) bool {
	return v.Valid != nil && v.Valid[i/64]>>(i%64)&1 == 0
}

// Plan is a bound SELECT.
type Plan struct {
	Schema table.Schema
	// Reads names the attached relations that the SELECT scans, sorted.
	Reads []string
	// Tree is the engine's bound logical plan, for package lineage; nil if the engine has none.
	Tree []byte
	// Where are conditions that a row of the only relation that is scanned must meet
	// to have any part in the result; not all of them, those that compare columns
	// with constants. Totals says of each column of the result what it is, when all
	// are such. Both are nil when the engine does not find them.
	Where  []Condition
	Totals []Total
	// Beyond names what in the SELECT makes a row of its result more than a fixed
	// function of one row of a relation: a function that gives something else each
	// time it is asked, a subquery, a window; "" when there is no such.
	Beyond string
}

// Condition compares a column with constants, in canonical text as in
// [table.ColumnStats]. Op is =, <>, <, <=, >, >=, IN, IS NULL or IS NOT NULL, as
// SQL means them; or AND or OR, of the conditions Of it (OR of none is never true).
type Condition struct {
	Path   []string // the column's name, below its parents when it is nested
	Op     string
	Values []string
	Of     []Condition
}

// Total is a column of a result over all rows of a relation: Of is count (of
// rows), min or max (of Column).
type Total struct {
	Of     string
	Column string
}

// BindError is a SELECT that does not bind.
type BindError struct {
	Message string
	Offset  int    // position in the SQL text in bytes, -1 when unknown
	Hint    string // the nearest right name, if there is one
}

func (e *BindError) Error() string {
	if e.Hint != "" {
		return e.Message + "; " + e.Hint
	}
	return e.Message
}

// Place is where in the SQL text the error is: line and column, from 1, and the
// text of the line; the beginning, without a text, when that is not known.
func (e *BindError) Place(sql string) (line, col int, text string) {
	if e.Offset < 0 || e.Offset > len(sql) {
		return 1, 1, ""
	}
	before := sql[:e.Offset]
	begin := strings.LastIndexByte(before, '\n') + 1
	text, _, _ = strings.Cut(sql[begin:], "\n")
	return strings.Count(before, "\n") + 1, len([]rune(before[begin:])) + 1, text
}

// StageRequest asks for a SELECT to be written as Parquet.
type StageRequest struct {
	SQL string
	// Schema is what is stored: the SELECT's columns are taken by name and cast.
	// A value that does not fit is an error that names the column.
	Schema table.Schema
	// Split, when set, is a boolean SQL expression over the SELECT's columns:
	// rows for which it is true go to files with Kept, all others to files without.
	Split string
	// PartitionBy are columns of Schema that are kept in the path and in
	// File.Partition instead of the files.
	PartitionBy []string
	// Root is the table's folder, Dir the new folder under it (with /) for the
	// files. Names of files never repeat.
	Root, Dir string
	// TargetBytes starts a new file when one reaches about this size; 0 leaves it to the engine.
	TargetBytes int64
	// GroupRows are the rows of each row group of the one file, but the last; 0
	// leaves it to the engine. It has effect without Split and PartitionBy only.
	GroupRows int64
}

// Staged is a file that Stage wrote: path relative to the root, size, rows and
// statistics of every leaf column that has them. Files without rows are not kept.
type Staged struct {
	File table.File
	Kept bool
}

// Rows is a materialised result. Values are nil, bool, int64, float64, string,
// []byte, time.Time (UTC; dates at midnight), [Decimal], or []any and
// map[string]any of those for nested ones; keys of maps are texts.
type Rows struct {
	Schema table.Schema
	Values [][]any
}

// Decimal is an exact decimal as text: -12.340. Integers beyond int64 come as Decimal too.
type Decimal string

// ValueError is SQL that fails at a value: a text that is no number, a number that is
// too large. The SQL or the value is to blame, and not what stores it.
type ValueError struct{ Message string }

func (e *ValueError) Error() string { return e.Message }

// What an error of an engine is, for errors.Is, when more can be said than its text.
var (
	ErrCancelled = errors.New("engine: cancelled")     // the context ended
	ErrMemory    = errors.New("engine: out of memory") // and spilling did not help
	ErrNoSpace   = errors.New("engine: disk full")     // of the table or of the spilled data
)
