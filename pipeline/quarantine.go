package pipeline

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path"
	"slices"
	"strings"

	"github.com/dq-dev/dq/delta"
	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/expectations"
	"github.com/dq-dev/dq/record"
	"github.com/dq-dev/dq/table"
)

// quarantineChange is what a batch changes about the quarantine table, which holds the
// rows that are refused as things stand: those of a batch come, and those that the
// batch evaluates anew go.
type quarantineChange struct {
	adds, removes []table.File
	before, after int64 // its rows, and how many it has to have then
}

func (c *quarantineChange) empty() bool { return len(c.adds) == 0 && len(c.removes) == 0 }

// stageRefused stages what a batch changes about the quarantine table. refused is how
// many rows of the batch a rule refuses, reasons a SELECT of them; rows that only drop
// rules refuse are counted and not kept. The relation kept has the other rows of the
// batch, or is "". again is a condition on rows dq_t of the quarantine: that the batch
// evaluates anew what they were made of, so that each is there once in the end,
// however often the batch comes and however rows are dealt out to batches.
func (r *run) stageRefused(ctx context.Context, t *tableRun, s engine.Session, st *staged, refused int64, kept, reasons, again string) error {
	columns := idents(r.d, "", append(t.schema.Names(), expectations.ReasonsColumn))
	if refused > 0 {
		if err := define(ctx, s, "dq_reasoned", reasons, true); err != nil {
			return err
		}
		var err error
		if st.taken, err = t.plan.Take(ctx, s, r.d, kept, "dq_reasoned", st.counts.Returned, r.samples()); err != nil {
			return err
		}
		st.counts.Dropped, st.counts.Quarantined = st.taken.Dropped, st.taken.Quarantined
		t.rec.Quarantine = &record.Quarantine{Table: "quarantine." + t.Name, Rows: st.counts.Quarantined, ByRule: st.taken.ByRule}
		sample, err := s.Query(ctx, fmt.Sprintf("SELECT %s FROM dq_reasoned LIMIT %d", columns, r.samples()))
		if err != nil {
			return err
		}
		t.rec.Quarantine.Sample = t.plan.Show(sample)
	}
	now := "SELECT " + columns + " FROM dq_reasoned WHERE NOT dq_drop"
	q, err := r.quarantine(ctx, t)
	if err != nil {
		return err
	}
	c, left, held := &st.quarantine, int64(0), q.snap != nil
	if held && again != "true" {
		gone, err := r.unpublished(ctx, t)
		if err != nil {
			return err
		}
		if len(gone) > 0 {
			again = fmt.Sprintf("(coalesce(%s, false) OR dq_t.dq_run IN (%s))", again, strings.Join(gone, ", "))
		}
	}
	if held && again == "true" && !extends(q.snap.Schema(), q.schema) {
		// Files of other columns or types cannot stay, nor be compared.
		if c.removes, err = filesOf(ctx, q.snap); err != nil {
			return err
		}
		c.before, held = liveRows(c.removes), false
	}
	if held {
		if _, err := r.attachQuarantine(ctx, t, s); err != nil {
			return err
		}
		of := " FROM " + relHeld + " dq_t WHERE " + again
		gone := "SELECT " + columns + of
		if refused > 0 {
			gone += " EXCEPT ALL " + now
		}
		numbers, err := s.Query(ctx, fmt.Sprintf("SELECT (SELECT count(*) FROM %s), (SELECT count(*)%s), (SELECT count(*) FROM (%s) dq_q)", relHeld, of, gone))
		if err != nil {
			return err
		}
		c.before, _ = numbers.Values[0][0].(int64)
		anew, _ := numbers.Values[0][1].(int64)
		left, _ = numbers.Values[0][2].(int64)
		c.after = c.before - anew
	}
	c.after += st.counts.Quarantined
	var parts []string
	if st.counts.Quarantined > 0 {
		if held && left == 0 {
			now += " EXCEPT ALL SELECT " + columns + " FROM " + relHeld + " dq_t WHERE " + again
		}
		parts = append(parts, fmt.Sprintf("SELECT dq_q.*, %s AS dq_run, CAST(%s AS TIMESTAMP WITH TIME ZONE) AS dq_at FROM (%s) dq_q",
			r.d.Literal(r.id), r.d.Literal(r.now.Format("2006-01-02 15:04:05.999999")+"+00"), now))
	}
	if left > 0 {
		// The files that hold rows of before are written anew, with the others of their rows.
		if c.removes, err = r.heldIn(ctx, s, q, again); err != nil {
			return err
		}
		names := make([]string, len(c.removes))
		for i, f := range c.removes {
			names[i] = r.d.Literal(f.Path)
		}
		parts = append(parts, fmt.Sprintf("SELECT %s FROM %s dq_t WHERE %s IN (%s) AND NOT coalesce(%s, false)",
			idents(r.d, "dq_t.", q.schema.Names()), relHeld, r.d.Ident(engine.FileColumn), strings.Join(names, ", "), again))
		t.note("quarantine", "info", "%s left the quarantine: what they were made of came again", plural(left, "row"))
	}
	if len(c.removes) > 0 && q.snap.Properties()["delta.appendOnly"] == "true" {
		return fmt.Errorf("quarantine: rows would leave it, and rows may only be added to it (delta.appendOnly): dq table alter %s --set delta.appendOnly=false", r.where.Sub(quarantineFolder(t.Name)))
	}
	if len(parts) == 0 {
		return nil
	}
	files, _, err := r.write(ctx, s, r.where.Sub(quarantineFolder(t.Name)), engine.StageRequest{SQL: strings.Join(parts, " UNION ALL "), Schema: q.schema})
	if err != nil {
		return fmt.Errorf("quarantine: %w", err)
	}
	for _, f := range files {
		c.adds = append(c.adds, f.File)
	}
	return nil
}

// unpublished are the runs, as literals, that meant to bring batches which the table does
// not have: it was restored to a version before them, or another writer's commit came
// between that of its quarantine and its own. What they were made of comes again.
func (r *run) unpublished(ctx context.Context, t *tableRun) ([]string, error) {
	names, err := r.state.ledgerNames(ctx, t.Name, t.nextBatch(), math.MaxInt64)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, of := range names {
		for _, name := range of {
			_, id, _ := strings.Cut(strings.TrimSuffix(path.Base(name), ".json"), "-")
			out = append(out, r.d.Literal(id))
		}
	}
	slices.Sort(out)
	return out, nil
}

// heldIn is the files of the quarantine that hold rows for which a condition is true.
func (r *run) heldIn(ctx context.Context, s engine.Session, q *quarantine, condition string) ([]table.File, error) {
	rows, err := s.Query(ctx, fmt.Sprintf("SELECT DISTINCT %s FROM %s dq_t WHERE %s", r.d.Ident(engine.FileColumn), relHeld, condition))
	if err != nil {
		return nil, err
	}
	holds := map[any]bool{}
	for _, row := range rows.Values {
		holds[row[0]] = true
	}
	files, err := filesOf(ctx, q.snap)
	return slices.DeleteFunc(files, func(f table.File) bool { return !holds[f.Path] }), err
}

// heldAlready notes that a batch changes nothing because what it has was refused before.
func (t *tableRun) heldAlready(c record.Counts) {
	if n := c.Quarantined + c.Dropped; n > 0 {
		t.note("quarantine", "warn", "%s of what came again were refused as before", plural(n, "row"))
	}
}

// quarantine is the table of refused rows as this run finds it.
type quarantine struct {
	delta  *delta.Table
	snap   *delta.Snapshot // nil without a table
	schema table.Schema    // what the next version has
}

// quarantine opens the quarantine of a table, once in a run.
func (r *run) quarantine(ctx context.Context, t *tableRun) (*quarantine, error) {
	if t.refused != nil {
		return t.refused, nil
	}
	where := quarantineFolder(t.Name)
	q := &quarantine{delta: delta.Open(r.where.Sub(where).Store()), schema: quarantineSchema(t.plain)}
	snap, err := q.delta.Snapshot(ctx, delta.Latest())
	if err == nil {
		q.snap = snap
		if err = snap.Writable("columnMapping"); err == nil { // not only when the run has decided to publish
			if q.schema, err = snap.Mapped(q.schema); errors.Is(err, delta.ErrInvalid) {
				err = &ConfigError{fmt.Errorf("%w (%s)", err, mapIt(r.where.Sub(where)))}
			}
		}
	} else if errors.Is(err, delta.ErrNoTable) {
		q.schema, err = q.delta.Mapped(q.schema)
	}
	if err != nil {
		return nil, fmt.Errorf("quarantine: %w", err)
	}
	t.refused = q
	return q, nil
}

// attachQuarantine makes the rows that the table's quarantine holds readable; false when it has none.
func (r *run) attachQuarantine(ctx context.Context, t *tableRun, s engine.Session) (bool, error) {
	q, err := r.quarantine(ctx, t)
	if err != nil || q.snap == nil {
		return false, err
	}
	files, err := filesOf(ctx, q.snap)
	if err != nil {
		return false, fmt.Errorf("quarantine: %w", err)
	}
	rel := relation{where: r.where.Sub(quarantineFolder(t.Name)), schema: q.schema, files: files, byID: q.snap.ColumnMapping() == "id"}
	return true, attach(ctx, s, relHeld, rel, true)
}

func quarantineSchema(s table.Schema) table.Schema {
	fields := slices.Clone(s.Fields)
	text := table.Type{Kind: table.String}
	return table.Schema{Fields: append(fields,
		table.Field{Name: "dq_reasons", Type: table.Type{Kind: table.Array, Elem: &text, ElemNullable: true}, Nullable: true},
		table.Field{Name: "dq_run", Type: text, Nullable: true},
		table.Field{Name: "dq_at", Type: table.Type{Kind: table.Timestamp}, Nullable: true})}
}
