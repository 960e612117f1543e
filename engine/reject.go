package engine

import (
	"regexp"
	"slices"
	"strings"
)

// Reject is a record of a text file that could not be read.
type Reject struct {
	File    string
	Line    int64 // record number in the file, header counted
	Text    string
	Problem string
}

// shapeOnly is what the problem of a record may begin with that tells nothing of
// its text: the kind of problem, and numbers of columns.
var shapeOnly = regexp.MustCompile(`^[a-z_ ]+(: Expected Number of Columns: \d+ Found: \d+)?`)

const redacted = "[redacted]"

// Hiding is the record without what may be a value of a personal column; all of it
// is shown when there is none. A record of n fields too many or too few keeps those
// that cannot have come from a personal column by n places either way. Of any other
// (a quote that is never closed, as many fields as there should be, no CSV: csv is
// nil) only the kind of problem is told, and so of a file that does not name one of
// the columns. What several faults of one record have moved further is not known.
func (r Reject) Hiding(personal []string, csv *CSVOptions) Reject {
	if len(personal) == 0 {
		return r
	}
	r.Problem = shapeOnly.FindString(r.Problem)
	fields, ok := []string(nil), false
	if csv != nil && len(csv.Delimiter) == 1 {
		fields, ok = csv.split(r.Text)
	}
	off := len(fields) - csv.width()
	if off < 0 {
		off = -off
	}
	if !ok || off == 0 {
		r.Text = redacted
		return r
	}
	for _, name := range personal {
		at := slices.IndexFunc(csv.Columns, func(c string) bool { return strings.EqualFold(c, name) })
		if at < 0 {
			r.Text = redacted
			return r
		}
		for i := max(at-off, 0); i <= min(at+off, len(fields)-1); i++ {
			fields[i] = redacted
		}
	}
	r.Text = strings.Join(fields, csv.Delimiter)
	return r
}

func (o *CSVOptions) width() int {
	if o == nil {
		return 0
	}
	return len(o.Columns)
}

// split cuts a record into its fields as they are written, quotes included; false
// when a quote stays open.
func (o *CSVOptions) split(record string) ([]string, bool) {
	var fields []string
	start, quoted, opens := 0, false, true // opens: a quote here would begin a quoted field, or go on with one
	for i := 0; i < len(record); i++ {
		switch c := record[i]; {
		case o.Quote != "" && c == o.Quote[0] && (quoted || opens):
			quoted, opens = !quoted, quoted
		case quoted:
		case c == o.Delimiter[0]:
			fields, start, opens = append(fields, record[start:i]), i+1, true
		case c != ' ':
			opens = false
		}
	}
	return append(fields, record[start:]), !quoted
}
