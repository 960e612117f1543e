package suggest

import (
	"math"
	"strings"
	"testing"
)

// TestBacktest plays versions to one rule. Each version is how many of 100 rows broke the rule of
// the one before; +n failed it.
func TestBacktest(t *testing.T) {
	for _, c := range []struct {
		name   string
		rounds string
		alpha  float64
		keep   bool
		alarms int
		fail   number
		out    int // incidents
	}{
		{"never", strings.Repeat("0 ", 45), 0.1, true, 0, "", 0},
		{"an incident heals", strings.Repeat("0 ", 30) + "+40 0 " + strings.Repeat("0 ", 13), 0.1, true, 0, "", 1},
		{"a change stays", strings.Repeat("0 ", 30) + "+5 +5 " + strings.Repeat("0 ", 13), 0.1, false, 0, "", 0},
		{"a change stays, and that often is allowed", strings.Repeat("0 ", 30) + "+5 +5 " + strings.Repeat("0 ", 13), 0.2, true, 1, "", 0},
		{"the older ones set what it bears", "+3 +3 " + strings.Repeat("0 ", 20) + strings.Repeat("+2 +2 ", 10) + "0 0 0", 0.15, true, 0, "0.97", 0},
		{"it would bear too much", "+30 +30 " + strings.Repeat("0 ", 43), 0.1, false, 0, "", 0},
		{"too few, none", "0 0 0", 0.1, true, 0, "", 0},
		{"too few, one", "0 0 0 +4", 0.1, false, 0, "", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := Backtest{Alpha: c.alpha}
			taken := true
			for _, word := range strings.Fields(c.rounds) {
				bad, failed := strings.CutPrefix(word, "+")
				n := int64(0)
				for _, d := range bad {
					n = 10*n + int64(d-'0')
				}
				was := taken
				if taken = b.Add(map[string]Outcome{"c.x": {Judged: 100, Bad: n, Failed: failed}}); was && taken == failed {
					t.Fatalf("%s: taken is %v", word, taken)
				}
			}
			s := &Suite{Rules: []Rule{{ID: "c.x", Kind: "x", Confidence: 0.99}}}
			b.Keep(s)
			if kept := len(s.Rules) == 1; kept != c.keep {
				t.Fatalf("kept: %v, dropped %v", kept, s.Backtest.Dropped)
			}
			if s.Backtest.Incidents != c.out {
				t.Errorf("%d incidents, want %d", s.Backtest.Incidents, c.out)
			}
			if c.keep && (s.Rules[0].Alarms != c.alarms || s.Rules[0].Fail != c.fail) {
				t.Errorf("rule %+v, want %d alarms and fail %q", s.Rules[0], c.alarms, c.fail)
			}
		})
	}
}

// TestAtMost compares Clopper and Pearson's bound with values of SciPy's beta.ppf(0.95, k+1, n-k).
func TestAtMost(t *testing.T) {
	for _, c := range []struct {
		k, n int
		want float64
	}{{0, 10, 0.258866}, {0, 29, 0.098145}, {1, 45, 0.101134}, {3, 94, 0.080421}, {5, 5, 1}, {0, 0, 1}} {
		if got := atMostOf(c.k, c.n); math.Abs(got-c.want) > 1e-4 {
			t.Errorf("%d of %d: %v, want %v", c.k, c.n, got, c.want)
		}
	}
}
