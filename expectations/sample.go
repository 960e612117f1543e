package expectations

import (
	"context"
	"encoding/base64"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/table"
)

// redacted stands in samples for a value of a column that is tagged personal.
const redacted = "[redacted]"

// samples fetches a few bad rows for each rule that has some.
func (a *auditor) samples(ctx context.Context) error {
	if a.target.Samples <= 0 {
		return nil
	}
	for _, r := range a.plan.rules {
		t := a.tallies[r]
		for _, place := range t.places {
			if len(t.sample) >= a.target.Samples || t.problem != "" {
				break
			}
			sql, err := r.sampleSQL(a, place, a.target.Samples-len(t.sample))
			if err != nil {
				return err // the same SQL was said for the counts
			}
			rows, err := a.session.Query(ctx, sql)
			if err != nil {
				if cancelled(ctx, err) {
					return err
				}
				continue // the counts stand without a sample
			}
			for _, values := range rows.Values {
				t.sample = append(t.sample, a.plan.sampleRow(rows.Schema.Names(), values))
			}
		}
	}
	return nil
}

// sampleSQL selects bad rows in a stable order: of the files, or of the values.
func (r *rule) sampleSQL(a *auditor, place samplePlace, limit int) (string, error) {
	d, name := a.dialect, a.dialect.Relation(place.relation)
	var columns, order []string
	for _, f := range a.plan.schema.Fields {
		columns = append(columns, d.Ident(f.Name))
	}
	if place.files {
		order = []string{d.Ident(engine.FileColumn), d.Ident(engine.LineColumn)}
		columns = append(columns, order...)
	} else {
		for _, key := range r.columns {
			if f, ok := a.plan.schema.Field(key); ok && sortable(f.Type) {
				order = append(order, d.Ident(key))
			}
		}
		for _, f := range a.plan.schema.Fields {
			if sortable(f.Type) && !slices.Contains(r.columns, f.Name) {
				order = append(order, d.Ident(f.Name))
			}
		}
	}
	bad := ""
	if lines := a.tallies[r].lines; len(lines) > 0 {
		var places []string
		for _, l := range lines {
			if l.relation == place.relation {
				places = append(places, fmt.Sprintf("%s = %s AND %s = %d", order[0], d.Literal(l.file), order[1], l.line))
			}
		}
		bad = "(" + strings.Join(append(places, "false"), ") OR (") + ")"
	} else if r.row != nil {
		state, err := r.state(d, a.facts())
		if err != nil {
			return "", err
		}
		bad = fmt.Sprintf("(%s) IN (%d, %d)", state, stateFailed, stateErrored)
	} else {
		keys, scope, err := r.group(d, a.facts())
		if err != nil {
			return "", err
		}
		bad = fmt.Sprintf("(%s) AND (%s) IN (SELECT %s FROM %s WHERE %s GROUP BY %s HAVING count(*) > 1 ORDER BY %s LIMIT %d)",
			scope, keys, keys, name, scope, keys, keys, limit)
	}
	sql := fmt.Sprintf("SELECT %s FROM %s WHERE %s", strings.Join(columns, ", "), name, bad)
	if len(order) > 0 {
		sql += " ORDER BY " + strings.Join(order, ", ")
	}
	return fmt.Sprintf("%s LIMIT %d", sql, limit), nil
}

func sortable(t table.Type) bool {
	return t.Kind != table.Map && t.Kind != table.Struct && t.Kind != table.Array
}

// sampleRow makes a row fit for JSON, and hides what is personal.
func (p *Plan) sampleRow(names []string, values []any) map[string]any {
	row := map[string]any{}
	for i, name := range names {
		v := plain(values[i])
		if f, ok := p.schema.Field(name); ok && f.Type.Kind == table.Date {
			if t, ok := values[i].(time.Time); ok {
				v = t.Format(time.DateOnly)
			}
		}
		if c, ok := p.suite.Column(name); ok && c.Personal() && v != nil {
			v = redacted
		}
		row[name] = v
	}
	return row
}

// personal reports whether the rule reads a column that is tagged personal.
func (p *Plan) personal(r *rule) bool {
	return slices.ContainsFunc(r.columns, func(name string) bool {
		c, ok := p.suite.Column(name)
		return ok && c.Personal()
	})
}

// longest is how many characters of a text a sample shows.
const longest = 200

// plain is a value as JSON has it: decimals and times as text, no NaN.
func plain(v any) any {
	switch v := v.(type) {
	case engine.Decimal:
		return string(v)
	case time.Time:
		return v.UTC().Format("2006-01-02T15:04:05.999999Z07:00")
	case []byte:
		return plain(base64.StdEncoding.EncodeToString(v))
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return strconv.FormatFloat(v, 'g', -1, 64)
		}
	case string:
		if utf8.RuneCountInString(v) > longest {
			return string([]rune(v)[:longest]) + "…"
		}
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = plain(v[i])
		}
		return out
	case map[string]any:
		return plainMap(v)
	}
	return v
}

func plainMap(m map[string]any) map[string]any {
	if m == nil {
		return nil
	}
	out := make(map[string]any, len(m))
	for k, v := range m {
		out[k] = plain(v)
	}
	return out
}

// sampleText shows a row in a message, the rule's columns first, then where it stands.
func (r *rule) sampleText(row map[string]any) string {
	names := slices.Clone(r.shown())
	for _, name := range r.columns {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	var parts []string
	for _, name := range names {
		if v, ok := row[name]; ok {
			parts = append(parts, name+" = "+showValue(v))
		}
	}
	file, _ := row[engine.FileColumn].(string)
	if line, ok := row[engine.LineColumn].(int64); ok && file != "" {
		parts = append(parts, fmt.Sprintf("at %s:%d", file, line))
	}
	return strings.Join(parts, ", ")
}

func showValue(v any) string {
	if s, ok := v.(string); ok && s != redacted {
		return strconv.Quote(s)
	}
	return fmt.Sprint(show(v))
}
