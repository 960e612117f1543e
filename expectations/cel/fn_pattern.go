package cel

import (
	"regexp"
	"strings"
	"sync"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// Formats of text that one regular expression decides. The patterns are of ASCII
// only and hold nothing that RE2 and Java read differently, so that every engine
// gives the same answer; text is taken as it is, without trimming.
var patternFunctions = []function{
	textPattern("isEmail", "Whether a text is an e-mail address: a dot-atom of RFC 5322, @, and a host name with a dot. No quotes, comments or IP addresses; nobody is asked whether it exists.",
		emailAtom+`(?:\.`+emailAtom+`)*@`+hostLabel+`(?:\.`+hostLabel+`)*\.(?:[A-Za-z]{2,63}|[Xx][Nn]--[A-Za-z0-9-]{1,59})`,
		"isEmail('ann@example.org')", "!isEmail('ann@example')", "!isEmail('a..b@example.org')"),
	textPattern("isUUID", "Whether a text is a UUID of RFC 9562: 32 hex digits in five groups, of any version, no braces.",
		`[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}`,
		"isUUID('123e4567-e89b-12d3-a456-426614174000')", "!isUUID('123e4567e89b12d3a456426614174000')", "!isUUID('')"),
	textPattern("isURL", "Whether a text is an http, https or ftp URL of RFC 3986, with a host; other than ASCII must be percent-encoded.",
		`(?:[Hh][Tt][Tt][Pp][Ss]?|[Ff][Tt][Pp])://(?:[A-Za-z0-9._~!$&'()*+,;=:%-]*@)?(?:`+hostName+`\.?|\[`+ipv6+`\])(?::[0-9]{1,5})?(?:[/?#][A-Za-z0-9._~:/?#@!$&'()*+,;=%\[\]-]*)?`,
		"isURL('https://example.org/a?b=c#d')", "isURL('http://[::1]:8080')", "!isURL('example.org')"),
	textPattern("isHostname", "Whether a text is a host name of RFC 1123: labels of letters, digits and inner hyphens, up to 63 each.",
		hostName, "isHostname('example.org')", "isHostname('localhost')", "!isHostname('-a.org')"),
	textPattern("isIPv4", "Whether a text is an IPv4 address: four decimal numbers up to 255 without leading zeros.",
		ipv4, "isIPv4('192.168.0.1')", "!isIPv4('192.168.0.256')", "!isIPv4('01.2.3.4')"),
	textPattern("isIPv6", "Whether a text is an IPv6 address of RFC 4291, without a zone.",
		ipv6, "isIPv6('2001:db8::1')", "isIPv6('::ffff:192.0.2.1')", "!isIPv6('1::2::3')"),
	textPattern("isIP", "Whether a text is an IPv4 or an IPv6 address.",
		`(?:`+ipv4+`|`+ipv6+`)`, "isIP('192.0.2.1')", "isIP('::')", "!isIP('192.0.2')"),
	textPattern("isMACAddress", "Whether a text is a MAC address: six pairs of hex digits with : or - between all of them.",
		`[0-9A-Fa-f]{2}(?:(?::[0-9A-Fa-f]{2}){5}|(?:-[0-9A-Fa-f]{2}){5})`,
		"isMACAddress('00:1A:2b:3c:4d:5e')", "isMACAddress('00-1A-2B-3C-4D-5E')", "!isMACAddress('00:1A-2B:3C:4D:5E')"),
	textPattern("isPhone", "Whether a text is a telephone number of E.164: +, a country code and up to 15 digits in all; no blanks.",
		`\+[1-9][0-9]{6,14}`, "isPhone('+4930123456')", "!isPhone('030 123456')", "!isPhone('+49')"),
	textPattern("isHexColor", "Whether a text is a colour of CSS: # and 3, 4, 6 or 8 hex digits.",
		`#(?:[0-9A-Fa-f]{3}|[0-9A-Fa-f]{4}|[0-9A-Fa-f]{6}|[0-9A-Fa-f]{8})`, "isHexColor('#1e90FF')", "isHexColor('#fff')", "!isHexColor('1e90ff')"),
	textPattern("isBase64", "Whether a text is base64 of RFC 4648 with padding; an empty text is not.",
		`(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})`, "isBase64('ZHE=')", "isBase64('YWJj')", "!isBase64('ZHE')"),
	textPattern("isBIC", "Whether a text is a bank's BIC of ISO 9362, of 8 or 11 characters in capitals.",
		`[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}(?:[A-Z0-9]{3})?`, "isBIC('DEUTDEFF')", "isBIC('DEUTDEFF500')", "!isBIC('DEUTDE')"),
	textPattern("isSlug", "Whether a text is lower-case ASCII letters and digits with single hyphens between.",
		`[a-z0-9]+(?:-[a-z0-9]+)*`, "isSlug('data-quality-1')", "!isSlug('Data')", "!isSlug('a--b')"),
}

const (
	emailAtom = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
	hostLabel = `[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?`
	hostName  = hostLabel + `(?:\.` + hostLabel + `)*`
	octet     = `(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])`
	ipv4      = octet + `(?:\.` + octet + `){3}`
	h16       = `[0-9A-Fa-f]{1,4}`
	ls32      = `(?:` + h16 + `:` + h16 + `|` + ipv4 + `)`
	// The alternatives are those of RFC 3986, by the place of the double colon.
	ipv6 = `(?:(?:` + h16 + `:){6}` + ls32 +
		`|::(?:` + h16 + `:){5}` + ls32 +
		`|(?:` + h16 + `)?::(?:` + h16 + `:){4}` + ls32 +
		`|(?:(?:` + h16 + `:){0,1}` + h16 + `)?::(?:` + h16 + `:){3}` + ls32 +
		`|(?:(?:` + h16 + `:){0,2}` + h16 + `)?::(?:` + h16 + `:){2}` + ls32 +
		`|(?:(?:` + h16 + `:){0,3}` + h16 + `)?::` + h16 + `:` + ls32 +
		`|(?:(?:` + h16 + `:){0,4}` + h16 + `)?::` + ls32 +
		`|(?:(?:` + h16 + `:){0,5}` + h16 + `)?::` + h16 +
		`|(?:(?:` + h16 + `:){0,6}` + h16 + `)?::)`
)

func textPattern(name, doc, pattern string, examples ...string) function {
	compiled := sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\A(?:` + pattern + `)\z`) })
	return textTestOf(name, doc, func(s string) bool { return compiled().MatchString(s) },
		func(w *writer, s string) (string, error) { return w.fullMatch(s, pattern), nil }, examples...)
}

// textTestOf is a condition on one text.
func textTestOf(name, doc string, test func(s string) bool, sql func(w *writer, s string) (string, error), examples ...string) function {
	f := form{id: strings.ReplaceAll(name, ".", "_") + "_text", in: []*types.Type{types.StringType}, out: types.BoolType, total: true,
		eval: func(a []ref.Val) ref.Val { return types.Bool(test(string(a[0].(types.String)))) }}
	if sql != nil {
		emit := func(w *writer, a []term) (string, error) { return sql(w, a[0].sql) }
		f.duckdb, f.spark = emit, emit
	}
	return function{name: name, style: global, doc: doc, examples: examples, forms: []form{f}}
}

// fullMatch says that a whole text matches a pattern which RE2 and Java read alike.
func (w *writer) fullMatch(s, pattern string) string {
	if w.isSpark() {
		return "(" + s + " RLIKE " + w.dialect.Literal(`\A(?:`+pattern+`)\z`) + ")"
	}
	return "regexp_full_match(" + s + ", " + w.dialect.Literal(pattern) + ")"
}
