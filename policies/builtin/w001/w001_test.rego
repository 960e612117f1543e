package dq.w001_test

import data.dq.main
import data.dq.main_test.answer
import data.dq.main_test.change
import data.dq.main_test.effects
import data.dq.main_test.now
import data.dq.main_test.over
import data.dq.main_test.waiver

test_fires_when_a_waiver_ended if {
	got := answer(over, [])
	{[f.id, f.effect] | some f in got.findings} == {["DQ-O001", "deny"], ["DQ-W001", "deny"]}
	got.allow == false
	some f in got.findings
	f.msg == "waiver w1 for DQ-O001 ended on 2026-09-30"
}

test_fires_when_a_waiver_is_used_up if {
	limited := {"DQ-O001": [object.union(now["DQ-O001"][0], {"max_uses": 2})]}
	got := main.result with input as object.union(change, {"used_up": ["w1"]})
		with data.dq.waivers as limited
		with data.dq.catalog as object.filter(data.dq.catalog, ["o001", "w001"])
	{[f.id, f.effect] | some f in got.findings} == {["DQ-O001", "deny"], ["DQ-W001", "deny"]}
	some f in got.findings
	f.msg == "waiver w1 for DQ-O001 is used up: it held for 2 of 2 versions"
}

test_silent_while_uses_are_left if {
	effects({"DQ-O001": [object.union(now["DQ-O001"][0], {"max_uses": 2})]}, []) == {["DQ-O001", "waived"]}
}

test_fires_no_harder_than_what_it_is_about if {
	effects(over, [{"policy": "DQ-O001", "mode": "warn"}]) == {["DQ-O001", "warn"], ["DQ-W001", "warn"]}
}

test_fires_on_a_waiver_that_is_too_wide if {
	got := main.result with input as object.union(change, {"table": {"name": "silver.t", "layer": "silver", "owner": "sales"}, "new": {"columns": [
	{"path": sprintf("c%d.email", [n]), "type": "string"} | some n in numbers.range(1, 11)]}})
		with data.dq.waivers as {"DQ-P004": [object.union(now["DQ-O001"][0], {"policy": "DQ-P004", "table": "silver.*"})]}
		with data.dq.catalog as object.filter(data.dq.catalog, ["p004", "w001"])
	some f in got.findings
	f.id == "DQ-W001"
	f.effect == "deny"
	f.msg == "waiver w1 is too wide: it lets 11 findings of DQ-P004 through and names no paths"
}

test_silent_on_the_last_day if {
	got := answer(waiver("2026-08-01", "2026-10-01"), [])
	{[f.id, f.effect] | some f in got.findings} == {["DQ-O001", "waived"]}
	got.allow
}

test_silent_when_an_expired_waiver_covers_nothing if {
	effects({"DQ-S001": over["DQ-O001"]}, []) == {["DQ-O001", "deny"]}
}

test_silent_when_another_waiver_covers_it if {
	effects({"DQ-O001": array.concat(over["DQ-O001"], now["DQ-O001"])}, []) == {["DQ-O001", "waived"]}
}

test_silent_when_it_is_switched_off if {
	effects(over, [{"policy": "DQ-W001", "mode": "off"}]) == {["DQ-O001", "deny"]}
}

test_waived_what_a_waiver_in_force_is_for if {
	answer(now, []).allow
	effects(now, []) == {["DQ-O001", "waived"]}
}
