// Package yamlpos reads YAML and remembers where everything stands: each value
// has the line and column it was written at, so that whoever gives it a meaning
// can say file:line:col when that meaning is wrong. It knows no meaning itself.
//
// [Parse] gives a [Document] of [Node]s. Scalars keep their text: 1.10 stays
// 1.10 and NO stays NO, until [Node.Int], [Node.Bool] or another method is asked
// for the type that the reader declares. Readers note what is wrong with
// [Node.Errorf] and go on, so that a user sees all errors at once; [Document.Err]
// gives them in order.
//
//	doc, err := yamlpos.Parse("suite.yaml", data)
//	if err != nil {
//		return err // not YAML at all
//	}
//	fields := doc.Root.Map("a suite", "version", "table")
//	name := fields["table"].String()
//	return doc.Err()
//
// Methods of a nil *Node return zero values, so absent fields need no checks.
//
// Foreign input is bounded: files of at most [MaxBytes], nesting of at most
// [MaxDepth], aliases that expand to at most [MaxNodes].
package yamlpos

import (
	"fmt"
	"sort"
	"strings"
)

// Bounds on foreign input.
const (
	MaxBytes = 4 << 20
	MaxDepth = 200
	MaxNodes = 1_000_000
)

// Document is one YAML document.
type Document struct {
	File string
	// Root is never nil; of an empty document it is null.
	Root *Node

	lines  []string
	errors Errors
}

// Kind is what a [Node] is.
type Kind int

// The kinds of nodes.
const (
	Scalar Kind = iota
	Mapping
	Sequence
)

func (k Kind) String() string {
	return [...]string{"a value", "a mapping", "a list"}[k]
}

// Style is how a scalar was written.
type Style int

// The styles of scalars.
const (
	Plain Style = iota
	SingleQuoted
	DoubleQuoted
	Literal // |
	Folded  // >
)

// Node is a value with its place. Line and Col count from 1, Col in characters.
// An alias is the very node of its anchor.
type Node struct {
	Kind      Kind
	Line, Col int
	// Text is a scalar's text after quotes and folding; Null is set for null,
	// ~ and nothing at all.
	Text    string
	Style   Style
	Null    bool
	Entries []Entry // of a mapping, in order; keys are unique
	Items   []*Node // of a sequence

	doc *Document
}

// Entry is one key of a mapping with its value.
type Entry struct {
	Key   *Node
	Value *Node
}

// Error is one thing wrong, with its place.
type Error struct {
	File      string
	Line, Col int
	Message   string
	Hint      string // what to write instead; may be empty
	Source    string // the line that Line names
}

// Error gives file:line:col: message; hint. See [Errors] for the code frame.
func (e Error) Error() string {
	s := fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Col, e.Message)
	if e.Hint != "" {
		s += "; " + e.Hint
	}
	return s
}

// Frame is the source line with a mark below the column.
func (e Error) Frame() string {
	if strings.TrimSpace(e.Source) == "" {
		return ""
	}
	runes := []rune(e.Source)
	var mark strings.Builder
	for i := 0; i < e.Col-1; i++ {
		if i < len(runes) && runes[i] == '\t' {
			mark.WriteByte('\t')
		} else {
			mark.WriteByte(' ')
		}
	}
	number := fmt.Sprint(e.Line)
	return fmt.Sprintf("  %s | %s\n  %s | %s^", number, e.Source, strings.Repeat(" ", len(number)), mark.String())
}

// Errors are all the things wrong, by place. It is the error type of [Parse] and [Document.Err].
type Errors []Error

// Error gives each error on its line, with its code frame below.
func (es Errors) Error() string {
	parts := make([]string, len(es))
	for i, e := range es {
		parts[i] = e.Error()
		if f := e.Frame(); f != "" {
			parts[i] += "\n" + f
		}
	}
	return strings.Join(parts, "\n")
}

// Sort orders the errors by file, line, column and message, and removes repetitions.
func (es Errors) Sort() Errors {
	sort.SliceStable(es, func(i, j int) bool {
		a, b := es[i], es[j]
		switch {
		case a.File != b.File:
			return a.File < b.File
		case a.Line != b.Line:
			return a.Line < b.Line
		case a.Col != b.Col:
			return a.Col < b.Col
		}
		return a.Message < b.Message
	})
	var out Errors
	for i, e := range es {
		if i == 0 || e != es[i-1] {
			out = append(out, e)
		}
	}
	return out
}

// Err returns what [Node.Errorf] and the typed methods noted, as sorted
// [Errors], or nil.
func (d *Document) Err() error {
	if len(d.errors) == 0 {
		return nil
	}
	return d.Errors()
}

// Errors is [Document.Err] as its own type.
func (d *Document) Errors() Errors {
	return append(Errors(nil), d.errors...).Sort()
}

// Note adds an error that was made elsewhere.
func (d *Document) Note(e Error) {
	d.errors = append(d.errors, e)
}

// Errorf notes that the node is wrong. The hint says what to write instead, or is "".
func (n *Node) Errorf(hint, format string, args ...any) {
	if n == nil {
		return
	}
	n.doc.Note(n.Error(hint, format, args...))
}

// Error makes the error that [Node.Errorf] notes, without noting it.
func (n *Node) Error(hint, format string, args ...any) Error {
	return n.doc.errorAt(n.Line, n.Col, hint, fmt.Sprintf(format, args...))
}

// ErrorAt makes an error at a byte of the node's Text.
func (n *Node) ErrorAt(offset int, hint, message string) Error {
	line, col := n.PositionAt(offset)
	return n.doc.errorAt(line, col, hint, message)
}

func (d *Document) errorAt(line, col int, hint, message string) Error {
	e := Error{File: d.File, Line: line, Col: col, Message: message, Hint: hint}
	if line >= 1 && line <= len(d.lines) {
		e.Source = d.lines[line-1]
	}
	return e
}

// Position gives file:line:col, or "" for a nil node.
func (n *Node) Position() string {
	if n == nil {
		return ""
	}
	return fmt.Sprintf("%s:%d:%d", n.doc.File, n.Line, n.Col)
}

// Document is the document that the node belongs to.
func (n *Node) Document() *Document { return n.doc }

// Get returns the value of a mapping's key, or nil.
func (n *Node) Get(key string) *Node {
	if n == nil {
		return nil
	}
	for _, e := range n.Entries {
		if e.Key.Text == key {
			return e.Value
		}
	}
	return nil
}
