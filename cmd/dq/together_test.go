package main

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestInvoicesInSeveralFiles deals the lines of a day out to three files, so that
// nearly every invoice stands in all of them with different content, some of it to
// be refused. The tables, and the quarantine,
// are those of one load in whatever order the files come, and a day that comes
// again under another name changes nothing after bronze.
func TestInvoicesInSeveralFiles(t *testing.T) {
	days := allDays(t)[:2]
	parts := dealt(t, days[1], 3)
	refined := func(p string) map[string]string {
		all := contents(t, warehouse(p))
		maps.DeleteFunc(all, func(name, _ string) bool { return strings.HasPrefix(name, "bronze") })
		return all
	}
	whole := project(t, days[0])
	add := func(to string, i int) {
		put(t, filepath.Join(to, "data", "online_retail", fmt.Sprintf("%s-%d.csv.gz", days[1], i)), parts[i])
	}
	for i := range parts {
		add(whole, i)
	}
	mustRun(t, whole)
	want := refined(whole)
	if _, ok := want["quarantine/silver/order_lines"]; !ok {
		t.Fatal("no line was refused")
	}

	for _, order := range [][]int{{0, 1, 2}, {2, 1, 0}, {1, 0, 2}} {
		t.Run(fmt.Sprint(order), func(t *testing.T) {
			at := project(t, days[0])
			mustRun(t, at)
			for _, i := range order {
				add(at, i)
				mustRun(t, at)
			}
			sameContents(t, refined(at), want)
		})
	}

	before := versions(t, warehouse(whole))
	put(t, filepath.Join(whole, "data", "online_retail", "again.csv.gz"), parts[1])
	out, code := dq(t, whole, "run", "--format", "json")
	if code != 0 || !strings.Contains(out, "140 values of (invoice) go on from earlier batches") {
		t.Errorf("exit code %d; the record should say which values go on from earlier batches:\n%s", code, out)
	}
	for name, v := range versions(t, warehouse(whole)) {
		if v != before[name] && name != "bronze/orders" {
			t.Errorf("%s has a new version though only rows came that were there", name)
		}
	}
	sameContents(t, refined(whole), want)
}

// dealt gives n files with the lines of a day, one to each in turn; every 40th has
// the quantity 0, which silver refuses.
func dealt(t *testing.T, day string, n int) [][]byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(example(t), "data", "online_retail", day+".csv.gz"))
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if data, err = io.ReadAll(z); err != nil {
		t.Fatal(err)
	}
	lines := slices.Collect(strings.Lines(string(data)))
	for k := 7; k < len(lines); k += 40 {
		fields, err := csv.NewReader(strings.NewReader(lines[k])).Read()
		if err != nil {
			t.Fatal(err)
		}
		fields[3] = "0"
		var b strings.Builder
		w := csv.NewWriter(&b)
		if err := w.Write(fields); err != nil {
			t.Fatal(err)
		}
		w.Flush()
		lines[k] = b.String()
	}
	out := make([][]byte, n)
	for i := range out {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, _ = io.WriteString(w, lines[0])
		for k := 1 + i; k < len(lines); k += n {
			_, _ = io.WriteString(w, lines[k])
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		out[i] = b.Bytes()
	}
	return out
}

func put(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(name, data, 0o644); err != nil {
		t.Fatal(err)
	}
}
