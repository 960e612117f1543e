package pipeline_test

import (
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"testing"

	"github.com/dq-dev/dq/pipeline"
	"github.com/dq-dev/dq/record"
)

// TestTogetherSaysTheSame: a table of mode scd2 whose batches go on from the
// current intervals is, after every batch, the one whose histories are made anew
// from all observations, whatever comes late, twice, or is refused.
func TestTogetherSaysTheSame(t *testing.T) {
	const columns = "k, city, level, valid_from, valid_to, is_current, key"
	for name, c := range map[string]struct {
		options string
		rules   string
		late    bool // days come in any order, and in parts
		twice   bool // days come in two parts, the later after the earlier
		follows bool // most batches go on from what there is
	}{
		"days in order":  {options: ", ignore_null: true", follows: true},
		"late and again": {late: true},
		"in two parts":   {twice: true},
		"quarantine":     {rules: "expectations: {known: {row: 'city != \"c3\"', on_fail: quarantine, mostly: 0}}"},
		"drop, late":     {rules: "expectations: {known: {row: 'city != \"c3\"', on_fail: drop, mostly: 0}}", options: ", ignore_null: true", late: true},
	} {
		t.Run(name, func(t *testing.T) {
			rnd := rand.New(rand.NewSource(7))
			twins := map[string]*fixture{"": nil, ", together: [day]": nil}
			for together := range twins {
				f := newFixture(t)
				f.put("pipeline.yaml", `
version: 1
pipeline: shop
layers:
  bronze: {tables: {seen: {source: {files: 'days/*.csv'}}}}
  silver:
    tables:
      seen: {mode: append, incremental: bronze.seen}
      history: {mode: scd2, keys: [k], track: [city, level], effective: seen, surrogate: key, incremental: silver.seen`+c.options+together+`}
`)
				f.put("suites/bronze/seen.yaml", "version: 1\nowner: shop\ncolumns: {k: {not_null: true}}\n")
				f.put("suites/silver/seen.yaml", "version: 1\nowner: shop\ncolumns: {k: {not_null: true}}\n")
				rules := c.rules
				if rules == "" {
					rules = "columns: {k: {not_null: true}}"
				}
				f.put("suites/silver/history.yaml", "version: 1\nowner: shop\n"+rules+"\n")
				f.put("models/silver/seen.sql", "SELECT k, CAST(day AS DATE) AS day, CAST(seen AS TIMESTAMPTZ) AS seen, nullif(city, '') AS city, CAST(nullif(level, '') AS INTEGER) AS level FROM bronze.seen")
				f.put("models/silver/history.sql", "SELECT k, day, min(seen) AS seen, max(city) AS city, max(level) AS level FROM silver.seen GROUP BY k, day")
				twins[together] = f
			}
			days := rnd.Perm(9)
			if c.twice {
				days = []int{0, 0, 1, 1, 2, 2, 3, 3}
			}
			if !c.late {
				slices.Sort(days)
			}
			var followed int
			for batch, day := range days {
				var rows strings.Builder
				rows.WriteString("k,day,seen,city,level\n")
				some := []int{day}
				if c.late && batch > 0 && rnd.Intn(3) == 0 {
					some = append(some, days[rnd.Intn(batch)]) // part of a day that was there
				}
				for _, d := range some {
					for range 1 + rnd.Intn(8) {
						city, level := fmt.Sprint("c", rnd.Intn(4)), fmt.Sprint(rnd.Intn(2))
						if rnd.Intn(4) == 0 {
							city = ""
						}
						hour := rnd.Intn(12)
						if c.twice {
							hour += batch % 2 * 12
						}
						fmt.Fprintf(&rows, "k%d,2024-03-%02d,2024-03-%02d %02d:00:00+00,%s,%s\n", rnd.Intn(6), d+1, d+1, hour, city, level)
					}
				}
				got, counts := map[string]string{}, map[string]record.Counts{}
				for together, f := range twins {
					f.put(fmt.Sprintf("days/%02d.csv", batch+1), rows.String())
					rec, err := f.try(pipeline.Options{})
					if err != nil || rec.Outcome != "published" {
						t.Fatalf("batch %d: %v %s %s", batch, err, rec.Outcome, rec.Message)
					}
					got[together] = f.rows("silver/history", columns)
					counts[together] = rec.Layers[1].Tables[1].Counts
				}
				if got[""] != got[", together: [day]"] {
					t.Fatalf("after batch %d:\n%s\nmade anew:\n%s\nwith together:\n%s", batch, rows.String(), got[""], got[", together: [day]"])
				}
				if counts[", together: [day]"].Returned < counts[""].Returned {
					followed++
				}
			}
			if c.follows && followed < 5 || !c.follows && c.rules != "" && followed > 3 {
				t.Errorf("%d of %d batches went on from the current intervals", followed, len(days))
			}
		})
	}
}

// TestTogetherOfHistory: together names columns of the incremental table.
func TestTogetherOfHistory(t *testing.T) {
	f := newFixture(t)
	f.put("pipeline.yaml", strings.Replace(shop["pipeline.yaml"], "track: [city]", "together: [sen], track: [city]", 1))
	if _, err := f.try(pipeline.Options{}); err == nil || !strings.Contains(err.Error(), `together: silver.orders has no column "sen"; did you mean seen?`) {
		t.Error(err)
	}
}

// TestColumnsOfLookups: lookups name columns of the incremental table and of the other.
func TestColumnsOfLookups(t *testing.T) {
	for lookup, want := range map[string]string{
		"silver.customers: custmer":                  `lookups: silver.customers: silver.orders has no column "custmer"; did you mean customer?`,
		"silver.customers: amount":                   `lookups: silver.customers: silver.customers has no column "amount"`,
		"silver.customers: {on: customer, at: sean}": `lookups: silver.customers: silver.orders has no column "sean"; did you mean seen?`,
	} {
		f := newFixture(t)
		f.put("pipeline.yaml", strings.Replace(shop["pipeline.yaml"], "totals: {mode: overwrite}", "totals: {mode: merge, keys: [customer], incremental: silver.orders, lookups: {"+lookup+"}}", 1))
		f.put("models/gold/totals.sql", "SELECT o.customer, o.amount FROM silver.orders o JOIN silver.customers c USING (customer)")
		if _, err := f.try(pipeline.Options{}); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "pipeline.yaml:") {
			t.Errorf("%s: %v, want %s", lookup, err, want)
		}
	}
}
