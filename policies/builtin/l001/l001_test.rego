package dq.policy.l001_test

import data.dq.fixture_test as fixture
import data.dq.policy.l001

board := {"id": "board", "kind": "dashboard", "certified": true, "columns": ["amount"], "depth": 2}

change(d, more) := fixture.change([object.union({"id": "d1", "op": "column_dropped", "path": "amount", "breaks": ["forward"]}, d)], object.union(
	{"downstream": [board, {"id": "gold.x", "kind": "table", "columns": ["amount"], "depth": 1}], "consumers_by_column": {"amount": ["gold.x", "board"]}},
	more,
))

messages := {f.msg | some f in l001.findings}

hit := change({}, {})

test_fires_on_a_certified_reader if {
	messages == {"certified dashboard board is hit by column_dropped amount, and the change is not labelled notice"} with input as hit
	fixture.effects("DQ-L001", hit) == {"deny"}
}

test_fires_on_changes_of_the_whole_table if {
	every d in [{"op": "table_dropped", "path": ""}, {"op": "table_renamed", "path": "silver.x"}, {"op": "primary_key_changed", "path": ""}] {
		count(messages) == 1 with input as change(d, {})
	}
}

test_fires_as_a_warning_when_lineage_is_not_exact if {
	unsure := change({"path": "other"}, {"lineage": {"status": "conservative"}})
	messages == {"lineage of silver.orders is conservative: who else is hit cannot be shown"} with input as unsure
	fixture.effects("DQ-L001", unsure) == {"warn"}
	messages == {"lineage of silver.orders is missing: who else is hit cannot be shown"} with input as change({"path": "other"}, {"lineage": null})
}

test_silent_when_they_were_told if {
	count(messages) == 0 with input as change({}, {"change": {"labels": ["notice"]}})
}

test_silent_on_other_columns if {
	count(messages) == 0 with input as change({"path": "other"}, {})
}

test_silent_when_nothing_breaks if {
	count(messages) == 0 with input as change({"op": "column_added", "breaks": []}, {"lineage": {"status": "none"}})
}

test_waived if fixture.effects_waived("DQ-L001", hit) == {"waived"}
