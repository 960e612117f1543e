package reports

import (
	"strconv"
	"strings"

	"github.com/dq-dev/dq/record"
)

// drifted lists the columns that changed against the baseline, each in a sentence.
func drifted(d *record.Drift) []string {
	var out []string
	if len(d.Added) > 0 {
		out = append(out, "new: "+strings.Join(d.Added, ", "))
	}
	if len(d.Removed) > 0 {
		out = append(out, "lost: "+strings.Join(d.Removed, ", "))
	}
	for i := range d.Columns {
		if c := &d.Columns[i]; c.Severity != "none" {
			out = append(out, c.Name+": "+strings.Join(c.Reasons, "; ")+" ("+c.Severity+")")
		}
	}
	return out
}

// drift writes what changed against the baseline at a terminal.
func (t *terminal) drift(d *record.Drift) {
	t.line(ansiBold, "SINCE "+clean(d.Baseline, maxName)+" ("+plural(d.BaselineRows, "row")+")")
	list := drifted(d)
	if len(list) == 0 {
		t.line(ansiNone, "  no column drifted")
	}
	for _, s := range list {
		t.wrap("  ", ansiNone, mark(record.Warn)+" "+clean(s, maxMessage))
	}
	t.b.WriteByte('\n')
}

// profiles writes what is odd, what drifted and the columns, for a pull request.
func (m *markdownWriter) profiles(run *record.Run) {
	for t := range tables(run) {
		p := t.Profile
		if p == nil || p.Format == "" {
			continue
		}
		if p.Query != "" {
			m.part("Rows of " + md(p.Query, maxMessage) + "\n\n")
		}
		list := func(head string, items []string) {
			if len(items) > 0 {
				m.part("### " + head + "\n\n")
			}
			for _, s := range items {
				m.part("- " + md(s, maxMessage) + "\n")
			}
			if len(items) > 0 {
				m.part("\n")
			}
		}
		var odd []string
		for _, a := range p.Alerts {
			odd = append(odd, strings.TrimPrefix(a.Column+": ", ": ")+a.Message)
		}
		list("What is odd", odd)
		if p.Drift != nil {
			list("Since "+md(p.Drift.Baseline, maxName), drifted(p.Drift))
		}
		m.part("### Columns\n\n")
		m.row("Column", "Type", "Meaning", "Nulls", "Distinct", "Least", "Greatest")
		m.row("---", "---", "---", "---:", "---:", "---", "---")
		for i := range p.Columns {
			c := &p.Columns[i]
			low, high := extremes(c)
			distinct := strconv.FormatInt(c.Distinct, 10)
			if c.Approx {
				distinct = "≈ " + distinct
			}
			m.row(md(c.Name, maxName), md(c.Type, 40), md(c.Logical, maxName), quiet(c.Nulls), distinct, md(low, 40), md(high, 40))
		}
		m.part("\n")
	}
}
