package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"runtime/debug"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/dq-dev/dq/internal/yamlpos"
	"github.com/dq-dev/dq/pipeline"
	"github.com/dq-dev/dq/policies"
	"github.com/dq-dev/dq/record"
	"github.com/dq-dev/dq/reports"
)

func (a *app) cmdReport() *cobra.Command {
	var format string
	var out []string
	cmd := &cobra.Command{
		Use:   "report FILE.json",
		Short: "Draw a run record, or the document of a governance report, as it was: html, pdf, junit ...",
		Example: `  dq report warehouse/_dq/runs/20261123T101500000Z-4f2a1c.json --out html=run.html --out pdf=run.pdf
  dq report governance.json --out pdf=again.pdf`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			outs, err := parseOutputs(out)
			if err != nil {
				return err
			}
			if err := knownFormat(format); err != nil {
				return err
			}
			data, err := os.ReadFile(args[0])
			if errors.Is(err, fs.ErrNotExist) {
				return usagef("%s: there is no such file%s", args[0], nearData(args[0]))
			}
			if err != nil {
				return err
			}
			var kind struct {
				Format string `json:"format"`
			}
			if json.Unmarshal(data, &kind) == nil && kind.Format == record.GovernanceFormat {
				if err := governanceFormats(outs, format); err != nil {
					return err
				}
				g, err := record.ReadGovernance(bytes.NewReader(data))
				if err != nil {
					return usagef("%s: %w", args[0], err)
				}
				return a.drawGovernance(g, outs, format)
			}
			run, err := record.Read(bytes.NewReader(data))
			if err != nil {
				return usagef("%s: %w", args[0], err)
			}
			if err := outs.write(run); err != nil {
				return err
			}
			if len(outs) > 0 {
				return nil
			}
			return a.show(run, format)
		},
	}
	cmd.Flags().StringVar(&format, "format", "text", "format of standard output")
	cmd.Flags().StringArrayVar(&out, "out", nil, "write FORMAT=PATH instead (html, pdf, junit ...)")
	cmd.AddCommand(a.reportGovernance())
	return cmd
}

func (a *app) reportGovernance() *cobra.Command {
	var format, from, to string
	var out, tables []string
	cmd := &cobra.Command{
		Use:   "governance [PIPELINE]",
		Short: "Gather the evidence for how tables were governed, and draw it for those who sign it",
		Long: `governance gathers what runs, the tables' logs and the decision log hold about the
tables of a pipeline: who answers for them, what was promised and how it was kept, what
the gate refused and why, what policies decided and who waived it, how schemas changed,
where columns come from, quality by dimension, personal data, and what did not go the
usual way; with digests of all of it. What is lost is named. No rows are read.

The JSON document (--out json=) is what people sign: its digest stands in the report, and
the PDF carries it as an attachment. dq report draws it again.`,
		Example: `  dq report governance --out pdf=governance.pdf --out json=governance.json
  dq report governance examples/ecommerce/pipeline.yaml --table gold.fact_sales
  dq report governance --from 2026-10-01 --to 2026-12-31 --out html=q4.html`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			outs, err := parseOutputs(out)
			if err != nil {
				return err
			}
			if err := governanceFormats(outs, format); err != nil {
				return err
			}
			opt := pipeline.GovernanceOptions{At: time.Now().UTC().Truncate(time.Millisecond), Version: version()}
			if opt.From, err = dayFlag("--from", from, 0); err != nil {
				return err
			}
			if opt.To, err = dayFlag("--to", to, 1); err != nil {
				return err
			}
			if opt.From != nil && opt.To != nil && !opt.From.Before(*opt.To) {
				return usagef("--from %s is after --to %s", from, to)
			}
			var source policySource
			if len(args) == 1 {
				source.pipeline = args[0]
			}
			p, err := source.load()
			if err != nil {
				return err
			}
			if p == nil {
				return usagef("there is no pipeline.yaml here; name the pipeline's file: dq report governance my/pipeline.yaml")
			}
			for _, name := range tables {
				if !slices.Contains(p.Tables(), name) {
					return usagef("--table: there is no table %q; %s", name, yamlpos.DidYouMean(name, p.Tables()))
				}
			}
			opt.Tables = tables
			if opt.Policies, err = policies.Load(cmd.Context(), policyOptions(p)); err != nil {
				return usage(err)
			}
			g, err := p.Governance(cmd.Context(), opt)
			if errors.Is(err, pipeline.ErrNothingRun) {
				return usagef("pipeline %s has nothing to report on: no run record and no table is in %s; next: dq run %s", p.Name, p.Warehouse, p.File)
			}
			if err != nil {
				return err
			}
			return a.drawGovernance(g, outs, format)
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&tables, "table", nil, "only this table; may be repeated")
	f.StringVar(&from, "from", "", "histories from this day on, such as 2026-10-01")
	f.StringVar(&to, "to", "", "histories up to this day, included")
	f.StringVar(&format, "format", "text", "format of standard output: text, html, pdf, markdown, json")
	f.StringArrayVar(&out, "out", nil, "write FORMAT=PATH instead (html, pdf, markdown, json, text)")
	return cmd
}

// dayFlag reads a date (UTC), and gives the begin of a day so many days later; nil for none.
func dayFlag(flag, text string, later int) (*time.Time, error) {
	if text == "" {
		return nil, nil
	}
	day, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return nil, usagef("%s: %q is no date; write it as 2026-10-31", flag, text)
	}
	day = day.AddDate(0, 0, later)
	return &day, nil
}

// governanceFormats refuses formats that a governance report does not have.
func governanceFormats(outs outputs, format string) error {
	known := reports.GovernanceFormats()
	for name := range outs {
		if !slices.Contains(known, name) {
			return usagef("--out: a governance report has no format %s; %s", name, yamlpos.DidYouMean(name, known))
		}
	}
	if !slices.Contains(known, format) {
		return usagef("--format: a governance report has no format %s; %s", format, yamlpos.DidYouMean(format, known))
	}
	return nil
}

// drawGovernance writes the files asked for or, when there are none, to standard output.
func (a *app) drawGovernance(g *record.Governance, outs outputs, format string) error {
	debug.SetGCPercent(often) // 200 pages of PDF in 160 MB in place of 210
	for _, name := range reports.GovernanceFormats() {
		if path := outs[name]; path != "" {
			if err := writeReport(path, name, func(w io.Writer) error { return reports.WriteGovernance(w, name, g) }); err != nil {
				return err
			}
		}
	}
	switch {
	case len(outs) > 0 || a.quiet && format == "text":
		return nil
	case format == "text":
		return reports.GovernanceText(a.out, g, reports.TextOptions{Color: a.color()})
	}
	return reports.WriteGovernance(a.out, format, g)
}
