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

// TestSuiteTestColumns: a misspelt column of a test's rows is no test of anything.
func TestSuiteTestColumns(t *testing.T) {
	const suite = `version: 1
columns:
  quantity: {type: int64}
  country: {in_set: [NL, BE]}
let: {net: "price - discount"}
expectations:
  positive:
    row: quantity > 0 && row["Invoice No"] != null
    where: net > 0
tests:
  - {rows: [{%s: 5}], before: [[{%s: 1}]], expect: {positive: fail}}
`
	for _, c := range []struct{ name, before, want string }{
		{"quantity", "discount", ""},
		{"Invoice No", "country", ""},
		{"quantty", "quantity", "no rule and no column of the suite is about quantty; did you mean quantity?"},
		{"quantity", "discont", "no rule and no column of the suite is about discont; did you mean discount?"},
		{"zzzzzzzz", "quantity", "no rule and no column of the suite is about zzzzzzzz; "},
	} {
		_, err := Parse("suite.yaml", fmt.Appendf(nil, suite, c.name, c.before), Options{})
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s, %s: %v, want %s", c.name, c.before, err, c.want)
		}
	}
	// A rule on all columns is about each.
	if _, err := Parse("suite.yaml", []byte("version: 1\nexpectations: {few: {column_count: {max: 1}}}\ntests: [{rows: [{a: 1, b: 2}], expect: {few: fail}}]\n"), Options{}); err != nil {
		t.Error(err)
	}
}
