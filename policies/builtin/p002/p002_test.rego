package dq.policy.p002_test

import data.dq.fixture_test as fixture
import data.dq.policy.p002

source := {"table": "silver.customers", "path": "email", "tags": {"pii.email": ""}, "type": "DIRECT", "transform": "IDENTITY"}

change(from, column) := fixture.change([], {
	"new": {"columns": [object.union({"path": "contact", "type": "string"}, column)]},
	"upstream_columns": {"contact": [object.union(source, from)]},
})

messages := {f.msg | some f in p002.findings}

copied := change({}, {})

untagged := {"column contact has the personal data of silver.customers.email as they are, but no pii tag"}

test_fires_on_a_copy_without_tag if {
	messages == untagged with input as copied
}

test_fires_on_a_copy_that_says_it_is_none if {
	messages == untagged with input as change({}, {"tags": {"pii.none": ""}})
	messages == untagged with input as change({"transform": "TRANSFORMATION"}, {})
}

test_fires_on_a_lower_class if {
	tagged := {"tags": {"pii.email": ""}}
	every class in ["public", "internal", ""] {
		document := change({"classification": "confidential"}, object.union(tagged, {"classification": class}))
		count(messages) == 1 with input as document
	}
	some msg in messages with input as change({"classification": "confidential"}, object.union(tagged, {"classification": "public"}))
	msg == "column contact has the personal data of silver.customers.email as they are, but is classified public, not confidential"
	some other in messages with input as change({"classification": "top_secret"}, tagged)
	endswith(other, "but is classified nowhere, not top_secret")
}

test_silent_on_the_same_tag_and_class if {
	count(messages) == 0 with input as change({"classification": "internal"}, {"tags": {"pii.phone": ""}, "classification": "restricted"})
	table := {"table": {"name": "silver.a", "layer": "silver", "classification": "internal"}}
	count(messages) == 0 with input as object.union(change({"classification": "internal"}, {"tags": {"pii.email": ""}}), table)
}

test_silent_on_what_is_masked_or_only_decides if {
	count(messages) == 0 with input as change({"masking": true}, {})
	count(messages) == 0 with input as change({"type": "INDIRECT"}, {})
}

test_silent_on_what_was_computed_and_is_none if {
	count(messages) == 0 with input as change({"transform": "AGGREGATION"}, {"tags": {"pii.none": ""}})
	count(messages) == 0 with input as change({"transform": "TRANSFORMATION"}, {"type": "bool"})
}

test_silent_on_other_sources if {
	document := fixture.change([], {"new": {"columns": [{"path": "contact", "type": "string"}]}, "upstream_columns": {"contact": [object.remove(source, ["tags"])]}})
	count(messages) == 0 with input as document
}

test_waived if fixture.effects_waived("DQ-P002", copied) == {"waived"}
