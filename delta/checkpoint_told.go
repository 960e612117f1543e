package delta

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
)

// told is what other files of the log say of the checkpoint of a version. A checkpoint
// that can be read, but lacks some of that, would make rows vanish without a word.
type told struct {
	version int64 // 0 when nothing is known
	by      string
	actions *number // rows of a classic checkpoint
	adds    *number
	bytes   *number // of the data files
}

// hint reads _last_checkpoint: the version of a checkpoint, and what it should hold. It
// is a hint only; without a version, whatever is wrong with it is ignored.
func (t *Table) hint(ctx context.Context) told {
	data, err := t.store.Read(ctx, hintName)
	if err != nil {
		return told{}
	}
	var h struct {
		Version *number         `json:"version"`
		Size    json.RawMessage `json:"size"`
		Adds    json.RawMessage `json:"numOfAddFiles"`
	}
	if json.Unmarshal(data, &h) != nil || h.Version == nil || *h.Version < 0 {
		return told{}
	}
	return told{version: int64(*h.Version), by: hintName, actions: numberIn(h.Size), adds: numberIn(h.Adds)}
}

// numberIn is a number of a file that may hold anything, nil if it is none.
func numberIn(raw json.RawMessage) *number {
	var n *number
	if json.Unmarshal(raw, &n) != nil || n == nil || *n < 0 {
		return nil
	}
	return n
}

// toldByChecksum is what the .crc of a version says, which is nothing if it cannot be read.
func (t *Table) toldByChecksum(ctx context.Context, version int64) told {
	data, err := t.store.Read(ctx, crcName(version))
	if err != nil {
		return told{}
	}
	var c struct {
		Bytes json.RawMessage `json:"tableSizeBytes"`
		Files json.RawMessage `json:"numFiles"`
	}
	if json.Unmarshal(data, &c) != nil {
		return told{}
	}
	return told{version: version, by: crcName(version), adds: numberIn(c.Files), bytes: numberIn(c.Bytes)}
}

// wholeCheckpoint is [Table.readCheckpoint] of one that holds what is said of it; one
// that does not is as broken as one that cannot be read.
func (t *Table) wholeCheckpoint(ctx context.Context, version int64, files []string, hint told) (*state, error) {
	s, rows, err := t.readCheckpoint(ctx, version, files)
	if err == nil {
		err = t.holds(ctx, s, files, rows, hint)
	}
	return s, err
}

// holds compares a checkpoint with what is said of it. The hint is read anyway; only
// where it does not say how many files there are, the .crc is asked, one small file.
func (t *Table) holds(ctx context.Context, s *state, files []string, rows int64, hint told) error {
	short := func(by string, has, says int64, what string) error {
		return &Error{Category: CheckpointCorrupt, File: files[0], Problem: fmt.Sprintf("the checkpoint has %d %s, and %s says %d", has, what, by, says)}
	}
	of := hint
	if of.by == "" || of.version != s.version || of.adds == nil {
		of = t.toldByChecksum(ctx, s.version)
	}
	if of.adds != nil && int64(*of.adds) != int64(len(s.files)) {
		return short(of.by, int64(len(s.files)), int64(*of.adds), "files")
	}
	if of.bytes != nil {
		if has := s.bytes(); has != int64(*of.bytes) {
			return short(of.by, has, int64(*of.bytes), "bytes of files")
		}
	}
	if of.actions != nil && !isV2(files) && rows < int64(*of.actions) {
		return short(of.by, rows, int64(*of.actions), "actions")
	}
	return nil
}

func (s *state) bytes() (n int64) {
	for _, f := range s.files {
		n += f.Size.value()
	}
	return n
}

func isV2(files []string) bool {
	_, rest, _ := splitLogName(path.Base(files[0]))
	return isV2Name(rest)
}
