package gx

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// conditionToken is a text, a name, a number, or a sign of the languages that row
// conditions are written in.
var conditionToken = regexp.MustCompile("^(?:'(?:[^']|'')*'|\"[^\"]*\"|`[^`]*`|[A-Za-z_]\\w*|[0-9]+(?:\\.[0-9]*)?(?:[eE][+-]?[0-9]+)?|==|!=|<>|<=|>=|&&|\\|\\||[<>=()\\[\\],.&|~!-])")

// condition turns a row condition into CEL: comparisons, memberships, and, or, not,
// and tests for null. Of pandas and GX's own language nothing is above or below
// null, and null equals nothing; of SQL (the parser spark) such a comparison is
// neither true nor false.
func condition(v, parser any) (string, error) {
	if of, ok := v.(map[string]any); ok {
		return tree(of)
	}
	text, ok := v.(string)
	if !ok {
		return "", refused("the row condition %v is not known", v)
	}
	p := conditionParser{text: text, rest: text, sql: parser == "spark"}
	p.next()
	if p.token == "" && p.rest == "" {
		return "", nil
	}
	c := p.or()
	if p.err == nil && p.token != "" {
		p.fail()
	}
	if p.err != nil {
		return "", p.err
	}
	return c.cel(false), nil
}

type conditionParser struct {
	text, rest, token string
	sql               bool // in which comparisons with null are unknown
	err               error
}

// term is a piece of a condition: CEL of itself or of its contrary.
type term struct {
	cel    func(not bool) string
	column bool // it may be null
}

func plain(cel string, column bool) term {
	return term{func(not bool) string {
		if not {
			return "!" + cel
		}
		return cel
	}, column}
}

func (p *conditionParser) next() {
	p.rest = strings.TrimSpace(p.rest)
	p.token = conditionToken.FindString(p.rest)
	if p.token == "" && p.rest != "" {
		p.fail()
		return
	}
	p.rest = p.rest[len(p.token):]
}

func (p *conditionParser) fail() {
	if p.err == nil {
		p.err = refused("the row condition %q cannot be read at %q", p.text, p.token+p.rest)
	}
	p.token, p.rest = "", ""
}

// accept takes the token if it is one of these; words are in small letters.
func (p *conditionParser) accept(tokens ...string) bool {
	if p.token == "" || !slices.Contains(tokens, strings.ToLower(p.token)) {
		return false
	}
	p.next()
	return true
}

func (p *conditionParser) need(token string) {
	if !p.accept(token) {
		p.fail()
	}
}

func (p *conditionParser) or() term {
	return p.joined(p.and, " || ", " && ", "or", "|", "||")
}

func (p *conditionParser) and() term {
	return p.joined(p.not, " && ", " || ", "and", "&", "&&")
}

func (p *conditionParser) joined(part func() term, sign, contrary string, tokens ...string) term {
	parts := []term{part()}
	for p.accept(tokens...) {
		parts = append(parts, part())
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return p.logical(func(not bool) string {
		texts := make([]string, len(parts))
		for i, t := range parts {
			texts[i] = t.cel(not)
		}
		if not {
			return "(" + strings.Join(texts, contrary) + ")"
		}
		return "(" + strings.Join(texts, sign) + ")"
	})
}

// logical is a term whose contrary SQL makes of the contraries of its parts, where
// what is unknown stays so.
func (p *conditionParser) logical(cel func(not bool) string) term {
	if p.sql {
		return term{cel: cel}
	}
	return plain(cel(false), false)
}

func (p *conditionParser) not() term {
	if p.accept("not", "~", "!") {
		of := p.not()
		return term{cel: func(not bool) string { return of.cel(!not) }}
	}
	return p.comparison()
}

var contraries = map[string]string{"==": "!=", "!=": "==", "<": ">=", "<=": ">", ">": "<=", ">=": "<"}

func (p *conditionParser) comparison() term {
	left := p.operand()
	negated := p.accept("not")
	switch {
	case p.accept("in"):
		return p.member(left, negated)
	case p.accept("like"):
		pattern, ok := text(p.token)
		if p.next(); !ok {
			p.fail()
		}
		return p.known(left, left.cel(false)+".matches("+strconv.Quote(like(pattern))+")", negated)
	case negated:
		p.fail()
		return left
	case p.accept("is"):
		sign := " == null"
		if p.accept("not") {
			sign = " != null"
		}
		p.need("null")
		return plain("("+left.cel(false)+sign+")", false)
	}
	var parts []term
	for {
		op := map[string]string{"=": "==", "<>": "!=", "==": "==", "!=": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}[p.token]
		if op == "" {
			break
		}
		p.next()
		right := p.operand()
		parts = append(parts, p.compare(left, op, right))
		left = right
	}
	switch len(parts) {
	case 0:
		if !left.column { // in parentheses
			return left
		}
		return p.compare(left, "==", plain("true", false))
	case 1:
		return parts[0]
	}
	return p.logical(func(not bool) string { // 1 <= x <= 5
		var texts []string
		for _, t := range parts {
			texts = append(texts, t.cel(not))
		}
		if not {
			return "(" + strings.Join(texts, " || ") + ")"
		}
		return "(" + strings.Join(texts, " && ") + ")"
	})
}

func (p *conditionParser) compare(left term, op string, right term) term {
	guarded := func(op string) string {
		var parts []string
		for _, t := range []term{left, right} {
			if t.column && (p.sql || op != "==" && op != "!=") {
				parts = append(parts, t.cel(false)+" != null")
			}
		}
		parts = append(parts, left.cel(false)+" "+op+" "+right.cel(false))
		if len(parts) == 1 {
			return parts[0]
		}
		return "(" + strings.Join(parts, " && ") + ")"
	}
	if p.sql {
		return term{cel: func(not bool) string {
			if not {
				return guarded(contraries[op])
			}
			return guarded(op)
		}}
	}
	return term{cel: func(not bool) string {
		if not {
			return "!(" + guarded(op) + ")"
		}
		return guarded(op)
	}}
}

// member is x in (1, 2), or the list of isin.
func (p *conditionParser) member(of term, negated bool) term {
	end := map[string]string{"(": ")", "[": "]"}[p.token]
	if end == "" {
		p.fail()
		return of
	}
	var items []string
	for p.next(); p.err == nil; p.need(",") {
		items = append(items, p.operand().cel(false))
		if p.accept(end) {
			break
		}
	}
	return p.known(of, of.cel(false)+" in ["+strings.Join(items, ", ")+"]", negated)
}

// known is a test of a value that is unknown in SQL, and false elsewhere, of null.
func (p *conditionParser) known(of term, test string, negated bool) term {
	present := of.cel(false) + " != null && "
	return term{cel: func(not bool) string {
		switch {
		case not != negated && p.sql:
			return "(" + present + "!(" + test + "))"
		case not != negated:
			return "!(" + present + test + ")"
		}
		return "(" + present + test + ")"
	}}
}

func (p *conditionParser) operand() term {
	token := p.token
	switch {
	case p.accept("("):
		inner := p.or()
		p.need(")")
		return p.methods(term{func(not bool) string { return inner.cel(not) }, inner.column})
	case p.accept("-"):
		return plain("-"+p.operand().cel(false), false)
	case token == "":
		p.fail()
		return plain("", false)
	case token[0] == '\'' || token[0] == '"':
		p.next()
		value, _ := text(token)
		return plain(strconv.Quote(value), false)
	case token[0] == '`':
		p.next()
		return p.methods(plain(quote(token[1:len(token)-1]), true))
	case token[0] >= '0' && token[0] <= '9':
		p.next()
		return plain(strings.TrimSuffix(token, "."), false)
	case slices.Contains([]string{"true", "false"}, strings.ToLower(token)):
		p.next()
		return plain(strings.ToLower(token), false)
	case !regexp.MustCompile(`^[A-Za-z_]`).MatchString(token):
		p.fail()
		return plain("", false)
	}
	p.next()
	if p.token != "(" {
		return p.methods(plain(quote(token), true))
	}
	if token != "col" {
		p.fail()
	}
	p.need("(")
	name, ok := text(p.token)
	if p.next(); !ok {
		p.fail()
	}
	p.need(")")
	return p.methods(plain(quote(name), true))
}

// methods are what pandas and GX call on a column.
func (p *conditionParser) methods(of term) term {
	for p.err == nil && p.token == "." {
		before := p.rest
		p.next()
		method := strings.ToLower(strings.ReplaceAll(p.token, "_", ""))
		p.next()
		switch method {
		case "notnull", "notna", "isnotnull":
			p.need("(")
			p.need(")")
			of = plain("("+of.cel(false)+" != null)", false)
		case "isnull", "isna":
			p.need("(")
			p.need(")")
			of = plain("("+of.cel(false)+" == null)", false)
		case "isin":
			p.need("(")
			of = p.member(of, false)
			p.need(")")
		default:
			p.token, p.rest = ".", before
			p.fail()
		}
	}
	return of
}

// text is what stands between quotes.
func text(token string) (string, bool) {
	if len(token) < 2 || token[0] != '\'' && token[0] != '"' {
		return "", false
	}
	return strings.ReplaceAll(token[1:len(token)-1], "''", "'"), true
}

// like is a pattern of SQL's LIKE as a regular expression.
func like(pattern string) string {
	var b strings.Builder
	for _, r := range pattern {
		switch r {
		case '%':
			b.WriteString(".*")
		case '_':
			b.WriteString(".")
		default:
			b.WriteString(regexp.QuoteMeta(string(r)))
		}
	}
	return "(?s)^" + b.String() + "$"
}

// tree is a condition as GX 1 writes it: {type: comparison, column: {name: a}, operator: ==, parameter: 1}.
func tree(c map[string]any) (string, error) {
	column := func() string {
		of, _ := c["column"].(map[string]any)
		name, _ := of["name"].(string)
		return quote(name)
	}
	switch c["type"] {
	case "and", "or":
		list, _ := c["conditions"].([]any)
		var parts []string
		for _, item := range list {
			of, _ := item.(map[string]any)
			part, err := tree(of)
			if err != nil {
				return "", err
			}
			parts = append(parts, "("+part+")")
		}
		if len(parts) > 0 {
			return strings.Join(parts, map[any]string{"and": " && ", "or": " || "}[c["type"]]), nil
		}
	case "nullity":
		if c["is_null"] == true {
			return column() + " == null", nil
		}
		return column() + " != null", nil
	case "comparison":
		operator := fmt.Sprint(c["operator"])
		value, ok := literal(c["parameter"])
		switch {
		case !ok:
		case slices.Contains([]string{"==", "!="}, operator):
			return column() + " " + operator + " " + value, nil
		case slices.Contains([]string{"<", "<=", ">", ">="}, operator):
			return column() + " != null && " + column() + " " + operator + " " + value, nil
		case operator == "IN":
			return column() + " in " + value, nil
		case operator == "NOT_IN":
			return "!(" + column() + " in " + value + ")", nil
		}
	}
	return "", refused("the row condition %v is not known", c)
}
