package dq.policy.o003_test

import data.dq.fixture_test as fixture
import data.dq.policy.o003

dropped := {"id": "d1", "op": "column_dropped", "path": "amount", "breaks": ["forward"]}

change(approvals, more) := fixture.change([dropped], object.union({"change": {"author": "ada", "approvals": [{"id": id, "at": "2026-09-30T12:00:00Z"} | some id in approvals]}}, more))

alone := change([], {})

test_fires_without_approval if {
	some f in o003.findings with input as alone
	f.msg == "nobody but who made it agreed to a change that breaks readers of silver.orders: column_dropped amount"
	count(o003.findings) == 1 with input as fixture.change([dropped], {})
}

test_fires_when_the_author_approves if {
	count(o003.findings) == 1 with input as change(["ada"], {})
	count(o003.findings) == 1 with input as change(["lea"], {"actor": {"id": "lea", "kind": "human"}})
}

test_silent_with_another_approver if {
	count(o003.findings) == 0 with input as change(["ada", "lea"], {})
}

test_silent_elsewhere if {
	count(o003.findings) == 0 with input as change([], {"env": "dev"})
}

test_silent_when_nothing_breaks if {
	count(o003.findings) == 0 with input as fixture.change([{"id": "d1", "op": "column_added", "path": "a"}], {})
}

test_waived if fixture.effects_waived("DQ-O003", alone) == {"waived"}
