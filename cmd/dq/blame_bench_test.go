package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/viper"
)

// BenchmarkBlame is dq blame over 200 versions of which runs kept the verdicts, the
// expectation failing since the middle one; s/blame has the start of the program left out.
func BenchmarkBlame(b *testing.B) {
	dir := b.TempDir()
	write := func(name, text string) {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	write("pipeline.yaml", "version: 1\npipeline: bench\nowners: owners.yaml\nlayers:\n  bronze:\n    tables:\n      t: {source: {files: 'data/*.csv', format: csv, batch: file}, mode: append}\n")
	write("owners.yaml", "owners:\n  data: {email: data@example.com}\n")
	write("suites/bronze/t.yaml", "version: 1\ntable: bronze.t\nowner: data\ndescription: Of a benchmark.\ncolumns:\n  id: {type: string}\n  country: {type: string, in_set: {set: [FR, DE], on_fail: warn}}\n")
	for v := range 200 {
		country := "FR"
		if v >= 100 {
			country = "XX"
		}
		write(fmt.Sprintf("data/%03d.csv", v), "id,country\n"+strings.Repeat(fmt.Sprintf("%d,%s\n", v, country), 100))
	}
	mustRun(b, dir)
	b.Chdir(dir)
	var took time.Duration
	for b.Loop() {
		began := time.Now()
		var out bytes.Buffer
		a := &app{out: &out, err: io.Discard, config: viper.New()}
		cmd := a.cmdBlame()
		cmd.SetArgs([]string{"bronze.t", "country.in_set"})
		if err := cmd.ExecuteContext(context.Background()); err != nil {
			b.Fatal(err)
		}
		took = time.Since(began)
		if !strings.Contains(out.String(), "warns since version 10") {
			b.Fatalf("it blames another version:\n%s", out.String())
		}
	}
	b.ReportMetric(took.Seconds(), "s/blame")
}
