package lineage

import (
	"cmp"
	"slices"

	"github.com/dq-dev/dq/record"
)

// Part is the piece of a graph around a table or a column of it: the edges that
// lead to it in up steps at most, and from it in down. A negative number is no
// limit, an empty column all of the table. Tables keep all their columns. Cost: one
// pass over the edges for each step.
//
// Upstream of a column are the columns that its value is made from, not what
// decides which rows there are; upstream of a table is both. Downstream is what
// [Downstream] finds.
func Part(g *record.Graph, table, column string, up, down int) *record.Graph {
	into, from := map[string][]record.Edge{}, map[string][]record.Edge{}
	for _, e := range g.Edges {
		into[e.ToTable] = append(into[e.ToTable], e)
		from[e.FromTable] = append(from[e.FromTable], e)
	}
	start := node{table, column}
	all := func(at node) bool { return at == start && column == "" }
	kept := map[record.Edge]bool{}
	walk(start, up, kept, func(at node, step func(record.Edge, node)) {
		for _, e := range into[at.table] {
			if all(at) || e.ToColumn == at.column {
				step(e, node{e.FromTable, e.FromColumn})
			}
		}
	})
	walk(start, down, kept, func(at node, step func(record.Edge, node)) {
		for _, e := range from[at.table] {
			switch {
			case all(at) || e.FromColumn == at.column:
				step(e, node{e.ToTable, e.ToColumn})
			case at.column == "": // other rows in, so other rows out
				step(record.Edge{FromTable: at.table, ToTable: e.ToTable, Type: Indirect, Subtype: Filter}, node{e.ToTable, ""})
			}
		}
	})
	tables := map[string]bool{table: true}
	part := &record.Graph{Tables: []record.GraphTable{}, Edges: []record.Edge{}}
	for e := range kept {
		part.Edges = append(part.Edges, e)
		tables[e.FromTable], tables[e.ToTable] = true, true
	}
	sortEdges(part.Edges)
	for _, t := range g.Tables {
		if tables[t.Name] {
			part.Tables = append(part.Tables, t)
			delete(tables, t.Name)
		}
	}
	for name := range tables { // that were read, but are not made here
		part.Tables = append(part.Tables, record.GraphTable{Name: name, Columns: []string{}})
	}
	slices.SortFunc(part.Tables, func(a, b record.GraphTable) int { return cmp.Compare(a.Name, b.Name) })
	return part
}

// walk keeps the edges that are met on the way from a node, step by step.
func walk(start node, steps int, kept map[record.Edge]bool, edges func(at node, step func(record.Edge, node))) {
	seen := map[node]bool{start: true}
	for front := []node{start}; len(front) > 0 && steps != 0; steps-- {
		var next []node
		for _, at := range front {
			edges(at, func(e record.Edge, to node) {
				kept[e] = true
				if !seen[to] && to.table != start.table {
					seen[to] = true
					next = append(next, to)
				}
			})
		}
		front = next
	}
}

func sortEdges(edges []record.Edge) {
	slices.SortFunc(edges, func(a, b record.Edge) int {
		return cmp.Or(cmp.Compare(a.ToTable, b.ToTable), cmp.Compare(a.ToColumn, b.ToColumn), cmp.Compare(a.FromTable, b.FromTable),
			cmp.Compare(a.FromColumn, b.FromColumn), cmp.Compare(a.Type, b.Type), cmp.Compare(a.Subtype, b.Subtype))
	})
}

// Changed are the edges and tables that two graphs do not have in common.
type Changed struct {
	Gained []record.Edge `json:"gained"`
	Lost   []record.Edge `json:"lost"`
	Tables struct {
		Added   []string `json:"added"`
		Removed []string `json:"removed"`
	} `json:"tables"`
}

// Compare says what one graph has that another has not, sorted.
func Compare(old, next *record.Graph) Changed {
	var c Changed
	c.Gained, c.Lost = without(next.Edges, old.Edges), without(old.Edges, next.Edges)
	names := func(g *record.Graph) []string {
		out := []string{}
		for _, t := range g.Tables {
			out = append(out, t.Name)
		}
		return out
	}
	c.Tables.Added, c.Tables.Removed = without(names(next), names(old)), without(names(old), names(next))
	sortEdges(c.Gained)
	sortEdges(c.Lost)
	return c
}

func without[T comparable](list, minus []T) []T {
	known := map[T]bool{}
	for _, e := range minus {
		known[e] = true
	}
	out := []T{}
	for _, e := range list {
		if !known[e] {
			out = append(out, e)
		}
	}
	return out
}
