package pipeline

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/record"
	"github.com/dq-dev/dq/source/file"
)

// layers runs the layers in order until one is refused.
func (r *run) layers(ctx context.Context) error {
	folders := make([]string, 0, len(r.tables))
	var layers []string
	for _, l := range r.Layers {
		layers = append(layers, l.Name)
		for _, t := range l.Tables {
			folders = append(folders, folder(t.Name)+"/"+r.id, quarantineFolder(t.Name)+"/"+r.id)
		}
	}
	begin := journalBegin{Run: r.id, At: r.now, Layers: layers, Folders: folders}
	if err := r.state.writeJSON(ctx, openName(r.id), begin); err != nil {
		return err
	}
	r.step("begin")
	stopped := ""
	for _, l := range r.Layers {
		if stopped != "" {
			r.rec.Layers = append(r.rec.Layers, record.Layer{Name: l.Name, Verdict: record.Skipped, Outcome: "not_run",
				Message: "not run, because layer " + stopped + " was not published", Tables: []record.Table{}})
			continue
		}
		rec, err := r.layer(ctx, l)
		r.rec.Layers = append(r.rec.Layers, *rec)
		if err != nil {
			return err
		}
		if rec.Outcome == "refused" || rec.Outcome == "partial" {
			stopped = l.Name
		}
	}
	r.step("done")
	return nil
}

// layer stages and audits the tables of a layer, then publishes or refuses it.
func (r *run) layer(ctx context.Context, l *Layer) (*record.Layer, error) {
	began := r.opt.Clock()
	rec := &record.Layer{Name: l.Name, Tables: []record.Table{}}
	defer func() {
		for _, t := range r.of(l) {
			if t.rec != nil {
				rec.Tables = append(rec.Tables, *t.rec)
			}
		}
		rec.DurationMS = r.opt.Clock().Sub(began).Milliseconds()
	}()
	err := r.stage(ctx, l)
	for _, t := range r.gone[l.Name] {
		if err == nil {
			err = r.ruleGone(ctx, t)
		}
	}
	if err != nil {
		rec.Verdict, rec.Outcome, rec.Message = record.Error, "failed", err.Error()
		return rec, err
	}
	if err := r.gate(ctx, l, rec); err != nil || rec.Outcome != "published" && rec.Outcome != "unchanged" {
		return rec, err
	}
	return rec, r.keepKnown(ctx, l)
}

// stage stages and audits the tables of a layer side by side, each once those
// that it looks at are staged. What was ruled of them is in the log when it
// returns, in the order of the tables.
func (r *run) stage(ctx context.Context, l *Layer) error {
	slots := make(chan struct{}, max(1, r.eng.Info().Threads))
	var failed atomic.Bool
	var all sync.WaitGroup
	for i, spec := range l.Tables {
		t := r.tables[spec.Name]
		t.begin(r)
		t.done, t.profiled = make(chan struct{}), make(chan struct{})
		var ups []*tableRun
		for _, up := range l.Tables[:i] {
			if slices.Contains(t.waits, up.Name) {
				ups = append(ups, r.tables[up.Name])
			}
		}
		all.Go(func() {
			staged := sync.OnceFunc(func() { close(t.done) })
			defer staged()
			for _, up := range ups {
				<-up.done
			}
			slots <- struct{}{}
			defer func() { <-slots }()
			if failed.Load() {
				t.rec.Outcome, t.rec.Message = "not_run", "the run failed before"
				return
			}
			if i := slices.IndexFunc(ups, func(up *tableRun) bool { return up.held != "" }); i >= 0 {
				t.held = ups[i].held
				t.rec.Outcome, t.rec.Message = "not_run", "waits for "+t.held
				return
			}
			start := r.opt.Clock()
			if t.err = r.table(ctx, t, staged); t.err != nil {
				failed.Store(true)
				t.rec.Outcome, t.rec.Message = "failed", t.err.Error()
			}
			t.rec.DurationMS = r.opt.Clock().Sub(start).Milliseconds()
		})
	}
	all.Wait()
	var first error
	for _, spec := range l.Tables {
		t := r.tables[spec.Name]
		err := t.err
		for _, ruling := range t.rulings {
			if lerr := r.log.Append(ruling, map[string]string{"run": r.id, "pipeline": r.Name}); err == nil {
				err = lerr
			}
		}
		if first == nil {
			first = err
		}
	}
	return first
}

// begin starts the table's record.
func (t *tableRun) begin(r *run) {
	t.rec = &record.Table{Name: t.Name, Location: t.current.where.String(), Mode: t.Mode, Schema: t.schema, Owner: t.Suite.Owner, Outcome: "unchanged"}
	if t.snap != nil {
		v := t.snap.Version()
		t.rec.VersionBefore = &v
		t.rec.Counts.Total = liveRows(t.current.files)
	}
}

// table stages and audits one table. It calls staged in between, once others can
// be made from it; when it was refused before it could be staged, it is held.
func (r *run) table(ctx context.Context, t *tableRun, staged func()) error {
	t.held = t.Name
	var batch *file.Batch
	var rows int64
	var err error
	if t.Source != nil {
		if batch, err = r.fetch(ctx, t); err != nil {
			return fmt.Errorf("%s: %w", t.Name, err)
		}
		rows = recordsOf(batch)
	}
	for _, up := range t.reads {
		rows += liveRows(r.tables[up].current.files)
	}
	s, err := r.session(ctx, rows)
	if err != nil {
		return err
	}
	profile := sync.OnceFunc(func() { r.profile(ctx, t, s) })
	defer profile()
	switch {
	case batch != nil:
		err = r.land(ctx, t, s, batch)
	case t.Source == nil:
		err = r.transform(ctx, t, s)
	}
	if err == nil {
		err = r.obey(ctx, t, s)
	}
	rejudge := t.staged == nil && r.rejudge(t)
	switch {
	case err == nil && t.staged == nil && !rejudge:
		err = r.ruleUnchanged(ctx, t)
	case err == nil && t.question == nil: // another suite judges what is there
		_, err = r.rule(ctx, t, t.was(), t.schema)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", t.Name, err)
	}
	if t.refusedShape() {
		return nil
	}
	t.held = ""
	staged()
	if t.staged == nil && !rejudge {
		return nil
	}
	err = r.audit(ctx, t, s)
	profile()
	if err == nil {
		err = r.ruleNumbers(ctx, t)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", t.Name, err)
	}
	return nil
}

// manyRows is the number of rows from which on several threads are of use to a statement.
const manyRows = 500_000

// session opens a session for work on that many rows.
func (r *run) session(ctx context.Context, rows int64) (engine.Session, error) {
	if rows < manyRows {
		return r.eng.Small(ctx)
	}
	return r.eng.Session(ctx)
}

// recordsOf is how many records the files of a batch have, as far as known.
func recordsOf(batch *file.Batch) int64 {
	if batch == nil {
		return 0
	}
	n := int64(0)
	for _, f := range slices.Concat(batch.Files, batch.Rewritten) {
		n += max(0, f.Records)
	}
	return n
}
