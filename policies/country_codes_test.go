package policies

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dq-dev/dq/table"
)

// A version of a real table: see testdata/country_codes/README.md.
type snapshot struct {
	At     time.Time
	Commit string
	Header int // the first is 1
	Types  map[string]string
	schema table.Schema
}

func countryCodes(t *testing.T) []snapshot {
	t.Helper()
	text, err := os.ReadFile("testdata/country_codes/snapshots.json")
	if err != nil {
		t.Fatal(err)
	}
	var data struct {
		Headers   [][]string
		Snapshots []snapshot
	}
	if err := json.Unmarshal(text, &data); err != nil {
		t.Fatal(err)
	}
	for i := range data.Snapshots {
		s := &data.Snapshots[i]
		if s.Types == nil {
			s.Types = data.Snapshots[i-1].Types
		}
		for _, name := range data.Headers[s.Header-1] {
			typ := s.Types[name]
			if typ == "" {
				typ = "string"
			}
			s.schema.Fields = append(s.schema.Fields, field(name, typ))
		}
	}
	return data.Snapshots
}

// What people said of these changes: the new name of a column and its old one.
var countryCodesRenamed = map[string]map[string]string{
	"aee68450": {"official_name_fr": "name_fr"},
	"410d0178": {
		"official_name_en":                 "official_name",
		"ISO4217-currency_alphabetic_code": "currency_alphabetic_code",
		"ISO4217-currency_country_name":    "currency_country_name",
		"ISO4217-currency_minor_unit":      "currency_minor_unit",
		"ISO4217-currency_name":            "currency_name",
		"ISO4217-currency_numeric_code":    "currency_numeric_code",
	},
	"98b18c18": {"Geoname ID": "geonameid"},
	"a3463338": {"\ufeffGlobal Code": "Global Code"},
	"f2cf5e79": {"Global Code": "\ufeffGlobal Code"},
}

// The bundled policies stop exactly the breaking changes of 46 versions of a real
// table. The decisions are in testdata/country_codes/decisions.md.
func TestCountryCodes(t *testing.T) {
	b := bundled(t)
	snapshots := countryCodes(t)
	if len(snapshots) != 46 {
		t.Fatalf("%d snapshots", len(snapshots))
	}
	var page strings.Builder
	page.WriteString("# What the bundled policies decide about the changes of a real table\n\nSee [README.md](README.md). " +
		"The table is bronze.country_codes, which has an owner, no contract and no readers; nobody approved a change.\n" +
		"A version that changes nothing is not listed.\n")
	write := func(title string, declared bool) {
		fmt.Fprintf(&page, "\n## %s\n\n| version | change | class | breaks | decision |\n|---|---|---|---|---|\n", title)
		for i := 1; i < len(snapshots); i++ {
			was, is := snapshots[i-1], snapshots[i]
			renamed := countryCodesRenamed[is.Commit]
			if declared && renamed == nil {
				continue
			}
			if !declared {
				renamed = nil
			}
			in := countryCodesChange(i, was, is, renamed)
			for _, c := range in.Diff {
				if c.Op == table.ColumnRenamed && renamed[c.Path] == "" {
					t.Errorf("%s: %s was renamed, and nobody said so", is.Commit, c.Path)
				}
			}
			ruling := decideOn(t, b, in)
			breaking := slices.ContainsFunc(in.Diff, breaksReaders)
			if ruling.Blocking != breaking {
				t.Errorf("%s: breaking %t, refused %t", is.Commit, breaking, ruling.Blocking)
			}
			silver := in
			silver.Table.Name, silver.Table.Layer = "silver.country_codes", "silver"
			if r := decideOn(t, b, silver); r.Blocking != breaking {
				t.Errorf("%s in silver: breaking %t, refused %t", is.Commit, breaking, r.Blocking)
			}
			page.WriteString(countryCodesRows(is, in, ruling))
		}
	}
	write("Nobody said what was renamed", false)
	write("Renames are declared", true)
	golden(t, "country_codes/decisions.md", page.String())
}

func decideOn(t *testing.T, b *Bundle, in Input) *Ruling {
	t.Helper()
	r, err := b.Decide(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// breaksReaders is this test's own notion: who reads the table as it was finds a
// column missing, or of a type that does not hold the old values as they were.
func breaksReaders(c Change) bool {
	return c.Op == table.ColumnDropped || c.Op == table.ColumnRenamed || c.Op == table.ColumnTypeChanged && c.Class != table.WideningLossless
}

func countryCodesChange(version int, was, is snapshot, renamed map[string]string) Input {
	from := int64(version - 1)
	in := Input{Time: is.At, Env: "prod", Op: "commit", Rewrite: true, Lineage: &Lineage{Status: "exact"},
		Table:   Table{Name: "bronze.country_codes", Layer: "bronze", Owner: "reference", VersionFrom: &from},
		Profile: &Profile{Rows: 249, Columns: map[string]ProfileColumn{}}, Quality: &Quality{Suite: "sha256:1", Gate: "pass"},
		Old: &Shape{Columns: Columns(was.schema)}, New: &Shape{Columns: Columns(is.schema)}}
	in.Diff = Diff(in.Old, in.New, table.Diff(was.schema, is.schema, renamed))
	return in
}

// countryCodesRows writes a version: columns that were added or moved, or that
// have the same fate, in one row.
func countryCodesRows(s snapshot, in Input, r *Ruling) string {
	type row struct{ op, class, breaks string }
	var order []row
	names := map[row][]string{}
	for _, c := range in.Diff {
		k := row{c.Op, c.Class, strings.Join(c.Breaks, ", ")}
		name := fmt.Sprintf("`%s`", strings.ReplaceAll(c.Path, "\ufeff", "U+FEFF "))
		switch c.Op {
		case table.ColumnTypeChanged, table.ColumnRenamed:
			name += strings.ReplaceAll(fmt.Sprintf(" (was `%v`)", c.From), "\ufeff", "U+FEFF ")
		}
		if names[k] == nil {
			order = append(order, k)
		}
		names[k] = append(names[k], name)
	}
	counts := map[string]int{}
	var said []string
	for _, d := range r.Decisions {
		k := d.Policy + " " + d.Effect
		if counts[k]++; counts[k] == 1 {
			said = append(said, k)
		}
	}
	for i, k := range said {
		if counts[k] > 1 {
			said[i] = fmt.Sprintf("%s ×%d", k, counts[k])
		}
	}
	verdict := "passes"
	if r.Blocking {
		verdict = "**refused**"
	}
	if len(said) > 0 {
		verdict += ": " + strings.Join(said, ", ")
	}
	var b strings.Builder
	for i, k := range order {
		list := names[k]
		if len(list) > 6 {
			list = append(slices.Clone(list[:6]), fmt.Sprintf("%d more", len(list)-6))
		}
		version, decision := "", ""
		if i == 0 {
			version, decision = fmt.Sprintf("%s %s", s.At.Format(time.DateOnly), s.Commit), verdict
		}
		fmt.Fprintf(&b, "| %s | %s %s | %s | %s | %s |\n", version, k.op, strings.Join(list, ", "), k.class, k.breaks, decision)
	}
	return b.String()
}
