package policies

import (
	"context"
	"strings"
	"testing"
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
		if name == "main" {
			pkg = "dq.main_test"
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

func hasPrefix(names []string, prefix string) bool {
	for _, name := range names {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}
