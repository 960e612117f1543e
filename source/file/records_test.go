package file

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

var comma = dialect{delimiter: ',', quote: '"'}

func TestCount(t *testing.T) {
	cases := []struct {
		name, text string
		blanks     bool
		want       int64
		err        error
	}{
		{name: "nothing", text: "", want: 0},
		{name: "last line without end", text: "a,b\n1,2", want: 2},
		{name: "blank lines are no records", text: "a,b\n1,2\n\n3,4\n\n\n", want: 3},
		{name: "of one column they are", text: "a\n1\n\n3\n\n", blanks: true, want: 5},
		{name: "CR LF", text: "a,b\r\n1,2\r\n\r\n3,4\r\n", want: 3},
		{name: "CR LF of one column", text: "a\r\n1\r\n\r\n3\r\n", blanks: true, want: 4},
		{name: "CR", text: "a,b\r1,2\r3,4\r", want: 3},
		{name: "CR, last without", text: "a,b\r1,2", want: 2},
		{name: "a quoted line end", text: "a,b\n1,\"x\ny\"\n3,4\n", want: 3},
		{name: "a quoted line end of the other kind", text: "a,b\n1,\"x\r\ny\"\n3,4\n", want: 3},
		{name: "a doubled quote", text: "a,b\n1,\"x\"\"\ny\"\n3,4\n", want: 3},
		{name: "a quote inside a field is text", text: "a,b\n1,x\"y\n3\",4\n", want: 3},
		{name: "spaces before a quote", text: "a,b\n1,  \"x\ny\"\n3,4\n", want: 3},
		{name: "text behind a closed quote", text: "a,b\n1,\"x\"y\"z\n3,4\n", want: 3},
		{name: "a quote that is never closed", text: "a,b\n1,\"xy\n3,4\n", err: ErrDamaged},
		{name: "a line of spaces", text: "a,b\n1,2\n  \n", want: 3},
		{name: "characters of four bytes", text: "a,b\n😀,é\n", want: 2},
		{name: "LF then CR LF", text: "a,b\n1,2\r\n", err: ErrLineEnds},
		{name: "CR LF then LF", text: "a,b\r\n1,2\n", err: ErrLineEnds},
		{name: "a CR inside a field", text: "a,b\n1,x\ry\n", err: ErrLineEnds},
		{name: "Latin-1", text: "a,b\n1,caf\xe9\n", err: ErrEncoding},
		{name: "half a character at the end", text: "a,b\n1,\xf0\x9f", err: ErrEncoding},
		{name: "a surrogate", text: "a,b\n1,\xed\xa0\x80\n", err: ErrEncoding},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			for _, n := range []int{1, 2, 3, 5, 7, 1000} {
				k := &counter{dialect: comma, blanks: c.blanks}
				err := feed(k, c.text, n)
				if !errors.Is(err, c.err) {
					t.Fatalf("in pieces of %d: error %v, want %v", n, err, c.err)
				}
				if err == nil && k.records != c.want {
					t.Errorf("in pieces of %d: %d records, want %d", n, k.records, c.want)
				}
			}
		})
	}
}

// feed gives text to a counter in pieces of n bytes, and ends it.
func feed(c *counter, text string, n int) error {
	for p := []byte(text); len(p) > 0; {
		k := min(n, len(p))
		if err := c.write(p[:k]); err != nil {
			return err
		}
		p = p[k:]
	}
	return c.close()
}

func TestWithoutQuotes(t *testing.T) {
	k := &counter{dialect: dialect{delimiter: ','}}
	if err := feed(k, "a,b\n1,\"x\n3,4\n", 1000); err != nil || k.records != 3 {
		t.Errorf("%d records, %v; want 3", k.records, err)
	}
}

func TestEncodingErrorSaysWhere(t *testing.T) {
	for _, n := range []int{1, 4, 9, 100} {
		err := feed(&counter{dialect: comma}, "name,é\n1,caf\xe9 au lait\n", n)
		var e *Error
		if !errors.As(err, &e) || e.Offset != 13 {
			t.Errorf("in pieces of %d: %v, want byte 13", n, err)
		}
	}
}

// Records with the character NUL are counted, however the text comes.
func TestNUL(t *testing.T) {
	cases := []struct {
		text        string
		blanks      bool
		with, first int64
	}{
		{text: "a,b\n1,2\n3,4\n"},
		{text: "a,b\n1,\x00\n3,4\n5,x\x00y\x00\n", with: 2, first: 2},
		{text: "a,b\r\n1,2\r\n3,\"x\r\n\x00\"\r\n5,6\x00", with: 2, first: 3},
		{text: "a,b\r1,2\r\x00,3\r\x00,4\r", with: 2, first: 3},
		{text: "a\n\n\x00\n", blanks: true, with: 1, first: 3},
	}
	for _, c := range cases {
		for _, n := range []int{1, 2, 3, 5, 1000} {
			k := &counter{dialect: comma, blanks: c.blanks}
			if err := feed(k, c.text, n); err != nil || k.withNUL != c.with || k.firstNUL != c.first {
				t.Errorf("%q in pieces of %d: %d, the first %d, %v; want %d, %d", c.text, n, k.withNUL, k.firstNUL, err, c.with, c.first)
			}
		}
	}
}

func TestCut(t *testing.T) {
	cases := []struct {
		text  string
		whole bool
		want  []field
		size  int
		err   error
	}{
		{text: "a,b\n1", want: []field{{"a", 1}, {"b", 3}}, size: 4},
		{text: "a,b\r\n1", want: []field{{"a", 1}, {"b", 3}}, size: 5},
		{text: "a,b\r1", want: []field{{"a", 1}, {"b", 3}}, size: 4},
		{text: "a,b", whole: true, want: []field{{"a", 1}, {"b", 3}}, size: 3},
		{text: "a,b", err: errIncomplete},
		{text: "a,b\r", err: errIncomplete},
		{text: "\n", want: []field{{"", 1}}, size: 1},
		{text: "é,b\n", want: []field{{"é", 1}, {"b", 3}}, size: 5},
		{text: `"a ""b""", "c,` + "\n" + `d" ,e` + "\n", want: []field{{`a "b"`, 1}, {"c,\nd", 11}, {"e", 20}}, size: 21},
		{text: `"",x` + "\n", want: []field{{"", 1}, {"x", 4}}, size: 5},
		{text: `"a"b,c` + "\n", err: errUnquoted},
		{text: `a,"b`, whole: true, err: errIncomplete},
	}
	for _, c := range cases {
		got, size, err := comma.cut([]byte(c.text), c.whole)
		if !reflect.DeepEqual(got, c.want) || size != c.size || err != c.err {
			t.Errorf("cut(%q, %v) = %v, %d, %v; want %v, %d, %v", c.text, c.whole, got, size, err, c.want, c.size, c.err)
		}
	}
}

// FuzzRecords holds three things: the count does not depend on how the text
// is cut into pieces; what encoding/csv writes is counted and cut as it was
// meant; and nothing panics.
func FuzzRecords(f *testing.F) {
	for _, seed := range []string{
		"a,b\n1,2\n", "a\r\n\"x\r\ny\"\r\n", "a\r\r\"\"\"\r", "\xef\xbb\xbf\"a\",b\n", "é,\xff", " \"a\" ,b\n\n\n#c/d", "\"a\"b\"\nc",
	} {
		f.Add([]byte(seed), uint8(3), false)
	}
	f.Fuzz(func(t *testing.T, text []byte, piece uint8, blanks bool) {
		one := &counter{dialect: comma, blanks: blanks}
		oneErr := feed(one, string(text), len(text)+1)
		many := &counter{dialect: comma, blanks: blanks}
		manyErr := feed(many, string(text), int(piece%32)+1)
		// Of two faults either may be met first; of one, all is alike.
		alike := one.records == many.records
		if oneErr != nil || manyErr != nil {
			kind := errors.Unwrap(oneErr)
			alike = oneErr != nil && manyErr != nil && (errors.Unwrap(manyErr) != kind || oneErr.Error() == manyErr.Error())
		}
		if !alike {
			t.Fatalf("%q: %d records, %v as one; %d records, %v in pieces", text, one.records, oneErr, many.records, manyErr)
		}
		if oneErr != nil && errors.Is(oneErr, ErrEncoding) == utf8.Valid(text) {
			t.Fatalf("%q: %v", text, oneErr)
		}

		fields, size, err := comma.cut(text, true)
		if err == nil && (size > len(text) || len(fields) == 0) {
			t.Fatalf("cut(%q) = %d fields, %d bytes", text, len(fields), size)
		}
		if err == nil {
			if names, err := header(fields); err == nil && len(names) != len(fields) {
				t.Fatalf("header(%v) = %v", fields, names)
			}
		}

		if !utf8.Valid(text) {
			return
		}
		// The text as records (cut at #) of fields (cut at /). A CR is left out,
		// since encoding/csv drops one before an LF even in quotes.
		var records [][]string
		for line := range strings.SplitSeq(strings.ReplaceAll(string(text), "\r", ""), "#") {
			records = append(records, append(strings.Split(line, "/"), line))
		}
		var out bytes.Buffer
		w := csv.NewWriter(&out)
		w.UseCRLF = blanks && !bytes.Contains(text, []byte("\n"))
		if err := w.WriteAll(records); err != nil {
			t.Skip()
		}
		back := &counter{dialect: comma}
		if err := feed(back, out.String(), int(piece)+1); err != nil || back.records != int64(len(records)) {
			t.Fatalf("%q: %d records, %v; want %d", out.String(), back.records, err, len(records))
		}
		rest := out.Bytes()
		reader := csv.NewReader(bytes.NewReader(rest))
		reader.FieldsPerRecord = -1
		for {
			want, err := reader.Read()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			got, size, err := comma.cut(rest, true)
			if err != nil {
				t.Fatalf("cut(%q): %v", rest, err)
			}
			rest = rest[size:]
			if !reflect.DeepEqual(texts(got), want) {
				t.Fatalf("%q was cut as %q", want, texts(got))
			}
		}
		if len(rest) != 0 {
			t.Fatalf("%q is left", rest)
		}
	})
}

func texts(fields []field) []string {
	out := make([]string, len(fields))
	for i, f := range fields {
		out[i] = f.text
	}
	return out
}
