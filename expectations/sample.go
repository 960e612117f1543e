package expectations

import (
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/expectations/cel"
	"github.com/dq-dev/dq/table"
)

// redacted stands in samples for a value of a column that is tagged personal.
const redacted = "[redacted]"

// samples fetches a few bad rows for each rule that has some. Rows of files are
// first found, by the columns that their rules read, and then fetched together.
// Counts stand without a sample when the engine gives none.
func (a *auditor) samples(ctx context.Context) error {
	if a.target.Samples <= 0 {
		return nil
	}
	a.showGroups()
	for _, step := range []func(context.Context) error{a.findLines, a.fetchLines, a.fetchBad, a.fetchCounted} {
		if err := step(ctx); err != nil {
			if cancelled(ctx, err) {
				return err
			}
		}
	}
	return nil
}

// findLines finds the first bad lines of each rule in each part, in one query.
func (a *auditor) findLines(ctx context.Context) error {
	d := a.dialect
	file, line := d.Ident(engine.FileColumn), d.Ident(engine.LineColumn)
	type search struct {
		rule     *rule
		relation string
	}
	var searches []search
	var queries []string
	for _, r := range a.plan.rules {
		t := a.tallies[r]
		if len(t.lines) > 0 || t.problem != "" {
			continue
		}
		for _, place := range t.places {
			if !place.files {
				continue
			}
			bad, _, err := r.bad(d, a.factsOf(r))
			if err != nil {
				continue // the same was said for the counts
			}
			over, err := a.over(r, place.relation)
			if err != nil {
				continue
			}
			in, order := r.ofWorst(d, t, a.plan.schema, a.target.Samples)
			queries = append(queries, fmt.Sprintf("(SELECT %d AS dq_n, %s AS dq_g, %s, %s FROM %s WHERE %s ORDER BY dq_g, %s, %s LIMIT %d)",
				len(searches), cmp.Or(order, "NULL"), file, line, over, and(bad, in), file, line, a.target.Samples))
			searches = append(searches, search{r, place.relation})
		}
	}
	if len(queries) == 0 {
		return nil
	}
	found, err := a.session.Query(ctx, fmt.Sprintf("SELECT dq_n, %s, %s FROM (%s) AS dq_s ORDER BY dq_n, dq_g, %s, %s", file, line, strings.Join(queries, " UNION ALL "), file, line))
	if err != nil {
		return err
	}
	for _, values := range found.Values {
		n, err := whole(values[0])
		if err != nil || n < 0 || n >= int64(len(searches)) {
			return fmt.Errorf("expectations: the engine gave a sample of %v", values[0])
		}
		t := a.tallies[searches[n].rule]
		path, _ := values[1].(string)
		if number, ok := values[2].(int64); ok && len(t.lines) < a.target.Samples {
			t.lines = append(t.lines, lineOf{searches[n].relation, path, number})
		}
	}
	return nil
}

// fetchLines fetches the lines of all rules, one query for each part.
func (a *auditor) fetchLines(ctx context.Context) error {
	d := a.dialect
	file, line := d.Ident(engine.FileColumn), d.Ident(engine.LineColumn)
	wanted := map[string]map[string]map[int64]bool{} // relation, file, lines
	for _, t := range a.tallies {
		for _, l := range t.lines {
			if wanted[l.relation] == nil {
				wanted[l.relation] = map[string]map[int64]bool{}
			}
			if wanted[l.relation][l.file] == nil {
				wanted[l.relation][l.file] = map[int64]bool{}
			}
			wanted[l.relation][l.file][l.line] = true
		}
	}
	rows := map[lineOf]map[string]any{}
	for _, relation := range sortedKeys(wanted) {
		var conditions []string
		for _, path := range sortedKeys(wanted[relation]) {
			var numbers []string
			for _, n := range slices.Sorted(maps.Keys(wanted[relation][path])) {
				numbers = append(numbers, strconv.FormatInt(n, 10))
			}
			conditions = append(conditions, fmt.Sprintf("%s = %s AND %s IN (%s)", file, d.Literal(path), line, strings.Join(numbers, ", ")))
		}
		found, err := a.session.Query(ctx, fmt.Sprintf("SELECT %s, %s, %s FROM %s WHERE (%s)",
			a.columns(), file, line, d.Relation(relation), strings.Join(conditions, ") OR (")))
		if err != nil {
			return err
		}
		names := found.Schema.Names()
		for _, values := range found.Values {
			path, _ := values[len(values)-2].(string)
			number, _ := values[len(values)-1].(int64)
			row := a.plan.sampleRow(names, values)
			if !hasRecords(path) {
				delete(row, engine.FileColumn)
				delete(row, engine.LineColumn)
			}
			rows[lineOf{relation, path, number}] = row
		}
	}
	for _, t := range a.tallies {
		for _, l := range t.lines {
			if row, ok := rows[l]; ok {
				t.sample = append(t.sample, row)
			}
		}
	}
	return nil
}

// hasRecords reports whether people can look up a record of a file by its
// number. Of a Parquet file, often one staged under a name that is gone
// tomorrow, a position says nothing to them.
func hasRecords(path string) bool {
	return !strings.HasSuffix(path, ".parquet")
}

// fetchBad fetches bad rows of the rules that are judged on the whole, in the
// order of their values.
func (a *auditor) fetchBad(ctx context.Context) error {
	d := a.dialect
	for _, r := range a.plan.rules {
		t := a.tallies[r]
		if t.problem != "" || len(t.places) == 0 || t.places[0].files {
			continue
		}
		name := d.Relation(t.places[0].relation)
		bad, err := r.some(d, a.factsOf(r), name, t.suspects, a.target.Samples)
		if err != nil {
			return err // the same was said for the counts
		}
		from := name
		if r.row != nil {
			if from, err = a.over(r, t.places[0].relation); err != nil {
				return err
			}
		}
		order := r.byValues(d, a.plan.schema)
		in, first := r.ofWorst(d, t, a.plan.schema, a.target.Samples)
		if first != "" {
			order = first + ", " + order
		}
		found, err := a.session.Query(ctx, fmt.Sprintf("SELECT %s FROM %s WHERE %s ORDER BY %s LIMIT %d",
			a.columns(), from, and(bad, in), order, a.target.Samples))
		if err != nil {
			return err
		}
		for _, values := range found.Values {
			t.sample = append(t.sample, a.plan.sampleRow(found.Schema.Names(), values))
		}
	}
	return nil
}

// byValues orders rows by the columns of the rule, then by all others, so that
// the first ones are the same wherever they lie.
func (r *rule) byValues(d engine.Dialect, schema table.Schema) string {
	var order []string
	for _, key := range r.columns {
		if f, ok := schema.Field(key); ok && sortable(f.Type) {
			order = append(order, d.Ident(key))
		}
	}
	for _, f := range schema.Fields {
		if sortable(f.Type) && !slices.Contains(r.columns, f.Name) {
			order = append(order, d.Ident(f.Name))
		}
	}
	return strings.Join(append(order, "1"), ", ")
}

// some is the SQL of the rows that break the rule; of a unique rule, of up to
// limit groups, the smallest keys first (0 is all).
func (r *rule) some(d engine.Dialect, f cel.Facts, relation, suspects string, limit int) (string, error) {
	if r.row != nil {
		bad, _, err := r.bad(d, f)
		return bad, err
	}
	keys, scope, err := r.group(d, f)
	scope = and(scope, suspects, r.maybeNull(d, "IS NOT NULL", " AND "))
	where, first := "", ""
	if scope != "" {
		where = " WHERE " + scope
	}
	if limit > 0 {
		first = fmt.Sprintf(" ORDER BY %s LIMIT %d", keys, limit)
	}
	return and(scope, r.among(d, fmt.Sprintf("%s%s GROUP BY %s HAVING count(*) > 1%s", relation, where, keys, first))), err
}

// columns lists the table's columns.
func (a *auditor) columns() string {
	var names []string
	for _, f := range a.plan.schema.Fields {
		names = append(names, a.dialect.Ident(f.Name))
	}
	return strings.Join(names, ", ")
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

// sampleText shows a row in a message, the rule's columns first, then its record
// in a text file.
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
