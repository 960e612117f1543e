package cel

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

var (
	plainName    = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	quotableName = regexp.MustCompile(`^[A-Za-z0-9_./ -]+$`) // what CEL lets stand between backticks
)

// reserved are the words that are no identifiers in CEL.
var reserved = map[string]bool{
	"as": true, "break": true, "const": true, "continue": true, "else": true, "false": true, "for": true,
	"function": true, "if": true, "import": true, "in": true, "let": true, "loop": true, "package": true,
	"namespace": true, "null": true, "return": true, "row": true, "true": true, "var": true, "void": true, "while": true,
}

// canonical writes a tree whose names are resolved as CEL that parses to the
// same tree. Digests of rules rest on it, so it must never change; this is why
// cel-go's own unparser is not used.
func (e *Env) canonical(x ast.Expr) string {
	var b strings.Builder
	e.write(&b, x)
	return b.String()
}

func (e *Env) write(b *strings.Builder, x ast.Expr) {
	switch x.Kind() {
	case ast.LiteralKind:
		b.WriteString(literalText(x.AsLiteral()))
	case ast.IdentKind:
		if i, ok := columnIndex(x.AsIdent()); ok && i < len(e.schema.Fields) {
			b.WriteString(columnText(e.schema.Fields[i].Name))
		} else if name, ok := elementName(x.AsIdent()); ok {
			b.WriteString(name)
		} else {
			b.WriteString(x.AsIdent())
		}
	case ast.SelectKind:
		e.operand(b, x.AsSelect().Operand(), 0, false)
		b.WriteString(".`" + x.AsSelect().FieldName() + "`")
	case ast.ListKind:
		e.list(b, "[", x.AsList().Elements(), "]")
	case ast.CallKind:
		e.call(b, x)
	}
}

func (e *Env) call(b *strings.Builder, x ast.Expr) {
	call := x.AsCall()
	name, args := call.FunctionName(), call.Args()
	precedence := operators.Precedence(name)
	switch {
	case name == operators.Conditional && len(args) == 3:
		e.operand(b, args[0], precedence, true)
		b.WriteString(" ? ")
		e.operand(b, args[1], precedence, true)
		b.WriteString(" : ")
		e.operand(b, args[2], precedence, false)
	case operators.Arity(name) == 2 && precedence > 1:
		sign, _ := operators.FindReverseBinaryOperator(name)
		associative := name == operators.LogicalAnd || name == operators.LogicalOr
		for i, a := range args {
			if i > 0 {
				b.WriteString(" " + sign + " ")
			}
			e.operand(b, a, precedence, i > 0 && !associative)
		}
	case operators.Arity(name) == 1:
		sign, _ := operators.FindReverse(name)
		b.WriteString(sign)
		e.operand(b, args[0], precedence, true)
	case name == operators.Index:
		e.operand(b, args[0], 0, false)
		e.list(b, "[", args[1:], "]")
	default:
		if call.IsMemberFunction() {
			e.operand(b, call.Target(), 0, false)
			b.WriteString(".")
		}
		b.WriteString(name)
		e.list(b, "(", args, ")")
	}
}

func (e *Env) list(b *strings.Builder, open string, elements []ast.Expr, end string) {
	b.WriteString(open)
	for i, x := range elements {
		if i > 0 {
			b.WriteString(", ")
		}
		e.write(b, x)
	}
	b.WriteString(end)
}

// operand writes x in parentheses if it binds less tightly than its parent, or
// (tight) no tighter. Precedence 0 stands for what a dot binds to.
func (e *Env) operand(b *strings.Builder, x ast.Expr, parent int, tight bool) {
	own := 0
	switch x.Kind() {
	case ast.CallKind:
		own = operators.Precedence(x.AsCall().FunctionName())
		if own == 1 { // an index binds like a dot
			own = 0
		}
	case ast.LiteralKind:
		if text := literalText(x.AsLiteral()); text[0] == '-' || parent == 0 && text[0] >= '0' && text[0] <= '9' {
			own = operators.Precedence(operators.Negate)
		}
	}
	if own > parent || own == parent && own > 0 && tight {
		b.WriteString("(")
		e.write(b, x)
		b.WriteString(")")
		return
	}
	e.write(b, x)
}

func columnText(name string) string {
	if plainName.MatchString(name) && !reserved[name] {
		return name
	}
	if quotableName.MatchString(name) {
		return "row.`" + name + "`"
	}
	return "row[" + quote(name) + "]"
}

// columnName is the variable of a column in trees; names of columns could clash
// with CEL's own.
func columnName(index int) string { return "c" + strconv.Itoa(index) }

func columnIndex(name string) (int, bool) {
	if len(name) < 2 || name[0] != 'c' {
		return 0, false
	}
	i, err := strconv.Atoi(name[1:])
	return i, err == nil
}

func literalText(v ref.Val) string {
	switch x := v.(type) {
	case types.Bool:
		return strconv.FormatBool(bool(x))
	case types.Int:
		return strconv.FormatInt(int64(x), 10)
	case types.Uint:
		return strconv.FormatUint(uint64(x), 10) + "u"
	case types.Double:
		s := strconv.FormatFloat(float64(x), 'g', -1, 64)
		if !strings.ContainsAny(s, ".eIN") {
			s += ".0"
		}
		return s
	case types.String:
		return quote(string(x))
	case types.Bytes:
		var b strings.Builder
		for _, c := range x {
			fmt.Fprintf(&b, `\%03o`, c)
		}
		return `b"` + b.String() + `"`
	}
	return "null"
}

func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// shortest is the shortest decimal text that reads as the double.
func shortest(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }
