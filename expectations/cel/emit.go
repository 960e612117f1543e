package cel

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/table"
)

// maxSQL bounds the SQL of one expression: some constructs repeat an operand,
// and repeated repetition grows without end.
const maxSQL = 16 << 20

// term is a piece of SQL and what is known about it. Its NULL means null when
// null is set, an error when fails is set; the text can be an operand.
type term struct {
	sql   string
	typ   *types.Type
	shape shape
	null  bool
	fails bool
	exact bool    // a decimal that has its shape as its SQL type
	lit   ref.Val // of a literal

	branches []term // of a conditional whose NULL may mean either: condition, yes, no
	list     []term // of a list that is written out
	// lambda writes the lambda that the variable stands for.
	lambda func() (element string, body term, err error)
}

// writer writes checked trees as SQL of one dialect.
type writer struct {
	dialect engine.Dialect
	facts   Facts
	expr    *expr
	present []string // columns that are not null in the rows in question
	written int
	// inLambda says that what is written stands within a lambda of SQL.
	inLambda bool
	// queried says that a lambda holds a query, which DuckDB refuses.
	queried bool
}

func (w *writer) unsupported(format string, args ...any) error {
	return &Unsupported{Dialect: w.dialect.Name(), Construct: fmt.Sprintf(format, args...)}
}

// errNoClock is SQL of a rule that calls now() before With gave it a time.
var errNoClock = errors.New("cel: the rule calls now(): give it the time by With first")

func (w *writer) term(e ast.Expr) (term, error) {
	t, err := w.emit(e)
	if w.written += len(t.sql); err == nil && w.written > maxSQL {
		err = w.unsupported("an expression of this size")
	}
	if err == nil && w.queried {
		err = w.unsupported("a look into a table or a long list for each element of a list")
	}
	t.typ, t.shape = w.expr.tree.TypeMap()[e.ID()], w.expr.shapes[e.ID()]
	return t, err
}

func (w *writer) emit(e ast.Expr) (term, error) {
	switch e.Kind() {
	case ast.LiteralKind:
		sql, err := w.literal(e.AsLiteral())
		return term{sql: sql, lit: e.AsLiteral()}, err
	case ast.IdentKind:
		if e.AsIdent() == nowVariable {
			if w.facts.Now.IsZero() {
				return term{}, errNoClock
			}
			return term{sql: w.timestampLiteral(w.facts.Now)}, nil
		}
		if i, err := strconv.Atoi(e.AsIdent()[1:]); err == nil && i < len(w.expr.metrics) && (e.AsIdent()[0] == 'm' || e.AsIdent()[0] == 'n') {
			return w.metric(e.AsIdent())
		}
		if i, ok := columnIndex(e.AsIdent()); ok {
			f := w.expr.env.schema.Fields[i]
			if err := w.readable(f.Type); err != nil {
				return term{}, err
			}
			t := w.cell(w.dialect.Ident(f.Name), f.Type)
			t.null = t.null && !slices.Contains(w.present, f.Name)
			return t, nil
		}
		if i, ok := windowIndex(e.AsIdent()); ok && i < len(w.expr.windows) {
			return term{sql: w.dialect.Ident(w.expr.windows[i].text), null: true, exact: true}, nil
		}
		if l, ok := w.expr.lambdas[e.AsIdent()]; ok {
			return term{lambda: func() (string, term, error) { return w.lambda(l) }}, nil
		}
		if _, ok := elementName(e.AsIdent()); ok {
			return term{sql: elementSQL(e.AsIdent()), null: true, exact: true}, nil
		}
		return term{}, nil // the facts of exists_in, which SQL has as a table
	case ast.ListKind:
		return w.list(e)
	case ast.SelectKind:
		return w.field(e)
	case ast.CallKind:
		return w.call(e)
	}
	return term{}, w.unsupported("this expression")
}

// metric writes the value of an aggregate of a row rule.
func (w *writer) metric(name string) (term, error) {
	x, _ := rowVars{facts: w.facts, metrics: w.expr.metrics}.metric(name)
	v := x.(ref.Val)
	i, _ := strconv.Atoi(name[1:])
	m := w.expr.metrics[i]
	typ, s := m.result.cel, m.result.shape
	if w.facts.Grouped {
		return w.grouped(i, name[0] == 'n')
	}
	switch d := v.(type) {
	case *types.Err:
		if _, ok := w.facts.Metrics[m.text]; !ok && m.past == 0 {
			return term{}, d
		}
		return term{sql: w.null(term{typ: typ, shape: s}), fails: true}, nil
	case decimal:
		if !d.fits() {
			return term{}, w.tooWide()
		}
		return term{sql: decimalLiteral(d, min(s.precision, maxDigits)), exact: true}, nil
	case date:
		return term{sql: "DATE '" + d.String() + "'"}, nil
	case types.Timestamp:
		return term{sql: w.timestampLiteral(d.Time)}, nil
	case types.Double:
		if f := float64(d); math.IsNaN(f) || math.IsInf(f, 0) {
			return term{sql: "CAST('" + strconv.FormatFloat(f, 'g', -1, 64) + "' AS DOUBLE)"}, nil
		}
	}
	if m.list && name[0] == 'm' {
		return term{}, w.unsupported("history within a row rule")
	}
	sql, err := w.literal(v)
	return term{sql: sql}, err
}

func (w *writer) tooWide() error {
	return w.unsupported("a sum of more than %d digits within a row rule", maxDigits)
}

// GroupColumn is what the column is called that has the i-th of a row rule's
// metrics, where these differ from row to row: [Facts.Grouped].
func GroupColumn(i int) string { return "dq_" + metricVariable(i) }

// grouped writes the i-th metric as a column, or whether it has no value.
func (w *writer) grouped(i int, none bool) (term, error) {
	m := w.expr.metrics[i]
	column := w.dialect.Ident(GroupColumn(i))
	if none {
		return term{sql: "(" + column + " IS NULL)"}, nil
	}
	switch {
	case m.list:
		return term{}, w.unsupported("history within a row rule")
	case w.facts.Wide && isDecimal(m.result.cel):
		return term{}, w.tooWide()
	}
	sql, ok := w.sqlType(m.result.cel, m.result.shape)
	if !ok {
		return term{}, w.unsupported("an aggregate of type %s within a row rule", typeName(m.result.cel))
	}
	return term{sql: "TRY_CAST(" + column + " AS " + sql + ")", fails: true, exact: true}, nil
}

// Wide reports whether a value of the metric has more digits than a decimal of SQL.
func (m Metric) Wide(value any) bool {
	if items, ok := value.([]any); ok {
		return slices.ContainsFunc(items, m.Wide)
	}
	one := *m.metric
	one.list = false
	d, ok := one.value(value).(decimal)
	return ok && !d.fits()
}

// Literal is a value of the metric as SQL, NULL for none.
func (m Metric) Literal(d engine.Dialect, value any) (string, error) {
	if items, ok := value.([]any); ok {
		list := make([]string, len(items))
		for i, v := range items {
			var err error
			if list[i], err = m.Literal(d, v); err != nil {
				return "", err
			}
		}
		return "[" + strings.Join(list, ", ") + "]", nil
	}
	one := *m.metric
	one.list = false
	if v, ok := one.value(value).(decimal); ok && m.facts.Wide {
		return "'" + v.String() + "'", nil
	}
	w := &writer{dialect: d, facts: Facts{Metrics: map[string]any{m.Text: value}}, expr: &expr{metrics: []*metric{&one}}}
	t, err := w.metric(metricVariable(0))
	return t.sql, err
}

func (w *writer) call(e ast.Expr) (term, error) {
	f := w.expr.form(e)
	var args []term
	for _, a := range e.AsCall().Args() {
		t, err := w.term(a)
		if err != nil {
			return term{}, err
		}
		args = append(args, t)
	}
	switch {
	case e.AsCall().FunctionName() == operators.Conditional:
		c, yes, no := args[0], args[1], args[2]
		if isDecimal(yes.typ) {
			s := w.expr.shapes[e.ID()]
			if meet(yes.shape, no.shape).precision > maxDigits {
				return term{}, w.unsupported("a conditional of decimals that needs %d digits", meet(yes.shape, no.shape).precision)
			}
			yes.sql, no.sql = w.dec(yes, s), w.dec(no, s)
			yes.shape, no.shape, yes.exact, no.exact = s, s, true, true
			return w.choose(c, yes, no), nil
		}
		return w.choose(c, yes, no), nil
	case f.id == "index_list" || f.id == "index_map":
		return w.index(f.id, args, term{typ: w.expr.tree.TypeMap()[e.ID()], shape: w.expr.shapes[e.ID()], exact: true})
	case f.id == "decimal_literal":
		d, err := parseDecimal(string(args[0].lit.(types.String)))
		s := d.shape()
		return term{sql: fmt.Sprintf("CAST('%s' AS DECIMAL(%d,%d))", d, s.precision, s.scale), exact: true, lit: d}, err
	}
	emit := f.sql(w.dialect.Name())
	if emit == nil {
		return term{}, w.unsupported("%s", describe(f))
	}
	if w.converts(f) {
		return w.eachBranch(args[0], func(x term) (term, error) {
			sql, err := emit(w, append([]term{x}, args[1:]...))
			return term{sql: sql, typ: f.out, shape: w.expr.shapes[e.ID()], null: x.null, fails: x.fails, exact: isDecimal(f.out)}, err
		})
	}
	sql, err := emit(w, args)
	t := term{sql: sql, fails: !f.total && !w.constant(f, args)}
	for _, a := range args {
		t.fails = t.fails || a.fails || a.null && !f.nulls
		for _, x := range a.list {
			t.fails = t.fails || x.fails
		}
	}
	if strings.HasPrefix(f.id, "key_") {
		t.list = args // exists_in sees what the key is made of
	}
	if strings.HasPrefix(f.id, "in_") && args[1].list == nil { // nothing is in a list that is null
		t.fails = true
	}
	return t, err
}

// eachBranch is what write makes of a term, or of the branches of a conditional.
func (w *writer) eachBranch(t term, write func(term) (term, error)) (term, error) {
	b := t.branches
	if b == nil {
		return write(t)
	}
	yes, err := w.eachBranch(b[1], write)
	if err != nil {
		return term{}, err
	}
	no, err := w.eachBranch(b[2], write)
	return w.choose(b[0], yes, no), err
}

// constant reports whether a call of constants alone has a value, as date('2026-01-31') has.
func (w *writer) constant(f *form, args []term) bool {
	var values []ref.Val
	for _, a := range args {
		if a.lit == nil {
			return false
		}
		values = append(values, a.lit)
	}
	return f.eval != nil && !types.IsUnknownOrError(f.eval(values))
}

// converts reports whether a form is a conversion that hands null on.
func (w *writer) converts(f *form) bool {
	return f.id == "widen_int" || f.id == "decimal_int" || f.id == "rescale"
}

// describe names a form for messages.
func describe(f *form) string {
	name, _, _ := strings.Cut(f.id, "_")
	var in []string
	for _, t := range f.in {
		in = append(in, typeName(t))
	}
	return name + "(" + strings.Join(in, ", ") + ")"
}

// choose is a conditional of two terms.
func (w *writer) choose(c, yes, no term) term {
	t := term{sql: w.conditional(c, yes.sql, no.sql), fails: c.fails || c.null || yes.fails || no.fails, exact: yes.exact && no.exact}
	if yes.null || no.null || yes.branches != nil || no.branches != nil {
		t.branches, t.null, t.fails = []term{c, yes, no}, true, true
	}
	return t
}

// conditional is CASE without an ELSE when the condition may be NULL.
func (w *writer) conditional(c term, yes, no string) string {
	if no == "NULL" || strings.HasPrefix(no, "CAST(NULL AS ") && strings.IndexByte(no, ')') == len(no)-1 {
		return "CASE WHEN " + c.sql + " THEN " + yes + " END"
	}
	if c.fails || c.null {
		return "CASE WHEN " + c.sql + " THEN " + yes + " WHEN NOT " + c.sql + " THEN " + no + " END"
	}
	return "CASE WHEN " + c.sql + " THEN " + yes + " ELSE " + no + " END"
}

// cell is what a column or a field of a struct holds, as a value of CEL.
func (w *writer) cell(sql string, typ table.Type) term {
	t := term{sql: sql, null: true}
	switch spark := w.isSpark(); typ.Kind {
	case table.Float:
		t.sql = "CAST(" + t.sql + " AS DOUBLE)"
	case table.TimestampNTZ:
		if spark {
			t.sql = "CAST(" + t.sql + " AS TIMESTAMP)"
		}
	case table.Timestamp:
		if spark {
			break
		}
		// The same instant in UTC as AT TIME ZONE 'UTC' gives, at a thirtieth of its cost.
		t.sql = "make_timestamp(epoch_us(" + t.sql + "))"
	case table.Decimal:
		t.exact = true
	case table.Array:
		if typ.Elem != nil && w.cell("x", *typ.Elem).sql != "x" {
			t.sql = w.each(sql, "dq_x", w.cell("dq_x", *typ.Elem).sql)
		}
	}
	return t
}

// readable refuses what would have to be converted deep within a value.
func (w *writer) readable(t table.Type) error {
	if t.Kind == table.Map && t.Elem != nil && w.cell("x", *t.Elem).sql != "x" {
		return w.unsupported("a map to %s", *t.Elem)
	}
	if t.Kind == table.Array && t.Elem != nil && t.Elem.Kind == table.Array && t.Elem.Elem != nil && t.Elem.Elem.Kind != table.String && t.Elem.Elem.Kind != table.Int64 {
		return w.unsupported("a list of lists of %s", *t.Elem.Elem)
	}
	return nil
}

// list writes a list that is written out; it is an error if an element is.
func (w *writer) list(e ast.Expr) (term, error) {
	s := w.expr.shapes[e.ID()]
	t := term{list: []term{}, exact: true}
	var items, valid []string
	for _, x := range e.AsList().Elements() {
		x, err := w.term(x)
		if err != nil {
			return term{}, err
		}
		t.list = append(t.list, x)
		item := x.sql
		if isDecimal(x.typ) && s.precision <= maxDigits {
			item = w.dec(x, s)
		}
		items = append(items, item)
		if v := w.valid(x); v != "TRUE" {
			valid = append(valid, v)
		}
	}
	own := w.expr.tree.TypeMap()[e.ID()]
	open, end := "[", "]"
	if w.isSpark() {
		open, end = "array(", ")"
	}
	t.sql = open + strings.Join(items, ", ") + end
	if sql, ok := w.sqlType(own, s); ok {
		t.sql = "CAST(" + t.sql + " AS " + sql + ")"
	}
	if valid != nil {
		t.sql, t.fails = "CASE WHEN "+strings.Join(valid, " AND ")+" THEN "+t.sql+" END", true
	}
	return t, nil
}

// sqlType is the SQL type of values of a CEL type.
func (w *writer) sqlType(t *types.Type, s shape) (string, bool) {
	spark := w.isSpark()
	name := func(duckdb, other string) (string, bool) {
		if spark {
			return other, true
		}
		return duckdb, true
	}
	switch t.Kind() {
	case types.IntKind, types.DurationKind:
		return name("BIGINT", "BIGINT")
	case types.DoubleKind:
		return name("DOUBLE", "DOUBLE")
	case types.StringKind:
		return name("VARCHAR", "STRING")
	case types.BoolKind:
		return name("BOOLEAN", "BOOLEAN")
	case types.BytesKind:
		return name("BLOB", "BINARY")
	case types.TimestampKind:
		return name("TIMESTAMP", "TIMESTAMP")
	case types.ListKind:
		if elem, ok := w.sqlType(t.Parameters()[0], s); ok {
			return name(elem+"[]", "ARRAY<"+elem+">")
		}
	}
	switch {
	case t.TypeName() == "date":
		return name("DATE", "DATE")
	case isDecimal(t) && s.precision <= maxDigits:
		d := fmt.Sprintf("DECIMAL(%d,%d)", s.precision, s.scale)
		return name(d, d)
	}
	return "", false
}

func (w *writer) literal(v ref.Val) (string, error) {
	switch x := v.(type) {
	case types.Bool:
		return strings.ToUpper(strconv.FormatBool(bool(x))), nil
	case types.Int:
		return w.intLiteral(int64(x)), nil
	case types.Double:
		return w.doubleLiteral(float64(x)), nil
	case types.String:
		if strings.ContainsRune(string(x), 0) {
			return "", w.unsupported("a text with a zero character")
		}
		return w.dialect.Literal(string(x)), nil
	case types.Bytes:
		var b strings.Builder
		for _, c := range x {
			fmt.Fprintf(&b, `\x%02X`, c)
		}
		if w.isSpark() {
			return fmt.Sprintf("X'%X'", []byte(x)), nil
		}
		return "CAST('" + b.String() + "' AS BLOB)", nil
	}
	return "", w.unsupported("a constant of type %s", v.Type().TypeName())
}

func (w *writer) intLiteral(n int64) string {
	s := strconv.FormatInt(n, 10)
	if w.isSpark() {
		s += "L"
	}
	if n < 0 {
		return "(" + s + ")"
	}
	return s
}

// doubleLiteral has an exponent: without one, SQL reads a decimal.
func doubleLiteral(x float64) string {
	s := strconv.FormatFloat(x, 'f', -1, 64)
	if len(s) > 20 {
		s = strconv.FormatFloat(x, 'e', -1, 64)
	} else {
		s += "e0"
	}
	if s[0] == '-' {
		return "(" + s + ")"
	}
	return s
}

// doubleLiteral is a constant of type DOUBLE.
func (w *writer) doubleLiteral(x float64) string {
	if w.isSpark() {
		return sparkDouble(x)
	}
	return doubleLiteral(x)
}

// sparkDouble ends with a D: without one, SQL reads a decimal.
func sparkDouble(x float64) string {
	s := strconv.FormatFloat(x, 'e', -1, 64) + "D"
	if s[0] == '-' {
		return "(" + s + ")"
	}
	return s
}

// double is a number as DOUBLE.
func (w *writer) double(t term) string {
	if t.typ.Kind() != types.IntKind {
		return t.sql
	}
	if n, ok := t.lit.(types.Int); ok {
		return w.doubleLiteral(float64(n))
	}
	return "CAST(" + t.sql + " AS DOUBLE)"
}

// dec is an int or a decimal as DECIMAL of a shape, which it must fit.
func (w *writer) dec(t term, s shape) string {
	switch d := t.lit.(type) {
	case types.Int:
		return fmt.Sprintf("CAST('%s' AS DECIMAL(%d,%d))", intDecimal(int64(d)), s.precision, s.scale)
	case decimal:
		return fmt.Sprintf("CAST('%s' AS DECIMAL(%d,%d))", d, s.precision, s.scale)
	}
	if t.exact && t.shape == s && t.typ != nil && isDecimal(t.typ) { // an int has its column's type, a TINYINT perhaps
		return t.sql
	}
	return fmt.Sprintf("CAST(%s AS DECIMAL(%d,%d))", t.sql, s.precision, s.scale)
}

// tryDec is dec, but NULL for what does not fit the shape.
func (w *writer) tryDec(t term, s shape) string {
	sql := w.dec(t, s)
	switch {
	case t.shape.whole() <= s.whole():
		return sql
	case t.lit != nil:
		return "TRY_" + sql
	}
	return fmt.Sprintf("TRY_CAST(%s AS DECIMAL(%d,%d))", t.sql, s.precision, s.scale)
}

var intShape = shape{precision: len(big.NewInt(1 << 62).String())}

// columnShape is the shape of a decimal column, or the digits of an int column.
func columnShape(t table.Type) shape {
	switch t.Kind {
	case table.Decimal:
		return shape{t.Precision, t.Scale}
	case table.Int8:
		return shape{precision: 3}
	case table.Int16:
		return shape{precision: 5}
	case table.Int32:
		return shape{precision: 10}
	case table.Array, table.Map:
		if t.Elem != nil {
			return columnShape(*t.Elem)
		}
	}
	return intShape
}
