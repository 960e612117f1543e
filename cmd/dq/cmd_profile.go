package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/profiling"
	"github.com/dq-dev/dq/record"
	"github.com/dq-dev/dq/table"
)

func (a *app) cmdProfile() *cobra.Command {
	var (
		format    string
		out, sets []string
		allText   bool
	)
	cmd := &cobra.Command{
		Use:   "profile DATA",
		Short: "Describe the columns of a file or table",
		Example: `  dq profile orders.csv
  dq profile warehouse/gold/fact_sales@2011-06-01T00:00:00Z --out html=profile.html`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			outs, err := parseOutputs(out)
			if err != nil {
				return err
			}
			if err := knownFormat(format); err != nil {
				return err
			}
			set, err := columnTypes(sets, nil)
			if err != nil {
				return err
			}
			opts := dataOptions{allText: allText, set: set, asked: named(sets)}
			d, err := resolve(cmd.Context(), args[0], opts)
			if err != nil {
				return err
			}
			return a.withSession(cmd.Context(), func(eng engine.Engine, s engine.Session) error {
				run := a.newRun("profile", eng)
				schema, findings, err := d.attach(cmd.Context(), s, eng.Dialect(), "t", opts)
				if err != nil {
					return err
				}
				if d.broken != nil {
					unreadable(run, d, nil)
					if err := a.show(run, format); err != nil {
						return err
					}
					return &exitError{code: exitFound}
				}
				state, err := profiling.Scan(cmd.Context(), s, eng.Dialect(), "t", schema, true)
				if err != nil {
					return err
				}
				p := state.Profile(personal(schema))
				if err := profiling.Verify(cmd.Context(), s, eng.Dialect(), "t", p); err != nil {
					return err
				}
				sumUp(run, record.Table{Name: d.dataset.Name, Location: d.dataset.Location, Outcome: "profiled", VersionBefore: d.dataset.Version,
					Schema: schema, Profile: p, Findings: findings, Counts: record.Counts{Total: p.Rows}}, "profiled")
				if err := outs.write(run); err != nil {
					return err
				}
				if err := a.show(run, format); err != nil {
					return err
				}
				if run.Verdict == record.Fail {
					return &exitError{code: exitFound}
				}
				return nil
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&format, "format", "text", "format of standard output")
	f.StringArrayVar(&out, "out", nil, "also write FORMAT=PATH (html, pdf, json)")
	f.BoolVar(&allText, "all-text", false, "read every column of a text file as text")
	f.StringArrayVar(&sets, "set", nil, "COLUMN=TYPE, the type of a column of a text file")
	return cmd
}

// personal lists the columns that the table itself tags as personal.
func personal(s table.Schema) []string {
	var names []string
	for _, f := range s.Fields {
		tags, _ := f.Meta["dq.tags"].(string)
		for _, tag := range strings.Split(tags, ",") {
			if tag == "pii" || strings.HasPrefix(tag, "pii.") {
				names = append(names, f.Name)
				break
			}
		}
	}
	return names
}
