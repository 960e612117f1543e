package reports

import (
	"strings"

	"github.com/dq-dev/dq/record"
)

func (d *doc) histogram(h *record.Histogram, x, y, width float64) {
	axis := style{"sans", false, 5.6, soft}
	low, top := ends(h)
	high, below := 7.5, 0.0
	if d.measure(axis, low)+d.measure(axis, top)+1.5 > width { // the ends get a line each, at the bars' cost
		below = axis.line()
		high -= below
	}
	shares := bars(h)
	step := width / float64(len(shares))
	d.pdf.SetFillColor(chart[0], chart[1], chart[2])
	for i, share := range shares {
		if share > 0 {
			d.pdf.Rect(x+float64(i)*step, y+high*(1-share), step*0.86, high*share, "F")
		}
	}
	d.at(x, y+high+0.4, axis, low)
	d.right(x+width, y+high+0.4+below, axis, top)
}

func (d *doc) lineage() {
	d.heading("Lineage", 0)
	d.para(bodySoft, "Which table was made from which, and below, for each column, from which columns.", 0)
	d.space(2)
	d.dag(layout(d.run))
	for _, a := range ancestries(d.run) {
		d.heading(clean(a.table.Name, maxName), 1)
		if a.table.Status != "" {
			d.para(bodySoft, clean(a.table.Status, maxName), 0)
		}
		var rows [][]field
		for _, c := range a.columns {
			rows = append(rows, []field{bold(clean(c.column, maxName)), edgesField(c.sources)})
		}
		if len(a.rows) > 0 {
			rows = append(rows, []field{bold("which rows there are"), edgesField(a.rows)})
		}
		d.grid([]lane{{"Column", 48, false}, {"Made from", 130, false}}, rows)
	}
}

func edgesField(list []record.Edge) field {
	if len(list) == 0 {
		return field{}.then(smallSoft, "no column: a constant, or made by dq")
	}
	parts := make([]string, 0, min(len(list), shownEdges)+1)
	for i := range list {
		if i == shownEdges {
			parts = append(parts, "and "+number(int64(len(list)-i))+" more")
			break
		}
		parts = append(parts, clean(source(&list[i]), maxName)+" ("+how(&list[i])+")")
	}
	return plain(strings.Join(parts, ", "))
}

// dag draws the graph of tables, as wide as the page at most.
func (d *doc) dag(g dag) {
	if len(g.nodes) == 0 {
		return
	}
	k := scale(g.width, g.height)
	d.need(g.height*k + 4)
	left, top := pageLeft, d.y
	d.pdf.SetDrawColor(160, 165, 171)
	d.pdf.SetLineWidth(0.25)
	for _, e := range g.edges {
		a, b := g.nodes[e.from], g.nodes[e.to]
		x1, y1, x2, y2 := left+(a.x+nodeWidth)*k, top+a.middle()*k, left+b.x*k, top+b.middle()*k
		bend := gapX / 2 * k
		d.pdf.MoveTo(x1, y1)
		d.pdf.CurveBezierCubicTo(x1+bend, y1, x2-bend, y2, x2, y2)
		if b.bend {
			d.pdf.LineTo(x2+nodeWidth*k, y2)
		}
		d.pdf.DrawPath("D")
	}
	name := style{"sans", false, 12 * k / 0.3528, ink}
	note := style{"sans", false, 10 * k / 0.3528, soft}
	for _, n := range g.nodes {
		if n.bend {
			continue
		}
		c := verdictColor(n.verdict)
		d.pdf.SetDrawColor(c[0], c[1], c[2])
		d.pdf.SetFillColor(255, 255, 255)
		d.pdf.SetLineWidth(0.3)
		if n.verdict == record.Fail {
			d.pdf.SetDashPattern([]float64{1.2, 0.7}, 0)
		}
		d.pdf.RoundedRect(left+n.x*k, top+n.y*k, nodeWidth*k, nodeHeight*k, 5*k, "1234", "FD")
		d.pdf.SetDashPattern([]float64{}, 0)
		room := (nodeWidth - 18) * k
		d.put(left+(n.x+9)*k, top+(n.y+4)*k, name, d.fit(name, clean(n.name, maxName), room))
		d.put(left+(n.x+9)*k, top+(n.y+19)*k, note, d.fit(note, nodeNote(n), room))
	}
	d.y = top + g.height*k + 3
}
