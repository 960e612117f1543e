package cel

import (
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// Logic. && and || absorb errors as SQL's AND and OR absorb NULL; cel-go's
// planner evaluates all but ! itself, so those have no eval.
var logicFunctions = []function{
	{name: operators.LogicalAnd, style: operator, forms: []form{{
		id: "logical_and", in: []*types.Type{types.BoolType, types.BoolType}, out: types.BoolType, total: true,
		duckdb: plainComparison("AND"), spark: plainComparison("AND"),
	}}},
	{name: operators.LogicalOr, style: operator, forms: []form{{
		id: "logical_or", in: []*types.Type{types.BoolType, types.BoolType}, out: types.BoolType, total: true,
		duckdb: plainComparison("OR"), spark: plainComparison("OR"),
	}}},
	{name: operators.LogicalNot, style: operator, forms: []form{{
		id: "logical_not", in: []*types.Type{types.BoolType}, out: types.BoolType, total: true,
		eval:   func(a []ref.Val) ref.Val { return a[0].(types.Bool).Negate() },
		duckdb: not, spark: not,
	}}},
	{name: operators.Conditional, style: operator, forms: conditionals()},
}

func not(_ *writer, a []term) (string, error) { return "(NOT " + a[0].sql + ")", nil }

// conditionals lets branches of different numeric types meet: package cel then
// wraps one in a conversion.
func conditionals() []form {
	branches := func(id string, in []*types.Type) form {
		f := form{id: id, in: []*types.Type{types.BoolType, in[0], in[1]}, out: commonType(in[0], in[1]), total: true}
		if isDecimal(f.out) {
			f.shape = func(a []shape, _ []ref.Val) (shape, error) { return meet(a[1], a[2]), nil }
		}
		return f
	}
	forms := numeric("conditional", branches)
	list := branches("conditional_list", []*types.Type{listOfA, listOfA})
	list.out, list.shape = listOfA, func(a []shape, _ []ref.Val) (shape, error) { return meet(a[1], a[2]), nil }
	forms = append(forms, list)
	for _, s := range scalars {
		f := branches("conditional_"+s.name, []*types.Type{s.typ, s.typ})
		f.out = s.typ
		forms = append(forms, f)
	}
	return forms
}
