package cel

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/table"
)

// Compute makes SQL that is, in each row, the text that f makes of the values
// (as in [engine.Rows]) of some SQL over its columns; NULL when f says false.
type Compute func(sql []string, f func(values []any) (string, bool)) (string, error)

// sql is the SQL of a whole expression over rows in which the columns present are
// not null: in the dialect's own terms, or where these cannot say it, and the engine
// can call the reference evaluator for a value, by that.
func (x *expr) sql(d engine.Dialect, facts Facts, present []string) (term, error) {
	w := &writer{dialect: d, facts: facts, expr: x, present: present}
	t, err := w.term(x.tree.Expr())
	if why := new(Unsupported); facts.Compute != nil && errors.As(err, &why) {
		return x.computed(d, facts, false, why)
	}
	return t, err
}

// computed is the expression as the reference evaluates it, NULL for an error; or
// if there is no value anyway, whether it has one or is null without an error.
func (x *expr) computed(d engine.Dialect, facts Facts, total bool, why *Unsupported) (term, error) {
	typ, list, ok := textType(x.typ, x.root)
	if !ok {
		return term{}, why
	}
	in := x.inputs(d, facts)
	found, err := x.lookUp(in)
	if err != nil {
		return term{}, err
	}
	sql, err := facts.Compute(append(in.sql[:len(in.sql):len(in.sql)], found...), func(values []any) (string, bool) {
		v, err := x.eval(in.vars(values))
		switch {
		case err != nil || types.IsError(v):
			return "", false
		case total:
			return "", true
		case list:
			return listText(v)
		}
		return text(native(v))
	})
	if err != nil {
		return term{}, err
	}
	t := term{sql: sql, typ: x.typ, shape: x.root, null: true, fails: true, exact: x.root.precision <= maxDigits}
	switch {
	case total:
	case list:
		t.sql = "list_transform(" + textsOf(sql) + ", lambda dq_x: " + typedText("dq_x", typ) + ")"
	default:
		t.sql = typedText(sql, typ)
	}
	return t, nil
}

// textType is the type of a value that can be handed over as text, or of the
// elements of a list that can.
func textType(t *types.Type, s shape) (typ table.Type, list, ok bool) {
	if t.Kind() == types.ListKind {
		t, list = t.Parameters()[0], true
	}
	typ, ok = tableType(t, s)
	return typ, list, ok
}

// inputs are what the reference needs of a row, as SQL: columns, the values of
// neighbours, aggregates that differ from row to row, and then what was found in
// other tables.
type inputs struct {
	expr    *expr
	dialect engine.Dialect
	facts   Facts
	sql     []string
	names   []string // of the columns and neighbours
	metrics []string
}

func (x *expr) inputs(d engine.Dialect, facts Facts) *inputs {
	in := &inputs{expr: x, dialect: d, facts: facts}
	for _, i := range x.columns {
		f := x.env.schema.Fields[i]
		sql := d.Ident(f.Name)
		if f.Type.Kind == table.String { // JSON and the like are texts here
			sql = "CAST(" + sql + " AS VARCHAR)"
		}
		in.sql, in.names = append(in.sql, sql), append(in.names, f.Name)
	}
	used := map[string]bool{}
	x.visit(func(_ *expr, e ast.Expr) {
		if e.Kind() == ast.IdentKind {
			used[e.AsIdent()] = true
		}
	})
	for i, w := range x.windows {
		if used[windowVariable(i)] {
			in.sql, in.names = append(in.sql, d.Ident(w.text)), append(in.names, w.text)
		}
	}
	for i, m := range x.metrics {
		if facts.Grouped && (used[metricVariable(i)] || used[noValueVariable(i)]) {
			in.sql, in.metrics = append(in.sql, d.Ident(GroupColumn(i))), append(in.metrics, m.text)
		}
	}
	return in
}

// visit calls f for all nodes of an expression and of its lambdas.
func (x *expr) visit(f func(x *expr, e ast.Expr)) {
	ast.PostOrderVisit(x.tree.Expr(), ast.NewExprVisitor(func(e ast.Expr) { f(x, e) }))
	for _, l := range x.lambdas {
		l.body.visit(f)
	}
}

// vars are the variables of a row, from the values of the inputs and of [expr.lookUp].
func (in *inputs) vars(values []any) rowVars {
	row, facts := map[string]any{}, in.facts
	for i, name := range in.names {
		row[name] = values[i]
	}
	values = values[len(in.names):]
	if in.metrics != nil {
		facts.Metrics = map[string]any{}
		for i, text := range in.metrics {
			facts.Metrics[text] = values[i]
		}
		values = values[len(in.metrics):]
	}
	facts.found = map[string]bool{}
	for _, answers := range values {
		list, _ := answers.([]any)
		for _, a := range list {
			if a, ok := a.(string); ok {
				facts.found[a[1:]] = a[0] == '+'
			}
		}
	}
	return rowVars{in.expr.env, row, facts, in.expr.metrics, in.expr.windows}
}

// text is a value, as in engine.Rows, as a text that typedText understands; false
// for null.
func text(v any) (string, bool) {
	switch x := v.(type) {
	case bool:
		return strconv.FormatBool(x), true
	case int64:
		return strconv.FormatInt(x, 10), true
	case float64:
		switch {
		case math.IsNaN(x):
			return "NaN", true
		case math.IsInf(x, 0):
			return strings.TrimPrefix(strconv.FormatFloat(x, 'g', -1, 64), "+"), true
		}
		return strconv.FormatFloat(x, 'g', -1, 64), true
	case string:
		return x, true
	case []byte:
		return hex.EncodeToString(x), true
	case time.Time:
		return x.UTC().Format("2006-01-02 15:04:05.999999"), true
	case engine.Decimal:
		return string(x), true
	}
	return "", false
}

// listText is a list of texts as JSON.
func listText(v ref.Val) (string, bool) {
	texts := []any{}
	for _, e := range elements(v) {
		if t, ok := text(native(e)); ok {
			texts = append(texts, t)
		} else {
			texts = append(texts, nil)
		}
	}
	return jsonText(texts), true
}

// jsonText is a value of texts and lists as JSON.
func jsonText(v any) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // texts always can be
	return strings.TrimSuffix(b.String(), "\n")
}

// textsOf is the SQL of DuckDB for the list of texts that a JSON text is.
func textsOf(sql string) string { return "from_json(" + sql + ", '[\"VARCHAR\"]')" }

// typedText is the SQL of DuckDB for a value of its text.
func typedText(sql string, t table.Type) string {
	switch t.Kind {
	case table.String:
		return sql
	case table.Bool:
		return "CAST(" + sql + " AS BOOLEAN)"
	case table.Int64:
		return "CAST(" + sql + " AS BIGINT)"
	case table.Double:
		return "CAST(" + sql + " AS DOUBLE)"
	case table.Date:
		return "CAST(CAST(" + sql + " AS TIMESTAMP) AS DATE)"
	case table.Binary:
		return "unhex(" + sql + ")"
	case table.Decimal:
		return "CAST(" + sql + " AS " + strings.ToUpper(t.String()) + ")"
	}
	return "CAST(" + sql + " AS TIMESTAMP)"
}
