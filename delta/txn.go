package delta

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/dq-dev/dq/table"
)

// Txn is a commit in the making: what is added, removed and changed. Mistakes in
// its methods are reported together by [Txn.Commit] or [Txn.MarshalJSON], after
// which it cannot be changed any more. It is for use by one goroutine.
type Txn struct {
	table  *Table
	base   *Snapshot // what was read; nil for a new table, and for a resumed commit until it is needed
	result *Snapshot
	errs   []error

	adds        []table.File
	rearranged  []table.File
	retags      []*fileAction
	removes     []*fileAction
	deletions   []deletion
	changes     []table.File
	restored    []*fileAction
	restore     *Snapshot             // whose columns and properties come back
	edits       []func(*layout) error // of the schema, in order
	set         map[string]*string    // properties; nil unsets
	schema      *table.Schema         // of a new table
	partitionBy []string              // of a new table
	properties  map[string]string     // of a new table

	prepared prepared
	sealed   bool
}

// preparedFormat marks a prepared commit; it is a promise between versions of dq.
const preparedFormat = "dq.delta-commit/v1"

// prepared is a commit as it survives a process: everything but the times, the
// version, and what follows from them.
type prepared struct {
	Format      string                     `json:"format"`
	Operation   string                     `json:"operation"`
	ReadVersion int64                      `json:"read_version"` // -1 for a new table
	ID          string                     `json:"txn_id"`
	Whole       bool                       `json:"reads_whole,omitempty"`
	WritesRows  bool                       `json:"writes_rows,omitempty"`
	Upholds     []string                   `json:"upholds,omitempty"`
	Reads       []string                   `json:"reads,omitempty"`
	Where       [][]Predicate              `json:"reads_where,omitempty"`
	Info        map[string]json.RawMessage `json:"info,omitempty"`
	Protocol    *protocol                  `json:"protocol,omitempty"`
	MetaData    *metaData                  `json:"metaData,omitempty"`
	Txns        []appTxn                   `json:"txns,omitempty"`
	Removes     []*fileAction              `json:"removes,omitempty"`
	Adds        []*fileAction              `json:"adds,omitempty"`
	Changes     []*fileAction              `json:"changes,omitempty"`
	Vectors     *vectorFile                `json:"vectors,omitempty"`
}

// Create begins the first commit of a new table. The protocol is only as high as
// schema and properties need: 1 and 2 for a plain table. With a name that is none of
// [PlainName] its columns are mapped by name, unless the properties say otherwise;
// whoever writes its files has the names for them from [Table.Mapped]. Properties that
// would switch on what this package cannot uphold are an error of Commit.
func (t *Table) Create(op string, schema table.Schema, partitionBy []string, props map[string]string) *Txn {
	x := &Txn{table: t, schema: &schema, partitionBy: slices.Clone(partitionBy), properties: maps.Clone(props)}
	x.prepared.Operation, x.prepared.ReadVersion = op, -1
	return x
}

// Begin begins a commit that follows this snapshot. The operation is named as
// Spark does: WRITE, MERGE, DELETE, OPTIMIZE ...
func (s *Snapshot) Begin(op string) *Txn {
	x := &Txn{table: s.table, base: s}
	x.prepared.Operation, x.prepared.ReadVersion = op, s.Version()
	return x
}

func (x *Txn) fail(err error) { x.errs = append(x.errs, err) }

// open reports whether the commit can still be changed, and notes a mistake if not.
func (x *Txn) open(what string) bool {
	if x.sealed {
		x.fail(invalid("%s: the commit is prepared already and cannot change", what))
	}
	return !x.sealed
}

// Add adds data files that were written below the table's root. Path, Size,
// Modified, the values of all partition columns, Stats and Tags go into the log.
func (x *Txn) Add(files ...table.File) {
	if x.open("add") {
		x.adds = append(x.adds, files...)
	}
}

// Retag writes other Tags for files that are live in the snapshot, as a change
// that moves no data. Everything else about them stays as it is in the log.
func (x *Txn) Retag(files ...table.File) {
	if !x.open("retag") {
		return
	}
	for _, f := range files {
		live := x.live(f, "retag")
		if live == nil {
			continue
		}
		next := *live
		next.DataChange = new(false)
		next.Tags, next.PartitionValues = tagPointers(f.Tags), notNil(live.PartitionValues)
		x.retags = append(x.retags, &next)
	}
}

// Remove removes files that are live in the snapshot. Their rows are gone for
// readers; the files stay on disk until they are vacuumed.
func (x *Txn) Remove(files ...table.File) {
	if x.open("remove") {
		x.remove("remove", true, files)
	}
}

// Rearrange replaces live files by new ones that hold the very same rows, as a
// change that moves no data (dataChange is false): readers of changes pass over it.
func (x *Txn) Rearrange(from, to []table.File) {
	if x.open("rearrange") {
		x.remove("rearrange", false, from)
		x.rearranged = append(x.rearranged, to...)
	}
}

func (x *Txn) remove(what string, dataChange bool, files []table.File) {
	for _, f := range files {
		live := x.live(f, what)
		if live == nil {
			continue
		}
		x.removeAction(live, dataChange)
	}
}

func (x *Txn) removeAction(live *fileAction, dataChange bool) {
	x.removes = append(x.removes, &fileAction{
		Path: live.Path, path: live.path, PartitionValues: notNil(live.PartitionValues), Size: live.Size,
		DataChange: new(dataChange), ExtendedFileMetadata: new(true), DeletionVector: live.DeletionVector,
		BaseRowID: live.BaseRowID, DefaultRowCommitVersion: live.DefaultRowCommitVersion,
	})
}

// notNil makes an empty object of what would be null in the log.
func notNil(m map[string]*string) map[string]*string {
	if m == nil {
		m = map[string]*string{}
	}
	return m
}

// live finds a file of the snapshot by path and deletion vector.
func (x *Txn) live(f table.File, what string) *fileAction {
	if x.base != nil {
		if live, ok := x.base.state.files[keyOf(f)]; ok {
			return live
		}
	}
	x.fail(invalid("%s: %s is no live file of version %d", what, f.Path, x.prepared.ReadVersion))
	return nil
}

func keyOf(f table.File) fileKey {
	key := fileKey{path: f.Path}
	if d := f.Deleted; d != nil {
		a := fileAction{DeletionVector: &dvDescriptor{StorageType: d.Storage, PathOrInlineDv: d.Location}}
		if d.Offset != nil {
			a.DeletionVector.Offset = numberOf(*d.Offset)
		}
		key.dv = a.dvID()
	}
	return key
}

// SetTxn records that the application's commit n is this one. A winner that
// records one of the same application is a conflict.
func (x *Txn) SetTxn(app string, n int64) {
	if !x.open("set txn") {
		return
	}
	for _, t := range x.prepared.Txns {
		if t.AppID == app {
			x.fail(invalid("txn: application %q is set twice", app))
		}
	}
	x.prepared.Txns = append(x.prepared.Txns, appTxn{AppID: app, Version: number(n)})
}

// ownInfo are the keys of commitInfo that Commit writes itself.
var ownInfo = []string{"timestamp", "inCommitTimestamp", "operation", "readVersion", "isolationLevel", "isBlindAppend", "engineInfo", "txnId"}

// Info adds keys to the commitInfo. Values are written as JSON, except that
// those of operationParameters and operationMetrics become text, as Spark has them.
func (x *Txn) Info(info map[string]any) {
	if !x.open("info") {
		return
	}
	if x.prepared.Info == nil {
		x.prepared.Info = map[string]json.RawMessage{}
	}
	for _, k := range sortedKeys(info) {
		v := info[k]
		if slices.Contains(ownInfo, k) {
			x.fail(invalid("info: the key %q is set by the commit itself", k))
			continue
		}
		if k == "operationParameters" || k == "operationMetrics" {
			v = texts(v)
		}
		text, err := marshal(v)
		if err != nil {
			x.fail(invalid("info: key %q: %v", k, err))
			continue
		}
		x.prepared.Info[k] = json.RawMessage(text)
	}
}

// texts turns the values of a map into text.
func texts(v any) any {
	m, ok := v.(map[string]any)
	if !ok {
		return v
	}
	out := make(map[string]any, len(m))
	for k, e := range m {
		if s, ok := e.(string); ok {
			out[k] = s
		} else if text, err := marshal(e); err == nil {
			out[k] = text
		} else {
			out[k] = e // marshalling the whole will report it
		}
	}
	return out
}

// Reads says what the commit depends on, besides the files that it removes or
// retags. Whole: on everything, so that any winner that changes rows is a
// conflict, blind appends included. Files: on these still being there. A part of
// the table is for [Txn.ReadsWhere].
func (x *Txn) Reads(whole bool, files ...table.File) {
	if !x.open("reads") {
		return
	}
	x.prepared.Whole = x.prepared.Whole || whole
	for _, f := range files {
		if !slices.Contains(x.prepared.Reads, f.Path) {
			x.prepared.Reads = append(x.prepared.Reads, f.Path)
		}
	}
}

// ReadsWhere says that the commit depends on a part of the table: the rows for
// which all of the predicates are true. Rows that come or go elsewhere, as far as
// partition values and statistics tell, are then no conflict, even if the commit
// removes files. Called again, it adds another part. A column that the table does
// not have is an *[Error] with [ErrInvalid] of [Txn.Commit].
func (x *Txn) ReadsWhere(all ...Predicate) {
	if !x.open("reads") {
		return
	}
	if x.base == nil {
		x.fail(invalid("reads: a new table has no rows"))
		return
	}
	if _, err := x.base.Prune(nil, all...); err != nil {
		x.fail(err)
		return
	}
	x.prepared.Where = append(x.prepared.Where, slices.Clone(all))
}

// seal turns what was said into actions, once. The error is all mistakes.
func (x *Txn) seal() error {
	if !x.sealed && len(x.errs) == 0 {
		x.prepare()
	}
	x.sealed = true
	return errors.Join(x.errs...)
}

func (x *Txn) prepare() {
	p := &x.prepared
	p.Format = preparedFormat
	id, err := x.table.newID()
	if err != nil {
		x.fail(err)
		return
	}
	p.ID = id
	l := x.shape()
	if len(x.errs) > 0 {
		return
	}
	slices.SortFunc(p.Txns, func(a, b appTxn) int { return strings.Compare(a.AppID, b.AppID) })
	slices.Sort(p.Reads)
	columns := indexed(l)
	partitions := l.partitionColumns()
	p.WritesRows = len(x.adds)+len(x.rearranged) > 0
	if p.WritesRows {
		if err := unupheld(rules(l.schema, l.props, l.mapping, x.features(), p.Upholds)); err != nil {
			x.fail(err)
		}
	}
	for i, f := range append(slices.Clone(x.adds), x.rearranged...) {
		a, err := newAdd(f, partitions, columns)
		if err != nil {
			x.fail(err)
			continue
		}
		a.DataChange = new(i < len(x.adds))
		if x.base != nil && x.base.state.files[a.key()] != nil {
			x.fail(invalid("add: %s is live already in version %d", f.Path, p.ReadVersion))
		}
		p.Adds = append(p.Adds, a)
	}
	for _, f := range x.changes {
		a, err := newChange(f, partitions)
		if err != nil {
			x.fail(err)
			continue
		}
		p.Changes = append(p.Changes, a)
	}
	p.Adds = append(sortFiles(p.Adds), sortFiles(x.retags)...)
	if len(x.deletions) > 0 && l.props["delta.enableDeletionVectors"] != "true" {
		x.fail(&Error{Category: InvalidChange, Problem: "delete: the table has no deletion vectors",
			Hint: "set its property delta.enableDeletionVectors to true, or write the rows that stay to new files"})
	}
	p.Adds = append(p.Adds, x.vectors()...)
	p.Adds = append(p.Adds, sortFiles(x.restored)...)
	p.Removes = sortFiles(x.removes)
	if err := (&commit{adds: p.Adds, removes: p.Removes}).checkFiles(""); err != nil {
		x.fail(invalid("%s", err.(*Error).Problem))
	}
	if len(p.Changes) > 0 && (l.props["delta.enableChangeDataFeed"] != "true" || !slices.Contains(x.features(), "changeDataFeed")) {
		x.fail(invalid("add changes: the table keeps no change data feed (delta.enableChangeDataFeed)"))
	}
	x.checkRemoves(l.props)
}

// features are the writer features of the table as the commit leaves it.
func (x *Txn) features() []string {
	p := x.prepared.Protocol
	if p == nil {
		p = x.base.state.protocol
	}
	_, writer := p.features()
	return writer
}

// checkRemoves refuses removals that the table's properties rule out.
func (x *Txn) checkRemoves(props map[string]string) {
	if x.base == nil || len(x.removes) == 0 {
		return
	}
	features := x.features()
	if props["delta.appendOnly"] == "true" && slices.ContainsFunc(x.removes, (*fileAction).changesData) && slices.Contains(features, "appendOnly") {
		x.fail(invalid("remove: the table is append-only (delta.appendOnly)"))
	}
	// Files that are added and removed as a whole need no change files; a rewrite
	// of some would report rows as changed that are not.
	if props["delta.enableChangeDataFeed"] == "true" && slices.Contains(features, "changeDataFeed") && len(x.changes) == 0 && len(x.adds) > 0 && len(x.removes) < x.base.NumFiles() {
		x.fail(&Error{Category: InvalidChange, Problem: "the table keeps a change data feed, which a rewrite of some of its files needs files of changed rows for",
			Hint: "give them to Txn.AddChanges"})
	}
}

// partitionColumn is a partition column and its name in the log.
type partitionColumn struct {
	name, physical string
	typ            table.Type
}

func (l *layout) partitionColumns() []partitionColumn {
	out := make([]partitionColumn, len(l.partitionBy))
	for i, name := range l.partitionBy {
		f, _ := l.schema.Field(name)
		out[i] = partitionColumn{name, l.mapping.physical(f), f.Type}
	}
	return out
}

// newAdd makes the action that adds a file.
func newAdd(f table.File, partitionBy []partitionColumn, columns []leaf) (*fileAction, error) {
	a := &fileAction{Path: encodePath(f.Path), DataChange: new(true), Size: numberOf(f.Size),
		ModificationTime: numberOf(f.Modified.UnixMilli()), PartitionValues: map[string]*string{}, Tags: tagPointers(f.Tags)}
	if err := a.check(); err != nil || a.path != f.Path || strings.HasPrefix(f.Path, "/") || hasScheme(f.Path) || strings.HasPrefix(f.Path, logDir+"/") {
		return nil, invalid("add: %q is no plain path below the table", f.Path)
	}
	if f.Size <= 0 {
		return nil, invalid("add: %s has a size of %d bytes", f.Path, f.Size)
	}
	if f.Deleted != nil {
		return nil, invalid("add: %s has a deletion vector; write the rows that stay to a new file", f.Path)
	}
	for _, c := range partitionBy {
		value, ok := f.Partition[c.name]
		if !ok {
			return nil, invalid("add: %s has no value for the partition column %q", f.Path, c.name)
		}
		if value != nil && *value == "" {
			value = nil
		}
		if value != nil && !isPartitionText(c.typ, *value) {
			return nil, invalid("add: %s: %q is no value of the partition column %q, which is %s", f.Path, *value, c.name, c.typ)
		}
		a.PartitionValues[c.physical] = value
	}
	for name := range f.Partition {
		if !slices.ContainsFunc(partitionBy, func(c partitionColumn) bool { return c.name == name }) {
			return nil, invalid("add: %s has a value for %q, which is no partition column", f.Path, name)
		}
	}
	if f.Stats != nil {
		text, err := formatStats(f.Stats, columns)
		if err != nil {
			return nil, err
		}
		a.Stats = &text
	}
	return a, nil
}

func tagPointers(tags map[string]string) map[string]*string {
	if len(tags) == 0 {
		return nil
	}
	out := make(map[string]*string, len(tags))
	for k, v := range tags {
		out[k] = &v
	}
	return out
}

// newID gives a random UUID.
func (t *Table) newID() (string, error) {
	b := make([]byte, 16)
	if _, err := io.ReadFull(t.random(), b); err != nil {
		return "", fmt.Errorf("delta: random bytes for an id: %w", err)
	}
	b[6], b[8] = b[6]&0x0F|0x40, b[8]&0x3F|0x80
	return formatUUID(b), nil
}

// MarshalJSON prepares the commit and writes it down, for [Table.Resume] in
// another process. The commit can still be committed here; whichever comes
// second finds the first.
func (x *Txn) MarshalJSON() ([]byte, error) {
	if err := x.seal(); err != nil {
		return nil, err
	}
	return json.Marshal(x.prepared)
}

// Resume takes up a commit that [Txn.MarshalJSON] wrote down. Its Commit rebases
// as the first process's would have done. If that one did commit, Commit gives
// its version again and writes nothing.
func (t *Table) Resume(data []byte) (*Txn, error) {
	x := &Txn{table: t, sealed: true}
	if err := json.Unmarshal(data, &x.prepared); err != nil {
		return nil, invalid("resume: not a prepared commit: %v", err)
	}
	p := &x.prepared
	switch {
	case p.Format != preparedFormat:
		return nil, invalid("resume: the format is %q, not %s", p.Format, preparedFormat)
	case p.ID == "" || p.ReadVersion < -1:
		return nil, invalid("resume: the prepared commit has no id or no version")
	case p.ReadVersion < 0 && (p.MetaData == nil || p.Protocol == nil):
		return nil, invalid("resume: the prepared commit of a new table has no metaData or protocol")
	}
	for _, files := range [][]*fileAction{p.Adds, p.Removes, p.Changes} {
		for _, f := range files {
			if f == nil || f.Size == nil {
				return nil, invalid("resume: a file has no size")
			}
			if err := f.check(); err != nil {
				return nil, invalid("resume: %v", err)
			}
		}
	}
	return x, nil
}
