package cel

import (
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// existsFunction is exists_in(x, 'table', 'column') in the tree, with the
// variable that holds [Facts] as its last argument.
const existsFunction = "@exists_in"

var factsType = types.NewOpaqueType("facts")

// exists_in looks a value up in a column of another table. Null is in no table;
// nulls in the other column are never found.
var existsFunctions = []function{{name: existsFunction, style: operator, forms: existsForms()}}

func existsForms() []form {
	var forms []form
	for _, s := range append(scalars[:len(scalars):len(scalars)], kindOf{"int", types.IntType}, kindOf{"decimal", decimalType}) {
		if s.typ == types.DurationType {
			continue
		}
		forms = append(forms, form{
			id: "exists_in_" + s.name, in: []*types.Type{s.typ, types.StringType, types.StringType, factsType},
			out: types.BoolType, total: true, nulls: true,
			eval: func(a []ref.Val) ref.Val {
				if a[0] == types.NullValue {
					return types.False
				}
				facts, _ := a[3].(factsValue)
				r := Ref{Table: string(a[1].(types.String)), Column: string(a[2].(types.String)), Kind: typeName(s.typ)}
				if facts.Exists == nil {
					return types.NewErr("exists_in needs the table %s", r.Table)
				}
				return types.Bool(facts.Exists(r, native(a[0])))
			},
			duckdb: duckdbExists,
		})
	}
	return forms
}

func duckdbExists(w *writer, a []term) (string, error) {
	if b := a[0].branches; b != nil {
		yes, err := duckdbExists(w, []term{b[1], a[1], a[2]})
		if err != nil {
			return "", err
		}
		no, err := duckdbExists(w, []term{b[2], a[1], a[2]})
		return w.conditional(b[0], yes, no), err
	}
	if w.inLambda {
		return "", w.unsupported("exists_in over elements")
	}
	tableName, _ := a[1].lit.(types.String)
	column, _ := a[2].lit.(types.String)
	name := "dq_ref." + w.dialect.Ident(string(column))
	sql := a[0].sql + " IN (SELECT " + name + " FROM " + w.dialect.Relation(string(tableName)) + " AS dq_ref WHERE " + name + " IS NOT NULL)"
	if a[0].null {
		return "coalesce(" + sql + ", FALSE)", nil
	}
	// IN over an empty set is FALSE even of NULL, which here is an error.
	if a[0].fails {
		return "CASE WHEN " + a[0].sql + " IS NOT NULL THEN " + sql + " END", nil
	}
	return "(" + sql + ")", nil
}
