package pipeline

import (
	"cmp"
	"regexp"
	"slices"
	"sort"
	"strings"

	"github.com/dq-dev/dq/source/file"
)

// header is what a source file has for columns.
type header struct {
	path    string
	columns []string
}

// headersOf are the headers of a batch in the order of their names; groups are the
// columns of its groups.
func headersOf(batch *file.Batch, groups [][]string) []header {
	var headers []header
	for i, g := range batch.Groups {
		for _, f := range g.Files {
			headers = append(headers, header{f.Path, groups[i]})
		}
	}
	sort.Slice(headers, func(i, j int) bool {
		order, _ := compareNames(headers[i].path, headers[j].path)
		return order < 0
	})
	return headers
}

// begins says of each column in which of the consumed files it begins: the first by
// name that has it. Of a column that is not there nothing is known; it counts as there
// from the start. What files of but had before they were rewritten does not count.
func (l *ledger) begins(but ...file.File) map[string]string {
	first := map[string]string{}
	for path, f := range l.files {
		if slices.ContainsFunc(but, func(o file.File) bool { return o.Path == path }) {
			continue
		}
		for _, c := range f.Begins {
			noteBegin(first, c, path)
		}
	}
	return first
}

// noteBegin notes that a file has a column, and returns whether it is the first.
func noteBegin(first map[string]string, column, path string) bool {
	if old, ok := first[column]; ok {
		if order, _ := compareNames(path, old); order >= 0 {
			return false
		}
	}
	first[column] = path
	return true
}

// beginnings say which columns begin with which files of a batch. Of a column that the
// table had, and of which nobody knows where it begins, that stays so, unless the table
// is made of this batch alone.
func (t *tableRun) beginnings(batch *file.Batch, groups [][]string) map[string][]string {
	first := map[string]string{}
	unknown := map[string]bool{}
	if !t.rewrites && t.snap != nil {
		first = t.ledger.begins(batch.Rewritten...)
		before := t.ledger.begins()
		for _, name := range t.snap.Schema().Names() {
			unknown[name] = before[name] == ""
		}
	}
	found := map[string][]string{}
	for _, h := range headersOf(batch, groups) {
		for _, c := range h.columns {
			if !unknown[c] && noteBegin(first, c, h.path) {
				found[h.path] = append(found[h.path], c)
			}
		}
	}
	return found
}

var digits = regexp.MustCompile(`\d+|\D+`)

// compareNames orders names of files as people do: day9.csv is before day10.csv.
// counted says that it is a number that tells them apart, and that the same text is
// behind it, as with days and dates: only such names say which file is older.
func compareNames(a, b string) (order int, counted bool) {
	as, bs := digits.FindAllString(a, -1), digits.FindAllString(b, -1)
	next := func(parts []string, i int) string {
		if i+1 < len(parts) {
			return parts[i+1]
		}
		return ""
	}
	for i := range min(len(as), len(bs)) {
		x, y := as[i], bs[i]
		if x == y {
			continue
		}
		if !isDigit(x[0]) || !isDigit(y[0]) {
			return strings.Compare(x, y), false
		}
		n, m := strings.TrimLeft(x, "0"), strings.TrimLeft(y, "0")
		if order := cmp.Or(cmp.Compare(len(n), len(m)), strings.Compare(n, m)); order != 0 {
			return order, next(as, i) == next(bs, i)
		}
	}
	return cmp.Or(cmp.Compare(len(as), len(bs)), strings.Compare(a, b)), false
}

func isDigit(b byte) bool { return '0' <= b && b <= '9' }

// older reports whether the names of two files say that the first is older.
func older(path, than string) bool {
	order, counted := compareNames(path, than)
	return counted && order < 0
}
