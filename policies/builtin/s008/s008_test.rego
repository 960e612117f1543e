package dq.policy.s008_test

import data.dq.fixture_test as fixture
import data.dq.policy.s008

violation := {"version": 3, "diff_id": "d1", "op": "column_dropped", "path": "amount", "breaks": ["backward"]}

change(diff, compat) := fixture.change(
	array.concat([{"id": "d1", "op": "column_dropped", "path": "amount"}], diff),
	object.union({"table": {"name": "silver.orders", "layer": "silver", "owner": "sales", "contract": {"version": "1.1.0", "compat": "full"}}}, compat),
)

broken := change([], {"compat": {"mode": "full", "violations": [violation]}})

test_fires_on_a_violation if {
	some f in s008.findings with input as broken
	f.msg == "column_dropped of amount breaks backward compatibility with version 3: the contract promises full"
	f.diff_id == "d1"
}

test_fires_on_one_without_column if {
	of_keys := {"version": 3, "op": "primary_key_changed", "breaks": ["backward", "forward"]}
	some f in s008.findings with input as change([], {"compat": {"mode": "full", "violations": [of_keys]}})
	f.msg == "primary_key_changed breaks backward and forward compatibility with version 3: the contract promises full"
}

test_fires_when_nobody_worked_it_out if {
	some f in s008.findings with input as change([], {"compat": null})
	f.msg == "the contract promises full compatibility, but nobody worked out whether it holds"
}

test_silent_when_the_mode_holds if {
	count(s008.findings) == 0 with input as change([], {"compat": {"mode": "full", "violations": []}})
}

test_silent_without_contract if {
	count(s008.findings) == 0 with input as fixture.change([{"id": "d1", "op": "column_dropped", "path": "amount"}], {})
}

test_silent_on_a_new_major_version if {
	major := {"id": "d2", "op": "contract_version_changed", "from": "1.1.0", "to": "2.0.0"}
	count(s008.findings) == 0 with input as change([major], {"compat": {"mode": "full", "violations": [violation]}})
}

test_waived if fixture.effects_waived("DQ-S008", broken) == {"waived"}
