package delta

import (
	"encoding/binary"
	"hash/crc32"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/dq-dev/dq/table"
)

// TestBounds: what the log says of a minimum and a maximum, and what a reader
// makes of it; "-" where there is nothing to say.
func TestBounds(t *testing.T) {
	a32 := strings.Repeat("a", 32)
	pair := strings.Repeat("a", 31) + "😀" // the pair would be split
	top := string(rune(utf8.MaxRune))
	cases := []struct {
		kind             table.Kind
		value            string
		min, max         string // JSON in the log
		readMin, readMax string
	}{
		{table.Int64, "-9223372036854775808", "-9223372036854775808", "-9223372036854775808", "-9223372036854775808", "-9223372036854775808"},
		{table.Decimal, "12345678901234567890.120", "12345678901234567890.120", "12345678901234567890.120", "12345678901234567890.120", "12345678901234567890.120"},
		{table.Decimal, "1e5", "-", "-", "-", "-"},
		{table.Int32, "abc", "-", "-", "-", "-"},
		{table.Double, "0.1", "0.1", "0.1", "0.1", "0.1"},
		{table.Double, "1e300", "1e+300", "1e+300", "1e+300", "1e+300"},
		{table.Double, "0", "-0.0", "0.0", "-0", "0"},
		{table.Double, "NaN", "-", "-", "-", "-"},
		{table.Double, "+Inf", "-", "-", "-", "-"},
		{table.Date, "2024-02-29", `"2024-02-29"`, `"2024-02-29"`, "2024-02-29", "2024-02-29"},
		{table.Date, "12024-02-29", "-", "-", "-", "-"},
		{table.Timestamp, "2024-01-01T00:00:00.123999Z", `"2024-01-01T00:00:00.123Z"`, `"2024-01-01T00:00:00.123Z"`, "2024-01-01T00:00:00.123Z", "2024-01-01T00:00:00.123999Z"},
		{table.Timestamp, "1969-12-31T23:59:59.999999Z", `"1969-12-31T23:59:59.999Z"`, `"1969-12-31T23:59:59.999Z"`, "1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999999Z"},
		{table.Timestamp, "2024-01-01T02:00:00+02:00", `"2024-01-01T00:00:00.000Z"`, `"2024-01-01T00:00:00.000Z"`, "2024-01-01T00:00:00Z", "2024-01-01T00:00:00.000999Z"},
		{table.TimestampNTZ, "2024-01-01T00:00:00.5", `"2024-01-01T00:00:00.500"`, `"2024-01-01T00:00:00.500"`, "2024-01-01T00:00:00.5", "2024-01-01T00:00:00.500999"},
		{table.Timestamp, "noon", "-", "-", "-", "-"},
		{table.String, "", `""`, `""`, "", ""},
		{table.String, "<é>\n\"", `"<é>\n\""`, `"<é>\n\""`, "<é>\n\"", "<é>\n\""},
		{table.String, a32, `"` + a32 + `"`, `"` + a32 + `"`, a32, a32},
		{table.String, a32 + "b", `"` + a32 + `"`, `"` + a32 + "\x7f" + `"`, a32, a32 + "\x7f"},
		{table.String, a32 + "é", `"` + a32 + `"`, `"` + a32 + top + `"`, a32, a32 + top},
		{table.String, a32 + top + "b", `"` + a32 + `"`, `"` + a32 + top + "\x7f" + `"`, a32, a32 + top + "\x7f"},
		{table.String, a32 + strings.Repeat(top, 40), `"` + a32 + `"`, "-", a32, "-"},
		{table.String, pair + "b", `"` + pair[:31] + `"`, `"` + pair[:31] + top + `"`, pair[:31], pair[:31] + top},
		{table.String, "\xff", "-", "-", "-", "-"},
		{table.Bool, "true", "-", "-", "-", "-"},
		{table.Binary, "abc", "-", "-", "-", "-"},
	}
	for _, c := range cases {
		for _, upper := range []bool{false, true} {
			want, read := c.min, c.readMin
			if upper {
				want, read = c.max, c.readMax
			}
			got, ok := formatBound(c.kind, c.value, upper)
			if !ok {
				got = "-"
			}
			if got != want {
				t.Errorf("%s %q upper %t: wrote %s, want %s", c.kind, c.value, upper, got, want)
			}
			if !ok {
				continue
			}
			text := `{"numRecords":1,"minValues":{"c":` + got + `},"maxValues":{"c":` + got + `}}`
			s := parseStats(&text, []leaf{{path: []string{"c"}, physical: []string{"c"}, kind: c.kind}})
			back := s.Columns[0].Min
			if upper {
				back = s.Columns[0].Max
			}
			if back == nil || *back != read {
				t.Errorf("%s %q upper %t: read %v, want %q", c.kind, c.value, upper, back, read)
			}
			if c.kind == table.String && (upper && *back < c.value || !upper && *back > c.value) {
				t.Errorf("%q is no bound of %q", *back, c.value)
			}
		}
	}
}

func TestStats(t *testing.T) {
	long := table.Type{Kind: table.Int64}
	fields := []table.Field{{Name: "a", Type: long}, {Name: "s", Type: table.Type{Kind: table.Struct, Fields: []table.Field{{Name: "x", Type: long}, {Name: "y.z", Type: long}}}},
		{Name: "p", Type: long}, {Name: "m", Type: table.Type{Kind: table.Map, Key: &long, Elem: &long}}}
	stats := &table.Stats{Rows: 5, Loose: true, Columns: []table.ColumnStats{
		{Path: []string{"a"}, Min: new("1"), Max: new("2"), Nulls: new(int64(0)), NaN: true},
		{Path: []string{"s", "x"}, Min: new("3"), Nulls: new(int64(1))}, {Path: []string{"s", "y.z"}, Max: new("4")},
		{Path: []string{"m"}, Nulls: new(int64(2))}, {Path: []string{"p"}, Min: new("9")}}}
	for _, c := range []struct {
		name  string
		props map[string]string
		want  string
	}{
		{"all", nil, `{"numRecords":5,"minValues":{"a":1,"s":{"x":3}},"maxValues":{"s":{"y.z":4}},"nullCount":{"a":0,"s":{"x":1},"m":2},"tightBounds":false}`},
		{"first two leaves", map[string]string{"delta.dataSkippingNumIndexedCols": "2"}, `{"numRecords":5,"minValues":{"a":1,"s":{"x":3}},"maxValues":{},"nullCount":{"a":0,"s":{"x":1}},"tightBounds":false}`},
		{"every leaf", map[string]string{"delta.dataSkippingNumIndexedCols": "-1"}, `{"numRecords":5,"minValues":{"a":1,"s":{"x":3}},"maxValues":{"s":{"y.z":4}},"nullCount":{"a":0,"s":{"x":1},"m":2},"tightBounds":false}`},
		{"named", map[string]string{"delta.dataSkippingStatsColumns": " `s`, m", "delta.dataSkippingNumIndexedCols": "1"}, `{"numRecords":5,"minValues":{"s":{"x":3}},"maxValues":{"s":{"y.z":4}},"nullCount":{"s":{"x":1},"m":2},"tightBounds":false}`},
	} {
		got, err := formatStats(stats, indexed(&layout{table.Schema{Fields: fields}, []string{"p"}, c.props, mapNone, nil, false}))
		if err != nil || got != c.want {
			t.Errorf("%s:\n%s\n%s, %v", c.name, got, c.want, err)
		}
	}
	columns := leaves(fields, mapNone, nil, nil)
	for text, want := range map[string]int64{
		`{"numRecords":3}`: 3, `{"numRecords":"4"}`: 4, `{"numRecords":3,"minValues":7}`: -1, ``: -1, `null`: -1, `{`: -1, `[]`: -1,
		`{"numRecords":-1}`: -1, `{"numRecords":1.5}`: -1, `{"minValues":{"a":1}}`: -1,
		`{"numRecords":6,"minValues":{"a":"x","s":[1]},"maxValues":{"a":null,"s":{"x":{}}},"nullCount":{"a":-1,"s":1,"m":99}}`: 6,
	} {
		got := parseStats(&text, columns)
		if want < 0 != (got == nil) || got != nil && (got.Rows != want || len(got.Columns) != 0) {
			t.Errorf("%s: %+v, want %d rows", text, got, want)
		}
	}
}

// bitmapOf wraps a 32-bit roaring bitmap as the one bucket of a deletion vector.
func bitmapOf(key uint32, roaring ...byte) []byte {
	b := binary.LittleEndian.AppendUint32(nil, dvMagic)
	b = binary.LittleEndian.AppendUint64(b, 1)
	b = binary.LittleEndian.AppendUint32(b, key)
	return append(b, roaring...)
}

func u16s(values ...uint16) []byte {
	var b []byte
	for _, v := range values {
		b = binary.LittleEndian.AppendUint16(b, v)
	}
	return b
}

// TestBitmaps: the containers of the roaring format, valid and not.
func TestBitmaps(t *testing.T) {
	array := u16s(roaringPlain, 0, 1, 0, 0, 2, 16, 0, 1, 5, 9)                         // one container, offsets, 1 5 9
	runs := u16s(roaringRuns, 0)                                                       // one container,
	runs = append(append(runs, 1), u16s(7, 3, 2, 10, 1, 20, 1)...)                     // key 7: 10 11, 20 21
	bits := append(u16s(roaringPlain, 0, 1, 0, 0, 4096, 16, 0), make([]byte, 8192)...) // 4097 values:
	for i := range 4097 {
		bits[16+i/8] |= 1 << (i % 8)
	}
	var first4097 []int64
	for i := range int64(4097) {
		first4097 = append(first4097, i)
	}
	cases := []struct {
		name string
		data []byte
		want []int64
		fail string
	}{
		{"array", bitmapOf(0, array...), []int64{1, 5, 9}, ""},
		{"array in a high bucket", bitmapOf(2, array...), []int64{2<<32 | 1, 2<<32 | 5, 2<<32 | 9}, ""},
		{"runs", bitmapOf(0, runs...), []int64{7<<16 | 10, 7<<16 | 11, 7<<16 | 20, 7<<16 | 21}, ""},
		{"bits", bitmapOf(0, bits...), first4097, ""},
		{"empty", bitmapOf(0)[:12][:12], nil, "early"},
		{"no buckets", binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint32(nil, dvMagic), 0), nil, ""},
		{"nothing", nil, nil, "magic"},
		{"another magic", u16s(1, 2, 3, 4, 5, 6), nil, "magic"},
		{"negative bucket", bitmapOf(1<<31, array...), nil, "out of order"},
		{"unknown cookie", bitmapOf(0, u16s(1, 2, 3, 4)...), nil, "format"},
		{"too many containers", bitmapOf(0, u16s(roaringPlain, 0, 1, 1)...), nil, "containers"},
		{"cut off", bitmapOf(0, array[:len(array)-1]...), nil, "early"},
		{"values out of order", bitmapOf(0, u16s(roaringPlain, 0, 1, 0, 0, 1, 16, 0, 5, 5)...), nil, "out of order"},
		{"runs overlap", bitmapOf(0, append(append(u16s(roaringRuns, 0), 1), u16s(7, 3, 2, 10, 5, 12, 1)...)...), nil, "overlap"},
		{"run beyond the container", bitmapOf(0, append(append(u16s(roaringRuns, 0), 1), u16s(7, 3, 1, 65535, 1)...)...), nil, "overlap"},
		{"wrong count", bitmapOf(0, append(append(u16s(roaringRuns, 0), 1), u16s(7, 9, 1, 10, 1)...)...), nil, "header says"},
	}
	for _, c := range cases {
		got, err := parseBitmap(c.data)
		if c.fail != "" {
			if err == nil || !strings.Contains(err.Error(), c.fail) {
				t.Errorf("%s: %v, want %q", c.name, err, c.fail)
			}
			continue
		}
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %v %v", c.name, got, err)
		}
	}
}

// TestDeletionVectors: descriptors against a stored file.
func TestDeletionVectors(t *testing.T) {
	ctx := t.Context()
	bitmap := bitmapOf(0, u16s(roaringPlain, 0, 1, 0, 0, 2, 16, 0, 1, 5, 9)...)
	file := binary.BigEndian.AppendUint32([]byte{1}, uint32(len(bitmap)))
	file = binary.BigEndian.AppendUint32(append(file, bitmap...), crc32.ChecksumIEEE(bitmap))
	store := Dir(t.TempDir())
	// The example of PROTOCOL.md: this text is that UUID.
	const encoded, name = "^-aqEH.-t@S}K{vb[*k^", "deletion_vector_d2c639aa-8816-431a-aaf6-d3fe2512ff61.bin"
	for _, n := range []string{name, "ab/" + name} {
		if err := store.PutNew(ctx, n, file); err != nil {
			t.Fatal(err)
		}
	}
	size := number(len(bitmap))
	for _, c := range []struct {
		name string
		d    dvDescriptor
		rows int64
		want Category
	}{
		{"relative", dvDescriptor{"u", encoded, numberOf(1), size, 3}, 10, ""},
		{"with prefix", dvDescriptor{"u", "ab" + encoded, numberOf(1), size, 3}, 10, ""},
		{"without offset", dvDescriptor{"u", encoded, nil, size, 3}, -1, ""},
		{"absolute", dvDescriptor{"p", "file://" + strings.ReplaceAll(string(store.(dir))+"/"+name, " ", "%20"), numberOf(1), size, 3}, 10, ""},
		{"relative as absolute", dvDescriptor{"p", name, numberOf(1), size, 3}, 10, DVCorrupt},
		{"missing", dvDescriptor{"u", "xy" + encoded, numberOf(1), size, 3}, 10, DVMissing},
		{"out of the table", dvDescriptor{"u", ".." + encoded, numberOf(1), size, 3}, 10, DVCorrupt},
		{"no UUID", dvDescriptor{"u", "abc", numberOf(1), size, 3}, 10, DVCorrupt},
		{"no base 85", dvDescriptor{"u", strings.Repeat("~", 20), numberOf(1), size, 3}, 10, DVCorrupt},
		{"wrong size", dvDescriptor{"u", encoded, numberOf(1), size - 1, 3}, 10, DVCorrupt},
		{"negative size", dvDescriptor{"u", encoded, numberOf(1), -1, 3}, 10, DVCorrupt},
		{"offset beyond", dvDescriptor{"u", encoded, numberOf(1 << 40), size, 3}, 10, DVCorrupt},
		{"negative offset", dvDescriptor{"u", encoded, numberOf(-1), size, 3}, 10, DVCorrupt},
		{"wrong cardinality", dvDescriptor{"u", encoded, numberOf(1), size, 4}, 10, DVCorrupt},
		{"row beyond the file", dvDescriptor{"u", encoded, numberOf(1), size, 3}, 9, DVCorrupt},
		{"unknown type", dvDescriptor{"x", encoded, numberOf(1), size, 3}, 10, DVCorrupt},
		{"inline rubbish", dvDescriptor{"i", "00000", nil, 4, 3}, 10, DVCorrupt},
		{"inline size", dvDescriptor{"i", "00000", nil, 5, 3}, 10, DVCorrupt},
	} {
		r := &dvReader{store: store}
		got, err := r.resolve(ctx, &fileAction{path: "f", DeletionVector: &c.d}, c.rows)
		if c.want == "" {
			if err != nil || !slices.Equal(got.Rows, []int64{1, 5, 9}) {
				t.Errorf("%s: %v %v", c.name, got, err)
			}
			continue
		}
		if e, ok := err.(*Error); !ok || e.Category != c.want || e.File == "" {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
}

func TestPaths(t *testing.T) {
	for _, p := range []string{"a", "a b/c%d", "p=x:y/é☕", "100%25", "+&$@!,;#?", "...", "a\x01\\b\"", "_delta"} {
		got, err := decodePath(encodePath(p))
		if err != nil || got != p {
			t.Errorf("%q became %q, %v", p, got, err)
		}
	}
	for uri, want := range map[string]string{"p=a%252Fb/x": "p=a%2Fb/x", "a+b": "a+b", "file:/a": "/a", "file:///a": "/a", "/a/./b": "/a/b",
		"s3a://b/k%20y": "s3a://b/k y", "%66ile:/a": "file:/a", "p=s3://x": "p=s3:/x", "": "!", "..": "!", "a/../..": "!", "%2e%2e/x": "!", "a%zz": "!", "a%4": "!"} {
		got, err := decodePath(uri)
		if err != nil {
			got = "!"
		}
		if got != want {
			t.Errorf("%q became %q, want %q", uri, got, want)
		}
	}
}
