package policies

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/dq-dev/dq/internal/yamlpos"
)

// ReadInput reads an input document from JSON that somebody wrote: what it leaves
// out is empty. What it must not have, values that are none, and a diff that is not what
// old and new say, are yamlpos.Errors with file, line and column, all at once.
func ReadInput(file string, data []byte) (Input, error) {
	var in Input
	var schema map[string]any
	if err := json.Unmarshal(InputSchema(), &schema); err != nil {
		return in, fmt.Errorf("policies: schema of the input: %w", err)
	}
	r := &inputReader{file: file, data: data, dec: json.NewDecoder(bytes.NewReader(data)), definitions: schema["definitions"].(map[string]any)}
	r.dec.UseNumber()
	err := r.value("the input", schema)
	if err == nil {
		if _, more := r.dec.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("there is more behind the document")
		}
	}
	if err != nil {
		var syntax *json.SyntaxError
		at := r.dec.InputOffset()
		if errors.As(err, &syntax) {
			at = syntax.Offset - 1
		}
		r.problem(at, "", "%s", strings.TrimPrefix(err.Error(), "json: "))
	}
	if len(r.problems) > 0 {
		return in, r.problems.Sort()
	}
	if err := json.Unmarshal(data, &in); err != nil {
		return in, yamlpos.Errors{{File: file, Line: 1, Col: 1, Message: strings.TrimPrefix(err.Error(), "json: ")}}
	}
	in.checkDiff(func(entry int, hint, format string, args ...any) {
		at := r.diff
		if entry >= 0 {
			at = r.changes[entry]
		}
		r.problem(at, hint, format, args...)
	})
	if len(r.problems) > 0 {
		return in, r.problems.Sort()
	}
	return in, nil
}

// inputReader holds a document against the schema, token by token.
type inputReader struct {
	file        string
	data        []byte
	dec         *json.Decoder
	definitions map[string]any
	problems    yamlpos.Errors
	diff        int64   // where the diff begins
	changes     []int64 // and its entries
}

func (r *inputReader) problem(offset int64, hint, format string, args ...any) {
	offset = min(max(offset, 0), int64(len(r.data)))
	before := r.data[:offset]
	start := bytes.LastIndexByte(before, '\n') + 1
	line, _, _ := bytes.Cut(r.data[start:], []byte("\n"))
	r.problems = append(r.problems, yamlpos.Error{File: r.file, Line: bytes.Count(before, []byte("\n")) + 1, Col: len([]rune(string(before[start:]))) + 1,
		Message: fmt.Sprintf(format, args...), Hint: hint, Source: string(line)})
}

// start is where the next token begins.
func (r *inputReader) start() int64 {
	at := r.dec.InputOffset()
	for at < int64(len(r.data)) && strings.ContainsRune(" \t\r\n,:", rune(r.data[at])) {
		at++
	}
	return at
}

// resolve follows references, and passes over null beside a schema.
func (r *inputReader) resolve(schema map[string]any) map[string]any {
	for {
		if ref, ok := schema["$ref"].(string); ok {
			schema, _ = r.definitions[strings.TrimPrefix(ref, "#/definitions/")].(map[string]any)
			continue
		}
		if either, ok := schema["anyOf"].([]any); ok {
			schema, _ = either[0].(map[string]any)
			continue
		}
		return schema
	}
}

// value reads one value. The error is one of syntax.
func (r *inputReader) value(path string, schema map[string]any) error {
	schema = r.resolve(schema)
	at := r.start()
	token, err := r.dec.Token()
	if err != nil {
		return err
	}
	want, _ := schema["type"].(string)
	got := map[json.Delim]string{'{': "object", '[': "array"}
	kind := ""
	switch v := token.(type) {
	case nil:
		return nil
	case json.Delim:
		kind = got[v]
	case string:
		kind = "string"
	case bool:
		kind = "boolean"
	case json.Number:
		kind = "number"
		if _, err := v.Int64(); err == nil && want == "integer" {
			kind = "integer"
		}
	}
	if want != "" && kind != want {
		r.problem(at, "", "%s is %s, not %s", path, withArticle(kind), withArticle(want))
		schema = nil
	}
	if text, ok := token.(string); ok && schema != nil {
		r.text(at, path, text, schema)
	}
	switch kind {
	case "object":
		return r.object(path, schema)
	case "array":
		items, _ := schema["items"].(map[string]any)
		changes := items["$ref"] == "#/definitions/change"
		if changes {
			r.diff = at
		}
		for r.dec.More() {
			if changes {
				r.changes = append(r.changes, r.start())
			}
			if err := r.value(path, items); err != nil {
				return err
			}
		}
		_, err := r.dec.Token()
		return err
	}
	return nil
}

func (r *inputReader) object(path string, schema map[string]any) error {
	properties, _ := schema["properties"].(map[string]any)
	others, _ := schema["additionalProperties"].(map[string]any)
	seen := map[string]bool{}
	for r.dec.More() {
		at := r.start()
		token, err := r.dec.Token()
		if err != nil {
			return err
		}
		key, _ := token.(string)
		if seen[key] {
			r.problem(at, "", "%s has %q twice", path, key)
		}
		seen[key] = true
		next, known := properties[key].(map[string]any)
		switch {
		case known:
		case properties != nil:
			r.problem(at, yamlpos.DidYouMean(key, slices.Sorted(maps.Keys(properties))), "%s has no %q", path, key)
		default:
			next = others
		}
		if err := r.value(key, next); err != nil {
			return err
		}
	}
	_, err := r.dec.Token()
	return err
}

// text checks what texts must be: one of some, or a time.
func (r *inputReader) text(at int64, path, text string, schema map[string]any) {
	if text == "" {
		return
	}
	known, _ := schema["enum"].([]any)
	if c, ok := schema["const"]; ok {
		known = []any{c}
	}
	if len(known) > 0 && !slices.Contains(known, any(text)) {
		names := make([]string, len(known))
		for i, k := range known {
			names[i] = fmt.Sprint(k)
		}
		r.problem(at, yamlpos.DidYouMean(text, names), "%s is %q", path, text)
	}
	if schema["format"] == "date-time" {
		if _, err := time.Parse(time.RFC3339, text); err != nil {
			r.problem(at, "write it as 2026-10-01T06:00:00Z", "%s is %q, which is no time", path, text)
		}
	}
}

func withArticle(kind string) string {
	switch kind {
	case "object", "array", "integer":
		return "an " + kind
	case "string":
		return "text"
	case "boolean":
		return "true or false"
	}
	return "a " + kind
}
