package operations_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dq-dev/dq/delta"
	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/operations"
	"github.com/dq-dev/dq/table"
)

// historyRow is a row of the model.
type historyRow struct {
	id     int64
	part   string
	amount int64
	note   string // "" is null
}

// version is what the model knows of a version of the table.
type version struct {
	rows        []historyRow
	amount      string // what the column is called
	noted       bool   // there is a column note
	constrained bool   // amount must not be negative
	wide        bool   // ids and amounts are of 64 bits
}

// history is a random walk of one table, and the model: a list of rows, for each
// version that there was.
type history struct {
	t        *testing.T
	r        *rand.Rand
	tb       *operations.Table
	now      version
	past     map[int64]version
	vacuumed int64 // older versions may lack files
	dropped  bool  // a column was, which a restore brings back without a change of rows
	anew     bool  // the feed does not tell of the last step
	narrowed bool  // its types are those of before, and need not hold what went
	mapping  string
	large    bool // other writers bring files of several row groups
}

// lines are the rows as texts, whatever columns the table has.
func (v version) lines() []string {
	out := make([]string, len(v.rows))
	for i, x := range v.rows {
		out[i] = fmt.Sprint(x.id, " ", x.part, " ", x.amount, " ", x.note)
	}
	sort.Strings(out)
	return out
}

func (v version) clone() version {
	v.rows = slices.Clone(v.rows)
	return v
}

// columns is a SELECT list that gives the columns of the model.
func (v version) columns() string {
	note := "''"
	if v.noted {
		note = "coalesce(note, '')"
	}
	return fmt.Sprintf("concat_ws(' ', id, part, %s, %s)", v.amount, note)
}

// text is a SELECT of rows.
func (h *history) text(rs []historyRow, noted bool) string {
	parts := make([]string, len(rs))
	for i, x := range rs {
		note := "NULL"
		if x.note != "" {
			note = "'" + x.note + "'"
		}
		parts[i] = fmt.Sprintf("(%d, '%s', %d, CAST(%s AS VARCHAR))", x.id, x.part, x.amount, note)
	}
	columns := "id, part, amount AS " + h.now.amount
	if noted {
		columns += ", note"
	}
	return "SELECT " + columns + " FROM (VALUES " + strings.Join(parts, ", ") + ") v(id, part, amount, note)"
}

func (h *history) some() []historyRow {
	rs := make([]historyRow, 1+h.r.IntN(5))
	for i := range rs {
		rs[i] = historyRow{id: h.r.Int64N(40), part: string("abc"[h.r.IntN(3)]), amount: h.r.Int64N(100)}
		if h.now.wide && h.r.IntN(3) == 0 {
			rs[i].amount += 1 << 40
		}
		if h.now.noted && h.r.IntN(2) == 0 {
			rs[i].note = "n" + strconv.Itoa(h.r.IntN(5))
		}
	}
	return rs
}

func (h *history) must(_ operations.Result, err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *history) snapshot() *delta.Snapshot {
	h.t.Helper()
	s, err := h.tb.Delta.Snapshot(context.Background(), delta.Latest())
	if err != nil {
		h.t.Fatal(err)
	}
	return s
}

func (h *history) alter(a operations.Alteration) {
	h.t.Helper()
	h.must(h.tb.Alter(context.Background(), a))
}

// step does one thing to the table and to the model, and says what.
func (h *history) step() string {
	ctx, w := context.Background(), operations.Write{}
	switch n := h.r.Int64N(100); h.r.IntN(24) {
	case 0, 1:
		rs := h.some()
		h.must(h.tb.Append(ctx, h.text(rs, h.now.noted), w))
		h.now.rows = append(h.now.rows, rs...)
		return "append"
	case 2:
		h.must(h.tb.Delete(ctx, fmt.Sprintf("%s < %d AND id %% 3 = 0", h.now.amount, n)))
		h.drop(func(x historyRow) bool { return x.amount < n && x.id%3 == 0 })
		return "delete"
	case 3:
		h.must(h.tb.Update(ctx, map[string]string{h.now.amount: "(" + h.now.amount + " % 1000 * 7) % 100"}, fmt.Sprintf("id = %d OR part = 'b'", n%40)))
		for i, x := range h.now.rows {
			if x.id == n%40 || x.part == "b" {
				h.now.rows[i].amount = x.amount % 1000 * 7 % 100
			}
		}
		return "update"
	case 4, 5:
		return "merge " + h.merge(int(n))
	case 6:
		h.must(h.tb.Optimize(ctx, 0))
		return "optimize"
	case 7:
		rs := h.some()
		for i := range rs {
			rs[i].part = "c"
		}
		h.must(h.tb.OverwriteWhere(ctx, h.text(rs, h.now.noted), "part = 'c'", w))
		h.drop(func(x historyRow) bool { return x.part == "c" })
		h.now.rows = append(h.now.rows, rs...)
		return "overwrite part c"
	case 8:
		return h.overwrite()
	case 9:
		return h.rename()
	case 10, 11:
		return h.restore()
	case 12:
		none := time.Duration(0)
		if _, err := h.tb.Delta.Vacuum(ctx, delta.VacuumOptions{Retention: &none, Force: true}); err != nil {
			h.t.Fatal(err)
		}
		h.vacuumed = h.snapshot().Version()
		return "vacuum"
	case 13:
		return h.age()
	case 14:
		h.reopen()
		return "open again"
	case 15:
		return h.constrain()
	case 16, 17:
		return h.mergeSchema()
	case 18:
		return h.widen()
	case 19, 20:
		return h.foreign()
	case 21:
		on := h.snapshot().Properties()["delta.enableDeletionVectors"] != "true"
		h.alter(operations.Alteration{Set: map[string]string{"delta.enableDeletionVectors": fmt.Sprint(on)}})
		return fmt.Sprint("deletion vectors ", on)
	case 22:
		if n < 90 {
			return "nothing"
		}
		h.must(h.tb.Delete(ctx, ""))
		h.now.rows = nil
		return "delete all"
	default:
		return h.look()
	}
}

func (h *history) drop(gone func(historyRow) bool) { h.now.rows = slices.DeleteFunc(h.now.rows, gone) }

// merge brings one key, so that no key comes twice.
func (h *history) merge(n int) string {
	row := h.some()[0]
	m := operations.Merge{On: []string{"id"}, Matched: []string{"update", "update", "delete", "keep"}[n%4], NotMatched: []string{"insert", "insert", "skip"}[n%3]}
	h.must(h.tb.Merge(context.Background(), h.text([]historyRow{row}, h.now.noted), m))
	found := slices.ContainsFunc(h.now.rows, func(x historyRow) bool { return x.id == row.id })
	switch {
	case !found && m.NotMatched == "insert":
		h.now.rows = append(h.now.rows, row)
	case m.Matched == "delete":
		h.drop(func(x historyRow) bool { return x.id == row.id })
	case m.Matched == "update":
		for i, x := range h.now.rows {
			if x.id == row.id {
				h.now.rows[i] = row
			}
		}
	}
	return m.Matched + " " + m.NotMatched
}

// overwrite replaces everything, or the partitions that rows come in.
func (h *history) overwrite() string {
	ctx, rs := context.Background(), h.some()
	sql := h.text(rs, h.now.noted)
	if len(h.snapshot().PartitionBy()) == 0 {
		h.must(h.tb.Overwrite(ctx, sql, operations.Write{}))
		h.now.rows = rs
		return "overwrite"
	}
	h.must(h.tb.OverwritePartitions(ctx, sql, operations.Write{}))
	came := map[string]bool{}
	for _, x := range rs {
		came[x.part] = true
	}
	h.drop(func(x historyRow) bool { return came[x.part] })
	h.now.rows = append(h.now.rows, rs...)
	return "overwrite partitions"
}

func (h *history) rename() string {
	if h.mapping == "none" {
		return "nothing"
	}
	old := h.now.amount
	next := map[string]string{"amount": "total", "total": "amount"}[old]
	a := operations.Alteration{RenameColumns: map[string]string{old: next}}
	if h.now.constrained {
		if _, err := h.tb.Alter(context.Background(), a); !errors.Is(err, delta.ErrInvalid) {
			h.t.Fatalf("the column of a constraint is renamed: %v", err)
		}
		return "no rename"
	}
	h.alter(a)
	h.now.amount = next
	return "rename"
}

// constrain adds a constraint, which a row that breaks it then does not pass, or drops it.
func (h *history) constrain() string {
	ctx := context.Background()
	if h.now.constrained {
		bad := []historyRow{{id: 1, part: "a", amount: -1}}
		for what, do := range map[string]func() (operations.Result, error){
			"append": func() (operations.Result, error) { return h.tb.Append(ctx, h.text(bad, false), operations.Write{}) },
			"update": func() (operations.Result, error) {
				return h.tb.Update(ctx, map[string]string{h.now.amount: "-1"}, "")
			},
		} {
			if res, err := do(); !errors.Is(err, delta.ErrInvalid) && (what == "append" || len(h.now.rows) > 0) {
				h.t.Fatalf("%s breaks the constraint: %+v, %v", what, res, err)
			}
		}
		if h.r.IntN(2) == 0 {
			return "constraint held"
		}
		h.alter(operations.Alteration{DropConstraints: []string{"whole"}})
		h.now.constrained = false
		return "drop constraint"
	}
	h.alter(operations.Alteration{AddConstraints: map[string]string{"whole": h.now.amount + " >= 0"}})
	h.now.constrained = true
	return "add constraint"
}

// mergeSchema brings a column with the rows of one of the ways to write, or takes it away
// where that is possible.
func (h *history) mergeSchema() string {
	ctx := context.Background()
	if h.now.noted && h.mapping != "none" && h.r.IntN(3) == 0 {
		h.alter(operations.Alteration{DropColumns: []string{"note"}})
		h.now.noted, h.dropped, h.anew = false, true, true
		for i := range h.now.rows {
			h.now.rows[i].note = ""
		}
		return "drop note"
	}
	rs := h.some()
	for i := range rs {
		rs[i].note = "m" + strconv.Itoa(h.r.IntN(5))
	}
	sql, w := h.text(rs, true), operations.Write{MergeSchema: true}
	switch h.r.IntN(3) {
	case 0:
		rs = rs[:1]
		h.must(h.tb.Merge(ctx, h.text(rs, true), operations.Merge{On: []string{"id"}, Matched: "update", MergeSchema: true}))
		times := 0
		for i, x := range h.now.rows {
			if x.id == rs[0].id {
				h.now.rows[i], times = rs[0], times+1
			}
		}
		if times > 0 {
			rs = nil
		}
	case 1:
		h.must(h.tb.OverwriteWhere(ctx, sql, "id >= 0", w))
		h.drop(func(x historyRow) bool { return x.id >= 0 })
	default:
		h.must(h.tb.Append(ctx, sql, w))
	}
	h.now.rows, h.now.noted = append(h.now.rows, rs...), true
	return "merge schema"
}

// widen makes integers wider, by themselves or with rows that are.
func (h *history) widen() string {
	long := table.Type{Kind: table.Int64}
	a := operations.Alteration{WidenColumns: map[string]table.Type{"id": long, h.now.amount: long}}
	if h.now.wide || h.now.constrained {
		if _, err := h.tb.Alter(context.Background(), a); !errors.Is(err, delta.ErrInvalid) && (h.now.wide || len(h.now.rows) > 0) {
			h.t.Fatalf("columns that are wide already, or used by a constraint, are widened: %v", err)
		} else if err == nil {
			h.now.wide = true
		}
		return "no widening"
	}
	if h.r.IntN(2) == 0 {
		h.alter(a)
		h.now.wide = true
		return "widen"
	}
	h.alter(operations.Alteration{Set: map[string]string{"delta.enableTypeWidening": "true"}})
	h.past[h.snapshot().Version()] = h.now.clone()
	row := historyRow{id: 7, part: "a", amount: 1 << 41}
	sql := "SELECT CAST(id AS BIGINT) AS id, part, " + h.now.amount + " FROM (" + h.text([]historyRow{row}, false) + ")"
	h.must(h.tb.Append(context.Background(), sql, operations.Write{MergeSchema: true}))
	h.now.rows, h.now.wide = append(h.now.rows, row), true
	return "widen by rows"
}

// foreign adds files as another writer might: without statistics, or with the number
// of rows alone, some of several row groups.
func (h *history) foreign() string {
	ctx, s := context.Background(), h.snapshot()
	rs := h.some()
	if h.large && h.r.IntN(3) == 0 {
		for i := range 4500 {
			rs = append(rs, historyRow{id: int64(i % 3000), part: rs[0].part, amount: int64(i % 100)})
		}
	}
	dir, err := h.tb.Where.Dir()
	if err != nil {
		h.t.Fatal(err)
	}
	staged, _, err := h.tb.Session.Stage(ctx, engine.StageRequest{SQL: h.text(rs, h.now.noted), Schema: s.Schema(), PartitionBy: s.PartitionBy(), Root: dir, Dir: "theirs", GroupRows: 2048})
	if err != nil {
		h.t.Fatal(err)
	}
	x := s.Begin("WRITE")
	x.Upholds("columnMapping", "checkConstraints")
	for _, st := range staged {
		st.File.Stats.Columns = nil
		if h.r.IntN(2) == 0 {
			st.File.Stats = nil
		}
		x.Add(st.File)
	}
	if _, err := x.Commit(ctx); err != nil {
		h.t.Fatal(err)
	}
	h.now.rows = append(h.now.rows, rs...)
	return fmt.Sprintf("%d foreign rows", len(rs))
}

// reopen forgets what is known of the table.
func (h *history) reopen() {
	old := h.tb
	h.tb = &operations.Table{Where: old.Where, Delta: delta.Open(old.Where.Store()), Session: old.Session, Dialect: old.Dialect}
	followed[h.tb] = followed[old]
}

// age makes the log old, so that the next checkpoint cleans it up, and the hint to
// the newest checkpoint goes.
func (h *history) age() string {
	dir, err := h.tb.Where.Dir()
	if err != nil {
		h.t.Fatal(err)
	}
	names, err := filepath.Glob(filepath.Join(dir, "_delta_log", "*"))
	if err != nil {
		h.t.Fatal(err)
	}
	old := time.Now().AddDate(0, 0, -40)
	for _, name := range names {
		if filepath.Base(name) == "_last_checkpoint" {
			err = os.Remove(name)
		} else {
			err = os.Chtimes(name, old, old)
		}
		if err != nil {
			h.t.Fatal(err)
		}
	}
	h.reopen()
	return "age"
}

// restore brings a version back, whose files may be gone.
func (h *history) restore() string {
	ctx := context.Background()
	v := h.r.Int64N(h.snapshot().Version() + 1)
	was, known := h.past[v]
	if !known {
		return "nothing"
	}
	_, err := h.tb.Delta.Restore(ctx, delta.Version(v), delta.RestoreOptions{})
	if errors.Is(err, delta.ErrInvalid) && v < h.vacuumed || errors.Is(err, delta.ErrGone) { // vacuumed, or cleaned up
		return "no restore"
	}
	if err != nil {
		h.t.Fatal(err)
	}
	h.dropped = h.dropped || h.now.noted != was.noted
	h.anew = h.dropped // the feed has the columns of the version that it ends with
	h.narrowed = h.now.wide && !was.wide
	h.now = was.clone()
	return fmt.Sprintf("restore %d", v)
}

// historySeeds is how many histories are tried: $DQ_HISTORIES says of more.
func historySeeds(t *testing.T) uint64 {
	if text := os.Getenv("DQ_HISTORIES"); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	return 14
}

// TestHistories runs random operations, changes of what the table is, files of other
// writers, and keeping of the log, against a model: on tables with and without
// partitions, deletion vectors, a change data feed, and columns that are found by
// their names, by other names, or by ids.
func TestHistories(t *testing.T) {
	ctx := context.Background()
	for seed := range historySeeds(t) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			operations.SpliceFrom(t, int64(seed%2)<<40) // every file, or none
			r := rand.New(rand.NewPCG(seed, 1))
			h := &history{t: t, r: r, tb: open(t), now: version{amount: "amount"}, past: map[int64]version{}, mapping: []string{"none", "name", "id"}[seed%3], large: seed%4 == 2}
			var by []string
			if seed/2%2 == 1 {
				by = []string{"part"}
			}
			feed := seed%4 != 0
			props := map[string]string{"delta.enableChangeDataFeed": fmt.Sprint(feed), "delta.enableDeletionVectors": fmt.Sprint(seed%5 == 1), "delta.columnMapping.mode": h.mapping,
				"delta.checkpointInterval": fmt.Sprint(3 + seed%12), "delta.checkpointPolicy": map[bool]string{true: "v2", false: "classic"}[seed%5 == 0]}
			if _, err := h.tb.Delta.Create("CREATE TABLE", schema(), by, props).Commit(ctx); err != nil {
				t.Fatal(err)
			}
			h.past[0] = h.now.clone()
			last, done := []string{}, []string{}
			defer func() {
				if t.Failed() {
					t.Logf("seed %d, %v: %s", seed, props, strings.Join(done, ", "))
				}
			}()
			for range 30 {
				done = append(done, "?")
				done[len(done)-1] = h.step()
				s := h.snapshot()
				h.past[s.Version()] = h.now.clone()
				h.same(s, h.now)
				if feed {
					last = h.follow(last)
				}
			}
			if found, err := h.tb.Delta.Fsck(ctx); err != nil || len(found.Problems) > 0 {
				t.Errorf("%v %v", found.Problems, err)
			}
		})
	}
}
