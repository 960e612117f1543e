package reports

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// How many characters of foreign text are shown, by its place.
const (
	maxValue   = 120  // a value in a row of a sample
	maxTop     = 60   // a frequent value in a profile
	maxName    = 160  // a column, a table, an id
	maxMessage = 1200 // a message, an expression
)

// clean makes foreign text safe to show on one line in any format: no control
// characters (a terminal would obey them), no marks that turn the reading
// direction or hide (a name could pose as another), no invalid UTF-8, nothing
// that XML forbids, and at most limit characters. What is taken out is named, so
// that two values that differ never look the same.
func clean(s string, limit int) string {
	if len(s) <= limit && isPlain(s) {
		return s
	}
	var b strings.Builder
	count := 0
	for i, r := range s {
		if count == limit {
			fmt.Fprintf(&b, "… (%s more characters)", number(int64(utf8.RuneCountInString(s[i:]))))
			break
		}
		count++
		switch {
		case r == utf8.RuneError:
			b.WriteRune('\uFFFD')
		case r == '\n':
			b.WriteRune('↵')
		case r == '\t':
			b.WriteRune('⇥')
		case r < 0x20:
			b.WriteRune(0x2400 + r) // the picture of the control character
		case r == 0x7F:
			b.WriteRune('␡')
		case hidden(r):
			b.WriteString(notation(r))
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// isPlain reports whether s is printable ASCII, as nearly all text is.
func isPlain(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < 0x20 || s[i] > 0x7E {
			return false
		}
	}
	return true
}

// hidden reports whether r has no picture of its own or moves others. The
// joiners U+200C and U+200D stay: scripts and emoji need them.
func hidden(r rune) bool {
	switch {
	case r == 0x200C || r == 0x200D:
		return false
	case r >= 0x80 && r < 0xA0, r == 0x2028, r == 0x2029, r == 0x3164:
		return true
	case r&0xFFFE == 0xFFFE, r >= 0xFDD0 && r <= 0xFDEF:
		return true // not characters
	}
	return unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Co, r)
}

// notation writes a character by its number.
func notation(r rune) string {
	h := strings.ToUpper(strconv.FormatInt(int64(r), 16))
	return "U+" + strings.Repeat("0", max(0, 4-len(h))) + h
}
