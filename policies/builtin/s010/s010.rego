# METADATA
# title: The keys of a table change
# description: >-
#   Rows are no longer told apart as they were: merges, slowly changing dimensions and
#   surrogate keys that were made before no longer fit. That a dimension tracks more or fewer columns is no finding;
#   that it begins or ends to keep history is.
# custom:
#   id: DQ-S010
#   when: change
#   severity: error
#   category: breaking
#   remediation: Publish the table under a new name, or rebuild it and what refers to it with a full refresh.
#   why: >-
#     A merge finds its rows by the key, and so does whoever joins the table. With another key the old rows are never
#     found again: they stay beside the new ones, and sums double.
#   avoid: |
#     orders: {mode: merge, keys: [invoice, line]}   # was keys: [invoice]
#   prefer: |
#     order_lines: {mode: merge, keys: [invoice, line]}   # beside orders, until its readers have moved
#   configuration: "None."
package dq.policy.s010

import data.dq.lib

findings contains finding if {
	some d in lib.changes(["primary_key_changed", "scd_changed"])
	keys_differ(d)
	finding := {
		"diff_id": d.id,
		"msg": sprintf("%s of %s %s from %s to %s", [what(d)[0], input.table.name, what(d)[1], shown(d, "from"), shown(d, "to")]),
		"evidence": object.filter(d, ["from", "to"]),
	}
}

what(d) := ["the keys", "change"] if d.op == "primary_key_changed"

what(d) := ["the history (SCD2)", "changes"] if d.op == "scd_changed"

keys_differ(d) if d.op == "primary_key_changed"

# What is tracked is no key.
keys_differ(d) if {
	d.op == "scd_changed"
	keys(d, "from") != keys(d, "to")
}

keys(d, side) := object.get(d, [side, "keys"], null)

shown(d, side) := sprintf("%v", [keys]) if {
	keys := object.get(d, [side, "keys"], object.get(d, side, null))
	is_array(keys)
} else := "none"
