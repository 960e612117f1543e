// Package kindtest runs the examples of all kinds of expectations on an engine:
// what it finds must be what the example says and what the reference evaluator
// finds. Every engine's own tests call [Run]:
//
//	func TestKinds(t *testing.T) {
//		kindtest.Run(t, func(t *testing.T) engine.Engine { ... })
//	}
package kindtest

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/expectations"
	"github.com/dq-dev/dq/record"
	"github.com/dq-dev/dq/table"
)

// relation is the table under test, which is one file of one part too.
const relation = "kindtest.rows"

// Run judges every example of every kind in one session of the engine, as
// subtests kind/example.
func Run(t *testing.T, open func(t *testing.T) engine.Engine) {
	t.Helper()
	e := open(t)
	dialect := e.Dialect()
	session, err := e.Session(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := session.Close(); err != nil {
			t.Error(err)
		}
	})
	kinds := expectations.Kinds()
	if len(kinds) == 0 {
		t.Fatal("the catalogue is empty or broken")
	}
	for _, k := range kinds {
		for _, e := range k.Examples {
			t.Run(k.Name+"/"+e.Name, func(t *testing.T) { example(t, session, dialect, e) })
		}
	}
}

func example(t *testing.T, s engine.Session, d engine.Dialect, e expectations.Example) {
	ctx := context.Background()
	attach := func(name string, rel expectations.Relation) {
		t.Helper()
		in := engine.Input{Name: name, SQL: SQL(d, rel), Materialise: true}
		if _, err := s.Attach(ctx, in); err != nil {
			t.Fatalf("%s: attach: %v\n%s", e.Position(), err, in.SQL)
		}
	}
	attach(relation, e.Relation)
	var before []string
	for i, rel := range e.Before {
		before = append(before, fmt.Sprintf("kindtest.before%d", i+1))
		attach(before[i], rel)
	}
	refs := map[string]table.Schema{}
	for name, rel := range e.Tables {
		attach(name, rel)
		refs[name] = rel.Schema
	}
	plan, err := e.Suite().Plan(e.Relation.Schema, refs)
	if err != nil {
		t.Fatal(err)
	}
	res, err := plan.Audit(ctx, s, expectations.Target{
		Dialect: d, Parts: []expectations.Part{{Relation: relation, New: true}}, New: relation, Table: relation, Before: before,
		Now: e.Now, Samples: 3,
	})
	if err != nil {
		t.Fatal(err)
	}
	got, want := res.Check.Expectations[0], e.Reference()
	if got.Verdict != e.Expect || got.Failed != e.Failed || got.Errored != e.Errored {
		t.Errorf("%s: the engine says %s, the example %s failed=%d errored=%d", e.Position(), counts(got), e.Expect, e.Failed, e.Errored)
	}
	if counts(got) != counts(want) {
		t.Errorf("%s: the engine says %s, the reference %s", e.Position(), counts(got), counts(want))
	}
	countsOnly := e.Suite().Expectations[0].CountsOnly()
	if got.Scope == "row" && !countsOnly {
		split(t, s, d, e, before, refs, got)
	}
	if bad := got.Failed + got.Errored; got.Scope == "row" && !countsOnly && int64(len(got.Sample)) != min(bad, 3) {
		t.Errorf("%s: %d bad rows and %d samples", e.Position(), bad, len(got.Sample))
	}
}

// split takes the bad rows out as a quarantine rule does, and must take as many
// as were counted, each with its reason. A group that is in the table already
// goes too.
func split(t *testing.T, s engine.Session, d engine.Dialect, e expectations.Example, before []string, refs map[string]table.Schema, found record.Expectation) {
	suite := *e.Suite()
	suite.Expectations = slices.Clone(suite.Expectations)
	suite.Expectations[0].OnFail = "quarantine"
	plan, err := suite.Plan(e.Relation.Schema, refs)
	if err != nil {
		t.Fatal(err)
	}
	plan = plan.At(e.Now).In(s)
	if plan.Compares() {
		if plan, err = plan.Measure(context.Background(), s, expectations.Target{Dialect: d, New: relation, Before: before, Now: e.Now}); err != nil {
			t.Fatal(err)
		}
	}
	for existing, bad := range map[string]int64{"": found.Failed + found.Errored, relation: found.Evaluated} {
		if found.Kind != "unique" && found.Kind != "no_duplicate_rows" {
			bad = found.Failed + found.Errored
		}
		query := func(sql string) [][]any {
			rows, err := s.Query(context.Background(), sql)
			if err != nil {
				t.Fatalf("%s: %v\n%s", e.Position(), err, sql)
			}
			return rows.Values
		}
		const refused = "kindtest.refused"
		batch := relation
		if !plan.Compares() { // then rows can be split as they come, and the reasons be told later
			keep, _, err := plan.Split(d, existing)
			if err != nil {
				t.Fatal(err)
			}
			split := fmt.Sprintf("SELECT *, (%s) AS dq_keep FROM %s", keep, d.Relation(relation))
			if got := fmt.Sprint(query(fmt.Sprintf("SELECT count(*) FILTER (WHERE dq_keep), count(*) FILTER (WHERE NOT dq_keep) FROM (%s) AS s", split))); got != fmt.Sprintf("[[%d %d]]", found.Rows-bad, bad) {
				t.Errorf("%s: kept and refused with existing %q are %s, and %d of %d are bad", e.Position(), existing, got, bad, found.Rows)
			}
			if _, err := s.Attach(context.Background(), engine.Input{Name: refused, Materialise: true,
				SQL: fmt.Sprintf("SELECT * FROM (%s) AS s WHERE NOT dq_keep", split)}); err != nil {
				t.Fatal(err)
			}
			batch = refused
		}
		reasons, err := plan.Reasons(d, batch, existing)
		if err != nil {
			t.Fatal(err)
		}
		got := query(fmt.Sprintf("SELECT %s, %s FROM (%s) AS s WHERE NOT %s", expectations.ReasonsColumn, expectations.DropColumn, reasons, expectations.KeepColumn))
		if int64(len(got)) != bad {
			t.Errorf("%s: %d rows with reasons, %d are bad", e.Position(), len(got), bad)
		}
		for _, row := range got {
			if fmt.Sprint(row) != "[[example] false]" {
				t.Errorf("%s: reasons are %v", e.Position(), row)
			}
		}
	}
}

func counts(e record.Expectation) string {
	s := fmt.Sprintf("%s rows=%d evaluated=%d failed=%d errored=%d", e.Verdict, e.Rows, e.Evaluated, e.Failed, e.Errored)
	if e.Verdict == record.Error {
		s += " (" + e.Message + ")"
	}
	return s
}

// SQL is a SELECT that gives the relation's rows, with provenance columns.
func SQL(d engine.Dialect, rel expectations.Relation) string {
	line := func(row map[string]any, n int) string {
		var items []string
		for _, f := range rel.Schema.Fields {
			items = append(items, fmt.Sprintf("CAST(%s AS %s) AS %s", text(d, row[f.Name]), typeName(d, f.Type), d.Ident(f.Name)))
		}
		items = append(items, fmt.Sprintf("'rows' AS %s, CAST(%d AS BIGINT) AS %s", d.Ident(engine.FileColumn), n, d.Ident(engine.LineColumn)))
		return "SELECT " + strings.Join(items, ", ")
	}
	if len(rel.Rows) == 0 {
		return line(nil, 0) + " WHERE false"
	}
	var lines []string
	for i, row := range rel.Rows {
		lines = append(lines, line(row, i))
	}
	return strings.Join(lines, " UNION ALL ")
}

// text is the value as a string literal to be cast.
func text(d engine.Dialect, v any) string {
	switch v := v.(type) {
	case nil:
		return "NULL"
	case bool:
		return d.Literal(strconv.FormatBool(v))
	case int64:
		return d.Literal(strconv.FormatInt(v, 10))
	case float64:
		if math.IsInf(v, 0) {
			return d.Literal(strings.Replace(strconv.FormatFloat(v, 'g', -1, 64), "Inf", "Infinity", 1))
		}
		return d.Literal(strconv.FormatFloat(v, 'g', -1, 64))
	case time.Time:
		return d.Literal(v.UTC().Format("2006-01-02 15:04:05.999999"))
	}
	return d.Literal(fmt.Sprint(v))
}

func typeName(d engine.Dialect, t table.Type) string {
	switch t.Kind {
	case table.String:
		return "STRING"
	case table.Bool:
		return "BOOLEAN"
	case table.Int8:
		return "TINYINT"
	case table.Int16:
		return "SMALLINT"
	case table.Int32:
		return "INTEGER"
	case table.Int64:
		return "BIGINT"
	case table.Timestamp:
		if d.Name() == "duckdb" {
			return "TIMESTAMP WITH TIME ZONE"
		}
		return "TIMESTAMP"
	case table.TimestampNTZ:
		if d.Name() == "duckdb" {
			return "TIMESTAMP"
		}
		return "TIMESTAMP_NTZ"
	}
	return strings.ToUpper(t.String())
}
