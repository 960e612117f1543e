package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/internal/yamlpos"
	"github.com/dq-dev/dq/pipeline"
	"github.com/dq-dev/dq/policies"
	"github.com/dq-dev/dq/record"
	"github.com/dq-dev/dq/reports"
)

var environments = policies.Environments

// stepHook is called at every step boundary of a run; tests stop a run there.
var stepHook func(step string)

func (a *app) cmdRun() *cobra.Command {
	var (
		out         []string
		format      string
		failOn      string
		wait        time.Duration
		fullRefresh bool
		dryRun      bool
		env         string
		change      string
		resume      string
	)
	cmd := &cobra.Command{
		Use:   "run [PIPELINE]",
		Short: "Run a pipeline: stage, audit, and publish what passes",
		Long: `run takes what is new in the sources through all layers. A layer's tables are
published together, and only if its gate passes. Of a source with batch: file
every new file goes through all layers by itself, with a record and reports of its
own (--out holds the last), until none is left or one is refused. Running again does nothing
when nothing is new; a run that was killed is finished or undone by the next.

A table that was restored (dq table restore) stops the run with exit 2 if others are
made from what it lost: --resume restored takes that out of them too, --resume kept
leaves it there and goes on from the restored version. The restored table itself is
what its old version was, up to what it had consumed: files that came after are
landed again if they are still there.

Policies are told where it runs (--env), who runs it, and for which change of code:
what GitHub, GitLab or Airflow say in the environment, else the user and the commit
that is checked out. What they do not say, such as approvals, a file can
(--change): {"approvals": [{"id": "lea", "at": "2026-10-01T12:00:00Z"}], "labels":
["notice"], "ticket": "DATA-7"}; commit, author, branch, pr and message too.`,
		Example: `  dq run examples/ecommerce/pipeline.yaml
  dq run pipeline.yaml --out junit=dq.xml --format json
  dq run pipeline.yaml --resume restored
  dq run pipeline.yaml --dry-run
  dq run pipeline.yaml --env test --change change.json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			file := "pipeline.yaml"
			if len(args) > 0 {
				file = args[0]
			}
			if err := checkFailOn(failOn); err != nil {
				return err
			}
			if !slices.Contains(environments, env) {
				return usagef("--env: %q is no environment; %s", env, yamlpos.DidYouMean(env, environments))
			}
			if err := checkResume(resume); err != nil {
				return err
			}
			outs, err := parseOutputs(out)
			if err != nil {
				return err
			}
			if err := knownFormat(format); err != nil {
				return err
			}
			// The engine opens beside what is loaded, which takes longer.
			opened := make(chan struct{})
			var eng engine.Engine
			var engErr error
			go func() {
				defer close(opened)
				if eng, engErr = a.openEngine(); engErr == nil {
					// A run begins with a small session; the first takes a while.
					if s, err := eng.Small(cmd.Context()); err == nil {
						_ = s.Close()
					}
				}
			}()
			closeEngine := sync.OnceFunc(func() {
				<-opened
				if engErr == nil {
					_ = eng.Close()
				}
			})
			defer closeEngine()
			p, err := pipeline.Load(file)
			if err != nil {
				return usage(err)
			}
			dir, err := filepath.Abs(filepath.Dir(p.File))
			if err != nil {
				return err
			}
			changed := whatChanged(os.Getenv, dir)
			if change != "" {
				if changed, err = readChange(change, changed, time.Now()); err != nil {
					return usage(err)
				}
			}
			bundle, err := policies.Load(cmd.Context(), policyOptions(p))
			if err != nil {
				return usage(err)
			}
			if <-opened; engErr != nil {
				return engErr
			}
			go func() {
				for _, r := range p.Reports {
					reports.Prepare(r.Format)
				}
			}()
			step, clear := a.progress()
			if stepHook != nil {
				step = stepHook
			}
			opt := pipeline.Options{Engine: eng, Policies: bundle, Clock: time.Now, Version: version(),
				Wait: wait, FullRefresh: fullRefresh, Resume: resume, DryRun: dryRun, Environment: env, Actor: whoRuns(os.Getenv), Change: changed, Progress: step}
			var told *lineageListener
			if p.OpenLineage != "" {
				told = a.lineageListener(p)
				opt.Listener = told
			}
			var verdict error // of the batches, the first that is none to exit 0 with
			for run, err := range p.Batches(cmd.Context(), opt) {
				clear()
				if err != nil {
					return err
				}
				if run.Waiting() == 0 {
					go closeEngine() // whose memory takes a while to be given back
				}
				if run.Outcome != "unchanged" && run.Outcome != "not_run" {
					if err := writeReports(p.Reports, run); err != nil {
						return fmt.Errorf("the run ended (%s), but a report could not be written: %w\nhint: draw it later: dq report %s --out html=run.html",
							run.Outcome, err, p.Place("_dq/runs/"+run.ID+".json"))
					}
				}
				if err := outs.write(run); err != nil {
					return err
				}
				if err := a.show(run, format); err != nil {
					return err
				}
				a.reportPaths(p, run)
				if verdict == nil {
					verdict = verdictCode(run, failOn)
				}
			}
			if p.Strict && told.failed != nil && verdict == nil {
				return fmt.Errorf("the run ended, but its events were not delivered, and lineage is strict: %w\nhint: the next run sends them again", told.failed)
			}
			return verdict
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&out, "out", nil, "also write FORMAT=PATH (html, pdf, junit, json ...)")
	f.StringVar(&format, "format", "text", "format of standard output")
	f.StringVar(&failOn, "fail-on", "error", "exit 1 at: error, warn, never")
	f.DurationVar(&wait, "wait", 0, "wait so long for another run of the pipeline, such as 10m")
	f.BoolVar(&fullRefresh, "full-refresh", false, "read every source file again and rebuild every table")
	f.StringVar(&env, "env", "prod", "environment, for policies: dev, test, prod")
	f.StringVar(&change, "change", "", "file with what policies are to know of the change of code")
	f.StringVar(&resume, "resume", "", "when a table was restored, those made from what it lost: restored (they lose it too) or kept")
	f.BoolVar(&dryRun, "dry-run", false, "bind models, compare schemas and ask the policies, but read no data")
	return cmd
}

// writeReports draws the pipeline's reports, each format beside the others.
func writeReports(list []pipeline.Report, run *record.Run) error {
	errs := make([]error, len(list))
	var all sync.WaitGroup
	for i, r := range list {
		for _, f := range reports.Formats() {
			if f.Name == r.Format {
				all.Go(func() {
					errs[i] = writeReport(filepath.Join(r.Dir, run.ID+f.Ext), f.Name, func(w io.Writer) error { return f.Write(w, run) })
				})
			}
		}
	}
	all.Wait()
	return errors.Join(errs...)
}

// reportPaths says where the reports of a run are.
func (a *app) reportPaths(p *pipeline.Pipeline, run *record.Run) {
	if a.quiet || run.Outcome == "unchanged" || run.Outcome == "not_run" {
		return
	}
	for _, r := range p.Reports {
		for _, f := range reports.Formats() {
			if f.Name == r.Format {
				fmt.Fprintf(a.err, "%s report: %s\n", f.Name, filepath.Join(r.Dir, run.ID+f.Ext))
			}
		}
	}
}

func policyOptions(p *pipeline.Pipeline) policies.Options {
	return policies.Options{Dirs: p.Policies, Waivers: p.Waivers, Owners: p.Owners, Modes: p.Modes}
}
