package enginetest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/dq-dev/dq/engine"
)

// bindable attaches empty tables.
func bindable(t *testing.T, f *fixture) {
	f.attach(engine.Input{Name: "silver.orders", Schema: Schema(t, "order_id int64 not null, customer_id int64, status string, price decimal(10,3), seen timestamp")})
	f.attach(engine.Input{Name: "silver.customers", Schema: Schema(t, "customer_id int64, name string, tags array<string>, address struct<city: string, zip: string>")})
	f.attach(engine.Input{Name: "plain", Schema: Schema(t, "x int32")})
}

// bindCases: what a SELECT returns and reads.
func bindCases(t *testing.T, open func(*testing.T) *fixture) {
	f := open(t)
	bindable(t, f)
	for _, c := range []struct{ sql, columns, reads string }{
		{"SELECT * FROM silver.orders", "order_id int64, customer_id int64, status string, price decimal(10,3), seen timestamp", "silver.orders"},
		{"SELECT o.order_id, c.name FROM silver.orders o LEFT JOIN silver.customers c USING (customer_id)", "order_id int64, name string", "silver.customers silver.orders"},
		{"SELECT name, address.city AS city, tags FROM silver.customers", "name string, city string, tags array<string>", "silver.customers"},
		{"SELECT x FROM plain ;  -- the end", "x int32", "plain"},
		{"WITH t AS (SELECT x FROM plain) SELECT a.x, b.x AS y FROM t a CROSS JOIN t b", "x int32, y int32", "plain"},
		{"SELECT 1 AS one, CAST('2020-01-01' AS DATE) AS d", "one int32, d date", ""},
		{"SELECT status, count(*) AS n, avg(price) AS mean FROM silver.orders GROUP BY status", "status string, n int64, mean double", "silver.orders"},
		{"SELECT order_id FROM silver.orders WHERE EXISTS (SELECT 1 FROM silver.customers c WHERE c.customer_id = orders.customer_id)", "order_id int64", "silver.customers silver.orders"},
		{"SELECT row_number() OVER (PARTITION BY customer_id ORDER BY seen) AS n FROM SILVER.Orders", "n int64", "silver.orders"},
		{"SELECT order_id FROM silver.orders UNION ALL SELECT customer_id FROM silver.customers", "order_id int64", "silver.customers silver.orders"},
	} {
		plan, err := f.s.Bind(context.Background(), c.sql)
		if err != nil {
			t.Errorf("%s: %v", c.sql, err)
			continue
		}
		if got := Columns(plan.Schema); got != c.columns {
			t.Errorf("%s: columns %s, want %s", c.sql, got, c.columns)
		}
		if got := strings.Join(plan.Reads, " "); got != c.reads {
			t.Errorf("%s: reads %q, want %q", c.sql, got, c.reads)
		}
	}
	// A relation that changes is bound as it is now.
	f.attach(engine.Input{Name: "plain", Schema: Schema(t, "y string")})
	if plan, err := f.s.Bind(context.Background(), "SELECT * FROM plain"); err != nil || Columns(plan.Schema) != "y string" {
		t.Errorf("after plain changed: %s, %v", Columns(plan.Schema), err)
	}
	again, err := f.s.Bind(context.Background(), "SELECT y FROM plain")
	if err != nil {
		t.Fatal(err)
	}
	if once, _ := f.s.Bind(context.Background(), "SELECT y FROM plain"); !slices.Equal(once.Tree, again.Tree) {
		t.Error("the same SELECT has two plans")
	}
}

// refusalCases: what is no SELECT over the attached tables, and what DuckDB and
// its like would do besides. Of at, the position is where at stands in the SQL.
func refusalCases(t *testing.T, open func(*testing.T) *fixture) {
	f := open(t)
	bindable(t, f)
	secret := f.dir + "/" + f.write("secret.csv", "a,b\n1,2\n")
	lit := f.eng.Dialect().Literal
	for _, c := range []struct{ sql, says, at string }{
		{"SELECT ordr_id FROM silver.orders", "order_id", "ordr_id"},
		{"SELECT 'é', nme FROM silver.customers", "name", "nme"},
		{"SELECT o.ordr_id FROM silver.orders o", "mean order_id", ""},
		{"SELECT o.name FROM silver.customers c", "mean c", ""},
		{"SELECT * FROM silver.ordrs", "orders", "silver.ordrs"},
		{"SELECT * FROM bronze.orders", "orders", ""},
		{"SELECT status + price AS x FROM silver.orders", "", ""},
		{"SELECT FROM WHERE", "", ""},
		{"", "SELECT", ""},
		{"-- nothing", "SELECT", ""},
		{"SELECT 1 AS a; SELECT 2 AS b", "2 statements", ""},
		{"SELECT ? AS a", "value", ""},
		{"SELECT $1 AS a", "value", ""},
		{"SELECT order_id, customer_id AS Order_ID FROM silver.orders", "Order_ID", ""},
		{"SELECT o.*, c.* FROM silver.orders o JOIN silver.customers c ON o.customer_id = c.customer_id", "customer_id", ""},
		{"INSERT INTO silver.orders SELECT * FROM silver.orders", "SELECT", ""},
		{"CREATE TABLE z AS SELECT 1 AS x", "SELECT", ""},
		{"DROP TABLE silver.orders", "SELECT", ""},
		{"COPY (SELECT 1 AS x) TO " + lit(f.dir+"/stolen.csv"), "SELECT", ""},
		{"SET threads = 1", "SELECT", ""},
		{"ATTACH " + lit(f.dir+"/x.db"), "", ""},
		{"DESCRIBE silver.orders", "SELECT", ""},
		{"SUMMARIZE silver.orders", "SELECT", ""},
		{"SELECT * FROM read_csv(" + lit(secret) + ")", "tables only", ""},
		{"SELECT * FROM read_text(" + lit(secret) + ")", "tables only", ""},
		{"SELECT * FROM read_parquet(" + lit(f.dir+"/*") + ")", "tables only", ""},
		{"SELECT * FROM " + lit(secret), "", ""},
		{"SELECT * FROM glob(" + lit(f.dir+"/*") + ")", "tables only", ""},
		{"SELECT * FROM sniff_csv(" + lit(secret) + ")", "", ""},
		{"SELECT * FROM query(" + lit("SELECT * FROM read_csv("+lit(secret)+")") + ")", "", ""},
		{"SELECT * FROM information_schema.tables", "", ""},
		{"SELECT * FROM duckdb_settings()", "", ""},
		{"SELECT * FROM pragma_version()", "", ""},
		{"SELECT * FROM system.main.duckdb_tables", "two parts", ""},
		{"SELECT getenv('HOME') AS x", "getenv", ""},
		{"SELECT current_setting('temp_directory') AS x", "current_setting", ""},
		{"SELECT x FROM plain WHERE current_setting('threads') = 1", "current_setting", ""},
		{"WITH c AS (SELECT * FROM read_csv(" + lit(secret) + ")) SELECT 1 AS x", "", ""},
		{"SELECT (SELECT max(a) FROM read_csv(" + lit(secret) + ")) AS x", "", ""},
	} {
		plan, err := f.s.Bind(context.Background(), c.sql)
		var bind *engine.BindError
		switch {
		case err == nil:
			t.Errorf("%s: bound, and reads %v", c.sql, plan.Reads)
		case !errors.As(err, &bind):
			t.Errorf("%s: %T, want *engine.BindError: %v", c.sql, err, err)
		case !strings.Contains(err.Error(), c.says):
			t.Errorf("%s: %q does not say %q", c.sql, err, c.says)
		case c.at != "" && bind.Offset != strings.Index(c.sql, c.at):
			t.Errorf("%s: offset %d, want %d (%s)", c.sql, bind.Offset, strings.Index(c.sql, c.at), bind.Message)
		case strings.Contains(err.Error(), "LINE "):
			t.Errorf("%s: the message holds an excerpt: %q", c.sql, err)
		}
	}
	if plan, err := f.s.Bind(context.Background(), "SELECT x FROM plain"); err != nil || len(plan.Reads) != 1 {
		t.Errorf("after the refusals: %v, %v", plan.Reads, err)
	}
}
