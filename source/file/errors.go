package file

import (
	"errors"
	"fmt"
	"strings"
)

// What can be wrong with a source, for errors.Is.
var (
	ErrNotFound  = errors.New("no such file")
	ErrEncoding  = errors.New("the text is not UTF-8")
	ErrHeader    = errors.New("the header cannot be used")
	ErrLineEnds  = errors.New("line ends differ")
	ErrDamaged   = errors.New("the file is damaged")
	ErrChanged   = errors.New("the file changed while it was read")
	ErrFormat    = errors.New("the format is not the one expected")
	ErrBadConfig = errors.New("the source is configured wrongly")
)

// Error says what is wrong with one file, and where.
type Error struct {
	Err    error  // one of the sentinels
	Path   string // as it can be opened from the working directory
	Record int64  // from 1, the header counted; 0 when it is no record
	Column int    // of the header, in characters from 1; 0 otherwise
	Offset int64  // in bytes of the text, decompressed
	Option string // of [ErrBadConfig]: files, format, delimiter or quote, as sources name them
	// Problem says what is wrong, Hint what to do.
	Problem, Hint string
}

// Error is one line: file:1:col for a header, else the file, the record and the byte.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Path)
	switch {
	case e.Column > 0:
		fmt.Fprintf(&b, ":%d:%d", e.Record, e.Column)
	case e.Record > 0:
		fmt.Fprintf(&b, ": record %d, byte %d", e.Record, e.Offset)
	case e.Offset > 0 || errors.Is(e.Err, ErrEncoding):
		fmt.Fprintf(&b, ": byte %d", e.Offset)
	}
	b.WriteString(": " + e.Problem)
	if e.Hint != "" {
		b.WriteString("; " + e.Hint)
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }
