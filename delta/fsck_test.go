package delta

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// checked is a table of 12 versions with a checkpoint, whose files exist.
func checked(t *testing.T) (*Table, *memory) {
	t.Helper()
	store := &memory{}
	tb := testTable(store)
	s := create(t, tb, map[string]string{"delta.enableDeletionVectors": "true"})
	put := func(name, text string) {
		t.Helper()
		if err := store.Put(context.Background(), name, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 10 {
		name := fmt.Sprintf("f%d", i)
		put(name, strings.Repeat("x", 100))
		s = appendFiles(t, s, name)
	}
	x := s.Begin("DELETE")
	x.Delete(fileList(t, s)[3], []int64{1, 2})
	commitOK(t, x)
	for _, name := range sortedKeys(store.files) { // one checksum of another writer is enough
		if strings.HasSuffix(name, ".crc") {
			delete(store.files, name)
		}
	}
	put(strings.TrimSuffix(commitName(11), "json")+"crc", `{"tableSizeBytes":1000,"numFiles":10,"numMetadata":1,"numProtocol":1}`)
	return tb, store
}

func TestFsck(t *testing.T) {
	ctx := context.Background()
	vector := func(t *testing.T, m *memory) string {
		for _, name := range sortedKeys(m.files) {
			if strings.HasPrefix(name, "deletion_vector_") {
				return name
			}
		}
		t.Fatal("there is no deletion vector")
		return ""
	}
	edit := func(name, old, next string) func(*testing.T, *memory) {
		return func(t *testing.T, m *memory) {
			text := strings.Replace(string(m.files[name]), old, next, 1)
			if text == string(m.files[name]) {
				t.Fatalf("%s has no %s", name, old)
			}
			m.files[name] = []byte(text)
		}
	}
	remove := func(name string) func(*testing.T, *memory) {
		return func(_ *testing.T, m *memory) { delete(m.files, name) }
	}
	put := func(name, text string) func(*testing.T, *memory) {
		return func(_ *testing.T, m *memory) { m.files[name] = []byte(text) }
	}
	crc := strings.TrimSuffix(commitName(11), "json") + "crc"
	for _, c := range []struct {
		name, want string // category and file of each problem
		damage     func(*testing.T, *memory)
	}{
		{"sound", "", func(*testing.T, *memory) {}},
		{"file gone", "file-missing f3", remove("f3")},
		{"file cut", "file-size f3", put("f3", "x")},
		{"commit gone", "log-gap " + commitName(4), remove(commitName(4))},
		{"commits before the checkpoint gone", "", func(_ *testing.T, m *memory) {
			for v := range int64(10) {
				delete(m.files, commitName(v))
			}
		}},
		{"last commit broken", "log-corrupt " + commitName(11), put(commitName(11), "{")},
		{"checkpoint broken", "checkpoint-corrupt " + checkpointName(10), put(checkpointName(10), "PAR1")},
		{"checkpoint of another log", "checkpoint-corrupt " + checkpointName(10) + ", checksum " + crc + ", checksum " + crc, edit(commitName(2), `"path":"f1"`, `"path":"f0"`)},
		{"compaction", "", func(t *testing.T, m *memory) { compact(t, Open(m), 2, 7) }},
		{"compaction broken", "log-corrupt " + compactionName(2, 7), put(compactionName(2, 7), "{")},
		{"compaction cut", "log-corrupt " + compactionName(2, 7), func(t *testing.T, m *memory) {
			compact(t, Open(m), 2, 7)
			text := string(m.files[compactionName(2, 7)])
			m.files[compactionName(2, 7)] = []byte(text[strings.Index(text, "\n")+1:])
		}},
		{"hint to nowhere", "hint " + hintName, put(hintName, `{"version":3}`)},
		{"hint broken", "hint " + hintName, put(hintName, "{")},
		{"vector gone", "dv-missing VECTOR", func(t *testing.T, m *memory) { delete(m.files, vector(t, m)) }},
		{"vector cut", "dv-corrupt VECTOR", func(t *testing.T, m *memory) { m.files[vector(t, m)] = []byte{1} }},
		{"checksum wrong", "checksum " + crc + ", checksum " + crc, put(crc, `{"tableSizeBytes":1,"numFiles":1}`)},
		{"checksum broken", "checksum " + crc, put(crc, "1 file")},
		{"statistics broken", "stats f3", func(t *testing.T, m *memory) {
			edit(commitName(11), `"stats":"{`, `"stats":"`)(t, m)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			tb, store := checked(t)
			name := vector(t, store)
			c.damage(t, store)
			got, err := tb.Fsck(ctx)
			if err != nil {
				t.Fatal(err)
			}
			var problems []string
			for _, e := range got.Problems {
				problems = append(problems, string(e.Category)+" "+e.File)
			}
			if text := strings.Join(problems, ", "); text != strings.ReplaceAll(c.want, "VECTOR", name) {
				t.Errorf("found %q, want %q", text, c.want)
			}
		})
	}
	tb, _ := checked(t)
	got, err := tb.Fsck(ctx)
	if err != nil || got.Version != 11 || got.Commits != 12 || got.Checkpoints != 1 || got.Sums != 1 || got.Files != 10 || got.Vectors != 1 {
		t.Errorf("looked at %+v (%v)", got, err)
	}
	if _, err := Open(&memory{}).Fsck(ctx); !errors.Is(err, ErrNoTable) {
		t.Errorf("no table: %v", err)
	}
}
