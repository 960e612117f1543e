package enginetest

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/table"
)

// textCases: records of CSV and JSON, their numbers, and those that cannot be read.
func textCases(t *testing.T, open func(*testing.T) *fixture) {
	for _, c := range []struct {
		name    string
		content string
		change  func(*engine.CSVOptions)
		rows    []string // a, b, dq_line
		rejects []string // line: text
	}{
		{name: "plain", content: "a,b\n1,one\n2,two\n", rows: []string{"'1' | 'one' | 2", "'2' | 'two' | 3"}},
		{name: "no newline at the end", content: "a,b\n1,one\n2,two", rows: []string{"'1' | 'one' | 2", "'2' | 'two' | 3"}},
		{name: "windows", content: "a,b\r\n1,one\r\n2,two\r\n", rows: []string{"'1' | 'one' | 2", "'2' | 'two' | 3"}},
		{name: "CR alone", content: "a,b\r1,one\r2,two\r3\r4,four", rows: []string{"'1' | 'one' | 2", "'2' | 'two' | 3", "'4' | 'four' | 5"}, rejects: []string{"4: 3"}},
		{name: "byte order mark", content: "\ufeffa,b\n1,one\n", rows: []string{"'1' | 'one' | 2"}},
		{name: "no header", content: "1,one\n2,two\n", change: func(o *engine.CSVOptions) { o.Header = false }, rows: []string{"'1' | 'one' | 1", "'2' | 'two' | 2"}},
		{name: "header only", content: "a,b\n"},
		{name: "nothing", content: ""},
		{name: "names are by position", content: "b,a\n1,one\n", rows: []string{"'1' | 'one' | 2"}},
		{name: "text stays text", content: "a,b\n007,1e3\n 1 ,TRUE\n", rows: []string{"'007' | '1e3' | 2", "' 1 ' | 'TRUE' | 3"}},
		{name: "nulls", content: "a,b\n,x\nNA,\"\"\nna,NULL\n", change: func(o *engine.CSVOptions) { o.Null = "NA" },
			rows: []string{"null | 'x' | 2", "null | null | 3", "'na' | 'NULL' | 4"}},
		{name: "quotes", content: "a,b\n1,\"say \"\"hi\"\", twice\"\n2,\"x\"\n", rows: []string{`'1' | 'say "hi", twice' | 2`, "'2' | 'x' | 3"}},
		{name: "quoted newlines are one record", content: "a,b\n1,\"one\ntwo\n\nthree\"\n2,x\n", rows: []string{"'1' | 'one\ntwo\n\nthree' | 2", "'2' | 'x' | 3"}},
		{name: "no quotes", content: "a;b\n1;\"one\n2;it's\n", change: func(o *engine.CSVOptions) { o.Quote, o.Delimiter = "", ";" },
			rows: []string{`'1' | '"one' | 2`, "'2' | 'it's' | 3"}},
		{name: "blank lines are no records", content: "a,b\n\n1,one\n\n\n2,two\n", rows: []string{"'1' | 'one' | 2", "'2' | 'two' | 3"}},
		{name: "too many", content: "a,b\n1,one\n2,two,more\n3,three\n", rows: []string{"'1' | 'one' | 2", "'3' | 'three' | 4"}, rejects: []string{"3: 2,two,more"}},
		{name: "too few", content: "a,b\n1\n2,two\n", rows: []string{"'2' | 'two' | 3"}, rejects: []string{"2: 1"}},
		{name: "a run of bad ones", content: "a,b\n1\n2\n3,three\n4\n5\n6\n7,seven\n8\n",
			rows: []string{"'3' | 'three' | 4", "'7' | 'seven' | 8"}, rejects: []string{"2: 1", "3: 2", "5: 4", "6: 5", "7: 6", "9: 8"}},
		{name: "bad ones among blank lines and quoted newlines", content: "a,b\n\n1,\"x\n\ny\"\n2\n\n3,three\n4,four,more\n\n\n5,five\n",
			rows: []string{"'1' | 'x\n\ny' | 2", "'3' | 'three' | 4", "'5' | 'five' | 6"}, rejects: []string{"3: 2", "5: 4,four,more"}},
		{name: "all bad", content: "a,b\n1\n2,2,2\n", rejects: []string{"2: 1", "3: 2,2,2"}},
		{name: "not UTF-8", content: "a,b\n1,caf\xe9\n2,café\n", rows: []string{"'2' | 'café' | 3"}, rejects: []string{"2: "}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, zipped := range []bool{false, true} {
				f := open(t)
				o := engine.CSVOptions{Columns: []string{"a", "b"}, Header: true, Delimiter: ",", Quote: `"`, Gzip: zipped}
				if c.change != nil {
					c.change(&o)
				}
				file, content := "in.csv", c.content
				if zipped {
					file, content = "in.csv.gz", compressed(t, content)
				}
				f.write(file, content)
				in := engine.Input{Name: "landing.in", Format: engine.CSV, Root: f.dir, Files: []table.File{{Path: file}}, CSV: &o, Provenance: true}
				if got := f.attach(in); got != "a string, b string, dq_file string, dq_line int64" {
					t.Errorf("schema: %s", got)
				}
				f.expect("SELECT a, b, dq_line FROM landing.in ORDER BY dq_line", c.rows...)
				f.expectRejects("landing.in", file, c.rejects)
			}
		})
	}
	t.Run("many files", func(t *testing.T) { manyFiles(t, open(t)) })
	t.Run("typed", func(t *testing.T) { typedText(t, open(t)) })
	t.Run("damaged", func(t *testing.T) { damagedText(t, open(t)) })
	t.Run("json", func(t *testing.T) { jsonText(t, open(t)) })
}

func compressed(t *testing.T, content string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func (f *fixture) expectRejects(relation, file string, want []string) {
	f.t.Helper()
	rejecter, ok := f.s.(engine.Rejecter)
	if !ok {
		f.t.Fatalf("%T keeps no rejected records", f.s)
	}
	rejects, n, err := rejecter.Rejects(context.Background(), relation, 100)
	if err != nil {
		f.t.Fatal(err)
	}
	var got []string
	for _, r := range rejects {
		if r.File != file || r.Problem == "" {
			f.t.Errorf("rejected: %+v", r)
		}
		got = append(got, fmt.Sprintf("%d: %s", r.Line, r.Text))
	}
	if int(n) != len(want) || len(got) != len(want) {
		f.t.Errorf("%d rejected: %q, want %q", n, got, want)
		return
	}
	for i := range got {
		if !strings.HasPrefix(got[i], want[i]) {
			f.t.Errorf("rejected %q, want %q", got[i], want[i])
		}
	}
}

// manyFiles: record numbers begin anew in each file, whatever is parallel.
func manyFiles(t *testing.T, f *fixture) {
	in := engine.Input{Name: "many", Format: engine.CSV, Root: f.dir, Provenance: true,
		CSV: &engine.CSVOptions{Columns: []string{"n", "x"}, Header: true, Delimiter: ",", Quote: `"`, Gzip: true}}
	for i := range 60 {
		var b strings.Builder
		b.WriteString("n,x\n")
		for n := range 37 * (i % 7) {
			record := n + 2
			switch {
			case i%3 == 0 && n%11 == 5:
				b.WriteString("bad\n")
			case n%5 == 0:
				fmt.Fprintf(&b, "%d,\"two\nlines\"\n", record)
			default:
				fmt.Fprintf(&b, "%d,x\n", record)
			}
		}
		name := f.write(fmt.Sprintf("day/%02d.csv.gz", i), compressed(t, b.String()))
		in.Files = append(in.Files, table.File{Path: name})
	}
	f.attach(in)
	f.expect("SELECT count(*) FROM many WHERE CAST(n AS BIGINT) <> dq_line OR dq_file NOT LIKE 'day/%'", "0")
	r := f.rows("SELECT dq_file, count(*) FROM many GROUP BY dq_file ORDER BY dq_file")
	good, bad, at := 0, 0, 0
	for i := range 60 {
		here := 0
		for n := range 37 * (i % 7) {
			if i%3 == 0 && n%11 == 5 {
				bad++
			} else {
				here++
			}
		}
		if good += here; here > 0 && at < len(r) {
			if want := fmt.Sprintf("'day/%02d.csv.gz' | %d", i, here); r[at] != want {
				t.Errorf("%s, want %s", r[at], want)
			}
			at++
		}
	}
	f.expect("SELECT count(*) FROM many", fmt.Sprint(good))
	rejects, n, err := f.s.(engine.Rejecter).Rejects(context.Background(), "many", 3)
	if err != nil || int(n) != bad || len(rejects) != 3 || rejects[0].File != "day/03.csv.gz" || rejects[0].Line != 7 {
		t.Errorf("%d rejected (want %d): %+v, %v", n, bad, rejects, err)
	}
}

// typedText: a schema picks columns by name and casts, or says which value does not fit.
func typedText(t *testing.T, f *fixture) {
	f.write("in.csv", "id,price,day,extra\n1,2.50,2020-01-05,x\n2,,2020-01-06,y\n")
	in := engine.Input{Name: "typed", Format: engine.CSV, Root: f.dir, Files: []table.File{{Path: "in.csv"}},
		Schema: Schema(t, "day date, id int64, price decimal(5,1), missing double"),
		CSV:    &engine.CSVOptions{Columns: []string{"id", "price", "day", "extra"}, Header: true, Delimiter: ",", Quote: `"`}}
	if got := f.attach(in); got != "day date, id int64, price decimal(5,1), missing double" {
		t.Errorf("schema: %s", got)
	}
	f.expect("SELECT * FROM typed ORDER BY id", "2020-01-05T00:00:00Z | 1 | 2.5d | null", "2020-01-06T00:00:00Z | 2 | null | null")
	f.write("one.csv", "v\n1\n\n2\n")
	f.attach(engine.Input{Name: "one", Format: engine.CSV, Root: f.dir, Files: []table.File{{Path: "one.csv"}}, Provenance: true,
		CSV: &engine.CSVOptions{Columns: []string{"v"}, Header: true, Delimiter: ",", Quote: `"`}})
	f.expect("SELECT v, dq_line FROM one ORDER BY dq_line", "'1' | 2", "null | 3", "'2' | 4") // with one column, a blank line is a null
	in.Schema = Schema(t, "price int64")
	f.attach(in)
	if _, err := f.s.Query(context.Background(), "SELECT * FROM typed"); err == nil || !strings.Contains(err.Error(), `"price"`) || !strings.Contains(err.Error(), "2.50") {
		t.Errorf("2.50 as int64: %v", err)
	}
	for _, missing := range []string{"nope.csv", "."} {
		in.Files = []table.File{{Path: "in.csv"}, {Path: missing}}
		if _, err := f.s.Attach(context.Background(), in); err == nil || !strings.Contains(err.Error(), missing) {
			t.Errorf("file %s: %v", missing, err)
		}
	}
	in.Files = nil
	in.Provenance = true
	f.attach(in)
	f.expect("SELECT count(*), count(dq_file), count(dq_line) FROM typed", "0 | 0 | 0")
}

// damagedText: a file that cannot be read as what it is said to be is an error
// that names it, and a record that is too long for the engine is no silent loss.
// (That a gzip file is whole is for those to prove who hand it over.)
func damagedText(t *testing.T, f *fixture) {
	long := strings.Repeat("x", 20<<20)
	for name, content := range map[string]string{
		"plain.csv.gz": "a,b\n1,2\n",
		"long.csv":     "a,b\n1,2\n" + long + ",3\n4,5\n",
		"mixed.csv":    "a,b\n1,2\r\n3,4\n\r\n5,6\n",
	} {
		f.write(name, content)
		in := engine.Input{Name: "damaged", Format: engine.CSV, Root: f.dir, Files: []table.File{{Path: name}}, Provenance: true,
			CSV: &engine.CSVOptions{Columns: []string{"a", "b"}, Header: true, Delimiter: ",", Quote: `"`, Gzip: strings.HasSuffix(name, ".gz")}}
		_, err := f.s.Attach(context.Background(), in)
		var r *engine.Rows
		if err == nil {
			r, err = f.s.Query(context.Background(), "SELECT count(*) FROM damaged")
		}
		if err != nil {
			if !strings.Contains(err.Error(), name) || len(err.Error()) > 500 {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		_, rejected, err := f.s.(engine.Rejecter).Rejects(context.Background(), "damaged", 10)
		if rows := r.Values[0][0].(int64); err != nil || name == "plain.csv.gz" || rows+rejected != 3 {
			t.Errorf("%s: %d rows and %d rejected, %v", name, rows, rejected, err)
		}
	}
}

// jsonText: records of newline-delimited JSON, with and without a schema.
func jsonText(t *testing.T, f *fixture) {
	f.write("a.ndjson", `{"id": 1, "name": "x", "at": "2020-01-05T01:02:03Z", "tags": ["p", "q"]}`+"\n"+`{"id": 2.5, "more": {"k": true}}`+"\n")
	f.write("b.ndjson", `{"id": 3, "name": null}`+"\n")
	in := engine.Input{Name: "j", Format: engine.JSON, Root: f.dir, Files: []table.File{{Path: "a.ndjson"}, {Path: "b.ndjson"}}, Provenance: true}
	if got, want := f.attach(in), "id double, name string, at timestamp, tags array<string>, more struct<k: bool>, dq_file string, dq_line int64"; got != want {
		t.Errorf("schema: %s, want %s", got, want)
	}
	f.expect("SELECT * FROM j ORDER BY id",
		"1f | 'x' | 2020-01-05T01:02:03Z | ['p', 'q'] | null | 'a.ndjson' | 1",
		"2.5f | null | null | null | {k: true} | 'a.ndjson' | 2",
		"3f | null | null | null | null | 'b.ndjson' | 1")
	in.Schema, in.Provenance = Schema(t, "name string, id string, nothing int64"), false
	f.attach(in)
	f.expect("SELECT * FROM j ORDER BY id", "'x' | '1' | null", "null | '2.5' | null", "null | '3' | null")
	f.write("bad.ndjson", "{\"id\": 1}\n{\"id\": }\n")
	in.Files = []table.File{{Path: "bad.ndjson"}}
	f.attach(in)
	if _, err := f.s.Query(context.Background(), "SELECT * FROM j"); err == nil || !strings.Contains(err.Error(), "bad.ndjson") {
		t.Errorf("a broken record: %v", err)
	}
}

// inferCases: the narrowest type that every value fits.
func inferCases(t *testing.T, open func(*testing.T) *fixture) {
	cases := []struct{ values, typ, last string }{
		{"1;-2;0", "int64", "0"},
		{"1;;3", "int64", "3"},
		{";;", "string", "null"},
		{"00123;1", "string", "'1'"},
		{"9223372036854775807;-9223372036854775808", "int64", "-9223372036854775808"},
		{"1;9223372036854775808", "decimal(19,0)", "9223372036854775808d"},
		{"1;2.5;10.25", "decimal(4,2)", "10.25d"},
		{"17850.0;1.5", "decimal(6,1)", "1.5d"},
		{"0.1;1e3", "double", "1000f"},
		{"0.5;nan", "double", "NaNf"},
		{"12345678901234567890123456789012345678.9", "double", "1.2345678901234568e+37f"},
		{"1.2.3;4", "string", "'4'"},
		{"+1;2", "string", "'2'"},
		{" 1;2", "string", "'2'"},
		{"true;FALSE", "bool", "false"},
		{"yes;no", "string", "'no'"},
		{"2020-02-29;1999-12-31", "date", "1999-12-31T00:00:00Z"},
		{"2021-02-29;1999-12-31", "string", "'1999-12-31'"},
		{"2020-01-01;2020-01-02 03:04:05.5", "timestamp", "2020-01-02T03:04:05.5Z"},
		{"2020-01-02T03:04:05+02:00;2020-01-02 03:04", "timestamp", "2020-01-02T03:04:00Z"},
		{"12/31/2020;1/2/2020", "string", "'1/2/2020'"},
		{"1;x", "string", "'x'"},
	}
	f := open(t)
	for i, c := range cases {
		name := f.write(fmt.Sprintf("%d.csv", i), "v,k\n"+strings.Join(strings.Split(c.values, ";"), ",k\n")+",k\n")
		in := engine.Input{Name: "i", Format: engine.CSV, Root: f.dir, Files: []table.File{{Path: name}}, Provenance: true,
			CSV: &engine.CSVOptions{Columns: []string{"v", "k"}, Header: true, Delimiter: ",", Quote: `"`, Infer: true}}
		if got, want := f.attach(in), "v "+c.typ+", k string, dq_file string, dq_line int64"; got != want {
			t.Errorf("%s: %s, want %s", c.values, got, want)
			continue
		}
		f.expect("SELECT v FROM i ORDER BY dq_line DESC LIMIT 1", c.last)
	}
	// What the first rows look like does not decide.
	late := "v\n" + strings.Repeat("1\n", 5000) + "x\n"
	f.write("late.csv", late)
	in := engine.Input{Name: "i", Format: engine.CSV, Root: f.dir, Files: []table.File{{Path: "late.csv"}},
		CSV: &engine.CSVOptions{Columns: []string{"v"}, Header: true, Delimiter: ",", Quote: `"`, Infer: true}}
	if got := f.attach(in); got != "v string" {
		t.Errorf("a text in row 5001: %s", got)
	}
}
