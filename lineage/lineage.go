// Package lineage says which column came from which. It reads the plan that an
// engine bound for a SELECT ([Trace]), so stars, USING, views, CTEs and
// subqueries are resolved by the engine itself and no data are needed; joins the
// statements of a warehouse into a graph ([Add]); and answers who reads a column
// ([Downstream], [Impact]). It runs no SQL and draws nothing.
//
//	plan, err := session.Bind(ctx, model)           // engine.Session
//	st, err := lineage.Trace(plan, schemas)         // schemas of what the session attached
//	lineage.Add(graph, "silver.orders", "silver", st)
//	for _, c := range lineage.Downstream(graph, "bronze.orders", "amount") {
//		fmt.Println(c.Table, c.Column, c.Depth)
//	}
//
// # Direct and indirect
//
// A source is [Direct] when its value flows into the result, [Indirect] when it
// only steers it: the condition of a CASE, the partition of a window. What
// decides which rows there are, or their order (filters, joins, groups, sorting),
// belongs to no single column and is in [Statement.Dataset]. But a value that says
// which rows there are, of EXISTS, IN or count(*), and a constant of the side of a
// join that may have no match, has what decides that as sources of subtype
// [Filter]. The words are those of OpenLineage's columnLineage facet 1-2-0.
//
// Along a path INDIRECT wins over DIRECT, and of direct steps AGGREGATION over
// TRANSFORMATION over IDENTITY; a value that passed a hash or was only counted is
// masked from there on. Where two paths lead from one source to one column, the
// stronger subtype is kept, and the source is masked only if every path masks it.
//
// # Exact and conservative
//
// Whatever the plan holds that is not understood makes the columns above it
// depend on every column of every table below it, and the status [Conservative]:
// too much, never too little. Struct members and list elements are not told
// apart: a source is always a whole column.
package lineage

import (
	"encoding/json"
	"errors"
	"fmt"
	"sort"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/table"
)

// The types of a [Source].
const (
	Direct   = "DIRECT"
	Indirect = "INDIRECT"
)

// The subtypes of a [Source]. The first three are direct, weakest first.
const (
	Identity       = "IDENTITY"
	Transformation = "TRANSFORMATION"
	Aggregation    = "AGGREGATION"

	Filter      = "FILTER"
	Join        = "JOIN"
	GroupBy     = "GROUP_BY"
	Sort        = "SORT"
	Window      = "WINDOW"
	Conditional = "CONDITIONAL"
)

// What [Statement.Status] says.
const (
	Exact        = "exact"
	Conservative = "conservative"
)

// Source is a column that a result depends on. An empty Column is the table as a
// whole: its rows matter, no column of it does.
type Source struct {
	Table   string `json:"table"`
	Column  string `json:"column"`
	Type    string `json:"type"`    // Direct or Indirect
	Subtype string `json:"subtype"` // one of the constants
	Masking bool   `json:"masking,omitempty"`
}

// Column is one column of a statement's result and what it was made from,
// sorted. A constant has no sources.
type Column struct {
	Name    string   `json:"name"`
	Sources []Source `json:"sources"`
}

// Statement is the column lineage of one SELECT. Columns are in the order of its result.
type Statement struct {
	Columns []Column `json:"columns"`
	// Dataset is what decides which rows there are and in what order.
	Dataset []Source `json:"dataset,omitempty"`
	Status  string   `json:"status"` // Exact or Conservative
}

// ErrPlan is what errors of [Trace] are: the plan is broken, or was serialised
// in a way that loses what lineage needs.
var ErrPlan = errors.New("lineage: plan")

// Trace reads a bound SELECT. The names of the result come from plan.Schema, what
// they were made from out of plan.Tree, which is the output of DuckDB's
//
//	json_serialize_plan(sql, skip_null := true, skip_default := true)
//
// of version 1.5 (never with skip_empty: it drops the first column of a scan).
// in holds the schemas of the attached relations by the names they were attached
// under; it gives scanned tables these names, and an engine without a tree
// (plan.Tree nil) the columns that everything in plan.Reads then depends on.
//
// A tree that is JSON but not understood gives a conservative statement. The
// error is ErrPlan, for a tree that is no JSON, reports an error of its own, or
// was serialised with skip_empty. Cost: one pass over the tree, below a
// millisecond for one of 20 KB.
func Trace(plan engine.Plan, in map[string]table.Schema) (*Statement, error) {
	t := newTracer(in)
	if plan.Tree == nil {
		return t.blind(plan), nil
	}
	var doc struct {
		Error   bool              `json:"error"`
		Message string            `json:"error_message"`
		Plans   []json.RawMessage `json:"plans"`
	}
	if err := json.Unmarshal(plan.Tree, &doc); err != nil {
		var mismatch *json.UnmarshalTypeError
		if errors.As(err, &mismatch) {
			return t.blind(plan), nil
		}
		return nil, fmt.Errorf("%w: %w", ErrPlan, err)
	}
	if doc.Error {
		return nil, fmt.Errorf("%w: the engine could not serialise it: %s", ErrPlan, doc.Message)
	}
	var root operator
	if len(doc.Plans) != 1 || json.Unmarshal(doc.Plans[0], &root) != nil {
		return t.blind(plan), nil
	}
	if root.lossy() {
		return nil, fmt.Errorf("%w: serialised with skip_empty, which drops the first column of a scan; leave skip_empty out", ErrPlan)
	}
	rel := t.relation(&root, nil)
	if t.steps > maxSteps {
		return t.blind(plan), nil
	}
	return t.statement(rel, plan), nil
}

// statement names the columns of the root and gathers what was found.
func (t *tracer) statement(rel *relation, plan engine.Plan) *Statement {
	st := &Statement{Columns: make([]Column, len(plan.Schema.Fields))}
	if rel.cols != nil && len(rel.cols) != len(plan.Schema.Fields) {
		t.conservative = true
		rel = &relation{tables: rel.tables}
	}
	seen := set{}
	for i, f := range plan.Schema.Fields {
		deps := t.ref(rel, uint64(i))
		st.Columns[i] = Column{Name: f.Name, Sources: deps.list()}
		seen.merge(deps)
	}
	// A table whose rows are read but none of whose columns is: SELECT count(*) FROM t.
	seen.merge(t.dataset)
	used := map[string]bool{}
	for k := range seen {
		used[k.table] = true
	}
	for name := range t.scanned {
		if !used[name] {
			t.dataset.add(key{name, "", Indirect, Filter}, attr{subtype: Filter})
		}
	}
	st.Dataset = t.dataset.list()
	st.Status = Exact
	if t.conservative {
		st.Status = Conservative
	}
	return st
}

// blind is the statement of a plan that cannot be looked into: everything
// depends on every column of what is read.
func (t *tracer) blind(plan engine.Plan) *Statement {
	t = newTracer(t.in)
	t.conservative = true
	rel := &relation{tables: map[string]bool{}}
	for _, name := range plan.Reads {
		t.scanned[name] = t.in[name].Names()
		rel.tables[name] = true
	}
	t.dataset.mergeAs(t.all(rel), Indirect, Filter)
	return t.statement(rel, plan)
}

// set is a set of sources that knows how to merge paths. The subtype is part of
// the key only for indirect sources: of direct ones the strongest is kept.
type set map[key]attr

type key struct{ table, column, typ, subtype string }

type attr struct {
	subtype string
	masking bool
}

var strength = map[string]int{Identity: 1, Transformation: 2, Aggregation: 3}

func (s set) add(k key, a attr) {
	if old, ok := s[k]; ok {
		if strength[old.subtype] > strength[a.subtype] {
			a.subtype = old.subtype
		}
		a.masking = a.masking && old.masking
	}
	s[k] = a
}

func (s set) merge(from set) {
	for k, a := range from {
		s.add(k, a)
	}
}

// mergeAs adds sources as they look after one more step.
func (s set) mergeAs(from set, typ, subtype string) {
	for k, a := range from {
		switch {
		case typ == Indirect && k.typ == Indirect && k.subtype == Filter:
			// Which rows a value is taken over stays that, whatever it is used for.
		case typ == Indirect:
			k.typ, k.subtype, a.subtype = Indirect, subtype, subtype
		case k.typ == Direct && strength[subtype] > strength[a.subtype]:
			a.subtype = subtype
		}
		s.add(k, a)
	}
}

// Through is what sources are after one more step, as in [Trace]: of a type and
// subtype, and with masked behind a hash.
func Through(sources []Source, typ, subtype string, masked bool) []Source {
	to := set{}
	to.mergeAs(setOf(sources), typ, subtype)
	if masked {
		to = to.mask()
	}
	return to.list()
}

func (s set) mask() set {
	out := make(set, len(s))
	for k, a := range s {
		a.masking = true
		out[k] = a
	}
	return out
}

// list returns the sources sorted by table, column, type and subtype; never nil.
func (s set) list() []Source {
	out := make([]Source, 0, len(s))
	for k, a := range s {
		out = append(out, Source{Table: k.table, Column: k.column, Type: k.typ, Subtype: a.subtype, Masking: a.masking})
	}
	SortSources(out)
	return out
}

// SortSources orders sources by table, column, type and subtype.
func SortSources(out []Source) {
	sort.Slice(out, func(i, j int) bool {
		a, b := out[i], out[j]
		if a.Table != b.Table {
			return a.Table < b.Table
		}
		if a.Column != b.Column {
			return a.Column < b.Column
		}
		if a.Type != b.Type {
			return a.Type < b.Type
		}
		return a.Subtype < b.Subtype
	})
}
