package cel

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

var listOfString = types.NewListType(types.StringType)

// Pieces of text, as in cel-go's string extension: positions are in code points
// and begin at 0, and a position outside the text is an error.
var substringFunctions = []function{
	{name: "charAt", style: member,
		doc:      "The character at a position, empty at the end of the text; an error beyond.",
		examples: []string{"'tea'.charAt(1) == 'e'", "'日本'.charAt(1) == '本'", "'tea'.charAt(3) == ''"},
		forms: []form{{
			id: "char_at", in: []*types.Type{types.StringType, types.IntType}, out: types.StringType,
			eval: func(a []ref.Val) ref.Val {
				return substring(a[0], int64(a[1].(types.Int)), int64(a[1].(types.Int))+1, true)
			},
			duckdb: charAtSQL, spark: charAtSQL,
		}}},
	{name: "indexOf", style: member,
		doc:      "The first position of a text in a text, at or after a position if that is given; -1 if there is none.",
		examples: []string{"'banana'.indexOf('an') == 1", "'banana'.indexOf('an', 2) == 3", "'banana'.indexOf('x') == -1"},
		forms: []form{
			{id: "index_of", in: []*types.Type{types.StringType, types.StringType}, out: types.IntType, total: true,
				eval: func(a []ref.Val) ref.Val { return indexOf(a[0], a[1], 0) },
				duckdb: func(w *writer, a []term) (string, error) {
					return "(strpos(" + a[0].sql + ", " + a[1].sql + ") - 1)", nil
				},
				spark: func(w *writer, a []term) (string, error) {
					return "CAST(instr(" + a[0].sql + ", " + a[1].sql + ") - 1 AS BIGINT)", nil
				}},
			{id: "index_of_from", in: []*types.Type{types.StringType, types.StringType, types.IntType}, out: types.IntType,
				eval: func(a []ref.Val) ref.Val { return indexOf(a[0], a[1], int64(a[2].(types.Int))) },
				duckdb: func(w *writer, a []term) (string, error) {
					s, part, from := a[0].sql, a[1].sql, a[2].sql
					within := fmt.Sprintf("CASE WHEN %s < length(%s) THEN %s ELSE length(%s) END", from, s, from, s) // so that adding 1 stays in range
					rest := fmt.Sprintf("strpos(substring(%s, %s + 1), %s)", s, within, part)
					return fmt.Sprintf("CASE WHEN %s = '' AND %s >= 0 THEN CASE WHEN %s < length(%s) THEN %s ELSE length(%s) END WHEN %s >= length(%s) THEN CASE WHEN %s IS NOT NULL THEN -1 END WHEN %s >= 0 THEN CASE WHEN %s = 0 THEN -1 ELSE %s + %s - 1 END END",
						part, from, from, s, from, s, from, s, part, from, rest, rest, within), nil
				},
				spark: func(w *writer, a []term) (string, error) {
					s, part, from := a[0].sql, a[1].sql, a[2].sql
					return fmt.Sprintf("CASE WHEN %s = '' AND %s >= 0 THEN CASE WHEN %s < length(%s) THEN %s ELSE length(%s) END WHEN %s >= length(%s) THEN CASE WHEN %s IS NOT NULL THEN -1L END WHEN %s >= 0 THEN CAST(locate(%s, %s, %s + 1) - 1 AS BIGINT) END",
						part, from, from, s, from, s, from, s, part, from, part, s, w.position(from)), nil
				}},
		}},
	{name: "lastIndexOf", style: member,
		doc:      "The last position of a text in a text; -1 if there is none.",
		examples: []string{"'banana'.lastIndexOf('an') == 3", "'aaa'.lastIndexOf('aa') == 1", "'banana'.lastIndexOf('') == 6"},
		forms: []form{{
			id: "last_index_of", in: []*types.Type{types.StringType, types.StringType}, out: types.IntType, total: true,
			eval: func(a []ref.Val) ref.Val {
				s, part := string(a[0].(types.String)), string(a[1].(types.String))
				at := strings.LastIndex(s, part)
				if at < 0 {
					return types.Int(-1)
				}
				return types.Int(utf8.RuneCountInString(s[:at]))
			},
			duckdb: func(w *writer, a []term) (string, error) {
				part, ok := a[1].lit.(types.String)
				if !ok || !borderless(string(part)) {
					return "", w.unsupported("lastIndexOf of a text that may overlap itself")
				}
				s := a[0].sql
				return fmt.Sprintf("CASE WHEN contains(%s, %s) THEN length(%s) - %d - length(list_last(string_split(%s, %s))) WHEN %s IS NOT NULL THEN -1 END",
					s, a[1].sql, s, utf8.RuneCountInString(string(part)), s, a[1].sql, s), nil
			},
			spark: func(w *writer, a []term) (string, error) {
				part, ok := a[1].lit.(types.String)
				if !ok || !borderless(string(part)) {
					return "", w.unsupported("lastIndexOf of a text that may overlap itself")
				}
				s := a[0].sql
				return fmt.Sprintf("CASE WHEN contains(%s, %s) THEN CAST(length(%s) - %d - length(substring_index(%s, %s, -1)) AS BIGINT) WHEN %s IS NOT NULL THEN -1L END",
					s, a[1].sql, s, utf8.RuneCountInString(string(part)), s, a[1].sql, s), nil
			},
		}}},
	{name: "substring", style: member,
		doc:      "The text from one position up to another, which is not in it, or to the end; an error if a position is outside.",
		examples: []string{"'tacocat'.substring(4) == 'cat'", "'tacocat'.substring(0, 4) == 'taco'", "'日本語'.substring(1, 2) == '本'"},
		forms: []form{
			{id: "substring_from", in: []*types.Type{types.StringType, types.IntType}, out: types.StringType,
				eval: func(a []ref.Val) ref.Val {
					n := int64(utf8.RuneCountInString(string(a[0].(types.String))))
					return substring(a[0], int64(a[1].(types.Int)), n, false)
				},
				duckdb: substringSQL, spark: substringSQL},
			{id: "substring_range", in: []*types.Type{types.StringType, types.IntType, types.IntType}, out: types.StringType,
				eval: func(a []ref.Val) ref.Val {
					return substring(a[0], int64(a[1].(types.Int)), int64(a[2].(types.Int)), false)
				},
				duckdb: substringSQL, spark: substringSQL},
		}},
	{name: "replace", style: member,
		doc:      "The text with every occurrence of one text replaced by another, or the first n of them.",
		examples: []string{"'a-b-c'.replace('-', '') == 'abc'", "'a-b-c'.replace('-', '+', 1) == 'a+b-c'", "'ab'.replace('', '.') == '.a.b.'"},
		forms: []form{
			{id: "replace_all", in: []*types.Type{types.StringType, types.StringType, types.StringType}, out: types.StringType, total: true,
				eval: func(a []ref.Val) ref.Val {
					return types.String(strings.ReplaceAll(string(a[0].(types.String)), string(a[1].(types.String)), string(a[2].(types.String))))
				},
				duckdb: replaceSQL, spark: replaceSQL},
			{id: "replace_some", in: []*types.Type{types.StringType, types.StringType, types.StringType, types.IntType}, out: types.StringType, total: true,
				eval: func(a []ref.Val) ref.Val {
					n := max(-1, min(int64(a[3].(types.Int)), 1<<31-1))
					return types.String(strings.Replace(string(a[0].(types.String)), string(a[1].(types.String)), string(a[2].(types.String)), int(n)))
				}},
		}},
	{name: "split", style: member,
		doc:      "The pieces of a text between the occurrences of a separator, or at most n pieces; an empty separator gives the characters.",
		examples: []string{"'a,b,'.split(',').size() == 3", "'a,b,c'.split(',', 2)[1] == 'b,c'", "'日本'.split('')[0] == '日'"},
		forms: []form{
			{id: "split_all", in: []*types.Type{types.StringType, types.StringType}, out: listOfString, total: true,
				eval: func(a []ref.Val) ref.Val {
					return textList(strings.Split(string(a[0].(types.String)), string(a[1].(types.String))))
				},
				duckdb: func(w *writer, a []term) (string, error) {
					if part, ok := a[1].lit.(types.String); !ok || part == "" {
						return "", w.unsupported("split by a text that may be empty")
					}
					return "string_split(" + a[0].sql + ", " + a[1].sql + ")", nil
				},
				spark: func(w *writer, a []term) (string, error) {
					part, ok := a[1].lit.(types.String)
					if !ok || part == "" {
						return "", w.unsupported("split by a text that may be empty")
					}
					java, err := javaRegex(regexp.QuoteMeta(string(part)))
					return "split(" + a[0].sql + ", " + w.dialect.Literal(java) + ", -1)", err
				}},
			{id: "split_some", in: []*types.Type{types.StringType, types.StringType, types.IntType}, out: listOfString, total: true,
				eval: func(a []ref.Val) ref.Val {
					n := max(-1, min(int64(a[2].(types.Int)), 1<<31-1))
					return textList(strings.SplitN(string(a[0].(types.String)), string(a[1].(types.String)), int(n)))
				}},
		}},
	{name: "join", style: member,
		doc:      "The texts of a list in a row, with a separator between them if that is given; an error if one is null.",
		examples: []string{"['a', 'b'].join('-') == 'a-b'", "['a', 'b'].join() == 'ab'", "'a b'.split(' ').join('_') == 'a_b'"},
		forms: []form{
			{id: "join_list", in: []*types.Type{listOfString}, out: types.StringType,
				eval:   func(a []ref.Val) ref.Val { return join(a[0], "") },
				duckdb: func(w *writer, a []term) (string, error) { return joinSQL(w, a[0], "''") },
				spark:  func(w *writer, a []term) (string, error) { return joinSQL(w, a[0], "''") }},
			{id: "join_list_string", in: []*types.Type{listOfString, types.StringType}, out: types.StringType,
				eval: func(a []ref.Val) ref.Val { return join(a[0], string(a[1].(types.String))) },
				duckdb: func(w *writer, a []term) (string, error) {
					if a[1].lit == nil {
						return "", w.unsupported("join with a separator that is no constant")
					}
					return joinSQL(w, a[0], a[1].sql)
				},
				spark: func(w *writer, a []term) (string, error) { return joinSQL(w, a[0], a[1].sql) }},
		}},
	{name: "reverse", style: member,
		doc:      "A text with its code points in reverse order, or a list with its elements in reverse order.",
		examples: []string{"'abc'.reverse() == 'cba'", "'日本'.reverse() == '本日'", "[1, 2, 3].reverse()[0] == 3"},
		forms: []form{
			{id: "reverse_string", in: []*types.Type{types.StringType}, out: types.StringType, total: true,
				eval: func(a []ref.Val) ref.Val {
					r := []rune(string(a[0].(types.String)))
					for i, j := 0, len(r)-1; i < j; i, j = i+1, j-1 {
						r[i], r[j] = r[j], r[i]
					}
					return types.String(r)
				},
				// DuckDB's own reverse keeps clusters of code points together.
				duckdb: func(w *writer, a []term) (string, error) {
					return "array_to_string(list_reverse(string_split(" + a[0].sql + ", '')), '')", nil
				},
				spark: call("reverse")},
		}},
}

func substring(s ref.Val, start, end int64, atEnd bool) ref.Val {
	r := []rune(string(s.(types.String)))
	n := int64(len(r))
	if atEnd && start == n {
		return types.String("")
	}
	if start < 0 || start > end || end > n {
		return types.NewErr("positions %d to %d are not in a text of %d characters", start, end, n)
	}
	return types.String(r[start:end])
}

func charAtSQL(w *writer, a []term) (string, error) {
	s, at := a[0].sql, a[1].sql
	return fmt.Sprintf("CASE WHEN %s >= 0 AND %s <= length(%s) THEN substring(%s, %s + 1, 1) END", at, at, s, s, w.position(at)), nil
}

func substringSQL(w *writer, a []term) (string, error) {
	s, from := a[0].sql, a[1].sql
	if len(a) == 2 {
		return fmt.Sprintf("CASE WHEN %s >= 0 AND %s <= length(%s) THEN substring(%s, %s + 1) END", from, from, s, s, w.position(from)), nil
	}
	to := a[2].sql
	return fmt.Sprintf("CASE WHEN %s >= 0 AND %s <= %s AND %s <= length(%s) THEN substring(%s, %s + 1, %s - %s) END",
		from, from, to, to, s, s, w.position(from), w.position(to), w.position(from)), nil
}

// position is a number that is known to be within a text or a list. It is kept in
// range all the same: engines compute with it before they look whether it is.
func (w *writer) position(sql string) string {
	if n, err := strconv.ParseUint(strings.TrimSuffix(sql, "L"), 10, 31); err == nil {
		return strconv.FormatUint(n, 10)
	}
	sql = "least(greatest(CAST(" + sql + " AS BIGINT), 0), 2147483646)"
	if w.isSpark() {
		return "CAST(" + sql + " AS INT)"
	}
	return sql
}

func indexOf(s, part ref.Val, from int64) ref.Val {
	if from < 0 {
		return types.NewErr("position %d is not in a text", from)
	}
	r := []rune(string(s.(types.String)))
	if part == types.String("") {
		return types.Int(min(from, int64(len(r))))
	}
	if from >= int64(len(r)) {
		return types.Int(-1)
	}
	rest := string(r[from:])
	at := strings.Index(rest, string(part.(types.String)))
	if at < 0 {
		return types.Int(-1)
	}
	return types.Int(from + int64(utf8.RuneCountInString(rest[:at])))
}

// borderless reports whether a text cannot overlap itself.
func borderless(s string) bool {
	for n := 1; n < len(s); n++ {
		if s[:n] == s[len(s)-n:] {
			return false
		}
	}
	return s != ""
}

// replaceSQL needs a text that is not empty, which engines do not replace.
func replaceSQL(w *writer, a []term) (string, error) {
	if old, ok := a[1].lit.(types.String); !ok || old == "" {
		return "", w.unsupported("replace of a text that may be empty")
	}
	return "replace(" + a[0].sql + ", " + a[1].sql + ", " + a[2].sql + ")", nil
}

func textList(texts []string) ref.Val { return types.NewStringList(types.DefaultTypeAdapter, texts) }

func join(list ref.Val, separator string) ref.Val {
	var texts []string
	for it := list.(traits.Lister).Iterator(); it.HasNext() == types.True; {
		s, ok := it.Next().(types.String)
		if !ok {
			return types.NewErr("a null cannot be joined")
		}
		texts = append(texts, string(s))
	}
	return types.String(strings.Join(texts, separator))
}

func joinSQL(w *writer, list term, separator string) (string, error) {
	name := "array_to_string"
	if w.isSpark() {
		name = "array_join"
	}
	return fmt.Sprintf("CASE WHEN NOT %s THEN %s(%s, %s) END", w.anyNull(list.sql), name, list.sql, separator), nil
}
