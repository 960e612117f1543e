package dq.policy.s010_test

import data.dq.policy.s010

change(op) := {
	"time": "2026-10-01T06:00:00Z",
	"env": "prod",
	"table": {"name": "silver.orders", "layer": "silver", "owner": "sales"},
	"diff": [{"id": "d1", "op": op, "from": ["invoice"], "to": ["invoice", "line"]}],
	"downstream": [],
	"consumers_by_column": {},
}

test_fires if {
	some f in s010.findings with input as change("primary_key_changed")
	f.msg == `the keys of silver.orders change from ["invoice"] to ["invoice", "line"]`
	f.evidence == {"from": ["invoice"], "to": ["invoice", "line"]}
}

test_silent_on_another_change if {
	count(s010.findings) == 0 with input as change("partitioning_changed")
}

test_waived if {
	some f in data.dq.main.findings with input as change("scd_changed")
		with data.dq.waivers as {"DQ-S010": [{
			"id": "w1", "policy": "DQ-S010", "table": "silver.orders", "paths": [], "env": [], "diff_ops": [],
			"created": "2026-09-20", "expires": "2026-10-31", "approved_by": ["lea"],
		}]}
	f.id == "DQ-S010"
	f.effect == "waived"
}
