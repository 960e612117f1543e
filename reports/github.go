package reports

import (
	"bytes"
	"io"
	"strconv"
	"strings"

	"github.com/dq-dev/dq/record"
)

// githubLimit is how many errors, and how many warnings, GitHub shows of a step.
const githubLimit = 10

// writeGitHub writes workflow commands that GitHub shows beside the lines of a
// suite: the worst errors, warnings and notices, and how many there are beyond them.
func writeGitHub(w io.Writer, run *record.Run) error {
	var b bytes.Buffer
	blocking, warnings := issues(run)
	annotate(&b, "error", blocking)
	annotate(&b, "warning", warnings)
	annotate(&b, "notice", notes(run))
	if len(blocking) == 0 && (run.Verdict == record.Fail || run.Verdict == record.Error) {
		b.WriteString("::error title=" + property(headline(run)) + "::" + data(clean(summary(run), maxMessage)) + "\n")
	}
	_, err := w.Write(b.Bytes())
	return err
}

func annotate(b *bytes.Buffer, level string, list []issue) {
	for n := range list {
		if n == githubLimit-1 && len(list) > githubLimit {
			b.WriteString("::" + level + " title=dq::" + number(int64(len(list)-n)) + " more; the report has them all\n")
			return
		}
		i := &list[n]
		name := clean(i.id(), maxName)
		if i.table != "" {
			name += " of " + clean(i.table, maxName)
		}
		b.WriteString("::" + level + " ")
		if file, line, column := i.place(); file != "" {
			b.WriteString("file=" + property(clean(file, maxName)) + ",line=" + strconv.Itoa(line))
			if column > 0 {
				b.WriteString(",col=" + strconv.Itoa(column))
			}
			b.WriteByte(',')
		}
		b.WriteString("title=" + property(name) + "::" + data(clean(i.message(), maxMessage)) + "\n")
	}
}

// place takes suite.yaml:12:5 apart. file is "" unless a line follows it.
func place(position string) (file, line, column string) {
	digits := func(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
	head, last, ok := cutLast(position)
	if !ok || !digits(last) {
		return "", "", ""
	}
	if file, line, ok = cutLast(head); ok && digits(line) {
		return file, line, last
	}
	return head, last, ""
}

func cutLast(s string) (before, after string, ok bool) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}

var (
	dataEscaper     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	propertyEscaper = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

func data(s string) string     { return dataEscaper.Replace(s) }
func property(s string) string { return propertyEscaper.Replace(s) }
