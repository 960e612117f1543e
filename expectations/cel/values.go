package cel

import (
	"fmt"
	"reflect"
	"strconv"
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/table"
)

// celType is the type of a column's values in CEL.
func celType(t table.Type) *types.Type {
	switch t.Kind {
	case table.String:
		return types.StringType
	case table.Bool:
		return types.BoolType
	case table.Int8, table.Int16, table.Int32, table.Int64:
		return types.IntType
	case table.Float, table.Double:
		return types.DoubleType
	case table.Decimal:
		return decimalType
	case table.Date:
		return dateType
	case table.Timestamp, table.TimestampNTZ:
		return types.TimestampType
	case table.Binary:
		return types.BytesType
	case table.Array:
		if t.Elem != nil {
			return types.NewListType(celType(*t.Elem))
		}
	case table.Map:
		if t.Elem != nil && t.Key != nil {
			return types.NewMapType(celType(*t.Key), celType(*t.Elem))
		}
	case table.Struct:
		return types.NewObjectType(t.String())
	}
	return types.NewOpaqueType(t.String())
}

// tableType is the type of a metric that gives a value of a CEL type.
func tableType(t *types.Type, s shape) (table.Type, bool) {
	switch {
	case isDecimal(t):
		return table.Type{Kind: table.Decimal, Precision: min(s.precision, maxDigits), Scale: s.scale}, true
	case t.Kind() == types.OpaqueKind && t.TypeName() == "date":
		return table.Type{Kind: table.Date}, true
	}
	kinds := map[types.Kind]table.Kind{
		types.StringKind: table.String, types.BoolKind: table.Bool, types.IntKind: table.Int64,
		types.DoubleKind: table.Double, types.TimestampKind: table.TimestampNTZ, types.BytesKind: table.Binary,
	}
	k, ok := kinds[t.Kind()]
	return table.Type{Kind: k}, ok
}

// toCEL converts a value as in [engine.Rows] to a type and, for decimals, to a
// scale. It understands what YAML gives too: ints for doubles and decimals, text
// for decimals, dates and timestamps.
func toCEL(v any, t *types.Type, scale int) (ref.Val, error) {
	if v == nil {
		if of, ok := structOf(t.TypeName()); ok {
			return record{opaque{t}, of, nil}, nil
		}
		return types.NullValue, nil
	}
	bad := func() (ref.Val, error) { return nil, fmt.Errorf("%v (%T) is no %s", v, v, typeName(t)) }
	switch x := v.(type) {
	case int:
		v = int64(x)
	case int32:
		v = int64(x)
	case uint64:
		v = engine.Decimal(fmt.Sprint(x))
	case float32:
		v = float64(x)
	}
	if isDecimal(t) {
		d, err := toDecimalValue(v)
		if err != nil || d.scale > scale && d.cmp(d.rescale(scale)) != 0 {
			return bad()
		}
		return d.rescale(scale), nil
	}
	switch x := v.(type) {
	case bool:
		if t.Kind() == types.BoolKind {
			return types.Bool(x), nil
		}
	case int64:
		switch t.Kind() {
		case types.IntKind:
			return types.Int(x), nil
		case types.DoubleKind:
			return types.Double(x), nil
		case types.DurationKind:
			return types.Duration{Duration: time.Duration(x)}, nil
		}
	case float64:
		if t.Kind() == types.DoubleKind {
			return types.Double(x), nil
		}
	case engine.Decimal:
		d, err := parseDecimal(string(x))
		if err != nil {
			return bad()
		}
		switch {
		case t.Kind() == types.IntKind && d.cmp(d.rescale(0)) == 0 && d.rescale(0).unscaled.IsInt64():
			return types.Int(d.rescale(0).unscaled.Int64()), nil
		case t.Kind() == types.DoubleKind:
			return types.Double(d.float()), nil
		}
	case string:
		return textToCEL(x, t)
	case []byte:
		if t.Kind() == types.BytesKind {
			return types.Bytes(x), nil
		}
	case time.Time:
		switch {
		case t.Kind() == types.TimestampKind:
			return types.Timestamp{Time: x.UTC()}, nil
		case t.TypeName() == "date":
			return dateOf(x), nil
		}
	case []any:
		if t.Kind() == types.ListKind {
			values := make([]ref.Val, len(x))
			for i, e := range x {
				var err error
				if values[i], err = toCEL(e, t.Parameters()[0], scale); err != nil {
					return nil, err
				}
			}
			return types.NewRefValList(types.DefaultTypeAdapter, values), nil
		}
	}
	if m, ok := v.(map[string]any); ok {
		switch t.Kind() {
		case types.StructKind:
			of, _ := structOf(t.TypeName())
			return record{opaque{t}, of, m}, nil
		case types.MapKind:
			return mapToCEL(m, t, scale)
		}
	}
	if t.Kind() == types.OpaqueKind && t.TypeName() != "date" { // a map or a struct: only its being there counts
		return opaque{t}, nil
	}
	return bad()
}

// mapToCEL converts a map, whose keys engine.Rows has as text.
func mapToCEL(m map[string]any, t *types.Type, scale int) (ref.Val, error) {
	out := make(map[ref.Val]ref.Val, len(m))
	for text, v := range m {
		var key any = text
		switch t.Parameters()[0].Kind() {
		case types.IntKind:
			n, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				return nil, err
			}
			key = n
		case types.BoolKind:
			key = text == "true"
		}
		k, err := toCEL(key, t.Parameters()[0], scale)
		if err != nil {
			return nil, err
		}
		if out[k], err = toCEL(v, t.Parameters()[1], scale); err != nil {
			return nil, err
		}
	}
	return types.NewRefValMap(types.DefaultTypeAdapter, out), nil
}

func toDecimalValue(v any) (decimal, error) {
	switch x := v.(type) {
	case int64:
		return intDecimal(x), nil
	case float64:
		return parseDecimal(shortest(x))
	case engine.Decimal:
		return parseDecimal(string(x))
	case string:
		return parseDecimal(x)
	}
	return decimal{}, fmt.Errorf("%T is no decimal", v)
}

// textToCEL reads text for a type: itself, a date, or a timestamp with or
// without its zone.
func textToCEL(text string, t *types.Type) (ref.Val, error) {
	layouts := []string{}
	switch {
	case t.Kind() == types.StringKind:
		return types.String(text), nil
	case t.Kind() == types.TimestampKind:
		layouts = []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", time.DateOnly}
	case t.TypeName() == "date":
		layouts = []string{time.DateOnly}
	}
	for _, layout := range layouts {
		if x, err := time.Parse(layout, text); err == nil {
			if t.Kind() == types.TimestampKind {
				return types.Timestamp{Time: x.UTC()}, nil
			}
			return dateOf(x), nil
		}
	}
	return nil, fmt.Errorf("%q is no %s", text, typeName(t))
}

// native converts back to what [engine.Rows] holds.
func native(v ref.Val) any {
	switch x := v.(type) {
	case types.Null:
		return nil
	case types.Bool:
		return bool(x)
	case types.Int:
		return int64(x)
	case types.Double:
		return float64(x)
	case types.String:
		return string(x)
	case types.Bytes:
		return []byte(x)
	case types.Timestamp:
		return x.UTC()
	case date:
		return x.Time
	case decimal:
		return engine.Decimal(x.String())
	}
	return nil
}

// opaque is a value of which only its presence is known.
type opaque struct{ typ *types.Type }

func (o opaque) ConvertToNative(t reflect.Type) (any, error) {
	return nil, fmt.Errorf("%s has no native form", o.typ)
}
func (o opaque) ConvertToType(t ref.Type) ref.Val { return types.NewErr("%s does not convert", o.typ) }
func (o opaque) Equal(ref.Val) ref.Val            { return types.NewErr("%s has no equality", o.typ) }
func (o opaque) Type() ref.Type                   { return o.typ }
func (o opaque) Value() any                       { return nil }
