package cel

import (
	"fmt"
	"regexp"
	"strconv"
	"time"
	_ "time/tzdata" // so that zones are the same on every machine

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// Parts of times in a time zone. SQL has them for fixed offsets; engines know
// other rules for named zones than Go does (for years long ago, and when rules
// change), so those go to the reference.
var zoneFunctions = zoneGetters()

func zoneGetters() []function {
	var functions []function
	for _, family := range [][]function{timeFunctions} {
		for _, f := range family {
			if f.style != member {
				continue
			}
			utc := f.forms[0]
			functions = append(functions, function{name: f.name, style: member, forms: []form{{
				id: f.name + "_zone", in: []*types.Type{types.TimestampType, types.StringType}, out: types.IntType,
				check: func(literals []ref.Val) *wrong {
					if name, ok := literals[1].(types.String); ok {
						if _, err := zone(string(name)); err != nil {
							return &wrong{1, err.Error(), "write a name such as 'Europe/Paris', or an offset such as '+02:00'"}
						}
					}
					return nil
				},
				eval: func(a []ref.Val) ref.Val {
					z, err := zone(string(a[1].(types.String)))
					if err != nil {
						return types.WrapErr(err)
					}
					_, offset := a[0].(types.Timestamp).In(z).Zone()
					return utc.eval([]ref.Val{types.Timestamp{Time: a[0].(types.Timestamp).UTC().Add(time.Duration(offset) * time.Second)}})
				},
				duckdb: inZone(func(w *writer, us string) string { return "make_timestamp(" + us + ")" }, "epoch_us(%s) + %d", utc.duckdb),
				spark:  inZone(func(w *writer, us string) string { return "timestamp_micros(" + us + ")" }, "unix_micros(%s) + %dL", utc.spark),
			}}})
		}
	}
	return functions
}

func inZone(shifted func(w *writer, us string) string, sum string, utc emitFunc) emitFunc {
	if utc == nil {
		return nil
	}
	return func(w *writer, a []term) (string, error) {
		name, ok := a[1].lit.(types.String)
		if !ok {
			return "", w.unsupported("a time zone that is no constant")
		}
		offset, ok := fixedOffset(string(name))
		if !ok {
			return "", w.unsupported("the time zone %s", string(name))
		}
		t := a[0]
		t.sql = shifted(w, fmt.Sprintf(sum, t.sql, offset.Microseconds()))
		return utc(w, []term{t})
	}
}

var offsetPattern = regexp.MustCompile(`^([+-]?)([01][0-9]|2[0-3]):([0-5][0-9])$`)

// fixedOffset reads an offset such as -05:30, or UTC.
func fixedOffset(name string) (time.Duration, bool) {
	if name == "UTC" {
		return 0, true
	}
	m := offsetPattern.FindStringSubmatch(name)
	if m == nil {
		return 0, false
	}
	hours, _ := strconv.Atoi(m[2])
	minutes, _ := strconv.Atoi(m[3])
	d := time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute
	if m[1] == "-" {
		d = -d
	}
	return d, true
}

// zone is a location by its IANA name, or of an offset.
func zone(name string) (*time.Location, error) {
	if d, ok := fixedOffset(name); ok {
		return time.FixedZone(name, int(d/time.Second)), nil
	}
	if name == "" || name == "Local" {
		return nil, fmt.Errorf("%q is no time zone", name)
	}
	z, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("%q is no time zone", name)
	}
	return z, nil
}
