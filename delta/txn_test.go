package delta

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dq-dev/dq/table"
)

var update = flag.Bool("update", false, "rewrite the golden files in testdata")

// TestLogText pins what is written, byte for byte: a create, and a commit with
// everything in it.
func TestLogText(t *testing.T) {
	dir := t.TempDir()
	tb := testTable(Dir(dir))
	tb.Engine = "dq/test"
	schema := table.Schema{Fields: append(orders.Fields,
		table.Field{Name: "at", Type: table.Type{Kind: table.TimestampNTZ}, Nullable: false, Meta: map[string]any{"comment": "when <it> happened"}},
		table.Field{Name: "lines", Type: table.Type{Kind: table.Array, ElemNullable: true, Elem: &table.Type{Kind: table.Struct, Fields: []table.Field{
			{Name: "price", Type: table.Type{Kind: table.Decimal, Precision: 18, Scale: 3}, Nullable: true}}}}, Nullable: true},
		table.Field{Name: "day", Type: table.Type{Kind: table.Date}, Nullable: true},
	)}
	x := tb.Create("CREATE TABLE", schema, []string{"day"}, map[string]string{"delta.appendOnly": "false"})
	commitOK(t, x)
	x = x.Snapshot().Begin("WRITE")
	a, b := dataFile("run-1/day=2024-01-02/a b%.parquet"), dataFile("run-1/none.parquet")
	a.Partition = map[string]*string{"day": new("2024-01-02")}
	a.Tags = map[string]string{"dq.rules": "r1"}
	a.Stats.Columns = append(a.Stats.Columns,
		table.ColumnStats{Path: []string{"note"}, Min: new("é<&"), Max: new(strings.Repeat("x", 40)), Nulls: new(int64(3))},
		table.ColumnStats{Path: []string{"at"}, Min: new("2024-01-02T03:04:05.678901"), Max: new("2024-01-02T03:04:05.678901"), Nulls: new(int64(0))},
		table.ColumnStats{Path: []string{"lines", "list", "element", "price"}, Min: new("1.000"), Max: new("2.000")})
	b.Partition = map[string]*string{"day": nil}
	b.Stats = nil
	x.Add(b, a)
	x.SetTxn("dq/retail/orders", 7)
	x.Info(map[string]any{"dq": map[string]any{"verdict": "pass", "rules": 3}, "operationParameters": map[string]any{"keys": []string{"id"}}})
	commitOK(t, x)
	s := x.Snapshot()
	x = s.Begin("WRITE")
	files := fileList(t, s)
	x.Remove(files[0])
	files[1].Tags = map[string]string{"dq.rules": "r2"}
	x.Retag(files[1])
	x.Reads(true)
	commitOK(t, x)

	var got strings.Builder
	for v := range int64(3) {
		data, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(commitName(v))))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&got, "-- %s\n%s", commitName(v), data)
	}
	golden(t, "testdata/log.golden", got.String())
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (go test -update rewrites it):\n%s", file, got)
	}
}

// TestRefusedChanges: mistakes are found before anything is written.
func TestRefusedChanges(t *testing.T) {
	ctx := context.Background()
	file := dataFile("new.parquet")
	with := func(change func(*table.File)) func(*Txn) {
		return func(x *Txn) {
			f := dataFile("new.parquet")
			change(&f)
			x.Add(f)
		}
	}
	schema := func(fields ...table.Field) func(*Txn) {
		return func(x *Txn) { x.SetSchema(table.Schema{Fields: fields}) }
	}
	cases := []struct {
		name  string
		props map[string]string
		do    func(*Txn)
		want  string
	}{
		{"no size", nil, with(func(f *table.File) { f.Size = 0 }), "a size of 0 bytes"},
		{"absolute path", nil, with(func(f *table.File) { f.Path = "/etc/x" }), "no plain path"},
		{"path out of the table", nil, with(func(f *table.File) { f.Path = "../x" }), "no plain path"},
		{"path not clean", nil, with(func(f *table.File) { f.Path = "a//b" }), "no plain path"},
		{"path in the log", nil, with(func(f *table.File) { f.Path = "_delta_log/x" }), "no plain path"},
		{"deletion vector", nil, with(func(f *table.File) { f.Deleted = &table.DeletionVector{Storage: "i"} }), "deletion vector"},
		{"partition value", nil, with(func(f *table.File) { f.Partition = map[string]*string{"day": nil} }), "no partition column"},
		{"live already", nil, func(x *Txn) { x.Add(dataFile("a")) }, "a is live already in version 1"},
		{"added twice", nil, func(x *Txn) { x.Add(file, file) }, "two actions in one commit are about new.parquet"},
		{"removed and retagged", nil, func(x *Txn) { x.Remove(dataFile("a")); x.Retag(dataFile("a")) }, "two actions"},
		{"remove of nothing", nil, func(x *Txn) { x.Remove(dataFile("z")) }, "z is no live file of version 1"},
		{"retag of nothing", nil, func(x *Txn) { x.Retag(dataFile("z")) }, "z is no live file of version 1"},
		{"two mistakes", nil, func(x *Txn) { x.Retag(dataFile("z")); x.Remove(dataFile("y")) }, "y is no live file"},
		{"append-only", map[string]string{"delta.appendOnly": "true"}, func(x *Txn) { x.Remove(dataFile("a")) }, "append-only"},
		{"change feed", map[string]string{"delta.enableChangeDataFeed": "true"}, func(x *Txn) { x.Remove(dataFile("a")); x.Add(file) }, "change data feed"},
		{"changes without a feed", nil, func(x *Txn) { x.AddChanges(dataFile("_change_data/x")) }, "keeps no change data feed"},
		{"changes elsewhere", map[string]string{"delta.enableChangeDataFeed": "true"}, func(x *Txn) { x.AddChanges(dataFile("x")) }, "x is not below _change_data"},
		{"txn twice", nil, func(x *Txn) { x.SetTxn("a", 1); x.SetTxn("a", 2) }, "set twice"},
		{"own info", nil, func(x *Txn) { x.Info(map[string]any{"txnId": "x"}) }, `"txnId" is set by the commit itself`},
		{"info that is no JSON", nil, func(x *Txn) { x.Info(map[string]any{"f": func() {}}) }, `key "f"`},
		{"type changed", nil, schema(table.Field{Name: "id", Type: table.Type{Kind: table.String}, Nullable: true}), `column "id" cannot become string from int64, while files`},
		{"new column required", nil, schema(append(orders.Fields, table.Field{Name: "x", Type: table.Type{Kind: table.String}})...), `"x" must be nullable`},
		{"name with a space", nil, schema(table.Field{Name: "Invoice No", Type: table.Type{Kind: table.String}, Nullable: true}), `for example to "Invoice_No"`},
		{"name twice", nil, schema(table.Field{Name: "a", Type: table.Type{Kind: table.String}}, table.Field{Name: "A", Type: table.Type{Kind: table.String}}), "case does not count"},
		{"no type", nil, schema(table.Field{Name: "a"}), `unknown type ""`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			tb := testTable(&memory{})
			s := appendFiles(t, create(t, tb, c.props), "a", "b")
			x := s.Begin("WRITE")
			c.do(x)
			_, err := x.Commit(ctx)
			if err == nil || !strings.Contains(err.Error(), c.want) || !errors.Is(err, ErrInvalid) && !errors.Is(err, ErrUnsupported) {
				t.Fatalf("got %v, want %q", err, c.want)
			}
			if _, again := x.Commit(ctx); again == nil {
				t.Error("a second Commit forgot the mistake")
			}
			if got := latest(t, tb); got.Version() != 1 {
				t.Errorf("version %d was written", got.Version())
			}
		})
	}
}

func TestRefusedTables(t *testing.T) {
	day := append([]table.Field{{Name: "day", Type: table.Type{Kind: table.Date}}}, orders.Fields...)
	cases := []struct {
		name        string
		fields      []table.Field
		partitionBy []string
		props       map[string]string
		want        string
	}{
		{"unknown partition column", day, []string{"week"}, nil, `"week" is not in the schema`},
		{"partition column twice", day, []string{"day", "day"}, nil, "named twice"},
		{"nothing but partition columns", day[:1], []string{"day"}, nil, "every column is a partition column"},
		{"column mapping", day, nil, map[string]string{"delta.columnMapping.mode": "nme"}, `"nme" is not none or name or id`},
		{"row tracking", day, nil, map[string]string{"delta.enableRowTracking": "true"}, "cannot be set by this program"},
		{"constraint", day, nil, map[string]string{"delta.constraints.c": "id > 0"}, "add the constraint by name"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			tb := testTable(&memory{})
			_, err := tb.Create("CREATE TABLE", table.Schema{Fields: c.fields}, c.partitionBy, c.props).Commit(context.Background())
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want %q", err, c.want)
			}
			if _, err := tb.Snapshot(context.Background(), Latest()); !errors.Is(err, ErrNoTable) {
				t.Errorf("want ErrNoTable, got %v", err)
			}
		})
	}
}

func TestCreateTwice(t *testing.T) {
	dir := t.TempDir()
	create(t, testTable(Dir(dir)), nil)
	var e *ConflictError
	if _, err := testTable(Dir(dir)).seeded(2).Create("CREATE TABLE", orders, nil, nil).Commit(context.Background()); !errors.As(err, &e) || e.Kind != TableExists {
		t.Fatalf("want TableExists, got %v", err)
	}
	// Also when the first commits were cleaned up.
	s := latest(t, testTable(Dir(dir)).seeded(3))
	for i := range 10 {
		s = appendFiles(t, s, fmt.Sprint("f", i))
	}
	for v := range int64(5) {
		if err := Dir(dir).Delete(context.Background(), commitName(v)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := testTable(Dir(dir)).seeded(4).Create("CREATE TABLE", orders, nil, nil).Commit(context.Background()); !errors.As(err, &e) || e.Kind != TableExists {
		t.Fatalf("want TableExists, got %v", err)
	}
}

// TestStaleCommit: a commit that follows a version whose successors were cleaned
// up must not take their place.
func TestStaleCommit(t *testing.T) {
	dir := t.TempDir()
	tb := testTable(Dir(dir))
	old := create(t, tb, nil)
	s := old
	for i := range 12 {
		s = appendFiles(t, s, fmt.Sprint("f", i))
	}
	for v := range int64(8) {
		if err := Dir(dir).Delete(context.Background(), commitName(v)); err != nil {
			t.Fatal(err)
		}
	}
	x := old.Begin("WRITE")
	x.Add(dataFile("late"))
	if _, err := x.Commit(context.Background()); !errors.Is(err, ErrGone) {
		t.Fatalf("want ErrGone, got %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, commitName(1))); err == nil {
		t.Error("version 1 was written again")
	}
}

func TestResume(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	tb := testTable(Dir(dir))
	s := appendFiles(t, create(t, tb, nil), "a")
	x := s.Begin("WRITE")
	f := dataFile("dir/b c.parquet")
	x.Add(f)
	x.Remove(dataFile("a"))
	x.SetTxn("app", 4)
	x.Info(map[string]any{"dq": map[string]any{"run": "r1"}})
	prepared, err := json.Marshal(x)
	if err != nil {
		t.Fatal(err)
	}
	x.Add(dataFile("too-late"))
	if _, err := x.Commit(ctx); !errors.Is(err, ErrInvalid) {
		t.Fatalf("a prepared commit was changed: %v", err)
	}
	resume := func(seed uint64) *Txn {
		t.Helper()
		y, err := testTable(Dir(dir)).seeded(seed).Resume(prepared)
		if err != nil {
			t.Fatal(err)
		}
		return y
	}
	// Somebody appends before the second process takes up the commit.
	appendFiles(t, s, "w")
	y := resume(2)
	if v := commitOK(t, y); v != 3 {
		t.Fatalf("version %d", v)
	}
	got := latest(t, tb)
	if p := paths(fileList(t, got)); p != "dir/b c.parquet w" {
		t.Errorf("files are %s", p)
	}
	if n, ok := got.Txn("app"); !ok || n != 4 {
		t.Errorf("txn is %d", n)
	}
	if h, err := tb.History(ctx, 1); err != nil || !strings.Contains(string(h[0].Info), `"dq":{"run":"r1"}`) {
		t.Errorf("history %v, %v", h, err)
	}
	// A third process finds the commit, even behind others, and writes nothing.
	appendFiles(t, got, "z")
	z := resume(3)
	if v := commitOK(t, z); v != 3 || z.Snapshot().Version() != 3 {
		t.Errorf("version %d, snapshot %d", v, z.Snapshot().Version())
	}
	if v := latest(t, tb).Version(); v != 4 {
		t.Errorf("version %d was written", v)
	}
	// Another commit of the same application is a conflict.
	again := s.Begin("WRITE")
	again.SetTxn("app", 4)
	if _, err := again.Commit(ctx); !errors.Is(err, ErrConflict) {
		t.Errorf("want ErrConflict, got %v", err)
	}

	// A new table, prepared, and committed twice.
	other := testTable(&memory{})
	x = other.Create("CREATE TABLE", orders, nil, nil)
	if prepared, err = json.Marshal(x); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		y, err := other.Resume(prepared)
		if err != nil {
			t.Fatal(err)
		}
		if v := commitOK(t, y); v != 0 {
			t.Errorf("version %d", v)
		}
	}
}

func TestResumeRefuses(t *testing.T) {
	for _, data := range []string{``, `{}`, `{"format":"dq.delta-commit/v9"}`, `{"format":"dq.delta-commit/v1"}`,
		`{"format":"dq.delta-commit/v1","txn_id":"x","read_version":-1}`,
		`{"format":"dq.delta-commit/v1","txn_id":"x","adds":[null]}`,
		`{"format":"dq.delta-commit/v1","txn_id":"x","adds":[{"path":"../x","size":1}]}`} {
		if _, err := Open(&memory{}).Resume([]byte(data)); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: got %v", data, err)
		}
	}
}

func TestSchemaEvolves(t *testing.T) {
	tb := testTable(&memory{})
	s := appendFiles(t, create(t, tb, nil), "a")
	x := s.Begin("WRITE")
	x.SetSchema(orders)
	x.Add(dataFile("b"))
	commitOK(t, x)
	if x.Snapshot().state.metaData != s.state.metaData {
		t.Error("the same schema was written again")
	}
	// A column without zone raises the protocol, and keeps what the old one meant.
	s = x.Snapshot()
	x = s.Begin("WRITE")
	next := table.Schema{Fields: append(orders.Fields, table.Field{Name: "at", Type: table.Type{Kind: table.TimestampNTZ}, Nullable: true})}
	x.SetSchema(next)
	x.Add(dataFile("c"))
	commitOK(t, x)
	s = latest(t, tb)
	reader, writer := s.Features()
	if r, w := s.MinVersions(); r != 3 || w != 7 || fmt.Sprint(reader, writer) != "[timestampNtz] [appendOnly invariants timestampNtz]" {
		t.Errorf("protocol %d/%d %v %v", r, w, reader, writer)
	}
	if _, ok := s.Schema().Field("at"); !ok || s.NumFiles() != 3 {
		t.Errorf("schema %v, %d files", s.Schema(), s.NumFiles())
	}
	// When every file goes, types may change.
	x = s.Begin("WRITE")
	x.SetSchema(table.Schema{Fields: []table.Field{{Name: "id", Type: table.Type{Kind: table.String}}}})
	x.Remove(fileList(t, s)...)
	x.Add(dataFile("d"))
	commitOK(t, x)
	if got := latest(t, tb); got.Schema().Fields[0].Type.Kind != table.String || got.NumFiles() != 1 {
		t.Errorf("schema %v, %d files", got.Schema(), got.NumFiles())
	}
}

func TestInCommitTimestamps(t *testing.T) {
	ctx := context.Background()
	tb := testTable(&memory{})
	fixed := time.Date(2024, 5, 1, 0, 0, 0, 0, time.UTC)
	tb.Clock = func() time.Time { return fixed }
	s := create(t, tb, map[string]string{"delta.enableInCommitTimestamps": "true"})
	for i := range 12 {
		s = appendFiles(t, s, fmt.Sprint("f", i))
		if want := fixed.Add(time.Duration(i+1) * time.Millisecond); !s.Time().Equal(want) {
			t.Fatalf("version %d is of %s, want %s: the clock stands still, versions do not", s.Version(), s.Time(), want)
		}
	}
	for _, c := range []struct {
		ms   int64
		want int64
	}{{0, 0}, {1, 1}, {7, 7}, {12, 12}} {
		got, err := tb.Snapshot(ctx, Time(fixed.Add(time.Duration(c.ms)*time.Millisecond)))
		if c.ms == 12 {
			// The newest commit lies in this clock's future.
			if !errors.Is(err, ErrNoVersion) {
				t.Errorf("want ErrNoVersion, got %v", err)
			}
			continue
		}
		if err != nil || got.Version() != c.want || !got.Time().Equal(fixed.Add(time.Duration(c.want)*time.Millisecond)) {
			t.Errorf("%d ms: %v %v", c.ms, got, err)
		}
	}
	if _, err := tb.Snapshot(ctx, Time(fixed.Add(-time.Second))); !errors.Is(err, ErrNoVersion) || !strings.Contains(err.Error(), "version that can be read is 0") {
		t.Errorf("got %v", err)
	}
}

// TestWriters: eight writers append side by side, checkpoints and all; nothing is lost.
func TestWriters(t *testing.T) {
	const writers, appends = 8, 25
	ctx := context.Background()
	dir := t.TempDir()
	create(t, testTable(Dir(dir)), nil)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			tb := testTable(Dir(dir)).seeded(uint64(w) + 10)
			s, err := tb.Snapshot(ctx, Latest())
			for i := range appends {
				if err != nil {
					t.Error(err)
					return
				}
				x := s.Begin("WRITE")
				x.Add(dataFile(fmt.Sprintf("w%d-%d", w, i)))
				x.SetTxn(fmt.Sprint("writer", w), int64(i))
				if _, err = x.Commit(ctx); err == nil {
					s = x.Snapshot()
				}
			}
		})
	}
	wg.Wait()
	s := latest(t, Open(Dir(dir)))
	if s.Version() != writers*appends || s.NumFiles() != writers*appends {
		t.Fatalf("version %d with %d files, want %d", s.Version(), s.NumFiles(), writers*appends)
	}
	for w := range writers {
		if n, _ := s.Txn(fmt.Sprint("writer", w)); n != appends-1 {
			t.Errorf("writer %d is at %d", w, n)
		}
	}
	if left, err := filepath.Glob(filepath.Join(dir, logDir, ".tmp*")); err != nil || len(left) > 0 {
		t.Errorf("temporary files are left: %q %v", left, err)
	}
}

// TestFaults fails every operation of a small history in turn, with and without
// effect. What was acknowledged is there afterwards, and nothing else.
func TestFaults(t *testing.T) {
	ctx := context.Background()
	for _, after := range []bool{false, true} {
		for at := 1; ; at++ {
			disk := &memory{}
			store := &faulty{Store: disk, at: at, after: after}
			tb := testTable(store)
			want := map[string]bool{}
			commits := int64(0)
			step := func(build func() *Txn, done func()) {
				x := build()
				if x == nil {
					return
				}
				if _, err := x.Commit(ctx); err != nil {
					if !errors.Is(err, errFault) {
						t.Fatalf("op %d, after %t: %v", at, after, err)
					}
					return
				}
				commits++
				done()
			}
			begin := func() *Txn {
				s, err := tb.Snapshot(ctx, Latest())
				if errors.Is(err, ErrNoTable) {
					return tb.Create("CREATE TABLE", orders, nil, map[string]string{"delta.checkpointInterval": "2"})
				}
				if err != nil {
					if !errors.Is(err, errFault) {
						t.Fatalf("op %d, after %t: %v", at, after, err)
					}
					return nil
				}
				return s.Begin("WRITE")
			}
			for i := range 5 {
				name := fmt.Sprint("f", i)
				step(func() *Txn {
					x := begin()
					if x != nil && commits > 0 {
						x.Add(dataFile(name))
					}
					return x
				}, func() {
					if commits > 1 {
						want[name] = true
					}
				})
			}
			s := latest(t, testTable(disk))
			if s.Version() != commits-1 || s.NumFiles() != len(want) {
				t.Fatalf("op %d, after %t: version %d with %s, but %d commits were acknowledged, with %v", at, after, s.Version(), paths(fileList(t, s)), commits, want)
			}
			for _, f := range fileList(t, s) {
				if !want[f.Path] {
					t.Errorf("op %d: %s was not acknowledged", at, f.Path)
				}
			}
			if !store.hit {
				break // the history has fewer operations
			}
		}
	}
}
