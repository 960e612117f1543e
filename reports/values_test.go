package reports

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/dq-dev/dq/record"
	"github.com/dq-dev/dq/table"
)

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"plain text":              "plain text",
		"a\nb\tc":                 "a↵b⇥c",
		"nul\x00esc\x1bdel\x7f":   "nul␀esc␛del␡",
		"\u202Eabc":               "U+202Eabc",
		"a\u200Bb\uFEFF":          "aU+200BbU+FEFF",
		"\xffx":                   "\uFFFDx",
		"\uFFFE":                  "U+FFFE",
		"e\u0301 👩\u200D🚀":        "e\u0301 👩\u200D🚀",
		"0123456789abcdefghijXYZ": "0123456789abcdefghij… (3 more characters)",
	} {
		if got := clean(in, 20); got != want {
			t.Errorf("clean(%q) = %q, want %q", in, got, want)
		}
	}
}

// Values of a run and those of its record that was read back look the same.
func TestValuesWithParts(t *testing.T) {
	type keys struct {
		Track []string `json:"track"`
		Keys  []string `json:"keys"`
	}
	for want, v := range map[string]any{
		`["a<b","c"]`:                    []string{"a<b", "c"},
		`{"keys":["k"],"track":["t&u"]}`: keys{[]string{"t&u"}, []string{"k"}},
		`{"text":"rows() < 1.05"}`:       map[string]any{"text": "rows() < 1.05"},
		`[1.50,null]`:                    []any{json.Number("1.50"), nil},
	} {
		if got := value(v); got.text != want || got.quiet {
			t.Errorf("value(%#v) = %q, want %q", v, got.text, want)
		}
	}
}

func FuzzClean(f *testing.F) {
	for _, s := range hostile {
		f.Add(s, 50)
	}
	f.Fuzz(func(t *testing.T, s string, limit int) {
		limit = max(1, limit%5000)
		out := clean(s, limit)
		if !utf8.ValidString(out) {
			t.Errorf("%q is not UTF-8", out)
		}
		for _, r := range out {
			if r < 0x20 || r == 0x7F || hidden(r) {
				t.Errorf("%U came through", r)
			}
		}
		if n := utf8.RuneCountInString(out); n > limit*8+40 {
			t.Errorf("%d characters for a limit of %d", n, limit)
		}
	})
}

func TestNumbers(t *testing.T) {
	for got, want := range map[string]string{
		number(0): "0", number(-1234567): "-1,234,567", number(999): "999", number(math.MinInt64): "-9,223,372,036,854,775,808",
		float(4.6256): "4.6256", float(1234567.891): "1,234,567.9", float(-0.000012): "-1.2e-05", float(541909): "541,909", float(math.NaN()): "NaN", float(math.Inf(1)): "+Inf",
		percent(0, 10): "0 %", percent(10, 10): "100 %", percent(1, 100000): "<0.1 %", percent(99999, 100000): ">99.9 %", percent(1, 3): "33.3 %", percent(1, 0): "–",
		duration(0): "0 ms", duration(59_960): "60.0 s", duration(61_000): "1 min 1 s", duration(3_720_000): "1 h 2 min",
		size(999): "999 B", size(1_000): "1.0 kB", size(999_960): "1.0 MB", size(5e15): "5000.0 TB",
		plural(1, "row"): "1 row", plural(1200, "row"): "1,200 rows", plural(2, "entry"): "2 entries",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// The columns a rule speaks of come first, then the schema's order; what has no
// room is counted.
func TestSamples(t *testing.T) {
	schema := table.Schema{}
	row := map[string]any{"zz": 1.0}
	for _, name := range strings.Split("abcdefghijk", "") {
		schema.Fields = append(schema.Fields, table.Field{Name: name})
		row[name] = name
	}
	s := samples([]map[string]any{row, {"k": nil}}, []string{"k", "missing"}, schema)
	if got := strings.Join(s.columns, ""); got != "kabcdefg" || s.left != 4 {
		t.Errorf("columns %s and %d more", got, s.left)
	}
	if c := s.rows[1][0]; c.text != "null" || !c.quiet {
		t.Errorf("null is shown as %+v", c)
	}
	if c := s.rows[1][1]; c.text != "" {
		t.Errorf("a value that is not there is shown as %+v", c)
	}
}

func TestReconciles(t *testing.T) {
	if ok, _ := reconciles(record.Counts{Returned: 10, Published: 5, Unchanged: 2, Quarantined: 2, Dropped: 1}); !ok {
		t.Error("counts that add up do not reconcile")
	}
	run := fixture(t)
	run.Layers[1].Tables[0].Counts.Dropped++
	for _, f := range []string{"html", "text"} {
		if out := string(draw(t, f, run)); !strings.Contains(out, "does not reconcile") {
			t.Errorf("%s does not say that counts do not reconcile", f)
		}
	}
	if text := pdfText(t, run); !strings.Contains(text, "does not reconcile") {
		t.Error("pdf does not say that counts do not reconcile")
	}
}

// Rows of a closed layer are neither published nor refused one by one: they are held back.
func TestRowFacts(t *testing.T) {
	published := record.Table{Outcome: "published", Counts: record.Counts{Returned: 12, Published: 9, Quarantined: 2, Dropped: 1}}
	refused := record.Table{Outcome: "refused", Counts: record.Counts{Returned: 1500, Published: 1490, Quarantined: 10}}
	idle := record.Table{Outcome: "not_run"}
	for _, c := range []struct {
		tables []record.Table
		want   string
	}{
		{[]record.Table{published}, "[{Rows published 9} {Rows refused 3}]"},
		{[]record.Table{published, refused, idle}, "[{Rows published 9} {Rows refused 3} {Rows held back 1,500}]"},
		{[]record.Table{refused}, "[{Rows published 0} {Rows refused 0} {Rows held back 1,500}]"},
	} {
		run := &record.Run{Command: "run", Layers: []record.Layer{{Tables: c.tables}}}
		if got := fmt.Sprint(rowFacts(run)); got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
		if html := string(draw(t, "html", run)); strings.Contains(html, "Rows held back") != strings.Contains(c.want, "held back") {
			t.Errorf("the page does not say what the facts do: %s", c.want)
		}
	}
}

func TestThreshold(t *testing.T) {
	for _, c := range []struct {
		bears map[string]any
		want  string
	}{
		{map[string]any{"mostly": 0.99}, "mostly 0.99"},
		{map[string]any{"mostly": map[string]any{"warn": 0.999, "fail": 0.99}}, "mostly 0.99 (below 0.999 it warns)"},
		{map[string]any{"max_failed": map[string]any{"warn": int64(2), "fail": int64(10)}}, "max_failed 10 (above 2 it warns)"},
	} {
		if got := threshold(c.bears); got != c.want {
			t.Errorf("%v is written %q, want %q", c.bears, got, c.want)
		}
	}
}

// A table that closed the gate looks other than those held back with it.
func TestTableVerdict(t *testing.T) {
	check := func(v record.Verdict) *record.Check { return &record.Check{Verdict: v} }
	for _, c := range []struct {
		name string
		tab  record.Table
		want record.Verdict
	}{
		{"published", record.Table{Outcome: "published", Check: check(record.Pass)}, record.Pass},
		{"with warnings", record.Table{Outcome: "published", Check: check(record.Warn)}, record.Warn},
		{"a policy warned", record.Table{Outcome: "published", Check: check(record.Pass), Decisions: []record.Decision{{Effect: "warn"}}}, record.Warn},
		{"waived", record.Table{Outcome: "published", Check: check(record.Pass), Decisions: []record.Decision{{Effect: "waived"}}}, record.Pass},
		{"culprit", record.Table{Outcome: "refused", Check: check(record.Error)}, record.Fail},
		{"denied", record.Table{Outcome: "refused", Check: check(record.Pass), Decisions: []record.Decision{{Effect: "deny"}}}, record.Fail},
		{"bad source", record.Table{Outcome: "refused", Findings: []record.Finding{{Severity: "error"}}}, record.Fail},
		{"held back", record.Table{Outcome: "refused", Check: check(record.Pass)}, record.Skipped},
		{"nothing known", record.Table{Outcome: "refused"}, record.Fail},
		{"failed check", record.Table{Outcome: "checked", Check: check(record.Fail)}, record.Fail},
		{"not run", record.Table{Outcome: "not_run"}, record.Skipped},
	} {
		if got := tableVerdict(&c.tab); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestHeadlineAndNext(t *testing.T) {
	for _, c := range []struct {
		outcome string
		verdict record.Verdict
		want    string
	}{
		{"published", record.Pass, "Published"}, {"published", record.Warn, "Published, with warnings"}, {"refused", record.Fail, "Refused"},
		{"partial", record.Fail, "Partly published"}, {"unchanged", record.Pass, "Nothing to do"}, {"checked", record.Fail, "Check failed"},
		{"checked", record.Warn, "Check passed, with warnings"}, {"profiled", record.Pass, "Profiled"},
	} {
		run := &record.Run{Outcome: c.outcome, Verdict: c.verdict}
		if got := headline(run); got != c.want {
			t.Errorf("%s %s: %q, want %q", c.outcome, c.verdict, got, c.want)
		}
		if len(next(run)) == 0 {
			t.Errorf("%s: nothing is said about what to do next", c.outcome)
		}
	}
}

// Every table stands right of what it was made from; lanes of long edges keep
// clear of tables; nothing lies outside or on each other.
func TestLayout(t *testing.T) {
	d := layout(fixture(t))
	for _, e := range d.edges {
		if d.nodes[e.from].x >= d.nodes[e.to].x {
			t.Errorf("%s is not left of %s", d.nodes[e.from].name, d.nodes[e.to].name)
		}
	}
	for i := range d.nodes {
		a := &d.nodes[i]
		if a.x < 0 || a.y < 0 || a.x+nodeWidth > d.width || a.y+a.height() > d.height {
			t.Errorf("%s lies outside", a.name)
		}
		for j := range d.nodes[:i] {
			if b := &d.nodes[j]; a.x == b.x && a.y < b.y+b.height() && b.y < a.y+a.height() {
				t.Errorf("%s lies on %s", a.name, b.name)
			}
		}
	}
	circle := &record.Run{Lineage: &record.Graph{Tables: []record.GraphTable{{Name: "a"}, {Name: "b"}},
		Edges: []record.Edge{{FromTable: "a", ToTable: "b"}, {FromTable: "b", ToTable: "a"}, {FromTable: "a", ToTable: "a"}}}}
	if d := layout(circle); d.tables != 2 || len(d.edges) != 2 {
		t.Errorf("a circle gives %d tables and %d edges", d.tables, len(d.edges))
	}
}

func TestBars(t *testing.T) {
	many := &record.Histogram{Counts: make([]int64, 100)}
	many.Counts[0], many.Counts[99] = 1, 1_000_000
	shares := bars(many)
	if len(shares) > maxBins || shares[0] <= 0 || shares[len(shares)-1] != 1 || shares[1] != 0 {
		t.Errorf("bars %v", shares)
	}
}

func TestVersions(t *testing.T) {
	none, first, next := (*int64)(nil), int64(0), int64(1)
	judged := &record.Check{Dataset: record.Dataset{Version: &first}}
	for _, c := range []struct {
		name, want string
		table      record.Table
	}{
		{"held back before it had a version", "–", record.Table{Outcome: "refused", VersionBefore: none, Check: judged}},
		{"held back", "0", record.Table{Outcome: "refused", VersionBefore: &first, Check: judged}},
		{"checked, outside of a pipeline", "0", record.Table{Check: judged}},
		{"new", "new → 0", record.Table{Outcome: "published", Version: &first}},
		{"committed", "0 → 1", record.Table{Outcome: "published", VersionBefore: &first, Version: &next}},
	} {
		if got := versions(&c.table); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
