package main

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/record"
	"github.com/dq-dev/dq/table"
)

// lintReport is the JSON of dq lint.
type lintReport struct {
	Findings []record.Finding `json:"findings"`
	Errors   int              `json:"errors"`
	Warnings int              `json:"warnings"`
}

func (a *app) cmdLint() *cobra.Command {
	var data, format, failOn string
	cmd := &cobra.Command{
		Use:   "lint [SUITE|FOLDER...]",
		Short: "Find rules that cannot be right, or say nothing",
		Long: `lint looks at suites without data: rules that nothing can pass or nothing can
fail, pairs that contradict, repeat or include each other, and names that no rule
uses. The default is suites/*/*.yaml. It needs the types of columns, which the
suite gives, or --data.`,
		Example: `  dq lint
  dq lint suites/silver
  dq lint orders.yaml --data orders.csv --fail-on warn`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkFailOn(failOn); err != nil {
				return err
			}
			if format != "text" && format != "json" {
				return usagef("--format %s: dq lint writes text or json", format)
			}
			if len(args) == 0 {
				if args, _ = filepath.Glob("suites/*/*.yaml"); len(args) == 0 {
					return usagef("there is no suite here (suites/*/*.yaml); name the files: dq lint my/suite.yaml")
				}
			}
			args, err := withFolders(args)
			if err != nil {
				return err
			}
			suites, err := loadSuites(args)
			if err != nil {
				return err
			}
			var schema table.Schema
			if data != "" {
				if len(suites) > 1 {
					return usagef("--data is the table of one suite; name one suite")
				}
				set, err := columnTypes(nil, suites[0])
				if err != nil {
					return err
				}
				opts := dataOptions{set: set}
				d, err := resolve(cmd.Context(), data, opts)
				if err != nil {
					return err
				}
				err = a.withSession(cmd.Context(), func(eng engine.Engine, s engine.Session) error {
					schema, _, err = d.attach(cmd.Context(), s, eng.Dialect(), "t", opts)
					if err == nil && d.broken != nil {
						err = fmt.Errorf("%s: %s", data, d.broken.Message)
					}
					return err
				})
				if err != nil {
					return err
				}
			}
			report := lintReport{Findings: []record.Finding{}}
			for _, suite := range suites {
				report.Findings = append(report.Findings, suite.Lint(schema)...)
			}
			for _, f := range report.Findings {
				switch f.Severity {
				case "error":
					report.Errors++
				case "warn":
					report.Warnings++
				}
			}
			if format == "json" {
				if err := writeJSON(a.out, report); err != nil {
					return err
				}
			} else {
				a.showLint(report)
			}
			if failOn != "never" && (report.Errors > 0 || failOn == "warn" && report.Warnings > 0) {
				return &exitError{code: exitFound}
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&data, "data", "", "DATA that tells the types of columns")
	f.StringVar(&format, "format", "text", "text or json")
	f.StringVar(&failOn, "fail-on", "error", "exit 1 at: error, warn, never")
	return cmd
}

func (a *app) showLint(r lintReport) {
	for _, f := range r.Findings {
		hint := ""
		if f.Hint != "" {
			hint = "; " + f.Hint
		}
		fmt.Fprintf(a.out, "%s: %s: %s%s (%s)\n", f.Position, f.Severity, f.Message, hint, f.Rule)
	}
	fmt.Fprintf(a.out, "%s, %s\n", count(r.Errors, "error"), count(r.Warnings, "warning"))
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
