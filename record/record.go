// Package record is what one run found out, as plain data: the versioned JSON
// document that CI keeps and from which every report is drawn. It judges
// nothing beyond the worst verdict, renders nothing and reads no clock.
//
// [Read] and [Run.Write] are the two functions that most callers need. Their
// example reads a record that CI kept and lists what failed in it.
//
// Documents grow: a reader finds keys that it does not know, and fields that an
// older writer did not have are empty.
package record

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/dq-dev/dq/table"
)

// The formats of the documents. They grow and are never broken.
const (
	RunFormat   = "dq.run/v1"
	CheckFormat = "dq.check/v1"
)

// Verdict is what was decided about an expectation, a table or a run.
type Verdict string

// The verdicts. Vacuous: there was nothing to judge. Skipped: the past that an
// expectation needs does not exist yet.
const (
	Pass    Verdict = "pass"
	Skipped Verdict = "skipped"
	Vacuous Verdict = "vacuous"
	Warn    Verdict = "warn"
	Fail    Verdict = "fail"
	Error   Verdict = "error"
)

var severity = map[Verdict]int{"": 0, Skipped: 0, Pass: 1, Vacuous: 2, Warn: 3, Fail: 4, Error: 5}

// Worst returns the graver of two verdicts.
func Worst(a, b Verdict) Verdict {
	if severity[b] > severity[a] {
		return b
	}
	return a
}

// Tool names the program that wrote a document.
type Tool struct {
	Version string `json:"version"`
}

// EngineInfo names the engine that read the data.
type EngineInfo struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// Run is the record of one run of a pipeline, or of one check or profile.
type Run struct {
	Format      string     `json:"format"`
	ID          string     `json:"id"`      // sorts by time
	Command     string     `json:"command"` // run, check, profile
	Pipeline    string     `json:"pipeline,omitempty"`
	Environment string     `json:"environment,omitempty"`
	Tool        Tool       `json:"tool"`
	Engine      EngineInfo `json:"engine"`
	StartedAt   time.Time  `json:"started_at"`
	DurationMS  int64      `json:"duration_ms"`
	// Verdict is the worst of all; Outcome says it in one word: published,
	// unchanged, refused, partial, failed, not_run (a dry run), recovered (it was killed;
	// a later run recorded what it had decided to publish), checked, profiled.
	Verdict Verdict `json:"verdict"`
	Outcome string  `json:"outcome"`
	// Message is one line for people.
	Message  string    `json:"message,omitempty"`
	Layers   []Layer   `json:"layers"`
	Findings []Finding `json:"findings,omitempty"` // of the run itself: a rewritten file, a recovery
	Lineage  *Graph    `json:"lineage,omitempty"`
	// Policies says what policies were asked; nil when none was.
	Policies *Asked `json:"policies,omitempty"`
	// DecisionLogHead is the hash of the last line that the run wrote to the
	// decision log; "" when it wrote none.
	DecisionLogHead string `json:"decision_log_head,omitempty"`
}

// Asked counts what policies were asked in a run, whatever they said. What they found
// are the decisions of the tables.
type Asked struct {
	Policies int `json:"policies"` // how many there are, less those that are switched off for all tables
	Tables   int `json:"tables"`   // about how many tables each was asked
}

// Layer is what became of one layer.
type Layer struct {
	Name       string  `json:"name"`
	Verdict    Verdict `json:"verdict"`
	Outcome    string  `json:"outcome"` // published, unchanged, refused, partial, failed, not_run
	Message    string  `json:"message,omitempty"`
	Tables     []Table `json:"tables"`
	DurationMS int64   `json:"duration_ms"`
}

// Waiting counts the source files that are left to batches of their own (batch: file).
func (r *Run) Waiting() int {
	n := 0
	for _, l := range r.Layers {
		for _, t := range l.Tables {
			n += t.Waiting
		}
	}
	return n
}

// Table is what became of one table.
type Table struct {
	Name     string `json:"name"` // silver.orders
	Location string `json:"location"`
	Mode     string `json:"mode,omitempty"`
	Owner    string `json:"owner,omitempty"`
	Outcome  string `json:"outcome"` // as of Layer, for this table
	Message  string `json:"message,omitempty"`
	// VersionBefore is nil for a table that did not exist; Version is nil when nothing was committed.
	VersionBefore *int64           `json:"version_before"`
	Version       *int64           `json:"version"`
	Inputs        map[string]int64 `json:"inputs,omitempty"` // upstream table to the version that was read
	Counts        Counts           `json:"counts"`
	Source        *Source          `json:"source,omitempty"`
	Waiting       int              `json:"waiting,omitempty"` // source files that are left to batches of their own (batch: file)
	Schema        table.Schema     `json:"schema"`
	Changes       []table.Change   `json:"changes,omitempty"`
	Altered       *Altered         `json:"altered,omitempty"` // by others, before this run
	Check         *Check           `json:"check,omitempty"`
	Decisions     []Decision       `json:"decisions,omitempty"`
	Findings      []Finding        `json:"findings,omitempty"`
	Profile       *Profile         `json:"profile,omitempty"`
	Quarantine    *Quarantine      `json:"quarantine,omitempty"`
	DurationMS    int64            `json:"duration_ms"`
}

// Altered is what others made of a table since the last version that its pipeline
// published or judged. Without versions nobody can tell: the log of that one is gone.
type Altered struct {
	Since    int64          `json:"since"` // that version
	Versions []Alteration   `json:"versions"`
	Changes  []table.Change `json:"changes"` // from that version to the table as the run found it
}

// Alteration is a version in which the table's columns, layout, constraints, properties
// or protocol became others.
type Alteration struct {
	Version   int64     `json:"version"`
	At        time.Time `json:"at"`
	Operation string    `json:"operation,omitempty"` // of commitInfo, as By is: user and engine, or the pipeline
	By        string    `json:"by,omitempty"`
}

// Counts reconcile: Returned = Published + Quarantined + Dropped + Unchanged.
type Counts struct {
	Returned    int64 `json:"returned"`  // rows the model or source gave
	Published   int64 `json:"published"` // rows of those that the commit adds or changes
	Unchanged   int64 `json:"unchanged"` // rows that the table holds already (merge, scd2)
	Quarantined int64 `json:"quarantined"`
	Dropped     int64 `json:"dropped"`
	Removed     int64 `json:"removed"` // rows of the old version that are gone or replaced
	Total       int64 `json:"total"`   // rows of the table afterwards
}

// Source is the batch that a source gave; in a dry run the one that it has. Records
// is -1 when they were not counted.
type Source struct {
	Files   []SourceFile `json:"files,omitempty"` // at most 1,000
	Count   int          `json:"count"`
	Records int64        `json:"records"`
	Bytes   int64        `json:"bytes"`
	// Read says how the files are read, by the path of the first that is read so.
	Read []SourceReading `json:"read,omitempty"`
}

// SourceReading is how files of a batch are read: those with one header, alike.
type SourceReading struct {
	Files     int      `json:"files"`
	First     string   `json:"first"` // the path of the first
	Format    string   `json:"format"`
	Delimiter string   `json:"delimiter,omitempty"` // of CSV
	Quote     string   `json:"quote,omitempty"`     // of CSV; "" for none
	Gzip      bool     `json:"gzip,omitempty"`
	Columns   []string `json:"columns,omitempty"` // of CSV: the header
}

// SourceFile is one file of a batch.
type SourceFile struct {
	Path    string `json:"path"`
	SHA256  string `json:"sha256"`
	Bytes   int64  `json:"bytes"`
	Records int64  `json:"records"`
}

// Quarantine says where refused rows went, and shows some.
type Quarantine struct {
	Table  string           `json:"table"`
	Rows   int64            `json:"rows"`
	ByRule map[string]int64 `json:"by_rule"`
	Sample []map[string]any `json:"sample,omitempty"`
}

// Check is the audit of one table by one suite: the JSON of `dq check`.
type Check struct {
	Format       string        `json:"format"`
	Dataset      Dataset       `json:"dataset"`
	Suite        SuiteRef      `json:"suite"`
	Verdict      Verdict       `json:"verdict"`
	Expectations []Expectation `json:"expectations"`
	// Findings are about the data as such: records or values that cannot be read.
	Findings   []Finding  `json:"findings,omitempty"`
	Engine     EngineInfo `json:"engine"`
	Tool       Tool       `json:"tool"`
	StartedAt  time.Time  `json:"started_at"`
	DurationMS int64      `json:"duration_ms"`
}

// MarshalJSON writes a check without expectations with an empty list of them.
func (c Check) MarshalJSON() ([]byte, error) {
	type plain Check // without this method
	if c.Expectations == nil {
		c.Expectations = []Expectation{}
	}
	return unescaped(plain(c))
}

// Dataset is what a check looked at. Version is nil for what has none.
type Dataset struct {
	Name     string `json:"name"`
	Location string `json:"location"`
	Version  *int64 `json:"version"`
	Rows     int64  `json:"rows"`
}

// SuiteRef names a suite by file and content.
type SuiteRef struct {
	Name   string `json:"name"`
	Digest string `json:"digest"`
}

// Informs is the reason of an expectation that failed and passes all the same, since
// its rule only informs: on_fail: info.
const Informs = "info"

// Expectation is the verdict on one expectation. Its JSON has all keys but
// description and refused always: what is empty is "", [] or {}.
type Expectation struct {
	ID          string   `json:"id"`
	Kind        string   `json:"kind"`
	Scope       string   `json:"scope"` // row or table
	Columns     []string `json:"columns"`
	CEL         string   `json:"cel"`
	Where       string   `json:"where"`
	Description string   `json:"description,omitempty"`
	Severity    string   `json:"severity"` // error, warn, info
	Dimension   string   `json:"dimension"`
	OnFail      string   `json:"on_fail"`
	Verdict     Verdict  `json:"verdict"`
	// Rows were there, Evaluated were in scope (where), Failed were false,
	// Errored were null or an error; of a row expectation. The rows of a pipeline's
	// table as it would be, and those that the rule took out of the batch (Refused).
	Rows           int64          `json:"rows"`
	Evaluated      int64          `json:"evaluated"`
	Failed         int64          `json:"failed"`
	Errored        int64          `json:"errored"`
	FailedFraction float64        `json:"failed_fraction"`
	Threshold      map[string]any `json:"threshold"` // mostly, max_failed, warn
	// Observed holds the value of each aggregate by its text; decimals as text.
	Observed map[string]any `json:"observed"`
	// Groups holds an entry for each group that was judged alone; none when the
	// table was judged as a whole.
	Groups []map[string]any `json:"groups"`
	// Reason says why a verdict is none of the rows' own: vacuous, no_history, no_batch,
	// no_table, or [Informs].
	Reason string           `json:"reason"`
	Sample []map[string]any `json:"sample"`
	// Refused is how many rows of the batch went to quarantine or were dropped by this rule.
	Refused   int64  `json:"refused,omitempty"`
	Message   string `json:"message"`
	Position  string `json:"position"` // suite.yaml:12:5
	DecidedBy string `json:"decided_by"`
}

// MarshalJSON writes nil slices as [] and nil maps as {}, so that scripts need
// not ask whether a key is there.
func (e Expectation) MarshalJSON() ([]byte, error) {
	type plain Expectation // without this method
	full := func(rows []map[string]any) []map[string]any {
		if rows == nil {
			return []map[string]any{}
		}
		return rows
	}
	if e.Columns == nil {
		e.Columns = []string{}
	}
	if e.Threshold == nil {
		e.Threshold = map[string]any{}
	}
	if e.Observed == nil {
		e.Observed = map[string]any{}
	}
	e.Groups, e.Sample = full(e.Groups), full(e.Sample)
	return unescaped(plain(e))
}

// unescaped writes JSON in which < and > stand as they are. [json.Marshal] would
// escape them for good; whoever writes the whole document decides that.
func unescaped(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return b.Bytes(), err
}

// Finding is something wrong outside the expectations: a source, a recovery, a configuration.
type Finding struct {
	Rule     string           `json:"rule"` // source.parse, source.rewritten, reconcile ...
	Severity string           `json:"severity"`
	Position string           `json:"position,omitempty"`
	Table    string           `json:"table,omitempty"`
	Column   string           `json:"column,omitempty"`
	Message  string           `json:"message"`
	Hint     string           `json:"hint,omitempty"`
	Rows     int64            `json:"rows,omitempty"`
	Sample   []map[string]any `json:"sample,omitempty"`
	Columns  []string         `json:"columns,omitempty"` // of the sample, those that show what is wrong
}

// Verdict is what the finding makes of a table: an error fails it, a warning warns,
// an info changes nothing.
func (f *Finding) Verdict() Verdict {
	switch f.Severity {
	case "error":
		return Fail
	case "warn":
		return Warn
	}
	return Skipped
}

// Decision is what one policy said about one change of a table.
type Decision struct {
	ID       string `json:"id"`     // of the decision, by which the log knows it
	Policy   string `json:"policy"` // DQ-S001
	Title    string `json:"title"`
	Severity string `json:"severity"` // error, warn, info
	Category string `json:"category,omitempty"`
	Table    string `json:"table"`
	Path     string `json:"path,omitempty"` // the column
	// Effect is deny, warn, waived or dry_run.
	Effect      string         `json:"effect"`
	Message     string         `json:"message"`
	Remediation string         `json:"remediation,omitempty"`
	Evidence    map[string]any `json:"evidence,omitempty"`
	Waiver      *Waiver        `json:"waiver,omitempty"`
}

// Waiver is the exemption that let a finding through.
type Waiver struct {
	ID         string   `json:"id"`
	Reason     string   `json:"reason"`
	Ticket     string   `json:"ticket,omitempty"`
	ApprovedBy []string `json:"approved_by"`
	Expires    string   `json:"expires"` // 2006-01-02
}

// Graph is column lineage: which column came from which.
type Graph struct {
	Tables []GraphTable `json:"tables"`
	Edges  []Edge       `json:"edges"`
}

// GraphTable is a node of the graph.
type GraphTable struct {
	Name    string   `json:"name"`
	Layer   string   `json:"layer,omitempty"`
	Columns []string `json:"columns"`
	Status  string   `json:"status,omitempty"` // exact or conservative
}

// Edge says that a column was made from another, or that a table's rows depend
// on a column (ToColumn empty: filter, join, group, sort).
type Edge struct {
	FromTable  string `json:"from_table"`
	FromColumn string `json:"from_column,omitempty"`
	ToTable    string `json:"to_table"`
	ToColumn   string `json:"to_column,omitempty"`
	Type       string `json:"type"`    // DIRECT or INDIRECT
	Subtype    string `json:"subtype"` // IDENTITY, TRANSFORMATION, AGGREGATION, FILTER, JOIN, GROUP_BY, SORT, WINDOW, CONDITIONAL
	Masking    bool   `json:"masking,omitempty"`
}

// Read reads a run record and refuses one whose format it does not know.
func Read(r io.Reader) (*Run, error) {
	var run Run
	dec := json.NewDecoder(r)
	dec.UseNumber() // integers beyond 2^53 in samples stay what they are
	if err := dec.Decode(&run); err != nil {
		return nil, fmt.Errorf("run record: %w", err)
	}
	if run.Format != RunFormat {
		return nil, fmt.Errorf("run record: format %q is not %s", run.Format, RunFormat)
	}
	return &run, nil
}

// Write writes the record as indented JSON.
func (r *Run) Write(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(r)
}
