package pipeline

import (
	"context"
	"slices"
	"strings"

	"github.com/dq-dev/dq/policies"
	"github.com/dq-dev/dq/table"
)

// question is what policies are asked about one change of one table.
type question struct {
	policies.Input
	t         *tableRun
	was, next table.Schema
	before    *declared // what the version before declares, when that is another thing than now
	complete  bool      // all that policies may ask for is there
}

// question describes what changes of a table, from one shape, nil for none, to the
// next: as much as it takes to see that nothing does.
func (r *run) question(ctx context.Context, t *tableRun, was *table.Schema, next table.Schema) (*question, error) {
	before, err := r.declaredBefore(ctx, t)
	if err != nil {
		return nil, err
	}
	q := &question{t: t, next: next, before: before, Input: policies.Input{Time: r.now, Env: r.opt.Environment, Op: "plan",
		Table: t.declaredTable(), New: t.shape(next), Rewrite: t.rewrites}}
	var columns []table.Change
	if was != nil {
		q.was, q.Old = *was, t.shape(*was)
		if before != nil && before.gone == "" {
			q.Old.Describe(before.Columns)
		}
		columns = table.Diff(*was, next, t.renamed())
	}
	if t.snap != nil {
		v := t.snap.Version()
		q.Table.VersionFrom = &v
		is := policies.ShapeOf(t.snap)
		for _, s := range []*policies.Shape{q.Old, q.New} { // what runs leave as it is
			s.ClusterBy, s.Constraints, s.Properties, s.Protocol = is.ClusterBy, is.Constraints, is.Properties, is.Protocol
		}
		q.Old.PartitionBy = is.PartitionBy
		if t.ledger.last != nil && !r.opt.FullRefresh {
			q.Old.PrimaryKey = t.ledger.last.Keys
		}
	}
	q.Diff = policies.Diff(q.Old, q.New, columns)
	if t.snap == nil && q.Old != nil { // a source, held against its contract
		q.Diff = append(policies.Diff(nil, q.New, nil), q.Diff...)
	}
	if before != nil {
		q.Diff = append(q.Diff, before.changes(t)...)
	}
	return q, nil
}

// complete adds what policies may ask for beyond the change itself: who reads the
// table, what its columns were made from and, when something changes, its past.
func (r *run) complete(ctx context.Context, q *question) error {
	if q.complete {
		return nil
	}
	q.complete = true
	t, links := q.t, r.links()
	q.Actor, q.Change, q.Altered = r.opt.Actor, r.opt.Change, t.altered
	q.Downstream, q.UpstreamColumns = links.readers(t), links.upstream(t.Name)
	q.Lineage = &policies.Lineage{Status: links.status(q.Downstream)}
	mode := t.Suite.Contract.Compatibility
	if q.before != nil && q.before.Table.Contract != nil {
		mode = q.before.Table.Contract.Compat // what its readers were promised
	}
	change := policies.Replacement{Diff: q.Diff, Old: q.was, Next: q.next, Renamed: t.renamed()}
	breaks := slices.ContainsFunc(q.Diff, func(c policies.Change) bool { return len(c.Breaks) > 0 })
	if t.snap != nil && (breaks || len(q.Diff) > 0 && strings.HasSuffix(mode, "_transitive")) { // it takes reading the whole log
		past, err := policies.PastOf(t.delta.Shapes(ctx), t.snap.Version())
		if err != nil {
			return err
		}
		q.History, change.Earlier, change.Version = past.Versions, past.Earlier, t.snap.Version()
	}
	if t.snap != nil {
		q.Compat = policies.Compatibility(mode, change)
		rows, bytes := liveRows(t.current.files), t.snap.Bytes()
		q.Table.RowCount, q.Table.Bytes = &rows, &bytes
	} else if q.Old != nil { // a source, held against its contract: there is no version that readers rely on
		q.Compat = policies.Compatibility(mode, policies.Replacement{})
	}
	return nil
}

// renamed gives the old name of each column that has a new one, as the suite says.
func (t *tableRun) renamed() map[string]string {
	renamed := map[string]string{}
	for _, c := range t.Suite.Columns {
		if c.RenamedFrom != "" {
			renamed[c.Name] = c.RenamedFrom
		}
	}
	return renamed
}

// shape describes a schema as policies see it, with what the suite declares now.
func (t *tableRun) shape(s table.Schema) *policies.Shape {
	shape := &policies.Shape{Columns: policies.Columns(s), PrimaryKey: t.Keys, PartitionBy: t.PartitionBy}
	for i := range shape.Columns {
		if c := suiteColumn(t.Suite, shape.Columns[i].Path); c != nil {
			t.declareColumn(&shape.Columns[i], c)
		}
	}
	return shape
}
