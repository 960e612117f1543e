package yamlpos

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

var update = flag.Bool("update", false, "write the golden files")

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (go test -update writes it):\n%s", file, got)
	}
}

func ExampleParse() {
	doc, err := Parse("suite.yaml", []byte("version: 1\ncolums:\n  price: {max: 1.10}\n"))
	if err != nil {
		fmt.Println(err)
		return
	}
	doc.Root.Map("a suite", "version", "columns")
	fmt.Println(doc.Err())
	fmt.Println(doc.Root.Get("colums").Get("price").Get("max").String())
	// Output:
	// suite.yaml:2:1: a suite has no "colums"; did you mean columns?
	//   2 | colums:
	//     | ^
	// 1.10
}

// TestBroken holds what Parse refuses, and what it says.
func TestBroken(t *testing.T) {
	var out strings.Builder
	for _, in := range []string{
		"a: 1\na: 2\nb: {c: 1, c: 2}\n",
		"row: a ? b : c\n",
		"row: 'x' == y\n",
		"e:\n  r: {row: s in ['a','b']}\n",
		"row: !cancelled || y\n",
		"row: !cancelled\n",
		"row: `Invoice No` != ''\n",
		"row: @x\n",
		"a: b: c\n",
		"a: *a\n",
		"a: &a [*a]\n",
		"a: &a {b: *a}\n",
		"a: 1\n---\nb: 2\n",
		"{a: 1}: 2\n",
		"x: {a: 1,\n  b: 'c' == d, e: 2}\n",
		"[a]: 2\n",
		"a: [1, 2\n",
		"a: \"x\n",
		"\ta: 1\n",
		"a: \xff\n",
		"a: !!str 1\n",
		"a: {<<: 3}\n",
		"a: &a [1,1,1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\n",
		strings.Repeat("[", 250) + strings.Repeat("]", 250) + "\n",
		strings.Repeat("[", 5000) + "\n",
		strings.Repeat("- ", 5000) + "x\n",
	} {
		doc, err := Parse("f.yaml", []byte(in))
		if err == nil {
			err = doc.Err()
		}
		if len(in) > 200 {
			in = in[:20] + "...\n"
		}
		fmt.Fprintf(&out, "----\n%s>>\n", in)
		if err == nil {
			t.Errorf("%q is accepted", in)
			continue
		}
		text := err.Error()
		if i := strings.Index(text, "\n  "); len(text) > 600 && i > 0 {
			text = text[:i]
		}
		fmt.Fprintf(&out, "%s\n", text)
	}
	golden(t, "testdata/broken.txt", out.String())
}

// TestMistakes holds what the typed methods note, all of it at once.
func TestMistakes(t *testing.T) {
	doc, err := Parse("f.yaml", []byte(`version: 1
flag: yes
off: NO
count: 1.5
ratio: 1/2
list: {a: 1}
text:
mode: apend
x: {table: quantile(net, 0.99) < 5000}
vesion: 2
`))
	if err != nil {
		t.Fatal(err)
	}
	f := doc.Root.Map("a suite", "version", "flag", "off", "count", "ratio", "list", "text", "mode", "x")
	f["flag"].Bool()
	f["off"].Bool()
	f["count"].Int()
	f["ratio"].Number()
	f["list"].Strings("list")
	_ = f["text"].String()
	f["mode"].OneOf("mode", "append", "overwrite")
	f["x"].Map("an expectation", "row", "table")
	f["version"].Map("version", "a")
	golden(t, "testdata/mistakes.txt", doc.Err().Error()+"\n")
}

func TestTextStays(t *testing.T) {
	doc, err := Parse("f.yaml", []byte("a: 1.10\nb: NO\nc: 0x1F\nd: 1_000\ne: 2011-01-01\nf: 'it''s'\ng: \"x\\ny\"\nh: ~\ni:\nj: null\nk: true\n1: x\non: y\n"))
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"a": "1.10", "b": "NO", "c": "0x1F", "d": "1_000", "e": "2011-01-01", "f": "it's", "g": "x\ny", "k": "true", "1": "x", "on": "y"} {
		if got := doc.Root.Get(key).String(); got != want {
			t.Errorf("%s: %q, want %q", key, got, want)
		}
	}
	for _, key := range []string{"h", "i", "j"} {
		if !doc.Root.Get(key).Null {
			t.Errorf("%s is not null", key)
		}
	}
	if got := doc.Root.Get("d").Int(); got != 1000 {
		t.Errorf("d: %d", got)
	}
	if err := doc.Err(); err != nil {
		t.Error(err)
	}
}

func TestMerge(t *testing.T) {
	doc, err := Parse("f.yaml", []byte("base: &b {x: 1, y: 2}\na: {<<: *b, y: 3}\nc: {<<: [*b, {z: 4}]}\n"))
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"a.x": "1", "a.y": "3", "c.y": "2", "c.z": "4"} {
		p := strings.Split(path, ".")
		if got := doc.Root.Get(p[0]).Get(p[1]).String(); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}

// TestPositionAt marks in each source where the @ of the text must be found.
func TestPositionAt(t *testing.T) {
	for name, in := range map[string]string{
		"plain":            "a: foo @bar\n",
		"plain, folded":    "a: foo\n  baz\n   @bar\n",
		"single":           "a: 'it''s @x'\n",
		"single, folded":   "a: 'it''s\n\n  é @x'\n",
		"double":           "a: \"x\\n\\\"\\u00e9 @x\"\n",
		"double, folded":   "a: \"x \\\n   y @x\"\n",
		"literal":          "a: |\n  é foo\n    bar\n\n  @baz\n",
		"literal, deep":    "x:\n  y:\n    a: |-\n      foo &&\n        (bar ||\n          @baz)\n",
		"literal, number":  "a: |2\n    foo\n   @bar\n",
		"literal, CRLF":    "a: |\r\n  foo\r\n  @bar\r\n",
		"folded":           "a: >-\n  foo\n  bar\n\n  x @baz\n",
		"flow":             "x: {b: 1, a: foo && @bar, c: 2}\n",
		"flow, folded":     "x: {b: 1, a: 'foo\n     x@bar', c: 2}\n",
		"list":             "x:\n  - b\n  - a: foo @bar # comment\n",
		"after characters": "é: {ü: 1, a: 'ß @x'}\n",
	} {
		t.Run(name, func(t *testing.T) {
			// @ cannot begin a plain scalar, and none here does.
			doc, err := Parse("f.yaml", []byte(in))
			if err != nil {
				t.Fatal(err)
			}
			n := find(doc.Root, "@")
			if n == nil {
				t.Fatal("no such text")
			}
			line, col := n.PositionAt(strings.Index(n.Text, "@"))
			if got := at(in, line, col); got != '@' {
				t.Errorf("%d:%d is %q", line, col, got)
			}
		})
	}
}

func find(n *Node, text string) *Node {
	if n.Kind == Scalar && strings.Contains(n.Text, text) {
		return n
	}
	for _, e := range n.Entries {
		if f := find(e.Value, text); f != nil {
			return f
		}
	}
	for _, i := range n.Items {
		if f := find(i, text); f != nil {
			return f
		}
	}
	return nil
}

func at(in string, line, col int) rune {
	lines := strings.Split(strings.ReplaceAll(in, "\r\n", "\n"), "\n")
	if line < 1 || line > len(lines) {
		return -1
	}
	runes := []rune(lines[line-1])
	if col < 1 || col > len(runes) {
		return -1
	}
	return runes[col-1]
}

func TestNearest(t *testing.T) {
	known := []string{"not_null", "unique", "in_set", "quantity", "customer_id"}
	for in, want := range map[string]string{
		"notnull": "not_null", "not_nul": "not_null", "uniqe": "unique", "UNIQUE": "unique", "qauntity": "quantity",
		"customerid": "customer_id", "zebra": "", "": "", "x": "",
	} {
		if got := Nearest(in, known); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// FuzzParse: nothing panics, every node lies in the file, and each visible
// character of a plain or block scalar is found at its place in the source.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"a: 1\nb: [x, 'y', \"z\\n\"]\n", "a: |\n  foo\n  bar\n", "a: >\n  foo\n  bar\n\n  x\n", "a: &x {b: 1}\nc: *x\nd: {<<: *x}\n",
		"- a\n- b: c\n  d: e\n", "? a\n: b\n", "a: 'x\n  y'\n", "a: !t x\n", "%YAML 1.2\n---\na: b\n...\n", "a: \"\\u00e9\\x41\\\n b\"\n", "{a, b: }\n", "a: |+2\n    x\n\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1000 {
			return // every byte's position is asked for below
		}
		doc, err := Parse("f.yaml", data)
		if err != nil {
			if _, ok := err.(Errors); !ok || err.Error() == "" {
				t.Fatalf("%T: %v", err, err)
			}
			return
		}
		lines := strings.Split(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(bytes.TrimPrefix(data, []byte("\ufeff")))), "\n")
		walk(doc.Root, map[*Node]bool{}, func(n *Node) {
			if n.Line < 1 || n.Line > len(lines)+1 || n.Col < 1 {
				t.Fatalf("a node at %d:%d", n.Line, n.Col)
			}
			for i, r := range n.Text {
				line, col := n.PositionAt(i)
				if line < 1 || line > len(lines) || col < 1 || col > utf8.RuneCountInString(lines[line-1])+1 {
					t.Fatalf("byte %d of %q at %d:%d", i, n.Text, line, col)
				}
				if n.Style == Literal && !unicode.IsSpace(r) && isSimple(data) {
					if got := []rune(lines[line-1])[col-1]; got != r {
						t.Fatalf("byte %d of %q at %d:%d is %q", i, n.Text, line, col, got)
					}
				}
			}
			n.Errorf("h", "m")
		})
		if err := doc.Err(); err == nil || err.Error() == "" {
			t.Fatal("errors are lost")
		}
	})
}

// isSimple says that the text holds nothing that the parser is known to place oddly.
func isSimple(data []byte) bool {
	for _, r := range string(data) {
		if r == '\r' || r == '\t' || r == '#' || r > 126 || r < 32 && r != '\n' {
			return false
		}
	}
	return true
}

func walk(n *Node, seen map[*Node]bool, f func(*Node)) {
	if seen[n] {
		return
	}
	seen[n] = true
	f(n)
	for _, e := range n.Entries {
		walk(e.Key, seen, f)
		walk(e.Value, seen, f)
	}
	for _, i := range n.Items {
		walk(i, seen, f)
	}
}
