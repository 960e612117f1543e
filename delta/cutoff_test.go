package delta

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dq-dev/dq/table"
)

// TestCutOffCommit: a log entry of 0 bytes, as a machine that lost power leaves it, is
// told: read as one that says nothing, the table would have rows less, or rows that are gone.
func TestCutOffCommit(t *testing.T) {
	dir := t.TempDir()
	ctx := context.Background()
	x := Open(Dir(dir)).Create("WRITE", table.Schema{Fields: []table.Field{{Name: "id", Type: table.Type{Kind: table.Int64}, Nullable: true}}}, nil, nil)
	if _, err := x.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "_delta_log", "00000000000000000001.json"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Open(Dir(dir)).Snapshot(ctx, Latest())
	if !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "00000000000000000001.json: the log entry is empty") {
		t.Errorf("an entry of 0 bytes: %v", err)
	}
	if _, err := Open(Dir(dir)).Snapshot(ctx, Version(0)); err != nil {
		t.Errorf("the version before it: %v", err)
	}
}
