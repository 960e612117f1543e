package expectations

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/expectations/cel"
	"github.com/dq-dev/dq/internal/yamlpos"
	"github.com/dq-dev/dq/record"
	"github.com/dq-dev/dq/table"
)

// test is rows, and the verdicts that expectations must give on them.
type test struct {
	name   string
	node   *yamlpos.Node
	schema table.Schema
	rows   []map[string]any
	before []Relation // earlier versions, the newest first
	refs   map[string]Relation
	now    time.Time
	want   []wanted
}

type wanted struct {
	id      string
	verdict record.Verdict
	node    *yamlpos.Node
}

// Relation is a small table in memory. Values are as in [engine.Rows].
type Relation struct {
	Schema table.Schema
	Rows   []map[string]any
}

// TestResult is what one of the suite's own tests gave.
type TestResult struct {
	Name     string `json:"name"`
	Position string `json:"position"`
	// Failures say what came out otherwise than expected; none is a passed test.
	Failures []TestFailure `json:"failures,omitempty"`
}

// TestFailure is an expectation of a test that gave another verdict.
type TestFailure struct {
	ID       string         `json:"id"`
	Want     record.Verdict `json:"want"`
	Got      record.Verdict `json:"got"`
	Message  string         `json:"message,omitempty"`
	Position string         `json:"position"`
}

var verdicts = []string{"pass", "warn", "fail", "error", "vacuous", "skipped"}

func (s *Suite) readTests(n *yamlpos.Node, known spoken) {
	for i, t := range n.List("tests", false) {
		f := t.Map("a test", "name", "rows", "before", "expect", "now", "tables")
		need(t, f, "rows", "expect")
		x := test{name: optional(f["name"]), node: t, now: testTime(f["now"])}
		if x.name == "" {
			x.name = fmt.Sprintf("test %d", i+1)
		}
		if f["rows"] != nil {
			known.check(f["rows"])
		}
		if f["before"] != nil {
			for _, version := range f["before"].Items {
				known.check(version)
			}
		}
		x.schema = s.testSchema(f["rows"], f["before"])
		x.rows = rowsOf(f["rows"], x.schema)
		x.before = readBefore(f["before"], x.schema)
		x.refs = readRelations(f["tables"])
		for _, e := range f["expect"].Pairs("expect") {
			w := wanted{e.Key.Text, record.Verdict(e.Value.OneOf("verdict", verdicts...)), e.Value}
			if hint, ok := s.unknown(w.id); ok {
				e.Key.Errorf(hint, "there is no expectation %q", w.id)
			}
			x.want = append(x.want, w)
		}
		s.tests = append(s.tests, x)
	}
}

// unknown reports whether the suite has no expectation of that id, with a hint. When
// the same kind stands at a column of nearly that name, either may be misspelt.
func (s *Suite) unknown(id string) (string, bool) {
	ids := make([]string, len(s.Expectations))
	for i, e := range s.Expectations {
		ids[i] = e.ID
	}
	if slices.Contains(ids, id) {
		return "", false
	}
	near := yamlpos.Nearest(id, ids)
	column, kind, _ := strings.Cut(id, ".")
	if other, same, ok := strings.Cut(near, "."); ok && kind == same && other != column {
		for _, c := range s.Columns {
			if c.Name == other {
				return fmt.Sprintf("the suite has a column %s (%s): one of the two is misspelt", other, c.Position), true
			}
		}
	}
	return yamlpos.DidYouMean(id, ids), true
}

// testTime is what now() gives in a test: midnight of 2000-01-01 if it does not say.
func testTime(n *yamlpos.Node) time.Time {
	if n == nil {
		return time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	t, err := parseTime(n.String())
	if err != nil && !n.Null {
		n.Errorf("write '2011-01-31T08:00:00Z'", "%q is no time", n.Text)
	}
	return t
}

// readBefore reads the rows of earlier versions: [[{c: 1}], [{c: 2}, {c: 3}]].
func readBefore(n *yamlpos.Node, schema table.Schema) []Relation {
	var before []Relation
	for _, rows := range n.List("before", false) {
		before = append(before, Relation{schema, rowsOf(rows, schema)})
	}
	return before
}

// testSchema has the declared columns, and those of the rows and of the rows before
// that are not, with the types of their values.
func (s *Suite) testSchema(rows, before *yamlpos.Node) table.Schema {
	var schema table.Schema
	for _, c := range s.Columns {
		if c.Type != nil {
			schema.Fields = append(schema.Fields, table.Field{Name: c.Name, Type: *c.Type, Nullable: true})
		}
	}
	var all []*yamlpos.Node
	if rows != nil {
		all = rows.Items
	}
	if before != nil {
		for _, version := range before.Items {
			all = append(slices.Clip(all), version.Items...)
		}
	}
	for _, r := range all {
		for _, e := range r.Entries {
			if _, ok := schema.Field(e.Key.Text); ok {
				continue
			}
			if t, ok := guess(e.Value); ok {
				schema.Fields = append(schema.Fields, table.Field{Name: e.Key.Text, Type: t, Nullable: true})
			}
		}
	}
	for _, r := range all { // columns of nothing but nulls
		for _, e := range r.Entries {
			if _, ok := schema.Field(e.Key.Text); !ok {
				schema.Fields = append(schema.Fields, table.Field{Name: e.Key.Text, Type: table.Type{Kind: table.String}, Nullable: true})
			}
		}
	}
	for _, c := range s.Columns {
		if _, ok := schema.Field(c.Name); !ok {
			schema.Fields = append(schema.Fields, table.Field{Name: c.Name, Type: table.Type{Kind: table.String}, Nullable: true})
		}
	}
	return schema
}

// readRelations reads tables: {name: {columns: {c: type}, rows: [...]}}.
func readRelations(n *yamlpos.Node) map[string]Relation {
	out := map[string]Relation{}
	for _, e := range n.Pairs("tables") {
		f := e.Value.Map("a table", "columns", "rows")
		need(e.Value, f, "columns", "rows")
		schema := readSchema(f["columns"])
		out[e.Key.Text] = Relation{schema, rowsOf(f["rows"], schema)}
	}
	return out
}

func readSchema(n *yamlpos.Node) table.Schema {
	var schema table.Schema
	for _, e := range n.Pairs("columns") {
		t, err := table.ParseType(e.Value.String())
		if err != nil {
			e.Value.Errorf("", "%s", err)
			continue
		}
		schema.Fields = append(schema.Fields, table.Field{Name: e.Key.Text, Type: t, Nullable: true})
	}
	return schema
}

// Test runs the suite's own tests with the reference evaluator: no table and no
// engine. A rule that does not compile for a test's columns is a failure of it.
func (s *Suite) Test() []TestResult {
	var out []TestResult
	for _, t := range s.tests {
		out = append(out, s.run(t))
	}
	return out
}

func (s *Suite) run(t test) TestResult {
	res := TestResult{Name: t.name, Position: t.node.Position()}
	for _, w := range t.want {
		one := s.Only(w.id)
		got := one.reference(Relation{one.withAbsent(t.schema, t.refs), t.rows}, t.before, t.refs, t.now)
		if got.Verdict != w.verdict {
			res.Failures = append(res.Failures, TestFailure{ID: w.id, Want: w.verdict, Got: got.Verdict, Message: got.Message, Position: w.node.Position()})
		}
	}
	return res
}

// absent is what [Suite.Plan] says of a column that nothing is like.
var absent = regexp.MustCompile(`^there is no column (\S+)$`)

// withAbsent adds the columns that the suite's one rule reads and that neither
// the suite nor the test's rows have: they are null in the test. Each has the
// first type with which the rule compiles best. A name that is like a known one
// is left to be an error.
func (s *Suite) withAbsent(schema table.Schema, refs map[string]Relation) table.Schema {
	schemas := map[string]table.Schema{}
	for name, r := range refs {
		schemas[name] = r.Schema
	}
	wrong := func(schema table.Schema) yamlpos.Errors {
		var errs yamlpos.Errors
		_, err := s.Plan(schema, schemas)
		errors.As(err, &errs)
		return errs
	}
	errs := wrong(schema)
	for _, e := range errs {
		m := absent.FindStringSubmatch(e.Message)
		if m == nil || e.Hint != "" {
			continue
		}
		if _, known := schema.Field(m[1]); known {
			continue
		}
		best := schema
		for _, kind := range []table.Kind{table.String, table.Int64, table.Double, table.Bool, table.Timestamp, table.Date} {
			wider := table.Schema{Fields: append(slices.Clone(schema.Fields), table.Field{Name: m[1], Type: table.Type{Kind: kind}, Nullable: true})}
			if left := wrong(wider); len(left) < len(errs) {
				best, errs = wider, left
			}
		}
		schema = best
	}
	return schema
}

// Only is the suite with that expectation alone, and the lets and columns that it
// could need: rows that it judges need not have what other rules look at.
func (s *Suite) Only(id string) *Suite {
	q := *s
	q.Expectations = nil
	for _, e := range s.Expectations {
		if e.ID == id {
			q.Expectations = []Expectation{e}
			text := e.CEL + " " + e.Where
			q.lets = nil
			for i := len(s.lets) - 1; i >= 0; i-- { // a let uses earlier ones
				if strings.Contains(text, s.lets[i].Name) {
					q.lets = append([]cel.Let{s.lets[i]}, q.lets...)
					text += " " + s.lets[i].Source
				}
			}
		}
	}
	return &q
}

// reference judges a suite of one expectation by the reference evaluator.
func (s *Suite) reference(rel Relation, before []Relation, refs map[string]Relation, now time.Time) record.Expectation {
	schemas := map[string]table.Schema{}
	for name, r := range refs {
		schemas[name] = r.Schema
	}
	p, err := s.planTest(rel.Schema, schemas)
	if err != nil {
		return record.Expectation{Verdict: record.Error, Message: err.Error()}
	}
	facts := cel.Facts{Now: now, Exists: func(ref cel.Ref, v any) bool {
		for _, row := range refs[ref.Table].Rows {
			if row[ref.Column] != nil && keyText(row[ref.Column]) == keyText(v) {
				return true
			}
		}
		return false
	}, Column: func(ref cel.Ref) []any {
		var values []any
		for _, row := range refs[ref.Table].Rows {
			values = append(values, row[ref.Column])
		}
		return values
	}}
	r := p.rules[0]
	var past [][]map[string]any
	for _, b := range before {
		past = append(past, append([]map[string]any{}, b.Rows...)) // not nil: the version is there
	}
	e := r.verdict(p, r.referenceTally(p, rel.Rows, past, facts), Target{})
	e.DecidedBy = "reference"
	return e
}

// noColumn finds the column that a rule asks for and no row of a test has.
var noColumn = regexp.MustCompile("^there is no column ([A-Za-z_][A-Za-z0-9_]*)$")

// planTest is Plan for the rows of a test. A column that neither the rows nor the
// suite's columns speak of is null in all of them; its type is one that the rule
// can compare, unless the name looks like a slip of the pen.
func (s *Suite) planTest(schema table.Schema, refs map[string]table.Schema) (*Plan, error) {
	p, err := s.Plan(schema, refs)
	var wrong yamlpos.Errors
	if !errors.As(err, &wrong) {
		return p, err
	}
	missing := map[string]bool{}
	for _, e := range wrong {
		if m := noColumn.FindStringSubmatch(e.Message); m != nil && e.Hint == "" {
			missing[m[1]] = true
		}
	}
	if len(missing) == 0 {
		return nil, err
	}
	for _, kind := range []table.Kind{table.String, table.Int64, table.Double, table.Bool, table.Timestamp, table.Date} {
		with := table.Schema{Fields: slices.Clone(schema.Fields)}
		for _, name := range sortedKeys(missing) {
			with.Fields = append(with.Fields, table.Field{Name: name, Type: table.Type{Kind: kind}, Nullable: true})
		}
		if p, failed := s.Plan(with, refs); failed == nil {
			return p, nil
		}
	}
	return nil, err
}

// referenceTally counts with the reference evaluator. before are the rows of earlier
// versions, the newest first; nil is a version that is no past.
func (r *rule) referenceTally(p *Plan, rows []map[string]any, before [][]map[string]any, facts cel.Facts) *tally {
	t := &tally{judged: true}
	if r.sql != "" {
		t.problem = "SQL needs an engine: dq check judges it"
		return t
	}
	if r.grouped() {
		r.referenceGroups(p, t, rows, before, facts)
		return t
	}
	t.Rows = int64(len(rows))
	sample := func(row map[string]any) {
		if len(t.sample) == 0 {
			values := make([]any, len(p.schema.Fields))
			for i, f := range p.schema.Fields {
				values[i] = row[f.Name]
			}
			t.sample = append(t.sample, p.sampleRow(p.schema.Names(), values))
		}
	}
	if r.row != nil {
		if len(r.row.Metrics()) > 0 {
			facts.Metrics = r.row.Measure(rows, facts)
			r.row.Recall(facts.Metrics, facts, before)
			if o := r.row.Settle(facts.Metrics); o.Value != cel.True {
				t.outcome = &o
				return t
			}
		}
		if len(r.row.Windows()) > 0 {
			rows = r.row.Neighbours(rows, facts)
		}
		stateOf := r.stateOf(facts)
		t.Rows = 0
		for _, row := range rows {
			state := stateOf(row)
			t.note(state)
			if state == stateFailed || state == stateErrored {
				sample(row)
			}
		}
		return t
	}
	scope := r.inScopeOf(facts)
	var inScope []map[string]any
	for _, row := range rows {
		switch scope(row) {
		case statePassed:
			inScope = append(inScope, row)
		case stateErrored:
			t.Errored++
		}
	}
	if t.Errored > 0 {
		t.problem = unclear(t.Errored)
		return t
	}
	o := r.aggregate.EvalTable(rows, facts, before...)
	if r.inScope == nil {
		t.outcome = &o
		return t
	}
	t.Evaluated = int64(len(inScope))
	if r.CountsOnly() {
		for _, v := range r.aggregate.With(facts).Measure(rows, facts) {
			n, _ := v.(int64)
			t.Failed += n
		}
		t.agree(o)
		return t
	}
	groups := map[string]int{} // "" is no group
	key := func(row map[string]any) string {
		var parts []string
		for _, k := range r.keys {
			if row[k] == nil && !r.sameNulls() {
				return ""
			}
			parts = append(parts, keyText(row[k]))
		}
		return strings.Join(parts, "\x00")
	}
	for _, row := range inScope {
		groups[key(row)]++
	}
	groups[""] = 0
	for _, row := range inScope {
		if groups[key(row)] > 1 {
			t.Failed++
			sample(row)
		}
	}
	t.agree(o)
	return t
}

// referenceGroups judges each group with the reference evaluator.
func (r *rule) referenceGroups(p *Plan, t *tally, rows []map[string]any, before [][]map[string]any, facts cel.Facts) {
	one := *r
	e := *r.Expectation
	e.GroupBy = nil
	one.Expectation = &e
	groups := r.rowsByGroup(rows)
	were := make([]map[string][]map[string]any, len(before))
	for i, version := range before {
		were[i] = r.rowsByGroup(version)
	}
	for _, k := range sortedKeys(groups) {
		past := make([][]map[string]any, len(before))
		for i := range before {
			past[i] = were[i][k]
		}
		found := one.referenceTally(p, groups[k], past, facts)
		g := groupTally{Count: found.Count, outcome: found.outcome, problem: found.problem}
		for _, name := range r.GroupBy {
			g.key = append(g.key, groups[k][0][name])
		}
		t.groups = append(t.groups, g)
		t.sample = append(t.sample, found.sample...)
		t.Rows += found.Rows
		t.Evaluated += found.Evaluated
		t.Failed += found.Failed
		t.Errored += found.Errored
	}
	t.sample = t.sample[:min(len(t.sample), 1)]
	t.groupCount = int64(len(t.groups))
}

func (r *rule) rowsByGroup(rows []map[string]any) map[string][]map[string]any {
	groups := map[string][]map[string]any{}
	for _, row := range rows {
		var key []string
		for _, name := range r.GroupBy {
			key = append(key, keyText(row[name]))
		}
		k := strings.Join(key, "\x00")
		groups[k] = append(groups[k], row)
	}
	return groups
}

// keyText makes values comparable as SQL groups them: NaN equals NaN, -0 is 0,
// decimals by value.
func keyText(v any) string {
	switch v := v.(type) {
	case float64:
		if v == 0 {
			v = 0
		}
		return fmt.Sprintf("f%v", v)
	case engine.Decimal:
		s := string(v)
		if strings.Contains(s, ".") {
			s = trimZeros(s)
		}
		return "d" + s
	case time.Time:
		return "t" + v.UTC().Format(time.RFC3339Nano)
	}
	return fmt.Sprintf("%T%v", v, v)
}

// readExamples reads the examples of a kind; each is a suite of one expectation.
func (k *Kind) readExamples(n *yamlpos.Node) {
	for _, x := range n.List("examples", false) {
		f := x.Map("an example", "name", "columns", "with", "rows", "before", "tables", "now", "expect", "failed", "errored")
		need(x, f, "name", "columns", "with", "rows", "expect")
		e := Example{Name: f["name"].String(), Expect: record.Verdict(f["expect"].OneOf("verdict", verdicts...)), node: x}
		if f["failed"] != nil {
			e.Failed = f["failed"].Int()
		}
		if f["errored"] != nil {
			e.Errored = f["errored"].Int()
		}
		if f["with"] == nil || f["columns"] == nil {
			continue
		}
		s := &Suite{File: k.Name + ".yaml"}
		e.Relation.Schema = readSchema(f["columns"])
		for _, field := range e.Relation.Schema.Fields {
			t := field.Type
			s.Columns = append(s.Columns, Column{Name: field.Name, Type: &t, node: x, typeNode: x})
		}
		e.Relation.Rows = rowsOf(f["rows"], e.Relation.Schema)
		e.Before = readBefore(f["before"], e.Relation.Schema)
		e.Tables = readRelations(f["tables"])
		e.Now = testTime(f["now"])
		s.doc = x.Document()
		l := &loader{suite: s, kinds: kindSet{}, used: map[string]*Kind{}, onEmpty: record.Warn}
		l.add(&Expectation{ID: "example", node: f["with"]}, k, yamlpos.Entry{Key: f["with"], Value: f["with"]}, "", nil)
		e.suite = s
		k.Examples = append(k.Examples, e)
	}
}
