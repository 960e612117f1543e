package cel

import (
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

const (
	lowerLetters = "abcdefghijklmnopqrstuvwxyz"
	upperLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	// whiteSpace is what strings.TrimSpace removes.
	whiteSpace = "\t\n\v\f\r \u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)

// Text. Lengths are in code points, of bytes in bytes.
var textFunctions = []function{
	{name: "size", style: either,
		doc:      "The number of code points of a text, bytes of bytes, elements of a list, keys of a map.",
		examples: []string{"'日本'.size() == 2", "size([1, 2, 3]) == 3", "size(b'abc') == 3"}, forms: []form{
			{id: "size_string", in: []*types.Type{types.StringType}, out: types.IntType, total: true,
				eval:   func(a []ref.Val) ref.Val { return types.Int(utf8.RuneCountInString(string(a[0].(types.String)))) },
				duckdb: call("length"), spark: call("length")},
			{id: "size_bytes", in: []*types.Type{types.BytesType}, out: types.IntType, total: true,
				eval:   func(a []ref.Val) ref.Val { return types.Int(len(a[0].(types.Bytes))) },
				duckdb: call("octet_length"), spark: call("octet_length")},
			{id: "size_list", in: []*types.Type{listOfA}, out: types.IntType, total: true,
				eval:   func(a []ref.Val) ref.Val { return a[0].(traits.Lister).Size() },
				duckdb: func(w *writer, a []term) (string, error) { return w.length(a[0].sql), nil },
				spark:  func(w *writer, a []term) (string, error) { return w.length(a[0].sql), nil }},
		}},
	{name: "contains", style: member,
		doc:      "Whether a text holds another.",
		examples: []string{"'banana'.contains('nan')", "!'banana'.contains('x')", "'a'.contains('')"}, forms: textTest("contains", strings.Contains, "contains")},
	{name: "startsWith", style: member,
		doc:      "Whether a text begins with another.",
		examples: []string{"'banana'.startsWith('ban')", "!'banana'.startsWith('an')", "'a'.startsWith('')"}, forms: textTest("starts_with", strings.HasPrefix, "starts_with")},
	{name: "endsWith", style: member,
		doc:      "Whether a text ends with another.",
		examples: []string{"'banana'.endsWith('ana')", "!'banana'.endsWith('an')", "'a'.endsWith('')"}, forms: textTest("ends_with", strings.HasSuffix, "ends_with")},
	{name: "lowerAscii", style: member,
		doc:      "The text with the letters A to Z made small, others as they are.",
		examples: []string{"'ABC'.lowerAscii() == 'abc'", "'É'.lowerAscii() == 'É'", "'a1'.lowerAscii() == 'a1'"}, forms: textChange("lower_ascii",
			func(s string) string { return asciiFold(s, 'A', 'Z', 'a'-'A') },
			func(w *writer, a []term) (string, error) {
				return "translate(" + a[0].sql + ", '" + upperLetters + "', '" + lowerLetters + "')", nil
			})},
	{name: "upperAscii", style: member,
		doc:      "The text with the letters a to z made capitals, others as they are.",
		examples: []string{"'abc'.upperAscii() == 'ABC'", "'é'.upperAscii() == 'é'", "'A1'.upperAscii() == 'A1'"}, forms: textChange("upper_ascii",
			func(s string) string { return asciiFold(s, 'a', 'z', 'A'-'a') },
			func(w *writer, a []term) (string, error) {
				return "translate(" + a[0].sql + ", '" + lowerLetters + "', '" + upperLetters + "')", nil
			})},
	{name: "trim", style: member,
		doc:      "The text without the white space of Unicode at both ends.",
		examples: []string{"' a b '.trim() == 'a b'", "'\\n\\ta'.trim() == 'a'", "''.trim() == ''"}, forms: textChange("trim", strings.TrimSpace,
			func(w *writer, a []term) (string, error) {
				return "trim(" + a[0].sql + ", " + w.dialect.Literal(whiteSpace) + ")", nil
			})},
}

func textTest(id string, test func(s, part string) bool, duckdb string) []form {
	return []form{{id: id + "_string", in: []*types.Type{types.StringType, types.StringType}, out: types.BoolType, total: true,
		eval: func(a []ref.Val) ref.Val {
			return types.Bool(test(string(a[0].(types.String)), string(a[1].(types.String))))
		},
		duckdb: call(duckdb), spark: call(strings.ReplaceAll(duckdb, "_", ""))}}
}

func textChange(id string, change func(s string) string, duckdb emitFunc) []form {
	return []form{{id: id + "_string", in: []*types.Type{types.StringType}, out: types.StringType, total: true,
		eval:   func(a []ref.Val) ref.Val { return types.String(change(string(a[0].(types.String)))) },
		duckdb: duckdb,
		spark: func(w *writer, a []term) (string, error) {
			if id == "trim" {
				return "trim(BOTH " + w.dialect.Literal(whiteSpace) + " FROM " + a[0].sql + ")", nil
			}
			return duckdb(w, a)
		}}}
}

func asciiFold(s string, from, to rune, by rune) string {
	return strings.Map(func(r rune) rune {
		if r >= from && r <= to {
			return r + by
		}
		return r
	}, s)
}

// call writes a function of the engine that takes the arguments as they are.
func call(name string) emitFunc {
	return func(w *writer, a []term) (string, error) {
		sql := make([]string, len(a))
		for i, t := range a {
			sql[i] = t.sql
		}
		return name + "(" + strings.Join(sql, ", ") + ")", nil
	}
}
