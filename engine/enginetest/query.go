package enginetest

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dq-dev/dq/engine"
)

// queryCases: each kind of value, as [engine.Rows] promises it.
func queryCases(t *testing.T, open func(*testing.T) *fixture) {
	f := open(t)
	for _, c := range []struct{ sql, columns, row string }{
		{"SELECT CAST(NULL AS INTEGER) AS x", "x int32", "null"},
		{"SELECT true AS x, NOT true AS y", "x bool, y bool", "true | false"},
		{"SELECT CAST(1 AS TINYINT) AS a, CAST(-2 AS SMALLINT) AS b, CAST(3 AS INTEGER) AS c, CAST(9223372036854775807 AS BIGINT) AS d",
			"a int8, b int16, c int32, d int64", "1 | -2 | 3 | 9223372036854775807"},
		{"SELECT CAST(1.5 AS DOUBLE) AS x, CAST(0.5 AS FLOAT) AS y, CAST('NaN' AS DOUBLE) AS z", "x double, y float, z double", "1.5f | 0.5f | NaNf"},
		{"SELECT CAST('-0.05' AS DECIMAL(10,2)) AS x, CAST('12345678901234567890123456789012345.678' AS DECIMAL(38,3)) AS y, CAST(7 AS DECIMAL(4,0)) AS z",
			"x decimal(10,2), y decimal(38,3), z decimal(4,0)", "-0.05d | 12345678901234567890123456789012345.678d | 7d"},
		{"SELECT 'a''b\"é' AS x, '' AS y", "x string, y string", "'a'b\"é' | ''"},
		{"SELECT DATE '2020-02-29' AS x, DATE '0001-01-01' AS y", "x date, y date", "2020-02-29T00:00:00Z | 0001-01-01T00:00:00Z"},
		{"SELECT CAST('1969-12-31 23:59:59.999999' AS TIMESTAMP) AS x", "x timestamp_ntz", "1969-12-31T23:59:59.999999Z"},
		{"SELECT CAST('2020-01-01 12:00:00+05:30' AS TIMESTAMP WITH TIME ZONE) AS x", "x timestamp", "2020-01-01T06:30:00Z"},
		{"SELECT count(*) AS n, sum(CAST(x AS BIGINT)) AS s FROM (SELECT 1 AS x UNION ALL SELECT 2) t", "n int64, s decimal(38,0)", "2 | 3"},
		{"SELECT sum(x) AS s FROM (SELECT CAST(9223372036854775807 AS BIGINT) AS x UNION ALL SELECT 9223372036854775807) t", "s decimal(38,0)", "18446744073709551614d"},
	} {
		r, err := f.s.Query(context.Background(), c.sql)
		if err != nil {
			t.Errorf("%s: %v", c.sql, err)
			continue
		}
		if got := Columns(r.Schema); got != c.columns {
			t.Errorf("%s: columns %s, want %s", c.sql, got, c.columns)
		}
		if got := strings.Join(Lines(r), "\n"); got != c.row {
			t.Errorf("%s: %s, want %s", c.sql, got, c.row)
		}
	}
	for _, sql := range []string{"DELETE FROM nothing", "SELECT 1; SELECT 2", "SELEC 1", "SELECT * FROM nothing", ""} {
		if r, err := f.s.Query(context.Background(), sql); err == nil {
			t.Errorf("Query(%q) gave %v, want an error", sql, Lines(r))
		}
	}
}

// nameCases: names are kept apart by session and by case only in spelling.
func nameCases(t *testing.T, open func(*testing.T) *fixture) {
	f := open(t)
	ctx := context.Background()
	f.define("silver.orders", "SELECT 1 AS id")
	f.define("orders", "SELECT 2 AS id")
	f.define("gold.Orders", "SELECT o.id + p.id AS id FROM silver.orders o CROSS JOIN orders p")
	f.expect("SELECT id FROM silver.orders UNION ALL SELECT id FROM orders UNION ALL SELECT id FROM gold.orders", "1", "2", "3")

	f.define("silver.orders", "SELECT 'now a text' AS name")
	f.expect("SELECT * FROM silver.orders", "'now a text'")
	f.attach(engine.Input{Name: "silver.orders", SQL: "SELECT 10 AS id", Materialise: true})
	f.attach(engine.Input{Name: "kept", SQL: "SELECT id FROM silver.orders", Materialise: true})
	f.define("SILVER.Orders", "SELECT 11 AS id")
	f.expect("SELECT o.id, k.id FROM silver.orders o CROSS JOIN kept k", "11 | 10")

	other, err := f.eng.Session(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := other.Query(ctx, "SELECT * FROM silver.orders"); err == nil {
		t.Errorf("a second session sees the first one's relation: %v", Lines(r))
	}
	if _, err := other.Attach(ctx, engine.Input{Name: "silver.orders", SQL: "SELECT 99 AS id"}); err != nil {
		t.Error(err)
	}
	if err := other.Close(); err != nil {
		t.Error(err)
	}
	f.expect("SELECT id FROM silver.orders", "11")

	for _, name := range []string{"", ".", "a.", "a.b.c", "system.x", "temp.x"} {
		if _, err := f.s.Attach(ctx, engine.Input{Name: name, SQL: "SELECT 1 AS x"}); err == nil {
			t.Errorf("a relation called %q was taken", name)
		}
	}
	odd := `la"yer.or'der; --`
	f.define(odd, "SELECT 5 AS x")
	f.expect("SELECT x FROM "+f.eng.Dialect().Relation(odd), "5")
}

// cancelCases: a context that ends stops the work, and the session goes on.
func cancelCases(t *testing.T, open func(*testing.T) *fixture) {
	f := open(t)
	f.define("n", "SELECT * FROM (VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9)) n(i)")
	// 10 to the power of 12 rows: no engine is that fast.
	endless := "SELECT sum(a.i + b.i * c.i - d.i + e.i * f.i + g.i - h.i * j.i + k.i - l.i * m.i) AS s FROM n a, n b, n c, n d, n e, n f, n g, n h, n j, n k, n l, n m"
	for name, work := range map[string]func(ctx context.Context) error{
		"query": func(ctx context.Context) error { _, err := f.s.Query(ctx, endless); return err },
		"stage": func(ctx context.Context) error {
			_, _, err := f.s.Stage(ctx, engine.StageRequest{SQL: endless, Schema: Schema(t, "s int64"), Root: f.dir, Dir: "cancelled"})
			return err
		},
		"attach": func(ctx context.Context) error {
			_, err := f.s.Attach(ctx, engine.Input{Name: "m", SQL: endless, Materialise: true})
			return err
		},
	} {
		why := errors.New("the user went home")
		ctx, cancel := context.WithTimeoutCause(context.Background(), 50*time.Millisecond, why)
		err := work(ctx)
		cancel()
		if left, _ := filepath.Glob(filepath.Join(f.dir, "cancelled", "*")); len(left) > 0 {
			t.Errorf("%s: left %v", name, left)
		}
		if !errors.Is(err, engine.ErrCancelled) || !errors.Is(err, why) {
			t.Errorf("%s: %v, want ErrCancelled and its cause", name, err)
		}
	}
	f.expect("SELECT count(*) FROM n", "10")
}
