package profiling

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/dq-dev/dq/engine"
)

// spelling is the SQL of one dialect, where dialects differ. Each function
// takes and gives SQL expressions.
type spelling struct {
	engine.Dialect

	distinct        func(x string) string // how many different values, null not counted
	approxDistinct  func(x string) string
	approxQuantiles func(x string, at []float64) string // of doubles, as a list
	isNaN, isInf    func(x string) string
	finite          func(x string) string // x, null when it is NaN or infinite
	within          func(x string, limit float64) string
	double          func(x string) string
	bigint          func(x string) string
	seconds         func(x string) string // of a date or timestamp: since 1970, as a double
	text            func(x string) string
	length          func(x string) string // code points
	untrimmed       func(x string) string // whether a space is at either end
	fold            func(x string) string // in lower case and trimmed
	// bin is the number of the bin from 0, null when x is. High itself is in bin number bins.
	bin              func(x string, low, high float64, bins int) string
	hash             func(columns []string) string // 64 bits of some values together
	unnest           func(x string) string         // each element of a list as a row
	mapSize, mapKeys func(x string) string         // of a map: its number of keys, and they as a list
	mapValues        func(x string) string         // as a list
	present          func(x string) string         // 1, null when x is
	member           func(x, name string) string   // of a struct
	// unpivot is a SELECT of a row for each cell of each row: its number k, its text v and its number x.
	unpivot func(from string, cells []tallied) string
}

// spellingOf returns the spelling of a dialect that is known.
func spellingOf(d engine.Dialect) (spelling, error) {
	if d.Name() == "duckdb" {
		return duckdb(d), nil
	}
	return spelling{}, fmt.Errorf("profiling has no SQL for the dialect %q; it has for duckdb", d.Name())
}

func duckdb(d engine.Dialect) spelling {
	call := func(format string) func(string) string {
		return func(x string) string { return strings.ReplaceAll(format, "?", x) }
	}
	return spelling{
		Dialect:        d,
		distinct:       call("count(DISTINCT ?)"),
		approxDistinct: call("approx_count_distinct(?)"),
		approxQuantiles: func(x string, at []float64) string {
			parts := make([]string, len(at))
			for i, f := range at {
				parts[i] = strconv.FormatFloat(f, 'g', -1, 64)
			}
			return fmt.Sprintf("approx_quantile(%s, [%s])", x, strings.Join(parts, ", "))
		},
		isNaN:  call("isnan(?)"),
		isInf:  call("isinf(?)"),
		finite: call("CASE WHEN isfinite(?) THEN ? END"),
		within: func(x string, limit float64) string {
			return fmt.Sprintf("CASE WHEN abs(%s) < %s THEN %s END", x, literal(limit), x)
		},
		double:    call("CAST(? AS DOUBLE)"),
		bigint:    call("CAST(? AS BIGINT)"),
		seconds:   call("epoch(?)"),
		text:      call("CAST(? AS VARCHAR)"),
		length:    call("length(?)"),
		untrimmed: call("(? LIKE ' %' OR ? LIKE '% ')"),
		fold:      call("lower(trim(?))"),
		bin: func(x string, low, high float64, bins int) string {
			// The division comes last, so that the edges fall where they should.
			return fmt.Sprintf("CAST(floor((%s - %s) * %d / %s) AS INTEGER)", x, literal(low), bins, literal(high-low))
		},
		hash:      func(columns []string) string { return "hash(" + strings.Join(columns, ", ") + ")" },
		unnest:    call("unnest(?)"),
		mapSize:   call("CAST(cardinality(?) AS BIGINT)"),
		mapKeys:   call("map_keys(?)"),
		mapValues: call("map_values(?)"),
		present:   call("CASE WHEN ? IS NOT NULL THEN 1 END"),
		member:    func(x, name string) string { return "struct_extract(" + x + ", " + d.Literal(name) + ")" },
		unpivot: func(from string, cells []tallied) string {
			var k, v, x []string
			for i, c := range cells {
				k, v, x = append(k, strconv.Itoa(i)), append(v, c.text), append(x, c.number)
			}
			list := func(parts []string) string { return "unnest([" + strings.Join(parts, ",\n    ") + "])" }
			return fmt.Sprintf("SELECT unnest([%s]) AS k,\n  %s AS v,\n  %s AS x\nFROM %s", strings.Join(k, ", "), list(v), list(x), from)
		},
	}
}

// literal spells a double so that it is read as one, and not as a decimal.
func literal(f float64) string { return "(" + strconv.FormatFloat(f, 'e', -1, 64) + ")" }
