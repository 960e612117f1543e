package expectations

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// schemaPart is a JSON Schema, or a part of one.
type schemaPart = map[string]any

// SuiteSchema is the JSON Schema (draft 7, which editors read) of a suite with
// these kinds. Editors complete and check suites by it; what it cannot know, such
// as the columns of the table, [Suite.Plan] finds.
func SuiteSchema(kinds []Kind) []byte {
	columns := schemaPart{
		"type":             described(stringSchema(), "The type of the column. Another type of the table is an error."),
		"description":      stringSchema(),
		"tags":             listSchema(stringSchema(), false),
		"classification":   described(stringSchema(), "How confidential its values are, such as public, internal, confidential."),
		"personal_data":    personalSchema(),
		"deprecated_since": dateSchema(),
		"replaced_by":      stringSchema(),
		"renamed_from":     stringSchema(),
		"key":              described(schemaPart{"type": "boolean"}, "The column identifies each row: not_null and unique."),
	}
	rules := schemaPart{
		"row":   described(stringSchema(), "CEL on one row. A row passes only when it is true."),
		"table": described(stringSchema(), "CEL over aggregates of all rows."),
		"sql":   described(stringSchema(), "One SELECT whose rows are failures."),
	}
	definitions := schemaPart{}
	for _, k := range kinds {
		definitions[k.Name] = k.schema("")
		rules[k.Name] = schemaPart{"$ref": "#/definitions/" + k.Name}
		if k.columnParam() != "" {
			definitions[k.Name+"_of_column"] = k.schema(k.columnParam())
			columns[k.Name] = schemaPart{"$ref": "#/definitions/" + k.Name + "_of_column"}
		}
	}
	for name, s := range optionSchemas() {
		definitions["option_"+name] = s
		columns[name], rules[name] = optionRef(name), optionRef(name)
	}
	names := slices.Clone(ruleKeys)
	for _, k := range kinds {
		names = append(names, k.Name)
	}
	var one []any
	for _, name := range names {
		one = append(one, schemaPart{"required": []string{name}})
	}
	verdict := schemaPart{"enum": verdicts}
	tables := schemaPart{"type": "object", "additionalProperties": objectSchema(schemaPart{"columns": mapSchema(stringSchema()), "rows": listSchema(schemaPart{"type": "object"}, false)}, "columns", "rows")}
	suite := objectSchema(schemaPart{
		"version":      schemaPart{"enum": []any{1, "1"}},
		"table":        stringSchema(),
		"description":  stringSchema(),
		"owner":        stringSchema(),
		"let":          described(mapSchema(scalarSchema()), "Named CEL, used like a column."),
		"on_empty":     schemaPart{"enum": []string{"pass", "warn", "fail"}},
		"columns":      schemaPart{"type": "object", "additionalProperties": orNull(schemaPart{"type": "object", "properties": columns, "additionalProperties": false})},
		"expectations": schemaPart{"type": "object", "additionalProperties": schemaPart{"type": "object", "properties": rules, "additionalProperties": false, "oneOf": one}},
		"tests": listSchema(objectSchema(schemaPart{"name": scalarSchema(), "rows": rowsSchema(), "before": listSchema(rowsSchema(), false), "expect": mapSchema(verdict),
			"now": scalarSchema(), "tables": tables}, "rows", "expect"), false),
	}, "version")
	for name, s := range declarationSchemas() {
		suite["properties"].(schemaPart)[name] = s
	}
	suite["$schema"] = "http://json-schema.org/draft-07/schema#"
	suite["title"] = "dq suite: the contract of one table"
	suite["definitions"] = definitions
	return encode(suite)
}

// KindSchema is the JSON Schema (draft 7) of the file of a kind.
func KindSchema() []byte {
	param := objectSchema(schemaPart{"type": schemaPart{"enum": paramTypeNames()}, "of": stringSchema(), "required": schemaPart{"type": "boolean"}, "default": scalarSchema(), "choices": listSchema(stringSchema(), false), "doc": stringSchema()}, "type")
	term := objectSchema(schemaPart{"each": stringSchema(), "pairs": stringSchema(), "steps": stringSchema(), "with": stringSchema(), "cel": stringSchema(), "join": schemaPart{"enum": sortedKeys(joins)}}, "cel", "join")
	clause := objectSchema(schemaPart{"if": schemaPart{"anyOf": []any{stringSchema(), listSchema(stringSchema(), false)}}, "cel": stringSchema()}, "cel")
	example := objectSchema(schemaPart{"name": stringSchema(), "columns": mapSchema(stringSchema()), "with": schemaPart{}, "rows": rowsSchema(), "before": listSchema(rowsSchema(), false), "tables": schemaPart{"type": "object"},
		"now": scalarSchema(), "expect": schemaPart{"enum": verdicts}, "failed": countSchema(), "errored": countSchema()}, "name", "columns", "with", "rows", "expect")
	kind := objectSchema(schemaPart{
		"name": schemaPart{"type": "string", "pattern": identifier.String()}, "doc": stringSchema(), "scope": schemaPart{"enum": []string{"row", "table"}}, "dimension": schemaPart{"enum": dimensions},
		"aliases": listSchema(stringSchema(), false), "params": mapSchema(param), "main": stringSchema(), "bounds": schemaPart{"type": "array", "items": stringSchema(), "minItems": 2, "maxItems": 2},
		"nulls": schemaPart{"enum": []string{"skip", "judge"}}, "form": schemaPart{"enum": []string{"unique", "count"}}, "terms": mapSchema(term),
		"cel": schemaPart{"anyOf": []any{stringSchema(), listSchema(clause, false)}}, "examples": listSchema(example, false),
	}, "name", "doc", "scope", "cel", "examples")
	kind["$schema"] = "http://json-schema.org/draft-07/schema#"
	kind["title"] = "dq kind: a named rule with parameters"
	return encode(kind)
}

func encode(s schemaPart) []byte {
	data, err := json.MarshalIndent(s, "", "")
	if err != nil {
		panic("expectations: schema: " + err.Error()) // it holds nothing that has no JSON
	}
	return append(data, '\n')
}

// schema is what may stand behind the kind's name; column is the parameter that
// the place gives, or "".
func (k *Kind) schema(column string) schemaPart {
	properties := schemaPart{}
	var required []string
	for _, p := range k.Params {
		if p.Name == column {
			continue
		}
		properties[p.Name] = p.schema()
		if p.Required {
			required = append(required, p.Name)
		}
	}
	for _, name := range optionKeys {
		properties[name] = optionRef(name)
	}
	full := objectSchema(properties, required...)
	if len(k.Bounds) == 2 {
		full["anyOf"] = []any{schemaPart{"required": k.Bounds[:1]}, schemaPart{"required": k.Bounds[1:]}}
	}
	ways := []any{full}
	if p, ok := k.param(k.Main); ok && p.Name != column {
		ways = append(ways, p.schema())
	}
	if column != "" && k.flag() {
		ways = append(ways, schemaPart{"type": "boolean"})
	}
	doc := strings.Join(strings.Fields(k.Doc), " ")
	if len(ways) == 1 {
		full["description"] = doc
		return full
	}
	return schemaPart{"description": doc, "anyOf": ways}
}

func (p Param) schema() schemaPart {
	s := typeSchema(p.Type)
	if p.Type == "choice" {
		s = schemaPart{"enum": p.Choices}
	}
	if p.Doc != "" {
		s["description"] = p.Doc
	}
	if p.Default != "" {
		s["default"] = p.Default
	}
	return s
}

func typeSchema(name string) schemaPart {
	t, _ := typeOfParam(name)
	if t.item != "" {
		return listSchema(typeSchema(t.item), name == "columns" || name == "types" || name == "names")
	}
	switch name {
	case "count":
		return countSchema()
	case "number":
		return schemaPart{"anyOf": []any{schemaPart{"type": "number"}, schemaPart{"enum": []string{".inf", "-.inf"}}}}
	case "fraction":
		return fractionSchema()
	case "bool":
		return schemaPart{"type": "boolean"}
	case "duration":
		return schemaPart{"type": "string", "pattern": `^[0-9.]+(d|h|m|s|ms)([0-9.]+(h|m|s|ms))*$`}
	case "clock":
		return schemaPart{"type": "string", "pattern": `^[0-2]?[0-9]:[0-5][0-9]$`}
	case "date":
		return dateSchema()
	case "weekday":
		return schemaPart{"enum": weekdays}
	case "operator":
		return schemaPart{"enum": operators}
	case "reference":
		return schemaPart{"type": "string", "pattern": `^.+\..+$`}
	case "value":
		return scalarSchema()
	case "layout":
		return mapSchema(stringSchema())
	case "weights":
		return mapSchema(fractionSchema())
	case "pairs":
		return listSchema(schemaPart{"type": "array", "items": scalarSchema(), "minItems": 2, "maxItems": 2}, false)
	case "text", "regex", "like", "column":
		return scalarSchema() // YAML reads 12 as a number, and it is a text here
	}
	return stringSchema()
}

func optionRef(name string) schemaPart { return schemaPart{"$ref": "#/definitions/option_" + name} }

// optionSchemas are the options that stand beside parameters.
func optionSchemas() schemaPart {
	var ways []string
	for _, w := range nullWays {
		ways = append(ways, w.name)
	}
	pair := func(s schemaPart) schemaPart {
		return schemaPart{"anyOf": []any{s, objectSchema(schemaPart{"warn": s, "fail": s}, "warn", "fail")}}
	}
	options := schemaPart{
		"mostly":      described(pair(fractionSchema()), "The least fraction of good rows."),
		"max_failed":  described(pair(countSchema()), "The greatest number of bad rows."),
		"where":       described(stringSchema(), "CEL: the rows that are judged."),
		"on_fail":     described(schemaPart{"enum": []string{"block", "quarantine", "drop", "warn", "info"}}, "What happens when it fails."),
		"scope":       described(schemaPart{"enum": []string{"new", "table"}}, "new judges the batch alone."),
		"on_empty":    described(schemaPart{"enum": []string{"pass", "warn", "fail"}}, "The verdict when there is nothing to judge."),
		"dimension":   schemaPart{"enum": dimensions},
		"description": stringSchema(),
		"owner":       stringSchema(),
		"tags":        listSchema(stringSchema(), false),
		"since":       described(schemaPart{"enum": []string{"new"}}, "new judges only rows that came after the rule."),
		"group_by":    described(listSchema(stringSchema(), true), "Judge each group of rows by itself. A rule that takes rows out may take half of each, or what mostly bears."),
		"nulls":       described(schemaPart{"enum": ways}, "What happens to rows with nulls."),
	}
	for name := range options {
		if !slices.Contains(optionKeys, name) {
			panic(fmt.Sprintf("expectations: the option %s is not read", name))
		}
	}
	return options
}

func rowsSchema() schemaPart     { return listSchema(schemaPart{"type": "object"}, false) }
func stringSchema() schemaPart   { return schemaPart{"type": "string"} }
func countSchema() schemaPart    { return schemaPart{"type": "integer", "minimum": 0} }
func fractionSchema() schemaPart { return schemaPart{"type": "number", "minimum": 0, "maximum": 1} }
func dateSchema() schemaPart {
	return schemaPart{"type": "string", "pattern": `^[0-9]{4}-[0-9]{2}-[0-9]{2}$`}
}
func scalarSchema() schemaPart { return schemaPart{"type": []string{"string", "number", "boolean"}} }
func mapSchema(s schemaPart) schemaPart {
	return schemaPart{"type": "object", "additionalProperties": s}
}

func orNull(s schemaPart) schemaPart {
	return schemaPart{"anyOf": []any{schemaPart{"type": "null"}, s}}
}

func listSchema(item schemaPart, lone bool) schemaPart {
	s := schemaPart{"type": "array", "items": item}
	if lone {
		return schemaPart{"anyOf": []any{s, item}}
	}
	return s
}

func objectSchema(properties schemaPart, required ...string) schemaPart {
	s := schemaPart{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		s["required"] = required
	}
	return s
}

func described(s schemaPart, doc string) schemaPart {
	s["description"] = doc
	return s
}
