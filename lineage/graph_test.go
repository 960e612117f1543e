package lineage

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/dq-dev/dq/record"
)

// from makes a statement: each column with its sources, then those of the rows.
func from(dataset []Source, columns ...Column) *Statement {
	return &Statement{Columns: columns, Dataset: dataset, Status: Exact}
}

func direct(table, column string) Source {
	return Source{Table: table, Column: column, Type: Direct, Subtype: Identity}
}

func rows(table, column string) Source {
	return Source{Table: table, Column: column, Type: Indirect, Subtype: Filter}
}

func retail() *record.Graph {
	g := &record.Graph{}
	Add(g, "gold.alerts", "gold", from([]Source{rows("gold.revenue", "")}, Column{Name: "one"}))
	Add(g, "gold.revenue", "gold", from(
		[]Source{rows("silver.lines", "cancelled")},
		Column{"day", []Source{direct("silver.lines", "day")}},
		Column{"net", []Source{direct("silver.lines", "price"), direct("silver.lines", "quantity")}}))
	Add(g, "silver.lines", "silver", from(nil,
		Column{"day", []Source{direct("bronze.lines", "InvoiceDate")}},
		Column{"price", []Source{direct("bronze.lines", "Price")}},
		Column{"quantity", []Source{direct("bronze.lines", "Quantity")}},
		Column{"cancelled", []Source{direct("bronze.lines", "Invoice"), direct("silver.lines", "cancelled")}}))
	Add(g, "bronze.lines", "bronze", nil)
	return g
}

func TestDownstream(t *testing.T) {
	for _, c := range []struct {
		table, column string
		want          []Consumer
	}{
		{"bronze.lines", "Price", []Consumer{{"silver.lines", "price", 1}, {"gold.revenue", "net", 2}}},
		{"bronze.lines", "Invoice", []Consumer{{"silver.lines", "cancelled", 1}, {"gold.revenue", "", 2}, {"gold.alerts", "", 3}}},
		{"silver.lines", "cancelled", []Consumer{{"gold.revenue", "", 1}, {"gold.alerts", "", 2}}},
		{"silver.lines", "", []Consumer{{"gold.revenue", "", 1}, {"gold.revenue", "day", 1}, {"gold.revenue", "net", 1}, {"gold.alerts", "", 2}}},
		{"gold.revenue", "net", nil},
		{"gold.alerts", "", nil},
		{"nowhere", "x", nil},
	} {
		if got := Downstream(retail(), c.table, c.column); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s.%s: %v, want %v", c.table, c.column, got, c.want)
		}
	}
}

func TestImpact(t *testing.T) {
	want := []Effect{
		{"silver.lines", "silver", []string{"Invoice", "InvoiceDate", "Price", "Quantity"}, 1},
		{"gold.revenue", "gold", []string{"Invoice", "InvoiceDate", "Price", "Quantity"}, 2},
		{"gold.alerts", "gold", []string{"Invoice"}, 3},
	}
	if got := Impact(retail(), "bronze.lines"); !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got := Impact(retail(), "gold.revenue"); !reflect.DeepEqual(got, []Effect{{"gold.alerts", "gold", []string{}, 1}}) {
		t.Errorf("rows alone: %v", got)
	}
}

// Adding a table again replaces what was known of it, in whatever order.
func TestAddReplaces(t *testing.T) {
	g := retail()
	for _, s := range []*Statement{
		from(nil, Column{"day", []Source{direct("bronze.lines", "Date")}}),
		from(nil, Column{"day", []Source{direct("bronze.lines", "Day")}}),
	} {
		Add(g, "silver.lines", "silver", s)
	}
	if got := Downstream(g, "bronze.lines", "Price"); got != nil {
		t.Errorf("the old statement is still there: %v", got)
	}
	if len(g.Tables) != 4 || g.Tables[3].Name != "silver.lines" || !reflect.DeepEqual(g.Tables[3].Columns, []string{"day"}) || g.Tables[3].Status != Exact {
		t.Errorf("tables %+v", g.Tables)
	}
	again := retail()
	Add(again, "silver.lines", "silver", from(nil, Column{"day", []Source{direct("bronze.lines", "Day")}}))
	if !reflect.DeepEqual(g, again) {
		t.Errorf("%+v\n%+v", g, again)
	}
}

func ExampleDownstream() {
	var g record.Graph
	Add(&g, "bronze.orders", "bronze", nil)
	Add(&g, "silver.orders", "silver", &Statement{Status: Exact, Columns: []Column{
		{Name: "net", Sources: []Source{{Table: "bronze.orders", Column: "amount", Type: Direct, Subtype: Transformation}}},
	}})
	for _, c := range Downstream(&g, "bronze.orders", "amount") {
		fmt.Println(c.Table, c.Column, c.Depth)
	}
	// Output: silver.orders net 1
}
