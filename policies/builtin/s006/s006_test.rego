package dq.policy.s006_test

import data.dq.fixture_test as fixture
import data.dq.policy.s006

relaxed(more) := fixture.change([{"id": "d1", "op": "column_nullability_changed", "path": "id", "from": false, "to": true}], more)

readers := {"downstream": [
	{"id": "gold.a", "kind": "table", "columns": ["id"], "not_null": ["id"], "depth": 1},
	{"id": "gold.b", "kind": "table", "columns": ["id"], "depth": 1},
]}

test_fires_on_a_key if {
	every document in [
		relaxed({"new": {"columns": [], "primary_key": ["id"]}}),
		relaxed({"old": {"columns": [], "primary_key": ["id"]}}),
		relaxed({"table": {"name": "silver.orders", "layer": "silver", "scd": {"keys": ["id"], "tracked": []}}}),
	] {
		{f.msg | some f in s006.findings} == {"column id may be null from now on, but it is part of the key"} with input as document
	}
}

test_fires_on_readers_that_demand_a_value if {
	some f in s006.findings with input as relaxed(readers)
	f.msg == "column id may be null from now on, but a value is demanded by gold.a"
	f.evidence.demanded_by == ["gold.a"]
}

test_silent_when_nobody_counts_on_it if {
	count(s006.findings) == 0 with input as relaxed({})
}

test_silent_when_it_becomes_required if {
	document := fixture.change([{"id": "d1", "op": "column_nullability_changed", "path": "id", "from": true, "to": false}], readers)
	count(s006.findings) == 0 with input as document
}

test_warns if fixture.effects("DQ-S006", relaxed(readers)) == {"warn"}

test_waived if fixture.effects_waived("DQ-S006", relaxed(readers)) == {"waived"}
