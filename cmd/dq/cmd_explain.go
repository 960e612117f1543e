package main

import (
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
	"github.com/dq-dev/dq/policies"
	"github.com/dq-dev/dq/record"
)

func (a *app) cmdExplain() *cobra.Command {
	return &cobra.Command{
		Use:   "explain [KIND|FUNCTION|POLICY|EXPECTATION]",
		Short: "Explain a kind, a function of CEL, a policy or an expectation, or list all kinds",
		Long: `explain shows what a kind means: prose, parameters, CEL, and the SQL that its
first example becomes. The project's own kinds (kinds/*.yaml, packs of dq.yaml)
are kinds like all others. What other tools call a kind is understood too.

Of a function, aggregate or macro of CEL it shows the forms, what becomes of nulls,
and examples that are true. Where a kind has the same name, write quantile().

Of a policy (DQ-S001, or one of the project) it shows when it finds something, why, and
what to do. Of an expectation of the suites here (suites/*/*.yaml), by its id, it shows
the CEL with its parameters put in, and the SQL.`,
		Example: "  dq explain unique\n  dq explain expect_column_values_to_be_between\n  dq explain quantile\n  dq explain 'luhn()'\n  dq explain DQ-S001\n  dq explain order_id.not_null",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			kinds, err := allKinds()
			if err != nil {
				return err
			}
			var names []string
			for _, k := range kinds {
				names = append(names, k.Name)
				if len(args) == 0 {
					fmt.Fprintf(a.out, "%-28s %s\n", k.Name, k.Summary())
				} else if k.Name == args[0] {
					explain(a.out, k)
					if isFunction(k.Name) {
						fmt.Fprintf(a.out, "\nA function is called so too: dq explain '%s()'\n", k.Name)
					}
					return nil
				}
			}
			if len(args) == 0 {
				return nil
			}
			for _, f := range cel.Functions() {
				names = append(names, f.Name)
				if f.Name == strings.TrimSuffix(args[0], "()") {
					explainFunction(a.out, f)
					return nil
				}
			}
			for _, k := range kinds {
				for _, alias := range k.Aliases {
					if alias == args[0] {
						fmt.Fprintf(a.out, "%s is called %s here.\n\n", alias, k.Name)
						explain(a.out, k)
						return nil
					}
				}
			}
			b, err := (&policySource{}).bundle(cmd.Context())
			if err != nil {
				return err
			}
			for _, p := range b.Policies() {
				if names = append(names, p.ID); strings.EqualFold(p.ID, args[0]) {
					a.explainPolicy(p)
					return nil
				}
			}
			found, ids, err := a.explainExpectation(args[0])
			if err != nil || found {
				return err
			}
			near := yamlpos.DidYouMean(args[0], append(names, ids...))
			if near == "" {
				near = "dq explain lists the kinds, dq policy list the policies"
			}
			return usagef("there is no kind, function, policy or expectation %q; %s", args[0], near)
		},
	}
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

// explain prints what a kind means.
func explain(w io.Writer, k expectations.Kind) {
	fmt.Fprintf(w, "%s (%s, %s)\n\n%s\n", k.Name, k.Scope, k.Dimension, strings.TrimSpace(k.Doc))
	fmt.Fprintf(w, "\n%s\n", strings.ReplaceAll(k.NullsText(), "`", ""))
	section := func(title string, lines []string) {
		if len(lines) > 0 {
			fmt.Fprintf(w, "\n%s:\n  %s\n", title, strings.Join(lines, "\n  "))
		}
	}
	section("written", k.Usage())
	var params []string
	for _, p := range k.Params {
		notes := []string{p.Takes()}
		if p.Required {
			notes = append(notes, "required")
		}
		if p.Default != "" {
			notes = append(notes, "default "+p.Default)
		}
		params = append(params, strings.TrimSuffix(fmt.Sprintf("%s (%s): %s", p.Name, strings.Join(notes, ", "), strings.Join(strings.Fields(p.Doc), " ")), ": "))
	}
	section("parameters", params)
	section("CEL", k.Template())
	for _, e := range k.Examples {
		if e.Expect != record.Pass {
			continue
		}
		rule, where := e.Compiled()
		lines := []string{rule}
		if where != "" {
			lines = append(lines, "where "+where)
		}
		section(fmt.Sprintf("so that the example %q is", e.Name), lines)
		sql, err := e.SQL((&duckdb.Engine{}).Dialect()) // a dialect needs no open engine
		switch {
		case err != nil:
			section("SQL", []string{"none: " + err.Error() + "; the reference evaluator judges it"})
		case sql == "":
			section("SQL", []string{"none: the columns alone decide"})
		case k.Scope == "row" && k.Form == "":
			section("SQL (0 failed, 1 passed, 2 errored, 3 not judged)", []string{sql})
		default:
			section("SQL", []string{sql})
		}
		break
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

// explainExpectation prints the expectations of the suites here that have an id.
func (a *app) explainExpectation(id string) (found bool, ids []string, err error) {
	files, err := filepath.Glob("suites/*/*.yaml")
	if err != nil {
		return false, nil, err
	}
	suites, err := loadSuites(files)
	if err != nil {
		return false, nil, err
	}
	for _, s := range suites {
		for _, e := range s.Expectations {
			if ids = append(ids, e.ID); e.ID != id {
				continue
			}
			if found {
				fmt.Fprintln(a.out)
			}
			found = true
			fmt.Fprintf(a.out, "%s of %s\n%s\n", a.paint(bold, plain(e.ID)), plain(s.Table), a.paint(dim, fmt.Sprintf("%s · %s · on_fail %s · %s", e.Kind, dash(e.Dimension), e.OnFail, e.Position)))
			if e.Description != "" {
				fmt.Fprintln(a.out)
				a.wrapped("", "", e.Description)
			}
			rule, where, sql, err := s.Explain(e.ID, (&duckdb.Engine{}).Dialect())
			if rule == "" {
				rule, where = e.CEL, e.Where
			}
			if where != "" {
				rule += "\nwhere " + where
			}
			switch {
			case err != nil:
				sql = "none: " + strings.Join(strings.Fields(err.Error()), " ")
			case sql == "":
				sql = "none: the columns alone decide"
			}
			for _, part := range []struct{ head, text string }{{"CEL", rule}, {"SQL", sql}} {
				if part.text != "" {
					fmt.Fprintf(a.out, "\n%s:\n  %s\n", part.head, strings.ReplaceAll(part.text, "\n", "\n  "))
				}
			}
		}
	}
	return found, ids, nil
}

func isFunction(name string) bool {
	return slices.ContainsFunc(cel.Functions(), func(f cel.Function) bool { return f.Name == name })
}

// explainFunction prints what a function of CEL does.
func explainFunction(w io.Writer, f cel.Function) {
	fmt.Fprintf(w, "%s\n\n%s\n\nNulls: %s\n\nforms:\n  %s\n", f.Name, strings.TrimSpace(f.Doc), f.Nulls, strings.Join(f.Signatures, "\n  "))
	if f.Looks {
		fmt.Fprintf(w, "\nof these rows:\n%s", cel.ExampleRows)
	}
	fmt.Fprintf(w, "\ntrue:\n  %s\n", strings.Join(f.Examples, "\n  "))
}
