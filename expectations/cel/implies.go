package cel

import (
	"math/big"
	"slices"
	"strconv"

	"cel.dev/cel-go/common"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/parser"
)

// Implies reports whether it can be told from the texts alone that the second is true
// wherever the first is: both are the same, the second is a part of what the first
// joins with &&, or has it among what it joins with ||, or it compares the same with a
// wider bound or a longer list. False says that it cannot be told, also of texts that
// are no CEL. Names stand for the same in both. Cost: at most impliesSteps comparisons.
func Implies(first, second string) bool {
	a, b := parsedAlone(first), parsedAlone(second)
	if a == nil || b == nil {
		return false
	}
	return (&prover{left: impliesSteps}).implies(a, b)
}

const impliesSteps = 10_000

func parsedAlone(text string) ast.Expr {
	tree, issues := parse(newSource(text))
	if len(issues) > 0 {
		return nil
	}
	return tree.Expr()
}

// prover stops when it has no steps left: then nothing can be told.
type prover struct{ left int }

func (p *prover) implies(a, b ast.Expr) bool {
	if p.left--; p.left < 0 {
		return false
	}
	if isBool(b, true) || isBool(a, false) || sameText(a, b) {
		return true
	}
	if l, r, ok := joined(b, operators.LogicalAnd); ok {
		return p.implies(a, l) && p.implies(a, r)
	}
	if l, r, ok := joined(a, operators.LogicalOr); ok {
		return p.implies(l, b) && p.implies(r, b)
	}
	if l, r, ok := joined(b, operators.LogicalOr); ok && (p.implies(a, l) || p.implies(a, r)) {
		return true
	}
	if l, r, ok := joined(a, operators.LogicalAnd); ok {
		return p.implies(l, b) || p.implies(r, b)
	}
	x, ok1 := comparisonOf(a)
	y, ok2 := comparisonOf(b)
	return ok1 && ok2 && sameText(x.of, y.of) && x.implies(y)
}

func joined(x ast.Expr, operator string) (left, right ast.Expr, ok bool) {
	if x.Kind() != ast.CallKind || x.AsCall().FunctionName() != operator || len(x.AsCall().Args()) != 2 {
		return nil, nil, false
	}
	return x.AsCall().Args()[0], x.AsCall().Args()[1], true
}

func isBool(x ast.Expr, is bool) bool {
	return x.Kind() == ast.LiteralKind && x.AsLiteral() == types.Bool(is)
}

func sameText(a, b ast.Expr) bool {
	info := ast.NewSourceInfo(common.NewTextSource(""))
	x, err := parser.Unparse(a, info)
	if err != nil {
		return false
	}
	y, err := parser.Unparse(b, info)
	return err == nil && x == y
}

// comparison compares something with constants.
type comparison struct {
	of       ast.Expr
	operator string // as CEL has it; in for == too
	with     []ref.Val
}

var turned = map[string]string{
	operators.Less: operators.Greater, operators.LessEquals: operators.GreaterEquals, operators.Greater: operators.Less,
	operators.GreaterEquals: operators.LessEquals, operators.Equals: operators.Equals, operators.NotEquals: operators.NotEquals,
}

func comparisonOf(x ast.Expr) (comparison, bool) {
	if x.Kind() != ast.CallKind || len(x.AsCall().Args()) != 2 {
		return comparison{}, false
	}
	c := comparison{of: x.AsCall().Args()[0], operator: x.AsCall().FunctionName()}
	with := x.AsCall().Args()[1]
	switch _, compares := turned[c.operator]; {
	case c.operator == operators.In && with.Kind() == ast.ListKind:
		for _, e := range with.AsList().Elements() {
			v, ok := fixed(e)
			if !ok {
				return c, false
			}
			c.with = append(c.with, v)
		}
		return c, true
	case !compares:
		return c, false
	}
	v, ok := fixed(with)
	if !ok {
		if v, ok = fixed(c.of); !ok {
			return c, false
		}
		c.of, c.operator = with, turned[c.operator]
	}
	if c.with = []ref.Val{v}; c.operator == operators.Equals {
		c.operator = operators.In
	}
	return c, true
}

// fixed is a literal, or one with a minus before it.
func fixed(x ast.Expr) (ref.Val, bool) {
	if x.Kind() == ast.LiteralKind {
		return x.AsLiteral(), true
	}
	if x.Kind() == ast.CallKind && x.AsCall().FunctionName() == operators.Negate && len(x.AsCall().Args()) == 1 {
		switch v := x.AsCall().Args()[0].AsLiteral().(type) {
		case types.Int:
			return -v, true
		case types.Double:
			return -v, true
		}
	}
	return nil, false
}

// implies says so of comparisons of the same.
func (c comparison) implies(d comparison) bool {
	null := func(v ref.Val) bool { return v.Type() == types.NullType }
	switch {
	case c.operator == operators.In:
		return !slices.ContainsFunc(c.with, func(v ref.Val) bool { return !d.holds(v) })
	case c.operator == operators.NotEquals:
		return false // it is not the same text
	case d.operator == operators.NotEquals:
		return null(d.with[0]) // what is ordered has a value
	case d.operator == operators.In:
		return false
	}
	x, ok1 := written(c.with[0])
	y, ok2 := written(d.with[0])
	if !ok1 || !ok2 {
		return false
	}
	strict := c.operator == operators.Less || c.operator == operators.Greater || d.operator == operators.LessEquals || d.operator == operators.GreaterEquals
	below := func(operator string) bool { return operator == operators.Less || operator == operators.LessEquals }
	order := x.Cmp(y)
	if below(c.operator) {
		order = -order
	}
	return below(c.operator) == below(d.operator) && (order > 0 || order == 0 && strict)
}

// holds says that the comparison holds for a constant, when that can be told.
func (c comparison) holds(v ref.Val) bool {
	same := func(w ref.Val) bool {
		x, ok1 := written(v)
		y, ok2 := written(w)
		return ok1 && ok2 && x.Cmp(y) == 0 || v.Type() == w.Type() && v.Equal(w) == types.True
	}
	switch c.operator {
	case operators.In:
		return slices.ContainsFunc(c.with, same)
	case operators.NotEquals:
		return !same(c.with[0])
	}
	x, ok1 := written(v)
	y, ok2 := written(c.with[0])
	if !ok1 || !ok2 {
		return false
	}
	switch order := x.Cmp(y); c.operator {
	case operators.Less:
		return order < 0
	case operators.LessEquals:
		return order <= 0
	case operators.Greater:
		return order > 0
	default:
		return order >= 0
	}
}

// written is a number as it was written.
func written(v ref.Val) (*big.Rat, bool) {
	switch v := v.(type) {
	case types.Int:
		return new(big.Rat).SetInt64(int64(v)), true
	case types.Double:
		return new(big.Rat).SetString(strconv.FormatFloat(float64(v), 'g', -1, 64))
	}
	return nil, false
}
