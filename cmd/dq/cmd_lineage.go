package main

import (
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
	cmd.AddCommand(a.lineageShow())
	return cmd
}

func (a *app) lineageShow() *cobra.Command {
	var sql, schema, format string
	cmd := &cobra.Command{
		Use:   "show --sql FILE --schema SCHEMA.json",
		Short: "Show what columns are made from",
		Long: `show says of each column that a SELECT returns which columns of which tables its
value is made from: those in its expression, through CTEs, views and subqueries,
also those of a CASE condition and of a window. Columns that only decide which
rows there are (WHERE, ON, GROUP BY) belong to no single column; the tree lists
them last.

--schema describes the tables, with types of any usual dialect:
  {"orders": {"id": "BIGINT", "amount": "DECIMAL(10,2)"}, "sales.customers": {"id": "INT"}}

FILE may hold several statements. The lineage is that of the last one with a SELECT,
which may also be stored by CREATE TABLE, CREATE VIEW, INSERT or COPY; tables and
views that statements before it create are followed to what they are made from.
"-" is standard input.

The status in JSON is "exact", or "conservative" where the engine's plan was not
understood: then columns have too many sources, never too few.`,
		Example: `  dq lineage show --sql revenue.sql --schema schema.json
  dq lineage show --sql revenue.sql --schema schema.json --format json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := oneOf(format, "tree", "json"); err != nil {
				return err
			}
			if sql == "" || schema == "" {
				return usagef("name both: dq lineage show --sql FILE --schema SCHEMA.json")
			}
			return a.showStatement(cmd.Context(), sql, schema, format)
		},
	}
	f := cmd.Flags()
	f.StringVar(&sql, "sql", "", "file with the SQL")
	f.StringVar(&schema, "schema", "", "JSON file that describes the tables that the SQL reads")
	f.StringVar(&format, "format", "tree", "tree or json")
	return cmd
}
