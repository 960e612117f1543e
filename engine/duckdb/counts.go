package duckdb

import (
	"context"
	"os"
	"strings"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/table"
)

// Counts takes what the list of files says, or reads the footers of the relation's
// Parquet files; see [engine.Counter]. The rows of parsed text are known.
func (s *session) Counts(ctx context.Context, name string) (map[string]engine.FileCounts, bool, error) {
	r := s.relations[key(name)]
	if r != nil && r.text != nil && r.isView {
		return s.textCounts(ctx, r.text)
	}
	if r == nil || !r.scan || len(r.files) == 0 {
		return nil, false, nil
	}
	paths, byPath := make([]string, len(r.files)), map[string]string{}
	for i, f := range r.files {
		if f.Deleted != nil {
			return nil, false, nil
		}
		paths[i] = resolve(r.root, f.Path)
		byPath[paths[i]] = f.Path
	}
	if counts, ok := r.listed(paths); ok {
		return counts, true, nil
	}
	doing := "duckdb: counts of " + name
	found, err := s.ask(ctx, "SELECT file_name, num_rows FROM parquet_file_metadata("+filesAt(paths)+")", doing)
	if err != nil {
		return nil, false, err
	}
	counts := map[string]engine.FileCounts{}
	for _, row := range found.Values {
		path, _ := row[0].(string)
		rows, ok := row[1].(int64)
		if _, known := byPath[path]; !known || !ok {
			return nil, false, nil
		}
		counts[byPath[path]] = engine.FileCounts{Rows: rows, Nulls: map[string]int64{}}
	}
	if len(counts) != len(byPath) { // a file that is named twice, or a path that reads otherwise
		return nil, false, nil
	}
	columns := map[string]string{}
	for _, f := range r.schema.Fields {
		if !nested(f.Type) && !strings.Contains(physical(f), ", ") { // as the paths of members are written
			columns[physical(f)] = f.Name
		}
	}
	found, err = s.ask(ctx, "SELECT file_name, path_in_schema, CAST(sum(stats_null_count) AS BIGINT) FROM parquet_metadata("+filesAt(paths)+
		") GROUP BY ALL HAVING count(stats_null_count) = count(*)", doing)
	if err != nil {
		return nil, false, err
	}
	for _, row := range found.Values {
		path, _ := row[0].(string)
		column, _ := row[1].(string)
		if nulls, ok := row[2].(int64); ok && columns[column] != "" {
			counts[byPath[path]].Nulls[columns[column]] = nulls
		}
	}
	return counts, true, nil
}

// listed are the counts that the list of files gives: false unless it gives those
// of all columns, and each file is there in the size that it names. A file that
// is missing or cut off is found out by those who open it.
func (r *relation) listed(paths []string) (map[string]engine.FileCounts, bool) {
	counts := make(map[string]engine.FileCounts, len(r.files))
	for i, f := range r.files {
		if f.Stats == nil {
			return nil, false
		}
		nulls := map[string]int64{}
		if r.provenance {
			nulls[engine.FileColumn], nulls[engine.LineColumn] = 0, 0
		}
		for _, c := range f.Stats.Columns {
			if len(c.Path) == 1 && c.Nulls != nil {
				nulls[c.Path[0]] = *c.Nulls
			}
		}
		for column, value := range f.Partition {
			nulls[column] = 0
			if value == nil {
				nulls[column] = f.Stats.Rows
			}
		}
		for _, column := range r.schema.Fields {
			if _, known := nulls[column.Name]; !known && !nested(column.Type) {
				return nil, false
			}
		}
		if info, err := os.Stat(paths[i]); err != nil || info.Size() != f.Size {
			return nil, false
		}
		counts[f.Path] = engine.FileCounts{Rows: f.Stats.Rows, Nulls: nulls}
	}
	return counts, len(counts) == len(r.files) // no file is named twice
}

func nested(t table.Type) bool {
	return t.Kind == table.Array || t.Kind == table.Map || t.Kind == table.Struct
}

// textCounts are the rows of text files; how many values are missing is not known.
func (s *session) textCounts(ctx context.Context, t *text) (map[string]engine.FileCounts, bool, error) {
	if err := s.loadText(ctx); err != nil {
		return nil, false, err
	}
	counts := map[string]engine.FileCounts{}
	for i, f := range t.in.Files {
		counts[f.Path] = engine.FileCounts{Rows: t.lengths[i]}
	}
	return counts, len(counts) > 0 && len(counts) == len(t.in.Files), nil // else a file is named twice
}
