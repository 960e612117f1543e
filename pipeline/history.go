package pipeline

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/table"
)

// follows reports whether the batch's observations, in dq_model_rows, only go on
// from what the table says: each is later than all before it, and is made of rows
// that belong together with no earlier one (Table.Together). When it knows better
// than that, the record says why the histories are made anew.
func (r *run) follows(ctx context.Context, t *tableRun, s engine.Session) (bool, error) {
	if t.seen == nil {
		return false, nil
	}
	eff := r.d.Ident(t.Effective)
	rows, err := s.Query(ctx, fmt.Sprintf("SELECT count(*), count(%[1]s), min(%[1]s) FROM dq_model_rows", eff))
	if err != nil {
		return false, err
	}
	all, _ := rows.Values[0][0].(int64)
	timed, _ := rows.Values[0][1].(int64)
	first, ok := rows.Values[0][2].(time.Time)
	if all > timed || !ok && all > 0 {
		return false, nil // for the finding about observations without a time
	}
	anew := "histories are made anew from all of " + t.Incremental
	if all > 0 && !first.After(*t.seen) {
		t.note("scd2.late", "info", "an observation of %s is not later than %s, the latest before: %s", first.UTC().Format(time.RFC3339), t.seen.UTC().Format(time.RFC3339), anew)
		return false, nil
	}
	up := r.tables[t.Incremental]
	if up.snap == nil {
		return true, nil
	}
	within, whole, err := r.bounds(ctx, s, up.Name, up.current.schema, t.Together)
	if err != nil || !whole {
		return false, err
	}
	earlier := up.current
	if earlier.files, err = up.snap.Prune(t.earlier, within...); err != nil || len(earlier.files) == 0 {
		return err == nil, err
	}
	if err := attach(ctx, s, relEarlier, earlier, false); err != nil {
		return false, err
	}
	n, err := count(ctx, s, fmt.Sprintf("SELECT count(*) FROM (SELECT DISTINCT %s FROM dq_earlier dq_t WHERE EXISTS (SELECT 1 FROM %s dq_k WHERE %s)) dq_q",
		idents(r.d, "dq_t.", t.Together), r.d.Relation(up.Name), equal(r.d, "dq_k.", "dq_t.", t.Together)))
	if n > 0 {
		t.note("scd2.together", "info", "%s of (%s) go on from earlier batches: %s", plural(n, "value"), strings.Join(t.Together, ", "), anew)
	}
	return err == nil && n == 0, err
}

// onward is SQL of the observations that the table's current intervals and the
// batch amount to: enough to go on from, when the batch follows.
func (r *run) onward(ctx context.Context, t *tableRun, s engine.Session, holds []table.File) (string, error) {
	columns := slices.Concat(t.Keys, t.Track)
	order := others(t.Order, append(columns, t.Effective))
	came := fmt.Sprintf("SELECT %s FROM dq_model_rows", idents(r.d, "", slices.Concat(columns, []string{t.Effective}, order)))
	if len(holds) == 0 {
		return came, nil
	}
	was := t.current
	was.schema, was.files = t.schema, holds
	if err := attach(ctx, s, relTarget, was, true); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s UNION ALL SELECT %s%s FROM dq_target dq_t WHERE dq_t.%s AND %s",
		came, idents(r.d, "dq_t.", append(columns, validFrom)), strings.Repeat(", NULL", len(order)), isCurrent, r.inScope(t)), nil
}

// history turns the model's observations, all there are or those of some keys,
// into intervals (SQL in, SQL out). It returns false when an observation has no
// key or no time.
func (r *run) history(ctx context.Context, t *tableRun, s engine.Session, model *string, all bool) (bool, error) {
	d := r.d
	if err := define(ctx, s, "dq_seen", *model, true); err != nil {
		return false, err
	}
	keys, eff := idents(d, "", t.Keys), d.Ident(t.Effective)
	var nulls []string
	for _, k := range append(append([]string{}, t.Keys...), t.Effective) {
		nulls = append(nulls, d.Ident(k)+" IS NULL")
	}
	numbers, err := s.Query(ctx, fmt.Sprintf("SELECT count(*), count(*) FILTER (WHERE %s), max(%s) FROM dq_seen", strings.Join(nulls, " OR "), eff))
	if err != nil {
		return false, err
	}
	seen, _ := numbers.Values[0][0].(int64)
	if latest, ok := numbers.Values[0][2].(time.Time); ok && (all || t.seen != nil) && (t.seen == nil || latest.After(*t.seen)) {
		t.seen = &latest
	}
	if n, _ := numbers.Values[0][1].(int64); n > 0 {
		t.note("scd2.incomplete", "error", "%s without %s or %s", plural(n, "observation"), strings.Join(t.Keys, ", "), t.Effective)
		return false, nil
	}
	// Among equal times the last in source order holds.
	// Without an order the greatest value does, so that it is the same each time.
	parts := make([]string, 0, len(t.Order)+len(t.Track))
	for _, o := range append(slices.Clone(t.Order), t.Track...) {
		parts = append(parts, d.Ident(o)+" DESC NULLS LAST")
	}
	order := strings.Join(parts, ", ")
	once := "SELECT * FROM dq_seen"
	times, err := count(ctx, s, fmt.Sprintf("SELECT count(*) FROM (SELECT 1 FROM dq_seen GROUP BY %s, %s) dq_q", keys, eff))
	if err != nil {
		return false, err
	}
	if times < seen {
		if err := r.contradictions(ctx, t, s); err != nil {
			return false, err
		}
		once = fmt.Sprintf("SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY %s, %s ORDER BY %s) AS dq_nth FROM dq_seen) dq_q WHERE dq_nth = 1", keys, eff, order)
	}
	gone := "false"
	if t.CloseAbsent {
		if ok, err := r.absent(ctx, t, s, &once); err != nil || !ok {
			return false, err
		}
		gone = "dq_gone"
	}
	var values, changed []string
	for _, a := range t.Track {
		id := d.Ident(a)
		if t.IgnoreNull {
			values = append(values, fmt.Sprintf("last_value(%s IGNORE NULLS) OVER (PARTITION BY %s ORDER BY %s ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS %s", id, keys, eff, id))
		} else {
			values = append(values, id)
		}
		changed = append(changed, fmt.Sprintf("%s IS DISTINCT FROM lag(%s) OVER dq_w", id, id))
	}
	if t.CloseAbsent {
		changed = append(changed, "dq_gone <> lag(dq_gone) OVER dq_w")
	}
	filled := fmt.Sprintf("SELECT %s, %s, %s, %s AS dq_gone FROM (%s) dq_q", keys, strings.Join(values, ", "), eff, gone, once)
	marked := fmt.Sprintf("SELECT *, row_number() OVER dq_w = 1 OR %s AS dq_new FROM (%s) dq_q WINDOW dq_w AS (PARTITION BY %s ORDER BY %s)",
		strings.Join(changed, " OR "), filled, keys, eff)
	spans := fmt.Sprintf("SELECT %s, %s, %s AS %s, lead(%s) OVER (PARTITION BY %s ORDER BY %s) AS %s, dq_gone FROM (%s) dq_q WHERE dq_new",
		keys, idents(d, "", t.Track), eff, validFrom, eff, keys, eff, validTo, marked)
	spans = fmt.Sprintf("SELECT %s, %s, %s, %s FROM (%s) dq_q WHERE NOT dq_gone", keys, idents(d, "", t.Track), validFrom, validTo, spans)
	key := ""
	if t.Surrogate != "" {
		key = d.SurrogateKey(append(append([]string{}, t.Keys...), validFrom)) + " AS " + d.Ident(t.Surrogate) + ", "
	}
	*model = fmt.Sprintf("SELECT %sdq_q.*, %s IS NULL AS %s FROM (%s) dq_q", key, validTo, isCurrent, spans)
	return true, nil
}

// absent adds to the observations (SQL in, SQL out, with dq_gone) where a key ends: at
// the next time for which there are observations, of any key, when it has none there.
// Snapshots that lack more than half of the keys of the one before are no full
// snapshots: they are a finding, and absent returns false, unless the table has it so
// already. A full refresh takes them.
func (r *run) absent(ctx context.Context, t *tableRun, s engine.Session, once *string) (bool, error) {
	d := r.d
	keys, eff := idents(d, "", t.Keys), d.Ident(t.Effective)
	columns := idents(d, "", slices.Concat(t.Keys, t.Track))
	times := fmt.Sprintf("SELECT %[1]s, lead(%[1]s) OVER (ORDER BY %[1]s) AS dq_next FROM (SELECT DISTINCT %[1]s FROM dq_seen) dq_q", eff)
	next := fmt.Sprintf("SELECT %s, dq_o.%s, dq_n.dq_next, dq_n.dq_next IS NOT NULL AND coalesce(lead(dq_o.%s) OVER (PARTITION BY %s ORDER BY dq_o.%s) > dq_n.dq_next, true) AS dq_ends FROM (%s) dq_o JOIN (%s) dq_n ON dq_n.%s = dq_o.%s",
		idents(d, "dq_o.", slices.Concat(t.Keys, t.Track)), eff, eff, idents(d, "dq_o.", t.Keys), eff, *once, times, eff, eff)
	if err := define(ctx, s, "dq_snapshots", next, true); err != nil {
		return false, err
	}
	// What the table says already was taken before.
	known := "false"
	if t.snap != nil && len(others(append([]string{validTo}, t.Keys...), t.snap.Schema().Names())) == 0 {
		was := t.current
		was.schema = t.snap.Schema()
		if err := attach(ctx, s, relTarget, was, true); err != nil {
			return false, err
		}
		known = fmt.Sprintf("EXISTS (SELECT 1 FROM dq_target dq_t WHERE %s AND dq_t.%s = dq_s.dq_next)", equal(d, "dq_t.", "dq_s.", t.Keys), d.Ident(validTo))
	}
	rows, err := s.Query(ctx, fmt.Sprintf("SELECT dq_next, count(*), count(*) FILTER (WHERE dq_ends), count(*) FILTER (WHERE dq_ends AND NOT dq_known) FROM (SELECT dq_next, dq_ends, %s AS dq_known FROM dq_snapshots dq_s WHERE dq_next IS NOT NULL) dq_q GROUP BY 1 ORDER BY 1", known))
	if err != nil {
		return false, err
	}
	var ended int64
	for _, row := range rows.Values {
		at, _ := row[0].(time.Time)
		were, _ := row[1].(int64)
		gone, _ := row[2].(int64)
		news, _ := row[3].(int64)
		ended += news
		if 2*gone > were && news > 0 && !r.opt.FullRefresh {
			t.note("scd2.absent", "error", "the observations of %s lack %d of the %s before: more than half, so that this is hardly a full snapshot", at.UTC().Format(time.RFC3339), gone, plural(were, "key"))
			f := &t.rec.Findings[len(t.rec.Findings)-1]
			f.Rows = gone
			f.Hint = "on_absent: close takes the observations of one time for all that there is: let the model give those of a snapshot one " + t.Effective + ", or write on_absent: keep; if so many are gone, say so with --full-refresh"
			return false, nil
		}
	}
	if ended > 0 {
		t.note("scd2.absent", "info", "%s not in the next snapshot: closed", plural(ended, "key"))
	}
	nulls := make([]string, len(t.Track))
	for i, a := range t.Track {
		nulls[i] = "NULL AS " + d.Ident(a)
	}
	*once = fmt.Sprintf("SELECT %s, %s, false AS dq_gone FROM dq_snapshots UNION ALL SELECT %s, %s, dq_next, true FROM dq_snapshots WHERE dq_ends",
		columns, eff, keys, strings.Join(nulls, ", "))
	return true, nil
}

// contradictions notes observations of one key and time that differ.
func (r *run) contradictions(ctx context.Context, t *tableRun, s engine.Session) error {
	d := r.d
	var differ []string
	for _, a := range t.Track {
		id := d.Ident(a)
		differ = append(differ, fmt.Sprintf("min(%s) IS DISTINCT FROM max(%s) OR count(%s) NOT IN (0, count(*))", id, id, id))
	}
	keys := idents(d, "", append(append([]string{}, t.Keys...), t.Effective))
	sql := fmt.Sprintf("SELECT %s FROM dq_seen GROUP BY %s HAVING %s", keys, keys, strings.Join(differ, " OR "))
	n, err := count(ctx, s, "SELECT count(*) FROM ("+sql+") dq_q")
	if err != nil || n == 0 {
		return err
	}
	rows, err := s.Query(ctx, fmt.Sprintf("SELECT * FROM (%s) dq_q ORDER BY ALL LIMIT %d", sql, r.samples()))
	if err != nil {
		return err
	}
	holds := "the last by " + strings.Join(t.Order, ", ") + " holds"
	if len(t.Order) == 0 {
		holds = "the greatest value holds, since no order says which came later"
	}
	t.note("scd2.contradiction", "warn", "%s of a key with different values of %s: %s", plural(n, "time"), strings.Join(t.Track, ", "), holds)
	f := &t.rec.Findings[len(t.rec.Findings)-1]
	if len(t.Order) == 0 {
		f.Hint = "name the columns that tell the source order: order: [line]"
	}
	f.Rows, f.Sample = n, t.plan.Show(rows)
	return nil
}
