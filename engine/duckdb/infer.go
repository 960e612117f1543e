package duckdb

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/dq-dev/dq/table"
)

// candidates are the types that a column of text can turn out to have, narrowest
// first. A value {c} has the type if it looks like one and can be cast; "" is any
// that looks like one. A number with leading zeros is a code, not a number. A time
// without a zone is UTC.
var candidates = []struct {
	kind        table.Kind
	looks, cast string
	exact       string // both in one that costs less
}{
	{table.Int64, `regexp_full_match({c}, '-?(0|[1-9][0-9]*)')`, `TRY_CAST({c} AS BIGINT) IS NOT NULL`, `(CAST(TRY_CAST({c} AS BIGINT) AS VARCHAR) IS NOT DISTINCT FROM {c} OR {c} = '-0')`},
	{table.Decimal, `regexp_full_match({c}, '-?(0|[1-9][0-9]*)(\.[0-9]+)?')`, "", ""},
	{table.Double, `regexp_full_match({c}, '-?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?|(?i:-?inf(inity)?|nan)')`, `TRY_CAST({c} AS DOUBLE) IS NOT NULL`, ""},
	{table.Bool, `lower({c}) IN ('true', 'false')`, "", ""},
	{table.Date, `regexp_full_match({c}, '[0-9]{4}-[0-9]{2}-[0-9]{2}')`, `TRY_CAST({c} AS DATE) IS NOT NULL`, ""},
	{table.Timestamp, `regexp_full_match({c}, '[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}(:?[0-9]{2})?)?)?')`, `TRY_CAST({c} AS TIMESTAMPTZ) IS NOT NULL`, ""},
}

// sampleRows is how many rows are looked at first, to rule out types for which
// it would be a waste to look at all.
const sampleRows = 1000

// infer finds the narrowest type of each column that every value fits: a scan of a
// few rows for all types, and one of all rows for the narrowest that is left; what
// does not hold is asked again for the next type. A column without values is text.
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
	possible, err := s.likely(ctx, t, possible, doing)
	if err != nil {
		return table.Schema{}, err
	}
	schema := table.Schema{Fields: append([]table.Field{}, t.stored.Fields...)}
	for slices.ContainsFunc(possible, func(left []int) bool { return len(left) > 0 }) {
		found, err := s.narrowest(ctx, t, possible, doing)
		if err != nil {
			return table.Schema{}, err
		}
		for c, typ := range found {
			if len(possible[c]) > 0 {
				possible[c] = possible[c][1:]
			}
			if typ != nil {
				schema.Fields[c].Type, possible[c] = *typ, nil
			}
		}
	}
	return schema, nil
}

// likely asks which of the possible types the values of a few rows look like. To
// plan the casts, too, takes longer than to try them on a few rows.
func (s *session) likely(ctx context.Context, t *text, possible [][]int, doing string) ([][]int, error) {
	var items []string
	for c := range possible {
		for _, k := range possible[c] {
			items = append(items, everyValue(c, candidates[k].looks))
		}
	}
	left := make([][]int, len(possible))
	if len(items) == 0 {
		return left, nil
	}
	rows, err := s.ask(ctx, fmt.Sprintf("SELECT %s FROM %s t WHERE t.rowid < %d", strings.Join(items, ", "), t.rows, sampleRows), doing)
	if err != nil {
		return nil, err
	}
	values := rows.Values[0]
	for c := range possible {
		for _, k := range possible[c] {
			if values[0].(bool) {
				left[c] = append(left[c], k)
			}
			values = values[1:]
		}
	}
	return left, nil
}

// narrowest gives the type of each column that all values fit, if it is the first of
// the possible ones, and Void, which is none, of a column without values.
func (s *session) narrowest(ctx context.Context, t *text, possible [][]int, doing string) (map[int]*table.Type, error) {
	var items []string
	for c := range possible {
		if len(possible[c]) == 0 {
			continue
		}
		k := candidates[possible[c][0]]
		holds := k.looks
		if k.cast != "" {
			holds += " AND " + k.cast
		}
		if k.exact != "" {
			holds = k.exact
		}
		column := fmt.Sprintf("t.c%d", c)
		whole, scale := "NULL", "NULL"
		if k.kind == table.Decimal {
			whole = "coalesce(max(length(split_part(ltrim(" + column + ", '-'), '.', 1))), 0)"
			scale = "coalesce(max(length(split_part(" + column + ", '.', 2))), 0)"
		}
		items = append(items, "count("+column+")", everyValue(c, holds), whole, scale)
	}
	rows, err := s.ask(ctx, "SELECT "+strings.Join(items, ", ")+" FROM "+t.rows+" t", doing)
	if err != nil {
		return nil, err
	}
	found := map[int]*table.Type{}
	values := rows.Values[0]
	for c := range possible {
		if len(possible[c]) == 0 {
			continue
		}
		some, holds, whole, scale := values[0].(int64) > 0, values[1].(bool), values[2], values[3]
		values = values[4:]
		typ := table.Type{Kind: candidates[possible[c][0]].kind}
		if !some {
			typ = t.stored.Fields[c].Type
		}
		if some && typ.Kind == table.Decimal {
			typ.Precision, typ.Scale = int(whole.(int64)+scale.(int64)), int(scale.(int64))
			holds = holds && typ.Precision <= 38
		}
		if found[c] = nil; holds || !some {
			found[c] = &typ
		}
	}
	return found, nil
}

// everyValue is whether a condition on a text {c} holds for all values of a column.
func everyValue(c int, condition string) string {
	column := fmt.Sprintf("t.c%d", c)
	// No FILTER: DuckDB gives each a copy of all that the query computes.
	return "coalesce(bool_and(" + column + " IS NULL OR " + strings.ReplaceAll(condition, "{c}", column) + "), true)"
}
