// Package profiling describes the columns of a table: how many values are null,
// distinct, empty, zero or negative, the extremes, mean and quantiles, a
// histogram, the most frequent values, and what of it is odd.
//
// [Profile] asks an engine session, in two scans and a count whatever the number
// of rows. A table of more than 64 columns is described in portions of 64, so
// that memory stays bounded. The result is the same in every run: doubles are
// rounded to 12 significant digits, ties are ordered by value.
//
//	schema, err := session.Attach(ctx, input) // input.Name is "orders"
//	...
//	p, err := profiling.Profile(ctx, session, eng.Dialect(), "orders", schema, profiling.Options{})
//	...
//	for _, a := range p.Alerts {
//		fmt.Println(a.Column, a.Message) // worst first
//	}
//
// Up to [ExactRows] rows all numbers are exact. Beyond, Distinct and Quantiles
// are the engine's estimates, and Approx is set: estimates may be off by some
// percent, and those of quantiles may differ in the last digits between runs.
// Most frequent values are exact always. NaN and infinities are counted and left
// out of everything else.
package profiling

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/record"
	"github.com/dq-dev/dq/table"
)

// ExactRows is the largest number of rows for which distinct values are counted
// and quantiles computed exactly.
const ExactRows = 2_000_000

// quantiles are the fractions at which a profile has them.
var quantiles = []float64{0.05, 0.25, 0.5, 0.75, 0.95}

// portion is how many columns are described by one pair of scans.
const portion = 64

// maxText is how many characters of a value are shown.
const maxText = 200

// Options says how much a profile shows. The zero value means the defaults.
type Options struct {
	Top  int // most frequent values of a column; default 10
	Bins int // bins of a histogram; default 20
	// Redact names columns whose values must not be shown: they are counted,
	// and have no Min, Max, Mean, Quantiles, Top or Histogram.
	Redact []string
}

// Profile describes the columns of relation, which is attached to s under that
// name and has the given schema; d is the dialect of the session's engine.
//
// The relation is read three times at most: where that is dear (text files),
// attach it materialised. Errors are those of the session, with the relation's
// name, and an unknown dialect.
func Profile(ctx context.Context, s engine.Session, d engine.Dialect, relation string, schema table.Schema, opts Options) (*record.Profile, error) {
	if opts.Top <= 0 {
		opts.Top = 10
	}
	if opts.Bins <= 0 {
		opts.Bins = 20
	}
	say, err := spellingOf(d)
	if err != nil {
		return nil, err
	}
	p := &profiler{session: s, say: say, from: d.Relation(relation), opts: opts}
	count, err := p.one(ctx, "SELECT count(*) FROM "+p.from, 1)
	if err != nil {
		return nil, fmt.Errorf("profile of %s: %w", relation, err)
	}
	p.rows = integer(count[0])
	p.small = p.rows*int64(len(schema.Fields)) <= fewCells
	out := &record.Profile{Rows: p.rows, Columns: []record.ColumnProfile{}}
	var odd []oddity
	for fields := range slices.Chunk(schema.Fields, portion) {
		columns := make([]*briefColumn, len(fields))
		for i, f := range fields {
			columns[i] = p.newColumn(f)
		}
		if err := p.describe(ctx, columns); err != nil {
			return nil, fmt.Errorf("profile of %s: %w", relation, err)
		}
		for _, c := range columns {
			odd = append(odd, c.oddities(len(out.Columns))...)
			out.Columns = append(out.Columns, c.ColumnProfile)
		}
	}
	out.Alerts = alerts(p.rows, odd)
	return out, nil
}

type profiler struct {
	session engine.Session
	say     spelling
	from    string
	opts    Options
	rows    int64
	small   bool // values are tallied
}

// briefColumn is a column while it is described.
type briefColumn struct {
	record.ColumnProfile
	typ     table.Type
	ident   string // quoted
	redact  bool
	finite  string // SQL: the value, null when it is NaN or infinite
	low     float64
	high    float64 // ends of the histogram
	numbers bool    // low and high are known and differ

	untrimmed int64
	folded    int64 // distinct values when case and outer spaces are ignored
}

func (p *profiler) newColumn(f table.Field) *briefColumn {
	c := &briefColumn{typ: f.Type, ident: p.say.Ident(f.Name), redact: slices.Contains(p.opts.Redact, f.Name)}
	c.Name, c.Type, c.Rows = f.Name, f.Type.String(), p.rows
	c.Approx = p.rows > ExactRows
	c.finite = c.ident
	if c.floating() {
		c.finite = p.say.finite(c.ident)
	}
	return c
}

func (c *briefColumn) floating() bool { return c.typ.Kind == table.Float || c.typ.Kind == table.Double }

// nested reports whether the values have parts, which are not looked into.
func (c *briefColumn) nested() bool {
	return c.typ.Kind == table.Array || c.typ.Kind == table.Map || c.typ.Kind == table.Struct
}

// ask is one expression of the aggregate scan and what its value is for.
type ask struct {
	sql string
	use func(v any)
}

// describe fills in the columns of one portion.
func (p *profiler) describe(ctx context.Context, columns []*briefColumn) error {
	var asks []ask
	for _, c := range columns {
		asks = append(asks, p.asks(c)...)
	}
	sql := "SELECT "
	for i, a := range asks {
		if i > 0 {
			sql += ",\n  "
		}
		sql += fmt.Sprintf("%s AS a%d", a.sql, i)
	}
	row, err := p.one(ctx, sql+"\nFROM "+p.from, len(asks))
	if err != nil {
		return err
	}
	for i, a := range asks {
		a.use(row[i])
	}
	if p.small {
		return p.tally(ctx, columns)
	}
	return p.group(ctx, columns)
}

// asks lists what one column wants of the aggregate scan.
func (p *profiler) asks(c *briefColumn) []ask {
	x := c.ident
	count := func(condition string, n *int64) ask {
		return ask{fmt.Sprintf("count(CASE WHEN %s THEN 1 END)", condition), func(v any) { *n = integer(v) }}
	}
	asks := []ask{{fmt.Sprintf("count(*) - count(%s)", x), func(v any) { c.Nulls = integer(v) }}}
	if c.typ.Kind == table.Void {
		return asks
	}
	distinct := p.say.distinct
	if c.Approx {
		distinct = p.say.approxDistinct
	}
	if !p.small || c.nested() {
		// An estimate can exceed the number of values.
		asks = append(asks, ask{distinct(x), func(v any) { c.Distinct = min(integer(v), c.Rows-c.Nulls) }})
	}
	if c.floating() {
		asks = append(asks, count(p.say.isNaN(x), &c.NaNs), count(p.say.isInf(x), &c.Infs))
	}
	if c.typ.Kind == table.String {
		asks = append(asks,
			count(x+" = ''", &c.Empty),
			count(p.say.untrimmed(x), &c.untrimmed),
			ask{"min(" + p.say.length(x) + ")", func(v any) { c.MinLength = integerOrNil(v) }},
			ask{"max(" + p.say.length(x) + ")", func(v any) { c.MaxLength = integerOrNil(v) }})
		if !c.Approx && !p.small {
			asks = append(asks, ask{distinct(p.say.fold(x)), func(v any) { c.folded = integer(v) }})
		}
	}
	if c.typ.Numeric() {
		asks = append(asks, count(x+" = 0", &c.Zeros), count(c.finite+" < 0", &c.Negative))
	}
	if c.redact || c.nested() {
		return asks
	}
	asks = append(asks,
		ask{"min(" + c.finite + ")", func(v any) { c.Min, c.low, c.numbers = shown(v, c.typ), position(v), c.scaled(v) }},
		ask{"max(" + c.finite + ")", func(v any) { c.Max, c.high = shown(v, c.typ), position(v) }})
	if !c.typ.Numeric() {
		return asks
	}
	number := p.say.double(c.finite)
	moderate := number
	if c.floating() {
		moderate = p.say.within(number, tooLarge)
	}
	asks = append(asks,
		ask{"avg(" + moderate + ")", func(v any) { c.Mean = c.moment(v) }},
		ask{"stddev_samp(" + moderate + ")", func(v any) { c.StdDev = c.moment(v) }})
	if c.Approx {
		asks = append(asks, ask{p.say.approxQuantiles(number, quantiles), func(v any) { c.Quantiles = doubles(v) }})
	}
	return asks
}

// scaled reports whether the column's values lie on a scale, and v is one of them.
func (c *briefColumn) scaled(v any) bool { return v != nil && c.scale() }

// tooLarge is where squares of doubles come near overflow, on which engines abort.
const tooLarge = 1e150

// moment is a mean or a standard deviation. There is none when values are so
// large that they had to be left out of it.
func (c *briefColumn) moment(v any) *float64 {
	f, ok := double(v)
	if !ok || c.floating() && math.Max(math.Abs(c.low), math.Abs(c.high)) >= tooLarge {
		return nil
	}
	f = round12(f)
	return &f
}

const (
	// maxTop is the largest number of different values of which the most frequent are looked for.
	maxTop = 50_000
	// maxTopNumbers is that for numbers, of which more make a histogram.
	maxTopNumbers = 50
)

// wantsTop reports whether the most frequent values of the column say anything:
// values repeat, and are not too many.
func (c *briefColumn) wantsTop() bool {
	values := c.Rows - c.Nulls
	if c.redact || c.Distinct >= values || c.Distinct > maxTop {
		return false
	}
	switch {
	case c.typ.Kind == table.String:
		return c.Distinct*2 <= values || c.Distinct <= maxTopNumbers
	case c.typ.Kind == table.Bool:
		return true
	case c.typ.Numeric(), c.typ.Kind == table.Date:
		return c.Distinct <= maxTopNumbers
	}
	return false
}

// wantsBins reports whether the column has a histogram.
func (c *briefColumn) wantsBins() bool {
	width := c.high - c.low
	// A wider column overflows when its bins are computed.
	return !c.redact && c.numbers && width > 0 && width < 1e300
}

// one runs a SELECT that gives one row.
func (p *profiler) one(ctx context.Context, sql string, width int) ([]any, error) {
	rows, err := p.query(ctx, sql, width)
	if err == nil && len(rows) != 1 {
		err = fmt.Errorf("the engine answered %d rows, want 1", len(rows))
	}
	if err != nil {
		return nil, err
	}
	return rows[0], nil
}

// query runs a SELECT that gives rows of that many columns.
func (p *profiler) query(ctx context.Context, sql string, width int) ([][]any, error) {
	rows, err := p.session.Query(ctx, sql)
	if err != nil {
		return nil, err
	}
	for _, row := range rows.Values {
		if len(row) != width {
			return nil, fmt.Errorf("the engine answered %d columns, want %d", len(row), width)
		}
	}
	return rows.Values, nil
}
