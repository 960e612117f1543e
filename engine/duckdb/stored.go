package duckdb

import (
	"context"
	"fmt"
	"strings"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/table"
)

// checkStored refuses Parquet files that hold a column in a type whose values are
// not those of the table's: DuckDB would cast them, which rounds, parses or prints
// values and says nothing. It returns an option that reads texts which a file does
// not mark as such, or "". Files are grouped by their schemas, which are read with
// a footer each.
func (s *session) checkStored(ctx context.Context, in engine.Input, paths []string, partition map[string]bool, doing string) (string, error) {
	examples := paths
	if len(paths) > 1 {
		const nodes = "concat_ws(chr(1), name, type, duckdb_type, num_children, converted_type, logical_type, field_id)"
		found, err := s.ask(ctx, "SELECT min(file_name) FROM (SELECT file_name, string_agg("+nodes+", chr(2)) AS shape FROM parquet_schema("+
			literals(paths)+") GROUP BY file_name) GROUP BY shape ORDER BY 1", doing)
		if err != nil {
			return "", err
		}
		examples = nil
		for _, row := range found.Values {
			example, _ := row[0].(string)
			examples = append(examples, example)
		}
	}
	unmarked := false
	for _, path := range examples {
		schema, err := s.typeOf(ctx, "SELECT * FROM read_parquet("+literal(path)+", hive_partitioning = false)", doing)
		if err != nil {
			return "", err
		}
		names := physical
		if in.ByFieldID {
			if names, err = s.storedNames(ctx, path, doing); err != nil {
				return "", err
			}
		}
		var wanted []table.Field
		for _, f := range in.Schema.Fields {
			if !partition[f.Name] {
				wanted = append(wanted, f)
			}
		}
		c := &storedCheck{}
		if problem := c.fields(schema.Fields, wanted, names, ""); problem != "" {
			return "", fmt.Errorf("%s: %s: %s", doing, path, problem)
		}
		unmarked = unmarked || c.unmarked
	}
	if !unmarked {
		return "", nil
	}
	if holds(in.Schema.Fields, table.Binary) {
		return "", fmt.Errorf("%s: a file does not mark its texts as such, and the table has binary columns, so that they cannot be told apart", doing)
	}
	return ", binary_as_string = true", nil
}

// storedNames says what the columns of a file are called by their ids. Members of
// structs are found by name.
func (s *session) storedNames(ctx context.Context, path, doing string) (naming, error) {
	found, err := s.ask(ctx, "SELECT CAST(field_id AS VARCHAR), name FROM parquet_schema("+literal(path)+") WHERE field_id IS NOT NULL", doing)
	if err != nil {
		return nil, err
	}
	byID := map[string]string{}
	for _, row := range found.Values {
		id, _ := row[0].(string)
		byID[id], _ = row[1].(string)
	}
	return func(f table.Field) string {
		id, _ := fieldID(f)
		return byID[id]
	}, nil
}

// storedCheck compares the columns of a file with those of its table.
type storedCheck struct{ unmarked bool }

// fields says what is wrong, or "". Columns that are only in one of the two are fine.
func (c *storedCheck) fields(stored, wanted []table.Field, names naming, path string) string {
	byName := make(map[string]table.Field, len(stored))
	for _, f := range stored {
		lower := strings.ToLower(f.Name)
		if other, ok := byName[lower]; ok {
			f.Name = other.Name + "\x00" + f.Name
		}
		byName[lower] = f
	}
	for _, w := range wanted {
		f, ok := byName[strings.ToLower(names(w))]
		if !ok || names(w) == "" {
			continue
		}
		if a, b, twice := strings.Cut(f.Name, "\x00"); twice {
			return fmt.Sprintf("the columns %q and %q differ only in case, so that %q could be either", path+a, path+b, path+w.Name)
		}
		if problem := c.types(f.Type, w.Type, path+w.Name); problem != "" {
			return problem
		}
	}
	return ""
}

func (c *storedCheck) types(stored, wanted table.Type, path string) string {
	switch {
	case stored.Kind == table.Struct && wanted.Kind == table.Struct:
		return c.fields(stored.Fields, wanted.Fields, physical, path+".")
	case stored.Kind == table.Array && wanted.Kind == table.Array:
		return c.types(*stored.Elem, *wanted.Elem, path+".element")
	case stored.Kind == table.Map && wanted.Kind == table.Map:
		if problem := c.types(*stored.Key, *wanted.Key, path+".key"); problem != "" {
			return problem
		}
		return c.types(*stored.Elem, *wanted.Elem, path+".value")
	case stored.Kind == table.Binary && wanted.Kind == table.String:
		c.unmarked = true
		return ""
	case readsAs(stored, wanted):
		return ""
	}
	held := stored.String()
	if stored.Kind == "" {
		held = "a type that no table can have"
	}
	return fmt.Sprintf("column %q is %s in the file, but %s in the table", path, held, wanted)
}

// readsAs reports whether DuckDB reads stored values as the same values of the type
// wanted, or fails where one does not fit: what type widening allows (Delta protocol,
// "Type Widening"), and small integers that a file holds in 32 bits.
func readsAs(stored, wanted table.Type) bool {
	switch {
	case stored.Kind == table.Void || wanted.Kind == table.Void:
		return true
	case stored.Integer() && wanted.Integer():
		return stored.Kind != table.Int64 || wanted.Kind == table.Int64
	case stored.Kind == table.Decimal && wanted.Kind == table.Decimal, stored.Integer() && wanted.Kind == table.Decimal:
		return widens(stored, wanted)
	case wanted.Kind == table.Double:
		return stored.Numeric() && stored.Kind != table.Int64 && stored.Kind != table.Decimal
	case stored.Kind == table.Date:
		return wanted.Kind == table.Date || wanted.Kind == table.TimestampNTZ
	case stored.Kind == table.Timestamp || stored.Kind == table.TimestampNTZ: // old files do not say which it is
		return wanted.Kind == table.Timestamp || wanted.Kind == table.TimestampNTZ
	}
	return stored.Kind == wanted.Kind
}

// holds reports whether a kind of type is among the fields or in them.
func holds(fields []table.Field, kind table.Kind) bool {
	var within func(t table.Type) bool
	within = func(t table.Type) bool {
		return t.Kind == kind || t.Key != nil && within(*t.Key) || t.Elem != nil && within(*t.Elem) || holds(t.Fields, kind)
	}
	for _, f := range fields {
		if within(f.Type) {
			return true
		}
	}
	return false
}
