package pipeline

import (
	"strings"

	"github.com/dq-dev/dq/policies"
	"github.com/dq-dev/dq/profiling"
	"github.com/dq-dev/dq/record"
	"github.com/dq-dev/dq/table"
)

// numbers is what is known of the table as it would be: rows and nulls from the
// statistics of its files, and of a batch that was profiled what values look like
// and, where the batch is the whole table, the rest.
func (t *tableRun) numbers() *policies.Profile {
	rows := liveRows(t.current.files)
	p := &policies.Profile{Version: t.question.Table.VersionFrom, Rows: rows, Columns: map[string]policies.ProfileColumn{}}
	nulls := nullsOf(t.current.files)
	for _, c := range t.question.New.Columns {
		if n, ok := nulls[c.Path]; ok {
			p.Columns[c.Path] = policies.ProfileColumn{NullCount: n}
		}
	}
	if len(t.question.Diff) == 0 || t.profile == nil {
		return p
	}
	for _, c := range t.profile.Columns {
		to, known := p.Columns[c.Name]
		if t.profile.Rows == rows {
			to.NullCount, to.Distinct, to.Min, to.Max = c.Nulls, c.Distinct, c.Min, c.Max
			known = true
		}
		for _, s := range profiling.Suspects(c) {
			to.PIISuspects = append(to.PIISuspects, policies.Suspect{Kind: s.Kind, Ratio: s.Ratio})
			known = true
		}
		if known {
			p.Columns[c.Name] = to
		}
	}
	return p
}

// nullsOf sums the nulls of columns over files, by path. A column of which a file
// does not say it, or only with rows that are deleted, is left out.
func nullsOf(files []table.File) map[string]int64 {
	sums, seen := map[string]int64{}, map[string]int{}
	for _, f := range files {
		if f.Stats == nil {
			return nil
		}
		for _, c := range f.Stats.Columns {
			if c.Nulls != nil && (f.Deleted == nil || *c.Nulls == 0) {
				path := strings.Join(c.Path, ".")
				sums[path] += *c.Nulls
				seen[path]++
			}
		}
	}
	for path, n := range seen {
		if n < len(files) {
			delete(sums, path)
		}
	}
	return sums
}

// quality is what the suite said, and what it demands less than before.
func (t *tableRun) quality() *policies.Quality {
	q := &policies.Quality{Suite: t.Suite.Digest, Gate: "not_run"}
	result := t.rejudged
	if t.staged != nil {
		result = t.staged.result
	}
	if result != nil {
		q.Gate = "pass"
		if result.Close {
			q.Gate = "fail"
		}
		for _, e := range result.Check.Expectations {
			if e.Verdict == record.Fail || e.Verdict == record.Error {
				q.Failed = append(q.Failed, e.ID)
			}
		}
	}
	for _, c := range t.question.Diff {
		switch {
		case c.Op != table.SuiteWeakened:
		case c.Class == table.RuleRemoved:
			q.Removed = append(q.Removed, c.Path)
		default:
			q.Weakened = append(q.Weakened, c.Path)
		}
	}
	return q
}
