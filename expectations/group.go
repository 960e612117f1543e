package expectations

import (
	"context"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/dq-dev/dq/expectations/cel"
	"github.com/dq-dev/dq/record"
)

const (
	// maxGroups is how many groups a result holds, the worst first.
	maxGroups = 1000
	// maxJudged is how many groups a rule over aggregates is judged for.
	maxJudged = 100_000
)

// groupTally is what was found about a rule in one group.
type groupTally struct {
	Count
	key     []any // values of the columns of group_by
	outcome *cel.Outcome
	seen    map[string]any
	told    map[string]any // what a rule over aggregates was judged by
	problem string
	verdict record.Verdict
	gone    bool // it was there in the version before
}

// byGroup judges rules for each group of rows by itself.
func (a *auditor) byGroup(ctx context.Context, name string, rules []*rule) error {
	for _, r := range rules {
		var err error
		if r.row != nil {
			err = a.rowGroups(ctx, name, r)
		} else {
			err = a.tableGroups(ctx, name, r)
		}
		if cancelled(ctx, err) {
			return err
		}
		if err != nil {
			a.tallies[r].problem = err.Error()
			continue
		}
		a.tallies[r].judged, a.tallies[r].scanned = true, true
		if err := a.vanished(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

func wholes(values []any) ([]int64, error) {
	out := make([]int64, len(values))
	for i, v := range values {
		n, err := whole(v)
		if err != nil {
			return nil, err
		}
		out[i] = n
	}
	return out, nil
}

// tableGroups judges a rule over aggregates in each group.
func (a *auditor) tableGroups(ctx context.Context, name string, r *rule) error {
	t := a.tallies[r]
	rule := r.aggregate.With(a.facts())
	groups, err := a.measureGroups(ctx, name, r, distinctMetrics(rule), true)
	if err != nil {
		return err
	}
	past, err := a.pastGroups(ctx, r, rule)
	if err != nil {
		return err
	}
	for _, m := range groups {
		g := groupTally{key: m.key}
		if err := g.judge(r, rule, m.values, past, a); err != nil {
			return err
		}
		t.Rows += g.Rows
		t.groups = append(t.groups, g)
	}
	t.groupCount = int64(len(t.groups))
	if !r.Batch {
		a.keepGroups(r, rule, groups)
	}
	return nil
}

// erroredScope names the rows whose where could not be evaluated, among values.
const erroredScope = "errored"

func (g *groupTally) judge(r *rule, rule *cel.Rule, values map[string]any, past groupPast, a *auditor) (err error) {
	if g.Rows, err = whole(values[rowCount]); err != nil {
		return err
	}
	if r.whereNode != nil {
		if g.Errored, err = whole(values[erroredScope]); err != nil {
			return err
		}
	}
	if g.Errored > 0 {
		g.problem = unclear(g.Errored)
		return nil
	}
	mine := past.with(g.key, rule, values)
	g.seen = a.seen(r, rule, mine)
	o := rule.Judge(mine, a.facts())
	g.outcome, g.told = &o, mine
	return nil
}

// groupVerdict judges the groups, and makes the worst of them the rule's verdict.
func (r *rule) groupVerdict(e *record.Expectation, t *tally, p *Plan) {
	verdict, judged, failed, warned, errored, fresh := record.Pass, 0, 0, 0, 0, 0
	var first *groupTally
	for i := range t.groups {
		g := &t.groups[i]
		g.verdict = r.judgeGroup(g)
		switch g.verdict {
		case record.Skipped:
			if !g.gone {
				fresh++
			}
			continue
		case record.Vacuous:
			continue
		case record.Error:
			errored++
		case record.Fail:
			failed++
		case record.Warn:
			warned++
		}
		judged++
		verdict = record.Worst(verdict, g.verdict)
	}
	slices.SortStableFunc(t.groups, func(a, b groupTally) int { return rank(b.verdict) - rank(a.verdict) })
	kept := 0
	for i := range t.groups {
		g := &t.groups[i]
		if kept++; kept > maxGroups {
			break
		}
		if first == nil && rank(g.verdict) >= rank(record.Warn) {
			first = g
		}
		e.Groups = append(e.Groups, r.groupEntry(g, p))
	}
	if judged == 0 && fresh > 0 {
		e.Verdict, e.Reason, e.Message = record.Skipped, noHistory, skipped[noHistory]
		return
	}
	if judged == 0 {
		r.vacuous(e, "no group to judge")
		return
	}
	r.judged(e, verdict)
	if verdict == record.Error {
		e.Verdict = record.Error
	}
	if failed+warned+errored == 0 {
		return
	}
	parts := []string{}
	if failed > 0 {
		parts = append(parts, fmt.Sprintf("%d of %s failed %s", failed, plural(t.groupCount, "group"), r.rule()))
	}
	if warned > 0 {
		parts = append(parts, fmt.Sprintf("%d of %s passed %s with a warning", warned, plural(t.groupCount, "group"), r.rule()))
	}
	if errored > 0 {
		parts = append(parts, fmt.Sprintf("%d of %s could not be judged", errored, plural(t.groupCount, "group")))
	}
	if r.Scope == "row" {
		parts = append(parts, fmt.Sprintf("%s of %s in all", group(t.Failed+t.Errored), plural(t.Evaluated, "row")))
	}
	if first != nil {
		var key []string
		for i, v := range r.groupKey(first, p) {
			key = append(key, r.GroupBy[i]+" = "+showValue(v))
		}
		text := "worst: " + strings.Join(key, ", ")
		if first.problem != "" {
			text += " (" + first.problem + ")"
		} else if first.outcome != nil && first.outcome.Message != "" {
			text += " (" + first.outcome.Message + ")"
		} else if seen := observedText(plainMap(first.seen)); seen != "" {
			text += " (" + seen + ")"
		} else if first.Evaluated > 0 {
			text += fmt.Sprintf(" (%s of %s)", group(first.Failed+first.Errored), plural(first.Evaluated, "row"))
		}
		parts = append(parts, text)
	}
	if t.groupCount > maxGroups {
		parts = append(parts, fmt.Sprintf("only the worst %s groups are listed", group(maxGroups)))
	}
	e.Message = strings.Join(parts, "; ")
}

func rank(v record.Verdict) int {
	return slices.Index([]record.Verdict{record.Skipped, record.Vacuous, record.Pass, record.Warn, record.Fail, record.Error}, v)
}

func (r *rule) judgeGroup(g *groupTally) record.Verdict {
	switch {
	case g.gone:
		return record.Skipped
	case g.problem != "":
		return record.Error
	case g.outcome == nil && g.Evaluated == 0:
		return record.Vacuous
	case g.outcome == nil:
		return r.Threshold.Verdict(g.Failed+g.Errored, g.Evaluated)
	}
	switch g.outcome.Value {
	case cel.True:
		return record.Pass
	case cel.False:
		return record.Fail
	case cel.Null:
		return record.Vacuous
	case cel.NoPast:
		return record.Skipped
	}
	return record.Error
}

// groupKey are the values of a group, those of personal columns redacted.
func (r *rule) groupKey(g *groupTally, p *Plan) []any {
	row := p.sampleRow(r.GroupBy, g.key)
	out := make([]any, len(r.GroupBy))
	for i, name := range r.GroupBy {
		out[i] = row[name]
	}
	return out
}

// groupEntry is a group as the JSON of a check has it.
func (r *rule) groupEntry(g *groupTally, p *Plan) map[string]any {
	key := map[string]any{}
	for i, v := range r.groupKey(g, p) {
		key[r.GroupBy[i]] = v
	}
	entry := map[string]any{"group": key, "verdict": g.verdict, "rows": g.Rows}
	switch {
	case g.gone:
		entry["reason"] = "vanished"
	case r.Scope == "row":
		entry["evaluated"], entry["failed"], entry["errored"] = g.Evaluated, g.Failed, g.Errored
		entry["failed_fraction"] = 0.0
		if g.Evaluated > 0 {
			entry["failed_fraction"] = float(big.NewRat(g.Failed+g.Errored, g.Evaluated))
		}
	default:
		entry["observed"] = plainMap(g.seen)
	}
	if g.problem != "" {
		entry["reason"] = g.problem
	} else if g.outcome != nil && g.outcome.Value == cel.NoPast {
		entry["reason"] = noHistory
	} else if g.outcome != nil && g.outcome.Message != "" {
		entry["reason"] = g.outcome.Message
	}
	return entry
}
