package duckdb

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	driver "github.com/duckdb/duckdb-go/v2"
)

// Export writes the rows of a SELECT to one Parquet file (zstd), which is there
// whole or not at all; see [engine.Exporter]. Its folder is made if need be.
func (s *session) Export(ctx context.Context, sql, path string) (int64, error) {
	doing := "duckdb: write " + path
	if err := s.loadText(ctx); err != nil {
		return 0, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return 0, diskError(err, doing)
	}
	work, err := os.MkdirTemp(filepath.Dir(path), ".writing-")
	if err != nil {
		return 0, diskError(err, doing)
	}
	defer func() { _ = os.RemoveAll(work) }()
	target := filepath.Join(work, "rows.parquet")
	var rows int64
	err = prepared(ctx, s.conn, fmt.Sprintf("COPY (%s) TO %s (FORMAT parquet, COMPRESSION zstd)", sql, literal(target)), doing, func(stmt *driver.Stmt) error {
		result, err := stmt.ExecContext(ctx, nil)
		if err != nil {
			return wrap(ctx, err, doing)
		}
		rows, err = result.RowsAffected()
		return err
	})
	if err != nil {
		return 0, err
	}
	if _, err := syncToDisk(target); err != nil {
		return 0, diskError(err, doing)
	}
	if err := os.Rename(target, path); err != nil {
		return 0, diskError(err, doing)
	}
	return rows, nil
}
