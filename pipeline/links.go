package pipeline

import (
	"maps"
	"slices"
	"strings"

	"github.com/dq-dev/dq/lineage"
	"github.com/dq-dev/dq/policies"
	"github.com/dq-dev/dq/record"
)

// links is the lineage of a bound pipeline, turned so that policies can be told
// of one table who reads it and what it was made from.
type links struct {
	r     *run
	graph *record.Graph            // with the exposures
	into  map[string][]record.Edge // by the table that they lead to
	// personal holds the tags of personal data of each column: its own, and those that
	// it got, unmasked, from others.
	personal map[columnOf]map[string]string
	// watchers are the expectations of other tables, by the table that they look at.
	watchers map[string][]policies.Downstream
	// guessed are the tables outside of which nobody said which column comes from which.
	guessed map[string]bool
}

type columnOf struct{ table, column string }

// newLinks turns the lineage. Cost: one pass over its edges.
func newLinks(r *run) *links {
	l := &links{r: r, graph: r.rec.Lineage, into: map[string][]record.Edge{}, personal: map[columnOf]map[string]string{}, watchers: map[string][]policies.Downstream{}, guessed: map[string]bool{}}
	for _, e := range l.graph.Edges {
		l.into[e.ToTable] = append(l.into[e.ToTable], e)
	}
	for _, t := range l.graph.Tables {
		l.guessed[t.Name] = t.Layer == outsideLayer && t.Status == lineage.Conservative
	}
	for _, layer := range r.Layers {
		for _, spec := range layer.Tables {
			l.addPersonal(spec)
			l.addWatchers(r.tables[spec.Name])
		}
	}
	if len(r.Exposures) > 0 {
		l.graph = &record.Graph{Tables: slices.Clone(l.graph.Tables), Edges: slices.Clone(l.graph.Edges)}
		r.expose(l.graph, true)
	}
	return l
}

// addPersonal notes the tags of personal data of a table's columns, once those that
// it was made from are noted.
func (l *links) addPersonal(t *Table) {
	for _, c := range t.Suite.Columns {
		if c.Personal() {
			tags := policies.TagSet(c.Tags)
			maps.DeleteFunc(tags, func(name, _ string) bool { return name != "pii" && !strings.HasPrefix(name, "pii.") })
			l.personal[columnOf{t.Name, c.Name}] = tags
		}
	}
	for _, e := range l.into[t.Name] {
		from, to := l.personal[columnOf{e.FromTable, e.FromColumn}], columnOf{e.ToTable, e.ToColumn}
		if e.Type != lineage.Direct || e.Masking || e.ToColumn == "" || len(from) == 0 {
			continue
		}
		if _, said := l.personal[to]["pii.none"]; said {
			continue
		}
		if l.personal[to] == nil {
			l.personal[to] = map[string]string{}
		}
		for name, value := range from {
			if _, own := l.personal[to][name]; !own && name != "pii.none" {
				l.personal[to][name] = value
			}
		}
	}
}

func (l *links) addWatchers(t *tableRun) {
	for _, reading := range t.plan.Reads() {
		for other, columns := range reading.Others {
			if other != t.Name {
				d := policies.Downstream{ID: t.Name + "/" + reading.ID, Kind: "expectation", Layer: t.Layer, Owner: t.Suite.Owner, Columns: slices.Sorted(slices.Values(columns)), Depth: 1}
				d.Columns = slices.DeleteFunc(slices.Compact(d.Columns), func(c string) bool { return c == "" })
				l.watchers[other] = append(l.watchers[other], d)
			}
		}
	}
}

// downstream lists who reads a table, nearest first: tables, exposures, and the
// expectations of other tables.
func (l *links) downstream(t *tableRun) []policies.Downstream {
	var out []policies.Downstream
	for _, e := range lineage.Impact(l.graph, t.Name) {
		d := policies.Downstream{ID: e.Table, Kind: "table", Layer: e.Layer, Columns: e.Columns, Depth: e.Depth}
		if other := l.r.tables[e.Table]; other != nil {
			d.Owner, d.Certified, d.NotNull = other.Suite.Owner, other.Suite.Certified, l.notNull(t.Name, other)
		} else if x := l.r.exposure(e.Table); x != nil {
			d.Kind, d.Layer, d.Owner, d.Certified = x.Kind, "", x.Owner, x.Certified
		} else if e.Layer == outsideLayer {
			d.Layer = ""
		}
		out = append(out, d)
	}
	return append(out, l.watchers[t.Name]...)
}

// exposed lists the exposures among those who read a table.
func (l *links) exposed(t *tableRun) []policies.Downstream {
	if len(l.r.Exposures) == 0 {
		return nil
	}
	return slices.DeleteFunc(l.downstream(t), func(d policies.Downstream) bool { return l.r.exposure(d.ID) == nil })
}

// readers are those of downstream, and the exposures that read the table when it was
// published: one that goes, or reads less, in the change that hurts it is hurt all the same.
func (l *links) readers(t *tableRun) []policies.Downstream {
	out := l.downstream(t)
	if t.ledger.last == nil {
		return out
	}
	for _, before := range t.ledger.last.Exposed {
		i := slices.IndexFunc(out, func(d policies.Downstream) bool { return d.ID == before.ID })
		if i < 0 {
			out = append(out, before)
			continue
		}
		now := &out[i]
		now.Certified = now.Certified || before.Certified
		now.Columns = slices.Compact(slices.Sorted(slices.Values(slices.Concat(now.Columns, before.Columns))))
	}
	return out
}

// status is the worst of the lineage of those tables that read one.
func (l *links) status(readers []policies.Downstream) string {
	worst := lineage.Exact
	for _, d := range readers {
		if t := l.r.tables[d.ID]; t != nil && t.trace == nil {
			return "none"
		} else if t != nil && t.trace.Status != lineage.Exact {
			worst = t.trace.Status
		} else if t == nil && l.guessed[d.ID] {
			worst = lineage.Conservative
		}
	}
	return worst
}

// notNull lists the columns of a table whose values another table wants in columns
// that must have one.
func (l *links) notNull(from string, t *tableRun) []string {
	var out []string
	for _, e := range l.into[t.Name] {
		if e.FromTable != from || e.FromColumn == "" || e.Type != lineage.Direct || e.Subtype == lineage.Aggregation {
			continue
		}
		if c := suiteColumn(t.Suite, e.ToColumn); c != nil && c.NotNull && !slices.Contains(out, e.FromColumn) {
			out = append(out, e.FromColumn)
		}
	}
	slices.Sort(out)
	return out
}

// upstream gives for each column of a table the columns that it was made from.
func (l *links) upstream(table string) map[string][]policies.UpstreamColumn {
	var out map[string][]policies.UpstreamColumn
	for _, e := range l.into[table] {
		if e.ToColumn == "" || e.FromColumn == "" {
			continue
		}
		if out == nil {
			out = map[string][]policies.UpstreamColumn{}
		}
		up := policies.UpstreamColumn{Table: e.FromTable, Path: e.FromColumn, Type: e.Type, Transform: e.Subtype, Masking: e.Masking,
			Tags: l.personal[columnOf{e.FromTable, e.FromColumn}]}
		if from := l.r.tables[e.FromTable]; from != nil {
			if c := suiteColumn(from.Suite, e.FromColumn); c != nil {
				up.Classification = c.Classification
				if own := policies.TagSet(c.Tags); len(own) > 0 {
					maps.Copy(own, up.Tags)
					up.Tags = own
				}
			}
		}
		out[e.ToColumn] = append(out[e.ToColumn], up)
	}
	return out
}
