package expectations

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/expectations/cel"
)

// searches is up to how many rules are counted by a search each. A search is a
// SELECT of the bad rows of one rule: DuckDB evaluates it on dictionaries, skips
// row groups by their statistics and reads no column for rows that are good
// already, which is worth more than one scan for all as long as rules are few.
// (10M rows, 15 rules: searches 1.1 CPU s, one scan 2.1.) More rules share a scan.
const searches = 32

// counted is what one relation says about a rule, in one of its files.
type counted struct {
	Count
	lines []int64 // the first lines with bad rows
}

// count counts the states of rows for all rules, grouped by file if asked. When a
// query fails the rules are halved, so that one which the engine cannot evaluate
// does not take the others with it.
func (a *auditor) count(ctx context.Context, name string, byFile bool, rules []*rule, report func(*rule, string, Count)) error {
	var sayable []*rule
	for _, r := range rules {
		_, err := r.state(a.dialect, a.factsOf(r))
		if err == nil {
			_, err = a.over(r, name)
		}
		if err != nil {
			a.tallies[r].problem = err.Error()
			continue
		}
		sayable = append(sayable, r)
	}
	if len(sayable) == 0 {
		return nil
	}
	scopes, err := a.scopes(ctx, name, byFile, sayable)
	if err != nil {
		return err
	}
	asked := make([]*rule, 0, len(sayable))
	for _, r := range sayable {
		if a.tallies[r].problem == "" && !r.clean(scopes) {
			asked = append(asked, r)
		}
	}
	searched := asked
	if !byFile {
		if searched, err = a.withBadValues(ctx, name, scopes, asked); err != nil {
			return err
		}
	}
	found := map[*rule]map[string]counted{}
	if err := a.bad(ctx, name, byFile, searched, found); err != nil {
		return err
	}
	for _, r := range sayable {
		t := a.tallies[r]
		if t.problem != "" {
			continue
		}
		for _, file := range sortedKeys(scopes.files) {
			c := found[r][file]
			c.Rows, c.Evaluated = scopes.files[file].rows, scopes.files[file].inScope[r.scopeKey()]
			for _, line := range c.lines {
				if len(t.lines) < a.target.Samples {
					t.lines = append(t.lines, lineOf{name, file, line})
				}
			}
			report(r, file, c.Count)
		}
		if !slices.Contains(asked, r) {
			t.stats = true
		}
	}
	return nil
}

// clean reports whether the files' own counts say that no row is bad: the rule
// only asks for values, and no column lacks one.
func (r *rule) clean(s *scopes) bool {
	columns, only := guards(r.row)
	if !only || r.scope != nil || !s.footers {
		return false
	}
	for _, f := range s.files {
		for _, c := range columns {
			if n, ok := f.nulls[c]; !ok || n > 0 {
				return false
			}
		}
	}
	return true
}

// bad searches the bad rows of rules: by file, how many failed and erred, and
// where the first ones are.
func (a *auditor) bad(ctx context.Context, name string, byFile bool, rules []*rule, found map[*rule]map[string]counted) error {
	if len(rules) == 0 {
		return nil
	}
	if alone := slices.IndexFunc(rules, func(r *rule) bool { return len(r.row.Windows()) > 0 }); alone >= 0 && len(rules) > searches {
		if err := a.bad(ctx, name, byFile, rules[alone:alone+1], found); err != nil { // no scan can be shared with it
			return err
		}
		return a.bad(ctx, name, byFile, slices.Delete(slices.Clone(rules), alone, alone+1), found)
	}
	query, err := a.searches(name, byFile, rules)
	if len(rules) > searches {
		query, err = a.scan(name, byFile, rules)
	}
	if err != nil {
		return err
	}
	answer, err := a.session.Query(ctx, query)
	switch {
	case err == nil:
	case cancelled(ctx, err):
		return err
	case len(rules) > 1:
		half := len(rules) / 2
		if err := a.bad(ctx, name, byFile, rules[:half], found); err != nil {
			return err
		}
		return a.bad(ctx, name, byFile, rules[half:], found)
	default:
		a.tallies[rules[0]].problem = err.Error()
		return nil
	}
	for _, r := range rules {
		found[r] = map[string]counted{}
	}
	if len(rules) > searches {
		return readScan(answer, rules, found)
	}
	return readSearches(answer, rules, found)
}

// searches is one statement with a search for each rule. Each gives the rule's
// number, the file, how many rows failed and erred, and their first lines.
func (a *auditor) searches(name string, byFile bool, rules []*rule) (string, error) {
	d := a.dialect
	file, lines, group := d.Literal(""), "NULL", "HAVING count(*) > 0"
	var more string
	if byFile {
		file, group = d.Ident(engine.FileColumn), "GROUP BY 2"
		more = ", " + file
		if n := a.target.Samples; n > 0 && d.Name() == "duckdb" {
			more += ", " + d.Ident(engine.LineColumn)
			lines = fmt.Sprintf("min(%s, %d)", d.Ident(engine.LineColumn), n)
		}
	}
	var parts []string
	for i, r := range rules {
		bad, exact, err := r.bad(d, a.factsOf(r))
		if err != nil {
			return "", err
		}
		over, err := a.over(r, name)
		if err != nil {
			return "", err
		}
		failed, errored, from := "count(*)", "0", over+" WHERE "+bad
		if !exact {
			state, err := r.state(d, a.factsOf(r))
			if err != nil {
				return "", err
			}
			failed, errored = fmt.Sprintf("count_if(dq_s = %d)", stateFailed), fmt.Sprintf("count_if(dq_s = %d)", stateErrored)
			from = fmt.Sprintf("(SELECT %s AS dq_s%s FROM %s) AS dq_x", state, more, from)
		}
		parts = append(parts, fmt.Sprintf("SELECT %d AS dq_n, %s AS dq_f, %s AS dq_failed, %s AS dq_errored, %s AS dq_l FROM %s %s", i, file, failed, errored, lines, from, group))
	}
	return strings.Join(parts, " UNION ALL "), nil
}

func readSearches(answer *engine.Rows, rules []*rule, found map[*rule]map[string]counted) error {
	for _, values := range answer.Values {
		if len(values) != 5 {
			return fmt.Errorf("expectations: the engine gave %d values where 5 were asked for", len(values))
		}
		n, err := whole(values[0])
		if err != nil || n < 0 || n >= int64(len(rules)) {
			return fmt.Errorf("expectations: the engine counted rule %v of %d", values[0], len(rules))
		}
		file, _ := values[1].(string)
		c, err := readCounted(values[2:])
		if err != nil {
			return err
		}
		found[rules[n]][file] = c
	}
	return nil
}

// scan is one statement for all rules. Rows that are good under all of them are
// left out first, which a table's statistics often say of whole row groups.
func (a *auditor) scan(name string, byFile bool, rules []*rule) (string, error) {
	d := a.dialect
	var states, items, anyBad []string
	group := ""
	if byFile {
		file := d.Ident(engine.FileColumn)
		states, items, group = append(states, file, d.Ident(engine.LineColumn)), append(items, file), " GROUP BY "+file
	}
	for i, r := range rules {
		bad, exact, err := r.bad(d, a.factsOf(r))
		if err != nil {
			return "", err
		}
		anyBad = append(anyBad, "("+bad+")")
		state := fmt.Sprintf("CASE WHEN %s THEN %d ELSE %d END", bad, stateFailed, statePassed)
		if !exact {
			if state, err = r.state(d, a.factsOf(r)); err != nil {
				return "", err
			}
		}
		c := fmt.Sprintf("dq_c%d", i)
		states = append(states, fmt.Sprintf("%s AS %s", state, c))
		// count_if costs half of count(*) FILTER in DuckDB, and Spark has it too. It
		// is null over no rows.
		items = append(items, fmt.Sprintf("coalesce(count_if(%s = %d), 0)", c, stateFailed), fmt.Sprintf("coalesce(count_if(%s = %d), 0)", c, stateErrored))
		lines := "NULL"
		if n := a.target.Samples; byFile && n > 0 && d.Name() == "duckdb" {
			lines = fmt.Sprintf("min(CASE WHEN %s IN (%d, %d) THEN %s END, %d)", c, stateFailed, stateErrored, d.Ident(engine.LineColumn), n)
		}
		items = append(items, lines)
	}
	return fmt.Sprintf("SELECT %s FROM (SELECT %s FROM %s WHERE %s) AS dq_x%s", strings.Join(items, ", "), strings.Join(states, ", "), d.Relation(name), strings.Join(anyBad, " OR "), group), nil
}

func readScan(answer *engine.Rows, rules []*rule, found map[*rule]map[string]counted) error {
	for _, values := range answer.Values {
		file := ""
		if len(values) == 3*len(rules)+1 {
			file, _ = values[0].(string)
			values = values[1:]
		}
		if len(values) != 3*len(rules) {
			return fmt.Errorf("expectations: the engine gave %d values where %d were asked for", len(values), 3*len(rules))
		}
		for i, r := range rules {
			c, err := readCounted(values[3*i:])
			if err != nil {
				return err
			}
			found[r][file] = c
		}
	}
	return nil
}

// readCounted reads how many rows failed and erred, and the first lines of them.
func readCounted(values []any) (c counted, err error) {
	failed, errFailed := whole(values[0])
	errored, errErrored := whole(values[1])
	c.Failed, c.Errored = failed, errored
	lines, _ := values[2].([]any)
	for _, l := range lines {
		if line, ok := l.(int64); ok {
			c.lines = append(c.lines, line)
		}
	}
	return c, errors.Join(errFailed, errErrored)
}

// scopes is how many rows a relation has, and how many of them rules judge: by
// file, or all under "".
type scopes struct {
	files   map[string]*scoped
	footers bool // the nulls are known
}

type scoped struct {
	rows    int64
	nulls   map[string]int64
	inScope map[string]int64 // by rule.scopeKey
}

// scopeKey tells scopes apart; "" is all rows.
func (r *rule) scopeKey() string {
	if r.scope == nil {
		return ""
	}
	return r.scope.Canonical()
}

// scopes counts rows and those in scope. What the files' footers say needs no scan.
func (a *auditor) scopes(ctx context.Context, name string, byFile bool, rules []*rule) (*scopes, error) {
	s, err := a.footers(ctx, name, byFile)
	if err != nil {
		return nil, err
	}
	d := a.dialect
	var keys, items []string
	for _, r := range rules {
		key := r.scopeKey()
		if r.scope == nil || s.knows(r) || slices.Contains(keys, key) {
			continue
		}
		scope, err := condition(d, r.scope, a.facts())
		if err != nil {
			a.tallies[r].problem = err.Error()
			continue
		}
		keys, items = append(keys, key), append(items, fmt.Sprintf("coalesce(count_if((%s) IS NOT FALSE), 0)", scope))
	}
	if s.footers && len(keys) == 0 {
		return s, nil
	}
	group := ""
	items = append([]string{"count(*)"}, items...)
	if byFile {
		file := d.Ident(engine.FileColumn)
		items, group = append(items, file), " GROUP BY "+file
	}
	answer, err := a.session.Query(ctx, fmt.Sprintf("SELECT %s FROM %s%s", strings.Join(items, ", "), d.Relation(name), group))
	if cancelled(ctx, err) {
		return nil, err
	}
	if err != nil {
		return a.eachScope(ctx, name, byFile, rules, err)
	}
	for _, values := range answer.Values {
		if len(values) != len(items) {
			return nil, fmt.Errorf("expectations: the engine gave %d values where %d were asked for", len(values), len(items))
		}
		file := ""
		if byFile {
			file, _ = values[len(values)-1].(string)
		}
		f := s.files[file]
		if f == nil {
			f = &scoped{inScope: map[string]int64{}}
			s.files[file] = f
		}
		if f.rows, err = whole(values[0]); err != nil {
			return nil, err
		}
		f.inScope[""] = f.rows
		for i, key := range keys {
			if f.inScope[key], err = whole(values[i+1]); err != nil {
				return nil, err
			}
		}
	}
	return s, nil
}

// eachScope counts the scopes one by one: those that fail are a problem of their rules.
func (a *auditor) eachScope(ctx context.Context, name string, byFile bool, rules []*rule, cause error) (*scopes, error) {
	if len(rules) == 1 {
		a.tallies[rules[0]].problem = cause.Error()
		return &scopes{files: map[string]*scoped{}}, nil
	}
	all := &scopes{files: map[string]*scoped{}}
	for _, r := range rules {
		one, err := a.scopes(ctx, name, byFile, []*rule{r})
		if err != nil {
			return nil, err
		}
		for file, f := range one.files {
			if all.files[file] == nil {
				all.files[file] = f
			}
			maps.Copy(all.files[file].inScope, f.inScope)
		}
	}
	return all, nil
}

// footers is what the files say without a scan.
func (a *auditor) footers(ctx context.Context, name string, byFile bool) (*scopes, error) {
	s := &scopes{files: map[string]*scoped{}}
	counter, ok := a.session.(engine.Counter)
	if !ok {
		return s, nil
	}
	counts, ok, err := counter.Counts(ctx, name)
	if cancelled(ctx, err) {
		return nil, err
	}
	if err != nil || !ok {
		return s, nil // the scan will say what is wrong with the files
	}
	s.footers = true
	for path, c := range counts {
		file := ""
		if byFile {
			file = path
		}
		f := s.files[file]
		if f == nil {
			f = &scoped{rows: c.Rows, nulls: maps.Clone(c.Nulls), inScope: map[string]int64{"": c.Rows}}
			s.files[file] = f
			continue
		}
		f.rows += c.Rows
		f.inScope[""] = f.rows
		maps.DeleteFunc(f.nulls, func(column string, _ int64) bool { _, ok := c.Nulls[column]; return !ok })
		for column := range f.nulls {
			f.nulls[column] += c.Nulls[column]
		}
	}
	return s, nil
}

// knows reports whether the rows in scope of a rule follow from what the files
// say, and notes them: all rows, or all that have values in its columns, of
// which at most one has nulls in a file.
func (s *scopes) knows(r *rule) bool {
	if !s.footers {
		return false
	}
	columns, only := guards(r.scope)
	if !only {
		return false
	}
	in := map[string]int64{}
	for file, f := range s.files {
		with := 0
		in[file] = f.rows
		for _, c := range columns {
			n, ok := f.nulls[c]
			if !ok {
				return false
			}
			if n > 0 {
				with++
				in[file] -= n
			}
		}
		if with > 1 {
			return false
		}
	}
	for file, n := range in {
		s.files[file].inScope[r.scopeKey()] = n
	}
	return true
}

// guard is a condition that asks for a value and nothing else.
var guard = regexp.MustCompile("^(?:([A-Za-z_][A-Za-z0-9_]*)|row\\.`([^`]*)`) != null$")

// guards lists the columns that are not null where the rule is true, as far as
// its text says so plainly, and whether that is all it says.
func guards(r *cel.Rule) (columns []string, only bool) {
	if r == nil {
		return nil, true
	}
	text := r.Canonical()
	if strings.ContainsAny(text, `"'|?`) {
		return nil, false
	}
	only = true
	for _, part := range strings.Split(text, " && ") {
		if m := guard.FindStringSubmatch(part); m != nil {
			columns = append(columns, m[1]+m[2])
		} else {
			only = false
		}
	}
	return columns, only
}
