package cel

import (
	"fmt"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"sync"
)

// Numbers with a check digit. Text is taken as it is printed without blanks:
// x.replace(' ', ”) takes them out. In SQL the digits are a list that is added up.
var checksumFunctions = []function{
	textTestOf("luhn", "Whether a text of at least two digits has a right check digit by Luhn's rule, as cards and IMEIs have.",
		func(s string) bool { return digits.MatchString(s) && len(s) > 1 && luhn(s) },
		func(w *writer, s string) (string, error) {
			return w.guarded(s, `[0-9]{2,}`, w.luhn(s)), nil
		}, "luhn('4539578763621486')", "!luhn('4539578763621487')", "!luhn('4539 5787 6362 1486')"),
	textTestOf("isCreditCard", "Whether a text is 12 to 19 digits with a right check digit by Luhn's rule.",
		func(s string) bool { return digits.MatchString(s) && len(s) >= 12 && len(s) <= 19 && luhn(s) },
		func(w *writer, s string) (string, error) { return w.guarded(s, `[0-9]{12,19}`, w.luhn(s)), nil },
		"isCreditCard('4539578763621486')", "!isCreditCard('18')", "!isCreditCard('4539578763621480')"),
	textTestOf("isIMEI", "Whether a text is the 15 digits of an IMEI with a right check digit.",
		func(s string) bool { return digits.MatchString(s) && len(s) == 15 && luhn(s) },
		func(w *writer, s string) (string, error) { return w.guarded(s, `[0-9]{15}`, w.luhn(s)), nil },
		"isIMEI('490154203237518')", "!isIMEI('490154203237519')", "!isIMEI('49015420323751')"),
	textTestOf("isIBAN", "Whether a text is an IBAN of ISO 13616: capitals, no blanks, the length of its country, and right check digits.",
		func(s string) bool { return ibanPattern().MatchString(s) && iban(s) },
		func(w *writer, s string) (string, error) {
			moved := "substring(" + s + ", 5) || substring(" + s + ", 1, 4)"
			if w.isSpark() {
				moved = "concat(substring(" + s + ", 5), substring(" + s + ", 1, 4))"
			}
			return w.guarded(s, ibanText(), w.mod97(moved)+" = 1"), nil
		}, "isIBAN('DE89370400440532013000')", "!isIBAN('DE88370400440532013000')", "!isIBAN('DE8937040044053201300')"),
	weighted("isEAN", "Whether a text is an EAN or GTIN of 8, 12, 13 or 14 digits with a right check digit.",
		`[0-9]{8}|[0-9]{12,14}`, func(n, i int) int { return 1 + 2*((n-1-i)%2) }, "1 + 2 * ((dq_i - 1) % 2)", 10,
		"isEAN('4006381333931')", "isEAN('96385074')", "!isEAN('4006381333932')"),
	weighted("isISSN", "Whether a text is an ISSN: four digits, a hyphen, three digits and a check character.",
		`[0-9]{4}-[0-9]{3}[0-9X]`, func(n, i int) int { return n - i }, "dq_i", 11,
		"isISSN('2049-3630')", "isISSN('0000-006X')", "!isISSN('2049-3631')"),
	weighted("isISBN10", "Whether a text is an ISBN of ten characters, with or without hyphens between.",
		`(?:[0-9]-?){9}[0-9X]`, func(n, i int) int { return n - i }, "dq_i", 11,
		"isISBN10('0-306-40615-2')", "isISBN10('080442957X')", "!isISBN10('0-306-40615-3')"),
	weighted("isISBN13", "Whether a text is an ISBN of 13 digits, with or without hyphens between.",
		`97[89]-?(?:[0-9]-?){9}[0-9]`, func(n, i int) int { return 1 + 2*((n-1-i)%2) }, "1 + 2 * ((dq_i - 1) % 2)", 10,
		"isISBN13('978-0-306-40615-7')", "isISBN13('9780306406157')", "!isISBN13('9780306406158')"),
	textTestOf("isISBN", "Whether a text is an ISBN of 10 or 13 characters, with or without hyphens between.",
		func(s string) bool {
			return checkWeights(s, isbn10(), func(n, i int) int { return n - i }, 11) || checkWeights(s, isbn13(), func(n, i int) int { return 1 + 2*((n-1-i)%2) }, 10)
		},
		func(w *writer, s string) (string, error) {
			return "(" + w.weights(s, `(?:[0-9]-?){9}[0-9X]`, "dq_i", 11) + " OR " + w.weights(s, `97[89]-?(?:[0-9]-?){9}[0-9]`, "1 + 2 * ((dq_i - 1) % 2)", 10) + ")", nil
		},
		"isISBN('0-306-40615-2')", "isISBN('978-0-306-40615-7')", "!isISBN('978-0-306-40615-8')"),
	textTestOf("isISIN", "Whether a text is an ISIN of ISO 6166: a country, nine characters and a right check digit.",
		func(s string) bool { return isinPattern().MatchString(s) && luhn(expandLetters(s)) },
		func(w *writer, s string) (string, error) {
			return w.guarded(s, isinText, w.luhn(w.expandLetters(s))), nil
		}, "isISIN('US0378331005')", "!isISIN('US0378331006')", "!isISIN('us0378331005')"),
}

const (
	isinText = `[A-Z]{2}[A-Z0-9]{9}[0-9]`
	// alphabet gives digits their value and letters that from 10 on, by position.
	alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

var (
	digits      = regexp.MustCompile(`\A[0-9]+\z`)
	isinPattern = whole(isinText)
	ibanPattern = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\A(?:` + ibanText() + `)\z`) })
	isbn10      = whole(`(?:[0-9]-?){9}[0-9X]`)
	isbn13      = whole(`97[89]-?(?:[0-9]-?){9}[0-9]`)
)

func whole(pattern string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\A(?:` + pattern + `)\z`) })
}

func luhn(s string) bool {
	sum := 0
	for i := range len(s) {
		d := int(s[len(s)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

func iban(s string) bool {
	rest := 0
	for _, c := range s[4:] + s[:4] {
		v := strings.IndexRune(alphabet, c)
		if v > 9 {
			rest *= 10
		}
		rest = (rest*10 + v) % 97
	}
	return rest == 1
}

// expandLetters writes letters as the two digits of their value.
func expandLetters(s string) string {
	var b strings.Builder
	for _, c := range s {
		b.WriteString(strconv.Itoa(strings.IndexRune(alphabet, c)))
	}
	return b.String()
}

// weighted is a number whose digits, times their weights, add up to a multiple of
// modulus; X is ten, and hyphens do not count. In Go, n is the number of digits, and i
// begins at 0; in SQL, dq_i begins at 1 with the last digit.
func weighted(name, doc, pattern string, weight func(n, i int) int, sql string, modulus int, examples ...string) function {
	compiled := whole(pattern)
	return textTestOf(name, doc, func(s string) bool { return checkWeights(s, compiled(), weight, modulus) },
		func(w *writer, s string) (string, error) { return w.weights(s, pattern, sql, modulus), nil }, examples...)
}

func checkWeights(s string, pattern *regexp.Regexp, weight func(n, i int) int, modulus int) bool {
	if !pattern.MatchString(s) {
		return false
	}
	s = strings.ReplaceAll(s, "-", "")
	sum := 0
	for i, c := range s {
		v := int(c - '0')
		if c == 'X' {
			v = 10
		}
		sum += v * weight(len(s), i)
	}
	return sum%modulus == 0
}

// guarded is a check that is made only of texts of a pattern.
func (w *writer) guarded(s, pattern, check string) string {
	return "CASE WHEN " + w.fullMatch(s, pattern) + " THEN " + check + " WHEN " + s + " IS NOT NULL THEN FALSE END"
}

// characters is a text as a list.
func (w *writer) characters(s string) string {
	if w.isSpark() {
		return "split(" + s + ", " + w.dialect.Literal(`(?!\A)(?!\z)`) + ")" // at the end stands one more empty match
	}
	return "string_split(" + s + ", '')"
}

// total adds up an expression over the characters dq_c of a text and their places dq_i,
// of which the last character's is 1. So the lambda need not say how long the text is:
// the text may hold a query, which DuckDB refuses in lambdas.
func (w *writer) total(s, expression string) string {
	if w.isSpark() {
		return "aggregate(transform(reverse(" + w.characters(s) + "), (dq_c, dq_j) -> " + strings.ReplaceAll(expression, "dq_i", "(dq_j + 1)") + "), 0L, (dq_a, dq_x) -> dq_a + dq_x)"
	}
	return "list_sum(list_transform(list_reverse(" + w.characters(s) + "), lambda dq_c, dq_i: " + expression + "))"
}

func (w *writer) valueOf(c string) string {
	if w.isSpark() {
		return "(instr('" + alphabet + "', " + c + ") - 1)"
	}
	return "(strpos('" + alphabet + "', " + c + ") - 1)"
}

func (w *writer) luhn(s string) string {
	d := w.valueOf("dq_c")
	double := fmt.Sprintf("CASE WHEN %s > 4 THEN 2 * %s - 9 ELSE 2 * %s END", d, d, d)
	return w.total(s, fmt.Sprintf("CASE WHEN dq_i %% 2 = 0 THEN %s ELSE %s END", double, d)) + " % 10 = 0"
}

func (w *writer) weights(s, pattern, weight string, modulus int) string {
	plain := "replace(" + s + ", '-', '')"
	value := "CASE WHEN dq_c = 'X' THEN 10 ELSE " + w.valueOf("dq_c") + " END"
	return w.guarded(s, pattern, w.total(plain, value+" * ("+weight+")")+fmt.Sprintf(" %% %d = 0", modulus))
}

// mod97 is the rest of the number that the letters and digits of a text make.
func (w *writer) mod97(s string) string {
	next := "(dq_a * CASE WHEN dq_v > 9 THEN 100 ELSE 10 END + dq_v) % 97"
	if w.isSpark() {
		return "aggregate(transform(" + w.characters(s) + ", dq_c -> " + w.valueOf("dq_c") + "), 0, (dq_a, dq_v) -> CAST(" + next + " AS INT))"
	}
	return "list_reduce(list_transform(" + w.characters(s) + ", lambda dq_c: " + w.valueOf("dq_c") + "), lambda dq_a, dq_v: " + next + ")"
}

func (w *writer) expandLetters(s string) string {
	if w.isSpark() {
		return "array_join(transform(" + w.characters(s) + ", dq_c -> CAST(" + w.valueOf("dq_c") + " AS STRING)), '')"
	}
	return "array_to_string(list_transform(" + w.characters(s) + ", lambda dq_c: CAST(" + w.valueOf("dq_c") + " AS VARCHAR)), '')"
}

// ibanLengths are the lengths of IBANs by country, of the SWIFT registry.
var ibanLengths = map[string]int{
	"AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BI": 27, "BR": 29, "BY": 28,
	"CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DJ": 27, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18,
	"FK": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HN": 28, "HR": 21, "HU": 28,
	"IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20,
	"LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MN": 20, "MR": 27, "MT": 31, "MU": 30, "NI": 28,
	"NL": 18, "NO": 15, "OM": 23, "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "RU": 33, "SA": 24,
	"SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "SO": 23, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26,
	"UA": 29, "VA": 22, "VG": 24, "XK": 20, "YE": 30,
}

// ibanText is the pattern of IBANs, countries of one length together.
var ibanText = sync.OnceValue(func() string {
	byLength := map[int][]string{}
	for country, n := range ibanLengths {
		byLength[n] = append(byLength[n], country)
	}
	var lengths []int
	for n := range byLength {
		lengths = append(lengths, n)
	}
	sort.Ints(lengths)
	var parts []string
	for _, n := range lengths {
		sort.Strings(byLength[n])
		parts = append(parts, fmt.Sprintf("(?:%s)[0-9]{2}[0-9A-Z]{%d}", strings.Join(byLength[n], "|"), n-4))
	}
	return strings.Join(parts, "|")
})
