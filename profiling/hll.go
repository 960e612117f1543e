package profiling

import (
	"math"
	"math/bits"
)

// hll estimates how many different hashes it has seen: HyperLogLog (Flajolet et al.
// 2007) with the estimator of Ertl (2017, "New cardinality estimation algorithms for
// HyperLogLog sketches", algorithm 6). Its standard error is [DistinctError]. The
// registers are the same whatever the order, and two merge by their maxima.
type hll [1 << hllBits]uint8

const hllBits = 14

// DistinctError is the standard error of estimated distinct values: 1.04/√16384.
const DistinctError = 0.0081

func (h *hll) add(hashes []uint64) {
	for _, x := range hashes {
		i := x >> (64 - hllBits)
		rank := uint8(bits.LeadingZeros64(x<<hllBits|1<<(hllBits-1)) + 1)
		if rank > h[i] {
			h[i] = rank
		}
	}
}

func (h *hll) merge(other *hll) {
	for i, r := range other {
		h[i] = max(h[i], r)
	}
}

func (h *hll) estimate() float64 {
	const q = 64 - hllBits
	var count [q + 2]float64
	for _, r := range h {
		count[r]++
	}
	m := float64(len(h))
	z := m * tau((m-count[q+1])/m)
	for k := q; k >= 1; k-- {
		z = 0.5 * (z + count[k])
	}
	z += m * sigma(count[0]/m)
	return m * m / (2 * math.Ln2) / z
}

func sigma(x float64) float64 {
	if x == 1 {
		return math.Inf(1)
	}
	y, z := 1.0, x
	for {
		x *= x
		next := z + x*y
		if y += y; next == z {
			return z
		}
		z = next
	}
}

func tau(x float64) float64 {
	if x == 0 || x == 1 {
		return 0
	}
	y, z := 1.0, 1-x
	for {
		x = math.Sqrt(x)
		y *= 0.5
		next := z - (1-x)*(1-x)*y
		if next == z {
			return z / 3
		}
		z = next
	}
}
