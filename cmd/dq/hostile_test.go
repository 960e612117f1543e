package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/dq-dev/dq/internal/yamlpos"
)

// hostileTable is a table that breaks rules, or keeps them in a way that is easily
// misread, with the rows or the error that a reader owes. TABLE in its texts is
// the folder of the table.
type hostileTable struct {
	Name       string
	Folder     string            // of the table; "table" when nothing is said
	Protocol   string            // as in the log; version 1 and 2 when nothing is said
	Columns    []string          // "name type", simple ones, or
	Schema     string            // the schemaString
	Partition  []string          // partition columns
	Properties map[string]string // of the table
	Files      map[string]string // Parquet files: a SELECT each, perhaps with options of COPY behind a |
	Raw        map[string]string // files as they are
	Spoil      map[string]string // a file to what is done with it: cut, gone, pipe, scramble, call X Y (of one length), or a text that is put behind it
	Commits    [][]string        // actions; "PATH" or "PATH {more fields}" is an add of that file
	Location   string            // what is asked for; the folder when nothing is said

	Rows  string   // as JSON, in any order; or
	Fails []string // words of the error
	Code  string   // with Fails: 3 when nothing is said
}

// TestHostileTables queries every table of testdata/hostile as JSON and as Parquet.
func TestHostileTables(t *testing.T) {
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	lists, err := filepath.Glob("testdata/hostile/*.yaml")
	if err != nil || len(lists) == 0 {
		t.Fatalf("no cases (%v)", err)
	}
	for _, list := range lists {
		data, err := os.ReadFile(list)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := yamlpos.Parse(list, data)
		if err == nil {
			err = doc.Err()
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(texts(doc.Root))
		if err != nil {
			t.Fatal(err)
		}
		var cases []hostileTable
		dec := json.NewDecoder(bytes.NewReader(text))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&cases); err != nil {
			t.Fatalf("%s: %v", list, err)
		}
		for _, c := range cases {
			t.Run(strings.TrimSuffix(filepath.Base(list), ".yaml")+"/"+c.Name, func(t *testing.T) { c.run(t, db) })
		}
	}
}

// texts are the values of a document, all scalars as they are written.
func texts(n *yamlpos.Node) any {
	switch n.Kind {
	case yamlpos.Mapping:
		out := map[string]any{}
		for _, e := range n.Entries {
			out[e.Key.Text] = texts(e.Value)
		}
		return out
	case yamlpos.Sequence:
		out := []any{}
		for _, item := range n.Items {
			out = append(out, texts(item))
		}
		return out
	}
	return n.Text
}

func (c *hostileTable) run(t *testing.T, db *sql.DB) {
	work := t.TempDir()
	if c.Folder == "" {
		c.Folder = "table"
	}
	dir := filepath.Join(work, c.Folder)
	c.make(t, db, dir)
	location := dir
	if c.Location != "" {
		location = strings.ReplaceAll(c.Location, "TABLE", dir)
	}
	for _, format := range []string{"json", "parquet"} {
		out, code := dq(t, work, "table", "query", location, "SELECT * FROM t", "--format", format, "--output", "rows."+format)
		if c.Rows == "" {
			if c.Code == "" {
				c.Code = strconv.Itoa(exitRuntime)
			}
			if strconv.Itoa(code) != c.Code || len(c.Fails) == 0 || strings.Contains(out, "dq broke") || strings.Contains(out, dir+": "+dir) || slices.ContainsFunc(c.Fails, func(word string) bool { return !strings.Contains(out, strings.ReplaceAll(word, "TABLE", dir)) }) {
				t.Fatalf("%s: exit code %d: %s\nwant %s and the words %q", format, code, out, c.Code, c.Fails)
			}
			continue
		}
		if code != exitOK {
			t.Fatalf("%s: exit code %d: %s", format, code, out)
		}
		if format == "parquet" {
			out, code = dq(t, work, "table", "query", "rows.parquet", "SELECT * FROM t", "--format", "json", "--output", "rows.json")
			if code != exitOK {
				t.Fatalf("exit code %d: %s", code, out)
			}
		}
		text, err := os.ReadFile(filepath.Join(work, "rows.json"))
		if err != nil {
			t.Fatal(err)
		}
		if got, want := lines(t, text), lines(t, []byte(c.Rows)); got != want {
			t.Errorf("%s: rows\n%s\nwant\n%s", format, got, want)
		}
	}
}

// lines writes an array of rows sorted, one a line.
func lines(t *testing.T, array []byte) string {
	t.Helper()
	var rows []any
	dec := json.NewDecoder(bytes.NewReader(array))
	dec.UseNumber()
	if err := dec.Decode(&rows); err != nil {
		t.Fatalf("%s: %v", array, err)
	}
	out := make([]string, len(rows))
	for i, row := range rows {
		text, _ := json.Marshal(row)
		out[i] = string(text)
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}

// make writes the table.
func (c *hostileTable) make(t *testing.T, db *sql.DB, dir string) {
	t.Helper()
	write := func(name, text string) {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(strings.ReplaceAll(text, "TABLE", dir)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, made := range c.Files {
		write(name, "")
		rows, options, _ := strings.Cut(made, "|")
		_, err := db.ExecContext(context.Background(), fmt.Sprintf("COPY (%s) TO '%s' (FORMAT parquet%s)", rows,
			strings.ReplaceAll(filepath.Join(dir, filepath.FromSlash(name)), "'", "''"), options))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	for version, actions := range c.Commits {
		var log strings.Builder
		if version == 0 {
			log.WriteString(c.head(t))
		}
		for _, a := range actions {
			if !strings.HasPrefix(a, "{") {
				a = c.add(t, dir, a)
			}
			log.WriteString(a + "\n")
		}
		write(fmt.Sprintf("_delta_log/%020d.json", version), log.String())
	}
	for name, text := range c.Raw {
		write(name, text)
	}
	for name, how := range c.Spoil {
		path := filepath.Join(dir, filepath.FromSlash(name))
		data, err := os.ReadFile(path)
		switch {
		case err != nil:
		case how == "gone":
			err = os.Remove(path)
		case how == "cut":
			err = os.WriteFile(path, data[:len(data)/2], 0o644)
		case how == "pipe":
			if err = os.Remove(path); err == nil {
				err = syscall.Mkfifo(path, 0o644)
			}
		case how == "scramble": // what lies between the head and the footer
			for i := len(data) / 4; i < len(data)/2; i++ {
				data[i] ^= 0xa5
			}
			err = os.WriteFile(path, data, 0o644)
		case strings.HasPrefix(how, "call "):
			names := strings.Fields(how)
			err = os.WriteFile(path, bytes.ReplaceAll(data, []byte(names[1]), []byte(names[2])), 0o644)
		default:
			err = os.WriteFile(path, append(data, how...), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// head is what the first commit begins with.
func (c *hostileTable) head(t *testing.T) string {
	schema := c.Schema
	if schema == "" {
		fields := []any{}
		for _, column := range c.Columns {
			i := strings.LastIndex(column, " ")
			fields = append(fields, map[string]any{"name": column[:i], "type": column[i+1:], "nullable": true, "metadata": map[string]any{}})
		}
		text, err := json.Marshal(map[string]any{"type": "struct", "fields": fields})
		if err != nil {
			t.Fatal(err)
		}
		schema = string(text)
	}
	partition := append([]string{}, c.Partition...)
	meta, err := json.Marshal(map[string]any{"metaData": map[string]any{"id": "00000000-0000-0000-0000-000000000000", "format": map[string]any{"provider": "parquet", "options": map[string]any{}},
		"schemaString": schema, "partitionColumns": partition, "configuration": c.Properties}})
	if err != nil {
		t.Fatal(err)
	}
	protocol := c.Protocol
	if protocol == "" {
		protocol = `{"minReaderVersion":1,"minWriterVersion":2}`
	}
	return `{"protocol":` + protocol + "}\n" + string(meta) + "\n"
}

// add is the action that adds a file; what more is said of it replaces what is usual.
func (c *hostileTable) add(t *testing.T, dir, text string) string {
	name, more, _ := strings.Cut(text, " {")
	fields := map[string]any{"path": name, "partitionValues": map[string]any{}, "size": 1, "modificationTime": 0, "dataChange": true}
	if info, err := os.Stat(filepath.Join(dir, filepath.FromSlash(name))); err == nil {
		fields["size"] = info.Size()
	}
	if more != "" {
		if err := json.Unmarshal([]byte("{"+more), &fields); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	action, err := json.Marshal(map[string]any{"add": fields})
	if err != nil {
		t.Fatal(err)
	}
	return string(action)
}
