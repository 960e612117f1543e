package location

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/dq-dev/dq/delta/s3/s3test"
	"github.com/dq-dev/dq/table"
)

// bench is a server, a cache folder, and how to open a location with both.
type bench struct {
	*testing.T
	server *s3test.Server
	cache  string
	size   string
}

func newBench(t *testing.T) *bench {
	b := &bench{t, s3test.New("lake"), t.TempDir(), ""}
	t.Cleanup(b.server.Close)
	return b
}

func (b *bench) open(where string) *Location {
	b.Helper()
	l, err := Open(where, func(name string) string {
		switch name {
		case "DQ_CACHE_DIR":
			return b.cache
		case "DQ_CACHE_SIZE":
			return b.size
		}
		return b.server.Getenv(name)
	})
	b.ok(err)
	return l
}

func (b *bench) ok(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// dir is where an engine would read and write.
func (b *bench) dir(l *Location) string {
	b.Helper()
	dir, err := l.Dir()
	b.ok(err)
	return dir
}

// stage writes files as an engine would.
func (b *bench) stage(l *Location, names ...string) []table.File {
	b.Helper()
	var files []table.File
	for _, n := range names {
		path := filepath.Join(b.dir(l), filepath.FromSlash(n))
		b.ok(os.MkdirAll(filepath.Dir(path), 0o777))
		b.ok(os.WriteFile(path, content(n), 0o666))
		files = append(files, table.File{Path: n, Size: int64(len(content(n)))})
	}
	return files
}

// content is a hundred bytes that say which file they are of.
func content(name string) []byte { return []byte(fmt.Sprintf("%100s", name)) }

// holds demands that an engine would read the files.
func (b *bench) holds(l *Location, files []table.File) {
	b.Helper()
	for _, f := range files {
		data, err := os.ReadFile(filepath.Join(b.dir(l), filepath.FromSlash(f.Path)))
		if err != nil || string(data) != string(content(f.Path)) {
			b.Errorf("%s: %q, %v", f.Path, data, err)
		}
	}
}

// kept counts the copies and their bytes.
func (b *bench) kept() (n int, bytes int64) {
	_ = filepath.WalkDir(filepath.Join(b.cache, "files"), func(_ string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			fi, _ := e.Info()
			n, bytes = n+1, bytes+fi.Size()
		}
		return nil
	})
	return n, bytes
}

func TestLocalDisk(t *testing.T) {
	b := newBench(t)
	top := b.open(filepath.Join(t.TempDir(), "warehouse"))
	l := top.Sub("silver/orders")
	files := b.stage(l, "a.parquet", "p=1/b.parquet")
	b.ok(l.Publish(t.Context(), files...))
	b.ok(l.Fetch(t.Context(), files...))
	b.ok(l.Pull(t.Context(), "none"))
	b.ok(l.Push(t.Context(), "none"))
	b.holds(l, files)
	if _, err := l.Store().Stat(t.Context(), "p=1/b.parquet"); err != nil || l.String() != filepath.Join(top.String(), "silver", "orders") {
		t.Errorf("%s: %v", l, err)
	}
	b.ok(top.RemoveAll(t.Context(), "silver/orders/p=1"))
	if _, err := l.Store().Stat(t.Context(), "p=1/b.parquet"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	b.ok(top.Close())
	if n, _ := b.kept(); n != 0 {
		t.Errorf("%d copies of local files", n)
	}
}

func TestRemote(t *testing.T) {
	b := newBench(t)
	b.server.Fault = s3test.Random(3, 0.05)
	ctx := t.Context()
	writer := b.open("s3://lake/warehouse")
	l := writer.Sub("silver/orders")
	names := []string{"run/p=a b/c%20d.parquet"}
	for i := range 20 {
		names = append(names, fmt.Sprintf("run/part-%d.parquet", i))
	}
	files := b.stage(l, names...)
	b.ok(l.Publish(ctx, files...))
	b.ok(l.Fetch(ctx, files...)) // they are there already
	b.holds(l, files)
	for _, f := range files {
		if data, err := l.Store().Read(ctx, f.Path); err != nil || string(data) != string(content(f.Path)) {
			t.Errorf("%s: %q, %v", f.Path, data, err)
		}
	}
	b.ok(writer.Close())

	// Who shares the cache has the writer's files; who has another fetches them, once.
	gets := b.server.Requests(http.MethodGet)
	sharing := b.open("s3://lake/warehouse/silver/orders")
	b.ok(sharing.Fetch(ctx, files...))
	b.holds(sharing, files)
	if more := b.server.Requests(http.MethodGet) - gets; more != 0 {
		t.Errorf("%d requests for files that are in the cache", more)
	}
	b.ok(sharing.Close())
	b.server.Fault = nil
	b.cache = t.TempDir()
	gets = b.server.Requests(http.MethodGet)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			l := b.open("s3://lake/warehouse/silver/orders")
			defer l.Close()
			if err := l.Fetch(ctx, files...); err != nil {
				t.Error(err)
			}
			b.holds(l, files)
		})
	}
	all.Wait()
	again := b.open("s3://lake/warehouse")
	defer again.Close()
	b.ok(again.Sub("silver/orders").Fetch(ctx, files...))
	if more := b.server.Requests(http.MethodGet) - gets; more < len(files) || more > 4*len(files) {
		t.Errorf("%d requests for %d files", more, len(files))
	}
	if n, _ := b.kept(); n != len(files) {
		t.Errorf("%d copies of %d files", n, len(files))
	}
	b.ok(again.RemoveAll(ctx, "silver/orders/run"))
	if keys := b.server.Keys("lake", "warehouse/silver"); len(keys) != 0 {
		t.Errorf("left: %v", keys)
	}
	if _, err := os.Stat(filepath.Join(b.dir(again), "silver", "orders", "run")); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

func TestSizeIsChecked(t *testing.T) {
	b := newBench(t)
	l := b.open("s3://lake/t")
	defer l.Close()
	files := b.stage(l, "f")
	b.ok(l.Publish(t.Context(), files...))
	files[0].Size++
	if err := l.Fetch(t.Context(), files...); err == nil || !strings.Contains(err.Error(), "s3://lake/t/f has 100 bytes, the table's log says 101") {
		t.Error(err)
	}
	if err := l.Fetch(t.Context(), table.File{Path: "gone", Size: 1}); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	for _, outside := range []string{"/etc/passwd", "s3://other/f"} {
		if err := l.Fetch(t.Context(), table.File{Path: outside, Size: 1}); err == nil || !strings.Contains(err.Error(), "lies outside") {
			t.Errorf("%s: %v", outside, err)
		}
	}
	// A copy that was cut is found out and made anew.
	l2 := b.open("s3://lake/t")
	defer l2.Close()
	files[0].Size--
	b.ok(os.WriteFile(l2.copies.kept(l2.remote, "f"), []byte("cut"), 0o600))
	b.ok(l2.Fetch(t.Context(), files...))
	b.holds(l2, files)
}

func TestCacheIsBounded(t *testing.T) {
	b := newBench(t)
	b.size = "1000"
	l := b.open("s3://lake/t")
	defer l.Close()
	var files []table.File
	for i := range 30 {
		f := b.stage(l, fmt.Sprintf("f%d", i))
		b.ok(l.Publish(t.Context(), f...))
		files = append(files, f...)
		if _, bytes := b.kept(); bytes > 1000 {
			t.Fatalf("%d bytes of copies after %d files", bytes, i+1)
		}
	}
	if n, _ := b.kept(); n < 9 {
		t.Errorf("only %d copies are kept", n)
	}
	b.holds(l, files) // what is in use stays
	other := b.open("s3://lake/t")
	defer other.Close()
	gets := b.server.Requests(http.MethodGet)
	b.ok(other.Fetch(t.Context(), files[29])) // the youngest
	if b.server.Requests(http.MethodGet) != gets {
		t.Error("the youngest file is not kept")
	}
	b.ok(other.Fetch(t.Context(), files...))
	b.holds(other, files)
}

// TestSweep removes what a process left that was killed, and nothing of others.
func TestSweep(t *testing.T) {
	b := newBench(t)
	killed, living := b.open("s3://lake/t"), b.open("s3://lake/t")
	defer living.Close()
	b.stage(killed, "f")
	files := b.stage(living, "f")
	killed.copies.lock.Close() // as the end of a process does
	next := b.open("s3://lake/t")
	defer next.Close()
	b.dir(next)
	if _, err := os.Stat(killed.copies.view); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	b.holds(living, files)
}

func TestPullAndPush(t *testing.T) {
	b := newBench(t)
	l := b.open("s3://lake/t").Sub("_dq")
	defer l.Close()
	b.ok(l.Pull(t.Context(), "decisions"))
	name := filepath.Join(b.dir(l), "decisions")
	if _, err := os.Stat(name); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	b.ok(os.WriteFile(name, []byte("one\n"), 0o600))
	b.ok(l.Push(t.Context(), "decisions"))
	b.ok(l.Store().Put(t.Context(), "decisions", []byte("one\ntwo\n")))
	b.ok(l.Pull(t.Context(), "decisions"))
	if data, err := os.ReadFile(name); err != nil || string(data) != "one\ntwo\n" {
		t.Errorf("%q, %v", data, err)
	}
}

func TestEnds(t *testing.T) {
	b := newBench(t)
	l := b.open("s3://lake/t")
	defer l.Close()
	files := b.stage(l, "f")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Publish(ctx, files...); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if keys := b.server.Keys("lake", ""); len(keys) != 0 {
		t.Error(keys)
	}
}

func TestBadLocations(t *testing.T) {
	for where, want := range map[string]string{"ftp://x/y": "folders and s3:// only", "gs://b/t": "-tags gcs", "azblob://b/t": "-tags azure", "s3://": "s3://bucket/prefix"} {
		if _, err := Open(where, func(string) string { return "" }); schemes[strings.SplitN(where, ":", 2)[0]] == nil || where == "s3://" {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v", where, err)
			}
		}
	}
	for text, want := range map[string]int64{"0": 0, "12": 12, "12B": 12, "10GB": 10 << 30, "10 GiB": 10 << 30, "3k": 3 << 10, "2TB": 2 << 40, "500mb": 500 << 20} {
		if n, err := parseSize(text); err != nil || n != want {
			t.Errorf("%s: %d, %v", text, n, err)
		}
	}
	for _, text := range []string{"", "GB", "10XB", "-1", "1.5GB", "10BB", "9999999999TB", "10 G B K"} {
		if n, err := parseSize(text); err == nil {
			t.Errorf("%q is %d", text, n)
		}
	}
}
