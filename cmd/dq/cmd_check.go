package main

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/expectations"
	"github.com/dq-dev/dq/record"
	"github.com/dq-dev/dq/table"
)

func (a *app) cmdCheck() *cobra.Command {
	var (
		suiteFile, format, failOn string
		expect, tables, out, sets []string
		scope                     string
		samples                   int
		allText                   bool
	)
	cmd := &cobra.Command{
		Use:   "check DATA",
		Short: "Check a file or table against a suite",
		Long: `check judges DATA by a suite, or by rules given on the command line. DATA is a
CSV, JSON or Parquet file, a glob in quotes, or the folder of a Delta table,
with @VERSION or @TIMESTAMP behind it if an earlier version is meant.

A suite of a table that files are landed in checks such a file, too: the columns
_file, _line and _loaded_at (now), which landing adds, are added where the suite names
them.

--scope new judges only the rows that the version of a Delta table added.
--out failures=PATH.parquet writes all rows that broke a rule: _row (their position
in the source, from 1), _failed (the ids of the rules), then the table's columns,
personal ones too.`,
		Example: `  dq check orders.csv --suite orders.yaml
  dq check orders.csv --suite orders.yaml --out failures=bad.parquet --out html=check.html
  dq check orders.csv --expect 'quantity > 0' --expect 'rows() > 100'
  dq check warehouse/silver/order_lines@3 --suite suites/silver/order_lines.yaml --format json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkFailOn(failOn); err != nil {
				return err
			}
			if samples < 0 {
				return usagef("--samples %d: write 0 or more", samples)
			}
			if err := knownFormat(format); err != nil {
				return err
			}
			if scope != "table" && scope != "new" {
				return usagef("--scope %s: write table or new", scope)
			}
			failures, out, err := failuresPath(out)
			if err != nil {
				return err
			}
			outs, err := parseOutputs(out)
			if err != nil {
				return err
			}
			suite, wrong := loadSuite(suiteFile, expect)
			if suite == nil {
				return wrong
			}
			set, err := columnTypes(sets, suite)
			if err != nil {
				return cmp.Or(wrong, err)
			}
			opts := dataOptions{allText: allText, set: set, asked: named(sets), hidden: map[string]bool{}}
			for _, c := range suite.Columns {
				if c.Personal() {
					opts.hidden[c.Name] = true
				}
			}
			d, err := resolve(cmd.Context(), args[0], opts)
			if err != nil {
				return cmp.Or(wrong, err)
			}
			threads := d.threads()
			if len(tables) > 0 {
				threads = 0 // who knows how large they are
			}
			return a.withThreads(cmd.Context(), threads, func(eng engine.Engine, s engine.Session) error {
				run := a.newRun("check", eng)
				c := checking{eng: eng, session: s, data: d, suite: suite, expect: expect, tables: tables, opts: opts, samples: samples, newOnly: scope == "new", failures: failures}
				if wrong != nil {
					return c.wrongSuite(cmd.Context(), wrong)
				}
				if err := c.check(cmd.Context(), run); err != nil {
					return err
				}
				if err := outs.write(run); err != nil {
					return err
				}
				if format == "json" {
					if err := writeJSON(a.out, run.Layers[0].Tables[0].Check); err != nil {
						return err
					}
				} else if err := a.show(run, format); err != nil {
					return err
				}
				return verdictCode(run, failOn)
			})
		},
	}
	f := cmd.Flags()
	f.StringVarP(&suiteFile, "suite", "s", "", "the suite's file")
	f.StringArrayVarP(&expect, "expect", "e", nil, "a rule in CEL, on one row or over aggregates; may be repeated")
	f.StringArrayVar(&tables, "table", nil, "NAME=DATA, a table that rules refer to")
	f.StringVar(&format, "format", "text", "format of standard output (json is the check's document)")
	f.StringArrayVar(&out, "out", nil, "also write FORMAT=PATH (html, pdf, junit ..., and failures=PATH.parquet)")
	f.StringVar(&scope, "scope", "table", "what is judged: table, or new for what the version of a Delta table added")
	f.StringVar(&failOn, "fail-on", "error", "exit 1 at: error, warn, never")
	f.IntVar(&samples, "samples", 5, "failing rows to show for a rule")
	f.BoolVar(&allText, "all-text", false, "read every column of a text file as text")
	f.StringArrayVar(&sets, "set", nil, "COLUMN=TYPE, the type of a column of a text file")
	return cmd
}

// loadSuite reads the suite's file, or makes one of the rules on the command line.
func loadSuite(file string, expect []string) (*expectations.Suite, error) {
	switch {
	case file == "" && len(expect) == 0:
		return nil, usagef("what should be checked? write --suite FILE or --expect 'CEL'")
	case file != "" && len(expect) > 0:
		return nil, usagef("--suite and --expect do not go together: write the rule into the suite")
	case len(expect) > 0:
		suite, err := expectations.Parse("--expect", suiteOf(expect), expectations.Options{})
		return suite, usage(err)
	}
	if !isFile(file) {
		return nil, usagef("--suite %s: there is no such file%s", file, nearData(file))
	}
	kinds, err := projectKinds(filepath.Dir(file))
	if err != nil {
		return nil, err
	}
	suite, err := expectations.Load(file, expectations.Options{Kinds: kinds})
	return suite, usage(err)
}

// projectKinds are the users' kinds for a suite in dir: in kinds/ there or here,
// and in packs.
func projectKinds(dir string) ([]expectations.KindFolder, error) {
	if !isDir(filepath.Join(dir, "kinds")) {
		dir = "."
	}
	kinds, err := expectations.ProjectKinds(dir, "")
	return kinds, usage(err)
}

// suiteHead is how many lines stand before the rules in [suiteOf].
const suiteHead = 2

// suiteOf writes rules as a suite: rule_1, rule_2 ... on one row, or with table:
// before them over aggregates.
func suiteOf(rules []string) []byte {
	var b strings.Builder
	b.WriteString("version: 1\nexpectations:\n")
	for i, rule := range rules {
		scope := "row"
		if text, ok := strings.CutPrefix(rule, "table:"); ok {
			scope, rule = "table", strings.TrimSpace(text)
		}
		fmt.Fprintf(&b, "  rule_%d: {%s: '%s'}\n", i+1, scope, strings.ReplaceAll(rule, "'", "''"))
	}
	return []byte(b.String())
}

// columnTypes are the types that --set and the suite give to columns.
func columnTypes(sets []string, suite *expectations.Suite) (map[string]table.Type, error) {
	types := map[string]table.Type{}
	if suite != nil {
		for _, c := range suite.Columns {
			if c.Type != nil {
				types[c.Name] = *c.Type
			}
		}
	}
	for _, s := range sets {
		name, text, ok := strings.Cut(s, "=")
		if !ok {
			return nil, usagef("--set %s: write COLUMN=TYPE", s)
		}
		t, err := table.ParseType(text)
		if err != nil {
			return nil, usagef("--set %s: %v", s, err)
		}
		types[name] = t
	}
	return types, nil
}

// named lists the columns that --set names.
func named(sets []string) map[string]bool {
	names := map[string]bool{}
	for _, s := range sets {
		name, _, _ := strings.Cut(s, "=")
		names[name] = true
	}
	return names
}

// attachTables makes the tables that rules look at readable, NAME=DATA each.
func attachTables(ctx context.Context, eng engine.Engine, s engine.Session, tables []string) (map[string]table.Schema, error) {
	refs := map[string]table.Schema{}
	for _, arg := range tables {
		name, where, ok := strings.Cut(arg, "=")
		if !ok {
			return nil, usagef("--table %s: write NAME=DATA", arg)
		}
		other, err := resolve(ctx, where, dataOptions{})
		if err != nil {
			return nil, err
		}
		if refs[name], _, err = other.attach(ctx, s, eng.Dialect(), name, dataOptions{}); err != nil {
			return nil, err
		}
		if other.broken != nil {
			return nil, fmt.Errorf("--table %s: %s", arg, other.broken.Message)
		}
	}
	return refs, nil
}

// planFor compiles a suite for data.
func planFor(suite *expectations.Suite, schema table.Schema, refs map[string]table.Schema) (*expectations.Plan, error) {
	plan, err := suite.Plan(schema, refs)
	if err != nil && strings.Contains(err.Error(), "there is no table") {
		return nil, usagef("%w\nhint: give the tables that rules look at: --table NAME=DATA", err)
	}
	return plan, usage(err)
}

// unreadable makes a run of data that cannot be read: nothing in it was judged.
func unreadable(run *record.Run, d *data, check *record.Check) {
	if check != nil {
		check.Verdict, check.Findings = record.Fail, []record.Finding{*d.broken}
	}
	sumUp(run, record.Table{Name: d.dataset.Name, Location: d.dataset.Location, Outcome: "unreadable", Check: check, Findings: []record.Finding{*d.broken}}, "unreadable")
}

// sumUp makes a run of one table.
func sumUp(run *record.Run, t record.Table, outcome string) {
	verdict := record.Pass
	if t.Check != nil {
		verdict = t.Check.Verdict
	}
	for _, f := range t.Findings {
		verdict = record.Worst(verdict, f.Verdict())
	}
	run.Verdict, run.Outcome = verdict, outcome
	run.DurationMS = time.Since(run.StartedAt).Milliseconds()
	run.Layers = []record.Layer{{Name: "data", Verdict: verdict, Outcome: outcome, Tables: []record.Table{t}, DurationMS: run.DurationMS}}
}
