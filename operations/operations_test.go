package operations_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/dq-dev/dq/delta"
	"github.com/dq-dev/dq/delta/location"
	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/engine/duckdb"
	"github.com/dq-dev/dq/operations"
	"github.com/dq-dev/dq/table"
)

// open gives a table in a folder of its own, and a session.
func open(t *testing.T) *operations.Table {
	t.Helper()
	return openAt(t, filepath.Join(t.TempDir(), "orders"), os.Getenv)
}

func openAt(t *testing.T, at string, getenv func(string) string) *operations.Table {
	t.Helper()
	eng, err := duckdb.Open(duckdb.Config{Threads: 2, TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = eng.Close() })
	s, err := eng.Session(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	where, err := location.Open(at, getenv)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = where.Close() })
	return &operations.Table{Where: where, Delta: delta.Open(where.Store()), Session: s, Dialect: eng.Dialect()}
}

// values is a SELECT of rows (id, part, amount).
func values(rows ...string) string {
	return "SELECT * FROM (VALUES " + strings.Join(rows, ", ") + ") v(id, part, amount)"
}

// rows reads the table: every row as one text, sorted.
func rows(t *testing.T, tb *operations.Table) []string {
	t.Helper()
	ctx := context.Background()
	s, err := tb.Delta.Snapshot(ctx, delta.Latest())
	if err != nil {
		t.Fatal(err)
	}
	in := engine.Input{Name: "look", Schema: s.Schema()}
	if in.Root, err = tb.Where.Dir(); err != nil {
		t.Fatal(err)
	}
	for f, err := range s.Files(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		in.Files = append(in.Files, f)
	}
	if _, err := tb.Session.Attach(ctx, in); err != nil {
		t.Fatal(err)
	}
	answer, err := tb.Session.Query(ctx, "SELECT * FROM look")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, row := range answer.Values {
		out = append(out, strings.Trim(fmt.Sprint(row), "[]"))
	}
	sort.Strings(out)
	return out
}

func TestOperations(t *testing.T) {
	ctx := context.Background()
	start := values("(1, 'a', 10)", "(2, 'a', 20)", "(3, 'b', 30)", "(NULL, 'b', 40)")
	for _, c := range []struct {
		name string
		do   func(tb *operations.Table) (operations.Result, error)
		want []string // rows afterwards
		fail string   // or what the error says
	}{
		{"append", func(tb *operations.Table) (operations.Result, error) {
			return tb.Append(ctx, values("(4, 'c', 50)"), operations.Write{})
		}, []string{"1 a 10", "2 a 20", "3 b 30", "4 c 50", "<nil> b 40"}, ""},
		{"append by name, missing is null", func(tb *operations.Table) (operations.Result, error) {
			return tb.Append(ctx, "SELECT 'c' AS PART, 4 AS id", operations.Write{})
		}, []string{"1 a 10", "2 a 20", "3 b 30", "4 c <nil>", "<nil> b 40"}, ""},
		{"append of another column", func(tb *operations.Table) (operations.Result, error) {
			return tb.Append(ctx, "SELECT 4 AS id, 'x' AS note", operations.Write{})
		}, nil, "the table has no column note; it has id, part, amount"},
		{"append with another column", func(tb *operations.Table) (operations.Result, error) {
			return tb.Append(ctx, "SELECT 4 AS id, 'x' AS note", operations.Write{MergeSchema: true})
		}, []string{"1 a 10 <nil>", "2 a 20 <nil>", "3 b 30 <nil>", "4 <nil> <nil> x", "<nil> b 40 <nil>"}, ""},
		{"append of what does not fit", func(tb *operations.Table) (operations.Result, error) {
			return tb.Append(ctx, "SELECT 1.5 AS amount", operations.Write{})
		}, nil, `column "amount"`},
		{"append of nothing", func(tb *operations.Table) (operations.Result, error) {
			return tb.Append(ctx, values("(4, 'c', 50)")+" WHERE false", operations.Write{})
		}, []string{"1 a 10", "2 a 20", "3 b 30", "<nil> b 40"}, ""},
		{"SQL that reads a file", func(tb *operations.Table) (operations.Result, error) {
			return tb.Append(ctx, "SELECT * FROM read_csv('/etc/passwd')", operations.Write{})
		}, nil, "read_csv"},
		{"overwrite", func(tb *operations.Table) (operations.Result, error) {
			return tb.Overwrite(ctx, values("(9, 'z', 90)"), operations.Write{})
		}, []string{"9 z 90"}, ""},
		{"overwrite with other columns", func(tb *operations.Table) (operations.Result, error) {
			return tb.Overwrite(ctx, "SELECT 'only' AS word, 'a' AS part", operations.Write{OverwriteSchema: true})
		}, []string{"only a"}, ""},
		{"overwrite without the partition column", func(tb *operations.Table) (operations.Result, error) {
			return tb.Overwrite(ctx, "SELECT 'only' AS word", operations.Write{OverwriteSchema: true})
		}, nil, `no column "part" to partition by`},
		{"overwrite with nothing", func(tb *operations.Table) (operations.Result, error) {
			return tb.Overwrite(ctx, values("(9, 'z', 90)")+" WHERE false", operations.Write{})
		}, nil, ""},
		{"overwrite a part", func(tb *operations.Table) (operations.Result, error) {
			return tb.OverwriteWhere(ctx, values("(9, 'a', 90)"), "part = 'a'", operations.Write{})
		}, []string{"3 b 30", "9 a 90", "<nil> b 40"}, ""},
		{"overwrite a part with rows of another", func(tb *operations.Table) (operations.Result, error) {
			return tb.OverwriteWhere(ctx, values("(9, 'b', 90)"), "part = 'a'", operations.Write{})
		}, nil, "part = 'a', the part that is replaced, does not hold for 1 of the new rows"},
		{"overwrite partitions", func(tb *operations.Table) (operations.Result, error) {
			return tb.OverwritePartitions(ctx, values("(9, 'a', 90)"), operations.Write{PartitionBy: []string{"PART"}})
		}, []string{"3 b 30", "9 a 90", "<nil> b 40"}, ""},
		{"delete", func(tb *operations.Table) (operations.Result, error) {
			return tb.Delete(ctx, "amount >= 20 AND id IS NOT NULL")
		},
			[]string{"1 a 10", "<nil> b 40"}, ""},
		{"delete where it is not known", func(tb *operations.Table) (operations.Result, error) { return tb.Delete(ctx, "id > 2") },
			[]string{"1 a 10", "2 a 20", "<nil> b 40"}, ""},
		{"delete all", func(tb *operations.Table) (operations.Result, error) { return tb.Delete(ctx, "") }, nil, ""},
		{"delete none", func(tb *operations.Table) (operations.Result, error) { return tb.Delete(ctx, "id = 77") },
			[]string{"1 a 10", "2 a 20", "3 b 30", "<nil> b 40"}, ""},
		{"a condition that ends early", func(tb *operations.Table) (operations.Result, error) { return tb.Delete(ctx, "false) OR (true") },
			nil, "the condition: syntax error"},
		{"a condition that is none", func(tb *operations.Table) (operations.Result, error) { return tb.Delete(ctx, "id") },
			nil, "the condition is int"},
		{"a condition with a comment", func(tb *operations.Table) (operations.Result, error) { return tb.Delete(ctx, "id = 1 -- one") },
			[]string{"2 a 20", "3 b 30", "<nil> b 40"}, ""},
		{"a condition with a statement", func(tb *operations.Table) (operations.Result, error) {
			return tb.Delete(ctx, "true); DROP TABLE t; SELECT (1")
		}, nil, "the condition: syntax error"},
		{"an unknown column", func(tb *operations.Table) (operations.Result, error) { return tb.Delete(ctx, "idd = 1") }, nil, "idd"},
		{"update", func(tb *operations.Table) (operations.Result, error) {
			return tb.Update(ctx, map[string]string{"amount": "amount + id", "id": "id * 10"}, "part = 'a'")
		}, []string{"10 a 11", "20 a 22", "3 b 30", "<nil> b 40"}, ""},
		{"update in another case", func(tb *operations.Table) (operations.Result, error) {
			return tb.Update(ctx, map[string]string{"AMOUNT": "Amount + ID"}, "PART = 'a'")
		}, []string{"1 a 11", "2 a 22", "3 b 30", "<nil> b 40"}, ""},
		{"update of a column in two cases", func(tb *operations.Table) (operations.Result, error) {
			return tb.Update(ctx, map[string]string{"AMOUNT": "1", "amount": "2"}, "")
		}, nil, "column amount is set twice"},
		{"update of an unknown column", func(tb *operations.Table) (operations.Result, error) {
			return tb.Update(ctx, map[string]string{"amout": "1"}, "")
		}, nil, `no column "amout"`},
		{"merge", func(tb *operations.Table) (operations.Result, error) {
			return tb.Merge(ctx, values("(2, 'a', 21)", "(5, 'c', 50)", "(NULL, 'n', 1)"), operations.Merge{On: []string{"id"}})
		}, []string{"1 a 10", "2 a 21", "3 b 30", "5 c 50", "<nil> b 40", "<nil> n 1"}, ""},
		{"merge of some columns", func(tb *operations.Table) (operations.Result, error) {
			return tb.Merge(ctx, "SELECT 2 AS id, 99 AS amount", operations.Merge{On: []string{"id"}})
		}, []string{"1 a 10", "2 a 99", "3 b 30", "<nil> b 40"}, ""},
		{"merge that inserts only", func(tb *operations.Table) (operations.Result, error) {
			return tb.Merge(ctx, values("(2, 'a', 21)", "(5, 'c', 50)"), operations.Merge{On: []string{"id"}, Matched: "keep"})
		}, []string{"1 a 10", "2 a 20", "3 b 30", "5 c 50", "<nil> b 40"}, ""},
		{"merge that deletes", func(tb *operations.Table) (operations.Result, error) {
			return tb.Merge(ctx, "SELECT 2 AS id", operations.Merge{On: []string{"id"}, Matched: "delete", NotMatched: "skip"})
		}, []string{"1 a 10", "3 b 30", "<nil> b 40"}, ""},
		{"merge with a key twice", func(tb *operations.Table) (operations.Result, error) {
			return tb.Merge(ctx, values("(2, 'a', 21)", "(2, 'a', 22)"), operations.Merge{On: []string{"id"}})
		}, nil, "1 keys (id) of the table come more than once"},
		{"optimize", func(tb *operations.Table) (operations.Result, error) { return tb.Optimize(ctx, 0) },
			[]string{"1 a 10", "2 a 20", "3 b 30", "<nil> b 40"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			tb := open(t)
			if _, err := tb.Append(ctx, start, operations.Write{PartitionBy: []string{"part"}}); err != nil {
				t.Fatal(err)
			}
			before := rows(t, tb)
			_, err := c.do(tb)
			switch {
			case c.fail != "":
				if err == nil || !strings.Contains(err.Error(), c.fail) {
					t.Fatalf("want an error with %q, got %v", c.fail, err)
				}
				c.want = before
			case err != nil:
				t.Fatal(err)
			}
			if got := rows(t, tb); !slices.Equal(got, c.want) {
				t.Errorf("rows %q, want %q", got, c.want)
			}
			noStrays(t, tb)
		})
	}
}

// noStrays holds that a failed operation leaves no file behind: each one below the
// table is named by a commit.
func noStrays(t *testing.T, tb *operations.Table) {
	t.Helper()
	ctx := context.Background()
	known := map[string]bool{}
	vectors := map[string]bool{}
	var files []string
	for f, err := range tb.Where.Store().Walk(ctx, "") {
		if err != nil {
			t.Fatal(err)
		}
		switch name := f.Name; {
		case strings.HasPrefix(name, "_delta_log/") && strings.HasSuffix(name, ".json"):
			text, err := tb.Where.Store().Read(ctx, name)
			if err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(string(text)) {
				var a struct {
					Add, Cdc *struct {
						Path           string
						DeletionVector *struct{ StorageType, PathOrInlineDv string }
					}
				}
				if err := json.Unmarshal([]byte(line), &a); err != nil {
					t.Fatal(err)
				}
				if a.Cdc != nil {
					known[a.Cdc.Path] = true
				}
				if a.Add != nil {
					known[a.Add.Path] = true
					if d := a.Add.DeletionVector; d != nil && d.StorageType == "u" {
						vectors[d.PathOrInlineDv] = true
					}
				}
			}
		case !strings.HasPrefix(name, "_delta_log/") && !strings.HasPrefix(name, "_dq_"):
			files = append(files, name)
		}
	}
	n := 0
	for _, name := range files {
		if strings.HasPrefix(name, "deletion_vector_") {
			n++
		} else if !known[name] {
			t.Errorf("%s belongs to no version", name)
		}
	}
	if n != len(vectors) {
		t.Errorf("%d files of deletion vectors, and the log names %d", n, len(vectors))
	}
	// What is written for an object store lies in a folder of this machine before.
	dir, err := tb.Where.Dir()
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		rel, _ := filepath.Rel(dir, path)
		if name := filepath.ToSlash(rel); err == nil && !d.IsDir() && strings.HasSuffix(name, ".parquet") && !strings.HasPrefix(name, "_delta_log/") && !known[name] {
			t.Errorf("%s belongs to no version", name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestGateRefuses(t *testing.T) {
	ctx := context.Background()
	tb := open(t)
	if _, err := tb.Append(ctx, values("(1, 'a', 10)"), operations.Write{}); err != nil {
		t.Fatal(err)
	}
	closed := errors.New("closed")
	tb.Gate = func(_ context.Context, c operations.Change) error {
		if len(c.Added) != 1 || len(c.Files) != 2 || c.Operation != "WRITE" {
			t.Errorf("%+v", c)
		}
		return closed
	}
	if _, err := tb.Append(ctx, values("(2, 'a', 20)"), operations.Write{}); !errors.Is(err, closed) {
		t.Fatal(err)
	}
	if got := rows(t, tb); !slices.Equal(got, []string{"1 a 10"}) {
		t.Errorf("%q", got)
	}
	noStrays(t, tb)
}

func schema() table.Schema {
	kind := func(name string, k table.Kind) table.Field {
		return table.Field{Name: name, Type: table.Type{Kind: k}, Nullable: true}
	}
	return table.Schema{Fields: []table.Field{kind("id", table.Int32), kind("part", table.String), kind("amount", table.Int32)}}
}

// followed is the newest version whose changes a history has followed, by table.
var followed = map[*operations.Table]int64{}

// TestMergeStructs: columns may be called as dq might call its relations.
func TestMergeStructs(t *testing.T) {
	ctx := context.Background()
	tb := open(t)
	row := func(n int) string {
		return fmt.Sprintf("SELECT CAST(%d AS BIGINT) AS id, {'id': %d} AS s, {'id': %d} AS t, {'id': %d} AS q", n, n, n, n)
	}
	if _, err := tb.Append(ctx, row(1)+" UNION ALL "+row(2), operations.Write{}); err != nil {
		t.Fatal(err)
	}
	if _, err := tb.Merge(ctx, "SELECT CAST(2 AS BIGINT) AS id, {'id': 20} AS s, {'id': 21} AS t, {'id': 22} AS q UNION ALL "+row(3), operations.Merge{On: []string{"id"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := tb.Update(ctx, map[string]string{"s": "{'id': 5}"}, "id = 3"); err != nil {
		t.Fatal(err)
	}
	snap, err := tb.Delta.Snapshot(ctx, delta.Latest())
	if err != nil {
		t.Fatal(err)
	}
	if n, ok := snap.Rows(); !ok || n != 3 {
		t.Errorf("%d rows, %t", n, ok)
	}
}
