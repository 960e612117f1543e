package policies

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"testing"
	"time"

	"github.com/dq-dev/dq/table"
)

// change is a change of silver.orders with so many columns, changes of most kinds,
// and readers of ten columns each. A fifth of the columns holds personal data.
func change(columns, changes, readers int) Input {
	in := orders()
	in.Op, in.Profile, in.Quality = "commit", &Profile{Rows: 1000, Columns: map[string]ProfileColumn{}}, &Quality{Suite: "sha256:1", Gate: "pass"}
	in.Table.Contract = &Contract{Version: "1.2.0", Compat: "full"}
	in.UpstreamColumns = map[string][]UpstreamColumn{}
	in.Downstream = nil
	days := 730
	old, next := &Shape{}, &Shape{}
	name := func(i int) string { return fmt.Sprintf("column_%d", i) }
	var diff []table.Change
	var compat Compat
	for i := range columns {
		c := Column{Path: name(i), Type: "string", Nullable: true, Position: i, Tags: TagSet([]string{"domain=sales"}), Comment: "What it is."}
		if i%5 == 0 {
			c.Tags["pii.email"] = ""
			c.Purpose, c.LegalBasis, c.RetentionDays = "billing", "contract", &days
		}
		in.UpstreamColumns[c.Path] = []UpstreamColumn{{Table: "bronze.orders", Path: c.Path, Tags: c.Tags, Type: "DIRECT", Transform: "IDENTITY"}}
		in.Profile.Columns[c.Path] = ProfileColumn{NullCount: int64(i), Distinct: 10}
		old.Columns = append(old.Columns, c)
		if i < changes {
			d := table.Change{Op: table.ColumnDropped, Path: c.Path, From: "string", Breaks: []string{table.Forward}, DataRisk: table.LossRisk}
			switch i % 5 {
			case 1:
				c.Type = "int64"
				d = table.Change{Op: table.ColumnTypeChanged, Path: c.Path, From: "string", To: "int64", Class: table.Incompatible, Breaks: []string{table.Backward, table.Forward}}
			case 2:
				c.Path += "_new"
				d = table.Change{Op: table.ColumnRenamed, Path: c.Path, From: name(i), To: c.Path, Breaks: []string{table.Backward, table.Forward}}
			case 3:
				c.Nullable = false
				d = table.Change{Op: table.ColumnNullabilityChanged, Path: c.Path, From: true, To: false, Breaks: []string{table.Backward}}
			case 4:
				c.Path += "_more"
				d = table.Change{Op: table.ColumnAdded, Path: c.Path, To: "string"}
			}
			diff = append(diff, d)
			if len(d.Breaks) > 0 {
				compat.Violations = append(compat.Violations, Violation{Version: 7, Op: d.Op, Path: d.Path, Breaks: d.Breaks})
			}
			if d.Op == table.ColumnDropped {
				continue
			}
		}
		next.Columns = append(next.Columns, c)
	}
	compat.Mode = "full"
	in.Compat = &compat
	for i := range readers {
		d := Downstream{ID: fmt.Sprintf("gold.t%d", i), Kind: "table", Layer: "gold", Owner: "sales", Depth: 1 + i%3, Certified: i%10 == 0}
		for c := range 10 {
			d.Columns = append(d.Columns, name((i*7+c*3)%columns))
		}
		in.Downstream = append(in.Downstream, d)
	}
	in.Old = old
	return changed(in, next, diff...)
}

func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		bundled(b)
	}
}

// With users' policies there are their names to look at, too.
func BenchmarkLoadUsers(b *testing.B) {
	for b.Loop() {
		if _, err := Load(context.Background(), Options{Dirs: []string{"testdata/user"}}); err != nil {
			b.Fatal(err)
		}
	}
}

// The first change that is judged compiles what rules on changes alone.
func BenchmarkFirstChange(b *testing.B) {
	in := change(10, 1, 1)
	for b.Loop() {
		if _, err := bundled(b).Decide(context.Background(), in); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDecide judges changes with all policies, owners and waivers, and
// reports the 95th percentile, and which part of what is allowed that is: 10 ms for
// 100 columns, 20 changes and 50 readers, 30 ms for 500, 200 and 500, 1 ms when nothing
// changes. The garbage collector is set as dq sets it.
func BenchmarkDecide(b *testing.B) {
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	bundle, err := Load(context.Background(), Options{Owners: write(b, "owners.yaml", ownersFile), Waivers: write(b, "waivers.yaml", waiversFile)})
	if err != nil {
		b.Fatal(err)
	}
	quiet := change(20, 0, 5)
	quiet.Diff = nil
	for _, c := range []struct {
		name    string
		in      Input
		allowed float64 // ms
	}{{"nothing-changes", quiet, 1}, {"100-20-50", change(100, 20, 50), 10}, {"500-200-500", change(500, 200, 500), 30}} {
		b.Run(c.name, func(b *testing.B) {
			if _, err := bundle.Decide(context.Background(), c.in); err != nil {
				b.Fatal(err)
			}
			var took []time.Duration
			for b.Loop() {
				start := time.Now()
				if _, err := bundle.Decide(context.Background(), c.in); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(start))
			}
			slices.Sort(took)
			p95 := float64(took[len(took)*95/100].Microseconds()) / 1000
			b.ReportMetric(p95, "p95-ms")
			b.ReportMetric(p95/c.allowed, "p95/allowed")
		})
	}
}
