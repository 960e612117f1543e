package reports

import (
	"sort"

	"github.com/dq-dev/dq/record"
	"github.com/dq-dev/dq/table"
)

// issue is one thing in a run that someone should look at: exactly one of
// expectation, decision and finding is set.
type issue struct {
	verdict     record.Verdict
	table       string
	schema      table.Schema
	check       *record.Check // of the table; nil when it was not audited
	expectation *record.Expectation
	decision    *record.Decision
	finding     *record.Finding
}

// id names the rule behind the issue.
func (i *issue) id() string {
	switch {
	case i.expectation != nil:
		return i.expectation.ID
	case i.decision != nil:
		return i.decision.Policy
	}
	return i.finding.Rule
}

// message says in one line what is wrong.
func (i *issue) message() string {
	switch {
	case i.expectation != nil:
		return story(i.expectation)
	case i.decision != nil:
		return i.decision.Message
	}
	return i.finding.Message
}

// position is where the rule stands, or what the finding points to; may be "".
func (i *issue) position() string {
	switch {
	case i.expectation != nil:
		return i.expectation.Position
	case i.finding != nil:
		return i.finding.Position
	}
	return ""
}

// hint says what to do about it; may be "".
func (i *issue) hint() string {
	switch {
	case i.decision != nil:
		return i.decision.Remediation
	case i.finding != nil:
		return i.finding.Hint
	}
	return ""
}

// sample gives the rows that show the issue.
func (i *issue) sample() sample {
	switch {
	case i.expectation != nil:
		return samples(i.expectation.Sample, i.expectation.Columns, i.schema)
	case i.finding != nil:
		return samples(i.finding.Sample, finding(i.finding), i.schema)
	}
	return sample{}
}

// issues gathers what closed a gate, and what is only a warning. Both are worst
// first, then in the order of the run; findings and policies stand before
// expectations, because they come first in a run.
func issues(run *record.Run) (blocking, warnings []issue) {
	add := func(i issue) {
		switch i.verdict {
		case record.Error, record.Fail:
			blocking = append(blocking, i)
		case record.Warn, record.Vacuous:
			warnings = append(warnings, i)
		}
	}
	for n := range run.Findings {
		f := &run.Findings[n]
		add(issue{verdict: f.Verdict(), table: f.Table, finding: f})
	}
	for t := range tables(run) {
		for _, f := range findings(t) {
			add(issue{verdict: f.Verdict(), table: t.Name, check: t.Check, schema: t.Schema, finding: f})
		}
		for n := range t.Decisions {
			d := &t.Decisions[n]
			add(issue{verdict: decisionVerdict(d), table: t.Name, check: t.Check, schema: t.Schema, decision: d})
		}
		if t.Check == nil {
			continue
		}
		for n := range t.Check.Expectations {
			e := &t.Check.Expectations[n]
			add(issue{verdict: e.Verdict, table: t.Name, check: t.Check, schema: t.Schema, expectation: e})
		}
	}
	for _, list := range [][]issue{blocking, warnings} {
		sort.SliceStable(list, func(a, b int) bool {
			return list[a].verdict != list[b].verdict && record.Worst(list[a].verdict, list[b].verdict) == list[a].verdict
		})
	}
	return blocking, warnings
}

// noted stands for the verdict of a rule that failed and only informs of it.
const noted record.Verdict = "info"

// notes gathers the rules of on_fail: info that failed, in the order of the run.
func notes(run *record.Run) []issue {
	var list []issue
	for t := range tables(run) {
		if t.Check == nil {
			continue
		}
		for n := range t.Check.Expectations {
			if e := &t.Check.Expectations[n]; e.Reason == record.Informs {
				list = append(list, issue{verdict: noted, table: t.Name, check: t.Check, schema: t.Schema, expectation: e})
			}
		}
	}
	return list
}

func decisionVerdict(d *record.Decision) record.Verdict {
	switch d.Effect {
	case "deny":
		return record.Fail
	case "warn":
		return record.Warn
	case "waived", "dry_run":
		return record.Skipped
	}
	return record.Pass
}

// label names an issue's rule, table and place, in one phrase.
func label(i *issue) string {
	s := "`" + clean(i.id(), maxName) + "`"
	if i.table != "" {
		s += " of " + clean(i.table, maxName)
	}
	if p := i.position(); p != "" {
		s += " (`" + clean(p, maxName) + "`)"
	}
	return s
}

// meta is the small print of an issue, clean.
func meta(i *issue) []string {
	var parts []string
	add := func(s string) {
		if s != "" {
			parts = append(parts, clean(s, maxMessage))
		}
	}
	if e := i.expectation; e != nil {
		if bad := e.Failed + e.Errored; bad > 0 {
			add(percent(bad, e.Evaluated) + " of " + plural(e.Evaluated, "row") + " in scope bad")
		}
		if len(e.Threshold) > 0 {
			add("asked for " + threshold(e.Threshold))
		}
		if e.Refused > 0 {
			add(plural(e.Refused, "row") + " refused")
		}
		add(e.Dimension)
		add(e.Description)
	}
	if d := i.decision; d != nil {
		add(d.Title)
		add(d.Path)
		add("decision " + d.ID)
	}
	if f := i.finding; f != nil && f.Rows > 0 {
		add(plural(f.Rows, "row"))
	}
	add(i.position())
	return parts
}
