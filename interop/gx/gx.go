// Package gx knows what the expectations of Great Expectations mean in dq.
//
// [Convert] gives the rules that stand for one expectation: a kind of the
// catalogue with its parameters. The table of kinds and arguments is data,
// mapping.yaml; what one argument cannot say by itself (ranges of quantiles,
// times of evaluation parameters, conditions of pandas) is in this package.
//
//	rules, err := gx.Convert(gx.Expectation{
//		Type:   "expect_column_values_to_be_between",
//		Kwargs: map[string]any{"column": "age", "min_value": 0, "mostly": 0.9},
//	})
//	// {Kind: "between", Params: {column: age, min: 0, mostly: 0.9, on_empty: pass}}
package gx

import (
	"embed"
	"fmt"
	"reflect"
	"slices"
	"sort"
	"strings"
	"sync"

	"github.com/dq-dev/dq/internal/yamlpos"
)

// Expectation is one entry of a suite of Great Expectations.
type Expectation struct {
	Type   string
	Kwargs map[string]any // as JSON gives them
}

// Rule is an expectation of a dq suite.
type Rule struct {
	// Kind is a kind of the catalogue, or row for free CEL.
	Kind string
	// Params are its parameters and options, ready to be written as YAML; of row
	// they are row, where and options.
	Params map[string]any
}

// Refused says why there is no rule for an expectation.
type Refused struct{ Reason string }

func (r *Refused) Error() string { return r.Reason }

func refused(format string, args ...any) error { return &Refused{fmt.Sprintf(format, args...)} }

//go:embed mapping.yaml
var mappingFile embed.FS

// mapping is an entry of mapping.yaml.
type mapping struct {
	kind    string
	set     map[string]string
	as      map[string]map[string]string
	with    map[string]string
	unless  map[string]string
	empty   string
	drop    []string
	without map[string]string
	refuse  string

	cel      string
	between  bool
	each     string
	defaults map[string]string
	nulls    string
}

var mappings = sync.OnceValue(func() map[string]mapping {
	data, err := mappingFile.ReadFile("mapping.yaml")
	if err != nil {
		panic(err)
	}
	all, err := readMappings(data)
	if err != nil {
		panic("gx: mapping.yaml is broken: " + err.Error())
	}
	return all
})

func readMappings(data []byte) (map[string]mapping, error) {
	doc, err := yamlpos.Parse("mapping.yaml", data)
	if err != nil {
		return nil, err
	}
	texts := func(n *yamlpos.Node) map[string]string {
		out := map[string]string{}
		for _, e := range n.Pairs("a mapping") {
			out[e.Key.Text] = e.Value.String()
		}
		return out
	}
	all := map[string]mapping{}
	for _, e := range doc.Root.Pairs("mappings") {
		f := e.Value.Map("a mapping", "kind", "set", "as", "with", "unless", "empty", "drop", "without", "refuse", "cel", "between", "each", "default", "nulls")
		m := mapping{set: texts(f["set"]), as: map[string]map[string]string{}, with: texts(f["with"]), unless: texts(f["unless"]), without: texts(f["without"]), defaults: texts(f["default"])}
		if f["kind"] != nil {
			m.kind = f["kind"].String()
		}
		if f["refuse"] != nil {
			m.refuse = f["refuse"].String()
		}
		if f["cel"] != nil {
			m.cel = f["cel"].String()
		}
		if f["between"] != nil {
			m.between = f["between"].Bool()
		}
		if f["each"] != nil {
			m.each = f["each"].String()
		}
		if f["nulls"] != nil {
			m.nulls = f["nulls"].OneOf("nulls", "judge", "skip")
		}
		if f["empty"] != nil {
			m.empty = f["empty"].OneOf("verdict", "pass", "fail", "zero")
		}
		if f["drop"] != nil {
			m.drop = f["drop"].Strings("drop")
		}
		for _, a := range f["as"].Pairs("as") {
			m.as[a.Key.Text] = texts(a.Value)
		}
		all[e.Key.Text] = m
	}
	return all, doc.Err()
}

// Types are the expectations that [Convert] knows, sorted.
func Types() []string {
	var names []string
	for name := range mappings() {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// Kinds are the kinds that expectations of the type may become.
func Kinds(expectation string) []string {
	m := mappings()[expectation]
	var kinds []string
	if m.kind != "" {
		kinds = append(kinds, m.kind)
	}
	for _, kind := range m.without {
		if kind != "pass" {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}

// ignored are arguments that say how GX reports, not what it expects.
// Columns here have one type each, so that nothing compares types.
var ignored = []string{"allow_cross_type_comparisons", "output_strftime_format", "result_format", "catch_exceptions", "include_config", "meta", "notes", "description", "severity", "id", "condition_parser", "batch_id", "auto", "profiler_config"}

// parsers are the ways to write row conditions that GX knows.
var parsers = []any{nil, "pandas", "spark", "great_expectations", "great_expectations__experimental__"}

// Convert gives the rules that must all hold for the expectation to hold. None
// and no error is an expectation that GX holds true whatever the data are. The
// error is a [*Refused].
func Convert(e Expectation) ([]Rule, error) {
	m, ok := mappings()[e.Type]
	switch {
	case !ok:
		return nil, refused("dq has no kind for %s", e.Type)
	case m.refuse != "":
		return nil, refused("%s", m.refuse)
	}
	given := flat(e.Kwargs)
	if exact, ok := given["exact_match"]; ok && exact == nil {
		given["exact_match"] = false
	}
	for args, kind := range m.without {
		if slices.ContainsFunc(strings.Fields(args), func(arg string) bool { return given[arg] != nil }) {
			continue
		}
		switch {
		case kind != "pass":
			m.kind = kind
		case given["exact_match"] == true: // nothing is exactly no set
			return []Rule{{"table", map[string]any{"table": "false"}}}, nil
		default:
			return nil, nil
		}
	}
	if parser := given["condition_parser"]; given["row_condition"] != nil && !slices.Contains(parsers, parser) {
		return nil, refused("condition_parser %v is not known", parser)
	}
	if m.cel != "" {
		return m.rule(given)
	}
	r := Rule{Kind: m.kind, Params: map[string]any{}}
	for _, name := range sortedKeys(given) {
		if err := r.argument(m, name, given[name], given["condition_parser"]); err != nil {
			return nil, err
		}
	}
	for param, value := range m.with {
		r.Params[param] = scalar(value)
	}
	for param, value := range m.unless {
		if _, ok := r.Params[param]; !ok {
			r.Params[param] = scalar(value)
		}
	}
	if m.empty != "" {
		r.Params["on_empty"] = m.empty
	}
	return r.split()
}

// flat brings nested dictionaries of queries up: template_dict.column_a.
func flat(kwargs map[string]any) map[string]any {
	out := map[string]any{}
	for name, value := range kwargs {
		if nested, ok := value.(map[string]any); ok && name == "template_dict" {
			for key, v := range nested {
				out[name+"."+key] = v
			}
			continue
		}
		out[name] = value
	}
	return out
}

func (r *Rule) argument(m mapping, name string, value, parser any) error {
	target, mapped := m.set[name]
	switch {
	case value == nil || slices.Contains(ignored, name) || slices.Contains(m.drop, name), name == "parse_strings_as_datetimes" && value == false:
		return nil
	case name == "parse_strings_as_datetimes":
		target = "parse_times"
	case name == "row_condition":
		where, err := condition(value, parser)
		if err != nil {
			return err
		}
		if where != "" {
			r.Params["where"] = where
		}
		return nil
	case !mapped && (name == "column" || name == "mostly"):
		target = name
	case !mapped:
		return refused("the argument %s of the expectation has no meaning here", name)
	}
	if words, ok := m.as[target]; ok {
		word, ok := words[fmt.Sprint(value)]
		if !ok {
			return refused("%s: %v is not known", name, value)
		}
		value = word
	}
	if columns, total, ok := strings.Cut(target, ".."); ok { // the last of a list is something else
		list, isList := value.([]any)
		if !isList || len(list) < 2 {
			return refused("%s must name at least two columns", name)
		}
		r.Params[columns], r.Params[total] = list[:len(list)-1], list[len(list)-1]
		return nil
	}
	for _, param := range strings.Fields(target) {
		if old, ok := r.Params[param]; ok && param == "columns" {
			list, isList := old.([]any)
			if !isList {
				list = []any{old}
			}
			r.Params[param] = append(list, value)
			continue
		}
		if slices.Contains(sets, param) {
			value = distinct(value)
		}
		r.Params[param] = value
	}
	return nil
}

// sets are the parameters whose items mean the same once or twice.
var sets = []string{"set", "patterns", "names", "types"}

// distinct leaves out the repeats of a list, which GX accepts.
func distinct(value any) any {
	list, ok := value.([]any)
	if !ok {
		return value
	}
	out := []any{} // not nil: an empty list stays one
	for _, item := range list {
		if !slices.ContainsFunc(out, func(o any) bool { return reflect.DeepEqual(o, item) }) {
			out = append(out, item)
		}
	}
	return out
}

// scalar is a value of mapping.yaml as JSON would give it.
func scalar(text string) any {
	switch text {
	case "true", "false":
		return text == "true"
	}
	var number float64
	if _, err := fmt.Sscanf(text, "%g", &number); err == nil && fmt.Sprint(number) == text {
		return number
	}
	return text
}

func sortedKeys(m map[string]any) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}
