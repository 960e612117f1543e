package expectations

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/dq-dev/dq/internal/yamlpos"
	"github.com/dq-dev/dq/record"
	"github.com/dq-dev/dq/table"
)

var update = flag.Bool("update", false, "write the golden files")

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (go test -update writes it):\n%s", file, got)
	}
}

// schemaOf reads "a int64, b string".
func schemaOf(t testing.TB, text string) table.Schema {
	t.Helper()
	var s table.Schema
	depth, start := 0, 0
	text += ","
	for i, c := range text {
		switch c {
		case '(', '<':
			depth++
		case ')', '>':
			depth--
		case ',':
			if depth > 0 {
				continue
			}
			column := strings.TrimSpace(text[start:i])
			start = i + 1
			at := strings.LastIndexByte(column, ' ')
			typ, err := table.ParseType(column[at+1:])
			if err != nil {
				t.Fatal(err)
			}
			s.Fields = append(s.Fields, table.Field{Name: column[:at], Type: typ, Nullable: true})
		}
	}
	return s
}

// TestWrong loads and plans the suites of testdata/wrong. Their first line has
// the table's columns; what is said about each stands beside it.
func TestWrong(t *testing.T) {
	files, err := filepath.Glob("testdata/wrong/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			name := filepath.Base(file)
			s, err := Parse(name, data, Options{})
			if err == nil {
				first, _, _ := strings.Cut(string(data), "\n")
				_, err = s.Plan(schemaOf(t, strings.TrimPrefix(first, "# columns: ")), map[string]table.Schema{
					"silver.customers": schemaOf(t, "id int64, name string")})
			}
			var errs yamlpos.Errors
			if !errors.As(err, &errs) {
				t.Fatalf("not refused with positions: %v", err)
			}
			for _, e := range errs {
				if e.File != name || e.Line < 1 || e.Col < 1 {
					t.Errorf("no place: %+v", e)
				}
			}
			golden(t, strings.TrimSuffix(file, ".yaml")+".txt", err.Error()+"\n")
		})
	}
}

func mustLoad(t testing.TB, text string) *Suite {
	t.Helper()
	s, err := Parse("suite.yaml", []byte(text), Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestLoad(t *testing.T) {
	s := mustLoad(t, `version: 1
table: silver.orders
description: One row per order line.
owner: sales
retention: 730d
personal_data: {purpose: billing, legal_basis: contract}
certified: true
contract: {version: 2.10, compatibility: BACKWARD, sunset: {1.x: 2027-03-31}}
sla: {freshness: 26h, availability: 08:00 Europe/Paris}
let:
  net: quantity * unit_price
columns:
  order_id: {type: int64, key: true}
  status: {type: string, in_set: [new, NO, 1], on_fail: warn}
  email: {type: string, tags: [pii.email], regex: {pattern: '^[^@]+@', mostly: 0.99}, not_null: false}
  old: {deprecated_since: 2026-10-01, replaced_by: code}
  code: {renamed_from: cod}
  Invoice No: {type: string, not_null: true}
  plain:
expectations:
  net_not_negative:
    row: net >= 0
    where: status != 'XX'
    mostly: {warn: 0.999, fail: 0.99}
    on_fail: quarantine
    dimension: validity
  line_key: {unique: [order_id, status], max_failed: 10}
  volume: {table: rows() > 0, scope: new}
`)
	if s.Contract.Version != "2.10" || s.Contract.Sunset["1.x"] != "2027-03-31" || s.SLA.Availability != "08:00 Europe/Paris" || *s.RetentionDays != 730 ||
		!s.Certified || s.PersonalData.LegalBasis != "contract" || s.PersonalData.RetentionDays != nil {
		t.Errorf("declared %+v", s.Declaration)
	}
	if !strings.HasPrefix(s.Digest, "sha256:") || len(s.Digest) != 71 {
		t.Errorf("digest %q", s.Digest)
	}
	var got []string
	for _, e := range s.Expectations {
		got = append(got, fmt.Sprintf("%s | %s | %s | %s | %s | %s | %s | %v", e.ID, e.Kind, e.Scope, e.CEL, e.Where, e.OnFail, e.Position, e.Threshold.JSON()))
	}
	golden(t, "testdata/load.txt", strings.Join(got, "\n")+"\n")
	for name, want := range map[string]bool{"email": true, "status": false} {
		if c, ok := s.Column(name); !ok || c.Personal() != want {
			t.Errorf("%s personal: %v", name, c.Personal())
		}
	}
	if c, _ := s.Column("order_id"); !c.Key || !c.NotNull || c.Type.Kind != table.Int64 {
		t.Errorf("%+v", c)
	}
}

func TestUserKind(t *testing.T) {
	const kind = `name: multiple_of
doc: The number is a multiple of another.
scope: row
params:
  column: {type: column, required: true}
  n: {type: count, required: true}
main: n
cel: $column % $n == 0
examples:
  - {name: multiple, columns: {c: int64}, with: {column: c, n: 3}, rows: [{c: 6}], expect: pass}
`
	suite := []byte("version: 1\ncolumns: {pack: {type: int64, multiple_of: 6}}\n")
	load := func(kind string) (*Suite, error) {
		return Parse("suite.yaml", suite, Options{Kinds: []KindFolder{{"kinds", fstest.MapFS{"multiple_of.yaml": {Data: []byte(kind)}, "README.md": {}}}}})
	}
	s, err := load(kind)
	if err != nil {
		t.Fatal(err)
	}
	if e := s.Expectations[0]; e.ID != "pack.multiple_of" || e.CEL != "pack % 6 == 0" || e.Where != "pack != null" {
		t.Errorf("%+v", e)
	}
	other, err := load(kind + "# changed\n")
	if err != nil {
		t.Fatal(err)
	}
	if other.Digest == s.Digest {
		t.Error("the suite's digest does not know its kinds")
	}
	_, err = Parse("suite.yaml", suite, Options{Kinds: []KindFolder{{"kinds", fstest.MapFS{"unique.yaml": {Data: []byte(strings.Replace(kind, "multiple_of", "unique", 1))}}}}})
	if err == nil || !strings.Contains(err.Error(), "kinds/unique.yaml:1:1: there is a kind unique already, in the catalogue") {
		t.Error(err)
	}
	var out strings.Builder
	for _, wrong := range []struct{ old, new string }{
		{"name: multiple_of", "name: multipleof"},
		{"$n == 0", "$m == 0"},
		{"main: n", "main: m"},
		{"type: count", "type: counter"},
		{"scope: row", "scope: rows\nextra: 1"},
		{"{c: 6}", "{c: six}"},
		{"n: 3}", "k: 3}"},
		{"doc: The number is a multiple of another.\n", ""},
		{"  n: {", "  mostly: {type: count}\n  n: {"},
	} {
		if _, err := load(strings.Replace(kind, wrong.old, wrong.new, 1)); err != nil {
			fmt.Fprintf(&out, "%s\n", err)
		} else {
			t.Errorf("%s is accepted", wrong.new)
		}
	}
	golden(t, "testdata/kinds.txt", out.String())
}

// TestSubstitute: what stands in a literal is no parameter, and arguments are
// literals whatever they hold.
func TestSubstitute(t *testing.T) {
	got, err := substitute(`$a.matches('$a') && r'\' != "$b" && $b == '''$a'$b'''`, func(name string) (string, bool) {
		return "<" + name + ">", true
	})
	if want := `<a>.matches('$a') && r'\' != "$b" && <b> == '''$a'$b'''`; err != nil || got != want {
		t.Errorf("%s, %v", got, err)
	}
	s := mustLoad(t, "version: 1\ncolumns:\n  c: {type: string, in_set: [\"x'] || true || c in ['\", \"\\n\\\\\"]}\n")
	if got, want := s.Expectations[0].CEL, `c in ["x'] || true || c in ['", "\n\\"]`; got != want {
		t.Errorf("%s", got)
	}
}

func FuzzLoad(f *testing.F) {
	files, _ := filepath.Glob("testdata/wrong/*.yaml")
	for _, file := range files {
		if data, err := os.ReadFile(file); err == nil {
			f.Add(string(data))
		}
	}
	f.Add("version: 1\ncolumns: {a: {type: int64, not_null: true, between: {min: 1}}}\nexpectations: {x: {row: a > 0, mostly: 0.9}}\ntests: [{rows: [{a: 1}], expect: {x: pass}}]\n")
	schema := schemaOf(f, "a int64, s string")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Parse("f.yaml", []byte(text), Options{})
		if err != nil {
			var errs yamlpos.Errors
			if !errors.As(err, &errs) || len(errs) == 0 {
				t.Fatalf("%T %v", err, err)
			}
			return
		}
		ids := map[string]bool{}
		for _, e := range s.Expectations {
			if ids[e.ID] || e.ID == "" || e.CEL == "" || e.OnFail == "" || e.Position == "" {
				t.Fatalf("%+v", e)
			}
			ids[e.ID] = true
		}
		_, _ = s.Plan(schema, nil)
		for _, r := range s.Test() {
			for _, failure := range r.Failures {
				if failure.Got == failure.Want || failure.Got == record.Verdict("") {
					t.Fatalf("%+v", failure)
				}
			}
		}
	})
}

// TestContractSuite: the suites of all that the documentation promises load, compile
// for their table and pass their own tests.
func TestContractSuite(t *testing.T) {
	schema := func(columns string) table.Schema {
		var out table.Schema
		for _, c := range strings.Split(columns, ", ") {
			i := strings.LastIndexByte(c, ' ')
			parsed, err := table.ParseType(c[i+1:])
			if err != nil {
				t.Fatal(err)
			}
			out.Fields = append(out.Fields, table.Field{Name: c[:i], Type: parsed, Nullable: true})
		}
		return out
	}
	orders := schema("order_id int64, customer_id int64, status string, email string, old_code string, client string, quantity int64, unit_price double, cancelled bool, country string, invoice string, line int64, Invoice No string")
	for _, file := range []string{"suite.yaml", "options.yaml"} {
		s, err := Load("testdata/contracts/"+file, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Plan(orders, map[string]table.Schema{"silver.customers": schema("customer_id int64")}); err != nil {
			t.Fatal(err)
		}
		results := s.Test()
		if len(results) == 0 {
			t.Errorf("%s has no tests", file)
		}
		for _, res := range results {
			for _, f := range res.Failures {
				t.Errorf("%s: %s: %s is %s, want %s: %s", f.Position, res.Name, f.ID, f.Got, f.Want, f.Message)
			}
		}
	}
}

// TestKindOfTheManual: the kind that docs/kinds.md shows works as its examples say.
func TestKindOfTheManual(t *testing.T) {
	page, err := os.ReadFile("../docs/kinds.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```yaml\n")
	text, _, ok := strings.Cut(rest, "```")
	if !ok {
		t.Fatal("the page shows no kind")
	}
	k, err := parseKind("share_of_total.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, res := range k.Test() {
		for _, f := range res.Failures {
			t.Errorf("%s: got %s: %s", res.Name, f.Got, f.Message)
		}
	}
	if len(k.Examples) < 3 {
		t.Error("its examples are gone")
	}
}
