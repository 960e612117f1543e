package operations_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/dq-dev/dq/delta"
	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/operations"
	"github.com/dq-dev/dq/table"
)

// Names of the columns in which files keep ids and versions.
var trackedProps = map[string]string{"delta.enableRowTracking": "true",
	"delta.rowTracking.materializedRowIdColumnName": "_row-id-col-1", "delta.rowTracking.materializedRowCommitVersionColumnName": "_row-commit-col-1"}

// trackedRow is a row as readers of its id see it.
type trackedRow struct{ n, rowID, version int64 }

// tracked reads rows by key, with their ids and versions, as the protocol says: those
// that the file keeps for them, else by their place in it.
func tracked(t *testing.T, tb *operations.Table) map[int64]trackedRow {
	t.Helper()
	ctx := context.Background()
	s, err := tb.Delta.Snapshot(ctx, delta.Latest())
	if err != nil {
		t.Fatal(err)
	}
	hidden := s.Schema()
	for _, name := range []string{"_row-id-col-1", "_row-commit-col-1"} {
		hidden.Fields = append(hidden.Fields, table.Field{Name: name, Type: table.Type{Kind: table.Int64}, Nullable: true})
	}
	in := engine.Input{Name: "look", Schema: hidden, Provenance: true}
	if in.Root, err = tb.Where.Dir(); err != nil {
		t.Fatal(err)
	}
	type start struct{ first, version int64 }
	starts := map[string]start{}
	for f, err := range s.Files(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		first, version, ok := s.RowIDs(f)
		if !ok {
			t.Fatalf("%s has no ids", f.Path)
		}
		starts[f.Path] = start{first, version}
		in.Files = append(in.Files, f)
	}
	if _, err := tb.Session.Attach(ctx, in); err != nil {
		t.Fatal(err)
	}
	answer, err := tb.Session.Query(ctx, `SELECT CAST(id AS BIGINT), CAST(n AS BIGINT), "_row-id-col-1", "_row-commit-col-1", dq_file, dq_line FROM look`)
	if err != nil {
		t.Fatal(err)
	}
	out, ids := map[int64]trackedRow{}, map[int64]bool{}
	for _, row := range answer.Values {
		at := starts[row[4].(string)]
		got := trackedRow{row[1].(int64), at.first + row[5].(int64), at.version}
		if id, ok := row[2].(int64); ok {
			got.rowID = id
		}
		if version, ok := row[3].(int64); ok {
			got.version = version
		}
		if _, twice := out[row[0].(int64)]; twice || ids[got.rowID] {
			t.Fatalf("key %v or its row id %d is there twice", row[0], got.rowID)
		}
		out[row[0].(int64)], ids[got.rowID] = got, true
	}
	return out
}

// TestTrackedRows runs random operations on tables that track their rows, against a
// model: a row keeps its id as long as it lives, wherever it is written, and has
// the version that changed it last; a new row's id was never another's. The columns of
// some have other names in files.
func TestTrackedRows(t *testing.T) {
	ctx := context.Background()
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 3))
			tb := open(t)
			props := maps.Clone(trackedProps)
			props["delta.enableDeletionVectors"] = fmt.Sprint(seed%2 == 1)
			by := []string{}
			if seed/2 != 0 {
				by = []string{"p"}
			}
			columns := []map[string]any{column("id", "integer"), column("n", "integer"), column("p", "integer")}
			if seed >= 4 {
				props["delta.columnMapping.mode"], props["delta.columnMapping.maxColumnId"] = "name", "3"
				for i, c := range columns {
					c["metadata"] = map[string]any{"delta.columnMapping.id": i + 1, "delta.columnMapping.physicalName": fmt.Sprintf("col-%d", i)}
				}
			}
			foreignTable(t, tb, props, by, columns...)
			model, used := map[int64]trackedRow{}, map[int64]bool{}
			next := 0
			for step := range 30 {
				before, touched := maps.Clone(model), map[int64]bool{}
				put := func(id int64, n int64) { model[id], touched[id] = trackedRow{n: n}, true }
				var res operations.Result
				var err error
				n := r.IntN(10)
				what := ""
				switch r.IntN(6) {
				case 0, 1:
					what = "append"
					res, err = tb.Append(ctx, fmt.Sprintf("SELECT i AS id, i %% 10 AS n, i %% 3 AS p FROM range(%d, %d) q(i)", next, next+5), operations.Write{})
					for i := next; i < next+5; i++ {
						put(int64(i), int64(i%10))
					}
					next += 5
				case 2:
					what = "delete"
					res, err = tb.Delete(ctx, fmt.Sprintf("n = %d AND id %% 2 = 0", n))
					maps.DeleteFunc(model, func(id int64, x trackedRow) bool { return x.n == int64(n) && id%2 == 0 })
				case 3:
					what = "update"
					res, err = tb.Update(ctx, map[string]string{"n": "(n * 3 + 1) % 10", "p": "(p + 1) % 3"}, fmt.Sprintf("id %% 10 = %d", n))
					for id, x := range model {
						if id%10 == int64(n) {
							put(id, (x.n*3+1)%10)
						}
					}
				case 4:
					what = "merge"
					res, err = tb.Merge(ctx, fmt.Sprintf("SELECT i AS id, 7 AS n, i %% 3 AS p FROM range(%d, %d, 3) q(i)", max(0, next-8), next+4), operations.Merge{On: []string{"id"}})
					for i := max(0, next-8); i < next+4; i += 3 {
						put(int64(i), 7)
					}
					next += 4
				case 5:
					what = "optimize"
					res, err = tb.Optimize(ctx, 0)
				}
				if err != nil {
					t.Fatalf("step %d, %s: %v", step, what, err)
				}
				got := tracked(t, tb)
				if len(got) != len(model) {
					t.Fatalf("step %d, %s: %d rows, want %d", step, what, len(got), len(model))
				}
				for id, want := range model {
					was, old := before[id]
					switch now := got[id]; {
					case now.n != want.n:
						t.Fatalf("step %d, %s: row %d has %d, want %d", step, what, id, now.n, want.n)
					case !touched[id] && now != was:
						t.Fatalf("step %d, %s: row %d, which nothing changed, is %+v, and was %+v", step, what, id, now, was)
					case touched[id] && old && (now.rowID != was.rowID || now.version != *res.Version):
						t.Fatalf("step %d, %s: row %d, which changed in version %d, is %+v, and was %+v", step, what, id, *res.Version, now, was)
					case !old && (used[now.rowID] || now.version != *res.Version):
						t.Fatalf("step %d, %s: the new row %d of version %d is %+v", step, what, id, *res.Version, now)
					default:
						model[id], used[now.rowID] = now, true
					}
				}
			}
			noStrays(t, tb)
		})
	}
}

// TestTrackedRowsWithoutColumns: where the table does not say where ids are kept, rows
// that come get theirs, and those that would move are refused.
func TestTrackedRowsWithoutColumns(t *testing.T) {
	ctx := context.Background()
	tb := open(t)
	foreignTable(t, tb, map[string]string{"delta.enableRowTracking": "true"}, nil, column("id", "integer"), column("n", "integer"))
	if _, err := tb.Append(ctx, "SELECT 1 AS id, 1 AS n UNION ALL SELECT 2, 2", operations.Write{}); err != nil {
		t.Fatal(err)
	}
	if _, err := tb.Delete(ctx, "id = 1"); !errors.Is(err, delta.ErrUnsupported) || !strings.Contains(err.Error(), "do not name the columns") {
		t.Errorf("%v", err)
	}
	noStrays(t, tb)
}
