package cel

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"sync"

	celgo "cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"
)

// program is a planned tree, made at the first evaluation.
type program struct {
	run  celgo.Program
	fail error
}

// planner holds the implementations of all functions for cel-go's interpreter.
var planner = sync.OnceValue(func() *celgo.Env {
	env, err := celgo.NewCustomEnv(celgo.FunctionDecls(lib().decls...))
	if err != nil {
		panic("cel: the function tables contradict themselves: " + err.Error())
	}
	return env
})

// eval evaluates the tree; an error is the second result, null is types.NullValue.
func (x *expr) eval(vars interpreter.Activation) (ref.Val, error) {
	x.plan.Do(func() { x.run, x.fail = planner().PlanProgram(x.tree) })
	if x.fail != nil {
		return nil, x.fail
	}
	if x.lambdas != nil {
		vars = lambdaVars{vars, x.lambdas}
	}
	v, _, err := x.run.Eval(vars)
	if err == nil && isNone(v) {
		v = types.NullValue
	}
	return v, err
}

// errNoValues says that an aggregate had nothing to work on, errNoPast that
// there is no earlier version, or fewer with values than are needed.
type (
	errNoValues struct{ what string }
	errNoPast   struct {
		what       string
		has, needs int
	}
)

func (e errNoValues) Error() string { return e.what + " has no values" }
func (e errNoPast) Error() string {
	if e.needs > 1 {
		return fmt.Sprintf("of earlier versions %d have a value for %s, and %d are needed", e.has, e.what, e.needs)
	}
	return "there is no earlier version for " + e.what
}

// factsValue carries Facts through a tree.
type factsValue struct {
	opaque
	Facts
}

// rowVars gives a row's columns as variables, converting what is asked for.
type rowVars struct {
	env     *Env
	row     map[string]any
	facts   Facts
	metrics []*metric
	windows []*window
}

func (v rowVars) Parent() interpreter.Activation { return nil }

func (v rowVars) ResolveName(name string) (any, bool) {
	switch name {
	case nowVariable:
		return v.facts.now(), true
	case factsVariable:
		return factsValue{opaque{factsType}, v.facts}, true
	}
	if i, ok := windowIndex(name); ok && i < len(v.windows) {
		w := v.windows[i]
		t, shape := w.of()
		x, err := toCEL(v.row[w.text], t, shape.scale)
		if err != nil {
			return types.WrapErr(fmt.Errorf("%s: %w", w.text, err)), true
		}
		return x, true
	}
	i, ok := columnIndex(name)
	if !ok {
		return v.metric(name)
	}
	f := v.env.schema.Fields[i]
	x, err := toCEL(v.row[f.Name], v.env.types[i], columnShape(f.Type).scale)
	if err != nil {
		return types.WrapErr(fmt.Errorf("column %s: %w", f.Name, err)), true
	}
	return x, true
}

// metric gives an aggregate of the rule, or whether it has no value.
func (v rowVars) metric(name string) (any, bool) {
	i, err := strconv.Atoi(name[1:])
	if err != nil || i >= len(v.metrics) {
		return nil, false
	}
	var x ref.Val
	switch known, ok := v.facts.Metrics[v.metrics[i].text]; {
	case ok:
		x = v.metrics[i].value(known)
	case v.metrics[i].past > 0:
		x = v.metrics[i].noPast(0)
	default:
		x = types.NewErr("%s was not computed", v.metrics[i].text)
	}
	return metricValue(v.metrics[i], x, name[0] == 'n'), true
}

// metricValue is the variable of a metric, or the one of its having no value.
func metricValue(m *metric, x ref.Val, none bool) ref.Val {
	switch {
	case none:
		return types.Bool(x == types.NullValue || types.IsError(x))
	case x == types.NullValue:
		return types.WrapErr(errNoValues{m.text})
	}
	return x
}

func (f Facts) now() ref.Val {
	if f.Now.IsZero() {
		return types.WrapErr(errNoClock)
	}
	return types.Timestamp{Time: f.Now.UTC()}
}

// metricVars gives metrics as variables.
type metricVars struct {
	metrics []*metric
	values  []ref.Val // types.NullValue for none, an error for no past
	facts   Facts
}

func (v metricVars) Parent() interpreter.Activation { return nil }

func (v metricVars) ResolveName(name string) (any, bool) {
	if name == nowVariable {
		return v.facts.now(), true
	}
	var i int
	if n, err := fmt.Sscanf(name[1:], "%d", &i); n != 1 || err != nil || i >= len(v.metrics) {
		return nil, false
	}
	return metricValue(v.metrics[i], v.values[i], name[0] == 'n'), true
}

// outcome reads the verdict of an evaluation.
func outcome(v ref.Val, err error) Outcome {
	var none errNoValues
	var past errNoPast
	switch {
	case errors.As(err, &past):
		return Outcome{NoPast, past.Error()}
	case errors.As(err, &none):
		return Outcome{Null, none.Error()}
	case err != nil:
		return Outcome{Err, err.Error()}
	case v == types.True:
		return Outcome{Value: True}
	case v == types.False:
		return Outcome{Value: False}
	}
	return Outcome{Err, "the condition is null"}
}

// value converts a metric's value as an engine gives it. Doubles are rounded;
// one that is not finite is an error where numbers are added up.
func (m *metric) value(v any) ref.Val {
	if m.list {
		items, ok := v.([]any)
		if !ok {
			return types.NewErr("%s: %T is no list", m.text, v)
		}
		all := make([]ref.Val, len(items))
		for i, item := range items {
			if all[i] = m.scalar(item); types.IsError(all[i]) {
				return all[i]
			}
		}
		list := newPastList(all)
		if n := list.len(); len(items) == 0 || n < m.atLeast && m.atLeast > 1 {
			return m.noPast(n)
		}
		return list
	}
	return m.scalar(v)
}

// noPast is the value of a metric for which has earlier versions have one, which are too few.
func (m *metric) noPast(has int) ref.Val {
	return types.WrapErr(errNoPast{m.of, has, m.atLeast})
}

func (m *metric) scalar(v any) ref.Val {
	x, err := toCEL(v, m.result.cel, m.result.shape.scale)
	if err != nil {
		return types.NewErr("%s: %v", m.text, err)
	}
	if d, ok := x.(types.Double); ok {
		if f := float64(d); (math.IsNaN(f) || math.IsInf(f, 0)) && m.call.name != "mode" {
			return types.NewErr("%s is beyond double", m.text)
		}
		return types.Double(Round(float64(d)))
	}
	return x
}
