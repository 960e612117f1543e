# METADATA
# title: A column may be null that others count on
# description: >-
#   A required column may be null from now on, though it is part of a key, or a reader's suite demands a value in it.
# custom:
#   id: DQ-S006
#   when: change
#   severity: warn
#   category: breaking
#   remediation: Keep it required and quarantine the rows without a value, or have the readers say what a null means.
#   why: >-
#     A key that is null matches nothing, not even itself: its rows are lost in joins and doubled by merges. A reader's
#     gate that demands a value closes on the first null, far from where it began.
#   avoid: |
#     columns:
#       order_id: {type: string}   # was key: true
#   prefer: |
#     columns:
#       order_id: {type: string, key: true, on_fail: quarantine}
#   configuration: "None."
package dq.policy.s006

import data.dq.lib

findings contains finding if {
	some d in lib.changes(["column_nullability_changed"])
	d.to == true
	some reason in reasons(d.path)
	finding := {
		"path": d.path,
		"diff_id": d.id,
		"msg": sprintf("column %s may be null from now on, but %s", [d.path, reason]),
		"evidence": {"demanded_by": demanding(d.path)},
	}
}

reasons(path) := array.concat(
	["it is part of the key" | path in keys],
	[sprintf("a value is demanded by %s", [lib.listed(demanding(path))]) | count(demanding(path)) > 0],
)

keys := ({k | some k in input.new.primary_key} | {k | some k in input.old.primary_key}) | {k | some k in input.table.scd.keys}

demanding(path) := [r.id | some r in input.downstream; path in r.not_null]
