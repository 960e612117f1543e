package dq.policy.p005_test

import data.dq.fixture_test as fixture
import data.dq.policy.p005

change(env, tags, sources) := fixture.change([], {
	"env": env,
	"new": {"columns": [{"path": "email", "type": "string", "tags": tags}]},
	"upstream_columns": {"email": [object.union({"type": "DIRECT"}, s) | some s in sources]},
})

email := {"pii.email": ""}

open := change("dev", email, [])

test_fires_on_a_source if {
	some f in p005.findings with input as open
	f.msg == "column email holds personal data (pii.email), and is written to dev unmasked"
}

test_fires_when_a_part_is_not_masked if {
	count(p005.findings) == 1 with input as change("dev", email, [{"masking": true}, {"masking": false}])
	count(p005.findings) == 1 with input as change("test", email, [{}])
}

test_silent_when_it_is_masked if {
	count(p005.findings) == 0 with input as change("dev", email, [{"masking": true}])
	count(p005.findings) == 0 with input as change("dev", object.union(email, {"masked": ""}), [])
}

test_silent_in_production if {
	count(p005.findings) == 0 with input as change("prod", email, [])
}

test_silent_on_other_columns if {
	count(p005.findings) == 0 with input as change("dev", {"pii.none": ""}, [])
}

test_waived if fixture.effects_waived("DQ-P005", open) == {"waived"}
