package pipeline

import (
	"errors"
	"fmt"
	"slices"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/internal/yamlpos"
	"github.com/dq-dev/dq/source/file"
	"github.com/dq-dev/dq/table"
)

// What is wrong with a table is said where it stands in the pipeline file, or in the
// model: file:line:col of the very word, with its line.

// at is where an option stands; without it, the table's name.
func (t *Table) at(option string) *yamlpos.Node {
	if n := t.options[option]; n != nil {
		return n
	}
	return t.node
}

// named is where a name stands in an option's list, or the option.
func (t *Table) named(option, name string) *yamlpos.Node {
	if n := t.options[option]; n != nil {
		for _, item := range n.Items {
			if item.Text == name {
				return item
			}
		}
	}
	return t.at(option)
}

// inLookup is where a lookup names a column: its key on or at.
func (t *Table) inLookup(name, key string) *yamlpos.Node {
	n := t.at("lookups").Get(name)
	if inner := n.Get(key); inner != nil {
		return inner
	}
	return n
}

// wrong is an error at a node.
func wrong(at *yamlpos.Node, hint, format string, args ...any) error {
	return yamlpos.Errors{at.Error(hint, format, args...)}
}

// reading is an error where the table's model, or a lookup, names another table.
func (t *Table) reading(name, hint, format string, args ...any) error {
	if offset := mentionedAt(t.SQL, name); offset >= 0 {
		return inFile(t.Model, t.SQL, &engine.BindError{Message: fmt.Sprintf(format, args...), Offset: offset, Hint: hint})
	}
	for _, e := range t.at("lookups").Entries {
		if e.Key.Text == name {
			return wrong(e.Key, hint, format, args...)
		}
	}
	return wrong(t.at("model"), hint, format, args...)
}

// checkColumns says of all columns that options name which of them there are not: the
// model returns these, and earlier tables have those of their schemas.
func (t *tableRun) checkColumns(returned table.Schema, schemas map[string]table.Schema) error {
	var all yamlpos.Errors
	note := func(at *yamlpos.Node, columns []string, name, format string, args ...any) {
		if !slices.Contains(columns, name) {
			all = append(all, at.Error(yamlpos.DidYouMean(name, columns), format, args...))
		}
	}
	for _, o := range []struct {
		option string
		names  []string
	}{{"keys", t.Keys}, {"track", t.Track}, {"effective", []string{t.Effective}}, {"order", t.Order}, {"partition_by", t.PartitionBy}} {
		for _, name := range o.names {
			if name != "" {
				note(t.named(o.option, name), returned.Names(), name, "%s: %s does not return a column %q", o.option, t.Model, name)
			}
		}
	}
	if t.Mode == "scd2" {
		up := schemas[t.Incremental]
		for _, name := range t.Together {
			note(t.named("together", name), up.Names(), name, "together: %s has no column %q", t.Incremental, name)
		}
	}
	for _, name := range sortedKeys(t.Lookups) {
		look := t.Lookups[name]
		for _, ask := range []struct{ table, key, column string }{{t.Incremental, "on", look.On}, {name, "on", look.On}, {t.Incremental, "at", look.At}} {
			if of, known := schemas[ask.table]; known && ask.column != "" {
				note(t.inLookup(name, ask.key), of.Names(), ask.column, "lookups: %s: %s has no column %q", name, ask.table, ask.column)
			}
		}
	}
	if len(all) > 0 {
		return all
	}
	return nil
}

// sourceError is what is wrong with the files of a source, at the option that says so.
func (t *tableRun) sourceError(err error) error {
	option := "files"
	var e *file.Error
	if !errors.As(err, &e) {
		return wrong(t.at("source").Get(option), "", "source: %v", err)
	}
	if e.Option != "" {
		option = e.Option
	}
	at := t.at("source").Get(option)
	if at == nil {
		at = t.at("source")
	}
	hint := e.Hint
	bare := *e
	bare.Hint = ""
	return wrong(at, hint, "source: %v", &bare)
}

// inFile gives a binding error its place in the model file.
func inFile(file, sql string, be *engine.BindError) error {
	line, col, frame := be.Place(sql)
	return yamlpos.Errors{{File: file, Line: line, Col: col, Message: be.Message, Hint: be.Hint, Source: frame}}
}
