package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/viper"
)

// manyModels writes a pipeline of one source and many models of ten columns: each
// reads up to three of those before it, with CTEs, joins, windows and groups.
func manyModels(tb testing.TB, dir string, models int) string {
	write := func(name, text string) {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			tb.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			tb.Fatal(err)
		}
	}
	var columns, typed, header []string
	for c := range 10 {
		columns = append(columns, fmt.Sprint("c", c))
		header = append(header, fmt.Sprintf("  c%d: {type: string}", c))
		typed = append(typed, fmt.Sprintf("CAST(c%d AS BIGINT) AS c%d", c, c))
	}
	header[1] = "  c1: {type: string, not_null: true}"
	write("data/1.csv", strings.Join(columns, ",")+"\n"+strings.Repeat("1,", 9)+"1\n")
	suite := "version: 1\ntable: %s\nowner: data\ndescription: Of a benchmark.\ncolumns:\n%s\n"
	write("suites/bronze/t.yaml", fmt.Sprintf(suite, "bronze.t", strings.Join(header, "\n")))
	write("owners.yaml", "owners:\n  data: {email: data@example.com}\n")
	r := rand.New(rand.NewPCG(1, 2))
	var yaml strings.Builder
	yaml.WriteString("version: 1\npipeline: bench\nowners: owners.yaml\nlayers:\n  bronze:\n    tables:\n      t: {source: {files: 'data/*.csv', format: csv}}\n  silver:\n    tables:\n")
	for i := range models {
		fmt.Fprintf(&yaml, "      m%d: {mode: overwrite}\n", i)
		write(fmt.Sprintf("suites/silver/m%d.yaml", i), fmt.Sprintf(suite, fmt.Sprint("silver.m", i), "  c0: {type: int64, not_null: true}"))
		if i == 0 {
			write("models/silver/m0.sql", "SELECT "+strings.Join(typed, ", ")+" FROM bronze.t")
			continue
		}
		var list []string
		for c := range 10 {
			list = append(list, []string{"a.c%[1]d", "a.c%[1]d + b.c%[2]d", "CASE WHEN b.c%[2]d > 0 THEN a.c%[1]d END", "coalesce(a.c%[1]d, s.c%[2]d)",
				"CAST(sum(a.c%[1]d) OVER (PARTITION BY b.c%[2]d) AS BIGINT)"}[r.IntN(5)])
			list[c] = fmt.Sprintf(list[c], r.IntN(10), r.IntN(10)) + fmt.Sprint(" AS c", c)
		}
		write(fmt.Sprintf("models/silver/m%d.sql", i), fmt.Sprintf(`WITH s AS (SELECT c0, c1, max(c2) AS c2, max(c3) AS c3, max(c4) AS c4, max(c5) AS c5, max(c6) AS c6, max(c7) AS c7, max(c8) AS c8, max(c9) AS c9
  FROM silver.m%d GROUP BY c0, c1)
SELECT %s
FROM silver.m%d AS a JOIN silver.m%d AS b ON a.c0 = b.c0 LEFT JOIN s ON s.c0 = a.c1
WHERE a.c3 > 0 AND EXISTS (SELECT 1 FROM silver.m%d AS e WHERE e.c1 = b.c2)`,
			r.IntN(i), strings.Join(list, ",\n  "), max(0, i-1-r.IntN(5)), r.IntN(i), r.IntN(i)))
	}
	write("pipeline.yaml", yaml.String())
	return filepath.Join(dir, "pipeline.yaml")
}

// TestManyModels binds a project in which a table can be reached in very many ways:
// a search that goes them all does not end.
func TestManyModels(t *testing.T) {
	file := manyModels(t, t.TempDir(), 100)
	var out bytes.Buffer
	a := &app{out: io.Discard, err: io.Discard, config: viper.New()}
	if err := a.showGraph(context.Background(), file, "", -1, -1, "mermaid", &out); err != nil || !strings.Contains(out.String(), "silver.m99") {
		t.Errorf("%v\n%s", err, out.String())
	}
}

// BenchmarkLineage is dq lineage show of all of a project of 200 models, less the
// start of the program.
func BenchmarkLineage(b *testing.B) {
	file := manyModels(b, b.TempDir(), 200)
	a := &app{out: io.Discard, err: io.Discard, config: viper.New()}
	for b.Loop() {
		if err := a.showGraph(context.Background(), file, "", -1, -1, "json", io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}
