package operations_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dq-dev/dq/delta"
	"github.com/dq-dev/dq/delta/s3/s3test"
	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/operations"
)

var errDisk = errors.New("the disk is full")

// failing is a session whose n-th write of files fails, or loses a row.
type failing struct {
	engine.Session
	engine.Exporter
	n, at int
	loses bool
}

func (s *failing) Stage(ctx context.Context, req engine.StageRequest) ([]engine.Staged, int64, error) {
	if s.n++; s.n == s.at && !s.loses {
		return nil, 0, errDisk
	}
	files, returned, err := s.Session.Stage(ctx, req)
	if s.n == s.at {
		returned++
	}
	return files, returned, err
}

// lost reports whether an operation says that rows were lost.
func lost(err error) bool { return err != nil && strings.Contains(err.Error(), "the new files hold") }

// changing are operations that write files in several steps, over rows of three
// parts, some of them in several files.
var changing = map[string]func(context.Context, *operations.Table) error{
	"delete": func(ctx context.Context, tb *operations.Table) error {
		_, err := tb.Delete(ctx, "id IN (1, 3)")
		return err
	},
	"update": func(ctx context.Context, tb *operations.Table) error {
		_, err := tb.Update(ctx, map[string]string{"amount": "0"}, "id IN (1, 3)")
		return err
	},
	"merge": func(ctx context.Context, tb *operations.Table) error {
		_, err := tb.Merge(ctx, values("(1, 'a', 11)", "(9, 'c', 90)"), operations.Merge{On: []string{"id"}})
		return err
	},
	"overwrite a part": func(ctx context.Context, tb *operations.Table) error {
		_, err := tb.OverwriteWhere(ctx, values("(1, 'a', 11)"), "id = 1", operations.Write{})
		return err
	},
	"overwrite a part with rows of another": func(ctx context.Context, tb *operations.Table) error {
		if _, err := tb.OverwriteWhere(ctx, values("(7, 'a', 11)"), "id = 1", operations.Write{}); errors.Is(err, errDisk) || lost(err) {
			return err
		}
		return nil // it is refused, for the rows that it has in other parts
	},
	"overwrite partitions": func(ctx context.Context, tb *operations.Table) error {
		_, err := tb.OverwritePartitions(ctx, values("(1, 'a', 11)"), operations.Write{})
		return err
	},
	"optimize": func(ctx context.Context, tb *operations.Table) error {
		_, err := tb.Optimize(ctx, 0)
		return err
	},
}

func fill(t *testing.T, tb *operations.Table, vectors bool) {
	t.Helper()
	ctx := context.Background()
	props := map[string]string{"delta.enableChangeDataFeed": "true", "delta.enableDeletionVectors": fmt.Sprint(vectors)}
	if _, err := tb.Delta.Create("CREATE TABLE", schema(), []string{"part"}, props).Commit(ctx); err != nil {
		t.Fatal(err)
	}
	for _, rows := range []string{values("(1, 'a', 10)", "(2, 'a', 20)", "(3, 'b', 30)"), values("(4, 'a', 40)", "(5, 'b', 50)")} {
		if _, err := tb.Append(ctx, rows, operations.Write{}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestHalfWay: an operation that fails at any of its writes leaves the table as it
// was, and no file.
func TestHalfWay(t *testing.T) {
	ctx := context.Background()
	for name, do := range changing {
		for _, how := range [][2]bool{{false, false}, {true, false}, {false, true}, {true, true}} {
			vectors, loses := how[0], how[1]
			t.Run(fmt.Sprintf("%s, vectors %t, loses %t", name, vectors, loses), func(t *testing.T) {
				tb := open(t)
				fill(t, tb, vectors)
				before := rows(t, tb)
				session := tb.Session
				for at := 1; ; at++ {
					broken := &failing{Session: session, Exporter: session.(engine.Exporter), at: at, loses: loses}
					tb.Session = broken
					err := do(ctx, tb)
					tb.Session = session
					noStrays(t, tb)
					if broken.n < at {
						if err != nil || at == 1 && !vectors {
							t.Fatalf("write %d: %v", at, err)
						}
						return
					}
					if !loses && !errors.Is(err, errDisk) || loses && !lost(err) {
						t.Fatalf("write %d: %v", at, err)
					}
					if got := rows(t, tb); !slices.Equal(got, before) {
						t.Fatalf("write %d: rows %q", at, got)
					}
				}
			})
		}
	}
}

// TestLostCommit: files of an attempt that lost against another writer go, also
// those that were uploaded, and the next attempt wins.
func TestLostCommit(t *testing.T) {
	ctx := context.Background()
	server := s3test.New("lake")
	t.Cleanup(server.Close)
	getenv := func(name string) string {
		if name == "DQ_CACHE_DIR" {
			return filepath.Join(t.TempDir(), "cache")
		}
		return server.Getenv(name)
	}
	for name, do := range changing {
		for _, how := range [][2]bool{{false, false}, {true, false}, {false, true}, {true, true}} {
			vectors, loses := how[0], how[1]
			t.Run(fmt.Sprintf("%s, vectors %t, loses %t", name, vectors, loses), func(t *testing.T) {
				at := "s3://lake/" + strings.ReplaceAll(t.Name(), " ", "-")
				tb, other := openAt(t, at, getenv), openAt(t, at, getenv)
				fill(t, tb, vectors)
				asked := 0
				tb.Gate = func(ctx context.Context, _ operations.Change) error {
					if asked++; asked > 1 {
						return nil
					}
					_, err := other.Update(ctx, map[string]string{"amount": "amount + 1"}, "")
					return err
				}
				if err := do(ctx, tb); err != nil {
					t.Fatal(err)
				}
				// After the other's change, there is nothing left to optimise.
				if asked != 2 && name != "overwrite a part with rows of another" && name != "optimize" {
					t.Errorf("%d attempts", asked)
				}
				noStrays(t, tb)
			})
		}
	}
}

// TestPartsSideBySide: writers that overwrite other partitions do not meet.
func TestPartsSideBySide(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	tb, other := openAt(t, dir, nil), openAt(t, dir, nil)
	fill(t, tb, false)
	asked := 0
	tb.Gate = func(ctx context.Context, _ operations.Change) error {
		asked++
		_, err := other.OverwritePartitions(ctx, values("(8, 'b', 80)", "(9, NULL, 90)"), operations.Write{})
		return err
	}
	if _, err := tb.OverwritePartitions(ctx, values("(1, 'a', 11)"), operations.Write{}); err != nil {
		t.Fatal(err)
	}
	if got := rows(t, tb); asked != 1 || !slices.Equal(got, []string{"1 a 11", "8 b 80", "9 <nil> 90"}) {
		t.Errorf("%d attempts, rows %q", asked, got)
	}
}

// unsure is a store that writes a commit and then neither says so nor lets it be read.
type unsure struct {
	delta.Store
	at string
}

func (s *unsure) PutNew(ctx context.Context, name string, data []byte) error {
	err := s.Store.PutNew(ctx, name, data)
	if name == s.at {
		return errDisk
	}
	return err
}

func (s *unsure) Read(ctx context.Context, name string) ([]byte, error) {
	if name == s.at {
		return nil, errDisk
	}
	return s.Store.Read(ctx, name)
}

// TestUncertainCommit: files stay as long as the log may name them.
func TestUncertainCommit(t *testing.T) {
	ctx := context.Background()
	for _, vectors := range []bool{false, true} {
		tb := open(t)
		fill(t, tb, vectors)
		doubtful := &operations.Table{Where: tb.Where, Session: tb.Session, Dialect: tb.Dialect,
			Delta: delta.Open(&unsure{tb.Where.Store(), "_delta_log/00000000000000000003.json"})}
		if _, err := doubtful.Update(ctx, map[string]string{"amount": "0"}, "id = 1"); !errors.Is(err, delta.ErrUncertain) {
			t.Fatal(err)
		}
		if got := rows(t, tb); !slices.Contains(got, "1 a 0") || len(got) != 5 {
			t.Errorf("rows %q", got)
		}
		noStrays(t, tb)
	}
}
