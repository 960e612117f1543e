package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/dq-dev/dq/delta"
)

// Origin is a version of a table with what it was made from, across the runs that
// made it and what it reads.
type Origin struct {
	Table   string `json:"table"`
	Version int64  `json:"version"`
	// After is the version that was there, or had been read, before: what came since
	// is what counts here. Nil: all. Equal to Version: nothing came.
	After     *int64    `json:"after"`
	Time      time.Time `json:"time"`
	Operation string    `json:"operation"`
	Run       string    `json:"run,omitempty"` // "" when no run of dq published it
	// Files are the source files that were landed since, sorted.
	Files []string `json:"files,omitempty"`
	// Inputs are the versions that the table was brought up to.
	Inputs []*Origin `json:"inputs,omitempty"`
}

// Origin says what a version of a table, -1 for the newest, was made from. The error
// is delta.ErrNoVersion when there is none such. Cost: a read of the log of each
// table on the way, and of the ledger for each version of one that is landed.
func (a *Archive) Origin(ctx context.Context, table string, version int64) (*Origin, error) {
	versions, err := a.Versions(ctx, table)
	if err != nil {
		return nil, err
	}
	if version < 0 && len(versions) > 0 {
		version = versions[0].Version
	}
	return a.origin(ctx, table, version-1, version)
}

func (a *Archive) origin(ctx context.Context, table string, after, to int64) (*Origin, error) {
	versions, err := a.Versions(ctx, table)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(versions, func(j *Judged) bool { return j.Version == to })
	if i < 0 {
		return nil, fmt.Errorf("%s: version %d: %w", table, to, delta.ErrNoVersion)
	}
	j := versions[i]
	o := &Origin{Table: table, Version: to, Time: j.Time, Operation: j.Operation, Run: j.Run}
	if after >= 0 {
		o.After = &after
	}
	if after == to {
		return o, nil
	}
	for _, v := range versions {
		if v.Version > after && v.Version <= to {
			files, err := a.landed(ctx, table, v)
			if err != nil {
				return nil, err
			}
			o.Files = append(o.Files, files...)
		}
	}
	slices.Sort(o.Files)
	o.Files = slices.Compact(o.Files)
	now, was := inputsAt(versions, to), inputsAt(versions, after)
	for _, up := range sortedKeys(now) {
		from, ok := was[up]
		if !ok {
			from = -1
		}
		if from > now[up] { // it was restored meanwhile
			from = -1
		}
		in, err := a.origin(ctx, up, from, now[up])
		if err != nil {
			return nil, err
		}
		o.Inputs = append(o.Inputs, in)
	}
	return o, nil
}

// landed are the source files that a version of a table was landed from.
func (a *Archive) landed(ctx context.Context, table string, j *Judged) ([]string, error) {
	if j.n == 0 {
		return nil, nil
	}
	var entry ledgerEntry
	if err := a.state.readJSON(ctx, ledgerName(table, j.n, j.Run), &entry); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var files []string
	for _, f := range entry.Files {
		if !entry.All || f.N == j.n {
			files = append(files, f.Path)
		}
	}
	return files, nil
}

// inputsAt are the inputs of what a table held at a version: those of the newest
// version up to it that dq published, or of the one that a restore went back to.
func inputsAt(versions []*Judged, version int64) map[string]int64 {
	for _, j := range versions { // the newest first
		switch {
		case j.Version > version:
		case j.n > 0:
			return j.Inputs
		case j.rows < j.Version:
			version = j.rows
		}
	}
	return nil
}
