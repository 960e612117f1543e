package reports

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dq-dev/dq/record"
)

// The columns of a profile at a terminal, in their order.
const (
	profileName = iota
	profileType
	profileNulls
	profileDistinct
	profileMin
	profileMax
	profileMean
	profileTop
	profileColumns
)

var profileHeads = []string{"column", "type", "nulls", "distinct", "min", "max", "mean", "top value"}

// profileRoom is what the columns of a profile that may be cut keep on a narrow
// terminal, first and at last: half a decimal(18,3) misleads.
var profileRoom = []map[int]int{
	{profileName: 12, profileType: 13, profileMin: 10, profileMax: 10, profileTop: topShare + 10},
	{profileType: 8},
}

// topShare is the width of the share before a frequent value.
const topShare = 7

// profiles writes the profile of each table, a line for each column, and what is
// odd about it.
func (t *terminal) profiles(run *record.Run) {
	for tab := range tables(run) {
		p := tab.Profile
		if p == nil {
			continue
		}
		head := clean(tab.Name, maxName)
		if v := strings.TrimSuffix(versions(tab), "–"); v != "" {
			head += ", version " + v
		}
		t.line(ansiBold, head+": "+plural(p.Rows, "row")+", "+plural(int64(len(p.Columns)), "column"))
		if p.Query != "" {
			t.wrap("  ", ansiNone, "of "+clean(p.Query, maxMessage))
		}
		if len(p.Columns) > 0 {
			rows := make([][]string, len(p.Columns))
			for i := range p.Columns {
				rows[i] = profileRow(&p.Columns[i])
			}
			shown := t.fit(rows)
			for i := range rows {
				rows[i] = rows[i][:shown]
			}
			t.grid("  ", profileHeads[:shown], rows, nil, map[int]bool{profileNulls: true, profileDistinct: true, profileMin: true, profileMax: true, profileMean: true})
		}
		t.b.WriteByte('\n')
		if p.Drift != nil {
			t.drift(p.Drift)
		}
		if len(p.Alerts) == 0 {
			continue
		}
		t.line(ansiBold, "ALERTS")
		for _, a := range p.Alerts {
			s := clean(a.Message, maxMessage)
			if a.Column != "" {
				s = clean(a.Column, maxName) + ": " + s
			}
			t.wrap("  ", ansiNone, mark(record.Warn)+" "+s)
		}
		t.b.WriteByte('\n')
	}
}

// fit cuts the cells of a profile to the terminal, the widest columns first, and
// returns how many columns have room. The last, the top value, is the first to go.
func (t *terminal) fit(rows [][]string) int {
	wide := make([]int, profileColumns)
	total := 2 // the indent
	for i := range wide {
		most := 22
		if i == profileName || i == profileTop {
			most = 40
		}
		wide[i] = columns(profileHeads[i])
		for _, row := range rows {
			wide[i] = max(wide[i], min(most, columns(row[i])))
		}
		total += wide[i] + 2
	}
	shown := profileColumns
	total -= 2 // no gap behind the last
	for phase := 0; total > t.width && phase < len(profileRoom); {
		widest := -1
		for i := range shown {
			if keep, gives := profileRoom[phase][i]; gives && wide[i] > keep && (widest < 0 || wide[i] > wide[widest]) {
				widest = i
			}
		}
		switch {
		case widest >= 0:
			wide[widest]--
			total--
		case shown > profileTop:
			shown--
			total -= wide[shown] + 2
		default:
			phase++
		}
	}
	for _, row := range rows {
		row[profileMin], row[profileMax] = narrow(row[profileType], row[profileMin], wide[profileMin]), narrow(row[profileType], row[profileMax], wide[profileMax])
		for i := range row {
			row[i] = cut(row[i], wide[i])
		}
	}
	return shown
}

// narrow writes a number or a time in less room, with fewer digits or without the
// day: cut off like a text it would look like another one.
func narrow(typ, s string, room int) string {
	if columns(s) <= room {
		return s
	}
	if strings.HasPrefix(typ, "timestamp") {
		if _, clock, ok := strings.Cut(s, " "); ok {
			return clock
		}
		return s
	}
	if !slices.ContainsFunc([]string{"int", "float", "double", "decimal"}, func(kind string) bool { return strings.HasPrefix(typ, kind) }) {
		return s
	}
	f, err := strconv.ParseFloat(strings.ReplaceAll(s, ",", ""), 64)
	if err != nil {
		return s
	}
	if whole := group(strconv.FormatFloat(f, 'f', 0, 64)); math.Abs(f) >= 1000 && columns(whole) <= room {
		return whole
	}
	for digits := 6; digits > 1; digits-- {
		if s = strconv.FormatFloat(f, 'g', digits, 64); columns(s) <= room {
			break
		}
	}
	return s
}

func profileRow(c *record.ColumnProfile) []string {
	row := make([]string, profileColumns)
	row[profileName] = clean(c.Name, maxName)
	row[profileType] = clean(c.Type, maxName)
	if c.Nulls > 0 {
		row[profileNulls] = percent(c.Nulls, c.Rows)
	}
	row[profileDistinct] = number(c.Distinct)
	if c.Approx {
		row[profileDistinct] = "~" + row[profileDistinct]
	}
	row[profileMin], row[profileMax] = extremes(c)
	if c.Mean != nil {
		row[profileMean] = float(*c.Mean)
	}
	// A value that occurs once is not frequent.
	if len(c.Top) > 0 && c.Top[0].Count > 1 {
		row[profileTop] = fmt.Sprintf("%*s %s", topShare-1, percent(c.Top[0].Count, c.Rows), textCell(c.Top[0].Value).text)
	}
	return row
}

// extremes writes the least and the greatest value of a column: numbers with
// their thousands apart, of timestamps the day when that tells them apart.
func extremes(c *record.ColumnProfile) (low, high string) {
	low, high = extreme(c, c.Min), extreme(c, c.Max)
	if !strings.HasPrefix(c.Type, "timestamp") {
		return low, high
	}
	from, err := time.Parse(time.RFC3339Nano, low)
	to, err2 := time.Parse(time.RFC3339Nano, high)
	if err != nil || err2 != nil {
		return low, high
	}
	layout := time.DateOnly
	if from.Format(layout) == to.Format(layout) {
		layout = time.DateTime
	}
	return from.Format(layout), to.Format(layout)
}

func extreme(c *record.ColumnProfile, v any) string {
	switch x := v.(type) {
	case nil:
		return ""
	case float64:
		return float(x)
	case int64:
		return number(x)
	case json.Number:
		if f, err := x.Float64(); err == nil && strings.ContainsAny(x.String(), ".eE") {
			return float(f)
		}
		return group(clean(x.String(), maxValue))
	}
	s := value(v).text
	if strings.HasPrefix(c.Type, "decimal") {
		return group(s)
	}
	return s
}
