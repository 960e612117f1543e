package cel

import (
	"math/big"
	"time"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// Condition is one thing that a rule demands of a term, such as quantity > 0.
type Condition struct {
	// Term is the canonical CEL of what is compared: quantity, size(name), rows().
	Term string
	// Op is one of == != < <= > >=, in, or not in. x != null is != with the value nil.
	Op string
	// Values are the constants: one for a comparison. Each is nil, a *big.Rat, a
	// string, a bool or a time.Time; nil stands for null.
	Values []any
}

// Conditions reads a rule as conditions that must all hold for it to pass. Whole
// says that nothing else is demanded, so that the conditions are the rule. It is
// what linting rests on: a term that is no plain comparison with constants is
// left out, and Whole is then false.
func (r *Rule) Conditions() (conditions []Condition, whole bool) {
	parsed, issues := parse(newSource(r.canonical))
	if len(issues) > 0 || parsed == nil {
		return nil, false
	}
	whole = true
	var walk func(x ast.Expr)
	walk = func(x ast.Expr) {
		if is, known := truth(x); known && is {
			return
		}
		if callOf(x) == operators.LogicalAnd {
			for _, a := range x.AsCall().Args() {
				walk(a)
			}
			return
		}
		if c, ok := condition(x); ok {
			conditions = append(conditions, c)
			return
		}
		whole = false
	}
	// The canonical text is parsed again because the compiled tree has other
	// names for columns, equality and aggregates.
	walk(parsed.Expr())
	return conditions, whole
}

// truth is what a condition comes to that its constants decide, whatever the
// columns hold: a || true is true in CEL even where a is an error.
func truth(x ast.Expr) (is, known bool) {
	switch name := callOf(x); name {
	case operators.LogicalAnd, operators.LogicalOr:
		decides := name == operators.LogicalOr
		known = true
		for _, a := range x.AsCall().Args() {
			is, ok := truth(a)
			if ok && is == decides {
				return decides, true
			}
			known = known && ok
		}
		return !decides, known
	case operators.LogicalNot:
		is, known = truth(x.AsCall().Args()[0])
		return !is, known
	}
	v, ok := constant(x)
	is, isBool := v.(bool)
	return is, ok && isBool
}

// mirrored is the operator for the same condition with its sides exchanged.
var mirrored = map[string]string{"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}

// opposite is the operator of a condition that is negated. Only those of
// equality have one: a comparison may also err, or meet NaN.
var opposite = map[string]string{"==": "!=", "!=": "==", "in": "not in"}

func condition(x ast.Expr) (Condition, bool) {
	if x.Kind() != ast.CallKind {
		return Condition{}, false
	}
	name, args := x.AsCall().FunctionName(), x.AsCall().Args()
	switch name {
	case operators.LogicalNot:
		c, ok := condition(args[0])
		op := opposite[c.Op]
		c.Op = op
		return c, ok && op != ""
	case operators.In:
		if args[1].Kind() != ast.ListKind {
			return Condition{}, false
		}
		c := Condition{Term: termText(args[0]), Op: "in"}
		for _, e := range args[1].AsList().Elements() {
			v, ok := constant(e)
			if !ok {
				return Condition{}, false
			}
			c.Values = append(c.Values, v)
		}
		_, fixed := constant(args[0])
		return c, !fixed
	case operators.Equals, operators.NotEquals, operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals:
		op, _ := operators.FindReverseBinaryOperator(name)
		left, leftFixed := constant(args[0])
		right, rightFixed := constant(args[1])
		switch {
		case leftFixed == rightFixed:
			return Condition{}, false
		case rightFixed:
			return Condition{Term: termText(args[0]), Op: op, Values: []any{right}}, true
		default:
			return Condition{Term: termText(args[1]), Op: mirrored[op], Values: []any{left}}, true
		}
	}
	return Condition{}, false
}

// termText is the canonical text of a tree as it was parsed. Names are as
// written: an Env without columns takes none of them for the variable of one.
func termText(x ast.Expr) string { return (&Env{}).canonical(x) }

// constant is the value of a tree without names, if it is one that can be compared.
func constant(x ast.Expr) (any, bool) {
	switch x.Kind() {
	case ast.LiteralKind:
		switch v := x.AsLiteral().(type) {
		case types.Null:
			return nil, true
		case types.Bool:
			return bool(v), true
		case types.Int:
			return new(big.Rat).SetInt64(int64(v)), true
		case types.Uint:
			return new(big.Rat).SetUint64(uint64(v)), true
		case types.Double: // a decimal constant is its shortest text
			return new(big.Rat).SetString(shortest(float64(v)))
		case types.String:
			return string(v), true
		}
	case ast.CallKind:
		args := x.AsCall().Args()
		if len(args) != 1 || x.AsCall().IsMemberFunction() {
			return nil, false
		}
		v, ok := constant(args[0])
		switch name := callOf(x); {
		case !ok:
		case name == operators.Negate:
			if n, ok := v.(*big.Rat); ok {
				return new(big.Rat).Neg(n), true
			}
		case name == "timestamp" || name == "date":
			if text, ok := v.(string); ok {
				for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
					if t, err := time.Parse(layout, text); err == nil {
						return t.UTC(), true
					}
				}
			}
		}
	}
	return nil, false
}
