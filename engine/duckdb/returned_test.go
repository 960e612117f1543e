package duckdb_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/engine/enginetest"
)

// TestReturned counts what random SELECTs return, of nested joins, unions, groups and
// windows, on their way to the files, and holds the rows of the files against it.
func TestReturned(t *testing.T) {
	ctx := context.Background()
	s := session(t, open(t))
	for name, sql := range map[string]string{
		"few":   "SELECT range AS i FROM range(7)",
		"many":  "SELECT range % 1000 AS i FROM range(300000)",
		"empty": "SELECT range AS i FROM range(0)",
	} {
		if _, err := s.Attach(ctx, engine.Input{Name: name, SQL: sql, Materialise: true}); err != nil {
			t.Fatal(err)
		}
	}
	r := rand.New(rand.NewPCG(7, 7))
	var one func(depth int) string
	one = func(depth int) string {
		if depth == 0 {
			return "SELECT i FROM " + []string{"few", "many", "empty"}[r.IntN(3)]
		}
		a, b := one(r.IntN(depth)), one(r.IntN(depth))
		small := fmt.Sprintf("SELECT i FROM (%s) s LIMIT 5", b)
		switch r.IntN(20) {
		case 0, 1, 2:
			return fmt.Sprintf("(%s) UNION ALL (%s)", a, b)
		case 3:
			return fmt.Sprintf("SELECT i FROM (%s) a UNION SELECT i FROM (%s) b", a, b)
		case 4:
			return fmt.Sprintf("SELECT a.i FROM (%s) a WHERE NOT EXISTS (SELECT 1 FROM (%s) b WHERE b.i = a.i AND (b.i > 0 OR a.i > 5))", a, b)
		case 5:
			return fmt.Sprintf("SELECT a.i FROM (%s) a WHERE a.i IN (SELECT i FROM (%s) b)", a, b)
		case 6:
			return fmt.Sprintf("SELECT a.i FROM (%s) a WHERE a.i NOT IN (SELECT i FROM (%s) b)", a, b)
		case 7:
			return fmt.Sprintf("SELECT coalesce(a.i, b.i) AS i FROM (%s) a FULL JOIN (%s) b ON a.i = b.i", a, small)
		case 8:
			return fmt.Sprintf("SELECT b.i FROM (%s) a RIGHT JOIN (%s) b ON a.i = b.i + 3", a, small)
		case 9:
			return fmt.Sprintf("SELECT a.i FROM (%s) a LEFT JOIN (%s) b ON a.i = b.i", a, small)
		case 10:
			return fmt.Sprintf("SELECT a.i FROM (%s) a JOIN (%s) b ON a.i < b.i", a, small)
		case 11:
			return fmt.Sprintf("SELECT a.i FROM (%s) a, LATERAL (SELECT unnest(range(a.i %% 3)) AS j) l", a)
		case 12:
			return fmt.Sprintf("SELECT i FROM (SELECT i, row_number() OVER (PARTITION BY i %% 3 ORDER BY i) AS n FROM (%s) a) q WHERE n < 100", a)
		case 13:
			return fmt.Sprintf("SELECT i %% 4 AS i FROM (%s) a GROUP BY i %% 4", a)
		case 14:
			return fmt.Sprintf("SELECT DISTINCT i FROM (%s) a", a)
		case 15:
			return fmt.Sprintf("SELECT i FROM (%s) a WHERE i %% 2 = 0", a)
		case 16:
			return fmt.Sprintf("WITH c AS MATERIALIZED (%s) SELECT i FROM c UNION ALL SELECT i + 1 FROM c WHERE i > 2", a)
		case 17:
			return fmt.Sprintf("SELECT (SELECT max(b.i) FROM (%s) b WHERE b.i < a.i) AS i FROM (SELECT i FROM (%s) a LIMIT 50) a", b, a)
		case 18:
			return fmt.Sprintf("SELECT i FROM (%s) a EXCEPT ALL (SELECT i FROM (%s) b)", a, b)
		}
		return fmt.Sprintf("SELECT i FROM (%s) a ORDER BY i DESC LIMIT %d", a, r.IntN(3000))
	}
	root := t.TempDir()
	schema := enginetest.Schema(t, "i int64")
	for n := range 150 {
		req := engine.StageRequest{SQL: "SELECT * FROM (" + one(4) + ") q", Schema: schema, Root: root, Dir: fmt.Sprint("d", n)}
		if n%4 == 1 {
			req.Split = "i % 2 = 0"
		}
		files, returned, err := s.Stage(ctx, req)
		if err != nil {
			t.Fatalf("%s: %v", req.SQL, err)
		}
		held := int64(0)
		for _, f := range files {
			rows, _ := f.File.LiveRows()
			held += rows
		}
		if held != returned {
			t.Errorf("%s: %d rows are counted, the files hold %d", req.SQL, returned, held)
		}
	}
}
