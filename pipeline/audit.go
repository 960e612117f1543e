package pipeline

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/expectations"
	"github.com/dq-dev/dq/profiling"
	"github.com/dq-dev/dq/record"
	"github.com/dq-dev/dq/table"
)

// Tags of a data file in the log: the digests of the row rules that judged its
// rows, and for each of them, in that order, evaluated,failed,errored.
const (
	tagRules  = "dq.rules"
	tagCounts = "dq.counts"
)

// audit has the staged files judged by the table's suite: rules over their own
// row look at the rows that come and at files that no such rule has judged yet,
// all others at the table as it would be.
func (r *run) audit(ctx context.Context, t *tableRun, s engine.Session) error {
	if t.Suite.File == "none" {
		return nil
	}
	r.step("audit %s", t.Name)
	began := r.opt.Clock()
	target := expectations.Target{
		Dialect: r.d,
		Dataset: record.Dataset{Name: t.Name, Location: t.current.where.String(), Rows: liveRows(t.current.files)},
		Table:   relResult, Now: r.now, Samples: r.samples(), Known: map[string]expectations.Counts{}, Past: t.pastMetric,
	}
	if err := r.remember(ctx, t, t.staged != nil); err != nil {
		return err
	}
	if t.snap != nil {
		v := t.snap.Version()
		target.Dataset.Version = &v
	}
	var adds []table.File
	if st := t.staged; st != nil {
		adds = st.adds
		target.Taken, target.Returned = st.taken, st.counts.Returned
		v := t.current.version
		target.Dataset.Version = &v
	}
	rel := t.holds(adds)
	rel.keep = liveRows(adds) <= fewRows
	if t.staged != nil {
		if err := attach(ctx, s, relNew, rel, true); err != nil {
			return err
		}
		// What only takes rows out is no batch that rules could judge: nothing came.
		if t.staged.counts.Returned > 0 || len(t.staged.removes) == 0 {
			came, err := t.arrived(ctx, s)
			if err != nil {
				return err
			}
			target.New, target.Batch = came, came
			if t.Mode == "merge" || t.Mode == "scd2" {
				target.Batch = relRows
			}
		}
		target.Parts = append(target.Parts, expectations.Part{Relation: relNew, New: true})
	}
	stay := without(t.current.files, adds)
	for i, group := range t.unjudged(stay, target.Known) {
		name := fmt.Sprintf("dq_part%d", i)
		rel.files, rel.keep = group.files, false
		if err := attach(ctx, s, name, rel, true); err != nil {
			return err
		}
		target.Parts = append(target.Parts, expectations.Part{Relation: name, Rules: group.rules})
		if t.snap != nil && t.ledger.last != nil {
			t.note("rules", "info", "%d files were judged by %d new or changed rules", len(group.files), len(group.rules))
		}
	}
	all := t.current
	all.schema = t.schema
	all.keep = liveRows(all.files) <= fewRows
	if err := attach(ctx, s, relResult, all, false); err != nil {
		return err
	}
	if err := r.attachRefs(ctx, t, s); err != nil {
		return err
	}
	var err error
	var latest *relation
	if t.staged != nil {
		latest = &t.before
	}
	if target.Before, err = r.attachPast(ctx, t, s, latest); err != nil {
		return err
	}
	result, err := t.plan.Audit(ctx, s, target)
	if err != nil {
		return err
	}
	result.Check.Engine, result.Check.Tool = r.rec.Engine, r.rec.Tool
	result.Check.StartedAt, result.Check.DurationMS = began.UTC(), r.opt.Clock().Sub(began).Milliseconds()
	t.rec.Check = result.Check
	if t.staged == nil {
		t.rejudged = result
		return nil
	}
	t.staged.result = result
	t.tag(stay)
	return nil
}

// arrived names the relation of the rows of the batch: of what was written anew,
// without the rows that only moved out of a file with rewritten ones.
func (t *tableRun) arrived(ctx context.Context, s engine.Session) (string, error) {
	if t.staged.came == "" {
		return relNew, nil
	}
	return relCame, define(ctx, s, relCame, "SELECT * FROM "+relNew+" WHERE "+t.staged.came, false)
}

// fewRows is the number of rows up to which a relation that many statements look
// at is kept in memory: they take less time to plan over it than over files.
const fewRows = 50_000

// profile describes the rows that were staged and audited, beside the work on
// other tables, one table at a time, and closes the table's session. It is done
// once r.profiles is.
func (r *run) profile(ctx context.Context, t *tableRun, s engine.Session) {
	rows := t.staged != nil && t.staged.result != nil && len(t.staged.adds) > 0
	r.profiles.Go(func() {
		defer close(t.profiled)
		defer func() { _ = s.Close() }()
		if rows {
			r.profiling.Lock()
			defer r.profiling.Unlock()
			name := relNew
			if t.staged.came != "" {
				name = relCame
			}
			t.profile, t.profileErr = profiling.Profile(ctx, s, r.d, name, t.schema, profiling.Options{Redact: t.personal()})
		}
	})
}

// personal lists the columns whose values no report may show.
func (t *tableRun) personal() []string {
	var names []string
	for _, c := range t.Suite.Columns {
		if c.Personal() {
			names = append(names, c.Name)
		}
	}
	return names
}

// fileGroup is files that the same rules have yet to judge.
type fileGroup struct {
	rules map[string]bool
	files []table.File
}

// unjudged groups the files that stay by the row rules that have not judged
// them yet, and collects the counts of those that have.
func (t *tableRun) unjudged(files []table.File, known map[string]expectations.Counts) []fileGroup {
	rules := t.plan.RowRules()
	groups := map[string]*fileGroup{}
	for _, f := range files {
		counts := parseCounts(f)
		missing := map[string]bool{}
		kept := expectations.Counts{}
		for _, rule := range rules {
			if c, ok := counts[rule.Digest]; ok {
				kept[rule.Digest] = c
			} else if !rule.Since { // which leaves what came before it alone
				missing[rule.Digest] = true
			}
		}
		known[f.Path] = kept
		if len(missing) == 0 {
			continue
		}
		key := strings.Join(sortedKeys(missing), ",")
		if groups[key] == nil {
			groups[key] = &fileGroup{rules: missing}
		}
		groups[key].files = append(groups[key].files, f)
	}
	var keys []string
	for k := range groups {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	out := make([]fileGroup, len(keys))
	for i, k := range keys {
		out[i] = *groups[k]
	}
	return out
}

// tag writes the counts of this audit into the tags of the files it judged.
func (t *tableRun) tag(stay []table.File) {
	st := t.staged
	for i := range st.adds {
		st.adds[i] = t.tagged(st.adds[i], nil, st.result.Files[st.adds[i].Path])
	}
	for _, f := range stay {
		now, ok := st.result.Files[f.Path]
		if !ok {
			continue
		}
		f = t.tagged(f, parseCounts(f), now)
		if i := slices.IndexFunc(st.compacted, func(c table.File) bool { return c.Path == f.Path }); i >= 0 {
			st.compacted[i] = f
		} else {
			st.retag = append(st.retag, f)
		}
	}
}

func (t *tableRun) tagged(f table.File, before, now expectations.Counts) table.File {
	var digests, counts []string
	for _, rule := range t.plan.RowRules() {
		c, ok := now[rule.Digest]
		if !ok {
			if c, ok = before[rule.Digest]; !ok {
				continue
			}
		}
		digests = append(digests, rule.Digest)
		counts = append(counts, fmt.Sprintf("%d,%d,%d", c.Evaluated, c.Failed, c.Errored))
	}
	tags := map[string]string{}
	for k, v := range f.Tags {
		tags[k] = v
	}
	tags[tagRules], tags[tagCounts] = strings.Join(digests, ","), strings.Join(counts, ";")
	f.Tags = tags
	return f
}

// parseCounts reads the tags of a file; tags that are no such counts are as none.
func parseCounts(f table.File) expectations.Counts {
	out := expectations.Counts{}
	digests, counts := strings.Split(f.Tags[tagRules], ","), strings.Split(f.Tags[tagCounts], ";")
	if f.Tags[tagRules] == "" || len(digests) != len(counts) {
		return out
	}
	rows, _ := f.LiveRows()
	for i, d := range digests {
		parts := strings.Split(counts[i], ",")
		if len(parts) != 3 {
			continue
		}
		var n [3]int64
		whole := true
		for j, p := range parts {
			v, err := strconv.ParseInt(p, 10, 64)
			n[j], whole = v, whole && err == nil && v >= 0
		}
		if whole {
			out[d] = expectations.Count{Rows: rows, Evaluated: n[0], Failed: n[1], Errored: n[2]}
		}
	}
	return out
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
