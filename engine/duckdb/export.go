package duckdb

import (
	"context"
	"fmt"
	"maps"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	driver "github.com/duckdb/duckdb-go/v2"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/table"
)

// portionRows is how many rows are handed out at a time.
const portionRows = 8192

// Each hands out the rows of a SELECT; see [engine.Exporter]. The rows are kept in
// a hidden table first, because results of the driver are held in memory whole.
func (s *session) Each(ctx context.Context, query string, portion func(*engine.Rows) error) error {
	const doing = "duckdb: query"
	if err := s.loadText(ctx); err != nil {
		return err
	}
	kept := s.hide("result")
	schema, err := s.typeOf(ctx, query, doing)
	if err != nil {
		return err
	}
	names, columns := "", "*"
	if slices.ContainsFunc(schema.Fields, func(f table.Field) bool { return strings.EqualFold(f.Name, "rowid") }) {
		// Such a column would hide the number that DuckDB gives to rows.
		own, shown := make([]string, len(schema.Fields)), make([]string, len(schema.Fields))
		for i, f := range schema.Fields {
			own[i] = fmt.Sprintf("c%d", i)
			shown[i] = own[i] + " AS " + ident(f.Name)
		}
		names, columns = " ("+strings.Join(own, ", ")+")", strings.Join(shown, ", ")
	}
	if err := s.create(ctx, "CREATE TABLE "+kept+names, query, doing); err != nil {
		return err
	}
	defer func() { _ = s.exec(context.WithoutCancel(ctx), "DROP TABLE IF EXISTS "+kept, doing) }()
	for from := int64(0); ; from += portionRows {
		rows, err := s.ask(ctx, fmt.Sprintf("SELECT %s FROM %s WHERE rowid >= %d AND rowid < %d ORDER BY rowid", columns, kept, from, from+portionRows), doing)
		if err != nil {
			return err
		}
		if len(rows.Values) == 0 && from > 0 {
			return nil
		}
		if err := portion(rows); err != nil {
			return err
		}
		if len(rows.Values) < portionRows {
			return nil
		}
	}
}

// Export writes the rows of a SELECT to one file, which is there whole or not at
// all; see [engine.Exporter].
func (s *session) Export(ctx context.Context, query string, as engine.Format, path string) (int64, error) {
	doing := "duckdb: write " + path
	if err := s.loadText(ctx); err != nil {
		return 0, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return 0, diskError(err, doing)
	}
	work, err := os.MkdirTemp(filepath.Dir(path), ".writing-")
	if err != nil {
		return 0, diskError(err, doing)
	}
	defer func() { _ = os.RemoveAll(work) }()
	target := filepath.Join(work, "rows")
	var rows int64
	switch as {
	case engine.Arrow:
		rows, err = s.exportArrow(ctx, query, target)
	case engine.Parquet:
		rows, err = s.exportCopy(ctx, query, target, "FORMAT parquet, COMPRESSION zstd", doing)
	case engine.CSV:
		rows, err = s.exportCopy(ctx, query, target, "FORMAT csv, HEADER", doing)
	default:
		err = fmt.Errorf("%s: the format %q cannot be written", doing, as)
	}
	if err != nil {
		return 0, err
	}
	if _, err := syncToDisk(target); err != nil {
		return 0, diskError(err, doing)
	}
	if err := os.Rename(target, path); err != nil { //nolint:forbidigo // no file of a log
		return 0, diskError(err, doing)
	}
	return rows, nil
}

// exportCopy has DuckDB write the file.
func (s *session) exportCopy(ctx context.Context, query, path, options, doing string) (rows int64, err error) {
	// A view first, so that the end of a user's SELECT is its own affair.
	view := s.catalog + ".main.dq_export"
	if err := s.create(ctx, "CREATE OR REPLACE VIEW "+view, query, doing); err != nil {
		return 0, err
	}
	err = prepared(ctx, s.conn, "COPY (SELECT * FROM "+view+") TO "+literal(path)+" ("+options+")", doing, func(stmt *driver.Stmt) error {
		result, err := stmt.ExecContext(ctx, nil)
		if err != nil {
			return wrap(ctx, err, doing)
		}
		rows, err = result.RowsAffected()
		return err
	})
	return rows, err
}

// exportArrow writes an Arrow IPC file, portion by portion.
func (s *session) exportArrow(ctx context.Context, query, path string) (n int64, err error) {
	f, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	defer func() {
		if cerr := f.Close(); err == nil {
			err = cerr
		}
	}()
	var w *ipc.FileWriter
	var b *array.RecordBuilder
	err = s.Each(ctx, query, func(rows *engine.Rows) error {
		if w == nil {
			fields := make([]arrow.Field, len(rows.Schema.Fields))
			for i, f := range rows.Schema.Fields {
				fields[i] = arrow.Field{Name: f.Name, Type: arrowType(f.Type), Nullable: true}
			}
			schema := arrow.NewSchema(fields, nil)
			b = array.NewRecordBuilder(memory.DefaultAllocator, schema)
			if w, err = ipc.NewFileWriter(f, ipc.WithSchema(schema)); err != nil {
				return err
			}
		}
		for _, row := range rows.Values {
			for i, v := range row {
				if err := appendArrow(b.Field(i), v, rows.Schema.Fields[i].Type); err != nil {
					return fmt.Errorf("column %s: %w", rows.Schema.Fields[i].Name, err)
				}
			}
		}
		n += int64(len(rows.Values))
		batch := b.NewRecordBatch()
		defer batch.Release()
		return w.Write(batch)
	})
	if b != nil {
		b.Release()
	}
	if w != nil {
		if cerr := w.Close(); err == nil {
			err = cerr
		}
	}
	return n, err
}

// arrowType is the Arrow type of a column. Keys of maps are texts, as in [engine.Rows].
func arrowType(t table.Type) arrow.DataType {
	switch t.Kind {
	case table.Bool:
		return arrow.FixedWidthTypes.Boolean
	case table.Int8, table.Int16, table.Int32, table.Int64:
		return map[table.Kind]arrow.DataType{table.Int8: arrow.PrimitiveTypes.Int8, table.Int16: arrow.PrimitiveTypes.Int16,
			table.Int32: arrow.PrimitiveTypes.Int32, table.Int64: arrow.PrimitiveTypes.Int64}[t.Kind]
	case table.Float:
		return arrow.PrimitiveTypes.Float32
	case table.Double:
		return arrow.PrimitiveTypes.Float64
	case table.Decimal:
		return &arrow.Decimal128Type{Precision: int32(t.Precision), Scale: int32(t.Scale)}
	case table.Date:
		return arrow.FixedWidthTypes.Date32
	case table.Timestamp:
		return arrow.FixedWidthTypes.Timestamp_us // UTC
	case table.TimestampNTZ:
		return &arrow.TimestampType{Unit: arrow.Microsecond}
	case table.Binary:
		return arrow.BinaryTypes.Binary
	case table.Array:
		return arrow.ListOf(arrowType(*t.Elem))
	case table.Map:
		return arrow.MapOf(arrow.BinaryTypes.String, arrowType(*t.Elem))
	case table.Struct:
		fields := make([]arrow.Field, len(t.Fields))
		for i, f := range t.Fields {
			fields[i] = arrow.Field{Name: f.Name, Type: arrowType(f.Type), Nullable: true}
		}
		return arrow.StructOf(fields...)
	case table.Void:
		return arrow.Null
	}
	return arrow.BinaryTypes.String
}

// appendArrow adds one value, as in [engine.Rows], to the builder of its type.
func appendArrow(b array.Builder, v any, t table.Type) error {
	if v == nil {
		b.AppendNull()
		return nil
	}
	switch b := b.(type) {
	case *array.BooleanBuilder:
		b.Append(v.(bool))
	case *array.Int8Builder:
		b.Append(int8(v.(int64)))
	case *array.Int16Builder:
		b.Append(int16(v.(int64)))
	case *array.Int32Builder:
		b.Append(int32(v.(int64)))
	case *array.Int64Builder:
		b.Append(v.(int64))
	case *array.Float32Builder:
		b.Append(float32(v.(float64)))
	case *array.Float64Builder:
		b.Append(v.(float64))
	case *array.Decimal128Builder:
		whole, part, _ := strings.Cut(fmt.Sprint(v), ".")
		unscaled, ok := new(big.Int).SetString(whole+part+strings.Repeat("0", max(t.Scale-len(part), 0)), 10)
		if !ok {
			return fmt.Errorf("%v is no decimal", v)
		}
		b.Append(decimal128.FromBigInt(unscaled))
	case *array.Date32Builder:
		b.Append(arrow.Date32FromTime(v.(time.Time)))
	case *array.TimestampBuilder:
		b.Append(arrow.Timestamp(v.(time.Time).UnixMicro()))
	case *array.BinaryBuilder:
		b.Append(v.([]byte))
	case *array.StringBuilder:
		b.Append(fmt.Sprint(v))
	case *array.ListBuilder:
		b.Append(true)
		for _, e := range v.([]any) {
			if err := appendArrow(b.ValueBuilder(), e, *t.Elem); err != nil {
				return err
			}
		}
	case *array.MapBuilder:
		b.Append(true)
		entries := v.(map[string]any)
		for _, key := range slices.Sorted(maps.Keys(entries)) {
			b.KeyBuilder().(*array.StringBuilder).Append(key)
			if err := appendArrow(b.ItemBuilder(), entries[key], *t.Elem); err != nil {
				return err
			}
		}
	case *array.StructBuilder:
		b.Append(true)
		fields := v.(map[string]any)
		for i, f := range t.Fields {
			if err := appendArrow(b.FieldBuilder(i), fields[f.Name], f.Type); err != nil {
				return err
			}
		}
	default:
		return fmt.Errorf("the type %s cannot be written as Arrow", t)
	}
	return nil
}
