package lineage

import (
	"reflect"
	"testing"

	"github.com/dq-dev/dq/record"
)

func ends(g *record.Graph) []string {
	out := []string{}
	for _, e := range g.Edges {
		out = append(out, e.FromTable+"."+e.FromColumn+" > "+e.ToTable+"."+e.ToColumn)
	}
	return out
}

func TestPart(t *testing.T) {
	for _, c := range []struct {
		table, column string
		up, down      int
		want          []string
	}{
		{"silver.lines", "price", -1, -1, []string{"silver.lines.price > gold.revenue.net", "bronze.lines.Price > silver.lines.price"}},
		{"silver.lines", "price", 1, 0, []string{"bronze.lines.Price > silver.lines.price"}},
		{"silver.lines", "cancelled", 0, 1, []string{"silver.lines.cancelled > gold.revenue.", "silver.lines.cancelled > silver.lines.cancelled"}},
		// The rows of a table that depend on a column carry it on, to rows.
		{"silver.lines", "cancelled", 0, -1, []string{"gold.revenue. > gold.alerts.", "silver.lines.cancelled > gold.revenue.", "silver.lines.cancelled > silver.lines.cancelled"}},
		{"gold.revenue", "", 1, 1, []string{"gold.revenue. > gold.alerts.", "silver.lines.cancelled > gold.revenue.", "silver.lines.day > gold.revenue.day",
			"silver.lines.price > gold.revenue.net", "silver.lines.quantity > gold.revenue.net"}},
		{"gold.alerts", "one", -1, -1, []string{}},
		{"nowhere", "", -1, -1, []string{}},
	} {
		got := Part(retail(), c.table, c.column, c.up, c.down)
		if !reflect.DeepEqual(ends(got), c.want) {
			t.Errorf("%s.%s up %d down %d: %q, want %q", c.table, c.column, c.up, c.down, ends(got), c.want)
		}
		found := false
		for _, table := range got.Tables {
			found = found || table.Name == c.table
		}
		if !found {
			t.Errorf("%s is not in its own part: %v", c.table, got.Tables)
		}
	}
}

func TestCompare(t *testing.T) {
	next := retail()
	Add(next, "silver.lines", "silver", from(nil, Column{"day", []Source{direct("bronze.lines", "Day")}}))
	Add(next, "gold.new", "gold", from(nil, Column{"day", []Source{direct("silver.lines", "day")}}))
	c := Compare(retail(), next)
	if got := ends(&record.Graph{Edges: c.Gained}); !reflect.DeepEqual(got, []string{"silver.lines.day > gold.new.day", "bronze.lines.Day > silver.lines.day"}) {
		t.Errorf("gained %q", got)
	}
	if len(c.Lost) != 5 || !reflect.DeepEqual(c.Tables.Added, []string{"gold.new"}) || len(c.Tables.Removed) != 0 {
		t.Errorf("%+v", c)
	}
	if same := Compare(next, next); len(same.Gained)+len(same.Lost) != 0 {
		t.Errorf("%+v", same)
	}
}
