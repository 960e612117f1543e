package duckdb

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Statement is one statement of a script, as far as its SELECT is concerned.
type Statement struct {
	// SQL is its SELECT: the script, all else of it blanked out, so that a position
	// in SQL is one in the script. Empty: the statement has no SELECT.
	SQL string
	// Offset is where the statement begins, in bytes.
	Offset int
	// What it does: SELECT, CREATE TABLE, CREATE VIEW, INSERT, COPY, or its first word.
	What string
	// Makes is the table or view that a CREATE makes, as written; of a SELECT or, where
	// there is none, with the columns that it Defines.
	Makes   string
	Defines []Column
	// Changes is the table whose rows an INSERT, UPDATE, MERGE or DELETE changes, as written.
	Changes string
	// Columns are the names that it gives to the columns of the SELECT; nil for none.
	Columns []string
	// ByName says that an INSERT takes its columns by their names; Fixed are those that it
	// gives constants beside the SELECT: PARTITION (day = '2026-01-01').
	ByName bool
	Fixed  []string
}

// Script cuts a text into its statements at semicolons that stand in no string,
// name or comment, and finds the SELECT of those that store the result of one:
// CREATE TABLE and CREATE VIEW … AS, INSERT, COPY (…) TO, EXPLAIN. Names in
// backquotes, as other dialects write them, get double quotes. It binds nothing;
// what is no SQL is found by whoever binds it.
func Script(text string) []Statement {
	var out []Statement
	var statement []token
	all := tokens(text)
	if strings.Contains(text, "`") {
		quoted := []byte(text)
		for i, t := range all {
			if t.text[0] == '`' && len(t.text) > 1 && !strings.Contains(t.text, `"`) {
				quoted[t.start], quoted[t.end-1] = '"', '"'
				all[i].text = string(quoted[t.start:t.end])
			}
		}
		text = string(quoted)
	}
	for _, t := range append(all, token{text: ";"}) {
		if t.text != ";" || t.depth > 0 {
			statement = append(statement, t)
			continue
		}
		if len(statement) > 0 {
			out = append(out, read(text, statement))
		}
		statement = nil
	}
	return out
}

// token is a word, a quoted name, a string, a number or one sign.
type token struct {
	text       string // as written; words in upper case
	start, end int
	depth      int // of parentheses around it; those themselves count as outside
}

// tokens leaves out blanks and comments. What is not closed goes to the end.
func tokens(text string) []token {
	var out []token
	depth := 0
	for at := 0; at < len(text); {
		end, blank := lexeme(text, at)
		if !blank {
			t := token{text: text[at:end], start: at, end: end}
			if r, _ := utf8.DecodeRuneInString(t.text); wordy(r) {
				t.text = strings.ToUpper(t.text)
			}
			if t.text == ")" || t.text == "]" || t.text == "}" {
				depth = max(0, depth-1)
			}
			t.depth = depth
			if t.text == "(" || t.text == "[" || t.text == "{" {
				depth++
			}
			out = append(out, t)
		}
		at = end
	}
	return out
}

// Words are the words and names of a text, these without their quotes.
func Words(text string) []string {
	var out []string
	for _, t := range tokens(text) {
		if r, _ := utf8.DecodeRuneInString(t.text); wordy(r) || r == '"' || r == '`' {
			out = append(out, unquoted(text[t.start:t.end]))
		}
	}
	return out
}

func wordy(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }

// lexeme is where the token or the blank at a position ends.
func lexeme(text string, at int) (end int, blank bool) {
	rest := text[at:]
	upTo := func(close string, from int) int {
		if i := strings.Index(rest[from:], close); i >= 0 {
			return at + from + i + len(close)
		}
		return len(text)
	}
	switch c := rest[0]; {
	case strings.HasPrefix(rest, "--"):
		return upTo("\n", 2), true
	case strings.HasPrefix(rest, "/*"):
		return comment(text, at), true
	case c == '\'' || c == '"' || c == '`':
		return quoted(text, at, false), false
	case (c == 'e' || c == 'E') && len(rest) > 1 && rest[1] == '\'':
		return quoted(text, at+1, true), false
	case c == '$':
		tag := 1
		for tag < len(rest) && (rest[tag] == '_' || rest[tag] >= 'a' && rest[tag] <= 'z' || rest[tag] >= 'A' && rest[tag] <= 'Z' || tag > 1 && rest[tag] >= '0' && rest[tag] <= '9') {
			tag++
		}
		if tag < len(rest) && rest[tag] == '$' {
			return upTo(rest[:tag+1], tag+1), false
		}
		return at + 1, false
	}
	r, size := utf8.DecodeRuneInString(rest)
	if unicode.IsSpace(r) {
		return at + size, true
	}
	end = at + size
	for wordy(r) && end < len(text) {
		next, size := utf8.DecodeRuneInString(text[end:])
		if !wordy(next) && next != '$' {
			break
		}
		end += size
	}
	return end, false
}

// comment ends with as many */ as there are /* in it.
func comment(text string, at int) int {
	for depth, i := 0, at; i+1 < len(text); i++ {
		switch text[i : i+2] {
		case "/*":
			depth++
			i++
		case "*/":
			depth--
			i++
		}
		if depth == 0 {
			return i + 1
		}
	}
	return len(text)
}

// quoted ends with a quote that is not doubled, nor behind a backslash where that escapes.
func quoted(text string, at int, escapes bool) int {
	for i := at + 1; i < len(text); i++ {
		switch {
		case escapes && text[i] == '\\':
			i++
		case text[i] != text[at]:
		case i+1 < len(text) && text[i+1] == text[at]:
			i++
		default:
			return i + 1
		}
	}
	return len(text)
}

// read finds the SELECT of a statement.
func read(text string, all []token) Statement {
	r := reader{text: text, all: all}
	s := Statement{Offset: all[0].start, What: all[0].text}
	if all[0].text == "(" {
		s.What = "SELECT"
	}
	if r.skip("EXPLAIN") {
		r.skip("ANALYZE")
	}
	switch {
	case r.skip("CREATE"):
		r.create(&s)
	case r.skip("COPY"):
		if s.What = "COPY"; r.is("(") {
			s.SQL = r.blank(r.at+1, r.group(r.at))
		}
	case r.is("WITH") || r.is("INSERT"):
		// WITH may stand before INSERT, and belongs to its SELECT.
		begin := r.at
		for r.at < len(all) && !r.main(begin) {
			r.at++
		}
		switch {
		case r.is("INSERT"):
			r.insert(&s, begin)
		case r.is("UPDATE", "DELETE", "MERGE"):
			r.change(&s)
		default:
			s.What, s.SQL = "SELECT", r.blank(begin, len(all))
		}
	case r.is("SELECT", "FROM", "VALUES", "TABLE", "(", "PIVOT", "UNPIVOT", "PIVOT_WIDER", "PIVOT_LONGER"):
		s.What, s.SQL = "SELECT", r.blank(r.at, len(all))
	case r.is("UPDATE", "DELETE", "MERGE"):
		r.change(&s)
	case !r.is("INSERT", "DROP", "ALTER", "SET", "USE", "BEGIN", "COMMIT", "ROLLBACK", "TRUNCATE", "GRANT", "REVOKE",
		"ATTACH", "DETACH", "CALL", "PRAGMA", "EXPORT", "IMPORT", "INSTALL", "LOAD", "VACUUM", "ANALYZE", "CHECKPOINT", "COMMENT", "DESCRIBE", "SHOW", "SUMMARIZE", "RESET", "EXECUTE", "PREPARE", "DEALLOCATE"):
		s.SQL = r.blank(r.at, len(all)) // whoever binds it says what is wrong
	}
	return s
}

// main reports whether the statement goes on here behind the CTEs that begin at a token.
func (r *reader) main(begin int) bool {
	switch {
	case r.all[r.at].depth > 0:
		return false
	case r.is("("):
		return r.at > begin && r.all[r.at-1].text == ")"
	}
	return r.is("INSERT", "UPDATE", "DELETE", "MERGE", "SELECT", "FROM", "VALUES", "TABLE", "PIVOT", "UNPIVOT")
}

// reader goes through the tokens of one statement.
type reader struct {
	text string
	all  []token
	at   int
}

func (r *reader) is(words ...string) bool {
	for _, w := range words {
		if r.at < len(r.all) && r.all[r.at].text == w {
			return true
		}
	}
	return false
}

func (r *reader) skip(words ...string) (any bool) {
	for r.is(words...) {
		r.at++
		any = true
	}
	return any
}

// selects reports whether a SELECT begins at a token.
func (r *reader) selects(at int) bool {
	for at < len(r.all) && r.all[at].text == "(" {
		at++
	}
	ahead := reader{all: r.all, at: at}
	return ahead.is("SELECT", "WITH", "FROM", "VALUES", "TABLE", "PIVOT", "UNPIVOT")
}

// group is the token that closes the parenthesis at a token, or the end.
func (r *reader) group(open int) int {
	for i := open + 1; i < len(r.all); i++ {
		if r.all[i].text == ")" && r.all[i].depth == r.all[open].depth {
			return i
		}
	}
	return len(r.all)
}

// name reads a name of one or more parts, as written.
func (r *reader) name() string {
	begin := r.at
	for r.at < len(r.all) && r.all[r.at].text != "(" {
		r.at++
		if !r.is(".") {
			break
		}
		r.at++
	}
	if begin == r.at {
		return ""
	}
	return r.text[r.all[begin].start:r.all[r.at-1].end]
}

// columns reads the names in parentheses, if what follows is that.
func (r *reader) columns() []string {
	if !r.is("(") || r.selects(r.at+1) {
		return nil
	}
	var names []string
	end := r.group(r.at)
	for r.at++; r.at < end; r.at++ {
		if before := r.all[r.at-1].text; r.all[r.at].depth == r.all[end-1].depth && (before == "(" || before == ",") {
			names = append(names, unquoted(r.text[r.all[r.at].start:r.all[r.at].end]))
		}
	}
	r.at = min(end+1, len(r.all))
	return names
}

func unquoted(name string) string {
	if len(name) > 1 && (name[0] == '"' || name[0] == '`') && name[len(name)-1] == name[0] {
		return strings.ReplaceAll(name[1:len(name)-1], name[:1]+name[:1], name[:1])
	}
	return name
}

// create reads CREATE … TABLE|VIEW name (columns) … AS SELECT.
func (r *reader) create(s *Statement) {
	r.skip("OR", "REPLACE", "TEMP", "TEMPORARY", "GLOBAL", "LOCAL", "UNLOGGED", "RECURSIVE", "MATERIALIZED", "TRANSIENT", "EXTERNAL", "VOLATILE")
	if !r.is("TABLE", "VIEW") {
		return
	}
	s.What = "CREATE " + r.all[r.at].text
	r.at++
	if r.skip("IF") {
		r.skip("NOT", "EXISTS")
	}
	name, open := r.name(), r.at
	columns := r.columns()
	for r.at < len(r.all) && !(r.is("AS") && r.all[r.at].depth == 0 && r.selects(r.at+1)) {
		r.at++ // PARTITIONED BY, COMMENT, WITH (…)
	}
	if r.at == len(r.all) {
		if columns != nil && s.What == "CREATE TABLE" {
			s.Makes, s.Defines = name, r.definitions(open)
		}
		return
	}
	end := len(r.all)
	if last := end - 1; r.all[last].text == "DATA" { // WITH [NO] DATA
		for end = last; end > r.at && r.all[end].text != "WITH"; end-- {
		}
	}
	s.Makes, s.Columns, s.SQL = name, columns, r.blank(r.at+1, end)
}

// insert reads INSERT … INTO name (columns) SELECT, whose WITH began at a token.
func (r *reader) insert(s *Statement, with int) {
	s.What = "INSERT"
	head := r.at
	r.at++
	r.skip("OR", "REPLACE", "IGNORE", "INTO", "OVERWRITE", "TABLE")
	s.Changes = r.name()
	if r.skip("AS") {
		r.at++
	}
	s.Columns = r.columns()
	for r.at < len(r.all) && !r.selects(r.at) {
		switch {
		case r.is("DEFAULT"): // DEFAULT VALUES
			return
		case r.skip("PARTITION"):
			s.Fixed = r.fixed()
		case r.is("("):
			s.Columns = r.columns() // behind PARTITION (…)
		default:
			s.ByName = s.ByName || r.is("NAME")
			r.at++ // BY NAME
		}
	}
	end := r.at
	for ; end < len(r.all); end++ {
		if next := (&reader{all: r.all, at: end}); r.all[end].depth == 0 && (next.is("RETURNING") || next.is("ON") && end+1 < len(r.all) && r.all[end+1].text == "CONFLICT") {
			break
		}
	}
	if r.at == end {
		return
	}
	s.SQL = r.blank(r.at, end)
	if with < head {
		s.SQL = r.text[:r.all[head].start] + s.SQL[r.all[head].start:]
		s.SQL = spaces(s.SQL[:r.all[with].start]) + s.SQL[r.all[with].start:]
	}
}

// change reads the table that an UPDATE, DELETE or MERGE changes.
func (r *reader) change(s *Statement) {
	s.What = r.all[r.at].text
	r.at++
	r.skip("INTO", "FROM", "ONLY")
	s.Changes = r.name()
}

// fixed reads (a = 1, b) and gives the names that have a value.
func (r *reader) fixed() []string {
	if !r.is("(") {
		return nil
	}
	var names []string
	end := r.group(r.at)
	for i := r.at + 1; i+1 < end; i++ {
		if r.all[i+1].text == "=" {
			names = append(names, unquoted(r.text[r.all[i].start:r.all[i].end]))
		}
	}
	r.at = min(end+1, len(r.all))
	return names
}

// inColumns ends a column's type, and inTables begins what is no column.
var (
	inColumns = []string{"NOT", "NULL", "PRIMARY", "UNIQUE", "DEFAULT", "REFERENCES", "CHECK", "COLLATE", "GENERATED", "COMMENT", "CONSTRAINT", "ENCODE", "AUTO_INCREMENT", "IDENTITY", "AS", "OPTIONS", "MASKED"}
	inTables  = []string{"PRIMARY", "FOREIGN", "UNIQUE", "CHECK", "CONSTRAINT", "KEY", "INDEX", "LIKE", "EXCLUDE", "PERIOD"}
)

// definitions reads the columns that a CREATE TABLE defines, from the parenthesis at a
// token; a type that is not there, or not known, is VARCHAR.
func (r *reader) definitions(open int) []Column {
	out := []Column{}
	end := r.group(open)
	for at := open + 1; at < end; {
		next, typed, angles := at, 0, 0
		for ; next < end; next++ {
			t := r.all[next]
			outside := t.depth == r.all[open].depth+1
			switch {
			case t.text == "<":
				angles++
			case t.text == ">":
				angles--
			case typed == 0 && next > at && outside && angles == 0 && slices.Contains(inColumns, t.text):
				typed = next
			}
			if t.text == "," && outside && angles <= 0 {
				break
			}
		}
		if typed == 0 {
			typed = next
		}
		if !slices.Contains(inTables, r.all[at].text) {
			c := Column{Name: unquoted(r.text[r.all[at].start:r.all[at].end]), Type: "VARCHAR"}
			if typed > at+1 {
				c.Type = r.text[r.all[at+1].start:r.all[typed-1].end]
			}
			if _, err := Spell(c.Type); err != nil {
				c.Type = "VARCHAR" // lineage does not depend on it
			}
			out = append(out, c)
		}
		at = next + 1
	}
	return out
}

// blank is the text from one token up to another one, what is before as spaces.
func (r *reader) blank(from, to int) string {
	if from >= to {
		return ""
	}
	return spaces(r.text[:r.all[from].start]) + r.text[r.all[from].start:r.all[to-1].end]
}

// spaces keeps the line ends, and the length in bytes.
func spaces(text string) string {
	out := []byte(text)
	for i, c := range out {
		if c != '\n' && c != '\r' {
			out[i] = ' '
		}
	}
	return string(out)
}
