package policies

import (
	"time"

	"github.com/dq-dev/dq/table"
)

// API is the version of the input document.
const API = "dq.policy/v1"

// Input is the policy input document: everything that a policy may know about
// one change of one table. [Bundle.Decide] fills API, ids that Diff lacks, and
// ConsumersByColumn.
type Input struct {
	API        string       `json:"api"`
	Time       time.Time    `json:"time"` // the only clock that policies have
	Env        string       `json:"env"`  // dev, test, prod
	Op         string       `json:"op"`   // plan, commit, backfill, drop
	Actor      *Actor       `json:"actor,omitempty"`
	Change     *ChangeSet   `json:"change,omitempty"`
	Table      Table        `json:"table"`
	Old        *Shape       `json:"old"` // nil for a table that does not exist yet
	New        *Shape       `json:"new"` // nil for a table that is dropped
	Diff       []Change     `json:"diff"`
	History    []Version    `json:"history,omitempty"`
	Downstream []Downstream `json:"downstream"`
	// ConsumersByColumn maps a column path to the ids of Downstream that read it, nearest first.
	ConsumersByColumn map[string][]string `json:"consumers_by_column"`
	// UpstreamColumns maps a column path to the columns it was made from.
	UpstreamColumns map[string][]UpstreamColumn `json:"upstream_columns,omitempty"`
	Profile         *Profile                    `json:"profile"` // nil before the data were read
	Quality         *Quality                    `json:"quality"` // nil before the gate has spoken
	Lineage         *Lineage                    `json:"lineage,omitempty"`
}

// Actor is who asks for the change.
type Actor struct {
	ID     string   `json:"id"`
	Kind   string   `json:"kind"` // human, ci, service
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
	Name            string            `json:"name"`  // silver.orders
	Layer           string            `json:"layer"` // bronze, silver, gold
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
	DeclaredReaders []string          `json:"declared_readers,omitempty"`
	RowCount        *int64            `json:"row_count,omitempty"`
	Bytes           *int64            `json:"bytes,omitempty"`
}

// Contract is the promise of a table to its readers.
type Contract struct {
	ID      string `json:"id,omitempty"`
	Version string `json:"version"`
	Compat  string `json:"compat,omitempty"` // backward, forward, full, none; with _transitive
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
	Reader   int      `json:"reader"`
	Writer   int      `json:"writer"`
	Features []string `json:"features,omitempty"`
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
}

// Change is one typed difference between Old and New, with an id by which findings refer to it.
type Change struct {
	ID string `json:"id"`
	table.Change
	Source *Position `json:"source,omitempty"`
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
	ID        string   `json:"id"`
	Kind      string   `json:"kind"` // table, view, exposure, dashboard, export
	Layer     string   `json:"layer,omitempty"`
	Owner     string   `json:"owner,omitempty"`
	Certified bool     `json:"certified,omitempty"`
	Columns   []string `json:"columns"`
	Depth     int      `json:"depth"` // 1 reads the table itself
}

// UpstreamColumn is a column that a column was made from.
type UpstreamColumn struct {
	Table          string            `json:"table"`
	Path           string            `json:"path"`
	Tags           map[string]string `json:"tags,omitempty"`
	Classification string            `json:"classification,omitempty"`
	Transform      string            `json:"transform"` // a subtype of column lineage: IDENTITY, AGGREGATION ...
	Masking        bool              `json:"masking,omitempty"`
}

// Profile is what is known of the data.
type Profile struct {
	Version *int64                   `json:"version"`
	Rows    int64                    `json:"rows"`
	Columns map[string]ProfileColumn `json:"columns"`
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
	Suite    string   `json:"suite"`
	Gate     string   `json:"gate"` // pass, fail, not_run
	Failed   []string `json:"failed,omitempty"`
	Weakened []string `json:"weakened,omitempty"`
	Removed  []string `json:"removed,omitempty"`
}

// Lineage says how far lineage can be trusted.
type Lineage struct {
	Status string `json:"status"` // exact, conservative, none
}
