package main

import (
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/dq-dev/dq/internal/yamlpos"
	"github.com/dq-dev/dq/pipeline"
	"github.com/dq-dev/dq/record"
	"github.com/dq-dev/dq/reports"
)

// shortened cuts a text to a number of characters.
func shortened(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}

func (a *app) cmdGate() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "gate",
		Short: "Look at refused batches: list, show",
		Long:  "A refused batch stays on disk for seven days. No reader sees it; gate shows what was in it, why it was refused, and which run has published since what it was to bring.",
	}
	var format, file string
	flags := func(c *cobra.Command) *cobra.Command {
		c.Flags().StringVar(&format, "format", "text", "text or json")
		c.Flags().StringVarP(&file, "pipeline", "p", "pipeline.yaml", "the pipeline's file")
		return c
	}
	batches := func(cmd *cobra.Command) ([]pipeline.Refused, *pipeline.Pipeline, error) {
		if err := oneOf(format, "text", "json"); err != nil {
			return nil, nil, err
		}
		p, err := pipeline.Load(file)
		if err != nil {
			return nil, nil, usage(err)
		}
		list, err := pipeline.RefusedBatches(cmd.Context(), p.Warehouse)
		return list, p, err
	}
	cmd.AddCommand(flags(&cobra.Command{
		Use: "list", Short: "List the refused batches, newest first", Args: cobra.NoArgs,
		Example: "  dq gate list --pipeline examples/ecommerce/pipeline.yaml",
		RunE: func(cmd *cobra.Command, _ []string) error {
			list, _, err := batches(cmd)
			if err != nil {
				return err
			}
			if format == "json" {
				return writeJSON(a.out, list)
			}
			if len(list) == 0 {
				fmt.Fprintln(a.out, "no refused batches")
				return nil
			}
			w := tabwriter.NewWriter(a.out, 0, 4, 2, ' ', 0)
			fmt.Fprintln(w, "ID\tLAYER\tAT (UTC)\tKEPT UNTIL\tPUBLISHED SINCE\tREASON")
			for _, b := range list {
				reason := shortened(b.Reasons[0], 100)
				if n := len(b.Reasons); n > 1 {
					reason += fmt.Sprintf(" (and %d more)", n-1)
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", b.ID, b.Layer, b.At.Format("2006-01-02 15:04"), b.Expires.Format("2006-01-02"), dash(b.SupersededBy), reason)
			}
			return w.Flush()
		},
	}), flags(&cobra.Command{
		Use: "show ID", Short: "Show a refused batch: what was found, and where its files are", Args: cobra.ExactArgs(1),
		Example: "  dq gate show 20261123T101500000Z-4f2a1c-silver --pipeline examples/ecommerce/pipeline.yaml",
		RunE: func(cmd *cobra.Command, args []string) error {
			list, p, err := batches(cmd)
			if err != nil {
				return err
			}
			var ids []string
			for _, b := range list {
				if ids = append(ids, b.ID); b.ID != args[0] {
					continue
				}
				if format == "json" {
					return writeJSON(a.out, b)
				}
				run := &record.Run{Format: record.RunFormat, ID: b.Run, Command: "run", Pipeline: b.Pipeline, Environment: b.Environment, Tool: b.Tool, Engine: b.Engine,
					StartedAt: b.At, DurationMS: b.DurationMS, Verdict: b.Record.Verdict,
					Outcome: b.Record.Outcome, Message: b.Record.Message, Layers: []record.Layer{b.Record}}
				if err := reports.Text(a.out, run, reports.TextOptions{Color: a.color()}); err != nil {
					return err
				}
				if b.SupersededBy != "" {
					fmt.Fprintf(a.out, "\nrun %s has published since what this batch was to bring\n", b.SupersededBy)
				}
				if len(b.Folders) == 0 {
					fmt.Fprintln(a.out, "\nNothing had been staged: it was refused before data was read.")
					return nil
				}
				fmt.Fprintf(a.out, "\nstaged files, kept until %s:\n", b.Expires.Format(time.RFC3339))
				for _, f := range b.Folders {
					fmt.Fprintf(a.out, "  %s\n", p.Place(f))
				}
				return nil
			}
			return usagef("there is no refused batch %q; %s", args[0], yamlpos.DidYouMean(args[0], ids))
		},
	}))
	return cmd
}
