package cel

import (
	"errors"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/table"
)

// Metric is one aggregate of a rule.
type Metric struct {
	// Text is canonical and unique: sum(a * b) where c != "x", previous(rows()).
	Text string
	// Of is Text without its past: what the metric is called in the version that
	// it is of.
	Of string
	// Type is that of the value, of its elements if List. Timestamps are UTC.
	Type table.Type
	// Past is 0 for this version, n for the newest n earlier versions.
	Past int
	// List says that the value is the list of the last Past versions ([]any, newest
	// first, nil where it has none, shorter when there are fewer), not that of the one before.
	List bool
	// Errors says that this is no aggregate of the rule, but the number of rows in
	// scope for which an argument of one could not be computed though none of the
	// columns that it reads is null: errors(a / b). [Rule.Judge] needs it and gives
	// Err unless it is 0; a reader needs to see it only then. Arguments that cannot
	// err on values, such as columns, have none.
	Errors bool

	metric *metric
	facts  Facts
}

// SQL is the metric of one version: an item of the list of a SELECT from relation
// without GROUP BY. relation is SQL that may stand after FROM; some metrics
// read it once more in a subquery.
func (m Metric) SQL(d engine.Dialect, relation string) (string, error) {
	write := m.metric.call.sql(d.Name())
	g := &aggregation{metric: m.metric, relation: relation, writer: &writer{dialect: d, facts: m.facts}}
	if write == nil {
		return "", g.unsupported("%s", m.metric.call.name)
	}
	if err := m.arguments(d, g); err != nil {
		return "", err
	}
	return write(g)
}

// Rows tells the rows of relation that the metric counted, and those in scope that
// it did not: SQL conditions on a row, "" for what it does not tell. A count, share
// or nulls counts the rows with its property, duplicates those whose key repeats
// (in distinct's view the others), max and min those with the extreme value.
// relation is as in [Metric.SQL]. The error is an [Unsupported].
func (m Metric) Rows(d engine.Dialect, relation string) (counted, others string, err error) {
	if m.metric.call.rows == nil || m.Errors {
		return "", "", nil
	}
	g := &aggregation{metric: m.metric, relation: relation, writer: &writer{dialect: d, facts: m.facts}}
	if err := m.arguments(d, g); err != nil {
		return "", "", err
	}
	counted, others = m.metric.call.rows(g)
	within := func(condition string) string {
		if condition == "" || g.where == "" {
			return condition
		}
		return "(" + condition + ") AND " + g.where
	}
	return within(counted), within(others), nil
}

// arguments writes the metric's arguments and where.
func (m Metric) arguments(d engine.Dialect, g *aggregation) error {
	for _, a := range m.metric.args {
		facts := m.facts
		if m.metric.companion() {
			facts.Compute = nil // by which an error could not be told from null
		}
		t, err := a.sql(d, facts, nil)
		if why := new(Unsupported); facts.Compute == nil && m.facts.Compute != nil && errors.As(err, &why) {
			t, err = a.computed(d, m.facts, true, why)
		}
		if err != nil {
			return err
		}
		g.args = append(g.args, t)
	}
	if m.metric.where != nil {
		t, err := m.metric.where.sql(d, m.facts, nil)
		if err != nil {
			return err
		}
		g.where = "(" + t.sql + ") IS NOT FALSE"
	}
	return nil
}
