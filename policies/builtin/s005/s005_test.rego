package dq.policy.s005_test

import data.dq.fixture_test as fixture
import data.dq.policy.s005

change(op, to, profile) := fixture.change([{"id": "d1", "op": "column_nullability_changed", "path": "id", "from": to == false, "to": to}], {"op": op, "profile": profile})

nulls(n) := {"rows": 10, "columns": {"id": {"null_count": n}}}

test_fires_on_nulls if {
	some f in s005.findings with input as change("plan", false, nulls(3))
	f.msg == "column id becomes required, but 3 of its values are null"
	f.diff_id == "d1"
}

test_fires_when_nobody_looked if {
	count(s005.findings) == 1 with input as change("commit", false, null)
}

test_silent_without_nulls if {
	count(s005.findings) == 0 with input as change("commit", false, nulls(0))
}

test_silent_before_the_data_are_read if {
	count(s005.findings) == 0 with input as change("plan", false, null)
}

test_silent_when_it_may_be_null_from_now_on if {
	count(s005.findings) == 0 with input as change("commit", true, null)
}

test_waived if fixture.effects_waived("DQ-S005", change("commit", false, nulls(3))) == {"waived"}
