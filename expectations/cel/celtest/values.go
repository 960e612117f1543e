package celtest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/table"
)

// keys are the values of the column id of celtest_keys.
var keys = map[int64]bool{0: true, 1: true, 2: true, -7: true, math.MaxInt64: true}

// adversarial are the values that the columns of a type draw from.
var adversarial = map[table.Kind][]any{
	table.Int64: {int64(0), int64(1), int64(-1), int64(2), int64(3), int64(-7), int64(10), int64(1000), int64(math.MaxInt64), int64(math.MinInt64),
		int64(math.MaxInt64 - 1), int64(1<<53 + 1), int64(3037000500), int64(1700000000), int64(253402300800)},
	table.Int32: {int64(0), int64(1), int64(-1), int64(7), int64(math.MaxInt32), int64(math.MinInt32)},
	table.Int8:  {int64(0), int64(1), int64(-1), int64(127), int64(-128), int64(3)},
	table.Double: {0.0, math.Copysign(0, -1), 1.0, -1.5, 2.5, 0.5, 0.1, 3.0, 9007199254740993.0, 1e19, -1e19, 9223372036854775807.0, 1e308, -1e308, 5e-324, 0.49999999999999994,
		math.NaN(), math.Inf(1), math.Inf(-1), math.NaN()},
	table.Float: {0.0, 1.0, float64(float32(0.1)), 2.5, math.NaN(), math.Inf(1), float64(float32(16777216))},
	table.String: {"", "a", "A", "abc", "ABC", "aé", "é", "日本", "e\u0301", "😀", " a ", "\u00a0a\u2003", "12", "-7", "+5", " 12 ", "12.5", "1e3", "9223372036854775808",
		"nan", "inf", "1e999", "0x10", "1_000", "a\nb", "\n", "a.b", "x1", "new", "paid", "it's", "\\", "%", "K", "\u212a", "ſ"},
	table.Bool: {true, false},
	table.Timestamp: {at("2024-01-31T23:59:59.999999Z"), at("2024-02-29T00:00:00Z"), at("1969-12-31T23:59:59.5Z"), at("1970-01-01T00:00:00Z"), at("0001-01-01T00:00:00Z"),
		at("9999-12-31T23:59:59.999999Z"), at("2024-07-07T12:30:15.123456Z"), at("1677-01-01T00:00:00Z"), at("2023-12-31T00:00:00Z")},
	table.Date:   {at("2024-02-29T00:00:00Z"), at("1970-01-01T00:00:00Z"), at("1969-12-31T00:00:00Z"), at("0001-01-01T00:00:00Z"), at("9999-12-31T00:00:00Z"), at("2024-01-07T00:00:00Z")},
	table.Binary: {[]byte{}, []byte{0}, []byte("abc"), []byte{0xff, 0xfe}},
	table.Array:  {[]any{}, []any{"a"}, []any{"a", nil, "b"}},
}

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		panic(err)
	}
	return t
}

// randomRows draws rows; the first is all null.
func randomRows(r *rand.Rand, n int) []map[string]any {
	rows := make([]map[string]any, n)
	for i := range rows {
		row := map[string]any{"n": int64(i)}
		for _, f := range Schema.Fields[1:] {
			if i > 0 && r.IntN(8) > 0 {
				row[f.Name] = randomValue(r, f)
			}
		}
		rows[i] = row
	}
	return rows
}

// fullRows draws rows without nulls.
func fullRows(r *rand.Rand, n int) []map[string]any {
	rows := randomRows(r, n)
	for _, row := range rows {
		for _, f := range Schema.Fields {
			if row[f.Name] == nil {
				row[f.Name] = randomValue(r, f)
			}
		}
	}
	return rows
}

func randomValue(r *rand.Rand, f table.Field) any {
	kind := f.Type.Kind
	switch {
	case f.Name == "v": // moderate, so that sums are the same in every order
		if r.IntN(10) == 0 {
			return []any{math.NaN(), math.Inf(1), math.Inf(-1)}[r.IntN(3)]
		}
		return math.Round(r.Float64()*1e6) / 1e3
	case kind == table.Decimal:
		return randomDecimal(r, f.Type)
	case kind == table.TimestampNTZ:
		kind = table.Timestamp
	}
	values := adversarial[kind]
	return values[r.IntN(len(values))]
}

func randomDecimal(r *rand.Rand, t table.Type) any {
	digits := strings.Repeat("9", t.Precision)
	switch r.IntN(6) {
	case 0:
	case 1:
		digits = "0"
	case 2:
		digits = strconv.Itoa(r.IntN(10))
	default:
		digits = strconv.Itoa(r.IntN(1_000_000))
		digits = digits[:min(len(digits), t.Precision)]
	}
	if len(digits) <= t.Scale {
		digits = strings.Repeat("0", t.Scale-len(digits)+1) + digits
	}
	text := digits[:len(digits)-t.Scale]
	if t.Scale > 0 {
		text += "." + digits[len(digits)-t.Scale:]
	}
	if r.IntN(2) == 0 && strings.Trim(text, "0.") != "" {
		text = "-" + text
	}
	return engine.Decimal(text)
}

// rowsSQL is a SELECT that gives the rows with the types of Schema.
func rowsSQL(d engine.Dialect, rows []map[string]any) string {
	var b strings.Builder
	line := func(row map[string]any) {
		b.WriteString("SELECT ")
		for i, f := range Schema.Fields {
			if i > 0 {
				b.WriteString(", ")
			}
			fmt.Fprintf(&b, "CAST(%s AS %s) AS %s", literal(d, row[f.Name]), sqlType(f.Type), d.Ident(f.Name))
		}
	}
	line(nil)
	b.WriteString(" WHERE 1 = 0")
	for _, row := range rows {
		b.WriteString(" UNION ALL ")
		line(row)
	}
	return b.String()
}

func sqlType(t table.Type) string {
	switch t.Kind {
	case table.Int64:
		return "BIGINT"
	case table.Int32:
		return "INTEGER"
	case table.Int8:
		return "TINYINT"
	case table.Double:
		return "DOUBLE"
	case table.Float:
		return "FLOAT"
	case table.Decimal:
		return fmt.Sprintf("DECIMAL(%d,%d)", t.Precision, t.Scale)
	case table.Bool:
		return "BOOLEAN"
	case table.Timestamp:
		return "TIMESTAMPTZ"
	case table.TimestampNTZ:
		return "TIMESTAMP"
	case table.Date:
		return "DATE"
	case table.Binary:
		return "BLOB"
	case table.Array:
		return "VARCHAR[]"
	}
	return "VARCHAR"
}

func literal(d engine.Dialect, v any) string {
	switch x := v.(type) {
	case nil:
		return "NULL"
	case int64:
		return d.Literal(strconv.FormatInt(x, 10))
	case float64:
		return d.Literal(strconv.FormatFloat(x, 'g', -1, 64))
	case engine.Decimal:
		return d.Literal(string(x))
	case bool:
		return strconv.FormatBool(x)
	case string:
		return d.Literal(x)
	case time.Time:
		return d.Literal(x.UTC().Format("2006-01-02 15:04:05.999999Z07:00"))
	case []byte:
		var b strings.Builder
		for _, c := range x {
			fmt.Fprintf(&b, `\x%02X`, c)
		}
		return d.Literal(b.String())
	case []any:
		items := make([]string, len(x))
		for i, e := range x {
			items[i] = literal(d, e)
		}
		return "[" + strings.Join(items, ", ") + "]"
	}
	return d.Literal(fmt.Sprint(v))
}
