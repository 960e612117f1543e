package operations_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dq-dev/dq/delta"
	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/operations"
	"github.com/dq-dev/dq/table"
)

// literals are values of each column of the table of [TestPruning], as SQL.
var literals = map[string][]string{
	"id":     {"0", "1", "2", "3", "5", "8", "9223372036854775807", "-3"},
	"name":   {"''", "'a'", "'ab'", "'abc'", "'b'", "'B'", "'é'", "'日本'", "'\U0010FFFF'", "'" + strings.Repeat("a", 40) + "'", "'" + strings.Repeat("a", 31) + "é'", "'" + strings.Repeat("é", 70) + "'"},
	"day":    {"DATE '1969-12-31'", "DATE '2024-01-01'", "DATE '2024-02-29'", "DATE '2024-03-01'"},
	"price":  {"0.00", "-1.50", "9.99", "10.00", "1234567.89"},
	"weight": {"0e0", "-1.5e0", "1e300", "'NaN'::DOUBLE", "2", "'inf'::DOUBLE", "-0.0e0"},
	"ok":     {"true", "false"},
	"seen":   {"TIMESTAMP '2024-01-01 00:00:00'", "TIMESTAMP '2024-01-01 12:00:00.123456'", "TIMESTAMP '2024-01-01 12:00:00.123999'", "TIMESTAMP '2024-01-02 00:00:00'"},
	"st.a":   {"1", "2", "30"},
	"st.b.c": {"'x'", "'y'", "'" + strings.Repeat("x", 50) + "'"},
	"part":   {"'p'", "'q'", "'é %'"},
}

func pick[T any](r *rand.Rand, of []T) T { return of[r.IntN(len(of))] }

// someRows is a SELECT of up to three rows, of few values each, so that files differ.
func someRows(r *rand.Rand) string {
	value := func(column, kind string) string {
		if r.IntN(5) == 0 {
			return "NULL::" + kind
		}
		return "CAST(" + pick(r, literals[column]) + " AS " + kind + ")"
	}
	part := value("part", "VARCHAR")
	var rows []string
	for range 1 + r.IntN(3) {
		st := fmt.Sprintf("{'a': %s, 'b': {'c': %s}}", value("st.a", "INTEGER"), value("st.b.c", "VARCHAR"))
		if r.IntN(6) == 0 {
			st = "NULL"
		}
		rows = append(rows, fmt.Sprintf("SELECT %s AS id, %s AS name, %s AS day, %s AS price, %s AS weight, %s AS ok, %s AS seen, %s AS st, %s AS part",
			value("id", "BIGINT"), value("name", "VARCHAR"), value("day", "DATE"), value("price", "DECIMAL(9,2)"), value("weight", "DOUBLE"),
			value("ok", "BOOLEAN"), value("seen", "TIMESTAMP"), st, part))
	}
	return strings.Join(rows, " UNION ALL ")
}

// someCondition is SQL that is made at random.
func someCondition(r *rand.Rand, depth int) string {
	if depth > 0 {
		switch r.IntN(5) {
		case 0:
			return "(" + someCondition(r, depth-1) + " AND " + someCondition(r, depth-1) + ")"
		case 1, 2:
			return "(" + someCondition(r, depth-1) + " OR " + someCondition(r, depth-1) + ")"
		case 3:
			return "NOT (" + someCondition(r, depth-1) + ")"
		}
	}
	column := pick(r, []string{"id", "name", "name", "day", "price", "weight", "ok", "seen", "st.a", "st.b.c", "part"})
	value := func() string { return pick(r, literals[column]) }
	not := pick(r, []string{"", "NOT "})
	switch r.IntN(9) {
	case 0:
		return column + " IS " + not + "NULL"
	case 1:
		return fmt.Sprintf("%s %sIN (%s, %s)", column, not, value(), pick(r, []string{value(), "NULL"}))
	case 2:
		return fmt.Sprintf("%s %sBETWEEN %s AND %s", column, not, value(), value())
	case 3:
		return fmt.Sprintf("%s IS %sDISTINCT FROM %s", column, not, value())
	case 4:
		return pick(r, []string{"ok", "id + 1 = 2", "length(name) = 2", "CAST(seen AS DATE) >= DATE '2024-01-02'", "CAST(seen AS DATE) <> DATE '2024-01-01'", "false", "id = NULL"})
	case 5:
		return fmt.Sprintf("name %sLIKE '%s'", not, pick(r, []string{"a%", "ab", "é%", "éé%", "%b", "a_", "\U0010FFFF%", "%", strings.Repeat("a", 35) + "%", "日%"}))
	}
	op := pick(r, []string{"=", "<>", "<", "<=", ">", ">="})
	if r.IntN(4) == 0 {
		return value() + " " + op + " " + column
	}
	return column + " " + op + " " + value()
}

// TestPruning: rows with pruning are the rows without.
func TestPruning(t *testing.T) {
	ctx := context.Background()
	for i, props := range []map[string]string{
		{},
		{"delta.enableDeletionVectors": "true"},
		{"delta.columnMapping.mode": "name"},
		{"delta.dataSkippingNumIndexedCols": "3"},
	} {
		t.Run(fmt.Sprint(props), func(t *testing.T) {
			r := rand.New(rand.NewPCG(uint64(i), 7))
			tb := openAt(t, filepath.Join(t.TempDir(), "t"), os.Getenv)
			if _, err := tb.Append(ctx, someRows(r), operations.Write{PartitionBy: []string{"part"}}); err != nil {
				t.Fatal(err)
			}
			if len(props) > 0 {
				if _, err := tb.Alter(ctx, operations.Alteration{Set: props}); err != nil {
					t.Fatal(err)
				}
			}
			for range 25 {
				if _, err := tb.Append(ctx, someRows(r), operations.Write{}); err != nil {
					t.Fatal(err)
				}
			}
			for range 3 {
				if _, err := tb.Delete(ctx, fmt.Sprintf("id = %s AND hash(name) %% 2 = 0", pick(r, literals["id"]))); err != nil {
					t.Fatal(err)
				}
			}
			s, err := tb.Delta.Snapshot(ctx, delta.Latest())
			if err != nil {
				t.Fatal(err)
			}
			dir, err := tb.Where.Dir()
			if err != nil {
				t.Fatal(err)
			}
			var files []table.File
			for f, err := range s.Files(ctx) {
				if err != nil {
					t.Fatal(err)
				}
				files = append(files, f)
			}
			in := engine.Input{Name: "t", Schema: s.Schema(), Root: dir, Files: files}
			if _, err := tb.Session.Attach(ctx, in); err != nil {
				t.Fatal(err)
			}
			kept := 0
			const conditions = 150
			for range conditions {
				condition := someCondition(r, 3)
				sql := "SELECT id, name, day, price, CAST(weight AS VARCHAR) AS weight, ok, seen, CAST(st AS VARCHAR) AS st, part FROM t WHERE " + condition
				plan, err := tb.Session.Bind(ctx, sql)
				if err != nil {
					t.Fatalf("%s: %v", condition, err)
				}
				left, err := s.Prune(files, operations.Predicates(plan.Where)...)
				if err != nil {
					t.Fatalf("%s: %v", condition, err)
				}
				kept += len(left)
				gone := slices.DeleteFunc(slices.Clone(files), func(f table.File) bool {
					return slices.ContainsFunc(left, func(l table.File) bool { return l.Path == f.Path })
				})
				in.Name, in.Files = "dropped", gone
				if _, err := tb.Session.Attach(ctx, in); err != nil {
					t.Fatal(err)
				}
				rows, err := tb.Session.Query(ctx, strings.Replace(sql, "FROM t", "FROM dropped", 1))
				if err != nil {
					t.Fatalf("%s: %v", condition, err)
				}
				if len(rows.Values) > 0 {
					t.Errorf("%s: dropped files hold %d such rows, the first %v; conditions: %v", condition, len(rows.Values), rows.Values[0], plan.Where)
				}
			}
			if all := conditions * len(files); kept*10 > all*9 {
				t.Errorf("%d of %d files stay: hardly any is left out", kept, all)
			} else {
				t.Logf("%d of %d files stay", kept, all)
			}
		})
	}
}
