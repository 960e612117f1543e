package yamlpos

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// PositionAt gives line and column of the source for a byte of the node's Text:
// inside block scalars, folded lines and quotes too. An offset past the end
// stands for the end. A byte that folding made (the space between two lines)
// stands where the text before it ends. Cost: one walk over the scalar's source.
func (n *Node) PositionAt(offset int) (line, col int) {
	if n.Kind != Scalar || n.doc == nil || n.Line < 1 || n.Line > len(n.doc.lines) {
		return n.Line, n.Col
	}
	offset = min(max(offset, 0), len(n.Text))
	w := &walker{lines: n.doc.lines, line: n.Line - 1, double: n.Style == DoubleQuoted, single: n.Style == SingleQuoted}
	w.rest = w.lines[w.line]
	switch n.Style {
	case Literal, Folded:
		w.nextLine()
	case SingleQuoted, DoubleQuoted:
		w.skip(n.Col) // and the quote
	default:
		w.skip(n.Col - 1)
	}
	// Folding changes white space only, so the k-th visible character of the
	// text is the k-th visible one of the source.
	line, col = w.line+1, w.col+1
	if n.Style == Literal || n.Style == Folded {
		if !w.toVisible() {
			return n.Line, n.Col
		}
		line, col = w.line+1, w.col+1
	}
	pending := 0 // white space of the text since the last visible character
	for i := 0; i < len(n.Text); {
		r, size := utf8.DecodeRuneInString(n.Text[i:])
		if unicode.IsSpace(r) {
			if i >= offset {
				return w.spaces(line, col, pending)
			}
			pending++
			if w.escapedSpace(r) {
				line, col, pending = w.line+1, w.col+1, 0
			}
			i += size
			continue
		}
		if !w.toVisible() {
			return line, col
		}
		line, col = w.line+1, w.col+1
		if i >= offset {
			return line, col
		}
		w.take()
		line, col, pending = w.line+1, w.col+1, 0
		i += size
	}
	return w.spaces(line, col, pending)
}

// walker goes through the source of one scalar.
type walker struct {
	lines          []string
	line, col      int    // both from 0; col in characters
	rest           string // of the line
	double, single bool
}

func (w *walker) nextLine() bool {
	if w.line+1 >= len(w.lines) {
		w.rest = ""
		return false
	}
	w.line, w.col = w.line+1, 0
	w.rest = w.lines[w.line]
	return true
}

func (w *walker) skip(chars int) {
	for ; chars > 0 && w.rest != ""; chars-- {
		_, size := utf8.DecodeRuneInString(w.rest)
		w.rest = w.rest[size:]
		w.col++
	}
}

// toVisible goes to the next visible character, over white space, line ends and
// a double-quoted text's escaped line ends.
func (w *walker) toVisible() bool {
	for {
		trimmed := strings.TrimLeftFunc(w.rest, unicode.IsSpace)
		w.skip(utf8.RuneCountInString(w.rest[:len(w.rest)-len(trimmed)]))
		if w.rest == "" || w.double && w.rest == `\` {
			if !w.nextLine() {
				return false
			}
			continue
		}
		return true
	}
}

// take passes one visible character, which an escape may spell.
func (w *walker) take() {
	length := 1
	switch {
	case w.single && strings.HasPrefix(w.rest, "''"):
		length = 2
	case w.double && strings.HasPrefix(w.rest, `\`):
		length = escapeLength(w.rest)
	}
	w.skip(length)
}

// escapedSpace passes white space that a double-quoted text spells as an escape, such as \n.
func (w *walker) escapedSpace(r rune) bool {
	if !w.double {
		return false
	}
	spelled := map[rune]string{'\n': `\n`, '\t': `\t`, '\r': `\r`, ' ': `\ `, '\v': `\v`, '\f': `\f`}[r]
	trimmed := strings.TrimLeft(w.rest, " \t")
	if spelled == "" || !strings.HasPrefix(trimmed, spelled) {
		return false
	}
	w.skip(utf8.RuneCountInString(w.rest[:len(w.rest)-len(trimmed)]) + 2)
	return true
}

func escapeLength(s string) int {
	if len(s) < 2 {
		return 1
	}
	switch s[1] {
	case 'x':
		return 4
	case 'u':
		return 6
	case 'U':
		return 10
	}
	return 2
}

// spaces is the place so many blanks after the last visible character, on its line.
func (w *walker) spaces(line, col, n int) (int, int) {
	if line-1 < len(w.lines) {
		n = min(n, max(0, utf8.RuneCountInString(w.lines[line-1])+1-col))
	}
	return line, col + n
}
