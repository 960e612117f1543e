package reports

import (
	"bytes"
	"io"
	"strings"
	"unicode"

	"golang.org/x/text/width"

	"github.com/dq-dev/dq/record"
)

// TextOptions says how [Text] writes.
type TextOptions struct {
	Color bool // ANSI colours
	Width int  // of the terminal, in columns; 0 is 100, less than 40 is 40
}

func writeText(w io.Writer, run *record.Run) error {
	return Text(w, run, TextOptions{})
}

// Text writes a summary for people: what happened, the counts of each table, the
// rules that failed with example rows, what policies decided, and what to do
// next. Of dq profile it writes the profile, a line for each column. Nothing in it is wider than the terminal. Errors are those of w.
func Text(w io.Writer, run *record.Run, opts TextOptions) error {
	t := &terminal{color: opts.Color, width: max(40, opts.Width)}
	if opts.Width == 0 {
		t.width = 100
	}
	t.head(run)
	if run.Command == "profile" {
		t.profiles(run)
	} else {
		t.layers(run)
	}
	if run.Outcome == "not_run" {
		t.sources(run)
	}
	blocking, warnings := issues(run)
	t.issues("FAILED", blocking)
	t.issues("WARNINGS", warnings)
	t.issues("INFO", notes(run))
	if run.Policies != nil {
		t.wrap("", ansiDim, asked(run))
		t.b.WriteByte('\n')
	}
	t.decisions(run)
	t.line(ansiBold, "NEXT")
	for _, step := range next(run) {
		t.wrap("  ", ansiNone, strings.ReplaceAll(step, "`", ""))
	}
	_, err := w.Write(t.b.Bytes())
	return err
}

const (
	ansiNone   = ""
	ansiBold   = "1"
	ansiDim    = "2"
	ansiRed    = "31"
	ansiGreen  = "32"
	ansiYellow = "33"
)

// ansi gives the colour of a verdict; its sign always stands beside it.
func ansi(v record.Verdict) string {
	switch v {
	case record.Pass:
		return ansiGreen
	case record.Warn, record.Vacuous:
		return ansiYellow
	case record.Fail, record.Error:
		return ansiRed
	}
	return ansiDim
}

type terminal struct {
	b     bytes.Buffer
	color bool
	width int
}

func (t *terminal) paint(style, s string) string {
	if !t.color || style == ansiNone || s == "" {
		return s
	}
	return "\x1b[" + style + "m" + s + "\x1b[0m"
}

func (t *terminal) line(style, s string) {
	t.b.WriteString(t.paint(style, cut(s, t.width)) + "\n")
}

// wrap writes a paragraph, broken at spaces, each line behind the indent.
func (t *terminal) wrap(indent, style, s string) {
	room := t.width - columns(indent)
	line, used := "", 0
	flush := func() {
		if line != "" {
			t.b.WriteString(indent + t.paint(style, line) + "\n")
		}
		line, used = "", 0
	}
	for _, word := range strings.Fields(s) {
		n := columns(word)
		if used > 0 && used+1+n > room {
			flush()
		}
		for n > room { // a word wider than the terminal is broken, not cut
			head, tail := split(word, room)
			line = head
			flush()
			word, n = tail, columns(tail)
		}
		if used > 0 {
			line += " "
			used++
		}
		line += word
		used += n
	}
	flush()
}

func (t *terminal) head(run *record.Run) {
	t.b.WriteString(t.paint(ansi(run.Verdict)+";1", cut(mark(run.Verdict)+" "+headline(run), t.width/2)) + "  " + t.paint(ansiBold, cut(strings.TrimSpace(title(run)), t.width/2-2)) + "\n")
	t.wrap("  ", ansiNone, clean(summary(run), maxMessage))
	facts := []string{run.Command + " " + run.ID}
	if run.Environment != "" {
		facts = append(facts, run.Environment)
	}
	facts = append(facts, moment(run.StartedAt), duration(run.DurationMS))
	if total, by := tally(run); total > 0 {
		facts = append(facts, plural(total, "expectation")+": "+counted(by))
	}
	t.wrap("  ", ansiDim, clean(strings.Join(facts, " · "), maxMessage))
	t.b.WriteByte('\n')
}

func (t *terminal) layers(run *record.Run) {
	heads := []string{"table", "outcome", "version", "published", "quarantined", "dropped", "unchanged", "returned", "rows"}
	var rows [][]string
	var styles []string
	for i := range run.Layers {
		layer := &run.Layers[i]
		if len(layer.Tables) == 0 && layer.Outcome == "not_run" {
			row := make([]string, len(heads))
			row[0], row[1] = clean(layer.Name, 48), mark(record.Skipped)+" not run"
			rows, styles = append(rows, row), append(styles, ansiDim)
		}
		for j := range layer.Tables {
			tab := &layer.Tables[j]
			v := tableVerdict(tab)
			c := tab.Counts
			published := quiet(c.Published)
			if held(tab) && c.Published > 0 {
				published = "(" + published + ")"
			}
			quarantined := quiet(c.Quarantined)
			if held(tab) && c.Quarantined > 0 {
				quarantined = "(" + quarantined + ")"
			}
			rows = append(rows, []string{clean(tab.Name, 48), mark(v) + " " + words(clean(tab.Outcome, 16)), strings.TrimSuffix(versions(tab), "–"),
				published, quarantined, quiet(c.Dropped), quiet(c.Unchanged), quiet(c.Returned), quiet(rowsNow(tab))})
			styles = append(styles, ansi(v))
		}
	}
	if len(rows) == 0 {
		return
	}
	// Columns in which nothing was counted are left out.
	used := make([]bool, len(heads))
	for _, row := range rows {
		for i := range row {
			used[i] = used[i] || row[i] != ""
		}
	}
	right := map[int]bool{}
	for i := len(keep(heads[:3], used)); i < len(heads); i++ {
		right[i] = true // the counts
	}
	t.grid("  ", keep(heads, used), keepAll(rows, used), styles, right)
	for tab := range tables(run) {
		if ok, sum := reconciles(tab.Counts); !ok {
			t.wrap("  ", ansiRed, mark(record.Fail)+" "+clean(tab.Name, maxName)+" does not reconcile: "+sum)
		}
	}
	t.b.WriteByte('\n')
}

// sources says how a dry run would read the files that are new.
func (t *terminal) sources(run *record.Run) {
	some := false
	for tab := range tables(run) {
		if tab.Source == nil {
			continue
		}
		if !some {
			t.line(ansiBold, "NEW FILES")
		}
		some = true
		t.wrap("  ", ansiNone, clean(tab.Name, maxName)+": "+batch(tab.Source))
		for i := range tab.Source.Read {
			x := &tab.Source.Read[i]
			t.wrap("    ", ansiDim, reading(x)+" ("+clean(x.First, 300)+more(x.Files-1)+")")
		}
	}
	if some {
		t.b.WriteByte('\n')
	}
}

// more says that there are other files.
func more(n int) string {
	if n <= 0 {
		return ""
	}
	return " and " + number(int64(n)) + " more"
}

// quiet writes a count, or nothing for none.
func quiet(n int64) string {
	if n == 0 {
		return ""
	}
	return number(n)
}

func keep(row []string, used []bool) []string {
	var out []string
	for i, s := range row {
		if used[i] {
			out = append(out, s)
		}
	}
	return out
}

func keepAll(rows [][]string, used []bool) [][]string {
	out := make([][]string, len(rows))
	for i, row := range rows {
		out[i] = keep(row, used)
	}
	return out
}

// grid writes a table with aligned columns, those of the set `right` to the right. What does not fit the terminal is cut, and
// columns that have no room at all are left out.
func (t *terminal) grid(indent string, heads []string, rows [][]string, styles []string, right map[int]bool) {
	wide := make([]int, len(heads))
	for i, h := range heads {
		wide[i] = columns(h)
		for _, row := range rows {
			wide[i] = max(wide[i], columns(row[i]))
		}
		wide[i] = min(wide[i], 48)
	}
	room := t.width - columns(indent)
	shown := 0
	for used := 0; shown < len(wide) && used+min(wide[shown], 8) <= room; shown++ {
		wide[shown] = min(wide[shown], room-used)
		used += wide[shown] + 2
	}
	put := func(cells []string, style string, first bool) {
		var line strings.Builder
		for i := range shown {
			s := strings.TrimRight(cut(cells[i], wide[i]), " ")
			pad := strings.Repeat(" ", wide[i]-columns(s))
			if first || i == 1 && styles != nil {
				s = t.paint(style, s)
			}
			if right[i] {
				s = pad + s
			} else {
				s += pad
			}
			line.WriteString(s)
			if i < shown-1 {
				line.WriteString("  ")
			}
		}
		t.b.WriteString(indent + strings.TrimRight(line.String(), " ") + "\n")
	}
	put(heads, ansiDim, true)
	for i, row := range rows {
		style := ansiNone
		if styles != nil {
			style = styles[i]
		}
		put(row, style, false)
	}
}

// terminalIssues is how many issues of a kind a terminal shows.
const terminalIssues = 20

func (t *terminal) issues(head string, list []issue) {
	if len(list) == 0 {
		return
	}
	t.line(ansiBold, head)
	for n := range list {
		if n == terminalIssues {
			t.line(ansiDim, "  and "+number(int64(len(list)-n))+" more")
			break
		}
		i := &list[n]
		t.b.WriteString("  " + t.paint(ansi(i.verdict), mark(i.verdict)) + " " + t.paint(ansiBold, cut(clean(i.id(), maxName), t.width-4)) + "\n")
		place := clean(i.table, maxName)
		if p := clean(i.position(), maxName); p != "" {
			place = strings.TrimPrefix(place+" · "+p, " · ")
		}
		t.wrap("    ", ansiDim, place)
		t.wrap("    ", ansiNone, clean(i.message(), maxMessage))
		if h := i.hint(); h != "" {
			t.wrap("    ", ansiNone, clean(h, maxMessage))
		}
		if e := i.expectation; e != nil && e.CEL != "" {
			rule := e.CEL
			if e.Where != "" {
				rule += " where " + e.Where
			}
			t.wrap("    ", ansiDim, clean(rule, maxMessage))
		}
		if s := i.sample(); len(s.rows) > 0 {
			t.sample(s)
		}
	}
	t.b.WriteByte('\n')
}

// terminalRows is how many example rows a terminal shows.
const terminalRows = 3

func (t *terminal) sample(s sample) {
	var rows [][]string
	for _, row := range s.rows[:min(len(s.rows), terminalRows)] {
		cells := make([]string, len(row))
		for i, c := range row {
			cells[i] = c.text
		}
		rows = append(rows, cells)
	}
	heads := make([]string, len(s.columns))
	for i, c := range s.columns {
		heads[i] = clean(c, maxName)
	}
	t.grid("      ", heads, rows, nil, nil)
}

func (t *terminal) decisions(run *record.Run) {
	first := true
	for tab := range tables(run) {
		for i := range tab.Decisions {
			d := &tab.Decisions[i]
			if d.Waiver == nil {
				continue // the others stand among failures and warnings
			}
			if first {
				t.line(ansiBold, "WAIVED")
				first = false
			}
			t.wrap("  ", ansiNone, clean(mark(record.Skipped)+" "+d.Policy+" "+subject(d.Table, d.Path)+": "+d.Message, maxMessage))
			t.wrap("    ", ansiDim, clean("by "+strings.Join(d.Waiver.ApprovedBy, ", ")+" until "+d.Waiver.Expires+": "+d.Waiver.Reason, maxMessage))
		}
	}
	if !first {
		t.b.WriteByte('\n')
	}
}

// columns is how many columns of a terminal a text takes.
func columns(s string) int {
	if isPlain(s) {
		return len(s)
	}
	n := 0
	for _, r := range s {
		n += runeColumns(r)
	}
	return n
}

func runeColumns(r rune) int {
	if unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf) {
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// split breaks a text after so many columns.
func split(s string, room int) (head, tail string) {
	used := 0
	for i, r := range s {
		n := runeColumns(r)
		if used+n > room && i > 0 {
			return s[:i], s[i:]
		}
		used += n
	}
	return s, ""
}

// cut shortens a text to so many columns.
func cut(s string, room int) string {
	if columns(s) <= room {
		return s
	}
	head, _ := split(s, max(1, room-1))
	return head + "…"
}
