package cel

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// maxHistory bounds how far history looks back.
const maxHistory = 1000

// metric is an aggregate that was lifted out of a table rule; the tree holds the
// variable m<i> in its place.
type metric struct {
	text, of string
	argument string // of a companion: the text of what erred
	call     *aggregate
	args     []*expr
	where    *expr
	result   result
	past     int
	list     bool
	atLeast  int   // of a list: with fewer values there is no past
	facts    Facts // while the reference evaluates it
}

func metricVariable(i int) string { return "m" + strconv.Itoa(i) }

// noValueVariable is true when the metric has no value.
func noValueVariable(i int) string { return "n" + strconv.Itoa(i) }

func metricIndex(e ast.Expr) (int, bool) {
	if e.Kind() != ast.IdentKind || !strings.HasPrefix(e.AsIdent(), "m") {
		return 0, false
	}
	i, err := strconv.Atoi(e.AsIdent()[1:])
	return i, err == nil
}

// isAggregate reports whether a call of the name looks at all rows.
func isAggregate(name string) bool {
	switch name {
	case "freshness", "previous", "history":
		return true
	}
	_, ok := lib().aggregates[name]
	return ok
}

func (c *compilation) lowerAggregate(e ast.Expr, s scope) {
	name, args := e.AsCall().FunctionName(), e.AsCall().Args()
	if s == ofRow && !c.over {
		c.refuse(e, "make it a table rule", "%s looks at all rows, and a row rule sees one row at a time", name)
		return
	}
	if s == ofAggregate {
		c.refuse(e, "", "%s stands inside another aggregate", name)
		return
	}
	switch name {
	case "previous":
		c.lowerPrevious(e, args)
	case "history":
		c.lowerHistory(e, args)
	case "freshness":
		c.lowerFreshness(e, args)
	default:
		if a := lib().aggregates[name]; a.lists && len(args) == 1 && callOf(args[0]) == "history" {
			c.lower(args[0], s)
			e.SetKindCase(c.fac.NewCall(e.ID(), listFunction+name, args...))
			return
		}
		c.lift(e, c.past, false)
	}
}

func callOf(e ast.Expr) string {
	if e.Kind() != ast.CallKind || e.AsCall().IsMemberFunction() {
		return ""
	}
	return e.AsCall().FunctionName()
}

func (c *compilation) lowerPrevious(e ast.Expr, args []ast.Expr) {
	const usage = "write previous(rows())"
	switch {
	case len(args) != 1:
		c.refuse(e, usage, "previous takes one aggregate")
	case c.past > 0:
		c.refuse(e, "write history(rows(), 2)", "previous stands inside previous")
	default:
		found := len(c.issues)
		c.past = 1
		c.lower(args[0], ofTable)
		c.past = 0
		if len(c.issues) == found && !mentionsMetric(args[0]) {
			c.refuse(e, usage, "previous looks at aggregates of the version before; there is none in it")
		}
		e.SetKindCase(args[0])
	}
}

func mentionsMetric(e ast.Expr) bool {
	found := false
	ast.PostOrderVisit(e, ast.NewExprVisitor(func(x ast.Expr) {
		if _, ok := metricIndex(x); ok {
			found = true
		}
	}))
	return found
}

func (c *compilation) lowerHistory(e ast.Expr, args []ast.Expr) {
	const usage = "write mean(history(rows(), 7))"
	if len(args) < 2 || len(args) > 3 {
		c.refuse(e, usage, "history takes an aggregate, a number of versions, and how many of them there must be at least")
		return
	}
	n, ok := literalOf(args[1]).(types.Int)
	if !ok || n < 1 || n > maxHistory {
		c.issue(args[1], usage, "history takes a number of versions from 1 to %d, as a constant", maxHistory)
		e.SetKindCase(c.fac.NewIdent(e.ID(), brokenVariable))
		return
	}
	atLeast := types.Int(1)
	if len(args) == 3 {
		if atLeast, ok = literalOf(args[2]).(types.Int); !ok || atLeast < 1 || atLeast > n {
			c.issue(args[2], "write mean(history(rows(), 30, 7))", "of %d versions there must be at least 1 to %d, as a constant", n, n)
			e.SetKindCase(c.fac.NewIdent(e.ID(), brokenVariable))
			return
		}
	}
	if _, ok := lib().aggregates[callOf(args[0])]; !ok || c.past > 0 {
		c.refuse(e, usage, "history takes one aggregate itself")
		return
	}
	c.atLeast = int(atLeast)
	c.lift(args[0], int(n), true)
	c.atLeast = 0
	e.SetKindCase(args[0])
}

func (c *compilation) lowerFreshness(e ast.Expr, args []ast.Expr) {
	const usage = "write freshness(updated_at) < duration('26h')"
	if len(args) != 1 {
		c.refuse(e, usage, "freshness takes a timestamp or a date")
		return
	}
	if c.past > 0 {
		c.refuse(e, "", "freshness has no past: its clock is now")
		return
	}
	latest := c.fac.NewCall(e.ID(), "max", args...)
	i, ok := c.lift(latest, 0, false)
	if !ok {
		e.SetKindCase(c.fac.NewIdent(e.ID(), brokenVariable))
		return
	}
	latest = c.fac.NewIdent(c.newID(e.ID()), latest.AsIdent())
	switch t := c.parts.metrics[i].result.cel; {
	case t.Kind() == types.TimestampKind:
	case t.TypeName() == "date":
		latest = c.fac.NewCall(c.newID(e.ID()), "timestamp", latest)
	default:
		c.refuse(e, usage, "freshness takes a timestamp or a date, not %s", typeName(t))
		return
	}
	c.parts.clock = true
	e.SetKindCase(c.fac.NewCall(e.ID(), operators.Subtract, c.fac.NewIdent(c.newID(e.ID()), nowVariable), latest))
}

// lift makes the aggregate call e a metric and e its variable.
func (c *compilation) lift(e ast.Expr, past int, list bool) (index int, ok bool) {
	name, args := e.AsCall().FunctionName(), e.AsCall().Args()
	a := lib().aggregates[name]
	if len(args) < a.min || len(args) > a.max {
		takes := fmt.Sprintf("%d arguments", a.min)
		switch {
		case a.max > a.min:
			takes = fmt.Sprintf("%d to %d arguments", a.min, a.max)
		case a.max == 0:
			takes = "no argument"
		case a.max == 1:
			takes = "1 argument"
		}
		c.refuse(e, "", "%s takes %s, not %d", name, takes, len(args))
		return 0, false
	}
	if c.mentionsElement(e) {
		c.refuse(e, "", "%s looks at all rows, and so not at an element", name)
		return 0, false
	}
	m := &metric{of: c.env.canonical(e), call: a, past: past, list: list, atLeast: c.atLeast}
	c.scope(m)
	if index = c.known(m); index < 0 {
		found := len(c.issues)
		var texts []string
		for _, arg := range args {
			texts = append(texts, c.env.canonical(arg))
			c.lower(arg, ofAggregate)
			if x := c.check(arg); x != nil {
				m.args = append(m.args, x)
			}
		}
		if len(c.issues) > found || len(m.args) < len(args) {
			e.SetKindCase(c.fac.NewIdent(e.ID(), brokenVariable))
			return 0, false
		}
		var w *wrong
		if m.result, w = a.types(m.args); w != nil {
			c.issue(args[w.arg], w.hint, "%s", w.message)
			e.SetKindCase(c.fac.NewIdent(e.ID(), brokenVariable))
			return 0, false
		}
		if a.other > 0 {
			r, ok := m.other()
			if !ok {
				c.refuse(e, "write rows_of('silver.customers')", "%s takes the names of the table and the column as constants", name)
				return 0, false
			}
			c.parts.refs = append(c.parts.refs, r)
		}
		index = len(c.parts.metrics)
		c.parts.metrics = append(c.parts.metrics, m)
		c.accompany(m, texts)
	}
	e.SetKindCase(c.fac.NewIdent(e.ID(), metricVariable(index)))
	return index, true
}

// mentionsElement reports whether a piece looks at an element that stands around it.
func (c *compilation) mentionsElement(e ast.Expr) bool {
	found := false
	ast.PostOrderVisit(e, ast.NewExprVisitor(func(x ast.Expr) {
		if x.Kind() == ast.IdentKind {
			found = found || slices.ContainsFunc(c.iterations, func(i iteration) bool { return i.variable == x.AsIdent() })
		}
	}))
	return found
}

// scope writes the text of a metric and gives it the where of the rule.
func (c *compilation) scope(m *metric) {
	m.text = m.of
	switch {
	case m.atLeast > 1:
		m.text = fmt.Sprintf("history(%s, %d, %d)", m.of, m.past, m.atLeast)
	case m.list:
		m.text = fmt.Sprintf("history(%s, %d)", m.of, m.past)
	case m.past > 0:
		m.text = "previous(" + m.of + ")"
	}
	if c.where != nil {
		suffix := " where " + c.where.canonical
		m.of, m.text, m.where = m.of+suffix, m.text+suffix, c.where.expr
	}
}

// known is the index of the metric that has the text of m, or -1.
func (c *compilation) known(m *metric) int {
	return slices.IndexFunc(c.parts.metrics, func(o *metric) bool { return o.text == m.text })
}
