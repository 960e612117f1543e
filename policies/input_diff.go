package policies

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/dq-dev/dq/table"
)

// declaredOps are the operations that come of what is declared of a table as a whole,
// or of its suite: a document's shapes do not show them.
var declaredOps = []string{table.TableRenamed, table.SCDChanged, table.OwnerChanged, table.SLAChanged, table.RetentionChanged,
	table.ContractVersionChanged, table.CompatibilityChanged, table.SunsetChanged, table.SuiteWeakened}

// checkDiff says how the diff of a document that somebody wrote is not what its old and
// new shape say, by the entry it is about, -1 for one that is missing. A document
// without columns has no shapes to hold it against.
func (in Input) checkDiff(problem func(entry int, hint, format string, args ...any)) {
	if in.columns() == 0 {
		return
	}
	var schemas [2]table.Schema
	for i, s := range []*Shape{in.Old, in.New} {
		var err error
		if schemas[i], err = s.schema(); err != nil {
			problem(-1, "write types as suites do: string, decimal(18,2)", "the diff cannot be held against %s: %v", []string{"old", "new"}[i], err)
			return
		}
	}
	renamed := map[string]string{} // which somebody has to say: shapes show it only by ids
	fromContract := false
	for _, c := range in.Diff {
		if from, ok := c.From.(string); ok && c.Op == table.ColumnRenamed {
			renamed[c.Path] = from
		}
		fromContract = fromContract || c.Op == table.TableCreated && in.Old != nil && in.Table.VersionFrom == nil
	}
	var columns []table.Change
	if in.Old != nil && in.New != nil {
		columns = table.Diff(schemas[0], schemas[1], renamed)
	}
	said := Diff(in.Old, in.New, columns)
	if fromContract { // a new table that is held against what its files were promised to bring
		said = append(Diff(nil, in.New, nil), said...)
	}
	for i, c := range in.Diff {
		if slices.Contains(declaredOps, c.Op) {
			continue
		}
		at := slices.IndexFunc(said, func(s Change) bool { return s.Op == c.Op && s.Path == c.Path })
		if at < 0 {
			problem(i, "take it out, or mend old and new", "the diff has %s, and old and new do not say so", c.named())
			continue
		}
		if is, want := c.comparable(), said[at].comparable(); !reflect.DeepEqual(is, want) {
			problem(i, "", "of %s old and new say another thing: %s", c.named(), said[at].text())
		}
		said = slices.Delete(said, at, at+1)
	}
	for _, s := range said {
		hint := "add " + s.text()
		if s.Op == table.TableCreated || s.Op == table.TableDropped {
			hint = "write both old and new of a table that stays, or " + hint
		}
		problem(-1, hint, "old and new say %s, and the diff does not have it", s.named())
	}
}

// columns is how many columns there are before and after.
func (in Input) columns() int {
	n := 0
	for _, s := range []*Shape{in.Old, in.New} {
		if s != nil {
			n += len(s.Columns)
		}
	}
	return n
}

// named is the operation and what it is about.
func (c Change) named() string { return strings.TrimSpace(c.Op + " " + c.Path) }

// text is the change as a document has it, but for what tells nothing of the shapes.
func (c Change) text() string {
	c.Hint = ""
	text, err := json.Marshal(c.Change)
	if err != nil {
		panic(err) // texts, numbers and lists of them
	}
	return string(text)
}

// comparable is what the change says of the shapes, as JSON is read.
func (c Change) comparable() any {
	if c.DataRisk == "" {
		c.DataRisk = table.NoRisk
	}
	var v any
	if err := json.Unmarshal([]byte(c.text()), &v); err != nil {
		panic(err) // it was written above
	}
	return v
}

// schema is the schema that a shape's columns are of; see [Columns]. Parts of nested
// columns that it does not list are as the types say.
func (s *Shape) schema() (table.Schema, error) {
	var out table.Schema
	if s == nil {
		return out, nil
	}
	r := schemaReader{columns: map[string]Column{}, parts: map[string]bool{}}
	for _, c := range s.Columns {
		r.columns[c.Path] = c
	}
	fields := make([]table.Field, len(s.Columns))
	for i, c := range s.Columns {
		t, err := table.ParseType(c.Type)
		if err == nil {
			fields[i], err = r.field(c.Path, c.Path, t, c.Nullable)
		}
		if err != nil {
			return out, fmt.Errorf("column %s: %w", c.Path, err)
		}
	}
	for i, c := range s.Columns {
		if !r.parts[c.Path] {
			out.Fields = append(out.Fields, fields[i])
		}
	}
	return out, nil
}

// schemaReader makes fields of a shape's columns, by their paths.
type schemaReader struct {
	columns map[string]Column
	parts   map[string]bool // the paths that are parts of columns
}

// field is a column, or a part of one, with its own parts.
func (r *schemaReader) field(path, name string, t table.Type, nullable bool) (table.Field, error) {
	f := table.Field{Name: name, Type: t, Nullable: nullable}
	if c, ok := r.columns[path]; ok {
		if is, err := table.ParseType(c.Type); err == nil && is.String() != t.String() {
			return f, fmt.Errorf("%s is %s, and the column that it is part of says %s", path, is, t)
		}
		f.Nullable, f.Meta = c.Nullable, map[string]any{}
		for key, text := range map[string]string{"comment": c.Comment, "CURRENT_DEFAULT": c.Default, "delta.columnMapping.id": c.ID} {
			if text != "" {
				f.Meta[key] = text
			}
		}
	}
	part := func(name string, t table.Type, nullable bool) (table.Field, error) {
		r.parts[path+"."+name] = true
		return r.field(path+"."+name, name, t, nullable)
	}
	switch t.Kind {
	case table.Struct:
		f.Type.Fields = make([]table.Field, len(t.Fields))
		for i, m := range t.Fields {
			var err error
			if f.Type.Fields[i], err = part(m.Name, m.Type, m.Nullable); err != nil {
				return f, err
			}
		}
	case table.Map:
		key, err := part("key", *t.Key, false)
		if err != nil {
			return f, err
		}
		value, err := part("value", *t.Elem, t.ElemNullable)
		f.Type.Key, f.Type.Elem, f.Type.ElemNullable = &key.Type, &value.Type, value.Nullable
		return f, err
	case table.Array:
		element, err := part("element", *t.Elem, t.ElemNullable)
		f.Type.Elem, f.Type.ElemNullable = &element.Type, element.Nullable
		return f, err
	}
	return f, nil
}
