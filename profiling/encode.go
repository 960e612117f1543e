package profiling

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/table"
)

// stateFormat begins every encoded state. What is in a state changes with it; states of
// another one are not read.
const stateFormat = "dq.state/1\n"

// ErrState is an encoded state that was cut off, changed, or made of other columns or
// by another version of dq: the rows have to be read again.
var ErrState = errors.New("profiling: this is no state of these columns")

// Encode writes the state, of a sample of at most rows rows: some kB a column, and up
// to 10,000 values each.
func (s *State) Encode(w io.Writer, rows int) error {
	e := &encoder{}
	s.sample.prune()
	s.rows.prune()
	sample := s.sample
	sample.size = min(rows, sample.size)
	sample.rows = slices.Clone(sample.rows)
	sample.prune()
	e.int(s.Rows)
	e.int(int64(len(s.columns)))
	for _, c := range s.columns {
		e.text(c.Name)
		e.text(c.Type.String())
		c.encode(e)
	}
	e.uint(sample.limit)
	e.int(int64(len(sample.rows)))
	if len(sample.rows) > 0 {
		e.int(int64(len(sample.rows[0].cells)))
	}
	for _, r := range sample.rows {
		e.uint(r.hash)
		for _, x := range r.cells {
			e.cell(x)
		}
	}
	e.uint(s.rows.limit)
	e.int(int64(len(s.rows.seen)))
	for h, n := range s.rows.seen {
		e.uint(h)
		e.int(n)
	}
	if _, err := io.WriteString(w, stateFormat); err != nil {
		return err
	}
	z, err := flate.NewWriter(w, flate.BestSpeed)
	if err != nil {
		return err
	}
	if _, err := z.Write(e.b); err != nil {
		return err
	}
	return z.Close()
}

// Decode reads a state of a relation of that schema. An error is [ErrState].
func Decode(r io.Reader, say engine.Dialect, schema table.Schema) (*State, error) {
	spelled, err := spellingOf(say)
	if err != nil {
		return nil, err
	}
	head := make([]byte, len(stateFormat))
	if _, err := io.ReadFull(r, head); err != nil || string(head) != stateFormat {
		return nil, ErrState
	}
	var b bytes.Buffer
	if _, err := io.Copy(&b, io.LimitReader(flate.NewReader(r), 1<<30)); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrState, err)
	}
	d := &decoder{b: b.Bytes()}
	s := newState(layoutOf(spelled, "t", schema, false).leaves())
	s.Rows = d.int()
	if n := d.count(); n != len(s.columns) {
		return nil, ErrState
	}
	for _, c := range s.columns {
		if name, typ := d.text(), d.text(); d.bad || name != c.Name || typ != c.Type.String() {
			return nil, ErrState
		}
		c.decode(d)
	}
	s.sample.limit = d.uint()
	n, width := d.count(), 0
	if n > 0 {
		width = d.count()
	}
	if width > len(s.columns) {
		return nil, ErrState
	}
	for range n {
		r := sampled{d.uint(), make([]cell, width)}
		for j := range r.cells {
			r.cells[j] = d.cell()
		}
		if d.bad {
			return nil, ErrState
		}
		s.sample.rows = append(s.sample.rows, r)
	}
	s.rows.limit = d.uint()
	n = d.count()
	s.rows.seen = make(map[uint64]int64, n)
	for range n {
		h := d.uint()
		s.rows.seen[h] = d.int()
	}
	if d.bad || len(d.b) > 0 {
		return nil, ErrState
	}
	return s, nil
}

func (c *column) encode(e *encoder) {
	for _, n := range []int64{c.rows, c.nulls, c.nans, c.infs} {
		e.int(n)
	}
	c.order.fold(c.sort)
	e.bool(c.order.closed)
	e.int(int64(len(c.order.runs)))
	for _, r := range c.order.runs {
		e.text(r.file)
		e.int(r.line)
		e.cell(r.first)
		e.cell(r.last)
		e.uint(uint64(r.ways))
	}
	if e.bool(c.counts != nil); c.counts != nil {
		e.int(int64(len(c.counts.rows)))
		for i, n := range c.counts.rows {
			e.int(n)
			switch {
			case c.sort.text():
				e.text(c.counts.texts[i])
			case c.sort == sortWide:
				e.fixed(c.counts.bits[i])
				e.int(c.counts.wide[i])
			case c.sort == sortFloat:
				e.fixed(c.counts.bits[i])
			default:
				e.int(int64(c.counts.bits[i]))
			}
		}
		return
	}
	s := c.sketch
	for _, n := range []int64{s.n, s.zeros, s.below} {
		e.int(n)
	}
	e.b = append(e.b, s.hll[:]...)
	e.bool(s.ranged)
	e.bool(s.huge)
	for _, x := range []number{s.least, s.most} {
		e.fixed(x.lo)
		e.int(x.hi)
		e.float(x.f)
	}
	e.fixed(s.sum.lo)
	e.fixed(s.sum.mid)
	e.int(s.sum.hi)
	e.int(s.moments.n)
	for _, f := range []float64{s.floats.high, s.floats.low, s.moments.mean, s.moments.m2, s.moments.m3, s.moments.m4} {
		e.float(f)
	}
	e.int(int64(s.bins.exp))
	e.int(s.bins.base)
	e.counts(s.bins.counts)
	for _, w := range []*window{&s.sizes.negative, &s.sizes.positive, &s.time.days} {
		e.int(int64(w.from))
		e.counts(w.counts)
	}
	t := &s.text
	for _, n := range []int64{t.empty, t.blank, t.untrimmed, t.shortest, t.longest, t.length, int64(s.time.unit)} {
		e.int(n)
	}
	e.text(t.least)
	e.text(t.most)
	e.bool(s.time.tooLong)
}

func (c *column) decode(d *decoder) {
	for _, n := range []*int64{&c.rows, &c.nulls, &c.nans, &c.infs} {
		*n = d.int()
	}
	c.order.closed = d.bool()
	for range d.count() {
		c.order.runs = append(c.order.runs, run{place{d.text(), d.int()}, d.cell(), d.cell(), ways(d.uint())})
	}
	if d.bool() {
		for range d.count() {
			n := d.int()
			switch {
			case c.sort.text():
				text := d.text()
				c.counts.addText(hashText(text), text, n, math.MaxInt)
			case c.sort == sortWide:
				lo, hi := d.fixed(), d.int()
				c.counts.addWide(hashWide(lo, hi), lo, hi, n, math.MaxInt)
			case c.sort == sortFloat:
				bits := d.fixed()
				c.counts.addBits(mix(bits), bits, n, math.MaxInt)
			default:
				bits := uint64(d.int())
				c.counts.addBits(mix(bits), bits, n, math.MaxInt)
			}
			if d.bad {
				return
			}
		}
		return
	}
	s := &sketch{}
	c.sketch, c.counts = s, nil
	for _, n := range []*int64{&s.n, &s.zeros, &s.below} {
		*n = d.int()
	}
	copy(s.hll[:], d.take(len(s.hll)))
	for _, r := range s.hll { // an index of its estimator
		d.bad = d.bad || r > 64-hllBits+1
	}
	s.ranged, s.huge = d.bool(), d.bool()
	for _, x := range []*number{&s.least, &s.most} {
		x.lo, x.hi, x.f = d.fixed(), d.int(), d.float()
	}
	s.sum.lo, s.sum.mid, s.sum.hi = d.fixed(), d.fixed(), d.int()
	s.moments.n = d.int()
	for _, f := range []*float64{&s.floats.high, &s.floats.low, &s.moments.mean, &s.moments.m2, &s.moments.m3, &s.moments.m4} {
		*f = d.float()
	}
	s.bins.exp, s.bins.base, s.bins.counts = int(d.int()), d.int(), d.counts(maxBins)
	d.bad = d.bad || s.bins.exp < -1100 || s.bins.exp > 1100
	for _, w := range []*window{&s.sizes.negative, &s.sizes.positive, &s.time.days} {
		w.from, w.counts = int(d.int()), d.counts(1<<(12+magnitudeBits))
		d.bad = d.bad || w.from > 1<<40 || w.from < -1<<40
	}
	t := &s.text
	unit := int64(0)
	for _, n := range []*int64{&t.empty, &t.blank, &t.untrimmed, &t.shortest, &t.longest, &t.length, &unit} {
		*n = d.int()
	}
	d.bad = d.bad || unit < 0 || unit >= int64(len(timeUnits))
	s.time.unit = int(unit)
	t.least, t.most = d.text(), d.text()
	s.time.tooLong = d.bool()
}

type encoder struct{ b []byte }

func (e *encoder) int(n int64)     { e.b = binary.AppendVarint(e.b, n) }
func (e *encoder) uint(n uint64)   { e.b = binary.AppendUvarint(e.b, n) }
func (e *encoder) fixed(n uint64)  { e.b = binary.LittleEndian.AppendUint64(e.b, n) }
func (e *encoder) float(f float64) { e.fixed(math.Float64bits(f)) }
func (e *encoder) text(s string)   { e.b = append(binary.AppendUvarint(e.b, uint64(len(s))), s...) }

func (e *encoder) bool(b bool) {
	n := byte(0)
	if b {
		n = 1
	}
	e.b = append(e.b, n)
}

func (e *encoder) cell(x cell) {
	e.bool(x.null)
	if !x.null {
		e.uint(x.bits)
		e.text(x.text)
	}
}

func (e *encoder) counts(counts []int64) {
	e.int(int64(len(counts)))
	for _, n := range counts {
		e.int(n)
	}
}

// decoder reads what an encoder wrote. After something that it cannot have written it
// is bad, and gives zeros.
type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) took(n int) {
	if n <= 0 || n > len(d.b) {
		d.bad, d.b = true, nil
		return
	}
	d.b = d.b[n:]
}

func (d *decoder) int() int64 {
	v, n := binary.Varint(d.b)
	d.took(n)
	return v
}

func (d *decoder) uint() uint64 {
	v, n := binary.Uvarint(d.b)
	d.took(n)
	return v
}

// count is a number of things, of each of which at least a byte is still to come.
func (d *decoder) count() int {
	n := d.int()
	if n < 0 || n > int64(len(d.b)) {
		d.bad, d.b = true, nil
		return 0
	}
	return int(n)
}

func (d *decoder) take(n int) []byte {
	if n > len(d.b) {
		d.bad, d.b = true, nil
		return nil
	}
	out := d.b[:n]
	d.b = d.b[n:]
	return out
}

func (d *decoder) fixed() uint64 {
	if b := d.take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

func (d *decoder) float() float64 { return math.Float64frombits(d.fixed()) }

func (d *decoder) text() string {
	n := d.uint()
	if n > uint64(len(d.b)) {
		d.bad, d.b = true, nil
		return ""
	}
	return string(d.take(int(n)))
}

func (d *decoder) bool() bool {
	b := d.take(1)
	return b != nil && b[0] == 1
}

func (d *decoder) cell() cell {
	if d.bool() {
		return cell{null: true}
	}
	return cell{bits: d.uint(), text: d.text()}
}

func (d *decoder) counts(most int) []int64 {
	n := d.count()
	if n > most {
		d.bad = true
		return nil
	}
	out := make([]int64, n)
	for i := range out {
		out[i] = d.int()
	}
	if n == 0 {
		return nil
	}
	return out
}
