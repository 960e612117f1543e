package profiling

import (
	"math"
	"slices"
)

// bins count numbers in bins of equal width, a power of two that is as small as lets
// maxBins hold all of them. Widths of different histograms divide each other, so that
// two add up exactly, and what they come to does not depend on the order of the values.
type bins struct {
	exp    int   // the width is 2^exp
	base   int64 // the number of the first bin: floor(x / width)
	counts []int64
}

const maxBins = 2048

// width covers numbers from low to high.
func fitting(low, high float64) int {
	size := math.Max(math.Abs(low), math.Abs(high))
	exp := -1000
	if size > 0 {
		exp = max(exp, math.Ilogb(size)-50) // bins are told apart by a double
	}
	if d := high - low; d > 0 {
		exp = max(exp, math.Ilogb(d)-11)
	}
	for math.Floor(math.Ldexp(high, -exp))-math.Floor(math.Ldexp(low, -exp)) >= maxBins {
		exp++
	}
	return exp
}

// cover makes room for numbers from low to high.
func (b *bins) cover(low, high float64) {
	if len(b.counts) > 0 {
		low, high = math.Min(low, b.low()), math.Max(high, b.last())
	}
	exp := fitting(low, high)
	if len(b.counts) > 0 {
		exp = max(exp, b.exp)
	}
	from, to := int64(math.Floor(math.Ldexp(low, -exp))), int64(math.Floor(math.Ldexp(high, -exp)))
	if len(b.counts) > 0 && exp == b.exp && from >= b.base && to < b.base+int64(len(b.counts)) {
		return
	}
	next := make([]int64, to-from+1)
	for i, n := range b.counts {
		if n != 0 {
			next[(b.base+int64(i))>>(exp-b.exp)-from] += n
		}
	}
	b.exp, b.base, b.counts = exp, from, next
}

// low is where the first bin begins, last where the last one does.
func (b *bins) low() float64  { return math.Ldexp(float64(b.base), b.exp) }
func (b *bins) last() float64 { return math.Ldexp(float64(b.base+int64(len(b.counts))-1), b.exp) }

// add counts values, which lie between low and high.
func (b *bins) add(values []float64, low, high float64) {
	if len(values) == 0 {
		return
	}
	b.cover(low, high)
	scale := math.Ldexp(1, -b.exp)
	if math.IsInf(scale, 0) || scale == 0 {
		for _, x := range values {
			b.counts[int64(math.Floor(math.Ldexp(x, -b.exp)))-b.base]++
		}
		return
	}
	for _, x := range values {
		b.counts[int64(math.Floor(x*scale))-b.base]++
	}
}

func (b *bins) addTimes(x float64, n int64) {
	b.cover(x, x)
	b.counts[int64(math.Floor(math.Ldexp(x, -b.exp)))-b.base] += n
}

func (b *bins) merge(o *bins) {
	if len(o.counts) == 0 {
		return
	}
	b.cover(o.low(), o.last())
	for i, n := range o.counts {
		if n != 0 {
			b.counts[(o.base+int64(i))>>(b.exp-o.exp)-b.base] += n
		}
	}
}

// magnitudes count numbers in bins of equal ratio: of a number's bits the sign, the
// exponent and the first magnitudeBits of its fraction. Two add up exactly.
type magnitudes struct {
	negative, positive window
}

// magnitudeBits make a bin as wide as 1/128 of its beginning.
const magnitudeBits = 7

// window is a slice of counts that begins at from.
type window struct {
	from   int
	counts []int64
}

func (w *window) add(i int, n int64) {
	if at := i - w.from; at >= 0 && at < len(w.counts) {
		w.counts[at] += n
		return
	}
	w.cover(i, i)
	w.counts[i-w.from] += n
}

func (w *window) cover(low, high int) {
	if len(w.counts) == 0 {
		w.from, w.counts = low, make([]int64, high-low+1)
		return
	}
	if low < w.from {
		w.counts = slices.Concat(make([]int64, w.from-low), w.counts)
		w.from = low
	}
	if end := w.from + len(w.counts); high >= end {
		w.counts = append(w.counts, make([]int64, high-end+1)...)
	}
}

func (w *window) merge(o *window) {
	if len(o.counts) == 0 {
		return
	}
	w.cover(o.from, o.from+len(o.counts)-1)
	for i, n := range o.counts {
		w.counts[o.from+i-w.from] += n
	}
}

func (m *magnitudes) add(values []float64) {
	for _, x := range values {
		m.addTimes(x, 1)
	}
}

// addTimes counts n times a number; zeros are counted elsewhere.
func (m *magnitudes) addTimes(x float64, n int64) {
	key := int(math.Float64bits(math.Abs(x)) >> (52 - magnitudeBits))
	switch {
	case x > 0:
		m.positive.add(key, n)
	case x < 0:
		m.negative.add(key, n)
	}
}

func (m *magnitudes) merge(o *magnitudes) {
	m.negative.merge(&o.negative)
	m.positive.merge(&o.positive)
}

// bin is where n values lie.
type bin struct {
	low, high float64
	n         int64
}

// ordered are the bins that hold something, the lowest first.
func (b *bins) ordered() []bin {
	var out []bin
	for i, n := range b.counts {
		if n > 0 {
			out = append(out, bin{math.Ldexp(float64(b.base+int64(i)), b.exp), math.Ldexp(float64(b.base+int64(i)+1), b.exp), n})
		}
	}
	return out
}

func (m *magnitudes) ordered(zeros int64) []bin {
	edge := func(key int) float64 { return math.Float64frombits(uint64(key) << (52 - magnitudeBits)) }
	var out []bin
	for i := len(m.negative.counts) - 1; i >= 0; i-- {
		if n := m.negative.counts[i]; n > 0 {
			key := m.negative.from + i
			out = append(out, bin{-edge(key + 1), -edge(key), n})
		}
	}
	if zeros > 0 {
		out = append(out, bin{0, 0, zeros})
	}
	for i, n := range m.positive.counts {
		if n > 0 {
			key := m.positive.from + i
			out = append(out, bin{edge(key), edge(key + 1), n})
		}
	}
	return out
}

// quantileOf estimates where fraction f of the values in bins lie below, as if those of a
// bin lay evenly in it, and how wide that bin is: the estimate's error is at most that.
func quantileOf(bins []bin, f float64) (x, width float64) {
	var total int64
	for _, b := range bins {
		total += b.n
	}
	rank := f * float64(total-1)
	var below int64
	for i, b := range bins {
		if rank < float64(below+b.n) || i == len(bins)-1 {
			return b.low + (b.high-b.low)*math.Min(1, (rank-float64(below)+0.5)/float64(b.n)), b.high - b.low
		}
		below += b.n
	}
	return math.NaN(), math.Inf(1)
}
