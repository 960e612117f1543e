package pipeline

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/dq-dev/dq/delta"
	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/operations"
	"github.com/dq-dev/dq/table"
)

// replace stages a table whose rows have keys (merge and scd2). The rows of the
// keys that changed are made anew and compared with those that the table holds:
// equal rows stay where they are, the files of rows that go are rewritten
// without them, and rows that came are added.
//
// The changed keys are those that the model returns for the changed rows of the
// incremental table. When rows of it went, when the table holds rows that belong
// together with new ones, and for scd2 unless the new observations follow all
// earlier ones, the model is evaluated once more over the whole table for just
// those keys, so that the outcome is the same in every order of arrival.
func (r *run) replace(ctx context.Context, t *tableRun, s engine.Session, entry *ledgerEntry, incremental bool) error {
	d := r.d
	model := "SELECT * FROM (\n" + t.SQL + "\n) dq_model"
	var holds []table.File // of the table, those with rows of the keys
	if incremental {
		anew := t.gone || t.Mode == "scd2" && len(t.Together) == 0
		if !anew {
			if err := define(ctx, s, "dq_model_rows", model, true); err != nil {
				return err
			}
			model = "SELECT * FROM dq_model_rows"
		}
		if err := define(ctx, s, relKeys, "SELECT DISTINCT "+idents(d, "", t.scope())+" FROM ("+model+") dq_q", true); err != nil {
			return err
		}
		var err error
		if holds, err = r.holding(ctx, t, s); err != nil {
			return err
		}
		switch {
		case anew:
		case t.nullKeys && t.Mode == "merge":
			anew = true // which of them the model returns may depend on those of earlier batches
			t.note("merge.null_keys", "info", "rows have no value in (%s): all such are made anew from all of %s", strings.Join(t.scope(), ", "), t.Incremental)
		case t.Mode == "scd2":
			if t.follows, err = r.follows(ctx, t, s); err != nil {
				return err
			}
			anew = !t.follows
		case len(t.Together) > 0:
			if anew, err = r.joins(ctx, t, s, holds); err != nil {
				return err
			}
		}
		if t.follows {
			if model, err = r.onward(ctx, t, s, holds); err != nil {
				return err
			}
		}
		if t.anew = anew; anew {
			if err := attach(ctx, s, t.Incremental, r.tables[t.Incremental].current, false); err != nil {
				return err
			}
			of, err := r.ofKeys(ctx, t, s)
			if err != nil {
				return err
			}
			model = fmt.Sprintf("SELECT dq_m.* FROM (\n%s\n) dq_m WHERE %s", t.SQL, of)
		}
	}
	if t.Mode == "scd2" {
		if ok, err := r.history(ctx, t, s, &model, !incremental); err != nil || !ok {
			return err
		}
	}
	return r.stageReplacement(ctx, t, s, model, t.identity(), incremental, holds, entry)
}

// scope is the columns whose values say which rows a batch makes anew.
func (t *Table) scope() []string {
	if t.Mode == "merge" && len(t.Together) > 0 {
		return t.Together
	}
	return t.Keys
}

// inScope is SQL that is true for rows of a relation dq_t that a batch makes anew.
func (r *run) inScope(t *tableRun) string {
	return fmt.Sprintf("EXISTS (SELECT 1 FROM dq_keys dq_k WHERE %s)", r.ofKey(t, "dq_t."))
}

// ofKey is SQL that is true for a row whose key is dq_k's. Rows without a value in it
// are one more key where rows are made anew: left out, they would be neither published
// nor refused. A table holds none, only its quarantine does.
func (r *run) ofKey(t *tableRun, row string) string {
	if t.nullKeys && t.anew {
		return same(r.d, "dq_k.", row, t.scope())
	}
	return equal(r.d, "dq_k.", row, t.scope())
}

// joins reports whether new rows belong together with rows of earlier batches:
// those that the files of the table hold, or those that its quarantine does.
func (r *run) joins(ctx context.Context, t *tableRun, s engine.Session, holds []table.File) (bool, error) {
	held, err := r.attachQuarantine(ctx, t, s)
	if err != nil {
		return false, err
	}
	from := []string{}
	if len(holds) > 0 {
		was := t.current
		was.schema, was.files = t.schema, holds
		if err := attach(ctx, s, relTarget, was, true); err != nil {
			return false, err
		}
		from = append(from, relTarget)
	}
	if held {
		from = append(from, relHeld)
	}
	if len(from) == 0 {
		return false, nil
	}
	columns := idents(r.d, "dq_t.", t.scope())
	for i, name := range from {
		from[i] = "SELECT DISTINCT " + columns + " FROM " + name + " dq_t WHERE " + r.inScope(t)
	}
	n, err := count(ctx, s, "SELECT count(*) FROM ("+strings.Join(from, " UNION ")+") dq_q")
	if err != nil || n == 0 {
		return false, err
	}
	t.note("merge.together", "info", "%s of (%s) go on from earlier batches: their rows are made anew from all of %s",
		plural(n, "value"), strings.Join(t.Together, ", "), t.Incremental)
	return true, nil
}

// maxListed is the largest number of keys that are listed in a statement.
const maxListed = 5000

// ofKeys is SQL that is true for rows of a relation dq_m whose keys are in dq_keys. A few keys
// of one column are listed: unlike a look into a table, an engine carries a
// list down through the groups and windows of a model, to the files it reads.
func (r *run) ofKeys(ctx context.Context, t *tableRun, s engine.Session) (string, error) {
	among := fmt.Sprintf("EXISTS (SELECT 1 FROM dq_keys dq_k WHERE %s)", r.ofKey(t, "dq_m."))
	f, ok := t.schema.Field(t.scope()[0])
	if t.nullKeys || len(t.scope()) > 1 || !ok || f.Type.Kind != table.String && f.Type.Kind != table.Int64 && f.Type.Kind != table.Int32 {
		return among, nil
	}
	key := r.d.Ident(t.scope()[0])
	rows, err := s.Query(ctx, fmt.Sprintf("SELECT %s FROM dq_keys WHERE %s IS NOT NULL LIMIT %d", key, key, maxListed+1))
	if err != nil || len(rows.Values) == 0 || len(rows.Values) > maxListed {
		return among, err
	}
	list := make([]string, len(rows.Values))
	for i, row := range rows.Values {
		switch v := row[0].(type) {
		case string:
			list[i] = r.d.Literal(v)
		case int64:
			list[i] = strconv.FormatInt(v, 10)
		default:
			return among, nil
		}
	}
	sort.Strings(list)
	return "dq_m." + key + " IN (" + strings.Join(list, ", ") + ")", nil
}

// stageReplacement compares the model's rows with the table's and stages the difference.
func (r *run) stageReplacement(ctx context.Context, t *tableRun, s engine.Session, model string, identity []string, incremental bool, holds []table.File, entry *ledgerEntry) error {
	d := r.d
	columns := idents(d, "", t.schema.Names())
	if err := r.judgeBatch(ctx, t, s, model, "", ""); err != nil {
		return err
	}
	if err := define(ctx, s, relRows, "SELECT "+columns+" FROM dq_batch WHERE dq_keep", false); err != nil {
		return err
	}
	if ok, err := r.keyed(ctx, t, s, identity); err != nil || !ok {
		return err
	}
	st := &staged{entry: entry}
	returned, refused, err := counted(ctx, s)
	if err != nil {
		return err
	}
	st.counts.Returned = returned

	added, schema := "SELECT "+columns+" FROM dq_rows", t.schema
	switch {
	case len(t.current.files) == 0:
		// Not as many as the files hold: those are held against this in the end.
		st.counts.Published = st.counts.Returned - refused
	case !incremental && !sameColumns(t.snap.Schema(), t.schema):
		// Files of other columns or types cannot stay.
		st.removes = t.current.files
		st.counts.Removed = liveRows(st.removes)
		st.counts.Published = st.counts.Returned - refused
	default:
		if added, schema, err = r.compare(ctx, t, s, st, identity, incremental, holds, refused); err != nil {
			return err
		}
	}
	if st.counts.Published > 0 || len(st.removes) > 0 || len(t.current.files) == 0 {
		files, _, err := r.write(ctx, s, t.current.where, engine.StageRequest{SQL: added, Schema: schema, PartitionBy: t.PartitionBy})
		if err != nil {
			return err
		}
		for _, f := range files {
			st.adds = append(st.adds, f.File)
		}
	}
	st.counts.Unchanged = st.counts.Returned - refused - st.counts.Published
	again := "true"
	if incremental {
		again = r.inScope(t)
	}
	if err := r.stageRefused(ctx, t, s, st, refused, relRows, refusedRows, again); err != nil {
		return err
	}
	if len(st.adds) == 0 && len(st.removes) == 0 && st.quarantine.empty() && st.counts.Dropped == 0 {
		t.heldAlready(st.counts)
		t.rec.Counts = st.counts
		t.rec.Counts.Total = liveRows(t.current.files)
		return nil
	}
	if err := r.compact(ctx, t, s, st); err != nil {
		return err
	}
	r.becomes(t, st)
	return nil
}

// compare finds which rows of the table go (relOut) and in which files they
// are. It returns the SELECT of what the new files hold, and its columns: rows that
// came, and the other rows of rewritten files.
func (r *run) compare(ctx context.Context, t *tableRun, s engine.Session, st *staged, identity []string, incremental bool, holds []table.File, refused int64) (string, table.Schema, error) {
	d := r.d
	names := t.schema.Names()
	columns := idents(d, "", names)
	rest := others(names, identity)
	was := t.current
	was.schema = t.schema
	scope := "true"
	var err error
	if incremental {
		if scope = r.inScope(t); t.follows {
			scope += " AND dq_t." + isCurrent
		}
		if was.files = holds; len(holds) == 0 {
			st.counts.Published = st.counts.Returned - refused
			return "SELECT " + columns + " FROM dq_rows", t.schema, nil
		}
	}
	if err := attach(ctx, s, relTarget, was, true); err != nil {
		return "", t.schema, err
	}
	out := fmt.Sprintf(`SELECT dq_t.* FROM dq_target dq_t WHERE %s AND NOT EXISTS (SELECT 1 FROM dq_rows dq_n WHERE %s AND %s)`,
		scope, equal(d, "dq_n.", "dq_t.", identity), same(d, "dq_n.", "dq_t.", rest))
	if err := define(ctx, s, relOut, out, true); err != nil {
		return "", t.schema, err
	}
	came := fmt.Sprintf(`SELECT %s FROM dq_rows dq_n WHERE NOT EXISTS (SELECT 1 FROM dq_target dq_t WHERE %s AND %s)`,
		idents(d, "dq_n.", names), equal(d, "dq_n.", "dq_t.", identity), same(d, "dq_n.", "dq_t.", rest))
	if err := define(ctx, s, "dq_came", came, true); err != nil {
		return "", t.schema, err
	}
	if st.counts.Published, err = count(ctx, s, "SELECT count(*) FROM dq_came"); err != nil {
		return "", t.schema, err
	}
	touched, err := s.Query(ctx, "SELECT "+d.Ident(engine.FileColumn)+", count(*) FROM dq_out GROUP BY 1 ORDER BY 1")
	if err != nil {
		return "", t.schema, err
	}
	files := map[string]bool{}
	for _, row := range touched.Values {
		files[row[0].(string)] = true
		n, _ := row[1].(int64)
		st.counts.Removed += n
	}
	for _, f := range t.current.files {
		if files[f.Path] {
			st.removes = append(st.removes, f)
		}
	}
	added := "SELECT " + columns + " FROM dq_came"
	if st.counts.Removed > 0 && t.Mode == "merge" {
		left, err := count(ctx, s, "SELECT count(*) FROM dq_out dq_o WHERE NOT EXISTS (SELECT 1 FROM dq_rows dq_n WHERE "+equal(d, "dq_n.", "dq_o.", identity)+")")
		if err != nil {
			return "", t.schema, err
		}
		if left > 0 {
			t.note("merge.left", "info", "%s left the table: the model does not return their keys any more, or their newer values were refused", plural(left, "row"))
		}
	}
	if len(st.removes) == 0 {
		return added, t.schema, nil
	}
	was.files = st.removes
	kept, err := r.attachKept(ctx, t, s, was)
	if err != nil {
		return "", t.schema, err
	}
	if kept != nil { // a row that takes the place of another has its id
		keys := idents(d, "dq_t.", identity)
		id := d.Ident(kept[0].Name)
		added = fmt.Sprintf(`SELECT %[1]s%[2]s FROM dq_came dq_c LEFT JOIN (SELECT %[3]s, min(dq_t.%[4]s) AS %[4]s FROM dq_touched dq_t WHERE EXISTS (SELECT 1 FROM dq_out dq_o WHERE %[5]s) GROUP BY %[3]s) dq_i ON %[6]s`,
			idents(d, "dq_c.", names), kept.Changed(d, "dq_i."), keys, id, equal(d, "dq_o.", "dq_t.", identity), equal(d, "dq_i.", "dq_c.", identity))
	}
	added += fmt.Sprintf(" UNION ALL SELECT %s%s FROM dq_touched dq_t WHERE NOT EXISTS (SELECT 1 FROM dq_out dq_o WHERE %s)",
		idents(d, "dq_t.", names), kept.Moved(d, "dq_t."), equal(d, "dq_o.", "dq_t.", identity))
	return added, kept.With(t.schema), nil
}

// attachKept makes relTouched: rows that are to be written to other files. Where the
// table tracks its rows, and can keep their ids there, it has these too.
func (r *run) attachKept(ctx context.Context, t *tableRun, s engine.Session, rel relation) (operations.Tracking, error) {
	const stored = relTouched + "_stored"
	kept, err := operations.TrackingOf(t.snap)
	if err != nil || kept == nil { // an error closes the gate, see [run.obey]
		return nil, attach(ctx, s, relTouched, rel, false)
	}
	with := rel
	with.schema = kept.With(rel.schema)
	if err := attach(ctx, s, stored, with, true); err != nil {
		return nil, err
	}
	sql, err := kept.Rows(r.d, t.snap, stored, rel.schema.Names(), rel.files)
	if err != nil {
		return nil, err
	}
	return kept, define(ctx, s, relTouched, sql, false)
}

// holding finds the table's files that hold rows of the changed keys: by their
// statistics, then by the key columns alone. Keys that grow with time, as numbers
// of invoices do, are looked for in the newest files only, however long the
// table's history is.
func (r *run) holding(ctx context.Context, t *tableRun, s engine.Session) ([]table.File, error) {
	was := t.current
	was.schema = t.schema
	within, whole, err := r.bounds(ctx, s, relKeys, t.schema, t.scope())
	if err != nil {
		return nil, err
	}
	t.nullKeys = !whole
	if was.files, err = t.snap.Prune(was.files, within...); err != nil || len(was.files) == 0 {
		return nil, err
	}
	if err := attach(ctx, s, relTarget, was, true); err != nil {
		return nil, err
	}
	found, err := s.Query(ctx, "SELECT DISTINCT "+r.d.Ident(engine.FileColumn)+" FROM dq_target dq_t WHERE "+r.inScope(t))
	if err != nil {
		return nil, err
	}
	holds := map[string]bool{}
	for _, row := range found.Values {
		holds[row[0].(string)] = true
	}
	return slices.DeleteFunc(was.files, func(f table.File) bool { return !holds[f.Path] }), nil
}

// bounds are predicates that say between which values the columns of a relation
// lie, for those whose types have a use for it, and whether none of them is null.
func (r *run) bounds(ctx context.Context, s engine.Session, relation string, schema table.Schema, columns []string) ([]delta.Predicate, bool, error) {
	asks := []string{"count(*)"}
	for _, c := range columns {
		asks = append(asks, fmt.Sprintf("count(%[1]s), min(%[1]s), max(%[1]s)", r.d.Ident(c)))
	}
	rows, err := s.Query(ctx, "SELECT "+strings.Join(asks, ", ")+" FROM "+r.d.Relation(relation))
	if err != nil {
		return nil, false, err
	}
	numbers, whole := rows.Values[0], true
	var within []delta.Predicate
	for i, c := range columns {
		whole = whole && numbers[1+3*i] == numbers[0]
		f, _ := schema.Field(c)
		for j, op := range []delta.Op{delta.GreaterOrEqual, delta.LessOrEqual} {
			text := ""
			switch v := numbers[2+3*i+j].(type) {
			case string:
				text = v
			case int64:
				text = strconv.FormatInt(v, 10)
			case time.Time:
				if f.Type.Kind != table.Date {
					continue
				}
				text = v.Format(time.DateOnly)
			default:
				continue
			}
			within = append(within, delta.Predicate{Path: []string{c}, Op: op, Values: []string{text}})
		}
	}
	return within, whole, nil
}

// keyed checks that the rows' identities are whole and occur once; otherwise
// the table is refused, with a finding that shows some.
func (r *run) keyed(ctx context.Context, t *tableRun, s engine.Session, identity []string) (bool, error) {
	d := r.d
	nulls := make([]string, len(identity))
	for i, k := range identity {
		nulls[i] = d.Ident(k) + " IS NULL"
	}
	keys := idents(d, "", identity)
	checks := []struct{ rule, noun, sql, message, hint string }{
		{"keys.null", "row", fmt.Sprintf("SELECT %s FROM dq_rows WHERE %s", idents(d, "", t.schema.Names()), strings.Join(nulls, " OR ")),
			"has no value in a key column (" + strings.Join(identity, ", ") + ")", "leave such rows out in the model, or give them a key"},
		{"keys.repeated", "value", fmt.Sprintf("SELECT %s, count(*) AS times FROM dq_rows GROUP BY %s HAVING count(*) > 1", keys, keys),
			"of (" + strings.Join(identity, ", ") + ") comes more than once",
			"choose in the model which row counts, such as QUALIFY row_number() OVER (PARTITION BY " + strings.Join(identity, ", ") + " ORDER BY _file DESC, _line DESC) = 1"},
	}
	numbers, err := s.Query(ctx, fmt.Sprintf("SELECT (SELECT count(*) FROM (%s) dq_q), (SELECT count(*) FROM (%s) dq_q)", checks[0].sql, checks[1].sql))
	if err != nil {
		return false, err
	}
	for i, c := range checks {
		n, _ := numbers.Values[0][i].(int64)
		if n == 0 {
			continue
		}
		rows, err := s.Query(ctx, fmt.Sprintf("SELECT * FROM (%s) dq_q ORDER BY ALL LIMIT %d", c.sql, r.samples()))
		if err != nil {
			return false, err
		}
		t.note(c.rule, "error", "%s of the model's result %s", plural(n, c.noun), c.message)
		f := &t.rec.Findings[len(t.rec.Findings)-1]
		f.Rows, f.Sample = n, t.plan.Show(rows)
		f.Position = t.Model
		f.Hint = c.hint
		return false, nil
	}
	return true, nil
}

func others(names, without []string) []string {
	var out []string
	for _, n := range names {
		skip := false
		for _, w := range without {
			skip = skip || w == n
		}
		if !skip {
			out = append(out, n)
		}
	}
	return out
}
