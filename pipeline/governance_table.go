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
		step := record.GovernedStep{At: c.Time.UTC(), Version: &version, Outcome: "foreign", Operation: c.Operation, By: programOf(c)}
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
	judged(step, run.tables[t.Name])
	g.findings(step, t.Name, run.tables[t.Name].Findings)
}

// findings are exceptions: a source that was rewritten, a recovery.
func (g *governance) findings(step *record.GovernedStep, table string, list []record.Finding) {
	for _, f := range list {
		if f.Severity != "info" {
			g.exception(*step, f.Rule, table, f.Message)
		}
	}
}

// judged says what was found about a batch.
func judged(step *record.GovernedStep, t *record.Table) {
	step.Message = t.Message
	if t.Quarantine != nil {
		step.Refused = t.Quarantine.ByRule
	}
	for _, f := range t.Findings {
		if f.Severity != "info" {
			step.Failed = append(step.Failed, record.FailedRule{ID: f.Rule, Verdict: f.Verdict(), Severity: f.Severity, Failed: f.Rows, Message: f.Message})
		}
	}
	for _, d := range t.Decisions {
		if d.Effect == "deny" {
			step.Failed = append(step.Failed, record.FailedRule{ID: d.Policy, Verdict: record.Fail, Severity: d.Severity, Message: d.Message})
		}
	}
	if t.Check == nil {
		return
	}
	for i := range t.Check.Expectations {
		e := &t.Check.Expectations[i]
		if e.Verdict == record.Fail || e.Verdict == record.Error || e.Verdict == record.Warn {
			step.Failed = append(step.Failed, record.FailedRule{ID: e.ID, Verdict: e.Verdict, Severity: e.Severity, Evaluated: e.Evaluated, Failed: e.Failed + e.Errored, Message: e.Message})
		}
	}
}

// refusals tells the batches of the period that the gate refused: as long as there are
// run records, for no log has them.
func (g *governance) refusals(t *Table, doc *record.GovernedTable) {
	for _, run := range g.doc.Runs {
		rt := g.runs[run.ID].tables[t.Name]
		if rt == nil || rt.Outcome != "refused" {
			continue
		}
		step := record.GovernedStep{At: run.At, Outcome: "refused", Run: run.ID, Verdict: record.Skipped, Counts: rt.Counts, Inputs: rt.Inputs,
			By: strings.TrimSpace("dq " + run.Tool.Version + ", " + run.Engine.Name + " " + run.Engine.Version)}
		judged(&step, rt)
		if rt.Check != nil {
			step.Suite, step.Verdict = rt.Check.Suite.Digest, rt.Check.Verdict
		}
		for _, f := range step.Failed {
			step.Verdict = record.Worst(step.Verdict, f.Verdict)
		}
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
		check := g.runs[step.Run].tables[t.Name].Check
		if check == nil {
			continue
		}
		for d := range doc.Quality { // of the newest version alone
			q := &doc.Quality[d]
			q.Rules, q.Held, q.Evaluated, q.Failed, q.Verdict = 0, 0, 0, 0, record.Skipped
		}
		for j := range check.Expectations {
			e := &check.Expectations[j]
			name := e.Dimension
			if name == "" {
				name = "other"
			}
			n, known := at[name]
			if !known {
				n = len(doc.Quality)
				at[name] = n
				doc.Quality = append(doc.Quality, record.Dimension{Name: name, Characteristic: characteristics[name], Trend: []record.Trend{}})
			}
			q := &doc.Quality[n]
			q.Rules++
			if e.Verdict == record.Pass || e.Verdict == record.Vacuous || e.Verdict == record.Skipped {
				q.Held++
			}
			if e.Scope == "row" {
				q.Evaluated += e.Evaluated
				q.Failed += e.Failed + e.Errored
			}
			q.Verdict = record.Worst(q.Verdict, e.Verdict)
		}
		for d := range doc.Quality {
			if q := &doc.Quality[d]; q.Rules > 0 {
				q.Trend = append(q.Trend, record.Trend{Version: *step.Version, Verdict: q.Verdict, Evaluated: q.Evaluated, Failed: q.Failed})
			}
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
