package cel

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dq-dev/dq/table"
)

// exampleRows are those of ExampleRows.
func exampleRows() (table.Schema, []map[string]any) {
	field := func(name string, t table.Type) table.Field { return table.Field{Name: name, Type: t, Nullable: true} }
	text := table.Type{Kind: table.String}
	city := table.Type{Kind: table.Struct, Fields: []table.Field{field("city", text)}}
	schema := table.Schema{Fields: []table.Field{
		field("at", table.Type{Kind: table.Timestamp}), field("g", text), field("x", table.Type{Kind: table.Int64}),
		field("y", table.Type{Kind: table.Double}), field("s", text), field("ok", table.Type{Kind: table.Bool}), field("address", city),
	}}
	paris := map[string]any{"city": "Paris"}
	rows := []map[string]any{
		{"g": "a", "x": int64(1), "y": 0.5, "s": "a", "ok": true, "address": paris},
		{"g": "a", "x": int64(2), "y": 1.5, "s": "b", "ok": true, "address": paris},
		{"g": "b", "x": int64(2), "y": math.NaN(), "s": "b", "ok": false},
		{"g": "b", "x": int64(5), "y": 2.5, "s": nil, "ok": true},
		{"g": "b", "x": nil, "y": nil, "s": "c", "ok": nil},
	}
	for i := range rows {
		rows[i]["at"] = time.Date(2026, 1, 1+i, 0, 0, 0, 0, time.UTC)
	}
	return schema, rows
}

// Everything that can be called says what it does, what it makes of nulls, and has
// three examples that hold.
func TestExamplesOfFunctions(t *testing.T) {
	schema, rows := exampleRows()
	e, err := NewEnv(schema, []Let{{Name: "twice", Source: "sum(x) * 2"}})
	if err != nil {
		t.Fatal(err)
	}
	other := map[string][]any{"": {nil, nil, nil}, "id": {int64(1), int64(2), int64(7)}, "name": {"a", "b", "c"}}
	facts := Facts{Now: time.Date(2026, 1, 6, 0, 0, 0, 0, time.UTC),
		Exists: func(r Ref, v any) bool { return slices.Contains(other[r.Column], v) },
		Column: func(r Ref) []any { return other[r.Column] }}
	bare, err := NewEnv(table.Schema{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	holds := func(src string) (string, bool) {
		if r, err := bare.Row(src); err == nil {
			got := r.With(facts).Eval(nil)
			return got.Message, got.Value == True
		}
		if r, err := e.Row(src); err == nil {
			for _, row := range rows {
				if got := r.With(facts).Eval(row); got.Value != True {
					return got.Message, false
				}
			}
			return "", true
		}
		if r, err := e.RowOver(src, nil); err == nil && len(r.Metrics()) == 0 {
			r = r.With(facts)
			for _, row := range r.Neighbours(rows, facts) {
				if got := r.Eval(row); got.Value != True {
					return got.Message, false
				}
			}
			return "", true
		}
		r, err := e.Table(src, nil)
		if err != nil {
			return err.Error(), false
		}
		values := r.Measure(rows, facts)
		for _, m := range r.Metrics() {
			switch {
			case m.List:
				values[m.Text] = []any{int64(6), int64(4)}
			case m.Past > 0:
				values[m.Text] = int64(4)
			}
		}
		got := r.Judge(values, facts)
		return got.Message, got.Value == True
	}
	described := map[string]bool{}
	for _, f := range Functions() {
		described[f.Name] = true
		if f.Doc == "" || f.Nulls == "" || len(f.Signatures) == 0 || len(f.Examples) < 3 {
			t.Errorf("%s is not described: %+v", f.Name, f)
		}
		for _, src := range f.Examples {
			if message, ok := holds(src); !ok {
				t.Errorf("%s: %s", src, message)
			}
			if !strings.Contains(src, f.Name[strings.LastIndex(f.Name, ".")+1:]) {
				t.Errorf("%s is no example of %s", src, f.Name)
			}
		}
	}
	for _, name := range functionNames() {
		if f := lib().functions[name]; !described[name] && (f == nil || f.name == name) && name != "existsOne" {
			t.Errorf("%s is not described", name)
		}
	}
}
