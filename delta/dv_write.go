package delta

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"

	"github.com/dq-dev/dq/table"
)

// deletion is a live file and all of its rows that are deleted from now on.
type deletion struct {
	live  *fileAction
	stats string
	rows  []int64 // ascending, each once
}

// vectorFile is a file of deletion vectors that the commit refers to. It travels
// with a prepared commit, so that whoever commits can write it.
type vectorFile struct {
	Name string `json:"name"`
	Data []byte `json:"data"`
}

// Delete deletes rows of a file that is live in the snapshot, by their positions
// in it: 0 is the first row that is physically there, deleted ones count. Those
// that were deleted before stay so. The file itself stays as it is and gets a
// deletion vector; when no row is left it is removed. Positions may come in any
// order; what is deleted already is no change.
//
// Mistakes, reported by [Txn.Commit] as *[Error] with [ErrInvalid]: the table
// property delta.enableDeletionVectors is not true (set it with
// [Txn.SetProperties], in this commit or before; readers then need version 3 of
// the protocol); a position outside the file; the number of the file's rows is in
// neither the log nor file.Stats; file.Deleted has no Rows, since the file is not
// from [Snapshot.Files]; two deletions from one file.
//
// Cost: memory of eight bytes a deleted row. All vectors of a commit go into one
// file, of at most one bit a row or two bytes a deleted row.
func (x *Txn) Delete(file table.File, rows []int64) {
	if !x.open("delete") {
		return
	}
	live := x.live(file, "delete")
	if live == nil {
		return
	}
	total, stats := live.rows(), ""
	switch {
	case total >= 0:
		stats = *live.stats()
	case file.Stats != nil && file.Stats.Rows >= 0:
		total, stats = file.Stats.Rows, fmt.Sprintf(`{"numRecords":%d}`, file.Stats.Rows)
	default:
		x.fail(invalid("delete: the log does not say how many rows %s has, which a deletion vector needs; give them in Stats, or write the rows that stay to a new file", file.Path))
		return
	}
	var old []int64
	if file.Deleted != nil {
		old = file.Deleted.Rows
		if int64(len(old)) != file.Deleted.Cardinality {
			x.fail(invalid("delete: the deletion vector of %s is not resolved; take the file from Snapshot.Files", file.Path))
			return
		}
	}
	all := slices.Concat(old, rows)
	slices.Sort(all)
	all = slices.Compact(all)
	switch n := len(all); {
	case n == len(old):
		return
	case all[0] < 0 || all[n-1] >= total:
		x.fail(invalid("delete: rows %d to %d of %s, which has %d", all[0], all[n-1], file.Path, total))
	case int64(n) == total:
		x.remove("delete", true, []table.File{file})
	case n > maxDVRows:
		x.fail(invalid("delete: %d rows of %s; a deletion vector has at most %d", n, file.Path, maxDVRows))
	default:
		x.remove("delete", true, []table.File{file})
		x.deletions = append(x.deletions, deletion{live, stats, all})
	}
}

// vectors makes one file of all deletion vectors, and the actions that refer to it.
func (x *Txn) vectors() []*fileAction {
	if len(x.deletions) == 0 {
		return nil
	}
	id, err := x.table.newID()
	if err != nil {
		x.fail(err)
		return nil
	}
	raw, err := hex.DecodeString(strings.ReplaceAll(id, "-", ""))
	if err != nil {
		x.fail(err)
		return nil
	}
	location := encodeZ85(raw)
	data := []byte{1} // the version of the format
	var adds []*fileAction
	for _, d := range x.deletions {
		bitmap := formatBitmap(d.rows)
		stats, err := loosened(d.stats)
		if err != nil {
			x.fail(invalid("delete: the statistics of %s: %v", d.live.path, err))
			continue
		}
		next := *d.live
		next.DataChange, next.Stats, next.PartitionValues = new(true), &stats, notNil(d.live.PartitionValues)
		next.DeletionVector = &dvDescriptor{StorageType: "u", PathOrInlineDv: location, Offset: numberOf(int64(len(data))),
			SizeInBytes: number(len(bitmap)), Cardinality: number(len(d.rows))}
		adds = append(adds, &next)
		data = binary.BigEndian.AppendUint32(data, uint32(len(bitmap)))
		data = append(data, bitmap...)
		data = binary.BigEndian.AppendUint32(data, crc32.ChecksumIEEE(bitmap))
	}
	x.prepared.Vectors = &vectorFile{"deletion_vector_" + id + ".bin", data}
	return adds
}

// writeVectors writes the file of deletion vectors before the log refers to it.
// Its name is in no other commit, so one that is there is this very file.
func (x *Txn) writeVectors(ctx context.Context) error {
	v := x.prepared.Vectors
	if v == nil {
		return nil
	}
	if err := x.table.store.PutNew(ctx, v.Name, v.Data); err != nil && !errors.Is(err, ErrExists) {
		return fmt.Errorf("delta: writing %s: %w", v.Name, err)
	}
	return nil
}

// discardVectors removes what writeVectors wrote. Should another process commit
// the same prepared commit after all, it writes the file again.
func (x *Txn) discardVectors(ctx context.Context) {
	if v := x.prepared.Vectors; v != nil {
		if err := x.table.store.Delete(context.WithoutCancel(ctx), v.Name); err != nil {
			x.table.warn(fmt.Errorf("delta: removing %s: %w", v.Name, err))
		}
	}
}

// loosened is the statistics of a file with rows deleted: bounds need not occur
// any more (PROTOCOL.md, "Per-file Statistics").
func loosened(stats string) (string, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal([]byte(stats), &fields); err != nil {
		return "", err
	}
	fields["tightBounds"] = json.RawMessage("false")
	return marshal(fields)
}

// encodeZ85 is the inverse of decodeZ85, for lengths that are a multiple of 4.
func encodeZ85(b []byte) string {
	out := make([]byte, 0, len(b)/4*5)
	for ; len(b) >= 4; b = b[4:] {
		v := binary.BigEndian.Uint32(b)
		var group [5]byte
		for i := 4; i >= 0; i-- {
			group[i] = z85[v%85]
			v /= 85
		}
		out = append(out, group[:]...)
	}
	return string(out)
}

// formatBitmap writes rows, ascending and each once, as parseBitmap reads them.
func formatBitmap(rows []int64) []byte {
	out := binary.LittleEndian.AppendUint32(nil, dvMagic)
	buckets := split(rows, 32)
	out = binary.LittleEndian.AppendUint64(out, uint64(len(buckets)))
	for _, bucket := range buckets {
		out = binary.LittleEndian.AppendUint32(out, uint32(bucket[0]>>32))
		out = appendRoaring(out, bucket)
	}
	return out
}

// split cuts ascending rows where they differ above the lowest bits.
func split(rows []int64, bits int) [][]int64 {
	var out [][]int64
	for len(rows) > 0 {
		end, _ := slices.BinarySearch(rows, (rows[0]>>bits+1)<<bits)
		out = append(out, rows[:end])
		rows = rows[end:]
	}
	return out
}

// appendRoaring writes one 32-bit bitmap without runs: every reader knows that form.
func appendRoaring(out []byte, rows []int64) []byte {
	containers := split(rows, 16)
	out = binary.LittleEndian.AppendUint32(out, roaringPlain)
	out = binary.LittleEndian.AppendUint32(out, uint32(len(containers)))
	for _, c := range containers {
		out = binary.LittleEndian.AppendUint16(out, uint16(c[0]>>16))
		out = binary.LittleEndian.AppendUint16(out, uint16(len(c)-1))
	}
	offset := 8 + 8*len(containers) // from the cookie on
	for _, c := range containers {
		out = binary.LittleEndian.AppendUint32(out, uint32(offset))
		if len(c) <= roaringArray {
			offset += 2 * len(c)
		} else {
			offset += 1 << 13
		}
	}
	for _, c := range containers {
		if len(c) <= roaringArray {
			for _, row := range c {
				out = binary.LittleEndian.AppendUint16(out, uint16(row))
			}
			continue
		}
		var words [1024]uint64
		for _, row := range c {
			words[row>>6&1023] |= 1 << (row & 63)
		}
		for _, w := range words {
			out = binary.LittleEndian.AppendUint64(out, w)
		}
	}
	return out
}
