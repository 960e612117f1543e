package policies

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dq-dev/dq/internal/yamlpos"
)

var update = flag.Bool("update", false, "rewrite the golden files in testdata")

// golden compares text with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s:\n%s\nwant\n%s", name, got, want)
	}
}

// problems are the errors of Load, each on one line.
func problems(t *testing.T, err error) string {
	t.Helper()
	var many yamlpos.Errors
	if !errors.As(err, &many) {
		t.Fatalf("%T: %v", err, err)
	}
	var b strings.Builder
	for _, e := range many {
		if e.Source == "" && e.Line > 1 {
			t.Errorf("%v: the line is not shown", e)
		}
		fmt.Fprintln(&b, e.Error())
	}
	return b.String()
}

// Everything that is wrong in a file of waivers or owners is said at once, and where.
func TestWrongYAML(t *testing.T) {
	_, err := Load(context.Background(), Options{Waivers: "testdata/waivers.yaml"})
	golden(t, "waivers.golden", problems(t, err))
	_, err = Load(context.Background(), Options{Owners: "testdata/owners.yaml"})
	golden(t, "owners.golden", problems(t, err))
}

func TestWrongPolicies(t *testing.T) {
	_, err := Load(context.Background(), Options{Dirs: []string{"testdata/wrong/syntax"}})
	golden(t, "syntax.golden", problems(t, err))
	_, err = Load(context.Background(), Options{Dirs: []string{"testdata/wrong/functions"}})
	golden(t, "functions.golden", problems(t, err))
	_, err = Load(context.Background(), Options{Dirs: []string{"testdata/wrong/metadata"}})
	golden(t, "metadata.golden", problems(t, err))
}

func TestMissingFiles(t *testing.T) {
	for _, o := range []Options{{Dirs: []string{"testdata/nowhere"}}, {Owners: "testdata/nowhere.yaml"}} {
		if _, err := Load(context.Background(), o); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "nowhere") {
			t.Errorf("%+v: %v", o, err)
		}
	}
	if b, err := Load(context.Background(), Options{Waivers: "testdata/nowhere.yaml"}); err != nil || len(b.Waivers()) > 0 {
		t.Errorf("waivers that are not written yet: %v", err)
	}
}

func TestWrongModes(t *testing.T) {
	for say, m := range map[string]Mode{
		`mode 1: "deny" is none; the modes are enforce, warn, dry_run, off`: {Mode: "deny"},
		`mode 1: table "a b" is no table name`:                              {Mode: "off", Table: "a b"},
		`mode 1: there is no policy DQ-S0001; did you mean DQ-S001?`:        {Mode: "off", Policy: "DQ-S0001"},
	} {
		if _, err := Load(context.Background(), Options{Modes: []Mode{m}}); err == nil || !strings.Contains(err.Error(), say) {
			t.Errorf("%v", err)
		}
	}
}

// Policies of users are judged, listed and tested like the bundled ones.
func TestUsersPolicies(t *testing.T) {
	ctx := context.Background()
	b, err := Load(ctx, Options{Dirs: []string{"testdata/user"}, Owners: write(t, "owners.yaml", ownersFile)})
	if err != nil {
		t.Fatal(err)
	}
	in := orders()
	in.New = shape(field("net_amount", "double"))
	r, err := b.Decide(ctx, in)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Decisions) != 1 || r.Decisions[0].Policy != "ACME-001" || r.Decisions[0].Effect != "deny" || r.Decisions[0].Message != "net_amount is a double" {
		t.Errorf("%+v", r.Decisions)
	}
	if p := b.Policies()[0]; p.ID != "ACME-001" || p.Bundled || p.File != "testdata/user/amounts.rego" || p.Severity["bronze"] != "warn" {
		t.Errorf("%+v", p)
	}
	if o, ok := b.Owner("sales"); !ok || o.Email != "sales@example.com" {
		t.Errorf("%+v", o)
	}
	if other := bundled(t); other.Digest() == b.Digest() || !strings.HasPrefix(b.Digest(), "sha256:") {
		t.Errorf("digests %s, %s", b.Digest(), other.Digest())
	}

	report, err := b.Test(ctx)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, r := range report.Tests {
		if r.Package == "dq.policy.amounts_test" {
			got[r.Name] = r.Position + " " + r.Outcome + " " + r.Message
		}
	}
	for name, want := range map[string]string{
		"test_fires":      "testdata/user/amounts_test.rego:7:1 pass ",
		"test_wrong":      "testdata/user/amounts_test.rego:11:1 fail printed",
		"test_breaks":     "testdata/user/amounts_test.rego:16:1 error ",
		"todo_test_later": "testdata/user/amounts_test.rego:20:1 skip ",
	} {
		if !strings.HasPrefix(got[name], want) {
			t.Errorf("%s: %q, want %q", name, got[name], want)
		}
	}
	if report.Passed() || report.Coverage >= 100 || strings.Join(report.Uncovered, " ") != "testdata/user/amounts.rego:17 testdata/user/amounts.rego:19" {
		t.Errorf("passed %t, %f %%, %v", report.Passed(), report.Coverage, report.Uncovered)
	}
}

// A rule that reads what is not there would never find anything: nothing is asked then.
func TestLoadRefusesNamesThatAreNotThere(t *testing.T) {
	dir := filepath.Dir(write(t, "quiet.rego", `# METADATA
# title: Never finds anything
# custom:
#   id: ACME-001
#   severity: error
package dq.policy.quiet

findings contains {"msg": "q"} if input.tabel.name == "x"
`))
	_, err := Load(t.Context(), Options{Dirs: []string{dir}})
	if err == nil || !strings.Contains(err.Error(), "quiet.rego:8:") || !strings.Contains(err.Error(), "did you mean table?") {
		t.Errorf("%v", err)
	}
}

func TestTestsThatDoNotCompile(t *testing.T) {
	dir := filepath.Dir(write(t, "acme_test.rego", "package dq.policy.acme_test\n\ntest_x if http.send({})\n"))
	b, err := Load(context.Background(), Options{Dirs: []string{dir}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = b.Test(context.Background()); !strings.Contains(problems(t, err), "acme_test.rego:3:11: undefined function http.send; policies see nothing") {
		t.Errorf("%v", err)
	}
}

// Whatever stands in the files, it is read or refused; what is read can be decided with.
func FuzzWaivers(f *testing.F) {
	b := bundled(f)
	f.Add([]byte(waiversFile))
	f.Add([]byte("waivers: [{id: 1, policy: DQ-P004, table: '*', approved_by: [[x]], created: 2026-99-01}, 7, null]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		byPolicy, err := b.parseWaivers("waivers.yaml", data)
		if err != nil {
			return
		}
		for policy, waivers := range byPolicy {
			for _, w := range waivers {
				if b.byID[policy].ID == "" || w.ID == "" || len(w.ApprovedBy) == 0 || w.Expires < w.Created || badGlob(w.Table) != "" || w.Paths == nil {
					t.Fatalf("%+v", w)
				}
			}
		}
	})
}

// The file of owners says who is the controller, and which owner the data protection officer.
func TestAnswerable(t *testing.T) {
	for text, want := range map[string]string{
		"owners: {a: {email: a@b}}\ndpo: a\ncontroller: {team: Example Ltd, email: c@d}": "",
		"owners: {abc: {email: a@b}}\ndpo: abd":                                          `dpo: there is no owner "abd"`,
		"owners: {abc: {email: a@b}}\ndpo: [abc]":                                        "owners.yaml:2:6",
		"owners: {a: {email: a@b}}\ncontroller: {team: Example Ltd}":                     "the controller has no email",
		"owners: {a: {email: a@b}}\ncontroler: {}":                                       "controler",
		"owners: {a: {team: x}}":                                                         "owner a has no email",
	} {
		_, who, err := parseOwners("owners.yaml", []byte(text))
		switch {
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v, want %s", text, err, want)
		case want == "" && (err != nil || who.DPO != "a" || who.Controller == nil || who.Controller.Team != "Example Ltd" || who.Controller.Email != "c@d"):
			t.Errorf("%s: %+v, %v", text, who, err)
		}
	}
}

func FuzzOwners(f *testing.F) {
	f.Add([]byte(ownersFile))
	f.Add([]byte("owners: {a: {email: [x]}, b: 7}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		owners, _, err := parseOwners("owners.yaml", data)
		if err != nil {
			return
		}
		for name, o := range owners {
			if !strings.Contains(o.Email, "@") {
				t.Fatalf("%s: %+v", name, o)
			}
		}
	})
}

// What is compiled only when a change comes must be there on any day for a policy that
// reads what others find, however it names them.
func TestReadsPolicies(t *testing.T) {
	for body, want := range map[string]bool{
		"x := input.diff":                      false,
		"x := data.dq.lib.by_op":               false,
		"x := data.dq.config.thresholds":       false,
		"some y; x := data.other[y]":           false,
		`x := data.dq["lib"].by_op`:            false,
		"x := data.dq.policy.s001.findings":    true,
		`x := data.dq["policy"].s001.findings`: true,
		"some y; x := data.dq[y].s001":         true,
		"some y; x := data.dq.policy[y]":       true,
		"some y; x := data[y]":                 true,
		"x := data.dq":                         true,
		"x := data":                            true,
		"x := p.s001.findings":                 true,
		"x := 1 with data.dq.policy.s001 as 2": true,
	} {
		source := "package dq.policy.t\n\nimport data.dq.lib\n"
		if strings.Contains(body, "p.s001") && !strings.Contains(body, "data") {
			source += "import data.dq.policy as p\n"
		}
		m := &modules{sources: map[string]string{"t.rego": source + "\nfindings contains x if {\n" + body + "\n}\n"}, bundled: map[string]bool{}}
		if err := m.parse(false); err != nil {
			t.Fatal(body, err)
		}
		if got := readsPolicies(m.parsed["t.rego"]); got != want {
			t.Errorf("%s: %t", body, got)
		}
	}
}
