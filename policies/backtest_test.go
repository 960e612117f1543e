package policies

import (
	"errors"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dq-dev/dq/record"
	"github.com/dq-dev/dq/table"
)

// past is a version of a table that exists in tests alone.
type past struct {
	n       int64
	columns string // "id int64, amount double"
}

func (v past) Schema() table.Schema {
	var s table.Schema
	for _, text := range strings.Split(v.columns, ", ") {
		name, typ, _ := strings.Cut(text, " ")
		t, err := table.ParseType(typ)
		if err != nil {
			panic(err)
		}
		s.Fields = append(s.Fields, table.Field{Name: name, Type: t, Nullable: true})
	}
	return s
}
func (v past) PartitionBy() []string               { return nil }
func (v past) ClusterBy() []string                 { return nil }
func (v past) Properties() map[string]string       { return map[string]string{} }
func (v past) Constraints() map[string]string      { return nil }
func (v past) Features() (reader, writer []string) { return nil, nil }
func (v past) MinVersions() (reader, writer int)   { return 1, 2 }
func (v past) Version() int64                      { return v.n }
func (v past) Time() time.Time                     { return today.AddDate(0, 0, int(v.n)) }
func (v past) Operation() string                   { return "WRITE" }
func (v past) Rewrites() bool                      { return false }

func versions(err error, list ...past) iter.Seq2[Committed, error] {
	return func(yield func(Committed, error) bool) {
		for _, v := range list {
			if !yield(v, nil) {
				return
			}
		}
		if err != nil {
			yield(nil, err)
		}
	}
}

func TestBacktest(t *testing.T) {
	b, err := Load(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	about := Input{Env: "prod", Table: Table{Name: "silver.orders", Layer: "silver"},
		Downstream: []Downstream{{ID: "gold.revenue", Kind: "table", Columns: []string{"amount"}, Depth: 1}}}
	list := []past{
		{0, "id int64, amount double"},
		{3, "id int64, amount double, note string"},
		{4, "id int64, note string"},
		{7, "id string, note string"},
	}
	torn := errors.New("torn")
	refused := map[int64]string{}
	var order []int64
	var last error
	for v, err := range b.Backtest(t.Context(), about, versions(torn, list...)) {
		if last = err; err != nil {
			break
		}
		order = append(order, v.Version)
		var ids []string
		for _, d := range v.Decisions {
			if d.Effect == "deny" {
				ids = append(ids, d.Policy)
			}
		}
		if v.Refused {
			refused[v.Version] = strings.Join(ids, " ")
		}
		if len(v.Standing) == 0 || v.Standing[0].Policy != "DQ-O001" {
			t.Errorf("version %d: standing %+v", v.Version, v.Standing)
		}
	}
	if !errors.Is(last, torn) || len(order) != 4 {
		t.Errorf("versions %v, %v", order, last)
	}
	for v, policy := range map[int64]string{4: "DQ-S001", 7: "DQ-S003"} {
		if !strings.Contains(refused[v], policy) {
			t.Errorf("version %d: refused by %q, want %s", v, refused[v], policy)
		}
	}
	if refused[0] != "" || refused[3] != "" {
		t.Errorf("refused: %v", refused)
	}
}

// A log that begins later has no first change to judge.
func TestBacktestOfACutLog(t *testing.T) {
	b, err := Load(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	for v, err := range b.Backtest(t.Context(), Input{Env: "prod", Table: Table{Name: "orders"}}, versions(nil, past{20, "id int64"}, past{21, "id int64, note string"})) {
		if err != nil || v.Version != 21 || len(v.Diff) != 1 {
			t.Errorf("%+v, %v", v, err)
		}
	}
}

// What is known of the version that is there now is not held against the first.
func TestBacktestOfAKnownTable(t *testing.T) {
	b, err := Load(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	now := int64(1)
	about := Input{Env: "prod", Rewrite: true, Old: shape(field("id", "int64"), field("a", "string")),
		Compat: &Compat{Mode: "full", Violations: []Violation{{Version: 1, Op: table.ColumnDropped, Path: "a", Breaks: []string{table.Forward}}}},
		Table:  Table{Name: "orders", Owner: "sales", VersionFrom: &now, Contract: &Contract{Version: "1.0.0", Compat: "full"}}}
	for v, err := range b.Backtest(t.Context(), about, versions(nil, past{0, "id int64"}, past{1, "id int64, a string"})) {
		if err != nil || v.Refused {
			t.Errorf("version %d: %+v, %v", v.Version, v.Decisions, err)
		}
	}
}

// A promise to all versions before is held against all of them.
func TestBacktestTransitive(t *testing.T) {
	b, err := Load(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	about := Input{Env: "prod", Table: Table{Name: "orders", Contract: &Contract{Version: "1.0.0", Compat: "backward_transitive"}}}
	n := 0
	for v, err := range b.Backtest(t.Context(), about, versions(nil, past{0, "id int64, a string"}, past{1, "id int64"}, past{2, "id int64, a int32"}, past{3, "id int64, a int32, b string"})) {
		if err != nil {
			t.Fatal(err)
		}
		n++
		held := !slices.ContainsFunc(v.Decisions, func(d record.Decision) bool { return d.Policy == "DQ-S008" })
		if held != (v.Version != 2) { // text in the first version, a number in this
			t.Errorf("version %d: %+v", v.Version, v.Decisions)
		}
	}
	if n != 4 {
		t.Errorf("%d versions", n)
	}
}
