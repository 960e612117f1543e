package cel

import (
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// listFunction is the name in the tree of an aggregate over what history gives.
const listFunction = "@list_"

// previous(e) and history(e, n) become variables when the tree is lowered; what
// remains are the aggregates over history's lists, mean(history(rows(), 7)), and the
// bands in which a value is expected by them.
var pastFunctions = append(historyFunctions(), bandFunctions...)

func historyFunctions() []function {
	var functions []function
	for _, family := range aggregateFamilies {
		for _, a := range family {
			if !a.lists {
				continue
			}
			f := function{name: listFunction + a.name, style: operator}
			for _, n := range []struct {
				name string
				typ  *types.Type
			}{{"int", types.IntType}, {"double", types.DoubleType}, {"decimal", decimalType}} {
				of := func(s shape) result {
					r, _ := a.types([]*expr{{typ: n.typ, root: s}})
					return r
				}
				form := form{id: "list_" + a.name + "_" + n.name, in: []*types.Type{types.NewListType(n.typ)}, out: of(shape{}).cel,
					eval: func(args []ref.Val) ref.Val {
						var rows [][]ref.Val
						scale := 0
						for it := args[0].(traits.Lister).Iterator(); it.HasNext() == types.True; {
							v := it.Next()
							rows = append(rows, []ref.Val{v})
							if d, ok := v.(decimal); ok {
								scale = max(scale, d.scale)
							}
						}
						v := a.eval(&metric{result: of(shape{maxDigits, scale})}, rows)
						if x, ok := v.(types.Double); ok {
							return types.Double(Round(float64(x)))
						}
						if v == types.NullValue {
							return types.WrapErr(errNoValues{a.name + "(history(...))"})
						}
						return v
					}}
				if isDecimal(form.out) {
					form.shape = func(s []shape, _ []ref.Val) (shape, error) { return of(s[0]).shape, nil }
				}
				f.forms = append(f.forms, form)
			}
			functions = append(functions, f)
		}
	}
	return functions
}
