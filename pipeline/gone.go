package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/dq-dev/dq/expectations"
	"github.com/dq-dev/dq/policies"
)

// knownName is where the names of the tables are that a pipeline has published and not
// taken leave of.
func knownName(pipeline string) string { return "tables/" + pipeline + ".json" }

// findGone opens the tables that the pipeline had and has no more, each by the layer
// that decides about it: its own or, when that is gone too, the first.
func (r *run) findGone(ctx context.Context) error {
	r.known, r.gone = nil, map[string][]*tableRun{}
	if err := r.state.readJSON(ctx, knownName(r.Name), &r.known); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, name := range r.known {
		if r.tables[name] != nil {
			continue
		}
		layer, _, _ := strings.Cut(name, ".")
		t := &tableRun{Table: &Table{Name: name, Layer: layer, Suite: &expectations.Suite{}}, folder: folder(name), app: "dq/" + r.Name + "/" + name}
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
		change := policies.Replacement{Diff: in.Diff, Old: t.snap.Schema(), Next: t.snap.Schema(), Version: t.snap.Version()}
		if in.History, change.Earlier, err = t.history(ctx); err != nil {
			return fmt.Errorf("%s: %w", t.Name, err)
		}
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
	if slices.Equal(known, r.known) {
		return nil
	}
	r.known = known
	return r.state.writeJSON(ctx, knownName(r.Name), known)
}
