package expectations

import (
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/dq-dev/dq/record"
)

// TestThreshold: the boundary is exact where doubles are not.
func TestThreshold(t *testing.T) {
	rat := func(s string) *big.Rat { r, _ := new(big.Rat).SetString(s); return r }
	n := func(i int64) *int64 { return &i }
	for _, c := range []struct {
		t              Threshold
		bad, evaluated int64
		want           record.Verdict
	}{
		{Threshold{}, 0, 10, record.Pass},
		{Threshold{}, 1, 1_000_000_000_000, record.Fail},
		{Threshold{Mostly: rat("0.9")}, 1, 10, record.Pass},
		{Threshold{Mostly: rat("0.9")}, 100, 1000, record.Pass}, // 1-0.9 is 0.09999999999999998 in doubles
		{Threshold{Mostly: rat("0.9")}, 101, 1000, record.Fail},
		{Threshold{Mostly: rat("0.999")}, 541, 541_909, record.Pass},
		{Threshold{Mostly: rat("0.999")}, 542, 541_909, record.Fail},
		{Threshold{Mostly: rat("0")}, 7, 7, record.Pass},
		{Threshold{Mostly: rat("1")}, 1, 7, record.Fail},
		{Threshold{Mostly: rat("0.5"), WarnMostly: rat("0.9")}, 1, 10, record.Pass},
		{Threshold{Mostly: rat("0.5"), WarnMostly: rat("0.9")}, 2, 10, record.Warn},
		{Threshold{Mostly: rat("0.5"), WarnMostly: rat("0.9")}, 6, 10, record.Fail},
		{Threshold{MaxFailed: n(2)}, 2, 10, record.Pass},
		{Threshold{MaxFailed: n(2)}, 3, 10, record.Fail},
		{Threshold{MaxFailed: n(2), WarnMaxFailed: n(0)}, 1, 10, record.Warn},
	} {
		if got := c.t.Verdict(c.bad, c.evaluated); got != c.want {
			t.Errorf("%v: %d of %d: %s, want %s", c.t.JSON(), c.bad, c.evaluated, got, c.want)
		}
	}
	for range 2000 { // against another way to say the same
		m := big.NewRat(rand.Int64N(1001), 1000)
		evaluated := 1 + rand.Int64N(1_000_000)
		bad := rand.Int64N(evaluated + 1)
		good := big.NewRat(evaluated-bad, evaluated)
		if got, want := bears(m, bad, evaluated), good.Cmp(m) >= 0; got != want {
			t.Fatalf("mostly %s, %d of %d bad: %v", m, bad, evaluated, got)
		}
	}
}

func TestNumbersForPeople(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 541909: "541,909", -1234567: "-1,234,567"} {
		if got := group(n); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	for want, c := range map[string][2]int64{"50 %": {1, 2}, "33.33 %": {1, 3}, "below 0.01 %": {1, 100_000}, "above 99.99 %": {99_999, 100_000}, "100 %": {3, 3}, "0 %": {0, 3}} {
		if got := percent(c[0], c[1]); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
