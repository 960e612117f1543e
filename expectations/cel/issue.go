package cel

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Error is a source that does not compile: all its issues, in the order of the
// text, those of lets first.
type Error struct{ Issues []Issue }

// Issue is one thing that is wrong in a source.
type Issue struct {
	// Let names the let in whose source the issue is; empty for the rule's own source.
	Let string
	// Offset and Length are the piece of the source, in bytes. Length is at least
	// 1, except at the end of the source.
	Offset, Length int
	Message        string
	Hint           string // what to write instead, or empty
}

func (i Issue) String() string {
	s := fmt.Sprintf("%d: %s", i.Offset, i.Message)
	if i.Let != "" {
		s = "let " + i.Let + ": " + s
	}
	if i.Hint != "" {
		s += "; " + i.Hint
	}
	return s
}

// Error joins the issues, each as offset: message; hint.
func (e *Error) Error() string {
	lines := make([]string, len(e.Issues))
	for i, issue := range e.Issues {
		lines[i] = issue.String()
	}
	return strings.Join(lines, "\n")
}

// newError is nil without issues.
func newError(issues []Issue) error {
	if len(issues) == 0 {
		return nil
	}
	slices.SortStableFunc(issues, func(a, b Issue) int {
		if c := strings.Compare(a.Let, b.Let); c != 0 {
			return c
		}
		return a.Offset - b.Offset
	})
	return &Error{slices.Compact(issues)}
}

// Unsupported is a rule that compiles and can be evaluated by [Rule.Eval], but
// holds a construct that the SQL of a dialect cannot say exactly.
type Unsupported struct {
	Dialect   string
	Construct string
}

func (u *Unsupported) Error() string {
	return u.Construct + " has no exact form in the SQL of " + u.Dialect
}

// source is a text with the positions of its code points in bytes.
type source struct {
	text    string
	offsets []int // by code point, and the end
}

func newSource(text string) *source {
	s := &source{text: text}
	for i := range text {
		s.offsets = append(s.offsets, i)
	}
	s.offsets = append(s.offsets, len(text))
	return s
}

// byteRange converts a range of code points.
func (s *source) byteRange(start, stop int32) (offset, length int) {
	last := len(s.offsets) - 1
	a := min(max(int(start), 0), last)
	b := min(max(int(stop), a), last)
	if a == b && a < last {
		b = a + 1
	}
	return s.offsets[a], s.offsets[b] - s.offsets[a]
}

// nearest is the name that is most like the given one, or empty when none is.
func nearest(name string, names []string) string {
	best, distance := "", max(1, utf8.RuneCountInString(name)/4)+1
	for _, candidate := range names {
		d := editDistance(strings.ToLower(name), strings.ToLower(candidate))
		if strings.EqualFold(name, candidate) {
			d = 0
		}
		if d < distance {
			best, distance = candidate, d
		}
	}
	return best
}

// editDistance counts insertions, deletions, replacements and swaps of neighbours.
func editDistance(a, b string) int {
	x, y := []rune(a), []rune(b)
	const most = 64
	if len(x) > most || len(y) > most {
		return most
	}
	rows := make([][]int, len(x)+1)
	for i := range rows {
		rows[i] = make([]int, len(y)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(x); i++ {
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(x)][len(y)]
}
