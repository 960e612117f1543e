package expectations

import (
	"fmt"
	"math/big"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/expectations/cel"
	"github.com/dq-dev/dq/record"
)

// verdict judges what was found about a rule.
func (r *rule) verdict(p *Plan, t *tally, target Target) record.Expectation {
	e := record.Expectation{
		ID: r.ID, Kind: r.Kind, Scope: r.Scope, Columns: r.shown(), CEL: r.cel, Where: r.where,
		Description: r.Description, Severity: r.Severity(), Dimension: r.Dimension, OnFail: r.OnFail,
		Rows: t.Rows, Evaluated: t.Evaluated, Failed: t.Failed, Errored: t.Errored,
		Observed: plainMap(t.seen), Sample: t.sample, Position: r.Position,
	}
	if t.judged {
		e.DecidedBy = "state"
		if t.scanned {
			e.DecidedBy = "scan"
		}
		if t.stats {
			e.DecidedBy = "stats"
		}
		if t.referenced {
			e.DecidedBy = "reference"
		}
	}
	if target.Taken != nil {
		e.Refused = target.Taken.ByRule[r.ID]
	}
	if r.Scope == "row" {
		e.Threshold = r.Threshold.JSON()
		if t.Evaluated > 0 {
			e.FailedFraction = float(big.NewRat(t.Failed+t.Errored, t.Evaluated))
		}
	}
	switch {
	case t.problem != "":
		e.Verdict, e.Message = record.Error, "could not be evaluated: "+t.problem
	case t.reason != "":
		e.Verdict, e.Reason, e.Message = record.Skipped, t.reason, skipped[t.reason]
	case t.outcome != nil:
		r.tableVerdict(&e, t)
	case r.grouped():
		r.groupVerdict(&e, t, p)
	default:
		r.rowVerdict(&e, t)
	}
	if e.Refused > 0 && e.Verdict != record.Error {
		r.refused(&e, t, p, target)
	}
	return e
}

var skipped = map[string]string{
	"no_batch": "there is no batch that it could judge",
	"no_table": "there is no table that it could judge",
	noHistory:  "there is no earlier version to compare with",
}

// shown are the columns that a reader connects with the rule.
func (r *rule) shown() []string {
	if len(r.Columns) > 0 {
		return r.Columns
	}
	return r.columns
}

func (r *rule) rowVerdict(e *record.Expectation, t *tally) {
	bad := t.Failed + t.Errored
	if t.Evaluated == 0 {
		r.vacuous(e, "no row to judge")
		return
	}
	r.judged(e, r.Threshold.Verdict(bad, t.Evaluated))
	if bad == 0 {
		return
	}
	parts := []string{fmt.Sprintf("%s of %s failed %s", group(t.Failed), plural(t.Evaluated, "row"), r.rule())}
	if t.Failed == 0 {
		parts = parts[:0]
		parts = append(parts, fmt.Sprintf("%s of %s could not be judged by %s", group(t.Errored), plural(t.Evaluated, "row"), r.rule()))
	} else if t.Errored > 0 {
		parts[0] += fmt.Sprintf(" and %s could not be judged", group(t.Errored))
	}
	parts[0] += " (" + percent(bad, t.Evaluated) + ")"
	parts = append(parts, r.Threshold.allowed())
	if len(t.sample) > 0 {
		if first := r.sampleText(t.sample[0]); first != "" {
			parts = append(parts, "first: "+first)
		}
	}
	e.Message = strings.Join(parts, "; ")
}

// rule is what people know the rule by.
func (r *rule) rule() string {
	if r.call != nil {
		return r.Kind
	}
	if len(r.cel) > 100 || r.sql != "" {
		return r.ID
	}
	return strings.TrimSpace(r.cel)
}

func (r *rule) tableVerdict(e *record.Expectation, t *tally) {
	e.Verdict = record.Pass
	switch t.outcome.Value {
	case cel.True:
	case cel.False:
		r.judged(e, record.Fail)
		e.Message = strings.TrimSpace(r.cel) + " is false"
		if r.call != nil && (r.aggregate.Banded() || len(r.cel) > 100) {
			e.Message = r.Kind + " failed"
		}
		if seen := observedText(e.Observed); seen != "" {
			e.Message += ": " + seen
		}
	case cel.Null:
		r.vacuous(e, "no value to judge")
	case cel.NoPast:
		e.Verdict, e.Reason, e.Message = record.Skipped, noHistory, t.outcome.Message
	default:
		e.Verdict, e.Message = record.Error, "could not be evaluated: "+t.outcome.Message
	}
}

func (r *rule) vacuous(e *record.Expectation, why string) {
	e.Reason, e.Message = "vacuous", why
	switch r.OnEmpty {
	case record.Pass:
		e.Verdict = record.Pass
	case record.Fail:
		e.Verdict = r.severe(record.Fail)
	default:
		e.Verdict = record.Vacuous
	}
}

// judged sets the verdict. One of a rule of on_fail: info that failed is a pass, of
// which the reason says that it did.
func (r *rule) judged(e *record.Expectation, v record.Verdict) {
	if e.Verdict = r.severe(v); e.Verdict == record.Pass && v != record.Pass {
		e.Reason = record.Informs
	}
}

// severe bends a failing verdict by on_fail: warn never closes the gate, info
// is only counted.
func (r *rule) severe(v record.Verdict) record.Verdict {
	switch {
	case r.OnFail == "info" && (v == record.Warn || v == record.Fail):
		return record.Pass
	case r.OnFail == "warn" && v == record.Fail:
		return record.Warn
	}
	return v
}

// refused judges a rule that took rows out of the batch: it warns, and closes
// the gate when more rows went than it bears. Without a threshold it bears half
// of the batch, and not all of it. With one, the batch as it came is judged:
// the rows that stayed in scope and those that the rule took out; rows that
// only other rules took out are not known to it. A rule with group_by bears as
// much of each group.
func (r *rule) refused(e *record.Expectation, t *tally, p *Plan, target Target) {
	out := e.Refused
	verb := map[string]string{"quarantine": "went to quarantine", "drop": wasOrWere(out) + " dropped"}[r.OnFail]
	message := fmt.Sprintf("%s of %s %s by %s (%s)", group(out), plural(target.Returned, "row"), verb, r.rule(), percent(out, target.Returned))
	verdict := record.Warn
	switch groups := target.Taken.lost[r.ID]; {
	case groups != nil:
		var worst string
		if verdict, worst = r.lossVerdict(e, groups, p, target); worst != "" {
			message += "; " + worst
		}
	case r.Threshold.Set():
		judged := target.Returned
		if r.scope != nil && (r.incremental() || r.compares()) {
			judged = min(target.Returned, t.batch+out)
		}
		if r.Threshold.Verdict(out, judged) == record.Fail {
			verdict = record.Fail
			message += "; " + r.Threshold.allowed()
		}
	case out >= target.Returned:
		verdict = record.Fail
		message += "; nothing would be left: the gate closes unless mostly says otherwise"
	case 2*out > target.Returned:
		verdict = record.Fail
		message += "; that is more than half: the gate closes unless mostly says otherwise"
	}
	if e.Message != "" && e.Verdict != record.Vacuous {
		message += "; of the rows that stay: " + e.Message
	}
	if e.Verdict == record.Vacuous {
		e.Verdict, e.Reason = "", ""
	}
	e.Verdict, e.Message = record.Worst(e.Verdict, verdict), message
	// The rows that went were judged as well, and are those to look at.
	errored := target.Taken.errored[r.ID]
	e.Rows, e.Evaluated, e.Failed, e.Errored = e.Rows+out, e.Evaluated+out, e.Failed+out-errored, e.Errored+errored
	e.FailedFraction = float(big.NewRat(e.Failed+e.Errored, e.Evaluated))
	e.Sample = slices.Concat(target.Taken.sample[r.ID], e.Sample)
	e.Sample = e.Sample[:min(len(e.Sample), target.Samples)]
}

// together judges the refusing rules without a threshold as one: more than half
// of the batch closes the gate, whichever of them took the rows. A row that
// several rules took counts once, as far as the target knows.
func (p *Plan) together(expectations []record.Expectation, target Target) {
	var sum int64
	var free []*record.Expectation
	for i, r := range p.rules {
		if e := &expectations[i]; e.Refused > 0 && !r.Threshold.Set() {
			sum += e.Refused
			free = append(free, e)
		}
	}
	if len(free) < 2 {
		return
	}
	out := min(sum, target.Taken.Rows)
	if 2*out <= target.Returned {
		return
	}
	for _, e := range free {
		if e.Verdict == record.Warn {
			e.Verdict = record.Fail
			e.Message += fmt.Sprintf("; together such rules took %s of %s, more than half: the gate closes unless mostly says otherwise", group(out), plural(target.Returned, "row"))
		}
	}
}

// gate decides whether the gate closes, and gives the check its verdict.
func gate(res *Result) {
	c := res.Check
	spoken, skipped := false, 0
	for _, e := range c.Expectations {
		v := e.Verdict
		switch v {
		case record.Pass, record.Warn, record.Fail:
			spoken = true
		case record.Skipped:
			skipped++
		case record.Vacuous:
			v = record.Warn
		}
		if v == record.Fail || v == record.Error {
			res.Close = true
			res.Reasons = append(res.Reasons, e.ID+": "+e.Message)
		}
		c.Verdict = record.Worst(c.Verdict, v)
	}
	if !spoken && skipped > 0 && skipped == len(c.Expectations) {
		// Only the past is asked for, and this is the first version: later ones have one.
		c.Verdict = record.Vacuous
		return
	}
	if !spoken {
		res.Close = true
		if c.Verdict != record.Error {
			c.Verdict = record.Vacuous
			res.Reasons = append(res.Reasons, "nothing was judged: the suite has no expectation that had something to judge")
		}
	}
}

// allowed says what the threshold bears.
func (t Threshold) allowed() string {
	switch {
	case t.MaxFailed != nil:
		return "at most " + group(*t.MaxFailed) + " may"
	case t.Mostly == nil:
		return "none may"
	}
	return "at least " + trimZeros(new(big.Rat).Mul(t.Mostly, big.NewRat(100, 1)).FloatString(6)) + " % must pass"
}

func trimZeros(s string) string {
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

// percent gives a fraction with two digits, and never 0 or 100 for what is not.
func percent(n, of int64) string {
	if of == 0 {
		return "0 %"
	}
	r := new(big.Rat).Mul(big.NewRat(n, of), big.NewRat(100, 1))
	s := trimZeros(r.FloatString(2))
	switch {
	case s == "0" && n > 0:
		return "below 0.01 %"
	case s == "100" && n < of:
		return "above 99.99 %"
	}
	return s + " %"
}

// group writes a number with its thousands apart: 541,909.
func group(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

func plural(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return group(n) + " " + noun + "s"
}

func wasOrWere(n int64) string {
	if n == 1 {
		return "was"
	}
	return "were"
}

// observedText shows the metrics of a table rule.
func observedText(observed map[string]any) string {
	var parts []string
	for _, text := range sortedKeys(observed) {
		parts = append(parts, fmt.Sprintf("%s = %v", text, show(observed[text])))
	}
	sort.Strings(parts)
	return strings.Join(parts, ", ")
}

func show(v any) any {
	switch v := v.(type) {
	case nil:
		return "null"
	case int64:
		return group(v)
	case engine.Decimal:
		return string(v)
	case []any:
		var parts []string
		for _, x := range v[:min(len(v), 10)] {
			parts = append(parts, fmt.Sprint(show(x)))
		}
		if more := len(v) - len(parts); more > 0 {
			parts = append(parts, fmt.Sprintf("… and %s more", group(int64(more))))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	return v
}
