package lineage

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/dq-dev/dq/engine"
)

// Operators that only optimised plans hold, or that SELECTs rarely bind to, as
// short hand-written trees over edges(src, dst) and silver.prices(sku, price, since).
func TestTraceOperators(t *testing.T) {
	scan := func(schema, table, names string, columns ...int) string {
		var at []string
		for _, c := range columns {
			at = append(at, fmt.Sprintf(`{"index":%d}`, c))
		}
		return fmt.Sprintf(`{"type":"LOGICAL_GET","table_index":90,"names":[%s],"projection_ids":[],"function_data":{"schema":%q,"table":%q},"column_indexes":[%s]}`,
			names, schema, table, strings.Join(at, ","))
	}
	edges := scan("main", "edges", `"src","dst"`, 0, 1)
	prices := scan("silver", "prices", `"sku","price","since"`, 0, 1, 2)
	ref := func(i int) string { return fmt.Sprintf(`{"expression_class":"BOUND_REF","index":%d}`, i) }
	node := func(typ, fields string, children ...string) string {
		if fields != "" {
			fields += ","
		}
		return fmt.Sprintf(`{"type":%q,%s"children":[%s]}`, typ, fields, strings.Join(children, ","))
	}
	on := func(l, r int) string { return `"conditions":[{"left":` + ref(l) + `,"right":` + ref(r) + `}]` }

	for _, c := range []struct {
		name, tree string
		columns    []string // of the result, each the columns it is made from
		dataset    string
		status     string
	}{
		{"join maps", node("LOGICAL_COMPARISON_JOIN", `"join_type":"INNER","left_projection_map":[1],"right_projection_map":[2,0],`+on(0, 1), edges, prices),
			[]string{"dst", "since", "sku"}, "price src", Exact},
		{"right semi", node("LOGICAL_COMPARISON_JOIN", `"join_type":"RIGHT_SEMI","right_projection_map":[2],`+on(0, 1), edges, prices),
			[]string{"since"}, "price src", Exact},
		{"right anti", node("LOGICAL_COMPARISON_JOIN", `"join_type":"RIGHT_ANTI",`+on(0, 1), prices, edges),
			[]string{"src", "dst"}, "dst sku", Exact},
		{"mark map", node("LOGICAL_COMPARISON_JOIN", `"join_type":"MARK","left_projection_map":[1],`+on(0, 1), edges, prices),
			[]string{"dst", "price src"}, "", Exact},
		{"mark of unknown", node("LOGICAL_COMPARISON_JOIN", `"join_type":"MARK",`+on(0, 1), node("LOGICAL_NEW", "", edges), prices),
			[]string{"dst price since sku src"}, "dst src", Conservative},
		{"flipped", node("LOGICAL_DELIM_JOIN", `"join_type":"INNER","delim_flipped":true,"duplicate_eliminated_columns":[`+ref(1)+`],`+on(0, 1),
			node("LOGICAL_DELIM_GET", `"chunk_types":[{}]`), prices),
			[]string{"price", "sku", "price", "since"}, "price", Exact},
		{"filter map", node("LOGICAL_FILTER", `"projection_map":[1],"expressions":[`+ref(0)+`]`, edges),
			[]string{"dst"}, "src", Exact},
		{"top n", node("LOGICAL_TOP_N", `"orders":[{"expression":`+ref(0)+`}]`, edges),
			[]string{"src", "dst"}, "src", Exact},
		{"order map", node("LOGICAL_ORDER_BY", `"projection_map":[0],"orders":[{"expression":`+ref(1)+`}]`, edges),
			[]string{"src"}, "dst", Exact},
		{"projection ids", strings.Replace(edges, `"projection_ids":[]`, `"projection_ids":[1]`, 1),
			[]string{"dst"}, "", Exact},
		{"chunk", node("LOGICAL_CROSS_PRODUCT", "", edges, node("LOGICAL_CHUNK_GET", `"chunk_types":[{},{}]`)),
			[]string{"src", "dst", "", ""}, "", Exact},
		{"between", node("LOGICAL_PROJECTION", `"expressions":[{"expression_class":"BOUND_BETWEEN","input":`+ref(0)+`,"lower":`+ref(1)+`}]`, edges),
			[]string{"dst src"}, "", Exact},
		{"parameter", node("LOGICAL_PROJECTION", `"expressions":[{"expression_class":"BOUND_PARAMETER"}]`, edges),
			[]string{""}, "", Exact},
		{"values over a table", node("LOGICAL_EXPRESSION_GET", `"expr_types":[{},{}],"expressions":[[`+ref(0)+`],[`+ref(1)+`,`+ref(1)+`]]`, edges),
			[]string{"dst src", "dst"}, "", Exact},
		{"values of another shape", node("LOGICAL_EXPRESSION_GET", `"expr_types":[{}],"expressions":[`+ref(0)+`]`, edges),
			[]string{"dst src"}, "dst src", Conservative},
		{"window over unknown", node("LOGICAL_WINDOW", "", node("LOGICAL_NEW", "", edges)),
			[]string{"dst src"}, "dst src", Conservative},
		{"unknown in a recursive CTE", node("LOGICAL_RECURSIVE_CTE", `"table_index":1`, edges, node("LOGICAL_NEW", "", prices)),
			[]string{"price since sku src", "dst price since sku"}, "dst price since sku src", Conservative},
		{"recursive CTE of distinct rows", node("LOGICAL_RECURSIVE_CTE", `"table_index":1`, edges, `{"type":"LOGICAL_CTE_REF","cte_index":1}`),
			[]string{"src", "dst"}, "dst src", Exact},
		{"recursive CTE of all rows", node("LOGICAL_RECURSIVE_CTE", `"table_index":1,"union_all":true`, edges, `{"type":"LOGICAL_CTE_REF","cte_index":1}`),
			[]string{"src", "dst"}, "", Exact},
		{"empty", node("LOGICAL_EMPTY_RESULT", `"chunk_types":[{}]`), []string{""}, "", Exact},
		{"pivot", node("LOGICAL_PIVOT", `"bound_pivot":{"group_count":1,"pivot_values":["a","b"],"aggregates":[{}]}`, prices),
			[]string{"sku", "price", "price"}, "since", Exact},
		{"pivot of another shape", node("LOGICAL_PIVOT", `"bound_pivot":{"group_count":3,"pivot_values":["a","b"],"aggregates":[{}]}`, edges),
			[]string{"dst src"}, "", Conservative},
		{"CTE that is not there", node("LOGICAL_CROSS_PRODUCT", "", edges, `{"type":"LOGICAL_CTE_REF","cte_index":5}`),
			[]string{"dst src"}, "", Conservative},
		{"table function", node("LOGICAL_GET", `"name":"f","names":["a","b"],"projection_ids":[1],"projected_input":[1],"column_indexes":[{},{"index":1}]`, edges),
			[]string{"src", "dst"}, "src", Exact},
		{"table function over unknown", node("LOGICAL_GET", `"name":"f","names":["a"],"projection_ids":[],"column_indexes":[{}]`, node("LOGICAL_NEW", "", edges)),
			[]string{"dst src"}, "dst src", Conservative},
		{"table function over two", node("LOGICAL_GET", `"projection_ids":[]`, edges, prices),
			[]string{"dst price since sku src"}, "dst price since sku src", Conservative},
		{"scan of something else", `{"type":"LOGICAL_GET","name":"read_parquet","names":["a","b"],"projection_ids":[],"function_data":7,"column_indexes":[{"index":1}]}`,
			[]string{"b"}, "", Conservative},
	} {
		t.Run(c.name, func(t *testing.T) {
			st, err := Trace(engine.Plan{Schema: result(make([]string, len(c.columns))), Tree: []byte(`{"plans":[` + c.tree + `]}`)}, tables)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, column := range st.Columns {
				got = append(got, names(column.Sources))
			}
			if !reflect.DeepEqual(got, c.columns) || names(st.Dataset) != c.dataset || st.Status != c.status {
				t.Errorf("columns %q, dataset %q, %s; want %q, %q, %s", got, names(st.Dataset), st.Status, c.columns, c.dataset, c.status)
			}
		})
	}
}

// TestLengthHides holds that how long a value is does not show it, and that its
// parts and what is made of it do.
func TestLengthHides(t *testing.T) {
	for _, c := range []struct {
		name   string
		hidden bool
	}{{"length", true}, {"strlen", true}, {"sha256", true}, {"upper", false}, {"left", false}, {"concat", false}} {
		call := `{"expression_class":"BOUND_FUNCTION","name":"` + c.name + `","children":[{"expression_class":"BOUND_REF","index":0}]}`
		tree := `{"plans":[{"type":"LOGICAL_AGGREGATE_AND_GROUP_BY","expressions":[{"expression_class":"BOUND_AGGREGATE","name":"min","children":[` + call + `]}],"children":[` +
			`{"type":"LOGICAL_GET","names":["src"],"projection_ids":[],"function_data":{"schema":"main","table":"edges"},"column_indexes":[{"index":0}]}]}]}`
		st, err := Trace(engine.Plan{Schema: result([]string{"m"}), Tree: []byte(tree)}, tables)
		if err != nil {
			t.Fatal(err)
		}
		if len(st.Columns) != 1 || len(st.Columns[0].Sources) != 1 || st.Columns[0].Sources[0].Masking != c.hidden || st.Columns[0].Sources[0].Type != Direct {
			t.Errorf("%s: %+v, want masking %v", c.name, st.Columns, c.hidden)
		}
	}
}

// TestEveryOperator holds that each operator that Trace knows is in a plan of
// testdata or above. What it does not know is conservative; see TestTraceUnknown.
func TestEveryOperator(t *testing.T) {
	known := regexp.MustCompile(`LOGICAL_[A-Z_]+`)
	read := func(file string) []string {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return known.FindAllString(string(data), -1)
	}
	seen := map[string]bool{}
	files, _ := filepath.Glob("testdata/*.json")
	for _, file := range append(files, "operator_test.go") {
		for _, name := range read(file) {
			seen[name] = true
		}
	}
	for _, name := range read("trace.go") {
		if !seen[name] {
			t.Errorf("%s is in no test: add a plan that has it to testdata", name)
		}
	}
}

// names lists the columns of sources, each once; a table alone gives nothing.
func names(sources []Source) string {
	seen := map[string]bool{}
	var out []string
	for _, s := range sources {
		if s.Column != "" && !seen[s.Column] {
			seen[s.Column] = true
			out = append(out, s.Column)
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}
