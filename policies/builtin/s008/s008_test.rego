package dq.policy.s008_test

import data.dq.fixture_test as fixture
import data.dq.policy.s008

violation := {"version": 3, "diff_id": "d1", "op": "column_dropped", "path": "amount", "breaks": ["forward"]}

change(diff, compat) := fixture.change(
	array.concat([{"id": "d1", "op": "column_dropped", "path": "amount"}], diff),
	object.union({"table": {"name": "silver.orders", "layer": "silver", "owner": "sales", "contract": {"version": "1.1.0", "compat": "full"}}}, compat),
)

broken := change([], {"compat": {"mode": "full", "violations": [violation]}})

test_fires_on_a_violation if {
	some f in s008.findings with input as broken
	f.msg == "column_dropped of amount breaks forward compatibility with version 3: the contract promises full"
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

lowered(from, to) := change([{k: v | some k, v in {"id": "d2", "op": "compatibility_changed", "from": from, "to": to}; v != null}], {"compat": {"mode": "full", "violations": []}})

test_fires_when_less_is_promised if {
	every x in [["full", "backward"], ["backward", "forward"], ["full_transitive", "full"], ["forward_transitive", "backward_transitive"]] {
		{f.msg | some f in s008.findings} == {sprintf("the contract promised %s compatibility, and now %s only", x)} with input as lowered(x[0], x[1])
	}
	every to in [null, "none"] {
		{f.msg | some f in s008.findings} == {"the contract promised backward compatibility, and now none"} with input as lowered("backward", to)
	}
	fixture.effects("DQ-S008", lowered("full", "none")) == {"deny"}
}

test_silent_when_more_is_promised if {
	every x in [["backward", "full"], ["full", "full_transitive"], [null, "backward"], ["none", "forward"], ["backward", "backward_transitive"]] {
		count(s008.findings) == 0 with input as lowered(x[0], x[1])
	}
}

test_silent_when_less_is_promised_of_a_new_major_version if {
	major := {"id": "d3", "op": "contract_version_changed", "from": "1.1.0", "to": "2.0.0"}
	less := {"id": "d2", "op": "compatibility_changed", "from": "full", "to": "backward"}
	count(s008.findings) == 0 with input as change([less, major], {"compat": {"mode": "full", "violations": []}})
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
