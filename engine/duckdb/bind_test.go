package duckdb

import (
	"context"
	"testing"
)

// TestVarying: every function that DuckDB says is not a function of its arguments
// alone is one that varies, is forbidden, or is the same in all of a session.
func TestVarying(t *testing.T) {
	ctx := context.Background()
	b, err := openStubs(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.close() }()
	same := map[string]bool{"current_database": true, "current_schema": true, "current_schemas": true, "in_search_path": true,
		"error": true, "sleep_ms": true, "stats": true} // and what these give is no one's data
	found, err := b.conn.QueryContext(ctx, "SELECT DISTINCT function_name FROM duckdb_functions() WHERE stability <> 'CONSISTENT'")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = found.Close() }()
	n := 0
	for ; found.Next(); n++ {
		var name string
		if err := found.Scan(&name); err != nil {
			t.Fatal(err)
		}
		if !varying[name] && !forbidden[name] && !same[name] {
			t.Errorf("%s is not known to vary", name)
		}
	}
	if err := found.Err(); err != nil || n < 10 {
		t.Errorf("%d functions, %v", n, err)
	}
}
