package expectations

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dq-dev/dq/internal/yamlpos"
	"github.com/dq-dev/dq/table"
)

// tableShape is what is known of a table's columns when a call is expanded.
type tableShape interface {
	// typeOf is the type of a column, false when it is not known.
	typeOf(column string) (table.Type, bool)
	// layout is all columns, false when they are not known.
	layout() (table.Schema, bool)
}

// planned is the shape of the table that a suite is compiled for.
type planned struct{ schema table.Schema }

func (p planned) typeOf(column string) (table.Type, bool) {
	f, ok := p.schema.Field(column)
	return f.Type, ok
}
func (p planned) layout() (table.Schema, bool) { return p.schema, true }

// expansion is a call that becomes CEL.
type expansion struct {
	*call
	table tableShape
	note  func(yamlpos.Error)
}

// expand gives the CEL of the call and of the rows it judges ("" is all).
// Arguments that do not fit the columns' types are noted.
func (c *call) expand(shape tableShape, note func(yamlpos.Error)) (cel, where string) {
	x := expansion{c, shape, note}
	var clauses []string
	for _, clause := range c.kind.Clauses {
		if slices.ContainsFunc(clause.If, func(text string) bool { return !c.holds(text) }) {
			continue
		}
		text, _ := substitute(clause.CEL, x.value) // names were checked when the kind was read
		clauses = append(clauses, text)
	}
	if len(clauses) > 1 {
		for i := range clauses {
			clauses[i] = "(" + clauses[i] + ")"
		}
	}
	if len(clauses) == 0 {
		clauses = []string{"true"}
	}
	return strings.Join(clauses, " && "), c.scope()
}

// scope is the CEL of the rows that the call judges, "" for all.
func (c *call) scope() string {
	way := c.nulls
	if way == "" && c.kind.SkipNulls {
		way = "skip"
	}
	join := map[string]string{"skip": " && ", "skip_all": " || "}[way]
	if join == "" {
		return ""
	}
	var guards []string
	for _, name := range c.columns() {
		guards = append(guards, ident(name)+" != null")
	}
	return strings.Join(guards, join)
}

// given reports whether an argument is there; a bool must be true.
func (c *call) given(param string) bool {
	if c.column != "" && param == c.kind.columnParam() {
		return true
	}
	n := c.arg(param)
	if n == nil {
		return false
	}
	if p, _ := c.kind.param(param); p.Type == "bool" {
		v, _ := n.IsBool()
		return v
	}
	return true
}

// value is the CEL of what a template calls $name.
func (x expansion) value(name string) (string, bool) {
	switch name {
	case tableColumns:
		return x.tableNames(func(f table.Field) string { return f.Name }, "columns()"), true
	case tableLayout:
		return x.tableNames(func(f table.Field) string { return f.Name + " " + f.Type.String() }, "layout()"), true
	}
	if column, ok := strings.CutPrefix(name, typeOfPrefix); ok {
		names := x.columnsOf(column)
		if len(names) == 0 {
			return "", false
		}
		t, ok := x.table.typeOf(names[0])
		if !ok {
			return "type(" + ident(names[0]) + ")", true
		}
		return strconv.Quote(t.String()), true
	}
	for _, t := range x.kind.Terms {
		if t.Name == name {
			return x.term(t), true
		}
	}
	p, ok := x.kind.param(name)
	if !ok {
		return "", false
	}
	return x.argument(p), true
}

// tableNames lists the table's columns in CEL; while they are not known it is
// what a reader of the suite is shown.
func (x expansion) tableNames(of func(table.Field) string, unknown string) string {
	schema, ok := x.table.layout()
	if !ok {
		return unknown
	}
	var names []string
	for _, f := range schema.Fields {
		names = append(names, strconv.Quote(of(f)))
	}
	return "[" + strings.Join(names, ", ") + "]"
}

// term writes a term: its piece for each item, joined.
func (x expansion) term(t Term) string {
	var pieces []string
	piece := func(values map[string]string) {
		text, _ := substitute(t.CEL, func(name string) (string, bool) {
			if v, ok := values[name]; ok {
				return v, true
			}
			return x.value(name)
		})
		pieces = append(pieces, text)
	}
	items := x.items(t.list())
	var with []map[string]string
	if t.With != "" {
		with = x.items(t.With)
	}
	switch {
	case t.Pairs != "":
		for i := range items {
			for j := i + 1; j < len(items); j++ {
				piece(map[string]string{"first": items[i]["each"], "second": items[j]["each"]})
			}
		}
	case t.Steps != "":
		for i := 0; i+1 < len(items); i++ {
			values := map[string]string{"first": items[i]["each"], "second": items[i+1]["each"], "until": "<"}
			if i+2 == len(items) {
				values["until"] = "<="
			}
			if i < len(with) {
				values["with"] = with[i]["each"]
			}
			piece(values)
		}
	default:
		for i, item := range items {
			item["index"] = strconv.Itoa(i)
			if t.With != "" {
				item["with"] = `""` // there is none
			}
			if i < len(with) {
				item["with"] = with[i]["each"]
			}
			piece(item)
		}
	}
	switch len(pieces) {
	case 0:
		return t.None
	case 1:
		if identifier.MatchString(pieces[0]) {
			return pieces[0]
		}
	}
	if t.Join == ", " {
		return strings.Join(pieces, t.Join)
	}
	return "(" + strings.Join(pieces, t.Join) + ")"
}

// items are what a term goes through, by the names that it has for them.
func (x expansion) items(list string) []map[string]string {
	var items []map[string]string
	each := func(text string) { items = append(items, map[string]string{"each": text}) }
	if list == tableColumns {
		schema, _ := x.table.layout()
		for _, f := range schema.Fields {
			each(strconv.Quote(f.Name))
		}
		return items
	}
	p, _ := x.kind.param(list)
	n := x.arg(list)
	typ := x.typeFor(p)
	switch {
	case p.Type == "columns":
		for _, name := range x.columnsOf(list) {
			each(ident(name))
		}
	case n == nil:
	case p.Type == "pairs":
		for _, pair := range n.Items {
			if len(pair.Items) == 2 {
				items = append(items, map[string]string{"first": literal(pair.Items[0], typ, x.note), "second": literal(pair.Items[1], x.typeOfSecond(p), x.note)})
			}
		}
	case p.Type == "weights" || p.Type == "layout":
		for _, e := range n.Entries {
			if p.Type == "layout" {
				key, value := strconv.Quote(e.Key.Text), literalOfType(e.Value)
				both := strconv.Quote(e.Key.Text + " " + typeText(e.Value))
				items = append(items, map[string]string{"key": key, "with": value, "each": both})
				continue
			}
			items = append(items, map[string]string{"key": literal(e.Key, typ, x.note), "with": double(e.Value)})
		}
	default:
		for _, i := range itemsOf(n) {
			each(x.item(p, i, typ))
		}
	}
	return items
}

func itemsOf(n *yamlpos.Node) []*yamlpos.Node {
	if n.Kind == yamlpos.Scalar {
		return []*yamlpos.Node{n}
	}
	return n.Items
}

// typeFor is the type of the column that a parameter's values belong to; nil
// when there is none, or it is not known.
func (x expansion) typeFor(p Param) *table.Type {
	names := x.columnsOf(p.Of)
	if p.Of == "" || len(names) == 0 {
		return nil
	}
	if t, ok := x.table.typeOf(names[0]); ok {
		return &t
	}
	return nil
}

// typeOfSecond is the type of the second values of pairs: that of the next
// column parameter, or of the same one when none follows.
func (x expansion) typeOfSecond(p Param) *table.Type {
	found := false
	for _, o := range x.kind.Params {
		if found && o.Type == "column" {
			return x.typeFor(Param{Of: o.Name})
		}
		found = found || o.Name == p.Of
	}
	return x.typeFor(p)
}

func (x expansion) argument(p Param) string {
	if p.Type == "column" || p.Type == "columns" {
		var names []string
		for _, name := range x.columnsOf(p.Name) {
			names = append(names, ident(name))
		}
		return strings.Join(names, ", ")
	}
	n := x.arg(p.Name)
	if n == nil {
		return "null"
	}
	typ := x.typeFor(p)
	if p.list() {
		var items []string
		for _, i := range itemsOf(n) {
			items = append(items, x.item(p, i, typ))
		}
		return "[" + strings.Join(items, ", ") + "]"
	}
	if _, isNumber := n.IsNumber(); isNumber && p.Type == "value" && typ != nil && typ.Kind == table.String {
		x.note(n.Error("quote it, or write a row rule with int(x) or double(x)", "%s is a number, and the column is text", n.Text))
	}
	return x.scalar(p.Type, n, typ)
}

// item writes one item of a list parameter.
func (x expansion) item(p Param, n *yamlpos.Node, typ *table.Type) string {
	t, _ := typeOfParam(p.Type)
	if p.Type == "numbers" || p.Type == "fractions" {
		return double(n)
	}
	return x.scalar(t.item, n, typ)
}

func (x expansion) scalar(kind string, n *yamlpos.Node, typ *table.Type) string {
	switch kind {
	case "value":
		return literal(n, typ, x.note)
	case "text", "regex", "choice", "table":
		return strconv.Quote(n.Text)
	case "like":
		return strconv.Quote(likePattern(n.Text))
	case "type":
		return literalOfType(n)
	case "count", "number", "fraction":
		if infinite(n) {
			return double(n)
		}
		text, _ := n.IsNumber()
		return text
	case "bool":
		v, _ := n.IsBool()
		return strconv.FormatBool(v)
	case "duration":
		d, _ := parseDuration(n.Text)
		return "duration('" + strconv.FormatFloat(d.Seconds(), 'f', -1, 64) + "s')"
	case "clock":
		t, _ := time.Parse("15:04", n.Text)
		return strconv.Itoa(t.Hour()*60 + t.Minute())
	case "weekday":
		return strconv.Itoa(max(slices.Index(weekdays, n.Text), 0))
	case "date":
		return "date('" + n.Text + "')"
	case "aggregate":
		if strings.Contains(n.Text, "//") { // which may be a comment
			return n.Text + "\n"
		}
		return strings.TrimSpace(n.Text)
	case "operator":
		if slices.Contains(operators, n.Text) {
			return n.Text
		}
		return "=="
	case "reference":
		i := max(strings.LastIndexByte(n.Text, '.'), 0)
		return strconv.Quote(n.Text[:i]) + ", " + strconv.Quote(n.Text[min(i+1, len(n.Text)):])
	}
	return "null"
}

// double writes a number as a double; infinities are the largest doubles.
func double(n *yamlpos.Node) string {
	if infinite(n) {
		largest := strconv.FormatFloat(math.MaxFloat64, 'e', -1, 64)
		if strings.HasPrefix(n.Text, "-") {
			return "-" + largest
		}
		return largest
	}
	text, _ := n.IsNumber()
	if !strings.ContainsAny(text, ".eE") {
		text += ".0"
	}
	return text
}

// typeText is the one name of the type that a node gives.
func typeText(n *yamlpos.Node) string {
	t, err := table.ParseType(n.Text)
	if err != nil {
		return n.Text // noted when the argument was checked
	}
	return t.String()
}

func literalOfType(n *yamlpos.Node) string { return strconv.Quote(typeText(n)) }
