package policies

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/format"
)

func bundled(t testing.TB) *Bundle {
	t.Helper()
	b, err := Load(context.Background(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The bundled policies' own tests pass, reach every line, and show each policy
// firing, being silent, and being waived.
func TestBundledPolicies(t *testing.T) {
	b := bundled(t)
	report, err := b.Test(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string][]string{}
	for _, r := range report.Tests {
		if r.Outcome != "pass" {
			t.Errorf("%s: %s: %s %s", r.Position, r.Name, r.Outcome, r.Message)
		}
		tests[r.Package] = append(tests[r.Package], r.Name)
	}
	if !report.Passed() {
		t.Error("not passed")
	}
	if report.Coverage != 100 {
		t.Errorf("%.2f %% of the lines are tested; not %v", report.Coverage, report.Uncovered)
	}
	for _, p := range b.Policies() {
		name := strings.TrimSuffix(p.File[strings.LastIndex(p.File, "/")+1:], ".rego")
		pkg := "dq.policy." + name + "_test"
		if p.ID == aboutWaivers {
			pkg = "dq.w001_test"
		}
		for _, kind := range []string{"test_fires", "test_silent", "test_waived"} {
			if !hasPrefix(tests[pkg], kind) {
				t.Errorf("%s: package %s has no test %s...", p.ID, pkg, kind)
			}
		}
		if p.Title == "" || p.Description == "" || p.Remediation == "" || p.Category == "" || !p.Bundled {
			t.Errorf("%s: METADATA is not complete: %+v", p.ID, p)
		}
		if want := "builtin/" + name + "/" + name + ".rego"; p.File != want {
			t.Errorf("%s is in %s, not %s", p.ID, p.File, want)
		}
	}
}

// The bundled policies and their tests pass OPA's strict check against the schema of the
// input (opa check --strict --schema), and are written as opa fmt writes them.
func TestBundledRegoIsChecked(t *testing.T) {
	m, err := readModules(nil)
	if err != nil {
		t.Fatal(err)
	}
	tests, err := modulesOf(m.sources, true)
	if err != nil {
		t.Fatal(err)
	}
	problems, err := tests.compiled()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Error(p)
	}
	for name, source := range m.sources {
		formatted, err := format.SourceWithOpts(name, []byte(source), format.Opts{RegoVersion: ast.RegoV1})
		switch {
		case err != nil:
			t.Error(err)
		case *update:
			err = os.WriteFile(name, formatted, 0o644)
			if err != nil {
				t.Fatal(err)
			}
		case string(formatted) != source:
			t.Errorf("%s is not as opa fmt writes it; -update writes it so", name)
		}
	}
}

func hasPrefix(names []string, prefix string) bool {
	for _, name := range names {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}
