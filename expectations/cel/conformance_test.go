package cel_test

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/dq-dev/dq/expectations/cel"
	"github.com/dq-dev/dq/expectations/cel/celtest"
	"github.com/dq-dev/dq/table"
)

// TestConformance runs the tests of the CEL specification that apply by the
// reference, with constants and with columns in their place. testdata/conformance.txt
// lists all others: those that differ, which SEMANTICS of rules explain, and those
// that do not apply, by reason.
func TestConformance(t *testing.T) {
	none, err := cel.NewEnv(table.Schema{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	same, withColumns := 0, 0
	lists := map[string][]string{}
	for _, c := range celtest.Cases(t) {
		if c.Why != "" {
			lists["does not apply: "+c.Why] = append(lists["does not apply: "+c.Why], c.Name)
			continue
		}
		want := cel.True
		if c.Errs {
			want = cel.Err
		}
		rule, err := none.Row(c.Source)
		if err != nil {
			why := reason(err)
			lists[why] = append(lists[why], c.Name)
			continue
		}
		if got := rule.Eval(nil); got.Value != want {
			why := fmt.Sprintf("differs: %v where the specification has %v", got.Value, want)
			lists[why] = append(lists[why], c.Name+": "+c.Source)
			continue
		}
		same++
		l := celtest.Lift(c.Source)
		env, err := cel.NewEnv(l.Schema, nil)
		if err != nil {
			t.Errorf("%s: %v", c.Name, err)
			continue
		}
		rule, err = env.Row(l.Source)
		if err != nil { // a function that takes constants
			continue
		}
		if got := rule.Eval(l.Row); got.Value != want {
			t.Errorf("%s: %s gives %v with columns %v", c.Name, l.Source, got, l.Row)
		}
		withColumns++
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d tests are the same, %d of them with columns as well.\n", same, withColumns)
	var reasons []string
	for r := range lists {
		reasons = append(reasons, r)
	}
	slices.Sort(reasons)
	for _, r := range reasons {
		fmt.Fprintf(&b, "\n%s (%d)\n", r, len(lists[r]))
		for _, name := range lists[r] {
			b.WriteString("  " + strings.ReplaceAll(name, "\n", " ") + "\n")
		}
	}
	const file = "testdata/conformance.txt"
	if flag.Lookup("update").Value.String() == "true" {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	known, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(known) != b.String() {
		t.Errorf("%s differs (go test -update rewrites it)", file)
	}
}

var named = regexp.MustCompile(`there is no (column|function) \S+`)

// reason is the first issue without what differs from test to test.
func reason(err error) string {
	first, _, _ := strings.Cut(err.Error(), "\n")
	_, first, _ = strings.Cut(first, ": ")
	first, _, _ = strings.Cut(first, ";")
	if m := named.FindString(first); m != "" {
		first = m
	}
	return "does not apply: " + first
}
