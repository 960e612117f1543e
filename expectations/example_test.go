package expectations_test

import (
	"fmt"

	"github.com/dq-dev/dq/expectations"
	"github.com/dq-dev/dq/table"
)

const suite = `version: 1
table: silver.orders
columns:
  order_id: {type: int64, key: true}
  status: {type: string, in_set: [new, paid, shipped]}
expectations:
  net_not_negative:
    row: net >= 0 || cancelled
    mostly: 0.999
    on_fail: quarantine
tests:
  - name: a refund may be negative
    rows: [{net: -1, cancelled: true}]
    expect: {net_not_negative: pass}
  - name: nothing else is new
    rows: [{order_id: 1, status: lost}]
    expect: {order_id.unique: pass, status.in_set: fail}
`

// A suite is tested by itself, and then compiled for the columns of a table.
func Example() {
	s, err := expectations.Parse("orders.yaml", []byte(suite), expectations.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range s.Test() {
		fmt.Println(r.Name, len(r.Failures) == 0)
	}
	_, err = s.Plan(table.Schema{Fields: []table.Field{
		{Name: "order_id", Type: table.Type{Kind: table.Int64}},
		{Name: "status", Type: table.Type{Kind: table.String}},
		{Name: "nett", Type: table.Type{Kind: table.Double}},
		{Name: "cancelled", Type: table.Type{Kind: table.Bool}},
	}}, nil)
	fmt.Println(err)
	// Output:
	// a refund may be negative true
	// nothing else is new true
	// orders.yaml:8:10: there is no column net; did you mean nett?
	//   8 |     row: net >= 0 || cancelled
	//     |          ^
}

func ExampleKinds() {
	for _, k := range expectations.Kinds() {
		if k.Name == "outside" {
			fmt.Println(k.Doc)
			for _, c := range k.Clauses {
				fmt.Println(c.If, c.CEL)
			}
		}
	}
	// Output:
	// The value lies below or above a range, whose bounds are excluded from it: they fail. NaN
	// fails.
	// [] $column < $min || $column > $max
}
