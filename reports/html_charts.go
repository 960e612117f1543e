package reports

import (
	"math"

	"github.com/dq-dev/dq/record"
)

// The measures of a histogram in pixels.
const (
	histogramWidth  = 180
	histogramHeight = 40
)

func (p *page) profiles(run *record.Run) {
	for t := range tables(run) {
		if t.Profile == nil {
			continue
		}
		f := t.Profile
		if f.Format != "" {
			p.profile(t)
			continue
		}
		p.raw(`<details id="`).anchor("p", t).raw(`"><summary>`).text(t.Name, maxName).raw(`<span class="soft">`).
			say(plural(f.Rows, "row")).raw(`, `).say(plural(int64(len(f.Columns)), "column"))
		if len(f.Alerts) > 0 {
			p.raw(`, `).say(plural(int64(len(f.Alerts)), "alert"))
		}
		p.raw(`</span></summary><div class="body">`)
		if len(f.Alerts) > 0 {
			p.raw(`<ul class="plain">`)
			for _, a := range f.Alerts {
				p.raw(`<li>`).tag(record.Warn, a.Kind).raw(` <strong>`).text(a.Column, maxName).raw(`</strong> `).text(a.Message, maxMessage).raw(`</li>`)
			}
			p.raw(`</ul>`)
		}
		p.thead("prof", "Profile of "+t.Name, head{"Column", false}, head{"Filled", false}, head{"Distinct", true}, head{"Values", false}, head{"Distribution", false}, head{"Most frequent", false})
		for i := range f.Columns {
			p.column(&f.Columns[i])
		}
		p.tend()
		p.raw("</div></details>\n")
	}
}

func (p *page) column(c *record.ColumnProfile) {
	p.raw(`<tr><th scope="row" class="any">`).name(c.Name).raw(`<div class="soft small">`).text(c.Type, maxName).raw(`</div></th>`)
	filled := c.Rows - c.Nulls
	p.raw(`<td class="keep">`).say(percent(filled, c.Rows))
	p.meter(filled, c.Rows, 60)
	p.raw(`</td><td class="num">`)
	if c.Approx {
		p.raw(`≈ `)
	}
	p.say(number(c.Distinct)).raw(`</td><td>`)
	for i, line := range describe(c) {
		if i == 0 {
			p.raw(`<div>`).say(line).raw(`</div>`)
		} else {
			p.raw(`<div class="soft small">`).say(line).raw(`</div>`)
		}
	}
	p.raw(`</td><td>`)
	if c.Histogram != nil && len(c.Histogram.Counts) > 0 {
		p.histogram(c.Name, c.Histogram)
	} else {
		p.raw(`<span class="soft">–</span>`)
	}
	p.raw(`</td><td>`)
	if len(c.Top) > 0 {
		p.raw(`<ol class="top">`)
		for i := range c.Top[:min(len(c.Top), shownTop)] {
			v := &c.Top[i]
			p.raw(`<li><bdi>`)
			if v.Value == "" {
				p.raw(`<span class="quiet">empty</span>`)
			} else {
				p.text(v.Value, maxTop)
			}
			p.raw(`</bdi><span class="soft">`).say(number(v.Count)).raw(`</span>`)
			p.meter(v.Count, c.Rows, 60)
			p.raw(`</li>`)
		}
		p.raw(`</ol>`)
	} else {
		p.raw(`<span class="soft">–</span>`)
	}
	p.raw("</td></tr>\n")
}

// shownTop is how many frequent values of a column are shown.
const shownTop = 5

// meter draws a share as a bar; the number stands beside it, so it is hidden
// from those who listen.
func (p *page) meter(part, whole int64, width float64) {
	share := 0.0
	if whole > 0 {
		share = min(1, max(0, float64(part)/float64(whole)))
	}
	p.raw(`<svg class="meter" width="`).fixed(width).raw(`" height="5" aria-hidden="true"><path class="bar" d="M0 0h`).fixed(width * share).raw(`v5H0z"/></svg>`)
}

// histogram draws the bars as one path along the axis, ten units to a bar.
func (p *page) histogram(column string, h *record.Histogram) {
	shares := bars(h)
	p.raw(`<svg role="img" width="`).int(histogramWidth).raw(`" height="`).int(histogramHeight).raw(`" viewBox="0 0 `).
		int(10 * len(shares)).raw(` `).int(histogramHeight).raw(`" preserveAspectRatio="none"><title>`).
		say(told(column, h)).raw(`</title><path class="bar" d="M0 `).int(histogramHeight)
	for _, share := range shares {
		if high := int(math.Ceil(share * histogramHeight)); high > 0 {
			p.raw(`v-`).int(high).raw(`h9v`).int(high).raw(`h1`)
		} else {
			p.raw(`h10`)
		}
	}
	low, high := ends(h)
	p.raw(`"/></svg><div class="axis"><span>`).say(low).raw(`</span><span>`).say(high).raw(`</span></div>`)
}

func (p *page) lineage(run *record.Run) {
	p.raw(`<p class="lead">Which table was made from which, and below, for each column, from which columns.</p>`)
	p.dag(layout(run))
	first := ""
	for _, a := range ancestries(run) {
		if first == "" {
			first = a.table.Layer
		}
		p.raw(`<details`)
		if a.table.Layer == first && len(run.Lineage.Tables) <= 6 {
			p.raw(` open`)
		}
		p.raw(`><summary>`).text(a.table.Name, maxName).raw(`<span class="soft">`).say(plural(int64(len(a.columns)), "column"))
		if a.table.Status != "" {
			p.raw(`, `).text(a.table.Status, maxName)
		}
		p.raw(`</span></summary><div class="body">`)
		p.thead("", "Columns of "+a.table.Name, head{"Column", false}, head{"Made from", false})
		for _, c := range a.columns {
			p.raw(`<tr><th scope="row">`).name(c.column).raw(`</th><td class="any">`)
			p.edges(c.sources)
			p.raw("</td></tr>\n")
		}
		if len(a.rows) > 0 {
			p.raw(`<tr><th scope="row">which rows there are</th><td class="any">`)
			p.edges(a.rows)
			p.raw("</td></tr>\n")
		}
		p.tend()
		p.raw("</div></details>\n")
	}
}

// shownEdges is how many sources of one column are listed.
const shownEdges = 40

func (p *page) edges(list []record.Edge) {
	if len(list) == 0 {
		p.raw(`<span class="soft">no column: a constant, or made by dq</span>`)
		return
	}
	for i := range list {
		if i == shownEdges {
			p.raw(`, and `).int(len(list) - i).raw(` more`)
			return
		}
		if i > 0 {
			p.raw(`, `)
		}
		e := &list[i]
		p.raw(`<code>`).text(source(e), maxName).raw(`</code> <span class="soft small">`).say(how(e)).raw(`</span>`)
	}
}

// dag draws the graph of tables. The columns of each are in the tables below it.
func (p *page) dag(d dag) {
	if len(d.nodes) == 0 {
		return
	}
	p.raw(`<div class="scroll" tabindex="0" role="group" aria-label="Graph of tables"><svg class="dag" role="img" width="`).fixed(d.width).raw(`" height="`).fixed(d.height).raw(`"><title>`).
		say("Lineage of " + plural(int64(d.tables), "table") + ", sources on the left").raw(`</title><path d="`)
	for _, e := range d.edges {
		a, b := d.nodes[e.from], d.nodes[e.to]
		x1, y1, x2, y2 := a.x+nodeWidth, a.middle(), b.x, b.middle()
		bend := gapX / 2.0
		p.raw(`M`).fixed(x1).raw(` `).fixed(y1).raw(`C`).fixed(x1 + bend).raw(` `).fixed(y1).raw(` `).
			fixed(x2 - bend).raw(` `).fixed(y2).raw(` `).fixed(x2).raw(` `).fixed(y2)
		if b.bend {
			p.raw(`h`).int(nodeWidth)
		}
	}
	p.raw(`"/>`)
	for _, n := range d.nodes {
		if n.bend {
			continue
		}
		p.raw(`<rect class="`).class(n.verdict).raw(`" x="`).fixed(n.x).raw(`" y="`).fixed(n.y).raw(`" width="`).int(nodeWidth).
			raw(`" height="`).int(nodeHeight).raw(`" rx="6"/><text x="`).fixed(n.x + 10).raw(`" y="`).fixed(n.y + 15).raw(`">`).
			say(short(clean(n.name, maxName), 22)).raw(`</text><text class="soft" x="`).fixed(n.x + 10).raw(`" y="`).fixed(n.y + 28).raw(`">`).
			say(nodeNote(n)).raw(`</text>`)
	}
	p.raw("</svg></div>\n")
}
