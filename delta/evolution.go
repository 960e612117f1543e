package delta

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/dq-dev/dq/table"
)

// layout is what metaData and protocol say about a table, in the making.
type layout struct {
	schema      table.Schema
	partitionBy []string
	props       map[string]string
	mapping     mapping
	clustering  [][]string // physical paths of the columns that files are clustered by
	preview     bool       // widened types are noted as before the feature was settled
}

// SetSchema changes the table's columns. While old files stay, new columns must
// be nullable, and a type can change only where delta.enableTypeWidening is true
// and every value fits the new one: to a larger integer, from float to double,
// from a small integer to double, to a wider decimal, from date to timestamp_ntz.
// Such a change is noted at the column (PROTOCOL.md, "Type Widening"). With column
// mapping, columns are those of the same id, or else of the same name. The same
// schema again changes nothing.
func (x *Txn) SetSchema(s table.Schema) {
	if x.open("set schema") {
		x.edits = append(x.edits, func(l *layout) error {
			if _, err := formatSchema(s); err != nil {
				return err
			}
			fields := s.Fields
			if l.mapping != mapNone {
				fields = keepIDs(l.schema.Fields, fields)
			}
			l.schema = table.Schema{Fields: fields}
			return nil
		})
	}
}

// SetPartitionBy gives the table other partition columns, or none, in a commit that
// removes all files that there are: they know values of the old ones alone. Mistakes of
// [Txn.Commit], *[Error] with [ErrInvalid]: files that stay; columns that no table can be
// partitioned by, or all of them; a table that is clustered.
func (x *Txn) SetPartitionBy(columns []string) {
	if x.open("set partition columns") {
		columns = append([]string{}, columns...)
		x.edits = append(x.edits, func(l *layout) error {
			switch {
			case slices.Equal(columns, l.partitionBy):
				return nil
			case x.base != nil && len(x.removes) < x.base.NumFiles():
				return fmt.Errorf("the partition columns cannot change while files of version %d stay", x.prepared.ReadVersion)
			case len(columns) > 0 && len(l.clustering) > 0:
				return fmt.Errorf("the table is clustered, and cannot have partitions besides")
			}
			l.partitionBy = columns
			return nil
		})
	}
}

// MergeSchema adds to the table's columns those of s that it lacks, nullable and
// at the end, within structs too. Names are equal whatever their case. A column
// whose type in s is wider becomes so where [Txn.SetSchema] would allow it; one
// that is narrower in s stays, and the files' values must be widened. Nullability
// stays. Types that do not go together are an *[Error] with [ErrInvalid] of
// [Txn.Commit].
func (x *Txn) MergeSchema(s table.Schema) {
	if x.open("merge schema") {
		x.edits = append(x.edits, func(l *layout) error {
			if _, err := formatSchema(s); err != nil {
				return err
			}
			fields, err := mergeFields(l.schema.Fields, s.Fields, "")
			l.schema = table.Schema{Fields: fields}
			return err
		})
	}
}

// Mapped is a schema as [Txn.SetSchema] would give it to the table, with the ids
// and physical names of column mapping at columns that are new, so that their
// files can be written before the commit: give it to SetSchema then. Without
// column mapping it is the schema itself, and an *[Error] with [ErrInvalid] if a new
// column has a name for which the table needs it. Columns are known by id, or else by
// name.
func (s *Snapshot) Mapped(next table.Schema) (table.Schema, error) {
	if s.mapping == mapNone {
		return next, plainAdded(s.schema.Fields, next.Fields)
	}
	l := &layout{table.Schema{Fields: keepIDs(s.schema.Fields, next.Fields)}, s.partitionBy, s.Properties(), s.mapping, nil, false}
	// The ids that the table's columns have count too, where they are left out.
	eachField(s.schema.Fields, "", func(_ string, f table.Field) {
		id, _ := f.Meta[mappingID].(int64)
		if last, err := strconv.ParseInt(l.props[maxColumnID], 10, 64); err != nil || id > last {
			l.props[maxColumnID] = strconv.FormatInt(id, 10)
		}
	})
	err := s.table.mapColumns(l, false)
	return l.schema, err
}

// Mapped is a schema as [Table.Create] would give it to a new table: where a name, at
// any depth, is none of [PlainName], all columns have ids and physical names of column
// mapping, which are random, so that their files can be written before the commit: give
// it to Create then. Any other schema is returned as it is, for readers of all ages.
func (t *Table) Mapped(s table.Schema) (table.Schema, error) {
	if plainAdded(nil, s.Fields) == nil {
		return s, nil
	}
	l := &layout{schema: s, props: map[string]string{}, mapping: mapName}
	err := t.mapColumns(l, false)
	return l.schema, err
}

// RenameColumn gives a column another name: in files and statistics nothing
// changes. Path leads to it through structs, and through "element", "key" and
// "value" of arrays and maps. Mistakes of [Txn.Commit], *[Error] with
// [ErrInvalid]: the table has no column mapping (set delta.columnMapping.mode to
// name, in this commit or before), no such column, a name that is taken, or a
// constraint or expression that uses the old name.
func (x *Txn) RenameColumn(path []string, name string) {
	x.editColumn("rename", path, func(l *layout, siblings []table.Field, i int) ([]table.Field, error) {
		for j, f := range siblings {
			if j != i && strings.EqualFold(f.Name, name) {
				return nil, fmt.Errorf("there is a column %q already", f.Name)
			}
		}
		if name == "" {
			return nil, fmt.Errorf("the new name is empty")
		}
		if len(path) == 1 {
			if at := slices.Index(l.partitionBy, siblings[i].Name); at >= 0 {
				l.partitionBy = slices.Clone(l.partitionBy)
				l.partitionBy[at] = name
			}
		}
		siblings[i].Name = name
		return siblings, nil
	})
}

// DropColumn takes a column away; path is as in [Txn.RenameColumn]. Its values
// stay in the files, unseen: a column that is added later is another one, even
// by the same name. Mistakes are as there, and: a partition column, or the last
// column of its struct.
func (x *Txn) DropColumn(path []string) {
	x.editColumn("drop", path, func(l *layout, siblings []table.Field, i int) ([]table.Field, error) {
		if len(path) == 1 && slices.Contains(l.partitionBy, siblings[i].Name) {
			return nil, fmt.Errorf("it is a partition column")
		}
		if len(siblings) == 1 {
			return nil, fmt.Errorf("it is the last one")
		}
		return slices.Delete(siblings, i, i+1), nil
	})
}

// WidenColumn gives a column a wider type, as [Txn.SetSchema] has them, and rewrites no
// file; path is as in [Txn.RenameColumn], and may end in "element", "key" or "value".
// Where there are files, delta.enableTypeWidening is set to true with it, unless this commit
// sets it otherwise: readers then need the feature typeWidening. Mistakes of [Txn.Commit],
// *[Error] with [ErrInvalid]: no such column; a type that is not wider, with those that are;
// a partition or identity column, or one that a constraint or expression uses.
func (x *Txn) WidenColumn(path []string, to table.Type) {
	if !x.open("widen column") {
		return
	}
	if _, said := x.set[wideningProperty]; !said && x.base != nil && x.base.NumFiles() > 0 {
		x.put(wideningProperty, new("true"))
	}
	path = slices.Clone(path)
	x.edits = append(x.edits, func(l *layout) error {
		all, err := widenPart(table.Type{Kind: table.Struct, Fields: l.schema.Fields}, path, to)
		if err != nil {
			return fmt.Errorf("widen column %s: %w", strings.Join(path, "."), err)
		}
		l.schema = table.Schema{Fields: all.Fields}
		return nil
	})
}

// widenPart is a type in which the part that path leads to is wider.
func widenPart(t table.Type, path []string, to table.Type) (table.Type, error) {
	if len(path) == 0 {
		switch {
		case t.Equal(to):
			return t, fmt.Errorf("it is %s already", t)
		case t.Kind == table.Struct || t.Kind == table.Array || t.Kind == table.Map || !widens(t, to):
			return t, fmt.Errorf("it is %s, which %s, and cannot become %s", t, wider(t), to)
		}
		return to, nil
	}
	var err error
	into := func(part *table.Type) *table.Type {
		next, failed := widenPart(*part, path[1:], to)
		err = failed
		return &next
	}
	switch {
	case t.Kind == table.Struct:
		t.Fields, err = editFields(t.Fields, path[:1], func(fields []table.Field, i int) ([]table.Field, error) {
			if len(path) == 1 && fields[i].Meta["delta.identity.start"] != nil {
				return nil, fmt.Errorf("it is an identity column")
			}
			var err error
			fields[i].Type, err = widenPart(fields[i].Type, path[1:], to)
			return fields, err
		})
	case t.Kind == table.Array && path[0] == "element", t.Kind == table.Map && path[0] == "value":
		t.Elem = into(t.Elem)
	case t.Kind == table.Map && path[0] == "key":
		t.Key = into(t.Key)
	default:
		err = fmt.Errorf("there is no %q in a column of type %s", path[0], t)
	}
	return t, err
}

func (x *Txn) editColumn(what string, path []string, do func(*layout, []table.Field, int) ([]table.Field, error)) {
	if !x.open(what + " column") {
		return
	}
	path = slices.Clone(path)
	x.edits = append(x.edits, func(l *layout) error {
		name := strings.Join(path, ".")
		if l.mapping == mapNone {
			return &Error{Category: InvalidChange, Problem: fmt.Sprintf("%s column %s: the table's files know columns by their names", what, name),
				Hint: "set the property delta.columnMapping.mode to name first; readers then need version 2 of the protocol"}
		}
		fields, err := editFields(l.schema.Fields, path, func(siblings []table.Field, i int) ([]table.Field, error) {
			if user := l.user(siblings[i].Name); user != "" {
				return nil, fmt.Errorf("it is used by %s", user)
			}
			return do(l, siblings, i)
		})
		if err != nil {
			return fmt.Errorf("%s column %s: %w", what, name, err)
		}
		l.schema = table.Schema{Fields: fields}
		return nil
	})
}

// editFields replaces the fields of the struct in which path ends, in a copy.
func editFields(fields []table.Field, path []string, do func([]table.Field, int) ([]table.Field, error)) ([]table.Field, error) {
	if len(path) == 0 {
		return nil, fmt.Errorf("no column is named")
	}
	i := slices.IndexFunc(fields, func(f table.Field) bool { return strings.EqualFold(f.Name, path[0]) })
	if i < 0 {
		return nil, fmt.Errorf("there is no column %q", path[0])
	}
	fields = slices.Clone(fields)
	if len(path) == 1 {
		return do(fields, i)
	}
	var err error
	fields[i].Type, err = editType(fields[i].Type, path[1:], do)
	return fields, err
}

func editType(t table.Type, path []string, do func([]table.Field, int) ([]table.Field, error)) (table.Type, error) {
	into := func(part *table.Type) (*table.Type, error) {
		next, err := editType(*part, path[1:], do)
		return &next, err
	}
	var err error
	switch {
	case len(path) == 0:
		err = fmt.Errorf("that is no column of a struct")
	case t.Kind == table.Struct:
		t.Fields, err = editFields(t.Fields, path, do)
	case t.Kind == table.Array && path[0] == "element", t.Kind == table.Map && path[0] == "value":
		t.Elem, err = into(t.Elem)
	case t.Kind == table.Map && path[0] == "key":
		t.Key, err = into(t.Key)
	default:
		err = fmt.Errorf("there is no %q in a column of type %s", path[0], t)
	}
	return t, err
}

// user names an expression of the table in which a word is the column's name.
func (l *layout) user(column string) string {
	uses := func(expression any) bool {
		text, ok := expression.(string)
		if !ok {
			return false
		}
		words := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \t\n,.;:!?()[]{}<>=+-*/%&|^~'\"`\\", r) })
		return slices.ContainsFunc(words, func(w string) bool { return strings.EqualFold(w, column) }) ||
			strings.Contains(strings.ToLower(text), "`"+strings.ToLower(column)+"`")
	}
	for _, k := range sortedKeys(l.props) {
		if name, ok := strings.CutPrefix(k, constraintPrefix); ok && uses(l.props[k]) {
			return "the constraint " + name
		}
	}
	found := ""
	eachField(l.schema.Fields, "", func(path string, f table.Field) {
		if found == "" && (uses(f.Meta["delta.generationExpression"]) || uses(f.Meta["delta.invariants"])) {
			found = "an expression of column " + path
		}
	})
	return found
}

func mergeFields(old, next []table.Field, prefix string) ([]table.Field, error) {
	out := slices.Clone(old)
	for _, f := range next {
		i := slices.IndexFunc(out, func(o table.Field) bool { return strings.EqualFold(o.Name, f.Name) })
		if i < 0 {
			f.Nullable = true
			out = append(out, f)
			continue
		}
		var err error
		if out[i].Type, err = mergeTypes(out[i].Type, f.Type, prefix+f.Name); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func mergeTypes(old, next table.Type, path string) (table.Type, error) {
	if old.Kind == next.Kind {
		var err error
		merge := func(a, b *table.Type, part string) *table.Type {
			t, failed := mergeTypes(*a, *b, path+"."+part)
			if err == nil {
				err = failed
			}
			return &t
		}
		switch old.Kind {
		case table.Struct:
			old.Fields, err = mergeFields(old.Fields, next.Fields, path+".")
			return old, err
		case table.Array:
			old.Elem = merge(old.Elem, next.Elem, "element")
			return old, err
		case table.Map:
			old.Key, old.Elem = merge(old.Key, next.Key, "key"), merge(old.Elem, next.Elem, "value")
			return old, err
		}
	}
	switch {
	case widens(next, old):
		return old, nil
	case widens(old, next):
		return next, nil
	}
	return old, fmt.Errorf("column %q is %s and cannot take %s", path, old, next)
}

// evolves reports what makes old files unreadable under the new columns.
func (l *layout) evolves(old, next []table.Field, prefix string) error {
	before := make(map[string]table.Field, len(old))
	for _, f := range old {
		before[l.mapping.physical(f)] = f
	}
	for _, f := range next {
		path := prefix + f.Name
		was, ok := before[l.mapping.physical(f)]
		if !ok {
			if !f.Nullable {
				return fmt.Errorf("the new column %q must be nullable", path)
			}
			continue
		}
		if was.Nullable && !f.Nullable {
			return fmt.Errorf("column %q cannot become required", path)
		}
		if err := l.typeEvolves(was.Type, f.Type, f.Name, path); err != nil {
			return err
		}
	}
	return nil
}

func (l *layout) typeEvolves(old, next table.Type, column, path string) error {
	if old.Kind == table.Void {
		return nil
	}
	if old.Kind != next.Kind || old.Precision != next.Precision || old.Scale != next.Scale {
		if l.preview && widens(old, next) {
			return fmt.Errorf("column %q cannot become %s from %s: the table has the feature %s, under which dq widens no types", path, next, old, previewWidening)
		}
		if l.props[wideningProperty] == "true" && widens(old, next) {
			if user := l.user(column); user != "" { // which may mean something else by another type
				return fmt.Errorf("column %q cannot become %s from %s: it is used by %s", path, next, old, user)
			}
			return nil
		}
		if widens(old, next) {
			return fmt.Errorf("column %q cannot become %s from %s without type widening (set delta.enableTypeWidening to true)", path, next, old)
		}
		return fmt.Errorf("column %q cannot become %s from %s", path, next, old)
	}
	switch old.Kind {
	case table.Struct:
		return l.evolves(old.Fields, next.Fields, path+".")
	case table.Array:
		return l.typeEvolves(*old.Elem, *next.Elem, column, path+".element")
	case table.Map:
		if err := l.typeEvolves(*old.Key, *next.Key, column, path+".key"); err != nil {
			return err
		}
		return l.typeEvolves(*old.Elem, *next.Elem, column, path+".value")
	}
	return nil
}

const typeChangesKey = "delta.typeChanges"

// noteWidening writes at each column which types it had before.
func noteWidening(old, next []table.Field, m mapping) []table.Field {
	before := make(map[string]table.Field, len(old))
	for _, f := range old {
		before[m.physical(f)] = f
	}
	next = slices.Clone(next)
	for i, f := range next {
		was, ok := before[m.physical(f)]
		if !ok {
			continue
		}
		changes, _ := was.Meta[typeChangesKey].([]any)
		changes = slices.Clone(changes)
		next[i].Type = noteInType(was.Type, f.Type, "", m, &changes)
		if len(changes) > 0 {
			next[i].Meta = maps.Clone(f.Meta)
			if next[i].Meta == nil {
				next[i].Meta = map[string]any{}
			}
			next[i].Meta[typeChangesKey] = changes
		}
	}
	return next
}

// noteInType collects the changes down to the next structs, whose members note
// their own.
func noteInType(old, next table.Type, path string, m mapping, changes *[]any) table.Type {
	join := func(part string) string { return strings.TrimPrefix(path+"."+part, ".") }
	if old.Kind != next.Kind || old.Kind == table.Decimal {
		if old.Kind != table.Void && !old.Equal(next) {
			from, err1 := deltaType(old, 0)
			to, err2 := deltaType(next, 0)
			if err1 == nil && err2 == nil { // what is no type is found when the schema is written
				change := map[string]any{"fromType": from, "toType": to}
				if path != "" {
					change["fieldPath"] = path
				}
				*changes = append(*changes, change)
			}
		}
		return next
	}
	into := func(a, b *table.Type, part string) *table.Type {
		t := noteInType(*a, *b, join(part), m, changes)
		return &t
	}
	switch old.Kind {
	case table.Struct:
		next.Fields = noteWidening(old.Fields, next.Fields, m)
	case table.Array:
		next.Elem = into(old.Elem, next.Elem, "element")
	case table.Map:
		next.Key, next.Elem = into(old.Key, next.Key, "key"), into(old.Elem, next.Elem, "value")
	}
	return next
}

const (
	mappingID   = "delta.columnMapping.id"
	mappingName = "delta.columnMapping.physicalName"
)

// keepIDs gives the fields of next the mapping that fields of the same name have.
func keepIDs(old, next []table.Field) []table.Field {
	next = slices.Clone(next)
	for i, f := range next {
		at := slices.IndexFunc(old, func(o table.Field) bool { return strings.EqualFold(o.Name, f.Name) })
		if f.Meta[mappingID] != nil { // a renamed one
			at = slices.IndexFunc(old, func(o table.Field) bool { return o.Meta[mappingID] == f.Meta[mappingID] })
		}
		if at < 0 {
			continue
		}
		was := old[at]
		next[i].Meta = withMapping(f.Meta, was.Meta[mappingID], was.Meta[mappingName])
		next[i].Type = f.Type.After(was.Type, keepIDs)
	}
	return next
}

func withMapping(meta map[string]any, id, name any) map[string]any {
	meta = maps.Clone(meta)
	if meta == nil {
		meta = map[string]any{}
	}
	meta[mappingID], meta[mappingName] = id, name
	return meta
}

// mapper gives ids and physical names to columns that have none.
type mapper struct {
	last int64
	name func(table.Field) (string, error)
}

func (m *mapper) fields(fields []table.Field) ([]table.Field, error) {
	fields = slices.Clone(fields)
	for i, f := range fields {
		if _, ok := f.Meta[mappingID].(int64); !ok || f.Meta[mappingName] == nil {
			name, err := m.name(f)
			if err != nil {
				return nil, err
			}
			m.last++
			fields[i].Meta = withMapping(f.Meta, m.last, name)
		}
		var err error
		if fields[i].Type, err = m.inType(f.Type); err != nil {
			return nil, err
		}
	}
	return fields, nil
}

func (m *mapper) inType(t table.Type) (table.Type, error) {
	var err error
	into := func(part *table.Type) *table.Type {
		if part == nil || err != nil {
			return part
		}
		next, failed := m.inType(*part)
		err = failed
		return &next
	}
	if t.Kind == table.Struct {
		t.Fields, err = m.fields(t.Fields)
		return t, err
	}
	t.Key, t.Elem = into(t.Key), into(t.Elem)
	return t, err
}

// mapColumns gives every column of the layout an id and a physical name: where
// there are files, its name of now; else one that can never be another column's.
func (t *Table) mapColumns(l *layout, keepNames bool) error {
	last, err := strconv.ParseInt(l.props[maxColumnID], 10, 64)
	if err != nil {
		last = 0
	}
	eachField(l.schema.Fields, "", func(_ string, f table.Field) {
		if id, ok := f.Meta[mappingID].(int64); ok {
			last = max(last, id)
		}
	})
	m := &mapper{last: last, name: func(f table.Field) (string, error) {
		if keepNames {
			return f.Name, nil
		}
		id, err := t.newID()
		return "col-" + id, err
	}}
	fields, err := m.fields(l.schema.Fields)
	if err != nil {
		return err
	}
	l.schema = table.Schema{Fields: fields}
	l.props[maxColumnID] = strconv.FormatInt(m.last, 10)
	return nil
}
