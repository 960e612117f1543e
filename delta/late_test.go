package delta

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"
)

// A large checkpoint says of its files what a small one says, whichever question
// comes first.
func TestLateStatistics(t *testing.T) {
	const files = 4000
	st := bigCheckpoint(t, files)
	st.version = 5
	random := rand.NewChaCha8([32]byte{1})
	for _, f := range st.files { // tags make it large
		tag := make([]byte, 3000)
		_, _ = random.Read(tag) // never fails
		f.Tags = map[string]*string{"tag": new(fmt.Sprintf("%x", tag))}
	}
	store := &memory{}
	if err := Open(store).writeCheckpoint(context.Background(), st, f0); err != nil {
		t.Fatal(err)
	}
	name := checkpointName(5)
	if n := len(store.files[name]); n < lateBytes {
		t.Fatalf("the checkpoint has %d bytes", n)
	}
	load := func() *Snapshot {
		s := latest(t, Open(store))
		for _, a := range s.state.files {
			if a.late == nil || a.Stats != nil {
				t.Fatal("the statistics are read at once")
			}
		}
		return s
	}
	said := func(s *Snapshot) map[string]string {
		t.Helper()
		out := map[string]string{}
		for f, err := range s.Files(context.Background()) {
			if err != nil {
				t.Fatal(err)
			}
			c := f.Stats.Columns[len(f.Stats.Columns)-1]
			out[f.Path] = fmt.Sprint(f.Stats.Rows, c.Path, *c.Min, *c.Max, *c.Nulls)
		}
		return out
	}
	reference, err := Open(store).snapshot(context.Background(), st, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := said(reference)
	rows, ok := reference.Rows()
	if !ok || len(want) != files {
		t.Fatal(rows, ok, len(want))
	}
	same := func(s *Snapshot) {
		t.Helper()
		if got := said(s); !maps.Equal(got, want) {
			t.Fatalf("the files say %d things, want %d, or others", len(got), len(want))
		}
	}
	asked := func(s *Snapshot) string {
		t.Helper()
		var out strings.Builder
		for _, where := range [][]Predicate{
			{{Path: []string{"note"}, Op: Less, Values: []string{"aaaa2"}}},
			{{Path: []string{"id"}, Op: Equal, Values: []string{"7"}}, {Path: []string{"note"}, Op: Less, Values: []string{"aaaa2"}}},
			{{Op: Or, Of: []Predicate{{Path: []string{"id"}, Op: Equal, Values: []string{"7"}}, {Path: []string{"note"}, Op: Equal, Values: []string{"zzzz10"}}}}},
			{{Path: []string{"note"}, Op: IsNull}},
		} {
			n := 0
			for f, err := range s.Files(context.Background(), where...) {
				if err != nil {
					t.Fatal(err)
				}
				c := f.Stats.Columns[len(f.Stats.Columns)-1]
				fmt.Fprintln(&out, n, f.Path, f.Stats.Rows, *c.Min, *c.Max)
				n++
			}
		}
		for _, column := range []string{"id", "note"} {
			e, ok, err := s.Extent(column)
			if err != nil || !ok {
				t.Fatal(column, ok, err)
			}
			fmt.Fprintln(&out, column, *e.Min, *e.Max)
		}
		return out.String()
	}
	answers := asked(reference)
	if n := strings.Count(answers, "\n"); n < files/10 || n > 3*files {
		t.Fatalf("%d lines", n)
	}
	local := Dir(t.TempDir())
	for name, data := range store.files {
		if err := local.Put(context.Background(), name, data); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range []*Snapshot{load(), latest(t, Open(local))} {
		if got := asked(s); got != answers {
			t.Fatalf("asked without the texts: %d lines, want %d, or others", strings.Count(got, "\n"), strings.Count(answers, "\n"))
		}
		for _, a := range s.state.files {
			if a.late.read() {
				t.Fatal("the texts are kept")
			}
		}
		same(s)
		stopped(t, s)
		for _, a := range s.state.files {
			if a.late.read() {
				t.Fatal("the texts are kept of a walk over all")
			}
			a.stats()
			break
		}
		same(s)
		if got := asked(s); got != answers {
			t.Fatal("asked with the texts")
		}
	}
	s := load()
	if n, ok := s.Rows(); !ok || n != rows {
		t.Fatalf("%d rows (%t), want %d", n, ok, rows)
	}
	same(s)
	s = load()
	same(s)
	if n, ok := s.Rows(); !ok || n != rows {
		t.Fatalf("after the texts: %d rows (%t), want %d", n, ok, rows)
	}
	// They are part of the next checkpoint.
	again := &memory{}
	if err := Open(again).writeCheckpoint(context.Background(), load().state, f0); err != nil {
		t.Fatal(err)
	}
	same(latest(t, Open(again)))
}

// stopped leaves walks over the files early, by break and by a panic that is not
// taken for a broken checkpoint.
func stopped(t *testing.T, s *Snapshot) {
	t.Helper()
	n := 0
	for range s.Files(context.Background()) {
		if n++; n == 3 {
			break
		}
	}
	func() {
		defer func() {
			if p := recover(); p != "mine" {
				t.Errorf("the panic is %v", p)
			}
		}()
		for range s.Files(context.Background()) {
			panic("mine")
		}
	}()
	ctx, cancel := context.WithCancel(context.Background())
	for _, err := range s.Files(ctx) {
		if n++; err != nil {
			break
		}
		cancel()
	}
	if cancel(); n != 5 {
		t.Errorf("%d files before the end", n)
	}
}

func TestLateStatisticsThatAreBroken(t *testing.T) {
	told := 0
	l := &lateStats{src: inMemory([]byte("PAR1 and no more")), warn: func(error) { told++ }}
	if n := l.rows(3); n != -1 {
		t.Errorf("%d rows", n)
	}
	if text := l.text(3); text != nil {
		t.Errorf("the statistics are %s", *text)
	}
	if told == 0 {
		t.Error("nobody is told")
	}
}
