package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/engine/duckdb"
	"github.com/dq-dev/dq/source/file"
	"github.com/dq-dev/dq/table"
)

// BenchmarkYear runs the example over all its days: files to gold, audited,
// with reports. Beside it stands what the engine needs just to read the same
// files and write their rows as Parquet once, with nothing decided about them;
// ratio is the one by the other. Peak memory is that of the run's own process, the
// most of all runs.
func BenchmarkYear(b *testing.B) {
	days := allDays(b)
	var p string
	var took time.Duration
	var peak int64 // KiB (getrusage(2), Linux)
	for b.Loop() {
		p = project(b, days...)
		cmd := exec.Command("dq", "run")
		cmd.Dir = p
		began := time.Now()
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%v:\n%s", err, out)
		}
		took = time.Since(began)
		peak = max(peak, cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss)
	}
	// Only now: a process begins with the peak of the one that starts it.
	bare := bareLoad(b, p)
	b.ReportMetric(took.Seconds(), "s/run")
	b.ReportMetric(541909/took.Seconds(), "rows/s")
	b.ReportMetric(took.Seconds()/bare.Seconds(), "ratio-to-bare-load")
	b.ReportMetric(float64(peak)/1024, "peak-MiB")
}

// BenchmarkDay adds one day to a lakehouse that holds all others.
func BenchmarkDay(b *testing.B) {
	days := allDays(b)
	p := project(b, days[:len(days)-b.N-1]...)
	mustRun(b, p)
	next := len(days) - b.N - 1
	b.ResetTimer()
	for i := range b.N {
		b.StopTimer()
		if err := addDays(p, days[next+i:next+i+1]); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		mustRun(b, p)
	}
}

// BenchmarkDaily runs one day after the other, each a process of its own, all
// 305 unless DQ_TEST_DAYS says how many. The seconds of processor time depend
// less than the others on what else the machine does.
func BenchmarkDaily(b *testing.B) {
	days := allDays(b)
	if n := 0; os.Getenv("DQ_TEST_DAYS") != "" {
		if _, err := fmt.Sscan(os.Getenv("DQ_TEST_DAYS"), &n); err == nil {
			days = days[:n]
		}
	}
	for b.Loop() {
		p := project(b)
		began, cpu := time.Now(), processorTime()
		for _, d := range days {
			if err := addDays(p, []string{d}); err != nil {
				b.Fatal(err)
			}
			mustRun(b, p)
		}
		b.ReportMetric(time.Since(began).Seconds()/float64(len(days)), "s/day")
		b.ReportMetric((processorTime()-cpu).Seconds()/float64(len(days)), "cpu-s/day")
	}
}

// processorTime is what the processes that the tests started have used.
func processorTime() time.Duration {
	var used syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_CHILDREN, &used) // cannot fail with these arguments
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// BenchmarkVersion is the cost of starting the program.
func BenchmarkVersion(b *testing.B) {
	for b.Loop() {
		if out, err := exec.Command("dq", "version").CombinedOutput(); err != nil {
			b.Fatalf("%v: %s", err, out)
		}
	}
}

// BenchmarkCheckTenRows checks a CSV file of ten rows.
func BenchmarkCheckTenRows(b *testing.B) {
	dir := b.TempDir()
	text := "id,amount\n"
	for i := range 10 {
		text += fmt.Sprintf("%d,%d.50\n", i, i)
	}
	if err := os.WriteFile(filepath.Join(dir, "ten.csv"), []byte(text), 0o644); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if out, code := dq(b, dir, "check", "ten.csv", "-e", "amount > 0", "-e", "table: duplicates(id) == 0"); code != 0 {
			b.Fatalf("exit code %d:\n%s", code, out)
		}
	}
}

// bareLoad is the time that the engine needs to read a project's orders and
// write them as Parquet, without anything else.
func bareLoad(b *testing.B, project string) time.Duration {
	b.Helper()
	ctx := context.Background()
	began := time.Now()
	eng, err := duckdb.Open(duckdb.Config{})
	if err != nil {
		b.Fatal(err)
	}
	defer eng.Close()
	s, err := eng.Session(ctx)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	cfg := file.Config{Glob: filepath.Join(project, "data/online_retail/*.csv.gz")}
	cfg.Limit = 1
	groups, err := file.Headers(cfg, nil)
	if err != nil {
		b.Fatal(err)
	}
	g := groups[0]
	names, err := filepath.Glob(cfg.Glob)
	if err != nil {
		b.Fatal(err)
	}
	in := engine.Input{Name: "t", Format: engine.CSV, Root: filepath.Dir(cfg.Glob),
		CSV: &engine.CSVOptions{Columns: g.Columns, Header: true, Delimiter: g.Delimiter, Quote: g.Quote, Gzip: g.Gzip}}
	for _, n := range names {
		in.Files = append(in.Files, table.File{Path: filepath.Base(n)})
	}
	schema, err := s.Attach(ctx, in)
	if err != nil {
		b.Fatal(err)
	}
	if _, _, err := s.Stage(ctx, engine.StageRequest{SQL: "SELECT * FROM t", Schema: schema, Root: b.TempDir(), Dir: strings.Repeat("x", 3)}); err != nil {
		b.Fatal(err)
	}
	return time.Since(began)
}
