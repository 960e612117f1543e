package expectations

import (
	"fmt"
	"strings"
	"testing"
)

func TestSuiteTests(t *testing.T) {
	s, err := Load("testdata/orders.yaml", Options{})
	if err != nil {
		t.Fatal(err)
	}
	results := s.Test()
	if len(results) != 5 {
		t.Fatalf("%d results", len(results))
	}
	for _, r := range results {
		if len(r.Failures) > 0 {
			t.Errorf("%s: %s: %+v", r.Position, r.Name, r.Failures)
		}
	}
}

// TestSuiteTestsFail: what is expected wrongly is told, with place and reason.
func TestSuiteTestsFail(t *testing.T) {
	s := mustLoad(t, `version: 1
expectations:
  positive: {row: price > 0}
  other: {row: missing > 0}
tests:
  - rows: [{price: -1}, {price: 2}]
    expect: {positive: pass, other: pass}
`)
	var got []string
	for _, r := range s.Test() {
		for _, f := range r.Failures {
			got = append(got, fmt.Sprintf("%s: %s: %s: want %s, got %s: %s", r.Name, f.Position, f.ID, f.Want, f.Got, f.Message))
		}
	}
	golden(t, "testdata/tests.txt", strings.Join(got, "\n")+"\n")
}
