package pipeline

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/dq-dev/dq/delta"
	"github.com/dq-dev/dq/delta/location"
	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/expectations"
	"github.com/dq-dev/dq/internal/yamlpos"
	"github.com/dq-dev/dq/lineage"
	"github.com/dq-dev/dq/lineage/openlineage"
	"github.com/dq-dev/dq/operations"
	"github.com/dq-dev/dq/policies"
	"github.com/dq-dev/dq/record"
	"github.com/dq-dev/dq/source/file"
	"github.com/dq-dev/dq/table"
)

// Options is what a run needs besides the pipeline.
type Options struct {
	Engine   engine.Engine
	Policies *policies.Bundle
	// Clock tells the time; it stamps loads and waivers, and judges freshness.
	Clock func() time.Time
	// Version of the program, for records.
	Version string
	// Wait is how long to wait for another run of the pipeline.
	Wait time.Duration
	// FullRefresh reads everything again and replaces every table's content.
	FullRefresh bool
	// Resume says what becomes of tables made from versions of another table that a
	// restore undid: [ResumeRestored] or [ResumeKept]. With neither such a run ends
	// before it has begun.
	Resume string
	// Done is how many files of sources with batch: file went through before, in
	// runs of the same process; Progress counts them.
	Done int
	// caughtUp says that a run of this process left no table behind its sources.
	caughtUp bool
	// DryRun binds, diffs and asks the policies, then stops before data is read.
	DryRun bool
	// Environment is what policies see as env.
	Environment string
	// Actor is who runs the pipeline, and Change the change of code that it runs for, as
	// policies see them; nil when that is not known.
	Actor  *policies.Actor
	Change *policies.ChangeSet
	// Samples is how many failing rows a rule shows; 0 means 5.
	Samples int
	// Progress, if set, is called at every step boundary with a short text such
	// as "stage silver.orders", by one goroutine at a time. Tables of a layer that
	// do not look at each other are staged side by side, in any order.
	Progress func(step string)
	// Listener, if set, is told of the run. Its errors do not end a run.
	Listener Listener
}

// run is one run under way.
type run struct {
	*Pipeline
	opt    Options
	id     string
	now    time.Time
	where  *location.Location // of the warehouse
	state  *state
	eng    engine.Engine
	d      engine.Dialect
	binder engine.Session // in which models are bound
	tables map[string]*tableRun
	known  []string               // the tables that the pipeline had when the run before ended
	gone   map[string][]*tableRun // those that it has no more, by the layer that decides about them
	rec    *record.Run
	begun  *begun // what the listener was told; nil without one
	log    *policies.Log
	// uses of waivers, once they are asked for; counting guards it.
	uses     *policies.Uses
	counting sync.Mutex
	// Profiles are made beside other work: profiles waits for them, profiling
	// keeps them one after the other.
	profiles  sync.WaitGroup
	profiling sync.Mutex
	stepping  sync.Mutex // one step is told after the other
	links     func() *links
	recalled  []string           // of known, those that logs name, because the file that does is lost
	outside   []openlineage.Made // what jobs outside make, as their events say
}

// tableRun is one table in one run.
type tableRun struct {
	*Table
	folder  string // under the warehouse
	delta   *delta.Table
	snap    *delta.Snapshot // as it was when the run began; nil without a table
	app     string          // of the Delta txn
	batches int64           // the table's own commits by this pipeline, as its log says
	ledger  *ledger
	past    []*ledgerEntry    // of the versions before, the newest first, as far as the suite looks back
	schema  table.Schema      // what the next version has
	plain   table.Schema      // that, without what its log says of columns by itself
	rules   []operations.Rule // that its log has for rows
	reads   []string          // attached relations that the model scans
	waits   []string          // tables of the pipeline that the model or the suite looks at
	plan    *expectations.Plan
	trace   *lineage.Statement
	headers []file.Group      // of the source's files that are new
	hidden  map[string]string // new columns that models do not see, and a file of each
	// capturing are new columns that models would take for something of their own.
	capturing []capture
	// current is the table as SQL of this run sees it: pinned, or with this run's staged files.
	current relation
	before  relation // current without this run's staged files
	refused *quarantine
	staged  *staged
	// gone says that the incremental table lost rows since the last batch,
	// unchangedUpstream that it neither lost nor got any.
	gone, unchangedUpstream bool
	earlier                 []table.File // of the incremental table, as of the last batch
	seen                    *time.Time   // see ledgerEntry.Seen
	follows                 bool         // scd2: the batch goes on from the current intervals
	anew                    bool         // all rows of the batch's keys are made anew
	nullKeys                bool         // some of these are null
	// settled is what the last batch is up to date with, if nothing changed.
	settled  *ledgerEntry
	resumed  []string             // upstream tables that were restored, and what becomes of that
	kept     bool                 // it does not follow them
	altered  *policies.Altered    // what others made of the table, if anything
	question *question            // what policies are asked; nil before that is known
	rewrites bool                 // all rows are written anew
	ruled    bool                 // policies were asked
	rulings  []*policies.Ruling   // of what they said, what belongs into the log
	ruledAs  string               // see ledgerEntry.Ruled
	rejudged *expectations.Result // of an audit of what is published already
	rec      *record.Table
	profile  *record.Profile // added to the record at the end
	profiled chan struct{}   // closed once it is made
	done     chan struct{}   // closed once the table is staged and audited
	held     string          // it or the table that it waits for, when that could not be staged
	// What went wrong on the way, apart for those who work beside each other.
	openErr, traceErr, planErr, err, profileErr error
}

// relation is a set of files that SQL can read.
type relation struct {
	where   *location.Location
	schema  table.Schema
	files   []table.File
	byID    bool  // columns are found by id, see [engine.Input]
	version int64 // -1 without a table
	keep    bool  // when attached, the rows are read once and kept
}

// Run runs the pipeline once. Errors are configurations that are wrong
// ([ConfigError]), engines and disks that fail, and policies or expectations
// that could not be evaluated ([EvaluationError]); the record is returned with
// them as far as it got. A closed gate is no error: it is the record's verdict.
func (p *Pipeline) Run(ctx context.Context, opt Options) (rec *record.Run, err error) {
	began := opt.Clock().UTC()
	where, err := location.Open(p.Warehouse, os.Getenv)
	if err != nil {
		return nil, &ConfigError{err}
	}
	defer func() { _ = where.Close() }()
	r := &run{Pipeline: p, opt: opt, id: runID(began), now: began.Truncate(time.Microsecond), eng: opt.Engine, d: opt.Engine.Dialect(),
		where: where, state: &state{store: where.Sub("_dq").Store(), pipeline: p.Name},
		tables: map[string]*tableRun{}}
	info := opt.Engine.Info()
	r.rec = &record.Run{Format: record.RunFormat, ID: r.id, Command: "run", Pipeline: p.Name, Environment: opt.Environment,
		Tool: record.Tool{Version: opt.Version}, Engine: record.EngineInfo{Name: info.Name, Version: info.Version}, StartedAt: began,
		Layers: []record.Layer{}}

	// The engine gets ready to bind beside the look at the tables.
	ready := make(chan error, 1)
	go func() { ready <- r.openBinder(ctx) }()
	err = r.open(ctx)
	if berr := <-ready; err == nil {
		err = berr
	}
	if r.binder != nil {
		defer func() { _ = r.binder.Close() }()
	}
	if err != nil {
		return r.rec, err
	}
	if err := r.bind(ctx); err != nil {
		return r.rec, err
	}
	if len(r.recalled) > 0 {
		r.rec.Findings = append(r.rec.Findings, record.Finding{Rule: "tables", Severity: "warn",
			Message: fmt.Sprintf("_dq/%s is gone: the logs in the warehouse say that the pipeline had %s", knownName(p.Name), strings.Join(r.recalled, ", "))})
	}
	if opt.Policies != nil {
		for _, w := range opt.Policies.Waivers() {
			if near, stray := p.Stray(w); stray && near != "" { // what is like no table here may be for another pipeline
				r.rec.Findings = append(r.rec.Findings, record.Finding{Rule: "waiver", Severity: "warn", Table: w.Table,
					Message: fmt.Sprintf("waiver %s is for %s, and the pipeline has no such table", w.ID, w.Table), Hint: near})
			}
		}
	}
	if opt.Policies != nil {
		layers := p.layers()
		for _, layer := range opt.Policies.StrayLayers(layers) {
			if near := yamlpos.Nearest(layer, layers); near != "" { // other layers may be another pipeline's
				r.rec.Findings = append(r.rec.Findings, record.Finding{Rule: "mode", Severity: "warn",
					Message: fmt.Sprintf("%s names a layer %s, and the pipeline has no such layer", policies.ConfigFile, layer), Hint: "did you mean " + near + "?"})
			}
		}
	}
	if opt.DryRun {
		return r.rec, r.dryRun(ctx)
	}
	r.step("bound")
	ctx, lease, err := r.state.acquire(ctx, r.id, opt.Wait, opt.Clock)
	if err != nil {
		return r.rec, err
	}
	defer lease.release(context.WithoutCancel(ctx))
	r.step("lease")
	if opt.Listener != nil {
		if err := r.begin(ctx); err != nil {
			return r.rec, err
		}
		defer func() { r.end(context.WithoutCancel(ctx), err) }()
	}
	if r.log, err = r.openLog(ctx); err != nil {
		return r.rec, err
	}
	defer func() { _ = r.log.Close() }()
	decided := r.log.Head()
	recovered, err := r.recover(ctx)
	if err != nil {
		return r.rec, err
	}
	if opt.Listener != nil {
		if err := r.tellKilled(ctx); err != nil {
			return r.rec, err
		}
	}
	moved, err := r.moved(ctx)
	if err != nil {
		return r.rec, err
	}
	if recovered || moved {
		// What a killed run left was finished or undone, or another run ended
		// before this one had the lease: look at the tables anew.
		if err := r.open(ctx); err != nil {
			return r.rec, err
		}
		if err := r.bind(ctx); err != nil {
			return r.rec, err
		}
	}
	if err := r.forget(ctx); err != nil {
		return r.rec, err
	}
	err = r.layers(ctx)
	ended := err == nil
	if perr := r.profiled(); err == nil {
		err = perr
	}
	if cause := context.Cause(ctx); err != nil && errors.Is(cause, ErrBusy) {
		err = cause
	}
	if context.Cause(ctx) == nil {
		r.step("metrics")
		r.keepMetrics(ctx)
	}
	r.finish(err)
	if head := r.log.Head(); head != decided {
		r.rec.DecisionLogHead = head
	}
	if r.rec.Outcome == "unchanged" {
		if herr := r.recallRefused(ctx); err == nil {
			err = herr
		}
	}
	werr := r.keepRecord(context.WithoutCancel(ctx), r.rec)
	if ended && werr == nil { // until there is a record, a killed run can be told by what it left
		werr = r.state.store.Delete(context.WithoutCancel(ctx), openName(r.id))
	}
	if err == nil {
		err = werr
	}
	return r.rec, err
}

// moved reports whether a table has a version that is newer than the one pinned.
func (r *run) moved(ctx context.Context) (bool, error) {
	for _, t := range r.tables {
		_, err := t.current.where.Store().Stat(ctx, fmt.Sprintf("_delta_log/%020d.json", t.current.version+1))
		if !errors.Is(err, fs.ErrNotExist) {
			return err == nil, err
		}
	}
	return false, nil
}

// DecisionLog is the decision log of a pipeline, in its warehouse.
const DecisionLog = "_dq/decisions.ndjson"

func (r *run) openLog(ctx context.Context) (*policies.Log, error) {
	if err := r.where.Pull(ctx, DecisionLog); err != nil {
		return nil, err
	}
	root, err := r.where.Dir()
	if err != nil {
		return nil, err
	}
	return policies.OpenLog(filepath.Join(root, filepath.FromSlash(DecisionLog)))
}

// runID sorts by time and never repeats.
func runID(at time.Time) string {
	var b [3]byte
	_, _ = rand.Read(b[:]) // never fails on the systems that Go supports
	return strings.Replace(at.Format("20060102T150405.000Z"), ".", "", 1) + "-" + hex.EncodeToString(b[:])
}

func (r *run) step(format string, args ...any) {
	if r.opt.Progress != nil {
		r.stepping.Lock()
		defer r.stepping.Unlock()
		r.opt.Progress(fmt.Sprintf(format, args...))
	}
}

// open pins every table's snapshot and reads its ledger, tables side by side, and
// looks for restores; see [run.resume].
func (r *run) open(ctx context.Context) error {
	var all sync.WaitGroup
	var opened []*tableRun
	for _, l := range r.Layers {
		for _, spec := range l.Tables {
			t := &tableRun{Table: spec, folder: folder(spec.Name), app: appOf(r.Name, spec.Name)}
			opened = append(opened, t)
			r.tables[spec.Name] = t
			all.Go(func() { t.openErr = r.openTable(ctx, t) })
		}
	}
	all.Wait()
	for _, t := range opened {
		if t.openErr != nil {
			return fmt.Errorf("%s: %w", t.Name, t.openErr)
		}
	}
	if err := r.ofAnother(ctx); err != nil {
		return err
	}
	if err := r.resume(ctx); err != nil {
		return err
	}
	return r.findGone(ctx)
}

// openTable pins one table.
func (r *run) openTable(ctx context.Context, t *tableRun) error {
	where := r.where.Sub(t.folder)
	t.delta = delta.Open(where.Store())
	t.current = relation{where: where, version: -1}
	snap, err := t.delta.Snapshot(ctx, delta.Latest())
	if err != nil && !errors.Is(err, delta.ErrNoTable) {
		return err
	}
	var n int64
	if err == nil {
		t.snap = snap
		t.current.version = snap.Version()
		t.current.schema = snap.Schema()
		t.current.byID = snap.ColumnMapping() == "id"
		if t.current.files, err = filesOf(ctx, snap); err != nil {
			return err
		}
		if err := r.countRows(ctx, t.current); err != nil {
			return err
		}
		n, _ = snap.Txn(t.app)
		n = max(n, 0) // a restore goes back before the first batch
	}
	t.batches = n
	if t.ledger, err = r.state.readLedger(ctx, t.Name, n, t.Source != nil, t.runOf(ctx)); err != nil && r.opt.FullRefresh {
		// A full refresh needs nothing of what was consumed before.
		t.ledger, err = &ledger{files: map[string]ledgerFile{}}, nil
	}
	if err != nil {
		return err
	}
	return t.findAltered(ctx)
}

// runOf finds in the table's history which run made batch n.
func (t *tableRun) runOf(ctx context.Context) func(n int64) (string, error) {
	return func(n int64) (string, error) {
		c, ok, err := t.commitOf(ctx, func(note note) bool { return note.N == n })
		if err != nil {
			return "", err
		}
		if ok {
			note, _ := commitNote(c)
			return note.Run, nil
		}
		return "", fmt.Errorf("no commit of %s has batch %d", t.Name, n)
	}
}

// rejudge says that nothing new came, but that the table was not judged as it
// is: the suite is another one, or another writer has made a version.
func (r *run) rejudge(t *tableRun) bool {
	last := t.ledger.last
	return t.snap != nil && last != nil && (last.Suite != t.Suite.Digest || last.Judged < t.snap.Version())
}

// profiled waits for the profiles and adds them to the record.
func (r *run) profiled() error {
	r.profiles.Wait()
	var first error
	for _, l := range r.rec.Layers {
		for i := range l.Tables {
			t := r.tables[l.Tables[i].Name]
			if t == nil {
				continue // it is gone
			}
			l.Tables[i].Profile = t.profile
			if t.profileErr != nil && first == nil {
				first = fmt.Errorf("%s: profile: %w", t.Name, t.profileErr)
			}
		}
	}
	return first
}

// finish sums the run up.
func (r *run) finish(err error) {
	run := r.rec
	run.DurationMS = r.opt.Clock().Sub(run.StartedAt).Milliseconds()
	run.Policies = r.asked()
	sumUp(run)
	if err != nil {
		run.Verdict, run.Outcome, run.Message = record.Error, "failed", err.Error()
	}
}

// sumUp sets verdict, outcome and message of a run to what its layers say together.
func sumUp(r *record.Run) {
	r.Outcome, r.Message = "unchanged", ""
	rows, versions := int64(0), 0
	for _, l := range r.Layers {
		r.Verdict = record.Worst(r.Verdict, l.Verdict)
		switch l.Outcome {
		case "refused", "partial", "failed":
			r.Outcome, r.Message = l.Outcome, l.Message
		case "published":
			if r.Outcome == "unchanged" {
				r.Outcome = "published"
			}
		}
		for _, t := range l.Tables {
			if t.Version != nil {
				versions++
				rows += t.Counts.Published
			}
		}
	}
	if r.Verdict == "" {
		r.Verdict = record.Pass
	}
	switch r.Outcome {
	case "published":
		r.Message = plural(int64(versions), "new version") + " of tables, with " + plural(rows, "new or changed row")
	case "unchanged":
		r.Message = "nothing to do: no source file and no table has changed"
	}
}

// asked counts the policies and the tables that they were asked about; nil when none was.
func (r *run) asked() *record.Asked {
	if r.opt.Policies == nil {
		return nil
	}
	n := record.Asked{Policies: len(r.opt.Policies.Asked())}
	for _, t := range r.tables {
		if t.ruled {
			n.Tables++
		}
	}
	if n.Policies == 0 || n.Tables == 0 {
		return nil
	}
	return &n
}

// keepRecord writes a run record beside the tables.
func (r *run) keepRecord(ctx context.Context, rec *record.Run) error {
	var b strings.Builder
	if err := rec.Write(&b); err != nil {
		return fmt.Errorf("run record: %w", err)
	}
	return r.state.store.Put(ctx, recordName(rec.ID), []byte(b.String()))
}

func recordName(run string) string { return "runs/" + run + ".json" }

func filesOf(ctx context.Context, s *delta.Snapshot) ([]table.File, error) {
	files := make([]table.File, 0, s.NumFiles())
	for f, err := range s.Files(ctx) {
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}

func liveRows(files []table.File) int64 {
	var n int64
	for _, f := range files {
		rows, _ := f.LiveRows()
		n += rows
	}
	return n
}

func plural(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return thousands(n) + " " + noun + "s"
}

// thousands writes 541909 as 541,909.
func thousands(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// ConfigError is a pipeline, model, suite or policy that is wrong as written:
// nothing was read.
type ConfigError struct{ Err error }

func (e *ConfigError) Error() string { return e.Err.Error() }
func (e *ConfigError) Unwrap() error { return e.Err }

// EvaluationError is a policy or expectation that could not be evaluated: the gate stays closed.
type EvaluationError struct{ Err error }

func (e *EvaluationError) Error() string { return e.Err.Error() }
func (e *EvaluationError) Unwrap() error { return e.Err }
