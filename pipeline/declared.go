package pipeline

import (
	"context"
	"errors"
	"io/fs"
	"strconv"
	"strings"

	"github.com/dq-dev/dq/expectations"
	"github.com/dq-dev/dq/policies"
	"github.com/dq-dev/dq/table"
)

// declared is what a suite and the pipeline say of a table, as it is kept for the
// version that was published with it: _dq/declared/<table>/<digest>.json.
type declared struct {
	Table   policies.Table      `json:"table"`
	Columns []policies.Column   `json:"columns"`
	Rules   []expectations.Rule `json:"rules"`
	// gone is the file, when it is there no more: nothing is known of what was declared.
	gone string
}

// declaredAs names what is declared of the table now.
func (t *tableRun) declaredAs() string {
	return digestOf(t.Suite.Digest, t.Mode, strings.Join(t.Keys, ","), strings.Join(t.Track, ","))
}

func declaredName(table, digest string) string { return "declared/" + table + "/" + digest + ".json" }

// declaredBefore is what the published version declares; nil when that is what
// is declared now. Cost: none then.
func (r *run) declaredBefore(ctx context.Context, t *tableRun) (*declared, error) {
	last := t.ledger.last
	if last == nil && t.batches > 0 { // a full refresh without a ledger
		return &declared{gone: "_dq/ledger/" + t.Name}, nil
	}
	if last == nil || last.Declared == "" || last.Declared == t.declaredAs() {
		return nil, nil
	}
	var d declared
	err := r.state.readJSON(ctx, declaredName(t.Name, last.Declared), &d)
	if errors.Is(err, fs.ErrNotExist) {
		return &declared{gone: "_dq/" + declaredName(t.Name, last.Declared)}, nil
	}
	if err != nil {
		return nil, err
	}
	return &d, nil
}

// keepDeclared keeps what is declared now, and names it in the entry of the version
// that is published with it.
func (r *run) keepDeclared(ctx context.Context, t *tableRun, entry *ledgerEntry) error {
	entry.Declared = t.declaredAs()
	if last := t.ledger.last; last != nil && last.Declared == entry.Declared {
		return nil
	}
	d := declared{Table: t.declaredTable(), Rules: t.Suite.Rules()}
	for i := range t.Suite.Columns {
		c := policies.Column{Path: t.Suite.Columns[i].Name}
		t.declareColumn(&c, &t.Suite.Columns[i])
		if typ := t.Suite.Columns[i].Type; typ != nil {
			c.Type = typ.String()
		}
		d.Columns = append(d.Columns, c)
	}
	return r.state.writeJSON(ctx, declaredName(t.Name, entry.Declared), d)
}

// changes are those of what is declared of the table as a whole, and what its
// suite demands less; that nobody can tell when what was declared is gone.
func (d *declared) changes(t *tableRun) []policies.Change {
	if d.gone != "" {
		return []policies.Change{{Change: table.Change{Op: table.SuiteWeakened, Class: table.RuleUnknown, From: d.gone, DataRisk: table.NoRisk}}}
	}
	out := policies.DiffDeclared(d.Table, t.declaredTable())
	for _, c := range expectations.Weakened(d.Rules, t.Suite.Rules(), t.renamed()) {
		change := policies.Change{Change: c}
		for i := range t.Suite.Expectations {
			if e := &t.Suite.Expectations[i]; e.ID == c.Path {
				change.Source = position(e.Position)
			}
		}
		out = append(out, change)
	}
	return append(out, d.untyped(t)...)
}

// untyped are the columns that the table still has and whose type nobody demands any more.
func (d *declared) untyped(t *tableRun) []policies.Change {
	var out []policies.Change
	for _, was := range d.Columns {
		now := suiteColumn(t.Suite, was.Path)
		if _, has := t.schema.Field(was.Path); was.Type == "" || !has || now != nil && now.Type != nil {
			continue
		}
		out = append(out, policies.Change{Change: table.Change{Op: table.SuiteWeakened, Path: was.Path + ".type", Class: table.RuleRemoved, DataRisk: table.NoRisk,
			From: map[string]any{"kind": "type", "type": was.Type}}})
	}
	return out
}

// position takes apart suite.yaml:12:5.
func position(text string) *policies.Position {
	parts := strings.Split(text, ":")
	if len(parts) < 3 {
		return nil
	}
	line, err := strconv.Atoi(parts[len(parts)-2])
	if err != nil {
		return nil
	}
	return &policies.Position{File: strings.Join(parts[:len(parts)-2], ":"), Line: line}
}

// declaredTable is what is declared of the table as a whole.
func (t *tableRun) declaredTable() policies.Table {
	s := t.Suite
	d := policies.Table{Name: t.Name, Layer: t.Layer, Path: t.current.where.String(), Owner: s.Owner, Steward: s.Steward, Domain: s.Domain,
		Description: s.Description, Tags: policies.TagSet(s.Tags), Classification: s.Classification, Certified: s.Certified,
		RetentionDays: s.RetentionDays, DeprecatedSince: s.DeprecatedSince, ReplacedBy: s.ReplacedBy, DeclaredReaders: s.Readers}
	if c := s.Contract; c.ID != "" || c.Version != "" || c.Compatibility != "" || c.Sunset != nil {
		d.Contract = &policies.Contract{ID: c.ID, Version: c.Version, Compat: c.Compatibility, Sunset: c.Sunset}
	}
	for key, text := range map[string]string{"freshness": s.SLA.Freshness, "availability": s.SLA.Availability} {
		if text != "" {
			if d.SLA == nil {
				d.SLA = map[string]any{}
			}
			d.SLA[key] = text
		}
	}
	if t.Mode == "scd2" {
		d.SCD = &policies.SCD{Keys: t.Keys, Tracked: t.Track}
	}
	return d
}

// declareColumn gives a column what its suite declares of it; of personal data, what
// the suite says of the whole table where the column says nothing.
func (t *tableRun) declareColumn(to *policies.Column, c *expectations.Column) {
	to.Classification, to.DeprecatedSince, to.ReplacedBy = c.Classification, c.DeprecatedSince, c.ReplacedBy
	p := c.PersonalData
	if c.Personal() {
		all := t.Suite.PersonalData
		if p.Purpose == "" {
			p.Purpose = all.Purpose
		}
		if p.LegalBasis == "" {
			p.LegalBasis = all.LegalBasis
		}
		if p.RetentionDays == nil {
			p.RetentionDays = all.RetentionDays
		}
	}
	to.Purpose, to.LegalBasis, to.RetentionDays = p.Purpose, p.LegalBasis, p.RetentionDays
}
