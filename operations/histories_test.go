package operations_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/dq-dev/dq/delta"
	"github.com/dq-dev/dq/operations"
)

// historyRow is a row of the model.
type historyRow struct {
	id     int
	part   string
	amount int
}

// history is a random walk of one table, and the model: a list of rows, for each
// version that there was.
type history struct {
	t      *testing.T
	r      *rand.Rand
	tb     *operations.Table
	model  []historyRow
	past   map[int64][]historyRow
	amount string // what the column is called now
	mapped bool
}

// text is a SELECT of rows.
func (h *history) text(rs []historyRow) string {
	parts := make([]string, len(rs))
	for i, x := range rs {
		parts[i] = fmt.Sprintf("(%d, '%s', %d)", x.id, x.part, x.amount)
	}
	return "SELECT id, part, amount AS " + h.amount + " FROM (" + values(parts...) + ")"
}

func (h *history) some() []historyRow {
	rs := make([]historyRow, 1+h.r.IntN(5))
	for i := range rs {
		rs[i] = historyRow{h.r.IntN(40), string("abc"[h.r.IntN(3)]), h.r.IntN(100)}
	}
	return rs
}

func (h *history) must(_ operations.Result, err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// step does one thing to the table and to the model, and says what.
func (h *history) step() string {
	ctx, w := context.Background(), operations.Write{}
	switch n := h.r.IntN(100); h.r.IntN(13) {
	case 0, 1:
		rs := h.some()
		h.must(h.tb.Append(ctx, h.text(rs), w))
		h.model = append(h.model, rs...)
		return "append"
	case 2:
		h.must(h.tb.Delete(ctx, fmt.Sprintf("%s < %d AND id %% 3 = 0", h.amount, n)))
		h.model = slices.DeleteFunc(h.model, func(x historyRow) bool { return x.amount < n && x.id%3 == 0 })
		return "delete"
	case 3:
		h.must(h.tb.Update(ctx, map[string]string{h.amount: "(" + h.amount + " * 7) % 100"}, fmt.Sprintf("id = %d OR part = 'b'", n%40)))
		for i, x := range h.model {
			if x.id == n%40 || x.part == "b" {
				h.model[i].amount = x.amount * 7 % 100
			}
		}
		return "update"
	case 4, 5:
		return "merge " + h.merge(n)
	case 6:
		h.must(h.tb.Optimize(ctx, 0))
		return "optimize"
	case 7:
		rs := h.some()
		for i := range rs {
			rs[i].part = "c"
		}
		h.must(h.tb.OverwriteWhere(ctx, h.text(rs), "part = 'c'", w))
		h.model = append(slices.DeleteFunc(h.model, func(x historyRow) bool { return x.part == "c" }), rs...)
		return "overwrite part c"
	case 8:
		rs := h.some()
		s, err := h.tb.Delta.Snapshot(ctx, delta.Latest())
		if err != nil {
			h.t.Fatal(err)
		}
		if len(s.PartitionBy()) == 0 {
			h.must(h.tb.Overwrite(ctx, h.text(rs), w))
			h.model = rs
			return "overwrite"
		}
		h.must(h.tb.OverwritePartitions(ctx, h.text(rs), w))
		came := map[string]bool{}
		for _, x := range rs {
			came[x.part] = true
		}
		h.model = append(slices.DeleteFunc(h.model, func(x historyRow) bool { return came[x.part] }), rs...)
		return "overwrite partitions"
	case 9:
		if !h.mapped {
			return "nothing"
		}
		old := h.amount
		h.amount = map[string]string{"amount": "total", "total": "amount"}[old]
		h.must(h.tb.Alter(ctx, operations.Alteration{RenameColumns: map[string]string{old: h.amount}}))
		return "rename"
	case 10, 11:
		return h.restore()
	default:
		none := time.Duration(0)
		if _, err := h.tb.Delta.Vacuum(ctx, delta.VacuumOptions{Retention: &none, Force: true}); err != nil {
			h.t.Fatal(err)
		}
		return "vacuum"
	}
}

// merge brings one key, so that no key comes twice.
func (h *history) merge(n int) string {
	row := h.some()[0]
	m := operations.Merge{On: []string{"id"}, Matched: []string{"update", "update", "delete", "keep"}[n%4], NotMatched: []string{"insert", "insert", "skip"}[n%3]}
	h.must(h.tb.Merge(context.Background(), h.text([]historyRow{row}), m))
	found := slices.ContainsFunc(h.model, func(x historyRow) bool { return x.id == row.id })
	switch {
	case !found && m.NotMatched == "insert":
		h.model = append(h.model, row)
	case m.Matched == "delete":
		h.model = slices.DeleteFunc(h.model, func(x historyRow) bool { return x.id == row.id })
	case m.Matched == "update":
		for i, x := range h.model {
			if x.id == row.id {
				h.model[i] = row
			}
		}
	}
	return m.Matched + " " + m.NotMatched
}

// restore brings a version back, whose files may be gone.
func (h *history) restore() string {
	ctx := context.Background()
	s, err := h.tb.Delta.Snapshot(ctx, delta.Latest())
	if err != nil {
		h.t.Fatal(err)
	}
	v := h.r.Int64N(s.Version() + 1)
	rs, known := h.past[v]
	if !known {
		return "nothing"
	}
	_, err = h.tb.Delta.Restore(ctx, delta.Version(v), delta.RestoreOptions{})
	if errors.Is(err, delta.ErrInvalid) { // vacuumed
		return "no restore"
	}
	if err != nil {
		h.t.Fatal(err)
	}
	if s, err = h.tb.Delta.Snapshot(ctx, delta.Latest()); err != nil {
		h.t.Fatal(err)
	}
	h.model, h.amount = slices.Clone(rs), s.Schema().Names()[2]
	return fmt.Sprintf("restore %d", v)
}

func (h *history) lines() []string {
	out := make([]string, len(h.model))
	for i, x := range h.model {
		out[i] = fmt.Sprintf("%d %s %d", x.id, x.part, x.amount)
	}
	sort.Strings(out)
	return out
}

// TestHistories runs random operations against a model: on tables with and without
// partitions, deletion vectors, a change data feed, and columns that are found by
// their names, by other names, or by ids.
func TestHistories(t *testing.T) {
	ctx := context.Background()
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			operations.SpliceFrom(t, int64(seed%2)<<40) // every file, or none
			mapping := []string{"none", "name", "id"}[seed%3]
			h := &history{t: t, r: rand.New(rand.NewPCG(seed, 1)), tb: open(t), past: map[int64][]historyRow{}, amount: "amount", mapped: mapping != "none"}
			var by []string
			if seed/2%2 == 1 {
				by = []string{"part"}
			}
			feed := seed%4 != 0
			props := map[string]string{"delta.enableChangeDataFeed": fmt.Sprint(feed), "delta.enableDeletionVectors": fmt.Sprint(seed%5 == 1), "delta.columnMapping.mode": mapping,
				"delta.checkpointInterval": fmt.Sprint(3 + seed), "delta.checkpointPolicy": map[bool]string{true: "v2", false: "classic"}[seed%5 == 0]}
			if _, err := h.tb.Delta.Create("CREATE TABLE", schema(), by, props).Commit(ctx); err != nil {
				t.Fatal(err)
			}
			last, done := []string{}, []string{}
			for range 30 {
				done = append(done, h.step())
				s, err := h.tb.Delta.Snapshot(ctx, delta.Latest())
				if err != nil {
					t.Fatalf("%v: %v", done, err)
				}
				h.past[s.Version()] = slices.Clone(h.model)
				want := h.lines()
				if got := rows(t, h.tb); !slices.Equal(got, want) {
					t.Fatalf("%v: rows\n%s\nwant\n%s", done, strings.Join(got, "\n"), strings.Join(want, "\n"))
				}
				if feed {
					last = followFeed(t, h.tb, last, want)
				}
			}
			if found, err := h.tb.Delta.Fsck(ctx); err != nil || len(found.Problems) > 0 {
				t.Errorf("%v: %v %v", done, found.Problems, err)
			}
		})
	}
}
