package policies

import (
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/open-policy-agent/opa/v1/ast"
)

// encoder writes an input as canonical JSON and makes the value that policies see
// of it, in one pass: both are what readDocument makes of json.Marshal's text, in
// a third of the time.
type encoder struct {
	text  []byte
	terms map[string]*ast.Term // of texts: names of columns and readers come up again and again
	// objects are small ones by their JSON: most columns are the same before and after, and their tags everywhere.
	objects map[string]*ast.Term
}

// encode appends a value to the text.
type encode func(e *encoder, v reflect.Value) (*ast.Term, error)

// encodeInput writes who reads a table beside the rest of an input: on two cores that
// takes little more than half the time.
var encodeInput = sync.OnceValue(func() encode {
	fields := fieldsOf(reflect.TypeFor[Input]())
	beside := func(name string) bool { return name == "downstream" || name == "consumers_by_column" || name == "diff" }
	return func(e *encoder, v reflect.Value) (*ast.Term, error) {
		values, texts := make([]*ast.Term, len(fields)), make([][]byte, len(fields))
		part := func(e *encoder, readers bool) error {
			for i, f := range fields {
				value := v.FieldByIndex(f.index)
				if beside(f.name) != readers || f.omitEmpty && empty(value) {
					continue
				}
				start := len(e.text)
				e.text = append(e.text, f.text...)
				var err error
				if values[i], err = f.encode(e, value); err != nil {
					return err
				}
				texts[i] = e.text[start:] // what is appended later does not change it
			}
			return nil
		}
		own, other := newEncoder(), newEncoder()
		var failed error
		var readers sync.WaitGroup
		readers.Go(func() { failed = part(other, true) })
		err := part(own, false)
		readers.Wait()
		if err == nil {
			err = failed
		}
		if err != nil {
			return nil, err
		}
		pairs := make([][2]*ast.Term, 0, len(fields))
		e.text = slices.Grow(e.text, len(own.text)+len(other.text)+len(fields)+1)
		e.text = append(e.text, '{')
		for i, f := range fields {
			if values[i] == nil {
				continue
			}
			if len(pairs) > 0 {
				e.text = append(e.text, ',')
			}
			e.text = append(e.text, texts[i]...)
			pairs = append(pairs, [2]*ast.Term{f.key, values[i]})
		}
		e.text = append(e.text, '}')
		return ast.ObjectTerm(pairs...), nil
	}
})

func newEncoder() *encoder {
	return &encoder{text: make([]byte, 0, 16<<10), terms: map[string]*ast.Term{}, objects: map[string]*ast.Term{}}
}

var null = ast.NullTerm()

// encodeOf says how values of a type are written. Types are those of [Input] and
// of what is in it; of others it is json.Marshal.
func encodeOf(t reflect.Type) encode {
	if t == reflect.TypeFor[time.Time]() {
		return encodeTime
	}
	switch t.Kind() {
	case reflect.String:
		return func(e *encoder, v reflect.Value) (*ast.Term, error) { return e.string(v.String()) }
	case reflect.Bool:
		return func(e *encoder, v reflect.Value) (*ast.Term, error) { return e.bool(v.Bool()), nil }
	case reflect.Int, reflect.Int64:
		return func(e *encoder, v reflect.Value) (*ast.Term, error) { return e.int(v.Int()), nil }
	case reflect.Interface:
		return func(e *encoder, v reflect.Value) (*ast.Term, error) { return e.any(v.Interface()) }
	case reflect.Pointer:
		elem := encodeOf(t.Elem())
		return func(e *encoder, v reflect.Value) (*ast.Term, error) {
			if v.IsNil() {
				return e.null(), nil
			}
			return elem(e, v.Elem())
		}
	case reflect.Slice:
		return encodeSlice(encodeOf(t.Elem()))
	case reflect.Map:
		return encodeMap(encodeOf(t.Elem()))
	case reflect.Struct:
		return encodeStruct(t)
	}
	return encodeOther
}

func encodeSlice(elem encode) encode {
	return func(e *encoder, v reflect.Value) (*ast.Term, error) {
		if v.IsNil() {
			return e.null(), nil
		}
		items := make([]*ast.Term, v.Len())
		e.text = append(e.text, '[')
		for i := range items {
			if i > 0 {
				e.text = append(e.text, ',')
			}
			var err error
			if items[i], err = elem(e, v.Index(i)); err != nil {
				return nil, err
			}
		}
		e.text = append(e.text, ']')
		return ast.ArrayTerm(items...), nil
	}
}

func encodeMap(elem encode) encode {
	return func(e *encoder, v reflect.Value) (*ast.Term, error) {
		if v.IsNil() {
			return e.null(), nil
		}
		type entry struct {
			key   string
			value reflect.Value
		}
		entries := make([]entry, 0, v.Len())
		for it := v.MapRange(); it.Next(); {
			key := it.Key().String()
			if !utf8.ValidString(key) { // two may be the same when they are written
				return encodeOther(e, v)
			}
			entries = append(entries, entry{key, it.Value()})
		}
		slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.key, b.key) })
		pairs := make([][2]*ast.Term, len(entries))
		start := len(e.text)
		e.text = append(e.text, '{')
		for i, x := range entries {
			if i > 0 {
				e.text = append(e.text, ',')
			}
			var err error
			if pairs[i][0], err = e.string(x.key); err != nil {
				return nil, err
			}
			e.text = append(e.text, ':')
			if pairs[i][1], err = elem(e, x.value); err != nil {
				return nil, err
			}
		}
		e.text = append(e.text, '}')
		return e.object(start, pairs), nil
	}
}

// encodedField is a field of a struct.
type encodedField struct {
	name      string
	index     []int
	omitEmpty bool
	encode    encode
	key       *ast.Term
	text      string // the key, with its colon
}

// fieldsOf are the fields of a struct in the order of canonical JSON.
func fieldsOf(t reflect.Type) []encodedField {
	var fields []encodedField
	for _, f := range reflect.VisibleFields(t) {
		if f.Anonymous {
			continue // its fields follow
		}
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		fields = append(fields, encodedField{name: name, index: f.Index, omitEmpty: options == "omitempty", encode: encodeOf(f.Type),
			key: ast.StringTerm(name), text: strconv.Quote(name) + ":"})
	}
	slices.SortFunc(fields, func(a, b encodedField) int { return strings.Compare(a.name, b.name) })
	return fields
}

func encodeStruct(t reflect.Type) encode {
	fields := fieldsOf(t)
	return func(e *encoder, v reflect.Value) (*ast.Term, error) {
		pairs := make([][2]*ast.Term, 0, len(fields))
		start := len(e.text)
		e.text = append(e.text, '{')
		for i := range fields {
			f := &fields[i]
			value := v.FieldByIndex(f.index)
			if f.omitEmpty && empty(value) {
				continue
			}
			if len(pairs) > 0 {
				e.text = append(e.text, ',')
			}
			e.text = append(e.text, f.text...)
			term, err := f.encode(e, value)
			if err != nil {
				return nil, err
			}
			pairs = append(pairs, [2]*ast.Term{f.key, term})
		}
		e.text = append(e.text, '}')
		return e.object(start, pairs), nil
	}
}

// object is that of which the JSON begins at start.
func (e *encoder) object(start int, pairs [][2]*ast.Term) *ast.Term {
	text := e.text[start:]
	if len(text) > 512 {
		return ast.ObjectTerm(pairs...)
	}
	term := e.objects[string(text)]
	if term == nil {
		term = ast.ObjectTerm(pairs...)
		e.objects[string(text)] = term
	}
	return term
}

// empty is what omitempty leaves out.
func empty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Map, reflect.Slice, reflect.String:
		return v.Len() == 0
	case reflect.Struct:
		return false
	}
	return v.IsZero()
}

func encodeTime(e *encoder, v reflect.Value) (*ast.Term, error) {
	text, err := v.Interface().(time.Time).MarshalJSON()
	if err != nil {
		return nil, err
	}
	return e.string(strings.Trim(string(text), `"`))
}

// encodeOther writes what is rare.
func encodeOther(e *encoder, v reflect.Value) (*ast.Term, error) { return e.other(v.Interface()) }

func (e *encoder) other(v any) (*ast.Term, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	doc, err := readDocument(text)
	if err != nil {
		return nil, err
	}
	e.text = append(e.text, doc.text...)
	return ast.NewTerm(doc.value), nil
}

// any writes what a change was from and to, and the least and the greatest value.
func (e *encoder) any(v any) (*ast.Term, error) {
	switch v := v.(type) {
	case nil:
		return e.null(), nil
	case string:
		return e.string(v)
	case bool:
		return e.bool(v), nil
	case int:
		return e.int(int64(v)), nil
	case int64:
		return e.int(v), nil
	}
	return e.other(v)
}

func (e *encoder) null() *ast.Term {
	e.text = append(e.text, "null"...)
	return null
}

func (e *encoder) bool(v bool) *ast.Term {
	e.text = strconv.AppendBool(e.text, v)
	return ast.InternedTerm(v)
}

func (e *encoder) int(v int64) *ast.Term {
	e.text = strconv.AppendInt(e.text, v, 10)
	return ast.InternedTerm(v)
}

func (e *encoder) string(s string) (*ast.Term, error) {
	if !utf8.ValidString(s) {
		s = string([]rune(s)) // each byte that is wrong becomes U+FFFD, as in encoding/json
	}
	var err error
	e.text, err = appendText(e.text, s)
	term := e.terms[s]
	if term == nil {
		term = ast.StringTerm(s)
		e.terms[s] = term
	}
	return term, err
}
