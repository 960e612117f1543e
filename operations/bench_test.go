package operations_test

import (
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/dq-dev/dq/delta"
	"github.com/dq-dev/dq/delta/location"
	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/engine/duckdb"
	"github.com/dq-dev/dq/operations"
	"github.com/dq-dev/dq/table"
)

// BenchmarkAppends makes a table by 1,000 appends of ten rows, each a SELECT that
// becomes a Parquet file and a commit, durable when it returns. $DQ_BENCH_ROWS is a
// Parquet file whose first ten rows are taken. No checkpoint is written on the way,
// as none is by the peer.
func BenchmarkAppends(b *testing.B) {
	source := os.Getenv("DQ_BENCH_ROWS")
	if source == "" {
		b.Skip("set DQ_BENCH_ROWS to a Parquet file; make bench-delta does")
	}
	ctx := context.Background()
	eng, err := duckdb.Open(duckdb.Config{TempDir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = eng.Close() })
	s, err := eng.Small(ctx)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	if _, err := s.Attach(ctx, engine.Input{Name: "source", Root: filepath.Dir(source), Files: []table.File{{Path: filepath.Base(source)}}}); err != nil {
		b.Fatal(err)
	}
	if _, err := s.Attach(ctx, engine.Input{Name: "ten", SQL: "SELECT * FROM source LIMIT 10", Materialise: true}); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		where, err := location.Open(b.TempDir(), os.Getenv)
		if err != nil {
			b.Fatal(err)
		}
		tb := &operations.Table{Where: where, Delta: delta.Open(where.Store()), Session: s, Dialect: eng.Dialect()}
		began := processorTime()
		for i := range 1000 {
			if _, err := tb.Append(ctx, "SELECT * FROM ten", operations.Write{}); err != nil {
				b.Fatal(err)
			}
			if i == 0 {
				if _, err := tb.Alter(ctx, operations.Alteration{Set: map[string]string{"delta.checkpointInterval": "1000000"}}); err != nil {
					b.Fatal(err)
				}
			}
		}
		b.ReportMetric((processorTime() - began).Seconds(), "cpu-s")
	}
}

// processorTime is what this process has used.
func processorTime() time.Duration {
	var used syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &used) // cannot fail with these arguments
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
