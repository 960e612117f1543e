package expectations

import (
	"fmt"
	"maps"
	"math/big"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/dq-dev/dq/expectations/cel"
	"github.com/dq-dev/dq/internal/yamlpos"
	"github.com/dq-dev/dq/table"
)

// Rule is what an expectation demands, in a form that can be kept beside a version
// of a table and compared with what the suite demands later.
type Rule struct {
	ID   string `json:"id"`
	Kind string `json:"kind"`
	// User is the digest of a kind of the user's own.
	User  string `json:"user,omitempty"`
	Scope string `json:"scope"`
	// Args are the arguments of a kind by parameter, items as text. A column that the
	// rule stands at is among them.
	Args  map[string][]string `json:"args,omitempty"`
	Nulls string              `json:"nulls,omitempty"`
	// Text is free CEL or SQL, and Lets the names that it or Where uses.
	Text  string            `json:"text,omitempty"`
	Where string            `json:"where,omitempty"` // of the suite's own
	Lets  map[string]string `json:"lets,omitempty"`
	// Mostly and the others are thresholds; "" is not set.
	Mostly        string   `json:"mostly,omitempty"`
	WarnMostly    string   `json:"warn_mostly,omitempty"`
	MaxFailed     string   `json:"max_failed,omitempty"`
	WarnMaxFailed string   `json:"warn_max_failed,omitempty"`
	OnFail        string   `json:"on_fail"`
	OnEmpty       string   `json:"on_empty"`
	Batch         bool     `json:"batch,omitempty"`
	Since         bool     `json:"since,omitempty"`
	GroupBy       []string `json:"group_by,omitempty"`
}

// Rules gives what each expectation demands, in the order of the suite.
func (s *Suite) Rules() []Rule {
	rules := make([]Rule, len(s.Expectations))
	for i := range s.Expectations {
		rules[i] = s.rule(&s.Expectations[i])
	}
	return rules
}

func (s *Suite) rule(e *Expectation) Rule {
	r := Rule{ID: e.ID, Kind: e.Kind, Scope: e.Scope, OnFail: e.OnFail, OnEmpty: string(e.OnEmpty), Batch: e.Batch, Since: e.Since, GroupBy: e.GroupBy}
	t := e.Threshold
	for to, n := range map[*string]*big.Rat{&r.Mostly: t.Mostly, &r.WarnMostly: t.WarnMostly} {
		if n != nil {
			*to = n.RatString()
		}
	}
	for to, n := range map[*string]*int64{&r.MaxFailed: t.MaxFailed, &r.WarnMaxFailed: t.WarnMaxFailed} {
		if n != nil {
			*to = fmt.Sprint(*n)
		}
	}
	switch {
	case e.celNode != nil:
		r.Text = e.celNode.Text
	case e.sqlNode != nil:
		r.Text = e.sqlNode.Text
	default:
		r.Nulls, r.User = e.call.nulls, e.call.kind.digest
		if !e.call.kind.User {
			r.User = ""
		}
		r.Args = map[string][]string{}
		for _, p := range e.call.kind.Params {
			if names := e.call.columnsOf(p.Name); names != nil {
				r.Args[p.Name] = names
			} else if n := e.call.arg(p.Name); n != nil {
				r.Args[p.Name] = texts(n)
			}
		}
	}
	if e.whereNode != nil {
		r.Where = e.whereNode.Text
	}
	r.Lets = s.letsOf(r.Text + " " + r.Where)
	return r
}

// texts writes a node as a list of texts: the items of a list, the entries of a mapping.
func texts(n *yamlpos.Node) []string {
	out := []string{}
	switch n.Kind {
	case yamlpos.Mapping:
		for _, e := range n.Entries {
			out = append(out, e.Key.Text+": "+strings.Join(texts(e.Value), ", "))
		}
	case yamlpos.Sequence:
		for _, i := range n.Items {
			out = append(out, strings.Join(texts(i), ", "))
		}
	default:
		out = append(out, n.Text)
	}
	return out
}

var word = regexp.MustCompile(`[A-Za-z_][A-Za-z0-9_]*`)

// letsOf are the lets that a text names, and those that they name; nil for none.
func (s *Suite) letsOf(text string) map[string]string {
	var out map[string]string
	for todo := []string{text}; len(todo) > 0; todo = todo[1:] {
		names := word.FindAllString(todo[0], -1)
		for _, l := range s.lets {
			if _, known := out[l.Name]; !known && slices.Contains(names, l.Name) {
				if out == nil {
					out = map[string]string{}
				}
				out[l.Name] = l.Source
				todo = append(todo, l.Source)
			}
		}
	}
	return out
}

// Weakened lists what a suite demands less than before, as changes of the
// operation suite_weakened: expectations that are gone, those that bear more or
// cost less when they fail, and those that demand something else, of which cannot be
// told that they demand no less. What is stricter or new is not among them. An
// expectation that has a new id alone is the same, and so is one that follows its
// column to a new name: renamed maps that to the old one.
func Weakened(old, next []Rule, renamed map[string]string) []table.Change {
	old = following(old, renamed)
	byID := map[string]*Rule{}
	for i := range next {
		byID[next[i].ID] = &next[i]
	}
	was := map[string]bool{}
	for _, r := range old {
		was[r.ID] = true
	}
	var out []table.Change
	for _, r := range old {
		now := byID[r.ID]
		if now == nil {
			if i := slices.IndexFunc(next, func(n Rule) bool { return !was[n.ID] && n.same(r) }); i >= 0 {
				now = &next[i]
			}
		}
		if now == nil {
			out = append(out, table.Change{Op: table.SuiteWeakened, Path: r.ID, From: r.short(), Class: table.RuleRemoved, DataRisk: table.NoRisk})
			continue
		}
		c := comparison{from: map[string]any{}, to: map[string]any{}}
		c.rules(r, *now)
		if c.class != "" {
			out = append(out, table.Change{Op: table.SuiteWeakened, Path: now.ID, From: c.from, To: c.to, Class: c.class, DataRisk: table.NoRisk})
		}
	}
	return out
}

// same reports whether both judge the same rows by the same rule.
func (r Rule) same(o Rule) bool {
	return r.Kind == o.Kind && r.Text == o.Text && r.Where == o.Where && reflect.DeepEqual(r.Args, o.Args) && maps.Equal(r.Lets, o.Lets)
}

// short says what the rule is.
func (r Rule) short() map[string]any {
	out := map[string]any{"kind": r.Kind, "on_fail": r.OnFail}
	if r.Text != "" {
		out["text"] = r.Text
	}
	for name, items := range r.Args {
		out[name] = strings.Join(items, ", ")
	}
	return out
}

// comparison collects how one rule is weaker than another, and in what.
type comparison struct {
	class    string
	from, to map[string]any
}

func (c *comparison) note(class, key string, from, to any) {
	if c.class != table.RuleWeakened {
		c.class = class
	}
	c.from[key], c.to[key] = from, to
}

// ranks say which of two words demands more: the greater one.
var ranks = map[string]map[string]int{
	"on_fail":  {"block": 4, "quarantine": 3, "drop": 2, "warn": 1, "info": 0},
	"on_empty": {"fail": 2, "warn": 1, "pass": 0},
}

func (c *comparison) rules(old, next Rule) {
	for _, x := range []struct{ key, was, is string }{{"on_fail", old.OnFail, next.OnFail}, {"on_empty", old.OnEmpty, next.OnEmpty}} {
		if rank := ranks[x.key]; rank[x.is] < rank[x.was] {
			c.note(table.RuleWeakened, x.key, x.was, x.is)
		}
	}
	c.thresholds(old, next)
	if class := narrower(old, next); class != "" {
		c.note(class, "where", old.Where, next.Where)
	}
	for _, x := range []struct {
		key     string
		was, is bool
	}{{"scope", old.Batch, next.Batch}, {"since", old.Since, next.Since}} {
		if !x.was && x.is { // only rows that are new
			c.note(table.RuleWeakened, x.key, "table", "new")
		}
	}
	if !slices.Equal(old.GroupBy, next.GroupBy) {
		c.note(table.RuleChanged, "group_by", old.GroupBy, next.GroupBy)
	}
	switch {
	case old.Kind == next.Kind && old.Text != next.Text && agree(old, next) && cel.Implies(next.Text, old.Text):
		return // stricter
	case old.Kind != next.Kind || old.Text != next.Text:
		class := table.RuleChanged
		if old.Kind == next.Kind && cel.Implies(old.Text, next.Text) {
			class = table.RuleWeakened
		}
		from, to := old.short(), next.short()
		for _, key := range slices.Sorted(maps.Keys(from)) {
			if !reflect.DeepEqual(from[key], to[key]) {
				c.note(class, key, from[key], to[key])
			}
		}
		if c.class == "" { // only more in it
			c.note(table.RuleChanged, "kind", old.Kind, next.Kind)
		}
		return
	case old.User != next.User:
		c.note(table.RuleChanged, "kind", old.Kind+" "+old.User, next.Kind+" "+next.User)
	case !agree(old, next):
		c.note(table.RuleChanged, "let", old.Lets, next.Lets)
	}
	if old.Nulls != next.Nulls {
		c.note(table.RuleChanged, "nulls", old.Nulls, next.Nulls)
	}
	for _, name := range slices.Sorted(maps.Keys(merged(old.Args, next.Args))) {
		was, before := old.Args[name]
		is, after := next.Args[name]
		if before == after && slices.Equal(was, is) {
			continue
		}
		class := table.RuleChanged // of a kind whose parameters mean what the user made of them
		if old.User == "" {
			class = looser(old.Kind, name, was, is, before, after)
		}
		if class != "" {
			c.note(class, name, strings.Join(was, ", "), strings.Join(is, ", "))
		}
	}
}

// agree reports whether the names that the texts of both rules use mean the same in both.
func agree(old, next Rule) bool {
	differs := func(a, b Rule) bool {
		names := word.FindAllString(b.Text+" "+b.Where, -1)
		for name, text := range a.Lets {
			other, is := b.Lets[name]
			if is && other != text || !is && slices.Contains(names, name) {
				return true
			}
		}
		return false
	}
	return !differs(old, next) && !differs(next, old)
}

// narrower gives the class of a rule by the rows that it looks at; "" when they are no
// fewer. For a share of rows, or an aggregate, more rows may as well demand less.
func narrower(old, next Rule) string {
	all := func(where string) string {
		if where == "" {
			return "true"
		}
		return where
	}
	share := func(r Rule) bool { return r.Mostly != "" && r.Mostly != "1" }
	switch was, is := all(old.Where), all(next.Where); {
	case was == is:
		return ""
	case old.Scope == "table" || share(old) || share(next):
		return table.RuleChanged
	case cel.Implies(was, is):
		return ""
	case cel.Implies(is, was):
		return table.RuleWeakened
	}
	return table.RuleChanged
}

// following gives rules the new names of their columns: in their ids, arguments and texts.
func following(rules []Rule, renamed map[string]string) []Rule {
	if len(renamed) == 0 {
		return rules
	}
	now := map[string]string{}
	for is, was := range renamed {
		now[was] = is
	}
	out := slices.Clone(rules)
	for i := range out {
		r := &out[i]
		if column, kind, ok := strings.Cut(r.ID, "."); ok && now[column] != "" {
			r.ID = now[column] + "." + kind
		}
		args := maps.Clone(r.Args)
		for name, items := range args {
			if !namesColumns(r.Kind, name) {
				continue
			}
			args[name] = slices.Clone(items)
			for j, item := range items {
				if to := now[item]; to != "" {
					args[name][j] = to
				}
			}
		}
		r.Args, r.Text, r.Where = args, reworded(r.Text, now), reworded(r.Where, now)
		r.GroupBy = slices.Clone(r.GroupBy)
		for j, column := range r.GroupBy {
			if to := now[column]; to != "" {
				r.GroupBy[j] = to
			}
		}
		r.Lets = maps.Clone(r.Lets)
		for name, text := range r.Lets {
			r.Lets[name] = reworded(text, now)
		}
	}
	return out
}

// namesColumns reports whether items of an argument are columns of the table.
func namesColumns(kind, param string) bool {
	k := builtin()[kind]
	if k == nil {
		return param == "column" || param == "columns" // of a kind of the user's own
	}
	return slices.ContainsFunc(k().Params, func(p Param) bool { return p.Name == param && (p.Type == "column" || p.Type == "columns") })
}

var textOrWord = regexp.MustCompile("(?s)'(?:\\\\.|[^'\\\\])*'|\"(?:\\\\.|[^\"\\\\])*\"|[A-Za-z_][A-Za-z0-9_]*")

// reworded gives names in a text, but not those in quotes, their new form.
func reworded(text string, now map[string]string) string {
	return textOrWord.ReplaceAllStringFunc(text, func(word string) string {
		if to := now[word]; to != "" {
			return to
		}
		return word
	})
}

func merged(a, b map[string][]string) map[string][]string {
	out := maps.Clone(a)
	if out == nil {
		out = map[string][]string{}
	}
	maps.Copy(out, b)
	return out
}

// thresholds compares how many bad rows are borne.
func (c *comparison) thresholds(old, next Rule) {
	zero := func(r Rule) bool { return r.Mostly == "" && r.MaxFailed == "" }
	switch {
	case zero(old) && zero(next):
		return
	case (old.MaxFailed != "") == (next.MaxFailed != "") || zero(old) || zero(next): // of one kind
	default:
		c.note(table.RuleChanged, "threshold", old.threshold(), next.threshold())
		return
	}
	for _, x := range []struct {
		key, was, is, none string
		sign               int // of is - was when it bears more
	}{
		{"mostly", old.Mostly, next.Mostly, "1", -1}, {"mostly.warn", old.WarnMostly, next.WarnMostly, next.Mostly, -1},
		{"max_failed", old.MaxFailed, next.MaxFailed, "0", 1}, {"max_failed.warn", old.WarnMaxFailed, next.WarnMaxFailed, next.MaxFailed, 1},
	} {
		warns := strings.HasSuffix(x.key, ".warn")
		if warns && x.was == "" || x.was == x.is {
			continue
		}
		was, is := x.was, x.is
		if was == "" {
			was = x.none
		}
		if is == "" {
			is = x.none
		}
		if n, ok := compared(is, was); ok && n == x.sign {
			c.note(table.RuleWeakened, x.key, decimal(was), decimal(is))
		}
	}
}

func (r Rule) threshold() string {
	if r.MaxFailed != "" {
		return "max_failed " + r.MaxFailed
	}
	return "mostly " + decimal(r.Mostly)
}

// decimal writes a fraction such as 99/100 as people do.
func decimal(text string) string {
	if n, ok := new(big.Rat).SetString(text); ok {
		digits, exact := n.FloatPrec()
		if exact {
			return n.FloatString(digits)
		}
	}
	return text
}

// When a kind demands less by another argument.
const (
	whenLower  = "lower"
	whenHigher = "higher"
	whenMore   = "more"  // items
	whenFewer  = "fewer" // items
	whenFalse  = "false"
)

// loosening says when an argument demands less, by parameter, or by kind and
// parameter where that is the other way round.
var loosening = map[string]string{
	"min": whenLower, "max": whenHigher, "outside.min": whenHigher, "outside.max": whenLower,
	"min_p": whenLower, "max_distance": whenHigher, "max_age": whenHigher, "newer_than.age": whenHigher, "older_than.age": whenLower,
	"le.value": whenHigher, "lt.value": whenHigher, "ge.value": whenLower, "gt.value": whenLower,
	"tolerance": whenHigher, "abs_tol": whenHigher, "ne.abs_tol": whenLower, "threshold": whenHigher, "k": whenHigher, "edits": whenLower,
	"in_set.set": whenMore, "mode_in_set.set": whenMore, "split_in_set.set": whenMore, "pairs": whenMore, "transitions": whenMore, "start": whenMore,
	"column_type.types": whenMore, "on_weekday.days": whenMore,
	"not_in_set.set": whenFewer, "contains_set.set": whenFewer, "not_contains.texts": whenFewer, "columns_absent.names": whenFewer,
	"columns_exist.names": whenFewer, "not_on_dates.dates": whenFewer, "not_missing.values": whenFewer, "json_keys.keys": whenFewer,
	"not_like_list.patterns": whenFewer, "not_regex_list.patterns": whenFewer, "schema_matches.columns": whenFewer,
	"unique.columns": whenMore, "complete_rows.columns": whenFewer,
	"strict_min": whenFalse, "strict_max": whenFalse, "strictly": whenFalse,
	"no_pii.emails": whenFalse, "no_pii.phones": whenFalse, "no_pii.cards": whenFalse, "no_pii.ibans": whenFalse, "no_pii.ssns": whenFalse, "no_pii.ips": whenFalse,
}

// looser gives the class of a rule by the argument that it has now; "" when it
// demands no less. before and after say whether there is an argument at all.
func looser(kind, param string, was, is []string, before, after bool) string {
	way, ok := loosening[kind+"."+param]
	if !ok {
		way = loosening[param]
	}
	if way == whenFalse {
		return either(before && slices.Equal(was, []string{"true"}) && !(after && slices.Equal(is, []string{"true"})))
	}
	if param == "pattern" && kind == "regex" && after && matchesAll(strings.Join(is, "")) {
		return table.RuleWeakened
	}
	if !before || !after {
		switch way {
		case whenLower, whenHigher, whenFewer: // a bound or a list that is gone
			return either(before)
		}
		return table.RuleChanged
	}
	within := func(a, b []string) bool {
		return !slices.ContainsFunc(a, func(x string) bool { return !slices.Contains(b, x) })
	}
	switch way {
	case whenLower, whenHigher:
		if len(was) == 0 || len(is) == 0 {
			return table.RuleChanged
		}
		n, ok := compared(is[0], was[0])
		if !ok {
			return table.RuleChanged
		}
		return either(n < 0 && way == whenLower || n > 0 && way == whenHigher)
	case whenMore:
		return either(!within(is, was))
	case whenFewer:
		return either(!within(was, is))
	}
	return table.RuleChanged
}

// matchesAll reports whether a regular expression is plainly one that every text
// matches: it needs no character, and none of its marks a place.
func matchesAll(pattern string) bool {
	if inner := strings.TrimSuffix(strings.TrimPrefix(pattern, "^"), "$"); inner == ".*" || pattern == "^" || pattern == "$" {
		return true
	}
	re, err := regexp.Compile(pattern)
	return err == nil && re.MatchString("") && !strings.ContainsAny(pattern, `^$\`)
}

func either(weaker bool) string {
	if weaker {
		return table.RuleWeakened
	}
	return ""
}

// compared is the order of two numbers, durations or times; false when they are none.
func compared(a, b string) (int, bool) {
	if x, ok := new(big.Rat).SetString(a); ok {
		if y, ok := new(big.Rat).SetString(b); ok {
			return x.Cmp(y), true
		}
	}
	if x, err := parseDuration(a); err == nil {
		if y, err := parseDuration(b); err == nil {
			return int(max(-1, min(1, x-y))), true
		}
	}
	if x, err := parseTime(a); err == nil {
		if y, err := parseTime(b); err == nil {
			return x.Compare(y), true
		}
	}
	return 0, false
}
