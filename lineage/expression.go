package lineage

// masking functions hide the value they are given, but not whether two are equal, or
// how long they are.
var masking = map[string]bool{
	"md5": true, "md5_number": true, "md5_number_lower": true, "md5_number_upper": true,
	"sha1": true, "sha256": true, "hash": true,
	"count": true, "count_star": true, "approx_count_distinct": true,
	"length": true, "len": true, "char_length": true, "character_length": true, "strlen": true,
	"length_grapheme": true, "octet_length": true, "bit_length": true,
}

// picking aggregates give the first argument of the row in which the second is the
// least or the greatest.
var picking = map[string]bool{
	"arg_max": true, "argmax": true, "max_by": true, "arg_max_null": true, "arg_max_nulls_last": true,
	"arg_min": true, "argmin": true, "min_by": true, "arg_min_null": true, "arg_min_nulls_last": true,
}

// expression gives what a value is made from. Nil has no sources.
func (t *tracer) expression(e *expression, rel *relation) set {
	if e == nil {
		return set{}
	}
	if t.steps++; t.steps > maxSteps {
		return set{}
	}
	out := set{}
	switch e.Class {
	case "BOUND_REF":
		return t.ref(rel, e.Index)
	case "BOUND_COLUMN_REF":
		// An argument of a lateral table function keeps the binding it had.
		from, ok := t.bindings[e.Binding.Table]
		if !ok {
			t.conservative = true
			return t.all(rel)
		}
		return t.ref(from, e.Binding.Column)
	case "BOUND_CONSTANT", "BOUND_PARAMETER", "BOUND_DEFAULT", "BOUND_LAMBDA_REF":
		return out
	case "BOUND_CASE":
		for _, check := range e.CaseChecks {
			out.mergeAs(t.expression(check.When, rel), Indirect, Conditional)
			out.mergeAs(t.expression(check.Then, rel), Direct, Transformation)
		}
		out.mergeAs(t.expression(e.Else, rel), Direct, Transformation)
		return out
	case "BOUND_AGGREGATE":
		if e.Filter.pivots() {
			t.affect(GroupBy, t.expression(e.Filter, rel)) // a group for each column, not a condition of one
		} else {
			t.steer(out, Conditional, rel, e.Filter)
		}
		if e.OrderBy != nil {
			t.sort(out, Sort, rel, e.OrderBy.Orders)
		}
		t.arguments(out, Aggregation, rel, e)
	case "BOUND_WINDOW":
		subtype := Transformation
		if e.Type == "WINDOW_AGGREGATE" {
			subtype = Aggregation
		}
		for i := range e.Partitions {
			t.steer(out, Window, rel, &e.Partitions[i])
		}
		t.sort(out, Window, rel, e.Orders)
		t.sort(out, Window, rel, e.ArgOrders)
		t.steer(out, Window, rel, e.Start, e.End, e.Offset)
		t.steer(out, Conditional, rel, e.Filters)
		t.arguments(out, subtype, rel, e)
		out.mergeAs(t.expression(e.Default, rel), Direct, Transformation)
	case "BOUND_FUNCTION", "BOUND_CAST", "BOUND_COMPARISON", "BOUND_CONJUNCTION", "BOUND_OPERATOR",
		"BOUND_BETWEEN", "BOUND_UNNEST":
		t.flow(out, Transformation, rel, e.Children)
		for _, part := range []*expression{e.Child, e.Left, e.Right, e.Input, e.Lower, e.Upper} {
			out.mergeAs(t.expression(part, rel), Direct, Transformation)
		}
	default:
		t.conservative = true
		return t.all(rel)
	}
	if masking[e.Name] {
		out = out.mask()
	}
	if (e.Class == "BOUND_AGGREGATE" || e.Class == "BOUND_WINDOW") && len(e.Children) == 0 {
		out.merge(rel.rows) // count(*), and what numbers the rows
	}
	return out
}

// pivots reports whether a FILTER is what PIVOT writes for one of its columns:
// on IS NOT DISTINCT FROM value, for each column that it is ON.
func (e *expression) pivots() bool {
	switch {
	case e == nil:
		return false
	case e.Class == "BOUND_CONJUNCTION" && e.Type == "CONJUNCTION_AND":
		for i := range e.Children {
			if !e.Children[i].pivots() {
				return false
			}
		}
		return len(e.Children) > 0
	}
	return e.Type == "COMPARE_NOT_DISTINCT_FROM" && e.Right != nil && e.Right.Class == "BOUND_CAST" && e.Right.Child != nil && e.Right.Child.Class == "BOUND_CONSTANT"
}

// arguments adds those of an aggregate: what goes into its value, and what picks it.
func (t *tracer) arguments(out set, subtype string, rel *relation, e *expression) {
	if picking[e.Name] && len(e.Children) > 1 {
		t.flow(out, subtype, rel, e.Children[:1])
		t.steer(out, Sort, rel, &e.Children[1])
		return // a third one is how many: a constant
	}
	t.flow(out, subtype, rel, e.Children)
}

// flow adds what goes into the value.
func (t *tracer) flow(out set, subtype string, rel *relation, parts []expression) {
	for i := range parts {
		out.mergeAs(t.expression(&parts[i], rel), Direct, subtype)
	}
}

// steer adds what decides about the value without going into it.
func (t *tracer) steer(out set, subtype string, rel *relation, parts ...*expression) {
	for _, part := range parts {
		out.mergeAs(t.expression(part, rel), Indirect, subtype)
	}
}

func (t *tracer) sort(out set, subtype string, rel *relation, by []order) {
	for _, o := range by {
		t.steer(out, subtype, rel, o.Expression)
	}
}
