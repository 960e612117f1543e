package delta

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dq-dev/dq/table"
)

var withFeed = map[string]string{"delta.enableChangeDataFeed": "true", "delta.enableDeletionVectors": "true"}

// feedText says what a feed gives: one line a version.
func feedText(t testing.TB, tb *Table, from, to int64) (string, error) {
	t.Helper()
	var out strings.Builder
	for v, err := range tb.ChangeFeed(context.Background(), from, to) {
		if err != nil {
			return out.String(), err
		}
		fmt.Fprintf(&out, "%d:", v.Version)
		for _, f := range v.Files {
			fmt.Fprintf(&out, " %s %s", f.Kind, f.File.Path)
			if f.Rows != nil {
				fmt.Fprint(&out, f.Rows)
			}
			if f.File.Deleted != nil {
				fmt.Fprint(&out, "-", f.File.Deleted.Rows)
			}
		}
		out.WriteString("\n")
	}
	return out.String(), nil
}

func TestChangeFeed(t *testing.T) {
	tb := testTable(&memory{})
	s := appendFiles(t, create(t, tb, withFeed), "a", "b")
	next := func(op string, do func(*Txn, []table.File)) {
		t.Helper()
		x := s.Begin(op)
		do(x, fileList(t, s))
		commitOK(t, x)
		s = x.Snapshot()
	}
	next("DELETE", func(x *Txn, f []table.File) { x.Delete(f[0], []int64{1, 2}) })
	next("DELETE", func(x *Txn, f []table.File) { x.Delete(f[0], []int64{3}); x.Remove(f[1]) })
	next("UPDATE", func(x *Txn, f []table.File) {
		x.Remove(f[0])
		x.Add(dataFile("c"), dataFile("d"))
		x.AddChanges(dataFile("_change_data/u"))
	})
	next("OPTIMIZE", func(x *Txn, f []table.File) { x.Rearrange(f, []table.File{dataFile("e")}) })
	next("DELETE", func(x *Txn, f []table.File) { x.Delete(f[0], []int64{0}) })
	next("DELETE", func(x *Txn, f []table.File) { x.Remove(f[0]) })
	got, err := feedText(t, tb, 0, s.Version())
	want := `0:
1: insert a insert b
2: delete a[1 2]-[1 2]
3: delete a[3]-[1 2 3] delete b
4:  _change_data/u
5:
6: delete e[0]-[0]
7: delete e-[0]
`
	if err != nil || got != want {
		t.Errorf("%v\n%s", err, got)
	}
	if got := latest(t, tb); got.NumFiles() != 0 {
		t.Errorf("%d files: files of changes are no data", got.NumFiles())
	}
	for v, err := range tb.ChangeFeed(context.Background(), 2, 2) {
		if want := f0.Add(2 * time.Millisecond); err != nil || !v.Time.Equal(want) {
			t.Errorf("version 2 is of %s, %v", v.Time, err)
		}
	}
	if _, err := feedText(t, tb, 3, 99); !errors.Is(err, ErrNoVersion) {
		t.Errorf("got %v", err)
	}
	if _, err := feedText(t, tb, 3, 2); !errors.Is(err, ErrInvalid) {
		t.Errorf("got %v", err)
	}
}

// TestChangeFeedBroken: what the range cannot show is an error, not fewer rows.
func TestChangeFeedBroken(t *testing.T) {
	entry := func(lines ...string) []byte { return []byte(strings.Join(lines, "\n")) }
	meta := func(schema, props string) string {
		return `{"metaData":{"id":"t","format":{"provider":"parquet","options":{}},"schemaString":"` +
			strings.ReplaceAll(schema, `"`, `\"`) + `","partitionColumns":[],"configuration":{` + props + `}}}`
	}
	field := func(name, kind string) string {
		return `{"name":"` + name + `","type":"` + kind + `","nullable":true,"metadata":{}}`
	}
	schema := func(fields ...string) string {
		return `{"type":"struct","fields":[` + strings.Join(fields, ",") + `]}`
	}
	const on, protocol = `"delta.enableChangeDataFeed":"true"`, `{"protocol":{"minReaderVersion":1,"minWriterVersion":4}}`
	ab := schema(field("a", "long"), field("b", "integer"))
	cases := []struct{ name, first, protocol, second, want string }{
		{"off", meta(ab, ""), protocol, meta(ab, on), "version 0"},
		{"off later", meta(ab, on), protocol, meta(ab, ""), "version 1"},
		{"not in the protocol", meta(ab, on), `{"protocol":{"minReaderVersion":1,"minWriterVersion":2}}`, meta(ab, on), "version 0"},
		{"column dropped", meta(ab, on), protocol, meta(schema(field("a", "long")), on), `column "b" is gone`},
		{"type changed", meta(ab, on), protocol, meta(schema(field("a", "long"), field("b", "string")), on), `column "b" became string from int32`},
		{"type widened", meta(ab, on), protocol, meta(schema(field("a", "long"), field("b", "long")), on), ""},
		{"column added", meta(ab, on), protocol, meta(schema(field("a", "long"), field("b", "integer"), field("c", "date")), on), ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			tb := testTable(&memory{files: map[string][]byte{
				commitName(0): entry(c.protocol, c.first), commitName(1): entry(c.second)}})
			got, err := feedText(t, tb, 0, 1)
			if c.want == "" {
				if err != nil || got != "0:\n1:\n" {
					t.Errorf("%q, %v", got, err)
				}
			} else if !errors.Is(err, ErrNoChangeFeed) || !strings.Contains(err.Error(), c.want) || got != "" {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}
