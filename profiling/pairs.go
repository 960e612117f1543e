package profiling

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/dq-dev/dq/record"
)

// Pairs of columns grow with the square of their number: only so many columns of
// each sort are looked at, the first ones.
const (
	maxNumbers    = 40 // whose correlation is computed
	maxCategories = 24 // of at most maxLevels values, whose association is computed
	maxLevels     = 50
	maxDetermined = 40 // of which dependencies are looked for
	shownPairs    = 50

	strong        = 0.3   // correlations from here on are shown
	maxExceptions = 0.02  // share of the rows
	enoughRows    = 30    // in groups of at least two, for a dependency to say something
	nearKey       = 0.995 // share of rows that a key that nearly is one tells apart
)

// ranked is a column's values in the sample: the number of each among the different ones,
// in order; -1 for null and what is no number.
type ranked struct {
	*column
	codes  []int
	levels int
	filled int
	order  []int // the rows with a value, in the order of their values
	cells  []cell
}

func rankedOf(c *column, cells []cell) *ranked {
	r := &ranked{column: c, codes: make([]int, len(cells)), cells: cells}
	for i, x := range cells {
		r.codes[i] = -1
		if f := x.number(c.sort); !x.null && (c.sort.text() || !math.IsNaN(f) && !math.IsInf(f, 0)) {
			r.order = append(r.order, i)
		}
	}
	slices.SortFunc(r.order, func(a, b int) int { return cells[a].compare(cells[b], c.sort) })
	for k, i := range r.order {
		if k == 0 || cells[r.order[k-1]].compare(cells[i], c.sort) != 0 {
			r.levels++
		}
		r.codes[i] = r.levels - 1
	}
	r.filled = len(r.order)
	return r
}

// pairs looks for what columns have to do with each other, in the sample.
func (s *State) pairs(p *record.Profile, redact []string) {
	n := len(s.sample.rows)
	if n == 0 {
		return
	}
	exact := int64(n) == s.Rows
	var all, numbers, categories []*ranked
	for i := range s.sample.rows[0].cells {
		c := s.columns[i]
		if c.sort == sortNested {
			continue
		}
		r := rankedOf(c, s.sampleOf(i))
		all = append(all, r)
		if (c.Type.Numeric() || c.Type.Temporal()) && r.levels > 1 {
			numbers = append(numbers, r)
		}
		if c.values() > 0 && r.levels > 1 && r.levels <= maxLevels && (c.sort == sortText || c.sort == sortBool || c.sort == sortInt) {
			categories = append(categories, r)
		}
	}
	s.missing(p, all)
	p.Correlations = correlations(numbers[:min(len(numbers), maxNumbers)], categories[:min(len(categories), maxCategories)])
	p.Keys = s.keys(p, all, exact)
	p.Dependencies = dependencies(all, exact, redact)
}

// missing counts the sets of columns that are null together.
func (s *State) missing(p *record.Profile, all []*ranked) {
	found := map[string]int64{}
	for i := range s.sample.rows {
		var set []string
		for _, r := range all {
			if r.cells[i].null {
				set = append(set, r.Name)
			}
		}
		if len(set) > 0 && len(set) <= 20 {
			found[strings.Join(set, "\x00")]++
		}
	}
	for set, n := range found {
		p.Missing = append(p.Missing, record.MissingPattern{Columns: strings.Split(set, "\x00"), Rows: int64(math.Round(float64(n) * float64(s.Rows) / float64(len(s.sample.rows))))})
	}
	slices.SortFunc(p.Missing, func(a, b record.MissingPattern) int {
		return cmp.Or(cmp.Compare(b.Rows, a.Rows), slices.Compare(a.Columns, b.Columns))
	})
	p.Missing = p.Missing[:min(len(p.Missing), 10)]
}

func correlations(numbers, categories []*ranked) []record.Correlation {
	var out []record.Correlation
	add := func(a, b *ranked, method string, value float64, rows int) {
		if rows >= 10 && !math.IsNaN(value) && math.Abs(value) >= strong {
			out = append(out, record.Correlation{A: a.Name, B: b.Name, Method: method, Value: round12(value), Rows: int64(rows)})
		}
	}
	for i, a := range numbers {
		for _, b := range numbers[i+1:] {
			value, rows := pearson(a, b)
			add(a, b, "pearson", value, rows)
			value, rows = spearman(a, b)
			add(a, b, "spearman", value, rows)
		}
	}
	for i, a := range categories {
		for _, b := range categories[i+1:] {
			value, rows := cramersV(a, b)
			add(a, b, "cramers_v", value, rows)
		}
	}
	slices.SortStableFunc(out, func(a, b record.Correlation) int { return cmp.Compare(math.Abs(b.Value), math.Abs(a.Value)) })
	return out[:min(len(out), shownPairs)]
}

// correlated is Pearson's coefficient of pairs of numbers.
func correlated(x, y []float64) float64 {
	n := float64(len(x))
	if n < 2 {
		return math.NaN()
	}
	var mx, my float64
	for i := range x {
		mx += x[i]
		my += y[i]
	}
	mx, my = mx/n, my/n
	var xx, yy, xy float64
	for i := range x {
		dx, dy := x[i]-mx, y[i]-my
		xx, yy, xy = xx+dx*dx, yy+dy*dy, xy+dx*dy
	}
	if xx <= 0 || yy <= 0 {
		return math.NaN()
	}
	return max(-1, min(1, xy/math.Sqrt(xx)/math.Sqrt(yy)))
}

func pearson(a, b *ranked) (float64, int) {
	var x, y []float64
	for i, k := range a.codes {
		if k >= 0 && b.codes[i] >= 0 {
			x, y = append(x, a.cells[i].number(a.sort)), append(y, b.cells[i].number(b.sort))
		}
	}
	return correlated(x, y), len(x)
}

// spearman is Pearson's coefficient of the ranks, those of equal values their mean.
func spearman(a, b *ranked) (float64, int) {
	both := func(i int) bool { return a.codes[i] >= 0 && b.codes[i] >= 0 }
	ranks := func(r *ranked) []float64 {
		out := make([]float64, len(r.codes))
		place, begin, last := 0, 0, -1
		var group []int
		end := func() {
			for _, i := range group {
				out[i] = float64(begin+place+1) / 2
			}
			group, begin = group[:0], place
		}
		for _, i := range r.order {
			if !both(i) {
				continue
			}
			if r.codes[i] != last {
				end()
				last = r.codes[i]
			}
			group = append(group, i)
			place++
		}
		end()
		return out
	}
	ra, rb := ranks(a), ranks(b)
	var x, y []float64
	for i := range ra {
		if both(i) {
			x, y = append(x, ra[i]), append(y, rb[i])
		}
	}
	return correlated(x, y), len(x)
}

// cramersV is Cramér's V without its correction for bias, as scipy's
// contingency.association computes it.
func cramersV(a, b *ranked) (float64, int) {
	cells := make([]float64, a.levels*b.levels)
	rows, columns := make([]float64, a.levels), make([]float64, b.levels)
	n := 0
	for i, k := range a.codes {
		if j := b.codes[i]; k >= 0 && j >= 0 {
			cells[k*b.levels+j]++
			rows[k]++
			columns[j]++
			n++
		}
	}
	chi2 := 0.0
	filled := func(counts []float64) int {
		out := 0
		for _, c := range counts {
			if c > 0 {
				out++
			}
		}
		return out
	}
	for k := range rows {
		for j := range columns {
			if e := rows[k] * columns[j] / float64(n); e > 0 {
				d := cells[k*b.levels+j] - e
				chi2 += d * d / e
			}
		}
	}
	least := min(filled(rows), filled(columns)) - 1
	if n == 0 || least < 1 {
		return math.NaN(), n
	}
	return math.Sqrt(chi2 / float64(n) / float64(least)), n
}

// keys finds columns, and pairs of them, that tell rows apart.
func (s *State) keys(p *record.Profile, all []*ranked, exact bool) []record.Key {
	var out []record.Key
	single := map[string]bool{}
	var rest []*ranked
	for _, r := range all {
		values := r.values()
		switch {
		case values < fewRows || r.sort == sortFloat || r.Type.Kind == "bool":
		case r.counts != nil:
			if repeats := values - int64(len(r.counts.rows)); repeats == 0 {
				out = append(out, record.Key{Columns: []string{r.Name}, Nulls: r.nulls, Exact: true})
				single[r.Name] = true
				continue
			} else if float64(repeats) <= (1-nearKey)*float64(values) {
				out = append(out, record.Key{Columns: []string{r.Name}, Nulls: r.nulls, Exact: true, Repeats: repeats})
				single[r.Name] = true
				continue
			}
		case r.levels == r.filled && r.sketch.hll.estimate() > (1-3*DistinctError)*float64(values):
			out = append(out, record.Key{Columns: []string{r.Name}, Nulls: r.nulls})
			single[r.Name] = true
			continue
		}
		if r.levels > 1 && r.sort != sortFloat && r.nulls == 0 {
			rest = append(rest, r)
		}
	}
	// More than one column matters only where none alone is a key.
	if slices.ContainsFunc(out, func(k record.Key) bool { return k.Repeats == 0 && k.Nulls == 0 }) {
		return out
	}
	slices.SortStableFunc(rest, func(a, b *ranked) int { return cmp.Compare(b.levels, a.levels) })
	rest = rest[:min(len(rest), 12)]
	found := 0
	for i, a := range rest {
		for _, b := range rest[i+1:] {
			if found >= 5 || float64(a.distinct())*float64(b.distinct()) < float64(s.Rows) {
				continue
			}
			seen := map[[2]int]bool{}
			repeats := int64(0)
			for k := range a.codes {
				pair := [2]int{a.codes[k], b.codes[k]}
				if seen[pair] {
					repeats++
				}
				seen[pair] = true
			}
			if repeats == 0 && len(a.codes) >= fewRows {
				out = append(out, record.Key{Columns: []string{a.Name, b.Name}, Exact: exact})
				found++
			}
		}
	}
	return out
}

// distinct is how many different values the column has, or about.
func (c *column) distinct() int64 {
	if c.counts != nil {
		return int64(len(c.counts.rows))
	}
	return int64(c.sketch.hll.estimate())
}

// dependencies finds pairs of which one column determines the other.
func dependencies(all []*ranked, exact bool, redact []string) []record.Dependency {
	var out []record.Dependency
	all = all[:min(len(all), maxDetermined)]
	for _, a := range all {
		if a.levels < 2 || a.levels == a.filled || a.sort == sortFloat {
			continue
		}
		// Rows by value of a, which order gives.
		for _, b := range all {
			if b == a || b.levels < 2 || b.levels == b.filled && b.filled == len(b.codes) {
				continue
			}
			if d, ok := determined(a, b, exact, slices.Contains(redact, a.Name) || slices.Contains(redact, b.Name)); ok {
				out = append(out, d)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b record.Dependency) int {
		return cmp.Compare(float64(a.Exceptions)/float64(a.Rows), float64(b.Exceptions)/float64(b.Rows))
	})
	return out[:min(len(out), shownPairs)]
}

// determined looks whether rows with the same a have the same b.
func determined(a, b *ranked, exact, hide bool) (record.Dependency, bool) {
	d := record.Dependency{From: a.Name, To: b.Name, Exact: exact}
	counts := map[int]int{} // of b, in one group of a
	var rows, grouped, most, groups, singles int
	base := make([]int, b.levels)
	var odd [][2]int // group's first row, its exceptions
	first := -1
	end := func() {
		if len(counts) == 0 {
			return
		}
		n, top := 0, 0
		for _, k := range counts {
			n += k
			top = max(top, k)
		}
		rows += n
		if n > 1 {
			grouped += n
			most += top
			groups++
			if top < n && len(odd) < 200 {
				odd = append(odd, [2]int{first, n - top})
			}
		} else {
			singles++
		}
		clear(counts)
	}
	last := -1
	for _, i := range a.order {
		if a.codes[i] != last {
			end()
			last, first = a.codes[i], i
		}
		if k := b.codes[i]; k >= 0 {
			counts[k]++
			base[k]++
			if wrong := grouped - most; wrong > int(maxExceptions*float64(len(a.order)))+1 {
				return d, false
			}
		}
	}
	end()
	d.Rows, d.Exceptions = int64(rows), int64(grouped-most)
	// Without a, the most frequent b would be right this often: a must do far better.
	guess := float64(slices.Max(base)) / float64(max(rows, 1))
	wrong := float64(grouped-most) / float64(max(grouped, 1))
	if grouped < enoughRows || groups < 2 || wrong > maxExceptions || wrong > (1-guess)*0.2 || rows < len(b.order)/2 {
		return d, false
	}
	if d.Exceptions > 0 && !hide {
		d.Examples = exceptions(a, b, odd)
	}
	return d, true
}

// exceptions shows some groups with more than one value.
func exceptions(a, b *ranked, odd [][2]int) []record.Exception {
	slices.SortStableFunc(odd, func(x, y [2]int) int { return cmp.Compare(y[1], x[1]) })
	var out []record.Exception
	for _, o := range odd[:min(len(odd), 3)] {
		e := record.Exception{From: a.spelledCell(a.cells[o[0]])}
		counts := map[int]int64{}
		row := map[int]int{}
		for i, k := range a.codes {
			if k == a.codes[o[0]] && b.codes[i] >= 0 {
				counts[b.codes[i]]++
				row[b.codes[i]] = i
			}
		}
		for k, n := range counts {
			e.To = append(e.To, record.ValueCount{Value: b.spelledCell(b.cells[row[k]]), Count: n})
		}
		slices.SortFunc(e.To, func(x, y record.ValueCount) int {
			return cmp.Or(cmp.Compare(y.Count, x.Count), strings.Compare(x.Value, y.Value))
		})
		e.To = e.To[:min(len(e.To), 4)]
		out = append(out, e)
	}
	return out
}

// tableOddities lists what is odd about the table.
func tableOddities(p *record.Profile) []oddity {
	var out []oddity
	if d := p.Duplicates; d != nil && d.Rows > 0 {
		about := ""
		if !d.Exact {
			about = "about "
		}
		share := float64(d.Rows) / float64(p.Rows)
		out = append(out, oddity{record.Alert{Kind: kinds[kindDuplicates], Message: fmt.Sprintf("%s%s of %s rows are equal to another one in every column (%s)", about, thousands(d.Rows), thousands(p.Rows), percent(share))}, kindDuplicates, share, -1})
	}
	for _, k := range p.Keys {
		if k.Repeats > 0 {
			out = append(out, oddity{record.Alert{Column: strings.Join(k.Columns, ", "), Kind: kinds[kindDuplicates], Message: fmt.Sprintf("nearly a key: %s of %s rows repeat an earlier value", thousands(k.Repeats), thousands(p.Rows))}, kindDuplicates, float64(k.Repeats) / float64(p.Rows), -1})
		}
	}
	shown := 0
	for _, d := range p.Dependencies {
		if d.Exceptions > 0 && shown < 3 {
			shown++
			out = append(out, oddity{record.Alert{Column: d.To, Kind: kinds[kindDependency], Message: fmt.Sprintf("%s decides it, but for %s of %s rows that were looked at", d.From, thousands(d.Exceptions), thousands(d.Rows))}, kindDependency, float64(d.Exceptions) / float64(d.Rows), -1})
		}
	}
	return out
}
