package delta

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// TestRowTracking: files that come get the ids behind those that were given out, also
// when another commit came first; files that stay keep theirs.
func TestRowTracking(t *testing.T) {
	ctx := context.Background()
	tb := testTable(Dir(t.TempDir()))
	props := map[string]string{"delta.enableDeletionVectors": "true"}
	create(t, tb, props)
	// Rows are tracked from version 1 on, so that there is a file without ids.
	appendFiles(t, latest(t, tb), "old")
	entry := `{"commitInfo":{"operation":"SET"}}
{"protocol":{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":["deletionVectors"],"writerFeatures":["deletionVectors","domainMetadata","rowTracking"]}}
`
	if err := tb.store.PutNew(ctx, commitName(2), []byte(entry)); err != nil {
		t.Fatal(err)
	}
	ids := func(s *Snapshot) string {
		out := ""
		for _, f := range s.state.files {
			id := func(n *number) string {
				if n == nil {
					return "-"
				}
				return fmt.Sprint(n.value())
			}
			out += fmt.Sprintf("%s %s@%s\n", f.path, id(f.BaseRowID), id(f.DefaultRowCommitVersion))
		}
		return out
	}
	has := func(s *Snapshot, mark string, want ...string) {
		t.Helper()
		for _, at := range []*Snapshot{s, latest(t, Open(tb.store))} {
			got := ids(at)
			for _, line := range want {
				if !strings.Contains(got, line+"\n") {
					t.Errorf("version %d has\n%s, not %s", at.Version(), got, line)
				}
			}
			if d := at.state.domains[rowTrackingDomain].Configuration; d != mark {
				t.Errorf("version %d: the mark is %s, want %s", at.Version(), d, mark)
			}
		}
	}
	s := latest(t, tb)
	has(appendFiles(t, s, "a", "b"), `{"rowIdHighWaterMark":19}`, "old -@-", "a 0@3", "b 10@3")
	has(appendFiles(t, s, "c"), `{"rowIdHighWaterMark":29}`, "a 0@3", "c 20@4") // behind what came first
	s = latest(t, tb)
	x := s.Begin("DELETE")
	for _, f := range fileList(t, s) {
		x.Delete(f, []int64{1})
	}
	commitOK(t, x)
	has(x.Snapshot(), `{"rowIdHighWaterMark":39}`, "a 0@3", "c 20@4", "old 30@5")
	s = latest(t, tb)
	x = s.Begin("WRITE")
	f := dataFile("unknown")
	f.Stats = nil
	x.Add(f)
	if _, err := x.Commit(ctx); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "do not say how many") {
		t.Errorf("a file of unknown length: %v", err)
	}
	// Where ids are not only given but kept, writers of rows must say that they do.
	meta := *s.state.metaData
	meta.Configuration = map[string]string{rowTrackingOn: "true"}
	text, err := json.Marshal(map[string]any{"metaData": meta})
	if err != nil {
		t.Fatal(err)
	}
	if err := tb.store.PutNew(ctx, commitName(s.Version()+1), text); err != nil {
		t.Fatal(err)
	}
	s = latest(t, tb)
	x = s.Begin("WRITE")
	x.Add(dataFile("d"))
	if _, err := x.Commit(ctx); !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), "ids of rows that move") {
		t.Errorf("rows that perhaps moved: %v", err)
	}
	x = s.Begin("WRITE")
	x.Add(dataFile("e"))
	x.Upholds("rowTracking")
	commitOK(t, x)
}
