package reports

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/dq-dev/dq/record"
)

// shownCards is how many columns have their card open: a wide table's page stays short
// and light.
const shownCards = 60

// profile draws a full profile: what is odd, how it drifted, the table, and a card for
// each column.
func (p *page) profile(t *record.Table) {
	f := t.Profile
	p.raw(`<dl class="facts">`)
	for _, x := range profileFacts(t) {
		p.raw(`<div><dt>`).say(x.name).raw(`</dt><dd>`).say(x.value).raw(`</dd></div>`)
	}
	p.raw("</dl>\n")
	if len(f.Alerts) > 0 {
		p.raw(`<h3>What is odd</h3><ul class="plain">`)
		for _, a := range f.Alerts {
			p.raw(`<li>`).tag(record.Warn, a.Kind).raw(` <strong>`).name(a.Column).raw(`</strong> `).text(a.Message, maxMessage).raw("</li>\n")
		}
		p.raw("</ul>\n")
	}
	if f.Drift != nil {
		p.drift(f.Drift)
	}
	p.relations(f)
	p.raw("<h3>Columns</h3>\n<div class=\"cards\">\n")
	for i := range f.Columns {
		p.card(&f.Columns[i], i < shownCards)
	}
	p.raw("</div>\n")
}

// profileFacts are what is said of the table first.
func profileFacts(t *record.Table) []fact {
	f := t.Profile
	columns := 0
	for i := range f.Columns {
		if f.Columns[i].Of == "" {
			columns++
		}
	}
	facts := []fact{{"Rows", number(f.Rows)}, {"Columns", strconv.Itoa(columns)}}
	if d := f.Duplicates; d != nil {
		n := number(d.Rows)
		if !d.Exact {
			n = "≈ " + n
		}
		facts = append(facts, fact{"Duplicate rows", n})
	}
	var keys []string
	for _, k := range f.Keys {
		if k.Repeats == 0 && len(keys) < 3 {
			keys = append(keys, clean(strings.Join(k.Columns, " + "), maxName))
		}
	}
	if len(keys) > 0 {
		facts = append(facts, fact{"May be keys", strings.Join(keys, ", ")})
	}
	if f.Sampled > 0 && f.Sampled < f.Rows {
		facts = append(facts, fact{"Pairs and forms from", plural(f.Sampled, "row")})
	}
	if v := strings.TrimSuffix(versions(t), "–"); v != "" {
		facts = append(facts, fact{"Version", v})
	}
	if f.Query != "" {
		facts = append(facts, fact{"Query", clean(f.Query, maxMessage)})
	}
	return facts
}

func (p *page) drift(d *record.Drift) {
	p.raw(`<h3>Since `).text(d.Baseline, maxName).raw(`</h3><p class="lead">`).say(number(d.BaselineRows) + " rows then, " + number(d.Rows) + " now.")
	for _, x := range []struct {
		word  string
		names []string
	}{{"New columns", d.Added}, {"Lost columns", d.Removed}} {
		if len(x.names) > 0 {
			p.say(" "+x.word+": ").text(strings.Join(x.names, ", "), maxMessage).say(".")
		}
	}
	p.raw("</p>\n")
	p.thead("pairs", "Drift of the columns", head{"Column", false}, head{"Drift", false}, head{"Nulls", true}, head{"PSI", true}, head{"KS", true}, head{"Jensen-Shannon", true}, head{"Wasserstein", true}, head{"What changed", false})
	quiet := 0
	for i := range d.Columns {
		c := &d.Columns[i]
		if c.Severity == "none" && i >= quietDrift {
			quiet++
			continue
		}
		p.raw(`<tr><th scope="row" class="any">`).name(c.Name).raw(`</th><td class="keep">`).tag(driftVerdict(c.Severity), c.Severity).raw(`</td><td class="num">`).
			say(share(c.OldNulls) + " → " + share(c.NewNulls)).raw(`</td>`)
		for _, m := range []*float64{c.PSI, c.KS, c.JS, c.Wasserstein} {
			p.raw(`<td class="num">`)
			if m == nil {
				p.raw(`<span class="soft">–</span>`)
			} else {
				p.say(strconv.FormatFloat(*m, 'g', 3, 64))
			}
			p.raw(`</td>`)
		}
		p.raw(`<td class="any">`).text(strings.Join(c.Reasons, "; "), maxMessage).raw("</td></tr>\n")
	}
	p.tend()
	if quiet > 0 {
		p.raw(`<p class="soft small">`).say(plural(int64(quiet), "more column") + " without drift.").raw("</p>\n")
	}
}

func share(f float64) string { return strconv.FormatFloat(100*f, 'f', 1, 64) + " %" }

// relations says what columns have to do with each other.
func (p *page) relations(f *record.Profile) {
	if len(f.Dependencies) > 0 {
		p.raw(`<details open><summary>Columns that decide others<span class="soft">`).int(len(f.Dependencies)).raw(`</span></summary><div class="body">`)
		p.thead("pairs", "Dependencies", head{"Column", false}, head{"Decides", false}, head{"Exceptions", true}, head{"Of rows", true}, head{"Such as", false})
		for _, d := range f.Dependencies[:min(len(f.Dependencies), shownDependencies)] {
			p.raw(`<tr><th scope="row" class="any">`).name(d.From).raw(`</th><td class="any">`).name(d.To).raw(`</td>`).count(d.Exceptions).count(d.Rows).raw(`<td class="any">`)
			for i, e := range d.Examples {
				if i > 0 {
					p.raw(`<br>`)
				}
				p.text(e.From, maxTop).raw(` → `)
				for j, v := range e.To {
					if j > 0 {
						p.raw(`, `)
					}
					p.text(v.Value, maxTop).raw(` <span class="soft">`).say(number(v.Count)).raw(`</span>`)
				}
			}
			p.raw("</td></tr>\n")
		}
		p.tend()
		p.raw("</div></details>\n")
	}
	if len(f.Correlations) > 0 {
		p.raw(`<details><summary>Correlations<span class="soft">`).int(len(f.Correlations)).raw(`</span></summary><div class="body">`)
		p.thead("pairs", "Correlations", head{"Column", false}, head{"With", false}, head{"Measure", false}, head{"Value", true}, head{"Rows", true})
		for _, c := range f.Correlations[:min(len(f.Correlations), shownCorrelations)] {
			p.raw(`<tr><th scope="row" class="any">`).name(c.A).raw(`</th><td class="any">`).name(c.B).raw(`</td><td>`).say(methodName(c.Method)).raw(`</td><td class="num">`).
				say(strconv.FormatFloat(c.Value, 'f', 2, 64)).raw(`</td>`).count(c.Rows).raw("</tr>\n")
		}
		p.tend()
		p.raw("</div></details>\n")
	}
	if len(f.Missing) > 0 {
		p.raw(`<details><summary>Null together<span class="soft">`).int(len(f.Missing)).raw(`</span></summary><div class="body">`)
		p.thead("", "Columns that are null together", head{"Columns", false}, head{"Rows", true})
		for _, m := range f.Missing {
			p.raw(`<tr><td class="any">`).text(strings.Join(m.Columns, ", "), maxMessage).raw(`</td>`).count(m.Rows).raw("</tr>\n")
		}
		p.tend()
		p.raw("</div></details>\n")
	}
}

func methodName(method string) string {
	switch method {
	case "pearson":
		return "Pearson"
	case "spearman":
		return "Spearman"
	case "cramers_v":
		return "Cramér's V"
	}
	return clean(method, maxName)
}

// card draws one column: a picture, its numbers, its values.
func (p *page) card(c *record.ColumnProfile, open bool) {
	p.raw(`<details class="card"`)
	if open {
		p.raw(` open`)
	}
	p.raw(`><summary>`).name(c.Name).raw(`<span class="soft small">`).text(c.Type, 60)
	if c.Logical != "" {
		p.raw(` · `).text(c.Logical, maxName)
	}
	p.raw(`</span></summary>`)
	filled := c.Rows - c.Nulls
	p.raw(`<div class="soft small">`).say(percent(filled, c.Rows) + " filled")
	p.meter(filled, c.Rows, 180)
	p.raw(`</div>`)
	if c.Histogram != nil && len(c.Histogram.Counts) > 0 {
		p.histogram(c.Name, c.Histogram)
	}
	p.raw(`<dl>`)
	for _, x := range columnFacts(c) {
		p.raw(`<dt>`).say(x.name).raw(`</dt><dd>`).say(x.value).raw(`</dd>`)
	}
	p.raw(`</dl>`)
	p.values("", c.Top, c.Rows, shownTop)
	if !open {
		p.raw("</details>\n")
		return
	}
	if len(c.Patterns) > 0 && len(c.Patterns[0].Value) > 0 {
		p.values("Forms", c.Patterns, c.Looked, 3)
	}
	p.raw("</details>\n")
}

// values lists values with how often there is each.
func (p *page) values(title string, list []record.ValueCount, of int64, most int) {
	if len(list) == 0 {
		return
	}
	if title != "" {
		p.raw(`<div class="soft small">`).say(title).raw(`</div>`)
	}
	p.raw(`<ol class="top">`)
	for i := range list[:min(len(list), most)] {
		v := &list[i]
		p.raw(`<li><bdi>`)
		if v.Value == "" {
			p.raw(`<span class="quiet">empty</span>`)
		} else {
			p.text(v.Value, maxTop)
		}
		p.raw(`</bdi><span class="soft">`).say(number(v.Count)).raw(`</span>`)
		p.meter(v.Count, of, 60)
		p.raw(`</li>`)
	}
	p.raw(`</ol>`)
}

// columnFacts are the numbers of a column.
func columnFacts(c *record.ColumnProfile) []fact {
	about := ""
	if c.Approx {
		about = "≈ "
	}
	facts := []fact{{"Distinct", about + number(c.Distinct)}}
	add := func(name, value string) {
		if value != "" {
			facts = append(facts, fact{name, value})
		}
	}
	positive := func(name string, n int64) {
		if n > 0 {
			add(name, number(n))
		}
	}
	positive("Nulls", c.Nulls)
	positive("NaN", c.NaNs)
	positive("Infinite", c.Infs)
	positive("Empty", c.Empty)
	positive("Blank", c.Blank)
	positive("Untrimmed", c.Untrimmed)
	low, high := extremes(c)
	if c.Type == "string" {
		low, high = short(low, 40), short(high, 40)
	}
	add("Least", low)
	add("Greatest", high)
	if c.Mean != nil {
		add("Mean", float(*c.Mean))
	}
	if c.StdDev != nil {
		add("Deviation", float(*c.StdDev))
	}
	if c.Skewness != nil {
		add("Skewness", strconv.FormatFloat(*c.Skewness, 'g', 3, 64))
	}
	if len(c.Quantiles) == 5 {
		add("5 % · median · 95 %", about+float(c.Quantiles[0])+" · "+float(c.Quantiles[2])+" · "+float(c.Quantiles[4]))
	}
	positive("Zeros", c.Zeros)
	positive("Negative", c.Negative)
	if c.MinLength != nil && c.MaxLength != nil {
		add("Length", fmt.Sprintf("%d to %d", *c.MinLength, *c.MaxLength))
	}
	if c.Order != "" {
		add("Order of the rows", clean(c.Order, maxName))
	}
	if t := c.Time; t != nil {
		add("Unit", clean(t.Unit, maxName))
		if t.Days > 0 {
			add("Days", number(t.Days)+" of "+number(t.Span))
		}
		if len(t.Gaps) > 0 {
			add("Longest gap", plural(t.Gaps[0].Days, "day")+" after "+clean(t.Gaps[0].From, maxName))
		}
	}
	return facts
}

// profileHead is the heading of the profiles: a command's has just one.
func profileHead(run *record.Run) markup {
	if run.Command == "profile" {
		return "Profile"
	}
	return "Profiles"
}
