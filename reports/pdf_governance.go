package reports

import (
	"bytes"
	"io"

	"codeberg.org/go-pdf/fpdf"

	"github.com/dq-dev/dq/record"
)

// governancePDF draws the report as a document that carries its JSON as an attachment.
func governancePDF(w io.Writer, g *record.Governance) error {
	var evidence bytes.Buffer
	if err := g.Write(&evidence); err != nil {
		return err
	}
	d := govDocument(g)
	d.pdf.SetAttachments([]fpdf.Attachment{{Content: evidence.Bytes(), Filename: "governance.json", Description: "the document that this report is drawn from"}})
	return d.pdf.Output(w)
}

func govDocument(g *record.Governance) *doc {
	sections, facts := govSections(g), govFacts(g)
	return twice(func(contents []entry, pages int) *doc {
		d := &doc{run: govRun(g), facts: facts, pages: pages, title: govTitle(g), id: short(facts[4].value, 24), state: govHeadline(g)}
		d.begin("dq governance report", g.At)
		d.govCover(g)
		if contents != nil {
			d.contents(contents)
		}
		d.page()
		for _, s := range sections {
			d.govSection(s)
		}
		d.notes()
		return d
	})
}

// govCover writes the first page: the verdict, what is open, what the report is about.
func (d *doc) govCover(g *record.Governance) {
	d.page()
	d.space(6)
	for _, line := range d.wrap(titleStyle, d.title, textWidth, 3) {
		d.put(pageLeft, d.y, titleStyle, line)
		d.y += titleStyle.line()
	}
	d.space(6)
	c := verdictColor(g.Verdict)
	top := d.y
	banner := style{"sans", true, 16, c}
	d.space(4)
	d.put(pageLeft+7, d.y, banner, mark(g.Verdict)+" "+govHeadline(g))
	d.y += banner.line() + 1
	for _, line := range d.wrap(style{"sans", false, 10, ink}, govSay(g), textWidth-14, 6) {
		d.put(pageLeft+7, d.y, style{"sans", false, 10, ink}, line)
		d.y += style{"sans", false, 10, ink}.line()
	}
	d.space(4)
	d.fill(pageLeft, top, 1.6, d.y-top, c)
	d.space(8)
	for _, f := range d.facts {
		d.put(pageLeft, d.y, bodySoft, f.name)
		for _, line := range d.wrap(body, clean(f.value, maxMessage), textWidth-40, 3) {
			d.put(pageLeft+40, d.y, body, line)
			d.y += body.line()
		}
		d.y++
	}
	d.space(6)
	for i := range g.Open {
		f := &g.Open[i]
		if d.y > pageBottom-20 {
			d.para(bodySoft, "and "+number(int64(len(g.Open)-i))+" more, in the summary", 0)
			break
		}
		text := f.Message
		if f.Table != "" {
			text = f.Table + ": " + text
		}
		d.put(pageLeft, d.y, bodyBold.in(verdictColor(f.Verdict())), mark(f.Verdict()))
		d.para(body, clean(text, maxMessage), 5)
		d.space(1)
	}
}

func (d *doc) govSection(s govSection) {
	d.heading(s.title, 0)
	d.para(bodySoft, s.lead, 0)
	for _, part := range s.parts {
		if part.title != "" {
			d.heading(clean(part.title, maxName), 1)
		}
		if part.text != "" {
			d.space(1)
			d.para(body, clean(part.text, maxMessage), 0)
		}
		if part.graph {
			d.space(2)
			d.dag(layout(d.run))
		}
		if part.sheet == nil {
			continue
		}
		rows := make([][]field, len(part.sheet.rows))
		for i, row := range part.sheet.rows {
			for _, c := range row {
				rows[i] = append(rows[i], d.said(c))
			}
			if part.sheet.blank {
				rows[i][0].height = 8 // room for a hand
			}
		}
		d.grid(part.sheet.lanes, rows)
	}
}

func (d *doc) said(s said) field {
	f := field{}
	for _, ph := range s {
		st, text := small, clean(ph.text, maxMessage)
		switch ph.kind {
		case asStrong:
			st = smallBold
		case asSoft:
			st = smallSoft
		case asCode:
			st = codeSmall
		case asVerdict:
			st, text = smallBold.in(verdictColor(ph.verdict)), mark(ph.verdict)+" "+text
		}
		if ph.text != "" {
			f = f.then(st, text)
		}
	}
	return f
}
