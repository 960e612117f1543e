package delta

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dq-dev/dq/table"
)

const (
	statsPrefix  = 32               // characters of a string that statistics keep
	statsColumns = 32               // leaf columns that have statistics, unless a property says otherwise
	statsMillis  = time.Millisecond // precision of timestamps in statistics
)

// leaf is a column that can have statistics: one that no array or map holds.
type leaf struct {
	path     []string // logical
	physical []string
	kind     table.Kind
}

// leaves lists the columns of a schema that can have statistics, in its order.
func leaves(fields []table.Field, m mapping, path, physical []string) []leaf {
	var out []leaf
	for _, f := range fields {
		p := append(slices.Clip(path), f.Name)
		ph := append(slices.Clip(physical), m.physical(f))
		if f.Type.Kind == table.Struct {
			out = append(out, leaves(f.Type.Fields, m, p, ph)...)
			continue
		}
		out = append(out, leaf{p, ph, f.Type.Kind})
	}
	return out
}

// indexed are the leaves for which statistics are written: the named ones
// (delta.dataSkippingStatsColumns), else the first so many
// (delta.dataSkippingNumIndexedCols), partition columns left out; and those that
// the table is clustered by.
func indexed(l *layout) []leaf {
	props := l.props
	fields := slices.DeleteFunc(slices.Clone(l.schema.Fields), func(f table.Field) bool { return slices.Contains(l.partitionBy, f.Name) })
	all := leaves(fields, l.mapping, nil, nil)
	if names, ok := props["delta.dataSkippingStatsColumns"]; ok {
		var wanted []string
		for _, n := range strings.Split(names, ",") {
			wanted = append(wanted, strings.ReplaceAll(strings.TrimSpace(n), "`", ""))
		}
		return slices.DeleteFunc(all, func(c leaf) bool {
			name := strings.Join(c.path, ".")
			return !l.clusters(c) && !slices.ContainsFunc(wanted, func(w string) bool { return w == name || strings.HasPrefix(name, w+".") })
		})
	}
	limit := statsColumns
	if n, err := strconv.Atoi(props["delta.dataSkippingNumIndexedCols"]); err == nil {
		limit = n
	}
	if limit >= 0 && len(all) > limit {
		rest := slices.DeleteFunc(all[limit:], func(c leaf) bool { return !l.clusters(c) })
		all = all[:limit+len(rest)]
	}
	return all
}

// formatStats writes the stats of an add (PROTOCOL.md, "Per-file Statistics") for
// the leaves given. Bounds are cut as Spark does: strings to 32 characters,
// timestamps to milliseconds; what has no exact bound has none.
func formatStats(s *table.Stats, columns []leaf) (string, error) {
	byPath := make(map[string]table.ColumnStats, len(s.Columns))
	for _, c := range s.Columns {
		byPath[strings.Join(c.Path, "\x00")] = c
	}
	var mins, maxs, nulls object
	for _, l := range columns {
		c, ok := byPath[strings.Join(l.path, "\x00")]
		if !ok {
			continue
		}
		if c.Nulls != nil {
			nulls.set(l.physical, strconv.FormatInt(*c.Nulls, 10))
		}
		if c.Min != nil {
			if v, ok := formatBound(l.kind, *c.Min, false); ok {
				mins.set(l.physical, v)
			}
		}
		if c.Max != nil && !c.NaN {
			if v, ok := formatBound(l.kind, *c.Max, true); ok {
				maxs.set(l.physical, v)
			}
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, `{"numRecords":%d,"minValues":%s,"maxValues":%s,"nullCount":%s`, s.Rows, &mins, &maxs, &nulls)
	if s.Loose {
		b.WriteString(`,"tightBounds":false`)
	}
	b.WriteString("}")
	return b.String(), nil
}

// object is a JSON object that keeps the order of its keys. Values are JSON.
type object struct {
	keys   []string
	values []any // string or *object
}

func (o *object) set(path []string, value string) {
	i := slices.Index(o.keys, path[0])
	if i < 0 {
		i = len(o.keys)
		o.keys = append(o.keys, path[0])
		o.values = append(o.values, &object{})
	}
	if len(path) == 1 {
		o.values[i] = value
		return
	}
	if child, ok := o.values[i].(*object); ok {
		child.set(path[1:], value)
	}
}

func (o *object) String() string {
	var b strings.Builder
	b.WriteByte('{')
	for i, k := range o.keys {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%s:%v", quote(k), o.values[i])
	}
	b.WriteByte('}')
	return b.String()
}

func quote(s string) string {
	text, err := marshal(s)
	if err != nil { // a string always marshals
		return `""`
	}
	return text
}

// formatBound turns canonical text into the JSON of a minimum or maximum.
// False means that the log has no way to say it.
func formatBound(kind table.Kind, text string, upper bool) (string, bool) {
	switch kind {
	case table.Int8, table.Int16, table.Int32, table.Int64, table.Decimal:
		return text, isDecimal(text)
	case table.Float, table.Double:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			return "", false
		}
		if f == 0 { // both zeros are equal and may both be there
			if upper {
				return "0.0", true
			}
			return "-0.0", true
		}
		return strconv.FormatFloat(f, 'g', -1, 64), true
	case table.Date:
		if _, err := time.Parse(time.DateOnly, text); err != nil {
			return "", false
		}
		return quote(text), true
	case table.Timestamp, table.TimestampNTZ:
		t, err := parseTime(text)
		if err != nil || t.Year() < 1 || t.Year() > 9999 {
			return "", false
		}
		layout := "2006-01-02T15:04:05.000"
		if kind == table.Timestamp {
			layout += "Z"
		}
		return quote(t.Truncate(statsMillis).Format(layout)), true
	case table.String:
		if !utf8.ValidString(text) {
			return "", false
		}
		if upper {
			cut, ok := cutMax(text)
			return quote(cut), ok
		}
		return quote(cutMin(text)), true
	}
	return "", false
}

// isDecimal reports whether text is a JSON number without exponent.
func isDecimal(text string) bool {
	if text == "" || !json.Valid([]byte(text)) {
		return false
	}
	return strings.Trim(text, "-0123456789.") == ""
}

// cutMin is a lower bound of s: its first 32 UTF-16 units, no pair split.
func cutMin(s string) string {
	units := 0
	for i, r := range s {
		units += utf16Len(r)
		if units > statsPrefix {
			return s[:i]
		}
	}
	return s
}

// cutMax is an upper bound of s: s itself when it is short enough, else a prefix
// with a character behind it that is above the first one cut off (U+007F where
// that does, else U+10FFFF). False when there is none.
func cutMax(s string) (string, bool) {
	prefix := cutMin(s)
	if prefix == s {
		return s, true
	}
	if !utf8.ValidString(s) {
		return "", false // what is no text has no order that readers agree on
	}
	units := 0
	for i, r := range s[len(prefix):] {
		if units > statsPrefix {
			break
		}
		if r < 0x7F {
			return s[:len(prefix)+i] + "\x7f", true
		}
		if r < utf8.MaxRune {
			return s[:len(prefix)+i] + string(rune(utf8.MaxRune)), true
		}
		units += utf16Len(r)
	}
	return "", false
}

func utf16Len(r rune) int {
	if r > 0xFFFF {
		return 2
	}
	return 1
}

// parseTime reads a timestamp as statistics have it: with Z, an offset, or none (UTC).
func parseTime(text string) (time.Time, error) {
	text = strings.Replace(text, " ", "T", 1)
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no timestamp", text)
}

// numRecords reads the number of rows only, or -1.
func numRecords(stats *string) int64 {
	rows := int64(-1)
	if stats == nil {
		return rows
	}
	src := &scanner{src: *stats}
	err := src.members(func(key string) error {
		raw, err := src.skip()
		if err == nil && key == "numRecords" {
			rows = rowCount(raw)
		}
		return err
	})
	if err != nil {
		return -1
	}
	return rows
}

// rowCount is a number of rows, which may stand in quotes, or -1.
func rowCount(raw string) int64 {
	n, err := strconv.ParseInt(strings.Trim(raw, `"`), 10, 64)
	if err != nil || n < 0 {
		return -1
	}
	return n
}

// parseStats reads the stats of an add. What is malformed counts as absent: nil
// without a number of rows, no bound where one does not parse.
func parseStats(text *string, columns []leaf) *table.Stats {
	if text == nil {
		return nil
	}
	// The values are found first, in one pass, and only then read, since bounds
	// mean what their column's type says.
	type found struct{ min, max, nulls string }
	values := make([]found, len(columns))
	rows, loose := int64(-1), false
	src := &scanner{src: *text}
	err := src.members(func(key string) error {
		var to func(*found) *string
		switch key {
		case "minValues":
			to = func(f *found) *string { return &f.min }
		case "maxValues":
			to = func(f *found) *string { return &f.max }
		case "nullCount":
			to = func(f *found) *string { return &f.nulls }
		}
		if to != nil && !src.null() {
			return src.leafValues(columns, 0, len(columns), 0, func(i int, raw string) { *to(&values[i]) = raw })
		}
		raw, err := src.skip()
		switch key {
		case "numRecords":
			rows = rowCount(raw)
		case "tightBounds":
			if loose = raw == "false"; !loose && raw != "true" && raw != "null" {
				return errJSON
			}
		}
		return err
	})
	if err != nil || rows < 0 {
		return nil
	}
	out := &table.Stats{Rows: rows, Loose: loose, Columns: make([]table.ColumnStats, 0, len(columns))}
	for i, l := range columns {
		v := values[i]
		c := table.ColumnStats{Path: l.path}
		if n, err := strconv.ParseInt(v.nulls, 10, 64); err == nil && n >= 0 && n <= rows {
			c.Nulls = &n
		}
		var cut bool
		c.Min, cut = parseBound(l.kind, v.min, false)
		out.Loose = out.Loose || cut
		c.Max, cut = parseBound(l.kind, v.max, true)
		out.Loose = out.Loose || cut
		if c.Min != nil || c.Max != nil || c.Nulls != nil {
			out.Columns = append(out.Columns, c)
		}
	}
	if len(out.Columns) == 0 {
		out.Columns = nil
	}
	return out
}

// leafValues takes an object whose members are columns, and those of structs
// objects again: the values of columns[from:to], which have depth names in common.
func (s *scanner) leafValues(columns []leaf, from, to, depth int, value func(i int, raw string)) error {
	next := from // most writers keep the order of the schema
	return s.members(func(key string) error {
		i, ok := next, false
		for range to - from {
			if i >= to {
				i = from
			}
			if ok = len(columns[i].physical) > depth && columns[i].physical[depth] == key; ok {
				break
			}
			i++
		}
		if !ok {
			_, err := s.skip()
			return err
		}
		end := i + 1 // the columns of one struct stand together
		for end < to && len(columns[end].physical) > depth+1 && columns[end].physical[depth] == key {
			end++
		}
		next = end
		if len(columns[i].physical) == depth+1 {
			raw, err := s.skip()
			value(i, raw)
			return err
		}
		if s.space() != '{' {
			_, err := s.skip()
			return err
		}
		return s.leafValues(columns, i, end, depth+1, value)
	})
}

// parseBound gives canonical text of a JSON value, nil when there is none, and
// whether the bound may have been cut, so that it need not occur.
func parseBound(kind table.Kind, raw string, upper bool) (*string, bool) {
	if raw == "" {
		return nil, false
	}
	if raw[0] != '"' {
		switch kind {
		case table.Int8, table.Int16, table.Int32, table.Int64:
			if _, err := strconv.ParseInt(raw, 10, 64); err == nil {
				return &raw, false
			}
		case table.Decimal:
			if isDecimal(raw) {
				return &raw, false
			}
		case table.Float, table.Double:
			if !isNumberText(raw) {
				return nil, false
			}
			if f, err := strconv.ParseFloat(raw, 64); err == nil {
				return new(strconv.FormatFloat(f, 'g', -1, 64)), false
			}
		}
		return nil, false
	}
	v, err := (&scanner{src: raw}).text()
	if err != nil {
		return nil, false
	}
	switch kind {
	case table.String:
		units := 0
		for _, r := range v {
			units += utf16Len(r)
		}
		return &v, units >= statsPrefix-1 // one less when a pair was not split
	case table.Date:
		if _, err := time.Parse(time.DateOnly, v); err == nil {
			return &v, false
		}
	case table.Timestamp, table.TimestampNTZ:
		t, err := parseTime(v)
		if err != nil {
			return nil, false
		}
		// Writers cut to milliseconds, so a maximum may be too low by what they cut.
		if upper && t.Equal(t.Truncate(statsMillis)) {
			t = t.Add(statsMillis - time.Microsecond)
		}
		layout := "2006-01-02T15:04:05.999999"
		if kind == table.Timestamp {
			layout += "Z"
		}
		return new(t.Format(layout)), upper
	}
	return nil, false
}

// isNumberText tells a number from true, false, null, objects and arrays.
func isNumberText(raw string) bool { return raw[0] == '-' || '0' <= raw[0] && raw[0] <= '9' }
