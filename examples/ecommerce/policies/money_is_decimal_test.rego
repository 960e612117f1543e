package dq.policy.money_is_decimal_test

import data.dq.policy.money_is_decimal

table(type) := {
	"new": {"columns": [{"path": "unit_price", "type": type}, {"path": "quantity", "type": "double"}]},
	"diff": [{"id": "d1", "op": "column_type_changed", "path": "unit_price"}],
}

test_fires_on_a_float if {
	some f in money_is_decimal.findings with input as table("double")
	f == {"path": "unit_price", "diff_id": "d1", "msg": "column unit_price is a double"}
}

test_fires_on_what_is_neither_sales_nor_returns if {
	some f in money_is_decimal.findings with input as {"new": {"columns": [{"path": "other", "type": "double"}]}, "diff": []}
	f.path == "other"
}

test_silent_on_a_decimal if {
	count(money_is_decimal.findings) == 0 with input as table("decimal(12,3)")
}
