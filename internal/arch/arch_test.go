package arch

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/dq-dev/dq"

// rule says what of ours a package may import.
type rule struct {
	pkg     string
	imports string // packages, between spaces; each has its line above
	tests   string // packages that its tests may import too, wherever they are
}

// packages are the rooms, floor by floor. A package imports only what is above
// its line here, which is below it in the house.
var packages = []rule{
	// Floor 1: nouns without I/O, and where raw data comes from.
	{pkg: "internal/arch"},
	{pkg: "table"},
	{pkg: "internal/yamlpos"},
	{pkg: "internal/gamma"},
	{pkg: "source/file", imports: "table internal/yamlpos"},

	// Floor 2: engines, the Delta protocol, the run record.
	{pkg: "record", imports: "table"},
	{pkg: "engine", imports: "table"},
	{pkg: "engine/enginetest", imports: "engine table"},
	{pkg: "engine/duckdb", imports: "engine table",
		// What every engine must do the same is told by the packages that ask it.
		tests: "engine/enginetest expectations expectations/kindtest expectations/cel/celtest profiling record"},
	{pkg: "delta", imports: "table",
		tests: "delta/storetest delta/s3 delta/s3/s3test"},
	{pkg: "delta/splice"},
	{pkg: "delta/storetest", imports: "delta"},
	{pkg: "delta/object", imports: "delta"},
	{pkg: "delta/s3/s3test"},
	{pkg: "delta/s3", imports: "delta delta/object",
		tests: "delta/s3/s3test delta/storetest"},
	{pkg: "delta/object/rest", imports: "delta/object"},
	{pkg: "delta/gcs", imports: "delta delta/object delta/object/rest",
		tests: "delta/storetest"},
	{pkg: "delta/azure", imports: "delta delta/object delta/object/rest",
		tests: "delta/storetest"},
	{pkg: "delta/location", imports: "delta delta/azure delta/gcs delta/object delta/s3 table",
		tests: "delta/s3/s3test"},

	// Floor 3: judges and describers.
	{pkg: "expectations/cel", imports: "engine internal/gamma table", tests: "expectations/cel/celtest"},
	{pkg: "expectations/cel/celtest", imports: "expectations/cel engine table"},
	{pkg: "expectations", imports: "expectations/cel engine record table internal/yamlpos"},
	{pkg: "expectations/kindtest", imports: "expectations expectations/cel engine record table internal/yamlpos"},
	{pkg: "policies", imports: "record table internal/yamlpos"},
	{pkg: "profiling", imports: "engine internal/gamma record table"},
	{pkg: "suggest", imports: "expectations/cel engine table", tests: "expectations internal/yamlpos"},
	{pkg: "lineage", imports: "engine record table"},
	{pkg: "lineage/draw", imports: "lineage record"},
	{pkg: "lineage/openlineage", imports: "lineage record table", tests: "lineage/openlineage/spectest"},
	{pkg: "lineage/openlineage/spectest", imports: "lineage/openlineage"},
	{pkg: "reports", imports: "record table"},
	{pkg: "interop", imports: "expectations record table internal/yamlpos"},
	{pkg: "interop/gx", imports: "internal/yamlpos"},

	// Floor 4: carries batches, knows no engine by name, draws nothing.
	{pkg: "operations", imports: "delta delta/location delta/splice engine table internal/yamlpos",
		// Operations on rows need an engine.
		tests: "engine/duckdb delta/s3/s3test"},
	{pkg: "pipeline", imports: "delta delta/location engine expectations lineage lineage/openlineage operations policies profiling record source/file table internal/yamlpos",
		// A whole run needs an engine.
		tests: "engine/duckdb"},

	// Floor 5: the door.
	{pkg: "cmd/dq", imports: "delta delta/location engine engine/duckdb expectations expectations/cel interop interop/gx lineage lineage/draw lineage/openlineage operations pipeline policies profiling record reports source/file suggest table internal/yamlpos",
		// Cases of other tools are judged by the engine.
		tests: "delta/s3/s3test expectations/kindtest lineage/openlineage/spectest"},
}

// dependencies are the modules of others (by import path, or the beginning of
// one), and the packages that own them. The longest path that fits counts.
var dependencies = map[string]string{
	"cel.dev/cel-go":                         "expectations/cel",
	"cel.dev/expr":                           "expectations/cel",
	"codeberg.org/go-pdf/fpdf":               "reports",
	"github.com/apache/arrow-go/v18":         "delta engine/duckdb",
	"github.com/apache/arrow-go/v18/parquet": "delta",
	"github.com/cespare/xxhash/v2":           "profiling",
	"github.com/duckdb/duckdb-go/v2":         "engine/duckdb",
	"github.com/goccy/go-yaml":               "internal/yamlpos policies",
	"github.com/minio/minio-go/v7":           "delta/s3",
	"github.com/gobwas/glob":                 "policies",
	"github.com/open-policy-agent/opa":       "policies",
	"github.com/rogpeppe/go-internal":        "cmd/dq",
	"github.com/santhosh-tekuri/jsonschema":  "expectations/cel lineage/openlineage/spectest pipeline policies reports",
	"github.com/spf13/cobra":                 "cmd/dq",
	"github.com/spf13/pflag":                 "cmd/dq",
	"github.com/spf13/viper":                 "cmd/dq",
	"golang.org/x/text":                      "reports",
	"google.golang.org/protobuf":             "expectations/cel",
}

// forbidden are imports that nobody may have, and why.
var forbidden = map[string]string{
	"github.com/google/cel-go":        "cel-go is cel.dev/cel-go since v0.32",
	"github.com/apache/arrow/go":      "arrow/go is github.com/apache/arrow-go/v18",
	"github.com/jung-kurt/gofpdf":     "gofpdf is unmaintained: codeberg.org/go-pdf/fpdf",
	"github.com/marcboeker/go-duckdb": "go-duckdb is github.com/duckdb/duckdb-go/v2",
}

func TestImports(t *testing.T) {
	root := filepath.Join("..", "..")
	for _, p := range checkRules(packages) {
		t.Error(p)
	}
	problems, err := check(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Error(p)
	}
}

// TestGoMod holds that go install works for users (which a replace breaks),
// and that docs/dependencies.md has a section for each direct dependency.
func TestGoMod(t *testing.T) {
	root := filepath.Join("..", "..")
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	direct, replaced := readMod(string(mod))
	for _, line := range replaced {
		t.Errorf("go.mod has %q: it breaks `go install %s/cmd/dq@latest`", line, module)
	}
	docs, err := os.ReadFile(filepath.Join(root, "docs", "dependencies.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range direct {
		if !strings.Contains(string(docs), "## "+m+"\n") {
			t.Errorf("docs/dependencies.md has no section \"## %s\": say why, its licence, and what else was considered", m)
		}
		if owner(dependencies, m) == "" {
			t.Errorf("%s has no owner: add %q to dependencies in internal/arch/arch_test.go, with the package that imports it", m, m)
		}
	}
}

// readMod returns the modules that go.mod requires directly, and its replace lines.
func readMod(text string) (direct, replaced []string) {
	block := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		code, comment, _ := strings.Cut(line, "//")
		words := strings.Fields(code)
		if len(words) == 2 && words[1] == "(" {
			block = words[0]
			continue
		}
		if len(words) > 0 && words[0] == ")" {
			block = ""
			continue
		}
		if block != "" {
			words = append([]string{block}, words...)
		}
		switch {
		case len(words) < 2:
		case words[0] == "replace":
			replaced = append(replaced, line)
		case words[0] == "require" && strings.TrimSpace(comment) != "indirect":
			direct = append(direct, words[1])
		}
	}
	return direct, replaced
}

// checkRules holds the table itself: imports go down, and packages stand once.
func checkRules(rules []rule) []string {
	var problems []string
	seen := map[string]bool{}
	for _, r := range rules {
		for _, imp := range strings.Fields(r.imports) {
			if !seen[imp] {
				problems = append(problems, fmt.Sprintf("%s may import %s, which is not above it in the table: imports only go down", r.pkg, imp))
			}
		}
		if seen[r.pkg] {
			problems = append(problems, r.pkg+" is twice in the table")
		}
		seen[r.pkg] = true
	}
	return problems
}

// check reads every Go file below root and returns what breaks the rules, by file.
func check(root string) ([]string, error) {
	var problems []string
	unknown := map[string]bool{}
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := entry.Name()
		if entry.IsDir() {
			if name != root && (base == "testdata" || base == "vendor" || base[0] == '.' || base[0] == '_') {
				return fs.SkipDir
			}
			return nil
		}
		if filepath.Ext(base) != ".go" || base[0] == '.' || base[0] == '_' {
			return nil
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		imports, err := importsOf(name)
		if err != nil {
			return err
		}
		pkg := path.Dir(rel)
		i := slices.IndexFunc(packages, func(r rule) bool { return r.pkg == pkg })
		if i < 0 {
			if !unknown[pkg] {
				unknown[pkg] = true
				problems = append(problems, fmt.Sprintf("package %s has no line: add {pkg: %q, imports: %q} to packages in internal/arch/arch_test.go, on its floor", pkg, pkg, strings.Join(ours(imports), " ")))
			}
			return nil
		}
		for _, imp := range imports {
			if why := refuse(packages[i], imp, strings.HasSuffix(base, "_test.go")); why != "" {
				problems = append(problems, rel+": "+why)
			}
		}
		return nil
	})
	return problems, err
}

// importsOf reads the imports of a file, whatever its build tags.
func importsOf(name string) ([]string, error) {
	src, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	file, err := parser.ParseFile(token.NewFileSet(), name, src, parser.ImportsOnly)
	if err != nil {
		return nil, err
	}
	imports := make([]string, len(file.Imports))
	for i, spec := range file.Imports {
		if imports[i], err = strconv.Unquote(spec.Path.Value); err != nil {
			return nil, err
		}
	}
	return imports, nil
}

// ours are the imports that are packages of this module.
func ours(imports []string) []string {
	var out []string
	for _, imp := range imports {
		if rest, ok := strings.CutPrefix(imp, module+"/"); ok {
			out = append(out, rest)
		}
	}
	return out
}

// refuse says why a package may not import a path, or nothing.
func refuse(r rule, imp string, test bool) string {
	if why := owner(forbidden, imp); why != "" {
		return fmt.Sprintf("imports %s: %s", imp, why)
	}
	if rest, ok := strings.CutPrefix(imp, module+"/"); ok {
		allowed := strings.Fields(r.imports)
		if test {
			allowed = append(append(allowed, r.pkg), strings.Fields(r.tests)...)
		}
		if !slices.Contains(allowed, rest) {
			return fmt.Sprintf("imports %s, and %s may import only: %s", rest, r.pkg, r.imports)
		}
		return ""
	}
	if first, _, _ := strings.Cut(imp, "/"); !strings.Contains(first, ".") {
		return "" // the standard library
	}
	owners := owner(dependencies, imp)
	switch {
	case owners == "":
		return fmt.Sprintf("imports %s, which nobody owns: add it to dependencies in internal/arch/arch_test.go, and to docs/dependencies.md", imp)
	case !slices.Contains(strings.Fields(owners), r.pkg):
		return fmt.Sprintf("imports %s, which belongs to %s alone", imp, owners)
	}
	return ""
}

// owner returns the value of the longest path in table that is imp or above it.
func owner(table map[string]string, imp string) string {
	for p := imp; p != "." && p != "/"; p = path.Dir(p) {
		if v, ok := table[p]; ok {
			return v
		}
	}
	return ""
}

// TestRulesAreSeen breaks each rule in a folder of its own and expects to be told.
func TestRulesAreSeen(t *testing.T) {
	cases := []struct{ file, imports, want string }{
		{"table/a.go", "fmt", ""},
		{"record/a.go", module + "/table", ""},
		{"record/a_test.go", module + "/record", ""},
		{"engine/duckdb/a_test.go", module + "/expectations/kindtest", ""},
		{"engine/duckdb/a.go", module + "/expectations/kindtest", "engine/duckdb/a.go: imports expectations/kindtest, and engine/duckdb may import only: engine table"},
		{"table/a.go", module + "/record", "table/a.go: imports record, and table may import only: "},
		{"table/a_test.go", module + "/record", "table/a_test.go: imports record, and table may import only: "},
		{"kitchen/a.go", module + "/table", `package kitchen has no line: add {pkg: "kitchen", imports: "table"} to packages in internal/arch/arch_test.go, on its floor`},
		{"kitchen/testdata/a.go", module + "/table", ""},
		{"policies/a.go", "cel.dev/cel-go/cel", "policies/a.go: imports cel.dev/cel-go/cel, which belongs to expectations/cel alone"},
		{"engine/duckdb/a.go", "github.com/apache/arrow-go/v18/arrow", ""},
		{"engine/duckdb/a.go", "github.com/apache/arrow-go/v18/parquet/file", "engine/duckdb/a.go: imports github.com/apache/arrow-go/v18/parquet/file, which belongs to delta alone"},
		{"delta/a.go", "example.com/left/pad", "delta/a.go: imports example.com/left/pad, which nobody owns: add it to dependencies in internal/arch/arch_test.go, and to docs/dependencies.md"},
		{"expectations/cel/a.go", "github.com/google/cel-go/cel", "expectations/cel/a.go: imports github.com/google/cel-go/cel: cel-go is cel.dev/cel-go since v0.32"},
	}
	for _, c := range cases {
		root := t.TempDir()
		name := filepath.Join(root, filepath.FromSlash(c.file))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, fmt.Appendf(nil, "package x\n\nimport %q\n", c.imports), 0o644); err != nil {
			t.Fatal(err)
		}
		problems, err := check(root)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(problems, "\n"); got != c.want {
			t.Errorf("%s imports %s:\ngot  %s\nwant %s", c.file, c.imports, got, c.want)
		}
	}

	upward := []rule{{pkg: "a", imports: "b"}, {pkg: "b"}, {pkg: "b"}}
	if got := checkRules(upward); len(got) != 2 {
		t.Errorf("a table with an upward import and a package twice: %q", got)
	}
	direct, replaced := readMod("module m\n\nrequire a/b v1\nrequire (\n\tc/d v2\n\te/f v3 // indirect\n)\nreplace a/b => ../b\nreplace (\n\tc/d => ../d\n)\n")
	if !slices.Equal(direct, []string{"a/b", "c/d"}) || len(replaced) != 2 {
		t.Errorf("direct %q, replaced %q", direct, replaced)
	}
}
