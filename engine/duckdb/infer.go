package duckdb

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/dq-dev/dq/table"
)

// candidates are the types that a column of text can turn out to have, narrowest
// first. A value c has the type if it looks like one and can be cast; "" is any
// that looks like one. A number with leading zeros is a code, not a number. A time
// without a zone is UTC.
var candidates = []struct {
	kind        table.Kind
	looks, cast string
}{
	{table.Int64, `regexp_full_match(c, '-?(0|[1-9][0-9]*)')`, `TRY_CAST(c AS BIGINT) IS NOT NULL`},
	{table.Decimal, `regexp_full_match(c, '-?(0|[1-9][0-9]*)(\.[0-9]+)?')`, ""},
	{table.Double, `regexp_full_match(c, '-?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?|(?i:-?inf(inity)?|nan)')`, `TRY_CAST(c AS DOUBLE) IS NOT NULL`},
	{table.Bool, `lower(c) IN ('true', 'false')`, ""},
	{table.Date, `regexp_full_match(c, '[0-9]{4}-[0-9]{2}-[0-9]{2}')`, `TRY_CAST(c AS DATE) IS NOT NULL`},
	{table.Timestamp, `regexp_full_match(c, '[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}(:?[0-9]{2})?)?)?')`, `TRY_CAST(c AS TIMESTAMPTZ) IS NOT NULL`},
}

// sampleRows is how many rows are looked at first, to rule out types for which
// it would be a waste to look at all.
const sampleRows = 1000

// infer finds the narrowest type of each column that every value fits: two scans,
// of a few rows and of all. A column without values is text.
func (s *session) infer(ctx context.Context, t *text, texts []string, doing string) (table.Schema, error) {
	possible := make([][]int, len(t.stored.Fields))
	for c := range possible {
		if slices.Contains(texts, t.stored.Fields[c].Name) {
			continue
		}
		for k := range candidates {
			possible[c] = append(possible[c], k)
		}
	}
	var sizes [][2]int64
	var err error
	for _, where := range []string{fmt.Sprintf(" WHERE t.rowid < %d", sampleRows), ""} {
		if possible, sizes, err = s.survivors(ctx, t, possible, where, doing); err != nil {
			return table.Schema{}, err
		}
	}
	schema := table.Schema{Fields: append([]table.Field{}, t.stored.Fields...)}
	for c := range schema.Fields {
		for _, k := range possible[c] {
			kind := candidates[k].kind
			typ := table.Type{Kind: kind}
			if kind == table.Decimal {
				whole, scale := sizes[c][0], sizes[c][1]
				if whole+scale > 38 {
					continue
				}
				typ.Precision, typ.Scale = int(whole+scale), int(scale)
			}
			schema.Fields[c].Type = typ
			break
		}
	}
	return schema, nil
}

// survivors asks which of the possible types hold for the rows of where, and how
// many digits the columns that may be decimals have before and after the point.
// Only looks count where there is a where: to plan the casts of all types takes
// longer than to try them on a few rows.
func (s *session) survivors(ctx context.Context, t *text, possible [][]int, where, doing string) ([][]int, [][2]int64, error) {
	var items []string
	full := where == ""
	for c := range possible {
		column := fmt.Sprintf("t.c%d", c)
		items = append(items, "count("+column+")")
		for _, k := range possible[c] {
			holds := candidates[k].looks
			if full && candidates[k].cast != "" {
				holds += " AND " + candidates[k].cast
			}
			holds = strings.ReplaceAll(holds, "(c", "("+column)
			// No FILTER: DuckDB gives each a copy of all that the query computes.
			items = append(items, "coalesce(bool_and("+column+" IS NULL OR "+holds+"), true)")
			if full && candidates[k].kind == table.Decimal {
				items = append(items,
					"coalesce(max(length(split_part(ltrim("+column+", '-'), '.', 1))), 0)",
					"coalesce(max(length(split_part("+column+", '.', 2))), 0)")
			}
		}
	}
	rows, err := s.ask(ctx, "SELECT "+strings.Join(items, ", ")+" FROM "+t.rows+" t"+where, doing)
	if err != nil {
		return nil, nil, err
	}
	values := rows.Values[0]
	next := func() any {
		v := values[0]
		values = values[1:]
		return v
	}
	left, sizes := make([][]int, len(possible)), make([][2]int64, len(possible))
	for c := range possible {
		some := next().(int64) > 0
		for _, k := range possible[c] {
			holds := next().(bool)
			if full && candidates[k].kind == table.Decimal {
				sizes[c] = [2]int64{next().(int64), next().(int64)}
			}
			if holds && (some || !full) {
				left[c] = append(left[c], k)
			}
		}
	}
	return left, sizes, nil
}
