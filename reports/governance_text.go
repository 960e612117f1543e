package reports

import (
	"io"
	"strings"

	"github.com/dq-dev/dq/record"
)

// terminalSheet is how many rows of a table a terminal shows.
const terminalSheet = 20

// GovernanceText writes a governance report for people at a terminal: what is open, who
// answers, what was refused, waived and changed. Errors are those of w.
func GovernanceText(w io.Writer, g *record.Governance, opts TextOptions) error {
	t := &terminal{color: opts.Color, width: max(40, opts.Width)}
	if opts.Width == 0 {
		t.width = 100
	}
	t.b.WriteString(t.paint(ansi(g.Verdict), mark(g.Verdict)+" "+govHeadline(g)) + "  " + cut(govTitle(g), t.width) + "\n")
	t.wrap("  ", ansiNone, govSay(g))
	for _, f := range govFacts(g) {
		t.wrap("  ", ansiDim, f.name+": "+clean(f.value, maxMessage))
	}
	for _, s := range govSections(g) {
		if s.id == "methods" {
			continue // they are of the documents that people sign
		}
		t.b.WriteByte('\n')
		t.line(ansiBold, strings.ToUpper(s.title))
		for _, part := range s.parts {
			t.govPart(part)
		}
	}
	_, err := w.Write(t.b.Bytes())
	return err
}

func (t *terminal) govPart(part govPart) {
	if part.title != "" {
		t.line(ansiBold, "  "+clean(part.title, maxName))
	}
	if part.text != "" {
		t.wrap("  ", ansiNone, clean(part.text, maxMessage))
	}
	if part.sheet == nil {
		return
	}
	heads := make([]string, len(part.sheet.lanes))
	right := map[int]bool{}
	for i, l := range part.sheet.lanes {
		heads[i], right[i] = clean(l.head, maxName), l.right
	}
	for i, row := range part.sheet.rows {
		if i == terminalSheet {
			t.line(ansiDim, "  and "+number(int64(len(part.sheet.rows)-i))+" more")
			break
		}
		t.govRow(heads, row)
	}
}

// govRow writes the first cell of a row as a head, and all others below it.
func (t *terminal) govRow(heads []string, row []said) {
	var parts []string
	head := ""
	for j, c := range row {
		for k, ph := range c {
			text := clean(ph.text, maxMessage)
			if ph.kind == asVerdict {
				text = mark(ph.verdict) + " " + text
			}
			switch {
			case text == "" || text == "–":
			case j == 0 && k == 0:
				head = text
			case k == 0:
				parts = append(parts, strings.ToLower(heads[j])+": "+text)
			default:
				parts = append(parts, text)
			}
		}
	}
	t.wrap("    ", ansiBold, head)
	t.wrap("      ", ansiNone, strings.Join(parts, " · "))
}

// governanceMarkdown writes the report for pages of CI systems and wikis, cut at a whole
// part when it would grow beyond 900,000 bytes.
func governanceMarkdown(w io.Writer, g *record.Governance) error {
	m := &markdownWriter{}
	m.part("# " + md(govTitle(g), maxMessage) + "\n\n**" + mark(g.Verdict) + " " + govHeadline(g) + ".** " + md(govSay(g), maxMessage) + "\n\n")
	var facts strings.Builder
	for _, f := range govFacts(g) {
		facts.WriteString("- " + f.name + ": " + md(f.value, maxMessage) + "\n")
	}
	m.part(facts.String())
	for _, s := range govSections(g) {
		m.part("\n## " + md(s.title, maxName) + "\n\n" + md(s.lead, maxMessage) + "\n")
		for _, part := range s.parts {
			m.part(markdownPart(part))
		}
	}
	_, err := w.Write(m.b.Bytes())
	return err
}

func markdownPart(part govPart) string {
	var b strings.Builder
	if part.title != "" {
		b.WriteString("\n### " + md(part.title, maxName) + "\n")
	}
	if part.text != "" {
		b.WriteString("\n" + md(part.text, maxMessage) + "\n")
	}
	if part.sheet == nil {
		return b.String()
	}
	b.WriteString("\n|")
	for _, l := range part.sheet.lanes {
		b.WriteString(" " + md(l.head, maxName) + " |")
	}
	b.WriteString("\n|")
	for _, l := range part.sheet.lanes {
		if l.right {
			b.WriteString("---:|")
		} else {
			b.WriteString("---|")
		}
	}
	for i, row := range part.sheet.rows {
		if i == shownRows {
			b.WriteString("\n\n" + plural(int64(len(part.sheet.rows)-i), "more row") + " in the PDF and the JSON.")
			break
		}
		b.WriteString("\n|")
		for _, c := range row {
			b.WriteString(" " + markdownCell(c) + " |")
		}
	}
	b.WriteString("\n")
	return b.String()
}

func markdownCell(c said) string {
	var parts []string
	for _, ph := range c {
		text := md(ph.text, maxMessage)
		switch {
		case ph.text == "":
			continue
		case ph.kind == asStrong:
			text = "**" + text + "**"
		case ph.kind == asVerdict:
			text = mark(ph.verdict) + " " + md(ph.text, maxMessage)
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "<br>")
}
