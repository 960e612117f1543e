package delta

import (
	"cmp"
	"maps"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dq-dev/dq/table"
)

// Op compares a column with a literal, as SQL does: null gives unknown.
type Op string

// The operators of a [Predicate].
const (
	Equal          Op = "="
	NotEqual       Op = "<>"
	Less           Op = "<"
	LessOrEqual    Op = "<="
	Greater        Op = ">"
	GreaterOrEqual Op = ">="
	In             Op = "IN"
	IsNull         Op = "IS NULL"
	IsNotNull      Op = "IS NOT NULL"

	And Op = "AND" // of none: true
	Or  Op = "OR"  // of none: false
)

// Predicate is one condition of a conjunction. Values are canonical text as in
// [table.ColumnStats]: one, for [In] any number, none for [IsNull] and [IsNotNull].
// [And] and [Or] have neither path nor values, but what they are of.
type Predicate struct {
	Path   []string    `json:"path,omitempty"` // the column's name, below its parents when it is nested
	Op     Op          `json:"op"`
	Values []string    `json:"values,omitempty"`
	Of     []Predicate `json:"of,omitempty"`
}

// Prune drops the files that hold no row for which all predicates are true, by
// partition values and statistics alone. A file stays unless that is sure:
// without a statistic, for a predicate on a column that has none (arrays, maps,
// binary), and for literals that do not parse as the column's type. Rows that a
// deletion vector hides only make bounds wide.
//
// An error, *[Error] with [ErrInvalid], is for a column that the table does not have.
// Cost: one comparison a file and predicate; no I/O.
func (s *Snapshot) Prune(files []table.File, predicates ...Predicate) ([]table.File, error) {
	tests, err := s.pruners(predicates)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(files), func(f table.File) bool {
		return slices.ContainsFunc(tests, func(t pruner) bool { return t.empty(f) })
	}), nil
}

func (s *Snapshot) pruners(predicates []Predicate) ([]pruner, error) {
	tests := make([]pruner, len(predicates))
	for i, p := range predicates {
		t, err := s.pruner(p)
		if err != nil {
			return nil, err
		}
		tests[i] = t
	}
	return tests, nil
}

// pruner is a predicate with its literals parsed.
type pruner struct {
	op        Op
	path      []string
	partition bool
	kind      table.Kind
	values    []value
	unknown   bool     // a literal did not parse: the predicate prunes nothing
	single    bool     // the column was once of 32-bit floats
	of        []pruner // of And and Or
}

func (s *Snapshot) pruner(p Predicate) (pruner, error) {
	if p.Op == And || p.Op == Or {
		if len(p.Path)+len(p.Values) > 0 {
			return pruner{}, invalid("prune: %s has no column of its own", p.Op)
		}
		of, err := s.pruners(p.Of)
		return pruner{op: p.Op, of: of}, err
	}
	if len(p.Of) > 0 {
		return pruner{}, invalid("prune: %s is not of other conditions", p.Op)
	}
	fields, t, changed := s.schema.Fields, table.Type{}, false
	for i, name := range p.Path {
		f, ok := table.Schema{Fields: fields}.Field(name)
		if !ok {
			return pruner{}, invalid("prune: the table has no column %q", strings.Join(p.Path[:i+1], "."))
		}
		fields, t = f.Type.Fields, f.Type
		_, changed = f.Meta["delta.typeChanges"]
	}
	out := pruner{op: p.Op, path: p.Path, kind: t.Kind, single: changed && t.Kind == table.Double, partition: len(p.Path) == 1 && slices.Contains(s.partitionBy, p.Path[0])}
	want := 1
	switch p.Op {
	case IsNull, IsNotNull:
		want = 0
	case In:
		want = len(p.Values)
	case Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual:
	default:
		return pruner{}, invalid("prune: %q is no operator", p.Op)
	}
	if len(p.Path) == 0 || len(p.Values) != want {
		return pruner{}, invalid("prune: %s of column %q has %d values", p.Op, strings.Join(p.Path, "."), len(p.Values))
	}
	for _, text := range p.Values {
		v, ok := parseValue(t.Kind, text)
		out.unknown = out.unknown || !ok
		out.values = append(out.values, v)
	}
	if p.Op == In && !out.unknown {
		slices.SortFunc(out.values, value.compare)
	}
	return out, nil
}

// asks reports whether the predicate looks at a column.
func (p pruner) asks(path []string) bool {
	return slices.Equal(p.path, path) || slices.ContainsFunc(p.of, func(p pruner) bool { return p.asks(path) })
}

// empty reports whether the predicate is true for no row of the file, for sure.
func (p pruner) empty(f table.File) bool {
	switch {
	case p.unknown:
		return false
	case p.op == And:
		return slices.ContainsFunc(p.of, func(p pruner) bool { return p.empty(f) })
	case p.op == Or:
		return !slices.ContainsFunc(p.of, func(p pruner) bool { return !p.empty(f) })
	}
	r, ok := p.bounds(f)
	if !ok {
		return false
	}
	switch p.op {
	case IsNull:
		return r.noNulls
	case IsNotNull:
		return r.allNull
	}
	if r.allNull {
		return true
	}
	values := p.values
	if p.op == In && r.min != nil { // the first that is not below decides
		i, _ := slices.BinarySearchFunc(values, *r.min, value.compare)
		values = values[i:min(i+1, len(values))]
	}
	return !slices.ContainsFunc(values, func(v value) bool { return r.may(p.op, v) })
}

// bounds is what is known about a column's values in one file. A bound that is
// not known is nil; NaN is above all others and has no bound.
type bounds struct {
	min, max         *value
	noNulls, allNull bool
}

// may reports whether a value between the bounds can be op v.
func (b bounds) may(op Op, v value) bool {
	atLeast := b.max == nil || b.max.compare(v) >= 0
	atMost := b.min == nil || b.min.compare(v) <= 0
	switch op {
	case Equal, In:
		return atLeast && atMost
	case NotEqual:
		return b.min == nil || b.max == nil || b.min.compare(v) != 0 || b.max.compare(v) != 0
	case Less:
		return b.min == nil || b.min.compare(v) < 0
	case LessOrEqual:
		return atMost
	case Greater:
		return b.max == nil || b.max.compare(v) > 0
	}
	return atLeast
}

// bounds finds what the log says about the column; false is nothing.
func (p pruner) bounds(f table.File) (bounds, bool) {
	if p.partition {
		text, ok := f.Partition[p.path[0]]
		if !ok {
			return bounds{}, false
		}
		if text == nil {
			return bounds{allNull: true}, true
		}
		v, ok := parseValue(p.kind, *text)
		if !ok {
			return bounds{noNulls: true}, true
		}
		return bounds{min: &v, max: &v, noNulls: true}, true
	}
	if f.Stats == nil {
		return bounds{}, false
	}
	i := slices.IndexFunc(f.Stats.Columns, func(c table.ColumnStats) bool { return slices.Equal(c.Path, p.path) })
	if i < 0 {
		return bounds{}, false
	}
	c := f.Stats.Columns[i]
	var out bounds
	if c.Nulls != nil {
		// Where rows are deleted, only none and all say something about those that stay.
		out.noNulls, out.allNull = *c.Nulls == 0, *c.Nulls == f.Stats.Rows
	}
	if c.Min != nil {
		if v, ok := parseValue(p.kind, *c.Min); ok {
			if p.single { // 0.7 may be the shortest text of what is 0.699999988 as a double
				v.double = math.Nextafter(float64(math.Nextafter32(float32(v.double), float32(math.Inf(-1)))), math.Inf(-1))
			}
			out.min = &v
		}
	}
	// Nothing in the log tells whether a column of floats holds a NaN, which
	// writers leave out of the maximum or do not write a maximum for.
	// And a text that was cut by old versions of Spark ends in U+FFFD, which is not
	// above all that may have followed.
	if c.Max != nil && !c.NaN && !strings.HasSuffix(*c.Max, "\uFFFD") && p.kind != table.Float && p.kind != table.Double {
		if v, ok := parseValue(p.kind, *c.Max); ok {
			out.max = &v
		}
	}
	return out, true
}

// value is a literal or a bound, comparable with those of its kind.
type value struct {
	text   string
	whole  *int64   // a number that is one
	num    *big.Rat // or any other
	time   time.Time
	double float64
	kind   table.Kind
}

// parseValue reads canonical text. Partition values may also be written as they
// are in directories of Spark: 2024-01-02 03:04:05.
func parseValue(kind table.Kind, text string) (value, bool) {
	v := value{kind: kind, text: text}
	var err error
	switch kind {
	case table.String:
		return v, true
	case table.Bool:
		v.text = strings.ToLower(text)
		return v, v.text == "true" || v.text == "false"
	case table.Int8, table.Int16, table.Int32, table.Int64, table.Decimal:
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			v.whole = &n
			return v, true
		}
		if !isNumber(text) {
			return v, false
		}
		var ok bool
		v.num, ok = new(big.Rat).SetString(text)
		return v, ok
	case table.Float, table.Double:
		v.double, err = strconv.ParseFloat(text, 64)
		if kind == table.Float && err == nil {
			v.double = float64(float32(v.double))
		}
		return v, err == nil
	case table.Date:
		v.time, err = time.Parse(time.DateOnly, text)
		return v, err == nil
	case table.Timestamp, table.TimestampNTZ:
		v.time, err = parseTime(text)
		return v, err == nil
	}
	return v, false
}

// isNumber bounds what may become a rational: an exponent could ask for all memory.
func isNumber(text string) bool {
	return text != "" && len(text) < 100 && strings.Trim(text, "+-.0123456789") == ""
}

// compare orders values of one kind: texts by their bytes, NaN above all floats.
func (v value) compare(o value) int {
	switch {
	case v.whole != nil && o.whole != nil:
		return cmp.Compare(*v.whole, *o.whole)
	case v.whole != nil || v.num != nil:
		return v.rational().Cmp(o.rational())
	case v.kind == table.Float || v.kind == table.Double:
		switch a, b := math.IsNaN(v.double), math.IsNaN(o.double); {
		case a && b:
			return 0
		case a:
			return 1
		case b:
			return -1
		}
		return cmp.Compare(v.double, o.double)
	case v.kind == table.Date || v.kind == table.Timestamp || v.kind == table.TimestampNTZ:
		return v.time.Compare(o.time)
	}
	return cmp.Compare(v.text, o.text)
}

func (v value) rational() *big.Rat {
	if v.whole != nil {
		return new(big.Rat).SetInt64(*v.whole)
	}
	return v.num
}

// kept is the value with a text of its own.
func (v value) kept() *value {
	v.text = strings.Clone(v.text)
	return &v
}

// Extent is the smallest and the largest value of a column, as canonical text
// (see [table.ColumnStats]); both nil when the table has no value in it.
type Extent struct{ Min, Max *string }

// Extent finds a column's smallest and largest value in the live rows by
// partition values and statistics alone. False means that they do not say: a file
// without statistics, with some of its rows deleted, or with bounds that may be
// cut (strings of 31 characters or more, timestamps) or leave out a NaN (floats).
//
// An error, *[Error] with [ErrInvalid], is for a column that the table does not
// have. Cost: the statistics of each file are parsed; no I/O. [Snapshot.Rows] is
// the like for the number of rows.
func (s *Snapshot) Extent(path ...string) (Extent, bool, error) {
	p, err := s.pruner(Predicate{Path: path, Op: IsNull})
	if err != nil {
		return Extent{}, false, err
	}
	columns := slices.DeleteFunc(slices.Clone(s.leaves), func(l leaf) bool { return !slices.Equal(l.path, path) })
	if len(columns) == 0 { // a struct
		return Extent{}, false, nil
	}
	var low, high *value
	known := true
	s.eachStats(maps.Values(s.state.files), func(a *fileAction, text *string) bool {
		f := table.File{Stats: parseStats(text, columns)}
		if f.Stats == nil {
			known = false // perhaps without any row
			return false
		}
		gone := int64(0)
		if a.DeletionVector != nil {
			gone = int64(a.DeletionVector.Cardinality)
		}
		if f.Stats.Rows == gone {
			return true
		}
		if p.partition {
			text := a.PartitionValues[columns[0].physical[0]]
			if text != nil && *text == "" {
				text = nil
			}
			f.Partition = map[string]*string{path[0]: text}
		}
		b, ok := p.bounds(f)
		if ok && b.allNull {
			return true
		}
		if !ok || b.min == nil || b.max == nil || !p.partition && (f.Stats.Loose || gone > 0) {
			known = false
			return false
		}
		if low == nil || b.min.compare(*low) < 0 {
			low = b.min.kept()
		}
		if high == nil || b.max.compare(*high) > 0 {
			high = b.max.kept()
		}
		return true
	})
	if !known {
		return Extent{}, false, nil
	}
	if low == nil {
		return Extent{}, true, nil
	}
	return Extent{&low.text, &high.text}, true, nil
}
