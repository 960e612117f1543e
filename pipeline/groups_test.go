package pipeline_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/dq-dev/dq/pipeline"
	"github.com/dq-dev/dq/record"
)

// TestRefusalsByGroup: a refusing rule with group_by may take half of each group,
// or what mostly bears, whatever other groups come with it.
func TestRefusalsByGroup(t *testing.T) {
	const head = "id,customer,city,seen,amount\n"
	row := func(id int, customer, city, amount string) string {
		return fmt.Sprintf("%d,%s,%s,2024-01-02 10:00:00+00,%s\n", id, customer, city, amount)
	}
	good := ""
	for i := range 10 {
		good += row(100+i, fmt.Sprint("c", i), "Rome", "1")
	}
	for name, c := range map[string]struct {
		rules, rows string
		rule        string // that closes the gate, "" if it stays open
		group       string
		rejected    string
	}{
		"half of a group":      {rules: "positive: {row: amount > 0, on_fail: quarantine, group_by: [city]}", rows: row(1, "x", "Oslo", "0") + row(2, "y", "Oslo", "1")},
		"most of a group":      {rules: "positive: {row: amount > 0, on_fail: quarantine, group_by: [city]}", rows: row(1, "x", "Oslo", "0") + row(2, "y", "Oslo", "-1") + row(3, "y", "Oslo", "1"), rule: "positive", group: `city = "Oslo" lost 2 of 3 rows`},
		"without group_by":     {rules: "positive: {row: amount > 0, on_fail: quarantine}", rows: row(1, "x", "Oslo", "0") + row(2, "y", "Oslo", "-1")},
		"dropped":              {rules: "positive: {row: amount > 0, on_fail: drop, group_by: [city]}", rows: row(1, "x", "Oslo", "0"), rule: "positive", group: `city = "Oslo" lost 1 of 1 row`},
		"null is the batch":    {rules: "positive: {row: amount > 0, on_fail: quarantine, group_by: [city]}", rows: row(1, "x", "", "0") + row(2, "y", "", "0")},
		"mostly":               {rules: "positive: {row: amount > 0, on_fail: quarantine, group_by: [city], mostly: 0.25}", rows: row(1, "x", "Oslo", "0") + row(2, "y", "Oslo", "0") + row(3, "y", "Oslo", "0") + row(4, "y", "Oslo", "1")},
		"mostly in scope":      {rules: "positive: {row: amount > 0, where: 'customer != \"z\"', on_fail: quarantine, group_by: [city], mostly: 0.6}", rows: row(1, "x", "Oslo", "0") + row(2, "y", "Oslo", "1") + row(3, "z", "Oslo", "1"), rule: "positive", group: `city = "Oslo" lost 1 of 3 rows; at least 60 % must pass`},
		"unique":               {rules: "once: {unique: [customer], on_fail: quarantine, group_by: [city]}", rows: row(1, "x", "Oslo", "1") + row(2, "x", "Oslo", "1") + row(3, "y", "Oslo", "1"), rule: "once", group: `city = "Oslo" lost 2 of 3 rows`},
		"references":           {rules: "known: {references: {column: amount, to: bronze.amounts.amount}, on_fail: quarantine, group_by: [city]}", rows: row(1, "x", "Oslo", "7"), rule: "known", group: `city = "Oslo" lost 1 of 1 row`},
		"several together":     {rules: "a: {row: amount != 5, on_fail: quarantine, group_by: [city]}\n  b: {row: amount != 6, on_fail: quarantine, group_by: [city]}", rows: row(1, "x", "Oslo", "5") + row(2, "y", "Oslo", "6") + row(3, "y", "Oslo", "1"), rule: "b", group: `city = "Oslo" lost 1 of 3 rows; together such rules took 2 of it`},
		"groups of two kinds":  {rules: "a: {row: amount != 5, on_fail: quarantine, group_by: [city]}\n  b: {row: amount != 6, on_fail: quarantine, group_by: [customer, city]}", rows: row(1, "x", "Oslo", "5") + row(2, "y", "Oslo", "6") + row(3, "x", "Oslo", "1"), rule: "b", group: `customer = "y", city = "Oslo" lost 1 of 1 row`},
		"a column without one": {rules: "a: {row: amount != 5, on_fail: quarantine, group_by: [town]}", rejected: `the table has no column "town"`},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.put("pipeline.yaml", `
version: 1
pipeline: shop
layers:
  bronze:
    tables:
      orders: {source: {files: 'in/*.csv'}}
      amounts: {source: {files: 'amounts.csv'}}
  silver:
    tables:
      orders: {mode: merge, keys: [id], incremental: bronze.orders}
`)
			f.put("amounts.csv", "amount\n1\n")
			f.put("suites/bronze/amounts.yaml", "version: 1\nowner: shop\ncolumns: {amount: {type: string, not_null: true}}\n")
			f.put("models/silver/orders.sql", "SELECT CAST(id AS BIGINT) AS id, customer, nullif(city, '') AS city, amount FROM bronze.orders")
			if !strings.Contains(c.rules, "known:") {
				f.put("models/silver/orders.sql", "SELECT CAST(id AS BIGINT) AS id, customer, nullif(city, '') AS city, CAST(amount AS BIGINT) AS amount FROM bronze.orders")
			}
			f.put("suites/silver/orders.yaml", "version: 1\nowner: shop\nexpectations:\n  "+c.rules+"\n")
			f.put("in/1.csv", head+good+c.rows)
			if c.rejected != "" {
				if _, err := f.try(pipeline.Options{}); err == nil || !strings.Contains(err.Error(), c.rejected) {
					t.Errorf("%v, want %s", err, c.rejected)
				}
				return
			}
			rec := f.run()
			silver := rec.Layers[1]
			if c.rule == "" {
				if silver.Outcome != "published" {
					t.Fatalf("silver is %s: %s", silver.Outcome, rec.Message)
				}
				return
			}
			if silver.Outcome != "refused" {
				t.Fatalf("silver is %s: %s", silver.Outcome, rec.Message)
			}
			for _, e := range silver.Tables[0].Check.Expectations {
				if e.ID != c.rule {
					continue
				}
				if e.Verdict != record.Fail || !strings.Contains(e.Message, c.group) {
					t.Errorf("%s %s: %s\nwant %s", e.ID, e.Verdict, e.Message, c.group)
				}
				if len(e.Groups) == 0 || e.Groups[0]["verdict"] != record.Fail {
					t.Errorf("groups %v", e.Groups)
				}
			}
		})
	}
}
