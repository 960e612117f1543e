package duckdb

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/table"
)

// checkStored refuses Parquet files that hold a column in a type whose values are
// not those of the table's: DuckDB would cast them, which rounds, parses or prints
// values and says nothing. It returns the scans that read the files, and an option
// that reads texts which a file does not mark as such, or "". Files are grouped by
// their schemas, which are read with a footer each.
func (s *session) checkStored(ctx context.Context, in engine.Input, paths []string, partition map[string]bool, doing string) ([]scan, string, error) {
	shapes, err := s.shapes(ctx, paths, doing)
	if err != nil {
		return nil, "", err
	}
	var wanted []table.Field
	for _, f := range in.Schema.Fields {
		if !partition[f.Name] {
			wanted = append(wanted, f)
		}
	}
	var scans []scan
	known := map[string]int{} // how a scan calls what it reads: its number
	unmarked := false
	for _, files := range shapes {
		columns, err := s.columnsOf(ctx, paths[files[0]], doing)
		if err != nil {
			return nil, "", err
		}
		c := &storedCheck{byID: in.ByFieldID}
		fields, problem := c.fields(columns, wanted, "")
		if problem != "" {
			return nil, "", fmt.Errorf("%s: %s: %s", doing, paths[files[0]], problem)
		}
		unmarked = unmarked || c.unmarked
		spelled := sqlType(table.Type{Kind: table.Struct, Fields: fields}, physical)
		n, ok := known[spelled]
		if !ok {
			n = len(scans)
			known[spelled] = n
			scans = append(scans, scan{types: map[string]table.Type{}, names: map[string]string{}})
			for i, f := range fields {
				scans[n].types[f.Name] = f.Type
				if read := physical(f); read != physical(wanted[i]) {
					scans[n].names[f.Name] = read
				}
			}
		}
		scans[n].files = append(scans[n].files, files...)
	}
	for _, one := range scans {
		slices.Sort(one.files)
	}
	if !unmarked {
		return scans, "", nil
	}
	if holds(in.Schema.Fields, table.Binary) {
		return nil, "", fmt.Errorf("%s: a file does not mark its texts as such, and the table has binary columns, so that they cannot be told apart", doing)
	}
	return scans, ", binary_as_string = true", nil
}

// scan is files that are read with the same names and types.
type scan struct {
	files []int                 // their numbers
	types map[string]table.Type // of columns that are not partition columns
	names map[string]string     // and what DuckDB calls those that it does not call by their names
}

// shapes groups the numbers of files by the schemas that they have, in the order of
// the first file of each. A file that several sessions read is looked into once.
func (s *session) shapes(ctx context.Context, paths []string, doing string) ([][]int, error) {
	if len(paths) == 1 {
		return [][]int{{0}}, nil
	}
	footers, fresh := make([]footer, len(paths)), map[string]footer{}
	var unknown []string
	for i, path := range paths {
		var err error
		if footers[i], err = footerOf(path); err != nil {
			return nil, fmt.Errorf("%s: %w", doing, err)
		}
		if _, ok := s.engine.shapes.Load(footers[i]); !ok {
			fresh[path] = footers[i]
			unknown = append(unknown, path)
		}
	}
	if len(unknown) > 0 {
		const nodes = "concat_ws(chr(1), name, type, duckdb_type, num_children, repetition_type, converted_type, logical_type, field_id)"
		found, err := s.ask(ctx, "SELECT file_name, hash(string_agg("+nodes+", chr(2))) FROM parquet_schema("+filesAt(unknown)+") GROUP BY file_name", doing)
		if err != nil {
			return nil, err
		}
		for _, row := range found.Values {
			name, _ := row[0].(string)
			s.engine.shapes.Store(fresh[name], row[1])
		}
	}
	var shapes [][]int
	number := map[any]int{}
	for i := range paths {
		shape, _ := s.engine.shapes.Load(footers[i])
		n, ok := number[shape]
		if !ok {
			n = len(shapes)
			number[shape] = n
			shapes = append(shapes, nil)
		}
		shapes[n] = append(shapes[n], i)
	}
	return shapes, nil
}

// storedCheck compares the columns of a file with those of its table.
type storedCheck struct {
	byID     bool // columns are found by their ids, not by their names
	unmarked bool
}

// fields gives the fields wanted as a scan of the file has to call them, and what is
// wrong, or "". Columns that are only in one of the two are fine.
func (c *storedCheck) fields(stored []column, wanted []table.Field, path string) (fields []table.Field, problem string) {
	fields = slices.Clone(wanted)
	matched := false
	for i, w := range wanted {
		found, other := c.find(stored, w)
		if other != nil {
			return nil, fmt.Sprintf("the columns %q and %q differ only in case, so that %q could be either", path+found.name, path+other.name, path+w.Name)
		}
		if found == nil {
			if c.byID && path != "" { // no other member may be taken for it
				fields[i] = called(w, unlike(stored, physical(w)))
			}
			continue
		}
		matched = true
		if fields[i].Type, problem = c.types(*found, w.Type, path+w.Name); problem != "" {
			return nil, problem
		}
		if (path != "" || !c.byID) && !strings.EqualFold(found.read, physical(w)) {
			fields[i] = called(fields[i], found.read)
		}
	}
	if path != "" && !matched && len(stored) > 0 {
		// DuckDB reads a struct only if it has one of the members that are asked for.
		beside := table.Field{Name: stored[0].read, Type: table.Type{Kind: table.String}, Meta: map[string]any{besideMark: true}}
		for i, w := range fields {
			fields[i] = called(w, unlike(stored, physical(w)))
		}
		fields = append(fields, beside)
	}
	return fields, ""
}

// find is the column of a file that a field of the table is in, or nil. A second one
// is another that differs only in case: DuckDB gives it a name of its own.
func (c *storedCheck) find(stored []column, w table.Field) (found, other *column) {
	id, _ := fieldID(w)
	for i := range stored { // the very name wins
		if !c.byID && stored[i].name == physical(w) {
			if same := slices.IndexFunc(stored, func(s column) bool { return s.name != physical(w) && strings.EqualFold(s.name, physical(w)) }); same >= 0 {
				return &stored[i], nil
			}
		}
	}
	for i := range stored {
		s := &stored[i]
		switch {
		case c.byID && (id == "" || s.id != id), !c.byID && !strings.EqualFold(s.name, physical(w)):
		case found == nil:
			found = s
		default:
			return found, s
		}
	}
	if c.byID || found != nil && strings.EqualFold(found.read, found.name) {
		return found, nil
	}
	for i := range stored { // the field is called as DuckDB calls another
		if s := &stored[i]; s != found && strings.EqualFold(s.read, physical(w)) {
			for j := range stored {
				if j != i && strings.EqualFold(stored[j].name, s.name) {
					return &stored[j], s
				}
			}
		}
	}
	return found, nil
}

// called is the field under another name in files.
func called(f table.Field, name string) table.Field {
	meta := maps.Clone(f.Meta)
	if meta == nil {
		meta = map[string]any{}
	}
	meta[physicalName] = name
	f.Meta = meta
	return f
}

// unlike is a name that no column of a file has.
func unlike(stored []column, name string) string {
	for slices.ContainsFunc(stored, func(c column) bool { return strings.EqualFold(c.read, name) }) {
		name += "_"
	}
	return name
}

// types gives the type wanted as a scan of the file has to spell it, and what is
// wrong, or "".
func (c *storedCheck) types(stored column, wanted table.Type, path string) (t table.Type, problem string) {
	part := func(i int, of **table.Type, name string) {
		if problem == "" {
			var inner table.Type
			inner, problem = c.types(stored.inner[i], **of, path+name)
			*of = &inner
		}
	}
	t = wanted
	switch held := stored.is; {
	case held.Kind == variant && isVariant(wanted):
		return held, ""
	case held.Kind == table.Struct && isVariant(wanted) && slices.ContainsFunc(stored.inner, func(c column) bool { return c.name == "typed_value" }):
		return t, fmt.Sprintf("column %q is a variant that is shredded, and the file does not mark it as a variant", path)
	case held.Kind == table.Struct && wanted.Kind == table.Struct:
		t.Fields, problem = c.fields(stored.inner, wanted.Fields, path+".")
		return t, problem
	case held.Kind == table.Array && wanted.Kind == table.Array:
		part(0, &t.Elem, ".element")
		return t, problem
	case held.Kind == table.Map && wanted.Kind == table.Map:
		part(0, &t.Key, ".key")
		part(1, &t.Elem, ".value")
		return t, problem
	case held.Kind == table.Binary && wanted.Kind == table.String:
		c.unmarked = true
		return t, ""
	case readsAs(held, wanted) && !stored.clock:
		return t, ""
	}
	held := stored.is.String()
	switch {
	case stored.clock:
		held = "a time of day"
	case stored.is.Kind == "":
		held = "a type that no table can have"
	}
	return t, fmt.Sprintf("column %q is %s in the file, but %s in the table", path, held, wanted)
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
