package pipeline

import (
	"context"
	"slices"
	"strings"

	"github.com/dq-dev/dq/internal/yamlpos"
	"github.com/dq-dev/dq/policies"
)

// Location is where a table of the pipeline lies.
func (p *Pipeline) Location(table string) string { return p.Place(folder(table)) }

// Tables lists the names of the pipeline's tables, in their order.
func (p *Pipeline) Tables() []string {
	var out []string
	for _, l := range p.Layers {
		for _, t := range l.Tables {
			out = append(out, t.Name)
		}
	}
	return out
}

// Stray reports whether a waiver is for a table that the pipeline does not have, so that
// it lets nothing through, with a hint which one may be meant. One with * in its table is
// stray only if its layer is nearly one of the pipeline's: tables may come that it is for.
func (p *Pipeline) Stray(w policies.Waiver) (hint string, stray bool) {
	tables := p.Tables()
	if layer, rest, _ := strings.Cut(w.Table, "."); strings.Contains(w.Table, "*") {
		layers := p.layers()
		if strings.Contains(layer, "*") || slices.Contains(layers, layer) {
			return "", false
		}
		if near := yamlpos.Nearest(layer, layers); near != "" {
			return "did you mean " + near + "." + rest + "?", true
		}
		return "", false
	}
	if slices.Contains(tables, w.Table) {
		return "", false
	}
	if near := yamlpos.Nearest(w.Table, tables); near != "" {
		return "did you mean " + near + "?", true
	}
	return "", true
}

// About is what policies are told of a table at a plan: what is declared of it, who
// reads it, what it was made from, and the change from the version that is there to
// what models and suites make of it now. Renamed gives the old name of each column
// that has a new one. Cost: when something changes, a read of the table's log.
func (b *Bound) About(ctx context.Context, table string) (in policies.Input, renamed map[string]string, err error) {
	t := b.run.tables[table]
	q, err := b.run.question(ctx, t, t.was(), t.schema)
	if err != nil {
		return in, nil, err
	}
	if err := b.run.complete(ctx, q); err != nil {
		return in, nil, err
	}
	return q.Input, t.renamed(), nil
}
