package celtest

import (
	"fmt"
	"math/rand/v2"
)

// generator writes random expressions of a type. Most compile; those that do not
// (a scale above 38, say) are left out by the caller.
type generator struct{ *rand.Rand }

func (g *generator) pick(choices ...string) string { return choices[g.IntN(len(choices))] }

func (g *generator) condition(depth int) string {
	if depth <= 0 {
		return g.pick("b", "c", "true", "false", "i > 3", "s == null", "x < y", "d >= 0", "row.`Invoice No` == 'a'", "tags != null")
	}
	d := depth - 1
	switch g.IntN(17) {
	case 0, 1:
		return fmt.Sprintf("(%s && %s)", g.condition(d), g.condition(d))
	case 2, 3:
		return fmt.Sprintf("(%s || %s)", g.condition(d), g.condition(d))
	case 4:
		return "!" + g.condition(d)
	case 5:
		return fmt.Sprintf("(%s ? %s : %s)", g.condition(d), g.condition(d), g.condition(d))
	case 6:
		return fmt.Sprintf("(%s %s null)", g.any(d), g.pick("==", "!="))
	case 7:
		return fmt.Sprintf("%s.%s(%s)", g.text(d), g.pick("contains", "startsWith", "endsWith"), g.text(d-1))
	case 8:
		return fmt.Sprintf("%s.matches(%s)", g.text(d), g.pick("'^a'", "'b$'", "r'^\\d+$'", "'(?i)k'", "'a.b'", "'(?s)a.b'", "'^.$'", "'[é日]'", "''", "r'\\ba'", "'^[^@]*$'", "r'^\\s*\\w'"))
	case 9:
		return fmt.Sprintf("exists_in(%s, 'celtest_keys', 'id')", g.int(d))
	case 10:
		return g.member(d)
	case 11:
		return fmt.Sprintf("%s(%s)", g.pick("isNaN", "isInf", "math.isFinite"), g.double(d))
	case 12:
		kind := g.IntN(5)
		pair := []func(int) string{g.text, g.time, g.day, g.span, g.text}[kind]
		return fmt.Sprintf("(%s %s %s)", pair(d), g.pick("<", "<=", ">", ">=", "==", "!="), pair(d))
	case 13:
		return fmt.Sprintf("(%s %s %s)", g.condition(d), g.pick("==", "!="), g.condition(d))
	default:
		a, b := g.numbers(d)
		return fmt.Sprintf("(%s %s %s)", a, g.pick("<", "<=", ">", ">=", "==", "!="), b)
	}
}

// argument gives what an aggregate may look at: half of the time one operation
// on columns, which seldom errs, and else anything.
func (g *generator) argument(depth int) string {
	kinds := []func(int) string{g.int, g.double, g.decimal, g.text, g.time, g.day, g.condition}
	return kinds[g.IntN(len(kinds))](1 + g.IntN(2)*(depth-1))
}

// numbers gives two operands that may meet.
func (g *generator) numbers(d int) (a, b string) {
	kinds := []func(int) string{g.int, g.double}
	if g.IntN(2) == 0 {
		kinds = []func(int) string{g.int, g.decimal, g.decimalLiteral}
	}
	return kinds[g.IntN(len(kinds))](d), kinds[g.IntN(len(kinds))](d)
}

func (g *generator) member(d int) string {
	switch g.IntN(5) {
	case 0:
		return fmt.Sprintf("(%s in ['a', 'abc', %s])", g.text(d), g.text(0))
	case 1:
		return fmt.Sprintf("(%s in [1, -7, %s])", g.int(d), g.pick("3", "k", "j"))
	case 2:
		return fmt.Sprintf("(%s in [0.1, 2, %s])", g.double(d), g.pick("2.5", "y", "1e19"))
	case 3:
		return fmt.Sprintf("(%s in [0, 1.5, 999])", g.decimal(d))
	}
	return fmt.Sprintf("(%s in [date('2024-02-29'), %s])", g.day(d), g.pick("da", "db"))
}

func (g *generator) any(d int) string {
	return []func(int) string{g.int, g.double, g.decimal, g.text, g.time, g.day, g.condition, func(int) string { return g.pick("tags", "bin") }}[g.IntN(8)](d)
}

func (g *generator) int(depth int) string {
	if depth <= 0 || g.IntN(4) == 0 {
		return g.pick("i", "k", "j", "tiny", "0", "1", "-1", "2", "7", "9223372036854775807", "-9223372036854775808", "size(s)", "3037000500")
	}
	d := depth - 1
	switch g.IntN(10) {
	case 0:
		return "(-" + g.int(d) + ")"
	case 1:
		return "abs(" + g.int(d) + ")"
	case 2:
		return g.pick("size("+g.text(d)+")", "bin.size()", "size(tags)")
	case 3:
		return fmt.Sprintf("int(%s)", g.pick(g.double(d), g.decimal(d), g.text(d), g.time(d)))
	case 4:
		return fmt.Sprintf("%s.%s()", g.time(d), g.pick("getFullYear", "getMonth", "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear", "getHours", "getMinutes", "getSeconds", "getMilliseconds"))
	case 5:
		return fmt.Sprintf("%s.%s()", g.day(d), g.pick("getFullYear", "getMonth", "getDayOfWeek", "getDayOfYear"))
	case 6:
		return fmt.Sprintf("(%s ? %s : %s)", g.condition(d), g.int(d), g.int(d))
	}
	return fmt.Sprintf("(%s %s %s)", g.int(d), g.pick("+", "-", "*", "/", "%"), g.int(d))
}

func (g *generator) double(depth int) string {
	if depth <= 0 || g.IntN(4) == 0 {
		return g.pick("x", "y", "v", "f", "0.0", "1.5", "-2.5", "1e19", "0.1", "1e-300", "9007199254740993.0")
	}
	d := depth - 1
	switch g.IntN(8) {
	case 0:
		return "(-" + g.double(d) + ")"
	case 1:
		return fmt.Sprintf("%s(%s)", g.pick("abs", "round", "floor", "ceil", "math.abs"), g.double(d))
	case 2:
		return fmt.Sprintf("double(%s)", g.pick(g.int(d), g.decimal(d), g.text(d)))
	case 3:
		return fmt.Sprintf("(%s ? %s : %s)", g.condition(d), g.double(d), g.pick(g.double(d), g.int(d)))
	case 4:
		return fmt.Sprintf("(%s %s %s)", g.int(d), g.pick("+", "-", "*", "/"), g.double(d))
	}
	return fmt.Sprintf("(%s %s %s)", g.double(d), g.pick("+", "-", "*", "/"), g.double(d))
}

func (g *generator) decimalLiteral(int) string {
	return g.pick("0.5", "1.25", "-999.999", "0.001", "1e10", "100.0")
}

func (g *generator) decimal(depth int) string {
	if depth <= 0 || g.IntN(4) == 0 {
		return g.pick("d", "e", "h", "z", "d", "e")
	}
	d := depth - 1
	switch g.IntN(9) {
	case 0:
		return "(-" + g.decimal(d) + ")"
	case 1:
		return fmt.Sprintf("%s(%s)", g.pick("abs", "round", "floor", "ceil"), g.decimal(d))
	case 2:
		return fmt.Sprintf("round(%s, %d)", g.decimal(d), g.IntN(5))
	case 3:
		return fmt.Sprintf("div(%s, %s, %d)", g.pick(g.decimal(d), g.int(d)), g.pick(g.decimal(d), g.int(d)), g.IntN(8))
	case 4:
		return fmt.Sprintf("(%s ? %s : %s)", g.condition(d), g.decimal(d), g.pick(g.decimal(d), g.int(d), g.decimalLiteral(0)))
	case 5:
		return fmt.Sprintf("(%s %s %s)", g.int(d), g.pick("+", "-", "*"), g.decimal(d))
	case 6:
		return fmt.Sprintf("(%s %s %s)", g.decimal(d), g.pick("+", "-", "*"), g.decimalLiteral(0))
	}
	return fmt.Sprintf("(%s %s %s)", g.decimal(d), g.pick("+", "-", "*"), g.decimal(d))
}

func (g *generator) text(depth int) string {
	if depth <= 0 || g.IntN(3) == 0 {
		return g.pick("s", "u", "row.`Invoice No`", "'a'", "''", "'é'", "'12'", "\"it's\"", "'\\n'")
	}
	d := depth - 1
	switch g.IntN(4) {
	case 0:
		return fmt.Sprintf("(%s + %s)", g.text(d), g.text(d))
	case 1:
		return fmt.Sprintf("%s.%s()", g.text(d), g.pick("trim", "lowerAscii", "upperAscii"))
	case 2:
		return fmt.Sprintf("string(%s)", g.pick(g.int(d), g.decimal(d), g.condition(d), "da", g.text(d)))
	}
	return fmt.Sprintf("(%s ? %s : %s)", g.condition(d), g.text(d), g.text(d))
}

func (g *generator) time(depth int) string {
	if depth <= 0 || g.IntN(3) == 0 {
		return g.pick("ts", "tn", "timestamp('2024-02-29T12:00:00.5+02:00')", "now()")
	}
	d := depth - 1
	switch g.IntN(5) {
	case 0:
		return fmt.Sprintf("timestamp(%s)", g.day(d))
	case 1:
		return fmt.Sprintf("timestamp(%s)", g.int(d))
	case 2:
		return fmt.Sprintf("(%s ? %s : %s)", g.condition(d), g.time(d), g.time(d))
	}
	return fmt.Sprintf("(%s %s %s)", g.time(d), g.pick("+", "-"), g.span(d))
}

func (g *generator) span(depth int) string {
	if depth <= 0 || g.IntN(2) == 0 {
		return g.pick("duration('36h')", "duration('-1us')", "duration('0s')", "duration('2540400h')")
	}
	d := depth - 1
	if g.IntN(3) == 0 {
		return fmt.Sprintf("(%s %s %s)", g.span(d), g.pick("+", "-"), g.span(d))
	}
	if g.IntN(3) == 0 {
		return fmt.Sprintf("(%s - %s)", g.day(d), g.day(d))
	}
	return fmt.Sprintf("(%s - %s)", g.time(d), g.time(d))
}

func (g *generator) day(depth int) string {
	if depth <= 0 || g.IntN(2) == 0 {
		return g.pick("da", "db", "date('1970-01-01')")
	}
	d := depth - 1
	if g.IntN(2) == 0 {
		return fmt.Sprintf("date(%s)", g.time(d))
	}
	return fmt.Sprintf("(%s ? %s : %s)", g.condition(d), g.day(d), g.day(d))
}
