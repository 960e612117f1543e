package profiling

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/dq-dev/dq/record"
	"github.com/dq-dev/dq/table"
)

// fewCells is how many rows times columns a table may have so that its values
// are tallied here and not grouped by the engine.
var fewCells int64 = 100_000

// tallied is what is asked of one value of a row: its text, or "" for a null, and
// the number that stands for it on a scale.
type tallied struct{ text, number string }

// tally does for a small table what the distinct counts of [profiler.asks] and
// [profiler.group] do for a large one, and finds the same. Every distinct
// aggregate and every grouping set costs an engine about a millisecond however
// few the rows are; here it lists which values each column has and how often,
// in one grouping, and the rest is found among these.
func (p *profiler) tally(ctx context.Context, columns []*briefColumn) error {
	if p.rows == 0 {
		return nil
	}
	var cells []tallied
	var use []func(distinct int64, values []counted)
	var scales []string // the cells that have a number
	for _, c := range columns {
		if c.nested() || c.typ.Kind == table.Void {
			continue
		}
		if c.scale() {
			scales = append(scales, strconv.Itoa(len(cells)))
		}
		cells = append(cells, p.talliedOf(c))
		use = append(use, func(distinct int64, values []counted) { p.fill(c, distinct, values) })
		if c.typ.Kind == table.String {
			cells = append(cells, tallied{text: p.say.fold(c.ident), number: p.say.double("NULL")})
			use = append(use, func(distinct int64, _ []counted) { c.folded = distinct })
		}
	}
	if len(cells) == 0 {
		return nil
	}
	// Values come only where they are of use: see wantsTop.
	of := fmt.Sprintf("d <= %d OR d * 2 <= s.n", maxTopNumbers)
	if len(scales) > 0 {
		of += " OR k IN (" + strings.Join(scales, ", ") + ")"
	}
	sql := fmt.Sprintf(`WITH counts AS MATERIALIZED (SELECT k, v, x, count(*) AS n FROM (
%s) AS t
  WHERE v IS NOT NULL GROUP BY k, v, x),
sums AS MATERIALIZED (SELECT k, count(*) AS d, %s AS n FROM counts GROUP BY k)
SELECT k, NULL AS v, NULL AS x, d AS n, true AS whole FROM sums
UNION ALL
SELECT k, CASE WHEN x IS NULL OR d <= %d THEN v END, x, counts.n, false FROM counts JOIN sums AS s USING (k) WHERE %s`,
		p.say.unpivot(p.from, cells), p.say.bigint("sum(n)"), maxTopNumbers, of)
	rows, err := p.query(ctx, sql, 5)
	if err != nil {
		return err
	}
	distinct := make([]int64, len(cells))
	values := make([][]counted, len(cells))
	for _, row := range rows {
		k := integer(row[0])
		if k < 0 || k >= int64(len(cells)) {
			return fmt.Errorf("the engine answered %v, where cell %d does not exist", row, k)
		}
		v := counted{rows: integer(row[3]), number: math.NaN()}
		if whole, _ := row[4].(bool); whole {
			distinct[k] = v.rows
			continue
		}
		v.text, _ = row[1].(string)
		if x, ok := double(row[2]); ok {
			v.number = x
		}
		values[k] = append(values[k], v)
	}
	for i, f := range use {
		f(distinct[i], values[i])
	}
	return nil
}

// scale reports whether the column's values lie on a scale.
func (c *briefColumn) scale() bool { return c.typ.Numeric() || c.typ.Temporal() }

// talliedOf asks for the text of a value, by which values are told apart, and its number.
func (p *profiler) talliedOf(c *briefColumn) tallied {
	out := tallied{text: p.say.text(c.ident), number: p.say.double("NULL")}
	switch {
	case c.floating():
		// The two zeros are one value.
		out.text = fmt.Sprintf("CASE WHEN %s = 0 THEN '0.0' ELSE %s END", c.ident, out.text)
		out.number = p.say.double(c.finite)
	case c.typ.Numeric():
		out.number = p.say.double(c.ident)
	case c.typ.Temporal():
		out.number = p.say.seconds(c.ident)
	}
	return out
}

// fill describes a column by its values.
func (p *profiler) fill(c *briefColumn, distinct int64, values []counted) {
	c.Distinct = distinct
	if c.floating() { // neither NaN nor infinities are looked at
		values = slices.DeleteFunc(values, func(v counted) bool { return math.IsNaN(v.number) })
	}
	if c.wantsTop() {
		top := slices.Clone(values)
		slices.SortFunc(top, func(a, b counted) int { return cmp.Or(cmp.Compare(b.rows, a.rows), cmp.Compare(a.text, b.text)) })
		for _, v := range top[:min(len(top), p.opts.Top)] {
			c.Top = append(c.Top, record.ValueCount{Value: cut(v.text), Count: v.rows})
		}
	}
	if c.wantsBins() {
		c.Histogram = p.bins(c)
		for _, v := range values {
			i := int(math.Floor((v.number - c.low) * float64(p.opts.Bins) / (c.high - c.low)))
			if i >= 0 {
				c.Histogram.Counts[min(i, p.opts.Bins-1)] += v.rows
			}
		}
	}
	if n := c.measured(); n > 0 {
		slices.SortFunc(values, func(a, b counted) int { return cmp.Compare(a.number, b.number) })
		upTo := int64(0)
		for i := range values {
			upTo += values[i].rows
			values[i].upTo = upTo
		}
		c.Quantiles = interpolate(values, n)
	}
}
