package dq.policy.s001_test

import data.dq.fixture_test as fixture
import data.dq.policy.s001

change(diff) := {
	"time": "2026-10-01T06:00:00Z",
	"env": "prod",
	"table": {"name": "silver.orders", "layer": "silver", "owner": "sales"},
	"new": {"columns": [{"path": "total", "type": "int64"}]},
	"diff": [diff],
	"downstream": [
		{"id": "gold.revenue", "kind": "table", "layer": "gold", "columns": ["amount"], "depth": 1},
		{"id": "gold.board", "kind": "dashboard", "columns": ["amount"], "depth": 2},
	],
	"consumers_by_column": {"amount": ["gold.revenue", "gold.board"]},
}

dropped(path) := change({"id": "d1", "op": "column_dropped", "path": path})

test_fires_on_a_drop if {
	some f in s001.findings with input as dropped("amount")
	f.path == "amount"
	f.msg == "column amount is dropped, but read by gold.revenue (depth 1), gold.board (depth 2)"
	[c.id | some c in f.evidence.consumers] == ["gold.revenue", "gold.board"]
}

test_fires_on_a_rename if {
	some f in s001.findings with input as change({"id": "d1", "op": "column_renamed", "path": "total", "from": "amount", "to": "total"})
	f.path == "amount"
	startswith(f.msg, "column amount is renamed to total, but read by gold.revenue")
}

test_fires_on_a_dropped_table if {
	some f in s001.findings with input as change({"id": "d1", "op": "table_dropped"})
	f.msg == "table silver.orders is dropped, but read by gold.revenue, gold.board"
	count(f.evidence.consumers) == 2
}

test_silent_when_nobody_reads_it if {
	count(s001.findings) == 0 with input as dropped("note")
}

test_silent_on_an_added_column if {
	count(s001.findings) == 0 with input as change({"id": "d1", "op": "column_added", "path": "amount"})
}

test_waived if fixture.effects_waived("DQ-S001", dropped("amount")) == {"waived"}
