package operations

import (
	"slices"
	"strings"

	"github.com/dq-dev/dq/delta"
	"github.com/dq-dev/dq/internal/yamlpos"
	"github.com/dq-dev/dq/table"
)

// merged is the table's schema with what only the rows have: columns, members of structs
// at any depth, and wider types, if that is allowed; and whether it is another one.
func merged(s *delta.Snapshot, given table.Schema, allowed bool) (table.Schema, bool, error) {
	old := s.Schema()
	for _, f := range old.Fields {
		if _, ok := fold(given, f.Name); !ok && !f.Nullable && !Made(f) {
			return old, false, invalid("the rows have no column %s, which must not be null", f.Name)
		}
	}
	g := growth{allowed: allowed, widens: allowed && s.Properties()["delta.enableTypeWidening"] == "true", partitionBy: s.PartitionBy()}
	fields, err := g.fields(old.Fields, given.Fields, "")
	if err == nil && !allowed {
		err = g.refused(old, " To add it, merge the schema (--merge-schema)")
	}
	return table.Schema{Fields: fields}, err == nil && (len(g.added) > 0 || g.widened), err
}

// within refuses what values of a column have that its type does not: the engine would
// leave it out without a word.
func within(schema table.Schema, column table.Field, given table.Type) error {
	g := growth{}
	if _, err := g.typ(column, given, column.Name); err != nil {
		return err
	}
	return g.refused(schema, "")
}

// growth collects what rows bring that a table does not have.
type growth struct {
	allowed     bool
	widens      bool
	partitionBy []string
	added, near []string // paths of fields, and those of the table that may be meant
	widened     bool
}

// refused is the error where nothing may be added.
func (g *growth) refused(s table.Schema, hint string) error {
	if len(g.added) == 0 {
		return nil
	}
	meant := "it has " + strings.Join(s.Names(), ", ") + "."
	if len(g.near) > 0 {
		meant = "did you mean " + strings.Join(g.near, ", ") + "?"
	}
	return invalid("the table has no column %s; %s%s", strings.Join(g.added, ", "), meant, hint)
}

func (g *growth) fields(old, given []table.Field, of string) ([]table.Field, error) {
	out := slices.Clone(old)
	for _, f := range given {
		i := slices.IndexFunc(old, func(o table.Field) bool { return strings.EqualFold(o.Name, f.Name) })
		if i < 0 {
			if n := yamlpos.Nearest(f.Name, table.Schema{Fields: old}.Names()); n != "" {
				g.near = append(g.near, of+n)
			}
			f.Nullable = true
			g.added, out = append(g.added, of+f.Name), append(out, f)
			continue
		}
		var err error
		if out[i].Type, err = g.typ(old[i], f.Type, of+old[i].Name); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// typ is the type of a column, or of what path leads to in one, of which rows come with
// another.
func (g *growth) typ(old table.Field, given table.Type, path string) (table.Type, error) {
	is := old.Type
	part := func(is, given *table.Type, name string) (*table.Type, error) {
		next, err := g.typ(table.Field{Type: *is}, *given, path+"."+name)
		return &next, err
	}
	var err error
	switch {
	case given.Kind == is.Kind && is.Kind == table.Struct:
		is.Fields, err = g.fields(is.Fields, given.Fields, path+".")
	case given.Kind == is.Kind && is.Kind == table.Array:
		is.Elem, err = part(is.Elem, given.Elem, "element")
	case given.Kind == is.Kind && is.Kind == table.Map:
		if is.Key, err = part(is.Key, given.Key, "key"); err == nil {
			is.Elem, err = part(is.Elem, given.Elem, "value")
		}
	case is.Kind == table.Void:
		if g.allowed && given.Kind != table.Void {
			g.widened, is = true, given
		}
	case nested(is) != nested(given) || nested(is) && is.Kind != given.Kind:
		// A text may be read as any type, and any value written as one. A null without a type
		// is an int32 to the engine; whether values fit is asked where they are written.
		if given.Kind != table.Int32 && given.Kind != "" && given.Kind != table.Void && given.Kind != table.String && is.Kind != table.String {
			err = invalid("column %q is %s, and the rows have %s", path, is, given)
		}
	case g.widens && widensAlone(old, given) && !slices.Contains(g.partitionBy, path):
		g.widened = true
		return given, nil
	}
	return is, err
}

func nested(t table.Type) bool { return t.Elem != nil || t.Fields != nil }

// widensAlone reports whether a column gets a type because rows come with it.
func widensAlone(f table.Field, to table.Type) bool {
	switch f.Type.Kind {
	case table.Int8, table.Int16, table.Int32, table.Int64:
		if to.Kind == table.Double || to.Kind == table.Decimal || isIdentity(f) {
			return false
		}
	}
	return !f.Type.Equal(to) && delta.Widens(f.Type, to)
}

// hollow reports whether a type is void, or has a part that is: that is in no file, and
// reads as null.
func hollow(t table.Type) bool {
	return t.Kind == table.Void || t.Key != nil && hollow(*t.Key) || t.Elem != nil && hollow(*t.Elem) ||
		slices.ContainsFunc(t.Fields, func(f table.Field) bool { return hollow(f.Type) })
}

// inFiles are the fields that files have: no void ones, at any depth.
func inFiles(fields []table.Field) []table.Field {
	if !slices.ContainsFunc(fields, func(f table.Field) bool { return hollow(f.Type) }) {
		return fields
	}
	var out []table.Field
	for _, f := range fields {
		if f.Type.Kind != table.Void {
			f.Type = f.Type.After(f.Type, func(_, next []table.Field) []table.Field { return inFiles(next) })
			out = append(out, f)
		}
	}
	return out
}
