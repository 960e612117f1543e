package cel

import (
	"errors"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// Value is what an evaluation gives.
type Value int

// A rule passes when it is True and fails when it is False. Null is a table rule
// over an aggregate that had no values: vacuous. NoPast is one that needs an
// earlier version and has none. Err could not be evaluated; for a row: errored.
const (
	True Value = iota
	False
	Null
	NoPast
	Err
)

func (v Value) String() string {
	return [...]string{"true", "false", "null", "no past", "error"}[v]
}

// Outcome is the result of one evaluation.
type Outcome struct {
	Value   Value
	Message string // why, for Null, NoPast and Err
}

// Eval is the reference evaluation of a row rule: values by column name, as in
// engine.Rows; a missing one is null. Ints for doubles and text for decimals,
// dates and timestamps are understood, so that tests can be written in YAML.
func (r *Rule) Eval(row map[string]any) Outcome {
	o := outcome(r.expr.eval(rowVars{r.env, row, r.facts, r.parts.metrics, r.parts.windows}))
	if o.Value == Null || o.Value == NoPast {
		o.Value = Err
	}
	return o
}

// Settle says whether a row rule can be judged with these values of its metrics:
// True, or what the whole rule comes to: Null if one had no values, NoPast, or Err.
func (r *Rule) Settle(values map[string]any) Outcome {
	found, o := r.found(values)
	if o.Value != True {
		return o
	}
	for i, v := range found {
		if x := metricValue(r.parts.metrics[i], v, false); types.IsError(x) && !r.tested(i) {
			return outcome(nil, x.(error))
		}
	}
	return Outcome{Value: True}
}

// tested reports whether a metric's having a value is itself looked at.
func (r *Rule) tested(i int) bool {
	found := false
	ast.PostOrderVisit(r.expr.tree.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		found = found || e.Kind() == ast.IdentKind && e.AsIdent() == noValueVariable(i)
	}))
	return found
}

// Judge decides a table rule from its metrics: values by Metric.Text, as in
// engine.Rows, doubles being rounded here. A metric with Past that is not among
// them, and an empty list, have no past; any other that is missing is an error.
// So is an argument that could not be computed, whatever the condition says.
func (r *Rule) Judge(values map[string]any, f Facts) Outcome {
	found, o := r.found(values)
	if o.Value != True {
		return o
	}
	return outcome(r.expr.eval(metricVars{r.parts.metrics, found, f}))
}

// found converts the values of the metrics, and looks whether arguments erred.
func (r *Rule) found(values map[string]any) ([]ref.Val, Outcome) {
	found := make([]ref.Val, len(r.parts.metrics))
	var noPast error // of the first that has none and is not asked whether it has: nothing is judged then, whatever || would absorb
	for i, m := range r.parts.metrics {
		v, ok := values[m.text]
		switch {
		case ok:
			found[i] = m.value(v)
		case m.past > 0:
			found[i] = m.noPast(0)
		default:
			found[i] = types.NewErr("%s was not computed", m.text)
		}
		if err, ok := found[i].(error); ok && noPast == nil && !r.tested(i) && errors.As(err, new(errNoPast)) {
			noPast = err
		}
		if m.companion() {
			if o, ok := m.erred(found[i]); ok {
				return nil, o
			}
		}
	}
	if noPast != nil {
		return nil, outcome(nil, noPast)
	}
	return found, Outcome{Value: True}
}

// EvalTable is the reference evaluation of a table rule over rows as in [Rule.Eval];
// before are the rows of earlier versions, the newest first.
func (r *Rule) EvalTable(rows []map[string]any, f Facts, before ...[]map[string]any) Outcome {
	values := r.Measure(rows, f)
	r.Recall(values, f, before)
	return r.Judge(values, f)
}

// Recall adds the values of the metrics with a past: those of earlier versions, whose
// rows are before, the newest first; nil is no past.
func (r *Rule) Recall(values map[string]any, f Facts, before [][]map[string]any) {
	for _, m := range r.parts.metrics {
		switch {
		case m.past == 0 || len(before) == 0:
		case m.list:
			var list []any
			for _, rows := range before[:min(m.past, len(before))] {
				if rows == nil {
					list = append(list, nil)
					continue
				}
				list = append(list, r.measure(m, rows, f))
			}
			values[m.text] = list
		case before[0] != nil:
			values[m.text] = r.measure(m, before[0], f)
		}
	}
}

// Banded reports whether the rule compares with a band.
func (r *Rule) Banded() bool { return len(r.parts.bands) > 0 }

// Bands are the bands that a table rule compares with, as lists of the least and the
// greatest value by their CEL, from the same values as [Rule.Judge]. Those without
// enough of a past are left out.
func (r *Rule) Bands(values map[string]any, f Facts) map[string]any {
	bands := map[string]any{}
	if len(r.parts.bands) == 0 {
		return bands
	}
	found, o := r.found(values)
	if o.Value != True {
		return bands
	}
	each(r.expr.tree, func(e ast.Expr, _ *form, _ []ast.Expr) {
		for _, b := range r.parts.bands {
			if b.id != e.ID() {
				continue
			}
			v, err := r.expr.part(e).eval(metricVars{r.parts.metrics, found, f})
			if list, ok := v.(traits.Lister); ok && err == nil {
				low, _ := list.Get(types.IntZero).(types.Double)
				high, _ := list.Get(types.IntOne).(types.Double)
				bands[b.text] = []any{float64(low), float64(high)}
			}
		}
	})
	return bands
}

// Measure computes the metrics of this version by the reference, by Metric.Text;
// values that are beyond their type are missing.
func (r *Rule) Measure(rows []map[string]any, f Facts) map[string]any {
	values := map[string]any{}
	for _, m := range r.parts.metrics {
		if m.past == 0 {
			values[m.text] = r.measure(m, rows, f)
		}
	}
	return values
}

// measure computes a metric over the rows of one version.
func (r *Rule) measure(m *metric, rows []map[string]any, f Facts) any {
	var in [][]ref.Val
	for _, row := range rows {
		vars := rowVars{env: r.env, row: row, facts: f}
		if m.where != nil {
			if v, err := m.where.eval(vars); err == nil && v == types.False {
				continue
			}
		}
		in = append(in, m.row(vars))
	}
	bound := *m
	bound.facts = f
	return native(m.call.eval(&bound, in))
}
