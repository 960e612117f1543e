package profiling

import (
	"regexp"
	"strings"

	"github.com/dq-dev/dq/record"
)

// Suspect is a kind of personal data that the values of a column look like.
type Suspect struct {
	Kind  string  // email, phone, iban, card
	Ratio float64 // of the values that were looked at
}

// personal are the kinds by form; a value of digits alone is a card only when its
// check digit is right.
var personal = []struct {
	kind string
	form *regexp.Regexp
	also func(string) bool
}{
	{"email", regexp.MustCompile(`^[^@\s]+@[^@\s]+\.[A-Za-z]{2,}$`), nil},
	{"phone", regexp.MustCompile(`^\+[1-9][0-9 ()./-]{6,18}[0-9]$`), nil},
	{"iban", regexp.MustCompile(`^[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]){11,30}$`), ibanDigits},
	{"card", regexp.MustCompile(`^[0-9](?:[ -]?[0-9]){12,18}$`), luhn},
}

// Suspects tells what kinds of personal data a column's most frequent values look
// like, in the order email, phone, iban, card. Where values hardly repeat, as those
// of persons do, a profile has no most frequent ones: its least and its greatest must
// both look so. nil for a column whose values the profile does not hold. It goes by
// form and check digits: what it finds is to be looked at. Cost: a few regular
// expressions on at most ten values.
func Suspects(c record.ColumnProfile) []Suspect {
	if c.Type != "string" {
		return nil
	}
	values := c.Top
	if len(values) == 0 {
		for _, end := range []any{c.Min, c.Max} {
			if text, ok := end.(string); ok {
				values = append(values, record.ValueCount{Value: text, Count: 1})
			}
		}
	}
	var total int64
	found := make([]int64, len(personal))
	for _, v := range values {
		total += v.Count
		for i, p := range personal {
			if p.form.MatchString(v.Value) && (p.also == nil || p.also(v.Value)) {
				found[i] += v.Count
			}
		}
	}
	var out []Suspect
	for i, n := range found {
		if n > 0 && (len(c.Top) > 0 || n == total) {
			out = append(out, Suspect{Kind: personal[i].kind, Ratio: float64(n) / float64(total)})
		}
	}
	return out
}

// luhn checks the last digit of a card's number.
func luhn(text string) bool {
	sum, place := 0, 0
	for i := len(text) - 1; i >= 0; i-- {
		if text[i] < '0' || text[i] > '9' {
			continue
		}
		n := int(text[i] - '0')
		if place%2 == 1 {
			if n *= 2; n > 9 {
				n -= 9
			}
		}
		sum += n
		place++
	}
	return sum%10 == 0
}

// ibanDigits checks an IBAN's two check digits.
func ibanDigits(text string) bool {
	text = strings.ReplaceAll(text, " ", "")
	rest := 0
	for _, c := range text[4:] + text[:4] {
		if c >= 'A' {
			rest = (rest*100 + int(c-'A') + 10) % 97
		} else {
			rest = (rest*10 + int(c-'0')) % 97
		}
	}
	return rest == 1
}
