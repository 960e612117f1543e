package cel

import "testing"

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
