package reports

import (
	"strconv"
	"strings"

	"github.com/dq-dev/dq/record"
)

func schemaSection(g *record.Governance) govSection {
	s := govSection{id: "schema", title: "Schema history", lead: "Each version whose columns, layout or properties are others than before, with the change of code that it came with, and to which side it is compatible: backward, the new shape reads the old rows; forward, the old shape reads the new rows; full is both."}
	lanes := []lane{{"At", 26, false}, {"Version", 14, true}, {"Compatible", 22, false}, {"Change of code", 40, false}, {"Changes", 76, false}}
	for i := range g.Tables {
		t := &g.Tables[i]
		var rows [][]said
		for j := len(t.Schema) - 1; j >= 0; j-- {
			v := &t.Schema[j]
			code := said{}
			if v.Commit != "" {
				code = code.code(v.Commit)
			}
			if v.Author != "" {
				code = code.text("by " + v.Author)
			}
			if len(v.Approvals) > 0 {
				code = code.text("approved by " + strings.Join(v.Approvals, ", "))
			}
			if len(code) == 0 {
				code = code.soft("not recorded")
			}
			rows = append(rows, []said{tell(moment(v.At)), tell(strconv.FormatInt(v.Version, 10)), compatible(v.Class), code, changesOf(v)})
		}
		if len(rows) == 0 {
			s.parts = append(s.parts, govPart{title: t.Name, text: "The shape did not change in the period."})
			continue
		}
		s.parts = append(s.parts, tabled(t.Name, lanes, rows))
	}
	return s
}

func compatible(class string) said {
	switch class {
	case "created":
		return judgedAs(record.Skipped, class)
	case "full":
		return judgedAs(record.Pass, class)
	case "none":
		return judgedAs(record.Fail, class)
	}
	return judgedAs(record.Warn, class)
}

// shownChanges is how many changes of one version are listed.
const shownChanges = 30

func changesOf(v *record.SchemaVersion) said {
	s := said{}
	if v.Class == "created" {
		s = s.soft("the table began")
	}
	for i := range v.Changes {
		if i == shownChanges {
			return s.soft("and " + number(int64(len(v.Changes)-i)) + " more")
		}
		c := &v.Changes[i]
		what, detail := change(c)
		text := strings.TrimSpace(what + " " + c.Path)
		if detail != "" {
			text += ": " + detail
		}
		s = s.text(text)
		if r := risk(c); r != "safe" {
			s = s.soft(r)
		}
	}
	return s
}

func lineageSection(g *record.Governance) govSection {
	s := govSection{id: "lineage", title: "Lineage", lead: "Which table was made from which. Critical columns are keys, personal data, those tagged critical, and those that a reader outside names; for each, the columns at the source that its values come from."}
	if g.Lineage == nil || len(g.Lineage.Tables) == 0 {
		s.parts = append(s.parts, paragraph("No run of the period has kept a lineage."))
	} else {
		s.parts = append(s.parts, govPart{graph: true})
	}
	var rows [][]said
	for i := range g.Tables {
		t := &g.Tables[i]
		for j := range t.Critical {
			c := &t.Critical[j]
			sources := tell(listed(c.Sources))
			if len(c.Sources) == 0 {
				sources = said{}.soft("no column: a constant, or made by dq")
			}
			rows = append(rows, []said{strong(t.Name + "." + c.Column).soft(c.Type), tell(strings.Join(c.Why, ", ")), sources})
		}
	}
	if len(rows) > 0 {
		s.parts = append(s.parts, tabled("Critical columns", []lane{{"Column", 58, false}, {"Why", 42, false}, {"Values come from", 78, false}}, rows))
	}
	rows = nil
	for i := range g.Tables {
		t := &g.Tables[i]
		for j := range t.Readers {
			r := &t.Readers[j]
			rows = append(rows, []said{strong(t.Name), tell(r.ID).soft(r.Kind), tell(dashed(r.Owner)), tell(listed(r.Columns))})
		}
	}
	if len(rows) > 0 {
		s.parts = append(s.parts, tabled("Readers", []lane{{"Table", 44, false}, {"Read by", 48, false}, {"Owner", 28, false}, {"Columns", 58, false}}, rows))
	}
	return s
}

// listed joins names, and says how many it leaves out.
func listed(names []string) string {
	if len(names) == 0 {
		return "–"
	}
	if len(names) > shownEdges {
		return strings.Join(names[:shownEdges], ", ") + " and " + number(int64(len(names)-shownEdges)) + " more"
	}
	return strings.Join(names, ", ")
}

// govRun is a run record as the graph is drawn from: tables with their newest outcome.
func govRun(g *record.Governance) *record.Run {
	run := &record.Run{Lineage: g.Lineage}
	for i := range g.Tables {
		t := &g.Tables[i]
		outcome := ""
		if v, word := standing(t); v != record.Skipped {
			outcome = word
		}
		if outcome == "" {
			continue
		}
		if n := len(run.Layers); n == 0 || run.Layers[n-1].Name != t.Layer {
			run.Layers = append(run.Layers, record.Layer{Name: t.Layer})
		}
		l := &run.Layers[len(run.Layers)-1]
		l.Tables = append(l.Tables, record.Table{Name: t.Name, Outcome: outcome})
	}
	return run
}

// shownTrend is how many versions a trend shows.
const shownTrend = 8

func qualitySection(g *record.Governance) govSection {
	s := govSection{id: "quality", title: "Quality by dimension", lead: "What the rules of each dimension, and the characteristic of ISO/IEC 25012 that they measure, said of the newest version that was judged, and of the versions before."}
	lanes := []lane{{"Dimension", 30, false}, {"ISO/IEC 25012", 26, false}, {"Newest", 18, false}, {"Rules held", 20, true}, {"Values judged", 24, true}, {"Failed", 18, true}, {"Trend, the oldest first", 42, false}}
	for i := range g.Tables {
		t := &g.Tables[i]
		var rows [][]said
		for j := range t.Quality {
			q := &t.Quality[j]
			rows = append(rows, []said{strong(q.Name), tell(dashed(q.Characteristic)), judgedAs(q.Verdict, string(q.Verdict)), tell(strconv.Itoa(q.Held) + " of " + strconv.Itoa(q.Rules)),
				tell(dashOf(q.Evaluated)), tell(dashOf(q.Failed)), tell(trend(q.Trend))})
		}
		if len(rows) > 0 {
			s.parts = append(s.parts, tabled(t.Name, lanes, rows))
		}
	}
	if len(s.parts) == 0 {
		s.parts = append(s.parts, paragraph("No run of the period has kept what rules said of a published version."))
	}
	return s
}

// trend writes versions with their verdicts, and the share of values that passed.
func trend(list []record.Trend) string {
	var parts []string
	if len(list) > shownTrend {
		parts = append(parts, "…")
		list = list[len(list)-shownTrend:]
	}
	for _, v := range list {
		text := "v" + strconv.FormatInt(v.Version, 10) + " " + mark(v.Verdict)
		if v.Failed > 0 {
			text += " " + percent(v.Evaluated-v.Failed, v.Evaluated)
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ", ")
}

func personalSection(g *record.Governance) govSection {
	s := govSection{id: "personal", title: "Personal data", lead: "Columns that are tagged personal, why they are held and how long; and what of it belongs into the records of processing activities (GDPR, article 30)."}
	var rows [][]said
	for i := range g.Tables {
		t := &g.Tables[i]
		for j := range t.Personal {
			p := &t.Personal[j]
			days := "no limit declared"
			if p.RetentionDays != nil {
				days = plural(int64(*p.RetentionDays), "day")
			}
			purpose := tell(p.Purpose).soft(words(p.LegalBasis))
			if p.Purpose == "" || p.LegalBasis == "" {
				purpose = purpose.bad(record.Fail, "not declared")
			}
			rows = append(rows, []said{strong(t.Name + "." + p.Column), tell(strings.Join(p.Categories, ", ")), tell(dashed(p.Classification)), purpose, tell(days)})
		}
	}
	if len(rows) == 0 {
		s.parts = append(s.parts, paragraph("No column of these tables is tagged personal."))
		return s
	}
	s.parts = append(s.parts, tabled("Inventory", []lane{{"Column", 56, false}, {"Category", 32, false}, {"Classification", 24, false}, {"Purpose and legal basis", 42, false}, {"Retention", 24, false}}, rows))
	rows = nil
	for i := range g.Processing {
		p := &g.Processing[i]
		purpose := strong(dashed(p.Purpose)).soft(words(p.LegalBasis))
		rows = append(rows, []said{purpose, tell(listed(p.Categories)), tell(listed(p.Tables)), tell(listed(p.Recipients)), tell(listed(p.Erasure))})
	}
	s.parts = append(s.parts,
		tabled("Extract for article 30", []lane{{"Purpose", 36, false}, {"Categories of data", 36, false}, {"Tables", 44, false}, {"Recipients", 36, false}, {"Erasure after", 26, false}}, rows),
		tabled("", []lane{{"Also asked for by article 30", 70, false}, {"Here", 108, false}}, [][]said{
			{tell("Controller"), contact(g.Controller)},
			{tell("Data protection officer"), contact(g.DPO)},
			{tell("Categories of data subjects; transfers to third countries; security measures"), said{}.soft("dq does not record them: the controller adds them")},
		}))
	return s
}

func exceptionSection(g *record.Governance) govSection {
	s := govSection{id: "exceptions", title: "Exceptions and manual adjustments", lead: "What did not go the usual way in the period: restored versions, commits of others, waivers that let something through, sources that were rewritten; the newest first."}
	var rows [][]said
	for i := len(g.Exceptions) - 1; i >= 0; i-- {
		e := &g.Exceptions[i]
		rows = append(rows, []said{tell(moment(e.At)), strong(e.Kind), tell(e.Table), tell(version(e.Version)), tell(e.What), tell(dashed(e.By))})
	}
	if len(rows) == 0 {
		s.parts = append(s.parts, paragraph("There is none."))
		return s
	}
	s.parts = append(s.parts, tabled("", []lane{{"At", 26, false}, {"Kind", 28, false}, {"Table", 34, false}, {"Version", 14, true}, {"What", 48, false}, {"By", 28, false}}, rows))
	return s
}

func evidenceSection(g *record.Governance) govSection {
	s := govSection{id: "evidence", title: "Evidence", lead: "Digests by which everything above can be held against its source. The JSON document of this report has all of it, without limits."}
	facts := [][]said{
		{strong("Document"), said{}.code(govFacts(g)[4].value)},
		{strong("Made"), tell(moment(g.At) + " by dq " + g.Tool.Version)},
		{strong("Policies in force"), said{}.code(g.Policies)},
	}
	if g.Log != nil {
		state := judgedAs(record.Pass, "each line as it was written")
		if len(g.Log.Problems) > 0 {
			state = judgedAs(record.Fail, plural(int64(len(g.Log.Problems)), "problem"))
			for _, p := range g.Log.Problems[:min(len(g.Log.Problems), shownRules)] {
				state = state.text(p)
			}
		}
		facts = append(facts, []said{strong("Decision log"), tell(g.Log.Name + ", " + plural(int64(g.Log.Lines), "line"))},
			[]said{strong("State of the decision log"), state}, []said{strong("Head of its hash chain"), said{}.code(dashed(g.Log.Head))})
	} else {
		facts = append(facts, []said{strong("Decision log"), said{}.soft("there is none")})
	}
	s.parts = append(s.parts, tabled("", []lane{{"Fact", 42, false}, {"Value", 136, false}}, facts))
	var rows [][]said
	for i := range g.Tables {
		t := &g.Tables[i]
		rows = append(rows, []said{strong(t.Name), tell(version(t.Version)), tell(t.Location), said{}.code(t.Suite)})
	}
	s.parts = append(s.parts, tabled("Tables", []lane{{"Table", 40, false}, {"Delta version", 20, true}, {"Location", 54, false}, {"Suite in force", 64, false}}, rows))
	rows = nil
	for i := len(g.Runs) - 1; i >= 0; i-- {
		r := &g.Runs[i]
		rows = append(rows, []said{said{}.code(r.ID), judgedAs(r.Verdict, r.Outcome).soft(r.Environment), tell("dq " + r.Tool.Version).soft(r.Engine.Name + " " + r.Engine.Version), said{}.code(r.Digest).soft(logLine(r))})
	}
	if len(rows) > 0 {
		s.parts = append(s.parts, tabled("Run records", []lane{{"Run", 46, false}, {"Outcome", 28, false}, {"Made with", 32, false}, {"Digest of the record", 72, false}}, rows))
	}
	rows = nil
	for _, f := range g.Files {
		rows = append(rows, []said{tell(f.Path), said{}.code(f.SHA256)})
	}
	s.parts = append(s.parts, tabled("Files of the project", []lane{{"File", 78, false}, {"SHA-256", 100, false}}, rows))
	s.parts = append(s.parts, tabled("How to verify", []lane{{"What", 72, false}, {"With", 106, false}}, [][]said{
		{tell("The document is the one that was signed"), said{}.code("sha256sum report.json")},
		{tell("This report is drawn from it"), said{}.code("dq report report.json --out pdf=again.pdf")},
		{tell("No line of the decision log was changed, removed or put in"), said{}.code("dq policy log verify")},
		{tell("Every decision comes out the same again"), said{}.code("dq policy log replay")},
		{tell("The versions of a table, and what each commit says of its run and suite"), said{}.code("dq table history LOCATION --format json")},
		{tell("A version still passes its suite"), said{}.code("dq check LOCATION@VERSION --suite FILE")},
	}))
	return s
}

func logLine(r *record.GovernedRun) string {
	if r.LogHead == "" {
		return ""
	}
	return "decision log up to " + r.LogHead
}

func methodSection(*record.Governance) govSection {
	s := govSection{id: "methods", title: "Methods", lead: "What the numbers mean, and what they do not."}
	for _, text := range []string{
		"Versions and their counts are those of the tables' logs: each commit of a run carries its verdict, counts, suite and run. Refused batches, failed rules and lineage are those of the run records; where a record is gone, the report says so and nothing is made up.",
		"Counts are exact. Quarantined rows are kept beside the table, dropped ones are not.",
		"Freshness is the share of the time, from the first version or the begin of the period to its end, in which the newest version that a run published was no older than promised. The time is that of the commit: how old the data in it were is for rules on timeliness to say. A run that found nothing new publishes nothing.",
		"Availability is the share of days on which a version was published in the 24 hours up to the promised time.",
		"Rows judged by a dimension are added up over its rules; a row that two rules judge counts twice. The trend is of published versions alone.",
		"Lineage is that of the newest run of the period. Where a table's is not exact, it holds more than is true, never less.",
		"Tags, purposes, owners and contracts are those declared now. What nobody declared is not found here: dq profile looks for personal data by value.",
		"This report is evidence for those who judge. Whether it suffices for a law or a standard is theirs to say.",
	} {
		s.parts = append(s.parts, paragraph(text))
	}
	return s
}
