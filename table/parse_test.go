package table

import (
	"strings"
	"testing"
)

func TestParseType(t *testing.T) {
	for text, want := range map[string]string{
		"string": "string", "VARCHAR": "string", " bigint ": "int64", "Integer": "int32", "double": "double", "real": "float", "boolean": "bool",
		"timestamp with time zone": "timestamp", "datetime": "timestamp_ntz", "blob": "binary", "void": "void",
		"decimal": "decimal(10,0)", "numeric(5)": "decimal(5,0)", "decimal( 38 , 38 )": "decimal(38,38)",
		"array<string>": "array<string>", "list < bigint >": "array<int64>", "map<string,array<int>>": "map<string,array<int32>>",
		"struct<a: int64, b: decimal(18,3)>": "struct<a: int64, b: decimal(18,3)>", "struct<a:struct<b:map<string,date>>>": "struct<a: struct<b: map<string,date>>>",
		strings.Repeat("array<", 64) + "int64" + strings.Repeat(">", 64): strings.Repeat("array<", 64) + "int64" + strings.Repeat(">", 64),
	} {
		got, err := ParseType(text)
		if err != nil || got.String() != want {
			t.Errorf("%q is %s, %v; want %s", text, got, err, want)
		}
		if again, err := ParseType(got.String()); err != nil || !again.Equal(got) {
			t.Errorf("%s reads as %s, %v", got, again, err)
		}
	}
}

func TestParseTypeRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"": "a type is missing", "int65": "unknown type \"int65\"; the types are", "string x": "unknown type", "string>": `unexpected ">"`,
		"decimal(a,b)": "decimal takes two numbers", "decimal(5": "missing )", "decimal(39,0)": "precision is 1 to 38", "decimal(5,6)": "scale 0 to precision", "decimal(0,0)": "precision is 1",
		"decimal(5,-1)": "scale 0", "array": "array takes one type", "array<int,int>": "array takes one type", "array<int": "missing >", "map<int>": "map takes two types",
		"array<>": "a type is missing", "struct": "struct takes fields", "struct<a>": "struct takes fields", "struct<a: int": "missing >", "struct<: int>": "struct takes fields",
		strings.Repeat("array<", 65) + "int64" + strings.Repeat(">", 65): "nested deeper than 64",
	} {
		got, err := ParseType(text)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "type ") {
			t.Errorf("%.40q is %s, %v; want %q", text, got, err, want)
		}
	}
}

func TestTypeEqual(t *testing.T) {
	types := []string{"string", "int64", "decimal(5,2)", "decimal(6,2)", "array<string>", "array<int64>", "map<string,int64>", "map<int64,int64>", "struct<a: int64>", "struct<b: int64>", "struct<a: string>", "struct<a: int64, b: int64>"}
	for i, a := range types {
		for j, b := range types {
			x, err1 := ParseType(a)
			y, err2 := ParseType(b)
			if err1 != nil || err2 != nil {
				t.Fatal(err1, err2)
			}
			if x.Equal(y) != (i == j) {
				t.Errorf("%s equals %s: %t", a, b, x.Equal(y))
			}
		}
	}
}

func TestLiveRows(t *testing.T) {
	if _, ok := (File{}).LiveRows(); ok {
		t.Error("a file without statistics has a number of rows")
	}
	f := File{Stats: &Stats{Rows: 10}, Deleted: &DeletionVector{Cardinality: 3}}
	if n, ok := f.LiveRows(); !ok || n != 7 {
		t.Errorf("%d rows, %t", n, ok)
	}
}

// FuzzParseType: any text is refused, or is a type whose text reads as the same.
func FuzzParseType(f *testing.F) {
	for _, seed := range []string{"decimal(18,3)", "map<string,array<struct<a: int64, b: date>>>", "struct<a b: bigint>", "array<", "struct<a: struct<>>"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := ParseType(text)
		if err != nil {
			return
		}
		again, err := ParseType(got.String())
		if err != nil || !again.Equal(got) {
			t.Fatalf("%q is %s, which reads as %s, %v", text, got, again, err)
		}
	})
}

// TestTypeAfter: structs are found wherever they are, and left alone where the kinds differ.
func TestTypeAfter(t *testing.T) {
	parse := func(text string) Type {
		got, err := ParseType(text)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	var mark func(old, next []Field) []Field
	mark = func(old, next []Field) []Field {
		out := make([]Field, len(next))
		for i, f := range next {
			f.Name += "'"
			if i < len(old) {
				f.Type = f.Type.After(old[i].Type, mark)
			}
			out[i] = f
		}
		return out
	}
	for _, c := range [][3]string{
		{"int64", "string", "string"},
		{"array<struct<a: int64>>", "array<struct<a: int64>>", "array<struct<a': int64>>"},
		{"map<struct<k: int8>,struct<v: struct<w: int8>>>", "map<struct<k: int8>,struct<v: struct<w: int8>>>", "map<struct<k': int8>,struct<v': struct<w': int8>>>"},
		{"struct<a: array<struct<b: date>>, c: int8>", "struct<a: struct<b: date>, c: array<struct<d: int8>>>", "struct<a': struct<b: date>, c': array<struct<d: int8>>>"},
	} {
		next := parse(c[1])
		if got := next.After(parse(c[0]), mark).String(); got != c[2] {
			t.Errorf("%s after %s: %s, not %s", c[1], c[0], got, c[2])
		}
		if next.String() != c[1] {
			t.Errorf("%s was changed to %s", c[1], next)
		}
	}
}
