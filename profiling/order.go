package profiling

import (
	"cmp"
	"slices"
	"strings"

	"github.com/dq-dev/dq/engine"
)

// order tells how the values of a column follow each other in the order of the rows.
// Batches come in no order: each leaves a run, and these are put together at the end.
type order struct {
	closed bool // there is no order, or none is known
	place  place
	runs   []run
}

// place is a row's.
type place struct {
	file string
	line int64
}

// run is how some rows that follow each other are ordered, from first to last.
type run struct {
	place
	first, last cell
	ways        ways
}

// ways are the orders that values have, as bits.
type ways uint8

const (
	increasing ways = 1 << iota
	decreasing
	rising  // with repeats
	falling // with repeats
)

const anyWay = increasing | decreasing | rising | falling

// step are the ways that a step from one value to the next allows.
func step(compared int) ways {
	switch {
	case compared < 0:
		return increasing | rising
	case compared > 0:
		return decreasing | falling
	}
	return rising | falling
}

func (o *order) open() bool { return !o.closed }

// addOrder takes the values of some rows that follow each other.
func addOrder[T int64 | float64 | engine.Int128 | string](o *order, values []T, compare func(a, b T) int) {
	if len(values) == 0 {
		return
	}
	w := anyWay
	for i := 1; i < len(values); i++ {
		if w &= step(compare(values[i-1], values[i])); w == 0 {
			o.close()
			return
		}
	}
	o.runs = append(o.runs, run{o.place, cellOf(values[0]), cellOf(values[len(values)-1]), w})
}

// cellOf keeps a value.
func cellOf[T int64 | float64 | engine.Int128 | string](v T) cell {
	switch v := any(v).(type) {
	case int64:
		return intCell(v)
	case float64:
		return floatCell(v)
	case engine.Int128:
		return wideCell(v)
	case string:
		return cell{text: strings.Clone(v)}
	}
	return cell{}
}

func (o *order) close() { o.closed, o.runs = true, nil }

func (o *order) merge(p *order) {
	if o.closed || p.closed {
		o.close()
		return
	}
	o.runs = append(o.runs, p.runs...)
}

// fold puts the runs together. Those of one file are in the order of their lines,
// files in that of their names.
func (o *order) fold(k sort) {
	if o.closed || len(o.runs) < 2 {
		return
	}
	slices.SortFunc(o.runs, func(a, b run) int { return cmp.Or(strings.Compare(a.file, b.file), cmp.Compare(a.line, b.line)) })
	all := o.runs[0]
	for _, r := range o.runs[1:] {
		if all.ways &= r.ways & step(all.last.compare(r.first, k)); all.ways == 0 {
			o.close()
			return
		}
		all.last = r.last
	}
	o.runs = append(o.runs[:0], all)
}

// name is the order's, as in record.ColumnProfile.
func (o *order) name(k sort) string {
	o.fold(k)
	if o.closed || len(o.runs) == 0 {
		return ""
	}
	switch w := o.runs[0].ways; {
	case w == anyWay: // a single value
		return ""
	case w&increasing != 0:
		return "increasing"
	case w&decreasing != 0:
		return "decreasing"
	case w&rising != 0 && w&falling == 0:
		return "rising"
	case w&falling != 0 && w&rising == 0:
		return "falling"
	}
	return ""
}
