package dq.policy.t004_test

import data.dq.fixture_test as fixture
import data.dq.policy.t004

change(op, d, profile) := fixture.change([object.union({"id": "d1", "path": "paid"}, d)], {"op": op, "profile": profile})

added := {"op": "constraint_added", "to": "amount >= 0"}

rows(n) := {"rows": 10, "columns": {}, "violations": {"paid": n}}

messages := {f.msg | some f in t004.findings}

test_fires_when_rows_break_it if {
	messages == {"constraint paid is demanded (amount >= 0), but 3 rows break it"} with input as change("commit", added, rows(3))
	messages == {"constraint paid is demanded (amount > 0), but 3 rows break it"} with input as change("plan", {"op": "constraint_changed", "to": "amount > 0"}, rows(3))
}

test_fires_when_nobody_counted if {
	every profile in [null, {"rows": 10, "columns": {}}] {
		messages == {"constraint paid is demanded (amount >= 0), but nobody counted the rows that break it"} with input as change("commit", added, profile)
	}
	fixture.effects("DQ-T004", change("commit", added, null)) == {"deny"}
}

test_fires_as_a_warning_when_it_is_dropped if {
	document := change("plan", {"op": "constraint_dropped", "from": "amount >= 0"}, null)
	messages == {"constraint paid is dropped (amount >= 0)"} with input as document
	fixture.effects("DQ-T004", document) == {"warn"}
}

test_silent_when_it_holds if {
	count(t004.findings) == 0 with input as change("commit", added, rows(0))
}

test_silent_before_the_data_are_read if {
	count(t004.findings) == 0 with input as change("plan", added, null)
}

test_waived if fixture.effects_waived("DQ-T004", change("commit", added, rows(3))) == {"waived"}
