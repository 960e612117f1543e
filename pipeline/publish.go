package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/dq-dev/dq/delta"
	"github.com/dq-dev/dq/policies"
	"github.com/dq-dev/dq/record"
	"github.com/dq-dev/dq/table"
)

// note is what every commit carries in commitInfo under "dq".
type note struct {
	App       string           `json:"app"`
	N         int64            `json:"n"`
	Run       string           `json:"run"`
	Pipeline  string           `json:"pipeline"`
	Suite     string           `json:"suite,omitempty"` // digest
	Verdict   record.Verdict   `json:"verdict"`
	Counts    record.Counts    `json:"counts"`
	Decisions []string         `json:"decisions,omitempty"`
	Inputs    map[string]int64 `json:"inputs,omitempty"`
	Engine    string           `json:"engine,omitempty"`
	Tool      string           `json:"tool,omitempty"`
}

// commitNote reads the note of a commit; false when dq did not make it.
func commitNote(c delta.Commit) (note, bool) {
	var info struct {
		DQ *note `json:"dq"`
	}
	if json.Unmarshal(c.Info, &info) != nil || info.DQ == nil {
		return note{}, false
	}
	return *info.DQ, true
}

// gate gathers what was found about all tables of a layer, and publishes the
// layer or keeps what was staged to be looked at.
func (r *run) gate(ctx context.Context, l *Layer, rec *record.Layer) error {
	var closed []string
	staged := false
	for _, t := range r.of(l) {
		t.conclude()
		verdict, reasons := t.judgement()
		rec.Verdict = record.Worst(rec.Verdict, verdict)
		for _, reason := range reasons {
			closed = append(closed, t.Name+": "+reason)
		}
		staged = staged || t.staged != nil
	}
	if rec.Verdict == "" {
		rec.Verdict = record.Pass
	}
	if err := r.upload(ctx, l); err != nil {
		return err
	}
	r.step("gate %s", l.Name)
	switch {
	case len(closed) > 0:
		rec.Outcome = "refused"
		rec.Message = fmt.Sprintf("layer %s is not published: %s", l.Name, closed[0])
		if len(closed) > 1 {
			rec.Message += fmt.Sprintf(" (and %d more)", len(closed)-1)
		}
		return r.refuse(ctx, l, rec, closed)
	case !staged:
		rec.Outcome = "unchanged"
		return r.settle(ctx, l)
	}
	if err := r.publish(ctx, l, rec); err != nil || rec.Outcome != "published" {
		return err
	}
	return r.settle(ctx, l)
}

// settle notes for tables that were compared with their inputs and found
// unchanged that they are up to date with these, so that the next run need not
// compare again, what policies said of them, so that it is logged once, and who reads them.
func (r *run) settle(ctx context.Context, l *Layer) error {
	for _, spec := range l.Tables {
		t := r.tables[spec.Name]
		last := t.ledger.last
		if last == nil && t.batches > 0 && t.staged == nil && t.settled != nil {
			// The ledger was lost, and the refresh has found the table as it is.
			// No suite stands in the entry, so that the next run has it judged.
			run, err := t.runOf(ctx)(t.batches)
			if err != nil {
				return err
			}
			last = &ledgerEntry{N: t.batches, Run: run, Table: t.Name, At: r.now, Keys: t.Keys}
		}
		if last == nil || t.staged != nil {
			continue
		}
		exposed := r.links().exposed(t)
		seen := t.Suite.File == "none" && t.snap != nil && last.Judged < t.snap.Version() // of another writer, and nothing to judge it by
		if t.settled == nil && t.rejudged == nil && !seen && last.Ruled == t.ruledAs && slices.EqualFunc(last.Exposed, exposed, func(a, b policies.Downstream) bool { return reflect.DeepEqual(a, b) }) {
			continue
		}
		entry := *last
		entry.Ruled, entry.Exposed = t.ruledAs, exposed
		if t.settled != nil {
			entry.Inputs, entry.Model, entry.Seen = t.settled.Inputs, t.settled.Model, t.seen
		}
		if seen {
			entry.Judged = t.snap.Version()
		}
		if t.rejudged != nil {
			entry.Suite, entry.Judged, entry.Metrics = t.Suite.Digest, t.snap.Version(), metricsOf(t.rejudged)
			if err := r.keepDeclared(ctx, t, &entry); err != nil {
				return err
			}
		}
		if err := r.state.writeJSON(ctx, ledgerName(t.Name, entry.N, entry.Run), entry); err != nil {
			return err
		}
	}
	return nil
}

// judgement is the table's verdict and why the gate must stay closed, if it must.
func (t *tableRun) judgement() (record.Verdict, []string) {
	verdict := record.Verdict("")
	var reasons []string
	for _, d := range t.rec.Decisions {
		switch d.Effect {
		case "deny":
			verdict = record.Worst(verdict, record.Fail)
			reasons = append(reasons, d.Policy+" "+d.Message)
		case "warn":
			verdict = record.Worst(verdict, record.Warn)
		}
	}
	for _, f := range t.rec.Findings {
		verdict = record.Worst(verdict, f.Verdict())
		if f.Severity == "error" {
			reasons = append(reasons, f.Rule+" "+f.Message)
		}
	}
	if t.rec.Check != nil {
		verdict = record.Worst(verdict, t.rec.Check.Verdict)
	}
	if t.rec.Check != nil {
		for _, e := range t.rec.Check.Expectations {
			if e.Verdict == record.Fail || e.Verdict == record.Error {
				reasons = append(reasons, e.ID+": "+e.Message)
			}
		}
	}
	return verdict, reasons
}

// conclude adds what closes the gate without being the verdict of an
// expectation or policy: counts that do not add up, and a suite that judged nothing.
func (t *tableRun) conclude() {
	result := t.rejudged
	if t.staged != nil {
		result = t.staged.result
		if problem := t.unreconciled(); problem != "" {
			t.note("reconcile", "error", "%s", problem)
		}
	}
	if result == nil || !result.Close {
		return
	}
	for _, e := range result.Check.Expectations {
		if e.Verdict == record.Fail || e.Verdict == record.Error {
			return
		}
	}
	t.note("gate", "error", "%s", strings.Join(result.Reasons, "; "))
}

// unreconciled says how the counts of the batch do not add up; "" when they do:
// every row that came is published, refused or there already, and the table
// has just the rows that it had, less those removed, plus those published.
func (t *tableRun) unreconciled() string {
	c, had := t.staged.counts, liveRows(t.before.files)
	if c.Returned != c.Published+c.Quarantined+c.Dropped+c.Unchanged {
		return fmt.Sprintf("%d rows came, but %d published + %d quarantined + %d dropped + %d unchanged is another number",
			c.Returned, c.Published, c.Quarantined, c.Dropped, c.Unchanged)
	}
	if c.Total != had-c.Removed+c.Published {
		return fmt.Sprintf("the table had %d rows, %d are removed and %d published, but it would have %d", had, c.Removed, c.Published, c.Total)
	}
	q := t.staged.quarantine
	if holds := q.before - liveRows(q.removes) + liveRows(q.adds); holds != q.after {
		return fmt.Sprintf("the quarantine had %d rows and has to have %d with those of the batch, but it would have %d", q.before, q.after, holds)
	}
	return ""
}

// publish prepares the commits of a layer, decides, and makes them.
func (r *run) publish(ctx context.Context, l *Layer, rec *record.Layer) error {
	plan := journalPlan{Run: r.id, Layer: l.Name}
	for _, spec := range l.Tables {
		t := r.tables[spec.Name]
		if t.staged == nil {
			continue
		}
		commits, err := r.prepare(ctx, t)
		if err != nil {
			return fmt.Errorf("%s: %w", t.Name, err)
		}
		plan.Commits = append(plan.Commits, commits...)
	}
	plan.Record = r.foreseen(l, rec)
	if err := r.state.writeJSON(ctx, planName(r.id, l.Name), plan); err != nil {
		return err
	}
	r.step("prepared %s", l.Name)
	if err := context.Cause(ctx); err != nil {
		return err
	}
	d, err := r.state.decide(ctx, r.id, l.Name, publish)
	if err != nil {
		return err
	}
	if d != publish {
		return fmt.Errorf("layer %s: another process decided to abort run %s", l.Name, r.id)
	}
	r.step("decided %s", l.Name)
	// From here on the layer is rolled forward, whatever happens.
	versions, err := r.rollForward(context.WithoutCancel(ctx), plan)
	var conflict *delta.ConflictError
	if err != nil && !errors.As(err, &conflict) {
		return err
	}
	rec.Outcome = "published"
	if err != nil {
		rec.Outcome, rec.Verdict = "partial", record.Worst(rec.Verdict, record.Fail)
		rec.Message = fmt.Sprintf("layer %s is published in part: %v; run again to bring the rest up to date", l.Name, err)
	}
	for _, spec := range l.Tables {
		t := r.tables[spec.Name]
		v, done := versions[spec.Name]
		switch {
		case t.staged == nil:
		case !done:
			t.rec.Outcome = "refused"
			r.profiles.Wait() // they may be reading what goes
			for _, where := range []string{t.folder + "/" + r.id, quarantineFolder(t.Name) + "/" + r.id} {
				if err := r.removeStaged(context.WithoutCancel(ctx), where); err != nil {
					return err
				}
			}
		default:
			published(t.rec, v)
			t.current.version = v
		}
	}
	return nil
}

// prepare makes the commits of one table: the quarantine's, if the batch changes it,
// and its own.
func (r *run) prepare(ctx context.Context, t *tableRun) ([]plannedCommit, error) {
	st := t.staged
	n := t.nextBatch()
	verdict, _ := t.judgement()
	info := note{App: t.app, N: n, Run: r.id, Pipeline: r.Name, Suite: t.Suite.Digest, Verdict: record.Worst(verdict, record.Pass), Counts: st.counts,
		Inputs: st.entry.Inputs, Engine: r.rec.Engine.Name + " " + r.rec.Engine.Version, Tool: r.opt.Version}
	for _, d := range t.rec.Decisions {
		info.Decisions = append(info.Decisions, d.ID)
	}
	var commits []plannedCommit
	if !st.quarantine.empty() {
		c, err := r.prepareQuarantine(ctx, t, n, info)
		if err != nil {
			return nil, fmt.Errorf("quarantine: %w", err)
		}
		commits = append(commits, c)
	}
	var x *delta.Txn
	if t.snap == nil {
		x = t.delta.Create(operation(t.Mode), t.schema, t.PartitionBy, nil)
	} else {
		x = t.snap.Begin(operation(t.Mode))
		if !sameShape(t.snap.Schema(), t.schema) {
			x.SetSchema(t.schema)
		}
		x.Reads(true)
	}
	x.Remove(st.removes...)
	x.Add(st.adds...)
	x.Rearrange(st.small, st.compacted)
	x.Retag(st.retag...)
	x.AddChanges(st.changes...)
	x.Upholds(upheld...)
	x.SetTxn(t.app, n)
	x.Info(map[string]any{"dq": info})
	data, err := x.MarshalJSON()
	if err != nil {
		return nil, err
	}
	entry := *st.entry
	entry.Judged, entry.Ruled = t.current.version, t.ruledAs
	entry.N, entry.Run, entry.Table, entry.At, entry.Model, entry.Suite, entry.Keys = n, r.id, t.Name, r.now, t.digest(), t.Suite.Digest, t.Keys
	entry.Columns, entry.Exposed = t.schema.Names(), r.links().exposed(t)
	if entry.Seen = t.seen; st.counts.Quarantined+st.counts.Dropped > 0 {
		entry.Seen = nil
	}
	if err := r.keepDeclared(ctx, t, &entry); err != nil {
		return nil, err
	}
	if st.result != nil {
		entry.Metrics = metricsOf(st.result)
	}
	return append(commits, plannedCommit{Table: t.Name, Folder: t.folder, App: t.app, N: n, Txn: data, Ledger: &entry}), nil
}

// prepareQuarantine makes the commit of the quarantine table.
func (r *run) prepareQuarantine(ctx context.Context, t *tableRun, n int64, info note) (plannedCommit, error) {
	where := quarantineFolder(t.Name)
	q, err := r.quarantine(ctx, t)
	if err != nil {
		return plannedCommit{}, err
	}
	var x *delta.Txn
	if q.snap == nil {
		x = q.delta.Create("WRITE", q.schema, nil, nil)
	} else {
		x = q.snap.Begin("WRITE")
		if !sameShape(q.snap.Schema(), q.schema) {
			x.SetSchema(q.schema)
		}
	}
	x.Upholds("columnMapping")
	app := t.app + "/quarantine"
	x.Remove(t.staged.quarantine.removes...)
	x.Add(t.staged.quarantine.adds...)
	x.SetTxn(app, n)
	info.App = app
	x.Info(map[string]any{"dq": info})
	data, err := x.MarshalJSON()
	return plannedCommit{Table: "quarantine." + t.Name, Folder: where, App: app, N: n, Txn: data}, err
}

func operation(mode string) string {
	if mode == "merge" || mode == "scd2" {
		return "MERGE"
	}
	return "WRITE"
}

// sameShape compares columns with what readers see of them: names, types, prose and tags.
func sameShape(a, b table.Schema) bool {
	if !sameColumns(a, b) {
		return false
	}
	for i, f := range a.Fields {
		for _, key := range []string{"comment", "dq.tags"} {
			if f.Meta[key] != b.Fields[i].Meta[key] {
				return false
			}
		}
	}
	return true
}

// publishers is how many tables of a layer are committed at a time: commits
// mostly wait for the disk or the store.
const publishers = 8

// rollForward makes the commits of a decided layer that are not made yet, tables
// side by side, a table's quarantine before the table. Its ledger entries are
// written before each commit, so that a batch that the log names is always in the
// ledger. It goes on with other tables after a conflict and returns the last in the plan's order;
// after any other error no further table is begun.
func (r *run) rollForward(ctx context.Context, plan journalPlan) (map[string]int64, error) {
	versions := map[string]int64{}
	errs := make([]error, len(plan.Commits))
	var lock sync.Mutex
	var failed atomic.Bool
	slots := make(chan struct{}, publishers)
	var all sync.WaitGroup
	first := 0
	for i, c := range plan.Commits {
		if c.Ledger == nil {
			continue // a quarantine: its table follows
		}
		table := plan.Commits[first : i+1]
		at := first
		first = i + 1
		slots <- struct{}{}
		if failed.Load() {
			break
		}
		all.Go(func() {
			defer func() { <-slots }()
			for k, c := range table {
				v, err := r.commit(ctx, c)
				if errs[at+k] = err; err != nil {
					if !errors.Is(err, delta.ErrConflict) {
						failed.Store(true)
					}
					return // of a batch without its quarantine, the refused rows would be nowhere
				}
				lock.Lock()
				versions[c.Table] = v
				lock.Unlock()
				r.step("committed %s", c.Table)
			}
		})
	}
	all.Wait()
	var conflict error
	for i, err := range errs {
		switch {
		case errors.Is(err, delta.ErrConflict):
			conflict = fmt.Errorf("%s: %w", plan.Commits[i].Table, err)
		case err != nil:
			return versions, fmt.Errorf("publishing %s: %w", plan.Commits[i].Table, err)
		}
	}
	return versions, conflict
}

// commit makes one commit unless the table's log has it already.
func (r *run) commit(ctx context.Context, c plannedCommit) (int64, error) {
	t := delta.Open(r.where.Sub(c.Folder).Store())
	if c.Ledger != nil {
		if err := r.state.writeJSON(ctx, ledgerName(c.Table, c.N, c.Ledger.Run), c.Ledger); err != nil {
			return 0, err
		}
		r.step("ledger %s", c.Table)
	}
	x, err := t.Resume(c.Txn)
	if err != nil {
		return 0, err
	}
	return x.Commit(ctx)
}

// upload makes what was staged for a layer durable where the warehouse is,
// before anything is decided about it; in a local folder it is already.
func (r *run) upload(ctx context.Context, l *Layer) error {
	for _, spec := range l.Tables {
		t := r.tables[spec.Name]
		if t.staged == nil {
			continue
		}
		if err := t.current.where.Publish(ctx, slices.Concat(t.staged.adds, t.staged.compacted, t.staged.changes)...); err != nil {
			return fmt.Errorf("%s: %w", t.Name, err)
		}
		if err := r.where.Sub(quarantineFolder(t.Name)).Publish(ctx, t.staged.quarantine.adds...); err != nil {
			return fmt.Errorf("quarantine of %s: %w", t.Name, err)
		}
	}
	for _, name := range r.log.Stored() {
		if err := r.where.Push(ctx, path.Join(path.Dir(DecisionLog), name)); err != nil {
			return err
		}
	}
	return r.where.Push(ctx, DecisionLog)
}
