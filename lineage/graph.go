package lineage

import (
	"slices"
	"sort"
	"strings"

	"github.com/dq-dev/dq/record"
)

// Add puts a table and what it was made from into the graph, in place of what
// the graph held about that table. A nil statement is a table with no known
// origin: a source. Tables and edges stay sorted.
func Add(g *record.Graph, name, layer string, s *Statement) {
	g.Tables = slices.DeleteFunc(g.Tables, func(t record.GraphTable) bool { return t.Name == name })
	g.Edges = slices.DeleteFunc(g.Edges, func(e record.Edge) bool { return e.ToTable == name })
	node := record.GraphTable{Name: name, Layer: layer, Columns: []string{}}
	if s != nil {
		node.Status = s.Status
		for _, c := range s.Columns {
			node.Columns = append(node.Columns, c.Name)
			for _, src := range c.Sources {
				g.Edges = append(g.Edges, edge(src, name, c.Name))
			}
		}
		for _, src := range s.Dataset {
			g.Edges = append(g.Edges, edge(src, name, ""))
		}
	}
	g.Tables = append(g.Tables, node)
	sort.SliceStable(g.Tables, func(i, j int) bool { return g.Tables[i].Name < g.Tables[j].Name })
	slices.SortStableFunc(g.Edges, func(a, b record.Edge) int { return strings.Compare(a.ToTable, b.ToTable) })
}

func edge(s Source, toTable, toColumn string) record.Edge {
	return record.Edge{FromTable: s.Table, FromColumn: s.Column, ToTable: toTable, ToColumn: toColumn,
		Type: s.Type, Subtype: s.Subtype, Masking: s.Masking}
}

// Consumer is a column that depends on another one. An empty Column is the rows
// of the table: which there are depends on it.
type Consumer struct {
	Table  string `json:"table"`
	Column string `json:"column,omitempty"`
	Depth  int    `json:"depth"` // 1 reads it itself
}

// Downstream lists what depends on a column of a table, or with an empty column
// on anything of the table, nearest first, each once at its smallest depth. The
// rows of a table that depend on it carry it on: whatever reads that table
// depends on it too. Cost: one pass over the edges that are reached.
func Downstream(g *record.Graph, table, column string) []Consumer {
	return newReaders(g).downstream(table, column)
}

// Effect is what a change of a table does to another table.
type Effect struct {
	Table   string   `json:"table"`
	Layer   string   `json:"layer,omitempty"`
	Columns []string `json:"columns"` // of the changed table, that this one depends on; sorted
	Depth   int      `json:"depth"`   // the smallest of any of them
}

// Impact lists every table that depends on a table, with the columns of it that
// it depends on, nearest first. Cost: one [Downstream] for each column.
func Impact(g *record.Graph, table string) []Effect {
	r := newReaders(g)
	layers := map[string]string{}
	for _, t := range g.Tables {
		layers[t.Name] = t.Layer
	}
	effects := map[string]*Effect{}
	note := func(c Consumer, column string) {
		e := effects[c.Table]
		if e == nil {
			e = &Effect{Table: c.Table, Layer: layers[c.Table], Columns: []string{}, Depth: c.Depth}
			effects[c.Table] = e
		}
		e.Depth = min(e.Depth, c.Depth)
		if column != "" && !slices.Contains(e.Columns, column) {
			e.Columns = append(e.Columns, column)
		}
	}
	for column := range r.columns[table] {
		for _, c := range r.downstream(table, column) {
			note(c, column)
		}
	}
	for _, c := range r.downstream(table, "") {
		note(c, "")
	}
	out := make([]Effect, 0, len(effects))
	for _, e := range effects {
		sort.Strings(e.Columns)
		out = append(out, *e)
	}
	sort.Slice(out, func(i, j int) bool {
		if out[i].Depth != out[j].Depth {
			return out[i].Depth < out[j].Depth
		}
		return out[i].Table < out[j].Table
	})
	return out
}

// node is a column, or with an empty column the rows of a table.
type node struct{ table, column string }

// readers indexes the edges by where they start.
type readers struct {
	ofColumn map[node][]node
	ofTable  map[string][]node
	columns  map[string]map[string]bool // columns of a table that anything reads
}

func newReaders(g *record.Graph) *readers {
	r := &readers{ofColumn: map[node][]node{}, ofTable: map[string][]node{}, columns: map[string]map[string]bool{}}
	for _, e := range g.Edges {
		from, to := node{e.FromTable, e.FromColumn}, node{e.ToTable, e.ToColumn}
		r.ofColumn[from] = append(r.ofColumn[from], to)
		r.ofTable[e.FromTable] = append(r.ofTable[e.FromTable], to)
		if e.FromColumn != "" {
			if r.columns[e.FromTable] == nil {
				r.columns[e.FromTable] = map[string]bool{}
			}
			r.columns[e.FromTable][e.FromColumn] = true
		}
	}
	return r
}

func (r *readers) downstream(table, column string) []Consumer {
	start := node{table, column}
	depth := map[node]int{start: 0}
	queue := []node{start}
	reach := func(to node, d int) {
		if _, ok := depth[to]; !ok && to.table != table {
			depth[to] = d
			queue = append(queue, to)
		}
	}
	var out []Consumer
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		d := depth[at]
		if d > 0 {
			out = append(out, Consumer{Table: at.table, Column: at.column, Depth: d})
		}
		if at == start && column == "" {
			for _, to := range r.ofTable[at.table] {
				reach(to, d+1)
			}
			continue
		}
		for _, to := range r.ofColumn[at] {
			reach(to, d+1)
		}
		if at.column == "" { // other rows in, so other rows out, in whatever reads the table
			for _, to := range r.ofTable[at.table] {
				reach(node{to.table, ""}, d+1)
			}
		}
	}
	sort.SliceStable(out, func(i, j int) bool {
		a, b := out[i], out[j]
		if a.Depth != b.Depth {
			return a.Depth < b.Depth
		}
		if a.Table != b.Table {
			return a.Table < b.Table
		}
		return a.Column < b.Column
	})
	return out
}
