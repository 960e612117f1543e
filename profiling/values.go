package profiling

import (
	"encoding/hex"
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/table"
)

// integer reads a count; engines give sums of counts as int64 or as decimals.
func integer(v any) int64 {
	switch v := v.(type) {
	case int64:
		return v
	case engine.Decimal:
		n, _ := strconv.ParseInt(string(v), 10, 64)
		return n
	}
	return 0
}

// integerOrNil is nil when there was nothing to take the aggregate of.
func integerOrNil(v any) *int64 {
	if v == nil {
		return nil
	}
	n := integer(v)
	return &n
}

// double reads a number and whether there is one.
func double(v any) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, !math.IsNaN(v) && !math.IsInf(v, 0)
	case int64:
		return float64(v), true
	case engine.Decimal:
		f, err := strconv.ParseFloat(string(v), 64)
		return f, err == nil
	}
	return 0, false
}

// position is where a value lies on a scale: numbers as they are, times in
// seconds since 1970; 0 for what has none.
func position(v any) float64 {
	if t, ok := v.(time.Time); ok {
		return float64(t.UnixMicro()) / 1e6
	}
	f, _ := double(v)
	return f
}

// doubles reads a list of numbers; nil when one is missing.
func doubles(v any) []float64 {
	list, _ := v.([]any)
	out := make([]float64, 0, len(list))
	for _, v := range list {
		f, ok := double(v)
		if !ok {
			return nil
		}
		out = append(out, round12(f))
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// round12 rounds to 12 significant digits: the order in which an engine adds
// doubles differs from run to run, and shows in the digits behind.
func round12(f float64) float64 {
	r, err := strconv.ParseFloat(strconv.FormatFloat(f, 'e', 11, 64), 64)
	if err != nil {
		return f // the largest doubles round to infinity
	}
	return r
}

// shown is a value as it stands in a profile.
func shown(v any, t table.Type) any {
	switch v := v.(type) {
	case float64:
		if t.Kind == table.Float {
			// The shortest text of a float is 0.1 where its double's is 0.10000000149.
			v, _ = strconv.ParseFloat(strconv.FormatFloat(v, 'g', -1, 32), 64)
		}
		return round12(v)
	case engine.Decimal:
		return string(v)
	case string:
		return cut(v)
	case []byte:
		return cut(hex.EncodeToString(v))
	case time.Time:
		switch t.Kind {
		case table.Date:
			return v.UTC().Format(time.DateOnly)
		case table.TimestampNTZ:
			return v.UTC().Format("2006-01-02T15:04:05.999999")
		}
		return v.UTC().Format("2006-01-02T15:04:05.999999Z")
	}
	return v
}

// cut shortens a long text.
func cut(s string) string {
	if utf8.RuneCountInString(s) <= maxText {
		return s
	}
	return string([]rune(s)[:maxText-1]) + "…"
}
