package policies

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/dq-dev/dq/internal/yamlpos"
)

// The bundled policies, with their tests: builtin/<name>/<name>.rego. main gathers
// the findings of all, lib is what they share.
//
//go:embed builtin
var builtin embed.FS

// modules are the Rego files of a bundle.
type modules struct {
	sources map[string]string      // file name to text
	parsed  map[string]*ast.Module // with annotations
	bundled map[string]bool
}

// readModules reads and parses the bundled files and those of the folders.
func readModules(dirs []string) (*modules, error) {
	m := &modules{sources: map[string]string{}, bundled: map[string]bool{}}
	if err := m.read(builtin, "builtin", ""); err != nil {
		return nil, err
	}
	for name := range m.sources {
		m.bundled[name] = true
	}
	for _, dir := range dirs {
		if err := m.read(os.DirFS(dir), ".", dir); err != nil {
			return nil, err
		}
	}
	return m, m.parse(false)
}

// modulesOf parses the sources of a bundle, which were read before.
func modulesOf(sources map[string]string, tests bool) (*modules, error) {
	m := &modules{sources: sources, bundled: map[string]bool{}}
	for name := range sources {
		m.bundled[name] = strings.HasPrefix(name, "builtin/")
	}
	return m, m.parse(tests)
}

// parse parses the sources, the bundled tests only if they shall be run. Errors
// are yamlpos.Errors, of all files.
func (m *modules) parse(tests bool) error {
	m.parsed = map[string]*ast.Module{}
	names := slices.Sorted(maps.Keys(m.sources))
	if !tests {
		names = slices.DeleteFunc(names, func(name string) bool { return m.bundled[name] && isTest(name) })
	}
	parsed, failed := make([]*ast.Module, len(names)), make([]error, len(names))
	var all sync.WaitGroup
	for i, name := range names {
		all.Go(func() {
			parsed[i], failed[i] = ast.ParseModuleWithOpts(name, m.sources[name], ast.ParserOptions{ProcessAnnotation: true, RegoVersion: ast.RegoV1})
		})
	}
	all.Wait()
	var problems yamlpos.Errors
	for i, name := range names {
		if failed[i] != nil {
			problems = append(problems, m.problems(name, failed[i])...)
			continue
		}
		m.parsed[name] = parsed[i]
		if !m.bundled[name] {
			problems = append(problems, m.checkPackage(name, parsed[i])...)
		}
	}
	if len(problems) > 0 {
		return problems.Sort()
	}
	return nil
}

func (m *modules) read(fsys fs.FS, root, dir string) error {
	err := fs.WalkDir(fsys, root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".rego") {
			return err
		}
		text, err := fs.ReadFile(fsys, path)
		if err != nil {
			return err
		}
		m.sources[filepath.ToSlash(filepath.Join(dir, path))] = string(text)
		return nil
	})
	if err != nil {
		return fmt.Errorf("policies: folder %s: %w", dir, err)
	}
	return nil
}

func isTest(file string) bool { return strings.HasSuffix(file, "_test.rego") }

// policyName is the last part of dq.policy.<name>, or "".
func policyName(module *ast.Module) string {
	path := module.Package.Path
	if len(path) == 4 && path[:3].Equal(ast.MustParseRef("data.dq.policy")) {
		if name, ok := path[3].Value.(ast.String); ok {
			return string(name)
		}
	}
	return ""
}

// checkPackage keeps users' files from changing what is bundled.
func (m *modules) checkPackage(file string, module *ast.Module) yamlpos.Errors {
	loc := module.Package.Location
	name := policyName(module)
	switch {
	case name == "":
		return yamlpos.Errors{m.problem(file, loc.Row, loc.Col, module.Package.String()+" is not a policy's", "write package dq.policy.<name>")}
	case name == "main" || m.bundled["builtin/"+strings.TrimSuffix(name, "_test")+"/"+name+".rego"]:
		return yamlpos.Errors{m.problem(file, loc.Row, loc.Col, "the name "+name+" is taken by a bundled policy", "choose another name")}
	case isTest(file) != strings.HasSuffix(name, "_test"):
		return yamlpos.Errors{m.problem(file, loc.Row, loc.Col, "tests are in files *_test.rego and packages dq.policy.<name>_test, both or neither", "rename the file or the package")}
	}
	return nil
}

// compile compiles all modules but the tests and those that are left out;
// strictly, unless rules were taken out.
func (m *modules) compile(strict bool, without map[string]bool) (*ast.Compiler, error) {
	selected := map[string]*ast.Module{}
	for name, module := range m.parsed {
		if !isTest(name) && !without[name] {
			selected[name] = module
		}
	}
	compiler := newCompiler().WithStrict(strict)
	if compiler.Compile(selected); compiler.Failed() {
		return nil, m.problems("", compiler.Errors).Sort()
	}
	return compiler, nil
}

func newCompiler() *ast.Compiler {
	return ast.NewCompiler().WithCapabilities(capabilities()).WithStrict(true)
}

// late are the files of bundled policies that nobody needs before there is a
// change: none when users' policies read what others find.
func (m *modules) late(catalog map[string]Policy) map[string]bool {
	late := map[string]bool{}
	for name, module := range m.parsed {
		if !m.bundled[name] && !isTest(name) && readsPolicies(module) {
			return nil
		}
	}
	for _, p := range catalog {
		if p.Bundled && p.When == "change" {
			late[p.File] = true
		}
	}
	return late
}

// readsPolicies reports whether a module names a policy's package, or may by a variable
// or by what packages are in.
func readsPolicies(module *ast.Module) bool {
	found := false
	look := func(ref ast.Ref) bool {
		found = found || !besidePolicies(ref)
		return found
	}
	for _, imported := range module.Imports {
		ast.WalkRefs(imported, look)
	}
	for _, rule := range module.Rules {
		ast.WalkRefs(rule, look)
	}
	return found
}

// besidePolicies reports whether a reference is to nothing in data.dq.policy: a part
// of it is another name.
func besidePolicies(ref ast.Ref) bool {
	for i, part := range ast.MustParseRef("data.dq.policy")[:min(3, len(ref))] {
		if _, name := ref[i].Value.(ast.String); (i == 0 || name) && !ref[i].Equal(part) {
			return true
		}
	}
	return false
}

// catalog reads the METADATA of every policy, by package name.
func (m *modules) catalog() (map[string]Policy, error) {
	catalog := map[string]Policy{}
	fileOf := map[string]string{} // id to file
	var problems yamlpos.Errors
	files := make([]string, 0, len(m.parsed))
	for file := range m.parsed {
		files = append(files, file)
	}
	sort.Strings(files)
	for _, file := range files {
		module := m.parsed[file]
		name := policyName(module)
		if a := aboutPackage(module); name == "" && m.bundled[file] && a != nil && a.Custom["id"] != nil {
			name = path.Base(path.Dir(file)) // a policy about what others find, beside them
		}
		if name == "" || isTest(file) {
			continue
		}
		if _, ok := catalog[name]; ok {
			problems = append(problems, m.at(file, module, "the package dq.policy."+name+" has another file", "give each policy one file"))
			continue
		}
		p, err := m.policy(file, module)
		if err != nil {
			problems = append(problems, *err)
			continue
		}
		if other, ok := fileOf[p.ID]; ok {
			problems = append(problems, m.at(file, module, "the id "+p.ID+" is that of "+other, "choose another custom.id"))
			continue
		}
		fileOf[p.ID] = file
		catalog[name] = p
	}
	if len(problems) > 0 {
		return nil, problems
	}
	return catalog, nil
}

// policy reads the METADATA above a package.
func (m *modules) policy(file string, module *ast.Module) (Policy, *yamlpos.Error) {
	wrong := func(message, hint string) (Policy, *yamlpos.Error) {
		e := m.at(file, module, message, hint)
		return Policy{}, &e
	}
	a := aboutPackage(module)
	if a == nil || a.Title == "" {
		return wrong("the policy has no METADATA with a title", "write # METADATA, # title: ... above the package line")
	}
	text := func(key string) string { s, _ := a.Custom[key].(string); return s }
	p := Policy{
		ID: text("id"), Title: a.Title, Description: a.Description, Category: text("category"),
		Remediation: text("remediation"), Why: text("why"), Avoid: text("avoid"), Prefer: text("prefer"),
		Configuration: text("configuration"), File: file, Bundled: m.bundled[file], Severity: map[string]string{},
	}
	switch {
	case p.ID == "":
		return wrong("the policy has no id", "write # custom: and #   id: ACME-001 in its METADATA")
	case strings.HasPrefix(p.ID, "DQ-") && !p.Bundled:
		return wrong("the id "+p.ID+" is reserved: DQ- is for bundled policies", "choose another prefix")
	}
	switch s := a.Custom["severity"].(type) {
	case string:
		p.Severity["default"] = s
	case map[string]any:
		for layer, v := range s {
			p.Severity[layer] = fmt.Sprint(v)
		}
	}
	for layer, s := range p.Severity {
		if s != "error" && s != "warn" {
			return wrong("custom.severity of "+layer+" is "+s, "write error or warn")
		}
	}
	if p.Severity["default"] == "" {
		return wrong("the policy has no severity", "write #   severity: error, or #   severity: {bronze: warn, default: error}")
	}
	switch p.Rank = 1; p.Category {
	case "ownership":
		p.Rank = 2
	case "process":
		p.Rank = 3
	}
	if rank, ok := a.Custom["rank"]; ok {
		n, err := strconv.Atoi(fmt.Sprint(rank))
		if err != nil || n < 0 || n > 3 {
			return wrong(fmt.Sprintf("custom.rank is %v", rank), "write 0 for what says the cause itself, 1 for what a change does, 2 for what is missing around it, 3 for how it was decided")
		}
		p.Rank = n
	}
	switch p.When = text("when"); p.When {
	case "":
		p.When = "always"
	case "always", "change":
	default:
		return wrong("custom.when is "+p.When, "write change, for a policy that only rules on changes, or always")
	}
	const write = "write findings contains {...} if {...}"
	found := false
	for _, rule := range module.Rules {
		if rule.Head.Ref().String() != "findings" && rule.Head.Name.String() != "findings" {
			continue
		}
		if found = true; rule.Head.RuleKind() != ast.MultiValue && !p.Bundled {
			// Of a number or a text no finding could be read: all would be allowed.
			e := m.problem(file, rule.Location.Row, rule.Location.Col, "findings is one value, and no set of findings", write)
			return p, &e
		}
	}
	if !found {
		return wrong("the policy has no rule findings, so it can never find anything", write)
	}
	return p, nil
}

// aboutPackage is the METADATA above a package, or nil.
func aboutPackage(module *ast.Module) *ast.Annotations {
	var a *ast.Annotations
	for _, annotation := range module.Annotations {
		if annotation.Scope == "package" {
			a = annotation
		}
	}
	return a
}

func (m *modules) at(file string, module *ast.Module, message, hint string) yamlpos.Error {
	return m.problem(file, module.Package.Location.Row, module.Package.Location.Col, message, hint)
}

func (m *modules) problem(file string, line, col int, message, hint string) yamlpos.Error {
	e := yamlpos.Error{File: file, Line: line, Col: col, Message: message, Hint: hint}
	if lines := strings.Split(m.sources[file], "\n"); line >= 1 && line <= len(lines) {
		e.Source = lines[line-1]
	}
	return e
}

// problems translates the errors of OPA's parser (of a file) and compiler.
func (m *modules) problems(file string, err error) yamlpos.Errors {
	var many ast.Errors
	if strings.HasSuffix(err.Error(), "empty module") {
		return yamlpos.Errors{m.problem(file, 1, 1, "the file holds nothing", "write package dq.policy.<name>")}
	}
	if !errors.As(err, &many) {
		return yamlpos.Errors{m.problem(file, 1, 1, err.Error(), "")}
	}
	var out yamlpos.Errors
	for _, e := range many {
		hint := ""
		if name, ok := strings.CutPrefix(e.Message, "undefined function "); ok {
			if _, exists := ast.BuiltinMap[name]; exists {
				hint = "policies see nothing but their input: no network, clock, randomness or environment; the time is input.time"
			}
		}
		at := ast.Location{File: file, Row: 1, Col: 1}
		if e.Location != nil {
			at = *e.Location
		}
		if strings.HasPrefix(e.Message, "unexpected eof token") {
			out = append(out, m.endsEarly(at.File))
			continue
		}
		out = append(out, m.problem(at.File, max(at.Row, 1), max(at.Col, 1), e.Message, hint))
	}
	return out
}

// endsEarly says what a file leaves open that ends in the middle of a rule: OPA only
// names the place behind the last line, where there is nothing to see.
func (m *modules) endsEarly(file string) yamlpos.Error {
	text := m.sources[file]
	at, message, hint := len(strings.TrimRight(text, " \t\r\n")), "the file ends in the middle of a rule", ""
	if i := unclosed(text); i >= 0 {
		closes := string(text[i] + 2) // [ and ], { and } are two apart
		if text[i] == '(' {
			closes = ")"
		}
		at, message, hint = i, "this "+text[i:i+1]+" is not closed before the file ends", "write "+closes
	}
	before := text[:at]
	line := strings.Count(before, "\n") + 1
	return m.problem(file, line, utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])+1, message, hint)
}

// unclosed is the byte of the last bracket in a Rego text that no other closes, or -1.
// What stands in strings and comments does not count.
func unclosed(text string) int {
	var open []int
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '#':
			i += strings.IndexByte(text[i:]+"\n", '\n')
		case '`':
			i += 1 + strings.IndexByte(text[i+1:]+"`", '`')
		case '"':
			for i++; i < len(text) && text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
		case '(', '[', '{':
			open = append(open, i)
		case ')', ']', '}':
			open = open[:max(0, len(open)-1)]
		}
	}
	if len(open) == 0 {
		return -1
	}
	return open[len(open)-1]
}
