package dq.policy.s004_test

import data.dq.fixture_test as fixture
import data.dq.policy.s004

widened(d, features, more) := fixture.change(
	[object.union({"id": "d1", "op": "column_type_changed", "path": "id", "from": "int32", "to": "int64", "class": "widening_lossless"}, d)],
	object.union({"new": {"columns": [], "protocol": {"reader": 3, "writer": 7, "features": features}}}, more),
)

readers(names) := {"table": {"name": "silver.orders", "layer": "silver", "owner": "sales", "declared_readers": names}}

messages := {f.msg | some f in s004.findings}

test_fires_without_type_widening if {
	messages == {"column id changes from int32 to int64: the files that are there keep the old type, and the table has no type widening"} with input as widened({}, [], {})
}

test_fires_where_it_does_not_help if {
	every d in [{"class": "widening_lossy", "from": "int64", "to": "double"}, {"from": "int8", "to": "float"}] {
		some msg in messages with input as widened(d, ["typeWidening"], {})
		endswith(msg, "type widening does not cover this")
	}
}

test_fires_on_readers_that_cannot if {
	document := widened({}, ["typeWidening"], readers(["delta@3.0", "delta@4.0", "notebook@7"]))
	messages == {
		"column id changes from int32 to int64: delta@3.0 cannot read widened types",
		"column id changes from int32 to int64: notebook@7 cannot read widened types",
	} with input as document
}

test_fires_as_a_warning_where_values_are_nearly_kept if {
	document := widened({"class": "widening_lossy", "from": "decimal(18,3)", "to": "double"}, [], {"rewrite": true})
	messages == {"column id changes from decimal(18,3) to double, which holds some values only nearly"} with input as document
	fixture.effects("DQ-S004", document) == {"warn"}
}

test_silent_on_readers_that_can if {
	document := widened({}, ["typeWidening"], readers(["delta@4.0", "board@2"]))
	count(s004.findings) == 0 with input as document with data.dq.config.readers.board as {"reader": 3, "features": ["typeWidening"]}
}

test_silent_when_all_is_written_anew if {
	count(s004.findings) == 0 with input as widened({}, [], {"rewrite": true})
}

test_silent_on_narrowing if {
	count(s004.findings) == 0 with input as widened({"class": "narrowing"}, [], {})
}

test_waived if fixture.effects_waived("DQ-S004", widened({}, [], {})) == {"waived"}
