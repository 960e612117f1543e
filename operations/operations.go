// Package operations changes one Delta table with an engine: append, overwrite,
// merge, update, delete, optimise. The engine reads and writes rows, package
// delta the log; this package decides which files go and which come, and commits.
//
//	where, err := location.Open("warehouse/orders", os.Getenv)
//	t := &operations.Table{Where: where, Delta: delta.Open(where.Store()), Session: session, Dialect: eng.Dialect()}
//	res, err := t.Append(ctx, "SELECT * FROM new_orders", operations.Write{})
//	res, err = t.Delete(ctx, "country = 'XX'")
//
// SQL is the engine's. A SELECT reads relations that the caller attached to the
// session; conditions and expressions are over the table's columns. All of it is
// bound before it is run, in an instance without files ([engine.Session.Bind]), so
// that none of it can read or write anything else.
//
// Every operation is one commit. Its files are written before, below the table's
// folder, and removed again, also from an object store, when there is no commit. When another writer came
// first and what it did matters, the operation is done again on the new version,
// up to ten times. Readers see all of an operation or nothing.
//
// New rows must meet the table's CHECK constraints and invariants, and have what
// generated columns and defaults say, as far as these mean the same in Spark and in
// the engine: comparisons, arithmetic without division, and functions that are the
// same everywhere; times are those of UTC. What else a table asks of writers is
// refused by name ([delta.Snapshot.Writable]).
package operations

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dq-dev/dq/delta"
	"github.com/dq-dev/dq/delta/location"
	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/table"
)

// Table is one Delta table and the session that works on it. It is for use by
// one goroutine.
type Table struct {
	Where   *location.Location
	Delta   *delta.Table
	Session engine.Session
	Dialect engine.Dialect
	// Gate, if set, is asked before each commit; its error refuses the change.
	Gate func(ctx context.Context, c Change) error

	dir    string          // where data files lie on this machine
	last   *delta.Snapshot // the newest that is known
	staged []table.File    // that this attempt of an operation wrote
}

// Change is what a commit would make of the table.
type Change struct {
	Operation string
	Schema    table.Schema
	Files     []table.File // all of the table, afterwards
	Added     []table.File // those of them that are new
	ByFieldID bool         // columns are found in them by id, see [engine.Input]
}

// Result is what an operation did.
type Result struct {
	// Version is the new version; nil when there was nothing to do.
	Version      *int64 `json:"version"`
	RowsAdded    int64  `json:"rows_added"`
	RowsRemoved  int64  `json:"rows_removed"`
	FilesAdded   int    `json:"files_added"`
	FilesRemoved int    `json:"files_removed"`
}

// Relations that an operation attaches. User's SQL calls the table t.
const (
	relTable   = "t"
	relTouched = "dq_touched"
	relRows    = "dq_rows"
	relHits    = "dq_hits"
	relRest    = "dq_rest"
	relCame    = "dq_came"
	relLeft    = "dq_left"
)

// Where new files lie, below the table.
const (
	dataFolder   = "data"
	changeFolder = "_change_data"
)

// attempts bounds how often an operation is done again after a conflict.
const attempts = 10

// draft is a commit in the making.
type draft struct {
	schema      *table.Schema // when it changes
	partitionBy []string      // of a new table, or of one that gets other ones
	adds        []table.File
	removes     []table.File
	deleted     []deletion          // of files that stay
	changes     []table.File        // of the change data feed
	rearranged  bool                // the rows are the same
	readsAll    bool                // the outcome depends on all rows
	reads       [][]delta.Predicate // or on those of these parts
	rowsAdded   int64
	rowsRemoved int64
	parameters  map[string]any
}

// columns are those of the table after the commit.
func (d *draft) columns(s *delta.Snapshot) table.Schema {
	if d.schema != nil {
		return *d.schema
	}
	return s.Schema()
}

// deletion is rows of a file, by their positions in it.
type deletion struct {
	file table.File
	rows []int64
}

// commit makes a draft of the newest version and commits it, again after
// conflicts; one that loses too often ends with [delta.ErrConflict].
// The snapshot that draft sees is nil before there is a table.
func (t *Table) commit(ctx context.Context, op string, make func(s *delta.Snapshot, files []table.File) (*draft, error)) (Result, error) {
	return t.commitWith(ctx, op, true, make)
}

// commitWith is commit for operations that may not look at the table's files: a
// list of very many costs more than adding one.
func (t *Table) commitWith(ctx context.Context, op string, listed bool, make func(s *delta.Snapshot, files []table.File) (*draft, error)) (Result, error) {
	for attempt := 1; ; attempt++ {
		res, err := t.try(ctx, op, listed || t.Gate != nil, make)
		if err == nil || attempt == attempts || !errors.Is(err, delta.ErrConflict) {
			return res, err
		}
	}
}

func (t *Table) try(ctx context.Context, op string, listed bool, make func(*delta.Snapshot, []table.File) (*draft, error)) (Result, error) {
	t.staged = nil
	res, err := t.once(ctx, op, listed, make)
	// Where the log may name them, they stay.
	if res.Version == nil && !errors.Is(err, delta.ErrUncertain) {
		_ = t.Where.Discard(context.WithoutCancel(ctx), t.staged...) // vacuum finds what is left
	}
	return res, err
}

func (t *Table) once(ctx context.Context, op string, listed bool, make func(*delta.Snapshot, []table.File) (*draft, error)) (Result, error) {
	var err error
	if t.dir, err = t.Where.Dir(); err != nil {
		return Result{}, err
	}
	snap, err := t.newest(ctx)
	if err != nil && !errors.Is(err, delta.ErrNoTable) {
		return Result{}, err
	}
	var files []table.File
	if err == nil {
		if err := snap.Writable(upheld...); err != nil {
			return Result{}, err
		}
		if listed {
			if files, err = filesOf(ctx, snap); err != nil {
				return Result{}, err
			}
		}
	} else {
		snap = nil
	}
	d, err := make(snap, files)
	if err != nil || d == nil {
		return Result{}, err
	}
	return t.publish(ctx, op, snap, files, d)
}

// newest is the table as it is now.
func (t *Table) newest(ctx context.Context) (s *delta.Snapshot, err error) {
	if t.last != nil {
		s, err = t.last.Update(ctx)
	} else {
		s, err = t.Delta.Snapshot(ctx, delta.Latest())
	}
	t.last = s
	return s, err
}

// changedRows is what Spark calls the number of rows that an operation changed.
var changedRows = map[string]string{"DELETE": "numDeletedRows", "UPDATE": "numUpdatedRows"}

// publish asks the gate and commits.
func (t *Table) publish(ctx context.Context, op string, snap *delta.Snapshot, files []table.File, d *draft) (Result, error) {
	var schema table.Schema
	switch {
	case d.schema != nil:
		schema = *d.schema
	default:
		schema = snap.Schema()
	}
	if snap != nil && !d.rearranged {
		rules, err := t.rules(schema, snap.Constraints())
		if err != nil && len(d.adds) > 0 {
			return Result{}, err
		}
		if err := t.check(ctx, snap, schema, d.adds, rules); err != nil {
			return Result{}, err
		}
	}
	if t.Gate != nil {
		if err := t.Gate(ctx, Change{Operation: op, Schema: schema, Files: append(d.staying(files), d.adds...), Added: d.adds,
			ByFieldID: snap != nil && snap.ColumnMapping() == "id"}); err != nil {
			return Result{}, err
		}
	}
	if err := t.Where.Publish(ctx, slices.Concat(d.adds, d.changes)...); err != nil {
		return Result{}, err
	}
	var x *delta.Txn
	if snap == nil {
		x = t.Delta.Create(op, schema, d.partitionBy, nil)
	} else {
		x = snap.Begin(op)
		if d.schema != nil {
			x.SetSchema(schema)
		}
		if d.partitionBy != nil {
			x.SetPartitionBy(d.partitionBy)
		}
	}
	if d.rearranged {
		x.Rearrange(d.removes, d.adds)
	} else {
		x.Remove(d.removes...)
		x.Add(d.adds...)
		for _, del := range d.deleted {
			x.Delete(del.file, del.rows)
		}
		x.AddChanges(d.changes...)
	}
	if d.readsAll {
		x.Reads(true)
	}
	for _, part := range d.reads {
		x.ReadsWhere(part...)
	}
	x.Upholds(upheld...)
	metrics := map[string]any{"numAddedFiles": len(d.adds), "numRemovedFiles": len(d.removes), "numOutputRows": d.rowsAdded, "numRemovedRows": d.rowsRemoved}
	if name := changedRows[op]; name != "" {
		metrics[name] = d.rowsRemoved
	}
	x.Info(map[string]any{"operationParameters": d.parameters, "operationMetrics": metrics})
	version, err := x.Commit(ctx)
	if err != nil {
		return Result{}, err
	}
	t.last = x.Snapshot()
	return Result{Version: &version, RowsAdded: d.rowsAdded, RowsRemoved: d.rowsRemoved, FilesAdded: len(d.adds), FilesRemoved: len(d.removes)}, nil
}

// staying are the files of the table that the commit leaves, with the rows that it
// deletes of them.
func (d *draft) staying(files []table.File) []table.File {
	out := without(files, d.removes)
	for i, f := range out {
		for _, del := range d.deleted {
			if del.file.Path != f.Path {
				continue
			}
			rows := del.rows
			if f.Deleted != nil {
				rows = slices.Concat(rows, f.Deleted.Rows)
			}
			slices.Sort(rows)
			rows = slices.Compact(rows)
			out[i].Deleted = &table.DeletionVector{Cardinality: int64(len(rows)), Rows: rows}
		}
	}
	return out
}

// attach makes files of the table readable under a name. Columns are found as the
// snapshot's mapping says, by their physical names if s is nil.
func (t *Table) attach(ctx context.Context, s *delta.Snapshot, name string, schema table.Schema, files []table.File, provenance bool) error {
	if err := t.Where.Fetch(ctx, files...); err != nil {
		return err
	}
	_, err := t.Session.Attach(ctx, engine.Input{Name: name, Schema: schema, Root: t.dir, Files: files, Provenance: provenance,
		ByFieldID: s != nil && s.ColumnMapping() == "id"})
	return err
}

// bound checks a user's SELECT and makes it a relation, so that just what was
// checked is run.
func (t *Table) bound(ctx context.Context, name, sql string, materialise bool) (table.Schema, error) {
	plan, err := t.Session.Bind(ctx, sql)
	if err != nil {
		return table.Schema{}, err
	}
	_, err = t.Session.Attach(ctx, engine.Input{Name: name, SQL: sql, Materialise: materialise})
	return plan.Schema, err
}

// stage writes the rows of a SELECT as new files.
func (t *Table) stage(ctx context.Context, sql string, schema table.Schema, partitionBy []string) ([]table.File, int64, error) {
	return t.stageIn(ctx, dataFolder, sql, schema, partitionBy)
}

func (t *Table) stageIn(ctx context.Context, folder, sql string, schema table.Schema, partitionBy []string) ([]table.File, int64, error) {
	files, rows, err := t.written(ctx, engine.StageRequest{SQL: sql, Schema: schema, PartitionBy: partitionBy, Dir: folder})
	t.staged = append(t.staged, files...)
	return files, rows, err
}

// written has the engine write the rows of a SELECT as new files below the table's
// folder. Files that hold another number of rows than the SELECT returned are an
// error; they are returned with it.
func (t *Table) written(ctx context.Context, req engine.StageRequest) ([]table.File, int64, error) {
	req.Root, req.Schema.Fields = t.dir, inFiles(req.Schema.Fields)
	staged, returned, err := t.Session.Stage(ctx, req)
	if err != nil {
		return nil, 0, err
	}
	var files []table.File
	var rows int64
	for _, st := range staged {
		files = append(files, st.File)
		n, _ := st.File.LiveRows()
		rows += n
	}
	if rows != returned {
		return files, 0, fmt.Errorf("%d rows were to be written, but the new files hold %d; nothing is committed", returned, rows)
	}
	return files, rows, nil
}

func (t *Table) count(ctx context.Context, sql string) (int64, error) {
	rows, err := t.Session.Query(ctx, sql)
	if err != nil {
		return 0, err
	}
	n, ok := rows.Values[0][0].(int64)
	if !ok {
		return 0, fmt.Errorf("%s: the count is no integer: %v", sql, rows.Values[0][0])
	}
	return n, nil
}

// holding is which of the files have rows in a relation with their provenance, and how many.
func (t *Table) holding(ctx context.Context, relation string, files []table.File) (touched []table.File, rows map[string]int64, err error) {
	answer, err := t.Session.Query(ctx, fmt.Sprintf("SELECT %[1]s, count(*) FROM %[2]s GROUP BY %[1]s", t.Dialect.Ident(engine.FileColumn), relation))
	if err != nil {
		return nil, nil, err
	}
	rows = map[string]int64{}
	for _, row := range answer.Values {
		path, _ := row[0].(string)
		rows[path], _ = row[1].(int64)
	}
	for _, f := range files {
		if rows[f.Path] > 0 {
			touched = append(touched, f)
		}
	}
	return touched, rows, nil
}

// positions are the rows of a relation with their provenance, by file. It holds
// eight bytes a row in memory.
func (t *Table) positions(ctx context.Context, s *delta.Snapshot, relation string, files []table.File) ([]deletion, error) {
	out := make([]deletion, len(files))
	index := map[string]int{}
	for i, f := range files {
		if f.Stats == nil { // a deletion vector goes with the number of rows
			rows, err := t.liveRows(ctx, s, files[i:i+1])
			if err != nil {
				return nil, err
			}
			if f.Deleted != nil {
				rows += f.Deleted.Cardinality
			}
			f.Stats = &table.Stats{Rows: rows}
		}
		out[i].file, index[f.Path] = f, i
	}
	x, ok := t.Session.(engine.Exporter)
	if !ok {
		return nil, unsupported("the engine cannot tell which rows are deleted, as deletion vectors need it")
	}
	sql := fmt.Sprintf("SELECT %s, %s FROM %s", t.Dialect.Ident(engine.FileColumn), t.Dialect.Ident(engine.LineColumn), relation)
	err := x.Each(ctx, sql, func(rows *engine.Rows) error {
		for _, row := range rows.Values {
			path, _ := row[0].(string)
			at, known := index[path]
			line, isInt := row[1].(int64)
			if known && isInt {
				out[at].rows = append(out[at].rows, line)
			}
		}
		return nil
	})
	return out, err
}

// vectors reports whether rows are deleted by deletion vectors, feeds whether the
// table keeps a change data feed.
func vectors(s *delta.Snapshot) bool { return s.Properties()["delta.enableDeletionVectors"] == "true" }
func feeds(s *delta.Snapshot) bool   { return s.Properties()["delta.enableChangeDataFeed"] == "true" }

// changeType is the column that says in a change data feed what happened to a row.
const changeType = "_change_type"

// changed is a SELECT of the rows of a relation for the change data feed.
func (t *Table) changed(schema table.Schema, kind, relation string) string {
	return fmt.Sprintf("SELECT %s, '%s' AS %s FROM %s", t.idents("", schema.Names()), kind, changeType, relation)
}

// record stages changed rows for the change data feed.
func (t *Table) record(ctx context.Context, d *draft, s *delta.Snapshot, selects ...string) error {
	return t.recordAs(ctx, d, s.Schema(), s.PartitionBy(), selects...)
}

func (t *Table) recordAs(ctx context.Context, d *draft, schema table.Schema, partitionBy []string, selects ...string) error {
	files, _, err := t.stageIn(ctx, changeFolder, strings.Join(selects, "\nUNION ALL\n"), recorded(schema), partitionBy)
	d.changes = append(d.changes, files...)
	return err
}

// recorded is the schema of a file of the change data feed.
func recorded(s table.Schema) table.Schema {
	return table.Schema{Fields: append(slices.Clone(s.Fields), table.Field{Name: changeType, Type: table.Type{Kind: table.String}, Nullable: true})}
}

func filesOf(ctx context.Context, s *delta.Snapshot) ([]table.File, error) {
	files := make([]table.File, 0, s.NumFiles())
	for f, err := range s.Files(ctx) {
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}

// Predicates are the conditions of a bound SELECT (see [engine.Plan]) as the log of
// a table understands them.
func Predicates(where []engine.Condition) []delta.Predicate {
	var out []delta.Predicate
	for _, c := range where {
		out = append(out, delta.Predicate{Path: c.Path, Op: delta.Op(c.Op), Values: c.Values, Of: Predicates(c.Of)})
	}
	return out
}

func without(files, gone []table.File) []table.File {
	paths := map[string]bool{}
	for _, f := range gone {
		paths[f.Path] = true
	}
	var out []table.File
	for _, f := range files {
		if !paths[f.Path] {
			out = append(out, f)
		}
	}
	return out
}

func (t *Table) idents(prefix string, names []string) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = prefix + t.Dialect.Ident(n)
	}
	return strings.Join(out, ", ")
}

// errNoTable is what operations end with that need a table.
func errNoTable(op string) error {
	return fmt.Errorf("%s: %w; append or overwrite makes one", strings.ToLower(op), delta.ErrNoTable)
}
