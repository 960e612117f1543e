package dq.policy.s011_test

import data.dq.fixture_test as fixture
import data.dq.policy.s011

columns(names) := {"columns": [{"path": n, "type": "string"} | some n in names]}

added(layer, name, others) := fixture.change(
	[{"id": "d1", "op": "column_added", "path": name}],
	{"new": columns(array.concat(others, [name])), "table": {"name": sprintf("%s.orders", [layer]), "layer": layer, "owner": "sales"}},
)

messages := {f.msg | some f in s011.findings}

twice := added("silver", "total", ["Total", "id"])

test_fires_on_names_that_differ_in_case_only if {
	messages == {"columns Total and total differ in case only"} with input as twice
	messages == {"columns Total and total differ in case only"} with input as added("bronze", "total", ["Total"])
	fixture.effects("DQ-S011", twice) == {"deny"}
}

test_fires_on_other_spellings_as_a_warning if {
	every name in ["orderDate", "Order", "order-date", "order__date", "2nd", "a b"] {
		document := added("silver", name, [])
		fixture.effects("DQ-S011", document) == {"warn"}
	}
	messages == {`column " a" is not snake_case`} with input as added("silver", " a", [])
}

test_fires_on_reserved_words if {
	messages == {"column order is a word that SQL reserves"} with input as added("gold", "order", [])
	messages == {"column info.order is a word that SQL reserves"} with input as added("gold", "info.order", [])
	messages == {"column total is a word that SQL reserves"} with input as added("gold", "total", []) with data.dq.config.reserved_words as ["total"]
}

test_fires_on_all_columns_of_a_new_table if {
	document := fixture.change([{"id": "d1", "op": "table_created"}], {"old": null, "new": columns(["order", "ID", "total"])})
	{f.path | some f in s011.findings} == {"order", "ID"} with input as document
}

test_silent_on_snake_case if {
	every name in ["order_date", "_file", "iso_3166_1", "größe", "info.city"] {
		count(s011.findings) == 0 with input as added("silver", name, ["id"])
	}
}

test_silent_on_the_names_of_sources if {
	count(s011.findings) == 0 with input as added("bronze", "Unit Price", ["id"])
}

test_silent_on_names_that_were_there if {
	count(s011.findings) == 0 with input as added("silver", "total", ["Order"])
}

test_waived if fixture.effects_waived("DQ-S011", twice) == {"waived"}
