package policies

import (
	"time"

	"github.com/dq-dev/dq/record"
	"github.com/dq-dev/dq/table"
)

// API is the version of the input document.
const API = "dq.policy/v1"

// Input is the policy input document: everything that a policy may know about
// one change of one table. [Bundle.Decide] fills API, ids that Diff lacks, and
// ConsumersByColumn. [InputSchema] is its JSON Schema.
//
// A document comes up to twice for a change: with Op plan before any data were
// read, when Profile and Quality are nil, and with Op commit before it is
// published. Policies that need numbers stay silent at a plan.
type Input struct {
	API    string     `json:"api"`
	Time   time.Time  `json:"time"` // the only clock that policies have
	Env    string     `json:"env" enum:"dev,test,prod"`
	Op     string     `json:"op" enum:"plan,commit,backfill,drop"`
	Actor  *Actor     `json:"actor,omitempty"`
	Change *ChangeSet `json:"change,omitempty"`
	Table  Table      `json:"table"`
	Old    *Shape     `json:"old"` // nil for a table that does not exist yet
	New    *Shape     `json:"new"` // nil for a table that is dropped
	Diff   []Change   `json:"diff"`
	// Altered is what others made of the table since the last version that its pipeline
	// published or judged; nil for nothing. Old has it, so that Diff may take it back.
	Altered *Altered `json:"altered,omitempty"`
	// Rewrite says that every row of the table is written anew in this change.
	Rewrite bool `json:"rewrite,omitempty"`
	// History are the earlier changes of the table that its log still knows, the
	// newest first. It is filled when a change in Diff breaks somebody, or when the
	// contract promises something of all versions.
	History []Version `json:"history,omitempty"`
	// Compat is how the change stands to the compatibility that the contract
	// declares; nil without one.
	Compat     *Compat      `json:"compat,omitempty"`
	Downstream []Downstream `json:"downstream"`
	// ConsumersByColumn maps a column path to the ids of Downstream that read it, nearest first.
	ConsumersByColumn map[string][]string `json:"consumers_by_column"`
	// UpstreamColumns maps a column path to the columns it was made from.
	UpstreamColumns map[string][]UpstreamColumn `json:"upstream_columns,omitempty"`
	Profile         *Profile                    `json:"profile"` // nil before the data were read
	Quality         *Quality                    `json:"quality"` // nil before the gate has spoken
	Lineage         *Lineage                    `json:"lineage,omitempty"`
	// UsedUp are the ids of waivers that were used as often as they may be; see [Uses].
	UsedUp []string `json:"used_up,omitempty"`
}

// Actor is who asks for the change.
type Actor struct {
	ID     string   `json:"id"`
	Kind   string   `json:"kind" enum:"human,ci,service"`
	Groups []string `json:"groups,omitempty"`
}

// ChangeSet is the change of code that the change of the table came with.
type ChangeSet struct {
	Commit    string     `json:"commit,omitempty"`
	Author    string     `json:"author,omitempty"`
	Branch    string     `json:"branch,omitempty"`
	PR        string     `json:"pr,omitempty"`
	Ticket    string     `json:"ticket,omitempty"`
	Message   string     `json:"message,omitempty"`
	Approvals []Approval `json:"approvals,omitempty"`
	Labels    []string   `json:"labels,omitempty"`
}

// Approval is somebody's consent to a change.
type Approval struct {
	ID string    `json:"id"`
	At time.Time `json:"at"`
}

// Table is what is declared about the table.
type Table struct {
	Name            string            `json:"name"` // silver.orders
	Layer           string            `json:"layer" usual:"bronze,silver,gold"`
	Path            string            `json:"path,omitempty"`
	VersionFrom     *int64            `json:"version_from"` // the version that is to be replaced; nil for a new table
	Owner           string            `json:"owner"`
	Steward         string            `json:"steward,omitempty"`
	Domain          string            `json:"domain,omitempty"`
	Description     string            `json:"description,omitempty"`
	Contract        *Contract         `json:"contract,omitempty"`
	SLA             map[string]any    `json:"sla,omitempty"`
	Tags            map[string]string `json:"tags,omitempty"`
	Classification  string            `json:"classification,omitempty"`
	Certified       bool              `json:"certified,omitempty"`
	CreatedAt       *time.Time        `json:"created_at,omitempty"`
	RetentionDays   *int              `json:"retention_days,omitempty"`
	SCD             *SCD              `json:"scd,omitempty"`
	DeprecatedSince string            `json:"deprecated_since,omitempty"` // 2006-01-02
	ReplacedBy      string            `json:"replaced_by,omitempty"`
	DeclaredReaders []string          `json:"declared_readers,omitempty"` // what reads the table, by the names of the policies' configuration: delta@3.2
	RowCount        *int64            `json:"row_count,omitempty"`
	Bytes           *int64            `json:"bytes,omitempty"`
}

// Contract is the promise of a table to its readers.
type Contract struct {
	ID      string `json:"id,omitempty"`
	Version string `json:"version"`
	Compat  string `json:"compat,omitempty" enum:"backward,forward,full,none,backward_transitive,forward_transitive,full_transitive"`
	// Sunset says until when versions that were promised before live on: 1.x to 2027-03-31.
	Sunset map[string]string `json:"sunset,omitempty"`
}

// Compat is what a change breaks of the compatibility that a contract declares.
type Compat struct {
	Mode string `json:"mode"` // as [Contract] has it
	// Violations are worked out by [Compatibility]; empty when the mode holds.
	Violations []Violation `json:"violations"`
}

// Violation is one change that the declared compatibility does not allow.
type Violation struct {
	// Version is the version whose readers, or whose rows, the new shape breaks: the
	// one that is replaced or, of a transitive mode, any before it.
	Version int64    `json:"version"`
	DiffID  string   `json:"diff_id,omitempty"` // of the entry in Diff; "" for a change against an earlier version
	Op      string   `json:"op" enum:"ops"`
	Path    string   `json:"path"`
	From    any      `json:"from,omitempty"`
	To      any      `json:"to,omitempty"`
	Breaks  []string `json:"breaks" enum:"backward,forward"` // of the directions that the mode promises
}

// SCD names the keys and tracked columns of a slowly changing dimension.
type SCD struct {
	Keys    []string `json:"keys"`
	Tracked []string `json:"tracked"`
}

// Shape is a table's schema and layout in one version.
type Shape struct {
	Columns     []Column          `json:"columns"`
	PrimaryKey  []string          `json:"primary_key,omitempty"` // also the keys of a merge or of SCD2
	PartitionBy []string          `json:"partition_by,omitempty"`
	ClusterBy   []string          `json:"cluster_by,omitempty"`
	Constraints map[string]string `json:"constraints,omitempty"` // name to expression
	Properties  map[string]string `json:"properties,omitempty"`
	Protocol    *Protocol         `json:"protocol,omitempty"`
}

// Protocol is what a reader or writer of the Delta table must understand.
type Protocol struct {
	Reader         int      `json:"reader"`
	Writer         int      `json:"writer"`
	Features       []string `json:"features,omitempty"`        // of readers or writers, sorted
	ReaderFeatures []string `json:"reader_features,omitempty"` // those of them that readers must know too
}

// Column is one column, or one part of a nested one: a.b, arr.element, map.key, map.value.
type Column struct {
	Path            string            `json:"path"`
	ID              string            `json:"id,omitempty"` // of column mapping
	Type            string            `json:"type"`         // as table.Type writes it
	Nullable        bool              `json:"nullable"`
	Position        int               `json:"position"`
	Default         string            `json:"default,omitempty"`
	Generated       string            `json:"generated,omitempty"`
	Comment         string            `json:"comment,omitempty"`
	Tags            map[string]string `json:"tags,omitempty"` // pii.email: ""; see TagSet
	Classification  string            `json:"classification,omitempty"`
	DeprecatedSince string            `json:"deprecated_since,omitempty"` // 2006-01-02
	ReplacedBy      string            `json:"replaced_by,omitempty"`
	// Of personal data, where the column or else its table says it:
	Purpose       string `json:"purpose,omitempty"`
	LegalBasis    string `json:"legal_basis,omitempty"` // consent, contract, legal_obligation ...
	RetentionDays *int   `json:"retention_days,omitempty"`
}

// Change is one typed difference between Old and New, with an id by which findings refer to it.
type Change struct {
	ID string `json:"id"`
	table.Change
	Source *Position `json:"source,omitempty"`
}

// Altered are changes of a table that did not come by its pipeline. Without versions
// it is not known whether there are any: the log of Since is gone.
type Altered struct {
	Since    int64               `json:"since"` // the last version that the pipeline published or judged
	Versions []record.Alteration `json:"versions"`
	Diff     []Change            `json:"diff"` // from that version to Old
}

// Position is a place in a file of the project.
type Position struct {
	File string `json:"file"`
	Line int    `json:"line"`
}

// Version is an earlier change of the table.
type Version struct {
	Version  int64     `json:"version"`
	At       time.Time `json:"at"`
	Breaking bool      `json:"breaking"`
	DiffOps  []string  `json:"diff_ops,omitempty"`
}

// Downstream is something that reads the table. Columns are the table's columns that it reads.
type Downstream struct {
	ID        string   `json:"id"` // of an expectation: silver.orders/customer_id.references
	Kind      string   `json:"kind" enum:"table,view,exposure,dashboard,export,expectation"`
	Layer     string   `json:"layer,omitempty" usual:"bronze,silver,gold"`
	Owner     string   `json:"owner,omitempty"`
	Certified bool     `json:"certified,omitempty"`
	Columns   []string `json:"columns"`
	NotNull   []string `json:"not_null,omitempty"` // those of Columns in which it demands a value
	Depth     int      `json:"depth"`              // 1 reads the table itself
}

// UpstreamColumn is a column that a column was made from.
type UpstreamColumn struct {
	Table          string            `json:"table"`
	Path           string            `json:"path"`
	Tags           map[string]string `json:"tags,omitempty"`
	Classification string            `json:"classification,omitempty"`
	Type           string            `json:"type" enum:"DIRECT,INDIRECT"`
	Transform      string            `json:"transform"` // a subtype of column lineage: IDENTITY, AGGREGATION ...
	Masking        bool              `json:"masking,omitempty"`
}

// Profile is what is known of the data.
type Profile struct {
	Version *int64                   `json:"version"`
	Rows    int64                    `json:"rows"`
	Columns map[string]ProfileColumn `json:"columns"`
	// Violations says of constraints of the new shape how many rows break them.
	Violations map[string]int64 `json:"violations,omitempty"`
}

// ProfileColumn is what is known of one column's data.
type ProfileColumn struct {
	NullCount   int64     `json:"null_count"`
	Distinct    int64     `json:"distinct,omitempty"`
	Min         any       `json:"min,omitempty"`
	Max         any       `json:"max,omitempty"`
	PIISuspects []Suspect `json:"pii_suspects,omitempty"`
}

// Suspect is a kind of personal data that values look like, and how many do.
type Suspect struct {
	Kind  string  `json:"kind"`
	Ratio float64 `json:"ratio"`
}

// Quality is what the gate said.
type Quality struct {
	Suite    string   `json:"suite"` // its digest; "" without a suite
	Gate     string   `json:"gate" enum:"pass,fail,not_run"`
	Failed   []string `json:"failed,omitempty"`   // expectations that close the gate
	Weakened []string `json:"weakened,omitempty"` // since the version before, as suite_weakened in Diff
	Removed  []string `json:"removed,omitempty"`
}

// Lineage says how far it can be told who reads the table: conservative when a
// column is only thought to be read, none when it is not known what a reader reads.
type Lineage struct {
	Status string `json:"status" enum:"exact,conservative,none"`
}
