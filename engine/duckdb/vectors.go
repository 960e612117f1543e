package duckdb

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"unsafe"

	driver "github.com/duckdb/duckdb-go/v2"

	"github.com/dq-dev/dq/engine"
)

// vectorsFunction is vectorsFunction(scan, items ...), which hands the items to
// the reader of that number.
const vectorsFunction = "dq_vectors"

// Vectors is of [engine.Vectorer].
func (s *session) Vectors(ctx context.Context, items []string, from string, visitor func() func(*engine.Batch) error) error {
	const doing = "duckdb: vectors"
	if !viewsVectors {
		return fmt.Errorf("%s: the driver keeps vectors in another way than is known here", doing)
	}
	if err := s.loadText(ctx); err != nil {
		return err
	}
	s.functions.vectors.Do(func() {
		number, errNumber := driver.NewTypeInfo(driver.TYPE_INTEGER)
		anything, errAny := driver.NewTypeInfo(driver.TYPE_ANY)
		if s.functions.vectorsErr = errors.Join(errNumber, errAny); s.functions.vectorsErr == nil {
			s.functions.vectorsErr = driver.RegisterScalarUDF(s.conn, vectorsFunction, vectors{number, anything})
		}
	})
	if err := s.functions.vectorsErr; err != nil {
		return wrap(ctx, err, doing)
	}
	r := &vectorScan{visitor: visitor}
	err := prepared(ctx, s.conn, "SELECT "+strings.Join(items, ", ")+" FROM "+from, doing, func(stmt *driver.Stmt) error {
		_, infos, err := columns(stmt, false)
		if err != nil {
			return wrap(ctx, err, doing)
		}
		r.forms = make([]form, len(infos))
		for i, info := range infos {
			if r.forms[i] = formOf(info); r.forms[i] == nil {
				return fmt.Errorf("%s: %s has a type that no vector holds", doing, items[i])
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	n := vectorScans.add(r)
	defer vectorScans.remove(n)
	_, err = s.ask(ctx, fmt.Sprintf("SELECT count(%s(%d, %s)) FROM %s", vectorsFunction, n, strings.Join(items, ", "), from), doing)
	if r.err != nil { // what the visitor said, without the engine's words around it
		return r.err
	}
	return err
}

// vectors is the function. Its result is not set: only that there is one matters.
type vectors struct{ number, anything driver.TypeInfo }

func (v vectors) Config() driver.ScalarFuncConfig {
	return driver.ScalarFuncConfig{InputTypeInfos: []driver.TypeInfo{v.number}, VariadicTypeInfo: v.anything, ResultTypeInfo: v.number, Volatile: true, SpecialNullHandling: true}
}

func (v vectors) Executor() driver.ScalarFuncExecutor {
	return vectorScans.executor((*vectorScan).read)
}

// vectorScans are those at work, by number.
var vectorScans = registry[vectorScan]{all: map[int32]*vectorScan{}}

// vectorScan hands a scan's chunks to visitors. A thread that has one takes a visitor
// that no other has.
type vectorScan struct {
	forms   []form
	visitor func() func(*engine.Batch) error
	mu      sync.Mutex
	idle    []*visit
	err     error
}

// visit is a visitor, and memory for its batches.
type visit struct {
	call  func(*engine.Batch) error
	batch engine.Batch
	room  []room
}

func (r *vectorScan) read(chunk *driver.DataChunk, rows int) error {
	v, err := r.take()
	if err != nil {
		return err
	}
	v.batch.Rows = rows
	for i, f := range r.forms {
		vector, err := chunk.GetVector(i + 1)
		if err != nil {
			return r.failed(err)
		}
		inner := *(*unsafe.Pointer)(unsafe.Pointer(&vector))
		out := &v.batch.Columns[i]
		out.Valid = nil
		if mask := *(*unsafe.Pointer)(unsafe.Add(inner, maskOffset)); mask != nil {
			out.Valid = unsafe.Slice((*uint64)(mask), (rows+63)/64)
		}
		f(*(*unsafe.Pointer)(unsafe.Add(inner, dataOffset)), rows, &v.room[i], out)
	}
	if err := v.call(&v.batch); err != nil {
		return r.failed(err)
	}
	r.mu.Lock()
	r.idle = append(r.idle, v)
	r.mu.Unlock()
	return nil
}

func (r *vectorScan) take() (*visit, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return nil, r.err
	}
	if n := len(r.idle); n > 0 {
		v := r.idle[n-1]
		r.idle = r.idle[:n-1]
		return v, nil
	}
	return &visit{call: r.visitor(), batch: engine.Batch{Columns: make([]engine.Vector, len(r.forms))}, room: make([]room, len(r.forms))}, nil
}

func (r *vectorScan) failed(err error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		r.err = err
	}
	return err
}

// room is memory for values that lie otherwise than they are handed out.
type room struct {
	ints   []int64
	wide   []engine.Int128
	floats []float64
	texts  []string
}

// form makes a vector of the n values at data.
type form func(data unsafe.Pointer, n int, room *room, out *engine.Vector)

// maskOffset is where a vector keeps the address of its validity mask, beside dataOffset.
var maskOffset, viewsVectors = func() (uintptr, bool) {
	if !viewsNumbers {
		return 0, false
	}
	f, ok := reflect.TypeOf(driver.Vector{}).Field(0).Type.Elem().FieldByName("maskPtr")
	return f.Offset, ok && f.Type.Kind() == reflect.UnsafePointer
}()

// formOf is how values of a type lie in memory; nil when they are no plain values.
func formOf(info driver.TypeInfo) form {
	switch info.InternalType() {
	case driver.TYPE_BOOLEAN, driver.TYPE_UTINYINT:
		return wholes[uint8](1, 1)
	case driver.TYPE_TINYINT:
		return wholes[int8](1, 1)
	case driver.TYPE_SMALLINT:
		return wholes[int16](1, 1)
	case driver.TYPE_USMALLINT:
		return wholes[uint16](1, 1)
	case driver.TYPE_INTEGER, driver.TYPE_DATE:
		return wholes[int32](1, 1)
	case driver.TYPE_UINTEGER:
		return wholes[uint32](1, 1)
	case driver.TYPE_BIGINT, driver.TYPE_TIMESTAMP, driver.TYPE_TIMESTAMP_TZ:
		return func(data unsafe.Pointer, n int, _ *room, out *engine.Vector) {
			out.Ints = unsafe.Slice((*int64)(data), n)
		}
	case driver.TYPE_TIMESTAMP_S:
		return wholes[int64](1_000_000, 1)
	case driver.TYPE_TIMESTAMP_MS:
		return wholes[int64](1_000, 1)
	case driver.TYPE_TIMESTAMP_NS:
		return wholes[int64](1, 1_000)
	case driver.TYPE_UBIGINT:
		return func(data unsafe.Pointer, n int, room *room, out *engine.Vector) {
			room.wide = grown(room.wide, n)
			for i, v := range unsafe.Slice((*uint64)(data), n) {
				room.wide[i] = engine.Int128{Lo: v}
			}
			out.Wide = room.wide
		}
	case driver.TYPE_HUGEINT: // its lower word comes first
		return hugeints
	case driver.TYPE_DECIMAL:
		details, _ := info.Details().(*driver.DecimalDetails)
		switch {
		case details == nil:
			return nil
		case details.Width <= 4:
			return wholes[int16](1, 1)
		case details.Width <= 9:
			return wholes[int32](1, 1)
		case details.Width <= 18:
			return wholes[int64](1, 1)
		}
		return hugeints
	case driver.TYPE_FLOAT:
		return func(data unsafe.Pointer, n int, room *room, out *engine.Vector) {
			room.floats = grown(room.floats, n)
			for i, v := range unsafe.Slice((*float32)(data), n) {
				room.floats[i] = float64(v)
			}
			out.Floats = room.floats
		}
	case driver.TYPE_DOUBLE:
		return func(data unsafe.Pointer, n int, _ *room, out *engine.Vector) {
			out.Floats = unsafe.Slice((*float64)(data), n)
		}
	case driver.TYPE_VARCHAR, driver.TYPE_BLOB:
		return func(data unsafe.Pointer, n int, room *room, out *engine.Vector) {
			room.texts = grown(room.texts, n)
			for i := range n {
				room.texts[i] = ""
				if !out.Null(i) {
					room.texts[i] = textAt(unsafe.Add(data, i*textSize))
				}
			}
			out.Texts = room.texts
		}
	}
	return nil
}

func wholes[T int8 | int16 | int32 | int64 | uint8 | uint16 | uint32](times, over int64) form {
	return func(data unsafe.Pointer, n int, room *room, out *engine.Vector) {
		room.ints = grown(room.ints, n)
		for i, v := range unsafe.Slice((*T)(data), n) {
			room.ints[i] = int64(v) * times / over
		}
		out.Ints = room.ints
	}
}

func hugeints(data unsafe.Pointer, n int, _ *room, out *engine.Vector) {
	out.Wide = unsafe.Slice((*engine.Int128)(data), n)
}

func grown[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// A text is 16 bytes: its length in four, and then itself, if it has at most
// inlined; else its first four bytes and its address.
const (
	textSize = 16
	inlined  = 12
)

// textAt is the text that lies at p, in the engine's memory.
func textAt(p unsafe.Pointer) string {
	n := *(*uint32)(p)
	if n <= inlined {
		return unsafe.String((*byte)(unsafe.Add(p, 4)), n)
	}
	return unsafe.String(*(**byte)(unsafe.Add(p, 8)), n)
}
