package operations

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/dq-dev/dq/delta"
	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/internal/yamlpos"
	"github.com/dq-dev/dq/table"
)

// upheld are the features whose rules this package sees to in the files it writes.
var upheld = []string{"columnMapping", "checkConstraints", "invariants", "generatedColumns", "allowColumnDefaults", "identityColumns", "rowTracking"}

// Keys of a column's metadata (PROTOCOL.md, "Column Invariants", "Generated
// Columns", "Default Columns").
const (
	invariantKey = "delta.invariants"
	generatedKey = "delta.generationExpression"
	defaultKey   = "CURRENT_DEFAULT"
)

// Rule is what each row of a table must make true, as its log says; null is not enough.
type Rule struct {
	Name string // constraint positive
	Made string // what it says, as it was made
	SQL  string // of the engine, over the table's columns
}

// Broken says that so many rows do not make the rule true.
func (r Rule) Broken(rows int64) string {
	switch {
	case r.Made == "NOT NULL" && rows == 1:
		return r.Name + " must not be null, and 1 row has no value"
	case r.Made == "NOT NULL":
		return fmt.Sprintf("%s must not be null, and %d rows have no value", r.Name, rows)
	case rows == 1:
		return "1 row breaks the " + r.Name + ": " + r.Made
	}
	return fmt.Sprintf("%d rows break the %s: %s", rows, r.Name, r.Made)
}

// Rules are those that the log of a table has for rows that bring a value for each
// of the columns of schema: columns that must not be null, CHECK constraints,
// invariants, and that generated columns are what their expressions say. Rows that
// came otherwise than by this package are held to them with these.
//
// Errors: [delta.ErrUnsupported] for an expression that may mean something else in
// the engine; [delta.ErrInvalid] for a column whose values only the table gives out,
// or whose value the table makes of others and that schema does not have.
func Rules(d engine.Dialect, s *delta.Snapshot, schema table.Schema) ([]Rule, error) {
	for _, f := range s.Schema().Fields {
		if _, ok := fold(schema, f.Name); !ok && Made(f) {
			return nil, invalid("column %s: the table makes its values by itself where rows bring none, which is not done here; let the rows bring them", f.Name)
		}
	}
	if err := explicit(schema, schema, ", and write with something that has the table give them out, such as dq table append"); err != nil {
		return nil, err
	}
	return (&Table{Dialect: d}).rules(schema, s.Constraints())
}

// rules are those of a table: columns that must have values, constraints, invariants
// of columns, and that generated columns are what their expressions say.
func (t *Table) rules(schema table.Schema, constraints map[string]string) ([]Rule, error) {
	out := t.required(schema.Fields, "", "")
	checks, err := t.constraints(schema, constraints)
	if err != nil {
		return nil, err
	}
	out = append(out, checks...)
	invariants, err := t.invariants(schema, schema.Fields, "")
	if err != nil {
		return nil, err
	}
	out = append(out, invariants...)
	for _, f := range schema.Fields {
		for _, key := range []string{generatedKey, defaultKey, identityStart} {
			if at := deep(&f.Type, key); at != "" {
				return nil, unsupported("column %s.%s has values by itself (%s), and is within another", f.Name, at, key)
			}
		}
		made, ok := f.Meta[generatedKey].(string)
		if !ok {
			continue
		}
		sql, err := t.generated(f, schema, nil)
		if err != nil {
			return nil, err
		}
		out = append(out, Rule{"generated column " + f.Name, made, t.Dialect.Ident(f.Name) + " IS NOT DISTINCT FROM " + sql})
	}
	return out, nil
}

// required says which columns must have a value, and at any depth which members of
// structs, elements and values of maps must where what they are in has one. Of is the path
// to the fields, and sql the struct that they are members of; "" is the table.
func (t *Table) required(fields []table.Field, of, sql string) []Rule {
	var out []Rule
	for _, f := range fields {
		value, unless := t.Dialect.Ident(f.Name), ""
		if sql != "" {
			value, unless = "struct_extract("+sql+", "+t.Dialect.Literal(f.Name)+")", sql+" IS NULL OR "
		}
		if !f.Nullable {
			out = append(out, Rule{"column " + of + f.Name, "NOT NULL", unless + value + " IS NOT NULL"})
		}
		out = append(out, t.requiredWithin(f.Type, of+f.Name, value)...)
	}
	return out
}

// requiredWithin is required of what is in a column.
func (t *Table) requiredWithin(of table.Type, path, sql string) []Rule {
	each := func(part table.Type, nullable bool, name, list string) (out []Rule) {
		item := fmt.Sprintf("x%d", strings.Count(path, ".")) // one name for each depth
		var rules []Rule
		if !nullable {
			rules = append(rules, Rule{"column " + path + "." + name, "NOT NULL", item + " IS NOT NULL"})
		}
		for _, r := range append(rules, t.requiredWithin(part, path+"."+name, item)...) {
			out = append(out, Rule{r.Name, r.Made, fmt.Sprintf("%s IS NULL OR len(list_filter(%s, lambda %s: NOT (%s))) = 0", sql, list, item, r.SQL)})
		}
		return out
	}
	switch of.Kind {
	case table.Struct:
		return t.required(of.Fields, path+".", sql)
	case table.Array:
		return each(*of.Elem, of.ElemNullable, "element", sql)
	case table.Map:
		return append(each(*of.Key, false, "key", "map_keys("+sql+")"), each(*of.Elem, of.ElemNullable, "value", "map_values("+sql+")")...)
	}
	return nil
}

func (t *Table) constraints(schema table.Schema, constraints map[string]string) ([]Rule, error) {
	var out []Rule
	for _, name := range slices.Sorted(maps.Keys(constraints)) {
		r, err := t.rule("constraint "+name, constraints[name], schema)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

func (t *Table) rule(name, made string, schema table.Schema) (Rule, error) {
	e, err := t.meaning(name, made, schema, nil)
	if err == nil && e.t.Kind != table.Bool {
		err = unsupported("%s (%s) is %s, no condition", name, made, e.t)
	}
	return Rule{name, made, e.sql}, err
}

// invariants are those of columns and of fields of structs. In lists they would be of
// each element, which no writer does.
func (t *Table) invariants(schema table.Schema, fields []table.Field, prefix string) ([]Rule, error) {
	var out []Rule
	for _, f := range fields {
		if text, ok := f.Meta[invariantKey].(string); ok {
			var in struct{ Expression struct{ Expression string } }
			if err := json.Unmarshal([]byte(text), &in); err != nil {
				return nil, unsupported("invariant of column %s%s: %s is not understood", prefix, f.Name, text)
			}
			r, err := t.rule("invariant of column "+prefix+f.Name, in.Expression.Expression, schema)
			if err != nil {
				return nil, err
			}
			out = append(out, r)
		}
		below, err := t.invariants(schema, f.Type.Fields, prefix+f.Name+".")
		if err != nil {
			return nil, err
		}
		out = append(out, below...)
		for _, part := range []*table.Type{f.Type.Key, f.Type.Elem} {
			if at := deep(part, invariantKey); at != "" {
				return nil, unsupported("invariant of column %s%s.%s: it is within a list", prefix, f.Name, at)
			}
		}
	}
	return out, nil
}

// deep names a field below a type that has something in its metadata, "" if there
// is none.
func deep(t *table.Type, key string) string {
	if t == nil {
		return ""
	}
	for _, f := range t.Fields {
		if _, ok := f.Meta[key]; ok {
			return f.Name
		}
		if at := deep(&f.Type, key); at != "" {
			return f.Name + "." + at
		}
	}
	return deep(t.Key, key) + deep(t.Elem, key)
}

// check holds that rows make the rules true; null is not enough (PROTOCOL.md,
// "CHECK Constraints").
func (t *Table) check(ctx context.Context, s *delta.Snapshot, schema table.Schema, files []table.File, rules []Rule) error {
	if len(files) == 0 || len(rules) == 0 {
		return nil
	}
	if err := t.attach(ctx, s, relTable, schema, files, true); err != nil {
		return err
	}
	for _, r := range rules {
		if _, err := t.bound(ctx, relRest, rest(r.SQL), false); err != nil {
			return fmt.Errorf("%s: %w", r.Name, err)
		}
		n, err := t.count(ctx, "SELECT count(*) FROM "+relRest)
		if err != nil {
			return fmt.Errorf("%s: %w", r.Name, err)
		}
		if n > 0 {
			return invalid("%s", r.Broken(n))
		}
	}
	return nil
}

// generated is SQL for a generated column, over the table's columns or what
// columns says for them.
func (t *Table) generated(f table.Field, schema table.Schema, columns map[string]string) (string, error) {
	made, _ := f.Meta[generatedKey].(string)
	what := "generated column " + f.Name
	e, err := t.meaning(what, made, schema, columns)
	if err != nil {
		return "", err
	}
	if e.t.Equal(f.Type) {
		return e.sql, nil
	}
	if digits[e.t.Kind] == 0 || digits[e.t.Kind] > digits[f.Type.Kind] {
		return "", unsupported("%s (%s): it is %s and its column %s", what, made, e.t, f.Type)
	}
	return "CAST(" + e.sql + " AS BIGINT)", nil // which is cast to the column's type when it is written
}

// preset is SQL for a column that the rows do not have, and its type: what the table
// gives out, its default, or null (PROTOCOL.md, "Default Columns").
func (t *Table) preset(f table.Field) (string, table.Type, error) {
	if isIdentity(f) {
		return t.identity(f)
	}
	made, ok := f.Meta[defaultKey].(string)
	if !ok || made == "NULL" || made == "null" {
		return "NULL", table.Type{Kind: table.Void}, nil
	}
	e, err := t.meaning("default of column "+f.Name, made, table.Schema{}, nil)
	return e.sql, e.t, err
}

// Made reports whether a column that rows do not bring gets a value all the same: one
// that is generated, given out by the table, or by default.
func Made(f table.Field) bool {
	return f.Meta[generatedKey] != nil || f.Meta[defaultKey] != nil || isIdentity(f)
}

// identifier is a word that may be the name of a column.
var identifier = regexp.MustCompile("^[`A-Za-z_]")

// meaning is the engine's SQL for an expression of the table, which another engine
// may have made. It is an error if that may mean something else.
func (t *Table) meaning(what, sql string, schema table.Schema, columns map[string]string) (expression, error) {
	e, err := translate(sql, schema, columns, t.Dialect)
	if f := (*foreign)(nil); errors.As(err, &f) {
		if near := yamlpos.Nearest(f.piece, schema.Names()); near != "" && identifier.MatchString(f.piece) {
			return e, unsupported("%s (%s): the table has no column %s; did you mean %s?", what, sql, f.piece, near)
		}
		if f.column && len(schema.Fields) > 0 {
			return e, unsupported("%s (%s): the table has no column %s; it has %s", what, sql, f.piece, strings.Join(schema.Names(), ", "))
		}
		return e, unsupported("%s (%s): %s is beyond what dq keeps of a table's SQL: it may mean something else in another engine", what, sql, f.piece)
	}
	return e, err
}
