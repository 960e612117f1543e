package reports

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/dq-dev/dq/record"
)

type junitCase struct {
	Name      string    `xml:"name,attr"`
	Class     string    `xml:"classname,attr"`
	Failure   *string   `xml:"failure"`
	Error     *string   `xml:"error"`
	Skipped   *struct{} `xml:"skipped"`
	SystemOut string    `xml:"system-out"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitFile struct {
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Skipped  int          `xml:"skipped,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

// checkXML reads a JUnit document strictly, and fails when its counts are not
// those of its cases or a name occurs twice in a suite.
func checkXML(t *testing.T, out []byte) junitFile {
	t.Helper()
	var f junitFile
	if err := xml.Unmarshal(out, &f); err != nil {
		t.Errorf("junit is not XML: %v", err)
		return f
	}
	var total junitSuite
	for _, s := range f.Suites {
		var got junitSuite
		names := map[string]bool{}
		for _, c := range s.Cases {
			got.Tests++
			if c.Failure != nil {
				got.Failures++
			}
			if c.Error != nil {
				got.Errors++
			}
			if c.Skipped != nil {
				got.Skipped++
			}
			if names[c.Name] {
				t.Errorf("suite %s: two cases are called %q", s.Name, c.Name)
			}
			names[c.Name] = true
		}
		if got.Tests != s.Tests || got.Failures != s.Failures || got.Errors != s.Errors || got.Skipped != s.Skipped {
			t.Errorf("suite %s says other counts than its cases", s.Name)
		}
		total.Tests += got.Tests
		total.Failures += got.Failures
		total.Errors += got.Errors
		total.Skipped += got.Skipped
	}
	if total.Tests != f.Tests || total.Failures != f.Failures || total.Errors != f.Errors || total.Skipped != f.Skipped {
		t.Error("the document says other counts than its suites")
	}
	return f
}

func TestJUnit(t *testing.T) {
	f := checkXML(t, draw(t, "junit", fixture(t)))
	find := func(suite, name string) junitCase {
		for _, s := range f.Suites {
			for _, c := range s.Cases {
				if s.Name == suite && c.Name == name {
					return c
				}
			}
		}
		t.Errorf("no case %q in suite %q", name, suite)
		return junitCase{}
	}
	if c := find("gold.fact_sales", "customer_key.references"); c.Failure == nil || !strings.Contains(*c.Failure, "suites/gold/fact_sales.yaml:14:5") {
		t.Error("a failed expectation is no failure with its position")
	}
	if c := find("gold.fact_sales", "date_key.references"); c.Error == nil || c.Class != "gold.fact_sales" {
		t.Error("an expectation that could not be evaluated is no error")
	}
	if c := find("silver.order_lines@299", "DQ-S004 unit_price"); c.Skipped == nil {
		t.Error("a waived finding is not skipped")
	}
	if c := find("bronze.orders@300", "CustomerID.not_null"); c.Failure != nil || c.Skipped != nil || !strings.HasPrefix(c.SystemOut, "warning: ") {
		t.Error("a warning does not pass with output")
	}
	if c := find("gold.rfm_segments", "gate"); c.Skipped == nil {
		t.Error("a table that did not run is not skipped")
	}
}

// Two findings of one rule stay apart, and a run that failed for a reason that
// no case names does not look green.
func TestJUnitNamesAndVerdict(t *testing.T) {
	run := &record.Run{Verdict: record.Fail, Outcome: "refused", Findings: []record.Finding{
		{Rule: "source.parse"}, {Rule: "source.parse (2)"}, {Rule: "source.parse"}, {Rule: "source.parse"}}}
	f := checkXML(t, draw(t, "junit", run))
	if f.Failures != 1 {
		t.Errorf("%d failures, want 1", f.Failures)
	}
}

func TestGitHub(t *testing.T) {
	run := &record.Run{Verdict: record.Fail}
	for i := range 25 {
		run.Findings = append(run.Findings, record.Finding{Rule: fmt.Sprintf("r%d", i), Severity: "error", Position: fmt.Sprintf("a,b:c.yaml:%d:7", i+1), Message: "100% bad"})
	}
	lines := strings.Split(strings.TrimSpace(string(draw(t, "github", run))), "\n")
	if len(lines) != githubLimit || lines[githubLimit-1] != "::error title=dq::16 more; the report has them all" {
		t.Errorf("%d lines, the last: %s", len(lines), lines[len(lines)-1])
	}
	if want := "::error file=a%2Cb%3Ac.yaml,line=1,col=7,title=r0::100%25 bad"; lines[0] != want {
		t.Errorf("got %s, want %s", lines[0], want)
	}
	if got := string(draw(t, "github", &record.Run{Verdict: record.Fail, Message: "x"})); !strings.HasPrefix(got, "::error ") {
		t.Errorf("a failed run without issues gives %q", got)
	}
}

func TestPlace(t *testing.T) {
	for in, want := range map[string][3]string{
		"suites/a.yaml:12:5": {"suites/a.yaml", "12", "5"},
		"data/a.csv:2210":    {"data/a.csv", "2210", ""},
		`C:\a.yaml:3:1`:      {`C:\a.yaml`, "3", "1"},
		"a.yaml":             {}, "": {}, ":": {}, "a:": {},
	} {
		file, line, column := place(in)
		if got := [3]string{file, line, column}; got != want {
			t.Errorf("place(%q) = %v, want %v", in, got, want)
		}
	}
}

func TestMarkdownStaysBelowItsLimit(t *testing.T) {
	run := &record.Run{}
	for range 3000 {
		run.Findings = append(run.Findings, record.Finding{Rule: "source.parse", Severity: "error", Message: strings.Repeat("wrong ", 150)})
	}
	out := draw(t, "markdown", run)
	if len(out) > markdownLimit || !bytes.HasSuffix(out, []byte("Cut here: the report is longer than a summary may be.\n")) {
		t.Errorf("%d bytes, ending %q", len(out), out[len(out)-60:])
	}
}

var escapes = regexp.MustCompile("\x1b\\[[0-9;]+m")

func TestText(t *testing.T) {
	runs := map[string]*record.Run{"fixture": fixture(t), "wide": wide(3)}
	for i, s := range hostile {
		runs[fmt.Sprintf("hostile %d", i)] = poisoned(s)
	}
	for name, run := range runs {
		for _, width := range []int{0, 10, 40, 80, 132} {
			var plain, colored bytes.Buffer
			if err := Text(&plain, run, TextOptions{Width: width}); err != nil {
				t.Fatal(err)
			}
			if err := Text(&colored, run, TextOptions{Width: width, Color: true}); err != nil {
				t.Fatal(err)
			}
			if bytes.ContainsRune(plain.Bytes(), '\x1b') {
				t.Errorf("%s: colour that nobody asked for", name)
			}
			if got := escapes.ReplaceAll(colored.Bytes(), nil); !bytes.Equal(got, plain.Bytes()) {
				t.Errorf("%s: colour changes more than colours", name)
			}
			limit := max(40, width)
			if width == 0 {
				limit = 100
			}
			for line := range strings.Lines(plain.String()) {
				line = strings.TrimSuffix(line, "\n")
				if columns(line) > limit {
					t.Errorf("%s: a line of %d columns on a terminal of %d: %s", name, columns(line), limit, line)
				}
			}
		}
	}
}

func TestColumns(t *testing.T) {
	for in, want := range map[string]int{"abc": 3, "é": 1, "e\u0301": 1, "你好": 4, "": 0, "→": 1} {
		if got := columns(in); got != want {
			t.Errorf("columns(%q) = %d, want %d", in, got, want)
		}
	}
	if got := cut("你好吗", 5); got != "你好…" {
		t.Errorf("cut gives %q", got)
	}
}
