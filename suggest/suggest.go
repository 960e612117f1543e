// Package suggest writes a suite for a table that has none: what its rows nearly all
// have in common, as rules, each with what was seen.
//
// The table may be dirty. A rule says what most values are, never what all of them
// happen to be, so that it fails on the others: a form that nearly all texts have,
// values of which a rare one is a slip, a column that another one determines but for
// some rows. What is as frequent as mistakes are not is taken to be meant.
//
//	t, err := suggest.Read(ctx, session, eng.Dialect(), "t", schema, nil)
//	...
//	os.Stdout.Write(suggest.Learn(t, "orders").YAML())
//
// The same rows give the same suite, in whatever order they come.
package suggest

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/dq-dev/dq/table"
)

// Suite is the suggested contract of a table.
type Suite struct {
	Table   string   `json:"table"`
	Owner   string   `json:"owner,omitempty"`
	Rows    int64    `json:"rows"`
	Looked  int      `json:"looked"` // at how many of the rows
	Columns []Column `json:"columns"`
	Rules   []Rule   `json:"rules"` // in the order of the suite: by column, then those of the table
	// Backtest is how it was tested on versions, nil if it was not.
	Backtest *Backtested `json:"backtest,omitempty"`
}

// Column is what the suite says of a column besides its rules.
type Column struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

// Rule is a suggested rule. It is Kind with Params, or Row, which is CEL on a row.
type Rule struct {
	ID     string `json:"id"`
	Column string `json:"column,omitempty"` // that it stands beside; "" for one under expectations
	Kind   string `json:"kind"`             // row for CEL
	// Columns are all that it reads.
	Columns []string `json:"columns"`
	Params  []Param  `json:"params,omitempty"`
	Row     string   `json:"row,omitempty"`
	Where   string   `json:"where,omitempty"`
	// Why is what was seen, in words.
	Why string `json:"why"`
	// Judged rows were looked at, of which Exceptions break the rule.
	Judged     int `json:"judged,omitempty"` // 0 of a rule on the table
	Exceptions int `json:"exceptions"`
	// Confidence is the least share of rows that keep the rule, at 95 % (Wilson's bound).
	Confidence float64 `json:"confidence,omitempty"`
	// Fail is the share of rows below which the rule fails, and does not only warn: its
	// confidence. "" of one that every row must keep.
	Fail number `json:"fail,omitempty"`
	// OnFail is what the rule does when it fails, "" for what every rule does; warn when
	// most rows break it.
	OnFail string `json:"on_fail,omitempty"`
	// In Trials versions that came after the one it was learned on it failed Alarms times; the
	// rate of that is AlarmsAtMost or less, at 95 %.
	Trials       int     `json:"trials,omitempty"`
	Alarms       int     `json:"alarms,omitempty"`
	AlarmsAtMost float64 `json:"alarms_at_most,omitempty"`
}

// Param is a parameter of a kind: a text, a number as text, a list of texts, or true.
type Param struct {
	Name  string `json:"name"`
	Value any    `json:"value"`
}

// number is a number that is written as it stands.
type number string

// MarshalJSON writes it as it stands.
func (n number) MarshalJSON() ([]byte, error) { return []byte(n), nil }

// fewRows is how many rows say nothing of a table.
const fewRows = 20

// Learn suggests a suite for a table of that name.
func Learn(t *Table, name string) *Suite {
	s := &Suite{Table: name, Rows: t.Rows, Looked: t.Looked, Columns: []Column{}, Rules: []Rule{}}
	for _, f := range t.schema.Fields {
		if !nameable(f.Name) {
			continue
		}
		s.Columns = append(s.Columns, Column{f.Name, f.Type.String()})
	}
	if t.Looked < fewRows {
		return s
	}
	l := &learner{table: t, determined: map[*column]*determinant{}}
	l.composed()
	l.determinants()
	for _, c := range t.columns {
		l.column(c)
	}
	l.refer()
	l.keys()
	l.across()
	l.fresh()
	l.volume()
	for i := range l.rules {
		l.rules[i].tolerate()
	}
	place := map[string]int{}
	for i, c := range s.Columns {
		place[c.Name] = i - len(s.Columns)
	}
	slices.SortStableFunc(l.rules, func(a, b Rule) int { return cmp.Compare(place[a.Column], place[b.Column]) })
	s.Rules = append(s.Rules, l.rules...)
	return s
}

type learner struct {
	table      *Table
	rules      []Rule
	determined map[*column]*determinant

	compositions []composition
}

// tolerate sets what share of rows must keep the rule: what was seen, and what is as likely by chance.
func (r *Rule) tolerate() {
	switch strict := slices.Contains([]string{"not_null", "unique", "no_duplicate_rows"}, r.Kind); {
	case r.Judged == 0 || r.Exceptions == 0 && strict:
	case r.Confidence < 0.5:
		r.OnFail = "warn"
	default:
		r.Fail = number(decimalText(r.Confidence))
	}
}

// beside adds a rule of a kind to a column.
func (l *learner) beside(c *column, kind string, judged, exceptions int, why string, params ...Param) {
	columns := []string{c.name}
	for _, p := range params {
		if names, ok := p.Value.([]string); ok && p.Name == "of" {
			columns = append(columns, names...)
		}
	}
	l.rules = append(l.rules, Rule{ID: c.name + "." + kind, Column: c.name, Kind: kind, Columns: columns, Params: params, Why: why,
		Judged: judged, Exceptions: exceptions, Confidence: surely(judged, exceptions)})
}

// row adds a rule in CEL, which reads columns.
func (l *learner) row(id, cel, where string, judged, exceptions int, why string, columns ...string) {
	l.rules = append(l.rules, Rule{ID: l.unused(id), Kind: "row", Columns: columns, Row: cel, Where: where, Why: why,
		Judged: judged, Exceptions: exceptions, Confidence: surely(judged, exceptions)})
}

// unused makes an identifier of a text that no rule has yet.
func (l *learner) unused(id string) string {
	id = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' {
			return r
		}
		return '_'
	}, id)
	if id[0] >= '0' && id[0] <= '9' {
		id = "_" + id
	}
	for i, tried := 1, id; ; tried = id + "_" + strconv.Itoa(i) {
		if !slices.ContainsFunc(l.rules, func(r Rule) bool { return r.ID == tried }) {
			return tried
		}
		i++
	}
}

// has reports whether the column has a rule of one of the kinds.
func (l *learner) has(c *column, kinds ...string) bool {
	return slices.ContainsFunc(l.rules, func(r Rule) bool { return r.Column == c.name && slices.Contains(kinds, r.Kind) })
}

// column learns the rules of one column.
func (l *learner) column(c *column) {
	if c.filled() >= fewRows && c.typ.Kind == table.String {
		l.text(c)
	} else if c.filled() >= fewRows {
		l.scale(c)
	}
	l.nulls(c)
	l.determination(c)
}

// nulls learns whether a value must be there.
func (l *learner) nulls(c *column) {
	most := rareNull
	if c.typ.Numeric() || l.has(c, "integer_text", "decimal_text") {
		most = rareNullNumber
	}
	switch n := len(c.codes); {
	case c.nulls == 0:
		l.beside(c, "not_null", n, 0, fmt.Sprintf("none of %s rows is without a value", count(n)))
	case c.share(c.nulls) <= most:
		l.beside(c, "not_null", n, c.nulls, fmt.Sprintf("of %s rows %s without a value", count(n), counted(c.nulls)))
	}
}

// Shares of nulls up to which they are mistakes. A measure may be missing sooner.
const (
	rareNull       = 0.03
	rareNullNumber = 0.01
)

// volume learns how many rows there are.
func (l *learner) volume() {
	n := l.table.Rows
	l.rules = append(l.rules, Rule{ID: l.unused("volume"), Kind: "row_count", Columns: []string{}, Params: []Param{{"min", number(strconv.FormatInt((n+1)/2, 10))}, {"max", number(strconv.FormatInt(n+(n+1)/2, 10))}},
		Why: fmt.Sprintf("%s rows, give or take half of them: with a past, write rows() >= 0.5 * previous(rows())", count(int(n)))})
}

// surely is the lower end of Wilson's interval at 95 %, one-sided, for the share of
// rows that keep a rule; rounded to three digits.
func surely(judged, exceptions int) float64 {
	if judged == 0 {
		return 0
	}
	const z = 1.6448536269514722
	n := float64(judged)
	p := float64(judged-exceptions) / n
	low := (p + z*z/(2*n) - z*math.Sqrt(p*(1-p)/n+z*z/(4*n*n))) / (1 + z*z/n)
	return math.Floor(low*1000) / 1000
}

// count writes a number with thousands apart.
func count(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// counted is a number with its verb.
func counted(n int) string {
	if n == 1 {
		return "1 is"
	}
	return count(n) + " are"
}

// such shows up to three values, shortened.
func such(values []string) string {
	if len(values) == 0 {
		return ""
	}
	var out []string
	for _, v := range values[:min(3, len(values))] {
		if r := []rune(v); len(r) > 40 {
			v = string(r[:39]) + "…"
		}
		out = append(out, strconv.Quote(v))
	}
	return ", such as " + strings.Join(out, ", ")
}

// nameable reports whether a suite can have a column of that name.
func nameable(name string) bool { return name != "" && !strings.Contains(name, "`") }

// identifier is a column in CEL; false when CEL cannot write its name.
func identifier(name string) (string, bool) {
	if strings.Contains(name, "\n") {
		return "", false
	}
	plain := name != ""
	for i, r := range name {
		plain = plain && (r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || i > 0 && r >= '0' && r <= '9')
	}
	if plain && !slices.Contains(reserved, name) {
		return name, true
	}
	return "row.`" + name + "`", true
}

// reserved are words that CEL has for itself.
var reserved = strings.Fields("as break const continue else false for function if import in let loop namespace null package return row true var void while")
