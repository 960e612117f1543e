package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dq-dev/dq/engine/duckdb"
	"github.com/dq-dev/dq/expectations"
	"github.com/dq-dev/dq/expectations/cel"
	"github.com/dq-dev/dq/internal/yamlpos"
	"github.com/dq-dev/dq/record"
)

func (a *app) cmdExplain() *cobra.Command {
	return &cobra.Command{
		Use:   "explain [KIND|FUNCTION]",
		Short: "Explain a kind of expectation or a function of CEL, or list all kinds",
		Long: `explain shows what a kind means: prose, parameters, CEL, and the SQL that its
first example becomes. The project's own kinds (kinds/*.yaml, packs of dq.yaml)
are kinds like all others. What other tools call a kind is understood too.

Of a function, aggregate or macro of CEL it shows the forms, what becomes of nulls,
and examples that are true. Where a kind has the same name, write quantile().`,
		Example: "  dq explain unique\n  dq explain expect_column_values_to_be_between\n  dq explain quantile\n  dq explain 'luhn()'",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
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
			return usagef("there is no kind and no function %q; %s", args[0], yamlpos.DidYouMean(args[0], names))
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
