package policies

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dq-dev/dq/record"
	"github.com/dq-dev/dq/table"
)

var today = time.Date(2026, 10, 1, 6, 0, 0, 0, time.UTC)

func field(name, typ string) table.Field {
	t, err := table.ParseType(typ)
	if err != nil {
		panic(err)
	}
	return table.Field{Name: name, Type: t, Nullable: true}
}

func shape(fields ...table.Field) *Shape {
	return &Shape{Columns: Columns(table.Schema{Fields: fields})}
}

// orders is a change of silver.orders that nothing is wrong with.
func orders() Input {
	version := int64(7)
	s := shape(field("id", "int64"), field("amount", "decimal(18,2)"))
	return Input{Time: today, Env: "prod", Op: "plan", Old: s, New: s, Lineage: &Lineage{Status: "exact"},
		Table:      Table{Name: "silver.orders", Layer: "silver", Owner: "sales", VersionFrom: &version},
		Downstream: []Downstream{{ID: "gold.revenue", Kind: "table", Layer: "gold", Columns: []string{"amount"}, Depth: 1}}}
}

func changed(in Input, next *Shape, changes ...table.Change) Input {
	in.New = next
	in.Diff = Diff(in.Old, next, changes)
	return in
}

func write(t testing.TB, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

const ownersFile = "owners:\n  sales: {email: sales@example.com}\n"

const waiversFile = `waivers:
  - id: w1
    policy: DQ-S001
    table: silver.*
    paths: [amount]
    reason: The revenue board moves to net this week.
    requested_by: ada
    approved_by: [lea]
    created: 2026-09-01
    expires: 2026-10-31
  - id: old
    policy: DQ-O001
    table: gold.*
    reason: The owner is being looked for since spring.
    requested_by: ada
    approved_by: lea
    created: 2026-06-01
    expires: 2026-08-01
`

func TestDecide(t *testing.T) {
	full, err := Load(context.Background(), Options{Owners: write(t, "owners.yaml", ownersFile), Waivers: write(t, "waivers.yaml", waiversFile),
		Modes: []Mode{{Env: "dev", Mode: "warn"}, {Table: "silver.scratch", Mode: "off"}, {Policy: "DQ-S003", Layer: "silver", Mode: "dry_run"}}})
	if err != nil {
		t.Fatal(err)
	}
	dropped := table.Change{Op: "column_dropped", Path: "amount"}
	id := shape(field("id", "int64"))
	with := func(in Input, f func(*Input)) Input { f(&in); return in }

	for _, c := range []struct {
		name  string
		in    Input
		rules string // policy=effect, in order
	}{
		{"nothing wrong", orders(), ""},
		{"as it should be: told, agreed and a new version", with(changed(orders(), id, dropped), func(in *Input) {
			in.Old = &Shape{Columns: []Column{{Path: "amount", Type: "int64", Nullable: true, ID: "2", DeprecatedSince: "2026-08-01"}}}
			in.Downstream, in.Change = nil, &ChangeSet{Author: "ada", Approvals: []Approval{{ID: "lea", At: in.Time}}}
			in.Table.Contract = &Contract{Version: "2.0.0", Sunset: map[string]string{"1.x": "2027-01-01"}}
			in.Diff = append(in.Diff, Change{Change: table.Change{Op: table.ContractVersionChanged, From: "1.0.0", To: "2.0.0"}})
		}), ""},
		{"dropped and read, waived", changed(orders(), id, dropped), "DQ-S002=deny DQ-S007=deny DQ-O003=deny DQ-S009=warn DQ-S001=waived"},
		{"dropped and read, the waiver has ended", with(changed(orders(), id, dropped), func(in *Input) { in.Time = today.AddDate(0, 2, 0) }), "DQ-S001=deny DQ-S002=deny DQ-S007=deny DQ-O003=deny DQ-W001=deny DQ-S009=warn"},
		{"dropped and read by nobody", with(changed(orders(), id, dropped), func(in *Input) { in.Downstream = nil }), "DQ-S002=deny DQ-S007=deny DQ-O003=deny DQ-S009=warn"},
		{"narrowed, tried out on this layer", changed(orders(), shape(field("id", "int32"), field("amount", "decimal(18,2)")),
			table.Change{Op: "column_type_changed", Path: "id", Class: "narrowing"}), "DQ-O003=deny DQ-S009=warn DQ-S003=dry_run"},
		{"incompatible type on another layer", with(changed(orders(), shape(field("id", "string"), field("amount", "decimal(18,2)")),
			table.Change{Op: "column_type_changed", Path: "id", Class: "incompatible"}), func(in *Input) { in.Table.Layer = "gold" }), "DQ-S003=deny DQ-O003=deny DQ-S009=warn DQ-O002=warn DQ-O002=warn"},
		{"keys", with(orders(), func(in *Input) {
			next := *in.New
			next.PrimaryKey = []string{"id"}
			*in = changed(*in, &next)
		}), "DQ-S010=deny DQ-O003=deny DQ-S009=warn"},
		{"no owner on gold, an expired waiver", with(orders(), func(in *Input) { in.Table = Table{Name: "gold.x", Layer: "gold"} }), "DQ-O001=deny DQ-W001=deny DQ-O002=warn DQ-O002=warn"},
		{"unknown owner on bronze", with(orders(), func(in *Input) { in.Table = Table{Name: "bronze.x", Layer: "bronze", Owner: "slaes"} }), "DQ-O001=warn"},
		{"personal data", changed(orders(), shape(field("customer_email", "string"), field("home", "struct<street: string, at: struct<lat: double>>")),
			table.Change{Op: "column_added", Path: "customer_email"}), "DQ-P004=warn DQ-P004=warn"},
		{"personal data, tagged", with(orders(), func(in *Input) {
			in.New = shape(field("customer_email", "string"))
			in.New.Columns[0].Tags = TagSet([]string{"pii.email", "purpose=billing", "legal_basis=contract", "retention=10y"})
		}), ""},
		{"dev only warns", with(changed(orders(), shape(field("phone", "string"))), func(in *Input) { in.Env = "dev" }), "DQ-P004=warn"},
		{"switched off", with(changed(orders(), shape(field("phone", "string"))), func(in *Input) { in.Table.Name = "silver.scratch" }), ""},
		{"bronze: a column was added", with(changed(orders(), shape(field("id", "int64"), field("amount", "decimal(18,2)"), field("Channel", "string")),
			table.Change{Op: "column_added", Path: "Channel"}), bronze), ""},
		{"bronze: a column is missing", with(changed(orders(), id, dropped), func(in *Input) { bronze(in); in.Downstream = nil }), "DQ-S013=deny DQ-O003=deny DQ-S002=warn DQ-S009=warn"},
		{"bronze: a column was renamed", with(changed(orders(), shape(field("id", "int64"), field("total", "decimal(18,2)")),
			dropped, table.Change{Op: "column_added", Path: "total"}), bronze), "DQ-S013=deny DQ-S001=deny DQ-O003=deny DQ-S002=warn DQ-S009=warn"},
		{"a new table", with(orders(), func(in *Input) { in.Old, in.Table.VersionFrom = nil, nil; in.Diff = Diff(nil, in.New, nil) }), ""},
		{"a dropped table", with(orders(), func(in *Input) { in.New = nil; in.Diff = Diff(in.Old, nil, nil) }), "DQ-S001=deny DQ-S002=deny DQ-O003=deny DQ-S009=warn"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := full.Decide(context.Background(), c.in)
			if err != nil {
				t.Fatal(err)
			}
			var rules []string
			for _, d := range r.Decisions {
				rules = append(rules, d.Policy+"="+d.Effect)
			}
			if got := strings.Join(rules, " "); got != c.rules || r.Blocking != strings.Contains(c.rules, "deny") {
				t.Errorf("%s (blocking %t), want %s\n%+v", got, r.Blocking, c.rules, r.Decisions)
			}
		})
	}
}

func bronze(in *Input) { in.Table.Name, in.Table.Layer = "bronze.orders", "bronze" }

// only is the bundle with some policies alone.
func only(t testing.TB, ids ...string) *Bundle {
	t.Helper()
	file := write(t, ConfigFile, "use: ["+strings.Join(ids, ", ")+"]\n")
	b, err := Load(context.Background(), Options{Dirs: []string{filepath.Dir(file)}})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A decision says all that reports need, and has the same id whenever it is made.
func TestDecisionIsComplete(t *testing.T) {
	b := only(t, "DQ-S001")
	in := changed(orders(), shape(field("id", "int64")), table.Change{Op: "column_dropped", Path: "amount"})
	first, err := b.Decide(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	in.Time = today.Add(time.Hour)
	second, err := b.Decide(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	if len(first.Decisions) != 1 || first.Decisions[0].ID != second.Decisions[0].ID {
		t.Fatalf("%+v\n%+v", first.Decisions, second.Decisions)
	}
	if first.ID == second.ID || first.InputSHA256 == second.InputSHA256 {
		t.Error("another input has the same digests")
	}
	d := first.Decisions[0]
	evidence, err := json.Marshal(d.Evidence)
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"consumers":[{"depth":1,"id":"gold.revenue","kind":"table","layer":"gold"}]}`; string(evidence) != want {
		t.Errorf("evidence %s, want %s", evidence, want)
	}
	d.ID, d.Evidence = "", nil
	want := record.Decision{Policy: "DQ-S001", Title: "A column that is read downstream is gone", Severity: "error", Category: "breaking",
		Table: "silver.orders", Path: "amount", Effect: "deny", Message: "column amount is dropped, but read by gold.revenue (depth 1)",
		Remediation: "Keep the column until its readers are changed (deprecated_since and replaced_by tell them), or change the readers in the same run."}
	if fmt.Sprintf("%+v", d) != fmt.Sprintf("%+v", want) {
		t.Errorf("%+v\nwant %+v", d, want)
	}
	version := int64(8)
	in.Table.VersionFrom = &version
	third, err := b.Decide(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	if third.Decisions[0].ID == second.Decisions[0].ID {
		t.Error("the next version has the same decision")
	}
}

func TestDecideFailsClosed(t *testing.T) {
	policy := func(body string) string {
		return "# METADATA\n# title: A policy\n# custom:\n#   id: ACME-1\n#   severity: error\npackage dq.policy.acme\n\n" + body + "\n"
	}
	for name, c := range map[string]struct{ rego, say string }{
		"an error of a function": {policy(`findings contains {"msg": m} if m := to_number(input.table.name)`), "acme.rego:8:38: "},
		"a conflict":             {policy("findings contains {\"msg\": m}\n\nm := x if some x in [\"a\", \"b\"]"), "conflict"},
		"no end": {policy(`findings contains {"msg": "x"} if {
	some a in numbers.range(1, 100000)
	some b in numbers.range(1, 100000)
	a * b == -1
}`), "longer than"},
		"a text as finding":    {policy(`findings contains "dropped"`), "a finding is not an object"},
		"a number as path":     {policy(`findings contains {"msg": "x", "path": 7}`), "path and msg are text"},
		"a list as evidence":   {policy(`findings contains {"msg": "x", "evidence": [1]}`), "evidence is an object"},
		"an object of nothing": {policy(`findings contains {}`), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Dir(write(t, "acme.rego", c.rego))
			b, err := Load(context.Background(), Options{Dirs: []string{dir}})
			if err != nil {
				t.Fatal(err)
			}
			if name == "no end" {
				b.deadline = 50 * time.Millisecond
			}
			r, err := b.Decide(context.Background(), orders())
			if c.say == "" {
				if err != nil || !r.Blocking || r.Decisions[0].Message != "A policy" {
					t.Errorf("%+v, %v", r, err)
				}
				return
			}
			if !errors.Is(err, ErrEvaluation) || !strings.Contains(err.Error(), c.say) || !strings.Contains(err.Error(), "silver.orders") {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestDecideRefusesIncompleteInput(t *testing.T) {
	b := bundled(t)
	for say, spoil := range map[string]func(*Input){
		"no time":           func(in *Input) { in.Time = time.Time{} },
		"no table":          func(in *Input) { in.Table.Name = "" },
		"unsupported type":  func(in *Input) { in.Diff = []Change{{Change: table.Change{Op: table.ColumnMoved, From: func() {}}}} },
		"unsupported value": func(in *Input) { in.Table.SLA = map[string]any{"freshness": nan()} },
	} {
		in := orders()
		spoil(&in)
		if _, err := b.Decide(context.Background(), in); !errors.Is(err, ErrEvaluation) || !strings.Contains(err.Error(), say) {
			t.Errorf("%s: %v", say, err)
		}
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := b.Decide(ended, orders()); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func nan() float64 {
	var zero float64
	return zero / zero
}

// Who reads a column reads its parts; the nearest come first.
func TestReadersOfParts(t *testing.T) {
	b := only(t, "DQ-S001")
	in := orders()
	in.Old = shape(field("info", "struct<city: string, zone: string>"))
	in.Downstream = []Downstream{
		{ID: "gold.far", Columns: []string{"info"}, Depth: 2}, {ID: "gold.b", Columns: []string{"info"}, Depth: 1},
		{ID: "gold.a", Columns: []string{"info.city", "info"}, Depth: 1}, {ID: "gold.other", Columns: []string{"id"}, Depth: 1},
	}
	in = changed(in, shape(field("info", "struct<town: string, zone: string>")), table.Change{Op: "column_renamed", Path: "info.town", From: "info.city", To: "info.town"})
	r, err := b.Decide(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	if want := "column info.city is renamed to info.town, but read by gold.a (depth 1), gold.b (depth 1), gold.far (depth 2)"; len(r.Decisions) != 1 || r.Decisions[0].Message != want {
		t.Errorf("%+v", r.Decisions)
	}
}

func TestDiffNamesChanges(t *testing.T) {
	old, next := shape(field("id", "int64")), shape(field("id", "int64"))
	old.PrimaryKey, old.PartitionBy = []string{"id"}, []string{"day"}
	add := table.Change{Op: "column_added", Path: "x"}
	var got []string
	for _, c := range Diff(old, next, []table.Change{add, add}) {
		got = append(got, c.ID)
	}
	if want := "column_added:x column_added:x#2 primary_key_changed: partitioning_changed:"; strings.Join(got, " ") != want {
		t.Errorf("%q, want %q", strings.Join(got, " "), want)
	}
}

func TestColumns(t *testing.T) {
	s := table.Schema{Fields: []table.Field{field("a", "struct<b: array<struct<c: int64>>, m: map<string,double>>")}}
	s.Fields[0].Meta = map[string]any{"comment": "hello", "delta.columnMapping.id": 4}
	var got []string
	for i, c := range Columns(s) {
		got = append(got, fmt.Sprintf("%s:%s:%t", c.Path, c.Type, c.Nullable))
		if c.Position != i || i == 0 && (c.Comment != "hello" || c.ID != "4") {
			t.Errorf("%+v", c)
		}
	}
	want := "a:struct<b: array<struct<c: int64>>, m: map<string,double>>:true a.b:array<struct<c: int64>>:true a.b.element:struct<c: int64>:true a.b.element.c:int64:true a.m:map<string,double>:true a.m.key:string:false a.m.value:double:true"
	if strings.Join(got, " ") != want {
		t.Errorf("%s", strings.Join(got, " "))
	}
}
