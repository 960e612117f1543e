package expectations

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/expectations/cel"
	"github.com/dq-dev/dq/record"
	"github.com/dq-dev/dq/table"
)

// Audit judges what the target names and says whether the gate closes. A failed
// expectation is a finding in the result; an error is an engine that does not
// answer, or [engine.ErrCancelled]. Cost: one scan of each part, one of the table
// for all other rules on rows, one for all aggregates (and what a few of them,
// such as duplicates, need of their own), and a small query for the samples of
// each rule that has bad rows.
func (p *Plan) Audit(ctx context.Context, s engine.Session, t Target) (*Result, error) {
	a := newAuditor(p, s, t)
	for _, step := range []func(context.Context) error{a.bind, a.parts} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	a.known()
	for _, batch := range []bool{false, true} {
		if err := a.relation(ctx, batch); err != nil {
			return nil, err
		}
	}
	if err := a.samples(ctx); err != nil {
		return nil, err
	}
	return a.finish()
}

// tally is what was found about one rule.
type tally struct {
	Count
	judged     bool // something was looked at
	scanned    bool // in this audit, not only before
	outcome    *cel.Outcome
	batch      int64          // rows of the batch that were judged, of rules on their own row
	seen       map[string]any // the metrics' values
	problem    string         // why it could not be evaluated
	reason     string         // why it was not evaluated, which is right
	sample     []map[string]any
	places     []samplePlace  // where bad rows are
	lines      []lineOf       // where the first bad rows are, of rules judged by file
	measured   map[string]any // the aggregates that rows are compared with
	told       map[string]any // of rules over aggregates: what they were judged by
	grouped    string         // the relation with what rows are compared with in each group
	wide       bool           // a sum there has more digits than a decimal of SQL
	returns    table.Schema   // of rules in SQL
	groups     []groupTally   // of rules with group_by, the worst if there are many
	groupCount int64          // how many there are
	suspects   string         // of unique rules: a condition that all rows of repeated groups meet, if one is known
	stats      bool           // the files' statistics decided, without a scan
	referenced bool           // the reference evaluator had a part, for the dialect cannot say it
}

// lineOf is the place of one row.
type lineOf struct {
	relation, file string
	line           int64
}

// samplePlace is a relation with bad rows of a rule, by file when there are files.
type samplePlace struct {
	relation string
	files    bool
}

type auditor struct {
	plan    *Plan
	session engine.Session
	dialect engine.Dialect
	past    map[pastMetric]any // metrics of versions before that were measured now
	target  Target
	tallies map[*rule]*tally
	result  *Result
	rows    *int64 // of the table
}

func newAuditor(p *Plan, s engine.Session, t Target) *auditor {
	a := &auditor{plan: p, session: s, dialect: t.Dialect, target: t, tallies: map[*rule]*tally{},
		past: map[pastMetric]any{}, result: &Result{Files: map[string]Counts{}, Metrics: map[string]any{}}}
	for _, r := range p.rules {
		a.tallies[r] = &tally{}
	}
	return a
}

func (a *auditor) facts() cel.Facts { return inSession(a.session, cel.Facts{Now: a.target.Now}) }

// factsOf are the facts with what was measured for a rule that compares rows
// with aggregates.
func (a *auditor) factsOf(r *rule) cel.Facts {
	return inSession(a.session, cel.Facts{Now: a.target.Now, Metrics: a.tallies[r].measured, Grouped: a.tallies[r].grouped != "", Wide: a.tallies[r].wide})
}

// parts counts what must be judged row by row now, by file.
func (a *auditor) parts(ctx context.Context) error {
	for _, part := range a.target.Parts {
		var rules []*rule
		for _, r := range a.plan.rules {
			if r.incremental() && (part.Rules == nil || part.Rules[r.digest]) && (part.New || !r.Since) {
				rules = append(rules, r)
			}
		}
		err := a.count(ctx, part.Relation, true, rules, func(r *rule, file string, c Count) {
			if a.result.Files[file] == nil {
				a.result.Files[file] = Counts{}
			}
			a.result.Files[file][r.digest] = c
			if part.New {
				a.tallies[r].batch += c.Evaluated
			} else if r.Batch {
				return
			}
			a.tallies[r].add(c, samplePlace{part.Relation, true})
		})
		if err != nil {
			return err
		}
		for _, r := range rules {
			t := a.tallies[r]
			switch {
			case part.New:
				t.judged = true
			case r.Batch: // rows of other batches do not count, and are not shown
				t.lines = slices.DeleteFunc(t.lines, func(l lineOf) bool { return l.relation == part.Relation })
			}
		}
	}
	return nil
}

func (t *tally) add(c Count, place samplePlace) {
	t.Rows += c.Rows
	t.Evaluated += c.Evaluated
	t.Failed += c.Failed
	t.Errored += c.Errored
	t.judged, t.scanned = true, true
	if c.Failed+c.Errored > 0 && (len(t.places) == 0 || t.places[len(t.places)-1] != place) {
		t.places = append(t.places, place)
	}
}

// known adds the counts of files that were judged before.
func (a *auditor) known() {
	for _, r := range a.plan.rules {
		if !r.incremental() || r.Batch {
			continue
		}
		t := a.tallies[r]
		for _, counts := range a.target.Known {
			if c, ok := counts[r.digest]; ok {
				t.Rows += c.Rows
				t.Evaluated += c.Evaluated
				t.Failed += c.Failed
				t.Errored += c.Errored
				t.judged = true
			}
		}
	}
}

// relation judges the rules that need the whole: of the table, or of the batch.
func (a *auditor) relation(ctx context.Context, batch bool) error {
	name := a.target.Table
	if batch {
		name = a.target.New
	}
	var rows, aggregates, queries, grouped, stayed []*rule
	for _, r := range a.plan.rules {
		switch {
		case r.incremental() || r.ofBatch() != batch:
		case a.plan.batch[r] != nil:
			stayed = append(stayed, r)
		case name == "":
			a.tallies[r].reason = "no_" + map[bool]string{true: "batch", false: "table"}[batch]
		case r.sql != "":
			queries = append(queries, r)
		case r.grouped():
			grouped = append(grouped, r)
		case r.row != nil:
			rows = append(rows, r)
		default:
			aggregates = append(aggregates, r)
		}
	}
	if err := a.stayed(ctx, stayed); err != nil {
		return err
	}
	if name == "" || batch && len(rows)+len(aggregates)+len(queries)+len(grouped) == 0 {
		return nil
	}
	rows, err := a.measure(ctx, name, rows)
	if err != nil {
		return err
	}
	err = a.count(ctx, name, a.target.Lines, rows, func(r *rule, _ string, c Count) {
		a.tallies[r].add(c, samplePlace{name, a.target.Lines})
	})
	if err != nil {
		return err
	}
	if err := a.sqlRules(ctx, name, queries); err != nil {
		return err
	}
	if err := a.byGroup(ctx, name, grouped); err != nil {
		return err
	}
	return a.aggregate(ctx, name, batch, aggregates)
}

func cancelled(ctx context.Context, err error) bool {
	return ctx.Err() != nil || errors.Is(err, engine.ErrCancelled)
}

// judge decides a rule over aggregates, from the values of the metrics.
func (a *auditor) judge(r *rule, rows int64, values map[string]any, problems map[string]string) {
	t := a.tallies[r]
	t.judged, t.scanned, t.Rows, t.seen = true, true, rows, map[string]any{}
	mine := map[string]any{}
	rule := r.aggregate.With(a.facts())
	for _, m := range rule.Metrics() {
		if problem, ok := problems[m.Of]; ok {
			t.problem = problem
			return
		}
		if m.Past == 0 {
			mine[m.Text] = values[m.Of]
		} else if v, ok := a.pastValue(m); ok {
			mine[m.Text] = v
		}
	}
	if problem, ok := problems["errored "+r.ID]; ok {
		t.problem = problem
		return
	}
	number := func(text string) (n int64) {
		n, err := whole(values[text])
		if err != nil {
			t.problem = err.Error()
		}
		return n
	}
	if r.whereNode != nil {
		t.Errored = number("errored " + r.ID)
	}
	if t.Errored > 0 {
		t.problem = unclear(t.Errored)
		return
	}
	t.seen = a.seen(r, rule, mine)
	if r.inScope != nil {
		for _, m := range r.inScope.Metrics() {
			t.Evaluated = number(m.Of)
		}
		for _, m := range rule.Metrics() {
			t.Failed += number(m.Of)
		}
		t.agree(rule.Judge(mine, a.facts()))
		if r.CountsOnly() {
			return
		}
		if t.Failed > 0 {
			t.places = []samplePlace{{relation: a.name(r), files: len(t.lines) > 0}}
		}
		return
	}
	o := rule.Judge(mine, a.facts())
	t.outcome, t.told = &o, mine
}

// maxShown is how many earlier values of a metric are shown, the newest.
const maxShown = 100

// seen are the numbers that a reader is shown of a judgement: metrics, the values
// that a band was learned from, and the band.
func (a *auditor) seen(r *rule, rule *cel.Rule, values map[string]any) map[string]any {
	seen := rule.Bands(values, a.facts())
	for _, m := range rule.Metrics() {
		v, ok := values[m.Text]
		if !ok || m.Errors && v == int64(0) {
			continue
		}
		if _, isText := v.(string); isText && a.plan.personal(r) {
			v = redacted
		}
		if list, isList := v.([]any); isList && m.List {
			list = slices.DeleteFunc(slices.Clone(list), func(v any) bool { return v == nil })
			v = list[:min(len(list), maxShown)]
		}
		seen[m.Text] = v
	}
	return seen
}

// unclear says why a rule over many rows cannot be judged when some of them may
// or may not belong to its scope.
func unclear(rows int64) string {
	return fmt.Sprintf("its where could not be evaluated on %s", plural(rows, "row"))
}

// agree holds the CEL of a unique rule against the rows that were counted for it.
func (t *tally) agree(o cel.Outcome) {
	if t.problem == "" && (o.Value == cel.True) != (t.Failed == 0) {
		t.problem = fmt.Sprintf("its CEL says otherwise than the %s counted", plural(t.Failed, "row"))
	}
}

func (a *auditor) name(r *rule) string {
	if r.ofBatch() {
		return a.target.New
	}
	return a.target.Table
}

// finish judges the tallies and draws up the check.
func (a *auditor) finish() (*Result, error) {
	t := a.target
	check := &record.Check{Format: record.CheckFormat, Dataset: t.Dataset, Expectations: []record.Expectation{}}
	check.Engine = record.EngineInfo{Name: t.Engine.Name, Version: t.Engine.Version}
	check.Suite = record.SuiteRef{Name: a.plan.suite.File, Digest: a.plan.suite.Digest}
	if t.Suite != "" {
		check.Suite.Name = t.Suite
	}
	if a.rows != nil {
		check.Dataset.Rows = *a.rows
	}
	for _, r := range a.plan.rules {
		ta := a.tallies[r]
		if r.incremental() && !r.Batch && !r.Since && ta.problem == "" && a.rows != nil && ta.Rows != *a.rows {
			ta.problem = fmt.Sprintf("%s %s judged and the table has %s: the counts of its files are wrong or missing", plural(ta.Rows, "row"), wasOrWere(ta.Rows), group(*a.rows))
		}
		if r.ofBatch() && (!ta.judged || a.target.New == "") && ta.problem == "" {
			ta.reason = "no_batch"
		}
		ta.referenced = ta.scanned && a.byReference(r)
		check.Expectations = append(check.Expectations, r.verdict(a.plan, ta, t))
	}
	// What was planned and what is reported must be the same, or the check lies.
	if len(check.Expectations) != len(a.plan.suite.Expectations) {
		return nil, fmt.Errorf("expectations: %d planned, %d reported", len(a.plan.suite.Expectations), len(check.Expectations))
	}
	a.plan.together(check.Expectations, t)
	a.result.Check, a.result.auditor = check, a
	gate(a.result)
	return a.result, nil
}

// whole reads a count. Engines give int64, or Decimal beyond it. Anything else
// is an error: a count that is taken for 0 would be a pass.
func whole(v any) (int64, error) {
	switch v := v.(type) {
	case int64:
		return v, nil
	case engine.Decimal:
		if r, ok := new(big.Rat).SetString(string(v)); ok && r.IsInt() && r.Num().IsInt64() {
			return r.Num().Int64(), nil
		}
	}
	return 0, fmt.Errorf("expectations: the engine gave %v where a count was asked for", v)
}

// rounded gives doubles 12 significant digits: their last ones depend on the
// order in which an engine adds.
func rounded(v any) any {
	if f, ok := v.(float64); ok && !math.IsNaN(f) && !math.IsInf(f, 0) {
		f, _ = strconv.ParseFloat(strconv.FormatFloat(f, 'g', 12, 64), 64)
		return f
	}
	return v
}
