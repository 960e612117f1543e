package pipeline

import "testing"

// A name says that a file is older by a number that the names differ in, and by nothing else.
func TestOlder(t *testing.T) {
	for _, c := range []struct {
		a, b        string
		first, says bool
	}{
		{"day9.csv", "day10.csv", true, true},
		{"day09.csv", "day10.csv", true, true},
		{"day10.csv", "day9.csv", false, false},
		{"day9.csv", "day9.csv", false, false},
		{"2024-01-31/o.csv", "2024-02-01/o.csv", true, true},
		{"2024/01/02/part-7f.csv", "2024/01/03/part-1a.csv", true, true},
		{"day9.csv", "day10.csv.gz", true, false},
		{"a.csv", "b.csv", true, false},
		{"eu9.csv", "us10.csv", true, false},
		{"3f2a.csv", "7be1.csv", true, false},
		{"1.csv", "01.csv", false, false},
		{"day.csv", "day1.csv", false, false},
	} {
		order, _ := compareNames(c.a, c.b)
		back, _ := compareNames(c.b, c.a)
		if order < 0 != c.first || older(c.a, c.b) != c.says || order != -back {
			t.Errorf("%s before %s: %d and back %d, older %t", c.a, c.b, order, back, older(c.a, c.b))
		}
	}
}
