package expectations

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/expectations/cel"
)

// States that a row has for a rule, as the SQL of a scan says them.
const (
	stateFailed  = 0
	statePassed  = 1
	stateErrored = 2
	stateOut     = 3 // where leaves the row out
)

var errNoClock = errors.New("the rule reads the clock, and none is given")

// bind gives a part the facts that its SQL needs.
func bind(r *cel.Rule, f cel.Facts) (*cel.Rule, error) {
	if r.Clock() && f.Now.IsZero() {
		return nil, errNoClock
	}
	if r.Clock() || f.Metrics != nil || f.Grouped || f.Compute != nil {
		r = r.With(f)
	}
	return r, nil
}

// condition is the SQL of a part that is about one row: TRUE, FALSE or NULL.
// A nil part is "".
func condition(d engine.Dialect, r *cel.Rule, f cel.Facts) (string, error) {
	if r == nil {
		return "", nil
	}
	bound, err := bind(r, f)
	if err != nil {
		return "", err
	}
	return bound.SQL(d)
}

// state is the SQL of a row's state for a row rule.
func (r *rule) state(d engine.Dialect, f cel.Facts) (string, error) {
	row, err := condition(d, r.row, f)
	if err != nil {
		return "", err
	}
	scope, err := condition(d, r.scope, f)
	if err != nil {
		return "", err
	}
	state := fmt.Sprintf("coalesce(CAST((%s) AS INTEGER), %d)", row, stateErrored)
	if scope != "" {
		state = fmt.Sprintf("CASE WHEN (%s) THEN %s ELSE coalesce(CAST((%s) AS INTEGER) + %d, %d) END",
			scope, state, scope, stateOut, stateErrored)
	}
	return state, nil
}

// bad is SQL that is TRUE for the rows that a row rule finds failed or errored,
// and FALSE or NULL for all others. It is written so that engines can push it
// into a scan: without CASE, and without what only guards against nulls that the
// rule's scope leaves out anyway.
// exact says that none of them errs.
func (r *rule) bad(d engine.Dialect, f cel.Facts) (sql string, exact bool, err error) {
	given := func(part *cel.Rule, present []string) (string, bool, error) {
		part, err := bind(part, f)
		if err != nil {
			return "", false, err
		}
		return part.Given(d, present)
	}
	row, exact, err := given(r.row, r.present())
	if err != nil {
		return "", false, err
	}
	if exact {
		row = "NOT (" + row + ")"
	} else {
		row = "coalesce(NOT (" + row + "), TRUE)"
	}
	if r.scope == nil {
		return row, exact, nil
	}
	scope, total, err := given(r.scope, nil)
	switch {
	case err != nil:
		return "", false, err
	case total:
		return "(" + scope + ") AND " + row, exact, nil
	}
	return "(" + scope + ") AND " + row + " OR (" + scope + ") IS NULL", false, nil
}

// present lists the columns that are not null in the rows that the rule judges.
func (r *rule) present() []string {
	columns, _ := guards(r.scope)
	if r.call != nil && (r.call.nulls == "skip" || r.call.nulls == "" && r.call.kind.SkipNulls) {
		columns = append(columns, r.call.columns()...)
	}
	return columns
}

// passes is SQL that is TRUE for rows that the rule lets through, FALSE for
// those it refuses: over the batch, with the rows that stay in existing (or "").
func (r *rule) passes(d engine.Dialect, f cel.Facts, existing string) (string, error) {
	if r.row != nil {
		state, err := r.state(d, f)
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("(%s) IN (%d, %d)", state, statePassed, stateOut), nil
	}
	keys, scope, err := r.group(d, f)
	if err != nil {
		return "", err
	}
	if scope == "" {
		scope = "true"
	}
	sql := fmt.Sprintf("sum(CASE WHEN %s THEN 1 ELSE 0 END) OVER (PARTITION BY %s) <= 1", scope, keys)
	if existing != "" {
		sql = fmt.Sprintf("%s AND NOT coalesce(%s, false)", sql, r.among(d, existing+" WHERE "+scope))
	}
	if none := r.maybeNull(d, "IS NULL", " OR "); none != "" {
		sql = none + " OR " + sql
	}
	// A row out of scope is let through, one whose scope cannot be told is refused.
	return fmt.Sprintf("CASE WHEN (%s) THEN %s ELSE coalesce(NOT (%s), false) END", scope, sql, scope), nil
}

// group is the SQL of a unique rule's key, and of the rows it judges.
func (r *rule) group(d engine.Dialect, f cel.Facts) (keys, scope string, err error) {
	scope, err = condition(d, r.scope, f)
	return r.selected(d), scope, err
}

// among is SQL that is TRUE for rows whose key is one of those in a FROM clause.
func (r *rule) among(d engine.Dialect, from string) string {
	if !r.sameNulls() {
		return fmt.Sprintf("(%s) IN (SELECT %s FROM %s)", r.selected(d), r.selected(d), from)
	}
	var items, same []string
	for i, k := range idents(d, r.keys) {
		name := fmt.Sprintf("dq_k%d", i)
		items, same = append(items, k+" AS "+name), append(same, name+" IS NOT DISTINCT FROM "+k)
	}
	return fmt.Sprintf("EXISTS (SELECT 1 FROM (SELECT %s FROM %s) AS dq_keys WHERE %s)", strings.Join(items, ", "), from, strings.Join(same, " AND "))
}

// sameNulls reports whether nulls are values of the key.
func (r *rule) sameNulls() bool { return strings.HasPrefix(r.cel, "duplicates_or_nulls(") }

// maybeNull is a test of those key columns that may be null and then are in no
// group; "" when there are none.
func (r *rule) maybeNull(d engine.Dialect, test, join string) string {
	if r.sameNulls() {
		return ""
	}
	var parts []string
	for _, k := range r.keys {
		if !slices.Contains(r.present(), k) {
			parts = append(parts, d.Ident(k)+" "+test)
		}
	}
	return strings.Join(parts, join)
}

func (r *rule) selected(d engine.Dialect) string {
	return strings.Join(idents(d, r.keys), ", ")
}

func idents(d engine.Dialect, names []string) []string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = d.Ident(name)
	}
	return quoted
}
