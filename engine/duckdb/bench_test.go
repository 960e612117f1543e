package duckdb_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/engine/duckdb"
	"github.com/dq-dev/dq/engine/enginetest"
	"github.com/dq-dev/dq/table"
)

var retail = []string{"InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"}

// retailDays are the daily files of the example, or those of $DQ_RETAIL.
func retailDays(b *testing.B, name string) engine.Input {
	b.Helper()
	dir := os.Getenv("DQ_RETAIL")
	if dir == "" {
		dir = "../../examples/ecommerce/data/online_retail"
	}
	days, err := filepath.Glob(filepath.Join(dir, "*.csv.gz"))
	if err != nil || len(days) == 0 {
		b.Skipf("no daily files in %s; set DQ_RETAIL to their folder", dir)
	}
	in := engine.Input{Name: name, Format: engine.CSV, Root: dir, Provenance: true, CSV: &engine.CSVOptions{Columns: retail, Header: true, Delimiter: ",", Quote: `"`, Gzip: true}}
	for _, day := range days {
		in.Files = append(in.Files, table.File{Path: filepath.Base(day)})
	}
	return in
}

func benchSession(b *testing.B) engine.Session {
	b.Helper()
	e, err := duckdb.Open(duckdb.Config{Threads: 2, MemoryLimit: "1GB", TempDir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	return session(b, e)
}

func attach(b *testing.B, s engine.Session, in engine.Input) {
	b.Helper()
	if _, err := s.Attach(context.Background(), in); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkOpen(b *testing.B) {
	for b.Loop() {
		e, err := duckdb.Open(duckdb.Config{Threads: 2, MemoryLimit: "1GB"})
		if err != nil {
			b.Fatal(err)
		}
		if err := e.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkBind is attaching one relation and binding one SELECT in a new session.
func BenchmarkBind(b *testing.B) {
	e, err := duckdb.Open(duckdb.Config{Threads: 2})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = e.Close() })
	for b.Loop() {
		s, err := e.Session(context.Background())
		if err != nil {
			b.Fatal(err)
		}
		attach(b, s, engine.Input{Name: "a.t", Schema: enginetest.Schema(b, "id int64, x string")})
		if _, err := s.Bind(context.Background(), "SELECT x, count(*) AS n FROM a.t GROUP BY x"); err != nil {
			b.Fatal(err)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkReadCSV parses all daily files.
func BenchmarkReadCSV(b *testing.B) {
	in := retailDays(b, "lines")
	s := benchSession(b)
	for b.Loop() {
		attach(b, s, in)
		query(b, s, "SELECT count(*), max(dq_line) FROM lines")
	}
}

// BenchmarkInferCSV parses all daily files and finds their types.
func BenchmarkInferCSV(b *testing.B) {
	in := retailDays(b, "lines")
	in.CSV.Infer = true
	s := benchSession(b)
	for b.Loop() {
		attach(b, s, in)
	}
}

// BenchmarkStage writes all lines, split by a rule.
func BenchmarkStage(b *testing.B) {
	s := benchSession(b)
	attach(b, s, retailDays(b, "lines"))
	for _, by := range [][]string{nil, {"Country"}} {
		b.Run(fmt.Sprint(by), func(b *testing.B) {
			query(b, s, "SELECT count(*) FROM lines")
			plan, err := s.Bind(context.Background(), "SELECT * FROM lines")
			if err != nil {
				b.Fatal(err)
			}
			root, run := b.TempDir(), 0
			for b.Loop() {
				run++
				if _, _, err := s.Stage(context.Background(), engine.StageRequest{SQL: "SELECT * FROM lines", Schema: plan.Schema, PartitionBy: by,
					Split: "TRY_CAST(UnitPrice AS DECIMAL(10,3)) > 0", Root: root, Dir: fmt.Sprint(run)}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkScan reads 305 files of 1,800 rows each: their number of rows, and an
// aggregate over all columns, also with file names and partition values.
func BenchmarkScan(b *testing.B) {
	s := benchSession(b)
	root := b.TempDir()
	schema := enginetest.Schema(b, "id int64, s string, p decimal(10,2), seen timestamp, part string")
	sql := "SELECT i AS id, 'text ' || i AS s, i % 700 / 4 AS p, TIMESTAMPTZ '2020-01-01 00:00:00+00' + to_seconds(i) AS seen, 'p' AS part FROM range(1800) r(i)"
	schema.Fields[2].Type = table.Type{Kind: table.Double}
	in := engine.Input{Name: "t", Root: root, Schema: schema}
	for i := range 305 {
		staged, _, err := s.Stage(context.Background(), engine.StageRequest{SQL: sql, Schema: schema, PartitionBy: []string{"part"}, Root: root, Dir: fmt.Sprint(i)})
		if err != nil {
			b.Fatal(err)
		}
		month := fmt.Sprintf("m%d", i%13)
		f := staged[0].File
		f.Partition = map[string]*string{"part": &month}
		in.Files = append(in.Files, f)
	}
	plain := in
	plain.Name, plain.Schema = "plain", table.Schema{Fields: schema.Fields[:4]}
	plain.Files = nil
	for _, f := range in.Files {
		f.Partition = nil
		plain.Files = append(plain.Files, f)
	}
	attach(b, s, plain)
	in.Provenance = true
	attach(b, s, in)
	for _, q := range []string{
		"SELECT count(*) FROM plain", "SELECT count(*), sum(id), max(s), sum(p), min(seen) FROM plain",
		"SELECT count(*) FROM t", "SELECT count(*), sum(id), max(s), sum(p), min(seen) FROM t",
		"SELECT part, count(*) FROM t GROUP BY part", "SELECT count(*) FROM t WHERE part = 'm3'", "SELECT dq_file, count(*), sum(id) FROM t GROUP BY dq_file",
	} {
		b.Run(q, func(b *testing.B) {
			for b.Loop() {
				query(b, s, q)
			}
		})
	}
	b.Run("attach", func(b *testing.B) {
		for b.Loop() {
			attach(b, s, in)
		}
	})
}
