package operations_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"

	"github.com/dq-dev/dq/delta"
	"github.com/dq-dev/dq/engine"
)

// look reads an older version.
func (h *history) look() string {
	v := slices.Sorted(maps.Keys(h.past))[h.r.IntN(len(h.past))]
	if v < h.vacuumed {
		return "nothing"
	}
	s, err := h.tb.Delta.Snapshot(context.Background(), delta.Version(v))
	if errors.Is(err, delta.ErrGone) {
		return "gone"
	}
	if err != nil {
		h.t.Fatal(err)
	}
	h.same(s, h.past[v])
	return fmt.Sprintf("look at %d", v)
}

// same holds that a snapshot has the rows of the model, in all ways to ask for them.
func (h *history) same(s *delta.Snapshot, want version) {
	h.t.Helper()
	ctx := context.Background()
	in := engine.Input{Name: "look", Schema: s.Schema(), ByFieldID: s.ColumnMapping() == "id"}
	var err error
	if in.Root, err = h.tb.Where.Dir(); err != nil {
		h.t.Fatal(err)
	}
	for f, err := range s.Files(ctx) {
		if err != nil {
			h.t.Fatal(err)
		}
		in.Files = append(in.Files, f)
	}
	if _, err := h.tb.Session.Attach(ctx, in); err != nil {
		h.t.Fatal(err)
	}
	lines := want.lines()
	if got := h.texts("SELECT " + want.columns() + " FROM look"); !slices.Equal(got, lines) {
		h.t.Fatalf("version %d: rows\n%s\nwant\n%s", s.Version(), strings.Join(got, "\n"), strings.Join(lines, "\n"))
	}
	if n, ok := s.Rows(); ok && n != int64(len(lines)) {
		h.t.Fatalf("version %d: statistics say %d rows, want %d", s.Version(), n, len(lines))
	}
	extent, ok, err := s.Extent("id")
	if err != nil {
		h.t.Fatal(err)
	}
	if ids := want.ids(); ok && value(extent.Min)+" "+value(extent.Max) != ids {
		h.t.Fatalf("version %d: statistics say ids of %s to %s, want %s", s.Version(), value(extent.Min), value(extent.Max), ids)
	}
	// What statistics leave of the files has all rows of a condition.
	low := h.r.Int64N(40)
	if in.Files, err = s.Prune(in.Files, delta.Predicate{Path: []string{"id"}, Op: delta.GreaterOrEqual, Values: []string{fmt.Sprint(low)}}); err != nil {
		h.t.Fatal(err)
	}
	if _, err := h.tb.Session.Attach(ctx, in); err != nil {
		h.t.Fatal(err)
	}
	some := want.clone()
	some.rows = slices.DeleteFunc(some.rows, func(x historyRow) bool { return x.id < low })
	if got := h.texts(fmt.Sprintf("SELECT %s FROM look WHERE id >= %d", want.columns(), low)); !slices.Equal(got, some.lines()) {
		h.t.Fatalf("version %d: of ids from %d, rows\n%s\nwant\n%s", s.Version(), low, strings.Join(got, "\n"), strings.Join(some.lines(), "\n"))
	}
}

// ids are the smallest and the largest.
func (v version) ids() string {
	if len(v.rows) == 0 {
		return value(nil) + " " + value(nil)
	}
	by := func(a, b historyRow) int { return int(a.id - b.id) }
	return fmt.Sprint(slices.MinFunc(v.rows, by).id, slices.MaxFunc(v.rows, by).id)
}

// texts are the texts that a SELECT gives, sorted.
func (h *history) texts(sql string) []string {
	h.t.Helper()
	answer, err := h.tb.Session.Query(context.Background(), sql)
	if err != nil {
		h.t.Fatal(err)
	}
	out := make([]string, len(answer.Values))
	for i, row := range answer.Values {
		out[i], _ = row[0].(string)
	}
	sort.Strings(out)
	return out
}

// follow holds that the rows before, with what the change data feed says that happened since, are
// those of now.
func (h *history) follow(before []string) []string {
	h.t.Helper()
	after, newest := h.now.lines(), h.snapshot().Version()
	from := followed[h.tb] + 1
	if h.anew || from > newest {
		h.anew, followed[h.tb] = false, newest
		return after
	}
	followed[h.tb] = newest
	err, narrowed := h.tb.Changes(context.Background(), "feed", from, newest), h.narrowed
	if h.narrowed = false; narrowed && err != nil && strings.Contains(err.Error(), "is int64 in the file, but int32 in the table") {
		return after
	}
	if err != nil {
		h.t.Fatal(err)
	}
	count := map[string]int{}
	for _, x := range before {
		count[x]++
	}
	for sign, kinds := range map[int]string{1: "'insert', 'update_postimage'", -1: "'delete', 'update_preimage'"} {
		for _, x := range h.texts("SELECT " + h.now.columns() + " FROM feed WHERE _change_type IN (" + kinds + ")") {
			count[x] += sign
		}
	}
	for _, x := range after {
		count[x]--
	}
	for x, n := range count {
		if n != 0 {
			h.t.Fatalf("versions %d to %d: the feed has %s %d times too often", from, newest, x, n)
		}
	}
	return after
}
