package dq.policy.s010_test

import data.dq.fixture_test as fixture
import data.dq.policy.s010

change(op, from, to) := fixture.change([{"id": "d1", "op": op, "from": from, "to": to}], {})

keys := change("primary_key_changed", ["invoice"], ["invoice", "line"])

scd(keys, tracked) := {"keys": keys, "tracked": tracked}

test_fires if {
	some f in s010.findings with input as keys
	f.msg == `the keys of silver.orders change from ["invoice"] to ["invoice", "line"]`
	f.evidence == {"from": ["invoice"], "to": ["invoice", "line"]}
}

test_fires_on_the_keys_of_a_history if {
	some f in s010.findings with input as change("scd_changed", scd(["a"], []), scd(["b"], []))
	f.msg == `the history (SCD2) of silver.orders changes from ["a"] to ["b"]`
}

test_fires_when_history_is_no_longer_kept if {
	some f in s010.findings with input as fixture.change([{"id": "d1", "op": "scd_changed", "from": scd(["a"], [])}], {})
	f.msg == `the history (SCD2) of silver.orders changes from ["a"] to none`
}

test_silent_on_what_is_tracked if {
	count(s010.findings) == 0 with input as change("scd_changed", scd(["a"], ["x"]), scd(["a"], ["x", "y"]))
}

test_silent_on_another_change if {
	count(s010.findings) == 0 with input as change("partitioning_changed", ["a"], ["b"])
}

test_waived if fixture.effects_waived("DQ-S010", keys) == {"waived"}
