package dq.policy.t003_test

import data.dq.fixture_test as fixture
import data.dq.policy.t003

change(protocol, readers) := fixture.change(
	[{"id": "d1", "op": "protocol_changed"}],
	{"new": {"columns": [], "protocol": protocol}, "table": {"name": "silver.orders", "layer": "silver", "owner": "sales", "declared_readers": readers}},
)

vectors := {"reader": 3, "writer": 7, "features": ["deletionVectors", "rowTracking"], "reader_features": ["deletionVectors"]}

messages := {f.msg | some f in t003.findings}

test_fires_on_a_reader_that_does_not_know_a_feature if {
	document := change(vectors, ["delta@3.0", "board@2"])
	messages == {"board@2 can no longer read silver.orders: it does not know deletionVectors"} with input as document
		with data.dq.config.readers.board as {"reader": 2, "features": ["columnMapping"]}
}

test_fires_on_a_reader_that_nobody_knows if {
	messages == {"board@2 can no longer read silver.orders: it does not know what config.yaml says of it: nothing"} with input as change(vectors, ["board@2"])
}

test_fires_on_column_mapping_in_old_protocols if {
	document := change({"reader": 2, "writer": 5}, ["board@2"])
	messages == {"board@2 can no longer read silver.orders: it does not know columnMapping"} with input as document
		with data.dq.config.readers.board as {"reader": 1, "features": []}
}

test_silent_on_readers_that_know_it if {
	count(t003.findings) == 0 with input as change(vectors, ["delta@2.4", "delta@4.0"])
}

test_silent_on_what_only_writers_must_know if {
	count(t003.findings) == 0 with input as change({"reader": 1, "writer": 7, "features": ["rowTracking"]}, ["board@2"])
	count(t003.findings) == 0 with input as change({"reader": 1, "writer": 7, "features": ["rowTracking"]}, ["delta@2.4"])
}

test_silent_without_declared_readers if {
	count(t003.findings) == 0 with input as change(vectors, [])
}

test_waived if fixture.effects_waived("DQ-T003", change(vectors, ["board@2"])) == {"waived"}
