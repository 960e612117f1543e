package operations

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dq-dev/dq/delta"
	"github.com/dq-dev/dq/delta/splice"
	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/table"
)

// When rows of a file get other values in some columns, and the table has no
// deletion vectors, the file is written anew; but only these columns are. The others
// are copied as they lie there, which costs a tenth of decoding and encoding them.

// spliceFrom is the size from which on files are worth that: small ones are written
// together instead.
var spliceFrom = int64(4 << 20)

// spliceShare is the largest part of a file that is worth it.
const spliceShare = 0.5

// byColumns opens a file whose columns can be written anew by themselves: with its
// rows in groups as the engine makes them, of a table whose files have nothing about
// rows besides their values. It is nil for any other.
func (t *Table) byColumns(s *delta.Snapshot, f table.File, columns []table.Field) *splice.File {
	if f.Size < spliceFrom || f.Deleted != nil || f.Stats == nil || !filepath.IsLocal(filepath.FromSlash(f.Path)) || s.Properties()[trackingOn] == "true" {
		return nil
	}
	names := make([]string, len(columns))
	for i, c := range columns {
		if slices.Contains(s.PartitionBy(), c.Name) {
			return nil
		}
		if names[i] = c.Name; s.ColumnMapping() != "none" {
			names[i], _ = c.Meta["delta.columnMapping.physicalName"].(string)
		}
	}
	file, err := splice.Open(t.local(f))
	if err != nil {
		return nil // whoever reads it says why
	}
	groups, rows := file.GroupRows(), int64(0)
	for i, n := range groups {
		if rows += n; n != groups[0] && i < len(groups)-1 || n > groups[0] {
			return nil
		}
	}
	if share, all := file.Share(names); !all || share > spliceShare || rows != f.Stats.Rows || rows == 0 {
		return nil
	}
	return file
}

// writing is a file that is being written by columns, while the engine goes on.
type writing struct {
	file table.File
	err  error
	done chan struct{}
}

// withColumns begins to write a file anew with other values of some columns, which a
// SELECT gives for each of its rows, in their order. It is nil if the file must be
// written as a whole.
func (t *Table) withColumns(ctx context.Context, s *delta.Snapshot, f table.File, old *splice.File, columns []table.Field, sql string) (*writing, error) {
	_, features := s.Features()
	stats := &table.Stats{Rows: f.Stats.Rows, Loose: f.Stats.Loose && slices.Contains(features, "deletionVectors")} // else they are only cut
	for _, c := range f.Stats.Columns {
		if !slices.ContainsFunc(columns, func(x table.Field) bool { return x.Name == c.Path[0] }) {
			stats.Columns = append(stats.Columns, c)
		}
	}
	var news *splice.File
	var used []table.File
	if len(columns) > 0 {
		var err error
		if used, _, err = t.written(ctx, engine.StageRequest{SQL: sql, Schema: table.Schema{Fields: columns}, Dir: dataFolder, GroupRows: old.GroupRows()[0]}); err != nil {
			t.remove(used)
			return nil, err
		}
		for _, u := range used {
			stats.Columns = append(stats.Columns, u.Stats.Columns...)
		}
		if news, err = splice.Open(t.local(used[0])); err != nil || old.Fits(news) != nil {
			t.remove(used)
			return nil, err
		}
	}
	w := &writing{file: table.File{Path: path.Join(path.Dir(f.Path), newFile()), Partition: f.Partition, Stats: stats}, done: make(chan struct{})}
	t.staged = append(t.staged, w.file)
	go func() {
		defer close(w.done)
		w.err = old.Write(t.local(w.file), news)
		t.remove(used)
		if w.err == nil {
			var info os.FileInfo
			if info, w.err = os.Stat(t.local(w.file)); w.err == nil {
				w.file.Size, w.file.Modified = info.Size(), info.ModTime().UTC()
			}
		}
	}()
	return w, nil
}

// local is where a file of the table lies on this machine.
func (t *Table) local(f table.File) string { return filepath.Join(t.dir, filepath.FromSlash(f.Path)) }

func (t *Table) remove(files []table.File) {
	for _, f := range files {
		_ = os.Remove(t.local(f)) // no log names it; vacuum finds what is left
	}
}

// written waits until files are written.
func written(all []*writing) ([]table.File, error) {
	var files []table.File
	var errs []error
	for _, w := range all {
		<-w.done
		files, errs = append(files, w.file), append(errs, w.err)
	}
	return files, errors.Join(errs...)
}

// newFile is a name that no other file has.
func newFile() string {
	return "part-" + strings.ToLower(rand.Text()) + ".parquet"
}

// Relations of rows that get other values: dq_news has them by their place, and
// dq_one is the file that is written.
const (
	relNews = "dq_news"
	relOne  = "dq_one"
)

// mergeColumns writes those touched files of a merge by columns that it can, with
// the source's values in the rows that are matched. It gives the files that come, also
// with an error, and the touched ones that are left to be written as a whole.
func (t *Table) mergeColumns(ctx context.Context, s *delta.Snapshot, schema table.Schema, touched []table.File, on string, given []fitting) (adds []*writing, left []table.File, err error) {
	if !slices.ContainsFunc(touched, func(f table.File) bool { return t.byColumns(s, f, nil) != nil }) ||
		slices.ContainsFunc(schema.Fields, func(f table.Field) bool { return f.Meta[generatedKey] != nil }) {
		return nil, touched, nil
	}
	file, line := t.Dialect.Ident(engine.FileColumn), t.Dialect.Ident(engine.LineColumn)
	differ := []string{"dq_t." + file}
	for _, g := range given {
		differ = append(differ, "bool_or("+t.differs(g.typed, "dq_t."+t.Dialect.Ident(g.column.Name), g.column.Type)+")")
	}
	joined := fmt.Sprintf("%s dq_s JOIN %%s dq_t ON %s", relRows, strings.ReplaceAll(on, "%", "%%"))
	answer, err := t.Session.Query(ctx, fmt.Sprintf("SELECT %s FROM %s GROUP BY dq_t.%s", strings.Join(differ, ", "), fmt.Sprintf(joined, relTouched), file))
	if err != nil {
		return nil, nil, err
	}
	changed, items := map[string][]int{}, []string{"dq_t." + file, "dq_t." + line}
	for i, g := range given {
		any := false
		for _, row := range answer.Values {
			if name, _ := row[0].(string); row[i+1] == true {
				changed[name], any = append(changed[name], i), true
			}
		}
		if any {
			items = append(items, fmt.Sprintf("%s AS dq_new_%d", g.typed, i))
		}
	}
	// The places of matched rows are known by their keys: no look at the files.
	sql := fmt.Sprintf("SELECT %s FROM %s", strings.Join(items, ", "), fmt.Sprintf(joined, relHits))
	if _, err := t.Session.Attach(ctx, engine.Input{Name: relNews, SQL: sql, Materialise: true}); err != nil {
		return nil, nil, err
	}
	return t.columnwise(ctx, s, touched, func(f table.File) (columns []table.Field) {
		for _, i := range changed[f.Path] {
			columns = append(columns, given[i].column)
		}
		return columns
	}, func(f table.File) (string, error) {
		var values []string
		for _, i := range changed[f.Path] {
			values = append(values, fmt.Sprintf("CASE WHEN dq_n.%[1]s IS NULL THEN dq_o.%[2]s ELSE dq_n.dq_new_%[3]d END AS %[2]s", line, t.Dialect.Ident(given[i].column.Name), i))
		}
		return fmt.Sprintf("SELECT %[1]s FROM %[2]s dq_o LEFT JOIN (SELECT * FROM %[3]s WHERE %[4]s = %[5]s) dq_n ON dq_n.%[6]s = dq_o.%[6]s ORDER BY dq_o.%[6]s",
			strings.Join(values, ", "), relOne, relNews, file, t.Dialect.Literal(f.Path), line), t.attach(ctx, s, relOne, schema, []table.File{f}, true)
	})
}

// updateColumns is [Table.mergeColumns] for an update. Rest is the SELECT from the table, and
// altered are the columns that get other values.
func (t *Table) updateColumns(ctx context.Context, s *delta.Snapshot, touched []table.File, rest string, altered []table.Field, values []string) (adds []*writing, left []table.File, err error) {
	tried := false
	adds, left, err = t.columnwise(ctx, s, touched, func(table.File) []table.Field { return altered }, func(f table.File) (string, error) {
		tried = true
		if err := t.attach(ctx, s, relTable, s.Schema(), []table.File{f}, true); err != nil {
			return "", err
		}
		_, err := t.bound(ctx, relRest, rest, false)
		return fmt.Sprintf("SELECT %s FROM %s ORDER BY %s", strings.Join(values, ", "), relRest, t.Dialect.Ident(engine.LineColumn)), err
	})
	if err != nil || !tried || len(left) == 0 {
		return adds, left, err
	}
	// The relation is now of the one file that was tried last.
	if err := t.attach(ctx, s, relTable, s.Schema(), left, true); err != nil {
		return adds, nil, err
	}
	_, err = t.bound(ctx, relRest, rest, false)
	return adds, left, err
}

// columnwise writes those touched files by columns that it can: of each the columns
// that change, whose values a SELECT gives. It gives the files that come, also with an
// error, and those that are left.
func (t *Table) columnwise(ctx context.Context, s *delta.Snapshot, touched []table.File, columns func(table.File) []table.Field, sql func(table.File) (string, error)) (adds []*writing, left []table.File, err error) {
	for _, f := range touched {
		changed := columns(f)
		old := t.byColumns(s, f, changed)
		if old == nil {
			left = append(left, f)
			continue
		}
		values, err := sql(f)
		if err != nil {
			return adds, nil, err
		}
		made, err := t.withColumns(ctx, s, f, old, changed, values)
		if err != nil {
			return adds, nil, err
		}
		if made == nil {
			left = append(left, f)
			continue
		}
		if n := len(adds); n > 0 { // one at a time
			<-adds[n-1].done
		}
		adds = append(adds, made)
	}
	return adds, left, nil
}

// differs is SQL for whether two values are not the same. Floats are compared as
// texts, in which 0.0 is not -0.0.
func (t *Table) differs(a, b string, of table.Type) string {
	if floats(of) {
		a, b = "CAST("+a+" AS VARCHAR)", "CAST("+b+" AS VARCHAR)"
	}
	return "(" + a + " IS DISTINCT FROM " + b + ")"
}

// floats reports whether a type holds floats.
func floats(t table.Type) bool {
	if t.Kind == table.Double || t.Kind == table.Float {
		return true
	}
	for _, part := range []*table.Type{t.Key, t.Elem} {
		if part != nil && floats(*part) {
			return true
		}
	}
	return slices.ContainsFunc(t.Fields, func(f table.Field) bool { return floats(f.Type) })
}
