package policies

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

// document is an input as policies see it.
type document struct {
	value  ast.Value
	text   []byte   // canonical JSON: keys sorted, no spaces
	sum    string   // SHA-256 of text, in hexadecimal
	erased []string // JSON pointers of what was taken out, because it is personal
}

// document completes the input and takes personal values out of it.
func (in Input) document() (document, error) {
	in.API = API
	in.Time = in.Time.UTC()
	in.Diff = withIDs(in.Diff)
	if in.Downstream == nil {
		in.Downstream = []Downstream{}
	}
	in.ConsumersByColumn = in.consumers()
	var erased []string
	in.Profile, erased = in.withoutPersonal()
	e := encoder{}
	value, err := encodeInput()(&e, reflect.ValueOf(&in).Elem())
	if err != nil {
		return document{}, err
	}
	return document{value: value.Value, text: e.text, sum: sumOf(e.text), erased: erased}, nil
}

func sumOf(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// readDocument reads the JSON of an input, and brings it into its canonical form.
func readDocument(text []byte) (document, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var plain any
	if err := dec.Decode(&plain); err != nil {
		return document{}, err
	}
	canonical, err := appendCanonical(make([]byte, 0, len(text)), plain)
	if err != nil {
		return document{}, err
	}
	value, err := ast.InterfaceToValue(plain)
	return document{value: value, text: canonical, sum: sumOf(canonical)}, err
}

// pointerPart writes a name as a part of a JSON pointer.
var pointerPart = strings.NewReplacer("~", "~0", "/", "~1")

// withoutPersonal is the profile without the least and the greatest value of
// columns that are tagged as personal, or whose values look so, and JSON pointers
// to these. Policies judge without them, so that an input can be kept as it was
// judged: a decision comes out the same when it is made again.
func (in Input) withoutPersonal() (*Profile, []string) {
	if in.Profile == nil {
		return nil, nil
	}
	tagged := map[string]bool{}
	for _, shape := range []*Shape{in.Old, in.New} {
		if shape == nil {
			continue
		}
		for _, c := range shape.Columns {
			for tag := range c.Tags {
				tagged[c.Path] = tagged[c.Path] || tag == "pii" || strings.HasPrefix(tag, "pii.")
			}
		}
	}
	personal := func(path string, c ProfileColumn) bool {
		for end := range path { // what is part of a tagged column is personal too
			if path[end] == '.' && tagged[path[:end]] {
				return true
			}
		}
		return tagged[path] || len(c.PIISuspects) > 0
	}
	p := *in.Profile
	p.Columns = maps.Clone(p.Columns)
	var erased []string
	for _, path := range slices.Sorted(maps.Keys(p.Columns)) {
		c := p.Columns[path]
		if !personal(path, c) {
			continue
		}
		pointer := "/profile/columns/" + pointerPart.Replace(path)
		if c.Max != nil {
			erased = append(erased, pointer+"/max")
		}
		if c.Min != nil {
			erased = append(erased, pointer+"/min")
		}
		c.Min, c.Max = nil, nil
		p.Columns[path] = c
	}
	return &p, erased
}
