package delta

import (
	"context"
	"slices"

	"github.com/dq-dev/dq/table"
)

// conflict says why this commit cannot follow the winner c, or nil. Before is the
// protocol that c follows.
func (x *Txn) conflict(c *commit, before *protocol) error {
	p := &x.prepared
	lost := func(kind ConflictKind) *ConflictError {
		return &ConflictError{Kind: kind, Version: c.version, Operation: parseInfo(c.info).Operation}
	}
	if p.ReadVersion < 0 {
		return lost(TableExists)
	}
	for _, t := range p.Txns {
		if slices.ContainsFunc(c.txns, func(w appTxn) bool { return w.AppID == t.AppID }) {
			e := lost(ConcurrentTransaction)
			e.App = t.AppID
			return e
		}
	}
	if c.protocol != nil && (p.Protocol != nil || c.protocol.lacks(before)) {
		return lost(ProtocolChanged)
	}
	if c.metaData != nil {
		return lost(MetadataChanged)
	}
	// Before the rows that came, since it can name the file.
	if err := x.conflictingRemove(c, lost); err != nil {
		return err
	}
	if slices.ContainsFunc(c.adds, func(f *fileAction) bool { return f.changesData() && x.shouldHaveRead(c, f) }) {
		return lost(ConcurrentAppend)
	}
	return nil
}

// lacks reports whether a feature of the protocol before is none of p's: what this
// commit wrote may need it.
func (p *protocol) lacks(before *protocol) bool {
	if before == nil {
		return false
	}
	oldReader, oldWriter := before.features()
	reader, writer := p.features()
	none := func(has []string) func(string) bool {
		return func(f string) bool { return !slices.Contains(has, f) }
	}
	return slices.ContainsFunc(oldReader, none(reader)) || slices.ContainsFunc(oldWriter, none(writer))
}

// shouldHaveRead reports whether a file that the winner added would have mattered.
func (x *Txn) shouldHaveRead(c *commit, f *fileAction) bool {
	p := &x.prepared
	switch {
	case p.Whole:
		return true
	case parseInfo(c.info).IsBlindAppend && !x.serializable():
		return false
	case len(p.Where) > 0:
		return x.matches(f)
	}
	return len(p.Reads) > 0 || len(p.Removes) > 0 && !x.movesNoData()
}

// serializable reports whether blind appends count too (delta.isolationLevel).
func (x *Txn) serializable() bool {
	return x.base != nil && x.base.state.metaData.Configuration["delta.isolationLevel"] == "Serializable"
}

// movesNoData reports whether the commit only puts rows into other files.
func (x *Txn) movesNoData() bool {
	p := &x.prepared
	return len(p.Adds)+len(p.Removes) > 0 && p.MetaData == nil &&
		!slices.ContainsFunc(p.Adds, (*fileAction).changesData) && !slices.ContainsFunc(p.Removes, (*fileAction).changesData)
}

// matches reports whether a file can hold rows of one of the parts that were read.
func (x *Txn) matches(f *fileAction) bool {
	known := *f
	known.DeletionVector = nil // hides rows of it at most
	file, err := x.base.file(context.Background(), &known, nil)
	if err != nil {
		return true
	}
	return slices.ContainsFunc(x.prepared.Where, func(part []Predicate) bool {
		left, err := x.base.Prune([]table.File{file}, part...)
		return err != nil || len(left) > 0
	})
}

// conflictingRemove compares by path, not by deletion vector: two writers that
// delete different rows of one file would else bring each other's rows back.
func (x *Txn) conflictingRemove(c *commit, lost func(ConflictKind) *ConflictError) error {
	if len(c.removes) == 0 {
		return nil
	}
	found := func(kind ConflictKind, path string) error {
		e := lost(kind)
		e.Path = path
		return e
	}
	gone := make(map[string]bool, len(c.removes))
	for _, f := range c.removes {
		gone[f.path] = true
		if x.prepared.Whole && f.changesData() {
			return found(ConcurrentDeleteRead, f.path)
		}
	}
	for _, f := range x.prepared.Removes {
		if gone[f.path] {
			return found(ConcurrentDeleteDelete, f.path)
		}
	}
	for _, path := range x.prepared.Reads {
		if gone[path] {
			return found(ConcurrentDeleteRead, path)
		}
	}
	for _, f := range x.prepared.Adds {
		if gone[f.path] { // retagged
			return found(ConcurrentDeleteRead, f.path)
		}
	}
	for _, f := range c.removes {
		// What came after the snapshot that was read counts as an added file.
		if live := x.base.state.files[f.key()]; len(x.prepared.Where) > 0 && f.changesData() && live != nil && x.matches(live) {
			return found(ConcurrentDeleteRead, f.path)
		}
	}
	return nil
}
