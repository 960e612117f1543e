package expectations

import (
	"github.com/dq-dev/dq/expectations/cel"
	"github.com/dq-dev/dq/internal/yamlpos"
	"github.com/dq-dev/dq/record"
	"github.com/dq-dev/dq/table"
)

// Suite is the contract of one table.
type Suite struct {
	File        string
	Table       string // the table's name, or ""
	Description string
	Owner       string
	Declaration
	// Digest is sha256: and hex digits over the file and the user's kinds in it.
	Digest       string
	Columns      []Column
	Expectations []Expectation

	lets     []cel.Let
	letNodes map[string]*yamlpos.Node
	tests    []test
	doc      *yamlpos.Document
}

// Column is a column of the contract.
type Column struct {
	Name            string
	Type            *table.Type // nil when the suite does not say
	Description     string
	Tags            []string
	Classification  string
	PersonalData    PersonalData
	DeprecatedSince string // 2006-01-02
	ReplacedBy      string
	RenamedFrom     string
	NotNull         bool // the suite demands a value in every row
	Key             bool
	Position        string // suite.yaml:12:5

	node, typeNode *yamlpos.Node
}

// Wrong is an error at the column's type, or its name: [yamlpos.Errors].
func (c Column) Wrong(hint, format string, args ...any) error {
	at := c.typeNode
	if at == nil {
		at = c.node
	}
	return yamlpos.Errors{at.Error(hint, format, args...)}
}

// Personal reports whether a tag says that the column holds personal data: pii,
// or one below it such as pii.email.
func (c Column) Personal() bool {
	for _, t := range c.Tags {
		if t == "pii" || len(t) > 4 && t[:4] == "pii." {
			return true
		}
	}
	return false
}

// Expectation is a rule of a suite, before it is compiled for a table.
type Expectation struct {
	ID string // the key under expectations, or column.kind
	// Kind is the kind's name; row or table for free CEL.
	Kind string
	// Scope is row when rows are counted, table when aggregates are judged.
	Scope string
	// CEL and Where are as written, or expanded from the kind as far as the
	// suite says the columns' types. Where is "" for all rows.
	CEL, Where  string
	Columns     []string // that the kind is given; of free CEL they are known when planned
	Threshold   Threshold
	OnFail      string // block, quarantine, drop, warn, info
	Batch       bool   // scope: new, judged on the batch alone
	Since       bool   // since: new, judges only rows that came after the rule
	GroupBy     []string
	OnEmpty     record.Verdict
	Description string
	Dimension   string
	Owner       string
	Tags        []string
	Position    string // suite.yaml:12:5

	node      *yamlpos.Node // the key
	celNode   *yamlpos.Node // of free CEL
	sqlNode   *yamlpos.Node // of a rule in SQL
	whereNode *yamlpos.Node // the user's where
	groupNode *yamlpos.Node
	call      *call // of a kind
}

// Severity is error, warn or info: whether failing closes the gate.
func (e *Expectation) Severity() string {
	if e.OnFail == "warn" || e.OnFail == "info" {
		return e.OnFail
	}
	return "error"
}

// Refuses reports whether rows that break the rule are taken out of the batch.
func (e *Expectation) Refuses() bool {
	return e.OnFail == "quarantine" || e.OnFail == "drop"
}

// grouped reports whether the rule is judged for each group of group_by by
// itself. Rules that take rows out are not: group_by says of what they may take half.
func (e *Expectation) grouped() bool { return e.GroupBy != nil && !e.Refuses() }

// unique reports whether the rule is about groups of rows.
func (e *Expectation) unique() bool {
	return e.call != nil && e.call.kind.Form == "unique"
}

// CountsOnly reports whether the rule counts failing rows and cannot name them.
func (e *Expectation) CountsOnly() bool {
	return e.call != nil && e.call.kind.Form == "count"
}

// expand gives the CEL of the rule, and of the rows that it judges.
func (e *Expectation) expand(shape tableShape, note func(yamlpos.Error)) (cel, where string) {
	switch {
	case e.sqlNode != nil:
	case e.call == nil:
		cel = e.celNode.Text
	default:
		cel, where = e.call.expand(shape, note)
	}
	if e.whereNode != nil {
		own := e.whereNode.Text
		if where == "" {
			where = own
		} else {
			where = "(" + where + ") && (" + own + ")"
		}
	}
	return cel, where
}

// Column returns the column of that name.
func (s *Suite) Column(name string) (Column, bool) {
	for _, c := range s.Columns {
		if c.Name == name {
			return c, true
		}
	}
	return Column{}, false
}

// declared is what the suite itself says of the table's columns.
type declared struct{ *Suite }

func (declared) layout() (table.Schema, bool) { return table.Schema{}, false }

// typeOf is the type that the suite gives a column.
func (s declared) typeOf(column string) (table.Type, bool) {
	c, ok := s.Column(column)
	if !ok || c.Type == nil {
		return table.Type{}, false
	}
	return *c.Type, true
}
