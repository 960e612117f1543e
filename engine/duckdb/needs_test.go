package duckdb_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/engine/enginetest"
)

// What a plan says of the rows that it needs must hold for each row that counts:
// less is always right, more never.
func TestBindFindsConditionsAndTotals(t *testing.T) {
	s := session(t, open(t))
	schema := enginetest.Schema(t, "id int64, country string, day date, total double, f float, n int32, d decimal(10,2), seen timestamp_ntz, tz timestamp, ok bool, st struct<a: int32>")
	if _, err := s.Attach(context.Background(), engine.Input{Name: "t", Schema: schema}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ sql, where, totals string }{
		{"SELECT id FROM t WHERE country = 'DE' AND 5 < n AND day >= DATE '2024-01-02'", "[{country = [DE]} {n > [5]} {day >= [2024-01-02]}]", "[]"},
		{"SELECT id FROM t WHERE n BETWEEN 0 AND 7 AND id IN (1, 10000000000) AND country IS NOT NULL AND total IS NULL", "[{n >= [0]} {id IN [1 10000000000]} {country IS NOT NULL []} {total IS NULL []} {n <= [7]}]", "[]"},
		{"SELECT id FROM t WHERE d > 5.50 AND d = 5 AND d < -0.25 AND n = 10000000000", "[{d > [5.50]} {d = [5]} {d < [-0.25]} {n = [10000000000]}]", "[]"},
		{"SELECT id FROM t WHERE total > 2e0 AND total < 3 AND NOT (n = 3)", "[{total > [2.0]} {total < [3]} {n <> [3]}]", "[]"},
		{"SELECT id FROM t WHERE seen > '2024-01-02 03:04:05' AND tz > TIMESTAMPTZ '2024-01-02 03:04:05+00'", "[{seen > [2024-01-02 03:04:05]} {tz > [2024-01-02 03:04:05Z]}]", "[]"},
		// What a text means at a place, what is rounded, and what is not a column.
		{"SELECT id FROM t WHERE tz > '2024-01-02 03:04:05' AND f > 0.1 AND n = '5.7' AND id = 5e0 AND n = NULL AND n + 1 = 2 AND st.a = 1 AND ok = 'yes' AND n IN (1, NULL)", "[]", "[]"},
		{"SELECT id FROM t WHERE n = 1 OR country = 'DE'", "[]", "[]"},
		{"SELECT id FROM t WHERE TRY_CAST(d AS DECIMAL(10,1)) = 5 AND CAST(id AS INTEGER) = 5", "[]", "[]"},
		{"SELECT id FROM t WHERE d = CAST(CAST(5.7 AS INTEGER) AS DECIMAL(10,2)) AND d > CAST(5.75 AS DECIMAL(10,1)) AND seen < CAST(CAST('2024-01-02 03:04:05' AS DATE) AS TIMESTAMP)", "[]", "[]"},
		{"SELECT a.id FROM t a, t b WHERE a.n = 1", "[]", "[]"},
		{"SELECT id FROM (SELECT id, n FROM t WHERE n = 1) q WHERE id > 7", "[{n = [1]}]", "[]"},
		{"SELECT n, count(*) AS c FROM t WHERE day < DATE '2024-01-02' GROUP BY n HAVING count(*) > 1 ORDER BY n LIMIT 3", "[{day < [2024-01-02]}]", "[]"},
		{"SELECT id FROM t ORDER BY id LIMIT 1", "[]", "[]"},
		{"SELECT count(*) AS c, max(day) AS b, min(id) AS a, count(*) AS again FROM t", "[]", "[{count } {max day} {min id} {count }]"},
		{"SELECT count(*) AS c FROM t WHERE n = 1", "[{n = [1]}]", "[]"},
		{"SELECT count(*) FILTER (WHERE n = 1) AS c FROM t", "[]", "[]"},
		{"SELECT min(n) AS a FROM t GROUP BY country", "[]", "[]"},
		{"SELECT count(*) + 1 AS c FROM t", "[]", "[]"},
		{"SELECT count(n) AS c FROM t", "[]", "[]"},
		{"SELECT min(n + 1) AS a FROM t", "[]", "[]"},
		{"SELECT max(n, 2) AS a FROM t", "[]", "[]"},
		{"SELECT count(*) AS c FROM t LIMIT 0", "[]", "[]"},
		{"SELECT count(*) AS c FROM (SELECT * FROM t LIMIT 3) q", "[]", "[]"},
		{"SELECT count(*) AS c FROM (SELECT DISTINCT n FROM t) q", "[]", "[]"},
		{"SELECT count(*) AS c FROM range(3)", "[]", "[]"},
	} {
		plan, err := s.Bind(context.Background(), c.sql)
		if err != nil {
			t.Fatalf("%s: %v", c.sql, err)
		}
		if got := fmt.Sprint(plan.Where); got != c.where {
			t.Errorf("%s: the conditions are\n%s, want\n%s", c.sql, got, c.where)
		}
		if got := fmt.Sprint(plan.Totals); got != c.totals {
			t.Errorf("%s: the totals are\n%s, want\n%s", c.sql, got, c.totals)
		}
	}
}
