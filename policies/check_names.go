package policies

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/dq-dev/dq/internal/yamlpos"
	"github.com/dq-dev/dq/table"
)

// names follows what rules read, from input and data.dq.config through variables,
// comprehensions, functions and other rules, and finds names that are not there:
// such a rule is undefined, and never finds anything. What is not known to be of
// one type is left alone, so that nothing right is called wrong.
type names struct {
	m *modules
	// What rules are, and what functions are given, by their path: of the round
	// before, and of this one. A round looks at all rules once.
	rules, args         map[string][]typed
	nextRules, nextArgs map[string][]typed
	// below are the names of packages and rules under a path, of this round.
	below map[string][]string
	env   map[ast.Var]typed
	found map[string]yamlpos.Error // by place; only in the last round
	own   bool                     // the rule is a user's
}

// typed is what is known of a value: its type, nil for nothing; and the texts that
// it may be, if they are few.
type typed struct {
	of    reflect.Type
	enum  []string
	usual []string // texts of which one is most often meant, though it may be another
	keys  []string // that a map may have
}

// findingKeys are what a finding may say.
var findingKeys = []string{"path", "diff_id", "msg", "severity", "evidence"}

// severityNames are those that a finding may have; see [Policy].
var severityNames = []string{"error", "warn"}

// misnamed are the names that users' rules read and that are not there. The
// compiler has compiled the modules.
func (m *modules) misnamed(compiler *ast.Compiler) yamlpos.Errors {
	n := &names{m: m, rules: map[string][]typed{}, args: map[string][]typed{}}
	const rounds = 5 // a value goes through so many rules and functions
	for round := range rounds {
		n.nextRules, n.nextArgs = map[string][]typed{}, map[string][]typed{}
		if round == rounds-1 {
			n.found = map[string]yamlpos.Error{}
		}
		n.below = map[string][]string{"data.dq": slices.Clone(besideRules)}
		for _, rule := range slices.Sorted(maps.Keys(n.rules)) {
			for path, name := cutLast(rule); path != "data" && path != ""; path, name = cutLast(path) {
				if !slices.Contains(n.below[path], name) {
					n.below[path] = append(n.below[path], name)
				}
			}
		}
		for _, file := range slices.Sorted(maps.Keys(compiler.Modules)) {
			module := compiler.Modules[file]
			n.own = !m.bundled[file]
			for _, rule := range module.Rules {
				n.rule(module, rule)
			}
		}
		n.rules, n.args = n.nextRules, n.nextArgs
	}
	return slices.AppendSeq(yamlpos.Errors{}, maps.Values(n.found))
}

// one is what values have in common: their type, or nothing.
func one(values []typed) typed {
	if len(values) == 0 {
		return typed{}
	}
	for _, v := range values[1:] {
		if v.of != values[0].of {
			return typed{}
		}
		if !slices.Equal(v.enum, values[0].enum) {
			values[0].enum = nil
		}
		if !slices.Equal(v.usual, values[0].usual) {
			values[0].usual = nil
		}
		if !slices.Equal(v.keys, values[0].keys) {
			values[0].keys = nil
		}
	}
	return values[0]
}

func (n *names) rule(module *ast.Module, rule *ast.Rule) {
	ref := rule.Head.Ref()
	path := module.Package.Path.String()
	plain := true // rather than a map, or a map of sets
	for _, part := range ref {
		switch p := part.Value.(type) {
		case ast.Var:
			if len(ref) > 1 && part != ref[0] {
				plain = false
				continue
			}
			path += "." + string(p)
		case ast.String:
			path += "." + string(p)
		}
	}
	for r := rule; r != nil; r = r.Else {
		n.env = map[ast.Var]typed{}
		for i, arg := range r.Head.Args {
			if v, ok := arg.Value.(ast.Var); ok && i < len(n.args[path]) {
				n.env[v] = n.args[path][i]
			}
		}
		n.body(r.Body)
		var value typed
		switch {
		case r.Head.Key != nil: // contains
			if value = n.term(r.Head.Key); value.of != nil {
				value = typed{of: reflect.SliceOf(value.of)}
			}
			if n.own && path == module.Package.Path.String()+".findings" {
				n.finding(r)
			}
			if !plain {
				value = typed{}
			}
		case r.Head.Value != nil:
			if value = n.term(r.Head.Value); !plain && value.of != nil {
				value = typed{of: reflect.MapOf(reflect.TypeFor[string](), value.of)}
			}
		}
		n.nextRules[path] = append(n.nextRules[path], value)
	}
}

// finding looks at the keys of a finding that a rule writes down.
func (n *names) finding(r *ast.Rule) {
	literal := r.Head.Key
	if v, ok := literal.Value.(ast.Var); ok {
		for _, e := range r.Body {
			if e.IsEquality() && e.Operand(0).Value.Compare(v) == 0 {
				literal = e.Operand(1)
			}
		}
	}
	if o, ok := literal.Value.(ast.Object); ok {
		o.Foreach(func(key, value *ast.Term) {
			s, ok := key.Value.(ast.String)
			switch {
			case ok && !slices.Contains(findingKeys, string(s)):
				n.wrong(key.Location, fmt.Sprintf("a finding has no %q", string(s)), yamlpos.DidYouMean(string(s), findingKeys))
			case s == "severity":
				n.oneOf(typed{enum: severityNames}, value)
			}
		})
	}
}

func (n *names) body(body ast.Body) {
	for _, e := range body {
		switch terms := e.Terms.(type) {
		case *ast.Term:
			n.term(terms)
		case *ast.Every:
			domain := n.term(terms.Domain)
			if v, ok := terms.Value.Value.(ast.Var); ok {
				n.env[v] = element(domain)
			}
			n.body(terms.Body)
		case []*ast.Term:
			n.call(terms)
		}
		for _, w := range e.With {
			n.term(w.Value)
		}
	}
}

// call looks at a function with its operands, behind which may stand what it gives.
func (n *names) call(terms []*ast.Term) {
	name := terms[0].Value.String()
	values := make([]typed, len(terms)-1)
	for i, t := range terms[1:] {
		values[i] = n.term(t)
	}
	bind := func(to *ast.Term, value typed) {
		if v, ok := to.Value.(ast.Var); ok && value.of != nil && n.env[v].of == nil {
			n.env[v] = value
		}
	}
	switch name {
	case "eq", "equal", "neq":
		if len(values) < 2 {
			return
		}
		if name == "eq" {
			bind(terms[1], values[1])
			bind(terms[2], values[0])
		}
		n.oneOf(values[0], terms[2])
		n.oneOf(values[1], terms[1])
	case "internal.member_2":
		if list, ok := terms[2].Value.(interface{ Foreach(func(*ast.Term)) }); ok {
			if _, object := terms[2].Value.(ast.Object); !object {
				list.Foreach(func(item *ast.Term) { n.oneOf(values[0], item) })
			}
		}
	case "object.get":
		if len(values) > 3 {
			bind(terms[4], n.get(values[0], terms[2]))
		} else {
			n.get(values[0], terms[2])
		}
	case "array.concat":
		if len(values) > 2 {
			bind(terms[3], one(values[:2]))
		}
	case "array.slice", "sort":
		if last := len(values) - 1; last > 0 && (name == "sort") == (last == 1) {
			bind(terms[len(terms)-1], values[0])
		}
	default:
		ref, ok := terms[0].Value.(ast.Ref)
		if !ok || len(ref) == 0 || ref[0].Value.Compare(ast.DefaultRootDocument.Value) != 0 {
			return
		}
		was := n.nextArgs[name]
		for i, v := range slices.Clone(values) {
			if i < len(was) {
				values[i] = one([]typed{was[i], v})
			}
			if ops, ok := terms[i+1].Value.(*ast.Array); ok && name == "data.dq.lib.changes" {
				ops.Foreach(func(op *ast.Term) { n.oneOf(typed{enum: table.Ops}, op) })
			}
		}
		n.nextArgs[name] = values
		if last := terms[len(terms)-1]; len(n.rules[name]) > 0 {
			bind(last, one(n.rules[name]))
		}
	}
}

// get is what object.get reads: a key, or a path of them.
func (n *names) get(of typed, key *ast.Term) typed {
	if path, ok := key.Value.(*ast.Array); ok {
		path.Foreach(func(k *ast.Term) { of = n.part(of, k) })
		return of
	}
	return n.part(of, key)
}

// oneOf looks at a text that is compared with a value that is one of a few.
func (n *names) oneOf(value typed, with *ast.Term) {
	text, ok := with.Value.(ast.String)
	if ok && len(value.enum) > 0 && !slices.Contains(value.enum, string(text)) {
		n.wrong(with.Location, fmt.Sprintf("it is never %q", string(text)), yamlpos.DidYouMean(string(text), value.enum))
	}
	if near := yamlpos.Nearest(string(text), value.usual); ok && near != "" && near != string(text) {
		n.wrong(with.Location, fmt.Sprintf("it is hardly %q", string(text)), "did you mean "+near+"?")
	}
}

// term is what is known of a term; names in it are looked at.
func (n *names) term(t *ast.Term) typed {
	switch v := t.Value.(type) {
	case ast.Var:
		return n.env[v]
	case ast.Ref:
		return n.ref(v)
	case *ast.Array:
		var items []typed
		v.Foreach(func(item *ast.Term) { items = append(items, n.term(item)) })
		return typed{of: listOf(one(items).of)}
	case ast.Set:
		v.Foreach(func(item *ast.Term) { n.term(item) })
	case ast.Object:
		v.Foreach(func(key, value *ast.Term) {
			n.term(key)
			n.term(value)
		})
	case *ast.ArrayComprehension:
		n.body(v.Body)
		return typed{of: listOf(n.term(v.Term).of)}
	case *ast.SetComprehension:
		n.body(v.Body)
		return typed{of: listOf(n.term(v.Term).of)}
	case *ast.ObjectComprehension:
		n.body(v.Body)
		n.term(v.Key)
		if value := n.term(v.Value).of; value != nil {
			return typed{of: reflect.MapOf(reflect.TypeFor[string](), value)}
		}
	}
	return typed{}
}

func listOf(t reflect.Type) reflect.Type {
	if t == nil {
		return nil
	}
	return reflect.SliceOf(t)
}

func (n *names) ref(ref ast.Ref) typed {
	head, ok := ref[0].Value.(ast.Var)
	if !ok {
		return typed{}
	}
	at, rest := n.env[head], ref[1:]
	switch string(head) {
	case "input":
		at = typed{of: reflect.TypeFor[Input]()}
	case "data":
		path := "data"
		for i, part := range rest {
			s, ok := part.Value.(ast.String)
			if !ok {
				break
			}
			n.known(path, part)
			path += "." + string(s)
			if path == "data.dq.config" {
				at, rest = typed{of: reflect.TypeFor[Config]()}, rest[i+1:]
				break
			}
			if known := n.rules[path]; known != nil {
				at, rest = one(known), rest[i+1:]
				break
			}
		}
	}
	for _, part := range rest {
		at = n.part(at, part)
	}
	return at
}

// besideRules is what policies see under data.dq that no rule makes.
var besideRules = []string{"catalog", "config", "owners", "waivers"}

// known looks at a name under a path of data.dq: a package, or a rule of one.
func (n *names) known(path string, part *ast.Term) {
	name, there := string(part.Value.(ast.String)), n.below[path]
	if there != nil && !slices.Contains(there, name) {
		n.wrong(part.Location, fmt.Sprintf("%s has no %q", path, name), yamlpos.DidYouMean(name, there))
	}
}

// cutLast takes the last part off a path.
func cutLast(path string) (before, last string) {
	i := max(strings.LastIndexByte(path, '.'), 0)
	return path[:i], strings.TrimPrefix(path[i:], ".")
}

// part is what a value has under a key.
func (n *names) part(of typed, key *ast.Term) typed {
	n.term(key)
	if of.of == nil {
		return typed{}
	}
	t := of.of
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	name, constant := key.Value.(ast.String)
	switch {
	case t == timeType || !constant && t.Kind() == reflect.Struct:
	case t.Kind() == reflect.Map:
		if constant && len(of.keys) > 0 && !slices.Contains(of.keys, string(name)) {
			n.wrong(key.Location, fmt.Sprintf("there is no %q among them", string(name)), yamlpos.DidYouMean(string(name), of.keys))
		}
		return element(of)
	case t.Kind() == reflect.Slice && !constant:
		return element(of)
	case t.Kind() == reflect.Slice:
		n.wrong(key.Location, fmt.Sprintf("a list has no %q", string(name)), "write some x in it, and x."+string(name))
	case t.Kind() == reflect.Struct:
		var known []string
		for _, f := range reflect.VisibleFields(t) {
			option, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if option == string(name) {
				return typed{of: f.Type, enum: enumOf(f), usual: split(f.Tag.Get("usual")), keys: keysOfMap(f)}
			}
			if option != "" && option != "-" {
				known = append(known, option)
			}
		}
		n.wrong(key.Location, fmt.Sprintf("%s has no %q", described(t), string(name)), yamlpos.DidYouMean(string(name), known))
	}
	return typed{}
}

var timeType = reflect.TypeOf(Input{}.Time)

// described names a part of the input for a message.
func described(t reflect.Type) string {
	if t == reflect.TypeFor[Input]() {
		return "the input"
	}
	return strings.ToLower(t.Name())
}

// keysOfMap are the names that a field's map may have.
func keysOfMap(f reflect.StructField) []string {
	if f.Tag.Get("keys") != "thresholds" {
		return nil
	}
	var names []string
	for _, t := range Thresholds {
		names = append(names, t.Name)
	}
	return names
}

func split(list string) []string {
	if list == "" {
		return nil
	}
	return strings.Split(list, ",")
}

// enumOf is what a field of texts may be.
func enumOf(f reflect.StructField) []string {
	switch values := f.Tag.Get("enum"); {
	case f.Type.Kind() != reflect.String:
		return nil
	case values == "ops":
		return table.Ops
	default:
		return split(values)
	}
}

func element(of typed) typed {
	t := of.of
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil || t.Kind() != reflect.Slice && t.Kind() != reflect.Map {
		return typed{}
	}
	return typed{of: t.Elem()}
}

func (n *names) wrong(at *ast.Location, message, hint string) {
	if n.found == nil || !n.own || at == nil {
		return
	}
	n.found[fmt.Sprintf("%s:%d:%d", at.File, at.Row, at.Col)] = n.m.problem(at.File, at.Row, at.Col, message, hint)
}
