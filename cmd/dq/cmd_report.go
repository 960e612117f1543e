package main

import (
	"errors"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/dq-dev/dq/record"
)

func (a *app) cmdReport() *cobra.Command {
	var format string
	var out []string
	cmd := &cobra.Command{
		Use:     "report RUN.json",
		Short:   "Draw a run record as it was: html, pdf, junit ...",
		Example: "  dq report warehouse/_dq/runs/20261123T101500000Z-4f2a1c.json --out html=run.html --out pdf=run.pdf",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			outs, err := parseOutputs(out)
			if err != nil {
				return err
			}
			if err := knownFormat(format); err != nil {
				return err
			}
			f, err := os.Open(args[0])
			if errors.Is(err, fs.ErrNotExist) {
				return usagef("%s: there is no such file%s", args[0], nearData(args[0]))
			}
			if err != nil {
				return err
			}
			defer f.Close()
			run, err := record.Read(f)
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
	return cmd
}
