package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dq-dev/dq/delta"
	"github.com/dq-dev/dq/expectations"
	"github.com/dq-dev/dq/policies"
	"github.com/dq-dev/dq/record"
	"github.com/dq-dev/dq/table"
)

// readTables gathers what is known of each table in scope.
func (g *governance) readTables(ctx context.Context) error {
	for _, l := range g.Layers {
		for _, t := range l.Tables {
			if g.tables[t.Name] == nil {
				continue
			}
			doc, err := g.table(ctx, t)
			if err != nil {
				return fmt.Errorf("%s: %w", t.Name, err)
			}
			g.doc.Tables = append(g.doc.Tables, *doc)
		}
	}
	return nil
}

func (g *governance) table(ctx context.Context, t *Table) (*record.GovernedTable, error) {
	s := t.Suite
	doc := &record.GovernedTable{Name: t.Name, Layer: t.Layer, Location: g.Location(t.Name), Description: s.Description, Mode: t.Mode, Owner: g.party(s.Owner),
		Domain: s.Domain, Classification: s.Classification, Certified: s.Certified, Contract: s.Contract.Version, Compatibility: s.Contract.Compatibility, Sunset: s.Contract.Sunset,
		RetentionDays: s.RetentionDays, DeprecatedSince: s.DeprecatedSince, Suite: s.Digest,
		Attainment: []record.Attainment{}, History: []record.GovernedStep{}, Schema: []record.SchemaVersion{}, Quality: []record.Dimension{},
		Critical: []record.Element{}, Personal: []record.PersonalData{}, Readers: []record.Reader{}}
	if s.Steward != "" {
		steward := g.party(s.Steward)
		doc.Steward = &steward
	}
	switch {
	case s.Owner == "":
		g.open("warn", "owner.none", t.Name, "write owner: in "+s.File, "nobody owns the table")
	case !doc.Owner.Known:
		g.open("warn", "owner.unknown", t.Name, "add them to the directory of owners", "owner %s is not in the directory of owners", s.Owner)
	}
	dt := delta.Open(g.where.Sub(folder(t.Name)).Store())
	snap, err := dt.Snapshot(ctx, delta.Latest())
	if errors.Is(err, delta.ErrNoTable) {
		g.refusals(t, doc)
		g.open("warn", "never_published", t.Name, "dq gate list", "no version was published")
		g.attainment(t, doc, nil)
		g.inventory(t, doc, table.Schema{})
		return doc, nil
	}
	if err != nil {
		return nil, err
	}
	version := snap.Version()
	doc.Version, doc.Columns = &version, len(snap.Schema().Fields)
	if rows, ok := snap.Rows(); ok {
		doc.Rows = &rows
	}
	commits, err := dt.History(ctx, 0)
	if err != nil {
		return nil, err
	}
	slices.Reverse(commits)
	g.history(t, doc, commits)
	g.refusals(t, doc)
	slices.SortStableFunc(doc.History, func(a, b record.GovernedStep) int { return a.At.Compare(b.At) })
	if err := g.schema(ctx, t, doc, dt); err != nil {
		return nil, err
	}
	g.quality(t, doc)
	g.attainment(t, doc, commits)
	g.inventory(t, doc, snap.Schema())
	g.lookAt(doc)
	return doc, nil
}

// history tells the versions of the period, the oldest first.
func (g *governance) history(t *Table, doc *record.GovernedTable, commits []delta.Commit) {
	for _, c := range commits {
		if !g.within(c.Time) {
			continue
		}
		version := c.Version
		step := record.GovernedStep{At: c.Time.UTC(), Version: &version, Outcome: "foreign", Operation: c.Operation, By: writer(c)}
		note, ours := commitNote(c)
		switch {
		case ours && note.Pipeline == g.Name && note.Run != "":
			g.published(t, &step, note)
		case c.Operation == "RESTORE":
			step.Outcome = "restored"
			step.Message = "another version was restored"
			if to := restoredTo(c); to >= 0 {
				step.Message = fmt.Sprintf("version %d was restored", to)
			}
			g.exception(step, "restore", t.Name, step.Message)
		case c.Operation == "OPTIMIZE" || strings.HasPrefix(c.Operation, "VACUUM"):
			step.Outcome = "maintained"
		default:
			what := c.Operation
			if what == "" {
				what = "a commit"
			}
			step.Message = what + ", not by a run of this pipeline: no gate judged it before it was published"
			g.exception(step, "foreign commit", t.Name, step.Message)
		}
		doc.History = append(doc.History, step)
	}
}

func (g *governance) exception(step record.GovernedStep, kind, table, what string) {
	g.doc.Exceptions = append(g.doc.Exceptions, record.GovernedException{At: step.At, Kind: kind, Table: table, Version: step.Version, By: step.By, What: what})
}

// published fills in what is kept of a version that a run published.
func (g *governance) published(t *Table, step *record.GovernedStep, note note) {
	step.Outcome, step.Run, step.Verdict, step.Suite, step.Counts, step.Inputs = "published", note.Run, note.Verdict, note.Suite, note.Counts, note.Inputs
	if note.Tool != "" {
		step.By = strings.TrimSpace("dq " + note.Tool + ", " + note.Engine)
	}
	run := g.runs[note.Run]
	if run == nil || run.tables[t.Name] == nil {
		step.Lost = true
		return
	}
	kept := run.tables[t.Name]
	step.Failed, step.Refused, step.Message = kept.step.Failed, kept.step.Refused, kept.step.Message
	for _, f := range kept.findings {
		g.exception(*step, f.Rule, t.Name, f.Message)
	}
}

// keep reads what a report needs of what became of a table.
func keep(t *record.Table) *keptTable {
	k := &keptTable{step: record.GovernedStep{Outcome: t.Outcome, Verdict: record.Skipped, Counts: t.Counts, Inputs: t.Inputs, Message: t.Message}}
	failed := func(r record.FailedRule) {
		k.step.Failed = append(k.step.Failed, r)
		k.step.Verdict = record.Worst(k.step.Verdict, r.Verdict)
	}
	if t.Quarantine != nil {
		k.step.Refused = t.Quarantine.ByRule
	}
	for _, f := range t.Findings {
		if f.Severity != "info" {
			failed(record.FailedRule{ID: f.Rule, Verdict: f.Verdict(), Severity: f.Severity, Failed: f.Rows, Message: f.Message})
			k.findings = append(k.findings, record.Finding{Rule: f.Rule, Message: f.Message})
		}
	}
	for _, d := range t.Decisions {
		if d.Effect == "deny" {
			failed(record.FailedRule{ID: d.Policy, Verdict: record.Fail, Severity: d.Severity, Message: d.Message})
		}
	}
	if t.Check == nil {
		return k
	}
	k.step.Suite, k.step.Verdict = t.Check.Suite.Digest, record.Worst(k.step.Verdict, t.Check.Verdict)
	for i := range t.Check.Expectations {
		e := &t.Check.Expectations[i]
		k.count(e)
		if e.Verdict == record.Fail || e.Verdict == record.Error || e.Verdict == record.Warn {
			failed(record.FailedRule{ID: e.ID, Verdict: e.Verdict, Severity: e.Severity, Evaluated: e.Evaluated, Failed: e.Failed + e.Errored, Message: e.Message})
		}
	}
	return k
}

// count adds an expectation to its dimension.
func (k *keptTable) count(e *record.Expectation) {
	name := e.Dimension
	if name == "" {
		name = "other"
	}
	i := slices.IndexFunc(k.dimensions, func(d record.Dimension) bool { return d.Name == name })
	if i < 0 {
		i = len(k.dimensions)
		k.dimensions = append(k.dimensions, record.Dimension{Name: name, Characteristic: characteristics[name], Verdict: record.Skipped})
	}
	d := &k.dimensions[i]
	d.Rules++
	if e.Verdict == record.Pass || e.Verdict == record.Vacuous || e.Verdict == record.Skipped {
		d.Held++
	}
	if e.Scope == "row" {
		d.Evaluated += e.Evaluated
		d.Failed += e.Failed + e.Errored
	}
	d.Verdict = record.Worst(d.Verdict, e.Verdict)
}

// refusals tells the batches of the period that the gate refused: as long as there are
// run records, for no log has them.
func (g *governance) refusals(t *Table, doc *record.GovernedTable) {
	for _, run := range g.doc.Runs {
		kept := g.runs[run.ID].tables[t.Name]
		if kept == nil || kept.step.Outcome != "refused" {
			continue
		}
		step := kept.step
		step.At, step.Run = run.At, run.ID
		step.By = strings.TrimSpace("dq " + run.Tool.Version + ", " + run.Engine.Name + " " + run.Engine.Version)
		doc.History = append(doc.History, step)
	}
}

// schema tells the shapes that the table had in the period, and what each change meant.
func (g *governance) schema(ctx context.Context, t *Table, doc *record.GovernedTable, dt *delta.Table) error {
	renamed := (&tableRun{Table: t}).renamed()
	var last *policies.Shape
	var was table.Schema
	for s, err := range dt.Shapes(ctx) {
		if err != nil {
			return err
		}
		shape, is := policies.ShapeOf(s), s.Schema()
		v := record.SchemaVersion{Version: s.Version(), At: s.Time().UTC(), Operation: s.Operation(), Class: "created", Changes: []table.Change{}}
		if last != nil {
			diff := policies.Diff(last, shape, table.Diff(was, is, renamed))
			v.Class = compatibilityOf(diff)
			for _, c := range diff {
				v.Changes = append(v.Changes, c.Change)
			}
		}
		begins := last == nil && s.Version() > 0 // the log begins later than the table: nobody knows what changed
		last, was = shape, is
		if begins || !g.within(s.Time()) || v.Class != "created" && len(v.Changes) == 0 {
			continue
		}
		for _, step := range doc.History {
			if step.Version != nil && *step.Version == v.Version {
				v.Run = step.Run
			}
		}
		c := g.code(v.Run, t.Name)
		v.Commit, v.Author, v.Approvals = c.commit, c.author, c.approvals
		doc.Schema = append(doc.Schema, v)
	}
	return nil
}

// compatibilityOf says to which side changes are compatible.
func compatibilityOf(diff []policies.Change) string {
	var backward, forward bool
	for _, c := range diff {
		backward = backward || slices.Contains(c.Breaks, "backward")
		forward = forward || slices.Contains(c.Breaks, "forward")
	}
	switch {
	case backward && forward:
		return "none"
	case backward:
		return "forward"
	case forward:
		return "backward"
	}
	return "full"
}

// characteristics are those of ISO/IEC 25012 that the dimensions of rules measure.
var characteristics = map[string]string{
	"accuracy": "accuracy", "validity": "accuracy", "completeness": "completeness", "volume": "completeness", "consistency": "consistency",
	"uniqueness": "consistency", "integrity": "consistency", "timeliness": "currentness", "freshness": "currentness", "credibility": "credibility",
	"precision": "precision", "availability": "availability", "compliance": "compliance", "confidentiality": "confidentiality",
}

// quality sums up, by dimension, what the rules said of the versions that are kept.
func (g *governance) quality(t *Table, doc *record.GovernedTable) {
	at := map[string]int{}
	for i := range doc.History {
		step := &doc.History[i]
		if step.Outcome != "published" || step.Lost {
			continue
		}
		for d := range doc.Quality { // of the newest version alone
			q := &doc.Quality[d]
			q.Rules, q.Held, q.Evaluated, q.Failed, q.Verdict = 0, 0, 0, 0, record.Skipped
		}
		for _, d := range g.runs[step.Run].tables[t.Name].dimensions {
			n, known := at[d.Name]
			if !known {
				n = len(doc.Quality)
				at[d.Name] = n
				doc.Quality = append(doc.Quality, record.Dimension{Trend: []record.Trend{}})
			}
			d.Trend = append(doc.Quality[n].Trend, record.Trend{Version: *step.Version, Verdict: d.Verdict, Evaluated: d.Evaluated, Failed: d.Failed})
			doc.Quality[n] = d
		}
	}
	slices.SortFunc(doc.Quality, func(a, b record.Dimension) int { return strings.Compare(a.Name, b.Name) })
}

// inventory lists personal data, critical columns and who reads the table.
func (g *governance) inventory(t *Table, doc *record.GovernedTable, schema table.Schema) {
	all := t.Suite.PersonalData
	for i := range t.Suite.Columns {
		c := &t.Suite.Columns[i]
		if !c.Personal() {
			continue
		}
		declared := policies.Column{Path: c.Name}
		(&tableRun{Table: t}).declareColumn(&declared, c)
		p := record.PersonalData{Column: c.Name, Categories: personalTags(c), Classification: c.Classification, Purpose: declared.Purpose,
			LegalBasis: declared.LegalBasis, RetentionDays: declared.RetentionDays}
		if p.Purpose == "" || p.LegalBasis == "" {
			g.open("error", "personal_data.undeclared", t.Name, "write personal_data: {purpose: ..., legal_basis: ...} in "+t.Suite.File, "%s is personal, and has no purpose or no legal basis", c.Name)
		}
		doc.Personal = append(doc.Personal, p)
	}
	if all.RetentionDays != nil && doc.RetentionDays == nil {
		doc.RetentionDays = all.RetentionDays
	}
	g.readers(t, doc)
	g.critical(t, doc, schema)
}

func personalTags(c *expectations.Column) []string {
	var out []string
	for _, tag := range c.Tags {
		if tag == "pii" || strings.HasPrefix(tag, "pii.") {
			out = append(out, tag)
		}
	}
	return out
}
