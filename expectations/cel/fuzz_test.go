package cel

import (
	"errors"
	"testing"
)

// fuzzRows are what rules that compile are evaluated over.
var fuzzRows = []map[string]any{
	nil,
	{"quantity": int64(3), "stock": int64(-1), "rate": 0.5, "unit_price": "1.5", "country": "a", "email": "b", "cancelled": true,
		"ordered_at": now, "seen_at": now, "due": now, "tags": []any{"x"}, "photo": []byte("p"), "Invoice No": "7", "in": int64(1)},
	{"quantity": "wrong", "unit_price": "x", "cancelled": 3},
}

// positions checks that issues point into the source.
func positions(t *testing.T, src string, err error) {
	var e *Error
	if !errors.As(err, &e) || len(e.Issues) == 0 {
		t.Fatalf("%q: %T without issues", src, err)
	}
	for _, i := range e.Issues {
		if i.Offset < 0 || i.Length < 0 || i.Offset+i.Length > len(src) || i.Message == "" {
			t.Errorf("%q: issue %+v points nowhere", src, i)
		}
	}
}

func FuzzRow(f *testing.F) {
	for _, s := range []string{"net > 0 || cancelled", "country in ['a', 'é']", "x = 1 AND y <> 2", "row.`Invoice No`.matches(r'^\\d+$')",
		"div(unit_price, 3, 2) > 1e0", "(cancelled ? unit_price : 1.5) in [1, 2.5]", "exists_in(quantity, 't', 'id')", "now() - ordered_at < duration('1h')",
		"-9223372036854775808 % quantity == 0", "'\\x00' == country", "[[1]] == [[2]]", "{1: 2}", "a.b.c(d)", "!(!(!cancelled))", "1u", "b'\\377' == photo", "row['in']", "\"unterminated", "rate ? 1 : 2"} {
		f.Add(s)
	}
	e := env(f)
	f.Fuzz(func(t *testing.T, src string) {
		r, err := e.Row(src)
		if err != nil {
			positions(t, src, err)
			return
		}
		again, err := e.Row(r.Canonical())
		if err != nil || again.Canonical() != r.Canonical() {
			t.Fatalf("%q: canonical %q compiles to %v, %v", src, r.Canonical(), again, err)
		}
		r = r.With(Facts{Now: now, Exists: func(Ref, any) bool { return true }})
		var u *Unsupported
		if sql, err := r.SQL(dialect{}); err != nil && !errors.As(err, &u) || err == nil && sql == "" {
			t.Fatalf("%q: SQL %q, %v", src, sql, err)
		}
		for _, row := range fuzzRows {
			if got := r.Eval(row); got.Value != True && got.Value != False && got.Value != Err {
				t.Fatalf("%q gives %v", src, got)
			}
		}
	})
}

func FuzzTable(f *testing.F) {
	for _, s := range []string{"rows() >= 0.8 * previous(rows())", "quantile(net, 0.99) < 5000", "share(email == null) < 0.05", "mean(history(sum(net), 7)) > 0",
		"freshness(due) < duration('26h')", "duplicates(country, email) == 0", "mode(rate) == max(rate)", "sum(mean(rate))", "previous(previous(rows()))", "history(1, 2)", "stddev(country)", "rate > 1.0", "revenue != null"} {
		f.Add(s)
	}
	e := env(f)
	where, err := e.Row("country != 'x'")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, src string) {
		r, err := e.Table(src, where)
		if err != nil {
			positions(t, src, err)
			return
		}
		r = r.With(Facts{Now: now})
		for _, m := range r.Metrics() {
			var u *Unsupported
			if _, err := m.SQL(dialect{}, "t"); err != nil && !errors.As(err, &u) {
				t.Fatalf("%q: %v", src, err)
			}
		}
		r.EvalTable(fuzzRows, Facts{Now: now, Exists: func(Ref, any) bool { return true }})
		r.Judge(nil, Facts{})
	})
}
