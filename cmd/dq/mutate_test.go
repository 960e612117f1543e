package main

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/dq-dev/dq/internal/yamlpos"
)

// mutation is one case of the example's testdata/mutations.yaml, whose header
// says what its keys mean.
type mutation struct {
	name  string
	after []string // days that are published before
	day   string   // the day that is changed and delivered, or ""
	as    string   // the name of its file
	file  string   // the reference file or model that is changed, or ""
	model bool
	edits []edit
	// expect
	effect string // refused, quarantined, warned, published
	table  string
	by     string
	rows   int64
	shows  string // what stands in the place of rows, when there are none to show
	where  string // position of the case
}

// edit is one change of a CSV file or of a SQL text.
type edit struct {
	op     string // set, rename, drop, add, delete, repeat, append, replace
	target string // the column, raw line or text
	to     string
	match  *regexp.Regexp
	rows   func(n int, row map[string]string) bool // n counts from 1
}

// mutations reads the example's cases.
func mutations(t testing.TB) []mutation {
	t.Helper()
	file := filepath.Join(example(t), "testdata", "mutations.yaml")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := yamlpos.Parse(file, data)
	if err != nil {
		t.Fatal(err)
	}
	var list []mutation
	for _, n := range doc.Root.Map("the file", "version", "mutations")["mutations"].List("mutations", false) {
		list = append(list, readMutation(n))
	}
	if err := doc.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}

func readMutation(n *yamlpos.Node) mutation {
	f := n.Map("a mutation", "name", "after", "day", "as", "file", "model", "edit", "expect")
	text := func(f map[string]*yamlpos.Node, key, otherwise string) string {
		if f[key] == nil {
			return otherwise
		}
		return f[key].String()
	}
	m := mutation{name: text(f, "name", ""), after: f["after"].Strings("after"), day: text(f, "day", ""),
		file: text(f, "file", text(f, "model", "")), model: f["model"] != nil, where: n.Position()}
	if len(m.after) == 0 {
		m.after = []string{"2010-12-01"}
	}
	if m.day == "" && m.file == "" {
		m.day = "2010-12-02"
	}
	m.as = text(f, "as", m.day+".csv.gz")
	for _, e := range f["edit"].List("edit", false) {
		m.edits = append(m.edits, readEdit(e))
	}
	want := f["expect"].Map("expect", "refused", "quarantined", "warned", "published", "by", "rows", "shows")
	for _, effect := range []string{"refused", "quarantined", "warned", "published"} {
		if want[effect] != nil {
			m.effect, m.table = effect, want[effect].String()
		}
	}
	m.by, m.shows = text(want, "by", ""), text(want, "shows", "")
	if want["rows"] != nil {
		m.rows = want["rows"].Int()
	}
	if m.effect == "" || m.by == "" && m.effect != "published" {
		f["expect"].Errorf("", "expect names no effect, or no rule")
	}
	return m
}

func readEdit(n *yamlpos.Node) edit {
	ops := []string{"set", "rename", "drop", "add", "delete", "repeat", "append", "replace"}
	f := n.Map("an edit", append([]string{"to", "match", "rows"}, ops...)...)
	e := edit{rows: func(int, map[string]string) bool { return true }}
	for _, op := range ops {
		if f[op] != nil {
			e.op, e.target = op, f[op].String()
		}
	}
	if e.op == "" {
		n.Errorf("", "the edit does nothing")
	}
	if f["to"] != nil {
		e.to = f["to"].String()
	}
	if f["match"] != nil {
		re, err := regexp.Compile(f["match"].String())
		if err != nil {
			f["match"].Errorf("", "%v", err)
		}
		e.match = re
	}
	if rows := f["rows"]; rows != nil && rows.Text != "all" {
		which := rows.Map("rows", "first", "from", "every", "where")
		switch {
		case which["first"] != nil:
			last := int(which["first"].Int())
			e.rows = func(n int, _ map[string]string) bool { return n <= last }
		case which["from"] != nil:
			first := int(which["from"].Int())
			e.rows = func(n int, _ map[string]string) bool { return n >= first }
		case which["every"] != nil:
			step := int(which["every"].Int())
			e.rows = func(n int, _ map[string]string) bool { return n%step == 0 }
		default:
			want := which["where"].Pairs("where")
			e.rows = func(_ int, row map[string]string) bool {
				return !slices.ContainsFunc(want, func(p yamlpos.Entry) bool { return row[p.Key.Text] != p.Value.Text })
			}
		}
	}
	return e
}

// apply changes a project as the case says, and returns what undoes it: it puts
// there what would have been delivered if nothing had gone wrong.
func (m mutation) apply(project string) (mend func() error, err error) {
	path, source := filepath.Join(project, m.file), ""
	if m.day != "" {
		path = filepath.Join(project, "data", "online_retail", m.as)
		source = filepath.Join("../../examples/ecommerce/data/online_retail", m.day+".csv.gz")
	} else {
		source = filepath.Join("../../examples/ecommerce", m.file)
	}
	good, err := os.ReadFile(source)
	if err != nil {
		return nil, err
	}
	change := editCSV
	if m.model {
		change = editSQL
	}
	bad, err := zipped(good, m.day != "", func(text []byte) ([]byte, error) { return change(text, m.edits) })
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m.where, err)
	}
	mend = func() error { return os.WriteFile(path, good, 0o644) }
	if m.day != "" && m.as != m.day+".csv.gz" {
		// The day as it should be is the one that its own name stands for.
		named := filepath.Join("../../examples/ecommerce/data/online_retail", m.as)
		mend = func() error {
			if _, err := os.Stat(named); err != nil {
				return os.Remove(path)
			}
			return copyFile(named, path)
		}
	}
	return mend, os.WriteFile(path, bad, 0o644)
}

// zipped applies a change to a text, within gzip where that is around it.
func zipped(data []byte, gz bool, change func([]byte) ([]byte, error)) ([]byte, error) {
	if !gz {
		return change(data)
	}
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	if text, err = change(text); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(text); err != nil {
		return nil, err
	}
	err = w.Close()
	return b.Bytes(), err
}

func editSQL(text []byte, edits []edit) ([]byte, error) {
	sql := string(text)
	for _, e := range edits {
		if n := strings.Count(sql, e.target); e.op != "replace" || n != 1 {
			return nil, fmt.Errorf("%s %q: the model has it %d times", e.op, e.target, n)
		}
		sql = strings.Replace(sql, e.target, e.to, 1)
	}
	return []byte(sql), nil
}

func editCSV(text []byte, edits []edit) ([]byte, error) {
	records, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil {
		return nil, err
	}
	var raw []string
	for _, e := range edits {
		if e.op == "append" {
			raw = append(raw, e.target)
			continue
		}
		before := fmt.Sprint(records)
		if records, err = e.records(records); err != nil {
			return nil, err
		}
		if fmt.Sprint(records) == before {
			return nil, fmt.Errorf("%s %s changes nothing", e.op, e.target)
		}
	}
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	if err := w.WriteAll(records); err != nil {
		return nil, err
	}
	for _, line := range raw {
		fmt.Fprintln(&b, line)
	}
	return b.Bytes(), nil
}

// records applies one edit to the records of a CSV file, the header first.
func (e edit) records(records [][]string) ([][]string, error) {
	header := records[0]
	column := slices.Index(header, e.target)
	if column < 0 && (e.op == "set" || e.op == "rename" || e.op == "drop") {
		return nil, fmt.Errorf("%s: there is no column %q", e.op, e.target)
	}
	out := [][]string{slices.Clone(header)}
	switch e.op {
	case "rename":
		out[0][column] = e.to
	case "drop":
		out[0] = slices.Delete(out[0], column, column+1)
	case "add":
		out[0] = append(out[0], e.target)
	}
	for i, r := range records[1:] {
		row := map[string]string{}
		for j, name := range header {
			row[name] = r[j]
		}
		r = slices.Clone(r)
		chosen := e.rows(i+1, row)
		switch e.op {
		case "set":
			if chosen && e.match != nil {
				r[column] = e.match.ReplaceAllString(r[column], e.to)
			} else if chosen {
				r[column] = e.to
			}
		case "drop":
			r = slices.Delete(r, column, column+1)
		case "add":
			r = append(r, e.to)
		case "delete":
			if chosen {
				continue
			}
		case "repeat":
			if chosen {
				out = append(out, r)
			}
		case "replace":
			return nil, fmt.Errorf("replace is for SQL")
		}
		out = append(out, r)
	}
	return out, nil
}
