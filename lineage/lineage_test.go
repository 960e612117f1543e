package lineage

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/table"
)

var update = flag.Bool("update", false, "rewrite what the cases in testdata want")

// planCase is a file of testdata: a SELECT over [tables], the names of its result
// and its plan, as DuckDB 1.5.6 gave them, and the lineage that is in the plan.
type planCase struct {
	SQL     string          `json:"sql"`
	Columns []string        `json:"columns"`
	Want    want            `json:"want"`
	Tree    json.RawMessage `json:"tree"`
}

// want is a statement with a source as one line: DIRECT IDENTITY silver.customers.name.
type want struct {
	Status  string       `json:"status"`
	Columns []wantColumn `json:"columns"`
	Dataset []string     `json:"dataset,omitempty"`
}

type wantColumn struct {
	Name string   `json:"name"`
	From []string `json:"from"`
}

// tables are what the cases select from.
var tables = map[string]table.Schema{
	"bronze.orders": schema("id", "int64", "customer_id", "int64", "status", "string", "amount", "decimal(18,2)", "email", "string",
		"items", "array<struct<sku: string, qty: int32>>", "info", "struct<city: string, geo: struct<lat: double, lon: double>>", "ts", "timestamp"),
	"silver.customers": schema("customer_id", "int64", "name", "string", "country", "string", "email", "string"),
	"silver.prices":    schema("sku", "string", "price", "double", "since", "timestamp"),
	"edges":            schema("src", "int64", "dst", "int64"),
}

// schema builds a schema from names and types in turn; without a type it is string.
func schema(pairs ...string) table.Schema {
	var s table.Schema
	for i := 0; i+1 < len(pairs); i += 2 {
		typ, err := table.ParseType(pairs[i+1])
		if err != nil {
			panic(err)
		}
		s.Fields = append(s.Fields, table.Field{Name: pairs[i], Type: typ, Nullable: true})
	}
	return s
}

func result(columns []string) table.Schema {
	var s table.Schema
	for _, name := range columns {
		s.Fields = append(s.Fields, table.Field{Name: name, Type: table.Type{Kind: table.String}})
	}
	return s
}

func lines(sources []Source) []string {
	out := []string{}
	for _, s := range sources {
		line := s.Type + " " + s.Subtype + " " + s.Table
		if s.Column != "" {
			line += "." + s.Column
		}
		if s.Masking {
			line += " masked"
		}
		out = append(out, line)
	}
	return out
}

func describe(st *Statement) want {
	w := want{Status: st.Status, Dataset: lines(st.Dataset)}
	for _, c := range st.Columns {
		w.Columns = append(w.Columns, wantColumn{c.Name, lines(c.Sources)})
	}
	return w
}

func TestTrace(t *testing.T) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) < 80 {
		t.Fatalf("%d cases found: %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var c planCase
			if err := json.Unmarshal(data, &c); err != nil {
				t.Fatal(err)
			}
			st, err := Trace(engine.Plan{Schema: result(c.Columns), Tree: c.Tree}, tables)
			if err != nil {
				t.Fatal(err)
			}
			got := describe(st)
			if *update {
				c.Want = got
				if err := os.WriteFile(file, c.encode(t), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if g, w := text(t, got), text(t, c.Want); g != w {
				t.Errorf("%s\ngot  %s\nwant %s", c.SQL, g, w)
			}
		})
	}
}

func text(t *testing.T, v any) string {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(b.String())
}

// encode writes a case with everything but the plan laid out to be read.
func (c planCase) encode(t *testing.T) []byte {
	t.Helper()
	tree := c.Tree
	c.Tree = json.RawMessage(`"TREE"`)
	return []byte(strings.Replace(text(t, c), `"TREE"`, string(tree), 1) + "\n")
}

func TestTraceWithoutTree(t *testing.T) {
	plan := engine.Plan{Schema: result([]string{"a", "b"}), Reads: []string{"edges"}}
	st, err := Trace(plan, tables)
	if err != nil {
		t.Fatal(err)
	}
	all := []string{"DIRECT TRANSFORMATION edges.dst", "DIRECT TRANSFORMATION edges.src"}
	if got := describe(st); got.Status != Conservative || !reflect.DeepEqual(got.Columns, []wantColumn{{"a", all}, {"b", all}}) {
		t.Errorf("got %s", text(t, got))
	}
}

// Whatever is not understood must give too much, never too little.
func TestTraceUnknown(t *testing.T) {
	const scan = `{"type":"LOGICAL_GET","names":["src","dst"],"projection_ids":[],"function_data":{"schema":"main","table":"edges"},"column_indexes":[{},{"index":1}]}`
	for name, tree := range map[string]string{
		"operator":           `{"plans":[{"type":"LOGICAL_PROJECTION","expressions":[{"expression_class":"BOUND_REF"}],"children":[{"type":"LOGICAL_NEW","children":[` + scan + `]}]}]}`,
		"expression":         `{"plans":[{"type":"LOGICAL_PROJECTION","expressions":[{"expression_class":"BOUND_NEW"}],"children":[` + scan + `]}]}`,
		"reference":          `{"plans":[{"type":"LOGICAL_PROJECTION","expressions":[{"expression_class":"BOUND_REF","index":7}],"children":[` + scan + `]}]}`,
		"width":              `{"plans":[` + scan + `]}`,
		"shape of the plan":  `{"plans":[{"type":"LOGICAL_PROJECTION","expressions":7,"children":[` + scan + `]}]}`,
		"shape of the child": `{"plans":[{"type":"LOGICAL_PROJECTION","children":7}]}`,
		"shape":              `{"plans":7}`,
		"no plan":            `{}`,
		"delim get":          `{"plans":[{"type":"LOGICAL_CROSS_PRODUCT","children":[{"type":"LOGICAL_DELIM_GET","chunk_types":[{}]},` + scan + `]}]}`,
		"unbound column":     `{"plans":[{"type":"LOGICAL_PROJECTION","expressions":[{"expression_class":"BOUND_COLUMN_REF","binding":{"table_index":9}}],"children":[` + scan + `]}]}`,
		"too few children":   `{"plans":[{"type":"LOGICAL_UNION","children":[` + scan + `]}]}`,
		"lambda capture":     `{"plans":[{"type":"LOGICAL_PROJECTION","expressions":[{"expression_class":"BOUND_REF"}],"children":[{"type":"LOGICAL_GET","names":["src","dst"],"projection_ids":[],"function_data":{"schema":"main","table":"edges"},"column_indexes":[]}]}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			st, err := Trace(engine.Plan{Schema: result([]string{"a"}), Reads: []string{"edges"}, Tree: []byte(tree)}, tables)
			if err != nil {
				t.Fatal(err)
			}
			got := describe(st)
			all := []string{"DIRECT TRANSFORMATION edges.dst", "DIRECT TRANSFORMATION edges.src"}
			if got.Status != Conservative || !reflect.DeepEqual(got.Columns[0].From, all) {
				t.Errorf("got %s", text(t, got))
			}
		})
	}
}

func TestTraceErrors(t *testing.T) {
	for tree, say := range map[string]string{
		``:  "unexpected end",
		`{`: "unexpected end",
		`{"error":true,"error_message":"no such table"}`:       "no such table",
		`{"plans":[{"type":"LOGICAL_GET","names":["a","b"]}]}`: "skip_empty",
	} {
		_, err := Trace(engine.Plan{Tree: []byte(tree)}, nil)
		if !errors.Is(err, ErrPlan) || !strings.Contains(err.Error(), say) {
			t.Errorf("%s: %v", tree, err)
		}
	}
}

// A plan of nested recursive CTEs is gone through only so far.
func TestTraceIsBounded(t *testing.T) {
	deep := `{"type":"LOGICAL_DUMMY_SCAN"}`
	for range 40 {
		deep = `{"type":"LOGICAL_RECURSIVE_CTE","table_index":1,"children":[{"type":"LOGICAL_GET","names":["src","dst"],"projection_ids":[],"function_data":{"table":"edges"},"column_indexes":[{}]},` +
			`{"type":"LOGICAL_PROJECTION","expressions":[{"expression_class":"BOUND_CAST","child":{"expression_class":"BOUND_REF"}}],"children":[` + deep + `]}]}`
	}
	st, err := Trace(engine.Plan{Schema: result([]string{"a"}), Reads: []string{"edges"}, Tree: []byte(`{"plans":[` + deep + `]}`)}, tables)
	if err != nil || len(st.Columns[0].Sources) != 2 || st.Status != Conservative {
		t.Errorf("%v, %v", st, err)
	}
}

func FuzzTrace(f *testing.F) {
	f.Add([]byte(`{"plans":[{"type":"LOGICAL_PROJECTION","expressions":[{"expression_class":"BOUND_REF","index":1}],"children":[{"type":"LOGICAL_GET","names":["src","dst"],"projection_ids":[],"function_data":{"schema":"main","table":"edges"},"column_indexes":[{},{"index":1}]}]}]}`))
	f.Add([]byte(`{"plans":[{"type":"LOGICAL_DELIM_JOIN","join_type":"MARK","conditions":[{"left":{"expression_class":"BOUND_REF"}}],"duplicate_eliminated_columns":[{}],"children":[{"type":"LOGICAL_DUMMY_SCAN"},{"type":"LOGICAL_DELIM_GET","chunk_types":[{}]}]}]}`))
	f.Add([]byte(`{"plans":[{"type":"LOGICAL_RECURSIVE_CTE","table_index":1,"children":[{"type":"LOGICAL_EXPRESSION_GET","expr_types":[{}],"expressions":[[{}]],"children":[{"type":"LOGICAL_DUMMY_SCAN"}]},{"type":"LOGICAL_CTE_REF","cte_index":1}]}]}`))
	f.Add([]byte(`{"plans":[{"type":"LOGICAL_AGGREGATE_AND_GROUP_BY","groupings_index":18446744073709551615,"expressions":[{"expression_class":"BOUND_AGGREGATE","name":"first","children":[{}]}],"grouping_functions":[[3]],"children":[{"type":"LOGICAL_GET","name":"unnest","projection_ids":[4],"projected_input":[2],"children":[{"type":"LOGICAL_WINDOW"}]}]}]}`))
	f.Fuzz(func(t *testing.T, tree []byte) {
		st, err := Trace(engine.Plan{Schema: result([]string{"a", "b"}), Reads: []string{"edges"}, Tree: tree}, tables)
		if err == nil && (len(st.Columns) != 2 || st.Status != Exact && st.Status != Conservative) {
			t.Fatalf("%+v", st)
		}
	})
}

func BenchmarkTrace(b *testing.B) {
	data, err := os.ReadFile("testdata/nested_corr.json")
	if err != nil {
		b.Fatal(err)
	}
	var c planCase
	if err := json.Unmarshal(data, &c); err != nil {
		b.Fatal(err)
	}
	plan := engine.Plan{Schema: result(c.Columns), Tree: c.Tree}
	b.SetBytes(int64(len(c.Tree)))
	for b.Loop() {
		if _, err := Trace(plan, tables); err != nil {
			b.Fatal(err)
		}
	}
}
