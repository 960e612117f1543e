package expectations

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/dq-dev/dq/expectations/cel"
	"github.com/dq-dev/dq/internal/yamlpos"
	"github.com/dq-dev/dq/record"
	"github.com/dq-dev/dq/table"
)

// The findings of [Suite.Lint].
const (
	LintImpossible  = "lint.impossible" // nothing can pass
	LintConflict    = "lint.conflict"   // nothing can pass two rules
	LintAlways      = "lint.always"     // nothing can fail
	LintDuplicate   = "lint.duplicate"  // another rule says the same
	LintImplied     = "lint.implied"    // another rule says more
	LintUnusedLet   = "lint.unused_let" // no rule uses the name
	LintNotLookedAt = "lint.unseen"     // the rule does not compile with what is known of the table
)

// Lint says what is odd about a suite's rules, without data: rules that nothing
// can pass or nothing can fail, pairs that contradict, repeat or include each
// other, and names that no rule uses. Impossible rules and conflicts are errors,
// all else are warnings; findings are sorted by place.
//
// The schema is the table's; without columns, what the suite itself says of them,
// and then rules that need more are listed in one finding of severity info.
//
// Lint understands conditions that compare one term with constants, joined by &&,
// over intervals and sets; what else a rule demands is taken to be possible and
// not to follow from anything. So it never accuses a rule wrongly, and does not
// find everything. Cost: pairs of rules that share a term.
func (s *Suite) Lint(schema table.Schema) []record.Finding {
	known := len(schema.Fields) > 0
	if !known {
		for _, c := range s.Columns {
			if c.Type != nil {
				schema.Fields = append(schema.Fields, table.Field{Name: c.Name, Type: *c.Type, Nullable: true})
			}
		}
	}
	l := &linter{suite: s, schema: schema, said: map[*demand]bool{}}
	c := &compiler{suite: s, schema: schema, anyTable: true}
	var unseen []string
	if env := c.environment(s.lets); env != nil {
		for i := range s.Expectations {
			e := &s.Expectations[i]
			c.errs = nil
			if r := c.rule(env, e); r != nil {
				if r.sql == "" && !r.grouped() { // what SQL and groups demand is not known
					l.rules = append(l.rules, newDemand(r))
				}
			} else {
				unseen = append(unseen, e.ID)
			}
		}
	}
	if len(unseen) > 0 {
		hint := ""
		if !known {
			hint = "give the columns types in the suite, or the table: --data DATA"
		}
		l.add(s.doc.Root, record.Finding{Rule: LintNotLookedAt, Severity: "info", Hint: hint, Message: fmt.Sprintf("not looked at, since the types of their columns are not known: %s", strings.Join(unseen, ", "))})
	}
	for _, d := range l.rules {
		if !l.alone(d) {
			l.said[d] = true // what nothing passes says nothing of others
		}
	}
	l.pairs()
	l.lets()
	slices.SortStableFunc(l.out, func(a, b placed) int { return cmp.Or(cmp.Compare(a.line, b.line), cmp.Compare(a.col, b.col)) })
	found := make([]record.Finding, len(l.out))
	for i, f := range l.out {
		found[i] = f.Finding
	}
	return found
}

// placed is a finding with its place in the suite, to sort by.
type placed struct {
	record.Finding
	line, col int
}

func (l *linter) add(n *yamlpos.Node, f record.Finding) {
	f.Table, f.Position = l.suite.Table, n.Position()
	l.out = append(l.out, placed{f, n.Line, n.Col})
}

type linter struct {
	suite  *Suite
	schema table.Schema
	rules  []*demand
	out    []placed
	said   map[*demand]bool // nothing more is said of it
}

// demand is what a rule demands of its terms, in its scope.
type demand struct {
	*rule
	text       string // canonical
	terms      domains
	whole      bool // the terms are all that is demanded
	scopeText  string
	scoped     domains
	scopeWhole bool
}

func newDemand(r *rule) *demand {
	d := &demand{rule: r}
	condition := r.row
	if condition == nil {
		condition = r.aggregate
	}
	d.text = condition.Canonical()
	d.terms, d.whole = demanded(condition)
	d.scoped, d.scopeWhole = demanded(r.scope)
	if r.scope != nil {
		d.scopeText = r.scope.Canonical()
	}
	return d
}

func (l *linter) note(d *demand, rule, severity, hint, format string, args ...any) {
	l.add(d.node, record.Finding{Rule: rule, Severity: severity, Hint: hint, Message: d.ID + ": " + fmt.Sprintf(format, args...)})
}

// inScope is what the term's type and the rule's where leave to it. The terms of
// aggregates are numbers about the scope, of which a where says nothing.
func (l *linter) inScope(d *demand, term string) domain {
	all := typed(term, l.schema)
	if d.row == nil {
		return all
	}
	if name, isSize := strings.CutPrefix(term, "size("); isSize {
		all.noNull = d.scoped[strings.TrimSuffix(name, ")")].noNull
	}
	return all.and(d.scoped[term])
}

// alone looks at one rule by itself. It returns false for one that nothing passes.
func (l *linter) alone(d *demand) bool {
	for _, term := range sortedKeys(d.scoped) {
		if left := typed(term, l.schema).and(d.scoped[term]); left.empty() && left.noNull {
			l.note(d, LintImpossible, "error", "correct the where", "no value of %s is in its where", term)
			return false
		}
	}
	always := d.whole && d.text != ""
	for _, term := range sortedKeys(d.terms) {
		scope := l.inScope(d, term)
		left := scope.and(d.terms[term])
		if left.empty() && left.noNull {
			l.note(d, LintImpossible, "error", "correct the bounds", "no value of %s can pass it", term)
			return false
		}
		always = always && scope.within(d.terms[term])
	}
	if always {
		l.note(d, LintAlways, "warn", "remove it, or narrow it", "nothing can fail it: the types of its columns and its where leave no other value")
	}
	return true
}

// pairs looks at rules that share a term, and at keys: first for those that say the
// same, so that what says less is held against one of them.
func (l *linter) pairs() {
	l.eachPair(func(a, b *demand) {
		if l.same(a, b) {
			l.said[a] = true
			l.note(a, LintDuplicate, "warn", "remove one of them", "%s (%s) says the same", b.ID, b.Position)
		}
	})
	l.eachPair(func(a, b *demand) {
		switch {
		case l.implies(b, a):
			l.needless(a, b)
		case l.implies(a, b):
			l.needless(b, a)
		case l.conflict(a, b):
			l.note(a, LintConflict, "error", "correct one of them, or tell them apart by where", "no value passes it and %s (%s)", b.ID, b.Position)
		}
	})
}

// eachPair calls look with rules of which nothing was said yet; b stands above a.
func (l *linter) eachPair(look func(a, b *demand)) {
	for i, a := range l.rules {
		for _, b := range l.rules[:i] {
			if !l.said[a] && !l.said[b] {
				look(a, b)
			}
		}
	}
}

// same reports whether two rules say the same with the same consequence: one that
// warns of any row beside one that refuses many says something else.
func (l *linter) same(a, b *demand) bool {
	if a.text == b.text && a.scopeText == b.scopeText && a.sort() == b.sort() && slices.Equal(a.keys, b.keys) {
		return a.Batch == b.Batch && weight(a.OnFail) == weight(b.OnFail) && fmt.Sprint(a.Threshold.JSON()) == fmt.Sprint(b.Threshold.JSON())
	}
	return l.implies(a, b) && l.implies(b, a)
}

func (l *linter) needless(d, by *demand) {
	l.said[d] = true
	l.note(d, LintImplied, "warn", "remove it, or narrow it", "what passes %s (%s) passes it too", by.ID, by.Position)
}

// sort is what the demand's terms are about: rows, aggregates or keys.
func (d *demand) sort() string {
	switch {
	case d.unique():
		return "unique"
	case d.row != nil:
		return "row"
	}
	return "table"
}

// implies reports whether d never decides anything, because by is at least as strict.
func (l *linter) implies(by, d *demand) bool {
	sameScope := by.scopeText == d.scopeText
	switch {
	case by.sort() != d.sort() || by.Batch && !d.Batch || weight(by.OnFail) < weight(d.OnFail):
		return false
	case by.Threshold.Set() && !(sameScope && fmt.Sprint(by.Threshold.JSON()) == fmt.Sprint(d.Threshold.JSON())):
		return false
	case !sameScope && !l.covers(by, d):
		return false
	case d.sort() == "unique":
		// Rows that differ in some columns differ in more.
		return by.sameNulls() == d.sameNulls() && len(by.keys) < len(d.keys) && !slices.ContainsFunc(by.keys, func(k string) bool { return !slices.Contains(d.keys, k) })
	case d.sort() == "table" && !sameScope || !d.whole || len(d.terms) == 0:
		return false
	}
	for term, allowed := range d.terms {
		left, ok := by.terms[term]
		if !ok || !l.inScope(d, term).and(left).within(allowed) {
			return false
		}
	}
	return true
}

// covers reports whether every row in d's scope is in by's.
func (l *linter) covers(by, d *demand) bool {
	if !by.scopeWhole {
		return false
	}
	for term, allowed := range by.scoped {
		if !typed(term, l.schema).and(d.scoped[term]).within(allowed) {
			return false
		}
	}
	return true
}

// conflict reports whether both rules judge the same rows, tolerate none that
// fails, and leave no value together.
func (l *linter) conflict(a, b *demand) bool {
	if a.sort() != b.sort() || a.unique() || a.Threshold.Set() || b.Threshold.Set() || weight(a.OnFail) < 2 || weight(b.OnFail) < 2 {
		return false
	}
	if a.row == nil {
		if a.scopeText != b.scopeText {
			return false
		}
	} else {
		if !a.scopeWhole || !b.scopeWhole {
			return false
		}
		for term, d := range a.scoped {
			if both := d.and(b.scoped[term]).and(typed(term, l.schema)); both.empty() {
				return false // no row is in both
			}
		}
	}
	for term, d := range a.terms {
		other, shared := b.terms[term]
		scope := l.inScope(a, term).and(l.inScope(b, term))
		if shared && !scope.empty() && scope.and(d).and(other).empty() && !scope.and(d).empty() && !scope.and(other).empty() {
			return true
		}
	}
	return false
}

// weight orders what failing a rule does: nothing, a warning, or refusal.
func weight(onFail string) int {
	switch onFail {
	case "info":
		return 0
	case "warn":
		return 1
	}
	return 2
}

// lets finds names that neither a rule nor another let uses.
func (l *linter) lets() {
	for _, let := range l.suite.lets {
		name := regexp.MustCompile(`\b` + regexp.QuoteMeta(let.Name) + `\b`)
		used := slices.ContainsFunc(l.suite.Expectations, func(e Expectation) bool { return name.MatchString(e.CEL + " " + e.Where) }) ||
			slices.ContainsFunc(l.suite.lets, func(o cel.Let) bool { return o.Name != let.Name && name.MatchString(o.Source) })
		if n := l.suite.letNodes[let.Name]; !used && n != nil {
			l.add(n, record.Finding{Rule: LintUnusedLet, Severity: "warn", Message: "let: no rule uses " + let.Name, Hint: "remove it"})
		}
	}
}
