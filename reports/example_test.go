package reports_test

import (
	"os"

	"github.com/dq-dev/dq/record"
	"github.com/dq-dev/dq/reports"
)

// A check of one file, drawn for the terminal and for CI.
func Example() {
	run := &record.Run{
		Format: record.RunFormat, ID: "20260301T080000Z-1a2b", Command: "check", Verdict: record.Fail, Outcome: "checked", DurationMS: 120,
		Layers: []record.Layer{{Tables: []record.Table{{Name: "orders.csv", Outcome: "checked", Check: &record.Check{
			Verdict: record.Fail, Dataset: record.Dataset{Name: "orders.csv", Rows: 1000},
			Expectations: []record.Expectation{{
				ID: "amount.at_least", Scope: "row", Columns: []string{"amount"}, CEL: "amount >= 0.0", Verdict: record.Fail,
				Rows: 1000, Evaluated: 1000, Failed: 2, Position: "orders.yaml:7:14",
				Sample: []map[string]any{{"id": int64(17), "amount": "-3.50"}, {"id": int64(44), "amount": "-0.01"}},
			}},
		}}}}},
	}
	for _, format := range []string{"text", "github"} {
		if err := reports.Write(os.Stdout, format, run); err != nil {
			panic(err)
		}
	}
	// Output:
	// ✗ Check failed  orders.csv
	//   1 expectation judged: 1 fail.
	//   check 20260301T080000Z-1a2b · – · 120 ms · 1 expectation: 1 fail
	//
	//   table       outcome     rows
	//   orders.csv  ✗ checked  1,000
	//
	// FAILED
	//   ✗ amount.at_least
	//     orders.csv · orders.yaml:7:14
	//     2 of 1,000 rows bad (0.2 %)
	//     amount >= 0.0
	//       amount  id
	//       -3.50   17
	//       -0.01   44
	//
	// NEXT
	//   Start with amount.at_least of orders.csv (orders.yaml:7:14).
	//   Mend the rows shown, or the rule if it is the rule that is wrong, then check again.
	// ::error file=orders.yaml,line=7,col=14,title=amount.at_least of orders.csv::2 of 1,000 rows bad (0.2 %25)
}
