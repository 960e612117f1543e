package delta

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/dq-dev/dq/table"
)

const wideningProperty = "delta.enableTypeWidening"

// wholeDigits is how many digits before the point an integer needs as a decimal
// (PROTOCOL.md, "Type Widening": supported type changes).
var wholeDigits = map[table.Kind]int{table.Int8: 10, table.Int16: 10, table.Int32: 10, table.Int64: 20}

// integerRank orders integers by size.
var integerRank = map[table.Kind]int{table.Int8: 1, table.Int16: 2, table.Int32: 3, table.Int64: 4}

// widens reports whether every value of type old can be read as one of type next
// without loss, going into nested types. Members of structs are matched by name;
// those of next that old lacks are null. Equal types widen.
func widens(old, next table.Type) bool {
	switch {
	case old.Kind == table.Void:
		return true
	case old.Kind != next.Kind:
		return widensPrimitive(old, next)
	}
	switch old.Kind {
	case table.Struct:
		byName := make(map[string]table.Type, len(next.Fields))
		for _, f := range next.Fields {
			byName[f.Name] = f.Type
		}
		for _, f := range old.Fields {
			if t, ok := byName[f.Name]; !ok || !widens(f.Type, t) {
				return false
			}
		}
		return true
	case table.Array:
		return widens(*old.Elem, *next.Elem)
	case table.Map:
		return widens(*old.Key, *next.Key) && widens(*old.Elem, *next.Elem)
	case table.Decimal:
		return next.Scale >= old.Scale && next.Precision-next.Scale >= old.Precision-old.Scale
	}
	return true
}

func widensPrimitive(old, next table.Type) bool {
	from, to := integerRank[old.Kind], integerRank[next.Kind]
	switch {
	case from > 0 && to > 0:
		return from < to
	case from > 0 && next.Kind == table.Double:
		return old.Kind != table.Int64
	case from > 0 && next.Kind == table.Decimal:
		return next.Precision-next.Scale >= wholeDigits[old.Kind]
	case old.Kind == table.Float:
		return next.Kind == table.Double
	case old.Kind == table.Date:
		return next.Kind == table.TimestampNTZ
	}
	return false
}

// Widens reports whether a column of one type may become one of another where the table
// has the feature typeWidening (PROTOCOL.md, "Type Widening"), going into nested types.
// Equal types do.
func Widens(old, next table.Type) bool { return widens(old, next) }

// wider says what a type can become.
func wider(t table.Type) string {
	switch t.Kind {
	case table.Int8:
		return "can become int16, int32, int64, double, or a decimal with 10 digits or more before the point"
	case table.Int16:
		return "can become int32, int64, double, or a decimal with 10 digits or more before the point"
	case table.Int32:
		return "can become int64, double, or a decimal with 10 digits or more before the point"
	case table.Int64:
		return "can become a decimal with 20 digits or more before the point"
	case table.Float:
		return "can become double"
	case table.Date:
		return "can become timestamp_ntz"
	case table.Decimal:
		return "can become a decimal with no fewer digits before the point, nor behind it"
	case table.Struct:
		return "is widened by its members, as in a.b"
	case table.Array:
		return "is widened by its elements, as in a.element"
	case table.Map:
		return "is widened by what it holds, as in a.key and a.value"
	}
	return "cannot be widened"
}

// checkTypeChanges refuses columns of which older files have types that are not read
// as the one that the column has now: readers must fail on changes that they do not
// know (PROTOCOL.md, "Type Widening").
func checkTypeChanges(fields []table.Field) error {
	var all []error
	eachField(fields, "", func(path string, f table.Field) {
		noted, ok := f.Meta[typeChangesKey]
		if !ok {
			return
		}
		var changes []struct{ FromType, ToType string }
		text, err := json.Marshal(noted)
		if err == nil {
			err = json.Unmarshal(text, &changes)
		}
		if err != nil {
			all = append(all, fmt.Errorf("column %q: %s are %s", path, typeChangesKey, text))
		}
		for _, c := range changes {
			from, err := parsePrimitive(c.FromType)
			to, err2 := parsePrimitive(c.ToType)
			if err != nil || err2 != nil || !widens(from, to) && !holdsAll(from, to) {
				all = append(all, fmt.Errorf("column %q changed from %q to %q, which this program does not read", path, c.FromType, c.ToType))
			}
		}
	})
	return errors.Join(all...)
}

// holdsAll reports whether a decimal holds every value of an integer. Spark before 4 had
// tables with less digits than the protocol now asks for, which can be read all the same.
func holdsAll(old, next table.Type) bool {
	digits, ok := map[table.Kind]int{table.Int8: 3, table.Int16: 5, table.Int32: 10, table.Int64: 19}[old.Kind]
	return ok && next.Kind == table.Decimal && next.Precision-next.Scale >= digits
}
