package delta

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/dq-dev/dq/table"
)

func seedFiles(f *testing.F, pattern string) {
	f.Helper()
	files, err := filepath.Glob(filepath.FromSlash(pattern))
	if err != nil || len(files) == 0 {
		f.Fatalf("no seeds in %s", pattern)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
}

// FuzzCommit: any bytes as the first commit give a table or an *Error.
func FuzzCommit(f *testing.F) {
	seedFiles(f, "testdata/*/*/table/_delta_log/00000000000000000000.json")
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := parseCommit("f", 0, data)
		if err == nil {
			err = c.checkFiles("f")
		}
		if err == nil {
			st := newState()
			st.apply(c)
			var s *Snapshot
			if s, err = Open(&memory{}).snapshot(context.Background(), st, nil); err == nil {
				s.Rows()
				for _, err = range s.Files(context.Background()) {
				}
			}
		}
		var e *Error
		if err != nil && !errors.As(err, &e) {
			t.Fatalf("%T: %v", err, err)
		}
	})
}

// FuzzCheckpoint: any bytes as a checkpoint give actions or an error.
func FuzzCheckpoint(f *testing.F) {
	data, err := formatCheckpoint(checkpointShape, []action{{Protocol: &protocol{MinReader: 1, MinWriter: 2}},
		{Add: &fileAction{Path: "a", Size: numberOf(1), PartitionValues: map[string]*string{"p": nil, "q": new("x")}}},
		{MetaData: &metaData{PartitionColumns: []string{"p"}}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add(data[:len(data)/2])
	seedFiles(f, "testdata/*/*/table/_delta_log/*.checkpoint*.parquet")
	f.Fuzz(func(t *testing.T, data []byte) {
		n := 0
		if err := parseCheckpoint(inMemory(data), func(error) {}, func(a *action) error { n++; return (&commit{}).take(a) }); err == nil && n > 1<<20 {
			t.Fatalf("%d actions out of %d bytes", n, len(data))
		}
	})
}

// FuzzDeletionVector: any bytes as a bitmap give ascending rows or an error.
func FuzzDeletionVector(f *testing.F) {
	f.Add(bitmapOf(0, u16s(roaringPlain, 0, 1, 0, 0, 2, 16, 0, 1, 5, 9)...))
	f.Add(bitmapOf(1, append(append(u16s(roaringRuns, 0), 1), u16s(7, 3, 2, 10, 1, 20, 1)...)...))
	f.Fuzz(func(t *testing.T, data []byte) {
		rows, err := parseBitmap(data)
		if err != nil {
			return
		}
		last := int64(-1)
		for _, r := range rows {
			if r <= last {
				t.Fatalf("row %d after %d", r, last)
			}
			last = r
		}
	})
}

// FuzzStats: any text as statistics is read or passed over, and bounds are bounds.
func FuzzStats(f *testing.F) {
	columns := leaves([]table.Field{{Name: "i", Type: table.Type{Kind: table.Int64}}, {Name: "s", Type: table.Type{Kind: table.String}},
		{Name: "t", Type: table.Type{Kind: table.Timestamp}}, {Name: "d", Type: table.Type{Kind: table.Double}}}, mapNone, nil, nil)
	f.Add(`{"numRecords":1,"minValues":{"i":1,"s":"x","t":"2024-01-01T00:00:00.000Z"},"maxValues":{"d":1.5},"nullCount":{"i":0}}`, strings.Repeat("ab", 30))
	f.Fuzz(func(t *testing.T, text, value string) {
		if s := parseStats(&text, columns); s != nil {
			again, err := formatStats(s, columns)
			if err != nil {
				t.Fatal(err)
			}
			if parseStats(&again, columns) == nil {
				t.Fatalf("%s became %s, which does not parse", text, again)
			}
		}
		if low, ok := formatBound(table.String, value, false); ok && low != quote(value) && cutMin(value) > value {
			t.Fatalf("%s is no lower bound of %q", low, value)
		}
		if high, ok := cutMax(value); ok && high < value {
			t.Fatalf("%q is no upper bound of %q", high, value)
		}
	})
}

// FuzzPartitionValue: any text as a partition value of strings comes back from the
// log, as does what is a value of another type; other texts are refused, by the
// writer and the reader alike. And no file is passed over that a predicate on the very value asks for.
func FuzzPartitionValue(f *testing.F) {
	for _, text := range []string{"", "7", "-1.50", "1e400", "NaN", "true", "2024-02-30", "0001-01-01 00:00:00", "9999-12-31T23:59:59.999999Z", "2024-01-02 03:04:05.5+02:00", "a=b/c%20\u00e9", "__HIVE_DEFAULT_PARTITION__"} {
		for kind := range uint8(len(scalarKinds)) {
			f.Add(kind, text)
		}
	}
	f.Fuzz(func(t *testing.T, kind uint8, text string) {
		if !utf8.ValidString(text) {
			return // no text that JSON can hold
		}
		column := table.Field{Name: "p", Type: table.Type{Kind: scalarKinds[int(kind)%len(scalarKinds)], Precision: 38, Scale: 2}}
		s := &Snapshot{schema: table.Schema{Fields: []table.Field{column}}, partitionBy: []string{"p"}, mapping: mapNone}
		a, err := newAdd(table.File{Path: "f", Size: 1, Partition: map[string]*string{"p": &text}}, []partitionColumn{{"p", "p", column.Type}}, nil)
		if errors.Is(err, ErrInvalid) && column.Type.Kind != table.String {
			corrupt := &fileAction{Path: "f", path: "f", Size: numberOf(1), ModificationTime: numberOf(1), PartitionValues: map[string]*string{"p": &text}}
			if _, err := s.described(corrupt); !errors.Is(err, ErrCorrupt) {
				t.Fatalf("%v: the reader takes %q, the writer does not: %v", column.Type.Kind, text, err)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		line, err := marshal(action{Add: a})
		if err != nil {
			t.Fatal(err)
		}
		c, err := parseCommit("f", 0, []byte(line))
		if err != nil {
			t.Fatal(err)
		}
		file, err := s.file(context.Background(), c.adds[0], nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := file.Partition["p"]; (got == nil) != (text == "") || got != nil && *got != text {
			t.Fatalf("%q came back as %v", text, got)
		}
		keep := []Predicate{{Op: IsNull}}
		if text != "" {
			keep = []Predicate{{Op: IsNotNull}, {Op: Equal, Values: []string{text}}, {Op: LessOrEqual, Values: []string{text}},
				{Op: GreaterOrEqual, Values: []string{text}}, {Op: In, Values: []string{"1", text}}}
		}
		for _, p := range keep {
			p.Path = []string{"p"}
			if left, err := s.Prune([]table.File{file}, p); err != nil || len(left) != 1 {
				t.Fatalf("%v: %s %q passed over the file: %v", column.Type.Kind, p.Op, text, err)
			}
		}
	})
}

// scalarKinds are the types of partition columns.
var scalarKinds = []table.Kind{table.Bool, table.Int8, table.Int16, table.Int32, table.Int64, table.Float, table.Double,
	table.Decimal, table.String, table.Date, table.Timestamp, table.TimestampNTZ, table.Binary}

// FuzzSchema: any text as a schema is refused or survives being written again.
func FuzzSchema(f *testing.F) {
	f.Add(`{"type":"struct","fields":[{"name":"n","type":"void","nullable":true,"metadata":{"delta.columnMapping.id":1,"delta.columnMapping.physicalName":"col-1","delta.typeChanges":[{"fromType":"short","toType":"integer","fieldPath":"element"}]}}]}`)
	f.Add(`{"type":"struct","fields":[{"name":"a","type":{"type":"map","keyType":"string","valueType":{"type":"array","elementType":"decimal(38,18)","containsNull":true},"valueContainsNull":false},"nullable":true,"metadata":{"x":1.5,"y":[1,{"z":null}]}}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		s, err := parseSchema(text)
		if err != nil {
			return
		}
		again, err := formatSchema(s)
		if err != nil {
			return // names that only column mapping allows
		}
		twice, err := parseSchema(again)
		if err != nil {
			t.Fatalf("%s became %s: %v", text, again, err)
		}
		if third, err := formatSchema(twice); err != nil || third != again {
			t.Fatalf("%s became %s, %v", again, third, err)
		}
	})
}

// FuzzPath: paths survive the log, and no URI leaves the table.
func FuzzPath(f *testing.F) {
	f.Add("p=a%252Fb/x y.parquet")
	f.Add("../x")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := decodePath(text)
		if err != nil || strings.HasPrefix(p, "/") || hasScheme(text) {
			return
		}
		if p == ".." || strings.HasPrefix(p, "../") {
			t.Fatalf("%q leaves the table as %q", text, p)
		}
		if again, err := decodePath(encodePath(p)); err != nil || again != p {
			t.Fatalf("%q became %q, %v", p, again, err)
		}
	})
}

// FuzzResume: any bytes as a prepared commit are refused or can be written down again.
func FuzzResume(f *testing.F) {
	f.Add([]byte(`{"format":"dq.delta-commit/v1","operation":"WRITE","read_version":3,"txn_id":"x","info":{"dq":{}},"adds":[{"path":"a","size":1,"partitionValues":{}}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		x, err := Open(&memory{}).Resume(data)
		if err != nil {
			return
		}
		again, err := x.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Open(&memory{}).Resume(again); err != nil {
			t.Fatalf("%s: %v", again, err)
		}
	})
}
