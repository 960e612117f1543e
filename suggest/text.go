package suggest

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/dq-dev/dq/expectations/cel"
	"github.com/dq-dev/dq/table"
)

// Shares of a column's values up to which something is a mistake.
const (
	rareBlank  = 0.10 // white space at an end
	rareDouble = 0.02 // two spaces together
	rareCase   = 0.03 // letters of another case
)

// text learns the rules of a column of texts. Of the ways to say what all values have
// in common the narrowest one is taken: a meaning, a number, a day, a form, a set.
func (l *learner) text(c *column) {
	absent := l.absent(c)
	kept := func(i int) bool { return !absent[i] && strings.TrimSpace(c.values[i]) != "" }
	if l.meaning(c, kept) {
		return
	}
	said := l.date(c, kept) || l.formed(c, kept, true) || l.figures(c, kept) || l.formed(c, kept, false)
	said = l.set(c, absent) || said
	if !said {
		l.spaces(c)
		l.letters(c, kept)
		l.missing(c, absent)
		l.length(c)
	}
}

// length demands texts that are not far longer than all others.
func (l *learner) length(c *column) {
	sizes := make([]float64, len(c.values))
	for i, v := range c.values {
		sizes[i] = float64(utf8.RuneCountInString(v))
	}
	r, ok := rangeOf(c, func(i int) float64 { return sizes[i] })
	if !ok || r.most <= r.high {
		return
	}
	long, _ := c.what(func(i int) bool { return sizes[i] > r.high })
	l.beside(c, "length", c.filled(), long, fmt.Sprintf("%s of %s values have at most %d characters; %d are far longer", count(c.filled()-long), count(c.filled()), int(r.high), long),
		Param{"max", number(decimalText(math.Floor(r.high)))})
}

// what counts the rows whose value meets a condition, and shows the values that do not.
func (c *column) what(is func(i int) bool) (rows int, others []string) {
	for i, v := range c.values {
		if is(i) {
			rows += c.counts[i]
		} else if !c.hidden {
			others = append(others, v)
		}
	}
	return rows, others
}

// certain texts stand for nothing wherever they are; the others may be meant where
// they are frequent.
var (
	certain  = []string{"", "n/a", "#n/a", "null", "(null)", "<null>", "nan", "nil", "?", "??", "-", "--", "---", ".", "..."}
	possible = []string{"na", "none", "unknown", "missing", "not available", "not applicable", "undefined", "unspecified", "tbd", "tba", "no data", "(blank)", "x", "xx", "xxx", "0000-00-00", "not provided", "invalid", "error"}
)

// rarePossible is the share of values up to which a possible word for nothing is one.
const rarePossible = 0.05

// absent are the values that stand for nothing. One of the form that most values have
// is one of them: NA is a country among codes of two letters.
func (l *learner) absent(c *column) map[int]bool {
	out := map[int]bool{}
	usual := map[string]int{}
	for i, v := range c.values {
		usual[shapeOf(v, exactly).key] += c.counts[i]
	}
	for i, v := range c.values {
		word := strings.ToLower(strings.TrimSpace(v))
		sure := slices.Contains(certain, word)
		if !sure && (!slices.Contains(possible, word) || c.of(c.counts[i]) > rarePossible) {
			continue
		}
		if rows := usual[shapeOf(v, exactly).key] - c.counts[i]; c.of(rows) < 0.1 && c.of(c.counts[i]) < 0.8 {
			out[i] = true
		}
	}
	return out
}

// missing demands that nothing stands for a value that is not there.
func (l *learner) missing(c *column, absent map[int]bool) {
	rows, _ := c.what(func(i int) bool { return absent[i] })
	if rows == 0 || c.hidden {
		return
	}
	var set []string
	for i, v := range c.values {
		if absent[i] {
			set = append(set, v)
		}
	}
	slices.Sort(set)
	l.beside(c, "not_in_set", c.filled(), rows, fmt.Sprintf("%s of %s values stand for none%s: leave such a value out", count(rows), count(c.filled()), such(set)), Param{"set", set})
}

// spaces demands texts without white space at their ends, and without two spaces together.
func (l *learner) spaces(c *column) {
	trimmed, bad := c.what(func(i int) bool { return strings.TrimSpace(c.values[i]) == c.values[i] })
	if n := c.filled() - trimmed; n > 0 && c.of(n) <= rareBlank {
		l.beside(c, "trimmed", c.filled(), n, fmt.Sprintf("%s of %s values have no white space at their ends; the others do%s", count(trimmed), count(c.filled()), such(bad)))
	}
	single, bad := c.what(func(i int) bool { return !strings.Contains(strings.TrimSpace(c.values[i]), "  ") })
	if n := c.filled() - single; n > 0 && c.of(n) <= rareDouble {
		l.beside(c, "not_regex", c.filled(), n, fmt.Sprintf("%s of %s values have two spaces together%s", count(n), count(c.filled()), such(bad)), Param{"pattern", `\S\s\s+\S`})
	}
}

// letters demands one case of all letters where nearly all have it.
func (l *learner) letters(c *column, kept func(int) bool) {
	var all, lower, upper int
	for i, v := range c.values {
		if !kept(i) || !strings.ContainsFunc(v, asciiLetter) {
			continue
		}
		all += c.counts[i]
		if strings.ToLower(v) == v {
			lower += c.counts[i]
		}
		if strings.ToUpper(v) == v {
			upper += c.counts[i]
		}
	}
	if all < fewRows {
		return
	}
	for _, x := range []struct {
		name string
		rows int
		is   func(string) string
	}{{"lower", lower, strings.ToLower}, {"upper", upper, strings.ToUpper}} {
		if n := all - x.rows; n > 0 && float64(n) <= rareCase*float64(all) {
			_, bad := c.what(func(i int) bool { return x.is(c.values[i]) == c.values[i] })
			l.beside(c, "string_case", c.filled(), n, fmt.Sprintf("%s of %s values are in %s case%s", count(x.rows), count(all), x.name, ending(n, bad)), Param{"case", x.name})
		}
	}
}

func asciiLetter(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' }

// meaning is what texts may stand for, as a kind or in CEL.
type meaning struct {
	kind   string
	params []Param
	row    string // in CEL on $c, when no kind says it
	what   string
	rule   *cel.Rule
}

// meant is the share of its values that a column's meaning must have.
const meant = 0.9

// textColumn is the column that rules on texts are tried on.
var textColumn = table.Schema{Fields: []table.Field{{Name: "c", Type: table.Type{Kind: table.String}, Nullable: true}}}

// meanings are those that are looked for, the narrowest first.
var meanings = sync.OnceValue(func() []meaning {
	return compiled([]meaning{
		{kind: "uuid", row: "isUUID(c)", what: "UUIDs"},
		{kind: "email", row: "isEmail(c)", what: "e-mail addresses"},
		{kind: "url", row: "isURL(c)", what: "URLs"},
		{kind: "ipv4", row: "isIPv4(c)", what: "IP addresses"},
		{kind: "iban", row: "isIBAN(c)", what: "IBANs"},
		{kind: "issn", row: "isISSN(c)", what: "ISSNs with the right check digit"},
		{kind: "isbn", row: "isISBN(c)", what: "ISBNs with the right check digit"},
		{kind: "doi", row: `c.matches('^10\\.[0-9]{4,9}/[^\\s]+$')`, what: "DOIs"},
		{kind: "us_state", row: "isUSState(c)", what: "states of the USA"},
		{row: "isUSState($c.upperAscii())", what: "states of the USA"},
		{kind: "currency_code", row: "isISOCurrency(c)", what: "currencies"},
		{kind: "country_code", params: []Param{{"letters", "two"}}, row: "isISOCountry2(c)", what: "countries"},
		{kind: "country_code", params: []Param{{"letters", "three"}}, row: "isISOCountry3(c)", what: "countries"},
	})
})

func compiled(list []meaning) []meaning {
	for i := range list {
		list[i].rule = ruleOf(list[i].row)
	}
	return list
}

// ruleOf compiles CEL on the text $c.
func ruleOf(src string) *cel.Rule {
	env, err := cel.NewEnv(textColumn, nil)
	if err != nil {
		panic("suggest: " + err.Error())
	}
	r, err := env.Row(strings.ReplaceAll(src, "$c", "c"))
	if err != nil {
		panic("suggest: " + src + ": " + err.Error())
	}
	return r
}

func holds(r *cel.Rule, text string) bool { return r.Eval(map[string]any{"c": text}).Value == cel.True }

// firstValues are how many of the different values are tried before all are.
const firstValues = 50

// meaning demands what nearly all values mean.
func (l *learner) meaning(c *column, kept func(int) bool) bool {
	for _, m := range meanings() {
		var seen, right, tried int
		for i, v := range c.values {
			if !kept(i) {
				continue
			}
			seen += c.counts[i]
			if holds(m.rule, v) {
				right += c.counts[i]
			}
			if tried++; tried == firstValues && float64(right) < meant*float64(seen) {
				break
			}
		}
		if seen < fewRows || float64(right) < meant*float64(seen) {
			continue
		}
		_, bad := c.what(func(i int) bool { return holds(m.rule, c.values[i]) })
		why := fmt.Sprintf("%s of %s values are %s%s", count(right), count(c.filled()), m.what, ending(c.filled()-right, bad))
		if m.kind != "" {
			l.beside(c, m.kind, c.filled(), c.filled()-right, why, m.params...)
			return true
		}
		if name, ok := identifier(c.name); ok {
			l.row(c.name+"_known", strings.ReplaceAll(m.row, "$c", name), name+" != null", c.filled(), c.filled()-right, why, c.name)
			return true
		}
	}
	return false
}

// ending says how many values are otherwise.
func ending(n int, bad []string) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("; %s not%s", counted(n), such(bad))
}

// days are the ways to write days and times that are looked for.
var days = sync.OnceValue(func() []meaning {
	return compiledDays("%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%Y/%m/%d", "%d-%m-%Y", "%m-%d-%Y", "%Y%m%d",
		"%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M", "%m/%d/%Y %H:%M:%S", "%d/%m/%Y %H:%M:%S")
})

func compiledDays(formats ...string) []meaning {
	var out []meaning
	for _, f := range formats {
		out = append(out, meaning{kind: "date_format", params: []Param{{"format", f}}, rule: ruleOf("isTimestamp(c, '" + f + "')")})
	}
	return out
}

// date demands the way that most values are written in, where nearly all are days.
func (l *learner) date(c *column, kept func(int) bool) bool {
	var seen, any int
	days := days()
	rows := make([]int, len(days))
	for i, v := range c.values {
		if !kept(i) {
			continue
		}
		seen += c.counts[i]
		is := false
		if len(v) >= 8 && len(v) <= 25 {
			for k, d := range days {
				if holds(d.rule, v) && (d.params[0].Value != "%Y%m%d" || v >= "1900" && v < "2101") {
					rows[k] += c.counts[i]
					is = true
				}
			}
		}
		if is {
			any += c.counts[i]
		}
		if i == firstValues && any == 0 {
			return false
		}
	}
	best := 0
	for k := range rows {
		if rows[k] > rows[best] {
			best = k
		}
	}
	if seen < fewRows || float64(any) < meant*float64(seen) || float64(rows[best]) < 0.5*float64(seen) {
		return false
	}
	c.right = func(i int) bool { return holds(days[best].rule, c.values[i]) }
	_, bad := c.what(c.right)
	l.beside(c, "date_format", c.filled(), c.filled()-rows[best], fmt.Sprintf("%s of %s values are days in the format %v%s", count(rows[best]), count(c.filled()), days[best].params[0].Value, ending(c.filled()-rows[best], bad)), days[best].params...)
	return true
}

var (
	formInteger = regexp.MustCompile(`^[+-]?[0-9]+$`)
	formDecimal = regexp.MustCompile(`^[+-]?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)$`)
	// formFigure is a number with something before or behind it: a unit, a currency.
	formFigure = regexp.MustCompile(`^[^0-9+-]{0,4}([+-]?[0-9][0-9., ]*?)\s*([^0-9\s][^0-9]{0,11})?$`)
)

// figures demands numbers where most values are, and where they have units that are
// written in many ways.
func (l *learner) figures(c *column, kept func(int) bool) bool {
	var seen, whole, decimal, dressed, stray int
	units := map[string]int{}
	for i, v := range c.values {
		n := c.counts[i]
		if !kept(i) {
			stray += n
			continue
		}
		seen += n
		switch m := formFigure.FindStringSubmatch(v); {
		case formInteger.MatchString(v):
			whole += n
		case formDecimal.MatchString(v):
			decimal += n
		case m != nil:
			dressed += n
			units[m[2]] += n
		}
	}
	if seen < fewRows {
		return false
	}
	of := func(n int) float64 { return float64(n) / float64(seen) }
	most := 0
	for _, n := range units {
		most = max(most, n)
	}
	mixed := of(dressed) >= 0.5 && len(units) >= 3 && float64(most) < 0.8*float64(dressed)
	if of(whole+decimal+dressed) < meant || of(whole+decimal) < 0.5 && !mixed || of(whole+decimal) < meant && of(dressed) < 0.8*(1-of(whole+decimal)) {
		return false
	}
	kind, form, what, right := "integer_text", formInteger, "whole numbers", whole
	if decimal > 0 && of(decimal) >= 0.01 || mixed {
		kind, form, what, right = "decimal_text", formDecimal, "numbers", whole+decimal
	}
	c.right = func(i int) bool { return form.MatchString(c.values[i]) }
	_, bad := c.what(c.right)
	why := fmt.Sprintf("%s of %s values are %s%s", count(right), count(c.filled()), what, ending(c.filled()-right, bad))
	if mixed {
		why = fmt.Sprintf("%s of %s values are numbers with a unit, which is written in %d ways%s: write the number alone", count(dressed), count(c.filled()), len(units), such(bad))
	}
	l.beside(c, kind, c.filled(), c.filled()-right, why)
	if name, ok := identifier(c.name); ok && !mixed {
		of := func(i int) float64 {
			if form.MatchString(c.values[i]) {
				return c.numbers[i]
			}
			return math.NaN()
		}
		if r, ok := rangeOf(c, of); ok && r.out > 0 {
			l.row(c.name+"_range", fmt.Sprintf("double(%[1]s) >= %[2]s && double(%[1]s) <= %[3]s", name, decimalText(r.low), decimalText(r.high)),
				fmt.Sprintf("%s.matches('%s')", name, strings.ReplaceAll(form.String(), `\`, `\\`)), r.judged, r.out, r.why(), c.name)
		}
	}
	return true
}
