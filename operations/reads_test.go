package operations_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/dq-dev/dq/delta"
	"github.com/dq-dev/dq/operations"
)

// overtaken is a store in which somebody else commits before the first entry.
type overtaken struct {
	delta.Store
	by func()
}

func (s *overtaken) PutNew(ctx context.Context, name string, data []byte) error {
	if by := s.by; by != nil && filepath.Dir(name) == "_delta_log" {
		s.by = nil
		by()
	}
	return s.Store.PutNew(ctx, name, data)
}

// TestReads: operations on a table of three files, with the ids 1 to 10, 11 to 20
// and 21 to 30. Files that statistics rule out are not opened (they are not even
// there), and what others do outside of the part that was read is no conflict.
func TestReads(t *testing.T) {
	ctx := context.Background()
	merge := func(rows string, m operations.Merge) func(*operations.Table) (operations.Result, error) {
		m.On = []string{"id"}
		return func(tb *operations.Table) (operations.Result, error) { return tb.Merge(ctx, rows, m) }
	}
	remove := func(where string) func(*operations.Table) (operations.Result, error) {
		return func(tb *operations.Table) (operations.Result, error) { return tb.Delete(ctx, where) }
	}
	update := func(where string) func(*operations.Table) (operations.Result, error) {
		return func(tb *operations.Table) (operations.Result, error) {
			return tb.Update(ctx, map[string]string{"amount": "0"}, where)
		}
	}
	for _, c := range []struct {
		name  string
		do    func(*operations.Table) (operations.Result, error)
		opens []int // of the files 0, 1 and 2
		again bool  // when the other updates the id 25
	}{
		{"merge one key", merge("SELECT 3 AS id, 'm' AS part, 1 AS amount", operations.Merge{}), []int{0}, false},
		{"merge a key of another type", merge("SELECT 3.0 AS id, 'm' AS part, 1 AS amount", operations.Merge{}), []int{0}, false},
		{"merge keys far apart", merge("SELECT i AS id, 'm' AS part, 1 AS amount FROM (VALUES (3), (99), (25), (NULL)) v(i)", operations.Merge{}), []int{0, 2}, true},
		{"merge new keys only", merge("SELECT 40 AS id, 'm' AS part, 1 AS amount", operations.Merge{Matched: "keep"}), nil, false},
		{"merge very many keys", merge("SELECT 10 - i AS id, 'm' AS part, 1 AS amount FROM range(20000) r(i)", operations.Merge{}), []int{0}, false},
		{"merge by a double", merge("SELECT 3e0 AS id, 'm' AS part, 1 AS amount", operations.Merge{}), []int{0, 1, 2}, true},
		{"delete", remove("id = 12 OR id BETWEEN 15 AND 17"), []int{1}, false},
		{"delete what is not known", remove("id % 7 = 1"), []int{0, 1, 2}, true},
		{"update", update("id < 5"), []int{0}, false},
		{"update everything", update(""), []int{0, 1, 2}, true},
		{"replace where", func(tb *operations.Table) (operations.Result, error) {
			return tb.OverwriteWhere(ctx, "SELECT 12 AS id, 'w' AS part, 1 AS amount", "id > 10 AND id <= 20", operations.Write{})
		}, []int{1}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, vectors := range []bool{false, true} {
				dir := t.TempDir()
				tb, other := openAt(t, dir, os.Getenv), openAt(t, dir, os.Getenv)
				if vectors {
					if _, err := tb.Delta.Create("CREATE TABLE", schema(), nil, map[string]string{"delta.enableDeletionVectors": "true"}).Commit(ctx); err != nil {
						t.Fatal(err)
					}
				}
				var files []string
				for i := range 3 {
					ids := []string{"range(1, 11)", "range(11, 21)", "range(21, 31)"}[i]
					res, err := tb.Append(ctx, "SELECT i AS id, 'p' AS part, i * 10 AS amount FROM "+ids+" r(i)", operations.Write{})
					if err != nil || res.FilesAdded != 1 {
						t.Fatal(res, err)
					}
					s, err := tb.Delta.Snapshot(ctx, delta.Latest())
					if err != nil {
						t.Fatal(err)
					}
					for f, err := range s.Files(ctx) {
						if err != nil {
							t.Fatal(err)
						}
						if !slices.Contains(files, f.Path) {
							files = append(files, f.Path)
						}
					}
				}
				hide := func(suffix [2]string) {
					for i, f := range files {
						if !slices.Contains(c.opens, i) {
							if err := os.Rename(filepath.Join(dir, f+suffix[0]), filepath.Join(dir, f+suffix[1])); err != nil {
								t.Fatal(err)
							}
						}
					}
				}
				before, err := tb.Delta.Snapshot(ctx, delta.Latest())
				if err != nil {
					t.Fatal(err)
				}
				hide([2]string{"", ".hidden"})
				store := &overtaken{Store: tb.Where.Store()}
				store.by = func() {
					hide([2]string{".hidden", ""})
					if _, err := other.Update(ctx, map[string]string{"amount": "-1"}, "id = 25"); err != nil {
						t.Error(err)
					}
				}
				res, err := c.do(&operations.Table{Where: tb.Where, Delta: delta.Open(store), Session: tb.Session, Dialect: tb.Dialect})
				if err != nil {
					t.Fatal(err)
				}
				history, err := other.Delta.History(ctx, 1)
				if err != nil {
					t.Fatal(err)
				}
				var info struct{ ReadVersion int64 }
				if err := json.Unmarshal(history[0].Info, &info); err != nil {
					t.Fatal(err)
				}
				if again := info.ReadVersion != before.Version(); again != c.again || *res.Version != before.Version()+2 {
					t.Errorf("vectors %t: version %d was made of version %d; done again: %t, want %t", vectors, *res.Version, info.ReadVersion, again, c.again)
				}
			}
		})
	}
}
