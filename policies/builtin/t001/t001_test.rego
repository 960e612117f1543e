package dq.policy.t001_test

import data.dq.fixture_test as fixture
import data.dq.policy.t001

change(more) := fixture.change([{"id": "d1", "op": "partitioning_changed", "from": null, "to": ["year", "month"]}], more)

test_fires if {
	some f in t001.findings with input as change({})
	f.msg == "silver.orders is partitioned by year, month instead of nothing, but its rows are not written anew"
}

test_silent_when_all_is_written_anew if {
	count(t001.findings) == 0 with input as change({"rewrite": true})
}

test_silent_on_another_change if {
	count(t001.findings) == 0 with input as fixture.change([{"id": "d1", "op": "clustering_changed"}], {})
}

test_waived if fixture.effects_waived("DQ-T001", change({})) == {"waived"}
