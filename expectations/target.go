package expectations

import (
	"time"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/record"
)

// Target is what an audit looks at. Relations are names attached in the session.
type Target struct {
	// Dialect is that of the session's engine, Engine its name for the record.
	Dialect engine.Dialect
	Engine  engine.Info
	Dataset record.Dataset
	// Suite names the suite in the record; empty means its file.
	Suite string
	// Parts hold the rows that rules over their own row must judge now.
	Parts []Part
	// Known holds, by file, the counts of files that stay and were judged before.
	Known map[string]Counts
	// New is the relation of the batch alone, for rules with scope: new; "" when
	// there is none, and they are skipped.
	New string
	// Batch is the relation of the rows of the batch that stay, for a plan that was
	// measured ([Plan.Measure]): New may hold old rows too, those of rewritten files.
	Batch string
	// Table is the relation of the resulting snapshot: what readers would see.
	Table string
	// Lines says that New and Table are attached with engine.Input.Provenance, and
	// that people can look rows up by it: samples are then the first bad rows in the
	// order of files and lines. Otherwise they are in the order of values, which is
	// the same however a table's rows are spread over files.
	Lines bool
	// Past gives the value that a metric had n accepted versions ago; nil is no past.
	Past Past
	// Before are the relations of the versions before, the newest first, for metrics
	// that Past does not have, such as those of a new rule; "" where there is none.
	Before []string
	Now    time.Time
	// Samples is how many failing rows to show for an expectation.
	Samples int
	// Taken is what refusing rules took out of the batch, as [Plan.Take] counted it,
	// nil for nothing. Returned is how many rows the batch had before.
	Taken    *Taken
	Returned int64
}

// Past gives the value of a metric (by its text) in the n-th accepted version before, n from 1.
type Past func(metric string, n int) (any, bool)

// Part is a relation whose rows are judged row by row. It is attached with
// engine.Input.Provenance, so that counts can be kept by file.
type Part struct {
	Relation string
	// Rules are the digests of the rules to judge; nil is all.
	Rules map[string]bool
	// New says that the rows belong to this batch.
	New bool
}

// Counts holds the counts of one file by rule digest.
type Counts map[string]Count

// Count is what one rule found in one file. Rows = out of scope + Evaluated;
// Evaluated = passed + Failed + Errored.
type Count struct {
	Rows      int64 `json:"rows"`
	Evaluated int64 `json:"evaluated"`
	Failed    int64 `json:"failed,omitempty"`
	Errored   int64 `json:"errored,omitempty"`
}

// RowRule is a rule that looks at nothing but its own row, so that rows judged
// once need not be judged again. Digest is 16 hex digits that stand for the
// rule's meaning: expanded CEL, where, column types and the semantics version.
type RowRule struct {
	ID     string
	Digest string
	// Since says that only rows that come after the rule are judged: files that stay
	// without its counts are left alone.
	Since bool
}

// Result is what an audit found.
type Result struct {
	Check *record.Check
	// Files holds the counts of the rules judged now, by file of Parts.
	Files map[string]Counts
	// Metrics holds the table's metrics by text, to be kept for previous and history:
	// values as in engine.Rows, and [Grouped].
	Metrics map[string]any
	// Close says that the gate closes, and Reasons say why.
	Close   bool
	Reasons []string

	auditor *auditor
}
