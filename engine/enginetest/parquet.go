package enginetest

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/table"
)

// parquetCases: reading files as a snapshot describes them.
func parquetCases(t *testing.T, open func(*testing.T) *fixture) {
	f := open(t)
	ctx := context.Background()
	file := func(dir, sql, schema string) table.File {
		t.Helper()
		return f.stage(engine.StageRequest{SQL: sql, Schema: Schema(t, schema), Dir: dir})[0].File
	}
	a := file("a", "SELECT * FROM (VALUES (1, 'x', 1.5), (2, 'y', 2.5)) v(id, name, price) ORDER BY id", "id int32, name string, price decimal(4,1)")
	b := file("b", "SELECT * FROM (VALUES (3, 'z'), (4, NULL), (5, 'w')) v(id, name) ORDER BY id", "name string, id int64")

	// Order, types and missing columns come from the schema, whatever file is first.
	for _, fs := range [][]table.File{{a, b}, {b, a}} {
		f.attach(engine.Input{Name: "t", Root: f.dir, Files: fs, Schema: Schema(t, "price decimal(6,2), id int64, later date")})
		f.expect("SELECT * FROM t ORDER BY id", "1.50d | 1 | null", "2.50d | 2 | null", "null | 3 | null", "null | 4 | null", "null | 5 | null")
	}
	f.expect("SELECT count(*) FROM t", "5")
	if got := f.attach(engine.Input{Name: "t", Root: f.dir, Files: []table.File{a, b}}); got != "id int64, name string, price decimal(4,1)" {
		t.Errorf("without a schema: %s", got)
	}

	// A file that holds a column in another type is refused, unless that type widens.
	for schema, held := range map[string]string{
		"name int64": "string", "id int8": "int64", "id string": "int32", "id bool": "int32", "price double": "decimal(4,1)",
		"price decimal(4,0)": "decimal(4,1)", "name binary": "string", "name date": "string",
		"name array<string>": "string", "name struct<a: string>": "string", "id timestamp": "int32",
	} {
		column, wanted, _ := strings.Cut(schema, " ")
		in := engine.Input{Name: "t", Root: f.dir, Files: []table.File{a, b}, Schema: Schema(t, schema)}
		if _, err := f.s.Attach(ctx, in); err == nil || !strings.Contains(err.Error(), ".parquet: column "+strconv.Quote(column)+" is "+held+" in the file, but "+wanted+" in the table") {
			t.Errorf("%s: %v", schema, err)
		}
	}
	// A small integer may lie in more bits than it needs; one that is too large is said at the query.
	wide := file("wide", "SELECT * FROM (VALUES (1), (1000)) v(id)", "id int32")
	f.attach(engine.Input{Name: "t", Root: f.dir, Files: []table.File{wide}, Schema: Schema(t, "id int16")})
	f.expect("SELECT sum(id) FROM t", "1001")
	f.attach(engine.Input{Name: "t", Root: f.dir, Files: []table.File{wide}, Schema: Schema(t, "id int8")})
	if _, err := f.s.Query(ctx, "SELECT sum(id) FROM t"); err == nil || !strings.Contains(err.Error(), "id") || !strings.Contains(err.Error(), ".parquet") || len(err.Error()) > 600 {
		t.Errorf("1000 as int8: %v", err)
	}

	// Provenance, by relative and absolute paths.
	abs := b
	abs.Path = filepath.Join(f.dir, filepath.FromSlash(b.Path))
	f.attach(engine.Input{Name: "t", Root: f.dir, Files: []table.File{a, abs}, Schema: Schema(t, "id int64"), Provenance: true})
	f.expect("SELECT id, dq_file, dq_line FROM t ORDER BY id", "1 | '"+a.Path+"' | 0", "2 | '"+a.Path+"' | 1", "3 | '"+abs.Path+"' | 0", "4 | '"+abs.Path+"' | 1", "5 | '"+abs.Path+"' | 2")
	f.expect("SELECT dq_file, count(*) FROM t WHERE id <> 4 GROUP BY dq_file ORDER BY length(dq_file)", "'"+a.Path+"' | 2", "'"+abs.Path+"' | 2")

	// A path is a path, though it could stand for others: nothing is read but the files named.
	for _, name := range []string{"x*z.parquet", "y?.parquet", "[a]*/[a].parquet", "{p,q}.parquet"} {
		odd := a
		odd.Path = name
		for path, as := range map[string]table.File{name: a, "xyz.parquet": b, "yy.parquet": b, "[a]b/a.parquet": b, "p.parquet": b} {
			content, err := os.ReadFile(filepath.Join(f.dir, filepath.FromSlash(as.Path)))
			if err != nil {
				t.Fatal(err)
			}
			f.write(path, string(content))
		}
		for _, fs := range [][]table.File{{odd}, {odd, wide}} {
			f.attach(engine.Input{Name: "t", Root: f.dir, Files: fs, Schema: Schema(t, "id int64"), Provenance: true})
			f.expect("SELECT id, dq_file FROM t WHERE dq_file <> '"+wide.Path+"' ORDER BY id", "1 | '"+name+"'", "2 | '"+name+"'")
		}
		if got := f.attach(engine.Input{Name: "t", Root: f.dir, Files: []table.File{odd}}); got != "id int32, name string, price decimal(4,1)" {
			t.Errorf("%s without a schema: %s", name, got)
		}
	}

	// Deleted rows are left out, and do not move the numbers of others.
	d := b
	d.Deleted = &table.DeletionVector{Cardinality: 2, Rows: []int64{0, 2}}
	f.attach(engine.Input{Name: "t", Root: f.dir, Files: []table.File{a, d}, Schema: Schema(t, "id int64"), Provenance: true})
	f.expect("SELECT id, dq_line FROM t ORDER BY id", "1 | 0", "2 | 1", "4 | 1")
	f.expect("SELECT count(*) FROM t", "3")
	d.Deleted = &table.DeletionVector{Cardinality: 2}
	if _, err := f.s.Attach(ctx, engine.Input{Name: "t", Root: f.dir, Files: []table.File{d}, Schema: Schema(t, "id int64")}); err == nil || !strings.Contains(err.Error(), "deletion vector") {
		t.Errorf("an unresolved deletion vector: %v", err)
	}

	// Column mapping: other names in the files, the table's own in what is told of them.
	mapped := Schema(t, "id int64, st struct<a: int64>, li array<struct<a: int64>>, region string")
	mapped.Fields[0].Meta = map[string]any{"delta.columnMapping.physicalName": "col-1", "delta.columnMapping.id": 1}
	mapped.Fields[1].Type.Fields[0].Meta = map[string]any{"delta.columnMapping.physicalName": "col-2"}
	mapped.Fields[2].Type.Elem.Fields[0].Meta = map[string]any{"delta.columnMapping.physicalName": "col-3"}
	mapped.Fields[3].Meta = map[string]any{"delta.columnMapping.physicalName": "col-4", "delta.columnMapping.id": 4}
	f.write("m.ndjson", `{"id": 7, "st": {"a": 8}, "li": [{"a": 9}], "region": "north"}`+"\n"+`{"id": 6, "region": null}`+"\n")
	f.attach(engine.Input{Name: "m", Format: engine.JSON, Root: f.dir, Files: []table.File{{Path: "m.ndjson"}}, Schema: Schema(t, "id int64, st struct<a: int64>, li array<struct<a: int64>>, region string")})
	staged := f.stage(engine.StageRequest{SQL: "SELECT * FROM m", Schema: mapped, PartitionBy: []string{"region"}, Dir: "m"})
	f.attach(engine.Input{Name: "t", Root: f.dir, Files: files(staged, true), Schema: mapped})
	f.expect("SELECT * FROM t ORDER BY id", "6 | null | null | null", "7 | {a: 8} | [{a: 9}] | 'north'")
	for _, st := range staged {
		if _, ok := st.File.Partition["region"]; !ok || st.File.Stats.Columns[0].Path[0] != "id" || st.File.Stats.Columns[1].Path[1] != "a" {
			t.Errorf("mapped: partition %v, statistics %v", st.File.Partition, statLines(st.File.Stats))
		}
		if got := f.attach(engine.Input{Name: "raw", Root: f.dir, Files: []table.File{st.File}}); got != "col-1 int64, st struct<col-2: int64>, li array<struct<col-3: int64>>" {
			t.Errorf("mapped: the file holds %s", got)
		}
	}
	// By id, names do not count, and neither does a file without ids.
	named := func(id, st string) table.Schema {
		s := Schema(t, "id int64, st struct<a: int64>")
		s.Fields[0].Meta = map[string]any{"delta.columnMapping.physicalName": id, "delta.columnMapping.id": 1}
		s.Fields[1].Meta = map[string]any{"delta.columnMapping.physicalName": st, "delta.columnMapping.id": 2}
		s.Fields[1].Type.Fields[0].Meta = map[string]any{"delta.columnMapping.physicalName": "a", "delta.columnMapping.id": 3}
		return s
	}
	byID := files(f.stage(engine.StageRequest{SQL: "SELECT id, st FROM m", Schema: named("old-1", "old-2"), Dir: "ids"}), true)
	byID = append(byID, files(f.stage(engine.StageRequest{SQL: "SELECT 5 AS id, st FROM m LIMIT 1", Schema: Schema(t, "id int64, st struct<a: int64>"), Dir: "noids"}), true)...)
	f.attach(engine.Input{Name: "t", Root: f.dir, Files: byID, Schema: named("id", "st"), ByFieldID: true})
	f.expect("SELECT * FROM t ORDER BY id NULLS LAST", "6 | null", "7 | {a: 8}", "null | null")

	// Names that look like patterns are names.
	odd := "odd [x]*/a?{b} 100%'s.parquet"
	if err := os.MkdirAll(filepath.Join(f.dir, filepath.Dir(odd)), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(f.dir, filepath.FromSlash(a.Path)), filepath.Join(f.dir, odd)); err != nil {
		t.Fatal(err)
	}
	f.attach(engine.Input{Name: "t", Root: f.dir, Files: []table.File{{Path: odd}}, Schema: Schema(t, "id int64"), Provenance: true})
	f.expect("SELECT id, dq_file FROM t ORDER BY id", "1 | '"+strings.ReplaceAll(odd, "'", "'")+"'", "2 | '"+odd+"'")

	// Missing, empty and foreign files.
	if _, err := f.s.Attach(ctx, engine.Input{Name: "t", Root: f.dir, Files: []table.File{a}, Schema: Schema(t, "id int64")}); err == nil || !strings.Contains(err.Error(), a.Path) {
		t.Errorf("a missing file: %v", err)
	}
	f.write("foreign.parquet", "this is no Parquet file at all")
	foreign := engine.Input{Name: "t", Root: f.dir, Files: []table.File{{Path: "foreign.parquet"}}}
	if _, err := f.s.Attach(ctx, foreign); err == nil || !strings.Contains(err.Error(), "foreign.parquet") {
		t.Errorf("a foreign file: %v", err)
	}
	f.attach(engine.Input{Name: "none", Schema: Schema(t, "id int64, p string"), Provenance: true})
	f.expect("SELECT count(*), max(id) FROM none", "0 | null")
	for _, in := range []engine.Input{
		{Name: "t"},
		{Name: "t", Schema: Schema(t, "a int64, A int64")},
		{Name: "t", Schema: Schema(t, "dq_file string"), Provenance: true},
		{Name: "t", Format: "orc", Schema: Schema(t, "a int64")},
		{Name: "t", Format: engine.CSV, Schema: Schema(t, "a int64")},
		{Name: "t", SQL: "SELECT 1 AS x; SELECT 2 AS x"},
		{Name: "t", SQL: "DROP VIEW none"},
	} {
		if schema, err := f.s.Attach(ctx, in); err == nil {
			t.Errorf("Attach(%+v) gave %s, want an error", in, Columns(schema))
		}
	}
}

// partitionCases: values of every kind go into the path and come back exact.
func partitionCases(t *testing.T, open func(*testing.T) *fixture) {
	for _, c := range []struct {
		typ    string
		values []string // SQL
		texts  []string // as Delta writes them
	}{
		{"string", []string{"'a'", "'é/=%: ''x'' #?'", "NULL", "' '"}, []string{"a", "é/=%: 'x' #?", "<null>", " "}},
		{"int64", []string{"-5", "NULL", "9223372036854775807"}, []string{"-5", "<null>", "9223372036854775807"}},
		{"decimal(10,3)", []string{"-0.005", "12.5"}, []string{"-0.005", "12.500"}},
		{"bool", []string{"true", "false", "NULL"}, []string{"true", "false", "<null>"}},
		{"date", []string{"DATE '2020-02-29'", "NULL"}, []string{"2020-02-29", "<null>"}},
		{"timestamp", []string{"CAST('2020-01-01 00:00:00.5+02:00' AS TIMESTAMP WITH TIME ZONE)", "NULL"}, []string{"2019-12-31 22:00:00.5", "<null>"}},
		{"timestamp_ntz", []string{"CAST('2020-01-01 12:34:56' AS TIMESTAMP)"}, []string{"2020-01-01 12:34:56"}},
	} {
		t.Run(c.typ, func(t *testing.T) {
			f := open(t)
			var rows []string
			for i, v := range c.values {
				rows = append(rows, fmt.Sprintf("(%d, %s)", i, v))
			}
			f.define("src", "SELECT * FROM (VALUES "+strings.Join(rows, ", ")+") v(id, p)")
			req := engine.StageRequest{SQL: "SELECT id, p FROM src", Schema: Schema(t, "id int64, p "+c.typ), PartitionBy: []string{"p"}, Split: "id >= 0", Dir: "r"}
			staged := f.stage(req)
			got := map[string]bool{}
			for _, st := range staged {
				text := "<null>"
				if v := st.File.Partition["p"]; v != nil {
					text = *v
				}
				got[text] = true
				if dir := path.Base(path.Dir(st.File.Path)); !strings.HasPrefix(dir, "p=") || strings.ContainsAny(dir[2:], `"#%'*/:=?\{}[]^`) && !strings.Contains(dir, "%") {
					t.Errorf("folder %q", dir)
				}
			}
			want := map[string]bool{}
			for _, text := range c.texts {
				want[text] = true
			}
			if !maps.Equal(got, want) {
				t.Errorf("values %q, want %q", slices.Sorted(maps.Keys(got)), c.texts)
			}
			f.attach(engine.Input{Name: "back", Root: f.dir, Files: files(staged, true), Schema: req.Schema, Provenance: true})
			f.expect("SELECT id, p FROM back ORDER BY id", f.rows("SELECT id, CAST(p AS "+sqlType(c.typ)+") FROM src ORDER BY id")...)
			f.expect("SELECT id FROM back WHERE p = (SELECT min(p) FROM back)", f.rows("SELECT id FROM src WHERE p = (SELECT min(p) FROM src)")...)
		})
	}
	t.Run("empty text", func(t *testing.T) {
		f := open(t)
		_, _, err := f.s.Stage(context.Background(), engine.StageRequest{SQL: "SELECT 1 AS id, '' AS p UNION ALL SELECT 2, 'x'", Schema: Schema(t, "id int64, p string"), PartitionBy: []string{"p"}, Root: f.dir, Dir: "r"})
		if err == nil || !strings.Contains(err.Error(), `"p"`) {
			t.Errorf("an empty partition value: %v", err)
		}
	})
	t.Run("binary is the bytes of the text", func(t *testing.T) {
		f := open(t)
		staged := f.stage(engine.StageRequest{SQL: "SELECT 1 AS id, 'b' AS p", Schema: Schema(t, "id int64, p string"), PartitionBy: []string{"p"}, Dir: "r"})
		staged[0].File.Partition = map[string]*string{"p": new("é\\x")}
		f.attach(engine.Input{Name: "t", Root: f.dir, Files: files(staged, true), Schema: Schema(t, "id int64, p binary")})
		f.expect("SELECT id, decode(p) FROM t", "1 | 'é\\x'")
	})
	t.Run("path decides nothing", func(t *testing.T) {
		f := open(t)
		staged := f.stage(engine.StageRequest{SQL: "SELECT 1 AS id, 'b' AS p", Schema: Schema(t, "id int64, p string"), PartitionBy: []string{"p"}, Dir: "r"})
		other := "c"
		staged[0].File.Partition = map[string]*string{"p": &other}
		f.attach(engine.Input{Name: "t", Root: f.dir, Files: files(staged, true), Schema: Schema(t, "p string, id int64")})
		f.expect("SELECT * FROM t", "'c' | 1")
		staged[0].File.Partition = map[string]*string{"p": nil}
		f.attach(engine.Input{Name: "t", Root: f.dir, Files: files(staged, true), Schema: Schema(t, "p string, id int64")})
		f.expect("SELECT * FROM t", "null | 1")
	})
}

// sqlType spells the types of partitionCases.
func sqlType(t string) string {
	switch t {
	case "string":
		return "VARCHAR"
	case "int64":
		return "BIGINT"
	case "bool":
		return "BOOLEAN"
	case "timestamp":
		return "TIMESTAMP WITH TIME ZONE"
	case "timestamp_ntz":
		return "TIMESTAMP"
	}
	return strings.ToUpper(t)
}
