// Package splice makes a Parquet file from two: most columns of an old one, as they
// lie there, and some of a new one. Nothing is decoded or compressed again, so that
// a change of some columns costs what these cost, and a copy of the rest.
//
// It knows footers (parquet.thrift), not values. The Parquet reader and writer of
// this project are elsewhere; they cannot take a column over as it is.
package splice

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
)

// ErrUnsuited says that a file cannot be spliced, or not with the other.
var ErrUnsuited = errors.New("the files cannot be spliced")

// Fields of the footer, see parquet.thrift.
const (
	fileSchema = 2
	fileGroups = 4

	elementType      = 1
	elementLength    = 2
	elementRepeats   = 3
	elementName      = 4
	elementChildren  = 5
	elementConverted = 6
	elementScale     = 7
	elementPrecision = 8
	elementLogical   = 10

	groupColumns    = 1
	groupBytes      = 2
	groupRows       = 3
	groupSorting    = 4
	groupOffset     = 5
	groupCompressed = 6

	chunkPath   = 1
	chunkOffset = 2
	chunkMeta   = 3
	chunkCrypto = 8
	chunkSealed = 9

	metaPlain       = 6
	metaCompressed  = 7
	metaPages       = 9
	metaIndexPages  = 10
	metaDictionary  = 11
	metaBloom       = 14
	metaBloomLength = 15
)

// chunkIndexes are the fields of page indexes, which are not taken over.
var chunkIndexes = []int64{4, 5, 6, 7}

const (
	magic   = "PAR1"
	maximum = 256 << 20 // bytes of a footer
)

// File is a Parquet file, of which the footer is read.
type File struct {
	name    string
	end     int64 // where the footer begins
	meta    value
	columns []column
}

// column is one of the topmost columns, and where its parts are.
type column struct {
	name              string
	elements          []value // of the schema
	firstLeaf, leaves int
}

// Open reads a file's footer. Error: that of the file system, or [ErrUnsuited] for
// what is not understood: no Parquet, an encrypted file, a broken footer.
func Open(name string) (*File, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	unsuited := func(why string) error { return fmt.Errorf("%s: %s: %w", name, why, ErrUnsuited) }
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	tail := make([]byte, 8)
	if info.Size() < 12 {
		return nil, unsuited("it is no Parquet file")
	}
	if _, err := f.ReadAt(tail, info.Size()-8); err != nil {
		return nil, err
	}
	length := int64(binary.LittleEndian.Uint32(tail))
	if string(tail[4:]) != magic || length > maximum || length > info.Size()-12 {
		return nil, unsuited("it is no plain Parquet file")
	}
	footer := make([]byte, length)
	out := &File{name: name, end: info.Size() - 8 - length}
	if _, err := f.ReadAt(footer, out.end); err != nil {
		return nil, err
	}
	d := &decoder{in: footer}
	if out.meta = d.value(kindStruct); d.err != nil {
		return nil, unsuited(d.err.Error())
	}
	if why := out.survey(); why != "" {
		return nil, unsuited(why)
	}
	return out, nil
}

// survey finds the columns, and says what is wrong with the footer.
func (f *File) survey() string {
	schema, groups := f.meta.get(fileSchema), f.meta.get(fileGroups)
	if schema == nil || groups == nil || len(schema.list) == 0 || schema.of != kindStruct || groups.of != kindStruct && len(groups.list) > 0 {
		return "the footer has no schema or no row groups"
	}
	elements, leaves := schema.list, 0
	for at := 1; at < len(elements); {
		c := column{firstLeaf: leaves}
		if name := elements[at].get(elementName); name != nil {
			c.name = string(name.bytes)
		}
		from := at
		for open := int64(1); open > 0; open-- {
			if at == len(elements) {
				return "the schema in the footer has no end"
			}
			children, _ := elements[at].int(elementChildren)
			if children < 0 || children > int64(len(elements)) {
				return "the schema in the footer is broken"
			}
			if children == 0 {
				leaves++
			}
			open += children
			at++
		}
		c.elements, c.leaves = elements[from:at], leaves-c.firstLeaf
		f.columns = append(f.columns, c)
	}
	for i := range groups.list {
		columns := groups.list[i].get(groupColumns)
		if columns == nil || columns.of != kindStruct || len(columns.list) != leaves {
			return "a row group has not the columns of the schema"
		}
		for j := range columns.list {
			if _, _, ok := f.extent(&columns.list[j]); !ok {
				return "a column lies where none can be, or elsewhere"
			}
		}
	}
	return ""
}

// extent is where a column chunk lies in the file.
func (f *File) extent(chunk *value) (from, length int64, ok bool) {
	meta := chunk.get(chunkMeta)
	if meta == nil || chunk.get(chunkPath) != nil || chunk.get(chunkCrypto) != nil || chunk.get(chunkSealed) != nil {
		return 0, 0, false
	}
	from, ok = meta.int(metaPages)
	for _, id := range []int64{metaIndexPages, metaDictionary} {
		if at, set := meta.int(id); set && at > 0 {
			from = min(from, at)
		}
	}
	length, sized := meta.int(metaCompressed)
	if pages, _ := meta.int(metaPages); pages-from >= length {
		return 0, 0, false
	}
	return from, length, ok && sized && from >= int64(len(magic)) && length >= 0 && length <= f.end && from <= f.end-length
}

// GroupRows are the rows of each row group.
func (f *File) GroupRows() []int64 {
	groups := f.meta.get(fileGroups).list
	out := make([]int64, len(groups))
	for i := range groups {
		out[i], _ = groups[i].int(groupRows)
	}
	return out
}

// Share is which part of the file's data some columns are, by their names in it.
// False says that it has not all of them.
func (f *File) Share(names []string) (float64, bool) {
	var part, all int64
	found := 0
	for _, c := range f.columns {
		chosen := slices.Contains(names, c.name)
		if chosen {
			found++
		}
		for _, g := range f.meta.get(fileGroups).list {
			for i := range c.leaves {
				_, length, _ := f.extent(&g.get(groupColumns).list[c.firstLeaf+i])
				if all += length; chosen {
					part += length
				}
			}
		}
	}
	return float64(part) / float64(max(all, 1)), found == len(names)
}

// Fits reports nil if the columns of other can take the place of columns of f: they
// have the same names and types, for as many rows in the same row groups; else
// [ErrUnsuited].
func (f *File) Fits(other *File) error {
	_, err := f.match(other)
	return err
}

// Write makes the new file to: the columns of f, but those that other has, which
// must fit (see [File.Fits]); nil has none. It is durable when Write returns; after an error there is none. The error is [ErrUnsuited], or that of the file system.
// Page indexes and notes on sorting are left out. Cost: a copy of the file.
func (f *File) Write(to string, other *File) error {
	takes, err := f.match(other)
	if err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	w := &writer{out: out}
	err = w.file(f, other, takes)
	if err == nil {
		err = out.Sync()
	}
	if err = errors.Join(err, out.Close()); err == nil {
		err = syncFolder(filepath.Dir(to))
	}
	if err != nil {
		return errors.Join(err, os.Remove(to))
	}
	return nil
}

// syncFolder makes the names in a folder durable.
func syncFolder(name string) error {
	dir, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// match finds the columns of f that other has, by the numbers of both.
func (f *File) match(other *File) (map[int]int, error) {
	if other == nil {
		return nil, nil
	}
	unsuited := func(why string, args ...any) (map[int]int, error) {
		return nil, fmt.Errorf("%s: %s: %w", f.name, fmt.Sprintf(why, args...), ErrUnsuited)
	}
	if !slices.Equal(f.GroupRows(), other.GroupRows()) {
		return unsuited("the new columns have other row groups")
	}
	takes := map[int]int{}
	for j, c := range other.columns {
		i := slices.IndexFunc(f.columns, func(old column) bool { return old.name == c.name })
		if i < 0 {
			return unsuited("it has no column %q", c.name)
		}
		if _, twice := takes[i]; twice || !slices.EqualFunc(f.columns[i].elements, c.elements, sameElement) {
			return unsuited("its column %q is stored otherwise", c.name)
		}
		takes[i] = j
	}
	return takes, nil
}

// utf8 is the converted type of texts, for which some writers give no logical type.
const utf8 = 0

// sameElement reports whether two elements of a schema stand for the same values.
func sameElement(a, b value) bool {
	for _, id := range []int64{elementType, elementLength, elementRepeats, elementChildren, elementConverted, elementScale, elementPrecision} {
		x, isSet := a.int(id)
		y, alsoSet := b.int(id)
		if x != y || isSet != alsoSet && id != elementScale && id != elementPrecision && id != elementLength && id != elementChildren {
			return false
		}
	}
	name, also := a.get(elementName), b.get(elementName)
	if name == nil || also == nil || !bytes.Equal(name.bytes, also.bytes) {
		return false
	}
	x, y := a.get(elementLogical), b.get(elementLogical)
	if x == nil || y == nil {
		converted, text := a.int(elementConverted)
		return x == y || text && converted == utf8
	}
	return bytes.Equal(appendValue(nil, x), appendValue(nil, y))
}

// writer writes one file.
type writer struct {
	out *os.File
	at  int64
}

func (w *writer) file(f, other *File, takes map[int]int) error {
	files := map[*File]*os.File{}
	for _, source := range []*File{f, other} {
		if source == nil {
			continue
		}
		in, err := os.Open(source.name)
		if err != nil {
			return err
		}
		defer func() { _ = in.Close() }()
		files[source] = in
	}
	if err := w.bytes([]byte(magic)); err != nil {
		return err
	}
	meta := f.meta
	groups := value{kind: kindList, of: kindStruct}
	var blooms []bloom
	var pending run
	for g := range f.meta.get(fileGroups).list {
		group := clone(f.meta.get(fileGroups).list[g])
		group.drop(groupSorting)
		chunks := group.get(groupColumns)
		var plain, compressed int64
		begins := int64(0)
		for i, c := range f.columns {
			source, from := f, c.firstLeaf
			if j, ok := takes[i]; ok {
				source, from = other, other.columns[j].firstLeaf
			}
			for leaf := range c.leaves {
				chunk := clone(source.meta.get(fileGroups).list[g].get(groupColumns).list[from+leaf])
				start, length, _ := source.extent(&chunk)
				if pending.in != files[source] || pending.from+pending.length != start {
					if err := w.copy(&pending); err != nil {
						return err
					}
					pending = run{in: files[source], from: start}
				}
				at := w.at + pending.length
				pending.length += length
				if begins == 0 {
					begins = at
				}
				moveChunk(&chunk, at-start)
				info := chunk.get(chunkMeta)
				if b, ok := bloomOf(info, source, files[source]); ok {
					b.group, b.leaf = chunks, c.firstLeaf+leaf
					blooms = append(blooms, b)
				} else {
					info.drop(metaBloom, metaBloomLength)
				}
				size, _ := info.int(metaPlain)
				plain, compressed = plain+size, compressed+length
				chunks.list[c.firstLeaf+leaf] = chunk
			}
		}
		group.setInt(groupBytes, plain)
		group.setInt(groupCompressed, compressed)
		group.setInt(groupOffset, begins)
		groups.list = append(groups.list, group)
	}
	if err := w.copy(&pending); err != nil {
		return err
	}
	for _, b := range blooms {
		b.group.list[b.leaf].get(chunkMeta).setInt(metaBloom, w.at)
		if err := w.copy(&run{b.in, b.from, b.length}); err != nil {
			return err
		}
	}
	meta.fields = slices.Clone(meta.fields)
	*meta.get(fileGroups) = groups
	footer := appendValue(nil, &meta)
	footer = append(binary.LittleEndian.AppendUint32(footer, uint32(len(footer))), magic...)
	return w.bytes(footer)
}

// moveChunk says where a column chunk lies that is moved.
func moveChunk(chunk *value, by int64) {
	chunk.drop(chunkIndexes...)
	if at, ok := chunk.int(chunkOffset); ok && at > 0 {
		chunk.setInt(chunkOffset, at+by)
	}
	meta := chunk.get(chunkMeta)
	for _, id := range []int64{metaPages, metaIndexPages, metaDictionary} {
		if at, ok := meta.int(id); ok && (at > 0 || id == metaPages) {
			meta.setInt(id, at+by)
		}
	}
}

// run is a piece of a file.
type run struct {
	in           *os.File
	from, length int64
}

// bloom is a column's Bloom filter, which is told where it went.
type bloom struct {
	run
	group *value // the column chunks of a row group
	leaf  int
}

func bloomOf(meta *value, f *File, in *os.File) (bloom, bool) {
	from, ok := meta.int(metaBloom)
	length, sized := meta.int(metaBloomLength)
	if !ok || !sized || from < int64(len(magic)) || length <= 0 || length > f.end || from > f.end-length {
		return bloom{}, false
	}
	return bloom{run: run{in, from, length}}, true
}

func (w *writer) bytes(b []byte) error {
	n, err := w.out.Write(b)
	w.at += int64(n)
	return err
}

// copy appends a piece of another file; the system may do it without a look at it.
func (w *writer) copy(r *run) error {
	if r.length == 0 {
		return nil
	}
	if _, err := r.in.Seek(r.from, io.SeekStart); err != nil {
		return err
	}
	n, err := io.CopyN(w.out, r.in, r.length)
	w.at += n
	r.length = 0
	return err
}

// clone is a copy of a value whose integers can be changed.
func clone(v value) value {
	v.list = slices.Clone(v.list)
	for i := range v.list {
		v.list[i] = clone(v.list[i])
	}
	v.fields = slices.Clone(v.fields)
	for i := range v.fields {
		v.fields[i].value = clone(v.fields[i].value)
	}
	return v
}
