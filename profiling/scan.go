package profiling

import (
	"context"
	"fmt"
	"strings"

	"github.com/cespare/xxhash/v2"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/table"
)

// leaf is a column, or a part of a nested one, that is described by itself.
type leaf struct {
	Name string
	Type table.Type
	Of   string // the column that it is a part of, "" for a column
	sql  string // over the rows, or the elements, that it is in
}

// elements are the elements of a list, each a row.
type elements struct {
	from   string // SQL: the relation with its lists unnested
	leaves []leaf
}

// maxDepth is how deep parts of nested columns are looked into.
const maxDepth = 6

// layout is what is scanned of a relation: its rows first, then the elements of its lists.
type layout struct {
	rows  []leaf
	lists []elements
}

// leaves lists all that is described, columns with their parts behind them.
func (l *layout) leaves() []leaf {
	out := l.rows
	for _, e := range l.lists {
		out = append(out[:len(out):len(out)], e.leaves...)
	}
	return out
}

// layoutOf finds the leaves of a schema.
func layoutOf(say spelling, relation string, schema table.Schema, places bool) *layout {
	l := &layout{}
	from := say.Relation(relation)
	kept := ""
	if places {
		kept = ", " + say.Ident(engine.FileColumn) + ", " + say.Ident(engine.LineColumn)
	}
	var walk func(add func(leaf), from string, x leaf, depth int)
	list := func(from, unnested string, x leaf, depth int) {
		e := elements{from: fmt.Sprintf("(SELECT %s AS dq_element%s FROM %s) AS dq_list", say.unnest(unnested), kept, from)}
		walk(func(x leaf) { e.leaves = append(e.leaves, x) }, e.from, x, depth)
		l.lists = append(l.lists, e)
	}
	walk = func(add func(leaf), from string, x leaf, depth int) {
		of := x.Of
		if of == "" {
			of = x.Name
		}
		part := func(name, sql string, t table.Type) leaf { return leaf{name, t, of, sql} }
		switch x.Type.Kind {
		case table.Void:
			return
		case table.Array:
			add(leaf{x.Name, x.Type, x.Of, say.length(x.sql)})
			if depth < maxDepth {
				list(from, x.sql, part(x.Name+"[]", "dq_element", *x.Type.Elem), depth+1)
			}
		case table.Map:
			add(leaf{x.Name, x.Type, x.Of, say.mapSize(x.sql)})
			if depth < maxDepth {
				list(from, say.mapKeys(x.sql), part(x.Name+".key", "dq_element", *x.Type.Key), depth+1)
				list(from, say.mapValues(x.sql), part(x.Name+".value", "dq_element", *x.Type.Elem), depth+1)
			}
		case table.Struct:
			add(leaf{x.Name, x.Type, x.Of, say.present(x.sql)})
			for _, f := range x.Type.Fields {
				if depth < maxDepth {
					walk(add, from, part(x.Name+"."+f.Name, say.member(x.sql, f.Name), f.Type), depth+1)
				}
			}
		case table.String:
			add(leaf{x.Name, x.Type, x.Of, say.text(x.sql)})
		default:
			add(x)
		}
	}
	for _, f := range schema.Fields {
		walk(func(x leaf) { l.rows = append(l.rows, x) }, from, leaf{Name: f.Name, Type: f.Type, sql: say.Ident(f.Name)}, 0)
	}
	return l
}

// ScanOptions say how a relation is read.
type ScanOptions struct {
	// Places: the relation also has the columns [engine.FileColumn] and [engine.LineColumn].
	// Then the sample is the same in every run, and the order of values is known.
	Places bool
	// Sample is how many rows are kept at most, if that is fewer than [MaxSample].
	Sample int
}

// Scan reads a relation once, and the elements of each of its lists once more, and
// returns what is known of its rows. The relation is attached to s under that name and
// has the given schema. Memory is bounded whatever the number of rows: at most some 100 MB.
// Errors are those of the session, and of one that is no [engine.Vectorer].
func Scan(ctx context.Context, s engine.Session, d engine.Dialect, relation string, schema table.Schema, opts ScanOptions) (*State, error) {
	say, err := spellingOf(d)
	if err != nil {
		return nil, err
	}
	vectorer, ok := s.(engine.Vectorer)
	if !ok {
		return nil, fmt.Errorf("profile of %s: the engine hands out no vectors", relation)
	}
	places := opts.Places
	l := layoutOf(say, relation, schema, places)
	out := newState(l.leaves())
	whole := out.sample.size
	if opts.Sample > 0 {
		out.sample.size = min(opts.Sample, whole)
	}
	if len(l.rows) == 0 {
		count, err := s.Query(ctx, "SELECT count(*) FROM "+say.Relation(relation))
		if err != nil {
			return nil, fmt.Errorf("profile of %s: %w", relation, err)
		}
		out.Rows = integer(count.Values[0][0])
		return out, nil
	}
	scan := func(leaves []leaf, from string, first int) error {
		items := make([]string, len(leaves), len(leaves)+2)
		for i, x := range leaves {
			items[i] = x.sql
		}
		if places {
			items = append(items, say.text(say.Ident(engine.FileColumn)), say.bigint(say.Ident(engine.LineColumn)))
		}
		var parts []*State
		err := vectorer.Vectors(ctx, items, from, func() func(*engine.Batch) error {
			v := &visitor{state: newState(l.leaves()), first: first, count: len(leaves), places: places}
			v.state.sample.size = out.sample.size
			parts = append(parts, v.state)
			return v.visit
		})
		for _, p := range parts {
			out.Merge(p)
		}
		return err
	}
	if err := scan(l.rows, say.Relation(relation), 0); err != nil {
		return nil, fmt.Errorf("profile of %s: %w", relation, err)
	}
	first := len(l.rows)
	for _, e := range l.lists {
		if len(e.leaves) > 0 {
			if err := scan(e.leaves, e.from, first); err != nil {
				return nil, fmt.Errorf("profile of %s: %w", relation, err)
			}
		}
		first += len(e.leaves)
	}
	for _, c := range out.columns {
		c.order.fold(c.sort)
	}
	out.sample.prune()
	out.sample.size = whole
	return out, nil
}

// visitor adds batches to a state: the columns from first, count of them.
type visitor struct {
	state        *State
	first, count int
	places       bool
	scratch      scratch
	file         string
	fileHash     uint64
}

func (v *visitor) visit(b *engine.Batch) error {
	n := b.Rows
	s := &v.scratch
	if cap(s.rows) < n {
		s.rows, s.places = make([]uint64, n), make([]uint64, n)
	}
	s.rows, s.places = s.rows[:n], s.places[:n]
	for i := range s.rows {
		s.rows[i] = 0
	}
	columns := v.state.columns[v.first : v.first+v.count]
	if v.places {
		v.locate(b, columns)
	}
	for i, c := range columns {
		if !v.places {
			c.order.closed = true
		}
		c.add(&b.Columns[i], n, s, v.state.values)
	}
	if v.first > 0 {
		return nil
	}
	v.state.Rows += int64(n)
	if !v.places {
		for i, h := range s.rows {
			s.places[i] = mix(h + uint64(v.state.Rows) + uint64(i))
		}
	}
	v.state.rows.add(s.rows)
	v.state.sample.add(b, v.count, s.places)
	return nil
}

// locate takes the places of the rows.
func (v *visitor) locate(b *engine.Batch, columns []*column) {
	files, lines := &b.Columns[v.count], &b.Columns[v.count+1]
	s := &v.scratch
	for i := range b.Rows {
		if name := files.Texts[i]; name != v.file {
			v.file = strings.Clone(name)
			v.fileHash = xxhash.Sum64String(name)
		}
		s.places[i] = mix(v.fileHash + uint64(lines.Ints[i])*hashNull)
		if i == 0 {
			for _, c := range columns {
				c.order.place = place{v.file, lines.Ints[0]}
			}
		}
	}
}
