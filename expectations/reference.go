package expectations

import (
	"errors"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/expectations/cel"
)

// inSession are facts by which SQL for a session can call the reference evaluator.
func inSession(s engine.Session, f cel.Facts) cel.Facts {
	if computer, ok := s.(engine.Computer); ok {
		f.Compute = computer.Compute
	}
	return f
}

// byReference reports whether the reference evaluator has a part in the rule, since
// the dialect cannot say all of it.
func (a *auditor) byReference(r *rule) bool {
	var errs []error
	note := func(_ string, err error) { errs = append(errs, err) }
	f := a.factsOf(r)
	f.Compute = nil
	note(condition(a.dialect, r.scope, f))
	if r.row != nil {
		note(condition(a.dialect, r.row, f))
		for _, w := range r.row.With(f).Windows() {
			note(w.SQL(a.dialect))
		}
	}
	for _, part := range []*cel.Rule{r.row, r.aggregate} {
		if part == nil {
			continue
		}
		for _, m := range part.With(f).Metrics() {
			note(m.SQL(a.dialect, "t"))
		}
	}
	unsupported := new(cel.Unsupported)
	return errors.As(errors.Join(errs...), &unsupported)
}

// note counts a row's state.
func (c *Count) note(state int) {
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
