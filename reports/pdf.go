package reports

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"codeberg.org/go-pdf/fpdf"

	"github.com/dq-dev/dq/record"
)

// writePDF draws the run as a document: the content of the page, charts
// included, with a table of contents, bookmarks and numbered pages. The same
// record gives the same bytes. Characters that the embedded fonts lack are
// written as U+XXXX, and the document says how many.
func writePDF(w io.Writer, run *record.Run) error {
	return document(run).pdf.Output(w)
}

// document lays the run out twice, because the contents stand before the pages
// that they name; laying out costs less than embedding the fonts.
func document(run *record.Run) *doc {
	facts := evidence(run)
	return twice(func(contents []entry, pages int) *doc { return compose(run, facts, contents, pages) })
}

// twice lays a document out, first to find out on which pages its headings stand.
func twice(compose func(contents []entry, pages int) *doc) *doc {
	plan := compose(nil, 0)
	extra := (len(plan.entries) + contentsLines - 1) / contentsLines
	entries := make([]entry, len(plan.entries))
	for i, e := range plan.entries {
		e.page += extra
		entries[i] = e
	}
	return compose(entries, plan.pdf.PageCount()+extra)
}

// The page, in millimetres.
const (
	pageWidth    = 210.0
	pageHeight   = 297.0
	pageLeft     = 16.0
	pageTop      = 24.0
	pageBottom   = 278.0
	textWidth    = pageWidth - 2*pageLeft
	contentsLine = 5.6 // height of a line of the contents
)

// contentsLines is how many entries a page of the contents takes.
const contentsLines = 42

// entry is a line of the contents.
type entry struct {
	title string
	level int
	page  int
}

// style is how text looks.
type style struct {
	family string // sans or mono
	bold   bool
	size   float64 // points
	color  color
}

type color [3]int

// The colours: as on the page when it is light.
var (
	ink     = color{29, 33, 38}
	soft    = color{86, 93, 102}
	hair    = color{214, 211, 202}
	shade   = color{243, 242, 237}
	chart   = color{91, 131, 171}
	passInk = color{26, 107, 64}
	warnInk = color{122, 79, 0}
	failInk = color{159, 35, 27}
	errInk  = color{116, 40, 127}
)

var (
	titleStyle  = style{"sans", true, 22, ink}
	head1       = style{"sans", true, 14, ink}
	head2       = style{"sans", true, 10, ink}
	body        = style{"sans", false, 8.5, ink}
	bodySoft    = style{"sans", false, 8.5, soft}
	bodyBold    = style{"sans", true, 8.5, ink}
	small       = style{"sans", false, 7, ink}
	smallSoft   = style{"sans", false, 7, soft}
	smallBold   = style{"sans", true, 7, ink}
	code        = style{"mono", false, 7, ink}
	codeSmall   = style{"mono", false, 6.2, ink}
	columnStyle = style{"sans", true, 6.5, soft}
)

func verdictColor(v record.Verdict) color {
	switch v {
	case record.Pass:
		return passInk
	case record.Warn:
		return warnInk
	case record.Fail:
		return failInk
	case record.Error:
		return errInk
	}
	return soft
}

func (s style) in(c color) style { s.color = c; return s }

// line is the height of a line in millimetres.
func (s style) line() float64 { return s.size * 0.3528 * 1.38 }

// doc is a PDF in the making.
type doc struct {
	pdf      *fpdf.Fpdf
	run      *record.Run
	title    string // at the head of each page, as id
	id       string
	state    string  // at the foot
	facts    []fact  // what identifies the run
	y        float64 // where the next thing goes
	entries  []entry
	links    []int
	pages    int // in all; 0 while that is being found out
	replaced int
	current  style
}

// prepared are documents that have their fonts: as many as one report takes.
var prepared = make(chan *fpdf.Fpdf, 2)

// Prepare does what can be done of a report before there is a record, so that a
// command can have it done beside its work: of the PDF it reads the fonts, which
// is a quarter of drawing one.
func Prepare(format string) {
	for range cap(prepared) {
		if format != "pdf" || len(prepared) == cap(prepared) {
			return
		}
		select {
		case prepared <- withFonts():
		default:
		}
	}
}

// blank is a document that has its fonts.
func blank() *fpdf.Fpdf {
	select {
	case f := <-prepared:
		return f
	default:
		return withFonts()
	}
}

func withFonts() *fpdf.Fpdf {
	f := fpdf.New("P", "mm", "A4", "")
	// fpdf writes into the bytes of a font while it makes the subset.
	f.AddUTF8FontFromBytes("sans", "", bytes.Clone(sansFont))
	f.AddUTF8FontFromBytes("sans", "B", bytes.Clone(boldFont))
	f.AddUTF8FontFromBytes("mono", "", bytes.Clone(monoFont))
	return f
}

// compose lays out the whole document. contents are the entries to print, nil in
// the first pass.
func compose(run *record.Run, facts []fact, contents []entry, pages int) *doc {
	d := &doc{run: run, facts: facts, pages: pages, title: title(run), id: clean(run.ID, maxName), state: headline(run)}
	d.begin("dq run "+ascii(run.ID), run.StartedAt)
	d.cover()
	if contents != nil {
		d.contents(contents)
	}
	d.sections()
	return d
}

// begin makes the document, dated and titled.
func (d *doc) begin(subject string, at time.Time) {
	if at.IsZero() {
		at = time.Unix(0, 0)
	}
	f := blank()
	d.pdf = f
	f.SetCreationDate(at.UTC())
	f.SetModificationDate(at.UTC())
	f.SetCatalogSort(true)
	f.SetProducer("dq", false)
	f.SetTitle(strings.ToValidUTF8(short(bmp(d.title), 120), ""), true)
	f.SetSubject(subject, false)
	f.SetLang("en")
	f.SetAutoPageBreak(false, 0)
	f.SetMargins(0, 0, 0)
	f.SetCellMargin(0)
}

// bmp drops what a PDF outline or title cannot hold.
func bmp(s string) string {
	return strings.Map(func(r rune) rune {
		if r > 0xFFFF || r == utf8.RuneError {
			return -1
		}
		return r
	}, s)
}

// ascii keeps printable ASCII, for the parts of a PDF that know no more.
func ascii(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7E {
			return -1
		}
		return r
	}, short(s, 120))
}

// page begins a page with its head and foot.
func (d *doc) page() {
	d.pdf.AddPage()
	d.current = style{}
	d.y = pageTop
	d.at(pageLeft, 11, smallSoft, "dq · "+d.fit(smallSoft, d.title, textWidth/2))
	d.right(pageLeft+textWidth, 11, smallSoft, d.fit(smallSoft, d.id, textWidth/2))
	d.rule(16.2, pageLeft, textWidth)
	d.put(pageLeft, 284, smallSoft, d.fit(smallSoft, d.state, textWidth-40))
	of := ""
	if d.pages > 0 {
		of = " of " + strconv.Itoa(d.pages)
	}
	d.right(pageLeft+textWidth, 284, smallSoft, "Page "+strconv.Itoa(d.pdf.PageNo())+of)
}

// need begins a new page when so much room is not left.
func (d *doc) need(height float64) {
	if d.y+height > pageBottom {
		d.page()
	}
}

func (d *doc) space(height float64) { d.y += height }

// use selects a style.
func (d *doc) use(s style) {
	if s == d.current {
		return
	}
	weight := ""
	if s.bold {
		weight = "B"
	}
	d.pdf.SetFont(s.family, weight, s.size)
	d.pdf.SetTextColor(s.color[0], s.color[1], s.color[2])
	d.current = s
}

// glyphs makes text printable in a style, and counts what was replaced.
func (d *doc) glyphs(s style, text string) string {
	out, n := printable(text, coverageOf(s))
	d.replaced += n
	return out
}

func coverageOf(s style) *coverage {
	switch {
	case s.family == "mono":
		return monoCovers()
	case s.bold:
		return boldCovers()
	}
	return sansCovers()
}

// width measures text that is printable already.
func (d *doc) width(s style, text string) float64 {
	d.use(s)
	return d.pdf.GetStringWidth(text)
}

// measure gives the width that foreign text will take.
func (d *doc) measure(s style, text string) float64 {
	text, _ = printable(text, coverageOf(s))
	return d.width(s, text)
}

// at writes one line; y is its upper edge.
func (d *doc) at(x, y float64, s style, text string) {
	d.put(x, y, s, d.glyphs(s, text))
}

// put writes one line of printable text.
func (d *doc) put(x, y float64, s style, text string) {
	if text == "" {
		return
	}
	d.use(s)
	d.pdf.Text(x, y+s.size*0.3528*1.02, text)
}

func (d *doc) right(x, y float64, s style, text string) {
	text = d.glyphs(s, text)
	d.put(x-d.width(s, text), y, s, text)
}

// fit shortens text to a width.
func (d *doc) fit(s style, text string, width float64) string {
	text = d.glyphs(s, text)
	if d.width(s, text) <= width {
		return text
	}
	r := []rune(text)
	low, high := 0, len(r)
	for low < high {
		mid := (low + high + 1) / 2
		if d.width(s, string(r[:mid])+"…") <= width {
			low = mid
		} else {
			high = mid - 1
		}
	}
	return string(r[:low]) + "…"
}

func (d *doc) rule(y, x, width float64) {
	d.pdf.SetDrawColor(hair[0], hair[1], hair[2])
	d.pdf.SetLineWidth(0.18)
	d.pdf.Line(x, y, x+width, y)
}

func (d *doc) fill(x, y, w, h float64, c color) {
	d.pdf.SetFillColor(c[0], c[1], c[2])
	d.pdf.Rect(x, y, w, h, "F")
}

// wrap breaks text into lines of a width, at most so many; words that are wider
// than a line are broken anywhere.
func (d *doc) wrap(s style, text string, width float64, limit int) []string {
	text = d.glyphs(s, text)
	if d.width(s, text) <= width {
		return []string{text}
	}
	var lines []string
	line, used := "", 0.0
	blank := d.width(s, " ")
	for _, word := range strings.Fields(text) {
		w := d.width(s, word)
		if used > 0 && used+blank+w > width {
			lines = append(lines, line)
			line, used = "", 0
		}
		for w > width && len(lines) <= limit {
			n := d.breakAt(s, word, width)
			lines = append(lines, word[:n])
			word = word[n:]
			w = d.width(s, word)
		}
		if used > 0 {
			line += " "
			used += blank
		}
		line += word
		used += w
		if len(lines) > limit {
			break
		}
	}
	if line != "" {
		lines = append(lines, line)
	}
	if len(lines) > limit {
		lines = lines[:limit]
		lines[limit-1] = d.fit(s, lines[limit-1]+" …", width)
	}
	return lines
}

// breakAt gives how many bytes of a word fit a width: after a separator if there
// is one in the second half, else anywhere; at least one character.
func (d *doc) breakAt(s style, word string, width float64) int {
	fits, nice, used := 0, 0, 0.0
	for i, r := range word {
		used += d.width(s, string(r))
		if used > width && fits > 0 {
			break
		}
		fits = i + utf8.RuneLen(r)
		if strings.ContainsRune("._/,-:", r) {
			nice = fits
		}
	}
	if nice > fits/2 {
		return nice
	}
	return fits
}

// para writes a paragraph over the pages.
func (d *doc) para(s style, text string, indent float64) {
	for _, line := range d.wrap(s, text, textWidth-indent, 60) {
		d.need(s.line())
		d.put(pageLeft+indent, d.y, s, line)
		d.y += s.line()
	}
}

// heading writes a title of the text, which stands in the contents and among the
// bookmarks. It stays with what follows.
func (d *doc) heading(text string, level int) {
	st, before, room := head1, 9.0, 40.0
	if level > 0 {
		st, before, room = head2, 5.0, 26.0
	}
	if d.y > pageTop {
		d.space(before)
	}
	d.need(room)
	n := len(d.entries)
	d.entries = append(d.entries, entry{text, level, d.pdf.PageNo()})
	if n < len(d.links) {
		d.pdf.SetLink(d.links[n], d.y, -1)
	}
	d.use(st)
	shown := d.fit(st, text, textWidth)
	d.pdf.Bookmark(shown, level, d.y-2)
	d.put(pageLeft, d.y, st, shown)
	d.y += st.line() + 1.5
}

// contents writes the table of contents.
func (d *doc) contents(entries []entry) {
	for i, e := range entries {
		if i%contentsLines == 0 {
			d.page()
			d.put(pageLeft, d.y, head1, "Contents")
			d.y += head1.line() + 3
		}
		s, indent := bodyBold, 0.0
		if e.level > 0 {
			s, indent = bodySoft, 5
		}
		link := d.pdf.AddLink()
		d.links = append(d.links, link)
		number := strconv.Itoa(e.page)
		d.put(pageLeft+indent, d.y, s, d.fit(s, e.title, textWidth-indent-20))
		d.right(pageLeft+textWidth, d.y, bodySoft, number)
		d.pdf.Link(pageLeft, d.y, textWidth, contentsLine, link)
		d.y += contentsLine
	}
}

// cover writes the first page: what happened, and what to do now.
func (d *doc) cover() {
	run := d.run
	d.page()
	d.space(6)
	d.put(pageLeft, d.y, titleStyle, d.fit(titleStyle, title(run), textWidth))
	d.y += titleStyle.line()
	about := run.Command
	if run.Environment != "" {
		about += " in " + run.Environment
	}
	d.para(bodySoft, clean(about, maxName)+" · "+moment(run.StartedAt), 0)
	d.space(6)
	c := verdictColor(run.Verdict)
	top := d.y
	banner := style{"sans", true, 16, c}
	d.space(4)
	d.put(pageLeft+7, d.y, banner, d.fit(banner, mark(run.Verdict)+" "+headline(run), textWidth-14))
	d.y += banner.line() + 1
	say := style{"sans", false, 10, ink}
	for _, line := range d.wrap(say, clean(summary(run), maxMessage), textWidth-14, 12) {
		d.put(pageLeft+7, d.y, say, line)
		d.y += say.line()
	}
	d.space(2)
	for _, step := range next(run) {
		d.put(pageLeft+7, d.y, body, "·")
		for _, line := range d.wrap(body, strings.ReplaceAll(step, "`", ""), textWidth-17, 4) {
			d.put(pageLeft+10, d.y, body, line)
			d.y += body.line()
		}
	}
	d.space(4)
	d.fill(pageLeft, top, 1.6, d.y-top, c)
	d.space(8)
	total, by := tally(run)
	facts := []fact{{"Expectations", number(total) + ": " + counted(by)}}
	if run.Command == "run" {
		facts = append(facts, rowFacts(run)...)
	}
	for _, f := range append(facts, d.facts...) {
		lines := d.wrap(body, clean(f.value, maxMessage), textWidth-40, 3)
		d.put(pageLeft, d.y, bodySoft, f.name)
		for _, line := range lines {
			d.put(pageLeft+40, d.y, body, line)
			d.y += body.line()
		}
		d.y += 1
	}
}

// notes tells what the document could not say as it was.
func (d *doc) notes() {
	if d.replaced == 0 {
		return
	}
	d.space(4)
	d.para(smallSoft, fmt.Sprintf("%s of this document, not in its fonts or written from right to left, stand as U+XXXX. The page in HTML shows them as they are.",
		plural(int64(d.replaced), "character")), 0)
}

// scale is how many millimetres a pixel of a drawing takes.
func scale(width, height float64) float64 {
	return math.Min(0.23, math.Min(textWidth/width, (pageBottom-pageTop-20)/height))
}
