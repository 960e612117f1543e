package duckdb

import (
	"context"
	"errors"
	"sync"

	driver "github.com/duckdb/duckdb-go/v2"
)

// registry has what is at work by a number, which a query hands to a function of ours
// as its first argument: the function itself is the same for all of a connection.
type registry[T any] struct {
	mu   sync.RWMutex
	last int32
	all  map[int32]*T
}

func (r *registry[T]) add(c *T) int32 {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last++
	r.all[r.last] = c
	return r.last
}

func (r *registry[T]) get(n int32) *T {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.all[n]
}

func (r *registry[T]) remove(n int32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.all, n)
}

// executor hands the chunks that a query gives to the function to what has their number.
func (r *registry[T]) executor(read func(of *T, chunk *driver.DataChunk, rows int) error) driver.ScalarFuncExecutor {
	return driver.ScalarFuncExecutor{ChunkContextExecutor: func(_ context.Context, state *driver.ChunkIteratorState) error {
		chunk := state.GetInputChunk()
		rows := chunk.GetSize()
		if rows == 0 {
			return nil
		}
		number, err := chunk.GetValue(0, 0)
		if err != nil {
			return err
		}
		n, _ := number.(int32)
		of := r.get(n)
		if of == nil {
			return errors.New("the function belongs to a scan that has ended")
		}
		return read(of, chunk, rows)
	}}
}
