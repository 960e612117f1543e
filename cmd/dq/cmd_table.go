package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/dq-dev/dq/delta"
	"github.com/dq-dev/dq/delta/location"
	"github.com/dq-dev/dq/record"
	"github.com/dq-dev/dq/table"
)

func (a *app) cmdTable() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "table",
		Short: "Look at Delta tables, and change them",
		Long: `table works on Delta tables: folders, or s3://bucket/prefix. Commands that look at one
take it as it was, too: at a version (@3) or at a time in UTC (@2011-01-01T00:00:00Z).
history, show, schema and query look at CSV, JSON and Parquet files, too, one or all under
a pattern in quotes. These keep no versions.`,
		Example: `  dq table show warehouse/silver/order_lines
  dq table query warehouse/silver/order_lines@3 'SELECT count(*) AS n FROM t' --format json
  dq table diff warehouse/silver/order_lines@2011-01-01 warehouse/silver/order_lines`,
	}
	cmd.AddCommand(a.tableAlter(), a.tableAppend(), a.tableChanges(), a.tableDelete(), a.tableDiff(), a.tableFsck(), a.tableHistory(), a.tableMerge(), a.tableOptimize(),
		a.tableOverwrite(), a.tableQuery(), a.tableRestore(), a.tableSchema(), a.tableShow(), a.tableUpdate(), a.tableVacuum())
	return cmd
}

// oneOf checks a --format flag of a command that has its own formats.
func oneOf(value string, known ...string) error { return oneOfFlag("--format", value, known...) }

// oneOfFlag checks a flag that takes one of a few words.
func oneOfFlag(flag, value string, known ...string) error {
	if slices.Contains(known, value) {
		return nil
	}
	return usagef("%s %s is not known; it is one of %s", flag, value, strings.Join(known, ", "))
}

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// snapshot opens a Delta table at the version that a LOCATION names.
func snapshot(cmd *cobra.Command, location string) (*delta.Snapshot, error) {
	path, at, err := splitVersion(location)
	if err != nil {
		return nil, err
	}
	where, err := openLocation(path)
	if err != nil {
		return nil, err
	}
	snap, err := delta.Open(where.Store()).Snapshot(cmd.Context(), at)
	if err != nil {
		return nil, noTable(path, err)
	}
	return snap, nil
}

// noTable says why there is no table at a place, and where one may be meant.
func noTable(path string, err error) error {
	switch {
	case location.Remote(path) && !errors.Is(err, delta.ErrNoTable) && !errors.Is(err, delta.ErrNoVersion) && !errors.Is(err, delta.ErrGone):
		return fmt.Errorf("%s: %w", path, err)
	case location.Remote(path):
	case !isDir(path):
		return usagef("%s: there is no such file or folder%s", path, nearData(path))
	}
	return usagef("%s: %w", path, err)
}

// commitLine is one version in `dq table history --format json`.
type commitLine struct {
	Version   int64           `json:"version"`
	Time      time.Time       `json:"time"`
	Operation string          `json:"operation"`
	Verdict   record.Verdict  `json:"verdict,omitempty"`
	Run       string          `json:"run,omitempty"`
	Rows      *int64          `json:"rows_published,omitempty"`
	Info      json.RawMessage `json:"commit_info,omitempty"`
}

func (a *app) tableHistory() *cobra.Command {
	var format string
	var limit int
	cmd := &cobra.Command{
		Use:     "history LOCATION",
		Short:   "List the versions of a table, newest first, with the gate's verdict",
		Example: "  dq table history warehouse/silver/order_lines --limit 5\n  dq table history orders.csv",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := oneOf(format, "text", "json"); err != nil {
				return err
			}
			if ofFiles(args[0]) {
				return a.fileHistory(cmd, args[0], format)
			}
			if path, _, err := splitVersion(args[0]); err == nil && path != args[0] {
				return usagef("%s: history lists all versions: leave the version out: %s", args[0], path)
			}
			where, err := openLocation(args[0])
			if err != nil {
				return err
			}
			commits, err := delta.Open(where.Store()).History(cmd.Context(), limit)
			if err != nil {
				return noTable(args[0], err)
			}
			lines := make([]commitLine, len(commits))
			for i, c := range commits {
				lines[i] = commitLine{Version: c.Version, Time: c.Time.UTC(), Operation: c.Operation, Info: c.Info}
				var info struct {
					DQ *struct {
						App     string         `json:"app"`
						Verdict record.Verdict `json:"verdict"`
						Run     string         `json:"run"`
						Counts  record.Counts  `json:"counts"`
					} `json:"dq"`
				}
				if json.Unmarshal(c.Info, &info) == nil && info.DQ != nil {
					lines[i].Verdict, lines[i].Run, lines[i].Rows = info.DQ.Verdict, info.DQ.Run, &info.DQ.Counts.Published
					if strings.HasSuffix(info.DQ.App, "/quarantine") { // its counts are those of the table that rows were refused of
						lines[i].Rows = &info.DQ.Counts.Quarantined
					}
				}
			}
			if format == "json" {
				return writeJSON(a.out, lines)
			}
			w := tabwriter.NewWriter(a.out, 0, 4, 2, ' ', 0)
			fmt.Fprintln(w, "VERSION\tTIME\tOPERATION\tVERDICT\tROWS\tRUN")
			for _, l := range lines {
				rows := "-"
				if l.Rows != nil {
					rows = fmt.Sprint(*l.Rows)
				}
				fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\n", l.Version, l.Time.Format(milliseconds), dash(l.Operation), dash(string(l.Verdict)), rows, dash(l.Run))
			}
			return w.Flush()
		},
	}
	cmd.Flags().StringVar(&format, "format", "text", "text or json")
	cmd.Flags().IntVar(&limit, "limit", 0, "show at most so many versions (0: all)")
	return cmd
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// tableColumn is a column in the documents of `dq table`.
type tableColumn struct {
	Name     string `json:"name"`
	Type     string `json:"type"`
	Nullable bool   `json:"nullable"`
	Comment  string `json:"comment,omitempty"`
	Tags     string `json:"tags,omitempty"`
}

func columnsOf(s table.Schema) []tableColumn {
	out := []tableColumn{}
	for _, f := range s.Fields {
		c := tableColumn{Name: f.Name, Type: f.Type.String(), Nullable: f.Nullable}
		c.Comment, _ = f.Meta["comment"].(string)
		c.Tags, _ = f.Meta["dq.tags"].(string)
		out = append(out, c)
	}
	return out
}

func (a *app) tableSchema() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:     "schema LOCATION",
		Short:   "List the columns of a table or file",
		Example: "  dq table schema warehouse/gold/fact_sales@3\n  dq table schema orders.csv",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := oneOf(format, "text", "json"); err != nil {
				return err
			}
			columns, err := a.columns(cmd, args[0])
			if err != nil {
				return err
			}
			if format == "json" {
				return writeJSON(a.out, columns)
			}
			return a.printColumns(columns)
		},
	}
	cmd.Flags().StringVar(&format, "format", "text", "text or json")
	return cmd
}

// columns are those of a table or of files.
func (a *app) columns(cmd *cobra.Command, arg string) ([]tableColumn, error) {
	if ofFiles(arg) {
		doc, err := a.fileDoc(cmd, arg)
		return doc.Schema, err
	}
	snap, err := snapshot(cmd, arg)
	if err != nil {
		return nil, err
	}
	return columnsOf(snap.Schema()), nil
}

func (a *app) printColumns(columns []tableColumn) error {
	w := tabwriter.NewWriter(a.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "COLUMN\tTYPE\tNULLABLE\tTAGS\tCOMMENT")
	for _, c := range columns {
		fmt.Fprintf(w, "%s\t%s\t%t\t%s\t%s\n", plain(c.Name), plain(c.Type), c.Nullable, dash(plain(c.Tags)), dash(plain(c.Comment)))
	}
	return w.Flush()
}

// tableDoc is `dq table show --format json`.
type tableDoc struct {
	Version     *int64              `json:"version"` // null of files
	Time        time.Time           `json:"time"`
	Format      string              `json:"format,omitempty"` // of files
	Files       int                 `json:"files"`
	Rows        *int64              `json:"rows"`
	Bytes       int64               `json:"bytes"`
	Schema      []tableColumn       `json:"schema"`
	PartitionBy []string            `json:"partition_by"`
	Features    map[string][]string `json:"features"`
	Properties  map[string]string   `json:"properties"`
	Txn         map[string]int64    `json:"txn"`
	Constraints map[string]string   `json:"constraints"`
}

func (a *app) tableShow() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:     "show LOCATION",
		Short:   "Show what a table or file is: version, files, rows, columns, features",
		Example: "  dq table show warehouse/silver/customers\n  dq table show 'data/*.parquet'",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := oneOf(format, "text", "json"); err != nil {
				return err
			}
			if ofFiles(args[0]) {
				doc, err := a.fileDoc(cmd, args[0])
				if err != nil {
					return err
				}
				if format == "json" {
					return writeJSON(a.out, doc)
				}
				return a.showFiles(doc)
			}
			snap, err := snapshot(cmd, args[0])
			if err != nil {
				return err
			}
			version := snap.Version()
			reader, writer := snap.Features()
			doc := tableDoc{Version: &version, Time: snap.Time().UTC(), Files: snap.NumFiles(), Bytes: snap.Bytes(), Schema: columnsOf(snap.Schema()),
				PartitionBy: notNil(snap.PartitionBy()), Features: map[string][]string{"reader": notNil(reader), "writer": notNil(writer)},
				Properties: snap.Properties(), Txn: snap.Txns(), Constraints: snap.Constraints()}
			rows := "unknown (files without statistics)"
			if n, ok := snap.Rows(); ok {
				if err := snap.CheckVectors(cmd.Context()); err != nil { // the log's word is not enough
					fmt.Fprintf(a.err, "warning: the rows are not counted: %v\n", err)
					rows = "unknown (broken deletion vectors)"
				} else {
					doc.Rows = &n
				}
			}
			if format == "json" {
				return writeJSON(a.out, doc)
			}
			if doc.Rows != nil {
				rows = fmt.Sprint(*doc.Rows)
			}
			minReader, minWriter := snap.MinVersions()
			w := tabwriter.NewWriter(a.out, 0, 4, 2, ' ', 0)
			fmt.Fprintf(w, "version\t%d (%s)\nfiles\t%d\nrows\t%s\nbytes\t%d\npartitioned by\t%v\nreader\t%d %v\nwriter\t%d %v\n",
				version, doc.Time.Format(milliseconds), doc.Files, rows, doc.Bytes, doc.PartitionBy, minReader, doc.Features["reader"], minWriter, doc.Features["writer"])
			for app, n := range doc.Txn {
				fmt.Fprintf(w, "txn\t%s %d\n", app, n)
			}
			if err := w.Flush(); err != nil {
				return err
			}
			fmt.Fprintln(a.out)
			return a.printColumns(doc.Schema)
		},
	}
	cmd.Flags().StringVar(&format, "format", "text", "text or json")
	return cmd
}

func notNil(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}
