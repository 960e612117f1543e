package gx

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestConvert(t *testing.T) {
	for _, c := range []struct{ name, kwargs, want string }{
		{"expect_column_values_to_be_between", `{"column": "a", "min_value": 1, "max_value": null, "mostly": 0.9, "result_format": "BASIC"}`, `between {"column":"a","min":1,"mostly":0.9,"on_empty":"pass"}`},
		{"expect_column_values_to_be_between", `{"column": "t s", "max_value": {"$PARAMETER": "now() - timedelta(weeks=2)"}}`, `row {"on_empty":"pass","row":"row[\"t s\"] \u003c= now() - duration('1209600s')","where":"row[\"t s\"] != null"}`},
		{"expect_column_values_to_be_between", `{"column": "t", "min_value": {"$PARAMETER": "datetime(2003, 1, 31)"}}`, `between {"column":"t","min":"2003-01-31T00:00:00Z","on_empty":"pass"}`},
		{"expect_column_values_to_be_between", `{"column": "t", "min_value": {"$PARAMETER": "exec()"}}`, `refused: the evaluation parameter exec() is not known`},
		{"expect_column_values_to_not_be_null", `{"column": "a", "row_condition": "b == 'x' and not c.isnull()"}`, `not_null {"column":"a","on_empty":"pass","where":"(b == \"x\" \u0026\u0026 !(c == null))"}`},
		{"expect_column_values_to_not_be_null", `{"column": "a", "row_condition": "b.str.startswith('x')"}`, `refused: the row condition "b.str.startswith('x')" cannot be read at ".str.startswith('x')"`},
		{"expect_column_values_to_not_be_null", `{"column": "a", "row_condition": "b", "condition_parser": "bad"}`, `refused: condition_parser bad is not known`},
		{"expect_column_values_to_not_be_null", `{"column": "a", "colour": 1}`, `refused: the argument colour of the expectation has no meaning here`},
		{"expect_column_quantile_values_to_be_between", `{"column": "a", "quantile_ranges": {"quantiles": [0.5, 0.9], "value_ranges": [[1, 2], [null, 5]]}}`, `quantile_between {"column":"a","max":2,"method":"nearest","min":1,"on_empty":"fail","q":0.5}; quantile_between {"column":"a","max":5,"method":"nearest","on_empty":"fail","q":0.9}`},
		{"expect_table_row_count_to_equal", `{"value": 3}`, `row_count {"max":3,"min":3}`},
		{"expect_table_row_count_to_be_between", `{}`, ``},
		{"expect_table_columns_to_match_set", `{"column_set": ["a"], "exact_match": false}`, `columns_exist {"extra":"allow","names":["a"]}`},
		{"expect_table_columns_to_match_set", `{"column_set": ["a", "b", "a"], "exact_match": true}`, `columns_exist {"extra":"refuse","names":["a","b"]}`},
		{"expect_column_values_to_be_in_set", `{"column": "a", "value_set": ["x", "y", "x", null]}`, `in_set {"column":"a","on_empty":"pass","set":["x","y"]}`},
		{"expect_column_values_to_match_regex_list", `{"column": "a", "regex_list": ["^x", "y$", "^x"]}`, `regex_list {"column":"a","on_empty":"pass","patterns":["^x","y$"]}`},
		{"expect_column_pair_values_a_to_be_greater_than_b", `{"column_A": "a", "column_B": "b", "or_equal": true}`, `compare {"left":"a","nulls":"skip_all","on_empty":"pass","op":"\u003e=","right":"b"}`},
		{"expect_column_pair_values_to_be_equal", `{"column_A": "a", "column_B": "b", "ignore_row_if": "sometimes"}`, `refused: ignore_row_if: sometimes is not known`},
		{"expect_column_values_to_be_of_type", `{"column": "a", "type_": "VARCHAR(10)"}`, `column_type {"column":"a","types":["string"]}`},
		{"expect_column_values_to_be_of_type", `{"column": "a", "type_": "GEOMETRY"}`, `refused: the types [GEOMETRY] are not known`},
		{"expect_column_values_to_not_be_in_set", `{"column": "a", "value_set": [null]}`, ``},
		{"expect_column_chisquare_test_p_value_to_be_greater_than", `{"column": "a", "partition_object": {"values": ["x", "y"], "weights": [0.25, 0.75]}, "p": 0.05}`, `chi_square {"column":"a","min_p":0.05,"on_empty":"fail","weights":{"x":0.25,"y":0.75}}`},
		{"unexpected_rows_expectation", `{"unexpected_rows_query": "SELECT * FROM {batch} WHERE a > 7"}`, `sql {"sql":"SELECT * FROM {table} WHERE a \u003e 7"}`},
		{"expect_column_values_url_is_available", `{"column": "a"}`, `refused: it asks the network`},
		{"expect_column_value_z_scores_to_be_less_than", `{"column": "a", "threshold": 3, "double_sided": true}`, `z_score {"column":"a","on_empty":"pass","side":"both","threshold":3}`},
		{"expect_column_value_z_scores_to_be_less_than", `{"column": "a", "threshold": 3, "double_sided": false}`, `z_score {"column":"a","on_empty":"pass","side":"above","threshold":3}`},
		{"expect_compound_columns_to_be_unique", `{"column_list": ["a", "b"], "ignore_row_if": "never"}`, `unique {"columns":["a","b"],"nulls":"same","on_empty":"pass"}`},
		{"expect_column_kl_divergence_to_be_less_than", `{"column": "a", "partition_object": {"bins": [0, 1], "weights": [1]}, "threshold": 0.5}`, `table {"on_empty":"fail","table":"share(a \u003e= 0.0 \u0026\u0026 a \u003c= 1.0) * (share(a \u003e= 0.0 \u0026\u0026 a \u003c= 1.0) \u003e 0.0 ? ln(share(a \u003e= 0.0 \u0026\u0026 a \u003c= 1.0) / 1.0) : 0.0) \u003c= 0.5 \u0026\u0026 count(a \u003c 0.0) == 0 \u0026\u0026 count(a \u003e 1.0) == 0","where":"a != null"}`},
		{"expect_more_sunshine", `{}`, `refused: dq has no kind for expect_more_sunshine`},
	} {
		if got := converted(t, c.name, c.kwargs); got != c.want {
			t.Errorf("%s %s:\n got %s\nwant %s", c.name, c.kwargs, got, c.want)
		}
	}
}

func converted(t *testing.T, name, kwargs string) string {
	t.Helper()
	e := Expectation{Type: name}
	if err := json.Unmarshal([]byte(kwargs), &e.Kwargs); err != nil {
		t.Fatal(err)
	}
	rules, err := Convert(e)
	if refused := new(Refused); errors.As(err, &refused) {
		return "refused: " + refused.Reason
	}
	var parts []string
	for _, r := range rules {
		params, err := json.Marshal(r.Params)
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, fmt.Sprintf("%s %s", r.Kind, params))
	}
	return strings.Join(parts, "; ")
}

// FuzzConvert: whatever the arguments are, the answer is rules or a refusal.
func FuzzConvert(f *testing.F) {
	for _, name := range Types() {
		f.Add(name, `{"column": "a", "min_value": 1, "row_condition": "a > 1"}`)
	}
	f.Add("expect_column_quantile_values_to_be_between", `{"column": "a", "quantile_ranges": {"quantiles": [0.5], "value_ranges": [[1]]}}`)
	f.Add("expect_column_values_to_be_between", `{"column": 3, "min_value": {"$PARAMETER": "now() + timedelta(days=1*2)"}}`)
	f.Fuzz(func(t *testing.T, name, kwargs string) {
		e := Expectation{Type: name}
		if json.Unmarshal([]byte(kwargs), &e.Kwargs) != nil {
			return
		}
		rules, err := Convert(e)
		if refused := new(Refused); err != nil && (!errors.As(err, &refused) || refused.Reason == "") {
			t.Errorf("%v is no refusal", err)
		}
		for _, r := range rules {
			if _, err := json.Marshal(r.Params); r.Kind == "" || err != nil {
				t.Errorf("%+v: %v", r, err)
			}
		}
	})
}
