package policies

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dq-dev/dq/table"
)

// Earlier is a version of a table before the one that is replaced.
type Earlier struct {
	Version int64
	Schema  table.Schema
}

// Replacement is a change of a table's columns, with what it is held against.
type Replacement struct {
	Version int64             // that is replaced
	Diff    []Change          // from it to the next
	Old     table.Schema      // of it
	Next    table.Schema      // of what replaces it
	Renamed map[string]string // as table.Diff takes it
	Earlier []Earlier         // of versions before it
}

// Compatibility works out what a change breaks of a compatibility that a contract
// promises; nil when it promises none ("").
//
// The words are those of schema registries (Confluent's first), where they say which
// schema reads whose rows. backward: the new schema can read rows of the version that
// is replaced, so columns may go, and those that come must do without a value. forward:
// the schema of the version that is replaced can read the new rows, so columns may
// come, and only one that may be null may go: it then reads as null. full is both. The
// transitive forms promise it for every version of Earlier too: what a change breaks
// of those, and its predecessor did not, is a violation as well, named once, at the
// newest version that has it. Cost: one table.Diff for each version of Earlier, twice.
func Compatibility(mode string, r Replacement) *Compat {
	if mode == "" {
		return nil
	}
	c := &Compat{Mode: mode, Violations: []Violation{}}
	direction, transitive := strings.CutSuffix(mode, "_transitive")
	promised := map[string][]string{"backward": {table.Backward}, "forward": {table.Forward}, "full": {table.Backward, table.Forward}}[direction]
	broken := func(change table.Change) []string {
		var out []string
		for _, b := range change.Breaks {
			if slices.Contains(promised, b) {
				out = append(out, b)
			}
		}
		return out
	}
	known := map[string]bool{}
	note := func(version int64, id string, change table.Change, of table.Schema) {
		breaks, key := broken(change), same(change)
		if len(breaks) == 0 || known[key] || change.Op == table.ColumnDropped && optional(of, change.Path) {
			return
		}
		known[key] = true
		c.Violations = append(c.Violations, Violation{Version: version, DiffID: id, Op: change.Op, Path: change.Path, From: change.From, To: change.To, Breaks: breaks})
	}
	for _, d := range r.Diff {
		note(r.Version, d.ID, d.Change, r.Old)
	}
	if !transitive {
		return c
	}
	earlier := slices.Clone(r.Earlier)
	slices.SortFunc(earlier, func(a, b Earlier) int { return int(max(-1, min(1, b.Version-a.Version))) })
	for _, e := range earlier {
		before := map[string]bool{}
		for _, change := range table.Diff(e.Schema, r.Old, nil) {
			before[same(change)] = true
		}
		for _, change := range table.Diff(e.Schema, r.Next, r.Renamed) {
			if !before[same(change)] {
				note(e.Version, "", change, e.Schema)
			}
		}
	}
	return c
}

// same is equal for changes that say the same.
func same(c table.Change) string {
	return fmt.Sprintf("%s %s %v>%v", c.Op, c.Path, c.From, c.To)
}

// optional reports whether a column, or a part of one, may be null.
func optional(s table.Schema, path string) bool {
	return slices.ContainsFunc(Columns(s), func(c Column) bool { return c.Path == path && c.Nullable })
}

// Breaking reports whether changes take away what queries of a table had, as
// data.dq.lib.breaking does for one change: not a type that only becomes wider without
// loss, a column that may be null from now on, or a constraint.
func Breaking(diff []Change) bool {
	return slices.ContainsFunc(diff, func(c Change) bool {
		switch c.Op {
		case table.ColumnDropped, table.ColumnRenamed, table.PrimaryKeyChanged, table.TableDropped, table.TableRenamed:
			return true
		case table.ColumnTypeChanged:
			return c.Class != table.WideningLossless
		case table.ColumnNullabilityChanged, table.ConstraintDropped, table.ConstraintChanged:
			return false
		}
		return slices.Contains(c.Breaks, table.Forward)
	})
}
