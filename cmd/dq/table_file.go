package main

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/dq-dev/dq/delta/location"
	"github.com/dq-dev/dq/engine"
)

// milliseconds is how times of versions and files are shown.
const milliseconds = "2006-01-02T15:04:05.000Z07:00"

// ofFiles says whether a LOCATION means files: one that is there, with or without
// a version behind it, or a pattern.
func ofFiles(arg string) bool {
	path, _, err := splitVersion(arg)
	if err != nil || location.Remote(path) || isDir(path) {
		return false
	}
	return isFile(path) || strings.ContainsAny(path, "*?[")
}

// fileDoc describes the files that a LOCATION means, as [tableDoc] does a table:
// without a version, and as they were modified last.
func (a *app) fileDoc(cmd *cobra.Command, arg string) (tableDoc, error) {
	ctx := cmd.Context()
	doc := tableDoc{PartitionBy: []string{}, Features: map[string][]string{"reader": {}, "writer": {}},
		Properties: map[string]string{}, Txn: map[string]int64{}, Constraints: map[string]string{}}
	d, err := resolve(ctx, arg, dataOptions{})
	if err != nil {
		return doc, err
	}
	return doc, a.withThreads(ctx, d.threads(), func(eng engine.Engine, s engine.Session) error {
		schema, findings, err := d.attach(ctx, s, eng.Dialect(), "t", dataOptions{})
		if err != nil {
			return err
		}
		if d.broken != nil {
			return usagef("%s", d.broken.Message)
		}
		for _, f := range findings {
			if f.Rule != "source.rows" { // that there are no rows is seen
				fmt.Fprintf(a.err, "warning: %s: %s\n", f.Rule, f.Message)
			}
		}
		rows, err := s.Query(ctx, "SELECT count(*) FROM t")
		if err != nil {
			return err
		}
		n, _ := rows.Values[0][0].(int64)
		doc.Format, doc.Files, doc.Rows, doc.Schema = string(d.input.Format), len(d.input.Files), &n, columnsOf(schema)
		for _, f := range d.input.Files {
			doc.Bytes += f.Size
			if f.Modified.After(doc.Time) {
				doc.Time = f.Modified.UTC()
			}
		}
		return nil
	})
}

// fileLine is what `dq table history --format json` says of files.
type fileLine struct {
	Version   *int64    `json:"version"` // null
	Time      time.Time `json:"time"`
	Operation string    `json:"operation"` // not known
	Files     int       `json:"files"`
	Bytes     int64     `json:"bytes"`
	Rows      *int64    `json:"rows"`
}

// fileHistory writes the one state that files have.
func (a *app) fileHistory(cmd *cobra.Command, arg, format string) error {
	doc, err := a.fileDoc(cmd, arg)
	if err != nil {
		return err
	}
	if format == "json" {
		return writeJSON(a.out, []fileLine{{Time: doc.Time, Files: doc.Files, Bytes: doc.Bytes, Rows: doc.Rows}})
	}
	w := tabwriter.NewWriter(a.out, 0, 4, 2, ' ', 0)
	fmt.Fprintf(w, "VERSION\tMODIFIED\tFILES\tBYTES\tROWS\n-\t%s\t%d\t%d\t%d\n", doc.Time.Format(milliseconds), doc.Files, doc.Bytes, *doc.Rows)
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(a.out, "\n%s is no Delta table: it is as it is now, and keeps no earlier versions\n", plain(arg))
	return nil
}

// showFiles writes for people what files are.
func (a *app) showFiles(doc tableDoc) error {
	w := tabwriter.NewWriter(a.out, 0, 4, 2, ' ', 0)
	fmt.Fprintf(w, "version\tnone: a file keeps no versions\nformat\t%s\nmodified\t%s\nfiles\t%d\nrows\t%d\nbytes\t%d\n",
		doc.Format, doc.Time.Format(milliseconds), doc.Files, *doc.Rows, doc.Bytes)
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(a.out)
	return a.printColumns(doc.Schema)
}
