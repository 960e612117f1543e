package dq.policy.q001_test

import data.dq.fixture_test as fixture
import data.dq.policy.q001

change(op, quality) := fixture.change([], {"op": op, "quality": quality})

messages := {f.msg | some f in q001.findings}

weakened(class) := fixture.change([{"id": "d1", "op": "suite_weakened", "path": "paid", "class": class}], {})

closed := object.union(change("commit", {"gate": "fail"}), {"quality": {"failed": ["paid"]}})

test_fires_on_a_closed_gate if {
	{[f.path, f.msg] | some f in q001.findings} == {["paid", "the gate of silver.orders failed: paid"]} with input as closed
	messages == {"the gate of silver.orders failed"} with input as change("plan", {"gate": "fail"})
}

test_fires_when_the_gate_never_ran if {
	every quality in [null, {"suite": "sha256:1", "gate": "not_run"}] {
		messages == {"the gate of silver.orders never ran for this version"} with input as change("commit", quality)
	}
	count(messages) == 1 with input as change("backfill", null)
}

test_fires_on_a_rule_that_is_gone_or_weaker if {
	every class in ["removed", "weakened", "changed"] {
		{f.path | some f in q001.findings} == {"paid"} with input as weakened(class)
		messages == {sprintf("expectation paid is %s, and nobody else agreed", [class])} with input as weakened(class)
		fixture.effects("DQ-Q001", weakened(class)) == {"deny"}
	}
	messages == {
		"expectation a is weakened, and nobody else agreed",
		"expectation b is removed, and nobody else agreed",
	} with input as change("commit", {"gate": "pass", "weakened": ["a"], "removed": ["b"]})
}

test_silent_when_somebody_agreed if {
	count(messages) == 0 with input as object.union(weakened("removed"), {"change": {"author": "ada", "approvals": [{"id": "lea", "at": "2026-09-30T12:00:00Z"}]}})
}

test_silent_on_an_open_gate if {
	count(messages) == 0 with input as change("commit", {"suite": "sha256:1", "gate": "pass"})
}

test_silent_without_suite if {
	count(messages) == 0 with input as object.union(fixture.change([], {}), {"quality": {"suite": "", "gate": "not_run"}})
}

test_silent_before_the_gate_has_spoken if {
	count(messages) == 0 with input as change("plan", null)
}

test_waived if fixture.effects_waived("DQ-Q001", closed) == {"waived"}

# A waiver for one expectation is for that alone.
test_waived_by_expectation if {
	two := object.union(change("commit", {"gate": "fail"}), {"quality": {"failed": ["paid", "sent"]}})
	fixture.effects_waived_at("DQ-Q001", "paid", two) == {["paid", "waived"], ["sent", "deny"]}
}

gone := fixture.change([{"id": "d1", "op": "suite_weakened", "path": "", "class": "unknown", "from": "_dq/declared/a/1.json"}], {})

test_fires_when_the_suite_before_is_not_known if {
	messages == {"what the version before demanded is not known, and nobody else agreed: _dq/declared/a/1.json is gone; restore it from a backup"} with input as gone
	count(messages) == 0 with input as object.union(gone, {"change": {"approvals": [{"id": "lea", "at": "2026-09-30T12:00:00Z"}]}})
}

test_fires_without_a_class if {
	messages == {"expectation a is weakened, and nobody else agreed"} with input as fixture.change([{"id": "d1", "op": "suite_weakened", "path": "a"}], {})
}
