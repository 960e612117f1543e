package celtest

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/table"
)

// keySchema and keyRows are the table celtest_keys, which rules look into.
var (
	keySchema = schema("id int64", "name string", "fee decimal(12,3)", "at timestamp", "day date", "flag bool", "raw binary")
	keyRows   = []map[string]any{
		{},
		{"id": int64(0), "name": "", "fee": engine.Decimal("0.000"), "at": at("0001-01-01T00:00:00Z"), "day": at("2024-02-29T00:00:00Z"), "raw": []byte{}},
		{"id": int64(1), "name": "a", "fee": engine.Decimal("1.500"), "at": at("2024-02-29T00:00:00Z"), "day": at("9999-12-31T00:00:00Z"), "flag": true, "raw": []byte("abc")},
		{"id": int64(2), "name": "é", "fee": engine.Decimal("-7.000"), "at": at("9999-12-31T23:59:59.999999Z"), "flag": true},
		{"id": int64(-7), "name": "😀", "fee": engine.Decimal("999999999.999"), "day": at("1970-01-01T00:00:00Z"), "raw": []byte{0xff, 0xfe}},
		{"id": int64(math.MaxInt64), "fee": engine.Decimal("3.000"), "at": at("1970-01-01T00:00:00Z"), "flag": true},
	}
)

// adversarial are the values that the columns of a type draw from.
var adversarial = map[table.Kind][]any{
	table.Int64: {int64(0), int64(1), int64(-1), int64(2), int64(3), int64(-7), int64(10), int64(1000), int64(math.MaxInt64), int64(math.MinInt64),
		int64(math.MaxInt64 - 1), int64(1<<53 + 1), int64(3037000500), int64(1700000000), int64(253402300800)},
	table.Int32: {int64(0), int64(1), int64(-1), int64(7), int64(math.MaxInt32), int64(math.MinInt32)},
	table.Int16: {int64(0), int64(1), int64(-1), int64(5), int64(math.MaxInt16), int64(math.MinInt16)},
	table.Int8:  {int64(0), int64(1), int64(-1), int64(127), int64(-128), int64(3)},
	table.Double: {0.0, math.Copysign(0, -1), 1.0, -1.5, 2.5, 0.5, 0.1, 3.0, 9007199254740993.0, 1e19, -1e19, 9223372036854775807.0, 1e308, -1e308, 5e-324, 0.49999999999999994,
		math.NaN(), math.Inf(1), math.Inf(-1), math.NaN()},
	table.Float: {0.0, 1.0, float64(float32(0.1)), 2.5, math.NaN(), math.Inf(1), float64(float32(16777216))},
	table.String: {"", "a", "A", "abc", "ABC", "aé", "é", "日本", "e\u0301", "😀", " a ", "\u00a0a\u2003", "12", "-7", "+5", " 12 ", "12.5", "1e3", "9223372036854775808",
		"nan", "inf", "1e999", "0x10", "1_000", "a\nb", "\n", "a.b", "x1", "new", "paid", "it's", "\\", "%", "K", "\u212a", "ſ"},
	table.Bool: {true, false},
	table.Timestamp: {at("2024-01-31T23:59:59.999999Z"), at("2024-02-29T00:00:00Z"), at("1969-12-31T23:59:59.5Z"), at("1970-01-01T00:00:00Z"), at("0001-01-01T00:00:00Z"),
		at("9999-12-31T23:59:59.999999Z"), at("2024-07-07T12:30:15.123456Z"), at("1677-01-01T00:00:00Z"), at("2023-12-31T00:00:00Z"),
		at("2024-03-31T01:00:00Z"), at("2024-03-10T07:00:00Z"), at("2024-11-03T06:30:00Z"), at("1582-10-10T12:00:00Z")},
	table.Date:   {at("2024-02-29T00:00:00Z"), at("1970-01-01T00:00:00Z"), at("1969-12-31T00:00:00Z"), at("0001-01-01T00:00:00Z"), at("9999-12-31T00:00:00Z"), at("2024-01-07T00:00:00Z")},
	table.Binary: {[]byte{}, []byte{0}, []byte("abc"), []byte{0xff, 0xfe}},
}

// codes are texts of the formats that functions know, some of them wrong.
var codes = []any{"ann@example.org", "a..b@example.org", "ann@example", "123e4567-e89b-12d3-a456-426614174000", "https://example.org/a?b=c", "HTTP://u@[::1]:80", "example.org",
	"-a.org", "192.168.0.1", "192.168.0.256", "10.255.0.1", "01.2.3.4", "::1", "2001:db8::1", "fd00::1", "1::2::3", "::ffff:192.0.2.1", "00:1A:2b:3c:4d:5e", "00-1A-2B:3C-4D-5E",
	"+4930123456", "+49", "#1e90FF", "#12345", "ZHE=", "ZHE", "DEUTDEFF500", "data-quality", "4539578763621486", "4539578763621487", "490154203237518", "DE89370400440532013000",
	"DE88370400440532013000", "GB82WEST12345698765432", "4006381333931", "96385074", "2049-3630", "0000-006X", "0-306-40615-2", "080442957X", "978-0-306-40615-7", "US0378331005",
	"FR", "FRA", "EUR", "fr", "NY", "Europe/Paris", "{\"a\": [1, null]}", "[1,]", "<a><b/></a>", "<a>", "31.01.2026", "31.02.2026", "29.02.2024", "00.00.0000", "2026-01-31", "2026-01-31 23:59:59",
	"2026-01-31T23:59:59Z", "2026-01-31T23:59:59.5+02:00", "2024-02-30T00:00:00Z", "0001-01-01T00:00:00+01:00", "12.345", "-0.005", "1e5", ".5", "99999999999999999999999999999999999999", "a,b,c", "a\n", "18", "true"}

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		panic(err)
	}
	return t
}

// randomRows draws rows; the first is all null.
func randomRows(r *rand.Rand, schema table.Schema, n int) []map[string]any {
	rows := make([]map[string]any, n)
	for i := range rows {
		row := map[string]any{"n": int64(i)}
		for _, f := range schema.Fields[1:] {
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
	rows := randomRows(r, Schema, n)
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
		v := math.Round(r.Float64()*1e6) / 1e3
		if kind == table.Float {
			v = float64(float32(v))
		}
		return v
	case kind == table.Decimal:
		return randomDecimal(r, f.Type)
	case kind == table.TimestampNTZ:
		kind = table.Timestamp
	}
	return valueOf(r, f.Name, table.Type{Kind: kind, Precision: f.Type.Precision, Scale: f.Type.Scale, Elem: f.Type.Elem, Key: f.Type.Key, Fields: f.Type.Fields})
}

// valueOf draws a value of a type, nested ones with nulls in them.
func valueOf(r *rand.Rand, name string, t table.Type) any {
	inner := func(t table.Type) any {
		if r.IntN(8) == 0 {
			return nil
		}
		return valueOf(r, "", t)
	}
	if t.Kind == table.TimestampNTZ {
		t.Kind = table.Timestamp
	}
	switch t.Kind {
	case table.Decimal:
		return randomDecimal(r, t)
	case table.Array:
		list := []any{}
		for range r.IntN(4) {
			list = append(list, inner(*t.Elem))
		}
		return list
	case table.Map:
		m := map[string]any{}
		for range r.IntN(4) {
			m[fmt.Sprint(valueOf(r, "key", *t.Key))] = inner(*t.Elem)
		}
		return m
	case table.Struct:
		m := map[string]any{}
		for _, f := range t.Fields {
			m[f.Name] = inner(f.Type)
		}
		return m
	}
	values := adversarial[t.Kind]
	switch {
	case name == "code":
		values = codes
	case name == "key" && t.Kind == table.String:
		values = []any{"a", "b", "é", ""}
	}
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

// rowsSQL is a SELECT that gives the rows with the types of a schema.
func rowsSQL(d engine.Dialect, schema table.Schema, rows []map[string]any) string {
	var b strings.Builder
	line := func(row map[string]any) {
		b.WriteString("SELECT ")
		for i, f := range schema.Fields {
			if i > 0 {
				b.WriteString(", ")
			}
			fmt.Fprintf(&b, "CAST(%s AS %s) AS %s", literal(d, row[f.Name], f.Type), sqlType(f.Type), d.Ident(f.Name))
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
	case table.Int16:
		return "SMALLINT"
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
		return sqlType(*t.Elem) + "[]"
	case table.Map:
		return "MAP(" + sqlType(*t.Key) + ", " + sqlType(*t.Elem) + ")"
	case table.Struct:
		var fields []string
		for _, f := range t.Fields {
			fields = append(fields, `"`+f.Name+`" `+sqlType(f.Type))
		}
		return "STRUCT(" + strings.Join(fields, ", ") + ")"
	}
	return "VARCHAR"
}

func literal(d engine.Dialect, v any, t table.Type) string {
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
			items[i] = "CAST(" + literal(d, e, *t.Elem) + " AS " + sqlType(*t.Elem) + ")"
		}
		return "[" + strings.Join(items, ", ") + "]"
	case map[string]any:
		if t.Kind == table.Struct {
			var items []string
			for _, f := range t.Fields {
				items = append(items, d.Literal(f.Name)+": CAST("+literal(d, x[f.Name], f.Type)+" AS "+sqlType(f.Type)+")")
			}
			return "{" + strings.Join(items, ", ") + "}"
		}
		var keys, values []string
		for _, k := range slices.Sorted(maps.Keys(x)) {
			keys = append(keys, "CAST("+d.Literal(k)+" AS "+sqlType(*t.Key)+")")
			values = append(values, "CAST("+literal(d, x[k], *t.Elem)+" AS "+sqlType(*t.Elem)+")")
		}
		return "map([" + strings.Join(keys, ", ") + "], [" + strings.Join(values, ", ") + "])"
	}
	return d.Literal(fmt.Sprint(v))
}
