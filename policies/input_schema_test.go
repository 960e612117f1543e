package policies

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/dq-dev/dq/table"
)

// filled gives a value in which nothing is empty, so that every field is written.
func filled(v reflect.Value) {
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(today))
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		filled(v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			filled(v.Field(i))
			values := strings.Split(v.Type().Field(i).Tag.Get("enum"), ",")
			if values[0] == "ops" {
				values = table.Ops
			}
			switch f := v.Field(i); {
			case values[0] == "":
			case f.Kind() == reflect.Slice:
				f.Index(0).SetString(values[0])
			default:
				f.SetString(values[0])
			}
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		filled(v.Index(0))
	case reflect.Map:
		value := reflect.New(v.Type().Elem()).Elem()
		filled(value)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(reflect.ValueOf("k"), value)
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(1)
	case reflect.Float64:
		v.SetFloat(0.5)
	case reflect.Interface:
		v.Set(reflect.ValueOf("x"))
	}
}

func TestInputSchema(t *testing.T) {
	plain := func(v any) any {
		text, ok := v.([]byte)
		if !ok {
			var err error
			if text, err = json.Marshal(v); err != nil {
				t.Fatal(err)
			}
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		return doc
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("input.json", plain(InputSchema())); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("input.json")
	if err != nil {
		t.Fatal(err)
	}

	var full Input
	filled(reflect.ValueOf(&full).Elem())
	full.API = API
	small := orders()
	small.API, small.Old, small.Diff = API, nil, []Change{{Change: table.Change{Op: table.TableCreated}}}
	for name, in := range map[string]Input{"full": full, "small": small} {
		if err := schema.Validate(plain(in)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for want, change := range map[string]func(map[string]any){
		"additional properties": func(in map[string]any) { in["tabel"] = 1 },
		"missing property":      func(in map[string]any) { delete(in, "table") },
		"/op":                   func(in map[string]any) { in["op"] = "wish" },
		"/diff/0/op":            func(in map[string]any) { in["diff"].([]any)[0].(map[string]any)["op"] = "column_sung" },
		"/table/name":           func(in map[string]any) { in["table"].(map[string]any)["name"] = 7 },
	} {
		doc := plain(full).(map[string]any)
		change(doc)
		if err := schema.Validate(doc); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
}

func TestDecideRefusesUnknownOperations(t *testing.T) {
	in := orders()
	in.Diff = []Change{{Change: table.Change{Op: "column_sung", Path: "amount"}}}
	_, err := bundled(t).Decide(t.Context(), in)
	if err == nil || !strings.Contains(err.Error(), `an operation "column_sung" that policies do not know; known are table_created`) {
		t.Errorf("%v", err)
	}
}
