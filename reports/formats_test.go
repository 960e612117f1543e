package reports

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/dq-dev/dq/record"
	"github.com/dq-dev/dq/table"
)

var update = flag.Bool("update", false, "write the golden files anew")

// fixture is a run of an e-commerce pipeline: bronze and silver published with
// warnings, gold refused.
func fixture(t testing.TB) *record.Run {
	t.Helper()
	f, err := os.Open("testdata/run.json")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	run, err := record.Read(f)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// golden compares with a file under testdata, or writes it.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs from what is drawn now; look at it, and if it is right run: go test ./reports -update", path)
	}
}

func draw(t testing.TB, format string, run *record.Run) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, format, run); err != nil {
		t.Fatalf("%s: %v", format, err)
	}
	return b.Bytes()
}

func TestGolden(t *testing.T) {
	run := fixture(t)
	for _, f := range Formats() {
		switch f.Name {
		case "pdf": // its text is compared by TestPDFText
		case "json": // it is the record: TestJSONIsTheRecord
		default:
			golden(t, "golden-"+f.Name+f.Ext, draw(t, f.Name, run))
		}
	}
}

func TestJSONIsTheRecord(t *testing.T) {
	run := fixture(t)
	data := draw(t, "json", run)
	again, err := record.Read(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(data, draw(t, "json", again)) {
		t.Error("the record does not survive being written and read")
	}
	if digest(run) != digest(again) {
		t.Error("the digest changes when the record is read back")
	}
}

// A record drawn by the run itself and one read back from JSON look the same,
// though the engine's values have other types than JSON's.
func TestSameFromMemoryAndFromJSON(t *testing.T) {
	at := time.Date(2011, 12, 9, 12, 50, 4, 0, time.UTC)
	row := map[string]any{"i": int64(12), "f": 0.5, "big": 1e21, "small": 1e-9, "t": at, "b": []byte{1, 2}, "l": []any{int64(1), "x"},
		"m": map[string]any{"k": nil}, "n": nil, "s": " a", "ok": true, "e": ""}
	run := &record.Run{Format: record.RunFormat, Outcome: "checked", Layers: []record.Layer{{Tables: []record.Table{{Name: "t", Outcome: "checked",
		Check: &record.Check{Expectations: []record.Expectation{{ID: "x", Verdict: record.Fail, Sample: []map[string]any{row}, Observed: map[string]any{"mean(x)": 1.25, "rows()": int64(7)}}}}}}}}}
	data, err := json.Marshal(run)
	if err != nil {
		t.Fatal(err)
	}
	again, err := record.Read(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range Formats() {
		if a, b := draw(t, f.Name, run), draw(t, f.Name, again); !bytes.Equal(a, b) {
			t.Errorf("%s differs between the run's own record and the one read back", f.Name)
		}
	}
}

func TestDeterministic(t *testing.T) {
	for _, f := range Formats() {
		first := draw(t, f.Name, fixture(t))
		for range 4 {
			if !bytes.Equal(first, draw(t, f.Name, fixture(t))) {
				t.Errorf("%s: two drawings of one record differ", f.Name)
				break
			}
		}
	}
}

// Any record can be drawn, the empty one too.
func TestEmpty(t *testing.T) {
	zero := int64(0)
	runs := map[string]*record.Run{
		"nothing":   {},
		"no tables": {Layers: []record.Layer{{Name: "bronze"}}},
		"bare": {Findings: []record.Finding{{}}, Lineage: &record.Graph{Tables: []record.GraphTable{{}, {}}, Edges: []record.Edge{{}, {FromTable: "no such"}}},
			Layers: []record.Layer{{Tables: []record.Table{{Version: &zero, Source: &record.Source{Files: []record.SourceFile{{}}}, Changes: []table.Change{{}}, Check: &record.Check{Expectations: []record.Expectation{{}}},
				Decisions: []record.Decision{{Waiver: &record.Waiver{}}}, Findings: []record.Finding{{Sample: []map[string]any{{}}}}, Quarantine: &record.Quarantine{Sample: []map[string]any{{"": nil}}},
				Profile: &record.Profile{Alerts: []record.Alert{{}}, Columns: []record.ColumnProfile{{Top: []record.ValueCount{{}}, Histogram: &record.Histogram{}}, {Histogram: &record.Histogram{Counts: []int64{0, 0}}}}}}}}}},
	}
	for name, run := range runs {
		for _, f := range Formats() {
			if len(draw(t, f.Name, run)) == 0 && f.Name != "github" {
				t.Errorf("%s of %s is empty", f.Name, name)
			}
		}
	}
}

func TestUnknownFormat(t *testing.T) {
	for name, want := range map[string]string{
		"htlm":                                  "did you mean html?",
		"JUNIT":                                 "did you mean junit?",
		"sqlite":                                "the formats are text, html, pdf",
		"":                                      "the formats are",
		strings.Repeat("x", 1<<20) + "\x1b[31m": "the formats are",
	} {
		err := Write(&bytes.Buffer{}, name, &record.Run{})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\x1b") || len(err.Error()) > 1000 {
			t.Errorf("format %.20q: error %v, want %q", name, err, want)
		}
	}
}

type broken struct{}

var errBroken = errors.New("the disk is full")

func (broken) Write([]byte) (int, error) { return 0, errBroken }

func TestErrorsOfTheWriter(t *testing.T) {
	run := fixture(t)
	for _, f := range Formats() {
		if err := f.Write(broken{}, run); !errors.Is(err, errBroken) {
			t.Errorf("%s: error %v, want that of the writer", f.Name, err)
		}
	}
}

// poison puts s into every string of a record, behind pointers, in slices and in
// maps, so that no place is forgotten when the record grows.
func poison(v reflect.Value, s string) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() && v.Type().Elem().Kind() == reflect.Struct && v.Type() != reflect.TypeFor[*table.Type]() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		if !v.IsNil() {
			poison(v.Elem(), s)
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return
		}
		for i := range v.NumField() {
			poison(v.Field(i), s)
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 || v.Type() == reflect.TypeFor[[]table.Field]() {
			return
		}
		if v.Len() == 0 {
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		}
		for i := range v.Len() {
			poison(v.Index(i), s)
		}
	case reflect.Map:
		m := reflect.MakeMap(v.Type())
		elem := reflect.New(v.Type().Elem()).Elem()
		if elem.Kind() == reflect.Interface {
			elem.Set(reflect.ValueOf(s))
		}
		m.SetMapIndex(reflect.ValueOf(s), elem)
		v.Set(m)
	case reflect.Interface:
		v.Set(reflect.ValueOf(s))
	case reflect.String:
		v.SetString(s)
	case reflect.Int64, reflect.Int:
		v.SetInt(3)
	}
}

// poisoned is a record that says s everywhere; its verdicts are kept valid in a
// second table, so that all branches are drawn.
func poisoned(s string) *record.Run {
	run := &record.Run{}
	poison(reflect.ValueOf(run).Elem(), s)
	tab := run.Layers[0].Tables[0]
	check := *tab.Check
	e := check.Expectations[0]
	check.Expectations = nil
	for _, v := range []record.Verdict{record.Pass, record.Warn, record.Fail, record.Error, record.Vacuous, record.Skipped} {
		e.Verdict, e.Scope = v, "row"
		check.Expectations = append(check.Expectations, e)
	}
	tab.Check = &check
	d := tab.Decisions[0]
	tab.Decisions = nil
	for _, effect := range []string{"deny", "warn", "waived", "dry_run"} {
		d.Effect = effect
		tab.Decisions = append(tab.Decisions, d)
	}
	f := tab.Findings[0]
	f.Severity = "error"
	tab.Findings = append(tab.Findings, f)
	tab.Outcome = "refused"
	run.Layers[0].Tables = append(run.Layers[0].Tables, tab)
	return run
}

// hostile is what data and names have been seen to hold, and worse.
var hostile = []string{
	`<script>alert(1)</script>`,
	`"><img src=x onerror=alert(1)>`,
	`' onclick='alert(1)`,
	`</style></title></textarea></svg><svg onload=alert(1)>`,
	"]]><!-- --><?xml ?>&#0;&lt;&bogus;",
	"\u202Eevil\u202C \u2066x\u2069 \u200Bzero\uFEFF",
	"nul\x00 bell\x07 esc\x1b[31m\x1b]0;title\x07 cr\rlf\ntab\t del\x7f c1\u009b31m",
	"bad\xff\xfe utf8 \xed\xa0\x80 \xf0\x9f",
	"\uFFFE\uFFFF\U0001FFFE",
	"emoji 🎁👩‍👩‍👧 CJK 你好 한글 עברית العربية हिन्दी e\u0301\u0301\u0301",
	"| a | b |\n|---|---|\n`x` *y* [z](javascript:alert(1)) @team http://example.com ![i](x)",
	"%0A::error::x\r\n::set-output name=x::y",
	"(a) \\(b\\) Tj ET << /JS >> endobj {nb}",
	strings.Repeat("A", 3000), strings.Repeat("Wort ", 2000), strings.Repeat("\u0301", 500),
	"", " ", "-", "javascript:alert(1)", "../../etc/passwd",
}

func TestHostile(t *testing.T) {
	for _, s := range hostile {
		run := poisoned(s)
		page := draw(t, "html", run)
		checkPage(t, page)
		for _, bad := range []string{"<script>alert", "<img", "onerror=alert(1)>", "<svg onload", "<!-- -->", "onclick='"} {
			if bytes.Contains(page, []byte(bad)) {
				t.Errorf("html of %.40q holds %q", s, bad)
			}
		}
		for _, format := range []string{"html", "text", "markdown", "junit", "github"} {
			checkClean(t, format, draw(t, format, run))
		}
		checkXML(t, draw(t, "junit", run))
		checkPDF(t, draw(t, "pdf", run))
		for line := range strings.Lines(string(draw(t, "github", run))) {
			if !strings.HasPrefix(line, "::error ") && !strings.HasPrefix(line, "::warning ") {
				t.Errorf("github of %.40q: a line that is no annotation: %.80q", s, line)
			}
		}
	}
}

// checkClean fails for characters that a terminal or browser would obey.
func checkClean(t *testing.T, format string, out []byte) {
	t.Helper()
	for _, r := range string(out) {
		if r < 0x20 && r != '\n' || r == 0x7F || hidden(r) {
			t.Errorf("%s: character %U came through", format, r)
			return
		}
	}
}

// Strings of a megabyte are cut, and say so.
func TestLongStrings(t *testing.T) {
	long := strings.Repeat("long ", 200_000)
	run := fixture(t)
	tab := &run.Layers[2].Tables[0]
	run.Message, run.Pipeline, tab.Name, tab.Location = long, long, long, long
	e := &tab.Check.Expectations[0]
	e.ID, e.CEL, e.Message, e.Sample = long, long, long, []map[string]any{{long: long, "list": []any{long}}}
	tab.Profile.Columns[0].Name, tab.Profile.Columns[0].Min = long, long
	run.Lineage.Tables[0].Name = long
	for _, f := range Formats() {
		if f.Name == "json" {
			continue
		}
		out := draw(t, f.Name, run)
		if len(out) > 1<<20 {
			t.Errorf("%s has %d bytes", f.Name, len(out))
		}
		if f.Name != "pdf" && !bytes.Contains(out, []byte("more characters)")) {
			t.Errorf("%s does not say what was cut", f.Name)
		}
	}
}

func FuzzFormats(f *testing.F) {
	for _, s := range hostile {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		run := poisoned(s)
		checkPage(t, draw(t, "html", run))
		checkXML(t, draw(t, "junit", run))
		for _, format := range []string{"html", "text", "markdown", "junit", "github"} {
			checkClean(t, format, draw(t, format, run))
		}
	})
}

// The PDF has a target of its own, because a document costs many times a page.
// The string stands where each kind of text is drawn: sans, bold, mono,
// bookmarks, the title, a table.
func FuzzPDF(f *testing.F) {
	for _, s := range hostile {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		run := &record.Run{ID: s, Pipeline: s, Message: s, Layers: []record.Layer{{Name: s, Tables: []record.Table{{Name: s, Outcome: "refused",
			Check: &record.Check{Expectations: []record.Expectation{{ID: s, CEL: s, Verdict: record.Fail, Sample: []map[string]any{{s: s}}}}}}}}}}
		checkPDF(t, draw(t, "pdf", run))
	})
}

func BenchmarkHTML(b *testing.B) { benchmark(b, "html") }
func BenchmarkPDF(b *testing.B)  { benchmark(b, "pdf") }
func BenchmarkText(b *testing.B) { benchmark(b, "text") }

// benchmark draws a run of 12 tables.
func benchmark(b *testing.B, format string) {
	run := fixture(b)
	b.ReportAllocs()
	for b.Loop() {
		b.SetBytes(int64(len(draw(b, format, run))))
	}
}
