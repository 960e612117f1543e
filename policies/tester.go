package policies

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"

	"github.com/open-policy-agent/opa/v1/cover"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/tester"
)

// TestReport is the outcome of the policies' own tests.
type TestReport struct {
	Tests []TestResult `json:"tests"` // by package and name
	// Coverage is the share, in percent, of the lines of all policies that a test
	// reached; Own is that of users' policies alone, nil without any.
	Coverage  float64  `json:"coverage"`
	Own       *float64 `json:"coverage_own,omitempty"`
	Uncovered []string `json:"uncovered,omitempty"` // file:line
}

// Passed says that every test did.
func (r *TestReport) Passed() bool {
	for _, t := range r.Tests {
		if t.Outcome != "pass" && t.Outcome != "skip" {
			return false
		}
	}
	return true
}

// TestResult is the outcome of one rule test_... of a file *_test.rego.
type TestResult struct {
	Package  string `json:"package"` // dq.policy.s001_test
	Name     string `json:"name"`    // test_fires
	Position string `json:"position"`
	Outcome  string `json:"outcome"`           // pass, fail, error, or skip (todo_test_...)
	Message  string `json:"message,omitempty"` // the error, and what the test printed
}

// Test runs every test of the bundled and of users' policies. Tests see the
// catalogue of the policies, but no waivers, owners or modes except those that
// they bring (with data.dq.waivers as ...). A test that fails is an outcome; the
// error is for tests that do not compile (yamlpos.Errors).
func (b *Bundle) Test(ctx context.Context) (*TestReport, error) {
	m, err := modulesOf(b.modules, true)
	if err != nil {
		return nil, err
	}
	parsed := m.parsed
	data, err := object(map[string]any{"catalog": rules(b.catalog), "waivers": map[string]any{}, "owners": nil, "config": defaultConfig()})
	if err != nil {
		return nil, err
	}
	store := inmem.NewFromObject(data)
	coverage := cover.New()
	report := &TestReport{}
	err = storage.Txn(ctx, store, storage.TransactionParams{}, func(txn storage.Transaction) error {
		results, err := tester.NewRunner().
			SetCompiler(newCompiler().WithEnablePrintStatements(true)).
			SetStore(store).
			SetModules(parsed).
			CapturePrintOutput(true).
			RaiseBuiltinErrors(true).
			SetTimeout(deadline).
			SetCoverageQueryTracer(coverage).
			SetCoverageRuns(nil).
			RunTests(ctx, txn)
		if err != nil {
			return m.problems("", err).Sort()
		}
		for r := range results {
			report.Tests = append(report.Tests, testResult(r))
		}
		return ctx.Err()
	})
	if err != nil {
		return nil, err
	}
	sort.SliceStable(report.Tests, func(i, j int) bool {
		a, c := report.Tests[i], report.Tests[j]
		if a.Package != c.Package {
			return a.Package < c.Package
		}
		return a.Name < c.Name
	})
	for name := range parsed {
		if isTest(name) {
			delete(parsed, name)
		}
	}
	lines := coverage.Report(parsed)
	report.Coverage = lines.Coverage
	reached, all := 0, 0
	for _, file := range slices.Sorted(maps.Keys(lines.Files)) {
		f := lines.Files[file]
		if !m.bundled[file] {
			reached += f.CoveredLines
			all += f.CoveredLines + f.NotCoveredLines
		}
		for _, r := range f.NotCovered {
			if line := fmt.Sprintf("%s:%d", file, r.Start.Row); !slices.Contains(report.Uncovered, line) {
				report.Uncovered = append(report.Uncovered, line)
			}
		}
	}
	if all > 0 {
		report.Own = new(100 * float64(reached) / float64(all))
	}
	return report, nil
}

func testResult(r *tester.Result) TestResult {
	out := TestResult{Package: strings.TrimPrefix(r.Package, "data."), Name: r.Name, Outcome: "pass"}
	if r.Location != nil {
		out.Position = fmt.Sprintf("%s:%d:%d", r.Location.File, r.Location.Row, r.Location.Col)
	}
	switch {
	case r.Skip:
		out.Outcome = "skip"
	case r.Error != nil:
		out.Outcome, out.Message = "error", r.Error.Error()
	case r.Fail:
		out.Outcome = "fail"
	}
	if len(r.Output) > 0 {
		out.Message = strings.TrimSpace(out.Message + "\n" + string(r.Output))
	}
	return out
}
