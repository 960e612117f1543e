// Package file finds the files of a source and says how they are read.
//
// [Fetch] expands a glob and tells new files from known and from rewritten
// ones: a file is its path and the SHA256 of its bytes. What is known is not
// opened when size and time are as they were. What is new is read once, as a
// stream, to hash it, to count its records, and to take the header; so engines
// need not guess, and their rows can be reconciled with what was there. [Sniff]
// tells format and header of one file from its first bytes.
//
//	batch, err := file.Fetch(ctx, file.Config{Glob: "data/*.csv.gz"}, known)
//	if err != nil {
//		return err // names each file that cannot be read, where and why
//	}
//	for _, g := range batch.Groups {
//		// One group is read by one statement: g.Columns, g.Delimiter, g.Quote, g.Gzip, g.Files.
//	}
//
// Delimiter and quote are decided once for a batch, by [Config] or by looking
// at the first file. Files with the same header in the same order make a group;
// columns are mapped by name, so another order is another group, and a new or
// renamed column shows as such. Gzip is told by the first bytes, not by name.
//
// A CSV record ends with LF, CR LF or CR, alike throughout the file; a blank
// line is no record, except where there is one column. A field is quoted when
// its first character, spaces aside, is the quote, and a doubled quote in it is
// one quote (RFC 4180). Text is UTF-8; a byte order mark is removed. What breaks
// these rules as a whole is an [Error]; single records with too many or too few
// fields are counted here and rejected by the engine.
package file

import (
	"context"
	"time"
)

// Format is what the bytes of a file mean, compression aside.
type Format string

// The formats. TSV is CSV with a tab between the fields.
const (
	CSV     Format = "csv"
	JSON    Format = "json" // newline-delimited objects, or one array
	Parquet Format = "parquet"
)

// Config says which files are a source, and how they are read. Only Glob must be set.
type Config struct {
	// Glob names the files: * ? [a-z] within one name, ** for any number of
	// folders. Names that begin with . or _ match only when the pattern's part
	// begins so too. Relative ones start at the working directory.
	Glob string
	// Format is csv, tsv, json or parquet; empty is decided for the first file, as [Sniff] does.
	Format string
	// Delimiter is one character; empty is decided by looking at the first file.
	Delimiter string
	// Quote is one character, or "none"; empty is decided by looking at the first file.
	Quote string
	// Limit is how many new and rewritten files a batch has at most, the first by
	// path; 0 is no limit. The others are only counted ([Batch.Waiting]).
	Limit int
	// OnlyKnown leaves files alone that were not consumed before: they wait.
	OnlyKnown bool
	// NoHeader says that the first record is data: the columns are column1, column2 ...
	NoHeader bool
	// Unhashed says that no later run is to know the files again: they have no
	// SHA256, and only those whose records are counted are read.
	Unhashed bool
}

// ID is what is known of a file that was consumed: a file is its path and its
// SHA256; size and time only save reading it.
type ID struct {
	SHA256     string `json:"sha256"`
	Size       int64  `json:"size"`
	ModifiedNS int64  `json:"modified_ns"` // since 1970
}

// Known holds the files that were consumed before, by [File.Path].
type Known map[string]ID

// File is one file of a source.
type File struct {
	// Path is relative to [Batch.Root], with /.
	Path string
	// SHA256 is of the bytes as they are on disk, in hex; "" if Unhashed.
	SHA256   string
	Size     int64
	Modified time.Time // UTC
	// Records counts the data records of a CSV file, the header left out; -1 for other formats.
	Records int64
	// WithNUL counts the records of a CSV file that hold the character NUL, which
	// some programs take for the end of a text; FirstNUL is the first of them, from 1,
	// the header counted, or 0.
	WithNUL, FirstNUL int64
}

// ID returns what a ledger keeps of the file.
func (f File) ID() ID {
	return ID{SHA256: f.SHA256, Size: f.Size, ModifiedNS: f.Modified.UnixNano()}
}

// Group is files that are read alike: one header, in the same order, and one compression.
type Group struct {
	Format    Format
	Columns   []string // CSV: the header, in file order
	Header    bool     // CSV: the first record is the header
	Delimiter string   // CSV: one character
	Quote     string   // CSV: one character, or "" for none
	Gzip      bool
	Files     []File // by path
}

// Batch is what a source has that was not consumed before.
type Batch struct {
	// Root is the folder that paths are relative to: the part of the glob before its first pattern.
	Root string
	// Files are new, by path.
	Files []File
	// Rewritten are known paths with other content, by path.
	Rewritten []File
	// Groups holds Files and Rewritten in the groups that they are read in, by
	// the path of their first file.
	Groups []Group
	// Unchanged counts the known files that are as they were.
	Unchanged int
	// Waiting counts the new and rewritten files that [Config.Limit] and
	// [Config.OnlyKnown] leave to later batches. They were not read, but for
	// known ones, which were hashed.
	Waiting int
}

// Empty reports whether there is nothing to consume.
func (b *Batch) Empty() bool { return len(b.Files) == 0 && len(b.Rewritten) == 0 }

// Fetch finds the files of a source and says which of them are new or
// rewritten, in what groups they are read, and how many records they hold. A
// glob that matches nothing is an empty batch when files are known, and
// [ErrNotFound] when none are. A header without records is a file like any other.
//
// The error joins one *[Error] for each file that cannot be used (at most ten,
// then their number): [ErrNotFound], [ErrEncoding], [ErrHeader], [ErrLineEnds],
// [ErrDamaged], [ErrChanged], [ErrFormat]; or it is [ErrBadConfig].
//
// It costs one stat for a known file, one read of the bytes for one of another
// time, one read and unpacking for a new one, on all cores; memory is bounded by
// 300 kB a core, and a few hundred bytes a file.
func Fetch(ctx context.Context, cfg Config, known Known) (*Batch, error) {
	return fetch(ctx, cfg, known)
}

// Headers says of each file of a source that is not known, by size and time, how it
// is read (as [Fetch] decides it, once, by the first) and what its columns are, from its first 256 kB; of the first
// [Config.Limit] if that is set. Each group holds one file, neither hashed nor
// counted; there is none when all are known. The error is that of the first file,
// an *[Error]: [ErrNotFound] with the nearest name, [ErrFormat], [ErrHeader],
// [ErrEncoding], [ErrDamaged] or [ErrBadConfig]; later ones that cannot be read, and
// links that lead nowhere, are left out, and [Fetch] says what is wrong with them.
func Headers(cfg Config, known Known) ([]Group, error) {
	if err := validate(cfg); err != nil {
		return nil, err
	}
	root, files, err := expand(cfg.Glob)
	if err != nil {
		return nil, err
	}
	if len(files) == 0 && len(known) == 0 {
		return nil, nothing(cfg.Glob)
	}
	var out []Group
	r := &reader{cfg: cfg, root: root}
	for _, f := range files {
		if f.is(known) || f.info == nil {
			continue
		}
		if len(out) == 0 {
			if err := r.decide(f); err != nil {
				return nil, err
			}
		}
		g, err := r.first(f)
		if err != nil && len(out) == 0 {
			return nil, err
		}
		if err == nil {
			out = append(out, g)
		}
		if len(out) == cfg.Limit {
			break
		}
	}
	return out, nil
}
