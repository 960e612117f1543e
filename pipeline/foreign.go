package pipeline

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/operations"
	"github.com/dq-dev/dq/table"
)

// A table of the pipeline may be made or altered by others, too. What its log then
// asks of whoever writes rows, a run sees to here, or it says why it cannot.

// upheld are the features of [delta.Txn.Upholds]: a run finds columns as the log
// says, [run.obliged] takes no columns whose values the table gives out, and
// [run.obey] refuses what breaks a rule.
var upheld = []string{"columnMapping", "checkConstraints", "invariants", "generatedColumns", "allowColumnDefaults", "identityColumns", "rowTracking"}

// obliged works out what the table's log asks of the rows that come. It is an error
// if a run cannot see to all of it.
func (r *run) obliged(t *tableRun) error {
	if t.snap == nil {
		return nil
	}
	err := t.snap.Writable(upheld...)
	if err == nil {
		brings := t.schema
		if t.Source != nil { // a file may come without any of them
			brings.Fields = slices.DeleteFunc(slices.Clone(brings.Fields), operations.Made)
		}
		t.rules, err = operations.Rules(r.d, t.snap, brings)
	}
	if err != nil {
		return wrong(t.node, "the log of "+t.current.where.String()+" asks it of whoever writes to the table", "%v", err)
	}
	return nil
}

// countRows gives files of which the log does not say how many rows they have, as
// writers may leave that out, the number that they have. What a batch changes, and
// whether it does, is told by numbers of rows.
func (r *run) countRows(ctx context.Context, rel relation) error {
	unknown := map[string]int{}
	of := rel
	of.files = nil
	for i, f := range rel.files {
		if f.Stats == nil {
			unknown[f.Path] = i
			of.files = append(of.files, f)
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	s, err := r.eng.Small(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	if err := attach(ctx, s, relTarget, of, true); err != nil {
		return err
	}
	rows, err := s.Query(ctx, fmt.Sprintf("SELECT %[1]s, count(*) FROM %[2]s GROUP BY %[1]s", r.d.Ident(engine.FileColumn), relTarget))
	if err != nil {
		return err
	}
	for _, i := range unknown {
		f := &rel.files[i]
		f.Stats = &table.Stats{}
		if f.Deleted != nil {
			f.Stats.Rows = f.Deleted.Cardinality
		}
	}
	for _, row := range rows.Values {
		path, _ := row[0].(string)
		n, _ := row[1].(int64)
		if i, ok := unknown[path]; ok {
			rel.files[i].Stats.Rows += n
		}
	}
	return nil
}

// kept gives columns what the log says of them and a model does not: that they must
// not be null, expressions, defaults, and what other writers noted.
func kept(was, next []table.Field) []table.Field {
	next = slices.Clone(next)
	for i, f := range next {
		at := slices.IndexFunc(was, func(o table.Field) bool { return strings.EqualFold(o.Name, f.Name) })
		if at < 0 {
			continue
		}
		old := was[at]
		next[i].Nullable = old.Nullable
		next[i].Type = f.Type.After(old.Type, kept)
		if len(old.Meta) == 0 {
			continue
		}
		next[i].Meta = maps.Clone(old.Meta)
		delete(next[i].Meta, "comment") // these are the suite's to say
		delete(next[i].Meta, "dq.tags")
		if !next[i].Type.Equal(old.Type) {
			delete(next[i].Meta, "delta.typeChanges") // of another type
			delete(next[i].Meta, "__CHAR_VARCHAR_TYPE_STRING")
		}
		maps.Copy(next[i].Meta, f.Meta)
	}
	return next
}

// obey holds what was staged against the rules of the table's log, and stages the
// change data feed if the table keeps one. What the log does not allow is a finding
// that closes the gate.
func (r *run) obey(ctx context.Context, t *tableRun, s engine.Session) error {
	st := t.staged
	if st == nil || t.snap == nil {
		return nil
	}
	props := t.snap.Properties()
	if props["delta.appendOnly"] == "true" && len(st.removes) > 0 {
		t.note("table.append_only", "error", "%s would be changed or go, and rows may only be added to the table (delta.appendOnly)", plural(st.counts.Removed, "row"))
		t.hint("change the mode to append, or allow it: dq table alter %s --set delta.appendOnly=false", t.current.where)
	}
	moves := len(st.adds) > 0 && len(st.removes) > 0 && (t.byKey() || !t.rewrites) // where all rows are made anew, none stays
	if moves && props["delta.enableRowTracking"] == "true" {
		// Rows that are replaced one by one keep theirs, see [run.compare].
		if _, err := operations.TrackingOf(t.snap); err != nil {
			t.note("table.row_tracking", "error", "rows that stay would move to other files, and lose their ids: %v", err)
			t.hint("no longer keep them: dq table alter %s --set delta.enableRowTracking=false", t.current.where)
		} else if st.came != "" { // with rows of a source's file come others that only move
			t.note("table.row_tracking", "error", "files were rewritten at their source: rows of others, which stay, would move to new files of the table, and lose the ids that it keeps for them (delta.enableRowTracking)")
			t.hint("make all rows anew, with new ids: dq run --full-refresh; or no longer keep them: dq table alter %s --set delta.enableRowTracking=false", t.current.where)
		}
	}
	feed := moves && props["delta.enableChangeDataFeed"] == "true"
	if len(st.adds) == 0 || len(t.rules) == 0 && !feed {
		return nil
	}
	if err := attach(ctx, s, relNew, t.holds(st.adds), true); err != nil {
		return err
	}
	if err := r.rulesHold(ctx, t, s); err != nil {
		return err
	}
	if feed {
		return r.feed(ctx, t, s)
	}
	return nil
}

// byKey reports whether a batch replaces rows one by one.
func (t *Table) byKey() bool { return t.Mode == "merge" || t.Mode == "scd2" }

// rulesHold looks for rows of relNew that break a rule of the log.
func (r *run) rulesHold(ctx context.Context, t *tableRun, s engine.Session) error {
	if len(t.rules) == 0 {
		return nil
	}
	asks := make([]string, len(t.rules))
	for i, rule := range t.rules {
		asks[i] = "count(CASE WHEN NOT coalesce((" + rule.SQL + "), false) THEN 1 END)"
	}
	numbers, err := s.Query(ctx, "SELECT "+strings.Join(asks, ", ")+" FROM "+relNew)
	if err != nil {
		return err
	}
	for i, rule := range t.rules {
		n, _ := numbers.Values[0][i].(int64)
		if n == 0 {
			continue
		}
		rows, err := s.Query(ctx, fmt.Sprintf("SELECT %s FROM %s WHERE NOT coalesce((%s), false) LIMIT %d", idents(r.d, "", t.schema.Names()), relNew, rule.SQL, r.samples()))
		if err != nil {
			return err
		}
		t.note("table.rule", "error", "%s", rule.Broken(n))
		f := &t.rec.Findings[len(t.rec.Findings)-1]
		f.Rows, f.Sample = n, t.plan.Show(rows)
		f.Hint = "the table's log says so, whoever writes to it: dq table show " + t.current.where.String()
	}
	return nil
}

// changeFolder is where files of the change data feed lie, below the table (PROTOCOL.md,
// "Change Data Files").
const changeFolder = "_change_data"

// feed stages the rows that the batch changes for the change data feed: those that
// only move to another file are none.
func (r *run) feed(ctx context.Context, t *tableRun, s engine.Session) error {
	const relWent, gone, come = "dq_went", "dq_feed_gone", "dq_feed_come"
	was := t.before
	was.schema, was.files = t.schema, t.staged.removes
	if err := attach(ctx, s, relWent, was, false); err != nil {
		return err
	}
	columns := idents(r.d, "", t.schema.Names())
	for _, part := range [][3]string{{gone, relWent, relNew}, {come, relNew, relWent}} {
		if err := define(ctx, s, part[0], fmt.Sprintf("SELECT %[1]s FROM %[2]s EXCEPT ALL SELECT %[1]s FROM %[3]s", columns, part[1], part[2]), true); err != nil {
			return err
		}
	}
	kind := func(alone, paired, other string) string {
		if !t.byKey() {
			return r.d.Literal(alone)
		}
		return fmt.Sprintf("CASE WHEN EXISTS (SELECT 1 FROM %s dq_o WHERE %s) THEN %s ELSE %s END", other, equal(r.d, "dq_o.", "dq_r.", t.identity()), r.d.Literal(paired), r.d.Literal(alone))
	}
	sql := fmt.Sprintf("SELECT %[1]s, %[2]s AS _change_type FROM %[3]s dq_r UNION ALL SELECT %[1]s, %[4]s AS _change_type FROM %[5]s dq_r",
		idents(r.d, "dq_r.", t.schema.Names()), kind("delete", "update_preimage", come), gone, kind("insert", "update_postimage", gone), come)
	schema := table.Schema{Fields: append(slices.Clone(t.schema.Fields), table.Field{Name: "_change_type", Type: table.Type{Kind: table.String}, Nullable: true})}
	root, err := t.current.where.Dir()
	if err != nil {
		return err
	}
	files, returned, err := s.Stage(ctx, engine.StageRequest{SQL: sql, Schema: schema, PartitionBy: t.PartitionBy, Root: root, Dir: changeFolder + "/" + r.id})
	if err != nil {
		return fmt.Errorf("change data feed: %w", err)
	}
	for _, f := range files {
		t.staged.changes = append(t.staged.changes, f.File)
	}
	if held := liveRows(t.staged.changes); held != returned {
		return fmt.Errorf("change data feed: %s changed, but its files hold %d", plural(returned, "row"), held)
	}
	return nil
}

// identity is the columns whose values no two rows of the table have together.
func (t *Table) identity() []string {
	if t.Mode == "scd2" {
		return append(slices.Clone(t.Keys), validFrom)
	}
	return t.Keys
}

// hint says what to do about the finding that was noted last.
func (t *tableRun) hint(format string, args ...any) {
	t.rec.Findings[len(t.rec.Findings)-1].Hint = fmt.Sprintf(format, args...)
}
