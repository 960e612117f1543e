package reports

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/dq-dev/dq/record"
)

func governed(t testing.TB) *record.Governance {
	t.Helper()
	f, err := os.Open("testdata/governance.json")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	g, err := record.ReadGovernance(f)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func drawGoverned(t testing.TB, format string, g *record.Governance) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := WriteGovernance(&b, format, g); err != nil {
		t.Fatalf("%s: %v", format, err)
	}
	return b.Bytes()
}

func TestGovernanceGolden(t *testing.T) {
	g := governed(t)
	golden(t, "golden-governance.txt", drawGoverned(t, "text", g))
	golden(t, "golden-governance.md", drawGoverned(t, "markdown", g))
	golden(t, "golden-governance.html", drawGoverned(t, "html", g))
	golden(t, "golden-governance-pdf.txt", []byte(docText(t, govDocument(g))))
	golden(t, "governance.json", drawGoverned(t, "json", g)) // as it was read
	checkPage(t, drawGoverned(t, "html", g))
	checkPDF(t, drawGoverned(t, "pdf", g))
}

// Whoever has nothing but the text of the PDF finds who answers, who approved what and
// until when, what was refused, and which versions there are.
func TestGovernancePDFSaysWho(t *testing.T) {
	g := governed(t)
	text := strings.Join(strings.Fields(docText(t, govDocument(g))), " ")
	for _, want := range []string{"Sales data team", "sales-data@example.com", "Waivers", "W-2026-001", "data-office", "until 2027-02-12", "3 rows refused by amount.gt",
		"Delta version", "Data protection officer", "Sign-off", "refused", "commit", "backward", "is no certificate"} {
		if !strings.Contains(text, want) {
			t.Errorf("the text of the PDF does not have %q", want)
		}
	}
	digest, err := g.Digest()
	if err != nil || !strings.Contains(strings.ReplaceAll(text, " ", ""), digest) {
		t.Errorf("the text of the PDF does not have the digest of the document: %v", err)
	}
}

// The same document is the same bytes in each format, whatever was drawn before.
func TestGovernanceSameBytes(t *testing.T) {
	g := governed(t)
	for _, format := range GovernanceFormats() {
		if a, b := drawGoverned(t, format, g), drawGoverned(t, format, g); !bytes.Equal(a, b) {
			t.Errorf("%s differs from one time to the next", format)
		}
	}
}

// poisonedGovernance has a string in the place of every text of the fixture.
func poisonedGovernance(t testing.TB, s string) *record.Governance {
	t.Helper()
	var doc any
	text := drawGoverned(t, "json", governed(t))
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	var poison func(v any, key string) any
	poison = func(v any, key string) any {
		switch x := v.(type) {
		case string:
			if _, err := time.Parse(time.RFC3339, x); err == nil || key == "format" {
				return x
			}
			return s
		case []any:
			for i := range x {
				x[i] = poison(x[i], key)
			}
		case map[string]any:
			for k := range x {
				x[k] = poison(x[k], k)
			}
		}
		return v
	}
	again, err := json.Marshal(poison(doc, ""))
	if err != nil {
		t.Fatal(err)
	}
	g, err := record.ReadGovernance(bytes.NewReader(again))
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestGovernanceHostile(t *testing.T) {
	for _, s := range hostile {
		g := poisonedGovernance(t, s)
		page := drawGoverned(t, "html", g)
		checkPage(t, page)
		for _, bad := range []string{"<script>alert", "<img", "onerror=alert(1)>", "<svg onload", "<!-- -->", "onclick='"} {
			if bytes.Contains(page, []byte(bad)) {
				t.Errorf("html of %.40q holds %q", s, bad)
			}
		}
		for _, format := range []string{"html", "text", "markdown"} {
			checkClean(t, format, drawGoverned(t, format, g))
		}
		checkPDF(t, drawGoverned(t, "pdf", g))
	}
}

func TestGovernanceEmpty(t *testing.T) {
	g := &record.Governance{Format: record.GovernanceFormat}
	for _, format := range GovernanceFormats() {
		drawGoverned(t, format, g)
	}
	checkPage(t, drawGoverned(t, "html", g))
	if err := WriteGovernance(&bytes.Buffer{}, "junit", g); err == nil || !strings.Contains(err.Error(), "html") {
		t.Errorf("an unknown format is %v", err)
	}
}

// large is a report of many tables over a year.
func large(t testing.TB, tables, versions int) *record.Governance {
	g := governed(t)
	one := g.Tables[0]
	g.Tables = nil
	for i := range tables {
		x := one
		x.Name = fmt.Sprintf("silver.table_%03d", i)
		x.History = nil
		for v := range versions {
			step := one.History[v%len(one.History)]
			step.At = step.At.Add(time.Duration(v) * time.Hour)
			x.History = append(x.History, step)
		}
		g.Tables = append(g.Tables, x)
	}
	return g
}

func TestGovernancePageIsSmall(t *testing.T) {
	if n := len(drawGoverned(t, "html", large(t, 10, 150))); n >= 2_000_000 {
		t.Errorf("a page over 10 tables and 1,500 versions has %d bytes", n)
	}
}

// BenchmarkGovernancePDF draws a report of some 200 pages.
func BenchmarkGovernancePDF(b *testing.B) {
	g := large(b, 20, 150)
	b.ReportAllocs()
	for b.Loop() {
		var out bytes.Buffer
		if err := WriteGovernance(&out, "pdf", g); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(out.Len()), "bytes")
	}
	b.ReportMetric(float64(govDocument(g).pdf.PageCount()), "pages")
}
