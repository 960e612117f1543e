package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dq-dev/dq/expectations"
	"github.com/dq-dev/dq/internal/yamlpos"
)

func (a *app) cmdExplain() *cobra.Command {
	return &cobra.Command{
		Use:     "explain [KIND]",
		Short:   "Explain a kind of expectation, or list them all",
		Example: "  dq explain unique",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			var names []string
			for _, k := range expectations.Kinds() {
				if names = append(names, k.Name); len(args) == 0 {
					fmt.Fprintf(a.out, "%-18s %s\n", k.Name, firstSentence(k.Doc))
				} else if k.Name == args[0] {
					explain(a.out, k)
					return nil
				}
			}
			if len(args) == 0 {
				return nil
			}
			return usagef("there is no kind %q; %s", args[0], yamlpos.DidYouMean(args[0], names))
		},
	}
}

func firstSentence(doc string) string {
	doc = strings.Join(strings.Fields(doc), " ")
	if i := strings.Index(doc, ". "); i >= 0 {
		return doc[:i+1]
	}
	return doc
}

// explain prints what a kind means: prose, parameters, CEL.
func explain(w io.Writer, k expectations.Kind) {
	fmt.Fprintf(w, "%s (%s, %s)\n\n%s\n", k.Name, k.Scope, k.Dimension, strings.TrimSpace(k.Doc))
	if len(k.Params) > 0 {
		fmt.Fprint(w, "\nparameters:\n")
	}
	for _, p := range k.Params {
		need := ""
		if p.Required {
			need = ", required"
		}
		fmt.Fprintf(w, "  %s (%s%s): %s\n", p.Name, p.Type, need, strings.Join(strings.Fields(p.Doc), " "))
	}
	fmt.Fprint(w, "\nCEL:\n")
	for _, c := range k.Clauses {
		if len(c.If) > 0 {
			fmt.Fprintf(w, "  %s    (if %s)\n", c.CEL, strings.Join(c.If, ", "))
		} else {
			fmt.Fprintf(w, "  %s\n", c.CEL)
		}
	}
	if k.SkipNulls {
		fmt.Fprint(w, "\nNulls are skipped.\n")
	}
}
