package profiling

import (
	"math"
	"math/big"
	"math/bits"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/dq-dev/dq/engine"
)

// sketch is what is kept of the values of a column when they are too many to be kept
// themselves. Everything in it adds up, and is the same in whatever order it came, but
// for the last digits of moments.
type sketch struct {
	n       int64 // values: neither null nor NaN nor infinite
	hll     hll
	zeros   int64
	below   int64 // negative
	least   number
	most    number
	ranged  bool // least and most are known
	sum     sum128
	floats  exactSum
	moments moments
	huge    bool // there were doubles too large for moments and bins
	bins    bins
	sizes   magnitudes
	text    textSketch
	time    timeSketch
}

// number is a value of any sort of number: its bits as an integer, or a double.
type number struct {
	lo uint64
	hi int64
	f  float64
}

type textSketch struct {
	empty, blank, untrimmed int64
	shortest, longest       int64
	length                  int64 // of all together
	least, most             string
}

// sum128 is an exact sum of integers of up to 128 bits.
type sum128 struct {
	lo, mid uint64
	hi      int64
}

func (s *sum128) add(lo uint64, hi int64) {
	var carry uint64
	s.lo, carry = bits.Add64(s.lo, lo, 0)
	s.mid, carry = bits.Add64(s.mid, uint64(hi), carry)
	s.hi += hi>>63 + int64(carry)
}

func (s *sum128) addTimes(lo uint64, hi, n int64) {
	x := int128(lo, hi)
	x.Mul(x, big.NewInt(n))
	x.Add(x, s.big())
	s.set(x)
}

func (s *sum128) merge(o sum128) {
	var carry uint64
	s.lo, carry = bits.Add64(s.lo, o.lo, 0)
	s.mid, carry = bits.Add64(s.mid, o.mid, carry)
	s.hi += o.hi + int64(carry)
}

func (s *sum128) big() *big.Int {
	x := big.NewInt(s.hi)
	x.Lsh(x, 64).Add(x, new(big.Int).SetUint64(s.mid))
	return x.Lsh(x, 64).Add(x, new(big.Int).SetUint64(s.lo))
}

func (s *sum128) set(x *big.Int) {
	word := new(big.Int).SetUint64(math.MaxUint64)
	s.lo = new(big.Int).And(x, word).Uint64()
	s.mid = new(big.Int).And(new(big.Int).Rsh(x, 64), word).Uint64()
	s.hi = new(big.Int).Rsh(x, 128).Int64()
}

func int128(lo uint64, hi int64) *big.Int {
	x := big.NewInt(hi)
	return x.Lsh(x, 64).Add(x, new(big.Int).SetUint64(lo))
}

func wideFloat(lo uint64, hi int64) float64 {
	if hi == int64(lo)>>63 {
		return float64(int64(lo))
	}
	f, _ := new(big.Float).SetInt(int128(lo, hi)).Float64()
	return f
}

func (s *sketch) merge(o *sketch, k sort) {
	if o.n == 0 {
		return
	}
	s.hll.merge(&o.hll)
	s.zeros += o.zeros
	s.below += o.below
	s.extend(o.least, k)
	s.extend(o.most, k)
	if k.text() {
		s.text.merge(&o.text, s.n == 0)
	}
	s.n += o.n
	s.sum.merge(o.sum)
	s.floats.merge(o.floats)
	s.moments.merge(o.moments)
	s.huge = s.huge || o.huge
	s.bins.merge(&o.bins)
	s.sizes.merge(&o.sizes)
	if k == sortTime || k == sortDate {
		s.time.merge(&o.time)
	}
}

// extend takes a number into the range.
func (s *sketch) extend(x number, k sort) {
	if k.text() {
		return
	}
	if !s.ranged {
		s.least, s.most, s.ranged = x, x, true
	}
	if less(x, s.least, k) {
		s.least = x
	}
	if less(s.most, x, k) {
		s.most = x
	}
}

func less(a, b number, k sort) bool {
	switch k {
	case sortFloat:
		return a.f < b.f
	case sortWide:
		return a.hi < b.hi || a.hi == b.hi && a.lo < b.lo
	}
	return int64(a.lo) < int64(b.lo)
}

func (t *textSketch) merge(o *textSketch, first bool) {
	if first || o.shortest < t.shortest {
		t.shortest = o.shortest
	}
	if first || o.least < t.least {
		t.least = o.least
	}
	if first || o.most > t.most {
		t.most = o.most
	}
	t.longest = max(t.longest, o.longest)
	t.empty, t.blank, t.untrimmed, t.length = t.empty+o.empty, t.blank+o.blank, t.untrimmed+o.untrimmed, t.length+o.length
}

// addInts takes integers, and x, the same as doubles.
func (s *sketch) addInts(values []int64, hashes []uint64, x []float64, k sort) {
	if len(values) == 0 {
		return
	}
	s.hll.add(hashes)
	low, high := values[0], values[0]
	var sum sum128
	var zeros, below int64
	for _, v := range values {
		low, high = min(low, v), max(high, v)
		sum.add(uint64(v), v>>63)
		if v == 0 {
			zeros++
		}
		below += int64(uint64(v) >> 63)
	}
	s.extend(number{lo: uint64(low)}, k)
	s.extend(number{lo: uint64(high)}, k)
	s.n += int64(len(values))
	if k == sortBool {
		s.zeros += zeros
		return
	}
	s.bins.add(x, float64(low), float64(high))
	if k == sortTime || k == sortDate {
		s.time.add(values, k)
		return
	}
	s.zeros, s.below = s.zeros+zeros, s.below+below
	s.sum.merge(sum)
	s.moments.add(x)
	s.sizes.add(x)
}

// addWides takes integers of 128 bits.
func (s *sketch) addWides(values []engine.Int128, hashes []uint64, x []float64) {
	if len(values) == 0 {
		return
	}
	s.hll.add(hashes)
	for _, v := range values {
		s.extend(number{lo: v.Lo, hi: v.Hi}, sortWide)
		s.n++
		s.sum.add(v.Lo, v.Hi)
		if v.Lo == 0 && v.Hi == 0 {
			s.zeros++
		}
		if v.Hi < 0 {
			s.below++
		}
	}
	s.bins.add(x, wideFloat(s.least.lo, s.least.hi), wideFloat(s.most.lo, s.most.hi))
	s.moments.add(x)
	s.sizes.add(x)
}

// addFloats takes doubles that are finite, and makes x, room for those of moderate size.
func (s *sketch) addFloats(values []float64, hashes []uint64, x []float64) {
	if len(values) == 0 {
		return
	}
	s.hll.add(hashes)
	low, high := values[0], values[0]
	for _, v := range values {
		low, high = min(low, v), max(high, v)
		s.floats.add(v)
		if v == 0 {
			s.zeros++
		}
		if v < 0 {
			s.below++
		}
	}
	s.extend(number{f: low}, sortFloat)
	s.extend(number{f: high}, sortFloat)
	s.n += int64(len(values))
	s.sizes.add(values)
	if max(math.Abs(low), math.Abs(high)) >= tooLarge {
		s.huge = true
		x = x[:0]
		low, high = math.Inf(1), math.Inf(-1)
		for _, v := range values {
			if math.Abs(v) < tooLarge {
				x = append(x, v)
				low, high = min(low, v), max(high, v)
			}
		}
		values = x
	}
	s.moments.add(values)
	s.bins.add(values, low, high)
}

// addTexts takes texts.
func (s *sketch) addTexts(values []string, hashes []uint64) {
	s.hll.add(hashes)
	for _, v := range values {
		s.addText(v, 1)
	}
}

func (s *sketch) addText(v string, times int64) {
	t := &s.text
	n := int64(len(v))
	for i := 0; i < len(v); i++ {
		if v[i] >= utf8.RuneSelf {
			n = int64(utf8.RuneCountInString(v))
			break
		}
	}
	switch {
	case s.n == 0:
		t.shortest, t.longest = n, n
		t.least = strings.Clone(v)
		t.most = t.least
	default:
		t.shortest, t.longest = min(t.shortest, n), max(t.longest, n)
		if v < t.least {
			t.least = strings.Clone(v)
		}
		if v > t.most {
			t.most = strings.Clone(v)
		}
	}
	s.n += times
	t.length += n * times
	switch {
	case n == 0:
		t.empty += times
	case v[0] <= ' ' || v[0] >= utf8.RuneSelf || v[len(v)-1] == ' ':
		if strings.TrimFunc(v, unicode.IsSpace) == "" {
			t.blank += times
		}
		if v[0] == ' ' || v[len(v)-1] == ' ' {
			t.untrimmed += times
		}
	}
}

// sketchOf is the sketch of counted values.
func sketchOf(c *counts, k sort) *sketch {
	s := &sketch{}
	s.time.start()
	s.hll.add(c.hashes)
	for i, n := range c.rows {
		switch k {
		case sortText, sortBinary:
			s.addText(c.texts[i], n)
			continue
		case sortFloat:
			f := math.Float64frombits(c.bits[i])
			s.extend(number{f: f}, k)
			s.n += n
			s.count(f, n)
			s.floats.addTimes(f, n)
			continue
		}
		x := number{lo: c.bits[i], hi: int64(c.bits[i]) >> 63}
		f := float64(int64(x.lo))
		if k == sortWide {
			x.hi = c.wide[i]
			f = wideFloat(x.lo, x.hi)
		}
		s.extend(number{lo: x.lo, hi: x.hi}, k)
		s.n += n
		switch k {
		case sortBool:
			if x.lo == 0 {
				s.zeros += n
			}
		case sortTime, sortDate:
			s.bins.addTimes(f, n)
			s.time.addTimes(int64(x.lo), n, k)
		default:
			s.sum.addTimes(x.lo, x.hi, n)
			s.count(f, n)
		}
	}
	return s
}

// count takes a number n times, but for its range and sum.
func (s *sketch) count(f float64, n int64) {
	if f == 0 {
		s.zeros += n
	}
	if f < 0 {
		s.below += n
	}
	s.sizes.addTimes(f, n)
	if math.Abs(f) >= tooLarge {
		s.huge = true
		return
	}
	s.moments.addTimes(f, n)
	s.bins.addTimes(f, n)
}
