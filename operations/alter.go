package operations

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/dq-dev/dq/delta"
	"github.com/dq-dev/dq/internal/yamlpos"
	"github.com/dq-dev/dq/table"
)

// Alteration is what [Table.Alter] changes of a table, besides its rows.
type Alteration struct {
	Set   map[string]string // properties
	Unset []string
	// AddConstraints are CHECK constraints by name: SQL that must be true of every row.
	AddConstraints  map[string]string
	DropConstraints []string
	// RenameColumns are new names by column, and DropColumns those that go; both need
	// column mapping. Members of structs are columns too, as in s.a, l.element.a, m.key.a
	// and m.value.a; a new name is that of the member alone.
	RenameColumns map[string]string
	DropColumns   []string
	// WidenColumns are wider types by column, nested ones as in s.a, l.element, m.key and
	// m.value. The feature typeWidening is switched on with them.
	WidenColumns map[string]table.Type
}

// Alter changes properties, constraints and columns in one version. The rows that
// are there must meet a new constraint, else it is an error that counts those that
// do not. Renaming, dropping and widening rewrite no file. Cost: a scan of the columns of new
// constraints; else one commit.
func (t *Table) Alter(ctx context.Context, a Alteration) (Result, error) {
	var err error
	if t.dir, err = t.Where.Dir(); err != nil {
		return Result{}, err
	}
	s, err := t.Delta.Snapshot(ctx, delta.Latest())
	if err != nil {
		return Result{}, err
	}
	for _, name := range slices.Concat(slices.Sorted(maps.Keys(a.RenameColumns)), a.DropColumns, slices.Sorted(maps.Keys(a.WidenColumns))) {
		if _, ok := fold(s.Schema(), columnPath(s.Schema(), name)[0]); !ok {
			return Result{}, invalid("the table has no column %q; %s", name, yamlpos.DidYouMean(name, s.Schema().Names()))
		}
	}
	for _, name := range a.Unset {
		if _, ok := s.Properties()[name]; !ok {
			return Result{}, invalid("the table has no property %q; %s", name, yamlpos.DidYouMean(name, slices.Sorted(maps.Keys(s.Properties()))))
		}
	}
	if len(a.AddConstraints) > 0 {
		files, err := filesOf(ctx, s)
		if err != nil {
			return Result{}, err
		}
		rules, err := t.constraints(s.Schema(), a.AddConstraints)
		if err != nil {
			return Result{}, err
		}
		if err := t.check(ctx, s, s.Schema(), files, rules); err != nil {
			return Result{}, err
		}
	}
	x := s.Begin("ALTER TABLE")
	x.Reads(len(a.AddConstraints) > 0)
	x.SetProperties(a.Set)
	x.UnsetProperties(a.Unset...)
	for _, name := range slices.Sorted(maps.Keys(a.AddConstraints)) {
		x.AddConstraint(name, a.AddConstraints[name])
	}
	for _, name := range a.DropConstraints {
		x.DropConstraint(name)
	}
	for _, old := range slices.Sorted(maps.Keys(a.RenameColumns)) {
		x.RenameColumn(columnPath(s.Schema(), old), a.RenameColumns[old])
	}
	for _, name := range a.DropColumns {
		x.DropColumn(columnPath(s.Schema(), name))
	}
	for _, name := range slices.Sorted(maps.Keys(a.WidenColumns)) {
		x.WidenColumn(columnPath(s.Schema(), name), a.WidenColumns[name])
	}
	version, err := x.Commit(ctx)
	if err != nil {
		return Result{}, err
	}
	return Result{Version: &version}, nil
}

// columnPath leads to a column: one of that name, or else to a part of one.
func columnPath(s table.Schema, name string) []string {
	if _, ok := fold(s, name); ok {
		return []string{name}
	}
	return strings.Split(name, ".")
}
