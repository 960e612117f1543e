package pipeline

import "encoding/json"

// FileSchema is the JSON Schema (draft 7, which editors read) of the pipeline file, by
// which editors complete and check it. What it cannot know, such as the columns that a
// model returns, a run finds.
func FileSchema() []byte {
	type part = map[string]any
	definitions := part{}
	text := func() part { return part{"type": []string{"string", "number", "boolean"}} } // YAML reads 12 as a number, and it is a text here
	ref := func(k Key) part {
		if k.Of == "" {
			return text()
		}
		return part{"$ref": "#/definitions/" + k.Of}
	}
	value := func(k Key) part {
		item := ref(k)
		if k.Lone {
			item = part{"anyOf": []any{text(), item}}
		}
		switch k.Type {
		case "choice":
			var values []any
			for _, c := range k.Choices {
				var v any
				if json.Unmarshal([]byte(c), &v) == nil {
					values = append(values, v) // 1 and true, as YAML reads them
				} else {
					values = append(values, c)
				}
			}
			return part{"enum": values}
		case "names":
			return part{"anyOf": []any{part{"type": "array", "items": text()}, text()}}
		case "flag":
			return part{"type": "boolean"}
		case "count":
			return part{"type": "integer", "minimum": 0}
		case "mapping":
			return item
		case "map":
			m := part{"type": "object", "additionalProperties": item}
			if len(k.Choices) > 0 {
				m["propertyNames"] = part{"enum": k.Choices}
			}
			return m
		case "list":
			return part{"type": "array", "items": item}
		}
		return text()
	}
	for _, s := range Sections {
		properties := part{}
		required := []string{}
		for _, k := range s.Keys {
			v := part{"allOf": []any{value(k)}, "description": k.Doc}
			if k.Default != "" {
				v["description"] = k.Doc + " Default: " + k.Default + "."
			}
			properties[k.Name] = v
			if k.Required {
				required = append(required, k.Name)
			}
		}
		definitions[s.Name] = part{"type": "object", "properties": properties, "required": required, "additionalProperties": false, "description": s.Doc}
	}
	out, err := json.MarshalIndent(part{"$schema": "http://json-schema.org/draft-07/schema#", "title": "dq: a pipeline",
		"$ref": "#/definitions/pipeline", "definitions": definitions}, "", "  ")
	if err != nil {
		panic("pipeline: schema: " + err.Error()) // it holds nothing that has no JSON
	}
	return append(out, '\n')
}
