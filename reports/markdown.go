package reports

import (
	"bytes"
	"io"
	"strings"

	"github.com/dq-dev/dq/record"
)

// markdownLimit keeps a summary below what GitHub takes: a step summary above
// 1 MiB is refused as a whole.
const markdownLimit = 900_000

// writeMarkdown writes a summary for the pages of CI systems: verdict, tables,
// what failed with example rows, policy decisions. It is cut at a whole part
// when it would grow beyond 900,000 bytes, and says so.
func writeMarkdown(w io.Writer, run *record.Run) error {
	m := &markdownWriter{}
	m.head(run)
	if run.Command == "profile" {
		m.profiles(run)
	} else {
		m.tables(run)
	}
	blocking, warnings := issues(run)
	m.issues("What failed", blocking)
	m.issues("Warnings", warnings)
	m.issues("Information", notes(run))
	m.decisions(run)
	if run.Policies != nil {
		m.part("\n" + md(asked(run), maxMessage) + ".\n")
	}
	_, err := w.Write(m.b.Bytes())
	return err
}

type markdownWriter struct {
	b    bytes.Buffer
	full bool
}

// part writes a piece as a whole, or, from the first that does not fit, nothing.
func (m *markdownWriter) part(s string) {
	const note = "\nCut here: the report is longer than a summary may be.\n"
	switch {
	case m.full:
	case m.b.Len()+len(s)+len(note) > markdownLimit:
		m.full = true
		m.b.WriteString(note)
	default:
		m.b.WriteString(s)
	}
}

// md makes foreign text safe in a line or a table cell of Markdown: nothing of
// it is markup, a link or a mention.
func md(s string, limit int) string {
	return mdEscaper.Replace(clean(s, limit))
}

var mdEscaper = strings.NewReplacer("\\", "\\\\", "`", "\\`", "*", "\\*", "_", "\\_", "|", "\\|", "[", "\\[", "]", "\\]",
	"<", "&lt;", ">", "&gt;", "&", "&amp;", "#", "\\#", "~", "\\~", "@", "&#64;", "!", "\\!", "$", "\\$", "://", ":&#47;/")

// mdCode writes foreign text as code that can stand in a table.
func mdCode(s string, limit int) string {
	return "<code>" + md(s, limit) + "</code>"
}

func (m *markdownWriter) head(run *record.Run) {
	m.part("## " + mark(run.Verdict) + " " + headline(run) + ": " + md(title(run), maxName) + "\n\n" + md(summary(run), maxMessage) + "\n\n")
	for _, step := range next(run) {
		m.part("- " + md(strings.ReplaceAll(step, "`", ""), maxMessage) + "\n")
	}
	m.part("\nRun " + mdCode(run.ID, maxName) + ", " + moment(run.StartedAt) + ", " + duration(run.DurationMS) + "\n\n")
}

func (m *markdownWriter) row(cells ...string) {
	m.part("| " + strings.Join(cells, " | ") + " |\n")
}

func (m *markdownWriter) tables(run *record.Run) {
	m.row("Table", "Outcome", "Version", "Expectations", "Returned", "Published", "Unchanged", "Quarantined", "Dropped", "Rows")
	m.row("---", "---", "---", "---", "---:", "---:", "---:", "---:", "---:", "---:")
	for l := range run.Layers {
		m.layer(&run.Layers[l])
	}
	m.part("\n")
}

func (m *markdownWriter) layer(layer *record.Layer) {
	if len(layer.Tables) == 0 && layer.Outcome == "not_run" {
		m.row(md(layer.Name, maxName), mark(record.Skipped)+" not run", "", "", "", "", "", "", "", "")
	}
	for i := range layer.Tables {
		t := &layer.Tables[i]
		by := map[record.Verdict]int64{}
		tallyCheck(t.Check, by)
		c := t.Counts
		published := quiet(c.Published)
		if held(t) && c.Published > 0 {
			published = "(" + published + ")"
		}
		m.row(md(t.Name, maxName), mark(tableVerdict(t))+" "+md(words(t.Outcome), maxName), versions(t), counted(by),
			quiet(c.Returned), published, quiet(c.Unchanged), quiet(c.Quarantined), quiet(c.Dropped), quiet(rowsNow(t)))
	}
}

func (m *markdownWriter) issues(head string, list []issue) {
	if len(list) > 0 {
		m.part("### " + head + "\n\n")
	}
	for n := range list {
		i := &list[n]
		s := mark(i.verdict) + " **" + md(i.id(), maxName) + "**"
		if i.table != "" {
			s += " of " + md(i.table, maxName)
		}
		s += ": " + md(i.message(), maxMessage)
		if h := i.hint(); h != "" {
			s += ". " + md(h, maxMessage)
		}
		if p := i.position(); p != "" {
			s += " (" + mdCode(p, maxName) + ")"
		}
		m.part(s + "\n\n")
		m.sample(i.sample())
	}
}

func (m *markdownWriter) sample(s sample) {
	if len(s.rows) == 0 {
		return
	}
	var b strings.Builder
	for _, c := range s.columns {
		b.WriteString("| " + md(c, maxName) + " ")
	}
	b.WriteString("|\n" + strings.Repeat("| --- ", len(s.columns)) + "|\n")
	for _, row := range s.rows {
		for _, c := range row {
			text := md(c.text, maxValue*2)
			if c.quiet {
				text = "*" + text + "*"
			}
			b.WriteString("| " + text + " ")
		}
		b.WriteString("|\n")
	}
	m.part(b.String() + "\n")
}

func (m *markdownWriter) decisions(run *record.Run) {
	first := true
	for t := range tables(run) {
		for i := range t.Decisions {
			d := &t.Decisions[i]
			if first {
				m.part("### Policies\n\n")
				m.row("Effect", "Policy", "What", "Waiver")
				m.row("---", "---", "---", "---")
				first = false
			}
			waiver := ""
			if w := d.Waiver; w != nil {
				waiver = md(strings.Join(w.ApprovedBy, ", ")+" until "+w.Expires+": "+w.Reason, maxMessage)
			}
			m.row(mark(decisionVerdict(d))+" "+md(words(d.Effect), maxName), md(d.Policy+" "+d.Title, maxMessage),
				md(subject(d.Table, d.Path), 2*maxName)+": "+md(d.Message, maxMessage), waiver)
		}
	}
}
