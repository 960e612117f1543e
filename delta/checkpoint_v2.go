package delta

import (
	"context"
	"fmt"
	"path"
	"slices"
	"time"
)

// sidecarDir holds the parts of V2 checkpoints that name files.
const sidecarDir = logDir + "/_sidecars"

// sidecarActions is how many actions about files one sidecar holds at most; up to
// that many are in the checkpoint itself.
const sidecarActions = 50_000

// v2Shape is the schema of a V2 checkpoint; sidecars have fileShape.
var (
	v2Shape = slices.Concat(checkpointShape, []shape{
		{"checkpointMetadata", group, []shape{{"version", long, nil}}},
		{"sidecar", group, []shape{{"path", text, nil}, {"sizeInBytes", long, nil}, {"modificationTime", long, nil}}},
	})
	fileShape = slices.DeleteFunc(slices.Clone(checkpointShape), func(s shape) bool { return s.name != "add" && s.name != "remove" })
)

// v2Checkpoints reports whether the table wants V2 checkpoints.
func (s *state) v2Checkpoints() bool {
	_, writer := s.protocol.features()
	return slices.Contains(writer, "v2Checkpoint") && s.metaData.Configuration["delta.checkpointPolicy"] == "v2"
}

// sidecarGrace is how old a sidecar must be before it may be deleted: a younger
// one may belong to a checkpoint that is being written.
const sidecarGrace = 24 * time.Hour

// writeV2 writes a V2 checkpoint (PROTOCOL.md, "V2 Spec"): first the sidecars, then
// what refers to them. It returns the size of all.
func (t *Table) writeV2(ctx context.Context, version int64, actions []action, now time.Time) (int, error) {
	top := []action{{Checkpoint: &checkpointMark{number(version)}}}
	var files []action
	for _, a := range actions {
		if a.Add != nil || a.Remove != nil {
			files = append(files, a)
		} else {
			top = append(top, a)
		}
	}
	total := 0
	if len(files) <= sidecarActions {
		top, files = append(top, files...), nil
	}
	for part := range slices.Chunk(files, sidecarActions) {
		data, err := formatCheckpoint(fileShape, part)
		if err != nil {
			return 0, err
		}
		id, err := t.newID()
		if err != nil {
			return 0, err
		}
		name := id + ".parquet"
		if err := t.store.PutNew(ctx, path.Join(sidecarDir, name), data); err != nil {
			return 0, err
		}
		total += len(data)
		top = append(top, action{Sidecar: &sidecar{Path: name, SizeInBytes: number(len(data)), ModificationTime: number(now.UnixMilli())}})
	}
	data, err := formatCheckpoint(v2Shape, top)
	if err != nil {
		return 0, err
	}
	id, err := t.newID()
	if err != nil {
		return 0, err
	}
	return total + len(data), t.store.PutNew(ctx, fmt.Sprintf("%s/%020d.checkpoint.%s.parquet", logDir, version, id), data)
}

// cleanSidecars deletes sidecars that no checkpoint of the log refers to any more.
func (t *Table) cleanSidecars(ctx context.Context, now time.Time) error {
	l, err := t.list(ctx, 0)
	if err != nil {
		return err
	}
	needed := map[string]bool{}
	for v, sets := range l.checkpoints {
		for _, files := range sets {
			for _, name := range files {
				_, sidecars, _, err := t.readCheckpointFile(ctx, v, sidecar{Path: name})
				if err != nil {
					return err
				}
				for _, s := range sidecars {
					needed[s.Path] = true
				}
			}
		}
	}
	infos, err := t.store.List(ctx, sidecarDir, "")
	if err != nil {
		return err
	}
	for _, info := range infos {
		if !needed[info.Name] && info.Modified.Before(now.Add(-sidecarGrace)) {
			if err := t.store.Delete(ctx, info.Name); err != nil {
				return err
			}
		}
	}
	return nil
}
