package delta_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/schema"

	"github.com/dq-dev/dq/delta"
	"github.com/dq-dev/dq/delta/s3"
	"github.com/dq-dev/dq/delta/s3/s3test"
	"github.com/dq-dev/dq/table"
)

// fleet is many processes that commit to one table and are killed at random.
type fleet struct {
	location         string // a folder, or s3://...
	writers, commits int
	kills            int // of each writer, at most
	environ          []string
}

// TestWriters has processes append to one table and merge in it, and kills them.
// DQ_TEST_STRESS=1 makes it 16 processes with 200 commits each; DQ_TEST_KEEP names
// a folder in which the tables are left for other readers.
func TestWriters(t *testing.T) {
	f := fleet{writers: 4, commits: 10, kills: 2}
	if os.Getenv("DQ_TEST_STRESS") == "1" {
		f = fleet{writers: 16, commits: 200, kills: 5}
	}
	keep := os.Getenv("DQ_TEST_KEEP")
	if keep == "" {
		keep = t.TempDir()
	}
	t.Run("disk", func(t *testing.T) {
		f := f
		f.location = filepath.Join(keep, "disk")
		store := delta.Dir(f.location)
		f.run(t, store)
		f.check(t, store)
	})
	t.Run("s3", func(t *testing.T) {
		server := s3test.New("lake")
		defer server.Close()
		server.Fault = s3test.Random(5, 0.03)
		f := f
		f.location, f.environ = "s3://lake/tables/orders", server.Environ()
		store, err := s3.Open(f.location, server.Getenv)
		if err != nil {
			t.Fatal(err)
		}
		f.run(t, store)
		server.Fault = nil
		f.check(t, store)
		if err := server.Save("lake", "tables/orders/", filepath.Join(keep, "s3")); err != nil {
			t.Fatal(err)
		}
	})
}

var ids = table.Schema{Fields: []table.Field{{Name: "id", Type: table.Type{Kind: table.Int64}}}}

func (f fleet) run(t *testing.T, store delta.Store) {
	if _, err := delta.Open(store).Create("CREATE TABLE", ids, nil, nil).Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	var killed, lost atomic.Int64
	began := time.Now()
	var all sync.WaitGroup
	for w := range f.writers {
		journal := filepath.Join(t.TempDir(), "journal")
		all.Go(func() {
			random := rand.New(rand.NewPCG(uint64(w), 7))
			for life := 0; ; life++ {
				// Steps until the kill: three to a commit, and more with each conflict.
				steps := -1
				if life < f.kills {
					steps = 1 + random.IntN(3*f.commits/(f.kills+1))
				}
				done, conflicts, err := f.live(w, life, journal, steps)
				lost.Add(conflicts)
				if err != nil {
					t.Errorf("writer %d: %v", w, err)
				}
				if done || err != nil {
					return
				}
				killed.Add(1)
			}
		})
	}
	all.Wait()
	if t.Failed() {
		t.FailNow()
	}
	commits := f.writers * f.commits
	t.Logf("%d processes made %d commits in %s (%.0f/s); %d were killed, %d merges met a conflict and were made anew",
		f.writers, commits, time.Since(began).Round(10*time.Millisecond), float64(commits)/time.Since(began).Seconds(), killed.Load(), lost.Load())
	if killed.Load() == 0 {
		t.Error("nobody was killed")
	}
}

// live runs a writer as a process, and kills it after that many steps; -1 is never.
func (f fleet) live(w, life int, journal string, steps int) (done bool, conflicts int64, err error) {
	cmd := exec.Command(os.Args[0], "-test.run=^TestWriter$", "-test.count=1")
	cmd.Env = append(append(os.Environ(), f.environ...), fmt.Sprintf("DQ_TEST_WRITER=%d %d %d %s", w, f.commits, life, journal), "DQ_TEST_TABLE="+f.location)
	var problem bytes.Buffer
	cmd.Stderr = &problem
	out, err := cmd.StdoutPipe()
	if err != nil {
		return false, 0, err
	}
	if err := cmd.Start(); err != nil {
		return false, 0, err
	}
	said := ""
	for lines := bufio.NewScanner(out); lines.Scan(); {
		switch line := lines.Text(); {
		case line == "conflict":
			conflicts++
		case line == "finished":
			done = true
		case !strings.HasPrefix(line, "step"):
			said += line + "\n"
		}
		if steps--; steps == 0 {
			_ = cmd.Process.Kill() // what it does meanwhile is the chance in it
		}
	}
	if err := cmd.Wait(); err != nil && steps > 0 || err != nil && said != "" {
		return false, conflicts, fmt.Errorf("life %d: %w\n%s%s", life, err, said, problem.String())
	}
	return done, conflicts, nil
}

// TestWriter is one process of a fleet. Its n-th commit brings the row
// 1000 × writer + n; a merge also moves the rows of other files into the new one.
func TestWriter(t *testing.T) {
	config := strings.Fields(os.Getenv("DQ_TEST_WRITER"))
	if len(config) != 4 {
		t.Skip("this is a process that TestWriters starts")
	}
	w := writer{app: "writer-" + config[0], journal: config[3]}
	number, _ := strconv.Atoi(config[0])
	commits, _ := strconv.Atoi(config[1])
	life, _ := strconv.Atoi(config[2])
	w.random = rand.New(rand.NewPCG(uint64(number), uint64(life)))
	w.first = int64(1000 * number)
	location := os.Getenv("DQ_TEST_TABLE")
	w.store = delta.Dir(location)
	if strings.HasPrefix(location, "s3://") {
		var err error
		if w.store, err = s3.Open(location, os.Getenv); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.write(t.Context(), int64(commits)); err != nil {
		t.Fatal(err)
	}
	fmt.Println("finished")
}

type writer struct {
	app, journal string
	first        int64
	store        delta.Store
	random       *rand.Rand
}

func (w *writer) write(ctx context.Context, commits int64) error {
	tb := delta.Open(w.store)
	// What a killed process had decided is made first; it may have been made already.
	if data, err := os.ReadFile(w.journal); err == nil && json.Valid(data) {
		x, err := tb.Resume(data)
		if err != nil {
			return err
		}
		if _, err := x.Commit(ctx); err != nil && !errors.Is(err, delta.ErrConflict) {
			return err
		}
	}
	s, err := tb.Snapshot(ctx, delta.Latest())
	if err != nil {
		return err
	}
	for {
		fmt.Println("step begin")
		n, _ := s.Txn(w.app)
		if n == commits {
			return nil
		}
		x, err := w.stage(ctx, s, n+1)
		if err != nil {
			return err
		}
		fmt.Println("step staged")
		data, err := x.MarshalJSON()
		if err != nil {
			return err
		}
		if err := os.WriteFile(w.journal, data, 0o666); err != nil {
			return err
		}
		fmt.Println("step commit")
		_, err = x.Commit(ctx)
		if err == nil {
			s = x.Snapshot()
			continue
		}
		if !errors.Is(err, delta.ErrConflict) {
			return err
		}
		fmt.Println("conflict")
		if s, err = tb.Snapshot(ctx, delta.Latest()); err != nil {
			return err
		}
	}
}

// stage makes a commit that appends, or one of five times merges.
func (w *writer) stage(ctx context.Context, s *delta.Snapshot, n int64) (*delta.Txn, error) {
	rows, op := []int64{w.first + n}, "WRITE"
	var removes []table.File
	if w.random.IntN(5) == 0 {
		var live []table.File
		for f, err := range s.Files(ctx) {
			if err != nil {
				return nil, err
			}
			live = append(live, f)
		}
		w.random.Shuffle(len(live), func(i, j int) { live[i], live[j] = live[j], live[i] })
		removes, op = live[:min(len(live), 4)], "MERGE"
		for _, f := range removes {
			more, err := readIDs(ctx, w.store, f)
			if err != nil {
				return nil, err
			}
			rows = append(rows, more...)
		}
	}
	f, err := writeIDs(ctx, w.store, rows)
	if err != nil {
		return nil, err
	}
	x := s.Begin(op)
	x.Remove(removes...)
	x.Add(f)
	x.SetTxn(w.app, n)
	return x, nil
}

// writeIDs writes a data file of these rows.
func writeIDs(ctx context.Context, store delta.Store, rows []int64) (table.File, error) {
	slices.Sort(rows)
	root, err := schema.NewGroupNode("spark_schema", parquet.Repetitions.Required, schema.FieldList{schema.NewInt64Node("id", parquet.Repetitions.Required, -1)}, -1)
	if err != nil {
		return table.File{}, err
	}
	var b bytes.Buffer
	out := file.NewParquetWriter(&b, root)
	group, err := out.AppendRowGroupChecked()
	if err != nil {
		return table.File{}, err
	}
	column, err := group.NextColumn()
	if err != nil {
		return table.File{}, err
	}
	if _, err := column.(*file.Int64ColumnChunkWriter).WriteBatch(rows, nil, nil); err != nil {
		return table.File{}, err
	}
	if err := column.Close(); err != nil {
		return table.File{}, err
	}
	if err := out.Close(); err != nil {
		return table.File{}, err
	}
	name := fmt.Sprintf("part-%016x%016x.parquet", rand.Uint64(), rand.Uint64())
	least, most := strconv.FormatInt(rows[0], 10), strconv.FormatInt(rows[len(rows)-1], 10)
	return table.File{Path: name, Size: int64(b.Len()), Modified: time.Now(), Stats: &table.Stats{Rows: int64(len(rows)),
		Columns: []table.ColumnStats{{Path: []string{"id"}, Min: &least, Max: &most, Nulls: new(int64)}}}}, store.PutNew(ctx, name, b.Bytes())
}

func readIDs(ctx context.Context, store delta.Store, f table.File) ([]int64, error) {
	data, err := store.Read(ctx, f.Path)
	if err != nil {
		return nil, err
	}
	in, err := file.NewParquetReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	column, err := in.RowGroup(0).Column(0)
	if err != nil {
		return nil, err
	}
	rows := make([]int64, in.NumRows())
	_, n, err := column.(*file.Int64ColumnChunkReader).ReadBatch(in.NumRows(), rows, nil, nil)
	if err == nil && n != len(rows) {
		err = fmt.Errorf("%s: %d rows of %d", f.Path, n, len(rows))
	}
	return rows, err
}

// check holds that every commit is in the log once, that the log has no gap, and
// that the table has every row once, with its checkpoints and without.
func (f fleet) check(t *testing.T, store delta.Store) {
	ctx := t.Context()
	infos, err := store.List(ctx, "_delta_log", "")
	if err != nil {
		t.Fatal(err)
	}
	version, seen := int64(0), map[string]bool{}
	for _, info := range infos {
		if !strings.HasSuffix(info.Name, ".json") {
			continue
		}
		if want := fmt.Sprintf("_delta_log/%020d.json", version); info.Name != want {
			t.Fatalf("the log has %s in place of %s", info.Name, want)
		}
		data, err := store.Read(ctx, info.Name)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range bytes.Split(data, []byte("\n")) {
			var a struct {
				Txn *struct {
					AppID   string `json:"appId"`
					Version int64
				}
			}
			if json.Unmarshal(line, &a) == nil && a.Txn != nil {
				key := fmt.Sprint(a.Txn.AppID, " ", a.Txn.Version)
				if seen[key] {
					t.Errorf("version %d: commit %s is there twice", version, key)
				}
				seen[key] = true
			}
		}
		version++
	}
	if want := f.writers*f.commits + 1; int(version) != want || len(seen) != want-1 {
		t.Errorf("the log has %d versions and %d commits of writers, want %d and one less", version, len(seen), want)
	}
	var want []int64
	for w := range f.writers {
		for n := range f.commits {
			want = append(want, int64(1000*w+n+1))
		}
	}
	for what, store := range map[string]delta.Store{"with checkpoints": store, "without checkpoints": commitsOnly{store}} {
		s, err := delta.Open(store).Snapshot(ctx, delta.Latest())
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		var got []int64
		for file, err := range s.Files(ctx) {
			if err != nil {
				t.Fatal(err)
			}
			rows, err := readIDs(ctx, store, file)
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			got = append(got, rows...)
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("%s: %d rows, of them %d once; want %d", what, len(got), len(slices.Compact(slices.Clone(got))), len(want))
		}
	}
}

// commitsOnly is a store without the checkpoints in it.
type commitsOnly struct{ delta.Store }

func (s commitsOnly) List(ctx context.Context, dir, from string) ([]delta.Info, error) {
	infos, err := s.Store.List(ctx, dir, from)
	return slices.DeleteFunc(infos, func(i delta.Info) bool { return !strings.HasSuffix(i.Name, ".json") }), err
}

func (s commitsOnly) Read(ctx context.Context, name string) ([]byte, error) {
	if strings.HasSuffix(name, "_last_checkpoint") {
		return nil, fs.ErrNotExist
	}
	return s.Store.Read(ctx, name)
}
