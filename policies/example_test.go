package policies_test

import (
	"context"
	"fmt"
	"time"

	"github.com/dq-dev/dq/policies"
	"github.com/dq-dev/dq/table"
)

func ExampleBundle_Decide() {
	ctx := context.Background()
	bundle, err := policies.Load(ctx, policies.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	text := table.Type{Kind: table.String}
	old := &policies.Shape{Columns: policies.Columns(table.Schema{Fields: []table.Field{{Name: "sku", Type: text}, {Name: "price", Type: text}}})}
	next := &policies.Shape{Columns: policies.Columns(table.Schema{Fields: []table.Field{{Name: "sku", Type: text}}})}

	ruling, err := bundle.Decide(ctx, policies.Input{
		Time:  time.Date(2026, 10, 1, 6, 0, 0, 0, time.UTC),
		Env:   "prod",
		Op:    "plan",
		Table: policies.Table{Name: "silver.prices", Layer: "silver", Owner: "sales"},
		Old:   old,
		New:   next,
		Diff:  policies.Diff(old, next, []table.Change{{Op: "column_dropped", Path: "price"}}),
		Downstream: []policies.Downstream{
			{ID: "gold.revenue", Kind: "table", Layer: "gold", Columns: []string{"price"}, Depth: 1},
		},
	})
	if err != nil {
		fmt.Println(err) // could not be evaluated: nothing may go ahead
		return
	}
	for _, d := range ruling.Decisions {
		if d.Effect == "deny" {
			fmt.Println(d.Policy, d.Message)
		}
	}
	// Output:
	// DQ-S001 column price is dropped, but read by gold.revenue (depth 1)
	// DQ-S002 column price is dropped, but was never deprecated
	// DQ-S007 column price is dropped, but the table has no column mapping and is not written anew
	// DQ-O003 nobody but who made it agreed to a change that breaks readers of silver.prices: column_dropped price
}
