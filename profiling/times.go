package profiling

import (
	"time"

	"github.com/dq-dev/dq/record"
)

// timeSketch is what is kept of dates and timestamps: the coarsest unit that all are
// whole ones of, and how many values each day has.
type timeSketch struct {
	unit    int // of timeUnits
	days    window
	tooLong bool // more than maxDays from the first to the last
}

// maxDays are so many days that a table of them is no calendar.
const maxDays = 200_000

// timeUnits are the units, the coarsest first, and how many µs those of them have that
// always have the same.
var timeUnits = []struct {
	name   string
	micros int64
}{{"year", 0}, {"month", 0}, {"day", dayMicros}, {"hour", 3600e6}, {"minute", 60e6}, {"second", 1e6}, {"millisecond", 1e3}, {"microsecond", 1}}

const (
	unitMonth = 1
	unitDay   = 2
	dayMicros = 86400e6
)

// start is the sketch of no values.
func (t *timeSketch) start() { t.unit = 0 }

func (t *timeSketch) add(values []int64, k sort) {
	for _, v := range values {
		t.addTimes(v, 1, k)
	}
}

// addTimes takes a time n times.
func (t *timeSketch) addTimes(v, n int64, k sort) {
	day := v
	if k == sortTime {
		day = floorDiv(v, dayMicros)
		for t.unit > unitDay && v%timeUnits[t.unit].micros != 0 {
			t.unit++
		}
		if t.unit <= unitDay && v != day*dayMicros {
			t.unit = unitDay + 1
			for v%timeUnits[t.unit].micros != 0 {
				t.unit++
			}
		}
	}
	if t.unit < unitDay {
		switch at := time.Unix(day*86400, 0).UTC(); {
		case at.Day() != 1:
			t.unit = unitDay
		case at.Month() != 1:
			t.unit = unitMonth
		}
	}
	if t.tooLong {
		return
	}
	w := &t.days
	if len(w.counts) > 0 && (int(day)-w.from >= maxDays || w.from+len(w.counts)-int(day) > maxDays) {
		t.tooLong, t.days = true, window{}
		return
	}
	w.add(int(day), n)
}

func (t *timeSketch) merge(o *timeSketch) {
	t.unit = max(t.unit, o.unit)
	if t.tooLong = t.tooLong || o.tooLong; !t.tooLong && len(t.days.counts) > 0 && len(o.days.counts) > 0 {
		t.tooLong = max(t.days.from+len(t.days.counts), o.days.from+len(o.days.counts))-min(t.days.from, o.days.from) > maxDays
	}
	if t.tooLong {
		t.days = window{}
		return
	}
	t.days.merge(&o.days)
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// profile says what there is to say about the times.
func (t *timeSketch) profile(first, last int64) *record.TimeProfile {
	out := &record.TimeProfile{Unit: timeUnits[t.unit].name, Span: last - first + 1}
	if t.tooLong {
		return out
	}
	out.Weekdays = make([]int64, 7)
	before := -1
	for i, n := range t.days.counts {
		if n == 0 {
			continue
		}
		day := int64(t.days.from + i)
		out.Days++
		out.Weekdays[((day+3)%7+7)%7] += n // 1970-01-01 was a Thursday
		if without := i - before - 1; before >= 0 && without >= 2 {
			out.Gaps = append(out.Gaps, record.Gap{From: dayText(day - int64(without) - 1), To: dayText(day), Days: int64(without)})
		}
		before = i
	}
	out.Gaps = longest(out.Gaps)
	return out
}

func dayText(day int64) string { return time.Unix(day*86400, 0).UTC().Format(time.DateOnly) }
