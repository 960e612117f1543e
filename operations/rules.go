package operations

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/dq-dev/dq/delta"
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

// rule is what each row of a table must make true; null is not enough.
type rule struct {
	name string // constraint positive
	made string // what it says, as it was made
	sql  string // of this engine
}

// rules are those of a table: constraints, invariants of columns, and that generated
// columns are what their expressions say.
func (t *Table) rules(schema table.Schema, constraints map[string]string) ([]rule, error) {
	out, err := t.constraints(schema, constraints)
	if err != nil {
		return nil, err
	}
	invariants, err := t.invariants(schema, schema.Fields, "")
	if err != nil {
		return nil, err
	}
	out = append(out, invariants...)
	for _, f := range schema.Fields {
		for _, key := range []string{generatedKey, defaultKey, identityStart} {
			if at := within(&f.Type, key); at != "" {
				return nil, fmt.Errorf("column %s.%s has values by itself (%s), and is within another: %w", f.Name, at, key, delta.ErrUnsupported)
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
		out = append(out, rule{"generated column " + f.Name, made, t.Dialect.Ident(f.Name) + " IS NOT DISTINCT FROM " + sql})
	}
	return out, nil
}

func (t *Table) constraints(schema table.Schema, constraints map[string]string) ([]rule, error) {
	var out []rule
	for _, name := range slices.Sorted(maps.Keys(constraints)) {
		r, err := t.rule("constraint "+name, constraints[name], schema)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

func (t *Table) rule(name, made string, schema table.Schema) (rule, error) {
	e, err := t.meaning(name, made, schema, nil)
	if err == nil && e.t.Kind != table.Bool {
		err = fmt.Errorf("%s (%s) is %s, no condition: %w", name, made, e.t, delta.ErrUnsupported)
	}
	return rule{name, made, e.sql}, err
}

// invariants are those of columns and of fields of structs. In lists they would be of
// each element, which no writer does.
func (t *Table) invariants(schema table.Schema, fields []table.Field, prefix string) ([]rule, error) {
	var out []rule
	for _, f := range fields {
		if text, ok := f.Meta[invariantKey].(string); ok {
			var in struct{ Expression struct{ Expression string } }
			if err := json.Unmarshal([]byte(text), &in); err != nil {
				return nil, fmt.Errorf("invariant of column %s%s: %s is not understood: %w", prefix, f.Name, text, delta.ErrUnsupported)
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
			if at := within(part, invariantKey); at != "" {
				return nil, fmt.Errorf("invariant of column %s%s.%s: it is within a list: %w", prefix, f.Name, at, delta.ErrUnsupported)
			}
		}
	}
	return out, nil
}

// within names a field below a type that has something in its metadata, "" if there
// is none.
func within(t *table.Type, key string) string {
	if t == nil {
		return ""
	}
	for _, f := range t.Fields {
		if _, ok := f.Meta[key]; ok {
			return f.Name
		}
		if at := within(&f.Type, key); at != "" {
			return f.Name + "." + at
		}
	}
	return within(t.Key, key) + within(t.Elem, key)
}

// check holds that rows make the rules true; null is not enough (PROTOCOL.md,
// "CHECK Constraints").
func (t *Table) check(ctx context.Context, s *delta.Snapshot, schema table.Schema, files []table.File, rules []rule) error {
	if len(files) == 0 || len(rules) == 0 {
		return nil
	}
	if err := t.attach(ctx, s, relTable, schema, files, true); err != nil {
		return err
	}
	for _, r := range rules {
		if _, err := t.bound(ctx, relRest, rest(r.sql), false); err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
		n, err := t.count(ctx, "SELECT count(*) FROM "+relRest)
		if err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
		if n > 0 {
			breaks := "rows break"
			if n == 1 {
				breaks = "row breaks"
			}
			return fmt.Errorf("%d %s the %s: %s: %w", n, breaks, r.name, r.made, delta.ErrInvalid)
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
		return "", fmt.Errorf("%s (%s): it is %s and its column %s: %w", what, made, e.t, f.Type, delta.ErrUnsupported)
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

// made reports whether a column that the rows do not have gets a value all the same.
func made(f table.Field) bool {
	return f.Meta[generatedKey] != nil || f.Meta[defaultKey] != nil || isIdentity(f)
}

// meaning is the engine's SQL for an expression of the table, which another engine
// may have made. It is an error if that may mean something else.
func (t *Table) meaning(what, sql string, schema table.Schema, columns map[string]string) (expression, error) {
	e, err := translate(sql, schema, columns, t.Dialect)
	if f := (*foreign)(nil); errors.As(err, &f) {
		if near := yamlpos.Nearest(f.piece, schema.Names()); near != "" {
			return e, fmt.Errorf("%s (%s): the table has no column %s; did you mean %s?: %w", what, sql, f.piece, near, delta.ErrUnsupported)
		}
		return e, fmt.Errorf("%s (%s): dq does not know that %s means the same here as where it was made: %w", what, sql, f.piece, delta.ErrUnsupported)
	}
	return e, err
}
