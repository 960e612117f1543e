package cel

import (
	"fmt"
	"slices"
	"time"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/table"
)

// Rule is a compiled rule. It is safe for concurrent use.
type Rule struct {
	env       *Env
	canonical string
	expr      *expr
	table     bool
	where     *Rule
	parts     *parts
	facts     Facts
}

func (r *Rule) or(issues []Issue) (*Rule, error) {
	if err := newError(issues); err != nil {
		return nil, err
	}
	return r, nil
}

// Canonical is the rule as CEL, names of lets replaced by their expressions and
// spaces and parentheses in one fixed way. It does not hold the where of a table
// rule. Digests may rest on it.
func (r *Rule) Canonical() string { return r.canonical }

// Columns are the names of the columns that the rule and its where read, sorted.
func (r *Rule) Columns() []string {
	set := map[int]bool{}
	add := func(x *expr) {
		for _, i := range x.columns {
			set[i] = true
		}
	}
	add(r.expr)
	for _, m := range r.parts.metrics {
		for _, a := range m.args {
			add(a)
		}
	}
	for _, w := range r.parts.windows {
		for _, a := range w.args {
			add(a)
		}
		if w.where != nil {
			add(w.where)
		}
	}
	for _, m := range r.parts.metrics {
		if m.where != nil {
			add(m.where)
		}
	}
	if r.where != nil {
		add(r.where.expr)
	}
	var names []string
	for i := range set {
		names = append(names, r.env.schema.Fields[i].Name)
	}
	slices.Sort(names)
	return names
}

// Ref is a column of another table, which exists_in or an aggregate names, and the
// kind of values that are looked up in it. The column "" is the table alone.
type Ref struct{ Table, Column, Kind string }

// Accepts reports whether a column of type t can hold the values that are looked
// up: one of the same type, integers of any size and decimals of any shape being
// of one type each.
func (r Ref) Accepts(t table.Type) bool {
	return typeName(celType(t)) == r.Kind || r.Kind == numberKind && t.Numeric()
}

// Refs are the columns of other tables that the rule and its where look at, sorted.
func (r *Rule) Refs() []Ref { return slices.Clone(r.parts.refs) }

// Clock reports whether the rule or its where calls now() or freshness, so that
// its verdict changes with time.
func (r *Rule) Clock() bool { return r.parts.clock }

// Facts are what a rule knows besides its rows.
type Facts struct {
	// Now is what now() gives. Microseconds are kept.
	Now time.Time
	// Exists reports whether a column of another table has a value (as in
	// engine.Rows, never nil). Only Eval and EvalTable of rules with Refs need it.
	Exists func(r Ref, value any) bool
	// Column gives all values of a column of another table, nil for null, in one order
	// of rows for all columns; of the column "" one nil for each row. Only the reference
	// evaluation of aggregates and of composite keys needs it.
	Column func(r Ref) []any
	// Metrics are the values of the aggregates of a row rule, by Metric.Text and as
	// in engine.Rows; [Rule.Settle] says whether they will do.
	Metrics map[string]any
	// Grouped says for SQL that the aggregates of a row rule are columns of its row,
	// null where there is no value: [GroupColumn].
	Grouped bool
	// Wide says that a sum of more digits than a decimal of SQL has is among these:
	// [Metric.Wide]. Columns of decimals are texts then, which SQL hands to Compute.
	Wide bool
	// Compute calls the reference evaluator from the SQL of DuckDB, for what that
	// cannot say exactly. Without it such SQL is an [*Unsupported].
	Compute Compute

	// found are the answers to what a row looks up in other tables, while SQL calls
	// the reference evaluator: in place of Exists and Column. See [look.key].
	found map[string]bool
}

// With returns the rule with its facts. A rule with Clock needs them before its
// SQL or that of its metrics is written.
func (r *Rule) With(f Facts) *Rule {
	f.Now = f.Now.Truncate(time.Microsecond)
	bound := *r
	bound.facts = f
	return &bound
}

// SQL is a row rule as an SQL expression over its columns: TRUE where the row
// passes, FALSE where it fails, NULL where it errs. It never stops the query.
// The error is an [*Unsupported] when the dialect cannot say the rule exactly.
func (r *Rule) SQL(d engine.Dialect) (string, error) {
	if r.table {
		return "", fmt.Errorf("cel: %s is a table rule: its metrics have SQL", r.canonical)
	}
	t, err := r.expr.sql(d, r.facts, nil)
	return t.sql, err
}

// Given is [Rule.SQL] for rows in which the columns present are not null, and
// whether it is never NULL there: shorter, and what an engine can push into a scan.
func (r *Rule) Given(d engine.Dialect, present []string) (sql string, total bool, err error) {
	if r.table {
		return "", false, fmt.Errorf("cel: %s is a table rule: its metrics have SQL", r.canonical)
	}
	t, err := r.expr.sql(d, r.facts, present)
	return t.sql, !t.null && !t.fails, err
}

// Metrics are the aggregates of a rule, without repeats, in the order of the text,
// each followed by those of Errors that it needs. A row rule that has some is
// judged in two passes: its SQL and Eval need their values by [Rule.With].
func (r *Rule) Metrics() []Metric {
	metrics := make([]Metric, len(r.parts.metrics))
	for i, m := range r.parts.metrics {
		metrics[i] = Metric{Text: m.text, Of: m.of, Type: m.result.table, Past: m.past, List: m.list, Errors: m.companion(), metric: m, facts: r.facts}
	}
	return metrics
}
