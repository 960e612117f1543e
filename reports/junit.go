package reports

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/dq-dev/dq/record"
	"github.com/dq-dev/dq/table"
)

// writeJUnit writes a suite for each table (and one for the run itself) and a
// case for each expectation, policy decision and finding; a layer that did not
// run has one case, which is skipped. A failed expectation
// is a failure, one that could not be evaluated an error; what is waived,
// skipped or vacuous is skipped; a warning passes and says so in its output, as
// CI systems know no warnings. Names are unique within a suite, because some
// keep only the first of equal ones. A run that did not pass never gives a
// document without failures.
func writeJUnit(w io.Writer, run *record.Run) error {
	var suites []suite
	own := suite{name: "run", seconds: run.DurationMS}
	for i := range run.Findings {
		own.finding(&run.Findings[i], table.Schema{})
	}
	for l := range run.Layers {
		layer := &run.Layers[l]
		if len(layer.Tables) == 0 && layer.Outcome == "not_run" {
			s := suite{name: layer.Name, table: layer.Name}
			s.add(testcase{name: "gate", verdict: record.Skipped, message: orElse(layer.Message, "not run")})
			suites = append(suites, s)
		}
		for i := range layer.Tables {
			suites = append(suites, tableSuite(&layer.Tables[i]))
		}
	}
	failed := own.failures + own.errors
	for i := range suites {
		failed += suites[i].failures + suites[i].errors
	}
	if failed == 0 && (run.Verdict == record.Fail || run.Verdict == record.Error) {
		own.add(testcase{name: "verdict", verdict: run.Verdict, message: summary(run)})
	}
	if len(own.cases) > 0 {
		suites = append([]suite{own}, suites...)
	}

	x := &xmlWriter{}
	total := suite{}
	for i := range suites {
		total.tests += suites[i].tests
		total.failures += suites[i].failures
		total.errors += suites[i].errors
		total.skipped += suites[i].skipped
	}
	x.raw("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites").attr("name", title(run)).counts(&total).
		attr("time", seconds(run.DurationMS)).raw(">\n")
	for i := range suites {
		x.suite(&suites[i], run)
	}
	x.raw("</testsuites>\n")
	_, err := w.Write(x.b.Bytes())
	return err
}

type suite struct {
	name                             string
	table                            string
	seconds                          int64 // in milliseconds
	tests, failures, errors, skipped int
	cases                            []testcase
	names                            map[string]int
}

type testcase struct {
	name    string
	verdict record.Verdict
	message string
	detail  string
}

func (s *suite) add(c testcase) {
	if s.names == nil {
		s.names = map[string]int{}
	}
	c.name = clean(c.name, maxName)
	s.names[c.name]++
	for n := s.names[c.name]; n > 1; n++ { // a name may look like a numbered one already
		numbered := fmt.Sprintf("%s (%d)", c.name, n)
		if s.names[numbered] == 0 {
			s.names[numbered]++
			c.name = numbered
			break
		}
	}
	s.tests++
	switch c.verdict {
	case record.Fail:
		s.failures++
	case record.Error:
		s.errors++
	case record.Skipped, record.Vacuous:
		s.skipped++
	}
	s.cases = append(s.cases, c)
}

func (s *suite) finding(f *record.Finding, schema table.Schema) {
	name := f.Rule
	if f.Column != "" {
		name += " " + f.Column
	}
	var detail strings.Builder
	for _, line := range []string{f.Position, f.Hint} {
		if line != "" {
			detail.WriteString(clean(line, maxMessage) + "\n")
		}
	}
	sampleLines(&detail, samples(f.Sample, finding(f), schema))
	v := f.Verdict()
	if v == record.Skipped {
		v = record.Pass // for information
	}
	s.add(testcase{name: name, verdict: v, message: f.Message, detail: strings.TrimSuffix(detail.String(), "\n")})
}

func tableSuite(t *record.Table) suite {
	s := suite{name: t.Name, table: t.Name, seconds: t.DurationMS}
	version := t.Version
	if version == nil && t.Check != nil && !held(t) { // no reader sees the version that was judged
		version = t.Check.Dataset.Version
	}
	if version != nil {
		s.name += "@" + strconv.FormatInt(*version, 10)
	}
	for _, f := range findings(t) {
		s.finding(f, t.Schema)
	}
	for i := range t.Decisions {
		d := &t.Decisions[i]
		c := testcase{name: strings.TrimSpace(d.Policy + " " + d.Path), verdict: decisionVerdict(d), message: d.Message, detail: d.Remediation}
		if d.Waiver != nil {
			c.message = "waived by " + strings.Join(d.Waiver.ApprovedBy, ", ") + " until " + d.Waiver.Expires + ": " + d.Waiver.Reason
		}
		s.add(c)
	}
	if t.Check != nil {
		for i := range t.Check.Expectations {
			e := &t.Check.Expectations[i]
			verdict := e.Verdict
			if e.Reason == record.Informs {
				verdict = noted
			}
			s.add(testcase{name: e.ID, verdict: verdict, message: story(e), detail: expectationDetail(e, t)})
		}
	}
	switch {
	case s.tests == 0 && t.Outcome == "refused":
		s.add(testcase{name: "gate", verdict: record.Fail, message: orElse(t.Message, "the table was refused")})
	case held(t) && s.failures+s.errors == 0:
		s.add(testcase{name: "gate", verdict: record.Skipped, message: orElse(t.Message, "not published: "+words(t.Outcome))})
	}
	return s
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// expectationDetail is the text below a failure: the rule, where it stands, and
// example rows.
func expectationDetail(e *record.Expectation, t *record.Table) string {
	var b strings.Builder
	if e.Position != "" {
		b.WriteString(clean(e.Position, maxName) + "\n")
	}
	b.WriteString(clean(e.CEL, maxMessage) + "\n")
	if e.Where != "" {
		b.WriteString("where " + clean(e.Where, maxMessage) + "\n")
	}
	sampleLines(&b, samples(e.Sample, e.Columns, t.Schema))
	return b.String()
}

// sampleLines writes example rows, one a line.
func sampleLines(b *strings.Builder, s sample) {
	for _, row := range s.rows {
		for i, c := range row {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(clean(s.columns[i], maxName) + "=" + c.text)
		}
		b.WriteByte('\n')
	}
}

type xmlWriter struct{ b bytes.Buffer }

func (x *xmlWriter) raw(m markup) *xmlWriter {
	x.b.WriteString(string(m))
	return x
}

func (x *xmlWriter) attr(name markup, value string) *xmlWriter {
	x.raw(" " + name + `="`).text(clean(value, maxMessage))
	return x.raw(`"`)
}

// text escapes; line breaks stay, everything else that XML forbids has been
// replaced by clean.
func (x *xmlWriter) text(s string) *xmlWriter {
	xmlEscaper.WriteString(&x.b, s)
	return x
}

var xmlEscaper = strings.NewReplacer("<", "&lt;", ">", "&gt;", "&", "&amp;", `"`, "&#34;", "'", "&#39;")

func (x *xmlWriter) counts(s *suite) *xmlWriter {
	return x.attr("tests", strconv.Itoa(s.tests)).attr("failures", strconv.Itoa(s.failures)).
		attr("errors", strconv.Itoa(s.errors)).attr("skipped", strconv.Itoa(s.skipped))
}

func seconds(ms int64) string {
	return strconv.FormatFloat(float64(ms)/1000, 'f', 3, 64)
}

func (x *xmlWriter) suite(s *suite, run *record.Run) {
	class := s.table
	if class == "" {
		class = "run"
	}
	x.raw("  <testsuite").attr("name", s.name).counts(s).attr("time", seconds(s.seconds))
	if !run.StartedAt.IsZero() {
		x.attr("timestamp", run.StartedAt.UTC().Format("2006-01-02T15:04:05"))
	}
	x.raw(">\n")
	for i := range s.cases {
		c := &s.cases[i]
		x.raw("    <testcase").attr("classname", class).attr("name", c.name)
		switch c.verdict {
		case record.Fail:
			x.raw("><failure").attr("type", "fail").attr("message", c.message).raw(">").text(lines(c.detail)).raw("</failure></testcase>\n")
		case record.Error:
			x.raw("><error").attr("type", "error").attr("message", c.message).raw(">").text(lines(c.detail)).raw("</error></testcase>\n")
		case record.Skipped, record.Vacuous:
			x.raw("><skipped").attr("message", c.message).raw("/></testcase>\n")
		case record.Warn:
			x.raw("><system-out>warning: ").text(clean(c.message, maxMessage) + "\n" + lines(c.detail)).raw("</system-out></testcase>\n")
		case noted:
			x.raw("><system-out>info: ").text(clean(c.message, maxMessage) + "\n" + lines(c.detail)).raw("</system-out></testcase>\n")
		default:
			x.raw("/>\n")
		}
	}
	x.raw("  </testsuite>\n")
}

// lines cleans a text line by line.
func lines(s string) string {
	parts := strings.Split(s, "\n")
	for i := range parts {
		parts[i] = clean(parts[i], maxMessage)
	}
	return strings.Join(parts, "\n")
}
