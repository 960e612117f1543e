package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/engine/duckdb"
	"github.com/dq-dev/dq/lineage"
	"github.com/dq-dev/dq/table"
)

// soundTables are what random queries read: whole numbers, t.id and u.id each once.
var soundTables = map[string][]string{"t": {"id", "a", "b", "c"}, "u": {"id", "a", "d"}}

// sound holds queries against what lineage says of them: when a column of a table
// gets other values and a column of the result changes, then it is a source of that
// column or of the rows.
type sound struct {
	described *duckdb.Described
	session   engine.Session
}

func openSound(t testing.TB) *sound {
	ctx := context.Background()
	s := &sound{}
	var err error
	if s.described, err = duckdb.OpenDescribed(ctx); err != nil {
		t.Fatal(err)
	}
	for name, columns := range soundTables {
		var cs []duckdb.Column
		for _, c := range columns {
			cs = append(cs, duckdb.Column{Name: c, Type: "BIGINT"})
		}
		if _, err := s.described.Table(ctx, name, cs); err != nil {
			t.Fatal(err)
		}
	}
	eng, err := duckdb.Open(duckdb.Config{Threads: 1, TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if s.session, err = eng.Session(ctx); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _, _ = s.described.Close(), s.session.Close(), eng.Close() })
	return s
}

// fill attaches a table whose rows depend on the seed; those of one column on another.
func (s *sound) fill(t testing.TB, name, column string, seed uint64) {
	var rows []string
	for i := range 6 {
		var values []string
		for j, c := range soundTables[name] {
			at := uint64(100*j + i)
			if c == column {
				at += 1000 * seed
			}
			v := rand.New(rand.NewPCG(at, 7)).IntN(5)
			if c == "id" {
				v = i + 1
				if c == column {
					v = (i*5+int(seed))%7 + 1
				}
			}
			values = append(values, fmt.Sprint(v))
		}
		rows = append(rows, "("+strings.Join(values, ", ")+")")
	}
	sql := fmt.Sprintf("SELECT * FROM (VALUES %s) v(%s)", strings.Join(rows, ", "), strings.Join(soundTables[name], ", "))
	if _, err := s.session.Attach(context.Background(), engine.Input{Name: name, SQL: sql, Materialise: true}); err != nil {
		t.Fatal(err)
	}
}

// result is the values of each column, sorted.
func (s *sound) result(sql string) ([][]string, error) {
	rows, err := s.session.Query(context.Background(), sql)
	if err != nil {
		return nil, err
	}
	out := make([][]string, len(rows.Schema.Fields))
	for _, row := range rows.Values {
		for i, v := range row {
			out[i] = append(out[i], fmt.Sprint(v))
		}
	}
	for i := range out {
		slices.Sort(out[i])
	}
	return out, nil
}

// check returns false when the query cannot be bound or run.
func (s *sound) check(t testing.TB, sql string) bool {
	t.Helper()
	plan, _, err := s.described.Plan(context.Background(), sql)
	if err != nil {
		return false
	}
	schemas := map[string]table.Schema{}
	for name, columns := range soundTables {
		var schema table.Schema
		for _, c := range columns {
			schema.Fields = append(schema.Fields, table.Field{Name: c})
		}
		schemas[name] = schema
	}
	st, err := lineage.Trace(plan, schemas)
	if err != nil {
		t.Errorf("%s: %v", sql, err)
		return false
	}
	for name := range soundTables {
		s.fill(t, name, "", 0)
	}
	before, err := s.result(sql)
	if err != nil {
		return false
	}
	for name, columns := range soundTables {
		for _, column := range columns {
			is := func(src lineage.Source) bool { return src.Table == name && src.Column == column }
			if slices.ContainsFunc(st.Dataset, is) {
				continue // it may change any column
			}
			for seed := range uint64(2) {
				s.fill(t, name, column, seed+1)
				after, err := s.result(sql)
				if err != nil {
					break
				}
				for i := range after {
					if !slices.Equal(before[i], after[i]) && !slices.ContainsFunc(st.Columns[i].Sources, is) {
						t.Errorf("%s\nother values of %s.%s change %s, which has %v (%s)", sql, name, column, st.Columns[i].Name, st.Columns[i].Sources, st.Status)
						return true
					}
				}
			}
			s.fill(t, name, "", 0)
		}
	}
	return true
}

// TestLineageSound tries random queries, and those that are compared with sqlglot.
func TestLineageSound(t *testing.T) {
	s := openSound(t)
	bound := 0
	const queries = 100
	for seed := range uint64(queries) {
		if s.check(t, randomQuery(seed)) {
			bound++
		}
	}
	if bound < queries*8/10 {
		t.Errorf("of %d queries only %d could be tried", queries, bound)
	}
}

func FuzzLineageSound(f *testing.F) {
	s := openSound(f)
	for seed := range uint64(10) {
		f.Add(1000 + seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) { s.check(t, randomQuery(seed)) })
}

// queries writes SELECTs whose columns are whole numbers, with rows and values
// that depend on nothing but the tables.
type queries struct {
	*rand.Rand
	names int
}

func randomQuery(seed uint64) string {
	q := &queries{Rand: rand.New(rand.NewPCG(seed, 1))}
	sql, _ := q.query(3, 1+q.IntN(3))
	return sql
}

func (q *queries) name(prefix string) string {
	q.names++
	return fmt.Sprint(prefix, q.names)
}

func (q *queries) pick(words ...string) string { return words[q.IntN(len(words))] }

// query returns a SELECT and the names of its columns.
func (q *queries) query(depth, width int) (string, []string) {
	if depth > 0 {
		switch q.IntN(8) {
		case 0:
			left, names := q.query(depth-1, width)
			right, _ := q.query(depth-1, width)
			return fmt.Sprintf("(%s) %s (%s)", left, q.pick("UNION ALL", "UNION", "EXCEPT", "INTERSECT", "EXCEPT ALL", "INTERSECT ALL"), right), names
		case 1:
			cte := q.name("w")
			inner, columns := q.query(depth-1, 2)
			body, names := q.selection(depth-1, width, fmt.Sprintf("%s AS x JOIN %s AS y ON x.%s = y.%s", cte, cte, columns[0], columns[1]), []string{"x." + columns[0], "y." + columns[1]})
			return fmt.Sprintf("WITH %s AS (%s) %s", cte, inner, body), names
		case 2:
			cte, base := q.name("r"), q.pick("t", "u")
			body, names := q.selection(depth-1, width, cte, []string{cte + ".n", cte + ".v"})
			return fmt.Sprintf("WITH RECURSIVE %s(n, v) AS (SELECT id, a FROM %s UNION SELECT n + 1, v + %s FROM %s JOIN t ON t.id = n WHERE n < 8) %s", cte, base, q.pick("1", "t.b", "n"), cte, body), names
		}
	}
	from, columns := q.from(depth)
	return q.selection(depth, width, from, columns)
}

// from returns a FROM clause and the columns that it offers.
func (q *queries) from(depth int) (string, []string) {
	alias := q.name("q")
	of := func(table string) []string {
		var out []string
		for _, c := range soundTables[table] {
			out = append(out, alias+"."+c)
		}
		return out
	}
	if depth == 0 {
		table := q.pick("t", "u")
		return table + " AS " + alias, of(table)
	}
	switch q.IntN(9) {
	case 0, 1:
		inner, names := q.query(depth-1, 2)
		return fmt.Sprintf("(%s) AS %s", inner, alias), []string{alias + "." + names[0], alias + "." + names[1]}
	case 2, 3:
		left, l := q.from(depth - 1)
		right, r := q.from(depth - 1)
		return fmt.Sprintf("%s %s JOIN %s ON %s = %s", left, q.pick("INNER", "LEFT", "RIGHT", "FULL"), right, l[q.IntN(len(l))], r[q.IntN(len(r))]), append(l, r...)
	case 4:
		other := q.name("q")
		return fmt.Sprintf("t AS %s %s JOIN u AS %s USING (id)", alias, q.pick("INNER", "LEFT", "FULL", "SEMI", "ANTI"), other), []string{"id", alias + ".b", alias + ".c"}
	case 5:
		left, l := q.from(depth - 1)
		return fmt.Sprintf("%s, LATERAL (SELECT %s(z.d) AS m, count(*) AS n FROM u AS z WHERE z.id %s %s) AS %s", left, q.pick("max", "sum"), q.pick("=", "<"), l[q.IntN(len(l))], alias), append(l, alias+".m", alias+".n")
	case 6:
		left, l := q.from(depth - 1)
		return fmt.Sprintf("%s, unnest([%s, %s]) AS %s(e)", left, l[0], l[q.IntN(len(l))], alias), append(l, alias+".e")
	case 7:
		return fmt.Sprintf("(SELECT * FROM (SELECT %s AS k, b, c FROM t) PIVOT (sum(c) FOR b IN (0, 1, 2)) ) AS %s(k, p, q, r)", q.pick("a", "id"), alias), []string{alias + ".k", alias + ".p", alias + ".q", alias + ".r"}
	}
	return fmt.Sprintf("(SELECT * FROM (SELECT id, a, b FROM t) UNPIVOT (v FOR n IN (a, b))) AS %s(id, n, v)", alias), []string{alias + ".id", alias + ".v"}
}

// selection completes a SELECT from a FROM clause.
func (q *queries) selection(depth, width int, from string, columns []string) (string, []string) {
	column := func() string { return columns[q.IntN(len(columns))] }
	var list, names []string
	group := q.IntN(4) == 0
	key := column()
	for range width {
		name := q.name("c")
		e := q.expression(depth, column)
		if group {
			e = q.pick(key, fmt.Sprintf("%s(%s)", q.pick("sum", "max", "count"), e), "count(*)", fmt.Sprintf("sum(%s) FILTER (WHERE %s > 1)", e, column()))
		}
		list, names = append(list, e+" AS "+name), append(names, name)
	}
	sql := "SELECT " + q.pick("", "", "DISTINCT ") + strings.Join(list, ", ") + " FROM " + from
	if q.IntN(3) == 0 {
		sql += " WHERE " + q.pick(
			fmt.Sprintf("%s > %d", column(), q.IntN(3)),
			fmt.Sprintf("%s IN (SELECT id FROM u)", column()),
			fmt.Sprintf("EXISTS (SELECT 1 FROM u AS k WHERE k.id = %s)", column()),
			fmt.Sprintf("%s < (SELECT max(d) FROM u)", column()))
	}
	if group {
		sql += " GROUP BY " + key
	} else if q.IntN(6) == 0 && !strings.Contains(sql, "DISTINCT") {
		sql += fmt.Sprintf(" QUALIFY count(*) OVER (PARTITION BY %s) > 1", column())
	}
	return sql, names
}

// expression is a whole number made from columns.
func (q *queries) expression(depth int, column func() string) string {
	switch q.IntN(13) {
	case 0:
		return fmt.Sprintf("%s + %s", column(), column())
	case 1:
		return fmt.Sprintf("CASE WHEN %s > 1 THEN %s ELSE 0 END", column(), column())
	case 2:
		return fmt.Sprintf("coalesce(%s, %s)", column(), column())
	case 3:
		return fmt.Sprintf("sum(%s) OVER (PARTITION BY %s)", column(), column())
	case 4:
		return fmt.Sprintf("rank() OVER (ORDER BY %s)", column())
	case 5:
		return fmt.Sprintf("(SELECT max(k.d) FROM u AS k WHERE k.id = %s)", column())
	case 6:
		return fmt.Sprintf("CAST(EXISTS (SELECT 1 FROM u AS k WHERE k.a = %s) AS BIGINT)", column())
	case 7:
		return fmt.Sprintf("CAST(%s IN (SELECT d FROM u) AS BIGINT)", column())
	case 8:
		return fmt.Sprintf("list_sum(list_transform([%s, 2], lambda v: v * %s))", column(), column())
	case 9:
		return fmt.Sprintf("struct_pack(x := %s, y := %s).%s", column(), column(), q.pick("x", "y"))
	case 10:
		if depth > 0 {
			inner, names := q.query(0, 1)
			return fmt.Sprintf("(SELECT max(%s) FROM (%s))", names[0], inner)
		}
	}
	return column()
}

// TestLineageQueriesSound holds the queries that sqlglot sees, too, as far as they
// read these tables' columns.
func TestLineageQueriesSound(t *testing.T) {
	data, err := os.ReadFile("../../test/systems/lineage/queries.sql")
	if err != nil {
		t.Fatal(err)
	}
	s := openSound(t)
	bound := 0
	replace := strings.NewReplacer(" x", " b", "(x", "(b", ".x", ".b", " s ", " c ", " from a", " from t", " join b", " join u", " from b", " from u", "a.", "t.", "b.z", "u.d", "b.y", "u.d", "b.id", "u.id", "(z)", "(d)", " z ", " d ")
	for line := range strings.Lines(string(data)) {
		if !strings.Contains(line, "now()") && !strings.Contains(line, "sample") && s.check(t, replace.Replace(strings.TrimSpace(line))) {
			bound++
		}
	}
	if bound < 40 {
		t.Errorf("only %d queries could be tried", bound)
	}
}
