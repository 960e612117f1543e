package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dq-dev/dq/engine/duckdb"
	"github.com/dq-dev/dq/expectations"
	"github.com/dq-dev/dq/expectations/cel"
	"github.com/dq-dev/dq/internal/yamlpos"
	"github.com/dq-dev/dq/interop/gx"
	"github.com/dq-dev/dq/policies"
	"github.com/dq-dev/dq/record"
)

func (a *app) cmdExplain() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "explain [KIND|FUNCTION|POLICY|EXPECTATION]",
		Short: "Explain a kind, a function of CEL, a policy or an expectation, or list all kinds",
		Long: `explain shows what a kind means: prose, parameters, CEL, and the SQL that its
first example becomes. The project's own kinds (kinds/*.yaml, packs of dq.yaml)
are kinds like all others. What other tools call a kind is understood too.

Of a function, aggregate or macro of CEL it shows the forms, what becomes of nulls,
and examples that are true. Where a kind has the same name, write quantile().

Of a policy (DQ-S001, or one of the project) it shows when it finds something, why, and
what to do. Of an expectation of the suites here (suites/*/*.yaml), by its id, it shows
the CEL with its parameters put in, and the SQL.

--format json writes the same as a document with one of the fields kind, function,
policy and expectations.`,
		Example: "  dq explain unique\n  dq explain expect_column_values_to_be_between\n  dq explain quantile\n  dq explain 'luhn()'\n  dq explain DQ-S001 --format json\n  dq explain order_id.not_null",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := oneOf(format, "text", "json"); err != nil {
				return err
			}
			kinds, err := allKinds()
			if err != nil {
				return err
			}
			if len(args) == 0 {
				return a.listKinds(kinds, format)
			}
			x, err := find(cmd.Context(), kinds, args[0])
			if err != nil {
				return err
			}
			if format == "json" {
				return writeJSON(a.out, x)
			}
			a.explain(x)
			return nil
		},
	}
	cmd.Flags().StringVar(&format, "format", "text", "text or json")
	return cmd
}

// listKinds writes what kinds there are.
func (a *app) listKinds(kinds []expectations.Kind, format string) error {
	list := []explainedKind{}
	for _, k := range kinds {
		if list = append(list, explainedKind{Name: k.Name, Summary: k.Summary(), Scope: k.Scope, Dimension: k.Dimension}); format == "text" {
			fmt.Fprintf(a.out, "%-28s %s\n", k.Name, k.Summary())
		}
	}
	if format == "json" {
		return writeJSON(a.out, list)
	}
	return nil
}

// find finds what a name stands for: a kind, a function, what others call a kind
// (Great Expectations also where it takes other arguments), a policy or expectations.
func find(ctx context.Context, kinds []expectations.Kind, name string) (*explained, error) {
	var names []string
	for _, k := range kinds {
		if names = append(names, k.Name); k.Name == name {
			return &explained{Name: name, Kind: explainKind(k)}, nil
		}
	}
	for _, f := range cel.Functions() {
		if names = append(names, f.Name); f.Name == strings.TrimSuffix(name, "()") {
			return &explained{Name: f.Name, Function: explainFunction(f)}, nil
		}
	}
	for _, k := range kinds {
		if slices.Contains(k.Aliases, name) {
			return &explained{Name: name, Kind: explainKind(k)}, nil
		}
	}
	for _, k := range kinds {
		if slices.Contains(gx.Kinds(name), k.Name) {
			return &explained{Name: name, Kind: explainKind(k)}, nil
		}
	}
	b, err := (&policySource{}).bundle(ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range b.Policies() {
		if names = append(names, p.ID); strings.EqualFold(p.ID, name) {
			return &explained{Name: p.ID, Policy: &p}, nil
		}
	}
	found, ids, err := explainExpectations(name)
	if err != nil {
		return nil, err
	}
	if found != nil {
		return &explained{Name: name, Expectations: found}, nil
	}
	near := yamlpos.DidYouMean(name, append(names, ids...))
	if near == "" {
		near = "dq explain lists the kinds, dq policy list the policies"
	}
	return nil, usagef("there is no kind, function, policy or expectation %q; %s", name, near)
}

// allKinds are the kinds of the catalogue, of the project here, and of its packs.
func allKinds() ([]expectations.Kind, error) {
	own, err := projectKinds(".")
	if err != nil {
		return nil, err
	}
	kinds, err := expectations.AllKinds(own)
	return kinds, usage(err)
}

// explained is the JSON of `dq explain NAME`: one of the pointers, or expectations.
type explained struct {
	Name         string                 `json:"name"` // as asked; of an alias, the kind has its own
	Kind         *explainedKind         `json:"kind,omitempty"`
	Function     *explainedFunction     `json:"function,omitempty"`
	Policy       *policies.Policy       `json:"policy,omitempty"`
	Expectations []explainedExpectation `json:"expectations,omitempty"` // of all tables that have one of this id
}

// explainedKind is a kind; in the list of all kinds it has only its first four fields.
type explainedKind struct {
	Name       string            `json:"name"`
	Summary    string            `json:"summary"`
	Scope      string            `json:"scope"` // row or table
	Dimension  string            `json:"dimension"`
	Doc        string            `json:"doc,omitempty"`
	Nulls      string            `json:"nulls,omitempty"`
	Written    []string          `json:"written,omitempty"`
	Parameters []explainedParam  `json:"parameters,omitempty"`
	CEL        []string          `json:"cel,omitempty"`
	Example    *explainedExample `json:"example,omitempty"`
	Aliases    []string          `json:"aliases,omitempty"`

	judgesRows bool // its SQL is a verdict for each row
}

type explainedParam struct {
	Name     string `json:"name"`
	Takes    string `json:"takes"`
	Required bool   `json:"required"`
	Default  string `json:"default,omitempty"`
	Doc      string `json:"doc"`
}

// explainedExample is a use of a kind, and what it becomes. NoSQL says why SQL is "".
type explainedExample struct {
	Name  string `json:"name"`
	CEL   string `json:"cel"`
	Where string `json:"where,omitempty"`
	SQL   string `json:"sql"`
	NoSQL string `json:"no_sql,omitempty"`
}

type explainedFunction struct {
	Name     string   `json:"name"`
	Doc      string   `json:"doc"`
	Nulls    string   `json:"nulls"`
	Forms    []string `json:"forms"`
	Rows     string   `json:"rows,omitempty"` // that the examples look at, as CSV
	Examples []string `json:"examples"`
}

// explainedExpectation is an expectation of a suite. NoSQL says why SQL is "".
type explainedExpectation struct {
	ID          string `json:"id"`
	Table       string `json:"table"`
	Kind        string `json:"kind"`
	Dimension   string `json:"dimension,omitempty"`
	OnFail      string `json:"on_fail"`
	Position    string `json:"position"` // file:line:column
	Description string `json:"description,omitempty"`
	CEL         string `json:"cel"`
	Where       string `json:"where,omitempty"`
	SQL         string `json:"sql"`
	NoSQL       string `json:"no_sql,omitempty"`
}

// explainKind says what a kind means.
func explainKind(k expectations.Kind) *explainedKind {
	x := &explainedKind{Name: k.Name, Summary: k.Summary(), Scope: k.Scope, Dimension: k.Dimension, Doc: strings.TrimSpace(k.Doc),
		Nulls: strings.ReplaceAll(k.NullsText(), "`", ""), Written: k.Usage(), CEL: k.Template(), Aliases: k.Aliases, judgesRows: k.Scope == "row" && k.Form == ""}
	for _, p := range k.Params {
		x.Parameters = append(x.Parameters, explainedParam{p.Name, p.Takes(), p.Required, p.Default, strings.Join(strings.Fields(p.Doc), " ")})
	}
	i := slices.IndexFunc(k.Examples, func(e expectations.Example) bool { return e.Expect == record.Pass })
	if i < 0 {
		return x
	}
	e := k.Examples[i]
	x.Example = &explainedExample{Name: e.Name}
	x.Example.CEL, x.Example.Where = e.Compiled()
	sql, err := e.SQL((&duckdb.Engine{}).Dialect()) // a dialect needs no open engine
	switch x.Example.SQL = sql; {
	case err != nil:
		x.Example.SQL, x.Example.NoSQL = "", err.Error()+"; the reference evaluator judges it"
	case sql == "":
		x.Example.NoSQL = "the columns alone decide"
	}
	return x
}

// explain writes for people what a name stands for.
func (a *app) explain(x *explained) {
	switch {
	case x.Kind != nil:
		if x.Name != x.Kind.Name {
			fmt.Fprintf(a.out, "%s is called %s here.\n\n", x.Name, x.Kind.Name)
		}
		x.Kind.show(a.out)
		if x.Name == x.Kind.Name && isFunction(x.Name) {
			fmt.Fprintf(a.out, "\nA function is called so too: dq explain '%s()'\n", x.Name)
		}
	case x.Function != nil:
		x.Function.show(a.out)
	case x.Policy != nil:
		a.explainPolicy(*x.Policy)
	}
	for i, e := range x.Expectations {
		if i > 0 {
			fmt.Fprintln(a.out)
		}
		a.showExpectation(e)
	}
}

// show prints what a kind means.
func (k *explainedKind) show(w io.Writer) {
	fmt.Fprintf(w, "%s (%s, %s)\n\n%s\n", k.Name, k.Scope, k.Dimension, k.Doc)
	fmt.Fprintf(w, "\n%s\n", k.Nulls)
	section := func(title string, lines []string) {
		if len(lines) > 0 {
			fmt.Fprintf(w, "\n%s:\n  %s\n", title, strings.Join(lines, "\n  "))
		}
	}
	section("written", k.Written)
	var params []string
	for _, p := range k.Parameters {
		notes := []string{p.Takes}
		if p.Required {
			notes = append(notes, "required")
		}
		if p.Default != "" {
			notes = append(notes, "default "+p.Default)
		}
		params = append(params, strings.TrimSuffix(fmt.Sprintf("%s (%s): %s", p.Name, strings.Join(notes, ", "), p.Doc), ": "))
	}
	section("parameters", params)
	section("CEL", k.CEL)
	if e := k.Example; e != nil {
		lines := []string{e.CEL}
		if e.Where != "" {
			lines = append(lines, "where "+e.Where)
		}
		section(fmt.Sprintf("so that the example %q is", e.Name), lines)
		switch {
		case e.NoSQL != "":
			section("SQL", []string{"none: " + e.NoSQL})
		case k.judgesRows:
			section("SQL (0 failed, 1 passed, 2 errored, 3 not judged)", []string{e.SQL})
		default:
			section("SQL", []string{e.SQL})
		}
	}
	section("elsewhere called", k.Aliases)
}

// explainPolicy prints what a policy is about.
func (a *app) explainPolicy(p policies.Policy) {
	fmt.Fprintf(a.out, "%s  %s\n", a.paint(bold, p.ID), p.Title)
	fmt.Fprintf(a.out, "%s\n\n", a.paint(dim, fmt.Sprintf("%s · %s · %s", dash(p.Category), severities(p), p.File)))
	a.wrapped("", "", p.Description)
	part := func(head, text string, code bool) {
		if text = strings.TrimSpace(text); text == "" {
			return
		}
		fmt.Fprintf(a.out, "\n%s:\n", head)
		if !code {
			a.wrapped("  ", "", text)
			return
		}
		for line := range strings.Lines(text) {
			fmt.Fprintf(a.out, "  %s\n", strings.TrimRight(line, "\n"))
		}
	}
	part("why", p.Why, false)
	part("what to do", p.Remediation, false)
	part("avoid", p.Avoid, true)
	part("prefer", p.Prefer, true)
	part("configuration", p.Configuration, false)
}

// explainExpectations says what the expectations of the suites here that have an id
// are, and which ids there are.
func explainExpectations(id string) (found []explainedExpectation, ids []string, err error) {
	files, err := filepath.Glob("suites/*/*.yaml")
	if err != nil {
		return nil, nil, err
	}
	suites, err := loadSuites(files)
	if err != nil {
		return nil, nil, err
	}
	for _, s := range suites {
		for _, e := range s.Expectations {
			if ids = append(ids, e.ID); e.ID != id {
				continue
			}
			x := explainedExpectation{ID: e.ID, Table: s.Table, Kind: e.Kind, Dimension: e.Dimension, OnFail: e.OnFail,
				Position: fmt.Sprint(e.Position), Description: e.Description}
			var err error
			if x.CEL, x.Where, x.SQL, err = s.Explain(e.ID, (&duckdb.Engine{}).Dialect()); x.CEL == "" {
				x.CEL, x.Where = e.CEL, e.Where
			}
			switch {
			case err != nil:
				x.SQL, x.NoSQL = "", strings.Join(strings.Fields(err.Error()), " ")
			case x.SQL == "":
				x.NoSQL = "the columns alone decide"
			}
			found = append(found, x)
		}
	}
	return found, ids, nil
}

// showExpectation prints an expectation.
func (a *app) showExpectation(e explainedExpectation) {
	fmt.Fprintf(a.out, "%s of %s\n%s\n", a.paint(bold, plain(e.ID)), plain(e.Table), a.paint(dim, fmt.Sprintf("%s · %s · on_fail %s · %s", e.Kind, dash(e.Dimension), e.OnFail, e.Position)))
	if e.Description != "" {
		fmt.Fprintln(a.out)
		a.wrapped("", "", e.Description)
	}
	rule, sql := e.CEL, e.SQL
	if e.Where != "" {
		rule += "\nwhere " + e.Where
	}
	if e.NoSQL != "" {
		sql = "none: " + e.NoSQL
	}
	for _, part := range []struct{ head, text string }{{"CEL", rule}, {"SQL", sql}} {
		if part.text != "" {
			fmt.Fprintf(a.out, "\n%s:\n  %s\n", part.head, strings.ReplaceAll(part.text, "\n", "\n  "))
		}
	}
}

func isFunction(name string) bool {
	return slices.ContainsFunc(cel.Functions(), func(f cel.Function) bool { return f.Name == name })
}

// explainFunction says what a function of CEL does.
func explainFunction(f cel.Function) *explainedFunction {
	x := &explainedFunction{Name: f.Name, Doc: strings.TrimSpace(f.Doc), Nulls: f.Nulls, Forms: f.Signatures, Examples: f.Examples}
	if f.Looks {
		x.Rows = cel.ExampleRows
	}
	return x
}

// show prints what a function of CEL does.
func (f *explainedFunction) show(w io.Writer) {
	fmt.Fprintf(w, "%s\n\n%s\n\nNulls: %s\n\nforms:\n  %s\n", f.Name, f.Doc, f.Nulls, strings.Join(f.Forms, "\n  "))
	if f.Rows != "" {
		fmt.Fprintf(w, "\nof these rows:\n%s", f.Rows)
	}
	fmt.Fprintf(w, "\ntrue:\n  %s\n", strings.Join(f.Examples, "\n  "))
}
