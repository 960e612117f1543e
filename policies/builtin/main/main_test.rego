package dq.main_test

import data.dq.main

# A change with one finding that denies: a gold table without owner.
change := {
	"time": "2026-10-01T06:00:00Z",
	"env": "prod",
	"table": {"name": "gold.orders", "layer": "gold", "owner": ""},
	"new": {"columns": []},
	"diff": [],
	"downstream": [],
	"consumers_by_column": {},
}

waiver(created, expires) := {"DQ-O001": [{
	"id": "w1", "policy": "DQ-O001", "table": "gold.*", "paths": [], "env": [], "diff_ops": [],
	"created": created, "expires": expires, "approved_by": ["lea"],
}]}

config(modes) := object.union(data.dq.config, {"modes": modes})

# answer is what main says of O001 and W001 together.
answer(waivers, modes) := got if {
	got := main.result with input as change
		with data.dq.waivers as waivers
		with data.dq.config as config(modes)
		with data.dq.catalog as object.filter(data.dq.catalog, ["o001", "w001"])
}

effects(waivers, modes) := {[f.id, f.effect] | some f in answer(waivers, modes).findings}

over := waiver("2026-08-01", "2026-09-30")

now := waiver("2026-08-01", "2026-10-20")

test_silent_before_the_first_day if {
	effects(waiver("2026-10-02", "2026-10-30"), []) == {["DQ-O001", "deny"]}
}

test_waived_by_the_first_of_several if {
	second := object.union(now["DQ-O001"][0], {"id": "w0"})
	some f in answer({"DQ-O001": [now["DQ-O001"][0], second]}, []).findings
	f.waiver.id == "w0"
}

test_a_waiver_covers_only_what_it_names if {
	w := now["DQ-O001"][0]
	every narrower in [{"table": "silver.*"}, {"paths": ["id"]}, {"env": ["dev"]}, {"diff_ops": ["column_dropped"]}] {
		effects({"DQ-O001": [object.union(w, narrower)]}, []) == {["DQ-O001", "deny"]}
	}
}

test_modes if {
	every mode, effect in {"enforce": "deny", "warn": "warn", "dry_run": "dry_run"} {
		effects({}, [{"mode": mode}]) == {["DQ-O001", effect]}
	}
	effects({}, [{"mode": "off"}]) == set()
}

test_the_last_mode_that_matches_holds if {
	modes := [{"mode": "off"}, {"table": "gold.**", "policy": "ownership", "layer": "gold", "env": "prod", "mode": "warn"}]
	effects({}, modes) == {["DQ-O001", "warn"]}
	every other in [{"table": "silver.*"}, {"policy": "DQ-S001"}, {"policy": "privacy"}, {"layer": "bronze"}, {"env": "dev"}] {
		effects({}, array.concat(modes, [object.union(other, {"mode": "off"})])) == {["DQ-O001", "warn"]}
	}
}

test_a_dry_run_needs_no_waiver if {
	effects(now, [{"mode": "dry_run"}]) == {["DQ-O001", "dry_run"]}
}

acme := {"id": "X", "title": "A title", "category": "quality", "when": "always", "severity": {"gold": "error", "default": "warn"}}

# judged of one policy of a user, that says f.
judged(f, layer) := got if {
	got := main.judged[0] with input as object.union(change, {"table": {"layer": layer}})
		with data.dq.catalog as {"o001": acme}
		with data.dq.policy.o001.findings as [f]
}

test_a_finding_without_words_is_kept if {
	judged({}, "gold") == {"id": "X", "severity": "error", "effect": "deny", "waiver": null}
}

test_a_finding_may_be_milder_than_its_policy if {
	judged({}, "gold").severity == "error"
	judged({"severity": "warn"}, "gold").severity == "warn"
	judged({"severity": "error"}, "silver").severity == "warn"
}

said(more) := {f.id | some f in got.findings} if {
	got := main.result with input as change
		with data.dq.config as object.union(data.dq.config, more)
		with data.dq.catalog as object.filter(data.dq.catalog, ["o001", "o002", "w001"])
}

test_only_what_is_used_speaks if {
	said({}) == {"DQ-O001", "DQ-O002"}
	said({"use": ["ownership"]}) == {"DQ-O001", "DQ-O002"}
	said({"use": ["DQ-O001", "privacy"]}) == {"DQ-O001"}
	said({"use": ["privacy"]}) == set()
	said({"except": ["DQ-O001"]}) == {"DQ-O002"}
	said({"except": ["ownership"]}) == set()
}
