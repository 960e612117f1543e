package policies

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/dq-dev/dq/table"
)

// InputSchema is the JSON Schema (draft 7) of the policy input document, [Input]:
// what policies may read, and what a hand-made input must look like.
func InputSchema() []byte {
	definitions := map[string]any{}
	schema := objectOf(reflect.TypeFor[Input](), definitions)
	schema["$schema"] = "http://json-schema.org/draft-07/schema#"
	schema["title"] = "dq policy input: one change of one table"
	schema["definitions"] = definitions
	schema["properties"].(map[string]any)["api"] = map[string]any{"const": API}
	text, err := json.MarshalIndent(schema, "", "  ")
	if err != nil {
		panic("policies: schema: " + err.Error()) // it holds nothing that has no JSON
	}
	return append(text, '\n')
}

// objectOf is the schema of a struct. Fields that are left out when they are empty
// are not required; no other fields are allowed.
func objectOf(t reflect.Type, definitions map[string]any) map[string]any {
	properties := map[string]any{}
	required := []string{}
	for _, f := range reflect.VisibleFields(t) {
		name, option, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" {
			continue // embedded: its fields are visible themselves
		}
		s := typeOf(f.Type, definitions)
		if names := f.Tag.Get("enum"); names != "" {
			values := strings.Split(names, ",")
			if names == "ops" {
				values = table.Ops
			}
			if items, ok := s["items"].(map[string]any); ok {
				items["enum"] = values
			} else {
				s["enum"] = values
			}
		}
		if option != "omitempty" {
			required = append(required, name)
			if k := f.Type.Kind(); k == reflect.Pointer || k == reflect.Slice || k == reflect.Map {
				s = map[string]any{"anyOf": []any{s, map[string]any{"type": "null"}}}
			}
		}
		properties[name] = s
	}
	slices.Sort(required)
	return map[string]any{"type": "object", "properties": properties, "required": required, "additionalProperties": false}
}

// typeOf is the schema of a field's type; structs go into definitions.
func typeOf(t reflect.Type, definitions map[string]any) map[string]any {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return map[string]any{"type": "string", "format": "date-time"}
	case t.Kind() == reflect.Pointer:
		return typeOf(t.Elem(), definitions)
	case t.Kind() == reflect.Slice:
		return map[string]any{"type": "array", "items": typeOf(t.Elem(), definitions)}
	case t.Kind() == reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": typeOf(t.Elem(), definitions)}
	case t.Kind() == reflect.Struct:
		name := strings.ToLower(t.Name())
		if definitions[name] == nil {
			definitions[name] = true // before its fields, which may name it
			definitions[name] = objectOf(t, definitions)
		}
		return map[string]any{"$ref": "#/definitions/" + name}
	case t.Kind() == reflect.Interface:
		return map[string]any{}
	}
	kinds := map[reflect.Kind]string{reflect.String: "string", reflect.Bool: "boolean", reflect.Int: "integer", reflect.Int64: "integer", reflect.Float64: "number"}
	return map[string]any{"type": kinds[t.Kind()]}
}
