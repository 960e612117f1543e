package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/suggest"
	"github.com/dq-dev/dq/table"
)

func (a *app) cmdSuggest() *cobra.Command {
	var (
		format  string
		sets    []string
		tables  []string
		allText bool
		alpha   float64
	)
	cmd := &cobra.Command{
		Use:   "suggest DATA...",
		Short: "Write a suite for a file or table that has none",
		Long: `suggest looks at DATA and writes a suite to standard output: what nearly all
rows have in common, each rule with what was seen. The data may be dirty: rows that
break a rule are likely mistakes, and dq check with the suite names them. They warn; more
than were seen fail the rule.

Several DATA are one table at different times, the oldest first; a Delta table without
@VERSION has its versions. Then the suite of each version is tried on the next: the
older ones set what a rule bears, the newer ones count its false alarms, and only rules
stay whose rate of them is below --alpha, at 95 %. Without a false alarm that takes 43
versions for 0.1; with fewer, rules without any stay, and the suite says so.

Types, nulls, forms and meanings of texts, sets, ranges, keys, columns that determine
others, keys of other tables (--table), columns that are calculated of others, times in order, the number of rows. Read
it before you keep it: it knows what is usual, and not what is meant.`,
		Example: `  dq suggest orders.csv > orders.yaml
  dq check orders.csv --suite orders.yaml --out failures=bad.parquet
  dq suggest warehouse/silver/orders@12 --format json
  dq suggest warehouse/silver/orders > suites/silver/orders.yaml
  dq suggest orders.csv --table silver.customers=customers.csv
  dq suggest exports/countries-*.csv --alpha 0.05`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if format != "yaml" && format != "json" {
				return usagef("--format %s: dq suggest writes yaml or json", format)
			}
			set, err := columnTypes(sets, nil)
			if err != nil {
				return err
			}
			opts := dataOptions{allText: allText, set: set, asked: named(sets)}
			if !(alpha > 0 && alpha <= 1) {
				return usagef("--alpha %v: write a rate above 0 and up to 1, such as 0.1", alpha)
			}
			versions, err := tableVersions(cmd.Context(), args, opts)
			if err != nil {
				return err
			}
			newest := versions[len(versions)-1]
			return a.withThreads(cmd.Context(), newest.threads(), func(eng engine.Engine, s engine.Session) error {
				var suite *suggest.Suite
				if len(versions) == 1 {
					t, _, err := looked(cmd.Context(), eng, s, newest, opts, tables)
					if err != nil {
						return err
					}
					suite = suggest.Learn(t, tableName(newest))
				} else if suite, err = a.backtest(cmd.Context(), eng, versions, opts, tables, alpha); err != nil {
					return err
				}
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
	f.Float64Var(&alpha, "alpha", 0.1, "with several versions, the rate of false alarms that a rule may have")
	f.StringArrayVar(&tables, "table", nil, "NAME=DATA, a table whose keys columns may refer to")
	f.BoolVar(&allText, "all-text", false, "read every column of a text file as text")
	f.StringArrayVar(&sets, "set", nil, "COLUMN=TYPE, the type of a column of a text file")
	return cmd
}

// looked reads the rows that a suite is learned from, and which columns refer to other tables,
// which it attaches.
func looked(ctx context.Context, eng engine.Engine, s engine.Session, d *data, opts dataOptions, tables []string) (*suggest.Table, map[string]table.Schema, error) {
	schema, _, err := d.attach(ctx, s, eng.Dialect(), relTable, opts)
	if err != nil {
		return nil, nil, err
	}
	if d.broken != nil {
		return nil, nil, fmt.Errorf("%s: %s", d.dataset.Location, d.broken.Message)
	}
	t, err := suggest.Read(ctx, s, eng.Dialect(), relTable, schema, personal(schema))
	if err != nil {
		return nil, nil, err
	}
	t.At = d.written()
	refs, err := attachTables(ctx, eng, s, tables)
	if err != nil {
		return nil, nil, err
	}
	return t, refs, t.Refer(ctx, s, eng.Dialect(), relTable, refs)
}

// written is when the data became what they are: the time of the version, or that of the newest file.
func (d *data) written() time.Time {
	if d.snap != nil {
		return d.snap.Time()
	}
	var newest time.Time
	for _, f := range d.input.Files {
		if f.Modified.After(newest) {
			newest = f.Modified
		}
	}
	return newest
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

// commonName is what a suite calls a table of several files: the beginning that their names have in
// common, or else their folder's name.
func commonName(versions []*data) string {
	name := tableName(versions[0])
	for _, d := range versions[1:] {
		other := tableName(d)
		for !strings.HasPrefix(other, name) {
			name = name[:len(name)-1]
		}
	}
	if name = strings.TrimRight(name, "0123456789-_. "); len(name) > 1 {
		return name
	}
	if dir := filepath.Base(filepath.Dir(versions[0].dataset.Location)); len(dir) > 1 && dir != ".." {
		return dir
	}
	return tableName(versions[len(versions)-1])
}
