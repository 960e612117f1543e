package expectations

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/expectations/cel"
)

// batchLines is how many rows the reference evaluator takes at a time.
const batchLines = 100_000

// byReference counts rules that the dialect cannot say exactly, with the
// reference evaluator: only the columns they read are fetched, in batches of
// lines, so that memory is bounded. Cost: about 5 µs a row and rule.
func (a *auditor) byReference(ctx context.Context, name string, rules []*rule, report func(*rule, string, Count)) error {
	if len(rules) == 0 {
		return nil
	}
	d := a.dialect
	file, line := d.Ident(engine.FileColumn), d.Ident(engine.LineColumn)
	extents, err := a.session.Query(ctx, fmt.Sprintf("SELECT %s, min(%s), max(%s) FROM %s GROUP BY %s ORDER BY %s", file, line, line, d.Relation(name), file, file))
	if err != nil {
		return a.cannot(ctx, rules, err)
	}
	seen := map[string]bool{}
	for _, r := range rules {
		for _, c := range r.columns {
			seen[c] = true
		}
	}
	columns := sortedKeys(seen)
	states := make([]func(map[string]any) int, len(rules))
	for i, r := range rules {
		states[i] = r.stateOf(a.factsOf(r))
	}
	items := []string{line}
	for _, c := range columns {
		items = append(items, d.Ident(c))
	}
	for _, extent := range extents.Values {
		path, _ := extent[0].(string)
		low, errLow := whole(extent[1])
		high, errHigh := whole(extent[2])
		if err := errors.Join(errLow, errHigh); err != nil {
			return err
		}
		counts := make([]Count, len(rules))
		for ; low <= high; low += batchLines {
			rows, err := a.session.Query(ctx, fmt.Sprintf("SELECT %s FROM %s WHERE %s = %s AND %s BETWEEN %d AND %d ORDER BY %s",
				strings.Join(items, ", "), d.Relation(name), file, d.Literal(path), line, low, min(high, low+batchLines-1), line))
			if err != nil {
				return a.cannot(ctx, rules, err)
			}
			for _, values := range rows.Values {
				row := make(map[string]any, len(columns))
				for i, c := range columns {
					row[c] = values[i+1]
				}
				for i, r := range rules {
					state := states[i](row)
					a.tallies[r].note(&counts[i], state, name, path, values[0], a.target.Samples)
					if at, ok := values[0].(int64); ok && (state == stateFailed || state == stateErrored) {
						if err := a.keep(slices.Index(a.plan.rules, r), path, at); err != nil {
							return err
						}
					}
				}
			}
		}
		for i, r := range rules {
			report(r, path, counts[i])
			a.tallies[r].referenced = true
		}
	}
	return nil
}

// cannot notes that the rules could not be evaluated, unless the audit was cancelled.
func (a *auditor) cannot(ctx context.Context, rules []*rule, err error) error {
	if cancelled(ctx, err) {
		return err
	}
	for _, r := range rules {
		a.tallies[r].problem = err.Error()
	}
	return nil
}

// note counts a row's state, and keeps where the first bad ones are.
func (t *tally) note(c *Count, state int, relation, file string, line any, samples int) {
	c.Rows++
	switch state {
	case stateOut:
		return
	case stateFailed:
		c.Failed++
	case stateErrored:
		c.Errored++
	}
	c.Evaluated++
	if n, ok := line.(int64); ok && state != statePassed && len(t.lines) < samples {
		t.lines = append(t.lines, lineOf{relation, file, n})
	}
}

// lineOf is the place of one row.
type lineOf struct {
	relation, file string
	line           int64
}

// stateOf gives the state of rows by the reference evaluator.
func (r *rule) stateOf(f cel.Facts) func(row map[string]any) int {
	inScope, rule := r.inScopeOf(f), r.row.With(f)
	return func(row map[string]any) int {
		if s := inScope(row); s != statePassed {
			return s
		}
		switch rule.Eval(row).Value {
		case cel.True:
			return statePassed
		case cel.False:
			return stateFailed
		}
		return stateErrored
	}
}

// inScopeOf says of rows whether the rule judges them: passed, out or errored.
func (r *rule) inScopeOf(f cel.Facts) func(row map[string]any) int {
	if r.scope == nil {
		return func(map[string]any) int { return statePassed }
	}
	scope := r.scope.With(f)
	return func(row map[string]any) int {
		switch scope.Eval(row).Value {
		case cel.True:
			return statePassed
		case cel.False:
			return stateOut
		}
		return stateErrored
	}
}
