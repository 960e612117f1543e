package profiling

import (
	"math"
	"strconv"
)

// moments are the number of values, their mean, and the sums of the second to fourth
// powers of their distances from it; they add up by the formulas of Pébay (2008,
// "Formulas for robust, one-pass parallel computation of covariances and arbitrary-order
// statistical moments").
type moments struct {
	n                int64
	mean, m2, m3, m4 float64
}

// add takes values that all count once.
func (m *moments) add(values []float64) {
	if len(values) == 0 {
		return
	}
	sum := 0.0
	for _, x := range values {
		sum += x
	}
	next := moments{n: int64(len(values)), mean: sum / float64(len(values))}
	for _, x := range values {
		d := x - next.mean
		s := d * d
		next.m2 += s
		next.m3 += s * d
		next.m4 += s * s
	}
	m.merge(next)
}

// addTimes takes one value n times.
func (m *moments) addTimes(x float64, n int64) { m.merge(moments{n: n, mean: x}) }

func (m *moments) merge(b moments) {
	if b.n == 0 {
		return
	}
	if m.n == 0 {
		*m = b
		return
	}
	a := *m
	na, nb := float64(a.n), float64(b.n)
	n := na + nb
	d := b.mean - a.mean
	dn := d / n
	m.n = a.n + b.n
	m.mean = a.mean + nb*dn
	m.m2 = a.m2 + b.m2 + d*dn*na*nb
	m.m3 = a.m3 + b.m3 + d*dn*dn*na*nb*(na-nb) + 3*dn*(na*b.m2-nb*a.m2)
	m.m4 = a.m4 + b.m4 + d*dn*dn*dn*na*nb*(na*na-na*nb+nb*nb) + 6*dn*dn*(na*na*b.m2+nb*nb*a.m2) + 4*dn*(na*b.m3-nb*a.m3)
}

// stddev is that of the sample; nil of fewer than two values.
func (m *moments) stddev() *float64 {
	if m.n < 2 {
		return nil
	}
	return known(math.Sqrt(m.m2 / float64(m.n-1)))
}

// skewness is the adjusted one, G1; nil of fewer than three values, or equal ones.
func (m *moments) skewness() *float64 {
	n := float64(m.n)
	if m.n < 3 || m.m2 <= 0 {
		return nil
	}
	return steady(math.Sqrt(n*(n-1)) / (n - 2) * math.Sqrt(n) * m.m3 / math.Pow(m.m2, 1.5))
}

// kurtosis is the adjusted excess, G2; nil of fewer than four values, or equal ones.
func (m *moments) kurtosis() *float64 {
	n := float64(m.n)
	if m.n < 4 || m.m2 <= 0 {
		return nil
	}
	return steady((n - 1) / ((n - 2) * (n - 3)) * ((n+1)*(n*m.m4/(m.m2*m.m2)-3) + 6))
}

// steady is a number that is made of large ones that cancel each other out: fewer of its
// digits are the same in whatever order these were added.
func steady(f float64) *float64 {
	r, err := strconv.ParseFloat(strconv.FormatFloat(f, 'e', 8, 64), 64)
	if err != nil {
		return nil
	}
	return known(r)
}

// known is a number as a profile has it; nil when there is none.
func known(f float64) *float64 {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil
	}
	f = round12(f)
	return &f
}

// exactSum adds doubles with twice their precision, so that the sum is the same in
// whatever order they come, but for digits that are not shown.
type exactSum struct{ high, low float64 }

func (s *exactSum) add(x float64) {
	t := s.high + x
	b := t - s.high
	s.low += (s.high - (t - b)) + (x - b)
	s.high = t
}

// addTimes adds x n times.
func (s *exactSum) addTimes(x float64, n int64) {
	product := x * float64(n)
	s.add(product)
	s.low += math.FMA(x, float64(n), -product)
}

func (s *exactSum) merge(o exactSum) {
	s.add(o.high)
	s.low += o.low
}

func (s *exactSum) value() float64 { return s.high + s.low }
