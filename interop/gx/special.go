package gx

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// split finishes a rule with what needs more than other names: types of other
// systems, ranges of quantiles, and times that are computed.
func (r Rule) split() ([]Rule, error) {
	switch {
	case r.Kind == "sql":
		query, _ := r.Params["sql"].(string)
		return []Rule{{"sql", map[string]any{"sql": strings.ReplaceAll(query, "{batch}", "{table}")}}}, nil
	case r.Kind == "character_at":
		if at, ok := r.Params["at"].(float64); ok && at < 0 {
			r.Params["at"], r.Params["from_end"] = -at, true
		}
	case r.Kind == "z_score":
		if r.Params["sides"] == false {
			return nil, refused("z-scores of one side are not known")
		}
		delete(r.Params, "sides")
	case r.Kind == "length" && crossed(r.Params["min"], r.Params["max"]):
		// dq refuses bounds that nothing can pass; GX lets all rows fail.
		name := quote(fmt.Sprint(r.Params["column"]))
		return []Rule{r.row(fmt.Sprintf("size(%[1]s) >= %[2]v && size(%[1]s) <= %[3]v", name, r.Params["min"], r.Params["max"]), name+" != null")}, nil
	case r.Params["format"] != nil && r.Kind == "no_gaps":
		return r.everyDay()
	case r.Params["query"] != nil:
		if !wholeTable.MatchString(fmt.Sprint(r.Params["query"])) {
			return nil, refused("a query of its own whose rows are counted is no rule of a table")
		}
		delete(r.Params, "query")
		return []Rule{r}, nil
	case r.Params["cel"] != nil:
		column, ok := r.Params["column"].(string)
		if !ok {
			return nil, refused("the expectation names no column")
		}
		return []Rule{r.row(inColumn(fmt.Sprint(r.Params["cel"]), column), quote(column)+" != null")}, nil
	case r.Params["dates"] != nil:
		return r.dates()
	case r.Params["classes"] != nil || r.Params["bic_country"] != nil:
		return r.prefixes()
	case r.Kind == "in_set" || r.Kind == "not_in_set":
		return r.members()
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
	return []Rule{r}, nil
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
	test := map[any]string{"weekday": " && parseTimestamp(%[1]s, '%[2]s').getDayOfWeek() in [1, 2, 3, 4, 5]", "past": " && parseTimestamp(%[1]s, '%[2]s') <= now()"}[r.Params["dates"]]
	var parts []string
	for _, format := range dateFormats {
		parts = append(parts, "("+fmt.Sprintf("isTimestamp(%[1]s, '%[2]s')"+test, name, format)+")")
	}
	return []Rule{r.row(strings.Join(parts, " || "), name+" != null")}, nil
}

// inColumn puts the column in the place of each $ that something is called on.
func inColumn(cel, column string) string {
	return strings.ReplaceAll(strings.ReplaceAll(cel, "($.", "("+quote(column)+"."), "$.matches", quote(column)+".matches")
}

// crossed reports whether two bounds are numbers in the wrong order.
func crossed(low, high any) bool {
	a, okA := low.(float64)
	b, okB := high.(float64)
	return okA && okB && a > b
}

// row is free CEL with the rule's options.
func (r Rule) row(cel, where string) Rule {
	if own, ok := r.Params["where"]; ok {
		where += fmt.Sprintf(" && (%s)", own)
	}
	out := Rule{"row", map[string]any{"row": cel, "where": where}}
	for _, option := range []string{"mostly", "on_empty"} {
		if v, ok := r.Params[option]; ok {
			out.Params[option] = v
		}
	}
	return out
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

// members leaves nulls out of a set, which GX skips as well; without any value
// that is forbidden everything passes.
func (r Rule) members() ([]Rule, error) {
	set, ok := r.Params["set"].([]any)
	if !ok {
		return []Rule{r}, nil
	}
	values := slices.DeleteFunc(slices.Clone(set), func(v any) bool { return v == nil })
	if len(values) == 0 && r.Kind == "not_in_set" {
		return nil, nil
	}
	r.Params["set"] = values
	return []Rule{r}, nil
}

// partition turns {values: [a, b], weights: [0.5, 0.5]} into weights by value.
func (r Rule) partition() ([]Rule, error) {
	p, _ := r.Params["weights"].(map[string]any)
	values, _ := p["values"].([]any)
	weights, _ := p["weights"].([]any)
	switch {
	case p["bins"] != nil && r.Kind == "kl_divergence":
		return r.bins(p)
	case p["bins"] != nil:
		return nil, refused("partitions by bins are known for the divergence alone")
	case len(values) == 0 || len(values) != len(weights):
		return nil, refused("partition_object needs values and as many weights")
	}
	by := map[string]any{}
	for i, v := range values {
		by[fmt.Sprint(v)] = weights[i]
	}
	r.Params["weights"] = by
	return []Rule{r}, nil
}

// bins is the divergence of a column of numbers from the weights of intervals, in
// CEL. The ends may be infinite, or have weights of their own.
func (r Rule) bins(p map[string]any) ([]Rule, error) {
	column, _ := r.Params["column"].(string)
	limit, isNumber := r.Params["max"].(float64)
	bins, _ := p["bins"].([]any)
	weights, _ := p["weights"].([]any)
	tails, _ := p["tail_weights"].([]any)
	if column == "" || !isNumber || len(bins) < 2 || len(weights) != len(bins)-1 || len(tails) != 0 && len(tails) != 2 {
		return nil, refused("partition_object needs bins, a weight for each interval, and two tail_weights or none")
	}
	name := quote(column)
	var parts []string
	add := func(condition string, weight any) bool {
		w, ok := weight.(float64)
		if ok && w > 0 {
			parts = append(parts, fmt.Sprintf("share(%[1]s) * (share(%[1]s) > 0.0 ? ln(share(%[1]s) / %[2]s) : 0.0)", condition, decimal(w)))
		}
		return ok && w > 0
	}
	edge := func(v any, sign string) string {
		if n, ok := v.(float64); ok {
			return fmt.Sprintf("%s %s %s", name, sign, decimal(n))
		}
		return "true"
	}
	for i, w := range weights {
		until := "<"
		if i == len(weights)-1 {
			until = "<="
		}
		if !add(edge(bins[i], ">=")+" && "+edge(bins[i+1], until), w) {
			return nil, refused("a weight that is no number above zero makes the divergence infinite")
		}
	}
	if len(tails) == 2 && (!add(edge(bins[0], "<"), tails[0]) || !add(edge(bins[len(bins)-1], ">"), tails[1])) {
		return nil, refused("a weight that is no number above zero makes the divergence infinite")
	}
	return []Rule{{"table", map[string]any{"table": strings.Join(parts, " + ") + " <= " + decimal(limit), "where": name + " != null", "on_empty": "fail"}}}, nil
}

// decimal writes a number as a double of CEL.
func decimal(x float64) string {
	text := strconv.FormatFloat(x, 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return text
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

// quote writes a column's name in CEL.
func quote(column string) string {
	if regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`).MatchString(column) {
		return column
	}
	return "row[" + strconv.Quote(column) + "]"
}

var conditionToken = regexp.MustCompile("^(?:\\s+|'[^']*'|\"[^\"]*\"|`[^`]*`|col\\((?:'[^']*'|\"[^\"]*\")\\)|[A-Za-z_]\\w*(?:\\.(?:notnull|notNull|isnull|isna|notna|is_not_null|is_null)\\(\\))?|-?[0-9]+(?:\\.[0-9]+)?|==|!=|<=|>=|<|>|\\(|\\)|&|\\||~|\\.(?:notnull|notNull|isnull|isna|notna|is_not_null|is_null)\\(\\))")

// condition turns a row condition into CEL: comparisons, and, or, not, and tests for null.
func condition(v any) (string, error) {
	text, ok := v.(string)
	if !ok {
		return "", refused("the row condition %v is not known", v)
	}
	var out strings.Builder
	for rest := strings.TrimSpace(text); rest != ""; {
		token := conditionToken.FindString(rest)
		if token == "" {
			return "", refused("the row condition %q cannot be read at %q", text, rest)
		}
		rest = rest[len(token):]
		bare, test, isTest := strings.Cut(token, ".")
		if isTest && strings.HasSuffix(test, "()") {
			sign := " != null"
			if strings.HasPrefix(test, "isn") || strings.HasPrefix(test, "is_null") {
				sign = " == null"
			}
			if bare != "" {
				bare = quote(bare)
			}
			out.WriteString("(" + strings.TrimSpace(bare+sign) + ")")
			continue
		}
		switch {
		case strings.HasPrefix(token, "col("):
			out.WriteString(quote(token[5 : len(token)-2]))
		case token[0] == '`':
			out.WriteString(quote(token[1 : len(token)-1]))
		case token == "and" || token == "&":
			out.WriteString("&&")
		case token == "or" || token == "|":
			out.WriteString("||")
		case token == "not" || token == "~":
			out.WriteString("!")
		case token == "True" || token == "False":
			out.WriteString(strings.ToLower(token))
		default:
			out.WriteString(token)
		}
	}
	return out.String(), nil
}
