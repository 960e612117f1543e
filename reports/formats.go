// Package reports draws a run record. It never queries and never judges: the
// same record gives the same bytes, today and in a year.
//
//   - html: one page for people, in one file that needs no network
//   - pdf: the same for the archive
//   - text: a summary for the terminal ([Text] takes options)
//   - markdown: a summary for the pages that CI systems show
//   - junit, github, sarif, gitlab: for the machines of CI
//   - json: the run record itself
//
// Text of a report that comes from data (values, names, messages) is never
// trusted: control characters, characters that turn the reading direction and
// characters that cannot be seen are written by name, long text is cut and says
// so, and each format escapes what it must.
//
// [Write] draws one format by its name, [Formats] lists them.
package reports

import (
	"fmt"
	"io"
	"strings"

	"github.com/dq-dev/dq/record"
)

// Format is one way to draw a run record.
type Format struct {
	Name string // as in --format and --out: html
	Ext  string // of a file, with the dot: .html
	Doc  string // one line for help
	// Write draws the run. Any record can be drawn: errors are those of w, and of
	// json for a value that JSON cannot say (NaN).
	Write func(w io.Writer, run *record.Run) error
}

var formats = []Format{
	{"text", ".txt", "summary for people at a terminal", writeText},
	{"html", ".html", "one self-contained page: verdicts, failing rows, profiles, policies, lineage", writeHTML},
	{"pdf", ".pdf", "the same as a document for the archive", writePDF},
	{"markdown", ".md", "summary for CI step pages, at most 900 KB", writeMarkdown},
	{"junit", ".xml", "JUnit XML: a suite for each table, a case for each expectation", writeJUnit},
	{"github", ".txt", "GitHub annotations: the worst errors and warnings", writeGitHub},
	{"sarif", ".sarif", "SARIF 2.1.0 for code scanning: a result at the line of each rule that found something", writeSARIF},
	{"gitlab", ".gitlab.json", "GitLab code quality: an entry at the line of each rule that found something", writeGitLab},
	{"json", ".json", "the run record", writeJSON},
}

// Formats returns all formats, in the order of help.
func Formats() []Format {
	return append([]Format(nil), formats...)
}

// Write draws the run in the named format. An unknown name is an error that
// says the nearest right one; all others are those of the format.
func Write(w io.Writer, format string, run *record.Run) error {
	for _, f := range formats {
		if f.Name == format {
			return f.Write(w, run)
		}
	}
	return unknownFormat(format)
}

func unknownFormat(name string) error {
	names := make([]string, len(formats))
	nearest, best := "", 3
	for i, f := range formats {
		names[i] = f.Name
		if d := distance(strings.ToLower(name), f.Name); d < best {
			nearest, best = f.Name, d
		}
	}
	if nearest != "" {
		return fmt.Errorf("unknown report format %q; did you mean %s?", clean(name, maxName), nearest)
	}
	return fmt.Errorf("unknown report format %q; the formats are %s", clean(name, maxName), strings.Join(names, ", "))
}

// distance is the Levenshtein distance, of names no longer than a few letters.
func distance(a, b string) int {
	if len(a) > 32 {
		return len(a)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := diagonal
			if a[i-1] != b[j-1] {
				cost++
			}
			diagonal = row[j]
			row[j] = min(cost, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}
