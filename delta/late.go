package delta

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"unsafe"

	"github.com/apache/arrow-go/v18/parquet/file"
)

// lateBytes is the size from which on a checkpoint's statistics are read when they
// are first asked for. They are most of a large one, and few need them.
const lateBytes = 8 << 20

// lateStats are the statistics of the files in one Parquet checkpoint, by its rows.
// It holds the checkpoint, on a local disk its open file, until they are read.
type lateStats struct {
	warn func(error)

	counted sync.Once
	counts  []int64 // rows of each file, -1 where nothing says them
	decoded sync.Once
	texts   []string // "" is none

	mu  sync.Mutex
	src *content // nil once texts are there
}

// statsColumn is the leaf that statistics are in.
const statsColumn = "add.stats"

// text is the statistics of the file in a row, nil when there are none.
func (l *lateStats) text(row int) *string {
	l.decoded.Do(func() {
		slab := &slab{}
		l.each(func(row int, text []byte) bool {
			l.texts = append(l.texts, make([]string, row+1-len(l.texts))...)
			l.texts[row] = slab.add(text)
			return true
		})
		l.mu.Lock()
		l.src = nil
		l.mu.Unlock()
	})
	if row >= len(l.texts) || l.texts[row] == "" {
		return nil
	}
	return &l.texts[row]
}

// rows is the number of rows of the file in a row, -1 when nothing says it. It
// keeps no texts.
func (l *lateStats) rows(row int) int64 {
	l.counted.Do(func() {
		l.each(func(row int, text []byte) bool {
			for len(l.counts) <= row {
				l.counts = append(l.counts, -1)
			}
			l.counts[row] = numRecords(inPlace(text))
			return true
		})
		if l.read() && l.counts == nil {
			for i := range l.texts {
				l.counts = append(l.counts, numRecords(&l.texts[i]))
			}
		}
	})
	if row >= len(l.counts) {
		return -1
	}
	return l.counts[row]
}

// each visits the statistics in the order of the rows, until visit returns false,
// which is then what it returns. A column that cannot be read counts as one without
// any, as broken statistics do.
func (l *lateStats) each(visit func(row int, text []byte) bool) bool {
	l.mu.Lock()
	src := l.src
	l.mu.Unlock()
	if src == nil {
		return true
	}
	err := eachStats(src, visit)
	if errors.Is(err, errEnough) {
		return false
	}
	if err != nil {
		l.warn(&Error{Category: CheckpointCorrupt, File: logDir, Problem: "the statistics in a checkpoint cannot be read", Err: err})
	}
	return true
}

// errEnough ends a walk over statistics whose visitor has seen enough.
var errEnough = errors.New("enough")

// read reports whether all texts are there.
func (l *lateStats) read() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.src == nil
}

func eachStats(src *content, visit func(row int, text []byte) bool) (err error) {
	// The Parquet library panics on some broken files. What panics during a visit is none of them.
	visiting := false
	defer func() {
		if visiting {
			return
		}
		if p := recover(); p != nil {
			err = fmt.Errorf("broken Parquet: %v", p)
		}
	}()
	r, err := file.NewParquetReader(src.reader())
	if err != nil {
		return err
	}
	defer r.Close()
	base := 0
	for g := range r.NumRowGroups() {
		group := r.RowGroup(g)
		rows := int(group.NumRows())
		for i := range r.MetaData().Schema.NumColumns() {
			col := r.MetaData().Schema.Column(i)
			if columnKey(col.Path()) != statsColumn {
				continue
			}
			chunk, err := group.Column(i)
			if err != nil {
				return err
			}
			var text []byte
			keep := func(b []byte) string {
				text = b
				return ""
			}
			see := func(c cell) error {
				visiting = true
				more := visit(base+c.row, text)
				visiting = false
				if !more {
					return errEnough
				}
				return nil
			}
			if err := readColumn(chunk, col, rows, keep, see); err != nil {
				return err
			}
		}
		base += rows
		runtime.GC() // pages may be of 100 MB, and those of the next group would come beside them
	}
	return nil
}

// eachStats visits files with their statistics, as JSON, nil when there are none, until
// visit returns false: those of large checkpoints last, in the order in which they lie
// there, and without keeping them: a text is only there during the visit. Sorted by path
// they would all be in memory.
func (s *Snapshot) eachStats(files iter.Seq[*fileAction], visit func(f *fileAction, text *string) bool) {
	var large []*lateStats
	rows := map[*lateStats][]*fileAction{}
	for f := range files {
		if !f.isLate() {
			if !visit(f, f.stats()) {
				return
			}
			continue
		}
		if rows[f.late] == nil {
			large = append(large, f.late)
		}
		rows[f.late] = append(rows[f.late], f)
	}
	for _, late := range large {
		left := rows[late]
		slices.SortFunc(left, func(a, b *fileAction) int { return cmp.Compare(a.row, b.row) })
		// before visits the files in front of a row: they have no statistics, or all were
		// read meanwhile.
		before := func(row int) bool {
			for len(left) > 0 && int(left[0].row) < row {
				f := left[0]
				left = left[1:]
				var text *string
				if late.read() {
					text = f.stats()
				}
				if !visit(f, text) {
					return false
				}
			}
			return true
		}
		more := late.each(func(row int, text []byte) bool {
			if !before(row) {
				return false
			}
			if len(left) == 0 || int(left[0].row) != row {
				return true
			}
			f := left[0]
			left = left[1:]
			return visit(f, inPlace(text))
		})
		if !more || !before(math.MaxInt) {
			return
		}
	}
}

// isLate reports whether the statistics of a file are still in its checkpoint alone.
func (f *fileAction) isLate() bool { return f.Stats == nil && f.late != nil && !f.late.read() }

// inPlace is a text without a copy, for as long as its bytes are there.
func inPlace(text []byte) *string {
	s := unsafe.String(unsafe.SliceData(text), len(text))
	return &s
}

// stats is the statistics of a file, as JSON, nil when there are none.
func (f *fileAction) stats() *string {
	if f.Stats == nil && f.late != nil {
		return f.late.text(int(f.row))
	}
	return f.Stats
}

// rows is how many rows a file has, deleted ones included, or -1.
func (f *fileAction) rows() int64 {
	if f.Stats == nil && f.late != nil {
		return f.late.rows(int(f.row))
	}
	return numRecords(f.Stats)
}

// readsLate reports whether the statistics of a checkpoint are read when they are
// asked for: those that are also there as columns are not.
func readsLate(size int64, r *file.Reader) bool {
	if size < lateBytes {
		return false
	}
	for i := range r.MetaData().Schema.NumColumns() {
		if strings.HasPrefix(r.MetaData().Schema.Column(i).Path(), "add.stats_parsed.") {
			return false
		}
	}
	return true
}
