package profiling

import (
	"cmp"
	"encoding/hex"
	"math"
	"math/big"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/dq-dev/dq/record"
	"github.com/dq-dev/dq/table"
)

// How much is shown of a column.
const (
	shownTop      = 10
	shownRare     = 5
	shownGaps     = 3
	shownPatterns = 8
	shownBins     = 20
	allValues     = 100 // so many different values are all shown
)

// percentiles are the fractions of record.ColumnProfile.Percentiles.
var percentiles = []float64{0.001, 0.01, 0.1, 0.9, 0.99, 0.999}

func longest(gaps []record.Gap) []record.Gap {
	slices.SortStableFunc(gaps, func(a, b record.Gap) int { return cmp.Compare(b.Days, a.Days) })
	return gaps[:min(len(gaps), shownGaps)]
}

// Profile says what is known of the rows, of every column, and what is odd. Values of
// the columns that redact names are not shown. Pairs of columns are looked at in the
// sample. Cost: some 10 ms a column, whatever the number of rows.
func (s *State) Profile(redact []string) *record.Profile {
	s.sample.prune()
	for _, c := range s.columns {
		c.order.fold(c.sort)
	}
	p := &record.Profile{Format: record.ProfileFormat, Rows: s.Rows, Sampled: int64(len(s.sample.rows)), Columns: []record.ColumnProfile{}}
	described := make([]*briefColumn, len(s.columns))
	var work sync.WaitGroup
	room := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i, c := range s.columns {
		work.Go(func() {
			room <- struct{}{}
			described[i] = c.describe(s.sampleOf(i), slices.Contains(redact, c.Name) || slices.Contains(redact, c.Of))
			<-room
		})
	}
	s.pairs(p, redact)
	work.Wait()
	var odd []oddity
	for i, d := range described {
		odd = append(odd, d.oddities(i)...)
		odd = append(odd, fullOddities(&d.ColumnProfile, i)...)
		p.Columns = append(p.Columns, d.ColumnProfile)
	}
	// Leaves of lists were scanned after all columns.
	slices.SortStableFunc(p.Columns, func(a, b record.ColumnProfile) int { return cmp.Compare(s.placeOf(a), s.placeOf(b)) })
	s.duplicates(p)
	p.Alerts = alerts(s.Rows, append(odd, tableOddities(p)...))
	return p
}

// placeOf is where the column is among the table's that this one is, or is a part of.
func (s *State) placeOf(c record.ColumnProfile) int {
	return slices.IndexFunc(s.columns, func(x *column) bool { return x.Of == "" && (x.Name == c.Name || x.Name == c.Of) })
}

// sampleOf are a column's values in the sample; nil of the elements of lists.
func (s *State) sampleOf(i int) []cell {
	if len(s.sample.rows) == 0 || i >= len(s.sample.rows[0].cells) {
		return nil
	}
	out := make([]cell, len(s.sample.rows))
	for j, r := range s.sample.rows {
		out[j] = r.cells[i]
	}
	return out
}

// describe says what is known of the column.
func (c *column) describe(sampled []cell, hide bool) *briefColumn {
	b := &briefColumn{typ: c.Type, redact: hide}
	p := &b.ColumnProfile
	p.Name, p.Type, p.Of = c.Name, c.Type.String(), c.Of
	p.Rows, p.Nulls, p.NaNs, p.Infs = c.rows, c.nulls, c.nans, c.infs
	s := c.sketch
	if s == nil {
		s = sketchOf(c.counts, c.sort)
	}
	if c.Type.Kind == table.Struct {
		return b
	}
	if c.sort == sortNested {
		p.Empty = s.zeros
		if s.n > 0 {
			low, high := int64(s.least.lo), int64(s.most.lo)
			p.MinLength, p.MaxLength, p.MeanLength = &low, &high, known(s.moments.mean)
		}
		return b
	}
	p.Approx = c.counts == nil
	if p.Approx {
		p.Distinct = min(int64(math.Round(s.hll.estimate())), s.n)
	} else {
		p.Distinct = int64(len(c.counts.rows))
	}
	if c.sort.text() {
		c.describeText(b, s)
	} else {
		c.describeNumbers(b, s)
	}
	c.describeValues(b, sampled)
	if hide {
		hideValues(p)
		return b
	}
	p.Order = c.order.name(c.sort)
	return b
}

// hideValues keeps counts, and nothing that values could be read from.
func hideValues(p *record.ColumnProfile) {
	p.Min, p.Max, p.Sum, p.Mean, p.StdDev, p.Skewness, p.Kurtosis = nil, nil, nil, nil, nil, nil, nil
	p.Quantiles, p.Percentiles, p.Top, p.Rare, p.Values, p.Histogram, p.Time = nil, nil, nil, nil, nil, nil, nil
}

func (c *column) describeText(b *briefColumn, s *sketch) {
	t, p := &s.text, &b.ColumnProfile
	if s.n == 0 {
		return
	}
	p.Empty, p.Blank, p.Untrimmed, b.untrimmed = t.empty, t.blank, t.untrimmed, t.untrimmed
	p.MinLength, p.MaxLength, p.MeanLength = &t.shortest, &t.longest, known(float64(t.length)/float64(s.n))
	p.Min, p.Max = c.shownText(t.least), c.shownText(t.most)
	if c.counts == nil || c.sort == sortBinary {
		return
	}
	folded := map[string]bool{}
	for _, v := range c.counts.texts {
		folded[strings.ToLower(strings.Trim(v, " "))] = true
	}
	b.folded = int64(len(folded))
	if b.folded != p.Distinct {
		p.Folded = b.folded
	}
}

func (c *column) shownText(s string) string {
	if c.sort == sortBinary {
		return cut(hex.EncodeToString([]byte(s)))
	}
	return cut(s)
}

func (c *column) describeNumbers(b *briefColumn, s *sketch) {
	p := &b.ColumnProfile
	if s.n == 0 {
		return
	}
	scale := c.unit()
	p.Min, p.Max = c.shown(s.least), c.shown(s.most)
	if c.sort == sortBool {
		p.Min, p.Max = s.least.lo == 1, s.most.lo == 1
		return
	}
	b.low, b.high, b.numbers = c.position(s.least)*scale, c.position(s.most)*scale, true
	p.Histogram = c.histogram(s, b.low, b.high, scale)
	if c.sort == sortTime || c.sort == sortDate {
		first, last := int64(s.least.lo), int64(s.most.lo)
		if c.sort == sortTime {
			first, last = floorDiv(first, dayMicros), floorDiv(last, dayMicros)
		}
		p.Time = s.time.profile(first, last)
		return
	}
	p.Zeros, p.Negative = s.zeros, s.below
	switch {
	case c.sort == sortFloat:
		if f := known(s.floats.value()); f != nil {
			p.Sum = *f
		}
	default:
		p.Sum = c.decimal(s.sum.big())
	}
	p.Quantiles, p.Percentiles = c.quantiles(s, quantiles, scale), c.quantiles(s, percentiles, scale)
	if !s.huge {
		m := s.moments
		mean := m.mean * scale
		if c.sort != sortFloat { // the exact sum is at hand
			sum, _ := new(big.Float).SetInt(s.sum.big()).Float64()
			mean = sum / float64(s.n) * scale
		} else if sum := s.floats.value(); !math.IsInf(sum, 0) && !math.IsNaN(sum) {
			mean = sum / float64(s.n)
		}
		p.Mean, p.Skewness, p.Kurtosis = known(mean), m.skewness(), m.kurtosis()
		if p.StdDev = m.stddev(); p.StdDev != nil {
			p.StdDev = known(*p.StdDev * scale)
		}
		if s.least == s.most { // rounding must not make equal values vary
			p.Skewness, p.Kurtosis = nil, nil
			if p.StdDev != nil {
				*p.StdDev = 0
			}
		}
	}
}

// unit is what a number of one stands for: of a decimal its last digit, of a time a
// µs in seconds.
func (c *column) unit() float64 {
	switch {
	case c.Type.Kind == table.Decimal:
		return 1 / math.Pow10(c.Type.Scale)
	case c.sort == sortTime:
		return 1e-6
	case c.sort == sortDate:
		return 86400
	}
	return 1
}

// position is a number as a double, without its unit.
func (c *column) position(x number) float64 {
	switch c.sort {
	case sortFloat:
		return x.f
	case sortWide:
		return wideFloat(x.lo, x.hi)
	}
	return float64(int64(x.lo))
}

// decimal writes an integer with the column's decimal point.
func (c *column) decimal(x *big.Int) string {
	if c.Type.Kind != table.Decimal || c.Type.Scale == 0 {
		return x.String()
	}
	digits := new(big.Int).Abs(x).String()
	if missing := c.Type.Scale + 1 - len(digits); missing > 0 {
		digits = strings.Repeat("0", missing) + digits
	}
	sign := ""
	if x.Sign() < 0 {
		sign = "-"
	}
	return sign + digits[:len(digits)-c.Type.Scale] + "." + digits[len(digits)-c.Type.Scale:]
}

// shown is a number as it stands in a profile.
func (c *column) shown(x number) any {
	switch c.sort {
	case sortFloat:
		return shown(x.f, c.Type)
	case sortDate:
		return dayText(int64(x.lo))
	case sortTime:
		return shown(time.UnixMicro(int64(x.lo)).UTC(), c.Type)
	case sortBool:
		return strconv.FormatBool(x.lo == 1)
	case sortWide:
		return c.decimal(int128(x.lo, x.hi))
	}
	if c.Type.Kind == table.Decimal {
		return c.decimal(big.NewInt(int64(x.lo)))
	}
	return int64(x.lo)
}

// spelled is a counted value as text.
func (c *column) spelled(i int) string {
	switch {
	case c.sort.text():
		return c.shownText(c.counts.texts[i])
	case c.sort == sortWide:
		return c.decimal(int128(c.counts.bits[i], c.counts.wide[i]))
	case c.sort == sortFloat:
		f, _ := shown(math.Float64frombits(c.counts.bits[i]), c.Type).(float64)
		return floatText(f)
	}
	return c.spelledInt(c.counts.bits[i])
}

func (c *column) spelledInt(bits uint64) string {
	switch v := c.shown(number{lo: bits}).(type) {
	case string:
		return v
	case int64:
		return strconv.FormatInt(v, 10)
	}
	return ""
}

// floatText is a double as SQL's text of it.
func floatText(f float64) string {
	s := strconv.FormatFloat(f, 'g', -1, 64)
	if math.Abs(f) < 1e15 && math.Abs(f) >= 1e-4 || f == 0 {
		s = strconv.FormatFloat(f, 'f', -1, 64)
	}
	if !strings.ContainsAny(s, ".e") {
		s += ".0"
	}
	return s
}

// spelledCell is a sampled value as text.
func (c *column) spelledCell(x cell) string {
	switch {
	case c.sort.text():
		return c.shownText(x.text)
	case c.sort == sortWide:
		n, _ := new(big.Int).SetString(x.text, 10)
		if n == nil {
			return ""
		}
		return c.decimal(n)
	case c.sort == sortFloat:
		f, _ := shown(math.Float64frombits(x.bits), c.Type).(float64)
		return floatText(f)
	}
	return c.spelledInt(x.bits)
}

// inOrder are the counted numbers in order, each as a bin without width.
func (c *column) inOrder() []bin {
	out := make([]bin, len(c.counts.rows))
	for i, n := range c.counts.rows {
		x := number{lo: c.counts.bits[i], f: math.Float64frombits(c.counts.bits[i])}
		if c.sort == sortWide {
			x.hi = c.counts.wide[i]
		}
		f := c.position(x)
		out[i] = bin{f, f, n}
	}
	slices.SortFunc(out, func(a, b bin) int { return cmp.Compare(a.low, b.low) })
	return out
}

// quantiles are exact of counted values; else they come from that of the two
// sorts of bins that is the finer one there.
func (c *column) quantiles(s *sketch, at []float64, scale float64) []float64 {
	out := make([]float64, len(at))
	if c.counts != nil {
		values := c.inOrder()
		for i, f := range at {
			h := f * float64(s.n-1)
			low, high := valueAt(values, int64(math.Floor(h))), valueAt(values, int64(math.Ceil(h)))
			out[i] = round12((low + (h-math.Floor(h))*(high-low)) * scale)
		}
		return out
	}
	linear, sizes := s.bins.ordered(), s.sizes.ordered(s.zeros)
	for i, f := range at {
		x, width := quantileOf(sizes, f)
		if y, other := quantileOf(linear, f); !s.huge && other < width {
			x = y
		}
		x = math.Min(math.Max(x, c.position(s.least)), c.position(s.most))
		out[i] = round12(x * scale)
	}
	return out
}

// valueAt is the value of a rank, from 0.
func valueAt(values []bin, rank int64) float64 {
	for _, b := range values {
		if rank < b.n {
			return b.low
		}
		rank -= b.n
	}
	return math.NaN()
}

// histogram counts in bins of equal width from the least value to the greatest; of
// sketched values a bin may hold some from its neighbours' edges.
func (c *column) histogram(s *sketch, low, high, scale float64) *record.Histogram {
	if !(high > low) || high-low > 1e300 || s.huge {
		return nil
	}
	h := &record.Histogram{Low: round12(low), High: round12(high), Time: c.Type.Temporal(), Counts: make([]int64, shownBins)}
	bins := s.bins.ordered()
	if c.counts != nil {
		bins = c.inOrder()
	}
	for _, b := range bins {
		at := (b.low*scale + b.high*scale) / 2
		i := int(math.Floor((at - low) * shownBins / (high - low)))
		h.Counts[min(max(i, 0), shownBins-1)] += b.n
	}
	return h
}

// describeValues shows the most and the least frequent values, and what they mean.
func (c *column) describeValues(b *briefColumn, sampled []cell) {
	p := &b.ColumnProfile
	n := c.values()
	if n == 0 {
		return
	}
	var looked []record.ValueCount // what forms and meanings are read from, uncut
	if c.counts != nil {
		looked = c.countedValues(p, n)
	} else {
		looked = c.sampledValues(p, n, sampled)
	}
	if c.sort == sortText || c.sort == sortInt || c.sort == sortFloat {
		means(c, b, looked)
	}
}

func (c *column) countedValues(p *record.ColumnProfile, n int64) []record.ValueCount {
	order := c.counts.byCount(c.spelled)
	for _, i := range order {
		if c.counts.rows[i] == 1 {
			p.Once++
		}
	}
	shown := func(i int) record.ValueCount { return record.ValueCount{Value: c.spelled(i), Count: c.counts.rows[i]} }
	repeats := int64(len(order)) < n
	if repeats {
		for _, i := range order[:min(len(order), shownTop)] {
			p.Top = append(p.Top, shown(i))
		}
		if len(order) > shownTop {
			for _, i := range order[max(shownTop, len(order)-shownRare):] {
				p.Rare = append(p.Rare, shown(i))
			}
			slices.Reverse(p.Rare)
		}
	}
	if len(order) <= allValues && repeats {
		for _, i := range order {
			p.Values = append(p.Values, shown(i))
		}
	}
	if c.sort != sortText {
		return nil
	}
	out := make([]record.ValueCount, len(order))
	for j, i := range order {
		out[j] = record.ValueCount{Value: c.counts.texts[i], Count: c.counts.rows[i]}
	}
	return out
}

func (c *column) sampledValues(p *record.ColumnProfile, n int64, sampled []cell) []record.ValueCount {
	found := map[cell]int64{}
	total := int64(0)
	for _, x := range sampled {
		if !x.null {
			found[x]++
			total++
		}
	}
	var values []record.ValueCount
	var texts []record.ValueCount
	for x, k := range found {
		if c.sort == sortText {
			texts = append(texts, record.ValueCount{Value: x.text, Count: k})
		}
		if k >= 5 { // fewer may be chance
			values = append(values, record.ValueCount{Value: c.spelledCell(x), Count: int64(math.Round(float64(k) * float64(n) / float64(total)))})
		}
	}
	byCount := func(a, b record.ValueCount) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Value, b.Value))
	}
	slices.SortFunc(values, byCount)
	slices.SortFunc(texts, byCount)
	p.Top = values[:min(len(values), shownTop)]
	return texts
}

// duplicates counts rows that are there twice: exactly while few rows differ, else
// estimated from those with the least hashes.
func (s *State) duplicates(p *record.Profile) {
	s.rows.prune()
	d := &record.Duplicates{Exact: s.rows.limit == 0}
	var rows int64
	for _, n := range s.rows.seen {
		rows += n
		if n > 1 {
			d.Groups++
			d.Rows += n - 1
		}
	}
	if !d.Exact && rows > 0 {
		by := float64(s.Rows) / float64(rows)
		d.Rows, d.Groups = int64(math.Round(float64(d.Rows)*by)), int64(math.Round(float64(d.Groups)*by))
	}
	if s.Rows > 0 {
		p.Duplicates = d
	}
}
