package cel

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// existsFunction is exists_in(x, 'table', 'column') in the tree, with the
// variable that holds [Facts] as its last argument. Of several values it is
// existsFunction of as many keys (keyFunction), the table, as many columns and the
// facts.
const (
	existsFunction = "@exists_in"
	keyFunction    = "@key"
)

// mostKeys is how many columns exists_in looks up together.
const mostKeys = 4

var factsType = types.NewOpaqueType("facts")

// exists_in looks a value up in a column of another table. Null is in no table;
// nulls in the other column are never found.
var existsFunctions = []function{{name: existsFunction, style: operator, forms: append(existsForms(), compositeForms()...)}, {name: keyFunction, style: operator, forms: keyForms()}}

// keyForms make a value part of a composite key: a text for the reference, and in SQL
// the value itself, which stands nowhere but there.
func keyForms() []form {
	var forms []form
	for _, s := range append(scalars[:len(scalars):len(scalars)], kindOf{"int", types.IntType}, kindOf{"decimal", decimalType}) {
		if s.typ == types.DurationType {
			continue
		}
		forms = append(forms, form{id: "key_" + s.name, in: []*types.Type{s.typ}, out: types.StringType, total: true, nulls: true,
			eval: func(a []ref.Val) ref.Val {
				if a[0] == types.NullValue {
					return types.NullValue
				}
				return types.String(nativeKey(native(a[0])))
			},
			duckdb: keyed, spark: keyed})
	}
	return forms
}

func keyed(w *writer, a []term) (string, error) {
	if a[0].branches != nil { // its null may be a value or an error
		return "", w.unsupported("exists_in of a conditional among several values")
	}
	return a[0].sql, nil
}

// compositeForms look several values up in one row of another table. With a null
// among them they are in none (MATCH SIMPLE leaves such keys out: so does a where).
func compositeForms() []form {
	var forms []form
	for k := 2; k <= mostKeys; k++ {
		in := slices.Repeat([]*types.Type{types.StringType}, 2*k+1)
		forms = append(forms, form{id: "exists_in_" + strconv.Itoa(k) + "_keys", in: append(in, factsType), out: types.BoolType, total: true, nulls: true,
			eval: func(a []ref.Val) ref.Val {
				if slices.Contains(a[:k], ref.Val(types.NullValue)) {
					return types.False
				}
				facts, _ := a[2*k+1].(factsValue)
				if facts.found != nil {
					return facts.answer(a[k].(types.String), a[k+1:2*k+1], a[:k])
				}
				if facts.Column == nil {
					return types.NewErr("exists_in needs the table %v", a[k])
				}
				var columns [][]any
				for _, c := range a[k+1 : 2*k+1] {
					columns = append(columns, facts.Column(Ref{Table: string(a[k].(types.String)), Column: string(c.(types.String))}))
				}
				for row := range columns[0] {
					same := true
					for i := range k {
						v := columns[i][row]
						same = same && v != nil && types.String(nativeKey(v)) == a[i]
					}
					if same {
						return types.True
					}
				}
				return types.False
			},
			duckdb: existsOf(k), spark: existsOf(k)})
	}
	return forms
}

// existsOf writes a look for k values at once.
func existsOf(k int) emitFunc {
	return func(w *writer, a []term) (string, error) {
		if w.inLambda {
			return "", w.unsupported("exists_in over elements")
		}
		tableName, _ := a[k].lit.(types.String)
		var keys, names, present, able []string
		for i := range k {
			column, _ := a[k+1+i].lit.(types.String)
			key, name, there, err := w.match(a[i].list[0], "dq_ref."+w.dialect.Ident(string(column)))
			if err != nil {
				return "", err
			}
			keys, names, present = append(keys, key), append(names, name), append(present, there)
			if a[i].fails {
				able = append(able, a[i].sql+" IS NOT NULL")
			}
		}
		row := "(" + strings.Join(names, ", ") + ")"
		if w.isSpark() {
			row = strings.Join(names, ", ")
		}
		sql := fmt.Sprintf("coalesce((%s) IN (SELECT %s FROM %s AS dq_ref WHERE %s), FALSE)", strings.Join(keys, ", "),
			row, w.dialect.Relation(string(tableName)), strings.Join(present, " AND "))
		if len(able) > 0 {
			sql = "CASE WHEN " + strings.Join(able, " AND ") + " THEN " + sql + " END"
		}
		return sql, nil
	}
}

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
				if facts.found != nil {
					return facts.answer(a[1].(types.String), a[2:3], []ref.Val{types.String(nativeKey(native(a[0])))})
				}
				r := Ref{Table: string(a[1].(types.String)), Column: string(a[2].(types.String)), Kind: typeName(s.typ)}
				if facts.Exists == nil {
					return types.NewErr("exists_in needs the table %s", r.Table)
				}
				return types.Bool(facts.Exists(r, native(a[0])))
			},
			duckdb: existsOfOne, spark: existsOfOne,
		})
	}
	return forms
}

// match is a key, a column as something of the key's type, and the condition that
// there is such a value. Two decimals DuckDB compares as a type of at most 38 digits,
// to which it rounds them, so values of the column that the key's type cannot hold,
// which no key equals, are left out first.
func (w *writer) match(key term, column string) (sql, value, there string, err error) {
	if !isDecimal(key.typ) {
		return key.sql, column, column + " IS NOT NULL", nil
	}
	if w.isSpark() { // which has no text of all decimals without exponents
		return "", "", "", w.unsupported("exists_in of decimals")
	}
	if key.shape.precision > maxDigits {
		return "", "", "", w.unsupported("exists_in of decimals of %d digits", key.shape.precision)
	}
	value = fmt.Sprintf("TRY_CAST(%s AS DECIMAL(%d,%d))", column, key.shape.precision, key.shape.scale)
	there = fmt.Sprintf("%s IS NOT NULL AND len(rtrim(split_part(CAST(%s AS VARCHAR), '.', 2), '0')) <= %d", value, column, key.shape.scale)
	return w.dec(key, key.shape), value, there, nil
}

func existsOfOne(w *writer, a []term) (string, error) {
	if b := a[0].branches; b != nil {
		yes, err := existsOfOne(w, []term{b[1], a[1], a[2]})
		if err != nil {
			return "", err
		}
		no, err := existsOfOne(w, []term{b[2], a[1], a[2]})
		return w.conditional(b[0], yes, no), err
	}
	if w.inLambda {
		return "", w.unsupported("exists_in over elements")
	}
	tableName, _ := a[1].lit.(types.String)
	column, _ := a[2].lit.(types.String)
	key, name, there, err := w.match(a[0], "dq_ref."+w.dialect.Ident(string(column)))
	if err != nil {
		return "", err
	}
	sql := key + " IN (SELECT " + name + " FROM " + w.dialect.Relation(string(tableName)) + " AS dq_ref WHERE " + there + ")"
	if a[0].null {
		return "coalesce(" + sql + ", FALSE)", nil
	}
	// IN over an empty set is FALSE even of NULL, which here is an error.
	if a[0].fails {
		return "CASE WHEN " + a[0].sql + " IS NOT NULL THEN " + sql + " END", nil
	}
	return "(" + sql + ")", nil
}
