package duckdb_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/engine/enginetest"
)

// What a plan says of the rows that it needs must hold for each row that counts:
// less is always right, more never.
func TestBindFindsConditionsAndTotals(t *testing.T) {
	s := session(t, open(t))
	schema := enginetest.Schema(t, "id int64, country string, day date, total double, f float, n int32, d decimal(10,2), seen timestamp_ntz, tz timestamp, ok bool, st struct<A: int32, b: struct<c: string>>")
	if _, err := s.Attach(context.Background(), engine.Input{Name: "t", Schema: schema}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ sql, where, totals string }{
		{"SELECT id FROM t WHERE country = 'DE' AND 5 < n AND day >= DATE '2024-01-02'", "country = DE AND n > 5 AND day >= 2024-01-02", "[]"},
		{"SELECT id FROM t WHERE n BETWEEN 0 AND 7 AND id IN (1, 10000000000) AND country IS NOT NULL AND total IS NULL", "n >= 0 AND id IN 1,10000000000 AND country IS NOT NULL AND total IS NULL AND n <= 7", "[]"},
		{"SELECT id FROM t WHERE d > 5.50 AND d = 5 AND d < -0.25 AND n = 10000000000", "d > 5.50 AND d = 5 AND d < -0.25 AND n = 10000000000", "[]"},
		{"SELECT id FROM t WHERE total > 2e0 AND total < 3 AND NOT (n = 3)", "total > 2.0 AND total < 3 AND n <> 3", "[]"},
		{"SELECT id FROM t WHERE seen > '2024-01-02 03:04:05' AND tz > TIMESTAMPTZ '2024-01-02 03:04:05+00'", "seen > 2024-01-02 03:04:05 AND tz > 2024-01-02 03:04:05Z", "[]"},
		// Parts of a choice must all be understood, parts of what must all hold need not.
		{"SELECT id FROM t WHERE n = 1 OR country = 'DE'", "(n = 1 OR country = DE)", "[]"},
		{"SELECT id FROM t WHERE n = 1 OR n + 1 = 7", "", "[]"},
		{"SELECT id FROM t WHERE (n = 1 AND n + 1 = 7) OR id = 3", "(n = 1 OR id = 3)", "[]"},
		{"SELECT id FROM t WHERE NOT (n = 1 OR n + 1 = 7)", "n <> 1", "[]"},
		{"SELECT id FROM t WHERE NOT (n = 1 AND n + 1 = 7)", "", "[]"},
		{"SELECT id FROM t WHERE NOT (n < 1 AND NOT (id > 2 OR id IS NULL))", "(n >= 1 OR (id > 2 OR id IS NULL))", "[]"},
		{"SELECT id FROM t WHERE n NOT BETWEEN 0 AND 7", "(n < 0 OR n > 7)", "[]"},
		{"SELECT id FROM t WHERE n IN (1, NULL) AND id NOT IN (1, 2) AND day NOT IN (DATE '2024-01-02', NULL)", "n IN 1 AND (id <> 1 AND id <> 2) AND (nothing)", "[]"},
		{"SELECT id FROM t WHERE n = NULL OR false OR id IS DISTINCT FROM 5 OR id IS NOT DISTINCT FROM 7", "((nothing) OR (nothing) OR (id <> 5 OR id IS NULL) OR id = 7)", "[]"},
		{"SELECT id FROM t WHERE id IS NOT DISTINCT FROM NULL", "", "[]"},
		{"SELECT id FROM t WHERE ok AND NOT ok AND false = ok AND NOT (id IS NULL)", "ok = true AND ok = false AND ok = false AND id IS NOT NULL", "[]"},
		{"SELECT id FROM t WHERE country LIKE 'D%'", "(country >= D AND country < E)", "[]"},
		{"SELECT id FROM t WHERE country NOT LIKE 'D%'", "(country < D OR country >= E)", "[]"},
		{"SELECT id FROM t WHERE country LIKE 'Dé_x%' AND starts_with(country, 'a') AND country ^@ 'b' AND country LIKE 'DE' AND country NOT LIKE 'AT'",
			"(country >= Dé AND country < Dê) AND (country >= a AND country < b) AND (country >= b AND country < c) AND country = DE AND country <> AT", "[]"},
		{"SELECT id FROM t WHERE country LIKE 'a\U0010FFFF%' AND country LIKE '\U0010FFFF%' AND country LIKE '\uD7FF%'",
			"(country >= a\U0010FFFF AND country < b) AND country >= \U0010FFFF AND (country >= \uD7FF AND country < \uE000)", "[]"},
		{"SELECT id FROM t WHERE country NOT LIKE 'D_' OR country LIKE '%D' OR country ILIKE 'd%' OR country LIKE country", "", "[]"},
		{"SELECT id FROM t WHERE st.a = 1 AND st.B.C IS NULL AND 'x' < st.b.c", "st.A = 1 AND st.b.c IS NULL AND st.b.c > x", "[]"},
		{"SELECT id FROM t WHERE CAST(seen AS DATE) = DATE '2024-02-29' AND seen::DATE <> DATE '2024-01-01' AND seen::DATE <= DATE '2024-12-31' AND seen::DATE > DATE '2024-01-01'",
			"(seen >= 2024-02-29T00:00:00 AND seen < 2024-03-01T00:00:00) AND (seen < 2024-01-01T00:00:00 OR seen >= 2024-01-02T00:00:00) AND seen < 2025-01-01T00:00:00 AND seen >= 2024-01-02T00:00:00", "[]"},
		{"SELECT id FROM t WHERE CAST(tz AS DATE) = DATE '2024-02-29'", "", "[]"},
		// What a text means at a place, what is rounded, and what is not a column.
		{"SELECT id FROM t WHERE tz > '2024-01-02 03:04:05' AND f > 0.1 AND n = '5.7' AND id = 5e0 AND n + 1 = 2 AND ok = 'yes'", "", "[]"},
		{"SELECT id FROM t WHERE TRY_CAST(d AS DECIMAL(10,1)) = 5 AND CAST(id AS INTEGER) = 5", "", "[]"},
		{"SELECT id FROM t WHERE d = CAST(CAST(5.7 AS INTEGER) AS DECIMAL(10,2)) AND d > CAST(5.75 AS DECIMAL(10,1)) AND seen < CAST(CAST('2024-01-02 03:04:05' AS DATE) AS TIMESTAMP)", "", "[]"},
		{"SELECT a.id FROM t a, t b WHERE a.n = 1", "", "[]"},
		{"SELECT id FROM (SELECT id, n FROM t WHERE n = 1) q WHERE id > 7", "n = 1", "[]"},
		{"SELECT n, count(*) AS c FROM t WHERE day < DATE '2024-01-02' GROUP BY n HAVING count(*) > 1 ORDER BY n LIMIT 3", "day < 2024-01-02", "[]"},
		{"SELECT id FROM t ORDER BY id LIMIT 1", "", "[]"},
		{"SELECT count(*) AS c, max(day) AS b, min(id) AS a, count(*) AS again FROM t", "", "[{count } {max day} {min id} {count }]"},
		{"SELECT count(*) AS c FROM t WHERE n = 1", "n = 1", "[]"},
		{"SELECT count(*) FILTER (WHERE n = 1) AS c FROM t", "", "[]"},
		{"SELECT min(n) AS a FROM t GROUP BY country", "", "[]"},
		{"SELECT count(*) + 1 AS c FROM t", "", "[]"},
		{"SELECT count(n) AS c FROM t", "", "[]"},
		{"SELECT min(n + 1) AS a FROM t", "", "[]"},
		{"SELECT max(n, 2) AS a FROM t", "", "[]"},
		{"SELECT count(*) AS c FROM t LIMIT 0", "", "[]"},
		{"SELECT count(*) AS c FROM (SELECT * FROM t LIMIT 3) q", "", "[]"},
		{"SELECT count(*) AS c FROM (SELECT DISTINCT n FROM t) q", "", "[]"},
		{"SELECT count(*) AS c FROM range(3)", "", "[]"},
	} {
		plan, err := s.Bind(context.Background(), c.sql)
		if err != nil {
			t.Fatalf("%s: %v", c.sql, err)
		}
		if got := text("AND", plan.Where); got != c.where {
			t.Errorf("%s: the conditions are\n%s, want\n%s", c.sql, got, c.where)
		}
		if got := fmt.Sprint(plan.Totals); got != c.totals {
			t.Errorf("%s: the totals are\n%s, want\n%s", c.sql, got, c.totals)
		}
	}
}

// text writes conditions much as SQL does.
func text(op string, conditions []engine.Condition) string {
	parts := make([]string, len(conditions))
	for i, c := range conditions {
		switch {
		case c.Op == "AND" || c.Op == "OR":
			parts[i] = "(" + text(c.Op, c.Of) + ")"
			if parts[i] == "()" && c.Op == "OR" {
				parts[i] = "(nothing)"
			}
		default:
			parts[i] = strings.TrimSpace(strings.Join(c.Path, ".") + " " + c.Op + " " + strings.Join(c.Values, ","))
		}
	}
	return strings.Join(parts, " "+op+" ")
}
