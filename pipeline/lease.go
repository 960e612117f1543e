package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/dq-dev/dq/delta"
)

// ErrBusy says that another run of the pipeline holds the lease.
var ErrBusy = errors.New("pipeline: another run is under way")

// leaseTime is how long a lease lasts without a heartbeat, which comes three
// times as often.
const leaseTime = 30 * time.Second

// leaseDoc is the content of _dq/lease/<pipeline>.json.
type leaseDoc struct {
	Holder  string    `json:"holder"` // run id
	Host    string    `json:"host"`
	PID     int       `json:"pid"`
	Expires time.Time `json:"expires"`
}

// lease keeps other runs of the pipeline waiting while this one works.
type lease struct {
	state  *state
	name   string
	doc    leaseDoc
	cancel context.CancelCauseFunc
	done   chan struct{}
}

// acquire takes the lease, waiting up to wait for another holder. A holder on
// this machine whose process is gone is not waited for. The returned context
// ends when the lease is lost.
func (s *state) acquire(ctx context.Context, run string, wait time.Duration, clock func() time.Time) (context.Context, *lease, error) {
	host, _ := os.Hostname()
	l := &lease{state: s, name: "lease/" + s.pipeline + ".json",
		doc: leaseDoc{Holder: run, Host: host, PID: os.Getpid()}, done: make(chan struct{})}
	deadline := clock().Add(wait)
	for {
		holder, err := l.try(ctx, clock())
		if err != nil {
			return nil, nil, fmt.Errorf("lease of %s: %w", s.pipeline, err)
		}
		if holder == nil {
			break
		}
		if !clock().Before(deadline) {
			return nil, nil, fmt.Errorf("%w: %s on %s (process %d), lease until %s; wait for it with --wait 10m",
				ErrBusy, holder.Holder, holder.Host, holder.PID, holder.Expires.Format(time.RFC3339))
		}
		select {
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
	ctx, l.cancel = context.WithCancelCause(ctx)
	go l.beat(ctx, clock)
	return ctx, l, nil
}

// try takes a free, expired or orphaned lease; otherwise it returns the holder.
func (l *lease) try(ctx context.Context, now time.Time) (*leaseDoc, error) {
	l.doc.Expires = now.Add(leaseTime).UTC()
	var held leaseDoc
	switch err := l.state.readJSON(ctx, l.name, &held); {
	case errors.Is(err, os.ErrNotExist):
		data, err := json.Marshal(l.doc)
		if err != nil {
			return nil, err
		}
		if err = l.state.store.PutNew(ctx, l.name, data); errors.Is(err, delta.ErrExists) {
			return l.try(ctx, now) // another run was faster: see which
		}
		return nil, err
	case err != nil:
		// A lease that cannot be read protects nothing: take it.
	case held.Holder == l.doc.Holder:
	case now.After(held.Expires), held.Host == l.doc.Host && !alive(held.PID):
	default:
		return &held, nil
	}
	return nil, l.state.writeJSON(ctx, l.name, l.doc)
}

// alive reports whether a process of this machine works: one that was killed and
// that nobody has waited for does not (proc_pid_stat(5), Linux alone).
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if _, state, ok := strings.Cut(string(stat[bytes.LastIndexByte(stat, ')')+1:]), " "); err == nil && ok && strings.HasPrefix(state, "Z") {
		return false
	}
	err = syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}

func (l *lease) beat(ctx context.Context, clock func() time.Time) {
	defer close(l.done)
	tick := time.NewTicker(leaseTime / 3)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if holder, err := l.try(ctx, clock()); err == nil && holder != nil {
			l.cancel(fmt.Errorf("%w: run %s took the lease over", ErrBusy, holder.Holder))
			return
		}
	}
}

// release gives the lease back, unless another run holds it by now.
func (l *lease) release(ctx context.Context) {
	l.cancel(nil)
	<-l.done
	var held leaseDoc
	if l.state.readJSON(ctx, l.name, &held) == nil && held.Holder == l.doc.Holder {
		_ = l.state.store.Delete(ctx, l.name)
	}
}
