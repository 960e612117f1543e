package table

import (
	"fmt"
	"strings"
	"testing"
)

// columns reads a schema: "id int64!; name string #7 'a comment'", where ! is not
// null and #7 a column mapping id.
func columns(t *testing.T, text string) Schema {
	t.Helper()
	var s Schema
	for part := range strings.SplitSeq(text, ";") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		var f Field
		if before, comment, ok := strings.Cut(part, " '"); ok {
			part, f.Meta = before, map[string]any{"comment": strings.TrimSuffix(comment, "'")}
		}
		if before, id, ok := strings.Cut(part, " #"); ok {
			part, f.Meta = before, map[string]any{"delta.columnMapping.id": id}
		}
		name, kind, _ := strings.Cut(part, " ")
		kind, required := strings.CutSuffix(kind, "!")
		parsed, err := ParseType(kind)
		if err != nil {
			t.Fatal(err)
		}
		f.Name, f.Type, f.Nullable = name, parsed, !required
		s.Fields = append(s.Fields, f)
	}
	return s
}

func (c Change) text() string {
	s := c.Op + " " + c.Path
	if c.From != nil || c.To != nil {
		s += fmt.Sprintf(" %v>%v", c.From, c.To)
	}
	if c.Class != "" {
		s += " " + c.Class
	}
	if len(c.Breaks) > 0 {
		s += " breaks " + strings.Join(c.Breaks, ",")
	}
	return s + " risk " + c.DataRisk
}

func TestDiff(t *testing.T) {
	cases := []struct {
		name, old, next string
		renamed         map[string]string
		want            []string
	}{
		{"same", "a int64; b struct<x: string>", "a int64; b struct<x: string>", nil, nil},
		{"added", "a int64", "a int64; b string", nil, []string{"column_added b <nil>>string risk none"}},
		{"added and required", "a int64", "a int64; b string!", nil, []string{"column_added b <nil>>string breaks backward risk rewrite"}},
		{"dropped", "a int64; b string", "a int64", nil, []string{"column_dropped b string><nil> breaks forward risk loss"}},
		{"all new", "", "a int64", nil, []string{"column_added a <nil>>int64 risk none"}},
		{"maybe renamed", "a int64; b string", "a int64; c string", nil, []string{"column_added c <nil>>string risk none", "column_dropped b string><nil> breaks forward risk loss"}},
		{"renamed", "a int64; b string", "a int64; c string", map[string]string{"c": "b"}, []string{"column_renamed c b>c breaks backward,forward risk rewrite"}},
		{"renamed from a column that stays", "b string", "b string; c string", map[string]string{"c": "b"}, []string{"column_added c <nil>>string risk none"}},
		{"renamed from nothing", "b string", "b string; c string", map[string]string{"c": "z"}, []string{"column_added c <nil>>string risk none"}},
		{"renamed and widened", "b int32", "c int64", map[string]string{"c": "b"}, []string{"column_renamed c b>c breaks backward,forward risk rewrite", "column_type_changed c int32>int64 widening_lossless breaks forward risk rewrite"}},
		{"renamed by id", "a string #1; b string #2", "x string #1; b string #2", nil, []string{"column_renamed x a>x breaks backward,forward risk none"}},
		{"two that change names", "a string #1; b string #2", "b string #1; a string #2", nil, []string{"column_renamed b a>b breaks backward,forward risk none", "column_renamed a b>a breaks backward,forward risk none"}},
		{"dropped and back", "a string #1", "a string #2", nil, []string{"column_added a <nil>>string risk none", "column_dropped a string><nil> breaks forward risk loss"}},
		{"case of a name", "a string", "A string", nil, []string{"column_added A <nil>>string risk none", "column_dropped a string><nil> breaks forward risk loss"}},
		{"required", "a string", "a string!", nil, []string{"column_nullability_changed a true>false breaks backward risk rewrite"}},
		{"nullable", "a string!", "a string", nil, []string{"column_nullability_changed a false>true breaks forward risk none"}},
		{"one moved", "a string; b string; c string; d string", "b string; c string; d string; a string", nil, []string{"column_moved a 0>3 risk none"}},
		{"moved past a new one", "a string; b string", "n string; b string; a string", nil, []string{"column_added n <nil>>string risk none", "column_moved a 0>2 risk none"}},
		{"not moved by a drop", "a string; b string; c string", "b string; c string", nil, []string{"column_dropped a string><nil> breaks forward risk loss"}},
		{"comment", "a string", "a string 'x'", nil, []string{"column_comment_changed a <nil>>x risk none"}},
		{"comment gone", "a string 'x'", "a string", nil, []string{"column_comment_changed a x><nil> risk none"}},
		{"member added", "s struct<a: int64>", "s struct<a: int64, b: string>", nil, []string{"column_added s.b <nil>>string risk none"}},
		{"member renamed", "s struct<a: int64>", "s struct<b: int64>", map[string]string{"s.b": "s.a"}, []string{"column_renamed s.b s.a>s.b breaks backward,forward risk rewrite"}},
		{"member of a renamed one", "s struct<a: int64>", "z struct<b: int64>", map[string]string{"z": "s", "z.b": "s.a"}, []string{"column_renamed z s>z breaks backward,forward risk rewrite", "column_renamed z.b s.a>z.b breaks backward,forward risk rewrite"}},
		{"element", "l array<int32>", "l array<int64>", nil, []string{"column_type_changed l.element int32>int64 widening_lossless breaks forward risk rewrite"}},
		{"member of an element", "l array<struct<a: int32>>", "l array<struct<b: int32>>", nil, []string{"column_added l.element.b <nil>>int32 risk none", "column_dropped l.element.a int32><nil> breaks forward risk loss"}},
		{"key and value", "m map<int32,string>", "m map<string,int32>", nil, []string{"column_type_changed m.key int32>string incompatible breaks backward,forward risk loss", "column_type_changed m.value string>int32 incompatible breaks backward,forward risk loss"}},
		{"struct to text", "s struct<a: int64>", "s string", nil, []string{"column_type_changed s struct<a: int64>>string incompatible breaks backward,forward risk loss"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, change := range Diff(columns(t, c.old), columns(t, c.next), c.renamed) {
				got = append(got, change.text())
			}
			if strings.Join(got, "\n") != strings.Join(c.want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
	changes := Diff(columns(t, "a int64; b string"), columns(t, "a int64; c string"), nil)
	if want := "if c is the new name of b, say renamed_from: b at it"; changes[1].Hint != want {
		t.Errorf("hint %q, want %q", changes[1].Hint, want)
	}
	// Nullability of elements is not in the text form of types.
	list := func(nullable bool) Schema {
		return Schema{Fields: []Field{{Name: "l", Type: Type{Kind: Array, Elem: &Type{Kind: String}, ElemNullable: nullable}}}}
	}
	changes = Diff(list(true), list(false), nil)
	if len(changes) != 1 || changes[0].text() != "column_nullability_changed l.element true>false breaks backward risk rewrite" {
		t.Errorf("changes %v", changes)
	}
}

func TestClassify(t *testing.T) {
	for text, want := range map[string]string{
		"int8>int16": WideningLossless, "int32>int64": WideningLossless, "int64>int32": Narrowing, "int16>int8": Narrowing,
		"int32>double": WideningLossless, "int64>double": WideningLossy, "int16>float": WideningLossless, "int32>float": WideningLossy,
		"int32>decimal(10,0)": WideningLossless, "int32>decimal(11,2)": Narrowing, "int64>decimal(22,3)": WideningLossless,
		"float>double": WideningLossless, "double>float": Narrowing, "double>int64": Narrowing, "double>decimal(38,18)": Narrowing,
		"decimal(10,2)>decimal(12,2)": WideningLossless, "decimal(10,2)>decimal(12,4)": WideningLossless, "decimal(10,2)>decimal(12,5)": Narrowing,
		"decimal(10,2)>decimal(10,1)": Narrowing, "decimal(10,2)>double": WideningLossy, "decimal(10,0)>int64": Narrowing,
		"date>timestamp_ntz": WideningLossless, "date>timestamp": WideningLossy, "timestamp>date": Narrowing, "timestamp>timestamp_ntz": Incompatible,
		"string>int64": Incompatible, "int64>string": Incompatible, "bool>int32": Incompatible, "void>string": WideningLossless, "string>binary": Incompatible,
		"string>array<string>": Incompatible,
	} {
		from, to, _ := strings.Cut(text, ">")
		old, err := ParseType(from)
		if err != nil {
			t.Fatal(err)
		}
		next, err := ParseType(to)
		if err != nil {
			t.Fatal(err)
		}
		if got := classify(old, next); got != want {
			t.Errorf("%s > %s: %s, want %s", from, to, got, want)
		}
	}
}
