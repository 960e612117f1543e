package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/engine/duckdb"
	"github.com/dq-dev/dq/internal/yamlpos"
	"github.com/dq-dev/dq/lineage"
	"github.com/dq-dev/dq/table"
)

// statementLineage is the JSON of dq lineage show --sql.
type statementLineage struct {
	Columns []columnLineage `json:"columns"`
	Status  string          `json:"status"`
}

type columnLineage struct {
	Name    string         `json:"name"`
	Sources []columnSource `json:"sources"`
}

type columnSource struct {
	Table  string `json:"table"`
	Column string `json:"column"`
}

// showStatement prints the lineage of the last SELECT of a file.
func (a *app) showStatement(ctx context.Context, file, schemaFile, format string) error {
	text, err := readText(file)
	if err != nil {
		return err
	}
	described, err := readDescription(schemaFile)
	if err != nil {
		return err
	}
	st, err := a.traceScript(ctx, file, text, described)
	if err != nil {
		return err
	}
	if format == "json" {
		out := statementLineage{Columns: make([]columnLineage, len(st.Columns)), Status: st.Status}
		for i, c := range st.Columns {
			out.Columns[i] = columnLineage{c.Name, made(c.Sources)}
		}
		return writeJSON(a.out, out)
	}
	printStatement(a.out, st)
	return nil
}

// made are the columns in a column's expression, each once: not those that only
// decide which rows it is taken over.
func made(sources []lineage.Source) []columnSource {
	out := []columnSource{}
	for _, s := range sources {
		if from := (columnSource{s.Table, s.Column}); s.Column != "" && s.Subtype != lineage.Filter && !slices.Contains(out, from) {
			out = append(out, from)
		}
	}
	return out
}

func printStatement(w io.Writer, st *lineage.Statement) {
	list := func(head string, sources []lineage.Source) {
		fmt.Fprintln(w, head)
		for i, s := range sources {
			branch, name := "├─ ", s.Table+"."+s.Column
			if i == len(sources)-1 {
				branch = "└─ "
			}
			if s.Column == "" {
				name = s.Table
			}
			masked := ""
			if s.Masking {
				masked = ", masked"
			}
			fmt.Fprintf(w, "%s%s  %s%s\n", branch, plain(name), strings.ToLower(strings.ReplaceAll(s.Subtype, "_", " ")), masked)
		}
	}
	for _, c := range st.Columns {
		list(plain(c.Name), c.Sources)
	}
	if len(st.Dataset) > 0 {
		list("(which rows there are)", st.Dataset)
	}
	if st.Status != lineage.Exact {
		fmt.Fprintln(w, "conservative: not all of it was understood; columns may have too many sources")
	}
}

// respell gives the sources the names of the schema file.
func respell(st *lineage.Statement, keys map[string]string) {
	lists := [][]lineage.Source{st.Dataset}
	for _, c := range st.Columns {
		lists = append(lists, c.Sources)
	}
	for _, list := range lists {
		for i := range list {
			if key, ok := keys[list[i].Table]; ok {
				list[i].Table = key
			}
		}
	}
}

// note says something beside the result.
func (a *app) note(format string, args ...any) {
	if !a.quiet {
		fmt.Fprintf(a.err, "note: "+format+"\n", args...)
	}
}

// inSQL gives an error of binding its place in the file, and says what to write.
func inSQL(file, text string, err error, schemas map[string]table.Schema) error {
	var be *engine.BindError
	if !errors.As(err, &be) {
		return err
	}
	line, col, source := be.Place(text)
	hint := be.Hint
	if rest, ok := strings.CutPrefix(be.Message, "Table with name "); ok {
		name, _, _ := strings.Cut(rest, " ")
		var names []string
		for known := range schemas {
			names = append(names, known)
		}
		slices.Sort(names)
		hint = yamlpos.DidYouMean(name, names)
		for _, known := range names {
			if _, bare, ok := strings.Cut(known, "."); ok && strings.EqualFold(bare, name) {
				hint = "did you mean " + known + "?"
			}
		}
	}
	if strings.HasPrefix(be.Message, "No function matches") || strings.HasPrefix(be.Message, "Cannot compare") {
		hint = "correct the columns' types in the schema, or cast"
	}
	return yamlpos.Errors{{File: file, Line: line, Col: col, Message: be.Message, Hint: hint, Source: source}}
}

// readText reads a file, or standard input.
func readText(file string) (string, error) {
	var data []byte
	var err error
	if file == "-" {
		data, err = io.ReadAll(os.Stdin)
	} else {
		data, err = os.ReadFile(file)
	}
	if errors.Is(err, os.ErrNotExist) {
		return "", usagef("%s: there is no such file", file)
	}
	if err != nil {
		return "", usage(err)
	}
	return strings.TrimPrefix(string(data), "\ufeff"), nil
}

// describedTable is a table of a schema file.
type describedTable struct {
	name    string
	columns []duckdb.Column
	wrong   func(error) error // gives an error its place
}

// readDescription reads {"table": {"column": "TYPE"}}; the order of columns counts.
func readDescription(file string) ([]describedTable, error) {
	text, err := readText(file)
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(strings.NewReader(text))
	last := "" // what was read last: errors name where it begins
	at := func() (line, col int) {
		before := strings.TrimSuffix(text[:d.InputOffset()], last)
		return strings.Count(before, "\n") + 1, len([]rune(before[strings.LastIndexByte(before, '\n')+1:])) + 1
	}
	next := func() (json.Token, error) {
		from := d.InputOffset()
		t, err := d.Token()
		last = strings.TrimLeft(text[from:d.InputOffset()], " \t\r\n,:")
		return t, err
	}
	wrong := func(format string, args ...any) error {
		line, col := at()
		if len(args) == 1 && args[0] == io.EOF {
			args[0] = errors.New("the text ends too early")
		}
		return usagef("%s:%d:%d: %w; the schema is {\"table\": {\"column\": \"TYPE\"}}", file, line, col, fmt.Errorf(format, args...))
	}
	open := func(what string) error {
		t, err := next()
		if err != nil {
			return wrong("%w", err)
		}
		if t != json.Delim('{') {
			return wrong("%s is no object", what)
		}
		return nil
	}
	if err := open("the schema"); err != nil {
		return nil, err
	}
	var out []describedTable
	for d.More() {
		key, err := next()
		if err != nil {
			return nil, wrong("%w", err)
		}
		line, col := at()
		t := describedTable{name: key.(string)}
		if slices.ContainsFunc(out, func(o describedTable) bool { return strings.EqualFold(o.name, t.name) }) {
			return nil, wrong("table %s is there twice", t.name)
		}
		if err := open("table " + t.name); err != nil {
			return nil, err
		}
		places := map[string]string{}
		for d.More() {
			key, err := next()
			if err != nil {
				return nil, wrong("%w", err)
			}
			name := key.(string)
			value, err := next()
			if err != nil {
				return nil, wrong("%w", err)
			}
			spelled, ok := value.(string)
			if !ok {
				return nil, wrong("%s.%s: the type must be a text", t.name, name)
			}
			if places[strings.ToLower(name)] != "" {
				return nil, wrong("column %s.%s is there twice (names are compared without case)", t.name, name)
			}
			l, c := at()
			places[strings.ToLower(name)] = fmt.Sprintf("%s:%d:%d", file, l, c)
			if _, err := duckdb.Spell(spelled); err != nil {
				var unknown *duckdb.UnknownType
				if errors.As(err, &unknown) {
					err = fmt.Errorf("%w; %s", err, yamlpos.DidYouMean(unknown.Name, duckdb.TypeNames()))
				}
				return nil, usagef("%s: %s.%s: %w", places[strings.ToLower(name)], t.name, name, err)
			}
			t.columns = append(t.columns, duckdb.Column{Name: name, Type: spelled})
		}
		if _, err := next(); err != nil {
			return nil, wrong("%w", err)
		}
		t.wrong = func(err error) error { return fmt.Errorf("%s:%d:%d: %s: %w", file, line, col, t.name, err) }
		if len(t.columns) == 0 {
			return nil, usage(t.wrong(errors.New("a table has at least one column")))
		}
		out = append(out, t)
	}
	if _, err := next(); err != nil {
		return nil, wrong("%w", err)
	}
	if rest := bytes.TrimSpace([]byte(text[d.InputOffset():])); len(rest) > 0 {
		return nil, wrong("something follows the schema")
	}
	return out, nil
}
