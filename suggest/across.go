package suggest

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/dq-dev/dq/table"
)

const (
	maxNumbers   = 12    // columns of numbers that are calculated with
	maxTexts     = 20    // columns of texts that may be made of each other
	agreed       = 0.95  // of the rows, for what is calculated
	composedMost = 0.85  // of the rows, for texts that are put together
	inOrder      = 0.98  // of the rows, for times that follow each other
	inOrderMore  = 0.995 // for numbers
	byChance     = 0.9   // of rows that would be in order if the columns had nothing to do with each other
)

// across learns what columns of a row have to do with each other.
func (l *learner) across() {
	var numbers, times []*column
	for _, c := range l.table.columns {
		if c.filled() < enough || len(c.values) < 2 {
			continue
		}
		switch {
		case c.typ.Numeric():
			numbers = append(numbers, c)
		case c.typ.Temporal():
			times = append(times, c)
		}
	}
	numbers = numbers[:min(len(numbers), maxNumbers)]
	l.arithmetic(numbers)
	for i, a := range times {
		for _, b := range times[i+1:] {
			if a.typ.Kind == b.typ.Kind {
				l.order(a, b, inOrder)
			}
		}
	}
	for i, a := range numbers {
		for _, b := range numbers[i+1:] {
			if a.typ.Equal(b.typ) {
				l.order(a, b, inOrderMore)
			}
		}
	}
	l.compose()
}

// sum is a way to make a number of two others.
type sum struct {
	cel string
	of  func(a, b float64) float64
	// both ways are the same
	symmetric bool
}

var sums = []sum{
	{"%s * %s", func(a, b float64) float64 { return a * b }, true},
	{"%s + %s", func(a, b float64) float64 { return a + b }, true},
	{"%s - %s", func(a, b float64) float64 { return a - b }, false},
}

// arithmetic finds numbers that are calculated of two others.
func (l *learner) arithmetic(numbers []*column) {
	made := map[*column]bool{} // a column that is part of a rule is not explained twice
	for _, c := range numbers {
		for _, op := range sums {
			for i, a := range numbers {
				for k, b := range numbers {
					if a == b || a == c || b == c || op.symmetric && k < i || made[a] && made[b] && made[c] || !mixes(a, b, c) {
						continue
					}
					judged, right := calculated(a, b, c, op.of)
					if judged < enough || float64(right) < agreed*float64(judged) {
						continue
					}
					x, okX := identifier(a.name)
					y, okY := identifier(b.name)
					z, okZ := identifier(c.name)
					if !okX || !okY || !okZ {
						continue
					}
					made[a], made[b], made[c] = true, true, true
					formula := fmt.Sprintf(op.cel, x, y)
					cel := fmt.Sprintf("abs(%s - %s) <= 0.01", formula, z)
					if a.typ.Integer() && b.typ.Integer() && c.typ.Integer() {
						cel = fmt.Sprintf("%s == %s", formula, z)
					}
					l.row(c.name+"_adds_up", cel, fmt.Sprintf("%s != null && %s != null && %s != null", x, y, z), judged, judged-right,
						fmt.Sprintf("%s is %s in %s of %s rows", c.name, fmt.Sprintf(op.cel, a.name, b.name), count(right), count(judged)), a.name, b.name, c.name)
				}
			}
		}
	}
}

// mixes reports whether CEL calculates with the columns: decimals do not go with doubles.
func mixes(columns ...*column) bool {
	decimal := slices.ContainsFunc(columns, func(c *column) bool { return c.typ.Kind == table.Decimal })
	double := slices.ContainsFunc(columns, func(c *column) bool { return c.typ.Kind == table.Double || c.typ.Kind == table.Float })
	return !decimal || !double
}

// calculated counts the rows in which c is made of a and b. Only those say something in which
// neither leaves the other as it is.
func calculated(a, b, c *column, of func(a, b float64) float64) (judged, right int) {
	telling, told := 0, 0
	for i := range a.codes {
		if a.codes[i] < 0 || b.codes[i] < 0 || c.codes[i] < 0 {
			continue
		}
		x, y, z := a.numbers[a.codes[i]], b.numbers[b.codes[i]], c.numbers[c.codes[i]]
		judged++
		ok := math.Abs(of(x, y)-z) <= 0.01
		if ok {
			right++
		}
		if x != 0 && y != 0 && z != 0 && math.Abs(x) != 1 && math.Abs(y) != 1 {
			telling++
			if ok && math.Abs(z) > 0.1 {
				told++
			}
		}
		if judged == 200 && right < 100 {
			return judged, right
		}
	}
	if told < fewRows || float64(told) < 0.9*float64(telling) {
		return 0, 0
	}
	return judged, right
}

// order finds which of two columns is never below the other.
func (l *learner) order(a, b *column, least float64) {
	var judged, up, down, same int
	for i := range a.codes {
		if a.codes[i] < 0 || b.codes[i] < 0 {
			continue
		}
		x, y := a.numbers[a.codes[i]], b.numbers[b.codes[i]]
		judged++
		switch {
		case x < y:
			up++
		case x > y:
			down++
		default:
			same++
		}
	}
	if judged < enough || same == judged {
		return
	}
	low, high, wrong := a, b, down
	if down > up {
		low, high, wrong = b, a, up
	}
	if float64(judged-wrong) < least*float64(judged) || chance(low, high) > byChance {
		return
	}
	l.rules = append(l.rules, Rule{ID: l.unused(low.name + "_before_" + high.name), Kind: "compare", Columns: []string{low.name, high.name}, Params: []Param{{"left", low.name}, {"op", "<="}, {"right", high.name}},
		Judged: judged, Exceptions: wrong, Confidence: surely(judged, wrong), Why: fmt.Sprintf("%s is at most %s in %s of %s rows", low.name, high.name, count(judged-wrong), count(judged))})
}

// chance is in how many pairs of any of the values low is at most high.
func chance(low, high *column) float64 {
	sorted := func(c *column) []float64 {
		var out []float64
		for i, x := range c.numbers {
			for range min(c.counts[i], 1000) {
				out = append(out, x)
			}
		}
		slices.Sort(out)
		return out
	}
	x, y := sorted(low), sorted(high)
	k, pairs := 0, 0.0
	for _, v := range y {
		for k < len(x) && x[k] <= v {
			k++
		}
		pairs += float64(k)
	}
	return pairs / float64(len(x)) / float64(len(y))
}

// composition is a text that is made of two others with something between.
type composition struct {
	of            *column
	first, second *column
	between       string
	judged, right int
}

// composed finds such texts.
func (l *learner) composed() {
	var texts []*column
	for _, c := range l.table.columns {
		if c.typ.Kind == table.String && c.filled() >= enough && len(c.values) > 1 && len(texts) < maxTexts {
			texts = append(texts, c)
		}
	}
	for _, c := range texts {
		best := composition{of: c}
		for _, a := range texts {
			for _, b := range texts {
				if a == b || a == c || b == c || len(c.values) < max(len(a.values), len(b.values))/2 {
					continue
				}
				between, judged, right := joined(a, b, c)
				if judged >= enough && float64(right) >= composedMost*float64(judged) && right > best.right {
					best = composition{c, a, b, between, judged, right}
				}
			}
		}
		if best.first != nil {
			l.compositions = append(l.compositions, best)
		}
	}
}

// compose demands that a text is made of the others, unless these are demanded to determine
// it: then a slip in one of them is not held against it.
func (l *learner) compose() {
	for _, m := range l.compositions {
		if d := l.determined[m.of]; d != nil && len(d.by) == 2 {
			continue
		}
		x, okX := identifier(m.first.name)
		y, okY := identifier(m.second.name)
		z, okZ := identifier(m.of.name)
		if !okX || !okY || !okZ || strings.ContainsAny(m.between, "\\'\n") {
			continue
		}
		formula := x + " + " + y
		if m.between != "" {
			formula = fmt.Sprintf("%s + '%s' + %s", x, m.between, y)
		}
		l.row(m.of.name+"_made_of", z+" == "+formula, fmt.Sprintf("%s != null && %s != null && %s != null", x, y, z), m.judged, m.judged-m.right,
			fmt.Sprintf("%s is %s, %q and %s in %s of %s rows", m.of.name, m.first.name, m.between, m.second.name, count(m.right), count(m.judged)), m.of.name, m.first.name, m.second.name)
	}
}

// joined counts the rows in which c is a, a text that is the same in most rows, and b.
func joined(a, b, c *column) (between string, judged, right int) {
	found := map[string]int{}
	telling := map[int32]bool{}
	for i := range c.codes {
		if a.codes[i] < 0 || b.codes[i] < 0 || c.codes[i] < 0 {
			continue
		}
		x, y, z := a.values[a.codes[i]], b.values[b.codes[i]], c.values[c.codes[i]]
		judged++
		if x != "" && y != "" && len(z) >= len(x)+len(y) && len(z) <= len(x)+len(y)+3 && strings.HasPrefix(z, x) && strings.HasSuffix(z, y) {
			found[z[len(x):len(z)-len(y)]]++
			telling[c.codes[i]] = true
		}
		if judged == 200 && len(telling) == 0 {
			return "", 0, 0
		}
	}
	for s, n := range found {
		if n > right || n == right && s < between {
			between, right = s, n
		}
	}
	if len(telling) < 10 {
		return "", 0, 0
	}
	return between, judged, right
}
