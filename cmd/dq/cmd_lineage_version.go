package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/dq-dev/dq/internal/yamlpos"
	"github.com/dq-dev/dq/pipeline"
)

// showOrigin draws what a version of a table was made from.
func (a *app) showVersion(ctx context.Context, file, table, at, format string, w io.Writer) error {
	version := int64(-1)
	if at != "" {
		n, err := strconv.ParseInt(at, 10, 64)
		if err != nil || n < 0 {
			return usagef("%s@%s: a version is a number: %s@0, or %s@ for the newest", table, at, table, table)
		}
		version = n
	}
	p, err := pipeline.Load(file)
	if err != nil {
		return usage(err)
	}
	if !slices.Contains(p.Tables(), table) {
		return usagef("there is no table %s in %s; %s", table, p.File, yamlpos.DidYouMean(table, p.Tables()))
	}
	archive, err := p.Archive()
	if err != nil {
		return usage(err)
	}
	defer func() { _ = archive.Close() }()
	o, err := archive.Origin(ctx, table, version)
	if err != nil {
		return usage(err)
	}
	if format == "json" {
		return writeJSON(w, o)
	}
	printOrigin(w, o, "", "")
	return nil
}

// shownFiles is how many files of one version are named.
const shownFiles = 10

func printOrigin(w io.Writer, o *pipeline.Origin, head, below string) {
	since := ""
	switch {
	case o.After == nil:
	case *o.After == o.Version:
		fmt.Fprintf(w, "%s%s@%d  as before\n", head, plain(o.Table), o.Version)
		return
	case *o.After < o.Version-1 || head != "":
		since = fmt.Sprintf(" (after %d)", *o.After)
	}
	by := "not by dq"
	if o.Run != "" {
		by = "run " + plain(o.Run)
	}
	fmt.Fprintf(w, "%s%s@%d%s  %s  %s  %s\n", head, plain(o.Table), o.Version, since, o.Time.Format("2006-01-02 15:04:05 UTC"), plain(o.Operation), by)
	var lines []func(head, below string)
	for _, in := range o.Inputs {
		lines = append(lines, func(head, below string) { printOrigin(w, in, head, below) })
	}
	for i, f := range o.Files {
		if i == shownFiles {
			lines = append(lines, func(head, _ string) { fmt.Fprintf(w, "%sand %d more files\n", head, len(o.Files)-i) })
			break
		}
		lines = append(lines, func(head, _ string) { fmt.Fprintf(w, "%s%s\n", head, plain(f)) })
	}
	for i, line := range lines {
		if i == len(lines)-1 {
			line(below+"└─ ", below+"   ")
		} else {
			line(below+"├─ ", below+"│  ")
		}
	}
}
