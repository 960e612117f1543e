package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dq-dev/dq/delta"
	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/profiling"
	"github.com/dq-dev/dq/record"
	"github.com/dq-dev/dq/table"
)

func (a *app) cmdProfile() *cobra.Command {
	var (
		format, baseline, query string
		out, sets               []string
		allText                 bool
	)
	cmd := &cobra.Command{
		Use:   "profile DATA",
		Short: "Describe the columns of a file or table",
		Long: `profile reads DATA once and says what is in it: of each column types, nulls,
range, distribution, frequent and rare values, forms and meaning of texts; of the table
duplicate rows, keys, columns that decide others, correlations. What is odd comes first.

--query profiles the rows of one SELECT over DATA, which it calls t.

--baseline compares it with other data of the same kind, such as last month's file or an
earlier version of the table: the distribution of each column, new and lost values, nulls
and types. With --query it is asked the same.`,
		Example: `  dq profile orders.csv
  dq profile orders.csv --baseline orders-last-month.csv
  dq profile warehouse/silver/orders@12 --baseline warehouse/silver/orders@11
  dq profile warehouse/gold/fact_sales@2011-06-01T00:00:00Z --out html=profile.html
  dq profile warehouse/gold/fact_sales --query "SELECT country, sum(amount) AS amount FROM t GROUP BY country"`,
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
			opts := dataOptions{allText: allText, set: set, asked: named(sets), unread: true}
			d, err := resolve(cmd.Context(), args[0], opts)
			if err != nil {
				return err
			}
			return a.withSession(cmd.Context(), func(eng engine.Engine, s engine.Session) error {
				run := a.newRun("profile", eng)
				p := &profiled{eng: eng, session: s, opts: opts, sql: query, note: func(err error) { fmt.Fprintf(a.err, "warning: the state of the profile is not kept: %v\n", err) }}
				defer p.close()
				now, err := p.look(cmd.Context(), d, "dq_now")
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
				profile := now.state.Profile(now.personal)
				profile.Query = query
				if now.data.snap == nil {
					if err := profiling.Verify(cmd.Context(), s, eng.Dialect(), "dq_now", profile); err != nil {
						return err
					}
				} else if _, at, _ := splitVersion(args[0]); at == delta.Latest() {
					if err := d.sweepStates(cmd.Context()); err != nil {
						p.note(err)
					}
				}
				if baseline != "" {
					other, err := resolve(cmd.Context(), baseline, dataOptions{allText: allText, set: set, unread: true})
					if err != nil {
						return err
					}
					old, err := p.look(cmd.Context(), other, "dq_baseline")
					if err != nil {
						return err
					}
					if other.broken != nil {
						return fmt.Errorf("--baseline %s: %s", baseline, other.broken.Message)
					}
					profile.Drift = profiling.Drift(old.state, now.state, baseline, append(now.personal, old.personal...))
				}
				sumUp(run, record.Table{Name: d.dataset.Name, Location: d.dataset.Location, Outcome: "profiled", VersionBefore: d.dataset.Version,
					Schema: now.schema, Profile: profile, Findings: now.findings, Counts: record.Counts{Total: profile.Rows}}, "profiled")
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
	f.StringVar(&query, "query", "", "profile the rows of this SELECT over DATA, which is called t")
	f.StringVar(&baseline, "baseline", "", "DATA to compare with")
	f.StringVar(&format, "format", "text", "format of standard output")
	f.StringArrayVar(&out, "out", nil, "also write FORMAT=PATH (html, pdf, markdown, json)")
	f.BoolVar(&allText, "all-text", false, "read every column of a text file as text")
	f.StringArrayVar(&sets, "set", nil, "COLUMN=TYPE, the type of a column of a text file")
	return cmd
}

// profiled is what profiles are made with.
type profiled struct {
	eng     engine.Engine
	session engine.Session
	opts    dataOptions
	sql     string   // --query
	dirs    []string // with rows of queries
	note    func(error)
}

func (p *profiled) close() {
	for _, dir := range p.dirs {
		_ = os.RemoveAll(dir)
	}
}

// seen is what is known of data.
type seen struct {
	data     *data // or the rows of the query
	schema   table.Schema
	state    *profiling.State
	findings []record.Finding
	personal []string // columns of which no values are shown
}

// look reads data, or the rows of the query over it, which files get the name. Of a Delta
// table only those files are read whose state is not kept. The state is nil of data that
// is broken.
func (p *profiled) look(ctx context.Context, d *data, name string) (*seen, error) {
	out := &seen{data: d}
	opts := p.opts
	var err error
	if p.sql != "" {
		if out, err = p.query(ctx, d); err != nil || d.broken != nil {
			return out, err
		}
		opts = dataOptions{}
	} else if d.snap != nil {
		out.schema, out.personal = d.input.Schema, personal(d.input.Schema)
		out.state, err = d.deltaState(ctx, p.eng, p.session, p.note)
		return out, err
	}
	schema, findings, err := out.data.attach(ctx, p.session, p.eng.Dialect(), name, opts)
	if err != nil || out.data.broken != nil {
		return out, err
	}
	out.schema, out.findings = schema, append(out.findings, findings...)
	out.state, err = profiling.Scan(ctx, p.session, p.eng.Dialect(), name, schema, profiling.ScanOptions{Places: true})
	return out, err
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
