package cel

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// An aggregate leaves out the rows in which its argument has no value. That is
// right where a column is null, but a zero divisor, an overflow or a text that is
// no number must not pass unseen. So an argument that may err on values has a
// metric of its own beside the aggregate, a companion: the number of rows in
// scope for which it has no value although none of its columns, or of the fields of
// structs that it reads, is null. The
// reference and SQL cannot agree on less: SQL does not tell an error from null.

// argumentErrors is the aggregate of companions. No source can call it, so it is
// in no family. Its values row by row are what [metric.row] says.
var argumentErrors = aggregate{name: "errors", min: 1, max: 1,
	types:  func([]*expr) (result, *wrong) { return intResult, nil },
	eval:   func(_ *metric, rows [][]ref.Val) ref.Val { return countWhere(rows, isTrue) },
	duckdb: erredSQL, spark: erredSQL}

func erredSQL(g *aggregation) (string, error) {
	conditions := []string{g.args[0].sql + " IS NULL"}
	if g.args[0].branches != nil {
		conditions[0] = "(" + g.valid(g.args[0]) + ") IS NOT TRUE"
	}
	x := g.metric.args[0]
	for _, p := range x.reads {
		conditions = append(conditions, g.path(x.env, p)+" IS NOT NULL")
	}
	return g.count(conditions...), nil
}

func (m *metric) companion() bool { return m.call == &argumentErrors }

// accompany adds the companions of a metric; texts are its arguments as CEL.
// Arguments that two aggregates share have one.
func (c *compilation) accompany(m *metric, texts []string) {
	if m.past > 0 || m.call.counts {
		return
	}
	for i, x := range m.args {
		if !x.mayErr() {
			continue
		}
		own := &metric{of: "errors(" + texts[i] + ")", argument: texts[i], call: &argumentErrors, args: []*expr{x}, result: intResult}
		c.scope(own)
		if c.known(own) < 0 {
			c.parts.metrics = append(c.parts.metrics, own)
		}
	}
}

// mayErr reports whether x may err where none of its columns is null. It is
// false only for what cannot: columns, comparisons, doubles, decimals that fit.
func (x *expr) mayErr() bool {
	found := len(x.lambdas) > 0
	each(x.tree, func(e ast.Expr, f *form, args []ast.Expr) {
		own := make([]shape, len(args))
		for i, a := range args {
			own[i] = x.shapes[a.ID()]
		}
		found = found || f.mayErr(own, literals(args))
	})
	return found
}

// mayErr reports whether a form may err on values of these shapes.
func (f *form) mayErr(own []shape, literals []ref.Val) bool {
	if f.shape == nil {
		return !f.total
	}
	s, err := f.shape(own, literals)
	return err != nil || s.precision > maxDigits || !f.total && !f.digits
}

// path is a column, or a field of a column that is a struct: what may be null
// without an error.
type path struct {
	column int
	fields string // joined by pathSeparator
}

const pathSeparator = "\x00"

// pathsOf are the paths that a tree reads, sorted, without those of lambdas.
func pathsOf(tree ast.Expr) []path {
	var paths []path
	var visit func(e ast.Expr)
	visit = func(e ast.Expr) {
		fields := ""
		at := e
		for at.Kind() == ast.SelectKind {
			fields = at.AsSelect().FieldName() + pathSeparator + fields
			at = at.AsSelect().Operand()
		}
		if at.Kind() == ast.IdentKind {
			if i, ok := columnIndex(at.AsIdent()); ok {
				paths = append(paths, path{i, fields})
			}
			return
		}
		switch at.Kind() {
		case ast.ListKind:
			for _, x := range at.AsList().Elements() {
				visit(x)
			}
		case ast.CallKind:
			for _, x := range at.AsCall().Args() {
				visit(x)
			}
		}
	}
	visit(tree)
	return paths
}

func sortPaths(paths []path) []path {
	slices.SortFunc(paths, func(a, b path) int {
		return cmp.Or(cmp.Compare(a.column, b.column), cmp.Compare(a.fields, b.fields))
	})
	return slices.Compact(paths)
}

func (w *writer) path(env *Env, p path) string {
	sql := w.dialect.Ident(env.schema.Fields[p.column].Name)
	for _, name := range strings.Split(p.fields, pathSeparator) {
		switch {
		case name == "":
		case w.isSpark():
			sql = "(" + sql + ")." + w.dialect.Ident(name)
		default:
			sql = "struct_extract(" + sql + ", " + w.dialect.Literal(name) + ")"
		}
	}
	return sql
}

// row is the arguments' values in one row, types.NullValue for none; of a
// companion, whether that is an error.
func (m *metric) row(vars rowVars) []ref.Val {
	values := make([]ref.Val, len(m.args))
	for i, a := range m.args {
		v, err := a.eval(vars)
		if err != nil {
			v = types.NullValue
		}
		if m.companion() {
			v = types.Bool(err != nil && vars.complete(a.reads))
		}
		values[i] = v
	}
	return values
}

// complete reports whether nothing on the paths is null.
func (v rowVars) complete(paths []path) bool {
	for _, p := range paths {
		x := v.row[v.env.schema.Fields[p.column].Name]
		for _, name := range strings.Split(p.fields, pathSeparator) {
			if m, ok := x.(map[string]any); ok && name != "" {
				x = m[name]
			}
		}
		if x == nil {
			return false
		}
	}
	return true
}

// erred is the outcome that the value of a companion enforces, if any.
func (m *metric) erred(v ref.Val) (Outcome, bool) {
	n, ok := v.(types.Int)
	switch {
	case !ok && types.IsError(v):
		return Outcome{Err, v.(error).Error()}, true
	case !ok:
		return Outcome{Err, m.text + " has no value"}, true
	case n == 0:
		return Outcome{}, false
	}
	rows := "1 row"
	if n != 1 {
		rows = fmt.Sprintf("%d rows", n)
	}
	return Outcome{Err, fmt.Sprintf("%s could not be computed for %s: no column that it reads is null there, so it divides by zero, "+
		"is beyond its type or does not convert; leave such rows out by a where", m.argument, rows)}, true
}
