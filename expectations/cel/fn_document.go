package cel

import (
	"encoding/json"
	"encoding/xml"
	"io"
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// Documents in text. Engines accept more JSON than RFC 8259 has (NaN, a comma
// before a bracket), so these go to the reference.
var documentFunctions = []function{
	textTestOf("isJSON", "Whether a text is one JSON value of RFC 8259.",
		func(s string) bool { return json.Valid([]byte(s)) }, nil,
		"isJSON('{\"a\": [1, null]}')", "!isJSON('{a: 1}')", "!isJSON('')"),
	{name: "hasJSONKeys", style: global,
		doc:      "Whether a text is a JSON object that has all of the keys of a list.",
		examples: []string{"hasJSONKeys('{\"a\": 1, \"b\": null}', ['a', 'b'])", "!hasJSONKeys('{\"a\": 1}', ['a', 'b'])", "!hasJSONKeys('[1]', ['a'])"},
		forms: []form{{id: "has_json_keys", in: []*types.Type{types.StringType, listOfString}, out: types.BoolType, total: true,
			eval: func(a []ref.Val) ref.Val {
				var object map[string]json.RawMessage
				if json.Unmarshal([]byte(a[0].(types.String)), &object) != nil || object == nil {
					return types.False
				}
				for it := a[1].(traits.Lister).Iterator(); it.HasNext() == types.True; {
					key, ok := it.Next().(types.String)
					if _, found := object[string(key)]; !ok || !found {
						return types.False
					}
				}
				return types.True
			}}}},
	textTestOf("isXML", "Whether a text is a well-formed XML document: one element with what is in it, no other text around.",
		wellFormed, nil, "isXML('<a><b/></a>')", "!isXML('<a><b></a>')", "!isXML('text')"),
}

func wellFormed(s string) bool {
	d := xml.NewDecoder(strings.NewReader(s))
	depth, roots := 0, 0
	for {
		token, err := d.Token()
		if err == io.EOF {
			return depth == 0 && roots == 1
		}
		if err != nil {
			return false
		}
		switch t := token.(type) {
		case xml.StartElement:
			if depth == 0 {
				roots++
			}
			depth++
		case xml.EndElement:
			depth--
		case xml.CharData:
			if depth == 0 && strings.TrimSpace(string(t)) != "" {
				return false
			}
		}
	}
}
