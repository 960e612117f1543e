package file

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// dialect is how the text of a CSV file is cut into records and fields.
//
// A field is quoted when its first character, spaces aside, is the quote; in
// it a doubled quote is one quote. Everywhere else a quote is a character like
// any other. Records end with LF, CR LF or CR, the same throughout a file. A
// blank line is no record, unless there is only one column, where it is a null.
// This is how engines read with detection switched off, so counts agree.
type dialect struct {
	delimiter byte
	quote     byte // 0 for none
}

// state is where in a record a scanner stands.
type state uint8

const (
	fieldStart  state = iota // nothing of the field was seen but spaces
	unquoted                 // in a field without quotes, or behind a closed quote
	quoted                   // between quotes
	maybeClosed              // behind a quote within quotes: closed, unless another follows
)

// next says which state follows s when the character c comes, for characters
// that end no record. A line end in any state but quoted ends the record.
func (d dialect) next(s state, c byte) state {
	isQuote := d.quote != 0 && c == d.quote
	switch {
	case s == quoted && isQuote:
		return maybeClosed
	case s == quoted:
		return quoted
	case s == maybeClosed && isQuote:
		return quoted
	case c == d.delimiter:
		return fieldStart
	case s == fieldStart && isQuote:
		return quoted
	case s == fieldStart && c == ' ':
		return fieldStart
	}
	return unquoted
}

// lineEnd is how the records of a file end.
type lineEnd uint8

const (
	unknownEnd lineEnd = iota
	lf
	crlf
	cr
)

func (e lineEnd) String() string {
	return [...]string{"nothing", "LF", "CR LF", "CR"}[e]
}

// counter counts the records of a CSV file that comes in pieces, and finds
// what makes a file unreadable: a byte that is no UTF-8, or line ends that
// differ. It keeps a few bytes between the pieces and never a record.
type counter struct {
	dialect
	blanks bool // a blank line is a record: there is one column

	records int64
	offset  int64 // of the bytes that came before this piece
	state   state
	began   bool // the record has a byte
	afterCR bool // the last byte was a CR outside quotes
	end     lineEnd
	tail    [utf8.UTFMax]byte // an incomplete character at the end of the last piece
	tailLen int

	nul      bool  // the record holds the character NUL
	withNUL  int64 // records that do
	firstNUL int64 // of them, from 1; 0 for none
}

// write takes the next piece. The error is a *[Error] without a path.
func (c *counter) write(p []byte) error {
	if err := c.checkUTF8(p); err != nil {
		return err
	}
	for {
		at := bytes.IndexByte(p, 0)
		if at < 0 {
			return c.scan(p)
		}
		if err := c.scan(p[:at+1]); err != nil {
			return err
		}
		c.nul = true
		p = p[at+1:]
	}
}

// scan counts the records that end in a text, which was checked.
func (c *counter) scan(p []byte) error {
	for i := 0; i < len(p); {
		// Most lines hold no quote and end like those before: skip over them.
		if c.state < quoted && !c.afterCR && c.end != cr {
			if n := bytes.IndexByte(p[i:], '\n'); n >= 0 && c.plain(p[i:i+n]) {
				c.began = c.began || n > 1 || n == 1 && c.end == lf
				c.endRecord()
				i += n + 1
				continue
			}
		}
		j := i
		for j < len(p) {
			ended, err := c.step(p[j], c.offset+int64(j))
			if err != nil {
				return err
			}
			j++
			if ended {
				break
			}
		}
		i = j
	}
	c.offset += int64(len(p))
	return nil
}

// plain reports whether a line, its LF cut off, can be passed over as a whole.
func (c *counter) plain(line []byte) bool {
	if c.quote != 0 && bytes.IndexByte(line, c.quote) >= 0 {
		return false
	}
	at := bytes.IndexByte(line, '\r')
	return c.end == lf && at < 0 || c.end == crlf && at >= 0 && at == len(line)-1
}

// step takes one byte and reports whether it ended a line.
func (c *counter) step(b byte, at int64) (bool, error) {
	if c.afterCR {
		c.afterCR = false
		if b == '\n' {
			return true, c.lineEnds(crlf, at-1)
		}
		if err := c.lineEnds(cr, at-1); err != nil {
			return false, err
		}
	}
	if c.state != quoted {
		switch b {
		case '\n':
			return true, c.lineEnds(lf, at)
		case '\r':
			c.afterCR = true
			return false, nil
		}
	}
	c.began = true
	c.state = c.next(c.state, b)
	return false, nil
}

func (c *counter) lineEnds(how lineEnd, at int64) error {
	if c.end == unknownEnd {
		c.end = how
	}
	if c.end != how {
		return &Error{
			Err: ErrLineEnds, Record: c.records + 1, Offset: at,
			Problem: fmt.Sprintf("this line ends with %s, those before with %s", how, c.end),
			Hint:    "make all line ends alike (dos2unix, or sed 's/\\r$//'), or quote the field that holds one",
		}
	}
	c.endRecord()
	return nil
}

func (c *counter) endRecord() {
	if c.began || c.blanks {
		c.records++
	}
	if c.nul {
		c.nul = false
		c.withNUL++
		if c.firstNUL == 0 {
			c.firstNUL = c.records
		}
	}
	c.began, c.state = false, fieldStart
}

// close ends the last record, which needs no line end.
func (c *counter) close() error {
	if c.tailLen > 0 {
		return c.badUTF8(c.offset-int64(c.tailLen), c.tail[0])
	}
	if c.afterCR {
		c.afterCR = false
		return c.lineEnds(cr, c.offset-1)
	}
	open := c.state == quoted
	if c.began {
		c.endRecord()
	}
	if open {
		return &Error{Err: ErrDamaged, Record: c.records, Offset: c.offset, Problem: "a quote is opened and never closed",
			Hint: "close it, or say `quote: none`"}
	}
	return nil
}

// checkUTF8 checks a piece, together with the character that the last one began.
func (c *counter) checkUTF8(p []byte) error {
	at := c.offset
	if c.tailLen > 0 {
		start := at - int64(c.tailLen)
		for len(p) > 0 && !utf8.FullRune(c.tail[:c.tailLen]) {
			c.tail[c.tailLen] = p[0]
			c.tailLen++
			p, at = p[1:], at+1
		}
		if !utf8.FullRune(c.tail[:c.tailLen]) {
			return nil
		}
		r, size := utf8.DecodeRune(c.tail[:c.tailLen])
		if r == utf8.RuneError && size <= 1 {
			return c.badUTF8(start, c.tail[0])
		}
		c.tailLen = 0
	}
	// Keep back an incomplete last character.
	for n := 1; n < utf8.UTFMax && n <= len(p); n++ {
		if b := p[len(p)-n]; utf8.RuneStart(b) {
			if b >= utf8.RuneSelf && !utf8.FullRune(p[len(p)-n:]) {
				c.tailLen = copy(c.tail[:], p[len(p)-n:])
				p = p[:len(p)-n]
			}
			break
		}
	}
	if utf8.Valid(p) {
		return nil
	}
	for i := 0; i < len(p); {
		r, size := utf8.DecodeRune(p[i:])
		if r == utf8.RuneError && size <= 1 {
			return c.badUTF8(at+int64(i), p[i])
		}
		i += size
	}
	return nil
}

func (c *counter) badUTF8(at int64, b byte) error {
	return &Error{
		Err: ErrEncoding, Offset: at,
		Problem: fmt.Sprintf("byte 0x%02X is not UTF-8", b),
		Hint:    "if the file is Latin-1, convert it: iconv -f ISO-8859-1 -t UTF-8",
	}
}

// field is one field of a record.
type field struct {
	text   string
	column int // where it begins, in characters from 1
}

var (
	errIncomplete = errors.New("the record is longer than what was read")
	errUnquoted   = errors.New("text follows the closing quote")
)

// cut reads the first record of p and returns its fields and its length, line
// end included. It returns errIncomplete when the record does not end in p,
// unless whole says that nothing comes after p, and errUnquoted for a quoted
// field that text follows.
func (d dialect) cut(p []byte, whole bool) ([]field, int, error) {
	var fields []field
	var text []byte // of the field; of a quoted one, without quotes
	start := 0
	s := fieldStart
	closed := false // the field was quoted and is closed
	flush := func(end int) {
		fields = append(fields, field{string(text), utf8.RuneCount(p[:start]) + 1})
		text, start, closed = text[:0], end+1, false
	}
	for i, b := range p {
		if s != quoted && (b == '\n' || b == '\r') {
			if b == '\r' && i+1 == len(p) && !whole {
				return nil, 0, errIncomplete
			}
			flush(i)
			if b == '\r' && i+1 < len(p) && p[i+1] == '\n' {
				i++
			}
			return fields, i + 1, nil
		}
		was := s
		s = d.next(s, b)
		switch {
		case b == d.delimiter && s == fieldStart:
			flush(i)
		case s == quoted && was == fieldStart:
			text = text[:0] // spaces before the quote
		case s == maybeClosed:
			closed = true
		case s == unquoted && closed:
			if b != ' ' {
				return nil, 0, errUnquoted
			}
		default:
			closed = closed && s != quoted
			text = append(text, b)
		}
	}
	if !whole || s == quoted {
		return nil, 0, errIncomplete
	}
	flush(len(p))
	return fields, len(p), nil
}

// header turns the first record into column names. The error is a *[Error]
// without a path.
func header(fields []field) ([]string, error) {
	bad := func(f field, problem, hint string) error {
		return &Error{Err: ErrHeader, Record: 1, Column: f.column, Problem: problem, Hint: hint}
	}
	names := make([]string, len(fields))
	seen := make(map[string]string, len(fields))
	for i, f := range fields {
		names[i] = f.text
		if strings.TrimSpace(f.text) == "" {
			return nil, bad(f, fmt.Sprintf("column %d of %d has no name", i+1, len(fields)),
				"name it in the header, or say that the file has none")
		}
		if strings.ContainsRune(f.text, 0) {
			return nil, bad(f, fmt.Sprintf("column name %q holds a NUL character", f.text),
				"rename it in the header; if every other byte of the file is zero, it is UTF-16: iconv -f UTF-16 -t UTF-8")
		}
		key := strings.ToLower(f.text)
		if first, ok := seen[key]; ok {
			problem := fmt.Sprintf("column name %q occurs twice", f.text)
			if first != f.text {
				problem = fmt.Sprintf("column names %q and %q differ only in case", first, f.text)
			}
			return nil, bad(f, problem, "rename one of them in the header")
		}
		seen[key] = f.text
	}
	return names, nil
}
