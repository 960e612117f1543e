package gx

import (
	"math"
	"slices"
	"strconv"
)

// whole are kinds whose bounds count something, computed those that bound an
// aggregate of doubles, which dq judges at 12 digits.
var (
	whole    = []string{"length", "distinct_count", "row_count", "column_count"}
	computed = []string{"mean_between", "median_between", "stddev_between", "sum_between", "unique_fraction", "not_null_fraction", "quantile_between", "entropy_between"}
)

// bounds makes bounds those of the kind. Great Expectations takes fractions where
// something is counted, and lengths between which there are none.
func (r Rule) bounds() ([]Rule, error) {
	low, hasLow := r.Params["min"].(float64)
	high, hasHigh := r.Params["max"].(float64)
	if r.Params["on_empty"] == "zero" {
		// What is computed of no values is zero.
		r.Params["on_empty"] = "fail"
		if !(hasLow && (low > 0 || low == 0 && r.Params["strict_min"] == true)) && !(hasHigh && (high < 0 || high == 0 && r.Params["strict_max"] == true)) {
			r.Params["on_empty"] = "pass"
		}
	}
	if slices.Contains([]string{"row_count", "column_count"}, r.Kind) && (low != math.Trunc(low) || high != math.Trunc(high)) {
		return nil, refused("bounds of %s are whole numbers", r.Kind)
	}
	crossed := low > high
	switch {
	case slices.Contains(whole, r.Kind):
		if hasLow {
			least := math.Ceil(low)
			if least == low && r.Params["strict_min"] == true {
				least++
			}
			low, r.Params["min"] = max(least, 0), max(least, 0)
		}
		if hasHigh {
			most := math.Floor(high)
			if most == high && r.Params["strict_max"] == true {
				most--
			}
			high, r.Params["max"] = most, most
		}
		delete(r.Params, "strict_min")
		delete(r.Params, "strict_max")
		// Elsewhere GX raises an error of bounds in the wrong order, as dq does.
		if hasHigh && high < 0 || hasLow && hasHigh && low > high && (!crossed || r.Kind == "length") {
			return r.nothing(), nil
		}
	case slices.Contains(computed, r.Kind):
		for name, value := range map[string]float64{"min": low, "max": high} {
			if _, ok := r.Params[name].(float64); ok {
				r.Params[name] = digits(value)
			}
		}
	}
	for name, bound := range map[string]string{"strict_min": "min", "strict_max": "max"} {
		if r.Params[bound] == nil {
			delete(r.Params, name) // of a bound that is not there
		}
	}
	return []Rule{r}, nil
}

// nothing is a rule that fails: each row that has a value, or the table.
func (r Rule) nothing() []Rule {
	column, _ := r.Params["column"].(string)
	if slices.Contains([]string{"length", "in_set"}, r.Kind) && column != "" {
		return []Rule{r.row("false", quote(column)+" != null")}
	}
	return []Rule{{"table", map[string]any{"table": "false"}}}
}

// digits keeps 12 significant digits.
func digits(x float64) float64 {
	y, err := strconv.ParseFloat(strconv.FormatFloat(x, 'e', 11, 64), 64)
	if err != nil {
		return x
	}
	return y
}
