package celtest

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// generator writes random expressions of a type. Most compile; those that do not
// (a scale above 38, say) are left out by the caller.
type generator struct {
	*rand.Rand
	elements []element // that are in scope
}

// element is the name of an element and the kind of value that it is.
type element struct{ name, kind string }

func (g *generator) pick(choices ...string) string { return choices[g.IntN(len(choices))] }

// leaf is a name of a kind: one of choices, or an element in scope.
func (g *generator) leaf(kind string, choices ...string) string {
	for _, e := range g.elements {
		if e.kind == kind && g.IntN(2) == 0 {
			return e.name
		}
	}
	return g.pick(choices...)
}

// over writes a call over the elements of a list or the keys of a map.
func (g *generator) over(list, kind, call string, body func(int) string, depth int) string {
	name := fmt.Sprintf("v%d", len(g.elements))
	g.elements = append(g.elements, element{name, kind})
	text := fmt.Sprintf("%s.%s(%s, %s)", list, call, name, body(depth))
	g.elements = g.elements[:len(g.elements)-1]
	return text
}

func (g *generator) condition(depth int) string {
	if depth <= 0 {
		return g.pick("b", "c", "true", "false", "i > 3", "s == null", "x < y", "d >= 0", "row.`Invoice No` == 'a'", "tags != null")
	}
	d := depth - 1
	switch g.IntN(26) {
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
		return g.lookup(d)
	case 10:
		return g.member(d)
	case 11:
		return fmt.Sprintf("%s(%s)", g.pick("isNaN", "isInf", "math.isFinite"), g.double(d))
	case 12:
		pair := []func(int) string{g.text, g.time, g.day, g.span, g.text}[g.IntN(5)]
		return fmt.Sprintf("(%s %s %s)", pair(d), g.pick("<", "<=", ">", ">=", "==", "!="), pair(d))
	case 13:
		return fmt.Sprintf("(%s %s %s)", g.condition(d), g.pick("==", "!="), g.condition(d))
	case 14:
		return g.format(d)
	case 15, 16, 17:
		return g.collection(d)
	case 18:
		return g.other(d)
	case 19:
		return g.beyondRow(d)
	default:
		a, b := g.numbers(d)
		return fmt.Sprintf("(%s %s %s)", a, g.pick("<", "<=", ">", ">=", "==", "!="), b)
	}
}

// lookup is a condition on another table.
func (g *generator) lookup(d int) string {
	type key struct{ x, column string }
	draw := func() key {
		return []func() key{
			func() key { return key{g.int(d), "id"} },
			func() key { return key{g.text(d), "name"} },
			func() key { return key{g.decimal(d), "fee"} },
			func() key { return key{g.time(d), "at"} },
			func() key { return key{g.day(d), "day"} },
			func() key { return key{g.condition(d), "flag"} },
			func() key { return key{g.bytes(d), "raw"} },
		}[g.IntN(7)]()
	}
	var values, columns string
	for range 1 + max(0, g.IntN(6)-2) {
		k := draw()
		values, columns = values+k.x+", ", columns+", '"+k.column+"'"
	}
	return "exists_in(" + values + "'celtest_keys'" + columns + ")"
}

// other is a condition on bytes, truth values, durations and lists of any of them.
func (g *generator) other(d int) string {
	compare := g.pick("<", "<=", ">", ">=", "==", "!=")
	switch g.IntN(8) {
	case 0, 1:
		return fmt.Sprintf("(%s %s %s)", g.bytes(d), compare, g.bytes(d))
	case 2:
		return fmt.Sprintf("(%s %s %s)", g.condition(d), compare, g.condition(d))
	case 3:
		return fmt.Sprintf("bool(%s)", g.pick("code", g.text(d), g.condition(d), "string("+g.condition(d)+")"))
	case 4:
		return fmt.Sprintf("(%s in [%s, b'abc'])", g.bytes(d), g.bytes(0))
	case 5:
		return fmt.Sprintf("((%s ? %s : %s) %s %s)", g.condition(d), g.span(d), g.span(d), compare, g.span(d))
	case 6:
		return fmt.Sprintf("(%s in [%s, duration('36h')])", g.span(d), g.span(d))
	}
	return "(" + g.pick(g.condition(d)+" in [b, "+g.condition(d)+"]", g.time(d)+" in times", g.time(d)+" in [ts, "+g.time(d)+"]", g.int(d)+" in rates", g.double(d)+" in nums",
		g.int(d)+" in fees", g.decimal(d)+" in nums", "["+g.day(d)+", da].sort() == [da, db]", "["+g.condition(d)+", b].sort() == [c, b]", "["+g.bytes(d)+", bin].sort()[0] == bin",
		"["+g.time(d)+", ts].sort() == times", "["+g.span(d)+", duration('0s')].sort()[0] < "+g.span(d), "items.map(it, it.price) == fees.filter(el, el > "+g.decimal(d)+")",
		"counts.map(key, counts[key]) == nums", "counts.filter(key, key != 'a') == tags") + ")"
}

// beyondRow is a condition on a row and what others of its table hold.
func (g *generator) beyondRow(d int) string {
	kinds := []func(int) string{g.int, g.decimal, g.text, g.time, g.day}
	value := kinds[g.IntN(len(kinds))]
	compare := g.pick("<", "<=", ">", ">=", "==", "!=")
	if g.IntN(2) == 0 {
		return fmt.Sprintf("(%s %s %s(%s))", value(0), compare, g.pick("min", "max", "mode", "mean"), value(d))
	}
	if g.IntN(4) == 0 {
		return fmt.Sprintf("(alike(%s%s) %s %s)", value(d), g.pick("", ", b", ", s", ", n % 2", ", x"), compare, g.int(0))
	}
	order, partition := g.pick("n", "ts", "da", "s", "x", "i", "n % 3"), g.pick("", "", ", b", ", n % 2", ", s", ", tiny, c")
	return fmt.Sprintf("(%s(%s, %s%s) %s %s)", g.pick("lag", "lag_down"), value(d), order, partition, compare, g.pick("null", value(0)))
}

// aggregate is what a table rule compares. Doubles are moderate where they are added,
// since a sum of others depends on the order of rows.
func (g *generator) aggregate(d int) string {
	exact := g.pick(g.int(d), g.decimal(d))
	ordered := []func(int) string{g.int, g.decimal, g.text, g.time, g.day, g.double}[g.IntN(6)](d)
	order := g.pick("n", "s", "x", "i", "da")
	switch g.IntN(12) {
	case 0:
		return fmt.Sprintf("%s(%s)", g.pick("count", "share"), g.condition(d))
	case 1:
		return fmt.Sprintf("nulls(%s)", g.any(d))
	case 2:
		return fmt.Sprintf("%s(%s)", g.pick("nans", "infs"), g.double(d))
	case 3, 4:
		return fmt.Sprintf("%s(%s)", g.pick("sum", "mean"), g.pick(exact, exact, "v", "v * 2.0"))
	case 5:
		return fmt.Sprintf("%s(%s)", g.pick("median", "stddev", "variance", "stddev_pop", "variance_pop"), g.pick("v", "v + 1.0", "n", "n % 3"))
	case 6:
		return fmt.Sprintf("%s(%s, %s)", g.pick("quantile", "nearest_quantile"), exact, g.pick("0", "0.25", "0.333", "1"))
	case 7:
		return fmt.Sprintf("%s(%s, %s%s)", g.pick("falls", "rises", "stays"), ordered, order, g.pick("", ", b", ", n % 3"))
	case 8:
		return fmt.Sprintf("%s(%s, %s)", g.pick("duplicates", "duplicates_or_nulls"), ordered, g.pick("b", "s", "n % 2", "i"))
	case 9:
		return fmt.Sprintf("missing(%s, 'celtest_keys', 'id')", g.int(d))
	}
	return fmt.Sprintf("%s(%s)", g.pick("min", "max", "distinct", "mode", "modes", "mode_rows", "duplicates"), ordered)
}

// format is a function of the formats of text.
func (g *generator) format(d int) string {
	x := g.text(d)
	if g.IntN(2) == 0 {
		x = "code"
	}
	if g.IntN(4) == 0 {
		return fmt.Sprintf(g.pick("inCIDR(%s, '10.0.0.0/8')", "inCIDR(%s, '0.0.0.0/1')", "isDate(%s, '%%d.%%m.%%Y')", "isDate(%s, '%%Y-%%m-%%d')", "isTimestamp(%s, '%%Y-%%m-%%d %%H:%%M:%%S')"), x)
	}
	return fmt.Sprintf("%s(%s)", g.pick("isEmail", "isUUID", "isURL", "isHostname", "isIPv4", "isIPv6", "isIP", "isMACAddress", "isPhone", "isHexColor", "isBase64", "isBIC", "isSlug",
		"luhn", "isCreditCard", "isIMEI", "isIBAN", "isEAN", "isISSN", "isISBN10", "isISBN13", "isISBN", "isISIN", "isISOCountry", "isISOCountry2", "isISOCountry3",
		"isCountryName", "isTopLevelDomain", "isISOCurrency", "isISOLanguage", "isUSState", "isPrivateIP"), x)
}

// collection is a condition on lists, maps and structs.
func (g *generator) collection(d int) string {
	switch g.IntN(14) {
	case 0:
		return g.over(g.ints(d), "int", g.pick("all", "exists", "exists_one"), g.condition, d)
	case 1:
		return g.over(g.texts(d), "text", g.pick("all", "exists", "exists_one"), g.condition, d)
	case 2:
		return g.over(g.pick("rates", "rates.reverse()"), "double", g.pick("all", "exists", "exists_one"), g.condition, d)
	case 3:
		return g.over(g.pick("fees", "fees.sort()"), "decimal", g.pick("all", "exists", "exists_one"), g.condition, d)
	case 4:
		return g.over("times", "time", g.pick("all", "exists", "exists_one"), g.condition, d)
	case 5:
		return g.over("items", "item", g.pick("all", "exists", "exists_one"), g.condition, d)
	case 6:
		return g.over("counts", "text", g.pick("all", "exists", "exists_one"), g.condition, d)
	case 7:
		return g.over("names", "int", g.pick("all", "exists"), g.condition, d)
	case 8:
		return fmt.Sprintf("(%s %s %s)", g.ints(d), g.pick("==", "!="), g.ints(d))
	case 9:
		return fmt.Sprintf("(%s %s %s)", g.texts(d), g.pick("==", "!="), g.texts(d))
	case 10:
		return fmt.Sprintf("sets.%s(%s, %s)", g.pick("contains", "equivalent", "intersects"), g.ints(d), g.ints(d))
	case 11:
		return fmt.Sprintf("sets.%s(%s, %s)", g.pick("contains", "equivalent", "intersects"), g.texts(d), g.texts(d))
	case 12:
		return g.pick("has(addr.city)", "has(addr)", "has(counts.a)", "has(addr.fee)", "addr == null", "items[0].sku == null", "counts.b == null")
	}
	return fmt.Sprintf("(%s)", g.pick(g.text(d)+" in "+g.texts(d), g.int(d)+" in "+g.ints(d), g.double(d)+" in rates", g.decimal(d)+" in fees", g.text(d)+" in counts", g.int(d)+" in names"))
}

func (g *generator) ints(depth int) string {
	if depth <= 0 || g.IntN(3) == 0 {
		return g.pick("nums", "[1, 2]", "lists.range(3)", "[i, k]")
	}
	d := depth - 1
	switch g.IntN(11) {
	case 9:
		return fmt.Sprintf("(%s + %s)", g.ints(d), g.ints(d))
	case 0:
		return fmt.Sprintf("[%s, %s]", g.int(d), g.int(d))
	case 1:
		return g.over(g.ints(d), "int", "filter", g.condition, d)
	case 2:
		return g.over(g.ints(d), "int", "map", g.int, d)
	case 3:
		return g.over(g.texts(d), "text", "map", g.int, d)
	case 4:
		return fmt.Sprintf("%s.%s()", g.ints(d), g.pick("sort", "reverse"))
	case 5:
		return fmt.Sprintf("%s.slice(%s, %s)", g.ints(d), g.pick("0", "1", g.int(0)), g.pick("1", "2", g.int(0)))
	case 6:
		return fmt.Sprintf("[%s, %s].flatten()", g.ints(d), g.ints(d))
	case 7:
		return fmt.Sprintf("(%s ? %s : %s)", g.condition(d), g.ints(d), g.ints(d))
	case 8:
		return g.over("items", "item", "map", g.int, d)
	}
	return fmt.Sprintf("lists.range(%s)", g.int(d))
}

func (g *generator) texts(depth int) string {
	if depth <= 0 || g.IntN(3) == 0 {
		return g.pick("tags", "['a', 'b']", "[s, u]", "code.split('.')")
	}
	d := depth - 1
	switch g.IntN(8) {
	case 6:
		return fmt.Sprintf("(%s + %s)", g.texts(d), g.texts(d))
	case 0:
		return fmt.Sprintf("[%s, %s]", g.text(d), g.text(d))
	case 1:
		return g.over(g.texts(d), "text", "filter", g.condition, d)
	case 2:
		return g.over(g.texts(d), "text", "map", g.text, d)
	case 3:
		return g.over(g.ints(d), "int", "map", g.text, d)
	case 4:
		return fmt.Sprintf("%s.%s()", g.texts(d), g.pick("sort", "reverse"))
	case 5:
		return fmt.Sprintf("%s.slice(0, %s)", g.texts(d), g.pick("1", "2", g.int(0)))
	}
	return fmt.Sprintf("%s.split(%s)", g.text(d), g.pick("'a'", "','", "'é'", "'ab'"))
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
	return []func(int) string{g.int, g.double, g.decimal, g.text, g.time, g.day, g.condition, g.texts, g.ints, g.bytes, func(int) string {
		return g.pick("tags", "bin", "addr", "items", "items[0]", "counts", "nums", "addr.city", "counts['a']", "names[1]", "nums[0]")
	}}[g.IntN(11)](d)
}

func (g *generator) int(depth int) string {
	if depth <= 0 || g.IntN(4) == 0 {
		if g.IntN(3) == 0 {
			for _, e := range g.elements {
				if e.kind == "item" {
					return e.name + ".n"
				}
			}
			return g.leaf("int", "nums[0]", "counts['a']", "addr.zip", "items[0].n", "nums[1]")
		}
		return g.leaf("int", "i", "k", "j", "tiny", "0", "1", "-1", "2", "7", "9223372036854775807", "-9223372036854775808", "size(s)", "3037000500")
	}
	d := depth - 1
	switch g.IntN(18) {
	case 0:
		return "(-" + g.int(d) + ")"
	case 1:
		return g.pick("abs", "sign") + "(" + g.int(d) + ")"
	case 2:
		return g.pick("size("+g.text(d)+")", "bin.size()", "size(tags)", g.ints(d)+".size()", g.texts(d)+".size()", "size(counts)")
	case 3:
		return fmt.Sprintf("int(%s)", g.pick(g.double(d), g.decimal(d), g.text(d), g.time(d), g.int(d)))
	case 4:
		zone := g.pick("", "", "'+02:00'", "'-11:30'", "'UTC'")
		return fmt.Sprintf("%s.%s(%s)", g.time(d), g.pick("getFullYear", "getMonth", "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear", "getHours", "getMinutes", "getSeconds", "getMilliseconds"), zone)
	case 5:
		return fmt.Sprintf("%s.%s()", g.day(d), g.pick("getFullYear", "getMonth", "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear"))
	case 6:
		return fmt.Sprintf("(%s ? %s : %s)", g.condition(d), g.int(d), g.int(d))
	case 7:
		return fmt.Sprintf("math.%s(%s, %s)", g.pick("greatest", "least", "bitAnd", "bitOr", "bitXor", "bitShiftRight"), g.int(d), g.int(d))
	case 8:
		return fmt.Sprintf("math.%s(%s)", g.pick("bitNot", "sign"), g.int(d))
	case 9:
		return fmt.Sprintf("%s.indexOf(%s%s)", g.text(d), g.text(d), g.pick("", "", ", "+g.int(d)))
	case 10:
		return fmt.Sprintf("%s.lastIndexOf(%s)", g.text(d), g.pick("'a'", "'é'", "'ab'", "'b'"))
	case 11:
		return fmt.Sprintf("%s[%s]", g.ints(d), g.pick("0", "1", g.int(d)))
	case 12:
		return fmt.Sprintf("math.%s(%s)", g.pick("greatest", "least"), g.ints(d))
	case 13:
		return fmt.Sprintf("decimalPlaces(%s)", g.decimal(d))
	}
	return fmt.Sprintf("(%s %s %s)", g.int(d), g.pick("+", "-", "*", "/", "%"), g.int(d))
}

func (g *generator) double(depth int) string {
	if depth <= 0 || g.IntN(4) == 0 {
		return g.leaf("double", "x", "y", "v", "f", "0.0", "1.5", "-2.5", "1e19", "0.1", "1e-300", "9007199254740993.0", "rates[0]", "addr.rate")
	}
	d := depth - 1
	switch g.IntN(10) {
	case 0:
		return "(-" + g.double(d) + ")"
	case 1:
		return fmt.Sprintf("%s(%s)", g.pick("abs", "round", "floor", "ceil", "math.abs", "trunc", "sign", "sqrt"), g.double(d))
	case 2:
		return fmt.Sprintf("double(%s)", g.pick(g.int(d), g.decimal(d), g.text(d), g.double(d)))
	case 3:
		return fmt.Sprintf("(%s ? %s : %s)", g.condition(d), g.double(d), g.pick(g.double(d), g.int(d)))
	case 4:
		a, b := g.int(d), g.double(d)
		if g.IntN(2) == 0 {
			a, b = b, a
		}
		return fmt.Sprintf("(%s %s %s)", a, g.pick("+", "-", "*", "/"), b)
	case 5:
		return fmt.Sprintf("math.%s(%s)", g.pick("greatest", "least"), g.pick(g.double(d)+", "+g.double(d), g.double(d)+", "+g.int(d), g.int(d)+", "+g.double(d)))
	case 6:
		return fmt.Sprintf("sqrt(%s)", g.int(d))
	}
	return fmt.Sprintf("(%s %s %s)", g.double(d), g.pick("+", "-", "*", "/"), g.double(d))
}

func (g *generator) decimalLiteral(int) string {
	return g.pick("0.5", "1.25", "-999.999", "0.001", "1e10", "100.0")
}

func (g *generator) decimal(depth int) string {
	if depth <= 0 || g.IntN(4) == 0 {
		for _, e := range g.elements {
			if e.kind == "item" && g.IntN(2) == 0 {
				return e.name + ".price"
			}
		}
		return g.leaf("decimal", "d", "e", "h", "z", "d", "e", "fees[0]", "addr.fee")
	}
	d := depth - 1
	switch g.IntN(12) {
	case 0:
		return "(-" + g.decimal(d) + ")"
	case 1:
		return fmt.Sprintf("%s(%s)", g.pick("abs", "round", "floor", "ceil", "trunc", "sign"), g.decimal(d))
	case 2:
		return fmt.Sprintf("round(%s, %d)", g.decimal(d), g.IntN(5))
	case 3:
		return fmt.Sprintf("div(%s, %s, %d)", g.pick(g.decimal(d), g.int(d)), g.pick(g.decimal(d), g.int(d)), g.IntN(8))
	case 4:
		return fmt.Sprintf("(%s ? %s : %s)", g.condition(d), g.decimal(d), g.pick(g.decimal(d), g.int(d), g.decimalLiteral(0)))
	case 5:
		a, b := g.int(d), g.decimal(d)
		if g.IntN(2) == 0 {
			a, b = b, a
		}
		return fmt.Sprintf("(%s %s %s)", a, g.pick("+", "-", "*"), b)
	case 6:
		return fmt.Sprintf("(%s %s %s)", g.decimal(d), g.pick("+", "-", "*"), g.decimalLiteral(0))
	case 7:
		return fmt.Sprintf("decimal(%s, %d)", g.pick(g.int(d), g.decimal(d), g.text(d), "code"), g.IntN(6))
	case 8:
		return fmt.Sprintf("math.%s(%s)", g.pick("greatest", "least"), g.pick(g.decimal(d)+", "+g.decimal(d), g.decimal(d)+", "+g.int(d), g.int(d)+", "+g.decimal(d)))
	}
	return fmt.Sprintf("(%s %s %s)", g.decimal(d), g.pick("+", "-", "*"), g.decimal(d))
}

func (g *generator) text(depth int) string {
	if depth <= 0 || g.IntN(3) == 0 {
		for _, e := range g.elements {
			if e.kind == "item" && g.IntN(2) == 0 {
				return e.name + ".sku"
			}
		}
		return g.leaf("text", "s", "u", "row.`Invoice No`", "'a'", "''", "'é'", "'12'", "\"it's\"", "'\\n'", "code", "tags[0]", "addr.city", "names[1]")
	}
	d := depth - 1
	switch g.IntN(11) {
	case 0:
		return fmt.Sprintf("(%s + %s)", g.text(d), g.text(d))
	case 1:
		return fmt.Sprintf("%s.%s()", g.text(d), g.pick("trim", "lowerAscii", "upperAscii", "reverse"))
	case 2:
		return fmt.Sprintf("string(%s)", g.pick(g.int(d), g.decimal(d), g.condition(d), "da", g.text(d), g.time(d)))
	case 3:
		return fmt.Sprintf("%s.charAt(%s)", g.text(d), g.pick("0", "1", g.int(d)))
	case 4:
		return fmt.Sprintf("%s.substring(%s)", g.text(d), g.pick("0", "1", g.int(d)))
	case 5:
		return fmt.Sprintf("%s.substring(%s, %s)", g.text(d), g.pick("0", "1", g.int(d)), g.pick("1", "2", g.int(d)))
	case 6:
		return fmt.Sprintf("%s.replace(%s, %s)", g.text(d), g.pick("'a'", "'é'", "'ab'", "'.'"), g.text(d))
	case 7:
		return fmt.Sprintf("%s.join(%s)", g.texts(d), g.pick("", "','", "'é'"))
	case 8:
		return fmt.Sprintf("%s[%s]", g.texts(d), g.pick("0", "1", g.int(d)))
	}
	return fmt.Sprintf("(%s ? %s : %s)", g.condition(d), g.text(d), g.text(d))
}

func (g *generator) bytes(depth int) string {
	if depth <= 0 || g.IntN(2) == 0 {
		return g.pick("bin", "b''", "b'abc'", `b'\377'`)
	}
	d := depth - 1
	switch g.IntN(3) {
	case 0:
		return fmt.Sprintf("bytes(%s)", g.pick(g.text(d), g.bytes(d)))
	case 1:
		return fmt.Sprintf("(%s + %s)", g.bytes(d), g.bytes(d))
	}
	return fmt.Sprintf("(%s ? %s : %s)", g.condition(d), g.bytes(d), g.bytes(d))
}

func (g *generator) time(depth int) string {
	if depth <= 0 || g.IntN(3) == 0 {
		return g.leaf("time", "ts", "tn", "timestamp('2024-02-29T12:00:00.5+02:00')", "now()", "times[0]", "addr.seen")
	}
	d := depth - 1
	switch g.IntN(7) {
	case 0:
		return fmt.Sprintf("timestamp(%s)", g.day(d))
	case 1:
		return fmt.Sprintf("timestamp(%s)", g.int(d))
	case 2:
		return fmt.Sprintf("(%s ? %s : %s)", g.condition(d), g.time(d), g.time(d))
	case 3:
		return fmt.Sprintf("timestamp(%s)", g.pick("code", g.text(d), "string("+g.time(d)+")", g.time(d)))
	case 4:
		return strings.Replace(g.pick("parseTimestamp(#, '%Y-%m-%d %H:%M:%S')", "parseTimestamp(#, '%Y-%m-%dT%H:%M:%SZ')", "parseTimestamp(#, '%d.%m.%Y')"), "#", g.pick("code", g.text(d), "string("+g.time(d)+")"), 1)
	}
	if g.IntN(4) == 0 {
		return fmt.Sprintf("(%s + %s)", g.span(d), g.time(d))
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
	switch g.IntN(4) {
	case 0:
		return fmt.Sprintf("date(%s)", g.time(d))
	case 1:
		return fmt.Sprintf("date(%s)", g.pick("code", g.text(d), "string("+g.day(d)+")", g.day(d)))
	case 2:
		return fmt.Sprintf("parseDate(%s, %s)", g.pick("code", g.text(d), "string("+g.day(d)+")"), g.pick("'%d.%m.%Y'", "'%Y-%m-%d'"))
	}
	return fmt.Sprintf("(%s ? %s : %s)", g.condition(d), g.day(d), g.day(d))
}
