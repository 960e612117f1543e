package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/suggest"
	"github.com/dq-dev/dq/table"
)

func (a *app) cmdInit() *cobra.Command {
	var (
		from         []string
		ci           string
		owner, email string
	)
	cmd := &cobra.Command{
		Use:   "init [DIR]",
		Short: "Make a project of files that have none: pipeline, models and first suites",
		Long: `init looks at the CSV files in DIR and in DIR/data, or at those that --from names, and
writes a project that runs: the files are landed as text in layer bronze, typed in layer
silver, and judged there by suites that were learned from them, as dq suggest does. It
writes no file that is there already. Read the suites before you trust them: they know what
is usual, and not what is meant.

--ci writes what a CI system needs to run the gate for every change: github
(.github/workflows/dq.yml) or gitlab (.gitlab-ci.yml).`,
		Example: `  dq init
  dq init shop --from 'exports/orders-*.csv' --from exports/customers.csv
  dq init --ci github --owner sales --email sales@example.com`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := "."
			if len(args) > 0 {
				dir = args[0]
			}
			if ci != "" {
				if err := oneOf(ci, slices.Sorted(maps.Keys(ciFiles))...); err != nil {
					return usagef("--ci: %w", err)
				}
			}
			tables, err := projectTables(dir, from)
			if err != nil {
				return err
			}
			abs, err := filepath.Abs(dir)
			if err != nil {
				return err
			}
			p := &suggest.Project{Name: tableWord(filepath.Base(abs)), Owner: owner, Email: email}
			var files []suggest.ProjectFile
			for _, t := range tables {
				err := a.withSession(cmd.Context(), func(eng engine.Engine, s engine.Session) error {
					learned, err := learnTable(cmd.Context(), eng, s, t)
					if err != nil {
						return err
					}
					p.Tables = append(p.Tables, *learned)
					files = p.Files(eng.Dialect())
					return nil
				})
				if err != nil {
					return err
				}
			}
			if ci != "" {
				files = append(files, ciFiles[ci])
			}
			if err := writeNew(dir, files); err != nil {
				return err
			}
			for _, f := range files {
				fmt.Fprintln(a.out, filepath.Join(dir, filepath.FromSlash(f.Path)))
			}
			if !a.quiet {
				fmt.Fprintf(a.err, "\nNext: read the suites in %s, then run: dq run %s\n", filepath.Join(dir, "suites", "silver"), filepath.Join(dir, "pipeline.yaml"))
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&from, "from", nil, "CSV files, or a glob in quotes that is one table")
	f.StringVar(&ci, "ci", "", "also write what runs the gate in github or gitlab")
	f.StringVar(&owner, "owner", "data-team", "who answers for the tables, by a name")
	f.StringVar(&email, "email", "data-team@example.com", "how they are reached")
	return cmd
}

// projectTable is a table that a project is to have, before it was looked at.
type projectTable struct {
	name string
	glob string // as the command finds the files
	path string // as the project's file names them
}

// projectTables finds the tables of a new project: one for each glob, or for each
// CSV file in the folder and in its data.
func projectTables(dir string, from []string) ([]projectTable, error) {
	if len(from) == 0 {
		for _, folder := range []string{dir, filepath.Join(dir, "data")} {
			for _, pattern := range []string{"*.csv", "*.csv.gz", "*.tsv", "*.tsv.gz"} {
				found, err := filepath.Glob(filepath.Join(globLiteral(folder), pattern))
				if err != nil {
					return nil, err
				}
				for _, f := range found {
					from = append(from, globLiteral(f))
				}
			}
		}
		if len(from) == 0 {
			return nil, usagef("there is no CSV file in %s or in %s; name some with --from", dir, filepath.Join(dir, "data"))
		}
	}
	base, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	var tables []projectTable
	names := map[string]bool{}
	for _, glob := range from {
		abs, err := filepath.Abs(glob)
		if err != nil {
			return nil, err
		}
		path := abs
		if rel, err := filepath.Rel(base, abs); err == nil {
			path = filepath.ToSlash(rel)
		}
		name, _, _ := strings.Cut(filepath.Base(glob), ".")
		if noWord.ReplaceAllString(strings.ToLower(name), "") == "" { // days/*.csv
			name = filepath.Base(filepath.Dir(abs))
		}
		name = tableWord(name)
		for n := 2; names[name]; n++ {
			name = tableWord(strings.TrimRight(name, "0123456789_")) + "_" + strconv.Itoa(n)
		}
		names[name] = true
		tables = append(tables, projectTable{name, glob, path})
	}
	return tables, nil
}

// globLiteral is a pattern for the path itself.
func globLiteral(path string) string {
	return globMeta.ReplaceAllString(path, `[$0]`)
}

var (
	globMeta = regexp.MustCompile(`[*?[]`)
	noWord   = regexp.MustCompile(`[^a-z0-9]+`)
)

// tableWord makes a name of small letters, digits and _ of a file's or folder's.
func tableWord(name string) string {
	word := strings.Trim(noWord.ReplaceAllString(strings.ToLower(name), "_"), "_")
	if word == "" {
		return "table"
	}
	if word[0] >= '0' && word[0] <= '9' {
		return "t_" + word
	}
	return word
}

// learnTable looks at the files of a table: as text, and with the types that they can
// be read as.
func learnTable(ctx context.Context, eng engine.Engine, s engine.Session, t projectTable) (*suggest.ProjectTable, error) {
	text, err := attachedAs(ctx, eng, s, "as_text", t.glob, dataOptions{allText: true})
	if err != nil {
		return nil, err
	}
	typed, err := attachedAs(ctx, eng, s, "as_typed", t.glob, dataOptions{})
	if err != nil {
		return nil, err
	}
	unfit, err := suggest.Unfit(ctx, s, eng.Dialect(), "as_text", typed)
	if err != nil {
		return nil, err
	}
	opts := dataOptions{set: map[string]table.Type{}}
	for _, f := range typed.Fields {
		switch {
		case slices.Contains(unfit, f.Name):
			opts.set[f.Name] = table.Type{Kind: table.String}
		case f.Type.Kind == table.Decimal: // greater numbers may come
			opts.set[f.Name] = table.Type{Kind: table.Decimal, Precision: max(f.Type.Precision, 18), Scale: f.Type.Scale}
		}
	}
	d, err := resolve(ctx, t.glob, opts)
	if err != nil {
		return nil, err
	}
	rows, _, err := looked(ctx, eng, s, d, opts, nil)
	if err != nil {
		return nil, err
	}
	return &suggest.ProjectTable{Name: t.name, Files: t.path, Text: text, Suite: suggest.Learn(rows, t.name)}, nil
}

// attachedAs attaches files under a name and gives their columns.
func attachedAs(ctx context.Context, eng engine.Engine, s engine.Session, name, glob string, opts dataOptions) (table.Schema, error) {
	d, err := resolve(ctx, glob, opts)
	if err != nil {
		return table.Schema{}, err
	}
	if d.input.CSV == nil && d.broken == nil {
		return table.Schema{}, usagef("%s: a project is made of CSV files; a suite for others: dq suggest %s", glob, glob)
	}
	schema, _, err := d.attach(ctx, s, eng.Dialect(), name, opts)
	if err == nil && d.broken != nil {
		err = fmt.Errorf("%s: %s", glob, d.broken.Message)
	}
	return schema, err
}

// writeNew writes files, none of which may be there.
func writeNew(dir string, files []suggest.ProjectFile) error {
	var there []string
	for _, f := range files {
		if _, err := os.Lstat(filepath.Join(dir, filepath.FromSlash(f.Path))); !errors.Is(err, fs.ErrNotExist) {
			there = append(there, f.Path)
		}
	}
	if len(there) > 0 {
		return usagef("%s: there already; nothing was written. Remove it, or choose another folder: dq init FOLDER", strings.Join(there, ", "))
	}
	for _, f := range files {
		path := filepath.Join(dir, filepath.FromSlash(f.Path))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, f.Data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// ciFiles are what CI systems need to run the gate.
var ciFiles = map[string]suggest.ProjectFile{
	"github": {Path: ".github/workflows/dq.yml", Data: []byte(`# Every change of data, models and suites passes the gate, or is annotated at the line of the rule.
name: data quality
on: [push, pull_request]
jobs:
  gate:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-go@v5
        with: {go-version: '1.26'}
      - run: go install github.com/dq-dev/dq/cmd/dq@latest
      - run: dq run --format github --out markdown="$GITHUB_STEP_SUMMARY" --out html=dq.html
      - uses: actions/upload-artifact@v4
        if: always()
        with: {name: data quality, path: dq.html}
`)},
	"gitlab": {Path: ".gitlab-ci.yml", Data: []byte(`# Every change of data, models and suites passes the gate.
data quality:
  image: golang:1.26
  script:
    - go install github.com/dq-dev/dq/cmd/dq@latest
    - dq run --out gitlab=dq.gitlab.json --out junit=dq.xml --out html=dq.html
  artifacts:
    when: always
    paths: [dq.html]
    reports: {codequality: dq.gitlab.json, junit: dq.xml}
`)},
}
