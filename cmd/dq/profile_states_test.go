package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dq-dev/dq/record"
)

// The profile of a version made of kept states is that of reading all of its files,
// whatever happened to the table.
func TestKeptProfiles(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 11))
			dir := t.TempDir()
			table := filepath.Join(dir, "t")
			dq := func(args ...string) string {
				t.Helper()
				var out, err bytes.Buffer
				if code := run(args, &out, &err); code != 0 {
					t.Fatalf("dq %s: exit %d\n%s", strings.Join(args, " "), code, err.String())
				}
				return out.String()
			}
			next := 0
			rows := func(from, n int) string {
				var b strings.Builder
				b.WriteString("id,kind,amount,at,mail\n")
				for i := range n {
					fmt.Fprintf(&b, "%d,%s,%.2f,2024-01-%02dT10:%02d:00Z,u%d@example.com\n", from+i, []string{"a", "b", "", "Ä"}[r.IntN(4)], r.NormFloat64()*100, 1+r.IntN(28), r.IntN(60), r.IntN(30_000))
				}
				file := filepath.Join(dir, "rows.csv")
				if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
					t.Fatal(err)
				}
				return file
			}
			dq("table", "append", table, rows(0, 15_000))
			next = 15_000
			if seed%2 == 1 {
				dq("table", "alter", table, "--set", "delta.enableDeletionVectors=true")
			}
			version := 0
			for step := range 8 {
				switch what := r.IntN(5); what {
				case 0, 1:
					n := 1 + r.IntN(3000)
					dq("table", "append", table, rows(next, n))
					next += n
				case 2:
					dq("table", "delete", table, "--where", fmt.Sprintf("id %% 97 = %d", r.IntN(97)))
				case 3:
					dq("table", "merge", table, rows(r.IntN(next), 200), "--on", "id")
				case 4:
					if step > 2 && r.IntN(2) == 0 {
						dq("table", "restore", fmt.Sprintf("%s@%d", table, r.IntN(version+1)))
					} else {
						dq("table", "optimize", table)
					}
				}
				if r.IntN(3) == 0 { // versions between are never profiled
					continue
				}
				kept := profileOf(t, dq("profile", table, "--format", "json"))
				again := profileOf(t, dq("profile", table, "--format", "json"))
				if err := os.RemoveAll(filepath.Join(table, "_dq", "profile")); err != nil {
					t.Fatal(err)
				}
				fresh := profileOf(t, dq("profile", table, "--format", "json"))
				if kept != fresh || again != fresh {
					t.Fatalf("step %d: from kept states\n%s\nand from all files\n%s", step, firstDifference(kept, fresh), firstDifference(again, fresh))
				}
			}
		})
	}
}

func profileOf(t *testing.T, text string) string {
	t.Helper()
	doc, err := record.Read(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	p := doc.Layers[0].Tables[0].Profile
	for i := range p.Columns { // the last digits of moments depend on the order of addition
		c := &p.Columns[i]
		for _, f := range []*float64{c.Mean, c.StdDev, c.Skewness, c.Kurtosis} {
			if f != nil {
				*f = math.Round(*f*1e6) / 1e6
			}
		}
	}
	data, err := json.MarshalIndent(p, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func firstDifference(a, b string) string {
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(x), len(y)) {
		if x[i] != y[i] {
			return strings.Join(x[max(0, i-12):i+1], "\n") + "\nagainst " + y[i]
		}
	}
	return "nothing"
}
