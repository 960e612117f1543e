package duckdb

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"testing"

	driver "github.com/duckdb/duckdb-go/v2"

	"github.com/dq-dev/dq/engine"
)

func TestErrorsAreRecognised(t *testing.T) {
	ended, cancel := context.WithCancelCause(context.Background())
	cancel(errors.New("went home"))
	for _, c := range []struct {
		ctx  context.Context
		err  error
		is   error
		says string
	}{
		{ended, &driver.Error{Type: driver.ErrorTypeInterrupt, Msg: "INTERRUPT Error: Interrupted!"}, engine.ErrCancelled, "went home"},
		{context.Background(), &driver.Error{Type: driver.ErrorTypeOutOfMemory, Msg: "Out of Memory Error: could not allocate block of size 256.0 KiB (28.4 MiB/28.6 MiB used)"}, engine.ErrMemory, "28.4 MiB"},
		{context.Background(), &driver.Error{Type: driver.ErrorTypeOutOfMemory, Msg: "Out of Memory Error: failed to offload data block of size 256.0 KiB (1.0 GiB/1.0 GiB used).\nThis limit was set by the 'max_temp_directory_size' setting."}, engine.ErrNoSpace, "offload"},
		{context.Background(), fmt.Errorf("prepared: %w", &driver.Error{Type: driver.ErrorTypeIO, Msg: `IO Error: Could not write to file "x": No space left on device`}), engine.ErrNoSpace, `"x"`},
		{context.Background(), &driver.Error{Type: driver.ErrorTypeBinder, Msg: "Binder Error: no such thing\n\nLINE 1: SELECT composed by dq\n ^"}, nil, "doing: no such thing"},
	} {
		got := wrap(c.ctx, c.err, "doing")
		if c.is != nil && !errors.Is(got, c.is) {
			t.Errorf("%v: is not %v", got, c.is)
		}
		if !strings.Contains(got.Error(), c.says) || strings.Contains(got.Error(), "LINE") {
			t.Errorf("%v, want %q", got, c.says)
		}
	}
	if err := diskError(&fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}, "doing"); !errors.Is(err, engine.ErrNoSpace) {
		t.Error(err)
	}
	if wrap(ended, nil, "doing") != nil {
		t.Error("no error became one")
	}
}
