package duckdb

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"unsafe"

	driver "github.com/duckdb/duckdb-go/v2"

	"github.com/dq-dev/dq/engine"
)

// Where repeated keys are looked for, hashes are collected: 8 bytes a row, in
// parts that fit a processor's cache, and each part is then searched by itself.
// That costs about a third of GROUP BY, which writes keys, counts and hashes and
// reads them again, and a quarter of its memory.
const (
	maxCollected = 1 << 25 // rows; more are left to GROUP BY, which spills to disk
	maxRepeated  = 10_000  // different hashes that repeat; more are no short list

	partBits  = 8
	lineBits  = 25 // of a word that holds a line, below the hash
	blockSize = 2048
)

// Repeats gives a condition that holds for every row of the relation whose keys
// occur more than once among the rows that meet where ("" is all), and for hardly
// any other: equal hashes are not yet equal keys. Keys are SQL. False: there is no
// such condition that is cheaper than GROUP BY. Cost: one scan of the keys, and
// memory for 8 bytes a row. See [engine.Repeater].
func (s *session) Repeats(ctx context.Context, relation string, keys []string, where string) (string, bool, error) {
	if !viewsNumbers {
		return "", false, nil
	}
	from := dialect{}.Relation(relation)
	if where != "" {
		where = " WHERE " + where
	}
	if err := s.loadText(ctx); err != nil {
		return "", false, err
	}
	doing := "duckdb: repeated keys of " + relation
	r := s.relations[key(relation)]
	if r == nil || r.rows(ctx, s) > maxCollected {
		return "", false, nil
	}
	if err := s.collects(); err != nil {
		return "", false, wrap(ctx, err, doing)
	}
	c := &collector{}
	n := collectors.add(c)
	defer collectors.remove(n)
	hash := "hash(" + strings.Join(keys, ", ") + ")"
	line := "0::BIGINT"
	if r.scan && r.provenance && len(r.files) == 1 && r.files[0].Deleted == nil {
		// The lines of one file find the rows again without a second look at their keys.
		line, c.shift = ident(engine.LineColumn), lineBits
	}
	if _, err := s.ask(ctx, fmt.Sprintf("SELECT count(%s(%d, %s, %s)) FROM %s%s", collectFunction, n, hash, line, from, where), doing); err != nil {
		return "", false, err
	}
	if c.full {
		return "", false, nil
	}
	repeated := c.repeated()
	switch {
	case len(repeated) == 0:
		return "FALSE", true, nil
	case len(repeated) > maxRepeated:
		return "", false, nil
	}
	what, cast := hash, "::UBIGINT"
	if c.shift > 0 {
		what, cast = line, ""
	}
	items := make([]string, len(repeated))
	for i, n := range repeated {
		items[i] = strconv.FormatUint(n, 10) + cast
	}
	return what + " IN (" + strings.Join(items, ", ") + ")", true, nil
}

// rows is how many rows a relation has; beyond all bounds when they cannot be counted.
func (r *relation) rows(ctx context.Context, s *session) int64 {
	found, err := s.ask(ctx, "SELECT count(*) FROM "+s.path(r.name), "duckdb: rows of "+r.name)
	if err != nil || len(found.Values) != 1 {
		return 1 << 62
	}
	n, _ := found.Values[0][0].(int64)
	return n
}

// collectFunction is collectFunction(collector, hash, line), which keeps the hash
// and, if the collector asks for it, the line.
const collectFunction = "dq_collect"

// collects makes the function known to the instance.
func (s *session) collects() error {
	s.functions.once.Do(func() {
		number, err := driver.NewTypeInfo(driver.TYPE_INTEGER)
		if err != nil {
			s.functions.err = err
			return
		}
		hash, err := driver.NewTypeInfo(driver.TYPE_UBIGINT)
		if err != nil {
			s.functions.err = err
			return
		}
		line, err := driver.NewTypeInfo(driver.TYPE_BIGINT)
		if err != nil {
			s.functions.err = err
			return
		}
		s.functions.err = driver.RegisterScalarUDF(s.conn, collectFunction, collect{number, []driver.TypeInfo{number, hash, line}})
	})
	return s.functions.err
}

// collect is the function. Its result is not set: only that there is one matters.
type collect struct {
	result driver.TypeInfo
	input  []driver.TypeInfo
}

func (c collect) Config() driver.ScalarFuncConfig {
	return driver.ScalarFuncConfig{InputTypeInfos: c.input, ResultTypeInfo: c.result, Volatile: true, SpecialNullHandling: true}
}

func (c collect) Executor() driver.ScalarFuncExecutor {
	return collectors.executor(func(c *collector, chunk *driver.DataChunk, rows int) error {
		hashes, errHashes := chunk.GetVector(1)
		lines, errLines := chunk.GetVector(2)
		if err := errors.Join(errHashes, errLines); err != nil {
			return err
		}
		c.add(numbers(hashes, rows), numbers(lines, rows))
		return nil
	})
}

// The driver's vectors show texts as they lie in memory, and numbers only one by
// one, boxed. dataOffset is where a vector keeps the address of its data. If a
// later driver keeps it elsewhere, nothing is collected and GROUP BY does the work.
var dataOffset, viewsNumbers = func() (uintptr, bool) {
	t := reflect.TypeOf(driver.Vector{})
	if t.NumField() == 0 || t.Field(0).Type.Kind() != reflect.Pointer || t.Field(0).Type.Elem().Kind() != reflect.Struct {
		return 0, false
	}
	f, ok := t.Field(0).Type.Elem().FieldByName("dataPtr")
	return f.Offset, ok && f.Type.Kind() == reflect.UnsafePointer
}()

func numbers(v driver.Vector, n int) []uint64 {
	inner := *(*unsafe.Pointer)(unsafe.Pointer(&v))
	data := *(*unsafe.Pointer)(unsafe.Add(inner, dataOffset))
	return unsafe.Slice((*uint64)(data), n)
}

// collectors are those at work, by number.
var collectors = registry[collector]{all: map[int32]*collector{}}

// collector keeps hashes in parts by their first bits. Each thread that adds some
// takes a bin of its own, so that none waits for another. A word is a hash, or what
// is left of one beside the part and the line: 39 bits and 25.
type collector struct {
	shift int // 0, or lineBits
	mu    sync.Mutex
	idle  []*bin
	bins  []*bin
	rows  int
	full  bool
}

type bin struct {
	parts [1 << partBits][][]uint64 // blocks; the last one is being filled
}

func (c *collector) add(hashes, lines []uint64) {
	b := c.take(len(hashes))
	if b == nil {
		return
	}
	for i, h := range hashes {
		word := h
		if c.shift > 0 {
			word = h<<partBits>>lineBits<<lineBits | lines[i]
		}
		blocks := &b.parts[h>>(64-partBits)]
		last := len(*blocks) - 1
		if last < 0 || len((*blocks)[last]) == blockSize {
			*blocks = append(*blocks, make([]uint64, 0, blockSize))
			last++
		}
		(*blocks)[last] = append((*blocks)[last], word)
	}
	c.mu.Lock()
	c.idle = append(c.idle, b)
	c.mu.Unlock()
}

func (c *collector) take(rows int) *bin {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rows += rows; c.rows > maxCollected {
		c.full, c.bins = true, nil
		return nil
	}
	if n := len(c.idle); n > 0 {
		b := c.idle[n-1]
		c.idle = c.idle[:n-1]
		return b
	}
	b := &bin{}
	c.bins = append(c.bins, b)
	return b
}

// repeated lists the hashes that came more than once, or the lines of all that
// did, up to a few more than maxRepeated.
func (c *collector) repeated() []uint64 {
	var (
		mu     sync.Mutex
		found  []uint64
		next   int
		work   sync.WaitGroup
		taking = func() (int, bool) {
			mu.Lock()
			defer mu.Unlock()
			next++
			return next - 1, next <= 1<<partBits && len(found) <= maxRepeated
		}
	)
	for range runtime.GOMAXPROCS(0) {
		work.Go(func() {
			var slots []uint64
			for part, ok := taking(); ok; part, ok = taking() {
				var some []uint64
				some, slots = c.search(part, slots)
				mu.Lock()
				found = append(found, some...)
				mu.Unlock()
			}
		})
	}
	work.Wait()
	return found
}

// search finds what repeats in one part. slots is memory to be used again.
func (c *collector) search(part int, slots []uint64) (found, used []uint64) {
	rows := 0
	for _, b := range c.bins {
		for _, block := range b.parts[part] {
			rows += len(block)
		}
	}
	size := 1 << bits.Len(uint(2*rows))
	if cap(slots) < size {
		slots = make([]uint64, size)
	}
	slots = slots[:size]
	clear(slots)
	var zeros []uint64 // 0 stands for a free slot
	seen := map[uint64]bool{}
	repeats := func(word, hash uint64) {
		if c.shift == 0 {
			if !seen[hash] {
				found = append(found, hash)
			}
		} else {
			found = append(found, word&(1<<lineBits-1))
		}
		seen[hash] = true
	}
	for _, b := range c.bins {
		for _, block := range b.parts[part] {
			for _, word := range block {
				hash := word >> c.shift
				if hash == 0 {
					zeros = append(zeros, word)
					continue
				}
				// The first bits are those of the part, so the last ones choose the slot.
				i := hash & uint64(size-1)
				for slots[i] != 0 && slots[i]>>c.shift != hash {
					i = (i + 1) & uint64(size-1)
				}
				if slots[i] == 0 {
					slots[i] = word
					continue
				}
				if !seen[hash] {
					repeats(slots[i], hash)
				}
				if c.shift > 0 {
					repeats(word, hash)
				}
			}
			if len(found) > maxRepeated {
				return found, slots
			}
		}
	}
	if len(zeros) > 1 {
		for _, word := range zeros {
			repeats(word, 0)
		}
	}
	return found, slots
}
