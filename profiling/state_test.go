package profiling

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/table"
)

// The estimate of different values lies within four standard errors, whatever they are.
func TestDistinctEstimate(t *testing.T) {
	for _, n := range []int{1, 100, 5000, 25900, 300_000, 2_000_000} {
		var h hll
		for i := range n {
			h.add([]uint64{mix(uint64(i))})
		}
		if got := h.estimate(); math.Abs(got/float64(n)-1) > 4*DistinctError {
			t.Errorf("%d different values are estimated as %.0f", n, got)
		}
	}
}

// rows are random ones of every sort of column.
type rows struct {
	leaves []leaf
	ints   [][]int64
	floats []float64
	texts  [][]string
	nulls  []bool
	n      int
}

var everySort = []leaf{
	{Name: "many", Type: table.Type{Kind: table.Int64}}, {Name: "few", Type: table.Type{Kind: table.Int32}},
	{Name: "at", Type: table.Type{Kind: table.Timestamp}}, {Name: "f", Type: table.Type{Kind: table.Double}},
	{Name: "text", Type: table.Type{Kind: table.String}}, {Name: "word", Type: table.Type{Kind: table.String}},
}

func randomRows(r *rand.Rand, n int) rows {
	out := rows{leaves: everySort, n: n}
	wide := int64(1) << r.IntN(60)
	var many, few, at []int64
	var text, word []string
	for range n {
		many = append(many, r.Int64N(wide)-wide/3)
		few = append(few, r.Int64N(9))
		at = append(at, 1_600_000_000_000_000+r.Int64N(1e14)/1000*1000)
		f := math.Exp(r.NormFloat64()*float64(1+r.IntN(3))) - 1
		switch r.IntN(100) {
		case 0:
			f = math.NaN()
		case 1:
			f = math.Inf(1)
		case 2:
			f = math.Copysign(0, -1)
		}
		out.floats = append(out.floats, f)
		text = append(text, fmt.Sprint("t", r.IntN(30_000), "é"))
		word = append(word, []string{"", " ", "a", " b", "A"}[r.IntN(5)])
		out.nulls = append(out.nulls, r.IntN(20) == 0)
	}
	out.ints, out.texts = [][]int64{many, few, at}, [][]string{text, word}
	return out
}

// state is that of the rows from one to another, in batches, which lie in a file.
func (x rows) state(from, to int, file string) *State {
	s := newState(x.leaves)
	v := &visitor{state: s, count: len(x.leaves), places: true}
	for at := from; at < to; at += 1000 {
		end := min(at+1000, to)
		b := &engine.Batch{Rows: end - at}
		valid := make([]uint64, (end-at+63)/64)
		var names []string
		var lines []int64
		for i := at; i < end; i++ {
			if !x.nulls[i] {
				valid[(i-at)/64] |= 1 << ((i - at) % 64)
			}
			names, lines = append(names, file), append(lines, int64(i))
		}
		for _, ints := range x.ints {
			b.Columns = append(b.Columns, engine.Vector{Ints: ints[at:end], Valid: valid})
		}
		b.Columns = append(b.Columns, engine.Vector{Floats: x.floats[at:end], Valid: valid})
		for _, texts := range x.texts {
			b.Columns = append(b.Columns, engine.Vector{Texts: texts[at:end]})
		}
		b.Columns = append(b.Columns, engine.Vector{Texts: names}, engine.Vector{Ints: lines})
		if err := v.visit(b); err != nil {
			panic(err)
		}
	}
	return s
}

// States of parts add up to the state of all, whatever the parts and their order.
func TestStatesAddUp(t *testing.T) {
	for seed := range uint64(12) {
		r := rand.New(rand.NewPCG(seed, 6))
		x := randomRows(r, 100+r.IntN(40_000))
		whole := x.state(0, x.n, "a")
		var parts []*State
		for at := 0; at < x.n; {
			end := min(x.n, at+1+r.IntN(x.n/2+1))
			parts = append(parts, x.state(at, end, "a"))
			at = end
		}
		r.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
		sum := newState(x.leaves)
		for _, p := range parts {
			sum.Merge(p)
		}
		if got, want := profileText(t, sum), profileText(t, whole); got != want {
			a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
			for i := range min(len(a), len(b)) {
				if a[i] != b[i] {
					t.Errorf("seed %d: %d parts come to\n%s\nand the whole to\n%s", seed, len(parts), strings.Join(a[max(0, i-8):i+1], "\n"), strings.Join(b[max(0, i-8):i+1], "\n"))
					break
				}
			}
		}
	}
}

func profileText(t *testing.T, s *State) string {
	t.Helper()
	p := s.Profile(nil)
	for i := range p.Columns { // the last digits of moments depend on the order
		c := &p.Columns[i]
		for _, f := range []*float64{c.Mean, c.StdDev, c.Skewness, c.Kurtosis} {
			if f != nil {
				*f = math.Round(*f*1e6) / 1e6
			}
		}
		if c.Sum != nil {
			if f, ok := c.Sum.(float64); ok {
				c.Sum = math.Round(f*1e6) / 1e6
			}
		}
	}
	data, err := json.MarshalIndent(p, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// What the profile of a state costs, however many rows it is of.
func BenchmarkProfile(b *testing.B) {
	s := randomRows(rand.New(rand.NewPCG(1, 9)), 200_000).state(0, 200_000, "a")
	for b.Loop() {
		s.Profile(nil)
	}
}

// What adding rows to a state costs.
func BenchmarkAdd(b *testing.B) {
	x := randomRows(rand.New(rand.NewPCG(1, 9)), 200_000)
	for b.Loop() {
		x.state(0, x.n, "a")
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(x.n*len(x.leaves)), "ns/value")
}
