package lineage

// Operators that put two relations together: recursive CTEs, set operations and joins.

// recursive goes through a recursive CTE until nothing is added.
func (t *tracer) recursive(o *operator, sc *scope) *relation {
	base := t.relation(&o.Children[0], sc)
	all := &relation{rows: base.rows, tables: map[string]bool{}}
	addTables(all.tables, base)
	if base.cols != nil {
		all.cols = make([]set, len(base.cols))
		for i, deps := range base.cols {
			all.cols[i] = set{}
			all.cols[i].merge(deps)
		}
	}
	for i := range o.KeyTargets {
		t.affect(GroupBy, t.expression(&o.KeyTargets[i], base))
	}
	for changed := true; changed && t.steps <= maxSteps; {
		t.ctes[o.TableIndex] = all
		step := t.relation(&o.Children[1], sc)
		next := &relation{rows: set{}, tables: map[string]bool{}}
		next.rows.merge(all.rows)
		next.rows.merge(step.rows)
		addTables(next.tables, all, step)
		if all.cols != nil {
			next.cols = make([]set, len(all.cols))
		}
		changed = len(next.tables) != len(all.tables) || !equal(next.rows, all.rows)
		for i := range next.cols {
			next.cols[i] = set{}
			next.cols[i].merge(all.cols[i])
			next.cols[i].merge(t.ref(step, uint64(i)))
			changed = changed || !equal(next.cols[i], all.cols[i])
		}
		all = next
	}
	if !o.UnionAll && len(o.KeyTargets) == 0 {
		t.affect(GroupBy, all.cols...) // equal rows are one
	}
	return all
}

func equal(a, b set) bool {
	if len(a) != len(b) {
		return false
	}
	for k, v := range a {
		if w, ok := b[k]; !ok || v != w {
			return false
		}
	}
	return true
}

// setOperation is UNION, EXCEPT or INTERSECT, column by column. What EXCEPT and
// INTERSECT compare with decides the rows of the left, so it is a filter, and
// what the column is joined by that it was compared with.
func (t *tracer) setOperation(o *operator, sc *scope) *relation {
	first := t.relation(&o.Children[0], sc)
	rel := &relation{tables: map[string]bool{}}
	addTables(rel.tables, first)
	if first.cols != nil {
		rel.cols = make([]set, len(first.cols))
		for i, deps := range first.cols {
			rel.cols[i] = set{}
			rel.cols[i].merge(deps)
		}
	}
	for c := 1; c < len(o.Children); c++ {
		other := t.relation(&o.Children[c], sc)
		addTables(rel.tables, other)
		for i := range rel.cols {
			deps := t.ref(other, uint64(i))
			if o.Type == "LOGICAL_UNION" {
				rel.cols[i].merge(deps)
				continue
			}
			rel.cols[i].mergeAs(deps, Indirect, Join)
			t.affect(Filter, deps, first.cols[i])
		}
	}
	return rel
}

// join gives the columns of the left child, then those of the right.
func (t *tracer) join(o *operator, sc *scope) *relation {
	left, right := t.joinSides(o, sc)
	both := &relation{tables: map[string]bool{}}
	addTables(both.tables, left, right)
	if left.cols != nil && right.cols != nil {
		both.cols = append(append([]set{}, left.cols...), right.cols...)
	}
	on := set{}
	for i, c := range o.Conditions {
		typ, subtype := Direct, Transformation
		if o.Type == "LOGICAL_DELIM_JOIN" && i < len(o.Eliminated) && c.Comparison == "COMPARE_NOT_DISTINCT_FROM" {
			typ, subtype = Indirect, Filter // of the correlated columns: which of the inner rows belong to an outer one
		}
		on.mergeAs(t.expression(c.Left, left), typ, subtype)
		on.mergeAs(t.expression(c.Right, right), typ, subtype)
	}
	on.mergeAs(t.expression(o.Condition, both), Direct, Transformation)
	if o.JoinType == "MARK" {
		// No row comes or goes: the mark is a column that says whether there is a match.
		on.merge(right.rows)
		if left.cols == nil {
			return both
		}
		out := t.project(left, o.LeftMap)
		return &relation{cols: append(out.cols[:len(out.cols):len(out.cols)], on), tables: both.tables}
	}
	t.affect(Join, on)
	switch o.JoinType {
	case "SEMI", "ANTI":
		out := t.project(left, o.LeftMap)
		return &relation{cols: out.cols, tables: both.tables}
	case "RIGHT_SEMI", "RIGHT_ANTI":
		out := t.project(right, o.RightMap)
		return &relation{cols: out.cols, tables: both.tables}
	}
	if both.cols == nil {
		return both
	}
	switch o.JoinType {
	case "SINGLE", "LEFT":
		right = matched(right, on)
	case "RIGHT":
		left = matched(left, on)
	case "OUTER":
		left, right = matched(left, on), matched(right, on)
	}
	l, r := t.project(left, o.LeftMap), t.project(right, o.RightMap)
	return &relation{cols: append(append([]set{}, l.cols...), r.cols...), tables: both.tables}
}

// matched is the side of a join that is null where there is no match. A column of it
// that is made from nothing, a constant, still says whether there is one.
func matched(rel *relation, on set) *relation {
	out := &relation{cols: make([]set, len(rel.cols)), rows: rel.rows, tables: rel.tables}
	for i, deps := range rel.cols {
		if len(deps) == 0 {
			deps = set{}
			deps.mergeAs(on, Indirect, Filter)
			deps.merge(rel.rows)
		}
		out.cols[i] = deps
	}
	return out
}

// joinSides goes through both children. In a correlated join one side (the left,
// unless flipped) hands the distinct values of some columns to the other.
func (t *tracer) joinSides(o *operator, sc *scope) (left, right *relation) {
	if o.Type != "LOGICAL_DELIM_JOIN" {
		return t.relation(&o.Children[0], sc), t.relation(&o.Children[1], sc)
	}
	outer, inner := &o.Children[0], &o.Children[1]
	if o.Flipped {
		outer, inner = inner, outer
	}
	from := t.relation(outer, sc)
	given := make([]set, len(o.Eliminated))
	for i := range o.Eliminated {
		given[i] = t.expression(&o.Eliminated[i], from)
	}
	to := t.relation(inner, &scope{cols: given, tables: from.tables, up: sc})
	if o.Flipped {
		return to, from
	}
	return from, to
}
