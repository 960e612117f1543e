package delta

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/schema"
)

// checkpointGroup is how many actions one row group of a checkpoint holds.
const checkpointGroup = 1 << 16

// checkpointInterval is after how many versions a checkpoint is written.
func checkpointInterval(props map[string]string) int64 {
	if n, err := strconv.ParseInt(props["delta.checkpointInterval"], 10, 64); err == nil && n > 0 {
		return n
	}
	return 10
}

// writeCheckpoint writes a checkpoint of the state, classic or V2 as the table has
// it, and then the hint to it (PROTOCOL.md, "Checkpoints"). The hint never moves
// backwards.
func (t *Table) writeCheckpoint(ctx context.Context, s *state, now time.Time) error {
	actions := s.checkpointActions(now)
	var size int
	var err error
	if s.v2Checkpoints() {
		size, err = t.writeV2(ctx, s.version, actions, now)
	} else {
		size, err = t.writeClassic(ctx, s.version, actions)
	}
	if err != nil {
		return err
	}
	if t.hint(ctx).version >= s.version {
		return nil
	}
	hint, err := marshal(struct {
		Version       int64 `json:"version"`
		Size          int   `json:"size"`
		SizeInBytes   int   `json:"sizeInBytes"`
		NumOfAddFiles int   `json:"numOfAddFiles"`
	}{s.version, len(actions), size, len(s.files)})
	if err != nil {
		return err
	}
	return t.store.Put(ctx, hintName, []byte(hint))
}

func (t *Table) writeClassic(ctx context.Context, version int64, actions []action) (int, error) {
	data, err := formatCheckpoint(checkpointShape, actions)
	if err != nil {
		return 0, err
	}
	return len(data), t.store.Put(ctx, checkpointName(version), data)
}

// checkpointActions are what a checkpoint holds, in a fixed order.
func (s *state) checkpointActions(now time.Time) []action {
	out := []action{{Protocol: s.protocol}, {MetaData: s.metaData}}
	for _, app := range sortedKeys(s.txns) {
		out = append(out, action{Txn: new(s.txns[app])})
	}
	for _, domain := range sortedKeys(s.domains) {
		out = append(out, action{Domain: new(s.domains[domain])})
	}
	expired := now.Add(-tombstoneRetention(s.metaData.Configuration)).UnixMilli()
	var removes, adds []*fileAction
	for _, f := range s.tombstones {
		if f.DeletionTimestamp.value() > expired {
			removes = append(removes, f)
		}
	}
	for _, f := range s.files {
		adds = append(adds, f)
	}
	for _, f := range sortFiles(removes) {
		out = append(out, action{Remove: f})
	}
	for _, f := range sortFiles(adds) {
		out = append(out, action{Add: f})
	}
	return out
}

// shape is a node of the checkpoint's schema; groups have fields.
type shape struct {
	name   string
	kind   shapeKind
	fields []shape
}

type shapeKind int

const (
	group shapeKind = iota
	text
	long
	integer
	boolean
	textMap
	textList
)

var dvShape = shape{"deletionVector", group, []shape{{"storageType", text, nil}, {"pathOrInlineDv", text, nil},
	{"offset", integer, nil}, {"sizeInBytes", integer, nil}, {"cardinality", long, nil}}}

// checkpointShape is the schema as Spark writes it: everything is optional.
var checkpointShape = []shape{
	{"txn", group, []shape{{"appId", text, nil}, {"version", long, nil}, {"lastUpdated", long, nil}}},
	{"add", group, []shape{{"path", text, nil}, {"partitionValues", textMap, nil}, {"size", long, nil},
		{"modificationTime", long, nil}, {"dataChange", boolean, nil}, {"tags", textMap, nil}, dvShape,
		{"baseRowId", long, nil}, {"defaultRowCommitVersion", long, nil}, {"clusteringProvider", text, nil}, {"stats", text, nil}}},
	{"remove", group, []shape{{"path", text, nil}, {"deletionTimestamp", long, nil}, {"dataChange", boolean, nil},
		{"extendedFileMetadata", boolean, nil}, {"partitionValues", textMap, nil}, {"size", long, nil}, dvShape,
		{"baseRowId", long, nil}, {"defaultRowCommitVersion", long, nil}}},
	{"metaData", group, []shape{{"id", text, nil}, {"name", text, nil}, {"description", text, nil},
		{"format", group, []shape{{"provider", text, nil}, {"options", textMap, nil}}}, {"schemaString", text, nil},
		{"partitionColumns", textList, nil}, {"configuration", textMap, nil}, {"createdTime", long, nil}}},
	{"protocol", group, []shape{{"minReaderVersion", integer, nil}, {"minWriterVersion", integer, nil},
		{"readerFeatures", textList, nil}, {"writerFeatures", textList, nil}}},
	{"domainMetadata", group, []shape{{"domain", text, nil}, {"configuration", text, nil}, {"removed", boolean, nil}}},
}

// values are an action as its shape has it: values by field, nil where there is none.
func (a *action) values() map[string]any {
	switch {
	case a.Checkpoint != nil:
		return map[string]any{"checkpointMetadata": map[string]any{"version": int64(a.Checkpoint.Version)}}
	case a.Sidecar != nil:
		c := a.Sidecar
		return map[string]any{"sidecar": map[string]any{"path": c.Path, "sizeInBytes": int64(c.SizeInBytes), "modificationTime": int64(c.ModificationTime)}}
	case a.Txn != nil:
		return map[string]any{"txn": map[string]any{"appId": a.Txn.AppID, "version": int64(a.Txn.Version), "lastUpdated": orNil(a.Txn.LastUpdated)}}
	case a.Add != nil:
		f := a.Add
		return map[string]any{"add": map[string]any{"path": f.Path, "partitionValues": notNil(f.PartitionValues), "size": f.Size.value(),
			"modificationTime": f.ModificationTime.value(), "dataChange": false, "tags": f.Tags, "deletionVector": f.DeletionVector.values(),
			"baseRowId": orNil(f.BaseRowID), "defaultRowCommitVersion": orNil(f.DefaultRowCommitVersion),
			"clusteringProvider": textOrNil(f.ClusteringProvider), "stats": textOrNil(f.stats())}}
	case a.Remove != nil:
		f := a.Remove
		v := map[string]any{"path": f.Path, "deletionTimestamp": orNil(f.DeletionTimestamp), "dataChange": false,
			"partitionValues": f.PartitionValues, "size": orNil(f.Size), "deletionVector": f.DeletionVector.values(),
			"baseRowId": orNil(f.BaseRowID), "defaultRowCommitVersion": orNil(f.DefaultRowCommitVersion)}
		v["extendedFileMetadata"] = f.ExtendedFileMetadata != nil && *f.ExtendedFileMetadata
		return map[string]any{"remove": v}
	case a.MetaData != nil:
		m := a.MetaData
		return map[string]any{"metaData": map[string]any{"id": m.ID, "name": textOrNil(m.Name), "description": textOrNil(m.Description),
			"format":       map[string]any{"provider": m.Format.Provider, "options": pointers(m.Format.Options)},
			"schemaString": m.SchemaString, "partitionColumns": listed(m.PartitionColumns), "configuration": pointers(m.Configuration),
			"createdTime": orNil(m.CreatedTime)}}
	case a.Protocol != nil:
		p := a.Protocol
		v := map[string]any{"minReaderVersion": int64(p.MinReader), "minWriterVersion": int64(p.MinWriter)}
		if p.ReaderFeatures != nil {
			v["readerFeatures"] = listed(*p.ReaderFeatures)
		}
		if p.WriterFeatures != nil {
			v["writerFeatures"] = listed(*p.WriterFeatures)
		}
		return map[string]any{"protocol": v}
	}
	return map[string]any{"domainMetadata": map[string]any{"domain": a.Domain.Domain, "configuration": a.Domain.Configuration, "removed": false}}
}

func (d *dvDescriptor) values() any {
	if d == nil {
		return nil
	}
	return map[string]any{"storageType": d.StorageType, "pathOrInlineDv": d.PathOrInlineDv, "offset": orNil(d.Offset),
		"sizeInBytes": int64(d.SizeInBytes), "cardinality": int64(d.Cardinality)}
}

func orNil(n *number) any {
	if n == nil {
		return nil
	}
	return int64(*n)
}

func textOrNil(s *string) any {
	if s == nil {
		return nil
	}
	return *s
}

func listed(s []string) []string {
	if s == nil {
		s = []string{}
	}
	return s
}

func pointers(m map[string]string) map[string]*string {
	out := make(map[string]*string, len(m))
	for k, v := range m {
		out[k] = &v
	}
	return out
}

// node makes the Parquet schema of a shape.
func (s shape) node() schema.Node {
	optional := parquet.Repetitions.Optional
	str := func(name string, rep parquet.Repetition) schema.Node {
		return schema.MustPrimitive(schema.NewPrimitiveNodeLogical(name, rep, schema.StringLogicalType{}, parquet.Types.ByteArray, -1, -1))
	}
	repeated := func(name string, fields schema.FieldList) schema.FieldList {
		return schema.FieldList{schema.MustGroup(schema.NewGroupNode(name, parquet.Repetitions.Repeated, fields, -1))}
	}
	switch s.kind {
	case text:
		return str(s.name, optional)
	case long:
		return schema.NewInt64Node(s.name, optional, -1)
	case integer:
		return schema.NewInt32Node(s.name, optional, -1)
	case boolean:
		return schema.NewBooleanNode(s.name, optional, -1)
	case textMap:
		entry := schema.FieldList{str("key", parquet.Repetitions.Required), str("value", optional)}
		return schema.MustGroup(schema.NewGroupNodeLogical(s.name, optional, repeated("key_value", entry), schema.MapLogicalType{}, -1))
	case textList:
		element := schema.FieldList{str("element", optional)}
		return schema.MustGroup(schema.NewGroupNodeLogical(s.name, optional, repeated("list", element), schema.NewListLogicalType(), -1))
	}
	fields := make(schema.FieldList, len(s.fields))
	for i, f := range s.fields {
		fields[i] = f.node()
	}
	return schema.MustGroup(schema.NewGroupNode(s.name, optional, fields, -1))
}

// column collects one leaf column of a row group.
type column struct {
	defs, reps []int16
	texts      []parquet.ByteArray
	nums       []int64
	flags      []bool
}

func (c *column) null(def, rep int16) {
	c.defs, c.reps = append(c.defs, def), append(c.reps, rep)
}

func (c *column) text(s string, def, rep int16) {
	c.null(def, rep)
	c.texts = append(c.texts, parquet.ByteArray(s))
}

// shred distributes a value over the leaf columns of its shape, which it takes
// off the front of columns. Def is the level at which the parent exists.
func (s shape) shred(v any, def int16, columns []*column) []*column {
	c := columns[0]
	switch s.kind {
	case group:
		fields, _ := v.(map[string]any)
		if fields != nil {
			def++
		}
		for _, f := range s.fields {
			columns = f.shred(fields[f.name], def, columns)
		}
		return columns
	case textMap:
		entries, _ := v.(map[string]*string)
		value := columns[1]
		switch {
		case entries == nil:
			c.null(def, 0)
			value.null(def, 0)
		case len(entries) == 0:
			c.null(def+1, 0)
			value.null(def+1, 0)
		}
		for i, k := range sortedKeys(entries) {
			rep := int16(min(i, 1))
			c.text(k, def+2, rep)
			if entries[k] == nil {
				value.null(def+2, rep)
			} else {
				value.text(*entries[k], def+3, rep)
			}
		}
		return columns[2:]
	case textList:
		elements, _ := v.([]string)
		switch {
		case elements == nil:
			c.null(def, 0)
		case len(elements) == 0:
			c.null(def+1, 0)
		}
		for i, e := range elements {
			c.text(e, def+3, int16(min(i, 1)))
		}
		return columns[1:]
	}
	switch v := v.(type) {
	case string:
		c.text(v, def+1, 0)
	case int64:
		c.null(def+1, 0)
		c.nums = append(c.nums, v)
	case bool:
		c.null(def+1, 0)
		c.flags = append(c.flags, v)
	default:
		c.null(def, 0)
	}
	return columns[1:]
}

// formatCheckpoint writes actions as a Parquet file with a column for each shape.
func formatCheckpoint(shapes []shape, actions []action) ([]byte, error) {
	fields := make(schema.FieldList, len(shapes))
	for i, s := range shapes {
		fields[i] = s.node()
	}
	root := schema.MustGroup(schema.NewGroupNode("spark_schema", parquet.Repetitions.Required, fields, -1))
	var out bytes.Buffer
	w := file.NewParquetWriter(&out, root, file.WithWriterProps(parquet.NewWriterProperties(
		parquet.WithCompression(compress.Codecs.Snappy), parquet.WithStats(false), parquet.WithCreatedBy("dq"))))
	for start := 0; start < len(actions); start += checkpointGroup {
		if err := writeGroup(w, shapes, actions[start:min(start+checkpointGroup, len(actions))]); err != nil {
			return nil, errors.Join(err, w.Close())
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func writeGroup(w *file.Writer, shapes []shape, actions []action) error {
	columns := make([]*column, w.Schema.NumColumns())
	for i := range columns {
		columns[i] = &column{}
	}
	for i := range actions {
		rest, values := columns, actions[i].values()
		for _, s := range shapes {
			rest = s.shred(values[s.name], 0, rest)
		}
	}
	rg, err := w.AppendRowGroupChecked()
	if err != nil {
		return err
	}
	for _, c := range columns {
		cw, err := rg.NextColumn()
		if err != nil {
			return err
		}
		if err := c.write(cw); err != nil {
			return err
		}
		if err := cw.Close(); err != nil {
			return err
		}
	}
	return rg.Close()
}

func (c *column) write(cw file.ColumnChunkWriter) error {
	reps := c.reps
	if cw.Descr().MaxRepetitionLevel() == 0 {
		reps = nil
	}
	var err error
	switch w := cw.(type) {
	case *file.ByteArrayColumnChunkWriter:
		_, err = w.WriteBatch(c.texts, c.defs, reps)
	case *file.Int64ColumnChunkWriter:
		_, err = w.WriteBatch(c.nums, c.defs, reps)
	case *file.Int32ColumnChunkWriter:
		nums := make([]int32, len(c.nums))
		for i, n := range c.nums {
			nums[i] = int32(n)
		}
		_, err = w.WriteBatch(nums, c.defs, reps)
	case *file.BooleanColumnChunkWriter:
		_, err = w.WriteBatch(c.flags, c.defs, reps)
	default:
		err = fmt.Errorf("checkpoint column of type %s", cw.Descr().PhysicalType())
	}
	return err
}
