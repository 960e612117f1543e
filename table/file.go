package table

import "time"

// File is one data file of a table: what a log entry says about it.
type File struct {
	// Path is relative to the table's root with / separators, decoded; or absolute.
	Path string `json:"path"`
	Size int64  `json:"size"`
	// Modified is when the file was written, UTC with milliseconds.
	Modified time.Time `json:"modified"`
	// Partition holds the value of each partition column as Delta writes it; nil is null.
	Partition map[string]*string `json:"partition,omitempty"`
	// Stats is nil when the log says nothing about the rows.
	Stats *Stats `json:"stats,omitempty"`
	// Deleted is nil when no row of the file is deleted.
	Deleted *DeletionVector `json:"deleted,omitempty"`
	// Tags travel with the file in the log. dq writes dq.rules and dq.counts.
	Tags map[string]string `json:"tags,omitempty"`
}

// Stats describes the rows that are physically in a file, deleted ones included.
type Stats struct {
	Rows    int64         `json:"rows"`
	Columns []ColumnStats `json:"columns,omitempty"`
	// Loose says that Min and Max are bounds that need not occur (after deletions).
	Loose bool `json:"loose,omitempty"`
}

// ColumnStats describes one leaf column of a file.
type ColumnStats struct {
	// Path is the leaf's name, below its parents when it is nested.
	Path []string `json:"path"`
	// Min and Max are canonical text: decimals and integers in digits, dates
	// 2006-01-02, timestamps 2006-01-02T15:04:05.999999Z (no Z without zone).
	// Nil is unknown, or no value at all.
	Min *string `json:"min,omitempty"`
	Max *string `json:"max,omitempty"`
	// Nulls is nil when unknown.
	Nulls *int64 `json:"nulls,omitempty"`
	// NaN says that the column holds a NaN, which no Min or Max can show.
	NaN bool `json:"nan,omitempty"`
}

// DeletionVector names the rows of a file that are deleted, as the Delta
// protocol does ("Deletion Vector Descriptor Schema").
type DeletionVector struct {
	Storage     string  `json:"storage"` // u, i or p
	Location    string  `json:"location"`
	Offset      *int64  `json:"offset,omitempty"`
	Size        int64   `json:"size"`
	Cardinality int64   `json:"cardinality"`
	Rows        []int64 `json:"-"` // the row positions, once resolved; ascending, from 0
}

// LiveRows is how many rows readers see, and false when the log does not say.
func (f File) LiveRows() (int64, bool) {
	if f.Stats == nil {
		return 0, false
	}
	n := f.Stats.Rows
	if f.Deleted != nil {
		n -= f.Deleted.Cardinality
	}
	return n, true
}
