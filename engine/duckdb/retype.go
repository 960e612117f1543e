package duckdb

import (
	"cmp"
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/dq-dev/dq/engine"
)

// Retyped is a column that was given another type, so that SQL binds.
type Retyped struct {
	Table, Column string
	From, To      string
	Because       *engine.BindError // with the type that was described
}

// maxRetypes bounds how often a statement is bound anew, about 2 ms each.
const maxRetypes = 300

// retype looks for other types of described columns over which a statement binds:
// one column after the other, those first that stand nearest to the error, each
// given another type once. The change stays if the error is another one then.
func (d *Described) retype(ctx context.Context, query string, first error) (engine.Plan, []Retyped, error) {
	var changed []Retyped
	err, tries := first, 0
	for {
		var be *engine.BindError
		if !errors.As(err, &be) || !ofTypes(be) {
			first = err // what is wrong is something else
			break
		}
		progress := false
		for _, c := range d.candidates(query, be, changed) {
			from := c.column.Type
			for _, to := range targets(be.Message, from) {
				if tries++; tries > maxRetypes {
					return engine.Plan{}, nil, errors.Join(d.restore(ctx, changed), first)
				}
				c.column.Type = to
				if err := d.remake(ctx, c.table); err != nil {
					return engine.Plan{}, nil, err
				}
				plan, again := d.plan(ctx, query)
				var other *engine.BindError
				if again == nil || errors.As(again, &other) && (untyped(other) != untyped(be) || other.Offset != be.Offset) {
					changed = append(changed, Retyped{strings.Join(c.table.name, "."), c.column.Name, from, to, be})
					if again == nil {
						return plan, changed, nil
					}
					err, progress = again, true
					break
				}
			}
			if progress {
				break
			}
			c.column.Type = from
			if err := d.remake(ctx, c.table); err != nil {
				return engine.Plan{}, nil, err
			}
		}
		if !progress {
			break
		}
	}
	if restore := d.restore(ctx, changed); restore != nil {
		return engine.Plan{}, nil, restore
	}
	return engine.Plan{}, nil, first
}

// ofTypes reports whether an error may be one of types.
func ofTypes(e *engine.BindError) bool {
	for _, begin := range []string{"Cannot ", "No function matches", "Could not choose", "Type ", "Conversion ", "Unimplemented type", "UNNEST", "Could not convert", "Values list", "Set operation", "Failed to cast", "Invalid"} {
		if strings.HasPrefix(e.Message, begin) {
			return true
		}
	}
	return false
}

// typeNames are those in messages.
var typeNames = regexp.MustCompile(`[A-Z_]{3,}(\([0-9, ]*\))?(\[\])*`)

// untyped is what an error says, whatever the types are.
func untyped(e *engine.BindError) string { return typeNames.ReplaceAllString(e.Message, "") }

// candidate is a column of a described table.
type candidate struct {
	table  *described
	column *Column
	away   int // bytes from where its name stands to the error
}

// candidates are the columns that the statement names and the message is about,
// nearest to the error first.
func (d *Described) candidates(query string, e *engine.BindError, changed []Retyped) []candidate {
	nearest := map[string]int{}
	for _, t := range tokens(query) {
		name := strings.ToLower(unquoted(query[t.start:t.end]))
		away := max(e.Offset-t.start, t.start-e.Offset)
		if old, ok := nearest[name]; !ok || away < old {
			nearest[name] = away
		}
	}
	var out []candidate
	for _, v := range d.views {
		for _, word := range Words(v.statement) {
			if _, ok := nearest[strings.ToLower(word)]; !ok {
				nearest[strings.ToLower(word)] = len(query)
			}
		}
	}
	for _, t := range d.tables {
		if _, ok := nearest[strings.ToLower(t.name[len(t.name)-1])]; !ok {
			continue
		}
		for i := range t.columns {
			c := &t.columns[i]
			away, ok := nearest[strings.ToLower(c.Name)]
			kind, _, _ := strings.Cut(c.Type, "(")
			done := slices.ContainsFunc(changed, func(r Retyped) bool { return r.Table == strings.Join(t.name, ".") && r.Column == c.Name })
			if ok && !done && strings.Contains(e.Message, kind) {
				out = append(out, candidate{t, c, away})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b candidate) int { return cmp.Compare(a.away, b.away) })
	return out
}

// targets are the types to try instead of one: those of the message first.
func targets(message, from string) []string {
	usual := []string{"TIMESTAMP", "DATE", "DOUBLE", "BIGINT", "VARCHAR", "BOOLEAN", "TIME", "VARCHAR[]", "JSON"}
	if strings.Contains(message, "INTERVAL") || strings.Contains(message, "DATE") {
		usual[0], usual[1] = "DATE", "TIMESTAMP"
	}
	slices.SortStableFunc(usual, func(a, b string) int {
		said := func(t string) int {
			if strings.Contains(message, t) {
				return 0
			}
			return 1
		}
		return cmp.Compare(said(a), said(b))
	})
	return slices.DeleteFunc(usual, func(t string) bool { return t == from })
}

// restore undoes changes of types.
func (d *Described) restore(ctx context.Context, changed []Retyped) error {
	for _, r := range changed {
		for _, t := range d.tables {
			for i := range t.columns {
				if strings.Join(t.name, ".") == r.Table && t.columns[i].Name == r.Column {
					t.columns[i].Type = r.From
				}
			}
			if err := d.remake(ctx, t); err != nil {
				return err
			}
		}
	}
	return nil
}

// remake makes a table anew, and the views over it, which keep the types that they had.
func (d *Described) remake(ctx context.Context, t *described) error {
	if err := d.create(ctx, t); err != nil {
		return err
	}
	for _, view := range d.views {
		// One that does not bind over the types that are tried is one that does not help.
		_ = d.make(ctx, view.statement)
	}
	return nil
}
