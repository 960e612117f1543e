package cel

import (
	"fmt"
	"strconv"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"
)

// Conditions over the elements of a list or the keys of a map: x.all(e, e > 0).
// The condition is an expression of its own, as the argument of an aggregate is:
// a lambda. The tree holds the call of a function with the variable of the lambda.

// lambda is what is computed for each element.
type lambda struct {
	variable string // of the element
	element  *types.Type
	body     *expr
}

// iteration is the variable of an element while its lambda is compiled.
type iteration struct {
	variable string
	typ      *types.Type
	shape    shape
}

// bound is a name that stands for an element, or "" for one that lets do not see.
type bound struct{ name, variable string }

func lambdaVariable(i int) string { return "l" + strconv.Itoa(i) }

func lambdaIndex(e ast.Expr) (int, bool) {
	if e.Kind() != ast.IdentKind || !strings.HasPrefix(e.AsIdent(), "l") {
		return 0, false
	}
	i, err := strconv.Atoi(e.AsIdent()[1:])
	return i, err == nil
}

// elementName is the name that the source has for the variable of an element.
func elementName(variable string) (string, bool) {
	if !strings.HasPrefix(variable, "@") {
		return "", false
	}
	_, name, ok := strings.Cut(variable, ":")
	return name, ok
}

// overElements reports whether a member call goes over elements.
func overElements(call ast.CallExpr) bool {
	if !call.IsMemberFunction() {
		return false
	}
	_, ok := lambdaFunctions[call.FunctionName()]
	return ok
}

// lambdaFunctions are the calls over elements, and whether they take a condition.
var lambdaFunctions = map[string]bool{"all": true, "exists": true, "exists_one": true, "existsOne": true, "filter": true, "map": false}

// expandLambda resolves the names of a call over elements.
func (c *compilation) expandLambda(e ast.Expr, stack []string) {
	call := e.AsCall()
	name, args := call.FunctionName(), call.Args()
	usage := "write x." + name + "(e, e > 0)"
	c.expand(call.Target(), stack)
	if len(args) < 2 || len(args) > 3 || len(args) == 3 && name != "map" || args[0].Kind() != ast.IdentKind {
		c.refuse(e, usage, "%s takes a name for the element and what to look at", name)
		return
	}
	element := args[0].AsIdent()
	if reserved[element] || c.env.knows(element) || isNamespace(element) {
		c.refuse(args[0], "call the element something else", "%s is a name already", element)
		e.SetKindCase(c.fac.NewIdent(e.ID(), brokenVariable))
		return
	}
	variable := fmt.Sprintf("@%d:%s", len(c.bound), element)
	args[0].SetKindCase(c.fac.NewIdent(args[0].ID(), variable))
	c.bound = append(c.bound, bound{element, variable})
	for _, a := range args[1:] {
		c.expand(a, stack)
	}
	c.bound = c.bound[:len(c.bound)-1]
}

// element is the variable that a name stands for.
func (c *compilation) element(name string) (string, bool) {
	for i := len(c.bound) - 1; i >= 0; i-- {
		if c.bound[i].name == name {
			return c.bound[i].variable, true
		}
	}
	return "", false
}

// withoutBound expands what sees no elements: a let.
func (c *compilation) withoutBound(expand func()) {
	hidden := c.bound
	c.bound = make([]bound, len(hidden))
	expand()
	c.bound = hidden
}

// lowerLambda makes what is computed for each element a lambda.
func (c *compilation) lowerLambda(e ast.Expr, s scope) {
	call := e.AsCall()
	name, args := call.FunctionName(), call.Args()
	target := call.Target()
	if name == "map" && len(args) == 3 { // map over what a condition keeps
		kept := c.fac.NewMemberCall(c.newID(e.ID()), "filter", target, args[0], args[1])
		e.SetKindCase(c.fac.NewMemberCall(e.ID(), "map", kept, c.fac.CopyExpr(args[0]), args[2]))
		c.lowerLambda(e, s)
		return
	}
	broken := func() { e.SetKindCase(c.fac.NewIdent(e.ID(), brokenVariable)) }
	c.lower(target, s)
	list := c.check(target)
	if list == nil {
		broken()
		return
	}
	if k := list.typ.Kind(); k != types.ListKind && k != types.MapKind {
		c.refuse(e, "", "%s looks at the elements of a list or a map, and this is %s", name, typeName(list.typ))
		return
	}
	variable := args[0].AsIdent()
	c.iterations = append(c.iterations, iteration{variable, list.typ.Parameters()[0], list.shape()})
	c.lower(args[1], s)
	body := c.check(args[1])
	c.iterations = c.iterations[:len(c.iterations)-1]
	if body == nil {
		broken()
		return
	}
	if lambdaFunctions[name] && body.typ.Kind() != types.BoolKind {
		c.issue(args[1], "", "this is %s, where a condition is needed", typeName(body.typ))
		broken()
		return
	}
	if name == "existsOne" {
		name = "exists_one"
	}
	v := c.fac.NewIdent(c.newID(args[1].ID()), lambdaVariable(len(c.parts.lambdas)))
	c.parts.lambdas = append(c.parts.lambdas, &lambda{variable, list.typ.Parameters()[0], body})
	e.SetKindCase(c.fac.NewCall(e.ID(), overFunction+name, target, v))
}

func lambdaType(element, out *types.Type) *types.Type {
	return types.NewOpaqueType("lambda", element, out)
}

// lambdasOf are the lambdas of a tree by variable, not those within them.
func (c *compilation) lambdasOf(e ast.Expr) map[string]*lambda {
	var found map[string]*lambda
	ast.PostOrderVisit(e, ast.NewExprVisitor(func(x ast.Expr) {
		if i, ok := lambdaIndex(x); ok && i < len(c.parts.lambdas) {
			if found == nil {
				found = map[string]*lambda{}
			}
			found[x.AsIdent()] = c.parts.lambdas[i]
		}
	}))
	return found
}

// closure is a lambda with the variables around it, while it is evaluated: of
// gives what it is for an element; errors are values.
type closure struct {
	opaque
	of func(element ref.Val) ref.Val
}

func (l *lambda) closure(vars interpreter.Activation) closure {
	return closure{opaque{lambdaType(types.DynType, types.DynType)}, func(element ref.Val) ref.Val {
		v, err := l.body.eval(elementVars{vars, l.variable, element})
		if err != nil {
			return types.WrapErr(err)
		}
		return v
	}}
}

// lambdaVars gives the lambdas of an expr as variables.
type lambdaVars struct {
	interpreter.Activation
	lambdas map[string]*lambda
}

func (v lambdaVars) ResolveName(name string) (any, bool) {
	if l, ok := v.lambdas[name]; ok {
		return l.closure(v.Activation), true
	}
	return v.Activation.ResolveName(name)
}

// elementVars gives one element as a variable.
type elementVars struct {
	interpreter.Activation
	variable string
	element  ref.Val
}

func (v elementVars) ResolveName(name string) (any, bool) {
	if name == v.variable {
		return v.element, true
	}
	return v.Activation.ResolveName(name)
}

// lambda is the body of a lambda as SQL, and the name of its element.
func (w *writer) lambda(l *lambda) (name string, body term, err error) {
	inner := &writer{dialect: w.dialect, facts: w.facts, expr: l.body, written: w.written, inLambda: true}
	body, err = inner.term(l.body.tree.Expr())
	w.written = inner.written
	return elementSQL(l.variable), body, err
}

// elementSQL is the name of an element in SQL; those of nested lambdas differ.
func elementSQL(variable string) string {
	depth, _, _ := strings.Cut(variable[1:], ":")
	return "dq_e" + depth
}

// each writes a list made of another by an expression over its elements.
func (w *writer) each(list, element, body string) string {
	if w.isSpark() {
		return "transform(" + list + ", " + element + " -> " + body + ")"
	}
	w.queried = w.queried || strings.Contains(body, "(SELECT ")
	return "list_transform(" + list + ", lambda " + element + ": " + body + ")"
}

// keep writes a list of the elements of another for which a condition is true.
func (w *writer) keep(list, element, condition string) string {
	if w.isSpark() {
		return "filter(" + list + ", " + element + " -> " + condition + ")"
	}
	w.queried = w.queried || strings.Contains(condition, "(SELECT ")
	return "list_filter(" + list + ", lambda " + element + ": " + condition + ")"
}

// length is the number of elements, null of null.
func (w *writer) length(list string) string {
	if w.isSpark() {
		return "CASE WHEN " + list + " IS NOT NULL THEN CAST(size(" + list + ") AS BIGINT) END"
	}
	return "len(" + list + ")"
}

// anyNull says whether an element is null; null of null.
func (w *writer) anyNull(list string) string {
	if w.isSpark() {
		return "exists(" + list + ", dq_x -> dq_x IS NULL)"
	}
	return "(list_count(" + list + ") < len(" + list + "))"
}
