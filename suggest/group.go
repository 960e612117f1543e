package suggest

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/dq-dev/dq/table"
)

// determinant is what determines a column, but for mistakes: another one, or two.
type determinant struct {
	by         []*column
	share      float64 // of the rows of a group that must have the value
	judged     int     // rows with a value in both
	exceptions int     // of them have a value that is rarer in their group
	examples   []string
	covered    int // rows that another row of their group can be held against
	wrong      int // of them have another value than most of their group
	foreign    int // of these have one that is right elsewhere, or comes again in the group
	odd        int // of these come again
	known      int // rows without a value, while others of their group have one
	lost       int // of these are fewer than half of their group
	taken      bool
}

const (
	maxDetermined  = 40    // columns that are looked at
	mistaken       = 0.35  // of grouped rows may be mistakes
	mistakenAway   = 0.05  // with a value that is right elsewhere
	fewOdd         = 0.001 // so few need no second column
	mistakenAgain  = 0.02  // that comes again in the group: more is a habit, no rule
	contested      = 0.5   // where many rows tell of one thing, such as sources that report it
	better         = 0.3   // of the mistakes that the most frequent value would make
	betterManifold = 0.5
)

// determinants finds for each column what determines it best: a column, or two where one
// leaves some out.
func (l *learner) determinants() {
	columns := l.table.columns[:min(len(l.table.columns), maxDetermined)]
	half := map[*column]*determinant{} // what may do with another one
	var by []*column
	for _, a := range columns {
		if len(a.values) < 2 || len(a.values)*2 > a.filled() || a.typ.Kind == table.Float || a.typ.Kind == table.Double {
			continue
		}
		by = append(by, a)
		if len(a.values) < 3 {
			continue
		}
		groups := groupsOf(a.codes, len(a.values))
		for _, b := range columns {
			if a == b || len(b.values) < 2 || len(b.values) == b.filled() || b.filled() < fewRows {
				continue
			}
			d := determined(b, groups, min(a.filled(), b.filled()))
			d.by = []*column{a}
			if d.taken && d.before(l.determined[b]) {
				l.determined[b] = d
			}
			if !d.taken && d.covered > 0 && float64(d.wrong) < 0.25*float64(d.covered) && d.before(half[b]) {
				half[b] = d
			}
		}
	}
	for _, m := range l.compositions {
		codes, n := together(m.first, m.second)
		d := determined(m.of, groupsOf(codes, n), m.judged)
		if d.by = []*column{m.first, m.second}; d.taken {
			l.determined[m.of] = d
		}
	}
	for _, b := range columns {
		one := l.determined[b]
		if one == nil {
			one = half[b]
		}
		if one == nil || len(one.by) == 2 || one.taken && float64(one.odd) <= fewOdd*float64(one.covered) {
			continue
		}
		a := one.by[0]
		var best *determinant
		for _, more := range by {
			if more == a || more == b {
				continue
			}
			codes, n := together(a, more)
			d := determined(b, groupsOf(codes, n), min(a.filled(), b.filled()))
			d.by = []*column{a, more}
			if d.taken && 5*d.foreign <= one.foreign && 2*d.wrong <= one.wrong+d.exceptions && 10*d.covered >= 9*one.covered && d.before(best) {
				best = d
			}
		}
		if best != nil {
			l.determined[b] = best
		}
	}
	l.pairs(columns)
}

// before reports whether d is better than another one: it covers more, and leaves out less.
func (d *determinant) before(o *determinant) bool {
	return o == nil || d.covered-5*d.foreign > o.covered-5*o.foreign
}

// pairs looks for two columns of few values each that determine one that no column alone does: the
// tax of a state and a family.
func (l *learner) pairs(columns []*column) {
	var few []*column
	for _, c := range columns {
		if len(c.values) >= 2 && len(c.values) <= maxOfPair && c.typ.Kind != table.Float && c.typ.Kind != table.Double && len(few) < maxPaired {
			few = append(few, c)
		}
	}
	for _, b := range columns {
		if l.determined[b] != nil || len(b.values) < 5 || len(b.values)*10 > b.filled() {
			continue
		}
		for i, x := range few {
			for _, y := range few[i+1:] {
				if x == b || y == b {
					continue
				}
				codes, n := together(x, y)
				d := determined(b, groupsOf(codes, n), b.filled())
				if d.by = []*column{x, y}; d.taken && float64(d.foreign) <= fewForeign*float64(d.covered) && d.before(l.determined[b]) {
					l.determined[b] = d
				}
			}
		}
	}
}

const (
	fewForeign = 0.005 // exceptions that tell of a habit, of a pair
	maxOfPair  = 300   // different values of a column
	maxPaired  = 12    // columns that are tried with each other
	dense      = 1 << 18
)

// together numbers the pairs of values that rows have in two columns; -1 where one is null.
func together(a, b *column) (codes []int32, n int) {
	codes = make([]int32, len(a.codes))
	if n = len(a.values) * len(b.values); n <= dense {
		for i, k := range a.codes {
			if codes[i] = -1; k >= 0 && b.codes[i] >= 0 {
				codes[i] = k*int32(len(b.values)) + b.codes[i]
			}
		}
		return codes, n
	}
	seen := map[[2]int32]int32{}
	for i := range codes {
		pair := [2]int32{a.codes[i], b.codes[i]}
		if pair[0] < 0 || pair[1] < 0 {
			codes[i] = -1
			continue
		}
		k, ok := seen[pair]
		if !ok {
			k = int32(len(seen))
			seen[pair] = k
		}
		codes[i] = k
	}
	return codes, len(seen)
}

// groupsOf lists the rows of each of n values that has several.
func groupsOf(codes []int32, n int) [][]int32 {
	begin := make([]int32, n+1) // of each value its first place among the rows in order of values
	filled := int32(0)
	for _, k := range codes {
		if k >= 0 {
			begin[k+1]++
			filled++
		}
	}
	for k := range n {
		begin[k+1] += begin[k]
	}
	rows, next := make([]int32, filled), slices.Clone(begin)
	for row, k := range codes {
		if k >= 0 {
			rows[next[k]] = int32(row)
			next[k]++
		}
	}
	var groups [][]int32
	for k := range n {
		if g := rows[begin[k]:begin[k+1]]; len(g) > 1 {
			groups = append(groups, g)
		}
	}
	return groups
}

// tally is how often each value of b is in one group, the most frequent first.
type tally struct {
	values []int32
	counts []int
	size   int // rows with a value
	nulls  int
}

func tallies(b *column, groups [][]int32, each func(group int, t *tally) bool) {
	counts := make([]int, len(b.values))
	t := &tally{}
	for i, g := range groups {
		t.values, t.counts, t.size, t.nulls = t.values[:0], t.counts[:0], 0, 0
		for _, row := range g {
			k := b.codes[row]
			if k < 0 {
				t.nulls++
				continue
			}
			if counts[k] == 0 {
				t.values = append(t.values, k)
			}
			counts[k]++
			t.size++
		}
		slices.SortFunc(t.values, func(x, y int32) int { return cmp.Or(cmp.Compare(counts[y], counts[x]), cmp.Compare(x, y)) })
		for _, k := range t.values {
			t.counts = append(t.counts, counts[k])
			counts[k] = 0
		}
		if !each(i, t) {
			return
		}
	}
}

// determined looks whether rows of one group agree in b, but for mistakes: values that are
// rare in their group, and mostly wrong in any. Values that are right in other groups, or
// come again in this one, and are no slips of the right one, tell that b only often goes
// with what makes the groups. At most so many rows could be held against others.
func determined(b *column, groups [][]int32, most int) *determinant {
	d := &determinant{}
	right := make([]bool, len(b.values)) // of more than half of some group
	var several, clear, split, tops int
	gaveUp := false
	tallies(b, groups, func(_ int, t *tally) bool {
		if t.size < 2 {
			return true
		}
		d.covered += t.size
		d.wrong += t.size - t.counts[0]
		several++
		if len(t.counts) > 1 {
			split++
		}
		if 2*t.counts[0] > t.size {
			if !right[t.values[0]] {
				right[t.values[0]] = true
				tops++
			}
			if len(t.counts) == 1 || t.counts[0] >= 2*t.counts[1] {
				clear++
			}
		}
		gaveUp = d.covered > 5000 && float64(d.wrong) > contested*float64(d.covered)
		return !gaveUp
	})
	if gaveUp || several < 3 || tops < 2 || d.covered < 2*fewRows || 2*d.covered < most {
		return d
	}
	tallies(b, groups, func(_ int, t *tally) bool {
		for i := 1; i < len(t.values); i++ {
			n := t.counts[i]
			if b.variant(t.values[i], t.values[0]) {
				continue
			}
			again := n >= 3 || n >= 2 && right[t.values[i]]
			if again || right[t.values[i]] && n < t.counts[0] {
				d.foreign += n
			}
			if again {
				d.odd += n
			}
		}
		if t.size > 0 {
			d.known += t.nulls
			if t.nulls < t.size {
				d.lost += t.nulls
			}
		}
		return true
	})
	base := float64(b.filled()-b.counts[0]) / float64(b.filled()) // what the most frequent value gets wrong
	of := func(n int) float64 { return float64(n) / float64(d.covered) }
	strict := of(d.wrong) <= mistaken && of(d.foreign) <= mistakenAway && of(d.odd) <= mistakenAgain && of(d.wrong) <= better*base
	manifold := tops >= 20 && 2*tops >= several && d.covered >= 8*several && 10*split >= 7*several && 10*clear >= 6*several && of(d.wrong) <= contested && of(d.wrong) <= betterManifold*base
	if !strict && !manifold {
		return d
	}
	d.taken = true
	for _, share := range []float64{0.5, 0.33, 0.25, 0.2} {
		d.share, d.judged, d.exceptions, d.examples = share, 0, 0, nil
		lost := 0 // rows of groups that fail as a whole
		tallies(b, groups, func(_ int, t *tally) bool {
			d.judged += t.size
			for i, n := range t.counts {
				if float64(n) < share*float64(t.size) {
					d.exceptions += n
					if len(d.examples) < 3 && i > 0 && !b.hidden {
						d.examples = append(d.examples, b.shown(int(t.values[i])))
					}
				}
			}
			if t.size > 0 && float64(t.counts[0]) < share*float64(t.size) {
				lost += t.size
			}
			return true
		})
		if of(lost) <= 0.01 {
			break
		}
	}
	return d
}

// determination demands of a column what another one determines.
func (l *learner) determination(c *column) {
	d := l.determined[c]
	if d == nil {
		return
	}
	var names []string
	for _, a := range d.by {
		names = append(names, a.name)
	}
	of, by := Param{"of", names}, strings.Join(names, " and ")
	why := fmt.Sprintf("rows of one %s have one %s", by, c.name)
	if d.exceptions > 0 {
		why += fmt.Sprintf(", but for %s of %s rows%s", count(d.exceptions), count(d.judged), such(d.examples))
	} else {
		why += fmt.Sprintf(", all %s", count(d.judged))
	}
	l.beside(c, "functional_dependency", d.judged, d.exceptions, why, of, Param{"share", number(decimalText(d.share))})
	if d.known > 0 && !l.has(c, "not_null") && float64(d.known) <= 0.4*float64(d.covered+d.known) && float64(d.lost) >= 0.6*float64(d.known) {
		l.beside(c, "not_null_if_known", d.covered+d.known, d.known, fmt.Sprintf("%s rows have no %s, while others of the same %s have one", count(d.known), c.name, by), of)
	}
}

// nearKey is the share of rows that a key tells apart, some that came twice aside.
const nearKey = 0.995

// keys learns what tells rows apart: a column, else two, else all of them.
func (l *learner) keys() {
	found := false
	var parts []*column
	for _, c := range l.table.columns {
		if !c.tells() {
			continue
		}
		if float64(c.nulls) > (1-nearKey)*float64(len(c.codes)) || c.filled() < enough {
			continue
		}
		if repeats := c.filled() - len(c.values); c.nearlyUnique() && !c.typ.Temporal() {
			found = true
			why := fmt.Sprintf("all %s values are different", count(c.filled()))
			if repeats > 0 {
				why = fmt.Sprintf("%s of %s values are different", count(len(c.values)), count(c.filled()))
			}
			l.beside(c, "unique", c.filled(), c.repeated(), why)
		} else if 10*len(c.values) < 9*c.filled() && len(c.values) > 1 {
			parts = append(parts, c)
		}
	}
	if found || l.table.Looked < enough {
		return
	}
	slices.SortStableFunc(parts, func(a, b *column) int { return cmp.Compare(len(b.values), len(a.values)) })
	parts = parts[:min(len(parts), 12)]
	best, least, repeated := [2]*column{}, math.MaxInt, 0
	for i, a := range parts {
		for _, b := range parts[i+1:] {
			if len(a.values)*len(b.values) < l.table.Looked {
				continue
			}
			if n, all := surplus(l.table.Looked, []*column{a, b}); n < least {
				best, least, repeated = [2]*column{a, b}, n, all
			}
		}
	}
	if float64(least) <= (1-nearKey)*float64(l.table.Looked) {
		names := []string{best[0].name, best[1].name}
		l.rules = append(l.rules, Rule{ID: l.unused(names[0] + "_" + names[1]), Kind: "unique", Columns: names, Params: []Param{{"columns", names}}, Judged: l.table.Looked, Exceptions: repeated, Confidence: surely(l.table.Looked, repeated),
			Why: fmt.Sprintf("%s and %s together tell rows apart, but for %s of %s", names[0], names[1], count(least), count(l.table.Looked))})
		return
	}
	if n, all := surplus(l.table.Looked, l.table.columns); float64(n) <= (1-nearKey)*float64(l.table.Looked) && len(l.table.columns) == len(l.table.schema.Fields) {
		l.rules = append(l.rules, Rule{ID: l.unused("no_row_twice"), Kind: "no_duplicate_rows", Columns: l.table.schema.Names(), Judged: l.table.Looked, Exceptions: all, Confidence: surely(l.table.Looked, all),
			Why: fmt.Sprintf("%s of %s rows are equal to an earlier one in every column", count(n), count(l.table.Looked))})
	}
}

// nearlyUnique reports whether the column tells rows apart, but for one or few of many.
func (c *column) nearlyUnique() bool {
	repeats := c.filled() - len(c.values)
	return float64(repeats) <= (1-nearKey)*float64(c.filled()) || repeats == 1 && c.filled() >= 2*enough
}

// tells reports whether values of the column are such that keys are made of: no measures,
// and no texts of several words.
func (c *column) tells() bool {
	switch {
	case c.typ.Integer(), c.typ.Temporal():
		return true
	case c.typ.Kind != table.String:
		return false
	}
	words, _ := c.what(func(i int) bool { return len(c.values[i]) <= 40 && !hasSpace(c.values[i]) })
	return c.of(words) >= 0.95
}

func hasSpace(s string) bool {
	return slices.ContainsFunc([]rune(s), func(r rune) bool { return r == ' ' })
}

// repeated counts the rows of values that are there more than once.
func (c *column) repeated() int {
	n := 0
	for _, k := range c.counts {
		if k > 1 {
			n += k
		}
	}
	return n
}

// surplus counts the rows that agree with an earlier one in all of the columns, and all
// that agree with another one, which are those that a rule against it fails.
func surplus(rows int, columns []*column) (later, all int) {
	codes := make([]int32, rows)
	for _, c := range columns {
		seen := make(map[[2]int32]int32, rows)
		for i := range codes {
			pair := [2]int32{codes[i], c.codes[i]}
			k, ok := seen[pair]
			if !ok {
				k = int32(len(seen))
				seen[pair] = k
			}
			codes[i] = k
		}
	}
	times := map[int32]int{}
	for _, k := range codes {
		times[k]++
	}
	for _, n := range times {
		if n > 1 {
			later, all = later+n-1, all+n
		}
	}
	return later, all
}
