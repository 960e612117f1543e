package gx

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// members leaves nulls out of a set, which GX skips as well. A set may be empty
// there; a null in it is a value that no column has.
func (r Rule) members() ([]Rule, error) {
	set, ok := r.Params["set"].([]any)
	if !ok {
		return []Rule{r}, nil
	}
	values := slices.DeleteFunc(slices.Clone(set), func(v any) bool { return v == nil })
	table := func(cel string) ([]Rule, error) {
		out := Rule{"table", map[string]any{"table": cel, "on_empty": "pass"}}
		if own := r.Params["where"]; own != nil {
			out.Params["where"] = own
		}
		return []Rule{out}, nil
	}
	missing := len(values) < len(set)
	switch {
	case missing && (r.Kind == "contains_set" || r.Kind == "equals_set"), len(values) == 0 && r.Kind == "mode_in_set":
		return table("false")
	case len(values) > 0:
		r.Params["set"] = values
		return []Rule{r}, nil
	case r.Kind == "in_set":
		return r.nothing(), nil
	case r.Kind == "equals_set":
		return table(fmt.Sprintf("distinct(%s) == 0", quote(fmt.Sprint(r.Params["column"]))))
	}
	return nil, nil // without any value that is forbidden or asked for everything passes
}

// pairs is a rule on pairs some of which have a null, in CEL.
func (r Rule) pairs() ([]Rule, error) {
	list, _ := r.Params["pairs"].([]any)
	left, _ := r.Params["left"].(string)
	right, _ := r.Params["right"].(string)
	plain := len(list) > 0
	var parts []string
	for _, item := range list {
		pair, _ := item.([]any)
		if len(pair) != 2 {
			return nil, refused("value_pairs_set has an item that is no pair")
		}
		first, okFirst := literal(pair[0])
		second, okSecond := literal(pair[1])
		if !okFirst || !okSecond {
			return nil, refused("the pair %v is not known", pair)
		}
		plain = plain && pair[0] != nil && pair[1] != nil
		parts = append(parts, fmt.Sprintf("%s == %s && %s == %s", quote(left), first, quote(right), second))
	}
	if plain {
		return []Rule{r}, nil
	}
	if len(parts) == 0 {
		parts = []string{"false"}
	}
	return []Rule{r.row("("+strings.Join(parts, ") || (")+")", r.guard(left, right))}, nil
}

// guard is the condition on rows that nulls: has for these columns.
func (r Rule) guard(columns ...string) string {
	var parts []string
	for _, c := range columns {
		parts = append(parts, quote(c)+" != null")
	}
	switch r.Params["nulls"] {
	case "skip":
		return strings.Join(parts, " && ")
	case "skip_all":
		return "(" + strings.Join(parts, " || ") + ")"
	}
	return ""
}

// columns are those that the rule is about.
func (r Rule) columns() []string {
	var names []string
	switch v := r.Params["columns"].(type) {
	case []any:
		for _, name := range v {
			names = append(names, fmt.Sprint(name))
		}
	case string:
		names = []string{v}
	}
	return names
}

// equal is a rule on columns that are equal, where a null equals nothing.
func (r Rule) equal() ([]Rule, error) {
	columns := r.columns()
	if len(columns) < 2 {
		return nil, refused("at least two columns can be equal")
	}
	var parts []string
	for i, c := range columns {
		parts = append(parts, quote(c)+" != null")
		if i > 0 {
			parts = append(parts, quote(columns[0])+" == "+quote(c))
		}
	}
	return []Rule{r.row(strings.Join(parts, " && "), "")}, nil
}

// repeats is a rule on keys of which GX leaves out those without any value, and
// in which nulls are the same.
func (r Rule) repeats() ([]Rule, error) {
	if names, ok := r.Params["columns"].(string); ok && strings.Contains(names, ",") { // a list of SQL
		var list []any
		for _, name := range strings.Split(names, ",") {
			list = append(list, strings.TrimSpace(name))
		}
		r.Params["columns"] = list
	}
	switch r.Params["nulls"] {
	case "skip_all":
		r.Params["where"] = and(r.guard(r.columns()...), r.Params["where"])
		r.Params["nulls"] = "same"
	case "judge":
		r.Params["nulls"] = "same"
	}
	return []Rule{r}, nil
}

// names is a rule on the columns of the table, of which none may be named.
func (r Rule) names() ([]Rule, error) {
	if list, ok := r.Params["names"].([]any); !ok || len(list) > 0 {
		return []Rule{r}, nil
	}
	if r.Params["extra"] == "allow" {
		return nil, nil
	}
	return r.nothing(), nil
}

// literal writes a value of JSON in CEL.
func literal(v any) (string, bool) {
	switch v := v.(type) {
	case nil:
		return "null", true
	case bool:
		return strconv.FormatBool(v), true
	case string:
		return strconv.Quote(v), true
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return strconv.FormatInt(int64(v), 10), true
		}
		return decimal(v), true
	case []any:
		var items []string
		for _, item := range v {
			text, ok := literal(item)
			if !ok || item == nil {
				return "", false
			}
			items = append(items, text)
		}
		return "[" + strings.Join(items, ", ") + "]", true
	}
	return "", false
}
