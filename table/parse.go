package table

import (
	"fmt"
	"strconv"
	"strings"
)

// typeNames maps every spelling that is understood to its kind: those of
// suites first, then the usual ones of SQL and Delta.
var typeNames = map[string]Kind{
	"string": String, "bool": Bool, "int8": Int8, "int16": Int16, "int32": Int32, "int64": Int64,
	"float": Float, "double": Double, "date": Date, "timestamp": Timestamp,
	"timestamp_ntz": TimestampNTZ, "binary": Binary, "void": Void,

	"varchar": String, "text": String, "char": String, "uuid": String,
	"boolean": Bool, "tinyint": Int8, "byte": Int8, "smallint": Int16, "short": Int16,
	"int": Int32, "integer": Int32, "bigint": Int64, "long": Int64,
	"real": Float, "float4": Float, "float32": Float, "float8": Double, "float64": Double,
	"timestamptz": Timestamp, "timestamp with time zone": Timestamp,
	"datetime": TimestampNTZ, "blob": Binary, "bytes": Binary, "varbinary": Binary,
}

// ParseType reads a type as users write it: the names of the [Kind] constants,
// decimal(p,s), array<T>, map<K,V>, struct<a: T, b: U>, and the usual SQL and
// Delta spellings (bigint, varchar, long ...), ignoring case. Parts of nested
// types are nullable. The error names the text and what would have been right.
func ParseType(s string) (Type, error) {
	p := &typeParser{in: s}
	t, err := p.parse(0)
	if err == nil && strings.TrimSpace(p.in[p.at:]) != "" {
		err = fmt.Errorf("unexpected %q", strings.TrimSpace(p.in[p.at:]))
	}
	if err != nil {
		return Type{}, fmt.Errorf("type %q: %w", s, err)
	}
	return t, nil
}

// maxTypeDepth bounds nesting, so that hostile input cannot exhaust the stack.
const maxTypeDepth = 64

type typeParser struct {
	in string
	at int
}

func (p *typeParser) parse(depth int) (Type, error) {
	if depth > maxTypeDepth {
		return Type{}, fmt.Errorf("nested deeper than %d", maxTypeDepth)
	}
	name := strings.ToLower(p.word("(<>,:)"))
	switch name {
	case "":
		return Type{}, fmt.Errorf("a type is missing")
	case "decimal", "numeric":
		return p.decimal()
	case "array", "list":
		return p.nested(depth, func(parts []Type) (Type, error) {
			if len(parts) != 1 {
				return Type{}, fmt.Errorf("array takes one type: array<string>")
			}
			return Type{Kind: Array, Elem: &parts[0], ElemNullable: true}, nil
		})
	case "map":
		return p.nested(depth, func(parts []Type) (Type, error) {
			if len(parts) != 2 {
				return Type{}, fmt.Errorf("map takes two types: map<string,int64>")
			}
			return Type{Kind: Map, Key: &parts[0], Elem: &parts[1], ElemNullable: true}, nil
		})
	case "struct":
		return p.structure(depth)
	}
	kind, ok := typeNames[name]
	if !ok {
		return Type{}, fmt.Errorf("unknown type %q; the types are string, bool, int8, int16, int32, int64, float, double, decimal(p,s), date, timestamp, timestamp_ntz, binary, array<T>, map<K,V>, struct<a: T>", name)
	}
	return Type{Kind: kind}, nil
}

func (p *typeParser) decimal() (Type, error) {
	t := Type{Kind: Decimal, Precision: 10, Scale: 0}
	if !p.eat('(') {
		return t, nil
	}
	var err error
	if t.Precision, err = strconv.Atoi(p.word(",)")); err != nil {
		return Type{}, fmt.Errorf("decimal takes two numbers: decimal(18,3)")
	}
	if p.eat(',') {
		if t.Scale, err = strconv.Atoi(p.word(")")); err != nil {
			return Type{}, fmt.Errorf("decimal takes two numbers: decimal(18,3)")
		}
	}
	if !p.eat(')') {
		return Type{}, fmt.Errorf("missing ) after decimal")
	}
	if t.Precision < 1 || t.Precision > 38 || t.Scale < 0 || t.Scale > t.Precision {
		return Type{}, fmt.Errorf("decimal(%d,%d): precision is 1 to 38, scale 0 to precision", t.Precision, t.Scale)
	}
	return t, nil
}

func (p *typeParser) nested(depth int, build func([]Type) (Type, error)) (Type, error) {
	if !p.eat('<') {
		return build(nil)
	}
	var parts []Type
	for {
		t, err := p.parse(depth + 1)
		if err != nil {
			return Type{}, err
		}
		parts = append(parts, t)
		if p.eat('>') {
			return build(parts)
		}
		if !p.eat(',') {
			return Type{}, fmt.Errorf("missing >")
		}
	}
}

func (p *typeParser) structure(depth int) (Type, error) {
	t := Type{Kind: Struct}
	if !p.eat('<') {
		return Type{}, fmt.Errorf("struct takes fields: struct<a: int64>")
	}
	for {
		name := p.word(":>")
		if name == "" || !p.eat(':') {
			return Type{}, fmt.Errorf("struct takes fields: struct<a: int64>")
		}
		ft, err := p.parse(depth + 1)
		if err != nil {
			return Type{}, err
		}
		t.Fields = append(t.Fields, Field{Name: name, Type: ft, Nullable: true})
		if p.eat('>') {
			return t, nil
		}
		if !p.eat(',') {
			return Type{}, fmt.Errorf("missing >")
		}
	}
}

// word reads up to one of the stop characters and trims it.
func (p *typeParser) word(stop string) string {
	start := p.at
	for p.at < len(p.in) && !strings.ContainsRune(stop, rune(p.in[p.at])) {
		p.at++
	}
	return strings.TrimSpace(p.in[start:p.at])
}

func (p *typeParser) eat(c byte) bool {
	for p.at < len(p.in) && p.in[p.at] == ' ' {
		p.at++
	}
	if p.at < len(p.in) && p.in[p.at] == c {
		p.at++
		return true
	}
	return false
}
