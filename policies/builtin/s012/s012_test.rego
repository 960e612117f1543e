package dq.policy.s012_test

import data.dq.fixture_test as fixture
import data.dq.policy.s012

change(op, history) := fixture.change([{"id": "d1", "op": op, "path": "amount"}], {"history": history})

version(n, day, breaking) := {"version": n, "at": sprintf("%sT06:00:00Z", [day]), "breaking": breaking}

three := [version(9, "2026-09-30", true), version(8, "2026-09-20", true), version(7, "2026-09-01", true)]

often := change("column_dropped", three)

test_fires_on_the_fourth if {
	some f in s012.findings with input as often
	f.msg == "this is breaking change 4 of silver.orders in 30 days"
	f.evidence.versions == [9, 8, 7]
	fixture.effects("DQ-S012", often) == {"warn"}
}

test_fires_by_another_threshold if {
	count(s012.findings) == 1 with input as change("column_dropped", []) with data.dq.config.thresholds.breaking_changes as 0
}

test_silent_on_the_third if {
	count(s012.findings) == 0 with input as change("column_dropped", [three[0], three[1], version(6, "2026-08-31", true), version(5, "2026-09-29", false)])
}

test_silent_without_history if {
	count(s012.findings) == 0 with input as change("column_dropped", [])
}

test_silent_when_this_change_breaks_nobody if {
	count(s012.findings) == 0 with input as change("column_added", three)
}

test_waived if fixture.effects_waived("DQ-S012", often) == {"waived"}
