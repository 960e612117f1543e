package cel

import (
	"fmt"
	"testing"

	"github.com/dq-dev/dq/table"
)

func BenchmarkRow(b *testing.B) {
	e := env(b)
	for b.Loop() {
		if _, err := e.Row("net >= 0 || cancelled && country in ['a', 'b']"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTable(b *testing.B) {
	e := env(b)
	for b.Loop() {
		if _, err := e.Table("rows() >= 0.8 * previous(rows()) && mean(net) < 100", nil); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEval(b *testing.B) {
	r, err := env(b).Row("net >= 0 || cancelled && country in ['a', 'b']")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		r.Eval(fuzzRows[1])
	}
}

// BenchmarkSuite compiles 300 rules over 300 columns and writes their SQL, as a
// check does before it reads data.
func BenchmarkSuite(b *testing.B) {
	var s table.Schema
	kinds := []table.Type{{Kind: table.Int64}, {Kind: table.Double}, {Kind: table.String}, {Kind: table.Decimal, Precision: 18, Scale: 2}, {Kind: table.Timestamp}}
	for i := range 300 {
		s.Fields = append(s.Fields, table.Field{Name: fmt.Sprintf("column_%d", i), Type: kinds[i%5], Nullable: true})
	}
	for b.Loop() {
		e, err := NewEnv(s, nil)
		if err != nil {
			b.Fatal(err)
		}
		for i := range 300 {
			x := fmt.Sprintf("column_%d", i)
			src := []string{x + " >= 0 && " + x + " < 1000", x + " > 0.5 || isNaN(" + x + ")", x + ".matches('^[a-z]+$') && isEmail(" + x + ")", x + " * 3 <= 100", x + " < now()"}[i%5]
			where, err := e.Row(x + " != null")
			if err != nil {
				b.Fatal(err)
			}
			r, err := e.RowOver(src, where)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := r.With(Facts{Now: now}).SQL(dialect{}); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/suite")
}
