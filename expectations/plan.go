package expectations

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/expectations/cel"
	"github.com/dq-dev/dq/internal/yamlpos"
	"github.com/dq-dev/dq/table"
)

// semantics is part of each rule's digest. It changes when the same CEL begins
// to mean something else, so that rows judged before are judged again.
const semantics = "dq-rule/1"

// Plan is a suite that is compiled for one table.
type Plan struct {
	suite   *Suite
	schema  table.Schema
	rules   []*rule
	now     time.Time
	refs    []string         // the other tables that were given
	batch   map[*rule]*tally // what Measure found
	session engine.Session
}

// rule is a compiled expectation.
type rule struct {
	*Expectation
	cel, where string    // expanded
	columns    []string  // that the rule reads, sorted
	scope      *cel.Rule // which rows are judged; nil is all
	row        *cel.Rule // of rules on one row
	aggregate  *cel.Rule // of rules on the table, and of unique
	keys       []string  // of unique
	inScope    *cel.Rule // of unique: counts the rows in scope
	sql        string    // of rules in SQL
	digest     string    // of rules that look at their own row only
}

// incremental reports whether rows that were judged need not be judged again.
func (r *rule) incremental() bool { return r.digest != "" }

// Plan compiles the suite for a table of that schema. The tables that
// exists_in and references look at are refs, by name. Nothing is read. The error
// is [yamlpos.Errors] with all that is wrong: columns that are not there or have
// another type than declared, CEL that does not compile (its place is inside the
// YAML's text), parameters that do not fit their column, unknown tables. What is
// wrong with tables that are unbound was said elsewhere: a rule may look at them.
func (s *Suite) Plan(schema table.Schema, refs map[string]table.Schema, unbound ...string) (*Plan, error) {
	c := &compiler{suite: s, schema: schema, refs: refs, tables: sortedKeys(refs), unbound: unbound}
	c.columns()
	p := &Plan{suite: s, schema: schema, refs: c.tables}
	env := c.environment(s.lets)
	for i := range s.Expectations {
		e := &s.Expectations[i]
		if env == nil || c.broken != nil && c.broken.MatchString(e.CEL+" "+e.Where) {
			continue // what is wrong with its let was noted
		}
		if r := c.rule(env, e); r != nil {
			p.rules = append(p.rules, r)
		}
	}
	if len(c.errs) > 0 {
		return nil, c.errs.Sort()
	}
	return p, nil
}

// nullable is the schema with nulls allowed in every column: a check must be
// able to find a null where none may be.
func nullable(s table.Schema) table.Schema {
	fields := slices.Clone(s.Fields)
	for i := range fields {
		fields[i].Nullable = true
	}
	return table.Schema{Fields: fields}
}

type compiler struct {
	suite  *Suite
	schema table.Schema
	refs   map[string]table.Schema
	tables []string // names of refs
	// unbound are tables that will be there, with columns that are not known.
	unbound []string
	// anyTable takes every other table to be there, with any column.
	anyTable bool
	errs     yamlpos.Errors
	broken   *regexp.Regexp // finds the names of lets that do not compile
}

// environment compiles the lets. Those that are wrong are noted and left out, so
// that the errors of rules without them are found too.
func (c *compiler) environment(lets []cel.Let) *cel.Env {
	var names []string
	for {
		env, err := cel.NewEnv(nullable(c.schema), lets)
		if err == nil {
			if len(names) > 0 {
				c.broken = regexp.MustCompile(`\b(` + strings.Join(names, "|") + `)\b`)
			}
			return env
		}
		wrong := map[string]bool{}
		if ce := new(cel.Error); errors.As(err, &ce) {
			for _, i := range ce.Issues {
				wrong[i.Let] = true
			}
		}
		good := slices.DeleteFunc(slices.Clone(lets), func(l cel.Let) bool { return wrong[l.Name] })
		if len(names) == 0 || len(good) == len(lets) { // later rounds only tell what follows from the first
			c.celError(err, func(i cel.Issue) yamlpos.Error { return c.suite.doc.Root.Error(i.Hint, "%s", i.Message) })
		}
		if len(good) == len(lets) {
			return nil
		}
		for name := range wrong {
			names = append(names, regexp.QuoteMeta(name))
		}
		lets = good
	}
}

func (c *compiler) note(e yamlpos.Error) { c.errs = append(c.errs, e) }

// columns checks what the suite declares against the table.
func (c *compiler) columns() {
	for _, col := range c.suite.Columns {
		f, ok := c.schema.Field(col.Name)
		if !ok {
			c.note(col.node.Error(yamlpos.DidYouMean(col.Name, c.schema.Names()), "the table has no column %q", col.Name))
			continue
		}
		if col.Type != nil && !fits(f.Type, *col.Type) {
			c.note(col.typeNode.Error("", "column %s is %s in the table, not %s", col.Name, f.Type, *col.Type))
		}
	}
}

// fits reports whether every value of type t is one of type want: the same type
// but for the nullability of parts, or a narrower number of the same family.
func fits(t, want table.Type) bool {
	switch {
	case t.Kind == table.Void:
		return true
	case t.Integer() && want.Integer():
		width := map[table.Kind]int{table.Int8: 1, table.Int16: 2, table.Int32: 4, table.Int64: 8}
		return width[t.Kind] <= width[want.Kind]
	case t.Kind == table.Float && want.Kind == table.Double:
		return true
	case t.Kind != want.Kind:
		return false
	case t.Kind == table.Decimal:
		return t.Scale <= want.Scale && t.Precision-t.Scale <= want.Precision-want.Scale
	case t.Kind == table.Array:
		return fits(*t.Elem, *want.Elem)
	case t.Kind == table.Map:
		return fits(*t.Key, *want.Key) && fits(*t.Elem, *want.Elem)
	case t.Kind == table.Struct:
		return slices.EqualFunc(t.Fields, want.Fields, func(a, b table.Field) bool {
			return a.Name == b.Name && fits(a.Type, b.Type)
		})
	}
	return true
}

func (c *compiler) types(column string) (table.Type, bool) {
	f, ok := c.schema.Field(column)
	return f.Type, ok
}

// rule compiles one expectation; nil when something is wrong, which is noted.
func (c *compiler) rule(env *cel.Env, e *Expectation) *rule {
	before := len(c.errs)
	r := &rule{Expectation: e}
	missing := e.call != nil && !c.callColumns(e.call)
	c.groups(e)
	scoped := true
	if e.whereNode != nil {
		// Alone first, so that an error has its place in the suite. What is wrong with
		// the rule besides is said, too.
		if _, err := env.Row(e.whereNode.Text); err != nil {
			c.celError(err, inside(e.whereNode))
			scoped = false
		}
	}
	if missing {
		return nil
	}
	if e.sqlNode != nil {
		if r.sql = e.sqlNode.Text; len(c.errs) > before {
			return nil
		}
		return r
	}
	found := len(c.errs)
	if e.call != nil {
		c.callAggregates(env, e.call)
	}
	r.cel, r.where = e.expand(planned{c.schema}, c.note)
	if len(c.errs) > found {
		return nil
	}
	place := inside(e.celNode)
	if e.call != nil {
		place = func(i cel.Issue) yamlpos.Error {
			return e.call.node.Error(i.Hint, "%s cannot judge this: %s, in the CEL %s", e.Kind, i.Message, r.cel)
		}
	}
	compile := func(f func(src string) (*cel.Rule, error), src string) *cel.Rule {
		compiled, err := f(src)
		if err != nil {
			c.celError(err, place)
			return nil
		}
		c.references(compiled, e.referencePlace(place))
		return compiled
	}
	if r.where != "" && scoped {
		if r.scope = compile(env.Row, r.where); r.scope == nil {
			return nil
		}
	}
	overTable := func(src string) (*cel.Rule, error) { return env.Table(src, r.scope) }
	switch {
	case e.unique():
		if r.keys = e.call.columns(); len(r.keys) == 0 {
			r.keys = c.schema.Names()
		}
		r.aggregate = compile(overTable, r.cel)
		r.inScope = compile(overTable, "rows() >= 0")
	case e.CountsOnly():
		r.aggregate = compile(overTable, r.cel)
		r.inScope = compile(overTable, "rows() >= 0")
	case e.Scope == "row":
		r.row = compile(func(src string) (*cel.Rule, error) { return env.RowOver(src, r.scope) }, r.cel)
	default:
		r.aggregate = compile(overTable, r.cel)
	}
	if len(c.errs) > before {
		return nil
	}
	r.finish(c)
	return r
}

// groups checks the columns of group_by.
func (c *compiler) groups(e *Expectation) {
	for i, name := range e.GroupBy {
		at := e.groupNode
		if len(at.Items) > i {
			at = at.Items[i]
		}
		if f, ok := c.schema.Field(name); !ok {
			c.note(at.Error(yamlpos.DidYouMean(name, c.schema.Names()), "the table has no column %q", name))
		} else if !sortable(f.Type) {
			c.note(at.Error("", "column %s is %s, by which rows cannot be grouped", name, f.Type))
		}
	}
}

// finish collects what the compiled parts say.
func (r *rule) finish(c *compiler) {
	own := r.row != nil && !r.grouped()
	seen := map[string]bool{}
	for _, part := range r.parts() {
		for _, name := range part.Columns() {
			seen[name] = true
		}
		if len(part.Refs()) > 0 || part.Clock() || len(part.Metrics())+len(part.Windows()) > 0 {
			own = false
		}
	}
	r.columns = sortedKeys(seen)
	if !own {
		return
	}
	text := []string{semantics, r.row.Canonical(), ""}
	if r.scope != nil {
		text[2] = r.scope.Canonical()
	}
	for _, name := range r.columns {
		t, _ := c.types(name)
		text = append(text, name+" "+t.String())
	}
	r.digest = sha([]byte(strings.Join(text, "\n")))[:16]
}

// parts are the compiled pieces of a rule.
func (r *rule) parts() []*cel.Rule {
	var parts []*cel.Rule
	for _, part := range []*cel.Rule{r.scope, r.row, r.aggregate} {
		if part != nil {
			parts = append(parts, part)
		}
	}
	return parts
}

// callColumns reports whether the columns that a kind is given are there. A
// declared column that is not was noted before.
func (c *compiler) callColumns(call *call) bool {
	all := true
	for _, p := range call.kind.Params {
		if p.Type != "column" && p.Type != "columns" {
			continue
		}
		nodes := []*yamlpos.Node{call.args[p.Name]}
		if nodes[0] == nil {
			nodes[0] = call.node
		} else if nodes[0].Kind == yamlpos.Sequence {
			nodes = nodes[0].Items
		}
		for i, name := range call.columnsOf(p.Name) {
			if _, ok := c.types(name); ok {
				continue
			}
			all = false
			if _, declared := c.suite.Column(name); !declared {
				c.note(nodes[min(i, len(nodes)-1)].Error(yamlpos.DidYouMean(name, c.schema.Names()), "the table has no column %q", name))
			}
		}
	}
	return all
}

// callAggregates compiles the aggregates that a kind is given, each alone, so that
// an error has its place in the suite.
func (c *compiler) callAggregates(env *cel.Env, call *call) {
	for _, p := range call.kind.Params {
		n := call.args[p.Name]
		if p.Type != "aggregate" || n == nil {
			continue
		}
		if err := env.Aggregate(n.Text); err != nil {
			c.celError(err, inside(n))
		}
	}
}

// references checks the other tables that a rule looks at.
func (c *compiler) references(r *cel.Rule, place func(cel.Issue) yamlpos.Error) {
	if c.anyTable {
		return
	}
	for _, ref := range r.Refs() {
		schema, ok := c.refs[ref.Table]
		if slices.Contains(c.unbound, ref.Table) {
			continue
		}
		if !ok {
			c.note(place(cel.Issue{Message: fmt.Sprintf("there is no table %q", ref.Table), Hint: yamlpos.DidYouMean(ref.Table, slices.Concat(c.unbound, c.tables))}))
			continue
		}
		if ref.Column == "" {
			continue
		}
		f, ok := schema.Field(ref.Column)
		if !ok {
			c.note(place(cel.Issue{Message: fmt.Sprintf("the table %s has no column %q", ref.Table, ref.Column), Hint: yamlpos.DidYouMean(ref.Column, schema.Names())}))
			continue
		}
		if !ref.Accepts(f.Type) {
			c.note(place(cel.Issue{Message: fmt.Sprintf("%s.%s is %s, and the value that is looked up has another type", ref.Table, ref.Column, f.Type)}))
		}
	}
}

// referencePlace is the argument that names the other table, if there is one.
func (e *Expectation) referencePlace(place func(cel.Issue) yamlpos.Error) func(cel.Issue) yamlpos.Error {
	if e.call == nil {
		return place
	}
	for _, p := range e.call.kind.Params {
		if n := e.call.args[p.Name]; p.Type == "reference" && n != nil {
			return func(i cel.Issue) yamlpos.Error { return n.Error(i.Hint, "%s", i.Message) }
		}
	}
	return place
}

// inside places an issue in the text of a YAML scalar.
func inside(n *yamlpos.Node) func(cel.Issue) yamlpos.Error {
	return func(i cel.Issue) yamlpos.Error { return n.ErrorAt(i.Offset, i.Hint, i.Message) }
}

// celError notes the issues of a CEL error, those of a let at the let.
func (c *compiler) celError(err error, place func(cel.Issue) yamlpos.Error) {
	var ce *cel.Error
	if !errors.As(err, &ce) {
		c.note(place(cel.Issue{Message: err.Error()}))
		return
	}
	for _, i := range ce.Issues {
		if n := c.suite.letNodes[i.Let]; i.Let != "" && n != nil {
			c.note(n.ErrorAt(i.Offset, i.Hint, i.Message))
			continue
		}
		c.note(place(i))
	}
}

// At returns the plan with a clock, which rules with now() or freshness need
// before [Plan.Split] and [Plan.Reasons]. An audit has its own in the target.
func (p *Plan) At(now time.Time) *Plan {
	q := *p
	q.now = now
	return &q
}

// In returns the plan for a session: [Plan.Split] and [Plan.Reasons] give SQL that
// calls the reference evaluator, as far as the session can, for what the dialect
// cannot say.
func (p *Plan) In(s engine.Session) *Plan {
	q := *p
	q.session = s
	return &q
}

// Ordered refuses rules that go by the order of the source, where rows have none:
// in the tables of a pipeline. The error is [yamlpos.Errors], or nil.
func (p *Plan) Ordered() error {
	var errs yamlpos.Errors
	for _, r := range p.rules {
		if r.row == nil {
			continue
		}
		for _, w := range r.row.Windows() {
			if !w.Ordered() {
				errs = append(errs, r.node.Error("say by what rows follow each other: lag(amount, ordered_at)",
					"%s: %s goes by the lines of a file, and rows of a table have no order", r.ID, w.Text))
			}
		}
	}
	if len(errs) > 0 {
		return errs.Sort()
	}
	return nil
}

// RowRules lists the rules that look at nothing but their own row.
func (p *Plan) RowRules() []RowRule {
	var out []RowRule
	for _, r := range p.rules {
		if r.incremental() {
			out = append(out, RowRule{ID: r.ID, Digest: r.digest, Since: r.Since})
		}
	}
	return out
}

// Refs names the other tables that rules look at, sorted.
func (p *Plan) Refs() []string {
	seen := map[string]bool{}
	for _, r := range p.rules {
		for _, part := range r.parts() {
			for _, ref := range part.Refs() {
				seen[ref.Table] = true
			}
		}
		for _, name := range p.refs {
			if r.sql != "" && mentions(r.sql, name) {
				seen[name] = true
			}
		}
	}
	return sortedKeys(seen)
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
