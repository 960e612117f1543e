package profiling

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/dq-dev/dq/internal/gamma"
	"github.com/dq-dev/dq/record"
)

// The limits from which a difference is small or large. Those of the population stability
// index are the customary ones.
const (
	psiSmall, psiLarge     = 0.1, 0.25
	nullsSmall, nullsLarge = 0.02, 0.1 // of the share of nulls
	shownDrifted           = 10        // new and lost values
	driftBins              = 10        // of the baseline's values in equal parts, for numbers
	leastShare             = 1e-4      // stands for no values in a bin, where a logarithm is taken
)

// Drift says how the rows of next differ from those of old, which came from baseline.
// Values of the columns that redact names are not shown. What it compares is exact where
// both columns have at most [MaxValues] different values. Else it counts numbers and times in
// up to 2048 bins of equal width; texts are not compared. Cost: some ms a column.
func Drift(old, next *State, baseline string, redact []string) *record.Drift {
	d := &record.Drift{Baseline: baseline, BaselineRows: old.Rows, Rows: next.Rows, Columns: []record.ColumnDrift{}}
	before := map[string]*column{}
	for _, c := range old.columns {
		before[c.Name] = c
	}
	for _, c := range next.columns {
		was := before[c.Name]
		delete(before, c.Name)
		if was == nil {
			if c.Of == "" {
				d.Added = append(d.Added, c.Name)
			}
			continue
		}
		d.Columns = append(d.Columns, drifted(was, c, slices.Contains(redact, c.Name) || slices.Contains(redact, c.Of)))
	}
	for _, c := range old.columns {
		if before[c.Name] != nil && c.Of == "" {
			d.Removed = append(d.Removed, c.Name)
		}
	}
	graveness := []string{"large", "small", "none"}
	slices.SortStableFunc(d.Columns, func(a, b record.ColumnDrift) int {
		return cmp.Or(cmp.Compare(slices.Index(graveness, a.Severity), slices.Index(graveness, b.Severity)), cmp.Compare(orZero(b.PSI), orZero(a.PSI)))
	})
	return d
}

func orZero(f *float64) float64 {
	if f == nil {
		return 0
	}
	return *f
}

func drifted(a, b *column, hide bool) record.ColumnDrift {
	d := record.ColumnDrift{Name: b.Name, Severity: "none"}
	raise := func(severity, format string, args ...any) {
		if d.Severity != "large" {
			d.Severity = severity
		}
		d.Reasons = append(d.Reasons, fmt.Sprintf(format, args...))
	}
	share := func(c *column) float64 { return round12(float64(c.nulls) / float64(max(c.rows, 1))) }
	d.OldNulls, d.NewNulls = share(a), share(b)
	if from, to := a.Type.String(), b.Type.String(); from != to {
		d.OldType, d.NewType = from, to
		if a.Type.Kind != b.Type.Kind { // of a decimal's digits there may be more in every file
			raise("large", "its type was %s and is %s", from, to)
		}
	}
	if by := math.Abs(d.NewNulls - d.OldNulls); by >= nullsSmall {
		raise(graver(by >= nullsLarge), "nulls were %s and are %s", percent(d.OldNulls), percent(d.NewNulls))
	}
	if a.sort != b.sort && (a.sort.text() || b.sort.text() || a.sort == sortNested || b.sort == sortNested) || a.values() == 0 || b.values() == 0 {
		return d
	}
	if c := categories(a, b); c != nil {
		d.PSI, d.JS = known(psi(c)), known(jensenShannon(c))
		stat, p := chi2(c)
		d.Chi2, d.Chi2P = known(stat), known(p)
		if !hide {
			gainedAndLost(&d, c)
		}
		if n := len(d.New); n > 0 {
			raise("small", "%s new, such as %q", countOf(n, "value is", "values are"), d.New[0].Value)
		}
		if n := len(d.Lost); n > 0 {
			raise("small", "%s gone, such as %q", countOf(n, "value is", "values are"), d.Lost[0].Value)
		}
	}
	if a.sort.scale() && b.sort.scale() && (a.unit() == b.unit() || a.counts != nil && b.counts != nil) {
		x, y := points(a, b)
		parts := inParts(x, y)
		if d.PSI == nil {
			d.PSI, d.JS = known(psi(parts)), known(jensenShannon(parts))
		}
		ks, w := distances(x, y)
		d.KS, d.Wasserstein = known(ks), known(w)
		d.KSP = known(kolmogorov(ks, float64(a.values()), float64(b.values())))
		if !hide && a.sort != sortTime && a.sort != sortDate {
			d.OldMean, d.NewMean = mean(x), mean(y)
		}
	}
	if hide {
		d.Wasserstein = nil
	}
	if psi := orZero(d.PSI); psi >= psiSmall {
		raise(graver(psi >= psiLarge), "the values are distributed otherwise (PSI %.2f)", psi)
	}
	return d
}

func countOf(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	if n >= shownDrifted {
		return fmt.Sprintf("%d and more %s", n, many)
	}
	return fmt.Sprintf("%d %s", n, many)
}

func graver(large bool) string {
	if large {
		return "large"
	}
	return "small"
}

// pair is how often a value, or those of a bin, are there before and now.
type pair struct {
	text     string
	old, now float64
}

// categories are the values of both columns, when they are few; else nil.
func categories(a, b *column) []pair {
	if a.counts == nil || b.counts == nil || a.sort == sortNested || len(a.counts.rows) > 1000 || len(b.counts.rows) > 1000 {
		return nil
	}
	if a.sort != sortText && a.sort != sortBool && (len(a.counts.rows) > maxLevels || len(b.counts.rows) > maxLevels) || a.sort == sortFloat {
		return nil
	}
	// Values that hardly repeat, as those of keys, are no categories.
	for _, c := range []*column{a, b} {
		if n := len(c.counts.rows); (n > maxLevels || c.sort != sortText && c.sort != sortBool) && int64(2*n) > c.values() {
			return nil
		}
	}
	at := map[string]int{}
	var out []pair
	for i, n := range a.counts.rows {
		text := a.spelled(i)
		at[text] = len(out)
		out = append(out, pair{text: text, old: float64(n)})
	}
	for i, n := range b.counts.rows {
		text := b.spelled(i)
		if j, ok := at[text]; ok {
			out[j].now = float64(n)
			continue
		}
		out = append(out, pair{text: text, now: float64(n)})
	}
	slices.SortFunc(out, func(a, b pair) int { return cmp.Or(cmp.Compare(b.old+b.now, a.old+a.now), cmp.Compare(a.text, b.text)) })
	return out
}

func gainedAndLost(d *record.ColumnDrift, pairs []pair) {
	for _, p := range pairs {
		switch {
		case p.old == 0 && len(d.New) < shownDrifted:
			d.New = append(d.New, record.ValueCount{Value: p.text, Count: int64(p.now)})
		case p.now == 0 && len(d.Lost) < shownDrifted:
			d.Lost = append(d.Lost, record.ValueCount{Value: p.text, Count: int64(p.old)})
		}
	}
}

func totals(pairs []pair) (old, now float64) {
	for _, p := range pairs {
		old, now = old+p.old, now+p.now
	}
	return old, now
}

// psi is the population stability index: the sum of (q - p)·ln(q / p).
func psi(pairs []pair) float64 {
	old, now := totals(pairs)
	sum := 0.0
	for _, x := range pairs {
		p, q := max(x.old/old, leastShare), max(x.now/now, leastShare)
		sum += (q - p) * math.Log(q/p)
	}
	return sum
}

// jensenShannon is the Jensen-Shannon distance with logarithms to base 2, as
// scipy.spatial.distance.jensenshannon(p, q, 2).
func jensenShannon(pairs []pair) float64 {
	old, now := totals(pairs)
	sum := 0.0
	for _, x := range pairs {
		p, q := x.old/old, x.now/now
		m := (p + q) / 2
		if p > 0 {
			sum += p * math.Log2(p/m)
		}
		if q > 0 {
			sum += q * math.Log2(q/m)
		}
	}
	return math.Sqrt(max(0, sum/2))
}

// chi2 is Pearson's statistic of the table of both, and its p-value.
func chi2(pairs []pair) (stat, p float64) {
	old, now := totals(pairs)
	for _, x := range pairs {
		all := x.old + x.now
		e, f := all*old/(old+now), all*now/(old+now)
		stat += (x.old-e)*(x.old-e)/e + (x.now-f)*(x.now-f)/f
	}
	free := float64(len(pairs) - 1)
	if free < 1 {
		return 0, 1
	}
	return stat, gamma.Upper(free/2, stat/2)
}

// points are the values of both columns in order, each at a place: their own, or the
// middle of a bin that both have.
func points(a, b *column) (x, y []bin) {
	if a.counts != nil && b.counts != nil {
		return scaled(a.inOrder(), a.unit()), scaled(b.inOrder(), b.unit())
	}
	grid := func(c *column) *bins {
		if c.counts != nil {
			return &sketchOf(c.counts, c.sort).bins
		}
		return &c.sketch.bins
	}
	var both bins
	both.merge(grid(a))
	both.merge(grid(b))
	middle := func(c *column) []bin {
		mine := bins{exp: both.exp, base: both.base, counts: make([]int64, len(both.counts))}
		mine.merge(grid(c))
		out := mine.ordered()
		for i := range out {
			at := (out[i].low + out[i].high) / 2
			out[i].low, out[i].high = at, at
		}
		return scaled(out, c.unit())
	}
	return middle(a), middle(b)
}

func scaled(values []bin, by float64) []bin {
	for i := range values {
		values[i].low *= by
	}
	return values
}

func rowsOf(values []bin) float64 {
	n := 0.0
	for _, v := range values {
		n += float64(v.n)
	}
	return n
}

func mean(values []bin) *float64 {
	sum := 0.0
	for _, v := range values {
		sum += v.low * float64(v.n)
	}
	return known(sum / rowsOf(values))
}

// distances are the Kolmogorov-Smirnov statistic and the first Wasserstein distance: the
// greatest distance between the two distribution functions, and the area between them.
func distances(x, y []bin) (ks, wasserstein float64) {
	nx, ny := rowsOf(x), rowsOf(y)
	var i, j int
	var fx, fy, last float64
	for i < len(x) || j < len(y) {
		at := math.Inf(1)
		if i < len(x) {
			at = x[i].low
		}
		if j < len(y) {
			at = min(at, y[j].low)
		}
		if fx+fy > 0 {
			wasserstein += math.Abs(fx/nx-fy/ny) * (at - last)
		}
		for ; i < len(x) && x[i].low == at; i++ {
			fx += float64(x[i].n)
		}
		for ; j < len(y) && y[j].low == at; j++ {
			fy += float64(y[j].n)
		}
		ks = max(ks, math.Abs(fx/nx-fy/ny))
		last = at
	}
	return ks, wasserstein
}

// inParts counts both in the parts that hold equally many of the first.
func inParts(x, y []bin) []pair {
	n := rowsOf(x)
	var edges []float64 // the last values of the parts
	below := 0.0
	for _, v := range x {
		before := math.Floor(below / n * driftBins)
		below += float64(v.n)
		if math.Floor(below/n*driftBins) > before {
			edges = append(edges, v.low)
		}
	}
	if len(edges) > 0 {
		edges[len(edges)-1] = math.Inf(1)
	}
	out := make([]pair, len(edges))
	for k, values := range [][]bin{x, y} {
		at := 0
		for _, v := range values {
			for at < len(edges)-1 && v.low > edges[at] {
				at++
			}
			if k == 0 {
				out[at].old += float64(v.n)
			} else {
				out[at].now += float64(v.n)
			}
		}
	}
	return out
}

// kolmogorov is the asymptotic p-value of the statistic of two samples, with the
// correction of Stephens (1970).
func kolmogorov(ks, n, m float64) float64 {
	size := math.Sqrt(n * m / (n + m))
	z := (size + 0.12 + 0.11/size) * ks
	if z < 0.2 {
		return 1
	}
	sum, sign := 0.0, 1.0
	for k := 1.0; k <= 100; k++ {
		sum += sign * math.Exp(-2*k*k*z*z)
		sign = -sign
	}
	return min(1, max(0, 2*sum))
}
