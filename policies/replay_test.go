package policies

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// archiveOf opens the archive of a log in a folder.
func archiveOf(log string) *Archive {
	return &Archive{Name: filepath.Base(log), Read: func(_ context.Context, name string) ([]byte, error) {
		return os.ReadFile(filepath.Join(filepath.Dir(log), filepath.FromSlash(name)))
	}}
}

func entries(t *testing.T, a *Archive) []Entry {
	t.Helper()
	var out []Entry
	if _, err := a.Verify(t.Context(), nil, func(_ int, e Entry) { out = append(out, e) }); err != nil {
		t.Fatal(err)
	}
	return out
}

// Decisions come out the same when they are made again, whatever waivers and
// policies have become since.
func TestReplay(t *testing.T) {
	log := threeRulings(t)
	a := archiveOf(log)
	for i, e := range entries(t, a) {
		r, err := a.Replay(t.Context(), i+1, e)
		if err != nil || !r.Same() {
			t.Errorf("line %d: %+v, %v", i+1, r, err)
		}
	}
	files, err := filepath.Glob(contents(log) + "/*")
	if err != nil || len(files) != 5 { // three inputs, one bundle, one configuration
		t.Errorf("%d contents, %v", len(files), err)
	}
}

func TestReplayNeedsWhatIsKept(t *testing.T) {
	for what, c := range map[string]struct {
		digest func(e Entry) string
		do     func(file string) error
		want   string
	}{
		"input gone":    {func(e Entry) string { return e.InputSHA256 }, os.Remove, "the input is not kept: there is no decisions/"},
		"bundle gone":   {func(e Entry) string { return e.Bundles["dq"].Revision }, os.Remove, "the bundle of policies is not kept"},
		"config gone":   {func(e Entry) string { return e.ConfigDigest }, os.Remove, "the configuration is not kept"},
		"input changed": {func(e Entry) string { return e.InputSHA256 }, func(file string) error { return exchange(file) }, "the input was changed"},
		"input broken":  {func(e Entry) string { return e.InputSHA256 }, func(file string) error { return os.WriteFile(file, []byte("x"), 0o644) }, "the input: decisions/"},
	} {
		log := threeRulings(t)
		a := archiveOf(log)
		e := entries(t, a)[1]
		if err := c.do(filepath.Join(contents(log), contentName(c.digest(e)))); err != nil {
			t.Fatal(err)
		}
		r, err := a.Replay(t.Context(), 2, e)
		if err != nil || r.Same() || !strings.HasPrefix(r.Problem, c.want) {
			t.Errorf("%s: %+v, %v", what, r, err)
		}
	}
}

// exchange puts another content in the place of one.
func exchange(file string) error {
	others, err := filepath.Glob(filepath.Join(filepath.Dir(file), "*.gz"))
	if err != nil {
		return err
	}
	for _, other := range others {
		if other != file {
			data, err := os.ReadFile(other)
			if err != nil {
				return err
			}
			return os.WriteFile(file, data, 0o644)
		}
	}
	return os.ErrNotExist
}

// Lines that are missing at the end show by who wrote them.
func TestVerifyHeads(t *testing.T) {
	log := threeRulings(t)
	a := archiveOf(log)
	all := entries(t, a)
	data, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(data), "\n")
	if err := os.WriteFile(log, []byte(lines[0]+lines[1]), 0o644); err != nil {
		t.Fatal(err)
	}
	report, err := a.Verify(t.Context(), map[string]string{"run A": all[1].Hash, "run B": all[2].Hash}, nil)
	if err != nil || len(report.Problems) != 1 || report.Problems[0].Line != 3 || !strings.HasPrefix(report.Problems[0].Problem, "the last line that run B wrote") {
		t.Errorf("%+v, %v", report, err)
	}
}

func TestFind(t *testing.T) {
	a := archiveOf(threeRulings(t))
	all := entries(t, a)
	for id, want := range map[string]int{all[0].DecisionID: 1, all[2].DecisionID[:6]: 3, all[1].Result.Findings[0].ID: 3, "": 0, "none": 0, all[0].DecisionID[:3]: 0} {
		line, _, err := a.Find(t.Context(), id)
		if line != want || (err == nil) != (want > 0) {
			t.Errorf("%q: line %d, %v; want %d", id, line, err, want)
		}
	}
}

func TestExplain(t *testing.T) {
	a := archiveOf(threeRulings(t))
	line, e, err := a.Find(t.Context(), entries(t, a)[2].DecisionID)
	if err != nil {
		t.Fatal(err)
	}
	for _, trace := range Traces {
		x, err := a.Explain(t.Context(), line, e, "s001", trace)
		if err != nil {
			t.Fatal(err)
		}
		if !x.Same || x.Allow || len(x.Findings) != 1 {
			t.Fatalf("%+v", x)
		}
		f := x.Findings[0]
		if f.Rule == nil || f.Rule.File != "builtin/s001/s001.rego" || !strings.Contains(f.Rule.Text, "some gone in lib.gone") {
			t.Errorf("rule %+v", f.Rule)
		}
		if f.Change == nil || f.Change.Op != "column_dropped" || len(f.Readers) == 0 {
			t.Errorf("change %+v, readers %+v", f.Change, f.Readers)
		}
		if (f.Trace != "") != (trace == "fails" || trace == "full") {
			t.Errorf("trace %q: %s", trace, f.Trace)
		}
	}
}

// Values of personal columns are neither judged nor kept.
func TestPersonalValuesAreTakenOut(t *testing.T) {
	in := orders()
	in.New = shape(field("id", "int64"), field("client", "struct<mail: string>"), field("phone", "string"), field("a/b", "string"))
	in.New.Columns[1].Tags = map[string]string{"pii.contact": ""}
	in.New.Columns[len(in.New.Columns)-1].Tags = map[string]string{"pii": ""}
	in.Profile = &Profile{Columns: map[string]ProfileColumn{
		"id":          {Min: 1, Max: 9},
		"client.mail": {Min: "a@example.com", Max: "z@example.com", NullCount: 3},
		"phone":       {Min: "+33 1", PIISuspects: []Suspect{{Kind: "phone", Ratio: 1}}},
		"a/b":         {Max: "secret"},
	}}
	doc, err := in.document()
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(doc.erased, " "); got != "/profile/columns/a~1b/max /profile/columns/client.mail/max /profile/columns/client.mail/min /profile/columns/phone/min" {
		t.Error(got)
	}
	for _, value := range []string{"example.com", "+33", "secret"} {
		if strings.Contains(string(doc.text), value) {
			t.Errorf("%s is in %s", value, doc.text)
		}
	}
	if !strings.Contains(string(doc.text), `{"max":9,"min":1,"null_count":0}`) || in.Profile.Columns["a/b"].Max != "secret" {
		t.Errorf("%s", doc.text)
	}
}
