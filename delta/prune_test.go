package delta

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/dq-dev/dq/table"
)

// measured is a table with one file a partition, and its files.
func measured(t *testing.T, files ...table.File) *Snapshot {
	t.Helper()
	schema := table.Schema{Fields: append(slices.Clone(orders.Fields),
		table.Field{Name: "day", Type: table.Type{Kind: table.Date}, Nullable: true},
		table.Field{Name: "price", Type: table.Type{Kind: table.Decimal, Precision: 18, Scale: 2}, Nullable: true},
		table.Field{Name: "weight", Type: table.Type{Kind: table.Double}, Nullable: true},
		table.Field{Name: "at", Type: table.Type{Kind: table.Timestamp}, Nullable: true})}
	x := testTable(&memory{}).Create("WRITE", schema, []string{"day"}, nil)
	x.Add(files...)
	commitOK(t, x)
	return x.Snapshot()
}

func withStats(name string, day *string, columns ...table.ColumnStats) table.File {
	f := dataFile(name)
	f.Partition, f.Stats.Columns = map[string]*string{"day": day}, columns
	return f
}

func ranged(name, low, high string, nulls int64) table.ColumnStats {
	c := table.ColumnStats{Path: []string{name}, Nulls: &nulls}
	if low != "" {
		c.Min, c.Max = &low, &high
	}
	return c
}

func TestPrune(t *testing.T) {
	long := "aaaaaaaaaabbbbbbbbbbccccccccccddddd"
	s := measured(t,
		withStats("a", new("2024-01-01"), ranged("id", "1", "10", 0), ranged("price", "-1.50", "9.99", 0), ranged("weight", "1", "2", 0),
			ranged("at", "2024-01-01T00:00:00Z", "2024-01-01T12:00:00.123456Z", 0), ranged("note", long, long, 0)),
		withStats("b", new("2024-01-02"), ranged("id", "7", "7", 0), ranged("price", "10.00", "100.00", 5)),
		withStats("c", nil, ranged("id", "", "", 10)),
		table.File{Path: "d", Size: 1, Partition: map[string]*string{"day": new("2024-01-04")}})
	for _, c := range []struct {
		column string
		op     Op
		values []string
		want   string
	}{
		{"id", Equal, []string{"7"}, "a b d"},
		{"id", Equal, []string{"11"}, "d"},
		{"id", NotEqual, []string{"7"}, "a d"},
		{"id", Less, []string{"7"}, "a d"},
		{"id", LessOrEqual, []string{"7"}, "a b d"},
		{"id", Greater, []string{"7"}, "a d"},
		{"id", GreaterOrEqual, []string{"10"}, "a d"},
		{"id", In, []string{"0", "7"}, "a b d"},
		{"id", In, nil, "d"},
		{"id", In, []string{"0", "99999999999999999999"}, "d"},
		{"id", IsNull, nil, "c d"},
		{"id", IsNotNull, nil, "a b d"},
		{"id", Equal, []string{"seven"}, "a b c d"}, // the engine will say what is wrong with it
		{"day", Equal, []string{"2024-01-02"}, "b"},
		{"day", NotEqual, []string{"2024-01-02"}, "a d"},
		{"day", IsNull, nil, "c"},
		{"day", IsNotNull, nil, "a b d"},
		{"day", Greater, []string{"2024-01-01"}, "b d"},
		{"price", Less, []string{"10"}, "a c d"},
		{"price", Equal, []string{"9.990"}, "a c d"},
		{"price", Greater, []string{"100"}, "c d"},
		{"weight", Greater, []string{"5"}, "a b c d"}, // there may be a NaN, which is greater
		{"weight", Less, []string{"1"}, "b c d"},
		{"at", Greater, []string{"2024-01-01T12:00:00.123455Z"}, "a b c d"}, // the log holds milliseconds
		{"at", Greater, []string{"2024-01-01T12:00:00.123999Z"}, "b c d"},
		{"note", Equal, []string{long}, "a b c d"},
		{"note", Equal, []string{"b"}, "b c d"},
	} {
		got, err := s.Prune(fileList(t, s), Predicate{Path: []string{c.column}, Op: c.op, Values: c.values})
		if err != nil {
			t.Fatal(err)
		}
		if paths(got) != c.want {
			t.Errorf("%s %s %q keeps %q, want %q", c.column, c.op, c.values, paths(got), c.want)
		}
	}
	got, err := s.Prune(fileList(t, s), Predicate{Path: []string{"day"}, Op: Greater, Values: []string{"2024-01-01"}}, Predicate{Path: []string{"id"}, Op: Less, Values: []string{"3"}})
	if err != nil || paths(got) != "d" {
		t.Errorf("two predicates keep %q (%v)", paths(got), err)
	}
	id := func(op Op, v string) Predicate { return Predicate{Path: []string{"id"}, Op: op, Values: []string{v}} }
	for _, c := range []struct {
		p    Predicate
		want string
	}{
		{Predicate{Op: Or, Of: []Predicate{id(Less, "3"), id(Greater, "99")}}, "a d"},
		{Predicate{Op: Or, Of: []Predicate{id(Equal, "7"), {Path: []string{"day"}, Op: IsNull}}}, "a b c d"},
		{Predicate{Op: And, Of: []Predicate{id(Less, "8"), id(Greater, "6"), {Op: Or, Of: []Predicate{id(Equal, "1"), id(Equal, "2")}}}}, "a d"},
		{Predicate{Op: Or}, ""},
		{Predicate{Op: And}, "a b c d"},
	} {
		if got, err := s.Prune(fileList(t, s), c.p); err != nil || paths(got) != c.want {
			t.Errorf("%v keeps %q (%v), want %q", c.p, paths(got), err, c.want)
		}
	}
	for _, p := range []Predicate{{Path: []string{"no"}, Op: Equal, Values: []string{"1"}}, {Op: Equal, Values: []string{"1"}}, id("LIKE", "x"),
		{Path: []string{"id"}, Op: Equal}, {Path: []string{"id", "x"}, Op: IsNull}, {Path: []string{"id"}, Op: Or}, {Path: []string{"id"}, Op: IsNull, Of: []Predicate{id(Equal, "1")}}} {
		if _, err := s.Prune(nil, p); err == nil {
			t.Errorf("%v is no error", p)
		}
	}
}

// TestPruneKeepsRows: no file with a row that satisfies the predicate is dropped,
// and without nulls or cuts none stays that has no such row.
func TestPruneKeepsRows(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	ops := map[Op]func(a, b int) bool{
		Equal: func(a, b int) bool { return a == b }, NotEqual: func(a, b int) bool { return a != b },
		Less: func(a, b int) bool { return a < b }, LessOrEqual: func(a, b int) bool { return a <= b },
		Greater: func(a, b int) bool { return a > b }, GreaterOrEqual: func(a, b int) bool { return a >= b },
	}
	for range 50 {
		var files []table.File
		rows := map[string][]int{}
		for i := range 20 {
			name := "f" + strconv.Itoa(i)
			for range 1 + r.IntN(3) {
				rows[name] = append(rows[name], r.IntN(21)-10)
			}
			files = append(files, withStats(name, nil, ranged("id", strconv.Itoa(slices.Min(rows[name])), strconv.Itoa(slices.Max(rows[name])), 0)))
		}
		s := measured(t, files...)
		for op, holds := range ops {
			literal := r.IntN(25) - 12
			kept, err := s.Prune(fileList(t, s), Predicate{Path: []string{"id"}, Op: op, Values: []string{strconv.Itoa(literal)}})
			if err != nil {
				t.Fatal(err)
			}
			for name, values := range rows {
				has := slices.ContainsFunc(values, func(v int) bool { return holds(v, literal) })
				stays := slices.ContainsFunc(kept, func(f table.File) bool { return f.Path == name })
				if has && !stays {
					t.Errorf("id %s %d drops a file of %v", op, literal, values)
				}
				if stays && !has && op != Equal {
					t.Errorf("id %s %d keeps a file of %v", op, literal, values)
				}
			}
		}
	}
}

func TestExtent(t *testing.T) {
	a := withStats("a", new("2024-01-02"), ranged("id", "9", "10", 0), ranged("price", "1.00", "2.00", 0), ranged("note", "a", "b", 0),
		ranged("at", "2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z", 0), ranged("weight", "1", "2", 0))
	b := withStats("b", new("2024-01-01"), ranged("id", "-3", "5", 2), ranged("price", "", "", 10), ranged("note", "c", "dddddddddddddddddddddddddddddddd", 0))
	s := measured(t, a, b)
	for name, want := range map[string]string{"id": "-3 10", "price": "1.00 2.00", "day": "2024-01-01 2024-01-02", "note": "", "at": "", "weight": ""} {
		e, ok, err := s.Extent(name)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if ok {
			got = *e.Min + " " + *e.Max
		}
		if got != want {
			t.Errorf("%s is from %q, want %q", name, got, want)
		}
	}
	if e, ok, err := measured(t).Extent("id"); !ok || err != nil || e != (Extent{}) {
		t.Errorf("an empty table's extent is %v %t %v", e, ok, err)
	}
	c := withStats("c", nil)
	if _, ok, err := measured(t, a, c).Extent("id"); ok || err != nil {
		t.Errorf("a file without statistics has an extent (%v)", err)
	}
	if _, _, err := s.Extent("no"); err == nil {
		t.Error("a column that is not there has an extent")
	}
}

// TestPruneWidenedFloats: a float 0.7 is 0.699999988 once its column is of doubles,
// while the statistics of its file go on to say 0.7.
func TestPruneWidenedFloats(t *testing.T) {
	s := measured(t, withStats("a", nil, ranged("weight", "0.7", "0.7", 0)))
	for i := range s.schema.Fields {
		if f := &s.schema.Fields[i]; f.Name == "weight" {
			f.Meta = map[string]any{"delta.typeChanges": []any{map[string]any{"fromType": "float", "toType": "double"}}}
		}
	}
	for literal, want := range map[string]string{"0.7": "a", "0.69999999": "a", "0.6": ""} {
		got, err := s.Prune(fileList(t, s), Predicate{Path: []string{"weight"}, Op: Less, Values: []string{literal}})
		if err != nil || paths(got) != want {
			t.Errorf("weight < %s keeps %q (%v), want %q", literal, paths(got), err, want)
		}
	}
}
