package gamma

import (
	"math"
	"testing"
)

// TestUpper compares with scipy.special.gammaincc.
func TestUpper(t *testing.T) {
	for _, c := range []struct{ a, x, want float64 }{
		{0.5, 0, 1}, {0.5, 0.5, 0.31731050786291115}, {1, 2, 0.1353352832366127}, {5, 2, 0.9473469826562889},
		{5, 20, 1.6944743930067383e-05}, {50, 40, 0.9296649333406051}, {500, 520, 0.18469114909874365}, {0.5, -1, 1},
	} {
		if got := Upper(c.a, c.x); math.Abs(got-c.want) > 1e-12*c.want {
			t.Errorf("Upper(%v, %v) is %v, want %v", c.a, c.x, got, c.want)
		}
	}
}
