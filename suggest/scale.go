package suggest

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/dq-dev/dq/table"
)

// limits are bounds of a column's numbers, and what lies outside.
type limits struct {
	low, high   float64 // of what lies inside
	judged, out int
	least, most float64 // of all
}

const (
	enough  = 50   // values, for a range
	fences  = 3.0  // how many times the distance of the quartiles a value lies beyond them
	rareFar = 0.01 // values outside
)

func (r limits) why() string {
	if r.out == 0 {
		return fmt.Sprintf("all %s values lie from %s to %s", count(r.judged), decimalText(r.least), decimalText(r.most))
	}
	return fmt.Sprintf("%s of %s values lie from %s to %s; the others are far off, from %s to %s", count(r.judged-r.out), count(r.judged), decimalText(r.low), decimalText(r.high), decimalText(r.least), decimalText(r.most))
}

// rangeOf finds the numbers that lie far from all others: beyond Tukey's outer fences as they
// are and on a logarithmic scale too, which a long tail is not, and apart from the rest.
func rangeOf(c *column, of func(i int) float64) (limits, bool) {
	type weighed struct {
		x float64
		n int
	}
	var all []weighed
	total := 0
	for i, n := range c.counts {
		if x := of(i); !math.IsNaN(x) {
			all = append(all, weighed{x, n})
			total += n
		}
	}
	if total < enough || len(all) < 3 {
		return limits{}, false
	}
	slices.SortFunc(all, func(a, b weighed) int {
		switch {
		case a.x < b.x:
			return -1
		case a.x > b.x:
			return 1
		}
		return 0
	})
	quantile := func(q float64) float64 {
		rank := int(q * float64(total-1))
		for _, w := range all {
			if rank -= w.n; rank < 0 {
				return w.x
			}
		}
		return all[len(all)-1].x
	}
	q1, middle, q3 := quantile(0.25), quantile(0.5), quantile(0.75)
	if q1 == q3 { // half of the values are one: what differs is not far by that
		q1, q3 = quantile(0.05), quantile(0.95)
	}
	unit := math.Max(math.Abs(middle), math.Abs(q3-q1)) / 10
	if unit == 0 || q1 == q3 {
		return limits{}, false
	}
	log := func(x float64) float64 { return math.Asinh(x / unit) }
	r := limits{low: all[0].x, high: all[len(all)-1].x, least: all[0].x, most: all[len(all)-1].x, judged: total}
	far := func(x float64) bool {
		d, l1, l3 := q3-q1, log(q1), log(q3)
		return (x < q1-fences*d || x > q3+fences*d) && (log(x) < l1-fences*(l3-l1) || log(x) > l3+fences*(l3-l1))
	}
	first, last := 0, len(all)-1
	for first < last && far(all[first].x) {
		first++
	}
	for last > first && far(all[last].x) {
		last--
	}
	out := 0
	for i, w := range all {
		if i < first || i > last {
			out += w.n
		}
	}
	if float64(out) > rareFar*float64(total) {
		return r, true
	}
	r.low, r.high, r.out = all[first].x, all[last].x, out
	return r, true
}

// scale learns the rules of a column of numbers or times.
func (l *learner) scale(c *column) {
	switch {
	case c.typ.Numeric():
		l.between(c)
	case c.typ.Temporal():
		l.times(c)
	}
}

// between demands a range: that of the values, with room, or without those that are far off.
func (l *learner) between(c *column) {
	if l.digits(c) {
		return
	}
	r, ok := rangeOf(c, func(i int) float64 { return c.numbers[i] })
	if !ok || c.nearlyUnique() && c.typ.Integer() { // numbers that count on
		return
	}
	var params []Param
	// Room for tomorrow's: as far again as the values reach, unless something ends at zero.
	low, high := r.low, r.high
	width := high - low
	if low >= 0 {
		low = 0
	} else {
		low = rounded(low-width/2, math.Floor)
	}
	if high <= 0 {
		high = 0
	} else if high > 0 {
		high = rounded(high+width/2, math.Ceil)
	}
	// What is far off stays outside.
	if r.most > r.high {
		high = math.Min(high, between(r.high, nextAbove(c, r.high)))
	}
	if r.least < r.low {
		low = math.Max(low, between(r.low, nextBelow(c, r.low)))
	}
	if c.typ.Integer() {
		low, high = math.Floor(low), math.Ceil(high)
		if r.most > r.high {
			high = math.Floor(math.Max(r.high, math.Min(high, nextAbove(c, r.high)-1)))
		}
		if r.least < r.low {
			low = math.Ceil(math.Min(r.low, math.Max(low, nextBelow(c, r.low)+1)))
		}
	}
	if math.Abs(low) > 1e15 || math.Abs(high) > 1e15 {
		return
	}
	params = append(params, Param{"min", number(decimalText(low))}, Param{"max", number(decimalText(high))})
	l.beside(c, "between", r.judged, r.out, r.why(), params...)
}

const (
	fewDigits = 4    // numbers of fewer are no codes
	sameDigit = 0.95 // of the numbers of a code have as many digits
)

// digits demands as many digits of a code as nearly all have: a whole number that determines
// another column or is determined by one.
func (l *learner) digits(c *column) bool {
	part := l.determined[c] != nil
	for _, d := range l.determined {
		part = part || slices.Contains(d.by, c)
	}
	if !part || !c.typ.Integer() {
		return false
	}
	rows := map[int]int{}
	for i, v := range c.values {
		rows[len(v)] += c.counts[i]
	}
	most := 0
	for n, k := range rows {
		if k > rows[most] || k == rows[most] && n < most {
			most = n
		}
	}
	low := math.Pow(10, float64(most-1))
	inside := func(i int) bool { return c.numbers[i] >= low && c.numbers[i] < 10*low }
	right, bad := c.what(inside)
	if most < fewDigits || most > 15 || right == c.filled() || c.of(right) < sameDigit {
		return false
	}
	l.beside(c, "between", c.filled(), c.filled()-right, fmt.Sprintf("%s of %s values have %d digits%s", count(right), count(c.filled()), most, ending(c.filled()-right, bad)),
		Param{"min", number(decimalText(low))}, Param{"max", number(decimalText(10*low - 1))})
	return true
}

// freshest is how old the newest of times may be at most that tell how fresh a table is.
const freshest = 7 * 24 * time.Hour

// fresh demands that the newest time is not much older than it was.
func (l *learner) fresh() {
	if l.table.At.IsZero() {
		return
	}
	var best *column
	age := freshest + 1
	for _, c := range l.table.columns {
		if !c.typ.Temporal() || c.filled() < fewRows {
			continue
		}
		newest := math.Inf(-1)
		for _, x := range c.numbers {
			newest = math.Max(newest, x)
		}
		if old := time.Duration(float64(l.table.At.Unix())-newest) * time.Second; old >= 0 && old < age {
			best, age = c, old
		}
	}
	if best == nil {
		return
	}
	bound := fmt.Sprintf("%dh", int(math.Ceil((2*age).Hours()))+2)
	if age >= 24*time.Hour {
		bound = fmt.Sprintf("%dd", int(math.Ceil((2*age).Hours()/24)))
	} else if age < 12*time.Hour {
		bound = "26h"
	}
	l.rules = append(l.rules, Rule{ID: best.name + ".freshness", Column: best.name, Kind: "freshness", Columns: []string{best.name}, Params: []Param{{"max_age", bound}},
		Why: fmt.Sprintf("the newest value was %s old when the rows were written", age.Round(time.Minute))})
}

func nextAbove(c *column, x float64) float64 {
	next := math.Inf(1)
	for _, y := range c.numbers {
		if y > x {
			next = math.Min(next, y)
		}
	}
	return next
}

func nextBelow(c *column, x float64) float64 {
	next := math.Inf(-1)
	for _, y := range c.numbers {
		if y < x {
			next = math.Max(next, y)
		}
	}
	return next
}

// between is a number between two, nearer to the first.
func between(a, b float64) float64 {
	if math.IsInf(b, 0) {
		return a
	}
	m, _ := strconv.ParseFloat(strconv.FormatFloat(a+(b-a)/4, 'g', 3, 64), 64)
	if (m-a)*(m-b) >= 0 {
		return a
	}
	return m
}

// rounded is a number of two digits.
func rounded(x float64, to func(float64) float64) float64 {
	if x == 0 {
		return 0
	}
	unit := math.Pow(10, math.Floor(math.Log10(math.Abs(x)))-1)
	y, _ := strconv.ParseFloat(strconv.FormatFloat(to(x/unit)*unit, 'g', 12, 64), 64)
	return y
}

// decimalText writes a number without an exponent.
func decimalText(x float64) string {
	s := strconv.FormatFloat(x, 'f', -1, 64)
	if len(s) > 20 {
		s = strconv.FormatFloat(x, 'g', 6, 64)
	}
	return s
}

// times demands a time that is not far from all others.
func (l *learner) times(c *column) {
	r, ok := rangeOf(c, func(i int) float64 { return c.numbers[i] })
	if !ok || r.out == 0 {
		return
	}
	layout := time.DateOnly
	if c.typ.Kind != table.Date {
		layout = time.RFC3339
	}
	at := func(x float64) string { return time.Unix(int64(math.Floor(x)), 0).UTC().Format(layout) }
	var params []Param
	if r.least < r.low {
		params = append(params, Param{"min", at(r.low)})
	}
	if r.most > r.high {
		params = append(params, Param{"max", at(math.Ceil(r.high))})
	}
	l.beside(c, "between", r.judged, r.out, fmt.Sprintf("%s of %s values lie from %s to %s; the others are far off, from %s to %s", count(r.judged-r.out), count(r.judged), at(r.low), at(r.high), at(r.least), at(r.most)), params...)
}
