package cel

import (
	"fmt"
	"time"

	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// Times are UTC with microseconds. In SQL a timestamp is a TIMESTAMP in UTC, a
// duration a BIGINT of nanoseconds, as in CEL. now() is replaced by a variable
// before the tree is checked.
var timeFunctions = []function{
	{name: "timestamp", style: global,
		doc:      "The time in a text of RFC 3339 with at most six digits of a second, of an int of seconds since 1970, or the beginning of a date; UTC. An error for other text and outside the years 1 to 9999.",
		examples: []string{"timestamp('2026-01-31T12:00:00+02:00') == timestamp('2026-01-31T10:00:00Z')", "timestamp(0) == timestamp('1970-01-01T00:00:00Z')", "timestamp(date('2026-01-31')) == timestamp('2026-01-31T00:00:00Z')"}, forms: []form{
			identity("timestamp_timestamp", types.TimestampType),
			{id: "timestamp_string", in: []*types.Type{types.StringType}, out: types.TimestampType,
				check: func(literals []ref.Val) *wrong {
					if text, ok := literals[0].(types.String); ok {
						t, isTime := text.ConvertToType(types.TimestampType).(types.Timestamp)
						if isTime && t.Nanosecond()%1000 != 0 {
							return microseconds(t.Nanosecond())
						}
						if !isTime || !timestampPattern().MatchString(string(text)) {
							return &wrong{0, fmt.Sprintf("%q is no timestamp", string(text)), "write timestamp('2026-01-31T12:00:00Z'), with a zone"}
						}
						return nil
					}
					return nil
				},
				eval: func(a []ref.Val) ref.Val {
					text := string(a[0].(types.String))
					t, err := time.Parse(time.RFC3339Nano, text)
					if err != nil || !timestampPattern().MatchString(text) || t.UTC().Year() < 1 || t.UTC().Year() > 9999 {
						return types.NewErr("%q is no timestamp", text)
					}
					return types.Timestamp{Time: t.UTC()}
				},
				duckdb: func(w *writer, a []term) (string, error) {
					if t, ok := parsedLiteral(a[0], types.TimestampType).(types.Timestamp); ok {
						return w.timestampLiteral(t.Time), nil
					}
					us := "epoch_us(TRY_CAST(" + a[0].sql + " AS TIMESTAMPTZ))"
					return fmt.Sprintf("CASE WHEN %s AND %s BETWEEN -62135596800000000 AND 253402300799999999 THEN make_timestamp(%s) END", w.fullMatch(a[0].sql, timestampText), us, us), nil
				},
				spark: func(w *writer, a []term) (string, error) {
					if t, ok := parsedLiteral(a[0], types.TimestampType).(types.Timestamp); ok {
						return w.timestampLiteral(t.Time), nil
					}
					us := "unix_micros(TRY_CAST(" + a[0].sql + " AS TIMESTAMP))"
					return fmt.Sprintf("CASE WHEN %s AND %s BETWEEN -62135596800000000 AND 253402300799999999 THEN timestamp_micros(%s) END", w.fullMatch(a[0].sql, timestampText), us, us), nil
				}},
			{id: "timestamp_int", in: []*types.Type{types.IntType}, out: types.TimestampType,
				eval: func(a []ref.Val) ref.Val { return a[0].ConvertToType(types.TimestampType) },
				duckdb: func(w *writer, a []term) (string, error) {
					return fmt.Sprintf("CASE WHEN %s BETWEEN -62135596800 AND 253402300799 THEN make_timestamp(CAST(%s AS BIGINT) * 1000000) END", a[0].sql, a[0].sql), nil
				},
				spark: func(w *writer, a []term) (string, error) {
					return fmt.Sprintf("CASE WHEN %s BETWEEN -62135596800 AND 253402300799 THEN timestamp_seconds(CAST(%s AS BIGINT)) END", a[0].sql, a[0].sql), nil
				}},
			{id: "timestamp_date", in: []*types.Type{dateType}, out: types.TimestampType, total: true,
				eval:   func(a []ref.Val) ref.Val { return types.Timestamp{Time: a[0].(date).Time} },
				duckdb: castTo("TIMESTAMP"), spark: castTo("TIMESTAMP")},
		}},
	{name: "date", style: global,
		doc:      "The UTC day of a timestamp, or the date in a text such as 2026-01-31; an error for other text.",
		examples: []string{"date(timestamp('2026-01-31T23:59:59Z')) == date('2026-01-31')", "date('2026-02-28') < date('2026-03-01')", "date('2026-01-31') - date('2026-01-30') == duration('24h')"}, forms: []form{
			identity("date_date", dateType),
			{id: "date_timestamp", in: []*types.Type{types.TimestampType}, out: dateType, total: true,
				eval:   func(a []ref.Val) ref.Val { return dateOf(a[0].(types.Timestamp).Time) },
				duckdb: castTo("DATE"), spark: castTo("DATE")},
			{id: "date_string", in: []*types.Type{types.StringType}, out: dateType,
				check: func(literals []ref.Val) *wrong {
					if text, ok := literals[0].(types.String); ok {
						if _, err := time.Parse(time.DateOnly, string(text)); err != nil {
							return &wrong{0, fmt.Sprintf("%q is no date", string(text)), "write date('2026-01-31')"}
						}
					}
					return nil
				},
				eval: func(a []ref.Val) ref.Val {
					t, err := time.Parse(time.DateOnly, string(a[0].(types.String)))
					if err != nil || t.Year() < 1 {
						return types.NewErr("%q is no date", a[0].Value())
					}
					return dateOf(t)
				},
				duckdb: dateOfText, spark: dateOfText},
		}},
	{name: "duration", style: global,
		doc:      "The duration in a text such as 36h, 15m30s or 1.5s.",
		examples: []string{"duration('1h') == duration('60m')", "duration('-1s') < duration('0s')", "duration('1h30m') > duration('1h')"}, forms: []form{
			{id: "duration_string", in: []*types.Type{types.StringType}, out: types.DurationType,
				check: func(literals []ref.Val) *wrong {
					if text, ok := literals[0].(types.String); ok {
						d, isDuration := text.ConvertToType(types.DurationType).(types.Duration)
						if !isDuration {
							return &wrong{0, fmt.Sprintf("%q is no duration", string(text)), "write duration('36h') or duration('15m30s')"}
						}
						return microseconds(int(d.Duration % time.Second))
					}
					return nil
				},
				eval:   func(a []ref.Val) ref.Val { return a[0].ConvertToType(types.DurationType) },
				duckdb: durationOf, spark: durationOf},
		}},
	{name: operators.Add, style: operator, forms: []form{
		shift("add_timestamp_duration", []*types.Type{types.TimestampType, types.DurationType}, 0, "+"),
		shift("add_duration_timestamp", []*types.Type{types.DurationType, types.TimestampType}, 1, "+"),
		durations("add_duration_duration", "+", func(a, b types.Duration) ref.Val { return a.Add(b) }),
	}},
	{name: operators.Subtract, style: operator, forms: []form{
		shift("subtract_timestamp_duration", []*types.Type{types.TimestampType, types.DurationType}, 0, "-"),
		durations("subtract_duration_duration", "-", func(a, b types.Duration) ref.Val { return a.Subtract(b) }),
		{id: "subtract_timestamp_timestamp", in: []*types.Type{types.TimestampType, types.TimestampType}, out: types.DurationType,
			eval: func(a []ref.Val) ref.Val { return a[0].(types.Timestamp).Subtract(a[1]) },
			duckdb: func(w *writer, a []term) (string, error) {
				return bigint(fmt.Sprintf("CAST(epoch_us(%s) - epoch_us(%s) AS HUGEINT) * 1000", a[0].sql, a[1].sql)), nil
			},
			spark: func(w *writer, a []term) (string, error) {
				return fmt.Sprintf("try_multiply(unix_micros(%s) - unix_micros(%s), 1000L)", a[0].sql, a[1].sql), nil
			}},
		{id: "subtract_date_date", in: []*types.Type{dateType, dateType}, out: types.DurationType,
			eval: func(a []ref.Val) ref.Val {
				return types.Timestamp{Time: a[0].(date).Time}.Subtract(types.Timestamp{Time: a[1].(date).Time})
			},
			duckdb: func(w *writer, a []term) (string, error) {
				return bigint(fmt.Sprintf("CAST(%s - %s AS HUGEINT) * 86400000000000", a[0].sql, a[1].sql)), nil
			},
			spark: func(w *writer, a []term) (string, error) {
				return fmt.Sprintf("try_multiply(CAST(datediff(%s, %s) AS BIGINT), 86400000000000L)", a[0].sql, a[1].sql), nil
			}},
	}},
	getter("getFullYear", "The year of a time.", "2026", "2026", func(t time.Time) int { return t.Year() }, "year(%s)", true),
	getter("getMonth", "The month of a time from 0.", "0", "0", func(t time.Time) int { return int(t.Month()) - 1 }, "(month(%s) - 1)", true),
	getter("getDate", "The day of the month from 1.", "31", "31", func(t time.Time) int { return t.Day() }, "day(%s)", true),
	getter("getDayOfMonth", "The day of the month from 0.", "30", "30", func(t time.Time) int { return t.Day() - 1 }, "(day(%s) - 1)", true),
	getter("getDayOfWeek", "The day of the week from 0, Sunday.", "6", "6", func(t time.Time) int { return int(t.Weekday()) }, "dayofweek(%s)", true),
	getter("getDayOfYear", "The day of the year from 0.", "30", "30", func(t time.Time) int { return t.YearDay() - 1 }, "(dayofyear(%s) - 1)", true),
	getter("getHours", "The hour of a time.", "12", "14", func(t time.Time) int { return t.Hour() }, "hour(%s)", false),
	getter("getMinutes", "The minute of a time.", "30", "30", func(t time.Time) int { return t.Minute() }, "minute(%s)", false),
	getter("getSeconds", "The second of a time.", "15", "15", func(t time.Time) int { return t.Second() }, "second(%s)", false),
	getter("getMilliseconds", "The milliseconds of the second of a time.", "250", "250", func(t time.Time) int { return t.Nanosecond() / 1e6 }, "(millisecond(%s) %% 1000)", false),
}

func durationOf(w *writer, a []term) (string, error) {
	if d, ok := parsedLiteral(a[0], types.DurationType).(types.Duration); ok {
		return w.intLiteral(d.Nanoseconds()), nil
	}
	return "", w.unsupported("duration() of a text that is no constant")
}

// timestampText is RFC 3339 with the precision of tables.
const timestampText = `[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,6})?(?:Z|[+-](?:0[0-9]|1[0-4]):[0-5][0-9])`

var timestampPattern = whole(timestampText)

func dateOfText(w *writer, a []term) (string, error) {
	if text, ok := a[0].lit.(types.String); ok {
		if _, err := time.Parse(time.DateOnly, string(text)); err == nil {
			return "DATE '" + string(text) + "'", nil
		}
	}
	return fmt.Sprintf("CASE WHEN %s AND %s NOT LIKE '0000%%' THEN TRY_CAST(%s AS DATE) END", w.fullMatch(a[0].sql, "[0-9]{4}-[0-9]{2}-[0-9]{2}"), a[0].sql, a[0].sql), nil
}

// shift moves a timestamp by a duration; CEL's time ends with the year 9999.
func shift(id string, in []*types.Type, at int, op string) form {
	return form{id: id, in: in, out: types.TimestampType,
		eval: func(a []ref.Val) ref.Val {
			t, d := a[at].(types.Timestamp), a[1-at].(types.Duration)
			if op == "-" {
				return t.Subtract(d)
			}
			return t.Add(d)
		},
		duckdb: func(w *writer, a []term) (string, error) {
			us := fmt.Sprintf("(epoch_us(%s) %s %s // 1000)", a[at].sql, op, a[1-at].sql)
			return fmt.Sprintf("CASE WHEN %s BETWEEN -62135596800000000 AND 253402300799999999 THEN make_timestamp(%s) END", us, us), nil
		},
		spark: func(w *writer, a []term) (string, error) {
			us := fmt.Sprintf("(unix_micros(%s) %s %s DIV 1000)", a[at].sql, op, a[1-at].sql)
			return fmt.Sprintf("CASE WHEN %s BETWEEN -62135596800000000 AND 253402300799999999 THEN timestamp_micros(%s) END", us, us), nil
		}}
}

func durations(id, op string, eval func(a, b types.Duration) ref.Val) form {
	return form{id: id, in: []*types.Type{types.DurationType, types.DurationType}, out: types.DurationType,
		eval: func(a []ref.Val) ref.Val { return eval(a[0].(types.Duration), a[1].(types.Duration)) },
		duckdb: func(w *writer, a []term) (string, error) {
			return bigint(fmt.Sprintf("CAST(%s AS HUGEINT) %s %s", a[0].sql, op, a[1].sql)), nil
		},
		spark: sparkInts(op)}
}

// getter is a part of a time, UTC, by CEL's counting: months and days of the
// year begin at 0, getDate at 1, weeks at Sunday.
func getter(name, doc, utc, plus2 string, part func(t time.Time) int, duckdb string, dates bool) function {
	emit := func(w *writer, a []term) (string, error) { return fmt.Sprintf(duckdb, a[0].sql), nil }
	spark := func(w *writer, a []term) (string, error) {
		switch name {
		case "getDayOfWeek":
			return "CAST(dayofweek(" + a[0].sql + ") - 1 AS BIGINT)", nil
		case "getMilliseconds":
			return "(pmod(unix_micros(" + a[0].sql + "), 1000000L) DIV 1000)", nil
		}
		return "CAST(" + fmt.Sprintf(duckdb, a[0].sql) + " AS BIGINT)", nil
	}
	example := "timestamp('2026-01-31T12:30:15.25Z')." + name + "("
	f := function{name: name, style: member, doc: doc + " In UTC, or in a time zone such as 'Europe/Paris' or '+02:00'.",
		examples: []string{example + ") == " + utc, example + "'+02:00') == " + plus2, example + "'UTC') == " + utc}, forms: []form{{
			id: name + "_timestamp", in: []*types.Type{types.TimestampType}, out: types.IntType, total: true,
			eval:   func(a []ref.Val) ref.Val { return types.Int(part(a[0].(types.Timestamp).UTC())) },
			duckdb: emit, spark: spark}}}
	if dates {
		f.forms = append(f.forms, form{id: name + "_date", in: []*types.Type{dateType}, out: types.IntType, total: true,
			eval:   func(a []ref.Val) ref.Val { return types.Int(part(a[0].(date).Time)) },
			duckdb: emit, spark: spark})
	}
	return f
}

// microseconds refuses a constant that is finer than what tables hold.
func microseconds(ns int) *wrong {
	if ns%1000 != 0 {
		return &wrong{0, "times have microseconds; this is finer", ""}
	}
	return nil
}

func parsedLiteral(t term, to *types.Type) ref.Val {
	if t.lit == nil {
		return nil
	}
	return t.lit.ConvertToType(to)
}

func (w *writer) timestampLiteral(t time.Time) string {
	zone := ""
	if w.isSpark() {
		zone = "Z"
	}
	return "TIMESTAMP '" + t.UTC().Format("2006-01-02 15:04:05.999999") + zone + "'"
}
