package reports

import (
	"github.com/dq-dev/dq/record"
)

// banner writes the head of the page: what happened, and what to do now.
func (p *page) banner(run *record.Run) {
	p.raw(`<header class="top"><div class="line"><h1>`).say(title(run)).raw(`</h1>`)
	p.raw(`<span class="soft">`).text(run.Command, maxName)
	if run.Environment != "" {
		p.raw(` in `).text(run.Environment, maxName)
	}
	p.raw(` · `).say(moment(run.StartedAt)).raw(`</span></div>`)
	p.raw("\n<div class=\"banner ").class(run.Verdict).raw(`" role="status"><div class="word"><span aria-hidden="true">`).
		say(mark(run.Verdict)).raw(`</span> <span>`).say(headline(run)).raw(`</span></div>`)
	p.raw(`<p class="say">`).text(summary(run), maxMessage).raw("</p>\n<ul>")
	for _, step := range next(run) {
		p.raw(`<li>`).prose(step).raw(`</li>`)
	}
	p.raw("</ul></div>\n<dl class=\"facts\">")
	total, by := tally(run)
	fact := func(name, value string) {
		p.raw(`<div`)
		if len(value) > 20 {
			p.raw(` class="wide"`)
		}
		p.raw(`><dt>`).say(name).raw(`</dt><dd>`).text(value, maxName).raw(`</dd></div>`)
	}
	if total > 0 {
		fact("Expectations", number(total)+": "+counted(by))
	}
	if run.Command == "run" {
		for _, f := range rowFacts(run) {
			fact(f.name, f.value)
		}
	}
	fact("Took", duration(run.DurationMS))
	fact("Engine", run.Engine.Name+" "+run.Engine.Version)
	fact("Run", run.ID)
	p.raw("</dl></header>\n")
}

// part is a section of the page.
type part struct {
	id, name markup
	present  bool
	write    func(*record.Run)
}

// body writes the sections that have something to say, after links to them.
func (p *page) body(run *record.Run) {
	blocking, warnings := issues(run)
	informs := notes(run)
	has := contents(run)
	parts := []part{
		{"overview", "Overview", len(run.Layers) > 0 && run.Command != "profile", p.overview},
		{"failing", "What failed", len(blocking) > 0, func(*record.Run) { p.issues(blocking, "failing") }},
		{"warnings", "Warnings", len(warnings) > 0, func(*record.Run) { p.issues(warnings, "warnings") }},
		{"notes", "Information", len(informs) > 0, func(*record.Run) { p.issues(informs, "notes") }},
		{"expectations", "Expectations", has.checks, p.expectations},
		{"policies", "Policies", has.asked || has.decisions, p.policies},
		{"schema", "Schema changes", has.changes, p.changes},
		{"quarantine", "Quarantine", has.quarantines, p.quarantines},
		{"profiles", profileHead(run), has.profiles, p.profiles},
		{"lineage", "Lineage", has.lineage, p.lineage},
		{"sources", "Source files", has.sources, p.sources},
		{"findings", "Findings", has.findings, p.findings},
		{"evidence", "Evidence", true, p.evidence},
	}
	p.raw("<nav aria-label=\"Sections\">")
	for _, s := range parts {
		if s.present {
			p.raw(`<a href="#` + s.id + `">` + s.name + "</a>\n")
		}
	}
	p.raw("<span class=\"tools\" id=\"tools\"></span></nav>\n<main id=\"main\">\n")
	for _, s := range parts {
		if s.present {
			p.raw(`<section id="` + s.id + `" aria-labelledby="h-` + s.id + `"><h2 id="h-` + s.id + `">` + s.name + "</h2>\n")
			s.write(run)
			p.raw("</section>\n")
		}
	}
	p.raw("</main>\n")
}

func (p *page) overview(run *record.Run) {
	heads := []head{{"Table", false}, {"Outcome", false}, {"Version", false}, {"Expectations", false}}
	moved := contents(run).counts
	if moved {
		p.raw(`<p class="lead">Rows returned by a source or model = published + unchanged + quarantined + dropped. Numbers in brackets were held back with their layer: no reader sees them.</p>`)
		heads = append(heads, head{"Returned", true}, head{"Published", true}, head{"Unchanged", true}, head{"Quarantined", true}, head{"Dropped", true})
	}
	heads = append(heads, head{"Rows", true}, head{"Took", true})
	p.thead("lay", "Layers and tables", heads...)
	for l := range run.Layers {
		layer := &run.Layers[l]
		if layer.Name != "" {
			p.raw(`<tr class="sub"><th scope="rowgroup" colspan="`).int(len(heads)).raw(`">`).text(layer.Name, maxName).raw(` `).
				tag(layerVerdict(layer), layer.Outcome)
			if layer.Message != "" {
				p.raw(` <span class="soft small">`).text(layer.Message, maxMessage).raw(`</span>`)
			}
			p.raw("</th></tr>\n")
		}
		for i := range layer.Tables {
			p.overviewRow(&layer.Tables[i], moved)
		}
	}
	p.tend()
	for t := range tables(run) {
		if ok, sum := reconciles(t.Counts); !ok {
			p.raw(`<p>`).tag(record.Fail, "does not reconcile").raw(` `).text(t.Name, maxName).raw(`: `).say(sum).raw("</p>\n")
		}
	}
}

func (p *page) overviewRow(t *record.Table, moved bool) {
	p.raw(`<tr><th scope="row" class="keep">`).text(t.Name, maxName).raw(`</th><td>`)
	p.tag(tableVerdict(t), t.Outcome)
	if t.Message != "" {
		p.raw(`<div class="soft small">`).text(t.Message, maxMessage).raw(`</div>`)
	}
	p.raw(`</td><td class="keep">`).say(versions(t)).raw(`</td><td>`)
	by := map[record.Verdict]int64{}
	if tallyCheck(t.Check, by) > 0 {
		p.raw(`<a href="#`).anchor("x", t).raw(`">`).say(counted(by)).raw(`</a>`)
	} else {
		p.raw(`<span class="soft">–</span>`)
	}
	p.raw(`</td>`)
	c := t.Counts
	if moved {
		p.count(c.Returned)
		if c.Published > 0 && held(t) {
			p.raw(`<td class="num soft">(`).say(number(c.Published)).raw(`)</td>`)
		} else {
			p.count(c.Published)
		}
		p.count(c.Unchanged)
		if c.Quarantined > 0 && held(t) {
			p.raw(`<td class="num soft">(`).say(number(c.Quarantined)).raw(`)</td>`)
		} else {
			p.count(c.Quarantined)
		}
		p.count(c.Dropped)
	}
	p.count(rowsNow(t))
	p.raw(`<td class="num">`).say(duration(t.DurationMS)).raw("</td></tr>\n")
}

// anchor writes the id of a table's part of a section. It goes by the place of
// the table in the run, as names may hold anything.
func (p *page) anchor(kind markup, t *record.Table) *page {
	return p.raw(kind + "-").int(p.place[t])
}

// shownIssues is how many issues are shown with their rows; the others stand in
// the tables further down.
const shownIssues = 60

func (p *page) issues(list []issue, kind markup) {
	for n := range list {
		if n == shownIssues {
			p.raw(`<p>`).int(len(list) - n).raw(` more, in the sections below.</p>`)
			break
		}
		p.issue(&list[n])
	}
}

func (p *page) issue(i *issue) {
	p.raw(`<article class="issue `).class(i.verdict).raw(`"><h3>`)
	p.tag(i.verdict, string(i.verdict)).raw(` <code>`).text(i.id(), maxName).raw(`</code>`)
	if i.table != "" {
		p.raw(` <span class="soft">`).text(i.table, maxName).raw(`</span>`)
	}
	p.raw(`</h3><p class="say">`).text(i.message(), maxMessage).raw(`</p>`)
	if h := i.hint(); h != "" {
		p.raw(`<p class="say soft">`).text(h, maxMessage).raw(`</p>`)
	}
	var marked []string
	if e := i.expectation; e != nil {
		if e.CEL != "" {
			p.raw(`<pre>`).text(e.CEL, maxMessage)
			if e.Where != "" {
				p.raw("\n<span class=\"soft\">where</span> ").text(e.Where, maxMessage)
			}
			p.raw(`</pre>`)
		}
		marked = e.Columns
	} else if i.finding != nil {
		marked = []string{i.finding.Column}
	}
	p.rows(i.sample(), marked, "Example rows of "+i.id())
	p.raw(`<p class="meta">`)
	for n, s := range meta(i) {
		if n > 0 {
			p.raw(` · `)
		}
		p.say(s)
	}
	p.raw("</p></article>\n")
}

func (p *page) expectations(run *record.Run) {
	p.raw(`<label class="find" hidden>Find an expectation: <input type="search" id="find"></label>`)
	for t := range tables(run) {
		if t.Check == nil || len(t.Check.Expectations) == 0 {
			continue
		}
		by := map[record.Verdict]int64{}
		total := tallyCheck(t.Check, by)
		p.raw(`<details id="`).anchor("x", t).raw(`"><summary>`).text(t.Name, maxName).
			tag(t.Check.Verdict, string(t.Check.Verdict)).raw(`<span class="soft">`).
			say(plural(total, "expectation")).raw(`: `).say(counted(by)).raw(`</span></summary><div class="body">`)
		p.thead("exp", "Expectations of "+t.Name, head{"Verdict", false}, head{"Expectation", false}, head{"Rule", false},
			head{"Evaluated", true}, head{"Failed", true}, head{"Errored", true}, head{"Result", false})
		for _, e := range ranked(t.Check) {
			p.expectation(e)
		}
		p.tend()
		p.raw("</div></details>\n")
	}
}

func (p *page) expectation(e *record.Expectation) {
	p.raw(`<tr><td>`).tag(e.Verdict, string(e.Verdict)).raw(`</td><th scope="row" class="any">`).name(e.ID)
	p.raw(`<div class="soft small">`).text(e.Dimension, maxName)
	if e.OnFail != "" && e.OnFail != "block" {
		p.raw(` · on failure: `).text(e.OnFail, maxName)
	}
	p.raw(`</div></th><td class="any"><code>`).text(e.CEL, 400).raw(`</code>`)
	if e.Where != "" {
		p.raw(`<div class="soft small">where <code>`).text(e.Where, 400).raw(`</code></div>`)
	}
	if len(e.Threshold) > 0 {
		p.raw(`<div class="soft small">`).say(threshold(e.Threshold)).raw(`</div>`)
	}
	p.raw(`</td>`)
	if e.Scope == "row" {
		p.count(e.Evaluated).count(e.Failed).count(e.Errored)
	} else {
		p.raw(`<td class="soft" colspan="3">the table as a whole</td>`)
	}
	p.raw(`<td class="any">`).say(result(e))
	if e.DecidedBy != "" && e.DecidedBy != "scan" {
		p.raw(`<div class="soft small">decided by `).text(e.DecidedBy, maxName).raw(`</div>`)
	}
	p.raw("</td></tr>\n")
}

func (p *page) policies(run *record.Run) {
	if run.Policies != nil {
		p.raw(`<p class="lead">`).say(asked(run)).raw("</p>\n")
	}
	if !contents(run).decisions {
		return
	}
	p.thead("", "Policy decisions", head{"Effect", false}, head{"Policy", false}, head{"What", false}, head{"Decision", false})
	for t := range tables(run) {
		for i := range t.Decisions {
			p.decision(&t.Decisions[i])
		}
	}
	p.tend()
}

func (p *page) decision(d *record.Decision) {
	p.raw(`<tr><td>`).tag(decisionVerdict(d), d.Effect).raw(`</td><th scope="row">`).text(d.Policy, maxName).
		raw(`<div class="soft small">`).text(d.Title, maxMessage).raw(`</div></th><td class="any"><strong>`).text(subject(d.Table, d.Path), 2*maxName)
	p.raw(`</strong><div>`).text(d.Message, maxMessage).raw(`</div>`)
	if d.Remediation != "" && d.Effect != "waived" {
		p.raw(`<div class="soft">`).text(d.Remediation, maxMessage).raw(`</div>`)
	}
	if w := d.Waiver; w != nil {
		p.raw(`<div class="small"><strong>`).say(waived(w)).raw(`</strong>: `).text(w.Reason, maxMessage).raw(`</div>`)
	}
	if len(d.Evidence) > 0 {
		p.raw(`<div class="soft small">`).say(pairs(d.Evidence)).raw(`</div>`)
	}
	p.raw(`</td><td class="any"><code>`).text(d.ID, maxName).raw("</code></td></tr>\n")
}

func (p *page) changes(run *record.Run) {
	p.thead("", "Schema changes", head{"Table", false}, head{"Change", false}, head{"Column", false}, head{"From and to", false}, head{"Risk", false})
	for t := range tables(run) {
		for i := range t.Changes {
			c := &t.Changes[i]
			what, detail := change(c)
			p.raw(`<tr><th scope="row" class="keep">`).text(t.Name, maxName).raw(`</th><td>`).say(what).raw(`</td><td><code>`).
				name(c.Path).raw(`</code></td><td class="any">`).say(detail)
			if c.Hint != "" {
				p.raw(`<div class="soft small">`).text(c.Hint, maxMessage).raw(`</div>`)
			}
			p.raw(`</td><td>`).say(risk(c)).raw("</td></tr>\n")
		}
	}
	p.tend()
}

func (p *page) quarantines(run *record.Run) {
	for t := range tables(run) {
		q := t.Quarantine
		if q == nil {
			continue
		}
		p.raw(`<h3>`).text(t.Name, maxName).raw(` <span class="soft">`).say(plural(q.Rows, "row")).raw(" ").say(inQuarantine(t)).raw(` <code>`).
			text(q.Table, maxName).raw("</code></span></h3>\n")
		p.thead("rows", "Quarantine of "+t.Name+" by rule", head{"Rule", false}, head{"Rows", true}, head{"Share of the batch", true})
		for _, rule := range byCount(q.ByRule) {
			p.raw(`<tr><th scope="row">`).text(rule, maxName).raw(`</th>`).count(q.ByRule[rule]).
				raw(`<td class="num">`).say(percent(q.ByRule[rule], t.Counts.Returned)).raw("</td></tr>\n")
		}
		p.tend()
		p.rows(samples(q.Sample, []string{reasons}, t.Schema), []string{reasons}, "Quarantined rows of "+t.Name)
	}
}

func (p *page) sources(run *record.Run) {
	for t := range tables(run) {
		s := t.Source
		if s == nil {
			continue
		}
		p.raw(`<details`)
		if s.Count <= 10 {
			p.raw(` open`)
		}
		p.raw(`><summary>`).text(t.Name, maxName).raw(`<span class="soft">`).say(batch(s)).raw(`</span></summary><div class="body">`)
		for i := range s.Read {
			p.raw(`<p class="soft small">`).text(reading(&s.Read[i]), maxMessage).raw("</p>\n")
		}
		p.thead("", "Source files of "+t.Name, head{"File", false}, head{"Records", true}, head{"Size", true}, head{"SHA-256", false})
		for i := range s.Files[:min(len(s.Files), shownFiles)] {
			f := &s.Files[i]
			p.raw(`<tr><th scope="row" class="any">`).text(f.Path, 300).raw(`</th>`).count(max(0, f.Records)).
				raw(`<td class="num">`).say(size(f.Bytes)).raw(`</td><td class="any"><code>`).text(f.SHA256, maxName).raw("</code></td></tr>\n")
		}
		p.tend()
		if s.Count > shownFiles {
			p.raw(`<p class="soft small">The first `).int(shownFiles).raw(`; the run record has more.</p>`)
		}
		p.raw("</div></details>\n")
	}
}

// shownFiles is how many source files of a table are listed.
const shownFiles = 400

func (p *page) findings(run *record.Run) {
	p.thead("", "Findings", head{"Severity", false}, head{"Rule", false}, head{"Where", false}, head{"Finding", false}, head{"Rows", true})
	for i := range run.Findings {
		p.finding(&run.Findings[i], run.Findings[i].Table)
	}
	for t := range tables(run) {
		for _, f := range findings(t) {
			p.finding(f, t.Name)
		}
	}
	p.tend()
}

func (p *page) finding(f *record.Finding, table string) {
	p.raw(`<tr><td>`).tag(f.Verdict(), f.Severity).raw(`</td><th scope="row">`).text(f.Rule, maxName).raw(`</th><td class="any">`).text(subject(table, f.Column), 2*maxName)
	if f.Position != "" {
		p.raw(`<div class="soft small">`).text(f.Position, maxMessage).raw(`</div>`)
	}
	p.raw(`</td><td class="any">`).text(f.Message, maxMessage)
	if f.Hint != "" {
		p.raw(`<div class="soft">`).text(f.Hint, maxMessage).raw(`</div>`)
	}
	p.raw(`</td>`).count(f.Rows).raw("</tr>\n")
}

func (p *page) evidence(run *record.Run) {
	p.raw(`<p class="lead">What the verdict rests on. The digest is of the run record, the JSON document this page was drawn from.</p>`)
	p.thead("", "The run", head{"Fact", false}, head{"Value", false})
	for _, f := range evidence(run) {
		p.raw(`<tr><th scope="row" class="keep">`).say(f.name).raw(`</th><td class="any"><code>`).text(f.value, maxMessage).raw("</code></td></tr>\n")
	}
	p.tend()
	p.raw(`<h3>Tables</h3>`)
	p.thead("", "Tables, versions and suites", head{"Table", false}, head{"Version", false}, head{"Read", false}, head{"Location and owner", false}, head{"Suite", false})
	for t := range tables(run) {
		p.raw(`<tr><th scope="row" class="keep">`).text(t.Name, maxName).raw(`</th><td class="keep">`).say(versions(t)).raw(`</td><td>`).
			text(inputs(t), maxMessage).raw(`</td><td class="any">`).text(t.Location, 300)
		if t.Owner != "" {
			p.raw(`<div class="soft small">`).text(t.Owner, maxName).raw(`</div>`)
		}
		p.raw(`</td><td class="any">`)
		if t.Check != nil {
			p.text(t.Check.Suite.Name, 300).raw(`<div class="soft small"><code>`).text(t.Check.Suite.Digest, maxName).raw(`</code></div>`)
		}
		p.raw("</td></tr>\n")
	}
	p.tend()
}
