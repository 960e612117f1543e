package gx

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// split finishes a rule with what needs more than other names: types of other
// systems, ranges of quantiles, and times that are computed.
func (r Rule) split() ([]Rule, error) {
	switch {
	case r.Params["parse_times"] == true:
		return r.times()
	case r.Kind == "sql":
		query, _ := r.Params["sql"].(string)
		return []Rule{{"sql", map[string]any{"sql": strings.ReplaceAll(query, "{batch}", "{table}")}}}, nil
	case r.Kind == "character_at":
		if at, ok := r.Params["at"].(float64); ok && at < 0 {
			r.Params["at"], r.Params["from_end"] = -at, true
		}
	case r.Kind == "near_geometry":
		return r.shapes()
	case r.Kind == "json_schema":
		schema, err := json.Marshal(r.Params["schema"])
		if err != nil {
			return nil, refused("json_schema: %v", err)
		}
		if text, ok := r.Params["schema"].(string); ok { // as text already
			schema = []byte(text)
		}
		r.Params["schema"] = string(schema)
		return []Rule{r}, nil
	case r.Kind == "outliers_iqr":
		method := r.Params["method"]
		delete(r.Params, "method")
		switch method {
		case nil, "iqr":
		case "std":
			threshold, ok := r.Params["k"]
			if !ok {
				threshold = 1.5
			}
			delete(r.Params, "k")
			r.Kind, r.Params["threshold"] = "z_score", threshold
		default:
			return nil, refused("outliers by the method %v are not known", method)
		}
		return []Rule{r}, nil
	case r.Params["strftime"] != nil:
		pattern, err := strftime(fmt.Sprint(r.Params["strftime"]))
		if err != nil {
			return nil, err
		}
		delete(r.Params, "strftime")
		r.Params["pattern"] = pattern
		return []Rule{r}, nil
	case r.Params["format"] != nil && r.Kind == "no_gaps":
		return r.everyDay()
	case r.Kind == "value_fraction", r.Params["sql_where"] != nil, r.Params["holes"] != nil, r.Params["frame"] != nil, r.Params["percent"] != nil, r.Params["count_query"] != nil, r.Params["other_table"] != nil:
		return r.queried()
	case r.Params["query"] != nil:
		if !wholeTable.MatchString(fmt.Sprint(r.Params["query"])) {
			return nil, refused("a query of its own whose rows are counted is no rule of a table")
		}
		delete(r.Params, "query")
		return []Rule{r}, nil
	case r.Params["dates"] != nil:
		return r.dates()
	case r.Params["classes"] != nil || r.Params["bic_country"] != nil:
		return r.prefixes()
	case r.Params["set"] != nil:
		return r.members()
	case r.Params["pairs"] != nil:
		return r.pairs()
	case r.Params["nulls"] == "unequal":
		return r.equal()
	case r.Kind == "unique":
		return r.repeats()
	case r.Params["weights"] != nil:
		return r.partition()
	case r.Kind == "column_type":
		return r.types()
	case r.Params["ranges"] != nil:
		return r.quantiles()
	case r.Params["plus"] != nil || r.Params["times"] != nil:
		return r.arithmetic()
	case r.Params["allowed"] != nil || r.Kind == "not_regex" && r.Params["pattern"] == nil || r.Kind == "not_contains":
		return r.characters()
	case r.Params["names"] != nil:
		return r.names()
	}
	computed := false
	for _, bound := range []string{"min", "max"} {
		p, ok := r.Params[bound].(map[string]any)
		if !ok {
			continue
		}
		cel, constant, err := parameter(p)
		if err != nil {
			return nil, err
		}
		if r.Params[bound] = constant; constant == nil {
			r.Params[bound], computed = cel, true
		}
	}
	if computed {
		return r.computed()
	}
	return r.bounds()
}

// systemTypes are names of types in pandas, Spark and databases, in lower case
// and without lengths.
var systemTypes = map[string]string{
	"int": "int8 int16 int32 int64", "int64": "int64", "int32": "int32", "integer": "int8 int16 int32 int64", "integertype": "int32", "longtype": "int64", "shorttype": "int16", "bytetype": "int8",
	"bigint": "int64", "smallint": "int16", "tinyint": "int8 bool", "int64dtype": "int64", "long": "int64", "number": "int64 decimal(38,0) double",
	"float": "float double", "float64": "double", "float32": "float", "double": "double", "double_precision": "double", "doubletype": "double", "floattype": "float double", "real": "float double", "numeric": "decimal(38,0) double", "decimaltype": "decimal(38,0)",
	"str": "string", "string": "string", "object": "string", "object_": "string", "o": "string", "text": "string", "varchar": "string", "nvarchar": "string", "char": "string", "stringtype": "string", "string_": "string",
	"bool": "bool", "boolean": "bool", "booleantype": "bool", "bit": "bool", "bool_": "bool",
	"date": "date", "datetype": "date", "datetime": "timestamp timestamp_ntz", "datetime64": "timestamp timestamp_ntz", "datetime64[ns]": "timestamp timestamp_ntz", "timestamp": "timestamp timestamp_ntz", "timestamptype": "timestamp",
	"binary": "binary", "bytes": "binary", "binarytype": "binary",
}

func (r Rule) types() ([]Rule, error) {
	var names, types []any
	switch v := r.Params["types"].(type) {
	case []any:
		names = v
	case nil:
		return nil, nil // GX holds it true
	default:
		names = []any{v}
	}
	seen := map[string]bool{}
	for _, name := range names {
		text, _, _ := strings.Cut(strings.ToLower(fmt.Sprint(name)), "(")
		known, ok := systemTypes[text]
		if !ok {
			continue // a type that no column here can have
		}
		for _, t := range strings.Fields(known) {
			if !seen[t] {
				types = append(types, t)
			}
			seen[t] = true
		}
	}
	if len(types) == 0 {
		return nil, refused("the types %v are not known", names)
	}
	r.Params["types"] = types
	return []Rule{r}, nil
}

// quantiles makes a rule of each range.
func (r Rule) quantiles() ([]Rule, error) {
	ranges, _ := r.Params["ranges"].(map[string]any)
	quantiles, _ := ranges["quantiles"].([]any)
	bounds, _ := ranges["value_ranges"].([]any)
	if len(quantiles) == 0 || len(quantiles) != len(bounds) {
		return nil, refused("quantile_ranges needs quantiles and as many value_ranges")
	}
	var rules []Rule
	for i, q := range quantiles {
		pair, _ := bounds[i].([]any)
		if len(pair) != 2 {
			return nil, refused("a value range has two bounds")
		}
		one := Rule{"quantile_between", maps.Clone(r.Params)}
		delete(one.Params, "ranges")
		one.Params["q"] = q
		for j, bound := range []string{"min", "max"} {
			if pair[j] != nil {
				one.Params[bound] = pair[j]
			}
		}
		if pair[0] == nil && pair[1] == nil {
			continue
		}
		rules = append(rules, one)
	}
	return rules, nil
}

// row is free CEL with the rule's options.
func (r Rule) row(cel, where string) Rule {
	out := Rule{"row", map[string]any{"row": cel}}
	if where = and(where, r.Params["where"]); where != "" {
		out.Params["where"] = where
	}
	for _, option := range []string{"mostly", "on_empty"} {
		if v, ok := r.Params[option]; ok {
			out.Params[option] = v
		}
	}
	return out
}

// wholeTable is a query that returns all rows of the table.
var wholeTable = regexp.MustCompile(`(?i)^\s*select\s+\*\s+from\s+\w+\s*;?\s*$`)

// arithmetic is a sum or product with one more number, in CEL.
func (r Rule) arithmetic() ([]Rule, error) {
	sign, more := " + ", r.Params["plus"]
	if more == nil {
		sign, more = " * ", r.Params["times"]
	}
	var names []string
	var guards []string
	list, _ := r.Params["columns"].([]any)
	for _, column := range append(list, r.Params["total"]) {
		name := quote(fmt.Sprint(column))
		names, guards = append(names, name), append(guards, name+" != null")
	}
	last := len(names) - 1
	return []Rule{{"row", map[string]any{
		"row":      fmt.Sprintf("abs(%s%s%v - %s) <= %v", strings.Join(names[:last], sign), sign, more, names[last], r.Params["abs_tol"]),
		"where":    strings.Join(guards, " && "),
		"on_empty": "pass",
	}}}, nil
}

var (
	nowParameter      = regexp.MustCompile(`^now\(\)\s*(?:([+-])\s*timedelta\((\w+)\s*=\s*([0-9*. ]+)\))?$`)
	datetimeParameter = regexp.MustCompile(`^datetime\(([0-9, ]+)\)$`)
)

// parameter computes {"$PARAMETER": "now() - timedelta(weeks=2)"}: CEL, or a
// constant.
func parameter(p map[string]any) (cel string, constant any, err error) {
	text, ok := p["$PARAMETER"].(string)
	if !ok {
		return "", nil, refused("the argument %v is not known", p)
	}
	if m := datetimeParameter.FindStringSubmatch(text); m != nil {
		parts := []int{1, 1, 1, 0, 0, 0}
		for i, field := range strings.Split(m[1], ",") {
			n, err := strconv.Atoi(strings.TrimSpace(field))
			if err != nil || i >= len(parts) {
				return "", nil, refused("%s is no time", text)
			}
			parts[i] = n
		}
		return "", time.Date(parts[0], time.Month(parts[1]), parts[2], parts[3], parts[4], parts[5], 0, time.UTC).Format(time.RFC3339), nil
	}
	m := nowParameter.FindStringSubmatch(text)
	if m == nil {
		return "", nil, refused("the evaluation parameter %s is not known", text)
	}
	if m[1] == "" {
		return "now()", nil, nil
	}
	unit, ok := map[string]float64{"weeks": 168, "days": 24, "hours": 1, "minutes": 1. / 60}[m[2]]
	if !ok {
		return "", nil, refused("timedelta in %s is not known", m[2])
	}
	for _, factor := range strings.Split(m[3], "*") {
		n, err := strconv.ParseFloat(strings.TrimSpace(factor), 64)
		if err != nil {
			return "", nil, refused("%s is no number", m[3])
		}
		unit *= n
	}
	return fmt.Sprintf("now() %s duration('%ss')", m[1], strconv.FormatFloat(unit*3600, 'f', -1, 64)), nil, nil
}

// computed is a rule between bounds that change with the clock, in CEL.
func (r Rule) computed() ([]Rule, error) {
	column, ok := r.Params["column"].(string)
	if r.Kind != "between" || !ok {
		return nil, refused("computed bounds are known for values of a column")
	}
	name := quote(column)
	var parts []string
	for bound, sign := range map[string]string{"min": ">=", "max": "<="} {
		v, ok := r.Params[bound]
		if !ok {
			continue
		}
		text := fmt.Sprint(v)
		if !strings.HasPrefix(text, "now()") {
			text = "timestamp(" + strconv.Quote(text) + ")"
		}
		parts = append(parts, name+" "+sign+" "+text)
	}
	if len(parts) == 2 && parts[0] > parts[1] {
		parts[0], parts[1] = parts[1], parts[0]
	}
	return []Rule{r.row(strings.Join(parts, " && "), name+" != null")}, nil
}

// and joins a condition with the rule's own one, which may be missing.
func and(where string, own any) string {
	switch {
	case own == nil:
		return where
	case where == "":
		return fmt.Sprint(own)
	}
	return fmt.Sprintf("%s && (%s)", where, own)
}

// quote writes a column's name in CEL.
func quote(column string) string {
	if regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`).MatchString(column) {
		return column
	}
	return "row[" + strconv.Quote(column) + "]"
}
