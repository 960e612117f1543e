package main

import (
	"io"
	"strings"

	"github.com/spf13/cobra"
)

func (a *app) cmdLineage() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "lineage",
		Short: "Say which column came from which",
		Long: `lineage says which column came from which. It needs no data: the SQL is bound
over empty tables, by the engine that would run it, so stars, USING, views, CTEs
and subqueries mean what they mean there.`,
	}
	cmd.AddCommand(a.lineageShow(), a.lineageImpact(), a.lineageDiff(), a.lineageEmit())
	return cmd
}

func (a *app) lineageShow() *cobra.Command {
	var sql, schema, file, format, output string
	var up, down int
	cmd := &cobra.Command{
		Use:   "show [TABLE[.COLUMN]|TABLE@VERSION]",
		Short: "Show what columns are made from, and what depends on them",
		Long: `show draws the lineage of a pipeline: of a column, of a table, or of all tables. It
goes from the files of sources to the last layer and to the tables of refused rows.
The models are bound as they are now; no data are read.

Of a version of a table (TABLE@VERSION, or @ for the newest) it draws what that was
made from: the run that published it, the versions of the tables that it was brought
up to, what was new in them since the version before, and the source files.

With --sql it says of each column that one SELECT returns which columns of which
tables its value is made from: those in its expression, through CTEs, views and
subqueries, also those of a CASE condition and of a window. Columns that only decide
which rows there are (WHERE, ON, GROUP BY) belong to no single column; the tree
lists them last. --schema describes the tables, with types of any usual dialect:
  {"orders": {"id": "BIGINT", "amount": "DECIMAL(10,2)"}, "sales.customers": {"id": "INT"}}

FILE may hold several statements. The lineage is that of the last one with a SELECT,
which may also be stored by CREATE TABLE, CREATE VIEW, INSERT or COPY; tables and
views that statements before it create are followed to what they are made from.
"-" is standard input. The status in JSON is "exact", or "conservative" where the
engine's plan was not understood: then columns have too many sources, never too few.`,
		Example: `  dq lineage show gold.daily_revenue -f examples/ecommerce/pipeline.yaml
  dq lineage show silver.order_lines.country --up -1 --down 2 --format mermaid
  dq lineage show gold.daily_revenue@1
  dq lineage show --format svg --output lineage.svg
  dq lineage show --sql revenue.sql --schema schema.json --format json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if sql != "" || schema != "" {
				switch {
				case sql == "" || schema == "":
					return usagef("name both: dq lineage show --sql FILE --schema SCHEMA.json")
				case len(args) > 0:
					return usagef("name a table of a pipeline, or --sql, not both")
				}
				if err := oneOf(format, "tree", "json"); err != nil {
					return err
				}
				return a.showStatement(cmd.Context(), sql, schema, format)
			}
			if err := oneOf(format, graphFormats...); err != nil {
				return err
			}
			name := ""
			if len(args) > 0 {
				name = args[0]
			}
			// One way alone unless both are asked for.
			if cmd.Flags().Changed("down") && !cmd.Flags().Changed("up") {
				up = 0
			} else if cmd.Flags().Changed("up") && !cmd.Flags().Changed("down") {
				down = 0
			}
			if table, at, ok := strings.Cut(name, "@"); ok {
				if err := oneOf(format, "tree", "json"); err != nil {
					return err
				}
				return a.toOutput(output, func(w io.Writer) error {
					return a.showVersion(cmd.Context(), file, table, at, format, w)
				})
			}
			return a.toOutput(output, func(w io.Writer) error {
				return a.showGraph(cmd.Context(), file, name, up, down, format, w)
			})
		},
	}
	f := cmd.Flags()
	f.StringVarP(&file, "pipeline", "f", "pipeline.yaml", "pipeline file")
	f.IntVar(&up, "up", -1, "steps towards the sources, -1 for all; alone, nothing of what depends on it")
	f.IntVar(&down, "down", -1, "steps towards what depends on it, -1 for all; alone, nothing of the sources")
	f.StringVar(&sql, "sql", "", "file with SQL, whose lineage is shown instead")
	f.StringVar(&schema, "schema", "", "JSON file that describes the tables that the SQL reads")
	f.StringVar(&format, "format", "tree", "tree, json, dot, mermaid, svg or openlineage (events of jobs, one a line); of --sql and of a version tree or json")
	f.StringVar(&output, "output", "", "write to this file instead of standard output")
	return cmd
}
