package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dq-dev/dq/internal/yamlpos"
	"github.com/dq-dev/dq/lineage"
	"github.com/dq-dev/dq/lineage/draw"
	"github.com/dq-dev/dq/lineage/openlineage"
	"github.com/dq-dev/dq/pipeline"
	"github.com/dq-dev/dq/policies"
	"github.com/dq-dev/dq/record"
)

// graphFormats are the formats of a part of a pipeline's lineage.
var graphFormats = []string{"tree", "json", "dot", "mermaid", "svg", "openlineage"}

// bound loads a pipeline and binds it; with ruled, policies can be asked.
func (a *app) bound(ctx context.Context, file string, ruled bool) (*pipeline.Pipeline, *pipeline.Bound, func(), error) {
	p, err := pipeline.Load(file)
	if err != nil {
		return nil, nil, nil, usage(err)
	}
	eng, err := a.openEngine()
	if err != nil {
		return nil, nil, nil, err
	}
	opt := pipeline.Options{Engine: eng, Clock: time.Now, Environment: "prod"}
	if ruled {
		if opt.Policies, err = policies.Load(ctx, policyOptions(p)); err != nil {
			_ = eng.Close()
			return nil, nil, nil, usage(err)
		}
	}
	b, err := p.Bind(ctx, opt)
	if err != nil {
		_ = eng.Close()
		return nil, nil, nil, err
	}
	return p, b, func() { _ = eng.Close() }, nil
}

// place finds the table and column that a user names: TABLE or TABLE.COLUMN. The
// longest name that is a table's counts.
func place(g *record.Graph, name string) (table, column string, err error) {
	var names []string
	for _, t := range g.Tables {
		if name == t.Name {
			return t.Name, "", nil
		}
		if rest, ok := strings.CutPrefix(name, t.Name+"."); ok && len(t.Name) > len(table) {
			table, column = t.Name, rest
		}
		names = append(names, t.Name)
	}
	if table == "" {
		near := name
		if cut := strings.LastIndexByte(name, '.'); cut > 0 && strings.Count(name, ".") > 1 {
			near = name[:cut]
		}
		return "", "", usagef("there is no table %s; %s", name, yamlpos.DidYouMean(near, names))
	}
	for _, t := range g.Tables {
		if t.Name == table && !slices.Contains(t.Columns, column) {
			return "", "", usagef("%s has no column %s; %s", table, column, yamlpos.DidYouMean(column, t.Columns))
		}
	}
	return table, column, nil
}

// showGraph draws a part of a pipeline's lineage, or all of it.
func (a *app) showGraph(ctx context.Context, file, name string, up, down int, format string, w io.Writer) error {
	p, b, closeEngine, err := a.bound(ctx, file, false)
	if err != nil {
		return err
	}
	defer closeEngine()
	g, table, column := b.Lineage, "", ""
	if name != "" {
		if table, column, err = place(g, name); err != nil {
			return err
		}
		g = lineage.Part(g, table, column, up, down)
	}
	switch format {
	case "json":
		return writeJSON(w, g)
	case "dot":
		return draw.DOT(w, g, column != "")
	case "mermaid":
		return draw.Mermaid(w, g, column != "")
	case "svg":
		return draw.SVG(w, g, column != "")
	case "openlineage":
		of := &record.Run{Pipeline: p.Name, Engine: record.EngineInfo{Name: "duckdb"}, Lineage: g}
		return openlineage.Write(w, openlineage.Jobs(of, time.Now(), locations(p, g), openLineageContext(p)))
	}
	if name == "" {
		return usagef("name a table for a tree: dq lineage show silver.orders; or all as a drawing: --format svg --output lineage.svg")
	}
	return draw.Tree(w, g, table, column)
}

// locations are where the tables of a graph lie: those of the pipeline in its
// warehouse, files of sources and outside of it where they are named.
func locations(p *pipeline.Pipeline, g *record.Graph) map[string]string {
	own := map[string]bool{}
	for _, l := range p.Layers {
		for _, t := range l.Tables {
			own[t.Name], own["quarantine."+t.Name] = true, true
		}
	}
	out := map[string]string{}
	for _, t := range g.Tables {
		switch {
		case own[t.Name]:
			out[t.Name] = p.Place(strings.ReplaceAll(t.Name, ".", "/"))
		case strings.Contains(t.Name, "://") || filepath.IsAbs(t.Name):
			out[t.Name] = t.Name
		case t.Layer == "source" || t.Layer == "outside":
			out[t.Name] = filepath.Join(filepath.Dir(p.File), t.Name)
		}
	}
	return out
}

// impact is the JSON of dq lineage impact.
type impact struct {
	Of      string             `json:"of"`
	Columns []lineage.Consumer `json:"columns"`
	Tables  []lineage.Effect   `json:"tables"`
	// Expectations are those that look at the column, or at one that depends on it.
	Expectations []pipeline.Watcher `json:"expectations"`
	// Policies say what they would decide if the column were dropped.
	Policies []record.Decision `json:"policies"`
}

func (a *app) lineageImpact() *cobra.Command {
	var file, format string
	var diff bool
	cmd := &cobra.Command{
		Use:   "impact TABLE[.COLUMN] | impact --diff [RUN.json [RUN.json] | TABLE@V TABLE@V]",
		Short: "List what hangs on a table or column",
		Long: `impact lists what a change of a column, or of a whole table, concerns: columns and
tables that are made from it, through all layers and into the tables of refused
rows; expectations that look at it or at what is made from it; and what the
policies would say if it were dropped.

With --diff it lists each operation between two shapes of the tables, and who is hit
by it: since a run (by default the newest in the warehouse) to the models as they are
now, between two runs, or between two versions of one table.`,
		Example: `  dq lineage impact silver.order_lines.country -f examples/ecommerce/pipeline.yaml
  dq lineage impact --diff
  dq lineage impact --diff silver.order_lines@1 silver.order_lines@2 --format json`,
		Args: func(cmd *cobra.Command, args []string) error {
			if diff {
				return cobra.MaximumNArgs(2)(cmd, args)
			}
			return cobra.ExactArgs(1)(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := oneOf(format, "text", "json"); err != nil {
				return err
			}
			p, b, closeEngine, err := a.bound(cmd.Context(), file, !diff)
			if err != nil {
				return err
			}
			defer closeEngine()
			if diff {
				hits, err := a.hits(cmd, p, b, args)
				if err != nil {
					return err
				}
				if format == "json" {
					return writeJSON(a.out, map[string][]hit{"changes": hits})
				}
				printHits(a.out, hits)
				return nil
			}
			table, column, err := place(b.Lineage, args[0])
			if err != nil {
				return err
			}
			out := impact{Of: args[0], Columns: lineage.Downstream(b.Lineage, table, column), Tables: []lineage.Effect{}, Policies: []record.Decision{}}
			if out.Columns == nil {
				out.Columns = []lineage.Consumer{}
			}
			watched := map[string][]string{table: {}}
			if column != "" {
				watched[table] = []string{column}
			}
			for _, e := range lineage.Impact(b.Lineage, table) {
				if column == "" || slices.ContainsFunc(out.Columns, func(c lineage.Consumer) bool { return c.Table == e.Table }) {
					out.Tables = append(out.Tables, e)
				}
			}
			for _, c := range out.Columns {
				if c.Column != "" {
					watched[c.Table] = append(watched[c.Table], c.Column)
				}
			}
			out.Expectations = b.Watchers(watched)
			said, err := b.Drop(cmd.Context(), table, column)
			if err != nil {
				return err
			}
			out.Policies = append(out.Policies, said...)
			if format == "json" {
				return writeJSON(a.out, out)
			}
			printImpact(a.out, out)
			return nil
		},
	}
	cmd.Flags().StringVarP(&file, "pipeline", "f", "pipeline.yaml", "pipeline file")
	cmd.Flags().StringVar(&format, "format", "text", "text or json")
	cmd.Flags().BoolVar(&diff, "diff", false, "of each operation between two runs, versions, or a run and the models now")
	return cmd
}

func printImpact(w io.Writer, i impact) {
	exposures := 0
	for _, t := range i.Tables {
		if t.Layer == "exposure" {
			exposures++
		}
	}
	tables := count(len(i.Tables)-exposures, "table")
	if exposures > 0 {
		tables += ", " + count(exposures, "exposure")
	}
	fmt.Fprintf(w, "%s: %s, %s and %s hang on it\n", plain(i.Of), tables, count(len(i.Columns), "column"), count(len(i.Expectations), "expectation"))
	for _, t := range i.Tables {
		fmt.Fprintf(w, "%s\n", plain(t.Table))
		for _, c := range i.Columns {
			switch {
			case c.Table != t.Table:
			case c.Column == "":
				fmt.Fprintln(w, "  (which rows there are)")
			default:
				fmt.Fprintf(w, "  %s\n", plain(c.Column))
			}
		}
	}
	if len(i.Expectations) > 0 {
		fmt.Fprintln(w, "expectations")
	}
	for _, e := range i.Expectations {
		fmt.Fprintf(w, "  %s: %s %s looks at %s\n", plain(e.Position), plain(e.Table), plain(e.ID), plain(strings.Join(e.Columns, ", ")))
	}
	if len(i.Policies) > 0 {
		fmt.Fprintln(w, "policies, if it were dropped")
	}
	for _, d := range i.Policies {
		fmt.Fprintf(w, "  %s %s: %s\n", d.Policy, d.Effect, plain(d.Message))
	}
}

func (a *app) lineageDiff() *cobra.Command {
	var file, format string
	cmd := &cobra.Command{
		Use:   "diff [RUN.json [RUN.json]]",
		Short: "Say which edges of the lineage came and went",
		Long: `diff compares the lineage of a run record with that of the pipeline's models as
they are now, or with that of a later record. Without a record it takes the newest
that the warehouse holds.`,
		Example: `  dq lineage diff -f examples/ecommerce/pipeline.yaml
  dq lineage diff warehouse/_dq/runs/a.json warehouse/_dq/runs/b.json --format json`,
		Args: cobra.MaximumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := oneOf(format, "text", "json"); err != nil {
				return err
			}
			var graphs []*record.Graph
			for _, name := range args {
				g, err := recorded(name)
				if err != nil {
					return err
				}
				graphs = append(graphs, g)
			}
			if len(graphs) < 2 {
				p, b, closeEngine, err := a.bound(cmd.Context(), file, false)
				if err != nil {
					return err
				}
				defer closeEngine()
				if len(graphs) == 0 {
					newest, err := p.LastRecord(cmd.Context())
					if errors.Is(err, fs.ErrNotExist) {
						return usagef("%s holds no run record; name one: dq lineage diff RUN.json", p.Place("_dq/runs"))
					}
					if err != nil {
						return err
					}
					graphs = append(graphs, newest.Lineage)
				}
				graphs = append(graphs, b.Models)
			}
			c := lineage.Compare(graphs[0], graphs[1])
			if format == "json" {
				return writeJSON(a.out, c)
			}
			printChanged(a.out, c)
			return nil
		},
	}
	cmd.Flags().StringVarP(&file, "pipeline", "f", "pipeline.yaml", "pipeline file")
	cmd.Flags().StringVar(&format, "format", "text", "text or json")
	return cmd
}

// recorded is the lineage that a run record holds.
func recorded(name string) (*record.Graph, error) {
	run, err := readRecord(name)
	if err != nil {
		return nil, err
	}
	if run.Lineage == nil {
		return nil, usagef("%s holds no lineage: it is the record of dq %s", name, run.Command)
	}
	return run.Lineage, nil
}

func printChanged(w io.Writer, c lineage.Changed) {
	for _, t := range c.Tables.Added {
		fmt.Fprintf(w, "+ table %s\n", plain(t))
	}
	for _, t := range c.Tables.Removed {
		fmt.Fprintf(w, "- table %s\n", plain(t))
	}
	show := func(sign string, edges []record.Edge) {
		for _, e := range edges {
			end := func(table, column string) string {
				if column == "" {
					return plain(table) + " (rows)"
				}
				return plain(table + "." + column)
			}
			masked := ""
			if e.Masking {
				masked = ", masked"
			}
			fmt.Fprintf(w, "%s %s <- %s  %s%s\n", sign, end(e.ToTable, e.ToColumn), end(e.FromTable, e.FromColumn), strings.ToLower(strings.ReplaceAll(e.Subtype, "_", " ")), masked)
		}
	}
	show("+", c.Gained)
	show("-", c.Lost)
	fmt.Fprintf(w, "%s gained, %d lost\n", count(len(c.Gained), "edge"), len(c.Lost))
}

// toOutput writes to a file, which is there whole or not at all, or to standard output.
func (a *app) toOutput(path string, write func(io.Writer) error) error {
	if path == "" {
		return write(a.out)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".dq-")
	if err != nil {
		return usagef("--output %s: %w", path, err)
	}
	defer func() { _ = os.Remove(f.Name()) }()
	err = f.Chmod(0o644)
	if err == nil {
		err = write(f)
	}
	if err != nil {
		_ = f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path) //nolint:forbidigo // no file of a log
}
