package gx

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// placeholder stands for an argument in CEL of mapping.yaml: @column for the column
// that it names, @@column_list for the sum of several, $value for a literal.
var placeholder = regexp.MustCompile(`@@?[A-Za-z_]+|\$[A-Za-z_]+`)

// cel makes the rule of a mapping that is CEL.
func (m mapping) rule(given map[string]any) ([]Rule, error) {
	for name, value := range m.defaults {
		if given[name] == nil {
			given[name] = scalar(value)
		}
	}
	used := map[string]bool{}
	items := []any{nil}
	if m.each != "" {
		list, ok := given[m.each].([]any)
		if used[m.each] = true; !ok || len(list) == 0 {
			return nil, refused("%s must be a list of values", m.each)
		}
		items = list
	}
	var alternatives, columns []string
	for _, item := range items {
		given["each"] = item
		cel, names, err := fill(m.cel, given, used)
		if err != nil {
			return nil, err
		}
		alternatives, columns = append(alternatives, cel), names
	}
	delete(given, "each")
	r := Rule{m.kind, map[string]any{"on_empty": "pass"}}
	if m.empty != "" {
		r.Params["on_empty"] = m.empty
	}
	cel := alternatives[0]
	if len(alternatives) > 1 {
		cel = "(" + strings.Join(alternatives, ") || (") + ")"
	}
	if m.between {
		var err error
		if cel, err = between(cel, given, used); err != nil {
			return nil, err
		}
	}
	for _, name := range sortedKeys(given) {
		value := given[name]
		switch {
		case value == nil || used[name] || slices.Contains(ignored, name) || slices.Contains(m.drop, name):
		case name == "mostly" && m.kind == "row":
			r.Params["mostly"] = value
		case name == "row_condition":
			where, err := condition(value, given["condition_parser"])
			if err != nil {
				return nil, err
			}
			if where != "" {
				r.Params["where"] = where
			}
		default:
			return nil, refused("the argument %s of the expectation has no meaning here", name)
		}
	}
	r.Params[m.kind] = cel
	if m.kind == "row" && m.nulls != "judge" {
		var present []string
		for _, c := range columns {
			present = append(present, c+" != null")
		}
		r.Params["where"] = and(strings.Join(present, " && "), r.Params["where"])
	}
	return []Rule{r}, nil
}

// fill writes arguments into CEL, and says which columns it names.
func fill(cel string, given map[string]any, used map[string]bool) (filled string, columns []string, err error) {
	filled = placeholder.ReplaceAllStringFunc(cel, func(p string) string {
		name := strings.TrimLeft(p, "@$")
		used[name] = true
		value := given[name]
		switch text, isText := value.(string); {
		case strings.HasPrefix(p, "@@"):
			list, _ := value.([]any)
			var names []string
			for _, c := range list {
				names = append(names, quote(fmt.Sprint(c)))
			}
			if len(names) == 0 {
				err = refused("%s must name columns", name)
			}
			columns = append(columns, names...)
			return strings.Join(names, " + ")
		case p[0] == '@' && isText && text != "":
			if column := quote(text); !slices.Contains(columns, column) {
				columns = append(columns, column)
			}
			return quote(text)
		case p[0] == '@':
			err = refused("%s must name a column", name)
		default:
			if text, ok := literal(value); ok && value != nil {
				return text
			}
			err = refused("%s is missing, or no value that dq knows", name)
		}
		return ""
	})
	return filled, columns, err
}

// between bounds a value by the arguments that all such expectations have.
func between(value string, given map[string]any, used map[string]bool) (string, error) {
	var parts []string
	for _, b := range []struct{ bound, strict, sign string }{{"min_value", "strict_min", " >"}, {"max_value", "strict_max", " <"}} {
		used[b.bound], used[b.strict] = true, true
		n, ok := given[b.bound].(float64)
		switch {
		case !ok && given[b.bound] != nil:
			return "", refused("%s is no number", b.bound)
		case ok && given[b.strict] == true:
			parts = append(parts, value+b.sign+" "+decimal(digits(n)))
		case ok:
			parts = append(parts, value+b.sign+"= "+decimal(digits(n)))
		}
	}
	if len(parts) == 0 {
		return "", refused("min_value and max_value are both missing")
	}
	return strings.Join(parts, " && "), nil
}
