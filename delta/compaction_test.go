package delta

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// counting notes which files are read.
type counting struct {
	Store
	read []string
}

func (c *counting) Read(ctx context.Context, name string) ([]byte, error) {
	c.read = append(c.read, strings.TrimPrefix(strings.TrimLeft(strings.TrimPrefix(name, logDir+"/"), "0"), "."))
	return c.Store.Read(ctx, name)
}

// compact writes the compaction of commits, as the protocol describes it.
func compact(t *testing.T, tb *Table, from, to int64) {
	t.Helper()
	s := newState()
	for v := from; v <= to; v++ {
		c, err := tb.readCommit(context.Background(), v)
		if err != nil {
			t.Fatal(err)
		}
		s.apply(c)
	}
	var b bytes.Buffer
	line := func(kind string, v any) {
		text, err := json.Marshal(map[string]any{kind: v})
		if err != nil {
			t.Fatal(err)
		}
		b.Write(append(text, '\n'))
	}
	if s.protocol != nil {
		line("protocol", s.protocol)
	}
	if s.metaData != nil {
		line("metaData", s.metaData)
	}
	for _, x := range s.txns {
		line("txn", x)
	}
	for _, f := range s.files {
		line("add", f)
	}
	for _, f := range s.tombstones {
		line("remove", f)
	}
	if err := tb.store.PutNew(context.Background(), compactionName(from, to), b.Bytes()); err != nil {
		t.Fatal(err)
	}
}

// TestCompaction: a table of ten versions, 0 to 9, in which files come and go.
func TestCompaction(t *testing.T) {
	ctx := context.Background()
	put := func(from, to int64, text string) func(*testing.T, *Table) {
		return func(t *testing.T, tb *Table) {
			if err := tb.store.Put(ctx, compactionName(from, to), []byte(text)); err != nil {
				t.Fatal(err)
			}
		}
	}
	of := func(ranges ...int64) func(*testing.T, *Table) {
		return func(t *testing.T, tb *Table) {
			for i := 0; i < len(ranges); i += 2 {
				compact(t, tb, ranges[i], ranges[i+1])
			}
		}
	}
	for _, c := range []struct {
		name   string
		props  map[string]string
		before func(*testing.T, *Table)
		read   string // for the newest version
		warn   string
		err    error
	}{
		{"none", nil, of(), "_last_checkpoint json 1.json 2.json 3.json 4.json 5.json 6.json 7.json 8.json 9.json", "", nil},
		{"all", nil, of(0, 9), "_last_checkpoint 00000000000000000009.compacted.json", "", nil},
		{"in the middle", nil, of(2, 8), "_last_checkpoint json 1.json 2.00000000000000000008.compacted.json 9.json", "", nil},
		{"the longest of one beginning", nil, of(1, 3, 1, 7), "_last_checkpoint json 1.00000000000000000007.compacted.json 8.json 9.json", "", nil},
		{"one after the other", nil, of(0, 4, 5, 9), "_last_checkpoint 00000000000000000004.compacted.json 5.00000000000000000009.compacted.json", "", nil},
		{"overlapping", nil, of(0, 4, 3, 9), "_last_checkpoint 00000000000000000004.compacted.json 5.json 6.json 7.json 8.json 9.json", "", nil},
		{"with times in the commits", map[string]string{"delta.enableInCommitTimestamps": "true"}, of(0, 9), "_last_checkpoint 00000000000000000009.compacted.json 9.json", "", nil},
		{"beside a checkpoint", map[string]string{"delta.checkpointInterval": "5"}, of(3, 7, 6, 8),
			"_last_checkpoint 5.checkpoint.parquet 6.00000000000000000008.compacted.json 9.json", "", nil},
		{"no JSON", nil, put(1, 9, `{"add":{"path":`), "_last_checkpoint json 1.00000000000000000009.compacted.json 1.json 2.json 3.json 4.json 5.json 6.json 7.json 8.json 9.json", "not a JSON action", nil},
		{"empty", nil, put(1, 9, ""), "_last_checkpoint json 1.00000000000000000009.compacted.json 1.json 2.json 3.json 4.json 5.json 6.json 7.json 8.json 9.json", "the log entry is empty", nil},
		{"no metadata", nil, put(0, 9, `{"protocol":{"minReaderVersion":1,"minWriterVersion":2}}`),
			"_last_checkpoint 00000000000000000009.compacted.json json 1.json 2.json 3.json 4.json 5.json 6.json 7.json 8.json 9.json", "lacks what its commits must have", nil},
		{"one file twice", nil, put(1, 9, `{"remove":{"path":"f1","dataChange":true}}`+"\n"+`{"remove":{"path":"f1","dataChange":true}}`),
			"_last_checkpoint json 1.00000000000000000009.compacted.json 1.json 2.json 3.json 4.json 5.json 6.json 7.json 8.json 9.json", "two actions", nil},
		{"backwards, or of one", nil, func(t *testing.T, tb *Table) {
			put(9, 1, "x")(t, tb)
			put(1, 1, "x")(t, tb)
		}, "_last_checkpoint json 1.json 2.json 3.json 4.json 5.json 6.json 7.json 8.json 9.json", "", nil},
		{"a commit is missing", nil, func(t *testing.T, tb *Table) {
			compact(t, tb, 1, 8)
			if err := tb.store.Delete(ctx, commitName(5)); err != nil {
				t.Fatal(err)
			}
		}, "", "", ErrCorrupt},
	} {
		t.Run(c.name, func(t *testing.T) {
			store := &counting{Store: Dir(t.TempDir())}
			tb := testTable(store)
			s := create(t, tb, c.props)
			var want []string
			for i := range 10 {
				if i > 0 {
					x := s.Begin("WRITE")
					x.Add(dataFile(fmt.Sprintf("f%d", i)))
					x.SetTxn("app", int64(i))
					if i%3 == 0 {
						x.Remove(dataFile(fmt.Sprintf("f%d", i-2)))
					}
					commitOK(t, x)
					s = x.Snapshot()
				}
				want = append(want, describe(t, s))
			}
			c.before(t, tb)
			var warned []string
			fresh := Open(store)
			fresh.Warn = func(err error) { warned = append(warned, err.Error()) }
			store.read = nil
			got, err := fresh.Snapshot(ctx, Latest())
			if !errors.Is(err, c.err) || err != nil && c.err == nil {
				t.Fatalf("the error is %v, want %v", err, c.err)
			}
			if c.err != nil {
				return
			}
			if text := describe(t, got); text != want[9] {
				t.Errorf("the newest version is\n%s\nwant\n%s", text, want[9])
			}
			if read := strings.Join(store.read, " "); read != c.read {
				t.Errorf("read %s\nwant %s", read, c.read)
			}
			if text := strings.Join(warned, "\n"); c.warn == "" && text != "" || !strings.Contains(text, c.warn) {
				t.Errorf("warned %q, want %q", text, c.warn)
			}
			for v := range int64(10) {
				old, err := fresh.Snapshot(ctx, Version(v))
				if err != nil {
					t.Fatal(err)
				}
				if text := describe(t, old); text != want[v] {
					t.Errorf("version %d is\n%s\nwant\n%s", v, text, want[v])
				}
				next, err := old.Update(ctx)
				if err != nil {
					t.Fatal(err)
				}
				if text := describe(t, next); text != want[9] {
					t.Errorf("version %d, brought up to date, is\n%s\nwant\n%s", v, text, want[9])
				}
			}
		})
	}
}
