package duckdb

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/dq-dev/dq/engine"
)

func describe(t *testing.T, tables map[string][]Column) *Described {
	t.Helper()
	d, err := OpenDescribed(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	for name, columns := range tables {
		if _, err := d.Table(context.Background(), name, columns); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	return d
}

// SQL over names of one to three parts, with columns that no table can have.
func TestDescribed(t *testing.T) {
	d := describe(t, map[string][]Column{"t": {{"a", "INT"}, {"b", "STRING"}}, "n": {{"a", "INT"}, {"xs", "INT[]"}}, "s.t": {{"a", "INT"}}, "temp.t2": {{"a", "INT"}}, "lake.s.t": {{"a", "INT"}}, `"odd.name"`: {{"A b", "INT"}}})
	for sql, want := range map[string]string{
		"SELECT a, a + 1, a, INTERVAL 1 DAY AS i FROM t":                                      "a|(a + 1)|a|i",
		"SELECT row(a, b) AS r FROM t WHERE a = ?":                                            "r",
		`SELECT x.a, y.a AS b, z.a AS c, "A b" FROM s.t x, temp.t2 y, lake.s.t z, "odd.name"`: "a|b|c|A b",
	} {
		plan, retyped, err := d.Plan(context.Background(), sql)
		if got := strings.Join(plan.Schema.Names(), "|"); err != nil || got != want || retyped != nil || len(plan.Tree) == 0 {
			t.Errorf("%s: %s, %v, %v", sql, got, retyped, err)
		}
	}
	for sql, want := range map[string]string{
		"SELECT z FROM t": `Referenced column "z"`, "SELECT a FROM u": "Table with name u", "DELETE FROM t": "only a SELECT", "SELECT 1; SELECT 2": "only a SELECT",
		"SELECT a FROM read_csv('x.csv')": "Cannot access file", "SELECT a\x00 FROM t": "zero byte", "SELEC": "syntax error",
		// What DuckDB itself stumbles over, while it binds and while it makes a plan to run.
		"SELECT $p + a FROM t": "DuckDB fails at this statement",
		"SELECT n.a, l.u FROM n, LATERAL (SELECT UNNEST(n.xs) + n.a AS u) l": "DuckDB fails at this statement: Failed to bind column reference",
	} {
		_, _, err := d.Plan(context.Background(), sql)
		var be *engine.BindError
		if !errors.As(err, &be) || !strings.Contains(be.Message, want) {
			t.Errorf("%q: %v", sql, err)
		}
	}
	for _, name := range []string{"", "a.", "a..b", "a.b.c.d", "a b"} {
		if _, err := d.Table(context.Background(), name, []Column{{"a", "INT"}}); err == nil {
			t.Errorf("%q is a name", name)
		}
	}
}

// Joins with USING take the column of both sides, those with ON that of one.
func TestDescribedBothSides(t *testing.T) {
	d := describe(t, map[string][]Column{"a": {{"id", "INT"}}, "b": {{"id", "INT"}}})
	for sql, both := range map[string]bool{
		"SELECT id FROM a JOIN b USING (id)": true, "SELECT id FROM a LEFT JOIN b USING (id)": true, "SELECT * FROM a NATURAL JOIN b": true,
		"SELECT a.id FROM a JOIN b ON a.id = b.id": false, "SELECT id FROM a SEMI JOIN b USING (id)": false,
	} {
		plan, _, err := d.Plan(context.Background(), sql)
		if err != nil || strings.Contains(string(plan.Tree), "OPERATOR_COALESCE") != both {
			t.Errorf("%s: %v", sql, err)
		}
	}
}

// Types that a statement does not bind over are others then, and are said.
func TestDescribedRetypes(t *testing.T) {
	for _, c := range []struct{ sql, retyped string }{
		{"SELECT d + INTERVAL 5 DAY AS n FROM t", "t.d VARCHAR DATE"},
		{"SELECT n FROM t WHERE d BETWEEN DATE '2020-01-01' AND DATE '2020-01-01' + INTERVAL 30 DAY", "t.d VARCHAR DATE"},
		{"SELECT date_trunc('month', n) AS m FROM t", "t.n BIGINT TIMESTAMP"},
		{"SELECT e - INTERVAL 1 DAY AS f, c + INTERVAL 1 HOUR AS g FROM (SELECT d AS e, c FROM t)", "t.d VARCHAR DATE, t.c VARCHAR DATE"},
		{"SELECT sum(d) AS s FROM t", "t.d VARCHAR DOUBLE"},
		{"SELECT unnest(d) AS u FROM t", "t.d VARCHAR VARCHAR[]"},
	} {
		d := describe(t, map[string][]Column{"t": {{"d", "STRING"}, {"c", "TEXT"}, {"n", "INT64"}}})
		plan, retyped, err := d.Plan(context.Background(), c.sql)
		var got []string
		for _, r := range retyped {
			got = append(got, r.Table+"."+r.Column+" "+r.From+" "+r.To)
		}
		if err != nil || strings.Join(got, ", ") != c.retyped || plan.Tree == nil {
			t.Errorf("%s: %q, %v; want %q", c.sql, got, err, c.retyped)
		}
	}
	// What no type makes right is said as it was, and nothing stays changed.
	d := describe(t, map[string][]Column{"t": {{"d", "STRING"}, {"n", "INT64"}}})
	_, _, err := d.Plan(context.Background(), "SELECT d + INTERVAL 5 DAY, no_such(n) FROM t")
	if err == nil || !strings.Contains(err.Error(), "no_such") {
		t.Errorf("%v", err)
	}
	if got := d.tables[0].columns[0].Type; got != "VARCHAR" {
		t.Errorf("d stayed %s", got)
	}
}

// What a script makes is followed to what it was made from.
func TestDescribedView(t *testing.T) {
	d := describe(t, map[string][]Column{"t": {{"a", "STRING"}}, "u": {{"x", "INT"}}})
	script := Script(`CREATE TABLE u (b) AS SELECT a FROM t; CREATE VIEW s.v AS SELECT b FROM u; SELECT b + INTERVAL 1 DAY AS c FROM s.v`)
	for _, s := range script[:2] {
		if err := d.View(context.Background(), s); err != nil {
			t.Fatal(err)
		}
	}
	plan, retyped, err := d.Plan(context.Background(), script[2].SQL)
	if err != nil || !strings.Contains(string(plan.Tree), `"table":"t"`) || len(retyped) != 1 {
		t.Errorf("%v %v", retyped, err)
	}
}
