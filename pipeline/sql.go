package pipeline

import (
	"fmt"
	"iter"
	"strings"

	"github.com/dq-dev/dq/engine"
)

// mentions returns which of the names (layer.table) occur in a SQL text outside
// of strings and comments, quoted or not. It is how tables of one pipeline are
// put in order before anything can be bound; binding then decides what is read.
func mentions(sql string, names map[string]bool) []string {
	var found []string
	seen := map[string]bool{}
	for name := range named(sql) {
		if names[name] && !seen[name] {
			seen[name] = true
			found = append(found, name)
		}
	}
	return found
}

// mentionedAt is the byte at which a SQL text first names a table (layer.table), or -1.
func mentionedAt(sql, table string) int {
	for name, at := range named(sql) {
		if name == table {
			return at
		}
	}
	return -1
}

// named yields what may name a table in a SQL text, and the byte where it begins.
func named(sql string) iter.Seq2[string, int] {
	return func(yield func(string, int) bool) {
		tokens := sqlNames(sql)
		for i := 0; i+2 < len(tokens); i++ {
			if tokens[i+1].text == "." && !yield(tokens[i].text+"."+tokens[i+2].text, tokens[i].at) {
				return
			}
		}
	}
}

// sqlName is a piece of a SQL text, and the byte where it begins.
type sqlName struct {
	text string
	at   int
}

// sqlNames cuts SQL into identifiers (unquoted), dots, and "" for everything else.
func sqlNames(sql string) []sqlName {
	var out []sqlName
	for i := 0; i < len(sql); {
		c := sql[i]
		switch {
		case strings.HasPrefix(sql[i:], "--"):
			i += until(sql[i:], "\n")
		case strings.HasPrefix(sql[i:], "/*"):
			i += until(sql[i:], "*/")
		case c == '\'':
			_, n := quoted(sql[i:])
			out = append(out, sqlName{"", i})
			i += n
		case c == '"' || c == '`':
			text, n := quoted(sql[i:])
			out = append(out, sqlName{text, i})
			i += n
		case nameByte(c):
			j := i
			for j < len(sql) && nameByte(sql[j]) {
				j++
			}
			out = append(out, sqlName{sql[i:j], i})
			i = j
		case c == '.':
			out = append(out, sqlName{".", i})
			i++
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			i++
		default:
			out = append(out, sqlName{"", i})
			i++
		}
	}
	return out
}

func nameByte(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c >= 0x80
}

// until is how many bytes there are up to and including end, or all.
func until(s, end string) int {
	if i := strings.Index(s, end); i >= 0 {
		return i + len(end)
	}
	return len(s)
}

// quoted reads a quoted token, in which the quote doubled stands for itself.
func quoted(s string) (text string, length int) {
	q := s[0]
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		if s[i] != q {
			b.WriteByte(s[i])
			continue
		}
		if i+1 < len(s) && s[i+1] == q {
			b.WriteByte(q)
			i++
			continue
		}
		return b.String(), i + 1
	}
	return b.String(), len(s)
}

// canonical is a SQL text without comments and with one space where there is
// any white space, so that prose and layout do not change a model's digest.
func canonical(sql string) string {
	var b strings.Builder
	space := false
	for i := 0; i < len(sql); {
		n, text := 1, sql[i:i+1]
		switch c := sql[i]; {
		case strings.HasPrefix(sql[i:], "--"):
			n, text = until(sql[i:], "\n"), ""
		case strings.HasPrefix(sql[i:], "/*"):
			n, text = until(sql[i:], "*/"), ""
		case c == '\'' || c == '"' || c == '`':
			_, n = quoted(sql[i:])
			text = sql[i : i+n]
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			text = ""
		}
		if text == "" {
			space = true
		} else {
			if space && b.Len() > 0 {
				b.WriteByte(' ')
			}
			space = false
			b.WriteString(text)
		}
		i += n
	}
	return b.String()
}

// idents quotes names, each behind prefix, parted by commas.
func idents(d engine.Dialect, prefix string, names []string) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = prefix + d.Ident(n)
	}
	return strings.Join(out, ", ")
}

// same is SQL that is true when the named columns of two relations agree, null equal to null.
func same(d engine.Dialect, a, b string, names []string) string {
	if len(names) == 0 {
		return "true"
	}
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = fmt.Sprintf("%s%s IS NOT DISTINCT FROM %s%s", a, d.Ident(n), b, d.Ident(n))
	}
	return strings.Join(out, " AND ")
}

// equal is SQL that joins on the named columns; null matches nothing.
func equal(d engine.Dialect, a, b string, names []string) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = fmt.Sprintf("%s%s = %s%s", a, d.Ident(n), b, d.Ident(n))
	}
	return strings.Join(out, " AND ")
}
