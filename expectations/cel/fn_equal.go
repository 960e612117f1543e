package cel

import (
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// Names of equality in the tree. cel-go's planner has == and != built in and
// passes our overloads over, so the tree holds functions of our own.
const (
	equalFunction    = "@eq"
	notEqualFunction = "@ne"
	memberFunction   = "@member"
	isNullFunction   = "@isnull"
)

// Equality. Null equals null and nothing else; NaN equals nothing.
var equalityFunctions = []function{
	{name: equalFunction, style: operator, forms: equality("equals", true)},
	{name: notEqualFunction, style: operator, forms: equality("not_equals", false)},
	{name: memberFunction, style: operator, forms: membership()},
	{name: isNullFunction, style: operator, forms: []form{{
		id: "is_null", in: []*types.Type{types.NewTypeParamType("A")}, out: types.BoolType, total: true, nulls: true,
		eval:   func(a []ref.Val) ref.Val { return types.Bool(isNone(a[0])) },
		duckdb: isNullSQL, spark: isNullSQL,
	}}},
}

func isNullSQL(w *writer, a []term) (string, error) { return w.isNull(a[0]), nil }

// kindOf is a type and its name in ids of forms.
type kindOf struct {
	name string
	typ  *types.Type
}

// scalars are the types that are equal only to their own.
var scalars = []kindOf{
	{"bool", types.BoolType}, {"string", types.StringType}, {"bytes", types.BytesType}, {"date", dateType},
	{"timestamp", types.TimestampType}, {"duration", types.DurationType},
}

func equality(name string, want bool) []form {
	build := func(id string, in []*types.Type) form {
		emit := func(w *writer, a []term) (string, error) {
			sql, err := w.equal(a[0], a[1])
			if err == nil && !want {
				sql = "(NOT " + sql + ")"
			}
			return sql, err
		}
		return form{id: id, in: in, out: types.BoolType, total: true, nulls: true,
			eval:   func(a []ref.Val) ref.Val { return types.Bool(equal(a[0], a[1]) == want) },
			duckdb: emit, spark: emit}
	}
	forms := numeric(name, build)
	for _, s := range scalars {
		forms = append(forms, build(name+"_"+s.name, []*types.Type{s.typ, s.typ}))
	}
	return append(forms, build(name+"_list", []*types.Type{listOfA, listOfA}))
}

// equal compares two values that the checker let meet.
func equal(a, b ref.Val) bool {
	if a == types.NullValue || b == types.NullValue {
		return a == b
	}
	_, decimalA := a.(decimal)
	_, decimalB := b.(decimal)
	_, doubleA := a.(types.Double)
	_, doubleB := b.(types.Double)
	switch {
	case decimalA || decimalB:
		return toDecimal(a).cmp(toDecimal(b)) == 0
	case doubleA || doubleB:
		return toDouble(a) == toDouble(b)
	}
	if _, ok := a.(traits.Lister); ok {
		return slices.EqualFunc(elements(a), elements(b), equal)
	}
	return a.Equal(b) == types.True
}

func membership() []form {
	build := func(id string, in []*types.Type) form {
		in = []*types.Type{in[0], types.NewListType(in[1])}
		return form{id: id, in: in, out: types.BoolType, total: true, nulls: true,
			eval: func(a []ref.Val) ref.Val {
				if a[1] == types.NullValue {
					return types.NewErr("null has no elements")
				}
				return types.Bool(contains(elements(a[1]), a[:1]))
			},
			duckdb: memberSQL, spark: memberSQL}
	}
	forms := numeric("in", build)
	for _, s := range scalars {
		forms = append(forms, build("in_"+s.name, []*types.Type{s.typ, s.typ}))
	}
	key := build("in_map", []*types.Type{typeA, typeA})
	key.in[1] = types.NewMapType(typeA, typeB)
	return append(forms, key)
}

// A SQL NULL means either that a value is null (columns) or that an expression
// erred (all else): equality is where the two must be kept apart. A conditional
// whose branches are columns may be both, so equality goes into its branches.

func (w *writer) isNull(t term) string {
	switch {
	case t.branches != nil:
		return w.conditional(t.branches[0], w.isNull(t.branches[1]), w.isNull(t.branches[2]))
	case t.null:
		return "(" + t.sql + " IS NULL)"
	case t.fails:
		return "CASE WHEN " + t.sql + " IS NOT NULL THEN FALSE END"
	}
	return "FALSE"
}

func (w *writer) equal(a, b term) (string, error) {
	for i, t := range [2]term{a, b} {
		if t.branches == nil {
			continue
		}
		both := [2]string{}
		for j := range both {
			x, y := t.branches[1+j], b
			if i == 1 {
				x, y = a, t.branches[1+j]
			}
			var err error
			if both[j], err = w.equal(x, y); err != nil {
				return "", err
			}
		}
		return w.conditional(t.branches[0], both[0], both[1]), nil
	}
	x, y, nan, err := w.meeting(a, b)
	if err != nil {
		return "", err
	}
	plain := x + " = " + y
	switch {
	case a.null && b.null:
		plain = x + " IS NOT DISTINCT FROM " + y
	case a.null && b.fails:
		return fmt.Sprintf("CASE WHEN %s IS NOT NULL THEN (%s IS NOT DISTINCT FROM %s%s) END", y, x, y, guard(nan, x)), nil
	case b.null && a.fails:
		return fmt.Sprintf("CASE WHEN %s IS NOT NULL THEN (%s IS NOT DISTINCT FROM %s%s) END", x, x, y, guard(nan, y)), nil
	case a.null || b.null:
		plain = x + " IS NOT DISTINCT FROM " + y
	case nan:
		return fmt.Sprintf("(%s AND NOT (isnan(%s) AND %s IS NOT NULL))", plain, x, y), nil
	}
	return "(" + plain + guard(nan, x) + ")", nil
}

// guard makes NaN = NaN false, one NaN being enough, also where x may be null.
func guard(nan bool, x string) string {
	if !nan {
		return ""
	}
	return " AND NOT coalesce(isnan(" + x + "), FALSE)"
}

// meeting writes two operands in the type in which they are compared; nan says
// that both may be NaN.
func (w *writer) meeting(a, b term) (x, y string, nan bool, err error) {
	switch {
	case isDecimal(a.typ) || isDecimal(b.typ):
		s := meet(a.shape, b.shape)
		if s.precision > maxDigits {
			return "", "", false, w.unsupported("a comparison of decimals that needs %d digits", s.precision)
		}
		return w.dec(a, s), w.dec(b, s), false, nil
	case a.typ.Kind() == types.DoubleKind || b.typ.Kind() == types.DoubleKind:
		nan = a.lit == nil && b.lit == nil && a.typ.Kind() == b.typ.Kind()
		return w.double(a), w.double(b), nan, nil
	}
	if a.typ.Kind() == types.ListKind && (!plainElement(a.typ.Parameters()[0]) || !plainElement(b.typ.Parameters()[0])) {
		return "", "", false, w.unsupported("a comparison of %s", typeName(a.typ))
	}
	return a.sql, b.sql, false, nil
}

func memberSQL(w *writer, a []term) (string, error) { return w.member(a[0], a[1]) }

// member writes x in [a, b]. Literals are looked up as a set; other elements
// are compared one by one.
func (w *writer) member(x, list term) (string, error) {
	if list.list == nil {
		return w.within(x, list)
	}
	if x.branches != nil {
		yes, err := w.member(x.branches[1], list)
		if err != nil {
			return "", err
		}
		no, err := w.member(x.branches[2], list)
		return w.conditional(x.branches[0], yes, no), err
	}
	var set, each []string
	s := x.shape
	for _, e := range list.list {
		s = meet(s, e.shape)
	}
	for _, e := range list.list {
		switch {
		case e.fails:
			return "", w.unsupported("in on a list whose elements can err")
		case e.lit == nil || isDecimal(commonType(x.typ, e.typ)) && s.precision > maxDigits:
			sql, err := w.equal(x, e)
			if err != nil {
				return "", err
			}
			each = append(each, sql)
		case isDecimal(commonType(x.typ, e.typ)):
			set = append(set, w.dec(e, s))
		default:
			_, y, _, err := w.meeting(x, e)
			if err != nil {
				return "", err
			}
			set = append(set, y)
		}
	}
	if len(set) > 0 {
		left, _, _, err := w.meeting(x, list.list[0])
		if err != nil {
			return "", err
		}
		if isDecimal(commonType(x.typ, list.list[0].typ)) {
			left = w.dec(x, s)
		}
		sql := w.inSet(left, set)
		if x.null {
			sql = "coalesce" + sql[:len(sql)-1] + ", FALSE)"
		}
		each = append(each, sql)
	}
	if len(each) == 1 {
		return each[0], nil
	}
	return "(" + strings.Join(each, " OR ") + ")", nil
}

// largeSet is how many constants DuckDB compares one by one no slower than it looks
// them up: measured within an aggregate's FILTER, 1000 take 30 times as long.
const largeSet = 32

// inSet writes x IN constants, as a join with them if they are many.
func (w *writer) inSet(x string, set []string) string {
	items := strings.Join(set, ", ")
	if len(set) > largeSet && !w.isSpark() && !w.inLambda {
		items = "SELECT unnest([" + items + "])"
	}
	return "(" + x + " IN (" + items + "))"
}

// within writes x in a list that is not written out, or in the keys of a map.
func (w *writer) within(x, list term) (string, error) {
	if list.typ.Kind() == types.MapKind {
		list.sql, list.typ = w.keys(list.sql), types.NewListType(list.typ.Parameters()[0])
	}
	element := term{sql: "dq_x", typ: list.typ.Parameters()[0], shape: list.shape, null: true, exact: isDecimal(list.typ.Parameters()[0])}
	if x.branches != nil {
		yes, err := w.within(x.branches[1], list)
		if err != nil {
			return "", err
		}
		no, err := w.within(x.branches[2], list)
		return w.conditional(x.branches[0], yes, no), err
	}
	same, err := w.equal(x, element)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("CASE WHEN %s IS NOT NULL AND %s THEN %s > 0 END", list.sql, w.valid(x), w.length(w.keep(list.sql, "dq_x", same))), nil
}
