package reports

import (
	"strconv"
	"strings"

	"github.com/dq-dev/dq/record"
)

// How much of what columns have to do with each other a document shows.
const (
	shownDependencies = 20
	shownCorrelations = 30
	quietDrift        = 20 // so many columns are listed though they did not drift
)

// profiles writes the profile of each table: facts and what is odd, how it drifted, what
// columns have to do with each other, and a row for each column.
func (d *doc) profiles() {
	d.heading("Profiles", 0)
	lanes := []lane{{"Column", 33, false}, {"Filled", 15, false}, {"Distinct", 15, true}, {"Values", 43, false}, {"Distribution", 33, false}, {"Most frequent", 39, false}}
	for t := range tables(d.run) {
		p := t.Profile
		if p == nil {
			continue
		}
		d.heading(clean(t.Name, maxName), 1)
		said := plural(p.Rows, "row") + ", " + plural(int64(len(p.Columns)), "column")
		if p.Format != "" {
			var parts []string
			for _, x := range profileFacts(t) {
				parts = append(parts, x.name+": "+x.value)
			}
			said = strings.Join(parts, " · ")
		}
		d.para(bodySoft, said, 0)
		for _, a := range p.Alerts {
			d.para(body.in(warnInk), mark(record.Warn)+" "+strings.TrimSpace(clean(a.Column, maxName)+" "+clean(a.Message, maxMessage)), 0)
		}
		if p.Drift != nil {
			d.drift(p.Drift)
		}
		d.relations(p)
		d.space(1)
		var rows [][]field
		for i := range p.Columns {
			rows = append(rows, d.columnRow(&p.Columns[i]))
		}
		d.grid(lanes, rows)
	}
}

// described are the numbers of a column, what its times and forms are at the end.
func described(c *record.ColumnProfile) []string {
	lines := describe(c)
	if t := c.Time; t != nil {
		line := "whole " + clean(t.Unit, maxName) + "s"
		if t.Days > 0 {
			line += ", " + number(t.Days) + " of " + plural(t.Span, "day")
		}
		if len(t.Gaps) > 0 {
			line += ", longest gap " + plural(t.Gaps[0].Days, "day") + " after " + clean(t.Gaps[0].From, maxName)
		}
		lines = append(lines, line)
	}
	if len(c.Patterns) > 0 && c.Patterns[0].Value != "" {
		lines = append(lines, "form "+clean(c.Patterns[0].Value, maxTop)+" of "+percent(c.Patterns[0].Count, c.Looked))
	}
	return lines
}

func (d *doc) drift(f *record.Drift) {
	d.heading("Since "+clean(f.Baseline, maxName), 1)
	said := number(f.BaselineRows) + " rows then, " + number(f.Rows) + " now."
	if len(f.Added) > 0 {
		said += " New columns: " + clean(strings.Join(f.Added, ", "), maxMessage) + "."
	}
	if len(f.Removed) > 0 {
		said += " Lost columns: " + clean(strings.Join(f.Removed, ", "), maxMessage) + "."
	}
	d.para(bodySoft, said, 0)
	measure := func(m *float64) field {
		if m == nil {
			return field{}.then(smallSoft, "–")
		}
		return plain(strconv.FormatFloat(*m, 'g', 3, 64))
	}
	var rows [][]field
	quiet := 0
	for i := range f.Columns {
		c := &f.Columns[i]
		if c.Severity == "none" && i >= quietDrift {
			quiet++
			continue
		}
		rows = append(rows, []field{bold(clean(c.Name, maxName)), verdict(driftVerdict(c.Severity), c.Severity), plain(share(c.OldNulls) + " → " + share(c.NewNulls)),
			measure(c.PSI), measure(c.KS), measure(c.JS), measure(c.Wasserstein), plain(clean(strings.Join(c.Reasons, "; "), maxMessage))})
	}
	d.grid([]lane{{"Column", 30, false}, {"Drift", 15, false}, {"Nulls", 26, true}, {"PSI", 12, true}, {"KS", 12, true}, {"Jensen-Shannon", 23, true}, {"Wasserstein", 18, true}, {"What changed", 42, false}}, rows)
	if quiet > 0 {
		d.para(smallSoft, plural(int64(quiet), "more column")+" without drift", 0)
	}
}

// driftVerdict is the colour of a drift: large, small or none.
func driftVerdict(severity string) record.Verdict {
	switch severity {
	case "large":
		return record.Fail
	case "small":
		return record.Warn
	}
	return record.Pass
}

// relations says what columns have to do with each other.
func (d *doc) relations(p *record.Profile) {
	if len(p.Dependencies) > 0 {
		d.heading("Columns that decide others", 1)
		var rows [][]field
		for _, x := range p.Dependencies[:min(len(p.Dependencies), shownDependencies)] {
			such := field{}
			for _, e := range x.Examples {
				var to []string
				for _, v := range e.To {
					to = append(to, clean(v.Value, maxTop)+" ("+number(v.Count)+")")
				}
				such = such.then(small, clean(e.From, maxTop)+" → "+strings.Join(to, ", "))
			}
			rows = append(rows, []field{bold(clean(x.From, maxName)), plain(clean(x.To, maxName)), dash(x.Exceptions), dash(x.Rows), such})
		}
		d.grid([]lane{{"Column", 36, false}, {"Decides", 36, false}, {"Exceptions", 18, true}, {"Of rows", 18, true}, {"Such as", 70, false}}, rows)
	}
	if len(p.Correlations) > 0 {
		d.heading("Correlations", 1)
		var rows [][]field
		for _, c := range p.Correlations[:min(len(p.Correlations), shownCorrelations)] {
			rows = append(rows, []field{bold(clean(c.A, maxName)), plain(clean(c.B, maxName)), plain(methodName(c.Method)), plain(strconv.FormatFloat(c.Value, 'f', 2, 64)), dash(c.Rows)})
		}
		d.grid([]lane{{"Column", 50, false}, {"With", 50, false}, {"Measure", 30, false}, {"Value", 20, true}, {"Rows", 28, true}}, rows)
	}
	if len(p.Missing) > 0 {
		d.heading("Null together", 1)
		var rows [][]field
		for _, m := range p.Missing {
			rows = append(rows, []field{plain(clean(strings.Join(m.Columns, ", "), maxMessage)), dash(m.Rows)})
		}
		d.grid([]lane{{"Columns", 148, false}, {"Rows", 30, true}}, rows)
	}
}

func (d *doc) columnRow(c *record.ColumnProfile) []field {
	filled := c.Rows - c.Nulls
	share := 0.0
	if c.Rows > 0 {
		share = min(1, max(0, float64(filled)/float64(c.Rows)))
	}
	meter := plain(percent(filled, c.Rows))
	meter.height = 2
	meter.draw = func(x, y, width float64) {
		d.fill(x, y+0.5, width, 1, hair)
		d.fill(x, y+0.5, width*share, 1, chart)
	}
	distinct := number(c.Distinct)
	if c.Approx {
		distinct = "≈ " + distinct
	}
	values := field{}
	for i, line := range described(c) {
		if i == 0 {
			values = values.then(small, line)
		} else {
			values = values.then(smallSoft, line)
		}
	}
	picture := field{}
	if h := c.Histogram; h != nil && len(h.Counts) > 0 {
		picture.height = 11
		picture.draw = func(x, y, width float64) { d.histogram(h, x, y, width) }
	}
	top := field{}
	if len(c.Top) > 0 {
		shown := c.Top[:min(len(c.Top), shownTop)]
		top.height = float64(len(shown)) * small.line()
		top.draw = func(x, y, width float64) {
			for i := range shown {
				text := clean(shown[i].Value, maxTop)
				if text == "" {
					text = "empty"
				}
				count := number(shown[i].Count)
				d.right(x+width, y, smallSoft, count)
				room := width - d.width(smallSoft, count) - 1.5
				d.put(x, y, small, d.fit(small, text, room))
				y += small.line()
			}
		}
	}
	return []field{bold(clean(c.Name, maxName)).then(smallSoft, clean(c.Type, maxName)).then(smallSoft, clean(c.Logical, maxName)), meter, plain(distinct), values, picture, top}
}
