package pipeline_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dq-dev/dq/delta"
	"github.com/dq-dev/dq/table"
)

// mappedTables are the tables of the shop, with the columns that do not tell runs apart.
var mappedTables = []struct{ name, columns string }{
	{"bronze/orders", "id, customer, city, amount, _file, _line"},
	{"silver/orders", "id, customer, city, seen, amount"},
	{"silver/customers", "customer_key, customer, city, valid_from, valid_to, is_current"},
	{"gold/totals", "customer, amount, orders"},
	{"quarantine/silver/orders", "id, customer, city, amount, dq_reasons"},
}

// days are what comes to the shop after the first day: a late row, a refused one,
// keys with other values, a rewritten file.
var days = []struct{ file, rows string }{
	{"in/3.csv", "5,ann,Bergen,2024-03-01 10:00:00+00,1.00\n6,cid,Lyon,2024-03-02 10:00:00+00,-9.00\n7,dan,Rome,2024-03-02 10:00:00+00,3.25\n"},
	{"in/2.csv", "3,ann,Paris,2024-02-01 10:00:00+00,1.00\n4,ann,Oslo,2024-02-15 10:00:00+00,1.00\n"},
	{"in/1.csv", "1,ann,Oslo,2024-01-01 10:00:00+00,6.00\n2,bob,Rome,2024-01-01 11:00:00+00,7.50\n8,bob,Bari,2024-01-05 11:00:00+00,1.50\n"},
	{"in/4.csv", "9,eve,Rome,2024-04-01 10:00:00+00,-2.00\n10,eve,Rome,2024-04-02 10:00:00+00,2.00\n"},
}

// newMappedShop is the shop with a partitioned table.
func newMappedShop(t *testing.T) *fixture {
	f := newFixture(t)
	f.put("pipeline.yaml", strings.Replace(shop["pipeline.yaml"], "{mode: merge, keys: [id], ", "{mode: merge, keys: [id], partition_by: [city], ", 1))
	return f
}

func (f *fixture) day(n int) {
	f.t.Helper()
	f.put(days[n].file, "id,customer,city,seen,amount\n"+days[n].rows)
	if rec := f.run(); rec.Outcome != "published" {
		f.t.Fatalf("day %d: %s: %s", n, rec.Outcome, rec.Message)
	}
}

func (f *fixture) snapshot(name string) *delta.Snapshot {
	f.t.Helper()
	snap, err := delta.Open(delta.Dir(filepath.Join(f.dir, "warehouse", name))).Snapshot(context.Background(), delta.Latest())
	if err != nil {
		f.t.Fatal(err)
	}
	return snap
}

func (f *fixture) sameAs(plain *fixture) {
	f.t.Helper()
	for _, m := range mappedTables {
		f.want(m.name, m.columns, plain.rows(m.name, m.columns))
	}
}

// TestMappedTables: a pipeline makes the same of tables whose columns have other
// names in the files, found by name or by id.
func TestMappedTables(t *testing.T) {
	ctx := context.Background()
	plain := newMappedShop(t)
	plain.run()
	for n := range days {
		plain.day(n)
	}
	for _, mode := range []string{"name", "id"} {
		t.Run(mode, func(t *testing.T) {
			f := newMappedShop(t)
			for _, m := range mappedTables {
				was := plain.snapshot(m.name)
				props := map[string]string{"delta.columnMapping.mode": mode}
				dir := delta.Dir(filepath.Join(f.dir, "warehouse", m.name))
				if _, err := delta.Open(dir).Create("CREATE TABLE", was.Schema(), was.PartitionBy(), props).Commit(ctx); err != nil {
					t.Fatal(err)
				}
			}
			f.run()
			for n := range days {
				f.day(n)
			}
			f.sameAs(plain)
			for _, m := range mappedTables {
				snap := f.snapshot(m.name)
				if snap.ColumnMapping() != mode {
					t.Errorf("%s is mapped by %s", m.name, snap.ColumnMapping())
				}
				for _, c := range snap.Schema().Fields {
					if name, _ := c.Meta["delta.columnMapping.physicalName"].(string); !strings.HasPrefix(name, "col-") {
						t.Errorf("%s: %s is called %q in files", m.name, c.Name, name)
					}
				}
			}
			if rec := f.run(); rec.Outcome != "unchanged" {
				t.Errorf("nothing came: %s", rec.Message)
			}
		})
	}
}

// TestTablesMappedLater: a table that is mapped between two batches goes on; a
// column that another writer drops and the model makes is an added one, with all
// its values.
func TestTablesMappedLater(t *testing.T) {
	ctx := context.Background()
	plain, f := newMappedShop(t), newMappedShop(t)
	plain.run()
	f.run()
	plain.day(0)
	f.day(0)
	for _, m := range mappedTables {
		x := f.snapshot(m.name).Begin("SET TBLPROPERTIES")
		x.SetProperties(map[string]string{"delta.columnMapping.mode": "name"})
		if _, err := x.Commit(ctx); err != nil {
			t.Fatal(err)
		}
	}
	plain.day(1)
	f.day(1)
	f.sameAs(plain)
	for name, column := range map[string]string{"silver/orders": "amount", "silver/customers": "city", "gold/totals": "orders", "quarantine/silver/orders": "city"} {
		x := f.snapshot(name).Begin("DROP COLUMNS")
		x.DropColumn([]string{column})
		if _, err := x.Commit(ctx); err != nil {
			t.Fatal(err)
		}
	}
	f.put(days[2].file, "id,customer,city,seen,amount\n"+days[2].rows)
	rec := f.run()
	if rec.Outcome != "published" {
		t.Fatalf("%s: %s", rec.Outcome, rec.Message)
	}
	for _, l := range rec.Layers[1:] {
		for _, m := range l.Tables {
			if len(m.Changes) != 1 || m.Changes[0].Op != table.ColumnAdded {
				t.Errorf("%s: the changes are %+v", m.Name, m.Changes)
			}
		}
	}
	plain.day(2)
	plain.day(3)
	f.day(3)
	f.sameAs(plain)
}
