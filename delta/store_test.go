package delta_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/dq-dev/dq/delta"
	"github.com/dq-dev/dq/delta/storetest"
)

func TestDirConforms(t *testing.T) {
	storetest.Run(t, func(t *testing.T) delta.Store { return delta.Dir(filepath.Join(t.TempDir(), "a", "b")) })
}

// What a process that was killed had not written to its end is no file of the store.
func TestDirLeavesUnfinishedFilesOut(t *testing.T) {
	root := t.TempDir()
	store := delta.Dir(root)
	if err := store.Put(t.Context(), "open/run.json", []byte("{}")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "open", ".tmp-1-abc"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	list, err := store.List(t.Context(), "open", "")
	if err != nil || len(list) != 1 || list[0].Name != "open/run.json" {
		t.Errorf("List gives %v, %v", list, err)
	}
	for info, err := range store.Walk(t.Context(), "open") {
		if err != nil || info.Name != "open/run.json" {
			t.Errorf("Walk gives %v, %v", info, err)
		}
	}
}
