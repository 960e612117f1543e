package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/suggest"
)

func (a *app) cmdSuggest() *cobra.Command {
	var (
		format  string
		sets    []string
		allText bool
	)
	cmd := &cobra.Command{
		Use:   "suggest DATA",
		Short: "Write a suite for a file or table that has none",
		Long: `suggest looks at DATA and writes a suite to standard output: what nearly all
rows have in common, each rule with what was seen. The data may be dirty: rows that
break a rule are likely mistakes, and dq check with the suite names them. They warn; more
than were seen fail the rule.

Types, nulls, forms and meanings of texts, sets, ranges, keys, columns that determine
others, columns that are calculated of others, times in order, the number of rows. Read
it before you keep it: it knows what is usual, and not what is meant.`,
		Example: `  dq suggest orders.csv > orders.yaml
  dq check orders.csv --suite orders.yaml --out failures=bad.parquet
  dq suggest warehouse/silver/orders@12 --format json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if format != "yaml" && format != "json" {
				return usagef("--format %s: dq suggest writes yaml or json", format)
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
			return a.withThreads(cmd.Context(), d.threads(), func(eng engine.Engine, s engine.Session) error {
				t, err := looked(cmd.Context(), eng, s, d, opts)
				if err != nil {
					return err
				}
				suite := suggest.Learn(t, tableName(d))
				if format == "json" {
					return writeJSON(a.out, suite)
				}
				_, err = a.out.Write(suite.YAML())
				return err
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&format, "format", "yaml", "yaml, or json with the same rules")
	f.BoolVar(&allText, "all-text", false, "read every column of a text file as text")
	f.StringArrayVar(&sets, "set", nil, "COLUMN=TYPE, the type of a column of a text file")
	return cmd
}

// looked reads the rows that a suite is learned from.
func looked(ctx context.Context, eng engine.Engine, s engine.Session, d *data, opts dataOptions) (*suggest.Table, error) {
	schema, _, err := d.attach(ctx, s, eng.Dialect(), "t", opts)
	if err != nil {
		return nil, err
	}
	if d.broken != nil {
		return nil, fmt.Errorf("%s: %s", d.dataset.Location, d.broken.Message)
	}
	return suggest.Read(ctx, s, eng.Dialect(), "t", schema, personal(schema))
}

// tableName is what a suite calls the table: the file's name without what says its format.
func tableName(d *data) string {
	name := filepath.Base(d.dataset.Location)
	name, _, _ = strings.Cut(name, ".")
	if name = strings.Trim(name, "*?"); name == "" {
		return "t"
	}
	return name
}
