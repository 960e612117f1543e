package delta

import (
	"errors"
	"strings"
	"testing"

	"github.com/dq-dev/dq/table"
)

// TestPartitionText: what is a value of a type in the log, and what only an
// engine's cast would make one of.
func TestPartitionText(t *testing.T) {
	for _, c := range []struct {
		typ       table.Type
		good, bad string // separated by |
	}{
		{table.Type{Kind: table.Int64}, "0|-5|+1|007|9223372036854775807|-9223372036854775808", "x|1.5|1.0|1e2|1_000|0x10| 1|1 |+|9223372036854775808"},
		{table.Type{Kind: table.Int8}, "-128|127", "128"},
		{table.Type{Kind: table.Int16}, "32767", "32768"},
		{table.Type{Kind: table.Int32}, "-2147483648", "2147483648"},
		{table.Type{Kind: table.Double}, "1|1.5E10|-0.0|.5|NaN|Infinity|-Infinity|inf", "x|1,5|1_0|0x1p3|1.5d|--1|+-inf|1e400"},
		{table.Type{Kind: table.Decimal, Precision: 10, Scale: 2}, "5|-0.01|123.45|1.500|1E+3|0E-18|12345678.99", "x|1.239|123456789|1E+9|1E-3|1e|1e999999999|1/2|.|NaN"},
		{table.Type{Kind: table.Decimal, Precision: 38, Scale: 10}, "1234567890123456789012345678.0123456789", "1234567890123456789012345678.01234567891"},
		{table.Type{Kind: table.Bool}, "true|FALSE", "1|t|yes"},
		{table.Type{Kind: table.Date}, "2024-02-29|0001-01-01|10000-02-29|2024-1-2", "2023-02-29|2024-1|2024--2|2024-001-02|2024/02/29|infinity|epoch|2024-01-01 (BC)|2024-02-29 10:00:00|-0001-01-01|24-01-01"},
		{table.Type{Kind: table.Timestamp}, "2024-01-02 03:04:05|2024-01-02 03:04:05.1|2024-01-02T03:04:05.123456Z|2024-01-02 03:04:05.123456000|2024-01-02T03:04:05+02:00|2024-01-02 03:04:05+00|2024-01-02",
			"infinity|2024-13-02 00:00:00|2024-01-02 24:00:00|2024-01-02 03:04:05.1234567|2024-01-02 03:04:05 Europe/Berlin|2024-01-02 03:04:05 (BC)|2024-01-02 03:04:05,5|2024-01-02 "},
		{table.Type{Kind: table.TimestampNTZ}, "2024-01-02 03:04:05.123456|2024-01-02T03:04:05|2024-01-02", "2024-01-02T03:04:05Z|2024-01-02T03:04:05+02:00"},
		{table.Type{Kind: table.Binary}, "abc", ""},
		{table.Type{Kind: table.Void}, "", "x"},
	} {
		column := table.Field{Name: "p", Type: c.typ}
		s := &Snapshot{schema: table.Schema{Fields: []table.Field{column}}, partitionBy: []string{"p"}, mapping: mapNone}
		read := func(text string) error {
			_, err := s.described(&fileAction{path: "x/f.parquet", Size: numberOf(1), ModificationTime: numberOf(1), PartitionValues: map[string]*string{"p": &text}})
			return err
		}
		for text := range strings.SplitSeq(c.good, "|") {
			if err := read(text); err != nil {
				t.Errorf("%s: %v", c.typ, err)
			}
		}
		for text := range strings.SplitSeq(c.bad, "|") {
			if text == "" {
				continue
			}
			err, e := read(text), (*Error)(nil)
			if !errors.As(err, &e) || e.Category != LogCorrupt || e.File != "x/f.parquet" || !strings.Contains(err.Error(), `"p", which is `+c.typ.String()) {
				t.Errorf("%s: %q: %v", c.typ, text, err)
			}
		}
	}
}
