package policies

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dq-dev/dq/internal/yamlpos"
)

// What a rule reads must be there, however it comes to it; what is right, or cannot
// be known, passes.
func TestCheckFollowsNames(t *testing.T) {
	finds := func(body string) string { return `findings contains {"msg": "x"} if { ` + body + ` }` }
	cases := map[string]string{
		finds(`input.tabel.name == "x"`):                                            `the input has no "tabel"; did you mean table?`,
		finds(`input.table.ownr == "x"`):                                            `table has no "ownr"; did you mean owner?`,
		finds(`input.new.colums`):                                                   `shape has no "colums"; did you mean columns?`,
		finds(`input.new.columns.path`):                                             `a list has no "path"; write some x in it, and x.path`,
		finds(`input.after.columns`):                                                `the input has no "after"`,
		finds(`some c in input.new.columns; c.typ == "x"`):                          `column has no "typ"; did you mean type?`,
		finds(`c := input.new.columns[_]; c.typ == "x"`):                            `column has no "typ"`,
		finds(`some i; input.diff[i].source.lin == 1`):                              `position has no "lin"; did you mean line?`,
		finds(`some path, ups in input.upstream_columns; some up in ups; up.tabel`): `upstreamcolumn has no "tabel"`,
		finds(`input.profile.columns.x.nul_count > 0`):                              `profilecolumn has no "nul_count"`,
		finds(`object.get(input.table, "ownr", "") == ""`):                          `table has no "ownr"`,
		finds(`object.get(input, ["table", "ownr"], "") == ""`):                     `table has no "ownr"`,
		finds(`every c in input.new.columns { c.nulable }`):                         `column has no "nulable"`,
		finds(`count([1 | some c in input.old.columns; c.tpye == "x"]) > 0`):        `column has no "tpye"`,
		finds(`some d in data.dq.lib.changes(["column_added"]); d.pth`):             `change has no "pth"`,
		finds(`some d in data.dq.lib.changes(["column_droped"]); d.path`):           `it is never "column_droped"; did you mean column_dropped?`,
		finds(`some d in input.diff; d.op == "column_droped"`):                      `it is never "column_droped"`,
		finds(`some d in input.diff; d.op in {"column_added", "column_droped"}`):    `it is never "column_droped"`,
		finds(`input.op != "comit"`):                                                `it is never "comit"; did you mean commit?`,
		finds(`data.dq.lib.new_column.a.typ`):                                       `column has no "typ"`,
		finds(`data.dq.config.threshold.x > 0`):                                     `config has no "threshold"`,
		finds(`data.dq.config.thresholds.deprecation_dayz > 0`):                     `there is no "deprecation_dayz" among them; did you mean deprecation_days?`,
		finds(`limits.waived > 0`) + "\nlimits := data.dq.config.thresholds":        `there is no "waived" among them`,
		finds(`some m in data.dq.config.modes; m.mode == "of"`):                     `it is never "of"; did you mean off?`,
		finds(`data.dq.confg.modes`):                                                `data.dq has no "confg"; did you mean config?`,
		finds(`some d in data.dq.lib.braking; d.op`):                                `data.dq.lib has no "braking"; did you mean breaking?`,
		"import data.dq.lib\n\n" + finds(`lib.new_colum.x`):                         `data.dq.lib has no "new_colum"; did you mean new_column?`,
		finds(`data.dq.lib.chnges(["column_added"])`):                               `undefined function data.dq.lib.chnges`,
		finds(`some f in data.dq.policy.s01.findings; f`):                           `data.dq.policy has no "s01"; did you mean s001?`,
		finds(`some f in data.dq.policy.s001.finding; f`):                           `data.dq.policy.s001 has no "finding"; did you mean findings?`,
		finds(`data.dq.lib.today; data.dq.owners.x; data.dq.waivers.y; data.dq.catalog.z; data.acme.list; data.dq.policy.s001.findings`): "",
		finds(`input.env == "production"`):                                                                          `it is never "production"; known are dev, test, prod`,
		finds(`input.table.layer == "sliver"`):                                                                      `it is hardly "sliver"; did you mean silver?`,
		finds(`input.table.layer in {"gold", "marts"}`):                                                             "",
		`findings contains {"msg": "x", "severity": "eror"} if input.env`:                                           `it is never "eror"; did you mean error?`,
		finds(`bad(input.table)`) + "\nbad(t) if t.ownr":                                                            `table has no "ownr"`,
		finds(`tab.ownr`) + "\ntab := input.table":                                                                  `table has no "ownr"`,
		finds(`some c in all; c.typ`) + "\nall contains c if some c in input.new.columns":                           `column has no "typ"`,
		finds(`by.x.typ`) + "\nby := {c.path: c | some c in input.new.columns}":                                     `column has no "typ"`,
		`findings contains {"pth": "x"} if input.env`:                                                               `a finding has no "pth"; did you mean path?`,
		`findings contains f if { input.env; f := {"mesg": "x"} }`:                                                  `a finding has no "mesg"; did you mean msg?`,
		finds(`some d in input.diff; d.from.keys; d.source.file; d.id`):                                             "",
		finds(`input.table.sla.freshness; input.table.tags["pii.email"]; input.table.contract.id`):                  "",
		finds(`bad(input.table); bad(input.new)`) + "\nbad(t) if t.columns":                                         "",
		finds(`some k, v in input.table; k == v`):                                                                   "",
		finds(`some d in input.diff; d.op in {"column_added", input.env}`):                                          "",
		finds(`x := {"typ": 1}; x.typ == 1`):                                                                        "",
		`findings contains f if { some c in input.new.columns; f := object.union({"msg": "x"}, {"path": c.path}) }`: "",
	}
	dir := t.TempDir()
	rules := map[string]string{} // by file
	for rule := range cases {
		name := fmt.Sprintf("acme%d", len(rules))
		text := fmt.Sprintf("# METADATA\n# title: A policy\n# custom:\n#   id: %s\n#   severity: error\npackage dq.policy.%s\n\n%s\n", strings.ToUpper(name), name, rule)
		rules[name+".rego"] = rule
		if err := os.WriteFile(filepath.Join(dir, name+".rego"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, err := Check([]string{dir}, nil)
	var found yamlpos.Errors
	if !errors.As(err, &found) {
		t.Fatal(err)
	}
	said := map[string][]string{}
	for _, e := range found {
		rule := rules[filepath.Base(e.File)]
		said[rule] = append(said[rule], e.Error())
	}
	for rule, want := range cases {
		if got := said[rule]; want == "" && got != nil || want != "" && (len(got) != 1 || !strings.Contains(got[0], want)) {
			t.Errorf("%s: %q, want %s", rule, got, want)
		}
	}
}

// What adjusts policies is looked at with them.
func TestCheckReadsTheConfiguration(t *testing.T) {
	dir := filepath.Dir(write(t, ConfigFile, "use: [DQ-S01]\nmodes: [{policy: DQ-S001, mode: of}]\n"))
	_, err := Check([]string{dir}, nil)
	for _, want := range []string{"config.yaml:1:7: there is no policy DQ-S01; did you mean DQ-S001?", "config.yaml:2:33: "} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if _, err := Check(nil, []Mode{{Policy: "DQ-S01", Mode: "off"}}); err == nil || !strings.Contains(err.Error(), "there is no policy DQ-S01") {
		t.Errorf("modes: %v", err)
	}
}

// The bundled policies and their tests read nothing that is not there.
func TestBundledNames(t *testing.T) {
	m, err := readModules(nil)
	if err != nil {
		t.Fatal(err)
	}
	m.bundled = map[string]bool{}
	_, compiler := m.compileAll(m.parsed, nil)
	for _, e := range m.misnamed(compiler) {
		t.Error(e)
	}
}
