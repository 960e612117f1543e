package reports

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/dq-dev/dq/record"
)

// profiled is the run of a dq profile: each kind of column, and what is hard to
// fit on a line.
func profiled() *record.Run {
	version, mean, money := int64(12), 9.55225, 4.61111
	top := func(value string, n int64) []record.ValueCount { return []record.ValueCount{{Value: value, Count: n}} }
	columns := []record.ColumnProfile{
		{Name: "invoice", Type: "string", Distinct: 25900, Approx: true, Min: "536365", Max: "C581569", Top: top("573585", 1114)},
		{Name: "description_as_the_shop_writes_it", Type: "string", Nulls: 1454, Distinct: 4223, Min: " 4 PURPLE FLOCK DINNER CANDLES", Max: "wrongly sold (22719) barcode", Top: top("WHITE HANGING HEART T-LIGHT HOLDER", 2369)},
		{Name: "quantity", Type: "int64", Distinct: 722, Min: json.Number("-80995"), Max: int64(80995), Mean: &mean, Top: top("1", 148227)},
		{Name: "unit_price", Type: "decimal(12,3)", Nulls: 541909 - 3, Distinct: 3, Min: "-11062.060", Max: "38970.000", Mean: &money, Top: top("4.000", 1)},
		{Name: "key", Type: "int64", Distinct: 541909, Min: json.Number("-9223372036854775808"), Max: json.Number("9223372036854775807")},
		{Name: "share", Type: "double", Distinct: 2, Min: 0.0000012345678, Max: json.Number("12345678.9")},
		{Name: "ordered_at", Type: "timestamp", Distinct: 23260, Min: "2010-12-01T08:26:00Z", Max: "2011-12-09T12:50:00Z"},
		{Name: "loaded_at", Type: "timestamp", Distinct: 3, Min: "2011-12-09T20:14:02Z", Max: "2011-12-09T20:14:59.5Z"},
		{Name: "国", Type: "struct<name: string, code: string, region: string>", Distinct: 0, Nulls: 541909},
		{Name: "paid", Type: "bool", Distinct: 1, Min: false, Max: false, Top: top("false", 541909)},
	}
	for i := range columns {
		columns[i].Rows = 541909
	}
	return &record.Run{Command: "profile", ID: "20111209T201402Z-7f3a", Outcome: "profiled", Verdict: record.Pass, DurationMS: 820,
		Layers: []record.Layer{{Tables: []record.Table{{Name: "order_lines", Outcome: "profiled", VersionBefore: &version, Counts: record.Counts{Total: 541909},
			Profile: &record.Profile{Rows: 541909, Columns: columns, Alerts: []record.Alert{
				{Column: "unit_price", Kind: "nulls", Message: "541,906 of 541,909 rows are null (>99.9 %)"}, {Kind: "no_rows", Message: "the table is odd"}}}}}}}}
}

func TestTextProfile(t *testing.T) {
	var all bytes.Buffer
	for _, width := range []int{40, 80, 100, 160} {
		var b bytes.Buffer
		if err := Text(&b, profiled(), TextOptions{Width: width}); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(b.String()) {
			if n := columns(strings.TrimSuffix(line, "\n")); n > width {
				t.Errorf("a line of %d columns on a terminal of %d: %s", n, width, line)
			}
		}
		fmt.Fprintf(&all, "=== %d\n%s", width, b.Bytes())
	}
	golden(t, "golden-profile.txt", all.Bytes())
}

// A profile is drawn of dq profile alone, and any can be drawn.
func TestTextProfileOnlyWhenAsked(t *testing.T) {
	for command, want := range map[string]bool{"profile": true, "run": false, "check": false, "": false} {
		run := profiled()
		run.Command = command
		if got := strings.Contains(string(draw(t, "text", run)), "top value"); got != want {
			t.Errorf("%q: a profile is drawn: %v", command, got)
		}
	}
	for _, s := range hostile {
		run := poisoned(s)
		run.Command = "profile"
		checkClean(t, "text", draw(t, "text", run))
	}
	for _, p := range []*record.Profile{nil, {}, {Columns: []record.ColumnProfile{{}, {Type: "timestamp", Min: 1.5, Max: "soon"}, {Type: "decimal(1,0)", Min: "x", Top: []record.ValueCount{{}}}}}} {
		run := &record.Run{Command: "profile", Layers: []record.Layer{{Tables: []record.Table{{Profile: p}}}}}
		if len(draw(t, "text", run)) == 0 {
			t.Error("nothing is drawn")
		}
	}
}
