// Package table holds the nouns of dq: what a table's columns are, which files
// hold its rows, and how two shapes differ. It does no I/O and knows no engine.
//
// A [Schema] is an ordered list of [Field]. Types are written as they are in
// suites and pipelines (see [ParseType]); [Diff] compares two schemas and gives
// the typed changes that policies judge.
package table

import (
	"fmt"
	"strings"
)

// Kind is the family of a [Type].
type Kind string

// The kinds of types. Times are UTC with microseconds; TimestampNTZ has no zone.
const (
	String       Kind = "string"
	Bool         Kind = "bool"
	Int8         Kind = "int8"
	Int16        Kind = "int16"
	Int32        Kind = "int32"
	Int64        Kind = "int64"
	Float        Kind = "float"
	Double       Kind = "double"
	Decimal      Kind = "decimal"
	Date         Kind = "date"
	Timestamp    Kind = "timestamp"
	TimestampNTZ Kind = "timestamp_ntz"
	Binary       Kind = "binary"
	Array        Kind = "array"
	Map          Kind = "map"
	Struct       Kind = "struct"
	Void         Kind = "void" // a column of nothing but nulls, never stored in files
)

// Type is the type of a column or of a part of one. Only the fields that its
// Kind uses are set. The zero Type is no type.
type Type struct {
	Kind         Kind    `json:"kind"`
	Precision    int     `json:"precision,omitempty"`     // Decimal: 1 to 38
	Scale        int     `json:"scale,omitempty"`         // Decimal: 0 to Precision
	Elem         *Type   `json:"elem,omitempty"`          // Array: element; Map: value
	Key          *Type   `json:"key,omitempty"`           // Map
	ElemNullable bool    `json:"elem_nullable,omitempty"` // Array, Map: elements or values may be null
	Fields       []Field `json:"fields,omitempty"`        // Struct
}

// Field is one column, or one member of a struct.
type Field struct {
	Name     string         `json:"name"`
	Type     Type           `json:"type"`
	Nullable bool           `json:"nullable"`
	Meta     map[string]any `json:"meta,omitempty"` // as in the Delta schema: comments, column mapping, tags
}

// Schema is the ordered list of a table's columns. Names are unique ignoring case.
type Schema struct {
	Fields []Field `json:"fields"`
}

// Field returns the column of that exact name.
func (s Schema) Field(name string) (Field, bool) {
	for _, f := range s.Fields {
		if f.Name == name {
			return f, true
		}
	}
	return Field{}, false
}

// Names returns the column names in order.
func (s Schema) Names() []string {
	names := make([]string, len(s.Fields))
	for i, f := range s.Fields {
		names[i] = f.Name
	}
	return names
}

// Numeric reports whether t is an integer, a float, a double or a decimal.
func (t Type) Numeric() bool {
	return t.Integer() || t.Kind == Float || t.Kind == Double || t.Kind == Decimal
}

// Integer reports whether t is one of the integer types.
func (t Type) Integer() bool {
	switch t.Kind {
	case Int8, Int16, Int32, Int64:
		return true
	}
	return false
}

// Temporal reports whether t is a date or one of the timestamps.
func (t Type) Temporal() bool {
	return t.Kind == Date || t.Kind == Timestamp || t.Kind == TimestampNTZ
}

// Equal reports whether both types are the same, nullability of parts included.
// Field metadata is not compared.
func (t Type) Equal(o Type) bool {
	if t.Kind != o.Kind || t.Precision != o.Precision || t.Scale != o.Scale ||
		t.ElemNullable != o.ElemNullable || len(t.Fields) != len(o.Fields) ||
		(t.Elem == nil) != (o.Elem == nil) || (t.Key == nil) != (o.Key == nil) {
		return false
	}
	if t.Elem != nil && !t.Elem.Equal(*o.Elem) || t.Key != nil && !t.Key.Equal(*o.Key) {
		return false
	}
	for i, f := range t.Fields {
		g := o.Fields[i]
		if f.Name != g.Name || f.Nullable != g.Nullable || !f.Type.Equal(g.Type) {
			return false
		}
	}
	return true
}

// After is t as what old becomes: the members of each struct of it are what fields
// makes of those of the struct that is at its place in old, and of its own. Where the
// two differ in kind, t is as it was.
func (t Type) After(old Type, fields func(old, next []Field) []Field) Type {
	if old.Kind != t.Kind {
		return t
	}
	part := func(was, is *Type) *Type {
		after := is.After(*was, fields)
		return &after
	}
	switch t.Kind {
	case Struct:
		t.Fields = fields(old.Fields, t.Fields)
	case Array:
		t.Elem = part(old.Elem, t.Elem)
	case Map:
		t.Key, t.Elem = part(old.Key, t.Key), part(old.Elem, t.Elem)
	}
	return t
}

// String writes the type as suites do: decimal(18,3), array<string>,
// map<string,int64>, struct<a: int64, b: string>.
func (t Type) String() string {
	switch t.Kind {
	case Decimal:
		return fmt.Sprintf("decimal(%d,%d)", t.Precision, t.Scale)
	case Array:
		return "array<" + t.Elem.String() + ">"
	case Map:
		return "map<" + t.Key.String() + "," + t.Elem.String() + ">"
	case Struct:
		parts := make([]string, len(t.Fields))
		for i, f := range t.Fields {
			parts[i] = f.Name + ": " + f.Type.String()
		}
		return "struct<" + strings.Join(parts, ", ") + ">"
	}
	return string(t.Kind)
}
