package cel_test

import (
	"fmt"

	"github.com/dq-dev/dq/expectations/cel"
	"github.com/dq-dev/dq/table"
)

func Example() {
	schema := table.Schema{Fields: []table.Field{
		{Name: "quantity", Type: table.Type{Kind: table.Int64}},
		{Name: "unit_price", Type: table.Type{Kind: table.Decimal, Precision: 18, Scale: 3}},
	}}
	env, err := cel.NewEnv(schema, []cel.Let{{Name: "net", Source: "quantity * unit_price"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	rule, err := env.Row("net >= 0")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(rule.Canonical())
	fmt.Println(rule.Eval(map[string]any{"quantity": 3, "unit_price": "-0.5"}).Value)
	fmt.Println(rule.Eval(map[string]any{"quantity": 3}).Value)

	volume, err := env.Table("sum(net) > 1.5 && rows() >= 0.8 * previous(rows())", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, m := range volume.Metrics() {
		fmt.Println(m.Text, m.Type)
	}
	_, err = env.Row("qantity > 0 && net")
	fmt.Println(err)
	// Output:
	// quantity * unit_price >= 0
	// false
	// error
	// sum(quantity * unit_price) decimal(38,3)
	// rows() int64
	// previous(rows()) int64
	// 0: there is no column qantity; did you mean quantity?
	// 15: this is decimal, where a condition is needed
}
