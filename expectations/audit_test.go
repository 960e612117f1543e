package expectations

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/expectations/cel"
	"github.com/dq-dev/dq/record"
	"github.com/dq-dev/dq/table"
)

// script is a session that answers queries from a list: the first unused answer
// whose text is in the SQL. What is asked is kept.
type script struct {
	engine.Session
	answers []answer
	asked   []string
}

type answer struct {
	in      string // a piece of the SQL
	columns string // names, for samples
	rows    [][]any
	err     error
	again   bool // answers as often as asked
}

func (s *script) Query(_ context.Context, sql string) (*engine.Rows, error) {
	s.asked = append(s.asked, sql)
	for i, a := range s.answers {
		if a.in != "" && strings.Contains(sql, a.in) {
			if !a.again {
				s.answers[i].in = ""
			}
			rows := &engine.Rows{Values: a.rows}
			for _, name := range strings.Fields(a.columns) {
				rows.Schema.Fields = append(rows.Schema.Fields, table.Field{Name: name})
			}
			return rows, a.err
		}
	}
	return nil, fmt.Errorf("no answer for %s", sql)
}

// dialect is DuckDB's spelling.
type dialect struct{ engine.Dialect }

func (dialect) Name() string               { return "duckdb" }
func (dialect) Ident(name string) string   { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
func (dialect) Literal(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
func (d dialect) Relation(name string) string {
	parts := strings.Split(name, ".")
	for i, p := range parts {
		parts[i] = d.Ident(p)
	}
	return strings.Join(parts, ".")
}

// ints is a row of whole numbers, after a file's name if there is one.
func ints(file string, numbers ...int64) []any {
	var row []any
	if file != "" {
		row = append(row, file)
	}
	for _, n := range numbers {
		row = append(row, n)
	}
	return row
}

// named puts names in the place of the SQL that package cel makes.
func (p *Plan) named(t *testing.T, sql string, now time.Time) string {
	t.Helper()
	facts := cel.Facts{Now: now}
	put := func(name, text string, err error) {
		if err != nil {
			t.Fatal(err)
		}
		if text != "" && text != "count(*)" {
			sql = strings.ReplaceAll(strings.ReplaceAll(sql, "("+text+")", "<"+name+">"), text, "<"+name+">")
		}
	}
	for _, r := range p.rules { // metrics hold conditions
		for _, part := range []*cel.Rule{r.aggregate, r.inScope} {
			if part == nil {
				continue
			}
			for _, m := range part.With(facts).Metrics() {
				for _, relation := range []string{"t", "part"} {
					text, err := m.SQL(dialect{}, dialect{}.Relation(relation))
					put(m.Of, text, err)
				}
			}
		}
	}
	for _, r := range p.rules {
		text, err := condition(dialect{}, r.scope, facts)
		put(r.where, text, err)
	}
	for _, r := range p.rules {
		text, err := condition(dialect{}, r.row, facts)
		put(r.ID, text, err)
	}
	return sql
}

func mustPlan(t testing.TB, suite, columns string) *Plan {
	t.Helper()
	p, err := mustLoad(t, suite).Plan(schemaOf(t, columns), map[string]table.Schema{"silver.customers": schemaOf(t, "id int64")})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func digests(p *Plan) map[string]string {
	out := map[string]string{}
	for _, r := range p.RowRules() {
		out[r.ID] = r.Digest
	}
	return out
}

const orders = `version: 1
columns:
  id: {type: int64, not_null: true, unique: true}
  email: {type: string, tags: [pii.email], regex: '@'}
  customer: {references: silver.customers.id}
expectations:
  priced: {row: price > 0, mostly: 0.9}
  volume: {table: rows() >= 2}
  growing: {table: rows() >= previous(rows())}
  fresh_batch: {row_count: {min: 1}, scope: new}
  cheap: {row: price < 100, on_fail: warn}
  round: {row: price == 1, on_fail: info}
`

const ordersColumns = "id int64, email string, customer int64, price double"

// TestHoleInPast: a version of which a metric is not known is left out, and does not
// end the history.
func TestHoleInPast(t *testing.T) {
	p := mustPlan(t, "version: 1\nexpectations: {a: {table: 'max(history(rows(), 4)) == 9'}, g: {table: 'max(history(rows(), 4)) == 9', group_by: [id]}}", "id int64")
	known := map[string]map[int]any{
		"rows()":               {1: int64(5), 3: int64(9)},
		"rows() by groups(id)": {1: Grouped{"[1]": int64(5)}, 3: Grouped{"[1]": int64(9)}},
	}
	s := &script{answers: []answer{
		{in: "GROUP BY", columns: "id rows", rows: [][]any{{int64(1), int64(7), int64(7)}}, again: true},
		{in: "SELECT", rows: [][]any{ints("", 7, 7)}, again: true},
	}}
	res, err := p.Audit(context.Background(), s, Target{Dialect: dialect{}, Table: "t",
		Past: func(metric string, n int) (any, bool) { v, ok := known[metric][n]; return v, ok }})
	if err != nil {
		t.Fatal(err, strings.Join(s.asked, "\n"))
	}
	for _, e := range res.Check.Expectations {
		if e.Verdict != record.Pass {
			t.Errorf("%s: %s %s, asked %s", e.ID, e.Verdict, e.Message, strings.Join(s.asked, "\n"))
		}
	}
}

// TestAudit compares what is asked and what comes out with testdata/audit.
func TestAudit(t *testing.T) {
	p := mustPlan(t, orders, ordersColumns)
	d := digests(p)
	past := func(metric string, n int) (any, bool) {
		if metric == "rows()" && n == 1 {
			return int64(5), true
		}
		return nil, false
	}
	known := Counts{}
	for _, digest := range d {
		known[digest] = Count{Rows: 7, Evaluated: 7}
	}
	// What is asked, in this order: rows and those in scope of email.regex by file,
	// bad rows by rule and file (0 id.not_null, 1 email.regex, 2 priced, 3 cheap,
	// 4 round), then of the table.
	inScope := func(numbers ...int64) answer { return answer{in: "count_if((", rows: [][]any{ints("", numbers...)}} }
	inFile := answer{in: `FROM "part" GROUP BY`, rows: [][]any{{int64(3), int64(3), "a.csv"}}}
	bad := func(rows ...[]any) answer { return answer{in: "dq_n", rows: rows} }
	for _, c := range []struct {
		name    string
		target  Target
		answers []answer
	}{
		{"pass", Target{
			Parts: []Part{{Relation: "part", New: true}}, Known: map[string]Counts{"old": known}, Table: "t", New: "part", Past: past, Samples: 2,
		}, []answer{inFile, bad(), inScope(10, 10), bad(), inScope(10, 10),
			{in: "HAVING count(*) > 1) AS dq_x", rows: [][]any{ints("", 0)}},
			{in: `FROM "t"`, rows: [][]any{ints("", 10, 10)}},
			{in: `FROM "part"`, rows: [][]any{ints("", 3, 3)}},
		}},
		{"fail", Target{
			Parts: []Part{{Relation: "part", New: true}}, Known: map[string]Counts{"old": known}, Table: "t", New: "part", Past: past, Samples: 2,
		}, []answer{
			{in: `FROM "part" GROUP BY`, rows: [][]any{{int64(3), int64(2), "a.csv"}}},
			bad([]any{int64(1), "a.csv", int64(1), int64(0), []any{int64(2)}}, []any{int64(2), "a.csv", int64(1), int64(1), []any{int64(2), int64(4)}}, []any{int64(4), "a.csv", int64(3), int64(0), []any{int64(2), int64(4)}}),
			inScope(10, 9), bad([]any{int64(0), "", int64(2), int64(0), nil}), inScope(10, 10),
			{in: "HAVING count(*) > 1) AS dq_x", rows: [][]any{ints("", 4)}},
			{in: `IN (2, 4)`, columns: "id email customer price " + engine.FileColumn + " " + engine.LineColumn,
				rows: [][]any{{int64(2), "bob", nil, 0.0, "a.csv", int64(4)}, {int64(1), "ann", nil, 1.5, "a.csv", int64(2)}}},
			{in: "HAVING count(*) > 1 ORDER", columns: "id email customer price", rows: [][]any{{int64(4), nil, nil, 2.0}, {int64(4), "b@x", nil, 2.0}}},
			{in: "LIMIT 2", columns: "id email customer price", rows: [][]any{{int64(1), "c@x", int64(99), 1.0}}},
			{in: `FROM "t"`, rows: [][]any{ints("", 10, 10)}},
			{in: `FROM "part"`, rows: [][]any{ints("", 0, 0)}},
		}},
		{"empty", Target{Table: "t"}, []answer{inScope(0, 0), bad(), inScope(0, 0), {in: `FROM "t"`, rows: [][]any{ints("", 0, 0)}}}},
		{"broken", Target{
			Parts: []Part{{Relation: "part", New: true}}, Table: "t", New: "part", Past: past,
		}, []answer{inFile,
			{in: "100", err: errors.New("Conversion Error"), again: true}, // halves with cheap fail
			{in: "dq_n", again: true},
			inScope(3, 3), inScope(3, 3),
			{in: `GROUP BY "id" HAVING`, err: errors.New("out of memory"), again: true},
			{in: `FROM "t"`, rows: [][]any{ints("", 3, 3)}, again: true},
			{in: `FROM "part"`, rows: [][]any{ints("", 3, 3)}},
		}},
		{"missing counts", Target{
			Parts: []Part{{Relation: "part", New: true, Rules: map[string]bool{d["priced"]: true}}}, Known: map[string]Counts{"old": known}, Table: "t", Past: past,
		}, []answer{
			{in: `FROM "part" GROUP BY`, rows: [][]any{{int64(3), "a.csv"}}}, bad(), inScope(10, 10), bad(), inScope(10, 10),
			{in: "HAVING count(*) > 1) AS dq_x", rows: [][]any{ints("", 0)}},
			{in: `FROM "t"`, rows: [][]any{ints("", 10, 10)}},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &script{answers: c.answers}
			c.target.Dialect, c.target.Engine = dialect{}, engine.Info{Name: "script", Version: "1"}
			c.target.Dataset = record.Dataset{Name: "silver.orders", Location: "wh/orders"}
			c.target.Now = time.Date(2011, 1, 1, 0, 0, 0, 0, time.UTC)
			res, err := p.Audit(context.Background(), s, c.target)
			if err != nil {
				t.Fatal(err, strings.Join(s.asked, "\n"))
			}
			var out bytes.Buffer
			for _, sql := range s.asked {
				fmt.Fprintln(&out, p.named(t, sql, c.target.Now))
			}
			enc := json.NewEncoder(&out)
			enc.SetEscapeHTML(false)
			show := func(v any) {
				if err := enc.Encode(v); err != nil {
					t.Fatal(err)
				}
			}
			for _, e := range res.Check.Expectations {
				show(e)
			}
			show(map[string]any{"verdict": res.Check.Verdict, "dataset": res.Check.Dataset, "close": res.Close, "files": res.Files, "metrics": res.Metrics})
			for _, reason := range res.Reasons {
				fmt.Fprintln(&out, reason)
			}
			text := out.String()
			for id, digest := range d { // digests change with the compiler; their places do not
				text = strings.ReplaceAll(text, digest, "<"+id+">")
			}
			golden(t, "testdata/audit/"+strings.ReplaceAll(c.name, " ", "_")+".txt", text)
		})
	}
}

func TestAuditCancelled(t *testing.T) {
	p := mustPlan(t, orders, ordersColumns)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	s := &script{answers: []answer{{in: "SELECT", err: engine.ErrCancelled, again: true}}}
	_, err := p.Audit(ctx, s, Target{Dialect: dialect{}, Parts: []Part{{Relation: "p"}}, Table: "t"})
	if !errors.Is(err, engine.ErrCancelled) || len(s.asked) != 1 {
		t.Errorf("%v after %d queries", err, len(s.asked))
	}
}

// TestSamplePlace: the record of a text file is shown, the position in a Parquet file is not.
func TestSamplePlace(t *testing.T) {
	p := mustPlan(t, "version: 1\nexpectations: {priced: {row: price > 0}}\n", "price double")
	for file, want := range map[string]string{
		"in/orders.csv":                   "1 of 1 row failed price > 0 (100 %); none may; first: price = -1, at in/orders.csv:17",
		"orders.csv.gz":                   "1 of 1 row failed price > 0 (100 %); none may; first: price = -1, at orders.csv.gz:17",
		"20110101T000000Z/part-0.parquet": "1 of 1 row failed price > 0 (100 %); none may; first: price = -1",
	} {
		s := &script{answers: []answer{
			{in: "dq_n", rows: [][]any{{int64(0), file, int64(1), int64(0), []any{int64(17)}}}},
			{in: "GROUP BY", rows: [][]any{{int64(1), file}}},
			{in: "IN (17)", columns: "price " + engine.FileColumn + " " + engine.LineColumn, rows: [][]any{{-1.0, file, int64(17)}}},
			{in: "FROM", rows: [][]any{ints("", 1)}},
		}}
		res, err := p.Audit(context.Background(), s, Target{Dialect: dialect{}, Parts: []Part{{Relation: "p"}}, Table: "t", Samples: 1})
		if err != nil {
			t.Fatal(err)
		}
		e := res.Check.Expectations[0]
		if e.Message != want || len(e.Sample) != 1 || e.Sample[0]["price"] != -1.0 {
			t.Errorf("%s: %q, sample %v", file, e.Message, e.Sample)
		}
		if _, shown := e.Sample[0][engine.FileColumn]; shown != strings.Contains(file, ".csv") {
			t.Errorf("%s: sample %v", file, e.Sample)
		}
	}
}

// TestAuditNonsense: counts that are none are an error, never a pass.
func TestAuditNonsense(t *testing.T) {
	p := mustPlan(t, "version: 1\ncolumns: {a: {not_null: true}}\n", "a int64")
	for _, row := range [][]any{{int64(0), "f", nil, nil, nil}, {int64(0), "f", int64(1)}, {int64(0), "f", "1", int64(0), nil}, {int64(9), "f", int64(1), int64(0), nil}, {nil}} {
		s := &script{answers: []answer{{in: "dq_n", rows: [][]any{row}}, {in: "GROUP BY", rows: [][]any{{int64(1), "f"}}}, {in: "FROM", rows: [][]any{ints("", 1)}}}}
		if res, err := p.Audit(context.Background(), s, Target{Dialect: dialect{}, Parts: []Part{{Relation: "p"}}, Table: "t"}); err == nil && !res.Close {
			t.Errorf("%v passes", row)
		}
	}
}

// TestRefused: what a batch bears to lose.
func TestRefused(t *testing.T) {
	const suite = `version: 1
expectations:
  a: {row: price > 0, on_fail: quarantine%s}
  b: {row: price < 9, on_fail: drop}
`
	for _, c := range []struct {
		name                 string
		options              string
		a, b, rows, returned int64
		verdictA, verdictB   record.Verdict
		closes               bool
	}{
		{"none", "", 0, 0, 0, 100, record.Pass, record.Pass, false},
		{"some", "", 10, 0, 10, 100, record.Warn, record.Pass, false},
		{"half", "", 50, 0, 50, 100, record.Warn, record.Pass, false},
		{"more than half", "", 51, 0, 51, 100, record.Fail, record.Pass, true},
		{"all of one row", "", 1, 0, 1, 1, record.Fail, record.Pass, true},
		{"together more than half", "", 30, 30, 60, 100, record.Fail, record.Fail, true},
		{"the same rows twice", "", 30, 30, 30, 100, record.Warn, record.Warn, false},
		{"mostly bears it", ", mostly: 0.3", 70, 0, 70, 100, record.Warn, record.Pass, false},
		{"mostly does not", ", mostly: 0.31", 70, 0, 70, 100, record.Fail, record.Pass, true},
		{"mostly bears less than half", ", mostly: 0.99", 2, 0, 2, 100, record.Fail, record.Pass, true},
		{"mostly is not added up", ", mostly: 0.3", 60, 1, 61, 100, record.Warn, record.Warn, false},
		{"max_failed", ", max_failed: 5", 6, 0, 6, 100, record.Fail, record.Pass, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := mustPlan(t, fmt.Sprintf(suite, c.options), "price double")
			left := c.returned - c.rows
			s := &script{answers: []answer{
				{in: "dq_n"},
				{in: "GROUP BY", rows: [][]any{{left, "f"}}},
				{in: "FROM", rows: [][]any{ints("", left)}},
			}}
			if left == 0 {
				s.answers[1].rows = nil
			}
			res, err := p.Audit(context.Background(), s, Target{Dialect: dialect{}, Parts: []Part{{Relation: "p", New: true}}, Table: "t",
				Taken: &Taken{Rows: c.rows, ByRule: map[string]int64{"a": c.a, "b": c.b}}, Returned: c.returned})
			if err != nil {
				t.Fatal(err)
			}
			a, b := res.Check.Expectations[0], res.Check.Expectations[1]
			if left == 0 {
				c.verdictB = record.Vacuous
			}
			if a.Verdict != c.verdictA || b.Verdict != c.verdictB || res.Close != c.closes {
				t.Errorf("a %s, b %s, close %v: %s", a.Verdict, b.Verdict, res.Close, a.Message)
			}
			if a.Failed != c.a || a.Evaluated != left+c.a {
				t.Errorf("of %d rows %d failed", a.Evaluated, a.Failed)
			}
		})
	}
}

func TestOnEmpty(t *testing.T) {
	for options, want := range map[string]struct {
		verdict, check record.Verdict
		closes         bool
	}{
		"":               {record.Vacuous, record.Vacuous, true},
		"on_empty: warn": {record.Vacuous, record.Vacuous, true},
		"on_empty: pass": {record.Pass, record.Pass, false},
		"on_empty: fail": {record.Fail, record.Fail, true},
	} {
		p := mustPlan(t, "version: 1\n"+options+"\nexpectations: {a: {row: price > 0}}\n", "price double")
		s := &script{answers: []answer{{in: "dq_n"}, {in: "GROUP BY"}, {in: "FROM", rows: [][]any{ints("", 0)}}}}
		res, err := p.Audit(context.Background(), s, Target{Dialect: dialect{}, Parts: []Part{{Relation: "p"}}, Table: "t"})
		if err != nil {
			t.Fatal(err)
		}
		if got := res.Check.Expectations[0].Verdict; got != want.verdict || res.Check.Verdict != want.check || res.Close != want.closes {
			t.Errorf("%q: %s, check %s, close %v", options, got, res.Check.Verdict, res.Close)
		}
	}
}

// TestSplit compares the SQL that takes rows out of a batch.
func TestSplit(t *testing.T) {
	p := mustPlan(t, `version: 1
expectations:
  priced: {row: price > 0, where: 'email != "x"', on_fail: quarantine}
  known: {references: {column: customer, to: silver.customers.id}, on_fail: drop}
  once: {unique: [id, customer], on_fail: quarantine}
  past: {not_in_future: {column: at}, on_fail: drop}
`, ordersColumns+", at timestamp")
	if _, _, err := p.Split(dialect{}, ""); err == nil || !strings.Contains(err.Error(), "clock") {
		t.Errorf("without a clock: %v", err)
	}
	p = p.At(time.Date(2011, 1, 1, 0, 0, 0, 0, time.UTC))
	split, ok, err := p.Split(dialect{}, "silver.orders")
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	reasons, err := p.Reasons(dialect{}, "refused", "silver.orders")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/split.sql", p.named(t, split, p.now)+"\n\n"+p.named(t, reasons, p.now)+"\n")
	if _, ok, err := mustPlan(t, orders, ordersColumns).Split(dialect{}, ""); ok || err != nil {
		t.Errorf("a suite that refuses nothing: %v, %v", ok, err)
	}
}

// TestDigest: the identity of a rule is what it means.
func TestDigest(t *testing.T) {
	digest := func(rule, columns string) string {
		p := mustPlan(t, "version: 1\nlet: {net: q * p}\nexpectations: {x: "+rule+"}\n", columns)
		if len(p.RowRules()) != 1 {
			return ""
		}
		return p.RowRules()[0].Digest
	}
	const columns = "q int64, p double, c int64"
	base := digest("{row: net > 0}", columns)
	for rule, same := range map[string]bool{
		"{row: q * p > 0}":                           true,
		"{row: 'q*p   >   0', description: other}":   true,
		"{row: net > 0, mostly: 0.5, on_fail: warn}": true,
		"{row: net > 1}":                             false,
		"{row: net > 0, where: c > 0}":               false,
	} {
		if got := digest(rule, columns); (got == base) != same || len(got) != 16 {
			t.Errorf("%s: %s, base %s", rule, got, base)
		}
	}
	if digest("{row: net > 0}", "q int32, p double, c int64") == base {
		t.Error("column types do not count")
	}
	if digest("{row: net > 0}", "p double, c string, q int64") != base {
		t.Error("other columns count")
	}
	for _, rule := range []string{"{unique: [q]}", "{references: {column: q, to: silver.customers.id}}", "{table: rows() > 0}"} {
		if digest(rule, columns) != "" {
			t.Errorf("%s is taken for a rule on its own row", rule)
		}
	}
}
