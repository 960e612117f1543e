package dq.policy.p001_test

import data.dq.fixture_test as fixture
import data.dq.policy.p001

column(more) := fixture.change([], {"new": {"columns": [object.union({"path": "email", "type": "string", "tags": {"pii.email": ""}}, more)]}})

messages := {f.msg | some f in p001.findings}

test_fires_without_anything if {
	messages == {"column email is personal data (pii.email) without legal basis, purpose, retention"} with input as column({})
	messages == {"column email is personal data (pii, pii.email) without legal basis, purpose, retention"} with input as column({"tags": {"pii": ""}})
}

test_fires_on_what_is_missing if {
	messages == {"column email is personal data (pii.email) without legal basis"} with input as column({"purpose": "billing", "retention_days": 30})
}

test_silent_when_all_is_said if {
	count(p001.findings) == 0 with input as column({"purpose": "billing", "legal_basis": "contract", "retention_days": 30})
	count(p001.findings) == 0 with input as column({"tags": {"purpose": "billing", "legal_basis": "contract", "retention": "30d"}})
}

test_silent_when_the_table_says_it if {
	table := {"table": {"name": "silver.a", "layer": "silver", "retention_days": 30, "tags": {"purpose": "billing", "legal_basis": "contract"}}}
	count(p001.findings) == 0 with input as object.union(column({}), table)
}

test_silent_on_other_columns if {
	count(p001.findings) == 0 with input as fixture.change([], {"new": {"columns": [{"path": "a"}, {"path": "b", "tags": {"pii.none": "", "piix": ""}}]}})
}

test_waived if fixture.effects_waived("DQ-P001", column({})) == {"waived"}
