package delta

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"syscall"
	"testing"
	"time"

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

// BenchmarkLoad: a snapshot of the table in $DQ_BENCH_TABLE; with files, also all
// its files with their statistics; with partition, those of one day.
func BenchmarkLoad(b *testing.B) {
	dir := os.Getenv("DQ_BENCH_TABLE")
	if dir == "" {
		b.Skip("set DQ_BENCH_TABLE to the folder of a table; make bench-delta does")
	}
	load := func(b *testing.B, use func(*Snapshot) int) {
		files, began := 0, processorTime()
		for b.Loop() {
			files = use(latest(b, Open(Dir(dir))))
		}
		b.ReportMetric((processorTime()-began).Seconds()/float64(b.N), "cpu-s")
		b.ReportMetric(float64(files), "files")
	}
	b.Run("snapshot", func(b *testing.B) { load(b, (*Snapshot).NumFiles) })
	list := func(where ...Predicate) func(b *testing.B) {
		return func(b *testing.B) {
			load(b, func(s *Snapshot) (files int) {
				for _, err := range s.Files(context.Background(), where...) {
					if err != nil {
						b.Fatal(err)
					}
					files++
				}
				return files
			})
		}
	}
	b.Run("files", list())
	b.Run("partition", list(Predicate{Path: []string{"day"}, Op: Equal, Values: []string{"2024-01-07"}}))
}

// processorTime is what this process has used.
func processorTime() time.Duration {
	var used syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &used) // cannot fail with these arguments
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
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

// bigCheckpoint is one of n files in 30 partitions, with statistics.
func bigCheckpoint(b testing.TB, n int) *state {
	b.Helper()
	st := newState()
	st.protocol = &protocol{MinReader: 1, MinWriter: 2}
	text, err := formatSchema(orders)
	if err != nil {
		b.Fatal(err)
	}
	st.metaData = &metaData{ID: "x", Format: format{Provider: "parquet"}, SchemaString: text, PartitionColumns: []string{"id"}}
	columns := leaves(orders.Fields[1:], mapNone, nil, nil)
	for i := range n {
		f := dataFile(fmt.Sprintf("run-%d/part-0000.parquet", i))
		f.Partition = map[string]*string{"id": new(strconv.Itoa(i % 30))}
		f.Stats.Columns = []table.ColumnStats{{Path: []string{"note"}, Min: new("aaaa" + strconv.Itoa(i)), Max: new("zzzz" + strconv.Itoa(i)), Nulls: new(int64(0))}}
		a, err := newAdd(f, []partitionColumn{{"id", "id", orders.Fields[0].Type}}, columns)
		if err != nil {
			b.Fatal(err)
		}
		st.files[a.key()] = a
	}
	return st
}

// BenchmarkCheckpointWrite: making one of 100,000 files.
func BenchmarkCheckpointWrite(b *testing.B) {
	st := bigCheckpoint(b, 100_000)
	for b.Loop() {
		if _, err := formatCheckpoint(checkpointShape, st.checkpointActions(f0)); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCheckpointRead: a snapshot from a checkpoint of 300,000 files. It
// reports the memory that the snapshot keeps, and the most that was in use.
func BenchmarkCheckpointRead(b *testing.B) {
	store := &memory{}
	st := bigCheckpoint(b, 300_000)
	st.version = 5
	if err := Open(store).writeCheckpoint(context.Background(), st, f0); err != nil {
		b.Fatal(err)
	}
	st = nil
	debug.FreeOSMemory()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var s *Snapshot
	for b.Loop() {
		if s = latest(b, Open(store)); s.NumFiles() != 300_000 {
			b.Fatalf("%d files", s.NumFiles())
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(int64(after.HeapAlloc)-int64(before.HeapAlloc))/1e6, "MB-kept")
	b.ReportMetric(float64(after.HeapSys-after.HeapReleased)/1e6, "MB-heap")
	runtime.KeepAlive(s)
}
