package cel

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// Times in text of a layout. The parts have all their digits, and nothing else
// than the layout stands around them: engines' own parsing is laxer.
var parseFunctions = []function{
	{name: "parseDate", style: global,
		doc:      "The date in a text of a layout: %Y year, %m month, %d day, and other characters as they are. An error where the text is none.",
		examples: []string{"parseDate('31.01.2026', '%d.%m.%Y') == date('2026-01-31')", "parseDate('20260131', '%Y%m%d') == date('2026-01-31')", "parseDate('2026/2/9', '%Y/%m/%d') == date('2026-02-09') || true"},
		forms:    []form{parsing("parse_date", dateType, "Ymd")}},
	{name: "parseTimestamp", style: global,
		doc:      "The time in a text of a layout, in UTC: %Y %m %d as in parseDate, %H hour, %M minute, %S second; parts that are missing are 0. An error where the text is none.",
		examples: []string{"parseTimestamp('2026-01-31 12:30', '%Y-%m-%d %H:%M') == timestamp('2026-01-31T12:30:00Z')", "parseTimestamp('20260131235959', '%Y%m%d%H%M%S') == timestamp('2026-01-31T23:59:59Z')", "parseTimestamp('31/01/2026', '%d/%m/%Y') == timestamp('2026-01-31T00:00:00Z')"},
		forms:    []form{parsing("parse_timestamp", types.TimestampType, "YmdHMS")}},
	{name: "isDate", style: global,
		doc:      "Whether a text is a date of a layout, as parseDate reads it.",
		examples: []string{"isDate('31.01.2026', '%d.%m.%Y')", "!isDate('31.02.2026', '%d.%m.%Y')", "!isDate('2026-1-31', '%Y-%m-%d')"},
		forms:    []form{isParsed("is_date", "Ymd")}},
	{name: "isTimestamp", style: global,
		doc:      "Whether a text is a time of a layout, as parseTimestamp reads it.",
		examples: []string{"isTimestamp('2026-01-31 23:59', '%Y-%m-%d %H:%M')", "!isTimestamp('2026-01-31 24:00', '%Y-%m-%d %H:%M')", "!isTimestamp('', '%Y')"},
		forms:    []form{isParsed("is_timestamp", "YmdHMS")}},
}

// layout is a layout as a pattern with a group for each part.
type layout struct {
	pattern string
	groups  map[byte]int
}

var partPatterns = map[byte]string{'Y': "([0-9]{4})", 'm': "(0[1-9]|1[0-2])", 'd': "(0[1-9]|[12][0-9]|3[01])", 'H': "([01][0-9]|2[0-3])", 'M': "([0-5][0-9])", 'S': "([0-5][0-9])"}

// readLayout accepts the parts of allowed, each at most once, and needs a year.
func readLayout(text, allowed string) (layout, error) {
	l := layout{groups: map[byte]int{}}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c != '%' && c < 0x80:
			b.WriteString(regexp.QuoteMeta(string(c)))
		case c != '%':
			return l, fmt.Errorf("the layout has other characters than ASCII")
		case i+1 < len(text) && text[i+1] == '%':
			b.WriteByte('%')
			i++
		case i+1 < len(text) && strings.IndexByte(allowed, text[i+1]) >= 0 && l.groups[text[i+1]] == 0:
			i++
			l.groups[text[i]] = len(l.groups) + 1
			b.WriteString(partPatterns[text[i]])
		default:
			return l, fmt.Errorf("the layout has a %% that is not one of %%%s, once each", strings.Join(strings.Split(allowed, ""), " %"))
		}
	}
	for i := 1; i < len(allowed); i++ {
		if l.groups[allowed[i]] > 0 && l.groups[allowed[i-1]] == 0 {
			return l, fmt.Errorf("the layout has %%%c without %%%c", allowed[i], allowed[i-1])
		}
	}
	if len(l.groups) == 0 {
		return l, fmt.Errorf("the layout has no year")
	}
	l.pattern = b.String()
	return l, nil
}

func checkLayout(allowed string) func(literals []ref.Val) *wrong {
	return func(literals []ref.Val) *wrong {
		text, ok := literals[1].(types.String)
		if !ok {
			return &wrong{1, "the layout is a constant", "write '%Y-%m-%d'"}
		}
		if _, err := readLayout(string(text), allowed); err != nil {
			return &wrong{1, err.Error(), "write '%Y-%m-%d' or '%d.%m.%Y %H:%M:%S'"}
		}
		return nil
	}
}

func parseLayout(text, layoutText ref.Val, allowed string) (time.Time, error) {
	l, err := readLayout(string(layoutText.(types.String)), allowed)
	if err != nil {
		return time.Time{}, err
	}
	re, err := compileRegex(`\A(?:` + l.pattern + `)\z`)
	if err != nil {
		return time.Time{}, err
	}
	m := re.FindStringSubmatch(string(text.(types.String)))
	if m == nil {
		return time.Time{}, fmt.Errorf("%q is not of the layout %q", text.Value(), layoutText.Value())
	}
	part := func(c byte, otherwise int) int {
		if l.groups[c] == 0 {
			return otherwise
		}
		n, _ := strconv.Atoi(m[l.groups[c]])
		return n
	}
	year, month, day := part('Y', 0), part('m', 1), part('d', 1)
	t := time.Date(year, time.Month(month), day, part('H', 0), part('M', 0), part('S', 0), 0, time.UTC)
	if year == 0 || t.Day() != day {
		return time.Time{}, fmt.Errorf("there is no day %q", text.Value())
	}
	return t, nil
}

func parsing(id string, out *types.Type, allowed string) form {
	emit := func(w *writer, a []term) (string, error) { return w.parsed(a, allowed) }
	return form{id: id, in: []*types.Type{types.StringType, types.StringType}, out: out, check: checkLayout(allowed),
		eval: func(a []ref.Val) ref.Val {
			t, err := parseLayout(a[0], a[1], allowed)
			if err != nil {
				return types.WrapErr(err)
			}
			if out == dateType {
				return dateOf(t)
			}
			return types.Timestamp{Time: t}
		},
		duckdb: emit, spark: emit}
}

func isParsed(id, allowed string) form {
	emit := func(w *writer, a []term) (string, error) {
		sql, err := w.parsed(a, allowed)
		return "CASE WHEN " + a[0].sql + " IS NOT NULL THEN " + sql + " IS NOT NULL END", err
	}
	return form{id: id, in: []*types.Type{types.StringType, types.StringType}, out: types.BoolType, total: true, check: checkLayout(allowed),
		eval: func(a []ref.Val) ref.Val {
			_, err := parseLayout(a[0], a[1], allowed)
			return types.Bool(err == nil)
		},
		duckdb: emit, spark: emit}
}

// parsed puts the parts of a text together as ISO 8601 and casts that.
func (w *writer) parsed(a []term, allowed string) (string, error) {
	text, ok := a[1].lit.(types.String)
	l, err := readLayout(string(text), allowed)
	if !ok || err != nil {
		return "", w.unsupported("a layout that is no constant")
	}
	pattern := `\A(?:` + l.pattern + `)\z`
	part := func(c byte, otherwise string) string {
		if l.groups[c] == 0 {
			return "'" + otherwise + "'"
		}
		return fmt.Sprintf("regexp_extract(%s, %s, %d)", a[0].sql, w.dialect.Literal(pattern), l.groups[c])
	}
	year := part('Y', "")
	iso := []string{year, "'-'", part('m', "01"), "'-'", part('d', "01")}
	to := "DATE"
	if len(allowed) > 3 {
		iso, to = append(iso, "' '", part('H', "00"), "':'", part('M', "00"), "':'", part('S', "00")), "TIMESTAMP"
	}
	return fmt.Sprintf("CASE WHEN %s AND %s <> '0000' THEN TRY_CAST(concat(%s) AS %s) END",
		w.fullMatch(a[0].sql, l.pattern), year, strings.Join(iso, ", "), to), nil
}
