package delta

import (
	"context"
	"fmt"
	"testing"

	"github.com/dq-dev/dq/table"
)

// history makes a table of n appends, with a checkpoint every so many versions.
func history(b *testing.B, n int, interval string) *Snapshot {
	b.Helper()
	s := create(b, testTable(Dir(b.TempDir())), map[string]string{"delta.checkpointInterval": interval})
	for i := range n {
		s = appendFiles(b, s, fmt.Sprintf("run-%d/part-0000.parquet", i))
	}
	return s
}

// BenchmarkAppend: one append of one file to a table of 1000 commits, fsync included.
func BenchmarkAppend(b *testing.B) {
	s := history(b, 1000, "10")
	i := 0
	for b.Loop() {
		x := s.Begin("WRITE")
		x.Add(dataFile(fmt.Sprintf("new-%d", i)))
		commitOK(b, x)
		s = x.Snapshot()
		i++
	}
}

// BenchmarkSnapshot: reading the newest version with all its files.
func BenchmarkSnapshot(b *testing.B) {
	for _, c := range []struct {
		commits  int
		interval string
	}{{305, "10"}, {1000, "10"}, {1000, "1000000"}} {
		b.Run(fmt.Sprintf("%d-commits-checkpoint-every-%s", c.commits, c.interval), func(b *testing.B) {
			tb := history(b, c.commits, c.interval).table
			for b.Loop() {
				n := 0
				for _, err := range latest(b, tb).Files(context.Background()) {
					if err != nil {
						b.Fatal(err)
					}
					n++
				}
				if n != c.commits {
					b.Fatalf("%d files", n)
				}
			}
		})
	}
}

// BenchmarkCheckpoint: writing and reading one of 100,000 files.
func BenchmarkCheckpoint(b *testing.B) {
	st := newState()
	st.protocol = &protocol{MinReader: 1, MinWriter: 2}
	st.metaData = &metaData{ID: "x"}
	columns := leaves(orders.Fields, mapNone, nil, nil)
	for i := range 100_000 {
		f := dataFile(fmt.Sprintf("run-%d/part-0000.parquet", i))
		f.Stats.Columns = append(f.Stats.Columns, table.ColumnStats{Path: []string{"note"}, Min: new("aaaa"), Max: new("zzzz"), Nulls: new(int64(0))})
		a, err := newAdd(f, nil, columns)
		if err != nil {
			b.Fatal(err)
		}
		st.files[a.key()] = a
	}
	data, err := formatCheckpoint(st.checkpointActions(f0))
	if err != nil {
		b.Fatal(err)
	}
	b.Run("write", func(b *testing.B) {
		for b.Loop() {
			if _, err := formatCheckpoint(st.checkpointActions(f0)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("read", func(b *testing.B) {
		for b.Loop() {
			n := 0
			if err := parseCheckpoint(data, func(*action) error { n++; return nil }); err != nil || n != 100_002 {
				b.Fatalf("%d actions, %v", n, err)
			}
		}
	})
}
