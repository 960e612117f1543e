package file

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// days writes n compressed CSV files of order lines, about 1,800 records each,
// and returns their glob.
func days(tb testing.TB, n int) string {
	tb.Helper()
	dir := tb.TempDir()
	for day := range n {
		var text bytes.Buffer
		z := gzip.NewWriter(&text)
		fmt.Fprintln(z, "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country")
		for i := range 1800 {
			fmt.Fprintf(z, "%d,%d%c,\"WHITE HANGING HEART, T-LIGHT %d\",%d,2011-%02d-%02d 08:%02d:00,%d.%02d,%d.0,United Kingdom\n",
				536365+i/20, 84000+i*7919%4000, 'A'+i%3, i*31%997, i%12, day%12+1, day%28+1, i%60, i%17, i*13%100, 17850-i%900)
		}
		if err := z.Close(); err != nil {
			tb.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("day-%03d.csv.gz", day)), text.Bytes(), 0o644); err != nil {
			tb.Fatal(err)
		}
	}
	return filepath.Join(dir, "*.csv.gz")
}

func BenchmarkFetchNew(b *testing.B) {
	glob := days(b, 305)
	b.ReportAllocs()
	var records int64
	for b.Loop() {
		batch, err := Fetch(context.Background(), Config{Glob: glob}, nil)
		if err != nil {
			b.Fatal(err)
		}
		records = 0
		for _, f := range batch.Files {
			records += f.Records
		}
	}
	b.ReportMetric(float64(records)*float64(b.N)/b.Elapsed().Seconds(), "records/s")
}

func BenchmarkFetchUnchanged(b *testing.B) {
	glob := days(b, 305)
	batch, err := Fetch(context.Background(), Config{Glob: glob}, nil)
	if err != nil {
		b.Fatal(err)
	}
	known := Known{}
	for _, f := range batch.Files {
		known[f.Path] = f.ID()
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Fetch(context.Background(), Config{Glob: glob}, known); err != nil {
			b.Fatal(err)
		}
	}
}
