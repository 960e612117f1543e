package dq.policy.o001_test

import data.dq.fixture_test as fixture
import data.dq.policy.o001

table(layer, owner) := {
	"time": "2026-10-01T06:00:00Z",
	"env": "prod",
	"table": {"name": sprintf("%s.orders", [layer]), "layer": layer, "owner": owner},
	"diff": [],
	"downstream": [],
	"consumers_by_column": {},
}

directory := {"sales": {"email": "sales@example.com"}}

test_fires_without_owner if {
	some f in o001.findings with input as table("gold", "")
	f.msg == "table gold.orders has no owner"
}

test_fires_on_an_unknown_owner if {
	some f in o001.findings with input as table("gold", "slaes") with data.dq.owners as directory
	f.msg == "owner slaes of gold.orders is not in the owners file"
	f.evidence.known == ["sales"]
}

test_silent_on_a_known_owner if {
	count(o001.findings) == 0 with input as table("gold", "sales") with data.dq.owners as directory
}

test_silent_without_directory if {
	count(o001.findings) == 0 with input as table("gold", "anybody") with data.dq.owners as null
}

test_severity_depends_on_the_layer if {
	fixture.effects("DQ-O001", table("bronze", "")) == {"warn"}
	fixture.effects("DQ-O001", table("gold", "")) == {"deny"}
}

test_waived if fixture.effects_waived("DQ-O001", table("gold", "")) == {"waived"}
