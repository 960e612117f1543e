package duckdb

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	driver "github.com/duckdb/duckdb-go/v2"

	"github.com/dq-dev/dq/table"
)

// naming says what a field is called: in SQL (logical) or in files (physical).
type naming func(table.Field) string

// physicalName is where a field's metadata say what it is called in files.
const physicalName = "delta.columnMapping.physicalName"

// besideMark marks a member of a struct that is read, but not asked for.
const besideMark = "dq.beside"

func logical(f table.Field) string { return f.Name }

// physical is the name of a field inside data files, which differs when the
// table maps columns (Delta protocol, "Column Mapping").
func physical(f table.Field) string {
	if p, ok := f.Meta[physicalName].(string); ok && p != "" {
		return p
	}
	return f.Name
}

// fieldID is the id that column mapping gives a field, as text.
func fieldID(f table.Field) (string, bool) {
	id, ok := f.Meta["delta.columnMapping.id"]
	if !ok {
		return "", false
	}
	text := fmt.Sprint(id)
	_, err := strconv.ParseInt(text, 10, 32)
	return text, err == nil
}

// variant is a column of a file that is marked as one of any type (Parquet, "Variant
// Binary Encoding"), which DuckDB decodes. A table has its two parts instead, and
// these come back as they were.
const variant table.Kind = "variant"

func isVariant(t table.Type) bool {
	return t.Kind == table.Struct && len(t.Fields) == 2 && t.Fields[0].Name == "metadata" && t.Fields[1].Name == "value" &&
		t.Fields[0].Type.Kind == table.Binary && t.Fields[1].Type.Kind == table.Binary
}

// sqlType spells a type for DuckDB.
func sqlType(t table.Type, name naming) string {
	switch t.Kind {
	case table.Bool:
		return "BOOLEAN"
	case table.Int8:
		return "TINYINT"
	case table.Int16:
		return "SMALLINT"
	case table.Int32:
		return "INTEGER"
	case table.Int64:
		return "BIGINT"
	case table.Float:
		return "FLOAT"
	case table.Double:
		return "DOUBLE"
	case table.Decimal:
		return fmt.Sprintf("DECIMAL(%d,%d)", t.Precision, t.Scale)
	case table.Date:
		return "DATE"
	case table.Timestamp:
		return "TIMESTAMP WITH TIME ZONE"
	case table.TimestampNTZ:
		return "TIMESTAMP"
	case table.Binary:
		return "BLOB"
	case variant:
		return "VARIANT"
	case table.Array:
		return sqlType(*t.Elem, name) + "[]"
	case table.Map:
		return "MAP(" + sqlType(*t.Key, name) + ", " + sqlType(*t.Elem, name) + ")"
	case table.Struct:
		parts := make([]string, len(t.Fields))
		for i, f := range t.Fields {
			parts[i] = ident(name(f)) + " " + sqlType(f.Type, name)
		}
		return "STRUCT(" + strings.Join(parts, ", ") + ")"
	}
	return "VARCHAR" // strings, and void: DuckDB has no column of nothing
}

// tableType says which type of a table a result has, and false when there is none.
func tableType(info driver.TypeInfo) (table.Type, bool) {
	kind := func(k table.Kind) (table.Type, bool) { return table.Type{Kind: k}, true }
	decimal := func(p, s int) (table.Type, bool) {
		return table.Type{Kind: table.Decimal, Precision: p, Scale: s}, true
	}
	switch info.InternalType() {
	case driver.TYPE_BOOLEAN:
		return kind(table.Bool)
	case driver.TYPE_TINYINT:
		return kind(table.Int8)
	case driver.TYPE_SMALLINT, driver.TYPE_UTINYINT:
		return kind(table.Int16)
	case driver.TYPE_INTEGER, driver.TYPE_USMALLINT:
		return kind(table.Int32)
	case driver.TYPE_BIGINT, driver.TYPE_UINTEGER:
		return kind(table.Int64)
	case driver.TYPE_UBIGINT:
		return decimal(20, 0)
	case driver.TYPE_HUGEINT, driver.TYPE_UHUGEINT, driver.TYPE_BIGNUM:
		return decimal(38, 0)
	case driver.TYPE_FLOAT:
		return kind(table.Float)
	case driver.TYPE_DOUBLE:
		return kind(table.Double)
	case driver.TYPE_DATE:
		return kind(table.Date)
	case driver.TYPE_TIMESTAMP_TZ:
		return kind(table.Timestamp)
	case driver.TYPE_TIMESTAMP, driver.TYPE_TIMESTAMP_S, driver.TYPE_TIMESTAMP_MS, driver.TYPE_TIMESTAMP_NS:
		return kind(table.TimestampNTZ)
	case driver.TYPE_BLOB:
		return kind(table.Binary)
	case driver.TYPE_VARCHAR, driver.TYPE_UUID, driver.TYPE_ENUM, driver.TYPE_TIME, driver.TYPE_TIME_TZ:
		return kind(table.String)
	case driver.TYPE_SQLNULL:
		return kind(table.Void)
	case driver.TYPE_VARIANT:
		return kind(variant)
	}
	switch d := info.Details().(type) {
	case *driver.DecimalDetails:
		return decimal(int(d.Width), int(d.Scale))
	case *driver.ListDetails:
		return arrayOf(d.Child)
	case *driver.ArrayDetails:
		return arrayOf(d.Child)
	case *driver.MapDetails:
		key, ok := tableType(d.Key)
		if !ok {
			return table.Type{}, false
		}
		value, ok := tableType(d.Value)
		return table.Type{Kind: table.Map, Key: &key, Elem: &value, ElemNullable: true}, ok
	case *driver.StructDetails:
		t := table.Type{Kind: table.Struct}
		for _, entry := range d.Entries {
			ft, ok := tableType(entry.Info())
			if !ok {
				return table.Type{}, false
			}
			t.Fields = append(t.Fields, table.Field{Name: entry.Name(), Type: ft, Nullable: true})
		}
		return t, true
	}
	return table.Type{}, false
}

func arrayOf(child driver.TypeInfo) (table.Type, bool) {
	elem, ok := tableType(child)
	return table.Type{Kind: table.Array, Elem: &elem, ElemNullable: true}, ok
}

// renamed is the expression e of type t with the fields of its structs called
// to(f) instead of from(f); e itself when that changes nothing.
func renamed(e string, t table.Type, from, to naming, depth int) string {
	x := "x" + strconv.Itoa(depth)
	switch t.Kind {
	case variant:
		return "CASE WHEN " + e + " IS NOT NULL THEN CAST(variant_to_parquet_variant(" + e + ") AS STRUCT(metadata BLOB, \"value\" BLOB)) END"
	case table.Struct:
		var parts []string
		changed := false
		for _, f := range t.Fields {
			if f.Meta[besideMark] == true {
				changed = true
				continue
			}
			field := e + "." + ident(from(f))
			inner := renamed(field, f.Type, from, to, depth+1)
			changed = changed || inner != field || from(f) != to(f)
			parts = append(parts, ident(to(f))+" := "+inner)
		}
		if changed {
			return "CASE WHEN " + e + " IS NOT NULL THEN struct_pack(" + strings.Join(parts, ", ") + ") END"
		}
	case table.Array:
		if inner := renamed(x, *t.Elem, from, to, depth+1); inner != x {
			return "list_transform(" + e + ", lambda " + x + ": " + inner + ")"
		}
	case table.Map:
		key, value := x+".key", x+".value"
		k, v := renamed(key, *t.Key, from, to, depth+1), renamed(value, *t.Elem, from, to, depth+1)
		if k != key || v != value {
			return "CASE WHEN " + e + " IS NOT NULL THEN map_from_entries(list_transform(map_entries(" + e + "), lambda " + x +
				": struct_pack(k := " + k + ", v := " + v + "))) END"
		}
	}
	return e
}

// cast is the expression e, of type from, as type to: with the same value, or
// failing with an error that names the column and the value. DuckDB by itself
// rounds ('12.7' is the integer 13) and does not say where.
func cast(e string, from, to table.Type, column string) string {
	target := sqlType(to, logical)
	tried, fits := try(e, from, to)
	if fits == "" {
		return tried
	}
	problem := literal("column "+strconv.Quote(column)+": the value ") + " || left(CAST(" + e + " AS VARCHAR), 80) || " + literal(" does not fit "+to.String())
	return "CASE WHEN " + e + " IS NULL THEN NULL WHEN " + fits + " THEN " + tried +
		" ELSE CAST(error(" + problem + ") AS " + target + ") END"
}

// Fit is [engine.Dialect]'s.
func (dialect) Fit(e string, from, to table.Type) (fits, value string) {
	tried, fits := try(e, from, to)
	if fits == "" {
		return "true", tried
	}
	return "(" + e + " IS NULL OR " + fits + ")", "CASE WHEN " + fits + " THEN " + tried + " END"
}

// try casts e to a type, and says when that keeps a value that is not null; ""
// is always.
func try(e string, from, to table.Type) (tried, fits string) {
	target := sqlType(to, logical)
	if from.Equal(to) || widens(from, to) {
		return "CAST(" + e + " AS " + target + ")", "" // nothing, when e is of that type already
	}
	if to.Kind == table.Void {
		return "CAST(NULL AS " + target + ")", "false"
	}
	tried = "TRY_CAST(" + e + " AS " + target + ")"
	if from.Kind == to.Kind && (from.Elem != nil || from.Fields != nil) {
		return tried, keepsParts(e, from, to, 0)
	}
	fits = tried + " IS NOT NULL"
	switch {
	case from.Kind == table.String && (to.Integer() || to.Kind == table.Decimal):
		fits += fmt.Sprintf(` AND regexp_full_match(%s, '\s*[+-]?[0-9]*(\.[0-9]{0,%d}0*)?\s*')`, e, to.Scale)
	case from.Kind == table.String && to.Kind == table.Date:
		fits += " AND TRY_CAST(" + e + " AS TIMESTAMP) = " + tried
	case from.Kind == table.String:
	default:
		fits += " AND TRY_CAST(" + tried + " AS " + sqlType(from, logical) + ") = " + e
	}
	return tried, fits
}

// keepsParts says when a cast keeps what is in a nested value e that is not null, as
// far as both types have it: DuckDB casts members of structs by name.
func keepsParts(e string, from, to table.Type, depth int) string {
	keeps := func(e string, from, to table.Type) string {
		if from.Kind == to.Kind && (from.Elem != nil || from.Fields != nil) {
			if widens(from, to) {
				return ""
			}
			return keepsParts(e, from, to, depth+1)
		}
		_, fits := try(e, from, to)
		return fits
	}
	x := "x" + strconv.Itoa(depth)
	each := func(list string, from, to table.Type) string {
		fits := keeps(x, from, to)
		if fits == "" {
			return ""
		}
		return "len(list_filter(" + list + ", lambda " + x + ": NOT coalesce(" + x + " IS NULL OR " + fits + ", false))) = 0"
	}
	var parts []string
	switch from.Kind {
	case table.Array:
		parts = []string{each(e, *from.Elem, *to.Elem)}
	case table.Map:
		parts = []string{each("map_keys("+e+")", *from.Key, *to.Key), each("map_values("+e+")", *from.Elem, *to.Elem)}
	default:
		for _, f := range from.Fields {
			for _, g := range to.Fields {
				if !strings.EqualFold(f.Name, g.Name) {
					continue
				}
				member := "struct_extract(" + e + ", " + literal(f.Name) + ")"
				if fits := keeps(member, f.Type, g.Type); fits != "" {
					parts = append(parts, "("+member+" IS NULL OR "+fits+")")
				}
			}
		}
	}
	parts = slices.DeleteFunc(parts, func(p string) bool { return p == "" })
	return "coalesce(" + strings.Join(parts, " AND ") + ", false)"
}

// widens reports whether every value of from is the same value as to. Of structs, what
// only one of them has is not looked at.
func widens(from, to table.Type) bool {
	digits := map[table.Kind]int{table.Int8: 3, table.Int16: 5, table.Int32: 10, table.Int64: 19}
	switch {
	case from.Kind == table.Void, to.Kind == table.String:
		return true
	case to.Kind == table.Void:
		return false
	case from.Fields != nil && to.Fields != nil:
		return !slices.ContainsFunc(from.Fields, func(f table.Field) bool {
			return slices.ContainsFunc(to.Fields, func(g table.Field) bool {
				return strings.EqualFold(f.Name, g.Name) && !f.Type.Equal(g.Type) && !widens(f.Type, g.Type)
			})
		})
	case from.Elem != nil && to.Kind == from.Kind:
		same := func(a, b *table.Type) bool { return a == nil || a.Equal(*b) || widens(*a, *b) }
		return same(from.Key, to.Key) && same(from.Elem, to.Elem)
	case from.Elem != nil, from.Fields != nil: // of no use to each other, as DuckDB says
		return true
	case from.Kind == table.Decimal && to.Kind == table.Decimal:
		return to.Scale >= from.Scale && to.Precision-to.Scale >= from.Precision-from.Scale
	case from.Integer() && to.Integer():
		return digits[from.Kind] <= digits[to.Kind]
	case from.Integer() && to.Kind == table.Decimal:
		return to.Precision-to.Scale >= digits[from.Kind]
	case to.Kind == table.Double:
		return from.Numeric() && from.Kind != table.Int64
	case to.Kind == table.Float:
		return from.Kind == table.Int8 || from.Kind == table.Int16
	case from.Kind == table.Date:
		return to.Temporal()
	}
	return from.Kind == table.Timestamp && to.Kind == table.TimestampNTZ || from.Kind == table.TimestampNTZ && to.Kind == table.Timestamp
}
