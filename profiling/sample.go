package profiling

import (
	"cmp"
	"math"
	"math/big"
	"slices"
	"strings"

	"github.com/dq-dev/dq/engine"
)

// sample is some rows, drawn evenly: those whose places have the least hashes. It
// depends on nothing but the rows and where they are, and two add up to the sample of both.
type sample struct {
	size  int
	limit uint64 // hashes from here on are not kept; 0 is no limit
	rows  []sampled
}

type sampled struct {
	hash  uint64
	cells []cell
}

// cell is a value: a number's bits or a text. Of numbers of 128 bits it has both: the
// bits of the nearest double, and all digits.
type cell struct {
	bits uint64
	text string
	null bool
}

func intCell(v int64) cell     { return cell{bits: uint64(v)} }
func floatCell(v float64) cell { return cell{bits: math.Float64bits(v)} }
func wideCell(v engine.Int128) cell {
	return cell{bits: math.Float64bits(wideFloat(v.Lo, v.Hi)), text: int128(v.Lo, v.Hi).String()}
}

// number is the cell's as a double; for what is on no scale it tells values apart.
func (c cell) number(k sort) float64 {
	switch k {
	case sortFloat, sortWide:
		return math.Float64frombits(c.bits)
	}
	return float64(int64(c.bits))
}

func (c cell) compare(o cell, k sort) int {
	switch {
	case k.text():
		return strings.Compare(c.text, o.text)
	case k == sortFloat:
		return cmp.Compare(math.Float64frombits(c.bits), math.Float64frombits(o.bits))
	case k == sortWide:
		a, _ := new(big.Int).SetString(c.text, 10)
		b, _ := new(big.Int).SetString(o.text, 10)
		if a == nil || b == nil {
			return 0
		}
		return a.Cmp(b)
	}
	return cmp.Compare(int64(c.bits), int64(o.bits))
}

// add takes those rows of a batch that belong to the sample.
func (s *sample) add(b *engine.Batch, columns int, places []uint64) {
	for i, h := range places {
		if s.limit != 0 && h >= s.limit {
			continue
		}
		r := sampled{h, make([]cell, columns)}
		for j := range columns {
			r.cells[j] = cellAt(&b.Columns[j], i)
		}
		if s.rows = append(s.rows, r); len(s.rows) >= s.size+s.size/2 {
			s.prune()
		}
	}
}

func cellAt(v *engine.Vector, i int) cell {
	switch {
	case v.Null(i):
		return cell{null: true}
	case v.Ints != nil:
		return intCell(v.Ints[i])
	case v.Floats != nil:
		f := v.Floats[i]
		if f == 0 {
			f = 0
		}
		return floatCell(f)
	case v.Wide != nil:
		return wideCell(v.Wide[i])
	case v.Texts != nil:
		return cell{text: strings.Clone(v.Texts[i])}
	}
	return cell{null: true}
}

func (s *sample) prune() {
	slices.SortFunc(s.rows, func(a, b sampled) int { return cmp.Compare(a.hash, b.hash) })
	if len(s.rows) > s.size {
		s.limit = s.rows[s.size].hash
		clear(s.rows[s.size:])
		s.rows = s.rows[:s.size]
	}
}

func (s *sample) merge(o *sample) {
	if o.limit != 0 && (s.limit == 0 || o.limit < s.limit) {
		s.limit = o.limit
	}
	s.rows = slices.DeleteFunc(append(s.rows, o.rows...), func(r sampled) bool { return s.limit != 0 && r.hash >= s.limit })
	s.prune()
}
