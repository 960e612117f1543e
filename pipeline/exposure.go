package pipeline

import (
	"slices"
	"strings"

	"github.com/dq-dev/dq/internal/yamlpos"
	"github.com/dq-dev/dq/lineage"
	"github.com/dq-dev/dq/record"
)

// Exposure is something outside the pipeline that reads its tables: a dashboard,
// an export, a service.
type Exposure struct {
	Name      string
	Kind      string // exposure, dashboard, export, view
	Owner     string
	Certified bool
	// Reads are tables, gold.daily_revenue, or columns of them, gold.daily_revenue.day.
	Reads []string

	places []*yamlpos.Node // of Reads
}

// exposures reads exposures: {revenue_board: {kind: dashboard, owner: finance, reads: [gold.daily_revenue]}}.
func (l *loader) exposures(p *Pipeline, n *yamlpos.Node) {
	names := p.names()
	for _, e := range n.Pairs("exposures") {
		x := Exposure{Name: e.Key.Text, Kind: "exposure"}
		if !tableName.MatchString(x.Name) {
			e.Key.Errorf("small letters, digits and _ , beginning with a letter", "%q cannot name an exposure", x.Name)
		}
		f := section("exposure").read(e.Value)
		if f["kind"] != nil {
			x.Kind = section("exposure").choice(f, "kind", "kind of exposure")
		}
		if f["owner"] != nil {
			x.Owner = f["owner"].String()
		}
		if f["certified"] != nil {
			x.Certified = f["certified"].Bool()
		}
		if f["reads"] == nil {
			e.Key.Errorf("write reads: [gold.daily_revenue]", "the exposure %s does not say what it reads", x.Name)
		}
		for _, r := range f["reads"].List("reads", false) {
			table, _ := readPath(r.String())
			if !names[table] {
				r.Errorf(yamlpos.DidYouMean(table, sortedKeys(names)), "reads: there is no table %q", table)
			}
			x.Reads, x.places = append(x.Reads, r.Text), append(x.places, r)
		}
		p.Exposures = append(p.Exposures, x)
	}
}

// readPath takes apart gold.daily_revenue.day; the column is "" for the whole table.
func readPath(path string) (table, column string) {
	layer, rest, _ := strings.Cut(path, ".")
	name, column, _ := strings.Cut(rest, ".")
	return layer + "." + name, column
}

// checkExposures notes columns of exposures that tables do not have. One that the
// published version has is on its way out: that its reader loses it is for policies to say.
func (r *run) checkExposures() []error {
	var all []error
	for _, x := range r.Exposures {
		for i, path := range x.Reads {
			name, column := readPath(path)
			t := r.tables[name]
			if column != "" && !t.has(column) {
				all = append(all, wrong(x.places[i], yamlpos.DidYouMean(column, t.schema.Names()), "exposures: %s reads a column %q that %s does not have", x.Name, column, name))
			}
		}
	}
	return all
}

// has reports whether a table has a column, or had it before this run.
func (t *tableRun) has(column string) bool {
	_, ok := t.schema.Field(column)
	if !ok && t.snap != nil {
		_, ok = t.snap.Schema().Field(column)
	}
	return ok
}

// exposureLayer is the layer that exposures have in lineage.
const exposureLayer = "exposure"

// expose adds the exposures to a lineage: each with a column for every one that it
// reads. One that reads a whole table reads, if before is set, what the version before has
// besides: that is what it loses.
func (r *run) expose(g *record.Graph, before bool) {
	for _, x := range r.Exposures {
		st := &lineage.Statement{Status: lineage.Exact}
		for _, path := range x.Reads {
			name, column := readPath(path)
			columns := []string{column}
			if column == "" {
				t := r.tables[name]
				columns = t.schema.Names()
				if before && t.snap != nil {
					columns = slices.Concat(columns, t.snap.Schema().Names())
				}
			}
			for _, c := range columns {
				full := name + "." + c
				if !slices.ContainsFunc(st.Columns, func(o lineage.Column) bool { return o.Name == full }) {
					st.Columns = append(st.Columns, lineage.Column{Name: full,
						Sources: []lineage.Source{{Table: name, Column: c, Type: lineage.Direct, Subtype: lineage.Identity}}})
				}
			}
		}
		lineage.Add(g, x.Name, exposureLayer, st)
	}
}

// exposure returns the exposure of that name, or nil.
func (p *Pipeline) exposure(name string) *Exposure {
	for i := range p.Exposures {
		if p.Exposures[i].Name == name {
			return &p.Exposures[i]
		}
	}
	return nil
}
