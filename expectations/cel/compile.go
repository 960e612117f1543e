package cel

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// compilation turns one source into checked trees. A source is parsed, its names
// are resolved and its lets put in (expand), what cel-go would not evaluate our
// way is rewritten and aggregates are lifted out (lower), and the rest is
// checked by cel-go (check).
type compilation struct {
	env   *Env
	src   *source
	let   string // the let whose source this is
	info  *ast.SourceInfo
	fac   ast.ExprFactory
	last  int64
	nodes int

	issues     []Issue
	where      *Rule
	past       int  // within previous(): 1
	atLeast    int  // within history(): how many versions there must be
	over       bool // a row rule that may look at aggregates and neighbours
	parts      *parts
	bound      []bound     // names of elements, innermost last
	iterations []iteration // the same while their lambdas are lowered
}

// parts is what a rule consists of besides its tree.
type parts struct {
	metrics []*metric
	lambdas []*lambda
	windows []*window
	bands   []band
	refs    []Ref
	clock   bool
}

func (e *Env) compilation(text, let string) *compilation {
	return &compilation{env: e, src: newSource(text), let: let, fac: ast.NewExprFactory(), parts: &parts{}}
}

// parse returns the source's tree with names resolved, or nil when it has none.
func (c *compilation) parse() ast.Expr {
	tree, issues := parse(c.src)
	if tree == nil {
		for _, i := range issues {
			i.Let = c.let
			c.issues = append(c.issues, i)
		}
		return nil
	}
	c.info = tree.SourceInfo()
	c.last = ast.MaxID(tree)
	if c.expand(tree.Expr(), nil); c.nodes > maxNodes {
		return nil
	}
	return tree.Expr()
}

// newID is an id for a node that stands where another one stands in the source.
func (c *compilation) newID(like int64) int64 {
	c.last++
	if r, ok := c.info.GetOffsetRange(like); ok {
		c.info.SetOffsetRange(c.last, r)
	}
	return c.last
}

func (c *compilation) issue(at ast.Expr, hint, format string, args ...any) {
	r, _ := c.info.GetOffsetRange(at.ID())
	start, stop := r.Start, r.Stop
	if at.Kind() == ast.CallKind { // a call stands at its parenthesis: begin at its name
		name := at.AsCall().FunctionName()
		offset, _ := c.src.byteRange(start, start)
		before := strings.TrimRight(c.src.text[:offset], " \t\r\n")
		if strings.HasPrefix(c.src.text[offset:], "(") && strings.HasSuffix(before, name) {
			c.issues = append(c.issues, Issue{c.let, len(before) - len(name), len(name), fmt.Sprintf(format, args...), hint})
			return
		}
	}
	offset, length := c.src.byteRange(start, stop)
	if at.Kind() == ast.SelectKind { // and a field at its dot
		if field := regexp.MustCompile("^\\.\\s*(`[^`]*`|\\w+)").FindStringSubmatchIndex(c.src.text[offset:]); field != nil {
			offset, length = offset+field[2], field[3]-field[2]
		}
	}
	c.issues = append(c.issues, Issue{c.let, offset, length, fmt.Sprintf(format, args...), hint})
}

// refuse is issue for a piece of the tree that the rest can do without: what is
// wrong elsewhere is found as well.
func (c *compilation) refuse(at ast.Expr, hint, format string, args ...any) {
	c.issue(at, hint, format, args...)
	at.SetKindCase(c.fac.NewIdent(at.ID(), brokenVariable))
}

// expand replaces names of columns by variables and names of lets by their
// trees; stack holds the lets that are being expanded.
func (c *compilation) expand(e ast.Expr, stack []string) {
	if c.nodes++; c.nodes > maxNodes {
		if c.nodes == maxNodes+1 {
			c.issue(e, "", "with its lets the expression has more than %d parts", maxNodes)
		}
		return
	}
	switch e.Kind() {
	case ast.LiteralKind:
		if _, ok := e.AsLiteral().(types.Uint); ok {
			c.refuse(e, "write it without u", "there are no unsigned ints")
		}
	case ast.IdentKind:
		c.expandName(e, stack)
	case ast.SelectKind:
		s := e.AsSelect()
		if s.Operand().Kind() == ast.IdentKind && s.Operand().AsIdent() == "row" {
			c.column(e, s.FieldName())
			return
		}
		if c.expand(s.Operand(), stack); s.Operand().Kind() == ast.IdentKind && s.Operand().AsIdent() == brokenVariable {
			e.SetKindCase(c.fac.NewIdent(e.ID(), brokenVariable))
		}
	case ast.ListKind:
		for _, x := range e.AsList().Elements() {
			c.expand(x, stack)
		}
	case ast.CallKind:
		call := e.AsCall()
		if name, ok := indexedColumn(call); ok {
			c.column(e, name)
			return
		}
		if name, ok := namedMetric(call); ok {
			if _, known := c.env.lets[name]; !known {
				c.refuse(e, suggestion(name, slices.Collect(maps.Keys(c.env.lets))), "there is no let %s", name)
				return
			}
			e.SetKindCase(c.fac.NewIdent(e.ID(), name))
			c.expandName(e, stack)
			return
		}
		if overElements(call) {
			c.expandLambda(e, stack)
			return
		}
		if call.IsMemberFunction() {
			switch t := call.Target(); {
			case t.Kind() != ast.IdentKind || c.env.knows(t.AsIdent()):
				c.expand(t, stack)
			case isNamespace(t.AsIdent()):
				e.SetKindCase(c.fac.NewCall(e.ID(), t.AsIdent()+"."+call.FunctionName(), call.Args()...))
			case slices.Contains(foreignNamespaces, t.AsIdent()):
				c.foreign(e, t.AsIdent(), call.FunctionName())
				return
			default:
				c.expand(t, stack)
			}
		}
		for _, a := range call.Args() {
			c.expand(a, stack)
		}
	default:
		c.refuse(e, "", "maps and structs cannot be written here")
	}
}

// namedMetric is the name in metric('name'), another way to write the name of a let.
func namedMetric(call ast.CallExpr) (string, bool) {
	if call.IsMemberFunction() || call.FunctionName() != "metric" || len(call.Args()) != 1 {
		return "", false
	}
	name, ok := literalOf(call.Args()[0]).(types.String)
	return string(name), ok
}

// isNamespace reports whether names of functions begin with the name and a dot.
func isNamespace(name string) bool { return name == "math" || name == "lists" || name == "sets" }

// indexedColumn is the name in row["name"], which can hold any character.
func indexedColumn(call ast.CallExpr) (string, bool) {
	args := call.Args()
	if call.FunctionName() != operators.Index || args[0].Kind() != ast.IdentKind || args[0].AsIdent() != "row" {
		return "", false
	}
	name, ok := literalOf(args[1]).(types.String)
	return string(name), ok
}

func (c *compilation) expandName(e ast.Expr, stack []string) {
	name := strings.TrimPrefix(e.AsIdent(), ".")
	if variable, ok := c.element(name); ok {
		e.SetKindCase(c.fac.NewIdent(e.ID(), variable))
		return
	}
	l, ok := c.env.lets[name]
	if !ok {
		c.column(e, name)
		return
	}
	if i := slices.Index(stack, name); i >= 0 || name == c.let {
		c.refuse(e, "", "let %s uses itself: %s", name, strings.Join(append(stack[max(i, 0):], name), " > "))
		return
	}
	if l.tree == nil {
		c.refuse(e, "", "let %s does not compile", name)
		return
	}
	ids := map[int64]int64{}
	tree := c.fac.CopyExpr(l.tree)
	tree.RenumberIDs(func(old int64) int64 {
		if _, ok := ids[old]; !ok {
			ids[old] = c.newID(e.ID())
		}
		return ids[old]
	})
	c.withoutBound(func() { c.expand(tree, append(stack[:len(stack):len(stack)], name)) })
	e.SetKindCase(tree)
}

func (c *compilation) column(e ast.Expr, name string) {
	if i, ok := c.env.columns[name]; ok {
		e.SetKindCase(c.fac.NewIdent(e.ID(), columnName(i)))
		return
	}
	switch strings.ToLower(name) {
	case "null", "true", "false":
		c.refuse(e, "write "+strings.ToLower(name), "%s is unknown", name)
		return
	}
	hint := ""
	if n := nearest(name, c.env.names); n != "" {
		hint = "did you mean " + columnText(n) + "?"
		if _, isLet := c.env.lets[n]; isLet {
			hint = "did you mean " + n + "?"
		}
	}
	c.refuse(e, hint, "there is no column %s", name)
}

func isNull(e ast.Expr) bool {
	return e.Kind() == ast.LiteralKind && e.AsLiteral() == types.NullValue
}

// lower rewrites an expanded tree in place. scope says what stands around it.
func (c *compilation) lower(e ast.Expr, s scope) {
	switch e.Kind() {
	case ast.LiteralKind:
		if isNull(e) {
			c.refuse(e, "write x == null or x != null", "null can only be compared")
		}
	case ast.IdentKind:
		if i, ok := columnIndex(e.AsIdent()); ok && s == ofTable {
			name := columnText(c.env.schema.Fields[i].Name)
			c.refuse(e, fmt.Sprintf("write min(%s), max(%s), count(%s == ...) or the like, or make it a row rule", name, name, name),
				"column %s stands outside an aggregate: a table rule sees all rows at once", name)
		}
	case ast.SelectKind:
		c.lowerSelect(e, s)
	case ast.ListKind:
		c.lowerList(e, s)
	case ast.CallKind:
		if overElements(e.AsCall()) {
			c.lowerLambda(e, s)
			return
		}
		c.lowerCall(e, s)
	}
}

// scope is where a piece of a tree stands.
type scope int

const (
	ofRow       scope = iota // a row rule
	ofTable                  // a table rule, outside aggregates
	ofAggregate              // the argument of an aggregate: one row
)

// lowerList lets ints stand among doubles.
func (c *compilation) lowerList(e ast.Expr, s scope) {
	elements := e.AsList().Elements()
	doubles := slices.ContainsFunc(elements, func(x ast.Expr) bool {
		return x.Kind() == ast.LiteralKind && x.AsLiteral().Type() == types.DoubleType
	})
	for _, x := range elements {
		if isNull(x) {
			c.refuse(x, "write x == null || x in [...]", "null in a list")
			continue
		}
		if n, ok := literalOf(x).(types.Int); ok && doubles {
			x.SetKindCase(c.fac.NewLiteral(x.ID(), types.Double(n)))
		}
		c.lower(x, s)
	}
}

func (c *compilation) lowerCall(e ast.Expr, s scope) {
	call := e.AsCall()
	name, args := call.FunctionName(), call.Args()
	switch name {
	case operators.Equals, operators.NotEquals:
		c.lowerEquality(e, s)
		return
	case operators.In:
		c.lower(args[0], s)
		if k := args[1].Kind(); k == ast.ListKind && args[1].AsList().Size() == 0 {
			c.refuse(args[1], "", "the list is empty: nothing is in it")
		}
		c.lower(args[1], s)
		e.SetKindCase(c.fac.NewCall(e.ID(), memberFunction, args...))
		return
	case operators.Index:
		c.lower(args[0], s)
		c.lower(args[1], s)
		e.SetKindCase(c.fac.NewCall(e.ID(), indexFunction, args...))
		return
	}
	if !call.IsMemberFunction() {
		switch name {
		case "now":
			if len(args) != 0 {
				c.refuse(e, "write now()", "now takes no argument")
				return
			}
			c.parts.clock = true
			e.SetKindCase(c.fac.NewIdent(e.ID(), nowVariable))
			return
		case "exists_in":
			c.lowerExists(e, s)
			return
		case "has":
			c.lowerHas(e, s)
			return
		case "lag", "lag_down", "alike":
			c.lowerWindow(e, s)
			return
		case "metric":
			c.refuse(e, "write metric('revenue')", "metric takes the name of a let as a constant")
			return
		case "math.greatest", "math.least":
			for len(args) > 2 { // from the left, two at a time
				args = append([]ast.Expr{c.fac.NewCall(c.newID(e.ID()), name, args[0], args[1])}, args[2:]...)
			}
		}
		if isAggregate(name) {
			c.lowerAggregate(e, s)
			return
		}
	}
	f, ok := lib().functions[name]
	if !ok || strings.HasPrefix(name, "@") {
		c.unknownFunction(e, name)
		return
	}
	if call.IsMemberFunction() {
		if f.style == global {
			c.refuse(e, "write "+name+"(x)", "%s is not called on a value", name)
			return
		}
		args = append([]ast.Expr{call.Target()}, args...)
	} else if f.style == member {
		c.refuse(e, "write x."+name+"(...)", "%s is called on a value", name)
		return
	}
	if f.band {
		c.parts.bands = append(c.parts.bands, band{e.ID(), c.env.canonical(e)})
	}
	for _, a := range args {
		c.lower(a, s)
	}
	if !slices.ContainsFunc(f.forms, func(o form) bool { return len(o.in) == len(args) }) {
		c.refuse(e, "", "%s takes %s", name, f.arguments())
		return
	}
	e.SetKindCase(c.fac.NewCall(e.ID(), f.name, args...))
}

// arguments says how many arguments a function takes, in words.
func (f *function) arguments() string {
	var counts []string
	for _, o := range f.forms {
		n := len(o.in)
		if f.style == member {
			n--
		}
		text := fmt.Sprintf("%d arguments", n)
		if n == 1 {
			text = "1 argument"
		}
		if !slices.Contains(counts, text) {
			counts = append(counts, text)
		}
	}
	return strings.Join(counts, " or ")
}

func (c *compilation) lowerEquality(e ast.Expr, s scope) {
	name, args := e.AsCall().FunctionName(), e.AsCall().Args()
	for i, a := range args {
		if !isNull(a) {
			continue
		}
		x := args[1-i]
		if isNull(x) {
			c.refuse(e, "", "null is compared with null")
			return
		}
		c.lower(x, s)
		var test ast.Expr
		if k, ok := metricIndex(x); ok && s == ofTable {
			test = c.fac.NewIdent(c.newID(e.ID()), noValueVariable(k))
		} else {
			test = c.fac.NewCall(c.newID(e.ID()), isNullFunction, x)
		}
		if name == operators.NotEquals {
			test = c.fac.NewCall(e.ID(), operators.LogicalNot, test)
		}
		e.SetKindCase(test)
		return
	}
	for _, a := range args {
		c.lower(a, s)
	}
	if name == operators.Equals {
		e.SetKindCase(c.fac.NewCall(e.ID(), equalFunction, args...))
	} else {
		e.SetKindCase(c.fac.NewCall(e.ID(), notEqualFunction, args...))
	}
}

func (c *compilation) lowerExists(e ast.Expr, s scope) {
	args := e.AsCall().Args()
	const usage = "write exists_in(customer_id, 'silver.customers', 'id')"
	k := (len(args) - 1) / 2 // values, and as many columns behind the table
	if k < 1 || k > mostKeys || len(args)%2 == 0 {
		c.refuse(e, usage, "exists_in takes a value, a table and a column, or up to %d values and as many columns", mostKeys)
		return
	}
	var names []string
	for _, arg := range args[k:] {
		name, _ := literalOf(arg).(types.String)
		if names = append(names, string(name)); name == "" {
			c.refuse(e, usage, "exists_in takes the names of the table and the column as constants")
			return
		}
	}
	if s == ofTable {
		c.refuse(e, "make it a row rule, or write count(exists_in(...))", "exists_in looks up the value of a row")
		return
	}
	for i, arg := range args[:k] {
		c.lower(arg, s)
		c.parts.refs = append(c.parts.refs, Ref{Table: names[0], Column: names[i+1]})
		if k > 1 {
			args[i] = c.fac.NewCall(c.newID(e.ID()), keyFunction, arg)
		}
	}
	facts := c.fac.NewIdent(c.newID(e.ID()), factsVariable)
	e.SetKindCase(c.fac.NewCall(e.ID(), existsFunction, append(args[:len(args):len(args)], facts)...))
}

// usual names elsewhere, and what they are here.
var elsewhere = map[string]string{
	"len": "size(x)", "length": "size(x)", "char_length": "size(x)",
	"lower": "x.lowerAscii()", "upper": "x.upperAscii()", "strip": "x.trim()", "btrim": "x.trim()",
	"isnull": "x == null", "is_null": "x == null", "isnan": "isNaN(x)", "coalesce": "x == null ? y : x", "ifnull": "x == null ? y : x",
	"regexp_matches": "x.matches('^a')", "regexp_like": "x.matches('^a')", "like": "x.matches('^a')", "starts_with": "x.startsWith('a')", "ends_with": "x.endsWith('a')",
	"avg": "mean(x)", "average": "mean(x)", "std": "stddev(x)", "stdev": "stddev(x)", "var": "variance(x)", "percentile": "quantile(x, 0.99)",
	"row_count": "rows()", "count_distinct": "distinct(x)", "null_count": "nulls(x)", "current_timestamp": "now()", "today": "date(now())",
	"quote": quoteHere, "format": "string(x) + 'text'", "dyn": typesHere, "type": typesHere,
	"transformlist": "x.map(e, ...)", "transformmap": "x.map(k, ...)", "sortby": "x.sort()",
	"hasvalue": nullHere, "orvalue": nullHere, "optmap": nullHere,
	"float": "double(x)", "bigint": "int(x)", "str": "string(x)", "if": "c ? a : b", "not": "!x", "and": "a && b", "or": "a || b",
}

const (
	quoteHere = "x itself: texts are compared as they are, without quotes"
	typesHere = "x itself: it has one type, which the suite states under columns"
	nullHere  = "x == null ? y : x"
)

// foreignNamespaces are those of CEL's extensions that have no meaning for rows, or
// another name here; names of their functions are in foreignFunctions, or those of functions.
var foreignNamespaces = []string{"cel", "strings", "optional", "base64", "proto", "regex"}

// foreignFunctions say what to do instead.
var foreignFunctions = map[string]string{
	"cel.bind": "name the value under let: in the suite, and use the name", "cel.block": "name values under let: in the suite, and use the names",
	"strings.quote": "write " + quoteHere, "strings.format": "write string(x) + 'text'",
	"base64.encode": "compare the bytes as they are", "base64.decode": "write isBase64(x) to judge the text",
	"regex.extract": "write x.matches('^a'), or take x apart by x.split and x.substring", "regex.extractAll": "write x.matches('^a'), or take x apart by x.split",
	"regex.replace": "write x.replace('a', 'b') for a text, x.matches('^a') for a pattern",
}

// foreign refuses a function of a namespace that has no meaning here.
func (c *compilation) foreign(e ast.Expr, namespace, name string) {
	hint := foreignFunctions[namespace+"."+name]
	f, known := lib().functions[name]
	switch {
	case hint != "":
	case namespace == "proto":
		hint = "it has no meaning for columns"
	case namespace == "optional":
		hint = "write " + nullHere
	case known && f.style == member:
		hint = "write x." + name + "(...)"
	case known:
		hint = "write " + name + "(x)"
	case elsewhere[strings.ToLower(name)] != "":
		hint = "write " + elsewhere[strings.ToLower(name)]
	}
	c.refuse(e, hint, "there is no function %s.%s", namespace, name)
}

func (c *compilation) unknownFunction(e ast.Expr, name string) {
	if slices.Contains(functionNames(), name) { // one that is not called on a value
		c.refuse(e, "write "+name+"(x)", "%s is not called on a value", name)
		return
	}
	hint := ""
	foreign := slices.Sorted(maps.Keys(elsewhere))
	switch near, other := nearest(name, functionNames()), nearest(name, foreign); {
	case other != "" && (near == "" || editDistance(name, other) < editDistance(name, near)):
		hint = "write " + elsewhere[other]
	case near != "":
		hint = "did you mean " + near + "?"
	}
	c.refuse(e, hint, "there is no function %s", name)
}

// functionNames are the names that users may call, sorted.
func functionNames() []string {
	names := []string{"now", "exists_in", "has", "lag", "lag_down", "alike", "metric", "freshness", "previous", "history"}
	for name := range lambdaFunctions {
		names = append(names, name)
	}
	for name, f := range lib().functions {
		if f.style != operator {
			names = append(names, name)
		}
	}
	for name := range lib().aggregates {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
