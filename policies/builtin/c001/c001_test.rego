package dq.policy.c001_test

import data.dq.fixture_test as fixture
import data.dq.policy.c001

window(more) := object.union({"from": "2026-09-28", "to": "2026-10-01", "reason": "The quarter is closed."}, more)

added := fixture.change([{"id": "d1", "op": "column_added", "path": "a"}], {})

findings(w) := found if {
	found := c001.findings with input as added with data.dq.config.freeze as [w]
}

test_fires_inside if {
	every more in [{}, {"table": "silver.*"}, {"layer": "silver", "env": "prod"}, {"from": "2026-10-01"}] {
		{f.msg | some f in findings(window(more))} == {"silver.orders keeps its shape until 2026-10-01: The quarter is closed."}
	}
}

test_silent_outside if {
	every more in [{"to": "2026-09-30"}, {"from": "2026-10-02", "to": "2026-10-03"}, {"table": "gold.*"}, {"layer": "gold"}, {"env": "dev"}] {
		count(findings(window(more))) == 0
	}
}

test_silent_when_nothing_changes if {
	count(c001.findings) == 0 with input as fixture.change([], {}) with data.dq.config.freeze as [window({})]
}

test_waived if {
	fixture.effects_waived("DQ-C001", added) == {"waived"} with data.dq.config.freeze as [window({})]
}
