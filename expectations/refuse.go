package expectations

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/expectations/cel"
)

// refusing lists the rules that take rows out of a batch.
func (p *Plan) refusing() []*rule {
	var out []*rule
	for _, r := range p.rules {
		if r.Refuses() {
			out = append(out, r)
		}
	}
	return out
}

// compares reports whether a rule on rows compares them with aggregates or with
// their neighbours.
func (r *rule) compares() bool {
	return r.row != nil && len(r.row.Metrics())+len(r.row.Windows()) > 0
}

// ofBatch reports whether the rule judges the batch and not the table: it says so,
// or takes rows out by what the whole batch is like.
func (r *rule) ofBatch() bool { return r.Batch || r.Refuses() && r.compares() }

// Compares reports whether a rule takes rows out by comparing them with aggregates
// or with their neighbours, so that the whole batch has to be known first: see
// [Plan.Measure].
func (p *Plan) Compares() bool {
	for _, r := range p.refusing() {
		if r.compares() {
			return true
		}
	}
	return false
}

// Measure computes, for the rules that take rows out by comparing them, the
// aggregates of t.New, which must be all rows of the batch, those to be refused too.
// The plan that it returns has what [Plan.Split] and [Plan.Reasons] need, and its
// audit judges such rules by the same values. Of the target it reads Dialect, New,
// Now, Past and Before. A rule whose aggregates have no value, or no past, takes no
// rows out; the audit says so. Cost: one query over the columns that are measured.
func (p *Plan) Measure(ctx context.Context, s engine.Session, t Target) (*Plan, error) {
	a := newAuditor(p, s, t)
	var rules []*rule
	for _, r := range p.refusing() {
		if r.compares() {
			rules = append(rules, r)
		}
	}
	if _, err := a.measure(ctx, t.New, rules); err != nil {
		return nil, err
	}
	measured := *p
	measured.now, measured.session, measured.batch = t.Now, s, map[*rule]*tally{}
	for _, r := range rules {
		measured.batch[r] = a.tallies[r]
	}
	return &measured, nil
}

// stayed says of rules that took rows of the batch out by comparing them what is
// known of the others: by then each row that is left has passed or is out of scope.
func (a *auditor) stayed(ctx context.Context, rules []*rule) error {
	var settled []*rule
	for _, r := range rules {
		*a.tallies[r] = *a.plan.batch[r]
		if t := a.tallies[r]; t.problem == "" && t.outcome == nil {
			settled = append(settled, r)
		}
	}
	if len(settled) == 0 {
		return nil
	}
	scopes, err := a.scopes(ctx, a.target.Batch, false, settled)
	if err != nil {
		return err
	}
	for _, r := range settled {
		t := a.tallies[r]
		if t.problem != "" {
			continue
		}
		t.judged, t.scanned = true, true
		if all := scopes.files[""]; all != nil {
			t.Rows, t.Evaluated, t.batch = all.rows, all.inScope[r.scopeKey()], all.inScope[r.scopeKey()]
		}
	}
	return nil
}

// passes is SQL that is TRUE for rows that the rule lets through, FALSE for
// those it refuses: over the batch, with the rows that stay in existing (or "").
func (p *Plan) passes(d engine.Dialect, r *rule, existing string) (string, error) {
	sql, err := r.passes(d, p.facts(r), relation(d, existing))
	if err != nil {
		return "", fmt.Errorf("%s: %s: %w", r.Position, r.ID, err)
	}
	return sql, nil
}

// facts are what a rule that takes rows out knows besides its row.
func (p *Plan) facts(r *rule) cel.Facts {
	f := inSession(p.session, cel.Facts{Now: p.now})
	if t := p.batch[r]; t != nil {
		f.Metrics = t.measured
	}
	return f
}

// able lists the refusing rules that rows can be judged by. It is an error if the
// batch was not measured for one that needs it.
func (p *Plan) able() ([]*rule, error) {
	var out []*rule
	for _, r := range p.refusing() {
		switch t := p.batch[r]; {
		case t == nil && r.compares():
			return nil, fmt.Errorf("%s: %s compares rows with others of the batch, which was not measured", r.Position, r.ID)
		case t == nil || t.problem == "" && t.outcome == nil:
			out = append(out, r)
		}
	}
	return out, nil
}

// Split gives the SQL of engine.StageRequest.Split: a boolean over the rows of a
// SELECT, TRUE for those that stay, never NULL. It may hold window functions and
// subqueries. The relation existing has the rows of the table that stay beside
// the batch (an append), or is "". It is false when no rule takes rows out. A suite
// that [Plan.Compares] cannot be split while its rows are first read: it is an error.
// The error is a *cel.Unsupported when the dialect cannot say a rule exactly and the
// plan is for no session ([Plan.In]).
func (p *Plan) Split(d engine.Dialect, existing string) (sql string, ok bool, err error) {
	var parts []string
	for _, r := range p.refusing() {
		if r.compares() {
			return "", false, fmt.Errorf("%s: %s compares rows with others of the batch, which must be known before", r.Position, r.ID)
		}
		pass, err := p.passes(d, r, existing)
		if err != nil {
			return "", false, err
		}
		parts = append(parts, "("+pass+")")
	}
	return strings.Join(parts, " AND "), len(parts) > 0, nil
}

// Names of the columns that [Plan.Reasons] adds.
const (
	KeepColumn    = "dq_keep"
	ReasonsColumn = "dq_reasons"
	ErroredColumn = "dq_errored"
	DropColumn    = "dq_drop"
)

// Reasons gives a SELECT of the rows of a batch, in the columns of the table, with
// what becomes of them: dq_keep is TRUE for those that stay. Of the others dq_reasons
// is the list of the ids that they broke, in the order of the suite, dq_errored that
// of those among them which could not be judged, and dq_drop is TRUE when only drop
// rules did. The relation must hold the whole batch, or, of a
// suite that does not [Plan.Compares], at least all its refused rows, so that groups
// are found again; existing is as for [Plan.Split].
func (p *Plan) Reasons(d engine.Dialect, batch, existing string) (string, error) {
	rules, err := p.able()
	if err != nil {
		return "", err
	}
	if len(rules) == 0 && len(p.refusing()) == 0 {
		return "", errors.New("the suite takes no rows out of a batch")
	}
	columns := strings.Join(idents(d, p.schema.Names()), ", ")
	var plain, flags, ids, erred, quarantines []string
	known, from := columns, relation(d, batch) // what the innermost SELECT so far has
	for i, r := range rules {
		column := fmt.Sprintf("dq_rule%d", i)
		flag, test := column, ""
		if r.row != nil {
			if test, err = r.state(d, p.facts(r)); err != nil {
				return "", fmt.Errorf("%s: %s: %w", r.Position, r.ID, err)
			}
			flag = fmt.Sprintf("%s IN (%d, %d)", column, statePassed, stateOut)
			erred = append(erred, fmt.Sprintf("CASE WHEN %s = %d THEN %s END", column, stateErrored, d.Literal(r.ID)))
		} else if test, err = p.passes(d, r, existing); err != nil {
			return "", err
		}
		flags, ids = append(flags, flag), append(ids, fmt.Sprintf("CASE WHEN NOT (%s) THEN %s END", flag, d.Literal(r.ID)))
		if r.OnFail == "quarantine" {
			quarantines = append(quarantines, flag)
		}
		test = "(" + test + ") AS " + column
		if r.row == nil || len(r.row.Windows()) == 0 {
			plain = append(plain, test)
			continue
		}
		// Neighbours are columns that are called by what they are: a SELECT for each rule.
		if from, err = r.beside(d, p.facts(r), from); err != nil {
			return "", fmt.Errorf("%s: %s: %w", r.Position, r.ID, err)
		}
		from = fmt.Sprintf("(SELECT %s, %s FROM %s) AS dq_x", known, test, from)
		known += ", " + column
	}
	none := split(d, []string{d.Literal("")})
	keep, reasons, errored, drop := "true", none, none, "true"
	if len(flags) > 0 {
		keep, reasons = strings.Join(flags, " AND "), split(d, ids)
		from = fmt.Sprintf("(SELECT %s FROM %s) AS dq_y", strings.Join(append([]string{known}, plain...), ", "), from)
	}
	if len(erred) > 0 {
		errored = split(d, erred)
	}
	if len(quarantines) > 0 {
		drop = strings.Join(quarantines, " AND ")
	}
	return fmt.Sprintf("SELECT %s, %s AS %s, CASE WHEN NOT (%s) THEN %s END AS %s, CASE WHEN NOT (%s) THEN %s END AS %s, %s AS %s FROM %s",
		columns, keep, KeepColumn, keep, reasons, ReasonsColumn, keep, errored, ErroredColumn, drop, DropColumn, from), nil
}

func relation(d engine.Dialect, name string) string {
	if name == "" {
		return ""
	}
	return d.Relation(name)
}
