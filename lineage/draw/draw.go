// Package draw draws a lineage graph: as a tree of text, DOT (Graphviz), Mermaid
// and SVG. Names come from users: each format escapes them.
package draw

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/dq-dev/dq/lineage"
	"github.com/dq-dev/dq/record"
)

// picture is what is drawn: nodes, and arrows between them.
type picture struct {
	nodes []box
	links []arrow
	index map[string]int
}

type box struct{ name, layer string }

type arrow struct {
	from, to int
	label    string // subtypes, lower case
	dashed   bool   // it only decides which value or row there is
}

// picture makes nodes of tables or, with columns, of columns and of the rows of tables.
func newPicture(g *record.Graph, columns bool) *picture {
	p := &picture{index: map[string]int{}}
	layers := map[string]string{}
	for _, t := range g.Tables {
		layers[t.Name] = t.Layer
		if !columns || len(g.Edges) == 0 {
			p.node(t.Name, t.Layer)
		}
	}
	type pair struct{ from, to int }
	labels, direct := map[pair][]string{}, map[pair]bool{}
	var order []pair
	for _, e := range g.Edges {
		from, to := e.FromTable, e.ToTable
		if columns {
			from, to = full(from, e.FromColumn), full(to, e.ToColumn)
		}
		at := pair{p.node(from, layers[e.FromTable]), p.node(to, layers[e.ToTable])}
		if _, ok := labels[at]; !ok {
			order = append(order, at)
		}
		label := strings.ToLower(strings.ReplaceAll(e.Subtype, "_", " "))
		if e.Masking {
			label += ", masked"
		}
		if !slices.Contains(labels[at], label) {
			labels[at] = append(labels[at], label)
		}
		direct[at] = direct[at] || e.Type == lineage.Direct
	}
	for _, at := range order {
		slices.Sort(labels[at])
		a := arrow{at.from, at.to, "", !direct[at]}
		if columns {
			a.label = strings.Join(labels[at], ", ")
		}
		p.links = append(p.links, a)
	}
	return p
}

// full is the name of a column, or of the rows of a table.
func full(table, column string) string {
	if column == "" {
		return table + " (rows)"
	}
	return table + "." + column
}

func (p *picture) node(name, layer string) int {
	i, ok := p.index[name]
	if !ok {
		i = len(p.nodes)
		p.index[name] = i
		p.nodes = append(p.nodes, box{name, layer})
	}
	return i
}

// DOT writes the graph for Graphviz; with columns, each column is a node.
func DOT(w io.Writer, g *record.Graph, columns bool) error {
	p := newPicture(g, columns)
	quote := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", " ", "\r", " ")
	var b strings.Builder
	b.WriteString("digraph lineage {\n  rankdir=LR;\n  node [shape=box, fontname=\"sans-serif\"];\n  edge [fontname=\"sans-serif\", fontsize=10];\n")
	for i, n := range p.nodes {
		fmt.Fprintf(&b, "  n%d [label=\"%s\"];\n", i, quote.Replace(clean(n.name)))
	}
	for _, l := range p.links {
		var how []string
		if l.label != "" {
			how = append(how, `label="`+quote.Replace(l.label)+`"`)
		}
		if l.dashed {
			how = append(how, "style=dashed")
		}
		fmt.Fprintf(&b, "  n%d -> n%d", l.from, l.to)
		if how != nil {
			fmt.Fprintf(&b, " [%s]", strings.Join(how, ", "))
		}
		b.WriteString(";\n")
	}
	b.WriteString("}\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// Mermaid writes the graph as a Mermaid flowchart; with columns, each column is a node.
func Mermaid(w io.Writer, g *record.Graph, columns bool) error {
	p := newPicture(g, columns)
	// Entities keep quotes and markup of names out of Mermaid's own.
	quote := strings.NewReplacer("#", "#35;", `"`, "#quot;", "<", "#lt;", ">", "#gt;", "&", "#amp;", "\n", " ", "\r", " ", "`", "#96;", "|", "#124;")
	var b strings.Builder
	b.WriteString("flowchart LR\n")
	for i, n := range p.nodes {
		fmt.Fprintf(&b, "  n%d[\"%s\"]\n", i, quote.Replace(clean(n.name)))
	}
	for _, l := range p.links {
		line := "-->"
		if l.dashed {
			line = "-.->"
		}
		if l.label != "" {
			line += `|"` + quote.Replace(l.label) + `"|`
		}
		fmt.Fprintf(&b, "  n%d %s n%d\n", l.from, line, l.to)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Tree writes what a table or column is made from, and below that what depends on
// it, as trees. What was shown in full before is shown with … .
func Tree(w io.Writer, g *record.Graph, table, column string) error {
	p := newPicture(g, column != "")
	root := table
	if column != "" {
		root = full(table, column)
	}
	start := p.node(root, "")
	var b strings.Builder
	b.WriteString(clean(root) + "\n")
	up := map[int][]branch{}
	down := map[int][]branch{}
	for _, l := range p.links {
		up[l.to] = append(up[l.to], branch{l.from, l.label})
		down[l.from] = append(down[l.from], branch{l.to, l.label})
	}
	for _, side := range []struct {
		head string
		next map[int][]branch
	}{{"made from", up}, {"read by", down}} {
		if len(side.next[start]) > 0 {
			b.WriteString(side.head + "\n")
			p.branches(&b, side.next, start, "", map[int]bool{start: true})
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

type branch struct {
	to    int
	label string
}

func (p *picture) branches(b *strings.Builder, next map[int][]branch, at int, indent string, shown map[int]bool) {
	list := next[at]
	slices.SortFunc(list, func(x, y branch) int { return cmp.Compare(p.nodes[x.to].name, p.nodes[y.to].name) })
	for i, e := range list {
		twig, deeper := "├─ ", "│  "
		if i == len(list)-1 {
			twig, deeper = "└─ ", "   "
		}
		line := indent + twig + clean(p.nodes[e.to].name)
		if e.label != "" {
			line += "  " + e.label
		}
		again := shown[e.to] && len(next[e.to]) > 0
		if again {
			line += " …"
		}
		b.WriteString(line + "\n")
		if !again {
			shown[e.to] = true
			p.branches(b, next, e.to, indent+deeper, shown)
		}
	}
}

// clean takes control characters out of a name.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return '\uFFFD'
		}
		return r
	}, s)
}
