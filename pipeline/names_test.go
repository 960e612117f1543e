package pipeline_test

import (
	"fmt"
	"strings"
	"testing"
)

// named is a pipeline whose tables have the columns $1 to $6, plain and as structs
// that have members of every column's name.
var named = map[string]string{
	"pipeline.yaml": `
version: 1
pipeline: named
layers:
  bronze:
    tables:
      orders: {source: {files: 'in/*.csv', on_rewrite: replace}}
  silver:
    tables:
      lines: {mode: append, incremental: bronze.orders}
      plain: {mode: merge, keys: [id, $1], together: [id], incremental: bronze.orders}
      latest: {mode: merge, keys: [id], incremental: bronze.orders}
      pairs: {mode: merge, keys: [id, $2], together: [$2], incremental: bronze.orders}
      past: {mode: scd2, keys: [$3], track: [$1, $2, $4, $5, $6], effective: seen, order: [id], surrogate: dq_key, incremental: bronze.orders}
`,
	"models/silver/lines.sql":  `SELECT CAST(id AS BIGINT) AS id, $structs FROM bronze.orders`,
	"models/silver/plain.sql":  `SELECT CAST(id AS BIGINT) AS id, $1, $2, $3, $4, $5, $6 FROM bronze.orders QUALIFY row_number() OVER (PARTITION BY id, $1 ORDER BY seen DESC) = 1`,
	"models/silver/latest.sql": `SELECT CAST(id AS BIGINT) AS id, $structs FROM bronze.orders QUALIFY row_number() OVER (PARTITION BY id ORDER BY seen DESC) = 1`,
	"models/silver/pairs.sql":  `SELECT CAST(id AS BIGINT) AS id, $structs FROM bronze.orders QUALIFY row_number() OVER (PARTITION BY id, $2 ORDER BY seen DESC) = 1`,
	"models/silver/past.sql":   `SELECT CAST(id AS BIGINT) AS id, $structs, CAST(seen AS TIMESTAMPTZ) AS seen FROM bronze.orders`,
	"suites/bronze/orders.yaml": `
version: 1
owner: named
columns: {id: {type: string}, $1: {type: string}, $2: {type: string}, $3: {type: string}, $4: {type: string}, $5: {type: string}, $6: {type: string}, seen: {type: string}}
expectations: {filled: {row: id != null}}
`,
	"suites/silver/lines.yaml":  namedSuite,
	"suites/silver/plain.yaml":  "version: 1\nowner: named\ncolumns: {id: {not_null: true}}\n",
	"suites/silver/latest.yaml": namedSuite,
	"suites/silver/pairs.yaml":  namedSuite,
	"suites/silver/past.yaml":   "version: 1\nowner: named\ncolumns: {dq_key: {unique: true}}\n",
}

const namedSuite = `
version: 1
owner: named
expectations: {small: {row: id < 90, on_fail: quarantine, mostly: 0.1}}
`

// namedDays are the files that come, one a run: new keys, other values, the same
// again, a refused row, and a file that is rewritten.
var namedDays = []struct{ file, rows string }{
	{"in/1.csv", "1,a,b,c,d,e,f,2024-01-01\n2,a,b2,c2,d,e,f,2024-01-01\n3,a,b3,c3,d,e,f,2024-01-01\n"},
	{"in/2.csv", "2,a,b2,c2,d,E,f,2024-01-02\n4,a,b4,c4,d,e,f,2024-01-02\n99,a,b9,c9,d,e,f,2024-01-02\n"},
	{"in/3.csv", "5,a,b,c,d,e,F,2024-01-03\n6,a,b6,c,d,e,f,2024-01-04\n"},
	{"in/1.csv", "1,a,b,c,d,e,f,2024-01-01\n3,a,b3,c3,d,e,G,2024-01-01\n"},
}

// namedRuns makes the pipeline with columns of these names, and returns its rows
// after each day.
func namedRuns(t *testing.T, names []string) string {
	f := newFixture(t)
	members := "'id': 1000 - CAST(id AS BIGINT), 'seen': 'x', 'valid_from': 'y'"
	for i := range names {
		members += fmt.Sprintf(", '%s': $%d", names[i], i+1)
	}
	var structs []string
	for i := range names {
		structs = append(structs, fmt.Sprintf("{'of': $%d, %s} AS $%d", i+1, members, i+1))
	}
	fill := []string{"$structs", ""}
	for i, name := range names {
		fill = append(fill, fmt.Sprintf("$%d", i+1), name)
	}
	fill[1] = strings.NewReplacer(fill[2:]...).Replace(strings.Join(structs, ", "))
	r := strings.NewReplacer(fill...)
	for name, text := range named {
		f.put(name, r.Replace(text))
	}
	var out strings.Builder
	for n, day := range namedDays {
		f.put(day.file, r.Replace("id,$1,$2,$3,$4,$5,$6,seen\n")+day.rows)
		rec := f.run()
		if rec.Outcome != "published" {
			t.Fatalf("columns %v, day %d: %s: %s", names, n, rec.Outcome, rec.Message)
		}
		for _, l := range rec.Layers {
			for _, table := range l.Tables {
				fmt.Fprintf(&out, "day %d %s: %+v\n", n, table.Name, table.Counts)
			}
		}
		of := r.Replace("id, $1['of'], $2['of'], $3['of'], $4['of'], $5['of'], $6['of']")
		for _, table := range []string{"silver/lines", "silver/latest", "silver/pairs"} {
			fmt.Fprintf(&out, "%s\n%s", table, f.rows(table, of))
		}
		fmt.Fprintf(&out, "plain\n%s", f.rows("silver/plain", r.Replace("id, $1, $2, $3, $4, $5, $6")))
		fmt.Fprintf(&out, "past\n%s", f.rows("silver/past", r.Replace("$1['of'], $2['of'], $3['of'], $4['of'], $5['of'], $6['of'], valid_from, valid_to, is_current")))
		if n > 0 {
			fmt.Fprintf(&out, "quarantine\n%s", f.rows("quarantine/silver/latest", of))
		}
	}
	return out.String()
}

// TestColumnsNamedAsAliases: columns may have any short name, and be structs with
// members that are called as other columns are.
func TestColumnsNamedAsAliases(t *testing.T) {
	want := namedRuns(t, []string{"c1", "c2", "c3", "c4", "c5", "c6"})
	for _, names := range [][]string{{"n", "t", "k", "o", "m", "q"}, {"u", "r", "c", "p", "f", "s"}} {
		if got := namedRuns(t, names); got != want {
			t.Errorf("columns %v:\n%swant\n%s", names, got, want)
		}
	}
}
