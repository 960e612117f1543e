package operations

import (
	"fmt"
	"maps"
	"slices"

	"github.com/dq-dev/dq/table"
)

// Keys of the metadata of an identity column (PROTOCOL.md, "Identity Columns"): its
// values are start, start+step ..., the mark is the last one that was given out, and
// rows may bring values of their own only where they are allowed to.
const (
	identityStart    = "delta.identity.start"
	identityStep     = "delta.identity.step"
	identityMark     = "delta.identity.highWaterMark"
	identityExplicit = "delta.identity.allowExplicitInsert"
)

// isIdentity reports whether the table gives out a column's values.
func isIdentity(f table.Field) bool { return f.Meta[identityStart] != nil }

// givenOut is the last value of an identity column that was given out, or what would
// have been it, and the step to the next.
func givenOut(f table.Field) (mark, step int64, err error) {
	start, ok1 := f.Meta[identityStart].(int64)
	step, ok2 := f.Meta[identityStep].(int64)
	mark, marked := f.Meta[identityMark].(int64)
	switch {
	case !ok1 || !ok2 || step == 0 || f.Meta[identityMark] != nil && !marked:
		return 0, 0, corrupt("identity column %s: its start, step and mark (%v, %v, %v) are no such numbers",
			f.Name, f.Meta[identityStart], f.Meta[identityStep], f.Meta[identityMark])
	case f.Type.Kind != table.Int64:
		return 0, 0, corrupt("identity column %s: it is %s, not %s", f.Name, f.Type, table.Int64)
	case !marked:
		mark = start - step // may go around, and so back again
	}
	return mark, step, nil
}

// identity is SQL for the values of an identity column in new rows, as wide as
// decimals are, so that one that does not fit the column is seen.
func (t *Table) identity(f table.Field) (string, table.Type, error) {
	mark, step, err := givenOut(f)
	if err != nil {
		return "", table.Type{}, err
	}
	from := fmt.Sprintf("CAST('%d' AS HUGEINT)", mark)
	if f.Meta[identityMark] == nil {
		from = fmt.Sprintf("(CAST('%d' AS HUGEINT) - CAST('%d' AS HUGEINT))", f.Meta[identityStart], step)
	}
	sql := fmt.Sprintf("CAST(%s + CAST('%d' AS HUGEINT) * row_number() OVER () AS DECIMAL(38,0))", from, step)
	return sql, table.Type{Kind: table.Decimal, Precision: 38}, nil
}

// explicit refuses rows with values for identity columns that take none from rows;
// instead is what else can be done.
func explicit(schema, given table.Schema, instead string) error {
	for _, f := range schema.Fields {
		if _, ok := fold(given, f.Name); ok && isIdentity(f) && f.Meta[identityExplicit] != true {
			return invalid("column %s is GENERATED ALWAYS AS IDENTITY: the table gives out its values, and the rows bring their own; leave the column out%s", f.Name, instead)
		}
	}
	return nil
}

// gives reports whether the table gives out values for rows that have the given columns.
func gives(schema, given table.Schema) bool {
	return slices.ContainsFunc(schema.Fields, func(f table.Field) bool { _, ok := fold(given, f.Name); return !ok && isIdentity(f) })
}

// marked is the schema after that many rows, with the given columns, came: with the
// marks of identity columns moved.
func marked(schema, given table.Schema, rows int64) (table.Schema, error) {
	out := table.Schema{Fields: slices.Clone(schema.Fields)}
	for i, f := range out.Fields {
		if _, ok := fold(given, f.Name); ok || !isIdentity(f) {
			continue
		}
		mark, step, err := givenOut(f)
		if err != nil {
			return out, err
		}
		out.Fields[i].Meta = maps.Clone(f.Meta)
		out.Fields[i].Meta[identityMark] = mark + step*rows
	}
	return out, nil
}
