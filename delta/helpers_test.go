package delta

import (
	"context"
	"encoding/binary"
	"fmt"
	"io/fs"
	"iter"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dq-dev/dq/table"
)

// testTable is a table in store whose clock ticks a second a look and whose ids
// are the same in every run.
func testTable(store Store) *Table {
	t := Open(store)
	now := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	t.Clock = func() time.Time { now = now.Add(time.Second); return now }
	t.Rand = rand.NewChaCha8([32]byte{1})
	return t
}

func (t *Table) seeded(n uint64) *Table {
	var seed [32]byte
	binary.LittleEndian.PutUint64(seed[:], n)
	t.Rand = rand.NewChaCha8(seed)
	return t
}

var orders = table.Schema{Fields: []table.Field{
	{Name: "id", Type: table.Type{Kind: table.Int64}, Nullable: true},
	{Name: "note", Type: table.Type{Kind: table.String}, Nullable: true},
}}

// dataFile is a file of ten rows that is nowhere but in the log.
func dataFile(name string) table.File {
	return table.File{Path: name, Size: 100, Modified: f0,
		Stats: &table.Stats{Rows: 10, Columns: []table.ColumnStats{{Path: []string{"id"}, Min: new("1"), Max: new("10"), Nulls: new(int64(0))}}}}
}

func create(t testing.TB, tb *Table, props map[string]string) *Snapshot {
	t.Helper()
	x := tb.Create("CREATE TABLE", orders, nil, props)
	commitOK(t, x)
	return x.Snapshot()
}

func commitOK(t testing.TB, x *Txn) int64 {
	t.Helper()
	v, err := x.Commit(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func appendFiles(t testing.TB, s *Snapshot, names ...string) *Snapshot {
	t.Helper()
	x := s.Begin("WRITE")
	for _, n := range names {
		x.Add(dataFile(n))
	}
	commitOK(t, x)
	return x.Snapshot()
}

func latest(t testing.TB, tb *Table) *Snapshot {
	t.Helper()
	s, err := tb.Snapshot(context.Background(), Latest())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func fileList(t testing.TB, s *Snapshot) []table.File {
	t.Helper()
	var out []table.File
	for f, err := range s.Files(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, f)
	}
	return out
}

func paths(files []table.File) string {
	out := ""
	for i, f := range files {
		if i > 0 {
			out += " "
		}
		out += f.Path
		if f.Deleted != nil {
			out += "-" + strconv.FormatInt(f.Deleted.Cardinality, 10)
		}
	}
	return out
}

// describe says everything that a snapshot holds, for comparison.
func describe(t testing.TB, s *Snapshot) string {
	t.Helper()
	reader, writer := s.Features()
	rows, known := s.Rows()
	text, err := formatSchema(s.Schema())
	if err != nil {
		t.Fatal(err)
	}
	out := fmt.Sprintf("version %d %s %q %v %v %v %d rows %t %v %v\n", s.Version(), text, s.PartitionBy(), s.Properties(), reader, writer, rows, known, s.Txns(), s.state.domains)
	for _, f := range fileList(t, s) {
		out += fmt.Sprintf("%s %d %s %v", f.Path, f.Size, f.Modified, f.Tags)
		if d := f.Deleted; d != nil {
			out += fmt.Sprintf(" without %s%s@%v %v", d.Storage, d.Location, d.Offset != nil, d.Rows)
		}
		for k, v := range f.Partition {
			if v != nil {
				out += " " + k + "=" + *v
			}
		}
		if f.Stats != nil {
			out += fmt.Sprintf(" %d rows", f.Stats.Rows)
			for _, c := range f.Stats.Columns {
				out += fmt.Sprintf(" %v", c.Path)
				if c.Min != nil && c.Max != nil {
					out += *c.Min + ".." + *c.Max
				}
			}
		}
		out += "\n"
	}
	return out
}

// memory is a store without a disk, for tests that are about the log.
type memory struct {
	mu    sync.Mutex
	files map[string][]byte
}

func (m *memory) List(_ context.Context, dir, from string) ([]Info, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []Info
	for _, name := range sortedKeys(m.files) {
		if base, ok := strings.CutPrefix(name, dir+"/"); ok && base >= from && !strings.Contains(base, "/") {
			out = append(out, Info{Name: name, Size: int64(len(m.files[name])), Modified: f0})
		}
	}
	return out, nil
}

func (m *memory) Walk(_ context.Context, dir string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		for _, name := range sortedKeys(m.files) {
			if (dir == "" || strings.HasPrefix(name, dir+"/")) && !yield(Info{Name: name, Size: int64(len(m.files[name])), Modified: f0}, nil) {
				return
			}
		}
	}
}

func (m *memory) Read(_ context.Context, name string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if data, ok := m.files[name]; ok {
		return data, nil
	}
	return nil, fs.ErrNotExist
}

func (m *memory) Stat(ctx context.Context, name string) (Info, error) {
	data, err := m.Read(ctx, name)
	return Info{Name: name, Size: int64(len(data)), Modified: f0}, err
}

func (m *memory) PutNew(ctx context.Context, name string, data []byte) error {
	if _, err := m.Read(ctx, name); err == nil {
		return ErrExists
	}
	return m.Put(ctx, name, data)
}

func (m *memory) Put(_ context.Context, name string, data []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.files == nil {
		m.files = map[string][]byte{}
	}
	m.files[name] = slices.Clone(data)
	return nil
}

func (m *memory) Delete(_ context.Context, name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.files, name)
	return nil
}

// f0 is when all files of the tests were written.
var f0 = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)

// faulty fails one operation: the n-th from 1. When after is set, the operation
// takes effect all the same.
type faulty struct {
	Store
	n, at int
	after bool
	hit   bool
}

var errFault = fmt.Errorf("the disk is on fire")

func (s *faulty) op(do func() error) error {
	s.n++
	if s.n != s.at {
		return do()
	}
	s.hit = true
	if s.after {
		if err := do(); err != nil {
			return err
		}
	}
	return errFault
}

func (s *faulty) List(ctx context.Context, dir, from string) (out []Info, err error) {
	err = s.op(func() (err error) { out, err = s.Store.List(ctx, dir, from); return err })
	return out, err
}

func (s *faulty) Read(ctx context.Context, name string) (out []byte, err error) {
	err = s.op(func() (err error) { out, err = s.Store.Read(ctx, name); return err })
	return out, err
}

func (s *faulty) Stat(ctx context.Context, name string) (out Info, err error) {
	err = s.op(func() (err error) { out, err = s.Store.Stat(ctx, name); return err })
	return out, err
}

func (s *faulty) PutNew(ctx context.Context, name string, data []byte) error {
	return s.op(func() error { return s.Store.PutNew(ctx, name, data) })
}

func (s *faulty) Put(ctx context.Context, name string, data []byte) error {
	return s.op(func() error { return s.Store.Put(ctx, name, data) })
}

func (s *faulty) Delete(ctx context.Context, name string) error {
	return s.op(func() error { return s.Store.Delete(ctx, name) })
}
