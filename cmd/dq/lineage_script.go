package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/engine/duckdb"
	"github.com/dq-dev/dq/internal/yamlpos"
	"github.com/dq-dev/dq/lineage"
	"github.com/dq-dev/dq/table"
)

// script follows the statements of a text over described tables.
type script struct {
	a          *app
	d          *duckdb.Described
	file, text string
	schemas    map[string]table.Schema // of described tables and those that the script makes, by their names in plans
	keys       map[string]string       // names in plans to those that the schema file spells with quotes
	// filled is what tables hold, of those to which the script adds rows: in place of their
	// columns, it is what reads them is made from. added is that without what was there before.
	filled, added map[string]*lineage.Statement
	lines         map[string][]int // of the statements that added it
	fresh         map[string]bool  // tables that the script makes, with nothing in them before
}

// traceScript traces the last SELECT of a script over described tables. Of one that is
// inserted, it is all that the script inserts into its table.
func (a *app) traceScript(ctx context.Context, file, text string, described []describedTable) (*lineage.Statement, error) {
	d, err := duckdb.OpenDescribed(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = d.Close() }()
	s := &script{a: a, d: d, file: file, text: text, schemas: map[string]table.Schema{}, keys: map[string]string{},
		filled: map[string]*lineage.Statement{}, added: map[string]*lineage.Statement{}, lines: map[string][]int{}, fresh: map[string]bool{}}
	if err := s.describe(ctx, described); err != nil {
		return nil, err
	}
	statements := duckdb.Script(text)
	last := -1
	for i, st := range statements {
		if st.SQL != "" {
			last = i
		}
	}
	if last < 0 {
		if len(statements) == 0 {
			return nil, usagef("%s: there is no statement; write a SELECT", file)
		}
		return nil, usagef("%s:%d:1: %s has no SELECT; lineage is that of a SELECT, or of one in CREATE TABLE, CREATE VIEW, INSERT or COPY", file, s.line(statements[0]), statements[0].What)
	}
	for _, st := range statements[:last] {
		if err := s.follow(ctx, st); err != nil {
			return nil, err
		}
	}
	final := statements[last]
	var st *lineage.Statement
	if final.What == "INSERT" {
		if err := s.insert(ctx, final); err != nil {
			return nil, err
		}
		st = s.added[s.named(final.Changes)]
	} else if st, err = s.made(ctx, final); err != nil {
		return nil, err
	}
	if lines := s.lines[s.named(final.Changes)]; len(lines) > 1 {
		a.note("%s has %d statements; this is the lineage of what those in %s add to %s", file, len(statements), lineList(lines), final.Changes)
	} else if len(statements) > 1 {
		a.note("%s has %d statements; this is the lineage of the %s in line %d", file, len(statements), final.What, s.line(final))
	}
	for _, st := range statements[last+1:] {
		a.note("%s:%d: %s is not followed", file, s.line(st), st.What)
	}
	respell(st, s.keys)
	return st, nil
}

func lineList(lines []int) string {
	lines = slices.Compact(slices.Clone(lines))
	text := fmt.Sprintf("line %d", lines[0])
	if len(lines) > 1 {
		text = "lines"
		for i, n := range lines {
			switch {
			case i == 0:
				text += fmt.Sprintf(" %d", n)
			case i == len(lines)-1:
				text += fmt.Sprintf(" and %d", n)
			default:
				text += fmt.Sprintf(", %d", n)
			}
		}
	}
	return text
}

// describe makes the tables of the schema file known. Those that the script does not
// name are only for hints.
func (s *script) describe(ctx context.Context, described []describedTable) error {
	words := duckdb.Words(s.text)
	texts := slices.ContainsFunc(words, func(w string) bool { return strings.EqualFold(w, "query_table") }) // name tables, too
	for _, t := range described {
		parts := duckdb.Words(t.name)
		if len(parts) > 0 && !texts && !slices.ContainsFunc(words, func(w string) bool { return strings.EqualFold(w, parts[len(parts)-1]) }) {
			s.schemas[t.name] = schemaOf(t.columns)
			continue
		}
		name, err := s.d.Table(ctx, t.name, t.columns)
		if err != nil {
			return usage(t.wrong(err))
		}
		if name != t.name {
			s.keys[name] = t.name
		}
		s.schemas[name] = schemaOf(t.columns)
	}
	return nil
}

func schemaOf(columns []duckdb.Column) table.Schema {
	var s table.Schema
	for _, c := range columns {
		s.Fields = append(s.Fields, table.Field{Name: c.Name})
	}
	return s
}

func (s *script) line(st duckdb.Statement) int {
	return strings.Count(s.text[:st.Offset], "\n") + 1
}

// named is the name that plans have for a table, as a statement writes it.
func (s *script) named(written string) string {
	name := strings.Join(duckdb.Words(written), ".")
	for known := range s.schemas {
		if strings.EqualFold(known, name) {
			return known
		}
	}
	return name
}

// follow takes in what a statement before the last one makes.
func (s *script) follow(ctx context.Context, st duckdb.Statement) error {
	switch {
	case st.What == "CREATE VIEW" && st.SQL != "":
		return s.view(ctx, st)
	case st.Makes != "" && st.SQL == "":
		return s.make(ctx, st, st.Defines, nil)
	case st.Makes != "":
		made, err := s.made(ctx, st)
		if err != nil {
			return err
		}
		columns, err := s.d.Result(ctx, st.SQL)
		if err != nil || len(columns) != len(made.Columns) {
			columns = make([]duckdb.Column, len(made.Columns))
			for i := range columns {
				columns[i].Type = "VARCHAR"
			}
		}
		for i, c := range made.Columns {
			columns[i].Name = c.Name
		}
		return s.make(ctx, st, columns, made)
	case st.What == "INSERT" && st.SQL != "":
		return s.insert(ctx, st)
	case st.What != "SELECT":
		s.change(st)
		s.a.note("%s:%d: %s is not followed", s.file, s.line(st), st.What)
	}
	return nil
}

// made is the lineage of a statement's SELECT, in terms of tables that were there before
// the script, with the names that the statement gives to its columns.
func (s *script) made(ctx context.Context, st duckdb.Statement) (*lineage.Statement, error) {
	plan, retyped, err := s.d.Plan(ctx, st.SQL)
	if err != nil {
		return nil, inSQL(s.file, s.text, err, s.schemas)
	}
	for _, r := range retyped {
		line, col, _ := r.Because.Place(s.text)
		s.a.note("%s:%d:%d: %s.%s is taken as %s: over %s the SQL does not bind (%s)", s.file, line, col, r.Table, r.Column, r.To, r.From, r.Because.Message)
	}
	traced, err := lineage.Trace(engine.Plan{Schema: plan.Schema, Tree: plan.Tree}, s.schemas)
	if err != nil {
		return nil, err
	}
	traced = lineage.Inline(traced, s.filled)
	if st.Columns != nil {
		if len(st.Columns) != len(traced.Columns) && st.What == "INSERT" || len(st.Columns) > len(traced.Columns) {
			return nil, usagef("%s:%d: the %s names %s, but the SELECT returns %d", s.file, s.line(st), st.What, count(len(st.Columns), "column"), len(traced.Columns))
		}
		for i, name := range st.Columns {
			traced.Columns[i].Name = name
		}
	}
	return traced, nil
}

// make makes a table known, filled with the rows of a SELECT, if there is one.
func (s *script) make(ctx context.Context, st duckdb.Statement, columns []duckdb.Column, made *lineage.Statement) error {
	name, err := s.d.Make(ctx, st.Makes, columns)
	if err != nil {
		return usagef("%s:%d:1: %s: %w", s.file, s.line(st), st.Makes, err)
	}
	for _, known := range []string{s.named(st.Makes), name} {
		delete(s.schemas, known)
		delete(s.filled, known)
		delete(s.added, known)
		delete(s.lines, known)
	}
	s.schemas[name], s.fresh[name] = schemaOf(columns), true
	if made != nil {
		s.filled[name], s.added[name], s.lines[name] = made, made, []int{s.line(st)}
	}
	return nil
}

// view makes a view known: the engine itself goes through it.
func (s *script) view(ctx context.Context, st duckdb.Statement) error {
	made, err := s.made(ctx, st)
	if err != nil {
		return err
	}
	name := s.named(st.Makes)
	is := func(source lineage.Source) bool { return source.Table == name }
	if slices.ContainsFunc(made.Dataset, is) || slices.ContainsFunc(made.Columns, func(c lineage.Column) bool { return slices.ContainsFunc(c.Sources, is) }) {
		s.a.note("%s:%d: %s is made from itself, and taken as it is described", s.file, s.line(st), st.Makes)
		return nil
	}
	if err := s.d.View(ctx, st); err != nil {
		return usagef("%s:%d:1: %s: %w", s.file, s.line(st), st.Makes, err)
	}
	delete(s.schemas, name)
	delete(s.filled, name)
	return nil
}

// insert adds the rows of a SELECT to a table. Its columns are those that the statement
// names, else those of the table in their order, else those of the SELECT.
func (s *script) insert(ctx context.Context, st duckdb.Statement) error {
	made, err := s.made(ctx, st)
	if err != nil {
		return err
	}
	name := s.named(st.Changes)
	schema, known := s.schemas[name]
	if known {
		if err := s.into(st, made, schema); err != nil {
			return err
		}
	}
	if was := s.added[name]; was != nil {
		made = lineage.Both(was, made)
	}
	if !known || len(missingIn(schema, made)) > 0 {
		columns := make([]duckdb.Column, 0, len(made.Columns))
		for _, c := range made.Columns {
			columns = append(columns, duckdb.Column{Name: c.Name, Type: "VARCHAR"})
		}
		if name, err = s.d.Make(ctx, st.Changes, columns); err != nil {
			return usagef("%s:%d:1: %s: %w", s.file, s.line(st), st.Changes, err)
		}
		schema = schemaOf(columns)
		s.schemas[name] = schema
	}
	s.added[name] = made
	s.lines[name] = append(s.lines[name], s.line(st))
	s.fill(name)
	return nil
}

// missingIn are the columns of a statement that a schema does not have.
func missingIn(schema table.Schema, st *lineage.Statement) []string {
	var out []string
	for _, c := range st.Columns {
		if !slices.ContainsFunc(schema.Names(), func(n string) bool { return strings.EqualFold(n, c.Name) }) {
			out = append(out, c.Name)
		}
	}
	return out
}

// into gives the columns of an INSERT the names that its table has for them.
func (s *script) into(st duckdb.Statement, made *lineage.Statement, schema table.Schema) error {
	names := slices.DeleteFunc(schema.Names(), func(n string) bool {
		return slices.ContainsFunc(st.Fixed, func(fixed string) bool { return strings.EqualFold(n, fixed) })
	})
	if st.Columns == nil && !st.ByName {
		if len(made.Columns) > len(names) {
			return usagef("%s:%d: %s has %s, but the SELECT returns %d", s.file, s.line(st), st.Changes, count(len(names), "column"), len(made.Columns))
		}
		for i := range made.Columns {
			made.Columns[i].Name = names[i]
		}
		return nil
	}
	for i, c := range made.Columns {
		at := slices.IndexFunc(names, func(n string) bool { return strings.EqualFold(n, c.Name) })
		if at < 0 {
			return usagef("%s:%d: the INSERT names a column %q that %s does not have; %s", s.file, s.line(st), c.Name, st.Changes, yamlpos.DidYouMean(c.Name, names))
		}
		made.Columns[i].Name = names[at]
	}
	return nil
}

// fill says what a table holds from now on: what was added and, where the script does
// not make it, what it held before.
func (s *script) fill(name string) {
	st := &lineage.Statement{Status: lineage.Exact}
	for _, column := range s.schemas[name].Names() {
		c := lineage.Column{Name: column}
		if !s.fresh[name] {
			c.Sources = []lineage.Source{{Table: name, Column: column, Type: lineage.Direct, Subtype: lineage.Identity}}
		}
		st.Columns = append(st.Columns, c)
	}
	s.filled[name] = lineage.Both(st, s.added[name])
}

// change widens what a table holds that a statement changes which is not followed: each
// column that it names may be made of each column of another table that it names.
func (s *script) change(st duckdb.Statement) {
	name := s.named(st.Changes)
	schema, known := s.schemas[name]
	if !known || st.What == "DELETE" || st.Changes == "" {
		return
	}
	end := len(s.text)
	for _, next := range duckdb.Script(s.text) {
		if next.Offset > st.Offset {
			end = min(end, next.Offset)
		}
	}
	text := s.text[st.Offset:end]
	words := map[string]bool{}
	for _, w := range duckdb.Words(text) {
		words[strings.ToLower(w)] = true
	}
	names := func(column string) bool { return strings.Contains(text, "*") || words[strings.ToLower(column)] }
	from := &lineage.Statement{}
	var sources []lineage.Source
	for other, columns := range s.schemas {
		parts := strings.Split(other, ".")
		if other == name || !words[strings.ToLower(parts[len(parts)-1])] {
			continue
		}
		for _, c := range columns.Names() {
			if names(c) {
				sources = append(sources, lineage.Source{Table: other, Column: c, Type: lineage.Direct, Subtype: lineage.Transformation})
			}
		}
	}
	if len(sources) == 0 {
		return
	}
	lineage.SortSources(sources)
	for _, c := range schema.Names() {
		if names(c) {
			from.Columns = append(from.Columns, lineage.Column{Name: c, Sources: sources})
		}
	}
	from.Status = lineage.Conservative
	from = lineage.Inline(from, s.filled)
	if was := s.added[name]; was != nil {
		from = lineage.Both(was, from)
	}
	s.added[name] = from
	s.lines[name] = append(s.lines[name], s.line(st))
	s.fill(name)
}
