package reports

import (
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/dq-dev/dq/record"
)

// origin is what one column of a table was made from.
type origin struct {
	column  string
	sources []record.Edge // DIRECT first
}

// ancestry is the lineage of one table: its columns, and what decides which rows
// it has (filters, joins, groups).
type ancestry struct {
	table   *record.GraphTable
	columns []origin
	rows    []record.Edge
}

// ancestries gives the lineage of every table that was made from another, the
// last layer first, because that is what people ask about.
func ancestries(run *record.Run) []ancestry {
	g := run.Lineage
	if g == nil {
		return nil
	}
	type key struct{ table, column string }
	into := map[key][]record.Edge{}
	made := map[string]bool{}
	for _, e := range g.Edges {
		k := key{e.ToTable, e.ToColumn}
		into[k] = append(into[k], e)
		made[e.ToTable] = true
	}
	rank := map[string]int{}
	for i, l := range run.Layers {
		rank[l.Name] = i + 1
	}
	var list []ancestry
	for i := range g.Tables {
		t := &g.Tables[i]
		if !made[t.Name] {
			continue
		}
		a := ancestry{table: t, rows: into[key{t.Name, ""}]}
		for _, c := range t.Columns {
			edges := into[key{t.Name, c}]
			sort.SliceStable(edges, func(a, b int) bool { return edges[a].Type < edges[b].Type })
			a.columns = append(a.columns, origin{c, edges})
		}
		list = append(list, a)
	}
	sort.SliceStable(list, func(a, b int) bool { return rank[list[a].table.Layer] > rank[list[b].table.Layer] })
	return list
}

// dag is the table-level graph, laid out from left to right.
type dag struct {
	width, height float64
	tables        int       // how many of the nodes are tables: the first ones
	nodes         []dagNode // the others are bends of long edges
	edges         []dagEdge // each from one column to the next
}

type dagNode struct {
	name, layer string
	outcome     string // of the table in this run; "" if it took no part
	verdict     record.Verdict
	bend        bool
	x, y        float64 // of the upper left corner
}

func (n *dagNode) height() float64 {
	if n.bend {
		return 2
	}
	return nodeHeight
}

func (n *dagNode) middle() float64 { return n.y + n.height()/2 }

type dagEdge struct{ from, to int }

// The measures of the drawing, in its own units (pixels on a screen).
const (
	nodeWidth  = 164
	nodeHeight = 34
	gapX       = 46
	gapY       = 14
	dagMargin  = 4
)

// layout puts every table right of all it was made from. Edges over several
// columns get a lane of their own between the tables. A column is ordered by
// where its sources stand, which leaves few crossings. A cycle (a table that
// reads itself) does not disturb it.
func layout(run *record.Run) dag {
	g := run.Lineage
	if g == nil || len(g.Tables) == 0 {
		return dag{}
	}
	index := map[string]int{}
	d := dag{nodes: make([]dagNode, len(g.Tables)), tables: len(g.Tables)}
	for i, t := range g.Tables {
		index[t.Name] = i
		d.nodes[i] = dagNode{name: t.Name, layer: t.Layer}
	}
	for t := range tables(run) {
		if i, ok := index[t.Name]; ok {
			d.nodes[i].outcome, d.nodes[i].verdict = t.Outcome, tableVerdict(t)
		}
	}
	sources := make([][]int, len(d.nodes))
	seen := map[dagEdge]bool{}
	var wanted []dagEdge
	for _, e := range g.Edges {
		from, ok1 := index[e.FromTable]
		to, ok2 := index[e.ToTable]
		if edge := (dagEdge{from, to}); ok1 && ok2 && from != to && !seen[edge] {
			seen[edge] = true
			wanted = append(wanted, edge)
			sources[to] = append(sources[to], from)
		}
	}
	depth := depths(sources)
	var columns [][]int
	put := func(i, column int) {
		for len(columns) <= column {
			columns = append(columns, nil)
		}
		columns[column] = append(columns[column], i)
	}
	for i, n := range depth {
		put(i, n)
	}
	before := make([][]int, len(d.nodes)) // what stands left of a node, bends included
	for _, e := range wanted {
		from := e.from
		for column := depth[e.from] + 1; column < depth[e.to]; column++ {
			d.nodes = append(d.nodes, dagNode{bend: true})
			bend := len(d.nodes) - 1
			put(bend, column)
			before = append(before, []int{from})
			d.edges = append(d.edges, dagEdge{from, bend})
			from = bend
		}
		before[e.to] = append(before[e.to], from)
		d.edges = append(d.edges, dagEdge{from, e.to})
	}
	d.place(columns, before)
	return d
}

// depths gives each node the length of the longest way to it.
func depths(sources [][]int) []int {
	depth := make([]int, len(sources))
	state := make([]byte, len(sources)) // 0 new, 1 on the way, 2 done
	var visit func(int)
	visit = func(i int) {
		state[i] = 1
		for _, s := range sources[i] {
			if state[s] == 0 {
				visit(s)
			}
			if state[s] == 2 {
				depth[i] = max(depth[i], depth[s]+1)
			}
		}
		state[i] = 2
	}
	for i := range sources {
		if state[i] == 0 {
			visit(i)
		}
	}
	return depth
}

func (d *dag) place(columns, before [][]int) {
	tall := func(column []int) float64 {
		h := float64(-gapY)
		for _, i := range column {
			h += d.nodes[i].height() + gapY
		}
		return h
	}
	for _, c := range columns {
		d.height = max(d.height, tall(c)+2*dagMargin)
	}
	d.width = float64(2*dagMargin + len(columns)*(nodeWidth+gapX) - gapX)
	for n, column := range columns {
		from := make(map[int]float64, len(column))
		for _, i := range column {
			for _, s := range before[i] {
				from[i] += d.nodes[s].middle() / float64(len(before[i]))
			}
		}
		sort.SliceStable(column, func(a, b int) bool { return from[column[a]] < from[column[b]] })
		y := (d.height - tall(column)) / 2
		for _, i := range column {
			d.nodes[i].x = float64(dagMargin + n*(nodeWidth+gapX))
			d.nodes[i].y = y
			y += d.nodes[i].height() + gapY
		}
	}
}

// nodeNote says under a table's name where it belongs and what became of it.
func nodeNote(n dagNode) string {
	layer := clean(n.layer, 14)
	if n.outcome == "" {
		if layer == "" {
			return "source"
		}
		return layer
	}
	what := mark(n.verdict) + " " + words(clean(n.outcome, 14))
	if layer == "" {
		return what
	}
	return layer + " · " + what
}

// source names the column, or the table, that an edge comes from.
func source(e *record.Edge) string {
	if e.FromColumn == "" {
		return e.FromTable
	}
	return e.FromTable + "." + e.FromColumn
}

// how says in a word what happened on the way.
func how(e *record.Edge) string {
	word := words(strings.ToLower(clean(e.Subtype, maxName)))
	if word == "identity" {
		word = "as it is"
	}
	if e.Masking {
		word += ", masked"
	}
	return word
}

// short cuts a name that has no room.
func short(s string, limit int) string {
	if utf8.RuneCountInString(s) <= limit {
		return s
	}
	r := []rune(s)
	return string(r[:limit-1]) + "…"
}
