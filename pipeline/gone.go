package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/dq-dev/dq/delta"
	"github.com/dq-dev/dq/expectations"
	"github.com/dq-dev/dq/policies"
)

// appOf names a pipeline's batches in the log of a table.
func appOf(pipeline, table string) string { return "dq/" + pipeline + "/" + table }

// knownName is where the names of the tables are that a pipeline has published and not
// taken leave of.
func knownName(pipeline string) string { return "tables/" + pipeline + ".json" }

// findGone opens the tables that the pipeline had and has no more, each by the layer
// that decides about it: its own or, when that is gone too, the first.
func (r *run) findGone(ctx context.Context) error {
	r.known, r.recalled, r.gone = nil, nil, map[string][]*tableRun{}
	err := r.state.readJSON(ctx, knownName(r.Name), &r.known)
	if errors.Is(err, fs.ErrNotExist) {
		err = r.recallKnown(ctx)
	}
	if err != nil {
		return err
	}
	for _, name := range r.known {
		if r.tables[name] != nil {
			continue
		}
		layer, _, _ := strings.Cut(name, ".")
		t := &tableRun{Table: &Table{Name: name, Layer: layer, Suite: &expectations.Suite{}}, folder: folder(name), app: appOf(r.Name, name)}
		if err := r.openTable(ctx, t); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if !slices.ContainsFunc(r.Layers, func(l *Layer) bool { return l.Name == layer }) {
			layer = r.Layers[0].Name
		}
		r.gone[layer] = append(r.gone[layer], t)
	}
	return nil
}

// recallKnown finds the tables that the pipeline had and has no more where the file that
// names them is lost: those of which a declaration is kept and whose log has batches of
// the pipeline. Those that it took leave of are among them: they are asked about again.
func (r *run) recallKnown(ctx context.Context) error {
	asked := map[string]bool{}
	for info, err := range r.state.store.Walk(ctx, "declared") {
		if err != nil {
			return err
		}
		name, _, _ := strings.Cut(strings.TrimPrefix(info.Name, "declared/"), "/")
		if asked[name] || r.tables[name] != nil {
			continue
		}
		asked[name] = true
		snap, err := delta.Open(r.where.Sub(folder(name)).Store()).Snapshot(ctx, delta.Latest())
		if errors.Is(err, delta.ErrNoTable) {
			continue
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if n, ok := snap.Txn(appOf(r.Name, name)); ok && n > 0 {
			r.recalled = append(r.recalled, name)
		}
	}
	slices.Sort(r.recalled)
	r.known = r.recalled
	return nil
}

// ofAnother says which tables another pipeline publishes: it alone knows what was
// promised of them, and has its policies asked when they leave it. A pipeline that is
// renamed is another one.
func (r *run) ofAnother(ctx context.Context) error {
	var said []error
	for _, l := range r.Layers {
		for _, spec := range l.Tables {
			t := r.tables[spec.Name]
			if t.snap == nil || t.batches > 0 {
				continue
			}
			for _, app := range sortedKeys(t.snap.Txns()) {
				other, ok := strings.CutPrefix(strings.TrimSuffix(app, "/"+t.Name), "dq/")
				if !ok || app != appOf(other, t.Name) || other == r.Name {
					continue
				}
				var has []string
				err := r.state.readJSON(ctx, knownName(other), &has)
				switch {
				case errors.Is(err, fs.ErrNotExist):
					said = append(said, wrong(t.node, fmt.Sprintf("write pipeline: %s again, or restore the file; if that pipeline is no more, write [] into it", other),
						"%s is published by pipeline %s, as its log says, and _dq/%s is gone, which might say that it is not any more", t.Name, other, knownName(other)))
				case err != nil:
					return err
				case slices.Contains(has, t.Name):
					said = append(said, wrong(t.node, fmt.Sprintf("write pipeline: %s again, or take %s out of that pipeline and run it, so that its policies are asked", other, t.Name),
						"%s is published by pipeline %s", t.Name, other))
				}
			}
		}
	}
	if len(said) > 0 {
		return &ConfigError{Err: errors.Join(said...)}
	}
	return nil
}

// ruleGone asks the policies about a table that was taken out of the pipeline, as it
// was last published.
func (r *run) ruleGone(ctx context.Context, t *tableRun) error {
	r.step("rule %s", t.Name)
	t.begin(r)
	before, err := r.declaredBefore(ctx, t)
	if err != nil {
		return fmt.Errorf("%s: %w", t.Name, err)
	}
	in := policies.Input{Time: r.now, Env: r.opt.Environment, Op: "drop", Actor: r.opt.Actor, Change: r.opt.Change,
		Table: t.declaredTable(), Old: &policies.Shape{}}
	if t.snap != nil {
		in.Old = policies.ShapeOf(t.snap)
	}
	if before != nil && before.gone == "" {
		in.Table = before.Table
		in.Old.Describe(before.Columns)
	}
	t.rec.Owner = in.Table.Owner
	in.Diff = policies.Diff(in.Old, nil, nil)
	in.Altered = t.altered
	t.noteAltered(in.Diff)
	for _, c := range in.Diff {
		t.rec.Changes = append(t.rec.Changes, c.Change)
	}
	if r.opt.Policies == nil {
		return nil
	}
	links := r.links()
	in.Downstream = links.downstream(t)
	if last := t.ledger.last; last != nil {
		in.Old.PrimaryKey = last.Keys
		for _, x := range last.Exposed {
			if x.Depth == 1 { // others read it by way of tables that are judged themselves
				in.Downstream = append(in.Downstream, x)
			}
		}
	}
	in.Lineage = &policies.Lineage{Status: links.status(in.Downstream)}
	if t.snap != nil {
		past, err := policies.PastOf(t.delta.Shapes(ctx), t.snap.Version())
		if err != nil {
			return fmt.Errorf("%s: %w", t.Name, err)
		}
		change := policies.Replacement{Diff: in.Diff, Old: t.snap.Schema(), Next: t.snap.Schema(), Version: t.snap.Version(), Earlier: past.Earlier}
		in.History = past.Versions
		if c := in.Table.Contract; c != nil {
			in.Compat = policies.Compatibility(c.Compat, change)
		}
		v, rows, bytes := t.snap.Version(), liveRows(t.current.files), t.snap.Bytes()
		in.Table.VersionFrom, in.Table.RowCount, in.Table.Bytes = &v, &rows, &bytes
	}
	ruling, err := r.decide(ctx, in)
	if err != nil {
		return &EvaluationError{Err: fmt.Errorf("policies on %s: %w", t.Name, err)}
	}
	t.rec.Decisions, t.ruled = ruling.Decisions, true
	if ruling.Blocking {
		t.rec.Outcome = "refused"
	}
	if r.log == nil { // a dry run
		return nil
	}
	return r.log.Append(ruling, map[string]string{"run": r.id, "pipeline": r.Name})
}

// of are the tables that a layer decides about: its own, and those that are gone.
func (r *run) of(l *Layer) []*tableRun {
	all := make([]*tableRun, 0, len(l.Tables))
	for _, spec := range l.Tables {
		all = append(all, r.tables[spec.Name])
	}
	return append(all, r.gone[l.Name]...)
}

// keepKnown remembers the tables that a layer has published, and forgets those that
// it has let go: nobody is asked about them again. Their data stay where they are.
func (r *run) keepKnown(ctx context.Context, l *Layer) error {
	known := slices.Clone(r.known)
	for _, t := range r.of(l) {
		switch {
		case r.tables[t.Name] == nil:
			known = slices.DeleteFunc(known, func(name string) bool { return name == t.Name })
		case t.current.version >= 0 && !slices.Contains(known, t.Name) && (t.batches > 0 || t.staged != nil):
			known = append(known, t.Name)
		}
	}
	slices.Sort(known)
	if slices.Equal(known, r.known) && len(r.recalled) == 0 {
		return nil
	}
	r.known = known
	return r.state.writeJSON(ctx, knownName(r.Name), known)
}
