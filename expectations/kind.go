package expectations

import (
	"embed"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
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
	// Aliases are names that other tools have for it. They cannot be written in a
	// suite; the error says what to write.
	Aliases []string
	// SkipNulls leaves rows out in which a column parameter is null.
	SkipNulls bool
	// Form is "" for a rule that is only its CEL; unique: the rows of groups that
	// have more than one are failing rows; or count: the sum of its aggregates is
	// the number of failing rows, which are not known one by one.
	Form string
	// Terms are pieces that the clauses name.
	Terms []Term
	// Clauses are joined with &&.
	Clauses  []Clause
	Examples []Example
	User     bool // defined by the user

	digest string
}

// Param is a parameter of a [Kind].
type Param struct {
	Name string
	// Type is one of those in paramTypes, which say what they take.
	Type     string
	Of       string // value, values, pairs, weights: the column parameter whose type they have
	Required bool
	// Default is what counts when the suite gives nothing; "" is none.
	Default string
	// Choices are the words that a choice takes.
	Choices []string
	Doc     string

	byDefault *yamlpos.Node
}

// Example is rows with the verdict that they must get.
type Example struct {
	Name    string
	Failed  int64
	Errored int64
	Expect  record.Verdict

	// Relation holds the rows, Before those of earlier versions, the newest first, and
	// Tables the others that the rule looks at.
	Relation Relation
	Before   []Relation
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
	return e.suite.reference(e.Relation, e.Before, e.Tables, e.Now)
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
func Kinds() []Kind { return builtin().list() }

// AllKinds returns the kinds of the catalogue and of users, by name.
func AllKinds(folders []KindFolder) ([]Kind, error) {
	all, err := kindsWith(folders)
	if err != nil {
		return nil, err
	}
	return all.list(), nil
}

func (s kindSet) list() []Kind {
	var out []Kind
	for _, name := range s.names() {
		out = append(out, *s[name]())
	}
	return out
}

// kindsWith returns the catalogue with users' kinds, all of them checked. A
// user's kind may not take a name that is taken.
func kindsWith(folders []KindFolder) (kindSet, error) {
	if len(folders) == 0 {
		return builtin(), nil
	}
	all := maps.Clone(builtin())
	from := map[string]string{}
	var errs yamlpos.Errors
	for _, folder := range folders {
		files, err := fs.Glob(folder.Files, "*.yaml")
		if err != nil {
			return nil, fmt.Errorf("kinds: %w", err)
		}
		for _, file := range files {
			shown := path.Join(filepath.ToSlash(folder.Name), file)
			name := kindName(file)
			if _, taken := all[name]; taken {
				where := "in the catalogue"
				if from[name] != "" {
					where = "in " + from[name]
				}
				errs = append(errs, yamlpos.Error{File: shown, Line: 1, Col: 1,
					Message: fmt.Sprintf("there is a kind %s already, %s", name, where), Hint: "choose another name"})
				continue
			}
			data, err := fs.ReadFile(folder.Files, file)
			if err != nil {
				return nil, fmt.Errorf("kinds: %w", err)
			}
			k, err := parseKind(shown, data)
			if err != nil {
				errs = append(errs, asErrors(shown, err)...)
				continue
			}
			k.User = true
			from[name] = shown
			all[k.Name] = func() *Kind { return k }
		}
	}
	if len(errs) > 0 {
		return nil, errs.Sort()
	}
	return all, nil
}

// LoadKind reads the file of one kind. The error is [yamlpos.Errors], or that of
// reading the file.
func LoadKind(file string) (*Kind, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("kind: %w", err)
	}
	k, err := parseKind(file, data)
	if k != nil {
		k.User = true
	}
	return k, err
}

// Test judges the kind's examples with the reference evaluator.
func (k *Kind) Test() []TestResult {
	var out []TestResult
	for _, e := range k.Examples {
		res := TestResult{Name: e.Name, Position: e.Position()}
		got := e.Reference()
		if got.Verdict != e.Expect || got.Failed != e.Failed || got.Errored != e.Errored {
			counts := ""
			if got.Verdict == e.Expect {
				counts = fmt.Sprintf("failed: %d, errored: %d", got.Failed, got.Errored)
			}
			message := strings.TrimSpace(counts + " " + got.Message)
			res.Failures = append(res.Failures, TestFailure{ID: k.Name, Want: e.Expect, Got: got.Verdict, Message: message, Position: e.Position()})
		}
		out = append(out, res)
	}
	return out
}

func readKind(files fs.FS, file string) (*Kind, error) {
	data, err := fs.ReadFile(files, file)
	if err != nil {
		return nil, err
	}
	return parseKind(file, data)
}

var (
	dimensions = []string{"completeness", "validity", "uniqueness", "consistency", "timeliness", "accuracy", "volume"}
	identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	kindKeys   = []string{"name", "doc", "scope", "dimension", "aliases", "params", "main", "bounds", "nulls", "form", "terms", "cel", "examples"}
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
		k.Form = n.OneOf("form", "unique", "count")
	}
	if n := f["aliases"]; n != nil {
		k.Aliases = n.Strings("aliases")
	}
	k.readParams(f["params"])
	param := func(n *yamlpos.Node) string { return k.knownParam(n) }
	if n := f["main"]; n != nil {
		k.Main = param(n)
	}
	for _, n := range f["bounds"].List("bounds", false) {
		k.Bounds = append(k.Bounds, param(n))
	}
	if n := f["bounds"]; n != nil && len(k.Bounds) != 2 {
		n.Errorf("write [min, max]", "bounds are two parameters")
	}
	k.readTerms(f["terms"])
	k.readClauses(f["cel"])
	if err := doc.Err(); err != nil {
		return nil, err
	}
	k.readExamples(f["examples"])
	if err := doc.Err(); err != nil {
		return nil, err
	}
	return k, nil
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
