package dq.policy.t002_test

import data.dq.fixture_test as fixture
import data.dq.policy.t002

properties(p) := {"columns": [], "properties": p}

change(name, from, to, more) := fixture.change(
	[{"id": "d1", "op": "property_changed", "path": name}],
	object.union({"old": properties({name: from}), "new": properties({name: to})}, more),
)

messages := {f.msg | some f in t002.findings}

retention := "delta.deletedFileRetentionDuration"

short := change(retention, "interval 30 days", "interval 1 hours", {})

read := {"downstream": [{"id": "gold.revenue", "kind": "table", "columns": [], "depth": 1}]}

test_fires_on_a_short_retention if {
	messages == {"delta.deletedFileRetentionDuration of silver.orders is interval 1 hours: at least 7 days are kept"} with input as short
	every time in ["interval 6 days", "interval 6 days 23 hours", "0 days", "soon", "interval 7 dayz", "interval 600000 milliseconds"] {
		count(messages) == 1 with input as change("delta.logRetentionDuration", "", time, {})
	}
}

test_fires_in_a_new_table if {
	document := fixture.change([{"id": "d1", "op": "table_created"}], {"old": null, "new": properties({retention: "interval 1 day"})})
	count(messages) == 1 with input as document
}

test_fires_when_append_only_is_lifted if {
	messages == {"delta.appendOnly of silver.orders is lifted: rows may be changed and deleted"} with input as change("delta.appendOnly", "true", "false", {})
}

test_fires_when_the_change_feed_ends if {
	messages == {"delta.enableChangeDataFeed of silver.orders is off, but the table is read by gold.revenue"} with input as change("delta.enableChangeDataFeed", "true", "", read)
}

test_silent_on_a_long_retention if {
	every time in ["interval 7 days", "interval 1 week", "interval 168 hours", "INTERVAL 6 days 24 hours", "30 days", ""] {
		count(messages) == 0 with input as change(retention, "", time, {})
	}
	count(messages) == 0 with input as short with data.dq.config.thresholds.file_retention_days as 0
}

test_silent_on_more_safety if {
	count(messages) == 0 with input as change("delta.appendOnly", "false", "true", {})
	count(messages) == 0 with input as change("delta.enableChangeDataFeed", "true", "false", {})
	count(messages) == 0 with input as fixture.change([], {"new": properties({retention: "interval 1 day"})})
}

test_waived if fixture.effects_waived("DQ-T002", short) == {"waived"}
