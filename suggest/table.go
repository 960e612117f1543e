package suggest

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/table"
)

const (
	// MaxRows is the largest number of rows that are looked at; of more it is a sample.
	MaxRows = 100_000
	// maxCells bounds memory: fewer rows of a wide table are looked at.
	maxCells = 2_000_000
)

// Table is rows to learn from.
type Table struct {
	Rows   int64 // that there are
	Looked int   // of how many values are known
	// At is the time as of which the rows were what they are; zero when that is not known, and then
	// nothing is said of how fresh they are.
	At         time.Time
	schema     table.Schema
	columns    []*column // of those with values that are texts, numbers or times
	references []reference
}

// Names are those of the table's columns.
func (t *Table) Names() []string { return t.schema.Names() }

// column is the values of a column: each different one, and which of them each row has.
type column struct {
	name   string
	typ    table.Type
	values []string // the most frequent first, of equals by text
	counts []int    // of values
	codes  []int32  // of each row its place in values, -1 for null
	nulls  int
	hidden bool             // values are of persons: none is shown
	right  func(i int) bool // whether a value keeps the rule on how values are written; nil for none
	// numbers are the values read as numbers, times as seconds since 1970; NaN for what is none.
	numbers []float64
}

func (c *column) filled() int { return len(c.codes) - c.nulls }

// shown is a value for people.
func (c *column) shown(i int) string {
	if !c.typ.Temporal() {
		return c.values[i]
	}
	layout := time.DateOnly
	if c.typ.Kind != table.Date {
		layout = time.RFC3339
	}
	return time.Unix(int64(math.Floor(c.numbers[i])), 0).UTC().Format(layout)
}

func (c *column) share(rows int) float64 { return float64(rows) / float64(max(len(c.codes), 1)) }

// of is which part of the values rows are.
func (c *column) of(rows int) float64 { return float64(rows) / float64(max(c.filled(), 1)) }

// Read looks at a relation that is attached to s under that name, with the columns
// [engine.FileColumn] and [engine.LineColumn] besides those of the schema. Values of personal
// columns are counted, and no rule shows one. Of more than
// [MaxRows] rows it takes a sample, which is the same in every run. Errors are those of
// the session, and of one that is no [engine.Vectorer]. Cost: a scan, and about 8 bytes a value.
func Read(ctx context.Context, s engine.Session, d engine.Dialect, relation string, schema table.Schema, personal []string) (*Table, error) {
	vectorer, ok := s.(engine.Vectorer)
	if !ok || d.Name() != "duckdb" {
		return nil, fmt.Errorf("suggestions for %s: the engine hands out no vectors", relation)
	}
	total, err := s.Query(ctx, "SELECT count(*) FROM "+d.Relation(relation))
	if err != nil {
		return nil, fmt.Errorf("suggestions for %s: %w", relation, err)
	}
	t := &Table{schema: schema}
	t.Rows, _ = total.Values[0][0].(int64)
	var items []string
	for _, f := range schema.Fields {
		if !nameable(f.Name) {
			continue
		}
		item := d.Ident(f.Name)
		switch f.Type.Kind {
		case table.Array, table.Map, table.Struct, table.Binary, table.Void:
			continue
		case table.Timestamp, table.TimestampNTZ, table.Date:
			item = "epoch(" + item + ")"
		}
		items = append(items, "CAST("+item+" AS VARCHAR)")
		t.columns = append(t.columns, &column{name: f.Name, typ: f.Type, hidden: slices.Contains(personal, f.Name)})
	}
	if len(items) == 0 || t.Rows == 0 {
		return t, nil
	}
	from := d.Relation(relation)
	if every := max((t.Rows+MaxRows-1)/MaxRows, (t.Rows*int64(len(items))+maxCells-1)/maxCells); every > 1 {
		from = fmt.Sprintf("(SELECT * FROM %s WHERE hash(%s, %s) %% %d = 0) AS dq_sample", from, d.Ident(engine.FileColumn), d.Ident(engine.LineColumn), every)
	}
	var parts []*part
	err = vectorer.Vectors(ctx, items, from, func() func(*engine.Batch) error {
		p := &part{columns: make([]coded, len(items))}
		for i := range p.columns {
			p.columns[i].places = map[string]int32{}
		}
		parts = append(parts, p)
		return p.add
	})
	if err != nil {
		return nil, fmt.Errorf("suggestions for %s: %w", relation, err)
	}
	for i, c := range t.columns {
		c.gather(parts, i)
	}
	t.Looked = len(t.columns[0].codes)
	return t, nil
}

// part is the rows that one thread has seen.
type part struct{ columns []coded }

type coded struct {
	values []string
	places map[string]int32
	codes  []int32
}

func (p *part) add(b *engine.Batch) error {
	for j := range p.columns {
		c, v := &p.columns[j], &b.Columns[j]
		for i := range b.Rows {
			if v.Null(i) {
				c.codes = append(c.codes, -1)
				continue
			}
			k, ok := c.places[v.Texts[i]]
			if !ok {
				k = int32(len(c.values))
				text := strings.Clone(v.Texts[i])
				c.places[text], c.values = k, append(c.values, text)
			}
			c.codes = append(c.codes, k)
		}
	}
	return nil
}

// gather puts the column together from what the threads have seen.
func (c *column) gather(parts []*part, i int) {
	found := map[string]int{}
	for _, p := range parts {
		for _, k := range p.columns[i].codes {
			if k >= 0 {
				found[p.columns[i].values[k]]++
			}
		}
	}
	for v := range found {
		c.values = append(c.values, v)
	}
	slices.SortFunc(c.values, func(a, b string) int { return cmp.Or(cmp.Compare(found[b], found[a]), strings.Compare(a, b)) })
	places := make(map[string]int32, len(c.values))
	for k, v := range c.values {
		places[v] = int32(k)
		c.counts = append(c.counts, found[v])
		c.numbers = append(c.numbers, numberOf(v))
	}
	for _, p := range parts {
		for _, k := range p.columns[i].codes {
			if k < 0 {
				c.nulls++
			} else {
				k = places[p.columns[i].values[k]]
			}
			c.codes = append(c.codes, k)
		}
	}
}

// numberOf reads digits with a point and a sign; NaN for anything else.
func numberOf(s string) float64 {
	if s == "" || len(s) > 40 || strings.ContainsFunc(s, func(r rune) bool { return (r < '0' || r > '9') && !strings.ContainsRune("+-.eE", r) }) {
		return math.NaN()
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsInf(f, 0) {
		return math.NaN()
	}
	return f
}
