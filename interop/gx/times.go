package gx

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// layouts are those of times in arguments that GX is told to parse.
var layouts = []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02 15:04", time.DateOnly, "Jan 02 2006 15:04:05", "Jan 02 2006", "01/02/2006", "January 2, 2006"}

// times is a rule on a column of times, or of text that CEL reads as such, whose
// arguments are times in text.
func (r Rule) times() ([]Rule, error) {
	column, ok := r.Params["column"].(string)
	if !ok {
		return nil, refused("the expectation names no column")
	}
	name := quote(column)
	read := func(v any) (string, error) {
		for _, layout := range layouts {
			if t, err := time.Parse(layout, fmt.Sprint(v)); err == nil {
				return "timestamp('" + t.UTC().Format(time.RFC3339) + "')", nil
			}
		}
		return "", refused("%v is no time that dq knows", v)
	}
	value := map[string]string{"min_between": "min(timestamp(%s))", "max_between": "max(timestamp(%s))"}[r.Kind]
	isRow := value == ""
	if isRow {
		value = "timestamp(%s)"
	}
	value = fmt.Sprintf(value, name)
	var cel string
	switch set, isSet := r.Params["set"].([]any); {
	case isSet:
		var items []string
		for _, v := range set {
			if v == nil {
				continue
			}
			t, err := read(v)
			if err != nil {
				return nil, err
			}
			items = append(items, t)
		}
		if cel = value + " in [" + strings.Join(items, ", ") + "]"; r.Kind == "not_in_set" {
			cel = "!(" + cel + ")"
		}
	case slices.Contains([]string{"between", "min_between", "max_between"}, r.Kind):
		var parts []string
		for _, b := range []struct{ bound, strict, sign string }{{"min", "strict_min", " >"}, {"max", "strict_max", " <"}} {
			v := r.Params[b.bound]
			if v == nil {
				continue
			}
			t, err := read(v)
			if err != nil {
				return nil, err
			}
			sign := b.sign + "= "
			if r.Params[b.strict] == true {
				sign = b.sign + " "
			}
			parts = append(parts, value+sign+t)
		}
		if len(parts) == 0 {
			return nil, refused("min_value and max_value are both missing")
		}
		cel = strings.Join(parts, " && ")
	default:
		return nil, refused("text is no time here: declare the column a timestamp")
	}
	if isRow {
		return []Rule{r.row(cel, name+" != null")}, nil
	}
	out := Rule{"table", map[string]any{"table": cel, "on_empty": r.Params["on_empty"]}}
	if where, ok := r.Params["where"]; ok {
		out.Params["where"] = where
	}
	return []Rule{out}, nil
}
