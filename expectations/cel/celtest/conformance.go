package celtest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/dq-dev/dq/expectations/cel"
	"github.com/dq-dev/dq/table"
)

// Case is one test of the CEL specification.
type Case struct {
	Name string // file/section/test
	// Source is a condition that must be true: the test's expression compared with
	// what it gives; or err, if Errs.
	Source string
	Errs   bool
	// Why says why the test does not apply, for those that look at what rules do not
	// have: messages, variables, types as values.
	Why string
}

// Cases reads the conformance tests of the CEL specification from the module
// cel.dev/expr, which cel-go depends on.
func Cases(t testing.TB) []Case {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "cel.dev/expr").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(dir)), "tests/simple/testdata/*.textproto"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no conformance files in %s: %v", dir, err)
	}
	var cases []Case
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		m, err := parseText(string(text))
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".textproto")
		for _, section := range m.messages("section") {
			for _, test := range section.messages("test") {
				c := caseOf(test)
				c.Name = name + "/" + section.text("name") + "/" + test.text("name")
				cases = append(cases, c)
			}
		}
	}
	return cases
}

func caseOf(test *message) Case {
	expr := test.text("expr")
	for _, f := range []string{"bindings", "type_env", "container", "check_only", "disable_macros", "typed_result", "unknown"} {
		if test.fields[f] != nil {
			return Case{Source: expr, Why: "the test has " + f}
		}
	}
	if test.fields["eval_error"] != nil || test.fields["any_eval_errors"] != nil {
		return Case{Source: "(" + expr + ") == null", Errs: true}
	}
	values := test.messages("value")
	if len(values) == 0 {
		return Case{Source: expr} // true, by the format's rule
	}
	want, ok := valueText(values[0])
	switch {
	case !ok:
		return Case{Source: expr, Why: "the result is no value of a column"}
	case want == "true":
		return Case{Source: expr}
	case want == "false":
		return Case{Source: "!(" + expr + ")"}
	case want == "nan":
		return Case{Source: "isNaN(" + expr + ")"}
	}
	return Case{Source: "(" + expr + ") == " + want}
}

// valueText writes a value as CEL.
func valueText(v *message) (string, bool) {
	for kind, all := range v.fields {
		s, _ := all[0].(string)
		switch kind {
		case "bool_value", "int64_value":
			return s, true
		case "null_value":
			return "null", true
		case "string_value":
			return strconv.QuoteToASCII(s), true
		case "bytes_value":
			var b strings.Builder
			for i := range len(s) {
				fmt.Fprintf(&b, `\x%02x`, s[i])
			}
			return `b"` + b.String() + `"`, true
		case "double_value":
			switch strings.ToLower(s) {
			case "nan":
				return "nan", true
			case "inf", "infinity":
				return "(1.0 / 0.0)", true
			case "-inf", "-infinity":
				return "(-1.0 / 0.0)", true
			}
			if !strings.ContainsAny(s, ".eE") {
				s += ".0"
			}
			return s, true
		case "list_value":
			m, _ := all[0].(*message)
			var items []string
			for _, item := range m.messages("values") {
				text, ok := valueText(item)
				if !ok || text == "null" || text == "nan" {
					return "", false
				}
				items = append(items, text)
			}
			return "[" + strings.Join(items, ", ") + "]", len(items) > 0
		case "object_value":
			return timeText(all[0])
		}
	}
	return "", false
}

// timeText writes timestamps and durations.
func timeText(v any) (string, bool) {
	m, _ := v.(*message)
	for name, all := range m.fields {
		inner, ok := all[0].(*message)
		if !ok {
			return "", false
		}
		seconds, _ := strconv.ParseInt(inner.text("seconds"), 10, 64)
		nanos, _ := strconv.ParseInt(inner.text("nanos"), 10, 64)
		switch name {
		case "[type.googleapis.com/google.protobuf.Timestamp]":
			return fmt.Sprintf("timestamp(%d)", seconds), nanos == 0
		case "[type.googleapis.com/google.protobuf.Duration]":
			return fmt.Sprintf("duration('%ds')", seconds), nanos == 0
		}
	}
	return "", false
}

// Lifted is a rule whose constants were put into the columns of one row.
type Lifted struct {
	Source string
	Schema table.Schema
	Row    map[string]any
}

var literalToken = regexp.MustCompile(`^(?:'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|[0-9]+\.[0-9]+(?:[eE][-+]?[0-9]+)?|[0-9]+|[A-Za-z_][A-Za-z0-9_]*|(?s:.))`)

// byteEscape is an escape that is a byte in textproto and a code point in CEL.
var byteEscape = regexp.MustCompile(`\\[xX0-7]`)

// Lift replaces texts, numbers and truth values by columns x0, x1 ...; what it does
// not read for sure stays.
func Lift(src string) Lifted {
	l := Lifted{Row: map[string]any{}}
	var b strings.Builder
	column := func(v any, kind table.Kind) {
		name := fmt.Sprintf("x%d", len(l.Schema.Fields))
		l.Schema.Fields = append(l.Schema.Fields, table.Field{Name: name, Type: table.Type{Kind: kind}, Nullable: true})
		l.Row[name] = v
		b.WriteString(name)
	}
	for rest, before := src, byte(' '); rest != ""; {
		token := literalToken.FindString(rest)
		rest = rest[len(token):]
		plain := !strings.ContainsRune("rRbB.", rune(before)) && !strings.HasPrefix(rest, token[:1]) &&
			!(rest != "" && strings.ContainsRune("uUxX", rune(rest[0])))
		before = token[len(token)-1]
		switch c := token[0]; {
		case plain && len(token) > 1 && (c == '\'' || c == '"'):
			if text, ok := unescape(token[1 : len(token)-1]); ok && !strings.ContainsRune(text, 0) && !byteEscape.MatchString(token) {
				column(text, table.String)
				continue
			}
		case plain && c >= '0' && c <= '9' && strings.ContainsAny(token, ".eE"):
			if x, err := strconv.ParseFloat(token, 64); err == nil && !math.IsInf(x, 0) {
				column(x, table.Double)
				continue
			}
		case plain && c >= '0' && c <= '9':
			if n, err := strconv.ParseInt(token, 10, 64); err == nil {
				column(n, table.Int64)
				continue
			}
		case token == "true" || token == "false":
			column(token == "true", table.Bool)
			continue
		}
		b.WriteString(token)
	}
	l.Source = b.String()
	return l
}

// compareConformance compares the engine with the reference on the conformance
// tests that apply, with constants and with columns in their place.
func (c *comparison) compareConformance() {
	none, err := cel.NewEnv(table.Schema{}, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	var items []string
	var want []cel.Outcome
	var names []string
	unsaid, lifted := 0, 0
	for _, test := range Cases(c.t) {
		if test.Why != "" {
			continue
		}
		add := func(env *cel.Env, src string, schema table.Schema, row map[string]any) bool {
			rule, err := env.Row(src)
			if err != nil {
				return false
			}
			rule = rule.With(c.facts)
			sql, err := rule.SQL(c.dialect)
			if errors.As(err, new(*cel.Unsupported)) {
				unsaid++
				return false
			}
			if err != nil {
				c.t.Errorf("%s: %s: %v", test.Name, src, err)
				return false
			}
			from := ""
			for _, f := range schema.Fields {
				from += fmt.Sprintf("CAST(%s AS %s) AS %s, ", literal(c.dialect, row[f.Name], f.Type), sqlType(f.Type), c.dialect.Ident(f.Name))
			}
			items = append(items, "(SELECT "+sql+" FROM (SELECT "+from+"1 AS one))")
			want = append(want, rule.Eval(row))
			names = append(names, test.Name+": "+src)
			return true
		}
		add(none, test.Source, table.Schema{}, nil)
		l := Lift(test.Source)
		if env, err := cel.NewEnv(l.Schema, nil); err == nil && len(l.Row) > 0 && add(env, l.Source, l.Schema, l.Row) {
			lifted++
		}
	}
	for start := range slices.Chunk(indexes(len(items)), perQuery) {
		var batch []string
		for _, i := range start {
			batch = append(batch, items[i]+fmt.Sprintf(" AS r%d", i))
		}
		rows, err := c.session.Query(context.Background(), "SELECT "+strings.Join(batch, ", "))
		if err != nil {
			for _, i := range start {
				if _, err := c.session.Query(context.Background(), "SELECT "+items[i]); err != nil {
					c.t.Errorf("%s stops the query\n%s\n%v", names[i], items[i], err)
				}
			}
			continue
		}
		for k, i := range start {
			got := map[any]string{true: "true", false: "false", nil: "error"}[rows.Values[0][k]]
			if got != want[i].Value.String() {
				c.t.Errorf("%s\nSQL gives %s, the reference %v\n%s", names[i], got, want[i], items[i])
			}
		}
	}
	if lifted < 300 {
		c.t.Errorf("only %d tests were compared with columns", lifted)
	}
	c.t.Logf("%d comparisons, %d of them with columns; %d more are not said by the dialect", len(items), lifted, unsaid)
}

func indexes(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}
