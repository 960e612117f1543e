package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/profiling"
	"github.com/dq-dev/dq/record"
	"github.com/dq-dev/dq/table"
)

func (a *app) cmdProfile() *cobra.Command {
	var (
		format, baseline string
		out, sets        []string
		allText          bool
	)
	cmd := &cobra.Command{
		Use:   "profile DATA",
		Short: "Describe the columns of a file or table",
		Long: `profile reads DATA once and says what is in it: of each column types, nulls,
range, distribution, frequent and rare values, forms and meaning of texts; of the table
duplicate rows, keys, columns that decide others, correlations. What is odd comes first.

--baseline compares it with other data of the same kind, such as last month's file or an
earlier version of the table: the distribution of each column, new and lost values, nulls
and types.`,
		Example: `  dq profile orders.csv
  dq profile orders.csv --baseline orders-last-month.csv
  dq profile warehouse/silver/orders@12 --baseline warehouse/silver/orders@11
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
				if baseline != "" {
					old, err := a.baselineState(cmd.Context(), s, eng.Dialect(), baseline, opts)
					if err != nil {
						return err
					}
					p.Drift = profiling.Drift(old, state, baseline, personal(schema))
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
	f.StringVar(&baseline, "baseline", "", "DATA to compare with")
	f.StringVar(&format, "format", "text", "format of standard output")
	f.StringArrayVar(&out, "out", nil, "also write FORMAT=PATH (html, pdf, markdown, json)")
	f.BoolVar(&allText, "all-text", false, "read every column of a text file as text")
	f.StringArrayVar(&sets, "set", nil, "COLUMN=TYPE, the type of a column of a text file")
	return cmd
}

// baselineState reads the data that others are compared with.
func (a *app) baselineState(ctx context.Context, s engine.Session, say engine.Dialect, arg string, opts dataOptions) (*profiling.State, error) {
	d, err := resolve(ctx, arg, opts)
	if err != nil {
		return nil, err
	}
	schema, _, err := d.attach(ctx, s, say, "baseline", opts)
	if err != nil {
		return nil, err
	}
	if d.broken != nil {
		return nil, fmt.Errorf("--baseline %s: %s", arg, d.broken.Message)
	}
	return profiling.Scan(ctx, s, say, "baseline", schema, true)
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
