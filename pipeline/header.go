package pipeline

import (
	"fmt"
	"path/filepath"
	"slices"

	"github.com/dq-dev/dq/internal/yamlpos"
	"github.com/dq-dev/dq/lineage"
	"github.com/dq-dev/dq/record"
	"github.com/dq-dev/dq/source/file"
	"github.com/dq-dev/dq/table"
)

// needs are the columns of a landed table that something would miss: its suite
// names them or has a rule on them, a rule of another table looks them up, or a
// model or an exposure reads them. read says whether any of those reads the table at all.
func (r *run) needs(t *tableRun) (columns map[string]bool, read bool) {
	columns = map[string]bool{}
	for _, c := range t.Suite.Columns {
		columns[c.Name] = true
	}
	for _, other := range r.tables {
		for _, reading := range other.plan.Reads() {
			names := reading.Others[t.Name]
			if other == t {
				names = slices.Concat(names, reading.Columns)
			}
			for _, name := range names {
				columns[name] = true
			}
		}
	}
	impact := lineage.Impact(r.rec.Lineage, t.Name)
	for _, e := range impact {
		for _, name := range e.Columns {
			columns[name] = true
		}
	}
	read = len(impact) > 0
	for _, e := range r.Exposures {
		for _, path := range e.Reads {
			name, column := readPath(path)
			if name != t.Name {
				continue
			}
			read = true
			if column != "" {
				columns[column] = true
				continue
			}
			for _, f := range t.schema.Fields {
				columns[f.Name] = true
			}
		}
	}
	return columns, read
}

// landing reports whether a column is one that landing adds.
func landing(column string) bool {
	return column == fileColumn || column == lineColumn || column == loadedColumn
}

// headerFindings says which columns of the table or its contract a file lacks,
// and what stands there instead.
func (r *run) headerFindings(t *tableRun, batch *file.Batch, groups [][]string) {
	needed, read := r.needs(t)
	for i, g := range batch.Groups {
		for _, c := range t.schema.Names() {
			if landing(c) || slices.Contains(groups[i], c) {
				continue
			}
			had := false
			if t.snap != nil {
				_, had = t.snap.Schema().Field(c)
			}
			level, filled := "warn", ""
			switch {
			case !had && !needed[c]:
				continue
			case !needed[c] && read:
				level, filled = "info", "; its rows get null, and nothing reads it"
			case !needed[c]:
				filled = "; its rows get null"
			}
			t.note("source.columns", level, "%s has no column %s%s%s", g.Files[0].Path, yamlpos.Shown(c), more(len(g.Files)-1), filled)
			f := &t.rec.Findings[len(t.rec.Findings)-1]
			f.Column, f.Hint = c, yamlpos.DidYouMean(c, groups[i])
		}
	}
}

// NULFinding warns of texts in CSV files that hold the character NUL: they are kept as
// they came, but programs that take it for the end of a text show or compare them
// otherwise. root is the folder of the files, name the table's; nil when there are none.
func NULFinding(root, name string, files []file.File) *record.Finding {
	f := &record.Finding{Rule: "source.nul", Severity: "warn", Table: name}
	var first file.File
	for _, in := range files {
		if in.WithNUL == 0 {
			continue
		}
		if f.Rows += in.WithNUL; first.WithNUL == 0 {
			first = in
		}
		if len(f.Sample) < 5 {
			f.Sample = append(f.Sample, map[string]any{"file": in.Path, "record": in.FirstNUL, "records": in.WithNUL})
		}
	}
	if f.Rows == 0 {
		return nil
	}
	verb := "hold"
	if f.Rows == 1 {
		verb = "holds"
	}
	f.Message = fmt.Sprintf("%s %s the character NUL, the first in %s record %d: it is kept", plural(f.Rows, "record"), verb, first.Path, first.FirstNUL)
	f.Hint = "other programs may take NUL for the end of the text; " + lookAt(filepath.Join(root, filepath.FromSlash(first.Path)), first.FirstNUL)
	return f
}

func more(n int) string {
	if n <= 0 {
		return ""
	}
	return fmt.Sprintf(", nor have %d other files", n)
}

// sourceShapes are the schema that the files were to have and the one that they
// bring. What nothing would miss may come and go: it is in what they bring once
// the table or one of them has it. A column that is needed and that the table or
// its suite has is missing when any file lacks it; one that only models know, not
// when the file is older than those with the column: it comes, by name, before the
// one with which the column begins, be that in the batch or before it. So a column
// that begins with some day is the same to one run over all days and to one run a
// day, and older days may come late. A file that takes the place of one with the
// column, and one of which the name does not say how old it is, lacks it.
func (r *run) sourceShapes(t *tableRun, batch *file.Batch, groups [][]string) (was, next table.Schema) {
	headers := headersOf(batch, groups)
	begins := map[string]string{}
	if !r.opt.FullRefresh {
		begins = t.ledger.begins()
	}
	if t.snap != nil {
		was = t.snap.Schema()
		was.Fields = slices.Clone(was.Fields)
	}
	needed, _ := r.needs(t)
	for _, f := range t.schema.Fields {
		named := suiteColumn(t.Suite, f.Name) != nil
		had := false
		if t.snap != nil {
			_, had = t.snap.Schema().Field(f.Name)
		}
		begin, begun := begins[f.Name]
		since := had && !begun && !t.rewrites // known, but not since when
		missing, everywhere, somewhere := false, true, false
		for _, h := range headers {
			has := landing(f.Name) || slices.Contains(h.columns, f.Name)
			lacks := !has && (named || since || somewhere || begun && !older(h.path, begin))
			missing = missing || lacks && needed[f.Name]
			everywhere, somewhere = everywhere && has, somewhere || has
		}
		// Of a table that is made anew nothing stays of a column that no file has.
		missing = missing || t.rewrites && had && !somewhere && needed[f.Name]
		if !missing {
			next.Fields = append(next.Fields, f)
		}
		if missing && !had || t.snap == nil && (named || everywhere) {
			was.Fields = append(was.Fields, f)
		}
	}
	return was, next
}
