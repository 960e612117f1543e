package delta

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestChecksum(t *testing.T) {
	disk := &memory{}
	tb := testTable(disk)
	s := appendFiles(t, create(t, tb, map[string]string{"delta.enableDeletionVectors": "true", "delta.enableInCommitTimestamps": "true"}), "a", "b")
	x := s.Begin("DELETE")
	x.Delete(fileList(t, s)[0], []int64{1, 2})
	commitOK(t, x)
	var got map[string]any
	if err := json.Unmarshal(disk.files[crcName(2)], &got); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]any{"numFiles": 2., "tableSizeBytes": 200., "numDeletedRecordsOpt": 2., "numDeletionVectorsOpt": 1.,
		"numMetadata": 1., "numProtocol": 1., "inCommitTimestampOpt": float64(x.Snapshot().Time().UnixMilli()), "txnId": x.prepared.ID} {
		if got[key] != want {
			t.Errorf("%s is %v, want %v", key, got[key], want)
		}
	}
	if got["metadata"] == nil || got["protocol"] == nil {
		t.Errorf("%s", disk.files[crcName(2)])
	}
}

func TestV2Checkpoint(t *testing.T) {
	for _, files := range []int{3, sidecarActions + 1} {
		disk := &memory{}
		tb := testTable(disk)
		s := create(t, tb, map[string]string{"delta.checkpointPolicy": "v2", "delta.checkpointInterval": "2"})
		x := s.Begin("WRITE")
		for i := range files {
			x.Add(dataFile(fmt.Sprintf("f%06d", i)))
		}
		x.SetTxn("app", 1)
		commitOK(t, x)
		s = appendFiles(t, x.Snapshot(), "last")
		for _, v := range []int64{0, 1, 2} { // only the checkpoint is left
			if err := disk.Delete(context.Background(), commitName(v)); err != nil {
				t.Fatal(err)
			}
		}
		sidecars := 0
		for n := range disk.files {
			if strings.HasPrefix(n, sidecarDir) {
				sidecars++
			}
		}
		if want := (files + 1) / sidecarActions * 2; sidecars != want {
			t.Errorf("%d sidecars for %d files, want %d", sidecars, files, want)
		}
		if reader, _ := s.Features(); strings.Join(reader, " ") != "v2Checkpoint" {
			t.Errorf("features %v", reader)
		}
		got := latest(t, testTable(disk))
		if got.NumFiles() != files+1 || got.Bytes() != s.Bytes() || fmt.Sprint(got.Txns(), got.Properties()) != fmt.Sprint(s.Txns(), s.Properties()) {
			t.Errorf("%d files: the checkpoint has %d, %v", files+1, got.NumFiles(), got.Txns())
		}
		if files == 3 && describe(t, got) != describe(t, s) {
			t.Errorf("the checkpoint says\n%sthe commit\n%s", describe(t, got), describe(t, s))
		}
	}
}

// TestSidecarCleanup: sidecars go with the checkpoints that named them.
func TestSidecarCleanup(t *testing.T) {
	disk := &memory{}
	tb := testTable(disk)
	now := f0
	tb.Clock = func() time.Time { now = now.Add(time.Second); return now }
	s := create(t, tb, map[string]string{"delta.checkpointPolicy": "v2", "delta.checkpointInterval": "2", "delta.enableInCommitTimestamps": "true"})
	for i := range 4 {
		s = appendFiles(t, s, fmt.Sprint("f", i))
	}
	part, err := formatCheckpoint(fileShape, []action{{Add: s.state.files[fileKey{path: "f0"}]}})
	if err != nil {
		t.Fatal(err)
	}
	disk.files[sidecarDir+"/orphan.parquet"], disk.files[sidecarDir+"/named.parquet"] = part, part
	top, err := formatCheckpoint(v2Shape, []action{{Protocol: s.state.protocol}, {MetaData: s.state.metaData}, {Sidecar: &sidecar{Path: "named.parquet"}}})
	if err != nil {
		t.Fatal(err)
	}
	disk.files[logDir+"/00000000000000000004.checkpoint.00000000-0000-4000-8000-000000000000.parquet"] = top
	s = appendFiles(t, s, "f4")
	now = f0.Add(40 * 24 * time.Hour)
	appendFiles(t, s, "f5")
	for n, want := range map[string]bool{commitName(0): false, commitName(4): true, sidecarDir + "/orphan.parquet": false, sidecarDir + "/named.parquet": true} {
		if _, ok := disk.files[n]; ok != want {
			t.Errorf("%s is there: %t", n, ok)
		}
	}
}
