package dq.policy.amounts_test

import data.dq.policy.amounts

change(type) := {"table": {"name": "silver.orders"}, "new": {"columns": [{"path": "net_amount", "type": type}]}}

test_fires if {
	count(amounts.findings) == 1 with input as change("double")
}

test_wrong if {
	print("printed")
	count(amounts.findings) == 7 with input as change("double")
}

test_breaks if {
	to_number("x") == 1
}

todo_test_later if false
