package pipeline

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/dq-dev/dq/delta"
	"github.com/dq-dev/dq/delta/location"
	"github.com/dq-dev/dq/record"
)

// Judged is a version of a table, and what an expectation said of it.
type Judged struct {
	Version   int64
	Time      time.Time
	Operation string
	Run       string           // that published it; "" when dq did not
	Inputs    map[string]int64 // upstream table to the version that it was brought up to
	// Expectation is nil as long as it is not known what it said. Checked: it is not
	// what a run kept, but comes of checking the version again.
	Expectation *record.Expectation
	Checked     bool

	n int64 // the batch
	// rows is the version of which this one has the rows, when its operation says so.
	rows int64
}

// Versions lists the versions of a table up to one, the newest first; -1 is up to the
// newest. Errors are those of [delta.Table.History].
// Cost: one list of the log, and one read a commit.
func Versions(ctx context.Context, t *delta.Table, last int64) ([]*Judged, error) {
	commits, err := t.History(ctx, 0)
	if err != nil {
		return nil, err
	}
	var out []*Judged
	for _, c := range commits {
		if last >= 0 && c.Version > last {
			continue
		}
		j := &Judged{Version: c.Version, Time: c.Time.UTC(), Operation: c.Operation, rows: c.Version}
		if note, ok := commitNote(c); ok {
			j.Run, j.Inputs, j.n = note.Run, note.Inputs, note.N
		}
		switch c.Operation {
		case "OPTIMIZE", "VACUUM START", "VACUUM END":
			j.rows = c.Version - 1
		case "RESTORE":
			j.rows = restoredTo(c)
		}
		out = append(out, j)
	}
	return out, nil
}

// rank orders what an expectation says of a version: 0 is good. One that only
// informs passes whatever it counts, so its counts tell.
func (j *Judged) rank() int {
	e := j.Expectation
	switch {
	case e.Verdict == record.Fail || e.Verdict == record.Error:
		return 2
	case e.Verdict == record.Warn || e.OnFail == "info" && e.Failed+e.Errored > 0:
		return 1
	}
	return 0
}

// Bad reports whether the expectation found something. Its verdict must be known.
func (j *Judged) Bad() bool { return j.rank() > 0 }

// Failures are the rows that did not pass.
func (j *Judged) Failures() int64 { return j.Expectation.Failed + j.Expectation.Errored }

// Blame is since when a table fails an expectation.
type Blame struct {
	Now *Judged // the newest version looked at
	// Bad is the newest version of which the verdict is worse than of the one before;
	// nil when no version is known to have failed.
	Bad *Judged
	// Before is the version before; nil when there is none, or when it cannot be judged.
	Before *Judged
	// Passes is the first version after Bad that passes again; nil when none does.
	Passes *Judged
	// Always: no version before is known to be better. If the verdicts of all are known,
	// Bad is then the version that brought the most failures.
	Always bool
	// Stored and Checked count versions of which the verdict was kept, and that were
	// checked again. From and To are those between which a bisection searched; it takes
	// for granted that the verdict changed once between them. Nil: there was none.
	Stored, Checked int
	From, To        *int64
	// Unjudged says why versions could not be checked.
	Unjudged map[int64]string
}

// search is a search for the version to blame.
type search struct {
	versions []*Judged // the newest first
	// check checks a version again; it says why it cannot.
	check func(ctx context.Context, version int64) (e *record.Expectation, why string, err error)
	out   *Blame
}

// FindBad searches versions, the newest first, for the newest change for the worse.
// What stored gives (nil: nothing was kept) is walked through version by version;
// check is asked of the newest version if nothing was kept of it, and where a change
// lies among versions of which nothing was kept, by bisection. It says why a version
// cannot be judged (why), as when its files are gone.
//
// Cost: a call of stored for each version down to the change, and one of check for
// each step of a bisection.
func FindBad(ctx context.Context, versions []*Judged, stored func(context.Context, *Judged) (*record.Expectation, error),
	check func(ctx context.Context, version int64) (e *record.Expectation, why string, err error)) (*Blame, error) {
	s := &search{versions: versions, check: check, out: &Blame{Now: versions[0], Unjudged: map[int64]string{}}}
	bad, good := -1, -1 // places in versions
	for i, j := range versions {
		var err error
		if j.Expectation, err = stored(ctx, j); err != nil {
			return nil, err
		}
		switch {
		case j.Expectation != nil:
			s.out.Stored++
		case i > 0:
			continue
		default:
			if known, err := s.checkAt(ctx, 0); err != nil {
				return nil, err
			} else if !known {
				return s.out, nil
			}
		}
		if bad >= 0 && j.rank() < versions[bad].rank() {
			good = i
			break
		}
		if j.Bad() {
			bad = i
		}
	}
	if bad < 0 {
		return s.out, nil
	}
	oldest := len(versions) - 1
	if good < 0 && bad < oldest {
		good = oldest // of which nothing was kept, as of all down to there
		known, err := s.checkAt(ctx, oldest)
		if err != nil {
			return nil, err
		}
		if known && versions[oldest].rank() >= versions[bad].rank() {
			bad, good = oldest, -1
		}
	}
	if good >= 0 {
		var err error
		if bad, err = s.bisect(ctx, good, bad); err != nil {
			return nil, err
		}
	}
	if good < 0 || s.before(bad) == nil {
		s.out.Always = true
		bad = s.most(bad)
	}
	s.out.Bad, s.out.Before = versions[bad], s.before(bad)
	for i := bad - 1; i >= 0; i-- {
		if v := versions[i]; v.Expectation != nil && !v.Bad() {
			s.out.Passes = v
			break
		}
	}
	return s.out, nil
}

// before is the version before one, if its verdict is known.
func (s *search) before(i int) *Judged {
	if i+1 == len(s.versions) || s.versions[i+1].Expectation == nil {
		return nil
	}
	return s.versions[i+1]
}

// checkAt checks a version again; false when it cannot be judged.
func (s *search) checkAt(ctx context.Context, i int) (bool, error) {
	j := s.versions[i]
	e, why, err := s.check(ctx, j.Version)
	if err != nil {
		return false, err
	}
	s.out.Checked++
	if e == nil {
		s.out.Unjudged[j.Version] = why
		return false, nil
	}
	j.Expectation, j.Checked = e, true
	return true, nil
}

// bisect finds the oldest version that is as bad as one, down to a good one before
// it. Nothing is known of those between. One that cannot be judged counts as good.
func (s *search) bisect(ctx context.Context, good, bad int) (int, error) {
	if good-bad > 1 {
		s.out.From, s.out.To = &s.versions[good].Version, &s.versions[bad].Version
	}
	for good-bad > 1 {
		mid := (good + bad) / 2
		known, err := s.checkAt(ctx, mid)
		if err != nil {
			return 0, err
		}
		if known && s.versions[mid].rank() >= s.versions[bad].rank() {
			bad = mid
		} else {
			good = mid
		}
	}
	return bad, nil
}

// most is the version that brought the most failures, of those from the newest down to
// the oldest that is known, if all are known: a table that always failed fails for that.
func (s *search) most(oldest int) int {
	worst, brought := oldest, s.versions[oldest].Failures()
	for i := oldest - 1; i >= 0; i-- {
		now, was := s.versions[i], s.versions[i+1]
		if now.Expectation == nil {
			return oldest
		}
		if n := now.Failures() - was.Failures(); n > brought {
			worst, brought = i, n
		}
	}
	return worst
}

// Archive is what the runs of a pipeline kept: what suites said of the versions that
// they published, and what these were made of.
type Archive struct {
	where    *location.Location
	state    *state
	runs     map[string]*record.Run
	versions map[string][]*Judged
}

// Archive opens what the runs of the pipeline kept; Close it.
func (p *Pipeline) Archive() (*Archive, error) {
	where, err := location.Open(p.Warehouse, os.Getenv)
	if err != nil {
		return nil, &ConfigError{err}
	}
	return &Archive{where: where, state: &state{store: where.Sub("_dq").Store(), pipeline: p.Name}, runs: map[string]*record.Run{}, versions: map[string][]*Judged{}}, nil
}

// Close lets go of local copies.
func (a *Archive) Close() error { return a.where.Close() }

// Versions lists all versions of a table of the pipeline, the newest first, as [Versions].
func (a *Archive) Versions(ctx context.Context, table string) ([]*Judged, error) {
	if a.versions[table] == nil {
		versions, err := Versions(ctx, delta.Open(a.where.Sub(folder(table)).Store()), -1)
		if err != nil {
			return nil, err
		}
		a.versions[table] = versions
	}
	return a.versions[table], nil
}

// Expectation is what an expectation of a table's suite said when a version was
// published, or the one of which it has the rows; nil when nothing was kept.
func (a *Archive) Expectation(ctx context.Context, table, id string, j *Judged) (*record.Expectation, error) {
	for j.rows != j.Version {
		versions, err := a.Versions(ctx, table)
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(versions, func(v *Judged) bool { return v.Version == j.rows })
		if i < 0 || versions[i].Version >= j.Version {
			return nil, nil
		}
		j = versions[i]
	}
	if j.Run == "" {
		return nil, nil
	}
	run, ok := a.runs[j.Run]
	if !ok {
		data, err := a.state.store.Read(ctx, "runs/"+j.Run+".json")
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return nil, err
		default:
			if run, err = record.Read(bytes.NewReader(data)); err != nil {
				return nil, err
			}
		}
		a.runs[j.Run] = run
	}
	if run == nil {
		return nil, nil
	}
	for _, l := range run.Layers {
		for _, t := range l.Tables {
			if t.Name != table || t.Version == nil || *t.Version != j.Version || t.Check == nil {
				continue
			}
			for i := range t.Check.Expectations {
				if e := &t.Check.Expectations[i]; e.ID == id {
					return e, nil
				}
			}
		}
	}
	return nil, nil
}

// Sources are the source files from which the versions of a table after one, up to
// another, were made, through all tables between; sorted.
// Cost: the log of each of these tables, and a read of the ledger for each version of
// one that is landed from files.
func (a *Archive) Sources(ctx context.Context, table string, after, to int64) ([]string, error) {
	files := map[string]bool{}
	if err := a.sources(ctx, table, after, to, files, map[reached]bool{}); err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(files)), nil
}

func (a *Archive) sources(ctx context.Context, table string, after, to int64, files map[string]bool, seen map[reached]bool) error {
	versions, err := a.Versions(ctx, table)
	if err != nil {
		return err
	}
	for i, j := range versions {
		if at := (reached{table, j.Version}); j.Version <= after || j.Version > to || j.n == 0 || seen[at] {
			continue
		} else {
			seen[at] = true
		}
		landed, err := a.landed(ctx, table, j)
		if err != nil {
			return err
		}
		for _, f := range landed {
			files[f] = true
		}
		was := inputsBefore(versions[i+1:])
		for _, up := range sortedKeys(j.Inputs) {
			from, ok := was[up]
			if !ok {
				from = -1
			}
			if err := a.sources(ctx, up, from, j.Inputs[up], files, seen); err != nil {
				return err
			}
		}
	}
	return nil
}

// reached is a version of a table.
type reached struct {
	table   string
	version int64
}

// InputsBefore are the versions of the upstream tables that a table was brought up to
// before a version.
func (a *Archive) InputsBefore(ctx context.Context, table string, version int64) (map[string]int64, error) {
	versions, err := a.Versions(ctx, table)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(versions, func(j *Judged) bool { return j.Version < version })
	if i < 0 {
		return nil, nil
	}
	return inputsBefore(versions[i:]), nil
}

// inputsBefore are the inputs of the newest of versions that dq published.
func inputsBefore(versions []*Judged) map[string]int64 {
	for _, j := range versions {
		if j.n > 0 {
			return j.Inputs
		}
	}
	return nil
}
