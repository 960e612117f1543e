package delta

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dq-dev/dq/table"
)

// schemaOf reads "id int64, s struct<a: string>"; ! after a type is not null.
func schemaOf(t testing.TB, text string) table.Schema {
	t.Helper()
	var s table.Schema
	for _, part := range strings.Split(text, "; ") {
		name, kind, _ := strings.Cut(part, " ")
		kind, required := strings.CutSuffix(kind, "!")
		parsed, err := table.ParseType(kind)
		if err != nil {
			t.Fatal(err)
		}
		s.Fields = append(s.Fields, table.Field{Name: name, Type: parsed, Nullable: !required})
	}
	return s
}

func schemaText(s table.Schema) string {
	var parts []string
	for _, f := range s.Fields {
		text := f.Name + " " + f.Type.String()
		if !f.Nullable {
			text += "!"
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "; ")
}

func TestMergeSchema(t *testing.T) {
	const old = "id int32!; s struct<a: int32>; l array<struct<x: string>>; d decimal(10,2)"
	cases := []struct{ name, widening, next, want, err string }{
		{"same", "false", old, old, ""},
		{"fewer", "false", "ID int32", old, ""},
		{"new ones", "false", "x date!; id int32; s struct<b: string>", "id int32!; s struct<a: int32, b: string>; l array<struct<x: string>>; d decimal(10,2); x date", ""},
		{"in an array", "false", "l array<struct<y: bool>>", "id int32!; s struct<a: int32>; l array<struct<x: string, y: bool>>; d decimal(10,2)", ""},
		{"narrower", "false", "id int8; d int8", "", `column "d" is decimal(10,2) and cannot take int8`},
		{"narrower that fits", "false", "id int8; d decimal(9,1)", old, ""},
		{"wider, not allowed", "false", "id int64", "", "without type widening (set delta.enableTypeWidening to true)"},
		{"wider", "true", "id int64; s struct<a: double>; d decimal(12,3)", "id int64!; s struct<a: double>; l array<struct<x: string>>; d decimal(12,3)", ""},
		{"incompatible", "true", "s string", "", `column "s" is struct<a: int32> and cannot take string`},
		{"long to double", "true", "id int64; id2 int64", "id int64!; s struct<a: int32>; l array<struct<x: string>>; d decimal(10,2); id2 int64", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			tb := testTable(&memory{})
			x := tb.Create("CREATE TABLE", schemaOf(t, old), nil, map[string]string{"delta.enableTypeWidening": c.widening})
			commitOK(t, x)
			x = x.Snapshot().Begin("WRITE")
			x.Add(dataFile("a"))
			commitOK(t, x)
			x = x.Snapshot().Begin("WRITE")
			x.MergeSchema(schemaOf(t, c.next))
			_, err := x.Commit(context.Background())
			if c.err != "" {
				if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), c.err) {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := schemaText(latest(t, tb).Schema()); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// TestTypeWidening pins the notes that readers of old files need.
func TestTypeWidening(t *testing.T) {
	tb := testTable(&memory{})
	x := tb.Create("CREATE TABLE", schemaOf(t, "n int8; l array<int16>; m map<int32,struct<v: float>>; d date"), nil, nil)
	x.Add(table.File{Path: "a", Size: 1})
	commitOK(t, x)
	if r, w := x.Snapshot().MinVersions(); r != 1 || w != 2 {
		t.Errorf("protocol %d/%d before anything needs more", r, w)
	}
	x = x.Snapshot().Begin("SET")
	x.SetProperties(map[string]string{"delta.enableTypeWidening": "true"})
	commitOK(t, x)
	for _, next := range []string{"n int16; l array<int32>; m map<int64,struct<v: double>>; d timestamp_ntz", "n int64; l array<int32>; m map<int64,struct<v: double>>; d timestamp_ntz"} {
		x = x.Snapshot().Begin("ALTER")
		x.SetSchema(schemaOf(t, next))
		commitOK(t, x)
	}
	s := latest(t, tb)
	note := func(f table.Field) string { return fmt.Sprint(f.Meta[typeChangesKey]) }
	f := s.Schema().Fields
	for _, c := range []struct{ got, want string }{
		{note(f[0]), "[map[fromType:byte toType:short] map[fromType:short toType:long]]"},
		{note(f[1]), "[map[fieldPath:element fromType:short toType:integer]]"},
		{note(f[2]), "[map[fieldPath:key fromType:integer toType:long]]"},
		{note(f[2].Type.Elem.Fields[0]), "[map[fromType:float toType:double]]"},
		{note(f[3]), "[map[fromType:date toType:timestamp_ntz]]"},
	} {
		if c.got != c.want {
			t.Errorf("got  %s\nwant %s", c.got, c.want)
		}
	}
	if reader, _ := s.Features(); strings.Join(reader, " ") != "timestampNtz typeWidening" {
		t.Errorf("reader features %v", reader)
	}
	x = s.Begin("ALTER")
	x.SetSchema(schemaOf(t, "n int32; l array<int32>; m map<int64,struct<v: double>>; d timestamp_ntz"))
	if _, err := x.Commit(context.Background()); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), `"n" cannot become int32 from int64`) {
		t.Errorf("got %v", err)
	}
}

// TestWidenColumn: a column gets a wider type, and the table the feature for it if files
// hold the narrower one.
func TestWidenColumn(t *testing.T) {
	const old = "n int8; l array<int16>; m map<int32,struct<v: float>>; d date; s string; p int32; w decimal(4,2); key int64"
	tb := testTable(&memory{})
	x := tb.Create("CREATE TABLE", schemaOf(t, old), []string{"p"}, nil)
	commitOK(t, x)
	type change struct {
		path string
		to   string
	}
	alter := func(s *Snapshot, changes ...change) (*Txn, error) {
		x := s.Begin("ALTER")
		for _, c := range changes {
			x.WidenColumn(strings.Split(c.path, "."), schemaOf(t, "x "+c.to).Fields[0].Type)
		}
		_, err := x.Commit(context.Background())
		return x, err
	}
	// Without files, no reader needs to know of other types.
	x, err := alter(x.Snapshot(), change{"w", "decimal(5,2)"})
	if err != nil {
		t.Fatal(err)
	}
	if r, w := x.Snapshot().MinVersions(); r != 1 || w != 2 {
		t.Errorf("protocol %d/%d of a table without files", r, w)
	}
	x = x.Snapshot().Begin("WRITE")
	x.Add(table.File{Path: "a", Size: 1, Partition: map[string]*string{"p": new("1")}})
	commitOK(t, x)
	s := x.Snapshot()
	for _, c := range []struct {
		change
		want string
	}{
		{change{"n", "int8"}, "it is int8 already"},
		{change{"n", "float"}, "it is int8, which can become int16, int32, int64, double, or a decimal with 10 digits or more before the point, and cannot become float"},
		{change{"n", "decimal(9,0)"}, "cannot become decimal(9,0)"},
		{change{"key", "double"}, "it is int64, which can become a decimal with 20 digits or more before the point, and cannot become double"},
		{change{"w", "decimal(5,3)"}, "it is decimal(5,2), which can become a decimal with no fewer digits before the point, nor behind it, and"},
		{change{"d", "timestamp"}, "it is date, which can become timestamp_ntz, and cannot become timestamp"},
		{change{"s", "int64"}, "it is string, which cannot be widened, and cannot become int64"},
		{change{"l", "array<int64>"}, "it is array<int16>, which is widened by its elements, as in a.element"},
		{change{"m", "map<int64,struct<v: float>>"}, "is widened by what it holds, as in a.key and a.value"},
		{change{"m.value", "struct<v: double>"}, "is widened by its members, as in a.b"},
		{change{"n.element", "int64"}, `there is no "element" in a column of type int8`},
		{change{"m.value.x", "int64"}, `there is no column "x"`},
		{change{"gone", "int64"}, `there is no column "gone"`},
		{change{"p", "int64"}, `the partition column "p" cannot go or change its type`},
	} {
		if _, err := alter(s, c.change); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s to %s: got %v, want %s", c.path, c.to, err, c.want)
		}
	}
	x, err = alter(s, change{"N", "int32"}, change{"l.element", "int64"}, change{"m.key", "decimal(12,2)"}, change{"m.value.v", "double"}, change{"d", "timestamp_ntz"}, change{"w", "decimal(9,4)"}, change{"key", "decimal(20,0)"})
	if err != nil {
		t.Fatal(err)
	}
	s = x.Snapshot()
	if got, want := schemaText(s.Schema()), "n int32; l array<int64>; m map<decimal(12,2),struct<v: double>>; d timestamp_ntz; s string; p int32; w decimal(9,4); key decimal(20,0)"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	f := s.Schema().Fields
	for i, want := range map[int]string{0: "[map[fromType:byte toType:integer]]", 1: "[map[fieldPath:element fromType:short toType:long]]", 2: "[map[fieldPath:key fromType:integer toType:decimal(12,2)]]", 6: "[map[fromType:decimal(5,2) toType:decimal(9,4)]]"} {
		if got := fmt.Sprint(f[i].Meta[typeChangesKey]); got != want {
			t.Errorf("column %s has %s, want %s", f[i].Name, got, want)
		}
	}
	if reader, writer := s.Features(); strings.Join(reader, " ") != "timestampNtz typeWidening" || strings.Join(writer, " ") != "appendOnly invariants timestampNtz typeWidening" {
		t.Errorf("features %v, %v", reader, writer)
	}
	// What an expression means may depend on the type.
	x = s.Begin("ALTER")
	x.AddConstraint("small", "n < 9")
	commitOK(t, x)
	if _, err := alter(x.Snapshot(), change{"n", "int64"}); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "it is used by the constraint small") {
		t.Errorf("got %v", err)
	}
	// Who switches it off means it.
	x = x.Snapshot().Begin("ALTER")
	x.SetProperties(map[string]string{"delta.enableTypeWidening": "false"})
	x.WidenColumn([]string{"w"}, table.Type{Kind: table.Decimal, Precision: 12, Scale: 4})
	if _, err := x.Commit(context.Background()); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "without type widening") {
		t.Errorf("got %v", err)
	}
}

func TestColumnMapping(t *testing.T) {
	disk := &memory{}
	tb := testTable(disk)
	x := tb.Create("CREATE TABLE", schemaOf(t, "p string; id int64; s struct<a: string, b: string>"), []string{"p"}, nil)
	commitOK(t, x)
	file := func(name, column string) table.File {
		f := dataFile(name)
		f.Partition = map[string]*string{column: new("1")}
		return f
	}
	x = x.Snapshot().Begin("WRITE")
	x.Add(file("a", "p"))
	commitOK(t, x)
	old := x.Snapshot()

	x = old.Begin("ALTER")
	x.RenameColumn([]string{"id"}, "key")
	if _, err := x.Commit(context.Background()); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "set the property delta.columnMapping.mode to name first") {
		t.Errorf("got %v", err)
	}
	x = old.Begin("ALTER")
	x.SetProperties(map[string]string{"delta.columnMapping.mode": "name"})
	x.RenameColumn([]string{"id"}, "the key, really")
	x.RenameColumn([]string{"p"}, "part")
	x.RenameColumn([]string{"s", "a"}, "c")
	x.DropColumn([]string{"s", "b"})
	x.MergeSchema(schemaOf(t, "id string; s struct<b: int64>"))
	commitOK(t, x)
	s := latest(t, testTable(disk))
	if got, want := schemaText(s.Schema()), "part string; the key, really int64; s struct<c: string, b: int64>; id string"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if r, w := s.MinVersions(); r != 2 || w != 5 || s.ColumnMapping() != "name" || s.PartitionBy()[0] != "part" {
		t.Errorf("protocol %d/%d, mapping %s by %v", r, w, s.ColumnMapping(), s.PartitionBy())
	}
	fields := s.Schema().Fields
	physical := func(f table.Field) string { return fmt.Sprint(f.Meta[mappingName], " ", f.Meta[mappingID]) }
	if physical(fields[0]) != "p 1" || physical(fields[1]) != "id 2" || physical(fields[2].Type.Fields[0]) != "a 4" ||
		s.Properties()[maxColumnID] != "7" || !strings.HasPrefix(physical(fields[3]), "col-") || !strings.HasPrefix(physical(fields[2].Type.Fields[1]), "col-") {
		t.Errorf("columns %v, last id %s", fields, s.Properties()[maxColumnID])
	}
	// Old files are read under the new names; statistics and values follow.
	f := fileList(t, s)[0]
	if *f.Partition["part"] != "1" || f.Stats.Columns[0].Path[0] != "the key, really" {
		t.Errorf("file %+v", f)
	}
	// Rows need a writer that knows physical names; the log has them too.
	x = s.Begin("WRITE")
	x.Add(file("b", "part"))
	if _, err := x.Commit(context.Background()); !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), "column mapping by name") {
		t.Errorf("got %v", err)
	}
	x = s.Begin("WRITE")
	x.Upholds("columnMapping")
	b := file("b", "part")
	b.Stats.Columns = []table.ColumnStats{{Path: []string{"id"}, Min: new("x"), Max: new("y")}}
	x.Add(b)
	commitOK(t, x)
	log := string(disk.files[commitName(x.Snapshot().Version())])
	name, _ := fields[3].Meta[mappingName].(string)
	if !strings.Contains(log, `"partitionValues":{"p":"1"}`) || !strings.Contains(log, `minValues\":{\"`+name+`\":\"x\"}`) {
		t.Errorf("log %s", log)
	}
	s = x.Snapshot()
	// SetSchema finds columns by name, and a dropped name is another column.
	x = s.Begin("ALTER")
	x.SetSchema(schemaOf(t, "id string; part string; s struct<c: string>; the_key int64"))
	commitOK(t, x)
	next := x.Snapshot().Schema().Fields
	if physical(next[0]) != physical(fields[3]) || physical(next[1]) != "p 1" || physical(next[2].Type.Fields[0]) != "a 4" || !strings.HasSuffix(physical(next[3]), " 8") {
		t.Errorf("columns %v", next)
	}
	s = x.Snapshot()
	for _, c := range []struct {
		do   func(*Txn)
		want string
	}{
		{func(x *Txn) { x.RenameColumn([]string{"id"}, "S") }, `there is a column "s" already`},
		{func(x *Txn) { x.RenameColumn([]string{"nope"}, "x") }, `there is no column "nope"`},
		{func(x *Txn) { x.RenameColumn([]string{"s", "z"}, "x") }, `there is no column "z"`},
		{func(x *Txn) { x.RenameColumn([]string{"id", "z"}, "x") }, `no "z" in a column of type string`},
		{func(x *Txn) { x.RenameColumn(nil, "x") }, "no column is named"},
		{func(x *Txn) { x.RenameColumn([]string{"id"}, "") }, "new name is empty"},
		{func(x *Txn) { x.DropColumn([]string{"part"}) }, "partition column"},
		{func(x *Txn) { x.DropColumn([]string{"s", "c"}) }, "the last one"},
		{func(x *Txn) { x.AddConstraint("Long", "length(ID) > 3"); x.DropColumn([]string{"id"}) }, "used by the constraint long"},
		{func(x *Txn) { x.SetProperties(map[string]string{"delta.columnMapping.mode": "id"}) }, "name from none, and nothing else"},
		{func(x *Txn) { x.SetProperties(map[string]string{"delta.columnMapping.mode": "none"}) }, "name from none, and nothing else"},
		{func(x *Txn) { x.UnsetProperties("delta.columnMapping.mode") }, "cannot be switched off"},
	} {
		x := s.Begin("ALTER")
		c.do(x)
		if _, err := x.Commit(context.Background()); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
}

func TestNewMappedTable(t *testing.T) {
	tb := testTable(&memory{})
	x := tb.Create("CREATE TABLE", schemaOf(t, "id int64; m map<string,struct<a: string>>"), nil, map[string]string{"delta.columnMapping.mode": "id"})
	commitOK(t, x)
	s := latest(t, tb)
	inner := s.Schema().Fields[1].Type.Elem.Fields[0]
	if s.ColumnMapping() != "id" || inner.Meta[mappingID] != int64(3) || s.Properties()[maxColumnID] != "3" {
		t.Errorf("mapping %s, %v", s.ColumnMapping(), inner.Meta)
	}
}

// TestNewTableOfAnyNames: a name that needs column mapping, at any depth, switches it
// on. The files have the names that were given out before, also when another process
// commits.
func TestNewTableOfAnyNames(t *testing.T) {
	ctx := context.Background()
	text := table.Type{Kind: table.String}
	inner := table.Type{Kind: table.Struct, Fields: []table.Field{{Name: "a b", Type: text, Nullable: true}}}
	list := table.Type{Kind: table.Array, Elem: &inner}
	for _, c := range []struct {
		f      table.Field
		mapped bool
	}{
		{table.Field{Name: "é.%[:/", Type: text}, false},
		{table.Field{Name: "Invoice No", Type: text}, true},
		{table.Field{Name: "a,b", Type: text}, true},
		{table.Field{Name: "a=b", Type: text}, true},
		{table.Field{Name: "tab\tbed", Type: text}, true},
		{table.Field{Name: "m", Type: table.Type{Kind: table.Map, Key: &text, Elem: &list}}, true},
	} {
		tb := testTable(&memory{})
		given := table.Schema{Fields: []table.Field{{Name: "id", Type: table.Type{Kind: table.Int64}, Nullable: true}, c.f}}
		s, err := tb.Mapped(given)
		if err != nil {
			t.Fatal(err)
		}
		x := tb.Create("WRITE", s, nil, nil)
		x.Add(dataFile("a.parquet"))
		x.Upholds("columnMapping")
		prepared, err := x.MarshalJSON()
		if err != nil {
			t.Fatalf("%s: %v", c.f.Name, err)
		}
		y, err := tb.seeded(7).Resume(prepared)
		if err != nil {
			t.Fatal(err)
		}
		commitOK(t, y)
		now := latest(t, tb)
		reader, _ := now.MinVersions()
		if mapped := now.ColumnMapping() == "name"; mapped != c.mapped || mapped != (reader == 2) || mapped != (s.Fields[0].Meta != nil) || PlainName(c.f.Name) == mapped && c.f.Name != "m" {
			t.Errorf("%s: mapping %s, readers %d, %v", c.f.Name, now.ColumnMapping(), reader, s.Fields[0].Meta)
		}
		if !sameFields(now.Schema().Fields, s.Fields) {
			t.Errorf("%s: the files have %v, the table %v", c.f.Name, s.Fields, now.Schema().Fields)
		}

		// Whoever does not know these names writes no rows, and who wants no mapping no such names.
		if !c.mapped {
			continue
		}
		x = testTable(&memory{}).Create("WRITE", given, nil, nil)
		x.Add(dataFile("a.parquet"))
		if _, err := x.Commit(ctx); !errors.Is(err, ErrUnsupported) {
			t.Errorf("%s: got %v, want ErrUnsupported", c.f.Name, err)
		}
		x = testTable(&memory{}).Create("WRITE", given, nil, map[string]string{mappingMode: "none"})
		if _, err := x.Commit(ctx); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: got %v, want ErrInvalid", c.f.Name, err)
		}
		old := create(t, testTable(&memory{}), nil)
		if _, err := old.Mapped(given); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), mappingMode) {
			t.Errorf("%s: got %v, want ErrInvalid", c.f.Name, err)
		}
	}
}

func TestProperties(t *testing.T) {
	ctx := context.Background()
	tb := testTable(&memory{})
	s := create(t, tb, map[string]string{"a": "1", "b": "2"})
	x := s.Begin("SET TBLPROPERTIES")
	x.SetProperties(map[string]string{"c": "3", "delta.appendOnly": "true"})
	x.UnsetProperties("a", "never there")
	commitOK(t, x)
	if got := fmt.Sprint(latest(t, tb).Properties()); got != "map[b:2 c:3 delta.appendOnly:true]" {
		t.Errorf("properties %s", got)
	}
	for _, c := range []struct{ key, value, want string }{
		{"delta.appendOnly", "yes", `"yes" is not true or false`}, {"delta.checkpointInterval", "0", "a number from 1"},
		{"delta.logRetentionDuration", "2 months", "interval 7 days"}, {"delta.dataSkippingNumIndexedCols", "-2", "a number from -1"},
		{"delta.checkpointPolicy", "v3", "classic or v2"}, {"delta.isolationLevel", "x", "Serializable"},
		{"delta.constraints.x", "true", "by name"}, {"delta.columnMapping.maxColumnId", "7", "kept by the table"},
		{"delta.enableRowTracking", "true", "begins no ids"}, {"delta.enableIcebergCompatV2", "true", "does not uphold"}, {"delta.feature.x", "supported", "cannot be set"}, {"delta.minReaderVersion", "3", "cannot be set"},
	} {
		x := s.Begin("SET")
		x.SetProperties(map[string]string{c.key: c.value})
		if _, err := x.Commit(ctx); err == nil || !strings.Contains(err.Error(), c.want) || !errors.Is(err, ErrInvalid) && !errors.Is(err, ErrUnsupported) {
			t.Errorf("%s=%s: %v", c.key, c.value, err)
		}
	}
}

func TestConstraints(t *testing.T) {
	ctx := context.Background()
	tb := testTable(&memory{})
	s := appendFiles(t, create(t, tb, nil), "a")
	x := s.Begin("ADD CONSTRAINT")
	x.AddConstraint("Positive", "id > 0")
	other := s.Begin("WRITE")
	other.Add(dataFile("b"))
	commitOK(t, other)
	var conflict *ConflictError
	if _, err := x.Commit(ctx); !errors.As(err, &conflict) || conflict.Kind != ConcurrentAppend {
		t.Errorf("rows that came meanwhile were not checked: %v", err)
	}
	s = other.Snapshot()
	x = s.Begin("ADD CONSTRAINT")
	x.AddConstraint("Positive", "id > 0")
	commitOK(t, x)
	s = latest(t, tb)
	if _, w := s.MinVersions(); w != 3 || s.Constraints()["positive"] != "id > 0" {
		t.Errorf("writer version %d, %v", w, s.Constraints())
	}
	x = s.Begin("WRITE")
	x.Add(dataFile("c"))
	if _, err := x.Commit(ctx); !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), "CHECK constraint positive") {
		t.Errorf("got %v", err)
	}
	x = s.Begin("WRITE")
	x.Add(dataFile("c"))
	x.Upholds("checkConstraints")
	commitOK(t, x)
	s = x.Snapshot()
	for _, c := range []struct {
		do   func(*Txn)
		want string
	}{
		{func(x *Txn) { x.AddConstraint("POSITIVE", "id > 1") }, "is there already, as id > 0"},
		{func(x *Txn) { x.AddConstraint("", "id > 1") }, "no name"},
		{func(x *Txn) { x.AddConstraint("x", " ") }, "no expression"},
		{func(x *Txn) { x.DropConstraint("x") }, "no constraint x"},
		{func(x *Txn) { x.DropConstraint("positive"); x.DropConstraint("positive") }, "no constraint positive"},
		{func(x *Txn) { x.Upholds("everything") }, `"everything" is none of`},
	} {
		x := s.Begin("ALTER")
		c.do(x)
		if _, err := x.Commit(ctx); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
	x = s.Begin("DROP CONSTRAINT")
	x.DropConstraint("POSITIVE")
	commitOK(t, x)
	if got := latest(t, tb).Constraints(); len(got) != 0 {
		t.Errorf("constraints %v", got)
	}
}

// TestTimestampsSwitchedOn: the commit that does it has its own time, and others'
// commits between do not move the version that is noted.
func TestTimestampsSwitchedOn(t *testing.T) {
	ctx := context.Background()
	tb := testTable(&memory{})
	s := create(t, tb, nil)
	x := s.Begin("SET")
	x.SetProperties(map[string]string{"delta.enableInCommitTimestamps": "true"})
	y := s.Begin("SET")
	y.SetTxn("other", 1)
	commitOK(t, y)
	commitOK(t, x)
	s = latest(t, tb)
	p := s.Properties()
	if p["delta.inCommitTimestampEnablementVersion"] != "2" || p["delta.inCommitTimestampEnablementTimestamp"] != fmt.Sprint(s.Time().UnixMilli()) {
		t.Errorf("%v at %s", p, s.Time())
	}
	for want, at := range map[int64]time.Time{1: s.Time().Add(-time.Millisecond), 2: s.Time()} {
		if got, err := tb.Snapshot(ctx, Time(at)); err != nil || got.Version() != want {
			t.Errorf("%v %v, want version %d", got, err, want)
		}
	}
	x = s.Begin("SET")
	x.SetProperties(map[string]string{"delta.enableInCommitTimestamps": "false"})
	commitOK(t, x)
	if p := latest(t, tb).Properties(); len(p) != 1 {
		t.Errorf("properties %v", p)
	}
}

// TestSetPartitionBy: the partition columns change with all files, and not else.
func TestSetPartitionBy(t *testing.T) {
	tb := testTable(&memory{})
	s := create(t, tb, nil)
	s = appendFiles(t, s, "a")
	column := s.Schema().Fields[0].Name
	value := "1"
	change := func(remove bool, by ...string) (*Txn, error) {
		x := s.Begin("WRITE")
		x.SetPartitionBy(by)
		if remove {
			x.Remove(fileList(t, s)...)
		}
		f := dataFile("b" + column)
		if len(by) > 0 {
			f.Partition = map[string]*string{by[0]: &value}
		}
		x.Add(f)
		_, err := x.Commit(t.Context())
		return x, err
	}
	if _, err := change(false, column); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "cannot change while files") {
		t.Errorf("with a file that stays: %v", err)
	}
	if _, err := change(true, "nosuch"); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), `"nosuch" is not in the schema`) {
		t.Errorf("of a column that is not there: %v", err)
	}
	x, err := change(true, column)
	if err != nil {
		t.Fatal(err)
	}
	if got := latest(t, tb).PartitionBy(); len(got) != 1 || got[0] != column {
		t.Errorf("partitioned by %v", got)
	}
	s, column = x.Snapshot(), column+"2"
	if _, err = change(true); err != nil || len(latest(t, tb).PartitionBy()) != 0 {
		t.Errorf("to none: %v", err)
	}
	fresh := testTable(&memory{})
	made := fresh.Create("CREATE TABLE", s.Schema(), nil, nil)
	made.SetPartitionBy([]string{s.Schema().Fields[0].Name})
	if _, err := made.Commit(t.Context()); err != nil || len(latest(t, fresh).PartitionBy()) != 1 {
		t.Errorf("of a new table: %v", err)
	}
}
