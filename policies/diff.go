package policies

import (
	"maps"
	"slices"
	"strings"

	"github.com/dq-dev/dq/table"
)

// Diff is the whole difference of two shapes: that of their columns, which
// table.Diff gives, what is declared about columns, keys, layout, constraints,
// properties and protocol. A nil shape is a table that does not exist, before or
// after. Cost: a few comparisons a column.
func Diff(old, next *Shape, columns []table.Change) []Change {
	var d differ
	switch {
	case old == nil && next != nil:
		d.add(table.Change{Op: table.TableCreated})
	case old != nil && next == nil:
		d.add(table.Change{Op: table.TableDropped, Breaks: []string{table.Forward}, DataRisk: table.LossRisk})
	}
	for _, c := range columns {
		d.add(c)
	}
	if old != nil && next != nil {
		d.declared(old.Columns, next.Columns, columns)
		d.layout(old, next)
		d.constraints(old.Constraints, next.Constraints)
		d.properties(old.Properties, next.Properties)
		d.protocol(old.Protocol, next.Protocol)
	}
	return withIDs(d.changes)
}

// DiffDeclared is the difference of what is declared about a table as a whole:
// its name, owner, service level, retention, contract and history.
func DiffDeclared(old, next Table) []Change {
	var d differ
	if old.Name != next.Name {
		d.add(table.Change{Op: table.TableRenamed, From: old.Name, To: next.Name, Breaks: []string{table.Backward, table.Forward}})
	}
	d.text(table.OwnerChanged, "", old.Owner, next.Owner)
	for _, key := range keysOf(old.SLA, next.SLA) {
		if old.SLA[key] != next.SLA[key] {
			d.add(table.Change{Op: table.SLAChanged, Path: key, From: old.SLA[key], To: next.SLA[key]})
		}
	}
	if was, is := days(old.RetentionDays), days(next.RetentionDays); was != is {
		c := table.Change{Op: table.RetentionChanged, From: was, To: is}
		if n, ok := is.(int); ok && (was == nil || n < was.(int)) {
			c.DataRisk = table.LossRisk
		}
		d.add(c)
	}
	was, is := old.contract(), next.contract()
	d.text(table.ContractVersionChanged, "", was.Version, is.Version)
	d.text(table.CompatibilityChanged, "", was.Compat, is.Compat)
	for _, version := range keysOf(was.Sunset, is.Sunset) {
		d.text(table.SunsetChanged, version, was.Sunset[version], is.Sunset[version])
	}
	switch {
	case old.SCD == nil && next.SCD == nil:
	case old.SCD == nil || next.SCD == nil || !sameNames(old.SCD.Keys, next.SCD.Keys) || !sameNames(old.SCD.Tracked, next.SCD.Tracked):
		c := table.Change{Op: table.SCDChanged, DataRisk: table.RewriteRisk}
		if old.SCD != nil {
			c.From = *old.SCD
		}
		if next.SCD != nil {
			c.To = *next.SCD
		}
		d.add(c)
	}
	return withIDs(d.changes)
}

// sameNames reports whether two lists hold the same names, in any order.
func sameNames(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// contract is what the table promises, or nothing.
func (t Table) contract() Contract {
	if t.Contract == nil {
		return Contract{}
	}
	return *t.Contract
}

type differ struct{ changes []Change }

func (d *differ) add(c table.Change) {
	if c.DataRisk == "" {
		c.DataRisk = table.NoRisk
	}
	d.changes = append(d.changes, Change{Change: c})
}

// text adds a change of a text, in which "" is none.
func (d *differ) text(op, path, was, is string) {
	if was != is {
		d.add(table.Change{Op: op, Path: path, From: some(was), To: some(is)})
	}
}

// some is a text, or nil for none.
func some(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// days is a number of days, or nil for none.
func days(n *int) any {
	if n == nil {
		return nil
	}
	return *n
}

// someOf is a list, or nil for an empty one.
func someOf(s []string) any {
	if len(s) == 0 {
		return nil
	}
	return s
}

// someIn is a map, or nil for an empty one.
func someIn(m map[string]string) any {
	if len(m) == 0 {
		return nil
	}
	return m
}

// declared compares what suites say of columns that are there before and after.
func (d *differ) declared(old, next []Column, changes []table.Change) {
	was := make(map[string]*Column, len(old))
	for i := range old {
		was[old[i].Path] = &old[i]
	}
	gone := map[string]bool{} // columns that another one came in the place of
	var renamed [][2]string   // new and old paths
	for _, c := range changes {
		switch from, _ := c.From.(string); c.Op {
		case table.ColumnRenamed:
			renamed = append(renamed, [2]string{c.Path, from})
		case table.ColumnAdded:
			gone[c.Path] = true
		}
	}
	slices.SortFunc(renamed, func(a, b [2]string) int { return len(b[0]) - len(a[0]) }) // the innermost first
	for _, c := range next {
		path := c.Path
		for _, r := range renamed {
			if rest, ok := strings.CutPrefix(c.Path, r[0]); ok && (rest == "" || rest[0] == '.') {
				path = r[1] + rest
				break
			}
		}
		b := was[path]
		if b == nil || gone[c.Path] {
			continue
		}
		if !maps.Equal(b.Tags, c.Tags) {
			d.add(table.Change{Op: table.ColumnTagsChanged, Path: c.Path, From: someIn(b.Tags), To: someIn(c.Tags)})
		}
		d.text(table.ColumnClassificationChanged, c.Path, b.Classification, c.Classification)
		d.text(table.ColumnDeprecated, c.Path, b.DeprecatedSince, c.DeprecatedSince)
	}
}

func (d *differ) layout(old, next *Shape) {
	for _, c := range []struct {
		op      string
		was, is []string
		change  table.Change
	}{
		{table.PrimaryKeyChanged, old.PrimaryKey, next.PrimaryKey, table.Change{Breaks: []string{table.Backward, table.Forward}, DataRisk: table.RewriteRisk}},
		{table.PartitioningChanged, old.PartitionBy, next.PartitionBy, table.Change{DataRisk: table.RewriteRisk}},
		{table.ClusteringChanged, old.ClusterBy, next.ClusterBy, table.Change{}},
	} {
		if c.op == table.PrimaryKeyChanged && sameNames(c.was, c.is) {
			continue // a key is the same in any order
		}
		if !slices.Equal(c.was, c.is) {
			c.change.Op, c.change.From, c.change.To = c.op, someOf(c.was), someOf(c.is)
			d.add(c.change)
		}
	}
}

func (d *differ) constraints(old, next map[string]string) {
	for _, name := range keysOf(old, next) {
		was, before := old[name]
		is, after := next[name]
		switch {
		case !before:
			d.add(table.Change{Op: table.ConstraintAdded, Path: name, To: is, Breaks: []string{table.Backward}, DataRisk: table.RewriteRisk,
				Hint: "rows that are there may break it"})
		case !after:
			d.add(table.Change{Op: table.ConstraintDropped, Path: name, From: was, Breaks: []string{table.Forward}})
		case was != is:
			d.add(table.Change{Op: table.ConstraintChanged, Path: name, From: was, To: is, Breaks: []string{table.Backward, table.Forward}, DataRisk: table.RewriteRisk})
		}
	}
}

func (d *differ) properties(old, next map[string]string) {
	for _, name := range keysOf(old, next) {
		was, before := old[name]
		is, after := next[name]
		if before == after && was == is {
			continue
		}
		c := table.Change{Op: table.PropertyChanged, Path: name}
		if before {
			c.From = was
		}
		if after {
			c.To = is
		}
		d.add(c)
	}
}

func (d *differ) protocol(old, next *Protocol) {
	if old == nil || next == nil || old.Reader == next.Reader && old.Writer == next.Writer && slices.Equal(old.Features, next.Features) {
		return
	}
	c := table.Change{Op: table.ProtocolChanged, From: *old, To: *next}
	asks := func(feature string) bool { return !slices.Contains(old.ReaderFeatures, feature) }
	if next.Reader > old.Reader || slices.ContainsFunc(next.ReaderFeatures, asks) {
		c.Breaks = []string{table.Forward}
	}
	d.add(c)
}

// keysOf lists the keys of both maps, sorted.
func keysOf[V any](a, b map[string]V) []string {
	keys := slices.Concat(slices.Collect(maps.Keys(a)), slices.Collect(maps.Keys(b)))
	slices.Sort(keys)
	return slices.Compact(keys)
}
