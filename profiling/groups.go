package profiling

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/dq-dev/dq/record"
)

// groups collects what the second scan counts the rows by: values as text,
// numbers, and bins. Each is a grouping set of its own.
type groups struct {
	columns, sets, which []string
	texts, numbers       []string // spelled, of the sets of either sort
	use                  []func(counted)
	ranks                []string // conditions for the numbers that are wanted
}

// counted is how many rows have one value. Numbers also say how many have it or a smaller one.
type counted struct {
	text   string
	number float64
	rows   int64
	upTo   int64
}

// add makes a grouping set of an expression and returns its name and number.
func (g *groups) add(sql string, use func(counted)) (string, int) {
	i := len(g.use)
	name := fmt.Sprintf("g%d", i)
	g.columns = append(g.columns, sql+" AS "+name)
	g.sets = append(g.sets, "("+name+")")
	g.which = append(g.which, fmt.Sprintf("WHEN grouping(%s) = 0 THEN %d", name, i))
	g.use = append(g.use, use)
	return name, i
}

// addText counts by an expression; its most frequent values are asked for.
func (g *groups) addText(sql string, text func(string) string, use func(counted)) {
	name, _ := g.add(sql, use)
	g.texts = append(g.texts, text(name))
}

// addNumber counts by a double; the values at the given ranks are asked for.
func (g *groups) addNumber(sql string, ranks []int64, use func(counted)) {
	name, i := g.add(sql, use)
	g.numbers = append(g.numbers, name)
	conditions := make([]string, len(ranks))
	for j, r := range ranks {
		conditions[j] = fmt.Sprintf("%d BETWEEN c - n AND c - 1", r)
	}
	g.ranks = append(g.ranks, fmt.Sprintf("k = %d AND (%s)", i, strings.Join(conditions, " OR ")))
}

// sql gives rows of: the set's number k; a text v and its count n, for the
// limit most frequent ones, ties by text; a number x, its count n and how many
// are up to it, c, for those at the ranks.
func (g *groups) sql(from string, limit int, say spelling) string {
	coalesce := func(parts []string, none string) string {
		if len(parts) == 0 {
			return none
		}
		return "coalesce(" + strings.Join(append(parts, none), ", ") + ")"
	}
	sql := fmt.Sprintf(`WITH s AS (SELECT
    %s
  FROM %s),
counts AS MATERIALIZED (SELECT CASE %s END AS k,
    %s AS v,
    %s AS x,
    count(*) AS n
  FROM s GROUP BY GROUPING SETS (%s))
SELECT k, v, %s AS x, n, 0 AS c FROM (
  SELECT k, v, n, row_number() OVER (PARTITION BY k ORDER BY n DESC, v) AS r FROM counts WHERE v IS NOT NULL) AS t
WHERE r <= %d`,
		strings.Join(g.columns, ",\n    "), from, strings.Join(g.which, " "),
		coalesce(g.texts, say.text("NULL")), coalesce(g.numbers, say.double("NULL")),
		strings.Join(g.sets, ", "), say.double("NULL"), limit)
	if len(g.numbers) > 0 {
		sql += fmt.Sprintf(`
UNION ALL
SELECT k, NULL, x, n, c FROM (
  SELECT k, x, n, %s AS c FROM counts WHERE x IS NOT NULL) AS t
WHERE %s`,
			say.bigint("sum(n) OVER (PARTITION BY k ORDER BY x)"), strings.Join(g.ranks, "\n  OR "))
	}
	return sql + "\nORDER BY k, n DESC, v, x"
}

// group fills in Top, Histogram and Quantiles of the columns.
func (p *profiler) group(ctx context.Context, columns []*briefColumn) error {
	var g groups
	var finish []func()
	for _, c := range columns {
		if c.wantsTop() {
			g.addText(c.finite, p.say.text, func(v counted) {
				if len(c.Top) < p.opts.Top {
					c.Top = append(c.Top, record.ValueCount{Value: cut(v.text), Count: v.rows})
				}
			})
		}
		number := p.say.double(c.finite)
		if c.typ.Temporal() {
			number = p.say.seconds(c.ident)
		}
		if c.wantsBins() {
			c.Histogram = p.bins(c)
			g.addText(p.say.bin(number, c.low, c.high, p.opts.Bins), p.say.text, func(v counted) {
				if i, err := strconv.Atoi(v.text); err == nil && i >= 0 {
					c.Histogram.Counts[min(i, p.opts.Bins-1)] += v.rows
				}
			})
		}
		if n := c.measured(); n > 0 {
			var found []counted
			g.addNumber(number, ranks(n), func(v counted) { found = append(found, v) })
			finish = append(finish, func() { c.Quantiles = interpolate(found, n) })
		}
	}
	if len(g.use) == 0 {
		return nil
	}
	rows, err := p.query(ctx, g.sql(p.from, max(p.opts.Top, p.opts.Bins+1), p.say), 5)
	if err != nil {
		return err
	}
	for _, row := range rows {
		k := integer(row[0])
		if k < 0 || k >= int64(len(g.use)) {
			return fmt.Errorf("the engine answered %v, where set %d does not exist", row, k)
		}
		v := counted{rows: integer(row[3]), upTo: integer(row[4])}
		v.text, _ = row[1].(string)
		v.number, _ = double(row[2])
		g.use[k](v)
	}
	for _, f := range finish {
		f()
	}
	return nil
}

// bins is the column's histogram, still empty.
func (p *profiler) bins(c *briefColumn) *record.Histogram {
	return &record.Histogram{Low: round12(c.low), High: round12(c.high), Time: c.typ.Temporal(), Counts: make([]int64, p.opts.Bins)}
}

// measured is how many numbers the column has of which exact quantiles are shown.
func (c *briefColumn) measured() int64 {
	if !c.typ.Numeric() || c.redact || c.Approx {
		return 0
	}
	return c.Rows - c.Nulls - c.NaNs - c.Infs
}

// ranks are the positions, from 0, of the values that the quantiles of n values
// lie at or between: R-7, the rank of fraction f is (n-1)·f.
func ranks(n int64) []int64 {
	var out []int64
	for _, f := range quantiles {
		low := int64(math.Floor(float64(n-1) * f))
		for _, r := range []int64{low, min(low+1, n-1)} {
			if len(out) == 0 || out[len(out)-1] < r {
				out = append(out, r)
			}
		}
	}
	return out
}

// interpolate computes the quantiles of n values from those at [ranks]; nil when one is missing.
func interpolate(found []counted, n int64) []float64 {
	at := func(rank int64) (float64, bool) {
		for _, v := range found {
			if v.upTo-v.rows <= rank && rank < v.upTo {
				return v.number, true
			}
		}
		return 0, false
	}
	out := make([]float64, len(quantiles))
	for i, f := range quantiles {
		h := float64(n-1) * f
		low, okLow := at(int64(math.Floor(h)))
		high, okHigh := at(min(int64(math.Floor(h))+1, n-1))
		if !okLow || !okHigh {
			return nil
		}
		out[i] = round12(low + (h-math.Floor(h))*(high-low))
	}
	return out
}
