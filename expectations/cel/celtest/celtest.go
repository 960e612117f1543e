// Package celtest proves that the SQL of package cel says on an engine what the
// reference says, row by row and metric by metric:
//
//	func TestCEL(t *testing.T) {
//		celtest.Run(t, func(t *testing.T) engine.Engine { return open(t) })
//	}
//
// The rows hold what engines and CEL tend to disagree on (nulls, NaN, the ends
// of every type, digits that do not fit, odd spaces). The expressions are the
// lines of rows.txt and metrics.txt and random ones from a fixed seed, as rules and
// as arguments of aggregates.
package celtest

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/expectations/cel"
	"github.com/dq-dev/dq/table"
)

//go:embed rows.txt
var rowCases string

//go:embed metrics.txt
var metricCases string

const (
	randomExpressions = 1000
	randomArguments   = 600
	rowsOfTable       = 300
	perQuery          = 25
	largestSQL        = 30_000 // bytes of one random expression, beyond which planning is all that takes time
)

// relation is what the rows are attached as.
const relation = "celtest"

// Run compares an engine with the reference; it closes the engine.
func Run(t *testing.T, open func(t *testing.T) engine.Engine) { run(t, open(t), 7, randomExpressions) }

func run(t *testing.T, e engine.Engine, seed uint64, expressions int) {
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	s, err := e.Session(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	r := rand.New(rand.NewPCG(seed, 11))
	c := &comparison{t: t, session: s, dialect: e.Dialect(), schema: Schema, rows: randomRows(r, Schema, rowsOfTable), facts: facts()}
	env, err := cel.NewEnv(Schema, nil)
	if err != nil {
		t.Fatal(err)
	}
	c.env = env
	c.attach(relation, c.rows)
	attachKeys(t, s, c.dialect)

	t.Run("rows", func(t *testing.T) {
		said, unsaid := split(lines(rowCases))
		c.on(t).compareRows(said, true)
		c.on(t).refuse(unsaid)
		if _, ok := s.(engine.Computer); ok {
			c.on(t).compareRows(unsaid, true)
		}
	})
	t.Run("conformance", func(t *testing.T) { c.on(t).compareConformance() })
	t.Run("examples", func(t *testing.T) {
		var sources []string
		for _, f := range cel.Functions() {
			sources = append(sources, f.Examples...)
		}
		c.on(t).compareRows(sources, false)
	})
	t.Run("random rows", func(t *testing.T) {
		g := &generator{Rand: r}
		var sources []string
		for range expressions {
			sources = append(sources, g.condition(3))
		}
		c.on(t).compareRows(sources, false)
	})
	t.Run("metrics", func(t *testing.T) {
		if found := c.on(t).compareMetrics(relation, c.rows); found == 0 {
			t.Error("no argument erred")
		}
	})
	t.Run("random arguments", func(t *testing.T) {
		g := &generator{Rand: r}
		var sources []string
		for range min(randomArguments, expressions) {
			sources = append(sources, g.argument(3))
		}
		c := c.on(t)
		c.compareErrors(relation, c.rows, sources)
		full := fullRows(r, rowsOfTable)
		c.attach("celtest_full", full)
		c.compareErrors("celtest_full", full, sources)
	})
	for _, small := range []struct {
		name string
		rows []map[string]any
	}{{"no rows", nil}, {"one row", c.rows[1:2]}, {"two rows", c.rows[1:3]}, {"nulls", []map[string]any{{}, {}}}, {"rows without nulls", fullRows(r, 40)}} {
		t.Run("metrics of "+small.name, func(t *testing.T) {
			c := c.on(t)
			c.attach("celtest_small", small.rows)
			c.compareMetrics("celtest_small", small.rows)
		})
	}
	t.Run("narrow numbers", func(t *testing.T) { narrow(c.on(t), r) })
}

// narrow compares what engines compute in the type of a small column, which does
// not hold the result.
func narrow(c *comparison, r *rand.Rand) {
	c.schema = schema("n int64", "tiny int8", "d decimal(18,3)", "one decimal(1,0)", "nums array<int8>", "counts map<string,int16>",
		"addr struct<zip:int8,fee:decimal(2,1)>", "items array<struct<n:int8>>", "fees array<decimal(2,1)>")
	env, err := cel.NewEnv(c.schema, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	c.env, c.rows = env, randomRows(r, c.schema, 60)
	c.attach(relation, c.rows)
	var sources []string
	for _, x := range []string{"tiny", "one", "nums[0]", "counts['a']", "addr.zip", "addr.fee", "items[0].n", "fees[0]", "(n > 3 ? tiny : nums[0])", "(n > 3 ? one : fees[0])", "-nums[0]", "math.abs(nums[0])"} {
		for _, y := range []string{"d", "one", "nums[1]", "1.25", "100"} {
			for _, op := range []string{"+", "-", "*"} {
				sources = append(sources, fmt.Sprintf("%s %s %s == d", x, op, y), fmt.Sprintf("%s %s %s > %s", y, op, x, x))
			}
		}
	}
	c.compareRows(sources, false)
}

func facts() cel.Facts {
	return cel.Facts{
		Now: time.Date(2024, 2, 29, 12, 30, 0, 123456000, time.UTC),
		Exists: func(r cel.Ref, v any) bool {
			return slices.ContainsFunc(keyRows, func(row map[string]any) bool {
				return row[r.Column] != nil && canonicalNumber(row[r.Column]) == canonicalNumber(v)
			})
		},
		Column: func(r cel.Ref) []any {
			var values []any
			for _, row := range keyRows {
				values = append(values, row[r.Column])
			}
			return values
		},
	}
}

func lines(text string) []string {
	var out []string
	for _, l := range strings.Split(text, "\n") {
		if l = strings.TrimSpace(l); l != "" && !strings.HasPrefix(l, "//") {
			out = append(out, l)
		}
	}
	return out
}

// split takes the cases that no dialect is to say, which begin with unsaid:, apart.
func split(all []string) (said, unsaid []string) {
	for _, l := range all {
		if rest, ok := strings.CutPrefix(l, "unsaid: "); ok {
			unsaid = append(unsaid, rest)
		} else {
			said = append(said, l)
		}
	}
	return said, unsaid
}

// refuse needs rules that compile and that the dialect does not say.
func (c *comparison) refuse(sources []string) {
	for _, src := range sources {
		rule, err := c.env.Row(src)
		if err != nil {
			c.t.Errorf("%s: %v", src, err)
			continue
		}
		if sql, err := rule.With(c.facts).SQL(c.dialect); !errors.As(err, new(*cel.Unsupported)) {
			c.t.Errorf("%s is said: %s, %v", src, sql, err)
		}
	}
}

type comparison struct {
	t       *testing.T
	session engine.Session
	dialect engine.Dialect
	env     *cel.Env
	schema  table.Schema
	rows    []map[string]any
	facts   cel.Facts
}

// saying are facts by which SQL can call the reference evaluator for what the
// dialect cannot say, if the engine can.
func (c *comparison) saying() cel.Facts {
	facts := c.facts
	if computer, ok := c.session.(engine.Computer); ok {
		facts.Compute = computer.Compute
	}
	return facts
}

func (c *comparison) on(t *testing.T) *comparison {
	other := *c
	other.t = t
	return &other
}

func (c *comparison) attach(name string, rows []map[string]any) {
	c.t.Helper()
	if _, err := c.session.Attach(context.Background(), engine.Input{Name: name, SQL: rowsSQL(c.dialect, c.schema, rows), Materialise: true}); err != nil {
		c.t.Fatalf("attach %s: %v", name, err)
	}
}

// compareRows compares the verdicts of all rows. What does not compile is an
// error if the sources are meant to compile; what a dialect cannot say is skipped.
func (c *comparison) compareRows(sources []string, must bool) {
	type compiled struct {
		src, sql string
		rule     *cel.Rule
	}
	var rules []compiled
	unsupported := 0
	for _, src := range sources {
		rule, err := c.env.RowOver(src, nil)
		if err != nil {
			if must {
				c.t.Errorf("%s: %v", src, err)
			}
			continue
		}
		facts := c.saying()
		facts.Metrics = rule.Measure(c.rows, facts) // the first pass of rules with aggregates
		rule = rule.With(facts)
		sql, err := rule.SQL(c.dialect)
		var u *cel.Unsupported
		if errors.As(err, &u) && !must {
			unsupported++
			continue
		}
		if err != nil {
			c.t.Errorf("%s: %v", src, err)
			continue
		}
		if len(sql) > largestSQL {
			continue
		}
		rules = append(rules, compiled{src, sql, rule})
	}
	if len(sources) > 100 && len(rules)*3 < len(sources) {
		c.t.Errorf("of %d expressions only %d could be compared", len(sources), len(rules))
	}
	wrong, passed, failed, errored := 0, 0, 0, 0
	for start := 0; start < len(rules) && wrong < 30; start += perQuery {
		batch := rules[start:min(start+perQuery, len(rules))]
		items := make([]string, len(batch))
		for i, b := range batch {
			items[i] = b.sql
		}
		from := ""
		for _, b := range batch {
			from += c.windows(b.rule)
		}
		answers, err := c.query(items, from)
		if err != nil {
			for _, b := range batch {
				if _, err := c.query([]string{b.sql}, c.windows(b.rule)); err != nil {
					wrong++
					c.t.Errorf("%s stops the query\n%s\n%v", b.src, b.sql, err)
				}
			}
			continue
		}
		for i, b := range batch {
			rows := c.rows
			if len(b.rule.Windows()) > 0 {
				rows = b.rule.Neighbours(rows, c.facts)
			}
			for n, row := range rows {
				want := b.rule.Eval(row)
				got := "error"
				switch answers[n][i] {
				case true:
					got, passed = "true", passed+1
				case false:
					got, failed = "false", failed+1
				default:
					errored++
				}
				if got != want.Value.String() {
					wrong++
					c.t.Errorf("%s\nSQL gives %s, the reference %v\n%s\nrow %v", b.src, got, want, b.sql, show(row, b.rule.Columns()))
					break
				}
			}
		}
	}
	c.t.Logf("%d expressions (%d more are not said by the dialect) over %d rows: %d true, %d false, %d errors",
		len(rules), unsupported, len(c.rows), passed, failed, errored)
}

// windows are the columns of neighbours' values that a rule needs, each with a
// comma before it.
func (c *comparison) windows(rule *cel.Rule) (items string) {
	for _, w := range rule.Windows() {
		sql, err := w.SQL(c.dialect)
		if err != nil {
			c.t.Errorf("%s: %v", w.Text, err)
			continue
		}
		items += ", " + sql + " AS " + c.dialect.Ident(w.Text)
	}
	return items
}

// query evaluates SQL expressions over the rows, in their order.
func (c *comparison) query(items []string, windows string) ([][]any, error) {
	var b strings.Builder
	b.WriteString("SELECT ")
	for i, sql := range items {
		fmt.Fprintf(&b, "%s AS r%d, ", sql, i)
	}
	b.WriteString("n FROM (SELECT *" + windows + " FROM " + relation + ") ORDER BY n")
	rows, err := c.session.Query(context.Background(), b.String())
	if err != nil {
		return nil, err
	}
	if len(rows.Values) != len(c.rows) {
		return nil, fmt.Errorf("%d rows came back of %d", len(rows.Values), len(c.rows))
	}
	return rows.Values, nil
}

func show(row map[string]any, columns []string) string {
	var parts []string
	for _, name := range columns {
		parts = append(parts, fmt.Sprintf("%s=%#v", name, row[name]))
	}
	return strings.Join(parts, " ")
}

// compareMetrics compares each metric of metrics.txt, with and without a where,
// and what is judged from them. It returns how many rows an argument erred in.
func (c *comparison) compareMetrics(relation string, rows []map[string]any) (erred int64) {
	count := 0
	for _, where := range []string{"", "b", "i > 3", "s != 'a'", "false"} {
		for _, src := range lines(metricCases) {
			n, bad := c.compareMetric(relation, rows, src, where, true)
			count, erred = count+n, erred+bad
		}
	}
	c.t.Logf("%d metrics over %d rows; arguments erred %d times", count, len(rows), erred)
	return erred
}

// compareMetric compares what a rule on an aggregate measures, and what is judged
// from that. It returns how many metrics there were, and how many rows an argument
// erred in.
func (c *comparison) compareMetric(relation string, rows []map[string]any, src, where string, must bool) (count int, erred int64) {
	var filter *cel.Rule
	var err error
	if where != "" {
		filter, err = c.env.Row(where)
	}
	var rule *cel.Rule
	if err == nil {
		rule, err = c.env.Table(src+" == null", filter)
	}
	if err != nil {
		if must {
			c.t.Errorf("%s where %q: %v", src, where, err)
		}
		return 0, 0
	}
	rule = rule.With(c.saying())
	want, values := rule.Measure(rows, c.facts), map[string]any{}
	for _, m := range rule.Metrics() {
		sql, err := m.SQL(c.dialect, c.dialect.Relation(relation))
		if !must && (errors.As(err, new(*cel.Unsupported)) || len(sql) > largestSQL) {
			return count, erred
		}
		if err != nil {
			c.t.Errorf("%s: %v", m.Text, err)
			continue
		}
		got, err := c.session.Query(context.Background(), "SELECT "+sql+" AS m FROM "+c.dialect.Relation(relation))
		if err != nil {
			c.t.Errorf("%s: %v\n%s", m.Text, err, sql)
			continue
		}
		count++
		values[m.Text] = got.Values[0][0]
		if n, ok := values[m.Text].(int64); ok && m.Errors {
			erred += n
		}
		if !same(got.Values[0][0], want[m.Text]) {
			c.t.Errorf("%s\nSQL gives %#v, the reference %#v\n%s", m.Text, got.Values[0][0], want[m.Text], sql)
		}
	}
	if got, want := rule.Judge(values, c.facts), rule.EvalTable(rows, c.facts); got != want {
		c.t.Errorf("%s where %q\nthe engine's metrics give %v, the reference %v", src, where, got, want)
	}
	return count, erred
}

// compareErrors compares in how many rows each argument erred though none of its
// columns is null: as counted row by row, by the reference and by the engine.
func (c *comparison) compareErrors(relation string, rows []map[string]any, sources []string) {
	unsaid, counted, never, wrong := 0, 0, 0, 0
	for _, src := range sources {
		row, err := c.env.Row("(" + src + ") == null") // errs where the argument does
		if err != nil {
			continue
		}
		rule, err := c.env.Table("distinct("+src+") == 0", nil)
		if err != nil {
			c.t.Errorf("%s: %v", src, err)
			continue
		}
		rule = rule.With(c.saying())
		own := erring(src, row.With(c.facts), rows)
		var metric *cel.Metric
		for _, m := range rule.Metrics() {
			if m.Errors {
				metric = &m
			}
		}
		if metric == nil {
			if never++; own > 0 {
				wrong++
				c.t.Errorf("%s errs in %d rows, and nothing counts them", src, own)
			}
			continue
		}
		sql, err := metric.SQL(c.dialect, relation)
		if errors.As(err, new(*cel.Unsupported)) {
			unsaid++
			continue
		}
		if err != nil {
			c.t.Fatalf("%s: %v", metric.Text, err)
		}
		answer, err := c.session.Query(context.Background(), "SELECT "+sql+" FROM "+relation)
		if err != nil {
			c.t.Fatalf("%s stops the query\n%s\n%v", metric.Text, sql, err)
		}
		counted++
		if got, want := answer.Values[0][0], rule.Measure(rows, c.facts)[metric.Text]; got != own || want != own {
			wrong++
			c.t.Errorf("%s errs in %d rows; SQL counts %v, the reference %v\n%s", src, own, got, want, sql)
		}
		if wrong == 30 {
			return
		}
	}
	if counted == 0 || never == 0 || (counted+never)*2 < len(sources) {
		c.t.Errorf("of %d arguments, %d that may err and %d that cannot could be compared", len(sources), counted, never)
	}
	c.t.Logf("%d arguments that may err (%d more are not said by the dialect) and %d that cannot over %d rows", counted, unsaid, never, len(rows))
}

// erring counts the rows in which a rule errs though none of its columns, or of
// the fields of structs that it reads, is null.
func erring(src string, rule *cel.Rule, rows []map[string]any) (n int64) {
	columns := rule.Columns()
	for _, row := range rows {
		null := slices.ContainsFunc(columns, func(name string) bool { return row[name] == nil })
		address, _ := row["addr"].(map[string]any)
		for field, v := range address {
			null = null || v == nil && strings.Contains(src, "addr."+field)
		}
		if !null && rule.Eval(row).Value == cel.Err {
			n++
		}
	}
	return n
}

// same compares two values of a metric; doubles at 11 digits, since a sum next to
// the middle of two neighbours at 12 digits may go either way.
func same(a, b any) bool {
	x, ok := a.(float64)
	y, ok2 := b.(float64)
	if ok && ok2 {
		return x == y || math.IsNaN(x) && math.IsNaN(y) || math.Abs(x-y) <= 1e-11*math.Max(math.Abs(x), math.Abs(y)) || math.Abs(x-y) < 1e-9
	}
	if text, ok := a.(string); ok { // a sum of more digits than a decimal of the engine has
		if _, ok := b.(engine.Decimal); ok {
			a = engine.Decimal(text)
		}
	}
	return canonicalNumber(a) == canonicalNumber(b)
}

// canonicalNumber writes a value; whole decimals and ints alike, since an engine
// gives wide ints as decimals.
func canonicalNumber(v any) string {
	switch x := v.(type) {
	case time.Time:
		return x.UTC().Format(time.RFC3339Nano)
	case engine.Decimal:
		s := string(x)
		if strings.Contains(s, ".") {
			s = strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
		}
		return s
	case []byte:
		return fmt.Sprintf("%x", x)
	}
	return fmt.Sprint(v)
}

// Schema is the schema of the rows: two columns of most types.
var Schema = schema(
	"n int64", "i int64", "k int64", "j int32", "tiny int8", "x double", "y double", "v double", "f float",
	"d decimal(18,3)", "e decimal(10,2)", "h decimal(38,4)", "z decimal(3,3)", "s string", "u string", "b bool", "c bool",
	"ts timestamp", "tn timestamp_ntz", "da date", "db date", "bin binary", "tags array<string>", "Invoice No string",
	"code string", "addr struct<city:string,zip:int64,seen:timestamp,rate:float,fee:decimal(10,2)>", "nums array<int64>", "rates array<double>", "fees array<decimal(10,2)>",
	"counts map<string,int64>", "names map<int64,string>", "items array<struct<sku:string,price:decimal(10,2),n:int32>>", "times array<timestamp>",
)

func schema(columns ...string) table.Schema {
	var s table.Schema
	for _, column := range columns {
		i := strings.LastIndex(column, " ")
		t, err := table.ParseType(column[i+1:])
		if err != nil {
			panic(err)
		}
		s.Fields = append(s.Fields, table.Field{Name: column[:i], Type: t, Nullable: true})
	}
	return s
}
