package cel

import (
	"fmt"
	"math"
	"slices"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

const (
	indexFunction = "@index"
	// overFunction begins the names in the tree of calls over elements.
	overFunction = "@over_"
)

var (
	typeA   = types.NewTypeParamType("A")
	typeB   = types.NewTypeParamType("B")
	listOfA = types.NewListType(typeA)
	mapOfAB = types.NewMapType(typeA, typeB)
)

// Lists and maps. Positions begin at 0; a position or a key that is not there is
// an error.
var listFunctions = []function{
	{name: indexFunction, style: operator, forms: []form{
		{id: "index_list", in: []*types.Type{listOfA, types.IntType}, out: typeA, shape: firstShape,
			eval: func(a []ref.Val) ref.Val {
				list, i := a[0].(traits.Lister), a[1].(types.Int)
				if i < 0 || i >= list.Size().(types.Int) {
					return types.NewErr("there is no element %d", i)
				}
				return list.Get(i)
			},
			duckdb: indexed, spark: indexed},
		{id: "index_map", in: []*types.Type{mapOfAB, typeA}, out: typeB, shape: firstShape,
			eval: func(a []ref.Val) ref.Val {
				if v, ok := a[0].(traits.Mapper).Find(a[1]); ok {
					return v
				}
				return types.NewErr("there is no key %v", a[1].Value())
			},
			duckdb: indexed, spark: indexed},
	}},
	{name: "size", style: either, forms: []form{{
		id: "size_map", in: []*types.Type{mapOfAB}, out: types.IntType, total: true,
		eval:   func(a []ref.Val) ref.Val { return a[0].(traits.Sizer).Size() },
		duckdb: func(w *writer, a []term) (string, error) { return "CAST(cardinality(" + a[0].sql + ") AS BIGINT)", nil },
		spark:  func(w *writer, a []term) (string, error) { return w.length(a[0].sql), nil }}}},
	{name: "slice", style: member,
		doc:      "The elements of a list from one position up to another, which is not in it; an error if one is outside.",
		examples: []string{"[1, 2, 3, 4].slice(1, 3) == [2, 3]", "[1].slice(1, 1) == [2].slice(0, 0)", "['a', 'b'].slice(0, 1)[0] == 'a'"},
		forms: []form{{
			id: "slice_list", in: []*types.Type{listOfA, types.IntType, types.IntType}, out: listOfA, shape: firstShape,
			eval: func(a []ref.Val) ref.Val {
				values, from, to := elements(a[0]), a[1].(types.Int), a[2].(types.Int)
				if from < 0 || from > to || int(to) > len(values) {
					return types.NewErr("there are no elements %d to %d", from, to)
				}
				return listValue(values[from:to])
			},
			duckdb: func(w *writer, a []term) (string, error) {
				list, from, to := a[0].sql, a[1].sql, a[2].sql
				return fmt.Sprintf("CASE WHEN %s >= 0 AND %s <= %s AND %s <= len(%s) THEN list_slice(%s, %s + 1, %s) END",
					from, from, to, to, list, list, w.position(from), w.position(to)), nil
			},
			spark: func(w *writer, a []term) (string, error) {
				list, from, to := a[0].sql, a[1].sql, a[2].sql
				return fmt.Sprintf("CASE WHEN %s >= 0 AND %s <= %s AND %s <= size(%s) THEN slice(%s, %s + 1, %s - %s) END",
					from, from, to, to, list, list, w.position(from), w.position(to), w.position(from)), nil
			}}}},
	{name: "flatten", style: member,
		doc:      "The elements of the lists in a list; an error if one of them is null.",
		examples: []string{"[[1, 2], [3]].flatten() == [1, 2, 3]", "[['a']].flatten().size() == 1", "['a b', 'c'].map(x, x.split(' ')).flatten().size() == 3"},
		forms: []form{{
			id: "flatten_list", in: []*types.Type{types.NewListType(listOfA)}, out: listOfA, shape: firstShape,
			eval: func(a []ref.Val) ref.Val {
				var all []ref.Val
				for _, v := range elements(a[0]) {
					if v == types.NullValue {
						return types.NewErr("a null cannot be flattened")
					}
					all = append(all, elements(v)...)
				}
				return listValue(all)
			},
			duckdb: func(w *writer, a []term) (string, error) {
				return fmt.Sprintf("CASE WHEN NOT %s THEN coalesce(flatten(%s), []) END", w.anyNull(a[0].sql), a[0].sql), nil
			},
			spark: call("flatten")}}},
	{name: "distinct", style: member,
		doc:      "The different elements of a list, in the order in which they first come. NaN is equal to none.",
		examples: []string{"[1, 2, 1].distinct() == [1, 2]", "['a', 'a'].distinct().size() == 1", "[2, 1, 2, 3].distinct()[2] == 3"},
		forms: []form{{
			id: "distinct_list", in: []*types.Type{listOfA}, out: listOfA, total: true, shape: firstShape,
			eval: func(a []ref.Val) ref.Val {
				var kept []ref.Val
				for _, v := range elements(a[0]) {
					if !slices.ContainsFunc(kept, func(o ref.Val) bool { return equal(v, o) }) {
						kept = append(kept, v)
					}
				}
				return listValue(kept)
			}}}},
	{name: "sort", style: member,
		doc:      "The elements of a list in ascending order; an error for null and NaN.",
		examples: []string{"[3, 1, 2].sort() == [1, 2, 3]", "['b', 'a'].sort()[0] == 'a'", "[2.5, -1.0].sort()[0] == -1.0"},
		forms:    sortForms()},
	{name: "reverse", style: member, forms: []form{{
		id: "reverse_list", in: []*types.Type{listOfA}, out: listOfA, total: true, shape: firstShape,
		eval: func(a []ref.Val) ref.Val {
			values := slices.Clone(elements(a[0]))
			slices.Reverse(values)
			return listValue(values)
		},
		duckdb: call("list_reverse"), spark: call("reverse")}}},
	{name: "lists.range", style: global,
		doc:      "The ints from 0 up to a number of at most 10000, which is not among them; an error for others.",
		examples: []string{"lists.range(3) == [0, 1, 2]", "lists.range(0).size() == 0", "lists.range(5).map(i, i * i)[4] == 16"},
		forms: []form{{
			id: "lists_range", in: []*types.Type{types.IntType}, out: types.NewListType(types.IntType),
			eval: func(a []ref.Val) ref.Val {
				n := a[0].(types.Int)
				if n < 0 || n > 10_000 {
					return types.NewErr("a range of %d", n)
				}
				values := make([]ref.Val, n)
				for i := range values {
					values[i] = types.Int(i)
				}
				return listValue(values)
			},
			duckdb: func(w *writer, a []term) (string, error) {
				return fmt.Sprintf("CASE WHEN %s BETWEEN 0 AND 10000 THEN range(%s) END", a[0].sql, a[0].sql), nil
			},
			spark: func(w *writer, a []term) (string, error) {
				return fmt.Sprintf("CASE WHEN %s = 0 THEN CAST(array() AS ARRAY<BIGINT>) WHEN %s BETWEEN 1 AND 10000 THEN sequence(0L, CAST(%s AS BIGINT) - 1L) END", a[0].sql, a[0].sql, a[0].sql), nil
			}}}},
	setRelation("sets.contains", "Whether every element of the second list is in the first.", contains,
		"sets.contains([1, 2, 3], [3, 1])", "!sets.contains([1], [1, 2])", "sets.contains(['a'], ['a', 'a'])"),
	setRelation("sets.equivalent", "Whether every element of each of two lists is in the other.",
		func(a, b []ref.Val) bool { return contains(a, b) && contains(b, a) },
		"sets.equivalent([1, 2], [2, 1, 1])", "!sets.equivalent([1], [1, 2])", "sets.equivalent(['a'], ['a'])"),
	setRelation("sets.intersects", "Whether two lists have an element in common.",
		func(a, b []ref.Val) bool {
			return slices.ContainsFunc(b, func(v ref.Val) bool { return contains(a, []ref.Val{v}) })
		},
		"sets.intersects([1, 2], [2, 3])", "!sets.intersects([1], [2])", "sets.intersects('a b'.split(' '), ['b'])"),
	overElementsForms("all", types.BoolType, func(values []ref.Val, f closure) ref.Val { return fold(values, f, types.True) }),
	overElementsForms("exists", types.BoolType, func(values []ref.Val, f closure) ref.Val { return fold(values, f, types.False) }),
	overElementsForms("exists_one", types.BoolType, func(values []ref.Val, f closure) ref.Val {
		kept := filter(values, f)
		if types.IsError(kept) {
			return kept
		}
		return types.Bool(kept.(traits.Sizer).Size() == types.Int(1))
	}),
	overElementsForms("filter", listOfA, filter),
	overElementsForms("map", types.NewListType(typeB), func(values []ref.Val, f closure) ref.Val {
		out := make([]ref.Val, len(values))
		for i, v := range values {
			if out[i] = f.of(v); types.IsError(out[i]) {
				return out[i]
			}
		}
		return listValue(out)
	}),
}

func elements(list ref.Val) []ref.Val {
	var values []ref.Val
	for it := list.(traits.Iterable).Iterator(); it.HasNext() == types.True; {
		values = append(values, it.Next())
	}
	if _, ok := list.(traits.Mapper); ok { // keys have no order of their own
		slices.SortFunc(values, compare)
	}
	return values
}

func listValue(values []ref.Val) ref.Val {
	return types.NewRefValList(types.DefaultTypeAdapter, values)
}

func contains(a, b []ref.Val) bool {
	for _, v := range b {
		if !slices.ContainsFunc(a, func(o ref.Val) bool { return equal(v, o) }) {
			return false
		}
	}
	return true
}

// fold is && or || over the elements: the first element that differs from start
// decides, whatever errs beside it.
func fold(values []ref.Val, f closure, start types.Bool) ref.Val {
	var result ref.Val = start
	for _, v := range values {
		switch x := f.of(v); {
		case x == !start:
			return x
		case x != start:
			if result == start {
				result = x
			}
			if x == types.NullValue {
				result = types.NewErr("a condition on an element is null")
			}
		}
	}
	return result
}

func filter(values []ref.Val, f closure) ref.Val {
	var kept []ref.Val
	for _, v := range values {
		switch x := f.of(v); {
		case x == types.True:
			kept = append(kept, v)
		case types.IsError(x):
			return x
		case x != types.False:
			return types.NewErr("a condition on an element is null")
		}
	}
	return listValue(kept)
}

// indexed is what [writer.index] writes as a conditional.
func indexed(*writer, []term) (string, error) { return "", nil }

// index writes an element, a conditional without which a missing element and one
// that is null would be one.
func (w *writer) index(id string, a []term, out term) (term, error) {
	list, key := a[0].sql, a[1].sql
	none := out
	none.sql, none.fails = w.null(out), true
	cond, value := term{fails: true}, out
	value.null = true
	switch spark := w.isSpark(); {
	case id == "index_list" && spark:
		cond.sql, value.sql = fmt.Sprintf("(%s >= 0 AND %s < size(%s))", key, key, list), fmt.Sprintf("get(%s, %s)", list, w.position(key))
	case id == "index_list":
		cond.sql, value.sql = fmt.Sprintf("(%s >= 0 AND %s < len(%s))", key, key, list), fmt.Sprintf("list_extract(%s, %s + 1)", list, w.position(key))
	case a[0].typ.Parameters()[0].Kind() == types.DoubleKind || isDecimal(a[0].typ.Parameters()[0]):
		return term{}, w.unsupported("a key that is no int or text")
	case spark:
		cond.sql, value.sql = fmt.Sprintf("map_contains_key(%s, %s)", list, key), fmt.Sprintf("try_element_at(%s, %s)", list, key)
	default:
		cond.sql, value.sql = fmt.Sprintf("map_contains(%s, %s)", list, key), fmt.Sprintf("map_extract_value(%s, %s)", list, key)
	}
	return w.choose(cond, value, none), nil
}

func sortForms() []form {
	var forms []form
	for _, t := range append(scalars[:len(scalars):len(scalars)], kindOf{"int", types.IntType}, kindOf{"double", types.DoubleType}, kindOf{"decimal", decimalType}) {
		f := form{id: "sort_list_" + t.name, in: []*types.Type{types.NewListType(t.typ)}, out: types.NewListType(t.typ), shape: firstShape,
			eval: func(a []ref.Val) ref.Val {
				values := slices.Clone(elements(a[0]))
				for _, v := range values {
					if x, ok := v.(types.Double); ok && math.IsNaN(float64(x)) || v == types.NullValue {
						return types.NewErr("NaN and null have no order")
					}
				}
				slices.SortFunc(values, compare)
				return listValue(values)
			}}
		sorted := func(name string) emitFunc {
			return func(w *writer, a []term) (string, error) {
				return fmt.Sprintf("CASE WHEN NOT %s THEN %s(%s) END", w.anyNull(a[0].sql), name, a[0].sql), nil
			}
		}
		switch t.typ { // -0.0 and 0.0 are equal, so that doubles have several orders
		case types.DoubleType:
		default:
			f.duckdb, f.spark = sorted("list_sort"), sorted("array_sort")
		}
		forms = append(forms, f)
	}
	return forms
}

// setRelation is a relation of two lists as sets. In SQL elements are compared
// as values that are no doubles, nulls being equal.
func setRelation(name, doc string, holds func(a, b []ref.Val) bool, examples ...string) function {
	emit := func(w *writer, a []term) (string, error) {
		if k := a[0].typ.Parameters()[0]; !plainElement(k) {
			return "", w.unsupported("%s of lists of %s", name, typeName(k))
		}
		found := func(x string) string { // how many elements of x are dq_x
			return w.length(w.keep(x, "dq_o", "dq_o IS NOT DISTINCT FROM dq_x"))
		}
		within := func(x, y string) string { // is every element of y in x
			return "(" + w.length(w.keep(y, "dq_x", found(x)+" = 0")) + ") = 0"
		}
		x, y := a[0].sql, a[1].sql
		var test string
		switch name {
		case "sets.contains":
			test = within(x, y)
		case "sets.equivalent":
			test = within(x, y) + " AND " + within(y, x)
		default:
			test = "(" + w.length(w.keep(y, "dq_x", found(x)+" > 0")) + ") > 0"
		}
		return "CASE WHEN (" + x + ") IS NOT NULL AND (" + y + ") IS NOT NULL THEN " + test + " END", nil
	}
	return function{name: name, style: global, doc: doc, examples: examples, forms: []form{{
		id: name + "_list", in: []*types.Type{listOfA, listOfA}, out: types.BoolType, total: true,
		eval:   func(a []ref.Val) ref.Val { return types.Bool(holds(elements(a[0]), elements(a[1]))) },
		duckdb: emit, spark: emit}}}
}

// plainElement reports whether two elements can be compared in SQL as they are.
func plainElement(t *types.Type) bool {
	switch t.Kind() {
	case types.StringKind, types.BoolKind, types.BytesKind, types.IntKind, types.TimestampKind, types.DurationKind:
		return true
	}
	return t.TypeName() == "date"
}

// overElementsForms is one call over elements, of lists and over the keys of maps.
func overElementsForms(name string, out *types.Type, of func(values []ref.Val, f closure) ref.Val) function {
	body := types.BoolType
	if name == "map" {
		body = typeB
	}
	emit := func(w *writer, a []term) (string, error) { return w.over(name, a[0].sql, a[1]) }
	keys := func(w *writer, a []term) (string, error) {
		if name == "filter" || name == "map" {
			return "", w.unsupported("%s over a map", name)
		}
		return w.over(name, w.keys(a[0].sql), a[1])
	}
	eval := func(a []ref.Val) ref.Val { return of(elements(a[0]), a[1].(closure)) }
	size := firstShape
	if name == "map" {
		size = func(a []shape, _ []ref.Val) (shape, error) { return a[1], nil }
	}
	list := form{id: "over_" + name + "_list", in: []*types.Type{listOfA, lambdaType(typeA, body)}, out: out, shape: size, eval: eval, duckdb: emit, spark: emit}
	keyed := form{id: "over_" + name + "_map", in: []*types.Type{types.NewMapType(typeA, types.NewTypeParamType("V")), lambdaType(typeA, body)}, out: out, shape: size,
		eval: eval, duckdb: keys, spark: keys}
	return function{name: overFunction + name, style: operator, forms: []form{list, keyed}}
}

// over writes a call over elements. For all and exists an element counts 0 when
// its condition is false, 2 when it is true and 1 when it errs: the least and the
// largest decide.
func (w *writer) over(name, list string, f term) (string, error) {
	element, body, err := f.lambda()
	if err != nil {
		return "", err
	}
	b := body.sql
	least, largest := "list_min", "list_max"
	if w.isSpark() {
		least, largest = "array_min", "array_max"
	}
	graded := w.each(list, element, "CASE WHEN "+b+" THEN 2 WHEN NOT "+b+" THEN 0 ELSE 1 END")
	switch name {
	case "all":
		return fmt.Sprintf("CASE WHEN %s IS NOT NULL THEN CASE coalesce(%s(%s), 2) WHEN 2 THEN TRUE WHEN 0 THEN FALSE END END", list, least, graded), nil
	case "exists":
		return fmt.Sprintf("CASE WHEN %s IS NOT NULL THEN CASE coalesce(%s(%s), 0) WHEN 2 THEN TRUE WHEN 0 THEN FALSE END END", list, largest, graded), nil
	case "exists_one":
		return fmt.Sprintf("CASE WHEN NOT %s THEN %s = 1 END", w.anyNull(w.each(list, element, b)), w.length(w.keep(list, element, b))), nil
	case "filter":
		return fmt.Sprintf("CASE WHEN NOT %s THEN %s END", w.anyNull(w.each(list, element, b)), w.keep(list, element, b)), nil
	}
	out := w.each(list, element, b)
	if valid := w.valid(body); valid != "TRUE" {
		return fmt.Sprintf("CASE WHEN NOT %s THEN %s END", w.anyNull(w.each(list, element, "CASE WHEN "+valid+" THEN TRUE END")), out), nil
	}
	return out, nil
}

// null is NULL of the type of a term.
func (w *writer) null(t term) string {
	if sql, ok := w.sqlType(t.typ, t.shape); ok {
		return "CAST(NULL AS " + sql + ")"
	}
	return "NULL"
}

// keys is the list of the keys of a map; DuckDB gives an empty one for null.
func (w *writer) keys(m string) string {
	return "CASE WHEN " + m + " IS NOT NULL THEN map_keys(" + m + ") END"
}

// valid is a condition that is true unless a term is an error.
func (w *writer) valid(t term) string {
	switch {
	case t.branches != nil:
		return w.conditional(t.branches[0], w.valid(t.branches[1]), w.valid(t.branches[2]))
	case t.fails:
		return "(" + t.sql + " IS NOT NULL)"
	}
	return "TRUE"
}
