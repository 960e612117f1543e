package expectations

import (
	"context"
	"fmt"
	"strings"

	"github.com/dq-dev/dq/engine"
)

// repeats counts, for each unique rule, the rows in scope and those of them that
// share their key with another one, and gives both as the rule's metrics.
func (a *auditor) repeats(ctx context.Context, name string, rules []*rule, problems map[string]string) (map[string]any, error) {
	values := map[string]any{}
	var unique []*rule
	for _, r := range rules {
		if r.unique() {
			unique = append(unique, r)
		}
	}
	if len(unique) == 0 {
		return values, nil
	}
	scopes, err := a.scopes(ctx, name, false, unique)
	if err != nil {
		return nil, err
	}
	for _, r := range unique {
		if a.tallies[r].problem != "" {
			continue
		}
		in, repeated := r.inScope.Metrics()[0].Of, r.aggregate.Metrics()[0].Of
		values[in], values[repeated] = int64(0), int64(0)
		all := scopes.files[""]
		if all == nil || all.inScope[r.scopeKey()] == 0 {
			continue
		}
		values[in] = all.inScope[r.scopeKey()]
		n, err := a.repeated(ctx, name, r, values[in] != all.rows)
		switch {
		case cancelled(ctx, err):
			return nil, err
		case err != nil:
			problems[repeated] = err.Error()
		default:
			values[repeated] = n
		}
	}
	return values, nil
}

// repeated counts the rows of a unique rule's repeated groups, among all rows or
// some that are in its scope. An engine that can tell first which rows may be
// among them saves most of the work.
func (a *auditor) repeated(ctx context.Context, name string, r *rule, some bool) (int64, error) {
	keys, scope, err := r.group(a.dialect, a.factsOf(r))
	if err != nil {
		return 0, err
	}
	where := ""
	if scope != "" && some {
		where = "(" + scope + ") IS NOT FALSE"
	}
	where = and(where, r.maybeNull(a.dialect, "IS NOT NULL", " AND "))
	if repeater, ok := a.session.(engine.Repeater); ok {
		suspects, ok, err := repeater.Repeats(ctx, name, idents(a.dialect, r.keys), where)
		if cancelled(ctx, err) {
			return 0, err
		}
		if ok && err == nil { // else GROUP BY does it, or says what is wrong
			a.tallies[r].suspects = suspects
			if suspects == "FALSE" {
				return 0, nil
			}
			where = and(where, suspects)
		}
	}
	if where != "" {
		where = " WHERE " + where
	}
	if a.target.Lines && a.tallies[r].suspects != "" {
		return a.repeatedLines(ctx, name, r, keys, where)
	}
	answer, err := a.session.Query(ctx, fmt.Sprintf("SELECT coalesce(CAST(sum(dq_n) AS BIGINT), 0) FROM (SELECT count(*) AS dq_n FROM %s%s GROUP BY %s HAVING count(*) > 1) AS dq_x",
		a.dialect.Relation(name), where, keys))
	if err != nil {
		return 0, err
	}
	if len(answer.Values) != 1 || len(answer.Values[0]) != 1 {
		return 0, fmt.Errorf("expectations: the engine gave no single count of repeated keys")
	}
	return whole(answer.Values[0][0])
}

// repeatedLines counts as repeated does, among few suspects, and notes where the
// first of the rows are: groups by where they begin, so that hardly more than one
// piece of a file has to be read for them.
func (a *auditor) repeatedLines(ctx context.Context, name string, r *rule, keys, where string) (int64, error) {
	d, t := a.dialect, a.tallies[r]
	file, line := d.Ident(engine.FileColumn), d.Ident(engine.LineColumn)
	group := "OVER (PARTITION BY " + keys + ")"
	answer, err := a.session.Query(ctx, fmt.Sprintf("SELECT %s, %s, count(*) OVER () FROM (SELECT %s, %s, %s, count(*) %s AS dq_n, min(%s) %s AS dq_a, min(%s) %s AS dq_b FROM %s%s) AS dq_x WHERE dq_n > 1 ORDER BY dq_a, dq_b, %s, %s, %s LIMIT %d",
		file, line, keys, file, line, group, file, group, line, group, d.Relation(name), where, keys, file, line, max(a.target.Samples, 1)))
	if err != nil || len(answer.Values) == 0 {
		return 0, err
	}
	for _, values := range answer.Values {
		path, _ := values[0].(string)
		if n, ok := values[1].(int64); ok && len(t.lines) < a.target.Samples {
			t.lines = append(t.lines, lineOf{name, path, n})
		}
	}
	return whole(answer.Values[0][2])
}

// and joins conditions; "" is none.
func and(conditions ...string) string {
	var parts []string
	for _, c := range conditions {
		if c != "" {
			parts = append(parts, "("+c+")")
		}
	}
	return strings.Join(parts, " AND ")
}
