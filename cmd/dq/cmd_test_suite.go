package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/expectations"
)

func (a *app) cmdTest() *cobra.Command {
	var (
		mutate, format string
		tables         []string
	)
	cmd := &cobra.Command{
		Use:   "test [SUITE|FOLDER...]",
		Short: "Run the unit tests that suites carry, or test a suite on mistakes",
		Long: `test runs the unit tests that suites carry, without data: the default is
suites/*/*.yaml. Of files in a folder kinds it runs the examples.

With --mutate it makes mistakes in real rows instead, one at a time (a value is
lost, a day shifted, an amount scaled by 100, letters change case, columns change
places, rows come twice, a part is missing), and names those that no rule of the
suite notices.`,
		Example: `  dq test suites/*/*.yaml
  dq test suites kinds
  dq test orders.yaml --mutate orders.csv`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				if args, _ = filepath.Glob("suites/*/*.yaml"); len(args) == 0 {
					return usagef("there is no suite here (suites/*/*.yaml); name the files: dq test my/suite.yaml")
				}
			}
			if format != "text" && format != "json" {
				return usagef("--format %s: dq test writes text or json", format)
			}
			args, err := withFolders(args)
			if err != nil {
				return err
			}
			kinds, args, err := takeKinds(args)
			if err != nil {
				return err
			}
			suites, err := loadSuites(args)
			if err != nil {
				return err
			}
			switch {
			case mutate == "":
				return a.unitTests(kinds, suites, format)
			case len(kinds) > 0:
				return usagef("--mutate tests a suite, not kinds")
			case len(suites) > 1:
				return usagef("--mutate tests one suite on one table; name one suite")
			}
			return a.mutate(cmd, suites[0], mutate, tables, format)
		},
	}
	f := cmd.Flags()
	f.StringVar(&mutate, "mutate", "", "DATA in whose rows mistakes are made")
	f.StringArrayVar(&tables, "table", nil, "NAME=DATA, a table that rules refer to")
	f.StringVar(&format, "format", "text", "text or json")
	return cmd
}

// takeKinds takes the files of kinds out of the arguments: those in a folder kinds.
func takeKinds(files []string) (kinds []*expectations.Kind, suites []string, err error) {
	var wrong []error
	for _, file := range files {
		if filepath.Base(filepath.Dir(file)) != "kinds" || !isFile(file) {
			suites = append(suites, file)
			continue
		}
		k, err := expectations.LoadKind(file)
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		kinds = append(kinds, k)
	}
	return kinds, suites, usage(errors.Join(wrong...))
}

// withFolders puts the YAML files below a folder in its place.
func withFolders(paths []string) ([]string, error) {
	var files []string
	for _, path := range paths {
		if !isDir(path) {
			files = append(files, path)
			continue
		}
		before := len(files)
		err := filepath.WalkDir(path, func(name string, e fs.DirEntry, err error) error {
			if err == nil && !e.IsDir() && slices.Contains([]string{".yaml", ".yml"}, filepath.Ext(name)) {
				files = append(files, name)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		if len(files) == before {
			return nil, usagef("%s: the folder has no YAML file", path)
		}
	}
	return files, nil
}

// loadSuites reads suites; the error has everything that is wrong with any of them.
func loadSuites(files []string) ([]*expectations.Suite, error) {
	var suites []*expectations.Suite
	var wrong []error
	for _, file := range files {
		if !isFile(file) {
			wrong = append(wrong, fmt.Errorf("%s: there is no such file%s", file, nearData(file)))
			continue
		}
		suite, err := loadSuite(file, nil)
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		suites = append(suites, suite)
	}
	if len(wrong) > 0 {
		return nil, usage(errors.Join(wrong...))
	}
	return suites, nil
}

// testReport is the JSON of dq test.
type testReport struct {
	Passed int                       `json:"passed"`
	Failed int                       `json:"failed"`
	Tests  []expectations.TestResult `json:"tests"`
}

func (a *app) unitTests(kinds []*expectations.Kind, suites []*expectations.Suite, format string) error {
	report := testReport{Tests: []expectations.TestResult{}}
	var tested []interface {
		Test() []expectations.TestResult
	}
	for _, k := range kinds {
		tested = append(tested, k)
	}
	for _, s := range suites {
		tested = append(tested, s)
	}
	for _, t := range tested {
		for _, res := range t.Test() {
			report.Tests = append(report.Tests, res)
			if len(res.Failures) == 0 {
				report.Passed++
				continue
			}
			report.Failed++
			for _, f := range res.Failures {
				if format == "text" {
					fmt.Fprintf(a.out, "%s: %s: %s: expected %s, got %s %s\n", f.Position, res.Name, f.ID, f.Want, f.Got, f.Message)
				}
			}
		}
	}
	if format == "json" {
		if err := writeJSON(a.out, report); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(a.out, "%d passed, %d failed\n", report.Passed, report.Failed)
	}
	if report.Failed > 0 {
		return &exitError{code: exitFound}
	}
	return nil
}

// mutationReport is the JSON of dq test --mutate.
type mutationReport struct {
	Suite    string                `json:"suite"`
	Data     string                `json:"data"`
	Survived int                   `json:"survived"`
	Mutants  []expectations.Mutant `json:"mutants"`
}

func (a *app) mutate(cmd *cobra.Command, suite *expectations.Suite, where string, tables []string, format string) error {
	ctx := cmd.Context()
	set, err := columnTypes(nil, suite)
	if err != nil {
		return err
	}
	opts := dataOptions{set: set, hidden: map[string]bool{}}
	d, err := resolve(ctx, where, opts)
	if err != nil {
		return err
	}
	return a.withSession(ctx, func(eng engine.Engine, s engine.Session) error {
		run := a.newRun("test", eng)
		schema, _, err := d.attach(ctx, s, eng.Dialect(), "t", opts)
		if err != nil {
			return err
		}
		if d.broken != nil {
			return fmt.Errorf("%s: %s", where, d.broken.Message)
		}
		refs, err := attachTables(ctx, eng, s, tables)
		if err != nil {
			return err
		}
		plan, err := planFor(suite, schema, refs)
		if err != nil {
			return err
		}
		mutants, err := plan.Mutate(ctx, s, "t", expectations.Target{Dialect: eng.Dialect(), Dataset: d.dataset, Now: run.StartedAt})
		if err != nil {
			return err
		}
		report := mutationReport{Suite: suite.File, Data: where, Mutants: mutants}
		for _, m := range mutants {
			if len(m.Killed) == 0 {
				report.Survived++
			}
		}
		if format == "json" {
			if err := writeJSON(a.out, report); err != nil {
				return err
			}
		} else {
			a.showMutants(report)
		}
		if report.Survived > 0 {
			return &exitError{code: exitFound}
		}
		return nil
	})
}

func (a *app) showMutants(r mutationReport) {
	for _, m := range r.Mutants {
		mark, by := "noticed ", strings.Join(m.Killed, ", ")
		if len(m.Killed) == 0 {
			mark, by = "SURVIVED", "no rule notices"
		}
		fmt.Fprintf(a.out, "%s  %s (%s): %s\n", mark, m.Name, count(int(m.Rows), "row"), by)
	}
	fmt.Fprintf(a.out, "%d mistakes, %d noticed, %d survived\n", len(r.Mutants), len(r.Mutants)-r.Survived, r.Survived)
	if r.Survived > 0 {
		fmt.Fprintln(a.out, "hint: a rule for a survivor would notice the same mistake in tomorrow's data; dq explain lists the kinds")
	}
}
