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
// The words are meant from where the readers of the table stand. backward: who
// reads the version that is replaced can read the next, so a column that is
// dropped, renamed or of another type breaks it. forward: who reads the next
// version can read rows of the one that is replaced, so a new column that needs a
// value breaks it. full is both. The transitive forms promise it for every version
// of Earlier too: what a change breaks of those, and its predecessor did not, is a
// violation as well, named once, at the newest version that has it. Cost: one
// table.Diff for each version of Earlier, twice.
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
	note := func(version int64, id string, change table.Change) {
		breaks, key := broken(change), same(change)
		if len(breaks) == 0 || known[key] {
			return
		}
		known[key] = true
		c.Violations = append(c.Violations, Violation{Version: version, DiffID: id, Op: change.Op, Path: change.Path, From: change.From, To: change.To, Breaks: breaks})
	}
	for _, d := range r.Diff {
		note(r.Version, d.ID, d.Change)
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
				note(e.Version, "", change)
			}
		}
	}
	return c
}

// same is equal for changes that say the same.
func same(c table.Change) string {
	return fmt.Sprintf("%s %s %v>%v", c.Op, c.Path, c.From, c.To)
}

// Breaking reports whether changes break those who read a table.
func Breaking(diff []Change) bool {
	return slices.ContainsFunc(diff, func(c Change) bool { return slices.Contains(c.Breaks, table.Backward) })
}
