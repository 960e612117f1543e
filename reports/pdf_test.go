package reports

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/dq-dev/dq/record"
)

// checkPDF fails for what readers could not open: no header or end, or a cross
// reference table that points beside its objects.
func checkPDF(t *testing.T, out []byte) {
	t.Helper()
	if !bytes.HasPrefix(out, []byte("%PDF-1.")) || !bytes.HasSuffix(bytes.TrimSpace(out), []byte("%%EOF")) {
		t.Error("not a whole PDF")
		return
	}
	at := bytes.LastIndex(out, []byte("\nxref\n"))
	if at < 0 {
		t.Error("no cross reference table")
		return
	}
	lines := strings.Split(string(out[at+len("\nxref\n"):]), "\n")
	for n := 1; strings.HasSuffix(strings.TrimRight(lines[1+n], " "), " n"); n++ {
		offset, err := strconv.Atoi(lines[1+n][:10])
		if want := fmt.Sprintf("%d 0 obj", n); err != nil || !bytes.HasPrefix(out[offset:], []byte(want)) {
			t.Errorf("the cross reference of object %d is wrong", n)
			return
		}
	}
}

var shown = regexp.MustCompile(`(?s)BT [-0-9. ]+ Td \((.*?)\) Tj ET`)

// pdfText gives the text of each page, a piece on a line, in the order of drawing.
func pdfText(t *testing.T, run *record.Run) string {
	t.Helper()
	return docText(t, document(run))
}

func docText(t *testing.T, d *doc) string {
	t.Helper()
	d.pdf.SetCompression(false)
	var b bytes.Buffer
	if err := d.pdf.Output(&b); err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	page := 0
	for _, stream := range bytes.Split(b.Bytes(), []byte("\nstream\n"))[1:] {
		content, _, _ := bytes.Cut(stream, []byte("\nendstream"))
		pieces := shown.FindAllSubmatch(content, -1)
		if len(pieces) == 0 {
			continue
		}
		page++
		fmt.Fprintf(&text, "--- page %d\n", page)
		for _, m := range pieces {
			text.WriteString(utf16be(m[1]) + "\n")
		}
	}
	return text.String()
}

// utf16be reads a PDF string: UTF-16 with \ before parentheses and itself.
func utf16be(s []byte) string {
	var plain []byte
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
			if s[i] == 'r' {
				plain = append(plain, '\r')
				continue
			}
		}
		plain = append(plain, s[i])
	}
	var units []uint16
	for i := 0; i+1 < len(plain); i += 2 {
		units = append(units, uint16(plain[i])<<8|uint16(plain[i+1]))
	}
	return string(utf16.Decode(units))
}

func TestPDFText(t *testing.T) {
	checkPDF(t, draw(t, "pdf", fixture(t)))
	golden(t, "golden-pdf.txt", []byte(pdfText(t, fixture(t))))
}

// The contents name the pages on which the headings really stand.
func TestPDFContents(t *testing.T) {
	for name, run := range map[string]*record.Run{"run": fixture(t), "wide": wide(40), "empty": {}} {
		d := document(run)
		for i, e := range compose(run, evidence(run), nil, 0).entries {
			if e.title != d.entries[i].title {
				t.Errorf("%s: entry %d is %q in one pass and %q in the other", name, i, e.title, d.entries[i].title)
			}
		}
		pages := strings.Split(pdfText(t, run), "--- page ")[1:]
		for _, e := range d.entries {
			if !strings.Contains(pages[e.page-1], "\n"+e.title+"\n") {
				t.Errorf("%s: %q is not on page %d", name, e.title, e.page)
			}
		}
		if want := fmt.Sprintf("Page %d of %d", len(pages), len(pages)); !strings.Contains(pages[len(pages)-1], want) {
			t.Errorf("%s: the last page does not say %q", name, want)
		}
	}
}

func TestPDFSaysWhatItCouldNotShow(t *testing.T) {
	run := &record.Run{Message: "gift 🎁 and 你"}
	text := pdfText(t, run)
	for _, want := range []string{"gift U+1F381 and U+4F60", "2 characters of this document"} {
		if !strings.Contains(text, want) {
			t.Errorf("the document does not say %q", want)
		}
	}
	if strings.Contains(pdfText(t, &record.Run{Message: "plain"}), "of this document") {
		t.Error("a document without foreign characters has the note")
	}
}

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"plain":         "plain",
		"e\u0301":       "é", // composed
		"→ ✓ ✗ ‼ ○ – ≈": "→ ✓ ✗ ‼ ○ – ≈",
		"Ωμέγα Ёж":      "Ωμέγα Ёж",
		"\U0001F381":    "U+1F381",
		"你":             "U+4F60",
		"שלום":          "U+05E9U+05DCU+05D5U+05DD",
		"a\u00A0b":      "a b",
		"\U000E0041":    "U+E0041",
		"\u200D":        "",
		"\uFFFD":        "\uFFFD",
		"½ § € £ ¥ ㎡ ﬁ": "½ § € £ ¥ U+33A1 ﬁ",
	} {
		if got, _ := printable(in, sansCovers()); got != want {
			t.Errorf("printable(%q) = %q, want %q", in, got, want)
		}
	}
	// The marks of verdicts are in every font that shows them.
	for _, v := range gravest {
		for name, c := range map[string]*coverage{"sans": sansCovers(), "bold": boldCovers()} {
			if _, n := printable(mark(v), c); n > 0 {
				t.Errorf("%s lacks the mark of %s", name, v)
			}
		}
	}
}

func FuzzPrintable(f *testing.F) {
	for _, s := range hostile {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		out, _ := printable(clean(s, maxMessage), sansCovers())
		if !utf8.ValidString(out) {
			t.Errorf("%q is not UTF-8", out)
		}
		for _, r := range out {
			if r > 0xFFFF || r < ' ' || r != ' ' && !sansCovers().has(r) {
				t.Errorf("%U of %q is not in the font", r, s)
			}
		}
	})
}
