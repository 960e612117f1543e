package delta

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

var withVectors = map[string]string{"delta.enableDeletionVectors": "true"}

// TestBitmapRoundTrip: what is written is read again, for shapes at the edges of
// containers and buckets.
func TestBitmapRoundTrip(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	span := func(from, n, step int64) []int64 {
		out := make([]int64, n)
		for i := range out {
			out[i] = from + int64(i)*step
		}
		return out
	}
	random := make([]int64, 20000)
	for i := range random {
		random[i] = rng.Int64N(1 << 34)
	}
	slices.Sort(random)
	cases := map[string][]int64{
		"none": nil, "first": {0}, "array at its limit": span(0, 4096, 3), "bitmap at its limit": span(5, 4097, 3),
		"full container": span(0, 1<<16, 1), "two containers": span(65530, 12, 1), "two buckets": {1<<32 - 1, 1 << 32},
		"far": {1<<62 + 7}, "random": slices.Compact(random),
	}
	for name, rows := range cases {
		got, err := parseBitmap(formatBitmap(rows))
		if err != nil || !slices.Equal(got, rows) {
			t.Errorf("%s: %d rows became %d, %v", name, len(rows), len(got), err)
		}
	}
}

// TestBitmapBytes pins the bytes of a small bitmap to the roaring format specification.
func TestBitmapBytes(t *testing.T) {
	want := []byte{
		0xD1, 0xD3, 0x39, 0x64, // magic
		1, 0, 0, 0, 0, 0, 0, 0, // one bucket
		0, 0, 0, 0, // its key
		0x3A, 0x30, 0, 0, // cookie
		2, 0, 0, 0, // containers
		0, 0, 1, 0, // the first: two values
		1, 0, 0, 0, // the second: one
		24, 0, 0, 0, 28, 0, 0, 0, // offsets
		3, 0, 9, 0, 2, 0,
	}
	if got := formatBitmap([]int64{3, 9, 1<<16 + 2}); !slices.Equal(got, want) {
		t.Errorf("got % x\nwant % x", got, want)
	}
}

// deleted gives the deleted positions by path.
func deleted(t testing.TB, s *Snapshot) map[string][]int64 {
	t.Helper()
	out := map[string][]int64{}
	for _, f := range fileList(t, s) {
		if f.Deleted != nil {
			out[f.Path] = f.Deleted.Rows
		}
	}
	return out
}

func TestDelete(t *testing.T) {
	ctx := context.Background()
	disk := &memory{}
	tb := testTable(disk)
	s := appendFiles(t, create(t, tb, withVectors), "a", "b", "c")
	if r, w := s.MinVersions(); r != 3 || w != 7 {
		t.Errorf("protocol %d/%d", r, w)
	}
	x := s.Begin("DELETE")
	files := fileList(t, s)
	x.Delete(files[0], []int64{7, 2, 2})
	x.Delete(files[1], []int64{9})
	commitOK(t, x)
	s = x.Snapshot()
	if got := deleted(t, s); len(got) != 2 || !slices.Equal(got["a"], []int64{2, 7}) || !slices.Equal(got["b"], []int64{9}) {
		t.Fatalf("deleted %v", got)
	}
	if n, ok := s.Rows(); n != 27 || !ok {
		t.Errorf("%d rows, %t", n, ok)
	}
	// The second union, the last row of a file, and a deletion that changes nothing.
	x = s.Begin("DELETE")
	files = fileList(t, s)
	x.Delete(files[0], []int64{0, 7})
	x.Delete(files[1], []int64{0, 1, 2, 3, 4, 5, 6, 7, 8})
	x.Delete(files[2], nil)
	prepared, err := json.Marshal(x)
	if err != nil {
		t.Fatal(err)
	}
	// Another process takes it up; it brings the vectors along.
	x, err = testTable(disk).Resume(prepared)
	if err != nil {
		t.Fatal(err)
	}
	commitOK(t, x)
	s = latest(t, testTable(disk))
	if got := describe(t, s); got != describe(t, x.Snapshot()) {
		t.Errorf("the log says\n%sthe commit\n%s", got, describe(t, x.Snapshot()))
	}
	if got := paths(fileList(t, s)); got != "a-3 c" {
		t.Errorf("files %s", got)
	}
	if f := fileList(t, s)[0]; !f.Stats.Loose || f.Stats.Rows != 10 || len(f.Stats.Columns) != 1 {
		t.Errorf("statistics %+v", f.Stats)
	}
	// Two writers that delete from one file: the second one loses.
	one, two := s.Begin("DELETE"), s.Begin("DELETE")
	one.Delete(fileList(t, s)[1], []int64{1})
	two.Delete(fileList(t, s)[1], []int64{2})
	commitOK(t, one)
	var conflict *ConflictError
	if _, err := two.Commit(ctx); !errors.As(err, &conflict) || conflict.Kind != ConcurrentDeleteDelete {
		t.Errorf("want a conflict, got %v", err)
	}
	// The file is durable before the log names it.
	for at := 1; ; at++ {
		store := &faulty{Store: &memory{files: map[string][]byte{}}, at: at + 1000}
		tb := testTable(store)
		s := appendFiles(t, create(t, tb, withVectors), "a")
		store.n, store.at = 0, at
		x := s.Begin("DELETE")
		x.Delete(fileList(t, s)[0], []int64{3})
		_, err := x.Commit(ctx)
		if err != nil && !errors.Is(err, errFault) {
			t.Fatal(err)
		}
		if got := latest(t, testTable(store.Store)); err == nil && len(deleted(t, got)) != 1 || err != nil && len(deleted(t, got)) != 0 {
			t.Errorf("op %d: %v, and the table has %v", at, err, deleted(t, got))
		}
		if !store.hit {
			break
		}
	}
}

func TestDeleteRefused(t *testing.T) {
	noRows := dataFile("n")
	noRows.Stats = nil
	cases := []struct {
		name  string
		props map[string]string
		do    func(*Txn)
		want  string
	}{
		{"property off", nil, func(x *Txn) { x.Delete(dataFile("a"), []int64{1}) }, "set its property delta.enableDeletionVectors to true"},
		{"beyond the file", withVectors, func(x *Txn) { x.Delete(dataFile("a"), []int64{10}) }, "rows 10 to 10 of a, which has 10"},
		{"negative", withVectors, func(x *Txn) { x.Delete(dataFile("a"), []int64{-1, 3}) }, "rows -1 to 3 of a"},
		{"not live", withVectors, func(x *Txn) { x.Delete(dataFile("z"), []int64{1}) }, "z is no live file"},
		{"unknown number of rows", withVectors, func(x *Txn) { x.Delete(noRows, []int64{1}) }, "does not say how many rows"},
		{"twice", withVectors, func(x *Txn) { x.Delete(dataFile("a"), []int64{1}); x.Delete(dataFile("a"), []int64{2}) }, "two actions"},
		{"append-only", map[string]string{"delta.enableDeletionVectors": "true", "delta.appendOnly": "true"},
			func(x *Txn) { x.Delete(dataFile("a"), []int64{1}) }, "append-only"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := create(t, testTable(&memory{}), c.props)
			x := s.Begin("WRITE")
			x.Add(dataFile("a"), noRows)
			commitOK(t, x)
			x = x.Snapshot().Begin("DELETE")
			c.do(x)
			if _, err := x.Commit(context.Background()); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
	t.Run("vector not resolved", func(t *testing.T) {
		s := appendFiles(t, create(t, testTable(&memory{}), withVectors), "a")
		x := s.Begin("DELETE")
		x.Delete(fileList(t, s)[0], []int64{1})
		commitOK(t, x)
		f := fileList(t, x.Snapshot())[0]
		d := *f.Deleted
		d.Rows = nil
		f.Deleted = &d
		x = x.Snapshot().Begin("DELETE")
		x.Delete(f, []int64{2})
		if _, err := x.Commit(context.Background()); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "take the file from Snapshot.Files") {
			t.Errorf("got %v", err)
		}
	})
}

// FuzzBitmap: whatever positions are written come back.
func FuzzBitmap(f *testing.F) {
	f.Add([]byte{1, 2, 3, 255, 0, 0, 128})
	f.Fuzz(func(t *testing.T, data []byte) {
		var rows []int64
		next := int64(0)
		for _, b := range data {
			rows = append(rows, next)
			next += int64(b)*int64(b)*int64(b) + 1
		}
		got, err := parseBitmap(formatBitmap(rows))
		if err != nil || !slices.Equal(got, rows) {
			t.Errorf("%d rows became %d, %v", len(rows), len(got), err)
		}
	})
}
