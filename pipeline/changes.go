package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/dq-dev/dq/delta"
	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/table"
)

// attachChanges makes the incremental table's name stand for its rows that came
// since the last batch, and [relGone] for those that went. It returns false
// when that is not possible any more, so that the table is rebuilt, and says so.
func (r *run) attachChanges(ctx context.Context, t *tableRun, s engine.Session) (bool, error) {
	up := r.tables[t.Incremental]
	added, removed, why, err := r.since(ctx, up, t.ledger.last.Inputs[up.Name])
	if err != nil {
		return false, err
	}
	if why != "" {
		t.note("incremental", "warn", "%s: the table is rebuilt from all of %s", why, up.Name)
		return false, nil
	}
	t.earlier = append(without(up.current.files, added), removed...)
	came := up.current
	came.files = added
	parts := []string{"SELECT * FROM " + relAdded}
	rows := liveRows(added)
	t.gone = false
	if err := attach(ctx, s, relAdded, came, false); err != nil {
		return false, err
	}
	if len(removed) > 0 {
		went := up.current
		went.files = removed
		if err := attach(ctx, s, relRemoved, went, false); err != nil {
			return false, err
		}
		if err := define(ctx, s, relChanges, "SELECT * FROM dq_added EXCEPT ALL SELECT * FROM dq_removed", true); err != nil {
			return false, err
		}
		if err := define(ctx, s, relGone, "SELECT * FROM dq_removed EXCEPT ALL SELECT * FROM dq_added", true); err != nil {
			return false, err
		}
		numbers, err := s.Query(ctx, "SELECT (SELECT count(*) FROM dq_changes), (SELECT count(*) FROM dq_gone)")
		if err != nil {
			return false, err
		}
		gone, _ := numbers.Values[0][1].(int64)
		rows, _ = numbers.Values[0][0].(int64)
		t.gone = gone > 0
		parts = []string{"SELECT * FROM " + relChanges}
		if t.gone {
			parts = append(parts, "SELECT * FROM "+relGone)
		}
	}
	back, from, err := r.lookedUp(ctx, t, s)
	if err != nil {
		return false, err
	}
	if back != "" {
		// Rows that came are in the batch already: look for others in the files
		// that stayed, and among rows that only moved.
		stay := up.current
		stay.files = notBefore(without(up.current.files, added), from)
		if err := attach(ctx, s, "dq_stay", stay, false); err != nil {
			return false, err
		}
		parts = append(parts, "SELECT dq_u.* FROM dq_stay dq_u WHERE "+back)
		if len(removed) > 0 {
			parts = append(parts, "SELECT dq_u.* FROM (SELECT * FROM dq_added EXCEPT ALL SELECT * FROM dq_changes) dq_u WHERE "+back)
		}
	}
	t.unchangedUpstream = rows == 0 && !t.gone && back == ""
	if len(parts) == 1 && len(removed) == 0 {
		return true, attach(ctx, s, up.Name, came, false)
	}
	return true, define(ctx, s, up.Name, strings.Join(parts, " UNION ALL "), true)
}

// earliest is a bound on the times of rows: for each column, rows before it do not matter.
type earliest map[string]time.Time

// notBefore leaves files out in which, by their statistics, every row is before
// the bound in each of its columns.
func notBefore(files []table.File, from earliest) []table.File {
	if len(from) == 0 {
		return files
	}
	return slices.DeleteFunc(slices.Clone(files), func(f table.File) bool {
		before := 0
		for column, bound := range from {
			if last, ok := lastTime(f, column); ok && last.Before(bound) {
				before++
			}
		}
		return before == len(from)
	})
}

// lastTime is a time that no value of the column is after, if statistics say one.
func lastTime(f table.File, column string) (time.Time, bool) {
	if f.Stats == nil {
		return time.Time{}, false
	}
	for _, c := range f.Stats.Columns {
		if len(c.Path) == 1 && c.Path[0] == column && c.Max != nil {
			for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", time.DateOnly} {
				if last, err := time.Parse(layout, *c.Max); err == nil {
					return last.Add(time.Millisecond), true // the log cuts times to milliseconds
				}
			}
		}
	}
	return time.Time{}, false
}

// lookedUp is SQL that is true for rows dq_u of the incremental table that a
// change of a lookup table since the last batch concerns, and a bound on their
// times if there is one; "" when no change concerns any.
func (r *run) lookedUp(ctx context.Context, t *tableRun, s engine.Session) (string, earliest, error) {
	var terms []string
	from := earliest{}
	bounded := true
	for i, name := range sortedKeys(t.Lookups) {
		look, other := t.Lookups[name], r.tables[name]
		was, known := t.ledger.last.Inputs[name]
		if known && was == other.current.version {
			continue
		}
		added, removed, why, err := r.since(ctx, other, was)
		if err != nil {
			return "", nil, err
		}
		if why != "" || !known {
			return "true", nil, nil
		}
		a, b, keys := fmt.Sprintf("dq_look_new%d", i), fmt.Sprintf("dq_look_old%d", i), fmt.Sprintf("dq_look%d", i)
		rel := other.current
		rel.files = added
		if err := attach(ctx, s, a, rel, false); err != nil {
			return "", nil, err
		}
		rel.files = removed
		if err := attach(ctx, s, b, rel, false); err != nil {
			return "", nil, err
		}
		on, columns, begin := r.d.Ident(look.On), "*", "NULL"
		timed := look.At != "" && other.Mode == "scd2"
		if timed {
			// That an interval ends concerns no row before its end, and those
			// after it are in the next interval, which is new.
			columns, begin = idents(r.d, "", others(rel.schema.Names(), []string{validTo, isCurrent})), "min("+validFrom+")"
		}
		changed := fmt.Sprintf(`SELECT %[1]s, %[2]s AS dq_from FROM (
			(SELECT %[3]s FROM %[4]s EXCEPT ALL SELECT %[3]s FROM %[5]s) UNION ALL (SELECT %[3]s FROM %[5]s EXCEPT ALL SELECT %[3]s FROM %[4]s)) dq_q
			GROUP BY %[1]s`, on, begin, columns, a, b)
		if err := define(ctx, s, keys, changed, true); err != nil {
			return "", nil, err
		}
		sum, err := s.Query(ctx, "SELECT count(*), min(dq_from) FROM "+keys)
		if err != nil {
			return "", nil, err
		}
		if n, _ := sum.Values[0][0].(int64); n == 0 {
			continue
		}
		term := fmt.Sprintf("EXISTS (SELECT 1 FROM %s dq_k WHERE dq_k.%s = dq_u.%s", keys, on, on)
		if timed {
			term += " AND dq_u." + r.d.Ident(look.At) + " >= dq_k.dq_from"
			if bound, ok := sum.Values[0][1].(time.Time); ok {
				if was, ok := from[look.At]; !ok || bound.Before(was) {
					from[look.At] = bound
				}
			}
		} else {
			bounded = false
		}
		terms = append(terms, term+")")
	}
	if !bounded {
		from = nil
	}
	return strings.Join(terms, " OR "), from, nil
}

// since compares a table's files with those of an earlier version. Why says
// that the comparison is impossible.
func (r *run) since(ctx context.Context, up *tableRun, version int64) (added, removed []table.File, why string, err error) {
	old := map[string]table.File{}
	if version >= 0 {
		snap, err := up.delta.Snapshot(ctx, delta.Version(version))
		switch {
		case errors.Is(err, delta.ErrGone), errors.Is(err, delta.ErrNoVersion):
			return nil, nil, fmt.Sprintf("version %d of %s is no longer in its log", version, up.Name), nil
		case err != nil:
			return nil, nil, "", fmt.Errorf("%s version %d: %w", up.Name, version, err)
		}
		files, err := filesOf(ctx, snap)
		if err != nil {
			return nil, nil, "", fmt.Errorf("%s version %d: %w", up.Name, version, err)
		}
		for _, f := range files {
			old[f.Path] = f
		}
	}
	for _, f := range up.current.files {
		if was, ok := old[f.Path]; ok && sameDeletions(was, f) {
			delete(old, f.Path)
			continue
		}
		added = append(added, f)
	}
	for _, f := range old {
		if !filepath.IsAbs(f.Path) {
			_, err := up.current.where.Store().Stat(ctx, f.Path)
			if errors.Is(err, fs.ErrNotExist) {
				return nil, nil, fmt.Sprintf("file %s of %s version %d is gone", f.Path, up.Name, version), nil
			}
			if err != nil {
				return nil, nil, "", err
			}
		}
		removed = append(removed, f)
	}
	sort.Slice(removed, func(i, j int) bool { return removed[i].Path < removed[j].Path })
	return added, removed, "", nil
}

func sameDeletions(a, b table.File) bool {
	if (a.Deleted == nil) != (b.Deleted == nil) {
		return false
	}
	return a.Deleted == nil || a.Deleted.Location == b.Deleted.Location && a.Deleted.Cardinality == b.Deleted.Cardinality
}
