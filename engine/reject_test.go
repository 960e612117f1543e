package engine

import (
	"strings"
	"testing"
)

// TestHiding: of a record that cannot be read no personal value is shown, wherever
// it may have gone; the rest is.
func TestHiding(t *testing.T) {
	csv := &CSVOptions{Columns: []string{"id", "label", "Customer", "city", "n"}, Delimiter: ",", Quote: `"`}
	shape := "too many columns: Expected Number of Columns: 5 Found: 6"
	for _, c := range []struct {
		why, text string
		personal  []string
		csv       *CSVOptions
		want      string
	}{
		{"nothing is personal", `1,a,b,c,d,e`, nil, csv, `1,a,b,c,d,e`},
		{"one too many", `1,"red, blue",S,T,city,7`, []string{"customer"}, csv, `1,[redacted],[redacted],[redacted],city,7`},
		{"a quote within quotes", `1,"a ""b"", c",S,x,city,7`, []string{"customer"}, csv, `1,[redacted],[redacted],[redacted],city,7`},
		{"two too few", `1,S,7`, []string{"customer"}, csv, `[redacted],[redacted],[redacted]`},
		{"one too few", `S,1,2,3`, []string{"n"}, csv, `S,1,2,[redacted]`},
		{"the first is personal", `S,1,2,3,4,5`, []string{"id"}, csv, `[redacted],[redacted],2,3,4,5`},
		{"two personal columns", `1,2,3,4,5,6`, []string{"id", "n"}, csv, `[redacted],[redacted],3,[redacted],[redacted],[redacted]`},
		{"as many as there should be", `1,a,S,c,d`, []string{"customer"}, csv, redacted},
		{"an open quote", `1,"a,S,c,d,e,f`, []string{"customer"}, csv, redacted},
		{"an unknown column", `1,a,b,c,d,e`, []string{"email"}, csv, redacted},
		{"no CSV", `{"id": 1,`, []string{"customer"}, nil, redacted},
		{"no quotes in the file", `1,"a,S,c,d,e`, []string{"customer"}, &CSVOptions{Columns: csv.Columns, Delimiter: ","}, `1,[redacted],[redacted],[redacted],d,e`},
	} {
		got := Reject{Text: c.text, Problem: shape + ", near S"}.Hiding(c.personal, c.csv)
		if got.Text != c.want {
			t.Errorf("%s: %s, want %s", c.why, got.Text, c.want)
		}
		if c.personal != nil && got.Problem != shape {
			t.Errorf("%s: the problem is %q", c.why, got.Problem)
		}
	}
	if got := (Reject{Text: "x", Problem: `cast: Error when converting "S"`}).Hiding([]string{"n"}, csv); strings.Contains(got.Problem, "S") {
		t.Errorf("the problem tells a value: %q", got.Problem)
	}
}
