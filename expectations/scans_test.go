package expectations

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/dq-dev/dq/engine"
)

// wide is a suite with one rule on each of n columns of a type.
func wide(n int, typ, rule string) (suite, columns string) {
	var rules, types []string
	for i := range n {
		rules = append(rules, fmt.Sprintf("  c%d: {type: %s, %s}", i, typ, rule))
		types = append(types, fmt.Sprintf("c%d %s", i, strings.Trim(typ, "'")))
	}
	return "version: 1\ncolumns:\n" + strings.Join(rules, "\n") + "\n", strings.Join(types, ", ")
}

// rulesOf300 are what each of 300 columns is asked: rows, and numbers of all rows,
// which leave some rows out, as NaN, nulls, or those of where.
var rulesOf300 = []struct{ typ, rule string }{
	{"int64", "between: {min: 0, max: 9}"},
	{"double", "between: {min: 0, max: 9}"},
	{"int64", "not_null: {where: c0 > 1}"},
	{"double", "sum_between: {min: 0, max: 9}"},
	{"double", "mean_between: {min: 0, where: c0 > 1.0}"},
	{"'decimal(10,2)'", "mean_between: {min: 0, where: 'c0 > 1'}"},
	{"double", "stddev_between: {max: 9}"},
	{"double", "max_between: {max: 9}"},
	{"string", "distinct_count: {min: 0, where: c0 != 'x'}"},
	{"int64", "null_fraction: {max: 0.5, where: c0 > 1}"},
}

// scanCounter answers every query with zeros, and counts the scans of the table.
type scanCounter struct {
	engine.Session
	scans int
	asked string
	rows  int64
	held  int // the most quantiles of one query
}

func (s *scanCounter) Query(_ context.Context, sql string) (*engine.Rows, error) {
	s.scans += strings.Count(sql, `FROM "t"`)
	s.asked += sql + "\n"
	s.held = max(s.held, strings.Count(sql, "quantile_cont("))
	if strings.Contains(sql, "dq_n") {
		return &engine.Rows{}, nil
	}
	if strings.Contains(sql, "dq_c0") { // no row is bad
		return &engine.Rows{}, nil
	}
	n := strings.Count(sql, "count_if(") + strings.Count(sql, "count(*)")
	if strings.Contains(sql, "AS dq_v0") {
		n = strings.Count(sql, " AS dq_v")
	}
	row := make([]any, n)
	for i := range row {
		row[i] = int64(0)
	}
	if len(row) > 0 {
		row[0] = s.rows
	}
	if strings.Contains(sql, engine.FileColumn) {
		row = append(row, "f")
	}
	return &engine.Rows{Values: [][]any{row}}, nil
}

// TestScans: many rules need no more scans than few. A FILTER clause would make of
// one scan as much work as many.
func TestScans(t *testing.T) {
	for _, of := range rulesOf300 {
		scans := func(n int) int {
			suite, columns := wide(n, of.typ, of.rule)
			p := mustPlan(t, suite, columns)
			s := &scanCounter{}
			if _, err := p.Audit(context.Background(), s, Target{Dialect: dialect{}, Parts: []Part{{Relation: "t", New: true}}, Table: "t", Lines: true}); err != nil {
				t.Fatal(err)
			}
			if strings.Contains(s.asked, "FILTER") {
				t.Errorf("%s: the engine was asked\n%s", of.rule, s.asked)
			}
			return s.scans
		}
		few, many := scans(30), scans(300)
		if many > few || many > 4 {
			t.Errorf("%s of %s: 300 rules need %d scans, 30 rules %d", of.rule, of.typ, many, few)
		}
	}
}

// TestQuantilesInPortions: of 10 million rows no query holds the values of more than three columns.
func TestQuantilesInPortions(t *testing.T) {
	suite, columns := wide(30, "double", "median_between: {max: 9}")
	s := &scanCounter{rows: 10_000_000}
	if _, err := mustPlan(t, suite, columns).Audit(context.Background(), s, Target{Dialect: dialect{}, Parts: []Part{{Relation: "t", New: true}}, Table: "t", Lines: true}); err != nil {
		t.Fatal(err)
	}
	if asked := strings.Count(s.asked, "quantile_cont("); s.held != 3 || asked != 30 {
		t.Errorf("a query holds %d columns, and %d were asked for", s.held, asked)
	}
}

// BenchmarkPlan compiles 300 rules on 300 columns.
func BenchmarkPlan(b *testing.B) {
	suite, columns := wide(300, "int64", "between: {min: 0, max: 9}")
	for b.Loop() {
		mustPlan(b, suite, columns)
	}
}
