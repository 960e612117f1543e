package profiling

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/cespare/xxhash/v2"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/table"
)

// sort is how the values of a column are kept.
type sort uint8

const (
	sortInt    sort = iota // and decimals of up to 18 digits, without their point
	sortBool               // 0 and 1
	sortDate               // days since 1970
	sortTime               // µs since 1970
	sortWide               // integers of 128 bits
	sortFloat              // doubles
	sortText               //
	sortBinary             //
	sortNested             // lists, maps and structs: their number of parts
)

func (k sort) text() bool { return k == sortText || k == sortBinary }

// scale reports whether values are numbers or times, which have quantiles.
func (k sort) scale() bool { return k != sortBool && !k.text() }

func sortOf(t table.Type) sort {
	switch t.Kind {
	case table.Bool:
		return sortBool
	case table.Date:
		return sortDate
	case table.Timestamp, table.TimestampNTZ:
		return sortTime
	case table.Float, table.Double:
		return sortFloat
	case table.Decimal:
		if t.Precision > 18 {
			return sortWide
		}
		return sortInt
	case table.Binary:
		return sortBinary
	case table.Array, table.Map, table.Struct:
		return sortNested
	case table.String:
		return sortText
	}
	return sortInt
}

// column is what is known of the values of one column, or of one leaf.
type column struct {
	leaf
	sort  sort
	rows  int64
	nulls int64
	nans  int64
	infs  int64
	// Few values are counted, many go into a sketch: one of the two is nil.
	counts *counts
	sketch *sketch
	order  order
}

func newColumn(l leaf) *column { return &column{leaf: l, sort: sortOf(l.Type), counts: &counts{}} }

// values is how many values the column has: neither null nor NaN nor infinite.
func (c *column) values() int64 { return c.rows - c.nulls - c.nans - c.infs }

// settle gives up counting the values.
func (c *column) settle() *sketch {
	if c.sketch == nil {
		c.sketch, c.counts = sketchOf(c.counts, c.sort), nil
	}
	return c.sketch
}

// merge adds what is known of other rows of the same column.
func (c *column) merge(o *column, limit int) {
	c.rows, c.nulls, c.nans, c.infs = c.rows+o.rows, c.nulls+o.nulls, c.nans+o.nans, c.infs+o.infs
	c.order.merge(&o.order)
	if c.counts != nil && o.counts != nil && c.addCounts(o.counts, limit) {
		return
	}
	other := o.sketch
	if other == nil {
		other = sketchOf(o.counts, c.sort)
	}
	c.settle().merge(other, c.sort)
}

// addCounts counts what another table has counted, unless these are too many together.
func (c *column) addCounts(o *counts, limit int) bool {
	for i, h := range o.hashes {
		if !c.addCount(o, i, h, o.rows[i], limit) {
			for j := range i { // take back what was added
				c.addCount(o, j, o.hashes[j], -o.rows[j], math.MaxInt)
			}
			c.counts.drop()
			return false
		}
	}
	return true
}

func (c *column) addCount(o *counts, i int, hash uint64, n int64, limit int) bool {
	switch {
	case c.sort.text():
		return c.counts.addText(hash, o.texts[i], n, limit)
	case c.sort == sortWide:
		return c.counts.addWide(hash, o.bits[i], o.wide[i], n, limit)
	}
	return c.counts.addBits(hash, o.bits[i], n, limit)
}

// scratch is memory for the values of one batch that are there.
type scratch struct {
	ints   []int64
	wides  []engine.Int128
	floats []float64
	texts  []string
	hashes []uint64
	x      []float64 // the values as doubles
	rows   []uint64  // hash of each row so far
	places []uint64  // hash of each row's place
}

// Hashes of what is no number.
const (
	hashNull = 0x9e3779b97f4a7c15
	bitsNaN  = 0x7ff8000000000001
)

// add takes a batch of the column, and mixes its values into the hashes of the rows.
func (c *column) add(v *engine.Vector, n int, s *scratch, limit int) {
	c.rows += int64(n)
	s.hashes, s.ints, s.wides, s.floats, s.texts = s.hashes[:0], s.ints[:0], s.wides[:0], s.floats[:0], s.texts[:0]
	switch {
	case v.Ints != nil:
		c.hashInts(v, n, s)
		if c.order.open() {
			addOrder(&c.order, s.ints, cmp.Compare[int64])
		}
		if c.counts != nil {
			for i, h := range s.hashes {
				if !c.counts.addBits(h, uint64(s.ints[i]), 1, limit) {
					c.settle().addInts(s.ints[i:], s.hashes[i:], s.doubles(s.ints[i:]), c.sort)
					return
				}
			}
			return
		}
		c.sketch.addInts(s.ints, s.hashes, s.doubles(s.ints), c.sort)
	case v.Floats != nil:
		c.hashFloats(v, n, s)
		if c.order.open() {
			addOrder(&c.order, s.floats, cmp.Compare[float64])
		}
		if c.counts != nil {
			for i, h := range s.hashes {
				if !c.counts.addBits(h, math.Float64bits(s.floats[i]), 1, limit) {
					c.settle().addFloats(s.floats[i:], s.hashes[i:], s.x)
					return
				}
			}
			return
		}
		c.sketch.addFloats(s.floats, s.hashes, s.x)
	case v.Wide != nil:
		s.wides = hashEach(c, v, v.Wide[:n], s.wides, func(x engine.Int128) uint64 { return hashWide(x.Lo, x.Hi) }, s)
		if c.order.open() {
			addOrder(&c.order, s.wides, func(a, b engine.Int128) int { return cmp.Or(cmp.Compare(a.Hi, b.Hi), cmp.Compare(a.Lo, b.Lo)) })
		}
		if c.counts != nil {
			for i, h := range s.hashes {
				if !c.counts.addWide(h, s.wides[i].Lo, s.wides[i].Hi, 1, limit) {
					c.settle().addWides(s.wides[i:], s.hashes[i:], s.wideDoubles(s.wides[i:]))
					return
				}
			}
			return
		}
		c.sketch.addWides(s.wides, s.hashes, s.wideDoubles(s.wides))
	case v.Texts != nil:
		s.texts = hashEach(c, v, v.Texts[:n], s.texts, hashText, s)
		if c.order.open() {
			addOrder(&c.order, s.texts, strings.Compare)
		}
		if c.counts != nil {
			for i, h := range s.hashes {
				if !c.counts.addText(h, s.texts[i], 1, limit) {
					c.settle().addTexts(s.texts[i:], s.hashes[i:])
					return
				}
			}
			return
		}
		c.sketch.addTexts(s.texts, s.hashes)
	}
}

// row mixes a value's hash into that of its row.
func row(h, value uint64) uint64 { return (h<<23|h>>41)*0xff51afd7ed558ccd ^ value }

func (c *column) hashInts(v *engine.Vector, n int, s *scratch) {
	if v.Valid == nil {
		s.ints = append(s.ints, v.Ints[:n]...)
		for i, x := range s.ints {
			h := mix(uint64(x))
			s.hashes = append(s.hashes, h)
			s.rows[i] = row(s.rows[i], h)
		}
		return
	}
	for i, x := range v.Ints[:n] {
		if v.Null(i) {
			c.nulls++
			s.rows[i] = row(s.rows[i], hashNull)
			continue
		}
		h := mix(uint64(x))
		s.ints, s.hashes = append(s.ints, x), append(s.hashes, h)
		s.rows[i] = row(s.rows[i], h)
	}
}

func (c *column) hashFloats(v *engine.Vector, n int, s *scratch) {
	for i, x := range v.Floats[:n] {
		switch {
		case v.Null(i):
			c.nulls++
			s.rows[i] = row(s.rows[i], hashNull)
			continue
		case x != x:
			c.nans++
			s.rows[i] = row(s.rows[i], bitsNaN)
			continue
		case x == 0:
			x = 0 // the two zeros are one value
		case math.IsInf(x, 0):
			c.infs++
			s.rows[i] = row(s.rows[i], math.Float64bits(x))
			continue
		}
		h := mix(math.Float64bits(x))
		s.floats, s.hashes = append(s.floats, x), append(s.hashes, h)
		s.rows[i] = row(s.rows[i], h)
	}
}

// hashEach hashes the values of a vector that are in xs, and appends those that are there to kept.
func hashEach[T any](c *column, v *engine.Vector, xs, kept []T, hash func(T) uint64, s *scratch) []T {
	for i, x := range xs {
		if v.Null(i) {
			c.nulls++
			s.rows[i] = row(s.rows[i], hashNull)
			continue
		}
		h := hash(x)
		kept, s.hashes = append(kept, x), append(s.hashes, h)
		s.rows[i] = row(s.rows[i], h)
	}
	return kept
}

func hashText(s string) uint64 { return xxhash.Sum64String(s) }

func hashWide(lo uint64, hi int64) uint64 { return mix(lo ^ mix(uint64(hi))) }

// doubles are integers as doubles.
func (s *scratch) doubles(values []int64) []float64 {
	s.x = s.x[:0]
	for _, v := range values {
		s.x = append(s.x, float64(v))
	}
	return s.x
}

func (s *scratch) wideDoubles(values []engine.Int128) []float64 {
	s.x = s.x[:0]
	for _, v := range values {
		s.x = append(s.x, wideFloat(v.Lo, v.Hi))
	}
	return s.x
}

// State is what is known of the rows of a table, or of a part of one. States of the
// parts of a table add up to the state of the table ([State.Merge]), and that of it
// whole is the same, whatever the parts.
type State struct {
	Rows    int64
	columns []*column
	sample  sample
	rows    rowSketch
	values  int // how many values of a column are counted at most
}

// newState is the state of no rows of columns.
func newState(leaves []leaf) *State {
	values, rows := limits(len(leaves))
	s := &State{values: values, sample: sample{size: rows}}
	for _, l := range leaves {
		s.columns = append(s.columns, newColumn(l))
	}
	return s
}

// Merge adds the state of other rows of the same columns.
func (s *State) Merge(o *State) {
	s.Rows += o.Rows
	for i, c := range s.columns {
		c.merge(o.columns[i], s.values)
	}
	s.sample.merge(&o.sample)
	s.rows.merge(&o.rows)
}

// Redact forgets the values of the columns that are named, and of their leaves: what is
// left are counts and, of numbers, a histogram.
func (s *State) Redact(names []string) {
	for i, c := range s.columns {
		if !slices.Contains(names, c.Name) && !slices.Contains(names, c.Of) || c.sort == sortNested {
			continue
		}
		sketch := c.settle()
		sketch.least, sketch.most, sketch.text.least, sketch.text.most = number{}, number{}, "", ""
		sketch.sum, sketch.floats = sum128{}, exactSum{}
		c.order.close()
		for _, r := range s.sample.rows {
			if i < len(r.cells) {
				r.cells[i] = cell{null: true}
			}
		}
	}
}

// rowSketch keeps the least hashes of rows, and how often each came: of a sample of
// the different rows that is the same in whatever order they came.
type rowSketch struct {
	seen  map[uint64]int64
	limit uint64 // hashes from here on are not kept; 0 is no limit
}

// maxRowHashes are how many different rows are told apart exactly.
const maxRowHashes = 8192

func (r *rowSketch) add(hashes []uint64) {
	if r.seen == nil {
		r.seen = map[uint64]int64{}
	}
	for _, h := range hashes {
		if h = mix(h); r.limit == 0 || h < r.limit {
			r.seen[h]++
			if len(r.seen) >= 2*maxRowHashes {
				r.prune()
			}
		}
	}
}

func (r *rowSketch) prune() {
	if len(r.seen) <= maxRowHashes {
		return
	}
	all := make([]uint64, 0, len(r.seen))
	for h := range r.seen {
		all = append(all, h)
	}
	slices.Sort(all)
	for _, h := range all[maxRowHashes:] {
		delete(r.seen, h)
	}
	r.limit = all[maxRowHashes]
}

func (r *rowSketch) merge(o *rowSketch) {
	if r.seen == nil {
		r.seen = map[uint64]int64{}
	}
	if o.limit != 0 && (r.limit == 0 || o.limit < r.limit) {
		r.limit = o.limit
	}
	for h, n := range o.seen {
		r.seen[h] += n
	}
	if r.limit != 0 {
		for h := range r.seen {
			if h >= r.limit {
				delete(r.seen, h)
			}
		}
	}
	r.prune()
}
