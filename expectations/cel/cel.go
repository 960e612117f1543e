package cel

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/dq-dev/dq/engine"
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

// Rule is a compiled rule. It is safe for concurrent use.
type Rule struct {
	env       *Env
	canonical string
	expr      *expr
	table     bool
	where     *Rule
	parts     *parts
	facts     Facts
}

func (r *Rule) or(issues []Issue) (*Rule, error) {
	if err := newError(issues); err != nil {
		return nil, err
	}
	return r, nil
}

// Canonical is the rule as CEL, names of lets replaced by their expressions and
// spaces and parentheses in one fixed way. It does not hold the where of a table
// rule. Digests may rest on it.
func (r *Rule) Canonical() string { return r.canonical }

// Columns are the names of the columns that the rule and its where read, sorted.
func (r *Rule) Columns() []string {
	set := map[int]bool{}
	add := func(x *expr) {
		for _, i := range x.columns {
			set[i] = true
		}
	}
	add(r.expr)
	for _, m := range r.parts.metrics {
		for _, a := range m.args {
			add(a)
		}
	}
	for _, w := range r.parts.windows {
		for _, a := range w.args {
			add(a)
		}
		if w.where != nil {
			add(w.where)
		}
	}
	for _, m := range r.parts.metrics {
		if m.where != nil {
			add(m.where)
		}
	}
	if r.where != nil {
		add(r.where.expr)
	}
	var names []string
	for i := range set {
		names = append(names, r.env.schema.Fields[i].Name)
	}
	slices.Sort(names)
	return names
}

// Ref is a column of another table, which exists_in or an aggregate names, and the
// kind of values that are looked up in it. The column "" is the table alone.
type Ref struct{ Table, Column, Kind string }

// Accepts reports whether a column of type t can hold the values that are looked
// up: one of the same type, integers of any size and decimals of any shape being
// of one type each.
func (r Ref) Accepts(t table.Type) bool {
	return typeName(celType(t)) == r.Kind || r.Kind == numberKind && t.Numeric()
}

// Refs are the columns of other tables that the rule and its where look at, sorted.
func (r *Rule) Refs() []Ref { return slices.Clone(r.parts.refs) }

// Clock reports whether the rule or its where calls now() or freshness, so that
// its verdict changes with time.
func (r *Rule) Clock() bool { return r.parts.clock }

// Facts are what a rule knows besides its rows.
type Facts struct {
	// Now is what now() gives. Microseconds are kept.
	Now time.Time
	// Exists reports whether a column of another table has a value (as in
	// engine.Rows, never nil). Only Eval and EvalTable of rules with Refs need it.
	Exists func(r Ref, value any) bool
	// Column gives all values of a column of another table, nil for null, in one order
	// of rows for all columns; of the column "" one nil for each row. Only the reference
	// evaluation of aggregates and of composite keys needs it.
	Column func(r Ref) []any
	// Metrics are the values of the aggregates of a row rule, by Metric.Text and as
	// in engine.Rows; [Rule.Settle] says whether they will do.
	Metrics map[string]any
	// Grouped says for SQL that the aggregates of a row rule are columns of its row,
	// null where there is no value: [GroupColumn].
	Grouped bool
	// Wide says that a sum of more digits than a decimal of SQL has is among these:
	// [Metric.Wide]. Columns of decimals are texts then, which SQL hands to Compute.
	Wide bool
	// Compute calls the reference evaluator from the SQL of DuckDB, for what that
	// cannot say exactly. Without it such SQL is an [*Unsupported].
	Compute Compute

	// found are the answers to what a row looks up in other tables, while SQL calls
	// the reference evaluator: in place of Exists and Column. See [look.key].
	found map[string]bool
}

// With returns the rule with its facts. A rule with Clock needs them before its
// SQL or that of its metrics is written.
func (r *Rule) With(f Facts) *Rule {
	f.Now = f.Now.Truncate(time.Microsecond)
	bound := *r
	bound.facts = f
	return &bound
}

// SQL is a row rule as an SQL expression over its columns: TRUE where the row
// passes, FALSE where it fails, NULL where it errs. It never stops the query.
// The error is an [*Unsupported] when the dialect cannot say the rule exactly.
func (r *Rule) SQL(d engine.Dialect) (string, error) {
	if r.table {
		return "", fmt.Errorf("cel: %s is a table rule: its metrics have SQL", r.canonical)
	}
	t, err := r.expr.sql(d, r.facts, nil)
	return t.sql, err
}

// Given is [Rule.SQL] for rows in which the columns present are not null, and
// whether it is never NULL there: shorter, and what an engine can push into a scan.
func (r *Rule) Given(d engine.Dialect, present []string) (sql string, total bool, err error) {
	if r.table {
		return "", false, fmt.Errorf("cel: %s is a table rule: its metrics have SQL", r.canonical)
	}
	t, err := r.expr.sql(d, r.facts, present)
	return t.sql, !t.null && !t.fails, err
}

// Metrics are the aggregates of a rule, without repeats, in the order of the text,
// each followed by those of Errors that it needs. A row rule that has some is
// judged in two passes: its SQL and Eval need their values by [Rule.With].
func (r *Rule) Metrics() []Metric {
	metrics := make([]Metric, len(r.parts.metrics))
	for i, m := range r.parts.metrics {
		metrics[i] = Metric{Text: m.text, Of: m.of, Type: m.result.table, Past: m.past, List: m.list, Errors: m.companion(), metric: m, facts: r.facts}
	}
	return metrics
}

// Metric is one aggregate of a rule.
type Metric struct {
	// Text is canonical and unique: sum(a * b) where c != "x", previous(rows()).
	Text string
	// Of is Text without its past: what the metric is called in the version that
	// it is of.
	Of string
	// Type is that of the value, of its elements if List. Timestamps are UTC.
	Type table.Type
	// Past is 0 for this version, n for the newest n earlier versions.
	Past int
	// List says that the value is the list of the last Past versions ([]any, newest
	// first, nil where it has none, shorter when there are fewer), not that of the one before.
	List bool
	// Errors says that this is no aggregate of the rule, but the number of rows in
	// scope for which an argument of one could not be computed though none of the
	// columns that it reads is null: errors(a / b). [Rule.Judge] needs it and gives
	// Err unless it is 0; a reader needs to see it only then. Arguments that cannot
	// err on values, such as columns, have none.
	Errors bool

	metric *metric
	facts  Facts
}

// SQL is the metric of one version: an item of the list of a SELECT from relation
// without GROUP BY. relation is SQL that may stand after FROM; some metrics
// read it once more in a subquery.
func (m Metric) SQL(d engine.Dialect, relation string) (string, error) {
	write := m.metric.call.sql(d.Name())
	g := &aggregation{metric: m.metric, relation: relation, writer: &writer{dialect: d, facts: m.facts}}
	if write == nil {
		return "", g.unsupported("%s", m.metric.call.name)
	}
	if err := m.arguments(d, g); err != nil {
		return "", err
	}
	return write(g)
}

// Rows tells the rows of relation that the metric counted, and those in scope that
// it did not: SQL conditions on a row, "" for what it does not tell. A count, share
// or nulls counts the rows with its property, duplicates those whose key repeats
// (in distinct's view the others), max and min those with the extreme value.
// relation is as in [Metric.SQL]. The error is an [Unsupported].
func (m Metric) Rows(d engine.Dialect, relation string) (counted, others string, err error) {
	if m.metric.call.rows == nil || m.Errors {
		return "", "", nil
	}
	g := &aggregation{metric: m.metric, relation: relation, writer: &writer{dialect: d, facts: m.facts}}
	if err := m.arguments(d, g); err != nil {
		return "", "", err
	}
	counted, others = m.metric.call.rows(g)
	within := func(condition string) string {
		if condition == "" || g.where == "" {
			return condition
		}
		return "(" + condition + ") AND " + g.where
	}
	return within(counted), within(others), nil
}

// arguments writes the metric's arguments and where.
func (m Metric) arguments(d engine.Dialect, g *aggregation) error {
	for _, a := range m.metric.args {
		facts := m.facts
		if m.metric.companion() {
			facts.Compute = nil // by which an error could not be told from null
		}
		t, err := a.sql(d, facts, nil)
		if why := new(Unsupported); facts.Compute == nil && m.facts.Compute != nil && errors.As(err, &why) {
			t, err = a.computed(d, m.facts, true, why)
		}
		if err != nil {
			return err
		}
		g.args = append(g.args, t)
	}
	if m.metric.where != nil {
		t, err := m.metric.where.sql(d, m.facts, nil)
		if err != nil {
			return err
		}
		g.where = "(" + t.sql + ") IS NOT FALSE"
	}
	return nil
}

// Value is what an evaluation gives.
type Value int

// A rule passes when it is True and fails when it is False. Null is a table rule
// over an aggregate that had no values: vacuous. NoPast is one that needs an
// earlier version and has none. Err could not be evaluated; for a row: errored.
const (
	True Value = iota
	False
	Null
	NoPast
	Err
)

func (v Value) String() string {
	return [...]string{"true", "false", "null", "no past", "error"}[v]
}

// Outcome is the result of one evaluation.
type Outcome struct {
	Value   Value
	Message string // why, for Null, NoPast and Err
}

// Eval is the reference evaluation of a row rule: values by column name, as in
// engine.Rows; a missing one is null. Ints for doubles and text for decimals,
// dates and timestamps are understood, so that tests can be written in YAML.
func (r *Rule) Eval(row map[string]any) Outcome {
	o := outcome(r.expr.eval(rowVars{r.env, row, r.facts, r.parts.metrics, r.parts.windows}))
	if o.Value == Null || o.Value == NoPast {
		o.Value = Err
	}
	return o
}

// Settle says whether a row rule can be judged with these values of its metrics:
// True, or what the whole rule comes to: Null if one had no values, NoPast, or Err.
func (r *Rule) Settle(values map[string]any) Outcome {
	found, o := r.found(values)
	if o.Value != True {
		return o
	}
	for i, v := range found {
		if x := metricValue(r.parts.metrics[i], v, false); types.IsError(x) && !r.tested(i) {
			return outcome(nil, x.(error))
		}
	}
	return Outcome{Value: True}
}

// tested reports whether a metric's having a value is itself looked at.
func (r *Rule) tested(i int) bool {
	found := false
	ast.PostOrderVisit(r.expr.tree.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		found = found || e.Kind() == ast.IdentKind && e.AsIdent() == noValueVariable(i)
	}))
	return found
}

// Judge decides a table rule from its metrics: values by Metric.Text, as in
// engine.Rows, doubles being rounded here. A metric with Past that is not among
// them, and an empty list, have no past; any other that is missing is an error.
// So is an argument that could not be computed, whatever the condition says.
func (r *Rule) Judge(values map[string]any, f Facts) Outcome {
	found, o := r.found(values)
	if o.Value != True {
		return o
	}
	return outcome(r.expr.eval(metricVars{r.parts.metrics, found, f}))
}

// found converts the values of the metrics, and looks whether arguments erred.
func (r *Rule) found(values map[string]any) ([]ref.Val, Outcome) {
	found := make([]ref.Val, len(r.parts.metrics))
	for i, m := range r.parts.metrics {
		v, ok := values[m.text]
		switch {
		case ok:
			found[i] = m.value(v)
		case m.past > 0:
			found[i] = m.noPast(0)
		default:
			found[i] = types.NewErr("%s was not computed", m.text)
		}
		if m.companion() {
			if o, ok := m.erred(found[i]); ok {
				return nil, o
			}
		}
	}
	return found, Outcome{Value: True}
}

// EvalTable is the reference evaluation of a table rule over rows as in [Rule.Eval];
// before are the rows of earlier versions, the newest first.
func (r *Rule) EvalTable(rows []map[string]any, f Facts, before ...[]map[string]any) Outcome {
	values := r.Measure(rows, f)
	r.Recall(values, f, before)
	return r.Judge(values, f)
}

// Recall adds the values of the metrics with a past: those of earlier versions, whose
// rows are before, the newest first; nil is no past.
func (r *Rule) Recall(values map[string]any, f Facts, before [][]map[string]any) {
	for _, m := range r.parts.metrics {
		switch {
		case m.past == 0 || len(before) == 0:
		case m.list:
			var list []any
			for _, rows := range before[:min(m.past, len(before))] {
				if rows == nil {
					list = append(list, nil)
					continue
				}
				list = append(list, r.measure(m, rows, f))
			}
			values[m.text] = list
		case before[0] != nil:
			values[m.text] = r.measure(m, before[0], f)
		}
	}
}

// Banded reports whether the rule compares with a band.
func (r *Rule) Banded() bool { return len(r.parts.bands) > 0 }

// Bands are the bands that a table rule compares with, as lists of the least and the
// greatest value by their CEL, from the same values as [Rule.Judge]. Those without
// enough of a past are left out.
func (r *Rule) Bands(values map[string]any, f Facts) map[string]any {
	bands := map[string]any{}
	if len(r.parts.bands) == 0 {
		return bands
	}
	found, o := r.found(values)
	if o.Value != True {
		return bands
	}
	each(r.expr.tree, func(e ast.Expr, _ *form, _ []ast.Expr) {
		for _, b := range r.parts.bands {
			if b.id != e.ID() {
				continue
			}
			v, err := r.expr.part(e).eval(metricVars{r.parts.metrics, found, f})
			if list, ok := v.(traits.Lister); ok && err == nil {
				low, _ := list.Get(types.IntZero).(types.Double)
				high, _ := list.Get(types.IntOne).(types.Double)
				bands[b.text] = []any{float64(low), float64(high)}
			}
		}
	})
	return bands
}

// Measure computes the metrics of this version by the reference, by Metric.Text;
// values that are beyond their type are missing.
func (r *Rule) Measure(rows []map[string]any, f Facts) map[string]any {
	values := map[string]any{}
	for _, m := range r.parts.metrics {
		if m.past == 0 {
			values[m.text] = r.measure(m, rows, f)
		}
	}
	return values
}

// measure computes a metric over the rows of one version.
func (r *Rule) measure(m *metric, rows []map[string]any, f Facts) any {
	var in [][]ref.Val
	for _, row := range rows {
		vars := rowVars{env: r.env, row: row, facts: f}
		if m.where != nil {
			if v, err := m.where.eval(vars); err == nil && v == types.False {
				continue
			}
		}
		in = append(in, m.row(vars))
	}
	bound := *m
	bound.facts = f
	return native(m.call.eval(&bound, in))
}
