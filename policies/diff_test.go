package policies

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/dq-dev/dq/table"
)

// line writes a change as op path from>to class breaks risk.
func line(c Change) string {
	text := c.Op
	if c.Path != "" {
		text += " " + c.Path
	}
	if c.From != nil || c.To != nil {
		from, _ := json.Marshal(c.From)
		to, _ := json.Marshal(c.To)
		text += strings.NewReplacer(`\u003e`, ">", `\u003c`, "<").Replace(fmt.Sprintf(" %s>%s", from, to))
	}
	if c.Class != "" {
		text += " " + c.Class
	}
	if len(c.Breaks) > 0 {
		text += " breaks " + strings.Join(c.Breaks, ",")
	}
	if c.DataRisk != "" && c.DataRisk != table.NoRisk {
		text += " risk " + c.DataRisk
	}
	return text
}

func lines(changes []Change) []string {
	out := []string{}
	for _, c := range changes {
		out = append(out, line(c))
	}
	return out
}

// base is a shape with something of everything.
func base() *Shape {
	s := shape(field("id", "int64"), field("mail", "string"), field("s", "struct<a: string>"))
	s.Columns[1].Tags = TagSet([]string{"pii.email", "purpose=billing"})
	s.Columns[1].Classification = "personal"
	s.Columns[2].DeprecatedSince = "2026-01-01"
	s.PrimaryKey, s.PartitionBy, s.ClusterBy = []string{"id"}, []string{"s"}, []string{"mail"}
	s.Constraints = map[string]string{"positive": "id > 0"}
	s.Properties = map[string]string{"delta.appendOnly": "true"}
	s.Protocol = &Protocol{Reader: 1, Writer: 2, Features: []string{"appendOnly"}}
	return s
}

func TestDiffOfShapes(t *testing.T) {
	renamed := table.Change{Op: table.ColumnRenamed, Path: "email", From: "mail", To: "email"}
	for _, c := range []struct {
		name    string
		change  func(*Shape)
		columns []table.Change
		want    []string
	}{
		{"nothing", func(*Shape) {}, nil, []string{}},
		{"tag gone", func(s *Shape) { s.Columns[1].Tags = TagSet([]string{"purpose=billing"}) }, nil,
			[]string{`column_tags_changed mail {"pii.email":"","purpose":"billing"}>{"purpose":"billing"}`}},
		{"all tags gone", func(s *Shape) { s.Columns[1].Tags = nil }, nil, []string{`column_tags_changed mail {"pii.email":"","purpose":"billing"}>null`}},
		{"tags stay with a new name", func(s *Shape) { s.Columns[1].Path = "email" }, []table.Change{renamed}, []string{`column_renamed email "mail">"email"`}},
		{"tag gone with the name", func(s *Shape) { s.Columns[1].Path, s.Columns[1].Tags = "email", nil }, []table.Change{renamed},
			[]string{`column_renamed email "mail">"email"`, `column_tags_changed email {"pii.email":"","purpose":"billing"}>null`}},
		{"part of a renamed one", func(s *Shape) {
			s.Columns[2].Path, s.Columns[3].Path, s.Columns[3].Classification = "t", "t.a", "public"
		},
			[]table.Change{{Op: table.ColumnRenamed, Path: "t", From: "s", To: "t"}},
			[]string{`column_renamed t "s">"t"`, `column_classification_changed t.a null>"public"`}},
		{"another of the same name", func(s *Shape) { s.Columns[1].Tags = nil },
			[]table.Change{{Op: table.ColumnAdded, Path: "mail"}, {Op: table.ColumnDropped, Path: "mail"}}, []string{"column_added mail", "column_dropped mail"}},
		{"less confidential", func(s *Shape) { s.Columns[1].Classification = "internal" }, nil, []string{`column_classification_changed mail "personal">"internal"`}},
		{"deprecated", func(s *Shape) { s.Columns[0].DeprecatedSince = "2026-10-01" }, nil, []string{`column_deprecated id null>"2026-10-01"`}},
		{"no longer deprecated", func(s *Shape) { s.Columns[2].DeprecatedSince = "" }, nil, []string{`column_deprecated s "2026-01-01">null`}},
		{"keys", func(s *Shape) { s.PrimaryKey = nil }, nil, []string{`primary_key_changed ["id"]>null breaks backward,forward risk rewrite`}},
		{"partitions", func(s *Shape) { s.PartitionBy = []string{"mail"} }, nil, []string{`partitioning_changed ["s"]>["mail"] risk rewrite`}},
		{"clusters", func(s *Shape) { s.ClusterBy = []string{"mail", "id"} }, nil, []string{`clustering_changed ["mail"]>["mail","id"]`}},
		{"constraints", func(s *Shape) { s.Constraints = map[string]string{"positive": "id >= 0", "short": "length(mail) < 9"} }, nil,
			[]string{`constraint_changed positive "id > 0">"id >= 0" breaks backward,forward risk rewrite`, `constraint_added short null>"length(mail) < 9" breaks backward risk rewrite`}},
		{"constraint gone", func(s *Shape) { s.Constraints = nil }, nil, []string{`constraint_dropped positive "id > 0">null breaks forward`}},
		{"properties", func(s *Shape) { s.Properties = map[string]string{"delta.enableChangeDataFeed": ""} }, nil,
			[]string{`property_changed delta.appendOnly "true">null`, `property_changed delta.enableChangeDataFeed null>""`}},
		{"writers must know more", func(s *Shape) { s.Protocol = &Protocol{Reader: 1, Writer: 3, Features: []string{"appendOnly"}} }, nil,
			[]string{`protocol_changed {"reader":1,"writer":2,"features":["appendOnly"]}>{"reader":1,"writer":3,"features":["appendOnly"]}`}},
		{"readers must know more", func(s *Shape) {
			s.Protocol = &Protocol{Reader: 1, Writer: 2, Features: []string{"appendOnly"}, ReaderFeatures: []string{"v2Checkpoint"}}
			s.Protocol.Features = append(s.Protocol.Features, "v2Checkpoint")
		}, nil, []string{`protocol_changed {"reader":1,"writer":2,"features":["appendOnly"]}>{"reader":1,"writer":2,"features":["appendOnly","v2Checkpoint"],"reader_features":["v2Checkpoint"]} breaks forward`}},
	} {
		next := base()
		c.change(next)
		if got := lines(Diff(base(), next, c.columns)); !slices.Equal(got, c.want) {
			t.Errorf("%s:\n%s\nwant\n%s", c.name, strings.Join(got, "\n"), strings.Join(c.want, "\n"))
		}
	}
	two, turned := base(), base()
	two.PrimaryKey, turned.PrimaryKey = []string{"id", "mail"}, []string{"mail", "id"}
	if got := lines(Diff(two, turned, nil)); len(got) > 0 {
		t.Errorf("a key in another order: %v", got)
	}
	if got := lines(Diff(nil, base(), nil)); !slices.Equal(got, []string{"table_created"}) {
		t.Errorf("created: %v", got)
	}
	if got := lines(Diff(base(), nil, nil)); !slices.Equal(got, []string{"table_dropped breaks forward risk loss"}) {
		t.Errorf("dropped: %v", got)
	}
}

// The order of a history's keys, and of what it tracks, is no change.
func TestHistoryInAnotherOrder(t *testing.T) {
	was := Table{SCD: &SCD{Keys: []string{"id", "region"}, Tracked: []string{"mail", "phone"}}}
	next := Table{SCD: &SCD{Keys: []string{"region", "id"}, Tracked: []string{"phone", "mail"}}}
	if got := lines(DiffDeclared(was, next)); len(got) > 0 {
		t.Errorf("another order: %v", got)
	}
	next.SCD.Keys[0] = "id"
	if got := lines(DiffDeclared(was, next)); len(got) != 1 {
		t.Errorf("another key: %v", got)
	}
}

func TestDiffDeclared(t *testing.T) {
	days := 30
	was := func() Table {
		return Table{Name: "silver.customers", Owner: "sales", RetentionDays: &days, SLA: map[string]any{"freshness": "26h"},
			Contract: &Contract{Version: "1.2.0", Compat: "full", Sunset: map[string]string{"0.x": "2027-03-31"}}, SCD: &SCD{Keys: []string{"id"}, Tracked: []string{"mail"}}}
	}
	for _, c := range []struct {
		name   string
		change func(*Table)
		want   []string
	}{
		{"nothing", func(*Table) {}, []string{}},
		{"name", func(t *Table) { t.Name = "silver.clients" }, []string{`table_renamed "silver.customers">"silver.clients" breaks backward,forward`}},
		{"owner", func(t *Table) { t.Owner = "" }, []string{`owner_changed "sales">null`}},
		{"levels", func(t *Table) { t.SLA = map[string]any{"availability": "08:00"} }, []string{`sla_changed availability null>"08:00"`, `sla_changed freshness "26h">null`}},
		{"kept for ever", func(t *Table) { t.RetentionDays = nil }, []string{`retention_changed 30>null`}},
		{"kept for less", func(t *Table) { n := 7; t.RetentionDays = &n }, []string{`retention_changed 30>7 risk loss`}},
		{"version", func(t *Table) { t.Contract.Version = "2.0.0" }, []string{`contract_version_changed "1.2.0">"2.0.0"`}},
		{"promise", func(t *Table) { t.Contract.Compat = "backward" }, []string{`compatibility_changed "full">"backward"`}},
		{"sunsets", func(t *Table) { t.Contract.Sunset = map[string]string{"0.x": "2027-01-31", "1.x": "2028-01-31"} },
			[]string{`sunset_changed 0.x "2027-03-31">"2027-01-31"`, `sunset_changed 1.x null>"2028-01-31"`}},
		{"no contract", func(t *Table) { t.Contract = nil },
			[]string{`contract_version_changed "1.2.0">null`, `compatibility_changed "full">null`, `sunset_changed 0.x "2027-03-31">null`}},
		{"history", func(t *Table) { t.SCD = &SCD{Keys: []string{"id"}, Tracked: []string{"mail", "name"}} },
			[]string{`scd_changed {"keys":["id"],"tracked":["mail"]}>{"keys":["id"],"tracked":["mail","name"]} risk rewrite`}},
		{"no history", func(t *Table) { t.SCD = nil }, []string{`scd_changed {"keys":["id"],"tracked":["mail"]}>null risk rewrite`}},
	} {
		next := was()
		c.change(&next)
		if got := lines(DiffDeclared(was(), next)); !slices.Equal(got, c.want) {
			t.Errorf("%s:\n%s\nwant\n%s", c.name, strings.Join(got, "\n"), strings.Join(c.want, "\n"))
		}
	}
}

// halfOf are about half of the names.
func halfOf(r *rand.Rand, names ...string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(string) bool { return r.IntN(2) == 0 })
}

// randomShape is a shape of a few columns, with what else a shape has, and its schema.
func randomShape(r *rand.Rand) (*Shape, table.Schema) {
	types := []string{"int32", "int64", "string", "decimal(10,2)", "struct<a: int64, b: string>", "array<struct<x: date>>", "map<string,int64>"}
	var fields []table.Field
	for _, name := range halfOf(r, "a", "b", "c", "d", "e", "f") {
		f := field(name, types[r.IntN(len(types))])
		f.Nullable = r.IntN(2) == 0
		fields = append(fields, f)
	}
	r.Shuffle(len(fields), func(i, j int) { fields[i], fields[j] = fields[j], fields[i] })
	s := shape(fields...)
	for i := range s.Columns {
		s.Columns[i].Tags = TagSet(halfOf(r, "pii.email", "x=1"))
		s.Columns[i].Classification = []string{"", "public", "personal"}[r.IntN(3)]
	}
	s.PrimaryKey, s.PartitionBy, s.ClusterBy = halfOf(r, "a", "b"), halfOf(r, "c", "d"), halfOf(r, "e", "f")
	s.Constraints, s.Properties = TagSet(halfOf(r, "p=a > 0", "q=b > 0")), TagSet(halfOf(r, "x=1", "y=2"))
	s.Protocol = &Protocol{Reader: 1 + r.IntN(3), Writer: 2, Features: halfOf(r, "f", "g")}
	return s, table.Schema{Fields: fields}
}

// A shape differs from itself in nothing; there and back, what came goes again;
// and every change has one of the known operations and an id of its own.
func TestDiffProperties(t *testing.T) {
	back := map[string]string{table.ColumnAdded: table.ColumnDropped, table.ColumnDropped: table.ColumnAdded,
		table.ConstraintAdded: table.ConstraintDropped, table.ConstraintDropped: table.ConstraintAdded}
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		x, xs := randomShape(r)
		y, ys := randomShape(r)
		if same := Diff(x, x, table.Diff(xs, xs, nil)); len(same) > 0 {
			t.Fatalf("a shape differs from itself: %v", lines(same))
		}
		there, again := Diff(x, y, table.Diff(xs, ys, nil)), Diff(y, x, table.Diff(ys, xs, nil))
		ids := map[string]bool{}
		for _, c := range there {
			if !table.KnownOp(c.Op) || ids[c.ID] || c.DataRisk == "" {
				t.Fatalf("op, id or risk of %+v", c)
			}
			ids[c.ID] = true
			if c.Op == table.ColumnMoved { // which of two moved past the other is a choice
				continue
			}
			op := c.Op
			if back[op] != "" {
				op = back[op]
			}
			if !slices.ContainsFunc(again, func(b Change) bool {
				return b.Op == op && b.Path == c.Path && reflect.DeepEqual(b.From, c.To) && reflect.DeepEqual(b.To, c.From)
			}) {
				t.Fatalf("%s is not taken back by %v", line(c), lines(again))
			}
		}
	}
}
