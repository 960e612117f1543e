package dq.policy.p003_test

import data.dq.fixture_test as fixture
import data.dq.policy.p003

change(d, more) := fixture.change([object.union({"id": "d1", "path": "email"}, d)], more)

class(from, to) := {"op": "column_classification_changed", "from": from, "to": to}

tags(from, to) := {"op": "column_tags_changed", "from": from, "to": to}

approved(id) := {"change": {"author": "ada", "approvals": [{"id": id, "at": "2026-09-30T12:00:00Z"}]}, "actor": {"id": "ci", "kind": "ci"}}

lower := class("confidential", "internal")

messages := {f.msg | some f in p003.findings}

test_fires_on_a_lower_class if {
	messages == {"the class of column email is lowered from confidential to internal, and nobody of the group privacy agreed"} with input as change(lower, {})
	every d in [{"op": "column_classification_changed", "from": "internal"}, class("internal", null), class("secret", "restricted")] {
		count(messages) == 1 with input as change(d, {})
	}
}

test_fires_on_a_tag_that_goes if {
	messages == {"column email is no longer tagged pii.email, and nobody of the group privacy agreed"} with input as change(tags({"pii.email": ""}, {"pii.none": ""}), {})
	count(messages) == 1 with input as change({"op": "column_tags_changed", "from": {"pii.email": ""}}, {})
}

test_fires_when_the_wrong_people_agreed if {
	every id in ["max", "ada", "ci", "Ada ", "privacy"] {
		count(messages) == 1 with input as change(lower, approved(id)) with data.dq.config.groups as {"privacy": ["ada", "ci"]}
	}
}

test_silent_when_the_group_agreed if {
	count(messages) == 0 with input as change(lower, approved("lea")) with data.dq.config.groups as {"privacy": ["lea"]}
	count(messages) == 0 with input as change(lower, {"change": {"approvals": [{"id": "lea", "at": "2026-09-30T12:00:00Z"}]}}) with data.dq.config.groups as {"privacy": ["lea"]}
}

test_silent_on_more_protection if {
	every d in [class("public", "internal"), class(null, "internal"), tags({}, {"pii.email": ""}), tags({"pii": ""}, {"pii.email": ""}), tags(null, null)] {
		count(messages) == 0 with input as change(d, {})
	}
}

test_waived if fixture.effects_waived("DQ-P003", change(lower, {})) == {"waived"}
