package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/dq-dev/dq/delta"
	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/profiling"
	"github.com/dq-dev/dq/table"
)

// States of a Delta table's files are kept below the table, in a folder that no reader
// and no vacuum looks into: one for each file and deletion vector, and that of all files
// of the version that was profiled last.
const (
	stateFolder = "_dq/profile"
	stateOfAll  = stateFolder + "/all.state"
	// stateSample is how many rows of each file are kept, when there are many files.
	stateSample = 1000
)

// deltaState is the state of a version of a Delta table: the kept states of its files
// put together, after those that have none were read. What could not be kept is said by note.
func (d *data) deltaState(ctx context.Context, eng engine.Engine, s engine.Session, note func(error)) (*profiling.State, error) {
	store, say := d.where.Store(), eng.Dialect()
	d.input.Files = nil // those whose state is kept need not be fetched
	for f, err := range d.snap.Files(ctx) {
		if err != nil {
			return nil, fmt.Errorf("%s: %w", d.where, err)
		}
		d.input.Files = append(d.input.Files, f)
	}
	hidden := personal(d.input.Schema)
	keys := make([]string, len(d.input.Files))
	for i, f := range d.input.Files {
		keys[i] = stateKey(f, d.input.Schema)
	}
	out, missing := latestState(ctx, store, say, d.input.Schema, keys)
	all := len(missing) == 0 && out != nil
	var todo []int // files to be read
	for _, i := range missing {
		data, err := store.Read(ctx, path.Join(stateFolder, keys[i]+".state"))
		if err == nil {
			var part *profiling.State
			if part, err = profiling.Decode(bytes.NewReader(data), say, d.input.Schema); err == nil {
				out = mergedState(out, part)
				continue
			}
		}
		todo = append(todo, i)
	}
	rows := max(stateSample, 4*profiling.MaxSample/max(1, len(keys)))
	parts := make([]*profiling.State, len(keys))
	unkept := make([]error, len(keys))
	err := d.scanFiles(ctx, eng, s, todo, rows, func(i int, part *profiling.State) {
		part.Redact(hidden)
		parts[i] = part
		unkept[i] = putState(ctx, store, path.Join(stateFolder, keys[i]+".state"), "", part, rows)
	})
	if err != nil {
		return nil, err
	}
	if err := errors.Join(unkept...); err != nil {
		note(err)
	}
	for _, i := range todo {
		out = mergedState(out, parts[i])
	}
	if out == nil { // a table without files
		return d.scanNone(ctx, s, say)
	}
	if !all {
		if err := putState(ctx, store, stateOfAll, strings.Join(keys, " ")+"\n", out, profiling.MaxSample); err != nil {
			note(err)
		}
	}
	return out, nil
}

func mergedState(a, b *profiling.State) *profiling.State {
	if a == nil {
		return b
	}
	a.Merge(b)
	return a
}

// stateKey names the state of a file: what of it readers see, as which columns.
func stateKey(f table.File, schema table.Schema) string {
	h := sha256.New()
	fmt.Fprintf(h, "%q %d", f.Path, f.Size)
	if d := f.Deleted; d != nil {
		fmt.Fprintf(h, " %q %q %v %d", d.Storage, d.Location, d.Offset != nil, d.Cardinality)
		if d.Offset != nil {
			fmt.Fprintf(h, " %d", *d.Offset)
		}
	}
	for _, c := range schema.Fields {
		fmt.Fprintf(h, " %q %q", c.Name, c.Type)
	}
	fmt.Fprintf(h, " %q", personal(schema))
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// latestState is the state of the version that was profiled last, if all its files are
// among these, and which of them it lacks.
func latestState(ctx context.Context, store delta.Store, say engine.Dialect, schema table.Schema, keys []string) (*profiling.State, []int) {
	missing := make([]int, len(keys))
	here := make(map[string]bool, len(keys))
	for i, k := range keys {
		missing[i], here[k] = i, true
	}
	data, err := store.Read(ctx, stateOfAll)
	head, body, ok := bytes.Cut(data, []byte("\n"))
	if err != nil || !ok {
		return nil, missing
	}
	has := map[string]bool{}
	for _, k := range strings.Fields(string(head)) {
		if !here[k] {
			return nil, missing
		}
		has[k] = true
	}
	state, err := profiling.Decode(bytes.NewReader(body), say, schema)
	if err != nil {
		return nil, missing
	}
	return state, slices.DeleteFunc(missing, func(i int) bool { return has[keys[i]] })
}

func putState(ctx context.Context, store delta.Store, name, head string, s *profiling.State, rows int) error {
	var b bytes.Buffer
	b.WriteString(head)
	if err := s.Encode(&b, rows); err != nil {
		return err
	}
	return store.Put(ctx, name, b.Bytes())
}

// scanFiles reads files and keeps so many rows of each as a sample, several at a time when
// there are many, and hands out the state of each as soon as it is there.
func (d *data) scanFiles(ctx context.Context, eng engine.Engine, s engine.Session, files []int, rows int, done func(i int, part *profiling.State)) error {
	scan := func(s engine.Session, i int) error {
		in := d.input
		in.Name, in.Files, in.Provenance = "dq_file_of_t", []table.File{d.input.Files[i]}, true
		if err := d.where.Fetch(ctx, in.Files...); err != nil {
			return err
		}
		schema, err := s.Attach(ctx, in)
		if err != nil {
			return err
		}
		part, err := profiling.Scan(ctx, s, eng.Dialect(), in.Name, withoutProvenance(schema), profiling.ScanOptions{Places: true, Sample: rows})
		if err == nil {
			done(i, part)
		}
		return err
	}
	if len(files) < 4 {
		for _, i := range files {
			if err := scan(s, i); err != nil {
				return err
			}
		}
		return nil
	}
	var work sync.WaitGroup
	next := make(chan int)
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	for range runtime.GOMAXPROCS(0) {
		own, err := eng.Small(ctx)
		if err != nil {
			stop(err)
			break
		}
		work.Go(func() {
			defer func() { _ = own.Close() }()
			for i := range next {
				if ctx.Err() == nil {
					if err := scan(own, i); err != nil {
						stop(err)
					}
				}
			}
		})
	}
	for _, i := range files {
		if ctx.Err() != nil {
			break
		}
		select {
		case next <- i:
		case <-ctx.Done():
		}
	}
	close(next)
	work.Wait()
	return context.Cause(ctx)
}

// scanNone is the state of a table without files.
func (d *data) scanNone(ctx context.Context, s engine.Session, say engine.Dialect) (*profiling.State, error) {
	in := d.input
	in.Name, in.Provenance = "dq_file_of_t", true
	schema, err := s.Attach(ctx, in)
	if err != nil {
		return nil, err
	}
	return profiling.Scan(ctx, s, say, in.Name, withoutProvenance(schema), profiling.ScanOptions{Places: true})
}

// sweepStates removes the states of files that are not in the newest version any more.
func (d *data) sweepStates(ctx context.Context) error {
	store := d.where.Store()
	keep := map[string]bool{path.Base(stateOfAll): true}
	for _, f := range d.input.Files {
		keep[stateKey(f, d.input.Schema)+".state"] = true
	}
	list, err := store.List(ctx, stateFolder, "")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, info := range list {
		if name := path.Base(info.Name); strings.HasSuffix(name, ".state") && !keep[name] {
			err = errors.Join(err, store.Delete(ctx, path.Join(stateFolder, name)))
		}
	}
	return err
}
