package yamlpos

import (
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"
)

// Map reads a mapping whose keys are known and returns its values by key. What
// is wrong is noted: not a mapping, a key that is none of the known (with the
// nearest right name). The word what names the mapping in messages: "a suite".
// Of a nil or null node it is empty.
func (n *Node) Map(what string, known ...string) map[string]*Node {
	fields := map[string]*Node{}
	if !n.mapping(what) {
		return fields
	}
	for _, e := range n.Entries {
		if !contains(known, e.Key.Text) {
			e.UnknownKey(what, known)
			continue
		}
		fields[e.Key.Text] = e.Value
	}
	return fields
}

// Pairs reads a mapping whose keys are names that the user chose.
func (n *Node) Pairs(what string) []Entry {
	if !n.mapping(what) {
		return nil
	}
	return n.Entries
}

func (n *Node) mapping(what string) bool {
	if n == nil || n.Null {
		return false
	}
	if n.Kind != Mapping {
		n.Errorf("write key: value", "%s must be a mapping, not %s", what, n.Kind)
		return false
	}
	return true
}

// UnknownKey notes that the entry's key is none of the known ones of what.
func (e Entry) UnknownKey(what string, known []string) {
	hint := ""
	switch near := Nearest(e.Key.Text, known); {
	case near != "":
		hint = "did you mean " + near + "?"
	case e.Value.Null && e.Value.Text == "" && strings.ContainsAny(e.Key.Text, " ()<>=&|'\"]"):
		hint = "inside { } a comma ends a value: quote the expression before it"
	default:
		hint = DidYouMean(e.Key.Text, known)
	}
	e.Key.Errorf(hint, "%s has no %q", what, e.Key.Text)
}

// List reads a sequence's items. With scalar true a lone scalar is a list of one.
func (n *Node) List(what string, lone bool) []*Node {
	switch {
	case n == nil || n.Null:
		return nil
	case n.Kind == Sequence:
		return n.Items
	case n.Kind == Scalar && lone:
		return []*Node{n}
	}
	n.Errorf("write [a, b]", "%s must be a list, not %s", what, n.Kind)
	return nil
}

func (n *Node) scalar(want string) bool {
	if n == nil {
		return false
	}
	if n.Kind != Scalar {
		n.Errorf("", "expected %s, not %s", want, n.Kind)
		return false
	}
	if n.Null {
		n.Errorf("", "expected %s, but nothing is written here", want)
		return false
	}
	return true
}

// String reads a scalar as the text it was written with: 1.10 and NO stay so.
func (n *Node) String() string {
	if !n.scalar("text") {
		return ""
	}
	return n.Text
}

// Strings reads a list of texts; a lone text is a list of one.
func (n *Node) Strings(what string) []string {
	var out []string
	for _, i := range n.List(what, true) {
		out = append(out, i.String())
	}
	return out
}

// Bool reads true or false. YAML 1.1's yes, no, on and off are refused with a hint.
func (n *Node) Bool() bool {
	if !n.scalar("true or false") {
		return false
	}
	v, ok := n.IsBool()
	if !ok {
		hint := ""
		switch strings.ToLower(n.Text) {
		case "yes", "on", "y", "1":
			hint = "write true"
		case "no", "off", "n", "0":
			hint = "write false"
		}
		n.Errorf(hint, "expected true or false, not %q", n.Text)
	}
	return v
}

// IsBool says whether the scalar is an unquoted true or false, and which.
func (n *Node) IsBool() (value, ok bool) {
	if n == nil || n.Kind != Scalar || n.Style != Plain {
		return false, false
	}
	switch n.Text {
	case "true", "True", "TRUE":
		return true, true
	case "false", "False", "FALSE":
		return false, true
	}
	return false, false
}

// Int reads a whole number in digits, with _ between them allowed.
func (n *Node) Int() int64 {
	if !n.scalar("a whole number") {
		return 0
	}
	v, err := strconv.ParseInt(strings.ReplaceAll(n.Text, "_", ""), 10, 64)
	if err != nil {
		n.Errorf("", "expected a whole number, not %q", n.Text)
	}
	return v
}

// number is a decimal number as YAML, CEL and people write it.
var number = regexp.MustCompile(`^[+-]?(\d[\d_]*)(\.\d[\d_]*)?([eE][+-]?\d{1,3})?$`)

// IsNumber says whether the text is a decimal number such as -12, 0.5 or 1e-3.
// The canonical text has no underscores and no plus sign.
func (n *Node) IsNumber() (canonical string, ok bool) {
	if n == nil || n.Kind != Scalar || n.Style != Plain || !number.MatchString(n.Text) {
		return "", false
	}
	return strings.TrimPrefix(strings.ReplaceAll(n.Text, "_", ""), "+"), true
}

// Number reads a decimal number exactly: 0.999 is 999/1000.
func (n *Node) Number() *big.Rat {
	if !n.scalar("a number") {
		return new(big.Rat)
	}
	text, ok := n.IsNumber()
	if !ok {
		n.Errorf("", "expected a number, not %q", n.Text)
		return new(big.Rat)
	}
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		n.Errorf("", "expected a number, not %q", n.Text)
		return new(big.Rat)
	}
	return r
}

// OneOf reads a text that must be one of the given.
func (n *Node) OneOf(what string, known ...string) string {
	if !n.scalar(what) {
		return ""
	}
	if !contains(known, n.Text) {
		hint := "write " + strings.Join(known, ", ")
		if near := Nearest(n.Text, known); near != "" {
			hint = "did you mean " + near + "?"
		}
		n.Errorf(hint, "%q is no %s", n.Text, what)
		return ""
	}
	return n.Text
}

func contains(names []string, name string) bool {
	for _, n := range names {
		if n == name {
			return true
		}
	}
	return false
}

// DidYouMean is the hint for a name that is none of the known: the nearest of
// them, or all when there are few and none is near, or "".
func DidYouMean(name string, known []string) string {
	if near := Nearest(name, known); near != "" {
		return fmt.Sprintf("did you mean %s?", Shown(near))
	}
	if len(known) > 0 && len(known) <= 30 {
		names := make([]string, len(known))
		for i, k := range known {
			names[i] = Shown(k)
		}
		return "known are " + strings.Join(names, ", ")
	}
	return ""
}

// plain is a name that needs no quotes for a reader to see where it begins and ends.
var plain = regexp.MustCompile(`^[^\s"',;]+( [^\s"',;]+)*$`)

// Shown writes a name for a message: in quotes if blanks or the like would hide
// where it begins or ends.
func Shown(name string) string {
	if plain.MatchString(name) {
		return name
	}
	return strconv.Quote(name)
}

// Nearest returns the known name that name most likely stands for, or "". It
// ignores case and counts insertions, deletions, changes and swaps of neighbours;
// a third of the name may differ. The first of equals wins. O(len² · known).
func Nearest(name string, known []string) string {
	const longest = 100
	if name == "" || len(name) > longest {
		return ""
	}
	best, distance := "", max(1, len([]rune(name))/3)+1
	for _, k := range known {
		if len(k) > longest {
			continue
		}
		if d := edits([]rune(strings.ToLower(name)), []rune(strings.ToLower(k))); d < distance {
			best, distance = k, d
		}
	}
	return best
}

// edits is the optimal string alignment distance.
func edits(a, b []rune) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
