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
	{name: "timestamp", style: global, forms: []form{
		identity("timestamp_timestamp", types.TimestampType),
		{id: "timestamp_string", in: []*types.Type{types.StringType}, out: types.TimestampType,
			check: func(literals []ref.Val) *wrong {
				if text, ok := literals[0].(types.String); ok {
					t, isTime := text.ConvertToType(types.TimestampType).(types.Timestamp)
					if !isTime {
						return &wrong{0, fmt.Sprintf("%q is no timestamp", string(text)), "write timestamp('2026-01-31T12:00:00Z'), with a zone"}
					}
					return microseconds(t.Nanosecond())
				}
				return nil
			},
			eval: func(a []ref.Val) ref.Val { return a[0].ConvertToType(types.TimestampType) },
			duckdb: func(w *writer, a []term) (string, error) {
				if t, ok := parsedLiteral(a[0], types.TimestampType).(types.Timestamp); ok {
					return timestampLiteral(t.Time), nil
				}
				return "", w.unsupported("timestamp() of a text that is no constant")
			}},
		{id: "timestamp_int", in: []*types.Type{types.IntType}, out: types.TimestampType,
			eval: func(a []ref.Val) ref.Val { return a[0].ConvertToType(types.TimestampType) },
			duckdb: func(w *writer, a []term) (string, error) {
				return fmt.Sprintf("CASE WHEN %s BETWEEN -62135596800 AND 253402300799 THEN make_timestamp(CAST(%s AS BIGINT) * 1000000) END", a[0].sql, a[0].sql), nil
			}},
		{id: "timestamp_date", in: []*types.Type{dateType}, out: types.TimestampType, total: true,
			eval:   func(a []ref.Val) ref.Val { return types.Timestamp{Time: a[0].(date).Time} },
			duckdb: castTo("TIMESTAMP")},
	}},
	{name: "date", style: global, forms: []form{
		identity("date_date", dateType),
		{id: "date_timestamp", in: []*types.Type{types.TimestampType}, out: dateType, total: true,
			eval:   func(a []ref.Val) ref.Val { return dateOf(a[0].(types.Timestamp).Time) },
			duckdb: castTo("DATE")},
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
				if err != nil {
					return types.WrapErr(err)
				}
				return dateOf(t)
			},
			duckdb: func(w *writer, a []term) (string, error) {
				text, ok := a[0].lit.(types.String)
				if !ok {
					return "", w.unsupported("date() of a text that is no constant")
				}
				return "DATE '" + string(text) + "'", nil
			}},
	}},
	{name: "duration", style: global, forms: []form{
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
			eval: func(a []ref.Val) ref.Val { return a[0].ConvertToType(types.DurationType) },
			duckdb: func(w *writer, a []term) (string, error) {
				if d, ok := parsedLiteral(a[0], types.DurationType).(types.Duration); ok {
					return intLiteral(d.Nanoseconds()), nil
				}
				return "", w.unsupported("duration() of a text that is no constant")
			}},
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
			}},
		{id: "subtract_date_date", in: []*types.Type{dateType, dateType}, out: types.DurationType,
			eval: func(a []ref.Val) ref.Val {
				return types.Timestamp{Time: a[0].(date).Time}.Subtract(types.Timestamp{Time: a[1].(date).Time})
			},
			duckdb: func(w *writer, a []term) (string, error) {
				return bigint(fmt.Sprintf("CAST(%s - %s AS HUGEINT) * 86400000000000", a[0].sql, a[1].sql)), nil
			}},
	}},
	getter("getFullYear", func(t time.Time) int { return t.Year() }, "year(%s)", true),
	getter("getMonth", func(t time.Time) int { return int(t.Month()) - 1 }, "(month(%s) - 1)", true),
	getter("getDate", func(t time.Time) int { return t.Day() }, "day(%s)", true),
	getter("getDayOfMonth", func(t time.Time) int { return t.Day() - 1 }, "(day(%s) - 1)", true),
	getter("getDayOfWeek", func(t time.Time) int { return int(t.Weekday()) }, "dayofweek(%s)", true),
	getter("getDayOfYear", func(t time.Time) int { return t.YearDay() - 1 }, "(dayofyear(%s) - 1)", true),
	getter("getHours", func(t time.Time) int { return t.Hour() }, "hour(%s)", false),
	getter("getMinutes", func(t time.Time) int { return t.Minute() }, "minute(%s)", false),
	getter("getSeconds", func(t time.Time) int { return t.Second() }, "second(%s)", false),
	getter("getMilliseconds", func(t time.Time) int { return t.Nanosecond() / 1e6 }, "(millisecond(%s) %% 1000)", false),
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
		}}
}

func durations(id, op string, eval func(a, b types.Duration) ref.Val) form {
	return form{id: id, in: []*types.Type{types.DurationType, types.DurationType}, out: types.DurationType,
		eval: func(a []ref.Val) ref.Val { return eval(a[0].(types.Duration), a[1].(types.Duration)) },
		duckdb: func(w *writer, a []term) (string, error) {
			return bigint(fmt.Sprintf("CAST(%s AS HUGEINT) %s %s", a[0].sql, op, a[1].sql)), nil
		}}
}

// getter is a part of a time, UTC, by CEL's counting: months and days of the
// year begin at 0, getDate at 1, weeks at Sunday.
func getter(name string, part func(t time.Time) int, duckdb string, dates bool) function {
	emit := func(w *writer, a []term) (string, error) { return fmt.Sprintf(duckdb, a[0].sql), nil }
	f := function{name: name, style: member, forms: []form{{
		id: name + "_timestamp", in: []*types.Type{types.TimestampType}, out: types.IntType, total: true,
		eval:   func(a []ref.Val) ref.Val { return types.Int(part(a[0].(types.Timestamp).UTC())) },
		duckdb: emit}}}
	if dates {
		f.forms = append(f.forms, form{id: name + "_date", in: []*types.Type{dateType}, out: types.IntType, total: true,
			eval:   func(a []ref.Val) ref.Val { return types.Int(part(a[0].(date).Time)) },
			duckdb: emit})
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

func timestampLiteral(t time.Time) string {
	return "TIMESTAMP '" + t.UTC().Format("2006-01-02 15:04:05.999999") + "'"
}
