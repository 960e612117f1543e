package reports

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/hex"
	"io"
	"strconv"
	"sync"

	"github.com/dq-dev/dq/record"
)

//go:embed page.css
var pageCSS string

//go:embed page.js
var pageJS string

// markup is HTML of our own. As a string variable does not convert to it
// unasked, foreign text cannot reach the page unescaped by mistake.
type markup string

// page collects the HTML of one report.
type page struct {
	b     bytes.Buffer
	place map[*record.Table]int // of each table in the run
}

// raw writes our own HTML.
func (p *page) raw(m markup) *page {
	p.b.WriteString(string(m))
	return p
}

// text writes foreign text, made safe and escaped; it is right in attributes too.
func (p *page) text(s string, limit int) *page {
	return p.escaped(clean(s, limit))
}

// name writes the name of a column, table or rule, which may break after a dot
// or an underscore.
func (p *page) name(s string) *page {
	s = clean(s, maxName)
	last := 0
	for i := 0; i < len(s); i++ {
		if s[i] == '.' || s[i] == '_' || s[i] == '/' {
			p.escaped(s[last : i+1]).raw("<wbr>")
			last = i + 1
		}
	}
	return p.escaped(s[last:])
}

// say writes text of our own making (numbers, words), escaped.
func (p *page) say(s string) *page {
	return p.escaped(s)
}

func (p *page) escaped(s string) *page {
	last := 0
	for i := 0; i < len(s); i++ {
		var to string
		switch s[i] {
		case '<':
			to = "&lt;"
		case '>':
			to = "&gt;"
		case '&':
			to = "&amp;"
		case '"':
			to = "&#34;"
		case '\'':
			to = "&#39;"
		default:
			continue
		}
		p.b.WriteString(s[last:i])
		p.b.WriteString(to)
		last = i + 1
	}
	p.b.WriteString(s[last:])
	return p
}

// prose writes a sentence of ours in which code stands between backquotes.
func (p *page) prose(s string) *page {
	open, last := false, 0
	for i := 0; i < len(s); i++ {
		if s[i] != '`' {
			continue
		}
		p.say(s[last:i])
		if open {
			p.raw("</code>")
		} else {
			p.raw("<code>")
		}
		open, last = !open, i+1
	}
	p.say(s[last:])
	if open {
		p.raw("</code>")
	}
	return p
}

func (p *page) int(n int) *page {
	p.b.WriteString(strconv.Itoa(n))
	return p
}

// fixed writes a coordinate with at most one decimal.
func (p *page) fixed(f float64) *page {
	var room [24]byte
	out := strconv.AppendFloat(room[:0], f, 'f', 1, 64)
	p.b.Write(bytes.TrimSuffix(out, []byte(".0")))
	return p
}

// class writes the class of a verdict; only known ones, so it needs no escaping.
func (p *page) class(v record.Verdict) *page {
	switch v {
	case record.Pass, record.Warn, record.Fail, record.Error, record.Vacuous:
		p.b.WriteString("v-" + string(v))
	default:
		p.b.WriteString("v-skipped")
	}
	return p
}

// tag writes a verdict's colour and sign around a word.
func (p *page) tag(v record.Verdict, word string) *page {
	return p.raw(`<span class="tag `).class(v).raw(`"><span aria-hidden="true">`).say(mark(v)).raw(`</span> `).text(words(word), maxName).raw(`</span>`)
}

// cells and tables.

type head struct {
	text string
	num  bool
}

// thead opens a table in a box that scrolls sideways on its own. The caption
// names it for those who do not see it.
func (p *page) thead(class markup, caption string, heads ...head) *page {
	p.raw(`<div class="scroll" tabindex="0" role="group" aria-label="`).text(caption, maxName).raw(`"><table`)
	if class != "" {
		p.raw(` class="` + class + `"`)
	}
	p.raw(`><thead><tr>`)
	for _, h := range heads {
		p.raw(`<th scope="col"`)
		if h.num {
			p.raw(` class="num"`)
		}
		p.raw(`>`).text(h.text, maxName).raw(`</th>`)
	}
	return p.raw("</tr></thead><tbody>\n")
}

func (p *page) tend() *page { return p.raw("</tbody></table></div>\n") }

// count writes a cell with a number; zero is a quiet dash, so that the others are seen.
func (p *page) count(n int64) *page {
	if n == 0 {
		return p.raw(`<td class="num soft">–</td>`)
	}
	return p.raw(`<td class="num">`).say(number(n)).raw(`</td>`)
}

// rows writes example rows; columns the rule speaks of are marked in the head.
func (p *page) rows(s sample, first []string, caption string) {
	if len(s.rows) == 0 {
		return
	}
	hit := map[string]bool{}
	for _, name := range first {
		hit[name] = true
	}
	p.raw(`<div class="scroll" tabindex="0" role="group" aria-label="`).text(caption, maxName).raw(`"><table class="rows"><thead><tr>`)
	for _, name := range s.columns {
		p.raw(`<th scope="col"`)
		if hit[name] {
			p.raw(` class="hit"`)
		}
		p.raw(`>`).text(name, maxName).raw(`</th>`)
	}
	p.raw("</tr></thead><tbody>\n")
	for _, row := range s.rows {
		p.raw(`<tr>`)
		for _, c := range row {
			if c.quiet {
				p.raw(`<td><span class="quiet">`).say(c.text).raw(`</span></td>`)
			} else {
				p.raw(`<td><bdi>`).say(c.text).raw(`</bdi></td>`)
			}
		}
		p.raw("</tr>\n")
	}
	p.tend()
	if s.left > 0 {
		p.raw(`<p class="soft small">`).say(plural(int64(s.left), "more column")).raw(` in the run record.</p>`)
	}
}

// policy is the content security policy that allows just our style and script.
var policy = sync.OnceValue(func() markup {
	hash := func(s string) string {
		sum := sha256.Sum256([]byte(s))
		return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	return markup("default-src 'none'; style-src " + hash(pageCSS) + "; script-src " + hash(pageJS) +
		"; img-src data:; base-uri 'none'; form-action 'none'")
})

// writeHTML draws the run as one page. It reads well without style and script,
// in the dark, on paper and on a narrow screen; its size grows with tables and
// columns, never with rows.
func writeHTML(w io.Writer, run *record.Run) error {
	p := &page{place: map[*record.Table]int{}}
	for t := range tables(run) {
		p.place[t] = len(p.place) + 1
	}
	p.open(title(run) + " · " + headline(run) + " · " + clean(run.ID, maxName))
	p.banner(run)
	p.body(run)
	p.close("Drawn by dq " + clean(run.Tool.Version, maxName) + " from the run record.")
	_, err := w.Write(p.b.Bytes())
	return err
}

// open begins a page, with a title that is clean.
func (p *page) open(title string) {
	p.b.Grow(256 << 10)
	p.raw("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n")
	p.raw(`<meta http-equiv="Content-Security-Policy" content="`).raw(policy()).raw("\">\n")
	p.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"referrer\" content=\"no-referrer\">\n")
	p.raw(`<title>`).say(title).raw("</title>\n")
	p.raw(`<style>`).raw(markup(pageCSS)).raw("</style>\n</head>\n<body>\n")
	p.raw("<a class=\"skip\" href=\"#main\">Skip to the content</a>\n<div class=\"wrap\">\n")
}

// close ends a page, with a foot that is clean.
func (p *page) close(foot string) {
	p.raw(`<footer>`).say(foot).raw(" This page makes no network request.</footer>\n</div>\n")
	p.raw(`<script>`).raw(markup(pageJS)).raw("</script>\n</body>\n</html>\n")
}

// digest is the SHA-256 of the run record as the json format writes it.
func digest(run *record.Run) string {
	h := sha256.New()
	if err := run.Write(h); err != nil {
		return "" // a number that JSON cannot say; the report stands without it
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}
