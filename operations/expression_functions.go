package operations

import (
	"strconv"
	"strings"

	"github.com/dq-dev/dq/table"
)

// call is a function of Spark.
func (p *parser) call(name string, args []expression) expression {
	of := func(kinds ...table.Kind) {
		if len(args) != len(kinds) {
			p.refuse("%s of %d values", name, len(args))
		}
		for i, k := range kinds {
			if args[i].t.Kind != k {
				p.refuse("%s of %s", name, args[i].t)
			}
		}
	}
	text, integer := table.Type{Kind: table.String}, table.Type{Kind: table.Int32}
	switch name {
	case "length", "char_length", "character_length", "len":
		of(table.String)
		return expression{sql: p.as("length("+args[0].sql+")", integer), t: integer}
	case "upper", "ucase", "lower", "lcase":
		of(table.String)
		fn := map[byte]string{'u': "upper", 'l': "lower"}[name[0]]
		s := args[0].sql
		return p.between(s, "strlen("+s+") = length("+s+")", fn+"("+s+")", text) // of other scripts, some know more than others
	case "trim", "ltrim", "rtrim":
		of(table.String)
		return expression{sql: name + "(" + args[0].sql + ", ' ')", t: text}
	case "coalesce", "nvl", "ifnull":
		if len(args) == 0 {
			p.refuse("%s", name)
		}
		for _, a := range args { // of several types, Spark has rules of its own
			if !a.t.Equal(args[0].t) && (digits[a.t.Kind] == 0 || digits[args[0].t.Kind] == 0) {
				p.refuse("%s of %s and %s", name, args[0].t, a.t)
			}
		}
		t := args[0].t
		for _, a := range args {
			if digits[a.t.Kind] > digits[t.Kind] {
				t = a.t
			}
		}
		return expression{sql: "coalesce(" + joined(args) + ")", t: t}
	case "abs":
		if len(args) != 1 || !number(args[0].t) || args[0].t.Kind == table.Float {
			p.refuse("abs")
		}
		return expression{sql: "abs(" + args[0].sql + ")", t: args[0].t}
	case "substring", "substr":
		if len(args) != 3 || args[0].t.Kind != table.String {
			p.refuse("%s", name)
		}
		from, count := p.small(args[1], 1), p.small(args[2], 0) // before the first character, engines differ
		return expression{sql: "substring(" + args[0].sql + ", " + from + ", " + count + ")", t: text}
	case "concat":
		var parts []string
		for _, a := range args {
			if a.t.Kind != table.String {
				p.refuse("concat of %s", a.t)
			}
			parts = append(parts, a.sql)
		}
		if parts == nil {
			p.refuse("concat")
		}
		return expression{sql: "(" + strings.Join(parts, " || ") + ")", t: text} // null if one is
	case "year", "month", "day", "dayofmonth", "quarter", "hour", "minute", "second", "date", "to_date":
		return p.timeOf(name, args)
	case "date_format":
		return p.format(args)
	}
	p.refuse("%s", name)
	return expression{}
}

// small is a constant that is no less than least.
func (p *parser) small(e expression, least int) string {
	if e.literal != nil && e.t.Kind == table.Int32 {
		if n, err := strconv.Atoi(*e.literal); err == nil && n >= least {
			return *e.literal
		}
	}
	p.refuse("substring from or of %s", e.sql)
	return ""
}

// moment is a day or a time, of UTC where it has a zone.
func (p *parser) moment(name string, e expression) string {
	switch e.t.Kind {
	case table.Date, table.TimestampNTZ:
		return e.sql
	case table.Timestamp:
		return utc(e.sql)
	}
	p.refuse("%s of %s", name, e.t)
	return ""
}

// timeOf is a part of a day or a time.
func (p *parser) timeOf(name string, args []expression) expression {
	if len(args) != 1 {
		p.refuse("%s of %d values", name, len(args))
	}
	at := p.moment(name, args[0])
	switch name {
	case "date", "to_date":
		return p.cast(args[0], table.Type{Kind: table.Date})
	case "hour", "minute", "second":
		if args[0].t.Kind == table.Date {
			p.refuse("%s of a date", name)
		}
	case "dayofmonth":
		name = "day"
	}
	t := table.Type{Kind: table.Int32}
	return expression{sql: p.as(name+"("+at+")", t), t: t}
}

// format is date_format with digits only: no names of days or months.
func (p *parser) format(args []expression) expression {
	if len(args) != 2 || args[1].literal == nil || args[1].t.Kind != table.String {
		p.refuse("date_format")
	}
	at, pattern := p.moment("date_format", args[0]), *args[1].literal
	out := ""
	for rest := pattern; rest != ""; {
		n := len(rest) - len(strings.TrimLeft(rest, rest[:1]))
		part, known := map[string]string{"yyyy": "%Y", "MM": "%m", "dd": "%d", "HH": "%H", "mm": "%M", "ss": "%S"}[rest[:n]]
		switch {
		case known:
		case strings.ContainsRune("-/:. _", rune(rest[0])):
			part = rest[:n]
		default:
			p.refuse("date_format of %s", args[1].sql)
		}
		out, rest = out+part, rest[n:]
	}
	return p.between(at, "year("+at+") BETWEEN 1000 AND 9999", "strftime("+at+", "+p.dialect.Literal(out)+")", table.Type{Kind: table.String})
}
