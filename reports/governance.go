package reports

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/dq-dev/dq/record"
)

// A governance report is written once, as sections of plain parts; each format draws
// these parts in its own way, so that all formats say the same.

// govFormats are the formats of a governance report, by the names of [Formats].
var govFormats = map[string]func(w io.Writer, g *record.Governance) error{
	"text":     func(w io.Writer, g *record.Governance) error { return GovernanceText(w, g, TextOptions{}) },
	"html":     governanceHTML,
	"pdf":      governancePDF,
	"markdown": governanceMarkdown,
	"json":     func(w io.Writer, g *record.Governance) error { return g.Write(w) },
}

// GovernanceFormats lists the names of the formats that [WriteGovernance] knows, in the
// order of [Formats].
func GovernanceFormats() []string {
	var out []string
	for _, f := range formats {
		if govFormats[f.Name] != nil {
			out = append(out, f.Name)
		}
	}
	return out
}

// WriteGovernance draws a governance document: html, pdf, text, markdown or json. The same
// document gives the same bytes. The error is that of w, or an unknown format.
func WriteGovernance(w io.Writer, format string, g *record.Governance) error {
	draw := govFormats[format]
	if draw == nil {
		return fmt.Errorf("a governance report has no format %q; it is one of %s", clean(format, maxName), strings.Join(GovernanceFormats(), ", "))
	}
	return draw(w, g)
}

// phraseKind is how a piece of text looks.
type phraseKind int

const (
	asText phraseKind = iota
	asStrong
	asSoft
	asCode
	asVerdict
)

// phrase is a piece of text, foreign or ours; the formats make it safe.
type phrase struct {
	kind    phraseKind
	text    string
	verdict record.Verdict
}

// said is a cell of a sheet: phrases below each other. Empty ones are left out.
type said []phrase

func tell(text string) said { return said{{asText, text, ""}} }

func strong(text string) said { return said{{asStrong, text, ""}} }

func judgedAs(v record.Verdict, word string) said { return said{{asVerdict, word, v}} }

func (s said) soft(text string) said { return append(s, phrase{asSoft, text, ""}) }

func (s said) text(text string) said { return append(s, phrase{asText, text, ""}) }

func (s said) code(text string) said { return append(s, phrase{asCode, text, ""}) }

func (s said) bad(v record.Verdict, text string) said { return append(s, phrase{asVerdict, text, v}) }

// sheet is a table of a report.
type sheet struct {
	lanes []lane
	rows  [][]said
	blank bool // to be filled in by hand: rows are high on paper
}

// part of a section: a heading, a paragraph, a table, or the graph of tables.
type govPart struct {
	title string
	text  string
	sheet *sheet
	graph bool
}

type govSection struct {
	id    markup
	title string
	lead  string
	parts []govPart
}

func paragraph(text string) govPart { return govPart{text: text} }

func tabled(title string, lanes []lane, rows [][]said) govPart {
	return govPart{title: title, sheet: &sheet{lanes: lanes, rows: rows}}
}

// govHeadline is the verdict in words.
func govHeadline(g *record.Governance) string {
	switch n := len(g.Open); {
	case n == 0:
		return "No open point"
	default:
		return plural(int64(n), "open point")
	}
}

func govTitle(g *record.Governance) string {
	return "Governance report: " + clean(g.Pipeline, maxName)
}

// govSay is the sentence below the verdict.
func govSay(g *record.Governance) string {
	published, refused := 0, 0
	for _, t := range g.Tables {
		for _, s := range t.History {
			switch s.Outcome {
			case "published":
				published++
			case "refused":
				refused++
			}
		}
	}
	return fmt.Sprintf("%s, %s published and %s refused by the gate, %s in all. This is evidence for those who judge; it is no certificate.",
		plural(int64(len(g.Tables)), "table"), plural(int64(published), "version"), plural(int64(refused), "batch"), plural(int64(len(g.Runs)), "run"))
}

// period says which part of the past a report is about.
func period(g *record.Governance) string {
	switch {
	case g.From == nil && g.To == nil:
		return "all that is kept, up to " + moment(g.At)
	case g.From == nil:
		return "up to " + moment(*g.To) + " (exclusive)"
	case g.To == nil:
		return "from " + moment(*g.From) + " up to " + moment(g.At)
	}
	return "from " + moment(*g.From) + " up to " + moment(*g.To) + " (exclusive)"
}

// govFacts are what stands at the head of a report.
func govFacts(g *record.Governance) []fact {
	digest, err := g.Digest()
	if err != nil {
		digest = "none: " + err.Error()
	}
	return []fact{
		{"Pipeline", g.Pipeline},
		{"Tables", strconv.Itoa(len(g.Tables))},
		{"Period", period(g)},
		{"Made", moment(g.At) + " by dq " + g.Tool.Version},
		{"Document to sign", digest},
	}
}

// govSections are all sections of a report, in order.
func govSections(g *record.Governance) []govSection {
	return []govSection{
		summarySection(g), ownerSection(g), contractSection(g), gateSection(g), policySection(g), schemaSection(g), lineageSection(g),
		qualitySection(g), personalSection(g), exceptionSection(g), evidenceSection(g), methodSection(g),
	}
}

func summarySection(g *record.Governance) govSection {
	s := govSection{id: "summary", title: "Summary", lead: "What somebody has to look at before signing, and what the report is about."}
	var open [][]said
	for i := range g.Open {
		f := &g.Open[i]
		open = append(open, []said{judgedAs(f.Verdict(), f.Severity), strong(f.Table), tell(f.Message).soft(f.Hint), said{}.code(f.Rule)})
	}
	if len(open) == 0 {
		s.parts = append(s.parts, paragraph("There is no open point."))
	} else {
		s.parts = append(s.parts, tabled("Open points", []lane{{"Severity", 20, false}, {"Table", 38, false}, {"What", 84, false}, {"Rule", 36, false}}, open))
	}
	var rows [][]said
	for i := range g.Tables {
		t := &g.Tables[i]
		v, word := standing(t)
		rows = append(rows, []said{strong(t.Name).soft(t.Description), judgedAs(v, word), tell(version(t.Version)), tell(optional(t.Rows)), tell(strconv.Itoa(t.Columns)), tell(t.Owner.Name)})
	}
	s.parts = append(s.parts, tabled("Tables in scope", []lane{{"Table", 70, false}, {"Newest batch", 32, false}, {"Version", 16, true}, {"Rows", 18, true}, {"Columns", 16, true}, {"Owner", 26, false}}, rows))
	return s
}

// standing is what became of the newest batch of a table.
func standing(t *record.GovernedTable) (record.Verdict, string) {
	for i := len(t.History) - 1; i >= 0; i-- {
		switch s := &t.History[i]; s.Outcome {
		case "refused":
			return record.Fail, "refused"
		case "published":
			return s.Verdict, "published"
		}
	}
	if t.Version == nil {
		return record.Skipped, "not published"
	}
	return record.Skipped, "none in the period"
}

func version(v *int64) string {
	if v == nil {
		return "–"
	}
	return strconv.FormatInt(*v, 10)
}

func optional(n *int64) string {
	if n == nil {
		return "–"
	}
	return number(*n)
}

// contact says how somebody is reached.
func contact(p *record.Party) said {
	if p == nil || p.Name == "" && p.Email == "" {
		return judgedAs(record.Warn, "nobody named")
	}
	s := strong(p.Name)
	if p.Team != "" {
		s = s.text(p.Team)
	}
	if !p.Known {
		return s.bad(record.Warn, "not in the directory")
	}
	return s.soft(p.Email)
}

func ownerSection(g *record.Governance) govSection {
	s := govSection{id: "owners", title: "Who answers, and sign-off", lead: "Owners and stewards as the suites name them, looked up in the directory of owners."}
	var rows [][]said
	for i := range g.Tables {
		t := &g.Tables[i]
		steward := said{}.soft("–")
		if t.Steward != nil {
			steward = contact(t.Steward)
		}
		class := tell(dashed(t.Classification))
		if t.Certified {
			class = class.soft("certified")
		}
		rows = append(rows, []said{strong(t.Name), contact(&t.Owner), steward, tell(dashed(t.Domain)), class})
	}
	s.parts = append(s.parts, tabled("Owners", []lane{{"Table", 46, false}, {"Owner", 46, false}, {"Steward", 38, false}, {"Domain", 22, false}, {"Classification", 26, false}}, rows))
	s.parts = append(s.parts, tabled("Personal data", []lane{{"Role", 60, false}, {"Who", 118, false}}, [][]said{
		{strong("Controller"), contact(g.Controller)}, {strong("Data protection officer"), contact(g.DPO)}}))
	sign := &sheet{blank: true, lanes: []lane{{"Role", 50, false}, {"Name", 36, false}, {"Decision", 48, false}, {"Date", 18, false}, {"Signature", 26, false}}}
	seen := map[string]bool{}
	role := func(what string, p *record.Party) {
		if p == nil || p.Name == "" || seen[what+p.Name] {
			return
		}
		seen[what+p.Name] = true
		sign.rows = append(sign.rows, []said{strong(what).text(p.Name), {}, {}, {}, {}})
	}
	for i := range g.Tables {
		role("Owner", &g.Tables[i].Owner)
	}
	for i := range g.Tables {
		role("Steward", g.Tables[i].Steward)
	}
	role("Data protection officer", g.DPO)
	digest := govFacts(g)[4].value
	s.parts = append(s.parts, govPart{title: "Sign-off", sheet: sign}, paragraph("A decision is accepted, accepted with conditions, or rejected. Whoever signs, signs the JSON document that belongs to this report: "+digest+". The PDF carries it as an attachment."))
	return s
}

func dashed(s string) string {
	if s == "" {
		return "–"
	}
	return s
}

func contractSection(g *record.Governance) govSection {
	s := govSection{id: "contract", title: "Contract and service levels", lead: "What is promised of each table, and how it was kept in the period, worked out from when versions were published."}
	var rows [][]said
	for i := range g.Tables {
		t := &g.Tables[i]
		contract := tell(dashed(t.Contract))
		if t.Compatibility != "" {
			contract = contract.soft(t.Compatibility + " compatible")
		}
		for _, old := range sortedKeys(t.Sunset) {
			contract = contract.soft(old + " until " + t.Sunset[old])
		}
		for j := range t.Attainment {
			a := &t.Attainment[j]
			name, c := strong(t.Name), contract
			if j > 0 {
				name, c = said{}.soft(t.Name), said{}
			}
			share := strings.ReplaceAll(percent(a.Met, a.Of), " ", "\u00a0")
			rows = append(rows, []said{name, c, tell(a.Objective), tell(a.Promised), judgedAs(a.Verdict, share), tell(a.Message)})
		}
	}
	s.parts = append(s.parts, tabled("", []lane{{"Table", 38, false}, {"Contract", 26, false}, {"Objective", 22, false}, {"Promised", 28, false}, {"Attained", 22, false}, {"How", 42, false}}, rows))
	return s
}

func gateSection(g *record.Governance) govSection {
	s := govSection{id: "gates", title: "Gate history", lead: "Every version of the period and every batch that the gate refused, the newest first: what it brought, what was refused, and which rules failed. Numbers in brackets were held back: no reader saw them."}
	lanes := []lane{{"At", 25, false}, {"Version", 14, true}, {"Outcome", 24, false}, {"Published", 17, true}, {"Quarantined", 19, true}, {"Dropped", 15, true}, {"What was found", 64, false}}
	for i := range g.Tables {
		t := &g.Tables[i]
		var rows [][]said
		for j := len(t.History) - 1; j >= 0; j-- {
			step := &t.History[j]
			rows = append(rows, []said{tell(moment(step.At)), tell(version(step.Version)), outcomeOf(step), rowsOf(step, step.Counts.Published), rowsOf(step, step.Counts.Quarantined),
				rowsOf(step, step.Counts.Dropped), foundIn(step)})
		}
		if len(rows) == 0 {
			s.parts = append(s.parts, govPart{title: t.Name, text: "No version and no batch of the period is known."})
			continue
		}
		s.parts = append(s.parts, tabled(t.Name, lanes, rows))
	}
	return s
}

// rowsOf writes a count of rows, in brackets when they were held back.
func rowsOf(step *record.GovernedStep, n int64) said {
	if n > 0 && step.Outcome == "refused" {
		return said{}.soft("(" + number(n) + ")")
	}
	return tell(dashOf(n))
}

func dashOf(n int64) string {
	if n == 0 {
		return "–"
	}
	return number(n)
}

func outcomeOf(step *record.GovernedStep) said {
	switch step.Outcome {
	case "published":
		return judgedAs(step.Verdict, "published")
	case "refused":
		return judgedAs(record.Fail, "refused")
	case "maintained":
		return judgedAs(record.Skipped, strings.ToLower(step.Operation))
	}
	return judgedAs(record.Warn, step.Outcome)
}

// shownRules is how many failed rules of one batch are named.
const shownRules = 12

func foundIn(step *record.GovernedStep) said {
	s := said{}
	for i := range step.Failed {
		if i == shownRules {
			s = s.soft("and " + number(int64(len(step.Failed)-i)) + " more")
			break
		}
		f := &step.Failed[i]
		what := f.ID
		if f.Evaluated > 0 {
			what += ": " + number(f.Failed) + " of " + plural(f.Evaluated, "row")
		} else if f.Failed > 0 {
			what += ": " + plural(f.Failed, "row")
		}
		s = s.bad(f.Verdict, what)
		if f.Message != "" {
			s = s.soft(f.Message)
		}
	}
	for _, rule := range byCount(step.Refused) {
		s = s.text(plural(step.Refused[rule], "row") + " refused by " + rule)
	}
	if step.Message != "" {
		s = s.soft(step.Message)
	}
	if step.Lost {
		s = s.bad(record.Warn, "run record lost")
	}
	if len(s) == 0 {
		s = s.soft("nothing")
	}
	if step.Run != "" {
		s = s.soft("run " + step.Run)
	}
	return s
}

func policySection(g *record.Governance) govSection {
	s := govSection{id: "policies", title: "Policy decisions and waivers", lead: "What policies decided about changes of the tables, and the exemptions from them: who asked, who approved, until when."}
	var rows [][]said
	for i := range g.Waivers {
		w := &g.Waivers[i]
		v := record.Warn
		if w.State == "removed" || w.State == "later" {
			v = record.Skipped
		}
		used := "never in the period"
		if w.Uses > 0 {
			used = plural(int64(w.Uses), "version") + ", last " + moment(*w.LastUsed)
		}
		rows = append(rows, []said{strong(w.ID).soft(w.Ticket), tell(w.Policy).soft(w.Table), judgedAs(v, w.State).text("until " + w.Expires),
			tell(strings.Join(w.ApprovedBy, ", ")).soft(asker(w.RequestedBy)), tell(w.Reason), tell(used)})
	}
	if len(rows) == 0 {
		s.parts = append(s.parts, govPart{title: "Waivers", text: "There is no waiver for these tables, and none was used in the period."})
	} else {
		s.parts = append(s.parts, tabled("Waivers", []lane{{"Waiver", 26, false}, {"Policy and tables", 28, false}, {"State", 27, false}, {"Approved by", 26, false}, {"Reason", 45, false}, {"Used", 26, false}}, rows))
	}
	rows = nil
	for i := len(g.Decisions) - 1; i >= 0; i-- {
		d := &g.Decisions[i]
		v, word := record.Pass, "allowed"
		if !d.Allow {
			v, word = record.Fail, "refused"
		}
		found := said{}
		for j := range d.Findings {
			f := &d.Findings[j]
			found = found.bad(decisionVerdict(f), words(f.Effect)+" "+f.Policy).text(subject(f.Table, f.Path) + ": " + f.Message)
			if f.Waiver != nil {
				found = found.soft(waived(f.Waiver))
			}
		}
		if len(found) == 0 {
			found = found.soft("nothing found")
		}
		who := tell(d.Actor)
		if d.Author != "" {
			who = who.soft("author " + d.Author)
		}
		if d.Commit != "" {
			who = who.soft("commit " + d.Commit)
		}
		if len(d.Approvals) > 0 {
			who = who.text("approved by " + strings.Join(d.Approvals, ", "))
		}
		rows = append(rows, []said{tell(moment(d.At)), strong(d.Table).soft(d.Op + ", " + onVersion(d.VersionFrom)), judgedAs(v, word), found, who, said{}.code(d.ID)})
	}
	if len(rows) == 0 {
		s.parts = append(s.parts, govPart{title: "Decisions", text: "The decision log has no decision about these tables in the period."})
	} else {
		s.parts = append(s.parts, tabled("Decisions", []lane{{"At", 24, false}, {"Table", 32, false}, {"Decision", 20, false}, {"Findings", 50, false}, {"Who, for what", 30, false}, {"Id", 22, false}}, rows))
	}
	return s
}

func onVersion(v *int64) string {
	if v == nil {
		return "a new table"
	}
	return "on version " + version(v)
}

func asker(name string) string {
	if name == "" {
		return ""
	}
	return "asked for by " + name
}
