package operations

import (
	"context"
	"fmt"
	"maps"
	"regexp"
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
	RenameColumns   map[string]string // old to new; needs column mapping
	DropColumns     []string          // needs column mapping
}

// Alter changes properties, constraints and columns in one version. The rows that
// are there must meet a new constraint, else it is an error that counts those that
// do not. Renaming and dropping rewrite no file. Cost: a scan of the columns of new
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
	for _, name := range slices.Concat(slices.Sorted(maps.Keys(a.RenameColumns)), a.DropColumns) {
		if _, ok := fold(s.Schema(), name); !ok {
			return Result{}, fmt.Errorf("the table has no column %q; %s: %w", name, yamlpos.DidYouMean(name, s.Schema().Names()), delta.ErrInvalid)
		}
	}
	if len(a.AddConstraints) > 0 {
		files, err := filesOf(ctx, s)
		if err != nil {
			return Result{}, err
		}
		if err := t.check(ctx, s, s.Schema(), files, a.AddConstraints); err != nil {
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
		x.RenameColumn([]string{old}, a.RenameColumns[old])
	}
	for _, name := range a.DropColumns {
		x.DropColumn([]string{name})
	}
	version, err := x.Commit(ctx)
	if err != nil {
		return Result{}, err
	}
	return Result{Version: &version}, nil
}

// upheld are the features whose rules this package sees to in the files it writes.
var upheld = []string{"columnMapping", "checkConstraints"}

// check holds that rows make constraints true; null is not enough (PROTOCOL.md,
// "CHECK Constraints").
func (t *Table) check(ctx context.Context, s *delta.Snapshot, schema table.Schema, files []table.File, constraints map[string]string) error {
	if len(files) == 0 || len(constraints) == 0 {
		return nil
	}
	if err := t.attach(ctx, s, relTable, schema, files, true); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(constraints)) {
		sql := constraints[name]
		if word := foreign(sql, schema); word != "" {
			if near := yamlpos.Nearest(word, schema.Names()); near != "" {
				return fmt.Errorf("constraint %s (%s): the table has no column %s; did you mean %s?: %w", name, sql, word, near, delta.ErrUnsupported)
			}
			return fmt.Errorf("constraint %s (%s): dq does not know that %s means the same here as where the constraint was made: %w", name, sql, word, delta.ErrUnsupported)
		}
		if _, err := t.bound(ctx, relRest, rest(strings.ReplaceAll(sql, "`", `"`)), false); err != nil {
			return fmt.Errorf("constraint %s: %w", name, err)
		}
		n, err := t.count(ctx, "SELECT count(*) FROM "+relRest)
		if err != nil {
			return fmt.Errorf("constraint %s: %w", name, err)
		}
		if n > 0 {
			breaks := "rows break"
			if n == 1 {
				breaks = "row breaks"
			}
			return fmt.Errorf("%d %s the constraint %s: %s: %w", n, breaks, name, sql, delta.ErrInvalid)
		}
	}
	return nil
}

// words cuts SQL into what means the same in every engine (texts, numbers, signs of
// comparison) and words.
var words = regexp.MustCompile("'(?:[^']|'')*'|`[^`]+`|[0-9]+(?:\\.[0-9]+)?|<=|>=|<>|!=|[=<>(),]|[A-Za-z_][A-Za-z0-9_]*|\\s+|.")

// foreign is the first piece of a constraint that is more than comparisons of
// columns with constants, also by LIKE, joined by AND, OR and NOT; "" is none.
// Arithmetic, casts and functions differ between engines, and so do texts: in
// Spark's, a backslash begins an escape, and 'a”b' is ab.
func foreign(sql string, schema table.Schema) string {
	known := map[string]bool{"and": true, "or": true, "not": true, "is": true, "null": true, "in": true, "between": true, "true": true, "false": true, "like": true}
	for _, f := range schema.Fields {
		known[strings.ToLower(f.Name)] = true
	}
	last := ""
	for _, word := range words.FindAllString(sql, -1) {
		if strings.TrimSpace(word) == "" {
			continue
		}
		text := word[0] == '\'' && len(word) > 1
		if strings.EqualFold(last, "like") && !text { // a pattern could hold backslashes
			return last + " " + word
		}
		switch c := word[0]; {
		case text && !strings.Contains(word, `\`) && !strings.Contains(word[1:len(word)-1], "'") && !strings.HasPrefix(last, "'"):
		case text:
			return word
		case c >= '0' && c <= '9', strings.Contains("=<>!(),", word[:1]) && word != "!":
		case c == '`' && len(word) > 2 && known[strings.ToLower(strings.Trim(word, "`"))]:
		case known[strings.ToLower(word)]:
		default:
			return word
		}
		last = word
	}
	return ""
}
