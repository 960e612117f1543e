package delta

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"strings"

	"github.com/dq-dev/dq/table"
)

// dvMagic begins a bitmap (PROTOCOL.md, "Deletion Vector Format").
const dvMagic = 1681511377

// maxDVRows bounds what one deletion vector may delete, so that a few bytes of
// hostile input cannot ask for gigabytes: run containers compress without limit.
const maxDVRows = 1 << 28

func dvError(c Category, file, problem string, err error) *Error {
	return &Error{Category: c, File: file, Problem: "deletion vector: " + problem, Err: err}
}

// dvReader resolves descriptors; it keeps the last file, since many vectors of
// one commit are packed into one.
type dvReader struct {
	store Store
	name  string
	data  []byte
}

// resolve reads the deleted rows of the file f. Errors are *[Error].
func (r *dvReader) resolve(ctx context.Context, f *fileAction, rows int64) (*table.DeletionVector, error) {
	d := f.DeletionVector
	v := &table.DeletionVector{Storage: d.StorageType, Location: d.PathOrInlineDv,
		Size: int64(d.SizeInBytes), Cardinality: int64(d.Cardinality)}
	if d.Offset != nil {
		n := int64(*d.Offset)
		v.Offset = &n
	}
	var err error
	switch d.StorageType {
	case "i":
		v.Rows, err = r.inline(f)
	case "u", "p":
		v.Rows, err = r.stored(ctx, f)
	default:
		err = dvError(DVCorrupt, f.path, fmt.Sprintf("unknown storage type %q", d.StorageType), nil)
	}
	if err != nil {
		return nil, err
	}
	if int64(len(v.Rows)) != v.Cardinality {
		return nil, dvError(DVCorrupt, f.path, fmt.Sprintf("%d rows, but the log says %d", len(v.Rows), v.Cardinality), nil)
	}
	if n := len(v.Rows); rows >= 0 && n > 0 && v.Rows[n-1] >= rows {
		return nil, dvError(DVCorrupt, f.path, fmt.Sprintf("deletes row %d of a file of %d rows", v.Rows[n-1], rows), nil)
	}
	return v, nil
}

func (r *dvReader) inline(f *fileAction) ([]int64, error) {
	data, err := decodeZ85(f.DeletionVector.PathOrInlineDv)
	if err != nil {
		return nil, dvError(DVCorrupt, f.path, "inline data", err)
	}
	size := int64(f.DeletionVector.SizeInBytes)
	if size < 0 || size > int64(len(data)) {
		return nil, dvError(DVCorrupt, f.path, fmt.Sprintf("%d bytes inline, but the log says %d", len(data), size), nil)
	}
	rows, err := parseBitmap(data[:size])
	if err != nil {
		return nil, dvError(DVCorrupt, f.path, "inline data", err)
	}
	return rows, nil
}

func (r *dvReader) stored(ctx context.Context, f *fileAction) ([]int64, error) {
	d := f.DeletionVector
	name, err := dvFile(d)
	if err != nil {
		return nil, dvError(DVCorrupt, f.path, "location", err)
	}
	if name != r.name {
		data, err := r.store.Read(ctx, name)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, dvError(DVMissing, name, "the file is gone; it holds the deleted rows of "+f.path, nil)
		}
		if err != nil {
			return nil, fmt.Errorf("delta: %s: %w", name, err)
		}
		r.name, r.data = name, data
	}
	if len(r.data) == 0 || r.data[0] != 1 {
		return nil, dvError(DVCorrupt, name, "the file's format is not version 1", nil)
	}
	// Without an offset the vector follows the version byte.
	offset, size := int64(1), int64(d.SizeInBytes)
	if d.Offset != nil {
		offset = int64(*d.Offset)
	}
	if size < 0 || offset < 0 || offset > int64(len(r.data))-8 || size > int64(len(r.data))-offset-8 {
		return nil, dvError(DVCorrupt, name, fmt.Sprintf("%d bytes at %d are beyond the file's %d", size, offset, len(r.data)), nil)
	}
	at := r.data[offset:]
	if got := int64(binary.BigEndian.Uint32(at)); got != size {
		return nil, dvError(DVCorrupt, name, fmt.Sprintf("%d bytes at %d, but the log says %d", got, offset, size), nil)
	}
	bitmap := at[4 : 4+size]
	if crc32.ChecksumIEEE(bitmap) != binary.BigEndian.Uint32(at[4+size:]) {
		return nil, dvError(DVChecksum, name, fmt.Sprintf("the checksum of the %d bytes at %d is wrong", size, offset), nil)
	}
	rows, err := parseBitmap(bitmap)
	if err != nil {
		return nil, dvError(DVCorrupt, name, fmt.Sprintf("at %d", offset), err)
	}
	return rows, nil
}

// dvFile is the name of the file that a descriptor of type u or p points to.
func dvFile(d *dvDescriptor) (string, error) {
	if d.StorageType == "p" {
		name, err := decodePath(d.PathOrInlineDv)
		if err == nil && !strings.HasPrefix(name, "/") && !hasScheme(name) {
			err = fmt.Errorf("%q is not absolute", d.PathOrInlineDv)
		}
		return name, err
	}
	if len(d.PathOrInlineDv) < 20 {
		return "", fmt.Errorf("%q is no encoded UUID", d.PathOrInlineDv)
	}
	prefix, encoded := d.PathOrInlineDv[:len(d.PathOrInlineDv)-20], d.PathOrInlineDv[len(d.PathOrInlineDv)-20:]
	id, err := decodeZ85(encoded)
	if err != nil {
		return "", err
	}
	name := "deletion_vector_" + formatUUID(id) + ".bin"
	if prefix == "" {
		return name, nil
	}
	// decodePath only for its guard against .. : a prefix is no URI.
	if _, err := decodePath(encodePath(prefix)); err != nil {
		return "", err
	}
	return prefix + "/" + name, nil
}

// formatUUID writes 16 bytes as a UUID.
func formatUUID(b []byte) string {
	h := hex.EncodeToString(b)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

const z85 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"

func decodeZ85(s string) ([]byte, error) {
	if len(s)%5 != 0 {
		return nil, fmt.Errorf("%d characters of base 85 are no multiple of 5", len(s))
	}
	out := make([]byte, 0, len(s)/5*4)
	for i := 0; i < len(s); i += 5 {
		var v uint64
		for _, c := range []byte(s[i : i+5]) {
			n := strings.IndexByte(z85, c)
			if n < 0 {
				return nil, fmt.Errorf("%q is no character of base 85", c)
			}
			v = v*85 + uint64(n)
		}
		if v > 0xFFFFFFFF {
			return nil, fmt.Errorf("%q is no group of base 85", s[i:i+5])
		}
		out = binary.BigEndian.AppendUint32(out, uint32(v))
	}
	return out, nil
}

// bits reads little-endian values and remembers whether they were there.
type bits struct {
	b    []byte
	fail bool
}

func (r *bits) take(n int) []byte {
	if n > len(r.b) {
		r.fail = true
		return make([]byte, min(n, 8))
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *bits) u16() uint16 { return binary.LittleEndian.Uint16(r.take(2)) }
func (r *bits) u32() uint32 { return binary.LittleEndian.Uint32(r.take(4)) }
func (r *bits) u64() uint64 { return binary.LittleEndian.Uint64(r.take(8)) }

var errShort = errors.New("the bitmap ends too early")

// parseBitmap reads a 64-bit roaring bitmap in the portable format with its
// magic number, and returns its rows in ascending order.
func parseBitmap(b []byte) ([]int64, error) {
	r := &bits{b: b}
	if magic := r.u32(); r.fail || magic != dvMagic {
		return nil, fmt.Errorf("the bitmap does not begin with the magic number %d", dvMagic)
	}
	buckets := r.u64()
	if buckets > uint64(len(b)) {
		return nil, errShort
	}
	var rows []int64
	last := int64(-1)
	for range buckets {
		key := r.u32()
		if r.fail {
			return nil, errShort
		}
		if key>>31 != 0 || int64(key) <= last {
			return nil, fmt.Errorf("bucket %d is out of order", key)
		}
		last = int64(key)
		var err error
		if rows, err = parseRoaring(r, int64(key)<<32, rows); err != nil {
			return nil, err
		}
	}
	if len(r.b) > 0 {
		return nil, fmt.Errorf("%d bytes follow the bitmap", len(r.b))
	}
	return rows, nil
}

const (
	roaringPlain   = 12346
	roaringRuns    = 12347
	roaringArray   = 4096 // containers of at most that many values are arrays
	roaringOffsets = 4    // with runs, offsets are there from that many containers on
)

// parseRoaring appends the values of one 32-bit bitmap, as the roaring format
// specification has it (github.com/RoaringBitmap/RoaringFormatSpec).
func parseRoaring(r *bits, base int64, rows []int64) ([]int64, error) {
	cookie := r.u32()
	var n int
	var runs []byte
	switch {
	case r.fail:
		return nil, errShort
	case cookie&0xFFFF == roaringRuns:
		n = int(cookie>>16) + 1
		runs = r.take((n + 7) / 8)
	case cookie == roaringPlain:
		size := r.u32()
		if size > 1<<16 {
			return nil, fmt.Errorf("%d containers in one bucket", size)
		}
		n = int(size)
	default:
		return nil, fmt.Errorf("unknown bitmap format %d", cookie)
	}
	header := &bits{b: r.take(4 * n)}
	if runs == nil || n >= roaringOffsets {
		r.take(4 * n) // containers follow each other, so offsets say nothing new
	}
	if r.fail {
		return nil, errShort
	}
	last := -1
	for i := range n {
		key, count := header.u16(), int(header.u16())+1
		if int(key) <= last {
			return nil, fmt.Errorf("container %d is out of order", key)
		}
		last = int(key)
		start := len(rows)
		var err error
		low := base | int64(key)<<16
		switch {
		case runs != nil && runs[i/8]>>(i%8)&1 == 1:
			rows, err = appendRuns(r, low, rows)
		case count <= roaringArray:
			rows, err = appendArray(r, low, count, rows)
		default:
			rows = appendBits(r, low, rows)
		}
		if err != nil {
			return nil, err
		}
		if r.fail {
			return nil, errShort
		}
		if got := len(rows) - start; got != count {
			return nil, fmt.Errorf("container %d has %d values, its header says %d", key, got, count)
		}
		if len(rows) > maxDVRows {
			return nil, fmt.Errorf("more than %d rows", maxDVRows)
		}
	}
	return rows, nil
}

func appendRuns(r *bits, low int64, rows []int64) ([]int64, error) {
	next := 0
	for range r.u16() {
		first, length := int(r.u16()), int(r.u16())
		if r.fail {
			return nil, errShort
		}
		if first < next || first+length > 0xFFFF {
			return nil, errors.New("runs overlap")
		}
		for v := first; v <= first+length; v++ {
			rows = append(rows, low|int64(v))
		}
		next = first + length + 1
	}
	return rows, nil
}

func appendArray(r *bits, low int64, count int, rows []int64) ([]int64, error) {
	last := -1
	for range count {
		v := int(r.u16())
		if r.fail {
			return nil, errShort
		}
		if v <= last {
			return nil, errors.New("values are out of order")
		}
		last = v
		rows = append(rows, low|int64(v))
	}
	return rows, nil
}

func appendBits(r *bits, low int64, rows []int64) []int64 {
	for word := range int64(1024) {
		w := r.u64()
		if r.fail {
			return rows
		}
		for bit := range int64(64) {
			if w>>bit&1 == 1 {
				rows = append(rows, low|word<<6|bit)
			}
		}
	}
	return rows
}
