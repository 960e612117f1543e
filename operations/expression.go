package operations

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/table"
)

// Tables carry SQL of Spark: constraints, invariants, generated columns. What of it
// means the same in the engine, after the casts that Spark makes of itself, is
// written as the engine's SQL; all else is refused by name. An expression that
// would go wrong in Spark only by some settings (overflow) is an error here.

// expression is SQL of the engine and its type.
type expression struct {
	sql     string
	t       table.Type
	literal *string // of a constant, as it was written
}

// foreign is a piece of an expression that may mean something else here.
type foreign struct {
	piece  string
	column bool // it is the name of a column that is not there
}

func (e *foreign) Error() string { return e.piece + " may mean something else in this engine" }

// words are the texts, numbers, signs and names that SQL is made of.
var words = regexp.MustCompile("^(?:'(?:[^']|'')*'|`[^`]+`|[0-9]+(?:\\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|<=>|<=|>=|<>|!=|==|\\|\\||[=<>(),+*/%.-]|[A-Za-z_][A-Za-z0-9_]*)")

// parser reads one expression from left to right.
type parser struct {
	words   []string
	at      int
	schema  table.Schema
	columns map[string]string // SQL for columns that are not what they are called
	dialect engine.Dialect
}

// translate gives the engine's SQL of an expression of Spark over columns, which
// columns says the SQL of by name where it is not the name. The error is a *foreign
// for what does not mean the same.
func translate(sql string, schema table.Schema, columns map[string]string, d engine.Dialect) (out expression, err error) {
	p := &parser{schema: schema, columns: columns, dialect: d}
	for rest := strings.TrimSpace(sql); rest != ""; rest = strings.TrimSpace(rest) {
		word := words.FindString(rest)
		if word == "" {
			return out, &foreign{piece: rest[:strings.IndexFunc(rest+" ", func(r rune) bool { return r == ' ' })]}
		}
		p.words, rest = append(p.words, word), rest[len(word):]
	}
	defer func() {
		if r := recover(); r != nil {
			f, ok := r.(*foreign)
			if !ok {
				panic(r)
			}
			err = f
		}
	}()
	out = p.or()
	if p.at < len(p.words) {
		p.refuse("%s", p.words[p.at])
	}
	return out, nil
}

// refuse ends the translation.
func (p *parser) refuse(format string, args ...any) {
	panic(&foreign{piece: fmt.Sprintf(format, args...)})
}

// peek is the next word, in lower case; "" at the end.
func (p *parser) peek() string {
	if p.at >= len(p.words) {
		return ""
	}
	return strings.ToLower(p.words[p.at])
}

// next takes the next word as it is.
func (p *parser) next() string {
	if p.at >= len(p.words) {
		p.refuse("the end of the expression")
	}
	p.at++
	return p.words[p.at-1]
}

// accept takes the words if they come next.
func (p *parser) accept(words ...string) bool {
	for i, w := range words {
		if p.at+i >= len(p.words) || strings.ToLower(p.words[p.at+i]) != w {
			return false
		}
	}
	p.at += len(words)
	return true
}

func (p *parser) expect(word string) {
	if !p.accept(word) {
		p.refuse("%s instead of %s", p.next(), word)
	}
}

var truth = table.Type{Kind: table.Bool}

func (p *parser) condition(e expression) expression {
	if e.t.Kind != table.Bool {
		p.refuse("%s as a condition", e.sql)
	}
	return e
}

// operand is a condition that was read last: what follows one that is none is at fault.
func (p *parser) operand(e expression) expression {
	if next := p.peek(); e.t.Kind != table.Bool && next != "" && next != ")" && next != "," && next != "and" && next != "or" {
		p.refuse("%s", p.words[p.at])
	}
	return p.condition(e)
}

func (p *parser) or() expression {
	e := p.and()
	for p.accept("or") {
		e = expression{sql: "(" + p.condition(e).sql + " OR " + p.operand(p.and()).sql + ")", t: truth}
	}
	return e
}

func (p *parser) and() expression {
	e := p.not()
	for p.accept("and") {
		e = expression{sql: "(" + p.condition(e).sql + " AND " + p.operand(p.not()).sql + ")", t: truth}
	}
	return e
}

func (p *parser) not() expression {
	if p.accept("not") {
		return expression{sql: "(NOT " + p.operand(p.not()).sql + ")", t: truth}
	}
	return p.predicate()
}

// comparing are the signs of comparison, and what the engine calls them.
var comparing = map[string]string{"=": "=", "==": "=", "<>": "<>", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">=", "<=>": "IS NOT DISTINCT FROM"}

func (p *parser) predicate() expression {
	e := p.sum()
	if op, ok := comparing[p.peek()]; ok {
		p.at++
		pair := p.alike(e, p.sum())
		if _, again := comparing[p.peek()]; again {
			p.refuse("%s after a comparison", p.next())
		}
		return expression{sql: fmt.Sprintf("(%s %s %s)", pair[0].sql, op, pair[1].sql), t: truth}
	}
	if p.accept("is", "null") {
		return expression{sql: "(" + e.sql + " IS NULL)", t: truth}
	}
	if p.accept("is", "not", "null") {
		return expression{sql: "(" + e.sql + " IS NOT NULL)", t: truth}
	}
	not := map[bool]string{true: "NOT ", false: ""}[p.accept("not")]
	switch {
	case p.accept("in"):
		p.expect("(")
		list := append([]expression{e}, p.list()...)
		if len(list) < 2 {
			p.refuse("an empty list")
		}
		list = p.alike(list...)
		return expression{sql: "(" + list[0].sql + " " + not + "IN (" + joined(list[1:]) + "))", t: truth}
	case p.accept("between"):
		low := p.sum()
		p.expect("and")
		all := p.alike(e, low, p.sum())
		return expression{sql: fmt.Sprintf("(%s %sBETWEEN %s AND %s)", all[0].sql, not, all[1].sql, all[2].sql), t: truth}
	case p.accept("like"):
		pattern := p.sum()
		if e.t.Kind != table.String || pattern.t.Kind != table.String || pattern.literal == nil {
			p.refuse("like %s", pattern.sql) // a pattern could hold backslashes
		}
		return expression{sql: "(" + e.sql + " " + not + "LIKE " + pattern.sql + ")", t: truth}
	case not != "":
		p.refuse("not %s", p.next())
	}
	return e
}

// list reads the rest of a list in parentheses.
func (p *parser) list() (out []expression) {
	for !p.accept(")") {
		if len(out) > 0 {
			p.expect(",")
		}
		out = append(out, p.or())
	}
	return out
}

func joined(list []expression) string {
	out := make([]string, len(list))
	for i, e := range list {
		out[i] = e.sql
	}
	return strings.Join(out, ", ")
}

func (p *parser) sum() expression {
	e := p.product()
	for {
		switch op := p.peek(); op {
		case "+", "-":
			p.at++
			e = p.arithmetic(op, e, p.product())
		case "||":
			p.at++
			other := p.product()
			if e.t.Kind != table.String || other.t.Kind != table.String {
				p.refuse("|| of what is no text")
			}
			e = expression{sql: "(" + e.sql + " || " + other.sql + ")", t: e.t}
		default:
			return e
		}
	}
}

func (p *parser) product() expression {
	e := p.sign()
	for {
		switch op := p.peek(); op {
		case "*", "%":
			p.at++
			e = p.arithmetic(op, e, p.sign())
		default:
			return e
		}
	}
}

func (p *parser) sign() expression {
	if !p.accept("-") {
		return p.primary()
	}
	e := p.sign()
	if !number(e.t) {
		p.refuse("- of %s", e.sql)
	}
	out := expression{sql: "(- " + e.sql + ")", t: e.t}
	if e.literal != nil && !strings.HasPrefix(*e.literal, "-") {
		out.literal = new("-" + *e.literal)
	}
	return out
}

func (p *parser) primary() expression {
	word := p.next()
	lower := strings.ToLower(word)
	switch c := word[0]; {
	case c == '(':
		e := p.or()
		p.expect(")")
		e.sql, e.literal = "("+e.sql+")", nil
		return e
	case c == '\'':
		return p.constant(word)
	case c >= '0' && c <= '9':
		return p.number(word)
	case lower == "true" || lower == "false":
		return expression{sql: lower, t: truth}
	case (lower == "date" || lower == "timestamp_ntz") && p.at < len(p.words) && p.words[p.at][0] == '\'':
		return p.typed(p.constant(p.next()), map[string]table.Kind{"date": table.Date, "timestamp_ntz": table.TimestampNTZ}[lower])
	case lower == "cast" && p.accept("("):
		e := p.or()
		p.expect("as")
		e = p.cast(e, p.typeName())
		p.expect(")")
		return e
	case p.peek() == "(" && c != '`':
		p.at++
		return p.call(lower, p.list())
	}
	return p.column(word)
}

// constant is a text. In Spark's a backslash begins an escape, and 'a”b' is ab.
func (p *parser) constant(word string) expression {
	text := word[1 : len(word)-1]
	if strings.ContainsAny(text, `\'`) || p.at < len(p.words) && p.words[p.at][0] == '\'' {
		p.refuse("%s", word)
	}
	return expression{sql: word, t: table.Type{Kind: table.String}, literal: &text}
}

func (p *parser) number(word string) expression {
	if strings.ContainsAny(word, "eE") {
		return expression{sql: "CAST(" + word + " AS DOUBLE)", t: table.Type{Kind: table.Double}, literal: &word}
	}
	if whole, part, ok := strings.Cut(word, "."); ok {
		whole = strings.TrimLeft(whole, "0")
		precision := max(len(whole)+len(part), 1)
		if precision > 38 {
			p.refuse("%s", word)
		}
		t := table.Type{Kind: table.Decimal, Precision: precision, Scale: len(part)}
		return expression{sql: p.as(word, t), t: t, literal: &word}
	}
	n, err := strconv.ParseInt(word, 10, 64)
	if err != nil {
		p.refuse("%s", word)
	}
	t := table.Type{Kind: table.Int32}
	if n > 1<<31-1 {
		t.Kind = table.Int64
	}
	return expression{sql: p.as(word, t), t: t, literal: &word}
}

// keywords are words of Spark's SQL that may stand where a column's name may.
var keywords = map[string]bool{"array": true, "case": true, "current_date": true, "current_timestamp": true, "current_user": true, "exists": true,
	"extract": true, "interval": true, "map": true, "null": true, "struct": true, "timestamp": true, "timestamp_ltz": true}

// column is a column, or a field of one.
func (p *parser) column(word string) expression {
	fields, sql := p.schema.Fields, ""
	for {
		f, ok := fold(table.Schema{Fields: fields}, strings.Trim(word, "`"))
		if c := word[0]; c != '`' && c != '_' && (c|0x20 < 'a' || c|0x20 > 'z') {
			p.refuse("%s", word)
		}
		if !ok {
			panic(&foreign{piece: word, column: !keywords[strings.ToLower(word)]})
		}
		switch other, ok := p.columns[f.Name]; {
		case sql != "":
			sql = "struct_extract(" + sql + ", " + p.dialect.Literal(f.Name) + ")"
		case ok:
			sql = other
		default:
			sql = p.dialect.Ident(f.Name)
		}
		if fields = f.Type.Fields; f.Type.Kind != table.Struct || !p.accept(".") {
			return expression{sql: sql, t: f.Type}
		}
		word = p.next()
	}
}

// typeName reads the name of a plain type.
func (p *parser) typeName() table.Type {
	word := p.next()
	kinds := map[string]table.Kind{"boolean": table.Bool, "byte": table.Int8, "tinyint": table.Int8, "short": table.Int16, "smallint": table.Int16,
		"int": table.Int32, "integer": table.Int32, "long": table.Int64, "bigint": table.Int64, "double": table.Double, "string": table.String,
		"date": table.Date, "decimal": table.Decimal, "dec": table.Decimal, "numeric": table.Decimal}
	kind, ok := kinds[strings.ToLower(word)]
	if !ok {
		p.refuse("cast as %s", word)
	}
	t := table.Type{Kind: kind}
	if kind == table.Decimal {
		if t.Precision = 10; p.accept("(") {
			t.Precision, _ = strconv.Atoi(p.next())
			if p.accept(",") {
				t.Scale, _ = strconv.Atoi(p.next())
			}
			p.expect(")")
		}
		if t.Precision < 1 || t.Precision > 38 || t.Scale > t.Precision {
			p.refuse("cast as %s", t)
		}
	}
	return t
}
