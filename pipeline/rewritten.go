package pipeline

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/source/file"
	"github.com/dq-dev/dq/table"
)

// changeColumn says of a row of a rewritten file whether the table holds it (delete)
// or the file brings it (insert), as in a change feed.
const changeColumn = "_change_type"

// showRewritten puts rows into the finding about a rewritten file: those that the
// table holds of it and that are no longer there, and those that came, by their
// line. It reads the file, and the table's files that may hold rows of it. A file
// that cannot be read shows none.
func (r *run) showRewritten(ctx context.Context, t *tableRun, batch *file.Batch, f file.File) error {
	at := slices.IndexFunc(batch.Groups, func(g file.Group) bool {
		return slices.ContainsFunc(g.Files, func(o file.File) bool { return o.Path == f.Path })
	})
	if at < 0 {
		return nil
	}
	held := t.current
	held.files = nil
	for _, old := range t.current.files {
		if mayHold(old, []file.File{f}) {
			held.files = append(held.files, old)
		}
	}
	s, err := r.session(ctx, max(f.Records, 0)+liveRows(held.files))
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	g := batch.Groups[at]
	came, err := s.Attach(ctx, engine.Input{Name: "dq_came", Format: engine.Format(g.Format), CSV: csvOptions(g), Root: batch.Root, Provenance: true,
		Files: []table.File{{Path: f.Path, Size: f.Size, Modified: f.Modified}}})
	if err != nil {
		return ctx.Err()
	}
	if err := attach(ctx, s, "dq_held", held, false); err != nil {
		return err
	}
	var columns []string // that both have
	for _, name := range t.current.schema.Names() {
		if _, ok := came.Field(name); ok && !landing(name) {
			columns = append(columns, name)
		}
	}
	if len(columns) == 0 {
		return nil
	}
	line, path := r.d.Ident(lineColumn), r.d.Ident(fileColumn)
	// Rows that are equal are told apart by their order, so that one too many is one that came.
	side := func(relation, line, where string) string {
		var items []string
		for _, c := range columns {
			items = append(items, fmt.Sprintf("CAST(%s AS VARCHAR) AS %[1]s", r.d.Ident(c)))
		}
		list := strings.Join(items, ", ")
		return fmt.Sprintf("(SELECT *, row_number() OVER (PARTITION BY %s ORDER BY dq_at) AS dq_nth FROM (SELECT %s, %s AS dq_at FROM %s%s) AS dq_s)",
			idents(r.d, "", columns), list, line, relation, where)
	}
	same := []string{"a.dq_nth = b.dq_nth"}
	for _, c := range columns {
		same = append(same, fmt.Sprintf("a.%s IS NOT DISTINCT FROM b.%[1]s", r.d.Ident(c)))
	}
	only := func(change, these, those string) string {
		return fmt.Sprintf("SELECT %s, dq_at AS %s, %s AS %s FROM %s AS a WHERE NOT EXISTS (SELECT 1 FROM %s AS b WHERE %s)",
			idents(r.d, "", columns), line, r.d.Literal(change), changeColumn, these, those, strings.Join(same, " AND "))
	}
	new := side("dq_came", r.d.Ident(engine.LineColumn), "")
	old := side("dq_held", line, " WHERE "+path+" = "+r.d.Literal(f.Path))
	differ := fmt.Sprintf("(%s UNION ALL %s) AS dq_d", only("delete", old, new), only("insert", new, old))
	rows, err := s.Query(ctx, fmt.Sprintf("SELECT * FROM %s ORDER BY %s, %s LIMIT %d", differ, line, changeColumn, r.samples()))
	if err != nil {
		return ctx.Err()
	}
	n, err := count(ctx, s, "SELECT count(*) FROM "+differ)
	if err != nil {
		return err
	}
	finding := &t.rec.Findings[len(t.rec.Findings)-1]
	finding.Rows, finding.Sample, finding.Columns = n, t.plan.Show(rows), differing(rows)
	finding.Message += fmt.Sprintf("; %s differ", plural(n, "row"))
	for _, row := range finding.Sample {
		row[fileColumn] = f.Path
	}
	return nil
}

// differing are the columns in which rows of showRewritten differ that stand in one
// line, before and after, behind that of the line; none when no line has two such rows.
func differing(rows *engine.Rows) []string {
	names := rows.Schema.Names()
	line := slices.Index(names, lineColumn)
	var found []string
	for c, name := range names {
		for i := 1; i < len(rows.Values) && name != changeColumn; i++ {
			a, b := rows.Values[i-1], rows.Values[i]
			if a[line] == b[line] && a[c] != b[c] {
				found = append(found, name)
				break
			}
		}
	}
	if len(found) == 0 {
		return nil
	}
	return append([]string{lineColumn}, found...)
}
