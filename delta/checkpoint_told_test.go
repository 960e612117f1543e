package delta

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// TestShortCheckpoint: a checkpoint that can be read, but is not what the hint, the
// checksum or the checkpoint itself say, is passed over; or named when nothing else is there.
func TestShortCheckpoint(t *testing.T) {
	const version = 10
	rewrite := func(t *testing.T, disk *memory, change func([]action) []action) {
		t.Helper()
		s, _, err := testTable(disk).readCheckpoint(t.Context(), version, []string{checkpointName(version)})
		if err != nil {
			t.Fatal(err)
		}
		data, err := formatCheckpoint(checkpointShape, change(s.checkpointActions(f0)))
		if err != nil {
			t.Fatal(err)
		}
		disk.files[checkpointName(version)] = data
	}
	lastAdd := func(all []action) []action { return all[:len(all)-1] }
	sayNothing := func(disk *memory) {
		delete(disk.files, hintName)
		delete(disk.files, crcName(version))
	}
	for name, c := range map[string]struct {
		spoil func(t *testing.T, disk *memory)
		says  string // what the checkpoint lacks; "" is nothing
	}{
		"whole":        {func(*testing.T, *memory) {}, ""},
		"nothing said": {func(_ *testing.T, disk *memory) { sayNothing(disk) }, ""},
		"hint": {func(t *testing.T, disk *memory) {
			rewrite(t, disk, lastAdd)
			delete(disk.files, crcName(version))
		}, "the checkpoint has 9 files, and _delta_log/_last_checkpoint says 10"},
		"checksum": {func(t *testing.T, disk *memory) {
			rewrite(t, disk, lastAdd)
			delete(disk.files, hintName)
		}, "the checkpoint has 9 files, and " + crcName(version) + " says 10"},
		"bytes": {func(t *testing.T, disk *memory) {
			rewrite(t, disk, func(all []action) []action {
				other := *all[len(all)-1].Add
				other.Size = numberOf(1)
				all[len(all)-1].Add = &other
				return all
			})
			delete(disk.files, hintName)
		}, "bytes of files, and " + crcName(version) + " says"},
		"actions": {func(t *testing.T, disk *memory) {
			rewrite(t, disk, func(all []action) []action {
				var out []action
				for _, a := range all {
					if a.Txn == nil {
						out = append(out, a)
					}
				}
				return out
			})
		}, "actions, and _delta_log/_last_checkpoint says"},
		"no UTF-8": {func(t *testing.T, disk *memory) {
			rewrite(t, disk, func(all []action) []action {
				other := *all[len(all)-1].Add
				other.Path = "f\xff.parquet"
				all[len(all)-1].Add = &other
				return all
			})
			sayNothing(disk)
		}, "is no UTF-8"},
		"odd hints": {func(_ *testing.T, disk *memory) {
			disk.files[hintName] = []byte(`{"version":10,"size":{},"numOfAddFiles":"many"}`)
			disk.files[crcName(version)] = []byte(`{"numFiles":[],"tableSizeBytes":-5}`)
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			disk := &memory{}
			s := create(t, testTable(disk), nil)
			for i := range 11 {
				x := s.Begin("WRITE")
				x.Add(dataFile(fmt.Sprint("f", i)))
				x.SetTxn("app", int64(i))
				commitOK(t, x)
				s = x.Snapshot()
			}
			c.spoil(t, disk)
			if got := latest(t, testTable(disk)); got.NumFiles() != 11 {
				t.Errorf("with the commits: %d files", got.NumFiles())
			}
			for i := range int64(5) {
				delete(disk.files, commitName(i))
			}
			delete(disk.files, checkpointName(5))
			got, err := testTable(disk).Snapshot(t.Context(), Latest())
			if c.says == "" {
				if err != nil || got.NumFiles() != 11 {
					t.Errorf("without them: %v", err)
				}
				return
			}
			var e *Error
			if !errors.As(err, &e) || e.Category != CheckpointCorrupt || e.File != checkpointName(version) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("without them: %v, want %s", err, c.says)
			}
		})
	}
	// A sidecar of another size than its checkpoint says.
	disk := &memory{}
	s := create(t, testTable(disk), nil)
	s = appendFiles(t, s, "f0", "f1")
	part, err := formatCheckpoint(fileShape, []action{{Add: s.state.files[fileKey{path: "f0"}]}})
	if err != nil {
		t.Fatal(err)
	}
	disk.files[sidecarDir+"/p.parquet"] = part
	for size, broken := range map[int]bool{len(part): false, len(part) + 1: true} {
		marshalled, err := json.Marshal(map[string]any{"sidecar": map[string]any{"path": "p.parquet", "sizeInBytes": size, "modificationTime": 1}})
		if err != nil {
			t.Fatal(err)
		}
		name := fmt.Sprintf("%s/%020d.checkpoint.00000000-0000-4000-8000-%012d.json", logDir, 1, size)
		head, err := formatHead(s.state)
		if err != nil {
			t.Fatal(err)
		}
		disk.files[name] = append(head, marshalled...)
		_, _, err = testTable(disk).readCheckpoint(t.Context(), 1, []string{name})
		if broken != (err != nil) || broken && !strings.Contains(err.Error(), "_sidecars/p.parquet") {
			t.Errorf("a sidecar of %d bytes that should have %d: %v", len(part), size, err)
		}
	}
}

// formatHead are the lines of a V2 checkpoint before its files.
func formatHead(s *state) ([]byte, error) {
	var out []byte
	for _, v := range []any{map[string]any{"checkpointMetadata": map[string]any{"version": 1}}, map[string]any{"protocol": s.protocol}, map[string]any{"metaData": s.metaData}} {
		line, err := json.Marshal(v)
		if err != nil {
			return nil, err
		}
		out = append(append(out, line...), '\n')
	}
	return out, nil
}
