package cel

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Documents that are held against a schema, which is a constant. Only the
// reference knows JSON Schema.
var schemaFunctions = []function{
	{name: "matchesJSONSchema", style: global,
		doc: "Whether a text is JSON that a JSON Schema allows (draft 2020-12, unless its $schema names draft 4, 6, 7 or 2019-09). References to other documents are refused. What is no JSON does not match.",
		examples: []string{`matchesJSONSchema('{"a": 1}', '{"required": ["a"]}')`, `!matchesJSONSchema('{"b": 1}', '{"required": ["a"]}')`,
			`!matchesJSONSchema('{', 'true')`},
		forms: []form{{id: "matches_json_schema", in: []*types.Type{types.StringType, types.StringType}, out: types.BoolType,
			check: func(literals []ref.Val) *wrong {
				text, ok := literals[1].(types.String)
				if !ok {
					return &wrong{1, "the schema is a constant", `write '{"type": "object"}'`}
				}
				if _, err := jsonSchema(string(text)); err != nil {
					return &wrong{1, err.Error(), ""}
				}
				return nil
			},
			eval: func(a []ref.Val) ref.Val {
				schema, err := jsonSchema(string(a[1].(types.String)))
				if err != nil {
					return types.NewErr("%v", err)
				}
				document, err := jsonschema.UnmarshalJSON(strings.NewReader(string(a[0].(types.String))))
				return types.Bool(err == nil && schema.Validate(document) == nil)
			}}}},
}

// schemas are those that were compiled, by their text: constants of rules.
var schemas sync.Map

func jsonSchema(text string) (*jsonschema.Schema, error) {
	if s, ok := schemas.Load(text); ok {
		return s.(*jsonschema.Schema), nil
	}
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("the schema is no JSON: %w", err)
	}
	const name = "dq:schema"
	c := jsonschema.NewCompiler()
	c.UseLoader(nowhere{})
	if err := c.AddResource(name, document); err != nil {
		return nil, fmt.Errorf("the schema cannot be read: %w", err)
	}
	s, err := c.Compile(name)
	if err != nil {
		return nil, fmt.Errorf("the schema is none: %w", err)
	}
	schemas.Store(text, s)
	return s, nil
}

// nowhere loads no other document: rules read neither files nor the network.
type nowhere struct{}

func (nowhere) Load(url string) (any, error) {
	return nil, errors.New("it refers to another document, which is not read")
}
