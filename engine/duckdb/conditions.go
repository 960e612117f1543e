package duckdb

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dq-dev/dq/engine"
)

// path names the column of a scan, or the field of a struct in it, that an
// expression refers to.
func (n *node) path(get *node) ([]string, bool) {
	if n != nil && n.Type == "BOUND_FUNCTION" && n.Name == "struct_extract" && len(n.Children) == 2 {
		of := &n.Children[0]
		path, ok := of.path(get)
		name, isText := n.Children[1].text()
		if !ok || !isText {
			return nil, false
		}
		for _, f := range of.Return.Info.Fields {
			if strings.EqualFold(f.Name, name) {
				return append(path, f.Name), true
			}
		}
		return nil, false
	}
	name, ok := n.column(get)
	return []string{name}, ok
}

// text is the value of a text constant.
func (n *node) text() (text string, ok bool) {
	if n.Type != "VALUE_CONSTANT" || n.Value.Null || n.Value.Type.ID != "VARCHAR" {
		return "", false
	}
	return text, json.Unmarshal(n.Value.Value, &text) == nil
}

// isNull reports whether an expression is the constant NULL, whatever it is cast to.
func (n *node) isNull() bool {
	for n.Type == "OPERATOR_CAST" && n.Child != nil {
		n = n.Child
	}
	return n.Type == "VALUE_CONSTANT" && n.Value.Null
}

// exact sees through casts of a column that change none of its values and cannot fail.
func (n *node) exact() *node {
	for n != nil && n.Type == "OPERATOR_CAST" && !n.Try && n.Child != nil {
		from, to := n.Child.Return, n.Return
		before, after := from.Info.Width-from.Info.Scale, to.Info.Width-to.Info.Scale
		switch {
		case integers[from.ID] > 0 && integers[to.ID] >= integers[from.ID]:
		case integers[from.ID] > 0 && to.ID == "DECIMAL" && after >= integers[from.ID]:
		case from.ID == "DECIMAL" && to.ID == "DECIMAL" && to.Info.Scale >= from.Info.Scale && after >= before:
		default:
			return n
		}
		n = n.Child
	}
	return n
}

// integers are the types of integers, and the digits that they can have.
var integers = map[string]int{"TINYINT": 3, "SMALLINT": 5, "INTEGER": 10, "BIGINT": 19, "HUGEINT": 39}

// comparisons are those that [engine.Condition] has, and what they are with their
// sides turned around.
var comparisons = map[string]struct{ op, turned string }{
	"COMPARE_EQUAL": {"=", "="}, "COMPARE_NOTEQUAL": {"<>", "<>"}, "COMPARE_LESSTHAN": {"<", ">"}, "COMPARE_GREATERTHAN": {">", "<"},
	"COMPARE_LESSTHANOREQUALTO": {"<=", ">="}, "COMPARE_GREATERTHANOREQUALTO": {">=", "<="},
}

// denied is each comparison, and what is true when it is false.
var denied = map[string]string{"=": "<>", "<>": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}

// all and some are conditions made of others.
func all(of ...engine.Condition) engine.Condition  { return engine.Condition{Op: "AND", Of: of} }
func some(of ...engine.Condition) engine.Condition { return engine.Condition{Op: "OR", Of: of} }

// condition reads an expression that rows must make true (false with not): a
// condition that holds for every such row, though perhaps for others too.
func (n *node) condition(get *node, not bool) (engine.Condition, bool) {
	none := engine.Condition{}
	switch n.Type {
	case "CONJUNCTION_AND", "CONJUNCTION_OR":
		// Of parts that must all hold, those that are understood say enough.
		every := (n.Type == "CONJUNCTION_AND") != not
		var parts []engine.Condition
		for i := range n.Children {
			if c, ok := n.Children[i].condition(get, not); ok {
				parts = append(parts, c)
			}
		}
		switch {
		case every && len(parts) == 1:
			return parts[0], true
		case every && len(parts) > 0:
			return all(parts...), true
		case !every && len(parts) == len(n.Children):
			return some(parts...), true
		}
		return none, false
	case "OPERATOR_NOT":
		if len(n.Children) == 1 {
			return n.Children[0].condition(get, !not)
		}
		return none, false
	case "VALUE_CONSTANT", "OPERATOR_CAST":
		if text, ok := n.constant("BOOLEAN"); n.isNull() || ok && (text == "true") == not {
			return some(), true // no row
		}
		return none, false
	case "COMPARE_DISTINCT_FROM", "COMPARE_NOT_DISTINCT_FROM":
		equal := *n
		equal.Type = "COMPARE_EQUAL"
		if n.Left == nil || n.Right == nil || n.Right.isNull() || n.Left.isNull() {
			return none, false
		}
		if (n.Type == "COMPARE_NOT_DISTINCT_FROM") != not {
			return equal.condition(get, false)
		}
		c, ok := equal.condition(get, true)
		return some(c, engine.Condition{Path: c.Path, Op: "IS NULL"}), ok && len(c.Of) == 0
	case "OPERATOR_IS_NULL", "OPERATOR_IS_NOT_NULL":
		if len(n.Children) != 1 {
			return none, false
		}
		path, ok := n.Children[0].exact().path(get)
		op := "IS NULL"
		if (n.Type == "OPERATOR_IS_NOT_NULL") != not {
			op = "IS NOT NULL"
		}
		return engine.Condition{Path: path, Op: op}, ok
	case "COMPARE_IN", "COMPARE_NOT_IN":
		return n.member(get, (n.Type == "COMPARE_NOT_IN") != not)
	case "BOUND_FUNCTION":
		switch n.Name {
		case "~~", "starts_with", "^@", "prefix":
			return n.begins(get, not)
		case "!~~":
			return n.begins(get, !not)
		}
	}
	if is, ok := comparisons[n.Type]; ok {
		return n.compared(get, is.op, is.turned, not)
	}
	if path, ok := n.path(get); ok && n.Return.ID == "BOOLEAN" {
		return engine.Condition{Path: path, Op: "=", Values: []string{map[bool]string{true: "false", false: "true"}[not]}}, true
	}
	return none, false
}

// compared reads a comparison of a column with a constant.
func (n *node) compared(get *node, op, turned string, not bool) (c engine.Condition, ok bool) {
	if n.Left == nil || n.Right == nil {
		return c, false
	}
	at, constant := n.Left, n.Right
	if _, is := at.within(get); !is {
		at, constant, op = n.Right, n.Left, turned
	}
	if not {
		op = denied[op]
	}
	column, is := at.within(get)
	if !is {
		return c, false
	}
	if constant.isNull() {
		return some(), true // never true
	}
	path, _ := column.path(get)
	if column != at.exact() { // a day of a time
		return days(path, op, constant)
	}
	text, ok := constant.constant(column.Return.ID)
	return engine.Condition{Path: path, Op: op, Values: []string{text}}, ok
}

// within is the column that an expression is of, or is the day of.
func (n *node) within(get *node) (*node, bool) {
	at := n.exact()
	if at != nil && at.Type == "OPERATOR_CAST" && !at.Try && at.Return.ID == "DATE" && at.Child != nil && at.Child.Return.ID == "TIMESTAMP" {
		at = at.Child
	}
	_, ok := at.path(get)
	return at, ok
}

// days compares the day of a column of times without zone.
func days(path []string, op string, constant *node) (c engine.Condition, ok bool) {
	text, ok := constant.constant("DATE")
	day, err := time.Parse(time.DateOnly, text)
	if !ok || err != nil {
		return c, false
	}
	at := func(op string, days int) engine.Condition {
		return engine.Condition{Path: path, Op: op, Values: []string{day.AddDate(0, 0, days).Format("2006-01-02T15:04:05")}}
	}
	switch op {
	case "=":
		return all(at(">=", 0), at("<", 1)), true
	case "<>":
		return some(at("<", 0), at(">=", 1)), true
	case "<", ">=":
		return at(op, 0), true
	case "<=":
		return at("<", 1), true
	}
	return at(">=", 1), true
}

// member reads IN of a list of constants.
func (n *node) member(get *node, not bool) (c engine.Condition, ok bool) {
	if len(n.Children) < 2 {
		return c, false
	}
	at := n.Children[0].exact()
	if c.Path, ok = at.path(get); !ok {
		return c, false
	}
	c.Op = "IN"
	for i := range n.Children[1:] {
		value := &n.Children[i+1]
		if value.isNull() {
			if not {
				return some(), true // never true
			}
			continue // nothing is equal to it
		}
		text, ok := value.constant(at.Return.ID)
		if !ok {
			return c, false
		}
		c.Values = append(c.Values, text)
	}
	if !not {
		return c, true
	}
	parts := make([]engine.Condition, len(c.Values))
	for i, v := range c.Values {
		parts[i] = engine.Condition{Path: c.Path, Op: "<>", Values: []string{v}}
	}
	return all(parts...), true
}

// begins reads LIKE 'x%', and what else says with what a text begins.
func (n *node) begins(get *node, not bool) (c engine.Condition, ok bool) {
	if len(n.Children) != 2 || n.Children[0].Return.ID != "VARCHAR" {
		return c, false
	}
	path, ok := n.Children[0].path(get)
	text, isText := n.Children[1].text()
	if !ok || !isText {
		return c, false
	}
	exact := true
	if strings.HasSuffix(n.Name, "~~") {
		at := strings.IndexAny(text, "%_")
		if at < 0 {
			return engine.Condition{Path: path, Op: map[bool]string{false: "=", true: "<>"}[not], Values: []string{text}}, true
		}
		exact = strings.Trim(text[at:], "%") == ""
		text = text[:at]
	}
	next, bounded := after(text)
	if text == "" || not && !exact {
		return c, false
	}
	from, to := engine.Condition{Path: path, Op: ">=", Values: []string{text}}, engine.Condition{Path: path, Op: "<", Values: []string{next}}
	if not {
		from.Op, to.Op = denied[from.Op], denied[to.Op]
	}
	switch {
	case !bounded:
		return from, true
	case not:
		return some(from, to), true
	}
	return all(from, to), true
}

// after is the first text, by its bytes, behind all that begin with this one.
func after(text string) (string, bool) {
	for text != "" {
		r, size := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-size]
		if r++; r == 0xD800 { // no characters
			r = 0xE000
		}
		if r <= utf8.MaxRune {
			return text + string(r), true
		}
	}
	return "", false
}

// constant gives the canonical text of a constant that is compared with a column of
// that type, where it is sure what the engine makes of it.
func (n *node) constant(column string) (string, bool) {
	if n == nil {
		return "", false
	}
	var casts []kind
	for n.Type == "OPERATOR_CAST" && !n.Try && n.Child != nil {
		casts = append(casts, n.Return)
		n = n.Child
	}
	if n.Type != "VALUE_CONSTANT" || n.Value.Null {
		return "", false
	}
	from := n.Value.Type.ID
	to := from
	for _, c := range slices.Backward(casts) {
		if to != from && c.ID != to || from == "DECIMAL" && c.Info.Scale < n.Value.Type.Info.Scale {
			return "", false // something between that may round
		}
		to = c.ID
	}
	numbers := integers[column] > 0 || column == "DECIMAL"
	switch {
	case from == "BOOLEAN":
		return string(n.Value.Value), column == "BOOLEAN" && to == "BOOLEAN"
	case from == "VARCHAR":
		var text string
		if json.Unmarshal(n.Value.Value, &text) != nil {
			return "", false
		}
		zoned := strings.HasSuffix(text, "Z") || strings.HasSuffix(text, "+00") || strings.HasSuffix(text, "+00:00")
		if strings.HasSuffix(text, "+00") {
			text = strings.TrimSuffix(text, "+00") + "Z"
		}
		switch {
		case column == "BOOLEAN" && to == "BOOLEAN" && (text == "t" || text == "f"): // as true and false are bound
			return map[string]string{"t": "true", "f": "false"}[text], true
		case column == "VARCHAR" && to == "VARCHAR", column == "DATE" && to == "DATE":
			return text, true
		case column == "TIMESTAMP" && to == "TIMESTAMP":
			return text, !zoned
		case column == "TIMESTAMP WITH TIME ZONE" && to == column:
			return text, zoned // any other is at the session's own time zone
		}
	case integers[from] > 0 && (numbers && (integers[to] > 0 || to == "DECIMAL") || column == "DOUBLE" && to == "DOUBLE"):
		text := string(n.Value.Value)
		return text, strings.Trim(text, "-0123456789") == ""
	case from == "DECIMAL" && numbers && to == "DECIMAL":
		// It is written without its point.
		text, minus := strings.CutPrefix(string(n.Value.Value), "-")
		if text == "" || strings.Trim(text, "0123456789") != "" {
			return "", false
		}
		scale := n.Value.Type.Info.Scale
		if len(text) <= scale {
			text = strings.Repeat("0", scale-len(text)+1) + text
		}
		text = text[:len(text)-scale] + "." + text[len(text)-scale:]
		if minus {
			text = "-" + text
		}
		return strings.TrimSuffix(text, "."), true
	case from == "DOUBLE" && column == "DOUBLE" && to == "DOUBLE":
		text := string(n.Value.Value)
		return text, strings.Trim(text, "+-.eE0123456789") == ""
	}
	return "", false
}
