package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/dq-dev/dq/delta"
	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/expectations"
	"github.com/dq-dev/dq/record"
	"github.com/dq-dev/dq/table"
)

// stageRefused writes the refused rows with their reasons for the quarantine
// table; rows that only drop rules refused are counted and not kept. The relation
// kept has the other rows of the batch, or is "".
func (r *run) stageRefused(ctx context.Context, t *tableRun, s engine.Session, st *staged, kept, reasons string) error {
	if err := define(ctx, s, "dq_reasoned", reasons, true); err != nil {
		return err
	}
	held, err := r.attachQuarantine(ctx, t, s)
	if err != nil {
		return err
	}
	columns := idents(r.d, "", append(t.schema.Names(), expectations.ReasonsColumn))
	fresh := "SELECT " + columns + " FROM dq_reasoned WHERE NOT dq_drop"
	if held {
		// A row that is evaluated again, by a rebuild or a day that comes twice, is there once.
		fresh += " EXCEPT ALL SELECT " + columns + " FROM " + relHeld
	}
	stamped := fmt.Sprintf("SELECT dq_q.*, %s AS dq_run, CAST(%s AS TIMESTAMP WITH TIME ZONE) AS dq_at FROM (%s) dq_q",
		r.d.Literal(r.id), r.d.Literal(r.now.Format("2006-01-02 15:04:05.999999")+"+00"), fresh)
	q, err := r.quarantine(ctx, t)
	if err != nil {
		return err
	}
	files, _, err := r.write(ctx, s, r.where.Sub(quarantineFolder(t.Name)), engine.StageRequest{SQL: stamped, Schema: q.schema})
	if err != nil {
		return fmt.Errorf("quarantine: %w", err)
	}
	for _, f := range files {
		st.quarantine = append(st.quarantine, f.File)
	}
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
	return nil
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
	q := &quarantine{delta: delta.Open(r.where.Sub(quarantineFolder(t.Name)).Store()), schema: quarantineSchema(t.plain)}
	snap, err := q.delta.Snapshot(ctx, delta.Latest())
	if err == nil {
		q.snap = snap
		q.schema, err = snap.Mapped(q.schema)
	} else if errors.Is(err, delta.ErrNoTable) {
		err = nil
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
	return true, attach(ctx, s, relHeld, rel, false)
}

func quarantineSchema(s table.Schema) table.Schema {
	fields := slices.Clone(s.Fields)
	text := table.Type{Kind: table.String}
	return table.Schema{Fields: append(fields,
		table.Field{Name: "dq_reasons", Type: table.Type{Kind: table.Array, Elem: &text, ElemNullable: true}, Nullable: true},
		table.Field{Name: "dq_run", Type: text, Nullable: true},
		table.Field{Name: "dq_at", Type: table.Type{Kind: table.Timestamp}, Nullable: true})}
}
