package cel

import (
	"fmt"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// What int() and double() read from text. Go and engines accept more than this,
// and not the same more.
const (
	intText    = `^[+-]?[0-9]+$`
	doubleText = `^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$`
)

var (
	intPattern    = regexp.MustCompile(intText)
	doublePattern = regexp.MustCompile(doubleText)
)

// Names of conversions that only package cel itself writes into a tree.
const (
	decimalFunction = "@decimal" // of an int, or of the text of a literal
	doubleFunction  = "@double"
	rescaleFunction = "@rescale"
)

// Conversions. int() cuts towards zero; text that is no number is an error.
var conversionFunctions = []function{
	{name: "int", style: global,
		doc:      "A number or the number in a text as an int, cut towards zero; the seconds of a timestamp since 1970. An error beyond 64 bits and for a text that is no int.",
		examples: []string{"int(-2.7) == -2", "int('42') == 42", "int(timestamp('1970-01-01T00:01:00Z')) == 60"}, forms: []form{
			identity("int_int", types.IntType),
			{id: "int_double", in: []*types.Type{types.DoubleType}, out: types.IntType,
				eval: func(a []ref.Val) ref.Val {
					x := math.Trunc(float64(a[0].(types.Double)))
					if !(x > -1<<63 && x < 1<<63) {
						return types.NewErr("%v is beyond int", a[0].Value())
					}
					return types.Int(x)
				},
				duckdb: func(w *writer, a []term) (string, error) {
					return "CASE WHEN " + a[0].sql + " > -9223372036854775808e0 THEN " + bigint("trunc("+a[0].sql+")") + " END", nil
				},
				spark: func(w *writer, a []term) (string, error) {
					return fmt.Sprintf("CASE WHEN %s > -9223372036854775808D AND %s < 9223372036854775808D THEN CAST(%s AS BIGINT) END", a[0].sql, a[0].sql, a[0].sql), nil
				}},
			{id: "int_decimal", in: []*types.Type{decimalType}, out: types.IntType,
				eval: func(a []ref.Val) ref.Val {
					d := a[0].(decimal)
					n := new(big.Int).Quo(d.unscaled, pow10(d.scale))
					if !n.IsInt64() {
						return types.NewErr("%s is beyond int", d)
					}
					return types.Int(n.Int64())
				},
				duckdb: func(w *writer, a []term) (string, error) {
					return bigint("trunc(" + w.dec(a[0], a[0].shape) + ")"), nil
				},
				spark: func(w *writer, a []term) (string, error) {
					return "TRY_CAST(" + w.dec(a[0], a[0].shape) + " AS BIGINT)", nil
				}},
			{id: "int_string", in: []*types.Type{types.StringType}, out: types.IntType,
				eval: func(a []ref.Val) ref.Val {
					text := string(a[0].(types.String))
					n, err := strconv.ParseInt(text, 10, 64)
					if err != nil || !intPattern.MatchString(text) {
						return types.NewErr("%q is no int", text)
					}
					return types.Int(n)
				},
				duckdb: func(w *writer, a []term) (string, error) {
					return "CASE WHEN regexp_matches(" + a[0].sql + ", " + w.dialect.Literal(intText) + ") THEN " + bigint(a[0].sql) + " END", nil
				},
				spark: func(w *writer, a []term) (string, error) {
					return "CASE WHEN " + w.fullMatch(a[0].sql, "[+-]?[0-9]+") + " THEN TRY_CAST(" + a[0].sql + " AS BIGINT) END", nil
				}},
			{id: "int_timestamp", in: []*types.Type{types.TimestampType}, out: types.IntType, total: true,
				eval: func(a []ref.Val) ref.Val { return types.Int(a[0].(types.Timestamp).Unix()) },
				duckdb: func(w *writer, a []term) (string, error) {
					return "(epoch_us(date_trunc('second', " + a[0].sql + ")) // 1000000)", nil
				},
				spark: call("unix_seconds")},
		}},
	{name: "double", style: global,
		doc:      "A number or the number in a text as a double. An error for a text that is no finite number.",
		examples: []string{"double(1) == 1.0", "double('2.5e3') == 2500.0", "double(decimal('0.10', 2)) == 0.1"}, forms: doubleConversions},
	{name: doubleFunction, style: operator, forms: []form{{
		id: "widen_int", in: []*types.Type{types.IntType}, out: types.DoubleType, total: true, nulls: true,
		eval: func(a []ref.Val) ref.Val {
			if a[0] == types.NullValue {
				return a[0]
			}
			return types.Double(toDouble(a[0]))
		},
		duckdb: doubleOf, spark: doubleOf,
	}}},
	{name: "string", style: global,
		doc:      "A value as text: decimals with all their places, dates and timestamps as ISO 8601, doubles as short as they can be.",
		examples: []string{"string(42) == '42'", "string(date('2026-01-31')) == '2026-01-31'", "string(decimal('1.50', 2)) == '1.50'"}, forms: []form{
			identity("string_string", types.StringType),
			{id: "string_int", in: []*types.Type{types.IntType}, out: types.StringType, total: true,
				eval:   func(a []ref.Val) ref.Val { return types.String(strconv.FormatInt(int64(a[0].(types.Int)), 10)) },
				duckdb: castTo("VARCHAR"), spark: castTo("STRING")},
			{id: "string_bytes", in: []*types.Type{types.BytesType}, out: types.StringType,
				eval: func(a []ref.Val) ref.Val { return a[0].ConvertToType(types.StringType) }},
			{id: "string_bool", in: []*types.Type{types.BoolType}, out: types.StringType, total: true,
				eval:   func(a []ref.Val) ref.Val { return types.String(strconv.FormatBool(bool(a[0].(types.Bool)))) },
				duckdb: castTo("VARCHAR"), spark: castTo("STRING")},
			{id: "string_decimal", in: []*types.Type{decimalType}, out: types.StringType, total: true,
				eval: func(a []ref.Val) ref.Val { return types.String(a[0].(decimal).String()) },
				duckdb: func(w *writer, a []term) (string, error) {
					s := a[0].shape
					if s.whole() == 0 { // DuckDB writes .5 where no digit stands before the point
						if s.precision == maxDigits {
							return "", w.unsupported("string() of a decimal with 38 places")
						}
						s.precision++
					}
					return "CAST(" + w.dec(a[0], s) + " AS VARCHAR)", nil
				},
				spark: func(w *writer, a []term) (string, error) {
					if a[0].shape.scale > 6 { // Spark may write these with an exponent
						return "", w.unsupported("string() of a decimal with %d places", a[0].shape.scale)
					}
					return "CAST(" + w.dec(a[0], a[0].shape) + " AS STRING)", nil
				}},
			{id: "string_date", in: []*types.Type{dateType}, out: types.StringType, total: true,
				eval: func(a []ref.Val) ref.Val { return types.String(a[0].(date).String()) },
				duckdb: func(w *writer, a []term) (string, error) {
					return "strftime(" + a[0].sql + ", '%Y-%m-%d')", nil
				},
				spark: castTo("STRING")},
			{id: "string_double", in: []*types.Type{types.DoubleType}, out: types.StringType, total: true,
				eval: func(a []ref.Val) ref.Val { return a[0].ConvertToType(types.StringType) }},
			{id: "string_timestamp", in: []*types.Type{types.TimestampType}, out: types.StringType, total: true,
				eval: func(a []ref.Val) ref.Val {
					return types.String(a[0].(types.Timestamp).UTC().Format("2006-01-02T15:04:05.999999Z"))
				},
				duckdb: func(w *writer, a []term) (string, error) {
					us := "epoch_us(" + a[0].sql + ") % 1000000"
					us = "((" + us + " + 1000000) % 1000000)"
					return fmt.Sprintf("(strftime(%s, '%%Y-%%m-%%dT%%H:%%M:%%S') || CASE WHEN %s = 0 THEN '' ELSE '.' || rtrim(lpad(CAST(%s AS VARCHAR), 6, '0'), '0') END || 'Z')", a[0].sql, us, us), nil
				},
				spark: func(w *writer, a []term) (string, error) {
					us := "pmod(unix_micros(" + a[0].sql + "), 1000000L)"
					return fmt.Sprintf("concat(date_format(%s, %s), CASE WHEN %s = 0 THEN '' ELSE concat('.', rtrim('0', lpad(CAST(%s AS STRING), 6, '0'))) END, 'Z')",
						a[0].sql, w.dialect.Literal("yyyy-MM-dd'T'HH:mm:ss"), us, us), nil
				}},
		}},
	{name: "bool", style: global,
		doc:      "The truth value in a text: true, True, TRUE, t, T or 1, and false, False, FALSE, f, F or 0; an error for other text.",
		examples: []string{"bool('true')", "!bool('0')", "!bool('f')"}, forms: []form{
			identity("bool_bool", types.BoolType),
			{id: "bool_string", in: []*types.Type{types.StringType}, out: types.BoolType,
				eval:   func(a []ref.Val) ref.Val { return a[0].ConvertToType(types.BoolType) },
				duckdb: boolOf, spark: boolOf},
		}},
	{name: "bytes", style: global,
		doc:      "The bytes of a text in UTF-8.",
		examples: []string{"bytes('abc') == b'abc'", "bytes('é').size() == 2", "bytes('') == b''"}, forms: []form{
			identity("bytes_bytes", types.BytesType),
			{id: "bytes_string", in: []*types.Type{types.StringType}, out: types.BytesType, total: true,
				eval:   func(a []ref.Val) ref.Val { return types.Bytes(a[0].(types.String)) },
				duckdb: call("encode"),
				spark:  func(w *writer, a []term) (string, error) { return "encode(" + a[0].sql + ", 'UTF-8')", nil }},
		}},
	{name: decimalFunction, style: operator, forms: []form{
		{id: "decimal_literal", in: []*types.Type{types.StringType}, out: decimalType, total: true,
			shape: func(_ []shape, literals []ref.Val) (shape, error) {
				text, _ := literals[0].(types.String)
				d, err := parseDecimal(string(text))
				return d.shape(), err
			},
			eval: func(a []ref.Val) ref.Val {
				d, err := parseDecimal(string(a[0].(types.String)))
				if err != nil {
					return types.WrapErr(err)
				}
				return d
			}},
		{id: "decimal_int", in: []*types.Type{types.IntType}, out: decimalType, total: true, nulls: true, shape: firstShape,
			eval: func(a []ref.Val) ref.Val {
				if a[0] == types.NullValue {
					return a[0]
				}
				return toDecimal(a[0])
			},
			duckdb: decOf, spark: decOf},
	}},
	{name: rescaleFunction, style: operator, forms: []form{{
		id: "rescale", in: []*types.Type{decimalType, types.IntType}, out: decimalType, total: true, nulls: true,
		shape: func(a []shape, literals []ref.Val) (shape, error) {
			n, _ := literals[1].(types.Int)
			return shape{a[0].whole() + int(n), int(n)}, nil
		},
		eval: func(a []ref.Val) ref.Val {
			if a[0] == types.NullValue {
				return a[0]
			}
			return checked(a[0].(decimal).rescale(int(a[1].(types.Int))))
		},
		duckdb: rescaled, spark: rescaled,
	}}},
}

var doubleConversions = []form{
	identity("double_double", types.DoubleType),
	{id: "double_int", in: []*types.Type{types.IntType}, out: types.DoubleType, total: true,
		eval:   func(a []ref.Val) ref.Val { return types.Double(toDouble(a[0])) },
		duckdb: doubleOf, spark: doubleOf},
	{id: "double_decimal", in: []*types.Type{decimalType}, out: types.DoubleType, total: true,
		eval: func(a []ref.Val) ref.Val { return types.Double(a[0].(decimal).float()) },
		duckdb: func(w *writer, a []term) (string, error) {
			if a[0].shape.precision <= 15 { // both unscaled number and power of ten are exact doubles
				return "CAST(" + w.dec(a[0], a[0].shape) + " AS DOUBLE)", nil
			}
			return "CAST(CAST(" + w.dec(a[0], a[0].shape) + " AS VARCHAR) AS DOUBLE)", nil
		},
		spark: func(w *writer, a []term) (string, error) {
			return "CAST(CAST(" + w.dec(a[0], a[0].shape) + " AS STRING) AS DOUBLE)", nil
		}},
	{id: "double_string", in: []*types.Type{types.StringType}, out: types.DoubleType,
		eval: func(a []ref.Val) ref.Val {
			text := string(a[0].(types.String))
			x, err := strconv.ParseFloat(text, 64)
			if err != nil || !doublePattern.MatchString(text) {
				return types.NewErr("%q is no double", text)
			}
			return types.Double(x)
		},
		duckdb: func(w *writer, a []term) (string, error) {
			x := "TRY_CAST(" + a[0].sql + " AS DOUBLE)"
			return "CASE WHEN regexp_matches(" + a[0].sql + ", " + w.dialect.Literal(doubleText) + ") AND isfinite(" + x + ") THEN " + x + " END", nil
		},
		spark: func(w *writer, a []term) (string, error) {
			x := "TRY_CAST(" + a[0].sql + " AS DOUBLE)"
			return "CASE WHEN " + w.fullMatch(a[0].sql, strings.Trim(doubleText, "^$")) + " AND abs(" + x + ") < " + infinity + " THEN " + x + " END", nil
		}},
}

func boolOf(_ *writer, a []term) (string, error) {
	return "CASE WHEN " + a[0].sql + " IN ('1', 't', 'T', 'true', 'TRUE', 'True') THEN TRUE WHEN " + a[0].sql + " IN ('0', 'f', 'F', 'false', 'FALSE', 'False') THEN FALSE END", nil
}

func identity(id string, t *types.Type) form {
	return form{id: id, in: []*types.Type{t}, out: t, total: true,
		eval:   func(a []ref.Val) ref.Val { return a[0] },
		duckdb: same, spark: same}
}

func same(_ *writer, a []term) (string, error) { return a[0].sql, nil }

func doubleOf(w *writer, a []term) (string, error) { return w.double(a[0]), nil }

func decOf(w *writer, a []term) (string, error) { return w.dec(a[0], a[0].shape), nil }

func rescaled(w *writer, a []term) (string, error) {
	n, _ := a[1].lit.(types.Int)
	to := shape{a[0].shape.whole() + int(n), int(n)}
	if to.precision > maxDigits {
		return "", w.unsupported("a conditional of decimals that needs %d digits", to.precision)
	}
	return w.dec(a[0], to), nil
}

func castTo(sqlType string) emitFunc {
	return func(w *writer, a []term) (string, error) { return "CAST(" + a[0].sql + " AS " + sqlType + ")", nil }
}

// shape is the smallest shape of the value.
func (d decimal) shape() shape {
	digits := len(new(big.Int).Abs(d.unscaled).String())
	return shape{max(digits, d.scale, 1), d.scale}
}
