package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/dq-dev/dq/record"
)

// Listener is told of runs. What it returns an error for is told again, at the end
// of the run or by the next one.
type Listener interface {
	// Began: the run holds the lease. Its record has id, pipeline, program and time.
	Began(ctx context.Context, run *record.Run) error
	// Ended: with the error that ended it, or nil. Also of an earlier run, whose
	// end could not be told when it came.
	Ended(ctx context.Context, run *record.Run, cause error) error
	// Killed: an earlier run began, and left no record.
	Killed(ctx context.Context, run *record.Run) error
}

// begunFolder holds an entry for each run that began and whose end was not told.
const begunFolder = "begun"

// begun is such an entry.
type begun struct {
	Run  *record.Run `json:"run"`
	Told bool        `json:"told"` // that it began
}

// tellKilled tells the ends of runs that were killed before they could tell them: with
// the lease, no other run is under way. What they had published has a record by now.
func (r *run) tellKilled(ctx context.Context) error {
	list, err := r.state.store.List(ctx, begunFolder, "")
	if err != nil {
		return err
	}
	for _, entry := range list {
		if path.Base(entry.Name) == r.id+".json" {
			continue
		}
		data, err := r.state.store.Read(ctx, entry.Name)
		if err != nil {
			return err
		}
		var b begun
		if err := json.Unmarshal(data, &b); err != nil || b.Run == nil {
			return fmt.Errorf("%s is broken; remove it, then a run that was killed is not told of: %w", r.Place("_dq/"+entry.Name), err)
		}
		tell := func() error { return r.opt.Listener.Killed(ctx, b.Run) }
		switch data, err := r.state.store.Read(ctx, "runs/"+path.Base(entry.Name)); {
		case err == nil:
			ended, err := record.Read(bytes.NewReader(data))
			if err != nil {
				return fmt.Errorf("runs/%s: %w", path.Base(entry.Name), err)
			}
			tell = func() error { return r.opt.Listener.Ended(ctx, ended, nil) }
		case !errors.Is(err, fs.ErrNotExist):
			return err
		}
		if err := r.tell(ctx, &b, tell); err != nil {
			return err
		}
	}
	return nil
}

// begin tells that the run begins.
func (r *run) begin(ctx context.Context) error {
	r.begun = &begun{Run: &record.Run{Format: r.rec.Format, ID: r.rec.ID, Command: r.rec.Command, Pipeline: r.rec.Pipeline, Environment: r.rec.Environment,
		Tool: r.rec.Tool, Engine: r.rec.Engine, StartedAt: r.rec.StartedAt, Layers: []record.Layer{}}, Told: true}
	// The entry comes first: a beginning that nobody remembers would never end.
	if err := r.note(ctx, r.begun); err != nil {
		return err
	}
	if r.opt.Listener.Began(ctx, r.begun.Run) != nil {
		r.begun.Told = false
		return r.note(ctx, r.begun)
	}
	return nil
}

func (r *run) note(ctx context.Context, b *begun) error {
	data, err := json.Marshal(b)
	if err != nil {
		return err
	}
	return r.state.store.Put(ctx, begunFolder+"/"+b.Run.ID+".json", data)
}

// tell tells how a run ended, and before it that it began if that was not told yet.
// Then its entry goes; what could not be told stays for the next run.
func (r *run) tell(ctx context.Context, b *begun, end func() error) error {
	if !b.Told {
		if r.opt.Listener.Began(ctx, b.Run) != nil {
			return nil
		}
		b.Told = true
		if err := r.note(ctx, b); err != nil {
			return err
		}
	}
	if end() != nil {
		return nil
	}
	return r.state.store.Delete(ctx, begunFolder+"/"+b.Run.ID+".json")
}

// end tells that the run ended. An entry that cannot be removed is told twice.
func (r *run) end(ctx context.Context, cause error) {
	_ = r.tell(ctx, r.begun, func() error { return r.opt.Listener.Ended(ctx, r.rec, cause) })
}
