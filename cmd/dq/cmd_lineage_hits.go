package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dq-dev/dq/lineage"
	"github.com/dq-dev/dq/pipeline"
	"github.com/dq-dev/dq/record"
	"github.com/dq-dev/dq/table"
)

// hit is one operation between two shapes of a table, and who depends on what it changes.
type hit struct {
	Table string `json:"table"`
	table.Change
	Columns      []lineage.Consumer `json:"columns"` // by the lineage of either side
	Expectations []pipeline.Watcher `json:"expectations"`
}

// shapes are one of the two that are compared.
type shapes struct {
	schemas map[string]table.Schema
	graph   *record.Graph
}

// hits are the operations between what args name, with who is hit by each.
func (a *app) hits(cmd *cobra.Command, p *pipeline.Pipeline, b *pipeline.Bound, args []string) ([]hit, error) {
	now := shapes{b.Schemas, b.Lineage}
	if len(args) > 0 && strings.Contains(args[0], "@") {
		was, is, err := a.versions(cmd, p, now, args)
		if err != nil {
			return nil, err
		}
		return hitsOf(b, was, is, nil), nil
	}
	var sides []shapes
	for _, name := range args {
		run, err := readRecord(name)
		if err != nil {
			return nil, err
		}
		sides = append(sides, recordedSide(run))
	}
	if len(sides) == 0 {
		newest, err := p.LastRecord(cmd.Context())
		if errors.Is(err, fs.ErrNotExist) {
			return nil, usagef("%s holds no run record; name one: dq lineage impact --diff RUN.json", p.Place("_dq/runs"))
		}
		if err != nil {
			return nil, err
		}
		sides = append(sides, recordedSide(newest))
	}
	if len(sides) == 2 {
		return hitsOf(b, sides[0], sides[1], nil), nil
	}
	return hitsOf(b, sides[0], now, b.Renamed), nil
}

// versions are two versions of one table, as sides that know only it.
func (a *app) versions(cmd *cobra.Command, p *pipeline.Pipeline, now shapes, args []string) (was, is shapes, err error) {
	if len(args) != 2 {
		return was, is, usagef("name two versions: dq lineage impact --diff %s silver.orders@2", args[0])
	}
	name, _, _ := strings.Cut(args[0], "@")
	if !slices.Contains(p.Tables(), name) {
		_, _, err := place(now.graph, name)
		if err == nil {
			err = usagef("%s has no versions: the pipeline does not make it", name)
		}
		return was, is, err
	}
	var out [2]shapes
	for i, arg := range args {
		other, at, ok := strings.Cut(arg, "@")
		if !ok || other != name {
			return was, is, usagef("%s: name two versions of one table: %s@1 %s@2", arg, name, name)
		}
		snap, err := snapshot(cmd, p.Place(strings.ReplaceAll(name, ".", "/"))+"@"+at)
		if err != nil {
			return was, is, err
		}
		out[i] = shapes{map[string]table.Schema{name: snap.Schema()}, now.graph}
	}
	return out[0], out[1], nil
}

func recordedSide(run *record.Run) shapes {
	s := shapes{map[string]table.Schema{}, run.Lineage}
	for _, l := range run.Layers {
		for _, t := range l.Tables {
			if len(t.Schema.Fields) > 0 {
				s.schemas[t.Name] = t.Schema
			}
		}
	}
	return s
}

// hitsOf compares table by table, in the order of names.
func hitsOf(b *pipeline.Bound, was, is shapes, renamed func(string) map[string]string) []hit {
	both := &record.Graph{}
	for _, g := range []*record.Graph{was.graph, is.graph, b.Lineage} {
		if g != nil {
			both.Edges = append(both.Edges, g.Edges...)
		}
	}
	names := map[string]bool{}
	for _, s := range []shapes{was, is} {
		for name := range s.schemas {
			names[name] = true
		}
	}
	out := []hit{}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		old, had := was.schemas[name]
		next, has := is.schemas[name]
		var changes []table.Change
		switch {
		case !had:
			changes = []table.Change{{Op: table.TableCreated}}
		case !has:
			changes = []table.Change{{Op: table.TableDropped, Breaks: []string{table.Backward}, DataRisk: table.LossRisk}}
		case renamed != nil:
			changes = table.Diff(old, next, renamed(name))
		default:
			changes = table.Diff(old, next, nil)
		}
		for _, c := range changes {
			h := hit{Table: name, Change: c, Columns: []lineage.Consumer{}}
			watched := map[string][]string{}
			columns := []string{topLevel(c.Path, old, next)}
			if from, ok := c.From.(string); ok && c.Op == table.ColumnRenamed {
				columns = append(columns, topLevel(from, old, next))
			}
			for _, column := range columns {
				watched[name] = []string{}
				if column != "" {
					watched[name] = append(watched[name], column)
				}
				for _, d := range lineage.Downstream(both, name, column) {
					if !slices.ContainsFunc(h.Columns, func(k lineage.Consumer) bool { return k.Table == d.Table && k.Column == d.Column }) {
						h.Columns = append(h.Columns, d)
					}
				}
			}
			for _, d := range h.Columns {
				if d.Column != "" {
					watched[d.Table] = append(watched[d.Table], d.Column)
				}
			}
			h.Expectations = b.Watchers(watched)
			out = append(out, h)
		}
	}
	return out
}

// topLevel is the column that a path leads into: lineage is of whole columns.
func topLevel(path string, schemas ...table.Schema) string {
	for _, s := range schemas {
		if _, ok := s.Field(path); ok {
			return path
		}
	}
	for _, s := range schemas {
		for _, f := range s.Fields {
			if strings.HasPrefix(path, f.Name+".") {
				return f.Name
			}
		}
	}
	return path
}

func printHits(w io.Writer, hits []hit) {
	for _, h := range hits {
		what := plain(h.Table) + " " + h.Op
		if h.Path != "" {
			what += " " + plain(h.Path)
		}
		if h.From != nil || h.To != nil {
			what += fmt.Sprintf(" (%s → %s)", plain(fmt.Sprint(orNothing(h.From))), plain(fmt.Sprint(orNothing(h.To))))
		}
		if len(h.Breaks) > 0 {
			what += ", breaks " + strings.Join(h.Breaks, " and ")
		}
		fmt.Fprintf(w, "%s: %s and %s hang on it\n", what, count(len(h.Columns), "column"), count(len(h.Expectations), "expectation"))
		for _, c := range h.Columns {
			if c.Column == "" {
				fmt.Fprintf(w, "  %s (which rows there are)\n", plain(c.Table))
			} else {
				fmt.Fprintf(w, "  %s.%s\n", plain(c.Table), plain(c.Column))
			}
		}
		for _, e := range h.Expectations {
			fmt.Fprintf(w, "  %s: %s %s looks at %s\n", plain(e.Position), plain(e.Table), plain(e.ID), plain(strings.Join(e.Columns, ", ")))
		}
	}
	fmt.Fprintf(w, "%s\n", count(len(hits), "change"))
}

func orNothing(v any) any {
	if v == nil {
		return "nothing"
	}
	return v
}
