package reports

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/dq-dev/dq/record"
	"github.com/dq-dev/dq/table"
)

// number writes 541909 as 541,909.
func number(n int64) string {
	return group(strconv.FormatInt(n, 10))
}

// group puts commas into the integer part of a number's text.
func group(s string) string {
	start := 0
	if strings.HasPrefix(s, "-") {
		start = 1
	}
	end := len(s)
	if dot := strings.IndexByte(s, '.'); dot >= 0 {
		end = dot
	}
	for i := end - 3; i > start; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// float writes a measured number with at most six significant digits; whole
// numbers below 10^15 are written out.
func float(f float64) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 0):
		return strconv.FormatFloat(f, 'f', -1, 64)
	case f == math.Trunc(f) && math.Abs(f) < 1e15:
		return group(strconv.FormatFloat(f, 'f', 0, 64))
	}
	if abs := math.Abs(f); abs >= 1e5 && abs < 1e15 {
		return group(strconv.FormatFloat(f, 'f', 1, 64))
	}
	s := strconv.FormatFloat(f, 'g', 6, 64)
	if strings.ContainsRune(s, 'e') {
		return s
	}
	return group(s)
}

// percent writes a share so that it is 0 % and 100 % only when it is exactly that.
func percent(part, whole int64) string {
	switch {
	case whole <= 0:
		return "–"
	case part == 0:
		return "0 %"
	case part == whole:
		return "100 %"
	}
	s := strconv.FormatFloat(100*float64(part)/float64(whole), 'f', 1, 64)
	switch s {
	case "0.0":
		return "<0.1 %"
	case "100.0":
		return ">99.9 %"
	}
	return s + " %"
}

// duration writes milliseconds as people say them.
func duration(ms int64) string {
	switch {
	case ms < 1000:
		return strconv.FormatInt(ms, 10) + " ms"
	case ms < 60_000:
		return strconv.FormatFloat(float64(ms)/1000, 'f', 1, 64) + " s"
	case ms < 3_600_000:
		return fmt.Sprintf("%d min %d s", ms/60_000, ms/1000%60)
	}
	return fmt.Sprintf("%d h %d min", ms/3_600_000, ms/60_000%60)
}

// size writes bytes as people say them.
func size(n int64) string {
	if n < 1000 {
		return number(n) + " B"
	}
	f := float64(n)
	for _, unit := range []string{"kB", "MB", "GB", "TB"} {
		if f /= 1000; f < 999.95 || unit == "TB" {
			return strconv.FormatFloat(f, 'f', 1, 64) + " " + unit
		}
	}
	return ""
}

// moment writes a time in UTC; "–" for none.
func moment(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}

// cell is a value of a row, ready to be shown.
type cell struct {
	text  string
	quiet bool // null or an empty string: said in words, not the value's own text
}

// value shows a value of a sample row. It shows what the run record's JSON says,
// so that a record drawn by the run and one read back later look the same.
func value(v any) cell {
	switch x := v.(type) {
	case nil:
		return cell{"null", true}
	case string:
		return textCell(x)
	case bool:
		return cell{text: strconv.FormatBool(x)}
	case int64:
		return cell{text: strconv.FormatInt(x, 10)}
	case int:
		return cell{text: strconv.Itoa(x)}
	case float64:
		if x == math.Trunc(x) && math.Abs(x) <= 1<<53 {
			return cell{text: strconv.FormatFloat(x, 'f', -1, 64)}
		}
		return cell{text: strconv.FormatFloat(x, 'g', -1, 64)}
	case json.Number:
		if f, err := x.Float64(); err == nil && strings.ContainsAny(x.String(), ".eE") {
			return value(f)
		}
		return cell{text: clean(x.String(), maxValue)}
	case time.Time:
		return cell{text: x.Format(time.RFC3339Nano)}
	case []byte:
		return textCell(base64.StdEncoding.EncodeToString(x))
	}
	switch reflect.ValueOf(v).Kind() {
	case reflect.Slice, reflect.Map, reflect.Struct, reflect.Pointer:
		if text, ok := jsonText(v); ok {
			return cell{text: clean(text, maxValue)}
		}
	}
	return textCell(fmt.Sprint(v))
}

// jsonText is a value as its JSON reads once it was read back: names sorted, and
// no character escaped for HTML, since each format escapes what it must.
func jsonText(v any) (string, bool) {
	data, err := json.Marshal(v)
	if err != nil {
		return "", false
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var plain any
	if err := dec.Decode(&plain); err != nil {
		return "", false
	}
	var text strings.Builder
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	err = enc.Encode(plain)
	return strings.TrimSuffix(text.String(), "\n"), err == nil
}

func textCell(s string) cell {
	if s == "" {
		return cell{"empty", true}
	}
	if s[0] == ' ' || s[len(s)-1] == ' ' {
		return cell{text: "“" + clean(s, maxValue) + "”"} // else nobody sees the spaces
	}
	return cell{text: clean(s, maxValue)}
}

// sample is a table of example rows.
type sample struct {
	columns []string
	rows    [][]cell
	left    int // columns that are not shown
}

// sampleColumns is how many columns of example rows are shown; the run record has all.
const sampleColumns = 8

// samples lays out rows: first the columns the rule speaks of, then the others
// in the order of the schema, then unknown ones by name.
func samples(rows []map[string]any, first []string, schema table.Schema) sample {
	if len(rows) == 0 {
		return sample{}
	}
	present := map[string]bool{}
	for _, row := range rows {
		for name := range row {
			present[name] = true
		}
	}
	var s sample
	take := func(names []string) {
		for _, name := range names {
			if present[name] {
				delete(present, name)
				s.columns = append(s.columns, name)
			}
		}
	}
	take(first)
	take(provenance)
	take(schema.Names())
	take(sortedKeys(present))
	if len(s.columns) > sampleColumns {
		s.left = len(s.columns) - sampleColumns
		s.columns = s.columns[:sampleColumns]
	}
	for _, row := range rows {
		cells := make([]cell, len(s.columns))
		for i, name := range s.columns {
			if v, ok := row[name]; ok {
				cells[i] = value(v)
				if name == reasons {
					cells[i] = cell{text: list(v)}
				}
			}
		}
		s.rows = append(s.rows, cells)
	}
	return s
}

// finding are the columns of a finding's rows that stand first: what it speaks of,
// where a record that could not be read lies, and the record, or how a row of a
// rewritten file changed, and in what.
func finding(f *record.Finding) []string {
	return append([]string{f.Column, "file", "record", "text", "_change_type"}, f.Columns...)
}

// provenance are the columns that say where a row comes from: of a check, and of
// tables that files are landed in.
var provenance = []string{"dq_file", "dq_line", "_file", "_line"}

// reasons is the column of quarantine tables that holds the ids of broken rules.
const reasons = "dq_reasons"

// list writes a list of names with commas.
func list(v any) string {
	var parts []string
	switch x := v.(type) {
	case []any:
		for _, e := range x {
			parts = append(parts, value(e).text)
		}
	case []string:
		for _, e := range x {
			parts = append(parts, clean(e, maxName))
		}
	default:
		return value(v).text
	}
	return strings.Join(parts, ", ")
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

// pairs writes a small map as "rows() = 4, sum(x) = 3", by key.
func pairs(m map[string]any) string {
	parts := make([]string, 0, len(m))
	for _, k := range sortedKeys(m) {
		parts = append(parts, clean(k, maxName)+" = "+value(m[k]).text)
	}
	return strings.Join(parts, ", ")
}

// threshold writes what an expectation bears: "mostly 0.99", or with two bounds
// "mostly 0.99 (below 0.999 it warns)", "max_failed 10 (above 2 it warns)".
func threshold(bears map[string]any) string {
	parts := make([]string, 0, len(bears))
	for _, k := range sortedKeys(bears) {
		v, warns := bears[k], ""
		if two, ok := v.(map[string]any); ok {
			side := "below"
			if k == "max_failed" {
				side = "above"
			}
			v, warns = two["fail"], " ("+side+" "+value(two["warn"]).text+" it warns)"
		}
		parts = append(parts, clean(k, maxName)+" "+value(v).text+warns)
	}
	return strings.Join(parts, ", ")
}

// versions writes "12 → 13", "new → 0", or "12" when nothing was committed; "–"
// for what has no versions or was held back before it had one.
func versions(t *record.Table) string {
	before := "–"
	switch {
	case t.VersionBefore != nil:
		before = strconv.FormatInt(*t.VersionBefore, 10)
	case t.Version == nil && !held(t) && t.Check != nil && t.Check.Dataset.Version != nil:
		before = strconv.FormatInt(*t.Check.Dataset.Version, 10)
	}
	if t.Version == nil || t.VersionBefore != nil && *t.Version == *t.VersionBefore {
		return before
	}
	if t.VersionBefore == nil {
		before = "new"
	}
	return before + " → " + strconv.FormatInt(*t.Version, 10)
}

// plural writes "1 row", "2 rows".
func plural(n int64, one string) string {
	if n == 1 {
		return "1 " + one
	}
	if strings.HasSuffix(one, "y") && !strings.HasSuffix(one, "ay") {
		return number(n) + " " + strings.TrimSuffix(one, "y") + "ies"
	}
	if strings.HasSuffix(one, "ch") {
		return number(n) + " " + one + "es"
	}
	return number(n) + " " + one + "s"
}

// describe says what values a column holds: the line that matters first.
func describe(c *record.ColumnProfile) []string {
	var lines []string
	if c.Min != nil || c.Max != nil {
		lines = append(lines, value(c.Min).text+" to "+value(c.Max).text)
	}
	var parts []string
	if len(c.Quantiles) == 5 {
		parts = append(parts, "median "+float(c.Quantiles[2]))
	}
	if c.Mean != nil {
		s := "mean " + float(*c.Mean)
		if c.StdDev != nil {
			s += " ± " + float(*c.StdDev)
		}
		parts = append(parts, s)
	}
	if c.MinLength != nil && c.MaxLength != nil {
		if *c.MinLength == *c.MaxLength {
			parts = append(parts, plural(*c.MinLength, "character"))
		} else {
			parts = append(parts, number(*c.MinLength)+" to "+plural(*c.MaxLength, "character"))
		}
	}
	if len(parts) > 0 {
		lines = append(lines, strings.Join(parts, ", "))
	}
	parts = nil
	for _, n := range []struct {
		count int64
		what  string
	}{{c.Nulls, "null"}, {c.Empty, "empty"}, {c.Zeros, "zero"}, {c.Negative, "negative"}, {c.NaNs, "NaN"}, {c.Infs, "infinite"}} {
		if n.count > 0 {
			parts = append(parts, number(n.count)+" "+n.what)
		}
	}
	if len(parts) > 0 {
		lines = append(lines, strings.Join(parts, ", "))
	}
	return lines
}
