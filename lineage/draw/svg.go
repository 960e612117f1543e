package draw

import (
	"cmp"
	"fmt"
	"html"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/dq-dev/dq/record"
)

// The measures of the drawing, in pixels.
const (
	charWidth = 7.2 // of the monospaced font at 12 px
	boxHeight = 26
	rowGap    = 12
	layerGap  = 60
	margin    = 10
)

// SVG writes the graph as a drawing from left to right, without script or
// network; with columns, each column is a node. Dashed arrows only decide which
// values or rows there are. The same graph gives the same bytes.
func SVG(w io.Writer, g *record.Graph, columns bool) error {
	p := newPicture(g, columns)
	ranks := p.ranks()
	x := make([]float64, len(ranks)+1)
	widths := make([]float64, len(ranks))
	x[0] = margin
	tallest := 1
	for i, rank := range ranks {
		for _, n := range rank {
			widths[i] = max(widths[i], float64(utf8.RuneCountInString(p.nodes[n].name))*charWidth+16)
		}
		x[i+1] = x[i] + widths[i] + layerGap
		tallest = max(tallest, len(rank))
	}
	height := float64(tallest)*(boxHeight+rowGap) - rowGap + 2*margin
	type place struct{ x, y, w float64 }
	places := make([]place, len(p.nodes))
	for i, rank := range ranks {
		top := (height - float64(len(rank))*(boxHeight+rowGap) + rowGap) / 2
		for j, n := range rank {
			places[n] = place{x[i], top + float64(j)*(boxHeight+rowGap), widths[i]}
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" width="%.0f" height="%.0f" role="img" font-family="monospace" font-size="12">`+"\n",
		x[len(ranks)]-layerGap+margin, height, x[len(ranks)]-layerGap+margin, height)
	b.WriteString(`<title>Lineage, sources on the left</title>` + "\n" +
		`<defs><marker id="end" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="#667"/></marker></defs>` + "\n")
	for _, l := range p.links {
		from, to := places[l.from], places[l.to]
		x1, y1, x2, y2 := from.x+from.w, from.y+boxHeight/2, to.x, to.y+boxHeight/2
		bend := max(layerGap/2, (x2-x1)/2)
		dash := ""
		if l.dashed {
			dash = ` stroke-dasharray="4 3"`
		}
		fmt.Fprintf(&b, `<path d="M%.1f %.1fC%.1f %.1f %.1f %.1f %.1f %.1f" fill="none" stroke="#667"%s marker-end="url(#end)"><title>%s → %s%s</title></path>`+"\n",
			x1, y1, x1+bend, y1, x2-bend, y2, x2, y2, dash, text(p.nodes[l.from].name), text(p.nodes[l.to].name), label(l.label))
	}
	for i, n := range p.nodes {
		at := places[i]
		fmt.Fprintf(&b, `<rect x="%.1f" y="%.1f" width="%.1f" height="%d" rx="4" fill="%s" stroke="#667"/><text x="%.1f" y="%.1f" fill="#123">%s</text>`+"\n",
			at.x, at.y, at.w, boxHeight, colour(n.layer), at.x+8, at.y+17, text(n.name))
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func label(s string) string {
	if s == "" {
		return ""
	}
	return ": " + text(s)
}

// text is a name in XML.
func text(s string) string { return html.EscapeString(clean(strings.ToValidUTF8(s, "\uFFFD"))) }

func colour(layer string) string {
	switch layer {
	case "source":
		return "#eef"
	case "quarantine":
		return "#fde8e8"
	}
	return "#f6f8fa"
}

// ranks puts each node right of all that it is made from, and orders the nodes of
// a rank by where their neighbours stand, which leaves few crossings. An arrow that
// closes a circle (a table that reads itself) does not count.
func (p *picture) ranks() [][]int {
	depth := make([]int, len(p.nodes))
	in := make([][]int, len(p.nodes))
	for _, l := range p.links {
		if l.from != l.to {
			in[l.to] = append(in[l.to], l.from)
		}
	}
	state := make([]int, len(p.nodes)) // 1 under way, 2 done
	var visit func(n int) int
	visit = func(n int) int {
		if state[n] == 0 {
			state[n] = 1
			for _, from := range in[n] {
				if state[from] != 1 {
					depth[n] = max(depth[n], visit(from)+1)
				}
			}
			state[n] = 2
		}
		return depth[n]
	}
	deepest := 0
	for n := range p.nodes {
		deepest = max(deepest, visit(n))
	}
	if len(p.nodes) == 0 {
		return nil
	}
	ranks := make([][]int, deepest+1)
	for n := range p.nodes {
		ranks[depth[n]] = append(ranks[depth[n]], n)
	}
	at := make([]float64, len(p.nodes))
	for _, rank := range ranks {
		slices.SortFunc(rank, func(a, b int) int { return cmp.Compare(p.nodes[a].name, p.nodes[b].name) })
		for i, n := range rank {
			at[n] = float64(i)
		}
	}
	out := make([][]int, len(p.nodes))
	for _, l := range p.links {
		out[l.from] = append(out[l.from], l.to)
	}
	for range 4 {
		for _, sweep := range []struct {
			near  [][]int
			ranks []int
		}{{in, forward(len(ranks))}, {out, backward(len(ranks))}} {
			for _, r := range sweep.ranks {
				mean := map[int]float64{}
				for _, n := range ranks[r] {
					mean[n] = at[n]
					if near := sweep.near[n]; len(near) > 0 {
						sum := 0.0
						for _, m := range near {
							sum += at[m]
						}
						mean[n] = sum / float64(len(near))
					}
				}
				slices.SortStableFunc(ranks[r], func(a, b int) int { return cmp.Compare(mean[a], mean[b]) })
				for i, n := range ranks[r] {
					at[n] = float64(i)
				}
			}
		}
	}
	return ranks
}

func forward(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

func backward(n int) []int {
	out := forward(n)
	slices.Reverse(out)
	return out
}
