package expectations

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/dq-dev/dq/engine"
)

// wide is a suite with one rule on each of n columns.
func wide(n int) (suite, columns string) {
	var rules, types []string
	for i := range n {
		rules = append(rules, fmt.Sprintf("  c%d: {type: int64, between: {min: 0, max: 9}}", i))
		types = append(types, fmt.Sprintf("c%d int64", i))
	}
	return "version: 1\ncolumns:\n" + strings.Join(rules, "\n") + "\n", strings.Join(types, ", ")
}

// scanCounter answers every query with zeros, and counts the scans of the table.
type scanCounter struct {
	engine.Session
	scans int
}

func (s *scanCounter) Query(_ context.Context, sql string) (*engine.Rows, error) {
	s.scans += strings.Count(sql, `FROM "t"`)
	if strings.Contains(sql, "dq_n") {
		return &engine.Rows{}, nil
	}
	if strings.Contains(sql, "dq_c0") { // no row is bad
		return &engine.Rows{}, nil
	}
	n := strings.Count(sql, "count_if(") + strings.Count(sql, "count(*)")
	row := make([]any, n)
	for i := range row {
		row[i] = int64(0)
	}
	if strings.Contains(sql, engine.FileColumn) {
		row = append(row, "f")
	}
	return &engine.Rows{Values: [][]any{row}}, nil
}

// TestScans: many rules need no more scans than few.
func TestScans(t *testing.T) {
	scans := func(n int) int {
		suite, columns := wide(n)
		p := mustPlan(t, suite, columns)
		s := &scanCounter{}
		if _, err := p.Audit(context.Background(), s, Target{Dialect: dialect{}, Parts: []Part{{Relation: "t", New: true}}, Table: "t", Lines: true}); err != nil {
			t.Fatal(err)
		}
		return s.scans
	}
	few, many := scans(30), scans(300)
	if many > few || many > 4 {
		t.Errorf("300 rules need %d scans, 30 rules %d", many, few)
	}
}

// BenchmarkPlan compiles 300 rules on 300 columns.
func BenchmarkPlan(b *testing.B) {
	suite, columns := wide(300)
	for b.Loop() {
		mustPlan(b, suite, columns)
	}
}
