package cel

import (
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"
)

// Where the reference evaluator is called by SQL, other tables are looked into by
// SQL: the reference says which values a row looks up, SQL finds those that are
// there, and the reference goes on with the answers.

// look is a place to look values up in: columns of a table.
type look struct {
	table   string
	columns []string
	types   []*types.Type
	shapes  []shape
}

// key is what values that are looked up are called among the answers.
func (l *look) key(values []string) string {
	return jsonText([]any{l.table, l.columns, values})
}

// answer is whether values were found, an error if they were not looked up.
func (f Facts) answer(table types.String, columns, values []ref.Val) ref.Val {
	texts := func(values []ref.Val) (out []string) {
		for _, v := range values {
			out = append(out, string(v.(types.String)))
		}
		return out
	}
	l := &look{table: string(table), columns: texts(columns)}
	found, ok := f.found[l.key(texts(values))]
	if !ok {
		return types.NewErr("%s was not looked into for %v", table, values)
	}
	return types.Bool(found)
}

// finding is a value, or several, that a row looks up.
type finding struct {
	look   *look
	values []*expr
}

// findings are those of an expression outside its lambdas, and those of the lambdas,
// each with the list that it goes over.
type findings struct {
	own  []finding
	over []iterated
}

type iterated struct {
	list   *expr
	lambda *lambda
	inner  *findings
}

// findings lists what the expression looks up, and where; each place is once in looks.
func (x *expr) findings(looks *[]*look) *findings {
	f := &findings{}
	each(x.tree, func(e ast.Expr, _ *form, args []ast.Expr) {
		if l, ok := x.lambdas[lambdaOf(e)]; ok {
			f.over = append(f.over, iterated{x.part(args[0]), l, l.body.findings(looks)})
		}
		if e.AsCall().FunctionName() != existsFunction {
			return
		}
		l, values := x.look(args)
		if i := slices.IndexFunc(*looks, func(o *look) bool { return o.same(l) }); i >= 0 {
			l = (*looks)[i]
		} else {
			*looks = append(*looks, l)
		}
		f.own = append(f.own, finding{l, values})
	})
	return f
}

// look is where a call of exists_in looks, and what for.
func (x *expr) look(args []ast.Expr) (*look, []*expr) {
	k := (len(args) - 1) / 2
	name, _ := literalOf(args[k]).(types.String)
	l := &look{table: string(name)}
	var values []*expr
	for i, value := range args[:k] {
		if k > 1 {
			value = value.AsCall().Args()[0]
		}
		column, _ := literalOf(args[k+1+i]).(types.String)
		v := x.part(value)
		values = append(values, v)
		l.columns, l.types, l.shapes = append(l.columns, string(column)), append(l.types, v.typ), append(l.shapes, v.root)
	}
	return l, values
}

func (l *look) same(o *look) bool {
	return l.table == o.table && slices.Equal(l.columns, o.columns) && slices.EqualFunc(l.types, o.types, func(a, b *types.Type) bool { return a.IsExactType(b) })
}

// lambdaOf is the variable of the lambda that a call goes over elements with, or "".
func lambdaOf(e ast.Expr) string {
	call := e.AsCall()
	if !strings.HasPrefix(call.FunctionName(), overFunction) || len(call.Args()) != 2 {
		return ""
	}
	return call.Args()[1].AsIdent()
}

// part is a piece of an expression as one of its own.
func (x *expr) part(e ast.Expr) *expr {
	return &expr{env: x.env, tree: ast.NewCheckedAST(ast.NewAST(e, x.tree.SourceInfo()), x.tree.TypeMap(), x.tree.ReferenceMap()),
		typ: x.tree.TypeMap()[e.ID()], root: x.shapes[e.ID()], shapes: x.shapes, lambdas: x.lambdas, metrics: x.metrics, windows: x.windows}
}

// rounds is how often values have to be looked up: once, or more often if what is
// looked up depends on what was found.
func (f *findings) rounds() int {
	count, depends := 0, false
	looks := func(x *expr) bool {
		found := false
		x.visit(func(_ *expr, e ast.Expr) {
			found = found || e.Kind() == ast.CallKind && e.AsCall().FunctionName() == existsFunction
		})
		return found
	}
	var visit func(f *findings)
	visit = func(f *findings) {
		for _, own := range f.own {
			count++
			depends = depends || slices.ContainsFunc(own.values, looks)
		}
		for _, o := range f.over {
			depends = depends || looks(o.list)
			visit(o.inner)
		}
	}
	visit(f)
	if depends {
		return count
	}
	return min(count, 1)
}

// collect calls add for all that a row looks up, in whatever branch. What cannot
// be told yet is left out.
func (f *findings) collect(vars interpreter.Activation, add func(l *look, values []string)) {
next:
	for _, own := range f.own {
		var values []string
		for _, x := range own.values {
			v, err := x.eval(vars)
			if err != nil || types.IsError(v) || v == types.NullValue {
				continue next
			}
			values = append(values, nativeKey(native(v)))
		}
		add(own.look, values)
	}
	for _, o := range f.over {
		list, err := o.list.eval(vars)
		if err != nil || types.IsError(list) || list == types.NullValue {
			continue
		}
		inner := vars
		if o.lambda.body.lambdas != nil {
			inner = lambdaVars{vars, o.lambda.body.lambdas}
		}
		for _, e := range elements(list) {
			o.inner.collect(elementVars{inner, o.lambda.variable, e}, add)
		}
	}
}

// lookUp is SQL for each place that the expression looks into: the list of what the
// row looks up there, as keys with a + before each that was found and a - before the
// others.
func (x *expr) lookUp(in *inputs) (found []string, err error) {
	var looks []*look
	f := x.findings(&looks)
	for range f.rounds() {
		known := found
		found = nil
		for _, l := range looks {
			sql, err := in.facts.Compute(slices.Concat(in.sql, known), func(values []any) (string, bool) {
				keys, seen := []any{}, map[string]bool{}
				f.collect(in.vars(values), func(at *look, values []string) {
					if key := at.key(values); at == l && !seen[key] {
						seen[key] = true
						keys = append(keys, jsonText(values))
					}
				})
				return jsonText(keys), len(keys) > 0
			})
			if err != nil {
				return nil, err
			}
			found = append(found, l.sql(in, sql))
		}
	}
	return found, nil
}

// sql finds the keys that a JSON list holds, each a JSON list of the texts of values.
func (l *look) sql(in *inputs, keys string) string {
	var values, columns, there []string
	for i, name := range l.columns {
		column := "dq_ref." + in.dialect.Ident(name)
		value := fmt.Sprintf("json_extract_string(dq_k, '$[%d]')", i)
		if isDecimal(l.types[i]) { // compared as texts, so that none is too wide
			text := "CAST(" + column + " AS VARCHAR)"
			column = fmt.Sprintf("CASE WHEN contains(%s, '.') THEN rtrim(rtrim(%s, '0'), '.') ELSE %s END", text, text, text)
		} else if typ, ok := tableType(l.types[i], l.shapes[i]); ok {
			value = typedText(value, typ)
		}
		values, columns, there = append(values, value), append(columns, column), append(there, column+" IS NOT NULL")
	}
	return fmt.Sprintf("(SELECT list(CASE WHEN (%s) IN (SELECT (%s) FROM %s AS dq_ref WHERE %s) THEN '+' ELSE '-' END || %s || dq_k || ']') FROM (SELECT unnest(%s) AS dq_k) AS dq_u)",
		strings.Join(values, ", "), strings.Join(columns, ", "), in.dialect.Relation(l.table), strings.Join(there, " AND "),
		in.dialect.Literal(strings.TrimSuffix(l.key(nil), "null]")), textsOf(keys))
}
