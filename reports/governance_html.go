package reports

import (
	"io"

	"github.com/dq-dev/dq/record"
)

// shownRows is how many rows of a table of a governance report a page shows; the PDF
// shows all, and the JSON has them.
const shownRows = 200

func governanceHTML(w io.Writer, g *record.Governance) error {
	p := &page{}
	p.open(govTitle(g) + " · " + govHeadline(g))
	p.raw(`<header class="top"><div class="line"><h1>`).say(govTitle(g)).raw(`</h1><span class="soft">`).say(moment(g.At)).raw(`</span></div>`)
	p.raw("\n<div class=\"banner ").class(g.Verdict).raw(`" role="status"><div class="word"><span aria-hidden="true">`).say(mark(g.Verdict)).
		raw(`</span> <span>`).say(govHeadline(g)).raw(`</span></div><p class="say">`).say(govSay(g)).raw("</p></div>\n<dl class=\"facts\">")
	for _, f := range govFacts(g) {
		p.raw(`<div`)
		if len(f.value) > 20 {
			p.raw(` class="wide"`)
		}
		p.raw(`><dt>`).say(f.name).raw(`</dt><dd>`).text(f.value, maxName).raw(`</dd></div>`)
	}
	p.raw("</dl></header>\n<nav aria-label=\"Sections\">")
	sections := govSections(g)
	for _, s := range sections {
		p.raw(`<a href="#` + s.id + `">`).say(s.title).raw("</a>\n")
	}
	p.raw("<span class=\"tools\" id=\"tools\"></span></nav>\n<main id=\"main\">\n")
	for _, s := range sections {
		p.raw(`<section id="` + s.id + `" aria-labelledby="h-` + s.id + `"><h2 id="h-` + s.id + `">`).say(s.title).raw(`</h2><p class="lead">`).say(s.lead).raw("</p>\n")
		for _, part := range s.parts {
			p.govPart(g, s.title, part)
		}
		p.raw("</section>\n")
	}
	p.raw("</main>\n")
	p.close("Drawn by dq " + clean(g.Tool.Version, maxName) + " from " + g.Format + ".")
	_, err := w.Write(p.b.Bytes())
	return err
}

func (p *page) govPart(g *record.Governance, section string, part govPart) {
	if part.title != "" {
		p.raw(`<h3>`).name(part.title).raw("</h3>\n")
	}
	if part.text != "" {
		p.raw(`<p class="any">`).text(part.text, maxMessage).raw("</p>\n")
	}
	if part.graph {
		p.dag(layout(govRun(g)))
	}
	if part.sheet == nil {
		return
	}
	caption := section
	if part.title != "" {
		caption += ": " + part.title
	}
	heads := make([]head, len(part.sheet.lanes))
	for i, l := range part.sheet.lanes {
		heads[i] = head{l.head, l.right}
	}
	p.thead("gov", caption, heads...)
	for i, row := range part.sheet.rows {
		if i == shownRows {
			break
		}
		p.raw(`<tr>`)
		for j, c := range row {
			if heads[j].num {
				p.raw(`<td class="num">`)
			} else {
				p.raw(`<td>`)
			}
			p.said(c)
			p.raw(`</td>`)
		}
		p.raw("</tr>\n")
	}
	p.tend()
	if n := len(part.sheet.rows); n > shownRows {
		p.raw(`<p class="soft small">`).say(plural(int64(n-shownRows), "more row")).raw(" in the PDF and the JSON.</p>\n")
	}
}

func (p *page) said(s said) {
	for _, ph := range s {
		if ph.text == "" {
			continue
		}
		switch ph.kind {
		case asStrong:
			p.raw(`<div><strong>`).name(ph.text).raw(`</strong></div>`)
		case asSoft:
			p.raw(`<div class="soft small">`).text(ph.text, maxMessage).raw(`</div>`)
		case asCode:
			p.raw(`<div><code>`).text(ph.text, maxMessage).raw(`</code></div>`)
		case asVerdict:
			p.raw(`<div class="`).class(ph.verdict).raw(`"><span aria-hidden="true">`).say(mark(ph.verdict)).raw(`</span> <b>`).text(ph.text, maxMessage).raw(`</b></div>`)
		default:
			p.raw(`<div>`).text(ph.text, maxMessage).raw(`</div>`)
		}
	}
}
