package expectations

import (
	"fmt"
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
	// nulls is what the suite says about rows with nulls; "" is the kind's own way.
	nulls string
}

// nullWays are what nulls: can say of a rule on rows, with the meaning.
var nullWays = []struct{ name, doc string }{
	{"skip", "rows in which a column of the rule is null are not judged"},
	{"skip_all", "rows in which all columns of the rule are null are not judged"},
	{"judge", "all rows are judged; a null is an error or false, as CEL has it"},
	{"same", "of unique: all rows are judged, and nulls are equal to each other"},
}

// sameNulls is the way with nulls in which they are values of a key.
const sameNulls = "same"

// arg is the argument of a parameter: what the suite gives, or the default; nil is none.
func (c *call) arg(param string) *yamlpos.Node {
	if n := c.args[param]; n != nil {
		return n
	}
	p, _ := c.kind.param(param)
	return p.byDefault
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
		low, high := c.arg(b[0]), c.arg(b[1])
		if low == nil && high == nil {
			c.node.Errorf(fmt.Sprintf("write {%s: ..., %s: ...} or one of them", b[0], b[1]), "%s needs %s or %s", c.kind.Name, b[0], b[1])
		}
		if above(low, high) {
			low.Errorf("swap them", "%s %s is above %s %s: nothing could pass", b[0], low.Text, b[1], high.Text)
		}
	}
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
