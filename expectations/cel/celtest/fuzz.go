package celtest

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/expectations/cel"
	"github.com/dq-dev/dq/table"
)

// Fuzz compares the engine with the reference on a random schema, random rows and
// random expressions over all functions, all drawn from the fuzzer's bytes. What
// it finds belongs into rows.txt as well: bytes mean something else when the
// generator changes.
func Fuzz(f *testing.F, open func() (engine.Engine, error)) {
	for seed := range 40 {
		data := make([]byte, 64)
		r := rand.New(rand.NewPCG(uint64(seed), 3))
		for i := range data {
			data[i] = byte(r.IntN(256))
		}
		f.Add(data)
	}
	e, err := open()
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = e.Close() })
	s, err := e.Session(context.Background())
	if err != nil {
		f.Fatal(err)
	}
	attachKeys(f, s, e.Dialect())
	f.Fuzz(func(t *testing.T, data []byte) {
		r := rand.New(&byteSource{data: data})
		schema := randomSchema(r)
		env, err := cel.NewEnv(schema, nil)
		if err != nil {
			t.Fatal(err)
		}
		c := &comparison{t: t, session: s, dialect: e.Dialect(), env: env, schema: schema, rows: randomRows(r, schema, 8), facts: facts()}
		c.attach(relation, c.rows)
		g := &generator{Rand: r}
		var sources []string
		for range 24 {
			sources = append(sources, g.condition(2+g.IntN(3)))
		}
		c.compareRows(sources, false)
		for range 6 {
			where := ""
			if g.IntN(2) == 0 {
				where = g.condition(2)
			}
			c.compareMetric(relation, c.rows, g.aggregate(2), where, false)
		}
	})
}

// byteSource is a source of random numbers whose every number is made of two
// bytes, so that a changed byte changes one choice.
type byteSource struct {
	data []byte
	used uint64
}

func (s *byteSource) Uint64() uint64 {
	s.used++
	x := s.used
	if len(s.data) >= 2 {
		x = uint64(binary.LittleEndian.Uint16(s.data)) + 1
		s.data = s.data[2:]
	}
	x += 0x9e3779b97f4a7c15 * (x + s.used) // splitmix64
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// randomSchema gives the columns of Schema other types that behave like theirs.
func randomSchema(r *rand.Rand) table.Schema {
	s := table.Schema{Fields: slices.Clone(Schema.Fields)}
	for i, f := range s.Fields {
		if f.Name != "n" {
			s.Fields[i].Type = randomType(r, f.Type)
		}
	}
	return s
}

func randomType(r *rand.Rand, t table.Type) table.Type {
	one := func(kinds ...table.Kind) table.Kind { return kinds[r.IntN(len(kinds))] }
	switch t.Kind {
	case table.Int64, table.Int32, table.Int8:
		t.Kind = one(table.Int64, table.Int64, table.Int32, table.Int16, table.Int8)
	case table.Double, table.Float:
		t.Kind = one(table.Double, table.Double, table.Float)
	case table.Timestamp, table.TimestampNTZ:
		t.Kind = one(table.Timestamp, table.TimestampNTZ)
	case table.Decimal:
		if r.IntN(2) == 0 {
			t.Precision = 1 + r.IntN(38)
			t.Scale = r.IntN(t.Precision + 1)
		}
	}
	if t.Elem != nil {
		elem := randomType(r, *t.Elem)
		t.Elem = &elem
	}
	if t.Fields != nil {
		t.Fields = slices.Clone(t.Fields)
		for i := range t.Fields {
			t.Fields[i].Type = randomType(r, t.Fields[i].Type)
		}
	}
	return t
}

// attachKeys makes the table that rules look into.
func attachKeys(t testing.TB, s engine.Session, d engine.Dialect) {
	t.Helper()
	if _, err := s.Attach(context.Background(), engine.Input{Name: "celtest_keys", SQL: rowsSQL(d, keySchema, keyRows), Materialise: true}); err != nil {
		t.Fatalf("attach keys: %v", err)
	}
}
