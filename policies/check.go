package policies

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/dq-dev/dq/internal/yamlpos"
)

// Checked is what [Check] looked at.
type Checked struct {
	Files    int      `json:"files"`    // of users, with tests
	Policies []Policy `json:"policies"` // those in them; empty when the METADATA of one is wrong
}

// Check looks at the policies in folders, their tests and their [ConfigFile] more
// closely than [Load] needs to: everything that is wrong with any file comes at once,
// and what a rule reads must be there: of its input in [InputSchema], of data.dq in
// [Config], data.dq.lib and other policies. Modes are those from elsewhere. The error
// is yamlpos.Errors. Cost: some tens of milliseconds.
func Check(dirs []string, modes []Mode) (*Checked, error) {
	m, err := readModules(dirs)
	var problems yamlpos.Errors
	if err != nil && !errors.As(err, &problems) {
		return nil, err
	}
	catalog, err := m.catalog()
	if err == nil { // else ids are missing that the configuration may name
		_, err = readConfig(dirs, modes, catalog)
	}
	var more yamlpos.Errors
	if errors.As(err, &more) {
		problems = append(problems, more...)
	} else if err != nil {
		return nil, err
	}
	out := &Checked{Policies: []Policy{}}
	for name := range m.sources {
		if !m.bundled[name] {
			out.Files++
		}
	}
	for _, p := range catalog {
		if !p.Bundled {
			out.Policies = append(out.Policies, p)
		}
	}
	slices.SortFunc(out.Policies, func(a, b Policy) int { return strings.Compare(a.ID, b.ID) })
	compiled, err := m.compiled()
	if err != nil {
		return nil, err
	}
	if problems = append(problems, compiled...); len(problems) > 0 {
		return out, problems.Sort()
	}
	return out, nil
}

// compiled compiles the modules, and holds what they read against the input. OPA
// stops at the first kind of mistake: what has one is taken out, and the others
// compiled again.
func (m *modules) compiled() (yamlpos.Errors, error) {
	var schema any
	if err := json.Unmarshal(InputSchema(), &schema); err != nil {
		return nil, fmt.Errorf("policies: schema of the input: %w", err)
	}
	schemas := ast.NewSchemaSet()
	schemas.Put(ast.SchemaRootRef, schema)
	left := maps.Clone(m.parsed)
	problems, plain := m.compileAll(left, nil)
	if plain == nil {
		return problems, nil
	}
	misnamed := m.misnamed(plain)
	// The compiler finds some of these names, too, and says less about them.
	typed, _ := m.compileAll(left, schemas)
	for _, e := range typed {
		if !slices.ContainsFunc(misnamed, func(o yamlpos.Error) bool { return o.File == e.File && o.Line == e.Line }) {
			problems = append(problems, e)
		}
	}
	return append(problems, misnamed...), nil
}

// compileAll compiles what is left of the modules, and takes out of it what does not
// compile. There is no compiler when something is wrong with all together.
func (m *modules) compileAll(left map[string]*ast.Module, schemas *ast.SchemaSet) (yamlpos.Errors, *ast.Compiler) {
	var problems yamlpos.Errors
	for {
		compiler := newCompiler().WithSchemas(schemas).SetErrorLimit(0).WithEnablePrintStatements(true)
		if compiler.Compile(left); !compiler.Failed() {
			return problems, compiler
		}
		before := len(left)
		missing := slices.ContainsFunc(slices.Collect(maps.Keys(m.sources)), func(name string) bool { return !m.bundled[name] && left[name] == nil })
		for _, e := range compiler.Errors {
			if e.Location != nil {
				delete(left, e.Location.File)
			}
			// A function may be in a file that was taken out, or does not parse.
			if missing && strings.HasPrefix(e.Message, "undefined function data.") {
				continue
			}
			problems = append(problems, m.problems("", ast.Errors{e})...)
		}
		if len(left) == before {
			return problems, nil
		}
	}
}
