package expectations

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/dq-dev/dq/internal/yamlpos"
)

// TestSuiteSchema holds suites that load against the schema, and suites that
// must not load.
func TestSuiteSchema(t *testing.T) {
	schema := decode(t, SuiteSchema(Kinds()))
	good := []string{"testdata/orders.yaml", "testdata/contracts/suite.yaml", "testdata/contracts/options.yaml"}
	for _, pattern := range []string{"../examples/*/suites/*/*.yaml", "testdata/audit/*.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		good = append(good, files...)
	}
	if len(good) < 5 {
		t.Fatalf("only %d suites", len(good))
	}
	for _, file := range good {
		if p := validate(schema, schema, readYAML(t, file), "$"); p != "" {
			t.Errorf("%s: %s", file, p)
		}
	}
	for _, wrong := range []string{
		"columns: {a: {}}",
		"{version: 1, colums: {}}",
		"{version: 1, columns: {a: {not_nul: true}}}",
		"{version: 1, columns: {a: {in_set: a}}}",
		"{version: 1, columns: {a: {between: {least: 1}}}}",
		"{version: 1, columns: {a: {between: {}}}}",
		"{version: 1, columns: {a: {regex: {pattern: a, mostly: 2}}}}",
		"{version: 1, columns: {a: {row_count: {min: 1}}}}",
		"{version: 1, expectations: {x: {description: no rule}}}",
		"{version: 1, expectations: {x: {row: a > 0, table: rows() > 0}}}",
		"{version: 1, expectations: {x: {row: a > 0, on_fail: explode}}}",
		"{version: 1, expectations: {x: {compare: {left: a, op: '=', right: b}}}}",
		"{version: 1, expectations: {x: {string_case: {column: a, case: tilte}}}}",
		"{version: 1, tests: [{expect: {}}]}",
	} {
		if validate(schema, schema, parseYAML(t, "wrong.yaml", []byte(wrong)), "$") == "" {
			t.Errorf("the schema accepts %s", wrong)
		}
		if _, err := Parse("wrong.yaml", []byte(wrong), Options{}); err == nil {
			t.Errorf("dq accepts %s", wrong)
		}
	}
}

// TestExamplesFitSchema: what examples write is what editors accept.
func TestExamplesFitSchema(t *testing.T) {
	schema := decode(t, SuiteSchema(Kinds()))
	for _, k := range Kinds() {
		for _, e := range k.Examples {
			call := map[string]any{"version": 1.0, "expectations": map[string]any{"example": map[string]any{k.Name: plainYAML(e.node.Get("with"))}}}
			if p := validate(schema, schema, call, "$"); p != "" {
				t.Errorf("%s: %s", e.Position(), p)
			}
		}
	}
}

func TestKindSchema(t *testing.T) {
	schema := decode(t, KindSchema())
	files, err := filepath.Glob("catalogue/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if p := validate(schema, schema, readYAML(t, file), "$"); p != "" {
			t.Errorf("%s: %s", file, p)
		}
	}
	for _, wrong := range []string{"{name: a, doc: b, scope: rows, cel: c, examples: []}", "{name: a, doc: b, scope: row, cel: c}", "{name: a, doc: b, scope: row, cel: c, examples: [], extra: 1}"} {
		if validate(schema, schema, parseYAML(t, "wrong.yaml", []byte(wrong)), "$") == "" {
			t.Errorf("the schema accepts %s", wrong)
		}
	}
}

func decode(t *testing.T, data []byte) map[string]any {
	t.Helper()
	var schema map[string]any
	if err := json.Unmarshal(data, &schema); err != nil {
		t.Fatal(err)
	}
	return schema
}

func readYAML(t *testing.T, file string) any {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return parseYAML(t, file, data)
}

func parseYAML(t *testing.T, file string, data []byte) any {
	t.Helper()
	doc, err := yamlpos.Parse(file, data)
	if err != nil {
		t.Fatal(err)
	}
	return plainYAML(doc.Root)
}

// plainYAML is a node as JSON has it.
func plainYAML(n *yamlpos.Node) any {
	switch n.Kind {
	case yamlpos.Mapping:
		out := map[string]any{}
		for _, e := range n.Entries {
			out[e.Key.Text] = plainYAML(e.Value)
		}
		return out
	case yamlpos.Sequence:
		out := []any{}
		for _, i := range n.Items {
			out = append(out, plainYAML(i))
		}
		return out
	}
	if n.Null {
		return nil
	}
	if text, ok := n.IsNumber(); ok {
		f, _ := strconv.ParseFloat(text, 64)
		return f
	}
	if b, ok := n.IsBool(); ok {
		return b
	}
	return n.Text
}

// validate says what is wrong with a value by those words of JSON Schema that the
// schemas here use; "" is nothing. An unknown word is wrong too.
func validate(root, schema map[string]any, v any, at string) string {
	for _, word := range sortedKeys(schema) {
		arg := schema[word]
		switch word {
		case "$schema", "title", "description", "default", "definitions":
		case "$ref":
			name := strings.TrimPrefix(arg.(string), "#/definitions/")
			target, ok := root["definitions"].(map[string]any)[name].(map[string]any)
			if !ok {
				return at + ": no definition " + name
			}
			if p := validate(root, target, v, at); p != "" {
				return p
			}
		case "type":
			names, ok := arg.([]any)
			if !ok {
				names = []any{arg}
			}
			if !slices.ContainsFunc(names, func(n any) bool { return isType(v, n.(string)) }) {
				return fmt.Sprintf("%s: %v is no %v", at, v, arg)
			}
		case "enum":
			if !slices.ContainsFunc(arg.([]any), func(x any) bool { return x == v }) {
				return fmt.Sprintf("%s: %v is none of %v", at, v, arg)
			}
		case "pattern":
			if text, ok := v.(string); ok && !regexp.MustCompile(arg.(string)).MatchString(text) {
				return fmt.Sprintf("%s: %v does not match %v", at, v, arg)
			}
		case "minimum", "maximum":
			if n, ok := v.(float64); ok && (word == "minimum" && n < arg.(float64) || word == "maximum" && n > arg.(float64)) {
				return fmt.Sprintf("%s: %v, %s %v", at, v, word, arg)
			}
		case "items":
			items, _ := v.([]any)
			for i, x := range items {
				if p := validate(root, arg.(map[string]any), x, fmt.Sprintf("%s[%d]", at, i)); p != "" {
					return p
				}
			}
		case "minItems", "maxItems":
			if items, ok := v.([]any); ok && (word == "minItems" && len(items) < int(arg.(float64)) || word == "maxItems" && len(items) > int(arg.(float64))) {
				return fmt.Sprintf("%s: %d items", at, len(items))
			}
		case "required":
			if m, ok := v.(map[string]any); ok {
				for _, name := range arg.([]any) {
					if _, ok := m[name.(string)]; !ok {
						return fmt.Sprintf("%s: %v is missing", at, name)
					}
				}
			}
		case "properties", "additionalProperties":
			m, _ := v.(map[string]any)
			properties, _ := schema["properties"].(map[string]any)
			for _, name := range sortedKeys(m) {
				s, known := properties[name].(map[string]any)
				if word == "additionalProperties" {
					if known {
						continue
					}
					var ok bool
					if s, ok = arg.(map[string]any); !ok {
						return fmt.Sprintf("%s: %s is not known", at, name)
					}
				} else if !known {
					continue
				}
				if p := validate(root, s, m[name], at+"."+name); p != "" {
					return p
				}
			}
		case "anyOf", "oneOf":
			fits := 0
			problem := ""
			for _, s := range arg.([]any) {
				p := validate(root, s.(map[string]any), v, at)
				if p == "" {
					fits++
				}
				problem = p
			}
			if fits == 0 || word == "oneOf" && fits > 1 {
				return fmt.Sprintf("%s: %d of %s fit: %s", at, fits, word, problem)
			}
		default:
			return at + ": the schema says " + word
		}
	}
	return ""
}

func isType(v any, name string) bool {
	switch v := v.(type) {
	case nil:
		return name == "null"
	case bool:
		return name == "boolean"
	case string:
		return name == "string"
	case float64:
		return name == "number" || name == "integer" && v == float64(int64(v))
	case []any:
		return name == "array"
	case map[string]any:
		return name == "object"
	}
	return false
}
