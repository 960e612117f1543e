package pipeline

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/record"
	"github.com/dq-dev/dq/source/file"
	"github.com/dq-dev/dq/table"
)

// fetch finds the files of a source that were not consumed before; nil when
// there is nothing to land, or findings say why it cannot be.
func (r *run) fetch(ctx context.Context, t *tableRun) (*file.Batch, error) {
	known, config := t.known(), t.files()
	if r.opt.FullRefresh {
		known = nil
	} else if t.Source.ByFile {
		// What the file before brought goes through all layers first; of that file
		// other content may come, since it may be mended.
		config.Limit, config.OnlyKnown = 1, !r.opt.caughtUp && r.behind(t)
	}
	batch, err := file.Fetch(ctx, config, known)
	if err != nil {
		return nil, r.sourceProblem(t, err)
	}
	t.rec.Waiting = batch.Waiting
	if batch.Empty() {
		return nil, nil
	}
	if t.Source.ByFile {
		r.step("file %d of %d", r.opt.Done+1, r.opt.Done+1+batch.Waiting)
	}
	for _, f := range batch.Rewritten {
		if t.Source.Replace {
			continue
		}
		was := t.ledger.files[f.Path]
		held, err := r.heldBack(ctx, t, was.N)
		if err != nil {
			return nil, err
		}
		if held {
			t.note("source.mended", "info", "%s comes with other content, which replaces its %s: not every table made from %s has published them", f.Path, plural(was.Records, "old row"), t.Name)
			continue
		}
		t.note("source.rewritten", "error", "%s was consumed before with other content (sha256 %.12s with %s, now %.12s with %s)",
			f.Path, was.SHA256, plural(was.Records, "row"), f.SHA256, plural(f.Records, "row"))
		t.rec.Findings[len(t.rec.Findings)-1].Hint = "put the old file back, or set on_rewrite: replace to take its rows instead of the old ones"
		if err := r.showRewritten(ctx, t, batch, f); err != nil {
			return nil, err
		}
	}
	if t.Mode == "overwrite" {
		if batch, err = file.Fetch(ctx, t.files(), nil); err != nil {
			return nil, r.sourceProblem(t, err)
		}
	}
	t.rec.Source = sourceRecord(batch)
	files := append(append([]file.File{}, batch.Files...), batch.Rewritten...)
	if f := NULFinding(batch.Root, t.Name, files); f != nil {
		t.rec.Findings = append(t.rec.Findings, *f)
	}
	for _, f := range files {
		if f.Records >= 0 && f.Records < t.Source.MinRows {
			t.note("source.rows", "error", "%s has %s; at least %d expected", f.Path, plural(f.Records, "data row"), t.Source.MinRows)
			t.rec.Findings[len(t.rec.Findings)-1].Hint = "set min_rows: 0 on the source if empty files are right"
		}
	}
	t.noteCaptures()
	if t.refusedShape() {
		return nil, nil
	}
	return batch, nil
}

// sourceProblem turns what is wrong with a source's files into a finding.
func (r *run) sourceProblem(t *tableRun, err error) error {
	var broken *file.Error
	if !errors.As(err, &broken) {
		return err
	}
	t.note("source.file", "error", "%s", broken.Error())
	return nil
}

// land stages a batch of files as text, with the file, the record number and
// the time of the load.
func (r *run) land(ctx context.Context, t *tableRun, s engine.Session, batch *file.Batch) error {
	var header []string
	groups := make([][]string, len(batch.Groups))
	for i, g := range batch.Groups {
		in := engine.Input{Name: fmt.Sprintf("dq_source%d", i), Format: engine.Format(g.Format), Root: batch.Root, Provenance: true}
		for _, f := range g.Files {
			in.Files = append(in.Files, table.File{Path: f.Path, Size: f.Size, Modified: f.Modified})
		}
		in.CSV = csvOptions(g)
		schema, err := s.Attach(ctx, in)
		if err != nil {
			return err
		}
		for _, name := range schema.Names() {
			if name != engine.FileColumn && name != engine.LineColumn {
				groups[i] = append(groups[i], name)
				header = append(header, name)
			}
		}
	}
	wide, err := t.landed(header)
	if err != nil {
		return err
	}
	t.noteNames(batch)
	if err := t.becoming(wide); err != nil && !t.refusedShape() {
		return err
	}
	r.headerFindings(t, batch, groups)
	t.rewrites = t.Mode == "overwrite" || r.opt.FullRefresh
	was, next := r.sourceShapes(t, batch, groups)
	if blocked, err := r.rule(ctx, t, &was, next); err != nil || blocked || t.refusedShape() {
		return err
	}
	r.step("stage %s", t.Name)
	var parts []string
	provenance := Provenance(r.d, r.now)
	for i := range batch.Groups {
		items := make([]string, 0, len(t.schema.Fields))
		for _, f := range t.schema.Fields {
			id := r.d.Ident(f.Name)
			switch {
			case provenance[f.Name] != "":
				items = append(items, provenance[f.Name]+" AS "+id)
			case slices.Contains(groups[i], f.Name):
				items = append(items, "CAST("+id+" AS VARCHAR) AS "+id)
			default:
				items = append(items, "CAST(NULL AS VARCHAR) AS "+id)
			}
		}
		parts = append(parts, fmt.Sprintf("SELECT %s FROM dq_source%d", strings.Join(items, ", "), i))
	}
	sql := strings.Join(parts, " UNION ALL ")
	var removes []table.File
	// A file that is taken again, after a table was restored, has its refused rows there.
	again := r.from(slices.Concat(batch.Files, batch.Rewritten))
	carried := int64(0)
	switch {
	case t.Mode == "overwrite" || r.opt.FullRefresh:
		removes, again = t.current.files, "true"
	case len(batch.Rewritten) > 0:
		var rest string
		if removes, rest, carried, err = r.withoutRewritten(ctx, t, s, batch.Rewritten); err != nil {
			return err
		}
		sql += rest
	}
	came := ""
	if carried > 0 {
		came = again
	}
	entry := r.consumed(t, batch, groups)
	if err := r.stageRows(ctx, t, s, sql, removes, again, came, entry); err != nil {
		return err
	}
	if st := t.staged; st != nil {
		// Rows that only moved out of a file with rewritten rows are no news.
		st.counts.Returned -= carried
		st.counts.Published -= carried
		st.counts.Removed -= carried
		t.rec.Counts = st.counts
	}
	return r.reconcileSource(ctx, t, s, batch)
}

// csvOptions says how the files of a group are read; nil when they are no CSV.
func csvOptions(g file.Group) *engine.CSVOptions {
	if g.Format != file.CSV {
		return nil
	}
	return &engine.CSVOptions{Columns: g.Columns, Header: g.Header, Delimiter: g.Delimiter, Quote: g.Quote, Gzip: g.Gzip}
}

// Provenance gives the columns that rows get when they are landed (_file, _line and
// _loaded_at), as SQL over a relation with the columns of [engine.Input.Provenance].
func Provenance(d engine.Dialect, loaded time.Time) map[string]string {
	return map[string]string{
		fileColumn:   d.Ident(engine.FileColumn),
		lineColumn:   d.Ident(engine.LineColumn),
		loadedColumn: "CAST(" + d.Literal(loaded.Format("2006-01-02 15:04:05.999999")+"+00") + " AS TIMESTAMP WITH TIME ZONE)",
	}
}

// from is a condition: that a row was landed from one of the files.
func (r *run) from(files []file.File) string {
	paths := make([]string, len(files))
	for i, f := range files {
		paths[i] = r.d.Literal(f.Path)
	}
	return r.d.Ident(fileColumn) + " IN (" + strings.Join(paths, ", ") + ")"
}

// withoutRewritten finds the table's files that hold rows of rewritten source
// files; rest is SQL that adds their other rows to the batch.
func (r *run) withoutRewritten(ctx context.Context, t *tableRun, s engine.Session, rewritten []file.File) (removes []table.File, rest string, carried int64, err error) {
	in := r.from(rewritten)
	for i, f := range t.current.files {
		rel := t.current
		rel.schema, rel.files = t.schema, []table.File{f}
		name := fmt.Sprintf("dq_old%d", i)
		if !mayHold(f, rewritten) {
			continue
		}
		if err := attach(ctx, s, name, rel, false); err != nil {
			return nil, "", 0, err
		}
		n, err := count(ctx, s, "SELECT count(*) FROM "+name+" WHERE "+in)
		if err != nil {
			return nil, "", 0, err
		}
		if n == 0 {
			continue
		}
		removes = append(removes, f)
		rows, _ := f.LiveRows()
		carried += rows - n
		rest += " UNION ALL SELECT " + idents(r.d, "", t.schema.Names()) + " FROM " + name + " WHERE NOT (" + in + ")"
	}
	return removes, rest, carried, nil
}

// mayHold says whether a data file can hold rows of the source files, by its statistics.
func mayHold(f table.File, sources []file.File) bool {
	if f.Stats == nil {
		return true
	}
	for _, c := range f.Stats.Columns {
		if len(c.Path) == 1 && c.Path[0] == fileColumn && c.Min != nil && c.Max != nil {
			for _, s := range sources {
				// Statistics of texts are cut to a prefix: compare prefixes.
				if s.Path >= *c.Min && (s.Path <= *c.Max || strings.HasPrefix(s.Path, *c.Max)) {
					return true
				}
			}
			return false
		}
	}
	return true
}

// consumed is the ledger entry of the batch; every so often it repeats all files.
func (r *run) consumed(t *tableRun, batch *file.Batch, groups [][]string) *ledgerEntry {
	e := &ledgerEntry{}
	begin := t.beginnings(batch, groups)
	add := func(f file.File) {
		id := f.ID()
		e.Files = append(e.Files, ledgerFile{Path: f.Path, SHA256: id.SHA256, Size: id.Size, ModifiedNS: id.ModifiedNS, Records: f.Records, N: t.nextBatch(), Begins: begin[f.Path]})
	}
	for _, f := range batch.Files {
		add(f)
	}
	for _, f := range batch.Rewritten {
		add(f)
	}
	if t.nextBatch()%ledgerStride == 0 || r.opt.FullRefresh {
		e.All = true
		if !r.opt.FullRefresh {
			now := map[string]bool{}
			for _, f := range e.Files {
				now[f.Path] = true
			}
			for _, f := range t.ledger.files {
				if !now[f.Path] {
					e.Files = append(e.Files, f)
				}
			}
		}
	}
	sort.Slice(e.Files, func(i, j int) bool { return e.Files[i].Path < e.Files[j].Path })
	return e
}

func (t *tableRun) nextBatch() int64 { return t.batches + 1 }

// reconcileSource holds the rows that were staged against the records that were
// counted in the files, and shows those that the engine could not read.
func (r *run) reconcileSource(ctx context.Context, t *tableRun, s engine.Session, batch *file.Batch) error {
	if t.rec.Source.Records < 0 {
		return nil
	}
	got := t.rec.Counts.Returned
	if got == t.rec.Source.Records {
		return nil
	}
	var rejected int64
	if rejecter, ok := s.(engine.Rejecter); ok {
		for i := range batch.Groups {
			rejects, n, err := rejecter.Rejects(ctx, fmt.Sprintf("dq_source%d", i), r.samples())
			if err != nil {
				return err
			}
			if n == 0 {
				continue
			}
			rejected += n
			hint := lookAt(filepath.Join(batch.Root, filepath.FromSlash(rejects[0].File)), rejects[0].Line)
			for j := range rejects {
				rejects[j] = rejects[j].Hiding(t.personal(), csvOptions(batch.Groups[i]))
			}
			t.note("source.parse", "error", "%s could not be read, the first in %s record %d: %s", plural(n, "record"), rejects[0].File, rejects[0].Line, rejects[0].Problem)
			f := &t.rec.Findings[len(t.rec.Findings)-1]
			f.Rows = n
			f.Hint = hint
			for _, x := range rejects {
				f.Sample = append(f.Sample, map[string]any{"file": x.File, "record": x.Line, "text": x.Text, "problem": x.Problem})
			}
		}
	}
	if got+rejected != t.rec.Source.Records {
		t.note("reconcile", "error", "the files hold %d records, but %d rows were read and %d rejected", t.rec.Source.Records, got, rejected)
	}
	return nil
}

// lookAt says how to see a record of a file that is kept as it came.
func lookAt(path string, number int64) string {
	show := fmt.Sprintf("sed -n %dp '%s'", number, path)
	if strings.HasSuffix(path, ".gz") {
		show = fmt.Sprintf("gzip -dc '%s' | sed -n %dp", path, number)
	}
	return "to see it: " + show + " (the header is record 1; a line break within quotes moves the lines after it)"
}

func sourceRecord(b *file.Batch) *record.Source {
	src := &record.Source{Read: readings(b.Groups)}
	for _, f := range append(append([]file.File{}, b.Files...), b.Rewritten...) {
		addSource(src, f)
	}
	return src
}

// addSource adds a file to a batch.
func addSource(src *record.Source, f file.File) {
	src.Count++
	src.Bytes += f.Size
	if f.Records < 0 || src.Records < 0 {
		src.Records = -1
	} else {
		src.Records += f.Records
	}
	if len(src.Files) < 1000 {
		src.Files = append(src.Files, record.SourceFile{Path: f.Path, SHA256: f.SHA256, Bytes: f.Size, Records: f.Records})
	}
}

// planned is the batch that the source has, of which only headers were read.
func (t *tableRun) planned() *record.Source {
	if len(t.headers) == 0 {
		return nil
	}
	src := &record.Source{Read: readings(t.headers)}
	for _, h := range t.headers {
		for _, f := range h.Files {
			addSource(src, f)
		}
	}
	return src
}

// readings says how groups of files are read; those that are read alike are one.
func readings(groups []file.Group) []record.SourceReading {
	var out []record.SourceReading
	for _, g := range groups {
		x := record.SourceReading{First: g.Files[0].Path, Format: string(g.Format), Delimiter: g.Delimiter, Quote: g.Quote, Gzip: g.Gzip, Columns: g.Columns}
		i := slices.IndexFunc(out, func(o record.SourceReading) bool {
			return o.Format == x.Format && o.Delimiter == x.Delimiter && o.Quote == x.Quote && o.Gzip == x.Gzip && slices.Equal(o.Columns, x.Columns)
		})
		if i < 0 {
			i = len(out)
			out = append(out, x)
		}
		out[i].Files += len(g.Files)
	}
	return out
}
