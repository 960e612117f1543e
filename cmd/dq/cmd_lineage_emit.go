package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/dq-dev/dq/lineage/openlineage"
	"github.com/dq-dev/dq/pipeline"
	"github.com/dq-dev/dq/record"
)

// openLineageContext is what a run record does not say.
func openLineageContext(p *pipeline.Pipeline) openlineage.Context {
	ctx := openlineage.FromEnvironment()
	ctx.Source, ctx.SQL, ctx.Warehouse = map[string]string{}, map[string]string{}, p.Warehouse
	for _, l := range p.Layers {
		for _, t := range l.Tables {
			ctx.SQL[t.Name] = t.SQL
			if t.Source != nil {
				if abs, err := filepath.Abs(t.Source.Glob); err == nil {
					ctx.Source[t.Name] = abs
				}
			}
		}
	}
	return ctx
}

// lineageListener tells of runs in OpenLineage's words. An endpoint that does not
// answer is a warning: the events are sent again by the next run.
type lineageListener struct {
	app    *app
	sink   openlineage.Sink
	ctx    openlineage.Context
	failed error // of the last delivery, in which what failed before is sent again
}

func (a *app) lineageListener(p *pipeline.Pipeline) *lineageListener {
	return &lineageListener{app: a, sink: openlineage.Sink(p.OpenLineage), ctx: openLineageContext(p)}
}

func (l *lineageListener) send(ctx context.Context, events []openlineage.Event) error {
	err := l.sink.Send(ctx, events)
	l.failed = err
	if err != nil {
		fmt.Fprintf(l.app.err, "warning: %v; it is sent again later\n", err)
	}
	return err
}

func (l *lineageListener) Began(ctx context.Context, run *record.Run) error {
	return l.send(ctx, []openlineage.Event{openlineage.Start(run, l.ctx)})
}

func (l *lineageListener) Ended(ctx context.Context, run *record.Run, cause error) error {
	return l.send(ctx, openlineage.End(run, cause, l.ctx))
}

func (l *lineageListener) Killed(ctx context.Context, run *record.Run) error {
	return l.send(ctx, []openlineage.Event{openlineage.Abort(run, time.Now(), l.ctx)})
}

func (a *app) lineageEmit() *cobra.Command {
	var file, to string
	cmd := &cobra.Command{
		Use:   "emit [RUN.json]",
		Short: "Tell a run in OpenLineage's words",
		Long: `emit writes the OpenLineage events (2-0-2) of a run record, START and COMPLETE or FAIL
of the pipeline and of each table's jobs: to standard output as one event a line, to
a file with --to FILE, to an endpoint with --to https://host/api/v1/lineage, or to
standard error with --to console. Without a record it takes the newest that the warehouse holds. OPENLINEAGE_NAMESPACE,
OPENLINEAGE_PARENT_ID (namespace/job/run) and OPENLINEAGE_API_KEY are heeded.

A pipeline with lineage: {openlineage: FILE or URL} tells every run by itself.`,
		Example: `  dq lineage emit -f examples/ecommerce/pipeline.yaml
  dq lineage emit warehouse/_dq/runs/a.json --to https://marquez.example.com/api/v1/lineage`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := pipeline.Load(file)
			if err != nil {
				return usage(err)
			}
			var run *record.Run
			if len(args) == 0 {
				run, err = p.LastRecord(cmd.Context())
				if errors.Is(err, fs.ErrNotExist) {
					return usagef("%s holds no run record; name one: dq lineage emit RUN.json", p.Place("_dq/runs"))
				}
			} else {
				run, err = readRecord(args[0])
			}
			if err != nil {
				return err
			}
			ctx := openLineageContext(p)
			events := append([]openlineage.Event{openlineage.Start(run, ctx)}, openlineage.End(run, nil, ctx)...)
			if to == "" {
				return openlineage.Write(a.out, events)
			}
			return openlineage.Sink(to).Send(cmd.Context(), events)
		},
	}
	cmd.Flags().StringVarP(&file, "pipeline", "f", "pipeline.yaml", "pipeline file")
	cmd.Flags().StringVar(&to, "to", "", "file to append to, or URL to post to, instead of standard output")
	return cmd
}

// readRecord reads a run record.
func readRecord(name string) (*record.Run, error) {
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, usagef("%s: there is no such file", name)
	}
	if err != nil {
		return nil, usage(err)
	}
	defer func() { _ = f.Close() }()
	run, err := record.Read(f)
	if err != nil {
		return nil, usagef("%s: %w", name, err)
	}
	return run, nil
}
