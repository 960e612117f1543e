package policies

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/dq-dev/dq/record"
	"github.com/dq-dev/dq/table"
)

// Judged is what policies say of a change, apart from what they would say of the
// table if nothing changed.
type Judged struct {
	Decisions []record.Decision `json:"decisions"` // because of the change
	Standing  []record.Decision `json:"standing"`  // of the table as it was before, or is from its beginning
}

// Refused says that the change itself is denied.
func (j *Judged) Refused() bool {
	return slices.ContainsFunc(j.Decisions, func(d record.Decision) bool { return d.Effect == "deny" })
}

// Judge is [Bundle.Decide] for looking at a change by itself: findings that the
// table had without it, such as a missing owner, are told apart. Cost: twice that
// of Decide.
func (b *Bundle) Judge(ctx context.Context, in Input) (*Judged, error) {
	ruling, err := b.Decide(ctx, in)
	if err != nil {
		return nil, err
	}
	still := in
	still.Diff, still.Compat = nil, nil
	if still.Old == nil {
		still.Old = in.New
	} else {
		still.New = in.Old
	}
	before, err := b.Decide(ctx, still)
	if err != nil {
		return nil, err
	}
	type key struct{ policy, path, message string }
	standing := map[key]bool{}
	for _, d := range before.Decisions {
		standing[key{d.Policy, d.Path, d.Message}] = true
	}
	out := &Judged{Decisions: []record.Decision{}, Standing: []record.Decision{}}
	for _, d := range ruling.Decisions {
		if standing[key{d.Policy, d.Path, d.Message}] {
			out.Standing = append(out.Standing, d)
		} else {
			out.Decisions = append(out.Decisions, d)
		}
	}
	return out, nil
}

// Committed is a version of a table that changed what it is; *delta.Shape is one.
type Committed interface {
	Described
	Version() int64
	Time() time.Time
	Operation() string
	Rewrites() bool // every row was written anew
}

// Tried is what policies would have said of one past change of a table.
type Tried struct {
	Version   int64     `json:"version"`
	Time      time.Time `json:"time"`
	Operation string    `json:"operation,omitempty"`
	Refused   bool      `json:"refused"`
	Diff      []Change  `json:"changes"`
	Judged
}

// longestHistory is how many earlier changes a backtest tells policies of.
const longestHistory = 1000

// Backtest asks the policies about every past change of a table, oldest first: the
// first version as one that comes into being when that is 0, else as the ground
// that the next is compared with. What is declared of the table, environment and
// readers are those of the input that it is given, each time; the time is that of
// the version. Policies that need numbers stay silent.
//
// The error is that of shapes, or ErrEvaluation. Cost: twice that of
// [Bundle.Decide] for each version that changed something; in memory are the
// version, the one before, and of all others what history tells of them.
func (b *Bundle) Backtest(ctx context.Context, about Input, shapes iter.Seq2[Committed, error]) iter.Seq2[*Tried, error] {
	return func(yield func(*Tried, error) bool) {
		var last Committed
		var history []Version // newest first
		var earlier []Earlier
		transitive := about.Table.Contract != nil && strings.HasSuffix(about.Table.Contract.Compat, "_transitive")
		for s, err := range shapes {
			if err != nil {
				yield(nil, err)
				return
			}
			in := about
			in.Time, in.Op, in.New, in.History = s.Time(), "plan", ShapeOf(s).Declared(about.New), history
			in.Old, in.Compat, in.Rewrite, in.Table.VersionFrom = nil, nil, false, nil // those of the version that is there now
			if in.Time.IsZero() {
				yield(nil, errors.New("policies: a version has no time"))
				return
			}
			if last != nil {
				version := s.Version() - 1
				in.Table.VersionFrom = &version
				in.Rewrite = s.Rewrites()
				in.Old = ShapeOf(last).Declared(about.New)
				was, is := last.Schema(), s.Schema()
				in.Diff = Diff(in.Old, in.New, table.Diff(was, is, nil))
				if c := about.Table.Contract; c != nil {
					in.Compat = Compatibility(c.Compat, Replacement{Version: version, Diff: in.Diff, Old: was, Next: is, Earlier: earlier})
				}
				if transitive {
					earlier = append(earlier, Earlier{Version: last.Version(), Schema: was})
				}
			} else if s.Version() == 0 {
				in.Diff = Diff(nil, in.New, nil)
			}
			last = s
			if len(in.Diff) == 0 && s.Version() > 0 {
				continue // the ground, or what writers keep for themselves
			}
			judged, err := b.Judge(ctx, in)
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(&Tried{Version: s.Version(), Time: s.Time(), Operation: s.Operation(), Refused: judged.Refused(), Diff: in.Diff, Judged: *judged}, nil) {
				return
			}
			// A new list, since the input that was judged has the old one.
			history = append([]Version{{Version: s.Version(), At: s.Time(), Breaking: Breaking(in.Diff), DiffOps: opsOf(in.Diff)}}, history[:min(len(history), longestHistory-1)]...)
		}
	}
}

// Declared adds to a shape that comes from a log what another one, nil for none,
// says of its keys and, by their paths, of its columns. It changes s and returns it.
func (s *Shape) Declared(by *Shape) *Shape {
	if by == nil {
		return s
	}
	s.PrimaryKey = by.PrimaryKey
	s.Describe(by.Columns)
	tags := map[string]map[string]string{}
	for _, c := range by.Columns {
		tags[c.Path] = c.Tags
	}
	for i := range s.Columns {
		if c := &s.Columns[i]; c.Tags == nil {
			c.Tags = tags[c.Path]
		}
	}
	return s
}

// Describe gives columns what those of the same path declare: class, deprecation, and
// why personal data are held.
func (s *Shape) Describe(by []Column) {
	byPath := map[string]Column{}
	for _, c := range by {
		byPath[c.Path] = c
	}
	for i := range s.Columns {
		c := &s.Columns[i]
		d := byPath[c.Path]
		c.Classification, c.DeprecatedSince, c.ReplacedBy = d.Classification, d.DeprecatedSince, d.ReplacedBy
		c.Purpose, c.LegalBasis, c.RetentionDays = d.Purpose, d.LegalBasis, d.RetentionDays
	}
}

func opsOf(diff []Change) []string {
	var ops []string
	for _, c := range diff {
		if !slices.Contains(ops, c.Op) {
			ops = append(ops, c.Op)
		}
	}
	return ops
}
