package expectations

import (
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dq-dev/dq/internal/yamlpos"
	"github.com/dq-dev/dq/table"
)

// call is a kind with its arguments.
type call struct {
	kind *Kind
	node *yamlpos.Node            // where the kind is named
	args map[string]*yamlpos.Node // as the suite gives them
	// column stands for the kind's column parameter when it is written beside a column.
	column string
}

// columnsOf returns the names that a column or columns parameter stands for.
func (c *call) columnsOf(param string) []string {
	if c.column != "" && param == c.kind.columnParam() {
		return []string{c.column}
	}
	n := c.args[param]
	if n == nil {
		return nil
	}
	if n.Kind == yamlpos.Scalar {
		return []string{n.Text}
	}
	var names []string
	for _, i := range n.Items {
		names = append(names, i.Text)
	}
	return names
}

// columns returns all columns that the call names, in the order of parameters.
func (c *call) columns() []string {
	var names []string
	for _, p := range c.kind.Params {
		if p.Type == "column" || p.Type == "columns" {
			for _, name := range c.columnsOf(p.Name) {
				if !slices.Contains(names, name) {
					names = append(names, name)
				}
			}
		}
	}
	return names
}

// check notes what is wrong with the arguments and can be seen without the
// types of columns.
func (c *call) check() {
	for _, p := range c.kind.Params {
		implied := c.column != "" && p.Name == c.kind.columnParam()
		n := c.args[p.Name]
		if n == nil || implied {
			if p.Required && !implied {
				c.node.Errorf("add "+p.Name+": "+p.hint(), "%s needs %s", c.kind.Name, p.Name)
			}
			continue
		}
		p.check(n)
	}
	if b := c.kind.Bounds; len(b) == 2 {
		low, high := c.args[b[0]], c.args[b[1]]
		if low == nil && high == nil {
			c.node.Errorf(fmt.Sprintf("write {%s: ..., %s: ...} or one of them", b[0], b[1]), "%s needs %s or %s", c.kind.Name, b[0], b[1])
		}
		if above(low, high) {
			low.Errorf("swap them", "%s %s is above %s %s: nothing could pass", b[0], low.Text, b[1], high.Text)
		}
	}
}

// above reports whether two bounds are in the wrong order, as numbers or as
// times. Text is left to the judgement of the rows.
func above(low, high *yamlpos.Node) bool {
	if low == nil || high == nil {
		return false
	}
	a, okA := low.IsNumber()
	b, okB := high.IsNumber()
	if okA && okB {
		x, okX := new(big.Rat).SetString(a)
		y, okY := new(big.Rat).SetString(b)
		return okX && okY && x.Cmp(y) > 0
	}
	s, errS := parseTime(low.Text)
	t, errT := parseTime(high.Text)
	return errS == nil && errT == nil && s.After(t)
}

func (p Param) hint() string {
	return map[string]string{"column": "the column's name", "columns": "[a, b]", "value": "a value", "values": "[a, b]", "text": "text",
		"regex": "'^...$'", "count": "a whole number", "number": "a number", "fraction": "a number from 0 to 1", "bool": "true or false",
		"duration": "26h", "operator": "<=", "reference": "table.column"}[p.Type]
}

var operators = []string{"==", "!=", "<", "<=", ">", ">="}

// check notes what is wrong with an argument by itself.
func (p Param) check(n *yamlpos.Node) {
	switch p.Type {
	case "columns", "values":
		items := n.List(p.Name, p.Type == "columns")
		if n.Kind == yamlpos.Scalar && n.Null || n.Kind == yamlpos.Sequence && len(items) == 0 {
			n.Errorf("write "+p.hint(), "%s is empty", p.Name)
		}
		seen := map[string]bool{}
		for _, i := range items {
			if i.Null && p.Type == "values" {
				i.Errorf("leave it out; nulls are skipped, and not_null asks for values", "null is no member of a set")
				continue
			}
			text := i.String()
			if seen[text] {
				i.Errorf("remove one", "%q is given twice", text)
			}
			seen[text] = true
		}
	case "count":
		if v := n.Int(); v < 0 {
			n.Errorf("write 0 or more", "%s is below zero", p.Name)
		}
	case "number":
		n.Number()
	case "fraction":
		if v := n.Number(); v.Sign() < 0 || v.Cmp(big.NewRat(1, 1)) > 0 {
			n.Errorf("write 0.05 for five in a hundred", "%s is not from 0 to 1", p.Name)
		}
	case "bool":
		n.Bool()
	case "regex":
		if _, err := regexp.Compile(n.String()); err != nil {
			n.Errorf("the syntax is RE2, without look-around and back references", "%s", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
		}
	case "duration":
		if text := n.String(); text != "" {
			if _, err := parseDuration(text); err != nil {
				n.Errorf("write 90m, 26h or 7d", "%q is no duration", text)
			}
		}
	case "operator":
		n.OneOf("comparison", operators...)
	case "reference":
		if text := n.String(); text != "" {
			if i := strings.LastIndexByte(text, '.'); i <= 0 || i == len(text)-1 {
				n.Errorf("write silver.customers.customer_id", "%q is no table with a column", text)
			}
		}
	default: // column, value, text
		_ = n.String()
	}
}

// typeOf gives the type of a column, false when it is not known.
type typeOf func(column string) (table.Type, bool)

// expand gives the CEL of the call and of the rows it judges ("" is all).
// Arguments that do not fit the columns' types are noted.
func (c *call) expand(types typeOf, note func(yamlpos.Error)) (cel, where string) {
	value := func(name string) (string, bool) {
		p, ok := c.kind.param(name)
		if !ok {
			return "", false
		}
		return c.argument(p, types, note), true
	}
	var clauses []string
	for _, clause := range c.kind.Clauses {
		if clause.If != "" && !c.given(clause.If) {
			continue
		}
		text, _ := substitute(clause.CEL, value) // names were checked when the kind was read
		clauses = append(clauses, text)
	}
	if len(clauses) > 1 {
		for i := range clauses {
			clauses[i] = "(" + clauses[i] + ")"
		}
	}
	if c.kind.SkipNulls {
		var guards []string
		for _, name := range c.columns() {
			guards = append(guards, ident(name)+" != null")
		}
		where = strings.Join(guards, " && ")
	}
	return strings.Join(clauses, " && "), where
}

// given reports whether an argument is there; a bool must be true.
func (c *call) given(param string) bool {
	n := c.args[param]
	if n == nil {
		return false
	}
	if p, _ := c.kind.param(param); p.Type == "bool" {
		v, _ := n.IsBool()
		return v
	}
	return true
}

func (c *call) argument(p Param, types typeOf, note func(yamlpos.Error)) string {
	n := c.args[p.Name]
	switch p.Type {
	case "column", "columns":
		var names []string
		for _, name := range c.columnsOf(p.Name) {
			names = append(names, ident(name))
		}
		return strings.Join(names, ", ")
	}
	if n == nil {
		return "null"
	}
	var typ *table.Type
	if names := c.columnsOf(p.Of); p.Of != "" && len(names) > 0 {
		if t, ok := types(names[0]); ok {
			typ = &t
		}
	}
	switch p.Type {
	case "values":
		var items []string
		for _, i := range n.Items {
			items = append(items, literal(i, typ, note))
		}
		return "[" + strings.Join(items, ", ") + "]"
	case "value":
		return literal(n, typ, note)
	case "text", "regex":
		return strconv.Quote(n.Text)
	case "count", "number", "fraction":
		text, _ := n.IsNumber()
		return text
	case "bool":
		v, _ := n.IsBool()
		return strconv.FormatBool(v)
	case "duration":
		d, _ := parseDuration(n.Text)
		return "duration('" + strconv.FormatFloat(d.Seconds(), 'f', -1, 64) + "s')"
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

// literal writes a YAML scalar as a CEL literal of a column's type; with an
// unknown type, of the type that YAML gives it. What does not fit is noted.
func literal(n *yamlpos.Node, typ *table.Type, note func(yamlpos.Error)) string {
	number, isNumber := n.IsNumber()
	boolean, isBool := n.IsBool()
	if typ == nil {
		switch {
		case isNumber:
			return number
		case isBool:
			return strconv.FormatBool(boolean)
		}
		return strconv.Quote(n.Text)
	}
	switch k := typ.Kind; {
	case k == table.String:
		return strconv.Quote(n.Text)
	case k == table.Bool:
		if isBool {
			return strconv.FormatBool(boolean)
		}
	case typ.Integer():
		if isNumber {
			if _, err := strconv.ParseInt(number, 10, 64); err == nil || strings.ContainsAny(number, ".eE") {
				return number
			}
			note(n.Error("", "%s does not fit an int64", n.Text))
			return "0"
		}
	case typ.Numeric():
		if isNumber {
			if (k == table.Double || k == table.Float) && !strings.ContainsAny(number, ".eE") {
				number += ".0"
			}
			return number
		}
	case k == table.Date:
		if t, err := time.Parse(time.DateOnly, n.Text); err == nil {
			return "date('" + t.Format(time.DateOnly) + "')"
		}
		note(n.Error("write 2011-01-31", "%q is no date, which the column is", n.Text))
		return "date('1970-01-01')"
	case k == table.Timestamp || k == table.TimestampNTZ:
		if t, err := parseTime(n.Text); err == nil {
			return "timestamp('" + t.Format(time.RFC3339Nano) + "')"
		}
		note(n.Error("write 2011-01-31 or '2011-01-31T08:00:00Z'", "%q is no time, which the column is", n.Text))
		return "timestamp('1970-01-01T00:00:00Z')"
	default:
		note(n.Error("write a row rule in CEL", "values of a column of type %s cannot be written here", typ))
		return "null"
	}
	note(n.Error("", "%q is no value of a column of type %s", n.Text, typ))
	return "null"
}

// reserved are the names that CEL cannot use for variables, and row itself.
var reserved = []string{"false", "in", "null", "true", "as", "break", "const", "continue", "else", "for", "function",
	"if", "import", "let", "loop", "package", "namespace", "return", "var", "void", "while", "row"}

// ident writes a column's name in CEL.
func ident(name string) string {
	if identifier.MatchString(name) && !slices.Contains(reserved, name) {
		return name
	}
	if quotable.MatchString(name) {
		return "row.`" + name + "`"
	}
	return "row[" + strconv.Quote(name) + "]"
}

// quotable is what CEL lets stand between backquotes.
var quotable = regexp.MustCompile(`^[A-Za-z0-9_./ -]+$`)

// parseTime reads a time in UTC, or a date as its midnight.
func parseTime(s string) (time.Time, error) {
	var err error
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", time.DateOnly} {
		var t time.Time
		if t, err = time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, err
}

// parseDuration reads Go's durations, and days: 90m, 26h, 7d.
func parseDuration(s string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.ParseInt(days, 10, 32)
		if err != nil || n < 0 || n > 100_000 {
			return 0, fmt.Errorf("%q is no duration", s)
		}
		return time.Duration(n) * 24 * time.Hour, nil
	}
	d, err := time.ParseDuration(s)
	if err == nil && d < 0 {
		err = fmt.Errorf("%q is below zero", s)
	}
	return d, err
}
