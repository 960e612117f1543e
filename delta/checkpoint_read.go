package delta

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/schema"
)

// readCheckpoint reads a classic, multi-part or V2 checkpoint with its sidecars, and
// says how many rows it has. Errors are *[Error] with [CheckpointCorrupt] that name the file at fault, or
// what the store says.
func (t *Table) readCheckpoint(ctx context.Context, version int64, files []string) (*state, int64, error) {
	s := newState()
	rows := int64(0)
	take := func(part sidecar) ([]sidecar, error) {
		c, sidecars, n, err := t.readCheckpointFile(ctx, version, part)
		if err != nil {
			return nil, err
		}
		s.apply(c)
		s.info = nil
		rows += n
		return sidecars, nil
	}
	for _, name := range files {
		sidecars, err := take(sidecar{Path: name})
		if err != nil {
			return nil, 0, err
		}
		for _, part := range sidecars {
			if _, err := take(part); err != nil {
				return nil, 0, err
			}
		}
	}
	if s.protocol == nil && s.metaData == nil {
		return nil, 0, &Error{Category: CheckpointCorrupt, File: files[0], Problem: "the checkpoint has neither protocol nor metaData"}
	}
	return s, rows, nil
}

// readCheckpointFile reads a checkpoint, or a sidecar of one, by its name below the table:
// its actions, the sidecars that it names, and how many rows it has.
func (t *Table) readCheckpointFile(ctx context.Context, version int64, part sidecar) (*commit, []sidecar, int64, error) {
	name := part.Path
	corrupt := func(err error) error {
		return &Error{Category: CheckpointCorrupt, File: name, Problem: "not a readable checkpoint", Err: err}
	}
	src, err := t.content(ctx, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, 0, corrupt(errors.New("the file is missing"))
	}
	if err != nil {
		return nil, nil, 0, fmt.Errorf("delta: %s: %w", name, err)
	}
	if says := int64(part.SizeInBytes); says > 0 && says != src.size {
		return nil, nil, 0, corrupt(fmt.Errorf("it has %d bytes, and the checkpoint says %d", src.size, says))
	}
	c := &commit{version: version, file: name}
	var sidecars []sidecar
	rows := int64(0)
	take := func(a *action) error {
		rows++
		for _, f := range []*fileAction{a.Add, a.Remove} {
			if f != nil && !utf8.ValidString(f.Path) {
				return fmt.Errorf("the path %q is no UTF-8", f.Path)
			}
		}
		if a.Sidecar != nil {
			p, err := decodePath(a.Sidecar.Path)
			if err != nil {
				return err
			}
			if !strings.Contains(p, "/") {
				p = path.Join(sidecarDir, p)
			}
			sidecars = append(sidecars, sidecar{Path: p, SizeInBytes: a.Sidecar.SizeInBytes})
		}
		return c.take(a)
	}
	if strings.HasSuffix(name, ".json") {
		var data []byte
		if data, err = io.ReadAll(src.reader()); err == nil {
			err = eachAction(data, take)
		}
	} else {
		err = parseCheckpoint(src, t.warn, take)
	}
	if err != nil {
		return nil, nil, 0, corrupt(err)
	}
	return c, sidecars, rows, nil
}

// content is what is in a file: it is read as far as it is asked for.
type content struct {
	at   io.ReaderAt
	size int64
}

func (c *content) reader() *io.SectionReader { return io.NewSectionReader(c.at, 0, c.size) }

func inMemory(data []byte) *content { return &content{bytes.NewReader(data), int64(len(data))} }

// content opens a file. One on a local disk is not read into memory, and closed when
// nothing refers to it any more; it stays readable when it is removed meanwhile.
func (t *Table) content(ctx context.Context, name string) (*content, error) {
	if local, ok := t.store.(dir); ok {
		f, err := os.Open(local.path(name))
		if err != nil {
			return nil, err
		}
		fi, err := f.Stat()
		if err != nil {
			return nil, err
		}
		return &content{f, fi.Size()}, ctx.Err()
	}
	data, err := t.store.Read(ctx, name)
	return inMemory(data), err
}

// parseCheckpoint reads the actions of a Parquet checkpoint, in the order of its
// rows, whatever other columns it has (PROTOCOL.md, "Checkpoint Schema").
func parseCheckpoint(src *content, warn func(error), take func(*action) error) (err error) {
	// The Parquet library panics on some broken files.
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("broken Parquet: %v", p)
		}
	}()
	r, err := file.NewParquetReader(src.reader())
	if err != nil {
		return err
	}
	defer r.Close()
	sc := r.MetaData().Schema
	var late *lateStats
	if readsLate(src.size, r) {
		late = &lateStats{src: src, warn: warn}
	}
	base := 0
	var actions []action // of one row group
	texts, seen := &slab{}, &interned{texts: map[string]string{}, maps: map[string]map[string]*string{}}
	// Every row has a path of its own, so a file has no more rows than it has
	// bits: a broken footer cannot ask for all memory.
	for g := range r.NumRowGroups() {
		group := r.RowGroup(g)
		rows := int(group.NumRows())
		if rows < 0 || int64(rows) > 8*src.size {
			return fmt.Errorf("a row group of %d rows in a file of %d bytes", rows, src.size)
		}
		if cap(actions) < rows {
			actions = make([]action, rows)
		}
		actions = actions[:rows]
		clear(actions)
		keys := map[string][]cell{}
		for i := range sc.NumColumns() {
			col := sc.Column(i)
			name := columnKey(col.Path())
			set, mapped, isKey := setters[name], mapSetters[strings.TrimSuffix(name, ".value")], mapSetters[strings.TrimSuffix(name, ".key")]
			if set == nil && mapped == nil && isKey == nil || late != nil && name == statsColumn {
				continue
			}
			chunk, err := group.Column(i)
			if err != nil {
				return err
			}
			var cells []cell
			visit, keep := func(c cell) error { cells = append(cells, c); return nil }, seen.text
			if set == nil {
				cells = make([]cell, 0, rows)
			} else {
				visit, keep = func(c cell) error { set(&actions[c.row], c); return nil }, texts.add
			}
			if err := readColumn(chunk, col, rows, keep, visit); err != nil {
				return fmt.Errorf("column %s: %w", col.Path(), err)
			}
			switch {
			case isKey != nil:
				keys[strings.TrimSuffix(name, ".key")] = cells
			case mapped != nil:
				if err := setMaps(actions, keys[strings.TrimSuffix(name, ".value")], cells, seen, mapped); err != nil {
					return fmt.Errorf("column %s: %w", col.Path(), err)
				}
			}
		}
		for i := range actions {
			if add := actions[i].Add; add != nil && late != nil {
				add.late, add.row = late, int32(base+i)
			}
			if err := take(&actions[i]); err != nil {
				return err
			}
		}
		base += rows
	}
	return nil
}

// columnKey names a leaf column whatever its writer calls the levels inside maps
// and lists: add.tags.key_value.key is add.tags.key, a list's leaf is its name.
func columnKey(p string) string {
	f := strings.Split(p, ".")
	if len(f) < 4 {
		return p
	}
	switch last := f[len(f)-1]; last {
	case "key", "value":
		return strings.Join(f[:len(f)-2], ".") + "." + last
	case "element", "array", "array_element", "item":
		return strings.Join(f[:len(f)-2], ".")
	}
	return p
}

// cell is one value of a leaf column, in a row of its row group.
type cell struct {
	row   int
	text  string
	num   int64
	flag  bool
	null  bool // a map entry or list element that is null
	empty bool // stands for a list or map without elements
}

// textPtr is the text, nil when it is null.
func (c cell) textPtr() *string {
	if c.null {
		return nil
	}
	return &c.text
}

// setters put cells into actions. Columns that are not named are not read.
var setters = map[string]func(*action, cell){
	"txn.appId":       func(a *action, c cell) { at(&a.Txn).AppID = c.text },
	"txn.version":     func(a *action, c cell) { at(&a.Txn).Version = number(c.num) },
	"txn.lastUpdated": func(a *action, c cell) { at(&a.Txn).LastUpdated = numberOf(c.num) },

	"add.path":                          func(a *action, c cell) { at(&a.Add).Path = c.text },
	"add.size":                          func(a *action, c cell) { at(&a.Add).Size = numberOf(c.num) },
	"add.modificationTime":              func(a *action, c cell) { at(&a.Add).ModificationTime = numberOf(c.num) },
	"add.dataChange":                    func(a *action, c cell) { at(&a.Add).DataChange = flagOf(c) },
	"add.stats":                         func(a *action, c cell) { at(&a.Add).Stats = new(c.text) },
	"add.stats_parsed.numRecords":       func(a *action, c cell) { rowsOnly(at(&a.Add), c.num) },
	"add.baseRowId":                     func(a *action, c cell) { at(&a.Add).BaseRowID = numberOf(c.num) },
	"add.defaultRowCommitVersion":       func(a *action, c cell) { at(&a.Add).DefaultRowCommitVersion = numberOf(c.num) },
	"add.clusteringProvider":            func(a *action, c cell) { at(&a.Add).ClusteringProvider = new(c.text) },
	"add.deletionVector.storageType":    func(a *action, c cell) { at(&at(&a.Add).DeletionVector).StorageType = c.text },
	"add.deletionVector.pathOrInlineDv": func(a *action, c cell) { at(&at(&a.Add).DeletionVector).PathOrInlineDv = c.text },
	"add.deletionVector.offset":         func(a *action, c cell) { at(&at(&a.Add).DeletionVector).Offset = numberOf(c.num) },
	"add.deletionVector.sizeInBytes":    func(a *action, c cell) { at(&at(&a.Add).DeletionVector).SizeInBytes = number(c.num) },
	"add.deletionVector.cardinality":    func(a *action, c cell) { at(&at(&a.Add).DeletionVector).Cardinality = number(c.num) },

	"remove.path":                          func(a *action, c cell) { at(&a.Remove).Path = c.text },
	"remove.deletionTimestamp":             func(a *action, c cell) { at(&a.Remove).DeletionTimestamp = numberOf(c.num) },
	"remove.dataChange":                    func(a *action, c cell) { at(&a.Remove).DataChange = flagOf(c) },
	"remove.extendedFileMetadata":          func(a *action, c cell) { at(&a.Remove).ExtendedFileMetadata = flagOf(c) },
	"remove.size":                          func(a *action, c cell) { at(&a.Remove).Size = numberOf(c.num) },
	"remove.baseRowId":                     func(a *action, c cell) { at(&a.Remove).BaseRowID = numberOf(c.num) },
	"remove.defaultRowCommitVersion":       func(a *action, c cell) { at(&a.Remove).DefaultRowCommitVersion = numberOf(c.num) },
	"remove.deletionVector.storageType":    func(a *action, c cell) { at(&at(&a.Remove).DeletionVector).StorageType = c.text },
	"remove.deletionVector.pathOrInlineDv": func(a *action, c cell) { at(&at(&a.Remove).DeletionVector).PathOrInlineDv = c.text },
	"remove.deletionVector.offset":         func(a *action, c cell) { at(&at(&a.Remove).DeletionVector).Offset = numberOf(c.num) },
	"remove.deletionVector.sizeInBytes":    func(a *action, c cell) { at(&at(&a.Remove).DeletionVector).SizeInBytes = number(c.num) },
	"remove.deletionVector.cardinality":    func(a *action, c cell) { at(&at(&a.Remove).DeletionVector).Cardinality = number(c.num) },

	"metaData.id":               func(a *action, c cell) { at(&a.MetaData).ID = c.text },
	"metaData.name":             func(a *action, c cell) { at(&a.MetaData).Name = new(c.text) },
	"metaData.description":      func(a *action, c cell) { at(&a.MetaData).Description = new(c.text) },
	"metaData.format.provider":  func(a *action, c cell) { at(&a.MetaData).Format.Provider = c.text },
	"metaData.schemaString":     func(a *action, c cell) { at(&a.MetaData).SchemaString = c.text },
	"metaData.partitionColumns": func(a *action, c cell) { appendText(&at(&a.MetaData).PartitionColumns, c) },
	"metaData.createdTime":      func(a *action, c cell) { at(&a.MetaData).CreatedTime = numberOf(c.num) },

	"protocol.minReaderVersion": func(a *action, c cell) { at(&a.Protocol).MinReader = int(c.num) },
	"protocol.minWriterVersion": func(a *action, c cell) { at(&a.Protocol).MinWriter = int(c.num) },
	"protocol.readerFeatures":   func(a *action, c cell) { appendText(at(&at(&a.Protocol).ReaderFeatures), c) },
	"protocol.writerFeatures":   func(a *action, c cell) { appendText(at(&at(&a.Protocol).WriterFeatures), c) },

	"domainMetadata.domain":        func(a *action, c cell) { at(&a.Domain).Domain = c.text },
	"domainMetadata.configuration": func(a *action, c cell) { at(&a.Domain).Configuration = c.text },
	"domainMetadata.removed":       func(a *action, c cell) { at(&a.Domain).Removed = c.flag },

	"sidecar.path":        func(a *action, c cell) { at(&a.Sidecar).Path = c.text },
	"sidecar.sizeInBytes": func(a *action, c cell) { at(&a.Sidecar).SizeInBytes = number(c.num) },
}

// at gives what p points to, made when it is not there.
func at[T any](p **T) *T {
	if *p == nil {
		*p = new(T)
	}
	return *p
}

// flagOf points to one of two constants: an allocation for each would be most of
// what reading a checkpoint allocates.
func flagOf(c cell) *bool {
	if c.flag {
		return &yes
	}
	return &no
}

var yes, no = true, false

// mapSetters put a map into actions, which may be shared and must not be changed.
var mapSetters = map[string]func(a *action, m map[string]*string){
	"add.partitionValues":     func(a *action, m map[string]*string) { at(&a.Add).PartitionValues = m },
	"add.tags":                func(a *action, m map[string]*string) { at(&a.Add).Tags = m },
	"remove.partitionValues":  func(a *action, m map[string]*string) { at(&a.Remove).PartitionValues = m },
	"metaData.format.options": func(a *action, m map[string]*string) { at(&a.MetaData).Format.Options = known(m) },
	"metaData.configuration":  func(a *action, m map[string]*string) { at(&a.MetaData).Configuration = known(m) },
}

// known is m without the entries that are null.
func known(m map[string]*string) map[string]string {
	out := make(map[string]string, len(m))
	for k, v := range m {
		if v != nil {
			out[k] = *v
		}
	}
	return out
}

// setMaps pairs the cells of a map's two columns, which have the same structure.
func setMaps(actions []action, keys, values []cell, seen *interned, set func(*action, map[string]*string)) error {
	if len(keys) != len(values) {
		return fmt.Errorf("%d keys and %d values", len(keys), len(values))
	}
	for i, k := range keys {
		if values[i].row != k.row || values[i].empty != k.empty {
			return errors.New("keys and values differ in their rows")
		}
	}
	for start := 0; start < len(keys); {
		end := start
		for end < len(keys) && keys[end].row == keys[start].row {
			end++
		}
		if !keys[start].empty {
			set(&actions[keys[start].row], seen.entries(keys[start:end], values[start:end]))
		}
		start = end
	}
	return nil
}

// slab keeps texts together: one allocation for many.
type slab struct{ b strings.Builder }

const slabSize = 1 << 16

func (s *slab) add(text []byte) string {
	if s.b.Cap()-s.b.Len() < len(text) {
		s.b = strings.Builder{}
		s.b.Grow(max(slabSize, len(text)))
	}
	start := s.b.Len()
	s.b.Write(text)
	return s.b.String()[start:]
}

// interned makes equal texts and equal maps one: partition values repeat from
// file to file. What it remembers is bounded.
type interned struct {
	texts map[string]string
	maps  map[string]map[string]*string
	key   []byte
}

const maxInterned = 1 << 14

func (n *interned) text(b []byte) string {
	if s, ok := n.texts[string(b)]; ok {
		return s
	}
	s := string(b)
	if len(n.texts) < maxInterned && len(s) < 256 {
		n.texts[s] = s
	}
	return s
}

func (n *interned) entries(keys, values []cell) map[string]*string {
	n.key = n.key[:0]
	for i, k := range keys {
		n.key = append(binary.AppendUvarint(n.key, uint64(len(k.text))), k.text...)
		if values[i].null {
			n.key = append(n.key, 0)
			continue
		}
		n.key = append(binary.AppendUvarint(n.key, uint64(len(values[i].text))+1), values[i].text...)
	}
	if m, ok := n.maps[string(n.key)]; ok {
		return m
	}
	m := make(map[string]*string, len(keys))
	for i, k := range keys {
		if !k.null {
			m[k.text] = values[i].textPtr()
		}
	}
	if len(n.maps) < maxInterned {
		n.maps[string(n.key)] = m
	}
	return m
}

// appendText adds an element to a list; an empty one is not nil.
func appendText(list *[]string, c cell) {
	if *list == nil {
		*list = []string{}
	}
	if !c.empty && !c.null {
		*list = append(*list, c.text)
	}
}

// rowsOnly makes stats of a file whose statistics are only in struct form:
// their number of rows.
func rowsOnly(f *fileAction, rows int64) {
	if f.Stats == nil {
		f.Stats = new(fmt.Sprintf(`{"numRecords":%d}`, rows))
	}
}

// readColumn gives one column chunk to visit, cell by cell; its error ends it. Nulls
// outside of lists and maps make none. Keep makes texts that outlive the batch.
func readColumn(chunk file.ColumnChunkReader, col *schema.Column, rows int, keep func([]byte) string, visit func(cell) error) error {
	switch r := chunk.(type) {
	case *file.ByteArrayColumnChunkReader:
		return readCells(r.ReadBatchInPage, col, rows, visit, func(c *cell, v parquet.ByteArray) { c.text = keep(v) }) // without a copy that keep makes
	case *file.Int64ColumnChunkReader:
		return readCells(r.ReadBatch, col, rows, visit, func(c *cell, v int64) { c.num = v })
	case *file.Int32ColumnChunkReader:
		return readCells(r.ReadBatch, col, rows, visit, func(c *cell, v int32) { c.num = int64(v) })
	case *file.BooleanColumnChunkReader:
		return readCells(r.ReadBatch, col, rows, visit, func(c *cell, v bool) { c.flag = v })
	}
	return fmt.Errorf("its type is %s", col.PhysicalType())
}

func readCells[T any](read func(int64, []T, []int16, []int16) (int64, int, error), col *schema.Column, rows int, visit func(cell) error, put func(*cell, T)) error {
	batch := int64(min(max(rows, 1), 4096))
	maxDef, repeated, inList := col.MaxDefinitionLevel(), repeatedLevel(col), col.MaxRepetitionLevel() > 0
	if col.MaxRepetitionLevel() > 1 {
		return errors.New("lists within lists")
	}
	values, defs, reps := make([]T, batch), make([]int16, batch), make([]int16, batch)
	row := -1
	var c cell
	for {
		n, found, err := read(batch, values, defs, reps)
		if err != nil {
			return err
		}
		if n == 0 {
			break
		}
		next := 0
		for i := range int(n) {
			def := maxDef
			if maxDef > 0 {
				def = defs[i]
			}
			if !inList || reps[i] == 0 {
				row++
			}
			if row < 0 || row >= rows {
				return fmt.Errorf("more than the %d rows of its row group", rows)
			}
			c = cell{row: row}
			switch {
			case def == maxDef:
				if next >= found {
					return errors.New("fewer values than its levels say")
				}
				put(&c, values[next])
				next++
			case inList && def >= repeated:
				c.null = true
			case inList && def == repeated-1:
				c.empty = true
			default:
				continue
			}
			if err := visit(c); err != nil {
				return err
			}
		}
	}
	if row != rows-1 {
		return fmt.Errorf("%d rows instead of %d", row+1, rows)
	}
	return nil
}

// repeatedLevel is the definition level at which an element of the list or map
// around a column exists.
func repeatedLevel(col *schema.Column) int16 {
	var level int16
	counting := false
	for n := col.SchemaNode(); n != nil && n.Parent() != nil; n = n.Parent() {
		if n.RepetitionType() == parquet.Repetitions.Repeated {
			counting = true
		}
		if counting && n.RepetitionType() != parquet.Repetitions.Required {
			level++
		}
	}
	return level
}
