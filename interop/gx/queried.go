package gx

import (
	"fmt"
	"maps"
	"regexp"
)

// countRows is a query for the number of rows of the table.
var countRows = regexp.MustCompile(`(?i)^\s*select\s+count\s*\(\s*[*1]\s*\)\s+from\s+\{\w+\}\s*;?\s*$`)

// queried finishes rules whose arguments go by other units than those of the kind:
// conditions in SQL, percents, fractions of rows that may fail, tables in the suite.
func (r Rule) queried() ([]Rule, error) {
	take := func(name string) any {
		v := r.Params[name]
		delete(r.Params, name)
		return v
	}
	if query := take("count_query"); query != nil && !countRows.MatchString(fmt.Sprint(query)) {
		return nil, refused("a query of its own whose number is judged is no rule of a table")
	}
	if where := take("sql_where"); where != nil {
		cel, err := condition(where, "spark")
		if err != nil {
			return nil, err
		}
		if cel != "" {
			r.Params["where"] = cel
		}
	}
	if percent, ok := take("percent").(float64); ok {
		r.Params["q"] = percent / 100
	}
	if holes, ok := take("holes").(float64); ok && holes > 0 {
		r.Params["mostly"] = digits(1 - holes)
	}
	if other := take("other_table"); other != nil {
		r.Params["to"] = fmt.Sprintf("%v.%v", other, take("other_column"))
	}
	if values, ok := r.Params["value"].([]any); ok { // each with its bound
		least, _ := r.Params["min"].([]any)
		if len(least) != len(values) {
			return nil, refused("there must be as many thresholds as values")
		}
		var rules []Rule
		for i, v := range values {
			one := Rule{r.Kind, maps.Clone(r.Params)}
			one.Params["value"], one.Params["min"] = v, least[i]
			rules = append(rules, one)
		}
		return rules, nil
	}
	if frame := take("frame"); frame != nil {
		column := fmt.Sprint(take("frame_column"))
		rows, _ := frame.([]any)
		var values []any
		for _, row := range rows {
			of, _ := row.(map[string]any)
			values = append(values, of[column])
		}
		if len(values) == 0 {
			return nil, refused("df must hold rows")
		}
		r.Params["set"] = values
	}
	if r.Kind == "value_fraction" {
		return []Rule{r}, nil
	}
	return r.split()
}
