package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/lineage"
	"github.com/dq-dev/dq/record"
	"github.com/dq-dev/dq/table"
)

// query runs the SELECT over data, which it calls t. Its rows are kept in a file, since a
// profile looks at them more than once. Memory is bounded: the engine streams them there.
func (p *profiled) query(ctx context.Context, d *data) (*seen, error) {
	say, sql := p.eng.Dialect(), p.sql
	var findings []record.Finding
	var err error
	if d.snap != nil {
		sql, err = d.asked(ctx, p.session, say, sql)
	} else {
		findings, err = d.attachRows(ctx, p.session, say, p.opts)
	}
	if err != nil || d.broken != nil {
		return &seen{data: d}, d.named(ctx, p.session, say, err)
	}
	plan, err := bindAsked(ctx, p.session, p.sql)
	if err != nil {
		return nil, err
	}
	hidden, err := personalIn(plan, d.input.Schema)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "dq-profile-")
	if err != nil {
		return nil, err
	}
	p.dirs = append(p.dirs, dir)
	file := filepath.Join(dir, "rows.parquet")
	if err := export(ctx, p.session, sql, engine.Parquet, file); err != nil {
		return nil, d.named(ctx, p.session, say, err)
	}
	rows, err := resolve(ctx, file, dataOptions{})
	return &seen{data: rows, findings: findings, personal: hidden}, err
}

// attachRows makes the rows of files readable as t, without where they are from.
func (d *data) attachRows(ctx context.Context, s engine.Session, say engine.Dialect, opts dataOptions) ([]record.Finding, error) {
	schema, findings, err := d.attach(ctx, s, say, "dq_data", opts)
	if err != nil || d.broken != nil {
		return nil, err
	}
	columns := make([]string, len(schema.Fields))
	for i, f := range schema.Fields {
		columns[i] = say.Ident(f.Name)
	}
	_, err = s.Attach(ctx, engine.Input{Name: "t", SQL: "SELECT " + strings.Join(columns, ", ") + " FROM dq_data"})
	return findings, err
}

// personalIn lists the columns of a SELECT over t that hold something of a column which
// t tags as personal, unless it is masked.
func personalIn(plan engine.Plan, t table.Schema) ([]string, error) {
	tagged := personal(t)
	if len(tagged) == 0 {
		return nil, nil
	}
	st, err := lineage.Trace(plan, map[string]table.Schema{"t": t})
	if err != nil {
		return nil, err
	}
	var out []string
	for _, c := range st.Columns {
		if slices.ContainsFunc(c.Sources, func(s lineage.Source) bool {
			return s.Type == lineage.Direct && !s.Masking && slices.Contains(tagged, s.Column)
		}) {
			out = append(out, c.Name)
		}
	}
	return out, nil
}
