package dq.policy.s009_test

import data.dq.fixture_test as fixture
import data.dq.policy.s009

dropped := {"id": "d1", "op": "column_dropped", "path": "amount", "breaks": ["forward"]}

version(from, to) := said({"id": "d2", "op": "contract_version_changed", "from": from, "to": to})

# said is a change as it is written: without what is not there.
said(d) := {k: v | some k, v in d; v != null}

table(contract) := {"table": {"name": "silver.orders", "layer": "silver", "owner": "sales", "contract": contract}}

same := fixture.change([dropped], table({"version": "1.4.0"}))

messages := {f.msg | some f in s009.findings}

test_fires_when_the_version_stays if {
	messages == {"column_dropped amount breaks readers, but the contract stays at version 1.4.0"} with input as same
	fixture.effects("DQ-S009", same) == {"deny"}
}

test_fires_on_a_minor_version if {
	count(messages) == 1 with input as fixture.change([dropped, version("1.4.0", "1.5.0")], table({"version": "1.5.0"}))
	count(messages) == 1 with input as fixture.change([dropped, version("one", "two")], table({"version": "two"}))
}

test_fires_without_sunset if {
	every sunset in [{}, {"1.x": "2026-10-01"}, {"2.x": "2027-01-01"}] {
		document := fixture.change([dropped, version("1.4.0", "2.0.0")], table({"version": "2.0.0", "sunset": sunset}))
		messages == {"contract 2.0.0 follows 1.4.0, but nobody says until when 1.4.0 lives"} with input as document
	}
}

test_fires_as_a_warning_without_contract if {
	document := fixture.change([dropped], {})
	messages == {"silver.orders breaks readers (column_dropped amount), and has no contract whose version could say so"} with input as document
	fixture.effects("DQ-S009", document) == {"warn"}
}

test_fires_on_a_table_that_is_dropped_early if {
	document := fixture.change([{"id": "d1", "op": "table_dropped", "breaks": ["forward"]}], object.union(table({"version": "1.4.0"}), {"new": null}))
	messages == {"table_dropped breaks readers, but the contract stays at version 1.4.0"} with input as document
}

test_fires_as_a_warning_on_a_contract_without_version if {
	fixture.effects("DQ-S009", fixture.change([dropped], table({"version": "", "compat": "full"}))) == {"warn"}
}

sunset(path, from, to) := said({"id": sprintf("s-%s", [path]), "op": "sunset_changed", "path": path, "from": from, "to": to})

test_fires_when_the_contract_is_withdrawn if {
	withdrawn := fixture.change([version("1.4.0", null), sunset("1.x", "2027-01-01", null)], {})
	"contract 1.4.0 is withdrawn" in messages with input as withdrawn
	fixture.effects("DQ-S009", withdrawn) == {"deny"}
	messages == {"contract 2.0.0 is taken back to 1.9.0"} with input as fixture.change([version("2.0.0", "1.9.0")], table({"version": "1.9.0"}))
}

test_silent_when_the_contract_ends_as_announced if {
	count(messages) == 0 with input as fixture.change([version("1.4.0", null), sunset("1.x", "2026-10-01", null)], {})
}

test_fires_when_a_version_ends_early if {
	messages == {"version 1.x was to live until 2027-03-31, and now until 2026-12-31"} with input as fixture.change([sunset("1.x", "2027-03-31", "2026-12-31")], table({"version": "2.0.0"}))
	messages == {"version 1.x was to live until 2027-03-31, and now nobody says until when"} with input as fixture.change([sunset("1.x", "2027-03-31", null)], table({"version": "2.0.0"}))
}

test_silent_when_a_version_lives_longer if {
	every d in [sunset("1.x", "2027-03-31", "2027-06-30"), sunset("1.x", null, "2027-06-30"), sunset("1.x", "2026-09-30", null)] {
		count(messages) == 0 with input as fixture.change([d], table({"version": "2.0.0"}))
	}
}

test_silent_on_a_first_contract if {
	count(messages) == 0 with input as fixture.change([version(null, "1.0.0")], table({"version": "1.0.0"}))
}

test_silent_on_a_table_that_is_dropped_as_announced if {
	contract := {"version": "1.4.0", "sunset": {"1": "2026-09-30"}}
	document := fixture.change([{"id": "d1", "op": "table_dropped", "breaks": ["forward"]}], object.union(table(contract), {"new": null}))
	count(s009.findings) == 0 with input as document
}

test_silent_on_a_new_major_version if {
	every sunset in ["1.4.0", "1.4", "1.x", "1"] {
		document := fixture.change([dropped, version("1.4.0", "2.0.0")], table({"version": "2.0.0", "sunset": {sunset: "2027-01-01"}}))
		count(s009.findings) == 0 with input as document
	}
}

test_silent_when_nothing_breaks if {
	every d in [
		{"op": "column_added", "path": "x"},
		{"op": "column_type_changed", "path": "x", "class": "widening_lossless", "breaks": ["forward"]},
		{"op": "column_nullability_changed", "path": "x", "to": true, "breaks": ["forward"]},
	] {
		count(s009.findings) == 0 with input as fixture.change([object.union({"id": "d1"}, d)], table({"version": "1.4.0"}))
	}
}

test_waived if fixture.effects_waived("DQ-S009", same) == {"waived"}
