package reports

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/dq-dev/dq/record"
)

// checked is the run of a dq check that found something about the data: in its
// check alone, or in check and table.
func checked(both bool) *record.Run {
	found := []record.Finding{
		{Rule: "source.parse", Severity: "error", Message: "1 record could not be read", Rows: 1, Sample: []map[string]any{{"file": "a.csv", "record": int64(6), "text": `5,"a`}}},
		{Rule: "source.type", Severity: "error", Column: "amount", Message: "1 value of column amount is no double", Rows: 1},
		{Rule: "source.type", Severity: "error", Column: "id", Message: "1 value of column id is no int64", Rows: 1},
	}
	t := record.Table{Name: "a.csv", Outcome: "checked", Check: &record.Check{Verdict: record.Fail, Findings: found,
		Expectations: []record.Expectation{{ID: "id.not_null", Scope: "row", CEL: "id != null", Verdict: record.Pass, Rows: 4, Evaluated: 4}}}}
	if both {
		t.Findings = append([]record.Finding(nil), found...)
	}
	return &record.Run{Command: "check", Verdict: record.Fail, Outcome: "checked", Layers: []record.Layer{{Name: "data", Verdict: record.Fail, Outcome: "checked", Tables: []record.Table{t}}}}
}

// Findings of a check are shown once, wherever the record holds them.
func TestFindingsOfACheck(t *testing.T) {
	for _, f := range Formats() {
		if f.Name == "json" {
			continue
		}
		alone, both := draw(t, f.Name, checked(false)), draw(t, f.Name, checked(true))
		if f.Name == "pdf" {
			alone, both = []byte(pdfText(t, checked(false))), []byte(pdfText(t, checked(true)))
		}
		if f.Name != "html" && f.Name != "pdf" && !bytes.Equal(alone, both) { // these show the record's digest
			t.Errorf("%s: findings of the check are drawn otherwise than those of the table:\n%s\n%s", f.Name, alone, both)
		}
		once := map[string]int{"html": 2, "pdf": 2}[f.Name] // what failed, and all findings
		for _, message := range []string{"1 record could not be read", "1 value of column amount is no double"} {
			for _, out := range [][]byte{alone, both} {
				if n := bytes.Count(out, []byte(message)); n != max(1, once) {
					t.Errorf("%s says %q %d times", f.Name, message, n)
				}
			}
		}
	}
	f := checkXML(t, draw(t, "junit", checked(false)))
	if f.Failures != 3 || f.Tests != 4 {
		t.Fatalf("%d failures of %d", f.Failures, f.Tests)
	}
	if c := f.Suites[0].Cases[0]; c.Name != "source.parse" || c.Failure == nil || !strings.Contains(*c.Failure, `file=a.csv, record=6, text=5,"a`) {
		t.Errorf("the first case is %+v", c)
	}
	if !strings.Contains(string(draw(t, "text", checked(true))), "1 expectation judged: 1 pass; 3 findings about the data.") {
		t.Error("the summary is silent about the findings")
	}
}

// What a decision or finding is about has no dot before an empty column.
// That policies were asked and found nothing is a result, which every report for people says.
func TestPoliciesThatFoundNothing(t *testing.T) {
	run := &record.Run{Format: record.RunFormat, Command: "run", Outcome: "published", Policies: &record.Asked{Policies: 30, Tables: 15},
		Layers: []record.Layer{{Name: "bronze", Tables: []record.Table{{Name: "bronze.orders", Outcome: "published"}}}}}
	const want = "30 policies were asked about 15 tables; nothing found"
	for _, f := range []string{"html", "markdown", "text"} {
		if got := string(draw(t, f, run)); !strings.Contains(got, want) {
			t.Errorf("%s does not say %q:\n%s", f, want, got)
		}
	}
	if got := pdfText(t, run); !strings.Contains(got, "Policies") || !strings.Contains(got, want) {
		t.Errorf("pdf does not say %q:\n%s", want, got)
	}
	run.Policies = nil
	if got := string(draw(t, "html", run)); strings.Contains(got, "policies were asked") {
		t.Error("the page speaks of policies though none was asked")
	}
}

func TestSubject(t *testing.T) {
	waiver := &record.Waiver{ID: "w", ApprovedBy: []string{"data-office"}, Expires: "2027-02-12", Reason: "later"}
	for path, want := range map[string]string{"": "bronze.codes", "name": "bronze.codes.name"} {
		run := &record.Run{Layers: []record.Layer{{Tables: []record.Table{{Name: "other", Findings: []record.Finding{{Rule: "r", Severity: "error", Column: path}},
			Decisions: []record.Decision{{Policy: "DQ-O001", Table: "bronze.codes", Path: path, Effect: "waived", Message: "no owner", Waiver: waiver}}}}}}}
		for _, f := range Formats() {
			if f.Name == "json" {
				continue
			}
			out := string(draw(t, f.Name, run))
			if f.Name == "pdf" {
				out = pdfText(t, run)
			}
			for _, bad := range []string{"codes.:", "codes. ", "codes.<", "codes :", "other. "} {
				if strings.Contains(out, bad) {
					t.Errorf("%s of %q holds %q", f.Name, path, bad)
				}
			}
			if shows := f.Name != "junit" && f.Name != "github" && f.Name != "gitlab"; shows && !strings.Contains(strings.ReplaceAll(out, "\\_", "_"), want) {
				t.Errorf("%s does not name %s", f.Name, want)
			}
		}
	}
}

// Rows that a refused layer inherited are not mended where they came from,
// unless the source allows it.
func TestNextOfARefusal(t *testing.T) {
	fail := &record.Check{Verdict: record.Fail, Expectations: []record.Expectation{{ID: "x", Verdict: record.Fail}}}
	model := func(c *record.Check) record.Table {
		return record.Table{Name: "silver.a", Outcome: "refused", Inputs: map[string]int64{"bronze.a": 3}, Check: c}
	}
	sourced := record.Table{Name: "silver.b", Outcome: "refused", Source: &record.Source{}}
	denied := model(&record.Check{Verdict: record.Pass})
	denied.Decisions = []record.Decision{{Policy: "DQ-S001", Effect: "deny"}}
	for name, c := range map[string]struct {
		outcome string
		tables  []record.Table
		want    bool
	}{
		"models":                        {"refused", []record.Table{model(fail), {Name: "silver.c", Outcome: "not_run"}}, true},
		"a source":                      {"refused", []record.Table{sourced, model(fail)}, false},
		"a source that cannot be read":  {"refused", []record.Table{{Findings: []record.Finding{{Rule: "source.format", Severity: "error"}}}, model(fail)}, false},
		"a policy, and no row is wrong": {"refused", []record.Table{denied}, false},
		"published":                     {"published", []record.Table{model(fail)}, false},
	} {
		run := &record.Run{Command: "run", Outcome: "refused", Verdict: record.Fail, Layers: []record.Layer{
			{Name: "bronze", Outcome: "published", Tables: []record.Table{{Name: "bronze.a", Outcome: "published", Source: &record.Source{}}}},
			{Name: "silver", Outcome: c.outcome, Tables: c.tables}}}
		got := strings.Contains(strings.Join(next(run), "\n"), "The rows of silver came from the layer before")
		if got != c.want {
			t.Errorf("%s: said %v, want %v", name, got, c.want)
		}
	}
}

// A layer that was not reached, and a table that was not judged, are skipped.
func TestHeldBack(t *testing.T) {
	version := int64(4)
	run := &record.Run{Command: "run", Outcome: "refused", Verdict: record.Fail, Layers: []record.Layer{
		{Name: "silver", Outcome: "refused", Tables: []record.Table{
			{Name: "silver.a", Outcome: "refused", VersionBefore: &version, Check: &record.Check{Verdict: record.Fail, Dataset: record.Dataset{Version: &version}, Expectations: []record.Expectation{{ID: "x", Verdict: record.Fail}}}},
			{Name: "silver.b", Outcome: "not_run", Message: "waits for silver.a"},
			{Name: "silver.c", Outcome: "refused", Check: &record.Check{Verdict: record.Pass, Expectations: []record.Expectation{{ID: "x", Verdict: record.Pass}}}}}},
		{Name: "gold", Outcome: "not_run", Message: "layer silver was not published"}}}
	f := checkXML(t, draw(t, "junit", run))
	got := ""
	for _, s := range f.Suites {
		for _, c := range s.Cases {
			got += fmt.Sprintf("%s %s failed %v skipped %v\n", s.Name, c.Name, c.Failure != nil, c.Skipped != nil)
		}
	}
	if want := `silver.a x failed true skipped false
silver.b gate failed false skipped true
silver.c x failed false skipped false
silver.c gate failed false skipped true
gold gate failed false skipped true
`; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	for _, format := range []string{"text", "markdown", "html"} {
		if out := string(draw(t, format, run)); !strings.Contains(out, "gold") || !strings.Contains(out, "not run") {
			t.Errorf("%s is silent about a layer that was not reached", format)
		}
	}
}

// A rule that only informs changes no verdict, and is told of in every format.
func TestRuleThatInforms(t *testing.T) {
	run := checked(false)
	table := &run.Layers[0].Tables[0]
	table.Check.Verdict, table.Check.Findings = record.Pass, nil
	table.Check.Expectations = append(table.Check.Expectations, record.Expectation{ID: "noted", Scope: "row", CEL: "note != null", OnFail: "info", Severity: "info",
		Verdict: record.Pass, Reason: record.Informs, Rows: 4, Evaluated: 4, Failed: 3, Message: "3 of 4 rows failed note != null (75%)", Position: "suite.yaml:4:3", Sample: []map[string]any{{"id": int64(7)}}})
	run.Verdict, run.Layers[0].Verdict = record.Pass, record.Pass
	for _, f := range Formats() {
		want := map[string]string{
			"text":     "INFO\n  – noted\n",
			"markdown": "### Information\n\n– **noted** of a.csv: 3 of 4 rows failed",
			"html":     "3 of 4 rows failed note != null (75%)",
			"junit":    "<system-out>info: 3 of 4 rows failed",
			"sarif":    `"level": "note"`,
			"github":   "::notice file=suite.yaml,line=4,col=3,title=noted of a.csv::3 of 4 rows failed",
			"gitlab":   `"severity": "info"`,
		}[f.Name]
		out := string(draw(t, f.Name, run))
		if f.Name == "pdf" {
			out, want = pdfText(t, run), "Information"
		}
		if !strings.Contains(out, want) || strings.Contains(out, "Nothing needs to be done") {
			t.Errorf("%s does not tell %q:\n%s", f.Name, want, out)
		}
	}
}
