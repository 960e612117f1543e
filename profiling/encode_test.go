package profiling

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/dq-dev/dq/table"
)

func everySchema() table.Schema {
	var s table.Schema
	for _, l := range everySort {
		s.Fields = append(s.Fields, table.Field{Name: l.Name, Type: l.Type, Nullable: true})
	}
	return s
}

// A state is the same after it was kept, and goes on adding up.
func TestKeptStates(t *testing.T) {
	say := dialect{name: "duckdb"}
	for seed := range uint64(6) {
		x := randomRows(rand.New(rand.NewPCG(seed, 7)), 100+int(seed)*9000)
		half := x.n / 2
		sum := newState(x.leaves)
		for _, part := range []*State{x.state(half, x.n, "a"), x.state(0, half, "a")} {
			var b bytes.Buffer
			if err := part.Encode(&b, MaxSample); err != nil {
				t.Fatal(err)
			}
			kept, err := Decode(&b, say, everySchema())
			if err != nil {
				t.Fatal(err)
			}
			sum.Merge(kept)
		}
		if got, want := profileText(t, sum), profileText(t, x.state(0, x.n, "a")); got != want {
			t.Errorf("seed %d: kept halves come to\n%s\nand the whole to\n%s", seed, got, want)
		}
	}
}

// What is no state is said to be none, and never breaks.
func FuzzDecode(f *testing.F) {
	say := dialect{name: "duckdb"}
	for _, n := range []int{0, 3, 20_000} {
		x := randomRows(rand.New(rand.NewPCG(uint64(n), 8)), n)
		var b bytes.Buffer
		if err := x.state(0, n, "a").Encode(&b, 10); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
		f.Add(b.Bytes()[:b.Len()/2])
	}
	f.Add([]byte(stateFormat))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := Decode(bytes.NewReader(data), say, everySchema())
		if err != nil {
			if !errors.Is(err, ErrState) {
				t.Error(err)
			}
			return
		}
		s.Merge(s)
	})
}
