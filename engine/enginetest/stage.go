package enginetest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dq-dev/dq/engine"
	"github.com/dq-dev/dq/table"
)

// everyType is a relation with one column of each kind, a null, and values at the edges.
const everyType = `SELECT * FROM (VALUES
  (1, CAST('a' AS VARCHAR), true, CAST(-128 AS TINYINT), CAST(-32768 AS SMALLINT), CAST(-2147483648 AS INTEGER), CAST(-9223372036854775808 AS BIGINT),
   CAST(-1.5 AS FLOAT), CAST(2.25 AS DOUBLE), CAST('-0.001' AS DECIMAL(10,3)), CAST('-99999999999999999999999999999999999.123' AS DECIMAL(38,3)),
   CAST('0001-01-01' AS DATE), CAST('1969-12-31 23:59:59.999999+00' AS TIMESTAMP WITH TIME ZONE), CAST('1582-10-15 00:00:00.5' AS TIMESTAMP)),
  (2, 'é"''\,={}', false, 127, 32767, 2147483647, 9223372036854775807, 3.5, -1e300, 12.345, CAST('99999999999999999999999999999999999.123' AS DECIMAL(38,3)),
   '9999-12-31', '2020-02-29 12:00:00+00', '2262-01-01 00:00:00.000001'),
  (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)
) v(id, s, b, i8, i16, i32, i64, f32, f64, d10, d38, dt, ts, tn)`

const everySchema = "id int32, s string, b bool, i8 int8, i16 int16, i32 int32, i64 int64, f32 float, f64 double, d10 decimal(10,3), d38 decimal(38,3), dt date, ts timestamp, tn timestamp_ntz"

// stageCases: what is written is what was asked, and is described exactly.
func stageCases(t *testing.T, open func(*testing.T) *fixture) {
	t.Run("every type", func(t *testing.T) {
		f := open(t)
		f.define("src", everyType)
		staged := f.stage(engine.StageRequest{SQL: "SELECT * FROM src;  -- all of it", Schema: Schema(t, everySchema), Dir: "run/1"})
		if len(staged) != 1 || !staged[0].Kept {
			t.Fatalf("%d files", len(staged))
		}
		f.attach(engine.Input{Name: "back", Root: f.dir, Files: files(staged, true), Schema: Schema(t, everySchema)})
		f.expect("SELECT * FROM back ORDER BY id", f.rows("SELECT * FROM src ORDER BY id")...)
		if got := f.attach(engine.Input{Name: "found", Root: f.dir, Files: files(staged, true)}); got != everySchema {
			t.Errorf("the footer says %s", got)
		}
		want := []string{
			"id 1 3 0", `s a é"'\,={} 1`, "b false true 1", "i8 -128 127 1", "i16 -32768 32767 1", "i32 -2147483648 2147483647 1",
			"i64 -9223372036854775808 9223372036854775807 1", "f32 -1.5 3.5 1", "f64 -1e+300 2.25 1", "d10 -0.001 12.345 1",
			"d38 -99999999999999999999999999999999999.123 99999999999999999999999999999999999.123 1", "dt 0001-01-01 9999-12-31 1",
			"ts 1969-12-31T23:59:59.999999Z 2020-02-29T12:00:00Z 1", "tn 1582-10-15T00:00:00.5 2262-01-01T00:00:00.000001 1",
		}
		if got := statLines(staged[0].File.Stats); !slices.Equal(got, want) {
			t.Errorf("statistics\n got %q\nwant %q", got, want)
		}
	})
	t.Run("nested", func(t *testing.T) {
		f := open(t)
		schema := "id int64, st struct<a: int64, b: struct<c: string>>, li array<int64>, mp map<string,int64>"
		f.attach(engine.Input{Name: "src", Schema: Schema(t, schema)})
		staged := f.stage(engine.StageRequest{SQL: "SELECT * FROM src", Schema: Schema(t, schema), Dir: "empty"})
		if len(staged) != 0 {
			t.Errorf("no rows, but %d files", len(staged))
		}
	})
	t.Run("NaN", func(t *testing.T) {
		f := open(t)
		staged := f.stage(engine.StageRequest{Dir: "r", Schema: Schema(t, "x double, y double, z double"), SQL: `SELECT * FROM (VALUES
			(CAST('NaN' AS DOUBLE), CAST(1 AS DOUBLE), CAST('Infinity' AS DOUBLE)), (2.5, 2, 1), (-1, NULL, 1)) v(x, y, z)`})
		for _, c := range staged[0].File.Stats.Columns {
			switch c.Path[0] {
			case "x":
				if !c.NaN {
					t.Error("x holds a NaN, unsaid")
				}
			case "y":
				if c.NaN || c.Min == nil || *c.Min != "1.0" || *c.Max != "2.0" || *c.Nulls != 1 {
					t.Errorf("y: %s", statLines(staged[0].File.Stats))
				}
			case "z":
				if c.Max != nil {
					t.Errorf("z holds an infinite number, yet its maximum is %s", *c.Max)
				}
			}
		}
	})
	t.Run("split", func(t *testing.T) {
		f := open(t)
		f.define("src", "SELECT * FROM (VALUES (1, 5), (2, -1), (3, NULL), (4, 7), (5, 7)) v(id, x)")
		req := engine.StageRequest{SQL: "SELECT id, x FROM src", Schema: Schema(t, "id int64, x int64"), Split: "x > 0 -- the rule", Dir: "r1"}
		staged := f.stage(req)
		f.attach(engine.Input{Name: "good", Root: f.dir, Files: files(staged, true), Schema: req.Schema})
		f.attach(engine.Input{Name: "bad", Root: f.dir, Files: files(staged, false), Schema: req.Schema})
		f.expect("SELECT id, x FROM good ORDER BY id", "1 | 5", "4 | 7", "5 | 7")
		f.expect("SELECT id, x FROM bad ORDER BY id", "2 | -1", "3 | null")
		req.Split, req.Dir = "count(*) OVER (PARTITION BY x) = 1 AND EXISTS (SELECT 1 FROM src s WHERE s.id = id)", "r2"
		staged = f.stage(req)
		f.attach(engine.Input{Name: "good", Root: f.dir, Files: files(staged, true), Schema: req.Schema})
		f.expect("SELECT id FROM good ORDER BY id", "1", "2", "3")
		req.Split, req.Dir = "true", "r3"
		if staged = f.stage(req); len(files(staged, false)) != 0 || len(files(staged, true)) != 1 {
			t.Errorf("nothing is refused, yet there are %d files", len(staged))
		}
		again := f.stage(req)
		if again[0].File.Path == staged[0].File.Path {
			t.Error("a second Stage into a folder repeats a name")
		}
		left := 0
		for _, dir := range []string{"r1", "r2", "r3"} {
			_ = filepath.WalkDir(filepath.Join(f.dir, dir), func(path string, d os.DirEntry, err error) error {
				if err == nil && !d.IsDir() {
					left++
				}
				return err
			})
		}
		if left != 2+2+2 {
			t.Errorf("%d files in the folders, want the 6 that were staged", left)
		}
	})
	t.Run("order", func(t *testing.T) {
		f := open(t)
		f.define("d", "SELECT * FROM (VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9)) d(i)")
		f.define("src", "SELECT a.i + 10*b.i + 100*c.i + 1000*e.i + 10000*g.i + 100000*h.i AS id FROM d a, d b, d c, d e, d g, d h WHERE h.i < 4")
		staged := f.stage(engine.StageRequest{SQL: "SELECT id FROM src ORDER BY id DESC", Schema: Schema(t, "id int64"), Dir: "r"})
		f.attach(engine.Input{Name: "back", Root: f.dir, Files: files(staged, true), Schema: Schema(t, "id int64"), Provenance: true})
		f.expect("SELECT count(*), count(*) FILTER (WHERE id + dq_line = 399999) FROM back", "400000 | 400000")
		if len(staged) != 1 {
			t.Errorf("%d files", len(staged))
		}
		small := f.stage(engine.StageRequest{SQL: "SELECT id, CAST(id AS BIGINT) * 7919 % 1000003 AS x FROM src", Schema: Schema(t, "id int64, x int64"), Dir: "s", TargetBytes: 300_000})
		if len(small) < 2 {
			t.Errorf("%d file for %d times the target", len(small), small[0].File.Size/300_000)
		}
	})
	t.Run("returned", func(t *testing.T) {
		// fixture.stage holds the rows of the files against what was returned; the
		// plans of these SELECTs end in every kind of operator.
		f := open(t)
		f.define("n", "SELECT * FROM (VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9)) v(i)")
		f.define("one", "SELECT 4 AS i")
		for name, sql := range map[string]string{
			"none":       "SELECT i FROM n WHERE false",
			"never":      "SELECT i FROM n WHERE i > 99",
			"one":        "SELECT 1 AS i",
			"all":        "SELECT i FROM n",
			"some":       "SELECT i FROM n WHERE i % 3 = 0",
			"union all":  "SELECT i FROM n UNION ALL SELECT i FROM n",
			"union":      "SELECT i FROM n UNION SELECT i FROM n",
			"except":     "SELECT i FROM n EXCEPT SELECT i FROM n WHERE i < 4",
			"intersect":  "SELECT i FROM n INTERSECT SELECT i FROM n WHERE i < 4",
			"with":       "WITH c AS (SELECT i FROM n) SELECT a.i FROM c a UNION ALL SELECT b.i FROM c b WHERE b.i > 2",
			"with twice": "WITH c AS (SELECT i FROM n), d AS (SELECT i FROM c UNION ALL SELECT i FROM c) SELECT i FROM d UNION ALL SELECT i FROM d",
			"aggregate":  "SELECT count(*) AS i FROM n",
			"groups":     "SELECT i % 4 AS i FROM n GROUP BY i % 4",
			"window":     "SELECT CAST(row_number() OVER (PARTITION BY i % 2 ORDER BY i) AS BIGINT) AS i FROM n",
			"top":        "SELECT i FROM n ORDER BY i DESC LIMIT 3",
			"limit":      "SELECT i FROM n LIMIT 4 OFFSET 1",
			"exists":     "SELECT i FROM n a WHERE EXISTS (SELECT 1 FROM n b WHERE b.i = a.i * 2)",
			"not exists": "SELECT i FROM n a WHERE NOT EXISTS (SELECT 1 FROM n b WHERE b.i = a.i * 2 AND b.i > a.i)",
			"parts":      "SELECT * FROM one UNION ALL SELECT * FROM n a WHERE NOT EXISTS (SELECT 1 FROM one b WHERE b.i = a.i AND (b.i > 0 OR a.i > 5)) UNION ALL SELECT * FROM n",
			"subquery":   "SELECT (SELECT max(b.i) FROM n b WHERE b.i < a.i) AS i FROM n a",
			"outer":      "SELECT coalesce(a.i, b.j) AS i FROM n a FULL JOIN (SELECT i + 5 AS j FROM n) b ON a.i = b.j",
			"cross":      "SELECT a.i FROM n a CROSS JOIN n b",
			"inequality": "SELECT a.i FROM n a JOIN n b ON a.i < b.i",
		} {
			staged := f.stage(engine.StageRequest{SQL: sql, Schema: Schema(t, "i int64"), Dir: "r"})
			want := f.rows("SELECT count(*) FROM (" + sql + ") q")
			held := int64(0)
			for _, st := range staged {
				rows, _ := st.File.LiveRows()
				held += rows
			}
			if fmt.Sprint(held) != want[0] {
				t.Errorf("%s: the files hold %d rows, the SELECT returns %s", name, held, want[0])
			}
			f.stage(engine.StageRequest{SQL: sql, Schema: Schema(t, "i int64"), Dir: "s", Split: "i % 2 = 0"})
		}
	})
	t.Run("refused requests", func(t *testing.T) {
		f := open(t)
		f.define("src", "SELECT 1 AS id, 'x' AS name")
		for _, c := range []struct {
			req  engine.StageRequest
			says string
		}{
			{engine.StageRequest{SQL: "SELECT id FROM src", Schema: Schema(t, "id int64, nme string"), Dir: "r"}, "nme"},
			{engine.StageRequest{SQL: "SELECT nope FROM src", Schema: Schema(t, "id int64"), Dir: "r"}, "nope"},
			{engine.StageRequest{SQL: "SELECT 1 AS id; SELECT 2 AS id", Schema: Schema(t, "id int64"), Dir: "r"}, ""},
			{engine.StageRequest{SQL: "DROP VIEW src", Schema: Schema(t, "id int64"), Dir: "r"}, ""},
			{engine.StageRequest{SQL: "SELECT id FROM src", Schema: Schema(t, "id int64"), Dir: "../r"}, "../r"},
			{engine.StageRequest{SQL: "SELECT id FROM src", Schema: Schema(t, "id int64"), Dir: ""}, "folder"},
			{engine.StageRequest{SQL: "SELECT id FROM src", Schema: Schema(t, "id int64"), Dir: "r", PartitionBy: []string{"x"}}, "x"},
			{engine.StageRequest{SQL: "SELECT id FROM src", Schema: Schema(t, "id int64"), Dir: "r", PartitionBy: []string{"id"}}, "partition"},
			{engine.StageRequest{SQL: "SELECT id FROM src", Schema: Schema(t, "id int64, ID string"), Dir: "r"}, "twice"},
			{engine.StageRequest{SQL: "SELECT id FROM src", Schema: Schema(t, "id int64"), Dir: "r", Split: "nope > 1"}, "nope"},
			{engine.StageRequest{SQL: "SELECT id FROM src", Dir: "r"}, "columns"},
			{engine.StageRequest{SQL: "SELECT id, NULL AS v FROM src", Schema: Schema(t, "id int64, v void"), Dir: "r"}, `"v"`},
		} {
			c.req.Root = f.dir
			staged, _, err := f.s.Stage(context.Background(), c.req)
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%+v gave %d files, %v; want an error with %q", c.req, len(staged), err, c.says)
			}
		}
		f.expect("SELECT id FROM src", "1")
	})
}

// statLines writes statistics as "path min max nulls".
func statLines(s *table.Stats) []string {
	var lines []string
	text := func(p *string) string {
		if p == nil {
			return "-"
		}
		return *p
	}
	for _, c := range s.Columns {
		nulls := "-"
		if c.Nulls != nil {
			nulls = fmt.Sprint(*c.Nulls)
		}
		lines = append(lines, strings.Join([]string{strings.Join(c.Path, "."), text(c.Min), text(c.Max), nulls}, " "))
	}
	return lines
}

// castCases: a value keeps its meaning or is refused by name.
func castCases(t *testing.T, open func(*testing.T) *fixture) {
	f := open(t)
	for i, c := range []struct{ value, typ, want string }{ // want: the text, or "" for an error
		{"CAST(5 AS BIGINT)", "int8", "5"},
		{"CAST(300 AS BIGINT)", "int8", ""},
		{"CAST(2 AS DOUBLE)", "int64", "2"},
		{"CAST(2.5 AS DOUBLE)", "int64", ""},
		{"CAST('NaN' AS DOUBLE)", "int64", ""},
		{"CAST(1e30 AS DOUBLE)", "int64", ""},
		{"CAST(0.1 AS DOUBLE)", "decimal(5,2)", "0.10d"},
		{"CAST(0.125 AS DOUBLE)", "decimal(5,2)", ""},
		{"CAST(9007199254740993 AS BIGINT)", "double", ""},
		{"CAST(1.25 AS DECIMAL(5,3))", "decimal(5,2)", "1.25d"},
		{"CAST(1.255 AS DECIMAL(5,3))", "decimal(5,2)", ""},
		{"CAST(123.4 AS DECIMAL(5,1))", "decimal(3,1)", ""},
		{"CAST(123 AS DECIMAL(5,0))", "int16", "123"},
		{"CAST('170141183460469231731687303715884105' AS HUGEINT)", "decimal(38,0)", "170141183460469231731687303715884105d"},
		{"sum(CAST(4 AS BIGINT))", "int64", "4"},
		{"'12'", "int64", "12"},
		{"' 12 '", "int64", "12"},
		{"'12.0'", "int64", "12"},
		{"'12.7'", "int64", ""},
		{"'x'", "int64", ""},
		{"''", "int64", ""},
		{"'2.50'", "decimal(4,1)", "2.5d"},
		{"'2.55'", "decimal(4,1)", ""},
		{"'2020-01-05'", "date", "2020-01-05T00:00:00Z"},
		{"'2020-01-05 01:00:00'", "date", ""},
		{"CAST('2020-01-05 01:00:00' AS TIMESTAMP)", "date", ""},
		{"CAST('2020-01-05 00:00:00' AS TIMESTAMP)", "date", "2020-01-05T00:00:00Z"},
		{"CAST('2020-01-05 01:00:00' AS TIMESTAMP)", "timestamp", "2020-01-05T01:00:00Z"},
		{"CAST('2020-01-05' AS DATE)", "timestamp", "2020-01-05T00:00:00Z"},
		{"'true'", "bool", "true"},
		{"'maybe'", "bool", ""},
		{"CAST(7 AS INTEGER)", "string", "'7'"},
		{"NULL", "date", "null"},
		{"CAST(NULL AS VARCHAR)", "int64", "null"},
	} {
		req := engine.StageRequest{SQL: "SELECT 1 AS id, " + c.value + " AS value", Schema: Schema(t, "id int64, value "+c.typ), Root: f.dir, Dir: fmt.Sprintf("r%d", i)}
		staged, _, err := f.s.Stage(context.Background(), req)
		if err != nil {
			if c.want != "" || !strings.Contains(err.Error(), `"value"`) || !strings.Contains(err.Error(), "does not fit "+c.typ) {
				t.Errorf("%s as %s: %v", c.value, c.typ, err)
			}
			if left, _ := filepath.Glob(filepath.Join(f.dir, req.Dir, "*")); len(left) > 0 {
				t.Errorf("%s as %s failed and left %v", c.value, c.typ, left)
			}
			continue
		}
		f.attach(engine.Input{Name: "back", Root: f.dir, Files: files(staged, true), Schema: req.Schema})
		if got := f.rows("SELECT value FROM back"); c.want == "" || got[0] != c.want {
			t.Errorf("%s as %s: %s, want %q", c.value, c.typ, got[0], c.want)
		}
	}
}
