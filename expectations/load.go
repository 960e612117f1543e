package expectations

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/dq-dev/dq/expectations/cel"
	"github.com/dq-dev/dq/internal/yamlpos"
	"github.com/dq-dev/dq/record"
	"github.com/dq-dev/dq/table"
)

// Options steer [Load].
type Options struct {
	// Kinds are the user's own kinds, as [ProjectKinds] finds them.
	Kinds []KindFolder
}

// Load reads a suite. The error is [yamlpos.Errors] with everything that is wrong,
// each with file:line:col and what to write, or that of reading the file. What
// needs the table's columns is checked by [Suite.Plan]; a suite beside an error holds
// the rules that could be read, so that Plan can tell what is wrong with those too.
func Load(file string, opts Options) (*Suite, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("suite: %w", err)
	}
	return Parse(file, data, opts)
}

var (
	suiteKeys = slices.Concat([]string{"version", "table", "description", "owner"}, declarationKeys, []string{"let", "on_empty", "columns", "expectations", "tests"})
	// columnKeys are the keys of a column that are no kinds and no options.
	columnKeys = []string{"type", "description", "tags", "classification", "personal_data", "deprecated_since", "replaced_by", "renamed_from", "key"}
	// optionKeys go beside a kind's parameters.
	optionKeys = []string{"mostly", "max_failed", "where", "on_fail", "scope", "on_empty", "dimension", "description", "owner", "tags", "since", "group_by", "nulls"}
	// ruleKeys are the ways to write an expectation besides kinds.
	ruleKeys = []string{"row", "table", "sql"}
	// reservedKeys cannot be names of kinds.
	reservedKeys = slices.Concat(columnKeys, optionKeys, ruleKeys)
)

// Parse is [Load] of a text; file names it in messages.
func Parse(file string, data []byte, opts Options) (*Suite, error) {
	kinds, err := kindsWith(opts.Kinds)
	if err != nil {
		return nil, err
	}
	doc, err := yamlpos.Parse(file, data)
	if err != nil {
		return nil, err
	}
	s := &Suite{File: file, doc: doc, letNodes: map[string]*yamlpos.Node{}}
	if doc.Root.Null {
		doc.Root.Errorf("write version: 1 and columns: or expectations:", "the suite is empty")
		return nil, doc.Err()
	}
	l := &loader{suite: s, kinds: kinds, used: map[string]*Kind{}}
	l.load(doc.Root)
	if err := doc.Err(); err != nil {
		return s, err
	}
	s.Digest = "sha256:" + l.digest(data)
	return s, nil
}

type loader struct {
	suite   *Suite
	kinds   kindSet
	used    map[string]*Kind // the user's
	onEmpty record.Verdict

	brokenColumns, brokenRules []string
}

func (l *loader) digest(data []byte) string {
	text := sha(data)
	for _, name := range sortedKeys(l.used) {
		text += "\n" + name + " " + l.used[name].digest
	}
	if len(l.used) == 0 {
		return text
	}
	return sha([]byte(text))
}

func (l *loader) load(root *yamlpos.Node) {
	s := l.suite
	f := root.Map("a suite", suiteKeys...)
	if f["version"] == nil {
		root.Errorf("begin with version: 1", "the suite has no version")
	} else if v := f["version"].String(); v != "1" && v != "" {
		f["version"].Errorf("write version: 1", "version %s is not understood", v)
	}
	s.Table = optional(f["table"])
	s.Description = optional(f["description"])
	s.Owner = optional(f["owner"])
	l.onEmpty = record.Warn
	if n := f["on_empty"]; n != nil {
		l.onEmpty = onEmpty(n)
	}
	s.Declaration = readDeclaration(f)
	for _, e := range f["let"].Pairs("let") {
		name := e.Key.Text
		if !identifier.MatchString(name) || slices.Contains(reserved, name) {
			e.Key.Errorf("use letters, digits and _", "%q cannot be a name in CEL", name)
			continue
		}
		s.lets = append(s.lets, cel.Let{Name: name, Source: e.Value.String()})
		s.letNodes[name] = e.Value
	}
	for _, e := range f["columns"].Pairs("columns") {
		l.whole(func() { l.column(e) })
	}
	for _, e := range f["expectations"].Pairs("expectations") {
		l.whole(func() { l.expectation(e) })
	}
	for i := range s.Expectations {
		e := &s.Expectations[i]
		for j := range s.Expectations[:i] {
			if s.Expectations[j].ID == e.ID {
				e.node.Errorf("choose another name", "the id %q is taken by %s", e.ID, s.Expectations[j].Position)
			}
		}
	}
	s.readTests(f["tests"], s.spokenColumns(f["let"], f["columns"], f["expectations"]))
	s.Columns = slices.DeleteFunc(s.Columns, func(c Column) bool { return slices.Contains(l.brokenColumns, c.Name) })
	s.Expectations = slices.DeleteFunc(s.Expectations, func(e Expectation) bool { return slices.Contains(l.brokenRules, e.ID) })
}

// whole reads a column or an expectation. What is wrong with it does not stand in
// the way of the others, and it is left out of the suite at the end.
func (l *loader) whole(read func()) {
	s := l.suite
	found, columns, rules := len(s.doc.Errors()), len(s.Columns), len(s.Expectations)
	if read(); len(s.doc.Errors()) == found {
		return
	}
	for i := columns; i < len(s.Columns); i++ {
		l.brokenColumns = append(l.brokenColumns, s.Columns[i].Name)
	}
	for i := rules; i < len(s.Expectations); i++ {
		l.brokenRules = append(l.brokenRules, s.Expectations[i].ID)
	}
}

func (l *loader) column(e yamlpos.Entry) {
	c := Column{Name: e.Key.Text, Position: e.Key.Position(), node: e.Key}
	if c.Name == "" || strings.Contains(c.Name, "`") {
		e.Key.Errorf("", "%q cannot be the name of a column", c.Name)
		return
	}
	if e.Value.Kind == yamlpos.Scalar && !e.Value.Null {
		e.Value.Errorf(fmt.Sprintf("write %s: {type: %s}", c.Name, e.Value.Text), "a column is a mapping")
		return
	}
	var calls []yamlpos.Entry
	options := map[string]*yamlpos.Node{}
	for _, x := range e.Value.Pairs("a column") {
		switch key := x.Key.Text; key {
		case "type":
			c.typeNode = x.Value
			if text := x.Value.String(); text != "" {
				t, err := table.ParseType(text)
				if err != nil {
					x.Value.Errorf("", "%s", err)
					continue
				}
				c.Type = &t
			}
		case "description":
			c.Description = x.Value.String()
		case "tags":
			c.Tags = x.Value.Strings("tags")
		case "classification":
			c.Classification = x.Value.String()
		case "personal_data":
			c.PersonalData = readPersonalData(x.Value)
		case "deprecated_since":
			c.DeprecatedSince = date(x.Value)
		case "replaced_by":
			c.ReplacedBy = x.Value.String()
		case "renamed_from":
			c.RenamedFrom = x.Value.String()
		case "key":
			if c.Key = x.Value.Bool(); c.Key {
				for _, kind := range []string{"not_null", "unique"} {
					if e.Value.Get(kind) == nil {
						name := *x.Key
						name.Text = kind
						calls = append(calls, yamlpos.Entry{Key: &name, Value: x.Value})
					}
				}
			}
		default:
			kind, ok := l.kinds[key]
			switch {
			case ok && kind().columnParam() != "":
				calls = append(calls, x)
			case ok:
				x.Key.Errorf("write it under expectations", "the kind %s is not about one column", key)
			case slices.Contains(optionKeys, key):
				options[key] = x.Value
			default:
				known := slices.Concat(columnKeys, optionKeys)
				for _, name := range l.kinds.names() {
					if l.kinds[name]().columnParam() != "" {
						known = append(known, name)
					}
				}
				x.Key.Errorf(yamlpos.DidYouMean(key, known), "a column has no %q, and no kind is called so", key)
			}
		}
	}
	if len(options) > 0 && len(calls) == 0 {
		for _, x := range e.Value.Entries {
			if options[x.Key.Text] != nil {
				x.Key.Errorf("add a kind such as not_null: true", "%s has no effect: the column has no expectation", x.Key.Text)
			}
		}
	}
	calls = slices.DeleteFunc(calls, func(x yamlpos.Entry) bool {
		v, ok := x.Value.IsBool()
		return ok && !v && l.kinds[x.Key.Text]().flag() // not_null: false
	})
	c.NotNull = slices.ContainsFunc(calls, func(x yamlpos.Entry) bool { return x.Key.Text == "not_null" })
	l.suite.Columns = append(l.suite.Columns, c) // before the kinds, whose literals have its type
	for _, x := range calls {
		l.add(&Expectation{ID: c.Name + "." + x.Key.Text, node: x.Key}, l.kinds[x.Key.Text](), x, c.Name, options)
	}
}

// flag reports whether the kind can be written as kind: true beside a column.
func (k *Kind) flag() bool { return k.Main == "" || k.Main == k.columnParam() }

func (l *loader) expectation(e yamlpos.Entry) {
	id := e.Key.Text
	if id == "" || strings.ContainsAny(id, " \t\n,`'\"") {
		e.Key.Errorf("use letters, digits, _ and -", "%q cannot be an id", id)
		return
	}
	if e.Value.Kind != yamlpos.Mapping {
		e.Value.Errorf(fmt.Sprintf("write %s: {row: ...} or {table: ...} or a kind", id), "an expectation is a mapping")
		return
	}
	options := map[string]*yamlpos.Node{}
	var rules []yamlpos.Entry
	for _, x := range e.Value.Entries {
		switch key := x.Key.Text; {
		case slices.Contains(ruleKeys, key) || l.kinds[key] != nil:
			rules = append(rules, x)
		case slices.Contains(optionKeys, key):
			options[key] = x.Value
		default:
			x.UnknownKey("an expectation", slices.Concat(ruleKeys, optionKeys, l.kinds.names()))
		}
	}
	switch len(rules) {
	case 0:
		e.Key.Errorf("write row: CEL, table: CEL or a kind", "%s has no rule", id)
		return
	case 1:
	default:
		rules[1].Key.Errorf("make two expectations of it", "%s has two rules, %s and %s", id, rules[0].Key.Text, rules[1].Key.Text)
		return
	}
	x := rules[0]
	exp := &Expectation{ID: id, node: e.Key}
	switch x.Key.Text {
	case "sql":
		exp.Kind, exp.Scope, exp.sqlNode = "sql", "row", x.Value
		if text := x.Value.String(); text != "" && !strings.Contains(text, tablePlaceholder) {
			x.Value.Errorf("write "+tablePlaceholder+" where the table's name would stand", "%s does not look at the suite's table", id)
		}
		l.options(exp, options)
		l.finish(exp)
	case "row", "table":
		exp.Kind, exp.Scope, exp.celNode = x.Key.Text, x.Key.Text, x.Value
		_ = x.Value.String()
		l.options(exp, options)
		l.finish(exp)
	default:
		l.add(exp, l.kinds[x.Key.Text](), x, "", options)
	}
}

// add makes an expectation of a kind. Options stand beside the kind, or among
// its parameters, which win.
func (l *loader) add(exp *Expectation, k *Kind, x yamlpos.Entry, column string, options map[string]*yamlpos.Node) {
	c := &call{kind: k, node: x.Key, args: map[string]*yamlpos.Node{}, column: column}
	exp.Kind, exp.Scope, exp.Dimension, exp.call = k.Name, k.Scope, k.Dimension, c
	if k.User {
		l.used[k.Name] = k
	}
	merged := map[string]*yamlpos.Node{}
	for key, n := range options {
		merged[key] = n
	}
	value := x.Value
	_, isBool := value.IsBool()
	switch {
	case value.Kind == yamlpos.Mapping:
		for _, a := range value.Entries {
			name := a.Key.Text
			_, isParam := k.param(name)
			switch {
			case column != "" && name == k.columnParam():
				a.Key.Errorf("remove it", "%s is the column %s that it stands at", name, column)
			case isParam:
				c.args[name] = a.Value
			case slices.Contains(optionKeys, name):
				merged[name] = a.Value
			default:
				a.UnknownKey(k.Name, slices.Concat(k.paramNames(), optionKeys))
			}
		}
	case isBool && column != "" && k.flag(): // true; false was taken out
	case value.Null:
		x.Key.Errorf(k.usage(column), "%s says nothing", k.Name)
		return
	case k.Main != "" && !(column != "" && k.Main == k.columnParam()):
		c.args[k.Main] = value
	default:
		value.Errorf(k.usage(column), "%s takes named parameters", k.Name)
		return
	}
	c.check()
	l.options(exp, merged)
	exp.Columns = c.columns()
	l.finish(exp)
}

// usage says how to write the kind, beside a column or by itself.
func (k *Kind) usage(column string) string {
	var parts []string
	for _, p := range k.Params {
		if column == "" && p.Name == k.Main {
			return "write " + k.Name + ": " + p.hint()
		}
		if column == "" || p.Name != k.columnParam() {
			parts = append(parts, p.Name+": "+p.hint())
		}
	}
	if len(parts) == 0 {
		return "write " + k.Name + ": true"
	}
	return fmt.Sprintf("write %s: {%s}", k.Name, strings.Join(parts, ", "))
}

func (l *loader) options(exp *Expectation, options map[string]*yamlpos.Node) {
	exp.OnFail, exp.OnEmpty = "block", l.onEmpty
	counts := exp.Scope == "row"
	for _, key := range optionKeys {
		n := options[key]
		if n == nil {
			continue
		}
		switch key {
		case "mostly", "max_failed":
			if !counts {
				n.Errorf("put the number into its CEL or parameters", "%s is for rules that count rows, and %s is none", key, exp.ID)
				continue
			}
			if key == "mostly" {
				exp.Threshold.readMostly(n)
			} else {
				exp.Threshold.readMaxFailed(n)
			}
			if options["mostly"] != nil && options["max_failed"] != nil && key == "max_failed" {
				n.Errorf("remove one", "both mostly and max_failed are given")
			}
		case "where":
			exp.whereNode = n
			_ = n.String()
		case "on_fail":
			exp.OnFail = n.OneOf("on_fail", "block", "quarantine", "drop", "warn", "info")
			if exp.Refuses() && !counts {
				n.Errorf("write block or warn", "%s is for rules on rows: %s has no rows to take out", exp.OnFail, exp.ID)
			}
		case "scope":
			exp.Batch = n.OneOf("scope", "new", "table") == "new"
		case "nulls":
			var ways []string
			for _, w := range nullWays {
				if w.name != sameNulls || exp.unique() {
					ways = append(ways, w.name)
				}
			}
			if exp.call == nil || !counts || len(exp.call.columns()) == 0 {
				n.Errorf("say it in where or in the CEL", "nulls is for kinds on rows of columns, and %s is none", exp.ID)
				continue
			}
			exp.call.nulls = n.OneOf("way with nulls", ways...)
		case "on_empty":
			exp.OnEmpty = onEmpty(n)
		case "dimension":
			exp.Dimension = n.OneOf("dimension", dimensions...)
		case "description":
			exp.Description = n.String()
		case "owner":
			exp.Owner = n.String()
		case "tags":
			exp.Tags = n.Strings("tags")
		case "since":
			exp.Since = n.OneOf("since", "new") == "new"
		case "group_by":
			exp.GroupBy = n.Strings("group_by")
			exp.groupNode = n
			if len(exp.GroupBy) == 0 {
				n.Errorf("write [country]", "group_by names no column")
			}
		}
	}
	l.together(exp, options)
}

// together notes options that do not go together.
func (l *loader) together(exp *Expectation, options map[string]*yamlpos.Node) {
	if exp.sqlNode != nil {
		for _, key := range []string{"where", "group_by", "since"} {
			if n := options[key]; n != nil {
				n.Errorf("write it into the SELECT", "%s is not for rules in SQL", key)
			}
		}
		if n := options["on_fail"]; n != nil && exp.Refuses() {
			n.Errorf("write block or warn", "%s needs to know the rows of the table, and %s gives rows of its own", exp.OnFail, exp.ID)
		}
	}
	if n := options["on_fail"]; n != nil && exp.Refuses() && exp.CountsOnly() {
		n.Errorf("write block or warn", "%s counts rows and cannot name them, so none can be taken out", exp.Kind)
	}
	if n := options["group_by"]; n != nil {
		if exp.CountsOnly() {
			n.Errorf("write its CEL as a table rule", "%s counts over the whole table", exp.Kind)
		}
		if exp.unique() && !exp.Refuses() {
			n.Errorf("add the columns to those that are unique together", "groups mean nothing to %s", exp.Kind)
		}
	}
	if n := options["since"]; n != nil && (exp.Scope != "row" || exp.unique() || exp.CountsOnly() || exp.grouped()) {
		n.Errorf("remove it, or write scope: new", "since: new is for rules that judge each row by itself, once")
	}
}

func (l *loader) finish(exp *Expectation) {
	exp.Position = exp.node.Position()
	exp.CEL, exp.Where = exp.expand(declared{l.suite}, l.suite.doc.Note)
	l.suite.Expectations = append(l.suite.Expectations, *exp)
}

func onEmpty(n *yamlpos.Node) record.Verdict {
	return record.Verdict(n.OneOf("on_empty", "pass", "warn", "fail"))
}

// need notes keys that are missing.
func need(n *yamlpos.Node, fields map[string]*yamlpos.Node, keys ...string) {
	for _, key := range keys {
		if fields[key] == nil {
			n.Errorf("", "%s: is missing here", key)
		}
	}
}

// optional is the text of a field that may be left out.
func optional(n *yamlpos.Node) string {
	if n == nil {
		return ""
	}
	return n.String()
}

// date reads a date and leaves it text.
func date(n *yamlpos.Node) string {
	text := n.String()
	if _, err := time.Parse(time.DateOnly, text); err != nil && text != "" {
		n.Errorf("write 2026-10-01", "%q is no date", text)
	}
	return text
}

func sha(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func asErrors(file string, err error) yamlpos.Errors {
	var errs yamlpos.Errors
	if errors.As(err, &errs) {
		return errs
	}
	return yamlpos.Errors{{File: file, Line: 1, Col: 1, Message: err.Error()}}
}
