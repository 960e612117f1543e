package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/dq-dev/dq/delta"
	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/operations"
)

func (a *app) tableChanges() *cobra.Command {
	var format, output string
	var from, to int64
	cmd := &cobra.Command{
		Use:   "changes LOCATION --from VERSION [--to VERSION]",
		Short: "List the rows that versions changed, from the change data feed",
		Long: `changes lists rows that were inserted, deleted or updated by the versions from
--from to --to (the newest, if it is left out), with _change_type (insert, delete,
update_preimage, update_postimage), _commit_version and _commit_timestamp. The table
must have kept a change data feed (delta.enableChangeDataFeed) over the range.`,
		Example: `  dq table changes warehouse/silver/customers --from 3
  dq table changes warehouse/silver/customers --from 1 --to 5 --format parquet --output changes.parquet`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := oneOf(format, rowFormats...); err != nil {
				return err
			}
			if from < 0 {
				return usagef("from which version? write --from 0 for all of them")
			}
			if path, _, err := splitVersion(args[0]); err != nil {
				return err
			} else if path != args[0] {
				return usagef("%s: the versions are those of --from and --to: leave it out here: %s", args[0], path)
			}
			where, err := openLocation(args[0])
			if err != nil {
				return err
			}
			t := delta.Open(where.Store())
			newest, err := t.Snapshot(cmd.Context(), delta.Latest())
			if err != nil {
				return noTable(args[0], err)
			}
			if !cmd.Flags().Changed("to") {
				to = newest.Version()
			}
			if from > newest.Version() {
				return usagef("%s: there is no version %d: the newest is %d", args[0], from, newest.Version())
			}
			return a.withSession(cmd.Context(), func(eng engine.Engine, s engine.Session) error {
				ops := &operations.Table{Where: where, Delta: t, Session: s, Dialect: eng.Dialect()}
				err := ops.Changes(cmd.Context(), "changes", from, to)
				if errors.Is(err, delta.ErrNoChangeFeed) || errors.Is(err, delta.ErrInvalid) || errors.Is(err, delta.ErrNoVersion) || errors.Is(err, delta.ErrGone) {
					return usage(err)
				}
				if err != nil {
					return err
				}
				const sql = "SELECT * FROM changes ORDER BY _commit_version, array_position(['delete', 'insert', 'update_preimage', 'update_postimage'], _change_type)"
				if output != "" {
					return writeFile(cmd.Context(), s, sql, format, output)
				}
				return writeRows(cmd.Context(), s, sql, format, a.out)
			})
		},
	}
	cmd.Flags().Int64Var(&from, "from", -1, "first version")
	cmd.Flags().Int64Var(&to, "to", -1, "last version (default: the newest)")
	cmd.Flags().StringVar(&format, "format", "table", "table, json, ndjson, csv, parquet or arrow")
	cmd.Flags().StringVar(&output, "output", "", "write to this file instead of standard output")
	return cmd
}
