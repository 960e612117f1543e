package duckdb

import (
	"context"
	"strings"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/table"
)

// Counts reads the footers of a relation's Parquet files; see [engine.Counter].
func (s *session) Counts(ctx context.Context, name string) (map[string]engine.FileCounts, bool, error) {
	r := s.relations[key(name)]
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
	doing := "duckdb: counts of " + name
	found, err := s.ask(ctx, "SELECT file_name, num_rows FROM parquet_file_metadata("+literals(paths)+")", doing)
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
		nested := f.Type.Kind == table.Array || f.Type.Kind == table.Map || f.Type.Kind == table.Struct
		if !nested && !strings.Contains(physical(f), ", ") { // as the paths of members are written
			columns[physical(f)] = f.Name
		}
	}
	found, err = s.ask(ctx, "SELECT file_name, path_in_schema, CAST(sum(stats_null_count) AS BIGINT) FROM parquet_metadata("+literals(paths)+
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
