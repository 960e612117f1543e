package suggest

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// How closely the form of a text is looked at.
const (
	exactly = iota // runs of letters and digits with their lengths
	loosely        // without
	level          // and without the case of letters
)

// run is some characters of one sort in a text: digits (9), capitals (A), other letters
// (a), letters of any alphabet (u), or one character that stands for itself.
type run struct {
	sort rune
	text string
}

// shape is the form of a text.
type shape struct {
	key   string
	runs  []run
	level int
}

func shapeOf(s string, how int) shape {
	out := shape{level: how}
	begin, last := 0, rune(0)
	end := func(i int) {
		if last != 0 && i > begin {
			out.runs = append(out.runs, run{last, s[begin:i]})
		}
		begin = i
	}
	for i, r := range s {
		sort := r
		switch {
		case r >= '0' && r <= '9':
			sort = '9'
		case r >= 'A' && r <= 'Z' && how != level:
			sort = 'A'
		case asciiLetter(r):
			sort = 'a'
		case unicode.IsLetter(r):
			sort = 'u'
		}
		if sort != last || !strings.ContainsRune("9Aau", sort) {
			end(i)
			last = sort
		}
	}
	end(len(s))
	var key strings.Builder
	for _, r := range out.runs {
		key.WriteRune(r.sort)
		if how == exactly && strings.ContainsRune("9Aau", r.sort) {
			key.WriteString(strconv.Itoa(len(r.text)))
		} else if strings.ContainsRune("9Aau", r.sort) {
			key.WriteByte('+')
		}
	}
	out.key = key.String()
	return out
}

// pattern is a regular expression of the texts of the form; fixed are runs that are
// always the same text.
func (s shape) pattern(fixed map[int]string) string {
	var b strings.Builder
	for i, r := range s.runs {
		if text, ok := fixed[i]; ok {
			b.WriteString(regexp.QuoteMeta(text))
			continue
		}
		class := map[rune]string{'9': "[0-9]", 'A': "[A-Z]", 'a': "[a-z]", 'u': `\p{L}`}[r.sort]
		if class == "" {
			b.WriteString(regexp.QuoteMeta(r.text))
			continue
		}
		if r.sort == 'a' && s.level == level {
			class = "[A-Za-z]"
		}
		b.WriteString(class)
		switch n := utf8.RuneCountInString(r.text); {
		case s.level != exactly:
			b.WriteByte('+')
		case n > 1:
			fmt.Fprintf(&b, "{%d}", n)
		}
	}
	return b.String()
}

// sign reports whether something in the form is neither a letter nor what stands
// between words.
func (s shape) sign() bool {
	return slices.ContainsFunc(s.runs, func(r run) bool { return r.sort == '9' || !strings.ContainsRune("Aau ',.-&()/", r.sort) })
}

// formSeen is a form and which values have it.
type formSeen struct {
	shape
	rows   int
	values []int
	fixed  map[int]string
	word   string // the one value that has it, if it stands for itself
}

const (
	formed   = 0.9  // of the values must have one of the forms
	rareForm = 0.01 // forms that fewer have are mistakes
	maxForms = 4
)

// formed demands one of few forms where nearly all values have one; fixed: forms of
// the same length.
func (l *learner) formed(c *column, kept func(int) bool, fixed bool) bool {
	levels := []int{loosely, level}
	if fixed {
		levels = []int{exactly}
	}
	for _, how := range levels {
		forms, seen := formsOf(c, kept, how)
		most := maxForms
		if fixed {
			most = 2
		}
		forms = regular(forms, seen)
		if len(forms) == 0 || len(forms) > most || seen < fewRows {
			continue
		}
		rows, signs := 0, true
		for i := range forms {
			forms[i].fix(c)
			signs = signs && (forms[i].sign() || forms[i].word != "" || fixed && len(forms) == 1 && len(forms[i].runs) == 1 && len(forms[i].runs[0].text) <= 5)
			rows += forms[i].rows
		}
		if !signs || float64(rows) < formed*float64(seen) || !slices.ContainsFunc(forms, func(f formSeen) bool { return f.word == "" }) {
			continue
		}
		if fixed && lengthByChance(c, forms) {
			continue
		}
		var parts []string
		for _, f := range forms {
			parts = append(parts, f.text())
		}
		pattern := "^" + parts[0] + "$"
		if len(parts) > 1 {
			pattern = "^(?:" + strings.Join(parts, "|") + ")$"
		}
		is, err := regexp.Compile(pattern)
		if err != nil { // no UTF-8
			continue
		}
		c.right = func(i int) bool { return is.MatchString(c.values[i]) }
		right, bad := c.what(c.right)
		if float64(right) < (formed-0.02)*float64(c.filled()) && c.of(c.filled()-right) > 0.3 {
			c.right = nil
			continue
		}
		example := pattern
		if !c.hidden {
			example = c.values[forms[0].values[0]]
		}
		l.beside(c, "regex", c.filled(), c.filled()-right, fmt.Sprintf("%s of %s values are written like %s%s", count(right), count(c.filled()), strings.TrimPrefix(such([]string{example}), ", such as "), ending(c.filled()-right, bad)), Param{"pattern", pattern})
		return true
	}
	return false
}

// lengthByChance reports whether forms have their lengths because numbers happen to have so many
// digits: short ones, those with a point, and two forms that differ in nothing else.
func lengthByChance(c *column, forms []formSeen) bool {
	loose := map[string]bool{}
	for _, f := range forms {
		text := c.values[f.values[0]]
		if formDecimal.MatchString(text) && (len(text) < 4 || strings.Contains(text, ".")) {
			return true
		}
		loose[shapeOf(text, loosely).key] = true
	}
	return len(loose) < len(forms)
}

// text is the form's part of a regular expression.
func (f formSeen) text() string {
	if f.word != "" {
		return regexp.QuoteMeta(f.word)
	}
	return f.pattern(f.fixed)
}

// formsOf lists the forms of the values, the most frequent first.
func formsOf(c *column, kept func(int) bool, how int) (forms []formSeen, seen int) {
	places := map[string]int{}
	for i, v := range c.values {
		if !kept(i) || len(v) > 200 {
			continue
		}
		s := shapeOf(v, how)
		k, ok := places[s.key]
		if !ok {
			k = len(forms)
			places[s.key], forms = k, append(forms, formSeen{shape: s})
		}
		forms[k].rows += c.counts[i]
		forms[k].values = append(forms[k].values, i)
		seen += c.counts[i]
	}
	slices.SortStableFunc(forms, func(a, b formSeen) int { return cmp.Or(cmp.Compare(b.rows, a.rows), strings.Compare(a.key, b.key)) })
	return forms, seen
}

// regular keeps the forms that are meant, which come from the most frequent one to the least:
// those of many rows, and those of fewer that are most of what is left, with several
// values. Mistakes are scattered. A form that differs from a more frequent one in signs alone is
// another way to write the same: (205) 325-8100 and 205-325-8100.
func regular(forms []formSeen, seen int) []formSeen {
	left := seen
	had := map[string]bool{}
	return slices.DeleteFunc(forms, func(f formSeen) bool {
		var bare strings.Builder
		for _, r := range f.runs {
			if strings.ContainsRune("9Aau", r.sort) {
				fmt.Fprintf(&bare, "%c", r.sort)
				if f.level == exactly {
					fmt.Fprint(&bare, len(r.text))
				}
			}
		}
		if had[bare.String()] && bare.Len() > 1 {
			return true
		}
		had[bare.String()] = true
		of, most := float64(f.rows)/float64(seen), 2*f.rows > left
		left -= f.rows
		return of < 0.05 && (of < rareForm || !most || len(f.values) < 10)
	})
}

// fix finds words that are the same in nearly all values of the form: 37 patients.
func (f *formSeen) fix(c *column) {
	if top := f.values[0]; float64(c.counts[top]) >= 0.9*float64(f.rows) && len(f.values) < 10 && !f.sign() && !c.hidden {
		f.word = c.values[top]
		return
	}
	if !f.sign() || c.hidden {
		return
	}
	f.fixed = map[int]string{}
	for k, r := range f.runs {
		if r.sort != 'a' && r.sort != 'A' || len(f.values) < 10 {
			continue
		}
		words := map[string]int{}
		for _, i := range f.values {
			words[shapeOf(c.values[i], f.level).runs[k].text] += c.counts[i]
		}
		top, second := "", 0
		for w, n := range words {
			if top == "" || n > words[top] || n == words[top] && w < top {
				top = w
			}
		}
		for w, n := range words {
			if w != top {
				second = max(second, n)
			}
		}
		if float64(words[top]) >= 0.9*float64(f.rows) && float64(second) < rareForm*float64(f.rows) {
			f.fixed[k] = top
		}
	}
}
