package suggest

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/dq-dev/dq/table"
)

const (
	maxSet       = 60      // values that a person would list
	repeats      = 8       // how often a value of a set occurs on average, at least
	rareSlip     = 0.02    // of the values at most are one slip
	overSlip     = 5       // how many times as frequent the right value is, at least
	rareNew      = 0.02    // values that are no slip, and rare: then the set is open
	openSet      = 0.3     // of the values of a set may be so rare
	maxSpellings = 5000    // different values that slips are looked for among
	maxPairs     = 200_000 // pairs of a value and a frequent one that are compared
	maxCompared  = 400     // characters of values that are compared
)

// set demands one of the column's values, where these are few and come again and
// again; slips of others are left out.
func (l *learner) set(c *column, absent map[int]bool) bool {
	if c.hidden || len(c.values) > maxSpellings || c.filled() < 3*fewRows {
		return false
	}
	slips := c.slips()
	var set []string
	var rows, rare, wrong int
	for i, v := range c.values {
		_, slip := slips[i]
		if slip || absent[i] || c.right != nil && !c.right(i) || strings.TrimSpace(v) == "" {
			wrong += c.counts[i]
			continue
		}
		if set = append(set, v); len(set) > maxSet {
			return false
		}
		rows += c.counts[i]
		if c.counts[i] <= 2 {
			rare++
		}
	}
	if len(set) == 0 || rows < repeats*len(set) || float64(rare) > openSet*float64(len(set)) || c.of(wrong) > 0.3 {
		return false
	}
	if len(set) > 20 && l.determined[c] != nil {
		return false
	}
	slices.Sort(set)
	_, bad := c.what(func(i int) bool { _, ok := slices.BinarySearch(set, c.values[i]); return ok })
	why := fmt.Sprintf("%s of %s values are one of %d%s", count(rows), count(c.filled()), len(set), ending(wrong, bad))
	if len(set) == 1 {
		why = fmt.Sprintf("%s of %s values are the same%s", count(rows), count(c.filled()), ending(wrong, bad))
	}
	l.beside(c, "in_set", c.filled(), wrong, why, Param{"set", set})
	return true
}

// slips are the rare values that are written nearly like a frequent one, and which.
func (c *column) slips() map[int]int {
	out := map[int]int{}
	folded := make([][]rune, len(c.values))
	digits := make([]string, len(c.values))
	for i, v := range c.values {
		folded[i], digits[i] = fold(v)
	}
	frequent, sure := 0, 0 // values that may be what others are slips of; those that are no slips themselves
	for frequent < len(c.values) && c.counts[frequent] >= overSlip {
		if c.of(c.counts[frequent]) > rareSlip {
			sure++
		}
		frequent++
	}
	if frequent*len(c.values) > maxPairs {
		return out
	}
	// Codes are alike without being slips of each other.
	alike := 0
	for i := range sure {
		for k := range sure {
			if k != i && near(folded[i], folded[k], digits[i], digits[k]) {
				alike++
				break
			}
		}
	}
	if sure > 3 && alike*4 > sure {
		return out
	}
	for i := range c.values {
		if c.of(c.counts[i]) > rareSlip && c.counts[i] > 1 {
			continue
		}
		for k := 0; k < frequent && c.counts[k] >= overSlip*c.counts[i]; k++ {
			if _, slip := out[k]; !slip && near(folded[i], folded[k], digits[i], digits[k]) {
				out[i] = k
				break
			}
		}
	}
	return out
}

// fold is a text without case and repeated spaces, and its digits.
func fold(s string) (folded []rune, digits string) {
	digits = strings.Map(func(r rune) rune {
		if unicode.IsDigit(r) {
			return r
		}
		return -1
	}, s)
	return []rune(strings.ToLower(strings.Join(strings.Fields(s), " "))), digits
}

// variant reports whether one text of the column may be another one, written otherwise: with
// a slip, or with more before or behind it.
func (c *column) variant(i, k int32) bool {
	if c.typ.Kind != table.String {
		return false
	}
	a, digitsA := fold(c.values[i])
	b, digitsB := fold(c.values[k])
	if near(a, b, digitsA, digitsB) {
		return true
	}
	x, y := string(a), string(b)
	if len(x) > len(y) {
		x, y = y, x
	}
	return len(x) >= 4 && digitsA == digitsB && (strings.HasPrefix(y, x) || strings.HasSuffix(y, x))
}

// near reports whether a text may be a slip of another: few edits of letters for its length,
// none of digits.
func near(a, b []rune, digitsA, digitsB string) bool {
	limit := 1
	switch n := min(len(a), len(b)); {
	case n < 2:
		return false
	case n > 20:
		limit = min(n/5, 20)
	case n >= 5:
		limit = max(2, n*3/10)
	}
	if digitsA != digitsB || max(len(a), len(b)) > maxCompared {
		return false
	}
	return edits(a, b, limit) <= limit
}

// edits is how many insertions, deletions, replacements, and exchanges of neighbours make one
// text the other; limit+1 when there are more than limit.
func edits(a, b []rune, limit int) int {
	if d := len(a) - len(b); d > limit || -d > limit {
		return limit + 1
	}
	before, row, next := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i, x := range a {
		first, last := max(0, i-limit), min(len(b), i+limit+1) // further off there are more edits than limit
		next[first] = limit + 1
		if first == 0 {
			next[0] = i + 1
		}
		least := next[first]
		for j := first; j < last; j++ {
			cost := row[j]
			if x != b[j] {
				cost = min(row[j], row[j+1], next[j]) + 1
			}
			if i > 0 && j > 0 && x == b[j-1] && a[i-1] == b[j] {
				cost = min(cost, before[j-1]+1)
			}
			next[j+1] = cost
			least = min(least, cost)
		}
		if last < len(b) {
			next[last+1] = limit + 1
		}
		if least > limit {
			return limit + 1
		}
		before, row, next = row, next, before
	}
	return row[len(b)]
}
