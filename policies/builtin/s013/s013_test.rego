package dq.policy.s013_test

import data.dq.fixture_test as fixture
import data.dq.policy.s013

change(layer, diff) := {
	"time": "2026-10-01T06:00:00Z",
	"env": "prod",
	"table": {"name": sprintf("%s.orders", [layer]), "layer": layer, "owner": "sales"},
	"new": {"columns": [{"path": "UnitPrice", "type": "string"}]},
	"diff": diff,
	"downstream": [],
	"consumers_by_column": {},
}

dropped := {"id": "d1", "op": "column_dropped", "path": "Price"}

added := {"id": "d2", "op": "column_added", "path": "UnitPrice"}

test_fires_on_a_missing_column if {
	some f in s013.findings with input as change("bronze", [dropped])
	f.msg == "column Price of the source of bronze.orders is missing"
}

test_fires_on_a_renamed_column if {
	some f in s013.findings with input as change("bronze", [dropped, added])
	f.msg == "column Price of the source of bronze.orders is missing; new in it: UnitPrice"
	some g in s013.findings with input as change("bronze", [{"id": "d1", "op": "column_renamed", "path": "UnitPrice", "from": "Price", "to": "UnitPrice"}])
	g.msg == "column Price of the source of bronze.orders is renamed to UnitPrice"
}

test_quotes_names_with_blanks_around if {
	some f in s013.findings with input as change("bronze", [dropped, {"id": "d2", "op": "column_added", "path": " Price"}])
	f.msg == `column Price of the source of bronze.orders is missing; new in it: " Price"`
}

test_silent_on_an_added_column if {
	count(s013.findings) == 0 with input as change("bronze", [added])
}

test_silent_on_other_layers if {
	count(s013.findings) == 0 with input as change("silver", [dropped])
}

test_waived if fixture.effects_waived("DQ-S013", change("bronze", [dropped])) == {"waived"}
