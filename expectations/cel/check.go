package cel

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"cel.dev/cel-go/checker"
	"cel.dev/cel-go/common"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/containers"
	"cel.dev/cel-go/common/decls"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// Variables of trees that no column can be called.
const (
	nowVariable    = "@now"
	factsVariable  = "@facts"
	brokenVariable = "@broken" // stands for what has an issue already
)

// expr is a checked tree: every call has one form, every decimal a shape.
type expr struct {
	env     *Env
	tree    *ast.AST
	typ     *types.Type
	root    shape
	shapes  map[int64]shape
	columns []int              // sorted, those of lambdas too
	reads   []path             // the same, down to fields
	lambdas map[string]*lambda // by variable
	metrics []*metric          // of the rule, as far as they were known
	windows []*window          // in the same way

	plan sync.Once
	program
}

func (x *expr) shape() shape { return x.root }

// literal is the value of an expr that is a constant, else nil.
func (x *expr) literal() ref.Val { return literalOf(x.tree.Expr()) }

func literalOf(e ast.Expr) ref.Val {
	if e.Kind() == ast.LiteralKind {
		return e.AsLiteral()
	}
	return nil
}

// form is the overload that a checked call resolved to, nil for what is no call.
func (x *expr) form(e ast.Expr) *form { return formOf(x.tree, e) }

func formOf(tree *ast.AST, e ast.Expr) *form {
	if ids := tree.GetOverloadIDs(e.ID()); e.Kind() == ast.CallKind && len(ids) == 1 {
		return lib().forms[ids[0]]
	}
	return nil
}

var baseChecker = sync.OnceValue(func() *checker.Env {
	env, err := checker.NewEnv(containers.DefaultContainer, structs(),
		checker.CrossTypeNumericComparisons(true))
	if err == nil {
		err = env.AddFunctions(lib().decls...)
	}
	if err == nil {
		err = env.AddIdents(decls.NewVariable(nowVariable, types.TimestampType), decls.NewVariable(factsVariable, factsType),
			decls.NewVariable(brokenVariable, types.DynType))
	}
	if err != nil {
		panic("cel: the function tables contradict themselves: " + err.Error())
	}
	return env
})

// checker is an environment of columns and of metrics.
func (c *compilation) checker(columns []int, metrics []*metric, lambdas map[string]*lambda) (*checker.Env, error) {
	env, err := checker.NewEnv(containers.DefaultContainer, structs(), checker.ValidatedDeclarations(baseChecker()),
		checker.CrossTypeNumericComparisons(true))
	if err != nil {
		return nil, err
	}
	var variables []*decls.VariableDecl
	for i, m := range metrics {
		t := m.result.cel
		if m.list {
			t = types.NewListType(t)
		}
		variables = append(variables, decls.NewVariable(metricVariable(i), t), decls.NewVariable(noValueVariable(i), types.BoolType))
	}
	for _, i := range columns {
		variables = append(variables, decls.NewVariable(columnName(i), c.env.types[i]))
	}
	for i, w := range c.parts.windows {
		t, _ := w.of()
		variables = append(variables, decls.NewVariable(windowVariable(i), t))
	}
	for _, i := range c.iterations {
		variables = append(variables, decls.NewVariable(i.variable, i.typ))
	}
	for name, l := range lambdas {
		variables = append(variables, decls.NewVariable(name, lambdaType(l.element, l.body.typ)))
	}
	return env, env.AddIdents(variables...)
}

// check types a lowered tree, or gives nil: with issues, unless the tree had some
// already. It checks three times: as it
// is, with numbers that meet converted, and with the scales of conditionals equal.
func (c *compilation) check(e ast.Expr) *expr {
	columns, metrics := columnsOf(e), c.parts.metrics
	lambdas := c.lambdasOf(e)
	env, err := c.checker(columns, metrics, lambdas)
	if err != nil {
		c.issue(e, "", "%s", err)
		return nil
	}
	found := len(c.issues)
	broken := false
	ast.PostOrderVisit(e, ast.NewExprVisitor(func(x ast.Expr) {
		broken = broken || x.Kind() == ast.IdentKind && x.AsIdent() == brokenVariable
	}))
	var tree *ast.AST
	var shapes map[int64]shape
	for _, adapt := range []func(*ast.AST, map[int64]shape){c.adaptNumbers, c.adaptScales, nil} {
		var errs *common.Errors
		tree, errs = checker.Check(ast.NewAST(e, ast.CopySourceInfo(c.info)), common.NewTextSource(c.src.text), env)
		for _, e := range errs.GetErrors() {
			c.typeError(tree, e)
		}
		if broken {
			return nil
		}
		if len(c.issues) == found && adapt == nil {
			c.constants(tree)
		}
		if len(c.issues) == found {
			c.uniform(tree)
		}
		if len(c.issues) == found {
			c.single(tree)
		}
		if len(c.issues) > found {
			return nil
		}
		if shapes = c.shapes(tree, metrics); len(c.issues) > found {
			return nil
		}
		if adapt != nil {
			adapt(tree, shapes)
			if len(c.issues) > found {
				return nil
			}
		}
	}
	reads := pathsOf(e)
	for _, l := range lambdas {
		columns = append(columns, l.body.columns...)
		reads = append(reads, l.body.reads...)
	}
	slices.Sort(columns)
	return &expr{env: c.env, tree: tree, typ: tree.GetType(e.ID()), shapes: shapes, root: shapes[e.ID()],
		columns: slices.Compact(columns), reads: sortPaths(reads), lambdas: lambdas, metrics: metrics, windows: c.parts.windows}
}

// columnsOf are the indexes of the columns in a tree, sorted.
func columnsOf(e ast.Expr) []int {
	var columns []int
	ast.PostOrderVisit(e, ast.NewExprVisitor(func(x ast.Expr) {
		if x.Kind() == ast.IdentKind {
			if i, ok := columnIndex(x.AsIdent()); ok && !slices.Contains(columns, i) {
				columns = append(columns, i)
			}
		}
	}))
	slices.Sort(columns)
	return columns
}

// each visits the calls of a tree, inner ones first.
func each(tree *ast.AST, visit func(e ast.Expr, f *form, args []ast.Expr)) {
	ast.PostOrderVisit(tree.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() == ast.CallKind {
			visit(e, formOf(tree, e), e.AsCall().Args())
		}
	}))
}

// uniform refuses lists of several types.
func (c *compilation) uniform(tree *ast.AST) {
	ast.PostOrderVisit(tree.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() != ast.ListKind {
			return
		}
		elements := e.AsList().Elements()
		for _, x := range elements {
			first, own := tree.TypeMap()[elements[0].ID()], tree.TypeMap()[x.ID()]
			if !own.IsExactType(first) {
				c.issue(x, "", "the list mixes %s and %s", typeName(first), typeName(own))
			}
		}
	}))
}

// single refuses calls whose form is not clear, which only an empty list could be.
func (c *compilation) single(tree *ast.AST) {
	each(tree, func(e ast.Expr, f *form, _ []ast.Expr) {
		if f == nil {
			c.issue(e, "", "the types of the arguments of %s are not clear", operatorText(e.AsCall().FunctionName()))
		}
	})
}

func (c *compilation) constants(tree *ast.AST) {
	each(tree, func(e ast.Expr, f *form, args []ast.Expr) {
		if f == nil || f.check == nil {
			return
		}
		if w := f.check(literals(args)); w != nil {
			c.issue(args[w.arg], w.hint, "%s", w.message)
		}
	})
}

func literals(args []ast.Expr) []ref.Val {
	values := make([]ref.Val, len(args))
	for i, a := range args {
		values[i] = literalOf(a)
	}
	return values
}

// adaptNumbers reads double literals beside decimals as decimals, and converts
// the branch of a conditional whose other branch is of another numeric type.
func (c *compilation) adaptNumbers(tree *ast.AST, _ map[int64]shape) {
	each(tree, func(e ast.Expr, f *form, args []ast.Expr) {
		switch {
		case f.reads:
			for _, a := range args {
				c.readDecimals(tree, e, a)
			}
		case e.AsCall().FunctionName() == operators.Conditional && f.in[1] != f.in[2]:
			for _, a := range args[1:] {
				if t := tree.TypeMap()[a.ID()]; t.Kind() == types.IntKind {
					function := doubleFunction
					if isDecimal(f.out) {
						function = decimalFunction
					}
					c.wrap(a, function)
				}
			}
		}
	})
}

// readDecimals replaces the double literal a, or the double literals of the list
// a, by decimals; any other double beside a decimal is an issue.
func (c *compilation) readDecimals(tree *ast.AST, call, a ast.Expr) {
	t := tree.TypeMap()[a.ID()]
	if t.Kind() == types.ListKind {
		t = t.Parameters()[0]
	}
	if t.Kind() != types.DoubleKind {
		return
	}
	elements := []ast.Expr{a}
	if a.Kind() == ast.ListKind {
		elements = a.AsList().Elements()
	}
	for _, x := range elements {
		v, ok := literalOf(x).(types.Double)
		if !ok {
			c.issue(call, "write double(x) for the decimal, or make both decimals",
				"decimal %s double would not be exact", operatorText(call.AsCall().FunctionName()))
			return
		}
		d, err := parseDecimal(shortest(float64(v)))
		if s := d.shape(); err != nil || s.precision > maxDigits || s.scale > maxDigits {
			c.issue(x, "", "%s does not fit a decimal of 38 digits", shortest(float64(v)))
			return
		}
		x.SetKindCase(c.fac.NewCall(x.ID(), decimalFunction, c.fac.NewLiteral(c.newID(x.ID()), types.String(d.String()))))
	}
}

// wrap puts a call of a function of one argument around a node.
func (c *compilation) wrap(e ast.Expr, function string, more ...ref.Val) {
	inner := c.fac.NewUnspecifiedExpr(c.newID(e.ID()))
	inner.SetKindCase(e)
	args := []ast.Expr{inner}
	for _, v := range more {
		args = append(args, c.fac.NewLiteral(c.newID(e.ID()), v))
	}
	e.SetKindCase(c.fac.NewCall(e.ID(), function, args...))
}

// adaptScales brings both branches of a conditional of decimals to one scale, so
// that the reference counts digits as SQL does.
func (c *compilation) adaptScales(tree *ast.AST, shapes map[int64]shape) {
	each(tree, func(e ast.Expr, f *form, args []ast.Expr) {
		if e.AsCall().FunctionName() != operators.Conditional || !isDecimal(f.out) {
			return
		}
		scale := shapes[e.ID()].scale
		for _, a := range args[1:] {
			if shapes[a.ID()].scale < scale {
				c.wrap(a, rescaleFunction, types.Int(scale))
			}
		}
	})
}

// shapes computes precision and scale of all decimals, and the digits of ints.
func (c *compilation) shapes(tree *ast.AST, metrics []*metric) map[int64]shape {
	shapes := map[int64]shape{}
	ast.PostOrderVisit(tree.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		s := intShape
		switch e.Kind() {
		case ast.LiteralKind:
			if n, ok := e.AsLiteral().(types.Int); ok {
				s = intDecimal(int64(n)).shape()
			}
		case ast.IdentKind:
			if i, ok := metricIndex(e); ok && i < len(metrics) {
				s = metrics[i].result.shape
			} else if i, ok := columnIndex(e.AsIdent()); ok {
				s = columnShape(c.env.schema.Fields[i].Type)
			} else if i, ok := windowIndex(e.AsIdent()); ok && i < len(c.parts.windows) {
				_, s = c.parts.windows[i].of()
			} else if i, ok := lambdaIndex(e); ok {
				s = c.parts.lambdas[i].body.root
			}
			for _, i := range c.iterations {
				if i.variable == e.AsIdent() {
					s = i.shape
				}
			}
		case ast.SelectKind:
			of, _ := structOf(tree.TypeMap()[e.AsSelect().Operand().ID()].TypeName())
			f, _ := fieldOf(of, e.AsSelect().FieldName())
			s = columnShape(f.Type)
		case ast.ListKind:
			for i, x := range e.AsList().Elements() {
				if i == 0 {
					s = shapes[x.ID()]
				}
				s = meet(s, shapes[x.ID()])
			}
		case ast.CallKind:
			f := formOf(tree, e)
			if f == nil || f.shape == nil || !holdsDecimals(tree.TypeMap()[e.ID()]) {
				break
			}
			args := e.AsCall().Args()
			own := make([]shape, len(args))
			for i, a := range args {
				own[i] = shapes[a.ID()]
			}
			var err error
			if s, err = f.shape(own, literals(args)); err != nil {
				c.issue(e, "", "%s", err)
			}
			s = s.capped()
		}
		shapes[e.ID()] = s
	}))
	return shapes
}

// typeError words an error of the checker.
func (c *compilation) typeError(tree *ast.AST, err *common.Error) {
	var at ast.Expr
	ast.PreOrderVisit(tree.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.ID() == err.ExprID {
			at = e
		}
	}))
	switch {
	case at == nil:
		c.issue(tree.Expr(), "", "%s", err.Message)
	case strings.HasPrefix(err.Message, "expected type"):
		hint := ""
		switch t := tree.TypeMap()[at.ID()]; t.Kind() {
		case types.StringKind:
			hint = "compare it: x == 'a'; texts are joined by +"
		case types.IntKind, types.DoubleKind:
			hint = "compare it: x != 0"
		}
		c.issue(at, hint, "this is %s, where a condition is needed", typeName(tree.TypeMap()[at.ID()]))
	case at.Kind() == ast.CallKind:
		c.noForm(tree, at)
	default:
		c.issue(at, "", "%s", err.Message)
	}
}

// noForm says that a function or an operator does not take its arguments.
func (c *compilation) noForm(tree *ast.AST, e ast.Expr) {
	name := e.AsCall().FunctionName()
	var given []string
	for _, a := range e.AsCall().Args() {
		given = append(given, typeName(tree.TypeMap()[a.ID()]))
	}
	sign := operatorText(name)
	hint := pairHint(sign, given)
	switch {
	case name == existsFunction, name == keyFunction:
		c.issue(e, "", "exists_in cannot look up %s", given[0])
	case name == operators.Conditional:
		if given[0] != "bool" {
			c.issue(e, "", "? needs a condition before it, not %s", given[0])
			return
		}
		c.issue(e, hint, "? : needs two values of one type, not %s and %s", given[1], given[2])
	case len(given) == 2 && sign != name:
		c.issue(e, hint, "%s %s %s does not exist", given[0], sign, given[1])
	case len(given) == 1 && sign != name:
		c.issue(e, hint, "%s%s does not exist", sign, given[0])
	default:
		var takes []string
		f, ok := lib().functions[name]
		if !ok {
			c.issue(e, hint, "%s(%s) does not exist", name, strings.Join(given, ", "))
			return
		}
		for _, o := range f.forms {
			if len(o.in) != len(given) {
				continue
			}
			var in []string
			for _, t := range o.in {
				in = append(in, typeName(t))
			}
			takes = append(takes, strings.Join(in, ", "))
		}
		text := strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(name, listFunction), overFunction), "@")
		c.issue(e, hint, "%s(%s) does not exist; %s takes (%s)", text, strings.Join(given, ", "), text, strings.Join(takes, ") or ("))
	}
}

// pairHint says what to write for two types that do not meet.
func pairHint(sign string, given []string) string {
	has := func(t string) bool { return slices.Contains(given, t) }
	switch {
	case sign == "!" && len(given) == 1:
		return "write x == null for what is missing, x == 0 or x == '' for what is empty"
	case has("decimal") && sign == "/":
		return "write div(x, y, 2) with the places that you want, or double(x) / double(y)"
	case has("string") && has("timestamp"):
		return "write timestamp('2026-01-31T00:00:00Z')"
	case has("string") && has("date"):
		return "write date('2026-01-31')"
	case has("date") && has("timestamp"):
		return "write date(t) or timestamp(d)"
	case has("string") && has("duration"):
		return "write duration('36h')"
	case has("string") && has("int"):
		return "write the number without quotes, or int(x), or string(x)"
	case has("string") && (has("double") || has("decimal")):
		return "write the number without quotes, or double(x)"
	case sign == "in" && len(given) == 2 && !strings.HasPrefix(given[1], "list"):
		return "write x in ['a', 'b']"
	}
	return ""
}

// operatorText is how an operator is written; names of functions stay.
func operatorText(name string) string {
	switch name {
	case equalFunction:
		return "=="
	case notEqualFunction:
		return "!="
	case memberFunction:
		return "in"
	case operators.Conditional:
		return "? :"
	}
	if sign, ok := operators.FindReverse(name); ok {
		return sign
	}
	return name
}

func typeName(t *types.Type) string {
	switch {
	case t.Kind() == types.TimestampKind:
		return "timestamp"
	case t.Kind() == types.DurationKind:
		return "duration"
	case t.Kind() == types.ListKind && len(t.Parameters()) == 1 && t.Parameters()[0].Kind() != types.TypeParamKind:
		return "list of " + typeName(t.Parameters()[0])
	case t.Kind() == types.MapKind && len(t.Parameters()) == 2 && t.Parameters()[0].Kind() != types.TypeParamKind:
		return "map of " + typeName(t.Parameters()[0]) + " to " + typeName(t.Parameters()[1])
	case t.Kind() == types.TypeParamKind:
		return "any"
	}
	return fmt.Sprint(t.TypeName())
}
