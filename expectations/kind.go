package expectations

import (
	"embed"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dq-dev/dq/internal/yamlpos"
	"github.com/dq-dev/dq/record"
)

// Kind is a named rule with parameters. It is read from one YAML file, which is
// its implementation, its documentation and its test.
type Kind struct {
	Name      string
	Doc       string
	Scope     string // row or table
	Dimension string // completeness, validity, uniqueness, consistency, timeliness, accuracy, volume
	Params    []Param
	// Main is the parameter that a value without a name stands for: in_set: [a, b].
	Main string
	// Bounds are two parameters of which one must be given, the first not above the second.
	Bounds []string
	// SkipNulls leaves rows out in which a column parameter is null.
	SkipNulls bool
	// Form is "" for a rule that is only its CEL, or unique: the rows of groups
	// that have more than one are failing rows.
	Form string
	// Clauses are joined with &&.
	Clauses  []Clause
	Examples []Example
	User     bool // defined by the user

	digest string
}

// Param is a parameter of a [Kind].
type Param struct {
	Name string
	// Type is column, columns, value, values, text, regex, count (a whole number
	// from 0), number, fraction (0 to 1), bool, duration, operator (a comparison)
	// or reference (table.column).
	Type     string
	Of       string // value, values: the column parameter whose type they have
	Required bool
	Doc      string
}

// Clause is a piece of a kind's CEL. $name stands for a parameter; it is
// replaced by a literal or by a column's name, never by text as it was written.
type Clause struct {
	If  string // the clause counts when this parameter is given
	CEL string
}

// Example is rows with the verdict that they must get.
type Example struct {
	Name    string
	Failed  int64
	Errored int64
	Expect  record.Verdict

	// Relation holds the rows, Tables the others that the rule looks at.
	Relation Relation
	Tables   map[string]Relation
	Now      time.Time

	suite *Suite // of one expectation
	node  *yamlpos.Node
}

// Suite is a suite of the example's expectation alone, whose id is example.
func (e Example) Suite() *Suite { return e.suite }

// Position is where the example is written.
func (e Example) Position() string { return e.node.Position() }

// Reference judges the example by the reference evaluator.
func (e Example) Reference() record.Expectation {
	return e.suite.reference(e.Relation, e.Tables, e.Now)
}

//go:embed catalogue/*.yaml
var catalogue embed.FS

// kindSet finds kinds by name. Those of the catalogue are parsed when they are
// first asked for: a suite uses a few of many.
type kindSet map[string]func() *Kind

func (s kindSet) names() []string { return sortedKeys(s) }

var builtin = sync.OnceValue(func() kindSet {
	kinds := kindSet{}
	files, _ := fs.Glob(catalogue, "catalogue/*.yaml") // the pattern is right
	for _, file := range files {
		kinds[kindName(file)] = sync.OnceValue(func() *Kind {
			k, err := readKind(catalogue, file)
			if err != nil {
				panic("expectations: the catalogue is broken: " + err.Error())
			}
			return k
		})
	}
	return kinds
})

func kindName(file string) string { return strings.TrimSuffix(path.Base(file), ".yaml") }

// Kinds returns the kinds that every suite can use, by name.
func Kinds() []Kind {
	var out []Kind
	for _, name := range builtin().names() {
		out = append(out, *builtin()[name]())
	}
	return out
}

// kindsWith returns the catalogue with the user's kinds, which are files *.yaml
// at the top of user, all of them checked. A user's kind may not take a name of
// the catalogue.
func kindsWith(user fs.FS) (kindSet, error) {
	if user == nil {
		return builtin(), nil
	}
	files, err := fs.Glob(user, "*.yaml")
	if err != nil {
		return nil, fmt.Errorf("kinds: %w", err)
	}
	all := maps.Clone(builtin())
	var errs yamlpos.Errors
	for _, file := range files {
		if _, taken := all[kindName(file)]; taken {
			errs = append(errs, yamlpos.Error{File: file, Line: 1, Col: 1,
				Message: fmt.Sprintf("there is a kind %s already", kindName(file)), Hint: "choose another name"})
			continue
		}
		k, err := readKind(user, file)
		if err != nil {
			errs = append(errs, asErrors(file, err)...)
			continue
		}
		k.User = true
		all[k.Name] = func() *Kind { return k }
	}
	if len(errs) > 0 {
		return nil, errs.Sort()
	}
	return all, nil
}

func readKind(files fs.FS, file string) (*Kind, error) {
	data, err := fs.ReadFile(files, file)
	if err != nil {
		return nil, err
	}
	return parseKind(file, data)
}

var (
	paramTypes = []string{"column", "columns", "value", "values", "text", "regex", "count", "number", "fraction", "bool", "duration", "operator", "reference"}
	dimensions = []string{"completeness", "validity", "uniqueness", "consistency", "timeliness", "accuracy", "volume"}
	identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	kindKeys   = []string{"name", "doc", "scope", "dimension", "params", "main", "bounds", "nulls", "form", "cel", "examples"}
)

// parseKind reads the file of a kind. Its examples are compiled when they are run.
func parseKind(file string, data []byte) (*Kind, error) {
	doc, err := yamlpos.Parse(file, data)
	if err != nil {
		return nil, err
	}
	if doc.Root.Null {
		doc.Root.Errorf("write name, doc, scope, params and cel", "the kind is empty")
		return nil, doc.Err()
	}
	f := doc.Root.Map("a kind", kindKeys...)
	need(doc.Root, f, "name", "doc", "scope", "cel", "examples")
	k := &Kind{
		Name:      f["name"].String(),
		Doc:       strings.TrimSpace(f["doc"].String()),
		Scope:     f["scope"].OneOf("scope", "row", "table"),
		SkipNulls: true,
		digest:    sha(data),
	}
	if f["name"] != nil && k.Name != kindName(file) {
		f["name"].Errorf("rename one of them", "the kind %q is in the file %s", k.Name, path.Base(file))
	}
	if f["name"] != nil && (!identifier.MatchString(k.Name) || slices.Contains(reservedKeys, k.Name)) {
		f["name"].Errorf("use letters, digits and _", "%q cannot be the name of a kind", k.Name)
	}
	if n := f["dimension"]; n != nil {
		k.Dimension = n.OneOf("dimension", dimensions...)
	}
	if n := f["nulls"]; n != nil {
		k.SkipNulls = n.OneOf("way with nulls", "skip", "judge") == "skip"
	}
	if n := f["form"]; n != nil {
		k.Form = n.OneOf("form", "unique")
	}
	for _, e := range f["params"].Pairs("params") {
		p := e.Value.Map("a parameter", "type", "of", "required", "doc")
		need(e.Value, p, "type")
		param := Param{Name: e.Key.Text, Type: p["type"].OneOf("type of a parameter", paramTypes...), Of: optional(p["of"]), Doc: optional(p["doc"])}
		if n := p["required"]; n != nil {
			param.Required = n.Bool()
		}
		if slices.Contains(optionKeys, param.Name) || !identifier.MatchString(param.Name) {
			e.Key.Errorf("choose another name", "%q cannot be the name of a parameter", param.Name)
		}
		k.Params = append(k.Params, param)
	}
	param := func(n *yamlpos.Node) string {
		name := n.String()
		if _, ok := k.param(name); !ok && name != "" {
			n.Errorf(yamlpos.DidYouMean(name, k.paramNames()), "there is no parameter %q", name)
		}
		return name
	}
	for _, e := range f["params"].Pairs("params") {
		if n := e.Value.Get("of"); n != nil {
			if p, ok := k.param(param(n)); ok && p.Type != "column" {
				n.Errorf("", "%s is no column", p.Name)
			}
		}
	}
	if n := f["main"]; n != nil {
		k.Main = param(n)
	}
	for _, n := range f["bounds"].List("bounds", false) {
		k.Bounds = append(k.Bounds, param(n))
	}
	if n := f["bounds"]; n != nil && len(k.Bounds) != 2 {
		n.Errorf("write [min, max]", "bounds are two parameters")
	}
	if n := f["cel"]; n != nil {
		var clauses []*yamlpos.Node
		if n.Kind == yamlpos.Scalar {
			k.Clauses = []Clause{{CEL: n.String()}}
			checkTemplate(k, n)
		} else {
			clauses = n.List("cel", false)
		}
		for _, c := range clauses {
			cf := c.Map("a clause", "if", "cel")
			need(c, cf, "cel")
			clause := Clause{CEL: cf["cel"].String()}
			if cf["if"] != nil {
				clause.If = param(cf["if"])
			}
			checkTemplate(k, cf["cel"])
			k.Clauses = append(k.Clauses, clause)
		}
	}
	if err := doc.Err(); err != nil {
		return nil, err
	}
	k.readExamples(f["examples"])
	if err := doc.Err(); err != nil {
		return nil, err
	}
	return k, nil
}

func checkTemplate(k *Kind, n *yamlpos.Node) {
	if n == nil {
		return
	}
	_, err := substitute(n.Text, func(name string) (string, bool) {
		_, ok := k.param(name)
		return "x", ok
	})
	if err != nil {
		n.Errorf(yamlpos.DidYouMean(err.name, k.paramNames()), "there is no parameter $%s", err.name)
	}
}

func (k *Kind) param(name string) (Param, bool) {
	for _, p := range k.Params {
		if p.Name == name {
			return p, true
		}
	}
	return Param{}, false
}

func (k *Kind) paramNames() []string {
	var names []string
	for _, p := range k.Params {
		names = append(names, p.Name)
	}
	return names
}

// columnParam is the parameter that a column of the suite stands for when the
// kind is written beside it, or "".
func (k *Kind) columnParam() string {
	for _, p := range k.Params {
		if p.Name == "column" && p.Type == "column" || p.Name == "columns" && p.Type == "columns" {
			return p.Name
		}
	}
	return ""
}

type unknownParam struct{ name string }

// substitute replaces each $name outside of CEL's string literals.
func substitute(template string, value func(name string) (string, bool)) (string, *unknownParam) {
	var out strings.Builder
	for i := 0; i < len(template); {
		switch c := template[i]; {
		case c == '\'' || c == '"':
			end := literalEnd(template, i)
			out.WriteString(template[i:end])
			i = end
		case c == '$':
			end := i + 1
			for end < len(template) && (template[end] == '_' || template[end] >= 'a' && template[end] <= 'z' || template[end] >= '0' && template[end] <= '9') {
				end++
			}
			v, ok := value(template[i+1 : end])
			if !ok {
				return "", &unknownParam{template[i+1 : end]}
			}
			out.WriteString(v)
			i = end
		default:
			out.WriteByte(c)
			i++
		}
	}
	return out.String(), nil
}

// literalEnd is where the CEL string literal ends that begins at i: 'a', "a",
// ”'a”' and """a""", raw ones (r”) too.
func literalEnd(s string, i int) int {
	raw := i > 0 && (s[i-1] == 'r' || s[i-1] == 'R')
	quote := s[i : i+1]
	if strings.HasPrefix(s[i:], strings.Repeat(quote, 3)) {
		quote = strings.Repeat(quote, 3)
	}
	for j := i + len(quote); j < len(s); j++ {
		if s[j] == '\\' && !raw {
			j++
			continue
		}
		if strings.HasPrefix(s[j:], quote) {
			return j + len(quote)
		}
	}
	return len(s)
}
