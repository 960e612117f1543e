package duckdb

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"strings"
	"time"

	driver "github.com/duckdb/duckdb-go/v2"

	"github.com/dq-dev/dq/engine"
)

// value turns what the driver returns into the kinds of [engine.Rows]. What info says
// of texts parsed as JSON, of times of day and of UUIDs is lost where it is nil.
func value(v any, info driver.TypeInfo) any {
	if v == nil {
		return nil
	}
	if info != nil && info.Alias() == "JSON" { // the driver has parsed it
		if b, err := json.Marshal(v); err == nil {
			return string(b)
		}
	}
	switch v := v.(type) {
	case bool, int64, float64, string:
		return v
	case int8:
		return int64(v)
	case int16:
		return int64(v)
	case int32:
		return int64(v)
	case uint8:
		return int64(v)
	case uint16:
		return int64(v)
	case uint32:
		return int64(v)
	case uint64:
		if v <= math.MaxInt64 {
			return int64(v)
		}
		return engine.Decimal(fmt.Sprint(v))
	case *big.Int:
		if v.IsInt64() {
			return v.Int64()
		}
		return engine.Decimal(v.String())
	case float32:
		return float64(v)
	case driver.Decimal:
		return engine.Decimal(digits(v.Value, int(v.Scale)))
	case driver.Interval:
		return fmt.Sprintf("%d months %d days %d microseconds", v.Months, v.Days, v.Micros)
	case time.Time:
		if info != nil && (info.InternalType() == driver.TYPE_TIME || info.InternalType() == driver.TYPE_TIME_TZ) {
			return v.Format("15:04:05.999999")
		}
		return v.UTC()
	case []byte:
		if info != nil && info.InternalType() == driver.TYPE_UUID && len(v) == 16 {
			return fmt.Sprintf("%x-%x-%x-%x-%x", v[:4], v[4:6], v[6:8], v[8:10], v[10:])
		}
		return v
	case []any:
		var child driver.TypeInfo
		switch d := details(info).(type) {
		case *driver.ListDetails:
			child = d.Child
		case *driver.ArrayDetails:
			child = d.Child
		}
		out := make([]any, len(v))
		for i := range v {
			out[i] = value(v[i], child)
		}
		return out
	case map[string]any:
		infos := map[string]driver.TypeInfo{}
		if d, ok := details(info).(*driver.StructDetails); ok {
			for _, e := range d.Entries {
				infos[e.Name()] = e.Info()
			}
		}
		out := make(map[string]any, len(v))
		for name, field := range v {
			out[name] = value(field, infos[name])
		}
		return out
	case driver.OrderedMap:
		out := make(map[string]any, v.Len())
		of, ok := details(info).(*driver.MapDetails)
		if !ok {
			of = &driver.MapDetails{}
		}
		keys, values := v.Keys(), v.Values()
		for i := range keys {
			out[fmt.Sprint(value(keys[i], of.Key))] = value(values[i], of.Value)
		}
		return out
	}
	return fmt.Sprint(v)
}

func details(info driver.TypeInfo) driver.TypeDetails {
	if info == nil {
		return nil
	}
	return info.Details()
}

// digits writes an unscaled integer as a decimal: -12 with scale 3 is -0.012.
func digits(unscaled *big.Int, scale int) string {
	text := new(big.Int).Abs(unscaled).String()
	if scale > 0 {
		if len(text) <= scale {
			text = strings.Repeat("0", scale-len(text)+1) + text
		}
		text = text[:len(text)-scale] + "." + text[len(text)-scale:]
	}
	if unscaled.Sign() < 0 {
		text = "-" + text
	}
	return text
}
