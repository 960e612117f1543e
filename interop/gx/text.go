package gx

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// dateFormats are those of dates in text that contributors' expectations meet.
var dateFormats = []string{"%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%d/%m/%Y", "%m/%d/%Y", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S"}

// dates is a rule on dates that are text, in CEL: any that can be read, weekdays,
// or none after the run.
func (r Rule) dates() ([]Rule, error) {
	column, ok := r.Params["column"].(string)
	if !ok {
		return nil, refused("the expectation names no column")
	}
	name := quote(column)
	if r.Params["dates"] == "any" {
		return []Rule{r.row(fmt.Sprintf("%[1]s.matches(%[2]s) && !%[1]s.matches(%[3]s)", name, strconv.Quote(dateText), strconv.Quote(noDay)), name+" != null")}, nil
	}
	test := map[any]string{"weekday": " && parseTimestamp(%[1]s, '%[2]s').getDayOfWeek() in [1, 2, 3, 4, 5]", "past": " && parseTimestamp(%[1]s, '%[2]s') <= now()"}[r.Params["dates"]]
	var parts []string
	for _, format := range dateFormats {
		parts = append(parts, "("+fmt.Sprintf("isTimestamp(%[1]s, '%[2]s')"+test, name, format)+")")
	}
	return []Rule{r.row(strings.Join(parts, " || "), name+" != null")}, nil
}

// prefixes are rules on how a text begins.
func (r Rule) prefixes() ([]Rule, error) {
	if country, ok := r.Params["bic_country"].(string); ok {
		delete(r.Params, "bic_country")
		r.Params["pattern"] = "(?i)^[A-Z0-9]{4}" + regexp.QuoteMeta(country) + "[A-Z0-9]{2}(?:[A-Z0-9]{3})?$"
		return []Rule{r}, nil
	}
	known := map[string]string{"A": `10\.`, "B": `172\.(?:1[6-9]|2[0-9]|3[01])\.`, "C": `192\.168\.`}
	classes, ok := r.Params["classes"].([]any)
	if !ok {
		classes = []any{r.Params["classes"]}
	}
	var parts []string
	for _, c := range classes {
		part, ok := known[strings.ToUpper(fmt.Sprint(c))]
		if !ok {
			return nil, refused("%v is no class of private addresses", c)
		}
		parts = append(parts, part)
	}
	delete(r.Params, "classes")
	r.Params["pattern"] = "^(?:" + strings.Join(parts, "|") + ")"
	return []Rule{r}, nil
}

// characters writes characters that may not be in a text as a pattern.
func (r Rule) characters() ([]Rule, error) {
	if r.Kind == "not_contains" {
		r.Params["texts"] = []any{r.Params["texts"]}
		return []Rule{r}, nil
	}
	var allowed []string
	switch v := r.Params["allowed"].(type) {
	case []any:
		for _, c := range v {
			allowed = append(allowed, fmt.Sprint(c))
		}
	case string: // {'@', '$'}
		for _, m := range regexp.MustCompile(`'([^']*)'`).FindAllStringSubmatch(v, -1) {
			allowed = append(allowed, m[1])
		}
	}
	pattern := `[^A-Za-z0-9\s`
	for _, c := range allowed {
		pattern += regexp.QuoteMeta(c)
	}
	delete(r.Params, "allowed")
	r.Kind, r.Params["pattern"] = "not_regex", pattern+"]"
	return []Rule{r}, nil
}

// everyDay is a rule on days that are text in a format, none of which is missing.
func (r Rule) everyDay() ([]Rule, error) {
	column, _ := r.Params["column"].(string)
	format := strings.ReplaceAll(fmt.Sprint(r.Params["format"]), "'", "")
	if column == "" {
		return nil, refused("the expectation names no column")
	}
	t := fmt.Sprintf("parseTimestamp(%s, '%s')", quote(column), format)
	return []Rule{{"table", map[string]any{"where": quote(column) + " != null", "on_empty": "fail",
		"table": fmt.Sprintf("int(max(%[1]s)) - int(min(%[1]s)) == (distinct(date(%[1]s)) - 1) * 86400", t)}}}, nil
}
