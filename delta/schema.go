package delta

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/dq-dev/dq/table"
)

// maxSchemaDepth bounds nesting, so that a hostile log cannot exhaust the stack.
const maxSchemaDepth = 100

// primitives are the type names of PROTOCOL.md, "Primitive Types".
var primitives = map[string]table.Kind{
	"string": table.String, "boolean": table.Bool, "byte": table.Int8, "short": table.Int16,
	"integer": table.Int32, "long": table.Int64, "float": table.Float, "double": table.Double,
	"date": table.Date, "timestamp": table.Timestamp, "timestamp_ntz": table.TimestampNTZ,
	"binary": table.Binary, "void": table.Void, "null": table.Void,
}

var primitiveNames = map[table.Kind]string{
	table.String: "string", table.Bool: "boolean", table.Int8: "byte", table.Int16: "short",
	table.Int32: "integer", table.Int64: "long", table.Float: "float", table.Double: "double",
	table.Date: "date", table.Timestamp: "timestamp", table.TimestampNTZ: "timestamp_ntz",
	table.Binary: "binary", table.Void: "void",
}

// variantType is a variant, as it lies in files: its two parts (PROTOCOL.md, "Variant
// Data Type"). Tables with one are read only.
var variantType = table.Type{Kind: table.Struct, Fields: []table.Field{
	{Name: "metadata", Type: table.Type{Kind: table.Binary}}, {Name: "value", Type: table.Type{Kind: table.Binary}},
}}

type jsonField struct {
	Name     string          `json:"name"`
	Type     json.RawMessage `json:"type"`
	Nullable bool            `json:"nullable"`
	Metadata map[string]any  `json:"metadata"`
}

type jsonType struct {
	Type              string           `json:"type"`
	Fields            *json.RawMessage `json:"fields"`
	ElementType       json.RawMessage  `json:"elementType"`
	ContainsNull      bool             `json:"containsNull"`
	KeyType           json.RawMessage  `json:"keyType"`
	ValueType         json.RawMessage  `json:"valueType"`
	ValueContainsNull bool             `json:"valueContainsNull"`
}

// parseSchema reads a metaData's schemaString (PROTOCOL.md, "Schema Serialization Format").
// A metaData must have one; without, a reader that takes the table for one without columns
// would lose all of it.
func parseSchema(text string) (table.Schema, error) {
	if text == "" {
		return table.Schema{}, fmt.Errorf("the metaData has no schemaString")
	}
	t, err := parseDeltaType(json.RawMessage(text), 0)
	if err != nil {
		return table.Schema{}, err
	}
	if t.Kind != table.Struct {
		return table.Schema{}, fmt.Errorf("the schema is %s, not a struct", t.Kind)
	}
	return table.Schema{Fields: t.Fields}, nil
}

func parseDeltaType(raw json.RawMessage, depth int) (table.Type, error) {
	if depth > maxSchemaDepth {
		return table.Type{}, fmt.Errorf("types are nested deeper than %d", maxSchemaDepth)
	}
	raw = bytes.TrimSpace(raw)
	if len(raw) > 0 && raw[0] == '"' {
		var name string
		if err := json.Unmarshal(raw, &name); err != nil {
			return table.Type{}, err
		}
		return parsePrimitive(name)
	}
	var t jsonType
	if len(raw) == 0 {
		return table.Type{}, fmt.Errorf("a type is missing")
	}
	if err := decodeNumbers(raw, &t); err != nil {
		return table.Type{}, err
	}
	switch t.Type {
	case "struct":
		if t.Fields == nil {
			return table.Type{}, fmt.Errorf("a struct has no fields")
		}
		return parseStruct(*t.Fields, depth)
	case "array":
		elem, err := parseDeltaType(t.ElementType, depth+1)
		if err != nil {
			return table.Type{}, fmt.Errorf("array: %w", err)
		}
		return table.Type{Kind: table.Array, Elem: &elem, ElemNullable: t.ContainsNull}, nil
	case "map":
		key, err := parseDeltaType(t.KeyType, depth+1)
		if err != nil {
			return table.Type{}, fmt.Errorf("map key: %w", err)
		}
		value, err := parseDeltaType(t.ValueType, depth+1)
		if err != nil {
			return table.Type{}, fmt.Errorf("map value: %w", err)
		}
		return table.Type{Kind: table.Map, Key: &key, Elem: &value, ElemNullable: t.ValueContainsNull}, nil
	}
	return table.Type{}, fmt.Errorf("unknown type %q", t.Type)
}

func parseStruct(raw json.RawMessage, depth int) (table.Type, error) {
	var fields []jsonField
	if err := decodeNumbers(raw, &fields); err != nil {
		return table.Type{}, err
	}
	out := table.Type{Kind: table.Struct, Fields: make([]table.Field, len(fields))}
	seen := make(map[string]bool, len(fields))
	for i, f := range fields {
		if f.Name == "" {
			return table.Type{}, fmt.Errorf("column %d has no name", i+1)
		}
		if lower := strings.ToLower(f.Name); seen[lower] {
			return table.Type{}, fmt.Errorf("two columns are called %q (case does not count)", f.Name)
		} else {
			seen[lower] = true
		}
		t, err := parseDeltaType(f.Type, depth+1)
		if err != nil {
			return table.Type{}, fmt.Errorf("column %q: %w", f.Name, err)
		}
		out.Fields[i] = table.Field{Name: f.Name, Type: t, Nullable: f.Nullable}
		if len(f.Metadata) > 0 {
			out.Fields[i].Meta = plainNumbers(f.Metadata).(map[string]any)
		}
	}
	return out, nil
}

func parsePrimitive(name string) (table.Type, error) {
	if kind, ok := primitives[name]; ok {
		return table.Type{Kind: kind}, nil
	}
	if name == "variant" {
		return variantType, nil
	}
	if name == "decimal" {
		return table.Type{Kind: table.Decimal, Precision: 10}, nil
	}
	if strings.HasPrefix(name, "decimal(") {
		return table.ParseType(name)
	}
	return table.Type{}, fmt.Errorf("unknown type %q", name)
}

// formatSchema writes a schemaString.
func formatSchema(s table.Schema) (string, error) {
	v, err := deltaType(table.Type{Kind: table.Struct, Fields: s.Fields}, 0)
	if err != nil {
		return "", err
	}
	return marshal(v)
}

func deltaType(t table.Type, depth int) (any, error) {
	if depth > maxSchemaDepth {
		return nil, fmt.Errorf("types are nested deeper than %d", maxSchemaDepth)
	}
	switch t.Kind {
	case table.Decimal:
		if t.Precision < 1 || t.Precision > 38 || t.Scale < 0 || t.Scale > t.Precision {
			return nil, fmt.Errorf("%s: precision is 1 to 38, scale 0 to precision", t)
		}
		return fmt.Sprintf("decimal(%d,%d)", t.Precision, t.Scale), nil
	case table.Array:
		if t.Elem == nil {
			return nil, fmt.Errorf("an array has no element type")
		}
		elem, err := deltaType(*t.Elem, depth+1)
		return struct {
			Type         string `json:"type"`
			ElementType  any    `json:"elementType"`
			ContainsNull bool   `json:"containsNull"`
		}{"array", elem, t.ElemNullable}, err
	case table.Map:
		if t.Elem == nil || t.Key == nil {
			return nil, fmt.Errorf("a map has no key or value type")
		}
		key, err := deltaType(*t.Key, depth+1)
		if err != nil {
			return nil, err
		}
		value, err := deltaType(*t.Elem, depth+1)
		return struct {
			Type              string `json:"type"`
			KeyType           any    `json:"keyType"`
			ValueType         any    `json:"valueType"`
			ValueContainsNull bool   `json:"valueContainsNull"`
		}{"map", key, value, t.ElemNullable}, err
	case table.Struct:
		return deltaStruct(t.Fields, depth)
	}
	if name, ok := primitiveNames[t.Kind]; ok {
		return name, nil
	}
	return nil, fmt.Errorf("unknown type %q", t.Kind)
}

func deltaStruct(fields []table.Field, depth int) (any, error) {
	type outField struct {
		Name     string         `json:"name"`
		Type     any            `json:"type"`
		Nullable bool           `json:"nullable"`
		Metadata map[string]any `json:"metadata"`
	}
	out := make([]outField, len(fields))
	seen := make(map[string]bool, len(fields))
	for i, f := range fields {
		lower := strings.ToLower(f.Name)
		if f.Name == "" {
			return nil, fmt.Errorf("column %d has no name", i+1)
		}
		if seen[lower] {
			return nil, fmt.Errorf("two columns are called %q (case does not count)", f.Name)
		}
		seen[lower] = true
		t, err := deltaType(f.Type, depth+1)
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", f.Name, err)
		}
		meta := f.Meta
		if meta == nil {
			meta = map[string]any{}
		}
		out[i] = outField{f.Name, t, f.Nullable, meta}
	}
	return struct {
		Type   string     `json:"type"`
		Fields []outField `json:"fields"`
	}{"struct", out}, nil
}

// reservedInNames are the characters that Parquet readers of the time of Delta's
// first version could not have in names.
const reservedInNames = " ,;{}()\n\t="

// PlainName reports whether a column can have the name in any Delta table: others are
// for tables with column mapping, whose files know the column by another one.
func PlainName(name string) bool { return !strings.ContainsAny(name, reservedInNames) }

// plainAdded is an *[Error] with [ErrInvalid] if a column that is not among the old
// ones has a name that only column mapping allows.
func plainAdded(old, next []table.Field) error {
	had := map[string]bool{}
	eachField(old, "", func(path string, _ table.Field) { had[path] = true })
	var err error
	eachField(next, "", func(path string, f table.Field) {
		if i := strings.IndexAny(f.Name, reservedInNames); i >= 0 && !had[path] && err == nil {
			err = &Error{Category: InvalidChange,
				Problem: fmt.Sprintf("schema: column name %q has a %q, which Delta allows only with column mapping", f.Name, f.Name[i]),
				Hint: fmt.Sprintf("rename it, for example to %q, or set the table's property delta.columnMapping.mode to name first; readers then need version 2 of the protocol",
					strings.Map(safeRune, f.Name))}
		}
	})
	return err
}

func safeRune(r rune) rune {
	if strings.ContainsRune(reservedInNames, r) {
		return '_'
	}
	return r
}

// decodeNumbers unmarshals keeping numbers as written.
func decodeNumbers(raw []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return fmt.Errorf("there is text after the JSON value")
	}
	return nil
}

// plainNumbers replaces json.Number by int64 where it is one, else by float64.
func plainNumbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		if f, err := v.Float64(); err == nil && !math.IsInf(f, 0) {
			return f
		}
		return v.String()
	case map[string]any:
		for k, e := range v {
			v[k] = plainNumbers(e)
		}
	case []any:
		for i, e := range v {
			v[i] = plainNumbers(e)
		}
	}
	return v
}

// marshal writes JSON on one line, without escapes for HTML.
func marshal(v any) (string, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return "", err
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}

// mapping says which name stands for a column in files, partition values and
// statistics (PROTOCOL.md, "Column Mapping").
type mapping string

const (
	mapNone mapping = "none"
	mapName mapping = "name"
	mapID   mapping = "id"
)

// physical gives the name of a field in the log and in files.
func (m mapping) physical(f table.Field) string {
	if m != mapNone {
		if name, ok := f.Meta[mappingName].(string); ok {
			return name
		}
	}
	return f.Name
}

// check verifies that every field has what the mapping needs.
func (m mapping) check(fields []table.Field, path string) error {
	for _, f := range fields {
		name := path + f.Name
		if s, ok := f.Meta[mappingName].(string); !ok || s == "" {
			return fmt.Errorf("column mapping is on, but column %q has no delta.columnMapping.physicalName", name)
		}
		if _, ok := f.Meta[mappingID].(int64); !ok {
			return fmt.Errorf("column mapping is on, but column %q has no delta.columnMapping.id", name)
		}
		if err := m.checkType(f.Type, name); err != nil {
			return err
		}
	}
	return nil
}

func (m mapping) checkType(t table.Type, path string) error {
	for _, part := range []*table.Type{t.Key, t.Elem} {
		if part != nil {
			if err := m.checkType(*part, path); err != nil {
				return err
			}
		}
	}
	if t.Kind == table.Struct && !t.Equal(variantType) { // whose parts have no names of their own
		return m.check(t.Fields, path+".")
	}
	return nil
}

// checkUnique refuses two fields with one id, and two of one struct that are the
// same column of files.
func checkUnique(fields []table.Field) error {
	ids := map[any]string{}
	columns := map[string]string{}
	var err error
	eachField(fields, "", func(path string, f table.Field) {
		if f.Meta[mappingID] == nil {
			return // part of a variant
		}
		parent := strings.TrimSuffix(path, f.Name)
		name, _ := f.Meta[mappingName].(string)
		id := f.Meta[mappingID]
		if other, ok := ids[id]; ok && err == nil {
			err = fmt.Errorf("columns %q and %q have the same delta.columnMapping.id %v", other, path, id)
		}
		if other, ok := columns[parent+"\x00"+name]; ok && err == nil {
			err = fmt.Errorf("columns %q and %q have the same delta.columnMapping.physicalName %q", other, path, name)
		}
		ids[id], columns[parent+"\x00"+name] = path, path
	})
	return err
}

// unmap removes what column mapping noted in fields: it names columns of files
// only while the mapping is on.
func unmap(fields []table.Field) {
	for i, f := range fields {
		delete(f.Meta, mappingName)
		delete(f.Meta, mappingID)
		if len(f.Meta) == 0 {
			fields[i].Meta = nil
		}
		unmapType(f.Type)
	}
}

func unmapType(t table.Type) {
	for _, part := range []*table.Type{t.Key, t.Elem} {
		if part != nil {
			unmapType(*part)
		}
	}
	unmap(t.Fields)
}
