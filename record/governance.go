package record

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/dq-dev/dq/table"
)

// GovernanceFormat is the format of [Governance]. It grows and is never broken.
const GovernanceFormat = "dq.governance/v1"

// Governance is the evidence for how tables of a pipeline were governed, gathered from
// what its runs, the tables' logs and the decision log hold. It has no values of rows.
// What somebody signs is [Governance.Digest].
type Governance struct {
	Format    string    `json:"format"`
	At        time.Time `json:"at"` // when it was gathered
	Tool      Tool      `json:"tool"`
	Pipeline  string    `json:"pipeline"`
	Warehouse string    `json:"warehouse"`
	// From and To bound the histories: From is included, To is not; nil is no bound.
	From *time.Time `json:"from,omitempty"`
	To   *time.Time `json:"to,omitempty"`
	// Verdict is the worst of Open: pass when there is none.
	Verdict Verdict   `json:"verdict"`
	Open    []Finding `json:"open"` // what somebody has to look at, the gravest first
	// Controller and DPO, the data protection officer, are nil when owners.yaml names none.
	Controller *Party              `json:"controller,omitempty"`
	DPO        *Party              `json:"dpo,omitempty"`
	Tables     []GovernedTable     `json:"tables"`
	Runs       []GovernedRun       `json:"runs"`      // the oldest first
	Decisions  []GovernedDecision  `json:"decisions"` // of policies, in the order of the log
	Waivers    []GovernedWaiver    `json:"waivers"`
	Exceptions []GovernedException `json:"exceptions"` // the oldest first
	Processing []Processing        `json:"processing"` // of personal data, by purpose
	Lineage    *Graph              `json:"lineage,omitempty"`
	Log        *LogState           `json:"decision_log,omitempty"` // nil when there is no decision log
	Policies   string              `json:"policies"`               // digest of the policies in force now
	Files      []FileDigest        `json:"files"`                  // of the project
}

// Party is somebody who answers for something. Known says that owners.yaml has them.
type Party struct {
	Name  string `json:"name"`
	Team  string `json:"team,omitempty"`
	Email string `json:"email,omitempty"`
	Known bool   `json:"known"`
}

// GovernedTable is one table in scope.
type GovernedTable struct {
	Name            string            `json:"name"`
	Layer           string            `json:"layer"`
	Location        string            `json:"location"`
	Description     string            `json:"description,omitempty"`
	Mode            string            `json:"mode"`
	Owner           Party             `json:"owner"`
	Steward         *Party            `json:"steward,omitempty"`
	Domain          string            `json:"domain,omitempty"`
	Classification  string            `json:"classification,omitempty"`
	Certified       bool              `json:"certified,omitempty"`
	Contract        string            `json:"contract,omitempty"` // version
	Compatibility   string            `json:"compatibility,omitempty"`
	Sunset          map[string]string `json:"sunset,omitempty"`
	RetentionDays   *int              `json:"retention_days,omitempty"`
	DeprecatedSince string            `json:"deprecated_since,omitempty"`
	// Version, Rows and Columns are of the newest version; Version is nil for a table that does not exist.
	Version    *int64          `json:"version"`
	Rows       *int64          `json:"rows"` // nil when the log does not say
	Columns    int             `json:"columns"`
	Suite      string          `json:"suite"` // digest of the suite in force now
	Attainment []Attainment    `json:"attainment"`
	History    []GovernedStep  `json:"history"` // versions and refused batches, the oldest first
	Schema     []SchemaVersion `json:"schema"`  // the oldest first
	Quality    []Dimension     `json:"quality"`
	Critical   []Element       `json:"critical"`
	Personal   []PersonalData  `json:"personal"`
	Readers    []Reader        `json:"readers"`
}

// Attainment is how a promise was kept in the period.
type Attainment struct {
	Objective string  `json:"objective"` // freshness, availability, batches, rows
	Promised  string  `json:"promised"`  // as the suite writes it
	Met       int64   `json:"met"`       // seconds, days, batches or rows of Of
	Of        int64   `json:"of"`
	Verdict   Verdict `json:"verdict"` // pass, warn; skipped: it cannot be worked out
	Message   string  `json:"message"`
}

// GovernedStep is a version of a table, or a batch that the gate refused.
type GovernedStep struct {
	At      time.Time `json:"at"`
	Version *int64    `json:"version"` // nil for a batch that was refused
	// Outcome is published, refused, restored, maintained (OPTIMIZE, VACUUM) or foreign: not
	// by this pipeline.
	Outcome   string           `json:"outcome"`
	Verdict   Verdict          `json:"verdict,omitempty"`
	Operation string           `json:"operation,omitempty"` // of the Delta log
	By        string           `json:"by,omitempty"`        // the program that wrote it
	Run       string           `json:"run,omitempty"`
	Suite     string           `json:"suite,omitempty"` // digest of the suite that judged it
	Counts    Counts           `json:"counts"`
	Refused   map[string]int64 `json:"refused,omitempty"` // rows by rule, quarantined or dropped
	Failed    []FailedRule     `json:"failed,omitempty"`
	Inputs    map[string]int64 `json:"inputs,omitempty"`
	Message   string           `json:"message,omitempty"`
	// Lost says that the record of the run is gone: what the suite said is known by its verdict alone.
	Lost bool `json:"lost,omitempty"`
}

// FailedRule is an expectation that did not pass, or a finding about a batch.
type FailedRule struct {
	ID        string  `json:"id"`
	Verdict   Verdict `json:"verdict"`
	Severity  string  `json:"severity,omitempty"`
	Evaluated int64   `json:"evaluated,omitempty"`
	Failed    int64   `json:"failed,omitempty"`
	Message   string  `json:"message,omitempty"`
}

// SchemaVersion is a version that has another shape than the one before.
type SchemaVersion struct {
	Version   int64     `json:"version"`
	At        time.Time `json:"at"`
	Operation string    `json:"operation,omitempty"`
	Run       string    `json:"run,omitempty"`
	// Commit, Author and Approvals are of the change of code, as the decision log has them.
	Commit    string   `json:"commit,omitempty"`
	Author    string   `json:"author,omitempty"`
	Approvals []string `json:"approvals,omitempty"`
	// Class is created, full, backward, forward or none: to which side the change is compatible.
	Class   string         `json:"class"`
	Changes []table.Change `json:"changes"`
}

// Dimension is what the rules of one dimension said of the newest version that was judged.
type Dimension struct {
	Name           string  `json:"name"`
	Characteristic string  `json:"characteristic"` // of ISO/IEC 25012
	Rules          int     `json:"rules"`
	Held           int     `json:"held"`
	Evaluated      int64   `json:"evaluated"` // rows, added up over the rules that judge rows
	Failed         int64   `json:"failed"`
	Verdict        Verdict `json:"verdict"`
	Trend          []Trend `json:"trend"` // the oldest first
}

// Trend is what a dimension came to in one version.
type Trend struct {
	Version   int64   `json:"version"`
	Verdict   Verdict `json:"verdict"`
	Evaluated int64   `json:"evaluated"`
	Failed    int64   `json:"failed"`
}

// Element is a critical column, and the columns that it was made from, at the source.
type Element struct {
	Column  string   `json:"column"`
	Type    string   `json:"type,omitempty"`
	Why     []string `json:"why"`
	Sources []string `json:"sources"`
}

// PersonalData is a column that is tagged personal.
type PersonalData struct {
	Column         string   `json:"column"`
	Categories     []string `json:"categories"` // its tags
	Classification string   `json:"classification,omitempty"`
	Purpose        string   `json:"purpose,omitempty"`
	LegalBasis     string   `json:"legal_basis,omitempty"`
	RetentionDays  *int     `json:"retention_days,omitempty"`
}

// Reader is what reads a table.
type Reader struct {
	ID      string   `json:"id"`
	Kind    string   `json:"kind"`
	Owner   string   `json:"owner,omitempty"`
	Columns []string `json:"columns"`
}

// Processing is what is processed for one purpose: an entry of the records of
// article 30 of the GDPR, as far as the project says it.
type Processing struct {
	Purpose    string   `json:"purpose"`
	LegalBasis string   `json:"legal_basis,omitempty"`
	Categories []string `json:"categories"`
	Tables     []string `json:"tables"`
	Recipients []string `json:"recipients"`
	Erasure    []string `json:"erasure"` // limits, as the columns have them
}

// GovernedRun is one run of the pipeline.
type GovernedRun struct {
	ID          string     `json:"id"`
	At          time.Time  `json:"at"`
	Environment string     `json:"environment,omitempty"`
	Verdict     Verdict    `json:"verdict"`
	Outcome     string     `json:"outcome"`
	Tool        Tool       `json:"tool"`
	Engine      EngineInfo `json:"engine"`
	Digest      string     `json:"digest"`              // SHA-256 of its record's file
	LogHead     string     `json:"log_head,omitempty"`  // last line that it wrote to the decision log
	Decisions   int        `json:"decisions,omitempty"` // of the tables in scope
}

// GovernedDecision is what policies said of one change of a table: a line of the decision log.
type GovernedDecision struct {
	ID          string     `json:"id"`
	Line        int        `json:"line"`
	At          time.Time  `json:"at"`
	Run         string     `json:"run,omitempty"`
	Table       string     `json:"table"`
	VersionFrom *int64     `json:"version_from"`
	Op          string     `json:"op"`
	Allow       bool       `json:"allow"`
	Findings    []Decision `json:"findings"`
	Actor       string     `json:"actor,omitempty"`
	Commit      string     `json:"commit,omitempty"`
	Author      string     `json:"author,omitempty"`
	Approvals   []string   `json:"approvals,omitempty"`
	Input       string     `json:"input"`  // SHA-256 of the input
	Bundle      string     `json:"bundle"` // digest of the policies
	Hash        string     `json:"hash"`   // of the line
}

// GovernedWaiver is a waiver in force, or one that let something through in the period.
type GovernedWaiver struct {
	Waiver
	Policy      string `json:"policy"`
	Table       string `json:"table"`
	RequestedBy string `json:"requested_by,omitempty"`
	Created     string `json:"created,omitempty"`
	// State is in force, later, expired, or removed: the file no longer has it.
	State    string     `json:"state"`
	Uses     int        `json:"uses"` // versions of tables, in the period
	LastUsed *time.Time `json:"last_used,omitempty"`
}

// GovernedException is what did not go the usual way.
type GovernedException struct {
	At      time.Time `json:"at"`
	Kind    string    `json:"kind"` // restore, foreign commit, waiver, or the rule of a finding
	Table   string    `json:"table,omitempty"`
	Version *int64    `json:"version,omitempty"`
	By      string    `json:"by,omitempty"`
	What    string    `json:"what"`
}

// LogState is the decision log as it was found.
type LogState struct {
	Name     string   `json:"name"`
	Lines    int      `json:"lines"`
	Head     string   `json:"head"` // hash of the last line
	Problems []string `json:"problems"`
}

// FileDigest is a file of the project and its SHA-256.
type FileDigest struct {
	Path   string `json:"path"`
	SHA256 string `json:"sha256"`
}

// ReadGovernance reads a governance document and refuses one whose format it does not know.
func ReadGovernance(r io.Reader) (*Governance, error) {
	var g Governance
	dec := json.NewDecoder(r)
	dec.UseNumber()
	if err := dec.Decode(&g); err != nil {
		return nil, fmt.Errorf("governance document: %w", err)
	}
	if g.Format != GovernanceFormat {
		return nil, fmt.Errorf("governance document: format %q is not %s", g.Format, GovernanceFormat)
	}
	return &g, nil
}

// Write writes the document as indented JSON: the same document, the same bytes.
func (g *Governance) Write(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(g)
}

// Digest is the SHA-256 of what [Governance.Write] writes. The error is that of JSON,
// for a number that it cannot say.
func (g *Governance) Digest() (string, error) {
	h := sha256.New()
	if err := g.Write(h); err != nil {
		return "", err
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil)), nil
}
