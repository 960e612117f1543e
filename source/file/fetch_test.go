package file

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// folder writes files into a new folder; names ending in .gz are packed,
// unless the content is so already.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		put(t, filepath.Join(dir, name), text)
	}
	return dir
}

func put(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func packed(text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write([]byte(text))
	z.Close()
	return b.String()
}

func mustFetch(t *testing.T, cfg Config, known Known) *Batch {
	t.Helper()
	b, err := Fetch(context.Background(), cfg, known)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// show writes a batch as lines, without what differs from run to run.
func show(b *Batch) string {
	var s strings.Builder
	list := func(what string, files []File) {
		for _, f := range files {
			fmt.Fprintf(&s, "%s %s %d\n", what, f.Path, f.Records)
		}
	}
	list("new", b.Files)
	list("rewritten", b.Rewritten)
	for _, g := range b.Groups {
		fmt.Fprintf(&s, "group %s [%s] header=%v delimiter=%q quote=%q gzip=%v:", g.Format, strings.Join(g.Columns, " "), g.Header, g.Delimiter, g.Quote, g.Gzip)
		for _, f := range g.Files {
			s.WriteString(" " + f.Path)
		}
		s.WriteString("\n")
	}
	fmt.Fprintf(&s, "unchanged %d\n", b.Unchanged)
	if b.Waiting > 0 {
		fmt.Fprintf(&s, "waiting %d\n", b.Waiting)
	}
	return s.String()
}

func TestFetch(t *testing.T) {
	cases := []struct {
		name  string
		files map[string]string
		cfg   Config // Glob is below the folder; *.csv* when empty
		want  string
	}{
		{
			name:  "files in order of their paths",
			files: map[string]string{"b.csv": "id,name\n1,x\n2,y\n", "a.csv": "id,name\n3,z\n", "10.csv": "id,name\n"},
			want: `new 10.csv 0
new a.csv 1
new b.csv 2
group csv [id name] header=true delimiter="," quote="\"" gzip=false: 10.csv a.csv b.csv
unchanged 0
`,
		},
		{
			name:  "one at a time",
			files: map[string]string{"b.csv": "id,name\n1,x\n", "a.csv": "id,name\n3,z\n", "c.csv": "not,alike\n", "d.csv": "\xff"},
			cfg:   Config{Limit: 1},
			want: `new a.csv 1
group csv [id name] header=true delimiter="," quote="\"" gzip=false: a.csv
unchanged 0
waiting 3
`,
		},
		{
			name:  "only files that are known, of which there are none",
			files: map[string]string{"a.csv": "id,name\n3,z\n"},
			cfg:   Config{Limit: 1, OnlyKnown: true},
			want:  "unchanged 0\nwaiting 1\n",
		},
		{
			name: "another header or compression is another group",
			files: map[string]string{
				"1.csv": "id,name\n1,x\n", "2.csv": "name,id\nx,1\n", "3.csv.gz": packed("id,name\n1,x\n"),
				"4.csv": "id,name,extra\n1,x,y\n", "5.csv": "id,name\n", "6.csv": packed("id,name\n2,y\n"),
			},
			want: `new 1.csv 1
new 2.csv 1
new 3.csv.gz 1
new 4.csv 1
new 5.csv 0
new 6.csv 1
group csv [id name] header=true delimiter="," quote="\"" gzip=false: 1.csv 5.csv
group csv [name id] header=true delimiter="," quote="\"" gzip=false: 2.csv
group csv [id name] header=true delimiter="," quote="\"" gzip=true: 3.csv.gz 6.csv
group csv [id name extra] header=true delimiter="," quote="\"" gzip=false: 4.csv
unchanged 0
`,
		},
		{
			name:  "byte order mark, quotes in the header, CR LF",
			files: map[string]string{"a.csv": "\xef\xbb\xbf\"Invoice, No\",\"said \"\"x\"\"\"\r\n1,2\r\n"},
			want: `new a.csv 1
group csv [Invoice, No said "x"] header=true delimiter="," quote="\"" gzip=false: a.csv
unchanged 0
`,
		},
		{
			name:  "a semicolon, found by looking",
			files: map[string]string{"a.csv": "name;price\nx, y;1,50\nz;2,75\n"},
			want: `new a.csv 2
group csv [name price] header=true delimiter=";" quote="\"" gzip=false: a.csv
unchanged 0
`,
		},
		{
			name:  "a bar, found by looking behind a comma in the header",
			files: map[string]string{"a.csv": "id|last, first|n\n1|x|2\n2|y, z|3\n"},
			want: `new a.csv 2
group csv [id last, first n] header=true delimiter="|" quote="\"" gzip=false: a.csv
unchanged 0
`,
		},
		{
			name:  "single quotes, when the whole header has them",
			files: map[string]string{"a.csv": "'id','a, b'\n1,'x\ny'\n"},
			want: `new a.csv 1
group csv [id a, b] header=true delimiter="," quote="'" gzip=false: a.csv
unchanged 0
`,
		},
		{
			name:  "tabs by name",
			files: map[string]string{"a.tsv": "id\tname\n1\tx,y\n"},
			cfg:   Config{Glob: "*.tsv"},
			want: `new a.tsv 1
group csv [id name] header=true delimiter="\t" quote="\"" gzip=false: a.tsv
unchanged 0
`,
		},
		{
			name:  "what is configured is not looked for",
			files: map[string]string{"a.csv": "a,b;c\n\"x;1\n"},
			cfg:   Config{Delimiter: ";", Quote: "none", NoHeader: true},
			want: `new a.csv 2
group csv [column1 column2] header=false delimiter=";" quote="" gzip=false: a.csv
unchanged 0
`,
		},
		{
			name:  "one column",
			files: map[string]string{"a.csv": "id\n1\n\n3\n"},
			want: `new a.csv 3
group csv [id] header=true delimiter="," quote="\"" gzip=false: a.csv
unchanged 0
`,
		},
		{
			name: "folders, and names that are passed over",
			files: map[string]string{
				"2024/01/a.csv": "id,n\n1,1\n", "2024/b.csv": "id,n\n", "c.csv": "id,n\n", ".d.csv": "broken", "2024/_e.csv": "broken",
				"_tmp/f.csv": "broken", "2024/g.txt": "broken", "h.csv/i.csv": "id,n\n",
			},
			cfg: Config{Glob: "**/*.csv"},
			want: `new 2024/01/a.csv 1
new 2024/b.csv 0
new c.csv 0
new h.csv/i.csv 0
group csv [id n] header=true delimiter="," quote="\"" gzip=false: 2024/01/a.csv 2024/b.csv c.csv h.csv/i.csv
unchanged 0
`,
		},
		{
			name:  "a pattern in a folder's name",
			files: map[string]string{"2024-01/a.csv": "id,n\n", "2024-02/a.csv": "id,n\n", "2025-01/a.csv": "id,n\n"},
			cfg:   Config{Glob: "2024-*/a.csv"},
			want: `new 2024-01/a.csv 0
new 2024-02/a.csv 0
group csv [id n] header=true delimiter="," quote="\"" gzip=false: 2024-01/a.csv 2024-02/a.csv
unchanged 0
`,
		},
		{
			name:  "JSON and Parquet are hashed only",
			files: map[string]string{"a.json": `{"id": 1}`, "b.json": packed(`{"id": 2}`)},
			cfg:   Config{Glob: "*.json"},
			want: `new a.json -1
new b.json -1
group json [] header=false delimiter="" quote="" gzip=false: a.json
group json [] header=false delimiter="" quote="" gzip=true: b.json
unchanged 0
`,
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := folder(t, c.files)
			if c.cfg.Glob == "" {
				c.cfg.Glob = "*.csv*"
			}
			c.cfg.Glob = filepath.Join(dir, c.cfg.Glob)
			b := mustFetch(t, c.cfg, nil)
			if got := show(b); got != c.want {
				t.Errorf("got\n%swant\n%s", got, c.want)
			}
			for _, f := range b.Files {
				data, err := os.ReadFile(filepath.Join(b.Root, f.Path))
				if err != nil {
					t.Fatal(err)
				}
				sum := sha256.Sum256(data)
				if f.SHA256 != hex.EncodeToString(sum[:]) || f.Size != int64(len(data)) {
					t.Errorf("%s: %s, %d bytes", f.Path, f.SHA256, f.Size)
				}
			}
		})
	}
}

func TestKnownFiles(t *testing.T) {
	dir := folder(t, map[string]string{
		"same.csv": "id,n\n1,1\n", "touched.csv": "id,n\n2,2\n", "edited.csv": "id,n\n3,3\n", "longer.csv": "id,n\n4,4\n",
	})
	cfg := Config{Glob: filepath.Join(dir, "*.csv")}
	known := Known{}
	for _, f := range mustFetch(t, cfg, nil).Files {
		known[f.Path] = f.ID()
	}
	if b := mustFetch(t, cfg, known); !b.Empty() || b.Unchanged != 4 || len(b.Groups) != 0 {
		t.Errorf("nothing changed, but:\n%s", show(b))
	}

	later := time.Now().Add(time.Hour)
	put(t, filepath.Join(dir, "edited.csv"), "id,n\n3,5\n")
	put(t, filepath.Join(dir, "longer.csv"), "id,n\n4,4\n5,5\n")
	put(t, filepath.Join(dir, "new.csv"), "id,n\n")
	for _, name := range []string{"touched.csv", "edited.csv"} {
		if err := os.Chtimes(filepath.Join(dir, name), later, later); err != nil {
			t.Fatal(err)
		}
	}
	// A known file of the same size and time is not read, so nobody sees that the hash is another.
	id := known["same.csv"]
	id.SHA256 = "never looked at"
	known["same.csv"] = id

	want := `new new.csv 0
rewritten edited.csv 1
rewritten longer.csv 2
group csv [id n] header=true delimiter="," quote="\"" gzip=false: edited.csv longer.csv new.csv
unchanged 2
`
	if got := show(mustFetch(t, cfg, known)); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}

	for _, name := range []string{"same", "touched", "edited", "longer", "new"} {
		if err := os.Remove(filepath.Join(dir, name+".csv")); err != nil {
			t.Fatal(err)
		}
	}
	if b := mustFetch(t, cfg, known); !b.Empty() {
		t.Errorf("consumed files may go, but:\n%s", show(b))
	}
}

func TestFetchErrors(t *testing.T) {
	cases := []struct {
		name  string
		files map[string]string
		cfg   Config
		err   error
		want  string // DIR stands for the folder
	}{
		{name: "no glob", cfg: Config{Glob: "-"}, err: ErrBadConfig, want: "files: no files are named; write `files: data/*.csv`"},
		{name: "format", cfg: Config{Format: "xml"}, err: ErrBadConfig, want: `DIR/*.csv: format "xml" is unknown; the formats are csv, tsv, json and parquet`},
		{name: "delimiter", cfg: Config{Delimiter: "||"}, err: ErrBadConfig, want: "DIR/*.csv: delimiter \"||\" is not one ASCII character; write `delimiter: ';'`, or \"\\t\" for a tab"},
		{name: "quote", cfg: Config{Quote: "“"}, err: ErrBadConfig, want: "DIR/*.csv: quote \"“\" is not one ASCII character; write `quote: '\"'`, or none"},
		{name: "both", cfg: Config{Quote: "'", Delimiter: "'"}, err: ErrBadConfig, want: `DIR/*.csv: "'" is both delimiter and quote; take different characters`},
		{name: "pattern", cfg: Config{Glob: "a[.csv"}, err: ErrBadConfig, want: `DIR/a[.csv: "a[.csv" is no pattern; close each [ with ], and write \[ for the character itself`},
		{name: "no match", err: ErrNotFound, want: "DIR/*.csv: no file matches; names that begin with . or _ are passed over"},
		{name: "no file", files: map[string]string{"orders.csv": "", ".ordres.csv": ""}, cfg: Config{Glob: "ordres.csv"}, err: ErrNotFound,
			want: "DIR/ordres.csv: no such file or folder; did you mean DIR/orders.csv?"},
		{name: "no folder", files: map[string]string{"data/a.csv": ""}, cfg: Config{Glob: "dota/*.csv"}, err: ErrNotFound,
			want: "DIR/dota: no such file or folder; did you mean DIR/data?"},
		{name: "no folder above either", cfg: Config{Glob: "x/y/*.csv"}, err: ErrNotFound,
			want: "DIR/x/y: no such file or folder; the folder DIR/x does not exist either"},
		{name: "a folder", files: map[string]string{"a.csv/b": ""}, cfg: Config{Glob: "a.csv"}, err: ErrFormat,
			want: "DIR/a.csv: this is a folder, not a file; name its files: DIR/a.csv/*.csv"},
		{name: "empty", files: map[string]string{"a.csv": ""}, err: ErrHeader,
			want: "DIR/a.csv:1:1: the file is empty: not even a header is there; look whether it was written as a whole"},
		{name: "blank first line", files: map[string]string{"a.csv": "\na,b\n"}, err: ErrHeader,
			want: "DIR/a.csv:1:1: the first line is blank, where the header should be; remove the blank line"},
		{name: "no name", files: map[string]string{"a.csv": "id, ,n\n"}, err: ErrHeader,
			want: "DIR/a.csv:1:4: column 2 of 3 has no name; name it in the header, or say that the file has none"},
		{name: "a name twice", files: map[string]string{"a.csv": "é,id,n,id\n"}, err: ErrHeader,
			want: `DIR/a.csv:1:8: column name "id" occurs twice; rename one of them in the header`},
		{name: "a name twice but for case", files: map[string]string{"a.csv": "id,ID\n"}, err: ErrHeader,
			want: `DIR/a.csv:1:4: column names "id" and "ID" differ only in case; rename one of them in the header`},
		{name: "NUL in a name", files: map[string]string{"a.csv": "id,n\x00\n1,2\n"}, err: ErrHeader,
			want: `DIR/a.csv:1:4: column name "n\x00" holds a NUL character; rename it in the header; if every other byte of the file is zero, it is UTF-16: iconv -f UTF-16 -t UTF-8`},
		{name: "open quote", files: map[string]string{"a.csv": "id,\"n\n1,2\n"}, err: ErrHeader,
			want: "DIR/a.csv:1:1: in the first line a quote is opened and never closed; close it, or say `quote: none`"},
		{name: "text behind a quote", files: map[string]string{"a.csv": "id,\"n\"m\n"}, err: ErrHeader,
			want: "DIR/a.csv:1:1: in the first line text follows a closing quote; double the quotes within a quoted field"},
		{name: "no line", files: map[string]string{"a.csv": strings.Repeat("x", sampleBytes+1)}, err: ErrHeader,
			want: "DIR/a.csv:1:1: the first line does not end within 262144 bytes; look whether this is a CSV file, and whether a quote is never closed"},
		{name: "Latin-1", files: map[string]string{"a.csv": "\xef\xbb\xbfid,n\n1,caf\xe9\n"}, err: ErrEncoding,
			want: "DIR/a.csv: byte 13: byte 0xE9 is not UTF-8; if the file is Latin-1, convert it: iconv -f ISO-8859-1 -t UTF-8"},
		{name: "Latin-1 far behind", files: map[string]string{"a.csv.gz": packed("id,n\n" + strings.Repeat("1,2\n", 200_000) + "1,\xe9\n")}, cfg: Config{Glob: "*.gz"}, err: ErrEncoding,
			want: "DIR/a.csv.gz: byte 800007: byte 0xE9 is not UTF-8; if the file is Latin-1, convert it: iconv -f ISO-8859-1 -t UTF-8"},
		{name: "UTF-16", files: map[string]string{"a.csv": "\xff\xfei\x00d\x00\n\x00"}, err: ErrEncoding,
			want: "DIR/a.csv: byte 0: the text is UTF-16, not UTF-8; convert it: iconv -f UTF-16 -t UTF-8"},
		{name: "line ends", files: map[string]string{"a.csv": "id,n\r\n1,2\r\n3,4\n"}, err: ErrLineEnds,
			want: `DIR/a.csv: record 3, byte 14: this line ends with LF, those before with CR LF; make all line ends alike (dos2unix, or sed 's/\r$//'), or quote the field that holds one`},
		{name: "another delimiter", files: map[string]string{"a.csv": "id;n\n1;2\n", "b.csv": "id,n\n1,2\n"}, err: ErrHeader,
			want: `DIR/b.csv:1:1: fields are separated by ',' here, by ';' in the first file of the batch; load the two kinds of files as two sources`},
		{name: "broken off", files: map[string]string{"a.csv.gz": packed(strings.Repeat("id,n\n", 1000))[:40]}, cfg: Config{Glob: "*.gz"}, err: ErrDamaged,
			want: "DIR/a.csv.gz: it cannot be unpacked: unexpected EOF; look whether it was copied as a whole: gzip -t DIR/a.csv.gz"},
		{name: "not even a gzip header", files: map[string]string{"a.csv.gz": "\x1f\x8b"}, cfg: Config{Glob: "*.gz"}, err: ErrDamaged,
			want: "DIR/a.csv.gz: it cannot be unpacked: unexpected EOF; look whether it was copied as a whole: gzip -t DIR/a.csv.gz"},
		{name: "Parquet among CSV", files: map[string]string{"a.csv": "id,n\n", "b.csv": "PAR1...."}, err: ErrFormat,
			want: "DIR/b.csv: this is parquet, the source is csv; keep other files out of the glob"},
		{name: "all that is wrong, in order", files: map[string]string{"a.csv": "id,n\n", "b.csv": "", "c.csv": "id,id\n"}, err: ErrHeader,
			want: "DIR/b.csv:1:1: the file is empty: not even a header is there; look whether it was written as a whole\n" +
				`DIR/c.csv:1:4: column name "id" occurs twice; rename one of them in the header`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := folder(t, c.files)
			switch c.cfg.Glob {
			case "-":
				c.cfg.Glob = ""
			case "":
				c.cfg.Glob = filepath.Join(dir, "*.csv")
			default:
				c.cfg.Glob = filepath.Join(dir, c.cfg.Glob)
			}
			_, err := Fetch(context.Background(), c.cfg, nil)
			if !errors.Is(err, c.err) {
				t.Fatalf("error %v is not %v", err, c.err)
			}
			if got := strings.ReplaceAll(err.Error(), dir, "DIR"); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestLinkThatLeadsNowhere(t *testing.T) {
	dir := folder(t, map[string]string{"a.csv": "id,n\n1,2\n"})
	if err := os.Symlink("gone.csv", filepath.Join(dir, "b.csv")); err != nil {
		t.Fatal(err)
	}
	cfg := Config{Glob: filepath.Join(dir, "*.csv")}
	_, err := Fetch(context.Background(), cfg, nil)
	want := "DIR/b.csv: this is a link to gone.csv, and nothing is there; mend it, or take it away"
	if !errors.Is(err, ErrDamaged) || strings.ReplaceAll(err.Error(), dir, "DIR") != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	if groups, err := Headers(cfg, nil); err != nil || len(groups) != 1 {
		t.Errorf("%d groups of headers, %v", len(groups), err)
	}
	if b := mustFetch(t, cfg, Known{"b.csv": {}}); len(b.Files) != 1 {
		t.Errorf("what was consumed may go, but:\n%s", show(b))
	}
}

func TestManyWrongFilesAreCounted(t *testing.T) {
	files := map[string]string{"00.csv": "id,n\n"}
	for i := range 15 {
		files[fmt.Sprintf("x%02d.csv", i)] = "id,id\n"
	}
	_, err := Fetch(context.Background(), Config{Glob: filepath.Join(folder(t, files), "*.csv")}, nil)
	if lines := strings.Split(err.Error(), "\n"); len(lines) != maxProblems+1 || lines[maxProblems] != "and 5 more files" {
		t.Errorf("got %s", err)
	}
}

func TestUnhashedFiles(t *testing.T) {
	dir := folder(t, map[string]string{"a.csv": "id,n\n1,2\n", "b.parquet": "PAR1 rows PAR1"})
	for name, records := range map[string]int64{"a.csv": 1, "b.parquet": -1} {
		b := mustFetch(t, Config{Glob: filepath.Join(dir, name), Unhashed: true}, nil)
		if f := b.Files[0]; f.SHA256 != "" || f.Records != records || f.Size == 0 {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

func TestFileThatChangesWhileItIsRead(t *testing.T) {
	name := filepath.Join(folder(t, map[string]string{"a.csv": "id,n\n"}), "a.csv")
	o, err := open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer o.close()
	if err := o.unchanged(); err != nil {
		t.Error(err)
	}
	put(t, name, "id,n\n1,2\n")
	if err := o.unchanged(); !errors.Is(err, ErrChanged) {
		t.Errorf("got %v", err)
	}
}

func TestCancelledFetch(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	dir := folder(t, map[string]string{"a.csv": "id,n\n"})
	if _, err := Fetch(ctx, Config{Glob: filepath.Join(dir, "*.csv")}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// headOf is what [Headers] says of one file.
func headOf(name string) (Group, error) {
	groups, err := Headers(Config{Glob: name}, nil)
	if err != nil || len(groups) == 0 {
		return Group{}, err
	}
	return groups[0], nil
}

func TestHeader(t *testing.T) {
	cases := []struct {
		name, text string
		want       Group
		err        error
	}{
		{name: "a.csv", text: "id;n\n1;2\n", want: Group{Format: CSV, Columns: []string{"id", "n"}, Header: true, Delimiter: ";", Quote: `"`}},
		{name: "a[1].csv", text: "id,n\n", want: Group{Format: CSV, Columns: []string{"id", "n"}, Header: true, Delimiter: ",", Quote: `"`}},
		{name: "a.csv.gz", text: packed("id,n\n"), want: Group{Format: CSV, Columns: []string{"id", "n"}, Header: true, Delimiter: ",", Quote: `"`, Gzip: true}},
		{name: "a.tsv", text: "id\tn\n", want: Group{Format: CSV, Columns: []string{"id", "n"}, Header: true, Delimiter: "\t", Quote: `"`}},
		{name: "a.ndjson.gz", text: packed("{}\n{}\n"), want: Group{Format: JSON, Gzip: true}},
		{name: "a.json", text: "[]", want: Group{Format: JSON}},
		{name: "a", text: " \n[{}]", want: Group{Format: JSON}},
		{name: "a.parquet", text: "PAR1", want: Group{Format: Parquet}},
		{name: "a", text: "PAR1", want: Group{Format: Parquet}},
		{name: "a.dat", text: "id,n\n", want: Group{Format: CSV, Columns: []string{"id", "n"}, Header: true, Delimiter: ",", Quote: `"`}},
		{name: "a.parquet", text: "id,n\n", err: ErrDamaged},
		{name: "a.arrow", text: "ARROW1", err: ErrFormat},
		{name: "a.bin", text: "\x00\x01", err: ErrFormat},
		{name: "a.csv", text: "", err: ErrHeader},
		{name: "a.csv", text: "\xfe\xffx", err: ErrEncoding},
		{name: "missing/a.csv", err: ErrNotFound},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			name := filepath.Join(dir, c.name)
			if c.err != ErrNotFound {
				put(t, name, c.text)
			}
			got, err := headOf(name)
			if !errors.Is(err, c.err) {
				t.Fatalf("error %v is not %v", err, c.err)
			}
			if err != nil {
				return
			}
			if f := got.Files[0]; f.Path != c.name || f.Size != int64(len(c.text)) || f.Records != -1 {
				t.Errorf("file %+v", f)
			}
			got.Files = nil
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

// FuzzSniff holds that no bytes make it panic, and that what it accepts has names.
func FuzzSniff(f *testing.F) {
	for _, seed := range []string{"id,n\n1,2\n", "'a';'b'\n", "\xef\xbb\xbf\"a\"\tb", "[{", "PAR1", packed("a|b\n"), "\x1f\x8b\x08\x00", "\"a\nb", "a,,b\n"} {
		f.Add([]byte(seed))
	}
	name := filepath.Join(f.TempDir(), "a")
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(name, data, 0o644); err != nil {
			t.Fatal(err)
		}
		g, err := headOf(name)
		var e *Error
		if err != nil && !errors.As(err, &e) {
			t.Fatalf("%q: %v", data, err)
		}
		if err == nil && g.Format == CSV && (len(g.Columns) == 0 || len(g.Delimiter) != 1) {
			t.Fatalf("%q: %+v", data, g)
		}
	})
}
