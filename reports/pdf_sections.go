package reports

import (
	"strings"

	"github.com/dq-dev/dq/record"
)

// sections writes all that has something to say, in the order of the page.
func (d *doc) sections() {
	run := d.run
	has := contents(run)
	blocking, warnings := issues(run)
	d.page()
	if len(run.Layers) > 0 {
		d.overview()
	}
	d.issues("What failed", blocking)
	d.issues("Warnings", warnings)
	d.issues("Information", notes(run))
	if has.checks {
		d.expectations()
	}
	if has.asked || has.decisions {
		d.policies()
	}
	if has.changes {
		d.changes()
	}
	if has.quarantines {
		d.quarantines()
	}
	if has.profiles {
		d.profiles()
	}
	if has.lineage {
		d.lineage()
	}
	if has.sources {
		d.sources()
	}
	if has.findings {
		d.findings()
	}
	d.evidence()
	d.notes()
}

// verdict is a cell with a verdict's sign, word and colour.
func verdict(v record.Verdict, word string) field {
	return field{spans: []span{{smallBold.in(verdictColor(v)), mark(v) + " " + words(clean(word, 24))}}}
}

// dash is a count as text; zero is a quiet dash.
func dash(n int64) field {
	if n == 0 {
		return field{spans: []span{{smallSoft, "–"}}}
	}
	return plain(number(n))
}

func (d *doc) overview() {
	d.heading("Overview", 0)
	moved := contents(d.run).counts
	lanes := []lane{{"Table", 36, false}, {"Outcome", 24, false}, {"Version", 19, false}, {"Expectations", 28, false}}
	if moved {
		d.para(smallSoft, "Rows returned by a source or model = published + unchanged + quarantined + dropped. Numbers in brackets were held back with their layer.", 0)
		lanes = []lane{{"Table", 30, false}, {"Outcome", 20, false}, {"Version", 16, false}, {"Expectations", 20.5, false},
			{"Returned", 13.5, true}, {"Published", 16, true}, {"Unchanged", 16, true}, {"Quarantined", 18.5, true}, {"Dropped", 13.5, true}}
	}
	lanes = append(lanes, lane{"Rows", 14, true})
	d.space(1)
	for l := range d.run.Layers {
		layer := &d.run.Layers[l]
		if layer.Name != "" {
			d.need(20)
			d.fill(pageLeft, d.y, textWidth-cellGap, 5.4, shade)
			v := layerVerdict(layer)
			d.put(pageLeft+1.5, d.y+1, smallBold, d.fit(smallBold, clean(layer.Name, maxName), 30))
			d.put(pageLeft+34, d.y+1, smallBold.in(verdictColor(v)), d.fit(smallBold, mark(v)+" "+words(clean(layer.Outcome, 24)), 26))
			d.put(pageLeft+62, d.y+1, smallSoft, d.fit(smallSoft, clean(layer.Message, maxMessage), textWidth-70))
			d.y += 6.6
		}
		var rows [][]field
		for i := range layer.Tables {
			rows = append(rows, overviewRow(&layer.Tables[i], moved))
		}
		d.grid(lanes, rows)
	}
	for t := range tables(d.run) {
		if ok, sum := reconciles(t.Counts); !ok {
			d.para(bodyBold.in(failInk), mark(record.Fail)+" "+clean(t.Name, maxName)+" does not reconcile: "+sum, 0)
		}
	}
}

func overviewRow(t *record.Table, moved bool) []field {
	by := map[record.Verdict]int64{}
	tallyCheck(t.Check, by)
	row := []field{bold(clean(t.Name, maxName)), verdict(tableVerdict(t), t.Outcome).then(style{"sans", false, 6, soft}, clean(t.Message, maxMessage)),
		plain(versions(t)), plain(counted(by))}
	if moved {
		c := t.Counts
		back := func(n int64) field { // in brackets if it was held back
			if held(t) && n > 0 {
				return field{spans: []span{{smallSoft, "(" + number(n) + ")"}}}
			}
			return dash(n)
		}
		row = append(row, dash(c.Returned), back(c.Published), dash(c.Unchanged), back(c.Quarantined), dash(c.Dropped))
	}
	return append(row, dash(rowsNow(t)))
}

func (d *doc) issues(head string, list []issue) {
	if len(list) == 0 {
		return
	}
	d.heading(head, 0)
	for n := range list {
		if n == shownIssues {
			d.para(bodySoft, "and "+number(int64(len(list)-n))+" more, in the sections below", 0)
			break
		}
		d.issue(&list[n])
	}
}

func (d *doc) issue(i *issue) {
	s := i.sample()
	d.need(26 + min(60, 8*float64(len(s.rows)))) // with its rows, where it can be
	c := verdictColor(i.verdict)
	d.fill(pageLeft, d.y, 1, head2.line()-0.6, c)
	tag := mark(i.verdict) + " " + string(i.verdict)
	d.put(pageLeft+3, d.y, head2.in(c), tag)
	x := pageLeft + 3 + d.width(head2.in(c), tag) + 3
	id := d.fit(head2, clean(i.id(), maxName), 100)
	d.put(x, d.y, head2, id)
	x += d.width(head2, id) + 3
	d.put(x, d.y+0.4, bodySoft, d.fit(bodySoft, clean(i.table, maxName), pageLeft+textWidth-x))
	d.y += head2.line() + 0.6
	d.para(body, clean(i.message(), maxMessage), 3)
	if h := i.hint(); h != "" {
		d.para(bodySoft, clean(h, maxMessage), 3)
	}
	if e := i.expectation; e != nil && e.CEL != "" {
		rule := clean(e.CEL, maxMessage)
		if e.Where != "" {
			rule += "  where " + clean(e.Where, maxMessage)
		}
		d.space(0.6)
		d.para(code, rule, 3)
	}
	d.para(smallSoft, strings.Join(meta(i), " · "), 3)
	d.rows(s)
	d.space(3.5)
}

func (d *doc) expectations() {
	d.heading("Expectations", 0)
	lanes := []lane{{"Verdict", 17, false}, {"Expectation", 36, false}, {"Rule", 54, false}, {"Evaluated", 15, true}, {"Failed", 12, true}, {"Errored", 12, true}, {"Result", 32, false}}
	for t := range tables(d.run) {
		if t.Check == nil || len(t.Check.Expectations) == 0 {
			continue
		}
		d.heading(clean(t.Name, maxName), 1)
		var rows [][]field
		for _, e := range ranked(t.Check) {
			rows = append(rows, expectationRow(e))
		}
		d.grid(lanes, rows)
	}
}

func expectationRow(e *record.Expectation) []field {
	id := bold(clean(e.ID, maxName)).then(smallSoft, clean(e.Dimension, maxName))
	if e.OnFail != "" && e.OnFail != "block" {
		id = id.then(smallSoft, "on failure: "+clean(e.OnFail, maxName))
	}
	rule := field{spans: []span{{codeSmall, clean(e.CEL, 400)}}}
	if e.Where != "" {
		rule = rule.then(codeSmall.in(soft), "where "+clean(e.Where, 400))
	}
	rule = rule.then(smallSoft, threshold(e.Threshold))
	row := []field{verdict(e.Verdict, string(e.Verdict)), id, rule}
	if e.Scope == "row" {
		row = append(row, dash(e.Evaluated), dash(e.Failed), dash(e.Errored))
	} else {
		row = append(row, field{}.then(smallSoft, "table"), field{}, field{})
	}
	return append(row, plain(result(e)))
}

func (d *doc) policies() {
	d.heading("Policies", 0)
	if d.run.Policies != nil {
		d.para(bodySoft, asked(d.run), 0)
	}
	if !contents(d.run).decisions {
		return
	}
	var rows [][]field
	for t := range tables(d.run) {
		for i := range t.Decisions {
			c := &t.Decisions[i]
			on := clean(subject(c.Table, c.Path), 2*maxName)
			what := bold(on).then(small, clean(c.Message, maxMessage))
			if c.Effect != "waived" {
				what = what.then(smallSoft, clean(c.Remediation, maxMessage))
			}
			if c.Waiver != nil {
				what = what.then(smallBold, waived(c.Waiver)).then(small, clean(c.Waiver.Reason, maxMessage))
			}
			what = what.then(smallSoft, pairs(c.Evidence))
			rows = append(rows, []field{verdict(decisionVerdict(c), c.Effect),
				bold(clean(c.Policy, maxName)).then(smallSoft, clean(c.Title, maxMessage)), what,
				{spans: []span{{codeSmall, clean(c.ID, maxName)}}}})
		}
	}
	d.grid([]lane{{"Effect", 20, false}, {"Policy", 42, false}, {"What", 92, false}, {"Decision", 24, false}}, rows)
}

func (d *doc) changes() {
	d.heading("Schema changes", 0)
	var rows [][]field
	for t := range tables(d.run) {
		for i := range t.Changes {
			c := &t.Changes[i]
			what, detail := change(c)
			rows = append(rows, []field{bold(clean(t.Name, maxName)), plain(what), {spans: []span{{code, clean(c.Path, maxName)}}},
				plain(detail).then(smallSoft, clean(c.Hint, maxMessage)), plain(risk(c))})
		}
	}
	d.grid([]lane{{"Table", 36, false}, {"Change", 32, false}, {"Column", 28, false}, {"From and to", 48, false}, {"Risk", 34, false}}, rows)
}

func (d *doc) quarantines() {
	d.heading("Quarantine", 0)
	for t := range tables(d.run) {
		q := t.Quarantine
		if q == nil {
			continue
		}
		d.heading(clean(t.Name, maxName), 1)
		d.para(bodySoft, plural(q.Rows, "row")+" "+inQuarantine(t)+" "+clean(q.Table, maxName), 0)
		var rows [][]field
		for _, rule := range byCount(q.ByRule) {
			rows = append(rows, []field{bold(clean(rule, maxName)), dash(q.ByRule[rule]), plain(percent(q.ByRule[rule], t.Counts.Returned))})
		}
		d.grid([]lane{{"Rule", 80, false}, {"Rows", 20, true}, {"Share of the batch", 30, true}}, rows)
		d.space(2)
		d.rows(samples(q.Sample, []string{reasons}, t.Schema))
	}
}

func (d *doc) sources() {
	d.heading("Source files", 0)
	for t := range tables(d.run) {
		s := t.Source
		if s == nil {
			continue
		}
		d.heading(clean(t.Name, maxName), 1)
		d.para(bodySoft, batch(s), 0)
		for i := range s.Read {
			d.para(smallSoft, reading(&s.Read[i]), 0)
		}
		var rows [][]field
		for i := range s.Files[:min(len(s.Files), shownFiles)] {
			f := &s.Files[i]
			rows = append(rows, []field{plain(clean(f.Path, 300)), dash(max(0, f.Records)), plain(size(f.Bytes)), {spans: []span{{style{"mono", false, 5.4, ink}, clean(f.SHA256, maxName)}}}})
		}
		d.grid([]lane{{"File", 70, false}, {"Records", 16, true}, {"Size", 16, true}, {"SHA-256", 76, false}}, rows)
		if s.Count > shownFiles {
			d.para(smallSoft, "The first "+number(shownFiles)+"; the run record has more.", 0)
		}
	}
}

func (d *doc) findings() {
	d.heading("Findings", 0)
	var rows [][]field
	add := func(f *record.Finding, table string) {
		where := clean(subject(table, f.Column), 2*maxName)
		rows = append(rows, []field{verdict(f.Verdict(), f.Severity), bold(clean(f.Rule, maxName)), plain(where).then(smallSoft, clean(f.Position, maxMessage)),
			plain(clean(f.Message, maxMessage)).then(smallSoft, clean(f.Hint, maxMessage)), dash(f.Rows)})
	}
	for i := range d.run.Findings {
		add(&d.run.Findings[i], d.run.Findings[i].Table)
	}
	for t := range tables(d.run) {
		for _, f := range findings(t) {
			add(f, t.Name)
		}
	}
	d.grid([]lane{{"Severity", 18, false}, {"Rule", 34, false}, {"Where", 48, false}, {"Finding", 62, false}, {"Rows", 16, true}}, rows)
}

func (d *doc) evidence() {
	d.heading("Evidence", 0)
	d.para(bodySoft, "What the verdict rests on. The digest is of the run record, the JSON document this was drawn from.", 0)
	d.space(1)
	var rows [][]field
	for _, f := range d.facts {
		rows = append(rows, []field{bold(f.name), {spans: []span{{code, clean(f.value, maxMessage)}}}})
	}
	d.grid([]lane{{"Fact", 36, false}, {"Value", 142, false}}, rows)
	d.heading("Tables", 1)
	rows = nil
	for t := range tables(d.run) {
		suite := field{}
		if t.Check != nil {
			suite = plain(clean(t.Check.Suite.Name, 300)).then(style{"mono", false, 5.4, soft}, clean(t.Check.Suite.Digest, maxName))
		}
		rows = append(rows, []field{bold(clean(t.Name, maxName)).then(smallSoft, clean(t.Owner, maxName)), plain(versions(t)),
			plain(clean(inputs(t), maxMessage)), plain(clean(t.Location, 300)), suite})
	}
	d.grid([]lane{{"Table", 34, false}, {"Version", 18, false}, {"Read", 36, false}, {"Location", 38, false}, {"Suite", 52, false}}, rows)
}
