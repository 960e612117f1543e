package record_test

import (
	"fmt"
	"strings"

	"github.com/dq-dev/dq/record"
)

// Read a run record and list what failed in it.
func Example() {
	kept := `{
	  "format": "dq.run/v1", "id": "20110101T080000Z-1a2b", "command": "run", "pipeline": "retail",
	  "verdict": "fail", "outcome": "refused",
	  "layers": [{"name": "silver", "verdict": "fail", "outcome": "refused", "tables": [{
	    "name": "silver.order_lines", "outcome": "refused", "version_before": 3, "version": null,
	    "check": {"format": "dq.check/v1", "verdict": "fail", "expectations": [
	      {"id": "quantity.not_null", "scope": "row", "verdict": "pass", "evaluated": 3108},
	      {"id": "amount_exact", "scope": "row", "verdict": "fail", "evaluated": 3108, "failed": 2,
	       "message": "2 of 3,108 rows failed amount == quantity * unit_price"}]}}]}]
	}`
	run, err := record.Read(strings.NewReader(kept))
	if err != nil {
		panic(err)
	}
	worst := record.Pass
	for _, layer := range run.Layers {
		for _, t := range layer.Tables {
			for _, e := range t.Check.Expectations {
				worst = record.Worst(worst, e.Verdict)
				if e.Verdict == record.Fail {
					fmt.Printf("%s: %s: %s\n", t.Name, e.ID, e.Message)
				}
			}
		}
	}
	fmt.Println(run.Outcome, worst == run.Verdict)
	// Output:
	// silver.order_lines: amount_exact: 2 of 3,108 rows failed amount == quantity * unit_price
	// refused true
}
