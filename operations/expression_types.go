package operations

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/dq-dev/dq/table"
)

// digits are what the integers have, as decimals of Spark.
var digits = map[table.Kind]int{table.Int8: 3, table.Int16: 5, table.Int32: 10, table.Int64: 20}

func number(t table.Type) bool {
	return digits[t.Kind] > 0 || t.Kind == table.Decimal || t.Kind == table.Double || t.Kind == table.Float
}

// as casts SQL to a type, with an error where it does not fit.
func (p *parser) as(sql string, t table.Type) string {
	name := map[table.Kind]string{table.Bool: "BOOLEAN", table.Int8: "TINYINT", table.Int16: "SMALLINT", table.Int32: "INTEGER", table.Int64: "BIGINT",
		table.Double: "DOUBLE", table.String: "VARCHAR", table.Date: "DATE", table.TimestampNTZ: "TIMESTAMP"}[t.Kind]
	switch {
	case digits[t.Kind] > 0:
		// The engine would compare what is cast, and never see that it does not fit.
		return "(CAST(" + sql + " AS " + name + ") | CAST(0 AS " + name + "))"
	case t.Kind == table.Decimal:
		name = fmt.Sprintf("DECIMAL(%d,%d)", t.Precision, t.Scale)
	case name == "":
		p.refuse("cast of %s as %s", sql, t)
	}
	return "CAST(" + sql + " AS " + name + ")"
}

// decimal is the decimal that an exact number is.
func decimal(t table.Type) table.Type {
	if t.Kind == table.Decimal {
		return t
	}
	return table.Type{Kind: table.Decimal, Precision: digits[t.Kind]}
}

func (p *parser) to(e expression, t table.Type) expression {
	return expression{sql: p.as(e.sql, t), t: t, literal: e.literal}
}

// arithmetic is an operation on two numbers, with the type that Spark gives it.
// What is beyond that type is an error.
func (p *parser) arithmetic(op string, a, b expression) expression {
	double := a.t.Kind == table.Double || b.t.Kind == table.Double
	integers := digits[a.t.Kind] > 0 && digits[b.t.Kind] > 0
	if !number(a.t) || !number(b.t) || a.t.Kind == table.Float || b.t.Kind == table.Float {
		p.refuse("%s of %s and %s", op, a.t, b.t)
	}
	if op == "%" && (!integers || b.literal == nil || strings.Trim(*b.literal, "-0") == "") {
		p.refuse("%%") // by zero it is null, or an error
	}
	t := table.Type{Kind: table.Double}
	switch {
	case integers:
		t = a.t
		if digits[b.t.Kind] > digits[a.t.Kind] {
			t = b.t
		}
	case !double:
		x, y := decimal(a.t), decimal(b.t)
		if op == "*" {
			t = table.Type{Kind: table.Decimal, Precision: x.Precision + y.Precision + 1, Scale: x.Scale + y.Scale}
		} else {
			scale := max(x.Scale, y.Scale)
			t = table.Type{Kind: table.Decimal, Precision: max(x.Precision-x.Scale, y.Precision-y.Scale) + scale + 1, Scale: scale}
		}
		if t.Precision > 38 {
			p.refuse("%s of %s and %s", op, a.t, b.t) // it may be rounded
		}
		if op == "*" {
			a, b = p.to(a, x), p.to(b, y)
			return expression{sql: p.as(fmt.Sprintf("(%s * %s)", a.sql, b.sql), t), t: t}
		}
	}
	a, b = p.to(a, t), p.to(b, t)
	sql := fmt.Sprintf("(%s %s %s)", a.sql, op, b.sql)
	if integers { // lest i + 1 > 0 becomes i > -1, which is never too large
		sql = fmt.Sprintf("(CAST(%s AS HUGEINT) %s CAST(%s AS HUGEINT))", a.sql, op, b.sql)
	}
	return expression{sql: p.as(sql, t), t: t}
}

// alike casts what is compared, or is one value of several, to a type for all.
func (p *parser) alike(list ...expression) []expression {
	out := make([]expression, len(list))
	t := list[0].t
	for _, e := range list {
		if t.Kind == table.String && e.literal == nil || list[0].literal != nil && e.literal == nil {
			t = e.t // a text is read as what it is compared with
			break
		}
	}
	texts := map[table.Kind]bool{table.Date: true, table.TimestampNTZ: true, table.Timestamp: true}
	exact, float := true, false
	scale, whole := 0, 0
	for _, e := range list {
		if !number(e.t) {
			continue
		}
		float = float || e.t.Kind == table.Float
		if digits[e.t.Kind] == 0 && e.t.Kind != table.Decimal {
			exact = false
			continue
		}
		d := decimal(e.t)
		scale, whole = max(scale, d.Scale), max(whole, d.Precision-d.Scale)
	}
	for i, e := range list {
		switch {
		case number(t) && number(e.t) && exact:
			out[i] = e
			if scale > 0 { // integers compare by themselves
				if whole+scale > 38 {
					p.refuse("%s beside a number of %d digits behind the point", e.t, scale)
				}
				out[i] = p.to(e, table.Type{Kind: table.Decimal, Precision: whole + scale, Scale: scale})
			}
		case number(t) && number(e.t):
			// Spark compares a float with an integer as floats.
			if float && digits[e.t.Kind] > 0 && (e.literal == nil || len(*e.literal) > 7) {
				p.refuse("%s beside a float", e.sql)
			}
			out[i] = p.to(e, table.Type{Kind: table.Double})
		case e.literal != nil && e.t.Kind == table.String && texts[t.Kind]:
			out[i] = p.typed(e, t.Kind)
		case e.t.Kind == t.Kind && (e.t.Kind == table.String || e.t.Kind == table.Bool || texts[e.t.Kind]):
			out[i] = e
		default:
			p.refuse("%s (%s) beside %s", e.sql, e.t, t)
		}
	}
	return out
}

// wholeTimes are texts of a day or a time that every engine reads as the same.
var wholeTimes = map[table.Kind]*regexp.Regexp{
	table.Date:         regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}$`),
	table.TimestampNTZ: regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?)?$`),
	table.Timestamp:    regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|\+00:00)$`),
}

// typed reads a constant text as a day or a time. Times with a zone must name it:
// else they are at the zone of whoever reads them.
func (p *parser) typed(e expression, kind table.Kind) expression {
	if !wholeTimes[kind].MatchString(*e.literal) {
		p.refuse("%s as %s", e.sql, kind)
	}
	t := table.Type{Kind: kind}
	if kind == table.Timestamp {
		return expression{sql: "CAST(" + e.sql + " AS TIMESTAMP WITH TIME ZONE)", t: t}
	}
	return p.to(expression{sql: e.sql}, t)
}

// cast is CAST where no setting of Spark matters: to wider types, and to narrower
// ones with an error for what does not fit.
func (p *parser) cast(e expression, t table.Type) expression {
	from := e.t
	exact := digits[from.Kind] > 0 || from.Kind == table.Decimal
	widens := exact && t.Scale >= decimal(from).Scale && t.Precision-t.Scale >= decimal(from).Precision-decimal(from).Scale
	switch {
	case from.Equal(t):
		return expression{sql: e.sql, t: t}
	case digits[from.Kind] > 0 && digits[t.Kind] > 0, exact && t.Kind == table.Double, widens && t.Kind == table.Decimal,
		digits[from.Kind] > 0 && t.Kind == table.String, from.Kind == table.TimestampNTZ && t.Kind == table.Date:
		return p.to(expression{sql: e.sql}, t)
	case from.Kind == table.Date && t.Kind == table.String:
		return p.between(e.sql, "year("+e.sql+") BETWEEN 1 AND 9999", p.as(e.sql, t), t)
	case from.Kind == table.Timestamp && t.Kind == table.Date:
		return p.to(expression{sql: utc(e.sql)}, t)
	case from.Kind == table.String && t.Kind == table.Date && e.literal != nil:
		return p.typed(e, table.Date)
	}
	p.refuse("cast of %s as %s", from, t)
	return e
}

// utc is a time with a zone as that of UTC, which is the zone that dq takes for
// that of a table.
func utc(sql string) string { return "make_timestamp(epoch_us(" + sql + "))" }

// between gives a value where a condition of what it is made from holds (or there
// is none), and else an error: engines differ there.
func (p *parser) between(of, holds, value string, t table.Type) expression {
	return expression{sql: fmt.Sprintf("(CASE WHEN %s IS NULL OR %s THEN %s ELSE error('a value of %s is beyond what every engine reads as the same') END)",
		of, holds, value, strings.ReplaceAll(strings.ReplaceAll(of, "'", ""), `"`, "")), t: t}
}
