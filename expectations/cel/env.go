package cel

import (
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"

	"github.com/dq-dev/dq/table"
)

// Let is a named expression, which rules use like a column.
type Let struct{ Name, Source string }

// Env compiles rules over the columns of one table. It is safe for concurrent use.
type Env struct {
	schema  table.Schema
	types   []*types.Type // by column
	columns map[string]int
	lets    map[string]*let
	names   []string // of columns and lets, for suggestions
}

type let struct {
	tree ast.Expr // as parsed; nil when it does not compile
}

// NewEnv returns an environment for the columns of schema and for lets, which
// may use columns, aggregates and each other. The error is an [*Error] whose
// issues name the let. The Env is not nil even then: rules that use a broken let
// get an issue that says so, all others compile.
func NewEnv(schema table.Schema, lets []Let) (*Env, error) {
	e := &Env{schema: schema, columns: map[string]int{}, lets: map[string]*let{}}
	for i, f := range schema.Fields {
		e.columns[f.Name] = i
		e.types = append(e.types, celType(f.Type))
	}
	e.names = append(e.names, schema.Names()...)
	var issues []Issue
	refuse := func(l Let, format string, args ...any) {
		issues = append(issues, Issue{Let: l.Name, Message: fmt.Sprintf(format, args...)})
	}
	for _, l := range lets {
		_, again := e.lets[l.Name]
		_, column := e.columns[l.Name]
		switch {
		case !plainName.MatchString(l.Name) || reserved[l.Name]:
			refuse(l, "%q is no name: letters, digits and _", l.Name)
		case again:
			refuse(l, "there are two lets %s", l.Name)
		case column:
			refuse(l, "%s is a column already", l.Name)
		default:
			e.names = append(e.names, l.Name)
			parsed, problems := parse(newSource(l.Source))
			e.lets[l.Name] = &let{}
			for _, i := range problems {
				i.Let = l.Name
				issues = append(issues, i)
			}
			if parsed != nil {
				e.lets[l.Name].tree = parsed.Expr()
			}
		}
	}
	var broken []string
	for _, l := range lets {
		if known := e.lets[l.Name]; known != nil && known.tree != nil {
			if problems := e.checkLet(l); len(problems) > 0 {
				issues = append(issues, problems...)
				broken = append(broken, l.Name)
			}
		}
	}
	for _, name := range broken {
		e.lets[name].tree = nil
	}
	return e, newError(issues)
}

// checkLet compiles a let by itself.
func (e *Env) checkLet(l Let) []Issue {
	c := e.compilation(l.Source, l.Name)
	c.over = true
	if tree := c.parse(); tree != nil {
		if mentionsAggregate(tree) && !mentionsColumn(tree) {
			c.lower(tree, ofTable)
		} else {
			c.lower(tree, ofRow)
		}
		c.check(tree)
	}
	return c.issues
}

// mentionsColumn reports whether a column stands outside aggregates.
func mentionsColumn(tree ast.Expr) bool {
	found := false
	var visit func(e ast.Expr)
	visit = func(e ast.Expr) {
		switch e.Kind() {
		case ast.IdentKind:
			_, ok := columnIndex(e.AsIdent())
			found = found || ok
		case ast.SelectKind:
			visit(e.AsSelect().Operand())
		case ast.ListKind:
			for _, x := range e.AsList().Elements() {
				visit(x)
			}
		case ast.CallKind:
			if isAggregate(callOf(e)) {
				return
			}
			if e.AsCall().IsMemberFunction() {
				visit(e.AsCall().Target())
			}
			for _, x := range e.AsCall().Args() {
				visit(x)
			}
		}
	}
	visit(tree)
	return found
}

func mentionsAggregate(tree ast.Expr) bool {
	found := false
	ast.PostOrderVisit(tree, ast.NewExprVisitor(func(e ast.Expr) {
		found = found || isAggregate(callOf(e))
	}))
	return found
}

func (e *Env) knows(name string) bool {
	_, column := e.columns[name]
	_, let := e.lets[name]
	return column || let
}

// Row compiles a condition on one row. The error is an [*Error] with all issues.
func (e *Env) Row(src string) (*Rule, error) { return e.row(src, nil, false) }

// RowOver compiles a condition on one row that may compare it with aggregates and
// neighbours: those of the rows for which where, a row rule or nil, is not false.
// The rule itself does not look at where. The error is an [*Error] with all issues.
func (e *Env) RowOver(src string, where *Rule) (*Rule, error) { return e.row(src, where, true) }

// AllRows is the issue of a row rule that should be a table rule.
const AllRows = "the rule looks at all rows at once, and at no column of its row"

func (e *Env) row(src string, where *Rule, over bool) (*Rule, error) {
	c := e.compilation(src, "")
	c.where, c.over = where, over
	r := &Rule{env: e, parts: c.parts}
	if tree := c.parse(); tree != nil {
		r.canonical = e.canonical(tree)
		if over && mentionsAggregate(tree) && !mentionsColumn(tree) {
			c.issue(tree, "make it a table rule", AllRows)
		}
		c.lower(tree, ofRow)
		c.finish(r, tree)
	}
	return r.or(c.issues)
}

// Table compiles a condition on aggregates of the rows for which where, a row
// rule or nil, is not false. The error is an [*Error] with all issues.
func (e *Env) Table(src string, where *Rule) (*Rule, error) {
	c := e.compilation(src, "")
	c.where = where
	r := &Rule{env: e, table: true, parts: c.parts, where: where}
	if where != nil {
		c.parts.clock, c.parts.refs = where.parts.clock, slices.Clone(where.parts.refs)
	}
	if tree := c.parse(); tree != nil {
		r.canonical = e.canonical(tree)
		c.lower(tree, ofTable)
		c.finish(r, tree)
	}
	return r.or(c.issues)
}

// Aggregate says what is wrong with an expression that has to be one aggregate that
// gives a number. The error is an [*Error] with all issues.
func (e *Env) Aggregate(src string) error {
	c := e.compilation(src, "")
	tree := c.parse()
	if tree == nil {
		return newError(c.issues)
	}
	const usage = "write rows(), mean(total) or share(email == null)"
	name := callOf(tree)
	if a := lib().aggregates[name]; a == nil {
		c.refuse(tree, usage, "this is not one aggregate")
	} else if i, ok := c.lift(tree, 0, false); ok {
		switch m := c.parts.metrics[i].result.cel; {
		case m.Kind() == types.IntKind, m.Kind() == types.DoubleKind, isDecimal(m):
		default:
			c.refuse(tree, usage, "%s gives %s here, and a number is needed", name, typeName(m))
		}
	}
	return newError(c.issues)
}

func (c *compilation) finish(r *Rule, tree ast.Expr) {
	if r.expr = c.check(tree); r.expr == nil || len(c.issues) > 0 {
		return
	}
	if r.expr.typ.Kind() != types.BoolKind {
		text := strings.TrimSpace(c.src.text)
		c.issues = append(c.issues, Issue{Offset: strings.Index(c.src.text, text), Length: len(text),
			Message: fmt.Sprintf("the rule is %s, not a condition", typeName(r.expr.typ)), Hint: "compare it: x > 0, x == 'a'"})
	}
	c.kinds(r.expr)
	for _, m := range c.parts.metrics {
		for _, a := range m.args {
			if !m.companion() { // whose argument is another metric's, seen already
				c.kinds(a)
			}
		}
	}
	slices.SortFunc(c.parts.refs, func(a, b Ref) int {
		return strings.Compare(a.Table+"\x00"+a.Column, b.Table+"\x00"+b.Column)
	})
	c.parts.refs = slices.Compact(c.parts.refs)
}

// kinds notes the types of the values that exists_in looks up.
func (c *compilation) kinds(x *expr) {
	x.visit(func(x *expr, e ast.Expr) {
		if e.Kind() != ast.CallKind || e.AsCall().FunctionName() != existsFunction {
			return
		}
		args := e.AsCall().Args()
		k := (len(args) - 1) / 2
		for n, value := range args[:k] {
			if k > 1 {
				value = value.AsCall().Args()[0]
			}
			for i, r := range c.parts.refs {
				if r.Kind == "" && r.Table == string(literalOf(args[k]).(types.String)) && r.Column == string(literalOf(args[k+1+n]).(types.String)) {
					c.parts.refs[i].Kind = typeName(x.tree.TypeMap()[value.ID()])
					break
				}
			}
		}
	})
}
