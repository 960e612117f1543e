package dq.main_test

import data.dq.main

# A change with one finding that denies: a gold table without owner.
change := {
	"time": "2026-10-01T06:00:00Z",
	"env": "prod",
	"table": {"name": "gold.orders", "layer": "gold", "owner": ""},
	"diff": [],
	"downstream": [],
	"consumers_by_column": {},
}

waiver(created, expires) := {"DQ-O001": [{
	"id": "w1", "policy": "DQ-O001", "table": "gold.*", "paths": [], "env": [], "diff_ops": [],
	"created": created, "expires": expires, "approved_by": ["lea"],
}]}

effects := {[f.id, f.effect] | some f in main.findings}

test_fires_when_a_waiver_ended if {
	got := main.result with input as change with data.dq.waivers as waiver("2026-08-01", "2026-09-30")
	{[f.id, f.effect] | some f in got.findings} == {["DQ-O001", "deny"], ["DQ-W001", "warn"]}
	got.allow == false
	some f in got.findings
	f.msg == "waiver w1 for DQ-O001 ended on 2026-09-30"
}

test_silent_on_the_last_day if {
	got := main.result with input as change with data.dq.waivers as waiver("2026-08-01", "2026-10-01")
	{[f.id, f.effect] | some f in got.findings} == {["DQ-O001", "waived"]}
	got.allow
}

test_silent_before_the_first_day if {
	effects == {["DQ-O001", "deny"]} with input as change with data.dq.waivers as waiver("2026-10-02", "2026-10-30")
}

test_silent_when_an_expired_waiver_covers_nothing if {
	effects == {["DQ-O001", "deny"]} with input as change
		with data.dq.waivers as {"DQ-S001": waiver("2026-08-01", "2026-09-30")["DQ-O001"]}
}

test_waived_by_the_first_of_several if {
	second := object.union(waiver("2026-08-01", "2026-10-20")["DQ-O001"][0], {"id": "w0"})
	some f in main.findings with input as change
		with data.dq.waivers as {"DQ-O001": [waiver("2026-08-01", "2026-10-20")["DQ-O001"][0], second]}
	f.waiver.id == "w0"
}

test_a_waiver_covers_only_what_it_names if {
	w := waiver("2026-08-01", "2026-10-20")["DQ-O001"][0]
	every narrower in [{"table": "silver.*"}, {"paths": ["id"]}, {"env": ["dev"]}, {"diff_ops": ["column_dropped"]}] {
		effects == {["DQ-O001", "deny"]} with input as change with data.dq.waivers as {"DQ-O001": [object.union(w, narrower)]}
	}
}

test_modes if {
	every mode, effect in {"enforce": "deny", "warn": "warn", "dry_run": "dry_run"} {
		effects == {["DQ-O001", effect]} with input as change with data.dq.config as {"modes": [{"mode": mode}]}
	}
	effects == set() with input as change with data.dq.config as {"modes": [{"mode": "off"}]}
}

test_the_last_mode_that_matches_holds if {
	modes := [{"mode": "off"}, {"table": "gold.**", "policy": "DQ-O001", "layer": "gold", "env": "prod", "mode": "warn"}]
	effects == {["DQ-O001", "warn"]} with input as change with data.dq.config as {"modes": modes}
	every other in [{"table": "silver.*"}, {"policy": "DQ-S001"}, {"layer": "bronze"}, {"env": "dev"}] {
		effects == {["DQ-O001", "warn"]} with input as change
			with data.dq.config as {"modes": array.concat(modes, [object.union(other, {"mode": "off"})])}
	}
}

test_a_dry_run_needs_no_waiver if {
	effects == {["DQ-O001", "dry_run"]} with input as change
		with data.dq.waivers as waiver("2026-08-01", "2026-10-20")
		with data.dq.config as {"modes": [{"mode": "dry_run"}]}
}

test_a_finding_without_words_is_kept if {
	got := main.judged({"id": "X", "title": "A title", "severity": {"default": "error"}}, {}, "enforce") with input as change
	got.msg == "A title"
	got.effect == "deny"
}
