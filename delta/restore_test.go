package delta

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/dq-dev/dq/table"
)

// stored is a table whose data files are in its store too.
func stored(t testing.TB, tb *Table, s *Snapshot, names ...string) *Snapshot {
	t.Helper()
	for _, n := range names {
		if err := tb.store.Put(context.Background(), n, []byte("data of "+n)); err != nil {
			t.Fatal(err)
		}
	}
	return appendFiles(t, s, names...)
}

func TestRestore(t *testing.T) {
	ctx := context.Background()
	disk := &memory{}
	tb := testTable(disk)
	s := stored(t, tb, create(t, tb, withFeed), "a", "b")
	x := s.Begin("DELETE")
	x.Delete(fileList(t, s)[0], []int64{4, 5})
	x.SetTxn("app", 3)
	commitOK(t, x)
	old := x.Snapshot()
	x = old.Begin("WRITE")
	x.Remove(fileList(t, old)[1])
	x.Delete(fileList(t, old)[0], []int64{6})
	x.SetSchema(table.Schema{Fields: append(orders.Fields, table.Field{Name: "at", Type: table.Type{Kind: table.TimestampNTZ}, Nullable: true})})
	x.SetTxn("app", 4)
	x.SetTxn("late", 0)
	commitOK(t, x)
	stored(t, tb, x.Snapshot(), "c")

	done, err := tb.Restore(ctx, Version(2), RestoreOptions{})
	if err != nil || done.Version != 5 || done.From != 2 || done.Added != 2 || done.Removed != 2 || done.Missing != nil {
		t.Fatalf("%+v, %v", done, err)
	}
	s = latest(t, testTable(disk))
	if got := paths(fileList(t, s)); got != "a-2 b" {
		t.Errorf("files %s", got)
	}
	if _, ok := s.Schema().Field("at"); ok {
		t.Error("the column stayed")
	}
	if n, _ := s.Txn("app"); n != 3 {
		t.Errorf("the table has the application's commit 3, not %d", n)
	}
	if n, _ := s.Txn("late"); n != -1 {
		t.Errorf("the table has no commit of the late application, not %d", n)
	}
	if reader, _ := s.Features(); strings.Join(reader, " ") != "deletionVectors timestampNtz" {
		t.Errorf("features %v: they never go back", reader)
	}
	if got, err := feedText(t, tb, 5, 5); err != nil || got != "5: insert a[6]-[4 5] insert b delete c\n" {
		t.Errorf("feed %q, %v", got, err)
	}
	// A restore can be restored, and one of nothing changes nothing.
	if done, err := tb.Restore(ctx, Version(4), RestoreOptions{}); err != nil || paths(fileList(t, latest(t, tb))) != "a-3 c" {
		t.Errorf("%+v, %v", done, err)
	}
	if done, err := tb.Restore(ctx, Latest(), RestoreOptions{}); err != nil || done.Added+done.Removed != 0 {
		t.Errorf("%+v, %v", done, err)
	}
	// What is gone for good.
	if err := disk.Delete(ctx, "b"); err != nil {
		t.Fatal(err)
	}
	if _, err := tb.Restore(ctx, Version(2), RestoreOptions{}); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "b: restore of version 2: 1 of its files no longer exist") {
		t.Errorf("got %v", err)
	}
	if done, err := tb.Restore(ctx, Version(2), RestoreOptions{IgnoreMissing: true}); err != nil || len(done.Missing) != 1 || paths(fileList(t, latest(t, tb))) != "a-2" {
		t.Errorf("%+v, %v", done, err)
	}
	if _, err := tb.Restore(ctx, Version(99), RestoreOptions{}); !errors.Is(err, ErrNoVersion) {
		t.Errorf("got %v", err)
	}
}

func TestRestoreKeepsMarks(t *testing.T) {
	tb := testTable(&memory{})
	mark := func(n int64) table.Schema {
		f := orders.Fields[0]
		f.Meta = map[string]any{"delta.identity.highWaterMark": n}
		return table.Schema{Fields: []table.Field{f, orders.Fields[1]}}
	}
	x := tb.Create("CREATE TABLE", mark(5), nil, nil)
	commitOK(t, x)
	x = x.Snapshot().Begin("WRITE")
	x.SetSchema(mark(9))
	x.SetProperties(map[string]string{"color": "red", "delta.enableInCommitTimestamps": "true"})
	commitOK(t, x)
	if _, err := tb.Restore(context.Background(), Version(0), RestoreOptions{}); err != nil {
		t.Fatal(err)
	}
	s := latest(t, tb)
	if got := s.Schema().Fields[0].Meta["delta.identity.highWaterMark"]; got != int64(9) {
		t.Errorf("mark %v: numbers would be given twice", got)
	}
	if p := s.Properties(); p["color"] != "" || p["delta.enableInCommitTimestamps"] != "true" || p["delta.inCommitTimestampEnablementVersion"] != "1" {
		t.Errorf("properties %v", p)
	}
}

func TestVacuum(t *testing.T) {
	ctx := context.Background()
	disk := &memory{}
	tb := testTable(disk)
	now := f0
	tb.Clock = func() time.Time { now = now.Add(time.Second); return now }
	fields := append([]table.Field{{Name: "_p", Type: table.Type{Kind: table.String}, Nullable: true}}, orders.Fields...)
	x := tb.Create("CREATE TABLE", table.Schema{Fields: fields}, []string{"_p"}, withFeed)
	commitOK(t, x)
	add := func(s *Snapshot, names ...string) *Snapshot {
		t.Helper()
		x := s.Begin("WRITE")
		for _, n := range names {
			if err := disk.Put(ctx, n, []byte("x")); err != nil {
				t.Fatal(err)
			}
			f := dataFile(n)
			f.Partition = map[string]*string{"_p": new("1")}
			x.Add(f)
		}
		commitOK(t, x)
		return x.Snapshot()
	}
	s := add(x.Snapshot(), "_p=1/live", "_p=1/old gone", "_p=1/new gone", "_p=1/dv")
	files := fileList(t, s) // dv, live, new gone, old gone
	x = s.Begin("DELETE")
	x.Delete(files[0], []int64{1})
	x.Remove(files[3])
	commitOK(t, x)
	s = x.Snapshot()
	oldVector := vectorOf(t, s)
	x = s.Begin("DELETE") // a new vector; the old one is needed until it is expired
	x.Delete(fileList(t, s)[0], []int64{2})
	commitOK(t, x)
	now = f0.Add(30 * 24 * time.Hour)
	x = x.Snapshot().Begin("DELETE")
	x.Remove(files[2])
	commitOK(t, x)
	for _, n := range []string{"orphan", "_p=1/orphan", "_p=1/_hidden/x", "_metadata/x", ".dot", "sub/.crc", "_change_data/old"} {
		if err := disk.Put(ctx, n, []byte("xyz")); err != nil {
			t.Fatal(err)
		}
	}
	list := func(v Vacuumed) string {
		var names []string
		for _, f := range v.Files {
			names = append(names, f.Name)
		}
		return strings.Join(names, " ")
	}
	want := strings.Join([]string{"_change_data/old", "_p=1/old gone", "_p=1/orphan", oldVector, "orphan"}, " ")
	dry, err := tb.Vacuum(ctx, VacuumOptions{DryRun: true})
	if err != nil || list(dry) != want || dry.Bytes != 10+int64(len(disk.files[oldVector])) {
		t.Errorf("dry run: %d bytes\n%s\n%s, %v", dry.Bytes, list(dry), want, err)
	}
	before := latest(t, tb)
	short := time.Hour
	if _, err := tb.Vacuum(ctx, VacuumOptions{Retention: &short}); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "below the table's 168h0m0s") {
		t.Errorf("got %v", err)
	}
	if before.Version() != latest(t, tb).Version() {
		t.Error("a dry run or a refusal wrote to the log")
	}
	done, err := tb.Vacuum(ctx, VacuumOptions{})
	if err != nil || list(done) != want {
		t.Errorf("%s, %v", list(done), err)
	}
	for _, n := range strings.Split("orphan _change_data/old", " ") {
		if _, ok := disk.files[n]; ok {
			t.Errorf("%s is there", n)
		}
	}
	history, err := tb.History(ctx, 2)
	if err != nil || history[0].Operation != "VACUUM END" || history[1].Operation != "VACUUM START" ||
		!strings.Contains(string(history[0].Info), `"numDeletedFiles":"5"`) || !strings.Contains(string(history[1].Info), `"numFilesToDelete":"5"`) {
		t.Errorf("%v %s %s", err, history[0].Info, history[1].Info)
	}
	if got := paths(fileList(t, latest(t, tb))); got != "_p=1/dv-2 _p=1/live" {
		t.Errorf("files %s", got)
	}
	zero := time.Duration(0)
	now = now.Add(time.Minute)
	if done, err = tb.Vacuum(ctx, VacuumOptions{Retention: &zero, Force: true}); err != nil || list(done) != "_p=1/new gone" {
		t.Errorf("%s, %v", list(done), err)
	}
	negative := -time.Hour
	if _, err = tb.Vacuum(ctx, VacuumOptions{Retention: &negative, Force: true}); !errors.Is(err, ErrInvalid) {
		t.Errorf("got %v", err)
	}
}

func vectorOf(t testing.TB, s *Snapshot) string {
	t.Helper()
	for _, f := range s.state.files {
		if f.DeletionVector != nil {
			name, err := dvFile(f.DeletionVector)
			if err != nil {
				t.Fatal(err)
			}
			return name
		}
	}
	t.Fatal("no deletion vector")
	return ""
}

// TestVacuumRefused: a writer feature that nobody here knows may keep files.
func TestVacuumRefused(t *testing.T) {
	tb := testTable(&memory{files: map[string][]byte{commitName(0): []byte(
		`{"protocol":{"minReaderVersion":1,"minWriterVersion":7,"writerFeatures":["secretFiles"]}}
{"metaData":{"id":"t","format":{"provider":"parquet","options":{}},"schemaString":"{\"type\":\"struct\",\"fields\":[]}","partitionColumns":[],"configuration":{}}}`),
		"x": nil}})
	if _, err := tb.Vacuum(context.Background(), VacuumOptions{}); !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), "secretFiles") {
		t.Errorf("got %v", err)
	}
}

// TestReferenced: absolute names that may point into the table keep files.
func TestReferenced(t *testing.T) {
	tb := testTable(&memory{})
	s := create(t, tb, nil)
	for _, name := range []string{"/lake/orders/a/b.parquet", "s3://lake/orders/c.parquet"} {
		s.state.files[fileKey{path: name}] = &fileAction{Path: name, path: name}
	}
	got, err := s.referenced(f0)
	if err != nil || !got["a/b.parquet"] || !got["b.parquet"] || !got["c.parquet"] || got["orders"] {
		t.Errorf("%v, %v", got, err)
	}
}
