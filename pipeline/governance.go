package pipeline

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/dq-dev/dq/delta"
	"github.com/dq-dev/dq/delta/location"
	"github.com/dq-dev/dq/policies"
	"github.com/dq-dev/dq/record"
)

// GovernanceOptions say what a governance document is about.
type GovernanceOptions struct {
	Tables   []string         // of the pipeline; none for all
	From, To *time.Time       // bounds of the histories: From is included, To is not; nil is no bound
	At       time.Time        // now
	Version  string           // of the program
	Policies *policies.Bundle // of the pipeline
}

// ErrNothingRun says that no run of a pipeline has left anything.
var ErrNothingRun = errors.New("nothing was run yet")

// governance gathers what is known of a pipeline's past.
type governance struct {
	*Pipeline
	opt   GovernanceOptions
	where *location.Location
	store delta.Store // of the warehouse
	doc   *record.Governance

	tables   map[string]*Table   // in scope
	runs     map[string]*keptRun // by id, those of the period
	graph    *record.Graph       // of the newest run that has one
	into     map[endpoint][]record.Edge
	changed  map[string]*changeSet // by run and table
	earliest string                // the oldest run record there is, of whatever period
}

// keptRun is what a report needs of a run record.
type keptRun struct {
	record.GovernedRun
	tables map[string]*keptTable // in scope
}

// keptTable is what a report needs of what became of a table in a run: a record has a
// hundred times as much, and there are thousands of them.
type keptTable struct {
	step       record.GovernedStep
	dimensions []record.Dimension // without a trend
	findings   []record.Finding   // that are exceptions
}

// endpoint is a column of a table; of a table as a whole the column is "".
type endpoint struct{ table, column string }

// changeSet is the change of code that a version came with.
type changeSet struct {
	commit, author, actor string
	approvals             []string
}

// Governance gathers the evidence for how tables were governed: from the run records,
// the tables' logs, the decision log, and what suites, owners and waivers say now. What
// is lost is an open point of the document, not an error; ErrNothingRun is when there is
// neither a run record nor a table. It needs no engine and reads no rows.
//
// Cost: each run record of the period once, the decision log with what its lines refer to,
// and the log of each table in scope twice.
func (p *Pipeline) Governance(ctx context.Context, opt GovernanceOptions) (*record.Governance, error) {
	where, err := location.Open(p.Warehouse, os.Getenv)
	if err != nil {
		return nil, &ConfigError{err}
	}
	defer func() { _ = where.Close() }()
	g := &governance{Pipeline: p, opt: opt, where: where, store: where.Store(), tables: map[string]*Table{}, runs: map[string]*keptRun{}, changed: map[string]*changeSet{},
		doc: &record.Governance{Format: record.GovernanceFormat, At: opt.At.UTC(), Tool: record.Tool{Version: opt.Version}, Pipeline: p.Name, Warehouse: p.Warehouse,
			From: opt.From, To: opt.To, Policies: opt.Policies.Digest(), Open: []record.Finding{}, Tables: []record.GovernedTable{}, Runs: []record.GovernedRun{},
			Decisions: []record.GovernedDecision{}, Waivers: []record.GovernedWaiver{}, Exceptions: []record.GovernedException{}, Processing: []record.Processing{}, Files: []record.FileDigest{}}}
	for _, l := range p.Layers {
		for _, t := range l.Tables {
			if len(opt.Tables) == 0 || slices.Contains(opt.Tables, t.Name) {
				g.tables[t.Name] = t
			}
		}
	}
	for _, part := range []func(context.Context) error{g.readRuns, g.readLog, g.readTables} {
		if err := part(ctx); err != nil {
			return nil, err
		}
	}
	if g.earliest == "" && !slices.ContainsFunc(g.doc.Tables, func(t record.GovernedTable) bool { return t.Version != nil }) {
		return nil, ErrNothingRun
	}
	g.answerable()
	g.waivers()
	g.processing()
	if err := g.files(); err != nil {
		return nil, err
	}
	g.conclude()
	return g.doc, nil
}

// within reports whether a time is in the period.
func (g *governance) within(at time.Time) bool {
	return (g.opt.From == nil || !at.Before(*g.opt.From)) && (g.opt.To == nil || at.Before(*g.opt.To))
}

// end is the end of the period, or now.
func (g *governance) end() time.Time {
	if g.opt.To != nil && g.opt.To.Before(g.opt.At) {
		return *g.opt.To
	}
	return g.opt.At
}

// open notes an open point.
func (g *governance) open(severity, rule, table, hint, format string, args ...any) {
	g.doc.Open = append(g.doc.Open, record.Finding{Rule: rule, Severity: severity, Table: table, Message: fmt.Sprintf(format, args...), Hint: hint})
}

// runTime is when a run began, as its id says it.
func runTime(id string) (time.Time, error) {
	stamp, _, _ := strings.Cut(id, "-")
	return time.Parse("20060102T150405000Z", stamp)
}

// readRuns reads the records of the period's runs, one after the other.
func (g *governance) readRuns(ctx context.Context) error {
	files, err := g.store.List(ctx, "_dq/runs", "")
	if err != nil {
		return err
	}
	for _, f := range files {
		id := strings.TrimSuffix(path.Base(f.Name), ".json")
		if g.earliest == "" {
			g.earliest = id
		}
		if at, err := runTime(id); err == nil && !g.within(at) {
			continue
		}
		data, err := g.store.Read(ctx, f.Name)
		if err != nil {
			return err
		}
		run, err := record.Read(bytes.NewReader(data))
		if err != nil {
			g.open("error", "record.damaged", "", "restore it from a backup", "%s cannot be read: %v", f.Name, err)
			continue
		}
		if run.Pipeline != g.Name { // of another pipeline in this warehouse
			continue
		}
		kept := &keptRun{tables: map[string]*keptTable{}, GovernedRun: record.GovernedRun{ID: run.ID, At: run.StartedAt.UTC(),
			Environment: run.Environment, Verdict: run.Verdict, Outcome: run.Outcome, Tool: run.Tool, Engine: run.Engine, Digest: sum(data), LogHead: run.DecisionLogHead}}
		for l := range run.Layers {
			for i := range run.Layers[l].Tables {
				t := &run.Layers[l].Tables[i]
				if g.tables[t.Name] != nil {
					kept.tables[t.Name] = keep(t)
				}
			}
		}
		if run.Lineage != nil {
			g.graph = run.Lineage
		}
		for _, f := range run.Findings {
			if f.Severity != "info" && (f.Table == "" || g.tables[f.Table] != nil) {
				g.doc.Exceptions = append(g.doc.Exceptions, record.GovernedException{At: kept.At, Kind: f.Rule, Table: f.Table, By: "run " + run.ID, What: f.Message})
			}
		}
		g.runs[run.ID] = kept
		g.doc.Runs = append(g.doc.Runs, kept.GovernedRun)
	}
	g.into = map[endpoint][]record.Edge{}
	if g.graph != nil {
		for _, e := range g.graph.Edges {
			to := endpoint{e.ToTable, e.ToColumn}
			g.into[to] = append(g.into[to], e)
		}
	}
	return nil
}

// sum is the SHA-256 of a file's bytes.
func sum(data []byte) string {
	h := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(h[:])
}

// readLog reads the decision log: what policies decided, of which change of code, and
// whether it is as it was written.
func (g *governance) readLog(ctx context.Context) error {
	heads := map[string]string{}
	for id, run := range g.runs {
		if run.LogHead != "" {
			heads["run "+id] = run.LogHead
		}
	}
	log := &policies.Archive{Name: DecisionLog, Read: g.store.Read}
	var entries []policies.Entry
	var lines []int
	report, err := log.Verify(ctx, heads, func(line int, e policies.Entry) { entries, lines = append(entries, e), append(lines, line) })
	if errors.Is(err, fs.ErrNotExist) {
		if len(heads) > 0 {
			g.open("error", "decision_log.lost", "", "restore it from a backup", "%s is gone, and %s wrote to it", DecisionLog, plural(int64(len(heads)), "run"))
		}
		return nil
	}
	if err != nil {
		return err
	}
	g.doc.Log = &record.LogState{Name: DecisionLog, Lines: report.Lines, Head: report.Head, Problems: []string{}}
	for _, p := range report.Problems {
		g.doc.Log.Problems = append(g.doc.Log.Problems, fmt.Sprintf("line %d: %s", p.Line, p.Problem))
	}
	if n := len(report.Problems); n > 0 {
		g.open("error", "decision_log.changed", "", "dq policy log verify", "%s is not as it was written (%s): %s", DecisionLog, plural(int64(n), "problem"), g.doc.Log.Problems[0])
	}
	for i, e := range entries {
		if g.tables[e.Table] == nil || e.Labels["pipeline"] != "" && e.Labels["pipeline"] != g.Name {
			continue
		}
		c := &changeSet{}
		in, err := log.Input(ctx, e)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			g.open("error", "decision_log.input", e.Table, "dq policy log replay", "decision %s: %v", e.DecisionID, err)
		default:
			c = changeOf(in)
		}
		g.changed[e.Labels["run"]+" "+e.Table] = c
		if !g.within(e.Timestamp) {
			continue
		}
		if run := g.runs[e.Labels["run"]]; run != nil {
			run.Decisions++
		}
		findings := e.Result.Findings
		if findings == nil {
			findings = []record.Decision{}
		}
		g.doc.Decisions = append(g.doc.Decisions, record.GovernedDecision{ID: e.DecisionID, Line: lines[i], At: e.Timestamp.UTC(), Run: e.Labels["run"], Table: e.Table, VersionFrom: e.VersionFrom,
			Op: e.Op, Allow: e.Result.Allow, Findings: findings, Actor: c.actor, Commit: c.commit, Author: c.author, Approvals: c.approvals,
			Input: e.InputSHA256, Bundle: e.Bundles["dq"].Revision, Hash: e.Hash})
	}
	for i := range g.doc.Runs {
		g.doc.Runs[i].Decisions = g.runs[g.doc.Runs[i].ID].Decisions
	}
	return nil
}

func changeOf(in policies.Input) *changeSet {
	c := &changeSet{}
	if in.Actor != nil {
		c.actor = in.Actor.ID
	}
	if in.Change != nil {
		c.commit, c.author = in.Change.Commit, in.Change.Author
		for _, a := range in.Change.Approvals {
			c.approvals = append(c.approvals, a.ID)
		}
	}
	return c
}

// party looks somebody up in the directory of owners.
func (g *governance) party(name string) record.Party {
	o, known := g.opt.Policies.Owner(name)
	return record.Party{Name: name, Team: o.Team, Email: o.Email, Known: known}
}

// answerable says who answers for personal data.
func (g *governance) answerable() {
	who := g.opt.Policies.Answerable()
	if c := who.Controller; c != nil {
		g.doc.Controller = &record.Party{Name: c.Team, Email: c.Email, Known: true}
	}
	if who.DPO != "" {
		p := g.party(who.DPO)
		g.doc.DPO = &p
	}
}

// waivers lists those of the file that are for tables in scope, and those that the
// decision log says were used in the period.
func (g *governance) waivers() {
	byID := map[string]*record.GovernedWaiver{}
	var order []string
	for _, w := range g.opt.Policies.Waivers() {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(g.tables)), w.For) {
			continue
		}
		state := "in force"
		switch left := w.DaysLeft(g.opt.At); {
		case left < 0:
			state = "expired"
		case w.Created > g.opt.At.UTC().Format(time.DateOnly):
			state = "later"
		case left <= 14:
			state = "ends soon"
		}
		byID[w.ID] = &record.GovernedWaiver{Waiver: record.Waiver{ID: w.ID, Reason: w.Reason, Ticket: w.Ticket, ApprovedBy: w.ApprovedBy, Expires: w.Expires},
			Policy: w.Policy, Table: w.Table, RequestedBy: w.RequestedBy, Created: w.Created, State: state}
		order = append(order, w.ID)
	}
	used := map[string]bool{} // by waiver, table and version
	for i := range g.doc.Decisions {
		d := &g.doc.Decisions[i]
		for _, f := range d.Findings {
			if f.Waiver == nil {
				continue
			}
			w := byID[f.Waiver.ID]
			if w == nil {
				w = &record.GovernedWaiver{Waiver: *f.Waiver, Policy: f.Policy, Table: d.Table, State: "removed"}
				byID[w.ID], order = w, append(order, w.ID)
			}
			what := fmt.Sprint(w.ID, " ", d.Table, " ", d.VersionFrom == nil, " ", numberOf(d.VersionFrom))
			if d.Op == "plan" || used[what] {
				continue
			}
			used[what] = true
			w.Uses++
			w.LastUsed = &d.At
			g.doc.Exceptions = append(g.doc.Exceptions, record.GovernedException{At: d.At, Kind: "waiver", Table: d.Table, Version: d.VersionFrom, By: strings.Join(f.Waiver.ApprovedBy, ", "),
				What: fmt.Sprintf("%s let %s through: %s", f.Waiver.ID, f.Policy, f.Message)})
		}
	}
	for _, id := range order {
		w := byID[id]
		g.doc.Waivers = append(g.doc.Waivers, *w)
		who := strings.Join(w.ApprovedBy, ", ")
		switch w.State {
		case "in force", "ends soon":
			g.open("warn", "waiver", w.Table, "", "waiver %s for %s, approved by %s, is in force until %s", w.ID, w.Policy, who, w.Expires)
		case "expired":
			g.open("warn", "waiver.expired", w.Table, "dq waiver check", "waiver %s for %s, approved by %s, ended on %s", w.ID, w.Policy, who, w.Expires)
		}
	}
}

func numberOf(v *int64) int64 {
	if v == nil {
		return -1
	}
	return *v
}

// files notes what the project is made of.
func (g *governance) files() error {
	names := []string{g.File, g.Owners, g.Pipeline.Waivers}
	for _, name := range sortedKeys(g.tables) {
		t := g.tables[name]
		names = append(names, t.Suite.File, t.Model)
	}
	seen := map[string]bool{"": true}
	for _, name := range names {
		if seen[name] {
			continue
		}
		seen[name] = true
		data, err := os.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) { // of waivers: there are none
			continue
		}
		if err != nil {
			return err
		}
		g.doc.Files = append(g.doc.Files, record.FileDigest{Path: g.shown(name), SHA256: sum(data)})
	}
	return nil
}

// shown is a path as seen from the pipeline's file, so that it is the same on each machine.
func (g *governance) shown(name string) string {
	dir, err := filepath.Abs(filepath.Dir(g.File))
	if err != nil {
		return name
	}
	full, err := filepath.Abs(name)
	if err != nil {
		return name
	}
	rel, err := filepath.Rel(dir, full)
	if err != nil {
		return name
	}
	return filepath.ToSlash(rel)
}

// conclude puts what was found in order and gives the verdict.
func (g *governance) conclude() {
	slices.SortStableFunc(g.doc.Exceptions, func(a, b record.GovernedException) int { return a.At.Compare(b.At) })
	rank := map[string]int{"error": 0, "warn": 1, "info": 2}
	slices.SortStableFunc(g.doc.Open, func(a, b record.Finding) int { return rank[a.Severity] - rank[b.Severity] })
	g.doc.Verdict = record.Pass
	for i := range g.doc.Open {
		g.doc.Verdict = record.Worst(g.doc.Verdict, g.doc.Open[i].Verdict())
	}
	g.doc.Lineage = g.lineage()
}

// lineage is that of the newest run that has one: what tables in scope were made from,
// and what is made of them.
func (g *governance) lineage() *record.Graph {
	all := g.graph
	if all == nil {
		return nil
	}
	next := func(names map[string]bool, from, to func(record.Edge) string) map[string]bool {
		for grown := true; grown; {
			grown = false
			for _, e := range all.Edges {
				if names[from(e)] && !names[to(e)] {
					names[to(e)], grown = true, true
				}
			}
		}
		return names
	}
	source := func(e record.Edge) string { return e.FromTable }
	target := func(e record.Edge) string { return e.ToTable }
	scope := func() map[string]bool {
		names := map[string]bool{}
		for name := range g.tables {
			names[name] = true
		}
		return names
	}
	keep := next(scope(), target, source)
	maps.Copy(keep, next(scope(), source, target))
	out := &record.Graph{Tables: []record.GraphTable{}, Edges: []record.Edge{}}
	for _, t := range all.Tables {
		if keep[t.Name] {
			out.Tables = append(out.Tables, t)
		}
	}
	for _, e := range all.Edges {
		if keep[e.FromTable] && keep[e.ToTable] {
			out.Edges = append(out.Edges, e)
		}
	}
	return out
}

// code is the change of code that a run brought a table with; never nil.
func (g *governance) code(run, table string) *changeSet {
	if c := g.changed[run+" "+table]; c != nil {
		return c
	}
	return &changeSet{}
}
