package reports

import (
	"fmt"
	"sort"
	"strings"

	"github.com/dq-dev/dq/record"
	"github.com/dq-dev/dq/table"
)

// tables yields every table of every layer, in order.
func tables(run *record.Run) func(yield func(*record.Table) bool) {
	return func(yield func(*record.Table) bool) {
		for l := range run.Layers {
			for t := range run.Layers[l].Tables {
				if !yield(&run.Layers[l].Tables[t]) {
					return
				}
			}
		}
	}
}

// findings gives what was found about a table and its data. A check of one
// table holds the same findings as the table itself: each is given once.
func findings(t *record.Table) []*record.Finding {
	var list []*record.Finding
	type place struct{ rule, column, position, message string }
	known := map[place]bool{}
	for i := range t.Findings {
		f := &t.Findings[i]
		known[place{f.Rule, f.Column, f.Position, f.Message}] = true
		list = append(list, f)
	}
	if t.Check == nil {
		return list
	}
	for i := range t.Check.Findings {
		if f := &t.Check.Findings[i]; !known[place{f.Rule, f.Column, f.Position, f.Message}] {
			list = append(list, f)
		}
	}
	return list
}

// subject names a table, or a column of it when there is one.
func subject(table, column string) string {
	if column == "" || table == "" {
		return table + column
	}
	return table + "." + column
}

// ranked gives the expectations of a check, worst first, else in their order.
func ranked(c *record.Check) []*record.Expectation {
	list := make([]*record.Expectation, len(c.Expectations))
	for i := range c.Expectations {
		list[i] = &c.Expectations[i]
	}
	sort.SliceStable(list, func(a, b int) bool {
		return list[a].Verdict != list[b].Verdict && record.Worst(list[a].Verdict, list[b].Verdict) == list[a].Verdict
	})
	return list
}

// story says in one line what an expectation found.
func story(e *record.Expectation) string {
	if e.Message != "" {
		return e.Message
	}
	var parts []string
	if e.Scope == "row" && e.Evaluated > 0 {
		bad := e.Failed + e.Errored
		parts = append(parts, fmt.Sprintf("%s of %s bad (%s)", number(bad), plural(e.Evaluated, "row"), percent(bad, e.Evaluated)))
		if e.Errored > 0 {
			parts = append(parts, number(e.Errored)+" of them could not be evaluated")
		}
	}
	if len(e.Observed) > 0 {
		parts = append(parts, pairs(e.Observed))
	}
	if e.Refused > 0 {
		parts = append(parts, plural(e.Refused, "row")+" refused")
	}
	if e.Reason != "" {
		parts = append(parts, e.Reason)
	}
	if len(parts) == 0 {
		if e.Verdict == record.Vacuous {
			return "there was nothing to judge"
		}
		return "no details were recorded"
	}
	return strings.Join(parts, "; ")
}

// tally counts the expectations of a run by verdict.
func tally(run *record.Run) (total int64, by map[record.Verdict]int64) {
	by = map[record.Verdict]int64{}
	for t := range tables(run) {
		total += tallyCheck(t.Check, by)
	}
	return total, by
}

func tallyCheck(c *record.Check, by map[record.Verdict]int64) int64 {
	if c == nil {
		return 0
	}
	for i := range c.Expectations {
		by[c.Expectations[i].Verdict]++
	}
	return int64(len(c.Expectations))
}

// gravest is the order in which verdicts are told.
var gravest = []record.Verdict{record.Error, record.Fail, record.Warn, record.Vacuous, record.Pass, record.Skipped}

// counted writes "2 fail, 1 warn, 130 pass".
func counted(by map[record.Verdict]int64) string {
	var parts []string
	for _, v := range gravest {
		if by[v] > 0 {
			parts = append(parts, number(by[v])+" "+string(v))
		}
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, ", ")
}

// mark is the sign that stands beside a verdict, so that colour is never alone.
func mark(v record.Verdict) string {
	switch v {
	case record.Pass:
		return "✓"
	case record.Warn:
		return "!"
	case record.Fail:
		return "✗"
	case record.Error:
		return "‼"
	case record.Vacuous:
		return "○"
	}
	return "–"
}

// outcomeVerdict gives the colour and the sign of an outcome.
func outcomeVerdict(outcome string) record.Verdict {
	switch outcome {
	case "published", "checked", "profiled":
		return record.Pass
	case "refused":
		return record.Fail
	case "partial":
		return record.Warn
	}
	return record.Skipped
}

// words writes an outcome for people: not_run becomes not run.
func words(s string) string {
	return strings.ReplaceAll(s, "_", " ")
}

// headline is the one word or two in the banner.
func headline(run *record.Run) string {
	var word string
	switch run.Outcome {
	case "published":
		word = "Published"
	case "unchanged":
		word = "Nothing to do"
	case "not_run":
		word = "Dry run"
	case "refused":
		word = "Refused"
	case "partial":
		word = "Partly published"
	case "checked":
		switch run.Verdict {
		case record.Fail, record.Error:
			return "Check failed"
		}
		word = "Check passed"
	case "profiled":
		word = "Profiled"
	default:
		word = words(clean(run.Outcome, maxName))
	}
	if run.Verdict == record.Warn && run.Outcome != "refused" {
		word += ", with warnings"
	}
	return word
}

// summary is the one-line message of the run.
func summary(run *record.Run) string {
	if run.Message != "" {
		return run.Message
	}
	total, by := tally(run)
	if run.Command == "profile" {
		var columns, alerts int64
		for t := range tables(run) {
			if t.Profile != nil {
				columns += int64(len(t.Profile.Columns))
				alerts += int64(len(t.Profile.Alerts))
			}
		}
		return plural(columns, "column") + " described, " + plural(alerts, "alert") + "."
	}
	said := "No expectation was judged"
	if total > 0 {
		said = plural(total, "expectation") + " judged: " + counted(by)
	}
	var found int64
	for t := range tables(run) {
		found += int64(len(findings(t)))
	}
	if found > 0 {
		said += "; " + plural(found, "finding") + " about the data"
	}
	return said + "."
}

// staged reports whether rows of a refused layer were written beside its tables.
func staged(run *record.Run) bool {
	for _, l := range run.Layers {
		for i := range l.Tables {
			if l.Outcome == "refused" && l.Tables[i].Counts.Returned > 0 {
				return true
			}
		}
	}
	return false
}

// next says what to do now, in sentences; code stands between backquotes.
func next(run *record.Run) []string {
	blocking, warnings := issues(run)
	var steps []string
	if len(blocking) > 0 {
		steps = append(steps, "Start with "+label(&blocking[0])+".")
	}
	switch run.Outcome {
	case "refused":
		steps = append(steps, "Readers still see the versions from before; nothing of the refused layer is visible to them.")
		if staged(run) {
			steps = append(steps, "Look at the refused batch with `dq gate list`, mend the data or the rule, then run the same command again.")
		} else {
			steps = append(steps, "It was refused before any row was read, so that there is no batch to look at: mend what is named, or let a policy's finding through with a waiver, then run the same command again.")
		}
		if name := inherited(run); name != "" {
			steps = append(steps, "The rows of "+name+" came from the layer before, which has them: mend the source file in place, and the next run replaces them.")
		}
	case "partial":
		steps = append(steps, "Some tables were published and some were not: the overview says which. Mend what is named, then run the same command again; it finishes the rest.")
	case "checked":
		if len(blocking) > 0 {
			steps = append(steps, "Mend the rows shown, or the rule if it is the rule that is wrong, then check again.")
		}
	case "profiled":
		if len(blocking) == 0 {
			steps = append(steps, "Write what must hold of these columns into a suite, and judge the data by it with `dq check`.")
		}
	}
	switch {
	case len(blocking) > 0:
	case len(warnings) == 1:
		steps = append(steps, "1 warning to look at: "+label(&warnings[0])+". Warnings never close a gate.")
	case len(warnings) > 1:
		steps = append(steps, plural(int64(len(warnings)), "warning")+" to look at, the first is "+label(&warnings[0])+". Warnings never close a gate.")
	}
	if informs := notes(run); len(informs) > 0 {
		steps = append(steps, plural(int64(len(informs)), "rule")+" failed that only "+map[bool]string{true: "informs", false: "inform"}[len(informs) == 1]+" (on_fail: info), the first is "+label(&informs[0])+". No verdict depends on it.")
	}
	if len(steps) == 0 && run.Outcome != "not_run" {
		steps = append(steps, "Nothing needs to be done.")
	}
	return steps
}

// inherited names a refused layer in which rules failed on rows that no source
// of its own gave, but the layer before; "" when there is none.
func inherited(run *record.Run) string {
	for l := range run.Layers {
		layer := &run.Layers[l]
		if layer.Outcome != "refused" {
			continue
		}
		models, failed := false, false
		for i := range layer.Tables {
			t := &layer.Tables[i]
			if t.Source != nil {
				return ""
			}
			for _, f := range findings(t) {
				if strings.HasPrefix(f.Rule, "source.") {
					return ""
				}
			}
			models = models || len(t.Inputs) > 0
			failed = failed || t.Check != nil && t.Check.Verdict == record.Fail
		}
		if models && failed {
			return clean(layer.Name, maxName)
		}
	}
	return ""
}

// reconciles reports whether the counts of a table add up, and the sum as text.
func reconciles(c record.Counts) (bool, string) {
	ok := c.Returned == c.Published+c.Unchanged+c.Quarantined+c.Dropped
	sign := "="
	if !ok {
		sign = "≠"
	}
	return ok, fmt.Sprintf("%s returned %s %s published + %s unchanged + %s quarantined + %s dropped",
		number(c.Returned), sign, number(c.Published), number(c.Unchanged), number(c.Quarantined), number(c.Dropped))
}

// title names the run for window titles and page heads.
func title(run *record.Run) string {
	name := run.Pipeline
	if name == "" {
		for t := range tables(run) {
			name = t.Name
			break
		}
	}
	if name == "" {
		name = run.Command
	}
	return clean(name, maxName)
}

// change writes one schema change as what happened and from what to what.
func change(c *table.Change) (what, detail string) {
	what = words(clean(c.Op, maxName))
	from, to := value(c.From), value(c.To)
	switch {
	case c.From != nil && c.To != nil:
		detail = from.text + " → " + to.text
	case c.From != nil:
		detail = from.text
	case c.To != nil:
		detail = to.text
	}
	return what, detail
}

// risk writes class, who breaks, and what happens to the data of a change.
func risk(c *table.Change) string {
	var parts []string
	if c.Class != "" {
		parts = append(parts, words(c.Class))
	}
	if len(c.Breaks) > 0 {
		parts = append(parts, "breaks "+strings.Join(c.Breaks, " and "))
	}
	if c.DataRisk != "" && c.DataRisk != "none" {
		parts = append(parts, "data: "+c.DataRisk)
	}
	if len(parts) == 0 {
		return "safe"
	}
	return clean(strings.Join(parts, ", "), maxMessage)
}

// fact is a name and a value.
type fact struct{ name, value string }

// evidence gives what identifies the run and what it was made with.
func evidence(run *record.Run) []fact {
	facts := []fact{
		{"Run", run.ID},
		{"Started", moment(run.StartedAt)},
		{"Took", duration(run.DurationMS)},
		{"Tool", "dq " + run.Tool.Version},
		{"Engine", run.Engine.Name + " " + run.Engine.Version},
		{"Record format", run.Format},
	}
	if d := digest(run); d != "" {
		facts = append(facts, fact{"Record digest", d})
	}
	return facts
}

// inputs lists the upstream versions that a table was made from.
func inputs(t *record.Table) string {
	parts := make([]string, 0, len(t.Inputs))
	for _, name := range sortedKeys(t.Inputs) {
		parts = append(parts, fmt.Sprintf("%s@%d", name, t.Inputs[name]))
	}
	return strings.Join(parts, ", ")
}

// byCount orders rule ids by how many rows they refused, most first.
func byCount(rules map[string]int64) []string {
	ids := sortedKeys(rules)
	sort.SliceStable(ids, func(a, b int) bool { return rules[ids[a]] > rules[ids[b]] })
	return ids
}

// rowFacts say where the rows of a run went: what readers see, what a rule refused
// for itself, and all that was held back with its layer.
func rowFacts(run *record.Run) []fact {
	var published, refused, back int64
	for t := range tables(run) {
		if held(t) {
			back += t.Counts.Returned
			continue
		}
		published += t.Counts.Published
		refused += t.Counts.Quarantined + t.Counts.Dropped
	}
	facts := []fact{{"Rows published", number(published)}, {"Rows refused", number(refused)}}
	if back > 0 {
		facts = append(facts, fact{"Rows held back", number(back)})
	}
	return facts
}

// held reports whether a table's rows were kept from readers.
func held(t *record.Table) bool {
	return t.Outcome == "refused" || t.Outcome == "not_run"
}

// inQuarantine says whether a table's refused rows are in its quarantine: what
// was held back published none.
func inQuarantine(t *record.Table) string {
	if held(t) {
		return "would have gone to"
	}
	return "in"
}

// rowsNow is how many rows the table has.
func rowsNow(t *record.Table) int64 {
	if t.Counts.Total == 0 && t.Check != nil {
		return t.Check.Dataset.Rows
	}
	return t.Counts.Total
}

// layerVerdict gives the colour and the sign of a layer's outcome.
func layerVerdict(l *record.Layer) record.Verdict {
	if v := outcomeVerdict(l.Outcome); v != record.Pass || l.Verdict == "" {
		return v
	}
	return l.Verdict
}

// tableVerdict gives the colour and the sign of a table's outcome: published
// with warnings is a warning, and a table that was only held back with its layer
// does not look like the one that closed the gate.
func tableVerdict(t *record.Table) record.Verdict {
	v := outcomeVerdict(t.Outcome)
	var own record.Verdict
	if t.Check != nil {
		own = t.Check.Verdict
	}
	for i := range t.Decisions {
		own = record.Worst(own, decisionVerdict(&t.Decisions[i]))
	}
	for _, f := range findings(t) {
		own = record.Worst(own, f.Verdict())
	}
	bad := own == record.Fail || own == record.Error
	switch {
	case v == record.Fail && !bad && own != "":
		return record.Skipped
	case v == record.Pass && (bad || own == record.Warn || own == record.Vacuous):
		return own
	}
	return v
}

// asked says about how many tables how many policies were asked, and what they found.
func asked(run *record.Run) string {
	found := int64(0)
	for t := range tables(run) {
		found += int64(len(t.Decisions))
	}
	n := run.Policies
	were := " were"
	if n.Policies == 1 {
		were = " was"
	}
	text := plural(int64(n.Policies), "policy") + were + " asked about " + plural(int64(n.Tables), "table") + "; "
	if found == 0 {
		return text + "nothing found"
	}
	return text + plural(found, "finding")
}

// content says which sections have something to show.
type content struct {
	counts, checks, asked, decisions, changes, quarantines, profiles, lineage, sources, findings bool
}

func contents(run *record.Run) (c content) {
	c.findings = len(run.Findings) > 0
	c.asked = run.Policies != nil
	c.lineage = run.Lineage != nil && len(run.Lineage.Tables) > 0
	for t := range tables(run) {
		c.counts = c.counts || t.Counts.Returned > 0 || run.Command == "run"
		c.checks = c.checks || t.Check != nil && len(t.Check.Expectations) > 0
		c.decisions = c.decisions || len(t.Decisions) > 0
		c.changes = c.changes || len(t.Changes) > 0
		c.quarantines = c.quarantines || t.Quarantine != nil
		c.profiles = c.profiles || t.Profile != nil
		c.sources = c.sources || t.Source != nil
		c.findings = c.findings || len(findings(t)) > 0
	}
	return c
}

// reading says how files of a source are read, clean.
func reading(x *record.SourceReading) string {
	s := plural(int64(x.Files), "file") + " as " + x.Format
	if x.Gzip {
		s += ", gzip"
	}
	if x.Delimiter != "" {
		quote := "no quote"
		if x.Quote != "" {
			quote = "quote '" + x.Quote + "'"
		}
		delimiter := "delimiter '" + x.Delimiter + "'"
		if x.Delimiter == "\t" {
			delimiter = "delimiter tab"
		}
		s += ", " + delimiter + ", " + quote + ", " + plural(int64(len(x.Columns)), "column") + ": " + strings.Join(x.Columns, ", ")
	}
	return clean(s, maxMessage)
}

// batch says how large the batch of a source is.
func batch(s *record.Source) string {
	parts := []string{plural(int64(s.Count), "file")}
	if s.Records >= 0 {
		parts = append(parts, plural(s.Records, "record"))
	}
	return strings.Join(append(parts, size(s.Bytes)), ", ")
}

// result says what an expectation came to, clean; "" when all is said by its counts.
func result(e *record.Expectation) string {
	switch {
	case e.Message != "" && e.Verdict != record.Pass:
		return clean(e.Message, 400)
	case len(e.Observed) > 0:
		return pairs(e.Observed)
	case e.Verdict != record.Pass || e.Failed+e.Errored > 0 || e.Refused > 0:
		return clean(story(e), 400)
	}
	return ""
}

// waived says who let a finding through, until when, and by which waiver; clean.
func waived(w *record.Waiver) string {
	s := "Waived by " + strings.Join(w.ApprovedBy, ", ") + " until " + w.Expires + " (" + w.ID
	if w.Ticket != "" {
		s += ", " + w.Ticket
	}
	return clean(s+")", maxMessage)
}
