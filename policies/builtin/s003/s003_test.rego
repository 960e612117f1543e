package dq.policy.s003_test

import data.dq.fixture_test as fixture
import data.dq.policy.s003

change(class) := {
	"time": "2026-10-01T06:00:00Z",
	"env": "prod",
	"table": {"name": "silver.orders", "layer": "silver", "owner": "sales"},
	"old": {"columns": [{"path": "id", "type": "int64", "nullable": true}]},
	"new": {"columns": [{"path": "id", "type": "int32", "nullable": true}]},
	"diff": [{"id": "d1", "op": "column_type_changed", "path": "id", "class": class}],
	"downstream": [],
	"consumers_by_column": {},
}

test_fires_on_narrowing if {
	some f in s003.findings with input as change("narrowing")
	f.msg == "column id changes from int64 to int32, which is narrowing"
}

test_fires_on_an_incompatible_type if {
	count(s003.findings) == 1 with input as change("incompatible")
}

test_silent_on_widening if {
	count(s003.findings) == 0 with input as change("widening_lossless")
	count(s003.findings) == 0 with input as change("widening_lossy")
}

test_waived if fixture.effects_waived("DQ-S003", change("narrowing")) == {"waived"}
