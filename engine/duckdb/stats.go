package duckdb

import (
	"slices"
	"strconv"
	"strings"
	"time"

	driver "github.com/duckdb/duckdb-go/v2"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/table"
)

// maxExactText is below the length at which DuckDB cuts the minimum and maximum
// of a text, which are then bounds and no longer values.
const maxExactText = 200

// fileStats turns what COPY says of a file's columns into statistics. Leaves
// below lists and maps have none, nor do types whose order is not agreed on
// (binary); infinite numbers and times that have no canonical text leave out the bound.
func fileStats(req engine.StageRequest, w written) *table.Stats {
	stats := &table.Stats{Rows: w.rows}
	byPath := map[string]driver.OrderedMap{}
	keys, values := w.stats.Keys(), w.stats.Values()
	for i := range keys {
		name, _ := keys[i].(string)
		byPath[name], _ = values[i].(driver.OrderedMap)
	}
	var leaves func(fields []table.Field, above, stored []string)
	leaves = func(fields []table.Field, above, stored []string) {
		for _, f := range fields {
			at, in := append(slices.Clone(above), f.Name), append(slices.Clone(stored), physical(f))
			switch f.Type.Kind {
			case table.Struct:
				leaves(f.Type.Fields, at, in)
			case table.Array, table.Map:
			default:
				if of, ok := byPath[quotedPath(in)]; ok {
					stats.Columns = append(stats.Columns, columnStats(at, f.Type, of))
				}
			}
		}
	}
	leaves(req.Schema.Fields, nil, nil)
	return stats
}

// quotedPath is a leaf as COPY names it: "st"."a".
func quotedPath(path []string) string {
	quoted := make([]string, len(path))
	for i, p := range path {
		quoted[i] = ident(p)
	}
	return strings.Join(quoted, ".")
}

func columnStats(path []string, t table.Type, of driver.OrderedMap) table.ColumnStats {
	c := table.ColumnStats{Path: path}
	get := func(name string) (string, bool) {
		v, _ := of.Get(name)
		text, ok := v.(string)
		return text, ok
	}
	if text, ok := get("null_count"); ok {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			c.Nulls = &n
		}
	}
	nan, known := get("has_nan")
	c.NaN = nan == "true"
	if (t.Kind == table.Float || t.Kind == table.Double) && !known {
		return c // bounds that may be those of everything but a NaN, without saying so
	}
	for name, to := range map[string]**string{"min": &c.Min, "max": &c.Max} {
		if text, ok := get(name); ok {
			if text, ok = canonical(text, t); ok {
				*to = &text
			}
		}
	}
	return c
}

// canonical turns DuckDB's text of a value into that of [table.ColumnStats].
func canonical(text string, t table.Type) (string, bool) {
	switch t.Kind {
	case table.String:
		return text, len(text) < maxExactText
	case table.Bool:
		switch text {
		case "0", "false":
			return "false", true
		case "1", "true":
			return "true", true
		}
		return "", false
	case table.Float, table.Double:
		return text, !strings.Contains(text, "inf") && !strings.Contains(text, "nan")
	case table.Date:
		_, err := time.Parse("2006-01-02", text)
		return text, err == nil
	case table.Timestamp, table.TimestampNTZ:
		text = strings.TrimSuffix(text, "+00")
		at, err := time.Parse("2006-01-02 15:04:05.999999", text)
		if err != nil {
			return "", false
		}
		text = at.Format("2006-01-02T15:04:05.999999")
		if t.Kind == table.Timestamp {
			text += "Z"
		}
		return text, true
	case table.Binary:
		return "", false
	}
	return text, true
}
