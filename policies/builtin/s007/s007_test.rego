package dq.policy.s007_test

import data.dq.fixture_test as fixture
import data.dq.policy.s007

dropped(more) := fixture.change([{"id": "d1", "op": "column_dropped", "path": "amount"}], more)

test_fires_on_a_drop if {
	some f in s007.findings with input as dropped({})
	f.msg == "column amount is dropped, but the table has no column mapping and is not written anew"
}

test_fires_on_a_rename if {
	document := fixture.change(
		[{"id": "d1", "op": "column_renamed", "path": "total", "from": "amount", "to": "total"}],
		{"new": {"columns": [{"path": "total"}], "properties": {"delta.columnMapping.mode": "none"}}},
	)
	some f in s007.findings with input as document
	f.msg == "column amount is renamed to total, but the table has no column mapping and is not written anew"
}

test_silent_with_column_mapping if {
	count(s007.findings) == 0 with input as dropped({"new": {"columns": [], "properties": {"delta.columnMapping.mode": "name"}}})
	count(s007.findings) == 0 with input as dropped({"old": {"columns": [{"path": "amount", "id": "7"}]}})
}

test_silent_when_all_is_written_anew if {
	count(s007.findings) == 0 with input as dropped({"rewrite": true})
}

test_silent_on_sources if {
	count(s007.findings) == 0 with input as dropped({"table": {"name": "bronze.orders", "layer": "bronze"}})
}

test_waived if fixture.effects_waived("DQ-S007", dropped({})) == {"waived"}
