package dq.policy.s002_test

import data.dq.fixture_test as fixture
import data.dq.policy.s002

dropped(path, column) := fixture.change([{"id": "d1", "op": "column_dropped", "path": path}], {"old": {"columns": [object.union({"path": "amount"}, column)]}})

test_fires_when_it_was_never_deprecated if {
	some f in s002.findings with input as dropped("amount", {})
	f.msg == "column amount is dropped, but was never deprecated"
	some g in s002.findings with input as dropped("amount", {"deprecated_since": "soon"})
	g.msg == "column amount is dropped, but was never deprecated"
}

test_fires_too_early if {
	some f in s002.findings with input as dropped("amount", {"deprecated_since": "2026-09-20"})
	f.msg == "column amount is dropped, but deprecated since 2026-09-20 only, 11 of 30 days"
}

test_fires_on_a_table if {
	document := fixture.change([{"id": "d1", "op": "table_dropped"}], {"new": null})
	some f in s002.findings with input as document
	f.msg == "table silver.orders is dropped, but was never deprecated"
}

test_silent_when_the_time_is_over if {
	count(s002.findings) == 0 with input as dropped("amount", {"deprecated_since": "2026-09-01"})
	count(s002.findings) == 0 with input as dropped("amount.net", {"deprecated_since": "2026-09-01"})
}

test_silent_by_another_threshold if {
	count(s002.findings) == 0 with input as dropped("amount", {"deprecated_since": "2026-09-20"})
		with data.dq.config.thresholds.deprecation_days as 10
}

test_silent_on_a_told_table if {
	document := fixture.change([{"id": "d1", "op": "table_dropped"}], {"table": {"name": "silver.orders", "layer": "silver", "deprecated_since": "2026-01-01"}})
	count(s002.findings) == 0 with input as document
}

test_waived if fixture.effects_waived("DQ-S002", dropped("amount", {})) == {"waived"}
