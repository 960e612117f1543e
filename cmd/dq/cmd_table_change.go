package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dq-dev/dq/delta"
	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/expectations"
	"github.com/dq-dev/dq/operations"
	"github.com/dq-dev/dq/record"
	"github.com/dq-dev/dq/table"
)

// changing is what the commands that change a table have in common.
type changing struct {
	a             *app
	format, suite string
	samples       int
}

// changes makes a command that changes the table of its first argument.
func (a *app) changes(cmd *cobra.Command, args int, do func(ctx context.Context, c *changing, t *operations.Table, args []string) (operations.Result, error)) *cobra.Command {
	c := &changing{a: a}
	cmd.Args = cobra.ExactArgs(args)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := oneOf(c.format, "text", "json"); err != nil {
			return err
		}
		if path, _, err := splitVersion(args[0]); err == nil && path != args[0] {
			return usagef("%s: only the newest version can be changed: leave the version out: %s", args[0], path)
		}
		var suite *expectations.Suite
		if c.suite != "" {
			var err error
			if suite, err = loadSuite(c.suite, nil); err != nil {
				return err
			}
		}
		where, err := openLocation(args[0])
		if err != nil {
			return err
		}
		return a.withSession(cmd.Context(), func(eng engine.Engine, s engine.Session) error {
			t := &operations.Table{Where: where, Delta: delta.Open(where.Store()), Session: s, Dialect: eng.Dialect()}
			t.Delta.Engine = "dq/" + version()
			if suite != nil {
				t.Gate = func(ctx context.Context, change operations.Change) error { return c.judge(ctx, eng, t, suite, change) }
			}
			res, err := do(cmd.Context(), c, t, args)
			if be, ve := new(engine.BindError), new(engine.ValueError); errors.As(err, &be) || errors.As(err, &ve) || errors.Is(err, delta.ErrInvalid) || errors.Is(err, delta.ErrUnsupported) {
				return usage(err)
			}
			if errors.Is(err, delta.ErrNoTable) {
				return usagef("%s: %w%s", args[0], err, nearData(args[0]))
			}
			if err != nil {
				return err
			}
			if c.format == "json" {
				return writeJSON(a.out, res)
			}
			switch {
			case a.quiet:
			case res.Version == nil:
				fmt.Fprintln(a.out, "nothing to do: no row is concerned")
			case res.FilesAdded == 0 && res.FilesRemoved == 0 && res.RowsRemoved > 0:
				fmt.Fprintf(a.out, "version %d: 0 rows added, %d removed, by deletion vectors\n", *res.Version, res.RowsRemoved)
			case res.FilesAdded == 0 && res.FilesRemoved == 0:
				fmt.Fprintf(a.out, "version %d: no row is changed\n", *res.Version)
			default:
				fmt.Fprintf(a.out, "version %d: %s added, %d removed, in %s added, %d removed\n", *res.Version,
					count(int(res.RowsAdded), "row"), res.RowsRemoved, count(res.FilesAdded, "file"), res.FilesRemoved)
			}
			return nil
		})
	}
	f := cmd.Flags()
	f.StringVar(&c.format, "format", "text", "text or json")
	f.StringVarP(&c.suite, "suite", "s", "", "commit only what passes this suite")
	f.IntVar(&c.samples, "samples", 5, "failing rows to show for a rule")
	return cmd
}

// judge audits the table as it would be. What fails is shown, and nothing is committed.
func (c *changing) judge(ctx context.Context, eng engine.Engine, t *operations.Table, suite *expectations.Suite, change operations.Change) error {
	dir, err := t.Where.Dir()
	if err != nil {
		return err
	}
	stay := without(change.Files, change.Added)
	if err := t.Where.Fetch(ctx, stay...); err != nil {
		return err
	}
	for name, files := range map[string][]table.File{relTable: change.Files, relAdded: change.Added, relStay: stay} {
		in := engine.Input{Name: name, Schema: change.Schema, Root: dir, Files: files, Provenance: true, ByFieldID: change.ByFieldID}
		if _, err := t.Session.Attach(ctx, in); err != nil {
			return err
		}
	}
	plan, err := planFor(suite, change.Schema, nil)
	if err != nil {
		return err
	}
	run := c.a.newRun("check", eng)
	d := &data{dataset: record.Dataset{Name: filepath.Base(dir), Location: dir}}
	result, err := plan.Audit(ctx, t.Session, expectations.Target{Dialect: eng.Dialect(), Dataset: d.dataset,
		Parts: []expectations.Part{{Relation: relStay}, {Relation: relAdded, New: true}}, New: relAdded, Table: relTable, Now: run.StartedAt, Samples: c.samples})
	if err != nil {
		return err
	}
	if !result.Close {
		return nil
	}
	(&checking{eng: eng, data: d, suite: suite}).record(run, result.Check, change.Schema, nil, result)
	if err := c.a.show(run, "text"); err != nil {
		return err
	}
	code := exitFound
	if result.Check.Verdict == record.Error {
		code = exitEvaluation
	}
	return &exitError{code: code, err: fmt.Errorf("nothing was committed: %s", strings.Join(result.Reasons, "; "))}
}

// source makes DATA readable as a SELECT. Text gets the types of the table's
// columns; a value that does not fit refuses all. Columns that the table lacks, or is to
// lose, must have a type.
func (c *changing) source(ctx context.Context, t *operations.Table, where string, fresh bool) (string, error) {
	known := map[string]bool{}
	opts := dataOptions{set: map[string]table.Type{}, hidden: map[string]bool{}}
	if s, err := t.Delta.Snapshot(ctx, delta.Latest()); err == nil {
		for _, f := range s.Schema().Fields {
			known[strings.ToLower(f.Name)] = !fresh
			if !structs(f.Type) { // of one, what the table lacks would be left out
				opts.set[f.Name] = f.Type
			}
		}
	}
	d, err := resolve(ctx, where, opts)
	if err != nil {
		return "", err
	}
	schema, findings, err := d.attach(ctx, t.Session, t.Dialect, "source", opts)
	if err != nil {
		return "", err
	}
	if d.broken != nil {
		findings = append(findings, *d.broken)
	}
	for _, f := range findings {
		if f.Severity == "warn" {
			fmt.Fprintf(c.a.err, "warning: %s: %s\n", f.Rule, f.Message)
		} else if f.Rule != "source.rows" { // no rows are no mistake here
			return "", &exitError{code: exitFound, err: fmt.Errorf("%s: nothing was committed: %s", where, f.Message)}
		}
	}
	items := make([]string, len(schema.Fields))
	for i, f := range schema.Fields {
		items[i] = t.Dialect.Ident(f.Name)
		if f.Meta[engine.Untyped] == true && !known[strings.ToLower(f.Name)] {
			return "", usagef("%[1]s: column %[2]s has no type, or a part of it has none, but nulls alone; leave it out, or give it one: dq table query %[1]s 'SELECT * REPLACE (CAST(%[3]s AS VARCHAR) AS %[3]s) FROM t' --format parquet --output typed.parquet",
				where, f.Name, items[i])
		}
	}
	return "SELECT " + strings.Join(items, ", ") + " FROM source", nil
}

// structs reports whether a type is a struct or holds one.
func structs(t table.Type) bool {
	return t.Kind == table.Struct || t.Elem != nil && structs(*t.Elem) || t.Key != nil && structs(*t.Key)
}

func (a *app) tableAppend() *cobra.Command {
	var w operations.Write
	cmd := a.changes(&cobra.Command{
		Use:   "append LOCATION DATA",
		Short: "Add the rows of a file or table",
		Long: `append adds rows to a Delta table, and makes the table if it is not there.
Columns are taken by name; those that DATA lacks are null, those that the table
lacks are refused unless --merge-schema adds them.`,
		Example: `  dq table append warehouse/orders orders.csv
  dq table append warehouse/orders new.parquet --suite suites/orders.yaml --merge-schema`,
	}, 2, func(ctx context.Context, c *changing, t *operations.Table, args []string) (operations.Result, error) {
		sql, err := c.source(ctx, t, args[1], false)
		if err != nil {
			return operations.Result{}, err
		}
		return t.Append(ctx, sql, w)
	})
	cmd.Flags().StringSliceVar(&w.PartitionBy, "partition-by", nil, "partition columns of a new table")
	cmd.Flags().BoolVar(&w.MergeSchema, "merge-schema", false, "add columns that the table does not have, and widen types where it allows that")
	return cmd
}

func (a *app) tableOverwrite() *cobra.Command {
	var w operations.Write
	var where string
	var partitions bool
	cmd := a.changes(&cobra.Command{
		Use:   "overwrite LOCATION DATA",
		Short: "Replace all rows, those of a condition, or those of partitions",
		Long: `overwrite replaces all rows of a table by those of DATA, in one version. With
--where only the rows for which the condition holds are replaced, and all new rows
must meet it; with --partitions those of the partitions that the new rows are in.`,
		Example: `  dq table overwrite warehouse/orders orders.csv
  dq table overwrite warehouse/orders january.csv --where "day >= DATE '2011-01-01' AND day < DATE '2011-02-01'"`,
	}, 2, func(ctx context.Context, c *changing, t *operations.Table, args []string) (operations.Result, error) {
		if where != "" && partitions {
			return operations.Result{}, usagef("--where and --partitions do not go together")
		}
		sql, err := c.source(ctx, t, args[1], w.OverwriteSchema)
		switch {
		case err != nil:
			return operations.Result{}, err
		case where != "":
			return t.OverwriteWhere(ctx, sql, where, w)
		case partitions:
			return t.OverwritePartitions(ctx, sql, w)
		}
		return t.Overwrite(ctx, sql, w)
	})
	cmd.Flags().StringVar(&where, "where", "", "SQL condition of the rows that are replaced")
	cmd.Flags().BoolVar(&partitions, "partitions", false, "replace the partitions of the new rows only")
	cmd.Flags().StringSliceVar(&w.PartitionBy, "partition-by", nil, "partition columns of a new table, or with --overwrite-schema those that it gets ('' for none)")
	cmd.Flags().BoolVar(&w.MergeSchema, "merge-schema", false, "add columns that the table does not have, and widen types where it allows that")
	cmd.Flags().BoolVar(&w.OverwriteSchema, "overwrite-schema", false, "give the table the columns of DATA")
	return cmd
}

func (a *app) tableMerge() *cobra.Command {
	var m operations.Merge
	cmd := a.changes(&cobra.Command{
		Use:   "merge LOCATION DATA --on KEY",
		Short: "Bring rows in by key: update those that are there, insert the others",
		Example: `  dq table merge warehouse/customers changes.csv --on customer_id
  dq table merge warehouse/customers gone.csv --on customer_id --matched delete --not-matched skip`,
	}, 2, func(ctx context.Context, c *changing, t *operations.Table, args []string) (operations.Result, error) {
		if err := oneOfFlag("--matched", m.Matched, "update", "delete", "keep"); err != nil {
			return operations.Result{}, err
		}
		if err := oneOfFlag("--not-matched", m.NotMatched, "insert", "skip"); err != nil {
			return operations.Result{}, err
		}
		sql, err := c.source(ctx, t, args[1], false)
		if err != nil {
			return operations.Result{}, err
		}
		return t.Merge(ctx, sql, m)
	})
	cmd.Flags().StringSliceVar(&m.On, "on", nil, "key columns")
	cmd.Flags().StringVar(&m.Matched, "matched", "update", "what becomes of rows whose key comes: update, delete or keep")
	cmd.Flags().StringVar(&m.NotMatched, "not-matched", "insert", "what becomes of rows with a new key: insert or skip")
	cmd.Flags().BoolVar(&m.MergeSchema, "merge-schema", false, "add columns that the table does not have, and widen types where it allows that")
	return cmd
}

func (a *app) tableUpdate() *cobra.Command {
	var set []string
	var where string
	cmd := a.changes(&cobra.Command{
		Use:     "update LOCATION --set COLUMN=SQL",
		Short:   "Set columns to expressions, where a condition holds",
		Example: `  dq table update warehouse/orders --set "country='United Kingdom'" --where "country = 'UK'"`,
	}, 1, func(ctx context.Context, _ *changing, t *operations.Table, _ []string) (operations.Result, error) {
		values := map[string]string{}
		for _, s := range set {
			name, sql, ok := strings.Cut(s, "=")
			if !ok || strings.TrimSpace(sql) == "" {
				return operations.Result{}, usagef("--set %s: write COLUMN=SQL", s)
			}
			if name = strings.TrimSpace(name); values[name] != "" {
				return operations.Result{}, usagef("--set %s: column %s is set twice", s, name)
			}
			values[name] = sql
		}
		if len(values) == 0 {
			return operations.Result{}, usagef("what should be set? write --set COLUMN=SQL")
		}
		return t.Update(ctx, values, where)
	})
	cmd.Flags().StringArrayVar(&set, "set", nil, "COLUMN=SQL, an expression over the old row")
	cmd.Flags().StringVar(&where, "where", "", "SQL condition; without it every row is updated")
	return cmd
}

func (a *app) tableDelete() *cobra.Command {
	var where string
	var all bool
	cmd := a.changes(&cobra.Command{
		Use:     "delete LOCATION --where SQL",
		Short:   "Remove the rows for which a condition holds",
		Example: `  dq table delete warehouse/orders --where "customer_id = 17850"`,
	}, 1, func(ctx context.Context, _ *changing, t *operations.Table, _ []string) (operations.Result, error) {
		if where == "" && !all {
			return operations.Result{}, usagef("which rows? write --where SQL, or --all for every row")
		}
		if where != "" && all {
			return operations.Result{}, usagef("--where and --all do not go together")
		}
		return t.Delete(ctx, where)
	})
	cmd.Flags().StringVar(&where, "where", "", "SQL condition")
	cmd.Flags().BoolVar(&all, "all", false, "every row")
	return cmd
}

func (a *app) tableOptimize() *cobra.Command {
	var target int64
	cmd := a.changes(&cobra.Command{
		Use:     "optimize LOCATION",
		Short:   "Put small files together, and write files with deleted rows anew",
		Example: `  dq table optimize warehouse/silver/order_lines --target-mb 256`,
	}, 1, func(ctx context.Context, _ *changing, t *operations.Table, _ []string) (operations.Result, error) {
		if target <= 0 {
			return operations.Result{}, usagef("--target-mb %d: write 1 or more", target)
		}
		return t.Optimize(ctx, target<<20)
	})
	cmd.Flags().Int64Var(&target, "target-mb", 128, "size of the files that come of it, in MiB")
	return cmd
}

func (a *app) tableAlter() *cobra.Command {
	var alter operations.Alteration
	var set, constraints, rename, widen []string
	cmd := a.changes(&cobra.Command{
		Use:   "alter LOCATION",
		Short: "Change properties, constraints, column names and types",
		Long: `alter changes what a table is, in one version; no data file is written. The rows
that are there must meet a new constraint. Columns are renamed and dropped only with
column mapping: --set delta.columnMapping.mode=name switches it on. Types can be widened:
integers to larger ones, to double and decimal, float to double, decimals to more digits,
date to timestamp_ntz. Readers of the table then need the feature typeWidening.`,
		Example: `  dq table alter warehouse/orders --add-constraint "positive=amount > 0"
  dq table alter warehouse/orders --set delta.enableChangeDataFeed=true
  dq table alter warehouse/orders --set delta.columnMapping.mode=name --rename-column id=order_id
  dq table alter warehouse/orders --widen-column quantity=int64 --widen-column lines.element.price=decimal(12,4)`,
	}, 1, func(ctx context.Context, _ *changing, t *operations.Table, _ []string) (operations.Result, error) {
		for _, p := range []struct {
			flag string
			from []string
			to   *map[string]string
		}{{"--set", set, &alter.Set}, {"--add-constraint", constraints, &alter.AddConstraints}, {"--rename-column", rename, &alter.RenameColumns}} {
			*p.to = map[string]string{}
			for _, text := range p.from {
				key, value, ok := strings.Cut(text, "=")
				if !ok || key == "" || value == "" {
					return operations.Result{}, usagef("%s %s: write NAME=VALUE", p.flag, text)
				}
				(*p.to)[key] = value
			}
		}
		alter.WidenColumns = map[string]table.Type{}
		for _, text := range widen {
			column, name, ok := strings.Cut(text, "=")
			if !ok || column == "" {
				return operations.Result{}, usagef("--widen-column %s: write COLUMN=TYPE", text)
			}
			var err error
			if alter.WidenColumns[column], err = table.ParseType(name); err != nil {
				return operations.Result{}, usagef("--widen-column %s: %w", text, err)
			}
		}
		if len(alter.Set)+len(alter.AddConstraints)+len(alter.RenameColumns)+len(alter.WidenColumns)+len(alter.Unset)+len(alter.DropConstraints)+len(alter.DropColumns) == 0 {
			return operations.Result{}, usagef("what should be changed? see dq table alter --help")
		}
		return t.Alter(ctx, alter)
	})
	f := cmd.Flags()
	f.StringArrayVar(&set, "set", nil, "PROPERTY=VALUE")
	f.StringArrayVar(&alter.Unset, "unset", nil, "PROPERTY to take away")
	f.StringArrayVar(&constraints, "add-constraint", nil, "NAME=SQL that must be true of every row")
	f.StringArrayVar(&alter.DropConstraints, "drop-constraint", nil, "NAME of a constraint")
	f.StringArrayVar(&rename, "rename-column", nil, "OLD=NEW; of a member of a struct s.old=new")
	f.StringArrayVar(&alter.DropColumns, "drop-column", nil, "COLUMN to take away, also s.member")
	f.StringArrayVar(&widen, "widen-column", nil, "COLUMN=TYPE, which must hold every value of the old one")
	return cmd
}
