package lineage

import (
	"encoding/json"
	"strings"

	"github.com/dq-dev/dq/table"
)

// maxSteps bounds the work on one plan. The largest plans of TPC-DS need some
// thousands; only nested recursive CTEs, which are gone through until nothing
// changes, could need more.
const maxSteps = 1 << 17

// noIndex is how DuckDB writes an index that there is not.
const noIndex = ^uint64(0)

type tracer struct {
	in      map[string]table.Schema
	byName  map[string]string   // lower-case relation name to the name as attached
	scanned map[string][]string // relation to its columns

	dataset      set
	rows         set // what decides which rows the operator has that is being gone through
	conservative bool
	steps        int

	ctes     map[uint64]*relation // by the index of the CTE
	bindings map[uint64]*relation // by table index, for references that were left unresolved
}

func newTracer(in map[string]table.Schema) *tracer {
	t := &tracer{in: in, byName: map[string]string{}, scanned: map[string][]string{}, dataset: set{}, rows: set{},
		ctes: map[uint64]*relation{}, bindings: map[uint64]*relation{}}
	for name := range in {
		t.byName[strings.ToLower(name)] = name
	}
	return t
}

// relation is what an operator gives: its columns, nil when their number is not
// known, what decides which rows it has, and the tables that are scanned below it.
type relation struct {
	cols   []set
	rows   set // indirect FILTER, and tables without a column
	tables map[string]bool
}

// scope is the chain of enclosing joins whose duplicate-eliminated columns a
// LOGICAL_DELIM_GET may stand for.
type scope struct {
	cols   []set
	tables map[string]bool
	up     *scope
}

// ref is column i of a relation. One that is not there could be anything below.
func (t *tracer) ref(rel *relation, i uint64) set {
	if i < uint64(len(rel.cols)) {
		return rel.cols[i]
	}
	t.conservative = true
	return t.all(rel)
}

// all is every column of every table below.
func (t *tracer) all(rel *relation) set {
	out := set{}
	for name := range rel.tables {
		for _, column := range t.scanned[name] {
			out.add(key{name, column, Direct, ""}, attr{subtype: Transformation})
		}
	}
	return out
}

// affect records that the rows depend on sources.
func (t *tracer) affect(subtype string, deps ...set) {
	for _, d := range deps {
		t.dataset.mergeAs(d, Indirect, subtype)
		if subtype != Sort {
			t.rows.mergeAs(d, Indirect, Filter)
		}
	}
}

// relation gives the lineage of one operator's output.
func (t *tracer) relation(o *operator, sc *scope) *relation {
	if t.steps++; t.steps > maxSteps {
		return &relation{}
	}
	around := t.rows
	t.rows = set{}
	rel := t.operator(o, sc)
	rel = &relation{cols: rel.cols, rows: t.rows, tables: rel.tables}
	around.merge(rel.rows)
	t.rows = around
	if o.TableIndex != noIndex {
		t.bindings[o.TableIndex] = rel
	}
	return rel
}

func (t *tracer) operator(o *operator, sc *scope) *relation {
	switch o.Type {
	case "LOGICAL_GET":
		return t.get(o, sc)
	case "LOGICAL_DUMMY_SCAN":
		return &relation{cols: []set{{}}}
	case "LOGICAL_CHUNK_GET", "LOGICAL_EMPTY_RESULT":
		return constants(len(o.ChunkTypes))
	case "LOGICAL_DELIM_GET":
		for s := sc; s != nil; s = s.up {
			if len(s.cols) == len(o.ChunkTypes) {
				return &relation{cols: s.cols, tables: s.tables}
			}
		}
		return t.unknown(o, sc)
	case "LOGICAL_EXPRESSION_GET":
		return t.values(o, sc)
	case "LOGICAL_CTE_REF":
		if def, ok := t.ctes[o.CTEIndex]; ok {
			t.rows.merge(def.rows)
			return def
		}
		return t.unknown(o, sc)
	case "LOGICAL_MATERIALIZED_CTE":
		if len(o.Children) == 2 {
			t.ctes[o.TableIndex] = t.relation(&o.Children[0], sc)
			return t.relation(&o.Children[1], sc)
		}
	case "LOGICAL_RECURSIVE_CTE":
		if len(o.Children) == 2 {
			return t.recursive(o, sc)
		}
	case "LOGICAL_UNION", "LOGICAL_EXCEPT", "LOGICAL_INTERSECT":
		if len(o.Children) >= 2 {
			return t.setOperation(o, sc)
		}
	case "LOGICAL_COMPARISON_JOIN", "LOGICAL_DELIM_JOIN", "LOGICAL_ASOF_JOIN", "LOGICAL_ANY_JOIN",
		"LOGICAL_CROSS_PRODUCT", "LOGICAL_POSITIONAL_JOIN":
		if len(o.Children) == 2 {
			return t.join(o, sc)
		}
	case "LOGICAL_PROJECTION", "LOGICAL_FILTER", "LOGICAL_WINDOW", "LOGICAL_UNNEST", "LOGICAL_AGGREGATE_AND_GROUP_BY",
		"LOGICAL_ORDER_BY", "LOGICAL_TOP_N", "LOGICAL_LIMIT", "LOGICAL_DISTINCT", "LOGICAL_SAMPLE", "LOGICAL_PIVOT":
		var exprs []expression
		if len(o.Children) == 1 && (o.Expressions == nil || json.Unmarshal(o.Expressions, &exprs) == nil) {
			return t.unary(o, exprs, t.relation(&o.Children[0], sc))
		}
	}
	return t.unknown(o, sc)
}

func constants(n int) *relation {
	return &relation{cols: make([]set, n)}
}

// unknown is an operator that is not understood: it may turn anything below
// into anything, and may drop rows by anything.
func (t *tracer) unknown(o *operator, sc *scope) *relation {
	t.conservative = true
	rel := &relation{tables: map[string]bool{}}
	for i := range o.Children {
		addTables(rel.tables, t.relation(&o.Children[i], sc))
	}
	t.affect(Filter, t.all(rel))
	return rel
}

func addTables(into map[string]bool, rels ...*relation) {
	for _, rel := range rels {
		for name := range rel.tables {
			into[name] = true
		}
	}
}

// unary handles operators with one child whose columns they keep, extend or replace.
func (t *tracer) unary(o *operator, exprs []expression, child *relation) *relation {
	switch o.Type {
	case "LOGICAL_PROJECTION":
		rel := &relation{cols: make([]set, 0, len(exprs)), tables: child.tables}
		for i := range exprs {
			rel.cols = append(rel.cols, t.expression(&exprs[i], child))
		}
		return rel
	case "LOGICAL_AGGREGATE_AND_GROUP_BY":
		return t.aggregate(o, exprs, child)
	case "LOGICAL_PIVOT":
		return t.pivot(o, child)
	case "LOGICAL_FILTER":
		for i := range exprs {
			t.affect(Filter, t.expression(&exprs[i], child))
		}
		return t.project(child, o.ProjectionMap)
	case "LOGICAL_ORDER_BY", "LOGICAL_TOP_N":
		for _, by := range o.Orders {
			t.affect(Sort, t.expression(by.Expression, child))
		}
		return t.project(child, o.ProjectionMap)
	case "LOGICAL_LIMIT":
		for _, val := range []*order{o.LimitVal, o.OffsetVal} {
			if val != nil {
				t.affect(Filter, t.expression(val.Expression, child))
			}
		}
	case "LOGICAL_DISTINCT":
		for i := range o.DistinctTargets {
			t.affect(GroupBy, t.expression(&o.DistinctTargets[i], child))
		}
		if o.OrderBy != nil {
			for _, by := range o.OrderBy.Orders {
				t.affect(Sort, t.expression(by.Expression, child))
			}
		}
	case "LOGICAL_WINDOW", "LOGICAL_UNNEST":
		if child.cols == nil {
			return child
		}
		rel := &relation{cols: child.cols[:len(child.cols):len(child.cols)], tables: child.tables}
		unpivoted := t.unpivoted(&o.Children[0], child)
		correlated := given(&o.Children[0])
		for i := range exprs {
			if by := exprs[i].Partitions; o.Type == "LOGICAL_WINDOW" && len(by) >= correlated {
				exprs[i].Partitions = by[:len(by)-correlated]
			}
			deps := t.expression(&exprs[i], child)
			if o.Type == "LOGICAL_UNNEST" {
				t.affect(Join, deps) // one row becomes as many as the list is long
				if len(deps) == 0 {
					deps.mergeAs(unpivoted, Indirect, Conditional)
				}
			}
			rel.cols = append(rel.cols, deps)
		}
		return rel
	}
	return child
}

// given is the number of columns that a correlated subquery is given, seen from an
// operator in it. The planner partitions its windows by them, behind what the user
// partitions by.
func given(o *operator) int {
	if o.Type == "LOGICAL_DELIM_GET" {
		return len(o.ChunkTypes)
	}
	for i := range o.Children {
		if inner := o.Type == "LOGICAL_DELIM_JOIN" && (i == 1) != o.Flipped; inner {
			continue // it is given those of its own
		}
		if n := given(&o.Children[i]); n > 0 {
			return n
		}
	}
	return 0
}

// pivot gives the groups, then for each value of the column that is pivoted on the
// aggregates: the child has these as lists, and that column last.
func (t *tracer) pivot(o *operator, child *relation) *relation {
	rel := &relation{tables: child.tables}
	groups, aggregates := o.Pivot.Groups, uint64(len(o.Pivot.Aggregates))
	if aggregates == 0 || groups+aggregates+1 != uint64(len(child.cols)) {
		t.conservative = true
		return rel
	}
	for i := range groups {
		rel.cols = append(rel.cols, child.cols[i])
	}
	for i := range o.Pivot.Values {
		rel.cols = append(rel.cols, child.cols[groups+uint64(i)%aggregates])
	}
	t.affect(GroupBy, child.cols[groups+aggregates])
	return rel
}

// unpivoted are the columns that an UNPIVOT makes rows of. Their names, which the
// plan has as a list of constants beside them, are values of its result.
func (t *tracer) unpivoted(below *operator, rel *relation) set {
	out := set{}
	var exprs []expression
	if below.Type != "LOGICAL_PROJECTION" || json.Unmarshal(below.Expressions, &exprs) != nil {
		return out
	}
	for i := range exprs {
		if exprs[i].Name == "unpivot_list" {
			out.merge(t.ref(rel, uint64(i)))
		}
	}
	return out
}

// project keeps the columns of a projection map; no map keeps all.
func (t *tracer) project(rel *relation, keep []uint64) *relation {
	if len(keep) == 0 || rel.cols == nil {
		return rel
	}
	out := &relation{cols: make([]set, len(keep)), tables: rel.tables}
	for i, at := range keep {
		out.cols[i] = t.ref(rel, at)
	}
	return out
}

// aggregate gives the groups, then the aggregates, then the GROUPING functions.
func (t *tracer) aggregate(o *operator, exprs []expression, child *relation) *relation {
	rel := &relation{cols: []set{}, tables: child.tables}
	for i := range o.Groups {
		deps := t.expression(&o.Groups[i], child)
		t.affect(GroupBy, deps)
		rel.cols = append(rel.cols, deps)
	}
	for i := range exprs {
		e := &exprs[i]
		if o.GroupingsIndex == noIndex && e.Name == "first" && len(e.Children) == 1 {
			// The planner put it around a scalar subquery, to have one row: no user aggregated.
			e = &e.Children[0]
		}
		rel.cols = append(rel.cols, t.expression(e, child))
	}
	for _, groups := range o.GroupingFunctions {
		deps := set{}
		for _, g := range groups {
			deps.mergeAs(t.ref(rel, g), Indirect, GroupBy)
		}
		rel.cols = append(rel.cols, deps)
	}
	return rel
}

// get is a scan of a table, or a table function.
func (t *tracer) get(o *operator, sc *scope) *relation {
	if len(o.Children) > 0 {
		return t.tableFunction(o, sc)
	}
	var data struct{ Catalog, Schema, Table string }
	if o.FunctionData != nil && json.Unmarshal(o.FunctionData, &data) != nil {
		data.Table = ""
	}
	if data.Table == "" {
		switch o.Name {
		case "range", "generate_series", "unnest", "repeat", "repeat_row":
			return t.project(constants(max(len(o.ColumnIndexes), 1)), *o.ProjectionIDs)
		}
		// Something outside of what was attached.
		t.conservative = true
		data.Table = o.Name + "()"
	}
	name := t.name(data.Catalog, data.Schema, data.Table)
	t.scanned[name] = o.Names
	t.rows.add(key{name, "", Indirect, Filter}, attr{subtype: Filter})
	rel := &relation{tables: map[string]bool{name: true}}
	if len(o.ColumnIndexes) == 0 {
		return rel // captured by a lambda alone: which column is not said
	}
	rel.cols = make([]set, len(o.ColumnIndexes))
	for i, ci := range o.ColumnIndexes {
		rel.cols[i] = set{}
		if ci.Index < uint64(len(o.Names)) { // others are virtual: the row's number
			rel.cols[i].add(key{name, o.Names[ci.Index], Direct, ""}, attr{subtype: Identity})
		}
	}
	return t.project(rel, *o.ProjectionIDs)
}

// name is the name under which a table was attached.
func (t *tracer) name(catalog, schema, tableName string) string {
	full := tableName
	switch {
	case catalog == "temp":
		full = "temp." + tableName
	case catalog != "" && catalog != "memory":
		full = catalog + "." + schema + "." + tableName
	case schema != "" && schema != "main":
		full = schema + "." + tableName
	}
	if name, ok := t.byName[strings.ToLower(full)]; ok {
		return name
	}
	return full
}

// tableFunction is a table function over columns of another relation, as in
// FROM t, unnest(t.items): its arguments come first in the child's columns, and
// those that are handed through are named by ProjectedInput.
func (t *tracer) tableFunction(o *operator, sc *scope) *relation {
	if len(o.Children) != 1 {
		return t.unknown(o, sc)
	}
	child := t.relation(&o.Children[0], sc)
	through := map[uint64]bool{}
	for _, at := range o.ProjectedInput {
		through[at] = true
	}
	args := set{}
	for i, deps := range child.cols {
		if !through[uint64(i)] {
			args.mergeAs(deps, Direct, Transformation)
		}
	}
	if child.cols == nil {
		args = t.all(child)
	}
	t.affect(Join, args)
	rel := &relation{cols: make([]set, max(len(o.ColumnIndexes), 1)), tables: child.tables}
	for i := range rel.cols {
		rel.cols[i] = args
	}
	rel = t.project(rel, *o.ProjectionIDs)
	for _, at := range o.ProjectedInput {
		rel.cols = append(rel.cols, t.ref(child, at))
	}
	return rel
}

// values is a VALUES list: rows of expressions over the child.
func (t *tracer) values(o *operator, sc *scope) *relation {
	var rows [][]expression
	if len(o.Children) != 1 || json.Unmarshal(o.Expressions, &rows) != nil {
		return t.unknown(o, sc)
	}
	child := t.relation(&o.Children[0], sc)
	rel := &relation{cols: make([]set, len(o.ExprTypes)), tables: child.tables}
	for i := range rel.cols {
		rel.cols[i] = set{}
		for _, row := range rows {
			if i < len(row) {
				rel.cols[i].merge(t.expression(&row[i], child))
			}
		}
	}
	return rel
}
