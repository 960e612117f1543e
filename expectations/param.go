package expectations

import (
	"math/big"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/dq-dev/dq/internal/yamlpos"
	"github.com/dq-dev/dq/table"
)

// paramType is what one type of parameter takes.
type paramType struct {
	name string
	// item is the type of a list's items; "" is no list.
	item string
	// takes says it in prose, hint shows how to write it.
	takes, hint string
}

// paramTypes are the types of parameters.
var paramTypes = []paramType{
	{"column", "", "the name of a column", "the column's name"},
	{"columns", "column", "names of columns", "[a, b]"},
	{"value", "", "a value of the column's type", "a value"},
	{"values", "value", "values of the column's type", "[a, b]"},
	{"text", "", "a text", "text"},
	{"texts", "text", "texts", "[a, b]"},
	{"regex", "", "a regular expression of RE2", "'^...$'"},
	{"regexes", "regex", "regular expressions of RE2", "['^a', 'b$']"},
	{"like", "", "a pattern of SQL's LIKE", "'a%'"},
	{"likes", "like", "patterns of SQL's LIKE", "['a%', '%z']"},
	{"count", "", "a whole number from 0", "a whole number"},
	{"number", "", "a number", "a number"},
	{"numbers", "number", "numbers that grow; -.inf and .inf are the ends", "[0, 10, 100]"},
	{"fraction", "", "a number from 0 to 1", "a number from 0 to 1"},
	{"fractions", "fraction", "numbers from 0 to 1", "[0.2, 0.8]"},
	{"bool", "", "true or false", "true or false"},
	{"duration", "", "a duration in m, h or d", "26h"},
	{"clock", "", "a time of day, UTC", "'08:00'"},
	{"weekdays", "weekday", "days of the week", "[mon, tue]"},
	{"weekday", "", "a day of the week", "mon"},
	{"dates", "date", "dates", "[2026-01-01, 2026-12-25]"},
	{"date", "", "a date", "2026-01-01"},
	{"aggregate", "", "an aggregate in CEL that gives a number", "'rows()'"},
	{"operator", "", "one of == != < <= > >=", "<="},
	{"choice", "", "one of a few words", "a word"},
	{"type", "", "a type", "int64"},
	{"types", "type", "types", "[int64, string]"},
	{"reference", "", "a column of another table", "table.column"},
	{"table", "", "another table", "silver.customers"},
	{"names", "text", "names of columns that need not be there", "[a, b]"},
	{"layout", "", "names of columns with their types", "{a: int64, b: string}"},
	{"weights", "", "values with their fractions, which add up to 1", "{a: 0.25, b: 0.75}"},
	{"pairs", "", "pairs of values", "[[a, b], [c, d]]"},
}

func typeOfParam(name string) (paramType, bool) {
	i := slices.IndexFunc(paramTypes, func(t paramType) bool { return t.name == name })
	if i < 0 {
		return paramType{}, false
	}
	return paramTypes[i], true
}

func paramTypeNames() []string {
	var names []string
	for _, t := range paramTypes {
		names = append(names, t.name)
	}
	return names
}

// Takes says in prose what the parameter takes.
func (p Param) Takes() string {
	if p.Type == "choice" {
		return strings.Join(p.Choices, " or ")
	}
	t, _ := typeOfParam(p.Type)
	return t.takes
}

func (p Param) hint() string {
	if p.Type == "choice" {
		return p.Choices[0]
	}
	t, _ := typeOfParam(p.Type)
	return t.hint
}

// list reports whether the parameter has items.
func (p Param) list() bool {
	t, _ := typeOfParam(p.Type)
	return t.item != ""
}

// readParams reads the parameters of a kind.
func (k *Kind) readParams(n *yamlpos.Node) {
	pairs := n.Pairs("params")
	for _, e := range pairs {
		p := e.Value.Map("a parameter", "type", "of", "required", "default", "choices", "doc")
		need(e.Value, p, "type")
		param := Param{Name: e.Key.Text, Type: p["type"].OneOf("type of a parameter", paramTypeNames()...), Of: optional(p["of"]), Doc: optional(p["doc"])}
		if n := p["required"]; n != nil {
			param.Required = n.Bool()
		}
		if n := p["choices"]; n != nil {
			param.Choices = n.Strings("choices")
		}
		if (param.Type == "choice") != (len(param.Choices) > 0) {
			e.Key.Errorf("write {type: choice, choices: [a, b]}", "choices belong to the type choice")
			continue
		}
		if n := p["default"]; n != nil {
			param.Default, param.byDefault = n.String(), n
			param.check(n)
		}
		if slices.Contains(optionKeys, param.Name) || !templateName.MatchString(param.Name) || slices.Contains(builtinNames, param.Name) {
			e.Key.Errorf("choose another name", "%q cannot be the name of a parameter", param.Name)
		}
		k.Params = append(k.Params, param)
	}
	for _, e := range pairs {
		if n := e.Value.Get("of"); n != nil {
			if p, ok := k.param(k.knownParam(n)); ok && p.Type != "column" {
				n.Errorf("", "%s is no column", p.Name)
			}
		}
	}
}

// templateName is what may follow a $.
var templateName = regexp.MustCompile(`^[a-z_][a-z0-9_]*$`)

// knownParam is the name of a parameter that the file mentions.
func (k *Kind) knownParam(n *yamlpos.Node) string {
	name := n.String()
	if _, ok := k.param(name); !ok && name != "" {
		n.Errorf(yamlpos.DidYouMean(name, k.paramNames()), "there is no parameter %q", name)
	}
	return name
}

// weekdays as CEL counts them, from 0.
var weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

var operators = []string{"==", "!=", "<", "<=", ">", ">="}

// check notes what is wrong with an argument by itself.
func (p Param) check(n *yamlpos.Node) {
	if p.list() {
		p.checkList(n)
		return
	}
	switch p.Type {
	case "count":
		if v := n.Int(); v < 0 {
			n.Errorf("write 0 or more", "%s is below zero", p.Name)
		}
	case "number":
		if !infinite(n) {
			n.Number()
		}
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
	case "like":
		if text := n.String(); trailingEscape(text) {
			n.Errorf(`write \\ for a backslash`, "%q ends with an escape of nothing", text)
		}
	case "duration":
		if text := n.String(); text != "" {
			if _, err := parseDuration(text); err != nil {
				n.Errorf("write 90m, 26h or 7d", "%q is no duration", text)
			}
		}
	case "clock":
		if _, err := time.Parse("15:04", n.String()); err != nil {
			n.Errorf("write '08:00'", "%q is no time of day", n.Text)
		}
	case "weekday":
		n.OneOf("day of the week", weekdays...)
	case "date":
		date(n)
	case "operator":
		n.OneOf("comparison", operators...)
	case "choice":
		n.OneOf(p.Name, p.Choices...)
	case "type":
		if text := n.String(); text != "" {
			if _, err := table.ParseType(text); err != nil {
				n.Errorf("", "%s", err)
			}
		}
	case "reference":
		if text := n.String(); text != "" {
			if i := strings.LastIndexByte(text, '.'); i <= 0 || i == len(text)-1 {
				n.Errorf("write silver.customers.customer_id", "%q is no table with a column", text)
			}
		}
	case "layout":
		for _, e := range n.Pairs(p.Name) {
			Param{Name: p.Name, Type: "type"}.check(e.Value)
		}
	case "weights":
		p.checkWeights(n)
	case "pairs":
		for _, pair := range n.List(p.Name, false) {
			if len(pair.Items) != 2 {
				pair.Errorf("write [a, b]", "a pair has two values")
			}
		}
		p.checkFilled(n)
	default: // column, value, text, table
		_ = n.String()
	}
}

// trailingEscape reports whether a LIKE pattern ends within an escape.
func trailingEscape(pattern string) bool {
	return (len(pattern)-len(strings.TrimRight(pattern, `\`)))%2 == 1
}

// likePattern is a LIKE pattern as a regular expression of RE2 for the whole text.
func likePattern(pattern string) string {
	var out strings.Builder
	escaped := false
	for _, r := range pattern {
		switch {
		case escaped:
			out.WriteString(regexp.QuoteMeta(string(r)))
			escaped = false
		case r == '\\':
			escaped = true
		case r == '%':
			out.WriteString(".*")
		case r == '_':
			out.WriteString(".")
		default:
			out.WriteString(regexp.QuoteMeta(string(r)))
		}
	}
	return `(?s)\A` + out.String() + `\z`
}

// infinite reports whether the node is one of YAML's infinities.
func infinite(n *yamlpos.Node) bool {
	return slices.Contains([]string{".inf", "+.inf", "-.inf"}, strings.ToLower(n.Text)) && n.Kind == yamlpos.Scalar
}

func (p Param) checkFilled(n *yamlpos.Node) {
	if n.Kind == yamlpos.Scalar && n.Null || n.Kind == yamlpos.Sequence && len(n.Items) == 0 || n.Kind == yamlpos.Mapping && len(n.Entries) == 0 {
		n.Errorf("write "+p.hint(), "%s is empty", p.Name)
	}
}

func (p Param) checkList(n *yamlpos.Node) {
	t, _ := typeOfParam(p.Type)
	items := n.List(p.Name, p.Type == "columns" || p.Type == "types" || p.Type == "names")
	p.checkFilled(n)
	seen := map[string]bool{}
	var before *yamlpos.Node
	for _, i := range items {
		if i.Null {
			switch p.Type {
			case "values":
				i.Errorf("leave it out; nulls are skipped, and not_null asks for values", "null is no member of a set")
			default:
				i.Errorf("", "null is no item of %s", p.Name)
			}
			continue
		}
		Param{Name: p.Name, Type: t.item}.check(i)
		text := i.String()
		if seen[text] && p.Type != "fractions" {
			i.Errorf("remove one", "%q is given twice", text)
		}
		seen[text] = true
		if p.Type == "numbers" && before != nil && above(before, i) {
			i.Errorf("sort them", "%s stands behind %s", i.Text, before.Text)
		}
		before = i
	}
}

// checkWeights notes weights that do not add up to 1.
func (p Param) checkWeights(n *yamlpos.Node) {
	sum := new(big.Rat)
	for _, e := range n.Pairs(p.Name) {
		Param{Name: p.Name, Type: "fraction"}.check(e.Value)
		if _, ok := e.Value.IsNumber(); ok {
			sum.Add(sum, e.Value.Number())
		}
	}
	p.checkFilled(n)
	if off := sum.Sub(sum, big.NewRat(1, 1)); n.Kind == yamlpos.Mapping && len(n.Entries) > 0 && off.Abs(off).Cmp(big.NewRat(1, 1000)) > 0 {
		n.Errorf("make them add up to 1", "the fractions of %s add up to %s more or less than 1", p.Name, off.FloatString(4))
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
