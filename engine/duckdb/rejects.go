package duckdb

import (
	"bufio"
	"compress/gzip"
	"context"
	sqldriver "database/sql/driver"
	"fmt"
	"io"
	"math"
	"os"
	"strings"

	"github.com/dq-dev/dq/engine"
)

// Rejects lists the records of a CSV relation that could not be read, by file and
// record number; a relation of another kind has none. It parses the files if that
// was not done yet.
func (s *session) Rejects(ctx context.Context, name string, limit int) ([]engine.Reject, int64, error) {
	r := s.relations[key(name)]
	if r == nil {
		return nil, 0, fmt.Errorf("duckdb: rejects: no relation %q is attached", name)
	}
	if r.text == nil {
		return nil, 0, nil
	}
	if err := s.loadText(ctx); err != nil {
		return nil, 0, err
	}
	if r.text.count == 0 {
		return nil, 0, nil
	}
	rows, err := s.Query(ctx, fmt.Sprintf("SELECT path, record, content, problem FROM %s ORDER BY i, record LIMIT %d", r.text.found, max(limit, 0)))
	if err != nil {
		return nil, 0, err
	}
	rejects := make([]engine.Reject, len(rows.Values))
	for i, row := range rows.Values {
		rejects[i] = engine.Reject{File: row[0].(string), Line: row[1].(int64), Problem: row[3].(string)}
		content, _ := row[2].(string) // with a newline before it where DuckDB began a new buffer
		rejects[i].Text = strings.Trim(content, "\r\n")
	}
	return rejects, r.text.count, nil
}

// settleRejects reads what DuckDB noted while it parsed, numbers the rejected
// records, and when there are any makes the view count them.
func (s *session) settleRejects(ctx context.Context, r *relation, doing string) error {
	t := r.text
	some, err := s.ask(ctx, "SELECT 1 FROM temp."+t.rejects+"_records LIMIT 1", doing)
	if err != nil || len(some.Values) == 0 {
		return err
	}
	t.found = s.hide("rejects")
	r.hidden = append(r.hidden, t.found)
	// A record may have several problems: the first stands for it.
	err = s.exec(ctx, fmt.Sprintf(`CREATE TABLE %s AS
		SELECT f.i, f.path, CAST(e.line AS BIGINT) AS record, CAST(min(e.line_byte_position) AS BIGINT) AS position,
		       arg_min(e.csv_line, e.byte_position) AS content,
		       arg_min(lower(CAST(e.error_type AS VARCHAR)) || ': ' || e.error_message, e.byte_position) AS problem
		FROM temp.%s_records e JOIN temp.%s_scans c USING (scan_id, file_id)
		JOIN (SELECT UNNEST(%s) AS file_path, UNNEST(range(%d)) AS i, UNNEST(%s) AS path) f USING (file_path)
		GROUP BY ALL`, t.found, t.rejects, t.rejects, literals(t.paths()), len(t.in.Files), literals(t.names())), doing)
	if err != nil {
		return err
	}
	rows, err := s.ask(ctx, "SELECT i, record, position FROM "+t.found+" ORDER BY i, record", doing)
	if err != nil {
		return err
	}
	t.count = int64(len(rows.Values))
	if len(t.stored.Fields) > 1 {
		if err := s.discountBlanks(ctx, r, rows.Values, doing); err != nil {
			return err
		}
	}
	t.shifts = s.hide("shifts")
	r.hidden = append(r.hidden, t.shifts)
	if err := s.exec(ctx, "CREATE TABLE "+t.shifts+" (i UBIGINT, after BIGINT, more BIGINT)", doing); err != nil {
		return err
	}
	err = s.appendTo(ctx, t.shifts, doing, func(add func(...sqldriver.Value) error) error {
		for _, sh := range shifts(rows.Values) {
			if err := add(uint64(sh.file), sh.after, sh.more); err != nil {
				return err
			}
		}
		return nil
	})
	// While the relation is being attached, its view is yet to be made.
	if err != nil || r.body == "" || !t.in.Provenance {
		return err
	}
	return s.define(ctx, r, t.view(), doing)
}

func (t *text) paths() []string {
	paths := make([]string, len(t.in.Files))
	for i, f := range t.in.Files {
		paths[i] = resolve(t.in.Root, f.Path)
	}
	return paths
}

func (t *text) names() []string {
	names := make([]string, len(t.in.Files))
	for i, f := range t.in.Files {
		names[i] = f.Path
	}
	return names
}

// shift says that rows which would have record number after, or a later one, were
// nothing rejected, have a number that is greater by more.
type shift struct{ file, after, more int64 }

// shifts turns rejected records (file, record, ...), sorted, into shifts: the
// n-th reject of a file moves what follows it by n.
func shifts(rejects [][]any) []shift {
	var out []shift
	for _, row := range rejects {
		file, record := row[0].(int64), row[1].(int64)
		sh := shift{file, record, 1}
		if n := len(out); n > 0 && out[n-1].file == file {
			sh.more = out[n-1].more + 1
			sh.after = record - out[n-1].more
			if sh.after == out[n-1].after {
				out[n-1] = sh
				continue
			}
		}
		out = append(out, sh)
	}
	return out
}

// discountBlanks takes blank lines out of the numbers of rejected records: they
// are no records, but DuckDB counts them. Only files with rejects are read.
func (s *session) discountBlanks(ctx context.Context, r *relation, rejects [][]any, doing string) error {
	t := r.text
	blanks := s.hide("blanks")
	r.hidden = append(r.hidden, blanks)
	if err := s.exec(ctx, "CREATE TABLE "+blanks+" (i BIGINT, position BIGINT, n BIGINT)", doing); err != nil {
		return err
	}
	err := s.appendTo(ctx, blanks, doing, func(add func(...sqldriver.Value) error) error {
		for start := 0; start < len(rejects); {
			file, end := rejects[start][0].(int64), start
			var positions []int64
			for ; end < len(rejects) && rejects[end][0] == file; end++ {
				positions = append(positions, rejects[end][2].(int64))
			}
			counts, err := blanksBefore(resolve(t.in.Root, t.in.Files[file].Path), t.in.CSV, positions)
			if err != nil {
				return err
			}
			for n, count := range counts {
				row := rejects[start+n]
				if count == 0 {
					continue
				}
				row[1] = row[1].(int64) - count
				if err := add(file, row[2], count); err != nil {
					return err
				}
			}
			start = end
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.exec(ctx, fmt.Sprintf("UPDATE %s AS r SET record = r.record - b.n FROM %s AS b WHERE r.i = b.i AND r.position = b.position",
		t.found, blanks), doing)
}

// blanksBefore counts the blank lines of a file before the records at each of the
// positions, which ascend. DuckDB's position of a record counts from 1, and is
// where the blank lines just before it begin, or the LF of the CRLF before those.
func blanksBefore(path string, o *engine.CSVOptions, positions []int64) ([]int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	var in io.Reader = f
	if o.Gzip {
		if in, err = gzip.NewReader(f); err != nil {
			return nil, err
		}
	}
	quote := -1
	if o.Quote != "" {
		quote = int(o.Quote[0])
	}
	r := bufio.NewReaderSize(in, 1<<16)
	blanks, counts := int64(0), make([]int64, 0, len(positions))
	quoted, blank := false, true // inside quotes; nothing on this line yet
	opens := true                // a quote here would begin a quoted value, or go on with one
	for at := int64(0); len(counts) < len(positions); at++ {
		here := at >= positions[len(counts)]-1
		if at == positions[len(counts)]-1 {
			quoted = false // whatever the record before left open
		}
		c, err := r.ReadByte()
		if err != nil && err != io.EOF {
			return nil, err
		}
		if err == io.EOF || here && c != '\r' && c != '\n' {
			counts = append(counts, blanks)
		}
		if err == io.EOF {
			at = math.MaxInt64 - 1 // the rest has nothing more before it
			continue
		}
		switch {
		case int(c) == quote:
			quoted, opens, blank = !quoted && opens, quoted, false
		case c == '\n':
			if blank && !quoted {
				blanks++
			}
			blank, opens = true, true
		case c != '\r':
			blank, opens = false, c == o.Delimiter[0]
		}
	}
	return counts, nil
}
