package profiling

import (
	"cmp"
	"encoding/json"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/dq-dev/dq/record"
)

// meaning is a logical type that texts may have.
type meaning struct {
	name     string
	personal bool
	is       func(string) bool
}

// The forms by which meanings are told.
var (
	formUUID    = regexp.MustCompile(`^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$`)
	formDecimal = regexp.MustCompile(`^[+-]?[0-9]+[.,][0-9]+$`)
	formInteger = regexp.MustCompile(`^[+-]?(?:0|[1-9][0-9]*)$`)
	formPost    = regexp.MustCompile(`^(?:[A-Z]{1,2}[0-9][0-9A-Z]? ?[0-9][A-Z]{2}|[0-9]{4} ?[A-Z]{2}|[A-Z][0-9][A-Z] ?[0-9][A-Z][0-9]|[0-9]{5}-[0-9]{4}|[A-Z]{1,2}-[0-9]{4,5}|[0-9]{2}-[0-9]{3})$`)
)

// meanings are the logical types of texts, the narrowest first: the first that enough
// values have is a column's.
var meanings = append(personalMeanings(), []meaning{
	{"url", false, func(s string) bool {
		if !strings.Contains(s, "://") {
			return false
		}
		u, err := url.Parse(s)
		return err == nil && (u.Scheme == "http" || u.Scheme == "https" || u.Scheme == "ftp") && u.Host != ""
	}},
	{"uuid", false, func(s string) bool { return len(s) == 36 && formUUID.MatchString(s) }},
	{"ip", true, func(s string) bool {
		if len(s) < 3 || !strings.ContainsAny(s, ".:") || strings.ContainsFunc(s, func(r rune) bool { return !strings.ContainsRune("0123456789abcdefABCDEF.:%", r) }) {
			return false
		}
		_, err := netip.ParseAddr(s)
		return err == nil
	}},
	{"boolean", false, func(s string) bool {
		return slices.Contains([]string{"true", "false", "yes", "no", "y", "n", "t", "f"}, strings.ToLower(s))
	}},
	{"country", false, func(s string) bool { return len(s) == 2 && countryCodes[s] }},
	{"currency", false, func(s string) bool { return len(s) == 3 && currencyCodes[s] }},
	{"postcode", true, func(s string) bool { return len(s) <= 10 && formPost.MatchString(s) }},
	{"timestamp", false, isTimeText},
	{"date", false, isDateText},
	{"integer", false, func(s string) bool { return formInteger.MatchString(s) }},
	{"decimal", false, func(s string) bool { return formDecimal.MatchString(s) || formInteger.MatchString(s) }},
	{"json", false, func(s string) bool {
		return len(s) > 1 && (s[0] == '{' || s[0] == '[') && json.Valid([]byte(s))
	}},
}...)

// personalMeanings are those that suspects are looked for by, too.
func personalMeanings() []meaning {
	var out []meaning
	for _, p := range personal {
		out = append(out, meaning{p.kind, true, func(s string) bool { return p.form.MatchString(s) && (p.also == nil || p.also(s)) }})
	}
	return out
}

func isTimeText(s string) bool {
	if len(s) < 15 || len(s) > 35 || s[0] < '0' || s[0] > '9' {
		return false
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02 15:04", "02/01/2006 15:04", "01/02/2006 15:04", "02/01/2006 15:04:05", "02.01.2006 15:04"} {
		if _, err := time.Parse(layout, s); err == nil {
			return true
		}
	}
	return false
}

func isDateText(s string) bool {
	if len(s) < 8 || len(s) > 11 || s[0] < '0' || s[0] > '9' {
		return false
	}
	for _, layout := range []string{"2006-01-02", "02/01/2006", "01/02/2006", "2/1/2006", "1/2/2006", "02.01.2006", "2006/01/02", "02-Jan-2006", "20060102"} {
		if layout == "20060102" && (s < "19000101" || s > "21001231") {
			continue
		}
		if _, err := time.Parse(layout, s); err == nil {
			return true
		}
	}
	return false
}

// The shares of its values that a column's meaning must have, and from which something
// else is odd.
const (
	meantMostly = 0.8
	fewLooked   = 1
)

// means finds the meaning of a column and the forms of its texts.
func means(c *column, b *briefColumn, looked []record.ValueCount) {
	p := &b.ColumnProfile
	if c.sort != sortText {
		if c.Type.Integer() && p.Nulls == 0 && p.Negative == 0 && p.Rows >= fewRows && (p.Distinct == p.Rows && !p.Approx || p.Approx && float64(p.Distinct) > 0.97*float64(p.Rows)) {
			p.Logical, p.LogicalShare = "id", 1
		}
		return
	}
	forms := map[string]int64{}
	found := make([]int64, len(meanings))
	var seen int64 // without empty and blank ones, which mean nothing
	for _, v := range looked {
		p.Looked += v.Count
		forms[pattern(v.Value)] += v.Count
		text := strings.TrimSpace(v.Value)
		if text == "" {
			continue
		}
		seen += v.Count
		for i := range meanings {
			if len(text) <= 400 || meanings[i].name == "json" {
				if meanings[i].is(text) {
					found[i] += v.Count
				}
			}
		}
	}
	for form, n := range forms {
		p.Patterns = append(p.Patterns, record.ValueCount{Value: cut(form), Count: n})
	}
	slices.SortFunc(p.Patterns, func(a, b record.ValueCount) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Value, b.Value))
	})
	p.Patterns = p.Patterns[:min(len(p.Patterns), shownPatterns)]
	if seen < fewLooked {
		return
	}
	for i := range meanings {
		if share := float64(found[i]) / float64(seen); share >= meantMostly {
			p.Logical, p.LogicalShare, p.Personal = meanings[i].name, round12(share), meanings[i].personal
			return
		}
	}
	values := p.Rows - p.Nulls
	switch {
	case values >= fewRows && p.Distinct <= 50 && p.Distinct*5 <= values:
		p.Logical, p.LogicalShare = "category", 1
	case p.MeanLength != nil && *p.MeanLength >= 20 && p.Distinct > 50:
		p.Logical, p.LogicalShare = "text", 1
	case !p.Approx && values >= fewRows && p.Distinct == values:
		p.Logical, p.LogicalShare = "id", 1
	}
}

// pattern is the form of a text: A for a capital, a for another letter, 9 for a digit,
// anything else as it is; runs of more than four end in +.
func pattern(s string) string {
	var b strings.Builder
	var last rune
	run := 0
	for i, r := range s {
		if i > 120 {
			b.WriteString("…")
			break
		}
		switch {
		case unicode.IsDigit(r):
			r = '9'
		case unicode.IsUpper(r):
			r = 'A'
		case unicode.IsLetter(r):
			r = 'a'
		case r == utf8.RuneError:
			r = '?'
		}
		if r != last {
			last, run = r, 0
		}
		switch run++; {
		case run <= 4:
			b.WriteRune(r)
		case run == 5:
			text := b.String()
			b.Reset()
			b.WriteString(strings.TrimRight(text, string(r)))
			b.WriteRune(r)
			b.WriteRune('+')
		}
	}
	return b.String()
}

// countryCodes are those of ISO 3166-1 alpha-2, currencyCodes the common ones of ISO 4217.
var (
	countryCodes  = codes("AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW")
	currencyCodes = codes("AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWL")
)

func codes(list string) map[string]bool {
	out := map[string]bool{}
	for _, c := range strings.Fields(list) {
		out[c] = true
	}
	return out
}

// fullOddities lists what is odd about a column besides what a short profile can see.
func fullOddities(p *record.ColumnProfile, i int) []oddity {
	var out []oddity
	add := func(kind int, share float64, message string) {
		out = append(out, oddity{record.Alert{Column: p.Name, Kind: kinds[kind], Message: message}, kind, share, i})
	}
	values := p.Rows - p.Nulls
	if values == 0 {
		return nil
	}
	if p.Blank > 0 {
		add(kindBlank, float64(p.Blank)/float64(values), thousands(p.Blank)+" of "+thousands(values)+" values are nothing but white space")
	}
	if p.Personal {
		add(kindPersonal, p.LogicalShare, percent(p.LogicalShare)+" of its values look like "+plain(p.Logical)+": it may be personal data")
	}
	if p.Logical != "" && p.LogicalShare < 1 && p.LogicalShare >= 0.95 {
		add(kindMalformed, 1-p.LogicalShare, percent(1-p.LogicalShare)+" of its values are no "+plain(p.Logical)+", as the others are")
	}
	if p.Type == "string" && p.LogicalShare == 1 && slices.Contains([]string{"integer", "decimal", "date", "timestamp", "boolean"}, p.Logical) {
		add(kindTyped, 1, "every value is "+article(p.Logical)+", written as text")
	}
	if p.Skewness != nil && (*p.Skewness > 10 || *p.Skewness < -10) {
		add(kindSkewed, 0, "the distribution is very skewed ("+strconv.FormatFloat(*p.Skewness, 'f', 1, 64)+")")
	}
	if t := p.Time; t != nil && t.Span > 30 && len(t.Gaps) > 0 && float64(t.Days) > 0.5*float64(t.Span) && t.Gaps[0].Days >= 5 {
		g := t.Gaps[0]
		add(kindGap, float64(g.Days), strconv.FormatInt(g.Days, 10)+" days without a value between "+g.From+" and "+g.To)
	}
	return out
}

func plain(logical string) string {
	switch logical {
	case "email":
		return "e-mail addresses"
	case "phone":
		return "telephone numbers"
	case "ip":
		return "IP addresses"
	case "iban", "uuid", "url":
		return strings.ToUpper(logical) + "s"
	case "card":
		return "card numbers"
	case "country":
		return "country codes"
	case "currency":
		return "currency codes"
	case "json":
		return "JSON"
	}
	return logical + "s"
}

func article(logical string) string {
	if logical == "integer" {
		return "an integer"
	}
	return "a " + logical
}
