package expectations

import (
	"slices"
	"strings"

	"github.com/dq-dev/dq/internal/yamlpos"
)

// Clause is a piece of a kind's CEL. $name stands for a parameter or a term; it
// is replaced by a literal, by a column's name or by the term, never by text as
// it was written.
type Clause struct {
	// If are conditions that must all hold for the clause to count: a parameter
	// that is given (min; a bool must be true), is not (!min), or has a value or
	// another one (match=any, match!=any). nulls is what the suite says of them.
	If  []string
	CEL string
}

// Term is a piece of CEL that is written once for each item of a list and
// joined: {each: columns, cel: $each != null, join: ' && '}. Clauses call it by
// its name.
type Term struct {
	Name string
	// Each is a parameter with items, or table_columns. One of Each, Pairs and
	// Steps is given.
	//
	// The items are $each, their places $index; those of weights $key and $with, of layouts these and
	// $each for both, of pairs $first and $second.
	Each string
	// Pairs is for each pair of different items: $first and $second.
	Pairs string
	// Steps is for each item with the one after it: $first and $second. $until is
	// < and, at the last, <=.
	Steps string
	// With is a list whose items go along with those of Each or Steps as $with.
	With string
	CEL  string
	// Join stands between the pieces; None is what no piece gives.
	Join, None string
}

// list is the parameter that the term goes through.
func (t Term) list() string { return t.Each + t.Pairs + t.Steps }

// Names that templates may use besides parameters and terms: the columns of the
// table, as lists of their names and of their names with types ("a int64").
// $type_of_column is the type of the parameter column, as text.
const (
	tableColumns = "table_columns"
	tableLayout  = "table_layout"
	typeOfPrefix = "type_of_"
)

var builtinNames = []string{tableColumns, tableLayout, "each", "key", "with", "first", "second", "until", "index"}

// nullsOption is the option that conditions may name like a parameter.
const nullsOption = "nulls"

// joins are what may stand between the pieces of a term, with what none of them is.
var joins = map[string]string{"&&": "true", "||": "false", "+": "0", "*": "1", ",": ""}

func (k *Kind) readTerms(n *yamlpos.Node) {
	for _, e := range n.Pairs("terms") {
		f := e.Value.Map("a term", "each", "pairs", "steps", "with", "cel", "join")
		need(e.Value, f, "cel", "join")
		t := Term{Name: e.Key.Text, CEL: optional(f["cel"])}
		if _, taken := k.param(t.Name); taken || !templateName.MatchString(t.Name) || slices.Contains(builtinNames, t.Name) {
			e.Key.Errorf("choose another name", "%q cannot be the name of a term", t.Name)
		}
		ways := 0
		names := []string{}
		read := func(n *yamlpos.Node, into *string, more ...string) {
			if n == nil {
				return
			}
			ways++
			names = append(names, more...)
			if *into = n.Text; n.Text != tableColumns {
				k.knownParam(n)
			}
		}
		read(f["each"], &t.Each, "each", "index", "key", "with", "first", "second")
		read(f["pairs"], &t.Pairs, "first", "second")
		read(f["steps"], &t.Steps, "first", "second", "until", "with")
		if ways != 1 {
			e.Value.Errorf("write each: columns", "a term has one of each, pairs and steps")
		}
		if n := f["with"]; n != nil {
			if t.With = n.Text; t.With != tableColumns {
				k.knownParam(n)
			}
		}
		if n := f["join"]; n != nil {
			join := n.OneOf("join", sortedKeys(joins)...)
			t.None = joins[join]
			if t.Join = " " + join + " "; join == "," {
				t.Join = ", "
			}
		}
		k.checkTemplate(f["cel"], names)
		k.Terms = append(k.Terms, t)
	}
}

func (k *Kind) readClauses(n *yamlpos.Node) {
	if n == nil {
		return
	}
	if n.Kind == yamlpos.Scalar {
		k.Clauses = []Clause{{CEL: n.String()}}
		k.checkTemplate(n, nil)
		return
	}
	for _, c := range n.List("cel", false) {
		f := c.Map("a clause", "if", "cel")
		need(c, f, "cel")
		clause := Clause{CEL: optional(f["cel"])}
		if f["if"] != nil {
			for _, n := range f["if"].List("if", true) {
				clause.If = append(clause.If, n.String())
				name, _, _ := splitCondition(n.Text)
				if _, ok := k.param(name); !ok && name != nullsOption {
					n.Errorf(yamlpos.DidYouMean(name, k.paramNames()), "there is no parameter %q", name)
				}
			}
		}
		k.checkTemplate(f["cel"], nil)
		k.Clauses = append(k.Clauses, clause)
	}
}

// checkTemplate notes names that are neither parameters, nor terms, nor more.
func (k *Kind) checkTemplate(n *yamlpos.Node, more []string) {
	if n == nil {
		return
	}
	known := slices.Concat(k.paramNames(), more, []string{tableColumns, tableLayout})
	for _, t := range k.Terms {
		known = append(known, t.Name)
	}
	_, err := substitute(n.Text, func(name string) (string, bool) {
		if column, ok := strings.CutPrefix(name, typeOfPrefix); ok {
			p, _ := k.param(column)
			return "x", p.Type == "column"
		}
		return "x", slices.Contains(known, name)
	})
	if err != nil {
		n.Errorf(yamlpos.DidYouMean(err.name, known), "there is no parameter $%s", err.name)
	}
}

// splitCondition splits a condition of a clause into its parameter, the value that
// it is compared with ("" is whether it is given), and whether it is turned around.
func splitCondition(text string) (param, value string, not bool) {
	if rest, ok := strings.CutPrefix(text, "!"); ok {
		return rest, "", true
	}
	if param, value, ok := strings.Cut(text, "!="); ok {
		return param, value, true
	}
	param, value, _ = strings.Cut(text, "=")
	return param, value, false
}

// holds reports whether a condition of a clause is met.
func (c *call) holds(text string) bool {
	param, value, not := splitCondition(text)
	switch {
	case value == "":
		return c.given(param) != not
	case param == nullsOption:
		return (c.nulls == value) != not
	}
	n := c.arg(param)
	return (n != nil && n.Text == value) != not
}

type unknownParam struct{ name string }

// substitute replaces each $name outside of CEL's string literals.
func substitute(template string, value func(name string) (string, bool)) (string, *unknownParam) {
	var out strings.Builder
	for i := 0; i < len(template); {
		switch c := template[i]; {
		case c == '\'' || c == '"':
			end := literalEnd(template, i)
			out.WriteString(template[i:end])
			i = end
		case c == '$':
			end := i + 1
			for end < len(template) && (template[end] == '_' || template[end] >= 'a' && template[end] <= 'z' || template[end] >= '0' && template[end] <= '9') {
				end++
			}
			v, ok := value(template[i+1 : end])
			if !ok {
				return "", &unknownParam{template[i+1 : end]}
			}
			out.WriteString(v)
			i = end
		default:
			out.WriteByte(c)
			i++
		}
	}
	return out.String(), nil
}

// literalEnd is where the CEL string literal ends that begins at i: 'a', "a",
// ”'a”' and """a""", raw ones (r”) too.
func literalEnd(s string, i int) int {
	raw := i > 0 && (s[i-1] == 'r' || s[i-1] == 'R')
	quote := s[i : i+1]
	if strings.HasPrefix(s[i:], strings.Repeat(quote, 3)) {
		quote = strings.Repeat(quote, 3)
	}
	for j := i + len(quote); j < len(s); j++ {
		if s[j] == '\\' && !raw {
			j++
			continue
		}
		if strings.HasPrefix(s[j:], quote) {
			return j + len(quote)
		}
	}
	return len(s)
}
