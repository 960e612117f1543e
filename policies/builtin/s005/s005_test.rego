package dq.policy.s005_test

import data.dq.policy.s005

change(op, profile) := {
	"time": "2026-10-01T06:00:00Z",
	"env": "prod",
	"op": op,
	"table": {"name": "silver.orders", "layer": "silver", "owner": "sales"},
	"old": {"columns": [{"path": "id", "type": "int64", "nullable": true}]},
	"new": {"columns": [{"path": "id", "type": "int64", "nullable": false}]},
	"diff": [{"id": "d1", "op": "column_nullability_changed", "path": "id"}],
	"downstream": [],
	"consumers_by_column": {},
	"profile": profile,
}

nulls(n) := {"rows": 10, "columns": {"id": {"null_count": n}}}

test_fires_on_nulls if {
	some f in s005.findings with input as change("plan", nulls(3))
	f.msg == "column id becomes required, but 3 of its values are null"
	f.diff_id == "d1"
}

test_fires_when_nobody_looked if {
	count(s005.findings) == 1 with input as change("commit", null)
}

test_silent_without_nulls if {
	count(s005.findings) == 0 with input as change("commit", nulls(0))
}

test_silent_before_the_data_are_read if {
	count(s005.findings) == 0 with input as change("plan", null)
}

test_silent_when_it_was_required if {
	required := object.union(change("commit", null), {"old": {"columns": [{"path": "id", "type": "int64", "nullable": false}]}})
	count(s005.findings) == 0 with input as required
}

test_waived if {
	some f in data.dq.main.findings with input as change("plan", nulls(3))
		with data.dq.waivers as {"DQ-S005": [{
			"id": "w1", "policy": "DQ-S005", "table": "*.orders", "paths": ["id"], "env": [], "diff_ops": ["column_nullability_changed"],
			"created": "2026-09-20", "expires": "2026-10-31", "approved_by": ["lea"],
		}]}
	f.id == "DQ-S005"
	f.effect == "waived"
}
