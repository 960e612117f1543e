package dq.lib_test

import data.dq.lib

many := [{"id": sprintf("gold.t%d", [n]), "depth": 2} | some n in numbers.range(10, 20)]

test_readers_in_order if {
	change := {
		"consumers_by_column": {"a": ["y", "x"]},
		"downstream": [{"id": "x", "depth": 2, "columns": ["a"]}, {"id": "y", "depth": 1}],
	}
	lib.readers("a") == [{"id": "y", "depth": 1}, {"id": "x", "depth": 2}] with input as change
	lib.reader_names("a") == "y (depth 1), x (depth 2)" with input as change
	lib.readers("b") == [] with input as change
}

test_listed_is_short if {
	lib.listed(["a", "b"]) == "a, b"
	lib.listed([r.id | some r in many]) == "gold.t10, gold.t11, gold.t12, gold.t13, gold.t14, gold.t15, gold.t16, gold.t17, gold.t18, gold.t19 and 1 more"
}

test_columns_of_a_new_table if {
	{} == lib.old_column with input as {"old": null}
}

renamed(diff) := {"diff": [object.union({"op": "column_renamed"}, diff)], "new": {"columns": [{"path": "b"}]}}

test_renames_however_they_are_written if {
	every diff in [
		{"path": "a", "from": "a", "to": "b"},
		{"path": "b", "from": "a", "to": "b"},
		{"path": "a", "to": "b"},
		{"path": "a", "from": {"name": "a"}, "to": "b"},
	] {
		{[g.path, g.how] | some g in lib.gone} == {["a", "renamed to b"]} with input as renamed(diff)
	}
}

test_odd_names_are_quoted if {
	lib.shown("Unit price") == "Unit price"
	lib.shown(" Quantity") == `" Quantity"`
	lib.shown("") == `""`
}

test_about_names_what_readers_know if {
	lib.about({"op": "column_renamed", "path": "b", "from": "a", "to": "b"}) == "a"
	lib.about({"op": "column_dropped", "path": "a"}) == "a"
	lib.about({"op": "table_dropped"}) == ""
}

test_breaking_is_what_takes_away if {
	diff := [
		{"id": "1", "op": "column_dropped", "breaks": ["forward"]},
		{"id": "2", "op": "column_type_changed", "class": "widening_lossy", "breaks": ["forward"]},
		{"id": "3", "op": "column_type_changed", "class": "widening_lossless", "breaks": ["forward"]},
		{"id": "4", "op": "column_nullability_changed", "breaks": ["forward"]},
		{"id": "5", "op": "constraint_dropped", "breaks": ["forward"]},
		{"id": "6", "op": "column_added", "breaks": ["backward"]},
		{"id": "7", "op": "column_added"},
		{"id": "8", "op": "table_renamed"},
		{"id": "9", "op": "column_type_changed"},
		{"id": "10", "op": "scd_changed", "breaks": ["forward"]},
	]
	[d.id | some d in lib.breaking] == ["1", "2", "8", "9", "10"] with input as {"diff": diff}
}

agreed(id, at) := {
	"time": "2026-10-01T06:00:00Z",
	"actor": {"id": "ci"},
	"change": {"author": "bob", "approvals": [{"id": id, "at": at}]},
}

test_approvers_have_a_name_of_their_own_and_agreed_before if {
	lib.approvers == {"lea"} with input as agreed(" lea ", "2026-10-01T06:00:00Z")
	every id in ["", " ", "bob", "BOB", " bob ", "CI"] {
		lib.approvers == set() with input as agreed(id, "2026-09-30T12:00:00Z")
	}
	every at in ["2026-10-01T06:00:01Z", "2028-11-01T12:00:00Z", "9999-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "", null, "2026-10-01T01:00:00-06:00"] {
		lib.approvers == set() with input as agreed("lea", at)
	}
}

test_nobody_agreed_without_approvals if {
	lib.approvers == set() with input as {"time": "2026-10-01T06:00:00Z"}
	lib.approvers == {"lea"} with input as {"time": "2026-10-01T06:00:00Z", "change": {"approvals": [{"id": "lea", "at": "2026-10-01T08:00:00+02:00"}]}}
}
