package delta

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dq-dev/dq/table"
)

// model is a table as nothing but its rows: positions that are there, by file.
type model struct {
	files   map[string][]int64
	columns string
}

func (m model) clone() model {
	return model{maps.Clone(m.files), m.columns}
}

func (m model) String() string {
	var b strings.Builder
	b.WriteString(m.columns)
	for _, name := range sortedKeys(m.files) {
		fmt.Fprintf(&b, "\n%s %v", name, m.files[name])
	}
	return b.String()
}

// modelOf reads a snapshot into a model.
func modelOf(t testing.TB, s *Snapshot) model {
	t.Helper()
	m := model{map[string][]int64{}, schemaText(s.Schema())}
	for _, f := range fileList(t, s) {
		rows := []int64{}
		for row := range f.Stats.Rows {
			if f.Deleted == nil || !slices.Contains(f.Deleted.Rows, row) {
				rows = append(rows, row)
			}
		}
		m.files[f.Path] = rows
	}
	return m
}

// walk is one random history: what the table should be at every version, and what
// its readers see.
type walk struct {
	t        *testing.T
	rng      *rand.Rand
	disk     *memory
	tb       *Table
	now      time.Time
	s        *Snapshot
	versions []model
	files    int
	columns  int
	mapped   bool
	vacuumed bool
	log      []string
}

// TestHistories: random histories of appends, overwrites, deletions, rewrites,
// schema changes, restores and vacuums, with checkpoints and concurrent writers,
// leave what a model says they leave, at every version that can still be read.
func TestHistories(t *testing.T) {
	runs, steps := 24, 40
	if testing.Short() {
		runs = 10
	}
	for seed := range runs {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(uint64(seed), 1))
			w := &walk{t: t, rng: rng, disk: &memory{}, now: f0, mapped: seed%3 == 0}
			w.tb = testTable(w.disk).seeded(uint64(seed))
			w.tb.Clock = func() time.Time { w.now = w.now.Add(time.Second); return w.now }
			w.tb.Warn = func(err error) { t.Errorf("warned: %v", err) }
			props := map[string]string{"delta.enableDeletionVectors": "true", "delta.enableChangeDataFeed": "true", "delta.enableTypeWidening": "true",
				"delta.enableInCommitTimestamps": "true", "delta.checkpointInterval": fmt.Sprint(2 + seed%5), "delta.checkpointPolicy": []string{"classic", "v2"}[seed%2]}
			if w.mapped {
				props["delta.columnMapping.mode"] = "name"
			}
			x := w.tb.Create("CREATE TABLE", schemaOf(t, "id int32; c0 int32"), nil, props)
			commitOK(t, x)
			w.s = x.Snapshot()
			w.versions = []model{modelOf(t, w.s)}
			for range steps {
				w.step()
				if t.Failed() {
					t.Fatalf("history:\n%s", strings.Join(w.log, "\n"))
				}
			}
			w.check()
			if t.Failed() {
				t.Fatalf("history:\n%s", strings.Join(w.log, "\n"))
			}
		})
	}
}

func (w *walk) last() model { return w.versions[len(w.versions)-1] }

func (w *walk) did(format string, args ...any) { w.log = append(w.log, fmt.Sprintf(format, args...)) }

// file makes a new data file of some rows, which is in the store too.
func (w *walk) file() table.File {
	name := fmt.Sprintf("f%03d", w.files)
	w.files++
	if err := w.disk.Put(context.Background(), name, make([]byte, 100)); err != nil {
		w.t.Fatal(err)
	}
	f := dataFile(name)
	f.Stats = &table.Stats{Rows: 1 + w.rng.Int64N(8)}
	return f
}

func all(f table.File) []int64 {
	rows := make([]int64, f.Stats.Rows)
	for i := range rows {
		rows[i] = int64(i)
	}
	return rows
}

func (w *walk) step() {
	next := w.last().clone()
	x := w.s.Begin("WRITE")
	x.Upholds("columnMapping")
	live := fileList(w.t, w.s)
	switch n := w.rng.IntN(20); {
	case n < 5:
		for range 1 + w.rng.IntN(3) {
			f := w.file()
			x.Add(f)
			next.files[f.Path] = all(f)
		}
		w.did("append to %d files", len(next.files))
	case n < 6:
		f := w.file()
		x.Remove(live...)
		x.Add(f)
		next.files = map[string][]int64{f.Path: all(f)}
		w.did("overwrite with %s", f.Path)
	case n < 11:
		for _, f := range live {
			if w.rng.IntN(2) == 0 {
				continue
			}
			var gone []int64
			for row := range f.Stats.Rows {
				if w.rng.IntN(3) == 0 {
					gone = append(gone, row)
				}
			}
			x.Delete(f, gone)
			if rest := without(next.files[f.Path], gone); len(rest) > 0 {
				next.files[f.Path] = rest
			} else {
				delete(next.files, f.Path)
			}
			w.did("delete %v of %s", gone, f.Path)
		}
	case n < 13 && len(live) > 0:
		old, f := live[w.rng.IntN(len(live))], w.file()
		x.Remove(old)
		x.Add(f)
		x.AddChanges(table.File{Path: fmt.Sprintf("_change_data/c%03d", w.files), Size: 1, Modified: f0})
		delete(next.files, old.Path)
		next.files[f.Path] = all(f)
		w.did("rewrite %s as %s", old.Path, f.Path)
	case n < 15:
		w.evolve(x, &next)
	case n < 17:
		w.restore()
		return
	case n < 18:
		w.vacuum()
		return
	case n < 19:
		w.race()
		return
	default:
		w.now = w.now.Add(time.Duration(w.rng.IntN(96)) * time.Hour)
		w.tb = reopened(w.tb)
		w.s = latest(w.t, w.tb)
		w.did("reopen")
		return
	}
	commitOK(w.t, x)
	w.s = x.Snapshot()
	w.after(next)
}

func reopened(t *Table) *Table {
	next := Open(t.store)
	next.Clock, next.Rand, next.Warn = t.Clock, t.Rand, t.Warn
	return next
}

// evolve changes columns, and the model's text of them.
func (w *walk) evolve(x *Txn, next *model) {
	fields := w.s.Schema().Fields
	w.columns++
	name := fmt.Sprintf("c%d", w.columns)
	last := fields[len(fields)-1]
	switch n := w.rng.IntN(4); {
	case n == 0 && w.mapped && len(fields) > 2:
		x.DropColumn([]string{last.Name})
		fields = fields[:len(fields)-1]
	case n == 1 && w.mapped:
		x.RenameColumn([]string{last.Name}, name)
		fields[len(fields)-1].Name = name
	case n == 2 && last.Type.Kind == table.Int32:
		x.MergeSchema(table.Schema{Fields: []table.Field{{Name: last.Name, Type: table.Type{Kind: table.Int64}}}})
		fields[len(fields)-1].Type.Kind = table.Int64
	default:
		add := table.Field{Name: name, Type: table.Type{Kind: table.Int32}, Nullable: true}
		x.MergeSchema(table.Schema{Fields: []table.Field{add}})
		fields = append(fields, add)
	}
	next.columns = schemaText(table.Schema{Fields: fields})
	w.did("columns %s", next.columns)
}

func (w *walk) restore() {
	version := w.rng.IntN(len(w.versions))
	done, err := w.tb.Restore(context.Background(), Version(int64(version)), RestoreOptions{})
	w.did("restore %d: %v", version, err)
	if w.vacuumed && (errors.Is(err, ErrInvalid) || errors.Is(err, ErrGone)) || errors.Is(err, ErrGone) {
		return
	}
	if err != nil {
		w.t.Error(err)
		return
	}
	w.s = latest(w.t, w.tb)
	if done.Version != w.s.Version() {
		w.t.Errorf("restored as %d, not %d", done.Version, w.s.Version())
	}
	w.after(w.versions[version])
}

// vacuum may forget old versions, but no file of the newest one.
func (w *walk) vacuum() {
	w.now = w.now.Add(time.Duration(w.rng.IntN(5)) * 24 * time.Hour)
	done, err := w.tb.Vacuum(context.Background(), VacuumOptions{})
	if err != nil {
		w.t.Error(err)
		return
	}
	w.did("vacuum of %d files", len(done.Files))
	w.vacuumed = w.vacuumed || len(done.Files) > 0
	w.s = latest(w.t, w.tb)
	w.versions = append(w.versions, w.last()) // VACUUM START
	w.after(w.last())                         // VACUUM END
}

// race lets two writers begin at one version: an append follows whatever comes,
// a deletion from the same file does not.
func (w *walk) race() {
	before, next := w.last(), w.last().clone()
	one, two := w.s.Begin("WRITE"), w.s.Begin("DELETE")
	one.Upholds("columnMapping")
	f := w.file()
	one.Add(f)
	live := fileList(w.t, w.s)
	if len(live) > 0 {
		two.Remove(live[0])
		delete(next.files, live[0].Path)
	}
	commitOK(w.t, two)
	w.versions = append(w.versions, next.clone())
	commitOK(w.t, one)
	next.files[f.Path] = all(f)
	w.s = one.Snapshot()
	if len(live) > 0 {
		late := two.base.Begin("DELETE")
		late.Delete(live[0], before.files[live[0].Path][:1])
		if _, err := late.Commit(context.Background()); !errors.Is(err, ErrConflict) {
			w.t.Errorf("a deletion from a file that is gone: %v", err)
		}
	}
	w.did("race of an append and a removal")
	w.after(next)
}

// after checks the newest version: what the commit says, and what is read anew.
func (w *walk) after(want model) {
	w.versions = append(w.versions, want)
	if got := int64(len(w.versions)) - 1; w.s.Version() != got {
		w.t.Fatalf("version %d, want %d", w.s.Version(), got)
	}
	for _, s := range []*Snapshot{w.s, latest(w.t, reopened(w.tb))} {
		if got := modelOf(w.t, s); got.String() != want.String() {
			w.t.Errorf("version %d is\n%s\nwant\n%s", s.Version(), got, want)
		}
	}
	for name := range want.files {
		if _, ok := w.disk.files[name]; !ok {
			w.t.Errorf("%s was deleted, though it is live", name)
		}
	}
}

// check reads every version there was, and looks for damage.
func (w *walk) check() {
	ctx := context.Background()
	for v, want := range w.versions {
		s, err := w.tb.Snapshot(ctx, Version(int64(v)))
		switch {
		case errors.Is(err, ErrGone):
			continue // cleaned up
		case err != nil:
			w.t.Errorf("version %d: %v", v, err)
			continue
		}
		got := model{map[string][]int64{}, schemaText(s.Schema())}
		missing := false
		for f, err := range s.Files(ctx) {
			if err != nil { // its deletion vector was vacuumed
				missing = true
				if !w.vacuumed {
					w.t.Errorf("version %d: %v", v, err)
				}
				break
			}
			got.files[f.Path] = all(f)
			if f.Deleted != nil {
				got.files[f.Path] = without(all(f), f.Deleted.Rows)
			}
		}
		if !missing && got.String() != want.String() {
			w.t.Errorf("version %d is\n%s\nwant\n%s", v, got, want)
		}
	}
	c, err := w.tb.Fsck(ctx)
	if err != nil {
		w.t.Error(err)
		return
	}
	for _, p := range c.Problems {
		w.t.Errorf("fsck: %v", p)
	}
}
